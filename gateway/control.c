/*
 * Requests and answers on the control socket: see control.h.
 */

#include "control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "log.h"
#include "mem.h"

#define WORDS_MAX 3

struct word {
	const char *ptr;
	size_t len;
};

static const struct {
	const char *name;
	size_t least, most; /* arguments */
} commands[] = {
	[CONTROL_STATUS] = { "status", 0, 0 },
	[CONTROL_SESSIONS] = { "sessions", 0, 0 },
	[CONTROL_KILL] = { "kill", 1, 1 },
	[CONTROL_BACKENDS] = { "backends", 0, 0 },
	[CONTROL_DRAIN] = { "drain", 1, 1 },
	[CONTROL_ENABLE] = { "enable", 1, 1 },
	[CONTROL_PAUSE] = { "pause", 1, 1 },
	[CONTROL_RESUME] = { "resume", 1, 1 },
	[CONTROL_LOG] = { "log", 1, 1 },
	[CONTROL_TRANSCRIPT] = { "transcript", 1, 2 },
	[CONTROL_RELOAD] = { "reload", 0, 0 },
};

static const char *const kinds[] = {
	[CONTROL_ROW] = "row",
	[CONTROL_NOTE] = "note",
	[CONTROL_END] = "end",
};

/* Requests. */

/* Words with one blank between them; false if that is not what it is. */
static bool
split(const char *line, size_t len, struct word *words, size_t *count_r)
{
	size_t i, count = 0, begin = 0;

	for (i = 0; i <= len; i++) {
		if (i < len && line[i] > ' ' && line[i] <= '~')
			continue;
		if ((i < len && line[i] != ' ') || i == begin ||
		    count == WORDS_MAX)
			return false;
		words[count].ptr = line + begin;
		words[count++].len = i - begin;
		begin = i + 1;
	}
	*count_r = count;
	return true;
}

static bool
is(const struct word *w, const char *text)
{
	return w->len == strlen(text) && memcmp(w->ptr, text, w->len) == 0;
}

static bool
take_level(const struct word *w, struct control_request *r)
{
	static const char *const levels[] = {
		[LEVEL_ERROR] = "error",
		[LEVEL_WARN] = "warn",
		[LEVEL_INFO] = "info",
		[LEVEL_DEBUG] = "debug",
	};
	size_t i;

	r->level = -1;
	for (i = 0; i < nitems(levels); i++)
		if (is(w, levels[i]))
			r->level = (int)i;
	return r->level != -1 || is(w, "configured");
}

static bool
take_seconds(const struct word *w, struct control_request *r)
{
	size_t i;

	r->seconds = 0;
	for (i = 0; i < w->len; i++) {
		if (w->ptr[i] < '0' || w->ptr[i] > '9')
			return false;
		r->seconds = r->seconds * 10 + (w->ptr[i] - '0');
		if (r->seconds > CONTROL_SECONDS_MAX)
			return false;
	}
	return true;
}

static bool
take_arguments(const struct word *words, size_t count,
    struct control_request *r, const char **why_r)
{
	if (count == 0)
		return true;
	memcpy(r->name, words[0].ptr, words[0].len);
	r->name[words[0].len] = '\0';
	if (r->command == CONTROL_LOG) {
		*why_r = "no level: error, warn, info, debug or configured";
		return take_level(&words[0], r);
	}
	if (r->command == CONTROL_TRANSCRIPT) {
		r->seconds = CONTROL_SECONDS;
		if (net_prefix_parse(r->name, &r->who, why_r) == -1)
			return false;
		*why_r = "not a number of seconds, 86400 at most";
		return count == 1 || take_seconds(&words[1], r);
	}
	return true;
}

bool
control_parse(
    const char *line, size_t len, struct control_request *r, const char **why_r)
{
	struct word words[WORDS_MAX];
	size_t i, count;

	memset(r, 0, sizeof(*r));
	*why_r = "not a request";
	if (len >= CONTROL_LINE_MAX || !split(line, len, words, &count))
		return false;
	for (i = 0; i < nitems(commands); i++)
		if (is(&words[0], commands[i].name))
			break;
	*why_r = "no such command";
	if (i == nitems(commands))
		return false;
	r->command = (enum control_command)i;
	*why_r = "too few or too many arguments";
	if (count - 1 < commands[i].least || count - 1 > commands[i].most)
		return false;
	return take_arguments(words + 1, count - 1, r, why_r);
}

/* Answers. */

static void
append(struct control_text *t, const char *text, size_t len)
{
	if (t->size - t->len < len) {
		t->size = 2 * t->size + len + 256;
		t->text = xrealloc(t->text, t->size);
	}
	memcpy(t->text + t->len, text, len);
	t->len += len;
}

void
control_text_free(struct control_text *t)
{
	free(t->text);
	memset(t, 0, sizeof(*t));
}

void
control_row(struct control_text *t)
{
	append(t, kinds[CONTROL_ROW], strlen(kinds[CONTROL_ROW]));
}

static void
put_key(struct control_text *t, const char *key, char type)
{
	append(t, "\t", 1);
	append(t, key, strlen(key));
	append(t, &type, 1);
}

void
control_put_octets(
    struct control_text *t, const char *key, const char *value, size_t len)
{
	static const char hex[] = "0123456789ABCDEF";
	unsigned char c;
	char coded[3];
	size_t i;

	put_key(t, key, '=');
	if (len > CONTROL_VALUE_MAX - 1)
		len = CONTROL_VALUE_MAX - 1;
	for (i = 0; i < len; i++) {
		c = (unsigned char)value[i];
		if (c >= ' ' && c <= '~' && c != '%') {
			append(t, value + i, 1);
			continue;
		}
		coded[0] = '%';
		coded[1] = hex[c >> 4];
		coded[2] = hex[c & 15];
		append(t, coded, 3);
	}
}

void
control_put(struct control_text *t, const char *key, const char *value)
{
	if (value == NULL)
		value = "";
	control_put_octets(t, key, value, strlen(value));
}

static void
put_integer(struct control_text *t, const char *key, char type, int64_t n)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%lld", (long long)n);

	put_key(t, key, type);
	append(t, text, (size_t)len);
}

void
control_put_number(struct control_text *t, const char *key, int64_t n)
{
	put_integer(t, key, '#', n);
}

void
control_put_ms(struct control_text *t, const char *key, int64_t ms)
{
	put_integer(t, key, '~', ms);
}

void
control_row_end(struct control_text *t)
{
	append(t, "\n", 1);
}

void
control_note(struct control_text *t, const char *text)
{
	append(t, kinds[CONTROL_NOTE], strlen(kinds[CONTROL_NOTE]));
	control_put(t, "text", text);
	control_row_end(t);
}

void
control_end(struct control_text *t, int code, const char *text)
{
	append(t, kinds[CONTROL_END], strlen(kinds[CONTROL_END]));
	control_put_number(t, "code", code);
	control_put(t, "text", text);
	control_row_end(t);
}

/* Reading. */

enum control_kind
control_kind(const char *line, const char *end, const char **at_r)
{
	const char *tab = memchr(line, '\t', (size_t)(end - line));
	struct word w = { line, (size_t)((tab != NULL ? tab : end) - line) };
	size_t i;

	*at_r = tab != NULL ? tab : end;
	for (i = 0; i < nitems(kinds); i++)
		if (is(&w, kinds[i]))
			return (enum control_kind)i;
	return CONTROL_STRANGE;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool
decode(const char *at, const char *end, struct control_field *f)
{
	int high, low;

	for (f->len = 0; at < end; f->len++) {
		if (f->len == sizeof(f->value) - 1)
			return false;
		if (*at != '%') {
			f->value[f->len] = *at++;
			continue;
		}
		if (end - at < 3 || (high = hex_digit(at[1])) == -1 ||
		    (low = hex_digit(at[2])) == -1)
			return false;
		f->value[f->len] = (char)(high << 4 | low);
		at += 3;
	}
	f->value[f->len] = '\0';
	return true;
}

static bool
is_number(struct control_field *f)
{
	size_t i = f->value[0] == '-';

	if (f->len - i < 1 || f->len - i > 18)
		return false;
	f->number = 0;
	for (; i < f->len; i++) {
		if (f->value[i] < '0' || f->value[i] > '9')
			return false;
		f->number = f->number * 10 + (f->value[i] - '0');
	}
	if (f->value[0] == '-')
		f->number = -f->number;
	return true;
}

int
control_field(const char **at, const char *end, struct control_field *f)
{
	const char *key = *at + 1, *p = key, *next;

	if (*at >= end)
		return 0;
	if (**at != '\t')
		return -1;
	while (p < end && *p >= 'a' && *p <= 'z')
		p++;
	if (p == key || p == end || (size_t)(p - key) >= sizeof(f->key) ||
	    strchr("=#~", *p) == NULL || *p == '\0')
		return -1;
	memcpy(f->key, key, (size_t)(p - key));
	f->key[p - key] = '\0';
	f->type = *p++;
	next = memchr(p, '\t', (size_t)(end - p));
	if (next == NULL)
		next = end;
	if (!decode(p, next, f) || (f->type != '=' && !is_number(f)))
		return -1;
	*at = next;
	return 1;
}

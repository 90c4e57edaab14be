/*
 * Lines of a reply to EHLO: see ehlo.h.
 */

#include "ehlo.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "smtp_parse.h"

#define LIMIT_DIGITS 6 /* RFC 9422 section 3 */

static const struct {
	const char *name;
	unsigned bit;
} extensions[] = {
	{ "PIPELINING", EHLO_PIPELINING },
	{ "SIZE", EHLO_SIZE },
	{ "8BITMIME", EHLO_8BITMIME },
	{ "SMTPUTF8", EHLO_SMTPUTF8 },
	{ "DSN", EHLO_DSN },
	{ "CHUNKING", EHLO_CHUNKING },
	{ "BINARYMIME", EHLO_BINARYMIME },
	{ "REQUIRETLS", EHLO_REQUIRETLS },
	{ "ENHANCEDSTATUSCODES", EHLO_ENHANCEDSTATUS },
	{ "AUTH", EHLO_AUTH },
};
#define EXTENSIONS (sizeof(extensions) / sizeof(extensions[0]))

/* The next word of a line; empty at its end. */
static struct slice
next_word(struct slice *rest)
{
	struct slice word;

	while (rest->len > 0 && *rest->ptr == ' ') {
		rest->ptr++;
		rest->len--;
	}
	word.ptr = rest->ptr;
	word.len = 0;
	while (word.len < rest->len && rest->ptr[word.len] != ' ')
		word.len++;
	rest->ptr += word.len;
	rest->len -= word.len;
	return word;
}

/* A limit that is no number is as good as none: the server will say it again
 * in its reply to MAIL. */
static void
take_size(struct ehlo *e, struct slice value)
{
	uint64_t size;

	e->size = 0;
	if (smtp_parse_number(value, UINT64_MAX, &size))
		e->size = size;
}

static bool
is_limit_name(struct slice s)
{
	size_t i;
	char c;

	for (i = 0; i < s.len; i++) {
		c = s.ptr[i];
		if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') &&
		    !(c >= '0' && c <= '9') && c != '-' && c != '_')
			return false;
	}
	return s.len > 0;
}

/* One NAME=VALUE.  False: the whole list does not count.  A value that is none
 * is only passed over. */
static bool
take_limit(struct ehlo *e, struct slice item)
{
	struct slice name = item, value;
	const char *eq = memchr(item.ptr, '=', item.len);
	uint64_t n;

	if (eq == NULL)
		return false;
	name.len = (size_t)(eq - item.ptr);
	value.ptr = eq + 1;
	value.len = item.len - name.len - 1;
	if (!is_limit_name(name) || value.len == 0)
		return false;
	if (value.len > LIMIT_DIGITS || value.ptr[0] == '0' ||
	    !smtp_parse_number(value, UINT32_MAX, &n))
		return true;
	if (slice_is(name, "RCPTMAX"))
		e->rcpt_max = (uint32_t)n;
	else if (slice_is(name, "MAILMAX"))
		e->mail_max = (uint32_t)n;
	return true;
}

static void
take_limits(struct ehlo *e, struct slice rest)
{
	struct ehlo found = { .have = 0 };
	struct slice item;

	while ((item = next_word(&rest)).len > 0)
		if (!take_limit(&found, item))
			return;
	e->rcpt_max = found.rcpt_max;
	e->mail_max = found.mail_max;
}

void
ehlo_line(struct ehlo *e, const char *text, size_t len)
{
	struct slice rest = { text, len };
	struct slice word = next_word(&rest);
	size_t i;

	if (slice_is(word, "LIMITS"))
		take_limits(e, rest);
	for (i = 0; i < EXTENSIONS; i++) {
		if (!slice_is(word, extensions[i].name))
			continue;
		e->have |= extensions[i].bit;
		if (extensions[i].bit == EHLO_SIZE)
			take_size(e, next_word(&rest));
	}
}

void
ehlo_names(unsigned set, char *buf, size_t size)
{
	size_t i, at = 0;
	int n;

	buf[0] = '\0';
	for (i = 0; i < EXTENSIONS && at < size; i++) {
		if ((set & extensions[i].bit) == 0)
			continue;
		n = snprintf(buf + at, size - at, "%s%s", at > 0 ? " " : "",
		    extensions[i].name);
		at += n > 0 ? (size_t)n : 0;
	}
}

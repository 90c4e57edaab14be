/*
 * Reads transcripts.
 */

#include "script.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

#define LINE_SIZE 8192
#define INCLUDE_DEPTH 8

struct reader {
	struct script *script;
	FILE *in;
	char *file; /* lives as long as the steps, which name it */
	int line;
	int depth;
	bool in_config;
	struct step *block; /* of which the lines are read */
};

static bool read_file(struct script *s, const char *file, int depth);

static bool __attribute__((format(printf, 2, 3)))
wrong(const struct reader *r, const char *fmt, ...)
{
	va_list ap;

	printf("%s:%d: ", r->file, r->line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	return false;
}

struct script *
script_read(const char *file)
{
	struct script *s = xcalloc(1, sizeof(*s));
	size_t i;

	s->file = file;
	if (!read_file(s, file, 0))
		script_free(&s);
	for (i = 0; s != NULL && i < s->count; i++) {
		if (s->steps[i].kind != STEP_SEND)
			continue;
		if (s->steps[i].side == SIDE_CLIENT)
			s->sent_len += s->steps[i].len;
		else
			s->replied_len += s->steps[i].len;
	}
	return s;
}

void
script_free(struct script **sp)
{
	struct script *s = *sp;
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < s->count; i++)
		free(s->steps[i].text);
	for (i = 0; i < s->file_count; i++)
		free(s->files[i]);
	free(s->steps);
	free(s->config);
	free(s);
	*sp = NULL;
}

static void
append(char **text, size_t *len, const char *more, size_t more_len)
{
	*text = xrealloc(*text, *len + more_len + 1);
	if (more_len > 0)
		memcpy(*text + *len, more, more_len);
	*len += more_len;
	(*text)[*len] = '\0';
}

static struct step *
add(struct reader *r, enum step_kind kind, enum side side, int who)
{
	struct script *s = r->script;
	struct step *st;

	s->steps = xrealloc(s->steps, (s->count + 1) * sizeof(*s->steps));
	st = &s->steps[s->count++];
	*st = (struct step){ .kind = kind,
		.side = side,
		.who = who,
		.file = r->file,
		.line = r->line };
	return st;
}

static void
add_text(struct reader *r, enum step_kind kind, enum side side, int who,
    const char *text)
{
	struct step *st = add(r, kind, side, who);

	append(&st->text, &st->len, text, strlen(text));
}

/* What is sent in a row by the same peer goes out in one write. */
static struct step *
sending(struct reader *r, enum side side, int who)
{
	struct script *s = r->script;
	struct step *last = s->count > 0 ? &s->steps[s->count - 1] : NULL;

	if (last != NULL && last->kind == STEP_SEND && last->side == side &&
	    last->who == who)
		return last;
	return add(r, STEP_SEND, side, who);
}

static void
add_line(struct step *st, const char *text)
{
	append(&st->text, &st->len, text, strlen(text));
	append(&st->text, &st->len, "\r\n", 2);
}

static int
hex(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : (c | 32) - 'a' + 10;
}

/* \r \n \t \\ and \xHH. */
static bool
add_raw(struct reader *r, struct step *st, const char *p)
{
	static const char from[] = "rnt\\", to[] = "\r\n\t\\";
	const char *known;
	char c;

	for (; *p != '\0'; p++) {
		c = *p;
		if (c == '\\') {
			p++;
			if (*p == 'x' && isxdigit((unsigned char)p[1]) &&
			    isxdigit((unsigned char)p[2])) {
				c = (char)(hex(p[1]) << 4 | hex(p[2]));
				p += 2;
			} else if (*p != '\0' &&
			    (known = strchr(from, *p)) != NULL)
				c = to[known - from];
			else
				return wrong(r, "unknown escape");
		}
		append(&st->text, &st->len, &c, 1);
	}
	return true;
}

static bool
parse_time(const char *text, int64_t *ms_r)
{
	char *end;
	long n = strtol(text, &end, 10);
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 },
		{ "h", 3600000 } };
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (end == text || n < 0 || strcmp(end, units[i].unit) != 0)
			continue;
		*ms_r = n * units[i].ms;
		return true;
	}
	return false;
}

/* client ADDRESS [N] */
static bool
parse_client(struct reader *r, const char *arg)
{
	struct step *st;
	char address[100];
	int who = 1;

	if (sscanf(arg, "%99s %d", address, &who) < 1 || who < 1 ||
	    who > CLIENTS_MAX)
		return wrong(r, "client ADDRESS [N]");
	st = add(r, STEP_CONNECT, SIDE_CLIENT, who);
	append(&st->text, &st->len, address, strlen(address));
	return true;
}

static bool
parse_word(struct reader *r, char *line)
{
	char *arg = line + strcspn(line, " \t");
	enum step_kind kind = STEP_CLOSE;
	struct step *st;

	if (*arg != '\0')
		*arg++ = '\0';
	arg += strspn(arg, " \t");
	if (strcmp(line, "config") == 0) {
		r->in_config = true;
		return true;
	}
	if (strcmp(line, "include") == 0)
		return read_file(r->script, arg, r->depth + 1);
	if (strcmp(line, "client") == 0)
		return parse_client(r, arg);
	if (strcmp(line, "wait") == 0) {
		st = add(r, STEP_WAIT, SIDE_NONE, 0);
		return parse_time(arg, &st->number) || wrong(r, "wait 5s");
	}
	if (strcmp(line, "log") == 0) {
		add_text(r, STEP_LOG, SIDE_NONE, 0, arg);
		return true;
	}
	if (strcmp(line, "cut") == 0 || strcmp(line, "shut") == 0) {
		kind = *line == 'c' ? STEP_CLOSE : STEP_SHUT;
		add(r, kind, SIDE_CLIENT,
		    *arg != '\0' ? (int)strtol(arg, NULL, 10) : 1);
		return true;
	}
	if (strcmp(line, "sessions") == 0) {
		st = add(r, STEP_SESSIONS, SIDE_NONE, 0);
		st->number = strtol(arg, NULL, 10);
		return true;
	}
	if (strcmp(line, "dns") == 0) {
		add_text(r, STEP_DNS, SIDE_NONE, 0, arg);
		return true;
	}
	if (strcmp(line, "refused") == 0) {
		st = add(r, STEP_REFUSED, SIDE_NONE, 0);
		st->number = strtol(arg, NULL, 10);
		return true;
	}
	if (strcmp(line, "retire") == 0) {
		add(r, STEP_RETIRE, SIDE_NONE, 0);
		return true;
	}
	if (strcmp(line, "drain") == 0 || strcmp(line, "enable") == 0) {
		kind = *line == 'd' ? STEP_DRAIN : STEP_ENABLE;
		add_text(r, kind, SIDE_NONE, 0, arg);
		return true;
	}
	if (strcmp(line, "offers") == 0) {
		add_text(r, STEP_OFFERS, SIDE_NONE, 0, arg);
		return true;
	}
	return wrong(r, "unknown word '%s'", line);
}

/* Behind "S:" or "B1>". */
static bool
parse_expect(struct reader *r, enum side side, int who, const char *text)
{
	static const struct {
		const char *text;
		enum step_kind kind;
	} special[] = { { "<connect>", STEP_CONNECT },
		{ "<closed>", STEP_CLOSED }, { "<nothing>", STEP_NOTHING },
		{ "<received>", STEP_RECEIVED } };
	struct step *st;
	size_t i;
	int to;

	for (i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
		if (strcmp(text, special[i].text) != 0)
			continue;
		add(r, special[i].kind, side, who);
		return true;
	}
	if (sscanf(text, "<connect %d>", &to) == 1) {
		st = add(r, STEP_CONNECT, side, who);
		st->number = to;
		return true;
	}
	add_text(r, STEP_EXPECT, side, who, text);
	return true;
}

/* "<json {...}>": the answer of an HTTP server. */
static bool
add_json(struct reader *r, int who, const char *text)
{
	struct step *st = sending(r, SIDE_BACKEND, who);
	char line[2000];
	int len = (int)strlen(text) - 7;

	if (len <= 0 || (size_t)len >= sizeof(line) || text[len + 6] != '>')
		return wrong(r, "<json {...}>");
	add_line(st, "HTTP/1.1 200 OK");
	add_line(st, "Content-Type: application/json");
	snprintf(line, sizeof(line), "Content-Length: %d", len + 2);
	add_line(st, line);
	add_line(st, "");
	snprintf(line, sizeof(line), "%.*s", len, text + 6);
	add_line(st, line);
	return true;
}

/* Behind "C:" or "B1<". */
static bool
parse_send(struct reader *r, enum side side, int who, const char *text)
{
	static const struct {
		const char *text;
		enum step_kind kind;
	} special[] = { { "<close>", STEP_CLOSE }, { "<shut>", STEP_SHUT },
		{ "<deaf>", STEP_DEAF }, { "<hear>", STEP_HEAR },
		{ "<tls>", STEP_SECURE } };
	size_t i;

	for (i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
		if (strcmp(text, special[i].text) != 0)
			continue;
		add(r, special[i].kind, side, who);
		return true;
	}
	if (side == SIDE_BACKEND && strncmp(text, "<json ", 6) == 0)
		return add_json(r, who, text);
	add_line(sending(r, side, who), text);
	return true;
}

/* "C*1000 text" is sent, "B1*1000 text" is expected. */
static bool
parse_repeat(
    struct reader *r, enum side side, int who, bool expects, char *text)
{
	long i, n = strtol(text, &text, 10);

	text += *text == ' ';
	for (i = 0; i < n; i++)
		if (!expects)
			add_line(sending(r, side, who), text);
		else
			add_text(r, STEP_EXPECT, side, who, text);
	return n > 0 || wrong(r, "*COUNT text");
}

/* "B1>> " and "B1<< ": lines of protocols that end them in LF, with escapes. */
static bool
parse_lf(struct reader *r, int who, char what, const char *text)
{
	struct step *st;

	text += *text == ' ';
	if (what == '<') {
		st = sending(r, SIDE_BACKEND, who);
		return add_raw(r, st, text) && add_raw(r, st, "\\n");
	}
	st = add(r, STEP_EXPECT, SIDE_BACKEND, who);
	st->lf = true;
	return add_raw(r, st, text);
}

/* "C: ", "S2: ", "C| ", "C*9 ", "C:data", "B1< ", "B1> ", "B1| ", "B1= ",
 * "B1>data" */
static bool
parse_peer(struct reader *r, char *line)
{
	enum side side = *line == 'B' ? SIDE_BACKEND : SIDE_CLIENT;
	int max = side == SIDE_CLIENT ? CLIENTS_MAX : BACKENDS_MAX, who = 1;
	bool expects, block;
	char *p = line + 1, what;

	if (isdigit((unsigned char)*p))
		who = (int)strtol(p, &p, 10);
	what = *p++;
	if (who < 1 || who > max || what == '\0')
		return wrong(r, "what is '%s'?", line);
	if (side == SIDE_BACKEND && (what == '<' || what == '>') && *p == what)
		return parse_lf(r, who, what, p + 1);
	block = strcmp(p, "data") == 0;
	p += *p == ' ';
	expects = *line == 'S' || what == '>';
	if (what == '|')
		return add_raw(r, sending(r, side, who), p);
	if (what == '+') {
		add_text(r, STEP_MANY, side, who, p);
		return true;
	}
	if (what == '=')
		return add_raw(r, add(r, STEP_OCTETS, side, who), p);
	if (what == '*')
		return parse_repeat(
		    r, side, who, expects || side == SIDE_BACKEND, p);
	if (what != (side == SIDE_CLIENT ? ':' : expects ? '>' : '<'))
		return wrong(r, "what is '%s'?", line);
	if (!block)
		return expects ? parse_expect(r, side, who, p)
			       : parse_send(r, side, who, p);
	r->block = xcalloc(1, sizeof(*r->block));
	*r->block = (struct step){
		.kind = expects ? STEP_EXPECT : STEP_SEND,
		.side = side,
		.who = who,
	};
	return true;
}

/* A line of data; a lone dot is the last one. */
static bool
parse_block(struct reader *r, const char *line)
{
	const struct step b = *r->block;

	if (strcmp(line, ".") == 0) {
		free(r->block);
		r->block = NULL;
	}
	return b.kind == STEP_SEND ? parse_send(r, b.side, b.who, line)
				   : parse_expect(r, b.side, b.who, line);
}

static bool
parse_line(struct reader *r, char *line)
{
	struct script *s = r->script;

	if (r->block != NULL)
		return parse_block(r, line);
	if (*line == '\0' || *line == '#')
		return true;
	if (*line == '\t' || *line == ' ') {
		if (!r->in_config)
			return wrong(r, "indented, but not in config");
		append(&s->config, &s->config_len, line, strlen(line));
		append(&s->config, &s->config_len, "\n", 1);
		return true;
	}
	r->in_config = false;
	if (strchr("CSB", *line) != NULL)
		return parse_peer(r, line);
	return parse_word(r, line);
}

/* The path of an included file, which is beside the transcript. */
static char *
path_of(const struct script *s, const char *file, int depth)
{
	const char *slash = depth > 0 ? strrchr(s->file, '/') : NULL;
	size_t dir = slash != NULL ? (size_t)(slash - s->file) + 1 : 0;
	size_t len = strlen(file);
	char *path = xmalloc(dir + len + 1);

	memcpy(path, s->file, dir);
	memcpy(path + dir, file, len + 1);
	return path;
}

static bool
read_file(struct script *s, const char *file, int depth)
{
	struct reader r = { .script = s, .depth = depth };
	char line[LINE_SIZE];
	bool good = true;

	if (s->file_count == FILES_MAX)
		return false;
	r.file = s->files[s->file_count++] = path_of(s, file, depth);
	r.in = depth < INCLUDE_DEPTH ? fopen(r.file, "r") : NULL;
	if (r.in == NULL) {
		wrong(&r, "can not be opened");
		return false;
	}
	while (good && fgets(line, sizeof(line), r.in) != NULL) {
		r.line++;
		line[strcspn(line, "\n")] = '\0';
		good = parse_line(&r, line);
	}
	fclose(r.in);
	if (good && r.block != NULL)
		good = wrong(&r, "data without an end");
	free(r.block);
	return good;
}

bool
script_match(
    const char *pattern, size_t pattern_len, const char *text, size_t len)
{
	size_t p = 0, t = 0, star = SIZE_MAX, mark = 0;

	while (t < len) {
		if (p < pattern_len && pattern[p] == '*') {
			star = p++;
			mark = t;
		} else if (p < pattern_len && pattern[p] == text[t]) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++mark;
		} else
			return false;
	}
	while (p < pattern_len && pattern[p] == '*')
		p++;
	return p == pattern_len;
}

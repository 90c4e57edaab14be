/*
 * The text of a configuration file, before libconfuse sees it.
 *
 * libconfuse 3.3 counts the line of every comment three times, takes a comment
 * inside a list for a syntax error, drops characters that it does not know,
 * puts nothing in the place of an unset ${VARIABLE}, closes open sections at
 * the end of the file, and is left inside of a string (for the next file, too)
 * when a string is not closed.  So comments become blanks here, and the rest is
 * refused with its line.
 */

#include <stdlib.h>
#include <string.h>

#include "conf_tree.h"

#define DEPTH_MAX 16 /* deeper is not noticed here; nothing goes so deep */

struct scan {
	struct conf_reader *r;
	char *p;
	char *end;
	int line;
	bool in_word; /* the character before belongs to an unquoted word */
	int depth;    /* of braces */
	int opened[DEPTH_MAX]; /* lines of their openings */
};

static void scan_one(struct scan *);
static void count_brace(struct scan *, char);
static bool skip_comment(struct scan *);
static void blank_line(struct scan *);
static void blank_comment(struct scan *);
static void skip_double(struct scan *);
static void skip_single(struct scan *);
static void skip_variable(struct scan *);
static void check_variable(struct scan *, const char *, size_t);
static bool has(const struct scan *, const char *);

void
conf_clean(struct conf_reader *r, char *text, size_t len)
{
	struct scan s = { .r = r, .p = text, .end = text + len, .line = 1 };

	while (s.p < s.end)
		scan_one(&s);
	if (s.depth > 0 && s.depth <= DEPTH_MAX)
		conf_complain(r, s.opened[s.depth - 1],
		    "the brace that is opened here is not closed");
}

static void
scan_one(struct scan *s)
{
	unsigned char c = (unsigned char)*s->p;

	if (skip_comment(s))
		return;
	if (c == '"') {
		skip_double(s);
	} else if (c == '\'') {
		skip_single(s);
	} else if (has(s, "${")) {
		skip_variable(s);
	} else {
		if (c == '*' || (c == '+' && !has(s, "+=")))
			conf_complain(s->r, s->line,
			    "'%c' has to stand inside of quotes", c);
		else if ((c < ' ' && strchr("\t\r\n", c) == NULL) ||
		    c == '\0' || c == 0x7f)
			conf_complain(
			    s->r, s->line, "control character (%u)", c);
		if (c == '\n')
			s->line++;
		count_brace(s, (char)c);
		s->in_word = c == '\0' || strchr(" \t\r\n={}(),+*", c) == NULL;
		s->p++;
		return;
	}
	s->in_word = false;
}

/* At the end of the file libconfuse closes all sections itself. */
static void
count_brace(struct scan *s, char c)
{
	if (c == '{') {
		if (s->depth < DEPTH_MAX)
			s->opened[s->depth] = s->line;
		s->depth++;
	} else if (c == '}' && s->depth > 0) {
		s->depth--;
	}
}

/* As libconfuse sees them: # begins one anywhere, a slash only where no word
 * is going on ("http://..."). */
static bool
skip_comment(struct scan *s)
{
	if (*s->p == '#' || (!s->in_word && has(s, "//")))
		blank_line(s);
	else if (!s->in_word && has(s, "/*"))
		blank_comment(s);
	else
		return false;
	s->in_word = false;
	return true;
}

static void
blank_line(struct scan *s)
{
	while (s->p < s->end && *s->p != '\n')
		*s->p++ = ' ';
}

static void
blank_comment(struct scan *s)
{
	int began = s->line;

	*s->p++ = ' ';
	*s->p++ = ' ';
	while (s->p < s->end && !has(s, "*/")) {
		if (*s->p == '\n')
			s->line++;
		else
			*s->p = ' ';
		s->p++;
	}
	if (s->p == s->end) {
		conf_complain(s->r, began, "the comment is not closed");
		return;
	}
	*s->p++ = ' ';
	*s->p++ = ' ';
}

/* A string ends on its line: a quote that was forgotten is found where it was
 * forgotten. */
static void
skip_double(struct scan *s)
{
	s->p++;
	while (s->p < s->end && *s->p != '"' && *s->p != '\n') {
		if (has(s, "${")) {
			skip_variable(s);
			continue;
		}
		if (*s->p == '\\') {
			s->p++;
			if (s->p == s->end || *s->p == '\n')
				break;
			if (strchr("\"\\$", *s->p) == NULL)
				conf_complain(s->r, s->line,
				    "bad escape sequence '\\%c'; there are "
				    "\\\\, \\\" and \\$",
				    *s->p);
		}
		s->p++;
	}
	if (s->p == s->end || *s->p == '\n')
		conf_complain(
		    s->r, s->line, "the string is not closed on its line");
	else
		s->p++;
}

static void
skip_single(struct scan *s)
{
	s->p++;
	while (s->p < s->end && *s->p != '\'' && *s->p != '\n') {
		if (has(s, "\\\\") || has(s, "\\'"))
			s->p++;
		s->p++;
	}
	if (s->p == s->end || *s->p == '\n')
		conf_complain(
		    s->r, s->line, "the string is not closed on its line");
	else
		s->p++;
}

static void
skip_variable(struct scan *s)
{
	const char *name = s->p + 2;

	if (s->in_word)
		conf_complain(s->r, s->line,
		    "a word with ${...} in it has to stand inside of double "
		    "quotes");
	while (s->p < s->end && *s->p != '}' && *s->p != '\n')
		s->p++;
	if (s->p == s->end || *s->p == '\n') {
		conf_complain(s->r, s->line, "${ is not closed on its line");
		return;
	}
	check_variable(s, name, (size_t)(s->p - name));
	s->p++;
}

static void
check_variable(struct scan *s, const char *name, size_t len)
{
	char *copy = arena_strndup(s->r->arena, name, len);

	/* ${NAME:-default} is always something. */
	if (strstr(copy, ":-") == NULL && getenv(copy) == NULL)
		conf_complain(
		    s->r, s->line, "environment variable %s is not set", copy);
}

static bool
has(const struct scan *s, const char *two)
{
	return s->end - s->p >= 2 && memcmp(s->p, two, 2) == 0;
}

/*
 * Whom an Authentication-Results field claims to come from: RFC 8601 2.2, with
 * blanks and comments of RFC 5322 3.2.2.
 */

#include <string.h>

#include "header.h"

struct scan {
	const char *p, *end;
};

static bool
skip_comment(struct scan *s)
{
	unsigned depth = 0;

	while (s->p < s->end) {
		switch (*s->p++) {
		case '(':
			depth++;
			break;
		case ')':
			if (--depth == 0)
				return true;
			break;
		case '\\':
			s->p += s->p < s->end;
			break;
		}
	}
	return false;
}

/* Blanks, folding and comments.  False: a comment does not end. */
static bool
skip_cfws(struct scan *s)
{
	while (s->p < s->end && strchr(" \t\r\n(", *s->p) != NULL) {
		if (*s->p == '(') {
			if (!skip_comment(s))
				return false;
		} else
			s->p++;
	}
	return true;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The octet of a token (RFC 2045 5.1) or, quoted, of a string; -1 at its end,
 * -2 if it does not end. */
static int
next_octet(struct scan *s, bool quoted)
{
	static const char specials[] = " \t\r\n()<>@,;:\\\"/[]?=";

	if (s->p == s->end)
		return quoted ? -2 : -1;
	if (!quoted && strchr(specials, *s->p) != NULL)
		return -1;
	if (quoted && *s->p == '"')
		return -1;
	if (quoted && *s->p == '\\' && ++s->p == s->end)
		return -2;
	return (unsigned char)lower(*s->p++);
}

bool
header_claims_authserv(const char *value, size_t len, const char *id)
{
	struct scan s = { value, value + len };
	size_t n = 0, id_len = strlen(id);
	bool quoted, same = true;
	int c;

	if (!skip_cfws(&s))
		return true;
	quoted = s.p < s.end && *s.p == '"';
	s.p += quoted;
	while ((c = next_octet(&s, quoted)) >= 0) {
		/* Folding inside of quotes is none of the string. */
		if (c == '\r' || c == '\n')
			continue;
		same = same && n < id_len && c == (unsigned char)lower(id[n]);
		n++;
	}
	return c == -2 || n == 0 || (same && n == id_len);
}

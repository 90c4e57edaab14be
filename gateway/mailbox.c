/*
 * Mailboxes of header fields: see mailbox.h.
 */

#include "mailbox.h"

#include <stdbool.h>
#include <string.h>

struct address_text { /* of an address in the making */
	char *buf;
	size_t size;
	size_t len;
	bool too_long;
};

static void
put(struct address_text *t, char c)
{
	if (t->len + 1 < t->size)
		t->buf[t->len++] = c;
	else
		t->too_long = true;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Comments nest.  False: one has no end. */
static bool
skip_comment(const char **at)
{
	int depth = 0;

	for (; **at != '\0'; (*at)++) {
		if (**at == '\\' && (*at)[1] != '\0')
			(*at)++;
		else if (**at == '(')
			depth++;
		else if (**at == ')' && --depth == 0) {
			(*at)++;
			return true;
		}
	}
	return false;
}

/* Blanks and comments; *any_r: were there some? */
static bool
skip_blanks(const char **at, bool *any_r)
{
	const char *from = *at;

	while (is_blank(**at) || **at == '(') {
		if (**at == '(' && !skip_comment(at))
			return false;
		while (is_blank(**at))
			(*at)++;
	}
	*any_r = *at != from;
	return true;
}

/* With its quotes, and what is quoted in it by a backslash only where that
 * makes a difference. */
static bool
take_quoted(const char **at, struct address_text *t)
{
	put(t, *(*at)++);
	for (; **at != '\0' && **at != '"'; (*at)++) {
		if (**at == '\\') {
			(*at)++;
			if (**at == '\0')
				return false;
			if (**at == '"' || **at == '\\')
				put(t, '\\');
		}
		put(t, **at);
	}
	if (**at == '\0')
		return false;
	put(t, *(*at)++);
	return true;
}

/* A domain literal. */
static bool
take_literal(const char **at, struct address_text *t)
{
	for (; **at != '\0' && **at != ']'; (*at)++) {
		if (is_blank(**at) || **at == '\\')
			return false;
		put(t, **at);
	}
	if (**at == '\0')
		return false;
	put(t, *(*at)++);
	return true;
}

/* One word, or a character with a meaning that an address may have in it. */
static bool
take_word(const char **at, struct address_text *t)
{
	if (**at == '"')
		return take_quoted(at, t);
	if (**at == '[')
		return take_literal(at, t);
	if (strchr("])\\>", **at) != NULL)
		return false;
	while (**at != '\0' && !is_blank(**at) &&
	    strchr("()<>[]:;\\,\"", **at) == NULL)
		put(t, *(*at)++);
	return true;
}

/* local@domain, one of each, and the "@" not in quotes. */
static bool
is_address(const char *text)
{
	const char *p = text;

	if (*p == '"') {
		for (p++; *p != '"'; p++)
			if (*p == '\\')
				p++;
		p++;
	} else
		while (*p != '\0' && *p != '@' && *p != '"')
			p++;
	return p > text && *p == '@' && p[1] != '\0' &&
	    strpbrk(p + 1, "@\"") == NULL;
}

/* Behind "<", up to and with ">". */
static bool
take_angle(const char **at, struct address_text *t)
{
	bool blank;

	for (;;) {
		if (!skip_blanks(at, &blank))
			return false;
		/* Blanks are good at both ends alone. */
		if (blank && t->len > 0 && **at != '>')
			return false;
		if (**at == '>') {
			(*at)++;
			return true;
		}
		if (**at == '\0' || strchr("<:;,", **at) != NULL ||
		    !take_word(at, t))
			return false;
	}
}

/* A mailbox up to the "," or ";" behind it. */
static enum mailbox_found
take_mailbox(const char **at, struct address_text *t)
{
	bool blank, angle = false, words = false;

	for (;;) {
		if (!skip_blanks(at, &blank))
			return MAILBOX_BAD;
		if (**at == '\0' || **at == ',' || **at == ';')
			break;
		if (angle)
			return MAILBOX_BAD;
		words = words || (blank && t->len > 0);
		if (**at == ':') { /* the name of a group was that */
			(*at)++;
			t->len = 0;
			t->too_long = words = false;
		} else if (**at == '<') {
			(*at)++;
			t->len = 0;
			t->too_long = words = false;
			angle = true;
			if (!take_angle(at, t))
				return MAILBOX_BAD;
		} else if (!take_word(at, t))
			return MAILBOX_BAD;
	}
	t->buf[t->len] = '\0';
	if (t->len == 0 && !angle && !t->too_long)
		return MAILBOX_END; /* nothing between two commas */
	return words || t->too_long || !is_address(t->buf) ? MAILBOX_BAD
							   : MAILBOX_FOUND;
}

enum mailbox_found
mailbox_next(const char **at, char *buf, size_t size)
{
	enum mailbox_found found = MAILBOX_END;

	while (found == MAILBOX_END && **at != '\0') {
		struct address_text t = { .buf = buf, .size = size };

		found = take_mailbox(at, &t);
		if (found != MAILBOX_BAD && **at != '\0')
			(*at)++;
	}
	return found;
}

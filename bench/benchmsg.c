/*
 * Making bench messages, and checking them on arrival.
 *
 * Making one is meant to cost little more than the copy: all header values
 * have a fixed width, so that the lengths are the same for every message,
 * and the checksum is combined from the precomputed one of the shared text.
 */

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "benchmsg.h"

#define FOUND_NUMBER 1U
#define FOUND_LENGTH 2U
#define FOUND_CRC 4U
#define FOUND_ALL 7U

#define DIGITS 10 /* of a number in a message */
#define FIRST_LINE "message 0000000000 begins\r\n"
#define LAST_LINE "message 0000000000 ends\r\n"
#define LINE_DIGITS 8 /* offset of the number in them */

struct text {
	char *plain;   /* owned */
	char *stuffed; /* owned, dots doubled */
	size_t stuffed_len;
	uint32_t crc;
};

struct msg_maker {
	char head[MSG_HEAD_MAX];
	size_t headlen;
	size_t at_id, at_subject; /* offsets in head */
	size_t at_number, at_crc;
	size_t body_len;
	size_t text_len;
	int framed; /* body has first and last line */
	struct text text[MSG_VARIANTS];
	uint32_t shift[32]; /* CRC past text_len zeros */
};

static uint64_t seed = 0x9e3779b97f4a7c15U;

static uint32_t
random_next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 24);
}

static void *
alloc(size_t n)
{
	void *p;

	if ((p = calloc(1, n ? n : 1)) == NULL)
		err(1, "out of memory");
	return p;
}

/*
 * Lines of ordinary mail length.  With dots, all the cases that go wrong
 * elsewhere appear: a lone dot, two dots, a dot and text.
 */
static void
text_fill(char *p, size_t n, int dots)
{
	size_t i, len;

	while (n > 0) {
		len = 60 + random_next() % 19;
		if (n <= 80)
			len = n;
		if (dots && n > 80 && random_next() % 16 == 0)
			len = 3 + random_next() % 2;
		for (i = 0; i + 2 < len; i++)
			p[i] = (char)('0' + random_next() % 75);
		if (dots && len > 2 && random_next() % 4 == 0)
			p[0] = '.';
		if (dots && len <= 4 && i > 0)
			memset(p, '.', i);
		p[len - 2] = '\r';
		p[len - 1] = '\n';
		p += len;
		n -= len;
	}
}

static void
text_stuff(struct text *t, size_t n)
{
	size_t i, o, extra;

	for (extra = 0, i = 0; i < n; i++)
		if (t->plain[i] == '.' && (i == 0 || t->plain[i - 1] == '\n'))
			extra++;
	t->stuffed = alloc(n + extra);
	for (o = 0, i = 0; i < n; i++) {
		if (t->plain[i] == '.' && (i == 0 || t->plain[i - 1] == '\n'))
			t->stuffed[o++] = '.';
		t->stuffed[o++] = t->plain[i];
	}
	t->stuffed_len = o;
}

static void
maker_texts(struct msg_maker *m, int dots)
{
	char *zeros;
	unsigned i;

	for (i = 0; i < MSG_VARIANTS; i++) {
		m->text[i].plain = alloc(m->text_len);
		text_fill(m->text[i].plain, m->text_len, dots);
		text_stuff(&m->text[i], m->text_len);
		m->text[i].crc = crc32c(0, m->text[i].plain, m->text_len);
	}
	zeros = alloc(m->text_len);
	for (i = 0; i < 32; i++)
		m->shift[i] = crc32c_raw((uint32_t)1 << i, zeros, m->text_len);
	free(zeros);
}

static size_t
head_offset(const struct msg_maker *m, const char *name)
{
	const char *p;

	if ((p = strstr(m->head, name)) == NULL)
		errx(1, "no %s in the message header", name);
	return (size_t)(p - m->head) + strlen(name);
}

static void
maker_head(struct msg_maker *m, const struct msg_opts *o, size_t body_len)
{
	char date[64], id[32];
	time_t now;
	struct tm tm;
	int n;

	now = time(NULL);
	if (gmtime_r(&now, &tm) == NULL ||
	    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", &tm) ==
		0)
		errx(1, "no date");
	snprintf(id, sizeof(id), "%08lx.%06lx", (unsigned long)now,
	    (unsigned long)getpid() & 0xffffff);
	n = snprintf(m->head, sizeof(m->head),
	    "From: <%s>\r\nTo: <%s>\r\nDate: %s\r\n"
	    "Message-ID: <0000000000.%s@%s>\r\n"
	    "Subject: smtpgen message 0000000000\r\n"
	    "X-Bench-Number: 0000000000\r\n"
	    "X-Bench-Length: %010zu\r\n"
	    "X-Bench-CRC: 00000000\r\n\r\n",
	    o->from, o->to, date, id, o->host, body_len);
	if (n < 0 || (size_t)n + sizeof(FIRST_LINE) >= sizeof(m->head))
		errx(1, "addresses too long");
	m->headlen = (size_t)n;
	m->at_id = head_offset(m, "\r\nMessage-ID: <");
	m->at_subject = head_offset(m, "\r\nSubject: smtpgen message ");
	m->at_number = head_offset(m, "\r\nX-Bench-Number: ");
	m->at_crc = head_offset(m, "\r\nX-Bench-CRC: ");
}

struct msg_maker *
msg_maker_new(const struct msg_opts *o)
{
	struct msg_maker *m;
	size_t frame;

	m = alloc(sizeof(*m));
	maker_head(m, o, 0);
	if (o->size > m->headlen)
		m->body_len = o->size - m->headlen;
	/* DATA cannot carry a body that does not end with CRLF. */
	if (m->body_len == 1)
		m->body_len = 2;
	maker_head(m, o, m->body_len);
	frame = sizeof(FIRST_LINE) - 1 + sizeof(LAST_LINE) - 1;
	m->framed = m->body_len >= frame + 2;
	m->text_len = m->framed ? m->body_len - frame : m->body_len;
	maker_texts(m, o->dots);
	return m;
}

void
msg_maker_free(struct msg_maker **mp)
{
	unsigned i;

	if (*mp == NULL)
		return;
	for (i = 0; i < MSG_VARIANTS; i++) {
		free((*mp)->text[i].plain);
		free((*mp)->text[i].stuffed);
	}
	free(*mp);
	*mp = NULL;
}

size_t
msg_maker_size(const struct msg_maker *m)
{
	return m->headlen + m->body_len;
}

static void
put_digits(char *p, uint64_t n)
{
	int i;

	for (i = DIGITS - 1; i >= 0; i--, n /= 10)
		p[i] = (char)('0' + n % 10);
}

static void
put_hex(char *p, uint32_t n)
{
	int i;

	for (i = 7; i >= 0; i--, n >>= 4)
		p[i] = "0123456789abcdef"[n & 15];
}

/* CRC of what crc covers followed by the text. */
static uint32_t
crc_append_text(const struct msg_maker *m, uint32_t crc, const struct text *t)
{
	uint32_t sum;
	unsigned i;

	for (sum = t->crc, i = 0; i < 32; i++)
		if (crc >> i & 1)
			sum ^= m->shift[i];
	return sum;
}

void
msg_build(const struct msg_maker *m, uint64_t number, int stuffed,
    struct msg_parts *p)
{
	const struct text *t = &m->text[number % MSG_VARIANTS];
	uint32_t crc;
	size_t n;

	memcpy(p->head, m->head, m->headlen);
	p->headlen = m->headlen;
	put_digits(p->head + m->at_id, number);
	put_digits(p->head + m->at_subject, number);
	put_digits(p->head + m->at_number, number);
	p->mid = stuffed ? t->stuffed : t->plain;
	p->midlen = stuffed ? t->stuffed_len : m->text_len;
	p->taillen = 0;
	crc = t->crc;
	if (m->framed) {
		n = sizeof(FIRST_LINE) - 1;
		memcpy(p->head + p->headlen, FIRST_LINE, n);
		put_digits(p->head + p->headlen + LINE_DIGITS, number);
		crc = crc32c(0, p->head + p->headlen, n);
		crc = crc_append_text(m, crc, t);
		p->headlen += n;
		p->taillen = sizeof(LAST_LINE) - 1;
		memcpy(p->tail, LAST_LINE, p->taillen);
		put_digits(p->tail + LINE_DIGITS, number);
		crc = crc32c(crc, p->tail, p->taillen);
	}
	put_hex(p->head + m->at_crc, crc);
}

void
msg_check_start(struct msg_check *c)
{
	memset(c, 0, sizeof(*c));
}

/* The value of header "name" if the line is that header; NULL if not. */
static const char *
line_value(const struct msg_check *c, const char *name)
{
	size_t n = strlen(name);

	if (c->linelen <= n || c->linelen > sizeof(c->line) ||
	    memcmp(c->line, name, n) != 0)
		return NULL;
	return c->line + n;
}

/* Strict: digits of the base up to CRLF, nothing else. */
static uint64_t
value_number(struct msg_check *c, const char *v, unsigned base)
{
	static const char digits[] = "0123456789abcdef";
	const char *end = c->line + c->linelen - 2, *d;
	uint64_t n = 0;

	if (v >= end || end - v > 16)
		c->bad = 1;
	for (; v < end; v++) {
		d = memchr(digits, *v, base);
		if (d == NULL) {
			c->bad = 1;
			return 0;
		}
		n = n * base + (uint64_t)(d - digits);
	}
	return n;
}

static void
found(struct msg_check *c, unsigned which)
{
	if (c->found & which)
		c->bad = 1;
	c->found |= which;
}

static void
check_line(struct msg_check *c)
{
	const char *v;

	if (c->linelen == 2 && memcmp(c->line, "\r\n", 2) == 0)
		c->in_body = 1;
	else if (c->line[0] != 'X')
		;
	else if ((v = line_value(c, "X-Bench-Number: ")) != NULL) {
		found(c, FOUND_NUMBER);
		c->number = value_number(c, v, 10);
	} else if ((v = line_value(c, "X-Bench-Length: ")) != NULL) {
		found(c, FOUND_LENGTH);
		c->want_len = value_number(c, v, 10);
	} else if ((v = line_value(c, "X-Bench-CRC: ")) != NULL) {
		found(c, FOUND_CRC);
		c->want_crc = (uint32_t)value_number(c, v, 16);
	}
	c->linelen = 0;
}

/* Content, dots already removed, in pieces of any length. */
void
msg_check_feed(struct msg_check *c, const char *p, size_t n)
{
	const char *nl;
	size_t len, room;

	c->total += n;
	while (n > 0 && !c->in_body) {
		nl = memchr(p, '\n', n);
		len = nl == NULL ? n : (size_t)(nl - p) + 1;
		if (c->linelen < sizeof(c->line)) {
			room = sizeof(c->line) - c->linelen;
			memcpy(
			    c->line + c->linelen, p, len < room ? len : room);
		}
		c->linelen += len;
		p += len;
		n -= len;
		if (nl != NULL)
			check_line(c);
	}
	c->crc = crc32c(c->crc, p, n);
	c->body_len += n;
}

enum msg_result
msg_check_end(struct msg_check *c)
{
	if (c->total == 0)
		return MSG_EMPTY;
	if (c->found == 0)
		return MSG_FOREIGN;
	if (c->found != FOUND_ALL || c->bad || !c->in_body ||
	    c->body_len != c->want_len || c->crc != c->want_crc)
		return MSG_DAMAGED;
	return MSG_GOOD;
}

/*
 * Commands, content and PROXY headers.  Nothing is written here: the output
 * of all that is due together leaves in one write.
 */

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen.h"

#define COPY_MAX 16384 /* longer text is not copied */
#define LINE_SIZE 600

static char hello[LINE_SIZE], mail_plain[LINE_SIZE], mail_size[LINE_SIZE];
static char **rcpt_lines; /* owned */
static struct msg_parts parts;

/* Recipient i: the list goes round, then numbers are added. */
static char *
rcpt_line(unsigned i)
{
	const char *to = gen.to[i % gen.nto], *at = strrchr(to, '@');
	char line[LINE_SIZE];
	char *copy;

	if (at == NULL)
		at = to + strlen(to);
	if (i < gen.nto)
		snprintf(line, sizeof(line), "RCPT TO:<%s>\r\n", to);
	else
		snprintf(line, sizeof(line), "RCPT TO:<%.*s-%u%s>\r\n",
		    (int)(at - to), to, i, at);
	if ((copy = strdup(line)) == NULL)
		err(1, "out of memory");
	return copy;
}

void
send_init(void)
{
	unsigned i;

	snprintf(hello, sizeof(hello), "%s %s\r\n", gen.lmtp ? "LHLO" : "EHLO",
	    gen.helo);
	snprintf(
	    mail_plain, sizeof(mail_plain), "MAIL FROM:<%s>\r\n", gen.from);
	snprintf(mail_size, sizeof(mail_size), "MAIL FROM:<%s> SIZE=%zu\r\n",
	    gen.from, msg_maker_size(gen.maker));
	rcpt_lines = calloc(gen.rcpts, sizeof(*rcpt_lines));
	if (rcpt_lines == NULL)
		err(1, "out of memory");
	for (i = 0; i < gen.rcpts; i++)
		rcpt_lines[i] = rcpt_line(i);
}

void
send_free(void)
{
	unsigned i;

	for (i = 0; i < gen.rcpts; i++)
		free(rcpt_lines[i]);
	free(rcpt_lines);
}

static void
proxy_v1(struct slot *s, int family, const char *address, unsigned port)
{
	char line[128];

	if (family == AF_INET6)
		snprintf(line, sizeof(line), "PROXY TCP6 %s ::1 %u 25\r\n",
		    address, port);
	else
		snprintf(line, sizeof(line),
		    "PROXY TCP4 %s 127.0.0.1 %u 25\r\n", address, port);
	buf_puts(&s->out.buf, line);
}

static void
proxy_v2(struct slot *s, int family, const char *address, unsigned port)
{
	static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";
	unsigned char b[64];
	size_t alen = family == AF_INET6 ? 16 : 4, n;

	memset(b, 0, sizeof(b));
	memcpy(b, signature, 12);
	b[12] = 0x21; /* version 2, PROXY */
	b[13] = family == AF_INET6 ? 0x21 : 0x11;
	b[15] = (unsigned char)(2 * alen + 4);
	(void)inet_pton(family, address, b + 16);
	(void)inet_pton(
	    family, alen == 16 ? "::1" : "127.0.0.1", b + 16 + alen);
	n = 16 + 2 * alen;
	b[n] = (unsigned char)(port >> 8);
	b[n + 1] = (unsigned char)port;
	b[n + 3] = 25;
	buf_add(&s->out.buf, b, n + 4);
}

/* A client of TEST-NET-1, another one for each connection. */
void
send_proxy(struct slot *s)
{
	static unsigned count;
	char made_up[32];
	const char *address = gen.client_address;
	unsigned port = 20000 + count % 40000;
	int family;

	if (gen.proxy == PROXY_NONE)
		return;
	if (address == NULL) {
		snprintf(
		    made_up, sizeof(made_up), "192.0.2.%u", 1 + count % 254);
		address = made_up;
	}
	count++;
	family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
	if (gen.proxy == PROXY_V1)
		proxy_v1(s, family, address, port);
	else
		proxy_v2(s, family, address, port);
}

void
send_text(struct slot *s, const char *text)
{
	buf_puts(&s->out.buf, text);
}

/* The client breaks off here, as soon as what it said is written. */
static int
break_off(struct slot *s, enum fault here)
{
	if (s->fault != here)
		return 0;
	s->close_flushed = 1;
	return 1;
}

void
send_hello(struct slot *s)
{
	buf_puts(&s->out.buf, hello);
	(void)break_off(s, FAULT_EHLO);
}

void
send_mail(struct slot *s)
{
	buf_puts(&s->out.buf, s->caps & CAP_SIZE ? mail_size : mail_plain);
	(void)break_off(s, FAULT_MAIL);
}

void
send_rcpt(struct slot *s, unsigned i)
{
	buf_puts(&s->out.buf, rcpt_lines[i]);
	(void)break_off(s, FAULT_RCPT);
}

void
send_data(struct slot *s)
{
	buf_puts(&s->out.buf, "DATA\r\n");
	(void)break_off(s, FAULT_DATA);
}

/* MAIL, all RCPT and (without BDAT) DATA of a job together. */
void
send_envelope(struct slot *s, const struct job *j)
{
	unsigned i;

	send_mail(s);
	for (i = job_next_rcpt(j, 0, RCPT_OPEN);
	     i < gen.rcpts && !s->close_flushed;
	     i = job_next_rcpt(j, i + 1, RCPT_OPEN))
		send_rcpt(s, i);
	if (!gen.bdat && !s->close_flushed)
		send_data(s);
}

/* The part of piece that lies in [from, to), the piece beginning at base. */
static void
put_piece(struct slot *s, const char *piece, size_t len, size_t base,
    size_t from, size_t to, int shared)
{
	struct out *o = &s->out;

	if (from < base)
		from = base;
	if (to > base + len)
		to = base + len;
	if (from >= to)
		return;
	piece += from - base;
	len = to - from;
	if (shared && len > COPY_MAX && o->ref == NULL) {
		o->ref = piece;
		o->ref_len = len;
		o->ref_off = 0;
		o->ref_at = o->buf.len;
	} else
		buf_add(&o->buf, piece, len);
}

/* Octets from..to of the message in parts. */
static void
put_content(struct slot *s, size_t from, size_t to)
{
	put_piece(s, parts.head, parts.headlen, 0, from, to, 0);
	put_piece(s, parts.mid, parts.midlen, parts.headlen, from, to, 1);
	put_piece(s, parts.tail, parts.taillen, parts.headlen + parts.midlen,
	    from, to, 0);
}

static size_t
build(const struct job *j, int stuffed)
{
	msg_build(gen.maker, j->number, stuffed, &parts);
	return parts.headlen + parts.midlen + parts.taillen;
}

/* After 354: the whole content and the final dot. */
void
send_content(struct slot *s)
{
	size_t len = build(s->job, 1);

	if (break_off(s, FAULT_BODY)) {
		put_content(s, 0, len / 2);
		return;
	}
	put_content(s, 0, len);
	buf_puts(&s->out.buf, ".\r\n");
	(void)break_off(s, FAULT_DOT);
}

/* The next BDAT chunk; true if it was the last. */
int
send_chunk(struct slot *s)
{
	char line[64];
	size_t len = build(s->job, 0), from = s->sent, n = len - from;

	if (n > gen.chunk)
		n = gen.chunk;
	s->sent = from + n;
	snprintf(line, sizeof(line), "BDAT %zu%s\r\n", n,
	    s->sent == len ? " LAST" : "");
	buf_puts(&s->out.buf, line);
	if (break_off(s, FAULT_DATA))
		return 1;
	if (break_off(s, FAULT_BODY)) {
		put_content(s, from, from + n / 2);
		return 1;
	}
	put_content(s, from, from + n);
	if (s->sent < len) {
		s->chunks_due++;
		return 0;
	}
	(void)break_off(s, FAULT_DOT);
	return 1;
}

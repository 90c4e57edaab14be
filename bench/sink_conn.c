/*
 * Connections of the sink: one large read, the dialogue, one write for all
 * the replies.  EV_WRITE is asked for only after a short write.
 */

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include <sys/types.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sink.h"

#define READ_SIZE 65536
#define READS_MAX 8 /* then it is another's turn */
#define ACCEPTS_MAX 64
#define OUT_MAX (1024 * 1024) /* a client that never reads */
#define LONG_TEXT 5100

static struct event ev_listen;
static struct conn *conns;
static unsigned long nopen;
static char input[READ_SIZE];

static void conn_flush(struct conn *);

static void
conn_free(struct conn *c)
{
	event_del(&c->ev_read);
	event_del(&c->ev_write);
	event_del(&c->ev_timer);
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		conns = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	close(c->fd);
	cmd_free(c);
	buf_free(&c->in);
	buf_free(&c->out);
	buf_free(&c->late);
	free(c);
	nopen--;
}

void
conn_free_all(void)
{
	while (conns != NULL)
		conn_free(conns);
}

unsigned long
conn_open_count(void)
{
	return nopen;
}

/* After what is in the output buffer has been written. */
void
conn_close(struct conn *c)
{
	c->closing = 1;
}

static void
conn_pause(struct conn *c)
{
	c->paused = 1;
	event_del(&c->ev_read);
}

static void
process_pending(struct conn *c)
{
	size_t used, left;

	used = cmd_input(c, c->in.data + c->in.off, c->in.len - c->in.off);
	left = c->in.len - c->in.off - used;
	if (left == 0) {
		buf_clear(&c->in);
		return;
	}
	memmove(c->in.data, c->in.data + c->in.off + used, left);
	c->in.off = 0;
	c->in.len = left;
}

static void
process(struct conn *c, const char *p, size_t n)
{
	size_t used;

	if (c->in.len > 0) {
		buf_add(&c->in, p, n);
		process_pending(c);
		return;
	}
	used = cmd_input(c, p, n);
	if (used < n && !c->closing)
		buf_add(&c->in, p + used, n - used);
}

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	ssize_t n;
	int reads;

	(void)what;
	for (reads = 0; reads < READS_MAX; reads++) {
		n = read(fd, input, sizeof(input));
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0) {
			conn_free(c);
			return;
		}
		process(c, input, (size_t)n);
		if (c->paused || c->closing || (size_t)n < sizeof(input))
			break;
	}
	conn_flush(c);
}

static void
on_write(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	conn_flush(arg);
}

/* A slow reply is due; go on with the input that came meanwhile. */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	buf_add(&c->out, c->late.data, c->late.len);
	buf_clear(&c->late);
	c->paused = 0;
	if (!c->closing && c->in.len > 0)
		process_pending(c);
	if (!c->paused)
		event_add(&c->ev_read, NULL);
	conn_flush(c);
}

static void
conn_flush(struct conn *c)
{
	ssize_t n;

	while (c->out.off < c->out.len) {
		n = write(
		    c->fd, c->out.data + c->out.off, c->out.len - c->out.off);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN &&
		    c->out.len - c->out.off < OUT_MAX) {
			event_add(&c->ev_write, NULL);
			return;
		}
		if (n == -1) {
			conn_free(c);
			return;
		}
		c->out.off += (size_t)n;
	}
	buf_clear(&c->out);
	if (c->closing)
		conn_free(c);
}

static void
slow_reply(struct conn *c, unsigned ms, const struct buf *reply)
{
	struct timeval tv;

	tv.tv_sec = (time_t)(ms / 1000);
	tv.tv_usec = (suseconds_t)(ms % 1000) * 1000;
	buf_add(&c->late, reply->data, reply->len);
	conn_pause(c);
	event_add(&c->ev_timer, &tv);
}

/* Each line of the reply with much more text, or with more lines before. */
static void
bloat_reply(struct conn *c, enum action action, const struct buf *reply)
{
	char text[LONG_TEXT];
	const char *p = reply->data, *end = p + reply->len, *nl;

	memset(text, 'x', sizeof(text));
	for (; p < end; p = nl + 1) {
		if ((nl = memchr(p, '\n', (size_t)(end - p))) == NULL)
			return;
		if (action == ACTION_MULTI) {
			buf_add(&c->out, p, 3);
			buf_puts(&c->out, "-first of several lines\r\n");
			buf_add(&c->out, p, 3);
			buf_puts(&c->out, "-second line\r\n");
			buf_add(&c->out, p, (size_t)(nl - p) + 1);
		} else {
			buf_add(&c->out, p, (size_t)(nl - p) - 1);
			buf_puts(&c->out, " ");
			buf_add(&c->out, text, sizeof(text));
			buf_puts(&c->out, "\r\n");
		}
	}
}

/* Start of the last line of a reply, which may be several replies (LMTP). */
static size_t
last_line(const struct buf *reply)
{
	size_t i = reply->len;

	for (i = i > 2 ? i - 2 : 0; i > 0 && reply->data[i - 1] != '\n'; i--)
		;
	return i;
}

static void
coded_reply(struct conn *c, const struct fault *f, const struct buf *reply)
{
	char code[8];
	size_t i;

	for (i = 0; i < 3; i++)
		code[2 - i] = (char)('0' +
		    f->arg /
			(i == 0		 ? 1U
				: i == 1 ? 10U
					 : 100U) %
			10);
	/* As many lines as planned: one for each recipient with LMTP. */
	for (i = 0; i < reply->len; i++) {
		if (reply->data[i] != '\n')
			continue;
		if (f->stage == STAGE_EHLO && i + 1 < reply->len)
			continue;
		buf_add(&c->out, code, 3);
		buf_puts(&c->out, " ");
		if (f->text == NULL && settings.enhanced) {
			buf_add(&c->out, code, 1);
			buf_puts(&c->out, ".0.0 ");
		}
		buf_puts(&c->out, f->text ? f->text : "as you asked");
		buf_puts(&c->out, "\r\n");
	}
	if (f->arg == 421)
		conn_close(c);
}

/* Sends the reply, or what the fault makes of it; empties the reply. */
void
conn_answer(struct conn *c, const struct fault *f, struct buf *reply)
{
	switch (f == NULL ? ACTION_NONE : f->action) {
	case ACTION_RESET:
		net_reset_on_close(c->fd);
		conn_close(c);
		break;
	case ACTION_CLOSE:
		conn_close(c);
		break;
	case ACTION_HANG:
		conn_pause(c);
		break;
	case ACTION_SLOW:
		slow_reply(c, f->arg, reply);
		break;
	case ACTION_CODE:
		coded_reply(c, f, reply);
		break;
	case ACTION_GARBAGE:
		buf_puts(&c->out, "?!%$ this is no reply\r\n");
		break;
	case ACTION_LONG:
	case ACTION_MULTI:
		bloat_reply(c, f->action, reply);
		break;
	case ACTION_DROP:
		buf_add(&c->out, reply->data, last_line(reply));
		break;
	case ACTION_EXTRA:
		buf_add(&c->out, reply->data, reply->len);
		buf_add(&c->out, reply->data + last_line(reply),
		    reply->len - last_line(reply));
		break;
	case ACTION_PART:
		buf_add(&c->out, reply->data, reply->len / 2);
		conn_close(c);
		break;
	case ACTION_NONE:
		buf_add(&c->out, reply->data, reply->len);
		break;
	}
	reply->len = 0;
}

static void
conn_new(int fd)
{
	struct conn *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		err(1, "out of memory");
	c->fd = fd;
	c->next = conns;
	if (conns != NULL)
		conns->prev = c;
	conns = c;
	nopen++;
	store_count(COUNT_CONNECTIONS);
	store_max(COUNT_MAX_OPEN, nopen);
	event_assign(
	    &c->ev_read, settings.base, fd, EV_READ | EV_PERSIST, on_read, c);
	event_assign(&c->ev_write, settings.base, fd, EV_WRITE, on_write, c);
	evtimer_assign(&c->ev_timer, settings.base, on_timer, c);
	event_add(&c->ev_read, NULL);
	cmd_banner(c);
	conn_flush(c);
}

static void
on_accept(evutil_socket_t lfd, short what, void *arg)
{
	int fd, i;

	(void)what;
	(void)arg;
	for (i = 0; i < ACCEPTS_MAX; i++) {
		if ((fd = net_accept(lfd)) == -1) {
			if (errno == EMFILE || errno == ENFILE)
				warn("accept");
			return;
		}
		conn_new(fd);
	}
}

void
conn_listen(int fd)
{
	event_assign(&ev_listen, settings.base, fd, EV_READ | EV_PERSIST,
	    on_accept, NULL);
	event_add(&ev_listen, NULL);
}

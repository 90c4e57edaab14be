/*
 * Connections on plain libevent events: see conn.h.
 *
 * Input is read into one buffer of the process.  While a callback runs, the
 * connection's input points into it; what the callback leaves is copied into a
 * buffer of the connection's own, which it keeps only as long as something is
 * in it.  So thousands of idle connections cost no buffers, and message data,
 * which is always consumed at once, is not copied here.
 */

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account.h"
#include "compat.h"
#include "conn_impl.h"
#include "mem.h"
#include "net.h"
#include "tls.h"

/* Shared by all connections of the process; used by one read at a time. */
static char shared[CONN_INPUT_MAX];
static unsigned outstanding;

/* When memory is short, no more is read than this ahead of what is at work. */
#define INPUT_SHORT (16 * 1024)

static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_deadline(void *arg);

void
conn_impl_count(struct conn *c)
{
	size_t now = (c->own != NULL ? c->own_size : 0) +
	    (c->out != NULL ? c->out_size : 0);

	if (now != c->counted)
		account_add(
		    loop_account(c->loop), (int64_t)now - (int64_t)c->counted);
	c->counted = now;
}

void
conn_impl_reading(struct conn *c, bool on)
{
	bool is_on = (c->flags & F_READING) != 0;

	if (on == is_on)
		return;
	if (on) {
		event_add(&c->read_ev, NULL);
		c->flags |= F_READING;
	} else {
		event_del(&c->read_ev);
		c->flags &= ~(unsigned)F_READING;
	}
}

void
conn_impl_writing(struct conn *c, bool on)
{
	bool is_on = (c->flags & F_WRITING) != 0;

	if (on == is_on)
		return;
	if (c->write_ev == NULL)
		c->write_ev = event_new(loop_base(c->loop), c->fd,
		    EV_WRITE | EV_PERSIST, conn_impl_writable, c);
	if (c->write_ev == NULL)
		abort();
	if (on) {
		event_add(c->write_ev, NULL);
		c->flags |= F_WRITING;
	} else {
		event_del(c->write_ev);
		c->flags &= ~(unsigned)F_WRITING;
	}
}

struct conn *
conn_new(struct loop *l, int fd, const struct conn_ops *ops, void *ctx)
{
	struct conn *c = xcalloc(1, sizeof(*c));

	c->magic = CONN_MAGIC;
	c->fd = fd;
	c->loop = l;
	c->ops = ops;
	c->ctx = ctx;
	event_assign(&c->read_ev, loop_base(l), fd, EV_READ | EV_PERSIST,
	    on_readable, c);
	timer_init(&c->deadline, l, on_deadline, c);
	conn_impl_reading(c, true);
	outstanding++;
	return c;
}

struct conn *
conn_connect(struct loop *l, const struct sockaddr *sa, socklen_t sa_len,
    const struct conn_ops *ops, void *ctx)
{
	struct net_addr to;

	net_from_sockaddr(&to, sa, sa_len);
	return conn_connect_from(l, NULL, &to, ops, ctx);
}

struct conn *
conn_connect_from(struct loop *l, const struct net_addr *source,
    const struct net_addr *to, const struct conn_ops *ops, void *ctx)
{
	const struct sockaddr *sa = (const struct sockaddr *)&to->ss;
	struct conn *c;
	int fd = socket(sa->sa_family, SOCK_STREAM, 0), on = 1, saved;

	if (fd == -1)
		return NULL;
	if (net_nonblock(fd) == -1 || net_cloexec(fd) == -1 ||
	    (source != NULL && net_bind_source(fd, source) == -1) ||
	    (connect(fd, sa, to->len) == -1 && errno != EINPROGRESS)) {
		saved = errno;
		close(fd);
		errno = saved;
		return NULL;
	}
	if (sa->sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c = conn_new(l, fd, ops, ctx);
	c->flags |= F_CONNECTING;
	conn_impl_reading(c, false);
	conn_impl_writing(c, true);
	return c;
}

void
conn_set_ops(struct conn *c, const struct conn_ops *ops, void *ctx)
{
	assert(c->magic == CONN_MAGIC);
	c->ops = ops;
	c->ctx = ctx;
}

static void
reap(struct task *t)
{
	struct conn *c = container_of(t, struct conn, task);

	assert((c->flags & F_CLOSED) != 0);
	c->magic = 0;
	free(c);
}

void
conn_close(struct conn **cp)
{
	struct conn *c = *cp;

	if (c == NULL)
		return;
	assert(c->magic == CONN_MAGIC && (c->flags & F_CLOSED) == 0);
	c->flags |= F_CLOSED;
	conn_impl_reading(c, false);
	event_del(&c->read_ev); /* it may have been made active */
	if (c->write_ev != NULL)
		event_free(c->write_ev);
	timer_clear(&c->deadline);
	if (c->tls != NULL)
		tls_shutdown(c->tls);
	tls_free(&c->tls);
	close(c->fd);
	if ((c->flags & F_SECRET) != 0)
		compat_wipe(c->out, c->out_len);
	free(c->own);
	free(c->out);
	c->own = NULL;
	c->out = NULL;
	conn_impl_count(c);
	c->write_ev = NULL;
	loop_undefer(c->loop, &c->task);
	c->task.run = reap;
	loop_reap(c->loop, &c->task);
	outstanding--;
	*cp = NULL;
}

/* Input. */

void
conn_set_raw(struct conn *c, bool raw)
{
	if (raw)
		c->flags |= F_RAW;
	else
		c->flags &= ~(unsigned)F_RAW;
}

ssize_t
conn_peek(struct conn *c, void *buf, size_t len)
{
	return recv(c->fd, buf, len, MSG_PEEK);
}

ssize_t
conn_take(struct conn *c, void *buf, size_t len)
{
	return recv(c->fd, buf, len, 0);
}

const char *
conn_input(const struct conn *c, size_t *len_r)
{
	*len_r = c->in_len;
	return c->in;
}

void
conn_consume(struct conn *c, size_t len)
{
	assert(len <= c->in_len);
	if (len > 0) /* else there may be no input to point to */
		c->in += len;
	c->in_len -= len;
	if (c->in_len == 0 && c->own != NULL) {
		free(c->own);
		c->own = NULL;
		c->in = NULL;
		conn_impl_count(c);
	}
	if (c->in_len < CONN_INPUT_MAX &&
	    (c->flags & (F_EOF | F_CLOSED)) == 0) {
		conn_impl_reading(c, true);
		conn_impl_pending(c);
	}
}

void
conn_consume_secret(struct conn *c, size_t len)
{
	assert(len <= c->in_len);
	if (len > 0)
		compat_wipe((char *)(uintptr_t)c->in, len);
	conn_consume(c, len);
}

bool
conn_line(
    const struct conn *c, const char **line_r, size_t *len_r, size_t *used_r)
{
	const char *nl;

	nl = c->in_len > 0 ? memchr(c->in, '\n', c->in_len) : NULL;
	if (nl == NULL)
		return false;
	*line_r = c->in;
	*len_r = (size_t)(nl - c->in);
	*used_r = *len_r + 1;
	return true;
}

bool
conn_at_eof(const struct conn *c)
{
	return (c->flags & F_EOF) != 0;
}

/* Keeps what is left in the shared buffer. */
static void
keep_rest(struct conn *c)
{
	if (c->in_len == 0) {
		c->in = NULL;
		return;
	}
	if (c->own != NULL)
		return;
	c->own_size = c->in_len < 512 ? 512 : c->in_len;
	c->own = xmalloc(c->own_size);
	memcpy(c->own, c->in, c->in_len);
	c->in = c->own;
	conn_impl_count(c);
}

/* Makes room behind the input that was left over; returns where to read. */
static char *
room(struct conn *c, size_t *space_r)
{
	if (c->in_len == 0) {
		*space_r = sizeof(shared);
		return shared;
	}
	if (c->in != c->own) {
		memmove(c->own, c->in, c->in_len);
		c->in = c->own;
	}
	if (c->own_size - c->in_len < 4096 && c->own_size < CONN_INPUT_MAX) {
		c->own_size = c->own_size * 2 + 4096;
		if (c->own_size > CONN_INPUT_MAX)
			c->own_size = CONN_INPUT_MAX;
		c->own = xrealloc(c->own, c->own_size);
		c->in = c->own;
		conn_impl_count(c);
	}
	*space_r = c->own_size - c->in_len;
	if (c->in_len >= INPUT_SHORT &&
	    account_level(loop_account(c->loop)) >= ACCOUNT_SHED)
		*space_r = 0;
	return c->own + c->in_len;
}

void
conn_impl_end(struct conn *c, enum conn_end why, int error)
{
	if (why == CONN_ERROR) {
		if ((c->flags & F_ENDED) != 0)
			return;
		c->flags |= F_ENDED;
		conn_impl_reading(c, false);
	}
	c->ops->on_end(c->ctx, why, error);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	size_t space;
	ssize_t n;
	char *to;

	(void)fd;
	(void)what;
	assert(c->magic == CONN_MAGIC);
	if ((c->flags & F_RAW) != 0) {
		c->ops->on_input(c->ctx);
		return;
	}
	if ((c->flags & F_HANDSHAKE) != 0) {
		conn_impl_handshake(c);
		return;
	}
	to = room(c, &space);
	if (space == 0) {
		conn_impl_reading(c, false);
		return;
	}
	n = conn_impl_read(c, to, space);
	if (n > 0) {
		if (to == shared)
			c->in = shared;
		c->in_len += (size_t)n;
		c->ops->on_input(c->ctx);
		if ((c->flags & F_CLOSED) != 0)
			return;
		keep_rest(c);
		conn_impl_pending(c);
		return;
	}
	if (n == 0) {
		c->flags |= F_EOF;
		conn_impl_reading(c, false);
		conn_impl_end(c, CONN_EOF, 0);
	} else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		conn_impl_end(c, CONN_ERROR, errno);
}

/* Time. */

void
conn_deadline(struct conn *c, int64_t at_ms)
{
	timer_set(&c->deadline, at_ms);
}

static void
on_deadline(void *arg)
{
	struct conn *c = arg;

	conn_impl_end(c, CONN_DEADLINE, 0);
}

int
conn_fd(const struct conn *c)
{
	return c->fd;
}

unsigned
conn_outstanding(void)
{
	return outstanding;
}

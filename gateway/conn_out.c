/*
 * The output of connections: written at once, a write event only after EAGAIN.
 * See conn.h.
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "conn_impl.h"
#include "mem.h"

#define OUTPUT_BATCH (64 * 1024)

static void
report_error(struct task *t)
{
	struct conn *c = container_of(t, struct conn, task);

	conn_impl_end(c, CONN_ERROR, c->error);
}

/* Write errors are told from the loop, never from inside a call. */
static void
write_failed(struct conn *c, int error)
{
	c->error = error;
	c->out_len = c->out_done = 0;
	c->task.run = report_error;
	loop_defer(c->loop, &c->task);
}

void
conn_keep_secret(struct conn *c)
{
	c->flags |= F_SECRET;
}

/* realloc() would leave a copy behind. */
static void
resize(struct conn *c, size_t size)
{
	char *old = c->out;

	if ((c->flags & F_SECRET) == 0 || old == NULL) {
		c->out = xrealloc(c->out, size);
		return;
	}
	c->out = xmalloc(size);
	memcpy(c->out, old, c->out_len);
	compat_wipe(old, c->out_len);
	free(old);
}

void
conn_put(struct conn *c, const void *buf, size_t len)
{
	if (c->error != 0 || len == 0)
		return;
	if (c->out_len + len > c->out_size) {
		c->out_size = (c->out_len + len) * 2;
		if (c->out_size < 256)
			c->out_size = 256;
		resize(c, c->out_size);
		conn_impl_count(c);
	}
	memcpy(c->out + c->out_len, buf, len);
	c->out_len += len;
	if (c->out_len - c->out_done >= OUTPUT_BATCH)
		conn_flush(c);
}

size_t
conn_unsent(const struct conn *c)
{
	return c->out_len - c->out_done;
}

void
conn_flush(struct conn *c)
{
	ssize_t n;

	if ((c->flags & (F_CONNECTING | F_HANDSHAKE)) != 0)
		return;
	while (conn_unsent(c) > 0) {
		n = conn_impl_write(c, c->out + c->out_done, conn_unsent(c));
		if (n >= 0) {
			c->out_done += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			write_failed(c, errno);
		break;
	}
	if (conn_unsent(c) > 0) {
		conn_impl_writing(c, true);
		return;
	}
	if ((c->flags & F_SECRET) != 0)
		compat_wipe(c->out, c->out_len);
	c->out_len = c->out_done = c->out_size = 0;
	free(c->out);
	c->out = NULL;
	conn_impl_count(c);
}

/* Encryption copies anyway, and the library wants a write that it could not
 * do repeated with the same octets: so they go through the output buffer. */
static size_t
put_some(struct conn *c, const struct iovec *iov, int count)
{
	size_t n, taken = 0;
	int i;

	for (i = 0; i < count && taken < OUTPUT_BATCH; i++) {
		n = iov[i].iov_len;
		if (n > OUTPUT_BATCH - taken)
			n = OUTPUT_BATCH - taken;
		conn_put(c, iov[i].iov_base, n);
		taken += n;
	}
	conn_flush(c);
	if (conn_unsent(c) > 0)
		c->flags |= F_WANT_DRAINED;
	return taken;
}

size_t
conn_writev(struct conn *c, const struct iovec *iov, int count)
{
	size_t total = 0;
	ssize_t n;
	int i;

	for (i = 0; i < count; i++)
		total += iov[i].iov_len;
	if (c->error != 0)
		return total;
	conn_flush(c);
	if (conn_unsent(c) > 0 || (c->flags & F_CONNECTING) != 0) {
		c->flags |= F_WANT_DRAINED;
		return 0;
	}
	if (c->tls != NULL)
		return put_some(c, iov, count);
	do
		n = writev(c->fd, iov, count);
	while (n == -1 && errno == EINTR);
	if (n == -1 && errno != EAGAIN && errno != EWOULDBLOCK) {
		write_failed(c, errno);
		return total;
	}
	if (n == -1)
		n = 0;
	if ((size_t)n < total) {
		c->flags |= F_WANT_DRAINED;
		conn_impl_writing(c, true);
	}
	return (size_t)n;
}

void
conn_want_drained(struct conn *c)
{
	c->flags |= F_WANT_DRAINED;
}

/* The outcome of connect(). */
static void
connected(struct conn *c)
{
	int error = 0;
	socklen_t len = sizeof(error);

	c->flags &= ~(unsigned)F_CONNECTING;
	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error != 0) {
		conn_impl_writing(c, false);
		conn_impl_end(c, CONN_ERROR, error);
		return;
	}
	conn_impl_reading(c, true);
	conn_impl_writing(
	    c, conn_unsent(c) > 0 || (c->flags & F_WANT_DRAINED) != 0);
	if (c->ops->on_connect != NULL)
		c->ops->on_connect(c->ctx);
}

void
conn_impl_writable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	assert(c->magic == CONN_MAGIC);
	if ((c->flags & F_CONNECTING) != 0) {
		connected(c);
		return;
	}
	if ((c->flags & F_HANDSHAKE) != 0) {
		conn_impl_handshake(c);
		return;
	}
	conn_flush(c);
	if (conn_unsent(c) > 0)
		return;
	conn_impl_writing(c, false);
	if ((c->flags & F_WANT_DRAINED) != 0 && c->error == 0) {
		c->flags &= ~(unsigned)F_WANT_DRAINED;
		c->ops->on_drained(c->ctx);
	}
}

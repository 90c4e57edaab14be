/*
 * TLS on a connection, and the two calls that differ with it.
 */

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "conn_impl.h"
#include "tls.h"
#include "tls_client.h"

/* Decrypted pieces are small; the buffer is filled as long as there are any. */
static ssize_t
read_tls(struct conn *c, char *buf, size_t len)
{
	size_t have = 0;
	ssize_t n;

	do {
		n = tls_read(c->tls, buf + have, len - have);
		if (n > 0)
			have += (size_t)n;
	} while (n > 0 && have < len);
	if (have == 0)
		return n;
	/* An end or an error behind good input is met again by the next read,
	 * which the library answers alike. */
	if (n == 0 || (n < 0 && errno != EAGAIN))
		c->flags |= F_TLS_END;
	return (ssize_t)have;
}

ssize_t
conn_impl_read(struct conn *c, void *buf, size_t len)
{
	if (c->tls != NULL)
		return read_tls(c, buf, len);
	return read(c->fd, buf, len);
}

ssize_t
conn_impl_write(struct conn *c, const void *buf, size_t len)
{
	if (c->tls != NULL)
		return tls_write(c->tls, buf, len);
	return write(c->fd, buf, len);
}

void
conn_impl_pending(struct conn *c)
{
	if (c->tls == NULL || (c->flags & F_READING) == 0 ||
	    c->in_len >= CONN_INPUT_MAX)
		return;
	if (tls_pending(c->tls) > 0 || (c->flags & F_TLS_END) != 0)
		event_active(&c->read_ev, EV_READ, 0);
}

void
conn_impl_handshake(struct conn *c)
{
	bool want_write;
	int done = tls_handshake(c->tls, &want_write);

	if (done == -1) {
		conn_impl_end(c, CONN_ERROR, EPROTO);
		return;
	}
	/* A peer that sends and does not read must not keep us turning. */
	conn_impl_reading(c, !want_write);
	conn_impl_writing(c, want_write);
	if (done == 0)
		return;
	c->flags &= ~(unsigned)F_HANDSHAKE;
	conn_impl_pending(c);
	c->ops->on_secured(c->ctx);
}

static void
start(struct conn *c, struct tls *tls)
{
	c->tls = tls;
	c->flags |= F_HANDSHAKE;
	conn_impl_reading(c, true);
}

void
conn_start_tls(struct conn *c, struct tls_context *context)
{
	assert(c->tls == NULL && c->in_len == 0 && conn_unsent(c) == 0);
	start(c, tls_accept(context, c->fd));
}

/* The client speaks first: the socket is writable soon. */
void
conn_start_tls_client(struct conn *c, struct tls_client *client,
    const char *name, const char *place)
{
	assert(c->tls == NULL && c->in_len == 0 && conn_unsent(c) == 0);
	start(c, tls_connect(client, c->fd, name, place));
	conn_impl_writing(c, true);
}

enum fault
conn_tls_fault(const struct conn *c, const char **why_r)
{
	return tls_server_fault(c->tls, why_r);
}

bool
conn_tls_info(const struct conn *c, struct tls_info *info_r)
{
	if (c->tls == NULL || (c->flags & F_HANDSHAKE) != 0)
		return false;
	tls_get_info(c->tls, info_r);
	return true;
}

const char *
conn_tls_error(const struct conn *c)
{
	return c->tls != NULL ? tls_error(c->tls) : "no TLS";
}

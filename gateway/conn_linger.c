/*
 * Closing after the peer has got what was written: see conn_linger().
 */

#include <sys/socket.h>

#include "conn_impl.h"
#include "tls.h"

#define LINGER_MS 2000

static void
say_end(struct conn *c)
{
	if (c->tls != NULL)
		tls_shutdown(c->tls);
	shutdown(c->fd, SHUT_WR);
}

static void
linger_input(void *ctx)
{
	struct conn *c = ctx;

	conn_consume(c, c->in_len);
}

static void
linger_drained(void *ctx)
{
	struct conn *c = ctx;

	if (conn_at_eof(c))
		conn_close(&c);
	else
		say_end(c);
}

/* The peer may close its side and still read what waits for it. */
static void
linger_end(void *ctx, enum conn_end why, int error)
{
	struct conn *c = ctx;

	(void)error;
	if (why != CONN_EOF || conn_unsent(c) == 0)
		conn_close(&c);
}

void
conn_linger(struct conn **cp)
{
	static const struct conn_ops linger_ops = {
		.on_input = linger_input,
		.on_drained = linger_drained,
		.on_end = linger_end,
	};
	struct conn *c = *cp;

	*cp = NULL;
	conn_flush(c);
	if ((c->flags & (F_ENDED | F_HANDSHAKE)) != 0 || c->error != 0 ||
	    (conn_at_eof(c) && conn_unsent(c) == 0)) {
		conn_close(&c);
		return;
	}
	conn_set_ops(c, &linger_ops, c);
	c->flags &= ~(unsigned)F_RAW;
	conn_consume(c, c->in_len);
	if (conn_unsent(c) > 0)
		c->flags |= F_WANT_DRAINED;
	else
		say_end(c);
	conn_deadline(c, loop_now(c->loop) + LINGER_MS);
}

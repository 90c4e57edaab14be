#ifndef POSTERN_FAKE_CONN_H
#define POSTERN_FAKE_CONN_H

/*
 * A connection with a socketpair's other end in the test's hand.  The clock is
 * scripted; callbacks are written down as letters in rig.trace: c connected,
 * i input, d drained, s secured, e end of file, E error, D deadline.
 */

#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "conn.h"
#include "loop.h"
#include "net.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define START 1000

static struct rig {
	struct loop *loop;
	struct conn *conn;
	int peer; /* non-blocking */
	char trace[200];
	int error;
	bool inside;		/* a call of conn.h is running */
	char close_on;		/* closes in this callback */
	void (*on_input)(void); /* more to do */
	void (*on_drained)(void);
} rig;

static inline void
called(char what)
{
	size_t have = strlen(rig.trace);

	assert(!rig.inside);
	if (have + 1 < sizeof(rig.trace))
		rig.trace[have] = what;
	if (rig.close_on == what)
		conn_close(&rig.conn);
}

static inline void
rig_connect(void *ctx)
{
	assert(ctx == &rig);
	called('c');
}

static inline void
rig_input(void *ctx)
{
	assert(ctx == &rig);
	called('i');
	if (rig.on_input != NULL && rig.conn != NULL)
		rig.on_input();
}

static inline void
rig_drained(void *ctx)
{
	assert(ctx == &rig);
	called('d');
	if (rig.on_drained != NULL && rig.conn != NULL)
		rig.on_drained();
}

static inline void
rig_secured(void *ctx)
{
	assert(ctx == &rig);
	called('s');
}

static inline void
rig_end(void *ctx, enum conn_end why, int error)
{
	assert(ctx == &rig);
	rig.error = error;
	called(why == CONN_EOF ? 'e' : why == CONN_ERROR ? 'E' : 'D');
}

static const struct conn_ops rig_ops = { .on_connect = rig_connect,
	.on_input = rig_input,
	.on_drained = rig_drained,
	.on_secured = rig_secured,
	.on_end = rig_end };

static inline int
setup(void **state)
{
	struct sigaction sa = { .sa_handler = SIG_IGN };
	int fds[2];

	(void)state;
	sigaction(SIGPIPE, &sa, NULL);
	memset(&rig, 0, sizeof(rig));
	rig.loop = loop_new();
	loop_script_clock(rig.loop, START, 1700000000000);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1 ||
	    net_nonblock(fds[0]) == -1 || net_nonblock(fds[1]) == -1)
		return -1;
	rig.peer = fds[1];
	rig.conn = conn_new(rig.loop, fds[0], &rig_ops, &rig);
	return 0;
}

static inline void
close_peer(void)
{
	if (rig.peer != -1)
		close(rig.peer);
	rig.peer = -1;
}

static inline int
teardown(void **state)
{
	(void)state;
	conn_close(&rig.conn);
	close_peer();
	loop_free(&rig.loop);
	return conn_outstanding() == 0 ? 0 : -1;
}

/* Some turns: whatever can happen on a socketpair has happened then. */
static inline void
turn(void)
{
	int i;

	for (i = 0; i < 8; i++)
		loop_turn(rig.loop, false);
}

static inline void
peer_says(const char *text)
{
	ssize_t n = write(rig.peer, text, strlen(text));

	assert(n == (ssize_t)strlen(text));
	turn();
}

/* What the peer can read now. */
static inline size_t
peer_reads(char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size && (n = read(rig.peer, buf + len, size - len)) > 0)
		len += (size_t)n;
	return len;
}

static inline bool
peer_got(const char *text)
{
	char buf[1000];
	size_t len = peer_reads(buf, sizeof(buf));

	return len == strlen(text) && memcmp(buf, text, len) == 0;
}

/* Has our side said that no more will come? */
static inline bool
peer_at_eof(void)
{
	char c;

	return read(rig.peer, &c, 1) == 0;
}

/* Octet number i of a stream in which a mistake is noticed. */
static inline char
pattern(size_t i)
{
	return (char)((i * 2654435761u) >> 13);
}

static inline char *
make_pattern(size_t len)
{
	char *p = malloc(len);
	size_t i;

	assert(p != NULL);
	for (i = 0; i < len; i++)
		p[i] = pattern(i);
	return p;
}

#endif

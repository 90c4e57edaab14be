#ifndef POSTERN_FAKE_POOL_H
#define POSTERN_FAKE_POOL_H

/*
 * Pools of two workers, with loopback listeners for servers.  The clock is
 * scripted; the sockets are real.
 */

#include <netinet/in.h>
#include <sys/socket.h>

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "conn.h"
#include "loop.h"
#include "pool.h"
#include "servers.h"
#include "stats.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define START 1000
#define SERVERS 2
#define WAITS 8

struct wish { /* a delivery */
	struct pool_wait wait;
	struct link *link;
	char why[200];
	unsigned got;
	unsigned rank;		  /* who was answered first */
	struct pool_wait *cancel; /* by its callback */
};

static struct loop *loop;
static struct stats *stats;
static struct servers *shared;
static struct backend_conf conf;
static struct server_conf servers[SERVERS];
static int listeners[SERVERS]; /* -1: dead */
static struct pool *pools[2];  /* of two workers */
static struct wish wishes[WAITS];
static unsigned answers;
static int error; /* of the last link's end */

static const struct backend protocol = { .name = "fake",
	.link = BACKEND_SERVER,
	.goodbye = "QUIT\r\n",
	.link_size = 10 };

static inline void
link_connect(void *ctx)
{
	struct wish *w = ctx;

	w->link->connected = true;
}

static inline void
link_input(void *ctx)
{
	(void)ctx;
}

static inline void
link_end(void *ctx, enum conn_end why, int err)
{
	struct wish *w = ctx;

	error = why == CONN_ERROR ? err : -1;
	w->wait.tried |= 1u << w->link->target;
	pool_drop(&w->link);
}

static const struct conn_ops link_ops = { .on_connect = link_connect,
	.on_input = link_input,
	.on_drained = link_input,
	.on_end = link_end };

static inline void
take(struct wish *w, struct link *l)
{
	w->link = l;
	conn_set_ops(l->conn, &link_ops, w);
	conn_deadline(l->conn, 0);
}

static inline void
got(struct pool_wait *wait, struct link *l, const char *why)
{
	struct wish *w = container_of(wait, struct wish, wait);

	w->got++;
	w->rank = ++answers;
	compat_strlcpy(w->why, why != NULL ? why : "", sizeof(w->why));
	if (l != NULL)
		take(w, l);
	if (w->cancel != NULL)
		pool_cancel(w->cancel);
}

static inline int
open_listener(int i)
{
	struct net_addr *a = &servers[i].addrs[0];
	const char *err;

	if (a->len == 0 && net_parse("127.0.0.1:0", a, &err) == -1)
		return -1;
	listeners[i] = net_listen(a, 20);
	if (listeners[i] == -1)
		return -1;
	return getsockname(listeners[i], (struct sockaddr *)&a->ss, &a->len);
}

static inline void
kill_server(int i)
{
	close(listeners[i]);
	listeners[i] = -1;
}

static inline int
setup(void **state)
{
	struct sigaction sa = { .sa_handler = SIG_IGN };
	int i;

	(void)state;
	sigaction(SIGPIPE, &sa, NULL);
	memset(servers, 0, sizeof(servers));
	memset(wishes, 0, sizeof(wishes));
	answers = 0;
	error = 0;
	for (i = 0; i < SERVERS; i++) {
		servers[i].name = i == 0 ? "a" : "b";
		servers[i].addr_count = 1;
		servers[i].address = i == 0 ? "first" : "second";
		servers[i].weight = 1;
		if (open_listener(i) == -1)
			return -1;
	}
	for (i = 0; i < WAITS; i++)
		wishes[i].wait.got = got;
	conf = (struct backend_conf){ .name = "test",
		.type = &protocol,
		.servers = servers,
		.server_count = 1,
		.pool = { .max = 3,
		    .idle = 2,
		    .idle_timeout = 10000,
		    .max_age = 60000,
		    .max_uses = 100,
		    .wait = 5000 },
		.check = { .fall = 3, .rise = 2 } };
	loop = loop_new();
	loop_script_clock(loop, START, 1700000000000);
	stats = stats_new(2, SERVERS_MAX);
	shared = servers_new();
	return 0;
}

static inline void
begin(void)
{
	struct pool_shared with = { .stats = stats, .servers = shared };

	if (!pool_enter_servers(shared, stats, &conf, 1, START))
		fail_msg("no slots");
	pools[0] = pool_new(loop, &conf, &with);
	with.worker = 1;
	pools[1] = pool_new(loop, &conf, &with);
}

static inline int64_t
total(enum stats_cell cell)
{
	int64_t sum = 0;
	unsigned i;

	for (i = 0; i < SERVERS_MAX; i++)
		sum += stats_sum(stats, i, cell);
	return sum;
}

static inline int
teardown(void **state)
{
	bool leak;
	int i;

	(void)state;
	for (i = 0; i < WAITS; i++) {
		pool_cancel(&wishes[i].wait);
		pool_drop(&wishes[i].link);
	}
	pool_free(&pools[0]);
	pool_free(&pools[1]);
	leak = total(STATS_LINKS) != 0 || total(STATS_IDLE) != 0 ||
	    total(STATS_WAITING) != 0;
	for (i = 0; i < SERVERS; i++)
		if (listeners[i] != -1)
			close(listeners[i]);
	loop_free(&loop);
	stats_free(&stats);
	servers_free(&shared);
	return leak || conn_outstanding() != 0 ? -1 : 0;
}

static inline bool
ask_of(struct pool *p, int i, bool fresh, uint32_t tried)
{
	struct link *l = pool_get(p, &wishes[i].wait, fresh, tried);

	if (l == NULL)
		return false;
	take(&wishes[i], l);
	return true;
}

static inline bool
ask(int i)
{
	return ask_of(pools[0], i, false, 0);
}

static inline void
give(int i)
{
	pool_put(&wishes[i].link, false);
}

/* The server's side of a connection that was just opened. */
static inline int
accepted(int server)
{
	struct net_addr from;
	int fd, n;

	for (n = 0; n < 1000; n++) {
		loop_turn(loop, false);
		fd = net_accept(listeners[server], &from);
		if (fd != -1)
			return fd;
		usleep(1000);
	}
	fail_msg("nobody connects");
	return -1;
}

/* An octet from the server has to travel; so it is waited for. */
static inline void
until(const bool *what)
{
	int n;

	for (n = 0; n < 5000 && !*what; n++) {
		loop_turn(loop, false);
		usleep(1000);
	}
	assert_true(*what);
}

static inline void
until_idle_is(int64_t count)
{
	int n;

	for (n = 0; n < 5000 && total(STATS_IDLE) != count; n++) {
		loop_turn(loop, false);
		usleep(1000);
	}
	assert_int_equal(total(STATS_IDLE), count);
}

static inline bool
server_hears(int fd, const char *text)
{
	char buf[100];
	ssize_t n = read(fd, buf, sizeof(buf));

	return n == (ssize_t)strlen(text) && memcmp(buf, text, (size_t)n) == 0;
}

#endif

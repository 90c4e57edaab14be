#ifndef POSTERN_FAKE_RESOLVER_H
#define POSTERN_FAKE_RESOLVER_H

/*
 * A resolver with up to two fake servers.  The clock is scripted; the sockets
 * are real.
 */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "compat.h"
#include "conn.h"
#include "dns.h"
#include "fake_dns.h"
#include "loop.h"

#define START 1000
#define SERVERS 2
#define WISHES 8
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

struct wish {
	struct dns_wait wait;
	struct dns_answer *answer;
	unsigned got;
	struct wish *cancel; /* by its callback */
	const char *next;    /* asked for by its callback */
};

static struct loop *loop;
static struct dns_settings settings;
static struct dns *dns;
static struct fake_dns *resolvers[SERVERS];
static struct wish wishes[WISHES];

static inline void want(struct wish *w, const char *name, enum dns_type type);

static inline void
got(struct dns_wait *wait, struct dns_answer *a)
{
	struct wish *w = container_of(wait, struct wish, wait);

	w->got++;
	w->answer = a;
	if (w->cancel != NULL)
		dns_cancel(&w->cancel->wait);
	if (w->next != NULL)
		want(w + 1, w->next, DNS_A);
}

static inline void
want(struct wish *w, const char *name, enum dns_type type)
{
	dns_answer_unref(&w->answer);
	w->wait.got = got;
	w->got = 0;
	w->answer = dns_ask(dns, &w->wait, name, type);
}

/* Without the servers. */
static inline void
turn(void)
{
	int i;

	for (i = 0; i < 4; i++)
		loop_turn(loop, false);
}

static inline void
settle(void)
{
	int quiet = 0;
	size_t i;

	while (quiet < 4) {
		loop_turn(loop, false);
		quiet++;
		for (i = 0; i < SERVERS; i++)
			if (resolvers[i] != NULL && fake_dns_poll(resolvers[i]))
				quiet = 0;
	}
}

static inline void
open_resolver(void)
{
	size_t i;

	settings.server_count = 0;
	for (i = 0; i < SERVERS && resolvers[i] != NULL; i++)
		settings.servers[settings.server_count++] =
		    *fake_dns_addr(resolvers[i]);
	dns = dns_new(loop, &settings);
}

static inline int
setup(void **state)
{
	(void)state;
	loop = loop_new();
	loop_script_clock(loop, START, 0);
	settings = (struct dns_settings){ .timeout = 5000,
		.retry = 1000,
		.max_ttl = 3600 * 1000,
		.cache_entries = 100,
		.cache_size = 1000000,
		.queries = 5 };
	memset(wishes, 0, sizeof(wishes));
	memset(resolvers, 0, sizeof(resolvers));
	resolvers[0] = fake_dns_new();
	open_resolver();
	return 0;
}

/* Opens a second server, and the resolver again. */
static inline void
two_servers(void)
{
	resolvers[1] = fake_dns_new();
	dns_free(&dns);
	open_resolver();
}

static inline int
teardown(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < WISHES; i++) {
		dns_cancel(&wishes[i].wait);
		dns_answer_unref(&wishes[i].answer);
	}
	dns_free(&dns);
	turn();
	if (conn_outstanding() != 0)
		return -1;
	for (i = 0; i < SERVERS; i++)
		if (resolvers[i] != NULL)
			fake_dns_free(&resolvers[i]);
	loop_free(&loop);
	return 0;
}

static inline bool
is_unknown(const struct wish *w, const char *reason)
{
	return w->answer != NULL && w->answer->status == DNS_UNKNOWN &&
	    strcmp(w->answer->reason, reason) == 0;
}

#endif

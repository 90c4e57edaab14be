/*
 * Servers by name: see names.h.
 */

#include "names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "dns.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "pool.h"

#define AGAIN_MS 1000	     /* not more often than that */
#define FAILED_FIRST_MS 5000 /* after a failure; then doubled */
#define FAILED_MAX_MS 300000
#define LOST_MAX_MS 60000 /* while there is no address at all */

enum { HALF_A, HALF_AAAA, HALVES };

struct half { /* of a lookup */
	struct dns_wait wait;
	struct name *name;
	struct dns_answer *answer; /* a reference */
};

struct name {
	struct names *names;
	const struct backend_conf *backend;
	const struct server_conf *server;
	struct half halves[HALVES];
	unsigned waiting; /* halves without an answer */
	int64_t pause;	  /* ms after a failure; 0: it did not fail */
	struct timer timer;
};

struct names {
	struct loop *loop;
	struct dns *dns;
	names_changed_fn *changed;
	void *ctx;
	struct name *list; /* owned */
	size_t count;
};

static void begin(void *);
static void got(struct dns_wait *, struct dns_answer *);
static void finish(struct name *);
static const char *merge(const struct name *, struct server_names *);
static void take(struct server_names *, const struct net_addr *, int);
static bool same(const struct server_names *, const struct server_names *);
static int64_t next_time(struct name *, bool);
static void say(const struct name *);

struct names *
names_new(struct loop *l, struct dns *dns, const struct backend_conf *conf,
    size_t count, names_changed_fn *changed, void *ctx)
{
	struct names *n = xcalloc(1, sizeof(*n));
	size_t i, k, all = 0;
	struct name *name;

	n->loop = l;
	n->dns = dns;
	n->changed = changed;
	n->ctx = ctx;
	for (i = 0; i < count; i++)
		all += conf[i].server_count;
	n->list = xcalloc(all + 1, sizeof(*n->list));
	for (i = 0; i < count; i++)
		for (k = 0; k < conf[i].server_count; k++) {
			if (conf[i].servers[k].named == NULL)
				continue;
			name = &n->list[n->count++];
			name->names = n;
			name->backend = &conf[i];
			name->server = &conf[i].servers[k];
			timer_init(&name->timer, l, begin, name);
		}
	for (i = 0; i < n->count; i++)
		begin(&n->list[i]);
	return n;
}

void
names_free(struct names **np)
{
	struct names *n = *np;
	size_t i, k;

	if (n == NULL)
		return;
	for (i = 0; i < n->count; i++) {
		timer_clear(&n->list[i].timer);
		for (k = 0; k < HALVES; k++) {
			dns_cancel(&n->list[i].halves[k].wait);
			dns_answer_unref(&n->list[i].halves[k].answer);
		}
	}
	free(n->list);
	free(n);
	*np = NULL;
}

size_t
names_unknown(const struct names *n)
{
	size_t i, unknown = 0;

	for (i = 0; i < n->count; i++)
		unknown += !n->list[i].server->named->known;
	return unknown;
}

static void
begin(void *ctx)
{
	static const enum dns_type types[] = {
		[HALF_A] = DNS_A, [HALF_AAAA] = DNS_AAAA
	};
	struct name *name = ctx;
	struct half *h;
	size_t i;

	name->waiting = HALVES;
	for (i = 0; i < HALVES; i++) {
		h = &name->halves[i];
		h->name = name;
		h->wait.got = got;
		h->answer = dns_ask(name->names->dns, &h->wait,
		    name->server->named->host, types[i]);
		name->waiting -= h->answer != NULL;
	}
	if (name->waiting == 0)
		finish(name);
}

static void
got(struct dns_wait *w, struct dns_answer *a)
{
	struct half *h = container_of(w, struct half, wait);

	h->answer = a;
	if (--h->name->waiting == 0)
		finish(h->name);
}

static void
finish(struct name *name)
{
	struct server_names *now = name->server->named, next = *now;
	int64_t until = INT64_MAX, again;
	bool changed, failed = false;
	size_t i;

	next.count = 0;
	next.why = merge(name, &next);
	for (i = 0; i < HALVES; i++) {
		if (name->halves[i].answer->until < until)
			until = name->halves[i].answer->until;
		failed |= name->halves[i].answer->status == DNS_UNKNOWN;
		dns_answer_unref(&name->halves[i].answer);
	}
	changed = !now->known || !same(now, &next);
	next.known = true;
	*now = next;
	again = next_time(name, failed);
	timer_set(&name->timer, until > again ? until : again);
	if (!changed)
		return;
	say(name);
	name->names->changed(name->names->ctx, name->backend, name->server);
}

/* Not before that. */
static int64_t
next_time(struct name *name, bool failed)
{
	int64_t max =
	    name->server->named->count > 0 ? FAILED_MAX_MS : LOST_MAX_MS;

	if (!failed)
		name->pause = 0;
	else if (name->pause == 0)
		name->pause = FAILED_FIRST_MS;
	else
		name->pause *= 2;
	if (name->pause > max)
		name->pause = max;
	return loop_now(name->names->loop) + (failed ? name->pause : AGAIN_MS);
}

/* Fills in the addresses, those of before where a half is unknown; why there
 * are none. */
static const char *
merge(const struct name *name, struct server_names *next)
{
	static const int families[] = {
		[HALF_A] = AF_INET, [HALF_AAAA] = AF_INET6
	};
	const struct server_names *now = name->server->named;
	const char *why = "it has no address";
	size_t i, k;

	for (i = 0; i < HALVES; i++) {
		const struct dns_answer *a = name->halves[i].answer;

		if (a->status == DNS_NXDOMAIN)
			why = "there is no such name";
		if (a->status == DNS_UNKNOWN)
			why = a->reason;
		for (k = 0; k < a->count; k++)
			take(next, &a->records[k].addr, now->port);
		for (k = 0; a->status == DNS_UNKNOWN && k < (size_t)now->count;
		     k++)
			if (now->addrs[k].ss.ss_family == families[i])
				take(next, &now->addrs[k], now->port);
	}
	return next->count > 0 ? NULL : why;
}

static void
take(struct server_names *s, const struct net_addr *a, int port)
{
	if (s->count == SERVER_ADDRS_MAX)
		return;
	s->addrs[s->count] = *a;
	net_set_port(&s->addrs[s->count++], port);
}

/* The order is not the server's to keep. */
static bool
same(const struct server_names *a, const struct server_names *b)
{
	int i, k;

	for (i = 0; i < a->count; i++) {
		for (k = 0; k < b->count; k++)
			if (net_same_ip(&a->addrs[i], &b->addrs[k]))
				break;
		if (k == b->count)
			return false;
	}
	return a->count == b->count;
}

static void
say(const struct name *name)
{
	const struct server_names *s = name->server->named;
	char list[400] = "", one[NET_TEXT_MAX];
	size_t len = 0;
	int i;

	for (i = 0; i < s->count && len < sizeof(list); i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
		    i > 0 ? ", " : "", net_ip(&s->addrs[i], one, sizeof(one)));
	if (s->count > 0)
		log_event(LEVEL_INFO, "backend %s: server %s: %s is %s",
		    name->backend->name, name->server->name, s->host, list);
	else
		log_event(LEVEL_WARN, "backend %s: server %s: %s: %s",
		    name->backend->name, name->server->name, s->host, s->why);
}

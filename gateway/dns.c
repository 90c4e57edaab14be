/*
 * The resolver: see dns.h.
 *
 * A flight is a question that is under way, with all who wait for its answer.
 */

#include "dns.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "dns_cache.h"
#include "dns_name.h"
#include "dns_servers.h"
#include "loop.h"
#include "mem.h"

#define CHAINS 256	/* of flights; a power of two */
#define TTL_MIN_MS 1000 /* answers of TTL 0 are shared, too */
#define NEGATIVE_MAX_MS (900 * 1000)
#define FAILURE_MS 5000 /* RFC 2308 7 allows five minutes */
#define PATIENCE_MAX 5	/* doublings of retry */

TAILQ_HEAD(dns_waits, dns_wait);

struct dns_flight {
	LIST_ENTRY(dns_flight) chain;
	struct dns *dns;
	struct dns_waits waits;
	struct dns_answer *answer; /* a reference; being made */
	char name[DNS_NAME_SIZE];  /* that is asked for: an alias leads on */
	struct dns_try *try;	   /* owned; NULL between two */
	bool over;		   /* those who wait are being told */
	bool no_edns;
	unsigned server;  /* that is tried */
	unsigned version; /* of the list of servers */
	uint32_t tried;	  /* in this round, a bit for each */
	bool again;	  /* in this round not all have answered */
	unsigned round;
	int64_t round_end; /* loop_now(): the next one does not begin before */
	int64_t deadline;
	struct timer timer; /* of the try, or of the pause */
};
LIST_HEAD(flights, dns_flight);

struct dns {
	struct loop *loop;
	const struct dns_settings *settings;
	struct dns_servers servers;
	struct dns_cache *cache;
	struct flights flights[CHAINS];
	unsigned outstanding;
	uint64_t salt;
	struct dns_counters counters;
};

static struct dns_answer *failure(
    const char *, enum dns_type, enum dns_status, const char *);
static struct dns_flight *find_flight(
    struct dns *, const char *, enum dns_type);
static struct flights *chain_of(struct dns *, const char *, enum dns_type);
static struct dns_flight *begin(struct dns *, const char *, enum dns_type);
static void next(struct dns_flight *);
static bool try_server(struct dns_flight *, unsigned);
static int64_t patience(const struct dns_flight *);
static void on_timer(void *);
static void on_done(void *, enum dns_try_end, const struct dns_wire_note *);
static void follow(struct dns_flight *, const char *);
static void give_up(struct dns_flight *, const char *);
static void finish(struct dns_flight *);
static int64_t lifetime(const struct dns *, const struct dns_answer *);
static void leave(struct dns_flight *);

struct dns *
dns_new(struct loop *l, const struct dns_settings *settings)
{
	struct dns *d = xcalloc(1, sizeof(*d));
	size_t i;

	assert(settings->server_count > 0);
	d->loop = l;
	d->settings = settings;
	dns_servers_init(&d->servers, settings);
	d->cache = dns_cache_new(
	    (size_t)settings->cache_entries, (size_t)settings->cache_size);
	for (i = 0; i < CHAINS; i++)
		LIST_INIT(&d->flights[i]);
	compat_random(&d->salt, sizeof(d->salt));
	return d;
}

void
dns_free(struct dns **dp)
{
	if (*dp == NULL)
		return;
	assert((*dp)->outstanding == 0);
	dns_cache_free(&(*dp)->cache);
	free(*dp);
	*dp = NULL;
}

struct dns_answer *
dns_ask(
    struct dns *d, struct dns_wait *w, const char *domain, enum dns_type type)
{
	char name[DNS_NAME_SIZE];
	struct dns_answer *a;
	struct dns_flight *f;

	w->flight = NULL;
	d->counters.asked++;
	if (!dns_name_ascii(domain, name, sizeof(name)))
		return failure(domain, type, DNS_NXDOMAIN, NULL);
	a = dns_cache_get(d->cache, name, type, loop_now(d->loop));
	if (a != NULL) {
		d->counters.cached++;
		return dns_answer_ref(a);
	}
	f = find_flight(d, name, type);
	if (f == NULL) {
		if (d->outstanding >= d->settings->queries)
			return failure(name, type, DNS_UNKNOWN,
			    "too many lookups are under way");
		f = begin(d, name, type);
	}
	w->flight = f;
	TAILQ_INSERT_TAIL(&f->waits, w, entry);
	return NULL;
}

/* It is not kept. */
static struct dns_answer *
failure(const char *name, enum dns_type type, enum dns_status status,
    const char *reason)
{
	struct dns_answer *a = dns_answer_new(name, type);

	a->status = status;
	a->reason = reason;
	a->ttl = 0;
	return a;
}

/* Nobody waits any more: the answer would only be kept. */
void
dns_cancel(struct dns_wait *w)
{
	struct dns_flight *f = w->flight;

	if (f == NULL)
		return;
	TAILQ_REMOVE(&f->waits, w, entry);
	w->flight = NULL;
	if (f->over || !TAILQ_EMPTY(&f->waits))
		return;
	leave(f);
	dns_answer_unref(&f->answer);
	free(f);
}

const struct dns_counters *
dns_counters(const struct dns *d)
{
	return &d->counters;
}

unsigned
dns_outstanding(const struct dns *d)
{
	return d->outstanding;
}

/* Flights. */

static struct dns_flight *
find_flight(struct dns *d, const char *name, enum dns_type type)
{
	struct dns_flight *f;

	LIST_FOREACH (f, chain_of(d, name, type), chain)
		if (f->answer->type == type &&
		    strcmp(f->answer->name, name) == 0)
			return f;
	return NULL;
}

static struct flights *
chain_of(struct dns *d, const char *name, enum dns_type type)
{
	return &d->flights[dns_cache_hash(d->salt, name, type) & (CHAINS - 1)];
}

static struct dns_flight *
begin(struct dns *d, const char *name, enum dns_type type)
{
	struct dns_flight *f = xcalloc(1, sizeof(*f));

	dns_servers_follow(&d->servers, loop_now(d->loop));
	f->dns = d;
	TAILQ_INIT(&f->waits);
	f->answer = dns_answer_new(name, type);
	compat_strlcpy(f->name, name, sizeof(f->name));
	f->version = d->servers.version;
	f->deadline = loop_now(d->loop) + d->settings->timeout;
	timer_init(&f->timer, d->loop, on_timer, f);
	LIST_INSERT_HEAD(chain_of(d, name, type), f, chain);
	d->outstanding++;
	next(f);
	return f;
}

/* The next server of the round, or the end of the round. */
static void
next(struct dns_flight *f)
{
	struct dns *d = f->dns;
	int64_t now = loop_now(d->loop), at;
	int server;

	if (f->version != d->servers.version) {
		f->version = d->servers.version;
		f->tried = 0;
	}
	if (f->tried == 0)
		f->round_end = now + patience(f);
	while ((server = dns_servers_choose(&d->servers, f->tried, now)) >= 0) {
		f->tried |= 1u << server;
		if (try_server(f, (unsigned)server))
			return;
	}
	if (!f->again) {
		finish(f); /* each has said that it can not */
		return;
	}
	at = f->round_end;
	f->round++;
	f->tried = 0;
	f->again = false;
	timer_set(&f->timer, at < f->deadline ? at : f->deadline);
}

/* False: nothing can be sent to it. */
static bool
try_server(struct dns_flight *f, unsigned server)
{
	struct dns *d = f->dns;
	const struct dns_query q = {
		.loop = d->loop,
		.server = &d->servers.list[server].addr,
		.name = f->name,
		.answer = f->answer,
		.edns = !f->no_edns,
		.counters = &d->counters,
		.done = on_done,
		.ctx = f,
	};
	int64_t at = loop_now(d->loop) + patience(f);

	f->server = server;
	f->try = dns_try_new(&q);
	if (f->try == NULL) {
		f->answer->reason = "the resolver's servers can not be reached";
		f->again = true;
		return false;
	}
	timer_set(&f->timer, at < f->deadline ? at : f->deadline);
	return true;
}

static int64_t
patience(const struct dns_flight *f)
{
	unsigned doublings = f->round < PATIENCE_MAX ? f->round : PATIENCE_MAX;

	return f->dns->settings->retry << doublings;
}

/* Of the server that is tried, if the list is still the same. */
static void
note_server(struct dns_flight *f, bool good, bool gone)
{
	struct dns_servers *s = &f->dns->servers;

	if (f->version != s->version)
		return;
	if (good)
		dns_servers_good(s, f->server);
	else
		dns_servers_silent(s, f->server, gone, loop_now(f->dns->loop));
}

static void
on_timer(void *ctx)
{
	struct dns_flight *f = ctx;

	if (f->try != NULL) {
		f->dns->counters.timeouts++;
		f->answer->reason = "timed out";
		f->again = true;
		note_server(f, false, false);
		dns_try_free(&f->try);
	}
	if (loop_now(f->dns->loop) >= f->deadline)
		finish(f);
	else
		next(f);
}

static void
on_done(void *ctx, enum dns_try_end end, const struct dns_wire_note *note)
{
	struct dns_flight *f = ctx;
	bool no_edns = !f->no_edns && note->no_edns;

	dns_try_free(&f->try);
	note_server(f, end != DNS_TRY_LOST, true);
	switch (end) {
	case DNS_TRY_ANSWER:
		f->answer->reason = NULL;
		finish(f);
		return;
	case DNS_TRY_ALIAS:
		follow(f, note->alias);
		return;
	case DNS_TRY_FAILED:
		if (no_edns && f->version == f->dns->servers.version) {
			f->no_edns = true;
			if (try_server(f, f->server))
				return;
		}
		break;
	case DNS_TRY_LOST:
		f->again = true;
		break;
	}
	give_up(f, note->reason);
}

/* Asks for the name that an alias leads to, in what is left of the time. */
static void
follow(struct dns_flight *f, const char *alias)
{
	compat_strlcpy(f->name, alias, sizeof(f->name));
	f->tried = 0;
	f->round = 0;
	f->again = false;
	next(f);
}

/* This server can not say it. */
static void
give_up(struct dns_flight *f, const char *reason)
{
	f->answer->reason = reason;
	next(f);
}

/* Those who wait are told one by one; each may take back any wish, or have a
 * new one. */
static void
finish(struct dns_flight *f)
{
	struct dns *d = f->dns;
	struct dns_answer *a = f->answer;
	struct dns_wait *w;

	leave(f);
	a->until = loop_now(d->loop) + lifetime(d, a);
	dns_cache_put(d->cache, a);
	while ((w = TAILQ_FIRST(&f->waits)) != NULL) {
		TAILQ_REMOVE(&f->waits, w, entry);
		w->flight = NULL;
		w->got(w, dns_answer_ref(a));
	}
	dns_answer_unref(&f->answer);
	free(f);
}

/* How long an answer is kept, in ms. */
static int64_t
lifetime(const struct dns *d, const struct dns_answer *a)
{
	int64_t max = d->settings->max_ttl, ms = (int64_t)a->ttl * 1000;

	if (a->status == DNS_UNKNOWN)
		return FAILURE_MS;
	if (a->status != DNS_FOUND && max > NEGATIVE_MAX_MS)
		max = NEGATIVE_MAX_MS;
	if (ms < TTL_MIN_MS)
		ms = TTL_MIN_MS;
	return ms < max ? ms : max;
}

/* Nothing happens to it any more, and nobody finds it. */
static void
leave(struct dns_flight *f)
{
	f->over = true;
	f->dns->outstanding--;
	LIST_REMOVE(f, chain);
	dns_try_free(&f->try);
	timer_clear(&f->timer);
}

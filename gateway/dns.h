#ifndef POSTERN_DNS_H
#define POSTERN_DNS_H

/*
 * The resolver of a worker: a stub that asks recursive servers, never blocks,
 * and keeps answers (dns_cache.h).
 *
 * A question goes to one server after another, each time from a socket, port
 * and id of its own; a server that is silent is avoided for a while.  When all
 * were asked in vain, another round begins, with more patience, until the
 * deadline.  Equal questions that are under way are asked once.  CNAMEs are
 * followed.  Whatever is not a clear answer is DNS_UNKNOWN, never "there is
 * none".
 *
 * Answers are kept for their TTL, within one second and max-ttl; that there is
 * none as RFC 2308 has it, a quarter of an hour at most; failures for a few
 * seconds.
 */

#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

#include "dns_answer.h"
#include "dns_try.h"
#include "net.h"

#define DNS_SERVERS_MAX 8

struct dns;
struct dns_flight;
struct loop;

struct dns_settings {
	struct net_addr servers[DNS_SERVERS_MAX]; /* at least one */
	size_t server_count;
	const char *resolv_conf; /* where they are from: looked at again when
				  * it changes; NULL: they stay */
	int64_t timeout;	 /* ms for a lookup in all */
	int64_t retry;	 /* ms for a server in the first round, then doubled */
	int64_t max_ttl; /* ms */
	int64_t cache_entries;
	int64_t cache_size; /* octets */
	int64_t queries;    /* lookups under way; more are DNS_UNKNOWN */
};

/* Who waits for an answer.  Embedded in its owner, who sets got. */
struct dns_wait {
	TAILQ_ENTRY(dns_wait) entry;
	struct dns_flight *flight; /* not NULL while it waits */
	/* Called once, from the loop, never from inside dns_ask().  The
	 * reference is the owner's. */
	void (*got)(struct dns_wait *w, struct dns_answer *a);
};

/* settings are borrowed. */
struct dns *dns_new(struct loop *l, const struct dns_settings *settings);
/* Nobody may wait any more. */
void dns_free(struct dns **dp);

/* Asks for the records of a domain (ASCII or UTF-8; see dns_name_ascii()),
 * which is never completed by a search list.  Returns a reference if the answer
 * is there at once; else NULL, and w->got will be called. */
struct dns_answer *dns_ask(
    struct dns *d, struct dns_wait *w, const char *domain, enum dns_type type);
/* May be called at any time; does nothing if w does not wait. */
void dns_cancel(struct dns_wait *w);

const struct dns_counters *dns_counters(const struct dns *d);
/* Lookups under way, for tests. */
unsigned dns_outstanding(const struct dns *d);

#endif

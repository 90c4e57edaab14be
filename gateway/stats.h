#ifndef POSTERN_STATS_H
#define POSTERN_STATS_H

/*
 * Shared memory of the gateway: anonymous, mapped by the master before it
 * forks, C11 atomics.  A column per worker, which that worker alone writes;
 * the master zeroes the column of a worker that died.  Totals of the gateway
 * (the pool's max and idle) are sums over the columns.
 */

#include <stdbool.h>
#include <stdint.h>

#include "fault.h"

struct stats;

enum stats_cell {	/* per worker and server */
	STATS_LINKS,	/* open connections, those being opened included */
	STATS_IDLE,	/* of them idle in the pool */
	STATS_WAITING,	/* deliveries that wait for one; of a backend */
	STATS_COUNTERS, /* what is behind only grows, and is kept: */
	STATS_OPENED = STATS_COUNTERS, /* connections opened so far */
	STATS_REUSED,		       /* deliveries that took a pooled one */
	STATS_DISCARDED, /* connections that ended without our goodbye */
	STATS_FAILED,	 /* new connections that were of no use */
	STATS_WAITED,	 /* deliveries that had to wait; of a backend */
	STATS_TLS,	 /* connections on which TLS was set up */
	STATS_FAULT,	 /* and as many more: one for each enum fault */
	STATS_CELLS = STATS_FAULT + FAULTS
};

enum stats_event {	       /* per worker; counted since the start */
	STATS_PROXY_MISSING,   /* header missing from a trusted proxy */
	STATS_PROXY_UNTRUSTED, /* header from an untrusted peer */
	STATS_PROBES,	       /* sessions that were health checks */
	STATS_SHED,	       /* sessions that were closed to make room */
	STATS_EARLY_TALKERS,   /* clients that spoke before the greeting */
	STATS_EVENTS
};

/* NULL when the memory can not be had. */
struct stats *stats_new(unsigned workers, unsigned servers);
void stats_free(struct stats **sp);
/* Where it begins, for the list of shared memory. */
const void *stats_base(const struct stats *s);
/* Forgets what a dead worker held; what has happened stays counted, and who
 * has its column next counts on. */
void stats_clear_worker(struct stats *s, unsigned worker);
/* Forgets all of a server: its place is another one's now, and nobody holds
 * anything of it. */
void stats_clear_server(struct stats *s, unsigned server);
void stats_add(struct stats *s, unsigned worker, unsigned server,
    enum stats_cell cell, int by);
/* Sum over the workers. */
int64_t stats_sum(const struct stats *s, unsigned server, enum stats_cell cell);
/* Raises the sum by one if it stays within max; false if not.  Workers that
 * try at once may both be refused, never both pass beyond max. */
bool stats_reserve(struct stats *s, unsigned worker, unsigned server,
    enum stats_cell cell, int64_t max);

/* Sessions that are open, over all workers. */
void stats_sessions(struct stats *s, unsigned worker, int by);
int64_t stats_all_sessions(const struct stats *s);

/* Octets of memory that are accounted (account.h). */
void stats_memory(struct stats *s, unsigned worker, int64_t by);
int64_t stats_all_memory(const struct stats *s);

/* One more; returns how many there were, over all workers. */
int64_t stats_count(struct stats *s, unsigned worker, enum stats_event e);
int64_t stats_counted(const struct stats *s, enum stats_event e);

#endif

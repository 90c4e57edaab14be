#ifndef POSTERN_RATES_H
#define POSTERN_RATES_H

/*
 * What each client network uses of us, over all workers: open connections, and
 * events (new connections, messages) in a sliding window of time.
 *
 * A hash table of a fixed size in anonymous shared memory, mapped by the master
 * before it forks and kept over reloads.  A network is an IPv4 address or an
 * IPv6 /64.  Lock-free: C11 atomics, no loop that waits for another process.
 *
 * Open connections have a column per worker, which that worker alone changes;
 * their number is the sum of the columns.  When a worker dies, the master
 * zeroes its column, and so nothing it held is lost, wherever it was killed.
 *
 * A new network takes a free slot of its eight, or the one that was idle (no
 * open connections) longest, whose windows are forgotten.  If all eight are
 * busy it is not counted, and so not limited.  Two processes that bring a
 * network in at the same moment may count one connection twice or not at all.
 */

#include <stdbool.h>
#include <stdint.h>

struct net_addr;
struct rates;

#define RATES_NO_COLUMN UINT32_MAX

enum rates_kind {
	RATES_CONNECTIONS,
	RATES_MESSAGES,
	RATES_LOGINS, /* that failed */
	RATES_KINDS
};

/* What rates_enter() returns instead of a slot. */
enum {
	RATES_UNKNOWN = -1, /* not counted: not limited */
	RATES_FULL = -2	    /* as many as there may be are open */
};

/* NULL when the memory can not be had.  slots is rounded to a power of 2. */
struct rates *rates_new(unsigned slots, unsigned columns);
void rates_free(struct rates **rp);
/* Gives back what a dead worker held. */
void rates_clear_worker(struct rates *r, unsigned column);

/* Of the network of an address; 0 if it has none (unix sockets). */
uint64_t rates_key(const struct rates *r, const struct net_addr *a);
/* Of something else that has a name. */
uint64_t rates_key_name(const struct rates *r, const char *name);
/* The same network or name, counted for itself at the listener. */
uint64_t rates_key_apart(
    const struct rates *r, uint64_t key, const char *listener);

/* Counts an open connection if there are less than max: a slot, to be given to
 * rates_leave(), or one of the above.  now is loop_now(). */
int rates_enter(
    struct rates *r, unsigned column, uint64_t key, int64_t max, int64_t now);
void rates_leave(struct rates *r, unsigned column, int slot);

/* Counts an event of a slot that is held, unless it is more than count in
 * the last period ms: the window before counts with the part of it that the
 * period still covers.  What is refused is not counted. */
bool rates_count(struct rates *r, int slot, enum rates_kind kind, int64_t count,
    int64_t period, int64_t now);

/* Would another event be too many?  Counts nothing. */
bool rates_full(const struct rates *r, int slot, enum rates_kind kind,
    int64_t count, int64_t period, int64_t now);

/* Connections that are open: of one slot; in all, for tests. */
int64_t rates_open(const struct rates *r, int slot);
int64_t rates_all_open(const struct rates *r);

#endif

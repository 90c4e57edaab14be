#ifndef POSTERN_ACCOUNT_H
#define POSTERN_ACCOUNT_H

/*
 * How much memory messages, sessions and connections hold, over all workers,
 * against limits.memory.  Each worker counts its own in the shared memory; the
 * parts that hold memory tell it what they took and gave back.
 *
 * It is an account, no allocator: what is not told here (the library's, tables
 * of a fixed size) is not in it.
 */

#include <stdint.h>

struct account;
struct stats;

/* What is to be done, the harmless things first; each level includes those
 * before it. */
enum account_level {
	ACCOUNT_EASY,
	ACCOUNT_SPILL, /* from 3/4: messages go to files as soon as they can */
	ACCOUNT_CROWDED, /* from 7/8: no new connections, but of trusted ones */
	ACCOUNT_SHED,	 /* from 15/16: who is idle must go, likewise */
	ACCOUNT_FULL	 /* no new messages, likewise */
};

/* stats is borrowed; limit in octets. */
struct account *account_new(
    struct stats *stats, unsigned worker, int64_t limit);
void account_free(struct account **ap);

/* Octets taken, or given back (negative).  a may be NULL: nobody counts. */
void account_add(struct account *a, int64_t by);
enum account_level account_level(const struct account *a);
/* Of all workers. */
int64_t account_used(const struct account *a);
int64_t account_limit(const struct account *a);

#endif

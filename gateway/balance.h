#ifndef POSTERN_BALANCE_H
#define POSTERN_BALANCE_H

/*
 * Which of several servers is next: pure, for tests.  The caller keeps the
 * entries, one per server, and says which of them may be chosen.
 */

#include <stddef.h>
#include <stdint.h>

enum balance_mode {
	BALANCE_LEAST, /* fewest connections at work, for its weight */
	BALANCE_ROUND_ROBIN,
	BALANCE_RANDOM,
	BALANCE_HASH /* the same key has the same server, as long as it is up */
};

struct balance_entry {
	uint32_t weight; /* more than 0; what it is now (slow start) */
	int64_t busy;	 /* connections at work; for BALANCE_LEAST */
	uint64_t name;	 /* balance_hash() of what it is called */
	int64_t credit;	 /* kept between calls; 0 at first */
};

/* The index of an entry whose bit is in eligible, at most 32 of them; -1 when
 * there is none.  number: random for BALANCE_RANDOM, the hash of the key for
 * BALANCE_HASH. */
int balance_choose(enum balance_mode mode, struct balance_entry *entries,
    unsigned count, uint32_t eligible, uint64_t number);

/* Letters of both cases are the same. */
uint64_t balance_hash(const char *text, size_t len);

#endif

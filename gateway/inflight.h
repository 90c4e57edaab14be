#ifndef POSTERN_INFLIGHT_H
#define POSTERN_INFLIGHT_H

/*
 * What is on its way to backends: a ring in shared memory for each worker, with
 * an entry for each recipient of a message, from the beginning of its delivery
 * until the client is known to have heard the end.  A worker writes its own
 * ring alone, all workers read all rings, and the master empties that of a
 * worker that died: what was in it is all that is left of these deliveries.
 *
 * Entering and leaving are a few stores and two counts; no system call.  Other
 * rings are looked through only if somebody else has entered something with the
 * same hint.
 */

#include <stdbool.h>

#include "siphash.h"

struct inflight;

enum inflight_state {
	INFLIGHT_FREE,
	INFLIGHT_BEGUN,	    /* no backend can have it yet */
	INFLIGHT_COMMITTED, /* the backend may have it */
	INFLIGHT_DELIVERED  /* it has; the client may not know */
};

/* columns: workers that may exist at once.  NULL when the memory can not be
 * had. */
struct inflight *inflight_new(unsigned columns);
void inflight_free(struct inflight **ip);

/* The secret of this run, which makes the keys. */
const unsigned char *inflight_salt(const struct inflight *f);

/* Enters a key in the column's ring.  The number of the slot, or -1 when there
 * is no room, or no such column.  *busy_r: somebody else had entered it. */
int inflight_enter(struct inflight *f, unsigned column,
    const unsigned char key[SIPHASH_SIZE], bool *busy_r);
/* slot: as inflight_enter() gave it; -1 is ignored. */
void inflight_set(
    struct inflight *f, unsigned column, int slot, enum inflight_state state);
void inflight_leave(struct inflight *f, unsigned column, int slot);

/* Entries of all columns, for tests. */
unsigned inflight_count(const struct inflight *f);

/* Empties a column, and tells of what was committed. */
void inflight_harvest(struct inflight *f, unsigned column,
    void (*found)(void *ctx, const unsigned char key[SIPHASH_SIZE],
	enum inflight_state state),
    void *ctx);

#endif

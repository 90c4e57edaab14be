#ifndef POSTERN_FLIGHT_H
#define POSTERN_FLIGHT_H

/*
 * One message on its way, in the words of mail: its recipients' entries in
 * inflight.h, and what the journal knows of an earlier attempt that only such
 * an entry was left of.  Here a message is what a retry has in common with the
 * first attempt and what is cheap to know: reverse-path, size, Message-ID,
 * Date, and the recipient at its backend.  One without Message-ID or Date has
 * no entries.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inflight.h"

struct arena;
struct envelope;
struct headers;
struct journal;
struct message;

struct flight {			   /* all zero: has no entries */
	struct inflight *inflight; /* borrowed; NULL: none */
	struct journal *journal;   /* borrowed; may be NULL */
	unsigned column;
	unsigned char (*keys)[SIPHASH_SIZE]; /* by recipient; in an arena */
	int *slots;			     /* likewise; -1: none */
	size_t count;
};

/* What an earlier attempt left behind. */
enum flight_past {
	FLIGHT_NEW,
	FLIGHT_DELIVERED, /* the recipient has it */
	FLIGHT_UNKNOWN	  /* it may have it */
};

/* inflight, journal and column are set.  False: the same message is on its way
 * to one of the recipients already; then there are no entries. */
bool flight_begin(struct flight *f, struct arena *a, const struct envelope *e,
    const struct message *m, const struct headers *h);
/* FLIGHT_UNKNOWN is told once. */
enum flight_past flight_past(const struct flight *f, int64_t now, size_t i);
/* What became of a recipient. */
void flight_set(struct flight *f, size_t i, enum inflight_state state);
/* The backend's end is not known: the retry may be a second copy. */
void flight_is_unknown(const struct flight *f, int64_t now, size_t i);
/* All entries go. */
void flight_end(struct flight *f);

/* A worker has died: what its deliveries left goes to the journal. */
void flight_harvest(
    struct inflight *inflight, unsigned column, struct journal *j, int64_t now);

#endif

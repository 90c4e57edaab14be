#ifndef POSTERN_SHARED_H
#define POSTERN_SHARED_H

/*
 * Shared memory of the gateway: mapped by the master before it forks, seen by
 * all its children, and carried on when another program takes over from the
 * master in the same process (master_handover.c).  So each piece has a
 * descriptor, by which that program finds it again.
 *
 * A piece has a name that tells its layout, with a number to be raised when
 * what is in it changes its meaning ("journal 1"); a piece with another name or
 * another size is not taken for this one, and what it knew begins anew.
 *
 * The list of pieces is the process's; the memory belongs to who asked for it.
 */

#include <stdbool.h>
#include <stddef.h>

#define SHARED_NAME_MAX 32

enum shared_kind {
	SHARED_PLAIN,
	SHARED_SECRET /* never where it could get to a disk: on a system whose
		       * memory objects are files it is not carried on */
};

/* Zeroed memory; or, with *carried_r (may be NULL), what an earlier program
 * had under this name.  NULL with errno: it can not be had. */
void *shared_new(
    const char *name, size_t size, enum shared_kind kind, bool *carried_r);
void shared_free(void *p);

/* A piece: the ones of before that nobody has asked for yet have no address. */
struct shared_piece {
	char name[SHARED_NAME_MAX];
	size_t size;
	void *p; /* NULL: is offered */
	int fd;	 /* owned; -1: can not be carried on */
};
/* The piece number i, from 0; NULL behind the last one. */
const struct shared_piece *shared_piece(size_t i);

/* Memory of an earlier program; those with the same name are taken in the order
 * of their offers.  The descriptor is taken over. */
void shared_offer(const char *name, size_t size, int fd);
/* Forgets the offers that nobody has taken. */
void shared_decline(void);
/* In a child: the memory stays, the descriptors are the master's alone. */
void shared_forget(void);

#endif

#ifndef POSTERN_DISPATCH_IMPL_H
#define POSTERN_DISPATCH_IMPL_H

/*
 * Private to dispatch*.c:
 *
 *	dispatch.c		deliveries side by side, and what becomes of
 *them dispatch_parts.c	which recipients go to which backend
 */

#include <stdbool.h>
#include <stddef.h>

#include "dispatch.h"
#include "loop.h"

struct part { /* what goes to one backend */
	struct dispatch *dispatch;
	struct delivery *delivery; /* NULL when it has ended */
	unsigned backend;
	bool added; /* for recipients that filters added: it does not count */
	bool begun;
	bool linked;   /* it has its connection */
	bool told;     /* to send the message, or not */
	size_t *rcpts; /* owned; indexes in the envelope */
	size_t count;
};

struct dispatch {
	struct dispatch_order order;
	dispatch_done_fn *done;
	void *ctx;
	struct part *parts;		/* owned */
	struct relay_outcome *outcomes; /* owned; of the parts that ended */
	size_t count;
	size_t left;		    /* parts that have not ended */
	struct dl_outcome *results; /* owned; by the envelope's recipients */
	bool *known;		    /* owned; have it already; NULL: nobody */
	size_t discarded;
	size_t again;
	bool busy;
	bool abandoned; /* the client left */
	struct task task;
};

/* dispatch_parts.c: makes the parts, of recipients who have to get the message.
 */
void dispatch_divide(struct dispatch *d);

#endif

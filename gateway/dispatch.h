#ifndef POSTERN_DISPATCH_H
#define POSTERN_DISPATCH_H

/*
 * One message, and all the backends that its recipients belong to: a delivery
 * for each (relay.h), side by side, whose results make the one reply that the
 * client gets.  What that reply does not tell goes to the journal, and what the
 * journal knows of an earlier attempt is not delivered again.
 *
 * No backend gets the message before all have answered for their recipients.
 * If one refuses a recipient then, nobody gets it in this attempt: the client
 * hears 451 once, and its retry finds the refusals at RCPT.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay.h"

struct arena;
struct client;
struct envelope;
struct flight;
struct headers;
struct journal;
struct loop;
struct message;

struct dispatch_order { /* all borrowed until done or abandoned */
	const char *id;
	const struct client *client;
	const struct envelope *envelope;
	const struct message *message;
	const struct headers *headers; /* of the message */
	struct arena *arena;	       /* the transaction's */
	int64_t deadline; /* loop_now() milliseconds, of all deliveries */
	struct relay *relay;
	struct loop *loop;
	struct journal *journal; /* may be NULL */
	/* Entered here, and kept until its owner knows that the client has
	 * heard the end: then flight_end(). */
	struct flight *flight;
};

struct dispatch_outcome {
	struct relay_outcome all; /* what the client is told, and the sums */
	const struct relay_outcome *parts; /* for the record: each backend's */
	size_t count;
	size_t discarded; /* recipients that a route accepts for nobody */
	size_t again;	  /* that may have had it before: a copy, perhaps */
	bool busy;	  /* the same message is on its way already */
};

struct dispatch;
typedef void dispatch_done_fn(void *ctx, const struct dispatch_outcome *o);

/* done is called once, from the loop; the dispatch is gone when it returns. */
struct dispatch *dispatch_start(
    const struct dispatch_order *order, dispatch_done_fn *done, void *ctx);
/* The client left.  True: nothing was committed and all is cancelled, done will
 * not be called.  False: it goes on and done will be called. */
bool dispatch_abandon(struct dispatch **dp);

#endif

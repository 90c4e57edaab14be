#ifndef POSTERN_OP_H
#define POSTERN_OP_H

/*
 * A pending operation: something that somebody waits for (a DNS answer, a
 * timer, a server's reply).  The one rule of asynchronous code in postern is
 *
 *	Answer now, or return PENDING and name who continues.  Never both.
 *	The engine cancels, times out and frees.
 *
 * A service embeds a struct op in its own request, starts it with the owner
 * that waits, and calls op_ready() when it has the answer.  The op's run
 * function is then called, always from the bottom of the loop's turn, never
 * from inside the call that started it; at most once; and not at all after
 * op_cancel_all().  Whichever of run and cancel is called is the last call
 * and releases the request.
 */

#include <sys/queue.h>

#include <stdbool.h>

#include "loop.h"

struct op;
TAILQ_HEAD(op_list, op);

/* Whoever waits: a filter call, a delivery.  Embedded in it. */
struct op_owner {
	struct op_list ops;
	struct loop *loop; /* borrowed */
	unsigned count; /* operations started and neither run nor cancelled */
};

struct op {
	unsigned magic;
	TAILQ_ENTRY(op) entry;
	struct op_owner *owner; /* borrowed; NULL when not pending */
	struct task task;
	void (*run)(struct op *op);
	void (*cancel)(struct op *op);
};

void op_owner_init(struct op_owner *owner, struct loop *l);

/* Registers op with its owner. */
void op_start(struct op_owner *owner, struct op *op, void (*run)(struct op *),
    void (*cancel)(struct op *));

/* The answer is there: run will be called at the bottom of this turn.  Calling
 * it again changes nothing. */
void op_ready(struct op *op);

/* Cancels every operation of the owner, newest first. */
void op_cancel_all(struct op_owner *owner);

/* Operations pending in this process, for tests and for the shutdown. */
unsigned op_outstanding(void);

#endif

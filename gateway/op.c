/*
 * Pending operations: see op.h.
 */

#include <assert.h>
#include <stddef.h>

#include "compat.h"
#include "op.h"

#define OP_MAGIC 0x6f702e31u

/* Counted for the tests' "no operation left" and for the shutdown. */
static unsigned outstanding;

static void
leave(struct op *op)
{
	struct op_owner *owner = op->owner;

	assert(op->magic == OP_MAGIC && owner != NULL);
	TAILQ_REMOVE(&owner->ops, op, entry);
	owner->count--;
	outstanding--;
	op->owner = NULL;
	op->magic = 0;
}

static void
run_ready(struct task *t)
{
	struct op *op = container_of(t, struct op, task);

	leave(op);
	op->run(op);
}

void
op_owner_init(struct op_owner *owner, struct loop *l)
{
	TAILQ_INIT(&owner->ops);
	owner->loop = l;
	owner->count = 0;
}

void
op_start(struct op_owner *owner, struct op *op, void (*run)(struct op *),
    void (*cancel)(struct op *))
{
	assert(op->magic != OP_MAGIC);
	*op = (struct op){ .magic = OP_MAGIC,
		.owner = owner,
		.task = { .run = run_ready },
		.run = run,
		.cancel = cancel };
	TAILQ_INSERT_TAIL(&owner->ops, op, entry);
	owner->count++;
	outstanding++;
}

void
op_ready(struct op *op)
{
	assert(op->magic == OP_MAGIC);
	loop_defer(op->owner->loop, &op->task);
}

void
op_cancel_all(struct op_owner *owner)
{
	struct op *op;

	while ((op = TAILQ_LAST(&owner->ops, op_list)) != NULL) {
		loop_undefer(owner->loop, &op->task);
		leave(op);
		op->cancel(op);
	}
}

unsigned
op_outstanding(void)
{
	return outstanding;
}

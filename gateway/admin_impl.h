#ifndef POSTERN_ADMIN_IMPL_H
#define POSTERN_ADMIN_IMPL_H

/*
 * The control socket in the admin process:
 *
 *	admin_control.c		callers, and the ways to the workers
 *	admin_commands.c	what they want
 *	admin_tell.c		what is answered from the shared memory
 *
 * The first two include it, nobody else.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdbool.h>
#include <stdint.h>

#include "admin.h"
#include "control.h"

struct conn;
struct event;
struct loop;

struct caller {
	TAILQ_ENTRY(caller) entry;
	struct control *control; /* borrowed */
	struct conn *conn;	 /* owned */
	struct control_request request;
	char line[CONTROL_LINE_MAX];
	uint64_t number;  /* of its question to workers; 0: none */
	unsigned waiting; /* answers to come */
	unsigned silent;  /* workers that could not be asked */
	unsigned answers; /* rows that came */
	bool lost;	  /* some, because it did not read */
};

/* A way to a worker. */
struct way {
	struct control *control; /* borrowed */
	struct event *ev;	 /* owned; NULL when it has ended */
	int fd;
};

struct control {
	struct loop *loop; /* borrowed, as the next */
	const struct admin_start *start;
	struct event *ev; /* owned; of new callers */
	TAILQ_HEAD(, caller) callers;
	unsigned count;
	struct way *ways; /* owned */
	uint64_t number;
};

/* To a caller; admin_finish() says the last line, and the caller is gone behind
 * it, as behind admin_leave(), which says nothing. */
void admin_say(struct caller *caller, const struct control_text *t);
void admin_finish(struct caller *caller, int code, const char *text);
void admin_leave(struct caller *caller);
/* Asks all workers; what they answer goes to the caller. */
void admin_ask(struct caller *caller, const char *line);
/* Does what the caller's request says. */
void admin_act(struct caller *caller);

#endif

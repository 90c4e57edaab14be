#ifndef POSTERN_LOOP_H
#define POSTERN_LOOP_H

/*
 * The event loop of one process: libevent's base, the clock, timers, and what
 * has to happen at the bottom of a turn.
 *
 * A turn is: wait for events, run their callbacks, run the deferred tasks
 * (until there are none), then run the reaper's tasks, which free objects that
 * were closed during the turn.  So an object closed in a callback stays valid
 * until every callback of that turn has returned.
 */

#include <sys/queue.h>

#include <stdbool.h>
#include <stdint.h>

struct account;
struct event_base;
struct loop;

/* Something to do at the bottom of the turn.  Embedded in its owner. */
struct task {
	STAILQ_ENTRY(task) entry;
	void (*run)(struct task *t);
	bool queued;
};

/* A one-shot timer with an absolute time.  Moving it later is free, so it can
 * be moved for every command. */
struct timer {
	LIST_ENTRY(timer) entry;
	struct loop *loop; /* borrowed */
	struct event *ev;  /* owned; made at the first use */
	int64_t at;	   /* ms; 0 when not set */
	int64_t armed;	   /* when ev fires, ms; 0 when it does not */
	void (*fire)(void *ctx);
	void *ctx;
};

struct loop *loop_new(void);
void loop_free(struct loop **lp);
struct event_base *loop_base(struct loop *l);
/* Where what lives in this loop counts its memory (borrowed; NULL: nowhere). */
void loop_set_account(struct loop *l, struct account *a);
struct account *loop_account(const struct loop *l);

/* Monotonic milliseconds in this turn, after it has waited for events; the same
 * for the whole turn, and never 0. */
int64_t loop_now(struct loop *l);
/* Wall clock in milliseconds since 1970. */
int64_t loop_wall_ms(const struct loop *l);

/* Runs turns until loop_stop(). */
void loop_run(struct loop *l);
/* One turn; waits for events only if block. */
void loop_turn(struct loop *l, bool block);
void loop_stop(struct loop *l);
/* Runs at the very end of each turn, after the reaper (the log's flush). */
void loop_at_bottom(struct loop *l, void (*fn)(void));

/* Queues a task for the bottom of this turn, in order; once at most. */
void loop_defer(struct loop *l, struct task *t);
/* Queues a task that frees its owner, after all deferred tasks. */
void loop_reap(struct loop *l, struct task *t);
/* Takes a deferred task back. */
void loop_undefer(struct loop *l, struct task *t);

void timer_init(
    struct timer *t, struct loop *l, void (*fire)(void *ctx), void *ctx);
void timer_set(struct timer *t, int64_t at_ms);
/* Forgets the time and releases what the timer holds. */
void timer_clear(struct timer *t);

/* For tests: from now on the clock stands still and moves only here; timers
 * that become due fire in order, each at its own time, bottoms of turns
 * included. */
void loop_script_clock(struct loop *l, int64_t now_ms, int64_t wall_ms);
void loop_advance(struct loop *l, int64_t ms);

#endif

/*
 * The event loop: see loop.h.
 *
 * The bottom of a turn is plain code behind event_base_loop(EVLOOP_ONCE), not
 * an event of low priority: libevent starves low priorities under load, and
 * would ask the kernel once more for each turn.
 */

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include <event2/event.h>

#include "compat.h"
#include "loop.h"
#include "mem.h"

STAILQ_HEAD(task_list, task);
LIST_HEAD(timer_list, timer);

struct loop {
	struct event_base *base; /* owned */
	struct task_list deferred;
	struct task_list dead;
	struct timer_list timers; /* those that are set */
	int64_t now;
	bool stale; /* the turn has not asked for the time yet */
	bool stop;
	bool scripted;
	int64_t wall; /* scripted clock only */
	void (*bottom)(void);
	struct account *account; /* borrowed */
};

static int64_t read_clock(clockid_t id);
static void run_bottom(struct loop *l);

struct loop *
loop_new(void)
{
	struct loop *l = xcalloc(1, sizeof(*l));
	struct event_config *cfg = event_config_new();

	if (cfg == NULL)
		abort();
	event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
	l->base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	if (l->base == NULL)
		abort();
	STAILQ_INIT(&l->deferred);
	STAILQ_INIT(&l->dead);
	LIST_INIT(&l->timers);
	l->now = read_clock(CLOCK_MONOTONIC);
	return l;
}

void
loop_free(struct loop **lp)
{
	struct loop *l = *lp;

	if (l == NULL)
		return;
	run_bottom(l);
	assert(LIST_EMPTY(&l->timers));
	event_base_free(l->base);
	free(l);
	*lp = NULL;
}

void
loop_set_account(struct loop *l, struct account *a)
{
	l->account = a;
}

struct account *
loop_account(const struct loop *l)
{
	return l->account;
}

struct event_base *
loop_base(struct loop *l)
{
	return l->base;
}

/* One reading serves the turn, taken when somebody asks: before that the turn
 * may have waited for long, and a time from before the wait would make
 * deadlines that are over too early. */
int64_t
loop_now(struct loop *l)
{
	if (l->stale) {
		l->stale = false;
		l->now = read_clock(CLOCK_MONOTONIC);
	}
	return l->now;
}

int64_t
loop_wall_ms(const struct loop *l)
{
	return l->scripted ? l->wall : read_clock(CLOCK_REALTIME);
}

void
loop_turn(struct loop *l, bool block)
{
	int flags = EVLOOP_ONCE | (block ? 0 : EVLOOP_NONBLOCK);

	l->stale = !l->scripted;
	event_base_loop(l->base, flags);
	run_bottom(l);
}

void
loop_run(struct loop *l)
{
	l->stop = false;
	run_bottom(l);
	while (!l->stop)
		loop_turn(l, true);
}

void
loop_stop(struct loop *l)
{
	l->stop = true;
	event_base_loopbreak(l->base);
}

void
loop_at_bottom(struct loop *l, void (*fn)(void))
{
	l->bottom = fn;
}

void
loop_defer(struct loop *l, struct task *t)
{
	if (t->queued)
		return;
	t->queued = true;
	STAILQ_INSERT_TAIL(&l->deferred, t, entry);
}

void
loop_reap(struct loop *l, struct task *t)
{
	if (t->queued)
		return;
	t->queued = true;
	STAILQ_INSERT_TAIL(&l->dead, t, entry);
}

void
loop_undefer(struct loop *l, struct task *t)
{
	if (!t->queued)
		return;
	t->queued = false;
	STAILQ_REMOVE(&l->deferred, t, task, entry);
}

static void
run_tasks(struct task_list *list)
{
	struct task *t;

	while ((t = STAILQ_FIRST(list)) != NULL) {
		STAILQ_REMOVE_HEAD(list, entry);
		t->queued = false;
		t->run(t);
	}
}

static void
run_bottom(struct loop *l)
{
	do {
		run_tasks(&l->deferred);
		run_tasks(&l->dead);
	} while (!STAILQ_EMPTY(&l->deferred));
	if (l->bottom != NULL)
		l->bottom();
}

static int64_t
read_clock(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) == -1)
		abort();
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/*
 * Timers.  Each has one libevent timer that is left alone when the time moves
 * later: when it fires too early it is set again for the rest.
 */

static void
arm(struct timer *t)
{
	int64_t ms = t->at - loop_now(t->loop);
	struct timeval tv;

	if (ms < 0)
		ms = 0;
	tv.tv_sec = (time_t)(ms / 1000);
	tv.tv_usec = (suseconds_t)(ms % 1000 * 1000);
	event_add(t->ev, &tv);
	t->armed = t->at;
}

static void
expire(struct timer *t)
{
	LIST_REMOVE(t, entry);
	t->at = 0;
	t->fire(t->ctx);
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct timer *t = arg;

	(void)fd;
	(void)what;
	t->armed = 0;
	if (t->at == 0)
		return;
	t->loop->stale = !t->loop->scripted;
	if (t->at > loop_now(t->loop))
		arm(t);
	else
		expire(t);
}

void
timer_init(struct timer *t, struct loop *l, void (*fire)(void *), void *ctx)
{
	*t = (struct timer){ .loop = l, .fire = fire, .ctx = ctx };
}

void
timer_set(struct timer *t, int64_t at_ms)
{
	if (t->at == 0 && at_ms != 0)
		LIST_INSERT_HEAD(&t->loop->timers, t, entry);
	else if (t->at != 0 && at_ms == 0)
		LIST_REMOVE(t, entry);
	t->at = at_ms;
	if (at_ms == 0 || t->loop->scripted)
		return;
	if (t->armed != 0 && t->armed <= at_ms)
		return;
	if (t->ev == NULL)
		t->ev = evtimer_new(t->loop->base, on_event, t);
	if (t->ev == NULL)
		abort();
	arm(t);
}

void
timer_clear(struct timer *t)
{
	timer_set(t, 0);
	if (t->ev != NULL)
		event_free(t->ev);
	t->ev = NULL;
	t->armed = 0;
}

void
loop_script_clock(struct loop *l, int64_t now_ms, int64_t wall_ms)
{
	l->scripted = true;
	l->stale = false;
	l->now = now_ms;
	l->wall = wall_ms;
}

void
loop_advance(struct loop *l, int64_t ms)
{
	int64_t end = l->now + ms;
	struct timer *t, *first;

	assert(l->scripted);
	for (;;) {
		first = NULL;
		LIST_FOREACH (t, &l->timers, entry) {
			/* the list begins with the one set last */
			if (t->at <= end &&
			    (first == NULL || t->at <= first->at))
				first = t;
		}
		if (first == NULL)
			break;
		if (first->at > l->now) {
			l->wall += first->at - l->now;
			l->now = first->at;
		}
		expire(first);
		loop_turn(l, false);
	}
	l->wall += end - l->now;
	l->now = end;
	loop_turn(l, false);
}

/*
 * The admin process: see admin.h.
 */

#include "admin.h"

#include <signal.h>
#include <stdlib.h>
#include <sysexits.h>

#include <event2/event.h>

#include "checks.h"
#include "conf.h"
#include "conn.h"
#include "dns.h"
#include "greet.h"
#include "log.h"
#include "loop.h"
#include "relay.h"

#define ANSWER_SECONDS 3 /* at the end; workers get two */

enum { ON_TERM, ON_USR1, ON_MASTER, EVENTS };

struct admin {
	const struct admin_start *start;
	struct loop *loop;   /* owned, as all below */
	struct relay *relay; /* without pools */
	struct dns *dns;     /* owned */
	struct greets *greets;
	struct checks *checks;
	struct control *control; /* NULL: there is no socket */
	struct event *events[EVENTS];
	bool over;
};

static void begin(struct admin *);
static void watch(struct admin *);
static void finish(struct admin *);
static void answer_all(struct admin *);
static void on_term(evutil_socket_t, short, void *);
static void on_usr1(evutil_socket_t, short, void *);

int
admin_run(const struct admin_start *start)
{
	struct admin a = { .start = start };

	a.loop = loop_new();
	if (a.loop == NULL) {
		log_event(LEVEL_ERROR, "admin: no event loop");
		log_flush();
		return EX_OSERR;
	}
	begin(&a);
	watch(&a);
	while (!a.over)
		loop_turn(a.loop, true);
	answer_all(&a);
	finish(&a);
	return EX_OK;
}

static void
begin(struct admin *a)
{
	const struct config *c = a->start->config;

	loop_at_bottom(a->loop, log_flush);
	a->relay = relay_new(
	    a->loop, c->backends, c->backend_count, NULL, -1, c->hostname);
	a->dns = dns_new(a->loop, &c->resolver.settings);
	relay_set_dns(a->relay, a->dns);
	relay_set_caps(a->relay, a->start->caps);
	a->greets = greets_new(a->loop, a->relay);
	a->checks = checks_new(a->loop, c->backends, c->backend_count,
	    a->start->servers, a->start->caps, a->greets);
	a->control = control_new(a->loop, a->start);
}

/* Those who were taken a moment ago; the others wait for the next process. */
static void
answer_all(struct admin *a)
{
	struct timeval left = { .tv_sec = ANSWER_SECONDS };
	struct event *end = evtimer_new(loop_base(a->loop), on_term, a);

	if (end == NULL || event_add(end, &left) == -1)
		abort(); /* no memory */
	a->over = false;
	while (control_close(a->control) && !a->over)
		loop_turn(a->loop, true);
	event_free(end);
}

/* As in a worker: signals were blocked until now. */
static void
watch(struct admin *a)
{
	struct event_base *base = loop_base(a->loop);
	sigset_t none;
	size_t i;

	a->events[ON_TERM] = evsignal_new(base, SIGTERM, on_term, a);
	a->events[ON_USR1] = evsignal_new(base, SIGUSR1, on_usr1, a);
	a->events[ON_MASTER] =
	    event_new(base, a->start->master_fd, EV_READ, on_term, a);
	for (i = 0; i < EVENTS; i++)
		if (a->events[i] == NULL || event_add(a->events[i], NULL) == -1)
			abort(); /* no memory */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
finish(struct admin *a)
{
	sigset_t all;
	size_t i;

	/* Without its event a signal would kill. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (i = 0; i < EVENTS; i++)
		event_free(a->events[i]);
	control_free(&a->control);
	greets_free(&a->greets);
	checks_free(&a->checks);
	relay_free(&a->relay);
	dns_free(&a->dns);
	loop_turn(a->loop, false);     /* what the above gave the reaper */
	while (conn_outstanding() > 0) /* callers get their answers */
		loop_turn(a->loop, true);
	loop_free(&a->loop);
	log_flush();
}

static void
on_term(evutil_socket_t fd, short what, void *ctx)
{
	struct admin *a = ctx;

	(void)fd;
	(void)what;
	a->over = true;
}

static void
on_usr1(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	(void)ctx;
	log_reopen();
}

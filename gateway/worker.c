/*
 * A worker: everything that one process needs to serve clients, and its end.
 *
 * SIGTERM ends it when the sessions are gone or the configuration's drain time
 * is over; SIGUSR2 likewise, but without a limit of time (a new configuration
 * has taken over; the master sees to the time), and who is here already may
 * still begin a first transaction.  The end of the master is as SIGTERM.
 */

#include "worker.h"

#include <signal.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include <event2/event.h>

#include "account.h"
#include "chain.h"
#include "compat.h"
#include "conf.h"
#include "conn.h"
#include "dns.h"
#include "helper.h"
#include "http.h"
#include "listener.h"
#include "log.h"
#include "loop.h"
#include "marks.h"
#include "relay.h"
#include "route.h"
#include "session.h"
#include "stats.h"
#include "worker_control.h"

enum { ON_TERM, ON_USR1, ON_USR2, ON_MASTER, EVENTS };

struct worker {
	const struct worker_start *start;
	struct front front;
	struct router *router;	     /* owned */
	struct services services;    /* its helpers: owned */
	struct chain **chains;	     /* owned; one per listen section */
	struct listener **listeners; /* owned; one per address, or NULL */
	size_t listener_count;
	struct event *events[EVENTS];	/* owned */
	struct worker_control *control; /* owned; NULL: there is none */
	struct timer drain;
	bool limited; /* the drain has an end */
	bool over;    /* it is reached */
};

static void begin(struct worker *);
static void open_listeners(struct worker *);
static void watch(struct worker *);
static void finish(struct worker *);
static void log_resolver(const struct worker *);
static void on_term(evutil_socket_t, short, void *);
static void on_usr1(evutil_socket_t, short, void *);
static void on_usr2(evutil_socket_t, short, void *);
static void drain(struct worker *);
static void on_drain_over(void *);
static void stop_listening(struct worker *);
static void pause_listeners(void *);

int
worker_run(const struct worker_start *start)
{
	struct worker w = { .start = start };

	w.front.loop = loop_new();
	if (w.front.loop == NULL) {
		log_event(
		    LEVEL_ERROR, "worker %u: no event loop", start->number);
		log_flush();
		return EX_OSERR;
	}
	begin(&w);
	open_listeners(&w);
	watch(&w);
	while ((!w.front.draining && !w.front.retired) ||
	    (w.front.sessions > 0 && !w.over))
		loop_turn(w.front.loop, true);
	if (w.front.sessions > 0) {
		w.front.closing = true;
		session_drain_all(&w.front, true);
		loop_turn(w.front.loop, false); /* the reaper frees them */
	}
	finish(&w);
	return EX_OK;
}

static void
begin(struct worker *w)
{
	const struct worker_start *start = w->start;
	const struct config *c = start->config;
	struct front *f = &w->front;

	loop_at_bottom(f->loop, log_flush);
	f->limits = &c->limits;
	f->hostname = c->hostname;
	f->all_sessions = c->log.sessions;
	f->account = account_new(start->stats, start->number, c->limits.memory);
	loop_set_account(f->loop, f->account);
	f->spool = spool_new(&c->spool);
	f->dns = dns_new(f->loop, &c->resolver.settings);
	spool_set_account(f->spool, f->account);
	f->relay = relay_new(f->loop, c->backends, c->backend_count,
	    &(struct pool_shared){
		.stats = start->stats,
		.servers = start->servers,
		.worker = start->number,
	    },
	    start->agent_fd, c->hostname);
	session_show_relayed(f);
	f->journal = start->journal;
	relay_set_dns(f->relay, f->dns);
	f->inflight = start->inflight;
	f->inflight_column = start->rates_column;
	relay_set_caps(f->relay, start->caps);
	f->router = w->router = router_new(c->routes, c->route_count);
	f->routes = c->routes;
	f->route_count = c->route_count;
	f->stats = start->stats;
	f->worker = start->number;
	f->rates = start->rates;
	f->rates_column = start->rates_column;
	w->services.helpers = helpers_new(f->loop, c->filters, c->filter_count);
	w->services.http = http_new(w->front.loop, w->front.dns, &c->hosts);
	w->services.checker_fd = start->checker_fd;
	w->services.agent_fd = start->agent_fd;
	f->services = &w->services;
	TAILQ_INIT(&f->open);
	compat_random(&f->id_salt, sizeof(f->id_salt));
	timer_init(&w->drain, f->loop, on_drain_over, w);
}

static void
open_listeners(struct worker *w)
{
	const struct config *c = w->start->config;
	const struct listener_conf *lc;
	size_t i, k, n = 0;

	for (i = 0; i < c->listener_count; i++)
		n += c->listeners[i].address.count;
	w->chains = xcalloc(c->listener_count, sizeof(struct chain *));
	w->listeners = xcalloc(n, sizeof(struct listener *));
	for (i = 0; i < c->listener_count; i++) {
		lc = &c->listeners[i];
		w->chains[i] =
		    chain_new(w->front.loop, lc->filters, lc->filter_count);
		chain_set_dns(w->chains[i], w->front.dns);
		chain_set_services(w->chains[i], &w->services);
		chain_set_hostname(w->chains[i],
		    lc->hostname != NULL ? lc->hostname : c->hostname);
		for (k = 0; k < lc->address.count; k++) {
			n = w->listener_count++;
			w->listeners[n] = listener_new(&w->front, lc,
			    w->chains[i], w->start->listen_fds[n]);
		}
	}
}

/* The master blocks signals while it forks, so that none is lost before there
 * is somebody to get it. */
static void
watch(struct worker *w)
{
	struct event_base *base = loop_base(w->front.loop);
	sigset_t none;
	size_t i;

	pause_listeners(w);
	w->control = worker_control_new(
	    &w->front, w->start->control_fd, pause_listeners, w);
	w->events[ON_TERM] = evsignal_new(base, SIGTERM, on_term, w);
	w->events[ON_USR1] = evsignal_new(base, SIGUSR1, on_usr1, w);
	w->events[ON_USR2] = evsignal_new(base, SIGUSR2, on_usr2, w);
	/* Nobody writes to it: readable is the end of the master. */
	w->events[ON_MASTER] =
	    event_new(base, w->start->master_fd, EV_READ, on_term, w);
	for (i = 0; i < EVENTS; i++)
		if (w->events[i] == NULL || event_add(w->events[i], NULL) == -1)
			abort(); /* no memory */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
finish(struct worker *w)
{
	sigset_t all;
	size_t i;

	/* Without its event a signal would kill. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	stop_listening(w);
	for (i = 0; i < EVENTS; i++)
		event_free(w->events[i]);
	timer_clear(&w->drain);
	worker_control_free(&w->control);
	relay_free(&w->front.relay);
	helpers_free(&w->services.helpers);
	http_free(&w->services.http);
	for (i = 0; i < w->start->config->listener_count; i++)
		chain_free(&w->chains[i]);
	free(w->chains);
	free(w->listeners);
	router_free(&w->router);
	/* Connections that say goodbye; each has a deadline of its own. */
	loop_turn(w->front.loop, false);
	while (conn_outstanding() > 0)
		loop_turn(w->front.loop, true);
	log_resolver(w);
	dns_free(&w->front.dns);
	spool_free(&w->front.spool);
	loop_free(&w->front.loop);
	account_free(&w->front.account);
	log_flush();
}

/* What the DNS was asked by this worker. */
static void
log_resolver(const struct worker *w)
{
	const struct dns_counters *c = dns_counters(w->front.dns);
	struct record r;

	if (c->asked == 0)
		return;
	record_start(&r, LEVEL_INFO, "resolver");
	record_num(&r, "worker", w->start->number);
	record_num(&r, "asked", (int64_t)c->asked);
	record_num(&r, "cached", (int64_t)c->cached);
	record_num(&r, "queries", (int64_t)c->queries);
	record_num(&r, "tcp", (int64_t)c->tcp);
	record_num(&r, "timeouts", (int64_t)c->timeouts);
	record_num(&r, "failed", (int64_t)c->failed);
	record_num(&r, "ignored", (int64_t)c->ignored);
	record_end(&r);
}

static void
on_term(evutil_socket_t fd, short what, void *ctx)
{
	struct worker *w = ctx;

	(void)fd;
	if ((what & EV_READ) != 0)
		log_event(LEVEL_ERROR, "worker %u: the master is gone",
		    w->start->number);
	w->front.draining = true;
	drain(w);
	if (w->limited)
		return;
	w->limited = true;
	timer_set(&w->drain, loop_now(w->front.loop) + w->start->config->drain);
}

static void
on_usr1(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	(void)ctx;
	log_reopen();
}

static void
on_usr2(evutil_socket_t fd, short what, void *ctx)
{
	struct worker *w = ctx;

	(void)fd;
	(void)what;
	w->front.retired = true;
	drain(w);
}

static void
drain(struct worker *w)
{
	stop_listening(w);
	session_drain_all(&w->front, false);
	relay_close_idle(w->front.relay);
}

static void
on_drain_over(void *ctx)
{
	struct worker *w = ctx;

	w->over = true;
}

/* As the operator has marked them. */
static void
pause_listeners(void *ctx)
{
	const struct config *c;
	struct worker *w = ctx;
	size_t i, k, n = 0;

	c = w->start->config;
	for (i = 0; i < c->listener_count; i++)
		for (k = 0; k < c->listeners[i].address.count; k++, n++)
			if (w->listeners[n] != NULL)
				listener_pause(w->listeners[n],
				    marks_paused(
					w->start->marks, c->listeners[i].name));
}

/* The descriptors are closed too: an address that is no longer configured must
 * not go on taking connections that nobody accepts. */
static void
stop_listening(struct worker *w)
{
	size_t i;

	for (i = 0; i < w->listener_count; i++) {
		if (w->listeners[i] == NULL)
			continue;
		listener_free(&w->listeners[i]);
		close(w->start->listen_fds[i]);
	}
}

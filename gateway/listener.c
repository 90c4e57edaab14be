/*
 * Accepting clients: see listener.h.
 */

#include <sys/resource.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "listener.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "net.h"
#include "session.h"

#define ACCEPT_BATCH 64 /* per turn, so that open sessions get their share */
#define PAUSE_MS 200	/* without descriptors: let some sessions end first */
#define SAY_MS 10000	/* how often that is said */
/* Descriptors that idle clients must leave to backends and messages: a part of
 * all, and the most that are. */
#define SPARE_PART 8
#define SPARE_MAX 64

struct listener {
	struct front *front;		  /* borrowed */
	const struct listener_conf *conf; /* borrowed */
	struct chain *chain;		  /* borrowed */
	struct event *ev;		  /* owned */
	struct net_addr local;		  /* where its clients come to */
	bool is_any; /* each of them may come to another address */
	struct timer pause;
	int64_t say_again; /* ms; that there are no descriptors */
	unsigned closed;   /* sessions, to make room */
	int few_from;	   /* descriptor */
	int fd;		   /* borrowed */
	bool paused;	   /* by the operator */
};

/* From which descriptor on they are few: the kernel gives the lowest one. */
static int
few_from(void)
{
	struct rlimit rl;
	int part;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1 || rl.rlim_cur > INT_MAX)
		return INT_MAX;
	part = (int)rl.rlim_cur / SPARE_PART;
	return (int)rl.rlim_cur - (part < SPARE_MAX ? part : SPARE_MAX);
}

/* An idle session gives its descriptor.  True if one did. */
static bool
make_room(struct listener *l, const char *why)
{
	int64_t now = loop_now(l->front->loop);
	bool done = session_shed(l->front);

	l->closed += done;
	if (now < l->say_again)
		return done;
	l->say_again = now + SAY_MS;
	log_event(LEVEL_ERROR,
	    "listener %s: accept: %s; idle sessions closed for it so far: %u",
	    l->conf->name, why, l->closed);
	return done;
}

/* The connection stays in the kernel's queue, and asking again at once would
 * only burn the processor. */
static void
pause_accepting(struct listener *l)
{
	event_del(l->ev);
	timer_set(&l->pause, loop_now(l->front->loop) + PAUSE_MS);
}

static void
resume(void *arg)
{
	struct listener *l = arg;

	if (!l->paused)
		event_add(l->ev, NULL);
}

static void
take_client(struct listener *l, int fd, const struct net_addr *peer)
{
	struct net_addr local = l->local;

	if (l->is_any)
		net_local(fd, &local);
	session_new(l->front, l->conf, l->chain, fd, peer, &local);
}

static void
on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;
	struct net_addr peer;
	int i, client;

	(void)what;
	for (i = 0; i < ACCEPT_BATCH; i++) {
		client = net_accept(fd, &peer);
		if (client != -1) {
			if (client >= l->few_from)
				(void)make_room(l, "few descriptors are left");
			take_client(l, client, &peer);
			continue;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		if (errno == ECONNABORTED || errno == EINTR)
			continue;
		if (make_room(l, strerror(errno)))
			continue;
		pause_accepting(l);
		return;
	}
}

struct listener *
listener_new(struct front *f, const struct listener_conf *lc,
    struct chain *chain, int fd)
{
	struct listener *l = xcalloc(1, sizeof(*l));

	l->front = f;
	l->conf = lc;
	l->chain = chain;
	l->fd = fd;
	net_local(fd, &l->local);
	l->is_any = net_is_any(&l->local);
	l->few_from = few_from();
	timer_init(&l->pause, f->loop, resume, l);
	l->ev = event_new(
	    loop_base(f->loop), fd, EV_READ | EV_PERSIST, on_acceptable, l);
	if (l->ev == NULL)
		abort();
	event_add(l->ev, NULL);
	return l;
}

void
listener_pause(struct listener *l, bool paused)
{
	if (paused == l->paused)
		return;
	l->paused = paused;
	timer_clear(&l->pause);
	if (paused)
		event_del(l->ev);
	else
		event_add(l->ev, NULL);
}

void
listener_free(struct listener **lp)
{
	struct listener *l = *lp;

	if (l == NULL)
		return;
	event_free(l->ev);
	timer_clear(&l->pause);
	free(l);
	*lp = NULL;
}

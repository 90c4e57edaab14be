/*
 * Accepting clients: see listener.h.
 */

#include <errno.h>
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

struct listener {
	struct front *front;		  /* borrowed */
	const struct listener_conf *conf; /* borrowed */
	struct chain *chain;		  /* borrowed */
	struct event *ev;		  /* owned */
	struct timer pause;
	int64_t said; /* ms; that there are no descriptors */
	int fd;	      /* borrowed */
};

/* EMFILE and the like: an idle session gives its place.  True if one did. */
static bool
make_room(struct listener *l, int error)
{
	int64_t now = loop_now(l->front->loop);
	bool done = false;

	if (error == EMFILE || error == ENFILE)
		done = session_shed(l->front);
	if (now >= l->said) {
		l->said = now + SAY_MS;
		log_event(LEVEL_ERROR, "listener %s: accept: %s; %s",
		    l->conf->name, strerror(error),
		    done ? "idle sessions are closed"
			 : "no session is idle, clients have to wait");
	}
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

	event_add(l->ev, NULL);
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
			session_new(l->front, l->conf, l->chain, client, &peer);
			continue;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		if (errno == ECONNABORTED || errno == EINTR)
			continue;
		if (make_room(l, errno))
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
	timer_init(&l->pause, f->loop, resume, l);
	l->ev = event_new(
	    loop_base(f->loop), fd, EV_READ | EV_PERSIST, on_acceptable, l);
	if (l->ev == NULL)
		abort();
	event_add(l->ev, NULL);
	return l;
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

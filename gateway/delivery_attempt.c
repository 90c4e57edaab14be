/*
 * The attempts of a delivery: a link for each, and what to do when it is lost
 * or its server is of no use.
 */

#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "caps.h"
#include "compat.h"
#include "conn.h"
#include "delivery.h"
#include "log.h"
#include "mem.h"
#include "relay_impl.h"

static void
use_link(struct delivery *dl, struct link *l)
{
	dl->link = l;
	dl->server = l->server != NULL ? l->server->name : NULL;
	dl->tls = l->tls;
	if (dl->order.linked != NULL)
		dl->order.linked(dl->ctx);
	delivery_attach(dl);
}

/* The agent gets one end of a new socketpair; its link is never pooled. */
static void
open_agent_link(struct delivery *dl)
{
	struct link *l;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1) {
		delivery_link_lost(dl, "socketpair: %s", strerror(errno));
		return;
	}
	if (net_nonblock(fds[0]) == -1 || net_cloexec(fds[0]) == -1 ||
	    net_send_fd(dl->relay->agent_fd, fds[1]) == -1) {
		delivery_link_lost(
		    dl, "the agent can not be reached: %s", strerror(errno));
		close(fds[0]);
		close(fds[1]);
		return;
	}
	close(fds[1]);
	l = xcalloc(1, sizeof(*l));
	l->connected = true;
	l->born = loop_now(dl->relay->loop);
	l->uses = 1;
	if (dl->conf->type->link_size > 0)
		l->state = xcalloc(1, dl->conf->type->link_size);
	l->conn = conn_new(dl->relay->loop, fds[0], NULL, NULL);
	use_link(dl, l);
}

/* Servers that the pool could not even begin to connect to. */
static void
note_unreachable(struct delivery *dl)
{
	struct pool *p = dl->relay->pools[dl->order.backend];
	uint32_t failed = dl->wait.tried & ~dl->tried;
	unsigned i;

	for (i = 0; failed != 0; i++, failed >>= 1)
		if ((failed & 1) != 0)
			caps_lost(dl->relay->caps, dl->conf->name,
			    pool_server(p, i)->name);
}

void
delivery_attempt(struct delivery *dl, bool fresh)
{
	struct link *l;

	delivery_forget(dl);
	dl->error[0] = '\0';
	if (dl->conf->type->link != BACKEND_SERVER && delivery_lacks(dl))
		return;
	switch (dl->conf->type->link) {
	case BACKEND_NO_LINK:
		delivery_begin(dl);
		break;
	case BACKEND_AGENT:
		open_agent_link(dl);
		break;
	case BACKEND_SERVER:
		l = pool_get(dl->relay->pools[dl->order.backend], &dl->wait,
		    fresh, dl->tried);
		note_unreachable(dl);
		if (l != NULL)
			use_link(dl, l);
		break;
	}
}

void
delivery_got_link(struct pool_wait *w, struct link *l, const char *why)
{
	struct delivery *dl = container_of(w, struct delivery, wait);

	note_unreachable(dl);
	if (l != NULL)
		use_link(dl, l);
	else
		delivery_link_lost(dl, "%s", why);
}

void
delivery_too_late(void *arg)
{
	struct delivery *dl = arg;

	dl->broken = true;
	snprintf(dl->error, sizeof(dl->error), "%s",
	    dl->resume != NULL	   ? "other backends not ready in time"
		: dl->link == NULL ? "no connection in time"
				   : "no reply in time");
	/* Not if it was we who were slow. */
	if (dl->link != NULL && dl->link->pool != NULL && dl->next != NULL &&
	    dl->reader == NULL &&
	    loop_now(dl->relay->loop) - dl->attached >=
		dl->conf->connect_timeout)
		pool_blame(dl->link, dl->error);
	delivery_finish(dl);
}

/*
 * An attempt failed.  As long as nothing was committed, a pooled connection
 * that turned out stale is replaced by a fresh one, once and silently, and a
 * server that can not be talked to by the next one.
 */
void
delivery_link_lost(struct delivery *dl, const char *fmt, ...)
{
	bool was_pooled = dl->link != NULL && dl->link->uses > 1;
	bool again = false;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(dl->error, sizeof(dl->error), fmt, ap);
	va_end(ap);
	delivery_show(dl, "%s", dl->error);
	if (dl->greeted != NULL) {
		dl->greeted(dl);
		return;
	}
	if (dl->link != NULL && dl->link->pool != NULL) {
		if (dl->committed || !was_pooled) {
			dl->tried |= 1u << dl->link->target;
			pool_blame(dl->link, dl->error);
			caps_lost(dl->relay->caps, dl->conf->name,
			    dl->link->server->name);
		}
		again = !dl->committed &&
		    (was_pooled || pool_has_other(dl->link->pool, dl->tried));
	}
	dl->broken = true;
	if (!again) {
		delivery_finish(dl);
		return;
	}
	log_event(LEVEL_DEBUG, "%s: backend %s: %s; trying another connection",
	    dl->order.id, dl->conf->name, dl->error);
	pool_drop(&dl->link);
	delivery_attempt(dl, was_pooled);
}

/* Did the server refuse to talk at all (banner, EHLO, RSET), or close a pooled
 * connection with 421 instead of an answer? */
static bool
server_unwilling(const struct delivery *dl)
{
	const struct dl_outcome *first = &dl->outcomes[0];
	size_t i;

	if (dl->link->uses > 1 && first->set && first->reply.code == 421)
		return true;
	for (i = 0; i < dl_count(dl); i++)
		if (!dl->outcomes[i].set ||
		    dl->outcomes[i].stage != DL_STAGE_SESSION)
			return false;
	return true;
}

void
delivery_progress(struct delivery *dl, enum progress p)
{
	char why[sizeof(dl->error)];

	assert(dl->magic == DELIVERY_MAGIC);
	if (dl->ended)
		return;
	if (p == DELIVERY_PENDING) {
		assert(dl->next != NULL || dl->resume != NULL ||
		    dl->secured != NULL);
		if (dl->link != NULL)
			conn_flush(dl->link->conn);
		return;
	}
	if (dl->greeted != NULL) {
		dl->greeted(dl);
		return;
	}
	if (dl->lacks != 0) {
		delivery_try_fitter(dl);
		return;
	}
	if (dl->error[0] != '\0') {
		compat_strlcpy(why, dl->error, sizeof(why));
		delivery_link_lost(dl, "%s", why);
		return;
	}
	if (dl->link != NULL && !dl->committed && server_unwilling(dl)) {
		delivery_link_lost(dl, "the server said %d %s",
		    dl->outcomes[0].reply.code, dl->outcomes[0].reply.text);
		return;
	}
	delivery_finish(dl);
}

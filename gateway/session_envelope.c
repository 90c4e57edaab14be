/*
 * What filters have changed in the envelope, put into effect: recipients that
 * became others get their route at RCPT, those that were added or taken away
 * when the message is complete.
 */

#include <string.h>

#include "log.h"
#include "route.h"
#include "session_priv.h"

static void take_route(struct session *, struct recipient *, int);
static bool is_there(const struct envelope *, size_t, const struct address *);
static bool leads_somewhere(struct session *, const struct address *, int *);

/* The client named an address that is ours; that its alias is none is our
 * mistake, not the client's. */
bool
session_reroute(struct session *s)
{
	struct envelope *e = &s->tx.envelope;
	struct recipient *r = &e->rcpts[e->count - 1];
	int route;

	if (!r->moved)
		return true;
	if (leads_somewhere(s, &r->addr, &route)) {
		take_route(s, r, route);
		return true;
	}
	log_event(LEVEL_WARN,
	    "%s: a filter has made <%s> of a recipient, "
	    "which no route takes",
	    s->tx.id, r->addr.text);
	session_refuse_last(s, REPLY_NO_ALIAS);
	return false;
}

void
session_refuse_last(struct session *s, enum reply_id id)
{
	struct envelope *e = &s->tx.envelope;

	txlog_note_refusal(s, reply_own(id)->code,
	    e->rcpts[e->count - 1].addr.text, reply_own(id)->text);
	session_reply(s, id);
	envelope_drop_last(e);
}

static bool
leads_somewhere(struct session *s, const struct address *addr, int *route_r)
{
	int route = verb_find_route(s, addr), action;

	*route_r = route;
	if (route == -1)
		return false;
	action = s->front->routes[route].action;
	return action != ROUTE_REJECT && action != ROUTE_DEFER;
}

static void
take_route(struct session *s, struct recipient *r, int route)
{
	const struct route_conf *rc = &s->front->routes[route];

	r->route = (unsigned)route;
	r->backend = rc->backend;
	r->backend_name = rc->backend_name;
}

/* If nobody is left whom the client named, those who were added stand for
 * them. */
bool
session_settle_envelope(struct session *s)
{
	struct envelope *e = &s->tx.envelope;
	size_t i, named = 0;
	struct recipient *r;
	int route;

	for (i = 0; i < e->count; i++)
		if (!e->rcpts[i].removed &&
		    !(e->rcpts[i].moved &&
			is_there(e, named, &e->rcpts[i].addr)))
			e->rcpts[named++] = e->rcpts[i];
	e->count = named;
	for (i = 0; i < e->extra_count; i++) {
		if (is_there(e, e->count, &e->extras[i].addr))
			continue;
		if (!leads_somewhere(s, &e->extras[i].addr, &route)) {
			log_event(LEVEL_WARN,
			    "%s: recipient <%s>, added by a filter, is left "
			    "out: no route takes it",
			    s->tx.id, e->extras[i].addr.text);
			continue;
		}
		r = envelope_add(e, &e->extras[i].addr);
		r->added = named > 0;
		take_route(s, r, route);
	}
	e->extra_count = 0;
	return e->count > 0;
}

static bool
is_there(const struct envelope *e, size_t count, const struct address *addr)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(e->rcpts[i].addr.text, addr->text) == 0)
			return true;
	return false;
}

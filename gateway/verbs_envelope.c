/*
 * MAIL and RCPT: the commands that make the envelope (RFC 5321 4.1.1.2 and
 * 4.1.1.3).
 */

#include <stdio.h>
#include <string.h>

#include "loop.h"
#include "remember.h"
#include "reply.h"
#include "route.h"
#include "session_priv.h"
#include "verbs.h"
#include "verify.h"

/* MAIL */

static enum reply_id
path_reply(enum smtp_path_fault fault, enum reply_id syntax)
{
	switch (fault) {
	case SMTP_PATH_GOOD:
		return REPLY_NONE;
	case SMTP_PATH_SYNTAX:
		return syntax;
	case SMTP_PATH_LONG:
		return REPLY_PATH_TOO_LONG;
	case SMTP_PATH_NEEDS_DOMAIN:
		return REPLY_NEEDS_DOMAIN;
	case SMTP_PATH_PARAMS:
		return REPLY_BAD_PARAMETERS;
	}
	return syntax;
}

static enum reply_id
take_size(struct session *s, struct slice value)
{
	if (!smtp_parse_number(value, UINT64_MAX, &s->tx.envelope.size))
		return REPLY_BAD_SIZE;
	if (s->tx.envelope.size > (uint64_t)s->listener->limits.message_size)
		return REPLY_TOO_BIG;
	return REPLY_NONE;
}

static enum reply_id
take_body(struct session *s, struct slice value)
{
	if (slice_is(value, "7BIT"))
		s->tx.envelope.body = BODY_7BIT;
	else if (slice_is(value, "8BITMIME"))
		s->tx.envelope.body = BODY_8BITMIME;
	else
		return REPLY_BAD_BODY;
	return REPLY_NONE;
}

static enum reply_id
take_mail_params(struct session *s, const struct smtp_params *params)
{
	enum reply_id no = REPLY_NONE;
	size_t i;

	for (i = 0; i < params->count && no == REPLY_NONE; i++) {
		if (slice_is(params->list[i].name, "SIZE"))
			no = take_size(s, params->list[i].value);
		else if (slice_is(params->list[i].name, "BODY"))
			no = take_body(s, params->list[i].value);
		else
			no = REPLY_UNKNOWN_PARAMETER;
	}
	return no;
}

enum reply_id
verb_check_mail(struct session *s, struct slice arg)
{
	struct envelope *e = &s->tx.envelope;
	struct smtp_params params;
	struct smtp_path path;
	enum reply_id no;

	no = path_reply(smtp_parse_mail(arg, &path, &params), REPLY_BAD_SENDER);
	e->size = 0;
	e->body = BODY_UNSPECIFIED;
	if (no == REPLY_NONE)
		no = take_mail_params(s, &params);
	if (no == REPLY_NONE)
		no = session_may_send(s);
	if (no != REPLY_NONE)
		return no;
	e->sender = envelope_address(&s->tx.arena, &path);
	e->has_sender = true;
	snprintf(s->tx.id, sizeof(s->tx.id), "%s.%u", s->id, ++s->tx_count);
	s->tx.began_ms = loop_now(s->front->loop);
	return REPLY_NONE;
}

void
verb_act_mail(struct session *s)
{
	session_reply(s, REPLY_SENDER_OK);
}

void
verb_undo_mail(struct session *s)
{
	session_end_tx(s, s->refused_code >= 500 ? "rejected" : "deferred");
}

/* RCPT */

/* "user%elsewhere", "elsewhere!user", "\"user@elsewhere\"": a backend that
 * trusts us might send it on to elsewhere, which no route allowed. */
static bool
routes_onward(const struct smtp_path *path)
{
	size_t i;

	for (i = 0; i < path->local.len; i++)
		if (memchr("%!@", path->local.ptr[i], 3) != NULL)
			return true;
	return false;
}

/* The backend refused this recipient in a transaction whose single reply could
 * not say so. */
static bool
answer_retry(struct session *s, const struct address *addr, int route)
{
	const struct front *f = s->front;
	struct reply r;

	if (f->routes[route].backend_name == NULL ||
	    !recall_refused(f->journal, loop_now(f->loop),
		f->routes[route].backend_name, &s->tx.envelope.sender, addr,
		s->tx.envelope.size, &r))
		return false;
	session_answer(s, r.code, r.enhanced, r.text);
	txlog_note_refusal(s, r.code, addr->text, r.text);
	return true;
}

static int
find_route(struct session *s, const struct address *addr)
{
	const struct route_query q = { .rcpt = addr,
		.sender = &s->tx.envelope.sender,
		.client = &s->client,
		.listener = s->listener->name,
		.tx = &s->tx };

	return router_find(s->front->router, &q);
}

/* A route that refuses. */
static bool
answer_by_route(struct session *s, const struct address *addr, int route)
{
	const struct route_conf *rc = &s->front->routes[route];
	struct route_refusal r;

	if (rc->action != ROUTE_REJECT && rc->action != ROUTE_DEFER)
		return false;
	r = route_refusal(rc);
	s->errors += r.code >= 500;
	session_answer(s, r.code, r.enhanced, r.text);
	txlog_note_refusal(s, r.code, addr->text,
	    arena_printf(&s->tx.arena, "%s (route %s)", r.text, rc->name));
	return true;
}

static void
add(struct session *s, const struct address *addr, unsigned route)
{
	struct recipient *r = envelope_add(&s->tx.envelope, addr);

	r->route = route;
	r->backend = s->front->routes[route].backend;
	r->backend_name = s->front->routes[route].backend_name;
}

/* Each recipient costs memory until the transaction ends, and one that is
 * deferred is no error: so beyond some number of refusals it is. */
enum reply_id
verb_check_rcpt(struct session *s, struct slice arg)
{
	struct envelope *e = &s->tx.envelope;
	struct smtp_params params;
	struct smtp_path path;
	struct address addr;
	enum reply_id no;
	int route;

	if (s->rcpts_refused >= (size_t)s->listener->limits.recipients * 10)
		s->errors++;
	no = path_reply(
	    smtp_parse_rcpt(arg, &path, &params), REPLY_BAD_RECIPIENT);
	if (no != REPLY_NONE)
		return no;
	if (params.count > 0)
		return REPLY_UNKNOWN_PARAMETER;
	addr = envelope_address(&s->tx.arena, &path);
	route = find_route(s, &addr);
	if (routes_onward(&path) && s->client.login == NULL)
		no = REPLY_LOCAL_PART_ROUTES;
	else if (route == -1)
		no = REPLY_RELAYING_DENIED;
	else if (e->count >= (size_t)s->listener->limits.recipients)
		no = REPLY_TOO_MANY_RECIPIENTS;
	if (no == REPLY_NONE &&
	    (answer_by_route(s, &addr, route) || answer_retry(s, &addr, route)))
		return REPLY_SAID;
	if (no == REPLY_NONE && answer_retry(s, &addr, route))
		return REPLY_SAID;
	if (no != REPLY_NONE) {
		txlog_note_refusal(
		    s, reply_own(no)->code, addr.text, reply_own(no)->text);
		return no;
	}
	add(s, &addr, (unsigned)route);
	return REPLY_NONE;
}

void
verb_act_rcpt(struct session *s)
{
	s->noops = 0;
	if (!verify_begins(s))
		session_reply(s, REPLY_RECIPIENT_OK);
}

void
verb_undo_rcpt(struct session *s)
{
	struct envelope *e = &s->tx.envelope;

	txlog_note_refusal(
	    s, s->refused_code, e->rcpts[e->count - 1].addr.text, s->tx.reason);
	envelope_drop_last(e);
}

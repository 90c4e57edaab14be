/*
 * MAIL and RCPT: the commands that make the envelope (RFC 5321 4.1.1.2 and
 * 4.1.1.3).
 */

#include <stdio.h>
#include <string.h>

#include "loop.h"
#include "relay.h"
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
param_reply(enum smtp_param_fault fault)
{
	static const enum reply_id replies[] = {
		[SMTP_PARAM_GOOD] = REPLY_NONE,
		[SMTP_PARAM_UNKNOWN] = REPLY_UNKNOWN_PARAMETER,
		[SMTP_PARAM_SIZE] = REPLY_BAD_SIZE,
		[SMTP_PARAM_BODY] = REPLY_BAD_BODY,
		[SMTP_PARAM_RET] = REPLY_BAD_RET,
		[SMTP_PARAM_ENVID] = REPLY_BAD_ENVID,
		[SMTP_PARAM_AUTH] = REPLY_BAD_AUTH_MAILBOX,
		[SMTP_PARAM_NOTIFY] = REPLY_BAD_NOTIFY,
		[SMTP_PARAM_ORCPT] = REPLY_BAD_ORCPT,
		[SMTP_PARAM_HAS_VALUE] = REPLY_NO_VALUE,
	};

	return replies[fault];
}

/* Only what was offered to this client is taken from it; SIZE costs nothing
 * and is taken from everybody, AUTH from those who have authenticated. */
static enum reply_id
check_offered(const struct session *s, unsigned uses)
{
	unsigned missing = uses & ~(s->offered.have | EHLO_SIZE);

	if (s->client.login != NULL)
		missing &= ~(unsigned)EHLO_AUTH;
	if ((missing & EHLO_REQUIRETLS) != 0)
		return s->client.tls ? REPLY_REQUIRETLS_NOT_KEPT
				     : REPLY_REQUIRETLS_CLEAR;
	return missing != 0 ? REPLY_NOT_OFFERED : REPLY_NONE;
}

static bool
is_ascii(struct slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] > 127)
			return false;
	return true;
}

/* RFC 6531 3.4. */
static enum reply_id
check_utf8(const struct smtp_path *path, unsigned uses)
{
	if ((uses & EHLO_SMTPUTF8) != 0 ||
	    (is_ascii(path->local) && is_ascii(path->domain)))
		return REPLY_NONE;
	return REPLY_NEEDS_UTF8;
}

enum reply_id
verb_check_mail(struct session *s, struct slice arg)
{
	struct envelope *e = &s->tx.envelope;
	struct smtp_mail_params mail;
	struct smtp_params params;
	struct smtp_path path;
	enum reply_id no;

	no = path_reply(smtp_parse_mail(arg, &path, &params), REPLY_BAD_SENDER);
	if (no == REPLY_NONE)
		no = param_reply(smtp_read_mail_params(&params, &mail));
	if (no == REPLY_NONE)
		no = check_offered(s, mail.uses);
	if (no == REPLY_NONE)
		no = check_utf8(&path, mail.uses);
	if (no == REPLY_NONE && mail.size > s->offered.size)
		no = REPLY_TOO_BIG;
	if (no == REPLY_NONE && s->listener->limits.messages > 0 &&
	    s->tx_count >= s->listener->limits.messages) {
		session_limit(s, REPLY_SESSION_MESSAGES, "session-messages");
		return REPLY_SAID;
	}
	if (no == REPLY_NONE)
		no = session_may_send(s);
	if (no != REPLY_NONE)
		return no;
	envelope_mail_params(e, &mail);
	if ((s->offered.have & EHLO_SIZE) != 0)
		e->offered_size = s->offered.size;
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

/* Whom we know may, and everybody where the backend is said to see nothing in
 * it. */
static bool
may_route_onward(const struct session *s, int route)
{
	return s->client.login != NULL ||
	    (route != -1 && s->front->routes[route].onward);
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

int
verb_find_route(struct session *s, const struct address *addr)
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
add(struct session *s, const struct address *addr, unsigned route,
    const struct smtp_rcpt_params *params)
{
	struct recipient *r = envelope_add(&s->tx.envelope, addr);

	r->route = route;
	r->backend = s->front->routes[route].backend;
	r->backend_name = s->front->routes[route].backend_name;
	envelope_rcpt_params(&s->tx.envelope, r, params);
}

/* Each recipient costs memory until the transaction ends, and one that is
 * deferred is no error: so beyond some number of refusals it is. */
enum reply_id
verb_check_rcpt(struct session *s, struct slice arg)
{
	struct envelope *e = &s->tx.envelope;
	struct smtp_rcpt_params rcpt;
	struct smtp_params params;
	struct smtp_path path;
	struct address addr;
	enum reply_id no;
	int route;

	if (s->rcpts_refused >= (size_t)s->listener->limits.recipients * 10)
		s->errors++;
	no = path_reply(
	    smtp_parse_rcpt(arg, &path, &params), REPLY_BAD_RECIPIENT);
	if (no == REPLY_NONE)
		no = param_reply(smtp_read_rcpt_params(
		    &params, (e->needs & EHLO_SMTPUTF8) != 0, &rcpt));
	if (no == REPLY_NONE)
		no = check_offered(s, rcpt.uses);
	if (no == REPLY_NONE)
		no = check_utf8(&path, e->needs);
	if (no != REPLY_NONE)
		return no;
	addr = envelope_address(&s->tx.arena, &path);
	route = verb_find_route(s, &addr);
	if (routes_onward(&path) && !may_route_onward(s, route))
		no = REPLY_LOCAL_PART_ROUTES;
	else if (route == -1)
		no = REPLY_RELAYING_DENIED;
	else if (e->count >= (size_t)s->listener->limits.recipients)
		no = REPLY_TOO_MANY_RECIPIENTS;
	if (no == REPLY_NONE &&
	    (answer_by_route(s, &addr, route) || answer_retry(s, &addr, route)))
		return REPLY_SAID;
	if (no != REPLY_NONE) {
		txlog_note_refusal(
		    s, reply_own(no)->code, addr.text, reply_own(no)->text);
		return no;
	}
	add(s, &addr, (unsigned)route, &rcpt);
	return REPLY_NONE;
}

/* Its servers have said how many recipients they take in one transaction (RFC
 * 9422), and this one is beyond that.  The client has it in its queue and sends
 * it in a transaction of its own; here it could only wait for a second delivery
 * of the same message, which holds up the first. */
static bool
is_beyond_server(struct session *s)
{
	struct envelope *e = &s->tx.envelope;
	const struct recipient *last = &e->rcpts[e->count - 1];
	size_t i, n = 0;
	uint32_t max;

	if (e->count == 1 || last->backend_name == NULL)
		return false;
	max = relay_rcpt_max(s->front->relay, last->backend);
	if (max == 0 || e->count <= max)
		return false;
	for (i = 0; i < e->count; i++)
		n += e->rcpts[i].backend_name != NULL &&
		    e->rcpts[i].backend == last->backend;
	return n > max;
}

void
verb_act_rcpt(struct session *s)
{
	struct envelope *e = &s->tx.envelope;
	const struct recipient *r = &e->rcpts[e->count - 1];

	s->noops = 0;
	if (!session_reroute(s))
		return;
	if (r->moved && answer_retry(s, &r->addr, (int)r->route)) {
		envelope_drop_last(e);
		return;
	}
	if (is_beyond_server(s)) {
		session_refuse_last(s, REPLY_TOO_MANY_FOR_SERVER);
		return;
	}
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

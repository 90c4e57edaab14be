/*
 * Verification of recipients: see verify.h.
 */

#include "verify.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conn.h"
#include "loop.h"
#include "session_priv.h"

static void on_verified(void *ctx, const struct relay_outcome *o);

/* Has the client sent another RCPT behind this one?  Then this one, though the
 * first, will not be the only recipient. */
static bool
more_to_come(const struct session *s)
{
	const char *line;
	size_t len, used;

	return conn_line(s->conn, &line, &len, &used) && len > 5 &&
	    strncasecmp(line, "RCPT ", 5) == 0;
}

static void
answer(struct session *s, int code, const char *enhanced, const char *text)
{
	struct envelope *e = &s->tx.envelope;

	if (code / 100 == 2) {
		session_reply(s, REPLY_RECIPIENT_OK);
		return;
	}
	session_answer(s, code, enhanced, text);
	s->errors += code >= 500;
	txlog_note_refusal(s, code, e->rcpts[e->count - 1].addr.text, text);
	envelope_drop_last(e);
}

/* An envelope with the last recipient alone. */
static const struct envelope *
last_alone(struct session *s)
{
	const struct envelope *e = &s->tx.envelope;
	struct envelope *one = arena_alloc(&s->tx.arena, sizeof(*one));

	*one = *e;
	one->rcpts = arena_alloc(&s->tx.arena, sizeof(*one->rcpts));
	one->rcpts[0] = e->rcpts[e->count - 1];
	one->count = one->space = 1;
	return one;
}

bool
verify_begins(struct session *s)
{
	const struct envelope *e = &s->tx.envelope;
	const struct recipient *rcpt = &e->rcpts[e->count - 1];
	const struct front *f = s->front;
	struct relay_order order = { .id = s->tx.id,
		.client = &s->client,
		.verify = true,
		.backend = rcpt->backend };
	struct reply known;

	if (rcpt->backend_name == NULL ||
	    !relay_wants_verify(f->relay, order.backend, e,
		more_to_come(s) || s->client.login != NULL))
		return false;
	if (relay_verified(
		f->relay, order.backend, &e->sender, &rcpt->addr, &known)) {
		answer(s, known.code, known.enhanced, known.text);
		return true;
	}
	order.envelope = last_alone(s);
	order.deadline = loop_now(f->loop) + s->listener->limits.reply_deadline;
	s->wait = WAIT_RELAY;
	s->relay_since = loop_now(f->loop);
	s->delivery = relay_start(f->relay, &order, on_verified, s);
	return true;
}

static void
on_verified(void *ctx, const struct relay_outcome *o)
{
	struct session *s = ctx;

	s->delivery = NULL;
	s->wait = WAIT_NOTHING;
	s->moved = true;
	if (s->state == SESSION_CLOSED) {
		session_gone(s);
		return;
	}
	answer(s, o->code, o->enhanced, o->text);
	session_advance(s);
}

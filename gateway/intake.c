/*
 * A message on its way in: data behind DATA, the filters' judgement on it, and
 * the relay, whose answer is the client's.
 */

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "account.h"
#include "chain.h"
#include "conn.h"
#include "loop.h"
#include "message.h"
#include "received.h"
#include "session_priv.h"

static void relay(struct session *s);
static void on_relayed(void *ctx, const struct dispatch_outcome *outcome);

void
intake_begin(struct session *s)
{
	s->tx.message = message_new(s->front->spool);
	smtp_data_init(&s->data);
	smtp_repair_init(&s->repair);
	/* In binary content a CR is not half of a line end. */
	s->normalise = s->tx.envelope.body != BODY_BINARYMIME &&
	    net_list_has(&s->listener->normalise_from, &s->client.addr);
	s->data_too_big = false;
	s->data_error = 0;
	s->state = SESSION_DATA;
	intake_clock(s);
}

void
intake_clock(struct session *s)
{
	s->data_began = loop_now(s->front->loop);
	s->data_received = 0;
}

/* Content that is going to be refused is read to its end but not kept: the
 * client listens to us only behind its final dot. */
static void
keep(struct session *s, const char *data, size_t len)
{
	uint64_t limit = (uint64_t)s->listener->limits.message_size;

	if (intake_refusal(s) != REPLY_NONE)
		return;
	if (!s->tx.headers.over)
		headers_feed(
		    &s->tx.headers, &s->listener->limits.headers, data, len);
	/* It grows: perhaps idle sessions have to make room. */
	if (account_level(s->front->account) >= ACCOUNT_SHED)
		session_relieve(s->front);
	if (message_size(s->tx.message) + len > limit)
		s->data_too_big = true;
	else if (message_append(s->tx.message, data, len) == -1)
		s->data_error = errno;
}

void
intake_append(struct session *s, const char *data, size_t len)
{
	struct smtp_data_step step;
	size_t used = 0;

	if (!s->normalise) {
		keep(s, data, len);
		return;
	}
	while (used < len) {
		step = smtp_repair_next(&s->repair, data + used, len - used);
		if (step.run != NULL)
			keep(s, step.run, step.run_len);
		used += step.used;
	}
}

/* The content is complete: what was held back of it. */
static void
append_rest(struct session *s)
{
	struct smtp_data_step step;

	if (!s->normalise)
		return;
	while ((step = smtp_repair_end(&s->repair)).run != NULL)
		keep(s, step.run, step.run_len);
	if (s->repair.leading_dot || !s->repair.at_start)
		s->data.leading_dot = true;
}

enum reply_id
intake_refusal(const struct session *s)
{
	static const enum reply_id by_header[] = {
		[HEADERS_GOOD] = REPLY_NONE,
		[HEADERS_TOO_MANY] = REPLY_TOO_MANY_FIELDS,
		[HEADERS_TOO_BIG] = REPLY_HEADER_TOO_BIG,
		[HEADERS_LOOP] = REPLY_TOO_MANY_HOPS,
	};

	if (s->data.faults != 0 && !s->normalise)
		return REPLY_BARE_NEWLINE;
	if (s->data_too_big)
		return REPLY_TOO_BIG;
	if (s->data_error == ENOSPC || s->data_error == EDQUOT)
		return REPLY_NO_STORAGE;
	if (s->data_error != 0)
		return REPLY_LOCAL_ERROR;
	return by_header[s->tx.headers.fault];
}

bool
intake_more(struct session *s)
{
	struct smtp_data_step step;
	size_t len, used = 0;
	const char *in = conn_input(s->conn, &len);

	if (len == 0)
		return false;
	while (used < len && !s->data.ended) {
		step = smtp_data_next(&s->data, in + used, len - used);
		if (step.run != NULL)
			intake_append(s, step.run, step.run_len);
		used += step.used;
	}
	conn_consume(s->conn, used);
	s->data_received += (int64_t)used;
	if (s->data.ended)
		intake_complete(s);
	return true;
}

static void
refuse(struct session *s, enum reply_id id)
{
	s->stage = "DATA";
	session_reply(s, id);
	session_end_tx(s, reply_own(id)->code >= 500 ? "rejected" : "deferred");
}

/* The end of data was found: from here on the time to the reply runs. */
void
intake_complete(struct session *s)
{
	int64_t now = loop_now(s->front->loop);
	enum reply_id refusal;

	session_show(
	    s, 'C', "[message, %lld octets]", (long long)s->data_received);
	s->state = SESSION_COMMAND;
	append_rest(s);
	headers_finish(&s->tx.headers, &s->listener->limits.headers);
	s->tx.envelope.sent = message_size(s->tx.message);
	refusal = intake_refusal(s);
	if (refusal == REPLY_NONE && !intake_strip_headers(s))
		refusal = REPLY_LOCAL_ERROR;
	if (refusal != REPLY_NONE)
		refuse(s, refusal);
	else {
		message_set_leading_dot(s->tx.message, s->data.leading_dot);
		s->reply_by = now + s->listener->limits.reply_deadline;
		conn_deadline(s->conn, s->reply_by);
		s->state = SESSION_JUDGING;
		session_judge(s, PHASE_MESSAGE, NULL);
	}
}

void
intake_judged(struct session *s, const struct judgement *j)
{
	if (j->verdict != VERDICT_PASS && j->verdict != VERDICT_DISCARD) {
		s->state = SESSION_COMMAND;
		s->stage = "MESSAGE";
		session_answer_judgement(s, j);
		if (s->state != SESSION_CLOSED)
			session_end_tx(s,
			    j->verdict == VERDICT_REJECT ? "rejected"
							 : "deferred");
		return;
	}
	if (s->tx.discard || !session_settle_envelope(s)) {
		s->state = SESSION_COMMAND;
		session_reply(s, REPLY_ACCEPTED);
		session_end_tx(s, s->tx.kept ? "quarantined" : "discarded");
		return;
	}
	relay(s);
}

/* Hands the message to the backends of its recipients. */
static void
relay(struct session *s)
{
	const struct envelope *e = &s->tx.envelope;
	const struct dispatch_order order = { .id = s->tx.id,
		.client = &s->client,
		.envelope = e,
		.message = s->tx.message,
		.headers = &s->tx.headers,
		.arena = &s->tx.arena,
		.deadline = s->reply_by,
		.relay = s->front->relay,
		.loop = s->front->loop,
		.journal = s->front->journal,
		.flight = &s->flight };
	char line[RECEIVED_MAX];
	size_t len;

	len = received_line(line, sizeof(line),
	    (enum received_style)s->listener->received, &s->client, e,
	    session_hostname(s), s->tx.id, loop_wall_ms(s->front->loop));
	if (len > 0)
		message_prepend(s->tx.message, line, len);
	s->flight = (struct flight){ .inflight = s->front->inflight,
		.journal = s->front->journal,
		.column = s->front->inflight_column };
	/* The relay keeps the time; a little later, ours would be a bug's. */
	conn_deadline(s->conn, s->reply_by + 5000);
	s->wait = WAIT_RELAY;
	s->relay_since = loop_now(s->front->loop);
	s->dispatch = dispatch_start(&order, on_relayed, s);
}

static void
on_relayed(void *ctx, const struct dispatch_outcome *outcome)
{
	const struct relay_outcome *o = &outcome->all;
	struct session *s = ctx;
	char text[sizeof(o->text) + TX_ID_MAX + 4];

	s->dispatch = NULL;
	s->wait = WAIT_NOTHING;
	s->moved = true;
	s->stage = "MESSAGE";
	s->outcome = outcome;
	if (s->state == SESSION_CLOSED) {
		session_end_tx(s, o->code / 100 == 2 ? "orphan" : "aborted");
		session_gone(s);
		return;
	}
	s->state = SESSION_COMMAND;
	if (o->code / 100 == 2)
		snprintf(text, sizeof(text), "%.440s [%s]", o->text, s->tx.id);
	else
		snprintf(text, sizeof(text), "%s", o->text);
	session_answer(s, o->code, o->enhanced, text);
	if (o->code / 100 == 2)
		session_delivered(s);
	else
		session_end_tx(s, o->code / 100 == 4 ? "deferred" : "rejected");
	session_advance(s);
}

/* The time to answer is over and a filter still waits. */
void
intake_timeout(struct session *s)
{
	if (s->wait == WAIT_RELAY)
		return; /* the relay answers at the same deadline */
	chain_run_cancel(s->run);
	s->wait = WAIT_NOTHING;
	s->moved = true;
	if (s->state != SESSION_JUDGING) {
		session_reply(s, REPLY_TIMEOUT);
		session_close(s, "timeout");
		return;
	}
	s->state = SESSION_COMMAND;
	refuse(s, REPLY_TOO_SLOW);
	session_advance(s);
}

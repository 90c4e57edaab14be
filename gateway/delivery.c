/*
 * The conversation of one delivery with its server: see backend.h for the
 * calls and delivery.h for the struct.
 */

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "compat.h"
#include "conn.h"
#include "delivery.h"
#include "log.h"
#include "mem.h"
#include "message.h"

#define BODY_IOV 16 /* pieces of one write */
#define STUFF_PIECE                                               \
	65536 /* octets that go through the output buffer at once \
	       */

static void pump(struct delivery *dl);
static void on_connect(void *ctx);
static void on_input(void *ctx);
static void on_drained(void *ctx);
static void on_end(void *ctx, enum conn_end why, int error);

static const struct conn_ops ops = { .on_connect = on_connect,
	.on_input = on_input,
	.on_drained = on_drained,
	.on_secured = delivery_secured,
	.on_end = on_end };

void
delivery_set_deadline(struct delivery *dl, int64_t ms)
{
	int64_t at = loop_now(dl->deadline.loop) + ms;

	conn_deadline(
	    dl->link->conn, at < dl->order.deadline ? at : dl->order.deadline);
}

void
delivery_begin(struct delivery *dl)
{
	const struct backend *type = dl->conf->type;
	backend_fn *fn = type->deliver;

	if (dl->greeted != NULL)
		fn = type->greet;
	else if (dl->order.verify)
		fn = type->verify;
	delivery_progress(dl, fn(dl));
}

void
delivery_attach(struct delivery *dl)
{
	conn_set_ops(dl->link->conn, &ops, dl);
	dl->attached = loop_now(dl->deadline.loop);
	delivery_set_deadline(dl, dl->conf->connect_timeout);
	if (dl->link->fresh)
		return;
	dl->reused = true;
	delivery_begin(dl);
}

static void
on_connect(void *ctx)
{
	struct delivery *dl = ctx;

	dl->link->connected = true;
	delivery_begin(dl);
}

static void
on_end(void *ctx, enum conn_end why, int error)
{
	struct delivery *dl = ctx;
	bool connecting = dl->link->fresh && !dl->link->connected;

	if (dl->ended)
		return;
	switch (why) {
	case CONN_EOF:
		delivery_link_lost(dl, "the server closed the connection");
		break;
	case CONN_ERROR:
		if (dl->secured != NULL)
			delivery_progress(dl,
			    dl_fault(dl, FAULT_TLS_HANDSHAKE, "%s",
				conn_tls_error(dl->link->conn)));
		else
			delivery_link_lost(dl, "%s: %s",
			    connecting ? "can not connect" : "connection lost",
			    strerror(error));
		break;
	case CONN_DEADLINE:
		delivery_link_lost(dl,
		    connecting ? "connecting timed out" : "no reply in time");
		break;
	}
}

/* Replies. */

/*
 * A reply while the message is still being sent can only be a refusal, and it
 * is one for all recipients: without an end of data nothing was accepted.  The
 * server is not in step any more, so its connection is not used again.
 */
static void
early_reply(struct delivery *dl)
{
	dl->broken = true;
	message_reader_free(&dl->reader);
	if (reply_class(dl->reply.code) < 4) {
		delivery_link_lost(dl, "accepted a message before its end");
		return;
	}
	dl->committed = false;
	dl_result_rest(dl, DL_STAGE_FINAL, &dl->reply);
	delivery_progress(dl, DELIVERY_DONE);
}

/* A whole reply is there.  False: this link is done with. */
static bool
complete(struct delivery *dl)
{
	const struct link *link = dl->link;
	reply_fn *next = dl->next;

	dl->on_line = NULL;
	dl->next = NULL;
	dl->link->fresh = false;
	dl->link->heard = loop_now(dl->deadline.loop);
	if (dl->reader != NULL)
		early_reply(dl);
	else
		delivery_progress(dl, next(dl, &dl->reply));
	return dl->link == link;
}

/* Takes one line of input, whose octets are used up before anybody is called
 * who may give the link back.  False: this link is done with. */
static bool
take_line(struct delivery *dl, const char *line, size_t len, size_t used)
{
	enum reply_status status = reply_feed(&dl->reply, line, len);

	if (status == REPLY_BAD) {
		delivery_link_lost(dl, "unintelligible reply");
		return false;
	}
	if (dl->on_line != NULL && len >= 4)
		dl->on_line(dl, line + 4, len - 4);
	conn_consume(dl->link->conn, used);
	return status == REPLY_MORE || complete(dl);
}

static void
on_input(void *ctx)
{
	struct delivery *dl = ctx;
	size_t len, line_len, used;
	const char *in;

	for (;;) {
		in = conn_input(dl->link->conn, &len);
		if (len == 0)
			return;
		if (dl->next == NULL) {
			delivery_link_lost(dl, "the server spoke unasked");
			return;
		}
		if (!reply_line(in, len, &line_len, &used)) {
			if (len > REPLY_LINE_MAX)
				delivery_link_lost(dl, "endless reply line");
			return;
		}
		if (!take_line(dl, in, line_len, used))
			return;
	}
}

enum progress
dl_expect(struct delivery *dl, reply_fn *next)
{
	assert(dl->next == NULL && next != NULL);
	dl->next = next;
	reply_init(&dl->reply);
	if (dl->reader == NULL)
		delivery_set_deadline(dl, dl->conf->reply_timeout);
	return DELIVERY_PENDING;
}

void
dl_on_line(struct delivery *dl,
    void (*line)(struct delivery *dl, const char *text, size_t len))
{
	dl->on_line = line;
}

/* Sending. */

void
dl_send(struct delivery *dl, const char *text)
{
	conn_put(dl->link->conn, text, strlen(text));
}

void
dl_sendf(struct delivery *dl, const char *fmt, ...)
{
	char buf[1024], *big = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	if ((size_t)n >= sizeof(buf)) {
		big = xmalloc((size_t)n + 1);
		va_start(ap, fmt);
		vsnprintf(big, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	conn_put(dl->link->conn, big != NULL ? big : buf, (size_t)n);
	free(big);
}

enum progress
dl_send_message(struct delivery *dl, enum dl_body how, reply_fn *next)
{
	assert(dl->reader == NULL);
	dl->reader = message_reader_new(dl->order.message);
	dl->left = message_wire_size(dl->order.message);
	dl->how = how;
	smtp_stuff_init(&dl->stuff);
	dl_expect(dl, next);
	conn_deadline(dl->link->conn, dl->order.deadline);
	pump(dl);
	return DELIVERY_PENDING;
}

static bool
needs_stuffing(const struct delivery *dl)
{
	return dl->how == DL_BODY_DOTTED &&
	    message_has_leading_dot(dl->order.message);
}

bool
dl_message_fits(const struct delivery *dl, size_t max)
{
	const struct message *m = dl->order.message;

	return m != NULL && !message_in_file(m) && message_wire_size(m) <= max;
}

void
dl_put_message(struct delivery *dl)
{
	struct message_reader *reader = message_reader_new(dl->order.message);
	const char *data;
	size_t len;

	/* What is in memory can be read. */
	while (message_reader_peek(reader, &data, &len) == 0 && len > 0) {
		conn_put(dl->link->conn, data, len);
		message_reader_skip(reader, len);
	}
	message_reader_free(&reader);
}

static void *
writable(const char *p)
{
	return (void *)(uintptr_t)p; /* iovec has no const */
}

/* All of the message is written, or waits in the connection's buffer. */
static void
sent_all(struct delivery *dl)
{
	message_reader_free(&dl->reader);
	conn_flush(dl->link->conn);
}

/*
 * The common case: nothing in the message needs a dot, so pieces go to the
 * socket as they are stored, the end of data in the same write.  True: go on.
 */
static bool
pump_plain(struct delivery *dl)
{
	const char *tail = dl->how == DL_BODY_DOTTED ? ".\r\n" : "";
	size_t sent, total = 0, tail_len = strlen(tail);
	struct iovec iov[BODY_IOV + 1];
	int i, n;

	n = message_reader_gather(dl->reader, iov, BODY_IOV);
	if (n == -1) {
		delivery_link_lost(
		    dl, "can not read the spool: %s", strerror(errno));
		return false;
	}
	for (i = 0; i < n; i++)
		total += iov[i].iov_len;
	if (total < dl->left)
		tail_len = 0;
	iov[n].iov_base = writable(tail);
	iov[n].iov_len = tail_len;
	sent = conn_writev(dl->link->conn, iov, n + 1);
	message_reader_skip(dl->reader, sent < total ? sent : total);
	dl->left -= sent < total ? sent : total;
	if (sent < total)
		return false;
	if (dl->left > 0)
		return true;
	conn_put(
	    dl->link->conn, tail + (sent - total), tail_len - (sent - total));
	sent_all(dl);
	return false;
}

/* Some line begins with a dot: every content piece is looked through, and
 * goes out by the connection's buffer. */
static bool
pump_stuffed(struct delivery *dl)
{
	struct smtp_data_step step = { .used = 0 };
	const char *data, *tail;
	size_t len;

	if (message_reader_peek(dl->reader, &data, &len) == -1) {
		delivery_link_lost(
		    dl, "can not read the spool: %s", strerror(errno));
		return false;
	}
	if (len == 0) {
		tail = smtp_stuff_end(&dl->stuff);
		conn_put(dl->link->conn, tail, strlen(tail));
		sent_all(dl);
		return false;
	}
	if (len > STUFF_PIECE)
		len = STUFF_PIECE;
	if (message_reader_in_content(dl->reader))
		step = smtp_stuff_next(&dl->stuff, data, len);
	else
		step = (struct smtp_data_step){ len, data, len };
	conn_put(dl->link->conn, step.run, step.run_len);
	message_reader_skip(dl->reader, step.used);
	return true;
}

static void
pump(struct delivery *dl)
{
	bool more = true;

	while (more && dl->reader != NULL) {
		if (conn_unsent(dl->link->conn) >= STUFF_PIECE) {
			conn_flush(dl->link->conn);
			if (conn_unsent(dl->link->conn) > 0) {
				conn_want_drained(dl->link->conn);
				return;
			}
		}
		more = needs_stuffing(dl) ? pump_stuffed(dl) : pump_plain(dl);
	}
}

static void
on_drained(void *ctx)
{
	struct delivery *dl = ctx;

	if (dl->reader != NULL)
		pump(dl);
}

void
delivery_forget(struct delivery *dl)
{
	message_reader_free(&dl->reader);
	dl->next = NULL;
	dl->resume = NULL;
	dl->secured = NULL;
	dl->fault = FAULT_NONE;
	dl->on_line = NULL;
	dl->reusable = false;
	dl->broken = false;
	dl->lacks = 0;
	free(dl->state);
	dl->state = NULL;
	if (dl->conf->type->state_size > 0)
		dl->state = xcalloc(1, dl->conf->type->state_size);
	memset(dl->outcomes, 0, dl->count * sizeof(*dl->outcomes));
}

/* What is to be delivered, and its results. */

const struct envelope *
dl_envelope(const struct delivery *dl)
{
	return dl->order.envelope;
}

size_t
dl_count(const struct delivery *dl)
{
	return dl->count;
}

const struct recipient *
dl_rcpt(const struct delivery *dl, size_t i)
{
	assert(i < dl_count(dl));
	return &dl->order.envelope
		    ->rcpts[dl->order.rcpts != NULL ? dl->order.rcpts[i] : i];
}

const struct address *
dl_recipient(const struct delivery *dl, size_t i)
{
	return &dl_rcpt(dl, i)->addr;
}

const struct client *
dl_client(const struct delivery *dl)
{
	return dl->order.client;
}

const char *
dl_id(const struct delivery *dl)
{
	return dl->order.id;
}

uint64_t
dl_size(const struct delivery *dl)
{
	return dl->order.message != NULL ? message_wire_size(dl->order.message)
					 : dl->order.envelope->size;
}

const void *
dl_conf(const struct delivery *dl)
{
	return dl->conf->conf;
}

const char *
dl_backend_name(const struct delivery *dl)
{
	return dl->conf->name;
}

void *
dl_state(struct delivery *dl)
{
	return dl->state;
}

void *
dl_link_state(struct delivery *dl)
{
	return dl->link->state;
}

bool
dl_link_fresh(const struct delivery *dl)
{
	return dl->link->fresh;
}

bool
dl_link_needs_reset(const struct delivery *dl)
{
	return dl->link->needs_reset;
}

bool
dl_shared(const struct delivery *dl)
{
	return dl->order.shared;
}

enum progress
dl_agree(struct delivery *dl, backend_fn *next)
{
	if (!dl->order.shared || dl->agreed)
		return next(dl);
	dl->resume = next;
	/* The delivery's own deadline comes first. */
	if (dl->link != NULL)
		conn_deadline(dl->link->conn, dl->order.deadline + 1000);
	dl->order.ready(dl->ctx);
	return DELIVERY_PENDING;
}

void
dl_hold_back(struct delivery *dl)
{
	static const struct reply held_back = {
		.code = 451,
		.enhanced = "4.5.3",
		.text = "another recipient of this message was refused; not "
			"delivered",
		.lines = 0, /* nobody said it */
	};
	size_t i;

	for (i = 0; i < dl_count(dl); i++) {
		if (dl->outcomes[i].set)
			continue;
		dl_result(dl, i, DL_STAGE_COMMAND, &held_back);
		dl->outcomes[i].held = true;
	}
}

void
dl_commit(struct delivery *dl)
{
	assert(dl->agreed || !dl->order.shared);
	if (!dl->committed && dl->order.committing != NULL)
		dl->order.committing(dl->ctx);
	dl->committed = true;
}

void
dl_uncommit(struct delivery *dl)
{
	dl->committed = false;
}

void
dl_link_reusable(struct delivery *dl, bool needs_reset)
{
	dl->reusable = true;
	dl->reset_after = needs_reset;
}

void
dl_result(
    struct delivery *dl, size_t i, enum dl_stage stage, const struct reply *r)
{
	assert(i < dl_count(dl) && !dl->outcomes[i].set);
	dl->outcomes[i] = (struct dl_outcome){ .set = true,
		.own_text = dl->conf->reply_text == REPLY_TEXT_OWN,
		.stage = stage,
		.reply = *r };
}

bool
dl_has_result(const struct delivery *dl, size_t i)
{
	return dl->outcomes[i].set;
}

void
dl_result_rest(struct delivery *dl, enum dl_stage stage, const struct reply *r)
{
	size_t i;

	for (i = 0; i < dl_count(dl); i++)
		if (!dl->outcomes[i].set)
			dl_result(dl, i, stage, r);
}

enum progress
dl_fail(struct delivery *dl, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(dl->error, sizeof(dl->error), fmt, ap);
	va_end(ap);
	return DELIVERY_DONE;
}

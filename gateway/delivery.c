/*
 * The conversation of one delivery with its server: see backend.h for the
 * calls and delivery.h for the struct.  The message itself is sent by
 * delivery_message.c.
 */

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "conn.h"
#include "delivery.h"
#include "mem.h"
#include "message.h"

static void on_connect(void *ctx);
static void on_input(void *ctx);
static void on_end(void *ctx, enum conn_end why, int error);

static const struct conn_ops ops = { .on_connect = on_connect,
	.on_input = on_input,
	.on_drained = delivery_drained,
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
	delivery_show(dl, "%s",
	    dl->link->pool == NULL ? "the agent"
		: dl->link->fresh  ? "a new connection"
				   : "a pooled connection");
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

	delivery_show_reply(dl, line, len);
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
	delivery_show_sent(dl, text);
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
	delivery_show_sent(dl, big != NULL ? big : buf);
	free(big);
}

void
delivery_forget(struct delivery *dl)
{
	message_reader_free(&dl->reader);
	delivery_show_forget(dl);
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

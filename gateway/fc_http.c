/*
 * What filters ask HTTP servers: see filter.h.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "filter_call.h"
#include "http.h"
#include "mem.h"
#include "message.h"
#include "smtp_data.h"
#include "tx.h"

#define PIECE 4096

struct call {
	struct op op;
	struct filter_call *fc;
	http_fn *next;
	struct http_exchange *exchange; /* owned; NULL: there is no client */
	struct message_reader *reader;	/* owned; NULL: no body */
	struct message *rewritten;	/* owned; NULL: none */
	struct smtp_repair repair;
};

static ssize_t read_message(void *, char *, size_t);
static bool rewind_message(void *);
static bool take_rest(void *, const char *, size_t);
static bool begin_rewritten(struct call *);
static bool end_rewritten(struct call *);
static void done(void *);
static void run(struct op *);
static void cancel(struct op *);
static void destroy(struct call *);

enum verdict
fc_http(struct filter_call *fc, const struct http_request *rq, http_fn *next)
{
	struct call *k = xcalloc(1, sizeof(*k));
	struct http_body body = { .read = read_message,
		.rewind = rewind_message,
		.rest = take_rest,
		.ctx = k };

	k->fc = fc;
	k->next = next;
	op_start(&fc->owner, &k->op, run, cancel);
	if (fc->phase == PHASE_MESSAGE) {
		k->reader = message_reader_new_kept(fc->tx->message);
		body.size = message_kept_size(fc->tx->message);
	}
	if (fc->services != NULL && fc->services->http != NULL)
		k->exchange =
		    http_start(fc->services->http, rq, &body, done, k);
	else
		op_ready(&k->op);
	return VERDICT_PENDING;
}

static ssize_t
read_message(void *ctx, char *buf, size_t size)
{
	struct call *k = ctx;
	const char *data;
	size_t len, at = 0;

	while (k->reader != NULL && at < size) {
		if (message_reader_peek(k->reader, &data, &len) == -1)
			return -1;
		if (len == 0)
			break;
		if (len > size - at)
			len = size - at;
		memcpy(buf + at, data, len);
		message_reader_skip(k->reader, len);
		at += len;
	}
	return (ssize_t)at;
}

static bool
rewind_message(void *ctx)
{
	struct call *k = ctx;

	if (k->reader == NULL)
		return true;
	message_reader_free(&k->reader);
	k->reader = message_reader_new_kept(k->fc->tx->message);
	return true;
}

/* Another body.  It must be as clean as one that a client sends. */
static bool
take_rest(void *ctx, const char *data, size_t len)
{
	struct call *k = ctx;
	struct smtp_data_step step;
	size_t used = 0;

	if (k->fc->phase != PHASE_MESSAGE ||
	    (k->rewritten == NULL && !begin_rewritten(k)))
		return false;
	while (used < len) {
		step = smtp_repair_next(&k->repair, data + used, len - used);
		if (step.run != NULL &&
		    message_append(k->rewritten, step.run, step.run_len) == -1)
			return false;
		used += step.used;
	}
	return true;
}

/* The header section stays as it is, and what was edited in it. */
static bool
begin_rewritten(struct call *k)
{
	const struct tx *tx = k->fc->tx;
	uint64_t at = 0, end = tx->headers.parser.pos;
	char buf[PIECE];
	size_t n = 0;

	k->rewritten = message_new_like(tx->message);
	smtp_repair_init(&k->repair);
	for (; at < end; at += n) {
		n = end - at < PIECE ? (size_t)(end - at) : PIECE;
		if (message_copy(tx->message, at, buf, n) == -1 ||
		    message_append(k->rewritten, buf, n) == -1)
			return false;
	}
	/* A message may lack a body, and the empty line in front of it. */
	if (end > 0 && (n < 2 || memcmp(buf + n - 2, "\r\n", 2) != 0) &&
	    message_append(k->rewritten, "\r\n", 2) == -1)
		return false;
	return message_header_end(tx->message, end) < end ||
	    message_append(k->rewritten, "\r\n", 2) == 0;
}

static bool
end_rewritten(struct call *k)
{
	struct smtp_data_step step;

	while ((step = smtp_repair_end(&k->repair)).run != NULL)
		if (message_append(k->rewritten, step.run, step.run_len) == -1)
			return false;
	return k->repair.at_start ||
	    message_append(k->rewritten, "\r\n", 2) == 0;
}

void
fc_replace_body(struct filter_call *fc)
{
	struct message **to = &fc->tx->message;

	assert(fc->phase == PHASE_MESSAGE);
	if (fc->instance->chain.observe || fc->rewritten == NULL ||
	    *fc->rewritten == NULL)
		return;
	message_take_edits(*fc->rewritten, *to);
	/* Nobody counted the dots in it. */
	message_set_leading_dot(*fc->rewritten, true);
	message_free(to);
	*to = *fc->rewritten;
	*fc->rewritten = NULL;
}

void
fc_http_spare(struct filter_call *fc, const char *server, int64_t ms)
{
	if (fc->services != NULL && fc->services->http != NULL)
		http_spare(fc->services->http, server, ms);
}

bool
fc_http_is_spared(const struct filter_call *fc, const char *server)
{
	return fc->services != NULL && fc->services->http != NULL &&
	    http_is_spared(fc->services->http, server);
}

static void
done(void *ctx)
{
	struct call *k = ctx;

	op_ready(&k->op);
}

static void
run(struct op *op)
{
	static const struct http_answer nobody = { .body = "",
		.fault = "there is no HTTP client" };
	static const struct http_answer no_space = { .body = "",
		.fault = "the rewritten message can not be stored" };
	struct call *k = container_of(op, struct call, op);
	struct filter_call *fc = k->fc;
	const struct http_answer *a = &nobody;
	enum verdict v;

	message_reader_free(&k->reader);
	if (k->exchange != NULL)
		a = http_answer_of(k->exchange);
	if (a->fault == NULL && k->rewritten != NULL && !end_rewritten(k))
		a = &no_space;
	fc->rewritten = &k->rewritten;
	v = k->next(fc, a);
	fc->rewritten = NULL;
	destroy(k);
	chain_call_continued(fc, v);
}

static void
cancel(struct op *op)
{
	destroy(container_of(op, struct call, op));
}

static void
destroy(struct call *k)
{
	http_end(&k->exchange);
	message_reader_free(&k->reader);
	message_free(&k->rewritten);
	free(k);
}

/*
 * Helpers: see helper.h, and filter.h for the calls.
 */

#include "helper.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "conn.h"
#include "filter_call.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "tx.h"

#define LINE_MAX_LEN 16384 /* Dovecot's */
#define GREET_MS 3000	   /* to connect and to shake hands */
#define AGE_MS                                                             \
	(5 * 60000)	   /* then anew, when nobody waits: an old process \
			    * of a server that was reloaded may be there   \
			    * for us alone */
#define PAUSE_FIRST_MS 250 /* behind a failure; then doubled */
#define PAUSE_MAX_MS 10000
#define FAULT_SIZE 200

enum helper_status { HELPER_DOWN, HELPER_GREETING, HELPER_READY };

struct helper_request {
	TAILQ_ENTRY(helper_request) entry; /* of those that may be answered */
	struct op op;
	struct helper *helper;
	struct filter_call *fc;
	answer_fn *next;
	uint32_t number;
	char *line;   /* owned; waits for the handshake */
	char *text;   /* owned; the answer that came; NULL: none */
	bool waiting; /* for an answer, or for the handshake */
	bool sent;
	bool over; /* there will be no other answer */
};
TAILQ_HEAD(helper_requests, helper_request);

struct helper {
	const struct filter_instance *instance; /* borrowed */
	const struct helper_type *type;
	struct loop *loop;
	enum helper_status status;
	struct conn *conn; /* owned; NULL when down */
	struct helper_requests requests;
	unsigned count; /* of them */
	uint32_t last_number;
	uint32_t id;
	int64_t pause;
	int64_t retry_at; /* not before; 0: at once */
	int64_t began;	  /* when it was connected */
	char fault[FAULT_SIZE];
	void *state; /* owned */
};

struct helpers {
	struct helper *list; /* owned */
	size_t count;
};

static void on_connect(void *);
static void on_input(void *);
static void on_end(void *, enum conn_end, int);

static const struct conn_ops ops = {
	.on_connect = on_connect, .on_input = on_input, .on_end = on_end
};

struct helpers *
helpers_new(
    struct loop *l, const struct filter_instance *instances, size_t count)
{
	struct helpers *hs = xcalloc(1, sizeof(*hs));
	struct helper *h;
	size_t i;

	hs->list = xcalloc(count + 1, sizeof(*hs->list));
	for (i = 0; i < count; i++) {
		if (instances[i].type->helper == NULL)
			continue;
		h = &hs->list[hs->count++];
		h->instance = &instances[i];
		h->type = instances[i].type->helper;
		h->loop = l;
		h->state = xcalloc(1, h->type->state_size + 1);
		TAILQ_INIT(&h->requests);
	}
	return hs;
}

void
helpers_free(struct helpers **hp)
{
	struct helpers *hs = *hp;
	size_t i;

	if (hs == NULL)
		return;
	for (i = 0; i < hs->count; i++) {
		assert(hs->list[i].count == 0);
		conn_close(&hs->list[i].conn);
		free(hs->list[i].state);
	}
	free(hs->list);
	free(hs);
	*hp = NULL;
}

struct helper *
helpers_find(struct helpers *hs, const struct filter_instance *fi)
{
	size_t i;

	for (i = 0; hs != NULL && i < hs->count; i++)
		if (hs->list[i].instance == fi)
			return &hs->list[i];
	return NULL;
}

unsigned
helpers_open(const struct helpers *hs)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < hs->count; i++)
		n += hs->list[i].conn != NULL;
	return n;
}

void *
helper_state(struct helper *h)
{
	return h->state;
}

uint32_t
helper_id(const struct helper *h)
{
	return h->id;
}

/* The connection. */

/* What waits gets no answer; what waits for its filter will get none. */
static void
fail_all(struct helper *h)
{
	struct helper_request *rq;

	TAILQ_FOREACH (rq, &h->requests, entry) {
		if (rq->over)
			continue;
		rq->over = true;
		free(rq->text);
		rq->text = NULL;
		if (rq->waiting)
			op_ready(&rq->op);
	}
}

static void __attribute__((format(printf, 2, 3)))
lost(struct helper *h, const char *fmt, ...)
{
	int64_t now = loop_now(h->loop);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(h->fault, sizeof(h->fault), fmt, ap);
	va_end(ap);
	if (h->status == HELPER_READY) { /* perhaps it was restarted */
		h->pause = 0;
		h->retry_at = 0;
	} else {
		h->pause = h->pause == 0 ? PAUSE_FIRST_MS : h->pause * 2;
		if (h->pause > PAUSE_MAX_MS)
			h->pause = PAUSE_MAX_MS;
		h->retry_at = now + h->pause;
	}
	log_event(
	    h->count > 0 || h->status != HELPER_READY ? LEVEL_WARN : LEVEL_INFO,
	    "filter %s: %s", h->instance->name, h->fault);
	h->status = HELPER_DOWN;
	conn_close(&h->conn);
	fail_all(h);
}

static void
connect_to(struct helper *h)
{
	const struct net_addr *a = h->type->address(h->instance->conf);

	compat_random(&h->id, sizeof(h->id));
	h->id = (h->id & 0x7fffffff) | 1;
	h->status = HELPER_GREETING;
	h->began = loop_now(h->loop);
	h->conn = conn_connect(
	    h->loop, (const struct sockaddr *)&a->ss, a->len, &ops, h);
	if (h->conn == NULL) {
		lost(h, "can not connect: %s", strerror(errno));
		return;
	}
	conn_keep_secret(h->conn);
	conn_deadline(h->conn, loop_now(h->loop) + GREET_MS);
}

static void
on_connect(void *ctx)
{
	struct helper *h = ctx;

	h->type->greet(h);
	if (h->conn != NULL)
		conn_flush(h->conn);
}

static bool
take_line(struct helper *h)
{
	char copy[LINE_MAX_LEN + 1];
	size_t len, used;
	const char *line;

	if (!conn_line(h->conn, &line, &len, &used)) {
		conn_input(h->conn, &len);
		if (len > LINE_MAX_LEN)
			lost(h, "a line has no end");
		return false;
	}
	if (len > LINE_MAX_LEN || memchr(line, '\0', len) != NULL) {
		lost(h, "a line is no line");
		return false;
	}
	memcpy(copy, line, len);
	copy[len] = '\0';
	conn_consume(h->conn, used);
	if (!h->type->line(h, copy))
		lost(h, "the server does not speak the right protocol");
	return h->conn != NULL;
}

static void
on_input(void *ctx)
{
	struct helper *h = ctx;

	while (take_line(h))
		;
	if (h->conn != NULL)
		conn_flush(h->conn);
}

static void
on_end(void *ctx, enum conn_end why, int error)
{
	struct helper *h = ctx;

	if (why == CONN_DEADLINE)
		lost(h, "the server does not greet");
	else if (why == CONN_EOF)
		lost(h, "the server has closed the connection");
	else
		lost(h, "connection: %s", strerror(error));
}

void
helper_send(struct helper *h, const char *fmt, ...)
{
	char line[400];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	assert(n > 0 && (size_t)n < sizeof(line));
	if (h->conn != NULL)
		conn_put(h->conn, line, (size_t)n);
}

/* Requests. */

static void
send_line(struct helper_request *rq)
{
	size_t len = strlen(rq->line);

	conn_put(rq->helper->conn, rq->line, len);
	conn_flush(rq->helper->conn);
	compat_wipe(rq->line, len);
	free(rq->line);
	rq->line = NULL;
	rq->sent = true;
}

static void
answered(struct helper_request *rq, const char *text, bool last)
{
	free(rq->text);
	rq->text = xstrdup(text);
	rq->over = last;
	if (rq->waiting)
		op_ready(&rq->op);
}

void
helper_ready(struct helper *h)
{
	struct helper_request *rq;

	if (h->status != HELPER_GREETING)
		return;
	h->status = HELPER_READY;
	h->pause = 0;
	conn_deadline(h->conn, 0);
	TAILQ_FOREACH (rq, &h->requests, entry)
		if (rq->line != NULL)
			send_line(rq);
		else
			answered(rq, "", true);
}

void
helper_answer(struct helper *h, uint32_t number, const char *text, bool last)
{
	struct helper_request *rq;

	TAILQ_FOREACH (rq, &h->requests, entry)
		if (rq->number == number && rq->sent && !rq->over) {
			answered(rq, text, last);
			return;
		}
}

static void
request_free(struct helper_request *rq)
{
	struct helper *h = rq->helper;

	TAILQ_REMOVE(&h->requests, rq, entry);
	h->count--;
	if (rq->line != NULL)
		compat_wipe(rq->line, strlen(rq->line));
	free(rq->line);
	free(rq->text);
	free(rq);
}

static void
request_cancel(struct op *op)
{
	struct helper_request *rq = container_of(op, struct helper_request, op);
	struct helper *h = rq->helper;

	rq->fc->request = NULL;
	if (rq->sent && !rq->over && h->status == HELPER_READY) {
		h->type->cancel(h, rq->number);
		conn_flush(h->conn);
	}
	request_free(rq);
}

static void
request_run(struct op *op)
{
	struct helper_request *rq = container_of(op, struct helper_request, op);
	struct answer a = { rq->text, rq->helper->fault };
	struct filter_call *fc = rq->fc;
	answer_fn *next = rq->next;
	char *text = rq->text;
	enum verdict v;

	rq->text = NULL;
	rq->waiting = false;
	if (rq->over) {
		fc->request = NULL;
		/* The fault may be another one later. */
		if (text == NULL)
			a.fault = arena_strndup(
			    &fc->tx->arena, a.fault, strlen(a.fault));
		request_free(rq);
	} else /* stays with the call, so that it is cancelled with it */
		op_start(&fc->owner, &rq->op, request_run, request_cancel);
	v = next(fc, &a);
	free(text);
	chain_call_continued(fc, v);
}

static struct helper_request *
new_request(struct filter_call *fc, answer_fn *next)
{
	struct helper *h = fc_helper(fc);
	struct helper_request *rq = xcalloc(1, sizeof(*rq));

	assert(h != NULL);
	rq->helper = h;
	rq->fc = fc;
	rq->next = next;
	rq->waiting = true;
	op_start(&fc->owner, &rq->op, request_run, request_cancel);
	TAILQ_INSERT_TAIL(&h->requests, rq, entry);
	h->count++;
	return rq;
}

/* Is there a server to be asked, or will there be one soon? */
static bool
may_ask(struct helper *h)
{
	const char *conf = h->instance->conf;
	int64_t max;

	memcpy(&max, conf + h->type->outstanding, sizeof(max));
	if ((int64_t)h->count > max) {
		compat_strlcpy(h->fault, "too many requests are outstanding",
		    sizeof(h->fault));
		return false;
	}
	if (h->status == HELPER_READY && h->count == 1 && /* who asks */
	    loop_now(h->loop) - h->began >= AGE_MS) {
		conn_close(&h->conn);
		h->status = HELPER_DOWN;
	}
	if (h->status == HELPER_DOWN && h->retry_at <= loop_now(h->loop))
		connect_to(h);
	return h->status != HELPER_DOWN;
}

static void
fail(struct helper_request *rq)
{
	if (rq->over) /* connect_to() has failed it */
		return;
	rq->over = true;
	op_ready(&rq->op);
}

enum verdict
fc_ready(struct filter_call *fc, answer_fn *next)
{
	struct helper_request *rq = new_request(fc, next);

	if (!may_ask(rq->helper))
		fail(rq);
	else if (rq->helper->status == HELPER_READY)
		answered(rq, "", true);
	return VERDICT_PENDING;
}

/* Never twice on a connection; 0 is none. */
static uint32_t
next_number(struct helper *h)
{
	if (++h->last_number == 0)
		h->last_number = 1;
	return h->last_number;
}

static char *
make_line(const char *word, uint32_t number, const char *rest)
{
	size_t size = strlen(word) + strlen(rest) + 16;
	char *line = xmalloc(size);

	snprintf(
	    line, size, "%s\t%lu\t%s\n", word, (unsigned long)number, rest);
	return line;
}

enum verdict
fc_ask(
    struct filter_call *fc, const char *word, const char *rest, answer_fn *next)
{
	struct helper_request *rq = fc->request;

	if (rq != NULL) {
		rq->next = next;
		rq->waiting = true;
		if (rq->over || rq->text != NULL) { /* came meanwhile */
			op_ready(&rq->op);
			return VERDICT_PENDING;
		}
	} else {
		rq = fc->request = new_request(fc, next);
		rq->number = next_number(rq->helper);
	}
	rq->line = make_line(word, rq->number, rest);
	if (!rq->sent && !may_ask(rq->helper))
		fail(rq);
	else if (rq->helper->status == HELPER_READY)
		send_line(rq);
	return VERDICT_PENDING;
}

struct helper *
fc_helper(const struct filter_call *fc)
{
	return fc->services == NULL
	    ? NULL
	    : helpers_find(fc->services->helpers, fc->instance);
}

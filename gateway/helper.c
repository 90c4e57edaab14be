/*
 * Helpers: see helper.h, and filter.h for the calls.
 */

#include "helper_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "conn.h"
#include "log.h"
#include "loop.h"
#include "mem.h"

#define LINE_MAX_LEN 16384 /* Dovecot's */
#define GREET_MS 3000	   /* to connect and to shake hands */
#define PAUSE_FIRST_MS 250 /* behind a failure; then doubled */
#define PAUSE_MAX_MS 10000
/* Then anew, when nobody waits: an old process of a server that was reloaded
 * may be there for us alone. */
#define AGE_MS (5 * 60000)

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

bool
helper_may_ask(struct helper *h)
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

struct helper *
fc_helper(const struct filter_call *fc)
{
	return fc->services == NULL
	    ? NULL
	    : helpers_find(fc->services->helpers, fc->instance);
}

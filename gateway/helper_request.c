/*
 * Requests to helpers: see helper.h, and filter.h for the calls.
 */

#include "helper_impl.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "conn.h"
#include "mem.h"
#include "tx.h"

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

	if (!helper_may_ask(rq->helper))
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
	if (!rq->sent && !helper_may_ask(rq->helper))
		fail(rq);
	else if (rq->helper->status == HELPER_READY)
		send_line(rq);
	return VERDICT_PENDING;
}

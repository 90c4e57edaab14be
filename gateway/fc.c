/*
 * The calls that filters make: see filter.h.
 */

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "filter_call.h"
#include "mem.h"
#include "message.h"
#include "tx.h"

const void *
fc_conf(const struct filter_call *fc)
{
	return fc->instance->conf;
}

void *
fc_session_state(struct filter_call *fc)
{
	return fc->session_state;
}

void *
fc_tx_state(struct filter_call *fc)
{
	return fc->tx_state;
}

const struct client *
fc_client(const struct filter_call *fc)
{
	return fc->client;
}

const struct envelope *
fc_envelope(const struct filter_call *fc)
{
	return &fc->tx->envelope;
}

const struct address *
fc_sender(const struct filter_call *fc)
{
	return &fc->tx->envelope.sender;
}

const struct address *
fc_recipient(const struct filter_call *fc)
{
	return fc->rcpt;
}

enum phase
fc_phase(const struct filter_call *fc)
{
	return fc->phase;
}

const char *
fc_hostname(const struct filter_call *fc)
{
	return fc->hostname != NULL ? fc->hostname : "";
}

int64_t
fc_wall_ms(const struct filter_call *fc)
{
	return loop_wall_ms(fc->owner.loop);
}

void
fc_set_client_name(struct filter_call *fc, const char *name)
{
	fc->client->name = arena_strndup(fc->tx->session, name, strlen(name));
	fc->client->naming = CLIENT_NAME_KNOWN;
	fc->client->name_told = false;
}

void
fc_set_client_nameless(struct filter_call *fc, bool temporary)
{
	fc->client->name = NULL;
	fc->client->naming =
	    temporary ? CLIENT_NAME_TEMPORARY : CLIENT_NAME_NONE;
	fc->client->name_told = false;
}

const char *
fc_id(const struct filter_call *fc)
{
	return fc->tx->id;
}

uint64_t
fc_message_size(const struct filter_call *fc)
{
	assert(fc->phase == PHASE_MESSAGE && fc->tx->message != NULL);
	return message_kept_size(fc->tx->message);
}

/* Text for a reply or the log: one line of printable ASCII. */
static const char *__attribute__((format(printf, 2, 0)))
make_text(struct filter_call *fc, const char *fmt, va_list ap)
{
	char buf[400], *p;

	vsnprintf(buf, sizeof(buf), fmt, ap);
	for (p = buf; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return arena_strndup(&fc->tx->arena, buf, strlen(buf));
}

static enum verdict __attribute__((format(printf, 5, 0)))
answer(struct filter_call *fc, enum verdict v, int code, const char *enh,
    const char *fmt, va_list ap)
{
	struct judgement *j = &fc->judgement;

	assert(enh[0] - '0' == code / 100);
	j->verdict = v;
	j->code = code;
	compat_strlcpy(j->enhanced, enh, sizeof(j->enhanced));
	j->text = make_text(fc, fmt, ap);
	return v;
}

enum verdict
fc_reject(
    struct filter_call *fc, int code, const char *enh, const char *fmt, ...)
{
	va_list ap;

	assert(code >= 500 && code <= 599);
	va_start(ap, fmt);
	answer(fc, VERDICT_REJECT, code, enh, fmt, ap);
	va_end(ap);
	return VERDICT_REJECT;
}

enum verdict
fc_defer(
    struct filter_call *fc, int code, const char *enh, const char *fmt, ...)
{
	va_list ap;

	assert(code >= 400 && code <= 499);
	va_start(ap, fmt);
	answer(fc, VERDICT_DEFER, code, enh, fmt, ap);
	va_end(ap);
	return VERDICT_DEFER;
}

enum verdict
fc_disconnect(struct filter_call *fc, const char *enh, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	answer(fc, VERDICT_DISCONNECT, 421, enh, fmt, ap);
	va_end(ap);
	return VERDICT_DISCONNECT;
}

enum verdict
fc_unknown(struct filter_call *fc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fc->reason = make_text(fc, fmt, ap);
	va_end(ap);
	return VERDICT_UNKNOWN;
}

enum verdict
fc_join(struct filter_call *fc, enum verdict v)
{
	return fc->owner.count > 0 ? VERDICT_PENDING : v;
}

/* fc_wait(): the plainest service, and the model for others. */

struct wait {
	struct op op;
	struct timer timer;
	struct filter_call *fc;
	filter_fn *next;
};

static void
wait_over(void *arg)
{
	struct wait *w = arg;

	op_ready(&w->op);
}

static void
wait_run(struct op *op)
{
	struct wait *w = container_of(op, struct wait, op);
	struct filter_call *fc = w->fc;
	filter_fn *next = w->next;

	timer_clear(&w->timer);
	free(w);
	chain_call_continued(fc, next(fc));
}

static void
wait_cancel(struct op *op)
{
	struct wait *w = container_of(op, struct wait, op);

	timer_clear(&w->timer);
	free(w);
}

enum verdict
fc_wait(struct filter_call *fc, int64_t ms, filter_fn *next)
{
	struct wait *w = xcalloc(1, sizeof(*w));

	w->fc = fc;
	w->next = next;
	op_start(&fc->owner, &w->op, wait_run, wait_cancel);
	timer_init(&w->timer, fc->owner.loop, wait_over, w);
	timer_set(&w->timer, loop_now(fc->owner.loop) + ms);
	return VERDICT_PENDING;
}

void
fc_random(void *buf, size_t len)
{
	compat_random(buf, len);
}

void
fc_set_fact(struct filter_call *fc, const char *key, const char *text)
{
	tx_set_fact(fc->tx, key, text);
}

const char *
fc_fact(const struct filter_call *fc, const char *key)
{
	return tx_fact(fc->tx, key);
}

void
fc_add_counter(struct filter_call *fc, const char *key, double by)
{
	tx_add_counter(fc->tx, key, by);
}

double
fc_counter(const struct filter_call *fc, const char *key)
{
	return tx_counter(fc->tx, key);
}

void
fc_set_flag(struct filter_call *fc, const char *key)
{
	char what[100];

	if (!fc->instance->chain.observe) {
		tx_set_flag(fc->tx, key);
		return;
	}
	snprintf(what, sizeof(what), "flag=%s", key);
	chain_note_observed(fc, what);
}

bool
fc_flag(const struct filter_call *fc, const char *key)
{
	return tx_flag(fc->tx, key);
}

void
fc_add_karma(struct filter_call *fc, double by, const char *what)
{
	char text[100];

	if (!fc->instance->chain.observe) {
		tx_add_karma(fc->tx, by, fc->instance->name, what);
		return;
	}
	snprintf(text, sizeof(text), "karma=%s:%g", what, by);
	chain_note_observed(fc, text);
}

double
fc_karma(const struct filter_call *fc)
{
	return fc->tx->karma;
}

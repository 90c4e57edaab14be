#ifndef POSTERN_FAKE_DELIVERY_H
#define POSTERN_FAKE_DELIVERY_H

/*
 * A delivery for tests of backends: the dl_ calls of backend.h that write down
 * what is sent and feed what a script says.  It is the engine of the program
 * that includes it, so exactly one source of a test does.
 *
 * A script is a list of steps: "C text" is what the backend has written since
 * the last step, all of it; "S text" is one reply.  '|' stands for CRLF.  In
 * C, <commit> marks dl_commit(), <dotted> and <plain> the message.
 */

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/backend.h"
#include "gateway/client.h"
#include "gateway/link_conf.h"

#define FAKE_RCPTS 8

struct fake_result {
	bool set;
	enum dl_stage stage;
	struct reply reply;
};

struct delivery {
	struct envelope envelope;
	struct recipient rcpts[FAKE_RCPTS];
	uint64_t size;
	enum dl_identify identify;
	struct link_tls_conf tls_conf;
	struct link_auth_conf auth_conf;
	bool chunking;
	bool big; /* the message is not in memory */
	enum dl_tls tls;
	enum dl_tls tls_next; /* what dl_start_tls() brings about */
	bool had_tls;
	bool told;
	bool bound;
	uint64_t limit;
	int64_t silence;
	enum fault fault;
	struct client client;
	const void *conf;
	void *state;
	void *link_state;
	bool fresh;
	bool needs_reset;
	char sent[8192];
	enum progress progress;
	reply_fn *next;
	void (*on_line)(struct delivery *dl, const char *text, size_t len);
	struct fake_result results[FAKE_RCPTS];
	bool shared;
	backend_fn *resume; /* behind dl_agree() of a shared one */
	bool held[FAKE_RCPTS];
	bool committed;
	bool reusable;
	bool reset_after;
	struct ehlo offered;
	unsigned lacks;
	uint64_t too_big; /* the limit that it exceeds */
	char failed[300];
};

/* Recipients are a@example.org, b@... */
static inline void
fake_begin(struct delivery *dl, const struct backend *b, size_t rcpts)
{
	static const char *const names[FAKE_RCPTS] = { "a@example.org",
		"b@example.org", "c@example.org", "d@example.org" };
	size_t i;

	memset(dl, 0, sizeof(*dl));
	dl->state = calloc(1, b->state_size + 1);
	dl->link_state = calloc(1, b->link_size + 1);
	dl->envelope.sender.text = "me@example.com";
	dl->envelope.rcpts = dl->rcpts;
	dl->envelope.count = rcpts;
	for (i = 0; i < rcpts; i++) {
		dl->rcpts[i].addr.text = names[i];
		dl->rcpts[i].addr.domain = "example.org";
	}
	dl->size = 1000;
	dl->fresh = true;
}

static inline void
fake_end(struct delivery *dl)
{
	free(dl->state);
	free(dl->link_state);
}

/* The next delivery on the same link. */
static inline void
fake_again(struct delivery *dl, const struct backend *b)
{
	memset(dl->state, 0, b->state_size);
	memset(dl->results, 0, sizeof(dl->results));
	dl->fresh = false;
	dl->needs_reset = dl->reset_after;
	dl->committed = dl->reusable = dl->reset_after = false;
	dl->failed[0] = '\0';
}

static inline void
fake_add(struct delivery *dl, const char *text)
{
	size_t have = strlen(dl->sent);

	for (; *text != '\0'; text++) {
		assert(have + 1 < sizeof(dl->sent));
		if (text[0] == '\r' && text[1] == '\n') {
			dl->sent[have++] = '|';
			text++;
		} else {
			dl->sent[have++] = *text;
		}
	}
	dl->sent[have] = '\0';
}

static inline void
fake_answer(struct delivery *dl, const char *text)
{
	reply_fn *next = dl->next;
	enum reply_status status = REPLY_MORE;
	struct reply r;

	assert(dl->progress == DELIVERY_PENDING && next != NULL);
	reply_init(&r);
	while (status == REPLY_MORE) {
		size_t len = strcspn(text, "|");

		status = reply_feed(&r, text, len);
		if (dl->on_line != NULL && len >= 4)
			dl->on_line(dl, text + 4, len - 4);
		text += len + (text[len] == '|');
	}
	assert(status == REPLY_DONE && *text == '\0');
	dl->next = NULL;
	dl->on_line = NULL;
	dl->progress = next(dl, &r);
}

/* Plays a script; returns NULL, or what was sent instead. */
static inline const char *
fake_play(
    struct delivery *dl, const struct backend *b, const char *const *script)
{
	size_t i;

	dl->progress = b->deliver(dl);
	for (; *script != NULL; script++) {
		if (**script == 'S') {
			if (dl->sent[0] != '\0' ||
			    dl->progress == DELIVERY_DONE)
				return dl->sent;
			fake_answer(dl, *script + 2);
		} else {
			if (strcmp(dl->sent, *script + 2) != 0)
				return dl->sent;
			dl->sent[0] = '\0';
		}
	}
	if (dl->sent[0] != '\0' || dl->progress == DELIVERY_PENDING)
		return dl->sent;
	for (i = 0;
	     i < dl->envelope.count && dl->failed[0] == '\0' && dl->lacks == 0;
	     i++)
		assert(dl->results[i].set);
	return NULL;
}

const struct envelope *
dl_envelope(const struct delivery *dl)
{
	return &dl->envelope;
}

size_t
dl_count(const struct delivery *dl)
{
	return dl->envelope.count;
}

const struct address *
dl_recipient(const struct delivery *dl, size_t i)
{
	assert(i < dl->envelope.count);
	return &dl->rcpts[i].addr;
}

const struct recipient *
dl_rcpt(const struct delivery *dl, size_t i)
{
	assert(i < dl->envelope.count);
	return &dl->rcpts[i];
}

unsigned
dl_server_offers(struct delivery *dl, const struct ehlo *e)
{
	dl->offered = *e;
	return dl->envelope.needs & ~e->have;
}

enum progress
dl_unfit(struct delivery *dl, unsigned lacks)
{
	dl->lacks = lacks;
	return DELIVERY_DONE;
}

enum progress
dl_too_big(struct delivery *dl, uint64_t limit)
{
	static const struct reply refusal = { .code = 552, .lines = 1 };

	assert(dl->size > limit);
	dl->too_big = limit;
	dl_result_rest(dl, DL_STAGE_COMMAND, &refusal);
	dl->reusable = true;
	dl->reset_after = dl->needs_reset;
	return DELIVERY_DONE;
}

uint64_t
dl_size(const struct delivery *dl)
{
	return dl->size;
}

const void *
dl_conf(const struct delivery *dl)
{
	return dl->conf;
}

const char *
dl_backend_name(const struct delivery *dl)
{
	(void)dl;
	return "some where";
}

const char *
dl_helo(const struct delivery *dl)
{
	(void)dl;
	return "gw.example.net";
}

void *
dl_state(struct delivery *dl)
{
	return dl->state;
}

void *
dl_link_state(struct delivery *dl)
{
	return dl->link_state;
}

bool
dl_link_fresh(const struct delivery *dl)
{
	return dl->fresh;
}

bool
dl_link_needs_reset(const struct delivery *dl)
{
	return dl->needs_reset;
}

void
dl_send(struct delivery *dl, const char *text)
{
	fake_add(dl, text);
}

void
dl_sendf(struct delivery *dl, const char *fmt, ...)
{
	char buf[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	fake_add(dl, buf);
}

enum progress
dl_expect(struct delivery *dl, reply_fn *next)
{
	assert(dl->next == NULL);
	dl->next = next;
	dl->fresh = false;
	return DELIVERY_PENDING;
}

void
dl_on_line(struct delivery *dl,
    void (*line)(struct delivery *dl, const char *text, size_t len))
{
	dl->on_line = line;
}

const struct client *
dl_client(const struct delivery *dl)
{
	return &dl->client;
}

const char *
dl_id(const struct delivery *dl)
{
	(void)dl;
	return "abc.1";
}

enum dl_identify
dl_identify(const struct delivery *dl)
{
	return dl->identify;
}

bool
dl_link_told(const struct delivery *dl)
{
	return dl->told;
}

void
dl_link_tell(struct delivery *dl)
{
	dl->told = true;
}

void
dl_link_bind(struct delivery *dl)
{
	dl->bound = true;
}

void
dl_link_limit(struct delivery *dl, uint64_t uses)
{
	dl->limit = uses;
}

int64_t
dl_link_silence(const struct delivery *dl)
{
	return dl->silence;
}

enum dl_tls
dl_link_tls(const struct delivery *dl)
{
	return dl->tls;
}

const struct link_tls_conf *
dl_tls_conf(const struct delivery *dl)
{
	return &dl->tls_conf;
}

const struct link_auth_conf *
dl_auth_conf(const struct delivery *dl)
{
	return &dl->auth_conf;
}

bool
dl_chunking(const struct delivery *dl)
{
	return dl->chunking;
}

/* The handshake is over at once. */
enum progress
dl_start_tls(struct delivery *dl, backend_fn *next)
{
	fake_add(dl, "<tls>");
	dl->tls = dl->tls_next;
	return next(dl);
}

bool
dl_server_had_tls(const struct delivery *dl)
{
	return dl->had_tls;
}

bool
dl_server_had_fault(const struct delivery *dl, enum fault f)
{
	return dl->fault == f;
}

void
dl_note_fault(struct delivery *dl, enum fault f, const char *text)
{
	(void)text;
	dl->fault = f;
}

enum progress
dl_fault(struct delivery *dl, enum fault f, const char *fmt, ...)
{
	va_list ap;

	dl->fault = f;
	va_start(ap, fmt);
	vsnprintf(dl->failed, sizeof(dl->failed), fmt, ap);
	va_end(ap);
	return DELIVERY_DONE;
}

void
dl_send_proxy(struct delivery *dl)
{
	fake_add(dl, "<proxy>");
}

bool
dl_message_fits(const struct delivery *dl, size_t max)
{
	return !dl->big && dl->size <= max;
}

void
dl_put_message(struct delivery *dl)
{
	fake_add(dl, "<message>");
}

void
dl_uncommit(struct delivery *dl)
{
	dl->committed = false;
}

enum progress
dl_send_message(struct delivery *dl, enum dl_body how, reply_fn *next)
{
	fake_add(dl, how == DL_BODY_DOTTED ? "<dotted>" : "<plain>");
	return dl_expect(dl, next);
}

bool
dl_shared(const struct delivery *dl)
{
	return dl->shared;
}

enum progress
dl_agree(struct delivery *dl, backend_fn *next)
{
	if (!dl->shared)
		return next(dl);
	dl->resume = next;
	fake_add(dl, "<agree>");
	return DELIVERY_PENDING;
}

void
dl_commit(struct delivery *dl)
{
	fake_add(dl, "<commit>");
	dl->committed = true;
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
	assert(i < dl->envelope.count && !dl->results[i].set);
	dl->results[i].set = true;
	dl->results[i].stage = stage;
	dl->results[i].reply = *r;
}

bool
dl_has_result(const struct delivery *dl, size_t i)
{
	return dl->results[i].set;
}

void
dl_result_rest(struct delivery *dl, enum dl_stage stage, const struct reply *r)
{
	size_t i;

	for (i = 0; i < dl->envelope.count; i++)
		if (!dl->results[i].set)
			dl_result(dl, i, stage, r);
}

void
dl_hold_back(struct delivery *dl)
{
	static const struct reply held_back = {
		.code = 451,
		.enhanced = "4.5.3",
		.text = "held back",
	};
	size_t i;

	for (i = 0; i < dl->envelope.count; i++) {
		if (dl->results[i].set)
			continue;
		dl_result(dl, i, DL_STAGE_COMMAND, &held_back);
		dl->held[i] = true;
	}
}

enum progress
dl_fail(struct delivery *dl, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(dl->failed, sizeof(dl->failed), fmt, ap);
	va_end(ap);
	return DELIVERY_DONE;
}

#endif

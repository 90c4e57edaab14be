/*
 * Promises that were made to the client, and what the server says that is to
 * keep them: see dl_server_offers() in backend.h.
 */

#include <inttypes.h>
#include <stdio.h>

#include "caps.h"
#include "delivery.h"
#include "log.h"

/* What all servers must offer that get a part of it. */
static unsigned
needs(const struct delivery *dl)
{
	unsigned all = dl->order.envelope->needs;
	size_t i;

	if (dl->greeted != NULL) /* nobody's message */
		return 0;
	for (i = 0; i < dl_count(dl); i++)
		all |= dl_rcpt(dl, i)->needs;
	return all;
}

unsigned
dl_server_offers(struct delivery *dl, const struct ehlo *e)
{
	struct caps *caps = delivery_caps(dl);
	struct ehlo known = *e, newer;

	if (dl_link_tls(dl) != DL_TLS_VERIFIED)
		known.have &= ~(unsigned)EHLO_REQUIRETLS;
	if (!dl_chunking(dl))
		known.have &= ~(unsigned)(EHLO_CHUNKING | EHLO_BINARYMIME);
	/* What a pooled link heard is old; but the server is up. */
	if (dl->link->uses == 1 ||
	    caps_get(caps, dl->conf->name, dl->server, &newer) != CAPS_KNOWN)
		caps_learn(caps, dl->conf->name, dl->server, &known);
	return needs(dl) & ~known.have;
}

static void
note_lack(struct delivery *dl, unsigned lacks)
{
	char names[100];

	dl->lacks = lacks;
	ehlo_names(lacks, names, sizeof(names));
	if (dl->server != NULL)
		snprintf(dl->error, sizeof(dl->error), "server %s lacks %s",
		    dl->server, names);
	else
		snprintf(dl->error, sizeof(dl->error), "this backend lacks %s",
		    names);
}

enum progress
dl_unfit(struct delivery *dl, unsigned lacks)
{
	note_lack(dl, lacks);
	dl_link_reusable(dl, dl_link_needs_reset(dl));
	return DELIVERY_DONE;
}

/* What the client sent; or will, before it has. */
static uint64_t
sent(const struct delivery *dl)
{
	const struct envelope *e = dl->order.envelope;

	return dl->order.message != NULL ? e->sent : e->size;
}

enum progress
dl_too_big(struct delivery *dl, uint64_t limit)
{
	static const struct reply too_big = {
		.code = 552,
		.enhanced = "5.3.4",
		.text = "message exceeds the size limit of the mail server",
		.lines = 1,
	};

	dl_link_reusable(dl, dl_link_needs_reset(dl));
	if (sent(dl) > limit && sent(dl) > dl->order.envelope->offered_size) {
		dl_result_rest(dl, DL_STAGE_COMMAND, &too_big);
		return DELIVERY_DONE;
	}
	dl->lacks = EHLO_SIZE;
	dl->outgrown = sent(dl) <= limit;
	snprintf(dl->error, sizeof(dl->error),
	    "server %s takes %" PRIu64 " octets: the client sent %" PRIu64
	    ", with what was added there are %" PRIu64,
	    dl->server, limit, sent(dl), dl_size(dl));
	return DELIVERY_DONE;
}

/* The client is to come again, and will be promised less; or somebody gives the
 * server a larger limit. */
static void
keep_no_promise(struct delivery *dl)
{
	static const struct reply not_now = {
		.code = 451,
		.enhanced = "4.3.3",
		.text = "no mail server behind this gateway can keep what was "
			"offered for this message, please try again later",
		.lines = 0, /* nobody said it */
	};
	static const struct reply smaller = {
		.code = 452,
		.enhanced = "4.3.4",
		.text = "the mail server behind this gateway takes less than "
			"the size that was offered, please try again later",
		.lines = 0,
	};
	static const struct reply outgrown = {
		.code = 452,
		.enhanced = "4.3.4",
		.text = "the message is too big with the header fields that "
			"were added to it on the way, please try again later",
		.lines = 0,
	};
	const struct reply *r = &not_now;

	if (dl->lacks == EHLO_SIZE)
		r = dl->outgrown ? &outgrown : &smaller;
	dl_result_rest(dl, DL_STAGE_COMMAND, r);
	delivery_finish(dl);
}

bool
delivery_lacks(struct delivery *dl)
{
	unsigned lacks = needs(dl) & ~dl->conf->type->offers;

	if (lacks == 0)
		return false;
	note_lack(dl, lacks);
	keep_no_promise(dl);
	return true;
}

/* A pooled link knows what the server said then: a fresh one may know more. */
void
delivery_try_fitter(struct delivery *dl)
{
	bool was_pooled = dl->link->uses > 1;

	if (!was_pooled)
		dl->tried |= 1u << dl->link->target;
	if (!pool_has_other(dl->link->pool, dl->tried)) {
		keep_no_promise(dl);
		return;
	}
	log_event(LEVEL_DEBUG, "%s: backend %s: %s; trying another connection",
	    dl->order.id, dl->conf->name, dl->error);
	if (was_pooled)
		pool_drop(&dl->link);
	else
		pool_put(&dl->link, dl->reset_after);
	delivery_attempt(dl, was_pooled);
}

/*
 * What becomes of the recipients of a delivery: the agreement with the other
 * backends of the message, the moment from which the server may have it, and a
 * result for each recipient.  See backend.h.
 */

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "conn.h"
#include "delivery.h"

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

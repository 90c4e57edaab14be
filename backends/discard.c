/*
 * Accepts every message and throws it away: for tests and for sinks.  One of
 * the named exceptions to "250 only when a backend said so".
 */

#include "gateway/backend.h"

static enum progress deliver(struct delivery *);
static enum progress say_saved(struct delivery *);

const struct backend backend_discard = {
	.name = "discard",
	.summary = "accepts mail and throws it away",
	.link = BACKEND_NO_LINK,
	.offers = EHLO_8BITMIME | EHLO_SMTPUTF8 | EHLO_CHUNKING |
	    EHLO_BINARYMIME | EHLO_REQUIRETLS,
	.deliver = deliver,
};

static enum progress
deliver(struct delivery *dl)
{
	return dl_agree(dl, say_saved);
}

static enum progress
say_saved(struct delivery *dl)
{
	const struct reply saved = {
		.code = 250,
		.enhanced = "2.0.0",
		.text = "discarded",
		.lines = 1,
	};

	dl_result_rest(dl, DL_STAGE_FINAL, &saved);
	return DELIVERY_DONE;
}

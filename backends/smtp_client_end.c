/*
 * How a delivery ends, and who has no result yet.
 */

#include <assert.h>

#include "smtp_client.h"
#include "smtp_client_impl.h"

/* A 4xx or 5xx that decides for all recipients that are left.  Before the
 * server's EHLO is through there is no session to keep. */
enum progress
smtp_client_refused(
    struct delivery *dl, enum dl_stage stage, const struct reply *r)
{
	if (r->code == 421 && stage != DL_STAGE_FINAL)
		return smtp_client_closing(dl, stage, r);
	dl_result_rest(dl, stage, r);
	if (r->code == 421 || stage == DL_STAGE_SESSION)
		return DELIVERY_DONE;
	return smtp_client_finish(dl, true);
}

/* 421: the server closes.  On a pooled link that is most likely its idle limit
 * crossing our command; failing lets the relay take a fresh link, where a 421
 * then counts as said. */
enum progress
smtp_client_closing(
    struct delivery *dl, enum dl_stage stage, const struct reply *r)
{
	const struct smtp_client_state *st = dl_state(dl);

	if (st->bdat_sent)
		dl_uncommit(dl); /* whatever was sent, it reads no more */
	if (st->pooled && smtp_client_first_open(dl, 0) < dl_count(dl))
		return dl_fail(dl, "server closes: %d %s", r->code, r->text);
	dl_result_rest(dl, stage, r);
	return DELIVERY_DONE;
}

enum progress
smtp_client_unexpected(
    struct delivery *dl, const char *what, const struct reply *r)
{
	return dl_fail(
	    dl, "unexpected reply to %s: %d %s", what, r->code, r->text);
}

bool
smtp_client_is_doubtful(const struct delivery *dl)
{
	const struct smtp_client_state *st =
	    dl_state((struct delivery *)(uintptr_t)dl);

	return st->pooled && dl_count(dl) > 1 && !st->in_step;
}

enum progress
smtp_client_doubt(struct delivery *dl)
{
	return dl_fail(dl, "a refusal that may be another recipient's");
}

/* Every reply was read and every recipient has its result. */
enum progress
smtp_client_finish(struct delivery *dl, bool needs_reset)
{
	assert(smtp_client_first_open(dl, 0) == dl_count(dl));
	dl_link_reusable(dl, needs_reset);
	return DELIVERY_DONE;
}

/* The first recipient from i on that has no result; their count if there is
 * none. */
size_t
smtp_client_first_open(const struct delivery *dl, size_t i)
{
	while (i < dl_count(dl) && dl_has_result(dl, i))
		i++;
	return i;
}

bool
smtp_client_all_open(const struct delivery *dl)
{
	size_t i;

	for (i = 0; i < dl_count(dl); i++)
		if (dl_has_result(dl, i))
			return false;
	return true;
}

bool
smtp_client_is_refusal(const struct reply *r)
{
	return reply_class(r->code) == 4 || reply_class(r->code) == 5;
}

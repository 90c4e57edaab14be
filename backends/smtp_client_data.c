/*
 * The message, and what the server says to it.
 */

#include <assert.h>

#include "smtp_client.h"
#include "smtp_client_impl.h"

static enum progress data_for_nobody(struct delivery *, const struct reply *);
static enum progress got_lone_dot(struct delivery *, const struct reply *);
static enum progress send_content(struct delivery *);
static enum progress got_final(struct delivery *, const struct reply *);
static enum progress got_lmtp_final(struct delivery *, const struct reply *);

/* Only 354 asks for the message.  A 2xx here is no acceptance of anything: a
 * server that says it has lost step. */
enum progress
smtp_client_got_data(struct delivery *dl, const struct reply *r)
{
	if (!smtp_client_all_open(dl))
		return data_for_nobody(dl, r);
	if (smtp_client_is_refusal(r) && smtp_client_is_doubtful(dl))
		return smtp_client_doubt(dl);
	if (smtp_client_is_refusal(r))
		return smtp_client_refused(dl, DL_STAGE_COMMAND, r);
	if (r->code != 354)
		return smtp_client_unexpected(dl, "DATA", r);
	return send_content(dl);
}

/*
 * The DATA that travelled with a refused MAIL or RCPT.  If it got 354 all the
 * same, a lone dot ends it (RFC 2920 3.1); it delivers to nobody.  Unless the
 * server took the recipient after having refused MAIL: then a dot could
 * deliver an empty message, and only closing is safe.  An LMTP server would
 * answer the dot once per recipient, that is, not at all.
 */
static enum progress
data_for_nobody(struct delivery *dl, const struct reply *r)
{
	const struct smtp_client_state *st = dl_state(dl);

	if (r->code == 421)
		return smtp_client_closing(dl, DL_STAGE_COMMAND, r);
	if (smtp_client_is_refusal(r))
		return smtp_client_finish(dl, true);
	if (r->code != 354 || st->accepted || st->dialect == SMTP_CLIENT_LMTP)
		return smtp_client_unexpected(
		    dl, "DATA without a recipient", r);
	dl_send(dl, ".\r\n");
	return dl_expect(dl, got_lone_dot);
}

static enum progress
got_lone_dot(struct delivery *dl, const struct reply *r)
{
	if (r->code == 421)
		return smtp_client_closing(dl, DL_STAGE_COMMAND, r);
	if (!smtp_client_is_refusal(r))
		return smtp_client_unexpected(
		    dl, "a message without a recipient", r);
	return smtp_client_finish(dl, true);
}

static enum progress
send_content(struct delivery *dl)
{
	dl_commit(dl);
	return dl_send_message(dl, DL_BODY_DOTTED, smtp_client_got_final);
}

enum progress
smtp_client_got_final(struct delivery *dl, const struct reply *r)
{
	const struct smtp_client_state *st = dl_state(dl);

	return st->dialect == SMTP_CLIENT_LMTP ? got_lmtp_final(dl, r)
					       : got_final(dl, r);
}

static enum progress
got_final(struct delivery *dl, const struct reply *r)
{
	if (smtp_client_is_refusal(r))
		return smtp_client_refused(dl, DL_STAGE_FINAL, r);
	if (reply_class(r->code) != 2)
		return smtp_client_unexpected(dl, "the message", r);
	dl_result_rest(dl, DL_STAGE_FINAL, r);
	return smtp_client_finish(dl, false);
}

/* One reply per recipient, in the order of the RCPTs, even if an address was
 * given twice.  A 421 speaks for its own recipient: what became of those
 * behind it only their replies can tell. */
static enum progress
got_lmtp_final(struct delivery *dl, const struct reply *r)
{
	struct smtp_client_state *st = dl_state(dl);
	size_t i = smtp_client_first_open(dl, 0);

	assert(i < dl_count(dl));
	if (reply_class(r->code) != 2) {
		if (!smtp_client_is_refusal(r))
			return smtp_client_unexpected(dl, "the message", r);
		st->needs_reset = true;
		st->closing |= r->code == 421;
	}
	dl_result(dl, i, DL_STAGE_FINAL, r);
	if (smtp_client_first_open(dl, i + 1) < dl_count(dl))
		return dl_expect(dl, got_lmtp_final);
	return st->closing ? DELIVERY_DONE
			   : smtp_client_finish(dl, st->needs_reset);
}

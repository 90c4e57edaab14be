/*
 * The envelope, on a link that is in step.
 *
 * MAIL and all RCPTs share a write when the server offers PIPELINING (RFC
 * 2920); without it every command waits for its reply.  DATA, or all of a small
 * message by BDAT, shares it only when there is exactly one recipient: with
 * several, some may be refused, and there is no way back but to deliver to the
 * others.
 */

#include <string.h>

#include "gateway/log.h"
#include "identity.h"
#include "smtp_client.h"
#include "smtp_client_impl.h"

static bool needs_reset(const struct delivery *);
static enum progress too_many(struct delivery *);
static enum progress got_reset(struct delivery *, const struct reply *);
static void send_identity(struct delivery *);
static enum progress expect_identity(struct delivery *);
static enum progress got_xforward(struct delivery *, const struct reply *);
static void send_mail(struct delivery *);
static void send_rcpt(struct delivery *, size_t);
static enum progress got_mail(struct delivery *, const struct reply *);
static enum progress got_rcpt(struct delivery *, const struct reply *);
static enum progress all_rcpts_answered(struct delivery *);
static enum progress send_data(struct delivery *);
static enum progress got_rset(struct delivery *, const struct reply *);

/* The link is in step: from here on pooled and fresh ones are alike. */
enum progress
smtp_client_begin(struct delivery *dl)
{
	const struct smtp_client_link *link = dl_link_state(dl);
	const struct smtp_client_state *st = dl_state(dl);
	unsigned lacks = dl_server_offers(dl, &link->ehlo);

	if (st->greet) {
		dl_link_reusable(dl, false);
		return DELIVERY_DONE;
	}
	if (lacks != 0)
		return dl_unfit(dl, lacks);
	if (link->ehlo.size > 0 && dl_size(dl) > link->ehlo.size)
		return dl_too_big(dl, link->ehlo.size);
	if (link->ehlo.rcpt_max > 0 && dl_count(dl) > link->ehlo.rcpt_max)
		return too_many(dl);
	if (smtp_client_wants_probe(dl))
		return smtp_client_probe(dl);
	return smtp_client_transaction(dl);
}

enum progress
smtp_client_transaction(struct delivery *dl)
{
	const struct smtp_client_link *link = dl_link_state(dl);

	if (needs_reset(dl)) {
		dl_send(dl, "RSET\r\n");
		if (link->pipelining)
			send_identity(dl);
		return dl_expect(dl, got_reset);
	}
	send_identity(dl);
	return expect_identity(dl);
}

static bool
needs_reset(const struct delivery *dl)
{
	const struct smtp_client_state *st =
	    dl_state((struct delivery *)(uintptr_t)dl);

	return dl_link_needs_reset(dl) && !st->reset;
}

/* The server said in its EHLO how many it takes (RFC 9422), but nobody knew of
 * it at RCPT, or the client would have heard the 452 there; it does when it
 * comes again. */
static enum progress
too_many(struct delivery *dl)
{
	const struct smtp_client_link *link = dl_link_state(dl);
	const struct reply r = {
		.code = 452,
		.enhanced = "4.5.3",
		.text = "more recipients than the mail server takes in one "
			"transaction",
		.lines = 1,
	};
	size_t i;

	for (i = link->ehlo.rcpt_max; i < dl_count(dl); i++)
		dl_result(dl, i, DL_STAGE_COMMAND, &r);
	dl_hold_back(dl);
	return smtp_client_finish(dl, needs_reset(dl));
}

/* What a refused RSET left behind in the server is unknown, so whatever it
 * says to the commands behind it does not count. */
static enum progress
got_reset(struct delivery *dl, const struct reply *r)
{
	const struct smtp_client_link *link = dl_link_state(dl);

	if (r->code != 250)
		return smtp_client_unexpected(dl, "RSET", r);
	if (!link->pipelining)
		send_identity(dl);
	return expect_identity(dl);
}

/* Sends XFORWARD, if the server is to have it, and what may go with it. */
static void
send_identity(struct delivery *dl)
{
	struct smtp_client_state *st = dl_state(dl);
	const struct smtp_client_link *link = dl_link_state(dl);
	char line[IDENTITY_LINE_MAX];

	st->forwarding = dl_identify(dl) == DL_IDENTIFY_XFORWARD &&
	    identity_line(line, sizeof(line), "XFORWARD", link->xforward,
		dl_client(dl), dl_id(dl));
	if (st->forwarding)
		dl_send(dl, line);
	if (!st->forwarding || link->pipelining)
		send_mail(dl);
}

static enum progress
expect_identity(struct delivery *dl)
{
	const struct smtp_client_state *st = dl_state(dl);

	return dl_expect(dl, st->forwarding ? got_xforward : got_mail);
}

/* A server that offers XFORWARD and then refuses it does not trust us.  That is
 * for its operator to mend; mail does not wait for it. */
static enum progress
got_xforward(struct delivery *dl, const struct reply *r)
{
	struct smtp_client_link *link = dl_link_state(dl);

	if (r->code == 421)
		return smtp_client_closing(dl, DL_STAGE_SESSION, r);
	if (reply_class(r->code) != 2 && !smtp_client_is_refusal(r))
		return smtp_client_unexpected(dl, "XFORWARD", r);
	if (smtp_client_is_refusal(r)) {
		log_event(LEVEL_WARN, "%s: a server refused XFORWARD: %d %s",
		    dl_id(dl), r->code, r->text);
		link->xforward = 0;
	}
	if (!link->pipelining)
		send_mail(dl);
	return dl_expect(dl, got_mail);
}

/* Sends MAIL and, to a server that offers PIPELINING, what may go with it. */
static void
send_mail(struct delivery *dl)
{
	struct smtp_client_state *st = dl_state(dl);
	const struct smtp_client_link *link = dl_link_state(dl);
	size_t i;

	dl_send(dl, "MAIL FROM:<");
	dl_send(dl, dl_envelope(dl)->sender.text);
	dl_send(dl, ">");
	smtp_client_mail_params(dl);
	dl_send(dl, "\r\n");
	if (!link->pipelining)
		return;
	for (i = 0; i < dl_count(dl); i++)
		send_rcpt(dl, i);
	if (st->verify) {
		dl_send(dl, "RSET\r\n");
	} else if (smtp_client_may_send_at_once(dl)) {
		smtp_client_send_at_once(dl);
	} else if (dl_count(dl) == 1 && !dl_shared(dl) &&
	    !smtp_client_by_bdat(dl)) {
		dl_send(dl, "DATA\r\n");
		st->data_sent = true;
	}
}

static void
send_rcpt(struct delivery *dl, size_t i)
{
	dl_send(dl, "RCPT TO:<");
	dl_send(dl, dl_recipient(dl, i)->text);
	dl_send(dl, ">");
	smtp_client_rcpt_params(dl, i);
	dl_send(dl, "\r\n");
}

static bool
is_to_mail(const struct reply *r)
{
	return strcmp(r->enhanced, "2.1.0") == 0;
}

static enum progress
got_mail(struct delivery *dl, const struct reply *r)
{
	struct smtp_client_state *st = dl_state(dl);
	const struct smtp_client_link *link = dl_link_state(dl);

	if (r->code == 421)
		return smtp_client_closing(dl, DL_STAGE_COMMAND, r);
	st->mail_named = is_to_mail(r);
	st->mail_refused = smtp_client_is_refusal(r);
	if (st->mail_refused) {
		dl_result_rest(dl, DL_STAGE_COMMAND, r);
		if (!link->pipelining)
			return smtp_client_finish(dl, true);
	} else if (reply_class(r->code) != 2) {
		return smtp_client_unexpected(dl, "MAIL", r);
	} else if (!link->pipelining) {
		send_rcpt(dl, 0);
	}
	return dl_expect(dl, got_rcpt);
}

/* After a refused MAIL the results are there already, and the replies to the
 * commands that went with it are only counted. */
static enum progress
got_rcpt(struct delivery *dl, const struct reply *r)
{
	struct smtp_client_state *st = dl_state(dl);
	const struct smtp_client_link *link = dl_link_state(dl);
	size_t i = st->next++;

	if (r->code == 421)
		return smtp_client_closing(dl, DL_STAGE_COMMAND, r);
	/* Who refuses MAIL does not take a RCPT: the refusal was for a message
	 * before, and came late. */
	if (reply_class(r->code) == 2 && st->pooled && dl_has_result(dl, i))
		return smtp_client_unexpected(
		    dl, "RCPT behind a refused MAIL", r);
	if (i == 0)
		st->in_step = st->mail_refused
		    ? r->code == 503
		    : st->mail_named && !is_to_mail(r);
	if (reply_class(r->code) == 2)
		st->accepted = true;
	else if (!smtp_client_is_refusal(r))
		return smtp_client_unexpected(dl, "RCPT", r);
	else if (!dl_has_result(dl, i))
		dl_result(dl, i, DL_STAGE_COMMAND, r);
	if (st->verify && !dl_has_result(dl, i))
		dl_result(dl, i, DL_STAGE_COMMAND, r);

	if (st->next == dl_count(dl))
		return all_rcpts_answered(dl);
	if (!link->pipelining)
		send_rcpt(dl, st->next);
	return dl_expect(dl, got_rcpt);
}

/* With one recipient refused nobody gets the message: see dl_hold_back(). */
static enum progress
all_rcpts_answered(struct delivery *dl)
{
	const struct smtp_client_state *st = dl_state(dl);
	const struct smtp_client_link *link = dl_link_state(dl);

	if (st->verify) {
		if (!link->pipelining)
			dl_send(dl, "RSET\r\n");
		return dl_expect(dl, got_rset);
	}
	if (st->bdat_sent)
		return smtp_client_expect_chunk(dl);
	if (st->data_sent)
		return dl_expect(dl, smtp_client_got_data);
	if (smtp_client_is_doubtful(dl) &&
	    (!smtp_client_all_open(dl) || smtp_client_by_bdat(dl)))
		return smtp_client_doubt(dl);
	if (!smtp_client_all_open(dl)) {
		dl_hold_back(dl);
		return smtp_client_finish(dl, true);
	}
	return dl_agree(dl, send_data);
}

static enum progress
send_data(struct delivery *dl)
{
	if (smtp_client_by_bdat(dl))
		return smtp_client_send_chunk(dl);
	dl_send(dl, "DATA\r\n");
	return dl_expect(dl, smtp_client_got_data);
}

/* The end of a verification.  The results are there already; a server that does
 * not answer RSET with 250 is not asked again on this link. */
static enum progress
got_rset(struct delivery *dl, const struct reply *r)
{
	return r->code == 250 ? smtp_client_finish(dl, false) : DELIVERY_DONE;
}

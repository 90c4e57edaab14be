/*
 * BDAT (RFC 3030): the message as one chunk, without dots, and a small one in
 * the same write as its envelope.
 *
 * That is allowed only with a server that reads the octets of a chunk which it
 * refuses: else those of a refused message would be commands to it.  Servers
 * that offer CHUNKING must, but a message of anybody is nothing to find out
 * with.  So a link is tried first, when it is used again: MAIL, a chunk without
 * RCPT, which holds QUIT, and RSET.  One 5xx has to come for the chunk, and
 * then 250; a server that obeys QUIT says 221 there, and does not go on.
 */

#include <inttypes.h>
#include <string.h>

#include "smtp_client.h"
#include "smtp_client_impl.h"

#define AT_ONCE_MAX 61440 /* octets; with the envelope less than 64 KiB */
#define SILENCE_MS 1000	  /* a link that was heard of so lately is there */
#define PROBE "QUIT\r\n"

static enum progress got_probe_mail(struct delivery *, const struct reply *);
static enum progress got_probe(struct delivery *, const struct reply *);
static enum progress got_probe_reset(struct delivery *, const struct reply *);
static enum progress obeyed(struct delivery *, const struct reply *);
static enum progress got_chunk(struct delivery *, const struct reply *);
static enum progress got_chunk_for_nobody(
    struct delivery *, const struct reply *);

static const struct smtp_client_state *
state_of(const struct delivery *dl)
{
	return dl_state((struct delivery *)(uintptr_t)dl);
}

static const struct smtp_client_link *
link_of(const struct delivery *dl)
{
	return dl_link_state((struct delivery *)(uintptr_t)dl);
}

/* An LMTP server that refuses a chunk for several recipients may say so once,
 * or to each of them: nobody wrote down which. */
static bool
may_get_bdat(const struct delivery *dl)
{
	return dl_chunking(dl) &&
	    (link_of(dl)->ehlo.have & EHLO_CHUNKING) != 0 &&
	    (state_of(dl)->dialect == SMTP_CLIENT_SMTP || dl_count(dl) == 1);
}

/* Nothing in a BDAT's replies tells that a link has lost step, as 354 does for
 * DATA: one reply too much, and that to RCPT would be taken for the one to the
 * message.  So it is for links that were tried, whose replies fit then; and
 * for content that can not go otherwise. */
bool
smtp_client_by_bdat(const struct delivery *dl)
{
	return dl_envelope(dl)->body == BODY_BINARYMIME ||
	    (link_of(dl)->swallows && may_get_bdat(dl) &&
		!smtp_client_is_doubtful(dl));
}

static bool
is_fit_for_one_write(const struct delivery *dl)
{
	return dl_count(dl) == 1 && !dl_shared(dl) && link_of(dl)->pipelining &&
	    !state_of(dl)->verify && may_get_bdat(dl) &&
	    dl_message_fits(dl, AT_ONCE_MAX);
}

bool
smtp_client_may_send_at_once(const struct delivery *dl)
{
	return link_of(dl)->swallows && dl_link_silence(dl) <= SILENCE_MS &&
	    is_fit_for_one_write(dl);
}

void
smtp_client_send_at_once(struct delivery *dl)
{
	struct smtp_client_state *st = dl_state(dl);

	st->bdat_sent = true;
	dl_commit(dl);
	dl_sendf(dl, "BDAT %" PRIu64 " LAST\r\n", dl_size(dl));
	dl_put_message(dl);
}

enum progress
smtp_client_expect_chunk(struct delivery *dl)
{
	return dl_expect(
	    dl, smtp_client_all_open(dl) ? got_chunk : got_chunk_for_nobody);
}

/* X.1.X is about addresses: it was said to MAIL or RCPT, and the link has lost
 * step. */
static enum progress
got_chunk(struct delivery *dl, const struct reply *r)
{
	if (strncmp(r->enhanced, "2.1.", 4) == 0)
		return smtp_client_unexpected(dl, "the message", r);
	return smtp_client_got_final(dl, r);
}

/* The chunk that travelled with a refused MAIL or RCPT has to be refused. */
static enum progress
got_chunk_for_nobody(struct delivery *dl, const struct reply *r)
{
	if (!smtp_client_is_refusal(r))
		return smtp_client_unexpected(
		    dl, "a message without a recipient", r);
	dl_uncommit(dl);
	if (r->code == 421)
		return DELIVERY_DONE;
	return smtp_client_finish(dl, true);
}

enum progress
smtp_client_send_chunk(struct delivery *dl)
{
	dl_commit(dl);
	dl_sendf(dl, "BDAT %" PRIu64 " LAST\r\n", dl_size(dl));
	return dl_send_message(dl, DL_BODY_PLAIN, got_chunk);
}

/* The probe costs one round trip, which is what it saves this message: so it
 * is for nothing where a link is not used a third time. */
bool
smtp_client_wants_probe(const struct delivery *dl)
{
	const struct smtp_client_state *st = state_of(dl);

	return st->pooled && !st->introduced && !dl_link_needs_reset(dl) &&
	    !link_of(dl)->swallows && is_fit_for_one_write(dl) &&
	    !dl_server_had_fault(dl, FAULT_BDAT_UNSWALLOWED);
}

enum progress
smtp_client_probe(struct delivery *dl)
{
	dl_sendf(dl, "MAIL FROM:<>\r\nBDAT %zu LAST\r\n" PROBE "RSET\r\n",
	    sizeof(PROBE) - 1);
	return dl_expect(dl, got_probe_mail);
}

static enum progress
got_probe_mail(struct delivery *dl, const struct reply *r)
{
	if (r->code == 421)
		return smtp_client_closing(dl, DL_STAGE_COMMAND, r);
	return dl_expect(dl, got_probe);
}

static enum progress
got_probe(struct delivery *dl, const struct reply *r)
{
	if (r->code == 421)
		return smtp_client_closing(dl, DL_STAGE_COMMAND, r);
	if (reply_class(r->code) != 5)
		return obeyed(dl, r);
	return dl_expect(dl, got_probe_reset);
}

static enum progress
got_probe_reset(struct delivery *dl, const struct reply *r)
{
	struct smtp_client_link *link = dl_link_state(dl);

	if (r->code != 250)
		return obeyed(dl, r);
	link->swallows = true;
	return smtp_client_transaction(dl);
}

/* Nothing was committed: a fresh link takes the message. */
static enum progress
obeyed(struct delivery *dl, const struct reply *r)
{
	dl_note_fault(dl, FAULT_BDAT_UNSWALLOWED,
	    "the server took the octets of a refused BDAT for commands, or did "
	    "not refuse it");
	return smtp_client_unexpected(dl, "BDAT without RCPT", r);
}

/*
 * The client's half of SMTP (RFC 5321) and LMTP (RFC 2033), in the order in
 * which it happens:
 *
 *	greeting -> EHLO -> [RSET] MAIL RCPT... -> DATA -> message -> replies
 *
 * MAIL and all RCPTs share a write when the server offers PIPELINING (RFC
 * 2920); without it every command waits for its reply.  DATA shares it only
 * when there is exactly one recipient: with several, some may be refused, and
 * behind the 354 there is no way back but to deliver to the others.
 */

#include "smtp_client.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "gateway/log.h"
#include "xforward.h"

static enum progress got_greeting(struct delivery *, const struct reply *);
static enum progress say_hello(struct delivery *);
static void hello_line(struct delivery *, const char *, size_t);
static void size_keyword(struct smtp_client_link *, const char *, size_t);
static enum progress got_hello(struct delivery *, const struct reply *);
static enum progress got_helo(struct delivery *, const struct reply *);
static enum progress begin(struct delivery *);
static enum progress too_big(struct delivery *);
static enum progress got_reset(struct delivery *, const struct reply *);
static void send_identity(struct delivery *);
static enum progress expect_identity(struct delivery *);
static enum progress got_xforward(struct delivery *, const struct reply *);
static void send_mail(struct delivery *);
static void send_rcpt(struct delivery *, size_t);
static enum progress got_mail(struct delivery *, const struct reply *);
static enum progress got_rcpt(struct delivery *, const struct reply *);
static enum progress all_rcpts_answered(struct delivery *);
static enum progress got_rset(struct delivery *, const struct reply *);
static enum progress got_data(struct delivery *, const struct reply *);
static enum progress data_for_nobody(struct delivery *, const struct reply *);
static enum progress got_lone_dot(struct delivery *, const struct reply *);
static enum progress send_content(struct delivery *);
static enum progress got_final(struct delivery *, const struct reply *);
static enum progress got_lmtp_final(struct delivery *, const struct reply *);
static enum progress refused(
    struct delivery *, enum dl_stage, const struct reply *);
static enum progress closing(
    struct delivery *, enum dl_stage, const struct reply *);
static enum progress unexpected(
    struct delivery *, const char *, const struct reply *);
static enum progress finish(struct delivery *, bool);
static size_t first_open(const struct delivery *, size_t);
static bool all_open(const struct delivery *);
static bool is_refusal(const struct reply *);

enum progress
smtp_client_verify(struct delivery *dl, enum smtp_client_dialect dialect)
{
	struct smtp_client_state *st = dl_state(dl);

	st->verify = true;
	return smtp_client_deliver(dl, dialect);
}

enum progress
smtp_client_deliver(struct delivery *dl, enum smtp_client_dialect dialect)
{
	struct smtp_client_state *st = dl_state(dl);

	st->dialect = dialect;
	st->pooled = !dl_link_fresh(dl);
	return st->pooled ? begin(dl) : dl_expect(dl, got_greeting);
}

static enum progress
got_greeting(struct delivery *dl, const struct reply *r)
{
	if (is_refusal(r))
		return refused(dl, DL_STAGE_SESSION, r);
	if (r->code != 220)
		return unexpected(dl, "the connection", r);
	return say_hello(dl);
}

static enum progress
say_hello(struct delivery *dl)
{
	const struct smtp_client_state *st = dl_state(dl);
	const char *verb = st->dialect == SMTP_CLIENT_LMTP ? "LHLO" : "EHLO";

	dl_sendf(dl, "%s %s\r\n", verb, dl_helo(dl));
	dl_on_line(dl, hello_line);
	return dl_expect(dl, got_hello);
}

/* A line of the reply to EHLO or LHLO, without the code.  The first one holds
 * the server's name, which is no keyword whatever it looks like. */
static void
hello_line(struct delivery *dl, const char *text, size_t len)
{
	struct smtp_client_link *link = dl_link_state(dl);
	size_t word = 0;

	if (!link->greeted) {
		link->greeted = true;
		return;
	}
	while (word < len && text[word] != ' ')
		word++;
	if (word == 10 && strncasecmp(text, "PIPELINING", word) == 0)
		link->pipelining = true;
	else if (word == 8 && strncasecmp(text, "8BITMIME", word) == 0)
		link->eightbit = true;
	else if (word == 4 && strncasecmp(text, "SIZE", word) == 0)
		size_keyword(link, text + word, len - word);
	else if (word == 8 && strncasecmp(text, "XFORWARD", word) == 0)
		link->xforward = xforward_attributes(text + word, len - word);
}

/* A limit that is no number is as good as none: the server will say it again
 * in its reply to MAIL. */
static void
size_keyword(struct smtp_client_link *link, const char *text, size_t len)
{
	uint64_t limit = 0;
	size_t i = 0;

	link->size = true;
	link->size_limit = 0;
	while (i < len && text[i] == ' ')
		i++;
	for (; i < len && text[i] != ' '; i++) {
		if (text[i] < '0' || text[i] > '9' ||
		    limit > (UINT64_MAX - 9) / 10)
			return;
		limit = limit * 10 + (uint64_t)(text[i] - '0');
	}
	link->size_limit = limit;
}

static enum progress
got_hello(struct delivery *dl, const struct reply *r)
{
	const struct smtp_client_state *st = dl_state(dl);

	if (st->dialect == SMTP_CLIENT_SMTP && reply_class(r->code) == 5) {
		/* RFC 5321 3.2: an old server knows HELO only.  What its
		 * refusal looked like offers nothing. */
		memset(dl_link_state(dl), 0, sizeof(struct smtp_client_link));
		dl_sendf(dl, "HELO %s\r\n", dl_helo(dl));
		return dl_expect(dl, got_helo);
	}
	return got_helo(dl, r);
}

static enum progress
got_helo(struct delivery *dl, const struct reply *r)
{
	if (is_refusal(r))
		return refused(dl, DL_STAGE_SESSION, r);
	if (r->code != 250)
		return unexpected(dl, "the greeting", r);
	return begin(dl);
}

/* The link is in step: from here on pooled and fresh ones are alike. */
static enum progress
begin(struct delivery *dl)
{
	const struct smtp_client_link *link = dl_link_state(dl);

	if (link->size_limit > 0 && dl_size(dl) > link->size_limit)
		return too_big(dl);
	if (dl_link_needs_reset(dl)) {
		dl_send(dl, "RSET\r\n");
		if (link->pipelining)
			send_identity(dl);
		return dl_expect(dl, got_reset);
	}
	send_identity(dl);
	return expect_identity(dl);
}

/* The server said in its greeting how much it takes; nothing has to be sent to
 * hear it again, and the link stays as it was. */
static enum progress
too_big(struct delivery *dl)
{
	const struct reply r = {
		.code = 552,
		.enhanced = "5.3.4",
		.text = "message exceeds the size limit of the mail server",
		.lines = 1,
	};

	dl_result_rest(dl, DL_STAGE_COMMAND, &r);
	return finish(dl, dl_link_needs_reset(dl));
}

/* What a refused RSET left behind in the server is unknown, so whatever it
 * says to the commands behind it does not count. */
static enum progress
got_reset(struct delivery *dl, const struct reply *r)
{
	const struct smtp_client_link *link = dl_link_state(dl);

	if (r->code != 250)
		return unexpected(dl, "RSET", r);
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
	char line[XFORWARD_LINE_MAX];

	st->forwarding = dl_xforward(dl) &&
	    xforward_line(
		line, sizeof(line), link->xforward, dl_client(dl), dl_id(dl));
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
		return closing(dl, DL_STAGE_SESSION, r);
	if (reply_class(r->code) != 2 && !is_refusal(r))
		return unexpected(dl, "XFORWARD", r);
	if (is_refusal(r)) {
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
	const struct envelope *e = dl_envelope(dl);
	size_t i;

	dl_send(dl, "MAIL FROM:<");
	dl_send(dl, e->sender.text);
	dl_send(dl, ">");
	if (link->size && dl_size(dl) > 0)
		dl_sendf(dl, " SIZE=%" PRIu64, dl_size(dl));
	/* A server without 8BITMIME gets 8-bit content all the same, without
	 * the parameter.  Such servers pass it on (practice for decades, "just
	 * send 8"), a conversion would break signatures, and a refusal would
	 * lose mail that everybody else delivers. */
	if (e->body == BODY_8BITMIME && link->eightbit)
		dl_send(dl, " BODY=8BITMIME");
	dl_send(dl, "\r\n");
	if (!link->pipelining)
		return;
	for (i = 0; i < dl_count(dl); i++)
		send_rcpt(dl, i);
	if (st->verify) {
		dl_send(dl, "RSET\r\n");
	} else if (dl_count(dl) == 1) {
		dl_send(dl, "DATA\r\n");
		st->data_sent = true;
	}
}

static void
send_rcpt(struct delivery *dl, size_t i)
{
	dl_send(dl, "RCPT TO:<");
	dl_send(dl, dl_recipient(dl, i)->text);
	dl_send(dl, ">\r\n");
}

static enum progress
got_mail(struct delivery *dl, const struct reply *r)
{
	const struct smtp_client_link *link = dl_link_state(dl);

	if (r->code == 421)
		return closing(dl, DL_STAGE_COMMAND, r);
	if (is_refusal(r)) {
		dl_result_rest(dl, DL_STAGE_COMMAND, r);
		if (!link->pipelining)
			return finish(dl, true);
	} else if (reply_class(r->code) != 2) {
		return unexpected(dl, "MAIL", r);
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
		return closing(dl, DL_STAGE_COMMAND, r);
	if (reply_class(r->code) == 2)
		st->accepted = true;
	else if (!is_refusal(r))
		return unexpected(dl, "RCPT", r);
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

/*
 * With one recipient refused nobody gets the message.  The client has one
 * reply for all of them: a 250 would lie about the refused one, and a 4xx
 * behind a delivery would leave it to the journal alone that the client's retry
 * is no duplicate.  The price is one more attempt: there the journal answers
 * the refused ones at RCPT, and the others get the message.
 */
static enum progress
all_rcpts_answered(struct delivery *dl)
{
	static const struct reply held_back = {
		.code = 451,
		.enhanced = "4.5.3",
		.text = "another recipient of this message was refused; not "
			"delivered",
		.lines = 0, /* nobody said it */
	};
	const struct smtp_client_state *st = dl_state(dl);
	const struct smtp_client_link *link = dl_link_state(dl);

	if (st->verify) {
		if (!link->pipelining)
			dl_send(dl, "RSET\r\n");
		return dl_expect(dl, got_rset);
	}
	if (st->data_sent)
		return dl_expect(dl, got_data);
	if (!all_open(dl)) {
		dl_result_rest(dl, DL_STAGE_COMMAND, &held_back);
		return finish(dl, true);
	}
	dl_send(dl, "DATA\r\n");
	return dl_expect(dl, got_data);
}

/* The end of a verification.  The results are there already; a server that does
 * not answer RSET with 250 is not asked again on this link. */
static enum progress
got_rset(struct delivery *dl, const struct reply *r)
{
	return r->code == 250 ? finish(dl, false) : DELIVERY_DONE;
}

/* Only 354 asks for the message.  A 2xx here is no acceptance of anything: a
 * server that says it has lost step. */
static enum progress
got_data(struct delivery *dl, const struct reply *r)
{
	if (!all_open(dl))
		return data_for_nobody(dl, r);
	if (is_refusal(r))
		return refused(dl, DL_STAGE_COMMAND, r);
	if (r->code != 354)
		return unexpected(dl, "DATA", r);
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
		return closing(dl, DL_STAGE_COMMAND, r);
	if (is_refusal(r))
		return finish(dl, true);
	if (r->code != 354 || st->accepted || st->dialect == SMTP_CLIENT_LMTP)
		return unexpected(dl, "DATA without a recipient", r);
	dl_send(dl, ".\r\n");
	return dl_expect(dl, got_lone_dot);
}

static enum progress
got_lone_dot(struct delivery *dl, const struct reply *r)
{
	if (r->code == 421)
		return closing(dl, DL_STAGE_COMMAND, r);
	if (!is_refusal(r))
		return unexpected(dl, "a message without a recipient", r);
	return finish(dl, true);
}

static enum progress
send_content(struct delivery *dl)
{
	const struct smtp_client_state *st = dl_state(dl);

	dl_commit(dl);
	return dl_send_message(dl, DL_BODY_DOTTED,
	    st->dialect == SMTP_CLIENT_LMTP ? got_lmtp_final : got_final);
}

static enum progress
got_final(struct delivery *dl, const struct reply *r)
{
	if (is_refusal(r))
		return refused(dl, DL_STAGE_FINAL, r);
	if (reply_class(r->code) != 2)
		return unexpected(dl, "the message", r);
	dl_result_rest(dl, DL_STAGE_FINAL, r);
	return finish(dl, false);
}

/* One reply per recipient, in the order of the RCPTs, even if an address was
 * given twice.  A 421 speaks for its own recipient: what became of those
 * behind it only their replies can tell. */
static enum progress
got_lmtp_final(struct delivery *dl, const struct reply *r)
{
	struct smtp_client_state *st = dl_state(dl);
	size_t i = first_open(dl, 0);

	assert(i < dl_count(dl));
	if (reply_class(r->code) != 2) {
		if (!is_refusal(r))
			return unexpected(dl, "the message", r);
		st->needs_reset = true;
		st->closing |= r->code == 421;
	}
	dl_result(dl, i, DL_STAGE_FINAL, r);
	if (first_open(dl, i + 1) < dl_count(dl))
		return dl_expect(dl, got_lmtp_final);
	return st->closing ? DELIVERY_DONE : finish(dl, st->needs_reset);
}

/* A 4xx or 5xx that decides for all recipients that are left.  Before the
 * server's EHLO is through there is no session to keep. */
static enum progress
refused(struct delivery *dl, enum dl_stage stage, const struct reply *r)
{
	if (r->code == 421 && stage != DL_STAGE_FINAL)
		return closing(dl, stage, r);
	dl_result_rest(dl, stage, r);
	if (r->code == 421 || stage == DL_STAGE_SESSION)
		return DELIVERY_DONE;
	return finish(dl, true);
}

/* 421: the server closes.  On a pooled link that is most likely its idle limit
 * crossing our command; failing lets the relay take a fresh link, where a 421
 * then counts as said. */
static enum progress
closing(struct delivery *dl, enum dl_stage stage, const struct reply *r)
{
	const struct smtp_client_state *st = dl_state(dl);

	if (st->pooled && first_open(dl, 0) < dl_count(dl))
		return dl_fail(dl, "server closes: %d %s", r->code, r->text);
	dl_result_rest(dl, stage, r);
	return DELIVERY_DONE;
}

static enum progress
unexpected(struct delivery *dl, const char *what, const struct reply *r)
{
	return dl_fail(
	    dl, "unexpected reply to %s: %d %s", what, r->code, r->text);
}

/* Every reply was read and every recipient has its result. */
static enum progress
finish(struct delivery *dl, bool needs_reset)
{
	assert(first_open(dl, 0) == dl_count(dl));
	dl_link_reusable(dl, needs_reset);
	return DELIVERY_DONE;
}

/* The first recipient from i on that has no result; their count if there is
 * none. */
static size_t
first_open(const struct delivery *dl, size_t i)
{
	while (i < dl_count(dl) && dl_has_result(dl, i))
		i++;
	return i;
}

static bool
all_open(const struct delivery *dl)
{
	size_t i;

	for (i = 0; i < dl_count(dl); i++)
		if (dl_has_result(dl, i))
			return false;
	return true;
}

static bool
is_refusal(const struct reply *r)
{
	return reply_class(r->code) == 4 || reply_class(r->code) == 5;
}

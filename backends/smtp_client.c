/*
 * The client's half of SMTP (RFC 5321) and LMTP (RFC 2033).  Here: until the
 * server is greeted.  In the order in which it happens:
 *
 *	smtp_client.c		greeting -> EHLO ->
 *	smtp_client_envelope.c	[RSET] MAIL RCPT... ->
 *	smtp_client_data.c	DATA -> message -> replies
 */

#include "smtp_client.h"

#include <string.h>
#include <strings.h>

#include "smtp_client_impl.h"
#include "xforward.h"

static enum progress got_greeting(struct delivery *, const struct reply *);
static enum progress say_hello(struct delivery *);
static void hello_line(struct delivery *, const char *, size_t);
static void size_keyword(struct smtp_client_link *, const char *, size_t);
static enum progress got_hello(struct delivery *, const struct reply *);
static enum progress got_helo(struct delivery *, const struct reply *);

enum progress
smtp_client_verify(struct delivery *dl, enum smtp_client_dialect dialect)
{
	struct smtp_client_state *st = dl_state(dl);

	st->verify = true;
	return smtp_client_deliver(dl, dialect);
}

enum progress
smtp_client_greet(struct delivery *dl, enum smtp_client_dialect dialect)
{
	struct smtp_client_state *st = dl_state(dl);

	st->greet = true;
	return smtp_client_deliver(dl, dialect);
}

enum progress
smtp_client_deliver(struct delivery *dl, enum smtp_client_dialect dialect)
{
	struct smtp_client_state *st = dl_state(dl);

	st->dialect = dialect;
	st->pooled = !dl_link_fresh(dl);
	return st->pooled ? smtp_client_begin(dl) : dl_expect(dl, got_greeting);
}

static enum progress
got_greeting(struct delivery *dl, const struct reply *r)
{
	if (smtp_client_is_refusal(r))
		return smtp_client_refused(dl, DL_STAGE_SESSION, r);
	if (r->code != 220)
		return smtp_client_unexpected(dl, "the connection", r);
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
	if (smtp_client_is_refusal(r))
		return smtp_client_refused(dl, DL_STAGE_SESSION, r);
	if (r->code != 250)
		return smtp_client_unexpected(dl, "the greeting", r);
	return smtp_client_begin(dl);
}

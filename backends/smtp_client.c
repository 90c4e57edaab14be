/*
 * The client's half of SMTP (RFC 5321) and LMTP (RFC 2033).  Here: until the
 * server is greeted.  In the order in which it happens:
 *
 *	smtp_client.c		[PROXY] greeting -> EHLO ->
 *	smtp_client_link.c	[STARTTLS -> EHLO] [XCLIENT -> EHLO] [AUTH] ->
 *	smtp_client_envelope.c	[RSET] MAIL RCPT... ->
 *	smtp_client_data.c	DATA or BDAT -> message -> replies
 *
 * A link from the pool begins at XCLIENT.
 */

#include "smtp_client.h"

#include <string.h>
#include <strings.h>

#include "gateway/client.h"
#include "gateway/link_conf.h"
#include "gateway/smtp_parse.h"
#include "identity.h"

#include "smtp_client_impl.h"

static enum progress await_greeting(struct delivery *);
static enum progress got_greeting(struct delivery *, const struct reply *);
static void forget_hello(struct delivery *);
static void hello_line(struct delivery *, const char *, size_t);
static enum progress got_hello(struct delivery *, const struct reply *);
static enum progress got_helo(struct delivery *, const struct reply *);
static void auth_keyword(struct smtp_client_link *, const char *, size_t);

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
	if (st->pooled)
		return smtp_client_introduce(dl);
	if (dl_identify(dl) == DL_IDENTIFY_PROXY_V1 ||
	    dl_identify(dl) == DL_IDENTIFY_PROXY_V2)
		dl_send_proxy(dl);
	if (dl_tls_conf(dl)->mode == LINK_TLS_IMPLICIT)
		return dl_start_tls(dl, await_greeting);
	return await_greeting(dl);
}

static enum progress
await_greeting(struct delivery *dl)
{
	return dl_expect(dl, got_greeting);
}

static enum progress
got_greeting(struct delivery *dl, const struct reply *r)
{
	if (smtp_client_is_refusal(r))
		return smtp_client_refused(dl, DL_STAGE_SESSION, r);
	if (r->code != 220)
		return smtp_client_unexpected(dl, "the connection", r);
	return smtp_client_hello(dl);
}

/* Behind XCLIENT the greeting is the client's, too: what it says there
 * replaces what XCLIENT said. */
static const char *
hello_name(struct delivery *dl)
{
	const struct smtp_client_state *st = dl_state(dl);
	const char *helo = dl_client(dl)->helo;

	if (st->introduced && helo != NULL &&
	    (smtp_is_domain(helo, strlen(helo), false) ||
		smtp_is_literal(helo, strlen(helo))))
		return helo;
	return dl_helo(dl);
}

enum progress
smtp_client_hello(struct delivery *dl)
{
	const struct smtp_client_state *st = dl_state(dl);
	const char *verb = st->dialect == SMTP_CLIENT_LMTP ? "LHLO" : "EHLO";

	forget_hello(dl);
	dl_sendf(dl, "%s %s\r\n", verb, hello_name(dl));
	dl_on_line(dl, hello_line);
	return dl_expect(dl, got_hello);
}

/* What a server said before TLS, XCLIENT or HELO does not hold behind it; how
 * it treats BDAT does. */
static void
forget_hello(struct delivery *dl)
{
	struct smtp_client_link *link = dl_link_state(dl);

	*link = (struct smtp_client_link){ .swallows = link->swallows };
}

static bool
is_keyword(const char *text, size_t len, const char *keyword)
{
	return len == strlen(keyword) && strncasecmp(text, keyword, len) == 0;
}

/* A line of the reply to EHLO or LHLO, without the code.  The first one holds
 * the server's name, which is no keyword whatever it looks like. */
static void
hello_line(struct delivery *dl, const char *text, size_t len)
{
	struct smtp_client_link *link = dl_link_state(dl);
	size_t word = 0, rest;

	if (!link->greeted) {
		link->greeted = true;
		return;
	}
	ehlo_line(&link->ehlo, text, len);
	link->pipelining = (link->ehlo.have & EHLO_PIPELINING) != 0;
	while (word < len && text[word] != ' ')
		word++;
	rest = len - word;
	if (is_keyword(text, word, "STARTTLS"))
		link->starttls = true;
	else if (is_keyword(text, word, "AUTH"))
		auth_keyword(link, text + word, rest);
	else if (is_keyword(text, word, "XFORWARD"))
		link->xforward = identity_attributes(text + word, rest);
	else if (is_keyword(text, word, "XCLIENT"))
		link->xclient = identity_attributes(text + word, rest);
}

/* The next word of a keyword's arguments; its length is 0 at the end. */
static const char *
next_word(const char **rest, size_t *left, size_t *len_r)
{
	const char *word;

	while (*left > 0 && **rest == ' ') {
		(*rest)++;
		(*left)--;
	}
	word = *rest;
	*len_r = 0;
	while (*left > 0 && **rest != ' ') {
		(*rest)++;
		(*left)--;
		(*len_r)++;
	}
	return word;
}

static void
auth_keyword(struct smtp_client_link *link, const char *text, size_t left)
{
	const char *word;
	size_t len;

	while (word = next_word(&text, &left, &len), len > 0) {
		if (is_keyword(word, len, "PLAIN"))
			link->auth_plain = true;
		if (is_keyword(word, len, "LOGIN"))
			link->auth_login = true;
	}
}

static enum progress
got_hello(struct delivery *dl, const struct reply *r)
{
	const struct smtp_client_state *st = dl_state(dl);

	if (st->dialect == SMTP_CLIENT_SMTP && reply_class(r->code) == 5) {
		/* RFC 5321 3.2: an old server knows HELO only.  What its
		 * refusal looked like offers nothing. */
		forget_hello(dl);
		dl_sendf(dl, "HELO %s\r\n", hello_name(dl));
		return dl_expect(dl, got_helo);
	}
	return got_helo(dl, r);
}

static enum progress
got_helo(struct delivery *dl, const struct reply *r)
{
	const struct smtp_client_link *link = dl_link_state(dl);

	if (smtp_client_is_refusal(r))
		return smtp_client_refused(dl, DL_STAGE_SESSION, r);
	if (r->code != 250)
		return smtp_client_unexpected(dl, "the greeting", r);
	if (link->ehlo.mail_max > 0)
		dl_link_limit(dl, link->ehlo.mail_max);
	return smtp_client_secure(dl);
}

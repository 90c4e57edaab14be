/*
 * From the first EHLO to a link on which mail may be spoken of: TLS, who the
 * client is, who we are.  Whatever goes wrong here is between us and the
 * server, and never the sender's fault.
 */

#include <stdio.h>
#include <string.h>

#include "gateway/base64.h"
#include "gateway/compat.h"
#include "gateway/link_conf.h"
#include "identity.h"
#include "smtp_client.h"
#include "smtp_client_impl.h"

#define AUTH_PART_MAX 255 /* octets of a name and of a password */

static enum progress got_starttls(struct delivery *, const struct reply *);
static enum progress send_xclient(struct delivery *);
static enum progress xclient_missing(struct delivery *);
static enum progress got_first_reset(struct delivery *, const struct reply *);
static enum progress got_xclient(struct delivery *, const struct reply *);
static enum progress authenticate(struct delivery *);
static enum progress auth_plain(struct delivery *);
static enum progress got_login(struct delivery *, const struct reply *);
static enum progress got_user(struct delivery *, const struct reply *);
static enum progress got_auth(struct delivery *, const struct reply *);

/* TLS (RFC 3207).  A server that offers it gets it or no mail. */

enum progress
smtp_client_secure(struct delivery *dl)
{
	const struct smtp_client_link *link = dl_link_state(dl);
	int mode = dl_tls_conf(dl)->mode;

	if (mode == LINK_TLS_OFF || dl_link_tls(dl) != DL_TLS_NONE)
		return smtp_client_introduce(dl);
	if (link->starttls) {
		dl_send(dl, "STARTTLS\r\n");
		return dl_expect(dl, got_starttls);
	}
	if (mode != LINK_TLS_OPPORTUNISTIC)
		return dl_fault(dl, FAULT_TLS_MISSING,
		    "the server does not offer STARTTLS");
	if (dl_server_had_tls(dl))
		dl_note_fault(dl, FAULT_TLS_LOST,
		    "the server offers STARTTLS no more, mail goes in clear");
	return smtp_client_introduce(dl);
}

static enum progress
got_starttls(struct delivery *dl, const struct reply *r)
{
	if (r->code != 220)
		return dl_fault(dl, FAULT_TLS_REFUSED,
		    "STARTTLS was answered with %d %s", r->code, r->text);
	return dl_start_tls(dl, smtp_client_hello);
}

/* The client's identity.  A server that should be told of a client and was not
 * would judge us in its place, so there is no mail without. */

enum progress
smtp_client_introduce(struct delivery *dl)
{
	const struct smtp_client_state *st = dl_state(dl);
	const struct smtp_client_link *link = dl_link_state(dl);

	if (dl_identify(dl) != DL_IDENTIFY_XCLIENT)
		return authenticate(dl);
	/* Nobody's session: a server that is told of nobody may offer nothing
	 * any more.  Whoever gets the link tells it. */
	if (st->greet)
		return link->xclient != 0 ? authenticate(dl)
					  : xclient_missing(dl);
	if (dl_link_told(dl)) {
		/* Postfix lets the told address decide who may go on. */
		if (st->introduced && link->xclient == 0)
			dl_link_bind(dl);
		return authenticate(dl);
	}
	if (!dl_link_needs_reset(dl))
		return send_xclient(dl);
	dl_send(dl, "RSET\r\n");
	return dl_expect(dl, got_first_reset);
}

static enum progress
xclient_missing(struct delivery *dl)
{
	return dl_fault(
	    dl, FAULT_XCLIENT_MISSING, "the server does not offer XCLIENT");
}

static enum progress
got_first_reset(struct delivery *dl, const struct reply *r)
{
	if (r->code != 250)
		return smtp_client_unexpected(dl, "RSET", r);
	return send_xclient(dl);
}

static enum progress
send_xclient(struct delivery *dl)
{
	const struct smtp_client_link *link = dl_link_state(dl);
	char line[IDENTITY_LINE_MAX];

	if (!identity_line(line, sizeof(line), "XCLIENT", link->xclient,
		dl_client(dl), dl_id(dl)))
		return xclient_missing(dl);
	dl_send(dl, line);
	return dl_expect(dl, got_xclient);
}

/* 220: the session is at its beginning again, with another client.  A refusal
 * may be the server's judgement of that client. */
static enum progress
got_xclient(struct delivery *dl, const struct reply *r)
{
	struct smtp_client_state *st = dl_state(dl);

	if (r->code == 421)
		return smtp_client_closing(dl, DL_STAGE_CLIENT, r);
	if (smtp_client_is_refusal(r)) {
		dl_note_fault(dl, FAULT_XCLIENT_REFUSED,
		    "the server does not take this client");
		dl_result_rest(dl, DL_STAGE_CLIENT, r);
		return DELIVERY_DONE;
	}
	if (r->code != 220)
		return smtp_client_unexpected(dl, "XCLIENT", r);
	dl_link_tell(dl);
	st->introduced = true;
	st->reset = true;
	return smtp_client_hello(dl);
}

/* Who we are (RFC 4954).  Texts of replies are not passed on, not even into
 * the log: a server may repeat there what it was sent. */

static enum progress
authenticate(struct delivery *dl)
{
	const struct link_auth_conf *auth = dl_auth_conf(dl);
	const struct smtp_client_link *link = dl_link_state(dl);
	bool may_plain = auth->mechanism != LINK_AUTH_LOGIN;
	bool may_login = auth->mechanism != LINK_AUTH_PLAIN;

	if (auth->user == NULL || link->authenticated)
		return smtp_client_begin(dl);
	if (!auth->clear &&
	    (dl_link_tls(dl) == DL_TLS_NONE ||
		(dl_link_tls(dl) == DL_TLS_UNVERIFIED &&
		    dl_tls_conf(dl)->verify)))
		return dl_fault(dl, FAULT_AUTH_CLEAR,
		    "the password is only for a server that TLS has verified");
	if (link->auth_plain && may_plain)
		return auth_plain(dl);
	if (!link->auth_login || !may_login)
		return dl_fault(dl, FAULT_AUTH_MISSING,
		    "the server does not offer the mechanism");
	dl_send(dl, "AUTH LOGIN\r\n");
	return dl_expect(dl, got_login);
}

static enum progress
auth_plain(struct delivery *dl)
{
	const struct link_auth_conf *auth = dl_auth_conf(dl);
	char plain[2 * AUTH_PART_MAX + 3];
	char text[BASE64_SIZE(sizeof(plain))];
	int len;

	len = snprintf(
	    plain, sizeof(plain), "%c%s%c%s", 0, auth->user, 0, auth->secret);
	base64_encode(plain, (size_t)len, text, sizeof(text));
	dl_send(dl, "AUTH PLAIN ");
	dl_send_secret(dl, text);
	dl_send(dl, "\r\n");
	compat_wipe(plain, sizeof(plain));
	compat_wipe(text, sizeof(text));
	return dl_expect(dl, got_auth);
}

static void
send_base64(struct delivery *dl, const char *s)
{
	char text[BASE64_SIZE(AUTH_PART_MAX)];

	base64_encode(s, strlen(s), text, sizeof(text));
	dl_send_secret(dl, text);
	dl_send(dl, "\r\n");
	compat_wipe(text, sizeof(text));
}

static enum progress
got_login(struct delivery *dl, const struct reply *r)
{
	if (r->code != 334)
		return got_auth(dl, r);
	send_base64(dl, dl_auth_conf(dl)->user);
	return dl_expect(dl, got_user);
}

static enum progress
got_user(struct delivery *dl, const struct reply *r)
{
	if (r->code != 334)
		return got_auth(dl, r);
	send_base64(dl, dl_auth_conf(dl)->secret);
	return dl_expect(dl, got_auth);
}

static enum progress
got_auth(struct delivery *dl, const struct reply *r)
{
	struct smtp_client_link *link = dl_link_state(dl);

	if (r->code == 235) {
		link->authenticated = true;
		return smtp_client_begin(dl);
	}
	return dl_fault(dl,
	    reply_class(r->code) == 4 ? FAULT_AUTH_TEMPORARY
				      : FAULT_AUTH_REFUSED,
	    "AUTH was answered with %d %s", r->code, r->enhanced);
}

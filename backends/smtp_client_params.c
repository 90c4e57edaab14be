/*
 * Parameters of MAIL and RCPT: written anew from the envelope, to servers that
 * offer the extension.  What the client was promised the server does offer
 * (dl_server_offers() has seen to it); the others, SIZE and AUTH, are left out
 * where they are not understood.
 */

#include <inttypes.h>

#include "gateway/client.h"
#include "gateway/xclient.h"
#include "smtp_client.h"
#include "smtp_client_impl.h"

static void send_auth(struct delivery *);

static bool
offers(struct delivery *dl, unsigned extension)
{
	const struct smtp_client_link *link = dl_link_state(dl);

	return (link->ehlo.have & extension) != 0;
}

/*
 * 8-bit content without BODY=8BITMIME was not declared by the client, which was
 * not promised anything either: it goes on as it came, without the parameter,
 * and the server says what it thinks of it.
 */
void
smtp_client_mail_params(struct delivery *dl)
{
	const struct envelope *e = dl_envelope(dl);
	char envid[3 * SMTP_ENVID_MAX + 4];

	if (offers(dl, EHLO_SIZE) && dl_size(dl) > 0)
		dl_sendf(dl, " SIZE=%" PRIu64, dl_size(dl));
	if (e->body == BODY_BINARYMIME ||
	    (e->body == BODY_8BITMIME && offers(dl, EHLO_8BITMIME)))
		dl_sendf(dl, " BODY=%s", smtp_body_text(e->body));
	if ((e->needs & EHLO_SMTPUTF8) != 0)
		dl_send(dl, " SMTPUTF8");
	if ((e->needs & EHLO_REQUIRETLS) != 0)
		dl_send(dl, " REQUIRETLS");
	if (e->ret != DSN_RET_UNSPECIFIED)
		dl_sendf(dl, " RET=%s", smtp_ret_text(e->ret));
	if (e->envid != NULL) {
		envid[xtext_encode(e->envid, envid, sizeof(envid))] = '\0';
		dl_sendf(dl, " ENVID=%s", envid);
	}
	if (offers(dl, EHLO_AUTH))
		send_auth(dl);
}

/* Who first submitted the message is believed of clients that have
 * authenticated; what others say is not passed on as if it were true (RFC 4954
 * section 5). */
static void
send_auth(struct delivery *dl)
{
	const struct envelope *e = dl_envelope(dl);
	char auth[3 * SMTP_AUTH_MAX + 4];

	if (e->auth == NULL)
		return;
	if (e->auth[0] == '\0' || dl_client(dl)->login == NULL) {
		dl_send(dl, " AUTH=<>");
		return;
	}
	auth[xtext_encode(e->auth, auth, sizeof(auth))] = '\0';
	dl_sendf(dl, " AUTH=%s", auth);
}

void
smtp_client_rcpt_params(struct delivery *dl, size_t i)
{
	const struct recipient *r = dl_rcpt(dl, i);
	char orcpt[SMTP_ORCPT_LINE];

	if (r->notify != 0)
		dl_sendf(dl, " NOTIFY=%s", smtp_notify_text(r->notify));
	if (r->orcpt != NULL &&
	    smtp_write_orcpt(r->orcpt_type, r->orcpt, orcpt, sizeof(orcpt)) > 0)
		dl_send(dl, orcpt);
}

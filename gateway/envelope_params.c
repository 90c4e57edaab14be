/*
 * Parameters of MAIL and RCPT, for those who want to know what the client said.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ehlo.h"
#include "envelope.h"
#include "xclient.h"

/* "NAME=value"; an empty value is none, and what does not fit is left out. */
static void
put(char *buf, size_t size, const char *name, const char *value)
{
	size_t at = strlen(buf);
	int n;

	if (value[0] == '\0')
		return;
	n = snprintf(
	    buf + at, size - at, "%s%s%s", at > 0 ? " " : "", name, value);
	if (n < 0 || (size_t)n >= size - at)
		buf[at] = '\0';
}

void
envelope_write_mail_params(const struct envelope *e, char *buf, size_t size)
{
	char text[3 * SMTP_AUTH_MAX + 4] = "";

	buf[0] = '\0';
	if (e->size > 0)
		snprintf(text, sizeof(text), "%" PRIu64, e->size);
	put(buf, size, "SIZE=", text);
	put(buf, size, "BODY=", smtp_body_text(e->body));
	if ((e->needs & EHLO_SMTPUTF8) != 0)
		put(buf, size, "", "SMTPUTF8");
	if ((e->needs & EHLO_REQUIRETLS) != 0)
		put(buf, size, "", "REQUIRETLS");
	put(buf, size, "RET=", smtp_ret_text(e->ret));
	if (e->envid != NULL) {
		text[xtext_encode(e->envid, text, sizeof(text))] = '\0';
		put(buf, size, "ENVID=", text);
	}
	if (e->auth != NULL) {
		text[xtext_encode(e->auth, text, sizeof(text))] = '\0';
		put(buf, size, "AUTH=", e->auth[0] != '\0' ? text : "<>");
	}
}

void
envelope_write_rcpt_params(const struct recipient *r, char *buf, size_t size)
{
	char text[SMTP_ORCPT_LINE] = "";

	buf[0] = '\0';
	if (r->notify != 0)
		put(buf, size, "NOTIFY=", smtp_notify_text(r->notify));
	if (r->orcpt != NULL &&
	    smtp_write_orcpt(r->orcpt_type, r->orcpt, text, sizeof(text)) > 0)
		put(buf, size, "", text + 1);
}

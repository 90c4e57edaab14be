/*
 * Delivery to a mail server by SMTP (RFC 5321).
 */

#include "gateway/backend.h"
#include "smtp_client.h"

static enum progress deliver(struct delivery *);
static enum progress verify(struct delivery *);
static enum progress greet(struct delivery *);

const struct backend backend_smtp = {
	.name = "smtp",
	.summary = "hands mail to a server by SMTP",
	.link = BACKEND_SERVER,
	.goodbye = "QUIT\r\n",
	.deliver = deliver,
	.verify = verify,
	.greet = greet,
	.state_size = sizeof(struct smtp_client_state),
	.link_size = sizeof(struct smtp_client_link),
};

static enum progress
deliver(struct delivery *dl)
{
	return smtp_client_deliver(dl, SMTP_CLIENT_SMTP);
}

static enum progress
verify(struct delivery *dl)
{
	return smtp_client_verify(dl, SMTP_CLIENT_SMTP);
}

static enum progress
greet(struct delivery *dl)
{
	return smtp_client_greet(dl, SMTP_CLIENT_SMTP);
}

/*
 * Delivery to a mail store by LMTP (RFC 2033): one final reply per recipient.
 */

#include "gateway/backend.h"
#include "smtp_client.h"

static enum progress deliver(struct delivery *);
static enum progress verify(struct delivery *);
static enum progress greet(struct delivery *);

const struct backend backend_lmtp = {
	.name = "lmtp",
	.summary = "hands mail to a mail store by LMTP",
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
	return smtp_client_deliver(dl, SMTP_CLIENT_LMTP);
}

static enum progress
verify(struct delivery *dl)
{
	return smtp_client_verify(dl, SMTP_CLIENT_LMTP);
}

static enum progress
greet(struct delivery *dl)
{
	return smtp_client_greet(dl, SMTP_CLIENT_LMTP);
}

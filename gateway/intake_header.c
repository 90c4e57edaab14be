/*
 * Header fields of the client that must not pass: those that the configuration
 * names, and Authentication-Results in our name (RFC 8601 5), which whoever
 * reads the mail would take for ours.
 */

#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "message.h"
#include "session_priv.h"

static bool
is_named(const struct session *s, const struct headers_item *item)
{
	const struct opt_list *names = &s->listener->strip_headers;
	size_t i;

	for (i = 0; i < names->count; i++)
		if (headers_item_is(item, names->list[i]))
			return true;
	return false;
}

/* 1, 0, or -1 if the spool can not be read. */
static int
claims_to_be_ours(const struct session *s, const struct headers_item *item)
{
	const char *id = s->listener->authserv_id;
	size_t len = item->len - item->value;
	char *buf;
	int rc;

	if (s->client.login != NULL ||
	    !headers_item_is(item, "Authentication-Results"))
		return 0;
	buf = xmalloc(len + 1);
	rc = message_copy(s->tx.message, item->offset + item->value, buf, len);
	if (rc == 0)
		rc = header_claims_authserv(
		    buf, len, id != NULL ? id : session_hostname(s));
	free(buf);
	return rc;
}

bool
intake_strip_headers(struct session *s)
{
	struct headers *h = &s->tx.headers;
	struct headers_item *item;
	size_t i;
	int ours;

	for (i = 0; i < h->count; i++) {
		item = &h->list[i];
		ours = claims_to_be_ours(s, item);
		if (ours == -1)
			return false;
		if (ours == 0 && !is_named(s, item))
			continue;
		message_remove(s->tx.message, item->offset, item->len);
		item->removed = true;
	}
	return true;
}

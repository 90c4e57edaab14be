/*
 * Requests to the agent: see ask_agent.h.
 */

#include "ask_agent.h"

#include <inttypes.h>
#include <string.h>

static enum progress send_request(struct delivery *);
static enum progress got_result(struct delivery *, const struct reply *);

enum progress
ask_agent_deliver(struct delivery *dl, ask_agent_head_fn *head)
{
	struct ask_agent *st = dl_state(dl);

	st->head = head;
	return dl_agree(dl, send_request);
}

static enum progress
send_request(struct delivery *dl)
{
	const struct ask_agent *st = dl_state(dl);
	const struct address *rcpt = dl_recipient(dl, st->next);
	const char *from = dl_envelope(dl)->sender.text;

	st->head(dl, rcpt);
	dl_send(dl, "\nfrom ");
	ask_agent_encode(dl, from, strlen(from));
	dl_send(dl, "\nto ");
	ask_agent_encode(dl, rcpt->text, strlen(rcpt->text));
	dl_sendf(dl, "\nsize %" PRIu64 "\n\n", dl_size(dl));
	dl_commit(dl);
	return dl_send_message(dl, DL_BODY_PLAIN, got_result);
}

static enum progress
got_result(struct delivery *dl, const struct reply *r)
{
	struct ask_agent *st = dl_state(dl);

	/* As a reply that was lost: the recipients behind this one have not got
	 * it, but are counted with it. */
	if (reply_class(r->code) == 3)
		return dl_fail(dl, "%s", r->text);
	dl_result(dl, st->next++, DL_STAGE_FINAL, r);
	if (st->next < dl_count(dl))
		return send_request(dl);
	dl_link_reusable(dl, false);
	return DELIVERY_DONE;
}

void
ask_agent_encode(struct delivery *dl, const char *s, size_t len)
{
	size_t from = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c > ' ' && c != '%' && c != 0x7f)
			continue;
		dl_sendf(dl, "%.*s%%%02X", (int)(i - from), s + from, c);
		from = i + 1;
	}
	if (from < len)
		dl_sendf(dl, "%.*s", (int)(len - from), s + from);
}

/*
 * Requests to the agent: see ask_agent.h.
 */

#include "ask_agent.h"

#include "gateway/backend.h"

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

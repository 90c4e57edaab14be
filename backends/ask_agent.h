#ifndef POSTERN_ASK_AGENT_H
#define POSTERN_ASK_AGENT_H

/*
 * What the backends that ask the agent have in common (gateway/agent.h): one
 * request per recipient, one after another over one link.
 */

#include "gateway/backend.h"

#include <stddef.h>

/* Sends a request's first line, without its line end. */
typedef void ask_agent_head_fn(struct delivery *, const struct address *rcpt);

/* The state of such a backend; ask_agent_deliver() fills it in. */
struct ask_agent {
	size_t next; /* recipient that is being delivered */
	ask_agent_head_fn *head;
};

/* Delivers to each recipient once the recipients are agreed on. */
enum progress ask_agent_deliver(struct delivery *dl, ask_agent_head_fn *head);

/* Sends a value: %XX for the percent sign, blanks and control characters. */
void ask_agent_encode(struct delivery *dl, const char *s, size_t len);

#endif

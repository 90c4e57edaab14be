#ifndef POSTERN_ASK_AGENT_H
#define POSTERN_ASK_AGENT_H

/*
 * What the backends that ask the agent have in common (gateway/agent.h).
 */

#include <stddef.h>

struct delivery;

/* Sends a value: %XX for the percent sign, blanks and control characters. */
void ask_agent_encode(struct delivery *dl, const char *s, size_t len);

#endif

#ifndef POSTERN_RELAY_IMPL_H
#define POSTERN_RELAY_IMPL_H

/*
 * What is behind the opaque struct relay.  Private to relay.c,
 * delivery_attempt.c and delivery_show.c.
 */

#include <stddef.h>

#include "relay.h"

struct greets;
struct names;
struct servers;
struct verified;

struct relay {
	struct loop *loop;
	const struct backend_conf *backends;
	size_t count;
	struct pool **pools;   /* owned; NULL for backends without servers */
	struct greets *greets; /* owned */
	int agent_fd;
	const char *hostname;
	struct verified *verified; /* owned */
	struct names *names;	   /* owned; NULL without a resolver */
	struct caps *caps;	   /* borrowed, as the next; may be NULL */
	const struct servers *servers;
	struct relay_show show; /* wants is NULL: nobody looks */
};

#endif

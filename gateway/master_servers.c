/*
 * The master's part in the state of servers: the shared memory, which outlives
 * configurations, and whose slot in it is whose.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "log.h"
#include "master_priv.h"
#include "mem.h"
#include "servers.h"

int
servers_prepare(struct master *m)
{
	m->servers = servers_new();
	if (m->servers != NULL)
		return 0;
	log_event(LEVEL_ERROR, "no shared memory: %s", strerror(errno));
	return -1;
}

int
servers_enter(struct master *m, struct stats *stats, struct config *c)
{
	if (pool_enter_servers(
		m->servers, stats, c->backends, c->backend_count, master_now()))
		return 0;
	log_event(LEVEL_ERROR,
	    "more than %d servers and backends, those that still drain "
	    "included",
	    SERVERS_MAX);
	return -1;
}

void
servers_note(struct generation *g)
{
	const struct config *c = g->config;
	const struct backend_conf *bc = c->backends;
	size_t k;

	g->slots =
	    xcalloc(c->backend_count + c->server_count + 1, sizeof(*g->slots));
	for (; bc < c->backends + c->backend_count; bc++) {
		g->slots[g->slot_count++] = bc->index;
		for (k = 0; k < bc->server_count; k++)
			g->slots[g->slot_count++] = bc->servers[k].index;
	}
}

/* Memory with another layout knows nothing of an earlier program's. */
void
servers_leave(struct master *m, struct generation *g)
{
	bool known = g->config != NULL || servers_carried(m->servers);
	size_t i;

	for (i = 0; known && i < g->slot_count; i++)
		servers_give(m->servers, g->slots[i]);
	free(g->slots);
}

/*
 * The master's part in the state of servers: the shared memory, which outlives
 * configurations, and whose slot in it is whose.
 */

#include <errno.h>
#include <string.h>

#include "conf.h"
#include "log.h"
#include "master_priv.h"
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
servers_enter(struct master *m, struct config *c)
{
	if (pool_enter_servers(
		m->servers, c->backends, c->backend_count, master_now()))
		return 0;
	log_event(LEVEL_ERROR,
	    "more than %d servers and backends, those that still drain "
	    "included",
	    SERVERS_MAX);
	return -1;
}

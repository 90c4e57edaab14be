/*
 * The servers of backends: their slots in the shared memory, and what others
 * want to know of a backend's configuration.  See pool.h.
 */

#include <errno.h>
#include <stdio.h>

#include "pool.h"
#include "stats.h"

/* What another server did is nothing that this one had. */
static int
take(struct servers *s, struct stats *stats, const char *name,
    const char *address)
{
	int slot = servers_take(s, name, address);

	if (slot != -1 && stats != NULL && servers_is_new(s, (unsigned)slot))
		stats_clear_server(stats, (unsigned)slot);
	return slot;
}

bool
pool_enter_servers(struct servers *s, struct stats *stats,
    struct backend_conf *conf, size_t backend_count, int64_t now)
{
	char name[SERVERS_NAME_MAX];
	struct backend_conf *bc;
	struct server_conf *sc;
	size_t i, k;
	int slot;

	for (i = 0; i < backend_count; i++) {
		bc = &conf[i];
		bc->index = SERVERS_MAX;
		for (k = 0; k < bc->server_count; k++)
			bc->servers[k].index = SERVERS_MAX;
	}
	for (i = 0; i < backend_count; i++) {
		bc = &conf[i];
		if ((slot = take(s, stats, bc->name, "")) == -1)
			goto none;
		bc->index = (unsigned)slot;
		for (k = 0; k < bc->server_count; k++) {
			sc = &bc->servers[k];
			snprintf(
			    name, sizeof(name), "%s/%s", bc->name, sc->name);
			slot = take(s, stats, name, sc->address);
			if (slot == -1)
				goto none;
			sc->index = (unsigned)slot;
			servers_configure(s, sc->index, sc->drain, now);
		}
	}
	return true;
none:
	pool_leave_servers(s, conf, backend_count);
	return false;
}

void
pool_leave_servers(
    struct servers *s, const struct backend_conf *conf, size_t backend_count)
{
	size_t i, k;

	for (i = 0; i < backend_count; i++) {
		if (conf[i].index < SERVERS_MAX)
			servers_give(s, conf[i].index);
		for (k = 0; k < conf[i].server_count; k++)
			if (conf[i].servers[k].index < SERVERS_MAX)
				servers_give(s, conf[i].servers[k].index);
	}
}

struct servers_policy
pool_policy(const struct backend_conf *conf)
{
	return (struct servers_policy){
		.fall = conf->check.fall,
		.rise = conf->check.rise,
		.interval = conf->check.interval,
		.slow_start = conf->slow_start,
	};
}

const struct net_addr *
pool_source(const struct backend_conf *conf, const struct net_addr *a)
{
	if (a->ss.ss_family == AF_INET && conf->source4.len > 0)
		return &conf->source4;
	if (a->ss.ss_family == AF_INET6 && conf->source6.len > 0)
		return &conf->source6;
	return NULL;
}

bool
pool_is_our_trouble(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM ||
	    error == ENOBUFS || error == EADDRNOTAVAIL || error == EADDRINUSE;
}

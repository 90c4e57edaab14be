/*
 * What the admin process tells by itself, from the shared memory.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin.h"
#include "conf.h"
#include "control.h"
#include "fault.h"
#include "log.h"
#include "marks.h"
#include "pool.h"
#include "servers.h"
#include "stats.h"

#define LIST_SIZE 512

static const char *
level_name(int level)
{
	static const char *const names[] = {
		[LEVEL_ERROR] = "error",
		[LEVEL_WARN] = "warn",
		[LEVEL_INFO] = "info",
		[LEVEL_DEBUG] = "debug",
	};

	return names[level];
}

/* Names of those that are paused, with commas. */
static void
list_paused(const struct admin_start *start, char *buf, size_t size)
{
	const struct config *c = start->config;
	const char *name;
	size_t i, len = 0;

	buf[0] = '\0';
	for (i = 0; i < c->listener_count; i++) {
		name = c->listeners[i].name;
		if (marks_paused(start->marks, name) &&
		    len + strlen(name) + 2 < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%s",
			    len > 0 ? "," : "", name);
	}
}

void
admin_tell_status(
    const struct admin_start *start, unsigned silent, struct control_text *t)
{
	const struct config *c = start->config;
	const struct stats *s = start->stats;
	int level = marks_level(start->marks);
	char paused[LIST_SIZE];

	list_paused(start, paused, sizeof(paused));
	control_row(t);
	control_put(
	    t, "state", marks_stopping(start->marks) ? "stopping" : "running");
	control_put(t, "version", POSTERN_VERSION);
	control_put_number(t, "pid", start->master);
	control_put(t, "configuration", c->file);
	control_put_number(t, "workers", start->workers);
	control_put_number(t, "silent", silent);
	control_put_number(t, "sessions", stats_all_sessions(s));
	control_put_number(t, "probes", stats_counted(s, STATS_PROBES));
	control_put_number(t, "early", stats_counted(s, STATS_EARLY_TALKERS));
	control_put_number(
	    t, "proxymissing", stats_counted(s, STATS_PROXY_MISSING));
	control_put_number(
	    t, "proxyuntrusted", stats_counted(s, STATS_PROXY_UNTRUSTED));
	control_put(t, "level", level_name(level < 0 ? c->log.level : level));
	control_put(t, "configured", level_name(c->log.level));
	control_put(t, "paused", paused);
	control_row_end(t);
}

/* "tls-name=2 auth-refused=1": what was wrong with a server, and how often. */
static void
list_faults(const struct stats *s, unsigned server, char *buf, size_t size)
{
	size_t len = 0;
	int64_t n;
	int f;

	buf[0] = '\0';
	for (f = FAULT_NONE + 1; f < FAULTS && len + 1 < size; f++) {
		n = stats_sum(s, server, (enum stats_cell)(STATS_FAULT + f));
		if (n > 0)
			len += (size_t)snprintf(buf + len, size - len,
			    "%s%s=%" PRId64, len > 0 ? " " : "",
			    fault_name((enum fault)f), n);
	}
}

static void
tell_server(const struct admin_start *start, const struct backend_conf *bc,
    const struct server_conf *sc, int64_t now, struct control_text *t)
{
	struct servers_policy policy = pool_policy(bc);
	struct servers_status st;
	struct stats *s = start->stats;
	char faults[LIST_SIZE];

	if (!servers_status(start->servers, sc->index, &policy, now, &st))
		return;
	control_row(t);
	control_put(t, "server", st.name);
	control_put(t, "address", st.address);
	control_put(t, "state", servers_state_name(st.state));
	control_put_ms(t, "for", st.since == 0 ? -1 : now - st.since);
	control_put_number(t, "links", stats_sum(s, sc->index, STATS_LINKS));
	control_put_number(t, "idle", stats_sum(s, sc->index, STATS_IDLE));
	control_put_number(
	    t, "waiting", stats_sum(s, bc->index, STATS_WAITING));
	control_put_number(t, "waited", stats_sum(s, bc->index, STATS_WAITED));
	control_put_number(t, "opened", stats_sum(s, sc->index, STATS_OPENED));
	control_put_number(t, "reused", stats_sum(s, sc->index, STATS_REUSED));
	control_put_number(t, "failed", stats_sum(s, sc->index, STATS_FAILED));
	control_put_number(
	    t, "discarded", stats_sum(s, sc->index, STATS_DISCARDED));
	control_put_number(t, "failures", st.failures);
	list_faults(s, sc->index, faults, sizeof(faults));
	control_put(t, "faults", faults);
	control_put(t, "why", st.state == SERVERS_DOWN ? st.why : "");
	control_row_end(t);
}

void
admin_tell_backends(
    const struct admin_start *start, int64_t now, struct control_text *t)
{
	const struct config *c = start->config;
	size_t i, k;

	for (i = 0; i < c->backend_count; i++)
		for (k = 0; k < c->backends[i].server_count; k++)
			tell_server(start, &c->backends[i],
			    &c->backends[i].servers[k], now, t);
}

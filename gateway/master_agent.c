/*
 * The agent's configuration, and its sockets.
 */

#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "agent_program.h"
#include "agent_quarantine.h"
#include "backend.h"
#include "chain.h"
#include "conf.h"
#include "log.h"
#include "master_priv.h"
#include "mem.h"

static bool needs_agent(const struct config *);
static void add_quarantines(struct agent_conf *, const struct config *);

void
agent_configure(struct agent_conf *conf, const struct config *c)
{
	const struct backend_conf *bc;
	struct agent_program *p;
	size_t i;

	add_quarantines(conf, c);
	conf->directory = c->spool.directory;
	conf->program_count = 0;
	conf->programs = xcalloc(c->backend_count + 1, sizeof(*conf->programs));
	for (i = 0; i < c->backend_count; i++) {
		bc = &c->backends[i];
		if (bc->type->program == NULL)
			continue;
		p = &conf->programs[conf->program_count++];
		p->name = bc->name;
		bc->type->program(bc->conf, &p->program);
	}
}

static void
add_quarantines(struct agent_conf *conf, const struct config *c)
{
	const struct filter_instance *fi = c->filters;
	struct agent_quarantine *q;

	conf->quarantine_count = 0;
	conf->quarantines =
	    xcalloc(c->filter_count + 1, sizeof(*conf->quarantines));
	for (; fi < c->filters + c->filter_count; fi++) {
		if (fi->type->directory == NULL)
			continue;
		q = &conf->quarantines[conf->quarantine_count++];
		q->name = fi->name;
		q->directory = fi->type->directory(fi->conf);
	}
}

/* Each configuration has its own agent, which knows the programs that it may
 * run from its start; one of before ends with the last worker that has its
 * socket. */
int
agent_prepare(struct master *m, const struct config *c)
{
	if (!needs_agent(c))
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, m->agent_fds) == -1 ||
	    net_nonblock(m->agent_fds[0]) == -1 ||
	    net_cloexec(m->agent_fds[0]) == -1 ||
	    net_cloexec(m->agent_fds[1]) == -1) {
		log_event(LEVEL_ERROR, "no sockets for the agent: %s",
		    strerror(errno));
		agent_forget(m);
		return -1;
	}
	m->agent.restart_at = master_now();
	return 0;
}

void
agent_forget(struct master *m)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (m->agent_fds[i] != -1)
			close(m->agent_fds[i]);
		m->agent_fds[i] = -1;
	}
	m->agent.restart_at = 0;
}

static bool
needs_agent(const struct config *c)
{
	size_t i;

	for (i = 0; i < c->backend_count; i++)
		if (c->backends[i].type->link == BACKEND_AGENT)
			return true;
	for (i = 0; i < c->filter_count; i++)
		if (c->filters[i].type->directory != NULL)
			return true;
	return false;
}

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
static bool same_work(const struct config *, const struct config *);
static void add_quarantines(struct agent_conf *, const struct config *);
static bool same_quarantine(
    const struct agent_quarantine *, const struct agent_quarantine *);
static bool same_program(
    const struct agent_program *, const struct agent_program *);

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

/* An agent knows from its start what it may run, and the quarantines that it
 * may write.  For others there is a new one; the old one ends with the last
 * worker that has its socket. */
int
agent_prepare(
    struct master *m, const struct config *old, const struct config *c)
{
	if (!needs_agent(c) ||
	    (m->agent_fds[0] != -1 && (old == NULL || same_work(old, c))))
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, m->agent_next) == -1 ||
	    net_nonblock(m->agent_next[0]) == -1 ||
	    net_cloexec(m->agent_next[0]) == -1 ||
	    net_cloexec(m->agent_next[1]) == -1) {
		log_event(LEVEL_ERROR, "no sockets for the agent: %s",
		    strerror(errno));
		agent_forget(m);
		return -1;
	}
	return 0;
}

void
agent_forget(struct master *m)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (m->agent_next[i] != -1)
			close(m->agent_next[i]);
		m->agent_next[i] = -1;
	}
}

void
agent_switch(struct master *m)
{
	int i;

	if (m->agent_next[0] == -1)
		return;
	for (i = 0; i < 2; i++) {
		if (m->agent_fds[i] != -1)
			close(m->agent_fds[i]);
		m->agent_fds[i] = m->agent_next[i];
		m->agent_next[i] = -1;
	}
	memset(&m->agent, 0, sizeof(m->agent));
	m->agent.restart_at = master_now();
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

static bool
same_work(const struct config *old, const struct config *c)
{
	struct agent_conf a, b;
	bool same;
	size_t i;

	agent_configure(&a, old);
	agent_configure(&b, c);
	same = a.program_count == b.program_count;
	for (i = 0; same && i < a.program_count; i++)
		same = same_program(&a.programs[i], &b.programs[i]);
	same = same && a.quarantine_count == b.quarantine_count;
	for (i = 0; same && i < a.quarantine_count; i++)
		same = same_quarantine(&a.quarantines[i], &b.quarantines[i]);
	free(a.programs);
	free(b.programs);
	free(a.quarantines);
	free(b.quarantines);
	return same;
}

static bool
same_program(const struct agent_program *a, const struct agent_program *b)
{
	const struct backend_program *x = &a->program, *y = &b->program;
	size_t i;

	if (strcmp(a->name, b->name) != 0 || strcmp(x->path, y->path) != 0 ||
	    x->argument_count != y->argument_count ||
	    x->processes != y->processes || x->timeout != y->timeout)
		return false;
	for (i = 0; i < x->argument_count; i++)
		if (strcmp(x->arguments[i], y->arguments[i]) != 0)
			return false;
	return true;
}

static bool
same_quarantine(
    const struct agent_quarantine *a, const struct agent_quarantine *b)
{
	return strcmp(a->name, b->name) == 0 &&
	    strcmp(a->directory, b->directory) == 0;
}

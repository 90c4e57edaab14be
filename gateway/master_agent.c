/*
 * The agent of a generation: its configuration, its sockets, its life.
 */

#include <sys/socket.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
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

#define AGENT_END_MS 10000 /* behind the last worker */

static bool needs_agent(const struct config *);
static void add_quarantines(struct agent_conf *, const struct config *);

/* What it has to know; the programs are to be freed. */
static void
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

/* Each generation has its own, which knows from its start the programs that it
 * may run and the quarantines that it may write. */
int
agent_prepare(const struct config *c, int fds_r[2])
{
	fds_r[0] = fds_r[1] = -1;
	if (!needs_agent(c))
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds_r) == -1 ||
	    net_nonblock(fds_r[0]) == -1 || net_cloexec(fds_r[0]) == -1 ||
	    net_cloexec(fds_r[1]) == -1) {
		log_event(LEVEL_ERROR, "no sockets for the agent: %s",
		    strerror(errno));
		agent_drop(fds_r);
		return -1;
	}
	return 0;
}

void
agent_give(struct generation *g, const int fds[2])
{
	memcpy(g->agent_fds, fds, sizeof(g->agent_fds));
	if (fds[0] != -1)
		g->agent.restart_at = master_now();
}

void
agent_drop(int fds[2])
{
	int i;

	for (i = 0; i < 2; i++) {
		if (fds[i] != -1)
			close(fds[i]);
		fds[i] = -1;
	}
}

void
agent_forget(const struct master *m, const struct generation *own)
{
	const struct generation *g;
	int i;

	TAILQ_FOREACH (g, &m->generations, entry)
		for (i = 0; i < 2; i++)
			if (g->agent_fds[i] != -1 && (g != own || i == 1))
				close(g->agent_fds[i]);
}

static void
run_agent(struct master *m, struct generation *g)
{
	const struct config *c = g->config;
	int code = EX_NOPERM, own = g->agent_fds[1];
	struct agent_conf conf;
	struct listen_socket *s;
	sigset_t none;

	g->agent_fds[1] = -1;
	child_begin(m, "agent");
	agent_forget(m, NULL); /* their end is the end of all workers */
	close(m->life_fds[0]);
	checkers_forget(m, NULL);
	control_forget(m, NULL);
	child_forget_secrets(c);
	child_forget_keys(m, false);
	TAILQ_FOREACH (s, &m->sockets, entry)
		close(s->fd);
	agent_configure(&conf, c);
	if (child_confined(
		c, conf.program_count > 0 ? PRIV_RUNNER : PRIV_AGENT)) {
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		code = agent_run(own, &conf);
	}
	log_flush();
	exit(code);
}

void
agent_start(struct master *m, struct generation *g)
{
	if (g->agent.restart_at != 0 && g->agent.restart_at <= master_now() &&
	    child_start(&g->agent, "agent") == 0)
		run_agent(m, g);
}

/* It is needed by workers that drain, too; but an earlier program's can not be
 * started again. */
bool
agent_died(struct generation *g, pid_t pid, int status)
{
	bool ends = g->agent_fds[0] == -1;

	if (g->agent.pid == 0 || g->agent.pid != pid)
		return false;
	child_log_death("agent", pid, status, ends);
	g->agent.pid = 0;
	if (!ends)
		child_plan_restart(&g->agent);
	return true;
}

bool
agent_ends(struct generation *g)
{
	agent_drop(g->agent_fds);
	g->agent.restart_at = 0;
	if (g->agent.pid == 0)
		return false;
	if (g->agent_due == 0)
		g->agent_due = master_now() + AGENT_END_MS;
	else if (g->agent_due <= master_now())
		(void)kill(g->agent.pid, SIGKILL);
	return true;
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

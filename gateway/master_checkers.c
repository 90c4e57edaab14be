/*
 * The master's checkers (checker.h): processes of a generation that compare
 * passwords with hashes.  They have the configuration as it was when the
 * generation began, and end when its last worker has ended.
 */

#include <sys/socket.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "checker.h"
#include "conf.h"
#include "filter.h"
#include "log.h"
#include "master_priv.h"
#include "mem.h"
#include "priv.h"

#define CHECKERS_MAX 8 /* else as many as there are processors */

static bool
are_needed(const struct config *c)
{
	size_t i;

	for (i = 0; i < c->filter_count; i++)
		if (c->filters[i].type->check != NULL)
			return true;
	return false;
}

/* Without a socket logins are put off; everything else works. */
void
checkers_prepare(struct generation *g)
{
	unsigned i, n = priv_processors();

	g->checker_fds[0] = g->checker_fds[1] = -1;
	if (!are_needed(g->config))
		return;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, g->checker_fds) == -1 ||
	    net_nonblock(g->checker_fds[0]) == -1 ||
	    net_cloexec(g->checker_fds[0]) == -1 ||
	    net_cloexec(g->checker_fds[1]) == -1) {
		log_event(LEVEL_ERROR, "no sockets for checkers: %s",
		    strerror(errno));
		return;
	}
	g->checker_count = n < CHECKERS_MAX ? n : CHECKERS_MAX;
	g->checkers = xcalloc(g->checker_count, sizeof(*g->checkers));
	for (i = 0; i < g->checker_count; i++)
		g->checkers[i].restart_at = master_now();
}

void
checkers_forget(const struct master *m, const struct generation *own)
{
	const struct generation *g;
	int i;

	TAILQ_FOREACH (g, &m->generations, entry)
		for (i = 0; i < 2 && g != own; i++)
			if (g->checker_fds[i] != -1)
				close(g->checker_fds[i]);
}

static void
run_checker(struct master *m, struct generation *g)
{
	const struct config *c = g->config;
	struct listen_socket *s;
	int code = EX_NOPERM;
	sigset_t none;

	child_begin(m, "checker");
	checkers_forget(m, g);
	control_forget(m, NULL);
	child_forget_keys(m, false);
	close(g->checker_fds[0]); /* its end is the end of all workers */
	close(m->life_fds[0]);
	agent_forget(m, NULL);
	TAILQ_FOREACH (s, &m->sockets, entry)
		close(s->fd);
	if (child_confined(c, PRIV_CHECKER)) {
		/* After a rotation it could not open a file again. */
		log_close();
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		code =
		    checker_run(g->checker_fds[1], c->filters, c->filter_count);
	}
	log_flush();
	exit(code);
}

void
checkers_start(struct master *m, struct generation *g)
{
	int64_t now = master_now();
	unsigned i;

	for (i = 0; i < g->checker_count; i++)
		if (g->checkers[i].restart_at != 0 &&
		    g->checkers[i].restart_at <= now &&
		    child_start(&g->checkers[i], "checker") == 0)
			run_checker(m, g);
}

bool
checkers_died(struct generation *g, pid_t pid, int status)
{
	unsigned i;

	for (i = 0; i < g->checker_count; i++) {
		if (g->checkers[i].pid != pid)
			continue;
		child_log_death(
		    "checker", pid, status, g->stage != STAGE_RUNNING);
		g->checkers[i].pid = 0;
		if (g->stage == STAGE_RUNNING)
			child_plan_restart(&g->checkers[i]);
		return true;
	}
	return false;
}

void
checkers_free(struct generation *g)
{
	int i;

	for (i = 0; i < 2; i++)
		if (g->checker_fds[i] != -1)
			close(g->checker_fds[i]);
	free(g->checkers);
}

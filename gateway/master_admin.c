/*
 * The master's part in the admin process.
 */

#include <signal.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "admin.h"
#include "checks.h"
#include "conf.h"
#include "log.h"
#include "master_priv.h"
#include "mem.h"
#include "priv.h"

bool
admin_wanted(const struct config *c)
{
	return checks_wanted(c->backends, c->backend_count) ||
	    c->admin.control != NULL;
}

/* The ends of the ways to all workers; their own ends are closed, so that the
 * end of a worker that is not started again is seen. */
static void
take_workers(const struct master *m, struct admin_start *s)
{
	const struct generation *g;
	unsigned i, n = 0;

	TAILQ_FOREACH (g, &m->generations, entry)
		n += g->count;
	s->worker_fds = xcalloc(n + 1, sizeof(*s->worker_fds));
	TAILQ_FOREACH (g, &m->generations, entry)
		for (i = 0; i < g->count; i++) {
			const int *fds = g->workers[i].control_fds;

			if (fds[1] == -1)
				continue;
			if (fds[0] != -1)
				close(fds[0]);
			s->worker_fds[s->worker_count++] = fds[1];
		}
}

void
admin_start(struct master *m, struct generation *g)
{
	struct admin_start start = {
		.config = g->config,
		.servers = m->servers,
		.caps = m->caps,
		.stats = g->columns->stats,
		.marks = m->marks,
		.master_fd = m->life_fds[0],
		.control_fd = m->control.fd,
		.reload_fd = m->reload_fds[1],
		.workers = g->count,
		.master = getpid(),
	};
	struct listen_socket *s;

	if (child_start(&g->admin, "admin") != 0)
		return;
	child_begin(m, "admin");
	TAILQ_FOREACH (s, &m->sockets, entry)
		close(s->fd);
	agent_forget(m, NULL);
	checkers_forget(m, NULL);
	take_workers(m, &start);
	close(m->reload_fds[0]);
	if (m->caller_fd != -1)
		close(m->caller_fd);
	child_forget_secrets(g->config);
	child_forget_keys(m, true);
	if (!child_confined(g->config, PRIV_WORKER)) {
		log_flush();
		exit(EX_NOPERM);
	}
	exit(admin_run(&start));
}

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
#include "priv.h"

bool
admin_wanted(const struct config *c)
{
	return checks_wanted(c->backends, c->backend_count);
}

void
admin_start(struct master *m, struct generation *g)
{
	const struct admin_start start = {
		.config = g->config,
		.servers = m->servers,
		.caps = m->caps,
		.master_fd = m->life_fds[0],
	};
	struct listen_socket *s;
	int i;

	if (child_start(&g->admin, "admin") != 0)
		return;
	child_begin(m, "admin");
	TAILQ_FOREACH (s, &m->sockets, entry)
		close(s->fd);
	for (i = 0; i < 2; i++)
		if (m->agent_fds[i] != -1)
			close(m->agent_fds[i]);
	checkers_forget(m, NULL);
	child_forget_secrets(g->config);
	if (!child_confined(g->config, PRIV_WORKER)) {
		log_flush();
		exit(EX_NOPERM);
	}
	exit(admin_run(&start));
}

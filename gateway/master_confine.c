/*
 * What a child gives up before it looks at anything from the network.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backend.h"
#include "compat.h"
#include "conf.h"
#include "log.h"
#include "master_priv.h"
#include "mem.h"
#include "shared.h"
#include "tls_conf.h"

static char *directory_of(const char *);

void
child_forget_keys(const struct master *m, bool to_servers)
{
	const struct generation *g;
	struct backend_conf *bc;
	size_t i;

	/* Only here: nobody else loses them. */
	shared_free(m->tickets);
	TAILQ_FOREACH (g, &m->generations, entry) {
		if (g->config == NULL)
			continue;
		for (i = 0; i < g->config->tls_count; i++)
			tls_unload(&g->config->tls[i]);
		for (i = 0; !to_servers && i < g->config->backend_count; i++) {
			bc = &g->config->backends[i];
			link_tls_unload(&bc->tls);
			if (bc->auth.secret == NULL)
				continue;
			compat_wipe((char *)(uintptr_t)bc->auth.secret,
			    strlen(bc->auth.secret));
			bc->auth.secret = NULL;
		}
	}
}

/* The tables of time zones are read now: there are none in a chroot. */
bool
child_confined(const struct config *c, enum priv_role role)
{
	bool is_agent = role == PRIV_AGENT || role == PRIV_RUNNER;
	const char *root = is_agent ? NULL : c->chroot;
	const char *writable[2];
	char *log_directory = NULL;
	size_t count = 0;
	bool ok;

	tzset();
	if ((role == PRIV_RUNNER ? priv_become(c->user, root)
				 : priv_drop(c->user, root)) == -1)
		return false;
	if (c->spool.directory != NULL)
		writable[count++] = c->spool.directory;
	if (c->log.to == LOG_TO_FILE && c->log.path != NULL)
		writable[count++] = log_directory = directory_of(c->log.path);
	ok = priv_confine(role, writable, count) == 0;
	free(log_directory);
	return ok;
}

static char *
directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *copy;

	if (slash == NULL)
		return xstrdup(".");
	copy = xstrdup(path);
	copy[slash == path ? 1 : slash - path] = '\0';
	return copy;
}

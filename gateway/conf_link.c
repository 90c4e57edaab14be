/*
 * What a backend's tls and auth sections mean.  Keys and the secret are read
 * here, so that "posternd -n" finds what is wrong with them.
 */

#include <string.h>

#include "backend.h"
#include "compat.h"
#include "conf_tree.h"

static void check_tls(
    struct conf_reader *, const struct conf_block *, struct backend_conf *);
static void check_names(struct conf_reader *, const struct conf_block *,
    const struct backend_conf *);
static void check_auth(
    struct conf_reader *, const struct conf_block *, struct backend_conf *);
static void check_identify(
    struct conf_reader *, const struct conf_block *, struct backend_conf *);

void
conf_check_link(
    struct conf_reader *r, const struct conf_block *b, struct backend_conf *bc)
{
	check_tls(r, conf_next(b, "tls", NULL), bc);
	check_auth(r, conf_next(b, "auth", NULL), bc);
	check_identify(r, b, bc);
}

static void
check_tls(
    struct conf_reader *r, const struct conf_block *b, struct backend_conf *bc)
{
	const char *option;
	char why[400];

	if (b == NULL)
		return;
	check_names(r, b, bc);
	if (link_tls_load(&bc->tls, &option, why, sizeof(why)) == -1)
		conf_complain(r, conf_line(b, option),
		    "tls of backend '%s': %s", bc->name, why);
}

/* A path has no name that could stand in a certificate. */
static void
check_names(struct conf_reader *r, const struct conf_block *b,
    const struct backend_conf *bc)
{
	size_t i;

	if (bc->tls.name != NULL && bc->tls.name[0] == '\0')
		conf_complain(r, conf_line(b, "name"), "name is empty");
	if (bc->tls.name != NULL || !link_tls_checks_name(&bc->tls))
		return;
	for (i = 0; i < bc->server_count; i++)
		if (bc->servers[i].address != NULL &&
		    bc->servers[i].host == NULL) {
			conf_complain(r, b->line,
			    "tls of backend '%s' needs name, because server "
			    "'%s' is a path",
			    bc->name, bc->servers[i].name);
			return;
		}
}

static void
check_auth(
    struct conf_reader *r, const struct conf_block *b, struct backend_conf *bc)
{
	const char *option;
	char why[400];

	if (b == NULL || bc->auth.user == NULL || bc->auth.secret_file == NULL)
		return; /* which is said already */
	if (link_auth_load(&bc->auth, r->arena, &option, why, sizeof(why)) ==
	    -1)
		conf_complain(r, conf_line(b, option),
		    "auth of backend '%s': %s", bc->name, why);
	if (bc->tls.mode == LINK_TLS_OFF && !bc->auth.clear)
		conf_complain(r, b->line,
		    "auth of backend '%s' would send the password without TLS; "
		    "give the backend a tls section, or auth clear = yes",
		    bc->name);
}

/* A PROXY header speaks for a whole connection, and so for one client. */
static void
check_identify(
    struct conf_reader *r, const struct conf_block *b, struct backend_conf *bc)
{
	static const char *const pooling[] = { "min", "idle", "idle-timeout",
		"max-age", "max-uses" };
	const struct conf_block *pool = conf_next(b, "pool", NULL);
	size_t i;

	if (bc->identify != DL_IDENTIFY_PROXY_V1 &&
	    bc->identify != DL_IDENTIFY_PROXY_V2)
		return;
	for (i = 0; pool != NULL && i < nitems(pooling); i++)
		if (conf_item(pool, pooling[i]) != NULL)
			conf_complain(r, conf_line(pool, pooling[i]),
			    "identify = proxy-v%d makes a connection for each "
			    "message, so there is no pool with %s",
			    bc->identify == DL_IDENTIFY_PROXY_V1 ? 1 : 2,
			    pooling[i]);
	bc->pool.idle = 0;
	bc->pool.max_uses = 1;
}

/*
 * What the servers of a backend mean together.
 */

#include <sys/socket.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "conf_tree.h"
#include "servers.h"

#define LIMIT (sizeof(uint32_t) * CHAR_BIT) /* bits of struct pool_wait */

static void check_same(struct conf_reader *, const struct conf_block *,
    const struct backend_conf *);
static void check_roles(struct conf_reader *, const struct conf_block *,
    const struct backend_conf *);
static void check_alone(struct conf_reader *, const struct conf_block *,
    const struct backend_conf *);
static void check_pool(struct conf_reader *, const struct conf_block *,
    const struct backend_conf *);
static void check_source(
    struct conf_reader *, const struct conf_block *, struct backend_conf *);
static bool set_source(struct backend_conf *, const char *);
static bool is_ours(const struct net_addr *);

void
conf_check_servers(
    struct conf_reader *r, const struct conf_block *b, struct backend_conf *bc)
{
	size_t addresses = 0, i;

	if (bc->server_count == 0) {
		conf_needs(r, b, "server");
		return;
	}
	for (i = 0; i < bc->server_count; i++)
		addresses += (size_t)(bc->servers[i].addr_count > 0
			? bc->servers[i].addr_count
			: 0);
	if (bc->server_count > LIMIT)
		conf_complain(r, b->line,
		    "backend '%s' has more than %zu servers", bc->name, LIMIT);
	else if (addresses > LIMIT)
		conf_warn(r, b->line,
		    "the servers of backend '%s' have %zu addresses; the first "
		    "%zu are used",
		    bc->name, addresses, LIMIT);
	check_same(r, b, bc);
	check_roles(r, b, bc);
	check_alone(r, b, bc);
	check_pool(r, b, bc);
	check_source(r, b, bc);
}

static void
check_same(struct conf_reader *r, const struct conf_block *b,
    const struct backend_conf *bc)
{
	const struct server_conf *sc = bc->servers;
	const struct conf_block *sb = NULL;
	size_t i, k;

	for (i = 0; (sb = conf_next(b, "server", sb)) != NULL; i++) {
		if (strlen(bc->name) + strlen(sc[i].name) + 2 >
		    SERVERS_NAME_MAX)
			conf_complain(r, sb->line,
			    "the names of backend and server are too long");
		for (k = 0; k < i && sc[i].address != NULL; k++)
			if (sc[k].address != NULL &&
			    strcmp(sc[i].address, sc[k].address) == 0) {
				conf_complain(r, conf_line(sb, "address"),
				    "address \"%s\" is that of server '%s' "
				    "already",
				    sc[i].address, sc[k].name);
				break;
			}
	}
}

static void
check_roles(struct conf_reader *r, const struct conf_block *b,
    const struct backend_conf *bc)
{
	size_t i, backups = 0, drained = 0;

	for (i = 0; i < bc->server_count; i++) {
		backups += bc->servers[i].backup;
		drained += bc->servers[i].drain;
	}
	if (backups == bc->server_count)
		conf_complain(r, b->line,
		    "backend '%s' has backup servers only", bc->name);
	if (drained == bc->server_count)
		conf_warn(r, b->line,
		    "all servers of backend '%s' are drained: its mail is "
		    "deferred",
		    bc->name);
}

/* Options that choose between servers. */
static void
check_alone(struct conf_reader *r, const struct conf_block *b,
    const struct backend_conf *bc)
{
	const struct conf_block *sb = conf_next(b, "server", NULL);

	if (bc->server_count > 1)
		return;
	if (conf_item(b, "balance") != NULL)
		conf_warn(r, conf_line(b, "balance"),
		    "balance says nothing with one server");
	if (conf_item(sb, "weight") != NULL)
		conf_warn(r, conf_line(sb, "weight"),
		    "weight says nothing with one server");
}

static void
check_pool(struct conf_reader *r, const struct conf_block *b,
    const struct backend_conf *bc)
{
	const struct conf_block *pool = conf_next(b, "pool", NULL);

	if (pool != NULL && bc->pool.min > bc->pool.max)
		conf_complain(r,
		    conf_line(
			pool, conf_item(pool, "min") != NULL ? "min" : "max"),
		    "min must not be more than max");
}

static void
check_source(
    struct conf_reader *r, const struct conf_block *b, struct backend_conf *bc)
{
	const struct opt_list *names = &bc->source_names;
	int line = conf_line(b, "source");
	size_t i;

	for (i = 0; i < names->count; i++)
		if (!set_source(bc, names->list[i]))
			conf_complain(r, line,
			    "source \"%s\" is no address, or not the first "
			    "one of its family",
			    names->list[i]);
	if (bc->source4.len > 0 && !is_ours(&bc->source4))
		conf_warn(r, line,
		    "the IPv4 source is no address of this "
		    "machine");
	if (bc->source6.len > 0 && !is_ours(&bc->source6))
		conf_warn(r, line,
		    "the IPv6 source is no address of this "
		    "machine");
}

static bool
set_source(struct backend_conf *bc, const char *text)
{
	bool v6 = strchr(text, ':') != NULL;
	struct net_addr *to = v6 ? &bc->source6 : &bc->source4;
	char address[NET_TEXT_MAX];
	const char *err;

	snprintf(address, sizeof(address), v6 ? "[%s]:0" : "%s:0", text);
	return to->len == 0 && strncmp(text, "unix", 4) != 0 &&
	    net_parse(address, to, &err) == 0 && to->ss.ss_family != AF_UNIX;
}

static bool
is_ours(const struct net_addr *a)
{
	int fd = socket(a->ss.ss_family, SOCK_STREAM, 0);
	bool ours;

	if (fd == -1)
		return false;
	ours = bind(fd, (const struct sockaddr *)&a->ss, a->len) == 0;
	close(fd);
	return ours;
}

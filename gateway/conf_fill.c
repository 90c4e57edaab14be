/*
 * From what was written to struct config, by the modules' option tables.
 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "compat.h"
#include "conf_tree.h"
#include "filter.h"

#define HOSTNAME_SIZE 256
#define PARTS_MAX 4

struct part { /* of a section: what fills which struct */
	const struct opt *table;
	void *base;
};

static void fill_globals(struct conf_reader *);
static void fill_log(struct conf_reader *);
static void fill_filters(struct conf_reader *);
static void fill_backends(struct conf_reader *);
static void fill_backend(
    struct conf_reader *, const struct conf_block *, struct backend_conf *);
static void choose_protocol(
    struct conf_reader *, const struct conf_block *, struct backend_conf *);
static void fill_servers(
    struct conf_reader *, const struct conf_block *, struct backend_conf *);
static void fill_link(
    struct conf_reader *, const struct conf_block *, struct backend_conf *);
static const char *host_of(struct conf_reader *, const char *);
static void fill_server(
    struct conf_reader *, const struct conf_block *, struct server_conf *);
static void fill_tls(struct conf_reader *);
static void fill_listeners(struct conf_reader *);
static void fill_routes(struct conf_reader *);
static void fill_limits(
    struct conf_reader *, const struct conf_block *, struct listener_conf *);
static void fill_once(
    struct conf_reader *, const struct conf_block *, const char *, void *);
static void only_once(
    struct conf_reader *, const struct conf_block *, const struct conf_block *);
static void fill(struct conf_reader *, const struct conf_block *,
    const struct part *, size_t);
static void fill_item(struct conf_reader *, const struct conf_item *,
    const struct part *, size_t);
static const struct conf_section *section(
    const struct conf_section *, const char *);
static size_t count_blocks(const struct conf_block *, const char *);

void
conf_fill(struct conf_reader *r)
{
	fill_globals(r);
	fill_log(r);
	fill_once(r, &r->root, "limits", &r->config->limits);
	fill_once(r, &r->root, "spool", &r->config->spool);
	fill_once(r, &r->root, "resolver", &r->config->resolver);
	fill_once(r, &r->root, "admin", &r->config->admin);
	fill_filters(r);
	fill_backends(r);
	fill_tls(r);
	fill_listeners(r);
	fill_routes(r);
}

static void
fill_globals(struct conf_reader *r)
{
	const struct part parts[] = { { r->schema->tables[0], r->config } };
	char name[HOSTNAME_SIZE];

	fill(r, &r->root, parts, nitems(parts));
	if (r->config->hostname != NULL)
		return;
	if (gethostname(name, sizeof(name)) == -1)
		name[0] = '\0';
	name[sizeof(name) - 1] = '\0';
	r->config->hostname = arena_strndup(r->arena, name, strlen(name));
}

/* Where to log depends on -d when nobody said: that is for main.c. */
static void
fill_log(struct conf_reader *r)
{
	const struct conf_block *b = conf_next(&r->root, "log", NULL);
	struct log_conf *log = &r->config->log;

	fill_once(r, &r->root, "log", log);
	log->facility = conf_facility(log->facility);
	if (b == NULL || conf_item(b, "to") == NULL)
		log->to = -1;
}

static void
fill_filters(struct conf_reader *r)
{
	const struct conf_block *b;
	struct filter_instance *f;
	size_t count = 0;

	STAILQ_FOREACH (b, &r->root.blocks, entry)
		if (conf_filter_type(b) != NULL)
			count++;
	r->config->filters = f = arena_alloc(r->arena, count * sizeof(*f));
	STAILQ_FOREACH (b, &r->root.blocks, entry) {
		struct part parts[2] = { { chain_options, NULL },
			{ NULL, NULL } };

		if (conf_filter_type(b) == NULL)
			continue;
		f->type = conf_filter_type(b);
		f->name = b->title;
		f->conf = arena_alloc(r->arena, f->type->conf_size);
		parts[0].base = &f->chain;
		parts[1].table = f->type->options;
		parts[1].base = f->conf;
		fill(r, b, parts, f->type->options == NULL ? 1 : 2);
		if (f->type->timeout > 0 && conf_item(b, "timeout") == NULL)
			f->chain.timeout = f->type->timeout;
		f++;
	}
	r->config->filter_count = count;
}

static void
fill_backends(struct conf_reader *r)
{
	size_t count = count_blocks(&r->root, "backend");
	const struct conf_block *b = NULL;
	struct config *c = r->config;

	c->backends = arena_alloc(r->arena, count * sizeof(*c->backends));
	while ((b = conf_next(&r->root, "backend", b)) != NULL)
		fill_backend(r, b, &c->backends[c->backend_count++]);
}

static void
fill_backend(
    struct conf_reader *r, const struct conf_block *b, struct backend_conf *bc)
{
	/* In the table of all backend options, protocol is the first. */
	const struct opt *const *tables =
	    section(r->schema->sections, "backend")->tables;
	struct part parts[] = { { tables[0], bc }, { backend_options, bc },
		{ NULL, NULL } };
	const struct conf_item *it;

	bc->name = b->title;
	opt_defaults(tables[0], bc, r->arena);
	choose_protocol(r, b, bc);
	if (bc->type != NULL && bc->type->options != NULL) {
		parts[2].table = bc->type->options;
		parts[2].base = bc->conf;
	}
	fill(r, b, parts, parts[2].table == NULL ? 2 : 3);
	STAILQ_FOREACH (it, &b->items, entry)
		if (bc->type != NULL && opt_find(tables[0], it->name) == NULL &&
		    opt_find(backend_options, it->name) == NULL &&
		    (parts[2].table == NULL ||
			opt_find(parts[2].table, it->name) == NULL))
			conf_complain(r, it->line,
			    "option '%s' is not for protocol %s", it->name,
			    bc->type->name);
	fill_servers(r, b, bc);
	fill_once(r, b, "pool", &bc->pool);
	fill_once(r, b, "check", &bc->check);
	if (conf_next(b, "check", NULL) == NULL)
		bc->check.interval = 0; /* its fall is for deliveries, too */
	fill_link(r, b, bc);
}

/* Without its section there is none of it. */
static void
fill_link(
    struct conf_reader *r, const struct conf_block *b, struct backend_conf *bc)
{
	fill_once(r, b, "tls", &bc->tls);
	if (conf_next(b, "tls", NULL) == NULL)
		bc->tls.mode = LINK_TLS_OFF;
	fill_once(r, b, "auth", &bc->auth);
}

/* The other options depend on it.  What is wrong with it is said by fill(). */
static void
choose_protocol(
    struct conf_reader *r, const struct conf_block *b, struct backend_conf *bc)
{
	const struct conf_item *it = conf_item(b, "protocol");
	size_t i;

	if (it == NULL)
		return;
	for (i = 0; backends[i] != NULL; i++)
		if (strcmp(backends[i]->name, it->texts[0]) == 0)
			bc->type = backends[i];
	if (bc->type != NULL)
		bc->conf = arena_alloc(r->arena, bc->type->conf_size);
}

static void
fill_servers(
    struct conf_reader *r, const struct conf_block *b, struct backend_conf *bc)
{
	size_t count = count_blocks(b, "server");
	const struct conf_block *sb = NULL;
	struct server_conf *sc;

	bc->servers = arena_alloc(r->arena, count * sizeof(*bc->servers));
	while ((sb = conf_next(b, "server", sb)) != NULL) {
		sc = &bc->servers[bc->server_count++];
		r->config->server_count++;
		fill_server(r, sb, sc);
	}
}

static void
fill_server(
    struct conf_reader *r, const struct conf_block *b, struct server_conf *sc)
{
	const struct part parts[] = { { server_options, sc } };

	sc->name = b->title;
	sc->line = conf_line(b, "address");
	fill(r, b, parts, nitems(parts));
	if (sc->address == NULL)
		return;
	sc->host = host_of(r, sc->address);
	conf_fill_address(r, sc);
}

/* The host in an address with a port; NULL for a path. */
static const char *
host_of(struct conf_reader *r, const char *address)
{
	const char *colon = strrchr(address, ':');

	if (strncmp(address, "unix:", 5) == 0 || colon == NULL)
		return NULL;
	if (address[0] == '[' && colon > address + 2)
		return arena_strndup(
		    r->arena, address + 1, (size_t)(colon - address) - 2);
	return arena_strndup(r->arena, address, (size_t)(colon - address));
}

static void
fill_listeners(struct conf_reader *r)
{
	size_t count = count_blocks(&r->root, "listen");
	const struct conf_block *b = NULL;
	struct listener_conf *lc;

	r->config->listeners = lc = arena_alloc(r->arena, count * sizeof(*lc));
	r->config->listener_count = count;
	for (; (b = conf_next(&r->root, "listen", b)) != NULL; lc++) {
		const struct part parts[] = { { listener_options, lc } };

		lc->name = b->title;
		fill(r, b, parts, nitems(parts));
		fill_limits(r, b, lc);
	}
}

/* The global ones but for what its section says. */
static void
fill_limits(struct conf_reader *r, const struct conf_block *listener,
    struct listener_conf *lc)
{
	static const char *const of_clients[] = { "per-client", "rate",
		"message-rate", "auth-rate" };
	const struct conf_block *b = conf_next(listener, "limits", NULL);
	const struct part part = { limits_options, &lc->limits };
	const struct conf_item *it;
	size_t i;

	lc->limits = r->config->limits;
	lc->limits.connections = 0;
	if (b == NULL)
		return;
	STAILQ_FOREACH (it, &b->items, entry)
		fill_item(r, it, &part, 1);
	for (i = 0; i < nitems(of_clients); i++)
		if (conf_item(b, of_clients[i]) != NULL)
			lc->counts_apart = true;
	only_once(r, listener, b);
}

static void
fill_tls(struct conf_reader *r)
{
	size_t count = count_blocks(&r->root, "tls");
	const struct conf_block *b = NULL;
	struct tls_conf *tc;

	r->config->tls = tc = arena_alloc(r->arena, count * sizeof(*tc));
	r->config->tls_count = count;
	for (; (b = conf_next(&r->root, "tls", b)) != NULL; tc++) {
		const struct part parts[] = { { tls_options, tc } };

		tc->name = b->title;
		fill(r, b, parts, nitems(parts));
	}
}

static void
fill_routes(struct conf_reader *r)
{
	size_t count = count_blocks(&r->root, "route");
	const struct conf_block *b = NULL;
	struct route_conf *rc;

	r->config->routes = rc = arena_alloc(r->arena, count * sizeof(*rc));
	r->config->route_count = count;
	for (; (b = conf_next(&r->root, "route", b)) != NULL; rc++) {
		const struct part parts[] = { { route_options, rc } };

		rc->name = b->title;
		fill(r, b, parts, nitems(parts));
	}
}

/* A section without a title: defaults if it is not there. */
static void
fill_once(struct conf_reader *r, const struct conf_block *parent,
    const char *type, void *base)
{
	const struct conf_section *all = r->schema->sections;
	const struct conf_block *b = conf_next(parent, type, NULL);
	const struct opt *const *table;
	struct part parts[PARTS_MAX];
	size_t n = 0;

	if (parent != &r->root)
		all = section(all, parent->type)->sections;
	for (table = section(all, type)->tables;
	     *table != NULL && n < PARTS_MAX; table++) {
		parts[n].table = *table;
		parts[n++].base = base;
	}
	if (b == NULL) {
		while (n-- > 0)
			opt_defaults(parts[n].table, base, r->arena);
		return;
	}
	fill(r, b, parts, n);
	only_once(r, parent, b);
}

static void
only_once(struct conf_reader *r, const struct conf_block *parent,
    const struct conf_block *first)
{
	const struct conf_block *again = first;

	while ((again = conf_next(parent, first->type, again)) != NULL)
		conf_complain(r, again->line,
		    "section '%s' is given twice, first in line %d",
		    first->type, first->line);
}

static void
fill(struct conf_reader *r, const struct conf_block *b,
    const struct part *parts, size_t count)
{
	const struct conf_item *it;
	const struct opt *o;
	size_t i;

	for (i = 0; i < count; i++)
		opt_defaults(parts[i].table, parts[i].base, r->arena);
	STAILQ_FOREACH (it, &b->items, entry)
		fill_item(r, it, parts, count);
	for (i = 0; i < count; i++)
		for (o = parts[i].table; o->name != NULL; o++)
			if (o->required && conf_item(b, o->name) == NULL)
				conf_needs(r, b, o->name);
}

static void
fill_item(struct conf_reader *r, const struct conf_item *it,
    const struct part *parts, size_t count)
{
	const struct opt *o = NULL;
	char why[400] = "";
	size_t i;

	for (i = 0; i < count && o == NULL; i++)
		o = opt_find(parts[i].table, it->name);
	if (o == NULL)
		return;
	if (opt_set(o, parts[i - 1].base, r->arena, it->texts, it->count, why,
		sizeof(why)) == -1)
		conf_complain(r, it->line, "option '%s' %s", it->name, why);
}

static const struct conf_section *
section(const struct conf_section *list, const char *name)
{
	while (strcmp(list->name, name) != 0)
		list++;
	return list;
}

static size_t
count_blocks(const struct conf_block *parent, const char *type)
{
	const struct conf_block *b = NULL;
	size_t n = 0;

	while ((b = conf_next(parent, type, b)) != NULL)
		n++;
	return n;
}

/*
 * What the sections mean together: names that refer to others, and mistakes
 * that no single option shows.  Everything is reported in one run.
 */

#include <sys/stat.h>

#include <errno.h>
#include <pwd.h>
#include <string.h>

#include "backend.h"
#include "conf_tree.h"
#include "filter.h"
#include "smtp_parse.h"

#define RESERVE_PART 20	 /* of all connections, for unlimited clients */
#define GREETING_MAX 500 /* octets; a reply line has 512 */

static void check_titles(struct conf_reader *, const struct conf_block *);
static bool same_names(const struct conf_block *, const struct conf_block *);
static void check_globals(struct conf_reader *);
static void check_files(struct conf_reader *);
static void check_filters(struct conf_reader *);
static void prepare_filter(struct conf_reader *, const struct conf_block *,
    const struct filter_instance *);
static bool is_used(const struct config *, const struct filter_instance *);
static void check_backends(struct conf_reader *);
static void check_backend(
    struct conf_reader *, const struct conf_block *, struct backend_conf *);
static void check_links(
    struct conf_reader *, const struct conf_block *, struct backend_conf *);
static void check_listeners(struct conf_reader *);
static void check_listener(struct conf_reader *, const struct conf_block *,
    const struct listener_conf *);
static void check_addresses(struct conf_reader *, const struct conf_block *,
    const struct listener_conf *);
static void check_headers(struct conf_reader *, const struct conf_block *,
    const struct listener_conf *);
static void find_filters(
    struct conf_reader *, const struct conf_block *, struct listener_conf *);
static bool is_name(const char *);

void
conf_check(struct conf_reader *r)
{
	check_titles(r, &r->root);
	check_globals(r);
	check_files(r);
	conf_check_dns(r);
	conf_check_tls(r);
	check_listeners(r); /* before the filters: sees which are used */
	check_filters(r);
	conf_find_hosts(r);
	conf_check_routes(r);
	check_backends(r);
	conf_check_chroot(r);
	conf_check_control(r);
}

static void
check_titles(struct conf_reader *r, const struct conf_block *parent)
{
	const struct conf_block *b, *other;

	STAILQ_FOREACH (b, &parent->blocks, entry) {
		check_titles(r, b);
		if (b->title == NULL)
			continue;
		if (b->title[0] == '\0')
			conf_complain(r, b->line, "%s needs a name", b->type);
		STAILQ_FOREACH (other, &parent->blocks, entry) {
			if (other == b)
				break;
			if (!same_names(b, other))
				continue;
			conf_complain(r, b->line,
			    "%s '%s' has the name of another one, in line %d",
			    b->type, b->title, other->line);
			break;
		}
	}
}

/* Filters have one space of names, whatever their type. */
static bool
same_names(const struct conf_block *a, const struct conf_block *b)
{
	bool filters_both =
	    conf_filter_type(a) != NULL && conf_filter_type(b) != NULL;

	return b->title != NULL && strcmp(a->title, b->title) == 0 &&
	    (filters_both || strcmp(a->type, b->type) == 0);
}

static void
check_globals(struct conf_reader *r)
{
	const struct config *c = r->config;

	if (!is_name(c->hostname))
		conf_complain(r, conf_line(&r->root, "hostname"),
		    conf_item(&r->root, "hostname") != NULL
			? "hostname \"%s\" is not a domain"
			: "this machine's name \"%s\" is not a domain; set "
			  "hostname",
		    c->hostname);
	if (c->listener_count == 0)
		conf_complain(r, 0, "there is no listen section");
	if (c->route_count == 0)
		conf_warn(r, 0, "no route: every recipient will be refused");
}

/* What has to be there when the daemon starts, but perhaps not on the machine
 * where a configuration is only checked. */
static void
check_files(struct conf_reader *r)
{
	const struct conf_block *log = conf_next(&r->root, "log", NULL);
	const struct conf_block *spool = conf_next(&r->root, "spool", NULL);
	const struct config *c = r->config;
	struct stat st;

	if (c->log.to == LOG_TO_FILE && c->log.path == NULL)
		conf_needs(r, log, "path");
	if (c->user != NULL && getpwnam(c->user) == NULL)
		conf_warn(r, conf_line(&r->root, "user"),
		    "there is no user %s here: started by root, posternd "
		    "would refuse",
		    c->user);
	if (c->spool.directory == NULL || c->chroot != NULL)
		return; /* (conf_chroot.c) */
	errno = ENOTDIR;
	if (stat(c->spool.directory, &st) == -1 || !S_ISDIR(st.st_mode))
		conf_warn(r, spool != NULL ? conf_line(spool, "directory") : 0,
		    "spool directory %s: %s", c->spool.directory,
		    strerror(errno));
}

static void
check_filters(struct conf_reader *r)
{
	const struct filter_instance *f = r->config->filters;
	const struct conf_block *b;
	const char *why;

	STAILQ_FOREACH (b, &r->root.blocks, entry) {
		if (conf_filter_type(b) == NULL)
			continue;
		prepare_filter(r, b, f);
		conf_check_directory(r, b, f);
		if (f->type->warn != NULL &&
		    (why = f->type->warn(f->conf, f->chain.timeout)) != NULL)
			conf_warn(
			    r, b->line, "%s '%s': %s", b->type, b->title, why);
		if (!is_used(r->config, f))
			conf_warn(r, b->line,
			    "%s '%s' is not in the filters of any listen "
			    "section",
			    b->type, b->title);
		f++;
	}
}

/* An option that failed was complained of already, and is not there. */
static void
prepare_filter(struct conf_reader *r, const struct conf_block *b,
    const struct filter_instance *f)
{
	char say[300] = "";
	bool good;

	if (f->type->mechanisms != NULL && f->chain.observe)
		conf_complain(r, conf_line(b, "observe"),
		    "%s '%s' can not observe: it lets in or not", b->type,
		    b->title);
	if (f->type->must_choose && conf_item(b, "on-unknown") == NULL)
		conf_complain(r, b->line,
		    "%s '%s': say what is done when it can not be asked: "
		    "on-unknown = defer, reject or pass",
		    b->type, b->title);
	if (f->type->prepare == NULL)
		return;
	good = f->type->prepare(f->conf, say, sizeof(say));
	if (!good)
		conf_complain(
		    r, b->line, "%s '%s': %s", b->type, b->title, say);
	else if (say[0] != '\0')
		conf_warn(r, b->line, "%s '%s': %s", b->type, b->title, say);
}

static bool
is_used(const struct config *c, const struct filter_instance *f)
{
	size_t i, k;

	for (i = 0; i < c->listener_count; i++)
		for (k = 0; k < c->listeners[i].filter_count; k++)
			if (c->listeners[i].filters[k] == f)
				return true;
	return false;
}

static void
check_backends(struct conf_reader *r)
{
	struct backend_conf *bc = r->config->backends;
	const struct conf_block *b = NULL;

	while ((b = conf_next(&r->root, "backend", b)) != NULL)
		check_backend(r, b, bc++);
}

static void
check_backend(
    struct conf_reader *r, const struct conf_block *b, struct backend_conf *bc)
{
	const struct conf_block *pool = conf_next(b, "pool", NULL);
	const struct config *c = r->config;
	const char *why;
	size_t i;

	if (bc->type != NULL) {
		check_links(r, b, bc);
		conf_check_link(r, b, &r->config->backends[bc - c->backends]);
	}
	if (bc->type != NULL && bc->type->check != NULL &&
	    (why = bc->type->check(bc->conf)) != NULL)
		conf_complain(r, b->line, "backend '%s': %s", bc->name, why);
	if (bc->helo != NULL && !is_name(bc->helo) &&
	    !smtp_is_literal(bc->helo, strlen(bc->helo)))
		conf_complain(r, conf_line(b, "helo"),
		    "helo \"%s\" is neither a domain nor an address literal",
		    bc->helo);
	if (pool != NULL && conf_item(pool, "idle") != NULL &&
	    bc->pool.idle > bc->pool.max)
		conf_complain(r, conf_line(pool, "idle"),
		    "idle must not be more than max");
	for (i = 0; i < c->route_count; i++)
		if (c->routes[i].backend_name != NULL &&
		    strcmp(c->routes[i].backend_name, bc->name) == 0)
			return;
	conf_warn(
	    r, b->line, "backend '%s' is not used by any route", bc->name);
}

static void
check_links(
    struct conf_reader *r, const struct conf_block *b, struct backend_conf *bc)
{
	const struct conf_block *sub;

	if (bc->type->link == BACKEND_SERVER) {
		conf_check_servers(r, b, bc);
		return;
	}
	STAILQ_FOREACH (sub, &b->blocks, entry)
		conf_complain(r, sub->line,
		    "section '%s' is not for protocol %s", sub->type,
		    bc->type->name);
}

static void
check_listeners(struct conf_reader *r)
{
	struct listener_conf *lc = r->config->listeners;
	const struct conf_block *b = NULL;

	while ((b = conf_next(&r->root, "listen", b)) != NULL) {
		check_listener(r, b, lc);
		check_addresses(r, b, lc);
		conf_check_sockets(r, b, lc);
		find_filters(r, b, lc);
		conf_check_auth(r, b, lc);
		if (lc->unlimited.count > 0)
			r->config->limits.reserve =
			    r->config->limits.connections / RESERVE_PART;
		lc++;
	}
}

static void
check_listener(struct conf_reader *r, const struct conf_block *b,
    const struct listener_conf *lc)
{
	const char *p;

	if (lc->hostname != NULL && !is_name(lc->hostname))
		conf_complain(r, conf_line(b, "hostname"),
		    "hostname \"%s\" is not a domain", lc->hostname);
	for (p = lc->greeting; p != NULL && *p != '\0'; p++)
		if (*p < ' ' || *p > '~' || p - lc->greeting >= GREETING_MAX) {
			conf_complain(r, conf_line(b, "greeting"),
			    "greeting must be at most %d printable ASCII "
			    "characters",
			    GREETING_MAX);
			break;
		}
	if (conf_is_anybody(&lc->proxy_from))
		conf_warn(r, conf_line(b, "proxy-from"),
		    "proxy-from names every address: whoever connects may say "
		    "to be anybody");
	if (conf_is_anybody(&lc->xclient_from))
		conf_warn(r, conf_line(b, "xclient-from"),
		    "xclient-from names every address: whoever connects may "
		    "say to be anybody%s",
		    lc->xclient_login ? ", logged in as anybody" : "");
	check_headers(r, b, lc);
}

/* The id stands as a token in Authentication-Results (RFC 8601 2.2). */
static void
check_headers(struct conf_reader *r, const struct conf_block *b,
    const struct listener_conf *lc)
{
	const struct opt_list *names = &lc->strip_headers;
	const char *id = lc->authserv_id, *p = id;
	size_t i;

	while (p != NULL && *p > ' ' && *p <= '~' &&
	    strchr("()<>@,;:\\\"/[]?=", *p) == NULL)
		p++;
	if (p != NULL && (p == id || *p != '\0'))
		conf_complain(r, conf_line(b, "authserv-id"),
		    "authserv-id \"%s\" is not a plain word", id);
	for (i = 0; i < names->count; i++)
		if (!header_is_name(names->list[i]))
			conf_complain(r, conf_line(b, "strip-headers"),
			    "\"%s\" is not the name of a header field",
			    names->list[i]);
}

static void
check_addresses(struct conf_reader *r, const struct conf_block *b,
    const struct listener_conf *lc)
{
	const struct listener_conf *other;
	char text[NET_TEXT_MAX], text2[NET_TEXT_MAX];
	size_t i, k;

	if (lc->address.count == 0)
		conf_needs(r, b, "address");
	for (i = 0; i < lc->address.count; i++) {
		net_text(&lc->address.list[i], text, sizeof(text));
		for (other = r->config->listeners; other <= lc; other++)
			for (k = 0; k < other->address.count; k++) {
				if (other == lc && k >= i)
					break;
				net_text(&other->address.list[k], text2,
				    sizeof(text2));
				if (strcmp(text, text2) == 0)
					conf_complain(r,
					    conf_line(b, "address"),
					    "address %s belongs to listen "
					    "'%s' already",
					    text, other->name);
			}
	}
}

static void
find_filters(
    struct conf_reader *r, const struct conf_block *b, struct listener_conf *lc)
{
	const struct config *c = r->config;
	const struct filter_instance *fi;
	size_t i, k, n = lc->filter_names.count;
	int line = conf_line(b, "filters");

	/* One more, for auth. */
	lc->filters = arena_alloc(r->arena, (n + 1) * sizeof(*lc->filters));
	for (i = 0; i < n; i++) {
		const char *name = lc->filter_names.list[i];

		for (k = 0; k < i; k++)
			if (strcmp(lc->filter_names.list[k], name) == 0)
				break;
		if (k < i) {
			conf_complain(r, line,
			    "filter '%s' stands twice in filters", name);
			continue;
		}
		fi = conf_filter_named(c, name);
		if (fi == NULL)
			conf_complain(r, line, "there is no filter '%s'", name);
		else if (fi->type->mechanisms != NULL)
			conf_complain(r, line,
			    "filter '%s' authenticates: it belongs into auth, "
			    "not into filters",
			    name);
		else
			lc->filters[lc->filter_count++] = fi;
	}
}

const struct filter_instance *
conf_filter_named(const struct config *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->filter_count; i++)
		if (strcmp(c->filters[i].name, name) == 0)
			return &c->filters[i];
	return NULL;
}

static bool
is_name(const char *s)
{
	return smtp_is_domain(s, strlen(s), false);
}

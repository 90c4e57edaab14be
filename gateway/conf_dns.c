/*
 * The resolver section, and what names of servers mean.
 */

#include <ctype.h>
#include <string.h>

#include "conf_tree.h"
#include "dns.h"
#include "dns_hosts.h"
#include "dns_name.h"
#include "filter.h"
#include "loop.h"
#include "names.h"

void
conf_check_dns(struct conf_reader *r)
{
	const struct conf_block *b = conf_next(&r->root, "resolver", NULL);
	struct dns_conf *dc = &r->config->resolver;
	bool named = dns_conf_finish(dc);
	size_t i;

	if (b == NULL)
		return;
	/* Without the option it is a machine with a server of its own. */
	if (!named && conf_item(b, "resolv-conf") != NULL)
		conf_warn(r, conf_line(b, "resolv-conf"),
		    "no nameserver in %s: 127.0.0.1 will be asked",
		    dc->resolv_conf);
	if (dc->servers.count > DNS_SERVERS_MAX)
		conf_complain(r, conf_line(b, "servers"),
		    "more than %d servers", DNS_SERVERS_MAX);
	for (i = 0; i < dc->servers.count; i++)
		if (dc->servers.list[i].ss.ss_family == AF_UNIX)
			conf_complain(r, conf_line(b, "servers"),
			    "the DNS is not asked over unix sockets");
	if (dc->servers.count > 0 && conf_item(b, "resolv-conf") != NULL)
		conf_complain(r, conf_line(b, "resolv-conf"),
		    "resolv-conf says nothing beside servers");
	if (dc->settings.retry > dc->settings.timeout)
		conf_complain(r, conf_line(b, "retry"),
		    "retry must not be longer than timeout");
}

/* "192.0.2.300" is a mistake and no name (RFC 3696 2). */
static bool
is_number(const char *name)
{
	const char *dot = strrchr(name, '.');

	for (name = dot != NULL ? dot + 1 : name; *name != '\0'; name++)
		if (!isdigit((unsigned char)*name))
			return false;
	return true;
}

void
conf_fill_address(struct conf_reader *r, struct server_conf *sc)
{
	char host[DNS_NAME_SIZE * 4], name[DNS_NAME_SIZE];
	const char *why = NULL;
	int i, port = 0;

	if (net_parse(sc->address, &sc->addrs[0], &why) == 0) {
		sc->addr_count = 1;
		return;
	}
	if (sc->address[0] == '[' || strncmp(sc->address, "unix:", 5) == 0 ||
	    net_split(sc->address, host, sizeof(host), &port, &why) == -1 ||
	    !dns_name_ascii(host, name, sizeof(name)) || is_number(name)) {
		conf_complain(
		    r, sc->line, "address \"%s\": %s", sc->address, why);
		return;
	}
	sc->addr_count = dns_hosts_find(
	    r->config->resolver.hosts, name, sc->addrs, SERVER_ADDRS_MAX);
	for (i = 0; i < sc->addr_count; i++)
		net_set_port(&sc->addrs[i], port);
	if (sc->addr_count > 0)
		return;
	sc->named = arena_alloc(r->arena, sizeof(*sc->named));
	sc->named->host = arena_strndup(r->arena, name, strlen(name));
	sc->named->port = port;
}

static void
find_host(struct conf_reader *r, const char *url)
{
	struct dns_hosts *hosts = &r->config->hosts;
	char host[HTTP_HOST_SIZE], name[DNS_NAME_SIZE];
	struct dns_host h;

	if (!http_url_host(url, host, sizeof(host)) ||
	    !dns_name_ascii(host, name, sizeof(name)) ||
	    dns_hosts_get(hosts, host) != NULL)
		return;
	h.count = dns_hosts_find(
	    r->config->resolver.hosts, name, h.addrs, DNS_HOST_ADDRS);
	if (h.count == 0)
		return;
	h.name = arena_strndup(r->arena, host, strlen(host));
	hosts->list[hosts->count++] = h;
}

/* Servers that filters ask: a worker may be where there is no such file. */
void
conf_find_hosts(struct conf_reader *r)
{
	const struct config *c = r->config;
	const struct filter_instance *fi;
	const char *url;
	size_t i, n = 0;

	for (fi = c->filters; fi < c->filters + c->filter_count; fi++)
		for (i = 0; fi->type->server != NULL &&
		     fi->type->server(fi->conf, i) != NULL;
		     i++)
			n++;
	r->config->hosts.list =
	    arena_alloc(r->arena, (n + 1) * sizeof(struct dns_host));
	for (fi = c->filters; fi < c->filters + c->filter_count; fi++)
		for (i = 0; fi->type->server != NULL &&
		     (url = fi->type->server(fi->conf, i)) != NULL;
		     i++)
			find_host(r, url);
}

static void
ignore(void *ctx, const struct backend_conf *bc, const struct server_conf *sc)
{
	(void)ctx;
	(void)bc;
	(void)sc;
}

void
conf_look_up(const struct config *c, FILE *out)
{
	struct loop *l = loop_new();
	struct dns *dns = dns_new(l, &c->resolver.settings);
	struct names *n =
	    names_new(l, dns, c->backends, c->backend_count, ignore, NULL);
	const struct server_conf *sc;
	size_t i, k;

	while (names_unknown(n) > 0)
		loop_turn(l, true);
	for (i = 0; i < c->backend_count; i++)
		for (k = 0; k < c->backends[i].server_count; k++) {
			sc = &c->backends[i].servers[k];
			if (sc->named != NULL && sc->named->count == 0)
				fprintf(out,
				    "%s:%d: warning: address \"%s\": %s; its "
				    "mail is deferred until there is one\n",
				    c->file, sc->line, sc->address,
				    sc->named->why);
		}
	names_free(&n);
	loop_turn(l, false);
	dns_free(&dns);
	loop_free(&l);
}

/*
 * The resolver section: see dns_conf.h.
 */

#include "dns_conf.h"

#include <stdlib.h>

#include "dns_servers.h"

#define LOCAL_SERVER "127.0.0.1:53"

#define CONF(field) offsetof(struct dns_conf, field)
const struct opt dns_options[] = {
	{ .name = "servers",
	    .type = OPT_ADDRESSES,
	    .offset = CONF(servers),
	    .help = "recursive servers that are asked, in this order; default: "
		    "those of resolv-conf" },
	{ .name = "resolv-conf",
	    .type = OPT_PATH,
	    .offset = CONF(resolv_conf),
	    .def = "/etc/resolv.conf",
	    .help = "whose nameserver lines are used; a change is noticed" },
	{ .name = "hosts",
	    .type = OPT_PATH,
	    .offset = CONF(hosts),
	    .def = "/etc/hosts",
	    .help = "addresses of backends' servers by name, before the DNS; "
		    "read at the start and at reload" },
	{ .name = "timeout",
	    .type = OPT_DURATION,
	    .offset = CONF(settings.timeout),
	    .def = "5s",
	    .min = 10,
	    .max = 60000,
	    .help = "for a lookup in all; then it is unknown" },
	{ .name = "retry",
	    .type = OPT_DURATION,
	    .offset = CONF(settings.retry),
	    .def = "1s",
	    .min = 10,
	    .max = 60000,
	    .help = "without an answer, ask the next server; doubled in each "
		    "round" },
	{ .name = "max-ttl",
	    .type = OPT_DURATION,
	    .offset = CONF(settings.max_ttl),
	    .def = "1h",
	    .min = 1000,
	    .max = 604800000,
	    .help = "how long an answer is kept, whatever its TTL" },
	{ .name = "cache-entries",
	    .type = OPT_NUMBER,
	    .offset = CONF(settings.cache_entries),
	    .def = "10000",
	    .min = 0,
	    .max = 10000000,
	    .help = "answers kept by each worker" },
	{ .name = "cache-size",
	    .type = OPT_SIZE,
	    .offset = CONF(settings.cache_size),
	    .def = "8M",
	    .min = 0,
	    .max = 4294967296,
	    .help = "memory for them, in each worker" },
	{ .name = "queries",
	    .type = OPT_NUMBER,
	    .offset = CONF(settings.queries),
	    .def = "500",
	    .min = 1,
	    .max = 20000,
	    .help = "lookups under way in each worker; what is beyond is "
		    "unknown" },
	{ .name = NULL },
};

bool
dns_conf_finish(struct dns_conf *conf)
{
	struct dns_settings *s = &conf->settings;
	const char *err;
	size_t i;

	s->resolv_conf = NULL;
	for (i = 0; i < conf->servers.count && i < DNS_SERVERS_MAX; i++)
		s->servers[i] = conf->servers.list[i];
	s->server_count = i;
	if (i > 0)
		return true;
	s->resolv_conf = conf->resolv_conf;
	s->server_count =
	    dns_servers_read(conf->resolv_conf, s->servers, DNS_SERVERS_MAX);
	if (s->server_count > 0)
		return true;
	if (net_parse(LOCAL_SERVER, &s->servers[0], &err) == -1)
		abort();
	s->server_count = 1;
	return false;
}

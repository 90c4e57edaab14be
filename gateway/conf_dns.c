/*
 * The resolver section: what its options mean together.
 */

#include "conf_tree.h"

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

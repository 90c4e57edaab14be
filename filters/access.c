/*
 * access: allows or denies by the client's network.  Lists come from the
 * configuration or from files; an allowed client is spared the other filters
 * at CONNECT.
 */

#include <stddef.h>

#include "gateway/filter.h"

struct access_conf {
	struct net_list allow;
	struct net_list deny;
	const char *text;
};

#define CONF(field) offsetof(struct access_conf, field)
static const struct opt options[] = {
	{ .name = "allow",
	    .type = OPT_NETS,
	    .offset = CONF(allow),
	    .help = "networks that the rest of the CONNECT filters is not "
		    "asked about" },
	{ .name = "deny",
	    .type = OPT_NETS,
	    .offset = CONF(deny),
	    .help = "networks that are refused" },
	{ .name = "text",
	    .type = OPT_STRING,
	    .offset = CONF(text),
	    .def = "your address is not allowed here",
	    .help = "what a refused client is told" },
	{ .name = NULL },
};

static enum verdict
on_connect(struct filter_call *fc)
{
	const struct access_conf *conf = fc_conf(fc);
	const struct client *client = fc_client(fc);

	if (net_list_has(&conf->allow, &client->addr))
		return VERDICT_ACCEPT;
	if (net_list_has(&conf->deny, &client->addr))
		return fc_reject(fc, 554, "5.7.1", "%s", conf->text);
	return VERDICT_PASS;
}

const struct filter filter_access = {
	.name = "access",
	.summary = "allow and deny clients by network",
	.on = { [PHASE_CONNECT] = on_connect },
	.options = options,
	.conf_size = sizeof(struct access_conf),
};

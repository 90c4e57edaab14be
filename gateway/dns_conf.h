#ifndef POSTERN_DNS_CONF_H
#define POSTERN_DNS_CONF_H

/*
 * The resolver section of the configuration.
 */

#include <stdbool.h>

#include "dns.h"
#include "opt.h"

struct dns_conf {
	struct opt_addrs servers;
	const char *resolv_conf;
	const char *hosts;
	struct dns_settings settings; /* complete after dns_conf_finish() */
};
extern const struct opt dns_options[];

/* Takes the servers over, or reads resolv.conf; when that names none, the
 * server on this machine is asked, as resolv.conf(5) has it.  False: it names
 * none, or there is no such file. */
bool dns_conf_finish(struct dns_conf *conf);

#endif

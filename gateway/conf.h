#ifndef POSTERN_CONF_H
#define POSTERN_CONF_H

/*
 * The configuration: reads postern.conf (libconfuse syntax, see
 * postern.conf(5)) into the structs of the modules, by their option tables.
 * After loading it is constant.
 *
 * libconfuse stops at the first syntax error and forgets line numbers, so
 * lines are recorded while it parses; repeated titles, repeated scalars,
 * unset ${VARIABLES} and unknown options are refused; all mistakes of meaning
 * are reported, each with file:line.
 */

#include <stddef.h>
#include <stdio.h>

#include "chain.h"
#include "dns_conf.h"
#include "dns_hosts.h"
#include "log.h"
#include "mem.h"
#include "message.h"
#include "pool.h"
#include "route.h"
#include "session.h"
#include "tls_conf.h"

struct admin_conf {
	const char *control; /* path of the control socket; NULL: none */
};

struct config {
	struct arena arena; /* all of the below lives here */
	const char *file;
	const char *hostname;
	const char *user;     /* NULL: stay who we are */
	const char *chroot;   /* of workers; NULL: none */
	const char *pid_file; /* NULL: none */
	int64_t workers;      /* 0: one per processor */
	int64_t drain;	      /* ms that TERM waits for running sessions */
	struct log_conf log;
	struct spool_conf spool;
	struct limits_conf limits;
	struct dns_conf resolver;
	struct dns_hosts hosts; /* of servers that filters ask by HTTP */
	struct admin_conf admin;
	struct tls_conf *tls; /* certificates are loaded */
	size_t tls_count;
	struct listener_conf *listeners;
	size_t listener_count;
	struct filter_instance *filters;
	size_t filter_count;
	struct backend_conf *backends;
	size_t backend_count;
	unsigned server_count; /* over all backends */
	struct route_conf *routes;
	size_t route_count;
};

/* Reads and checks a file.  Problems are written to err, one per line,
 * "file:line: text".  NULL if there was any. */
struct config *conf_load(const char *file, FILE *err);
/* Looks up the names of servers and writes a warning for each that has no
 * address.  Waits for the resolver: for "posternd -n" only. */
void conf_look_up(const struct config *c, FILE *out);
void conf_free(struct config **cp);
/* Writes every section and option, one per line, separated by tabs: name,
 * type, default, help ("listen.proxy-from<TAB>networks<TAB><TAB>..."). */
void conf_list(FILE *out);

#endif

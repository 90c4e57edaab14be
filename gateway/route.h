#ifndef POSTERN_ROUTE_H
#define POSTERN_ROUTE_H

/*
 * Routes: which backend takes a recipient.  The first matching route of the
 * configuration wins; a recipient that no route matches is not ours (550
 * 5.7.1).
 */

#include <stdbool.h>
#include <stddef.h>

#include "opt.h"

struct address;

struct route_conf {
	const char *name;
	struct opt_list rcpt_domain; /* "example.org", "*.example.org" (any
				      * depth below, not the domain itself);
				      * empty: every recipient */
	const char *backend_name;
	bool open_relay;  /* takes every recipient on purpose */
	unsigned backend; /* index, resolved by conf.c */
};
extern const struct opt route_options[];
/* NULL, or why a domain of the route could never match (for conf.c). */
const char *route_check(const struct route_conf *conf);

struct router;
/* conf is borrowed. */
struct router *router_new(const struct route_conf *conf, size_t count);
void router_free(struct router **rp);
/* Index of the route, or -1.  <postmaster> without a domain goes to the first
 * route with a recipient condition, else to the first route. */
int router_find(const struct router *r, const struct address *rcpt);

#endif

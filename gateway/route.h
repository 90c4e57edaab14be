#ifndef POSTERN_ROUTE_H
#define POSTERN_ROUTE_H

/*
 * Routes: what becomes of a recipient.  The first route of the configuration
 * whose conditions all hold wins; of a condition that is a list, one item is
 * enough.  A recipient that no route matches is not ours (550 5.7.1).
 */

#include <stdbool.h>
#include <stddef.h>

#include "opt.h"

struct address;
struct client;
struct tx;

enum route_action { ROUTE_DELIVER, ROUTE_REJECT, ROUTE_DEFER, ROUTE_DISCARD };
enum route_auth { ROUTE_ANYBODY, ROUTE_AUTHENTICATED, ROUTE_ANONYMOUS };

struct route_conf {
	const char *name;
	/* Conditions; an empty list holds for all. */
	struct opt_list listener;
	struct opt_list rcpt_domain;   /* "example.org", "*.example.org" (any
					* depth below, not the domain itself) */
	struct opt_list rcpt;	       /* "user@example.org", "postmaster" */
	struct opt_list sender_domain; /* as rcpt_domain; "<>": null sender */
	struct net_list client;
	int authenticated; /* enum route_auth */
	struct opt_list flag;
	/* What is done then. */
	int action; /* enum route_action */
	const char *backend_name;
	const char *code; /* of the refusal: "550 5.7.1"; NULL: as usual */
	const char *text; /* NULL: as usual */
	bool open_relay;  /* takes every recipient on purpose */
	bool onward;	  /* local parts may route, on purpose */
	unsigned backend; /* index, resolved by conf.c */
};
extern const struct opt route_options[];
/* Has it a condition on the recipient? */
bool route_has_rcpt(const struct route_conf *conf);

/* What a refused recipient is told. */
struct route_refusal {
	int code;
	const char *enhanced;
	const char *text;
};
struct route_refusal route_refusal(const struct route_conf *conf);

struct router;
/* conf is borrowed. */
struct router *router_new(const struct route_conf *conf, size_t count);
void router_free(struct router **rp);

struct route_query {
	const struct address *rcpt;
	const struct address *sender;
	const struct client *client;
	const char *listener;
	const struct tx *tx; /* for its flags */
};
/* Index of the route, or -1.  <postmaster> without a domain goes to the first
 * route that names it, else to the first with another recipient condition, else
 * to the first whose other conditions hold. */
int router_find(const struct router *r, const struct route_query *q);

/*
 * Does an earlier route take everything that this one could get, or part of it?
 * For posternd -n.  What only several others together take is not noticed.
 */
enum route_reach { ROUTE_REACHED, ROUTE_PARTLY, ROUTE_NEVER };
struct route_shadow {
	enum route_reach reach;
	const char *item; /* the first that is taken; NULL: has no items */
	unsigned by;	  /* the route that takes it */
};
struct route_shadow router_shadow(const struct router *r, unsigned number);

#endif

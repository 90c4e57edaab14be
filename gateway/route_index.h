#ifndef POSTERN_ROUTE_INDEX_H
#define POSTERN_ROUTE_INDEX_H

/*
 * Private to route*.c: which routes name a recipient's address or domain, found
 * by hash and in the order of the file, so that long lists and many routes cost
 * nothing.  Each route is entered under its recipients' addresses, if it has
 * such a condition, else under their domains, else among those that take any.
 */

#include "route.h"
#include "strset.h"

#define ROUTE_SOURCES_MAX 132 /* labels of a domain, its address, "any" */
#define ROUTE_NONE ((unsigned)-1)

struct posting { /* a route, and the next one of the same text */
	unsigned route;
	unsigned next; /* index; ROUTE_NONE at the end */
};

/* Domains of one condition. */
struct route_domains {
	struct strset *exact;
	struct strset *suffixes; /* "example.org" of "*.example.org" */
};

struct route_sets { /* of one route; sets are NULL without the condition */
	struct route_domains senders;
	struct route_domains rcpts; /* if it has addresses as well */
};

struct router {
	const struct route_conf *conf; /* borrowed */
	size_t count;
	struct route_domains domains; /* with the index of the first posting */
	struct strset *addresses;     /* likewise */
	unsigned any;		      /* likewise */
	struct posting *postings;     /* owned */
	unsigned posting_count;
	struct route_sets *sets; /* owned; one per route */
};

/* Goes through the routes that may match, in their order, each once. */
struct route_search {
	const struct router *router;
	unsigned at[ROUTE_SOURCES_MAX]; /* postings */
	size_t count;
};
void route_search_init(struct route_search *s, const struct router *r);
/* Adds those that name this domain ("*.example.org": all below it). */
void route_search_domain(struct route_search *s, const char *domain);
void route_search_address(struct route_search *s, const char *address);
/* The next one, or ROUTE_NONE. */
unsigned route_search_next(struct route_search *s);

/* Is the domain, or all below it, in the condition? */
bool route_domains_have(const struct route_domains *d, const char *domain);

#endif

/*
 * Routes.  All domains of all routes are in two sets, whole names and the
 * suffixes of wildcards, each with the first route that names it; so a lookup
 * takes as many steps as the recipient's domain has labels.
 */

#include "route.h"

#include <stdlib.h>
#include <string.h>

#include "envelope.h"
#include "mem.h"
#include "strset.h"

#define NO_ROUTE ((unsigned)-1)

struct router {
	struct strset *exact;
	struct strset *suffixes;  /* "example.org" of "*.example.org" */
	unsigned first;		  /* route; NO_ROUTE when there is none */
	unsigned any;		  /* the first that takes all recipients */
	unsigned first_condition; /* the first that does not */
};

const struct opt route_options[] = {
	{
	    .name = "rcpt-domain",
	    .type = OPT_LIST,
	    .offset = offsetof(struct route_conf, rcpt_domain),
	    .help = "recipients' domains, *.example.org for all below; "
		    "none: every recipient",
	},
	{
	    .name = "backend",
	    .type = OPT_STRING,
	    .offset = offsetof(struct route_conf, backend_name),
	    .required = true,
	    .help = "name of the backend that takes them",
	},
	{
	    .name = "open-relay",
	    .type = OPT_BOOL,
	    .offset = offsetof(struct route_conf, open_relay),
	    .def = "no",
	    .help = "takes every recipient from everybody, on purpose",
	},
	{ .name = NULL },
};

static const char *domain_fault(const char *);
static bool is_wildcard(const char *);
static void add_route(struct router *, const struct route_conf *, unsigned);
static int index_of(unsigned);

const char *
route_check(const struct route_conf *conf)
{
	const char *fault;
	size_t i;

	for (i = 0; i < conf->rcpt_domain.count; i++) {
		fault = domain_fault(conf->rcpt_domain.list[i]);
		if (fault != NULL)
			return fault;
	}
	return NULL;
}

/* What could never match any recipient. */
static const char *
domain_fault(const char *domain)
{
	if (is_wildcard(domain))
		domain += 2;
	if (domain[0] == '[') /* an address literal */
		return NULL;
	if (strchr(domain, '*') != NULL)
		return "rcpt-domain: a * must stand alone in front, as in "
		       "*.example.org (no rcpt-domain at all: every "
		       "recipient)";
	if (strchr(domain, '@') != NULL)
		return "rcpt-domain: a domain has no @";
	if (strpbrk(domain, " \t,;:/") != NULL)
		return "rcpt-domain: not a domain";
	if (domain[0] == '.' || domain[0] == '\0' ||
	    domain[strlen(domain) - 1] == '.')
		return "rcpt-domain: a domain has no dot at its ends";
	return NULL;
}

static bool
is_wildcard(const char *domain)
{
	return strncmp(domain, "*.", 2) == 0;
}

struct router *
router_new(const struct route_conf *conf, size_t count)
{
	struct router *r = xcalloc(1, sizeof(*r));
	size_t domains = 0, i;

	for (i = 0; i < count; i++)
		domains += conf[i].rcpt_domain.count;
	r->exact = strset_new(domains);
	r->suffixes = strset_new(0);
	r->first = count > 0 ? 0 : NO_ROUTE;
	r->any = r->first_condition = NO_ROUTE;
	for (i = 0; i < count; i++)
		add_route(r, &conf[i], (unsigned)i);
	return r;
}

/* A domain that is in a set already belongs to an earlier route. */
static void
add_route(struct router *r, const struct route_conf *conf, unsigned number)
{
	unsigned *kind =
	    conf->rcpt_domain.count == 0 ? &r->any : &r->first_condition;
	const char *domain;
	size_t i;

	if (*kind == NO_ROUTE)
		*kind = number;
	for (i = 0; i < conf->rcpt_domain.count; i++) {
		domain = conf->rcpt_domain.list[i];
		if (is_wildcard(domain))
			(void)strset_add(r->suffixes, domain + 2, number);
		else
			(void)strset_add(r->exact, domain, number);
	}
}

void
router_free(struct router **rp)
{
	if (*rp == NULL)
		return;
	strset_free(&(*rp)->exact);
	strset_free(&(*rp)->suffixes);
	free(*rp);
	*rp = NULL;
}

int
router_find(const struct router *r, const struct address *rcpt)
{
	const char *dot;
	unsigned best = r->any, found;

	if (rcpt->domain[0] == '\0') {
		best = r->first_condition;
		return index_of(best != NO_ROUTE ? best : r->first);
	}
	if (strset_find(r->exact, rcpt->domain, &found) && found < best)
		best = found;
	for (dot = strchr(rcpt->domain, '.'); dot != NULL;
	     dot = strchr(dot + 1, '.'))
		if (strset_find(r->suffixes, dot + 1, &found) && found < best)
			best = found;
	return index_of(best);
}

static int
index_of(unsigned number)
{
	return number == NO_ROUTE ? -1 : (int)number;
}

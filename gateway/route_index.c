/*
 * Which routes name a recipient: see route_index.h.
 */

#include "route_index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

static bool is_wildcard(const char *);
static struct route_domains domains_new(size_t);
static void domains_free(struct route_domains *);
static struct route_domains domains_of(const struct opt_list *);
static void add_route(struct router *, unsigned);
static void post(struct router *, struct strset *, const char *, unsigned);
static void append(struct router *, unsigned, unsigned);
static void add_source(struct route_search *, unsigned);

static bool
is_wildcard(const char *domain)
{
	return strncmp(domain, "*.", 2) == 0;
}

static struct route_domains
domains_new(size_t expected)
{
	struct route_domains d = { strset_new(expected), strset_new(0) };

	return d;
}

static void
domains_free(struct route_domains *d)
{
	strset_free(&d->exact);
	strset_free(&d->suffixes);
}

static struct route_domains
domains_of(const struct opt_list *list)
{
	struct route_domains d = domains_new(list->count);
	size_t i;

	for (i = 0; i < list->count; i++)
		if (is_wildcard(list->list[i]))
			(void)strset_add(d.suffixes, list->list[i] + 2, 0);
		else
			(void)strset_add(d.exact, list->list[i], 0);
	return d;
}

bool
route_domains_have(const struct route_domains *d, const char *domain)
{
	const char *dot;
	unsigned n;

	if (!is_wildcard(domain) && strset_find(d->exact, domain, &n))
		return true;
	for (dot = strchr(domain, '.'); dot != NULL; dot = strchr(dot + 1, '.'))
		if (strset_find(d->suffixes, dot + 1, &n))
			return true;
	return false;
}

struct router *
router_new(const struct route_conf *conf, size_t count)
{
	struct router *r = xcalloc(1, sizeof(*r));
	size_t domains = 0, addresses = 0, i;

	for (i = 0; i < count; i++) {
		domains += conf[i].rcpt_domain.count;
		addresses += conf[i].rcpt.count;
	}
	r->conf = conf;
	r->count = count;
	r->domains = domains_new(domains);
	r->addresses = strset_new(addresses);
	r->any = ROUTE_NONE;
	r->postings =
	    xcalloc(domains + addresses + count + 1, sizeof(*r->postings));
	r->sets = xcalloc(count + 1, sizeof(*r->sets));
	for (i = 0; i < count; i++)
		add_route(r, (unsigned)i);
	return r;
}

static void
add_route(struct router *r, unsigned number)
{
	const struct route_conf *c = &r->conf[number];
	const struct opt_list *domains = &c->rcpt_domain;
	size_t i;

	if (c->sender_domain.count > 0)
		r->sets[number].senders = domains_of(&c->sender_domain);
	if (domains->count > 0 && c->rcpt.count > 0)
		r->sets[number].rcpts = domains_of(domains);
	for (i = 0; i < c->rcpt.count; i++)
		post(r, r->addresses, c->rcpt.list[i], number);
	for (i = 0; c->rcpt.count == 0 && i < domains->count; i++)
		if (is_wildcard(domains->list[i]))
			post(r, r->domains.suffixes, domains->list[i] + 2,
			    number);
		else
			post(r, r->domains.exact, domains->list[i], number);
	if (route_has_rcpt(c))
		return;
	if (r->any == ROUTE_NONE)
		r->any = r->posting_count;
	append(r, r->any, number);
}

static void
post(struct router *r, struct strset *set, const char *text, unsigned number)
{
	unsigned first;

	(void)strset_add(set, text, r->posting_count);
	if (strset_find(set, text, &first))
		append(r, first, number);
}

/* Routes come in their order, so each chain is in order as well. */
static void
append(struct router *r, unsigned first, unsigned number)
{
	unsigned n = r->posting_count;
	struct posting *last = &r->postings[first];

	if (first != n) {
		while (last->next != ROUTE_NONE)
			last = &r->postings[last->next];
		if (last->route == number)
			return; /* it stands twice in the list */
		last->next = n;
	}
	r->postings[n] = (struct posting){ number, ROUTE_NONE };
	r->posting_count++;
}

void
router_free(struct router **rp)
{
	struct router *r = *rp;
	size_t i;

	if (r == NULL)
		return;
	for (i = 0; i < r->count; i++) {
		domains_free(&r->sets[i].senders);
		domains_free(&r->sets[i].rcpts);
	}
	domains_free(&r->domains);
	strset_free(&r->addresses);
	free(r->postings);
	free(r->sets);
	free(r);
	*rp = NULL;
}

/* The search. */

void
route_search_init(struct route_search *s, const struct router *r)
{
	s->router = r;
	s->count = 0;
	add_source(s, r->any);
}

static void
add_source(struct route_search *s, unsigned posting)
{
	if (posting == ROUTE_NONE)
		return;
	assert(s->count < ROUTE_SOURCES_MAX);
	s->at[s->count++] = posting;
}

void
route_search_domain(struct route_search *s, const char *domain)
{
	const struct route_domains *d = &s->router->domains;
	const char *dot;
	unsigned n;

	if (!is_wildcard(domain) && strset_find(d->exact, domain, &n))
		add_source(s, n);
	for (dot = strchr(domain, '.'); dot != NULL; dot = strchr(dot + 1, '.'))
		if (strset_find(d->suffixes, dot + 1, &n))
			add_source(s, n);
}

void
route_search_address(struct route_search *s, const char *address)
{
	unsigned n;

	if (strset_find(s->router->addresses, address, &n))
		add_source(s, n);
}

unsigned
route_search_next(struct route_search *s)
{
	const struct posting *p = s->router->postings;
	unsigned best = ROUTE_NONE;
	size_t i;

	for (i = 0; i < s->count; i++)
		if (p[s->at[i]].route < best)
			best = p[s->at[i]].route;
	for (i = 0; i < s->count;) {
		if (p[s->at[i]].route == best)
			s->at[i] = p[s->at[i]].next;
		if (s->at[i] == ROUTE_NONE)
			s->at[i] = s->at[--s->count];
		else
			i++;
	}
	return best;
}

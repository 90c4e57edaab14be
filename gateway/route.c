/*
 * Routes: options, and the search for the one that matches.
 */

#include "route.h"

#include <stdio.h>
#include <string.h>

#include "client.h"
#include "envelope.h"
#include "route_index.h"
#include "tx.h"

static const char *const auth_names[] = { "any", "yes", "no", NULL };
static const char *const action_names[] = { "deliver", "reject", "defer",
	"discard", NULL };

#define ROUTE(field) offsetof(struct route_conf, field)
const struct opt route_options[] = {
	{ .name = "listener",
	    .type = OPT_LIST,
	    .offset = ROUTE(listener),
	    .help = "names of listen sections; none: every listener" },
	{ .name = "rcpt-domain",
	    .type = OPT_LIST,
	    .offset = ROUTE(rcpt_domain),
	    .domains_from = 1,
	    .help = "recipients' domains, *.example.org for all below; "
		    "none: every recipient" },
	{ .name = "rcpt",
	    .type = OPT_LIST,
	    .offset = ROUTE(rcpt),
	    .domains_from = 1,
	    .help = "recipients' addresses; none: every recipient" },
	{ .name = "sender-domain",
	    .type = OPT_LIST,
	    .offset = ROUTE(sender_domain),
	    .domains_from = 1,
	    .help = "domains of the reverse-path, <> for the null one; none: "
		    "every sender" },
	{ .name = "client",
	    .type = OPT_NETS,
	    .offset = ROUTE(client),
	    .help = "clients' networks; none: every client" },
	{ .name = "authenticated",
	    .type = OPT_CHOICE,
	    .offset = ROUTE(authenticated),
	    .def = "any",
	    .values = auth_names,
	    .help = "only clients that have authenticated (yes), or have not "
		    "(no)" },
	{ .name = "flag",
	    .type = OPT_LIST,
	    .offset = ROUTE(flag),
	    .help = "flags, of which a filter has set one before RCPT; none: "
		    "whatever filters say" },
	{ .name = "action",
	    .type = OPT_CHOICE,
	    .offset = ROUTE(action),
	    .def = "deliver",
	    .values = action_names,
	    .help = "deliver to the backend, reject, defer, or accept and "
		    "discard" },
	{ .name = "backend",
	    .type = OPT_STRING,
	    .offset = ROUTE(backend_name),
	    .help = "name of the backend that takes them" },
	{ .name = "code",
	    .type = OPT_STRING,
	    .offset = ROUTE(code),
	    .help = "of the reply to reject (550 5.7.1) or defer (451 4.7.1)" },
	{ .name = "text",
	    .type = OPT_STRING,
	    .offset = ROUTE(text),
	    .help = "of the reply to reject or defer" },
	{ .name = "open-relay",
	    .type = OPT_BOOL,
	    .offset = ROUTE(open_relay),
	    .def = "no",
	    .help = "takes every recipient from everybody, on purpose" },
	{ .name = "routing-local-parts",
	    .type = OPT_BOOL,
	    .offset = ROUTE(onward),
	    .def = "no",
	    .help = "takes %, ! and @ in local parts from everybody: the "
		    "backend does not route by them" },
	{ .name = NULL },
};

static int find_postmaster(const struct router *, const struct route_query *);
static int find_matching(struct route_search *, const struct route_query *);
static bool holds(const struct router *, unsigned, const struct route_query *);
static bool has_name(const struct opt_list *, const char *);
static bool has_flag(const struct opt_list *, const struct tx *);

bool
route_has_rcpt(const struct route_conf *conf)
{
	return conf->rcpt_domain.count > 0 || conf->rcpt.count > 0;
}

struct route_refusal
route_refusal(const struct route_conf *conf)
{
	bool defer = conf->action == ROUTE_DEFER;
	const char *code = conf->code;
	struct route_refusal r = {
		.code = defer ? 451 : 550,
		.enhanced = defer ? "4.7.1" : "5.7.1",
		.text = conf->text,
	};

	if (code != NULL) {
		r.code = (code[0] - '0') * 100 + (code[1] - '0') * 10 +
		    (code[2] - '0');
		if (strlen(code) > 4)
			r.enhanced = code + 4;
	}
	if (r.text == NULL)
		r.text = defer ? "mail for this recipient is not taken now, "
				 "please try again later"
			       : "mail for this recipient is not taken";
	return r;
}

int
router_find(const struct router *r, const struct route_query *q)
{
	char address[ADDRESS_PLAIN_SIZE];
	struct route_search s;

	if (q->rcpt->domain[0] == '\0')
		return find_postmaster(r, q);
	route_search_init(&s, r);
	route_search_domain(&s, q->rcpt->plain);
	route_search_address(
	    &s, address_plain(q->rcpt, address, sizeof(address)));
	return find_matching(&s, q);
}

/* Everybody has a postmaster (RFC 5321 4.5.1), and none of the domains that
 * routes name is that of this one. */
static int
find_postmaster(const struct router *r, const struct route_query *q)
{
	struct route_search s;
	unsigned i;
	int found;

	route_search_init(&s, r);
	s.count = 0; /* without those for any recipient */
	route_search_address(&s, "postmaster");
	found = find_matching(&s, q);
	for (i = 0; found == -1 && i < r->count; i++)
		if (route_has_rcpt(&r->conf[i]) &&
		    r->conf[i].action == ROUTE_DELIVER && holds(r, i, q))
			found = (int)i;
	for (i = 0; found == -1 && i < r->count; i++)
		if (!route_has_rcpt(&r->conf[i]) && holds(r, i, q))
			found = (int)i;
	return found;
}

static int
find_matching(struct route_search *s, const struct route_query *q)
{
	const struct router *r = s->router;
	const struct route_domains *own;
	unsigned i;

	while ((i = route_search_next(s)) != ROUTE_NONE) {
		own = &r->sets[i].rcpts;
		if (own->exact != NULL && q->rcpt->domain[0] != '\0' &&
		    !route_domains_have(own, q->rcpt->plain))
			continue;
		if (holds(r, i, q))
			return (int)i;
	}
	return -1;
}

/* The conditions that are not about the recipient. */
static bool
holds(const struct router *r, unsigned number, const struct route_query *q)
{
	const struct route_conf *c = &r->conf[number];
	const struct route_domains *senders = &r->sets[number].senders;
	const char *sender = q->sender->plain;

	if (c->authenticated != ROUTE_ANYBODY &&
	    (c->authenticated == ROUTE_AUTHENTICATED) !=
		(q->client->login != NULL))
		return false;
	if (c->listener.count > 0 && !has_name(&c->listener, q->listener))
		return false;
	if (c->client.count > 0 && !net_list_has(&c->client, &q->client->addr))
		return false;
	if (senders->exact != NULL &&
	    !route_domains_have(senders, *sender != '\0' ? sender : "<>"))
		return false;
	return c->flag.count == 0 || has_flag(&c->flag, q->tx);
}

static bool
has_name(const struct opt_list *names, const char *name)
{
	size_t i;

	for (i = 0; i < names->count; i++)
		if (strcmp(names->list[i], name) == 0)
			return true;
	return false;
}

static bool
has_flag(const struct opt_list *flags, const struct tx *tx)
{
	size_t i;

	for (i = 0; i < flags->count; i++)
		if (tx_flag(tx, flags->list[i]))
			return true;
	return false;
}

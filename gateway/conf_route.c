/*
 * What routes mean: names, addresses and replies in them, and routes that
 * nothing reaches.
 */

#include <ctype.h>
#include <string.h>

#include "backend.h"
#include "conf_tree.h"
#include "smtp_parse.h"

#define TEXT_MAX 400 /* octets; a reply line has 512 */

static bool check_route(
    struct conf_reader *, const struct conf_block *, struct route_conf *);
static bool check_domains(struct conf_reader *, const struct conf_block *,
    const char *, const struct opt_list *);
static bool check_addresses(
    struct conf_reader *, const struct conf_block *, const struct route_conf *);
static void check_listeners(
    struct conf_reader *, const struct conf_block *, const struct route_conf *);
static void check_action(
    struct conf_reader *, const struct conf_block *, struct route_conf *);
static void check_reply(
    struct conf_reader *, const struct conf_block *, const struct route_conf *);
static void find_backend(
    struct conf_reader *, const struct conf_block *, struct route_conf *);
static void check_reach(struct conf_reader *);
static void report_shadow(struct conf_reader *, const struct conf_block *,
    const struct route_conf *, const struct route_shadow *);
static bool is_domain(const char *);
static bool is_local_part(const char *, size_t);
static bool is_code(const char *, char);

void
conf_check_routes(struct conf_reader *r)
{
	struct route_conf *rc = r->config->routes;
	const struct conf_block *b = NULL;
	bool good = true;

	for (; (b = conf_next(&r->root, "route", b)) != NULL; rc++)
		good = check_route(r, b, rc) && good;
	if (good)
		check_reach(r);
}

/* False: an item of its conditions is none. */
static bool
check_route(
    struct conf_reader *r, const struct conf_block *b, struct route_conf *rc)
{
	bool good = check_domains(r, b, "rcpt-domain", &rc->rcpt_domain);

	good = check_domains(r, b, "sender-domain", &rc->sender_domain) && good;
	good = check_addresses(r, b, rc) && good;
	check_listeners(r, b, rc);
	check_action(r, b, rc);
	conf_check_relay(r, b, rc);
	return good;
}

static bool
check_domains(struct conf_reader *r, const struct conf_block *b,
    const char *option, const struct opt_list *list)
{
	bool good = true;
	const char *d;
	size_t i;

	for (i = 0; i < list->count; i++) {
		d = list->list[i];
		if (is_domain(strncmp(d, "*.", 2) == 0 ? d + 2 : d) ||
		    (option[0] == 's' && strcmp(d, "<>") == 0))
			continue;
		good = false;
		conf_complain(r, conf_line(b, option),
		    "\"%s\" is not a domain (example.org, *.example.org)", d);
	}
	return good;
}

static bool
check_addresses(struct conf_reader *r, const struct conf_block *b,
    const struct route_conf *rc)
{
	bool good = true;
	const char *a, *at;
	size_t i;

	for (i = 0; i < rc->rcpt.count; i++) {
		a = rc->rcpt.list[i];
		at = strrchr(a, '@');
		if (strcmp(a, "postmaster") == 0 ||
		    (at != NULL && is_local_part(a, (size_t)(at - a)) &&
			is_domain(at + 1)))
			continue;
		good = false;
		conf_complain(r, conf_line(b, "rcpt"),
		    "\"%s\" is not an address (user@example.org, without "
		    "quotes; or postmaster)",
		    a);
	}
	return good;
}

static void
check_listeners(struct conf_reader *r, const struct conf_block *b,
    const struct route_conf *rc)
{
	const struct config *c = r->config;
	size_t i, k;

	for (i = 0; i < rc->listener.count; i++) {
		for (k = 0; k < c->listener_count; k++)
			if (strcmp(rc->listener.list[i],
				c->listeners[k].name) == 0)
				break;
		if (k == c->listener_count)
			conf_complain(r, conf_line(b, "listener"),
			    "there is no listen '%s'", rc->listener.list[i]);
	}
}

static void
check_action(
    struct conf_reader *r, const struct conf_block *b, struct route_conf *rc)
{
	if (rc->action == ROUTE_DELIVER)
		find_backend(r, b, rc);
	else if (rc->backend_name != NULL)
		conf_complain(r, conf_line(b, "backend"),
		    "route '%s' delivers nothing: backend is of no use in it",
		    rc->name);
	if (rc->onward && rc->action != ROUTE_DELIVER)
		conf_complain(r, conf_line(b, "routing-local-parts"),
		    "route '%s' delivers nothing: routing-local-parts is of no "
		    "use in it",
		    rc->name);
	if (rc->action == ROUTE_REJECT || rc->action == ROUTE_DEFER)
		check_reply(r, b, rc);
	else if (rc->code != NULL || rc->text != NULL)
		conf_complain(r,
		    conf_line(b, rc->code != NULL ? "code" : "text"),
		    "route '%s' neither rejects nor defers: code and text are "
		    "of no use in it",
		    rc->name);
}

static void
check_reply(struct conf_reader *r, const struct conf_block *b,
    const struct route_conf *rc)
{
	char class = rc->action == ROUTE_DEFER ? '4' : '5';
	const char *p = rc->text;

	if (rc->code != NULL && !is_code(rc->code, class))
		conf_complain(r, conf_line(b, "code"),
		    "code \"%s\" is not a code for this action (%s)", rc->code,
		    class == '4' ? "451, 450 4.7.1" : "550, 550 5.1.1");
	while (p != NULL && *p >= ' ' && *p <= '~' && p - rc->text < TEXT_MAX)
		p++;
	if (p != NULL && (*p != '\0' || p == rc->text))
		conf_complain(r, conf_line(b, "text"),
		    "text must be at most %d printable ASCII characters",
		    TEXT_MAX);
}

static void
find_backend(
    struct conf_reader *r, const struct conf_block *b, struct route_conf *rc)
{
	const struct config *c = r->config;
	size_t i;

	if (rc->backend_name == NULL) {
		conf_needs(r, b, "backend");
		return;
	}
	for (i = 0; i < c->backend_count; i++)
		if (strcmp(c->backends[i].name, rc->backend_name) == 0) {
			rc->backend = (unsigned)i;
			return;
		}
	conf_complain(r, conf_line(b, "backend"), "there is no backend '%s'",
	    rc->backend_name);
}

static void
check_reach(struct conf_reader *r)
{
	const struct config *c = r->config;
	struct router *router = router_new(c->routes, c->route_count);
	const struct conf_block *b = NULL;
	struct route_shadow shadow;
	unsigned i = 0;

	for (; (b = conf_next(&r->root, "route", b)) != NULL; i++) {
		shadow = router_shadow(router, i);
		report_shadow(r, b, &c->routes[i], &shadow);
	}
	router_free(&router);
}

static void
report_shadow(struct conf_reader *r, const struct conf_block *b,
    const struct route_conf *rc, const struct route_shadow *shadow)
{
	const struct route_conf *by = &r->config->routes[shadow->by];

	if (shadow->reach == ROUTE_PARTLY)
		conf_warn(r, b->line,
		    "route '%s' is never reached for %s: route '%s' before it "
		    "takes that",
		    rc->name, shadow->item, by->name);
	else if (shadow->reach == ROUTE_NEVER && !route_has_rcpt(by))
		conf_complain(r, b->line,
		    "route '%s' is never reached: route '%s' before it takes "
		    "every recipient%s",
		    rc->name, by->name,
		    by->listener.count + by->client.count +
				    by->sender_domain.count + by->flag.count >
				0 ||
			    by->authenticated != ROUTE_ANYBODY
			? " that could get here"
			: "");
	else if (shadow->reach == ROUTE_NEVER)
		conf_complain(r, b->line,
		    "route '%s' is never reached: route '%s' before it takes "
		    "%s%s",
		    rc->name, by->name, shadow->item,
		    rc->rcpt.count + rc->rcpt_domain.count > 1
			? ", and so it is with the rest"
			: "");
}

static bool
is_domain(const char *s)
{
	size_t len = strlen(s);

	return smtp_is_domain(s, len, false) || smtp_is_literal(s, len);
}

/* As the router compares it: what would need quotes stands without them. */
static bool
is_local_part(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (s[i] <= ' ' || s[i] > '~' || strchr("\"<>\\", s[i]) != NULL)
			return false;
	return len > 0 && len <= 64;
}

/* "550", or "550 5.1.1" (RFC 5321 4.2.1, RFC 3463).  421 would say that the
 * connection ends. */
static bool
is_code(const char *s, char class)
{
	int parts = 0, digits;

	if (s[0] != class || s[1] < '0' || s[1] > '5' ||
	    !isdigit((unsigned char)s[2]) || strncmp(s, "421", 3) == 0)
		return false;
	if (s[3] == '\0')
		return true;
	if (s[3] != ' ' || s[4] != class || s[5] != '.')
		return false;
	for (s += 5; *s == '.' && parts < 2; parts++) {
		for (digits = 0; isdigit((unsigned char)*++s); digits++)
			;
		if (digits < 1 || digits > 3)
			return false;
	}
	return *s == '\0' && parts == 2;
}

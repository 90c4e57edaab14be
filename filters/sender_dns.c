/*
 * sender-dns: can the sender's domain be answered?  It needs a mail exchanger
 * with an address that is not only good on somebody else's network.
 */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/filter.h"

#define EXCHANGERS_MAX 10 /* of a domain; the others are not looked at */

static const struct {
	const char *name;
	enum net_kind kind;
} targets[] = {
	{ "private", NET_PRIVATE },
	{ "loopback", NET_LOOPBACK },
	{ "multicast", NET_MULTICAST },
	{ "unspecified", NET_UNSPECIFIED },
};
#define TARGETS (sizeof(targets) / sizeof(targets[0]))

struct sender_conf {
	struct opt_list trusted;
	struct opt_list targets;
	unsigned kinds; /* 1 << enum net_kind: good ones */
	bool null_sender;
	bool fallback;
	bool mx_address;
};

struct sender_state {
	bool fallback;	     /* there is no MX */
	bool has_address;    /* none of which is good */
	const char *unknown; /* static: why one could not be looked up */
};

#define CONF(field) offsetof(struct sender_conf, field)
static const struct opt options[] = {
	{ .name = "null-sender",
	    .type = OPT_BOOL,
	    .offset = CONF(null_sender),
	    .def = "yes",
	    .help = "MAIL FROM:<> is good (reports of delivery)" },
	{ .name = "trusted",
	    .type = OPT_LIST,
	    .offset = CONF(trusted),
	    .domains_from = 1,
	    .help = "domains that are not looked up; *.example.org for all "
		    "below" },
	{ .name = "fallback",
	    .type = OPT_BOOL,
	    .offset = CONF(fallback),
	    .def = "yes",
	    .help = "without MX the domain's own address will do" },
	{ .name = "targets",
	    .type = OPT_LIST,
	    .offset = CONF(targets),
	    .help = "addresses that are good besides public ones: private, "
		    "loopback, multicast, unspecified" },
	{ .name = "mx-address",
	    .type = OPT_BOOL,
	    .offset = CONF(mx_address),
	    .def = "no",
	    .help = "an address will do instead of a domain, and instead of "
		    "a name in MX" },
	{ .name = NULL },
};

static bool
prepare(void *arg, char *say, size_t size)
{
	struct sender_conf *conf = arg;
	size_t i, k;

	conf->kinds = 1u << NET_PUBLIC;
	for (i = 0; i < conf->targets.count; i++) {
		for (k = 0; k < TARGETS; k++)
			if (strcmp(targets[k].name, conf->targets.list[i]) == 0)
				break;
		if (k == TARGETS) {
			snprintf(say, size,
			    "targets: \"%.60s\" is none of: private loopback "
			    "multicast unspecified",
			    conf->targets.list[i]);
			return false;
		}
		conf->kinds |= 1u << targets[k].kind;
	}
	return opt_match_prepare(
	    &conf->trusted, OPT_MATCH_DOMAINS, "trusted", say, size);
}

static enum verdict
good(struct filter_call *fc, const char *why)
{
	fc_set_fact(fc, "sender_dns", why);
	return VERDICT_PASS;
}

static enum verdict
refuse(struct filter_call *fc, const char *why, const char *enhanced,
    const char *text)
{
	fc_set_fact(fc, "sender_dns", why);
	return fc_reject(
	    fc, 550, enhanced, "%.255s %s", fc_sender(fc)->domain, text);
}

static enum verdict
trouble(struct filter_call *fc, const char *reason)
{
	fc_set_fact(fc, "sender_dns", "temporary");
	return fc_unknown(fc, "%.255s: %s", fc_sender(fc)->domain, reason);
}

static bool
is_good(const struct filter_call *fc, const struct net_addr *addr)
{
	const struct sender_conf *conf = fc_conf(fc);

	return (conf->kinds & 1u << net_kind(addr)) != 0;
}

/* The address that a name spells; they are no names of hosts. */
static bool
is_address(const char *name, struct net_addr *addr_r)
{
	char text[NET_TEXT_MAX];
	const char *err;

	if (strspn(name, "0123456789.") != strlen(name) ||
	    strlen(name) > sizeof("255.255.255.255"))
		return false;
	snprintf(text, sizeof(text), "%s:25", name);
	return net_parse(text, addr_r, &err) == 0;
}

/* No good one among all that was found. */
static enum verdict
nothing_good(struct filter_call *fc)
{
	const struct sender_state *state = fc_tx_state(fc);

	if (state->unknown != NULL)
		return trouble(fc, state->unknown);
	if (state->has_address)
		return refuse(fc, "unusable", "5.1.8",
		    "has no mail server that can be reached from here");
	if (state->fallback)
		return refuse(fc, "none", "5.1.8", "takes no mail");
	return refuse(
	    fc, "unusable", "5.1.8", "has mail servers that do not exist");
}

static enum verdict
got_addresses(struct filter_call *fc, const struct dns_answer *a)
{
	struct sender_state *state = fc_tx_state(fc);
	size_t i;

	if (a->status == DNS_UNKNOWN)
		state->unknown = a->reason;
	for (i = 0; i < a->count; i++) {
		state->has_address = true;
		if (is_good(fc, &a->records[i].addr))
			return good(fc, state->fallback ? "address" : "mx");
	}
	if (fc_join(fc, VERDICT_PASS) == VERDICT_PENDING)
		return VERDICT_PENDING;
	return nothing_good(fc);
}

static enum verdict
ask_addresses(struct filter_call *fc, const char *name)
{
	fc_dns(fc, name, DNS_A, got_addresses);
	return fc_dns(fc, name, DNS_AAAA, got_addresses);
}

/* All of them at once; the first good one ends it. */
static enum verdict
ask_exchangers(struct filter_call *fc, const struct dns_answer *a)
{
	const struct sender_conf *conf = fc_conf(fc);
	struct sender_state *state = fc_tx_state(fc);
	struct net_addr addr;
	size_t i, asked = 0;

	for (i = 0; i < a->count && i < EXCHANGERS_MAX; i++) {
		if (a->records[i].name[0] == '\0')
			continue; /* a null MX beside others: not meant */
		if (!is_address(a->records[i].name, &addr)) {
			ask_addresses(fc, a->records[i].name);
			asked++;
			continue;
		}
		state->has_address = true;
		if (conf->mx_address && is_good(fc, &addr))
			return good(fc, "mx");
	}
	return asked > 0 ? VERDICT_PENDING : nothing_good(fc);
}

static enum verdict
got_exchangers(struct filter_call *fc, const struct dns_answer *a)
{
	const struct sender_conf *conf = fc_conf(fc);
	struct sender_state *state = fc_tx_state(fc);

	switch (a->status) {
	case DNS_UNKNOWN:
		return trouble(fc, a->reason);
	case DNS_NXDOMAIN:
		return refuse(fc, "nxdomain", "5.1.8", "does not exist");
	case DNS_NONE:
		if (!conf->fallback)
			return refuse(
			    fc, "none", "5.1.8", "has no mail exchanger");
		state->fallback = true;
		return ask_addresses(fc, a->name);
	case DNS_FOUND:
		break;
	}
	if (a->count == 1 && a->records[0].name[0] == '\0') /* RFC 7505 */
		return refuse(fc, "null-mx", "5.7.27", "never takes mail");
	return ask_exchangers(fc, a);
}

/* "[192.0.2.1]", which the envelope's grammar has looked at. */
static enum verdict
judge_literal(struct filter_call *fc)
{
	const struct sender_conf *conf = fc_conf(fc);
	const char *domain = fc_sender(fc)->domain, *err;
	bool v6 = strncasecmp(domain, "[IPv6:", 6) == 0;
	char text[NET_TEXT_MAX];
	struct net_addr addr;

	if (!conf->mx_address)
		return refuse(fc, "literal", "5.1.8",
		    "is an address instead of a domain");
	snprintf(text, sizeof(text), v6 ? "[%.*s:25" : "%.*s:25",
	    (int)strlen(domain) - (v6 ? 6 : 2), domain + (v6 ? 6 : 1));
	if (net_parse(text, &addr, &err) == 0 && is_good(fc, &addr))
		return good(fc, "literal");
	return refuse(fc, "unusable", "5.1.8",
	    "is not an address that can be reached from here");
}

static enum verdict
on_mail(struct filter_call *fc)
{
	const struct sender_conf *conf = fc_conf(fc);
	const struct address *sender = fc_sender(fc);
	struct sender_state *state = fc_tx_state(fc);

	*state = (struct sender_state){ .unknown = NULL };
	if (sender->text[0] == '\0') {
		if (conf->null_sender)
			return good(fc, "null-sender");
		fc_set_fact(fc, "sender_dns", "null-sender");
		return fc_reject(fc, 550, "5.7.1",
		    "mail without a sender is not taken here");
	}
	if (opt_match_domain(&conf->trusted, sender->plain) != NULL)
		return good(fc, "trusted");
	if (sender->domain[0] == '[')
		return judge_literal(fc);
	return fc_dns(fc, sender->domain, DNS_MX, got_exchangers);
}

const struct filter filter_sender_dns = {
	.name = "sender-dns",
	.summary = "look whether the sender's domain takes mail",
	.on = { [PHASE_MAIL] = on_mail },
	.options = options,
	.conf_size = sizeof(struct sender_conf),
	.tx_size = sizeof(struct sender_state),
	.prepare = prepare,
};

/*
 * helo: judges the name by which a client greets.
 */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "filters/faults.h"
#include "filters/helo_name.h"
#include "gateway/filter.h"

#define PTR_MAX 10 /* names of one address; the others are not looked at */

enum {
	BARE_IP,
	MALFORMED,
	UNQUALIFIED,
	DYNAMIC,
	LITERAL_MISMATCH,
	OWN_NAME,
	UNRESOLVABLE,
	RDNS_MISMATCH
};
#define BIT(fault) (1u << (fault))
static const struct fault faults[] = {
	[BARE_IP] = { "bare-ip", "helo.bare-ip", "5.7.1",
	    "HELO: an address has to stand in brackets" },
	[MALFORMED] = { "malformed", "helo.malformed", "5.7.1",
	    "HELO: not a host name that can exist" },
	[UNQUALIFIED] = { "unqualified", "helo.unqualified", "5.7.1",
	    "HELO: a name without a domain" },
	[DYNAMIC] = { "dynamic", "helo.dynamic", "5.7.1",
	    "HELO: the name of a line, not of a mail server" },
	[LITERAL_MISMATCH] = { "literal-mismatch", "helo.literal-mismatch",
	    "5.7.1", "HELO: not your address" },
	[OWN_NAME] = { "own-name", "helo.own-name", "5.7.1",
	    "HELO: this is our name, not yours" },
	[UNRESOLVABLE] = { "unresolvable", "helo.unresolvable", "5.7.1",
	    "HELO: the name has no address" },
	[RDNS_MISMATCH] = { "rdns-mismatch", "helo.rdns-mismatch", "5.7.25",
	    "HELO: not the name that your address has in the DNS" },
	{ .name = NULL },
};

struct helo_conf {
	struct faults_conf faults;
	struct opt_list trusted; /* "ADDRESS NAME" */
	struct opt_list own;
	bool trust_local;
};

struct helo_state {
	unsigned charged; /* for these the session has paid its karma */
	/* of this greeting */
	unsigned found;
	unsigned unknown;   /* could not be found out */
	const char *reason; /* static */
	bool has_address;
	bool is_ptr;	 /* it is a name of the client's address */
	bool is_address; /* it has the client's address */
	bool ptr_unknown, address_unknown;
};

#define CONF(field) offsetof(struct helo_conf, field)
static const struct opt options[] = {
	FAULTS_OPTIONS(CONF(faults)),
	{ .name = "trust-local",
	    .type = OPT_BOOL,
	    .offset = CONF(trust_local),
	    .def = "no",
	    .help = "clients with a loopback or private address pass" },
	{ .name = "trusted",
	    .type = OPT_LIST,
	    .offset = CONF(trusted),
	    .domains_from = 1,
	    .help = "address or network and name, a blank between them: this "
		    "client "
		    "passes with this name" },
	{ .name = "own",
	    .type = OPT_LIST,
	    .offset = CONF(own),
	    .domains_from = 1,
	    .help = "names of ours besides the hostname, for own-name" },
	{ .name = NULL },
};

static const char blanks[] = " \t";

/* The name of an entry, and its address; NULL: it is malformed. */
static const char *
split_trusted(const char *entry, struct net_prefix *p)
{
	char ip[NET_TEXT_MAX];
	size_t len = strcspn(entry, blanks);
	const char *name = entry + len + strspn(entry + len, blanks), *err;

	if (len >= sizeof(ip) || *name == '\0' || strpbrk(name, blanks) != NULL)
		return NULL;
	snprintf(ip, sizeof(ip), "%.*s", (int)len, entry);
	return net_prefix_parse(ip, p, &err) == 0 ? name : NULL;
}

static bool
prepare(void *arg, char *say, size_t size)
{
	struct helo_conf *conf = arg;
	struct net_prefix p;
	size_t i;

	for (i = 0; i < conf->trusted.count; i++)
		if (split_trusted(conf->trusted.list[i], &p) == NULL) {
			snprintf(say, size,
			    "trusted: \"%.100s\" is not an address and a name",
			    conf->trusted.list[i]);
			return false;
		}
	return faults_prepare(&conf->faults, faults, say, size);
}

static const char *
warn(const void *arg, int64_t timeout)
{
	const struct helo_conf *conf = arg;

	(void)timeout;
	return conf->faults.tested == 0
	    ? "nothing is tested: deny, karma and flag are empty"
	    : NULL;
}

static bool
is_trusted(const struct helo_conf *conf, const struct client *client)
{
	enum net_kind kind = net_kind(&client->addr);
	struct net_prefix p;
	const char *name;
	size_t i;

	if (conf->trust_local && (kind == NET_LOOPBACK || kind == NET_PRIVATE))
		return true;
	for (i = 0; i < conf->trusted.count; i++) {
		name = split_trusted(conf->trusted.list[i], &p);
		if (strcasecmp(name, client->helo) == 0 &&
		    net_list_has(&(struct net_list){ .list = &p, .count = 1 },
			&client->addr))
			return true;
	}
	return false;
}

/* A dot at the end makes no other name of it. */
static bool
is_same_name(const char *name, const char *helo)
{
	size_t len = strlen(name);

	return len > 0 && strncasecmp(name, helo, len) == 0 &&
	    strcmp(helo + len, helo[len] == '.' ? "." : "") == 0;
}

static bool
is_own(const struct filter_call *fc, const struct helo_conf *conf,
    const struct net_addr *literal)
{
	const struct client *client = fc_client(fc);
	size_t i;

	if (literal != NULL)
		return net_same_ip(literal, &client->local) &&
		    !net_same_ip(literal, &client->addr);
	for (i = 0; i < conf->own.count; i++)
		if (is_same_name(conf->own.list[i], client->helo))
			return true;
	return is_same_name(fc_hostname(fc), client->helo);
}

/* What needs no lookup. */
static unsigned
look(const struct filter_call *fc, const struct helo_conf *conf, bool *name_r)
{
	const struct client *client = fc_client(fc);
	struct net_addr literal;
	unsigned found = 0;

	*name_r = false;
	if (helo_is_bare_ip(client->helo))
		return BIT(BARE_IP) | BIT(UNRESOLVABLE) | BIT(RDNS_MISMATCH);
	if (helo_is_literal(client->helo, &literal)) {
		if (!net_same_ip(&literal, &client->addr))
			found |= BIT(LITERAL_MISMATCH);
		if (is_own(fc, conf, &literal))
			found |= BIT(OWN_NAME);
		return found | BIT(RDNS_MISMATCH);
	}
	if (is_own(fc, conf, NULL)) /* whatever it looks like */
		return BIT(OWN_NAME) | BIT(RDNS_MISMATCH);
	if (!dns_name_is_host(client->helo))
		return BIT(MALFORMED) | BIT(UNRESOLVABLE) | BIT(RDNS_MISMATCH);
	if (strchr(client->helo, '.') == NULL)
		return BIT(UNQUALIFIED) | BIT(UNRESOLVABLE) |
		    BIT(RDNS_MISMATCH);
	if (!dns_tld_may_exist(client->helo))
		found |= BIT(MALFORMED);
	if (helo_is_dynamic(client->helo, &client->addr))
		found |= BIT(DYNAMIC);
	*name_r = true;
	return found;
}

static enum verdict
judge(struct filter_call *fc)
{
	const struct helo_conf *conf = fc_conf(fc);
	struct helo_state *state = fc_session_state(fc);
	unsigned tested = conf->faults.tested;
	enum verdict v;

	v = faults_judge(fc, &conf->faults, faults, state->found & tested,
	    &state->charged, "helo_faults", 550);
	if (v == VERDICT_PASS && (state->unknown & conf->faults.denied) != 0)
		return fc_unknown(
		    fc, "HELO %.255s: %s", fc_client(fc)->helo, state->reason);
	return v;
}

/* All answers are here. */
static enum verdict
finish(struct filter_call *fc)
{
	struct helo_state *state = fc_session_state(fc);

	if (state->has_address)
		state->unknown &= ~BIT(UNRESOLVABLE);
	else if ((state->unknown & BIT(UNRESOLVABLE)) == 0)
		state->found |= BIT(UNRESOLVABLE);
	if ((!state->is_ptr && !state->ptr_unknown) ||
	    (!state->is_address && !state->address_unknown))
		state->found |= BIT(RDNS_MISMATCH);
	else if (!state->is_ptr || !state->is_address)
		state->unknown |= BIT(RDNS_MISMATCH);
	return judge(fc);
}

static enum verdict
got_addresses(struct filter_call *fc, const struct dns_answer *a)
{
	struct helo_state *state = fc_session_state(fc);
	const struct net_addr *addr = &fc_client(fc)->addr;
	size_t i;

	if (a->status == DNS_UNKNOWN) {
		state->reason = a->reason;
		state->unknown |= BIT(UNRESOLVABLE);
		if ((addr->ss.ss_family == AF_INET6) == (a->type == DNS_AAAA))
			state->address_unknown = true;
	}
	if (a->count > 0)
		state->has_address = true;
	for (i = 0; i < a->count; i++)
		if (net_same_ip(&a->records[i].addr, addr))
			state->is_address = true;
	if (fc_join(fc, VERDICT_PASS) == VERDICT_PENDING)
		return VERDICT_PENDING;
	return finish(fc);
}

static enum verdict
got_names(struct filter_call *fc, const struct dns_answer *a)
{
	struct helo_state *state = fc_session_state(fc);
	const char *helo = fc_client(fc)->helo;
	size_t i;

	if (a->status == DNS_UNKNOWN) {
		state->reason = a->reason;
		state->ptr_unknown = true;
	}
	for (i = 0; i < a->count && i < PTR_MAX; i++)
		if (strcasecmp(a->records[i].name, helo) == 0)
			state->is_ptr = true;
	if (fc_join(fc, VERDICT_PASS) == VERDICT_PENDING)
		return VERDICT_PENDING;
	return finish(fc);
}

/* Is the name in HELO that of the client's address?  False: the DNS has to
 * tell.  XCLIENT may have said what it found. */
static bool
knows_ptr(struct filter_call *fc)
{
	struct helo_state *state = fc_session_state(fc);
	const struct client *client = fc_client(fc);

	if (!client->name_told)
		return false;
	if (client->naming == CLIENT_NAME_TEMPORARY) {
		state->ptr_unknown = true;
		state->reason = "XCLIENT said that the client's name can not "
				"be found out now";
	} else if (client->naming == CLIENT_NAME_KNOWN)
		state->is_ptr = strcasecmp(client->name, client->helo) == 0;
	return state->ptr_unknown || state->is_ptr;
}

/* Asks all at once. */
static enum verdict
ask(struct filter_call *fc, unsigned wanted)
{
	const struct client *client = fc_client(fc);
	char reverse[DNS_REVERSE_SIZE];

	fc_dns(fc, client->helo, DNS_A, got_addresses);
	fc_dns(fc, client->helo, DNS_AAAA, got_addresses);
	if ((wanted & BIT(RDNS_MISMATCH)) != 0 && !knows_ptr(fc) &&
	    dns_name_reverse(&client->addr, NULL, reverse, sizeof(reverse)))
		fc_dns(fc, reverse, DNS_PTR, got_names);
	return VERDICT_PENDING;
}

static enum verdict
on_helo(struct filter_call *fc)
{
	const struct helo_conf *conf = fc_conf(fc);
	struct helo_state *state = fc_session_state(fc);
	const struct client *client = fc_client(fc);
	unsigned tested = conf->faults.tested;
	bool is_name;

	*state = (struct helo_state){ .charged = state->charged };
	if (client->is_probe || is_trusted(conf, client))
		return judge(fc);
	state->found = look(fc, conf, &is_name);
	/* Who is refused anyway need not wait. */
	if (is_name && (state->found & conf->faults.denied) == 0 &&
	    (tested & (BIT(UNRESOLVABLE) | BIT(RDNS_MISMATCH))) != 0)
		return ask(fc, tested);
	return judge(fc);
}

const struct filter filter_helo = {
	.name = "helo",
	.summary = "judge the name by which a client greets",
	.on = { [PHASE_HELO] = on_helo },
	.options = options,
	.conf_size = sizeof(struct helo_conf),
	.session_size = sizeof(struct helo_state),
	.prepare = prepare,
	.warn = warn,
};

/*
 * rdns: the client's name, as the DNS has it for the address, and the address
 * for that name (RFC 8499: forward-confirmed reverse DNS).  Who has none, who
 * has one that is not confirmed, and who can not be looked up just now are
 * three different things.
 */

#include <stdio.h>
#include <string.h>

#include "filters/faults.h"
#include "gateway/filter.h"

#define NAMES_MAX 10 /* of one address; the others are not looked at */

enum { NONE, MISMATCH };
static const struct fault faults[] = {
	[NONE] = { "none", "rdns.none", "5.7.25",
	    "your address has no name in the DNS" },
	[MISMATCH] = { "mismatch", "rdns.mismatch", "5.7.25",
	    "the name of your address in the DNS is not one of this address" },
	{ .name = NULL },
};

struct rdns_conf {
	struct faults_conf faults;
	struct net_list except;
};

struct rdns_state {
	bool confirmed;
	const char *unknown; /* static: why a name could not be looked up */
};

#define CONF(field) offsetof(struct rdns_conf, field)
static const struct opt options[] = {
	FAULTS_OPTIONS(CONF(faults)),
	{ .name = "except",
	    .type = OPT_NETS,
	    .offset = CONF(except),
	    .help = "networks that are not looked up" },
	{ .name = NULL },
};

static bool
prepare(void *arg, char *say, size_t size)
{
	struct rdns_conf *conf = arg;

	return faults_prepare(&conf->faults, faults, say, size);
}

static enum verdict
fail(struct filter_call *fc, int fault)
{
	const struct rdns_conf *conf = fc_conf(fc);

	fc_set_fact(fc, "rdns", faults[fault].name);
	fc_set_client_nameless(fc, false);
	return faults_judge(
	    fc, &conf->faults, faults, 1u << fault, NULL, NULL, 554);
}

/* It matters only if the answer could have been one that is refused. */
static enum verdict
trouble(struct filter_call *fc, unsigned possible, const char *reason)
{
	const struct rdns_conf *conf = fc_conf(fc);

	fc_set_fact(fc, "rdns", "temporary");
	if ((conf->faults.denied & possible) == 0)
		return VERDICT_PASS;
	return fc_unknown(fc, "the client's name: %s", reason);
}

/* What XCLIENT said of the name is believed.  That there is none is not: who
 * did not look, such as an nginx without a resolver, says the same. */
static bool
was_told(const struct client *client)
{
	return client->name_told && client->naming != CLIENT_NAME_NONE;
}

static enum verdict
believe(struct filter_call *fc)
{
	if (fc_client(fc)->naming == CLIENT_NAME_TEMPORARY)
		return trouble(fc, 1u << NONE | 1u << MISMATCH,
		    "XCLIENT said that it can not be found out now");
	fc_set_fact(fc, "rdns", "told");
	return VERDICT_PASS;
}

/* Of several names the first in the alphabet is the client's: the order of
 * answers must not decide. */
static void
look_at(struct filter_call *fc, struct rdns_state *state,
    const struct dns_answer *a)
{
	const struct client *client = fc_client(fc);
	size_t i;

	if (a->status == DNS_UNKNOWN)
		state->unknown = a->reason;
	if (!dns_name_is_host(a->name)) /* it will stand in header fields */
		return;
	for (i = 0; i < a->count; i++)
		if (net_same_ip(&a->records[i].addr, &client->addr)) {
			if (!state->confirmed ||
			    strcmp(a->name, client->name) < 0)
				fc_set_client_name(fc, a->name);
			state->confirmed = true;
			return;
		}
}

static enum verdict
got_addresses(struct filter_call *fc, const struct dns_answer *a)
{
	struct rdns_state *state = fc_session_state(fc);

	look_at(fc, state, a);
	if (fc_join(fc, VERDICT_PASS) == VERDICT_PENDING)
		return VERDICT_PENDING;
	if (state->confirmed) {
		fc_set_fact(fc, "rdns", "verified");
		return VERDICT_PASS;
	}
	if (state->unknown != NULL) {
		fc_set_client_nameless(fc, true);
		return trouble(fc, 1u << MISMATCH, state->unknown);
	}
	return fail(fc, MISMATCH);
}

static enum verdict
got_names(struct filter_call *fc, const struct dns_answer *a)
{
	char names[NAMES_MAX * DNS_NAME_SIZE];
	enum dns_type type =
	    fc_client(fc)->addr.ss.ss_family == AF_INET6 ? DNS_AAAA : DNS_A;
	size_t i, at = 0;

	if (a->status == DNS_UNKNOWN) {
		fc_set_client_nameless(fc, true);
		return trouble(fc, 1u << NONE | 1u << MISMATCH, a->reason);
	}
	if (a->count == 0)
		return fail(fc, NONE);
	names[0] = '\0';
	for (i = 0; i < a->count && i < NAMES_MAX; i++) {
		if (at + strlen(a->records[i].name) + 2 < sizeof(names))
			at += (size_t)snprintf(names + at, sizeof(names) - at,
			    "%s%s", at > 0 ? " " : "", a->records[i].name);
		fc_dns(fc, a->records[i].name, type, got_addresses);
	}
	fc_set_fact(fc, "ptr", names);
	return VERDICT_PENDING;
}

static enum verdict
on_connect(struct filter_call *fc)
{
	const struct rdns_conf *conf = fc_conf(fc);
	const struct client *client = fc_client(fc);
	char name[DNS_REVERSE_SIZE];

	if (client->is_probe || net_list_has(&conf->except, &client->addr))
		return VERDICT_PASS;
	if (was_told(client))
		return believe(fc);
	if (!dns_name_reverse(&client->addr, NULL, name, sizeof(name)))
		return VERDICT_PASS;
	return fc_dns(fc, name, DNS_PTR, got_names);
}

const struct filter filter_rdns = {
	.name = "rdns",
	.summary = "find the client's name, confirmed by the DNS",
	.on = { [PHASE_CONNECT] = on_connect },
	.options = options,
	.conf_size = sizeof(struct rdns_conf),
	.session_size = sizeof(struct rdns_state),
	.prepare = prepare,
};

/*
 * access: allows or denies by lists: the client's network and name, what it
 * calls itself, sender and recipients.  An allowed one is spared the filters
 * behind this one, at that step alone.
 */

#include <stdio.h>
#include <string.h>

#include "gateway/filter.h"

enum { NAME, HELO, SENDER, RCPT, LISTS };

struct access_conf {
	struct net_list allow;
	struct net_list deny;
	struct opt_list allow_list[LISTS];
	struct opt_list deny_list[LISTS];
	const char *text;
};

static const struct {
	const char *allow, *deny; /* the options' names */
	enum opt_match_kind kind;
	const char *what;
} lists[LISTS] = {
	[NAME] = { "allow-name", "deny-name", OPT_MATCH_DOMAINS, "your name" },
	[HELO] = { "allow-helo", "deny-helo", OPT_MATCH_DOMAINS,
	    "your HELO name" },
	[SENDER] = { "allow-sender", "deny-sender", OPT_MATCH_ADDRESSES,
	    "this sender" },
	[RCPT] = { "allow-rcpt", "deny-rcpt", OPT_MATCH_ADDRESSES,
	    "this recipient" },
};

#define CONF(field) offsetof(struct access_conf, field)
#define LIST(list, option, text)                                        \
	{                                                               \
		.name = option, .type = OPT_LIST, .offset = CONF(list), \
		.domains_from = 1, .help = text                         \
	}
static const struct opt options[] = {
	{ .name = "allow",
	    .type = OPT_NETS,
	    .offset = CONF(allow),
	    .help = "networks that the rest of the CONNECT filters is not "
		    "asked about" },
	{ .name = "deny",
	    .type = OPT_NETS,
	    .offset = CONF(deny),
	    .help = "networks that are refused" },
	LIST(allow_list[NAME], "allow-name",
	    "clients' verified names (rdns), *.example.org for all below"),
	LIST(deny_list[NAME], "deny-name",
	    "clients' names in the DNS (rdns), verified or not"),
	LIST(allow_list[HELO], "allow-helo", "names in HELO and EHLO"),
	LIST(deny_list[HELO], "deny-helo", "names in HELO and EHLO"),
	LIST(allow_list[SENDER], "allow-sender",
	    "addresses, domains, *.example.org, <>, * in MAIL"),
	LIST(deny_list[SENDER], "deny-sender",
	    "addresses, domains, *.example.org, <>, * in MAIL"),
	LIST(allow_list[RCPT], "allow-rcpt",
	    "addresses, domains, *.example.org, * in RCPT"),
	LIST(deny_list[RCPT], "deny-rcpt",
	    "addresses, domains, *.example.org, * in RCPT"),
	{ .name = "text",
	    .type = OPT_STRING,
	    .offset = CONF(text),
	    .help = "what is told instead of \"your address is not allowed "
		    "here\" and the like" },
	{ .name = NULL },
};

static bool
prepare(void *arg, char *say, size_t size)
{
	struct access_conf *conf = arg;
	int i;

	for (i = 0; i < LISTS; i++)
		if (!opt_match_prepare(&conf->allow_list[i], lists[i].kind,
			lists[i].allow, say, size) ||
		    !opt_match_prepare(&conf->deny_list[i], lists[i].kind,
			lists[i].deny, say, size))
			return false;
	return true;
}

static void
note(struct filter_call *fc, const char *list, const char *entry)
{
	char fact[400];

	snprintf(fact, sizeof(fact), "%s:%s", list, entry);
	fc_set_fact(fc, "access", fact);
}

static enum verdict
deny(struct filter_call *fc, int code, const char *what)
{
	const struct access_conf *conf = fc_conf(fc);

	if (conf->text != NULL)
		return fc_reject(fc, code, "5.7.1", "%s", conf->text);
	return fc_reject(fc, code, "5.7.1", "%s is not allowed here", what);
}

static enum verdict
judge(struct filter_call *fc, int list, const char *allowed, const char *denied)
{
	if (allowed != NULL) {
		note(fc, lists[list].allow, allowed);
		return VERDICT_ACCEPT;
	}
	if (denied == NULL)
		return VERDICT_PASS;
	note(fc, lists[list].deny, denied);
	return deny(fc, list == NAME ? 554 : 550, lists[list].what);
}

/* Any of the names of the client's address, which need not be true: nobody
 * gives himself a name that is denied. */
static const char *
find_denied_name(struct filter_call *fc)
{
	const struct access_conf *conf = fc_conf(fc);
	const struct opt_list *l = &conf->deny_list[NAME];
	const char *name = fc_client(fc)->name, *found = NULL;
	const char *rest = fc_fact(fc, "ptr");
	char one[DNS_NAME_SIZE];
	size_t len;

	if (name != NULL)
		found = opt_match_domain(l, name);
	for (; found == NULL && rest != NULL && *rest != '\0';
	     rest += len + strspn(rest + len, " ")) {
		len = strcspn(rest, " ");
		snprintf(one, sizeof(one), "%.*s", (int)len, rest);
		found = opt_match_domain(l, one);
	}
	return found;
}

static enum verdict
judge_name(struct filter_call *fc)
{
	const struct access_conf *conf = fc_conf(fc);
	enum client_naming naming = fc_client(fc)->naming;
	const char *name = fc_client(fc)->name;
	const char *allowed = NULL, *denied;

	if (conf->allow_list[NAME].count == 0 &&
	    conf->deny_list[NAME].count == 0)
		return VERDICT_PASS;
	if (name != NULL)
		allowed = opt_match_domain(&conf->allow_list[NAME], name);
	denied = allowed == NULL ? find_denied_name(fc) : NULL;
	if (allowed == NULL && denied == NULL) {
		if (naming == CLIENT_NAME_NOT_ASKED)
			return fc_unknown(fc,
			    "the client's name: a filter of type rdns has to "
			    "stand before this one");
		if (naming == CLIENT_NAME_TEMPORARY)
			return fc_unknown(
			    fc, "the client's name: the DNS did not answer");
	}
	return judge(fc, NAME, allowed, denied);
}

static enum verdict
on_connect(struct filter_call *fc)
{
	const struct access_conf *conf = fc_conf(fc);
	const struct client *client = fc_client(fc);

	if (net_list_has(&conf->allow, &client->addr)) {
		note(fc, "allow", client->ip);
		return VERDICT_ACCEPT;
	}
	if (net_list_has(&conf->deny, &client->addr)) {
		note(fc, "deny", client->ip);
		return deny(fc, 554, "your address");
	}
	return judge_name(fc);
}

static enum verdict
on_helo(struct filter_call *fc)
{
	const struct access_conf *conf = fc_conf(fc);
	const char *helo = fc_client(fc)->helo;
	char name[DNS_NAME_SIZE];
	size_t len = strlen(helo);

	/* The same name with a dot behind it is no other one. */
	if (len > 1 && len <= sizeof(name) && helo[len - 1] == '.') {
		snprintf(name, sizeof(name), "%.*s", (int)len - 1, helo);
		helo = name;
	}
	return judge(fc, HELO, opt_match_domain(&conf->allow_list[HELO], helo),
	    opt_match_domain(&conf->deny_list[HELO], helo));
}

static enum verdict
judge_address(struct filter_call *fc, int list, const struct address *a)
{
	const struct access_conf *conf = fc_conf(fc);
	char buf[ADDRESS_PLAIN_SIZE];
	const char *text = address_plain(a, buf, sizeof(buf));

	return judge(fc, list,
	    opt_match_address(&conf->allow_list[list], text, a->plain),
	    opt_match_address(&conf->deny_list[list], text, a->plain));
}

static enum verdict
on_mail(struct filter_call *fc)
{
	return judge_address(fc, SENDER, fc_sender(fc));
}

static enum verdict
on_rcpt(struct filter_call *fc)
{
	return judge_address(fc, RCPT, fc_recipient(fc));
}

const struct filter filter_access = {
	.name = "access",
	.summary = "allow and deny clients, senders and recipients by lists",
	.on = { [PHASE_CONNECT] = on_connect,
	    [PHASE_HELO] = on_helo,
	    [PHASE_MAIL] = on_mail,
	    [PHASE_RCPT] = on_rcpt },
	.options = options,
	.conf_size = sizeof(struct access_conf),
	.prepare = prepare,
};

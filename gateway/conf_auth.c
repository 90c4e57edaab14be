/*
 * What the authentication of a listener means: see conf_check.c.
 */

#include "conf_tree.h"
#include "filter.h"

/* It is the last of the listener's filters, and the only one with a phase
 * AUTH. */
static void
find_auth(
    struct conf_reader *r, const struct conf_block *b, struct listener_conf *lc)
{
	const struct filter_instance *fi;

	if (lc->auth_name == NULL)
		return;
	fi = conf_filter_named(r->config, lc->auth_name);
	if (fi == NULL)
		conf_complain(r, conf_line(b, "auth"),
		    "there is no filter '%s'", lc->auth_name);
	else if (fi->type->mechanisms == NULL)
		conf_complain(r, conf_line(b, "auth"),
		    "filter '%s' does not authenticate", lc->auth_name);
	else
		lc->auth = lc->filters[lc->filter_count++] = fi;
}

static void
check_auth(struct conf_reader *r, const struct conf_block *b,
    const struct listener_conf *lc)
{
	if (lc->require_auth && lc->auth_name == NULL && !lc->xclient_login)
		conf_complain(r, conf_line(b, "require-auth"),
		    "require-auth without auth: no mail could be sent");
	if (lc->auth_name != NULL && !lc->auth_plaintext &&
	    lc->starttls_name == NULL && lc->tls_name == NULL &&
	    lc->proxy_from.count == 0)
		conf_complain(r, conf_line(b, "auth"),
		    "auth is offered under TLS, which this listener has not: "
		    "set starttls, tls, or (if the network is safe) "
		    "auth-plaintext");
}

void
conf_check_auth(
    struct conf_reader *r, const struct conf_block *b, struct listener_conf *lc)
{
	find_auth(r, b, lc);
	check_auth(r, b, lc);
}

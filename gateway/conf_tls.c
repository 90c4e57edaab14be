/*
 * What the tls sections mean: certificates and keys are read here, so that
 * "posternd -n" finds what is wrong with them.
 */

#include <string.h>

#include "conf_tree.h"

static void load(
    struct conf_reader *, const struct conf_block *, struct tls_conf *);
static struct tls_context *find(struct conf_reader *, const struct conf_block *,
    const char *, const char *);
static void check_listener(
    struct conf_reader *, const struct conf_block *, struct listener_conf *);

void
conf_check_tls(struct conf_reader *r)
{
	struct listener_conf *lc = r->config->listeners;
	struct tls_conf *tc = r->config->tls;
	const struct conf_block *b = NULL;

	while ((b = conf_next(&r->root, "tls", b)) != NULL)
		load(r, b, tc++);
	while ((b = conf_next(&r->root, "listen", b)) != NULL)
		check_listener(r, b, lc++);
}

static void
load(struct conf_reader *r, const struct conf_block *b, struct tls_conf *tc)
{
	const struct listener_conf *lc = r->config->listeners;
	char why[400];
	size_t i;

	if (tc->certificates.count == 0)
		conf_needs(r, b, "certificate");
	else if (tls_load(tc, why, sizeof(why)) == -1)
		conf_complain(r, conf_line(b, "certificate"), "tls '%s': %s",
		    tc->name, why);
	if (tc->client_ca != NULL && tc->verify_client == TLS_VERIFY_NONE)
		conf_warn(r, conf_line(b, "client-ca"),
		    "client-ca is of no use without verify-client");
	for (i = 0; i < r->config->listener_count; i++)
		if ((lc[i].starttls_name != NULL &&
			strcmp(lc[i].starttls_name, tc->name) == 0) ||
		    (lc[i].tls_name != NULL &&
			strcmp(lc[i].tls_name, tc->name) == 0))
			return;
	conf_warn(r, b->line, "tls '%s' is not used by any listener", tc->name);
}

static struct tls_context *
find(struct conf_reader *r, const struct conf_block *b, const char *option,
    const char *name)
{
	struct tls_conf *tc = r->config->tls;
	size_t i;

	if (name == NULL)
		return NULL;
	for (i = 0; i < r->config->tls_count; i++)
		if (strcmp(tc[i].name, name) == 0)
			return tc[i].context;
	conf_complain(r, conf_line(b, option), "there is no tls '%s'", name);
	return NULL;
}

static void
check_listener(
    struct conf_reader *r, const struct conf_block *b, struct listener_conf *lc)
{
	lc->starttls = find(r, b, "starttls", lc->starttls_name);
	lc->tls = find(r, b, "tls", lc->tls_name);
	if (lc->starttls_name != NULL && lc->tls_name != NULL)
		conf_complain(r, conf_line(b, "starttls"),
		    "a listener has either starttls or tls");
	if (lc->require_tls && lc->starttls_name == NULL &&
	    lc->tls_name == NULL && lc->proxy_from.count == 0)
		conf_complain(r, conf_line(b, "require-tls"),
		    "require-tls needs starttls, tls or a proxy that does TLS");
}

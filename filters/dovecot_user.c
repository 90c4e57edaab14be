/*
 * dovecot-user: asks Dovecot whether a recipient has a mailbox (USER of its
 * auth-userdb protocol, version 1), over one connection per worker.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dovecot.h"
#include "gateway/filter.h"

#define USER_SIZE 600

struct dovecot_user_conf {
	const char *socket;
	const char *service;
	const char *extension;
	struct opt_list domains;
	int64_t outstanding;
	struct net_addr addr; /* by prepare() */
};

struct server { /* what this connection told */
	bool greeted;
};

#define CONF(field) offsetof(struct dovecot_user_conf, field)
static const struct opt options[] = {
	{ .name = "socket",
	    .type = OPT_STRING,
	    .offset = CONF(socket),
	    .help = "Dovecot's auth-userdb: /path or ip:port; default: where "
		    "it usually is" },
	{ .name = "service",
	    .type = OPT_STRING,
	    .offset = CONF(service),
	    .def = "smtp",
	    .help = "the service that Dovecot is told" },
	{ .name = "extension",
	    .type = OPT_STRING,
	    .offset = CONF(extension),
	    .help = "characters that begin an extension of a local part, which "
		    "is not asked about (\"+\"); default: none" },
	{ .name = "domains",
	    .type = OPT_LIST,
	    .offset = CONF(domains),
	    .domains_from = 1,
	    .help = "only recipients in these domains are asked about; "
		    "default: all" },
	{ .name = "outstanding",
	    .type = OPT_NUMBER,
	    .offset = CONF(outstanding),
	    .def = "1000",
	    .min = 1,
	    .max = 100000,
	    .help = "lookups at once, in one worker; more are unknown" },
	{ .name = NULL },
};

static int
compare(const void *a, const void *b)
{
	return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

static bool
prepare(void *arg, char *say, size_t size)
{
	struct dovecot_user_conf *conf = arg;

	if (conf->domains.count > 0)
		qsort(conf->domains.list, conf->domains.count,
		    sizeof(*conf->domains.list), compare);
	return dovecot_socket(
	    conf->socket, "auth-userdb", &conf->addr, say, size);
}

/* The connection. */

static const struct net_addr *
address(const void *arg)
{
	const struct dovecot_user_conf *conf = arg;

	return &conf->addr;
}

static void
greet(struct helper *h)
{
	struct server *s = helper_state(h);

	s->greeted = false;
	helper_send(h, "VERSION\t1\t1\n");
}

static bool
take_answer(struct helper *h, const char *word, char *rest)
{
	uint32_t number;
	const char *reason;
	char text[300];

	if (!dovecot_number(dovecot_field(&rest), &number))
		return false;
	reason = dovecot_field(&rest);
	snprintf(text, sizeof(text), "%s%s%.200s", word,
	    reason != NULL ? " " : "", reason != NULL ? reason : "");
	helper_answer(h, number, text, true);
	return true;
}

/* There is no DONE. */
static bool
on_line(struct helper *h, char *line)
{
	struct server *s = helper_state(h);
	size_t len = strcspn(line, "\t");
	char *rest = line + len + (line[len] != '\0');

	line[len] = '\0';
	if (strcmp(line, "VERSION") == 0) {
		s->greeted = dovecot_version(rest);
		if (s->greeted)
			helper_ready(h);
		return s->greeted;
	}
	if (!s->greeted)
		return false;
	if (strcmp(line, "USER") == 0 || strcmp(line, "NOTFOUND") == 0 ||
	    strcmp(line, "FAIL") == 0)
		return take_answer(h, line, rest);
	return true; /* SPID, and what is to come */
}

/* There is no way to take a lookup back. */
static void
cancel(struct helper *h, uint32_t number)
{
	(void)h;
	(void)number;
}

static const struct helper_type userdb = {
	.state_size = sizeof(struct server),
	.outstanding = CONF(outstanding),
	.address = address,
	.greet = greet,
	.line = on_line,
	.cancel = cancel,
};

/* RCPT. */

static bool
is_ours(const struct dovecot_user_conf *conf, const char *domain)
{
	return conf->domains.count == 0 ||
	    bsearch(&domain, conf->domains.list, conf->domains.count,
		sizeof(*conf->domains.list), compare) != NULL;
}

static enum verdict
answered(struct filter_call *fc, const struct answer *a)
{
	if (a->text == NULL)
		return fc_unknown(fc, "%s", a->fault);
	if (strncmp(a->text, "USER", 4) == 0)
		return VERDICT_PASS;
	if (strcmp(a->text, "NOTFOUND") == 0)
		return fc_reject(fc, 550, "5.1.1", "no such user here");
	return fc_unknown(fc, "Dovecot: %s", a->text);
}

static enum verdict
on_rcpt(struct filter_call *fc)
{
	const struct dovecot_user_conf *conf = fc_conf(fc);
	const struct address *rcpt = fc_recipient(fc);
	char user[USER_SIZE], line[2 * USER_SIZE] = "", buf[ADDRESS_PLAIN_SIZE];
	const char *local = rcpt->local;
	size_t len = strlen(local), ext;

	/* <postmaster> has to be taken (RFC 5321 4.5.1). */
	if (rcpt->domain[0] == '\0' || !is_ours(conf, rcpt->plain))
		return VERDICT_PASS;
	/* Quotes are how it is written, not the user's name. */
	if (local[0] == '"') {
		local = address_plain(rcpt, buf, sizeof(buf));
		len = (size_t)(strrchr(local, '@') - local);
	}
	ext = conf->extension != NULL ? strcspn(local, conf->extension) : len;
	if (ext == 0 || ext > len)
		ext = len;
	/* Dovecot knows nothing of U-labels, and by default of no such
	 * character: one form, whichever the client used. */
	snprintf(user, sizeof(user), "%.*s@%s", (int)ext, local, rcpt->plain);
	if (!dovecot_add(line, sizeof(line), "", user) ||
	    !dovecot_add(line, sizeof(line), "service=", conf->service))
		return fc_unknown(fc, "the recipient's address is too long");
	return fc_ask(fc, "USER", line, answered);
}

const struct filter filter_dovecot_user = {
	.name = "dovecot-user",
	.summary = "ask Dovecot whether recipients have a mailbox",
	.on = { [PHASE_RCPT] = on_rcpt },
	.options = options,
	.conf_size = sizeof(struct dovecot_user_conf),
	.prepare = prepare,
	.helper = &userdb,
};

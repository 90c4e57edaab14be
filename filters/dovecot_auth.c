/*
 * dovecot-auth: authenticates by Dovecot's auth service (its client protocol,
 * version 1), over one connection per worker.  All mechanisms that Dovecot
 * offers: postern only carries what they say.
 */

#include <stdio.h>
#include <string.h>

#include "dovecot.h"
#include "gateway/filter.h"

#define MECHANISMS_MAX 32
#define NAME_MAX_LEN 20
#define LINE_SIZE 16000 /* of Dovecot's 16384 */
/* Dovecot is slow on purpose: 15 s of penalty for an address that failed
 * before, and 2 s for a failure.  Who gives up earlier tells a guesser that
 * there is trouble, and counts no failure. */
#define TIMEOUT 30000
#define PENALTY_MAX 17000

struct dovecot_auth_conf {
	const char *socket;
	const char *service;
	int64_t outstanding;
	struct net_addr addr; /* by prepare() */
};

struct mechanism {
	char name[NAME_MAX_LEN + 1];
	bool plaintext;
	bool private; /* not for the eyes of clients */
};

/* What a connection told.  The last complete list is kept: EHLO shows it while
 * Dovecot is restarted, so that AUTH hears 454 and tries again. */
struct server {
	bool greeted;
	struct mechanism list[MECHANISMS_MAX];
	size_t count;
	struct mechanism done[MECHANISMS_MAX];
	size_t done_count;
};

#define CONF(field) offsetof(struct dovecot_auth_conf, field)
static const struct opt options[] = {
	{ .name = "socket",
	    .type = OPT_STRING,
	    .offset = CONF(socket),
	    .help = "Dovecot's auth-client: /path or ip:port; default: where "
		    "it usually is" },
	{ .name = "service",
	    .type = OPT_STRING,
	    .offset = CONF(service),
	    .def = "smtp",
	    .help = "the service that Dovecot is told" },
	{ .name = "outstanding",
	    .type = OPT_NUMBER,
	    .offset = CONF(outstanding),
	    .def = "1000",
	    .min = 1,
	    .max = 100000,
	    .help = "exchanges at once, in one worker; more get 454" },
	{ .name = NULL },
};

static bool
prepare(void *arg, char *say, size_t size)
{
	struct dovecot_auth_conf *conf = arg;

	return dovecot_socket(
	    conf->socket, "auth-client", &conf->addr, say, size);
}

static const char *
warn(const void *arg, int64_t timeout)
{
	(void)arg;
	if (timeout <= PENALTY_MAX)
		return "timeout is not longer than 17s: a wrong password that "
		       "Dovecot holds back would be answered as trouble (454)";
	return NULL;
}

/* The connection. */

static const struct net_addr *
address(const void *arg)
{
	const struct dovecot_auth_conf *conf = arg;

	return &conf->addr;
}

/* Both sides at once: since 2.4 the server waits for ours before it says
 * more. */
static void
greet(struct helper *h)
{
	struct server *s = helper_state(h);

	s->greeted = false;
	s->count = 0;
	helper_send(
	    h, "VERSION\t1\t2\nCPID\t%lu\n", (unsigned long)helper_id(h));
}

static void
add_mechanism(struct server *s, char *rest)
{
	const char *name = dovecot_field(&rest), *flag;
	struct mechanism *m;

	if (name == NULL || *name == '\0' || strlen(name) > NAME_MAX_LEN ||
	    strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") !=
		strlen(name) ||
	    s->count == MECHANISMS_MAX)
		return;
	m = &s->list[s->count++];
	memset(m, 0, sizeof(*m));
	memcpy(m->name, name, strlen(name));
	while ((flag = dovecot_field(&rest)) != NULL) {
		m->plaintext |= strcmp(flag, "plaintext") == 0;
		m->private |= strcmp(flag, "private") == 0;
	}
}

static bool
hands_shaken(struct helper *h)
{
	struct server *s = helper_state(h);

	memcpy(s->done, s->list, sizeof(s->done));
	s->done_count = s->count;
	helper_ready(h);
	return true;
}

/* The whole line is the answer; only its number is looked at here. */
static bool
take_answer(struct helper *h, const char *word, const char *rest, bool last)
{
	char number[12], line[16385];
	uint32_t n;

	snprintf(
	    number, sizeof(number), "%.*s", (int)strcspn(rest, "\t"), rest);
	if (!dovecot_number(number, &n))
		return false;
	rest += strcspn(rest, "\t");
	snprintf(line, sizeof(line), "%s%s", word, rest);
	helper_answer(h, n, line, last);
	fc_wipe(line, sizeof(line));
	return true;
}

static bool
on_line(struct helper *h, char *line)
{
	struct server *s = helper_state(h);
	size_t len = strcspn(line, "\t");
	char *rest = line + len + (line[len] != '\0');

	line[len] = '\0';
	if (strcmp(line, "VERSION") == 0)
		return s->greeted = dovecot_version(rest);
	if (!s->greeted)
		return false;
	if (strcmp(line, "OK") == 0 || strcmp(line, "FAIL") == 0)
		return take_answer(h, line, rest, true);
	if (strcmp(line, "CONT") == 0)
		return take_answer(h, line, rest, false);
	if (strcmp(line, "MECH") == 0)
		add_mechanism(s, rest);
	if (strcmp(line, "DONE") == 0)
		return hands_shaken(h);
	return true; /* SPID, CUID, COOKIE, and what is to come */
}

static void
cancel(struct helper *h, uint32_t number)
{
	helper_send(h, "CANCEL\t%lu\n", (unsigned long)number);
}

static const struct helper_type dovecot = {
	.state_size = sizeof(struct server),
	.outstanding = CONF(outstanding),
	.address = address,
	.greet = greet,
	.line = on_line,
	.cancel = cancel,
};

/* EHLO. */

static void
mechanisms(const void *conf, struct helper *h, bool tls, char *buf, size_t size)
{
	const struct server *s = h != NULL ? helper_state(h) : NULL;
	size_t i, at = 0, len;

	(void)conf;
	(void)tls; /* without it AUTH was allowed on purpose */
	buf[0] = '\0';
	for (i = 0; s != NULL && i < s->done_count; i++) {
		len = strlen(s->done[i].name);
		if (s->done[i].private || at + len + 2 > size)
			continue;
		at += (size_t)snprintf(buf + at, size - at, "%s%s",
		    at > 0 ? " " : "", s->done[i].name);
	}
}

static enum verdict
know_mechanisms(struct filter_call *fc, const struct answer *a)
{
	(void)fc;
	(void)a; /* without them EHLO is as before */
	return VERDICT_PASS;
}

static enum verdict
on_helo(struct filter_call *fc)
{
	return fc_client(fc)->esmtp && !fc_client(fc)->is_probe
	    ? fc_ready(fc, know_mechanisms)
	    : VERDICT_PASS;
}

/* AUTH. */

static enum verdict answered(struct filter_call *, const struct answer *);

static bool
is_there(const struct server *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->done_count; i++)
		if (strcmp(s->done[i].name, name) == 0)
			return true;
	return false;
}

static bool
add_address(
    char *line, const char *ip, const char *port, const struct net_addr *a)
{
	char text[NET_TEXT_MAX], number[16];

	if (a->ss.ss_family != AF_INET && a->ss.ss_family != AF_INET6)
		return true; /* nobody knows */
	if (!dovecot_add(line, LINE_SIZE, ip, net_ip(a, text, sizeof(text))))
		return false;
	if (net_port(a) <= 0) /* XCLIENT has told the address alone */
		return true;
	snprintf(number, sizeof(number), "%d", net_port(a));
	return dovecot_add(line, LINE_SIZE, port, number);
}

/* Mechanism, parameters, and the initial response, which has to be last; an
 * empty one is not the same as none. */
static bool
make_request(const struct filter_call *fc, char *line)
{
	const struct dovecot_auth_conf *conf = fc_conf(fc);
	const struct client *c = fc_client(fc);
	const char *response = fc_auth_response(fc);
	bool good;

	line[0] = '\0';
	good = dovecot_add(line, LINE_SIZE, fc_auth_mechanism(fc), NULL) &&
	    dovecot_add(line, LINE_SIZE, "service=", conf->service) &&
	    add_address(line, "rip=", "rport=", &c->addr) &&
	    add_address(line, "lip=", "lport=", &c->local);
	if (good && c->session != NULL)
		good = dovecot_add(line, LINE_SIZE, "session=", c->session);
	if (good && c->proxied)
		good = add_address(line, "real_rip=", "real_rport=", &c->peer);
	if (good && c->server_name != NULL)
		good =
		    dovecot_add(line, LINE_SIZE, "local_name=", c->server_name);
	if (good && c->tls)
		good = dovecot_add(line, LINE_SIZE, "secured=tls", NULL) &&
		    (c->tls_version == NULL ||
			dovecot_add(line, LINE_SIZE,
			    "tls_protocol=", c->tls_version)) &&
		    (c->tls_cipher == NULL ||
			dovecot_add(
			    line, LINE_SIZE, "tls_cipher=", c->tls_cipher));
	if (good && response != NULL)
		good = dovecot_add(line, LINE_SIZE, "resp=", response);
	return good;
}

static enum verdict
ready(struct filter_call *fc, const struct answer *a)
{
	char line[LINE_SIZE];
	enum verdict v;

	if (a->text == NULL)
		return fc_unknown(fc, "%s", a->fault);
	/* Dovecot drops the whole connection for an unknown one. */
	if (!is_there(helper_state(fc_helper(fc)), fc_auth_mechanism(fc)))
		return fc_reject(
		    fc, 504, "5.5.4", "unknown authentication mechanism");
	v = make_request(fc, line)
	    ? fc_ask(fc, "AUTH", line, answered)
	    : fc_reject(fc, 500, "5.5.6", "authentication response too long");
	fc_wipe(line, sizeof(line));
	return v;
}

static enum verdict
on_auth(struct filter_call *fc)
{
	return fc_ready(fc, ready);
}

static enum verdict
got_response(struct filter_call *fc)
{
	return fc_ask(fc, "CONT", fc_auth_response(fc), answered);
}

static enum verdict
accepted(struct filter_call *fc, char *rest)
{
	const char *user = NULL, *field;
	bool nologin = false;

	while ((field = dovecot_field(&rest)) != NULL) {
		if (strncmp(field, "user=", 5) == 0)
			user = field + 5;
		nologin |= strcmp(field, "nologin") == 0;
	}
	if (user == NULL)
		return fc_unknown(fc, "Dovecot's OK names no user");
	if (nologin) {
		fc_auth_name(fc, user);
		return fc_reject(fc, 525, "5.7.13", "account disabled");
	}
	return fc_auth_accept(fc, user);
}

/* Reasons are Dovecot's words for the client, if it has any. */
static enum verdict
refused(struct filter_call *fc, char *rest)
{
	const char *code = "", *reason = NULL, *field;
	bool temporary = false;

	while ((field = dovecot_field(&rest)) != NULL) {
		if (strncmp(field, "user=", 5) == 0)
			fc_auth_name(fc, field + 5);
		else if (strncmp(field, "code=", 5) == 0)
			code = field + 5;
		else if (strncmp(field, "reason=", 7) == 0)
			reason = field + 7;
		else if (strcmp(field, "temp") == 0)
			temporary = true;
		else if (strcmp(field, "user_disabled") == 0 ||
		    strcmp(field, "pass_expired") == 0)
			code = field; /* before 2.3 */
	}
	if (temporary || strcmp(code, "temp_fail") == 0)
		return fc_unknown(fc, "Dovecot: %s",
		    reason != NULL ? reason : "temporary failure");
	if (strcmp(code, "user_disabled") == 0)
		return fc_reject(fc, 525, "5.7.13", "%s",
		    reason != NULL ? reason : "account disabled");
	if (strcmp(code, "pass_expired") == 0)
		return fc_reject(fc, 535, "5.7.8", "%s",
		    reason != NULL ? reason : "password expired");
	if (strcmp(code, "invalid_base64") == 0)
		return fc_reject(fc, 501, "5.5.2", "that is not base64");
	return fc_reject(fc, 535, "5.7.8", "%s",
	    reason != NULL ? reason : "authentication failed");
}

static enum verdict
answered(struct filter_call *fc, const struct answer *a)
{
	char line[16385], *rest = line, *word;
	const char *challenge;
	enum verdict v;

	if (a->text == NULL)
		return fc_unknown(fc, "%s", a->fault);
	snprintf(line, sizeof(line), "%s", a->text);
	word = dovecot_field(&rest);
	if (strcmp(word, "OK") == 0)
		v = accepted(fc, rest);
	else if (strcmp(word, "FAIL") == 0)
		v = refused(fc, rest);
	else {
		challenge = dovecot_field(&rest);
		v = fc_auth_challenge(
		    fc, challenge != NULL ? challenge : "", got_response);
	}
	fc_wipe(line, sizeof(line));
	return v;
}

const struct filter filter_dovecot_auth = {
	.name = "dovecot-auth",
	.summary = "authenticate by Dovecot",
	.on = { [PHASE_HELO] = on_helo, [PHASE_AUTH] = on_auth },
	.options = options,
	.conf_size = sizeof(struct dovecot_auth_conf),
	.mechanisms = mechanisms,
	.prepare = prepare,
	.warn = warn,
	.helper = &dovecot,
	.timeout = TIMEOUT,
};

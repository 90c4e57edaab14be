/*
 * A worker without its process: see gate.h.
 */

#include "gate.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account.h"
#include "agent_quarantine.h"
#include "caps.h"
#include "cert.h"
#include "chain.h"
#include "checker.h"
#include "compat.h"
#include "conf.h"
#include "conn.h"
#include "dns.h"
#include "inflight.h"
#include "journal.h"
#include "filter.h"
#include "helper.h"
#include "http.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "message.h"
#include "net.h"
#include "op.h"
#include "rates.h"
#include "relay.h"
#include "route.h"
#include "servers.h"
#include "stats.h"

#define NETWORKS 4096
#define START_MS 1200000		  /* of the scripted clock */
#define START_WALL INT64_C(1767323045000) /* Fri, 2 Jan 2026 03:04:05 */

static char last_mail[LOG_LINE_MAX + 1];
static char last_session[LOG_LINE_MAX + 1];
static char last_other[LOG_LINE_MAX + 1];
static FILE *records; /* NULL: nobody wants them all */

void
gate_records(FILE *f)
{
	records = f;
}

bool
gate_records_all(void)
{
	return records != NULL;
}

static void
on_log(const char *line, size_t len)
{
	char *to = last_other;

	if (records != NULL)
		fprintf(records, "%s\n", line);
	if (strstr(line, " event=mail ") != NULL)
		to = last_mail;
	else if (strstr(line, " event=session ") != NULL)
		to = last_session;
	if (len > LOG_LINE_MAX)
		len = LOG_LINE_MAX;
	memcpy(to, line, len);
	to[len] = '\0';
}

const char *
gate_log(const char *event)
{
	const char *line = last_other;

	if (strcmp(event, "mail") == 0)
		line = last_mail;
	else if (strcmp(event, "session") == 0)
		line = last_session;
	return line[0] != '\0' ? line : NULL;
}

static void
put_config(FILE *f, const char *dir, const char *text, int port)
{
	static const struct {
		const char *word;
		const char *before;
		const char *behind;
	} words[] = { { "@BACKEND@", "unix:", "/b1" },
		{ "@BACKEND2@", "unix:", "/b2" },
		{ "@BACKEND3@", "unix:", "/b3" },
		{ "@BACKEND4@", "unix:", "/b4" },
		{ "@NOBODY@", "unix:", "/nobody" },
		{ "@NOBODY2@", "unix:", "/nobody2" }, { "@NAMED@", NULL, NULL },
		{ "@DIR@", "", "" }, { "@CERT@", "", "/cert" },
		{ "@KEY@", "", "/key" }, { "@SECRET@", "", "/secret" },
		{ "@HOSTS@", "", "/hosts" } };
	size_t i, len = 0;

	while (*text != '\0') {
		for (i = 0; i < nitems(words); i++) {
			len = strlen(words[i].word);
			if (strncmp(text, words[i].word, len) == 0)
				break;
		}
		if (i == nitems(words)) {
			putc(*text++, f);
			continue;
		}
		if (words[i].before == NULL)
			fprintf(f, "\"mail.test:%d\"", port);
		else
			fprintf(f, "\"%s%s%s\"", words[i].before, dir,
			    words[i].behind);
		text += len;
	}
}

bool
gate_server(struct gate *g, const char *name, bool drain)
{
	int64_t now = loop_now(g->front.loop);

	return drain ? servers_drain(g->servers, name, now)
		     : servers_enable(g->servers, name, now);
}

/* Nobody else may read a secret. */
static void
put_file(const char *dir, const char *name, const char *text)
{
	mode_t old = umask(077);
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	umask(old);
	if (f == NULL)
		abort();
	fputs(text, f);
	fclose(f);
}

/* The files that it names; whoever made dir removes them. */
static void
put_files(const char *dir, const char *text)
{
	char cert[200], key[200];

	snprintf(cert, sizeof(cert), "%s/cert", dir);
	snprintf(key, sizeof(key), "%s/key", dir);
	if (strstr(text, "@CERT@") != NULL)
		cert_make(&(struct cert){
		    .name = "mx.test", .cert = cert, .key = key });
	if (strstr(text, "@SECRET@") != NULL)
		put_file(dir, "secret", "open sesame\n");
	if (strstr(text, "@HOSTS@") != NULL)
		put_file(dir, "hosts", "127.0.0.1 known.test Known2.test\n");
}

/* The machine's own server is never asked. */
static void
set_resolver(struct dns_settings *s, const struct net_addr *dns)
{
	const char *err;

	s->resolv_conf = NULL;
	s->server_count = 1;
	if (dns != NULL)
		s->servers[0] = *dns;
	else if (net_parse("127.0.0.1:1", &s->servers[0], &err) == -1)
		abort();
}

struct config *
gate_config(const char *dir, const char *name, const char *text,
    const struct net_addr *dns, int port)
{
	struct config *c = NULL;
	char path[200], line[500];
	FILE *f, *said;

	snprintf(path, sizeof(path), "%s/postern.conf", dir);
	f = fopen(path, "w");
	if (f == NULL || text == NULL) {
		printf("%s: no configuration\n", name);
		return NULL;
	}
	put_config(f, dir, text, port);
	fclose(f);
	said = tmpfile();
	if (said == NULL)
		return NULL;
	put_files(dir, text);
	c = conf_load(path, said);
	/* Warnings are none of ours. */
	rewind(said);
	while (c == NULL && fgets(line, sizeof(line), said) != NULL)
		printf("%s: %s", name, line);
	fclose(said);
	unlink(path);
	if (c != NULL)
		set_resolver(&c->resolver.settings, dns);
	return c;
}

static bool
has_names(const struct config *c)
{
	size_t i, k;

	for (i = 0; i < c->backend_count; i++)
		for (k = 0; k < c->backends[i].server_count; k++)
			if (c->backends[i].servers[k].named != NULL)
				return true;
	return false;
}

/* What a play before has found out is forgotten. */
static void
forget_names(const struct config *c)
{
	struct server_names *s;
	size_t i, k;

	for (i = 0; i < c->backend_count; i++)
		for (k = 0; k < c->backends[i].server_count; k++) {
			s = c->backends[i].servers[k].named;
			if (s == NULL)
				continue;
			s->known = false;
			s->count = 0;
			s->why = NULL;
		}
}

static void
forget_all(struct gate *g)
{
	caps_free(&g->caps);
	g->caps = caps_new(g->config->server_count);
	relay_set_caps(g->front.relay, g->caps);
}

static void
learn_all(struct gate *g)
{
	const struct ehlo usual = { .have = EHLO_8BITMIME };
	const struct backend_conf *b;
	size_t i, k;

	forget_all(g);
	for (i = 0; i < g->config->backend_count; i++) {
		b = &g->config->backends[i];
		for (k = 0; k < b->server_count; k++)
			caps_learn(
			    g->caps, b->name, b->servers[k].name, &usual);
	}
}

bool
gate_offers(struct gate *g, const char *text)
{
	struct ehlo e = { .have = 0 };
	char backend[50], server[50];
	size_t len;
	int at = 0;

	if (strcmp(text, "nothing") == 0) {
		forget_all(g);
		return true;
	}
	if (sscanf(text, "%49[^/]/%49[^ ] %n", backend, server, &at) < 2 ||
	    at == 0)
		return false;
	text += at;
	if (strcmp(text, "down") == 0) {
		caps_lost(g->caps, backend, server);
		return true;
	}
	for (; *text != '\0'; text += len + (text[len] == ',')) {
		len = strcspn(text, ",");
		ehlo_line(&e, text, len);
	}
	caps_learn(g->caps, backend, server, &e);
	return true;
}

/* Ids are the same each time, and nothing is overwritten: a new one each time.
 */
static char *
quarantine_below(const char *directory)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/XXXXXX", directory);
	if (mkdtemp(path) == NULL)
		abort();
	return xstrdup(path);
}

/* Instead of its process, in the same loop: see gate_work(). */
static void
open_agent(struct gate *g)
{
	const struct config *c = g->config;
	const struct filter_instance *fi = c->filters;
	struct agent_quarantine *q;
	int fds[2];

	g->services.agent_fd = -1;
	q = g->agent_conf.quarantines =
	    xcalloc(c->filter_count + 1, sizeof(*q));
	for (; fi < c->filters + c->filter_count; fi++)
		if (fi->type->directory != NULL)
			q[g->agent_conf.quarantine_count++] =
			    (struct agent_quarantine){ fi->name,
				    quarantine_below(
					fi->type->directory(fi->conf)) };
	if (g->agent_conf.quarantine_count == 0)
		return;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) == -1 ||
	    net_nonblock(fds[0]) == -1)
		abort();
	g->services.agent_fd = fds[0];
	g->agent = agent_new(fds[1], &g->agent_conf);
}

static void
close_agent(struct gate *g)
{
	struct agent_conf *conf = &g->agent_conf;

	if (g->agent != NULL) {
		close(g->services.agent_fd);
		agent_free(&g->agent);
	}
	while (conf->quarantine_count-- > 0)
		free(
		    (void *)(uintptr_t)conf->quarantines[conf->quarantine_count]
			.directory);
	free(conf->quarantines);
}

void
gate_open(struct gate *g, const struct config *c)
{
	const struct listener_conf *lc = &c->listeners[0];
	struct front *f = &g->front;

	assert(filters[0] != NULL); /* of filter_told.c */
	memset(g, 0, sizeof(*g));
	last_mail[0] = last_session[0] = last_other[0] = '\0';
	log_capture(on_log);
	g->config = c;
	f->loop = loop_new();
	loop_script_clock(f->loop, START_MS, START_WALL);
	f->limits = &c->limits;
	f->hostname = c->hostname;
	f->all_sessions = c->log.sessions;
	f->spool = spool_new(&c->spool);
	f->stats = stats_new(1, SERVERS_MAX);
	g->servers = servers_new();
	if (!pool_enter_servers(g->servers, f->stats, c->backends,
		c->backend_count, loop_now(f->loop)))
		abort();
	f->account = account_new(f->stats, 0, c->limits.memory);
	loop_set_account(f->loop, f->account);
	spool_set_account(f->spool, f->account);
	f->journal = journal_new();
	f->inflight = inflight_new(1);
	f->rates = rates_new(NETWORKS, 1);
	TAILQ_INIT(&f->open);
	f->dns = dns_new(f->loop, &c->resolver.settings);
	forget_names(c);
	f->relay = relay_new(f->loop, c->backends, c->backend_count,
	    &(struct pool_shared){ .stats = f->stats, .servers = g->servers },
	    -1, c->hostname);
	relay_set_dns(f->relay, f->dns);
	learn_all(g);
	f->router = g->router = router_new(c->routes, c->route_count);
	f->routes = c->routes;
	f->route_count = c->route_count;
	g->services.helpers = helpers_new(f->loop, c->filters, c->filter_count);
	g->services.http = http_new(f->loop, f->dns, &c->hosts);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, g->checker_fds) == -1 ||
	    net_nonblock(g->checker_fds[0]) == -1 ||
	    net_nonblock(g->checker_fds[1]) == -1)
		abort();
	g->services.checker_fd = g->checker_fds[0];
	open_agent(g);
	f->services = &g->services;
	g->chain = chain_new(f->loop, lc->filters, lc->filter_count);
	chain_set_dns(g->chain, f->dns);
	chain_set_services(g->chain, &g->services);
	chain_set_hostname(
	    g->chain, lc->hostname != NULL ? lc->hostname : c->hostname);
}

int
gate_connect(struct gate *g, const char *address)
{
	const struct listener_conf *lc = &g->config->listeners[0];
	struct net_addr peer;
	const char *err;
	int fds[2];

	if (net_parse(address, &peer, &err) == -1 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1)
		return -1;
	if (net_nonblock(fds[0]) == -1 || net_nonblock(fds[1]) == -1)
		abort();
	session_new(&g->front, lc, g->chain, fds[0], &peer, lc->address.list);
	return fds[1];
}

bool
gate_work(struct gate *g)
{
	bool some = checker_turn(
	    g->checker_fds[1], g->config->filters, g->config->filter_count);

	return (g->agent != NULL && agent_turn(g->agent, false)) || some;
}

void
gate_drain(struct gate *g, bool retire)
{
	g->front.draining |= !retire;
	g->front.retired |= retire;
	session_drain_all(&g->front, false);
	relay_close_idle(g->front.relay);
}

const char *
gate_leftover(const struct gate *g)
{
	const struct front *f = &g->front;
	unsigned i;

	if (op_outstanding() != 0)
		return "an operation is left";
	if (f->sessions != 0 || stats_all_sessions(f->stats) != 0)
		return "a session is left";
	/* Names of servers are looked up for ever. */
	if (dns_outstanding(f->dns) != 0 &&
	    (f->relay == NULL || !has_names(g->config)))
		return "a lookup is left";
	if (inflight_count(f->inflight) != 0)
		return "an entry of what is in flight is left";
	if (rates_all_open(f->rates) != 0)
		return "a count of a client's network is left";
	if (message_outstanding() != 0)
		return "a message is left";
	for (i = 0; i < SERVERS_MAX; i++) {
		if (stats_sum(f->stats, i, STATS_IDLE) != 0)
			return "the count of idle links is not 0";
		if (stats_sum(f->stats, i, STATS_LINKS) != 0)
			return "the count of links is not 0";
		if (stats_sum(f->stats, i, STATS_WAITING) != 0)
			return "the count of waiting deliveries is not 0";
	}
	if (conn_outstanding() !=
	    (g->services.helpers != NULL ? helpers_open(g->services.helpers)
					 : 0))
		return "a connection is left";
	return NULL;
}

const char *
gate_close(struct gate *g)
{
	struct front *f = &g->front;
	const char *left;

	relay_free(&f->relay);
	helpers_free(&g->services.helpers);
	http_free(&g->services.http);
	close(g->checker_fds[0]);
	close(g->checker_fds[1]);
	close_agent(g);
	chain_free(&g->chain);
	router_free(&g->router);
	loop_turn(f->loop, false); /* what the above gave the reaper */
	left = gate_leftover(g);
	dns_free(&f->dns);
	spool_free(&f->spool);
	if (left == NULL && account_used(f->account) != 0)
		left = "memory is accounted for that was given back";
	stats_free(&f->stats);
	servers_free(&g->servers);
	inflight_free(&f->inflight);
	journal_free(&f->journal);
	caps_free(&g->caps);
	rates_free(&f->rates);
	loop_free(&f->loop);
	account_free(&f->account);
	log_capture(NULL);
	return left;
}

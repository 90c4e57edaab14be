/*
 * ask: asks the DNS with postern's resolver, for tests with real servers.
 *
 *	ask [-s server]... [-r resolv.conf] [-t ms] [-w ms]
 *
 * Reads questions from standard input, one a line ("example.org MX"), and
 * answers each with a line, in the order in which the answers come; questions
 * that are there at once are asked at once.  At the end a line of counters.
 * -t is the resolver's timeout, -w its retry.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "compat.h"
#include "conn.h"
#include "dns.h"
#include "dns_servers.h"
#include "log.h"
#include "loop.h"
#include "mem.h"

struct question {
	struct dns_wait wait;
	enum dns_type type;
};

static struct loop *loop;
static struct dns *dns;
static struct conn *input;
static unsigned waiting;
static bool at_end;

static void
show_record(const struct dns_answer *a, const struct dns_record *r)
{
	char text[NET_TEXT_MAX];

	if (a->type == DNS_A || a->type == DNS_AAAA)
		printf(" %s", net_ip(&r->addr, text, sizeof(text)));
	else if (a->type == DNS_TXT)
		printf(" %zu", r->len);
	else if (a->type == DNS_MX)
		printf(" %u:%s", r->preference, r->name);
	else
		printf(" %s", r->name);
}

static void
show(struct dns_answer *a)
{
	static const char *const names[] = { [DNS_FOUND] = "found",
		[DNS_NONE] = "none",
		[DNS_NXDOMAIN] = "nxdomain",
		[DNS_UNKNOWN] = "unknown" };
	size_t i;

	printf("%s %s %s", a->name, dns_type_name(a->type), names[a->status]);
	if (a->reason != NULL)
		printf(" (%s)", a->reason);
	for (i = 0; i < a->count; i++)
		show_record(a, &a->records[i]);
	putchar('\n');
	fflush(stdout);
	dns_answer_unref(&a);
}

static void
may_end(void)
{
	if (at_end && waiting == 0)
		loop_stop(loop);
}

static void
got(struct dns_wait *w, struct dns_answer *a)
{
	show(a);
	free(container_of(w, struct question, wait));
	waiting--;
	may_end();
}

static void
ask(char *line)
{
	char *type = strchr(line, ' ');
	struct question *q;
	struct dns_answer *a;
	int i;

	if (type == NULL)
		return;
	*type++ = '\0';
	for (i = 0; i < DNS_TXT; i++)
		if (strcasecmp(type, dns_type_name((enum dns_type)i)) == 0)
			break;
	q = xcalloc(1, sizeof(*q));
	q->wait.got = got;
	a = dns_ask(dns, &q->wait, line, (enum dns_type)i);
	if (a == NULL) {
		waiting++;
		return;
	}
	show(a);
	free(q);
}

static void
on_input(void *ctx)
{
	char text[1000];
	const char *line;
	size_t len, used;

	(void)ctx;
	while (conn_line(input, &line, &len, &used)) {
		compat_strlcpy(
		    text, line, len < sizeof(text) ? len + 1 : sizeof(text));
		conn_consume(input, used);
		ask(text);
	}
}

static void
on_end(void *ctx, enum conn_end why, int error)
{
	(void)ctx;
	(void)why;
	(void)error;
	at_end = true;
	may_end();
}

static void
add_server(struct dns_settings *s, const char *text)
{
	const char *err;

	if (s->server_count == DNS_SERVERS_MAX ||
	    net_parse(text, &s->servers[s->server_count++], &err) == -1)
		exit(64);
}

static void
parse_args(struct dns_settings *s, int argc, char *argv[])
{
	int c;

	while ((c = getopt(argc, argv, "s:r:t:w:")) != -1) {
		if (c == 's')
			add_server(s, optarg);
		else if (c == 'r')
			s->resolv_conf = optarg;
		else if (c == 't')
			s->timeout = strtol(optarg, NULL, 10);
		else if (c == 'w')
			s->retry = strtol(optarg, NULL, 10);
		else
			exit(64);
	}
	if (s->resolv_conf != NULL)
		s->server_count = dns_servers_read(
		    s->resolv_conf, s->servers, DNS_SERVERS_MAX);
	if (s->server_count == 0 || optind != argc)
		exit(64);
}

int
main(int argc, char *argv[])
{
	static const struct conn_ops ops = { .on_input = on_input,
		.on_end = on_end };
	struct dns_settings settings = { .timeout = 5000,
		.retry = 1000,
		.max_ttl = 3600 * 1000,
		.cache_entries = 1000,
		.cache_size = 1000000,
		.queries = 200 };
	const struct dns_counters *c;

	parse_args(&settings, argc, argv);
	if (net_nonblock(STDIN_FILENO) == -1)
		return 1;
	loop = loop_new();
	loop_at_bottom(loop, log_flush);
	dns = dns_new(loop, &settings);
	input = conn_new(loop, STDIN_FILENO, &ops, NULL);
	loop_run(loop);
	c = dns_counters(dns);
	printf("asked=%llu cached=%llu queries=%llu tcp=%llu timeouts=%llu "
	       "failed=%llu ignored=%llu\n",
	    (unsigned long long)c->asked, (unsigned long long)c->cached,
	    (unsigned long long)c->queries, (unsigned long long)c->tcp,
	    (unsigned long long)c->timeouts, (unsigned long long)c->failed,
	    (unsigned long long)c->ignored);
	conn_close(&input);
	dns_free(&dns);
	loop_free(&loop);
	return 0;
}

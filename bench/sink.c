/*
 * smtpsink: an SMTP or LMTP server that takes every message, checks it and
 * forgets it.  It counts what smtpgen numbered, and it misbehaves on
 * request.
 */

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include <sys/types.h>

#include <err.h>
#include <getopt.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sink.h"

enum option_id {
	OPT_LMTP = 256,
	OPT_PORT_ONLY,
	OPT_PORT_FILE,
	OPT_RECEIVED,
	OPT_FAIL,
	OPT_RCPT_CODE,
	OPT_DOT_CODE,
	OPT_EXIT_AFTER,
	OPT_COUNT,
	OPT_FIRST,
	OPT_EXPECT,
	OPT_MAX_SIZE,
	OPT_HOSTNAME,
	OPT_KEYWORD,
	OPT_XFORWARD,
	OPT_NO_PIPELINING,
	OPT_NO_8BITMIME,
	OPT_NO_SIZE,
	OPT_NO_ENHANCED,
	OPT_NO_CHUNKING
};

static const struct option options[] = {
	/* in the order of usage() */
	{ "lmtp", no_argument, NULL, OPT_LMTP },
	{ "port-only", no_argument, NULL, OPT_PORT_ONLY },
	{ "port-file", required_argument, NULL, OPT_PORT_FILE },
	{ "received", required_argument, NULL, OPT_RECEIVED },
	{ "fail", required_argument, NULL, OPT_FAIL },
	{ "rcpt-code", required_argument, NULL, OPT_RCPT_CODE },
	{ "dot-code", required_argument, NULL, OPT_DOT_CODE },
	{ "exit-after", required_argument, NULL, OPT_EXIT_AFTER },
	{ "count", no_argument, NULL, OPT_COUNT },
	{ "first", required_argument, NULL, OPT_FIRST },
	{ "expect", required_argument, NULL, OPT_EXPECT },
	{ "max-size", required_argument, NULL, OPT_MAX_SIZE },
	{ "hostname", required_argument, NULL, OPT_HOSTNAME },
	{ "keyword", required_argument, NULL, OPT_KEYWORD },
	{ "xforward", no_argument, NULL, OPT_XFORWARD },
	{ "no-pipelining", no_argument, NULL, OPT_NO_PIPELINING },
	{ "no-8bitmime", no_argument, NULL, OPT_NO_8BITMIME },
	{ "no-size", no_argument, NULL, OPT_NO_SIZE },
	{ "no-enhancedstatuscodes", no_argument, NULL, OPT_NO_ENHANCED },
	{ "no-chunking", no_argument, NULL, OPT_NO_CHUNKING },
	{ "verbose", no_argument, NULL, 'v' }, { NULL, 0, NULL, 0 }
};

struct settings settings = { .pipelining = 1,
	.eightbit = 1,
	.size = 1,
	.enhanced = 1,
	.chunking = 1,
	.max_size = 64 * 1024 * 1024,
	.hostname = "sink.example.org" };

static struct {
	const char *received, *port_file;
	uint64_t first, expect;
	int count, port_only;
} cli = { .first = 1 };

static void
usage(void)
{
	fputs("usage: smtpsink [options] host:port | [v6]:port | unix:/path\n"
	      "  --lmtp --port-only --port-file FILE --received FILE -v\n"
	      "  --fail STAGE=ACTION[%K][:TEXT] --rcpt-code LOCALPART=CODE\n"
	      "  --dot-code LOCALPART=CODE --exit-after SECONDS --count\n"
	      "  --first N --expect N --max-size SIZE --hostname NAME\n"
	      "  --keyword TEXT --xforward --no-pipelining --no-8bitmime\n"
	      "  --no-size --no-enhancedstatuscodes --no-chunking\n",
	    stderr);
	exit(2);
}

static void
add_keyword(const char *keyword)
{
	if (settings.keyword_count == KEYWORDS_MAX)
		errx(2, "too many --keyword");
	settings.keywords[settings.keyword_count++] = keyword;
}

static int
keyword_option(int o)
{
	if (o == OPT_NO_PIPELINING)
		settings.pipelining = 0;
	else if (o == OPT_NO_8BITMIME)
		settings.eightbit = 0;
	else if (o == OPT_NO_SIZE)
		settings.size = 0;
	else if (o == OPT_NO_ENHANCED)
		settings.enhanced = 0;
	else if (o == OPT_NO_CHUNKING)
		settings.chunking = 0;
	else if (o == OPT_XFORWARD)
		settings.xforward = 1;
	else
		return -1;
	return 0;
}

static int
fault_option(int o)
{
	if (o == OPT_FAIL)
		fault_add(optarg);
	else if (o == OPT_RCPT_CODE)
		fault_rule_add(0, optarg);
	else if (o == OPT_DOT_CODE)
		fault_rule_add(1, optarg);
	else
		return -1;
	return 0;
}

static void
option(int o)
{
	if (keyword_option(o) == 0 || fault_option(o) == 0)
		return;
	if (o == OPT_LMTP)
		settings.lmtp = 1;
	else if (o == OPT_PORT_ONLY)
		cli.port_only = 1;
	else if (o == OPT_PORT_FILE)
		cli.port_file = optarg;
	else if (o == OPT_RECEIVED)
		cli.received = optarg;
	else if (o == OPT_EXIT_AFTER)
		settings.exit_after =
		    (unsigned)parse_number("seconds", optarg, 1000000);
	else if (o == OPT_COUNT)
		cli.count = 1;
	else if (o == OPT_FIRST)
		cli.first = parse_number("number", optarg, UINT32_MAX);
	else if (o == OPT_EXPECT)
		cli.expect = parse_number("number", optarg, UINT32_MAX);
	else if (o == OPT_MAX_SIZE)
		settings.max_size = parse_size("size", optarg);
	else if (o == OPT_HOSTNAME)
		settings.hostname = optarg;
	else if (o == OPT_KEYWORD)
		add_keyword(optarg);
	else if (o == 'v')
		settings.verbose = 1;
	else
		usage();
}

static void
on_stop(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	(void)arg;
	event_base_loopbreak(settings.base);
}

static void
on_usr1(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	(void)arg;
	store_print();
}

/* Once a second with --exit-after: has anything happened? */
static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	static unsigned long before;
	static unsigned idle;

	(void)fd;
	(void)what;
	(void)arg;
	idle = store_activity() == before ? idle + 1 : 0;
	before = store_activity();
	if (idle >= settings.exit_after)
		event_base_loopbreak(settings.base);
}

static void
write_port(const char *file, unsigned port)
{
	char tmp[4096];
	FILE *f;

	/* Renamed into place, so that a reader never sees half of it. */
	snprintf(tmp, sizeof(tmp), "%s.tmp", file);
	if ((f = fopen(tmp, "w")) == NULL)
		err(1, "%s", tmp);
	fprintf(f, "%u\n", port);
	if (fclose(f) != 0 || rename(tmp, file) == -1)
		err(1, "%s", file);
}

static struct event_base *
make_base(void)
{
	struct event_config *cfg;
	struct event_base *base;

	if ((cfg = event_config_new()) == NULL)
		errx(1, "no event configuration");
	event_config_set_flag(
	    cfg, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	if ((base = event_base_new_with_config(cfg)) == NULL)
		errx(1, "no event base");
	event_config_free(cfg);
	return base;
}

static void
serve(int fd)
{
	static const struct timeval second = { 1, 0 };
	struct event *ev[4];
	unsigned i;

	ev[0] = evsignal_new(settings.base, SIGTERM, on_stop, NULL);
	ev[1] = evsignal_new(settings.base, SIGINT, on_stop, NULL);
	ev[2] = evsignal_new(settings.base, SIGUSR1, on_usr1, NULL);
	ev[3] = event_new(settings.base, -1, EV_PERSIST, on_tick, NULL);
	for (i = 0; i < 4; i++)
		if (ev[i] == NULL)
			errx(1, "no event");
	event_add(ev[0], NULL);
	event_add(ev[1], NULL);
	if (cli.count)
		event_add(ev[2], NULL);
	if (settings.exit_after > 0)
		event_add(ev[3], &second);
	conn_listen(fd);
	printf("port=%u\n", net_port(fd));
	fflush(stdout);
	if (cli.port_file != NULL)
		write_port(cli.port_file, net_port(fd));
	event_base_dispatch(settings.base);
	store_print();
	conn_free_all();
	for (i = 0; i < 4; i++)
		event_free(ev[i]);
}

int
main(int argc, char **argv)
{
	struct bench_addr addr;
	int fd, o;

	while ((o = getopt_long(argc, argv, "v", options, NULL)) != -1)
		option(o);
	argc -= optind;
	argv += optind;
	if (argc > 1 || (argc == 0 && !cli.port_only))
		usage();
	net_parse(argc == 1 ? argv[0] : "127.0.0.1:0", &addr);
	fd = net_listen(&addr);
	if (cli.port_only) {
		printf("%u\n", net_port(fd));
		return 0;
	}
	net_ignore_sigpipe();
	net_raise_nofile();
	settings.base = make_base();
	store_init(cli.received, cli.first, cli.expect);
	serve(fd);
	event_base_free(settings.base);
	if (net_is_unix(&addr))
		(void)unlink(argv[0] + 5);
	close(fd);
	return 0;
}

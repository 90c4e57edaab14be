/*
 * smtpgen: sends numbered, checksummed messages over SMTP or LMTP, checks
 * every reply, and says what became of them and how fast.
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

#include "gen.h"

enum option_id {
	OPT_LMTP = 256,
	OPT_BDAT,
	OPT_CHUNK,
	OPT_DOTS,
	OPT_FIRST,
	OPT_FAULTS,
	OPT_FAULT_EVERY,
	OPT_FAULT_RESET,
	OPT_RETRY,
	OPT_RETRY_DELAY,
	OPT_ACKED,
	OPT_IDLE,
	OPT_PROXY,
	OPT_CLIENT_ADDRESS,
	OPT_HELO,
	OPT_FROM,
	OPT_TO,
	OPT_TIMEOUT,
	OPT_NO_STATUS_CHECK
};

static const struct option options[] = {
	/* in the order of usage() */
	{ "lmtp", no_argument, NULL, OPT_LMTP },
	{ "bdat", no_argument, NULL, OPT_BDAT },
	{ "chunk", required_argument, NULL, OPT_CHUNK },
	{ "dots", no_argument, NULL, OPT_DOTS },
	{ "first", required_argument, NULL, OPT_FIRST },
	{ "faults", required_argument, NULL, OPT_FAULTS },
	{ "fault-every", required_argument, NULL, OPT_FAULT_EVERY },
	{ "fault-reset", no_argument, NULL, OPT_FAULT_RESET },
	{ "retry", required_argument, NULL, OPT_RETRY },
	{ "retry-delay", required_argument, NULL, OPT_RETRY_DELAY },
	{ "acked", required_argument, NULL, OPT_ACKED },
	{ "idle", required_argument, NULL, OPT_IDLE },
	{ "proxy", required_argument, NULL, OPT_PROXY },
	{ "client-address", required_argument, NULL, OPT_CLIENT_ADDRESS },
	{ "helo", required_argument, NULL, OPT_HELO },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "to", required_argument, NULL, OPT_TO },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "no-status-check", no_argument, NULL, OPT_NO_STATUS_CHECK },
	{ "verbose", no_argument, NULL, 'v' }, { NULL, 0, NULL, 0 }
};

static const char *const fault_names[] = { "none", "connect", "ehlo", "mail",
	"rcpt", "data", "body", "dot", "random" };

struct gen gen = { .total = UINT64_MAX,
	.first = 1,
	.size = 4096,
	.concurrency = 1,
	.rcpts = 1,
	.timeout = 60,
	.retry_ms = 100,
	.fault_every = 1,
	.per_conn = 1,
	.chunk = SIZE_MAX,
	.check_status = 1,
	.helo = "client.example.net",
	.from = "sender@example.net" };

static void
usage(void)
{
	fputs("usage: smtpgen [options] host:port | [v6]:port | unix:/path\n"
	      "  -n MESSAGES  -t SECONDS  -c CONNECTIONS  -s SIZE\n"
	      "  -m MESSAGES_PER_CONNECTION (0: no limit)  -r RECIPIENTS\n"
	      "  -p (pipelined)  -v  --lmtp  --bdat  --chunk SIZE  --dots\n"
	      "  --first N  --faults STAGE  --fault-every K  --fault-reset\n"
	      "  --retry R  --retry-delay MS  --acked FILE  --idle N\n"
	      "  --proxy v1|v2  --client-address ADDRESS  --helo NAME\n"
	      "  --from ADDRESS  --to ADDRESS  --timeout SECONDS\n"
	      "  --no-status-check\n"
	      "STAGE: connect ehlo mail rcpt data body dot random\n",
	    stderr);
	exit(2);
}

static unsigned
number(const char *what, unsigned least)
{
	uint64_t n = parse_number(what, optarg, 1000000);

	if (n < least)
		errx(2, "bad %s: %s", what, optarg);
	return (unsigned)n;
}

static enum fault
fault_stage(const char *name)
{
	int i;

	for (i = FAULT_CONNECT; i <= FAULT_RANDOM; i++)
		if (strcmp(fault_names[i], name) == 0)
			return (enum fault)i;
	errx(2, "unknown stage: %s", name);
}

static const char *
text(const char *what)
{
	if (strlen(optarg) > MSG_ADDR_MAX || strpbrk(optarg, "\r\n<> ") != NULL)
		errx(2, "bad %s", what);
	return optarg;
}

static int
short_option(int o)
{
	if (o == 'n')
		gen.total = parse_number("-n", optarg, 1000000000);
	else if (o == 't')
		gen.seconds = number("-t", 0);
	else if (o == 'c')
		gen.concurrency = number("-c", 1);
	else if (o == 'm')
		gen.per_conn = number("-m", 0);
	else if (o == 's')
		gen.size = parse_size("-s", optarg);
	else if (o == 'r')
		gen.rcpts = number("-r", 1);
	else if (o == 'p')
		gen.pipelined = 1;
	else if (o == 'v')
		gen.verbose = 1;
	else
		return -1;
	return 0;
}

static int
fault_option(int o)
{
	if (o == OPT_FAULTS)
		gen.fault = fault_stage(optarg);
	else if (o == OPT_FAULT_EVERY)
		gen.fault_every = number("--fault-every", 1);
	else if (o == OPT_FAULT_RESET)
		gen.fault_reset = 1;
	else if (o == OPT_RETRY)
		gen.retries = number("--retry", 0);
	else if (o == OPT_RETRY_DELAY)
		gen.retry_ms = number("--retry-delay", 0);
	else if (o == OPT_ACKED)
		gen.acked = optarg;
	else
		return -1;
	return 0;
}

static int
text_option(int o)
{
	if (o == OPT_PROXY && strcmp(optarg, "v1") == 0)
		gen.proxy = PROXY_V1;
	else if (o == OPT_PROXY && strcmp(optarg, "v2") == 0)
		gen.proxy = PROXY_V2;
	else if (o == OPT_CLIENT_ADDRESS)
		gen.client_address = text("--client-address");
	else if (o == OPT_HELO)
		gen.helo = text("--helo");
	else if (o == OPT_FROM)
		gen.from = text("--from");
	else if (o == OPT_TO && gen.nto < TO_MAX)
		gen.to[gen.nto++] = text("--to");
	else
		return -1;
	return 0;
}

static void
option(int o)
{
	if (short_option(o) == 0 || fault_option(o) == 0 || text_option(o) == 0)
		return;
	if (o == OPT_LMTP)
		gen.lmtp = 1;
	else if (o == OPT_BDAT)
		gen.bdat = 1;
	else if (o == OPT_CHUNK)
		gen.chunk = (size_t)parse_size("--chunk", optarg);
	else if (o == OPT_DOTS)
		gen.dots = 1;
	else if (o == OPT_FIRST)
		gen.first = parse_number("--first", optarg, 999999999);
	else if (o == OPT_IDLE)
		gen.idle = number("--idle", 1);
	else if (o == OPT_TIMEOUT)
		gen.timeout = number("--timeout", 1);
	else if (o == OPT_NO_STATUS_CHECK)
		gen.check_status = 0;
	else
		usage();
}

static void
prepare(const char *address)
{
	struct msg_opts opts;

	net_parse(address, &gen.addr);
	if (gen.nto == 0)
		gen.to[gen.nto++] = "user@example.org";
	if (gen.seconds == 0 && gen.total == UINT64_MAX)
		gen.total = 1;
	if (gen.chunk == 0)
		errx(2, "bad --chunk");
	memset(&opts, 0, sizeof(opts));
	opts.from = gen.from;
	opts.to = gen.to[0];
	opts.host = gen.helo;
	opts.size = (size_t)gen.size;
	opts.dots = gen.dots;
	gen.maker = msg_maker_new(&opts);
	send_init();
	job_init();
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

/* The first signal ends the run in good order, the second at once. */
static void
on_signal(evutil_socket_t sig, short what, void *arg)
{
	static int count;

	(void)sig;
	(void)what;
	(void)arg;
	conn_stop();
	if (count++ > 0)
		event_base_loopbreak(gen.base);
}

static int
run(void)
{
	struct event *term, *intr;
	uint64_t start;

	term = evsignal_new(gen.base, SIGTERM, on_signal, NULL);
	intr = evsignal_new(gen.base, SIGINT, on_signal, NULL);
	if (term == NULL || intr == NULL)
		errx(1, "no event");
	event_add(term, NULL);
	event_add(intr, NULL);
	start = net_now_us();
	if (gen.seconds > 0 && gen.idle == 0)
		gen.deadline = start + (uint64_t)gen.seconds * 1000000;
	conn_init();
	conn_run();
	if (gen.idle == 0)
		stat_print(net_now_us() - start);
	event_free(term);
	event_free(intr);
	return stat_get(STAT_FAILED) > 0 || stat_get(STAT_PROTO) > 0 ||
	    (gen.retries == 0 && stat_get(STAT_LOST) > 0);
}

int
main(int argc, char **argv)
{
	int o, failed;

	while ((o = getopt_long(argc, argv, "n:t:c:m:s:r:pv", options, NULL)) !=
	    -1)
		option(o);
	if (argc - optind != 1)
		usage();
	net_ignore_sigpipe();
	net_raise_nofile();
	prepare(argv[optind]);
	gen.base = make_base();
	failed = run();
	conn_free();
	job_free();
	send_free();
	msg_maker_free(&gen.maker);
	event_base_free(gen.base);
	return failed && gen.fault == FAULT_NONE;
}

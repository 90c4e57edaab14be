/*
 * Messages that are put aside: what is asked of the agent, whom the test plays,
 * what stands in front of the message, and what becomes of its answers.
 */

#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_chain.h"
#include "fc_keep_header.h"
#include "net.h"

#define CONTENT "Subject: x\r\n\r\nhello\r\n.\r\n"

static const char *
nowhere(const void *conf)
{
	(void)conf;
	return "/nowhere";
}

static struct filter keeper;
static struct services services;
static struct spool_conf spool_conf = { .memory = 4 << 20 };
static struct spool *spool;
static int control; /* the agent's end */
static int link_fd;
static struct {
	int code;
	char enhanced[12], text[200];
} told;

static enum verdict
got(struct filter_call *fc, int code, const char *enhanced, const char *text)
{
	(void)fc;
	told.code = code;
	snprintf(told.enhanced, sizeof(told.enhanced), "%s", enhanced);
	snprintf(told.text, sizeof(told.text), "%s", text);
	return VERDICT_PASS;
}

static enum verdict
keep(struct filter_call *fc)
{
	return fc_keep(fc, "because", got);
}

static int
setup(void **state)
{
	int fds[2];

	fake_setup(state);
	keeper = fake_filter;
	keeper.directory = nowhere;
	rig.fi[0].type = &keeper;
	rig.act[0] = keep;
	memset(&told, 0, sizeof(told));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	control = fds[1];
	net_nonblock(control);
	services = (struct services){ .checker_fd = -1, .agent_fd = fds[0] };
	snprintf(rig.client.ip, sizeof(rig.client.ip), "192.0.2.1");
	rig.client.helo = "client\r\n.test";
	snprintf(rig.tx.id, sizeof(rig.tx.id), "a0.1");
	rig.tx.envelope.sender.text = "me@example.net";
	spool = spool_new(&spool_conf);
	rig.tx.message = message_new(spool);
	assert_int_equal(
	    message_append(rig.tx.message, CONTENT, sizeof(CONTENT) - 1), 0);
	rig.chain = chain_new(rig.loop, rig.list, 1);
	chain_set_services(rig.chain, &services);
	rig.run = fake_run();
	link_fd = -1;
	return 0;
}

static int
teardown(void **state)
{
	int rc;

	if (link_fd != -1)
		close(link_fd);
	close(control);
	if (services.agent_fd != -1)
		close(services.agent_fd);
	rc = fake_teardown(state);
	spool_free(&spool);
	return rc;
}

static void
turns(void)
{
	int i;

	for (i = 0; i < 10; i++)
		loop_turn(rig.loop, false);
}

/* Begins, and takes what the agent is sent. */
static size_t
begin(char *buf, size_t size)
{
	ssize_t n;
	size_t len = 0;

	assert_null(fake_judge(PHASE_MESSAGE));
	turns();
	link_fd = net_recv_fd(control);
	assert_true(link_fd != -1);
	net_nonblock(link_fd);
	while ((n = read(link_fd, buf + len, size - 1 - len)) > 0) {
		len += (size_t)n;
		turns();
	}
	buf[len] = '\0';
	return len;
}

static void
answer(const char *line)
{
	assert_int_equal(
	    write(link_fd, line, strlen(line)), (ssize_t)strlen(line));
	turns();
}

static void
good(void **state)
{
	char buf[4000], *at;
	unsigned long size;

	(void)state;
	tx_set_fact(&rig.tx, "rspamd", "add header");
	message_prepend(rig.tx.message, "X-Spam: Yes\r\n", 13);
	begin(buf, sizeof(buf));
	at = strstr(buf, "size ");
	assert_memory_equal(buf, "quarantine %61\nid a0.1\nsize ", 28);
	size = strtoul(at + 5, &at, 10);
	assert_memory_equal(at, "\n\n", 2);
	assert_int_equal(size, strlen(at + 2));
	assert_string_equal(at + 2,
	    "X-Quarantine-Id: a0.1\r\n"
	    "X-Quarantine-Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
	    "X-Quarantine-Reason: because\r\n"
	    "X-Quarantine-Fact: rspamd=add header\r\n"
	    "X-Quarantine-Client: 192.0.2.1\r\n"
	    "X-Quarantine-Helo: client??.test\r\n"
	    "X-Quarantine-Sender: <me@example.net>\r\n"
	    "X-Spam: Yes\r\n" CONTENT);
	assert_int_equal(rig.done, 0);
	answer("250 2.0.0 2026/11/22/a0.1.eml\r\n");
	assert_int_equal(rig.done, 1);
	assert_int_equal(told.code, 250);
	assert_string_equal(told.text, "2026/11/22/a0.1.eml");
	assert_true(rig.tx.kept);
}

static void
refused(void **state)
{
	char buf[4000];

	(void)state;
	begin(buf, sizeof(buf));
	answer("452 4.3.1 no space for the message: full\r\n");
	assert_int_equal(told.code, 452);
	assert_string_equal(told.enhanced, "4.3.1");
	assert_false(rig.tx.kept);
}

static void
gone(void **state)
{
	char buf[4000];

	(void)state;
	begin(buf, sizeof(buf));
	close(link_fd);
	link_fd = -1;
	turns();
	assert_int_equal(told.code, 451);
	assert_string_equal(told.enhanced, "4.3.0");
	assert_false(rig.tx.kept);
}

static void
nonsense(void **state)
{
	static const char *const lines[] = { "250\r\n", "hello\r\n",
		"550 5.0.0 no\r\n", "250 4.0.0 x\r\n", "250  x\r\n", "\r\n",
		"2500 2.0.0 x\r\n" };
	char buf[4000];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		begin(buf, sizeof(buf));
		answer(lines[i]);
		assert_int_equal(rig.done, i + 1);
		assert_int_equal(told.code, 451);
		assert_false(rig.tx.kept);
		close(link_fd);
		link_fd = -1;
	}
}

static void
no_agent(void **state)
{
	(void)state;
	close(services.agent_fd);
	services.agent_fd = -1;
	assert_null(fake_judge(PHASE_MESSAGE));
	turns();
	assert_int_equal(told.code, 451);
}

/* The agent reads slowly, and the client leaves. */
static void
slow(void **state)
{
	char *big = calloc(1, 1000 * 1000), buf[70000];
	size_t len = 0;
	ssize_t n;

	(void)state;
	assert_non_null(big);
	memset(big, 'a', 1000 * 1000);
	message_free(&rig.tx.message);
	rig.tx.message = message_new(spool);
	assert_int_equal(message_append(rig.tx.message, big, 1000 * 1000), 0);
	free(big);
	assert_null(fake_judge(PHASE_MESSAGE));
	turns();
	link_fd = net_recv_fd(control);
	net_nonblock(link_fd);
	while ((n = read(link_fd, buf, sizeof(buf))) > 0) {
		len += (size_t)n;
		turns();
	}
	assert_true(len > 1000 * 1000);
	answer("250 2.0.0 x\r\n");
	assert_int_equal(told.code, 250);

	assert_null(fake_judge(PHASE_MESSAGE));
	turns();
	close(link_fd);
	link_fd = net_recv_fd(control);
	chain_run_cancel(rig.run);
	turns();
	while ((n = read(link_fd, buf, sizeof(buf))) > 0)
		continue;
	assert_int_equal(n, 0); /* the agent sees its end */
	assert_int_equal(rig.done, 1);
}

static void
observed(void **state)
{
	(void)state;
	rig.fi[0].chain.observe = true;
	assert_null(fake_judge(PHASE_MESSAGE));
	turns();
	assert_int_equal(told.code, 250);
	assert_string_equal(told.text, "");
	assert_false(rig.tx.kept);
	assert_int_equal(net_recv_fd(control), -1);
}

/* Everybody in the envelope, and no line longer than mail may have. */
static void
header(void **state)
{
	char *long_text = calloc(1, 5000), *text, *p, *end;
	struct address rcpt = { .text = "you\n@example.org" };
	struct recipient rcpts[2] = { { .addr = rcpt }, { .addr = rcpt } };
	size_t len;

	(void)state;
	assert_non_null(long_text);
	memset(long_text, 'x', 4999);
	rig.client.helo = long_text;
	rig.client.name = "mx.example.net";
	rig.client.login = "alice";
	rig.tx.envelope.rcpts = rcpts;
	rig.tx.envelope.count = 2;
	tx_set_flag(&rig.tx, "quarantine");
	text = keep_header(&rig.tx, &rig.client, "why\r\nX: y", 0, &len);
	assert_int_equal(strlen(text), len);
	assert_non_null(strstr(text, "Reason: why??X: y\r\n"));
	assert_non_null(strstr(text, "Client: 192.0.2.1 (mx.example.net)\r\n"));
	assert_non_null(strstr(text, "Login: alice\r\n"));
	assert_non_null(strstr(text, "Flag: quarantine\r\n"));
	assert_non_null(strstr(text,
	    "Recipient: <you?@example.org>\r\n"
	    "X-Quarantine-Recipient: <you?@example.org>\r\n"));
	for (p = text; *p != '\0'; p = end + 2) {
		end = strstr(p, "\r\n");
		assert_true(end - p <= 998);
		assert_memory_equal(p, "X-Quarantine-", 13);
	}
	rig.tx.envelope.count = 0;
	rig.tx.envelope.rcpts = NULL;
	free(text);
	free(long_text);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = { TEST(good), TEST(refused),
		TEST(gone), TEST(nonsense), TEST(no_agent), TEST(slow),
		TEST(observed), TEST(header) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

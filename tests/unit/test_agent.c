/*
 * The agent process and its links: requests in turn, in parallel, cut short,
 * hostile, and its end.
 */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent_peer.h"

static void
worker_gone(void **state)
{
	int link = agent_link();
	int other;

	(void)state;
	agent_put_head(link, "gone", 100);
	agent_put_text(link, "half of it\r\n");
	close(link);
	link = agent_link();
	agent_put_text(link, "maildir gone\nfrom ");
	close(link);
	/* Links are served in turns: when one opened later has been served
	 * twice, the ends of those above have been seen. */
	other = agent_link();
	agent_put_head(other, "here", 0);
	agent_expect_reply(other, "250 ");
	agent_put_head(other, "here", 0);
	agent_expect_reply(other, "250 ");
	close(other);
	agent_expect_files("gone", 0);
	agent_expect_files("here", 2);
}

static void
parallel(void **state)
{
	int slow = agent_link();
	int quick = agent_link();

	(void)state;
	agent_put_head(slow, "slow", 6);
	agent_put_text(slow, "abc\r");
	agent_put_head(quick, "quick", 3);
	agent_put_text(quick, "x\r\n");
	agent_expect_reply(quick, "250 ");
	agent_expect_message("quick", "x\n", 2);
	agent_put_text(slow, "\nz");
	agent_expect_reply(slow, "250 ");
	agent_expect_message("slow", "abc\nz", 5);
	close(slow);
	close(quick);
}

/* The rest of the content is skipped and the link stays in step. */
static void
errors(void **state)
{
	int link = agent_link();

	(void)state;
	agent_put_head(link, "log/in/a/file", 4);
	agent_put_text(link, "ab\r\n");
	agent_expect_reply(link, "451 4.3.0 ");
	agent_put_head(link, "after", 4);
	agent_put_text(link, "ab\r\n");
	agent_expect_reply(link, "250 ");
	agent_expect_message("after", "ab\n", 3);
	close(link);
}

/* What test_agent_request.c shows of the parser ends the link here. */
static void
hostile(void **state)
{
	static const char *const heads[] = { "HELO x\n", "maildir ../x\n",
		"quarantine held\nid ../x\n",
		"maildir hostile\nfrom b\nto c\nsize 1\nmore\n" };
	char lines[6000];
	size_t i;
	int link;

	(void)state;
	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		link = agent_link();
		agent_put_text(link, heads[i]);
		agent_expect_reply(link, "451 4.3.0 ");
		agent_expect_reply(link, "");
		close(link);
	}
	memset(lines, 'a', sizeof(lines));
	link = agent_link();
	agent_put(link, lines, sizeof(lines)); /* no line end at all */
	agent_expect_reply(link, "451 4.3.0 ");
	close(link);
	assert_int_equal(
	    agent_count("hostile", "new", lines, sizeof(lines)), -1);
}

/* Requests that come in one piece are told apart by their sizes. */
static void
glued(void **state)
{
	int link = agent_link();

	(void)state;
	agent_put_text(link,
	    "maildir glued1\nfrom me@example.com\nto you@example.org\n"
	    "size 3\n\nabc"
	    "maildir glued2\nfrom me@example.com\nto you@example.org\n"
	    "size 4\n\nab\r\n");
	agent_expect_reply(link, "250 ");
	agent_expect_reply(link, "250 ");
	agent_expect_message("glued1", "abc", 3);
	agent_expect_message("glued2", "ab\n", 3);
	close(link);
}

/* The control socket's end: what is under way is finished. */
static void
ending(void **state)
{
	int link = agent_link();

	(void)state;
	agent_put_head(link, "begun", 0);
	agent_expect_reply(link, "250 ");
	agent_put_head(link, "ending", 4);
	agent_put_text(link, "ab");
	close(agent_control);
	agent_control = -1;
	kill(agent_pid, SIGTERM); /* as a service manager does to all */
	agent_put_text(link, "\r\n");
	agent_expect_reply(link, "250 ");
	close(link);
	agent_expect_message("ending", "ab\n", 3);
	agent_stop_peer();
	agent_start_peer(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worker_gone),
		cmocka_unit_test(parallel),
		cmocka_unit_test(errors),
		cmocka_unit_test(hostile),
		cmocka_unit_test(glued),
		cmocka_unit_test(ending),
	};

	return cmocka_run_group_tests(tests, agent_set_up, agent_tear_down);
}

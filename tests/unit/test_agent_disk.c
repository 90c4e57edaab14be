/*
 * The agent on a disk that is full, or with files that must not be long.
 */

#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent_peer.h"

/* Its own agent: no file may be longer than 100,000 octets. */
static void
file_limit(void **state)
{
	char *big = calloc(1, 200 * 1000);
	int link;

	(void)state;
	assert_non_null(big);
	agent_stop_peer();
	agent_start_peer(100 * 1000);
	link = agent_link();
	agent_put_head(link, "limit", 200 * 1000);
	agent_put(link, big, 200 * 1000);
	agent_expect_reply(link, "452 4.3.1 ");
	agent_expect_files("limit", 0);
	agent_put_text(link, "quarantine held\nid big\nsize 200000\n\n");
	agent_put(link, big, 200 * 1000);
	agent_expect_reply(link, "452 4.3.1 ");
	agent_put_head(link, "limit", 2);
	agent_put_text(link, "\r\n");
	agent_expect_reply(link, "250 ");
	agent_expect_message("limit", "\n", 1);
	close(link);
	agent_stop_peer();
	agent_start_peer(0);
	free(big);
}

static void
full_disk(void **state)
{
	char *big = calloc(1, 200 * 1000);
	char dir[100];
	int link;

	(void)state;
	assert_non_null(big);
	snprintf(dir, sizeof(dir), "%s/full", agent_top);
	assert_int_equal(mkdir(dir, 0700), 0);
	if (!agent_run_program(
		"mount", "-osize=64k", "-ttmpfs", "tmpfs", dir)) {
		free(big);
		fprintf(stderr, "not run: full disk (no tmpfs to be had)\n");
		skip();
	}
	link = agent_link();
	agent_put_head(link, "full", 200 * 1000);
	agent_put(link, big, 200 * 1000);
	agent_expect_reply(link, "452 4.3.1 ");
	agent_expect_files("full", 0);
	agent_put_head(link, "full", 2);
	agent_put_text(link, "\r\n");
	agent_expect_reply(link, "250 ");
	agent_expect_files("full", 1);
	agent_put_text(link, "quarantine full\nid a\nsize 200000\n\n");
	agent_put(link, big, 200 * 1000);
	agent_expect_reply(link, "452 4.3.1 ");
	agent_put_quarantine(link, "full", "a", "x\r\n");
	agent_expect_reply(link, "250 ");
	close(link);
	free(big);
	assert_true(agent_run_program("umount", dir, NULL, NULL, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_limit),
		cmocka_unit_test(full_disk),
	};

	return cmocka_run_group_tests(tests, agent_set_up, agent_tear_down);
}

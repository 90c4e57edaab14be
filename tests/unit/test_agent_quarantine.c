/*
 * What the agent makes of a message in a quarantine.
 */

#include <sys/stat.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent_peer.h"

/* HELD/YYYY/MM/DD/ID.eml, octet by octet what was sent, for nobody else. */
static void
quarantined(void **state)
{
	static const char content[] = "Subject: x\r\n\r\na\rb\nc\r\n.\r\n";
	char path[300], day[100], buf[100] = "", *reply;
	int link = agent_link(), fd;
	struct tm tm;
	struct stat st;
	time_t now;

	(void)state;
	now = time(NULL);
	gmtime_r(&now, &tm);
	strftime(day, sizeof(day), "%Y/%m/%d", &tm);
	agent_put_quarantine(link, "held", "a0-1.1", content);
	reply = (char *)(uintptr_t)agent_get_line(link);
	assert_memory_equal(reply, "250 2.0.0 ", 10);
	reply[strcspn(reply, "\r")] = '\0';
	if (strncmp(reply + 10, day, strlen(day)) != 0) /* midnight */
		snprintf(day, sizeof(day), "%.10s", reply + 10);
	assert_string_equal(reply + 10 + strlen(day), "/a0-1.1.eml");
	snprintf(path, sizeof(path), "%s/held/%s", agent_top, reply + 10);
	fd = open(path, O_RDONLY);
	assert_true(fd != -1);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(read(fd, buf, sizeof(buf)), sizeof(content) - 1);
	assert_string_equal(buf, content);
	close(fd);
	snprintf(path, sizeof(path), "%s/held/%.7s", agent_top, day);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);

	/* What is there is never overwritten, and nothing is left behind. */
	agent_put_quarantine(link, "held", "a0-1.1", "other\r\n");
	agent_expect_reply(link, "451 4.3.0 ");
	agent_put_quarantine(link, "elsewhere", "a0-1.2", "other\r\n");
	agent_expect_reply(link, "451 4.3.0 ");
	agent_put_quarantine(link, "held", "a0-1.3", "");
	agent_expect_reply(link, "250 2.0.0 ");
	snprintf(path, sizeof(path), "held/%s", day);
	assert_int_equal(agent_count(path, ".", buf, 0), 2);
	snprintf(path, sizeof(path), "%s/held/%s/.a0-1.1.new", agent_top, day);
	assert_int_equal(stat(path, &st), -1);
	close(link);
}

/* Whoever can write there could send the agent elsewhere by a link. */
static void
quarantine_links(void **state)
{
	char from[200], to[200], year[8];
	int link = agent_link();
	time_t now = time(NULL);
	struct tm tm;

	(void)state;
	gmtime_r(&now, &tm);
	strftime(year, sizeof(year), "%Y", &tm);
	snprintf(from, sizeof(from), "%s/held/%s", agent_top, year);
	snprintf(to, sizeof(to), "%s/held/moved", agent_top);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(symlink("moved", from), 0);
	agent_put_quarantine(link, "held", "b", "x");
	agent_expect_reply(link, "451 4.3.0 ");
	assert_int_equal(unlink(from), 0);
	agent_put_quarantine(link, "held", "b", "x");
	agent_expect_reply(link, "250 ");
	close(link);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quarantined),
		cmocka_unit_test(quarantine_links),
	};

	return cmocka_run_group_tests(tests, agent_set_up, agent_tear_down);
}

/*
 * What the agent makes of a message in a maildir.
 */

#include <sys/stat.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent_peer.h"

#include "gateway/agent_maildir.h"

static void
one_message(void **state)
{
	char path[300];
	struct stat st;
	int link = agent_link();

	(void)state;
	agent_put_head(link, "one/deep/er", 12);
	agent_put_text(link, "Hi\r\n\r\nyou\r\n");
	assert_int_equal(strlen("Hi\r\n\r\nyou\r\n"), 11);
	agent_put_text(link, "x");
	agent_expect_reply(link, "250 2.0.0 ");
	agent_expect_message("one/deep/er", "Hi\n\nyou\nx", 9);
	snprintf(path, sizeof(path), "%s/one/deep", agent_top);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	snprintf(path, sizeof(path), "%s/one/deep/er/cur", agent_top);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);

	/* More on the same link; the second absolute, with an odd name, the
	 * third empty. */
	agent_put_head(link, "one/deep/er", 2);
	agent_put_text(link, "\r\n");
	agent_expect_reply(link, "250 2.0.0 ");
	agent_expect_files("one/deep/er", 2);
	snprintf(path, sizeof(path), "%s//a%%20%%25b%%0ac/", agent_top);
	agent_put_head(link, path, 0);
	agent_expect_reply(link, "250 2.0.0 ");
	agent_expect_message("a %b\nc", "", 0);
	close(link);
}

/* Line ends across the borders of the agent's reads and writes, and CRs and
 * LFs that are no line ends. */
static void
line_ends(void **state)
{
	static const size_t borders[] = { 32 * 1024, 64 * 1024, 96 * 1024,
		128 * 1024 };
	size_t size = 300 * 1000, n = 0, b, i;
	char *in = malloc(size);
	char *out = malloc(size);
	int link = agent_link();

	(void)state;
	assert_non_null(in);
	assert_non_null(out);
	memset(in, 'a', size);
	for (b = 0; b < 4; b++)
		for (i = 0; i < 16; i++)
			in[borders[b] - 8 + i] =
			    "\r\r\n\n\r\n\r\r\n\ra\r\n\n\r\n"[i];
	for (i = 70 * 1000; i < 200 * 1000; i += 3)
		memcpy(in + i, "\r\nb", 3);
	in[size - 1] = '\r';
	for (i = 0; i < size; i++)
		if (in[i] != '\r' || i + 1 == size || in[i + 1] != '\n')
			out[n++] = in[i];
	agent_put_head(link, "ends", size);
	agent_put(link, in, size);
	agent_expect_reply(link, "250 ");
	agent_expect_message("ends", out, n);
	free(in);
	free(out);
	close(link);
}

/* The same without a process, at every split. */
static void
line_end_splits(void **state)
{
	static const char in[] = "a\r\n\r\rb\n\r\r\n\r";
	static const char out[] = "a\n\r\rb\n\r\n\r";
	size_t len = sizeof(in) - 1, a, b;
	char path[200], name[500], buf[50];

	(void)state;
	for (a = 0; a <= len; a++) {
		for (b = a; b <= len; b++) {
			struct maildir_file f;
			int fd;

			snprintf(
			    path, sizeof(path), "%s/s%zu-%zu", agent_top, a, b);
			assert_int_equal(maildir_open(&f, path, 7), 0);
			assert_int_equal(maildir_write(&f, in, a), 0);
			assert_int_equal(maildir_write(&f, in + a, b - a), 0);
			assert_int_equal(maildir_write(&f, in + b, len - b), 0);
			assert_int_equal(maildir_commit(&f), 0);
			maildir_abort(&f);
			agent_count(path + strlen(agent_top) + 1, "new", name,
			    sizeof(name));
			fd = open(name, O_RDONLY);
			assert_true(fd != -1);
			assert_int_equal(
			    read(fd, buf, sizeof(buf)), sizeof(out) - 1);
			assert_memory_equal(buf, out, sizeof(out) - 1);
			close(fd);
		}
	}
}

static void
header_values(void **state)
{
	char path[200], name[500], buf[200] = "";
	struct maildir_file f;
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/values", agent_top);
	assert_int_equal(maildir_open(&f, path, 8), 0);
	assert_int_equal(maildir_headers(&f, "", "a\r\nX: b@c"), 0);
	assert_int_equal(maildir_commit(&f), 0);
	agent_count("values", "new", name, sizeof(name));
	fd = open(name, O_RDONLY);
	assert_true(fd != -1 && read(fd, buf, sizeof(buf) - 1) > 0);
	assert_string_equal(buf, "Return-Path: <>\nDelivered-To: a??X: b@c\n");
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_message),
		cmocka_unit_test(line_ends),
		cmocka_unit_test(line_end_splits),
		cmocka_unit_test(header_values),
	};

	return cmocka_run_group_tests(tests, agent_set_up, agent_tear_down);
}

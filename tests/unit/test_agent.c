/*
 * The agent process, forked, with links over socketpairs, and maildirs in a
 * directory of its own.
 */

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "gateway/agent.h"
#include "gateway/agent_maildir.h"
#include "gateway/agent_quarantine.h"
#include "gateway/net.h"

#define PATIENCE 60 /* seconds; only a hanging test is ended by it */

static struct agent_quarantine quarantines[] = { { "held", "held" },
	{ "full", "full/quarantine" } };
static struct agent_conf agent_conf = {
	.quarantines = quarantines, .quarantine_count = 2, .directory = "."
};
static char top[] = "/tmp/postern-agent-XXXXXX";
static int control;
static pid_t agent;

/* limit: octets of a file, 0 for no limit. */
static void
start_agent(rlim_t limit)
{
	struct rlimit rl = { limit, limit };
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	agent = fork();
	assert_true(agent != -1);
	if (agent == 0) {
		alarm(PATIENCE);
		close(fds[0]);
		if (chdir(top) == -1 || freopen("log", "a", stderr) == NULL)
			_exit(98);
		if (limit > 0 && setrlimit(RLIMIT_FSIZE, &rl) == -1)
			_exit(97);
		_exit(agent_run(fds[1], &agent_conf));
	}
	close(fds[1]);
	control = fds[0];
}

static void
stop_agent(void)
{
	int status;

	if (control != -1)
		close(control);
	control = -1;
	assert_int_equal(waitpid(agent, &status, 0), agent);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int
open_link(void)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(net_send_fd(control, fds[1]), 0);
	close(fds[1]);
	return fds[0];
}

static void
put(int fd, const char *data, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, data, len);
		assert_true(n > 0);
		data += n;
		len -= (size_t)n;
	}
}

static void
put_text(int fd, const char *text)
{
	put(fd, text, strlen(text));
}

static void
put_head(int fd, const char *maildir, size_t size)
{
	char buf[500];

	snprintf(buf, sizeof(buf),
	    "maildir %s\nfrom me@example.com\nto you@example.org\n"
	    "size %zu\n\n",
	    maildir, size);
	put_text(fd, buf);
}

/* Reads one line; "" at the end of file. */
static const char *
get_line(int fd)
{
	static char buf[600];
	size_t n = 0;

	while (n < sizeof(buf) - 1 && read(fd, buf + n, 1) == 1)
		if (buf[n++] == '\n')
			break;
	buf[n] = '\0';
	return buf;
}

static void
expect_reply(int fd, const char *start)
{
	const char *line = get_line(fd);

	if (strncmp(line, start, strlen(start)) != 0)
		fail_msg("reply: \"%s\", wanted: \"%s\"", line, start);
	if (*start != '\0')
		assert_non_null(strstr(line, "\r\n"));
}

/* Entries of MAILDIR/part; the last one's path in path_r. */
static int
count(const char *maildir, const char *part, char *path_r, size_t size)
{
	char dir[200];
	struct dirent *e;
	DIR *d;
	int n = 0;

	snprintf(dir, sizeof(dir), "%s/%s/%s", top, maildir, part);
	d = opendir(dir);
	if (d == NULL)
		return -1;
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		n++;
		snprintf(path_r, size, "%s/%s", dir, e->d_name);
	}
	closedir(d);
	return n;
}

static void
expect_files(const char *maildir, int in_new)
{
	char path[500];

	assert_int_equal(count(maildir, "tmp", path, sizeof(path)), 0);
	assert_int_equal(count(maildir, "new", path, sizeof(path)), in_new);
	assert_int_equal(count(maildir, "cur", path, sizeof(path)), 0);
}

/* The only message of a maildir is these headers and this content. */
static void
expect_message(const char *maildir, const char *content, size_t len)
{
	static const char headers[] =
	    "Return-Path: <me@example.com>\nDelivered-To: you@example.org\n";
	size_t head = sizeof(headers) - 1;
	char path[500];
	struct stat st;
	char *buf;
	int fd;

	expect_files(maildir, 1);
	count(maildir, "new", path, sizeof(path));
	assert_null(strchr(strrchr(path, '/'), ':'));
	fd = open(path, O_RDONLY);
	assert_true(fd != -1);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(st.st_size, head + len);
	buf = malloc(head + len);
	assert_non_null(buf);
	assert_int_equal(read(fd, buf, head + len), head + len);
	assert_memory_equal(buf, headers, head);
	assert_memory_equal(buf + head, content, len);
	free(buf);
	close(fd);
}

static void
one_message(void **state)
{
	char path[300];
	struct stat st;
	int link = open_link();

	(void)state;
	put_head(link, "one/deep/er", 12);
	put_text(link, "Hi\r\n\r\nyou\r\n");
	assert_int_equal(strlen("Hi\r\n\r\nyou\r\n"), 11);
	put_text(link, "x");
	expect_reply(link, "250 2.0.0 ");
	expect_message("one/deep/er", "Hi\n\nyou\nx", 9);
	snprintf(path, sizeof(path), "%s/one/deep", top);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	snprintf(path, sizeof(path), "%s/one/deep/er/cur", top);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);

	/* More on the same link; the second absolute, with an odd name, the
	 * third empty. */
	put_head(link, "one/deep/er", 2);
	put_text(link, "\r\n");
	expect_reply(link, "250 2.0.0 ");
	expect_files("one/deep/er", 2);
	snprintf(path, sizeof(path), "%s//a%%20%%25b%%0ac/", top);
	put_head(link, path, 0);
	expect_reply(link, "250 2.0.0 ");
	expect_message("a %b\nc", "", 0);
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
	int link = open_link();

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
	put_head(link, "ends", size);
	put(link, in, size);
	expect_reply(link, "250 ");
	expect_message("ends", out, n);
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

			snprintf(path, sizeof(path), "%s/s%zu-%zu", top, a, b);
			assert_int_equal(maildir_open(&f, path, 7), 0);
			assert_int_equal(maildir_write(&f, in, a), 0);
			assert_int_equal(maildir_write(&f, in + a, b - a), 0);
			assert_int_equal(maildir_write(&f, in + b, len - b), 0);
			assert_int_equal(maildir_commit(&f), 0);
			maildir_abort(&f);
			count(
			    path + strlen(top) + 1, "new", name, sizeof(name));
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
	snprintf(path, sizeof(path), "%s/values", top);
	assert_int_equal(maildir_open(&f, path, 8), 0);
	assert_int_equal(maildir_headers(&f, "", "a\r\nX: b@c"), 0);
	assert_int_equal(maildir_commit(&f), 0);
	count("values", "new", name, sizeof(name));
	fd = open(name, O_RDONLY);
	assert_true(fd != -1 && read(fd, buf, sizeof(buf) - 1) > 0);
	assert_string_equal(buf, "Return-Path: <>\nDelivered-To: a??X: b@c\n");
	close(fd);
}

static void
worker_gone(void **state)
{
	int link = open_link();
	int other;

	(void)state;
	put_head(link, "gone", 100);
	put_text(link, "half of it\r\n");
	close(link);
	link = open_link();
	put_text(link, "maildir gone\nfrom ");
	close(link);
	/* Links are served in turns: when one opened later has been served
	 * twice, the ends of those above have been seen. */
	other = open_link();
	put_head(other, "here", 0);
	expect_reply(other, "250 ");
	put_head(other, "here", 0);
	expect_reply(other, "250 ");
	close(other);
	expect_files("gone", 0);
	expect_files("here", 2);
}

static void
parallel(void **state)
{
	int slow = open_link();
	int quick = open_link();

	(void)state;
	put_head(slow, "slow", 6);
	put_text(slow, "abc\r");
	put_head(quick, "quick", 3);
	put_text(quick, "x\r\n");
	expect_reply(quick, "250 ");
	expect_message("quick", "x\n", 2);
	put_text(slow, "\nz");
	expect_reply(slow, "250 ");
	expect_message("slow", "abc\nz", 5);
	close(slow);
	close(quick);
}

/* The rest of the content is skipped and the link stays in step. */
static void
errors(void **state)
{
	int link = open_link();

	(void)state;
	put_head(link, "log/in/a/file", 4);
	put_text(link, "ab\r\n");
	expect_reply(link, "451 4.3.0 ");
	put_head(link, "after", 4);
	put_text(link, "ab\r\n");
	expect_reply(link, "250 ");
	expect_message("after", "ab\n", 3);
	close(link);
}

static void
quarantine(int link, const char *name, const char *id, const char *content)
{
	char head[200];

	snprintf(head, sizeof(head), "quarantine %s\nid %s\nsize %zu\n\n", name,
	    id, strlen(content));
	put_text(link, head);
	put_text(link, content);
}

/* HELD/YYYY/MM/DD/ID.eml, octet by octet what was sent, for nobody else. */
static void
quarantined(void **state)
{
	static const char content[] = "Subject: x\r\n\r\na\rb\nc\r\n.\r\n";
	char path[300], day[100], buf[100] = "", *reply;
	int link = open_link(), fd;
	struct tm tm;
	struct stat st;
	time_t now;

	(void)state;
	now = time(NULL);
	gmtime_r(&now, &tm);
	strftime(day, sizeof(day), "%Y/%m/%d", &tm);
	quarantine(link, "held", "a0-1.1", content);
	reply = (char *)(uintptr_t)get_line(link);
	assert_memory_equal(reply, "250 2.0.0 ", 10);
	reply[strcspn(reply, "\r")] = '\0';
	if (strncmp(reply + 10, day, strlen(day)) != 0) /* midnight */
		snprintf(day, sizeof(day), "%.10s", reply + 10);
	assert_string_equal(reply + 10 + strlen(day), "/a0-1.1.eml");
	snprintf(path, sizeof(path), "%s/held/%s", top, reply + 10);
	fd = open(path, O_RDONLY);
	assert_true(fd != -1);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(read(fd, buf, sizeof(buf)), sizeof(content) - 1);
	assert_string_equal(buf, content);
	close(fd);
	snprintf(path, sizeof(path), "%s/held/%.7s", top, day);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);

	/* What is there is never overwritten, and nothing is left behind. */
	quarantine(link, "held", "a0-1.1", "other\r\n");
	expect_reply(link, "451 4.3.0 ");
	quarantine(link, "elsewhere", "a0-1.2", "other\r\n");
	expect_reply(link, "451 4.3.0 ");
	quarantine(link, "held", "a0-1.3", "");
	expect_reply(link, "250 2.0.0 ");
	snprintf(path, sizeof(path), "held/%s", day);
	assert_int_equal(count(path, ".", buf, 0), 2);
	snprintf(path, sizeof(path), "%s/held/%s/.a0-1.1.new", top, day);
	assert_int_equal(stat(path, &st), -1);
	close(link);
}

/* Whoever can write there could send the agent elsewhere by a link. */
static void
quarantine_links(void **state)
{
	char from[200], to[200], year[8];
	int link = open_link();
	time_t now = time(NULL);
	struct tm tm;

	(void)state;
	gmtime_r(&now, &tm);
	strftime(year, sizeof(year), "%Y", &tm);
	snprintf(from, sizeof(from), "%s/held/%s", top, year);
	snprintf(to, sizeof(to), "%s/held/moved", top);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(symlink("moved", from), 0);
	quarantine(link, "held", "b", "x");
	expect_reply(link, "451 4.3.0 ");
	assert_int_equal(unlink(from), 0);
	quarantine(link, "held", "b", "x");
	expect_reply(link, "250 ");
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
		link = open_link();
		put_text(link, heads[i]);
		expect_reply(link, "451 4.3.0 ");
		expect_reply(link, "");
		close(link);
	}
	memset(lines, 'a', sizeof(lines));
	link = open_link();
	put(link, lines, sizeof(lines)); /* no line end at all */
	expect_reply(link, "451 4.3.0 ");
	close(link);
	assert_int_equal(count("hostile", "new", lines, sizeof(lines)), -1);
}

/* Requests that come in one piece are told apart by their sizes. */
static void
glued(void **state)
{
	int link = open_link();

	(void)state;
	put_text(link,
	    "maildir glued1\nfrom me@example.com\nto you@example.org\n"
	    "size 3\n\nabc"
	    "maildir glued2\nfrom me@example.com\nto you@example.org\n"
	    "size 4\n\nab\r\n");
	expect_reply(link, "250 ");
	expect_reply(link, "250 ");
	expect_message("glued1", "abc", 3);
	expect_message("glued2", "ab\n", 3);
	close(link);
}

/* Its own agent: no file may be longer than 100,000 octets. */
static void
file_limit(void **state)
{
	char *big = calloc(1, 200 * 1000);
	int link;

	(void)state;
	assert_non_null(big);
	stop_agent();
	start_agent(100 * 1000);
	link = open_link();
	put_head(link, "limit", 200 * 1000);
	put(link, big, 200 * 1000);
	expect_reply(link, "452 4.3.1 ");
	expect_files("limit", 0);
	put_text(link, "quarantine held\nid big\nsize 200000\n\n");
	put(link, big, 200 * 1000);
	expect_reply(link, "452 4.3.1 ");
	put_head(link, "limit", 2);
	put_text(link, "\r\n");
	expect_reply(link, "250 ");
	expect_message("limit", "\n", 1);
	close(link);
	stop_agent();
	start_agent(0);
	free(big);
}

static bool
run(const char *program, const char *a, const char *b, const char *c,
    const char *d)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (freopen("/dev/null", "w", stderr) != NULL)
			execlp(program, program, a, b, c, d, (char *)NULL);
		_exit(99);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0;
}

static void
full_disk(void **state)
{
	char *big = calloc(1, 200 * 1000);
	char dir[100];
	int link;

	(void)state;
	assert_non_null(big);
	snprintf(dir, sizeof(dir), "%s/full", top);
	assert_int_equal(mkdir(dir, 0700), 0);
	if (!run("mount", "-osize=64k", "-ttmpfs", "tmpfs", dir)) {
		free(big);
		fprintf(stderr, "not run: full disk (no tmpfs to be had)\n");
		skip();
	}
	link = open_link();
	put_head(link, "full", 200 * 1000);
	put(link, big, 200 * 1000);
	expect_reply(link, "452 4.3.1 ");
	expect_files("full", 0);
	put_head(link, "full", 2);
	put_text(link, "\r\n");
	expect_reply(link, "250 ");
	expect_files("full", 1);
	put_text(link, "quarantine full\nid a\nsize 200000\n\n");
	put(link, big, 200 * 1000);
	expect_reply(link, "452 4.3.1 ");
	quarantine(link, "full", "a", "x\r\n");
	expect_reply(link, "250 ");
	close(link);
	free(big);
	assert_true(run("umount", dir, NULL, NULL, NULL));
}

/* The control socket's end: what is under way is finished. */
static void
ending(void **state)
{
	int link = open_link();

	(void)state;
	put_head(link, "begun", 0);
	expect_reply(link, "250 ");
	put_head(link, "ending", 4);
	put_text(link, "ab");
	close(control);
	control = -1;
	kill(agent, SIGTERM); /* as a service manager does to all */
	put_text(link, "\r\n");
	expect_reply(link, "250 ");
	close(link);
	expect_message("ending", "ab\n", 3);
	stop_agent();
	start_agent(0);
}

static int
set_up(void **state)
{
	struct sigaction ignore;

	(void)state;
	memset(&ignore, 0, sizeof(ignore));
	ignore.sa_handler = SIG_IGN;
	alarm(PATIENCE);
	sigaction(SIGPIPE, &ignore, NULL);
	if (mkdtemp(top) == NULL)
		return -1;
	start_agent(0);
	return 0;
}

static int
tear_down(void **state)
{
	char dir[100];

	(void)state;
	stop_agent();
	snprintf(dir, sizeof(dir), "%s/full", top);
	(void)run("umount", dir, NULL, NULL, NULL); /* left by a failed test */
	return run("rm", "-rf", top, NULL, NULL) ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_message),
		cmocka_unit_test(line_ends),
		cmocka_unit_test(line_end_splits),
		cmocka_unit_test(header_values),
		cmocka_unit_test(worker_gone),
		cmocka_unit_test(parallel),
		cmocka_unit_test(quarantined),
		cmocka_unit_test(quarantine_links),
		cmocka_unit_test(errors),
		cmocka_unit_test(hostile),
		cmocka_unit_test(glued),
		cmocka_unit_test(file_limit),
		cmocka_unit_test(full_disk),
		cmocka_unit_test(ending),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

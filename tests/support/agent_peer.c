/*
 * The agent process, forked, with links over socketpairs: see agent_peer.h.
 */

#include "agent_peer.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "gateway/agent.h"
#include "gateway/agent_quarantine.h"
#include "gateway/net.h"

#define PATIENCE 60 /* seconds; only a hanging test is ended by it */

static struct agent_quarantine quarantines[] = { { "held", "held" },
	{ "full", "full/quarantine" } };
static struct agent_conf agent_conf = {
	.quarantines = quarantines, .quarantine_count = 2, .directory = "."
};
char agent_top[] = "/tmp/postern-agent-XXXXXX";
int agent_control;
pid_t agent_pid;

void
agent_start_peer(rlim_t limit)
{
	struct rlimit rl = { limit, limit };
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	agent_pid = fork();
	assert_true(agent_pid != -1);
	if (agent_pid == 0) {
		alarm(PATIENCE);
		close(fds[0]);
		if (chdir(agent_top) == -1 ||
		    freopen("log", "a", stderr) == NULL)
			_exit(98);
		if (limit > 0 && setrlimit(RLIMIT_FSIZE, &rl) == -1)
			_exit(97);
		_exit(agent_run(fds[1], &agent_conf));
	}
	close(fds[1]);
	agent_control = fds[0];
}

void
agent_stop_peer(void)
{
	int status;

	if (agent_control != -1)
		close(agent_control);
	agent_control = -1;
	assert_int_equal(waitpid(agent_pid, &status, 0), agent_pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int
agent_link(void)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(net_send_fd(agent_control, fds[1]), 0);
	close(fds[1]);
	return fds[0];
}

void
agent_put(int fd, const char *data, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, data, len);
		assert_true(n > 0);
		data += n;
		len -= (size_t)n;
	}
}

void
agent_put_text(int fd, const char *text)
{
	agent_put(fd, text, strlen(text));
}

void
agent_put_head(int fd, const char *maildir, size_t size)
{
	char buf[500];

	snprintf(buf, sizeof(buf),
	    "maildir %s\nfrom me@example.com\nto you@example.org\n"
	    "size %zu\n\n",
	    maildir, size);
	agent_put_text(fd, buf);
}

const char *
agent_get_line(int fd)
{
	static char buf[600];
	size_t n = 0;

	while (n < sizeof(buf) - 1 && read(fd, buf + n, 1) == 1)
		if (buf[n++] == '\n')
			break;
	buf[n] = '\0';
	return buf;
}

void
agent_expect_reply(int fd, const char *start)
{
	const char *line = agent_get_line(fd);

	if (strncmp(line, start, strlen(start)) != 0)
		fail_msg("reply: \"%s\", wanted: \"%s\"", line, start);
	if (*start != '\0')
		assert_non_null(strstr(line, "\r\n"));
}

int
agent_count(const char *maildir, const char *part, char *path_r, size_t size)
{
	char dir[200];
	struct dirent *e;
	DIR *d;
	int n = 0;

	snprintf(dir, sizeof(dir), "%s/%s/%s", agent_top, maildir, part);
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

void
agent_expect_files(const char *maildir, int in_new)
{
	char path[500];

	assert_int_equal(agent_count(maildir, "tmp", path, sizeof(path)), 0);
	assert_int_equal(
	    agent_count(maildir, "new", path, sizeof(path)), in_new);
	assert_int_equal(agent_count(maildir, "cur", path, sizeof(path)), 0);
}

void
agent_expect_message(const char *maildir, const char *content, size_t len)
{
	static const char headers[] =
	    "Return-Path: <me@example.com>\nDelivered-To: you@example.org\n";
	size_t head = sizeof(headers) - 1;
	char path[500];
	struct stat st;
	char *buf;
	int fd;

	agent_expect_files(maildir, 1);
	agent_count(maildir, "new", path, sizeof(path));
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

void
agent_put_quarantine(
    int link, const char *name, const char *id, const char *content)
{
	char head[200];

	snprintf(head, sizeof(head), "quarantine %s\nid %s\nsize %zu\n\n", name,
	    id, strlen(content));
	agent_put_text(link, head);
	agent_put_text(link, content);
}

bool
agent_run_program(const char *program, const char *a, const char *b,
    const char *c, const char *d)
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

int
agent_set_up(void **state)
{
	struct sigaction ignore;

	(void)state;
	memset(&ignore, 0, sizeof(ignore));
	ignore.sa_handler = SIG_IGN;
	alarm(PATIENCE);
	sigaction(SIGPIPE, &ignore, NULL);
	if (mkdtemp(agent_top) == NULL)
		return -1;
	agent_start_peer(0);
	return 0;
}

int
agent_tear_down(void **state)
{
	char dir[100];

	(void)state;
	agent_stop_peer();
	snprintf(dir, sizeof(dir), "%s/full", agent_top);
	(void)agent_run_program(
	    "umount", dir, NULL, NULL, NULL); /* left by a failed test */
	return agent_run_program("rm", "-rf", agent_top, NULL, NULL) ? 0 : -1;
}

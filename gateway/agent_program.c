/*
 * Programs of the agent: see agent_program.h.
 */

#include "agent_program.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "compat.h"
#include "log.h"
#include "mem.h"
#include "net.h"

#define FIXED_ARGUMENTS 7 /* path -i -f FROM -- TO NULL */
#define FILES 1024	  /* descriptors: some programs close all of them */
#define EXEC_FAILED 127
#define BY_SHELL 128 /* and a signal's number: that killed its child */

int64_t
agent_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int
agent_program_file(const char *directory)
{
	char path[1024];
	int fd;

	snprintf(path, sizeof(path), "%s/postern.XXXXXXXXXX", directory);
	fd = mkstemp(path);
	if (fd == -1)
		return -1;
	(void)unlink(path);
	(void)net_cloexec(fd);
	return fd;
}

static char *
writable(const char *s)
{
	return (char *)(uintptr_t)s; /* execve() changes nothing */
}

/* In the child: never returns. */
static void
execute(const struct backend_program *p, int file, int output, const char *from,
    const char *to)
{
	static const char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
		"LC_ALL=C", NULL };
	static const int reset[] = { SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2,
		SIGPIPE, SIGXFSZ, SIGCHLD };
	char **argv =
	    xcalloc(p->argument_count + FIXED_ARGUMENTS, sizeof(*argv));
	struct sigaction usual;
	struct rlimit files;
	size_t i, n = 0;

	argv[n++] = writable(p->path);
	for (i = 0; i < p->argument_count; i++)
		argv[n++] = writable(p->arguments[i]);
	argv[n++] = writable("-i"); /* a lone dot is no end */
	argv[n++] = writable("-f");
	argv[n++] = writable(from[0] != '\0' ? from : "<>");
	argv[n++] = writable("--");
	argv[n++] = writable(to);
	memset(&usual, 0, sizeof(usual));
	usual.sa_handler = SIG_DFL;
	sigemptyset(&usual.sa_mask);
	for (i = 0; i < nitems(reset); i++)
		(void)sigaction(reset[i], &usual, NULL);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > FILES) {
		files.rlim_cur = FILES;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	(void)setsid();
	if (dup2(file, STDIN_FILENO) != -1 &&
	    dup2(output, STDOUT_FILENO) != -1 &&
	    dup2(output, STDERR_FILENO) != -1) {
		(void)execve(p->path, argv, (char **)(uintptr_t)env);
		fprintf(stderr, "%s: %s\n", p->path, strerror(errno));
	}
	_exit(EXEC_FAILED);
}

int
agent_program_start(struct agent_run *run, struct agent_program *of, int file,
    const char *from, const char *to)
{
	int fds[2], error;

	memset(run, 0, sizeof(*run));
	run->output = -1;
	if (lseek(file, 0, SEEK_SET) == -1 || pipe(fds) == -1)
		return -1;
	(void)net_cloexec(fds[0]);
	(void)net_cloexec(fds[1]);
	run->pid = net_nonblock(fds[0]) == -1 ? -1 : fork();
	if (run->pid == 0)
		execute(&of->program, file, fds[1], from, to);
	error = errno;
	close(fds[1]);
	if (run->pid == -1) {
		close(fds[0]);
		errno = error;
		return -1;
	}
	run->of = of;
	run->output = fds[0];
	run->ends = agent_now() + of->program.timeout;
	of->running++;
	return 0;
}

/* All of it is read, so that the program never waits; the beginning is kept. */
void
agent_program_read(struct agent_run *run)
{
	size_t room = sizeof(run->said) - 1 - run->said_len;
	char buf[4096];
	ssize_t n;

	n = read(run->output, buf, sizeof(buf));
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(run->output);
		run->output = -1;
		return;
	}
	if (room > (size_t)n)
		room = (size_t)n;
	memcpy(run->said + run->said_len, buf, room);
	run->said_len += room;
}

static void
tell(const struct agent_run *run, int status)
{
	size_t line = strcspn(run->said, "\r\n");

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	log_event(LEVEL_WARN, "agent: backend %s: %s %s %d: %.*s",
	    run->of->name, run->of->program.path,
	    WIFEXITED(status) ? "ended with code"
		: run->killed ? "took too long and got signal"
			      : "died of signal",
	    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
	    (int)line, run->said);
}

bool
agent_program_ended(struct agent_run *run, const char **reply_r)
{
	int status;
	pid_t pid = waitpid(run->pid, &status, WNOHANG);

	if (pid == 0 && run->ends <= agent_now() && !run->killed) {
		run->killed = true;
		/* What it has started, too: it leads their group. */
		(void)kill(-run->pid, SIGKILL);
		(void)kill(run->pid, SIGKILL);
	}
	if (pid != run->pid)
		return false;
	if (run->output != -1) {
		agent_program_read(run);
		if (run->output != -1)
			close(run->output);
		run->output = -1;
	}
	tell(run, status);
	*reply_r = agent_program_reply(status);
	run->of->running--;
	run->of = NULL;
	return true;
}

/* A program that was killed may have queued the message before.  Of the others,
 * only what is about this message or its recipient is for good; what tells of
 * this machine or its configuration is not the sender's fault. */
const char *
agent_program_reply(int status)
{
	static const struct {
		int code;
		const char *reply;
	} exits[] = {
		{ EX_OK, "250 2.0.0 handed over" },
		{ EX_DATAERR, "554 5.6.0 the message was not accepted" },
		{ EX_NOUSER, "550 5.1.1 no such user" },
		{ EX_NOHOST, "550 5.1.2 no such host" },
		{ EX_USAGE, "451 4.3.5 mail command is not set up properly" },
		{ EX_CONFIG, "451 4.3.5 mail command is not set up properly" },
		{ EX_NOPERM, "451 4.3.5 mail command is not set up properly" },
		{ EXEC_FAILED,
		    "451 4.3.5 mail command is not set up properly" },
		{ EX_CANTCREAT, "452 4.3.1 mail command could not store it" },
		{ EX_TEMPFAIL, "451 4.3.0 mail command can not do it now" },
	};
	size_t i;

	if (!WIFEXITED(status) || WEXITSTATUS(status) > BY_SHELL)
		return "350 mail command was killed; it may have the message";
	for (i = 0; i < nitems(exits); i++)
		if (exits[i].code == WEXITSTATUS(status))
			return exits[i].reply;
	return "451 4.3.0 mail command failed";
}

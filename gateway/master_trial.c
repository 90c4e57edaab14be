/*
 * The trial: a child runs the program on the disk, to find out whether it and
 * the configuration are good.  The master goes on meanwhile.
 */

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "compat.h"
#include "log.h"
#include "master_handover.h"
#include "master_priv.h"
#include "mem.h"

#define TRIAL_MS 20000	       /* it reads some files */
#define OUTPUT_MAX (64 * 1024) /* the rest is not kept */

static void run(const struct master *, int, int) __attribute__((noreturn));
static void judge(struct master *, int);
static void end(struct master *);

/* Never higher than select() can take: it would be of no use. */
static bool
make_pipe(int fds[2])
{
	if (pipe(fds) == -1)
		return false;
	(void)net_cloexec(fds[0]);
	(void)net_cloexec(fds[1]);
	if (net_nonblock(fds[0]) == 0 && fds[0] < FD_SETSIZE)
		return true;
	close(fds[0]);
	close(fds[1]);
	errno = EMFILE;
	return false;
}

bool
trial_begin(struct master *m)
{
	struct trial *t = &m->trial;
	int fds[2], text;

	if (m->program == NULL) {
		log_event(LEVEL_ERROR,
		    "it is not known where the program %s is: start it by its "
		    "path",
		    m->argv[0]);
		return false;
	}
	text = handover_write(m);
	if (text == -1)
		return false;
	if (!make_pipe(fds)) {
		log_event(LEVEL_ERROR, "no pipe: %s", strerror(errno));
		close(text);
		return false;
	}
	log_flush();
	t->pid = fork();
	if (t->pid == 0)
		run(m, text, fds[1]);
	close(text);
	close(fds[1]);
	if (t->pid == -1) {
		log_event(LEVEL_ERROR, "can not start a trial of %s: %s",
		    m->program, strerror(errno));
		close(fds[0]);
		t->pid = 0;
		return false;
	}
	t->fd = fds[0];
	t->due = master_now() + TRIAL_MS;
	t->killed = false;
	t->len = 0;
	t->text = xmalloc(OUTPUT_MAX + 1);
	return true;
}

/* With the arguments of the start, for those have to be understood as well. */
static char **
arguments(char **argv)
{
	size_t n = 0;
	char **args;

	while (argv[n] != NULL)
		n++;
	args = xcalloc(n + 2, sizeof(*args));
	args[0] = argv[0];
	args[1] = (char *)(uintptr_t) "-n"; /* which nobody changes */
	memcpy(args + 2, argv + 1, (n - 1) * sizeof(*args));
	return args;
}

/* It has nothing of the master's but the text. */
static void
run(const struct master *m, int text, int output)
{
	static const int usual[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2,
		SIGCHLD, SIGPIPE };
	struct sigaction sa;
	char number[16];
	sigset_t none;
	size_t i;
	int null;

	memset(&sa, 0, sizeof(sa));
	sigemptyset(&sa.sa_mask);
	sa.sa_handler = SIG_DFL;
	for (i = 0; i < nitems(usual); i++)
		(void)sigaction(usual[i], &sa, NULL);
	/* A terminal's INT is for the master. */
	(void)setsid();
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null != -1)
		(void)dup2(null, STDIN_FILENO);
	(void)dup2(output, STDOUT_FILENO);
	(void)dup2(output, STDERR_FILENO);
	(void)fcntl(text, F_SETFD, 0);
	snprintf(number, sizeof(number), "%d", text);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (setenv(HANDOVER_ENV, number, 1) == 0)
		(void)execv(m->program, arguments(m->argv));
	dprintf(STDERR_FILENO, "can not execute %s: %s\n", m->program,
	    strerror(errno));
	_exit(EX_OSERR);
}

static void
take_output(struct trial *t)
{
	char buf[4096];
	size_t room;
	ssize_t n;

	while (t->fd != -1 && (n = read(t->fd, buf, sizeof(buf))) != -1) {
		if (n == 0) {
			close(t->fd);
			t->fd = -1;
			break;
		}
		room = OUTPUT_MAX - t->len;
		if ((size_t)n < room)
			room = (size_t)n;
		memcpy(t->text + t->len, buf, room);
		t->len += room;
	}
}

void
trial_watch(struct master *m)
{
	struct trial *t = &m->trial;

	if (t->pid == 0)
		return;
	take_output(t);
	if (t->due > master_now() || t->killed)
		return;
	t->killed = true;
	/* What it may have started, too: it leads their group. */
	(void)kill(-t->pid, SIGKILL);
	(void)kill(t->pid, SIGKILL);
}

bool
trial_died(struct master *m, pid_t pid, int status)
{
	if (m->trial.pid == 0 || m->trial.pid != pid)
		return false;
	take_output(&m->trial);
	judge(m, status);
	return true;
}

/* Takes the line out that says what it is; NULL: there is none. */
static char *
take_sign(char *text)
{
	const char mark[] = HANDOVER_MARK " " HANDOVER_CONTRACT " ";
	char *line = text, *end, *sign;

	while (strncmp(line, mark, sizeof(mark) - 1) != 0) {
		line = strchr(line, '\n');
		if (line == NULL)
			return NULL;
		line++;
	}
	end = line + strcspn(line, "\n");
	sign = xcalloc(1, (size_t)(end - line) + 1);
	memcpy(sign, line, (size_t)(end - line));
	memmove(line, *end == '\n' ? end + 1 : end,
	    strlen(*end == '\n' ? end + 1 : end) + 1);
	return sign;
}

static void
say_ended(const struct master *m, int status)
{
	if (m->trial.killed)
		log_event(LEVEL_ERROR,
		    "the trial of %s did not end within %d seconds", m->program,
		    TRIAL_MS / 1000);
	else if (WIFSIGNALED(status))
		log_event(LEVEL_ERROR, "the trial of %s died: %s", m->program,
		    strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != EX_OK)
		log_event(LEVEL_ERROR, "the trial of %s ended with code %d",
		    m->program, WEXITSTATUS(status));
	else
		log_event(LEVEL_ERROR,
		    "%s does not know how to take over from a running "
		    "posternd: it needs a stop and a start",
		    m->program);
}

static void
say_lines(const char *text)
{
	size_t len;

	for (; *text != '\0'; text += len + (text[len] == '\n')) {
		len = strcspn(text, "\n");
		log_event(LEVEL_ERROR, "%.*s", (int)len, text);
	}
}

static void
judge(struct master *m, int status)
{
	struct trial *t = &m->trial;
	bool good = WIFEXITED(status) && WEXITSTATUS(status) == EX_OK;
	bool config = WIFEXITED(status) && WEXITSTATUS(status) == EX_CONFIG;
	char *sign, *text = t->text;

	text[t->len] = '\0';
	t->text = NULL;
	sign = take_sign(text);
	good = good && sign != NULL;
	/* Warnings are said by who takes over. */
	if (!good)
		say_lines(text);
	if (!good && !config && !m->stopping)
		say_ended(m, status);
	end(m);
	if (good && !m->stopping)
		handover_exec(m); /* it comes back only if it fails */
	reload_answer(
	    m, config ? EX_CONFIG : EX_UNAVAILABLE, good ? NULL : text);
	free(sign);
	free(text);
}

static void
end(struct master *m)
{
	if (m->trial.fd != -1)
		close(m->trial.fd);
	m->trial.fd = -1;
	m->trial.pid = 0;
	m->trial.due = 0;
}

void
trial_cancel(struct master *m)
{
	if (m->trial.pid != 0)
		m->trial.due = master_now();
}

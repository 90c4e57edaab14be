/*
 * Privileges and the life as a daemon: what every system has.
 */

#include "priv.h"

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"
#include "priv_system.h"

/* Between the daemon and who waits for it; -1: nobody does. */
static int ready_fd = -1;

static int become(const char *, const char *);
static int failed_to_become(const char *);
static int exit_code(pid_t);
static void wait_for_daemon(int, pid_t) __attribute__((noreturn));

int
priv_become(const char *user, const char *root)
{
	return geteuid() == 0 ? become(user, root) : 0;
}

int
priv_drop(const char *user, const char *root)
{
	if (priv_become(user, root) == -1)
		return -1;
	if (priv_no_new_privileges() == -1)
		log_event(LEVEL_WARN, "no-new-privileges is not to be had: %s",
		    strerror(errno));
	return 0;
}

/* Who the user is has to be asked before the lists are out of reach. */
static int
become(const char *user, const char *root)
{
	const struct passwd *pw = user != NULL ? getpwnam(user) : NULL;

	if (user != NULL && pw == NULL) {
		log_event(LEVEL_ERROR, "there is no user %s", user);
		return -1;
	}
	if (pw != NULL && initgroups(pw->pw_name, pw->pw_gid) == -1)
		return failed_to_become(user);
	if (root != NULL && (chroot(root) == -1 || chdir("/") == -1)) {
		log_event(LEVEL_ERROR, "can not make %s the root directory: %s",
		    root, strerror(errno));
		return -1;
	}
	/* As root, setgid() and setuid() set the saved numbers, too. */
	if (pw != NULL &&
	    (setgid(pw->pw_gid) == -1 || setuid(pw->pw_uid) == -1))
		return failed_to_become(user);
	if (pw != NULL && pw->pw_uid != 0 && setuid(0) == 0) {
		errno = EPERM; /* it is not for good */
		return failed_to_become(user);
	}
	return 0;
}

/* A user who is not there is complained of elsewhere. */
int
priv_may_write(const char *user, const char *directory)
{
	int status = 0;
	pid_t pid;

	if (geteuid() != 0 || user == NULL || getpwnam(user) == NULL)
		return access(directory, W_OK | X_OK);
	pid = fork();
	if (pid == 0) {
		if (become(user, NULL) == -1)
			_exit(EPERM);
		_exit(access(directory, W_OK | X_OK) == 0 ? 0 : errno);
	}
	while (pid != -1 && waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return -1;
	if (pid == -1)
		return -1;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
	return errno == 0 ? 0 : -1;
}

static int
failed_to_become(const char *user)
{
	log_event(
	    LEVEL_ERROR, "can not become user %s: %s", user, strerror(errno));
	return -1;
}

/* A core would have keys and mail in it. */
int
priv_confine(enum priv_role role, const char *const writable[], size_t count)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) == 0 &&
	    priv_system_confine(role, writable, count) == 0)
		return 0;
	log_event(
	    LEVEL_ERROR, "can not give privileges up: %s", strerror(errno));
	return -1;
}

/*
 * Three processes: who was started waits for the leader of the new session,
 * and that one for the daemon, which so can never get a terminal again.  Both
 * end when the daemon is ready, or as it ended.  The working directory stays:
 * paths may be relative to it, at a reload, too.
 */
int
priv_daemonize(void)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds) == -1)
		return -1;
	pid = fork();
	if (pid == -1)
		return -1;
	if (pid > 0) {
		close(fds[0]);
		close(fds[1]);
		_exit(exit_code(pid));
	}
	if (setsid() == -1)
		_exit(EX_OSERR);
	pid = fork();
	if (pid == -1)
		_exit(EX_OSERR);
	if (pid > 0) {
		close(fds[1]);
		wait_for_daemon(fds[0], pid);
	}
	close(fds[0]);
	(void)fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	ready_fd = fds[1];
	return 0;
}

static void
wait_for_daemon(int fd, pid_t pid)
{
	char c;
	ssize_t n;

	do
		n = read(fd, &c, 1);
	while (n == -1 && errno == EINTR);
	_exit(n == 1 ? EX_OK : exit_code(pid));
}

static int
exit_code(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return EX_OSERR;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EX_SOFTWARE;
}

void
priv_daemon_ready(void)
{
	int null;
	ssize_t n;

	priv_tell_manager("READY=1");
	if (ready_fd == -1)
		return;
	null = open("/dev/null", O_RDWR);
	if (null != -1) {
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
		(void)dup2(null, STDERR_FILENO);
		if (null > STDERR_FILENO)
			close(null);
	}
	do
		n = write(ready_fd, "", 1);
	while (n == -1 && errno == EINTR);
	close(ready_fd);
	ready_fd = -1;
}

void
priv_raise_nofile(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return;
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		log_event(LEVEL_WARN,
		    "can not raise the limit of descriptors: %s",
		    strerror(errno));
}

unsigned
priv_processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : (unsigned)n;
}

/*
 * What a process can not do any more when its privileges are given up.  Each
 * case runs in a child: there is no way back.
 */

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#endif

#include "priv.h"

enum answer { YES, NO, OTHER };

static char ours[] = "/tmp/postern-priv-XXXXXX";
static char others[] = "/tmp/postern-priv-XXXXXX";

static enum answer
can_create(const char *directory)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/file", directory);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd == -1)
		return errno == EACCES || errno == ENOENT ? NO : OTHER;
	if (write(fd, "x", 1) != 1 || close(fd) == -1 || unlink(path) == -1)
		return OTHER;
	return YES;
}

static enum answer
can_create_in_ours(void)
{
	return can_create(ours);
}

static enum answer
can_create_in_others(void)
{
	return can_create(others);
}

static enum answer
can_execute(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", ":", (char *)NULL);
		_exit(errno == EACCES ? NO : OTHER);
	}
	if (pid == -1 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return OTHER;
	return (enum answer)WEXITSTATUS(status);
}

static enum answer
can_dump_core(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_CORE, &rl) == -1)
		return OTHER;
	return rl.rlim_cur == 0 && rl.rlim_max == 0 ? NO : YES;
}

static enum answer
asked(enum priv_role role, enum answer (*question)(void))
{
	const char *const writable[] = { ours, "/no/such/directory" };
	int status;
	pid_t pid = fork();

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		if (priv_drop(NULL, NULL) == -1 ||
		    priv_confine(role, writable, 2) == -1)
			_exit(OTHER);
		_exit((int)question());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return (enum answer)WEXITSTATUS(status);
}

static void
test_worker(void **state)
{
	(void)state;
	assert_int_equal(asked(PRIV_WORKER, can_create_in_ours), YES);
	assert_int_equal(asked(PRIV_WORKER, can_dump_core), NO);
}

/* Only where the system has a means for it. */
static void
test_worker_confined(void **state)
{
	(void)state;
	if (asked(PRIV_WORKER, can_create_in_others) == YES) {
		print_message("not run: neither Landlock nor unveil here\n");
		skip();
	}
	assert_int_equal(asked(PRIV_WORKER, can_create_in_others), NO);
	assert_int_equal(asked(PRIV_WORKER, can_execute), NO);
}

static void
test_agent(void **state)
{
	(void)state;
	assert_int_equal(asked(PRIV_AGENT, can_create_in_others), YES);
	assert_int_equal(asked(PRIV_RUNNER, can_execute), YES);
	assert_int_equal(asked(PRIV_AGENT, can_dump_core), NO);
}

#if defined(__linux__) && defined(SYS_landlock_create_ruleset)
/* As under systemd 252 and @system-service, or in a container. */
static bool
refuse_landlock(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset,
		    0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {
		.len = sizeof(code) / sizeof(code[0]),
		.filter = code,
	};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static enum answer
goes_on_without_landlock(void)
{
	if (!refuse_landlock())
		return OTHER;
	return priv_confine(PRIV_WORKER, NULL, 0) == 0 ? YES : NO;
}

static void
test_refused_landlock(void **state)
{
	(void)state;
	/* (The agent's role: Landlock is not there yet.) */
	assert_int_equal(asked(PRIV_AGENT, goes_on_without_landlock), YES);
}
#endif

static int
set_up(void **state)
{
	(void)state;
	return mkdtemp(ours) != NULL && mkdtemp(others) != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	return rmdir(ours) | rmdir(others);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_worker),
		cmocka_unit_test(test_worker_confined),
		cmocka_unit_test(test_agent),
#if defined(__linux__) && defined(SYS_landlock_create_ruleset)
		cmocka_unit_test(test_refused_landlock),
#endif
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

/*
 * Privileges: Linux's Landlock (landlock(7), kernel 5.13).  What a worker has
 * no use for is taken from it: programs can not be executed, and files neither
 * made, written nor removed, but in its own directories.  Reading stays with
 * what the user may read, and so do the sockets.
 */

#if defined(__linux__) && __has_include(<linux/landlock.h>) && \
    !defined(COMPAT_FORCE)

#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <unistd.h>

#include "log.h"
#include "priv_system.h"

#define WRITING                                                             \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |    \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | \
	    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |     \
	    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |   \
	    LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

static int allow(int, const char *, uint64_t);
static int not_to_be_had(void);

int
priv_system_confine(
    enum priv_role role, const char *const writable[], size_t count)
{
	struct landlock_ruleset_attr attr = { .handled_access_fs = WRITING |
		    LANDLOCK_ACCESS_FS_EXECUTE };
	int rules, rc = 0, error;
	size_t i;

	/* These write where they are told. */
	if (role == PRIV_AGENT || role == PRIV_RUNNER)
		return 0;
	rules =
	    (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (rules == -1)
		return not_to_be_had();
	for (i = 0; i < count && rc == 0; i++)
		rc = allow(rules, writable[i],
		    LANDLOCK_ACCESS_FS_WRITE_FILE |
			LANDLOCK_ACCESS_FS_MAKE_REG |
			LANDLOCK_ACCESS_FS_REMOVE_FILE);
	if (rc == 0)
		rc = allow(rules, "/dev/null", LANDLOCK_ACCESS_FS_WRITE_FILE);
	if (rc == 0)
		rc = (int)syscall(SYS_landlock_restrict_self, rules, 0);
	error = errno;
	close(rules);
	errno = error;
	return rc;
}

/* An old kernel; or it is switched off; or it is not known to who filters our
 * system calls, as a container or systemd do. */
static int
not_to_be_had(void)
{
	int error = errno;

	if (error == EPERM)
		log_event(LEVEL_WARN,
		    "Landlock is not to be had: the call is refused (by a "
		    "container, or a service manager)");
	errno = error;
	return error == ENOSYS || error == EOPNOTSUPP || error == EPERM ? 0
									: -1;
}

/* What is not there can not be written to either. */
static int
allow(int rules, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr attr = { .allowed_access = access };
	int rc, error;

	attr.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (attr.parent_fd == -1)
		return 0;
	rc = (int)syscall(
	    SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &attr, 0);
	error = errno;
	close(attr.parent_fd);
	errno = error;
	return rc;
}

#elif defined(__linux__)

#include "priv_system.h"

int
priv_system_confine(
    enum priv_role role, const char *const writable[], size_t count)
{
	(void)role;
	(void)writable;
	(void)count;
	return 0;
}

#else

/* A translation unit must not be empty. */
extern const int priv_landlock_is_empty;

#endif

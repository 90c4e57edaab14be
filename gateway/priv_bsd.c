/*
 * Privileges: the BSDs.
 */

#if !defined(__linux__)

#if defined(__FreeBSD__)
#include <sys/types.h>
#include <sys/procctl.h>
#endif

#include <errno.h>
#include <stdlib.h> /* OpenBSD, NetBSD: setproctitle() */
#include <unistd.h>

#include "priv.h"
#include "priv_system.h"

int
priv_no_new_privileges(void)
{
#if defined(PROC_NO_NEW_PRIVS_CTL)
	int on = PROC_NO_NEW_PRIVS_ENABLE;

	return procctl(P_PID, getpid(), PROC_NO_NEW_PRIVS_CTL, &on);
#else
	return 0;
#endif
}

/*
 * pledge(2) and unveil(2).  Writing is left to the permissions of files, for a
 * connection to a local socket is a write to its path; but files are made only
 * in our own directories, and programs only started by the agent.
 */
int
priv_system_confine(
    enum priv_role role, const char *const writable[], size_t count)
{
#if defined(__OpenBSD__)
	size_t i;

	if (role == PRIV_RUNNER)
		return pledge("stdio rpath wpath cpath fattr unix recvfd proc "
			      "exec",
		    NULL);
	if (role == PRIV_AGENT)
		return pledge(
		    "stdio rpath wpath cpath fattr unix recvfd", NULL);
	if (role == PRIV_CHECKER)
		return pledge("stdio rpath unix recvfd", NULL);
	if (unveil("/", "rw") == -1)
		return -1;
	for (i = 0; i < count; i++)
		if (unveil(writable[i], "rwc") == -1 && errno != ENOENT)
			return -1;
	return pledge("stdio rpath wpath cpath inet unix sendfd", NULL);
#else
	(void)role;
	(void)writable;
	(void)count;
	return 0;
#endif
}

void
priv_title(const char *what)
{
	setproctitle("%s", what);
}

#else

/* A translation unit must not be empty. */
extern const int priv_bsd_is_empty;

#endif

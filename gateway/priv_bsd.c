/*
 * Privileges: the BSDs.
 */

#if !defined(__linux__)

#if defined(__FreeBSD__)
#include <sys/types.h>
#include <sys/procctl.h>
#endif

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

void
priv_title(const char *what)
{
	setproctitle("%s", what);
}

#else

/* A translation unit must not be empty. */
extern const int priv_bsd_is_empty;

#endif

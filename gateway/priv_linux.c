/*
 * Privileges: what only Linux has.
 */

#if defined(__linux__)

#include <sys/prctl.h>

#include <stdio.h>

#include "priv.h"
#include "priv_system.h"

int
priv_no_new_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* Seen by top(1) and ps -o comm, which know 15 characters. */
void
priv_title(const char *what)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "postern-%s", what);
	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
}

#else

/* A translation unit must not be empty. */
extern const int priv_linux_is_empty;

#endif

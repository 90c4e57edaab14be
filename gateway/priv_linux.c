/*
 * Privileges: what only Linux has.
 */

#if defined(__linux__)

#include <sys/prctl.h>

#include "priv_system.h"

int
priv_no_new_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

#else

/* A translation unit must not be empty. */
extern const int priv_linux_is_empty;

#endif

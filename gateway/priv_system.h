#ifndef POSTERN_PRIV_SYSTEM_H
#define POSTERN_PRIV_SYSTEM_H

/*
 * Private to priv_*.c: what each system does in its own way, or not at all.
 */

#include "priv.h"

/* From now on no program that this process starts can gain privileges.  0, or
 * -1 with errno. */
int priv_no_new_privileges(void);
/* See priv_confine(); 0, or -1 with errno. */
int priv_system_confine(
    enum priv_role role, const char *const writable[], size_t count);

#endif

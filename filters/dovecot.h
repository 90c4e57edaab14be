#ifndef POSTERN_FILTERS_DOVECOT_H
#define POSTERN_FILTERS_DOVECOT_H

/*
 * Dovecot's authentication protocols, as far as dovecot-auth and dovecot-user
 * have them in common: lines of fields with TABs between them, in which some
 * characters are escaped; VERSION first, from both sides at once.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/filter.h"

/* The next field of *rest, without its escapes; it ends with a NUL that is put
 * there.  NULL: there is none.  An escape that is none is left as it is; an
 * escaped NUL ends the field. */
char *dovecot_field(char **rest);
/* Adds TAB, the text, and the value escaped (NULL: none) to buf, which has a
 * string in it.  False if it does not fit; then nothing is added. */
bool dovecot_add(char *buf, size_t size, const char *text, const char *value);
/* A number without sign; false if it is none. */
bool dovecot_number(const char *text, uint32_t *number_r);
/* Is it VERSION of a server whose protocol is ours?  rest is behind VERSION. */
bool dovecot_version(char *rest);

/* The address of a socket: of option text, or where name lies usually, for
 * which say is what -n tells.  False, and say why not. */
bool dovecot_socket(const char *text, const char *name, struct net_addr *addr_r,
    char *say, size_t size);

#endif

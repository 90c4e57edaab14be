#ifndef POSTERN_MAILBOX_H
#define POSTERN_MAILBOX_H

/*
 * The addresses in header fields such as From (RFC 5322 3.4).  Pure.  Strict
 * where readers differ: what could be read as another address than the one that
 * is found here is bad, among it routes in front of an address and blanks
 * within one.
 */

#include <stddef.h>

enum mailbox_found {
	MAILBOX_END,   /* there are no more */
	MAILBOX_FOUND, /* local@domain in buf, without comments */
	MAILBOX_BAD /* malformed, or longer than size; the rest is not read */
};

/* The next mailbox of an unfolded value, in groups as well; *at is moved. */
enum mailbox_found mailbox_next(const char **at, char *buf, size_t size);

#endif

#ifndef POSTERN_XFORWARD_H
#define POSTERN_XFORWARD_H

/*
 * XFORWARD towards a server (Postfix's XFORWARD_README): who the message is
 * from, for the server's log and policies.  Unlike XCLIENT it is forgotten
 * behind each transaction, so it goes together with a pool.
 */

#include <stdbool.h>
#include <stddef.h>

#define XFORWARD_LINE_MAX 512 /* RFC 5321 4.5.3.1.4, CRLF included */

struct client;

/* The attributes that a server lists in its EHLO line, as bits. */
unsigned xforward_attributes(const char *list, size_t len);

/* Writes the command with those attributes; false if there are none. */
bool xforward_line(char *buf, size_t size, unsigned attributes,
    const struct client *client, const char *id);

#endif

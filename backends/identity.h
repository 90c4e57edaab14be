#ifndef POSTERN_IDENTITY_H
#define POSTERN_IDENTITY_H

/*
 * XFORWARD and XCLIENT towards a server (Postfix's XFORWARD_README and
 * XCLIENT_README): who the message is from.  XFORWARD is for the server's log,
 * and forgotten behind each transaction, so it goes together with a pool.
 * XCLIENT makes the server take the connection for the client's own.
 */

#include <stdbool.h>
#include <stddef.h>

#define IDENTITY_LINE_MAX 512 /* RFC 5321 4.5.3.1.4, CRLF included */

struct client;

/* The attributes that a server lists in its EHLO line, as bits. */
unsigned identity_attributes(const char *list, size_t len);

/* Writes the command (XFORWARD or XCLIENT) with those attributes; false if
 * there are none. */
bool identity_line(char *buf, size_t size, const char *command,
    unsigned attributes, const struct client *client, const char *id);

#endif

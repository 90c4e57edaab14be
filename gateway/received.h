#ifndef POSTERN_RECEIVED_H
#define POSTERN_RECEIVED_H

/*
 * The Received header field that messages get (RFC 5321 4.4).  Pure.
 */

#include <stddef.h>
#include <stdint.h>

#define RECEIVED_MAX 2048

/* What is told of the client. */
enum received_style {
	RECEIVED_FULL,
	RECEIVED_PRIVATE, /* neither addresses nor names, nor the recipient */
	RECEIVED_NONE	  /* there is no field; loops are not found */
};

struct client;
struct envelope;

/* Writes the field with its CRLFs; returns its length, 0 with RECEIVED_NONE.
 * The recipient is named only when there is exactly one (RFC 5321 7.2).  The
 * grammar wants a FROM clause in any case (RFC 5321 4.4); RECEIVED_PRIVATE has
 * "from hidden.invalid" (RFC 2606). */
size_t received_line(char *buf, size_t size, enum received_style style,
    const struct client *client, const struct envelope *envelope,
    const char *hostname, const char *id, int64_t wall_ms);

#endif

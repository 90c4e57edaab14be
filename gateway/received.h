#ifndef POSTERN_RECEIVED_H
#define POSTERN_RECEIVED_H

/*
 * The Received header field that every message gets (RFC 5321 4.4).  Pure.
 */

#include <stddef.h>
#include <stdint.h>

#define RECEIVED_MAX 2048

struct client;
struct envelope;

/* Writes the field with its CRLFs; returns its length.  The recipient is named
 * only when there is exactly one (RFC 5321 7.2). */
size_t received_line(char *buf, size_t size, const struct client *client,
    const struct envelope *envelope, const char *hostname, const char *id,
    int64_t wall_ms);

#endif

#ifndef POSTERN_FC_KEEP_HEADER_H
#define POSTERN_FC_KEEP_HEADER_H

/*
 * What stands in front of a message that fc_keep() puts aside: header fields
 * with the envelope, the client, the reason and what filters found.  Pure.
 * Whatever a client says stays on its line.
 */

#include <stddef.h>
#include <stdint.h>

struct client;
struct tx;

/* For free(); complete fields with CRLF.  wall_ms since 1970. */
char *keep_header(const struct tx *tx, const struct client *c,
    const char *reason, int64_t wall_ms, size_t *len_r);

#endif

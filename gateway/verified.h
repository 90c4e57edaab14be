#ifndef POSTERN_VERIFIED_H
#define POSTERN_VERIFIED_H

/*
 * What backends said of recipients, for a while: a bounded cache in one worker.
 * The answer for a recipient depends on the backend and on whether the
 * reverse-path is null.  Only acceptance is kept, and refusals whose enhanced
 * code says that they are for good and about the recipient alone.
 */

#include <stdbool.h>
#include <stdint.h>

#include "reply.h"

struct address;
struct verified;

struct verified *verified_new(void);
void verified_free(struct verified **vp);
/* Keeps it, if it is to be kept; until is loop_now() milliseconds. */
void verified_put(struct verified *v, const char *backend,
    const struct address *sender, const struct address *rcpt, int64_t until,
    const struct reply *reply);
bool verified_get(const struct verified *v, const char *backend,
    const struct address *sender, const struct address *rcpt, int64_t now,
    struct reply *reply_r);

#endif

#ifndef POSTERN_REMEMBER_H
#define POSTERN_REMEMBER_H

/*
 * What is written into the journal and looked up in it, in the words of mail:
 * reverse-path, recipient, backend, message.
 *
 * A message is known again by everything that a client's retry has in common
 * with the first attempt: reverse-path, recipient and the whole content.  The
 * client's address is not part of it (senders retry from pools).  A message
 * without Message-ID or Date is never taken for another one.
 */

#include <stdbool.h>
#include <stdint.h>

#include "reply.h"

struct address;
struct envelope;
struct journal;
struct message;

/* A recipient that was refused while the client heard 4xx for all of them: for
 * good, or for now, so that it holds up the others once only.  size: what
 * MAIL declared, when it was this message that was refused (over quota) and not
 * the recipient; a retry declares the same, another message hardly ever.  0
 * when it was the recipient. */
void remember_refused(struct journal *j, int64_t now, const char *backend,
    const struct address *sender, const struct address *rcpt, uint64_t size,
    const struct reply *reply);
/* The answer for a retry's RCPT, which is used up by this. */
bool recall_refused(struct journal *j, int64_t now, const char *backend,
    const struct address *sender, const struct address *rcpt, uint64_t size,
    struct reply *reply_r);

/* Recipients (those whose flag is set; NULL: all) that have the message, though
 * the client was not told so. */
void remember_done(struct journal *j, int64_t now, const struct envelope *e,
    const struct message *m, const bool *done);
/* A flag per recipient, set for those that have it already, to be freed by the
 * caller; NULL if nobody has it. */
bool *recall_done(struct journal *j, int64_t now, const struct envelope *e,
    const struct message *m);

#endif

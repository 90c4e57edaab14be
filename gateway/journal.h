#ifndef POSTERN_JOURNAL_H
#define POSTERN_JOURNAL_H

/*
 * The delivery journal: a bounded memory of ends that one SMTP reply could not
 * tell, in shared memory of all workers.  A gateway without a queue has only
 * the client's retry to put things right; the journal makes that retry end
 * with one copy and one answer per recipient (DESIGN section 6, RFC 1047).
 *
 * Kinds of entries, found by a digest (see remember.h):
 *  - refused: a recipient was refused in a transaction that as a whole got a
 *    4xx.  Answers the retry's RCPT, once.
 *  - done: a recipient has got this very message, but the client was not told.
 * and by a key (see flight.h), where nobody was left to make a digest:
 *  - delivered: the same, told by what a dead worker left.
 *  - unknown: the backend may have the message.  The retry is delivered, for a
 *    second copy is better than none; that it may be one is known then.
 *
 * On the normal path nothing is written and no system call is made; as long as
 * there are no entries, looking is one load.  Entries end with their time, or
 * when the table is full: the oldest of eight neighbours goes first.
 */

#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "reply.h"

#define JOURNAL_REFUSED_MS (60 * 60 * 1000)
#define JOURNAL_DONE_MS (24 * 60 * 60 * 1000)

struct journal;

/* NULL when the memory can not be had. */
struct journal *journal_new(void);
void journal_free(struct journal **jp);

/* now is loop_now(): the clock is the same for all processes. */
void journal_refuse(struct journal *j, int64_t now,
    const unsigned char id[DIGEST_SIZE], const struct reply *reply);
/* Takes the entry out.  False: there is none. */
bool journal_take_refusal(struct journal *j, int64_t now,
    const unsigned char id[DIGEST_SIZE], struct reply *reply_r);
/* Is it of any use to make a digest and look? */
bool journal_has_refusals(const struct journal *j, int64_t now);

void journal_done(struct journal *j, int64_t now, uint64_t hint,
    const unsigned char id[DIGEST_SIZE]);
bool journal_is_done(
    struct journal *j, int64_t now, const unsigned char id[DIGEST_SIZE]);
/* Is there a message with this hint (a cheap hash) that is done?  May say yes
 * wrongly, never no: who hears no need not make the digest of a message. */
bool journal_may_be_done(const struct journal *j, int64_t now, uint64_t hint);

/* What is left of a delivery whose end nobody told (flight.h): delivered, or
 * unknown.  It is kept as long as those that are done. */
void journal_leave(struct journal *j, int64_t now,
    const unsigned char id[DIGEST_SIZE], bool delivered);
/* As journal_may_be_done(). */
bool journal_may_have_left(
    const struct journal *j, int64_t now, const unsigned char id[DIGEST_SIZE]);
bool journal_was_delivered(
    struct journal *j, int64_t now, const unsigned char id[DIGEST_SIZE]);
/* Takes the entry out. */
bool journal_take_unknown(
    struct journal *j, int64_t now, const unsigned char id[DIGEST_SIZE]);

#endif

#ifndef POSTERN_FOLD_H
#define POSTERN_FOLD_H

/*
 * What the client is told: maps the replies of backends, and folds the results
 * of all recipients into one reply (DESIGN section 6, RFC 5321 4.2).  Pure.
 *
 *  - Every recipient accepted: 250.
 *  - Nobody accepted, all refusals permanent: 5xx.
 *  - Anything else: 4xx.  The client keeps the message.
 */

#include <stdbool.h>
#include <stddef.h>

#include "backend.h"

struct relay_outcome;

struct dl_outcome { /* of one recipient */
	bool set;
	bool unknown;  /* committed, and no answer came */
	bool held;     /* not tried, because another one was refused */
	bool own_text; /* clients do not read the backend's */
	enum dl_stage stage;
	struct reply reply;
};

/*
 * A backend's reply as the client may see it.  Trouble between us and the
 * backend is never the sender's fault: every refusal in the session stage, and
 * those replies to commands that only a wrong configuration explains (421,
 * 500 to 504, 521, 530, 535, 538, 555, "relaying denied"), become a 451;
 * *alarm_r says that an operator should look.
 */
void fold_map(enum dl_stage stage, const struct reply *in, struct reply *out,
    bool *alarm_r);

/* The same reply without the backend's words, which may tell of what is inside
 * (reply-text = own): codes stay, the text says what they mean. */
void fold_own_text(struct reply *r);

/* The reply when there is no reply: 451 4.4.1. */
void fold_trouble(struct reply *r);

/* Fills code, enhanced, text, said, accepted, refused, alarm; o->known counts
 * recipients that have the message from an earlier attempt. */
void fold(
    const struct dl_outcome *outcomes, size_t count, struct relay_outcome *o);

#endif

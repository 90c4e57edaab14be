#ifndef POSTERN_TX_H
#define POSTERN_TX_H

/*
 * One mail transaction: from MAIL to the reply behind the end of data, RSET or
 * the end of the session.  Holds what filters share about it: facts (strings),
 * counters (numbers), flags, karma.  Everything lives in the transaction's
 * arena and goes with it.
 *
 * The first transaction of a session is begun with the session, so that facts
 * found at CONNECT and HELO have a place.  Notes made while envelope.has_sender
 * is false live in the session's arena and are seen by all transactions of the
 * session.  One that is changed during a transaction is shadowed by a note of
 * the transaction, so that the next one sees the old value again.
 */

#include <sys/queue.h>

#include <stdbool.h>
#include <stdint.h>

#include "envelope.h"
#include "headers.h"
#include "mem.h"

#define TX_ID_MAX 32

struct message;

struct note {
	STAILQ_ENTRY(note) entry;
	const char *key;
	char *text;  /* NULL for a counter */
	size_t room; /* of text, so that it can be replaced in place */
	double number;
	bool flag;    /* number is a flag */
	bool session; /* set before MAIL: stays for the whole session */
};
STAILQ_HEAD(note_list, note);

struct tx {
	char id[TX_ID_MAX];
	struct arena arena;
	struct arena *session; /* borrowed */
	struct envelope envelope;
	struct message *message; /* owned; NULL before DATA */
	struct headers headers;	 /* of message */
	struct note_list notes;
	double karma;	  /* above 0 is good */
	int64_t began_ms; /* loop_now() at MAIL */
	char *karma_for;  /* "name.what:points,...", in the session's arena */
	bool discard;	  /* a filter said DISCARD: accept, deliver to nobody */
	bool kept;	  /* it is in a quarantine */
	/* Why it ended, for the record: set where the decision is made. */
	const char *filter; /* instance that decided; NULL when none */
	const char *reason; /* text for the log, not for the client */
};

/* session is the session's arena and outlives the transaction. */
void tx_init(struct tx *tx, struct arena *session);
/* Forgets the transaction; session notes and karma stay. */
void tx_reset(struct tx *tx);
void tx_free(struct tx *tx);

/* Facts, counters and flags; a later value replaces an earlier one.  Keys are
 * words such as "helo.rdns" and are borrowed: they must be static. */
void tx_set_fact(struct tx *tx, const char *key, const char *text);
const char *tx_fact(const struct tx *tx, const char *key); /* NULL: none */
void tx_add_counter(struct tx *tx, const char *key, double by);
double tx_counter(const struct tx *tx, const char *key);
void tx_set_flag(struct tx *tx, const char *key);
bool tx_flag(const struct tx *tx, const char *key);
/* who is the filter's name, what it is for a word. */
void tx_add_karma(struct tx *tx, double by, const char *who, const char *what);
/* A note of the transaction stands before that of the session with the same
 * key, which it hides: is n such a one? */
bool tx_hides(const struct tx *tx, const struct note *n);

#endif

#ifndef POSTERN_FILTER_CALL_H
#define POSTERN_FILTER_CALL_H

/*
 * What is behind the opaque struct filter_call: shared by the engine (chain.c)
 * and the calls that filters make (fc.c), and by nobody else.
 */

#include <stdbool.h>

#include "chain.h"
#include "loop.h"
#include "op.h"

struct dns;
struct auth_exchange;
struct helper_request;
struct message;
struct tx;

/* One filter at work for one phase.  A run has only one at a time. */
struct filter_call {
	unsigned magic;
	struct chain_run *run;
	const struct filter_instance *instance;
	enum phase phase;
	const struct address *rcpt;
	struct tx *tx;
	struct client *client;
	const char *hostname; /* borrowed; NULL: unknown */
	struct dns *dns;      /* borrowed; NULL: there is no resolver */
	void *session_state;
	void *tx_state;
	struct op_owner owner; /* what the call waits for */
	struct timer deadline;
	bool client_turn;	    /* the client takes its time, not we */
	struct auth_exchange *auth; /* borrowed; only in PHASE_AUTH */
	const struct services *services;
	struct helper_request *request; /* that is open; NULL: none */
	struct message **rewritten;	/* of the HTTP answer that is told */
	int64_t since;			/* loop_now() at its start */
	struct judgement judgement;	/* being made */
	const char *reason; /* of UNKNOWN; in the transaction's arena */
};

/* A continuation returned v: the engine goes on.  Called by services only,
 * from an op's run function. */
void chain_call_continued(struct filter_call *fc, enum verdict v);

/* For the record, of a filter that observes: what it would have done. */
void chain_note_observed(struct filter_call *fc, const char *what);

#endif

/*
 * The end of a session's transactions: record, confirmation by the client, and
 * forgetting.
 */

#include "chain.h"
#include "conn.h"
#include "remember.h"
#include "session_priv.h"

static void
forget_tx(struct session *s)
{
	s->stage = NULL;
	s->refusals = NULL;
	s->rcpts_refused = 0;
	s->rcpts_deferred = false;
	s->last_reply = NULL;
	s->forwarded = NULL;
	s->outcome = NULL;
	flight_end(&s->flight);
	chain_run_reset_tx(s->run);
	tx_reset(&s->tx);
}

void
session_end_tx(struct session *s, const char *result)
{
	if (s->tx.envelope.count == 0 && s->rcpts_refused > 0)
		result = s->rcpts_deferred ? "deferred" : "rejected";
	txlog_transaction(s, result);
	forget_tx(s);
}

/*
 * The client was told that its message is delivered, but whether it heard that
 * only its next octet tells (RFC 1047).  Until then the transaction is kept, so
 * that it can be journalled if the client leaves: its retry must not become a
 * second copy.
 */
void
session_delivered(struct session *s)
{
	txlog_transaction(s,
	    s->outcome->discarded == s->tx.envelope.count ? "discarded"
							  : "accepted");
	s->outcome = NULL;
	s->confirming = true;
	/* Commands that came with the message (QUIT, from Postfix) tell nothing
	 * of its reply. */
	if (conn_at_eof(s->conn))
		session_unconfirmed(s);
}

void
session_confirmed(struct session *s)
{
	if (!s->confirming)
		return;
	s->confirming = false;
	forget_tx(s);
}

void
session_unconfirmed(struct session *s)
{
	const struct front *f = s->front;

	if (!s->confirming)
		return;
	remember_done(f->journal, loop_now(f->loop), &s->tx.envelope,
	    s->tx.message, NULL);
	session_confirmed(s);
}

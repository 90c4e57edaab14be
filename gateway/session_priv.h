#ifndef POSTERN_SESSION_PRIV_H
#define POSTERN_SESSION_PRIV_H

/*
 * What is behind the opaque struct session: shared by session.c (life cycle),
 * verbs.c (commands), intake.c (message data, filters, relay) and txlog.c (the
 * record), and by nobody else.
 */

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "account.h"
#include "client.h"
#include "dispatch.h"
#include "ehlo.h"
#include "filter.h"
#include "flight.h"
#include "loop.h"
#include "mem.h"
#include "relay.h"
#include "replies.h"
#include "session.h"
#include "smtp_data.h"
#include "smtp_parse.h"
#include "tx.h"

struct auth_exchange;
struct chain_run;
struct conn;
struct delivery;
struct judgement;
struct verb;

#define SESSION_ID_MAX 16
/* What a greeting must not hold: it could not be written into a header. */
#define HELO_FORBIDDEN " \t\"(),;<>@\\"
#define COMMAND_LINE_MAX 2048 /* RFC 5321 wants 512 and more for extensions */

enum session_state {
	SESSION_HEADER,	  /* waits for the PROXY header */
	SESSION_TLS,	  /* TLS is being set up */
	SESSION_GREETING, /* CONNECT filters at work; nothing was said yet */
	SESSION_COMMAND,  /* takes commands */
	SESSION_AUTH,	  /* takes a response to a challenge of AUTH */
	SESSION_DATA,	  /* takes message data */
	SESSION_CHUNK,	  /* takes the octets of a BDAT */
	SESSION_JUDGING,  /* the message is complete: filters, then relay */
	SESSION_CLOSED	  /* no connection any more; the reaper will come */
};

enum session_wait { WAIT_NOTHING, WAIT_CHAIN, WAIT_RELAY };

struct session {
	unsigned magic;
	enum session_state state;
	enum session_wait wait; /* what session_advance() must not overtake */
	struct front *front;	/* borrowed, as the next two */
	const struct listener_conf *listener;
	struct chain_run *run;	    /* owned */
	struct conn *conn;	    /* owned; NULL when closed */
	struct dispatch *dispatch;  /* of the message */
	struct flight flight;	    /* its entries among those in flight */
	struct delivery *delivery;  /* that only asks for a recipient */
	struct auth_exchange *auth; /* owned; NULL unless AUTH is at work */
	struct task auth_task;
	int64_t auth_failures;
	bool authenticated;	 /* client.login is from AUTH */
	int login_slot;		 /* slot of the login, or negative */
	const struct verb *verb; /* whose filters are at work */
	struct client client;
	struct arena arena; /* lives as long as the session */
	struct tx tx;
	char *header; /* parts of a PROXY header; in the arena */
	size_t header_len;
	bool header_unwanted; /* TLS comes first: a header is a mistake */
	bool header_taken;    /* there was one */
	bool spoke;	      /* the first octets were looked at */
	const char *held;     /* the command that made a probe a client */
	bool held_helo;	      /* ... waits for the filters of HELO */
	struct smtp_data data;
	bool normalise; /* its faults are made good, not refused */
	struct smtp_repair repair;
	uint64_t chunk_left; /* octets of this BDAT still to come */
	bool chunk_last;
	bool chunk_judged; /* DATA filters were asked */
	bool chunk_closes; /* behind its refusal the session ends */
	int chunk_code;	   /* it is refused with this; 0: it is not */
	char chunk_enhanced[12];
	const char *chunk_text; /* in the transaction's arena */
	bool data_too_big;
	int data_error;	  /* errno of the spool */
	bool tls_started; /* on this connection, by us */
	bool confirming;  /* 250 was sent for a message, nothing came since */
	bool greeted;	  /* 220 was sent */
	int helo_refused; /* the code by which a filter refused client.helo */
	bool greeting_waits;	/* is held back, to see who does not wait */
	int64_t greeting_began; /* loop_now() */
	bool may_xclient;	/* decided once, before the first greeting */
	bool may_xforward;
	bool spoke_for;	   /* XCLIENT has named another address */
	bool unlimited;	   /* not counted among the clients */
	bool admitted;	   /* the limits of connections were asked */
	bool limited;	   /* one of the limits was met, for the record */
	int network;	   /* slot of the client's network, or negative */
	int listener_slot; /* likewise, of the listener */
	uint64_t network_key;
	size_t accounted;      /* octets that the account of memory has */
	enum reply_id refusal; /* instead of the greeting */
	int64_t noops;	       /* since the last recipient */
	int64_t heard;	       /* loop_now() of the last command */
	char *helo; /* room for the greeting's argument, in the arena */
	struct ehlo offered;   /* in our reply to its EHLO */
	char told_proto;       /* by XCLIENT: 'E'SMTP or 'S'MTP; else 0 */
	const char *told_helo; /* by XCLIENT: stays whatever EHLO says */
	int told_port;	       /* by XCLIENT, for an address to come */
	int told_destport;
	bool told_destaddr;
	const char *forwarded; /* XFORWARD attributes, for the record */
	struct chain *chain;   /* borrowed */
	bool skip_line;	       /* the rest of a too long line is thrown away */
	bool advancing;	       /* session_advance() is on the stack */
	bool moved;	       /* something was done: a new deadline is due */
	int64_t errors;
	unsigned tx_count;
	int64_t began;	       /* loop_now() */
	int64_t data_began;    /* of this DATA or BDAT */
	int64_t data_received; /* octets of it so far, kept or not */
	int64_t relay_since;   /* loop_now(): the backend is waited for */
	int64_t reply_by;      /* loop_now(): end of data must be answered */
	int64_t command_by;    /* loop_now(): the next command must be here */
	char id[SESSION_ID_MAX];
	const char *end_reason;
	const char *stage; /* the verb that decided, for the record */
	size_t rcpts_refused;
	int refused_code;	/* of the filters' last refusal */
	bool rcpts_deferred;	/* one of them with a 4xx */
	const char *refusals;	/* "address: reply, ..." for the record */
	const char *last_reply; /* negative; for the record */
	/* For the record; borrowed while the relay tells it, else NULL. */
	const struct dispatch_outcome *outcome;
	struct task task;
	TAILQ_ENTRY(session) entry;
};

const char *session_hostname(const struct session *s);

/* session_header.c */
void session_read_header(struct session *s);
void session_header_failed(struct session *s, const char *why);
/* TLS comes first, unless it is a PROXY header that nobody wants. */
void session_expect_tls(struct session *s);
/* The first octets of the commands: is it such a header?  True if it is, or may
 * become one: there is no command to be read. */
bool session_foreign_header(struct session *s);
/* Text of a peer, fit for headers and logs; NULL if it is empty. */
const char *session_keep(struct session *s, const char *text, size_t len);

/* session_probe.c */
/* A health check becomes a client when it wants more than that: then the limits
 * and the filters that it was spared are asked, and the command goes on
 * afterwards.  True if that has begun. */
bool session_unmask(
    struct session *s, enum smtp_verb verb, const char *line, size_t len);
/* What filters said to that. */
void session_held_judged(struct session *s, const struct judgement *j);

/* session_limits.c */
/* The client's address is known, or is another one: counts it.  The reply that
 * refuses it, or REPLY_NONE. */
enum reply_id session_admit(struct session *s);
/* What it was counted for ends. */
void session_release(struct session *s);
/* It has authenticated. */
void session_count_login(struct session *s);
/* May it begin another message now?  The reply that says no, or REPLY_NONE. */
enum reply_id session_may_send(struct session *s);
/* A command that leads nowhere; false after too many have ended the session. */
bool session_idle_talk(struct session *s);
/* Something came from the client and was acted on. */
void session_heard(struct session *s);
/* Has it lasted too long?  Not within a transaction. */
bool session_outlived(const struct session *s);
/* A limit was met: the last reply, after which the session ends. */
void session_limit(struct session *s, enum reply_id id, const char *why);

/* session_memory.c */
/* Looks at the account of memory, says in the log what is short, and closes who
 * can be spared.  What is left to do about it. */
enum account_level session_relieve(struct front *f);
/* Brings the account up to date with this session. */
void session_account(struct session *s);
void session_account_end(struct session *s);

/* session_xclient.c */
enum reply_id session_check_xclient(struct session *s, struct slice arg);
void session_act_xclient(struct session *s);
enum reply_id session_check_xforward(struct session *s, struct slice arg);

/* session_auth.c */
/* "250-AUTH ...", or "" if it is not offered now; its length. */
int session_ehlo_auth(const struct session *s, char *buf, size_t size);
/* Takes the response to a challenge; false: there is none yet. */
bool session_auth_line(struct session *s);
/* Ends an exchange, if there is one, and wipes it. */
void session_auth_end(struct session *s);
/* What AUTH proved does not count any more. */
void session_forget_login(struct session *s);
/* Is mail refused because nobody has authenticated? */
bool session_needs_auth(const struct session *s);
/* session_ehlo.c */
/* Offers what is true now, and remembers it. */
void session_act_ehlo(struct session *s);
/* The client has no promise (any more): HELO, or no greeting yet. */
void session_forget_offer(struct session *s);

/* session_tls.c */
void session_start_tls(struct session *s, struct tls_context *context);
void session_secured(void *ctx);
void session_tls_failed(struct session *s, const char *why);

/* session_greeting.c */
/* The client's address is known: CONNECT filters, then the greeting. */
void session_greet(struct session *s);
void session_greeting_judged(struct session *s, const struct judgement *j);
/* Something came before the greeting. */
void session_early_input(struct session *s);
void session_say_greeting(struct session *s);

/* session.c */
/* The PROXY header, if there was to be one, is through: TLS or greeting. */
void session_begin(struct session *s);
/* Filters begin anew, without what they knew of this client. */
void session_new_run(struct session *s);
void session_reply(struct session *s, enum reply_id id);
/* Any reply; text is made one line.  Negative ones get the id appended. */
void session_answer(
    struct session *s, int code, const char *enhanced, const char *text);
/* One reply of the chain; on DISCONNECT the session ends. */
void session_answer_judgement(struct session *s, const struct judgement *j);
void session_raw(struct session *s, const char *text, size_t len);
/* The same, and no transcript shows it. */
void session_hidden(struct session *s, const char *text, size_t len);
/* Ends the session after what was said is sent.  why is static. */
void session_close(struct session *s, const char *why);
void session_advance(struct session *s);
/* Sets the time for what the state waits for. */
void session_set_deadline(struct session *s);
/* Runs a phase.  Its judgement goes to the state's own function, at once or
 * when the filters have answered; until then the session waits. */
void session_judge(
    struct session *s, enum phase phase, const struct address *rcpt);
/* The delivery of a session that was closed meanwhile has ended. */
void session_gone(struct session *s);
/* The transaction is over: writes its record and forgets it. */
void session_end_tx(struct session *s, const char *result);

/* session_transcript.c: for the operator, if he wants to see this client. */
void session_show(const struct session *s, char side, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void session_show_reply(const struct session *s, const char *text, size_t len);
void session_show_command(
    const struct session *s, const char *line, size_t len);

/* session_tx.c */
/* As session_end_tx(), for a message that was delivered and answered. */
void session_delivered(struct session *s);
/* Something came behind the 250: the client has heard it. */
void session_confirmed(struct session *s);
/* Nothing will come any more. */
void session_unconfirmed(struct session *s);

/* verbs.c */
void verb_run(struct session *s, const char *line, size_t len);
void verb_judged(struct session *s, const struct judgement *j);

/* verbs_envelope.c: index of the route, or -1 */
int verb_find_route(struct session *s, const struct address *addr);

/* session_envelope.c */
/* The last recipient was made another one by a filter: its route.  False: it is
 * refused and was answered. */
bool session_reroute(struct session *s);
/* Refuses the last recipient, and takes it from the envelope. */
void session_refuse_last(struct session *s, enum reply_id id);
/* Recipients that filters added and took away.  False: nobody is left. */
bool session_settle_envelope(struct session *s);

/* intake.c */
void intake_begin(struct session *s);
/* Takes data from the input; false when there is no more. */
bool intake_more(struct session *s);
void intake_append(struct session *s, const char *data, size_t len);
/* What the content so far is refused with; REPLY_NONE: nothing. */
enum reply_id intake_refusal(const struct session *s);
/* The end of data was found. */
void intake_complete(struct session *s);
void intake_judged(struct session *s, const struct judgement *j);
void intake_timeout(struct session *s);
/* The client's time for a message, or a chunk of one, begins. */
void intake_clock(struct session *s);

/* intake_header.c */
/* Removes the header fields that must not pass.  False: the spool can not be
 * read. */
bool intake_strip_headers(struct session *s);

/* intake_chunk.c */
enum reply_id chunk_check(struct session *s, struct slice arg);
void chunk_act(struct session *s);
void chunk_refuse(struct session *s, const struct judgement *j);
bool chunk_more(struct session *s);

/* txlog.c */
void txlog_transaction(struct session *s, const char *result);
void txlog_session(struct session *s);
/* The end of an AUTH exchange. */
void txlog_auth(struct session *s, const char *result, const char *reason);
void txlog_note_reply(
    struct session *s, int code, const char *enhanced, const char *text);
void txlog_note_refusal(
    struct session *s, int code, const char *address, const char *text);

#endif

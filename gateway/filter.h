#ifndef POSTERN_FILTER_H
#define POSTERN_FILTER_H

/*
 * The filter contract: all that a filter sees of postern, and the only header
 * of the gateway that filters/X.c includes.
 *
 * A filter judges.  It has a handler for each phase it cares about; a handler
 * answers now with a verdict, or calls a service that answers later (fc_wait())
 * and returns its PENDING; the service call names the function that continues,
 * whose verdict is then treated like the handler's own:
 *
 *	static enum verdict on_connect(struct filter_call *fc)
 *	{ return fc_wait(fc, 500, waited); }
 *	static enum verdict waited(struct filter_call *fc)
 *	{ return VERDICT_PASS; }
 *
 * What the engine (chain.c) guarantees:
 *  - PENDING without an outstanding operation is a bug: it asserts.
 *  - Any other verdict cancels what the call still has outstanding.
 *  - Client gone, deadline or drain: operations are cancelled and no
 *    continuation of that call runs any more.
 *  - Continuations come only from the event loop, each at most once.
 *  - State declared by size is zeroed before the first call and freed by the
 *    engine, per session and per transaction.
 *  - timeout, on-unknown, observe and the circuit breaker work for every
 *    filter without its help.
 * Several operations of one call run in parallel; the call goes on when its
 * last one returned something else than PENDING (see fc_join()).  The filters
 * of a phase run one after another, in the order of the configuration.
 *
 * A filter never sees a socket or the session, never blocks, and holds no
 * state of its own outside of the sizes declared here.
 */

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client.h"
#include "dns_answer.h"
#include "dns_name.h"
#include "dns_tld.h"
#include "envelope.h"
#include "http.h"
#include "mailbox.h"
#include "maildate.h"
#include "net.h"
#include "net_kind.h"
#include "opt.h"
#include "opt_match.h"
#include "utf8.h"

#define FILTER_CONTRACT 1 /* changes when this page changes incompatibly */

enum phase {
	PHASE_CONNECT, /* before the greeting; the client's address is known */
	PHASE_HELO,    /* HELO, EHLO, LHLO: fc_client()->helo is known */
	PHASE_AUTH,    /* once per AUTH command, for the listener's auth only:
			* see the calls below */
	PHASE_MAIL,    /* the reverse-path is known */
	PHASE_RCPT,    /* once per recipient: fc_recipient() */
	PHASE_DATA,    /* before 354; the envelope is complete */
	PHASE_MESSAGE, /* the whole message is stored; before it is relayed */
	PHASE_CLOSE,   /* the session ends; verdicts are ignored, no PENDING */
	PHASES	       /* count */
};

enum verdict {
	VERDICT_PASS,	    /* no objection: the next filter */
	VERDICT_ACCEPT,	    /* skip the rest of this phase */
	VERDICT_REJECT,	    /* 5xx; only by fc_reject() */
	VERDICT_DEFER,	    /* 4xx; only by fc_defer() */
	VERDICT_DISCONNECT, /* 421 and close; only by fc_disconnect() */
	VERDICT_DISCARD,    /* accept the message and deliver it to nobody */
	VERDICT_QUARANTINE, /* no objection, but sets the flag "quarantine":
			     * filter quarantine puts the message aside */
	VERDICT_UNKNOWN,    /* could not be found out; on-unknown decides; only
			     * by fc_unknown() */
	VERDICT_PENDING	    /* a service will continue */
};

struct filter_call;
struct helper;
struct helper_type;
typedef enum verdict filter_fn(struct filter_call *fc);

struct filter {
	const char *name;	   /* the block's type in the configuration */
	const char *summary;	   /* one line for -L */
	filter_fn *on[PHASES];	   /* NULL: not interested */
	const struct opt *options; /* NULL: none */
	size_t conf_size;	   /* of the struct that options fill */
	size_t session_size;	   /* state per session */
	size_t tx_size;		   /* state per transaction */
	/* Who has PHASE_AUTH: the mechanisms that it takes now, for EHLO, with
	 * blanks between them ("" if none), in capitals. */
	void (*mechanisms)(const void *conf, struct helper *h, bool tls,
	    char *buf, size_t size);
	/* Completes the options.  False, and why not, if it can not; true and
	 * what the administrator should know (for -n), or "". */
	bool (*prepare)(void *conf, char *say, size_t size);
	/* The blocking half of fc_check(): runs in a process of its own. */
	bool (*check)(const void *conf, const char *user, const char *password);
	/* A worker need not know what only check() wants: it is wiped. */
	void (*forget)(void *conf);
	/* The server that it asks by fc_ask(); NULL: none. */
	const struct helper_type *helper;
	/* Looks at the finished configuration (timeout, in ms, is the
	 * instance's): NULL, or what in it is likely a mistake, for -n. */
	const char *(*warn)(const void *conf, int64_t timeout);
	/* Paths that it asks for while it runs: unix sockets; NULL behind the
	 * last one.  For -n, with chroot. */
	const char *(*path)(const void *conf, size_t index);
	/* URLs that it asks by fc_http(), and what else it has in this list:
	 * their names are looked for in hosts(5), before the DNS. */
	const char *(*server)(const void *conf, size_t index);
	/* Where fc_keep() puts messages. */
	const char *(*directory)(const void *conf);
	/* on-unknown has no default: the administrator has to say. */
	bool must_choose;
	/* Default of the instance's timeout, in ms; 0: that of all filters. */
	int64_t timeout;
};

/* The table of all filters (filters/filters.c), NULL at the end. */
extern const struct filter *const filters[];

/* What the call is about.  What these return is borrowed: the options live as
 * long as the process, the client as the session, the envelope and its
 * addresses as the transaction. */
const void *fc_conf(const struct filter_call *fc);
/* Zeroed before this instance is first called in a session or transaction; the
 * same in all its phases.  Only with session_size or tx_size. */
void *fc_session_state(struct filter_call *fc);
void *fc_tx_state(struct filter_call *fc);
const struct client *fc_client(const struct filter_call *fc);
const struct envelope *fc_envelope(const struct filter_call *fc);
/* From PHASE_MAIL on.  Text and domain of the null sender are "". */
const struct address *fc_sender(const struct filter_call *fc);
/* The recipient under judgement (PHASE_RCPT), else NULL. */
const struct address *fc_recipient(const struct filter_call *fc);
enum phase fc_phase(const struct filter_call *fc);
/* Random octets, which nobody can guess. */
void fc_random(void *buf, size_t len);
/* The transaction's id, as in the log. */
const char *fc_id(const struct filter_call *fc);
/* Octets of the message without what was removed; in PHASE_MESSAGE. */
uint64_t fc_message_size(const struct filter_call *fc);

/* Verdicts that carry an answer: what they return is what the handler returns.
 * The text is one line of printable ASCII for the client, and the record's
 * reason; enh is an enhanced status code whose class fits.  All texts that a
 * filter hands over, here and below, are copied. */
enum verdict fc_reject(struct filter_call *fc, int code, const char *enh,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
enum verdict fc_defer(struct filter_call *fc, int code, const char *enh,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
enum verdict fc_disconnect(struct filter_call *fc, const char *enh,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The text is for the log; what the client hears is on-unknown's. */
enum verdict fc_unknown(struct filter_call *fc, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Services.  Each returns VERDICT_PENDING. */
enum verdict fc_wait(struct filter_call *fc, int64_t ms, filter_fn *next);
/* Asks the DNS for the records of a domain (ASCII or UTF-8; dns_name_reverse()
 * makes the names for addresses).  The answer, which says what was asked, is
 * gone when next returns.  DNS_UNKNOWN is neither yes nor no: a filter that can
 * not judge without it returns fc_unknown() with the answer's reason. */
typedef enum verdict fc_dns_fn(
    struct filter_call *fc, const struct dns_answer *a);
enum verdict fc_dns(struct filter_call *fc, const char *domain,
    enum dns_type type, fc_dns_fn *next);
/* In a continuation: PENDING while other operations of this call are
 * outstanding, v when this was the last. */
enum verdict fc_join(struct filter_call *fc, enum verdict v);

/*
 * PHASE_AUTH (RFC 4954).  One call lasts for the whole exchange: a handler that
 * wants more than what the client sent with AUTH returns fc_auth_challenge()
 * and goes on in next, with the client's next response.  The time that the
 * client takes is not the filter's.  Cancelled (by "*") and malformed exchanges
 * end without the filter.  The end is one of
 *	fc_auth_accept()		235
 *	fc_reject(fc, 535, "5.7.8", ...)	refused
 *	fc_unknown()			trouble: always 454, whatever
 *					on-unknown says
 * Anything else, VERDICT_PASS included, authenticates nobody.
 */
const char *fc_auth_mechanism(const struct filter_call *fc);
/* The last response, in good base64; NULL: AUTH came without one. */
const char *fc_auth_response(const struct filter_call *fc);
/* Its octets, with a NUL behind them; -1: none, or more than size - 1. */
ssize_t fc_auth_decode(const struct filter_call *fc, char *buf, size_t size);
/* challenge is base64. */
enum verdict fc_auth_challenge(
    struct filter_call *fc, const char *challenge, filter_fn *next);
/* For the record: who the client says to be.  fc_auth_accept() does it. */
void fc_auth_name(struct filter_call *fc, const char *login);
enum verdict fc_auth_accept(struct filter_call *fc, const char *login);
/* Asks filter->check() of this instance in another process. */
enum check { CHECK_GOOD, CHECK_BAD, CHECK_TROUBLE };
typedef enum verdict check_fn(struct filter_call *fc, enum check result);
enum verdict fc_check(struct filter_call *fc, const char *user,
    const char *password, check_fn *next);
/* Overwrites a secret, so that no compiler leaves it out. */
void fc_wipe(void *buf, size_t len);

/*
 * A helper: a server that a filter asks over one connection per worker, which
 * stays open (Dovecot).  It speaks lines that end in LF; a request is "WORD TAB
 * number TAB rest", so that many are outstanding at once, and one that is
 * answered late holds up nobody.  The engine connects when somebody asks,
 * anew when the connection was lost, and for a while not at all when that
 * failed.  The filter knows the protocol.
 */
struct helper_type {
	size_t state_size; /* per worker and instance; never zeroed again */
	size_t
	    outstanding; /* offset of an int64_t: requests at once, at most */
	const struct net_addr *(*address)(const void *conf);
	/* It is there: says hello, forgets what an earlier one told. */
	void (*greet)(struct helper *h);
	/* A line without its end; may be written to.  False: that is not the
	 * protocol, and the connection is given up. */
	bool (*line)(struct helper *h, char *line);
	/* Nobody waits for this any more: tells the server. */
	void (*cancel)(struct helper *h, uint32_t number);
};
void *helper_state(struct helper *h);
/* Positive; no other connection of any process is likely to have it. */
uint32_t helper_id(const struct helper *h);
/* For greet and cancel. */
void helper_send(struct helper *h, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Hands were shaken: requests may be sent. */
void helper_ready(struct helper *h);
/* An answer to a request; last: no other will follow.  An unknown number is
 * one that was cancelled. */
void helper_answer(
    struct helper *h, uint32_t number, const char *text, bool last);

struct answer {
	const char *text;  /* NULL: there will be none */
	const char *fault; /* and why */
};
typedef enum verdict answer_fn(struct filter_call *fc, const struct answer *a);
/* Waits until requests may be sent: the text is "". */
enum verdict fc_ready(struct filter_call *fc, answer_fn *next);
/* Sends a request, or goes on with the call's own, whose answer was not the
 * last one. */
enum verdict fc_ask(struct filter_call *fc, const char *word, const char *rest,
    answer_fn *next);
/* The instance's. */
struct helper *fc_helper(const struct filter_call *fc);

/* Our name for this listener's clients; "" if it is not known. */
const char *fc_hostname(const struct filter_call *fc);
/* Milliseconds since 1970. */
int64_t fc_wall_ms(const struct filter_call *fc);
/* A name of the client that the DNS has confirmed; for all who come later:
 * fc_client()->name, Received, XFORWARD, the log.  Copied. */
void fc_set_client_name(struct filter_call *fc, const char *name);
/* It has none, or that could not be found out just now (temporary). */
void fc_set_client_nameless(struct filter_call *fc, bool temporary);

/*
 * Sends a POST to an HTTP server (http.h); in PHASE_MESSAGE with the message as
 * body: the content without what was removed, and without what was added.  The
 * answer is gone when next returns.  What the request's split says goes behind
 * the header section of the message and makes another one of it, if next calls
 * fc_replace_body(); else it is forgotten.
 */
typedef enum verdict http_fn(
    struct filter_call *fc, const struct http_answer *a);
enum verdict fc_http(
    struct filter_call *fc, const struct http_request *rq, http_fn *next);
void fc_replace_body(struct filter_call *fc);
/* Of several servers (texts of the configuration) one that did not answer as it
 * should is spared for ms by this worker; 0: it answered. */
void fc_http_spare(struct filter_call *fc, const char *server, int64_t ms);
bool fc_http_is_spared(const struct filter_call *fc, const char *server);

/*
 * Puts a copy of the message, as it would be sent on, into filter->directory(),
 * with the envelope, the reason and what filters found in header fields in
 * front.  Only in PHASE_MESSAGE.  code is 250 when it is safe on the disk, with
 * its path below the directory as text; or 4xx with why not.  A filter that
 * observes gets 250 and "", and nothing is written.
 */
typedef enum verdict kept_fn(
    struct filter_call *fc, int code, const char *enhanced, const char *text);
enum verdict fc_keep(struct filter_call *fc, const char *reason, kept_fn *next);

/* What filters share about the transaction (see tx.h).  Facts are written to
 * the log as key=text, so a key is a lower-case word (postern-log(5) documents
 * it); flags all together as flags=key,key.  What is set before MAIL holds for
 * the session, later for the transaction.  Flags and karma of a filter that
 * observes are written to the log and have no effect. */
void fc_set_fact(struct filter_call *fc, const char *key, const char *text);
const char *fc_fact(const struct filter_call *fc, const char *key);
void fc_add_counter(struct filter_call *fc, const char *key, double by);
double fc_counter(const struct filter_call *fc, const char *key);
void fc_set_flag(struct filter_call *fc, const char *key);
bool fc_flag(const struct filter_call *fc, const char *key);
/* What it is for: a word, which is in the log with the filter's name. */
void fc_add_karma(struct filter_call *fc, double by, const char *what);
double fc_karma(const struct filter_call *fc);

/*
 * The header fields of the message as it came in, only in PHASE_MESSAGE.  Names
 * are compared without case.  What was removed, by the configuration or by a
 * filter, is not seen any more; what filters add is not seen either.
 */
size_t fc_header_count(const struct filter_call *fc, const char *name);
/* Writes the value of a field without folding and without blanks at both ends,
 * NUL-terminated and cut to size; control characters other than tab are '?',
 * octets above 127 stay as they are.  index counts from 0, the topmost.
 * Returns the length of the whole value, or -1: there is no such field
 * (fc_header_count() tells), or the spool can not be read, which is unknown. */
ssize_t fc_header(const struct filter_call *fc, const char *name, size_t index,
    char *buf, size_t size);
/* Removes a field, or all with this name; a request, like fc_add_header(), but
 * other filters see it done.  Those behind a removed one move up: who removes
 * some of several begins with the last. */
#define FC_ALL SIZE_MAX
void fc_remove_header(struct filter_call *fc, const char *name, size_t index);

/* Adds a header field in front of the message; a request, applied when the
 * message is sent on.  Only in PHASE_MESSAGE.  Line ends that fold the value
 * stay; other control characters in it become blanks. */
void fc_add_header(struct filter_call *fc, const char *name, const char *value);
/* The same at a place among the fields that came with the message: 0 is in
 * front of all, 1 behind the first, -1 behind the last, -2 in front of it. */
void fc_insert_header(
    struct filter_call *fc, const char *name, const char *value, int64_t place);

/*
 * Changes of the envelope; requests too, by a filter that does not observe.
 * Texts are addresses without brackets; false: it is none.
 *
 * A recipient that a filter adds gets the message as the others do, but what
 * becomes of that never influences what the client is told.
 */
bool fc_set_sender(struct filter_call *fc, const char *text);
bool fc_add_recipient(struct filter_call *fc, const char *text);
/* Only behind PHASE_RCPT.  False: it is no recipient. */
bool fc_remove_recipient(struct filter_call *fc, const char *text);
/* The recipient under judgement becomes another one, whose route is looked for
 * when the phase is over. */
bool fc_rewrite_recipient(struct filter_call *fc, const char *text);

#endif

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
#include "envelope.h"
#include "net.h"
#include "opt.h"

#define FILTER_CONTRACT 1 /* changes when this page changes incompatibly */

enum phase {
	PHASE_CONNECT, /* before the greeting; the client's address is known */
	PHASE_HELO,    /* HELO, EHLO, LHLO: fc_client()->helo is known */
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
	VERDICT_UNKNOWN,    /* could not be found out; on-unknown decides; only
			     * by fc_unknown() */
	VERDICT_PENDING	    /* a service will continue */
};

struct filter_call;
typedef enum verdict filter_fn(struct filter_call *fc);

struct filter {
	const char *name;	   /* the block's type in the configuration */
	const char *summary;	   /* one line for -L */
	filter_fn *on[PHASES];	   /* NULL: not interested */
	const struct opt *options; /* NULL: none */
	size_t conf_size;	   /* of the struct that options fill */
	size_t session_size;	   /* state per session */
	size_t tx_size;		   /* state per transaction */
	/* Looks at the finished configuration (timeout, in ms, is the
	 * instance's): NULL, or what in it is likely a mistake, for -n. */
	const char *(*warn)(const void *conf, int64_t timeout);
};

/* The table of all filters (filters/filters.c), NULL at the end. */
extern const struct filter *const filters[];

/* What the call is about. */
const void *fc_conf(const struct filter_call *fc);
void *fc_session_state(struct filter_call *fc);
void *fc_tx_state(struct filter_call *fc);
const struct client *fc_client(const struct filter_call *fc);
const struct envelope *fc_envelope(const struct filter_call *fc);
const struct address *fc_sender(const struct filter_call *fc);
/* The recipient under judgement (PHASE_RCPT), else NULL. */
const struct address *fc_recipient(const struct filter_call *fc);
enum phase fc_phase(const struct filter_call *fc);

/* Verdicts that carry an answer.  The text is one line of printable ASCII for
 * the client; enh is an enhanced status code whose class fits. */
enum verdict fc_reject(struct filter_call *fc, int code, const char *enh,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
enum verdict fc_defer(struct filter_call *fc, int code, const char *enh,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
enum verdict fc_disconnect(struct filter_call *fc, const char *enh,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The text is for the log. */
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

/* What filters share about the transaction (see tx.h). */
void fc_set_fact(struct filter_call *fc, const char *key, const char *text);
const char *fc_fact(const struct filter_call *fc, const char *key);
void fc_add_counter(struct filter_call *fc, const char *key, double by);
double fc_counter(const struct filter_call *fc, const char *key);
void fc_set_flag(struct filter_call *fc, const char *key);
bool fc_flag(const struct filter_call *fc, const char *key);
void fc_add_karma(struct filter_call *fc, double by);

/*
 * The header fields of the message as it came in, only in PHASE_MESSAGE.  Names
 * are compared without case.  What was removed, by the configuration or by a
 * filter, is not seen any more; what filters add is not seen either.
 */
size_t fc_header_count(const struct filter_call *fc, const char *name);
/* Writes the value of a field without folding and without blanks at both ends,
 * NUL-terminated and cut to size; control characters other than tab are '?',
 * octets above 127 stay as they are.  index counts from 0, the topmost.
 * Returns the length of the whole value, or -1: there is no such field, or the
 * spool can not be read. */
ssize_t fc_header(const struct filter_call *fc, const char *name, size_t index,
    char *buf, size_t size);
/* Removes a field, or all with this name; a request, like fc_add_header(), but
 * other filters see it done.  Those behind a removed one move up: who removes
 * some of several begins with the last. */
#define FC_ALL SIZE_MAX
void fc_remove_header(struct filter_call *fc, const char *name, size_t index);

/* Adds a header field in front of the message; a request, applied when the
 * message is sent on.  Only in PHASE_MESSAGE.  Control characters in the value
 * become blanks. */
void fc_add_header(struct filter_call *fc, const char *name, const char *value);

#endif

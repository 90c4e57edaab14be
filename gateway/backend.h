#ifndef POSTERN_BACKEND_H
#define POSTERN_BACKEND_H

/*
 * The backend contract: how a protocol takes a message to where it belongs.
 *
 * A backend's deliver function gets a delivery: a complete envelope, the
 * message, and (for protocols that talk to somebody) a link, which is a
 * connection from the pool or a new one.  It gives each recipient exactly one
 * result and returns DELIVERY_DONE; or it starts something with one of the
 * dl_ calls below that return DELIVERY_PENDING and name who continues:
 *
 *	static enum progress deliver(struct delivery *dl)
 *	{ dl_send(dl, "RSET\r\n"); return dl_expect(dl, got_reset); }
 *	static enum progress got_reset(struct delivery *dl,
 *	    const struct reply *r) ...
 *
 * The engine (relay.c) does the rest: it connects, sets deadlines, and when
 * the link is lost, talks nonsense or is too slow, it gives the recipients
 * that have no result yet a 451 and runs no continuation any more.  A link
 * that was taken from the pool and fails before dl_commit() is replaced by a
 * fresh one, once, silently; deliver is then called again from its start.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ehlo.h"
#include "envelope.h"
#include "fault.h"
#include "reply.h"

#define BACKEND_CONTRACT 1

struct client;
struct delivery;
struct link_auth_conf;
struct link_tls_conf;
struct opt;

enum progress { DELIVERY_DONE, DELIVERY_PENDING };

enum backend_link {
	BACKEND_NO_LINK, /* answers by itself */
	BACKEND_SERVER,	 /* a pooled connection to one of its servers */
	BACKEND_AGENT	 /* a connection to the agent process */
};

typedef enum progress backend_fn(struct delivery *dl);
typedef enum progress reply_fn(struct delivery *dl, const struct reply *r);

/* A program that the agent runs for a backend (agent_program.h). */
struct backend_program {
	const char *path;
	const char *const *arguments; /* in front of the message's */
	size_t argument_count;
	int64_t processes; /* at once */
	int64_t timeout;   /* ms */
};

struct backend {
	const char *name;    /* protocol = name */
	const char *summary; /* one line for -L */
	enum backend_link link;
	backend_fn *deliver;
	/* Asks whether the server would take the recipients, without a
	 * message; each gets a result of DL_STAGE_COMMAND.  NULL: it can not
	 * be asked. */
	backend_fn *verify;
	/* Opens the session of a new link, up to where a transaction could
	 * begin; then dl_link_reusable(), or a result of DL_STAGE_SESSION for
	 * the one recipient, who is nobody: the envelope is empty.  NULL: there
	 * are no sessions. */
	backend_fn *greet;
	const char *goodbye; /* sent before an idle link is closed */
	/* What is accepted where there is no server that would say so: bits of
	 * enum ehlo_extension. */
	unsigned offers;
	size_t state_size; /* of one delivery, zeroed for deliver */
	size_t link_size;  /* kept with the connection, zeroed when new */
	const struct opt *options; /* of this protocol alone; NULL: none */
	size_t conf_size;
	/* Checks the finished options; NULL or the reason why not. */
	const char *(*check)(const void *conf);
	/* The program it needs; NULL: none. */
	void (*program)(const void *conf, struct backend_program *program_r);
};

/* The table of all backends (backends/backends.c), NULL at the end. */
extern const struct backend *const backends[];

/* What is to be delivered. */
const struct envelope *dl_envelope(const struct delivery *dl);
size_t dl_count(const struct delivery *dl); /* recipients of this delivery */
const struct address *dl_recipient(const struct delivery *dl, size_t i);
/* The same one with its parameters. */
const struct recipient *dl_rcpt(const struct delivery *dl, size_t i);
const struct client *dl_client(const struct delivery *dl);
const char *dl_id(const struct delivery *dl);
/* How servers are told who the client is. */
enum dl_identify {
	DL_IDENTIFY_NONE,
	DL_IDENTIFY_XFORWARD, /* with each message, to those that offer it */
	DL_IDENTIFY_XCLIENT,  /* or not at all */
	DL_IDENTIFY_PROXY_V1, /* before the first octet */
	DL_IDENTIFY_PROXY_V2
};
enum dl_identify dl_identify(const struct delivery *dl);
uint64_t dl_size(const struct delivery *dl); /* octets to be sent, unstuffed */
const void *dl_conf(const struct delivery *dl); /* the protocol's options */
const char *dl_backend_name(const struct delivery *dl); /* of the section */
const char *dl_helo(const struct delivery *dl);		/* our name */
void *dl_state(struct delivery *dl);
void *dl_link_state(struct delivery *dl);
bool dl_link_fresh(const struct delivery *dl); /* nothing was read yet */
/* The transaction before on this link did not end by a 2xx: a reset has to go
 * first. */
bool dl_link_needs_reset(const struct delivery *dl);

/* The server was told of this delivery's client (XCLIENT), and of nobody
 * since. */
bool dl_link_told(const struct delivery *dl);
void dl_link_tell(struct delivery *dl);
/* The server can not be told of another one: the link serves this one only. */
void dl_link_bind(struct delivery *dl);
/* The link is closed after so many transactions. */
void dl_link_limit(struct delivery *dl, uint64_t uses);
/* Milliseconds since the last reply on the link. */
int64_t dl_link_silence(const struct delivery *dl);

/* Is the link encrypted, and did the server prove who it is? */
enum dl_tls { DL_TLS_NONE, DL_TLS_UNVERIFIED, DL_TLS_VERIFIED };
enum dl_tls dl_link_tls(const struct delivery *dl);
/* The tls and auth sections of the backend. */
const struct link_tls_conf *dl_tls_conf(const struct delivery *dl);
const struct link_auth_conf *dl_auth_conf(const struct delivery *dl);
/* May messages go by BDAT? */
bool dl_chunking(const struct delivery *dl);
/* TLS from here on.  next runs when the server is as trusted as it has to
 * be. */
enum progress dl_start_tls(struct delivery *dl, backend_fn *next);
/* Did this server ever speak TLS with us? */
bool dl_server_had_tls(const struct delivery *dl);
/* And had it this fault? */
bool dl_server_had_fault(const struct delivery *dl, enum fault f);
/* Something is wrong with the server: it is counted and logged, the link
 * closed, and the next server tried; without any, the rest gets 451.  Returns
 * DELIVERY_DONE.  The text must not hold what a server said behind AUTH. */
enum progress dl_fault(struct delivery *dl, enum fault f, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same, but mail goes on. */
void dl_note_fault(struct delivery *dl, enum fault f, const char *text);

/* The PROXY header of identify = proxy-*, before anything else. */
void dl_send_proxy(struct delivery *dl);
/* The server has said what it offers; it is kept for the EHLO of clients.
 * Returns what the message needs and the server does not offer: 0, or bits of
 * enum ehlo_extension.  REQUIRETLS counts on a link only that is under TLS to a
 * server that proved its name. */
unsigned dl_server_offers(struct delivery *dl, const struct ehlo *e);
/* Nothing was sent of this delivery, and this server is not to have it because
 * it lacks these extensions: another one gets it, or the rest 451.  The link
 * stays as it is, for others.  Returns DELIVERY_DONE. */
enum progress dl_unfit(struct delivery *dl, unsigned lacks);
/* Likewise: the message has more octets than the server takes, which has said
 * so (SIZE, RFC 1870).  If the client has kept to what it was offered, or only
 * what was added on the way is too much, another server gets it, or the rest
 * 452; else the rest 552. */
enum progress dl_too_big(struct delivery *dl, uint64_t limit);

/* Adds to what is sent; it goes out in one write when the function returns. */
void dl_send(struct delivery *dl, const char *text);
void dl_sendf(struct delivery *dl, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The same for what nobody may see in a transcript. */
void dl_send_secret(struct delivery *dl, const char *text);
/* Waits for one reply.  next is called for the complete reply; an EHLO's lines
 * go to dl_on_line() before. */
enum progress dl_expect(struct delivery *dl, reply_fn *next);
/* Who wants the lines of the next reply, one by one. */
void dl_on_line(struct delivery *dl,
    void (*line)(struct delivery *dl, const char *text, size_t len));
enum dl_body {
	DL_BODY_DOTTED, /* stuffed, ended with CRLF . CRLF */
	DL_BODY_PLAIN	/* as it is */
};
/* Sends the message without waiting for the peer in this call, then waits for
 * the first reply behind it. */
enum progress dl_send_message(
    struct delivery *dl, enum dl_body how, reply_fn *next);

/* Do other backends have recipients of this message, too?  Then DATA does not
 * travel with MAIL and RCPT. */
bool dl_shared(const struct delivery *dl);
/* All recipients are taken, and the message could be committed.  Goes on with
 * next when the other backends have said the same of theirs: at once if there
 * are none.  If one of them refused, next is never called, and the link gets a
 * reset. */
enum progress dl_agree(struct delivery *dl, backend_fn *next);
/* Recipients without a result get none of the message, because another one was
 * refused: the client has one reply for all of them.  A 250 would lie about the
 * refused one, and a 4xx behind a delivery would leave it to the journal alone
 * that the client's retry is no duplicate.  The price is one more attempt:
 * there the journal answers the refused ones at RCPT, and the others get the
 * message.
 */
void dl_hold_back(struct delivery *dl);
/* Is the message in memory, and not more than max octets? */
bool dl_message_fits(const struct delivery *dl, size_t max);
/* Adds such a message as it is to what is sent. */
void dl_put_message(struct delivery *dl);

/* From here on the server may accept the message: the delivery is neither
 * retried elsewhere nor cancelled when the client leaves. */
void dl_commit(struct delivery *dl);
/* It refused the message for certain. */
void dl_uncommit(struct delivery *dl);
/* The server's whole answer is known and the link is in step: it may serve
 * other transactions (needs_reset: after a reset). */
void dl_link_reusable(struct delivery *dl, bool needs_reset);

/* The result of a recipient; each gets exactly one.  r is copied and mapped
 * for the client by relay.c (DESIGN section 6). */
enum dl_stage {
	DL_STAGE_SESSION, /* connect, banner, EHLO, RSET: never a 5xx */
	DL_STAGE_CLIENT,  /* XCLIENT: nor this; it is about this client */
	DL_STAGE_COMMAND, /* MAIL, RCPT, DATA */
	DL_STAGE_FINAL	  /* the reply behind the message */
};
void dl_result(
    struct delivery *dl, size_t i, enum dl_stage stage, const struct reply *r);
bool dl_has_result(const struct delivery *dl, size_t i);
/* Gives the same result to all recipients that have none. */
void dl_result_rest(
    struct delivery *dl, enum dl_stage stage, const struct reply *r);
/* The peer broke the protocol: the rest gets 451 with this text in the log,
 * the link is closed.  Returns DELIVERY_DONE. */
enum progress dl_fail(struct delivery *dl, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif

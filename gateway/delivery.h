#ifndef POSTERN_DELIVERY_H
#define POSTERN_DELIVERY_H

/*
 * What is behind the opaque struct delivery:
 *
 *	relay.c			its beginning and its end
 *	relay_offer.c		what the client was promised
 *	delivery_attempt.c	which link it has, and what if that is lost
 *	delivery.c		the conversation with the server
 *	delivery_link.c		TLS, who the client is, faults
 *	delivery_message.c	the message
 *	delivery_results.c	what becomes of the recipients
 *	delivery_show.c		all of it, for an operator who watches
 *
 * These and greet.c include it, nobody else.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend.h"
#include "fold.h"
#include "loop.h"
#include "pool.h"
#include "relay.h"
#include "reply.h"
#include "smtp_data.h"

#define DELIVERY_MAGIC 0x646c7631u

struct caps;
struct message_reader;

struct delivery {
	unsigned magic;
	struct relay *relay;
	struct relay_order order;
	const struct backend_conf *conf;
	relay_done_fn *done;
	void *ctx;
	/* greet.c: it opens a session, no more; told of its end */
	void (*greeted)(struct delivery *dl);
	struct pool_wait wait;
	struct link *link; /* owned while not NULL */
	uint32_t tried;
	void *state;		     /* owned; the protocol's */
	size_t count;		     /* recipients of this delivery */
	struct dl_outcome *outcomes; /* owned; one per recipient */
	reply_fn *next;		     /* who gets the next reply */
	backend_fn *resume;  /* set while other backends are waited for */
	backend_fn *secured; /* who goes on behind the TLS handshake */
	char *identity;	     /* owned; of the client, or NULL */
	enum fault fault;    /* of the last server */
	enum dl_tls tls;     /* on the last link */
	struct reply reply;  /* being read, or last read */
	void (*on_line)(struct delivery *dl, const char *text, size_t len);
	struct message_reader *reader; /* owned; set while sending */
	uint64_t left;		       /* octets the reader still has */
	enum dl_body how;
	struct smtp_stuff stuff;
	bool agreed; /* it may be committed */
	bool committed;
	bool reusable;
	bool reset_after;
	bool broken; /* the link must not be used again */
	bool reused; /* the first link came from the pool */
	bool ended;  /* the outcome is certain; done is on its way */
	bool uncertain;
	unsigned lacks;	    /* extensions that this server does not offer */
	bool outgrown;	    /* too big for it by what we have added only */
	char error[160];    /* what went wrong; "" if nothing */
	const char *server; /* for the record */
	struct shown_line *shown; /* owned; being sent, for an operator */
	struct timer deadline;
	struct task task; /* tells the end from the loop */
	int64_t began;
	int64_t attached; /* the link was had */
};

/* delivery_attempt.c: a step returned; or the link is of no use any more. */
void delivery_progress(struct delivery *dl, enum progress p);
void delivery_link_lost(struct delivery *dl, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Gets a link (fresh: a new one), and begins again. */
void delivery_attempt(struct delivery *dl, bool fresh);
/* The pool has one, or has none; the time is over. */
void delivery_got_link(struct pool_wait *w, struct link *l, const char *why);
void delivery_too_late(void *arg);
/* relay.c: the outcome is certain: frees the link at once, tells from the loop.
 */
void delivery_finish(struct delivery *dl);
/* What is known of servers; may be NULL. */
struct caps *delivery_caps(const struct delivery *dl);

/* relay_offer.c: a backend without servers does not take what this message
 * needs; then the delivery has ended. */
bool delivery_lacks(struct delivery *dl);
/* The server can not keep what the client was promised, another one may. */
void delivery_try_fitter(struct delivery *dl);

/* delivery.c: calls the protocol. */
void delivery_begin(struct delivery *dl);
/* takes over a link's connection. */
void delivery_attach(struct delivery *dl);
/* delivery_link.c: the client as one text, for XCLIENT; owned by the caller.
 * NULL if servers are not told. */
char *delivery_identity(const struct delivery *dl);
/* The TLS handshake is over. */
void delivery_secured(void *ctx);
/* A step has this long, but never longer than the whole order. */
void delivery_set_deadline(struct delivery *dl, int64_t ms);
/* Forgets what an attempt left behind. */
void delivery_forget(struct delivery *dl);

/* delivery_show.c: for an operator, if he wants to see this client.  What
 * happens; text that is sent, which may be a part of a line; a line of a reply.
 */
void delivery_show(const struct delivery *dl, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void delivery_show_sent(struct delivery *dl, const char *text);
void delivery_show_reply(
    const struct delivery *dl, const char *line, size_t len);
void delivery_show_forget(struct delivery *dl);

/* delivery_message.c: there is room for more of the message. */
void delivery_drained(void *ctx);

#endif

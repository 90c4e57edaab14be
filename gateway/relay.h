#ifndef POSTERN_RELAY_H
#define POSTERN_RELAY_H

/*
 * The relay: takes one accepted message to its backend while the client waits,
 * and folds the results of its recipients into the one reply that the client
 * gets (DESIGN section 6).  It never claims more than what happened: 250 only
 * if every recipient was accepted; trouble of ours or of a backend is a 4xx.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend.h"
#include "pool.h"

struct dns;
struct caps;
struct client;
struct dl_outcome;
struct loop;
struct message;
struct offer_routes;

struct relay;

/* One per worker.  conf is borrowed; agent_fd is the socket over which
 * links to the agent are passed, -1 for none; without shared (copied) there
 * are no pools. */
struct relay *relay_new(struct loop *l, const struct backend_conf *conf,
    size_t count, const struct pool_shared *shared, int agent_fd,
    const char *hostname);
void relay_free(struct relay **rp);
/* Servers that are configured by name are looked up from now on; before that
 * they have no address.  dns is borrowed, and in use until relay_free(). */
void relay_set_dns(struct relay *r, struct dns *dns);
/* Where is kept what servers offer; NULL: nowhere. */
void relay_set_caps(struct relay *r, struct caps *c);
struct caps *relay_caps(const struct relay *r);
/* What may be offered to clients whose recipients go these ways (offer.h). */
void relay_offer(
    const struct relay *r, const struct offer_routes *routes, struct ehlo *e_r);
/* How many recipients a backend takes in one transaction; 0: nobody said. */
uint32_t relay_rcpt_max(const struct relay *r, unsigned backend);
/* Is the recipient that was given last to be verified?  more: another RCPT is
 * on the way already. */
bool relay_wants_verify(const struct relay *r, unsigned backend,
    const struct envelope *e, bool more);
/* A verification's result that is known already. */
bool relay_verified(const struct relay *r, unsigned backend,
    const struct address *sender, const struct address *rcpt,
    struct reply *reply_r);
/* For an operator who wants to see what servers are told, and say, because of a
 * client: each line with the id of the transaction and the names of backend and
 * server in front.  side is '>' for us, '<' for the server, '*' for what
 * happens.  Neither secrets nor messages are in it.  Copied. */
struct relay_show {
	bool (*wants)(void *ctx, const struct client *client);
	void (*line)(
	    void *ctx, const char *id, char side, const char *text, size_t len);
	void *ctx;
};
void relay_set_show(struct relay *r, const struct relay_show *show);
/* Closes idle connections (drain). */
void relay_close_idle(struct relay *r);

struct relay_order { /* all borrowed until done or abandoned */
	const char *id;
	const struct client *client;
	const struct envelope *envelope;
	const struct message *message;
	const size_t *rcpts; /* indexes in the envelope; NULL: all */
	size_t rcpt_count;
	unsigned backend; /* index */
	bool verify;	  /* only ask; message is NULL */
	int64_t
	    deadline; /* loop_now() milliseconds: a reply is there by then */
	/* The same message goes to other backends, too: nothing is committed
	 * before relay_release().  ready is called (from inside the relay, and
	 * again after another attempt) when that is waited for. */
	bool shared;
	void (*ready)(void *ctx);
	/* It has a connection (from inside the relay); NULL, as below. */
	void (*linked)(void *ctx);
	/* The next octet may deliver it; NULL: nobody wants to know. */
	void (*committing)(void *ctx);
};

struct relay_outcome {
	int code; /* for the client */
	char enhanced[12];
	char text[REPLY_TEXT_MAX + 1];
	/* for the record */
	const char *backend;
	const char *server;		/* NULL when none was reached */
	char said[REPLY_TEXT_MAX + 32]; /* the backend's deciding reply */
	char refusals[1024]; /* of several recipients, each with its reply */
	char error[160];     /* what went wrong on our side; "" if nothing */
	const char *fault;   /* its name, if it is one of fault.h; or NULL */
	enum dl_tls tls;     /* on the connection */
	bool reused;	     /* the connection came from the pool */
	bool committed;
	bool alarm;	 /* a wrong configuration is likely */
	size_t known;	 /* recipients that had it already */
	bool uncertain;	 /* committed, but no answer: it may be there */
	size_t accepted; /* recipients */
	size_t refused;
	int64_t ms;
	/* of each recipient of the order; while done runs */
	const struct dl_outcome *results;
};

struct delivery;
typedef void relay_done_fn(void *ctx, const struct relay_outcome *o);

/* Starts.  done is called once, from the loop; it frees nothing: the delivery
 * is gone when done returns. */
struct delivery *relay_start(struct relay *r, const struct relay_order *order,
    relay_done_fn *done, void *ctx);
/* The client left.  True: the delivery was not committed and is cancelled,
 * done will not be called.  False: it goes on and done will be called. */
bool relay_abandon(struct delivery **dlp);
/* Ends it whatever its state; done will not be called. */
void relay_cancel(struct delivery **dlp);

/* A shared delivery: does it wait for the others? */
bool relay_is_ready(const struct delivery *dl);
bool relay_is_committed(const struct delivery *dl);
/* It goes on; or it ends, its recipients being held back. */
void relay_release(struct delivery *dl);
void relay_hold_back(struct delivery *dl);

#endif

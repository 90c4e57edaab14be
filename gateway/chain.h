#ifndef POSTERN_CHAIN_H
#define POSTERN_CHAIN_H

/*
 * The filter chain: runs the filters of a listener for one phase, one after
 * another, and supplies what every filter gets for nothing: deadline,
 * on-unknown, observe, circuit breaker, state, cancellation.  See filter.h for
 * the guarantees.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter.h"

struct arena;
struct dns;
struct auth_exchange;
struct helpers;
struct http;
struct loop;
struct tx;

enum on_unknown { ON_UNKNOWN_PASS, ON_UNKNOWN_DEFER, ON_UNKNOWN_REJECT };

/* Options that every filter instance has. */
struct chain_conf {
	int64_t timeout;       /* ms for one call */
	int on_unknown;	       /* enum on_unknown */
	bool observe;	       /* judge and log, but do not act */
	int64_t breaker;       /* unknowns in a row that open the breaker; 0:
				* never */
	int64_t breaker_pause; /* ms it stays open: calls are unknown at once */
};
extern const struct opt chain_options[];

/* A filter block of the configuration. */
struct filter_instance {
	const struct filter *type;
	const char *name; /* the block's title */
	struct chain_conf chain;
	void *conf; /* type->conf_size octets */
};

/* The decision of one phase. */
struct judgement {
	enum verdict verdict; /* never PENDING or UNKNOWN; PASS covers ACCEPT */
	int code;	      /* for REJECT, DEFER, DISCONNECT */
	char enhanced[12];
	const char *text;   /* for the client; in the transaction's arena */
	const char *filter; /* instance that decided; NULL for PASS */
};

/* What filters may use besides the loop; of one worker. */
struct services {
	struct helpers *helpers; /* NULL: none */
	struct http *http;	 /* NULL: none */
	int checker_fd;		 /* passes fc_check()'s on; -1: nobody does */
	int agent_fd;		 /* fc_keep()'s; -1: there is no agent */
};

/* One listener's filters in one worker. */
struct chain;
struct chain *chain_new(struct loop *l,
    const struct filter_instance *const *instances, size_t count);
/* The resolver that filters ask (fc_dns()); borrowed. */
void chain_set_dns(struct chain *c, struct dns *dns);
/* Borrowed; before the first run. */
void chain_set_services(struct chain *c, const struct services *s);
/* The listener's own name (fc_hostname()); borrowed; before the first run. */
void chain_set_hostname(struct chain *c, const char *hostname);
void chain_free(struct chain **cp);

/* One session's way through the chain. */
struct chain_run;
typedef void chain_done_fn(void *ctx, const struct judgement *j);

/* tx and client are borrowed and outlive the run; filters may set the client's
 * name, in the session's arena. */
struct chain_run *chain_run_new(struct chain *c, struct tx *tx,
    struct client *client, chain_done_fn *done, void *ctx);
/* Cancels what is pending; nothing is called any more. */
void chain_run_free(struct chain_run **rp);

/* Runs a phase.  Returns the judgement if it is there at once; NULL if a
 * filter waits, then done is called later, from the loop. */
const struct judgement *chain_run_phase(
    struct chain_run *r, enum phase phase, const struct address *rcpt);
/* The exchange that the next PHASE_AUTH is about; borrowed. */
void chain_run_set_auth(struct chain_run *r, struct auth_exchange *x);
/* Cancels a phase that is pending; done is not called. */
void chain_run_cancel(struct chain_run *r);
/* Which instance the run waits for, and since when; NULL if it does not. */
const char *chain_run_waits_for(const struct chain_run *r, int64_t *since_ms_r);
/* The transaction ended: filters' state per transaction is zeroed. */
void chain_run_reset_tx(struct chain_run *r);

#endif

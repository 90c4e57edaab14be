#ifndef POSTERN_DNS_TRY_H
#define POSTERN_DNS_TRY_H

/*
 * One question to one server: over UDP from a random port with a random id,
 * and over TCP when the reply was truncated.  What comes in but is no reply to
 * it is counted and ignored.  Has no time-out: who began it ends it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "dns_answer.h"
#include "dns_wire.h"
#include "net.h"

struct loop;

struct dns_counters {
	uint64_t asked;	   /* lookups wanted by others */
	uint64_t cached;   /* of them answered from the cache */
	uint64_t queries;  /* sent to servers, over UDP and TCP */
	uint64_t tcp;	   /* of them over TCP */
	uint64_t timeouts; /* queries that had no answer in time */
	uint64_t failed;   /* queries that a server could not answer */
	uint64_t ignored;  /* packets that were no answer */
};

enum dns_try_end {
	DNS_TRY_ANSWER, /* the answer is complete */
	DNS_TRY_ALIAS,	/* go on at note->alias */
	DNS_TRY_FAILED, /* the server says that it can not: note->reason */
	DNS_TRY_LOST	/* the server is not there: note->reason */
};

struct dns_try;
/* Called once, from the loop; the try is to be freed, in it or later. */
typedef void dns_try_fn(
    void *ctx, enum dns_try_end end, const struct dns_wire_note *note);

struct dns_query {
	struct loop *loop;
	const struct net_addr *server;
	const char *name;	   /* of dns_name_ascii()'s; outlives the try */
	struct dns_answer *answer; /* with the type; to be filled */
	bool edns;
	struct dns_counters *counters;
	dns_try_fn *done;
	void *ctx;
};

/* NULL with errno when the server can not be sent anything. */
struct dns_try *dns_try_new(const struct dns_query *q);
/* Nothing is called any more. */
void dns_try_free(struct dns_try **tp);

#endif

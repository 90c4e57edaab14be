#ifndef POSTERN_HELPER_IMPL_H
#define POSTERN_HELPER_IMPL_H

/*
 * Behind the opaque struct helper: for helper.c, which has the connection, and
 * helper_request.c alone.
 */

#include <sys/queue.h>

#include <stdbool.h>
#include <stdint.h>

#include "filter_call.h"
#include "helper.h"
#include "op.h"

struct conn;

#define HELPER_FAULT_SIZE 200

enum helper_status { HELPER_DOWN, HELPER_GREETING, HELPER_READY };

struct helper_request {
	TAILQ_ENTRY(helper_request) entry; /* of those that may be answered */
	struct op op;
	struct helper *helper;
	struct filter_call *fc;
	answer_fn *next;
	uint32_t number;
	char *line;   /* owned; waits for the handshake */
	char *text;   /* owned; the answer that came; NULL: none */
	bool waiting; /* for an answer, or for the handshake */
	bool sent;
	bool over; /* there will be no other answer */
};
TAILQ_HEAD(helper_requests, helper_request);

struct helper {
	const struct filter_instance *instance; /* borrowed */
	const struct helper_type *type;
	struct loop *loop;
	enum helper_status status;
	struct conn *conn; /* owned; NULL when down */
	struct helper_requests requests;
	unsigned count; /* of them */
	uint32_t last_number;
	uint32_t id;
	int64_t pause;
	int64_t retry_at; /* not before; 0: at once */
	int64_t began;	  /* when it was connected */
	char fault[HELPER_FAULT_SIZE];
	void *state; /* owned */
};

/* Is there a server to be asked, or will there be one soon?  Connects. */
bool helper_may_ask(struct helper *h);

#endif

#ifndef POSTERN_AUTH_H
#define POSTERN_AUTH_H

/*
 * One AUTH exchange (RFC 4954): what the session, which talks to the client,
 * and the filter that authenticates (fc_auth.c) have in common.  The session
 * owns it from the AUTH command to the end of the exchange, and wipes it then.
 */

#include <stdbool.h>
#include <stddef.h>

struct op;

#define AUTH_LINE_MAX                                                        \
	12286		      /* octets of a line; RFC 4954 section 4: 12288 \
			       * with CRLF */
#define AUTH_MECHANISM_MAX 20 /* RFC 4422 section 3.1 */
#define AUTH_LOGIN_MAX 255

struct auth_exchange {
	char mechanism[AUTH_MECHANISM_MAX + 1]; /* in capitals */
	char response[AUTH_LINE_MAX + 1];	/* the last one, base64 */
	bool has_response;
	char login[AUTH_LOGIN_MAX + 1]; /* who the client says to be */
	bool accepted;			/* and is */
	struct op *waiting; /* for the next response; NULL: nobody does */
	/* Sends a challenge, and then waits for the client's response. */
	void (*challenge)(void *ctx, const char *base64);
	void *ctx;
};

/* The response to the challenge is there.  The filter goes on from the
 * loop. */
void auth_answered(struct auth_exchange *x);

#endif

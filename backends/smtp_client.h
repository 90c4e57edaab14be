#ifndef POSTERN_SMTP_CLIENT_H
#define POSTERN_SMTP_CLIENT_H

/*
 * The dialogue with an SMTP or LMTP server over a link, shared by the backends
 * of these names.  What the server said about itself is kept with the link;
 * the rest belongs to one delivery.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/backend.h"

enum smtp_client_dialect { SMTP_CLIENT_SMTP, SMTP_CLIENT_LMTP };

/* Kept with the connection: the keywords of EHLO or LHLO, and more. */
struct smtp_client_link {
	bool greeted;	  /* the first line of the EHLO reply was read */
	struct ehlo ehlo; /* what it offers */
	bool pipelining;  /* of that */
	bool starttls;
	bool auth_plain;
	bool auth_login;
	unsigned xforward; /* attributes it takes; see identity.h */
	unsigned xclient;
	bool authenticated;
	bool swallows; /* the octets of a BDAT that it refuses */
};

/* Of one delivery.  Which recipients the server accepted needs no place of its
 * own: they are the ones without a result. */
struct smtp_client_state {
	enum smtp_client_dialect dialect;
	bool pooled;	 /* the link served somebody before */
	bool forwarding; /* XFORWARD goes before MAIL */
	bool verify;	 /* no message: RSET behind the RCPTs */
	bool greet;	 /* not even a transaction */
	bool introduced; /* XCLIENT came first: the session is a new one */
	bool reset;	 /* the RSET that the link needed is through */
	bool data_sent;	 /* DATA travelled with MAIL and RCPT */
	bool bdat_sent;	 /* so did the whole message */
	bool accepted;	 /* a RCPT got a 2xx */
	bool mail_named; /* the reply to MAIL says by its code what it is */
	bool mail_refused;
	bool in_step;	  /* so that to the first RCPT is no other's */
	bool needs_reset; /* a final reply was not a 2xx */
	bool closing;	  /* the server said 421 */
	size_t next;	  /* recipient whose reply comes next */
};

/* The deliver function of both; link_size and state_size of the backend are
 * those of the structs above. */
enum progress smtp_client_deliver(
    struct delivery *dl, enum smtp_client_dialect dialect);
/* The greet function of both. */
enum progress smtp_client_greet(
    struct delivery *dl, enum smtp_client_dialect dialect);
/* The verify function of both. */
enum progress smtp_client_verify(
    struct delivery *dl, enum smtp_client_dialect dialect);

#endif

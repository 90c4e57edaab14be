#ifndef POSTERN_ENVELOPE_H
#define POSTERN_ENVELOPE_H

/*
 * The envelope (RFC 5321 2.3.1): reverse-path, recipients and their
 * parameters, stored parsed.  Nothing of a client's command line is ever
 * echoed: texts below were re-serialised from their parts and hold no control
 * characters, blanks outside quotes, or angle brackets outside quotes.
 *
 * All strings live in the transaction's arena.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smtp_params.h"

struct arena;

#define ADDRESS_PLAIN_SIZE 600 /* a local part, and a name of the DNS */

struct address {
	const char *text;   /* "user@domain" without brackets; "" for <> */
	const char *local;  /* local part as sent, with quotes if quoted */
	const char *domain; /* lower case; "" for <> and <postmaster> */
	const char *plain;  /* the same in A-labels, as lists have it, if it
			     * can be a name; mostly the very same */
};

struct recipient {
	struct address addr;
	unsigned route; /* index of the route that took it */
	unsigned backend;
	const char *backend_name; /* borrowed from the configuration; NULL: it
				   * is accepted and discarded */
	unsigned needs;	 /* as those of the envelope, by its own parameters */
	unsigned notify; /* NOTIFY=: bits of enum dsn_notify, or 0 */
	const char *orcpt_type; /* ORCPT=; NULL when not given */
	const char *orcpt;
	bool moved;   /* a filter made another address of it */
	bool removed; /* a filter took it away */
	bool added;   /* by a filter: what becomes of it is not told */
};

struct extra { /* a recipient that a filter wants to add */
	struct address addr;
	size_t owner; /* recipients there were then: goes with the last */
};

struct envelope {
	struct arena *arena;   /* borrowed */
	struct address sender; /* the reverse-path */
	bool has_sender;       /* MAIL was accepted */
	enum body_type body;   /* BODY= */
	uint64_t size;	       /* SIZE=; 0 when not given */
	uint64_t offered_size; /* of EHLO; 0: the client was promised none */
	uint64_t sent;	       /* octets of the content that the client sent */
	/* What every server that gets this message must offer, because the
	 * client was promised it and used it in MAIL: bits of enum
	 * ehlo_extension. */
	unsigned needs;
	enum dsn_ret ret;  /* RET= */
	const char *envid; /* ENVID=, decoded; NULL when not given */
	const char *auth;  /* AUTH=, decoded, "" for <>; NULL when not given */
	struct recipient *rcpts;
	size_t count;
	size_t space;
	struct extra *extras; /* until the message is relayed */
	size_t extra_count;
	size_t extra_space;
};

void envelope_init(struct envelope *e, struct arena *a);
/* Makes an address from a parsed path. */
struct address envelope_address(struct arena *a, const struct smtp_path *path);
/* The address as lists have it: with the plain domain, and without quotes that
 * "joe"@example.org need not have, or a list with joe@example.org could be
 * avoided.  In buf (ADDRESS_PLAIN_SIZE) or the text itself. */
const char *address_plain(const struct address *a, char *buf, size_t size);
/* Adds a recipient; the pointer is valid until the next one is added. */
struct recipient *envelope_add(struct envelope *e, const struct address *addr);
/* Takes over the parameters of MAIL, and those of a recipient. */
void envelope_mail_params(
    struct envelope *e, const struct smtp_mail_params *params);
void envelope_rcpt_params(struct envelope *e, struct recipient *r,
    const struct smtp_rcpt_params *params);
/* The parameters that the client gave, written anew, with blanks between them
 * as in "SIZE=100 SMTPUTF8"; a value has none, and no control characters. */
#define ENVELOPE_PARAMS_SIZE 2400
void envelope_write_mail_params(
    const struct envelope *e, char *buf, size_t size);
void envelope_write_rcpt_params(
    const struct recipient *r, char *buf, size_t size);
/* Notes a recipient to be added. */
void envelope_add_extra(struct envelope *e, const struct address *addr);
/* Takes the last one back (a filter refused it), and what was added for it. */
void envelope_drop_last(struct envelope *e);

#endif

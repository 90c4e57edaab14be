#ifndef POSTERN_SMTP_PARAMS_H
#define POSTERN_SMTP_PARAMS_H

/*
 * The ESMTP parameters of MAIL and RCPT: what they mean, behind smtp_parse.c,
 * which only takes a line apart.  Pure.  Values in xtext (RFC 3461 section 4)
 * are decoded here and encoded again by whoever writes them, so that nothing a
 * client has sent is passed on as it came.
 */

#include <stdbool.h>
#include <stdint.h>

#include "smtp_parse.h"

#define SMTP_ENVID_MAX 100 /* characters; RFC 3461 4.4 */
#define SMTP_ORCPT_MAX 500 /* octets with the type; RFC 3461 4.2 */
#define SMTP_AUTH_MAX 500  /* octets in xtext; RFC 4954 section 5 */
#define SMTP_ORCPT_TYPE_MAX 32

enum body_type { /* RFC 6152, RFC 3030 */
	BODY_UNSPECIFIED,
	BODY_7BIT,
	BODY_8BITMIME,
	BODY_BINARYMIME
};

enum dsn_ret { DSN_RET_UNSPECIFIED, DSN_RET_FULL, DSN_RET_HDRS };

enum dsn_notify { /* a set of bits; none: unspecified */
	DSN_NEVER = 1,
	DSN_SUCCESS = 2,
	DSN_FAILURE = 4,
	DSN_DELAY = 8
};

struct smtp_mail_params {
	unsigned uses; /* extensions they belong to: bits of ehlo.h */
	uint64_t size; /* SIZE=; 0: not given */
	enum body_type body;
	enum dsn_ret ret;
	bool has_envid, has_auth;
	char envid[SMTP_ENVID_MAX + 1];
	char auth[SMTP_AUTH_MAX + 1]; /* "" for <> */
};

struct smtp_rcpt_params {
	unsigned uses;
	unsigned notify; /* bits of enum dsn_notify */
	/* ORCPT; "" when not given.  An address of type utf-8 (RFC 6533) is
	 * kept in its own encoding, every other one decoded. */
	char orcpt_type[SMTP_ORCPT_TYPE_MAX + 1];
	char orcpt[SMTP_ORCPT_MAX + 1];
};

enum smtp_param_fault {
	SMTP_PARAM_GOOD,
	SMTP_PARAM_UNKNOWN,
	SMTP_PARAM_SIZE, /* the value of this one is wrong, or missing */
	SMTP_PARAM_BODY,
	SMTP_PARAM_RET,
	SMTP_PARAM_ENVID,
	SMTP_PARAM_AUTH,
	SMTP_PARAM_NOTIFY,
	SMTP_PARAM_ORCPT,
	SMTP_PARAM_HAS_VALUE /* and must not have one */
};

/* The parameters of MAIL and of RCPT; repeated ones are no matter here, as
 * smtp_parse.c refuses them.  *r is complete only if all is GOOD.  utf8: the
 * transaction is one with SMTPUTF8. */
enum smtp_param_fault smtp_read_mail_params(
    const struct smtp_params *params, struct smtp_mail_params *r);
enum smtp_param_fault smtp_read_rcpt_params(
    const struct smtp_params *params, bool utf8, struct smtp_rcpt_params *r);

/* "8BITMIME", "HDRS"; "" when not given. */
const char *smtp_body_text(enum body_type body);
const char *smtp_ret_text(enum dsn_ret ret);
/* "SUCCESS,FAILURE" for a set that is not empty. */
const char *smtp_notify_text(unsigned notify);
/* Writes " ORCPT=type;address"; returns its length, 0 if it does not fit or
 * there is none.  size: SMTP_ORCPT_LINE is always enough. */
#define SMTP_ORCPT_LINE (3 * SMTP_ORCPT_MAX + SMTP_ORCPT_TYPE_MAX + 16)
size_t smtp_write_orcpt(
    const char *type, const char *orcpt, char *buf, size_t size);

#endif

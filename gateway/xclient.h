#ifndef POSTERN_XCLIENT_H
#define POSTERN_XCLIENT_H

/*
 * The arguments of XCLIENT and XFORWARD (Postfix's XCLIENT_README and
 * XFORWARD_README): "NAME=value NAME=value ...", values in xtext (RFC 3461
 * section 4).  Pure.
 */

#include <stdbool.h>
#include <stddef.h>

#include "smtp_parse.h"

#define XCLIENT_VALUE_MAX 255 /* octets of a decoded value */

enum xclient_name {
	XCLIENT_NAME,
	XCLIENT_ADDR,
	XCLIENT_PORT,
	XCLIENT_PROTO,
	XCLIENT_HELO,
	XCLIENT_LOGIN,
	XCLIENT_DESTADDR,
	XCLIENT_DESTPORT,
	XCLIENT_REVERSE_NAME,
	XCLIENT_IDENT,	/* XFORWARD only */
	XCLIENT_SOURCE, /* XFORWARD only */
	XCLIENT_NAMES	/* count */
};

enum xclient_state {
	XCLIENT_VALUE,
	XCLIENT_UNAVAILABLE, /* [UNAVAILABLE]: there is none */
	XCLIENT_TEMPUNAVAIL  /* [TEMPUNAVAIL]: it could not be found out */
};

struct xclient_attr {
	enum xclient_name name;
	enum xclient_state state;
	char value[XCLIENT_VALUE_MAX + 1]; /* decoded; "" unless VALUE */
	size_t len;
};

/*
 * Takes the next attribute off *rest.  1: *attr_r is one; 0: there is none
 * left; -1: malformed, unknown, too long, or a value that holds control
 * characters, blanks or octets above 127 after decoding.  Values that were not
 * encoded are accepted too, as long as they hold nothing that needs it.
 */
int xclient_next(struct slice *rest, struct xclient_attr *attr_r);

/* The attribute's name, such as "ADDR". */
const char *xclient_text(enum xclient_name name);

/* Decodes xtext; false if malformed or longer than size - 1. */
bool xtext_decode(struct slice in, char *out, size_t size, size_t *len_r);
/* Encodes as xtext; returns the length, or 0 if it is empty or does not fit. */
size_t xtext_encode(const char *in, char *out, size_t size);

#endif

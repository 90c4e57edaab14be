#ifndef POSTERN_EHLO_H
#define POSTERN_EHLO_H

/*
 * What a server says about itself in its reply to EHLO or LHLO (RFC 5321
 * 4.1.1.1): the extensions that matter to somebody who hands it mail, and
 * their limits.  Pure.
 *
 * The bits also say what a message needs of the server that is to have it, and
 * what a client was promised.
 */

#include <stddef.h>
#include <stdint.h>

enum ehlo_extension {		      /* a set of bits */
	EHLO_PIPELINING = 1 << 0,     /* RFC 2920 */
	EHLO_SIZE = 1 << 1,	      /* RFC 1870 */
	EHLO_8BITMIME = 1 << 2,	      /* RFC 6152 */
	EHLO_SMTPUTF8 = 1 << 3,	      /* RFC 6531 */
	EHLO_DSN = 1 << 4,	      /* RFC 3461 */
	EHLO_CHUNKING = 1 << 5,	      /* RFC 3030 */
	EHLO_BINARYMIME = 1 << 6,     /* RFC 3030; of use with CHUNKING only */
	EHLO_REQUIRETLS = 1 << 7,     /* RFC 8689 */
	EHLO_ENHANCEDSTATUS = 1 << 8, /* RFC 2034 */
	EHLO_AUTH = 1 << 9	      /* RFC 4954 */
};

struct ehlo {
	unsigned have;	   /* bits of enum ehlo_extension */
	uint64_t size;	   /* octets of a message; 0: no limit was named */
	uint32_t rcpt_max; /* LIMITS, RFC 9422; 0: none */
	uint32_t mail_max;
};

/* Takes one line of the reply, without code and CRLF, in any order; the first
 * line holds the server's name and is not to be given.  Keywords compare
 * without case; what is unknown or malformed changes nothing. */
void ehlo_line(struct ehlo *e, const char *text, size_t len);

/* The names of the extensions in a set, with blanks between them. */
void ehlo_names(unsigned set, char *buf, size_t size);

#endif

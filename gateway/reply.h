#ifndef POSTERN_REPLY_H
#define POSTERN_REPLY_H

/*
 * Replies of SMTP and LMTP servers (RFC 5321 4.2, RFC 2034), read with the
 * same rigour as clients' commands.  Pure and incremental.
 *
 * The parser keeps what a gateway needs of a reply: the code, the enhanced
 * status code, and a sanitised one-line text.  Continuation lines are handed
 * to the caller one by one, which is how EHLO keywords are read.
 */

#include <stdbool.h>
#include <stddef.h>

#define REPLY_LINE_MAX 4096 /* octets without CRLF; a longer one is a fault */
#define REPLY_LINES_MAX 100 /* lines of one reply */
#define REPLY_TEXT_MAX                                      \
	480 /* kept for the client: code, enhanced code and \
	     * text fit a line of 512 octets */

struct reply {
	int code;	   /* 200 to 599 */
	char enhanced[12]; /* "2.1.5", or "" when the server gave none */
	char text[REPLY_TEXT_MAX + 1]; /* printable ASCII; lines joined by a
					* blank, cut when too long */
	unsigned lines; /* read from the server; 0 in a reply of our own */
};

enum reply_status {
	REPLY_MORE, /* the reply goes on: feed the next line */
	REPLY_DONE, /* complete */
	REPLY_BAD   /* not SMTP: drop the connection */
};

/* Prepares for the first line of a reply. */
void reply_init(struct reply *r);

/* Feeds one line without its line end, as reply_line() finds it.  The first
 * line sets the code; a different code on a later line, a line without a valid
 * code or separator, with a bare CR or LF, too many lines or a too long one are
 * REPLY_BAD.  An enhanced status code is accepted
 * only if its class agrees with the code's first digit. */
enum reply_status reply_feed(struct reply *r, const char *line, size_t len);

/* Finds the first line in a buffer.  Returns false if its LF is not there yet.
 * *line_len_r is the length of the line without CRLF, *used_r with it.  An LF
 * alone is no line end but part of the line, which reply_feed() refuses then:
 * who ends lines in two ways is read in two ways. */
bool reply_line(const char *in, size_t len, size_t *line_len_r, size_t *used_r);

/* The class of a code: 2, 3, 4, 5. */
int reply_class(int code);

#endif

#ifndef POSTERN_SMTP_PARSE_H
#define POSTERN_SMTP_PARSE_H

/*
 * The grammar of SMTP and LMTP command lines (RFC 5321 section 4.1, RFC 1869
 * parameters).  Pure: bytes in, value out.  Results are slices of the caller's
 * line and live as long as that line; nothing is allocated, nothing is copied.
 *
 * A command line reaches this module without its CRLF.  Bytes that no command
 * may hold (NUL, bare CR or LF, control characters; octets above 127) are
 * found here, by smtp_line_check(), before anything else looks at the line.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMTP_LOCALPART_MAX                                                   \
	128		    /* octets; RFC 5321 4.5.3.1.1 wants 64 at least, \
			     * but VERP and SRS senders are longer */
#define SMTP_DOMAIN_MAX 255 /* 4.5.3.1.2 */
#define SMTP_PATH_MAX 256   /* 4.5.3.1.3, with the angle brackets */
#define SMTP_PARAMS_MAX 16  /* ESMTP parameters on one command */

struct slice {
	const char *ptr; /* not NUL-terminated; NULL when absent */
	size_t len;
};

enum smtp_verb {
	SMTP_HELO,
	SMTP_EHLO,
	SMTP_LHLO,
	SMTP_MAIL,
	SMTP_RCPT,
	SMTP_DATA,
	SMTP_BDAT,
	SMTP_RSET,
	SMTP_NOOP,
	SMTP_VRFY,
	SMTP_EXPN,
	SMTP_HELP,
	SMTP_QUIT,
	SMTP_STARTTLS,
	SMTP_AUTH,
	SMTP_XCLIENT,
	SMTP_XFORWARD,
	SMTP_UNKNOWN,
	SMTP_VERBS /* count */
};

struct smtp_command {
	enum smtp_verb verb;
	struct slice name; /* the verb as it was sent */
	struct slice arg;  /* rest of the line, blanks at both ends removed */
};

enum smtp_line_fault {
	SMTP_LINE_GOOD,
	SMTP_LINE_CONTROL, /* NUL, CR, LF, DEL or another control character but
			    * TAB, which is a blank like SP */
	SMTP_LINE_8BIT	   /* no control character, but octets above 127 */
};

enum smtp_path_fault {
	SMTP_PATH_GOOD,
	SMTP_PATH_SYNTAX,	/* 501 5.1.3 or 5.1.7 */
	SMTP_PATH_LONG,		/* a limit of RFC 5321 4.5.3.1 */
	SMTP_PATH_NEEDS_DOMAIN, /* no domain, and not <postmaster> or <> */
	SMTP_PATH_PARAMS	/* parameters malformed, repeated or too many */
};

/* A reverse-path or forward-path.  A source route ("<@a,@b:u@d>") is accepted
 * and dropped, as RFC 5321 4.1.1.3 and appendix C want. */
struct smtp_path {
	struct slice local;  /* as sent, with quotes if it was quoted */
	struct slice domain; /* empty for <> and <postmaster>; a literal
			      * keeps its brackets */
	bool is_null;	     /* <> */
	bool is_quoted;	     /* the local part is a quoted string */
	bool is_literal;     /* the domain is an address literal */
	bool had_route;	     /* a source route was dropped */
};

struct smtp_param {
	struct slice name;  /* keyword, compare without case */
	struct slice value; /* ptr NULL when there was no "=" */
};

struct smtp_params {
	struct smtp_param list[SMTP_PARAMS_MAX];
	size_t count;
};

/* Looks for bytes that no command line may hold. */
enum smtp_line_fault smtp_line_check(const char *line, size_t len);

/* Splits a line into verb and argument.  Never fails: an empty line or an
 * unknown word is SMTP_UNKNOWN.  Verbs compare without case and must be
 * followed by a blank or the end of the line. */
struct smtp_command smtp_parse_command(const char *line, size_t len);

/* Parses the argument of MAIL ("FROM:<path> params").  Blanks after the colon
 * are accepted, as every server does; a path without angle brackets is not, nor
 * octets above 127 that are no UTF-8.  The path is complete unless the fault is
 * SYNTAX; the parameters are complete only if all is GOOD. */
enum smtp_path_fault smtp_parse_mail(
    struct slice arg, struct smtp_path *path_r, struct smtp_params *params_r);

/* Parses the argument of RCPT ("TO:<path> params").  <> is a syntax error. */
enum smtp_path_fault smtp_parse_rcpt(
    struct slice arg, struct smtp_path *path_r, struct smtp_params *params_r);

/* Is this a domain by RFC 5321 (letters, digits, hyphen, dots, at most 63
 * octets a label; underscores are tolerated; octets above 127 only with
 * allow_utf8, and only as UTF-8)?  A dot at the end is not accepted. */
bool smtp_is_domain(const char *s, size_t len, bool allow_utf8);

/* Is this an address literal, brackets included: "[192.0.2.1]",
 * "[IPv6:2001:db8::1]"? */
bool smtp_is_literal(const char *s, size_t len);

/* Decimal number without sign; false if empty, not all digits, or above
 * max. */
bool smtp_parse_number(struct slice s, uint64_t max, uint64_t *value_r);

/* Compares a slice with a string, without case (ASCII). */
bool slice_is(struct slice s, const char *word);

#endif

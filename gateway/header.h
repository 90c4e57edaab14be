#ifndef POSTERN_HEADER_H
#define POSTERN_HEADER_H

/*
 * The grammar of a message's header section (RFC 5322 2.2): finds the fields
 * in content that comes in pieces, and the empty line behind them.  Pure and
 * incremental: content may be split anywhere, and nothing is allocated.
 *
 * A line ends in LF; a CR before it belongs to the line's end.  A line that
 * begins with a blank or tab continues the one before it.  Blanks between name
 * and colon are accepted (RFC 5322 4.5.8).
 *
 * A line that is no field (no colon, or something else than printable ASCII in
 * front of it) is malformed: it is counted, skipped with its continuations, and
 * does not end the section.  Servers differ: some take such a line for the
 * beginning of the body, some go on to the empty line.  Whoever looks for
 * fields that must not pass has to see what the second kind will see; so only
 * the empty line ends the section, or the end of the content.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEADER_NAME_MAX 127 /* octets of a name that are kept */

struct header_field {
	uint64_t offset; /* of its first octet, in the content */
	uint64_t value;	 /* from there to the octet behind the colon */
	uint64_t len;	 /* of all of it, folded lines and the last line end
			  * included: what to remove */
	size_t name_len; /* may be more than HEADER_NAME_MAX */
	char name[HEADER_NAME_MAX + 1]; /* as sent; cut if it is longer */
};

struct header {
	int state;		   /* private */
	bool open;		   /* a field has begun: its colon was seen */
	uint64_t pos;		   /* octets of content seen */
	uint64_t malformed;	   /* lines that are no fields */
	struct header_field field; /* the last one that was found */
};

enum header_found {
	HEADER_MORE,  /* all input is used; there may be more */
	HEADER_FIELD, /* a field is complete: h->field */
	HEADER_END    /* the section is over; the body begins at h->pos */
};

void header_init(struct header *h);

/* Looks at the input from *used_r on, moves *used_r, and tells what it found.
 * Call again until HEADER_MORE or HEADER_END; behind that nothing is used. */
enum header_found header_next(
    struct header *h, const char *in, size_t len, size_t *used_r);

/* The content ended: HEADER_FIELD for a field that has no successor, then
 * HEADER_END. */
enum header_found header_finish(struct header *h);

/* Octets of the field that has begun and is not complete; 0 without one. */
uint64_t header_open_len(const struct header *h);

/* Is it a name of at most HEADER_NAME_MAX octets? */
bool header_is_name(const char *name);
bool header_name_is(const struct header_field *f, const char *name);

/* Writes a field's value without its folding and without blanks at both ends,
 * NUL-terminated; what does not fit is left out.  Returns the length that the
 * whole has.  Other control characters than tab become '?'. */
size_t header_unfold(const char *value, size_t len, char *buf, size_t size);

/*
 * Does the value of an Authentication-Results field claim to come from id (RFC
 * 8601 2.2)?  The id stands behind comments and blanks, may be quoted, may be
 * followed by a version, and is compared without case.  True as well if no id
 * can be made out (a comment or quote that does not end, nothing at all): what
 * a lenient reader takes that for is unknown.
 */
bool header_claims_authserv(const char *value, size_t len, const char *id);

#endif

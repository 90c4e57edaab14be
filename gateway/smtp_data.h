#ifndef POSTERN_SMTP_DATA_H
#define POSTERN_SMTP_DATA_H

/*
 * The strict grammar of message data behind DATA (RFC 5321 4.1.1.4, 4.5.2):
 * finds the end of data (CRLF.CRLF and nothing else; .CRLF for an empty
 * message), removes the dots that were stuffed, and finds bare CR, bare LF and
 * NUL.  Pure and incremental: input may be split anywhere, one octet at a time
 * gives the same result as all at once.
 *
 * Runs handed out are slices of the input or of static storage, so nothing is
 * copied here; octets that the end of one input leaves undecided (a CR, a dot)
 * are remembered as a state and come out with the next input.
 *
 * Octets that are bare CR, bare LF or NUL are still handed out (the caller
 * decides to refuse the whole message), but they never make or hide an end of
 * data: "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n\0.\r\n" and the like are
 * content (see SMTP smuggling, CVE-2023-51764 and its relatives).
 */

#include <stdbool.h>
#include <stddef.h>

enum smtp_data_fault { /* a set of bits */
	SMTP_DATA_BARE_CR = 1,
	SMTP_DATA_BARE_LF = 2,
	SMTP_DATA_NUL = 4
};

struct smtp_data {
	int state;	  /* private */
	unsigned faults;  /* bits of enum smtp_data_fault seen so far */
	bool leading_dot; /* some line of the content begins with a dot, so
			   * that a sender has to stuff again; a line begins
			   * behind CRLF, so look again after having repaired
			   * bare LFs */
	bool ended;	  /* the end of data was found */
};

struct smtp_data_step {
	size_t used;	 /* octets of input consumed, may be 0 with a run */
	const char *run; /* content to append; NULL when there is none */
	size_t run_len;
};

void smtp_data_init(struct smtp_data *d);

/* Looks at the input and returns the next run of content, as long as it can
 * be without a copy.  Call again with the rest of the input until all of it is
 * used or d->ended is set; octets behind the end of data are not touched.  A
 * step with used == 0 always has a run, so the loop ends.  Body octets are
 * scanned in blocks, not octet by octet. */
struct smtp_data_step smtp_data_next(
    struct smtp_data *d, const char *in, size_t len);

/*
 * Content that comes without dots, behind BDAT (RFC 3030): looked through for
 * the same faults.  smtp_data_check_end() says whether the content ended in
 * CRLF; a CR at its very end is a bare one.
 */
void smtp_data_check(struct smtp_data *d, const char *in, size_t len);
bool smtp_data_check_end(struct smtp_data *d);

/*
 * Content with these faults made good, for senders that know no better: a bare
 * LF and a bare CR become CRLF (CRs in front of a line end belong to it, up to
 * eight), NUL goes.  It works on content, behind the above, so that it never
 * makes an end of data: a dot alone between bare LFs becomes a line of content.
 */
struct smtp_repair {
	unsigned crs;	  /* private: held back */
	bool at_start;	  /* of a line: all content so far ends in CRLF */
	bool leading_dot; /* some line begins with a dot now */
};

void smtp_repair_init(struct smtp_repair *r);
/* The next piece of good content: a slice of the input or static.  Call again
 * with the rest until all of it is used; a step may have no run, or no used. */
struct smtp_data_step smtp_repair_next(
    struct smtp_repair *r, const char *in, size_t len);
/* What is left behind the last input; call until there is no run. */
struct smtp_data_step smtp_repair_end(struct smtp_repair *r);

/*
 * The other direction: the same content on its way to a server by DATA.  The
 * caller has one run of content at a time; this yields pieces with dots added.
 * Runs may be cut anywhere, between the CR and the LF of a line end too.
 */
struct smtp_stuff {
	int state; /* private */
};

void smtp_stuff_init(struct smtp_stuff *s);

/* Returns the piece to send next: either a static "." with used == 0 or a
 * slice of the input that begins at in and has used octets.  Call again with
 * the rest until all of the input is used. */
struct smtp_data_step smtp_stuff_next(
    struct smtp_stuff *s, const char *in, size_t len);

/* What ends the data now: ".\r\n" at the beginning of a line, "\r\n.\r\n"
 * if the content did not end in CRLF (it came by BDAT). */
const char *smtp_stuff_end(const struct smtp_stuff *s);

#endif

#ifndef POSTERN_MESSAGE_H
#define POSTERN_MESSAGE_H

/*
 * A message's content: stored while it comes in, read as often as filters and
 * backends want it.  Content is kept unstuffed, in memory up to the spool's
 * threshold, above that in an unlinked file.  Headers to add and lines to leave
 * out are edits, which readers follow; the content itself is never changed.
 */

#include <sys/types.h>
#include <sys/uio.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "opt.h"

struct message;
struct spool;

struct spool_conf {
	const char *directory; /* for the unlinked files */
	int64_t memory;	       /* octets of one message kept in memory */
};
extern const struct opt spool_options[];

/* One per process.  Keeps some free blocks, so that messages of ordinary size
 * cost no page faults.  conf is borrowed. */
struct spool *spool_new(const struct spool_conf *conf);
void spool_free(struct spool **sp);
/* Where its blocks are counted (borrowed).  When memory runs short, messages go
 * to files as soon as they outgrow the smallest block. */
struct account;
void spool_set_account(struct spool *sp, struct account *a);

struct message *message_new(struct spool *sp);
void message_free(struct message **mp);

/* In the same spool. */
struct message *message_new_like(const struct message *m);
/* What was edited in another message, whose content is the same as far as it
 * was; that is without edits then. */
void message_take_edits(struct message *m, struct message *from);

/* Appends content.  0, or -1 with errno (a full disk: ENOSPC), after which the
 * message is broken and every further append fails alike. */
int message_append(struct message *m, const void *data, size_t len);
/* Octets of content, without added headers. */
uint64_t message_size(const struct message *m);
/* A line of the content begins with a dot (see smtp_data.h). */
void message_set_leading_dot(struct message *m, bool dot);
bool message_has_leading_dot(const struct message *m);
bool message_in_file(const struct message *m);

/* Adds header text in front of what is there now: one or more complete header
 * fields, each line ending in CRLF, no line beginning with a dot. */
void message_prepend(struct message *m, const char *text, size_t len);

/* The same in front of a line of the content, behind what was added there. */
void message_insert(
    struct message *m, uint64_t offset, const char *text, size_t len);

/* Leaves out whole lines of the content, which were not left out before.  Not
 * while a reader exists.  A leading dot that was noted stays noted. */
void message_remove(struct message *m, uint64_t offset, uint64_t len);

/* Copies content by its position, without regard to edits.  0, or -1 with errno
 * when the file can not be read. */
int message_copy(
    const struct message *m, uint64_t offset, char *buf, size_t len);

/* Octets that a reader will deliver: added headers, and the content without
 * what is left out. */
uint64_t message_wire_size(const struct message *m);

/* Where the header section ends, which has parsed octets with the empty line
 * behind it: in front of that line; 0 if the last field has no line end. */
uint64_t message_header_end(const struct message *m, uint64_t parsed);
/* Octets of content without what is left out. */
uint64_t message_kept_size(const struct message *m);

/* A reader goes through the content and the added headers.  It holds
 * a buffer only when the content is in a file.  Several may exist.  Nothing may
 * be appended while one exists. */
struct message_reader;
struct message_reader *message_reader_new(const struct message *m);
/* The same for the content as it came in: nothing added, nothing left out. */
struct message_reader *message_reader_new_original(const struct message *m);
/* The same for the content without what is left out, and nothing added. */
struct message_reader *message_reader_new_kept(const struct message *m);
void message_reader_free(struct message_reader **rp);
/* The piece at the current position, without moving: 0 with *len_r == 0 at the
 * end, -1 with errno when the file can not be read. */
int message_reader_peek(
    struct message_reader *r, const char **data_r, size_t *len_r);
/* Moves on, by at most what peek or gather returned. */
void message_reader_skip(struct message_reader *r, size_t len);
/* Fills iov with the pieces from the current position on, without moving: at
 * most max of them, and one only when the content is in a file.  Returns how
 * many, 0 at the end, -1 with errno. */
int message_reader_gather(struct message_reader *r, struct iovec *iov, int max);
/* Is the current piece content (which may need dots), or an added header? */
bool message_reader_in_content(const struct message_reader *r);

/* Messages that exist in this process, for tests. */
unsigned message_outstanding(void);

#endif

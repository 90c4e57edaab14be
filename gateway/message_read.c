/*
 * Readers of messages.  In memory a reader points into the message; from a
 * file it reads by position, so that readers do not disturb one another nor an
 * append.  What was removed is never a part of a piece: a piece ends in front
 * of it, and the next one begins behind it.
 */

#include <sys/uio.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"
#include "message.h"
#include "message_impl.h"

struct message_reader {
	const struct message *message; /* borrowed */
	const struct edit *edit;       /* the next one, or NULL */
	size_t edit_at;
	const struct cut *cut;	   /* the next one that is removed */
	const struct block *block; /* the one of the position, or, in the file,
				    * what comes behind the file */
	size_t at;		   /* in block */
	uint64_t pos;		   /* in the content */
	uint64_t size; /* of the message, which must not grow meanwhile */
	char *buf;     /* owned; only with a file */
	uint64_t buf_offset;
	size_t buf_len;
};

static int peek_file(struct message_reader *);
static ssize_t read_file(const struct message *, uint64_t, char *, size_t);
static bool in_edit(const struct message_reader *);
static bool in_file(const struct message_reader *);
static size_t buffered(const struct message_reader *);
static void piece(const struct message_reader *, const char **, size_t *);
static int add_piece(struct iovec *, int, const char *, size_t);
static void skip_piece(struct message_reader *, size_t);
static void move(struct message_reader *, uint64_t);
static void pass_cuts(struct message_reader *);

struct message_reader *
message_reader_new_original(const struct message *m)
{
	struct message_reader *r = xcalloc(1, sizeof(*r));

	assert(m->broken == 0);
	r->message = m;
	r->size = m->size;
	r->block = STAILQ_FIRST(&m->blocks);
	if (m->file_size > 0)
		r->buf = xmalloc(MESSAGE_BLOCK);
	return r;
}

struct message_reader *
message_reader_new(const struct message *m)
{
	struct message_reader *r = message_reader_new_original(m);

	r->edit = STAILQ_FIRST(&m->edits);
	r->cut = STAILQ_FIRST(&m->cuts);
	pass_cuts(r);
	return r;
}

struct message_reader *
message_reader_new_kept(const struct message *m)
{
	struct message_reader *r = message_reader_new(m);

	r->edit = NULL;
	pass_cuts(r);
	return r;
}

void
message_reader_free(struct message_reader **rp)
{
	if (*rp == NULL)
		return;
	free((*rp)->buf);
	free(*rp);
	*rp = NULL;
}

int
message_reader_peek(
    struct message_reader *r, const char **data_r, size_t *len_r)
{
	assert(r->size == r->message->size);
	if (!in_edit(r) && in_file(r) && buffered(r) == 0 && peek_file(r) == -1)
		return -1;
	piece(r, data_r, len_r);
	return 0;
}

static int
peek_file(struct message_reader *r)
{
	ssize_t got = read_file(r->message, r->pos, r->buf, MESSAGE_BLOCK);

	if (got == -1)
		return -1;
	r->buf_offset = r->pos;
	r->buf_len = (size_t)got;
	return 0;
}

static bool
in_edit(const struct message_reader *r)
{
	return r->edit != NULL && r->edit->offset == r->pos;
}

static bool
in_file(const struct message_reader *r)
{
	return r->pos < r->message->file_size;
}

static size_t
buffered(const struct message_reader *r)
{
	uint64_t end = r->buf_offset + r->buf_len;

	return r->pos < end ? (size_t)(end - r->pos) : 0;
}

/* What can be read at once at the position; NULL and 0 at the end. */
static void
piece(const struct message_reader *r, const char **data_r, size_t *len_r)
{
	*data_r = NULL;
	*len_r = 0;
	if (in_edit(r)) {
		*data_r = r->edit->text + r->edit_at;
		*len_r = r->edit->len - r->edit_at;
		return;
	}
	if (in_file(r)) {
		*data_r = r->buf + (r->pos - r->buf_offset);
		*len_r = buffered(r);
	} else if (r->block != NULL) {
		*data_r = r->block->data + r->at;
		*len_r = r->block->used - r->at;
	}
	if (r->cut != NULL && *len_r > r->cut->from - r->pos)
		*len_r = (size_t)(r->cut->from - r->pos);
	if (r->edit != NULL && *len_r > r->edit->offset - r->pos)
		*len_r = (size_t)(r->edit->offset - r->pos);
}

int
message_reader_gather(struct message_reader *r, struct iovec *iov, int max)
{
	struct message_reader ahead;
	const char *data;
	size_t len;
	int n = 0;

	if (r->message->file_size > 0) {
		if (message_reader_peek(r, &data, &len) == -1)
			return -1;
		return max > 0 ? add_piece(iov, 0, data, len) : 0;
	}
	assert(r->size == r->message->size);
	for (ahead = *r; n < max; skip_piece(&ahead, len)) {
		piece(&ahead, &data, &len);
		if (len == 0)
			break;
		n = add_piece(iov, n, data, len);
	}
	return n;
}

/* iovec has no const. */
static int
add_piece(struct iovec *iov, int n, const char *data, size_t len)
{
	if (len == 0)
		return n;
	iov[n].iov_base = (void *)(uintptr_t)data;
	iov[n].iov_len = len;
	return n + 1;
}

void
message_reader_skip(struct message_reader *r, size_t len)
{
	const char *data;
	size_t n;

	while (len > 0) {
		piece(r, &data, &n);
		assert(n > 0);
		if (n > len)
			n = len;
		skip_piece(r, n);
		len -= n;
	}
}

/* Moves on, inside of a piece or to its end. */
static void
skip_piece(struct message_reader *r, size_t n)
{
	if (!in_edit(r)) {
		move(r, n);
		pass_cuts(r);
		return;
	}
	r->edit_at += n;
	if (r->edit_at == r->edit->len) {
		r->edit = STAILQ_NEXT(r->edit, entry);
		r->edit_at = 0;
		pass_cuts(r);
	}
}

/* Moves the position in the content, over any borders of blocks. */
static void
move(struct message_reader *r, uint64_t len)
{
	uint64_t n;

	while (len > 0) {
		if (in_file(r)) {
			n = r->message->file_size - r->pos;
			n = len < n ? len : n;
		} else {
			n = r->block->used - r->at;
			n = len < n ? len : n;
			r->at += n;
		}
		r->pos += n;
		len -= n;
		if (r->block != NULL && r->at == r->block->used &&
		    STAILQ_NEXT(r->block, entry) != NULL) {
			r->block = STAILQ_NEXT(r->block, entry);
			r->at = 0;
		}
	}
}

/* The position is never at the beginning of something removed, unless something
 * was added there. */
static void
pass_cuts(struct message_reader *r)
{
	while (r->cut != NULL && r->pos == r->cut->from && !in_edit(r)) {
		move(r, r->cut->len);
		r->cut = STAILQ_NEXT(r->cut, entry);
	}
}

bool
message_reader_in_content(const struct message_reader *r)
{
	return !in_edit(r);
}

/* Content by its position, as it came in. */

/* At most len octets, at least one; -1 with errno. */
static ssize_t
read_file(const struct message *m, uint64_t offset, char *buf, size_t len)
{
	uint64_t left = m->file_size - offset;
	ssize_t got;

	if (len > left)
		len = (size_t)left;
	do
		got = pread(m->fd, buf, len, (off_t)offset);
	while (got == -1 && errno == EINTR);
	if (got == 0)
		errno = EIO;
	return got > 0 ? got : -1;
}

int
message_copy(const struct message *m, uint64_t offset, char *buf, size_t len)
{
	const struct block *b;
	uint64_t at = m->file_size;
	ssize_t got;
	size_t n;

	assert(m->broken == 0 && offset <= m->size && len <= m->size - offset);
	while (len > 0 && offset < m->file_size) {
		got = read_file(m, offset, buf, len);
		if (got == -1)
			return -1;
		buf += got;
		offset += (uint64_t)got;
		len -= (size_t)got;
	}
	STAILQ_FOREACH (b, &m->blocks, entry) {
		if (len > 0 && offset < at + b->used) {
			n = (size_t)(at + b->used - offset);
			n = len < n ? len : n;
			memcpy(buf, b->data + (offset - at), n);
			buf += n;
			offset += n;
			len -= n;
		}
		at += b->used;
	}
	assert(len == 0);
	return 0;
}

/*
 * Readers of messages.  In memory a reader points into the message; from a
 * file it reads by position, so that readers do not disturb one another nor an
 * append.
 */

#include <sys/uio.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "mem.h"
#include "message.h"
#include "message_impl.h"

struct message_reader {
	const struct message *message; /* borrowed */
	const struct edit *edit;       /* NULL: in the content */
	const struct block *block;     /* the one of the position */
	uint64_t size;	 /* of the message, which must not grow meanwhile */
	size_t at;	 /* in edit or block */
	uint64_t offset; /* in the file */
	char *buf;	 /* owned; only with a file */
	uint64_t buf_offset;
	size_t buf_len;
};

static int peek_file(struct message_reader *, const char **, size_t *);
static size_t buffered(const struct message_reader *);
static int add_piece(struct iovec *, int, const char *, size_t);
static void step(struct message_reader *, size_t, bool);

struct message_reader *
message_reader_new(const struct message *m)
{
	struct message_reader *r = xcalloc(1, sizeof(*r));

	assert(m->broken == 0);
	r->message = m;
	r->size = m->size;
	r->edit = STAILQ_FIRST(&m->edits);
	r->block = STAILQ_FIRST(&m->blocks);
	if (m->file_size > 0)
		r->buf = xmalloc(MESSAGE_BLOCK);
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
	*data_r = NULL;
	*len_r = 0;
	if (r->edit != NULL) {
		*data_r = r->edit->text + r->at;
		*len_r = r->edit->len - r->at;
		return 0;
	}
	if (r->offset < r->message->file_size)
		return peek_file(r, data_r, len_r);
	if (r->block != NULL) {
		*data_r = r->block->data + r->at;
		*len_r = r->block->used - r->at;
	}
	return 0;
}

static int
peek_file(struct message_reader *r, const char **data_r, size_t *len_r)
{
	uint64_t left = r->message->file_size - r->offset;
	size_t n = left < MESSAGE_BLOCK ? (size_t)left : MESSAGE_BLOCK;
	ssize_t got;

	if (buffered(r) == 0) {
		do
			got =
			    pread(r->message->fd, r->buf, n, (off_t)r->offset);
		while (got == -1 && errno == EINTR);
		if (got <= 0) {
			errno = got == 0 ? EIO : errno;
			return -1;
		}
		r->buf_offset = r->offset;
		r->buf_len = (size_t)got;
	}
	*data_r = r->buf + (r->offset - r->buf_offset);
	*len_r = buffered(r);
	return 0;
}

static size_t
buffered(const struct message_reader *r)
{
	return (size_t)(r->buf_offset + r->buf_len - r->offset);
}

int
message_reader_gather(struct message_reader *r, struct iovec *iov, int max)
{
	const struct edit *e = r->edit;
	const struct block *b = r->block;
	const char *data;
	size_t len, at = r->at;
	int n = 0;

	if (r->message->file_size > 0) {
		if (message_reader_peek(r, &data, &len) == -1)
			return -1;
		return max > 0 ? add_piece(iov, 0, data, len) : 0;
	}
	assert(r->size == r->message->size);
	for (; e != NULL && n < max; e = STAILQ_NEXT(e, entry), at = 0)
		n = add_piece(iov, n, e->text + at, e->len - at);
	for (; b != NULL && n < max; b = STAILQ_NEXT(b, entry), at = 0)
		n = add_piece(iov, n, b->data + at, b->used - at);
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
	size_t left, n;

	while (len > 0) {
		if (r->edit != NULL)
			left = r->edit->len - r->at;
		else if (r->offset < r->message->file_size)
			left = buffered(r);
		else
			left = r->block != NULL ? r->block->used - r->at : 0;
		assert(left > 0);
		n = len < left ? len : left;
		len -= n;
		step(r, n, n == left);
	}
}

static void
step(struct message_reader *r, size_t n, bool to_end)
{
	if (r->edit == NULL && r->offset < r->message->file_size) {
		r->offset += n;
		return;
	}
	r->at += n;
	if (!to_end)
		return;
	if (r->edit != NULL) {
		r->edit = STAILQ_NEXT(r->edit, entry);
		r->at = 0;
	} else if (STAILQ_NEXT(r->block, entry) != NULL) {
		r->block = STAILQ_NEXT(r->block, entry);
		r->at = 0;
	}
}

bool
message_reader_in_content(const struct message_reader *r)
{
	return r->edit == NULL;
}

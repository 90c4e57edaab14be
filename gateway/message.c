/*
 * Messages: blocks of memory first, then an unlinked file.
 *
 * A message in memory is a list of blocks.  The first is small, since most
 * mail is.  When the content outgrows the spool's threshold the blocks are
 * written to a file, and from then on one block gathers what is appended in
 * small pieces; the octets in it come behind those of the file.
 *
 * message_edits.c has what is added and left out, message_read.c reads; struct
 * message is in message_impl.h for all.
 */

#include "message.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account.h"
#include "mem.h"
#include "message_impl.h"
#include "net.h"

#define SMALL_BLOCK (8 * 1024)
#define FREE_BLOCKS_MAX 64 /* of each size */

struct spool {
	const struct spool_conf *conf; /* borrowed */
	struct block_list free_small;
	struct block_list free_large;
	unsigned small_count;
	unsigned large_count;
	unsigned messages;
	struct account *account; /* borrowed; NULL: nobody counts */
};

const struct opt spool_options[] = {
	{
	    .name = "directory",
	    .type = OPT_PATH,
	    .offset = offsetof(struct spool_conf, directory),
	    .def = "/tmp",
	    .help = "where large messages wait, in unlinked files",
	},
	{
	    .name = "memory",
	    .type = OPT_SIZE,
	    .offset = offsetof(struct spool_conf, memory),
	    .def = "1M",
	    .min = 4096,
	    .max = INT64_C(1) << 30,
	    .help = "octets of one message that are kept in memory",
	},
	{ .name = NULL },
};

static unsigned outstanding;

static int append(struct message *, const char *, size_t);
static void store(struct message *, const char *, size_t);
static int spill(struct message *);
static int open_file(const char *);
static int gather(struct message *, const char *, size_t);
static int write_file(struct message *, const char *, size_t);
static struct block *add_block(struct message *, size_t);
static struct block *take_block(struct spool *, size_t);
static void give_block(struct spool *, struct block *);
static void give_blocks(struct message *);
static void drop_block(struct spool *, struct block *);
static void free_list(struct spool *, struct block_list *);

struct spool *
spool_new(const struct spool_conf *conf)
{
	struct spool *sp = xcalloc(1, sizeof(*sp));

	sp->conf = conf;
	STAILQ_INIT(&sp->free_small);
	STAILQ_INIT(&sp->free_large);
	return sp;
}

void
spool_free(struct spool **spp)
{
	struct spool *sp = *spp;

	if (sp == NULL)
		return;
	assert(sp->messages == 0);
	free_list(sp, &sp->free_small);
	free_list(sp, &sp->free_large);
	free(sp);
	*spp = NULL;
}

void
spool_set_account(struct spool *sp, struct account *a)
{
	sp->account = a;
}

static bool
is_short(const struct spool *sp)
{
	return account_level(sp->account) >= ACCOUNT_SPILL;
}

struct message *
message_new(struct spool *sp)
{
	struct message *m = xcalloc(1, sizeof(*m));

	m->spool = sp;
	m->fd = -1;
	STAILQ_INIT(&m->blocks);
	STAILQ_INIT(&m->edits);
	STAILQ_INIT(&m->cuts);
	sp->messages++;
	outstanding++;
	return m;
}

struct message *
message_new_like(const struct message *m)
{
	return message_new(m->spool);
}

void
message_free(struct message **mp)
{
	struct message *m = *mp;
	struct edit *e, *next;
	struct cut *c, *next_cut;

	if (m == NULL)
		return;
	*mp = NULL;
	STAILQ_FOREACH_SAFE (e, &m->edits, entry, next)
		free(e);
	STAILQ_FOREACH_SAFE (c, &m->cuts, entry, next_cut)
		free(c);
	give_blocks(m);
	if (m->fd != -1)
		close(m->fd);
	m->spool->messages--;
	outstanding--;
	free(m);
}

int
message_append(struct message *m, const void *data, size_t len)
{
	if (len > 0 && m->broken == 0 && append(m, data, len) == -1) {
		m->broken = errno;
		give_blocks(m);
	}
	if (m->broken != 0) {
		errno = m->broken;
		return -1;
	}
	m->size += len;
	return 0;
}

static int
append(struct message *m, const char *data, size_t len)
{
	uint64_t memory = (uint64_t)m->spool->conf->memory;
	bool may_stay = m->size + len <= memory;

	/* If there is no file to be had, what may stay in memory stays. */
	if (m->fd == -1 &&
	    (!may_stay ||
		(m->size + len > SMALL_BLOCK && is_short(m->spool))) &&
	    spill(m) == -1 && (!may_stay || m->fd != -1))
		return -1;
	if (m->fd != -1)
		return gather(m, data, len);
	store(m, data, len);
	return 0;
}

/* In memory. */
static void
store(struct message *m, const char *data, size_t len)
{
	struct block *b;
	size_t n;

	while (len > 0) {
		b = m->last;
		if (b == NULL || b->used == b->size)
			b = add_block(
			    m, b == NULL ? SMALL_BLOCK : MESSAGE_BLOCK);
		n = b->size - b->used;
		if (n > len)
			n = len;
		memcpy(b->data + b->used, data, n);
		b->used += n;
		data += n;
		len -= n;
	}
}

/* From memory to a file. */
static int
spill(struct message *m)
{
	struct block *b;

	m->fd = open_file(m->spool->conf->directory);
	if (m->fd == -1)
		return -1;
	STAILQ_FOREACH (b, &m->blocks, entry)
		if (write_file(m, b->data, b->used) == -1)
			return -1;
	give_blocks(m);
	add_block(m, is_short(m->spool) ? SMALL_BLOCK : MESSAGE_BLOCK);
	return 0;
}

/* Nobody sees it, and it is gone when the process is. */
static int
open_file(const char *directory)
{
	char path[PATH_MAX];
	int fd, n;

	n = snprintf(path, sizeof(path), "%s/postern.XXXXXXXXXX", directory);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkstemp(path);
	if (fd == -1)
		return -1;
	(void)net_cloexec(fd);
	(void)unlink(path);
	return fd;
}

/* Behind the file: small pieces are collected, large ones are not copied. */
static int
gather(struct message *m, const char *data, size_t len)
{
	struct block *b = m->last;

	if (len > b->size - b->used && b->used > 0) {
		if (write_file(m, b->data, b->used) == -1)
			return -1;
		b->used = 0;
	}
	if (len >= b->size)
		return write_file(m, data, len);
	memcpy(b->data + b->used, data, len);
	b->used += len;
	return 0;
}

static int
write_file(struct message *m, const char *data, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(m->fd, data, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		data += n;
		len -= (size_t)n;
		m->file_size += (uint64_t)n;
	}
	return 0;
}

uint64_t
message_size(const struct message *m)
{
	return m->size;
}

void
message_set_leading_dot(struct message *m, bool dot)
{
	m->leading_dot = dot;
}

bool
message_has_leading_dot(const struct message *m)
{
	return m->leading_dot;
}

bool
message_in_file(const struct message *m)
{
	return m->fd != -1;
}

unsigned
message_outstanding(void)
{
	return outstanding;
}

static struct block *
add_block(struct message *m, size_t size)
{
	m->last = take_block(m->spool, size);
	STAILQ_INSERT_TAIL(&m->blocks, m->last, entry);
	return m->last;
}

static struct block *
take_block(struct spool *sp, size_t size)
{
	bool small = size == SMALL_BLOCK;
	struct block_list *list = small ? &sp->free_small : &sp->free_large;
	struct block *b = STAILQ_FIRST(list);

	if (b != NULL) {
		STAILQ_REMOVE_HEAD(list, entry);
		*(small ? &sp->small_count : &sp->large_count) -= 1;
	} else {
		b = xmalloc(sizeof(*b) + size);
		account_add(sp->account, (int64_t)(sizeof(*b) + size));
	}
	b->size = size;
	b->used = 0;
	return b;
}

static void
give_block(struct spool *sp, struct block *b)
{
	bool small = b->size == SMALL_BLOCK;
	unsigned *count = small ? &sp->small_count : &sp->large_count;

	if (*count == FREE_BLOCKS_MAX || is_short(sp)) {
		drop_block(sp, b);
		return;
	}
	STAILQ_INSERT_HEAD(small ? &sp->free_small : &sp->free_large, b, entry);
	*count += 1;
}

static void
give_blocks(struct message *m)
{
	struct block *b, *next;

	STAILQ_FOREACH_SAFE (b, &m->blocks, entry, next)
		give_block(m->spool, b);
	STAILQ_INIT(&m->blocks);
	m->last = NULL;
}

static void
drop_block(struct spool *sp, struct block *b)
{
	account_add(sp->account, -(int64_t)(sizeof(*b) + b->size));
	free(b);
}

static void
free_list(struct spool *sp, struct block_list *list)
{
	struct block *b, *next;

	STAILQ_FOREACH_SAFE (b, list, entry, next)
		drop_block(sp, b);
	STAILQ_INIT(list);
}

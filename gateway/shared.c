/*
 * Shared memory by name: see shared.h.
 */

#include "shared.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "mem.h"

static struct {
	struct shared_piece **pieces; /* owned; so that they stay in place */
	size_t count;
	size_t room;
} all;

static struct shared_piece *
add(const char *name, size_t size)
{
	struct shared_piece *s = xcalloc(1, sizeof(*s));

	if (all.count == all.room) {
		all.room = all.room > 0 ? 2 * all.room : 16;
		all.pieces = xrealloc(
		    all.pieces, all.room * sizeof(struct shared_piece *));
	}
	all.pieces[all.count++] = s;
	(void)compat_strlcpy(s->name, name, sizeof(s->name));
	s->size = size;
	s->fd = -1;
	return s;
}

static void
drop(size_t i)
{
	struct shared_piece *s = all.pieces[i];

	if (s->p != NULL)
		(void)munmap(s->p, s->size);
	if (s->fd != -1)
		close(s->fd);
	free(s);
	memmove(&all.pieces[i], &all.pieces[i + 1],
	    (--all.count - i) * sizeof(struct shared_piece *));
	if (all.count > 0)
		return;
	free(all.pieces);
	all.pieces = NULL;
	all.room = 0;
}

static void *
map(size_t size, int fd)
{
	int flags = fd == -1 ? MAP_ANON | MAP_SHARED : MAP_SHARED;
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Beyond the end of the object there would be no memory, but a signal. */
static bool
is_whole(const struct shared_piece *s)
{
	struct stat st;

	return fstat(s->fd, &st) == 0 && st.st_size >= 0 &&
	    (size_t)st.st_size >= s->size;
}

static void *
take_offer(const char *name, size_t size)
{
	struct shared_piece *s;
	size_t i;

	for (i = 0; i < all.count; i++) {
		s = all.pieces[i];
		if (s->p != NULL || s->size != size ||
		    strcmp(s->name, name) != 0 || !is_whole(s))
			continue;
		s->p = map(size, s->fd);
		return s->p;
	}
	return NULL;
}

/* Without a descriptor it is memory all the same, for this program. */
void *
shared_new(
    const char *name, size_t size, enum shared_kind kind, bool *carried_r)
{
	struct shared_piece *s;
	void *p = take_offer(name, size);

	if (carried_r != NULL)
		*carried_r = p != NULL;
	if (p != NULL)
		return p;
	s = add(name, size);
	s->fd = compat_memory_fd(size, kind == SHARED_SECRET);
	s->p = map(size, s->fd);
	if (s->p == NULL) {
		int error = errno;

		drop(all.count - 1);
		errno = error;
		return NULL;
	}
	return s->p;
}

void
shared_free(void *p)
{
	size_t i;

	for (i = 0; p != NULL && i < all.count; i++)
		if (all.pieces[i]->p == p) {
			drop(i);
			return;
		}
}

const struct shared_piece *
shared_piece(size_t i)
{
	return i < all.count ? all.pieces[i] : NULL;
}

void
shared_offer(const char *name, size_t size, int fd)
{
	add(name, size)->fd = fd;
}

void
shared_decline(void)
{
	size_t i;

	for (i = all.count; i-- > 0;)
		if (all.pieces[i]->p == NULL)
			drop(i);
}

void
shared_forget(void)
{
	size_t i;

	for (i = 0; i < all.count; i++) {
		if (all.pieces[i]->fd != -1)
			close(all.pieces[i]->fd);
		all.pieces[i]->fd = -1;
	}
}

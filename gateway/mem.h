#ifndef POSTERN_MEM_H
#define POSTERN_MEM_H

/*
 * Memory.  Out of memory is logged and aborts the process (the master starts
 * the worker again), so nothing here returns NULL; in return every buffer that
 * input can make grow has a cap where it is created.
 *
 * There are three lifetimes: the process (configuration), the session and the
 * transaction.  The last two are arenas: what is taken from an arena is never
 * freed one by one.
 */

#include <stddef.h>

void *xmalloc(size_t size) __attribute__((malloc));
void *xcalloc(size_t count, size_t size) __attribute__((malloc));
void *xrealloc(void *ptr, size_t size);
char *xstrdup(const char *s) __attribute__((malloc));

struct arena_block;

/* Embed it; all members are private. */
struct arena {
	struct arena_block *blocks; /* owned; the newest first */
	size_t block_size;	    /* of an ordinary block */
	size_t held;		    /* octets of all blocks */
};

/* Nothing is allocated before the first use. */
void arena_init(struct arena *a, size_t block_size);
/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *a, size_t size);
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Frees all that was taken; keeps one block for the next user. */
void arena_reset(struct arena *a);
void arena_free(struct arena *a);
/* Octets that it holds. */
size_t arena_held(const struct arena *a);

#endif

#ifndef POSTERN_COMPAT_H
#define POSTERN_COMPAT_H

/*
 * What one of the systems lacks.  Include it instead of testing for a system
 * elsewhere.
 *
 * With COMPAT_FORCE nothing is taken that some system lacks, here and in the
 * few other places with such a choice: `make compat` tests that what stands in
 * for it does as well.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef COMPAT_FORCE
#undef STAILQ_FOREACH_SAFE
#undef TAILQ_FOREACH_SAFE
#undef LIST_FOREACH_SAFE
#endif
#ifndef STAILQ_FOREACH_SAFE
#define STAILQ_FOREACH_SAFE(var, head, field, tvar) \
	for ((var) = STAILQ_FIRST((head));          \
	     (var) && ((tvar) = STAILQ_NEXT((var), field), 1); (var) = (tvar))
#endif
#ifndef TAILQ_FOREACH_SAFE
#define TAILQ_FOREACH_SAFE(var, head, field, tvar) \
	for ((var) = TAILQ_FIRST((head));          \
	     (var) && ((tvar) = TAILQ_NEXT((var), field), 1); (var) = (tvar))
#endif
#ifndef LIST_FOREACH_SAFE
#define LIST_FOREACH_SAFE(var, head, field, tvar) \
	for ((var) = LIST_FIRST((head));          \
	     (var) && ((tvar) = LIST_NEXT((var), field), 1); (var) = (tvar))
#endif

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

/* The object that holds a member. */
#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Copies with a NUL, cutting; returns the length of src (as strlcpy). */
size_t compat_strlcpy(char *dst, const char *src, size_t size);
/* bind() with port 0 leaves the choice of the port to connect(), where the
 * system can do that. */
void compat_bind_late(int fd);
/* Overwrites a secret; no compiler leaves it out.  NULL is nothing. */
void compat_wipe(void *buf, size_t len);
/* Random bytes from the system. */
void compat_random(void *buf, size_t len);
/* A close-on-exec descriptor of size zero octets of memory that has no name;
 * -1: there is no such thing here.  On some systems it is a file in /tmp, which
 * is no place for secrets: then -1, too, if it is to hold some. */
int compat_memory_fd(size_t size, bool secret);

#endif

/*
 * Marks in shared memory: see marks.h.
 */

#include "marks.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "mem.h"
#include "shared.h"

#define LAYOUT "marks 1" /* see shared.h */

struct shared {
	_Atomic int level; /* + 1; 0: the configured one */
	_Atomic bool stopping;
	/* Digests of names, for a text could be seen half written; 0: free. */
	_Atomic uint64_t paused[MARKS_PAUSED_MAX];
};

struct marks {
	struct shared *shared;
};

struct marks *
marks_new(void)
{
	struct marks *m;
	void *p = shared_new(LAYOUT, sizeof(struct shared), SHARED_PLAIN, NULL);

	if (p == NULL)
		return NULL;
	m = xcalloc(1, sizeof(*m));
	m->shared = p;
	return m;
}

void
marks_free(struct marks **mp)
{
	if (*mp == NULL)
		return;
	shared_free((*mp)->shared);
	free(*mp);
	*mp = NULL;
}

void
marks_set_level(struct marks *m, int level)
{
	atomic_store(&m->shared->level, level < 0 ? 0 : level + 1);
}

int
marks_level(const struct marks *m)
{
	return atomic_load(&m->shared->level) - 1;
}

const _Atomic int *
marks_log(const struct marks *m)
{
	return &m->shared->level;
}

/* FNV-1a, 64 bits; never 0. */
static uint64_t
digest(const char *name)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3u;
	return h != 0 ? h : 1;
}

bool
marks_pause(struct marks *m, const char *listener)
{
	uint64_t none;
	size_t i;

	if (marks_paused(m, listener))
		return true;
	for (i = 0; i < MARKS_PAUSED_MAX; i++) {
		none = 0;
		if (atomic_compare_exchange_strong(
			&m->shared->paused[i], &none, digest(listener)))
			return true;
	}
	return false;
}

void
marks_resume(struct marks *m, const char *listener)
{
	uint64_t it;
	size_t i;

	for (i = 0; i < MARKS_PAUSED_MAX; i++) {
		it = digest(listener);
		(void)atomic_compare_exchange_strong(
		    &m->shared->paused[i], &it, 0);
	}
}

bool
marks_paused(const struct marks *m, const char *listener)
{
	uint64_t it = digest(listener);
	size_t i;

	for (i = 0; i < MARKS_PAUSED_MAX; i++)
		if (atomic_load(&m->shared->paused[i]) == it)
			return true;
	return false;
}

void
marks_stop(struct marks *m)
{
	atomic_store(&m->shared->stopping, true);
}

bool
marks_stopping(const struct marks *m)
{
	return atomic_load(&m->shared->stopping);
}

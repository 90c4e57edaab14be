/*
 * Messages on their way: see inflight.h.
 *
 * A slot is entered before it is counted under its hint.  So of two workers
 * that enter the same key at once, the one that counts second finds the other's
 * slot.
 */

#include "inflight.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "mem.h"
#include "shared.h"

#define LAYOUT "inflight 1" /* see shared.h */

#define SLOTS 4096   /* of one worker, a power of two */
#define PROBES 64    /* slots looked at for a free one */
#define HINTS 65536u /* a power of two */

struct slot {
	_Atomic uint64_t key[2];
	_Atomic uint32_t state;
};

struct ring {
	uint32_t next; /* the worker's alone */
	struct slot slots[SLOTS];
};

struct shared {
	unsigned char salt[SIPHASH_SIZE];
	_Atomic uint32_t hints[HINTS]; /* entries with this hint */
	struct ring rings[];
};

struct inflight {
	struct shared *shared;
	unsigned columns;
};

struct inflight *
inflight_new(unsigned columns)
{
	struct inflight *f;
	size_t size = sizeof(struct shared) + columns * sizeof(struct ring);
	bool carried;
	void *p = shared_new(LAYOUT, size, SHARED_PLAIN, &carried);

	if (p == NULL)
		return NULL;
	f = xcalloc(1, sizeof(*f));
	f->shared = p;
	f->columns = columns;
	if (!carried)
		compat_random(f->shared->salt, sizeof(f->shared->salt));
	return f;
}

void
inflight_free(struct inflight **ip)
{
	if (*ip == NULL)
		return;
	shared_free((*ip)->shared);
	free(*ip);
	*ip = NULL;
}

const unsigned char *
inflight_salt(const struct inflight *f)
{
	return f->shared->salt;
}

static _Atomic uint32_t *
hint_of(struct inflight *f, const uint64_t key[2])
{
	return &f->shared->hints[key[0] & (HINTS - 1)];
}

/* Has any other slot this key?  A slot that changes meanwhile belongs to a
 * message that came later, or is gone. */
static bool
is_elsewhere(struct inflight *f, const struct slot *own, const uint64_t key[2])
{
	struct slot *s;
	unsigned column;
	int i;

	for (column = 0; column < f->columns; column++)
		for (i = 0; i < SLOTS; i++) {
			s = &f->shared->rings[column].slots[i];
			if (s != own &&
			    atomic_load(&s->state) != INFLIGHT_FREE &&
			    atomic_load(&s->key[0]) == key[0] &&
			    atomic_load(&s->key[1]) == key[1])
				return true;
		}
	return false;
}

static struct slot *
free_slot(struct ring *r, int *number_r)
{
	uint32_t n;
	int i;

	for (i = 0; i < PROBES; i++) {
		n = r->next++ & (SLOTS - 1);
		if (atomic_load_explicit(&r->slots[n].state,
			memory_order_relaxed) == INFLIGHT_FREE) {
			*number_r = (int)n;
			return &r->slots[n];
		}
	}
	return NULL;
}

int
inflight_enter(struct inflight *f, unsigned column,
    const unsigned char key[SIPHASH_SIZE], bool *busy_r)
{
	struct slot *s;
	uint64_t k[2];
	int number;

	*busy_r = false;
	if (column >= f->columns)
		return -1;
	s = free_slot(&f->shared->rings[column], &number);
	if (s == NULL)
		return -1;
	memcpy(k, key, sizeof(k));
	atomic_store_explicit(&s->key[0], k[0], memory_order_relaxed);
	atomic_store_explicit(&s->key[1], k[1], memory_order_relaxed);
	atomic_store(&s->state, INFLIGHT_BEGUN);
	if (atomic_fetch_add(hint_of(f, k), 1) > 0)
		*busy_r = is_elsewhere(f, s, k);
	return number;
}

void
inflight_set(
    struct inflight *f, unsigned column, int slot, enum inflight_state state)
{
	if (slot >= 0)
		atomic_store_explicit(
		    &f->shared->rings[column].slots[slot].state,
		    (uint32_t)state, memory_order_release);
}

static void
clear(struct inflight *f, struct slot *s, const uint64_t key[2])
{
	atomic_store_explicit(&s->state, INFLIGHT_FREE, memory_order_release);
	atomic_fetch_sub(hint_of(f, key), 1);
}

void
inflight_leave(struct inflight *f, unsigned column, int slot)
{
	struct slot *s;
	uint64_t key[2];

	if (slot < 0)
		return;
	s = &f->shared->rings[column].slots[slot];
	key[0] = atomic_load_explicit(&s->key[0], memory_order_relaxed);
	key[1] = atomic_load_explicit(&s->key[1], memory_order_relaxed);
	clear(f, s, key);
}

unsigned
inflight_count(const struct inflight *f)
{
	unsigned column, n = 0;
	int i;

	for (column = 0; column < f->columns; column++)
		for (i = 0; i < SLOTS; i++)
			n += atomic_load(
				 &f->shared->rings[column].slots[i].state) !=
			    INFLIGHT_FREE;
	return n;
}

/* A worker that died between its slot and its count leaves a count of one too
 * few, which is set right here: never below 0. */
static void
clear_dead(struct inflight *f, struct slot *s, const uint64_t key[2])
{
	_Atomic uint32_t *hint = hint_of(f, key);
	uint32_t n = atomic_load(hint);

	atomic_store(&s->state, INFLIGHT_FREE);
	while (n > 0 && !atomic_compare_exchange_weak(hint, &n, n - 1))
		continue;
}

void
inflight_harvest(struct inflight *f, unsigned column,
    void (*found)(void *ctx, const unsigned char key[SIPHASH_SIZE],
	enum inflight_state state),
    void *ctx)
{
	unsigned char octets[SIPHASH_SIZE];
	uint64_t key[2];
	uint32_t state;
	struct slot *s;
	int i;

	if (column >= f->columns)
		return;
	for (i = 0; i < SLOTS; i++) {
		s = &f->shared->rings[column].slots[i];
		state = atomic_load(&s->state);
		if (state == INFLIGHT_FREE)
			continue;
		key[0] = atomic_load(&s->key[0]);
		key[1] = atomic_load(&s->key[1]);
		memcpy(octets, key, sizeof(octets));
		if (state != INFLIGHT_BEGUN)
			found(ctx, octets, (enum inflight_state)state);
		clear_dead(f, s, key);
	}
}

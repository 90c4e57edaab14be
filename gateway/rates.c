/*
 * Counters per client network in shared memory: see rates.h.
 *
 * The order that keeps a slot's counts right: who enters first counts itself in
 * the slot and then looks whether the slot still has its key; who takes a slot
 * over first changes the key and then looks whether the slot is still empty.
 * All in one order that every process sees, so one of two notices the other.
 */

#include "rates.h"

#include <sys/socket.h>

#include <netinet/in.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "mem.h"
#include "net.h"
#include "shared.h"

#define LAYOUT "rates 1" /* see shared.h */
#define WAYS 8		 /* slots that a key may have; they lie side by side */
#define TRIES 4		 /* against processes that take slots over */
#define COUNT_BITS 20
#define COUNT_MAX ((UINT64_C(1) << COUNT_BITS) - 1)
#define INDEX_MASK ((UINT64_C(1) << (64 - 2 * COUNT_BITS)) - 1)

struct slot {
	_Atomic uint64_t key; /* 0: free */
	/* Of each kind: number of the window, count of the one before, count.
	 */
	_Atomic uint64_t windows[RATES_KINDS];
	_Atomic int64_t used; /* ms, the last time */
};

struct head {
	uint64_t seed;	    /* nobody outside shall know who meets whom */
	uint64_t unused[7]; /* up to a cache line */
};

/* Every process has its own copy of this; fork() keeps the addresses. */
struct rates {
	struct head *head;	 /* shared, in front of the slots */
	struct slot *slots;	 /* shared */
	_Atomic uint32_t *cells; /* shared; columns side by side per slot */
	unsigned count;
	unsigned columns;
	uint64_t seed; /* of the head */
};

static uint64_t mix(uint64_t);
static int find(const struct rates *, uint64_t);
static int claim(struct rates *, uint64_t);
static int oldest(const struct rates *, uint64_t);
static _Atomic uint32_t *cell(const struct rates *, unsigned, int);

struct rates *
rates_new(unsigned slots, unsigned columns)
{
	struct rates *r;
	unsigned count = WAYS;
	bool carried;
	size_t size;
	void *p;

	while (count < slots)
		count *= 2;
	size = sizeof(struct head) +
	    count * (sizeof(struct slot) + columns * sizeof(_Atomic uint32_t));
	p = shared_new(LAYOUT, size, SHARED_PLAIN, &carried);
	if (p == NULL)
		return NULL;
	r = xcalloc(1, sizeof(*r));
	r->head = p;
	r->slots = (struct slot *)(void *)(r->head + 1);
	r->cells = (_Atomic uint32_t *)(void *)(r->slots + count);
	r->count = count;
	r->columns = columns;
	if (!carried)
		compat_random(&r->head->seed, sizeof(r->head->seed));
	r->seed = r->head->seed;
	return r;
}

void
rates_free(struct rates **rp)
{
	struct rates *r = *rp;

	if (r == NULL)
		return;
	shared_free(r->head);
	free(r);
	*rp = NULL;
}

/* Only slots that had a key: the memory of others need not come into being. */
void
rates_clear_worker(struct rates *r, unsigned column)
{
	unsigned i;

	if (column >= r->columns)
		return;
	for (i = 0; i < r->count; i++)
		if (atomic_load(&r->slots[i].key) != 0)
			atomic_store(cell(r, column, (int)i), 0);
}

/* Keys.  Different networks of a family have different ones. */

uint64_t
rates_key(const struct rates *r, const struct net_addr *a)
{
	const void *ss = &a->ss;
	uint32_t v4;
	uint64_t v;

	if (a->ss.ss_family == AF_INET) {
		v4 = ((const struct sockaddr_in *)ss)->sin_addr.s_addr;
		v = mix(v4 ^ r->seed);
	} else if (a->ss.ss_family == AF_INET6) {
		memcpy(&v, &((const struct sockaddr_in6 *)ss)->sin6_addr,
		    sizeof(v));
		v = mix(mix(v ^ r->seed) + 1);
	} else
		return 0;
	return v != 0 ? v : 1;
}

uint64_t
rates_key_name(const struct rates *r, const char *name)
{
	uint64_t v = mix(r->seed + 2);

	for (; *name != '\0'; name++)
		v = mix(v ^ (unsigned char)*name);
	return v != 0 ? v : 1;
}

uint64_t
rates_key_apart(const struct rates *r, uint64_t key, const char *listener)
{
	uint64_t v = mix(key ^ rates_key_name(r, listener));

	return v != 0 ? v : 1;
}

/* The finalizer of splitmix64: each bit of the result depends on all bits. */
static uint64_t
mix(uint64_t v)
{
	v += UINT64_C(0x9e3779b97f4a7c15);
	v = (v ^ v >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	v = (v ^ v >> 27) * UINT64_C(0x94d049bb133111eb);
	return v ^ v >> 31;
}

/* Connections. */

int
rates_enter(
    struct rates *r, unsigned column, uint64_t key, int64_t max, int64_t now)
{
	int slot, i;

	if (key == 0 || column >= r->columns)
		return RATES_UNKNOWN;
	for (i = 0; i < TRIES; i++) {
		slot = find(r, key);
		if (slot == -1)
			slot = claim(r, key);
		if (slot == -1)
			return RATES_UNKNOWN;
		atomic_fetch_add(cell(r, column, slot), 1);
		if (atomic_load(&r->slots[slot].key) == key)
			break;
		rates_leave(r, column, slot);
	}
	if (i == TRIES)
		return RATES_UNKNOWN;
	atomic_store_explicit(&r->slots[slot].used, now, memory_order_relaxed);
	if (rates_open(r, slot) <= max)
		return slot;
	rates_leave(r, column, slot);
	return RATES_FULL;
}

void
rates_leave(struct rates *r, unsigned column, int slot)
{
	if (slot >= 0)
		atomic_fetch_sub(cell(r, column, slot), 1);
}

/* The first one: should a key be in two slots, all use the same. */
static int
find(const struct rates *r, uint64_t key)
{
	unsigned first = (unsigned)key & (r->count - 1) & ~(WAYS - 1u), i;

	for (i = first; i < first + WAYS; i++)
		if (atomic_load(&r->slots[i].key) == key)
			return (int)i;
	return -1;
}

/* A slot for a new key; -1 if there is none. */
static int
claim(struct rates *r, uint64_t key)
{
	int slot = oldest(r, key), kind;
	struct slot *s;
	uint64_t old;

	if (slot == -1)
		return -1;
	s = &r->slots[slot];
	old = atomic_load(&s->key);
	if (!atomic_compare_exchange_strong(&s->key, &old, key))
		return find(r, key);
	if (rates_open(r, slot) != 0) { /* somebody came before us */
		atomic_compare_exchange_strong(&s->key, &key, old);
		return -1;
	}
	for (kind = 0; kind < RATES_KINDS; kind++)
		atomic_store(&s->windows[kind], 0);
	return find(r, key);
}

/* Free slots were never used, so they are the oldest. */
static int
oldest(const struct rates *r, uint64_t key)
{
	unsigned first = (unsigned)key & (r->count - 1) & ~(WAYS - 1u), i;
	int64_t used, min = INT64_MAX;
	int slot = -1;

	for (i = first; i < first + WAYS; i++) {
		used = atomic_load(&r->slots[i].used);
		if (used >= min || rates_open(r, (int)i) != 0)
			continue;
		min = used;
		slot = (int)i;
	}
	return slot;
}

int64_t
rates_open(const struct rates *r, int slot)
{
	int64_t sum = 0;
	unsigned i;

	for (i = 0; i < r->columns; i++)
		sum += atomic_load(cell(r, i, slot));
	return sum;
}

int64_t
rates_all_open(const struct rates *r)
{
	int64_t sum = 0;
	unsigned i;

	for (i = 0; i < r->count; i++)
		if (atomic_load(&r->slots[i].key) != 0)
			sum += rates_open(r, (int)i);
	return sum;
}

static _Atomic uint32_t *
cell(const struct rates *r, unsigned column, int slot)
{
	return r->cells + (size_t)slot * r->columns + column;
}

/* Windows. */

/*
 * The value of a window with another event in it; 0 if that is too many.  A
 * process whose clock is a little behind may find a window that began after its
 * own: then it is at the beginning of that one.
 */
static uint64_t
next_value(uint64_t old, int64_t count, int64_t period, int64_t now)
{
	uint64_t index = (uint64_t)(now / period) & INDEX_MASK;
	uint64_t next = old >> 2 * COUNT_BITS;
	uint64_t prev = old >> COUNT_BITS & COUNT_MAX;
	uint64_t cur = old & COUNT_MAX;
	int64_t into = now % period;

	if (next == ((index + 1) & INDEX_MASK)) {
		index = next;
		into = 0;
	} else if (next != index) {
		prev = index == ((next + 1) & INDEX_MASK) ? cur : 0;
		cur = 0;
	}
	if ((int64_t)prev * (period - into) + (int64_t)(cur + 1) * period >
	    count * period)
		return 0;
	if (cur < COUNT_MAX)
		cur++;
	return index << 2 * COUNT_BITS | prev << COUNT_BITS | cur;
}

bool
rates_count(struct rates *r, int slot, enum rates_kind kind, int64_t count,
    int64_t period, int64_t now)
{
	_Atomic uint64_t *w = &r->slots[slot].windows[kind];
	uint64_t old = atomic_load(w), next;

	do {
		next = next_value(old, count, period, now);
		if (next == 0)
			return false;
	} while (!atomic_compare_exchange_weak(w, &old, next));
	return true;
}

bool
rates_full(const struct rates *r, int slot, enum rates_kind kind, int64_t count,
    int64_t period, int64_t now)
{
	return next_value(atomic_load(&r->slots[slot].windows[kind]), count,
		   period, now) == 0;
}

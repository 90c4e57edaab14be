/*
 * The delivery journal: see journal.h.
 *
 * A hash table of buckets with eight slots each.  A bucket has a lock that is
 * held for some hundred nanoseconds; the lock is the time it was taken, so that
 * the lock of a process that was killed with it can be broken.
 */

#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "compat.h"
#include "journal.h"
#include "shared.h"

#define LAYOUT "journal 1" /* see shared.h */

#define BUCKETS 1024 /* a power of two */
#define SLOTS 8
#define HINTS 131072  /* a power of two */
#define STALE_MS 1000 /* a lock this old belongs to nobody */
#define TRIES 10000

enum kind { FREE, REFUSED, DONE, DELIVERED, UNKNOWN };

struct entry {
	int kind;
	int code;
	int64_t ends; /* loop_now() milliseconds */
	unsigned char id[DIGEST_SIZE];
	char enhanced[12];
	char text[200];
};

struct bucket {
	_Atomic int64_t locked; /* since when; 0: free */
	struct entry slots[SLOTS];
};

struct journal {
	_Atomic int64_t refusals; /* loop_now() until which there may be some */
	/* Until when, in seconds of loop_now(), an entry with this hint may be
	 * there: so hints end with their entries, and nobody has to clear. */
	_Atomic uint32_t hints[HINTS];
	struct bucket buckets[BUCKETS];
};

struct journal *
journal_new(void)
{
	return shared_new(LAYOUT, sizeof(struct journal), SHARED_PLAIN, NULL);
}

void
journal_free(struct journal **jp)
{
	if (*jp == NULL)
		return;
	shared_free(*jp);
	*jp = NULL;
}

/* NULL: busy for too long.  The caller does without the journal then, which
 * costs a retry or a duplicate, but never blocks. */
static struct bucket *
lock(struct journal *j, int64_t now, const unsigned char *id)
{
	struct bucket *b;
	uint32_t hash;
	int64_t held;
	int i;

	memcpy(&hash, id, sizeof(hash));
	b = &j->buckets[hash & (BUCKETS - 1)];
	for (i = 0; i < TRIES; i++) {
		held = 0;
		if (atomic_compare_exchange_weak(&b->locked, &held, now))
			return b;
		if (held != 0 && now - held > STALE_MS &&
		    atomic_compare_exchange_strong(&b->locked, &held, now))
			return b;
		if (i % 100 == 99)
			sched_yield();
	}
	return NULL;
}

static void
unlock(struct bucket *b, int64_t now)
{
	/* Whoever broke the lock has it now. */
	atomic_compare_exchange_strong(&b->locked, &now, 0);
}

static struct entry *
find(struct bucket *b, int64_t now, enum kind kind, const unsigned char *id)
{
	struct entry *e;

	for (e = b->slots; e < b->slots + SLOTS; e++)
		if (e->kind == (int)kind && e->ends > now &&
		    memcmp(e->id, id, DIGEST_SIZE) == 0)
			return e;
	return NULL;
}

/* Since when it is there.  The end would not do to choose by: refusals have the
 * shorter time, and would always be the ones to go. */
static int64_t
since(const struct entry *e)
{
	return e->ends -
	    (e->kind == REFUSED ? JOURNAL_REFUSED_MS : JOURNAL_DONE_MS);
}

/* The entry's own slot if it is there, else a free one, else the oldest. */
static struct entry *
place(struct bucket *b, int64_t now, enum kind kind, const unsigned char *id)
{
	struct entry *e, *best = find(b, now, kind, id);

	for (e = b->slots; best == NULL && e < b->slots + SLOTS; e++)
		if (e->kind == FREE || e->ends <= now)
			best = e;
	if (best != NULL)
		return best;
	best = b->slots;
	for (e = b->slots; e < b->slots + SLOTS; e++)
		if (since(e) < since(best))
			best = e;
	return best;
}

void
journal_refuse(struct journal *j, int64_t now,
    const unsigned char id[DIGEST_SIZE], const struct reply *reply)
{
	struct bucket *b = lock(j, now, id);
	struct entry *e;

	if (b == NULL)
		return;
	e = place(b, now, REFUSED, id);
	e->kind = REFUSED;
	e->ends = now + JOURNAL_REFUSED_MS;
	memcpy(e->id, id, DIGEST_SIZE);
	e->code = reply->code;
	compat_strlcpy(e->enhanced, reply->enhanced, sizeof(e->enhanced));
	compat_strlcpy(e->text, reply->text, sizeof(e->text));
	atomic_store(&j->refusals, e->ends);
	unlock(b, now);
}

bool
journal_take_refusal(struct journal *j, int64_t now,
    const unsigned char id[DIGEST_SIZE], struct reply *reply_r)
{
	struct bucket *b = lock(j, now, id);
	struct entry *e;

	if (b == NULL)
		return false;
	e = find(b, now, REFUSED, id);
	if (e != NULL) {
		reply_init(reply_r);
		reply_r->code = e->code;
		compat_strlcpy(
		    reply_r->enhanced, e->enhanced, sizeof(reply_r->enhanced));
		compat_strlcpy(reply_r->text, e->text, sizeof(reply_r->text));
		e->kind = FREE;
	}
	unlock(b, now);
	return e != NULL;
}

bool
journal_has_refusals(const struct journal *j, int64_t now)
{
	return atomic_load_explicit(&j->refusals, memory_order_relaxed) > now;
}

static uint32_t
seconds(int64_t ms)
{
	return (uint32_t)(ms / 1000);
}

static void
enter(struct journal *j, int64_t now, enum kind kind, uint64_t hint,
    const unsigned char id[DIGEST_SIZE])
{
	struct bucket *b = lock(j, now, id);
	struct entry *e;

	if (b == NULL)
		return;
	e = place(b, now, kind, id);
	e->kind = (int)kind;
	e->ends = now + JOURNAL_DONE_MS;
	memcpy(e->id, id, DIGEST_SIZE);
	unlock(b, now);
	atomic_store(
	    &j->hints[hint & (HINTS - 1)], seconds(now + JOURNAL_DONE_MS) + 1);
}

static bool
may_be_there(const struct journal *j, int64_t now, uint64_t hint)
{
	return atomic_load_explicit(&j->hints[hint & (HINTS - 1)],
		   memory_order_relaxed) > seconds(now);
}

/* take: it is there once. */
static bool
is_there(struct journal *j, int64_t now, enum kind kind,
    const unsigned char id[DIGEST_SIZE], bool take)
{
	struct bucket *b = lock(j, now, id);
	struct entry *e;

	if (b == NULL)
		return false;
	e = find(b, now, kind, id);
	if (e != NULL && take)
		e->kind = FREE;
	unlock(b, now);
	return e != NULL;
}

void
journal_done(struct journal *j, int64_t now, uint64_t hint,
    const unsigned char id[DIGEST_SIZE])
{
	enter(j, now, DONE, hint, id);
}

bool
journal_is_done(
    struct journal *j, int64_t now, const unsigned char id[DIGEST_SIZE])
{
	return is_there(j, now, DONE, id, false);
}

bool
journal_may_be_done(const struct journal *j, int64_t now, uint64_t hint)
{
	return may_be_there(j, now, hint);
}

/* Not the octets that choose the bucket. */
static uint64_t
hint_of(const unsigned char id[DIGEST_SIZE])
{
	uint64_t hint;

	memcpy(&hint, id + sizeof(hint), sizeof(hint));
	return hint;
}

void
journal_leave(struct journal *j, int64_t now,
    const unsigned char id[DIGEST_SIZE], bool delivered)
{
	enter(j, now, delivered ? DELIVERED : UNKNOWN, hint_of(id), id);
}

bool
journal_may_have_left(
    const struct journal *j, int64_t now, const unsigned char id[DIGEST_SIZE])
{
	return may_be_there(j, now, hint_of(id));
}

bool
journal_was_delivered(
    struct journal *j, int64_t now, const unsigned char id[DIGEST_SIZE])
{
	return is_there(j, now, DELIVERED, id, false);
}

bool
journal_take_unknown(
    struct journal *j, int64_t now, const unsigned char id[DIGEST_SIZE])
{
	return is_there(j, now, UNKNOWN, id, true);
}

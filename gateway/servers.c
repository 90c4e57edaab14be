/*
 * The state of servers in shared memory: see servers.h.
 */

#include "servers.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "mem.h"
#include "shared.h"

#define LAYOUT "servers 1" /* see shared.h */

#define TRIAL_FIRST_MS 1000 /* then doubled */
#define TRIAL_MAX_MS 10000
/* Checks that ended so long ago are not waited for. */
#define STALE_CHECKS 3
#define STALE_MS 30000
#define SHARE_LEAST 10 /* at the begin of a slow start */

#define WHY_WORDS (SERVERS_WHY_MAX / sizeof(uint64_t))

struct slot {
	_Atomic unsigned refs; /* 0: free */
	char name[SERVERS_NAME_MAX];
	char address[SERVERS_NAME_MAX];
	_Atomic bool down;
	_Atomic bool drained;	 /* by the operator */
	_Atomic bool configured; /* to be drained, by the newest file */
	_Atomic int64_t since;	 /* of down or drained */
	_Atomic int64_t failures;
	_Atomic int64_t successes; /* good checks while it is down */
	_Atomic int64_t check_ended;
	_Atomic int64_t trial_at;
	_Atomic int64_t trial_pause;
	_Atomic int64_t started; /* a slow start began; 0: never */
	/* Text.  Torn between two writers it is still a text. */
	_Atomic uint64_t why[WHY_WORDS];
};

struct servers {
	struct slot *slots; /* shared */
	bool carried;
};

static struct slot *
slot_of(const struct servers *s, unsigned slot)
{
	assert(slot < SERVERS_MAX);
	return &s->slots[slot];
}

struct servers *
servers_new(void)
{
	struct servers *s;
	bool carried;
	void *p = shared_new(
	    LAYOUT, SERVERS_MAX * sizeof(struct slot), SHARED_PLAIN, &carried);

	if (p == NULL)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->slots = p;
	s->carried = carried;
	return s;
}

void
servers_free(struct servers **sp)
{
	if (*sp == NULL)
		return;
	shared_free((*sp)->slots);
	free(*sp);
	*sp = NULL;
}

bool
servers_carried(const struct servers *s)
{
	return s->carried;
}

/* Slots. */

static void
begin_anew(struct slot *t, const char *name, const char *address, bool drained)
{
	unsigned i;

	compat_strlcpy(t->name, name, sizeof(t->name));
	compat_strlcpy(t->address, address, sizeof(t->address));
	atomic_store(&t->down, false);
	atomic_store(&t->drained, drained);
	atomic_store(&t->configured, false);
	atomic_store(&t->since, 0);
	atomic_store(&t->failures, 0);
	atomic_store(&t->successes, 0);
	atomic_store(&t->check_ended, 0);
	atomic_store(&t->trial_at, 0);
	atomic_store(&t->trial_pause, 0);
	atomic_store(&t->started, 0);
	for (i = 0; i < WHY_WORDS; i++)
		atomic_store(&t->why[i], 0);
}

int
servers_take(struct servers *s, const char *name, const char *address)
{
	struct slot *t, *room = NULL;
	bool drained = false;
	unsigned i;

	for (i = 0; i < SERVERS_MAX; i++) {
		t = &s->slots[i];
		if (atomic_load(&t->refs) == 0) {
			if (room == NULL)
				room = t;
			continue;
		}
		if (strcmp(t->name, name) != 0)
			continue;
		drained |= atomic_load(&t->drained);
		if (strcmp(t->address, address) == 0) {
			atomic_fetch_add(&t->refs, 1);
			return (int)i;
		}
	}
	if (room == NULL)
		return -1;
	begin_anew(room, name, address, drained);
	atomic_store(&room->refs, 1);
	return (int)(room - s->slots);
}

bool
servers_is_new(const struct servers *s, unsigned slot)
{
	return atomic_load(&slot_of(s, slot)->refs) == 1;
}

void
servers_give(struct servers *s, unsigned slot)
{
	struct slot *t = slot_of(s, slot);
	unsigned refs = atomic_load(&t->refs);

	/* Any process can have written there: the master must not trust it. */
	while (refs > 0 &&
	    !atomic_compare_exchange_weak(&t->refs, &refs, refs - 1))
		;
}

void
servers_configure(struct servers *s, unsigned slot, bool drain, int64_t now)
{
	struct slot *t = slot_of(s, slot);

	if (atomic_exchange(&t->configured, drain) == drain)
		return;
	atomic_store(&t->since, now);
	if (!drain)
		atomic_store(&t->started, now);
}

/* Up and down. */

static void
put_why(struct slot *t, const char *why)
{
	uint64_t words[WHY_WORDS] = { 0 };
	unsigned i;

	compat_strlcpy((char *)words, why, sizeof(words));
	for (i = 0; i < WHY_WORDS; i++)
		atomic_store_explicit(
		    &t->why[i], words[i], memory_order_relaxed);
}

bool
servers_failed(struct servers *s, unsigned slot, const struct servers_policy *p,
    int64_t now, const char *why)
{
	struct slot *t = slot_of(s, slot);
	int64_t failures = atomic_fetch_add(&t->failures, 1) + 1;
	bool up = false;

	atomic_store(&t->successes, 0);
	if (atomic_load(&t->down) || failures < p->fall)
		return false;
	if (!atomic_compare_exchange_strong(&t->down, &up, true))
		return false;
	atomic_store(&t->since, now);
	atomic_store(&t->trial_pause, TRIAL_FIRST_MS);
	atomic_store(&t->trial_at, now + TRIAL_FIRST_MS);
	put_why(t, why);
	return true;
}

static bool
come_up(struct slot *t, int64_t now)
{
	bool down = true;

	atomic_store(&t->failures, 0);
	if (!atomic_compare_exchange_strong(&t->down, &down, false))
		return false;
	atomic_store(&t->successes, 0);
	atomic_store(&t->since, now);
	atomic_store(&t->started, now);
	return true;
}

/* Do checks decide?  Not if their process can not be started, for example. */
static bool
has_checks(const struct slot *t, const struct servers_policy *p, int64_t now)
{
	int64_t stale = STALE_CHECKS * p->interval;
	int64_t ended = atomic_load(&t->check_ended);

	if (stale < STALE_MS)
		stale = STALE_MS;
	return p->interval > 0 && ended != 0 && now - ended < stale;
}

/* Most calls find nothing to write, so that the memory stays shared by the
 * processors' caches. */
bool
servers_worked(struct servers *s, unsigned slot, const struct servers_policy *p,
    int64_t now, bool fresh)
{
	struct slot *t = slot_of(s, slot);

	if (!atomic_load(&t->down)) {
		if (atomic_load(&t->failures) != 0)
			atomic_store(&t->failures, 0);
		return false;
	}
	/* An old connection says nothing about whether there can be others. */
	return fresh && !has_checks(t, p, now) && come_up(t, now);
}

bool
servers_checked(struct servers *s, unsigned slot,
    const struct servers_policy *p, int64_t now)
{
	struct slot *t = slot_of(s, slot);

	if (!atomic_load(&t->down)) {
		atomic_store(&t->failures, 0);
		return false;
	}
	if (atomic_fetch_add(&t->successes, 1) + 1 < p->rise)
		return false;
	return come_up(t, now);
}

void
servers_check_ended(struct servers *s, unsigned slot, int64_t now)
{
	atomic_store(&slot_of(s, slot)->check_ended, now);
}

bool
servers_wavers(const struct servers *s, unsigned slot)
{
	const struct slot *t = slot_of(s, slot);

	return atomic_load(&t->down) ? atomic_load(&t->successes) > 0
				     : atomic_load(&t->failures) > 0;
}

bool
servers_usable(const struct servers *s, unsigned slot)
{
	const struct slot *t = slot_of(s, slot);

	return !atomic_load(&t->down) && !atomic_load(&t->drained);
}

bool
servers_drained(const struct servers *s, unsigned slot)
{
	return atomic_load(&slot_of(s, slot)->drained);
}

bool
servers_trial_due(const struct servers *s, unsigned slot,
    const struct servers_policy *p, int64_t now)
{
	const struct slot *t = slot_of(s, slot);

	return atomic_load(&t->down) && !atomic_load(&t->drained) &&
	    !has_checks(t, p, now) && atomic_load(&t->trial_at) <= now;
}

bool
servers_try(struct servers *s, unsigned slot, const struct servers_policy *p,
    int64_t now)
{
	struct slot *t = slot_of(s, slot);
	int64_t at = atomic_load(&t->trial_at);
	int64_t pause = 2 * atomic_load(&t->trial_pause);

	if (!servers_trial_due(s, slot, p, now) || at > now)
		return false;
	if (pause > TRIAL_MAX_MS)
		pause = TRIAL_MAX_MS;
	if (!atomic_compare_exchange_strong(&t->trial_at, &at, now + pause))
		return false;
	atomic_store(&t->trial_pause, pause);
	return true;
}

unsigned
servers_share(const struct servers *s, unsigned slot,
    const struct servers_policy *p, int64_t now)
{
	int64_t started = atomic_load(&slot_of(s, slot)->started);
	int64_t share;

	if (p->slow_start == 0 || started == 0 ||
	    now - started >= p->slow_start)
		return 100;
	share = (now - started) * 100 / p->slow_start;
	return share > SHARE_LEAST ? (unsigned)share : SHARE_LEAST;
}

/* The operator. */

static bool
mark(struct servers *s, const char *name, int64_t now, bool drained)
{
	bool any = false, was;
	struct slot *t;
	unsigned i;

	for (i = 0; i < SERVERS_MAX; i++) {
		t = &s->slots[i];
		if (atomic_load(&t->refs) == 0 || strcmp(t->name, name) != 0 ||
		    t->address[0] == '\0')
			continue;
		any = true;
		was = !drained;
		if (!atomic_compare_exchange_strong(&t->drained, &was, drained))
			continue;
		atomic_store(&t->since, now);
		if (!drained)
			atomic_store(&t->started, now);
	}
	return any;
}

bool
servers_drain(struct servers *s, const char *name, int64_t now)
{
	return mark(s, name, now, true);
}

bool
servers_enable(struct servers *s, const char *name, int64_t now)
{
	return mark(s, name, now, false);
}

bool
servers_status(const struct servers *s, unsigned slot,
    const struct servers_policy *p, int64_t now, struct servers_status *st_r)
{
	const struct slot *t = slot_of(s, slot);
	uint64_t words[WHY_WORDS];
	unsigned i;

	if (atomic_load(&t->refs) == 0)
		return false;
	st_r->name = t->name;
	st_r->address = t->address;
	st_r->since = atomic_load(&t->since);
	st_r->failures = atomic_load(&t->failures);
	st_r->state = SERVERS_UP;
	if (atomic_load(&t->drained) || atomic_load(&t->configured))
		st_r->state = SERVERS_DRAINING;
	else if (atomic_load(&t->down))
		st_r->state = SERVERS_DOWN;
	else if (servers_share(s, slot, p, now) < 100)
		st_r->state = SERVERS_STARTING;
	for (i = 0; i < WHY_WORDS; i++)
		words[i] =
		    atomic_load_explicit(&t->why[i], memory_order_relaxed);
	memcpy(st_r->why, words, sizeof(st_r->why));
	st_r->why[sizeof(st_r->why) - 1] = '\0';
	return true;
}

const char *
servers_state_name(enum servers_state state)
{
	static const char *const names[] = {
		[SERVERS_UP] = "up",
		[SERVERS_STARTING] = "starting",
		[SERVERS_DRAINING] = "draining",
		[SERVERS_DOWN] = "down",
	};

	return names[state];
}

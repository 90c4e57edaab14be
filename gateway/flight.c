/*
 * A message on its way: see flight.h.
 */

#include "flight.h"

#include <string.h>

#include "envelope.h"
#include "headers.h"
#include "journal.h"
#include "mem.h"
#include "message.h"

#define FIELD_MAX 512 /* octets of a Message-ID or Date that are looked at */

struct text {
	unsigned char octets[2048];
	size_t len;
};

struct dead { /* whose entries are harvested */
	struct journal *journal;
	int64_t now;
};

/* With its length, so that "ab" and "c" are not "a" and "bc".  What does not
 * fit is cut: parts are short, whatever a client sends. */
static void
add(struct text *t, const void *part, size_t len)
{
	size_t room = sizeof(t->octets) - t->len;

	if (room < sizeof(len))
		return;
	memcpy(t->octets + t->len, &len, sizeof(len));
	t->len += sizeof(len);
	room -= sizeof(len);
	if (len > room)
		len = room;
	memcpy(t->octets + t->len, part, len);
	t->len += len;
}

static bool
add_field(struct text *t, const struct headers *h, const char *name,
    const struct message *m)
{
	const struct headers_item *item;
	char value[FIELD_MAX];
	size_t i, len;

	for (i = 0; i < h->count && !headers_item_is(&h->list[i], name); i++)
		;
	if (i == h->count)
		return false;
	item = &h->list[i];
	len = item->len - item->value;
	if (len > sizeof(value))
		len = sizeof(value);
	if (message_copy(m, item->offset + item->value, value, len) == -1)
		return false;
	add(t, value, len);
	return true;
}

/* What its recipients have in common.  False: it can not be known again. */
static bool
print_of(const struct flight *f, const struct envelope *e,
    const struct message *m, const struct headers *h,
    unsigned char print[SIPHASH_SIZE])
{
	struct text t = { .len = 0 };
	uint64_t size = message_size(m);

	if (!add_field(&t, h, "Message-ID", m) || !add_field(&t, h, "Date", m))
		return false;
	add(&t, e->sender.text, strlen(e->sender.text));
	add(&t, &size, sizeof(size));
	siphash(inflight_salt(f->inflight), t.octets, t.len, print);
	return true;
}

/* Was recipient i named before?  Then it is not somebody else who sends him the
 * message: who did would have been found by the first one's entry, or finds it.
 */
static bool
was_named(const struct flight *f, size_t i)
{
	size_t k;

	for (k = 0; k < i; k++)
		if (f->slots[k] >= 0 &&
		    memcmp(f->keys[k], f->keys[i], SIPHASH_SIZE) == 0)
			return true;
	return false;
}

bool
flight_begin(struct flight *f, struct arena *a, const struct envelope *e,
    const struct message *m, const struct headers *h)
{
	unsigned char print[SIPHASH_SIZE];
	const struct recipient *r;
	struct text t;
	bool busy;
	size_t i;

	if (f->inflight == NULL || !print_of(f, e, m, h, print))
		return true;
	f->keys = arena_alloc(a, e->count * sizeof(*f->keys));
	f->slots = arena_alloc(a, e->count * sizeof(*f->slots));
	for (i = 0; i < e->count; i++) {
		r = &e->rcpts[i];
		f->slots[i] = -1;
		f->count = i + 1;
		if (r->backend_name == NULL)
			continue;
		t.len = 0;
		add(&t, print, sizeof(print));
		add(&t, r->backend_name, strlen(r->backend_name));
		add(&t, r->addr.text, strlen(r->addr.text));
		siphash(
		    inflight_salt(f->inflight), t.octets, t.len, f->keys[i]);
		f->slots[i] =
		    inflight_enter(f->inflight, f->column, f->keys[i], &busy);
		if (!busy)
			continue;
		if (!was_named(f, i)) {
			flight_end(f);
			return false;
		}
		flight_set(f, i, INFLIGHT_FREE);
	}
	return true;
}

static void
journal_id(unsigned char id[DIGEST_SIZE], const unsigned char *key)
{
	memset(id, 0, DIGEST_SIZE);
	memcpy(id, key, SIPHASH_SIZE);
}

enum flight_past
flight_past(const struct flight *f, int64_t now, size_t i)
{
	unsigned char id[DIGEST_SIZE];

	if (i >= f->count || f->journal == NULL)
		return FLIGHT_NEW;
	journal_id(id, f->keys[i]);
	if (!journal_may_have_left(f->journal, now, id))
		return FLIGHT_NEW;
	if (journal_was_delivered(f->journal, now, id))
		return FLIGHT_DELIVERED;
	return journal_take_unknown(f->journal, now, id) ? FLIGHT_UNKNOWN
							 : FLIGHT_NEW;
}

void
flight_set(struct flight *f, size_t i, enum inflight_state state)
{
	if (i >= f->count)
		return;
	if (state != INFLIGHT_FREE) {
		inflight_set(f->inflight, f->column, f->slots[i], state);
		return;
	}
	inflight_leave(f->inflight, f->column, f->slots[i]);
	f->slots[i] = -1;
}

void
flight_is_unknown(const struct flight *f, int64_t now, size_t i)
{
	unsigned char id[DIGEST_SIZE];

	if (i >= f->count || f->journal == NULL)
		return;
	journal_id(id, f->keys[i]);
	journal_leave(f->journal, now, id, false);
}

void
flight_end(struct flight *f)
{
	size_t i;

	for (i = 0; i < f->count; i++)
		flight_set(f, i, INFLIGHT_FREE);
	f->count = 0;
}

static void
left_behind(
    void *ctx, const unsigned char key[SIPHASH_SIZE], enum inflight_state state)
{
	struct dead *dead = ctx;
	unsigned char id[DIGEST_SIZE];

	journal_id(id, key);
	journal_leave(
	    dead->journal, dead->now, id, state == INFLIGHT_DELIVERED);
}

void
flight_harvest(
    struct inflight *inflight, unsigned column, struct journal *j, int64_t now)
{
	struct dead dead = { j, now };

	inflight_harvest(inflight, column, left_behind, &dead);
}

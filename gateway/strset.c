/*
 * Open addressing with linear probing, at most half full.
 */

#include "strset.h"

#include <stdint.h>
#include <stdlib.h>

#include "mem.h"

#define SLOTS_MIN 8

struct slot {
	const char *text; /* borrowed; NULL: free */
	uint32_t hash;
	unsigned number;
};

struct strset {
	struct slot *slots;
	size_t mask; /* one less than their number, a power of two */
	size_t count;
};

static struct slot *find(const struct strset *, const char *, uint32_t);
static void grow(struct strset *);
static uint32_t hash_of(const char *);
static unsigned char lower(char);
static bool same(const char *, const char *);

struct strset *
strset_new(size_t expected)
{
	struct strset *s = xcalloc(1, sizeof(*s));
	size_t slots = SLOTS_MIN;

	while (slots / 2 < expected)
		slots *= 2;
	s->slots = xcalloc(slots, sizeof(*s->slots));
	s->mask = slots - 1;
	return s;
}

void
strset_free(struct strset **sp)
{
	if (*sp == NULL)
		return;
	free((*sp)->slots);
	free(*sp);
	*sp = NULL;
}

bool
strset_add(struct strset *s, const char *text, unsigned number)
{
	uint32_t hash = hash_of(text);
	struct slot *slot = find(s, text, hash);

	if (slot->text != NULL)
		return false;
	if (s->count + 1 > (s->mask + 1) / 2) {
		grow(s);
		slot = find(s, text, hash);
	}
	slot->text = text;
	slot->hash = hash;
	slot->number = number;
	s->count++;
	return true;
}

bool
strset_find(const struct strset *s, const char *text, unsigned *number_r)
{
	const struct slot *slot = find(s, text, hash_of(text));

	if (slot->text == NULL)
		return false;
	*number_r = slot->number;
	return true;
}

/* The slot of the text, or the free one where it belongs. */
static struct slot *
find(const struct strset *s, const char *text, uint32_t hash)
{
	size_t i = hash & s->mask;

	while (s->slots[i].text != NULL &&
	    (s->slots[i].hash != hash || !same(s->slots[i].text, text)))
		i = (i + 1) & s->mask;
	return &s->slots[i];
}

static void
grow(struct strset *s)
{
	struct slot *old = s->slots;
	size_t count = s->mask + 1, i;

	s->slots = xcalloc(count * 2, sizeof(*s->slots));
	s->mask = count * 2 - 1;
	for (i = 0; i < count; i++)
		if (old[i].text != NULL)
			*find(s, old[i].text, old[i].hash) = old[i];
	free(old);
}

/* FNV-1a, with its upper bits folded in, since the lower ones choose. */
static uint32_t
hash_of(const char *text)
{
	uint32_t hash = 2166136261u;

	for (; *text != '\0'; text++)
		hash = (hash ^ lower(*text)) * 16777619u;
	return hash ^ (hash >> 15);
}

/* Not tolower() or strcasecmp(): those ask the locale. */
static unsigned char
lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool
same(const char *a, const char *b)
{
	for (; *a != '\0' && lower(*a) == lower(*b); a++, b++)
		continue;
	return *a == *b;
}

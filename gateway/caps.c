/*
 * The cache of servers' abilities: see caps.h.
 *
 * A hash table with open addressing.  Entries are not removed: those of a
 * configuration that is gone are taken over when the table is full.
 */

#include "caps.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "shared.h"

#define LAYOUT "caps 1" /* see shared.h */

#define PROBES 16
#define LEAST_ENTRIES 256 /* a power of two */

struct entry {
	_Atomic uint64_t key;	/* 0: free */
	_Atomic uint64_t state; /* enum caps_state << 32 | extensions */
	_Atomic uint64_t size;
	_Atomic uint64_t limits; /* RCPTMAX << 32 | MAILMAX */
};

/* Every process has its own copy of this; fork() keeps the address. */
struct caps {
	struct entry *entries; /* shared */
	size_t count;	       /* a power of two */
};

struct caps *
caps_new(unsigned servers)
{
	size_t count = LEAST_ENTRIES;
	struct caps *c;
	void *p;

	while (count / 4 < servers)
		count *= 2;
	p = shared_new(
	    LAYOUT, count * sizeof(struct entry), SHARED_PLAIN, NULL);
	if (p == NULL)
		return NULL;
	c = xcalloc(1, sizeof(*c));
	c->entries = p; /* zero is CAPS_UNKNOWN */
	c->count = count;
	return c;
}

void
caps_free(struct caps **cp)
{
	if (*cp == NULL)
		return;
	shared_free((*cp)->entries);
	free(*cp);
	*cp = NULL;
}

static uint64_t
add_to_hash(uint64_t hash, const char *text)
{
	do { /* with the NUL, which keeps the two names apart */
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	} while (*text++ != '\0');
	return hash;
}

/* FNV-1a: of names in our own configuration. */
static uint64_t
key_of(const char *backend, const char *server)
{
	uint64_t key = 0xcbf29ce484222325u;

	key = add_to_hash(add_to_hash(key, backend), server);
	return key != 0 ? key : 1;
}

static struct entry *
probe(const struct caps *c, uint64_t key, size_t i)
{
	return &c->entries[((size_t)(key ^ key >> 32) + i) & (c->count - 1)];
}

static struct entry *
find(const struct caps *c, uint64_t key)
{
	struct entry *e;
	size_t i;

	for (i = 0; i < PROBES; i++) {
		e = probe(c, key, i);
		if (atomic_load(&e->key) == key)
			return e;
	}
	return NULL;
}

/* Its own entry, else a free one; else, rather than none, a foreign one. */
static struct entry *
place(struct caps *c, uint64_t key)
{
	struct entry *e = find(c, key);
	uint64_t none;
	size_t i;

	for (i = 0; e == NULL && i < PROBES; i++) {
		none = 0;
		e = probe(c, key, i);
		if (!atomic_compare_exchange_strong(&e->key, &none, key) &&
		    none != key)
			e = NULL;
	}
	if (e != NULL)
		return e;
	e = probe(c, key, 0);
	atomic_store(&e->state, CAPS_UNKNOWN);
	atomic_store(&e->key, key);
	return e;
}

static void
set_state(struct entry *e, enum caps_state state, unsigned have)
{
	atomic_store(&e->state, (uint64_t)state << 32 | have);
}

void
caps_learn(struct caps *c, const char *backend, const char *server,
    const struct ehlo *now)
{
	struct entry *e;

	if (c == NULL)
		return;
	e = place(c, key_of(backend, server));
	atomic_store(&e->size, now->size);
	atomic_store(&e->limits, (uint64_t)now->rcpt_max << 32 | now->mail_max);
	set_state(e, CAPS_KNOWN, now->have);
}

void
caps_lost(struct caps *c, const char *backend, const char *server)
{
	if (c != NULL)
		set_state(place(c, key_of(backend, server)), CAPS_DOWN, 0);
}

enum caps_state
caps_get(const struct caps *c, const char *backend, const char *server,
    struct ehlo *e_r)
{
	struct entry *e = NULL;
	uint64_t state, limits;

	if (c != NULL)
		e = find(c, key_of(backend, server));
	if (e == NULL)
		return CAPS_UNKNOWN;
	state = atomic_load(&e->state);
	limits = atomic_load(&e->limits);
	e_r->have = (uint32_t)state;
	e_r->size = atomic_load(&e->size);
	e_r->rcpt_max = (uint32_t)(limits >> 32);
	e_r->mail_max = (uint32_t)limits;
	return (enum caps_state)(state >> 32);
}

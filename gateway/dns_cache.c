/*
 * The cache of answers: see dns_cache.h.
 */

#include "dns_cache.h"

#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "mem.h"

#define SHARE_MAX 8 /* part of the cache that one answer may have */

struct entry {
	LIST_ENTRY(entry) chain;
	TAILQ_ENTRY(entry) use;
	struct dns_answer *answer; /* a reference */
};
LIST_HEAD(chain, entry);
TAILQ_HEAD(uses, entry);

struct dns_cache {
	struct chain *chains; /* owned */
	size_t mask;	      /* one less than their number, a power of two */
	struct uses uses;     /* the last used first */
	size_t count;
	size_t octets;
	size_t count_max;
	size_t octets_max;
	uint64_t salt;
};

static struct entry *find(struct dns_cache *, const char *, enum dns_type);
static struct chain *chain_of(struct dns_cache *, const char *, enum dns_type);
static void drop(struct dns_cache *, struct entry *);
static size_t size_of(const struct dns_answer *);

struct dns_cache *
dns_cache_new(size_t entries, size_t octets)
{
	struct dns_cache *c = xcalloc(1, sizeof(*c));
	size_t i, chains = 16;

	while (chains < entries && chains < 65536)
		chains *= 2;
	c->chains = xcalloc(chains, sizeof(*c->chains));
	for (i = 0; i < chains; i++)
		LIST_INIT(&c->chains[i]);
	c->mask = chains - 1;
	TAILQ_INIT(&c->uses);
	c->count_max = entries;
	c->octets_max = octets;
	compat_random(&c->salt, sizeof(c->salt));
	return c;
}

void
dns_cache_free(struct dns_cache **cp)
{
	struct entry *e;

	if (*cp == NULL)
		return;
	while ((e = TAILQ_FIRST(&(*cp)->uses)) != NULL)
		drop(*cp, e);
	free((*cp)->chains);
	free(*cp);
	*cp = NULL;
}

struct dns_answer *
dns_cache_get(
    struct dns_cache *c, const char *name, enum dns_type type, int64_t now_ms)
{
	struct entry *e = find(c, name, type);

	if (e == NULL)
		return NULL;
	if (e->answer->until <= now_ms) {
		drop(c, e);
		return NULL;
	}
	TAILQ_REMOVE(&c->uses, e, use);
	TAILQ_INSERT_HEAD(&c->uses, e, use);
	return e->answer;
}

void
dns_cache_put(struct dns_cache *c, struct dns_answer *a)
{
	struct entry *e = find(c, a->name, a->type);

	if (e != NULL)
		drop(c, e);
	if (c->count_max == 0 || size_of(a) > c->octets_max / SHARE_MAX)
		return;
	e = xcalloc(1, sizeof(*e));
	e->answer = dns_answer_ref(a);
	LIST_INSERT_HEAD(chain_of(c, a->name, a->type), e, chain);
	TAILQ_INSERT_HEAD(&c->uses, e, use);
	c->count++;
	c->octets += size_of(a);
	while (c->count > c->count_max || c->octets > c->octets_max)
		drop(c, TAILQ_LAST(&c->uses, uses));
}

size_t
dns_cache_count(const struct dns_cache *c)
{
	return c->count;
}

static struct entry *
find(struct dns_cache *c, const char *name, enum dns_type type)
{
	struct entry *e;

	LIST_FOREACH (e, chain_of(c, name, type), chain)
		if (e->answer->type == type &&
		    strcmp(e->answer->name, name) == 0)
			return e;
	return NULL;
}

static struct chain *
chain_of(struct dns_cache *c, const char *name, enum dns_type type)
{
	return &c->chains[dns_cache_hash(c->salt, name, type) & c->mask];
}

static void
drop(struct dns_cache *c, struct entry *e)
{
	c->count--;
	c->octets -= size_of(e->answer);
	LIST_REMOVE(e, chain);
	TAILQ_REMOVE(&c->uses, e, use);
	dns_answer_unref(&e->answer);
	free(e);
}

static size_t
size_of(const struct dns_answer *a)
{
	return a->size + sizeof(struct entry);
}

/* FNV-1a of 64 bits that starts at the salt, well mixed at the end. */
uint32_t
dns_cache_hash(uint64_t salt, const char *name, enum dns_type type)
{
	uint64_t h = salt ^ (uint64_t)type;

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * UINT64_C(1099511628211);
	h = (h ^ (h >> 32)) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(h >> 32);
}

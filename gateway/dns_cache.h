#ifndef POSTERN_DNS_CACHE_H
#define POSTERN_DNS_CACHE_H

/*
 * Answers of the DNS until they are old, in a bounded number of entries and
 * octets: what was not asked for the longest time goes first.
 */

#include <stddef.h>
#include <stdint.h>

#include "dns_answer.h"

struct dns_cache;

struct dns_cache *dns_cache_new(size_t entries, size_t octets);
void dns_cache_free(struct dns_cache **cp);

/* The answer, borrowed, or NULL: there is none, or it is old at now_ms. */
struct dns_answer *dns_cache_get(
    struct dns_cache *c, const char *name, enum dns_type type, int64_t now_ms);
/* Takes a reference of its own, in the place of an earlier answer.  One that is
 * larger than an eighth of the cache is not kept. */
void dns_cache_put(struct dns_cache *c, struct dns_answer *a);

size_t dns_cache_count(const struct dns_cache *c);

/* A hash of a question.  Clients choose the names, so it is salted. */
uint32_t dns_cache_hash(uint64_t salt, const char *name, enum dns_type type);

#endif

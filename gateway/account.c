/*
 * The account of memory: see account.h.
 */

#include "account.h"

#include <stdlib.h>

#include "mem.h"
#include "stats.h"

struct account {
	struct stats *stats; /* borrowed */
	unsigned worker;
	int64_t limit;
};

struct account *
account_new(struct stats *stats, unsigned worker, int64_t limit)
{
	struct account *a = xcalloc(1, sizeof(*a));

	a->stats = stats;
	a->worker = worker;
	a->limit = limit;
	return a;
}

void
account_free(struct account **ap)
{
	free(*ap);
	*ap = NULL;
}

void
account_add(struct account *a, int64_t by)
{
	if (a != NULL && by != 0)
		stats_memory(a->stats, a->worker, by);
}

int64_t
account_used(const struct account *a)
{
	return a != NULL ? stats_all_memory(a->stats) : 0;
}

int64_t
account_limit(const struct account *a)
{
	return a != NULL ? a->limit : INT64_MAX;
}

enum account_level
account_level(const struct account *a)
{
	int64_t used = account_used(a), limit = account_limit(a);

	if (used >= limit)
		return ACCOUNT_FULL;
	if (used >= limit - limit / 16)
		return ACCOUNT_SHED;
	if (used >= limit - limit / 8)
		return ACCOUNT_CROWDED;
	if (used >= limit - limit / 4)
		return ACCOUNT_SPILL;
	return ACCOUNT_EASY;
}

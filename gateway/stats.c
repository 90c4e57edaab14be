/*
 * Counters in shared memory: one row of cells per worker, each row on cache
 * lines of its own.
 */

#include "stats.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "mem.h"
#include "shared.h"

#define LAYOUT "stats 1" /* see shared.h */

#define LINE_CELLS 8 /* cells on a cache line of 64 octets */

/* A row: what the worker holds and what has happened, then the servers. */
enum {
	CELL_SESSIONS,
	CELL_MEMORY,
	CELL_EVENTS,
	CELL_SERVERS = CELL_EVENTS + STATS_EVENTS
};

/* Every process has its own copy of this; fork() keeps the address. */
struct stats {
	_Atomic int64_t *cells; /* shared */
	size_t row;		/* cells per worker */
	unsigned workers;
	unsigned servers;
};

static _Atomic int64_t *cell_of(
    const struct stats *, unsigned, unsigned, enum stats_cell);
static _Atomic int64_t *sessions_of(const struct stats *, unsigned);

struct stats *
stats_new(unsigned workers, unsigned servers)
{
	struct stats *s;
	size_t row = CELL_SERVERS + (size_t)servers * STATS_CELLS;
	size_t size;
	void *p;

	row = (row + LINE_CELLS - 1) / LINE_CELLS * LINE_CELLS;
	size = (workers > 0 ? workers : 1) * row * sizeof(*s->cells);
	p = shared_new(LAYOUT, size, SHARED_PLAIN, NULL);
	if (p == NULL)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->cells = p;
	s->row = row;
	s->workers = workers;
	s->servers = servers;
	return s;
}

void
stats_free(struct stats **sp)
{
	void *p;

	if (*sp == NULL)
		return;
	p = (*sp)->cells;
	shared_free(p);
	free(*sp);
	*sp = NULL;
}

const void *
stats_base(const struct stats *s)
{
	return (const void *)(uintptr_t)s->cells;
}

void
stats_clear_worker(struct stats *s, unsigned worker)
{
	_Atomic int64_t *row = sessions_of(s, worker);
	size_t i;

	atomic_store_explicit(&row[CELL_SESSIONS], 0, memory_order_relaxed);
	atomic_store_explicit(&row[CELL_MEMORY], 0, memory_order_relaxed);
	for (i = CELL_SERVERS; i < s->row; i++)
		if ((i - CELL_SERVERS) % STATS_CELLS < STATS_COUNTERS)
			atomic_store_explicit(&row[i], 0, memory_order_relaxed);
}

void
stats_clear_server(struct stats *s, unsigned server)
{
	unsigned w, cell;

	for (w = 0; w < s->workers; w++)
		for (cell = 0; cell < STATS_CELLS; cell++)
			atomic_store_explicit(
			    cell_of(s, w, server, (enum stats_cell)cell), 0,
			    memory_order_relaxed);
}

void
stats_add(struct stats *s, unsigned worker, unsigned server,
    enum stats_cell cell, int by)
{
	atomic_fetch_add_explicit(
	    cell_of(s, worker, server, cell), by, memory_order_relaxed);
}

int64_t
stats_sum(const struct stats *s, unsigned server, enum stats_cell cell)
{
	int64_t sum = 0;
	unsigned w;

	for (w = 0; w < s->workers; w++)
		sum += atomic_load_explicit(
		    cell_of(s, w, server, cell), memory_order_relaxed);
	return sum;
}

/* First announced, then counted, both in one order that all workers see: of
 * two that announce at once, at least one counts the other. */
bool
stats_reserve(struct stats *s, unsigned worker, unsigned server,
    enum stats_cell cell, int64_t max)
{
	_Atomic int64_t *own = cell_of(s, worker, server, cell);
	int64_t sum = 0;
	unsigned w;

	atomic_fetch_add(own, 1);
	for (w = 0; w < s->workers; w++)
		sum += atomic_load(cell_of(s, w, server, cell));
	if (sum <= max)
		return true;
	atomic_fetch_sub(own, 1);
	return false;
}

void
stats_sessions(struct stats *s, unsigned worker, int by)
{
	atomic_fetch_add_explicit(
	    sessions_of(s, worker), by, memory_order_relaxed);
}

int64_t
stats_all_sessions(const struct stats *s)
{
	int64_t sum = 0;
	unsigned w;

	for (w = 0; w < s->workers; w++)
		sum += atomic_load_explicit(
		    sessions_of(s, w), memory_order_relaxed);
	return sum;
}

void
stats_memory(struct stats *s, unsigned worker, int64_t by)
{
	atomic_fetch_add_explicit(
	    sessions_of(s, worker) + CELL_MEMORY, by, memory_order_relaxed);
}

int64_t
stats_all_memory(const struct stats *s)
{
	int64_t sum = 0;
	unsigned w;

	for (w = 0; w < s->workers; w++)
		sum += atomic_load_explicit(
		    sessions_of(s, w) + CELL_MEMORY, memory_order_relaxed);
	return sum;
}

int64_t
stats_count(struct stats *s, unsigned worker, enum stats_event e)
{
	assert(e < STATS_EVENTS);
	atomic_fetch_add_explicit(
	    sessions_of(s, worker) + CELL_EVENTS + e, 1, memory_order_relaxed);
	return stats_counted(s, e);
}

int64_t
stats_counted(const struct stats *s, enum stats_event e)
{
	int64_t sum = 0;
	unsigned w;

	for (w = 0; w < s->workers; w++)
		sum += atomic_load_explicit(
		    sessions_of(s, w) + CELL_EVENTS + e, memory_order_relaxed);
	return sum;
}

/* The first cell of a worker's row. */
static _Atomic int64_t *
sessions_of(const struct stats *s, unsigned worker)
{
	assert(worker < s->workers);
	return s->cells + worker * s->row;
}

static _Atomic int64_t *
cell_of(const struct stats *s, unsigned worker, unsigned server,
    enum stats_cell cell)
{
	assert(server < s->servers && cell < STATS_CELLS);
	return sessions_of(s, worker) + CELL_SERVERS +
	    (size_t)server * STATS_CELLS + cell;
}

/*
 * The master's part in the limits of client networks: the shared memory, which
 * outlives configurations, and whose column in it is whose.
 */

#include <errno.h>
#include <string.h>

#include "log.h"
#include "master_priv.h"
#include "mem.h"
#include "priv.h"
#include "rates.h"

#define SLOTS 65536	/* client networks; 32 octets and the columns each */
#define GENERATIONS 4	/* that may drain at once, for their columns */
#define WORKERS_LEAST 4 /* should a reload ask for more than the start did */

int
rates_prepare(struct master *m, const struct config *c)
{
	unsigned workers = c != NULL ? generation_workers(c) : 0;

	if (workers < priv_processors())
		workers = priv_processors();
	if (workers < WORKERS_LEAST)
		workers = WORKERS_LEAST;
	if (c != NULL)
		m->rates_count = GENERATIONS * workers;
	m->rates = rates_new(SLOTS, m->rates_count);
	if (m->rates == NULL) {
		log_event(LEVEL_ERROR, "no shared memory: %s", strerror(errno));
		return -1;
	}
	m->rates_used = xcalloc(m->rates_count, sizeof(*m->rates_used));
	return 0;
}

unsigned
rates_column_take(struct master *m)
{
	unsigned i = 0;

	while (i < m->rates_count && m->rates_used[i])
		i++;
	if (i == m->rates_count) {
		log_event(LEVEL_WARN,
		    "so many workers, old ones that drain included, that the "
		    "clients of one are not limited");
		return RATES_NO_COLUMN;
	}
	m->rates_used[i] = true;
	rates_clear_worker(m->rates, i);
	return i;
}

void
rates_column_give(struct master *m, unsigned column)
{
	if (column < m->rates_count)
		m->rates_used[column] = false;
}

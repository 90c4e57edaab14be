/*
 * Which message is next, and what became of it.  A message whose fate is
 * not settled (4xx, connection lost) is tried again, with --retry, for the
 * recipients that are still open, as a real sender's queue would do.
 */

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "gen.h"

static struct job *queue_head, *queue_tail; /* in order of due */
static struct job *given_back;		    /* never attempted */
static struct job *spare;
static uint64_t issued;
static int stopped;
static FILE *acked;

void
job_init(void)
{
	if (gen.acked == NULL)
		return;
	if ((acked = fopen(gen.acked, "w")) == NULL)
		err(1, "%s", gen.acked);
	setvbuf(acked, NULL, _IOLBF, 0);
}

static struct job *
job_new(uint64_t number)
{
	struct job *j = spare;
	unsigned i;

	if (j != NULL)
		spare = j->next;
	else if ((j = malloc(sizeof(*j) + gen.rcpts)) == NULL)
		err(1, "out of memory");
	j->next = NULL;
	j->number = number;
	j->due = 0;
	j->tries = 0;
	for (i = 0; i < gen.rcpts; i++)
		j->rcpt[i] = RCPT_OPEN;
	return j;
}

static void
job_drop(struct job *j)
{
	j->next = spare;
	spare = j;
}

static int
new_allowed(void)
{
	return !stopped && issued < gen.total &&
	    (gen.deadline == 0 || net_now_us() < gen.deadline);
}

/* NULL if there is nothing to send now; perhaps later: see job_left(). */
struct job *
job_take(void)
{
	struct job *j;

	if ((j = given_back) != NULL)
		given_back = j->next;
	else if ((j = queue_head) != NULL && j->due <= net_now_us()) {
		if ((queue_head = j->next) == NULL)
			queue_tail = NULL;
	} else if (new_allowed())
		j = job_new(gen.first + issued++);
	else
		return NULL;
	j->next = NULL;
	return j;
}

/* The attempt did not take place. */
void
job_untake(struct job *j)
{
	if (j == NULL)
		return;
	j->next = given_back;
	given_back = j;
}

int
job_left(void)
{
	return given_back != NULL || queue_head != NULL || new_allowed();
}

/* No new messages; what was begun goes on to its end. */
void
job_stop(void)
{
	stopped = 1;
}

unsigned
job_next_rcpt(const struct job *j, unsigned from, enum rcpt_state state)
{
	while (from < gen.rcpts && j->rcpt[from] != (unsigned char)state)
		from++;
	return from;
}

static void
job_retry(struct job *j)
{
	stat_add(STAT_RETRIED);
	j->due = net_now_us() + (uint64_t)gen.retry_ms * 1000;
	j->next = NULL;
	if (queue_tail != NULL)
		queue_tail->next = j;
	else
		queue_head = j;
	queue_tail = j;
}

/* Ends the attempt for each recipient; true if some are still open. */
static int
settle(struct job *j, unsigned *failed_r)
{
	unsigned i;
	int open = 0;

	*failed_r = 0;
	for (i = 0; i < gen.rcpts; i++)
		if (j->rcpt[i] == RCPT_FAILED)
			(*failed_r)++;
		else if (j->rcpt[i] != RCPT_DONE) {
			j->rcpt[i] = RCPT_OPEN;
			open = 1;
		}
	return open;
}

/*
 * The attempt is over.  A message counts as ok when all its recipients are
 * done, and as given up when no attempt is left.
 */
void
job_end(struct job *j, enum outcome outcome, uint64_t start)
{
	unsigned failed;
	int open;

	if (j == NULL)
		return;
	open = settle(j, &failed);
	if (outcome == OUTCOME_LOST)
		stat_add(STAT_LOST);
	else if (outcome == OUTCOME_FAULTED)
		stat_add(STAT_FAULTED);
	else if (outcome == OUTCOME_PROTO)
		; /* counted with its reason */
	else if (open)
		stat_add(STAT_TEMP);
	else if (failed > 0)
		stat_add(STAT_PERM);
	else {
		stat_add(STAT_OK);
		stat_latency(net_now_us() - start);
		if (acked != NULL)
			fprintf(acked, "%llu\n", (unsigned long long)j->number);
	}
	if (open && j->tries++ < gen.retries) {
		job_retry(j);
		return;
	}
	if ((open && outcome != OUTCOME_FAULTED) || failed > 0)
		stat_add(STAT_FAILED);
	job_drop(j);
}

void
job_free(void)
{
	struct job *j;

	while ((j = job_take()) != NULL)
		job_drop(j);
	while ((j = queue_head) != NULL) {
		queue_head = j->next;
		job_drop(j);
	}
	while ((j = spare) != NULL) {
		spare = j->next;
		free(j);
	}
	if (acked != NULL)
		fclose(acked);
}

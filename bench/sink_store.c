/*
 * What arrived.  A delivery is the pair of message number and recipient:
 * the same pair twice is a duplicate, while one message may well come in
 * several transactions for different recipients.
 */

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink.h"

#define NUMBER_LIMIT ((uint64_t)1 << 30)

static const char *const names[COUNT_LAST] = { "connections", "transactions",
	"protocol", "faults", "max_transactions", "max_open", "messages",
	"recipients", "duplicates", "damaged", "stray", "foreign", "empty" };

static unsigned long counts[COUNT_LAST];
static unsigned long activity;

/* Open addressing; a key of 0 is an empty place. */
static uint64_t *keys;
static size_t nkeys, keys_cap;

static unsigned char *seen; /* bit per message number */
static uint64_t seen_bits;
static uint64_t lowest = UINT64_MAX, highest, distinct;
static uint64_t first_wanted, count_wanted;
static FILE *received_file;

void
store_init(const char *received, uint64_t first, uint64_t expect)
{
	first_wanted = first;
	count_wanted = expect;
	if (received == NULL)
		return;
	if ((received_file = fopen(received, "w")) == NULL)
		err(1, "%s", received);
	setvbuf(received_file, NULL, _IOLBF, 0);
}

/* True if the key was there already. */
static int
keys_insert(uint64_t key)
{
	size_t i;

	for (i = key & (keys_cap - 1); keys[i] != 0;
	     i = (i + 1) & (keys_cap - 1))
		if (keys[i] == key)
			return 1;
	keys[i] = key;
	nkeys++;
	return 0;
}

static void
keys_grow(void)
{
	uint64_t *old = keys;
	size_t i, old_cap = keys_cap;

	keys_cap = old_cap ? old_cap * 2 : 65536;
	if ((keys = calloc(keys_cap, sizeof(*keys))) == NULL)
		err(1, "out of memory");
	nkeys = 0;
	for (i = 0; i < old_cap; i++)
		if (old[i] != 0)
			keys_insert(old[i]);
	free(old);
}

static int
delivery_seen(uint64_t number, uint32_t rcpt)
{
	uint64_t key;

	if (nkeys * 2 >= keys_cap)
		keys_grow();
	key = (number << 32) ^ rcpt;
	key ^= key >> 33;
	key *= 0xff51afd7ed558ccdU;
	key ^= key >> 33;
	return keys_insert(key ? key : 1);
}

static int
number_seen(uint64_t n)
{
	return n < seen_bits && (seen[n / 8] >> (n % 8) & 1);
}

static void
number_add(uint64_t n)
{
	uint64_t bits;
	unsigned char *p;

	if (n < lowest)
		lowest = n;
	if (n > highest)
		highest = n;
	if (n >= seen_bits) {
		for (bits = seen_bits ? seen_bits : 65536; bits <= n;)
			bits *= 2;
		if ((p = realloc(seen, bits / 8)) == NULL)
			err(1, "out of memory");
		memset(p + seen_bits / 8, 0, (bits - seen_bits) / 8);
		seen = p;
		seen_bits = bits;
	}
	if (!number_seen(n))
		distinct++;
	seen[n / 8] = (unsigned char)(seen[n / 8] | 1U << (n % 8));
}

/* Counts a message as accepted for nrcpt recipients (those below 300). */
void
store_message(struct intake *in, const struct rcpt *rcpt, unsigned nrcpt)
{
	enum msg_result result;
	uint64_t number = in->check.number;
	unsigned i, taken = 0;

	result = msg_check_end(&in->check);
	counts[COUNT_MESSAGES]++;
	if (in->stray)
		counts[COUNT_STRAY]++;
	if (result == MSG_EMPTY)
		counts[COUNT_EMPTY]++;
	else if (result == MSG_FOREIGN)
		counts[COUNT_FOREIGN]++;
	if (result == MSG_GOOD && number >= NUMBER_LIMIT)
		result = MSG_DAMAGED;
	if (result == MSG_DAMAGED || in->stray)
		counts[COUNT_DAMAGED]++;
	for (i = 0; i < nrcpt; i++) {
		if (rcpt[i].code >= 300)
			continue;
		taken++;
		if (result == MSG_GOOD && delivery_seen(number, rcpt[i].hash))
			counts[COUNT_DUPLICATES]++;
	}
	counts[COUNT_RECIPIENTS] += taken;
	if (result != MSG_GOOD)
		return;
	number_add(number);
	if (received_file != NULL)
		fprintf(received_file, "%llu %u\n", (unsigned long long)number,
		    taken);
}

void
store_count(enum count which)
{
	counts[which]++;
	activity++;
}

void
store_max(enum count which, unsigned long n)
{
	if (n > counts[which])
		counts[which] = n;
}

/* A number that changes while something goes on. */
unsigned long
store_activity(void)
{
	return activity + counts[COUNT_MESSAGES];
}

static uint64_t
count_lost(void)
{
	uint64_t n, end, lost = 0;

	if (count_wanted > 0) {
		n = first_wanted;
		end = first_wanted + count_wanted;
	} else {
		n = lowest;
		end = highest + 1;
	}
	for (; n < end; n++)
		if (!number_seen(n))
			lost++;
	return lost;
}

void
store_print(void)
{
	unsigned i;

	printf("smtpsink: %lu connections, %lu transactions, %lu messages "
	       "(%llu numbers, %llu lost, %lu duplicates, %lu damaged, "
	       "%lu foreign, %lu empty), at most %lu transactions per "
	       "connection\n",
	    counts[COUNT_CONNECTIONS], counts[COUNT_TRANSACTIONS],
	    counts[COUNT_MESSAGES], (unsigned long long)distinct,
	    (unsigned long long)count_lost(), counts[COUNT_DUPLICATES],
	    counts[COUNT_DAMAGED], counts[COUNT_FOREIGN], counts[COUNT_EMPTY],
	    counts[COUNT_MAX_TRANSACTIONS]);
	printf("sink");
	for (i = 0; i < COUNT_LAST; i++)
		printf(" %s=%lu", names[i], counts[i]);
	printf(" distinct=%llu lost=%llu open=%lu\n",
	    (unsigned long long)distinct, (unsigned long long)count_lost(),
	    conn_open_count());
	fflush(stdout);
	if (received_file != NULL)
		fflush(received_file);
}

/*
 * The ways to choose a server.
 */

#include "balance.h"

#include <stdbool.h>

#define LOG_BITS 16 /* behind the point, of logarithms */

static uint32_t least_busy(const struct balance_entry *, unsigned, uint32_t);
static int take_turns(struct balance_entry *, unsigned, uint32_t);
static int at_random(
    const struct balance_entry *, unsigned, uint32_t, uint64_t);
static int by_hash(const struct balance_entry *, unsigned, uint32_t, uint64_t);
static uint64_t mix(uint64_t);
static uint64_t minus_log2(uint64_t);

int
balance_choose(enum balance_mode mode, struct balance_entry *entries,
    unsigned count, uint32_t eligible, uint64_t number)
{
	if (count < 32)
		eligible &= (1u << count) - 1;
	if (eligible == 0)
		return -1;
	switch (mode) {
	case BALANCE_LEAST:
		eligible = least_busy(entries, count, eligible);
		break;
	case BALANCE_ROUND_ROBIN:
		break;
	case BALANCE_RANDOM:
		return at_random(entries, count, eligible, number);
	case BALANCE_HASH:
		return by_hash(entries, count, eligible, number);
	}
	return take_turns(entries, count, eligible);
}

static bool
is_in(uint32_t set, unsigned i)
{
	return (set >> i & 1) != 0;
}

/* Those that have the fewest when they get one more, for their weight. */
static uint32_t
least_busy(const struct balance_entry *e, unsigned count, uint32_t eligible)
{
	uint32_t best = 0;
	int64_t mine, other;
	unsigned i, first = 0;

	for (i = 0; i < count; i++) {
		if (!is_in(eligible, i))
			continue;
		if (best == 0)
			first = i;
		mine = (e[i].busy + 1) * e[first].weight;
		other = (e[first].busy + 1) * e[i].weight;
		if (mine < other) {
			best = 0;
			first = i;
		}
		if (mine <= other)
			best |= 1u << i;
	}
	return best;
}

/*
 * Every entry earns its weight in each turn, and who has most pays for all: so
 * the turns of a heavy one are spread, not in a row.
 */
static int
take_turns(struct balance_entry *e, unsigned count, uint32_t eligible)
{
	int64_t total = 0;
	int best = -1;
	unsigned i;

	for (i = 0; i < count; i++) {
		if (!is_in(eligible, i))
			continue;
		e[i].credit += e[i].weight;
		total += e[i].weight;
		if (best == -1 || e[i].credit > e[best].credit)
			best = (int)i;
	}
	e[best].credit -= total;
	return best;
}

static int
at_random(const struct balance_entry *e, unsigned count, uint32_t eligible,
    uint64_t number)
{
	uint64_t total = 0, point;
	unsigned i;

	for (i = 0; i < count; i++)
		if (is_in(eligible, i))
			total += e[i].weight;
	point = mix(number) % total;
	for (i = 0; i < count; i++) {
		if (!is_in(eligible, i))
			continue;
		if (point < e[i].weight)
			return (int)i;
		point -= e[i].weight;
	}
	return -1;
}

/*
 * Every server draws a number for the key, and the best one has it: when a
 * server goes, only its keys move.  Of u in (0, 1], the least of -log(u)/weight
 * wins as often as its weight says.
 */
static int
by_hash(const struct balance_entry *e, unsigned count, uint32_t eligible,
    uint64_t number)
{
	uint64_t draw, least = 0;
	int best = -1;
	unsigned i;

	for (i = 0; i < count; i++) {
		if (!is_in(eligible, i))
			continue;
		draw = minus_log2(mix(number ^ mix(e[i].name)));
		draw = (draw << 16) / e[i].weight;
		if (best != -1 && draw >= least)
			continue;
		least = draw;
		best = (int)i;
	}
	return best;
}

/* The finalizer of a hash: each bit in depends on each bit out. */
static uint64_t
mix(uint64_t x)
{
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	return x ^ x >> 32;
}

/* -log2(x / 2^64), with LOG_BITS bits behind the point. */
static uint64_t
minus_log2(uint64_t x)
{
	uint64_t whole = 63, part = 0, m;
	int i;

	x |= 1;
	while (x >> 63 == 0) {
		x <<= 1;
		whole--;
	}
	/* 1 <= m < 2, with 31 bits behind the point: squared again and again,
	 * it tells the bits of its logarithm. */
	m = x >> 32;
	for (i = 0; i < LOG_BITS; i++) {
		m = m * m >> 31;
		part = part << 1 | m >> 32;
		m >>= m >> 32;
	}
	return ((uint64_t)64 << LOG_BITS) - (whole << LOG_BITS | part);
}

/* FNV-1a. */
uint64_t
balance_hash(const char *text, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	unsigned char c;
	size_t i;

	for (i = 0; i < len; i++) {
		c = (unsigned char)text[i];
		if (c >= 'A' && c <= 'Z')
			c |= 32;
		h = (h ^ c) * UINT64_C(0x100000001b3);
	}
	return h;
}

#ifndef POSTERN_CHAIN_MODEL_H
#define POSTERN_CHAIN_MODEL_H

/*
 * What a chain of fake filters must come to, computed without any engine: the
 * reference of test_chain_random.c.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain.h"

#define OPS 4 /* of one call, at most */

enum kind { AT_ONCE, FC_WAIT, PARALLEL, SEQUENTIAL, KINDS };

/* What a filter does.  Waits are even and timeouts odd, so that none of them
 * ends when the other does. */
struct spec {
	enum kind kind;
	unsigned count;
	int64_t wait[OPS];
	enum verdict each[OPS]; /* of one in parallel; PENDING: it joins */
	enum verdict last;
};

struct expected {
	bool pending; /* not at once */
	int64_t end;  /* ms after the start */
	enum verdict verdict;
	int filter; /* -1: none decides */
	bool unknown;
};

/* When the filter answers, and what. */
static inline int64_t
model_answer(const struct spec *s, enum verdict *v_r)
{
	int64_t longest = 0, sum = 0, first = -1;
	unsigned i;

	*v_r = s->last;
	if (s->kind == AT_ONCE)
		return 0;
	for (i = 0; i < s->count; i++) {
		sum += s->wait[i];
		if (s->wait[i] > longest)
			longest = s->wait[i];
		if (s->each[i] != VERDICT_PENDING &&
		    (first == -1 || s->wait[i] < first))
			first = s->wait[i];
	}
	if (s->kind != PARALLEL)
		return sum;
	if (first == -1)
		return longest;
	for (i = 0; s->wait[i] != first || s->each[i] == VERDICT_PENDING;)
		i++;
	*v_r = s->each[i];
	return first;
}

/* What comes of a chain of so many filters. */
static inline struct expected
model(const struct spec *specs, const struct filter_instance *instances,
    size_t count)
{
	struct expected e = { .filter = -1 };
	const struct chain_conf *c;
	enum verdict v;
	int64_t took;
	size_t i;

	for (i = 0; i < count; i++) {
		c = &instances[i].chain;
		took = model_answer(&specs[i], &v);
		if (took > c->timeout) {
			took = c->timeout;
			v = VERDICT_UNKNOWN;
		}
		e.pending |= specs[i].kind != AT_ONCE;
		e.end += took;
		e.unknown = v == VERDICT_UNKNOWN;
		if (e.unknown && c->on_unknown == ON_UNKNOWN_PASS)
			v = VERDICT_PASS;
		else if (e.unknown)
			v = c->on_unknown == ON_UNKNOWN_DEFER ? VERDICT_DEFER
							      : VERDICT_REJECT;
		if (v == VERDICT_PASS || c->observe)
			continue;
		if (v == VERDICT_ACCEPT)
			return e;
		e.filter = (int)i;
		e.verdict = v;
		return e;
	}
	return e;
}

static inline int
model_code(const struct expected *e)
{
	switch (e->verdict) {
	case VERDICT_REJECT:
		return 550 + (e->unknown ? 0 : e->filter);
	case VERDICT_DEFER:
		return e->unknown ? 451 : 450 + e->filter;
	case VERDICT_DISCONNECT:
		return 421;
	case VERDICT_PASS:
	case VERDICT_ACCEPT:
	case VERDICT_DISCARD:
	case VERDICT_QUARANTINE:
	case VERDICT_UNKNOWN:
	case VERDICT_PENDING:
	default:
		return 0;
	}
}

#endif

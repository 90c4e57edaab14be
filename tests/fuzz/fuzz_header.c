/*
 * Header sections: the same fields however the content is split, none of them
 * overlapping, each a line with its continuations.  The first octet chooses how
 * to split.
 */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
	uint64_t sum; /* of all that was found */
	uint64_t end; /* of the last field */
	struct header h;
};

static void
note(struct run *r, uint64_t v)
{
	r->sum = (r->sum ^ v) * 1099511628211u;
}

static void
check_field(struct run *r, const char *in, size_t len)
{
	const struct header_field *f = &r->h.field;
	const char *field = in + f->offset;
	char buf[64], *whole = malloc(f->len + 1);
	size_t i, n;

	assert(f->offset >= r->end && f->offset + f->len <= len);
	assert(f->value <= f->len && f->name_len < f->value);
	r->end = f->offset + f->len;
	assert(f->offset == 0 || field[-1] == '\n');
	assert(field[f->value - 1] == ':');
	assert(memchr(field, ':', f->value - 1) == NULL);
	n = f->name_len < HEADER_NAME_MAX ? f->name_len : HEADER_NAME_MAX;
	assert(memcmp(field, f->name, n) == 0 && strlen(f->name) == n);
	for (i = 0; i + 1 < f->len; i++)
		assert(field[i] != '\n' || field[i + 1] == ' ' ||
		    field[i + 1] == '\t');
	assert(whole != NULL);
	n = header_unfold(
	    field + f->value, f->len - f->value, whole, f->len + 1);
	assert(strlen(whole) == n);
	assert(header_unfold(
		   field + f->value, f->len - f->value, buf, sizeof(buf)) == n);
	assert(memcmp(buf, whole, n < 63 ? n : 63) == 0);
	header_claims_authserv(field + f->value, f->len - f->value, "a");
	free(whole);
	note(r, f->offset);
	note(r, f->value);
	note(r, f->len);
}

static void
run(struct run *r, const char *in, size_t len, size_t first, size_t step)
{
	enum header_found found = HEADER_MORE;
	size_t at = 0, n = first < len ? first : len, used;

	memset(r, 0, sizeof(*r));
	header_init(&r->h);
	while (found != HEADER_END && at < len) {
		used = 0;
		while ((found = header_next(&r->h, in + at, n, &used)) ==
		    HEADER_FIELD)
			check_field(r, in, len);
		assert(used == n || found == HEADER_END);
		at += used;
		n = len - at < step ? len - at : step;
	}
	while (header_finish(&r->h) == HEADER_FIELD)
		check_field(r, in, len);
	note(r, r->h.pos);
	note(r, r->h.malformed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *in = (const char *)data;
	struct run a, b, c;

	if (size < 1)
		return 0;
	run(&a, in + 1, size - 1, size, size);
	run(&b, in + 1, size - 1, data[0] & 15, (data[0] >> 4) + 1u);
	run(&c, in + 1, size - 1, 1, 1);
	assert(a.sum == b.sum && a.sum == c.sum);
	return 0;
}

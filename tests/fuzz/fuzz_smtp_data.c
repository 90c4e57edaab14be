/*
 * Message data: the same as the reference, however it is split; and what is
 * stuffed comes back.  The first two octets choose how to split.
 */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "naive_data.h"
#include "smtp_data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
compare(const char *in, size_t len, size_t first, size_t chunk)
{
	struct data_result want = { .content = malloc(len + 1) };
	struct data_result got = { .content = malloc(len + 1) };

	assert(want.content != NULL && got.content != NULL);
	naive_data(in, len, &want);
	feed_data(in, len, len, len, &got);
	assert(same_data(&want, &got));
	feed_data(in, len, first, chunk, &got);
	assert(same_data(&want, &got));
	feed_data(in, len, 1, 1, &got);
	assert(same_data(&want, &got));
	free(want.content);
	free(got.content);
}

static void
round_trip(const char *in, size_t len, size_t chunk)
{
	char *wire = malloc(2 * len + 5);
	struct data_result got = { .content = malloc(2 * len + 5) };
	size_t n;

	assert(wire != NULL && got.content != NULL);
	n = stuff_data(in, len, chunk, wire);
	feed_data(wire, n, n, n, &got);
	assert(got.ended && got.used == n);
	assert(got.content_len == len || got.content_len == len + 2);
	assert(memcmp(got.content, in, len) == 0);
	if (got.content_len > len)
		assert(memcmp(got.content + len, "\r\n", 2) == 0);
	free(wire);
	free(got.content);
}

/* Content made good: good, the same however it is split, and no end of data
 * comes from it on its way out. */
static void
repair(const char *in, size_t len, size_t first, size_t chunk)
{
	char *want = malloc(2 * len + 1), *got = malloc(2 * len + 1);
	bool want_dot, got_dot;
	size_t n, m;
	struct smtp_data d;

	assert(want != NULL && got != NULL);
	n = naive_repair(in, len, want, &want_dot);
	m = feed_repair(in, len, first, chunk, got, &got_dot);
	assert(n == m && memcmp(want, got, n) == 0 && want_dot == got_dot);
	m = feed_repair(in, len, 1, 1, got, &got_dot);
	assert(n == m && memcmp(want, got, n) == 0 && want_dot == got_dot);
	smtp_data_init(&d);
	smtp_data_check(&d, got, m);
	(void)smtp_data_check_end(&d);
	assert(d.faults == 0 && d.leading_dot == got_dot);
	round_trip(got, m, chunk);
	free(want);
	free(got);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *in = (const char *)data;
	size_t first, chunk;

	if (size < 2)
		return 0;
	first = data[0];
	chunk = data[1] + (size_t)1;
	compare(in + 2, size - 2, first, chunk);
	round_trip(in + 2, size - 2, chunk);
	repair(in + 2, size - 2, first, chunk);
	return 0;
}

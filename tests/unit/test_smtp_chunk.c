/*
 * Content that comes in chunks, by BDAT: what is found in it, however it is
 * cut.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "smtp_data.h"

#define CR SMTP_DATA_BARE_CR
#define LF SMTP_DATA_BARE_LF
#define NUL SMTP_DATA_NUL
#define S(text) text, sizeof(text) - 1

static uint32_t
next_random(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

/* Longer ones that look more like mail, so that block scans take part. */
static size_t
random_message(uint32_t *x, char *in, size_t max)
{
	static const char *const words[] = { "\r\n", "\r\n", "\r\n.", "\r\n..",
		"a", "abc",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ".", "..",
		"aaaaaaaaaaaaaaaaaaaa\r\n", "\n", "\r", "\n.", "\r." };
	size_t kinds = next_random(x) % 2 == 0 ? 10 : 14;
	size_t len = 0, n;
	const char *word;

	max = next_random(x) % max;
	while (len < max) {
		word = words[next_random(x) % kinds];
		n = strlen(word);
		if (next_random(x) % 200 == 0) {
			word = "\0";
			n = 1;
		}
		if (n > max - len)
			n = max - len;
		memcpy(in + len, word, n);
		len += n;
	}
	return len;
}

/* Content of BDAT: what it has, in the plainest way. */
static void
naive_check(const char *in, size_t len, struct smtp_data *r)
{
	size_t i;

	memset(r, 0, sizeof(*r));
	for (i = 0; i < len; i++) {
		if (in[i] == '\r' && (i + 1 == len || in[i + 1] != '\n'))
			r->faults |= CR;
		if (in[i] == '\n' && (i == 0 || in[i - 1] != '\r'))
			r->faults |= LF;
		if (in[i] == '\0')
			r->faults |= NUL;
		if (in[i] == '.' &&
		    (i == 0 || (i > 1 && memcmp(in + i - 2, "\r\n", 2) == 0)))
			r->leading_dot = true;
	}
	r->ended =
	    len == 0 || (len > 1 && memcmp(in + len - 2, "\r\n", 2) == 0);
}

/* The first piece has first octets, the others chunk. */
static void
expect_checked(const char *in, size_t len, size_t first, size_t chunk)
{
	struct smtp_data want, d;
	size_t at = first;
	bool ended;

	naive_check(in, len, &want);
	smtp_data_init(&d);
	smtp_data_check(&d, in, first);
	for (; at < len; at += chunk)
		smtp_data_check(
		    &d, in + at, len - at < chunk ? len - at : chunk);
	ended = smtp_data_check_end(&d);
	if (d.faults != want.faults || d.leading_dot != want.leading_dot ||
	    ended != want.ended)
		fail_msg("%zu octets, %zu and then %zu: faults %u, not %u; "
			 "leading dot %d, not %d; ended %d, not %d",
		    len, first, chunk, d.faults, want.faults, d.leading_dot,
		    want.leading_dot, ended, want.ended);
}

static void
test_chunks_all_short(void **state)
{
	static const char octets[] = { '\r', '\n', '.', '\0', 'a' };
	char in[7];
	size_t len, first, i, n, all = 1;

	(void)state;
	for (len = 0; len <= sizeof(in); len++, all *= sizeof(octets)) {
		for (n = 0; n < all; n++) {
			size_t rest = n;

			for (i = 0; i < len; i++, rest /= sizeof(octets))
				in[i] = octets[rest % sizeof(octets)];
			for (first = 0; first <= len; first++)
				expect_checked(in, len, first, len + 1);
			expect_checked(in, len, 0, 1);
		}
	}
}

static void
test_chunks_random(void **state)
{
	uint32_t x = 3030;
	char in[1000];
	size_t len, first;
	int i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		len = random_message(&x, in, sizeof(in));
		first = next_random(&x) % (len + 1);
		expect_checked(in, len, first, len + 1);
		expect_checked(in, len, first, 1 + next_random(&x) % 100);
	}
}

/* No dot ends anything, and each piece can be in a buffer of its own. */
static void
test_chunks_are_no_data(void **state)
{
	struct smtp_data d;

	(void)state;
	smtp_data_init(&d);
	smtp_data_check(&d, S("a\r\n.\r\nb\r\n"));
	assert_false(d.ended);
	assert_true(d.leading_dot);
	assert_true(smtp_data_check_end(&d));
	assert_int_equal(d.faults, 0);
	smtp_data_init(&d);
	assert_true(smtp_data_check_end(&d)); /* nothing at all */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chunks_all_short),
		cmocka_unit_test(test_chunks_random),
		cmocka_unit_test(test_chunks_are_no_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

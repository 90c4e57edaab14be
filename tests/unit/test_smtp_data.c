/*
 * Message data: end of data, dots, smuggling, and the way back.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "naive_data.h"
#include "smtp_data.h"

#define CR SMTP_DATA_BARE_CR
#define LF SMTP_DATA_BARE_LF
#define NUL SMTP_DATA_NUL
#define S(text) text, sizeof(text) - 1

struct row {
	const char *name;
	const char *in;
	size_t len;
	const char *content;
	size_t content_len;
	unsigned faults;
	bool leading_dot;
	bool ended;
};

static const struct row plain[] = {
	{ "empty message", S(".\r\n"), S(""), 0, false, true },
	{ "one line", S("a\r\n.\r\n"), S("a\r\n"), 0, false, true },
	{ "an empty line", S("\r\n.\r\n"), S("\r\n"), 0, false, true },
	{ "header and body", S("A: b\r\n\r\nc\r\n.\r\n"),
	    S("A: b\r\n\r\nc\r\n"), 0, false, true },
	{ "not at its end", S("a\r\nb"), S("a\r\nb"), 0, false, false },
	{ "first octet is a dot", S("..a\r\n.\r\n"), S(".a\r\n"), 0, true,
	    true },
	{ "stuffed line", S("a\r\n..b\r\n.\r\n"), S("a\r\n.b\r\n"), 0, true,
	    true },
	{ "stuffed lone dot", S("..\r\n.\r\n"), S(".\r\n"), 0, true, true },
	{ "two dots stuffed", S("...\r\n.\r\n"), S("..\r\n"), 0, true, true },
	{ "unstuffed client", S("a\r\n.b\r\n.\r\n"), S("a\r\nb\r\n"), 0, false,
	    true },
	{ "dot inside a line", S("a.\r\n.\r\n"), S("a.\r\n"), 0, false, true },
	{ "dots, many lines", S("..\r\n..\r\n.a\r\n.\r\n"),
	    S(".\r\n.\r\na\r\n"), 0, true, true },
	{ "TAB and high octets", S("\t\xff\x80\r\n.\r\n"), S("\t\xff\x80\r\n"),
	    0, false, true },
};

/* PROTOCOLS.md 2.6 and relatives: each is followed by what the smuggler wants
 * to be read as commands.  The one end of data is the last. */
#define REST "MAIL\r\n"
static const struct row smuggling[] = {
	{ "LF . LF", S("a\n.\n" REST ".\r\n"), S("a\n.\n" REST), LF, false,
	    true },
	{ "LF . CRLF", S("a\n.\r\n" REST ".\r\n"), S("a\n.\r\n" REST), LF,
	    false, true },
	{ "CRLF . LF", S("a\r\n.\n" REST ".\r\n"), S("a\r\n\n" REST), LF, false,
	    true },
	{ "CR . CR", S("a\r.\r" REST ".\r\n"), S("a\r.\r" REST), CR, false,
	    true },
	{ "CR . CRLF", S("a\r.\r\n" REST ".\r\n"), S("a\r.\r\n" REST), CR,
	    false, true },
	{ "CRLF . CR", S("a\r\n.\r" REST ".\r\n"), S("a\r\n\r" REST), CR, false,
	    true },
	{ "CRLF NUL . CRLF", S("a\r\n\0.\r\n" REST ".\r\n"),
	    S("a\r\n\0.\r\n" REST), NUL, false, true },
	{ "CRLF . NUL CRLF", S("a\r\n.\0\r\n" REST ".\r\n"),
	    S("a\r\n\0\r\n" REST), NUL, false, true },
	{ "CRLF . CR NUL LF", S("a\r\n.\r\0\n" REST ".\r\n"),
	    S("a\r\n\r\0\n" REST), CR | NUL | LF, false, true },
	{ "CRLF . CR CR LF", S("a\r\n.\r\r\n" REST ".\r\n"),
	    S("a\r\n\r\r\n" REST), CR, false, true },
	{ "CRLF CR . CRLF", S("a\r\n\r.\r\n" REST ".\r\n"),
	    S("a\r\n\r.\r\n" REST), CR, false, true },
	{ "CRLF LF . CRLF", S("a\r\n\n.\r\n" REST ".\r\n"),
	    S("a\r\n\n.\r\n" REST), LF, false, true },
	{ "CR CR LF . CRLF is one", S("a\r\r\n.\r\n"), S("a\r\r\n"), CR, false,
	    true },
	{ "LF CR . CRLF", S("a\n\r.\r\n" REST ".\r\n"), S("a\n\r.\r\n" REST),
	    LF | CR, false, true },
	{ "CRLF . blank CRLF", S("a\r\n. \r\n" REST ".\r\n"),
	    S("a\r\n \r\n" REST), 0, false, true },
	{ "CRLF . TAB CRLF", S("a\r\n.\t\r\n" REST ".\r\n"),
	    S("a\r\n\t\r\n" REST), 0, false, true },
	{ "CRLF .. CRLF", S("a\r\n..\r\n" REST ".\r\n"), S("a\r\n.\r\n" REST),
	    0, true, true },
	{ "LF at the start", S("\n.\r\n" REST ".\r\n"), S("\n.\r\n" REST), LF,
	    false, true },
	{ "CR at the start", S("\r.\r\n" REST ".\r\n"), S("\r.\r\n" REST), CR,
	    false, true },
	{ "CRLF . CR . CRLF", S("a\r\n.\r.\r\n" REST ".\r\n"),
	    S("a\r\n\r.\r\n" REST), CR, false, true },
	{ "CRLF . CR x", S("a\r\n.\rx\r\n.\r\n"), S("a\r\n\rx\r\n"), CR, false,
	    true },
	{ "CRLF . LF CRLF", S("a\r\n.\n\r\n" REST ".\r\n"),
	    S("a\r\n\n\r\n" REST), LF, false, true },
};

static void
check(const struct row *t, const struct data_result *got, const char *how,
    size_t n)
{
	if (got->content_len == t->content_len &&
	    memcmp(got->content, t->content, t->content_len) == 0 &&
	    got->used == t->len && got->faults == t->faults &&
	    got->leading_dot == t->leading_dot && got->ended == t->ended)
		return;
	fail_msg("%s, %s %zu: %zu octets of content, used %zu, faults %u, "
		 "leading dot %d, ended %d",
	    t->name, how, n, got->content_len, got->used, got->faults,
	    got->leading_dot, got->ended);
}

/* All at once, byte by byte, split at each point. */
static void
check_row(const struct row *t)
{
	char content[256];
	struct data_result got = { .content = content };
	size_t i;

	assert_true(t->len <= sizeof(content));
	for (i = 0; i <= t->len; i++) {
		feed_data(t->in, t->len, i, t->len, &got);
		check(t, &got, "split at", i);
	}
	for (i = 1; i <= 4; i++) {
		feed_data(t->in, t->len, i, i, &got);
		check(t, &got, "pieces of", i);
	}
}

static void
test_plain(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		check_row(&plain[i]);
}

static void
test_smuggling(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(smuggling) / sizeof(smuggling[0]); i++)
		check_row(&smuggling[i]);
}

/* The same behind text of every length up to some blocks, so that every
 * position within a block meets every trick. */
static void
test_smuggling_in_blocks(void **state)
{
	char in[512], content[512];
	struct data_result got = { .content = content };
	struct row t;
	size_t i, pad;

	(void)state;
	for (i = 0; i < sizeof(smuggling) / sizeof(smuggling[0]); i++) {
		for (pad = 0; pad <= 200; pad++) {
			t = smuggling[i];
			memset(in, 'p', pad);
			memcpy(in + pad, "\r\n", 2);
			memcpy(in + pad + 2, t.in, t.len);
			t.in = in;
			t.len += pad + 2;
			feed_data(t.in, t.len, t.len, 1, &got);
			got.content += pad + 2;
			got.content_len -= pad + 2;
			check(&t, &got, "padded with", pad);
			got.content = content;
		}
	}
}

static void
test_behind_the_end(void **state)
{
	static const char in[] = "a\r\n.\r\nQUIT\r\n";
	struct smtp_data d;
	struct smtp_data_step step;

	(void)state;
	smtp_data_init(&d);
	step = smtp_data_next(&d, in, sizeof(in) - 1);
	assert_int_equal(step.used, 3);
	assert_false(d.ended);
	step = smtp_data_next(&d, in + 3, sizeof(in) - 1 - 3);
	assert_true(d.ended);
	assert_int_equal(step.used, 3); /* QUIT is not touched */
	assert_null(step.run);
}

/* A bare CR can be told only at the next octet, and is not told before. */
static void
test_cr_at_the_end_of_input(void **state)
{
	struct smtp_data d;

	(void)state;
	smtp_data_init(&d);
	smtp_data_next(&d, "a\r", 2);
	assert_int_equal(d.faults, 0);
	smtp_data_next(&d, "\n", 1);
	assert_int_equal(d.faults, 0);
	smtp_data_next(&d, "b\r", 2);
	smtp_data_next(&d, "\r", 1);
	assert_int_equal(d.faults, CR);
}

static void
test_no_input(void **state)
{
	struct smtp_data d;
	struct smtp_stuff s;
	struct smtp_data_step step;

	(void)state;
	smtp_data_init(&d);
	step = smtp_data_next(&d, NULL, 0);
	assert_true(step.used == 0 && step.run == NULL && !d.ended);
	smtp_stuff_init(&s);
	step = smtp_stuff_next(&s, NULL, 0);
	assert_true(step.used == 0 && step.run == NULL);
}

/* Lines without leading dots come out as one run, whatever their length. */
static void
test_long_runs(void **state)
{
	static char in[65536];
	struct smtp_data d;
	struct smtp_stuff s;
	struct smtp_data_step step;
	size_t line, i;

	(void)state;
	for (line = 3; line < 400; line++) {
		memset(in, '.', sizeof(in));
		for (i = 0; i + line <= sizeof(in); i += line) {
			in[i] = 'a';
			memcpy(in + i + line - 2, "\r\n", 2);
		}
		if (i < sizeof(in))
			in[i] = 'a';
		smtp_data_init(&d);
		step = smtp_data_next(&d, in, sizeof(in));
		assert_int_equal(step.used, sizeof(in));
		assert_ptr_equal(step.run, in);
		assert_int_equal(d.faults, 0);
		smtp_stuff_init(&s);
		step = smtp_stuff_next(&s, in, sizeof(in));
		assert_int_equal(step.used, sizeof(in));
	}
}

static uint32_t
next_random(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

static void
compare(const char *in, size_t len, size_t first, size_t chunk)
{
	char a[1024], b[1024];
	struct data_result want = { .content = a }, got = { .content = b };
	char text[4 * 1024 + 1];
	size_t i, n = 0;

	naive_data(in, len, &want);
	feed_data(in, len, first, chunk, &got);
	if (same_data(&want, &got))
		return;
	for (i = 0; i < len; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    in[i] < ' ' ? "\\x%02x" : "%c", (unsigned)in[i]);
	fail_msg("\"%s\" in pieces of %zu, %zu", text, first, chunk);
}

/* Every input of up to eight octets of those that matter. */
static void
test_all_short_inputs(void **state)
{
	static const char alphabet[] = { '\r', '\n', '.', '\0', 'a' };
	char in[8];
	size_t len, i, number, count = 1;

	(void)state;
	for (len = 1; len <= sizeof(in); len++) {
		count *= sizeof(alphabet);
		for (number = 0; number < count; number++) {
			size_t left = number;

			for (i = 0; i < len; i++) {
				in[i] = alphabet[left % sizeof(alphabet)];
				left /= sizeof(alphabet);
			}
			compare(in, len, len, len);
			compare(in, len, 1, 1);
			compare(in, len, number % len, len);
		}
	}
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

static void
test_random_inputs(void **state)
{
	uint32_t x = 20231218;
	char in[1000];
	size_t len;
	int i;

	(void)state;
	for (i = 0; i < 100000; i++) {
		len = random_message(&x, in, sizeof(in));
		compare(in, len, next_random(&x) % (len + 1),
		    1 + next_random(&x) % 200);
	}
}

static void
test_stuffing(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "", ".\r\n" },
		{ "a\r\n", "a\r\n.\r\n" },
		{ ".\r\n", "..\r\n.\r\n" },
		{ ".a\r\n.b\r\n", "..a\r\n..b\r\n.\r\n" },
		{ "..\r\n", "...\r\n.\r\n" },
		{ "a.b\r\n", "a.b\r\n.\r\n" },
		{ "no end", "no end\r\n.\r\n" },
		{ ".", "..\r\n.\r\n" },
		{ "a\r", "a\r\r\n.\r\n" },
		{ "a\n.b\r\n", "a\n.b\r\n.\r\n" },
		{ "a\r.b\r\n", "a\r.b\r\n.\r\n" },
		{ "\r\n.", "\r\n..\r\n.\r\n" },
		{ "a\r\n\r\n.", "a\r\n\r\n..\r\n.\r\n" },
	};
	char out[64];
	size_t i, chunk, len;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (chunk = 1; chunk < 8; chunk++) {
			len = stuff_data(
			    rows[i].in, strlen(rows[i].in), chunk, out);
			assert_int_equal(len, strlen(rows[i].out));
			assert_memory_equal(out, rows[i].out, len);
		}
	}
}

/* What was stuffed comes back, with a CRLF if the end had none. */
static void
test_round_trip(void **state)
{
	uint32_t x = 5321;
	char in[1000], wire[2 * sizeof(in) + 5], content[sizeof(wire)];
	struct data_result got = { .content = content };
	size_t len, n;
	int i;

	(void)state;
	for (i = 0; i < 50000; i++) {
		len = random_message(&x, in, sizeof(in) - 2);
		n = stuff_data(in, len, 1 + next_random(&x) % 300, wire);
		feed_data(wire, n, n, n, &got);
		assert_true(got.ended);
		assert_int_equal(got.used, n);
		if (len > 0 &&
		    (len < 2 || memcmp(in + len - 2, "\r\n", 2) != 0)) {
			memcpy(in + len, "\r\n", 2);
			len += 2;
		}
		assert_int_equal(got.content_len, len);
		assert_memory_equal(content, in, len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_smuggling),
		cmocka_unit_test(test_smuggling_in_blocks),
		cmocka_unit_test(test_behind_the_end),
		cmocka_unit_test(test_cr_at_the_end_of_input),
		cmocka_unit_test(test_no_input),
		cmocka_unit_test(test_long_runs),
		cmocka_unit_test(test_all_short_inputs),
		cmocka_unit_test(test_random_inputs),
		cmocka_unit_test(test_stuffing),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

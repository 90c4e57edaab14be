/*
 * What may be offered: each extension against what one and several servers of
 * one and several backends are known to take.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "caps.h"
#include "offer.h"
#include "pool.h"
#include "route.h"
#include "servers.h"

extern const struct backend backend_discard;
extern const struct backend backend_maildir;
extern const struct backend backend_smtp;

static struct servers *shared; /* all of them up, unless a test says so */

/* Routes 0 and 1 lead to servers, 2 and 3 to none. */
static struct server_conf servers[] = { { .name = "a" },
	{ .name = "b", .index = 1 } };
static const struct backend_conf confs[] = {
	{ .name = "in",
	    .type = &backend_smtp,
	    .servers = servers,
	    .server_count = 2 },
	{ .name = "out",
	    .type = &backend_smtp,
	    .servers = servers,
	    .server_count = 1 },
	{ .name = "store", .type = &backend_maildir },
	{ .name = "sink", .type = &backend_discard },
};

/* What a server is known to offer: "?" nothing is known, "!" it is down, else
 * lines of its reply with '|' between them. */
static void
teach(struct caps *c, const char *backend, const char *server, const char *what)
{
	struct ehlo e = { .have = 0 };
	size_t len;

	if (strcmp(what, "!") == 0)
		caps_lost(c, backend, server);
	if (strcmp(what, "?") == 0 || strcmp(what, "!") == 0)
		return;
	for (; *what != '\0'; what += len + (what[len] == '|')) {
		len = strcspn(what, "|");
		ehlo_line(&e, what, len);
	}
	caps_learn(c, backend, server, &e);
}

/* Routes by their digit.  A letter in front of it: 'r' rejects, 'd' defers,
 * 'i' discards (all without a backend), 'o' is for another listener, 't' for
 * this one. */
static size_t
make_routes(const char *via, struct route_conf *routes)
{
	static const char *here[] = { "other", "mx" };
	static const char *elsewhere[] = { "other" };
	size_t n = 0;

	for (; *via != '\0'; via++) {
		switch (*via) {
		case 'r':
			routes[n].action = ROUTE_REJECT;
			break;
		case 'd':
			routes[n].action = ROUTE_DEFER;
			break;
		case 'i':
			routes[n].action = ROUTE_DISCARD;
			break;
		case 'o':
			routes[n].listener.list = elsewhere;
			routes[n].listener.count = 1;
			break;
		case 't':
			routes[n].listener.list = here;
			routes[n].listener.count = 2;
			break;
		default:
			routes[n++].backend = (unsigned)(*via - '0');
		}
	}
	return n;
}

static struct ehlo
offer(const char *via, const char *in_a, const char *in_b, const char *out_a)
{
	struct route_conf routes[8];
	struct caps *c = caps_new(3);
	struct offer_routes to = { .list = routes, .listener = "mx" };
	struct ehlo r;

	memset(routes, 0, sizeof(routes));
	to.count = make_routes(via, routes);
	teach(c, "in", "a", in_a);
	teach(c, "in", "b", in_b);
	teach(c, "out", "a", out_a);
	offer_find(c, shared, confs, &to, &r);
	caps_free(&c);
	return r;
}

/* An extension, what a server has to say for it, and what does without. */
static const struct extension {
	unsigned bit;
	const char *with, *without;
	bool maildir, discard;
} extensions[] = {
	{ EHLO_8BITMIME, "8BITMIME", "SIZE 5|DSN", true, true },
	{ EHLO_SMTPUTF8, "8BITMIME|SMTPUTF8", "8BITMIME", true, true },
	{ EHLO_SMTPUTF8, "SMTPUTF8|8BITMIME", "SMTPUTF8", true, true },
	{ EHLO_DSN, "DSN", "8BITMIME|XDSN", false, false },
	{ EHLO_BINARYMIME, "CHUNKING|BINARYMIME", "BINARYMIME", false, true },
	{ EHLO_BINARYMIME, "BINARYMIME|CHUNKING", "CHUNKING", false, true },
	{ EHLO_REQUIRETLS, "REQUIRETLS", "STARTTLS", true, true },
};

static void
test_each_extension(void **state)
{
	const struct extension *x;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
		x = &extensions[i];
		const char *y = x->with, *n = x->without;
		const struct {
			const char *via, *a, *b, *out;
			bool want;
		} rows[] = {
			/* one backend with two servers */
			{ "0", y, y, "?", true },
			{ "0", y, n, "?", false },
			{ "0", n, y, "?", false },
			{ "0", n, n, "?", false },
			{ "0", y, "!", "?", true },
			{ "0", "!", y, "?", true },
			{ "0", n, "!", "?", false },
			{ "0", y, "?", "?", true },
			{ "0", n, "?", "?", false },
			{ "0", "?", "?", y, false },
			{ "0", "!", "!", y, false },
			{ "0", "!", "?", y, false },
			{ "0", "", y, "?", false },
			/* two backends */
			{ "01", y, y, y, true },
			{ "01", y, y, n, false },
			{ "01", y, n, y, false },
			{ "10", y, y, n, false },
			{ "01", y, y, "!", true },
			{ "01", "!", "!", y, true },
			{ "01", "!", "!", n, false },
			{ "01", "!", "!", "!", false },
			{ "01", y, y, "?", false },
			{ "01", "?", "?", y, false },
			{ "01", "?", "!", "!", false },
			{ "0110", y, y, y, true },
			/* others do not count if no route leads there */
			{ "1", n, n, y, true },
			{ "", y, y, y, false },
			/* nor where nothing goes to a backend */
			{ "r01", n, n, y, true },
			{ "d01", n, n, y, true },
			{ "i01", n, n, y, true },
			{ "r0", y, y, y, false },
			/* nor what is for another listener */
			{ "o01", n, n, y, true },
			{ "t01", n, n, y, false },
			{ "t01", y, y, y, true },
			/* backends without servers */
			{ "2", "?", "?", "?", x->maildir },
			{ "3", "?", "?", "?", x->discard },
			{ "02", y, y, "?", x->maildir },
			{ "03", y, y, "?", x->discard },
			{ "02", n, n, "?", false },
			{ "03", n, y, "?", false },
			{ "03", "!", "!", "?", x->discard },
			{ "03", "?", "?", "?", false },
		};

		for (k = 0; k < sizeof(rows) / sizeof(rows[0]); k++)
			if (((offer(rows[k].via, rows[k].a, rows[k].b,
				  rows[k].out)
				     .have &
				 x->bit) != 0) != rows[k].want)
				fail_msg("extension %zu, row %zu", i, k);
	}
}

/* What gets no mail promises nothing, and takes nothing away. */
static void
test_drained(void **state)
{
	(void)state;
	assert_true(servers_drain(shared, "in/b", 1));
	assert_int_equal(offer("0", "DSN", "", "?").have, EHLO_DSN);
	assert_int_equal(offer("0", "?", "DSN", "?").have, 0);
	assert_true(servers_enable(shared, "in/b", 2));
	assert_int_equal(offer("0", "DSN", "", "?").have, 0);
	assert_int_equal(offer("0", "?", "DSN", "?").have, EHLO_DSN);
}

static void
test_down(void **state)
{
	const struct servers_policy policy = { .fall = 1, .rise = 1 };

	(void)state;
	assert_true(servers_failed(shared, 0, &policy, 1, "a test"));
	assert_int_equal(offer("0", "", "DSN", "?").have, EHLO_DSN);
	assert_true(servers_worked(shared, 0, &policy, 2, true));
	assert_int_equal(offer("0", "", "DSN", "?").have, 0);
}

static int
set_up(void **state)
{
	(void)state;
	shared = servers_new();
	return servers_take(shared, "in/a", "1") == 0 &&
		servers_take(shared, "in/b", "1") == 1
	    ? 0
	    : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	servers_free(&shared);
	return 0;
}

/* What postern does by itself is none of this. */
static void
test_own_extensions(void **state)
{
	(void)state;
	assert_int_equal(
	    offer("0", "PIPELINING|SIZE|CHUNKING|AUTH PLAIN|DSN", "?", "?")
		.have,
	    EHLO_DSN);
}

static void
test_numbers(void **state)
{
	static const struct {
		const char *via, *a, *b, *out;
		uint64_t size;
		uint32_t rcpt_max;
	} rows[] = {
		{ "0", "DSN", "DSN", "?", 0, 0 },
		{ "0", "SIZE 100000", "SIZE", "?", 95904, 0 },
		{ "0", "SIZE", "SIZE 100000", "?", 95904, 0 },
		{ "0", "SIZE 100000", "SIZE 50000", "?", 45904, 0 },
		{ "0", "SIZE 100000", "!", "SIZE 10000", 95904, 0 },
		{ "01", "SIZE 100000", "?", "SIZE 10000", 5904, 0 },
		{ "013", "SIZE 100000", "?", "SIZE 10000", 5904, 0 },
		/* what is too small for the room keeps half of it */
		{ "0", "SIZE 8192", "?", "?", 4096, 0 },
		{ "0", "SIZE 5", "?", "?", 3, 0 },
		{ "0", "SIZE 1", "?", "?", 1, 0 },
		{ "0", "LIMITS RCPTMAX=9", "LIMITS MAILMAX=3", "?", 0, 9 },
		{ "01", "LIMITS RCPTMAX=9", "", "LIMITS RCPTMAX=5", 0, 5 },
	};
	struct ehlo e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		e = offer(rows[i].via, rows[i].a, rows[i].b, rows[i].out);
		assert_int_equal(e.size, rows[i].size);
		assert_int_equal(e.rcpt_max, rows[i].rcpt_max);
	}
}

/* Of one backend, whatever the others take. */
static void
test_recipients(void **state)
{
	static const struct {
		const char *a, *b;
		uint32_t most;
	} rows[] = {
		{ "?", "?", 0 },
		{ "DSN", "?", 0 },
		{ "LIMITS RCPTMAX=9", "?", 9 },
		{ "LIMITS RCPTMAX=9", "LIMITS RCPTMAX=5", 5 },
		{ "LIMITS RCPTMAX=9", "DSN", 9 },
		{ "LIMITS RCPTMAX=9", "!", 9 },
	};
	struct caps *c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		c = caps_new(3);
		teach(c, "in", "a", rows[i].a);
		teach(c, "in", "b", rows[i].b);
		teach(c, "out", "a", "LIMITS RCPTMAX=2");
		assert_int_equal(
		    offer_rcpt_max(c, shared, &confs[0]), rows[i].most);
		assert_int_equal(offer_rcpt_max(c, shared, &confs[3]), 0);
		caps_free(&c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_extension),
		cmocka_unit_test(test_drained),
		cmocka_unit_test(test_down),
		cmocka_unit_test(test_own_extensions),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_recipients),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

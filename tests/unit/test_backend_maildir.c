/*
 * The backends without a server: requests to the agent, and discard.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_delivery.h"
#include "gateway/opt.h"

extern const struct backend backend_discard;
extern const struct backend backend_maildir;
extern const struct backend backend_sendmail;

#define SCRIPT(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define REST(to) \
	"\nfrom me@example.com\nto " to "\nsize 1000\n\n<commit><plain>"

static struct delivery dl;
static char *conf; /* of the backend: its only option is a path */

static void
begin(const struct backend *b, const char *path, size_t rcpts)
{
	const struct opt *o = b->options;

	fake_end(&dl);
	fake_begin(&dl, b, rcpts);
	free(conf);
	conf = calloc(1, b->conf_size + 1);
	assert_non_null(conf);
	if (o != NULL)
		memcpy(conf + o->offset, &path, sizeof(path));
	dl.conf = conf;
}

static void
set_rcpt(size_t i, const char *text, const char *local, const char *domain)
{
	dl.rcpts[i].addr.text = text;
	dl.rcpts[i].addr.local = local;
	dl.rcpts[i].addr.domain = dl.rcpts[i].addr.plain = domain;
}

static void
play(const struct backend *b, const char *const *script)
{
	const char *instead = fake_play(&dl, b, script);

	if (instead != NULL)
		fail_msg("sent instead: \"%s\"", instead);
}

static void
expect(size_t i, enum dl_stage stage, int code)
{
	assert_true(dl.results[i].set);
	assert_int_equal(dl.results[i].reply.code, code);
	assert_int_equal(dl.results[i].stage, stage);
}

static void
discard(void **state)
{
	(void)state;
	begin(&backend_discard, NULL, 2);
	play(&backend_discard, (const char *const[]){ NULL });
	expect(0, DL_STAGE_FINAL, 250);
	expect(1, DL_STAGE_FINAL, 250);
}

/* One request per recipient, and each its own result. */
static void
sendmail_requests(void **state)
{
	(void)state;
	begin(&backend_sendmail, "/x", 2);
	set_rcpt(1, "b c%@example.org", "b c%", "example.org");
	play(&backend_sendmail,
	    SCRIPT("C sendmail some%20where" REST("a@example.org"),
		"S 250 2.0.0 handed over",
		"C sendmail some%20where" REST("b%20c%25@example.org"),
		"S 550 5.1.1 no such user"));
	expect(0, DL_STAGE_FINAL, 250);
	expect(1, DL_STAGE_FINAL, 550);
	assert_true(dl.reusable);
}

/* What a program could take for an option is refused, and nobody gets the
 * message. */
static void
sendmail_options(void **state)
{
	(void)state;
	begin(&backend_sendmail, "/x", 2);
	set_rcpt(1, "-bd@example.org", "-bd", "example.org");
	play(&backend_sendmail, (const char *const[]){ NULL });
	expect(0, DL_STAGE_COMMAND, 451);
	assert_true(dl.held[0]);
	expect(1, DL_STAGE_COMMAND, 553);
	begin(&backend_sendmail, "/x", 2);
	dl.envelope.sender.text = "-oQ/tmp@example.net";
	play(&backend_sendmail, (const char *const[]){ NULL });
	expect(0, DL_STAGE_COMMAND, 553);
	expect(1, DL_STAGE_COMMAND, 553);
}

/* Several backends: nothing is sent before all agree. */
static void
sendmail_shared(void **state)
{
	(void)state;
	begin(&backend_sendmail, "/x", 1);
	dl.shared = true;
	assert_int_equal(backend_sendmail.deliver(&dl), DELIVERY_PENDING);
	assert_string_equal(dl.sent, "<agree>");
	dl.resume(&dl);
	assert_string_equal(
	    dl.sent, "<agree>sendmail some%20where" REST("a@example.org"));
}

static void
requests(void **state)
{
	(void)state;
	assert_string_equal(backend_maildir.options[0].name, "path");
	assert_true(backend_maildir.options[0].required);
	begin(&backend_maildir, "/m/%d/%u", 3);
	set_rcpt(0, "Ann@example.org", "Ann", "example.org");
	set_rcpt(1, "\"b b\"@example.org", "\"b b\"", "example.org");
	set_rcpt(2, "c%d@example.org", "c%d", "example.org");
	play(&backend_maildir,
	    SCRIPT("C maildir /m/example.org/Ann" REST("Ann@example.org"),
		"S 250 2.0.0 saved",
		"C maildir /m/example.org/b%20b" REST("\"b%20b\"@example.org"),
		"S 452 4.3.1 full",
		"C maildir /m/example.org/c%25d" REST("c%25d@example.org"),
		"S 250 2.0.0 saved"));
	expect(0, DL_STAGE_FINAL, 250);
	expect(1, DL_STAGE_FINAL, 452);
	expect(2, DL_STAGE_FINAL, 250);
	assert_true(dl.reusable);

	/* However the domain is written, it is one directory. */
	begin(&backend_maildir, "/m/%d", 1);
	set_rcpt(0, "a@b\303\274.test", "a", "b\303\274.test");
	dl.rcpts[0].addr.plain = "xn--b-eha.test";
	play(&backend_maildir,
	    SCRIPT("C maildir /m/xn--b-eha.test" REST("a@b\303\274.test"),
		"S 250 2.0.0 saved"));
}

static void
templates(void **state)
{
	(void)state;
	begin(&backend_maildir, "all mail/100%%\t\x7f", 1);
	set_rcpt(0, "postmaster", "postmaster", "");
	play(&backend_maildir,
	    SCRIPT("C maildir all%20mail/100%25%09%7F" REST("postmaster"),
		"S 250 2.0.0 saved"));
	expect(0, DL_STAGE_FINAL, 250);

	begin(&backend_maildir, "/m/%x", 1);
	set_rcpt(0, "a@b", "a", "b");
	play(&backend_maildir, (const char *const[]){ NULL });
	expect(0, DL_STAGE_SESSION, 451);
	begin(&backend_maildir, "/m/%", 1);
	set_rcpt(0, "a@b", "a", "b");
	play(&backend_maildir, (const char *const[]){ NULL });
	expect(0, DL_STAGE_SESSION, 451);
}

/* One name that is not allowed: nobody gets the message. */
static void
names(void **state)
{
	static const char *const bad[] = { "", ".", "..", ".a", "../a", "a/b",
		"/a", "a/", "a\tb", "a\x7f" };
	static const char *const quoted[] = { "\"\"", "\"..\"", "\".a\"",
		"\"\\../a\"", "\"a/b\"", "\"a\\/b\"", "\"a\tb\"" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin(&backend_maildir, "/m/%u", 2);
		set_rcpt(0, "x@example.org", "x", "");
		set_rcpt(1, "y@example.org", bad[i], "example.org");
		play(&backend_maildir, (const char *const[]){ NULL });
		expect(0, DL_STAGE_COMMAND, 451);
		expect(1, DL_STAGE_COMMAND, 553);
		assert_string_equal(dl.results[1].reply.enhanced, "5.1.3");
		begin(&backend_maildir, "/m/%d", 1);
		set_rcpt(0, "x@example.org", "x", bad[i]);
		play(&backend_maildir, (const char *const[]){ NULL });
		expect(0, DL_STAGE_COMMAND, 553);
	}
	for (i = 0; i < sizeof(quoted) / sizeof(quoted[0]); i++) {
		begin(&backend_maildir, "/m/%u", 1);
		set_rcpt(0, "y@example.org", quoted[i], "example.org");
		play(&backend_maildir, (const char *const[]){ NULL });
		expect(0, DL_STAGE_COMMAND, 553);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(discard),
		cmocka_unit_test(sendmail_requests),
		cmocka_unit_test(sendmail_options),
		cmocka_unit_test(sendmail_shared),
		cmocka_unit_test(requests),
		cmocka_unit_test(templates),
		cmocka_unit_test(names),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	fake_end(&dl);
	free(conf);
	return failed;
}

/*
 * The dialogue with SMTP and LMTP servers, against scripts.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_delivery.h"

extern const struct backend backend_lmtp;
extern const struct backend backend_smtp;

#define PLAIN_HELLO "S 220 mx", "C EHLO gw.example.net|", "S 250 mx"
#define PIPE_HELLO \
	"S 220 mx", "C EHLO gw.example.net|", "S 250-mx hi|250 PIPELINING"
#define PIPE_LHLO \
	"S 220 mx", "C LHLO gw.example.net|", "S 250-mx hi|250 PIPELINING"
#define MAIL "MAIL FROM:<me@example.com>|"
#define RCPT(x) "RCPT TO:<" x "@example.org>|"
#define SCRIPT(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct delivery dl;

static void
play(const struct backend *b, const char *const *script)
{
	const char *instead = fake_play(&dl, b, script);

	if (instead != NULL)
		fail_msg("sent instead: \"%s\"", instead);
	assert_true(!dl.reusable || dl.failed[0] == '\0');
}

static void
play_new(const struct backend *b, size_t rcpts, const char *const *script)
{
	fake_end(&dl);
	fake_begin(&dl, b, rcpts);
	play(b, script);
}

static void
expect(size_t i, enum dl_stage stage, int code)
{
	assert_true(dl.results[i].set);
	assert_int_equal(dl.results[i].reply.code, code);
	assert_int_equal(dl.results[i].stage, stage);
}

static void
expect_link(bool reusable, bool reset_after)
{
	assert_string_equal(dl.failed, "");
	assert_int_equal(dl.reusable, reusable);
	assert_int_equal(dl.reset_after, reset_after);
}

static void
expect_failed(const char *part)
{
	if (strstr(dl.failed, part) == NULL)
		fail_msg("failed with \"%s\"", dl.failed);
	assert_false(dl.reusable);
}

static void
lock_step(void **state)
{
	(void)state;
	play_new(&backend_smtp, 2,
	    SCRIPT(PLAIN_HELLO, "C " MAIL, "S 250 ok", "C " RCPT("a"),
		"S 250 ok", "C " RCPT("b"), "S 251 ok", "C DATA|", "S 354 go",
		"C <commit><dotted>", "S 250 2.0.0 queued"));
	expect(0, DL_STAGE_FINAL, 250);
	expect(1, DL_STAGE_FINAL, 250);
	expect_link(true, false);
	assert_true(dl.committed);
}

static void
lock_step_refusals(void **state)
{
	(void)state;
	play_new(&backend_smtp, 2, SCRIPT(PLAIN_HELLO, "C " MAIL, "S 550 no"));
	expect(0, DL_STAGE_COMMAND, 550);
	expect(1, DL_STAGE_COMMAND, 550);
	expect_link(true, true);

	/* The others are asked all the same, and told the rule. */
	play_new(&backend_smtp, 3,
	    SCRIPT(PLAIN_HELLO, "C " MAIL, "S 250 ok", "C " RCPT("a"),
		"S 550 no", "C " RCPT("b"), "S 250 ok", "C " RCPT("c"),
		"S 452 full"));
	expect(0, DL_STAGE_COMMAND, 550);
	expect(1, DL_STAGE_COMMAND, 451);
	assert_string_equal(dl.results[1].reply.enhanced, "4.5.3");
	expect(2, DL_STAGE_COMMAND, 452);
	expect_link(true, true);
	assert_false(dl.committed);

	play_new(&backend_smtp, 1,
	    SCRIPT(PLAIN_HELLO, "C " MAIL, "S 250 ok", "C " RCPT("a"),
		"S 250 ok", "C DATA|", "S 451 later"));
	expect(0, DL_STAGE_COMMAND, 451);
	expect_link(true, true);
	assert_false(dl.committed);
}

static void
pipelined_one(void **state)
{
	(void)state;
	play_new(&backend_smtp, 1,
	    SCRIPT(PIPE_HELLO, "C " MAIL RCPT("a") "DATA|", "S 250 ok",
		"S 250 ok", "S 354 go", "C <commit><dotted>", "S 250 done"));
	expect(0, DL_STAGE_FINAL, 250);
	expect_link(true, false);

	/* The link is used again: no greeting, no EHLO, no reset. */
	fake_again(&dl, &backend_smtp);
	play(&backend_smtp,
	    SCRIPT("C " MAIL RCPT("a") "DATA|", "S 250 ok", "S 250 ok",
		"S 354 go", "C <commit><dotted>", "S 554 5.6.0 spam"));
	expect(0, DL_STAGE_FINAL, 554);
	expect_link(true, true);

	/* Now with a reset in the same write. */
	fake_again(&dl, &backend_smtp);
	play(&backend_smtp,
	    SCRIPT("C RSET|" MAIL RCPT("a") "DATA|", "S 250 flushed",
		"S 250 ok", "S 250 ok", "S 354 go", "C <commit><dotted>",
		"S 250 done"));
	expect(0, DL_STAGE_FINAL, 250);
	expect_link(true, false);
}

static void
pipelined_many(void **state)
{
	(void)state;
	play_new(&backend_smtp, 2,
	    SCRIPT(PIPE_HELLO, "C " MAIL RCPT("a") RCPT("b"), "S 250 ok",
		"S 250 ok", "S 250 ok", "C DATA|", "S 354 go",
		"C <commit><dotted>", "S 452 full"));
	expect(0, DL_STAGE_FINAL, 452);
	expect(1, DL_STAGE_FINAL, 452);
	expect_link(true, true);

	/* Some refused, all refused, MAIL refused: never DATA. */
	play_new(&backend_smtp, 2,
	    SCRIPT(PIPE_HELLO, "C " MAIL RCPT("a") RCPT("b"), "S 250 ok",
		"S 250 ok", "S 550 5.1.1 no"));
	expect(0, DL_STAGE_COMMAND, 451);
	expect(1, DL_STAGE_COMMAND, 550);
	expect_link(true, true);
	play_new(&backend_smtp, 2,
	    SCRIPT(PIPE_HELLO, "C " MAIL RCPT("a") RCPT("b"), "S 250 ok",
		"S 551 no", "S 550 no"));
	expect(0, DL_STAGE_COMMAND, 551);
	expect(1, DL_STAGE_COMMAND, 550);
	expect_link(true, true);
	play_new(&backend_smtp, 2,
	    SCRIPT(PIPE_HELLO, "C " MAIL RCPT("a") RCPT("b"), "S 451 no",
		"S 503 no mail", "S 503 no mail"));
	expect(0, DL_STAGE_COMMAND, 451);
	expect(1, DL_STAGE_COMMAND, 451);
	expect_link(true, true);
}

static void
data_with_refused_rcpt(void **state)
{
	(void)state;
	play_new(&backend_smtp, 1,
	    SCRIPT(PIPE_HELLO, "C " MAIL RCPT("a") "DATA|", "S 250 ok",
		"S 550 5.1.1 no", "S 503 no recipients"));
	expect(0, DL_STAGE_COMMAND, 550);
	expect_link(true, true);

	play_new(&backend_smtp, 1,
	    SCRIPT(PIPE_HELLO, "C " MAIL RCPT("a") "DATA|", "S 250 ok",
		"S 550 5.1.1 no", "S 354 go", "C .|", "S 554 no recipients"));
	expect(0, DL_STAGE_COMMAND, 550);
	expect_link(true, true);
	assert_false(dl.committed);

	/* MAIL failed. */
	play_new(&backend_smtp, 1,
	    SCRIPT(PIPE_HELLO, "C " MAIL RCPT("a") "DATA|", "S 550 no",
		"S 503 no", "S 354 go", "C .|", "S 503 no"));
	expect(0, DL_STAGE_COMMAND, 550);
	expect_link(true, true);

	/* A dot could deliver an empty message: close instead. */
	play_new(&backend_smtp, 1,
	    SCRIPT(PIPE_HELLO, "C " MAIL RCPT("a") "DATA|", "S 550 no",
		"S 250 ok", "S 354 go"));
	expect(0, DL_STAGE_COMMAND, 550);
	expect_failed("DATA without a recipient");

	/* A lone dot that is accepted, or ends the connection. */
	play_new(&backend_smtp, 1,
	    SCRIPT(PIPE_HELLO, "C " MAIL RCPT("a") "DATA|", "S 250 ok",
		"S 550 no", "S 354 go", "C .|", "S 250 queued"));
	expect_failed("without a recipient");
	play_new(&backend_smtp, 1,
	    SCRIPT(PIPE_HELLO, "C " MAIL RCPT("a") "DATA|", "S 250 ok",
		"S 550 no", "S 354 go", "C .|", "S 421 bye"));
	expect(0, DL_STAGE_COMMAND, 550);
	expect_link(false, false);

	/* LMTP would never answer the dot. */
	play_new(&backend_lmtp, 1,
	    SCRIPT(PIPE_LHLO, "C " MAIL RCPT("a") "DATA|", "S 250 ok",
		"S 550 no", "S 354 go"));
	expect(0, DL_STAGE_COMMAND, 550);
	expect_failed("DATA without a recipient");
}

static void
wrong_classes(void **state)
{
	(void)state;
	play_new(&backend_smtp, 1, SCRIPT("S 250 mx"));
	expect_failed("connection");
	play_new(&backend_smtp, 1,
	    SCRIPT("S 220 mx", "C EHLO gw.example.net|", "S 220 mx"));
	expect_failed("greeting");
	play_new(&backend_smtp, 1, SCRIPT(PLAIN_HELLO, "C " MAIL, "S 354 go"));
	expect_failed("MAIL");
	play_new(&backend_smtp, 1,
	    SCRIPT(
		PLAIN_HELLO, "C " MAIL, "S 250 ok", "C " RCPT("a"), "S 334 x"));
	expect_failed("RCPT");
	/* A 250 to DATA is no acceptance. */
	play_new(&backend_smtp, 1,
	    SCRIPT(PIPE_HELLO, "C " MAIL RCPT("a") "DATA|", "S 250 ok",
		"S 250 ok", "S 250 ok"));
	expect_failed("DATA: 250 ok");
	assert_false(dl.results[0].set);
	assert_false(dl.committed);
	play_new(&backend_smtp, 1,
	    SCRIPT(PIPE_HELLO, "C " MAIL RCPT("a") "DATA|", "S 250 ok",
		"S 250 ok", "S 354 go", "C <commit><dotted>", "S 354 go"));
	expect_failed("message");
	assert_false(dl.results[0].set);
}

static void
session_refusals(void **state)
{
	(void)state;
	play_new(&backend_smtp, 2, SCRIPT("S 554 no"));
	expect(0, DL_STAGE_SESSION, 554);
	expect(1, DL_STAGE_SESSION, 554);
	expect_link(false, false);
	play_new(&backend_smtp, 1, SCRIPT("S 421 busy"));
	expect(0, DL_STAGE_SESSION, 421);
	expect_link(false, false);
	play_new(&backend_smtp, 1,
	    SCRIPT("S 220 mx", "C EHLO gw.example.net|", "S 451 later"));
	expect(0, DL_STAGE_SESSION, 451);
	expect_link(false, false);
	play_new(&backend_smtp, 1,
	    SCRIPT("S 220 mx", "C EHLO gw.example.net|", "S 502 what",
		"C HELO gw.example.net|", "S 550 no"));
	expect(0, DL_STAGE_SESSION, 550);
	expect_link(false, false);
	play_new(&backend_lmtp, 1,
	    SCRIPT("S 220 mx", "C LHLO gw.example.net|", "S 500 what"));
	expect(0, DL_STAGE_SESSION, 500);
	expect_link(false, false);
}

/* A server that knows HELO only gets no parameters and no pipelining, whatever
 * its refusal of EHLO looked like. */
static void
helo(void **state)
{
	(void)state;
	fake_end(&dl);
	fake_begin(&dl, &backend_smtp, 1);
	dl.envelope.body = BODY_8BITMIME;
	play(&backend_smtp,
	    SCRIPT("S 220 mx", "C EHLO gw.example.net|",
		"S 500-what|500-PIPELINING|500-SIZE 10|500 8BITMIME",
		"C HELO gw.example.net|", "S 250 mx", "C " MAIL, "S 250 ok",
		"C " RCPT("a"), "S 250 ok", "C DATA|", "S 354 go",
		"C <commit><dotted>", "S 250 done"));
	expect(0, DL_STAGE_FINAL, 250);
	expect_link(true, false);
}

static void
keywords(void **state)
{
	(void)state;
	fake_end(&dl);
	fake_begin(&dl, &backend_smtp, 1);
	dl.envelope.body = BODY_8BITMIME;
	dl.envelope.sender.text = "";
	play(&backend_smtp,
	    SCRIPT("S 220 mx", "C EHLO gw.example.net|",
		"S 250-PIPELINING|250-size 1000|250-XPIPELINING|250 8BitMime",
		"C MAIL FROM:<> SIZE=1000 BODY=8BITMIME|", "S 250 ok",
		"C " RCPT("a"), "S 250 ok", "C DATA|", "S 354 go",
		"C <commit><dotted>", "S 250 done"));
	expect_link(true, false);

	/* Content that nobody was promised 8BITMIME for goes as it is. */
	fake_end(&dl);
	fake_begin(&dl, &backend_smtp, 1);
	dl.envelope.body = BODY_8BITMIME;
	play(&backend_smtp,
	    SCRIPT(PIPE_HELLO, "C " MAIL RCPT("a") "DATA|", "S 250 ok",
		"S 250 ok", "S 354 go", "C <commit><dotted>", "S 250 done"));
	expect_link(true, false);
}

#define ALL_HELLO                                                        \
	"S 220 mx", "C EHLO gw.example.net|",                            \
	    "S 250-mx|250-PIPELINING|250-8BITMIME|250-SMTPUTF8|250-DSN|" \
	    "250-CHUNKING|250-BINARYMIME|250-REQUIRETLS|250 AUTH PLAIN"

/* Everything that a client can ask for is written anew. */
static void
parameters(void **state)
{
	(void)state;
	fake_end(&dl);
	fake_begin(&dl, &backend_smtp, 2);
	dl.envelope.body = BODY_8BITMIME;
	dl.envelope.ret = DSN_RET_HDRS;
	dl.envelope.envid = "a+b c";
	dl.envelope.auth = "me@x";
	dl.envelope.needs =
	    EHLO_8BITMIME | EHLO_SMTPUTF8 | EHLO_DSN | EHLO_REQUIRETLS;
	dl.rcpts[0].notify = DSN_NEVER;
	dl.rcpts[1].notify = DSN_SUCCESS | DSN_DELAY;
	dl.rcpts[1].orcpt_type = "rfc822";
	dl.rcpts[1].orcpt = "o=x@y";
	play(&backend_smtp,
	    SCRIPT(ALL_HELLO,
		"C MAIL FROM:<me@example.com> BODY=8BITMIME SMTPUTF8 "
		"REQUIRETLS RET=HDRS ENVID=a+2Bb+20c AUTH=<>|"
		"RCPT TO:<a@example.org> NOTIFY=NEVER|"
		"RCPT TO:<b@example.org> NOTIFY=SUCCESS,DELAY "
		"ORCPT=rfc822;o+3Dx@y|",
		"S 250 ok", "S 250 ok", "S 250 ok", "C DATA|", "S 354 go",
		"C <commit><dotted>", "S 250 done"));
	expect_link(true, false);
	assert_int_equal(dl.offered.have & EHLO_DSN, EHLO_DSN);

	/* Who has authenticated is believed. */
	fake_again(&dl, &backend_smtp);
	dl.client.login = "me";
	dl.envelope.needs = 0;
	dl.envelope.body = BODY_UNSPECIFIED;
	dl.envelope.ret = DSN_RET_FULL;
	dl.envelope.envid = NULL;
	dl.envelope.count = 1;
	play(&backend_smtp,
	    SCRIPT("C MAIL FROM:<me@example.com> RET=FULL AUTH=me@x|"
		   "RCPT TO:<a@example.org> NOTIFY=NEVER|DATA|",
		"S 550 no", "S 503 no", "S 503 no"));
	expect_link(true, true);
}

/* What the server lacks is found before anything is sent. */
static void
unfit(void **state)
{
	(void)state;
	fake_end(&dl);
	fake_begin(&dl, &backend_smtp, 1);
	dl.envelope.needs = EHLO_SMTPUTF8 | EHLO_DSN | EHLO_8BITMIME;
	play(&backend_smtp,
	    SCRIPT("S 220 mx", "C EHLO gw.example.net|",
		"S 250-mx|250-8BITMIME|250 PIPELINING"));
	assert_int_equal(dl.lacks, EHLO_SMTPUTF8 | EHLO_DSN);
	assert_false(dl.results[0].set);

	/* So it is with HELO, */
	fake_end(&dl);
	fake_begin(&dl, &backend_smtp, 1);
	dl.envelope.needs = EHLO_8BITMIME;
	play(&backend_smtp,
	    SCRIPT("S 220 mx", "C EHLO gw.example.net|", "S 500-|500 8BITMIME",
		"C HELO gw.example.net|", "S 250 mx"));
	assert_int_equal(dl.lacks, EHLO_8BITMIME);

	/* and on a link that is used again. */
	fake_end(&dl);
	fake_begin(&dl, &backend_lmtp, 1);
	play(&backend_lmtp,
	    SCRIPT(PIPE_LHLO, "C " MAIL RCPT("a") "DATA|", "S 250 ok",
		"S 250 ok", "S 354 go", "C <commit><dotted>", "S 250 done"));
	fake_again(&dl, &backend_lmtp);
	dl.envelope.needs = EHLO_8BITMIME;
	play(&backend_lmtp, SCRIPT(NULL));
	assert_int_equal(dl.lacks, EHLO_8BITMIME);
}

/* Binary content goes in one chunk, behind the replies to RCPT. */
static void
binary(void **state)
{
	(void)state;
	fake_end(&dl);
	fake_begin(&dl, &backend_smtp, 1);
	dl.envelope.body = BODY_BINARYMIME;
	play(&backend_smtp,
	    SCRIPT(ALL_HELLO,
		"C MAIL FROM:<me@example.com> BODY=BINARYMIME|" RCPT("a"),
		"S 250 ok", "S 250 ok", "C <commit>BDAT 1000 LAST|<plain>",
		"S 250 done"));
	expect(0, DL_STAGE_FINAL, 250);
	expect_link(true, false);
	assert_true(dl.committed);

	fake_end(&dl);
	fake_begin(&dl, &backend_lmtp, 2);
	dl.envelope.body = BODY_BINARYMIME;
	play(&backend_lmtp,
	    SCRIPT("S 220 mx", "C LHLO gw.example.net|",
		"S 250-mx|250-PIPELINING|250-CHUNKING|250 BINARYMIME",
		"C MAIL FROM:<me@example.com> BODY=BINARYMIME|" RCPT("a")
		    RCPT("b"),
		"S 250 ok", "S 250 ok", "S 250 ok",
		"C <commit>BDAT 1000 LAST|<plain>", "S 250 done",
		"S 552 5.2.2 full"));
	expect(0, DL_STAGE_FINAL, 250);
	expect(1, DL_STAGE_FINAL, 552);
	expect_link(true, true);
}

static void
size_hello(const char *hello, bool fits)
{
	fake_end(&dl);
	fake_begin(&dl, &backend_smtp, 1);
	if (fits) {
		play(&backend_smtp,
		    SCRIPT("S 220 mx", "C EHLO gw.example.net|", hello,
			"C MAIL FROM:<me@example.com> SIZE=1000|", "S 452 x"));
		expect(0, DL_STAGE_COMMAND, 452);
		expect_link(true, true);
		return;
	}
	play(
	    &backend_smtp, SCRIPT("S 220 mx", "C EHLO gw.example.net|", hello));
	assert_int_not_equal(dl.too_big, 0);
	expect_link(true, false);
}

static void
size(void **state)
{
	(void)state;
	size_hello("S 250-mx|250 SIZE 999", false);
	size_hello("S 250-mx|250 SIZE 1", false);
	size_hello("S 250-mx|250 SIZE 1000", true);
	size_hello("S 250-mx|250 SIZE 0", true);
	size_hello("S 250-mx|250 SIZE", true);
	size_hello("S 250-mx|250 SIZE  1000", true);
	size_hello("S 250-mx|250 SIZE 1x", true);
	size_hello("S 250-mx|250 SIZE 18446744073709551626", true);

	/* Too big for a pooled link that needs a reset: it still does. */
	play_new(&backend_smtp, 1,
	    SCRIPT("S 220 mx", "C EHLO gw.example.net|",
		"S 250-mx|250 SIZE 2000",
		"C MAIL FROM:<me@example.com> SIZE=1000|", "S 452 x"));
	fake_again(&dl, &backend_smtp);
	dl.size = 2001;
	play(&backend_smtp, (const char *const[]){ NULL });
	assert_int_equal(dl.too_big, 2000);
	expect_link(true, true);
}

/* More recipients than the server says that it takes: it is asked for none. */
static void
rcpt_max(void **state)
{
	(void)state;
	play_new(&backend_smtp, 3,
	    SCRIPT("S 220 mx", "C EHLO gw.example.net|",
		"S 250-mx|250-LIMITS RCPTMAX=2|250 PIPELINING"));
	expect(2, DL_STAGE_COMMAND, 452);
	assert_string_equal(dl.results[2].reply.enhanced, "4.5.3");
	assert_true(dl.held[0] && dl.held[1] && !dl.held[2]);
	expect_link(true, false);

	play_new(&backend_smtp, 2,
	    SCRIPT("S 220 mx", "C EHLO gw.example.net|",
		"S 250-mx|250 LIMITS RCPTMAX=2",
		"C MAIL FROM:<me@example.com>|", "S 452 x"));
	expect(1, DL_STAGE_COMMAND, 452);
}

static void
reset(void **state)
{
	(void)state;
	/* Without PIPELINING the reset goes alone. */
	play_new(&backend_smtp, 1, SCRIPT(PLAIN_HELLO, "C " MAIL, "S 550 no"));
	fake_again(&dl, &backend_smtp);
	play(&backend_smtp,
	    SCRIPT("C RSET|", "S 250 ok", "C " MAIL, "S 550 no"));
	expect_link(true, true);
	fake_again(&dl, &backend_smtp);
	play(&backend_smtp, SCRIPT("C RSET|", "S 500 what"));
	expect_failed("RSET");

	/* Refused in a group: the rest of the group does not count. */
	play_new(&backend_smtp, 2,
	    SCRIPT(PIPE_HELLO, "C " MAIL RCPT("a") RCPT("b"), "S 550 no",
		"S 503 no", "S 503 no"));
	fake_again(&dl, &backend_smtp);
	play(&backend_smtp,
	    SCRIPT("C RSET|" MAIL RCPT("a") RCPT("b"), "S 220 what"));
	expect_failed("RSET");
}

/* A fresh link: the 421 is the result.  A pooled one: another link is tried,
 * as long as nothing is committed. */
static void
closing(void **state)
{
	size_t at; /* replies before the 421 */

	(void)state;
	for (at = 0; at < 3; at++) {
		const char *script[10] = { PIPE_HELLO,
			"C " MAIL RCPT("a") "DATA|" };
		size_t n = 4, i;

		for (i = 0; i < at; i++)
			script[n++] = "S 250 ok";
		script[n++] = "S 421 bye";
		play_new(&backend_smtp, 1, script);
		expect(0, DL_STAGE_COMMAND, 421);
		expect_link(false, false);

		play_new(&backend_smtp, 1,
		    SCRIPT(PIPE_HELLO, "C " MAIL RCPT("a") "DATA|", "S 250 ok",
			"S 250 ok", "S 354 go", "C <commit><dotted>",
			"S 250 done"));
		fake_again(&dl, &backend_smtp);
		play(&backend_smtp, script + 3);
		expect_failed("server closes: 421 bye");
		assert_false(dl.results[0].set);
	}
	fake_again(&dl, &backend_smtp);
	play(&backend_smtp,
	    SCRIPT("C " MAIL RCPT("a") "DATA|", "S 250 ok", "S 250 ok",
		"S 354 go", "C <commit><dotted>", "S 421 bye"));
	expect(0, DL_STAGE_FINAL, 421);
	expect_link(false, false);
	/* A result that is there already stays. */
	fake_again(&dl, &backend_smtp);
	play(&backend_smtp,
	    SCRIPT("C " MAIL RCPT("a") "DATA|", "S 550 no", "S 421 bye"));
	expect(0, DL_STAGE_COMMAND, 550);
	expect_link(false, false);
}

static void
lmtp(void **state)
{
	(void)state;
	play_new(&backend_lmtp, 3,
	    SCRIPT(PIPE_LHLO, "C " MAIL RCPT("a") RCPT("b") RCPT("c"),
		"S 250 ok", "S 250 ok", "S 250 ok", "S 250 ok", "C DATA|",
		"S 354 go", "C <commit><dotted>", "S 250 2.0.0 one",
		"S 552 5.2.2 full", "S 250 2.0.0 three"));
	expect(0, DL_STAGE_FINAL, 250);
	expect(1, DL_STAGE_FINAL, 552);
	expect(2, DL_STAGE_FINAL, 250);
	assert_string_equal(dl.results[2].reply.text, "three");
	expect_link(true, true);

	fake_again(&dl, &backend_lmtp);
	play(&backend_lmtp,
	    SCRIPT("C RSET|" MAIL RCPT("a") RCPT("b") RCPT("c"), "S 250 ok",
		"S 250 ok", "S 250 ok", "S 250 ok", "S 250 ok", "C DATA|",
		"S 354 go", "C <commit><dotted>", "S 250 one", "S 250 two",
		"S 250 three"));
	expect_link(true, false);

	/* A refused DATA is one reply. */
	fake_again(&dl, &backend_lmtp);
	play(&backend_lmtp,
	    SCRIPT("C " MAIL RCPT("a") RCPT("b") RCPT("c"), "S 250 2.1.0 ok",
		"S 250 2.1.5 ok", "S 250 2.1.5 ok", "S 250 2.1.5 ok", "C DATA|",
		"S 451 later"));
	expect(2, DL_STAGE_COMMAND, 451);
	expect_link(true, true);

	/* On a used link it may be that of a recipient, if nothing shows that
	 * no reply came unasked. */
	fake_again(&dl, &backend_lmtp);
	play(&backend_lmtp,
	    SCRIPT("C RSET|" MAIL RCPT("a") RCPT("b") RCPT("c"), "S 250 ok",
		"S 250 ok", "S 250 ok", "S 250 ok", "S 250 ok", "C DATA|",
		"S 550 no c"));
	expect_failed("another recipient's");

	/* 421 for one of them: the others are still heard, the link is not
	 * kept. */
	play_new(&backend_lmtp, 2,
	    SCRIPT(PIPE_LHLO, "C " MAIL RCPT("a") RCPT("b"), "S 250 ok",
		"S 250 ok", "S 250 ok", "C DATA|", "S 354 go",
		"C <commit><dotted>", "S 421 bye", "S 250 two"));
	expect(0, DL_STAGE_FINAL, 421);
	expect(1, DL_STAGE_FINAL, 250);
	expect_link(false, false);

	/* Nonsense for the second: the first keeps its result. */
	play_new(&backend_lmtp, 2,
	    SCRIPT(PIPE_LHLO, "C " MAIL RCPT("a") RCPT("b"), "S 250 ok",
		"S 250 ok", "S 250 ok", "C DATA|", "S 354 go",
		"C <commit><dotted>", "S 250 one", "S 354 go"));
	expect(0, DL_STAGE_FINAL, 250);
	assert_false(dl.results[1].set);
	expect_failed("message");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lock_step),
		cmocka_unit_test(lock_step_refusals),
		cmocka_unit_test(pipelined_one),
		cmocka_unit_test(pipelined_many),
		cmocka_unit_test(data_with_refused_rcpt),
		cmocka_unit_test(wrong_classes),
		cmocka_unit_test(session_refusals),
		cmocka_unit_test(helo),
		cmocka_unit_test(keywords),
		cmocka_unit_test(parameters),
		cmocka_unit_test(unfit),
		cmocka_unit_test(binary),
		cmocka_unit_test(size),
		cmocka_unit_test(rcpt_max),
		cmocka_unit_test(reset),
		cmocka_unit_test(closing),
		cmocka_unit_test(lmtp),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	fake_end(&dl);
	return failed;
}

/*
 * What the client is told: every row of DESIGN section 6, "Replies" and
 * "Folding".
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "compat.h"
#include "delivery.h"
#include "fold.h"

#define SESSION DL_STAGE_SESSION
#define COMMAND DL_STAGE_COMMAND
#define FINAL DL_STAGE_FINAL
#define OURS                                                  \
	"the mail server behind this gateway has a problem, " \
	"please try again later"

/* "550 5.1.1 text" or "550 text" */
static struct reply
reply(const char *line)
{
	struct reply r;

	reply_init(&r);
	assert_int_equal(reply_feed(&r, line, strlen(line)), REPLY_DONE);
	return r;
}

static const char *
show(int code, const char *enhanced, const char *text)
{
	static char buf[REPLY_TEXT_MAX + 50];

	snprintf(buf, sizeof(buf), "%d%s%s %s", code,
	    enhanced[0] != '\0' ? " " : "", enhanced, text);
	return buf;
}

static const struct row {
	enum dl_stage stage;
	const char *in;
	const char *out; /* NULL: a 451 of ours */
	bool alarm;
} rows[] = {
	/* passed through */
	{ FINAL, "250 2.0.0 queued as 1", "250 2.0.0 queued as 1", false },
	{ FINAL, "250 queued", "250 queued", false },
	{ COMMAND, "550 5.1.1 no such user", "550 5.1.1 no such user", false },
	{ COMMAND, "550 no such user", "550 5.0.0 no such user", false },
	{ COMMAND, "450 4.2.0 greylisted", "450 4.2.0 greylisted", false },
	{ COMMAND, "450 greylisted", "450 4.0.0 greylisted", false },
	{ COMMAND, "451 later", "451 4.0.0 later", false },
	{ COMMAND, "452 4.2.2 full", "452 4.2.2 full", false },
	{ COMMAND, "551 5.1.6 moved", "551 5.1.6 moved", false },
	{ COMMAND, "552 5.2.2 full", "552 5.2.2 full", false },
	{ COMMAND, "553 5.1.3 bad", "553 5.1.3 bad", false },
	{ COMMAND, "556 5.1.10 null MX", "556 5.1.10 null MX", false },
	{ FINAL, "554 5.7.1 spam", "554 5.7.1 spam", false },
	{ FINAL, "550 5.7.1 policy", "550 5.7.1 policy", false },
	{ FINAL, "552 5.3.4 too big", "552 5.3.4 too big", false },
	{ FINAL, "451 4.3.0 no", "451 4.3.0 no", false },
	/* a wrong configuration */
	{ COMMAND, "421 4.3.2 closing", NULL, true },
	{ FINAL, "421 4.3.2 closing", NULL, true },
	{ COMMAND, "500 5.5.2 what", NULL, true },
	{ COMMAND, "501 5.5.4 syntax", NULL, true },
	{ COMMAND, "502 5.5.1 no", NULL, true },
	{ COMMAND, "503 5.5.1 order", NULL, true },
	{ COMMAND, "504 5.5.4 no", NULL, true },
	{ COMMAND, "521 5.3.2 no mail here", NULL, true },
	{ COMMAND, "530 5.7.0 STARTTLS first", NULL, true },
	{ COMMAND, "535 5.7.8 bad password", NULL, true },
	{ COMMAND, "538 5.7.11 encryption", NULL, true },
	{ COMMAND, "555 5.5.4 parameters", NULL, true },
	{ FINAL, "555 parameters", NULL, true },
	/* relaying denied */
	{ COMMAND, "550 5.7.1 relaying denied", NULL, true },
	{ COMMAND, "554 5.7.1 <a@b>: Relay access denied", NULL, true },
	{ FINAL, "554 5.7.1 Relaying denied", NULL, true },
	{ COMMAND, "550 relay not permitted", NULL, true }, /* Exim */
	{ COMMAND, "550 5.7.54 SMTP; Unable to relay recipient", NULL, true },
	{ COMMAND, "550 5.1.1 relay of users", "550 5.1.1 relay of users",
	    false },
	{ COMMAND, "550 <relay@b>: who", "550 5.0.0 <relay@b>: who", false },
	{ COMMAND, "550 relay.b is bad", "550 5.0.0 relay.b is bad", false },
	{ COMMAND, "550 no relayer here", "550 5.0.0 no relayer here", false },
	{ FINAL, "550 found on relay list", "550 5.0.0 found on relay list",
	    false },
	/* the session: never a 5xx */
	{ SESSION, "554 5.7.1 go away", NULL, true },
	{ SESSION, "550 5.7.1 not you", NULL, true },
	{ SESSION, "535 5.7.8 bad password", NULL, true },
	{ SESSION, "500 what", NULL, true },
	{ SESSION, "421 4.7.0 busy", NULL, false },
	{ SESSION, "450 4.7.1 later", NULL, false },
	/* neither yes nor no */
	{ COMMAND, "354 go on", NULL, true },
	{ FINAL, "354 go on", NULL, true },
};

static void
test_map(void **state)
{
	struct reply in, out;
	const char *shown;
	bool alarm;
	size_t i;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		in = reply(rows[i].in);
		fold_map(rows[i].stage, &in, &out, &alarm);
		shown = show(out.code, out.enhanced, out.text);
		if (strcmp(shown,
			rows[i].out != NULL ? rows[i].out
					    : "451 4.3.0 " OURS) != 0)
			fail_msg("\"%s\" became \"%s\"", rows[i].in, shown);
		if (alarm != rows[i].alarm)
			fail_msg("alarm of \"%s\" is %d", rows[i].in, alarm);
	}
}

/* Whatever a server says, trouble is never a 5xx in the session, and classes
 * never change but to 4. */
static void
test_map_all_codes(void **state)
{
	struct reply in, out;
	bool alarm;
	int code, stage;

	(void)state;
	for (code = 200; code < 600; code++) {
		for (stage = SESSION; stage <= FINAL; stage++) {
			reply_init(&in);
			in.code = code;
			fold_map((enum dl_stage)stage, &in, &out, &alarm);
			assert_true(out.code / 100 == code / 100 ||
			    out.code / 100 == 4);
			assert_true(out.code / 100 != 3);
			if (stage == SESSION && code >= 300)
				assert_int_equal(out.code, 451);
			if (out.code / 100 != 2)
				assert_int_equal(
				    out.enhanced[0] - '0', out.code / 100);
		}
	}
}

static void
test_trouble(void **state)
{
	struct reply r, out;
	bool alarm;

	(void)state;
	fold_trouble(&r);
	assert_int_equal(r.code, 451);
	assert_string_equal(r.enhanced, "4.4.1");
	assert_true(strlen(r.text) > 0);
	fold_map(SESSION, &r, &out, &alarm); /* says what it is about */
	assert_string_equal(out.text, r.text);
	assert_string_equal(out.enhanced, "4.4.1");
	assert_false(alarm);
}

/* Folding. */

static const struct fold_row {
	const char *results[4]; /* at the end of data unless "S:" or "C:" */
	const char *out;
	size_t accepted;
	bool alarm;
} folds[] = {
	/* one recipient */
	{ { "250 2.6.0 queued" }, "250 2.6.0 queued", 1, false },
	{ { "250 queued" }, "250 2.0.0 queued", 1, false },
	{ { "550 5.7.1 spam" }, "550 5.7.1 spam", 0, false },
	{ { "451 4.3.0 no" }, "451 4.3.0 no", 0, false },
	{ { "C:550 5.1.1 who" }, "550 5.1.1 who", 0, false },
	{ { "S:554 5.3.2 away" }, "451 4.3.0 " OURS, 0, true },
	/* whatever 2xx: the client's transaction ends with 250 */
	{ { "251 2.1.5 forwarded" }, "250 2.1.5 forwarded", 1, false },
	{ { "200 ok", "250 2.0.0 ok" }, "250 2.0.0 ok", 2, false },
	/* all accepted */
	{ { "250 2.0.0 one", "250 2.0.0 two" }, "250 2.0.0 one", 2, false },
	/* nobody accepted, all permanent: the first */
	{ { "C:550 5.1.1 a", "C:552 5.2.2 b" }, "550 5.1.1 a", 0, false },
	{ { "552 5.2.2 b", "550 5.7.1 c" }, "552 5.2.2 b", 0, false },
	/* nobody accepted, some temporary: 4xx, the first of those */
	{ { "550 5.1.1 a", "452 4.2.2 b", "450 4.2.0 c" }, "452 4.2.2 b", 0,
	    false },
	{ { "452 4.2.2 b", "550 5.1.1 a" }, "452 4.2.2 b", 0, false },
	/* some accepted, some temporary */
	{ { "250 ok", "452 4.2.2 b" }, "452 4.2.2 b", 1, false },
	{ { "452 4.2.2 b", "250 ok" }, "452 4.2.2 b", 1, false },
	/* some accepted, some permanent: 4xx */
	{ { "250 ok", "550 5.1.1 a" }, NULL, 1, false },
	{ { "550 5.1.1 a", "250 ok" }, NULL, 1, false },
	{ { "550 5.1.1 a", "250 ok", "552 5.2.2 b" }, NULL, 1, false },
	{ { "250 ok", "C:550 5.1.1 a", "250 ok" }, NULL, 2, false },
	/* of all three: the temporary one's own words */
	{ { "250 ok", "550 5.1.1 a", "452 4.2.2 b" }, "452 4.2.2 b", 1, false },
	/* a wrong configuration counts as temporary */
	{ { "550 5.1.1 a", "C:530 5.7.0 tls" }, "451 4.3.0 " OURS, 0, true },
	{ { "250 ok", "C:555 5.5.4 x" }, "451 4.3.0 " OURS, 1, true },
};

static size_t
outcomes_of(const struct fold_row *row, struct dl_outcome *o)
{
	const char *text;
	size_t i;

	for (i = 0; i < 4 && row->results[i] != NULL; i++) {
		text = row->results[i];
		o[i].set = true;
		o[i].stage = text[1] != ':' ? FINAL
		    : text[0] == 'S'	    ? SESSION
					    : COMMAND;
		o[i].reply = reply(text[1] == ':' ? text + 2 : text);
	}
	return i;
}

static void
test_fold(void **state)
{
	struct dl_outcome outcomes[4];
	struct relay_outcome o;
	const char *shown;
	size_t i, count;

	(void)state;
	for (i = 0; i < nitems(folds); i++) {
		memset(&o, 0, sizeof(o));
		memset(outcomes, 0, sizeof(outcomes));
		count = outcomes_of(&folds[i], outcomes);
		fold(outcomes, count, &o);
		shown = show(o.code, o.enhanced, o.text);
		if (folds[i].out != NULL && strcmp(shown, folds[i].out) != 0)
			fail_msg("row %zu: \"%s\"", i, shown);
		if (folds[i].out == NULL && strncmp(shown, "451 4.5.0 ", 10))
			fail_msg("row %zu: \"%s\"", i, shown);
		if (o.accepted != folds[i].accepted ||
		    o.refused != count - folds[i].accepted ||
		    o.alarm != folds[i].alarm)
			fail_msg("row %zu: counts or alarm", i);
	}
}

/* The log has the deciding server's own words, also when we say others. */
static void
test_said(void **state)
{
	struct dl_outcome outcomes[2];
	struct relay_outcome o;
	static const struct fold_row row = {
		{ "250 2.0.0 fine", "C:530 5.7.0 tls first" }, NULL, 1, true
	};

	(void)state;
	memset(&o, 0, sizeof(o));
	memset(outcomes, 0, sizeof(outcomes));
	fold(outcomes, outcomes_of(&row, outcomes), &o);
	assert_string_equal(o.said, "530 5.7.0 tls first");
}

/* Exhaustive over the classes of four recipients. */
static void
test_fold_all_classes(void **state)
{
	static const char *const of_class[] = { "250 2.0.0 y", "450 4.0.0 t",
		"550 5.0.0 n" };
	struct dl_outcome outcomes[4];
	struct relay_outcome o;
	int i, k, n, seen[3], class;

	(void)state;
	for (i = 0; i < 81; i++) {
		memset(seen, 0, sizeof(seen));
		memset(&o, 0, sizeof(o));
		for (k = 0, n = i; k < 4; k++, n /= 3) {
			outcomes[k] = (struct dl_outcome){ .set = true,
				.stage = FINAL,
				.reply = reply(of_class[n % 3]) };
			seen[n % 3]++;
		}
		fold(outcomes, 4, &o);
		class = seen[0] == 4 ? 2 : seen[2] == 4 ? 5 : 4;
		assert_int_equal(o.code / 100, class);
		assert_int_equal(o.enhanced[0] - '0', class);
		assert_int_equal(o.accepted, seen[0]);
		assert_int_equal(o.refused, 4 - seen[0]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_map_all_codes),
		cmocka_unit_test(test_trouble),
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_said),
		cmocka_unit_test(test_fold_all_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

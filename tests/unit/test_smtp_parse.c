/*
 * Command lines: verbs, paths, parameters, names, numbers.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "smtp_parse.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define X10 "xxxxxxxxxx"
#define X60 X10 X10 X10 X10 X10 X10
#define X63 X60 "xxx"
#define X250 X60 "." X60 "." X60 "." X60 ".xxxxxx"

static struct slice
slice(const char *s)
{
	struct slice r = { s, strlen(s) };

	return r;
}

static void
assert_slice(struct slice s, const char *want)
{
	if (s.len != strlen(want) || (s.len > 0 && memcmp(s.ptr, want, s.len)))
		fail_msg("\"%.*s\" is not \"%s\"", (int)s.len, s.ptr, want);
}

static void
test_line_check(void **state)
{
	char line[] = "NOOP x";
	int c;
	enum smtp_line_fault want;

	(void)state;
	assert_int_equal(smtp_line_check("", 0), SMTP_LINE_GOOD);
	for (c = 0; c < 256; c++) {
		line[5] = (char)c;
		want = c > 127				 ? SMTP_LINE_8BIT
		    : (c >= ' ' && c < 127) || c == '\t' ? SMTP_LINE_GOOD
							 : SMTP_LINE_CONTROL;
		assert_int_equal(smtp_line_check(line, 6), want);
	}
	assert_int_equal(smtp_line_check("\xc3\xa9\r", 3), SMTP_LINE_CONTROL);
	assert_int_equal(smtp_line_check("\n\xc3\xa9", 3), SMTP_LINE_CONTROL);
}

static void
test_verbs(void **state)
{
	static const struct {
		const char *word;
		enum smtp_verb verb;
	} rows[] = {
		{ "HELO", SMTP_HELO },
		{ "EHLO", SMTP_EHLO },
		{ "LHLO", SMTP_LHLO },
		{ "MAIL", SMTP_MAIL },
		{ "RCPT", SMTP_RCPT },
		{ "DATA", SMTP_DATA },
		{ "BDAT", SMTP_BDAT },
		{ "RSET", SMTP_RSET },
		{ "NOOP", SMTP_NOOP },
		{ "VRFY", SMTP_VRFY },
		{ "EXPN", SMTP_EXPN },
		{ "HELP", SMTP_HELP },
		{ "QUIT", SMTP_QUIT },
		{ "STARTTLS", SMTP_STARTTLS },
		{ "AUTH", SMTP_AUTH },
		{ "XCLIENT", SMTP_XCLIENT },
		{ "XFORWARD", SMTP_XFORWARD },
	};
	struct smtp_command cmd;
	char line[32];
	size_t i;

	(void)state;
	assert_int_equal(COUNT(rows), SMTP_UNKNOWN);
	for (i = 0; i < COUNT(rows); i++) {
		cmd = smtp_parse_command(rows[i].word, strlen(rows[i].word));
		assert_int_equal(cmd.verb, rows[i].verb);
		assert_slice(cmd.name, rows[i].word);
		assert_null(cmd.arg.ptr);
		snprintf(line, sizeof(line), "%s x", rows[i].word);
		line[1] = (char)(line[1] + ('a' - 'A')); /* case */
		cmd = smtp_parse_command(line, strlen(line));
		assert_int_equal(cmd.verb, rows[i].verb);
		assert_slice(cmd.arg, "x");
		snprintf(line, sizeof(line), "%sx", rows[i].word);
		cmd = smtp_parse_command(line, strlen(line));
		assert_int_equal(cmd.verb, SMTP_UNKNOWN);
		cmd = smtp_parse_command(line, strlen(line) - 2);
		assert_int_equal(cmd.verb, SMTP_UNKNOWN);
	}
}

static void
test_command_lines(void **state)
{
	static const struct {
		const char *line, *name, *arg;
		enum smtp_verb verb;
	} rows[] = {
		{ "", "", "", SMTP_UNKNOWN },
		{ "   ", "", "", SMTP_UNKNOWN },
		{ " NOOP", "", "NOOP", SMTP_UNKNOWN },
		{ "GET / HTTP/1.1", "GET", "/ HTTP/1.1", SMTP_UNKNOWN },
		{ "MAIL:", "MAIL:", "", SMTP_UNKNOWN },
		{ "quit  \t ", "quit", "", SMTP_QUIT },
		{ "MAIL FROM:<a@b> SIZE=1  ", "MAIL", "FROM:<a@b> SIZE=1",
		    SMTP_MAIL },
		{ "EHLO\tmx", "EHLO", "mx", SMTP_EHLO },
		{ "NOOP   a  b ", "NOOP", "a  b", SMTP_NOOP },
	};
	struct smtp_command cmd;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		cmd = smtp_parse_command(rows[i].line, strlen(rows[i].line));
		assert_int_equal(cmd.verb, rows[i].verb);
		assert_slice(cmd.name, rows[i].name);
		assert_slice(cmd.arg, rows[i].arg);
	}
}

struct path_row {
	const char *path; /* behind FROM: and TO: */
	const char *local, *domain;
	bool quoted, literal, route;
};

static const struct path_row good_paths[] = {
	{ "<a@b>", "a", "b", 0, 0, 0 },
	{ "  <a@b>", "a", "b", 0, 0, 0 },
	{ "\t<a@b>", "a", "b", 0, 0, 0 },
	{ "<a.b.c@d.e.f>", "a.b.c", "d.e.f", 0, 0, 0 },
	{ "<A.B@C.D>", "A.B", "C.D", 0, 0, 0 },
	{ "<!#$%&'*+-/=?^_`{|}~@b>", "!#$%&'*+-/=?^_`{|}~", "b", 0, 0, 0 },
	{ "<\"a b\"@c>", "\"a b\"", "c", 1, 0, 0 },
	{ "<\"\"@c>", "\"\"", "c", 1, 0, 0 },
	{ "<\"a@b>\"@c>", "\"a@b>\"", "c", 1, 0, 0 },
	{ "<\"a\\\"b\"@c>", "\"a\\\"b\"", "c", 1, 0, 0 },
	{ "<\"a\\\\\"@c>", "\"a\\\\\"", "c", 1, 0, 0 },
	{ "<\"..\"@c>", "\"..\"", "c", 1, 0, 0 },
	{ "<a@[192.0.2.1]>", "a", "[192.0.2.1]", 0, 1, 0 },
	{ "<a@[IPv6:2001:db8::1]>", "a", "[IPv6:2001:db8::1]", 0, 1, 0 },
	{ "<@x:a@b>", "a", "b", 0, 0, 1 },
	{ "<@x,@y.z,@[192.0.2.1]:a@b>", "a", "b", 0, 0, 1 },
	{ "<@x:\"q\"@b>", "\"q\"", "b", 1, 0, 1 },
	{ "<postmaster@b>", "postmaster", "b", 0, 0, 0 },
	{ "<a@b_c>", "a", "b_c", 0, 0, 0 },
	{ "<a@1.2>", "a", "1.2", 0, 0, 0 },
	{ "<\xc3\xa9@b>", "\xc3\xa9", "b", 0, 0, 0 },
	{ "<\"\xc3\xa9\"@b>", "\"\xc3\xa9\"", "b", 1, 0, 0 },
	{ "<a@\xc3\xa9.b>", "a", "\xc3\xa9.b", 0, 0, 0 },
	{ "<09@09.90>", "09", "09.90", 0, 0, 0 },
	/* the borders of UTF-8 */
	{ "<\xc2\x80@b>", "\xc2\x80", "b", 0, 0, 0 },
	{ "<\xe0\xa0\x80@b>", "\xe0\xa0\x80", "b", 0, 0, 0 },
	{ "<\xed\x9f\xbf@b>", "\xed\x9f\xbf", "b", 0, 0, 0 },
	{ "<\xf0\x90\x80\x80@b>", "\xf0\x90\x80\x80", "b", 0, 0, 0 },
	{ "<\xf4\x8f\xbf\xbf@b>", "\xf4\x8f\xbf\xbf", "b", 0, 0, 0 },
	{ "<aaa@" X250 ">", "aaa", X250, 0, 0, 0 }, /* the longest path */
	{ "<\xf0\x9f\x90\x8c@b>", "\xf0\x9f\x90\x8c", "b", 0, 0, 0 },
	{ "<" X60 "xxxx@b>", X60 "xxxx", "b", 0, 0, 0 },
	{ "<a@" X250 ">", "a", X250, 0, 0, 0 },
};

static const struct {
	const char *path;
	enum smtp_path_fault fault;
} bad_paths[] = {
	{ "", SMTP_PATH_SYNTAX },
	{ "a@b", SMTP_PATH_SYNTAX },
	{ "a@b>", SMTP_PATH_SYNTAX },
	{ "<", SMTP_PATH_SYNTAX },
	{ "<a@b", SMTP_PATH_SYNTAX },
	{ "<a@b>x", SMTP_PATH_SYNTAX },
	{ "<a@b>>", SMTP_PATH_SYNTAX },
	{ "<<a@b>>", SMTP_PATH_SYNTAX },
	{ "< a@b>", SMTP_PATH_SYNTAX },
	{ "<a@b >", SMTP_PATH_SYNTAX },
	{ "<a b@c>", SMTP_PATH_SYNTAX },
	{ "< >", SMTP_PATH_SYNTAX },
	{ "<@>", SMTP_PATH_SYNTAX },
	{ "<@b>", SMTP_PATH_SYNTAX },
	{ "<a@>", SMTP_PATH_SYNTAX },
	{ "<a@b@c>", SMTP_PATH_SYNTAX },
	{ "<.a@b>", SMTP_PATH_SYNTAX },
	{ "<a.@b>", SMTP_PATH_SYNTAX },
	{ "<a..b@c>", SMTP_PATH_SYNTAX },
	{ "<.@b>", SMTP_PATH_SYNTAX },
	{ "<a@.b>", SMTP_PATH_SYNTAX },
	{ "<a@b.>", SMTP_PATH_SYNTAX },
	{ "<a@b..c>", SMTP_PATH_SYNTAX },
	{ "<a@-b>", SMTP_PATH_SYNTAX },
	{ "<a@b->", SMTP_PATH_SYNTAX },
	{ "<a@b.-c.d>", SMTP_PATH_SYNTAX },
	{ "<a@b!c>", SMTP_PATH_SYNTAX },
	{ "<a@" X63 "x.b>", SMTP_PATH_SYNTAX },
	{ "<a,b@c>", SMTP_PATH_SYNTAX },
	{ "<a(b)@c>", SMTP_PATH_SYNTAX },
	{ "<a\\b@c>", SMTP_PATH_SYNTAX },
	{ "<\"a@c>", SMTP_PATH_SYNTAX },
	{ "<\"a\"b@c>", SMTP_PATH_SYNTAX },
	{ "<a\"b\"@c>", SMTP_PATH_SYNTAX },
	{ "<\"a\".b@c>", SMTP_PATH_SYNTAX },
	{ "<\"a\\\"@c>", SMTP_PATH_SYNTAX },
	{ "<\"a\tb\"@c>", SMTP_PATH_SYNTAX },
	{ "<\"\\\xc3\xa9\"@c>", SMTP_PATH_SYNTAX },
	{ "<a@[192.0.2.1>", SMTP_PATH_SYNTAX },
	{ "<a@[192.0.2.1]x>", SMTP_PATH_SYNTAX },
	{ "<a@[192.0.2]>", SMTP_PATH_SYNTAX },
	{ "<a@[]>", SMTP_PATH_SYNTAX },
	{ "<@x:>", SMTP_PATH_SYNTAX },
	{ "<@x:a>", SMTP_PATH_SYNTAX },
	{ "<@x:postmaster>", SMTP_PATH_SYNTAX },
	{ "<@x,:a@b>", SMTP_PATH_SYNTAX },
	{ "<@x a@b>", SMTP_PATH_SYNTAX },
	{ "<x,@y:a@b>", SMTP_PATH_SYNTAX },
	{ "<\xe9@b>", SMTP_PATH_SYNTAX }, /* Latin-1 */
	{ "<\xc3@b>", SMTP_PATH_SYNTAX },
	{ "<\x80@b>", SMTP_PATH_SYNTAX },
	{ "<\xc0\xaf@b>", SMTP_PATH_SYNTAX }, /* overlong */
	{ "<\xe0\x80\xaf@b>", SMTP_PATH_SYNTAX },
	{ "<\xf0\x80\x80\xaf@b>", SMTP_PATH_SYNTAX },
	{ "<\xed\xa0\x80@b>", SMTP_PATH_SYNTAX }, /* surrogate */
	{ "<\xf4\x90\x80\x80@b>", SMTP_PATH_SYNTAX },
	{ "<\xf8\x88\x80\x80\x80@b>", SMTP_PATH_SYNTAX },
	{ "<a@b> X=\xff", SMTP_PATH_SYNTAX },
	{ "<\xe2\x82", SMTP_PATH_SYNTAX },
	{ "<a>", SMTP_PATH_NEEDS_DOMAIN },
	{ "<\"a\">", SMTP_PATH_NEEDS_DOMAIN },
	{ "<\"postmaster\">", SMTP_PATH_NEEDS_DOMAIN },
	{ "<" X60 X60 "xxxxxxxxx@b>", SMTP_PATH_LONG },
	{ "<\"" X60 X60 "xxxxxxx\"@b>", SMTP_PATH_LONG },
	{ "<a@" X250 ".xxxxx>", SMTP_PATH_LONG },
	{ "<aaaa@" X250 ">", SMTP_PATH_LONG },
	{ "<aaaaaa@" X250 ">", SMTP_PATH_LONG },
	{ "<@" X250 ":a@b>", SMTP_PATH_LONG },
};

static enum smtp_path_fault
parse(bool rcpt, const char *arg, struct smtp_path *path,
    struct smtp_params *params)
{
	struct slice s = slice(arg);

	return rcpt ? smtp_parse_rcpt(s, path, params)
		    : smtp_parse_mail(s, path, params);
}

static void
test_good_paths(void **state)
{
	struct smtp_path p;
	struct smtp_params params;
	char arg[512];
	size_t i;
	int rcpt;

	(void)state;
	for (i = 0; i < 2 * COUNT(good_paths); i++) {
		const struct path_row *t = &good_paths[i / 2];

		rcpt = i % 2;
		snprintf(arg, sizeof(arg), "%s%s A=1",
		    rcpt ? "To:" : "fRoM:", t->path);
		if (parse(rcpt, arg, &p, &params) != SMTP_PATH_GOOD)
			fail_msg("%s", arg);
		assert_slice(p.local, t->local);
		assert_slice(p.domain, t->domain);
		assert_int_equal(p.is_quoted, t->quoted);
		assert_int_equal(p.is_literal, t->literal);
		assert_int_equal(p.had_route, t->route);
		assert_false(p.is_null);
		assert_int_equal(params.count, 1);
	}
}

static void
test_bad_paths(void **state)
{
	struct smtp_path p;
	struct smtp_params params;
	char arg[512];
	size_t i;
	int rcpt;
	enum smtp_path_fault fault;

	(void)state;
	for (i = 0; i < 2 * COUNT(bad_paths); i++) {
		rcpt = i % 2;
		snprintf(arg, sizeof(arg), "%s%s",
		    rcpt ? "TO:" : "FROM:", bad_paths[i / 2].path);
		fault = parse(rcpt, arg, &p, &params);
		if (fault != bad_paths[i / 2].fault)
			fail_msg("%s: %d", arg, fault);
	}
}

/* What MAIL takes and RCPT does not, and the other way round. */
static void
test_null_and_postmaster(void **state)
{
	static const struct {
		const char *arg;
		bool rcpt;
		enum smtp_path_fault fault;
	} rows[] = {
		{ "FROM:<>", false, SMTP_PATH_GOOD },
		{ "FROM: <> BODY=7BIT", false, SMTP_PATH_GOOD },
		{ "FROM:<>x", false, SMTP_PATH_SYNTAX },
		{ "FROM:<postmaster>", false, SMTP_PATH_NEEDS_DOMAIN },
		{ "TO:<>", true, SMTP_PATH_SYNTAX },
		{ "TO:<postmaster>", true, SMTP_PATH_GOOD },
		{ "TO:<PostMaster> NOTIFY=NEVER", true, SMTP_PATH_GOOD },
		{ "TO:<postmaster@>", true, SMTP_PATH_SYNTAX },
		{ "TO:<postmasters>", true, SMTP_PATH_NEEDS_DOMAIN },
	};
	struct smtp_path p;
	struct smtp_params params;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		assert_int_equal(parse(rows[i].rcpt, rows[i].arg, &p, &params),
		    rows[i].fault);
		if (rows[i].fault != SMTP_PATH_GOOD)
			continue;
		assert_int_equal(p.is_null, !rows[i].rcpt);
		assert_int_equal(p.domain.len, 0);
		assert_int_equal(p.local.len, rows[i].rcpt ? 10 : 0);
	}
}

static void
test_keywords(void **state)
{
	static const char *const bad[] = { "", "F", "FROM", "FROM<a@b>",
		"FROM :<a@b>", "FROM\t:<a@b>", "TO:<a@b>", " FROM:<a@b>",
		"FROM::<a@b>", "FROMX:<a@b>", "FROM:", "FROM: " };
	struct smtp_path p;
	struct smtp_params params;
	struct slice none = { NULL, 0 };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++)
		assert_int_equal(
		    parse(false, bad[i], &p, &params), SMTP_PATH_SYNTAX);
	assert_int_equal(
	    parse(true, "FROM:<a@b>", &p, &params), SMTP_PATH_SYNTAX);
	assert_int_equal(smtp_parse_mail(none, &p, &params), SMTP_PATH_SYNTAX);
	assert_int_equal(smtp_parse_rcpt(none, &p, &params), SMTP_PATH_SYNTAX);
}

static void
test_params(void **state)
{
	struct smtp_path p;
	struct smtp_params ps;

	(void)state;
	assert_int_equal(parse(false,
			     "FROM:<a@b> SIZE=10  SMTPUTF8\tx-1=<> "
			     "ORCPT=utf-8;\xc3\xa9 ",
			     &p, &ps),
	    SMTP_PATH_GOOD);
	assert_int_equal(ps.count, 4);
	assert_slice(ps.list[0].name, "SIZE");
	assert_slice(ps.list[0].value, "10");
	assert_slice(ps.list[1].name, "SMTPUTF8");
	assert_null(ps.list[1].value.ptr);
	assert_slice(ps.list[2].name, "x-1");
	assert_slice(ps.list[2].value, "<>");
	assert_slice(ps.list[3].name, "ORCPT");
	assert_slice(ps.list[3].value, "utf-8;\xc3\xa9");
	assert_int_equal(parse(false, "FROM:<a@b>", &p, &ps), SMTP_PATH_GOOD);
	assert_int_equal(ps.count, 0);
	assert_int_equal(parse(false, "FROM:<a@b> ", &p, &ps), SMTP_PATH_GOOD);
	assert_int_equal(ps.count, 0);
}

static void
test_bad_params(void **state)
{
	static const char *const bad[] = { "SIZE=", "=", "=1", "-A", "-A=1",
		"A_B=1", "A=1=2", "A==", "A =1", "A= 1", "A=1 A=2",
		"SIZE a=1 size", "Size=1 sIZE=1", "\xc3\xa9=1", "A;", "\"A\"",
		"A=\x01", "<>", "a b c d e f g h i j k l m n o p q" };
	struct smtp_path p;
	struct smtp_params ps;
	char arg[128];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++) {
		snprintf(arg, sizeof(arg), "TO:<a@b> %s", bad[i]);
		if (parse(true, arg, &p, &ps) != SMTP_PATH_PARAMS)
			fail_msg("%s", arg);
		assert_slice(p.local, "a");
	}
	assert_int_equal(
	    parse(true, "TO:<a@b> a b c d e f g h i j k l m n o p", &p, &ps),
	    SMTP_PATH_GOOD);
	assert_int_equal(ps.count, SMTP_PARAMS_MAX);
	/* AB is not A */
	assert_int_equal(
	    parse(true, "TO:<a@b> A=1 AB=2", &p, &ps), SMTP_PATH_GOOD);
}

/* A line cut anywhere is read only up to the cut. */
static void
test_truncated(void **state)
{
	static const char line[] =
	    "FROM:<@x:\"a\\\"b\"@[IPv6:::1]> SIZE=1 B=\xc3\xa9";
	struct smtp_path p;
	struct smtp_params params;
	struct slice s;
	char copy[sizeof(line)];
	enum smtp_path_fault a, b;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(line); i++) {
		memcpy(copy, line, sizeof(line));
		memset(copy + i, '>', sizeof(copy) - i);
		s.ptr = line;
		s.len = i;
		a = smtp_parse_mail(s, &p, &params);
		s.ptr = copy;
		b = smtp_parse_mail(s, &p, &params);
		assert_int_equal(a, b);
	}
	assert_int_equal(a, SMTP_PATH_GOOD); /* the whole line */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line_check),
		cmocka_unit_test(test_verbs),
		cmocka_unit_test(test_command_lines),
		cmocka_unit_test(test_good_paths),
		cmocka_unit_test(test_bad_paths),
		cmocka_unit_test(test_null_and_postmaster),
		cmocka_unit_test(test_keywords),
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_bad_params),
		cmocka_unit_test(test_truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

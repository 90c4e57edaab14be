/*
 * headers: looks whether the header section is one of mail (RFC 5322 3.6), and
 * adds fields to it.
 */

#include <stdio.h>
#include <string.h>

#include "gateway/filter.h"

#define ADDRESS_SIZE 600
#define VALUE_SIZE 8192
#define DATE_SIZE 200
#define NAME_MAX_LEN 76
#define CODE 550
#define ENHANCED "5.6.0"

struct headers_conf {
	struct opt_list require;
	struct opt_list add; /* "Name: value" */
	int64_t date_past;   /* ms; 0: any */
	int64_t date_future;
	bool single;
	bool one_from;
};

#define CONF(field) offsetof(struct headers_conf, field)
static const struct opt options[] = {
	{ .name = "require",
	    .type = OPT_LIST,
	    .offset = CONF(require),
	    .help = "fields that must be there" },
	{ .name = "single",
	    .type = OPT_BOOL,
	    .offset = CONF(single),
	    .def = "yes",
	    .help = "fields that may be there once only are not repeated" },
	{ .name = "one-from",
	    .type = OPT_BOOL,
	    .offset = CONF(one_from),
	    .def = "yes",
	    .help = "From has exactly one address" },
	{ .name = "date-past",
	    .type = OPT_DURATION,
	    .offset = CONF(date_past),
	    .def = "15d",
	    .min = 0,
	    .max = INT64_C(36500) * 86400000,
	    .help = "Date is not older; 0: any" },
	{ .name = "date-future",
	    .type = OPT_DURATION,
	    .offset = CONF(date_future),
	    .def = "2d",
	    .min = 0,
	    .max = INT64_C(36500) * 86400000,
	    .help = "Date is not further ahead; 0: any" },
	{ .name = "add",
	    .type = OPT_LIST,
	    .offset = CONF(add),
	    .help = "fields to put in front of the message: \"Name: value\"" },
	{ .name = NULL },
};

/* RFC 5322 3.6: the maximum number is 1. */
static const char *const once[] = { "Date", "From", "Sender", "Reply-To", "To",
	"Cc", "Bcc", "Message-ID", "In-Reply-To", "References", "Subject" };
#define ONCE (sizeof(once) / sizeof(once[0]))

static size_t
name_len(const char *s)
{
	size_t n = 0;

	while (s[n] > ' ' && s[n] < 127 && s[n] != ':')
		n++;
	return n;
}

static bool
prepare(void *arg, char *say, size_t size)
{
	struct headers_conf *conf = arg;
	const char *item;
	size_t i, n;

	for (i = 0; i < conf->require.count; i++) {
		item = conf->require.list[i];
		n = name_len(item);
		if (n == 0 || n > NAME_MAX_LEN || item[n] != '\0') {
			snprintf(say, size,
			    "require: \"%.100s\" is not the name of a field",
			    item);
			return false;
		}
	}
	for (i = 0; i < conf->add.count; i++) {
		item = conf->add.list[i];
		n = name_len(item);
		if (n == 0 || n > NAME_MAX_LEN || item[n] != ':') {
			snprintf(say, size,
			    "add: \"%.100s\" is not a field (Name: value)",
			    item);
			return false;
		}
	}
	return true;
}

static void
note(struct filter_call *fc, const char *what, const char *name)
{
	char fact[160];

	snprintf(fact, sizeof(fact), "%s:%s", what, name);
	fc_set_fact(fc, "header_fault", fact);
}

static enum verdict
unreadable(struct filter_call *fc)
{
	return fc_unknown(fc, "the spool can not be read");
}

static enum verdict
check_required(struct filter_call *fc)
{
	const struct headers_conf *conf = fc_conf(fc);
	const char *name;
	size_t i;

	for (i = 0; i < conf->require.count; i++) {
		name = conf->require.list[i];
		if (fc_header_count(fc, name) > 0)
			continue;
		note(fc, "missing", name);
		return fc_reject(fc, CODE, ENHANCED,
		    "the message has no %s field (RFC 5322 3.6)", name);
	}
	return VERDICT_PASS;
}

static enum verdict
check_single(struct filter_call *fc)
{
	const struct headers_conf *conf = fc_conf(fc);
	size_t i;

	for (i = 0; conf->single && i < ONCE; i++) {
		if (fc_header_count(fc, once[i]) <= 1)
			continue;
		note(fc, "repeated", once[i]);
		return fc_reject(fc, CODE, ENHANCED,
		    "the message has more than one %s field (RFC 5322 3.6)",
		    once[i]);
	}
	return VERDICT_PASS;
}

/* Readers differ in which one they show, so all fields count. */
static enum verdict
check_from(struct filter_call *fc)
{
	const struct headers_conf *conf = fc_conf(fc);
	char value[VALUE_SIZE], address[ADDRESS_SIZE];
	enum mailbox_found found = MAILBOX_END;
	size_t i, n = fc_header_count(fc, "From"), addresses = 0;
	const char *at;
	ssize_t len;

	if (!conf->one_from || n == 0)
		return VERDICT_PASS;
	for (i = 0; i < n && found == MAILBOX_END; i++) {
		len = fc_header(fc, "From", i, value, sizeof(value));
		if (len == -1)
			return unreadable(fc);
		if ((size_t)len >= sizeof(value))
			found = MAILBOX_BAD;
		else
			for (at = value; addresses < 2 &&
			     (found = mailbox_next(&at, address,
				  sizeof(address))) == MAILBOX_FOUND;)
				addresses++;
	}
	if (addresses == 1 && found == MAILBOX_END)
		return VERDICT_PASS;
	note(fc, found == MAILBOX_BAD ? "malformed" : "addresses", "From");
	return fc_reject(fc, CODE, ENHANCED,
	    found == MAILBOX_BAD
		? "the From field is no address that can be read"
		: "the From field must have exactly one address");
}

static enum verdict
judge_date(struct filter_call *fc, const char *value)
{
	const struct headers_conf *conf = fc_conf(fc);
	int64_t seconds, age;

	if (!maildate_parse(value, &seconds)) {
		note(fc, "malformed", "Date");
		return fc_reject(fc, CODE, ENHANCED,
		    "the Date field is no date (RFC 5322 3.3)");
	}
	age = fc_wall_ms(fc) - seconds * 1000;
	if (conf->date_past > 0 && age > conf->date_past) {
		note(fc, "old", "Date");
		return fc_reject(
		    fc, CODE, ENHANCED, "the Date field is too long ago");
	}
	if (conf->date_future > 0 && -age > conf->date_future) {
		note(fc, "future", "Date");
		return fc_reject(fc, CODE, ENHANCED,
		    "the Date field is too far in the future");
	}
	return VERDICT_PASS;
}

static enum verdict
check_date(struct filter_call *fc)
{
	const struct headers_conf *conf = fc_conf(fc);
	enum verdict v = VERDICT_PASS;
	char value[DATE_SIZE];
	size_t i, n = fc_header_count(fc, "Date");
	ssize_t len;

	if (conf->date_past == 0 && conf->date_future == 0)
		return VERDICT_PASS;
	for (i = 0; i < n && v == VERDICT_PASS; i++) {
		len = fc_header(fc, "Date", i, value, sizeof(value));
		if (len == -1)
			return unreadable(fc);
		v = judge_date(
		    fc, (size_t)len < sizeof(value) ? value : "too long");
	}
	return v;
}

/* Each one is put in front, so the last comes first. */
static void
add_fields(struct filter_call *fc)
{
	const struct headers_conf *conf = fc_conf(fc);
	char name[NAME_MAX_LEN + 1];
	const char *item;
	size_t i, n;

	for (i = conf->add.count; i > 0; i--) {
		item = conf->add.list[i - 1];
		n = name_len(item);
		snprintf(name, sizeof(name), "%.*s", (int)n, item);
		item += n + 1;
		fc_add_header(fc, name, item + strspn(item, " \t"));
	}
}

static enum verdict
on_message(struct filter_call *fc)
{
	static filter_fn *const checks[] = { check_required, check_single,
		check_from, check_date };
	enum verdict v = VERDICT_PASS;
	size_t i;

	for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		v = checks[i](fc);
		if (v != VERDICT_PASS)
			return v;
	}
	add_fields(fc);
	return VERDICT_PASS;
}

const struct filter filter_headers = {
	.name = "headers",
	.summary = "look at the header section, and add to it",
	.on = { [PHASE_MESSAGE] = on_message },
	.options = options,
	.conf_size = sizeof(struct headers_conf),
	.prepare = prepare,
};

/*
 * Misbehaviour on request: --fail STAGE=ACTION[%K][:TEXT], and reply codes
 * for certain recipients.
 */

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sink.h"

#define FAULTS_MAX 32
#define RULES_MAX 64
#define SPEC_MAX 64

struct rule {
	int after_dot;
	const char *local; /* borrowed from argv */
	size_t len;
	int code;
};

static const char *const stage_names[STAGE_COUNT] = { "connect", "banner",
	"ehlo", "mail", "rcpt", "data", "dot", "rset", "quit" };

static const struct {
	const char *name;
	enum action action;
	int after;
} actions[] = {
	{ "close", ACTION_CLOSE, 0 },
	{ "close-before", ACTION_CLOSE, 0 },
	{ "close-after", ACTION_CLOSE, 1 },
	{ "reset", ACTION_RESET, 0 },
	{ "reset-before", ACTION_RESET, 0 },
	{ "reset-after", ACTION_RESET, 1 },
	{ "hang", ACTION_HANG, 0 },
	{ "hang-before", ACTION_HANG, 0 },
	{ "hang-after", ACTION_HANG, 1 },
	{ "garbage", ACTION_GARBAGE, 1 },
	{ "long", ACTION_LONG, 1 },
	{ "multi", ACTION_MULTI, 1 },
	{ "drop-reply", ACTION_DROP, 1 },
	{ "extra-reply", ACTION_EXTRA, 1 },
	{ "part", ACTION_PART, 1 },
};

static struct fault faults[FAULTS_MAX];
static unsigned nfaults;
static struct rule rules[RULES_MAX];
static unsigned nrules;

static enum stage
parse_stage(const char *s, size_t len)
{
	int i;

	for (i = 0; i < STAGE_COUNT; i++)
		if (strlen(stage_names[i]) == len &&
		    memcmp(stage_names[i], s, len) == 0)
			return (enum stage)i;
	errx(2, "unknown stage in --fail: %s", s);
}

static void
parse_action(struct fault *f, const char *s)
{
	size_t i;

	if (strncmp(s, "slow=", 5) == 0) {
		f->action = ACTION_SLOW;
		f->after = 1;
		f->arg = (unsigned)parse_number("slow", s + 5, 3600000);
		return;
	}
	if (*s >= '2' && *s <= '5') {
		f->action = ACTION_CODE;
		f->arg = (unsigned)parse_number("reply code", s, 599);
		f->after = f->arg < 300;
		return;
	}
	for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(actions[i].name, s) == 0) {
			f->action = actions[i].action;
			f->after = actions[i].after;
			return;
		}
	errx(2, "unknown action in --fail: %s", s);
}

void
fault_add(const char *spec)
{
	struct fault *f = &faults[nfaults];
	char action[SPEC_MAX], *percent;
	const char *eq, *colon;
	size_t len;

	if (nfaults++ == FAULTS_MAX)
		errx(2, "too many --fail");
	if ((eq = strchr(spec, '=')) == NULL)
		errx(2, "not STAGE=ACTION: %s", spec);
	f->stage = parse_stage(spec, (size_t)(eq - spec));
	colon = strchr(eq, ':');
	len = colon != NULL ? (size_t)(colon - eq) - 1 : strlen(eq + 1);
	if (len >= sizeof(action))
		errx(2, "bad --fail: %s", spec);
	memcpy(action, eq + 1, len);
	action[len] = '\0';
	f->every = 1;
	if ((percent = strchr(action, '%')) != NULL) {
		*percent = '\0';
		f->every =
		    (unsigned long)parse_number("%K", percent + 1, 1000000000);
		if (f->every == 0)
			errx(2, "bad --fail: %s", spec);
	}
	parse_action(f, action);
	f->text = colon != NULL ? colon + 1 : NULL;
}

/* The fault that is due at this stage now, or NULL; counts the visit. */
const struct fault *
fault_at(enum stage stage)
{
	const struct fault *due = NULL;
	unsigned i;

	for (i = 0; i < nfaults; i++)
		if (faults[i].stage == stage &&
		    ++faults[i].seen % faults[i].every == 0 && due == NULL)
			due = &faults[i];
	if (due != NULL)
		store_count(COUNT_FAULTS);
	return due;
}

void
fault_rule_add(int after_dot, const char *spec)
{
	struct rule *r = &rules[nrules];
	const char *eq;

	if (nrules++ == RULES_MAX)
		errx(2, "too many recipient rules");
	if ((eq = strrchr(spec, '=')) == NULL)
		errx(2, "not LOCALPART=CODE: %s", spec);
	r->after_dot = after_dot;
	r->local = spec;
	r->len = (size_t)(eq - spec);
	r->code = (int)parse_number("reply code", eq + 1, 599);
	if (r->code < 200)
		errx(2, "bad reply code: %s", eq + 1);
}

/* The code a rule gives for this address; 0 if none does. */
int
fault_rule(int after_dot, const char *addr, size_t len)
{
	const char *at;
	unsigned i;

	if (nrules == 0)
		return 0;
	if ((at = memchr(addr, '@', len)) != NULL)
		len = (size_t)(at - addr);
	for (i = 0; i < nrules; i++)
		if (rules[i].after_dot == after_dot && rules[i].len == len &&
		    strncasecmp(rules[i].local, addr, len) == 0)
			return rules[i].code;
	return 0;
}

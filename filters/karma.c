/*
 * karma: acts on what other filters have taken from a session's karma.
 */

#include <stdio.h>

#include "gateway/filter.h"

#define POINTS_MAX 100000

enum at { AT_CONNECT, AT_HELO, AT_MAIL, AT_RCPT, AT_DATA, AT_MESSAGE };

struct karma_conf {
	int64_t flag; /* points that are gone; 0: never */
	int64_t defer;
	int64_t reject;
	int at; /* enum at */
};

static const char *const at_names[] = { "connect", "helo", "mail", "rcpt",
	"data", "message", NULL };
static const enum phase at_phases[] = { PHASE_CONNECT, PHASE_HELO, PHASE_MAIL,
	PHASE_RCPT, PHASE_DATA, PHASE_MESSAGE };

#define CONF(field) offsetof(struct karma_conf, field)
#define POINTS(option, field, text)                                        \
	{                                                                  \
		.name = option, .type = OPT_NUMBER, .offset = CONF(field), \
		.def = "0", .min = 0, .max = POINTS_MAX, .help = text      \
	}
static const struct opt options[] = {
	POINTS("flag", flag,
	    "points lost from which on the flag bad-karma is set; 0: never"),
	POINTS("defer", defer,
	    "points lost from which on the client is deferred; 0: never"),
	POINTS("reject", reject,
	    "points lost from which on the client is refused; 0: never"),
	{ .name = "at",
	    .type = OPT_CHOICE,
	    .offset = CONF(at),
	    .def = "rcpt",
	    .values = at_names,
	    .help = "step of a session at which it acts" },
	{ .name = NULL },
};

static bool
prepare(void *arg, char *say, size_t size)
{
	const struct karma_conf *conf = arg;
	const char *first = NULL, *second = NULL;

	if (conf->reject > 0 && conf->defer >= conf->reject) {
		first = "defer";
		second = "reject";
	} else if (conf->reject > 0 && conf->flag >= conf->reject) {
		first = "flag";
		second = "reject";
	} else if (conf->defer > 0 && conf->flag >= conf->defer) {
		first = "flag";
		second = "defer";
	}
	if (first == NULL)
		return true;
	snprintf(say, size, "%s has to be less than %s, or is never reached",
	    first, second);
	return false;
}

static const char *
warn(const void *arg, int64_t timeout)
{
	const struct karma_conf *conf = arg;

	(void)timeout;
	return conf->flag + conf->defer + conf->reject == 0
	    ? "it does nothing: flag, defer and reject are 0"
	    : NULL;
}

/* Who has authenticated is known by name, whatever his program says. */
static enum verdict
act(struct filter_call *fc)
{
	const struct karma_conf *conf = fc_conf(fc);
	double lost = -fc_karma(fc);

	if (fc_phase(fc) != at_phases[conf->at] || fc_client(fc)->login != NULL)
		return VERDICT_PASS;
	if (conf->reject > 0 && lost >= (double)conf->reject)
		return fc_reject(fc, conf->at == AT_CONNECT ? 554 : 550,
		    "5.7.1", "this session looks too much like one of abuse");
	if (conf->defer > 0 && lost >= (double)conf->defer)
		return fc_defer(fc, 451, "4.7.1",
		    "this session looks much like one of abuse, please try "
		    "again later");
	if (conf->flag > 0 && lost >= (double)conf->flag)
		fc_set_flag(fc, "bad-karma");
	return VERDICT_PASS;
}

const struct filter filter_karma = {
	.name = "karma",
	.summary = "acts on the points that other filters have taken",
	.on = { [PHASE_CONNECT] = act,
	    [PHASE_HELO] = act,
	    [PHASE_MAIL] = act,
	    [PHASE_RCPT] = act,
	    [PHASE_DATA] = act,
	    [PHASE_MESSAGE] = act },
	.options = options,
	.conf_size = sizeof(struct karma_conf),
	.prepare = prepare,
	.warn = warn,
};

/*
 * quarantine: puts messages aside that carry a flag, for somebody to look at.
 */

#include <stddef.h>
#include <stdio.h>

#include "gateway/filter.h"

struct quarantine_conf {
	const char *path;
	const char *flag;
	bool deliver;
};

#define CONF(field) offsetof(struct quarantine_conf, field)
static const struct opt options[] = {
	{ .name = "directory",
	    .type = OPT_PATH,
	    .offset = CONF(path),
	    .required = true,
	    .help = "where messages are written: YYYY/MM/DD/ID.eml" },
	{ .name = "flag",
	    .type = OPT_STRING,
	    .offset = CONF(flag),
	    .def = "quarantine",
	    .help = "flag of the messages, which another filter has set" },
	{ .name = "deliver",
	    .type = OPT_BOOL,
	    .offset = CONF(deliver),
	    .def = "no",
	    .help = "the message goes on as well; what is kept is a copy" },
	{ .name = NULL },
};

static enum verdict kept(struct filter_call *, int, const char *, const char *);

static enum verdict
on_message(struct filter_call *fc)
{
	const struct quarantine_conf *conf = fc_conf(fc);
	char reason[100];

	if (!fc_flag(fc, conf->flag))
		return VERDICT_PASS;
	snprintf(reason, sizeof(reason), "flag %s", conf->flag);
	return fc_keep(fc, reason, kept);
}

/* What is not safe on the disk stays with the client. */
static enum verdict
kept(struct filter_call *fc, int code, const char *enhanced, const char *text)
{
	const struct quarantine_conf *conf = fc_conf(fc);

	fc_set_fact(fc, "quarantine", text);
	if (code != 250)
		return fc_defer(fc, code, enhanced,
		    "the message can not be stored now, please try again "
		    "later");
	return conf->deliver ? VERDICT_PASS : VERDICT_DISCARD;
}

static const char *
directory(const void *arg)
{
	const struct quarantine_conf *conf = arg;

	return conf->path;
}

const struct filter filter_quarantine = {
	.name = "quarantine",
	.summary = "puts messages with a flag aside",
	.on = { [PHASE_MESSAGE] = on_message },
	.options = options,
	.conf_size = sizeof(struct quarantine_conf),
	.directory = directory,
};

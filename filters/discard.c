/*
 * discard: accepts messages that carry a flag, and delivers them to nobody.
 */

#include <stddef.h>

#include "gateway/filter.h"

struct discard_conf {
	const char *flag;
};

static const struct opt options[] = {
	{ .name = "flag",
	    .type = OPT_STRING,
	    .offset = offsetof(struct discard_conf, flag),
	    .def = "discard",
	    .help = "flag of the messages, which another filter has set" },
	{ .name = NULL },
};

static enum verdict
on_message(struct filter_call *fc)
{
	const struct discard_conf *conf = fc_conf(fc);

	return fc_flag(fc, conf->flag) ? VERDICT_DISCARD : VERDICT_PASS;
}

const struct filter filter_discard = {
	.name = "discard",
	.summary = "accepts messages with a flag and delivers them to nobody",
	.on = { [PHASE_MESSAGE] = on_message },
	.options = options,
	.conf_size = sizeof(struct discard_conf),
};

/*
 * delay: answers later on purpose.  A wait before the greeting turns away
 * senders that are in a hurry; waits at other steps slow them down.  A wait is
 * a timer: it costs no process and no thread.
 */

#include <stddef.h>

#include "gateway/filter.h"

struct delay_conf {
	int64_t connect; /* all in ms */
	int64_t helo;
	int64_t mail;
	int64_t rcpt;
	int64_t message;
	struct net_list except;
};

#define DELAY(option, word)                                              \
	{                                                                \
		.name = #option, .type = OPT_DURATION,                   \
		.offset = offsetof(struct delay_conf, option), .min = 0, \
		.max = 600000, .help = "wait before the answer to " word \
	}

static const struct opt options[] = {
	DELAY(connect, "a connection (the greeting)"),
	DELAY(helo, "HELO and EHLO"),
	DELAY(mail, "MAIL"),
	DELAY(rcpt, "RCPT"),
	DELAY(message, "a message"),
	{ .name = "except",
	    .type = OPT_NETS,
	    .offset = offsetof(struct delay_conf, except),
	    .help = "networks that never wait" },
	{ .name = NULL },
};

static enum verdict
waited(struct filter_call *fc)
{
	(void)fc;
	return VERDICT_PASS;
}

static enum verdict
delay(struct filter_call *fc, int64_t ms)
{
	const struct delay_conf *conf = fc_conf(fc);
	const struct client *client = fc_client(fc);

	if (ms == 0 || client->is_probe ||
	    net_list_has(&conf->except, &client->addr))
		return VERDICT_PASS;
	return fc_wait(fc, ms, waited);
}

static const struct delay_conf *
conf_of(struct filter_call *fc)
{
	return fc_conf(fc);
}

static enum verdict
on_connect(struct filter_call *fc)
{
	return delay(fc, conf_of(fc)->connect);
}

static enum verdict
on_helo(struct filter_call *fc)
{
	return delay(fc, conf_of(fc)->helo);
}

static enum verdict
on_mail(struct filter_call *fc)
{
	return delay(fc, conf_of(fc)->mail);
}

static enum verdict
on_rcpt(struct filter_call *fc)
{
	return delay(fc, conf_of(fc)->rcpt);
}

static enum verdict
on_message(struct filter_call *fc)
{
	return delay(fc, conf_of(fc)->message);
}

static const char *
warn(const void *conf, int64_t timeout)
{
	const struct delay_conf *c = conf;

	if (c->connect >= timeout || c->helo >= timeout || c->mail >= timeout ||
	    c->rcpt >= timeout || c->message >= timeout)
		return "a wait is not shorter than timeout, which ends it as "
		       "unknown";
	return NULL;
}

const struct filter filter_delay = {
	.name = "delay",
	.summary = "answer later on purpose",
	.on = { [PHASE_CONNECT] = on_connect,
	    [PHASE_HELO] = on_helo,
	    [PHASE_MAIL] = on_mail,
	    [PHASE_RCPT] = on_rcpt,
	    [PHASE_MESSAGE] = on_message },
	.options = options,
	.conf_size = sizeof(struct delay_conf),
	.warn = warn,
};

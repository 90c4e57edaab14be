/*
 * Delivery by the sendmail command of this machine.  Running it blocks and may
 * need a set-group-ID program, so the agent process does it (gateway/agent.h);
 * this is its client: one request per recipient, one after another over one
 * link, because an exit code can not tell recipients apart.
 */

#include "ask_agent.h"
#include "gateway/backend.h"
#include "gateway/opt.h"

#include <string.h>

struct sendmail_conf {
	const char *command;
	struct opt_list arguments;
	int64_t processes;
	int64_t timeout;
};

static enum progress deliver(struct delivery *);
static void send_head(struct delivery *, const struct address *);
static bool refuse_options(struct delivery *);
static const char *check(const void *);
static void program(const void *, struct backend_program *);

#define CONF(field) offsetof(struct sendmail_conf, field)
static const struct opt options[] = {
	{ .name = "command",
	    .type = OPT_PATH,
	    .offset = CONF(command),
	    .required = true,
	    .help = "the program, with its path" },
	{ .name = "arguments",
	    .type = OPT_LIST,
	    .offset = CONF(arguments),
	    .help = "in front of -i -f SENDER -- RECIPIENT" },
	{ .name = "processes",
	    .type = OPT_NUMBER,
	    .offset = CONF(processes),
	    .def = "4",
	    .min = 1,
	    .max = 100,
	    .help = "how many may run at once; the next message waits" },
	{ .name = "timeout",
	    .type = OPT_DURATION,
	    .offset = CONF(timeout),
	    .def = "2m",
	    .min = 100,
	    .max = 3600000,
	    .help = "after which one that runs is killed" },
	{ .name = NULL },
};

const struct backend backend_sendmail = {
	.name = "sendmail",
	.summary = "hands mail to the sendmail command",
	.link = BACKEND_AGENT,
	/* What the command does with addresses in UTF-8, or which way the
	 * message takes from there, it does not tell. */
	.offers = EHLO_8BITMIME,
	.deliver = deliver,
	.state_size = sizeof(struct ask_agent),
	.options = options,
	.conf_size = sizeof(struct sendmail_conf),
	.check = check,
	.program = program,
};

static enum progress
deliver(struct delivery *dl)
{
	if (refuse_options(dl))
		return DELIVERY_DONE;
	return ask_agent_deliver(dl, send_head);
}

/*
 * "--" keeps a recipient from being taken for an option, but not every program
 * that is called sendmail knows it, and a sender has no such guard.  If there
 * is one, nobody gets the message: see dl_hold_back().
 */
static bool
refuse_options(struct delivery *dl)
{
	static const struct reply bad_sender = {
		.code = 553,
		.enhanced = "5.1.7",
		.text = "sender address not allowed",
		.lines = 1,
	};
	static const struct reply bad_recipient = {
		.code = 553,
		.enhanced = "5.1.3",
		.text = "recipient address not allowed",
		.lines = 1,
	};
	bool refused = false;
	size_t i;

	if (dl_envelope(dl)->sender.text[0] == '-') {
		dl_result_rest(dl, DL_STAGE_COMMAND, &bad_sender);
		return true;
	}
	for (i = 0; i < dl_count(dl); i++)
		if (dl_recipient(dl, i)->text[0] == '-') {
			dl_result(dl, i, DL_STAGE_COMMAND, &bad_recipient);
			refused = true;
		}
	if (refused)
		dl_hold_back(dl);
	return refused;
}

static void
send_head(struct delivery *dl, const struct address *rcpt)
{
	const char *name = dl_backend_name(dl);

	(void)rcpt;
	dl_send(dl, "sendmail ");
	ask_agent_encode(dl, name, strlen(name));
}

static const char *
check(const void *conf)
{
	const struct sendmail_conf *c = conf;

	return c->command != NULL && c->command[0] != '/'
	    ? "command must begin with a slash"
	    : NULL;
}

static void
program(const void *conf, struct backend_program *p)
{
	const struct sendmail_conf *c = conf;

	p->path = c->command;
	p->arguments = c->arguments.list;
	p->argument_count = c->arguments.count;
	p->processes = c->processes;
	p->timeout = c->timeout;
}

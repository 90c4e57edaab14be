/*
 * Delivery into maildirs of this machine.  Writing them blocks, so the agent
 * process does it (gateway/agent.h); this is its client: one request per
 * recipient, one after another over one link.
 */

#include "ask_agent.h"
#include "gateway/backend.h"
#include "gateway/opt.h"

#include <string.h>

struct maildir_conf {
	const char *path; /* %u local part, %d domain, %% percent sign */
};

enum naming { NAMING_GOOD, NAMING_BAD_NAME, NAMING_BAD_TEMPLATE };

static enum progress deliver(struct delivery *);
static void send_head(struct delivery *, const struct address *);
static bool refuse_names(struct delivery *);
static enum naming check_name(const char *, const struct address *);
static const char *check(const void *);
static const char *local_name(const struct address *, char *, size_t);
static bool is_file_name(const char *);
static void send_path(struct delivery *, const char *, const struct address *);

static const struct opt options[] = {
	{ .name = "path",
	    .type = OPT_PATH,
	    .offset = offsetof(struct maildir_conf, path),
	    .required = true,
	    .help = "maildir of a recipient: %u is the local part, %d the "
		    "domain, %% a percent sign" },
	{ .name = NULL },
};

const struct backend backend_maildir = {
	.name = "maildir",
	.summary = "writes mail into maildirs",
	.link = BACKEND_AGENT,
	/* Lines are stored with a bare LF, so binary content would change.
	 * This is the message's last hop: nothing goes on without TLS. */
	.offers =
	    EHLO_8BITMIME | EHLO_SMTPUTF8 | EHLO_CHUNKING | EHLO_REQUIRETLS,
	.deliver = deliver,
	.state_size = sizeof(struct ask_agent),
	.options = options,
	.conf_size = sizeof(struct maildir_conf),
	.check = check,
};

static enum progress
deliver(struct delivery *dl)
{
	if (refuse_names(dl))
		return DELIVERY_DONE;
	return ask_agent_deliver(dl, send_head);
}

static void
send_head(struct delivery *dl, const struct address *rcpt)
{
	const struct maildir_conf *conf = dl_conf(dl);

	dl_send(dl, "maildir ");
	send_path(dl, conf->path, rcpt);
}

/*
 * Gives the recipients whose names can not be mailboxes their result, before
 * anything is written.  If there is one, nobody gets the message: see
 * dl_hold_back().
 */
static bool
refuse_names(struct delivery *dl)
{
	static const struct reply bad_name = {
		.code = 553,
		.enhanced = "5.1.3",
		.text = "mailbox name not allowed",
		.lines = 1,
	};
	static const struct reply bad_template = {
		.code = 451,
		.enhanced = "4.3.5",
		.text = "mail store is not configured properly",
		.lines = 1,
	};
	const struct maildir_conf *conf = dl_conf(dl);
	enum naming naming;
	bool refused = false;
	size_t i;

	for (i = 0; i < dl_count(dl); i++) {
		naming = check_name(conf->path, dl_recipient(dl, i));
		if (naming == NAMING_GOOD)
			continue;
		refused = true;
		if (naming == NAMING_BAD_NAME)
			dl_result(dl, i, DL_STAGE_COMMAND, &bad_name);
		else
			dl_result(dl, i, DL_STAGE_SESSION, &bad_template);
	}
	if (refused)
		dl_hold_back(dl);
	return refused;
}

/* Looks at the parts of the address that the template makes use of. */
static enum naming
check_name(const char *template, const struct address *rcpt)
{
	char buf[ADDRESS_PLAIN_SIZE];
	const char *p;

	for (p = strchr(template, '%'); p != NULL; p = strchr(p + 1, '%')) {
		p++;
		if (*p == 'u') {
			if (!is_file_name(local_name(rcpt, buf, sizeof(buf))))
				return NAMING_BAD_NAME;
		} else if (*p == 'd') {
			if (!is_file_name(rcpt->plain))
				return NAMING_BAD_NAME;
		} else if (*p != '%') {
			return NAMING_BAD_TEMPLATE;
		}
	}
	return NAMING_GOOD;
}

static const char *
check(const void *conf)
{
	static const struct address anybody = { "a@b", "a", "b", "b" };
	const struct maildir_conf *c = conf;

	if (c->path != NULL && check_name(c->path, &anybody) != NAMING_GOOD)
		return "path knows %u, %d and %% only";
	return NULL;
}

/* "joe"@example.org and joe@example.org are one mailbox. */
static const char *
local_name(const struct address *rcpt, char *buf, size_t size)
{
	char *at;

	if (rcpt->local[0] != '"')
		return rcpt->local;
	address_plain(rcpt, buf, size);
	at = strrchr(buf, '@');
	if (at != NULL)
		*at = '\0';
	return buf;
}

/* A leading dot would make "..", or a folder of somebody else's Maildir++. */
static bool
is_file_name(const char *s)
{
	const char *p;

	for (p = s; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f || *p == '/')
			return false;
	return s[0] != '\0' && s[0] != '.';
}

/* The template was checked by check_name(). */
static void
send_path(struct delivery *dl, const char *template, const struct address *rcpt)
{
	char buf[ADDRESS_PLAIN_SIZE];
	const char *p = template, *local;
	size_t literal;

	for (;;) {
		literal = strcspn(p, "%");
		ask_agent_encode(dl, p, literal);
		p += literal;
		if (*p == '\0')
			return;
		local = local_name(rcpt, buf, sizeof(buf));
		if (p[1] == 'u')
			ask_agent_encode(dl, local, strlen(local));
		else if (p[1] == 'd')
			ask_agent_encode(dl, rcpt->plain, strlen(rcpt->plain));
		else
			ask_agent_encode(dl, "%", 1);
		p += 2;
	}
}

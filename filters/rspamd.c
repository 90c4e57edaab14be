/*
 * rspamd: asks rspamd about the message and does what it says.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/filter.h"
#include "rspamd_answer.h"
#include "rspamd_request.h"

#define SERVERS_MAX 8

struct rspamd_state {
	size_t server;	/* that is asked */
	unsigned asked; /* a bit for each so far */
};

#define CONF(field) offsetof(struct rspamd_conf, field)
static const struct opt options[] = {
	{ .name = "server",
	    .type = OPT_LIST,
	    .offset = CONF(servers),
	    .required = true,
	    .help =
		"http://HOST:PORT, https://HOST:PORT or unix:PATH; the next "
		"ones are asked when one does not answer" },
	{ .name = "try",
	    .type = OPT_DURATION,
	    .offset = CONF(try),
	    .def = "6s",
	    .min = 1,
	    .max = 600000,
	    .help = "how long one server may take, when there is another" },
	{ .name = "pause",
	    .type = OPT_DURATION,
	    .offset = CONF(pause),
	    .def = "30s",
	    .min = 0,
	    .max = 86400000,
	    .help = "how long the others are asked before one that failed" },
	{ .name = "password",
	    .type = OPT_STRING,
	    .offset = CONF(password),
	    .help = "of rspamd's controller; default: none" },
	{ .name = "max-size",
	    .type = OPT_SIZE,
	    .offset = CONF(max_size),
	    .def = "20M",
	    .min = 1,
	    .max = INT64_C(1) << 30,
	    .help = "larger messages pass without being asked about" },
	{ .name = "settings-id",
	    .type = OPT_STRING,
	    .offset = CONF(settings_id),
	    .help = "id of settings in rspamd; default: none" },
	{ .name = "mta-name",
	    .type = OPT_STRING,
	    .offset = CONF(mta_name),
	    .help = "our name in Authentication-Results; default: hostname" },
	{ .name = "ca",
	    .type = OPT_PATH,
	    .offset = CONF(ca),
	    .help = "PEM file with the authorities for https" },
	{ .name = "verify",
	    .type = OPT_BOOL,
	    .offset = CONF(verify),
	    .def = "yes",
	    .help = "the certificate of an https server is verified" },
	{ .name = "spam-header",
	    .type = OPT_STRING,
	    .offset = CONF(spam_header),
	    .def = "X-Spam",
	    .help = "field that the action \"add header\" adds" },
	{ .name = NULL },
};

static bool choose(struct filter_call *);
static enum verdict ask(struct filter_call *);
static const char *server_of(struct filter_call *);
static enum verdict answered(struct filter_call *, const struct http_answer *);
static enum verdict next_server(struct filter_call *, const char *);
static enum verdict act(struct filter_call *, const struct rspamd_answer *);
static void apply(struct filter_call *, const struct rspamd_answer *);
static void remove_header(struct filter_call *, const struct rspamd_answer *,
    const struct rspamd_edit *);
static void add_spam_header(struct filter_call *, const struct rspamd_answer *);
static void rewrite_subject(struct filter_call *, const struct rspamd_answer *);
static void record(struct filter_call *, const struct rspamd_answer *);

static enum verdict
on_message(struct filter_call *fc)
{
	const struct rspamd_conf *conf = fc_conf(fc);

	if (fc_message_size(fc) > (uint64_t)conf->max_size) {
		fc_set_fact(fc, "rspamd", "too large to ask");
		return VERDICT_PASS;
	}
	choose(fc);
	return ask(fc);
}

/* The first one in their order that was not asked and did not fail a moment
 * ago; or else one that did.  False: all have been asked. */
static bool
choose(struct filter_call *fc)
{
	struct rspamd_state *st = fc_tx_state(fc);
	const struct rspamd_conf *conf = fc_conf(fc);
	size_t i, best = conf->servers.count;

	for (i = conf->servers.count; i-- > 0;)
		if ((st->asked & 1u << i) == 0 &&
		    (best == conf->servers.count ||
			fc_http_is_spared(fc, conf->servers.list[best]) ||
			!fc_http_is_spared(fc, conf->servers.list[i])))
			best = i;
	if (best == conf->servers.count)
		return false;
	st->server = best;
	st->asked |= 1u << best;
	return true;
}

static enum verdict
ask(struct filter_call *fc)
{
	struct rspamd_state *st = fc_tx_state(fc);
	const struct rspamd_conf *conf = fc_conf(fc);
	struct rspamd_request rq;

	rspamd_request(&rq, fc, conf, st->server);
	fc_http(fc, &rq.http, answered);
	rspamd_request_free(&rq);
	return VERDICT_PENDING;
}

static const char *
server_of(struct filter_call *fc)
{
	const struct rspamd_state *st = fc_tx_state(fc);
	const struct rspamd_conf *conf = fc_conf(fc);

	return conf->servers.list[st->server];
}

static enum verdict
answered(struct filter_call *fc, const struct http_answer *a)
{
	struct rspamd_answer ra;
	enum verdict v;
	const char *why;
	char text[60];

	if (a->status != 200) {
		snprintf(text, sizeof(text), "status %d", a->status);
		return next_server(fc, a->fault != NULL ? a->fault : text);
	}
	why = rspamd_answer_parse(&ra, a->body, a->len);
	if (why == NULL) {
		fc_http_spare(fc, server_of(fc), 0);
		record(fc, &ra);
		if (a->split && ra.action != RSPAMD_REJECT &&
		    ra.action != RSPAMD_SOFT_REJECT)
			fc_replace_body(fc);
		v = act(fc, &ra);
	} else
		v = next_server(fc, why);
	rspamd_answer_free(&ra);
	return v;
}

static enum verdict
next_server(struct filter_call *fc, const char *why)
{
	const struct rspamd_conf *conf = fc_conf(fc);
	const char *server = server_of(fc);

	fc_http_spare(fc, server, conf->pause);
	if (!choose(fc))
		return fc_unknown(fc, "%s: %s", server, why);
	return ask(fc);
}

/* "greylist" is a range of scores: who has to come again gets a soft reject. */
static enum verdict
act(struct filter_call *fc, const struct rspamd_answer *a)
{
	const char *text =
	    a->text != NULL && a->text[0] != '\0' ? a->text : NULL;

	switch (a->action) {
	case RSPAMD_REJECT:
		return fc_reject(fc, 550, "5.7.1", "%s",
		    text != NULL ? text : "this looks like spam");
	case RSPAMD_SOFT_REJECT:
		return fc_defer(fc, 451, "4.7.1", "%s",
		    text != NULL ? text : "please try again later");
	case RSPAMD_QUARANTINE:
		fc_set_flag(fc, "quarantine");
		break;
	case RSPAMD_DISCARD:
		fc_set_flag(fc, "discard");
		break;
	case RSPAMD_NO_ACTION:
	case RSPAMD_GREYLIST:
	case RSPAMD_ADD_HEADER:
	case RSPAMD_REWRITE_SUBJECT:
	case RSPAMD_OTHER:
		break;
	}
	apply(fc, a);
	return VERDICT_PASS;
}

static void
apply(struct filter_call *fc, const struct rspamd_answer *a)
{
	const struct rspamd_edit *e;
	size_t i;

	for (i = 0; i < a->count; i++)
		if (a->edits[i].kind == RSPAMD_REMOVE_HEADER)
			remove_header(fc, a, &a->edits[i]);
	if (a->action == RSPAMD_REWRITE_SUBJECT)
		rewrite_subject(fc, a);
	for (i = 0; i < a->count; i++) {
		e = &a->edits[i];
		switch (e->kind) {
		case RSPAMD_INSERT_HEADER:
			fc_insert_header(fc, e->name, e->value, e->number);
			break;
		case RSPAMD_SIGNATURE:
			fc_add_header(fc, "DKIM-Signature", e->value);
			break;
		case RSPAMD_CHANGE_FROM:
			fc_set_sender(fc, e->value);
			break;
		case RSPAMD_ADD_RCPT:
			fc_add_recipient(fc, e->value);
			break;
		case RSPAMD_DEL_RCPT:
			fc_remove_recipient(fc, e->value);
			break;
		case RSPAMD_REMOVE_HEADER:
		case RSPAMD_SPAM_HEADER:
			break;
		}
	}
	if (a->action == RSPAMD_ADD_HEADER)
		add_spam_header(fc, a);
}

/* Numbers are those of the message that rspamd saw, so the higher ones go
 * first: here only if no higher one of this name comes later. */
static void
remove_header(struct filter_call *fc, const struct rspamd_answer *a,
    const struct rspamd_edit *edit)
{
	int64_t list[RSPAMD_EDITS_MAX], n, highest = -1, last = INT64_MAX;
	size_t i, count = 0;

	/* All of a name at the first edit that has it. */
	for (i = 0; a->edits + i < edit; i++)
		if (a->edits[i].kind == RSPAMD_REMOVE_HEADER &&
		    strcmp(a->edits[i].name, edit->name) == 0)
			return;
	n = (int64_t)fc_header_count(fc, edit->name);
	for (; i < a->count; i++) {
		if (a->edits[i].kind != RSPAMD_REMOVE_HEADER ||
		    strcmp(a->edits[i].name, edit->name) != 0)
			continue;
		if (a->edits[i].number == 0) {
			fc_remove_header(fc, edit->name, FC_ALL);
			return;
		}
		list[count++] = a->edits[i].number > 0 ? a->edits[i].number - 1
						       : n + a->edits[i].number;
	}
	for (;; last = highest) {
		for (highest = -1, i = 0; i < count; i++)
			if (list[i] > highest && list[i] < last && list[i] < n)
				highest = list[i];
		if (highest == -1)
			return;
		fc_remove_header(fc, edit->name, (size_t)highest);
	}
}

static void
add_spam_header(struct filter_call *fc, const struct rspamd_answer *a)
{
	const struct rspamd_conf *conf = fc_conf(fc);
	const char *name;
	bool told = false;
	size_t i;

	for (i = 0; i < a->count; i++) {
		if (a->edits[i].kind != RSPAMD_SPAM_HEADER)
			continue;
		told = true;
		name = a->edits[i].name != NULL ? a->edits[i].name
						: conf->spam_header;
		fc_remove_header(fc, name, FC_ALL);
		fc_add_header(fc, name, a->edits[i].value);
	}
	if (told)
		return;
	fc_remove_header(fc, conf->spam_header, FC_ALL);
	fc_add_header(fc, conf->spam_header, "Yes");
}

static void
rewrite_subject(struct filter_call *fc, const struct rspamd_answer *a)
{
	char *text;

	if (a->subject == NULL)
		return;
	text = rspamd_encode(a->subject);
	fc_remove_header(fc, "Subject", FC_ALL);
	fc_insert_header(fc, "Subject", text, -1);
	free(text);
}

static void
record(struct filter_call *fc, const struct rspamd_answer *a)
{
	char score[80];

	snprintf(score, sizeof(score), "%.2f/%.2f", a->score, a->required);
	fc_set_fact(fc, "rspamd", a->action_name);
	fc_set_fact(fc, "rspamd_score", score);
	fc_set_fact(fc, "rspamd_symbols", a->symbols);
}

static bool
prepare(void *arg, char *say, size_t size)
{
	struct rspamd_conf *conf = arg;
	const char *text, *why;
	bool tls = false;
	size_t i;

	if (conf->servers.count > SERVERS_MAX) {
		snprintf(say, size, "more than %d servers", SERVERS_MAX);
		return false;
	}
	for (i = 0; i < conf->servers.count; i++) {
		text = conf->servers.list[i];
		tls = tls || strncmp(text, "https:", 6) == 0;
		why = strncmp(text, "unix:", 5) != 0 ? http_url_fault(text)
		    : text[5] == '\0'		     ? "names no socket"
						     : NULL;
		if (why == NULL && strncmp(text, "unix:", 5) != 0 &&
		    strchr(strstr(text, "//") + 2, '/') != NULL)
			why = "must not have a path";
		if (why == NULL)
			continue;
		snprintf(say, size, "server \"%.100s\" %s", text, why);
		return false;
	}
	if (!tls || !conf->verify)
		return true;
	if (conf->ca == NULL) {
		snprintf(say, size,
		    "https needs ca, or verify = no on a network of your own");
		return false;
	}
	conf->pem = rspamd_read_file(conf->ca, say, size);
	return conf->pem != NULL;
}

static const char *
warn(const void *arg, int64_t timeout)
{
	const struct rspamd_conf *conf = arg;

	if (conf->servers.count > 1 && conf->try >= timeout)
		return "try is not less than timeout: when a server is silent, "
		       "no other will be asked";
	return NULL;
}

static const char *
path(const void *arg, size_t index)
{
	const struct rspamd_conf *conf = arg;
	size_t i;

	for (i = 0; i < conf->servers.count; i++)
		if (strncmp(conf->servers.list[i], "unix:", 5) == 0 &&
		    index-- == 0)
			return conf->servers.list[i] + 5;
	return NULL;
}

static const char *
server(const void *arg, size_t index)
{
	const struct rspamd_conf *conf = arg;

	return index < conf->servers.count ? conf->servers.list[index] : NULL;
}

const struct filter filter_rspamd = {
	.name = "rspamd",
	.summary = "asks rspamd about the message",
	.on = { [PHASE_MESSAGE] = on_message },
	.options = options,
	.conf_size = sizeof(struct rspamd_conf),
	.tx_size = sizeof(struct rspamd_state),
	.prepare = prepare,
	.warn = warn,
	.path = path,
	.server = server,
	.must_choose = true,
};

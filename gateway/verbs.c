/*
 * The commands.  The verb table drives everything: which state a verb needs,
 * how its argument is checked, which filters judge it, and what it does when
 * they have no objection.  Each verb's functions stand together, in the order
 * of a session.
 */

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "chain.h"
#include "compat.h"
#include "conn.h"
#include "route.h"
#include "session_priv.h"
#include "verbs.h"

enum needs {
	ANY_TIME,
	NEEDS_IDLE, /* no transaction */
	NEEDS_HELO,
	NEEDS_NO_MAIL, /* HELO, and no transaction */
	NEEDS_MAIL,
	NEEDS_RCPT
};

#define NO_PHASE PHASES

struct verb {
	enum smtp_verb verb;
	const char *name;
	enum needs needs;
	bool idle; /* brings no message any nearer */
	/* Checks the argument and takes it over; REPLY_NONE when good. */
	enum reply_id (*check)(struct session *s, struct slice arg);
	enum phase phase; /* whose filters judge it; NO_PHASE */
	/* No objection: do it and reply. */
	void (*act)(struct session *s);
	/* A filter objected: take back what check() took over. */
	void (*undo)(struct session *s);
	/* Instead of the usual reply and undo(); NULL: the usual. */
	void (*refuse)(struct session *s, const struct judgement *j);
};

static enum reply_id check_none(struct session *s, struct slice arg);
static enum reply_id check_any(struct session *s, struct slice arg);
static enum reply_id check_helo(struct session *s, struct slice arg);
static enum reply_id check_ehlo(struct session *s, struct slice arg);
static void act_helo(struct session *s);
static void undo_helo(struct session *s);
static enum reply_id check_data(struct session *s, struct slice arg);
static void act_data(struct session *s);
static void act_rset(struct session *s);
static void act_noop(struct session *s);
static void act_vrfy(struct session *s);
static void act_help(struct session *s);
static void act_quit(struct session *s);

static const struct verb verbs[] = {
	{ .verb = SMTP_HELO,
	    .name = "HELO",
	    .needs = ANY_TIME,
	    .idle = true,
	    .check = check_helo,
	    .phase = PHASE_HELO,
	    .act = act_helo,
	    .undo = undo_helo },
	{ .verb = SMTP_EHLO,
	    .name = "EHLO",
	    .needs = ANY_TIME,
	    .idle = true,
	    .check = check_ehlo,
	    .phase = PHASE_HELO,
	    .act = session_act_ehlo,
	    .undo = undo_helo },
	{ .verb = SMTP_MAIL,
	    .name = "MAIL",
	    .needs = NEEDS_NO_MAIL,
	    .check = verb_check_mail,
	    .phase = PHASE_MAIL,
	    .act = verb_act_mail,
	    .undo = verb_undo_mail },
	{ .verb = SMTP_RCPT,
	    .name = "RCPT",
	    .needs = NEEDS_MAIL,
	    .check = verb_check_rcpt,
	    .phase = PHASE_RCPT,
	    .act = verb_act_rcpt,
	    .undo = verb_undo_rcpt },
	{ .verb = SMTP_DATA,
	    .name = "DATA",
	    .needs = NEEDS_RCPT,
	    .check = check_data,
	    .phase = PHASE_DATA,
	    .act = act_data },
	{ .verb = SMTP_BDAT,
	    .name = "BDAT",
	    .needs = ANY_TIME,
	    .check = chunk_check,
	    .phase = NO_PHASE,
	    .act = chunk_act,
	    .refuse = chunk_refuse },
	{ .verb = SMTP_STARTTLS,
	    .name = "STARTTLS",
	    .needs = NEEDS_NO_MAIL,
	    .check = verb_check_starttls,
	    .phase = NO_PHASE,
	    .act = verb_act_starttls },
	{ .verb = SMTP_AUTH,
	    .name = "AUTH",
	    .needs = NEEDS_NO_MAIL,
	    .check = verb_check_auth,
	    .phase = PHASE_AUTH,
	    .act = verb_act_auth,
	    .refuse = verb_refuse_auth },
	{ .verb = SMTP_XCLIENT,
	    .name = "XCLIENT",
	    .needs = NEEDS_IDLE,
	    .check = session_check_xclient,
	    .phase = NO_PHASE,
	    .act = session_act_xclient },
	{ .verb = SMTP_XFORWARD,
	    .name = "XFORWARD",
	    .needs = NEEDS_IDLE,
	    .check = session_check_xforward,
	    .phase = NO_PHASE,
	    .act = act_noop },
	{ .verb = SMTP_RSET,
	    .name = "RSET",
	    .needs = ANY_TIME,
	    .idle = true,
	    .check = check_none,
	    .phase = NO_PHASE,
	    .act = act_rset },
	{ .verb = SMTP_NOOP,
	    .name = "NOOP",
	    .needs = ANY_TIME,
	    .idle = true,
	    .check = check_any,
	    .phase = NO_PHASE,
	    .act = act_noop },
	{ .verb = SMTP_VRFY,
	    .name = "VRFY",
	    .needs = ANY_TIME,
	    .idle = true,
	    .check = check_any,
	    .phase = NO_PHASE,
	    .act = act_vrfy },
	{ .verb = SMTP_HELP,
	    .name = "HELP",
	    .needs = ANY_TIME,
	    .idle = true,
	    .check = check_any,
	    .phase = NO_PHASE,
	    .act = act_help },
	{ .verb = SMTP_QUIT,
	    .name = "QUIT",
	    .needs = ANY_TIME,
	    .check = check_none,
	    .phase = NO_PHASE,
	    .act = act_quit },
};

/* A greeting that was refused stays for the record.  Who goes on behind one
 * that was refused for now may not lose mail by that. */
static enum reply_id
needs_greeting(const struct session *s)
{
	if (s->helo_refused != 0)
		return s->helo_refused / 100 == 5 ? REPLY_HELO_REFUSED
						  : REPLY_HELO_DEFERRED;
	return s->client.helo == NULL ? REPLY_HELO_FIRST : REPLY_NONE;
}

/* Is the session in the state that the verb needs?  The one place for 503. */
static enum reply_id
check_state(const struct session *s, enum needs needs)
{
	const struct envelope *e = &s->tx.envelope;
	enum reply_id no;

	switch (needs) {
	case ANY_TIME:
		return REPLY_NONE;
	case NEEDS_IDLE:
		return e->has_sender ? REPLY_NESTED_MAIL : REPLY_NONE;
	case NEEDS_HELO:
		return needs_greeting(s);
	case NEEDS_NO_MAIL:
		if ((no = needs_greeting(s)) != REPLY_NONE)
			return no;
		return e->has_sender ? REPLY_NESTED_MAIL : REPLY_NONE;
	case NEEDS_MAIL:
		return e->has_sender ? REPLY_NONE : REPLY_MAIL_FIRST;
	case NEEDS_RCPT:
		if (!e->has_sender)
			return REPLY_MAIL_FIRST;
		if (e->count > 0)
			return REPLY_NONE;
		return s->rcpts_refused > 0 ? REPLY_NO_VALID_RECIPIENT
					    : REPLY_RCPT_FIRST;
	}
	return REPLY_NONE;
}

/* require-tls: what a client may say in clear.  The one place for 530. */
static bool
needs_tls(const struct session *s, enum needs needs)
{
	return s->listener->require_tls && !s->client.tls && needs != ANY_TIME;
}

/* A command that is none of ours. */
static void
refuse_unknown(struct session *s, const struct smtp_command *cmd)
{
	if (cmd->verb != SMTP_UNKNOWN) {
		session_reply(s, REPLY_NOT_IMPLEMENTED);
		return;
	}
	session_reply(s, REPLY_UNKNOWN_COMMAND);
}

/* What follows a BDAT that was not understood can not be told from commands,
 * nor what somebody sent in clear behind STARTTLS. */
static void
close_if_out_of_step(
    struct session *s, const struct smtp_command *cmd, enum reply_id no)
{
	if (no == REPLY_TLS_INJECTED || cmd->verb == SMTP_BDAT)
		session_close(s, "out-of-step");
}

/* Addresses may have octets above 127; whether they do so rightly is seen when
 * they are parsed.  VRFY says by a last word that they are meant (RFC 6531
 * 3.7.4.2). */
static bool
may_be_8bit(const struct session *s, const struct smtp_command *cmd)
{
	static const char word[] = " SMTPUTF8";
	const size_t n = sizeof(word) - 1;
	struct slice tail = cmd->arg;

	if (cmd->verb == SMTP_MAIL || cmd->verb == SMTP_RCPT)
		return true;
	if (cmd->verb != SMTP_VRFY || tail.len < n ||
	    (s->offered.have & EHLO_SMTPUTF8) == 0)
		return false;
	tail.ptr += tail.len - n;
	tail.len = n;
	return slice_is(tail, word);
}

void
verb_run(struct session *s, const char *line, size_t len)
{
	static const enum reply_id faults[] = { REPLY_NONE, REPLY_LINE_CONTROL,
		REPLY_LINE_8BIT };
	enum reply_id no = faults[smtp_line_check(line, len)];
	struct smtp_command cmd;
	size_t i;

	cmd = smtp_parse_command(line, len);
	if (no == REPLY_LINE_8BIT && may_be_8bit(s, &cmd))
		no = REPLY_NONE;
	if (no != REPLY_NONE) {
		session_reply(s, no);
		close_if_out_of_step(s, &cmd, no);
		return;
	}
	for (i = 0; i < nitems(verbs) && verbs[i].verb != cmd.verb; i++)
		;
	if (i == nitems(verbs)) {
		refuse_unknown(s, &cmd);
		return;
	}
	if (session_unmask(s, cmd.verb, line, len))
		return;
	s->verb = &verbs[i];
	if (s->verb->idle && !session_idle_talk(s))
		return;
	no = REPLY_NONE;
	if (needs_tls(s, s->verb->needs) && cmd.verb != SMTP_STARTTLS)
		no = REPLY_TLS_FIRST;
	if (no == REPLY_NONE)
		no = check_state(s, s->verb->needs);
	if (no == REPLY_NONE && cmd.verb == SMTP_MAIL && session_needs_auth(s))
		no = REPLY_AUTH_FIRST;
	if (no == REPLY_NONE)
		no = s->verb->check(s, cmd.arg);
	if (no != REPLY_NONE && no != REPLY_SAID)
		session_reply(s, no);
	if (no != REPLY_NONE) {
		close_if_out_of_step(s, &cmd, no);
		return;
	}
	if (s->verb->phase == NO_PHASE || s->client.is_probe)
		s->verb->act(s);
	else
		session_judge(s, s->verb->phase,
		    s->verb->phase == PHASE_RCPT
			? &s->tx.envelope.rcpts[s->tx.envelope.count - 1].addr
			: NULL);
}

void
verb_judged(struct session *s, const struct judgement *j)
{
	if (j->verdict == VERDICT_PASS || j->verdict == VERDICT_DISCARD) {
		s->verb->act(s);
		return;
	}
	s->stage = s->verb->name;
	s->refused_code = j->code;
	if (s->verb->refuse != NULL) {
		s->verb->refuse(s, j);
		return;
	}
	session_answer_judgement(s, j);
	if (s->verb->undo != NULL && s->state != SESSION_CLOSED)
		s->verb->undo(s);
}

static enum reply_id
check_none(struct session *s, struct slice arg)
{
	(void)s;
	return arg.len == 0 ? REPLY_NONE : REPLY_NO_ARGUMENT;
}

static enum reply_id
check_any(struct session *s, struct slice arg)
{
	(void)s;
	(void)arg;
	return REPLY_NONE;
}

/* HELO and EHLO.  They also end a transaction (RFC 5321 4.1.4). */

/* A client may say EHLO for hours, and an arena gives nothing back. */
static void
keep_helo(struct session *s, struct slice arg)
{
	if (s->helo == NULL)
		s->helo = arena_alloc(&s->arena, SMTP_DOMAIN_MAX + 1);
	memcpy(s->helo, arg.ptr, arg.len);
	s->helo[arg.len] = '\0';
	s->client.helo = s->helo;
}

static enum reply_id
check_greeting(struct session *s, struct slice arg, bool esmtp)
{
	size_t i;

	/* What a domain has to look like is a matter of policy, for filters;
	 * here is only what could not be written into a header or a log. */
	if (arg.len == 0 || arg.len > SMTP_DOMAIN_MAX)
		return REPLY_BAD_HELO;
	for (i = 0; i < arg.len; i++)
		if (memchr(HELO_FORBIDDEN, arg.ptr[i],
			sizeof(HELO_FORBIDDEN) - 1) != NULL)
			return REPLY_BAD_HELO;
	if (s->tx.envelope.has_sender)
		session_end_tx(s, "aborted");
	s->forwarded = NULL;
	s->helo_refused = 0;
	if (s->told_helo != NULL)
		s->client.helo = s->told_helo;
	else
		keep_helo(s, arg);
	s->client.esmtp = s->told_proto != 0 ? s->told_proto == 'E' : esmtp;
	return REPLY_NONE;
}

static enum reply_id
check_helo(struct session *s, struct slice arg)
{
	return check_greeting(s, arg, false);
}

static enum reply_id
check_ehlo(struct session *s, struct slice arg)
{
	return check_greeting(s, arg, true);
}

static void
undo_helo(struct session *s)
{
	s->helo_refused = s->refused_code;
}

static void
act_helo(struct session *s)
{
	char line[300];
	int n =
	    snprintf(line, sizeof(line), "250 %.255s\r\n", session_hostname(s));

	session_forget_offer(s);
	session_raw(s, line, (size_t)n);
}

/* DATA */

static enum reply_id
check_data(struct session *s, struct slice arg)
{
	if (s->tx.message != NULL)
		return REPLY_NOT_AFTER_BDAT;
	if (s->tx.envelope.body == BODY_BINARYMIME)
		return REPLY_BINARY_NEEDS_BDAT;
	return check_none(s, arg);
}

static void
act_data(struct session *s)
{
	session_reply(s, REPLY_GO_AHEAD);
	intake_begin(s);
}

static void
act_rset(struct session *s)
{
	if (s->tx.envelope.has_sender)
		session_end_tx(s, "aborted");
	s->forwarded = NULL;
	session_reply(s, REPLY_OK);
}

static void
act_noop(struct session *s)
{
	session_reply(s, REPLY_OK);
}

static void
act_vrfy(struct session *s)
{
	session_reply(s, REPLY_VRFY);
}

static void
act_help(struct session *s)
{
	session_reply(s, REPLY_HELP);
}

static void
act_quit(struct session *s)
{
	session_reply(s, REPLY_BYE);
	session_close(s, "quit");
}

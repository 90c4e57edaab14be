/*
 * The dialogue.  Replies come in the same order whether the commands were
 * sent one by one or together; only what is sent when differs.
 */

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include <string.h>
#include <strings.h>

#include "gen.h"

static int
refusal(int code)
{
	return code >= 400 && code < 600;
}

static void
mark(struct slot *s, unsigned i, int code)
{
	static const enum stat temp[] = { STAT_RCPT_PERM, STAT_RCPT_TEMP };

	s->job->rcpt[i] = code >= 500 ? RCPT_FAILED : RCPT_TEMP;
	stat_add(temp[code < 500]);
}

/* The refusal concerns all recipients that are in this state. */
static void
mark_all(struct slot *s, enum rcpt_state state, int code)
{
	unsigned i;

	for (i = job_next_rcpt(s->job, 0, state); i < gen.rcpts;
	     i = job_next_rcpt(s->job, i + 1, state))
		mark(s, i, code);
}

static void
message_reset(struct slot *s)
{
	s->i = job_next_rcpt(s->job, 0, RCPT_OPEN);
	s->accepted = 0;
	s->mail_code = 0;
	s->sent = 0;
	s->chunks_due = 0;
	if (gen.per_conn != 1)
		s->start = net_now_us();
	s->await = AWAIT_MAIL;
}

static void
message_begin(struct slot *s)
{
	message_reset(s);
	if (!gen.pipelined) {
		send_mail(s);
		return;
	}
	send_envelope(s, s->job);
	if (gen.bdat)
		while (!s->close_flushed && !send_chunk(s))
			;
}

static int
last_on_connection(uint64_t count)
{
	return gen.per_conn != 0 && count >= gen.per_conn;
}

static void
message_next(struct slot *s)
{
	if (!last_on_connection(s->messages))
		s->job = job_take();
	if (s->job != NULL) {
		message_begin(s);
		return;
	}
	send_text(s, "QUIT\r\n");
	s->await = AWAIT_QUIT;
}

static void
message_finish(struct slot *s, int reset)
{
	job_end(s->job, OUTCOME_REPLIED, s->start);
	s->job = s->ahead;
	s->ahead = NULL;
	s->messages++;
	if (s->job != NULL)
		message_reset(s);
	else if (reset && !last_on_connection(s->messages)) {
		send_text(s, "RSET\r\n");
		s->await = AWAIT_RSET;
	} else
		message_next(s);
}

/* A refusal before there was a transaction; nothing more to do here. */
static void
give_up(struct slot *s, int code)
{
	if (!refusal(code)) {
		conn_protocol(s, "unexpected code");
		return;
	}
	if (s->job == NULL) {
		conn_refused(s);
		return;
	}
	mark_all(s, RCPT_OPEN, code);
	job_end(s->job, OUTCOME_REPLIED, s->start);
	s->job = NULL;
	send_text(s, "QUIT\r\n");
	s->await = AWAIT_QUIT;
}

void
talk_start(struct slot *s)
{
	s->await = AWAIT_BANNER;
	s->messages = 0;
	s->caps = 0;
	send_proxy(s);
}

void
talk_capability(struct slot *s, const char *p, size_t n)
{
	if (n == 10 && strncasecmp(p, "PIPELINING", n) == 0)
		s->caps |= CAP_PIPELINING;
	else if (n == 8 && strncasecmp(p, "CHUNKING", n) == 0)
		s->caps |= CAP_CHUNKING;
	else if (n == 19 && strncasecmp(p, "ENHANCEDSTATUSCODES", n) == 0)
		s->caps |= CAP_ENHANCED;
	else if (n >= 4 && strncasecmp(p, "SIZE", 4) == 0 &&
	    (n == 4 || p[4] == ' '))
		s->caps |= CAP_SIZE;
}

static void
on_banner(struct slot *s, int code)
{
	if (code != 220) {
		give_up(s, code);
		return;
	}
	send_hello(s);
	s->await = AWAIT_EHLO;
}

static void
on_ehlo(struct slot *s, int code)
{
	if (code != 250)
		give_up(s, code);
	else if (gen.idle > 0) {
		s->await = AWAIT_NOTHING;
		conn_idle();
	} else if (gen.pipelined && !(s->caps & CAP_PIPELINING))
		conn_protocol(s, "peer does not offer PIPELINING");
	else if (gen.bdat && !(s->caps & CAP_CHUNKING))
		conn_protocol(s, "peer does not offer CHUNKING");
	else
		message_begin(s);
}

static void
on_mail(struct slot *s, int code)
{
	if (code != 250 && !refusal(code)) {
		conn_protocol(s, "unexpected reply to MAIL");
		return;
	}
	if (code != 250)
		s->mail_code = code;
	if (gen.pipelined)
		s->await = AWAIT_RCPT;
	else if (code == 250) {
		send_rcpt(s, s->i);
		s->await = AWAIT_RCPT;
	} else {
		mark_all(s, RCPT_OPEN, code);
		message_finish(s, 0);
	}
}

/* All RCPT are answered. */
static void
envelope_done(struct slot *s)
{
	if (gen.pipelined && !gen.bdat)
		s->await = AWAIT_DATA;
	else if (!gen.pipelined && s->accepted == 0)
		message_finish(s, 1);
	else if (!gen.bdat) {
		send_data(s);
		s->await = AWAIT_DATA;
	} else {
		if (!gen.pipelined)
			(void)send_chunk(s);
		s->i = job_next_rcpt(s->job, 0, RCPT_ACCEPTED);
		s->await = s->chunks_due > 0 ? AWAIT_CHUNK : AWAIT_DOT;
	}
}

static void
on_rcpt(struct slot *s, int code)
{
	if (code != 250 && code != 251 && !refusal(code)) {
		conn_protocol(s, "unexpected reply to RCPT");
		return;
	}
	if (s->mail_code != 0 && !refusal(code)) {
		conn_protocol(s, "RCPT accepted after MAIL was refused");
		return;
	}
	if (s->mail_code != 0)
		code = s->mail_code;
	if (refusal(code))
		mark(s, s->i, code);
	else {
		s->job->rcpt[s->i] = RCPT_ACCEPTED;
		s->accepted++;
	}
	s->i = job_next_rcpt(s->job, s->i + 1, RCPT_OPEN);
	if (s->i == gen.rcpts)
		envelope_done(s);
	else if (!gen.pipelined)
		send_rcpt(s, s->i);
}

static void
on_data(struct slot *s, int code)
{
	if (code != 354) {
		if (!refusal(code)) {
			conn_protocol(s, "unexpected reply to DATA");
			return;
		}
		mark_all(s, RCPT_ACCEPTED, code);
		message_finish(s, 1);
		return;
	}
	s->await = AWAIT_DOT;
	if (s->accepted == 0) {
		/* RFC 2920: all RCPT failed, yet DATA was taken. */
		send_text(s, ".\r\n");
		return;
	}
	s->i = job_next_rcpt(s->job, 0, RCPT_ACCEPTED);
	send_content(s);
	if (gen.pipelined && !s->close_flushed &&
	    !last_on_connection(s->messages + 1) &&
	    (s->ahead = job_take()) != NULL)
		send_envelope(s, s->ahead);
}

static void
on_chunk(struct slot *s, int code)
{
	if (code != 250 && !refusal(code)) {
		conn_protocol(s, "unexpected reply to BDAT");
		return;
	}
	s->chunks_due--;
	if (refusal(code) && s->mail_code == 0)
		s->mail_code = code;
	if (!gen.pipelined && refusal(code)) {
		mark_all(s, RCPT_ACCEPTED, code);
		message_finish(s, 1);
		return;
	}
	if (!gen.pipelined)
		(void)send_chunk(s);
	s->await = s->chunks_due > 0 ? AWAIT_CHUNK : AWAIT_DOT;
}

/* End of data after everything before it was refused. */
static void
on_lone_dot(struct slot *s, int code)
{
	if (!refusal(code)) {
		conn_protocol(s, "message accepted without recipients");
		return;
	}
	if (s->accepted > 0)
		mark_all(s, RCPT_ACCEPTED, s->mail_code);
	message_finish(s, gen.bdat);
}

static void
on_dot(struct slot *s, int code)
{
	int early = s->out.ref != NULL;

	if (code != 250 && !refusal(code)) {
		conn_protocol(s, "unexpected reply to the message");
		return;
	}
	if (early && code == 250) {
		conn_protocol(s, "accepted before the message was sent");
		return;
	}
	if (s->accepted == 0 || s->mail_code != 0) {
		on_lone_dot(s, code);
		return;
	}
	do {
		if (refusal(code))
			mark(s, s->i, code);
		else {
			s->job->rcpt[s->i] = RCPT_DONE;
			stat_add(STAT_RCPT_OK);
		}
		s->i = job_next_rcpt(s->job, s->i + 1, RCPT_ACCEPTED);
	} while (s->i < gen.rcpts && (!gen.lmtp || early));
	if (early)
		conn_refused(s);
	else if (s->i == gen.rcpts)
		message_finish(s, 0);
}

static void
on_bye(struct slot *s, int code)
{
	if (code == 221)
		s->await = AWAIT_EOF;
	else if (code == 421)
		conn_done(s);
	else
		conn_protocol(s, "unexpected reply to QUIT");
}

void
talk_reply(struct slot *s, int code)
{
	if (code == 421 && s->await != AWAIT_QUIT && s->await != AWAIT_EOF) {
		conn_refused(s);
		return;
	}
	if (code != 421 && conn_unsent(s)) {
		conn_protocol(s, "reply without a command");
		return;
	}
	switch (s->await) {
	case AWAIT_BANNER:
		on_banner(s, code);
		break;
	case AWAIT_EHLO:
		on_ehlo(s, code);
		break;
	case AWAIT_MAIL:
		on_mail(s, code);
		break;
	case AWAIT_RCPT:
		on_rcpt(s, code);
		break;
	case AWAIT_DATA:
		on_data(s, code);
		break;
	case AWAIT_CHUNK:
		on_chunk(s, code);
		break;
	case AWAIT_DOT:
		on_dot(s, code);
		break;
	case AWAIT_RSET:
		if (code == 250)
			message_next(s);
		else
			conn_protocol(s, "unexpected reply to RSET");
		break;
	case AWAIT_QUIT:
		on_bye(s, code);
		break;
	case AWAIT_EOF:
	case AWAIT_NOTHING:
		conn_protocol(s, "reply without a command");
		break;
	}
}

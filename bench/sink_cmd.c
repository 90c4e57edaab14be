/*
 * The dialogue.  The sink is strict: what a correct client would not send
 * is answered with 500 to 555 and counted as "protocol".
 */

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sink.h"

#define LINE_LIMIT 2048
#define RCPT_LIMIT 10000
#define TRY_LIMIT 10 /* octets of a chunk that is there to be refused */

static struct buf reply; /* under construction */

static void
say(const char *code, const char *status, const char *text)
{
	buf_add(&reply, code, 3);
	buf_add(&reply, " ", 1);
	if (settings.enhanced && status != NULL) {
		buf_puts(&reply, status);
		buf_add(&reply, " ", 1);
	}
	buf_puts(&reply, text);
	buf_add(&reply, "\r\n", 2);
}

static void
answer(struct conn *c, const struct fault *f)
{
	if (settings.verbose)
		fprintf(
		    stderr, "%d S: %.*s", c->fd, (int)reply.len, reply.data);
	conn_answer(c, f, &reply);
}

/* The client broke a rule. */
static void
scold(struct conn *c, const char *code, const char *status, const char *text)
{
	store_count(COUNT_PROTOCOL);
	say(code, status, text);
	answer(c, NULL);
}

/* Out of order: no mistake of a client that could not know yet. */
static void
bad_sequence(struct conn *c)
{
	if (!c->refused)
		store_count(COUNT_PROTOCOL);
	say("503", "5.5.1", "bad sequence of commands");
	answer(c, NULL);
}

static void
say_code(int code, const char *text)
{
	char digits[16], status[16];

	snprintf(digits, sizeof(digits), "%03d", code);
	snprintf(status, sizeof(status), "%d.1.1", code / 100);
	say(digits, status, text);
}

static int
fault_refuses(const struct fault *f)
{
	return f != NULL && f->action == ACTION_CODE && f->arg >= 400;
}

/* The client cannot take the answer for what it would have been. */
static int
fault_no_reply(const struct fault *f)
{
	return f->action == ACTION_CODE || f->action == ACTION_GARBAGE ||
	    f->action == ACTION_DROP;
}

static void
transaction_end(struct conn *c)
{
	c->mail = c->refused = c->chunks = 0;
	c->nrcpt = 0;
	c->phase = PHASE_COMMAND;
}

void
cmd_free(struct conn *c)
{
	free(c->rcpt);
}

void
cmd_banner(struct conn *c)
{
	const struct fault *f;

	buf_puts(&reply, "220 ");
	buf_puts(&reply, settings.hostname);
	buf_puts(&reply, settings.lmtp ? " LMTP sink\r\n" : " ESMTP sink\r\n");
	if ((f = fault_at(STAGE_CONNECT)) != NULL) {
		if (f->action == ACTION_CODE)
			conn_close(c);
	} else
		f = fault_at(STAGE_BANNER);
	answer(c, f);
}

static void
ehlo_keywords(void)
{
	char size[64];
	unsigned i;

	if (settings.pipelining)
		buf_puts(&reply, "250-PIPELINING\r\n");
	if (settings.eightbit)
		buf_puts(&reply, "250-8BITMIME\r\n");
	if (settings.size) {
		snprintf(size, sizeof(size), "250-SIZE %llu\r\n",
		    (unsigned long long)settings.max_size);
		buf_puts(&reply, size);
	}
	if (settings.enhanced)
		buf_puts(&reply, "250-ENHANCEDSTATUSCODES\r\n");
	if (settings.chunking)
		buf_puts(&reply, "250-CHUNKING\r\n");
	if (settings.xforward)
		buf_puts(&reply,
		    "250-XFORWARD NAME ADDR PORT PROTO HELO "
		    "IDENT SOURCE\r\n");
	for (i = 0; settings.keywords[i] != NULL; i++) {
		buf_puts(&reply, "250-");
		buf_puts(&reply, settings.keywords[i]);
		buf_puts(&reply, "\r\n");
	}
	buf_puts(&reply, "250 HELP\r\n");
}

static void
cmd_hello(struct conn *c, const char *arg, int verb, size_t len)
{
	const struct fault *f;

	if (len == 0) {
		scold(c, "501", "5.5.4", "a name is required");
		return;
	}
	if (settings.lmtp != (verb == 'L')) {
		scold(c, "500", "5.5.1", "wrong greeting for this protocol");
		return;
	}
	(void)arg;
	transaction_end(c);
	f = fault_at(STAGE_EHLO);
	c->greeted = !fault_refuses(f);
	buf_puts(&reply, verb == 'H' ? "250 " : "250-");
	buf_puts(&reply, settings.hostname);
	buf_puts(&reply, "\r\n");
	if (verb != 'H')
		ehlo_keywords();
	answer(c, f);
}

static void
cmd_mail(struct conn *c, const char *arg)
{
	const struct fault *f;
	const char *params;
	size_t len;
	int code;

	if (!c->greeted || c->mail) {
		bad_sequence(c);
		return;
	}
	if (arg_path(arg, "FROM:", &len, &params) == NULL) {
		scold(c, "501", "5.5.4", "not MAIL FROM:<address>");
		return;
	}
	if ((code = arg_mail_parameters(params)) != 0) {
		if (code != 552)
			store_count(COUNT_PROTOCOL);
		say_code(code, "parameter refused");
		c->refused = 1;
		answer(c, NULL);
		return;
	}
	f = fault_at(STAGE_MAIL);
	c->mail = !fault_refuses(f);
	c->refused = !c->mail;
	if (c->mail) {
		store_count(COUNT_TRANSACTIONS);
		store_max(COUNT_MAX_TRANSACTIONS, ++c->transactions);
	}
	say("250", "2.1.0", "ok");
	answer(c, f);
}

static void
rcpt_add(struct conn *c, const char *addr, size_t len)
{
	uint32_t hash = 2166136261U;
	struct rcpt *p;
	size_t i;

	if (c->nrcpt == c->rcpt_cap) {
		c->rcpt_cap = c->rcpt_cap ? c->rcpt_cap * 2 : 2;
		p = realloc(c->rcpt, c->rcpt_cap * sizeof(*p));
		if (p == NULL)
			err(1, "out of memory");
		c->rcpt = p;
	}
	for (i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)addr[i]) * 16777619U;
	c->rcpt[c->nrcpt].hash = hash;
	c->rcpt[c->nrcpt].code = fault_rule(1, addr, len);
	if (c->rcpt[c->nrcpt].code == 0)
		c->rcpt[c->nrcpt].code = 250;
	c->nrcpt++;
}

static void
cmd_rcpt(struct conn *c, const char *arg)
{
	const struct fault *f;
	const char *addr, *params;
	size_t len;
	int code;

	if (!c->mail || c->chunks) {
		bad_sequence(c);
		return;
	}
	addr = arg_path(arg, "TO:", &len, &params);
	if (addr == NULL || len == 0 || *params != '\0') {
		c->refused = 1;
		scold(c, addr != NULL && len > 0 ? "555" : "501", "5.5.4",
		    "not RCPT TO:<address>");
		return;
	}
	f = fault_at(STAGE_RCPT);
	code = f == NULL ? fault_rule(0, addr, len) : 0;
	if (c->nrcpt == RCPT_LIMIT)
		code = 452;
	if (code >= 300 || fault_refuses(f))
		c->refused = 1;
	else
		rcpt_add(c, addr, len);
	if (code != 0)
		say_code(code, "rule for this recipient");
	else
		say("250", "2.1.5", "ok");
	answer(c, f);
}

/* The message is complete: store it, say so; LMTP once per recipient. */
static void
message_end(struct conn *c)
{
	const struct fault *f = fault_at(STAGE_DOT);
	int big = c->intake.check.total > settings.max_size;
	unsigned i;

	intake_end(&c->intake);
	if ((f == NULL || f->after) && !big)
		store_message(&c->intake, c->rcpt, c->nrcpt);
	for (i = 0; i < (settings.lmtp ? c->nrcpt : 1); i++) {
		if (big)
			say("552", "5.3.4", "message too big");
		else if (settings.lmtp && c->rcpt[i].code != 250)
			say_code(c->rcpt[i].code, "rule after the dot");
		else
			say("250", "2.0.0", "stored");
	}
	transaction_end(c);
	answer(c, f);
}

static void
cmd_data(struct conn *c, size_t more)
{
	const struct fault *f;

	if (!c->mail || c->nrcpt == 0 || c->chunks) {
		bad_sequence(c);
		return;
	}
	/* Content before the 354 is a gamble a client must not take. */
	if (more > 0)
		store_count(COUNT_PROTOCOL);
	f = fault_at(STAGE_DATA);
	if (f == NULL || !fault_no_reply(f)) {
		c->phase = PHASE_DATA;
		intake_start(&c->intake, 0);
	}
	say("354", NULL, "go on");
	answer(c, f);
}

static void
cmd_bdat(struct conn *c, const char *arg)
{
	uint64_t n = 0;
	const char *p;

	for (p = arg; *p >= '0' && *p <= '9' && n < UINT64_MAX / 100; p++)
		n = n * 10 + (uint64_t)(*p - '0');
	c->chunk_last = strcasecmp(p, " LAST") == 0;
	if (!settings.chunking || p == arg || (*p != '\0' && !c->chunk_last)) {
		/* No way to know where the chunk ends. */
		scold(c, "501", "5.5.4", "not BDAT size [LAST]");
		conn_close(c);
		return;
	}
	c->phase = PHASE_CHUNK;
	c->chunk_left = n;
	c->chunk_discard = !c->mail || c->nrcpt == 0;
	c->chunk_tries = c->mail && c->nrcpt == 0 && !c->chunks &&
	    c->chunk_last && n <= TRY_LIMIT;
	if (!c->chunk_discard && !c->chunks)
		intake_start(&c->intake, 1);
	c->chunks = 1;
}

static void
chunk_end(struct conn *c)
{
	c->phase = PHASE_COMMAND;
	if (c->chunk_tries) {
		say("503", "5.5.1", "no recipient");
		answer(c, NULL);
	} else if (c->chunk_discard) {
		bad_sequence(c);
		if (c->chunk_last)
			c->chunks = 0;
	} else if (c->chunk_last)
		message_end(c);
	else {
		say("250", "2.0.0", "chunk taken");
		answer(c, fault_at(STAGE_DATA));
	}
}

static void
cmd_simple(struct conn *c, const char *line)
{
	const struct fault *f = NULL;

	if (strncasecmp(line, "RSET", 5) == 0) {
		f = fault_at(STAGE_RSET);
		if (!fault_refuses(f))
			transaction_end(c);
		say("250", "2.0.0", "reset");
	} else if (strncasecmp(line, "NOOP", 4) == 0)
		say("250", "2.0.0", "ok");
	else if (strncasecmp(line, "VRFY ", 5) == 0)
		say("252", "2.0.0", "try it");
	else if (settings.xforward && strncasecmp(line, "XFORWARD ", 9) == 0)
		say("250", "2.0.0", "noted");
	else if (strcasecmp(line, "QUIT") == 0) {
		f = fault_at(STAGE_QUIT);
		say("221", "2.0.0", "bye");
		conn_close(c);
	} else {
		scold(c, "500", "5.5.2", "unknown command");
		return;
	}
	answer(c, f);
}

static void
command(struct conn *c, const char *line, size_t len, size_t more)
{
	const char *arg = line + (len > 5 ? 5 : len);

	if (settings.verbose)
		fprintf(stderr, "%d C: %s\n", c->fd, line);
	if (strncasecmp(line, "MAIL ", 5) == 0)
		cmd_mail(c, arg);
	else if (strncasecmp(line, "RCPT ", 5) == 0)
		cmd_rcpt(c, arg);
	else if (strcasecmp(line, "DATA") == 0)
		cmd_data(c, more);
	else if (strncasecmp(line, "BDAT ", 5) == 0)
		cmd_bdat(c, arg);
	else if (strncasecmp(line, "EHLO ", 5) == 0)
		cmd_hello(c, arg, 'E', len - 5);
	else if (strncasecmp(line, "LHLO ", 5) == 0)
		cmd_hello(c, arg, 'L', len - 5);
	else if (strncasecmp(line, "HELO ", 5) == 0)
		cmd_hello(c, arg, 'H', len - 5);
	else
		cmd_simple(c, line);
}

/* Copies the line, checks its form; returns octets used, 0 if incomplete. */
static size_t
take_command(struct conn *c, const char *p, size_t n)
{
	char line[LINE_LIMIT];
	const char *nl;
	size_t len;

	nl = memchr(p, '\n', n < LINE_LIMIT ? n : LINE_LIMIT);
	if (nl == NULL) {
		if (n >= LINE_LIMIT) {
			scold(c, "500", "5.5.2", "line too long");
			conn_close(c);
		}
		return 0;
	}
	len = (size_t)(nl - p);
	if (len == 0 || p[len - 1] != '\r' || memchr(p, '\0', len) != NULL ||
	    memchr(p, '\r', len - 1) != NULL) {
		scold(c, "500", "5.5.2", "line does not end with CR LF");
		return len + 1;
	}
	memcpy(line, p, len - 1);
	line[len - 1] = '\0';
	if (!settings.pipelining && n > len + 1 &&
	    strncasecmp(line, "BDAT ", 5) != 0)
		store_count(COUNT_PROTOCOL);
	command(c, line, len - 1, n - len - 1);
	return len + 1;
}

static size_t
take_chunk(struct conn *c, const char *p, size_t n)
{
	int end;

	if (n > c->chunk_left)
		n = (size_t)c->chunk_left;
	if (!c->chunk_discard)
		intake_feed(&c->intake, p, n, &end);
	c->chunk_left -= n;
	if (c->chunk_left == 0)
		chunk_end(c);
	return n;
}

/* Uses what it can of the input; the rest comes again with more. */
size_t
cmd_input(struct conn *c, const char *p, size_t n)
{
	size_t done = 0, used;
	int end;

	while (!c->paused && !c->closing) {
		if (c->phase == PHASE_CHUNK) {
			if (done == n && c->chunk_left > 0)
				break;
			done += take_chunk(c, p + done, n - done);
			continue;
		}
		if (done == n)
			break;
		if (c->phase == PHASE_DATA) {
			done +=
			    intake_feed(&c->intake, p + done, n - done, &end);
			if (end)
				message_end(c);
			continue;
		}
		if ((used = take_command(c, p + done, n - done)) == 0)
			break;
		done += used;
	}
	return done;
}

/*
 * AUTH (RFC 4954): the client's side of an exchange.  What the mechanisms mean
 * is the business of the filter that the listener's auth names (fc_auth.c);
 * here are the command, challenges and responses, the limits on failures, and
 * what an authenticated session may.
 */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "base64.h"
#include "chain.h"
#include "compat.h"
#include "conn.h"
#include "helper.h"
#include "rates.h"
#include "session_priv.h"
#include "verbs.h"

#define MECHANISMS_SIZE 400

static void on_challenge(void *ctx, const char *base64);
static void go_on(struct task *t);

/* AUTH in clear tells everybody the password. */
static bool
is_safe(const struct session *s)
{
	return s->client.tls || s->listener->auth_plaintext;
}

static void
list_mechanisms(const struct session *s, char *buf, size_t size)
{
	const struct filter_instance *fi = s->listener->auth;
	const struct services *sv = s->front->services;

	buf[0] = '\0';
	fi->type->mechanisms(fi->conf,
	    sv != NULL ? helpers_find(sv->helpers, fi) : NULL, s->client.tls,
	    buf, size);
}

int
session_ehlo_auth(const struct session *s, char *buf, size_t size)
{
	char list[MECHANISMS_SIZE];

	buf[0] = '\0';
	if (s->listener->auth == NULL || !is_safe(s))
		return 0;
	list_mechanisms(s, list, sizeof(list));
	if (list[0] == '\0')
		return 0;
	return snprintf(buf, size, "250-AUTH %s\r\n", list);
}

/* The command. */

static bool
take_mechanism(struct auth_exchange *x, const char *word, size_t len)
{
	size_t i;

	if (len == 0 || len > AUTH_MECHANISM_MAX)
		return false;
	for (i = 0; i < len; i++) {
		x->mechanism[i] = (char)toupper((unsigned char)word[i]);
		if (!isalnum((unsigned char)word[i]) && word[i] != '-' &&
		    word[i] != '_')
			return false;
	}
	return true;
}

static bool
take_response(struct auth_exchange *x, const char *text, size_t len)
{
	if (len > AUTH_LINE_MAX || !base64_check(text, len))
		return false;
	compat_wipe(x->response, sizeof(x->response));
	memcpy(x->response, text, len);
	x->response[len] = '\0';
	x->has_response = true;
	return true;
}

static enum reply_id
take_argument(struct auth_exchange *x, struct slice arg)
{
	size_t word = 0;

	while (word < arg.len && arg.ptr[word] != ' ' && arg.ptr[word] != '\t')
		word++;
	if (!take_mechanism(x, arg.ptr, word))
		return REPLY_BAD_AUTH;
	while (
	    word < arg.len && (arg.ptr[word] == ' ' || arg.ptr[word] == '\t'))
		word++;
	arg.ptr += word;
	arg.len -= word;
	if (arg.len == 0)
		return REPLY_NONE;
	if (arg.len == 1 && arg.ptr[0] == '=') /* an empty one */
		arg.len = 0;
	return take_response(x, arg.ptr, arg.len) ? REPLY_NONE
						  : REPLY_BAD_BASE64;
}

/* Nothing is refused as unknown as long as nobody knows what there is. */
static bool
is_offered(const struct session *s, const char *mechanism)
{
	size_t len = strlen(mechanism);
	char list[MECHANISMS_SIZE];
	const char *at = list;

	list_mechanisms(s, list, sizeof(list));
	if (list[0] == '\0')
		return true;
	while ((at = strstr(at, mechanism)) != NULL) {
		if ((at == list || at[-1] == ' ') &&
		    (at[len] == '\0' || at[len] == ' '))
			return true;
		at += len;
	}
	return false;
}

/* Failures of a client network are counted over all workers. */
static bool
network_failed_too_often(const struct session *s)
{
	const struct opt_rate *rate = &s->listener->limits.auth_rate;

	return rate->count > 0 && s->network >= 0 &&
	    rates_full(s->front->rates, s->network, RATES_LOGINS, rate->count,
		rate->period, loop_now(s->front->loop));
}

static enum reply_id
may_try(const struct session *s)
{
	if (s->listener->auth == NULL)
		return REPLY_NOT_IMPLEMENTED;
	if (!is_safe(s))
		return REPLY_AUTH_NEEDS_TLS;
	if (s->client.login != NULL)
		return REPLY_AUTH_ALREADY;
	if (!s->client.esmtp)
		return REPLY_EHLO_FIRST;
	return network_failed_too_often(s) ? REPLY_AUTH_RATE : REPLY_NONE;
}

enum reply_id
verb_check_auth(struct session *s, struct slice arg)
{
	enum reply_id no = may_try(s);
	struct auth_exchange *x;

	if (no == REPLY_AUTH_RATE)
		s->limited = true;
	if (no != REPLY_NONE)
		return no;
	x = s->auth = xcalloc(1, sizeof(*x));
	x->challenge = on_challenge;
	x->ctx = s;
	no = take_argument(x, arg);
	if (no == REPLY_NONE && !is_offered(s, x->mechanism))
		no = REPLY_UNKNOWN_MECHANISM;
	if (no != REPLY_NONE) {
		session_auth_end(s);
		return no;
	}
	s->auth_task.run = go_on;
	chain_run_set_auth(s->run, x);
	return REPLY_NONE;
}

void
session_auth_end(struct session *s)
{
	if (s->auth == NULL)
		return;
	loop_undefer(s->front->loop, &s->auth_task);
	chain_run_cancel(s->run);
	chain_run_set_auth(s->run, NULL);
	compat_wipe(s->auth, sizeof(*s->auth));
	free(s->auth);
	s->auth = NULL;
	if (s->state == SESSION_AUTH)
		s->state = SESSION_COMMAND;
}

/* Challenge and response. */

/* The filter is still on the stack. */
static void
on_challenge(void *ctx, const char *base64)
{
	struct session *s = ctx;

	session_show(s, 'S', "334 [not shown, %zu octets]", strlen(base64));
	session_hidden(s, "334 ", 4);
	session_hidden(s, base64, strlen(base64));
	session_hidden(s, "\r\n", 2);
	s->state = SESSION_AUTH;
	s->wait = WAIT_NOTHING;
	s->moved = true;
	loop_defer(s->front->loop, &s->auth_task);
}

static void
go_on(struct task *t)
{
	session_advance(container_of(t, struct session, auth_task));
}

/* The exchange ends here; the filter hears nothing of it. */
static void
give_up(struct session *s, enum reply_id why)
{
	txlog_auth(s, "cancelled", reply_own(why)->text);
	session_auth_end(s);
	session_reply(s, why);
}

static void
run_response(struct session *s, const char *line, size_t len)
{
	session_show(s, 'C', "[response, %zu octets]", len);
	if (len == 0 || line[len - 1] != '\r')
		give_up(s, REPLY_LINE_BARE_LF);
	else if (len - 1 > AUTH_LINE_MAX)
		give_up(s, REPLY_LINE_TOO_LONG);
	else if (len == 2 && line[0] == '*')
		give_up(s, REPLY_AUTH_CANCELLED);
	else if (!take_response(s->auth, line, len - 1))
		give_up(s, REPLY_BAD_BASE64);
	else {
		s->state = SESSION_COMMAND; /* the command goes on */
		s->wait = WAIT_CHAIN;
		auth_answered(s->auth);
	}
}

bool
session_auth_line(struct session *s)
{
	size_t len, used, have;
	const char *line;

	if (conn_line(s->conn, &line, &len, &used)) {
		run_response(s, line, len);
		if (s->conn != NULL)
			conn_consume_secret(s->conn, used);
		return true;
	}
	conn_input(s->conn, &have);
	if (have <= AUTH_LINE_MAX + 1) /* its CR */
		return false;
	conn_consume_secret(s->conn, have);
	s->skip_line = true;
	give_up(s, REPLY_LINE_TOO_LONG);
	return true;
}

/* The end. */

/* A name is kept as long as the session. */
void
verb_act_auth(struct session *s)
{
	const struct auth_exchange *x = s->auth;

	if (!x->accepted) { /* a filter that let pass, without a name */
		txlog_auth(s, "trouble", NULL);
		session_auth_end(s);
		session_reply(s, REPLY_AUTH_TROUBLE);
		return;
	}
	s->client.login = arena_strndup(&s->arena, x->login, strlen(x->login));
	s->authenticated = true;
	session_count_login(s);
	s->noops = 0;
	s->tx.filter = s->tx.reason = NULL; /* of trouble before */
	txlog_auth(s, "accepted", NULL);
	session_auth_end(s);
	session_reply(s, REPLY_AUTH_OK);
}

/* It does not count against a network that the user of one of its clients
 * tried a mechanism that is not there. */
static void
count_failure(struct session *s)
{
	const struct opt_rate *rate = &s->listener->limits.auth_rate;

	s->auth_failures++;
	if (rate->count > 0 && s->network >= 0)
		(void)rates_count(s->front->rates, s->network, RATES_LOGINS,
		    rate->count, rate->period, loop_now(s->front->loop));
}

void
verb_refuse_auth(struct session *s, const struct judgement *j)
{
	bool failed = j->code >= 500 && j->code != 504;

	txlog_auth(s, failed ? "refused" : "trouble",
	    s->tx.reason != NULL ? s->tx.reason : j->text);
	/* The record of a message to come shall not speak of this. */
	s->stage = s->tx.filter = s->tx.reason = NULL;
	session_auth_end(s);
	if (failed)
		count_failure(s);
	session_answer_judgement(s, j);
	if (s->state != SESSION_CLOSED &&
	    s->auth_failures >= s->listener->limits.auth_attempts)
		session_limit(s, REPLY_TOO_MANY_LOGINS, "too-many-logins");
}

void
session_forget_login(struct session *s)
{
	if (!s->authenticated)
		return;
	s->authenticated = false;
	s->client.login = NULL;
}

bool
session_needs_auth(const struct session *s)
{
	return s->listener->require_auth && s->client.login == NULL;
}

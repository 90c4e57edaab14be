/*
 * The calls of filters that authenticate: see filter.h.
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth.h"
#include "base64.h"
#include "compat.h"
#include "conn.h"
#include "filter_call.h"
#include "mem.h"
#include "net.h"
#include "utf8.h"

#define QUESTION_MAX 2048 /* to a checker; fits into any socket's buffer */

const char *
fc_auth_mechanism(const struct filter_call *fc)
{
	return fc->auth->mechanism;
}

const char *
fc_auth_response(const struct filter_call *fc)
{
	return fc->auth->has_response ? fc->auth->response : NULL;
}

ssize_t
fc_auth_decode(const struct filter_call *fc, char *buf, size_t size)
{
	const struct auth_exchange *x = fc->auth;
	ssize_t n = -1;

	assert(size > 0);
	if (x->has_response)
		n = base64_decode(
		    x->response, strlen(x->response), buf, size - 1);
	buf[n > 0 ? n : 0] = '\0';
	return n;
}

void
fc_wipe(void *buf, size_t len)
{
	compat_wipe(buf, len);
}

/* For headers and logs: printable, UTF-8 included, and cut. */
void
fc_auth_name(struct filter_call *fc, const char *login)
{
	char *to = fc->auth->login;
	size_t i, n, len;

	compat_strlcpy(to, login, sizeof(fc->auth->login));
	len = strlen(to);
	for (i = 0; i < len; i += n) {
		n = utf8_len(to + i, len - i);
		if (n <= 1 && (n == 0 || to[i] <= ' ' || to[i] > '~')) {
			to[i] = '?';
			n = 1;
		}
	}
}

/* A name that has to be changed is not the same name any more. */
enum verdict
fc_auth_accept(struct filter_call *fc, const char *login)
{
	fc_auth_name(fc, login);
	if (login[0] == '\0' || strcmp(fc->auth->login, login) != 0)
		return fc_unknown(
		    fc, "a login name that is empty, too long or not UTF-8");
	fc->auth->accepted = true;
	return VERDICT_PASS;
}

/* Challenges: the call waits for the client. */

struct turn {
	struct op op;
	struct filter_call *fc;
	filter_fn *next;
};

static void
turn_run(struct op *op)
{
	struct turn *t = container_of(op, struct turn, op);
	struct filter_call *fc = t->fc;
	filter_fn *next = t->next;

	free(t);
	fc->client_turn = false;
	timer_set(&fc->deadline,
	    loop_now(fc->owner.loop) + fc->instance->chain.timeout);
	chain_call_continued(fc, next(fc));
}

static void
turn_cancel(struct op *op)
{
	struct turn *t = container_of(op, struct turn, op);

	t->fc->auth->waiting = NULL;
	free(t);
}

enum verdict
fc_auth_challenge(
    struct filter_call *fc, const char *challenge, filter_fn *next)
{
	struct turn *t = xcalloc(1, sizeof(*t));

	assert(fc->phase == PHASE_AUTH && fc->auth->waiting == NULL);
	t->fc = fc;
	t->next = next;
	op_start(&fc->owner, &t->op, turn_run, turn_cancel);
	timer_clear(&fc->deadline);
	fc->client_turn = true;
	fc->auth->waiting = &t->op;
	fc->auth->challenge(fc->auth->ctx, challenge);
	return VERDICT_PENDING;
}

void
auth_answered(struct auth_exchange *x)
{
	struct op *op = x->waiting;

	assert(op != NULL);
	x->waiting = NULL;
	op_ready(op);
}

/* fc_check(): a question on a connection of its own, one end of which is passed
 * to a checker process (checker.h). */

struct question {
	struct op op;
	struct filter_call *fc;
	check_fn *next;
	struct conn *conn; /* owned; NULL: none */
	enum check result;
};

static void
question_free(struct question *q)
{
	conn_close(&q->conn);
	free(q);
}

static void
question_run(struct op *op)
{
	struct question *q = container_of(op, struct question, op);
	struct filter_call *fc = q->fc;
	check_fn *next = q->next;
	enum check result = q->result;

	question_free(q);
	chain_call_continued(fc, next(fc, result));
}

static void
question_cancel(struct op *op)
{
	question_free(container_of(op, struct question, op));
}

static void
on_answer(void *ctx)
{
	struct question *q = ctx;
	const char *in;
	size_t len;

	in = conn_input(q->conn, &len);
	if (len > 0)
		q->result = in[0] == '1' ? CHECK_GOOD
		    : in[0] == '0'	 ? CHECK_BAD
					 : CHECK_TROUBLE;
	conn_consume(q->conn, len);
	op_ready(&q->op);
}

static void
on_end(void *ctx, enum conn_end why, int error)
{
	struct question *q = ctx;

	(void)why;
	(void)error;
	op_ready(&q->op);
}

static const struct conn_ops question_ops = { .on_input = on_answer,
	.on_end = on_end };

/* name NUL user NUL password NUL; 0 when it is too long. */
static size_t
put_question(
    char *buf, const char *name, const char *user, const char *password)
{
	size_t a = strlen(name) + 1, b = strlen(user) + 1;
	size_t c = strlen(password) + 1;

	if (a > QUESTION_MAX || b > QUESTION_MAX || c > QUESTION_MAX ||
	    a + b + c > QUESTION_MAX)
		return 0;
	memcpy(buf, name, a);
	memcpy(buf + a, user, b);
	memcpy(buf + a + b, password, c);
	return a + b + c;
}

static bool
ask(struct question *q, const char *user, const char *password)
{
	const struct services *sv = q->fc->services;
	char buf[QUESTION_MAX];
	size_t len = put_question(buf, q->fc->instance->name, user, password);
	bool sent = false;
	int fds[2];

	if (sv == NULL || sv->checker_fd == -1 || len == 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1) {
		compat_wipe(buf, sizeof(buf));
		return false;
	}
	sent = net_cloexec(fds[0]) == 0 && net_nonblock(fds[0]) == 0 &&
	    write(fds[0], buf, len) == (ssize_t)len &&
	    net_send_fd(sv->checker_fd, fds[1]) == 0;
	compat_wipe(buf, sizeof(buf));
	close(fds[1]);
	if (sent)
		q->conn = conn_new(q->fc->owner.loop, fds[0], &question_ops, q);
	else
		close(fds[0]);
	return sent;
}

enum verdict
fc_check(struct filter_call *fc, const char *user, const char *password,
    check_fn *next)
{
	struct question *q = xcalloc(1, sizeof(*q));

	q->fc = fc;
	q->next = next;
	q->result = CHECK_TROUBLE;
	op_start(&fc->owner, &q->op, question_run, question_cancel);
	if (!ask(q, user, password))
		op_ready(&q->op);
	return VERDICT_PENDING;
}

/*
 * Messages that filters put aside: see fc_keep() in filter.h.  The agent writes
 * them (agent.h); this is its client.
 */

#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "conn.h"
#include "fc_keep_header.h"
#include "filter_call.h"
#include "log.h"
#include "mem.h"
#include "message.h"
#include "net.h"
#include "reply.h"
#include "tx.h"

#define IOVS 64

struct keeping {
	struct op op;
	struct filter_call *fc;
	kept_fn *next;
	struct conn *conn;	       /* owned; NULL: nobody is asked */
	struct message_reader *reader; /* owned */
	uint64_t left;		       /* octets that are still to be sent */
	int code;
	char enhanced[12];
	char text[200];
};

static void trouble(struct keeping *, const char *);
static bool ask(struct keeping *, const char *);
static void put_head(struct keeping *, const char *);
static void pump(void *);
static void on_input(void *);
static void take_reply(struct keeping *, const char *, size_t);
static void on_end(void *, enum conn_end, int);
static void run(struct op *);
static void cancel(struct op *);
static void destroy(struct keeping *);

static const struct conn_ops ops = {
	.on_input = on_input, .on_drained = pump, .on_end = on_end
};

enum verdict
fc_keep(struct filter_call *fc, const char *reason, kept_fn *next)
{
	struct keeping *k = xcalloc(1, sizeof(*k));

	assert(fc->phase == PHASE_MESSAGE && fc->instance->type->directory);
	k->fc = fc;
	k->next = next;
	op_start(&fc->owner, &k->op, run, cancel);
	if (fc->instance->chain.observe) {
		k->code = 250;
		op_ready(&k->op);
	} else if (!ask(k, reason)) {
		trouble(k, "the agent can not be reached");
	}
	return VERDICT_PENDING;
}

/* Ours, so it is never the message that is at fault. */
static void
trouble(struct keeping *k, const char *why)
{
	if (k->code != 0)
		return;
	k->code = 451;
	compat_strlcpy(k->enhanced, "4.3.0", sizeof(k->enhanced));
	compat_strlcpy(k->text, why, sizeof(k->text));
	conn_close(&k->conn);
	op_ready(&k->op);
}

static bool
ask(struct keeping *k, const char *reason)
{
	const struct services *sv = k->fc->services;
	int fds[2];

	if (sv == NULL || sv->agent_fd == -1 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1)
		return false;
	if (net_cloexec(fds[0]) == -1 || net_nonblock(fds[0]) == -1 ||
	    net_send_fd(sv->agent_fd, fds[1]) == -1) {
		log_event(LEVEL_ERROR, "%s: the agent can not be reached: %s",
		    k->fc->instance->name, strerror(errno));
		close(fds[0]);
		close(fds[1]);
		return false;
	}
	close(fds[1]);
	k->conn = conn_new(k->fc->owner.loop, fds[0], &ops, k);
	put_head(k, reason);
	k->reader = message_reader_new(k->fc->tx->message);
	pump(k);
	return true;
}

static void
put_head(struct keeping *k, const char *reason)
{
	const struct filter_call *fc = k->fc;
	const char *name = fc->instance->name;
	char line[100];
	char *header;
	size_t len;

	header = keep_header(
	    fc->tx, fc->client, reason, loop_wall_ms(fc->owner.loop), &len);
	k->left = message_wire_size(fc->tx->message);
	conn_put(k->conn, "quarantine ", 11);
	for (; *name != '\0'; name++) {
		snprintf(line, sizeof(line), "%%%02x", (unsigned char)*name);
		conn_put(k->conn, line, 3);
	}
	snprintf(line, sizeof(line), "\nid %s\nsize %" PRIu64 "\n\n",
	    fc->tx->id, k->left + len);
	conn_put(k->conn, line, strlen(line));
	conn_put(k->conn, header, len);
	free(header);
}

/* As much as the socket takes; on_drained calls again for the rest. */
static void
pump(void *ctx)
{
	struct keeping *k = ctx;
	struct iovec iov[IOVS];
	size_t sent;
	int n;

	conn_flush(k->conn);
	while (k->left > 0 && conn_unsent(k->conn) == 0) {
		n = message_reader_gather(k->reader, iov, IOVS);
		if (n <= 0) {
			trouble(k, "the message can not be read");
			return;
		}
		sent = conn_writev(k->conn, iov, n);
		if (sent == 0)
			return;
		message_reader_skip(k->reader, sent);
		k->left -= sent;
	}
	if (k->left > 0)
		conn_want_drained(k->conn);
}

static void
on_input(void *ctx)
{
	struct keeping *k = ctx;
	const char *line;
	size_t len, used;

	if (k->code == 0 && conn_line(k->conn, &line, &len, &used))
		take_reply(k, line, len);
}

/* "250 2.0.0 TEXT" and CR. */
static void
take_reply(struct keeping *k, const char *line, size_t len)
{
	char text[300];
	const char *p = text;
	size_t n;

	if (len >= sizeof(text))
		len = sizeof(text) - 1;
	memcpy(text, line, len);
	text[len] = '\0';
	text[strcspn(text, "\r")] = '\0';
	n = strcspn(text, " ");
	k->code = n == 3 ? (int)strtol(text, NULL, 10) : 0;
	p += n + (text[n] == ' ');
	n = strcspn(p, " ");
	if ((k->code != 250 && k->code != 451 && k->code != 452) || n == 0 ||
	    n >= sizeof(k->enhanced) || p[0] - '0' != k->code / 100) {
		k->code = 0;
		trouble(k, "nonsense from the agent");
		return;
	}
	memcpy(k->enhanced, p, n);
	k->enhanced[n] = '\0';
	compat_strlcpy(k->text, p + n + (p[n] == ' '), sizeof(k->text));
	op_ready(&k->op);
}

static void
on_end(void *ctx, enum conn_end why, int error)
{
	(void)why;
	(void)error;
	trouble(ctx, "the agent has gone away");
}

static void
run(struct op *op)
{
	struct keeping *k = container_of(op, struct keeping, op);
	struct filter_call *fc = k->fc;
	enum verdict v;

	conn_close(&k->conn);
	message_reader_free(&k->reader);
	if (k->code == 250 && !fc->instance->chain.observe)
		fc->tx->kept = true;
	v = k->next(fc, k->code, k->enhanced, k->text);
	destroy(k);
	chain_call_continued(fc, v);
}

static void
cancel(struct op *op)
{
	destroy(container_of(op, struct keeping, op));
}

static void
destroy(struct keeping *k)
{
	conn_close(&k->conn);
	message_reader_free(&k->reader);
	free(k);
}

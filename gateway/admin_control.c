/*
 * The control socket in the admin process: takes a request of one line, answers
 * it, or asks all workers and passes on what they answer.
 *
 * What only the master can do it does itself: it gets the caller's connection.
 */

#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <event2/event.h>

#include "admin_impl.h"
#include "compat.h"
#include "conn.h"
#include "loop.h"
#include "mem.h"
#include "net.h"

#define CALLERS_MAX 32
#define REQUEST_MS 10000   /* for the request */
#define WORKERS_MS 2000	   /* for the answers of all workers */
#define UNREAD_MAX 4194304 /* octets that a caller may leave unread */

static void on_caller(evutil_socket_t, short, void *);
static void on_answer(evutil_socket_t, short, void *);
static void on_line(void *);
static void on_end(void *, enum conn_end, int);

static const struct conn_ops ops = { .on_input = on_line, .on_end = on_end };

struct control *
control_new(struct loop *l, const struct admin_start *start)
{
	struct control *c;
	unsigned i;

	if (start->control_fd == -1)
		return NULL;
	c = xcalloc(1, sizeof(*c));
	c->loop = l;
	c->start = start;
	/* Workers may still hold questions of an earlier process. */
	c->number = (uint64_t)getpid() << 32;
	TAILQ_INIT(&c->callers);
	c->ways = xcalloc(start->worker_count + 1, sizeof(*c->ways));
	for (i = 0; i < start->worker_count; i++) {
		c->ways[i].control = c;
		c->ways[i].fd = start->worker_fds[i];
		c->ways[i].ev = event_new(loop_base(l), c->ways[i].fd,
		    EV_READ | EV_PERSIST, on_answer, &c->ways[i]);
		if (c->ways[i].ev == NULL ||
		    event_add(c->ways[i].ev, NULL) == -1)
			abort(); /* no memory */
	}
	c->ev = event_new(loop_base(l), start->control_fd, EV_READ | EV_PERSIST,
	    on_caller, c);
	if (c->ev == NULL || event_add(c->ev, NULL) == -1)
		abort();
	return c;
}

/* Callers. */

void
admin_leave(struct caller *caller)
{
	struct control *c = caller->control;

	TAILQ_REMOVE(&c->callers, caller, entry);
	c->count--;
	if (caller->conn != NULL)
		conn_linger(&caller->conn);
	free(caller);
}

void
admin_say(struct caller *caller, const struct control_text *t)
{
	conn_put(caller->conn, t->text, t->len);
	conn_flush(caller->conn);
}

/* The last line; the caller is gone behind it. */
void
admin_finish(struct caller *caller, int code, const char *text)
{
	struct control_text t = { .text = NULL };

	if (caller->lost)
		control_note(
		    &t, "lines are missing: they were not read in time");
	control_end(&t, code, text);
	admin_say(caller, &t);
	control_text_free(&t);
	admin_leave(caller);
}

static void
end_way(struct way *w)
{
	if (w->ev == NULL)
		return;
	event_free(w->ev);
	w->ev = NULL;
	close(w->fd);
}

static void
end_transcript(struct caller *caller)
{
	char line[CONTROL_LINE_MAX];

	snprintf(
	    line, sizeof(line), "transcript %.200s 0", caller->request.name);
	caller->number = 0;
	admin_ask(caller, line);
}

static void
refuse(struct caller *caller)
{
	if (caller->number != 0 &&
	    caller->request.command == CONTROL_TRANSCRIPT)
		end_transcript(caller);
	admin_finish(caller, EX_TEMPFAIL,
	    "posternd stops, or has another configuration now");
}

bool
control_close(struct control *c)
{
	struct caller *caller, *next;

	if (c == NULL)
		return false;
	if (c->ev != NULL) {
		event_free(c->ev);
		close(c->start->control_fd);
		c->ev = NULL;
	}
	TAILQ_FOREACH_SAFE (caller, &c->callers, entry, next)
		if (caller->request.command == CONTROL_TRANSCRIPT &&
		    caller->line[0] != '\0')
			refuse(caller);
	return !TAILQ_EMPTY(&c->callers);
}

void
control_free(struct control **cp)
{
	struct control *c = *cp;
	struct caller *caller, *next;
	unsigned i;

	if (c == NULL)
		return;
	*cp = NULL;
	(void)control_close(c);
	TAILQ_FOREACH_SAFE (caller, &c->callers, entry, next)
		refuse(caller);
	for (i = 0; i < c->start->worker_count; i++)
		end_way(&c->ways[i]);
	free(c->ways);
	free(c);
}

static void
on_caller(evutil_socket_t fd, short what, void *ctx)
{
	struct control *c = ctx;
	struct caller *caller;
	struct net_addr peer;
	int client;

	(void)what;
	client = net_accept(fd, &peer);
	if (client == -1)
		return;
	if (c->count == CALLERS_MAX) {
		close(client);
		return;
	}
	caller = xcalloc(1, sizeof(*caller));
	caller->control = c;
	caller->conn = conn_new(c->loop, client, &ops, caller);
	conn_deadline(caller->conn, loop_now(c->loop) + REQUEST_MS);
	TAILQ_INSERT_TAIL(&c->callers, caller, entry);
	c->count++;
}

/* Workers. */

void
admin_ask(struct caller *caller, const char *line)
{
	struct control *c = caller->control;
	struct control_head head = { .number = ++c->number };
	char message[sizeof(head) + CONTROL_LINE_MAX];
	size_t len = strlen(line), size = sizeof(head) + len;
	unsigned i;

	memcpy(message, &head, sizeof(head));
	memcpy(message + sizeof(head), line, len);
	caller->number = head.number;
	caller->waiting = caller->silent = 0;
	for (i = 0; i < c->start->worker_count; i++) {
		if (c->ways[i].ev == NULL)
			continue;
		if (send(c->ways[i].fd, message, size,
			MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size)
			caller->waiting++;
		else
			caller->silent++;
	}
	conn_deadline(caller->conn,
	    loop_now(c->loop) + (caller->waiting > 0 ? WORKERS_MS : 0));
}

/* All workers have answered, or it is too late. */
static void
all_answered(struct caller *caller)
{
	struct control_text t = { .text = NULL };
	unsigned silent = caller->silent + caller->waiting;
	char note[80];

	if (caller->request.command == CONTROL_STATUS) {
		admin_tell_status(caller->control->start, silent, &t);
		admin_say(caller, &t);
		control_text_free(&t);
	}
	if (silent > 0) {
		snprintf(note, sizeof(note),
		    "%u of the workers did not answer in time", silent);
		control_note(&t, note);
		admin_say(caller, &t);
		control_text_free(&t);
	}
	switch (caller->request.command) {
	case CONTROL_KILL:
		if (caller->answers == 0)
			admin_finish(
			    caller, EX_DATAERR, "there is no such session");
		else
			admin_finish(caller, EX_OK, "the session is closed");
		break;
	case CONTROL_PAUSE:
		admin_finish(caller, EX_OK, "paused: new clients wait");
		break;
	case CONTROL_RESUME:
		admin_finish(caller, EX_OK, "takes clients");
		break;
	case CONTROL_SESSIONS:
	case CONTROL_TRANSCRIPT:
	case CONTROL_STATUS:
	case CONTROL_BACKENDS:
	case CONTROL_DRAIN:
	case CONTROL_ENABLE:
	case CONTROL_LOG:
	case CONTROL_RELOAD:
		admin_finish(caller, EX_OK, "");
		break;
	}
}

static void
answered(struct control *c, const char *message, size_t len)
{
	struct control_head head;
	struct caller *caller;

	memcpy(&head, message, sizeof(head));
	TAILQ_FOREACH (caller, &c->callers, entry)
		if (caller->number == head.number)
			break;
	if (caller == NULL)
		return; /* it did not wait for it */
	len -= sizeof(head);
	caller->answers += len > 0;
	/* Of a kill, it is enough that somebody has said something. */
	if (conn_unsent(caller->conn) >= UNREAD_MAX)
		caller->lost = true;
	else if (caller->request.command != CONTROL_KILL)
		conn_put(caller->conn, message + sizeof(head), len);
	conn_flush(caller->conn);
	if (head.last != 0 && caller->waiting > 0 && --caller->waiting == 0 &&
	    caller->request.command != CONTROL_TRANSCRIPT)
		all_answered(caller);
}

static void
on_answer(evutil_socket_t fd, short what, void *ctx)
{
	char message[CONTROL_MESSAGE_MAX];
	struct way *w = ctx;
	ssize_t n;

	(void)what;
	n = recv(fd, message, sizeof(message), MSG_DONTWAIT);
	if (n >= (ssize_t)sizeof(struct control_head))
		answered(w->control, message, (size_t)n);
	else if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
		end_way(w); /* the worker has ended for good */
}

static void
on_line(void *ctx)
{
	struct caller *caller = ctx;
	size_t len, used;
	const char *line, *why;

	if (caller->line[0] != '\0') { /* it has nothing more to say */
		(void)conn_input(caller->conn, &len);
		conn_consume(caller->conn, len);
		return;
	}
	if (!conn_line(caller->conn, &line, &len, &used)) {
		(void)conn_input(caller->conn, &len);
		if (len >= CONTROL_LINE_MAX)
			admin_finish(
			    caller, EX_USAGE, "the request is too long");
		return;
	}
	if (!control_parse(line, len, &caller->request, &why)) {
		admin_finish(caller, EX_USAGE, why);
		return;
	}
	memcpy(caller->line, line, len);
	conn_consume(caller->conn, used);
	conn_deadline(caller->conn, 0);
	admin_act(caller);
}

static void
on_end(void *ctx, enum conn_end why, int error)
{
	struct caller *caller = ctx;
	bool transcript = caller->number != 0 &&
	    caller->request.command == CONTROL_TRANSCRIPT;

	(void)error;
	if (transcript)
		end_transcript(caller);
	if (why != CONN_DEADLINE) {
		conn_close(&caller->conn);
		admin_leave(caller);
	} else if (transcript)
		admin_finish(caller, EX_OK, "the time is over");
	else if (caller->number != 0)
		all_answered(caller);
	else
		admin_finish(caller, EX_USAGE, "no request in time");
}

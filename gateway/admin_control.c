/*
 * The control socket in the admin process: takes a request of one line, answers
 * it, or asks all workers and passes on what they answer.
 *
 * What only the master can do it does itself: it gets the caller's connection.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <event2/event.h>

#include "admin.h"
#include "compat.h"
#include "conf.h"
#include "conn.h"
#include "control.h"
#include "log.h"
#include "loop.h"
#include "marks.h"
#include "mem.h"
#include "net.h"
#include "servers.h"

#define CALLERS_MAX 32
#define REQUEST_MS 10000   /* for the request */
#define WORKERS_MS 2000	   /* for the answers of all workers */
#define UNREAD_MAX 4194304 /* octets that a caller may leave unread */

struct caller {
	TAILQ_ENTRY(caller) entry;
	struct control *control; /* borrowed */
	struct conn *conn;	 /* owned */
	struct control_request request;
	char line[CONTROL_LINE_MAX];
	uint64_t number;  /* of its question to workers; 0: none */
	unsigned waiting; /* answers to come */
	unsigned silent;  /* workers that could not be asked */
	unsigned answers; /* rows that came */
	bool lost;	  /* some, because it did not read */
};

/* A way to a worker. */
struct way {
	struct control *control; /* borrowed */
	struct event *ev;	 /* owned; NULL when it has ended */
	int fd;
};

struct control {
	struct loop *loop; /* borrowed, as the next */
	const struct admin_start *start;
	struct event *ev; /* owned; of new callers */
	TAILQ_HEAD(, caller) callers;
	unsigned count;
	struct way *ways; /* owned */
	uint64_t number;
};

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

static void
leave(struct caller *caller)
{
	struct control *c = caller->control;

	TAILQ_REMOVE(&c->callers, caller, entry);
	c->count--;
	if (caller->conn != NULL)
		conn_linger(&caller->conn);
	free(caller);
}

static void
say(struct caller *caller, const struct control_text *t)
{
	conn_put(caller->conn, t->text, t->len);
	conn_flush(caller->conn);
}

/* The last line; the caller is gone behind it. */
static void
finish(struct caller *caller, int code, const char *text)
{
	struct control_text t = { .text = NULL };

	if (caller->lost)
		control_note(
		    &t, "lines are missing: they were not read in time");
	control_end(&t, code, text);
	say(caller, &t);
	control_text_free(&t);
	leave(caller);
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

static void ask(struct caller *, const char *);

static void
end_transcript(struct caller *caller)
{
	char line[CONTROL_LINE_MAX];

	snprintf(
	    line, sizeof(line), "transcript %.200s 0", caller->request.name);
	caller->number = 0;
	ask(caller, line);
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
	event_free(c->ev);
	close(c->start->control_fd);
	TAILQ_FOREACH_SAFE (caller, &c->callers, entry, next) {
		if (caller->number != 0 &&
		    caller->request.command == CONTROL_TRANSCRIPT)
			end_transcript(caller);
		finish(caller, EX_TEMPFAIL,
		    "posternd stops, or has another configuration now");
	}
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

static void
ask(struct caller *caller, const char *line)
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
	conn_deadline(caller->conn, loop_now(c->loop) + WORKERS_MS);
}

/* All workers have answered, or it is too late. */
static void
all_answered(struct caller *caller)
{
	struct control_text t = { .text = NULL };
	unsigned silent = caller->silent + caller->waiting;
	char note[80];

	if (silent > 0) {
		snprintf(note, sizeof(note),
		    "%u of the workers did not answer in time", silent);
		control_note(&t, note);
		say(caller, &t);
		control_text_free(&t);
	}
	switch (caller->request.command) {
	case CONTROL_KILL:
		if (caller->answers == 0)
			finish(caller, EX_DATAERR, "there is no such session");
		else
			finish(caller, EX_OK, "the session is closed");
		break;
	case CONTROL_PAUSE:
		finish(caller, EX_OK, "paused: new clients wait");
		break;
	case CONTROL_RESUME:
		finish(caller, EX_OK, "takes clients");
		break;
	case CONTROL_SESSIONS:
	case CONTROL_TRANSCRIPT:
	case CONTROL_STATUS:
	case CONTROL_BACKENDS:
	case CONTROL_DRAIN:
	case CONTROL_ENABLE:
	case CONTROL_LOG:
	case CONTROL_RELOAD:
		finish(caller, EX_OK, "");
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

/* Commands. */

static bool
stays_drained(const struct config *c, const char *name)
{
	const struct backend_conf *b = c->backends;
	char full[SERVERS_NAME_MAX];
	size_t i;

	for (; b < c->backends + c->backend_count; b++)
		for (i = 0; i < b->server_count; i++) {
			snprintf(full, sizeof(full), "%s/%s", b->name,
			    b->servers[i].name);
			if (b->servers[i].drain && strcmp(full, name) == 0)
				return true;
		}
	return false;
}

static void
mark_server(struct caller *caller, bool drain)
{
	struct control *c = caller->control;
	const char *name = caller->request.name;
	int64_t now = loop_now(c->loop);

	if (!(drain ? servers_drain(c->start->servers, name, now)
		    : servers_enable(c->start->servers, name, now))) {
		finish(caller, EX_DATAERR,
		    "there is no such server: BACKEND/SERVER is wanted");
		return;
	}
	log_event(LEVEL_INFO, "server %s is %s by posternctl", name,
	    drain ? "drained" : "enabled");
	if (!drain && stays_drained(c->start->config, name))
		finish(caller, EX_UNAVAILABLE,
		    "the configuration has drain = yes: change it and reload");
	else
		finish(caller, EX_OK, drain ? "gets nothing new" : "is used");
}

static void
set_level(struct caller *caller)
{
	const struct admin_start *start = caller->control->start;
	int level = caller->request.level;

	marks_set_level(start->marks, level);
	log_event(LEVEL_WARN, "the level of the log is %s by posternctl",
	    caller->request.name);
	finish(caller, EX_OK, "");
}

static void
pause_listener(struct caller *caller, bool paused)
{
	const struct admin_start *start = caller->control->start;
	const struct config *c = start->config;
	const char *name = caller->request.name;
	size_t i;

	for (i = 0; i < c->listener_count; i++)
		if (strcmp(c->listeners[i].name, name) == 0)
			break;
	if (i == c->listener_count) {
		finish(caller, EX_DATAERR, "there is no such listener");
		return;
	}
	if (!paused)
		marks_resume(start->marks, name);
	else if (!marks_pause(start->marks, name)) {
		finish(caller, EX_UNAVAILABLE, "too many listeners are paused");
		return;
	}
	log_event(LEVEL_WARN, "listener %s is %s by posternctl", name,
	    paused ? "paused" : "resumed");
	ask(caller, caller->line);
}

static void
start_transcript(struct caller *caller)
{
	struct control *c = caller->control;
	struct caller *other;

	TAILQ_FOREACH (other, &c->callers, entry)
		if (other != caller && other->number != 0 &&
		    other->request.command == CONTROL_TRANSCRIPT) {
			finish(caller, EX_TEMPFAIL,
			    "there is another transcript under way");
			return;
		}
	log_event(LEVEL_WARN, "a transcript of %s begins by posternctl",
	    caller->request.name);
	ask(caller, caller->line);
	conn_deadline(
	    caller->conn, loop_now(c->loop) + caller->request.seconds * 1000);
}

/* The master answers. */
static void
pass_to_master(struct caller *caller)
{
	const struct admin_start *start = caller->control->start;

	log_event(LEVEL_INFO, "posternctl wants a reload");
	log_flush();
	if (net_send_fd(start->reload_fd, conn_fd(caller->conn)) == -1) {
		finish(caller, EX_UNAVAILABLE, "the master can not be told");
		return;
	}
	conn_close(&caller->conn);
	leave(caller);
}

static void
tell(struct caller *caller,
    void (*fn)(const struct admin_start *, int64_t, struct control_text *))
{
	struct control *c = caller->control;
	struct control_text t = { .text = NULL };

	fn(c->start, loop_now(c->loop), &t);
	if (t.len > 0)
		say(caller, &t);
	control_text_free(&t);
	finish(caller, EX_OK, "");
}

static void
act(struct caller *caller)
{
	switch (caller->request.command) {
	case CONTROL_STATUS:
		tell(caller, admin_tell_status);
		break;
	case CONTROL_BACKENDS:
		tell(caller, admin_tell_backends);
		break;
	case CONTROL_SESSIONS:
	case CONTROL_KILL:
		ask(caller, caller->line);
		break;
	case CONTROL_DRAIN:
	case CONTROL_ENABLE:
		mark_server(caller, caller->request.command == CONTROL_DRAIN);
		break;
	case CONTROL_PAUSE:
	case CONTROL_RESUME:
		pause_listener(
		    caller, caller->request.command == CONTROL_PAUSE);
		break;
	case CONTROL_LOG:
		set_level(caller);
		break;
	case CONTROL_TRANSCRIPT:
		start_transcript(caller);
		break;
	case CONTROL_RELOAD:
		pass_to_master(caller);
		break;
	}
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
			finish(caller, EX_USAGE, "the request is too long");
		return;
	}
	if (!control_parse(line, len, &caller->request, &why)) {
		finish(caller, EX_USAGE, why);
		return;
	}
	memcpy(caller->line, line, len);
	conn_consume(caller->conn, used);
	conn_deadline(caller->conn, 0);
	act(caller);
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
		leave(caller);
	} else if (transcript)
		finish(caller, EX_OK, "the time is over");
	else if (caller->number != 0)
		all_answered(caller);
	else
		finish(caller, EX_USAGE, "no request in time");
}

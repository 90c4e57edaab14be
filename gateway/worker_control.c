/*
 * A worker's end of the way to the admin process: see worker_control.h.
 */

#include "worker_control.h"

#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include "compat.h"
#include "control.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "net.h"
#include "session.h"

#define SESSIONS_MAX 2000      /* that are told of */
#define UNSENT_MAX (64 * 1024) /* octets of a transcript that may wait */
#define LINE_MAX_SHOWN 1000    /* octets of a line of it */

struct message {
	STAILQ_ENTRY(message) entry;
	size_t len;
	char data[CONTROL_MESSAGE_MAX];
};

struct worker_control {
	struct front *front; /* borrowed */
	void (*marks)(void *ctx);
	void *ctx;
	struct event *readable; /* owned */
	struct event *writable; /* owned */
	STAILQ_HEAD(, message) unsent;
	size_t unsent_len;
	int fd; /* borrowed */
	struct transcript transcript;
	struct net_prefix who;
	uint64_t number; /* of the request for the transcript */
	unsigned missed; /* lines */
};

static void on_readable(evutil_socket_t, short, void *);
static void on_writable(evutil_socket_t, short, void *);
static void show_line(void *, const char *, char, const char *, size_t);

struct worker_control *
worker_control_new(struct front *f, int fd, void (*marks)(void *ctx), void *ctx)
{
	struct event_base *base = loop_base(f->loop);
	struct worker_control *w;

	if (fd == -1)
		return NULL;
	w = xcalloc(1, sizeof(*w));
	w->front = f;
	w->fd = fd;
	w->marks = marks;
	w->ctx = ctx;
	w->transcript.line = show_line;
	w->transcript.ctx = w;
	STAILQ_INIT(&w->unsent);
	w->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, w);
	w->writable =
	    event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, w);
	if (w->readable == NULL || w->writable == NULL ||
	    event_add(w->readable, NULL) == -1)
		abort(); /* no memory */
	return w;
}

static void
forget_unsent(struct worker_control *w)
{
	struct message *m;

	while ((m = STAILQ_FIRST(&w->unsent)) != NULL) {
		STAILQ_REMOVE_HEAD(&w->unsent, entry);
		free(m);
	}
	w->unsent_len = 0;
}

void
worker_control_free(struct worker_control **wp)
{
	struct worker_control *w = *wp;

	if (w == NULL)
		return;
	*wp = NULL;
	w->front->transcript = NULL;
	event_free(w->readable);
	event_free(w->writable);
	forget_unsent(w);
	free(w);
}

/* Sending. */

/* Requests are read again when the last answer is out. */
static void
send_unsent(struct worker_control *w)
{
	struct message *m;
	ssize_t n;

	while ((m = STAILQ_FIRST(&w->unsent)) != NULL) {
		n = send(w->fd, m->data, m->len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && (errno == EAGAIN || errno == ENOBUFS)) {
			event_del(w->readable);
			event_add(w->writable, NULL);
			return;
		}
		if (n == -1) {
			forget_unsent(w); /* nobody is there */
			break;
		}
		STAILQ_REMOVE_HEAD(&w->unsent, entry);
		w->unsent_len -= m->len;
		free(m);
	}
	event_del(w->writable);
	event_add(w->readable, NULL);
}

static void
on_writable(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	send_unsent(ctx);
}

static void
put(struct worker_control *w, uint64_t number, const char *text, size_t len,
    bool last)
{
	struct control_head head = { .number = number, .last = last };
	struct message *m = xmalloc(sizeof(*m));

	memcpy(m->data, &head, sizeof(head));
	if (len > 0)
		memcpy(m->data + sizeof(head), text, len);
	m->len = sizeof(head) + len;
	STAILQ_INSERT_TAIL(&w->unsent, m, entry);
	w->unsent_len += m->len;
}

/* Whole lines in each message. */
static void
put_lines(struct worker_control *w, uint64_t number,
    const struct control_text *t, bool last)
{
	const size_t room = CONTROL_MESSAGE_MAX - sizeof(struct control_head);
	size_t at = 0, n;

	while (t->len - at > room) {
		n = room;
		while (n > 0 && t->text[at + n - 1] != '\n')
			n--;
		if (n == 0)
			break; /* no such line is made here */
		put(w, number, t->text + at, n, false);
		at += n;
	}
	n = t->len - at <= room ? t->len - at : 0;
	put(w, number, n > 0 ? t->text + at : NULL, n, last);
	send_unsent(w);
}

/* Commands. */

static void
tell_sessions(struct worker_control *w, uint64_t number)
{
	struct control_text t = { .text = NULL };
	unsigned more = session_tell(w->front, SESSIONS_MAX, &t);
	char note[80];

	if (more > 0) {
		snprintf(note, sizeof(note), "worker %u has %u sessions more",
		    w->front->worker, more);
		control_note(&t, note);
	}
	put_lines(w, number, &t, true);
	control_text_free(&t);
}

static void
kill_session(struct worker_control *w, uint64_t number, const char *id)
{
	struct control_text t = { .text = NULL };

	if (session_kill(w->front, id)) {
		log_event(LEVEL_WARN, "session %s is closed by posternctl", id);
		control_row(&t);
		control_put(&t, "id", id);
		control_row_end(&t);
	}
	put_lines(w, number, &t, true);
	control_text_free(&t);
}

static void
start_transcript(
    struct worker_control *w, uint64_t number, const struct control_request *r)
{
	w->front->transcript = NULL;
	if (r->seconds == 0)
		return;
	w->who = r->who;
	w->transcript.who.list = &w->who;
	w->transcript.who.count = 1;
	w->transcript.until = loop_now(w->front->loop) + r->seconds * 1000;
	w->number = number;
	w->missed = 0;
	w->front->transcript = &w->transcript;
}

static void
act(struct worker_control *w, uint64_t number, const struct control_request *r)
{
	struct control_text none = { .text = NULL };

	switch (r->command) {
	case CONTROL_SESSIONS:
		tell_sessions(w, number);
		break;
	case CONTROL_KILL:
		kill_session(w, number, r->name);
		break;
	case CONTROL_TRANSCRIPT:
		start_transcript(w, number, r);
		break;
	case CONTROL_PAUSE:
	case CONTROL_RESUME:
		w->marks(w->ctx);
		put_lines(w, number, &none, true);
		break;
	case CONTROL_STATUS: /* it is wanted to know that we are there */
		put_lines(w, number, &none, true);
		break;
	case CONTROL_BACKENDS:
	case CONTROL_DRAIN:
	case CONTROL_ENABLE:
	case CONTROL_LOG:
	case CONTROL_RELOAD:
		break; /* not a worker's */
	}
}

static void
on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct control_head head;
	char message[sizeof(head) + CONTROL_LINE_MAX];
	struct worker_control *w = ctx;
	struct control_request r;
	const char *why;
	ssize_t n;

	(void)what;
	n = recv(fd, message, sizeof(message), MSG_DONTWAIT);
	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
		event_del(w->readable); /* the master is gone, too */
	if (n < (ssize_t)sizeof(head))
		return;
	memcpy(&head, message, sizeof(head));
	if (control_parse(
		message + sizeof(head), (size_t)n - sizeof(head), &r, &why))
		act(w, head.number, &r);
}

/* Transcripts. */

static void
put_line(struct control_text *t, int64_t wall, const char *id, char side,
    const char *text, size_t len)
{
	char when[40], sides[2] = { side, '\0' };
	time_t s = (time_t)(wall / 1000);
	struct tm tm;

	gmtime_r(&s, &tm);
	snprintf(when, sizeof(when), "%02d:%02d:%02d.%03dZ", tm.tm_hour,
	    tm.tm_min, tm.tm_sec, (int)(wall % 1000));
	control_row(t);
	control_put(t, "time", when);
	control_put(t, "id", id);
	control_put(t, "side", sides);
	control_put_octets(
	    t, "text", text, len < LINE_MAX_SHOWN ? len : LINE_MAX_SHOWN);
	control_row_end(t);
}

static void
show_line(void *ctx, const char *id, char side, const char *text, size_t len)
{
	struct worker_control *w = ctx;
	struct control_text t = { .text = NULL };
	int64_t wall = loop_wall_ms(w->front->loop);
	char note[80];

	if (w->unsent_len > UNSENT_MAX) {
		w->missed++;
		return;
	}
	if (w->missed > 0) {
		snprintf(
		    note, sizeof(note), "%u lines are left out", w->missed);
		put_line(&t, wall, "-", '*', note, strlen(note));
		w->missed = 0;
	}
	put_line(&t, wall, id, side, text, len);
	put_lines(w, w->number, &t, false);
	control_text_free(&t);
}

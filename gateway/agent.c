/*
 * The agent process: poll() over the control socket and the links, so that a
 * worker that hangs in the middle of a message holds up nobody else.  File
 * operations block; that is what this process is for.
 */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent_impl.h"
#include "compat.h"
#include "log.h"
#include "mem.h"
#include "net.h"

#define LINKS_MAX 200 /* three descriptors each: below every usual limit */
#define RUNNING_MS 20 /* how often it is looked whether a program ended */

static void catch_signals(void);
static void take_link(struct agent *);
static bool is_passing(int);
static bool read_link(struct agent_link *);
static size_t take_head(struct agent_link *, const char *, size_t);
static void take_line(struct agent_link *);
static void refuse(struct agent_link *, const char *);
static void begin_content(struct agent_link *);
static int open_file(struct agent_link *);
static size_t take_content(struct agent_link *, const char *, size_t);
static int write_content(struct agent_link *, const char *, size_t);
static void end_content(struct agent_link *);
static void next_request(struct agent_link *);
static void end_program(struct agent_link *);
static void run_waiting(struct agent *);
static struct agent_link *longest_waiting(struct agent *);
static void run_program(struct agent_link *);
static void reap_programs(struct agent *);
static struct agent_program *find_program(const struct agent_link *);
static const struct agent_quarantine *find_quarantine(
    const struct agent_link *);
static void close_link(struct agent_link *);

int
agent_run(int control_fd, const struct agent_conf *conf)
{
	struct agent *a = agent_new(control_fd, conf);

	catch_signals();
	while (a->control != -1 || a->count > 0)
		agent_turn(a, true);
	agent_free(&a);
	return 0;
}

struct agent *
agent_new(int control_fd, const struct agent_conf *conf)
{
	struct agent *a = xcalloc(1, sizeof(*a));

	net_nonblock(control_fd);
	a->control = control_fd;
	a->conf = conf;
	LIST_INIT(&a->links);
	return a;
}

void
agent_free(struct agent **ap)
{
	struct agent_link *l, *next;

	LIST_FOREACH_SAFE (l, &(*ap)->links, entry, next)
		close_link(l);
	if ((*ap)->control != -1)
		close((*ap)->control);
	free(*ap);
	*ap = NULL;
}

/*
 * The agent ends when the last process that could send it a link is gone, and
 * not before: a service manager, or a terminal, sends its TERM or INT to all
 * processes at once, but the workers still drain.  Without a SIGXFSZ a file
 * that becomes too long is an error like a full disk.  USR1 opens the log
 * again.
 */
static void
catch_signals(void)
{
	static const int list[] = { SIGHUP, SIGINT, SIGTERM, SIGUSR2, SIGPIPE,
		SIGXFSZ };
	struct sigaction sa;
	size_t i;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_IGN;
	sigemptyset(&sa.sa_mask);
	for (i = 0; i < nitems(list); i++)
		sigaction(list[i], &sa, NULL);
	sa.sa_handler = log_reopen_soon;
	sa.sa_flags = SA_RESTART; /* of what writes files */
	sigaction(SIGUSR1, &sa, NULL);
}

/* The only loop.  poll() skips descriptors of -1. */
bool
agent_turn(struct agent *a, bool wait)
{
	struct pollfd fds[LINKS_MAX + 1];
	struct agent_link *l, *next;
	int timeout = wait ? -1 : 0, ready;
	nfds_t n = 0;

	fds[n].fd = a->count < LINKS_MAX ? a->control : -1;
	fds[n++].events = POLLIN;
	LIST_FOREACH (l, &a->links, entry) {
		fds[n].fd = l->state == LINK_RUNNING ? l->run.output : l->fd;
		fds[n++].events = l->state == LINK_WAITING	 ? 0
		    : l->state != LINK_RUNNING && l->out_len > 0 ? POLLOUT
								 : POLLIN;
		if (l->state == LINK_RUNNING && wait)
			timeout = RUNNING_MS;
	}
	ready = poll(fds, n, timeout);
	if (ready == -1) {
		log_flush();
		return false;
	}
	n = 1;
	LIST_FOREACH_SAFE (l, &a->links, entry, next) {
		if (fds[n++].revents == 0)
			continue;
		if (l->state == LINK_RUNNING)
			agent_program_read(&l->run);
		else if (l->state == LINK_WAITING)
			close_link(l); /* nobody wants to know any more */
		else if (l->out_len > 0 ? !agent_write_out(l) : !read_link(l))
			close_link(l);
		else if (l->state == LINK_CLOSING && l->out_len == 0)
			close_link(l);
	}
	reap_programs(a);
	run_waiting(a);
	if (fds[0].revents != 0 && a->control != -1)
		take_link(a);
	log_flush();
	return ready > 0;
}

static void
take_link(struct agent *a)
{
	struct agent_link *l;
	int fd = net_recv_fd(a->control);

	if (fd == -1) {
		if (!is_passing(errno)) {
			close(a->control);
			a->control = -1;
		}
		return;
	}
	net_nonblock(fd);
	net_cloexec(fd);
	l = xcalloc(1, sizeof(*l));
	l->fd = fd;
	l->agent = a;
	maildir_init(&l->file);
	next_request(l);
	LIST_INSERT_HEAD(&a->links, l, entry);
	a->count++;
}

/* Nothing there after all, or a descriptor that got lost because this process
 * has too many: its worker sees the link closed.  Anything else ends the
 * control socket. */
static bool
is_passing(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR ||
	    error == EBADMSG || error == EMFILE || error == ENFILE ||
	    error == EMSGSIZE;
}

/* False: the link is finished, by its end or by an error. */
static bool
read_link(struct agent_link *l)
{
	struct agent *a = l->agent;
	const char *in = a->input;
	ssize_t got = read(l->fd, a->input, sizeof(a->input));
	size_t left, used;

	if (got == -1)
		return errno == EAGAIN || errno == EWOULDBLOCK ||
		    errno == EINTR;
	if (got == 0)
		return false;
	for (left = (size_t)got; left > 0 && l->state < LINK_WAITING;
	     in += used, left -= used)
		used = l->state == LINK_REQUEST ? take_head(l, in, left)
						: take_content(l, in, left);
	return agent_write_out(l);
}

/* Collects a line; returns how much of the input it used. */
static size_t
take_head(struct agent_link *l, const char *in, size_t len)
{
	const char *lf = memchr(in, '\n', len);
	size_t part = lf == NULL ? len : (size_t)(lf - in);

	if (part > sizeof(l->line) - l->line_len) {
		refuse(l, "line too long");
		return len;
	}
	memcpy(l->line + l->line_len, in, part);
	l->line_len += part;
	if (lf == NULL)
		return part;
	take_line(l);
	l->line_len = 0;
	return part + 1;
}

static void
take_line(struct agent_link *l)
{
	const char *why;

	switch (agent_request_feed(&l->request, l->line, l->line_len, &why)) {
	case AGENT_REQUEST_MORE:
		break;
	case AGENT_REQUEST_DONE:
		begin_content(l);
		break;
	case AGENT_REQUEST_BAD:
		refuse(l, why);
		break;
	}
}

/* Who sends such a request has lost step: where the next one would begin is
 * anybody's guess. */
static void
refuse(struct agent_link *l, const char *why)
{
	log_event(LEVEL_ERROR, "agent: bad request: %s", why);
	agent_answer(l, "451 4.3.0 bad request: %s\r\n", why);
	l->state = LINK_CLOSING;
}

static void
begin_content(struct agent_link *l)
{
	l->state = LINK_CONTENT;
	l->left = l->request.size;
	l->error = 0;
	maildir_init(&l->file);
	if (open_file(l) == -1)
		agent_failed(l);
	if (l->left == 0)
		end_content(l);
}

static int
open_file(struct agent_link *l)
{
	const struct agent_request *rq = &l->request;
	const struct agent_conf *conf = l->agent->conf;
	const struct agent_quarantine *q;

	switch (rq->kind) {
	case AGENT_MAILDIR:
		if (maildir_open(&l->file, rq->where, ++l->agent->serial) == -1)
			return -1;
		return maildir_headers(&l->file, rq->from, rq->to);
	case AGENT_PROGRAM:
		errno = ENOENT;
		if (find_program(l) != NULL)
			l->file.file.fd = agent_program_file(conf->directory);
		return l->file.file.fd == -1 ? -1 : 0;
	case AGENT_QUARANTINE:
		q = find_quarantine(l);
		errno = ENOENT;
		if (q == NULL)
			return -1;
		return agent_quarantine_open(&l->file.file, q->directory,
		    rq->id, l->path, sizeof(l->path));
	}
	return -1;
}

/* Content is read to its end even if nothing can be done with it any more, so
 * that the link stays in step. */
static size_t
take_content(struct agent_link *l, const char *in, size_t len)
{
	if (len > l->left)
		len = (size_t)l->left;
	if (l->error == 0 && write_content(l, in, len) == -1)
		agent_failed(l);
	l->left -= len;
	if (l->left == 0)
		end_content(l);
	return len;
}

/* In a quarantine each octet stays as it was: nothing in it may change before
 * somebody sends it on. */
static int
write_content(struct agent_link *l, const char *in, size_t len)
{
	if (l->request.kind == AGENT_QUARANTINE)
		return agent_file_write(&l->file.file, in, len);
	return maildir_write(&l->file, in, len);
}

static void
end_content(struct agent_link *l)
{
	if (l->request.kind == AGENT_PROGRAM) {
		end_program(l);
		return;
	}
	if (l->error == 0 && maildir_commit(&l->file) == -1)
		agent_failed(l);
	if (l->error == 0)
		agent_say_saved(l);
	else
		agent_say_failed(l);
	next_request(l);
}

/* The message for a program is complete. */
static void
end_program(struct agent_link *l)
{
	if (l->error == 0 && maildir_end(&l->file) == -1)
		agent_failed(l);
	if (l->error != 0) {
		agent_say_failed(l);
		next_request(l);
		return;
	}
	l->state = LINK_WAITING;
	l->turn = ++l->agent->serial;
}

static void
run_waiting(struct agent *a)
{
	struct agent_link *l;

	while ((l = longest_waiting(a)) != NULL)
		run_program(l);
}

/* Of those whose program may run once more. */
static struct agent_link *
longest_waiting(struct agent *a)
{
	struct agent_link *l, *best = NULL;
	const struct agent_program *p;

	LIST_FOREACH (l, &a->links, entry) {
		if (l->state != LINK_WAITING)
			continue;
		p = find_program(l);
		if (p->running < p->program.processes &&
		    (best == NULL || l->turn < best->turn))
			best = l;
	}
	return best;
}

static void
run_program(struct agent_link *l)
{
	const struct agent_request *rq = &l->request;

	if (agent_program_start(&l->run, find_program(l), l->file.file.fd,
		rq->from, rq->to) == 0) {
		l->state = LINK_RUNNING;
	} else {
		agent_failed(l);
		agent_say_failed(l);
		next_request(l);
	}
	maildir_abort(&l->file); /* the program has it open */
}

static void
reap_programs(struct agent *a)
{
	struct agent_link *l, *next;
	const char *reply;

	LIST_FOREACH_SAFE (l, &a->links, entry, next) {
		if (l->state != LINK_RUNNING ||
		    !agent_program_ended(&l->run, &reply))
			continue;
		agent_answer(l, "%s\r\n", reply);
		next_request(l);
		if (!agent_write_out(l))
			close_link(l);
	}
}

static struct agent_program *
find_program(const struct agent_link *l)
{
	const struct agent_conf *c = l->agent->conf;
	size_t i;

	for (i = 0; i < c->program_count; i++)
		if (strcmp(c->programs[i].name, l->request.where) == 0)
			return &c->programs[i];
	return NULL;
}

static const struct agent_quarantine *
find_quarantine(const struct agent_link *l)
{
	const struct agent_conf *c = l->agent->conf;
	size_t i;

	for (i = 0; i < c->quarantine_count; i++)
		if (strcmp(c->quarantines[i].name, l->request.where) == 0)
			return &c->quarantines[i];
	return NULL;
}

static void
next_request(struct agent_link *l)
{
	if (l->state != LINK_CLOSING)
		l->state = LINK_REQUEST;
	agent_request_init(&l->request);
}

static void
close_link(struct agent_link *l)
{
	maildir_abort(&l->file);
	close(l->fd);
	LIST_REMOVE(l, entry);
	l->agent->count--;
	free(l);
}

/*
 * The master's part in the control socket: makes it, hands it to the admin
 * process, which serves it, and reads the configuration again when that passes
 * the connection of somebody who asks for it.  The ways between the admin
 * process and workers are made here, too; what goes over them does not concern
 * the master.
 */

#include <sys/types.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf.h"
#include "control.h"
#include "log.h"
#include "marks.h"
#include "master_handover.h"
#include "master_priv.h"
#include "mem.h"
#include "net.h"

#define BACKLOG 16

static bool is_skipped(int);
static int make_directory(const char *);
static int make_socket(const char *, int *);
static bool make_pair(int[2]);
static void close_pair(int[2]);
static bool is_other(const struct master *, const char *);
static void send_answer(int, const struct control_text *);

int
control_prepare(struct master *m, const struct config *c)
{
	struct control_socket cs;

	if (marks_prepare(m) == -1)
		return -1;
	/* Always, and early: the number must be small enough for select(). */
	if (!make_pair(m->reload_fds) || m->reload_fds[0] >= FD_SETSIZE) {
		log_event(LEVEL_ERROR, "no sockets for the admin process: %s",
		    strerror(errno));
		return -1;
	}
	if (control_open(m, c, &cs) == -1)
		return -1;
	control_take(m, &cs);
	return 0;
}

int
marks_prepare(struct master *m)
{
	m->marks = marks_new();
	if (m->marks == NULL) {
		log_event(LEVEL_ERROR, "no shared memory: %s", strerror(errno));
		return -1;
	}
	log_follow(marks_log(m->marks));
	return 0;
}

int
control_open(
    struct master *m, const struct config *c, struct control_socket *cs_r)
{
	const char *path = c->admin.control;
	int error;

	cs_r->fd = -1;
	cs_r->path = NULL;
	if (path == NULL)
		return 0;
	cs_r->path = xstrdup(path);
	if (!is_other(m, path))
		return 0;
	error = make_directory(path);
	if (error == 0)
		error = make_socket(path, &cs_r->fd);
	if (error == 0)
		return 0;
	free(cs_r->path);
	cs_r->path = NULL;
	/* As with user and chroot: what needs root is skipped. */
	return is_skipped(error) ? 0 : -1;
}

static bool
is_skipped(int error)
{
	return geteuid() != 0 && (error == EACCES || error == EPERM);
}

static void
say_failed(const char *path, int error, const char *why)
{
	if (is_skipped(error))
		log_event(LEVEL_WARN,
		    "not started by root: control %s is skipped (%s); "
		    "posternctl can not be used",
		    path, why);
	else
		log_event(LEVEL_ERROR, "control %s: %s", path, why);
}

static bool
is_other(const struct master *m, const char *path)
{
	return m->control.path == NULL || path == NULL ||
	    strcmp(m->control.path, path) != 0;
}

void
control_take(struct master *m, struct control_socket *cs)
{
	if (!is_other(m, cs->path)) {
		free(cs->path);
		cs->path = NULL;
		return;
	}
	control_drop(m, &m->control);
	m->control = *cs;
	cs->fd = -1;
	cs->path = NULL;
}

void
control_drop(const struct master *m, struct control_socket *cs)
{
	if (cs->fd != -1) {
		close(cs->fd);
		if (cs == &m->control || is_other(m, cs->path))
			(void)unlink(cs->path);
	}
	cs->fd = -1;
	free(cs->path);
	cs->path = NULL;
}

void
control_finish(struct master *m)
{
	control_drop(m, &m->control);
	close_pair(m->reload_fds);
	log_follow(NULL);
	marks_free(&m->marks);
}

/* What is in front of the name.  It is made if it is missing, and refused if
 * somebody else could put another socket there.  0, or an errno after logging
 * why. */
static int
make_directory(const char *path)
{
	char *dir = xstrdup(path);
	struct stat st;
	const char *why = NULL;
	char text[300];
	int error = EINVAL;

	*strrchr(dir, '/') = '\0';
	if ((mkdir(dir, 0700) == -1 && errno != EEXIST) ||
	    lstat(dir, &st) == -1)
		why = strerror(error = errno);
	else if (!S_ISDIR(st.st_mode))
		why = "not a directory";
	else if (st.st_uid != geteuid()) {
		why = "belongs to somebody else";
		error = EPERM;
	} else if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		why = "others can write to it";
	if (why != NULL) {
		snprintf(text, sizeof(text), "%s: %s", dir, why);
		say_failed(path, error, text);
	}
	free(dir);
	return why == NULL ? 0 : error;
}

/* Never, not even for a moment, for others.  0, or an errno after logging why.
 */
static int
make_socket(const char *path, int *fd_r)
{
	char text[NET_TEXT_MAX + 8];
	const char *why = NULL;
	struct net_addr a;
	mode_t mask;
	int error = EINVAL;

	*fd_r = -1;
	snprintf(text, sizeof(text), "unix:%s", path);
	if (net_parse(text, &a, &why) == 0) {
		mask = umask(0177);
		*fd_r = net_listen(&a, BACKLOG);
		if (*fd_r == -1)
			why = strerror(error = errno);
		(void)umask(mask);
	}
	if (*fd_r != -1)
		return 0;
	say_failed(path, error, why);
	return error;
}

static bool
make_pair(int fds[2])
{
	fds[0] = fds[1] = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) == -1)
		return false;
	if (net_nonblock(fds[0]) == 0 && net_nonblock(fds[1]) == 0 &&
	    net_cloexec(fds[0]) == 0 && net_cloexec(fds[1]) == 0)
		return true;
	close_pair(fds);
	return false;
}

static void
close_pair(int fds[2])
{
	int i;

	for (i = 0; i < 2; i++) {
		if (fds[i] != -1)
			close(fds[i]);
		fds[i] = -1;
	}
}

/* Without it a worker works as well, but posternctl does not see it. */
void
control_pair(const struct config *c, struct child *worker)
{
	worker->control_fds[0] = worker->control_fds[1] = -1;
	if (c->admin.control != NULL && !make_pair(worker->control_fds))
		log_event(LEVEL_ERROR, "no sockets for a worker's control: %s",
		    strerror(errno));
}

void
control_unpair(struct child *worker)
{
	close_pair(worker->control_fds);
}

void
control_forget(const struct master *m, const struct child *own)
{
	const struct generation *g;
	unsigned i;
	int fd, k;

	TAILQ_FOREACH (g, &m->generations, entry)
		for (i = 0; i < g->count; i++)
			for (k = 0; k < 2; k++) {
				fd = g->workers[i].control_fds[k];
				if (fd != -1 &&
				    (&g->workers[i] != own || k == 1))
					close(fd);
			}
	for (k = 0; k < 2; k++)
		if (m->reload_fds[k] != -1)
			close(m->reload_fds[k]);
	if (m->control.fd != -1)
		close(m->control.fd);
	if (m->caller_fd != -1)
		close(m->caller_fd);
}

/* Reload. */

void
control_serve(struct master *m)
{
	/* One at a time: signals must not wait for many. */
	if (reload_pending(m))
		return;
	m->caller_fd = net_recv_fd(m->reload_fds[0]);
	if (m->caller_fd == -1)
		return;
	if (m->stopping)
		reload_answer(m, EX_UNAVAILABLE, NULL);
	else
		reload_begin(m);
}

static void
put_notes(struct control_text *t, char *text)
{
	char *line, *next;

	for (line = text; *line != '\0'; line = next) {
		next = line + strcspn(line, "\n");
		if (*next != '\0')
			*next++ = '\0';
		control_note(t, line);
	}
}

void
reload_answer(struct master *m, int code, char *text)
{
	struct control_text t = { .text = NULL };

	if (!m->stopping)
		priv_tell_manager("READY=1");
	if (code != EX_OK)
		log_event(LEVEL_ERROR,
		    "reload failed: the configuration of before stays in "
		    "force");
	if (m->caller_fd == -1)
		return;
	if (text != NULL)
		put_notes(&t, text);
	if (m->stopping)
		control_end(&t, EX_TEMPFAIL, "posternd stops");
	else if (code == EX_OK)
		control_end(&t, EX_OK, "the configuration is changed");
	else
		control_end(&t, code,
		    code == EX_CONFIG
			? "the configuration of before stays in force"
			: "the configuration of before stays in force; the log "
			  "says why");
	send_answer(m->caller_fd, &t);
	control_text_free(&t);
	close(m->caller_fd);
	m->caller_fd = -1;
}

/* It goes into the empty buffer of the socket, or nowhere: nobody waits. */
static void
send_answer(int fd, const struct control_text *t)
{
	ssize_t n;
	size_t done = 0;

	while (done < t->len &&
	    (n = send(fd, t->text + done, t->len - done,
		 MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
		done += (size_t)n;
}

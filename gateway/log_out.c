/*
 * The descriptors of the log, and how to write to each without waiting.
 */

#include "log_out.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "compat.h"
#include "log.h"

#ifndef _PATH_LOG
#define _PATH_LOG "/dev/log"
#endif

#define SYSLOG_SPACE (64 * 1024)

static int open_file(const char *);
static void connect_syslog(struct log_out *);
static int connect_path(int, const char *);
static void raise_send_space(int);
static size_t put_stream(struct log_out *, const char *, size_t);
static bool is_writable(int);
static bool put_syslog(struct log_out *, const char *, size_t);

int
log_out_open(struct log_out *t, const struct log_conf *conf)
{
	const char *path = conf->path != NULL ? conf->path : "";
	size_t max = sizeof(t->path);
	struct stat st;
	int fd = -1;

	if (conf->to == LOG_TO_SYSLOG)
		max = sizeof(((struct sockaddr_un *)NULL)->sun_path);
	if (strlen(path) >= max) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (conf->to == LOG_TO_FILE && (fd = open_file(path)) == -1)
		return -1;
	log_out_close(t);
	memset(t, 0, sizeof(*t));
	compat_strlcpy(t->path, path, sizeof(t->path));
	t->to = conf->to;
	t->fd = fd;
	if (t->to == LOG_TO_STDERR)
		t->is_socket =
		    fstat(STDERR_FILENO, &st) == 0 && S_ISSOCK(st.st_mode);
	if (t->to == LOG_TO_SYSLOG)
		connect_syslog(t);
	return 0;
}

int
log_out_reopen(struct log_out *t)
{
	int fd;

	if (t->to == LOG_TO_SYSLOG) {
		log_out_close(t);
		connect_syslog(t);
	}
	if (t->to != LOG_TO_FILE)
		return 0;
	fd = open_file(t->path);
	if (fd == -1)
		return -1;
	log_out_close(t);
	t->fd = fd;
	t->torn = false;
	return 0;
}

/* O_NONBLOCK is for a FIFO, which without it would wait for its reader. */
static int
open_file(const char *path)
{
	return open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
	    0640);
}

static void
connect_syslog(struct log_out *t)
{
	static const char *const usual[] = { _PATH_LOG, "/dev/log",
		"/var/run/log" };
	struct timespec now;
	size_t i;
	int fd, rc = -1;

	clock_gettime(CLOCK_MONOTONIC, &now);
	t->tried = now.tv_sec;
	t->fd = -1;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return;
	if (t->path[0] != '\0')
		rc = connect_path(fd, t->path);
	else
		for (i = 0; i < nitems(usual) && rc == -1; i++)
			rc = connect_path(fd, usual[i]);
	if (rc == -1) {
		close(fd);
		return;
	}
	raise_send_space(fd);
	t->fd = fd;
}

static int
connect_path(int fd, const char *path)
{
	struct sockaddr_un un;

	memset(&un, 0, sizeof(un));
	un.sun_family = AF_UNIX;
	compat_strlcpy(un.sun_path, path, sizeof(un.sun_path));
	return connect(fd, (struct sockaddr *)&un, sizeof(un));
}

/* Some BSDs let a datagram be no longer than this space: 2048 octets. */
static void
raise_send_space(int fd)
{
	int space = 0, wanted = SYSLOG_SPACE;
	socklen_t len = sizeof(space);

	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &space, &len) == 0 &&
	    space < wanted)
		(void)setsockopt(
		    fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof(wanted));
}

void
log_out_close(struct log_out *t)
{
	if (t->to != LOG_TO_STDERR && t->fd != -1)
		close(t->fd);
	t->fd = -1;
}

size_t
log_out_put(struct log_out *t, const char *lines, size_t len)
{
	if (t->to == LOG_TO_SYSLOG)
		return put_syslog(t, lines, len - 1) ? len : 0;
	if (t->torn && put_stream(t, "\n", 1) != 1)
		return 0;
	t->torn = false;
	return put_stream(t, lines, len);
}

/* A disk that fills up may take a part of a line. */
static size_t
put_stream(struct log_out *t, const char *buf, size_t len)
{
	int fd = t->to == LOG_TO_STDERR ? STDERR_FILENO : t->fd;
	ssize_t n;

	if (t->to == LOG_TO_STDERR && !is_writable(fd))
		return 0;
	do {
		if (t->is_socket)
			n = send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		else
			n = write(fd, buf, len);
	} while (n == -1 && errno == EINTR);
	if (n <= 0)
		return 0;
	t->torn = buf[n - 1] != '\n';
	return (size_t)n;
}

/* Not when the reader of a pipe is gone: that would be SIGPIPE. */
static bool
is_writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && p.revents == POLLOUT;
}

/* A syslogd that went away may be back: one try per second. */
static bool
put_syslog(struct log_out *t, const char *line, size_t len)
{
	struct timespec now;

	if (t->fd != -1) {
		if (send(t->fd, line, len, MSG_NOSIGNAL) != -1)
			return true;
		if (errno == EAGAIN || errno == ENOBUFS || errno == EMSGSIZE)
			return false;
		log_out_close(t);
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec == t->tried)
		return false;
	connect_syslog(t);
	return t->fd != -1 && send(t->fd, line, len, MSG_NOSIGNAL) != -1;
}

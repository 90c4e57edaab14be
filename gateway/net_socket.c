/*
 * The socket calls that need more than one line.
 */

#include "net.h"

#include <sys/types.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"

#define DESCRIPTORS_MAX 8 /* that are looked for, to be closed */
#define SOCKET_FLAGS (SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)

union fd_message { /* aligned for a control message */
	struct cmsghdr head;
	char space[CMSG_SPACE(sizeof(int))];
};
/* What does not fit is cut off, but the rounding of one leaves room for two on
 * some systems; with room for more, others give all of them. */
union fd_messages {
	struct cmsghdr head;
	char space[CMSG_SPACE(sizeof(int) * DESCRIPTORS_MAX)];
};

static int set_on(int, int, int);
static int bind_to(int, const struct net_addr *);
static bool is_stale(const struct net_addr *);

int
net_listen(const struct net_addr *a, int backlog)
{
	return net_listen_as(a, backlog, NULL);
}

int
net_listen_as(
    const struct net_addr *a, int backlog, const struct net_owner *owner)
{
	int family = a->ss.ss_family;
	int fd = socket(family, SOCKET_FLAGS, 0);
	int error;

	if (fd == -1)
		return -1;
	if ((family != AF_UNIX && set_on(fd, SOL_SOCKET, SO_REUSEADDR) == -1) ||
	    (family == AF_INET6 &&
		set_on(fd, IPPROTO_IPV6, IPV6_V6ONLY) == -1) ||
	    bind_to(fd, a) == -1 ||
	    (owner != NULL && net_set_owner(a, owner) == -1) ||
	    listen(fd, backlog) == -1) {
		error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

int
net_set_owner(const struct net_addr *a, const struct net_owner *o)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&a->ss;

	if (a->ss.ss_family != AF_UNIX)
		return 0;
	if ((o->has_user || o->has_group) &&
	    lchown(un->sun_path, o->has_user ? (uid_t)o->user : (uid_t)-1,
		o->has_group ? (gid_t)o->group : (gid_t)-1) == -1)
		return -1;
	return o->has_mode ? chmod(un->sun_path, (mode_t)o->mode) : 0;
}

static int
set_on(int fd, int level, int option)
{
	int on = 1;

	return setsockopt(fd, level, option, &on, sizeof(on));
}

/* A process that died leaves its unix socket behind. */
static int
bind_to(int fd, const struct net_addr *a)
{
	const struct sockaddr *sa = (const struct sockaddr *)&a->ss;
	const struct sockaddr_un *un = (const struct sockaddr_un *)&a->ss;

	if (bind(fd, sa, a->len) == 0)
		return 0;
	if (errno != EADDRINUSE || a->ss.ss_family != AF_UNIX)
		return -1;
	if (!is_stale(a)) {
		errno = EADDRINUSE;
		return -1;
	}
	if (unlink(un->sun_path) == -1 && errno != ENOENT)
		return -1;
	return bind(fd, sa, a->len);
}

/* A socket on which nobody listens, and nothing else than a socket. */
static bool
is_stale(const struct net_addr *a)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&a->ss;
	struct stat st;
	bool stale;
	int fd;

	if (lstat(un->sun_path, &st) == -1)
		return errno == ENOENT;
	if (!S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCKET_FLAGS, 0);
	if (fd == -1)
		return false;
	stale = connect(fd, (const struct sockaddr *)&a->ss, a->len) == -1 &&
	    errno == ECONNREFUSED;
	close(fd);
	return stale;
}

int
net_accept(int fd, struct net_addr *peer_r)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int client;

	do {
		len = sizeof(ss);
		memset(&ss, 0, sizeof(ss));
		client = accept4(fd, (struct sockaddr *)&ss, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
	} while (client == -1 && errno == EINTR);
	if (client == -1)
		return -1;
	if (len == 0) /* a client without a name, on some systems */
		ss.ss_family = AF_UNIX;
	net_from_sockaddr(peer_r, (struct sockaddr *)&ss,
	    len > 0 ? len : (socklen_t)sizeof(struct sockaddr_un));
	if (ss.ss_family != AF_UNIX)
		(void)set_on(client, IPPROTO_TCP, TCP_NODELAY);
	return client;
}

void
net_local(int fd, struct net_addr *local_r)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	memset(&ss, 0, sizeof(ss));
	memset(local_r, 0, sizeof(*local_r));
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0)
		net_from_sockaddr(local_r, (struct sockaddr *)&ss, len);
}

int
net_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags == -1 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int
net_cloexec(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags == -1 ? -1 : fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

/* The port is chosen by connect(), so that one of our own can have many
 * connections to different servers. */
int
net_bind_source(int fd, const struct net_addr *a)
{
	compat_bind_late(fd);
	return bind(fd, (const struct sockaddr *)&a->ss, a->len);
}

int
net_send_fd(int sock, int fd)
{
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	union fd_message control;
	struct msghdr msg;
	struct cmsghdr *cm;
	ssize_t n;

	memset(&control, 0, sizeof(control));
	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = &control;
	msg.msg_controllen = sizeof(control.space);
	cm = CMSG_FIRSTHDR(&msg);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	return n == 1 ? 0 : -1;
}

/* The descriptor, if the message has exactly one; others are closed: whoever
 * sends more must not fill our table with them. */
static int
only_fd(struct msghdr *msg)
{
	int only = -1, count = 0, fd;
	struct cmsghdr *cm;
	size_t i, n;

	for (cm = CMSG_FIRSTHDR(msg); cm != NULL; cm = CMSG_NXTHDR(msg, cm)) {
		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(fd);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(cm) + i * sizeof(fd), sizeof(fd));
			if (count++ == 0)
				only = fd;
			else
				close(fd);
		}
	}
	if (count == 1 && (msg->msg_flags & MSG_CTRUNC) == 0)
		return only;
	if (only != -1)
		close(only);
	return -1;
}

int
net_recv_fd(int sock)
{
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	union fd_messages control;
	struct msghdr msg;
	ssize_t n;
	int fd;

	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = &control;
	msg.msg_controllen = sizeof(control.space);
	do
		n = recvmsg(sock, &msg, 0);
	while (n == -1 && errno == EINTR);
	if (n <= 0) {
		errno = n == 0 ? 0 : errno;
		return -1;
	}
	fd = only_fd(&msg);
	if (fd == -1) {
		errno = EBADMSG;
		return -1;
	}
	(void)net_cloexec(fd);
	return fd;
}

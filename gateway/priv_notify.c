/*
 * Tells the service manager how far the daemon is, as sd_notify(3) describes:
 * a datagram to the socket whose name is in NOTIFY_SOCKET.  Any manager may set
 * it; where it is not set, nobody wants to know.
 */

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "net.h"
#include "priv.h"

static int tell(const char *, const char *);

void
priv_tell_manager(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");

	if (path != NULL && path[0] != '\0' && tell(path, state) == -1)
		log_event(LEVEL_WARN,
		    "can not tell %s to the manager at %s: %s", state, path,
		    strerror(errno));
}

/* "@name" is an abstract socket, which begins with a zero octet. */
static int
tell(const char *path, const char *state)
{
	struct sockaddr_un sa;
	size_t len = strlen(path);
	ssize_t n;
	int error, fd;

	memset(&sa, 0, sizeof(sa));
	sa.sun_family = AF_UNIX;
	if (len >= sizeof(sa.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(sa.sun_path, path, len);
	if (path[0] == '@')
		sa.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (fd == -1 || net_cloexec(fd) == -1 || net_nonblock(fd) == -1) {
		error = errno;
		if (fd != -1)
			close(fd);
		errno = error;
		return -1;
	}
	n = sendto(fd, state, strlen(state), 0, (struct sockaddr *)&sa,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	error = errno;
	close(fd);
	errno = error;
	return n == -1 ? -1 : 0;
}

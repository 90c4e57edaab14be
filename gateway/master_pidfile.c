/*
 * The pid file: locked as long as the master lives, so that a second one is
 * refused and a file that was left behind is not believed.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"
#include "master_priv.h"
#include "mem.h"

static int lock(int, const char *);

int
pidfile_write(struct master *m, const char *path)
{
	char text[32];
	int fd, len;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd == -1) {
		log_event(
		    LEVEL_ERROR, "can not write %s: %s", path, strerror(errno));
		return EX_CANTCREAT;
	}
	if (lock(fd, path) == -1) {
		close(fd);
		return EX_UNAVAILABLE;
	}
	len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) == -1 || write(fd, text, (size_t)len) != len) {
		log_event(
		    LEVEL_ERROR, "can not write %s: %s", path, strerror(errno));
		close(fd);
		return EX_CANTCREAT;
	}
	m->pid_fd = fd;
	m->pid_file = xstrdup(path);
	return EX_OK;
}

static int
lock(int fd, const char *path)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int error;

	if (fcntl(fd, F_SETLK, &fl) == 0)
		return 0;
	error = errno;
	if ((error == EACCES || error == EAGAIN) &&
	    fcntl(fd, F_GETLK, &fl) == 0 && fl.l_type != F_UNLCK)
		log_event(LEVEL_ERROR,
		    "%s: process %ld runs with this pid file already", path,
		    (long)fl.l_pid);
	else
		log_event(
		    LEVEL_ERROR, "can not lock %s: %s", path, strerror(error));
	return -1;
}

void
pidfile_remove(struct master *m)
{
	if (m->pid_fd == -1)
		return;
	(void)unlink(m->pid_file);
	close(m->pid_fd);
	m->pid_fd = -1;
}

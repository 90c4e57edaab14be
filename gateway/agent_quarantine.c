/*
 * Files of quarantined messages: see agent_quarantine.h.
 */

#include "agent_quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static int enter(int, const char *);

int
agent_quarantine_open(struct agent_file *f, const char *directory,
    const char *id, char *path, size_t size)
{
	char part[3][8];
	time_t now = time(NULL);
	struct tm tm;
	int i;

	agent_file_init(f);
	if (gmtime_r(&now, &tm) == NULL) {
		errno = EOVERFLOW;
		return -1;
	}
	snprintf(part[0], sizeof(part[0]), "%04d", (tm.tm_year + 1900) % 10000);
	snprintf(part[1], sizeof(part[1]), "%02d", (tm.tm_mon + 1) % 100);
	snprintf(part[2], sizeof(part[2]), "%02d", tm.tm_mday % 100);
	snprintf(path, size, "%s/%s/%s/%s.eml", part[0], part[1], part[2], id);
	snprintf(f->first, sizeof(f->first), ".%s.new", id);
	snprintf(f->final, sizeof(f->final), "%s.eml", id);
	f->place = ".";
	f->dir = agent_file_directory(directory);
	for (i = 0; i < 3 && f->dir != -1; i++)
		f->dir = enter(f->dir, part[i]);
	if (f->dir == -1) {
		f->first[0] = '\0';
		return -1;
	}
	return agent_file_create(f);
}

/* Goes into a directory below, and never elsewhere by a symbolic link. */
static int
enter(int dir, const char *name)
{
	int fd = -1, error;

	if (agent_file_subdirectory(dir, name) == 0)
		fd = openat(
		    dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	error = errno;
	close(dir);
	errno = error;
	return fd;
}

/*
 * A file on its way into a directory: see agent_file.h.
 */

#include "agent_file.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"

#define PATH_SIZE 1024

static int make_path(const char *);
static bool is_directory(const char *);
static int sync_parent(char *);
static int publish(struct agent_file *);
static int sync_directory(int, const char *);
static int sync_fd(int);
static void close_fd(int *);

void
agent_file_init(struct agent_file *f)
{
	memset(f, 0, sizeof(*f));
	f->dir = -1;
	f->fd = -1;
}

int
agent_file_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd != -1 || errno != ENOENT)
		return fd;
	if (make_path(path) == -1)
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Creates a directory and those above it.  Their entries are synced: a durable
 * file in a directory that a crash takes away would be lost mail. */
static int
make_path(const char *path)
{
	char buf[PATH_SIZE];
	char *end = buf;
	char cut;

	if (compat_strlcpy(buf, path, sizeof(buf)) >= sizeof(buf)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	do {
		end += strspn(end, "/");
		end += strcspn(end, "/");
		cut = *end;
		*end = '\0';
		if (mkdir(buf, 0700) == 0) {
			if (sync_parent(buf) == -1)
				return -1;
		} else if (errno != EEXIST && !is_directory(buf)) {
			return -1;
		}
		*end = cut;
	} while (cut != '\0');
	return 0;
}

/* Leaves errno to mkdir(), whose failure has to be told if it is not. */
static bool
is_directory(const char *path)
{
	int saved = errno;
	struct stat st;
	bool is = stat(path, &st) == 0 && S_ISDIR(st.st_mode);

	errno = saved;
	return is;
}

static int
sync_parent(char *path)
{
	char *slash = strrchr(path, '/');
	int result;

	if (slash == NULL)
		return sync_directory(AT_FDCWD, ".");
	if (slash == path)
		return sync_directory(AT_FDCWD, "/");
	*slash = '\0';
	result = sync_directory(AT_FDCWD, path);
	*slash = '/';
	return result;
}

int
agent_file_subdirectory(int dir, const char *name)
{
	if (mkdirat(dir, name, 0700) == 0)
		return sync_fd(dir);
	return errno == EEXIST ? 0 : -1;
}

int
agent_file_create(struct agent_file *f)
{
	f->fd = openat(f->dir, f->first,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (f->fd == -1)
		f->first[0] = '\0';
	return f->fd == -1 ? -1 : 0;
}

int
agent_file_write(struct agent_file *f, const char *data, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(f->fd, data, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO;
		if (n <= 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int
agent_file_commit(struct agent_file *f)
{
	int fd = f->fd;

	if (fsync(fd) == -1)
		return -1;
	f->fd = -1;
	if (close(fd) == -1 || publish(f) == -1)
		return -1;
	close_fd(&f->dir);
	return 0;
}

/* link(2) never overwrites; where a file system has no links, the name alone
 * has to be unique. */
static int
publish(struct agent_file *f)
{
	int error;

	if (linkat(f->dir, f->first, f->dir, f->final, 0) == 0) {
		unlinkat(f->dir, f->first, 0);
	} else if (errno != EPERM && errno != ENOTSUP && errno != EOPNOTSUPP &&
	    errno != ENOSYS) {
		return -1;
	} else if (renameat(f->dir, f->first, f->dir, f->final) == -1) {
		return -1;
	}
	f->first[0] = '\0';
	if (sync_directory(f->dir, f->place) == -1) {
		error = errno;
		unlinkat(f->dir, f->final, 0);
		errno = error;
		return -1;
	}
	return 0;
}

void
agent_file_abort(struct agent_file *f)
{
	if (f->first[0] != '\0')
		unlinkat(f->dir, f->first, 0);
	close_fd(&f->fd);
	close_fd(&f->dir);
	agent_file_init(f);
}

static int
sync_directory(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result;

	if (fd == -1)
		return -1;
	result = sync_fd(fd);
	close_fd(&fd);
	return result;
}

/* Some file systems can not sync directories and say EINVAL; there is nothing
 * more that can be done then. */
static int
sync_fd(int fd)
{
	return fsync(fd) == 0 || errno == EINVAL ? 0 : -1;
}

/* Keeps errno. */
static void
close_fd(int *fd)
{
	int error = errno;

	if (*fd != -1)
		close(*fd);
	*fd = -1;
	errno = error;
}

/*
 * Writing into a maildir.
 */

#include "agent_maildir.h"

#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"

#define PATH_SIZE 1024
#define HOST_SIZE 96
#define HEADERS_SIZE 1200
#define PIECE_SIZE (32 * 1024)
#define NAME_TRIES 5 /* names that exist already, then give up */

static int open_directory(const char *);
static int make_path(const char *);
static bool is_directory(const char *);
static int sync_parent(char *);
static int make_part(int, const char *);
static int create_file(struct maildir_file *, unsigned);
static void make_name(char *, size_t, unsigned);
static void host_part(char *, size_t);
static void sanitise(char *, size_t, const char *);
static size_t strip_cr(struct maildir_file *, char *, const char *, size_t);
static int write_all(int, const char *, size_t);
static int publish(struct maildir_file *);
static int sync_directory(int, const char *);
static int sync_fd(int);
static void part_name(char *, size_t, const char *, const char *);
static void close_fd(int *);

void
maildir_init(struct maildir_file *f)
{
	memset(f, 0, sizeof(*f));
	f->dir = -1;
	f->fd = -1;
}

int
maildir_open(struct maildir_file *f, const char *path, unsigned serial)
{
	maildir_init(f);
	f->dir = open_directory(path);
	if (f->dir == -1 || make_part(f->dir, "tmp") == -1 ||
	    make_part(f->dir, "new") == -1 || make_part(f->dir, "cur") == -1)
		return -1;
	return create_file(f, serial);
}

static int
open_directory(const char *path)
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

/* tmp, new and cur. */
static int
make_part(int dir, const char *name)
{
	if (mkdirat(dir, name, 0700) == 0)
		return sync_fd(dir);
	return errno == EEXIST ? 0 : -1;
}

static int
create_file(struct maildir_file *f, unsigned serial)
{
	char path[MAILDIR_NAME_MAX + 8];
	int tries = NAME_TRIES;

	do {
		make_name(f->name, sizeof(f->name), serial);
		part_name(path, sizeof(path), "tmp", f->name);
		f->fd = openat(f->dir, path,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	} while (f->fd == -1 && errno == EEXIST && --tries > 0);
	if (f->fd == -1) {
		f->name[0] = '\0';
		return -1;
	}
	return 0;
}

/* The maildir convention: time, what tells deliveries of that second apart,
 * host. */
static void
make_name(char *buf, size_t size, unsigned serial)
{
	struct timeval now;
	char host[HOST_SIZE];

	gettimeofday(&now, NULL);
	host_part(host, sizeof(host));
	snprintf(buf, size, "%lld.M%ldP%ldQ%u.%s", (long long)now.tv_sec,
	    (long)now.tv_usec, (long)getpid(), serial, host);
}

/* '/' can not be in a file name, ':' begins the flags in cur/. */
static void
host_part(char *buf, size_t size)
{
	char host[HOST_SIZE];
	const char *s;
	size_t n = 0;

	if (gethostname(host, sizeof(host)) == -1)
		compat_strlcpy(host, "localhost", sizeof(host));
	host[sizeof(host) - 1] = '\0';
	for (s = host; *s != '\0' && n + 5 < size; s++) {
		if (*s == '/' || *s == ':')
			n += (size_t)snprintf(
			    buf + n, size - n, "\\%03o", (unsigned)*s);
		else
			buf[n++] = *s;
	}
	buf[n] = '\0';
}

int
maildir_headers(struct maildir_file *f, const char *from, const char *to)
{
	char from_text[HEADERS_SIZE / 2 - 50];
	char to_text[HEADERS_SIZE / 2 - 50];
	char buf[HEADERS_SIZE];
	int len;

	sanitise(from_text, sizeof(from_text), from);
	sanitise(to_text, sizeof(to_text), to);
	len = snprintf(buf, sizeof(buf),
	    "Return-Path: <%s>\nDelivered-To: %s\n", from_text, to_text);
	return write_all(f->fd, buf, (size_t)len);
}

/* A line end in an address would end the header. */
static void
sanitise(char *out, size_t size, const char *s)
{
	size_t i;

	for (i = 0; s[i] != '\0' && i + 1 < size; i++) {
		unsigned char c = (unsigned char)s[i];

		out[i] = c < ' ' || c == 0x7f ? '?' : s[i];
	}
	out[i] = '\0';
}

int
maildir_write(struct maildir_file *f, const char *data, size_t len)
{
	char out[PIECE_SIZE + 1]; /* a piece, and the CR kept before it */
	size_t piece;

	for (; len > 0; data += piece, len -= piece) {
		piece = len < PIECE_SIZE ? len : PIECE_SIZE;
		if (write_all(f->fd, out, strip_cr(f, out, data, piece)) == -1)
			return -1;
	}
	return 0;
}

/* Copies a piece without the CRs that belong to line ends; returns the octets
 * in out.  A CR at the end is kept back until its neighbour is known. */
static size_t
strip_cr(struct maildir_file *f, char *out, const char *in, size_t len)
{
	const char *end = in + len;
	const char *cr;
	size_t n = 0;
	size_t run;

	if (f->cr && *in != '\n')
		out[n++] = '\r';
	f->cr = false;
	while (in < end) {
		cr = memchr(in, '\r', (size_t)(end - in));
		run = (size_t)((cr == NULL ? end : cr) - in);
		memcpy(out + n, in, run);
		n += run;
		if (cr == NULL)
			break;
		in = cr + 1;
		if (in == end)
			f->cr = true;
		else if (*in != '\n')
			out[n++] = '\r';
	}
	return n;
}

static int
write_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, data, len);
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
maildir_end(struct maildir_file *f)
{
	bool cr = f->cr;

	f->cr = false;
	return cr ? write_all(f->fd, "\r", 1) : 0;
}

int
maildir_commit(struct maildir_file *f)
{
	int fd = f->fd;

	if (maildir_end(f) == -1)
		return -1;
	if (fsync(fd) == -1)
		return -1;
	f->fd = -1;
	if (close(fd) == -1 || publish(f) == -1)
		return -1;
	close_fd(&f->dir);
	return 0;
}

/* From tmp/ to new/.  link(2) never overwrites; where a file system has no
 * links, the name alone has to be unique. */
static int
publish(struct maildir_file *f)
{
	char from[MAILDIR_NAME_MAX + 8];
	char to[MAILDIR_NAME_MAX + 8];
	int error;

	part_name(from, sizeof(from), "tmp", f->name);
	part_name(to, sizeof(to), "new", f->name);
	if (linkat(f->dir, from, f->dir, to, 0) == 0) {
		unlinkat(f->dir, from, 0);
	} else if (errno != EPERM && errno != ENOTSUP && errno != EOPNOTSUPP &&
	    errno != ENOSYS) {
		return -1;
	} else if (renameat(f->dir, from, f->dir, to) == -1) {
		return -1;
	}
	f->name[0] = '\0';
	if (sync_directory(f->dir, "new") == -1) {
		error = errno;
		unlinkat(f->dir, to, 0);
		errno = error;
		return -1;
	}
	return 0;
}

void
maildir_abort(struct maildir_file *f)
{
	char path[MAILDIR_NAME_MAX + 8];

	if (f->name[0] != '\0') {
		part_name(path, sizeof(path), "tmp", f->name);
		unlinkat(f->dir, path, 0);
	}
	close_fd(&f->fd);
	close_fd(&f->dir);
	maildir_init(f);
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

static void
part_name(char *buf, size_t size, const char *part, const char *name)
{
	snprintf(buf, size, "%s/%s", part, name);
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

/*
 * Writing into a maildir.
 */

#include "agent_maildir.h"

#include <sys/time.h>
#include <sys/types.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"

#define HOST_SIZE 96
#define HEADERS_SIZE 1200
#define PIECE_SIZE (32 * 1024)
#define NAME_TRIES 5 /* names that exist already, then give up */

static int create_file(struct maildir_file *, unsigned);
static void make_name(char *, size_t, unsigned);
static void host_part(char *, size_t);
static void sanitise(char *, size_t, const char *);
static size_t strip_cr(struct maildir_file *, char *, const char *, size_t);

void
maildir_init(struct maildir_file *f)
{
	memset(f, 0, sizeof(*f));
	agent_file_init(&f->file);
}

int
maildir_open(struct maildir_file *f, const char *path, unsigned serial)
{
	maildir_init(f);
	f->file.dir = agent_file_directory(path);
	if (f->file.dir == -1 ||
	    agent_file_subdirectory(f->file.dir, "tmp") == -1 ||
	    agent_file_subdirectory(f->file.dir, "new") == -1 ||
	    agent_file_subdirectory(f->file.dir, "cur") == -1)
		return -1;
	return create_file(f, serial);
}

static int
create_file(struct maildir_file *f, unsigned serial)
{
	int tries = NAME_TRIES, result;

	f->file.place = "new";
	do {
		make_name(f->name, sizeof(f->name), serial);
		snprintf(
		    f->file.first, sizeof(f->file.first), "tmp/%s", f->name);
		snprintf(
		    f->file.final, sizeof(f->file.final), "new/%s", f->name);
		result = agent_file_create(&f->file);
	} while (result == -1 && errno == EEXIST && --tries > 0);
	return result;
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
	return agent_file_write(&f->file, buf, (size_t)len);
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
		if (agent_file_write(
			&f->file, out, strip_cr(f, out, data, piece)) == -1)
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

int
maildir_end(struct maildir_file *f)
{
	bool cr = f->cr;

	f->cr = false;
	return cr ? agent_file_write(&f->file, "\r", 1) : 0;
}

int
maildir_commit(struct maildir_file *f)
{
	return maildir_end(f) == -1 ? -1 : agent_file_commit(&f->file);
}

void
maildir_abort(struct maildir_file *f)
{
	agent_file_abort(&f->file);
	maildir_init(f);
}

#ifndef POSTERN_LOG_OUT_H
#define POSTERN_LOG_OUT_H

/*
 * Where the log's lines go: stderr, a file, or syslog.  Private to log.c.
 *
 * Nothing here waits.  A file or a FIFO is our own non-blocking descriptor;
 * stderr is shared with the terminal and must stay blocking, so it is asked
 * first; syslog is a datagram socket of our own, because syslog(3) waits.
 */

#include <sys/types.h>

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct log_conf;

/* All zero: stderr. */
struct log_out {
	int to;		/* enum log_target of log.h */
	int fd;		/* owned unless stderr; -1 when syslog is away */
	bool is_socket; /* stderr is a stream socket, as under systemd */
	bool torn;	/* a line was written in part: end it first */
	time_t tried;	/* when syslog was connected to last */
	char path[PATH_MAX];
};

/* Replaces the target; on -1 (errno) it is what it was. */
int log_out_open(struct log_out *t, const struct log_conf *conf);
/* Opens the same again; on -1 (errno) it is what it was. */
int log_out_reopen(struct log_out *t);
/* Lets go of it, if it is not stderr. */
void log_out_close(struct log_out *t);
/* Writes whole lines, at most PIPE_BUF octets, or for syslog one line, and
 * returns how many octets were taken. */
size_t log_out_put(struct log_out *t, const char *lines, size_t len);

#endif

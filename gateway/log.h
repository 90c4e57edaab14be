#ifndef POSTERN_LOG_H
#define POSTERN_LOG_H

/*
 * The log: one line per event in logfmt (key=value, values quoted when
 * needed) or JSON, to stderr, to a file or to syslog.  Values are escaped:
 * control characters, quotes and octets above 127 can not break a line, and a
 * line is never longer than LOG_LINE_MAX.  Neither message content nor secrets
 * are given to this module.
 *
 * Lines are collected during a turn of the loop and written by log_flush() in
 * pieces of whole lines.  A receiver that does not take them (a full pipe, a
 * stopped syslogd) costs lines, never time: they are counted and the count is
 * logged as soon as a line gets through again.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LINE_MAX 4000

enum log_level { LEVEL_ERROR, LEVEL_WARN, LEVEL_INFO, LEVEL_DEBUG };
enum log_format { LOG_LOGFMT, LOG_JSON };
enum log_target { LOG_TO_STDERR, LOG_TO_FILE, LOG_TO_SYSLOG };

struct log_conf {
	int to;		  /* enum log_target */
	int level;	  /* enum log_level */
	int format;	  /* enum log_format */
	int facility;	  /* as of syslog(3), LOG_MAIL */
	bool sessions;	  /* a record of each, not only of those that failed */
	const char *path; /* of the file; with LOG_TO_SYSLOG of another socket
			   * than the system's, or NULL */
};

/* Opens the target; -1 with errno if the file can not be had (then all stays
 * as it was).  Before the first call all goes to stderr.  May be called again;
 * conf is not needed any more afterwards. */
int log_open(const struct log_conf *conf);
/* Opens the file again (USR1). */
void log_reopen(void);
/* The same at the next log_flush(): a handler of signals. */
void log_reopen_soon(int signal_number);
void log_flush(void);
/* A process that has nothing to say lets go of a file or of syslog: what it
 * says nevertheless is lost. */
void log_close(void);
/* To be called first in a child process: lines that it finds in the buffer are
 * its parent's, who writes them. */
void log_forked(void);
bool log_wants(enum log_level level);
/* The level is that of level - 1 as long as this is above 0; borrowed, NULL: it
 * is the configured one again.  Handed down to children. */
void log_follow(const _Atomic int *level);

/* A plain event: text becomes msg="...". */
void log_event(enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A wide record, filled key by key.  Lives on the stack. */
struct record {
	size_t len;
	enum log_level level;
	enum log_format format;
	bool cut; /* something did not fit: no more keys */
	char buf[LOG_LINE_MAX + 2];
};
void record_start(struct record *r, enum log_level level, const char *event);
/* NULL is left out. */
void record_str(struct record *r, const char *key, const char *value);
void record_num(struct record *r, const char *key, int64_t value);
void record_real(struct record *r, const char *key, double value);
void record_fmt(struct record *r, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void record_end(struct record *r);

/* For tests: lines go to this function instead (NULL for back), at once, with
 * a NUL and without the line end. */
void log_capture(void (*fn)(const char *line, size_t len));

#endif

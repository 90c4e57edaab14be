/*
 * Log: records are built on the stack of who logs, collected in one buffer,
 * and written by log_flush().
 */

#include "log.h"

#include <sys/types.h>

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "log_out.h"
#include "log_record.h"

#define BUFFER_SIZE (64 * 1024)
#define PIECE_MAX 4096
#define PREFIX_MAX 64 /* "<22>Nov 22 12:00:00 posternd[4194304]: " */

/* All zero: not opened, to stderr. */
static struct {
	struct log_out out;
	bool opened;
	int level;
	int format;
	int facility;
	pid_t pid;	  /* for syslog */
	time_t stamped;	  /* the second of stamp */
	char stamp[40];	  /* the time as text */
	uint64_t dropped; /* lines */
	volatile sig_atomic_t reopen;
	const _Atomic int *follow; /* see log_follow() */
	void (*capture)(const char *line, size_t len);
	size_t len;
	char buf[BUFFER_SIZE];
} state;

static const struct {
	const char *name;
	int severity;
} levels[] = {
	[LEVEL_ERROR] = { "error", LOG_ERR },
	[LEVEL_WARN] = { "warn", LOG_WARNING },
	[LEVEL_INFO] = { "info", LOG_INFO },
	[LEVEL_DEBUG] = { "debug", LOG_DEBUG },
};

static void stamp(struct record *);
static void append(const struct record *);
static size_t syslog_prefix(char *, size_t, enum log_level);
static bool report_dropped(void);
static size_t piece_len(const char *, size_t);
static size_t count_lines(const char *, size_t);

int
log_open(const struct log_conf *conf)
{
	log_flush();
	if (log_out_open(&state.out, conf) == -1)
		return -1;
	state.pid = getpid();
	state.opened = true;
	state.level = conf->level;
	state.format = conf->format;
	state.facility = conf->facility;
	return 0;
}

/* A worker without privileges may not be able to; then it goes on with the old
 * file. */
void
log_reopen(void)
{
	log_flush();
	if (log_out_reopen(&state.out) == -1)
		log_event(LEVEL_ERROR, "can not open %s again: %s",
		    state.out.path, strerror(errno));
}

bool
log_wants(enum log_level level)
{
	int told = 0, own = state.opened ? state.level : (int)LEVEL_INFO;

	if (state.follow != NULL)
		told = atomic_load_explicit(state.follow, memory_order_relaxed);
	return (int)level <= (told > 0 ? told - 1 : own);
}

void
log_follow(const _Atomic int *level)
{
	state.follow = level;
}

void
log_event(enum log_level level, const char *fmt, ...)
{
	char text[LOG_LINE_MAX];
	struct record r;
	va_list ap;

	if (!log_wants(level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	record_start(&r, level, NULL);
	record_str(&r, "msg", text);
	record_end(&r);
}

void
record_start(struct record *r, enum log_level level, const char *event)
{
	record_clear(r, (enum log_format)state.format, level);
	stamp(r);
	record_add(r, "level", levels[level].name);
	record_str(r, "event", event);
}

/* Two digits. */
static char *
put2(char *p, int v)
{
	*p++ = (char)('0' + v / 10 % 10);
	*p++ = (char)('0' + v % 10);
	return p;
}

/* Syslog has a time of its own.  The calendar is asked once a second: there
 * may be thousands of records in one. */
static void
stamp(struct record *r)
{
	struct timespec now;
	struct tm tm;
	int ms;
	char *p;

	if (state.out.to == LOG_TO_SYSLOG)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec != state.stamped) {
		gmtime_r(&now.tv_sec, &tm);
		strftime(state.stamp, sizeof(state.stamp),
		    "%Y-%m-%dT%H:%M:%S.000Z", &tm);
		state.stamped = now.tv_sec;
	}
	ms = (int)(now.tv_nsec / 1000000);
	p = state.stamp + strlen(state.stamp) - 4;
	*p++ = (char)('0' + ms / 100);
	put2(p, ms % 100);
	record_add(r, "time", state.stamp);
}

void
record_end(struct record *r)
{
	record_close(r);
	if (!log_wants(r->level))
		return;
	if (state.capture != NULL) {
		state.capture(r->buf, r->len);
		return;
	}
	append(r);
	if (r->level == LEVEL_ERROR)
		log_flush();
}

void
log_capture(void (*fn)(const char *line, size_t len))
{
	state.capture = fn;
}

static void
append(const struct record *r)
{
	if (r->len + PREFIX_MAX + 1 > sizeof(state.buf) - state.len)
		log_flush();
	if (state.out.to == LOG_TO_SYSLOG)
		state.len +=
		    syslog_prefix(state.buf + state.len, PREFIX_MAX, r->level);
	memcpy(state.buf + state.len, r->buf, r->len);
	state.len += r->len;
	state.buf[state.len++] = '\n';
}

/* The names of months are those of C, whatever the locale is. */
static size_t
syslog_prefix(char *buf, size_t size, enum log_level level)
{
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t now = time(NULL);
	struct tm tm;
	int n;

	localtime_r(&now, &tm);
	n = snprintf(buf, size, "<%d>%s %2d %02d:%02d:%02d posternd[%ld]: ",
	    state.facility | levels[level].severity, months[tm.tm_mon],
	    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (long)state.pid);
	return (size_t)n < size ? (size_t)n : size - 1;
}

void
log_forked(void)
{
	state.pid = getpid();
	state.len = 0;
	state.dropped = 0;
}

void
log_close(void)
{
	log_flush();
	log_out_close(&state.out);
}

void
log_reopen_soon(int signal_number)
{
	(void)signal_number;
	state.reopen = 1;
}

void
log_flush(void)
{
	int saved = errno;
	size_t at = 0, n, done;
	bool ok;

	if (state.reopen) {
		state.reopen = 0;
		log_reopen();
	}
	if (state.len > 0) {
		ok = state.dropped == 0 || report_dropped();
		for (; ok && at < state.len; at += done) {
			n = piece_len(state.buf + at, state.len - at);
			done = log_out_put(&state.out, state.buf + at, n);
			ok = done == n;
		}
		state.dropped += count_lines(state.buf + at, state.len - at);
		state.len = 0;
	}
	errno = saved;
}

static bool
report_dropped(void)
{
	char line[PREFIX_MAX + LOG_LINE_MAX];
	struct record r;
	size_t n = 0;

	record_start(&r, LEVEL_WARN, "log-dropped");
	record_num(&r, "count", (int64_t)state.dropped);
	if (state.out.to == LOG_TO_SYSLOG)
		n = syslog_prefix(line, PREFIX_MAX, r.level);
	memcpy(line + n, r.buf, r.len);
	n += r.len;
	line[n++] = '\n';
	if (log_out_put(&state.out, line, n) != n)
		return false;
	state.dropped = 0;
	return true;
}

/* One line for syslog, else as many whole lines as are written at once. */
static size_t
piece_len(const char *buf, size_t len)
{
	/* A pipe that poll() calls writable has room for so much. */
	size_t max = state.out.to == LOG_TO_STDERR ? PIPE_BUF : PIECE_MAX;
	const char *end = buf, *next;

	while ((next = memchr(end, '\n', len - (size_t)(end - buf))) != NULL) {
		if (end > buf && (size_t)(next + 1 - buf) > max)
			break;
		end = next + 1;
		if (state.out.to == LOG_TO_SYSLOG || end == buf + len)
			break;
	}
	return (size_t)(end - buf);
}

static size_t
count_lines(const char *buf, size_t len)
{
	size_t count = 0, i;

	for (i = 0; i < len; i++)
		count += buf[i] == '\n';
	return count;
}

#ifndef POSTERN_MARKS_H
#define POSTERN_MARKS_H

/*
 * What the operator, or the master, says to all processes at run time: another
 * level of the log, listeners that are paused, that the gateway stops.  In
 * shared memory that the master maps once, so that it outlives workers and
 * configurations.  All atomic; it is read anywhere, at any time.
 */

#include <stdbool.h>

#define MARKS_PAUSED_MAX 64 /* listeners */

struct marks;

/* NULL when the memory can not be had. */
struct marks *marks_new(void);
void marks_free(struct marks **mp);

/* The log's level instead of the configured one (enum log_level); negative:
 * the configured one. */
void marks_set_level(struct marks *m, int level);
int marks_level(const struct marks *m);
/* For log_follow(): 0, or the level + 1. */
const _Atomic int *marks_log(const struct marks *m);

/* A listener takes no new clients, by name, whatever the configuration is.
 * False: too many are paused. */
bool marks_pause(struct marks *m, const char *listener);
void marks_resume(struct marks *m, const char *listener);
bool marks_paused(const struct marks *m, const char *listener);

/* The gateway is about to stop; there is no way back. */
void marks_stop(struct marks *m);
bool marks_stopping(const struct marks *m);

#endif

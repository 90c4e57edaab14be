#ifndef POSTERN_WORKER_CONTROL_H
#define POSTERN_WORKER_CONTROL_H

/*
 * A worker's end of the way to the admin process (control.h): tells of its
 * sessions, closes one, shows what a client says, looks at the marks again.
 * Nothing here waits: an answer goes out as the socket takes it, and of a
 * transcript that nobody reads lines are left out and counted.
 */

struct front;
struct worker_control;

/* front is borrowed; fd is not closed.  marks is called when they may have
 * changed.  NULL if fd is -1. */
struct worker_control *worker_control_new(
    struct front *f, int fd, void (*marks)(void *ctx), void *ctx);
void worker_control_free(struct worker_control **wp);

#endif

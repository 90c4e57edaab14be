#ifndef POSTERN_ADMIN_H
#define POSTERN_ADMIN_H

/*
 * The admin process: what one process does for the whole gateway and mail does
 * not wait for.  It checks the backends' servers and serves the control socket.
 * Unprivileged; belongs to one configuration, as a worker does; ends on TERM or
 * with the master.
 */

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

struct caps;
struct config;
struct loop;
struct marks;
struct servers;
struct stats;

struct admin_start {
	const struct config *config;
	struct servers *servers;
	struct caps *caps; /* may be NULL */
	struct stats *stats;
	struct marks *marks;
	int master_fd;	 /* end of file: the master is gone */
	int control_fd;	 /* listens, non-blocking; -1: none */
	int reload_fd;	 /* takes those who ask for a reload */
	int *worker_fds; /* owned; of all generations, see control.h */
	unsigned worker_count;
	unsigned workers; /* of this generation */
	pid_t master;
};

/* Runs until the end; returns the exit code. */
int admin_run(const struct admin_start *start);

/* The control socket (admin_control.c). */
struct control;
/* start is borrowed; NULL if there is no socket. */
struct control *control_new(struct loop *l, const struct admin_start *start);
/* Takes nobody any more, and ends transcripts.  False: nobody waits for an
 * answer. */
bool control_close(struct control *c);
/* Whoever waits for an answer is told that there will be none. */
void control_free(struct control **cp);

/* What the admin process knows by itself (admin_tell.c). */
struct control_text;
/* silent: workers that did not answer. */
void admin_tell_status(
    const struct admin_start *start, unsigned silent, struct control_text *t);
void admin_tell_backends(
    const struct admin_start *start, int64_t now, struct control_text *t);

#endif

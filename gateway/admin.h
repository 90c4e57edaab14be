#ifndef POSTERN_ADMIN_H
#define POSTERN_ADMIN_H

/*
 * The admin process: what one process does for the whole gateway and mail does
 * not wait for.  Today it checks the backends' servers.  Unprivileged; belongs
 * to one configuration, as a worker does; ends on TERM or with the master.
 */

struct caps;
struct config;
struct servers;

struct admin_start {
	const struct config *config;
	struct servers *servers;
	struct caps *caps; /* may be NULL */
	int master_fd;	   /* end of file: the master is gone */
};

/* Runs until the end; returns the exit code. */
int admin_run(const struct admin_start *start);

#endif

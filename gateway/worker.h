#ifndef POSTERN_WORKER_H
#define POSTERN_WORKER_H

/*
 * A worker process: one event loop with listeners, sessions, chains, relay.
 * Unprivileged.  Ends when the master's socket closes, at once, or on SIGTERM
 * after a drain.
 */

struct caps;
struct config;
struct inflight;
struct journal;
struct marks;
struct rates;
struct servers;
struct stats;

struct worker_start {
	const struct config *config;
	struct stats *stats;
	struct servers *servers;
	struct journal *journal;
	struct inflight *inflight; /* with columns as rates */
	unsigned number;	   /* column in the shared memory */
	struct caps *caps;
	struct rates *rates;
	unsigned rates_column; /* RATES_NO_COLUMN: none was free */
	const int *listen_fds; /* in the order of listeners and addresses */
	int master_fd;	       /* end of file: the master is gone */
	int agent_fd;	       /* -1: no agent */
	int checker_fd;	       /* -1: no checkers */
	struct marks *marks;
	int control_fd; /* to the admin process; -1: none */
};

/* Runs until the end; returns the exit code. */
int worker_run(const struct worker_start *start);

#endif

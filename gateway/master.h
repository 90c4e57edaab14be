#ifndef POSTERN_MASTER_H
#define POSTERN_MASTER_H

/*
 * The master process: opens the listening sockets, maps the shared memory,
 * drops privileges in the children, forks workers and agent, starts again what
 * dies (with a pause when it keeps dying).  Parses nothing from the network.
 * TERM and INT drain and end; HUP reads the configuration again and, if it is
 * good, replaces the workers; USR1 reopens the log.
 */

struct config;

/* Takes the configuration.  Returns the exit code (sysexits). */
int master_run(struct config **config);

#endif

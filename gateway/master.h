#ifndef POSTERN_MASTER_H
#define POSTERN_MASTER_H

/*
 * The master process: opens the listening sockets, maps the shared memory,
 * drops privileges in the children, forks workers and agent, starts again what
 * dies (with a pause when it keeps dying).  Parses nothing from the network.
 * TERM and INT drain and end; USR1 reopens the log; at HUP the program that is
 * on the disk reads the configuration, and if it is good, takes over.
 */

struct config;

/* Takes the configuration.  pid_file: of -p, or NULL; argv: of the start, to be
 * used again at a reload.  All return the exit code (sysexits). */
int master_run(struct config **config, const char *pid_file, char **argv);

/* The master of before has executed this program: goes on from there.  It has
 * set this variable. */
#define MASTER_HANDOVER_ENV "POSTERN_HANDOVER"
int master_take_over(const char *file, const char *pid_file, char **argv);
/* It only wants to know whether this program could take over, with this
 * configuration. */
int master_try(const char *file);

#endif

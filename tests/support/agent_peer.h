#ifndef POSTERN_AGENT_PEER_H
#define POSTERN_AGENT_PEER_H

/*
 * The other side of an agent process, for cmocka: the process is forked, with a
 * directory of its own, and the test is the worker and the master.  A failed
 * expectation fails the test.
 */

#include <sys/types.h>
#include <sys/resource.h>

#include <stdbool.h>
#include <stddef.h>

extern char agent_top[];  /* the directory, from agent_set_up() on */
extern int agent_control; /* the master's end; -1: closed */
extern pid_t agent_pid;

/* Of the group: the directory and a process. */
int agent_set_up(void **state);
int agent_tear_down(void **state);
/* limit: octets of a file, 0 for no limit. */
void agent_start_peer(rlim_t limit);
void agent_stop_peer(void);

/* A link, as a worker has one; to be closed. */
int agent_link(void);
void agent_put(int fd, const char *data, size_t len);
void agent_put_text(int fd, const char *text);
/* The head of a message of this size for a maildir. */
void agent_put_head(int fd, const char *maildir, size_t size);
/* A whole message for a quarantine. */
void agent_put_quarantine(
    int link, const char *name, const char *id, const char *content);
/* Reads one line; "" at the end of file.  Valid until the next call. */
const char *agent_get_line(int fd);
void agent_expect_reply(int fd, const char *start);

/* Entries of MAILDIR/part, -1 if it is not there; the last one's path in
 * path_r. */
int agent_count(
    const char *maildir, const char *part, char *path_r, size_t size);
void agent_expect_files(const char *maildir, int in_new);
/* The only message of a maildir is the usual headers and this content. */
void agent_expect_message(const char *maildir, const char *content, size_t len);

/* Runs it to its end, with up to four arguments; did it succeed? */
bool agent_run_program(const char *program, const char *a, const char *b,
    const char *c, const char *d);

#endif

#ifndef POSTERN_AGENT_PROGRAM_H
#define POSTERN_AGENT_PROGRAM_H

/*
 * The programs that the agent runs (sendmail).  Which ones, and how, comes from
 * the configuration when the agent starts; a worker only names one of them.  No
 * shell is involved: recipients and senders are arguments, never words of a
 * command.  The message is a finished file, so that a program never sees half
 * of one.
 */

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend.h"

struct agent_program {
	const char *name; /* of its backend section */
	struct backend_program program;
	unsigned running;
};

struct agent_run {		  /* one that runs */
	struct agent_program *of; /* borrowed; NULL: none */
	pid_t pid;
	int output;   /* what it says; -1: it says no more */
	int64_t ends; /* agent_now(): when it is killed */
	bool killed;
	char said[200]; /* the beginning of it */
	size_t said_len;
};

int64_t agent_now(void);

/* An unlinked file for a message; -1 with errno. */
int agent_program_file(const char *directory);

/* Starts "PATH ARGUMENTS -i -f FROM -- TO" with the file as its input; 0, or -1
 * with errno.  A null sender is "<>". */
int agent_program_start(struct agent_run *run, struct agent_program *of,
    int file, const char *from, const char *to);
/* Reads what it says. */
void agent_program_read(struct agent_run *run);
/* Has it ended?  Kills it when its time is over.  *reply_r: static, by its exit
 * code. */
bool agent_program_ended(struct agent_run *run, const char **reply_r);

/* The reply for a status of wait(), by sysexits(3). */
const char *agent_program_reply(int status);

#endif

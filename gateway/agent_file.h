#ifndef POSTERN_AGENT_FILE_H
#define POSTERN_AGENT_FILE_H

/*
 * A file on its way into a directory, for what must survive a crash: written
 * under a name that nobody looks for, synced, and only then given its own,
 * which is synced too.  Whatever goes wrong before leaves nothing behind.  All
 * calls block; they belong into the agent process.
 *
 * 0, or -1 with errno; after -1 only agent_file_abort() is of use.
 */

#include <stddef.h>

#define AGENT_FILE_NAME_MAX 240

struct agent_file {
	int dir; /* owned; the directory; -1: no file is open */
	int fd;	 /* owned; the file under its first name */
	char first[AGENT_FILE_NAME_MAX]; /* both below dir; set by the caller */
	char final[AGENT_FILE_NAME_MAX];
	const char *place; /* static: the directory of final, below dir */
};

void agent_file_init(struct agent_file *f);
/* Opens a directory, and makes it and those above it if they are missing.  -1
 * with errno. */
int agent_file_directory(const char *path);
/* Makes a directory in another one, if it is missing. */
int agent_file_subdirectory(int dir, const char *name);
/* Makes the file; dir and first are set. */
int agent_file_create(struct agent_file *f);
int agent_file_write(struct agent_file *f, const char *data, size_t len);
/* Makes it durable and visible, and closes.  Nothing is ever overwritten. */
int agent_file_commit(struct agent_file *f);
/* Removes what there is of it; does nothing after a commit. */
void agent_file_abort(struct agent_file *f);

#endif

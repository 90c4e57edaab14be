#ifndef POSTERN_AGENT_MAILDIR_H
#define POSTERN_AGENT_MAILDIR_H

/*
 * One message on its way into a maildir: written to tmp/, synced, and only
 * then given a name in new/.  Whatever goes wrong before leaves nothing
 * behind.  All calls block; they belong into the agent process.
 */

#include <stdbool.h>
#include <stddef.h>

#include "agent_file.h"

#define MAILDIR_NAME_MAX 200

struct maildir_file {
	struct agent_file file;
	bool cr; /* a CR at the end of the last piece waits for its LF */
	char name[MAILDIR_NAME_MAX];
};

void maildir_init(struct maildir_file *f);
/* Creates the maildir when it is missing, and the file; serial tells messages
 * of one process apart.  0, or -1 with errno, as the calls below; after -1 only
 * maildir_abort() is of use. */
int maildir_open(struct maildir_file *f, const char *path, unsigned serial);
/* Writes "Return-Path: <from>" and "Delivered-To: to". */
int maildir_headers(struct maildir_file *f, const char *from, const char *to);
/* Appends content; CRLF becomes LF, also when it is cut between two calls. */
int maildir_write(struct maildir_file *f, const char *data, size_t len);
/* A CR that waits is one. */
int maildir_end(struct maildir_file *f);
/* Makes the message durable and visible, and closes. */
int maildir_commit(struct maildir_file *f);
/* Removes what there is of the message; does nothing after a commit. */
void maildir_abort(struct maildir_file *f);

#endif

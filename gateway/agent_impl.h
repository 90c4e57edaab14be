#ifndef POSTERN_AGENT_IMPL_H
#define POSTERN_AGENT_IMPL_H

/*
 * Private to the agent process.
 *
 * agent.c		its loop; requests and content
 * agent_answer.c	what a link is told
 */

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent.h"
#include "agent_maildir.h"
#include "agent_program.h"
#include "agent_quarantine.h"
#include "agent_request.h"

#define INPUT_SIZE (64 * 1024)

enum link_state {
	LINK_REQUEST, /* reads the head of a request */
	LINK_CONTENT, /* reads content */
	LINK_WAITING, /* for other programs to end */
	LINK_RUNNING, /* a program has the message */
	LINK_CLOSING  /* writes what is in out, then closes */
};

struct agent_link {
	LIST_ENTRY(agent_link) entry;
	struct agent *agent; /* borrowed */
	int fd;
	enum link_state state;
	struct agent_request request;
	char line[AGENT_LINE_MAX];
	size_t line_len;
	struct maildir_file file; /* of all kinds of requests */
	char path[AGENT_QUARANTINE_PATH_MAX];
	uint64_t left; /* octets of content that are still to come */
	struct agent_run run;
	unsigned turn; /* who waits longest has the lowest */
	int error;     /* errno: the rest of the content is thrown away */
	char out[1024];
	size_t out_len;
};
LIST_HEAD(agent_links, agent_link);

struct agent {
	int control; /* -1 when it was closed */
	const struct agent_conf *conf;
	struct agent_links links;
	unsigned count;
	unsigned serial;	/* of messages, for their names */
	char input[INPUT_SIZE]; /* of the link that is being read */
};

/* Remembers errno and leaves nothing of the message behind. */
void agent_failed(struct agent_link *l);
/* The message is safe; or why it is not. */
void agent_say_saved(struct agent_link *l);
void agent_say_failed(struct agent_link *l);
/* A peer that sends requests without reading what became of them is cut. */
void agent_answer(struct agent_link *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* False: the peer is gone. */
bool agent_write_out(struct agent_link *l);

#endif

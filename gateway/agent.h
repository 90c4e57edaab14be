#ifndef POSTERN_AGENT_H
#define POSTERN_AGENT_H

/*
 * The agent process does what must block: it writes maildirs and quarantines
 * (file and directory synced before it answers) and runs programs
 * (agent_program.h).  Workers pass it one end of a socketpair per delivery over
 * control_fd (net_send_fd()); on it comes a request, and it answers in the
 *shape of SMTP replies, so that the worker talks to it like to any server:
 *
 *	worker	maildir PATH\n		PATH percent-encoded: %, space, controls
 *		sendmail NAME\n		instead: the program of that backend
 *		from ADDRESS\n		reverse-path without brackets, encoded
 *		to ADDRESS\n		encoded
 *		size OCTETS\n		of what follows the next line
 *		\n
 *		(content, CRLF line ends)
 *
 *	worker	quarantine NAME\n	of the filter
 *		id ID\n			of the transaction
 *		size OCTETS\n
 *		\n
 *		(content, kept as it is)
 *
 *	agent	250 2.0.0 ...\r\n | 452 4.3.1 ...\r\n | 451 4.3.0 ...\r\n
 *		350 ...\r\n		nobody knows whether it was delivered
 *
 * One request has one recipient; requests follow one another on a link.
 */

#include <stdbool.h>
#include <stddef.h>

struct agent_program;
struct agent_quarantine;

struct agent_conf {
	struct agent_program *programs; /* that it may run */
	size_t program_count;
	struct agent_quarantine *quarantines; /* that it may write */
	size_t quarantine_count;
	const char *directory; /* for messages to them */
};

/* Runs until control_fd is closed; returns the exit code. */
int agent_run(int control_fd, const struct agent_conf *conf);

/* The same for who has a loop of his own. */
struct agent;
struct agent *agent_new(int control_fd, const struct agent_conf *conf);
void agent_free(struct agent **ap);
/* Does what there is to do, waiting for it or not; false: there was nothing. */
bool agent_turn(struct agent *a, bool wait);

#endif

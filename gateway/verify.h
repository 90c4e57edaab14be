#ifndef POSTERN_VERIFY_H
#define POSTERN_VERIFY_H

/*
 * Recipients are asked for at the backend while the client waits for the reply
 * to RCPT: as soon as a message has several of them, because the one reply
 * behind the message could not tell which was refused (DESIGN section 6).
 */

#include <stdbool.h>

struct session;

/* The recipient that was given last has passed the filters.  False: it needs
 * no verification.  True: its reply was given, or will be. */
bool verify_begins(struct session *s);

#endif

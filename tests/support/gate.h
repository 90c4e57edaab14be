#ifndef POSTERN_GATE_H
#define POSTERN_GATE_H

/*
 * A worker without its process: everything that worker.c puts together, with
 * a scripted clock and without listening sockets.
 */

#include <stdbool.h>
#include <stddef.h>

#include "session.h"

struct chain;
struct config;
struct router;

struct gate {
	const struct config *config; /* borrowed */
	struct front front;
	struct router *router; /* owned, as the next */
	struct chain *chain;   /* of the first listener */
};

/* Loads the configuration of a transcript.  @BACKEND@, @BACKEND2@ and @NOBODY@
 * are addresses in dir, @CERT@ and @KEY@ files with a new certificate, @SECRET@
 * one with a password; they are left there.  The resolver asks dns (NULL:
 * nobody), whatever is written.  NULL after having said why on stdout. */
struct config *gate_config(const char *dir, const char *name, const char *text,
    const struct net_addr *dns);

void gate_open(struct gate *g, const struct config *c);
/* A client from address, whose end is *fd_r; -1 if the address is none. */
int gate_connect(struct gate *g, const char *address);
void gate_drain(struct gate *g);
/* What is still there that should not be; NULL if all is well. */
const char *gate_leftover(const struct gate *g);
/* Frees all.  NULL, or what was left. */
const char *gate_close(struct gate *g);

/* The last log line of an event ("mail", "session"), NULL if there is none;
 * "" for the last line of any other event. */
const char *gate_log(const char *event);

#endif

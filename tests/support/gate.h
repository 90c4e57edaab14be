#ifndef POSTERN_GATE_H
#define POSTERN_GATE_H

/*
 * A worker without its process: everything that worker.c puts together, with
 * a scripted clock and without listening sockets.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "agent.h"
#include "chain.h"
#include "session.h"

struct caps;
struct config;
struct router;
struct servers;

struct gate {
	const struct config *config; /* borrowed */
	struct front front;
	struct router *router; /* owned, as the next */
	struct chain *chain;   /* of the first listener */
	struct servers *servers;
	struct services services;
	int checker_fds[2]; /* for filters, for gate_work() */
	struct agent_conf agent_conf;
	struct agent *agent; /* owned; for filters that keep messages */
	struct caps *caps;
};

/* Loads the configuration of a transcript.  @BACKEND@ to @BACKEND4@, @NOBODY@
 * and @NOBODY2@ are addresses in dir, @CERT@ and @KEY@ files with a new
 * certificate, @SECRET@ one with a password, @HOSTS@ a hosts(5)
 * with known.test; they are left there.  The resolver
 * asks dns (NULL: nobody), whatever is written; @NAMED@ is mail.test with this
 * port.  NULL after having said why on stdout. */
struct config *gate_config(const char *dir, const char *name, const char *text,
    const struct net_addr *dns, int port);

void gate_open(struct gate *g, const struct config *c);
/* A client from address, whose end is *fd_r; -1 if the address is none. */
int gate_connect(struct gate *g, const char *address);
/* Does what other processes would do; true if there was something. */
bool gate_work(struct gate *g);
/* TERM, or (retire) HUP. */
void gate_drain(struct gate *g, bool retire);
/* An operator drains a server ("backend/server"), or enables it again. */
bool gate_server(struct gate *g, const char *name, bool drain);
/* What is known of servers: "nothing", or "BACKEND/SERVER" and "down" or lines
 * of a reply to EHLO with commas between them.  At first it is known of all of
 * them that they offer 8BITMIME.  False: that is none of it. */
bool gate_offers(struct gate *g, const char *text);
/* What is still there that should not be; NULL if all is well. */
const char *gate_leftover(const struct gate *g);
/* Frees all.  NULL, or what was left. */
const char *gate_close(struct gate *g);

/* The last log line of an event ("mail", "session"), NULL if there is none;
 * "" for the last line of any other event. */
const char *gate_log(const char *event);
/* From now on every log line is written to f, too. */
void gate_records(FILE *f);
bool gate_records_all(void);

#endif

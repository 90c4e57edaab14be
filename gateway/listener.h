#ifndef POSTERN_LISTENER_H
#define POSTERN_LISTENER_H

/*
 * Accepts clients on the listening sockets, which the master has opened and
 * which outlive this process.
 */

#include <stdbool.h>
#include <stddef.h>

struct chain;
struct front;
struct listener;
struct listener_conf;

/* Listens on one descriptor (borrowed: it is not closed here). */
struct listener *listener_new(struct front *f, const struct listener_conf *lc,
    struct chain *chain, int fd);
/* Takes no clients, or takes them again: new ones wait in the kernel. */
void listener_pause(struct listener *l, bool paused);
void listener_free(struct listener **lp);

#endif

#ifndef POSTERN_GREET_H
#define POSTERN_GREET_H

/*
 * Opening the session of a link (banner, EHLO and whatever else the protocol
 * does before the first transaction) without a message: for checks, and for
 * connections that a pool opens in advance.  It is a delivery that has nothing
 * to deliver, so the protocol's own code does it.
 */

#include <stdint.h>

struct backend_conf;
struct greets;
struct link;
struct loop;
struct pool;
struct relay;

/* All that are under way.  relay is borrowed. */
struct greets *greets_new(struct loop *l, struct relay *relay);
/* Drops their links. */
void greets_free(struct greets **gp);

/* Takes a link that was just opened.  done is called once, from the loop, and
 * gets it back: ready for a transaction, or of no use when why is not NULL. */
void greet(struct greets *g, const struct backend_conf *conf, struct link *l,
    int64_t deadline, void (*done)(void *ctx, struct link *l, const char *why),
    void *ctx);

/* Does it for the links that a pool opens in advance. */
void greets_serve(struct greets *g, struct pool *p);

#endif

#ifndef POSTERN_CHECKS_H
#define POSTERN_CHECKS_H

/*
 * Active checks: one process connects to each server of the backends that ask
 * for it, now and then, opens a session, says QUIT, and writes down what came
 * of it (servers.h).
 */

#include <stdbool.h>
#include <stddef.h>

struct backend_conf;
struct caps;
struct checks;
struct greets;
struct loop;
struct servers;

/* Has any backend a check section? */
bool checks_wanted(const struct backend_conf *conf, size_t count);

/* All borrowed; caps may be NULL.  The first checks are soon. */
struct checks *checks_new(struct loop *l, const struct backend_conf *conf,
    size_t count, struct servers *servers, struct caps *caps,
    struct greets *greets);
/* The greets are to be freed before. */
void checks_free(struct checks **cp);

#endif

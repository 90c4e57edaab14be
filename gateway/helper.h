#ifndef POSTERN_HELPER_H
#define POSTERN_HELPER_H

/*
 * The helpers of a worker: one for each filter instance whose type has a
 * helper_type, shared by all listeners that use the instance.  What filters do
 * with them stands in filter.h.
 *
 * A helper is DOWN until somebody asks; then it connects, and greets.  A
 * request is an op of the filter call that made it, from fc_ask() to the last
 * answer: also while the filter waits for something else (the client), so that
 * it is cancelled with the call.
 */

#include <stddef.h>

struct filter_instance;
struct helper;
struct helpers;
struct loop;

/* instances are borrowed. */
struct helpers *helpers_new(
    struct loop *l, const struct filter_instance *instances, size_t count);
/* Closes the connections; nobody may be waiting any more. */
void helpers_free(struct helpers **hp);
/* NULL: the instance has none. */
struct helper *helpers_find(
    struct helpers *hs, const struct filter_instance *fi);
/* Connections that are open, for tests. */
unsigned helpers_open(const struct helpers *hs);

#endif

#ifndef POSTERN_NAMES_H
#define POSTERN_NAMES_H

/*
 * The addresses of backends' servers that are configured by name: looked up in
 * each process, and again when the answer is old.
 *
 * A lookup that fails (time-out, SERVFAIL) keeps what is known; an answer, also
 * one that says that there is nothing, replaces it.
 */

#include <stdbool.h>
#include <stddef.h>

struct backend_conf;
struct dns;
struct loop;
struct names;
struct server_conf;

/* The addresses of a server are others now (pool_addrs()). */
typedef void names_changed_fn(
    void *ctx, const struct backend_conf *backend, const struct server_conf *s);

/* Begins to look up; dns and conf are borrowed. */
struct names *names_new(struct loop *l, struct dns *dns,
    const struct backend_conf *conf, size_t count, names_changed_fn *changed,
    void *ctx);
void names_free(struct names **np);
/* How many are not known yet, neither their addresses nor that they have none.
 */
size_t names_unknown(const struct names *n);

#endif

#ifndef POSTERN_STRSET_H
#define POSTERN_STRSET_H

/*
 * A set of strings (domains), each with a number, compared without case
 * (ASCII).  Built once, looked up often, never made smaller.  The strings are
 * borrowed.
 */

#include <stdbool.h>
#include <stddef.h>

struct strset;

/* expected: how many strings will come; more may. */
struct strset *strset_new(size_t expected);
void strset_free(struct strset **sp);
/* False if the string is there already; then it keeps its number. */
bool strset_add(struct strset *s, const char *text, unsigned number);
/* False if it is not there. */
bool strset_find(const struct strset *s, const char *text, unsigned *number_r);

#endif

#ifndef POSTERN_MAILDATE_H
#define POSTERN_MAILDATE_H

/*
 * The date in header fields (RFC 5322 3.3, with the obsolete forms of 4.3:
 * comments, years of two and three digits, zones by name).  Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of an unfolded value; seconds since 1970.  A day of the week must be one, but
 * need not be the right one.  False if it is no date, or one before 1900. */
bool maildate_parse(const char *value, int64_t *seconds_r);

/* RFC 5322 3.3, in UTC. */
#define MAILDATE_SIZE 48
void maildate_format(char *buf, size_t size, int64_t seconds);

#endif

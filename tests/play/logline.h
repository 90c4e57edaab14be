#ifndef POSTERN_PLAY_LOGLINE_H
#define POSTERN_PLAY_LOGLINE_H

/*
 * Looks for key=value pairs in a log line.
 */

#include <stdbool.h>
#include <stddef.h>

/* Are all pairs (key=pattern, key="pattern") in the line?  A key that is not
 * there counts as empty.  If not, the pair that is missing goes to buf. */
bool logline_check(const char *line, const char *pairs, char *buf, size_t size);

#endif

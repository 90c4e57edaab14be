#ifndef POSTERN_CHECKER_H
#define POSTERN_CHECKER_H

/*
 * The checkers: processes that do for filters what may block, today compare
 * passwords with their hashes (fc_check() of filter.h).  All of a generation
 * read from one socket, so that whoever is free takes the next question:
 *
 *	worker	passes one end of a socket pair (net_send_fd()), in which stands
 *		already: instance NUL user NUL password NUL
 *	checker	answers with one octet, '1' right or '0' wrong, and closes
 *
 * Whoever asks closes its end when it does not want to know any more.
 */

#include <stdbool.h>
#include <stddef.h>

struct filter_instance;

/* Runs until no worker is left; returns the exit code. */
int checker_run(
    int control_fd, const struct filter_instance *list, size_t count);
/* One question, if there is one; false: none, or (errno 0) there will be no
 * other. */
bool checker_turn(
    int control_fd, const struct filter_instance *list, size_t count);

#endif

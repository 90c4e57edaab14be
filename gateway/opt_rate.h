#ifndef POSTERN_OPT_RATE_H
#define POSTERN_OPT_RATE_H

/*
 * Rates as text: "600/1m".  Private to opt*.c.
 */

#include "opt.h"

/* min and max are the option's, for the count.  "" is none: 0.  Returns 0, or
 * -1 with the reason in err. */
int opt_rate_parse(const struct opt *o, const char *text,
    struct opt_rate *rate_r, char *err, size_t err_size);

#endif

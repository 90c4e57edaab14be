/*
 * Rates: see opt_rate.h.  Count and period are options of their own, so that
 * they are read, and complained of, as everywhere else.
 */

#include "opt_rate.h"

#include <stdio.h>
#include <string.h>

#include "compat.h"

#define COUNT_SIZE 24

int
opt_rate_parse(const struct opt *o, const char *text, struct opt_rate *rate_r,
    char *err, size_t err_size)
{
	const struct opt parts[] = {
		{ .type = OPT_NUMBER,
		    .offset = offsetof(struct opt_rate, count),
		    .min = o->min,
		    .max = o->max },
		{ .type = OPT_DURATION,
		    .offset = offsetof(struct opt_rate, period),
		    .min = 1000,
		    .max = 86400000 },
	};
	static const char *const names[] = { "count", "period" };
	const char *slash = strchr(text, '/'), *texts[2];
	struct opt_rate rate = { 0, 0 };
	char count[COUNT_SIZE], why[200];
	size_t i;

	if (text[0] == '\0') {
		*rate_r = rate;
		return 0;
	}
	if (slash == NULL || slash == text || slash[1] == '\0' ||
	    (size_t)(slash - text) >= sizeof(count)) {
		snprintf(err, err_size,
		    "must be a rate like 600/1m, or \"\" for none, "
		    "not \"%s\"",
		    text);
		return -1;
	}
	compat_strlcpy(count, text, (size_t)(slash - text) + 1);
	texts[0] = count;
	texts[1] = slash + 1;
	for (i = 0; i < nitems(parts); i++) {
		if (opt_set(&parts[i], &rate, NULL, &texts[i], 1, why,
			sizeof(why)) == 0)
			continue;
		snprintf(err, err_size, "has a bad %s in \"%s\": it %s",
		    names[i], text, why);
		return -1;
	}
	*rate_r = rate;
	return 0;
}

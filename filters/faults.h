#ifndef POSTERN_FILTERS_FAULTS_H
#define POSTERN_FILTERS_FAULTS_H

/*
 * What a filter that has several tests does when one of them fails: refuse,
 * take karma away, set a flag; each test may be in any of these lists.  What is
 * in none is not tested at all.
 */

#include <stdbool.h>
#include <stddef.h>

#include "gateway/filter.h"

#define FAULTS_MAX 16

struct fault {		  /* a table of these, without a name at the end */
	const char *name; /* in the configuration */
	const char *flag; /* the flag's key; static */
	const char *enhanced;
	const char *text; /* for the client */
};

struct faults_conf {
	struct opt_list deny;
	struct opt_list karma; /* "name" or "name:points" */
	struct opt_list flag;
	unsigned denied; /* sets of indexes into the table: 1 << index */
	unsigned flagged;
	unsigned tested; /* in any of the lists */
	unsigned points[FAULTS_MAX];
};

/* Rows for the table of options; base is the offset of the faults_conf. */
#define FAULTS_OPTIONS(base)                                                \
	{ .name = "deny",                                                   \
		.type = OPT_LIST,                                           \
		.offset = (base) + offsetof(struct faults_conf, deny),      \
		.help = "faults that are refused" },                        \
	    { .name = "karma",                                              \
		    .type = OPT_LIST,                                       \
		    .offset = (base) + offsetof(struct faults_conf, karma), \
		    .help =                                                 \
			"faults that cost karma, with the points behind a " \
			"colon (1)" },                                      \
	{                                                                   \
		.name = "flag", .type = OPT_LIST,                           \
		.offset = (base) + offsetof(struct faults_conf, flag),      \
		.help = "faults that set a flag for other filters"          \
	}

/* Makes sets of the lists.  False, and say why not. */
bool faults_prepare(struct faults_conf *conf, const struct fault *table,
    char *say, size_t size);
/* Writes the found ones to fact (none: ""), sets flags, and takes karma for
 * those not in *charged, which may be NULL.  Then PASS, or REJECT with code and
 * the text of the first one that is denied. */
enum verdict faults_judge(struct filter_call *fc,
    const struct faults_conf *conf, const struct fault *table, unsigned found,
    unsigned *charged, const char *fact, int code);

#endif

#ifndef POSTERN_OPT_H
#define POSTERN_OPT_H

/*
 * Options of the configuration.  Each module declares its options in one table
 * of struct opt; that table is the single source for parsing, for the checks
 * of "posternd -n", for "posternd -L" and for the comparison with the manual.
 *
 * This module turns texts into values of a configuration struct.  It knows
 * nothing of the file's syntax (conf.c does), and nothing of what the values
 * are for.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net.h"

struct arena;

enum opt_type {
	OPT_BOOL,     /* bool: yes, no (also true, false, on, off) */
	OPT_NUMBER,   /* int64_t */
	OPT_SIZE,     /* int64_t, octets: 10K, 50M, 1G */
	OPT_DURATION, /* int64_t, milliseconds: 500ms, 10s, 5m, 1h, 7d */
	OPT_STRING,   /* const char * (NULL when neither given nor default) */
	OPT_PATH,     /* const char *, absolute or relative to the start */
	OPT_CHOICE,   /* int: index into values */
	OPT_LIST,     /* struct opt_list of strings */
	OPT_NETS,     /* struct net_list */
	OPT_ADDRESS,  /* struct net_addr: numeric host and port, or unix:path */
	OPT_ADDRESSES, /* struct opt_addrs */
	OPT_RATE       /* struct opt_rate: 600/1m; "" is none */
};

struct opt_list {
	const char **list;
	size_t count;
};
struct opt_addrs {
	struct net_addr *list;
	size_t count;
};

struct opt_rate {
	int64_t count;	/* 0: no limit */
	int64_t period; /* ms */
};

struct opt {
	const char *name; /* NULL ends the table */
	enum opt_type type;
	size_t offset;	 /* of the value in the configuration struct */
	const char *def; /* as text; NULL: none (empty, 0, false) */
	int64_t min;	 /* numbers, sizes, durations, counts; both 0: any */
	int64_t max;
	const char *const *values; /* OPT_CHOICE: names, NULL at the end */
	bool required;
	/* OPT_LIST, OPT_STRING: the words from this one on (1 is the first)
	 * are domains or have one behind an "@", and are compared: those in
	 * U-labels become A-labels (dns_name_plain()).  0: none are. */
	unsigned domains_from;
	const char *help; /* one line for -L */
};

/* Writes every default of the table into conf. */
void opt_defaults(const struct opt *table, void *conf, struct arena *a);

const struct opt *opt_find(const struct opt *table, const char *name);

/*
 * Sets one option from its texts (one for a scalar).  Returns 0, or -1 with
 * the reason in err (at most err_size octets).  List items "file:/path" stand
 * for the lines of that file, without comments (#) and blank lines; a file
 * that is missing or empty is an error.
 */
int opt_set(const struct opt *o, void *conf, struct arena *a,
    const char *const *texts, size_t count, char *err, size_t err_size);

/* Is it a list (many texts in braces)? */
bool opt_is_list(const struct opt *o);
/* The type's name for -L and for messages: "duration", "list" ... */
const char *opt_type_name(enum opt_type type);

#endif

#ifndef POSTERN_NAIVE_DATA_H
#define POSTERN_NAIVE_DATA_H

/*
 * What smtp_data.c has to do, said once more in the plainest way: the whole
 * input at once, an octet at a time, with a look ahead instead of states.  The
 * unit test and the fuzz target compare the two.  And a way to feed
 * smtp_data.c that checks what its header promises.
 */

#include <stdbool.h>
#include <stddef.h>

struct data_result {
	char *content; /* the caller's, room for the length of the input */
	size_t content_len;
	size_t used; /* octets up to the end of data, or all */
	unsigned faults;
	bool leading_dot;
	bool ended;
};

void naive_data(const char *in, size_t len, struct data_result *r);

/* Feeds smtp_data.c with pieces of chunk octets, the first of first octets (all
 * if 0); aborts if a step makes no progress or hands out anything but a
 * part of the input or a held-back CR. */
void feed_data(const char *in, size_t len, size_t first, size_t chunk,
    struct data_result *r);

/* Do both say the same? */
bool same_data(const struct data_result *a, const struct data_result *b);

/* Sends content through smtp_stuff_next() in pieces of at most chunk octets. to
 * has room for 2 * len + 5 octets; returns how many were written, the end of
 * data included. */
size_t stuff_data(const char *in, size_t len, size_t chunk, char *to);

/* The same for smtp_repair_next(): to has room for 2 * len octets.  Returns how
 * many were written. */
size_t naive_repair(const char *in, size_t len, char *to, bool *leading_dot_r);
size_t feed_repair(const char *in, size_t len, size_t first, size_t chunk,
    char *to, bool *leading_dot_r);

#endif

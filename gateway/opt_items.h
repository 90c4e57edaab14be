#ifndef POSTERN_OPT_ITEMS_H
#define POSTERN_OPT_ITEMS_H

/*
 * The items of a list option as texts, those that come from a file
 * ("file:/path") included, before opt.c makes values of them.
 */

#include <stdbool.h>
#include <stddef.h>

struct opt_items {   /* all zero: empty */
	char **list; /* owned, and so are the texts */
	size_t count;
	size_t space;
	unsigned domains_from; /* see struct opt */
};

/* Adds an item, or the lines of a file without comments (#) and blank lines.
 * 0, or -1 with the reason in err. */
int opt_items_add(
    struct opt_items *items, const char *text, char *err, size_t err_size);
void opt_items_free(struct opt_items *items);
/* The text with its domains in A-labels, allocated; NULL: one can be none. */
char *opt_items_plain(const char *text, unsigned domains_from);
/* Texts may end up in replies, headers and logs: no control characters. */
bool opt_is_clean(const char *text);

#endif

#ifndef POSTERN_HEADERS_H
#define POSTERN_HEADERS_H

/*
 * The header fields of one message, noted while it comes in: where each stands
 * in the content, and whether there are too many.  The content itself is not
 * kept here (message.h has it).
 *
 * Only fields count: lines that are none (see header.h) are neither kept nor
 * measured, so a message without a header section is not refused for its size.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "header.h"

struct arena;

struct headers_limits {
	int64_t count;	  /* fields */
	int64_t size;	  /* octets of all fields */
	int64_t received; /* Received fields */
};

enum headers_fault {
	HEADERS_GOOD,
	HEADERS_TOO_MANY,
	HEADERS_TOO_BIG,
	HEADERS_LOOP /* too many Received fields */
};

struct headers_item {
	const char *name; /* as sent; at most HEADER_NAME_MAX octets of it */
	uint64_t offset;  /* in the content */
	uint32_t value;	  /* offset from there */
	uint32_t len;	  /* from there to the end of its last line */
	bool cut;	  /* the name is longer than what is kept */
	bool removed;
};

struct headers {	      /* all zero: nothing was fed */
	struct arena *arena;  /* borrowed: the transaction's */
	struct header parser; /* private, as what follows */
	struct headers_item *list;
	size_t count;
	size_t space;
	uint64_t size;
	int64_t received;
	bool over; /* behind the header section: need not be fed */
	enum headers_fault fault;
};

void headers_init(struct headers *h, struct arena *a);
/* The next piece of content.  Behind a fault nothing is looked at. */
void headers_feed(struct headers *h, const struct headers_limits *limits,
    const char *data, size_t len);
/* The content ended. */
void headers_finish(struct headers *h, const struct headers_limits *limits);

/* Finds a field by its name, among those that are not removed; index counts
 * from 0.  NULL: there is none. */
struct headers_item *headers_find(
    const struct headers *h, const char *name, size_t index);
bool headers_item_is(const struct headers_item *item, const char *name);

#endif

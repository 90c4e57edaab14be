#ifndef POSTERN_MESSAGE_IMPL_H
#define POSTERN_MESSAGE_IMPL_H

/*
 * What a message is made of.  Private to message*.c.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compat.h"

#define MESSAGE_BLOCK (64 * 1024)

struct spool;

struct block {
	STAILQ_ENTRY(block) entry;
	size_t size; /* of data */
	size_t used;
	char data[];
};
STAILQ_HEAD(block_list, block);

struct edit { /* header fields in front of an octet of the content */
	STAILQ_ENTRY(edit) entry;
	uint64_t offset;
	size_t len;
	char text[];
};
STAILQ_HEAD(edit_list, edit);

struct cut { /* content that is left out; they do not overlap */
	STAILQ_ENTRY(cut) entry;
	uint64_t from;
	uint64_t len;
};
STAILQ_HEAD(cut_list, cut);

struct message {
	struct spool *spool;	  /* borrowed */
	struct block_list blocks; /* owned; with a file: one, what comes
				   * behind the file */
	struct block *last;	  /* of blocks; NULL when there is none */
	struct edit_list edits;	  /* owned; by offset */
	struct cut_list cuts;	  /* owned; by from */
	struct cut *last_cut;	  /* of cuts; NULL when there is none */
	uint64_t size;		  /* of the content, as it came in */
	uint64_t edits_size;
	uint64_t cuts_size;
	int fd;		    /* owned; -1: all is in memory */
	uint64_t file_size; /* of it in the file */
	bool leading_dot;
	int broken; /* errno of the append that failed */
};

#endif

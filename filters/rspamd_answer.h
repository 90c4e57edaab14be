#ifndef POSTERN_RSPAMD_ANSWER_H
#define POSTERN_RSPAMD_ANSWER_H

/*
 * What rspamd says of a message (the reply to /checkv2).  Pure: JSON in, values
 * out; what has another type than it should is as if it were not there.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RSPAMD_EDITS_MAX 200 /* headers to add and remove, recipients */

enum rspamd_action {
	RSPAMD_NO_ACTION,
	RSPAMD_GREYLIST,
	RSPAMD_ADD_HEADER,
	RSPAMD_REWRITE_SUBJECT,
	RSPAMD_SOFT_REJECT,
	RSPAMD_REJECT,
	RSPAMD_QUARANTINE,
	RSPAMD_DISCARD,
	RSPAMD_OTHER /* one that an administrator of rspamd has invented */
};

enum rspamd_edit_kind {
	RSPAMD_REMOVE_HEADER,
	RSPAMD_INSERT_HEADER,
	RSPAMD_SPAM_HEADER, /* if the action adds one; name NULL: ours */
	RSPAMD_SIGNATURE,
	RSPAMD_CHANGE_FROM,
	RSPAMD_ADD_RCPT,
	RSPAMD_DEL_RCPT
};

struct rspamd_edit {
	enum rspamd_edit_kind kind;
	const char *name;
	const char *value;
	int64_t number; /* place, or which: 0 is all, negative from the end */
};

struct rspamd_answer {
	enum rspamd_action action; /* what is to be done */
	const char *action_name;   /* what rspamd's scores came to */
	double score;
	double required;
	const char *subject;	   /* NULL: none */
	const char *text;	   /* for the client; NULL: none */
	char *symbols;		   /* "A(1.50),B(0.00)" */
	struct rspamd_edit *edits; /* in the order of doing */
	size_t count;
	void *json; /* private: what the texts are part of */
};

/* NULL, or why it can not be used (a static text). */
const char *rspamd_answer_parse(
    struct rspamd_answer *a, const char *text, size_t len);
void rspamd_answer_free(struct rspamd_answer *a);

#endif

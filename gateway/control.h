#ifndef POSTERN_CONTROL_H
#define POSTERN_CONTROL_H

/*
 * What is spoken on the control socket.  Pure: octets in, a value out.
 *
 * A request is one line: words of visible ASCII, one blank between them, LF.
 * The answer is lines, the last of which says how it ended:
 *
 *	row	TAB key=text TAB key#number TAB key~milliseconds ...
 *	note	TAB text=... 			for people
 *	end	TAB code#0 TAB text=...		code: as of sysexits(3)
 *
 * In a value, octets outside of visible ASCII and blank, and '%', are %XX.
 * Between the admin process and workers go the same request and the same lines,
 * in messages with a head (struct control_head).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net.h"

#define CONTROL_LINE_MAX 512   /* of a request, LF included */
#define CONTROL_VALUE_MAX 2048 /* longer values are cut */
#define CONTROL_KEY_MAX 32
#define CONTROL_SECONDS_MAX 86400
#define CONTROL_SECONDS 60 /* of a transcript that names no time */

enum control_command {
	CONTROL_STATUS,
	CONTROL_SESSIONS,
	CONTROL_KILL,
	CONTROL_BACKENDS,
	CONTROL_DRAIN,
	CONTROL_ENABLE,
	CONTROL_PAUSE,
	CONTROL_RESUME,
	CONTROL_LOG,
	CONTROL_TRANSCRIPT,
	CONTROL_RELOAD
};

struct control_request {
	enum control_command command;
	char name[CONTROL_LINE_MAX]; /* session, server or listener */
	int level;		     /* of the log; -1: the configured one */
	struct net_prefix who;	     /* whose transcript */
	int64_t seconds;	     /* of the transcript; 0: end it */
};

/* A line without its LF.  False: *why_r is a static text. */
bool control_parse(const char *line, size_t len, struct control_request *r,
    const char **why_r);

/* An answer in the making; zeroed at first. */
struct control_text {
	char *text; /* owned */
	size_t len;
	size_t size;
};
void control_text_free(struct control_text *t);
void control_row(struct control_text *t); /* begins a row */
void control_put(struct control_text *t, const char *key, const char *value);
void control_put_octets(
    struct control_text *t, const char *key, const char *value, size_t len);
void control_put_number(struct control_text *t, const char *key, int64_t n);
void control_put_ms(struct control_text *t, const char *key, int64_t ms);
void control_row_end(struct control_text *t);
void control_note(struct control_text *t, const char *text);
void control_end(struct control_text *t, int code, const char *text);

/* Reading an answer: a line without its LF. */
enum control_kind { CONTROL_ROW, CONTROL_NOTE, CONTROL_END, CONTROL_STRANGE };
struct control_field {
	char key[CONTROL_KEY_MAX];
	char type; /* '=', '#' or '~' */
	char value[CONTROL_VALUE_MAX];
	size_t len;
	int64_t number; /* unless type is '=' */
};
/* Takes the kind from the line; *at_r is where control_field() goes on. */
enum control_kind control_kind(
    const char *line, const char *end, const char **at_r);
/* 1; 0: there are no more; -1: this is none. */
int control_field(
    const char **at, const char *end, struct control_field *field_r);

/* In front of each message between the admin process and a worker. */
struct control_head {
	uint64_t number; /* of the request */
	uint64_t last;	 /* no more will come, for this request */
};
#define CONTROL_MESSAGE_MAX 8192 /* head included */

#endif

#ifndef POSTERN_PLAY_SCRIPT_H
#define POSTERN_PLAY_SCRIPT_H

/*
 * A transcript, read into steps.  The format is told in
 * tests/scripts/README.md.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CLIENTS_MAX 9
#define BACKENDS_MAX 40
#define LISTENERS_MAX 4 /* of backends: @BACKEND@ to @BACKEND4@ */
#define FILES_MAX 64

enum side { SIDE_NONE, SIDE_CLIENT, SIDE_BACKEND };

enum step_kind {
	STEP_CONNECT,  /* a client connects; a backend is connected to */
	STEP_SEND,     /* octets */
	STEP_EXPECT,   /* one line, with "*" for anything */
	STEP_OCTETS,   /* expects exactly these */
	STEP_MANY,     /* any number of lines like this one */
	STEP_RECEIVED, /* one Received field, whatever lines it has */
	STEP_CLOSED,   /* expects the end of the connection */
	STEP_NOTHING,  /* expects that there is nothing to be read */
	STEP_CLOSE,
	STEP_SHUT,   /* no more octets from this side, but it reads on */
	STEP_SECURE, /* a backend becomes the server's side of TLS */
	STEP_DEAF,   /* reads no more; a close is a reset then */
	STEP_HEAR,   /* reads again */
	STEP_WAIT,
	STEP_LOG,
	STEP_REFUSED,  /* so many messages came to backends, but no further */
	STEP_SESSIONS, /* so many are open */
	STEP_RETIRE,   /* other workers have taken over from this one */
	STEP_DRAIN,    /* the worker begins to drain, or a server does */
	STEP_ENABLE,   /* that server is used again */
	STEP_DNS,      /* the DNS changes */
	STEP_OFFERS    /* what is known of a backend's server */
};

struct step {
	enum step_kind kind;
	enum side side;
	int who; /* number of the client or backend connection, from 1 */
	const char *file;
	int line;
	char *text; /* owned; octets, a pattern, or an address */
	size_t len;
	bool lf;	/* a line that ends in a bare LF */
	int64_t number; /* ms, a count, or a listener */
};

struct script {
	const char *file;
	char *config; /* owned */
	size_t config_len;
	struct step *steps; /* owned */
	size_t count;
	char *files[FILES_MAX]; /* owned; names that steps point to */
	size_t file_count;
	size_t sent_len;    /* octets that clients send */
	size_t replied_len; /* octets that backends send */
};

/* NULL after having said on stdout what is wrong. */
struct script *script_read(const char *file);
void script_free(struct script **sp);

/* Does text match the pattern, in which "*" stands for any octets? */
bool script_match(
    const char *pattern, size_t pattern_len, const char *text, size_t len);

#endif

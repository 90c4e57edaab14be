#ifndef POSTERN_AGENT_REQUEST_H
#define POSTERN_AGENT_REQUEST_H

/*
 * The head of a request to the agent (see agent.h), line by line.  Pure: lines
 * in, values out.  Workers talk to the network and may have been taken over by
 * it, so nothing is taken on trust: the lines come in their order, values have
 * limits, a path climbs nowhere by "..", programs and quarantines are only
 * named, and an id is a plain word.
 */

#include <stddef.h>
#include <stdint.h>

#define AGENT_PATH_MAX 1024   /* decoded, with NUL */
#define AGENT_ADDRESS_MAX 512 /* decoded, with NUL */
#define AGENT_ID_MAX 64	      /* with NUL */
#define AGENT_LINE_MAX 4096   /* without the line end: all of it encoded */

enum agent_request_line { /* the line that has to come next */
	AGENT_LINE_WHERE,
	AGENT_LINE_FROM,
	AGENT_LINE_TO,
	AGENT_LINE_ID, /* of quarantine, instead of the two above */
	AGENT_LINE_SIZE,
	AGENT_LINE_END
};

enum agent_request_kind { AGENT_MAILDIR, AGENT_PROGRAM, AGENT_QUARANTINE };

struct agent_request {
	enum agent_request_line expected;
	enum agent_request_kind kind;
	char where[AGENT_PATH_MAX];   /* a maildir, or the name of what it is */
	char from[AGENT_ADDRESS_MAX]; /* may be empty */
	char to[AGENT_ADDRESS_MAX];
	char id[AGENT_ID_MAX]; /* letters, digits, inner dots and hyphens */
	uint64_t size;
};

enum agent_request_status {
	AGENT_REQUEST_MORE,
	AGENT_REQUEST_DONE,
	AGENT_REQUEST_BAD
};

void agent_request_init(struct agent_request *rq);

/* Feeds one line without its LF.  For AGENT_REQUEST_BAD a static text says
 * why. */
enum agent_request_status agent_request_feed(
    struct agent_request *rq, const char *line, size_t len, const char **why_r);

#endif

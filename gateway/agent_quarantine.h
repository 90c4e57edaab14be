#ifndef POSTERN_AGENT_QUARANTINE_H
#define POSTERN_AGENT_QUARANTINE_H

/*
 * Where quarantined messages are written: DIRECTORY/YYYY/MM/DD/ID.eml, the day
 * in UTC.  Until it is complete a file is called .ID.new.
 */

#include "agent_file.h"

struct agent_quarantine {
	const char *name;      /* borrowed, as the next; of the filter */
	const char *directory; /* made with the first message, if missing */
};

/* Begins a file; id is a plain word (agent_request.h).  The path below the
 * directory to path.  0, or -1 with errno; then agent_file_abort(). */
#define AGENT_QUARANTINE_PATH_MAX 100
int agent_quarantine_open(struct agent_file *f, const char *directory,
    const char *id, char *path, size_t size);

#endif

/*
 * What a trial looks at: whether this program, with the configuration on the
 * disk, could go on from where the master is.  It changes nothing.
 */

#include <sys/types.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf.h"
#include "log.h"
#include "master_handover.h"
#include "master_priv.h"

static int try(struct master *);
static void say(const char *, size_t);
static bool log_is_good(const struct master *, struct config *);

int
master_try(const char *file)
{
	struct master m = { .file = file, .control = { .fd = -1 } };
	int code;

	log_capture(say);
	TAILQ_INIT(&m.generations);
	TAILQ_INIT(&m.sockets);
	code = handover_read(&m, true, stderr) ? try(&m) : EX_PROTOCOL;
	handover_forget(&m);
	return code;
}

static int
try(struct master *m)
{
	struct control_socket control = { .fd = -1 };
	struct config *c = conf_load(m->file, stderr);
	bool good;

	if (c == NULL)
		return EX_CONFIG;
	good = log_is_good(m, c) && master_user_known(c) &&
	    control_open(m, c, &control) == 0 && sockets_try(&m->sockets, c);
	control_drop(m, &control);
	conf_free(&c);
	if (!good)
		return EX_UNAVAILABLE;
	printf("%s %s %s\n", HANDOVER_MARK, HANDOVER_CONTRACT, POSTERN_VERSION);
	return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

/* The master logs it; only what would stand in msg. */
static void
say(const char *line, size_t len)
{
	const char *msg = strstr(line, " msg=");

	if (msg != NULL) {
		len -= (size_t)(msg + 5 - line);
		line = msg + 5;
		if (len >= 2 && line[0] == '"') {
			line++;
			len -= 2;
		}
	}
	fprintf(stderr, "%.*s\n", (int)len, line);
}

/* A file that is not there is made when it is needed. */
static bool
log_is_good(const struct master *m, struct config *c)
{
	const char *why;
	int fd;

	if (!reload_choose_log(m, c, &why)) {
		log_event(LEVEL_ERROR, "%s", why);
		return false;
	}
	if (c->log.to != LOG_TO_FILE || c->log.path == NULL)
		return true;
	fd = open(c->log.path, O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC);
	if (fd != -1)
		close(fd);
	else if (errno != ENOENT && errno != ENXIO) {
		log_event(LEVEL_ERROR, "can not open %s: %s", c->log.path,
		    strerror(errno));
		return false;
	}
	return true;
}

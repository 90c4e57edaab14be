/*
 * The master reads the configuration again: a trial first, then the program on
 * the disk takes over and does what is here.
 */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf.h"
#include "log.h"
#include "master_handover.h"
#include "master_priv.h"
#include "mem.h"
#include "servers.h"

#define RETRY_MS 10000
#define SETTLE_MS 5000

static bool change(struct master *, FILE *);
static struct config *load(const struct master *, FILE *);
static bool change_log(struct master *, struct config *);
static void carry_fixed(const struct master *, struct config *);

/* Without it every worker would die as soon as it is started. */
bool
master_user_known(const struct config *c)
{
	if (c->user == NULL || geteuid() != 0 || getpwnam(c->user) != NULL)
		return true;
	log_event(LEVEL_ERROR, "%s: there is no user %s", c->file, c->user);
	return false;
}

void
reload_begin(struct master *m)
{
	priv_tell_manager("RELOADING=1");
	if (!trial_begin(m))
		reload_answer(m, EX_UNAVAILABLE, NULL);
}

bool
reload_pending(const struct master *m)
{
	return m->trial.pid != 0 || m->caller_fd != -1 || m->settle_at != 0;
}

/* The trial has found no mistake a moment ago, so a failure is bad luck (an
 * address was just taken).  The workers of before go on, but nobody could
 * replace them: it must not stay so. */
void
reload_finish(struct master *m)
{
	char *text = NULL;
	size_t size = 0;
	FILE *report = open_memstream(&text, &size);
	bool done = report != NULL && change(m, report);

	m->retry_at = done ? 0 : master_now() + RETRY_MS;
	if (report != NULL && fclose(report) != 0)
		text = NULL;
	if (done) {
		m->settle_at = master_now() + SETTLE_MS;
		m->settle_text = text;
		return;
	}
	reload_answer(m, EX_UNAVAILABLE, text);
	free(text);
}

/* All admin processes take callers from the same socket. */
void
reload_settle(struct master *m)
{
	const struct generation *g;
	bool late = m->settle_at <= master_now();
	char *text = m->settle_text;

	if (m->settle_at == 0)
		return;
	TAILQ_FOREACH (g, &m->generations, entry) {
		if (g->stage == STAGE_RUNNING || g->admin.pid == 0)
			continue;
		if (!late && !m->stopping)
			return;
		/* It hangs: others need not wait for it. */
		if (g->stage == STAGE_RETIRED)
			(void)kill(g->admin.pid, SIGKILL);
	}
	m->settle_at = 0;
	m->settle_text = NULL;
	reload_answer(m, EX_OK, text);
	free(text);
}

static bool
change(struct master *m, FILE *report)
{
	struct generation *old = TAILQ_FIRST(&m->generations);
	struct control_socket control = { .fd = -1 };
	struct columns *columns = NULL;
	struct config *c = load(m, report);
	int agent[2] = { -1, -1 };

	if (c == NULL || !change_log(m, c) || !master_user_known(c) ||
	    (columns = columns_for(old, c)) == NULL ||
	    servers_enter(m, columns->stats, c) == -1)
		goto out;
	if (agent_prepare(c, agent) == -1 ||
	    control_open(m, c, &control) == -1 ||
	    sockets_open(&m->sockets, c) == -1) {
		pool_leave_servers(m->servers, c->backends, c->backend_count);
		goto out;
	}
	control_take(m, &control);
	carry_fixed(m, c);
	sockets_prune(&m->sockets, c);
	agent_give(generation_new(m, c, columns), agent);
	children_start(m);
	if (old != NULL)
		generation_advance(old, STAGE_RETIRED);
	log_event(LEVEL_INFO, "the configuration is changed");
	return true;
out:
	agent_drop(agent);
	control_drop(m, &control);
	if (columns != NULL && columns->refs == 0)
		columns_free(&columns);
	conf_free(&c);
	return false;
}

static struct config *
load(const struct master *m, FILE *report)
{
	struct config *c = NULL;
	char *text = NULL, *line, *next;
	size_t size = 0;
	FILE *err = open_memstream(&text, &size);

	if (err == NULL) {
		log_event(LEVEL_ERROR, "%s: %s", m->file, strerror(errno));
		return NULL;
	}
	c = conf_load(m->file, err);
	fclose(err);
	for (line = text; *line != '\0'; line = next) {
		next = line + strcspn(line, "\n");
		if (*next != '\0')
			*next++ = '\0';
		log_event(c == NULL ? LEVEL_ERROR : LEVEL_WARN, "%s", line);
		fprintf(report, "%s\n", line);
	}
	free(text);
	return c;
}

/* A log{} that does not say where to log goes on as before: with the target
 * that -d chose, or with an earlier one. */
bool
reload_choose_log(const struct master *m, struct config *c, const char **why_r)
{
	*why_r = NULL;
	if (c->log.to < 0) {
		c->log.to = m->log.to;
		if (c->log.path == NULL && m->log_path != NULL)
			c->log.path = arena_strndup(
			    &c->arena, m->log_path, strlen(m->log_path));
	} else if (c->log.to == LOG_TO_STDERR && m->log.to != LOG_TO_STDERR)
		*why_r = "log to stderr can not begin with a reload";
	return *why_r == NULL;
}

static bool
change_log(struct master *m, struct config *c)
{
	const char *why;

	if (!reload_choose_log(m, c, &why)) {
		log_event(LEVEL_ERROR, "%s", why);
		return false;
	}
	if (log_open(&c->log) == -1) {
		log_event(LEVEL_ERROR, "can not open %s: %s",
		    c->log.path != NULL ? c->log.path : "the log",
		    strerror(errno));
		return false;
	}
	log_note(m, c);
	master_give_log_file(c);
	return true;
}

void
log_note(struct master *m, const struct config *c)
{
	char *path = c->log.path != NULL ? xstrdup(c->log.path) : NULL;

	free(m->log_path);
	m->log = c->log;
	m->log.path = m->log_path = path;
}

/* What lasts until the daemon ends. */
static void
carry_fixed(const struct master *m, struct config *c)
{
	const char *a, *b;

	if (m->pid_arg != NULL)
		c->pid_file = m->pid_arg;
	a = m->pid_file != NULL ? m->pid_file : "";
	b = c->pid_file != NULL ? c->pid_file : "";
	if (strcmp(a, b) != 0)
		log_event(LEVEL_WARN, "pid-file changes with the next start");
}

/* The children open the file again at USR1, without being root.  Only a plain
 * file with one name: nobody shall be given another one by a link. */
void
master_give_log_file(const struct config *c)
{
	const struct passwd *pw;
	struct stat st;
	int fd;

	if (c->log.to != LOG_TO_FILE || c->user == NULL || geteuid() != 0 ||
	    (pw = getpwnam(c->user)) == NULL)
		return;
	fd = open(c->log.path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK);
	if (fd == -1)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
	    fchown(fd, pw->pw_uid, pw->pw_gid) == -1)
		log_event(LEVEL_WARN, "can not give %s to user %s: %s",
		    c->log.path, c->user, strerror(errno));
	close(fd);
}

/*
 * The master reads the configuration again.
 */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "log.h"
#include "master_priv.h"

static bool try(struct master *, FILE *);
static struct config *load(const char *, FILE *);
static bool change_log(const struct config *, struct config *);
static void carry_fixed(const struct config *, struct config *);

/* Without it every worker would die as soon as it is started. */
bool
master_user_known(const struct config *c)
{
	if (c->user == NULL || geteuid() != 0 || getpwnam(c->user) != NULL)
		return true;
	log_event(LEVEL_ERROR, "%s: there is no user %s", c->file, c->user);
	return false;
}

/* Nothing changes unless everything can. */
static bool
try(struct master *m, FILE *report)
{
	struct generation *old = TAILQ_FIRST(&m->generations);
	struct config *c = load(old->config->file, report);
	struct control_socket control = { .fd = -1 };
	struct columns *columns;

	columns =
	    c == NULL || !master_user_known(c) ? NULL : columns_for(old, c);
	if (columns == NULL)
		goto out;
	if (agent_prepare(m, old->config, c) == -1 ||
	    control_open(m, c, &control) == -1 ||
	    sockets_open(&m->sockets, c) == -1)
		goto out;
	if (!change_log(old->config, c)) {
		sockets_prune(&m->sockets, old->config);
		goto out;
	}
	if (servers_enter(m, c) == -1) {
		sockets_prune(&m->sockets, old->config);
		goto out;
	}
	control_take(m, &control);
	carry_fixed(old->config, c);
	sockets_prune(&m->sockets, c);
	generation_new(m, c, columns);
	agent_switch(m);
	children_start(m);
	generation_advance(old, STAGE_RETIRED);
	log_event(LEVEL_INFO, "the configuration is changed");
	return true;
out:
	agent_forget(m);
	control_drop(m, &control);
	if (columns != NULL && columns->refs == 0)
		columns_free(&columns);
	conf_free(&c);
	log_event(LEVEL_ERROR,
	    "reload failed: the configuration of before stays in force");
	return false;
}

bool
master_reload(struct master *m, FILE *report)
{
	bool done;

	priv_tell_manager("RELOADING=1");
	done = try(m, report);
	priv_tell_manager("READY=1");
	return done;
}

static struct config *
load(const char *file, FILE *report)
{
	struct config *c = NULL;
	char *text = NULL, *line, *next;
	size_t size = 0;
	FILE *err = open_memstream(&text, &size);

	if (err == NULL) {
		log_event(LEVEL_ERROR, "%s: %s", file, strerror(errno));
		return NULL;
	}
	c = conf_load(file, err);
	fclose(err);
	for (line = text; *line != '\0'; line = next) {
		next = line + strcspn(line, "\n");
		if (*next != '\0')
			*next++ = '\0';
		log_event(c == NULL ? LEVEL_ERROR : LEVEL_WARN, "%s", line);
		if (report != NULL)
			fprintf(report, "%s\n", line);
	}
	free(text);
	return c;
}

/* A log{} that does not say where to log goes on as before: with the target
 * that -d chose, or with an earlier one. */
static bool
change_log(const struct config *old, struct config *c)
{
	if (c->log.to < 0) {
		c->log.to = old->log.to;
		if (c->log.path == NULL && old->log.path != NULL)
			c->log.path = arena_strndup(
			    &c->arena, old->log.path, strlen(old->log.path));
	} else if (c->log.to == LOG_TO_STDERR && old->log.to != LOG_TO_STDERR) {
		log_event(
		    LEVEL_ERROR, "log to stderr can not begin with a reload");
		return false;
	}
	if (log_open(&c->log) == -1) {
		log_event(LEVEL_ERROR, "can not open %s: %s",
		    c->log.path != NULL ? c->log.path : "the log",
		    strerror(errno));
		return false;
	}
	master_give_log_file(c);
	return true;
}

/* What lasts until the daemon ends. */
static void
carry_fixed(const struct config *old, struct config *c)
{
	const char *a, *b;

	if (old->pid_file_given) {
		c->pid_file = old->pid_file;
		c->pid_file_given = true;
	}
	a = old->pid_file != NULL ? old->pid_file : "";
	b = c->pid_file != NULL ? c->pid_file : "";
	if (strcmp(a, b) != 0)
		log_event(LEVEL_WARN, "pid-file changes with the next start");
	a = old->user != NULL ? old->user : "";
	b = c->user != NULL ? c->user : "";
	if (strcmp(a, b) != 0)
		log_event(LEVEL_WARN,
		    "user changes for the agent with the next start");
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

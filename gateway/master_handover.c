/*
 * The master executes another program in its place: see master_handover.h.
 *
 * The text has an item on each line: a word, numbers, and at the end perhaps a
 * name that may have blanks in it.  -1 is a descriptor that is not there.
 */

#include "master_handover.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "conf.h"
#include "log.h"
#include "master_priv.h"
#include "mem.h"
#include "shared.h"
#include "stats.h"

static void put_master(FILE *, const struct master *);
static void put_memory(FILE *, const struct master *);
static void put_columns(FILE *, const struct master *);
static void put_generation(
    FILE *, const struct master *, const struct generation *);
static unsigned columns_number(
    const struct master *, const struct generation *);
static int store(const char *, size_t);
static void keep(struct master *, int, bool);

static bool
is_program(const char *path)
{
	return access(path, X_OK) == 0;
}

static char *
join(const char *dir, size_t len, const char *name)
{
	size_t size = len + strlen(name) + 2;
	char *path = xmalloc(size);

	snprintf(path, size, "%.*s/%s", (int)len, dir, name);
	return path;
}

/* A part of PATH that is empty is the working directory. */
static char *
find_in_path(const char *name)
{
	const char *at = getenv("PATH"), *end;
	char *path;
	size_t len;

	for (; at != NULL; at = *end == ':' ? end + 1 : NULL) {
		len = strcspn(at, ":");
		end = at + len;
		path = join(len > 0 ? at : ".", len > 0 ? len : 1, name);
		if (is_program(path))
			return path;
		free(path);
	}
	return NULL;
}

char *
program_find(const char *name)
{
	char *path, *dir, *full;

	path = strchr(name, '/') != NULL ? xstrdup(name) : find_in_path(name);
	if (path == NULL || !is_program(path)) {
		free(path);
		return NULL;
	}
	if (path[0] == '/')
		return path;
	dir = getcwd(NULL, 0);
	full = dir != NULL ? join(dir, strlen(dir), path) : NULL;
	free(dir);
	free(path);
	return full;
}

/* The text. */

int
handover_write(const struct master *m)
{
	const struct generation *g;
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	int fd = -1;

	if (f != NULL) {
		fprintf(f, "%s %s %ld %s\n", HANDOVER_MARK, HANDOVER_CONTRACT,
		    (long)getpid(), POSTERN_VERSION);
		put_master(f, m);
		put_memory(f, m);
		put_columns(f, m);
		/* Of each list the first one becomes the first one again. */
		TAILQ_FOREACH (g, &m->generations, entry)
			put_generation(f, m, g);
		fprintf(f, "end\n");
		if (fclose(f) == 0)
			fd = store(text, size);
	}
	if (fd == -1)
		log_event(LEVEL_ERROR, "no memory for a handover: %s",
		    strerror(errno));
	free(text);
	return fd;
}

static void
put_master(FILE *f, const struct master *m)
{
	char text[NET_TEXT_MAX];
	struct listen_socket *s;

	fprintf(f, "log %d %d %d %d %s\n", m->log.to, m->log.level,
	    m->log.format, m->log.facility,
	    m->log_path != NULL ? m->log_path : "");
	fprintf(f, "life %d %d\n", m->life_fds[0], m->life_fds[1]);
	fprintf(f, "reload %d %d %d %d\n", m->reload_fds[0], m->reload_fds[1],
	    m->caller_fd, m->again ? 1 : 0);
	if (m->pid_fd != -1)
		fprintf(f, "pidfile %d %s\n", m->pid_fd, m->pid_file);
	if (m->control.path != NULL)
		fprintf(f, "control %d %s\n", m->control.fd, m->control.path);
	fprintf(f, "rotate %" PRId64 "\n", m->rotate_at);
	fprintf(f, "sizes %u %u\n", m->rates_count, m->caps_servers);
	TAILQ_FOREACH (s, &m->sockets, entry)
		fprintf(f, "socket %d %s\n", s->fd,
		    net_text(&s->addr, text, sizeof(text)));
}

static const struct shared_piece *
piece_of(const struct stats *stats)
{
	const struct shared_piece *p;
	size_t i;

	for (i = 0; (p = shared_piece(i)) != NULL; i++)
		if (p->p == stats_base(stats))
			return p;
	return NULL;
}

/* Those of columns stand with them, for there may be several. */
static void
put_memory(FILE *f, const struct master *m)
{
	const struct shared_piece *p;
	const struct generation *g;
	size_t i;

	for (i = 0; (p = shared_piece(i)) != NULL; i++) {
		TAILQ_FOREACH (g, &m->generations, entry)
			if (piece_of(g->columns->stats) == p)
				break;
		if (g == NULL && p->fd != -1)
			fprintf(
			    f, "memory %d %zu %s\n", p->fd, p->size, p->name);
	}
}

/* The number of its columns among all that there are. */
static unsigned
columns_number(const struct master *m, const struct generation *own)
{
	const struct generation *g, *h;
	unsigned n = 0;

	TAILQ_FOREACH (g, &m->generations, entry) {
		if (g->columns == own->columns)
			break;
		TAILQ_FOREACH (h, &m->generations, entry)
			if (h->columns == g->columns)
				break;
		n += h == g; /* the first one that has them */
	}
	return n;
}

static void
put_columns(FILE *f, const struct master *m)
{
	const struct shared_piece *p;
	const struct generation *g, *h;

	TAILQ_FOREACH (g, &m->generations, entry) {
		TAILQ_FOREACH (h, &m->generations, entry)
			if (h->columns == g->columns)
				break;
		if (h != g)
			continue;
		p = piece_of(g->columns->stats);
		fprintf(f, "columns %u %d %zu %s\n", g->columns->count,
		    p != NULL ? p->fd : -1, p != NULL ? p->size : 0,
		    p != NULL ? p->name : "-");
	}
}

static void
put_generation(FILE *f, const struct master *m, const struct generation *g)
{
	const struct child *ch;
	size_t i; /* not a pointer: the lists may be NULL and empty */

	fprintf(f, "generation %d %" PRId64 " %" PRId64 " %u %u %ld\n",
	    (int)g->stage, g->due, g->drain, columns_number(m, g), g->count,
	    (long)g->admin.pid);
	for (i = 0; i < g->count; i++) {
		ch = &g->workers[i];
		fprintf(f, "worker %ld %u %u %d\n", (long)ch->pid, ch->column,
		    ch->rates_column, ch->control_fds[1]);
	}
	if (g->agent.pid != 0)
		fprintf(f, "agent %ld\n", (long)g->agent.pid);
	for (i = 0; i < g->checker_count; i++)
		if (g->checkers[i].pid != 0)
			fprintf(f, "checker %ld\n", (long)g->checkers[i].pid);
	for (i = 0; i < g->slot_count; i++)
		fprintf(f, "slot %u\n", g->slots[i]);
}

static int
store(const char *text, size_t size)
{
	int fd = compat_memory_fd(size, false);

	if (fd == -1)
		return -1;
	if (pwrite(fd, text, size, 0) == (ssize_t)size)
		return fd;
	close(fd);
	return -1;
}

/* The change. */

static void
inherit(int fd, bool on)
{
	if (fd != -1)
		(void)fcntl(fd, F_SETFD, on ? 0 : FD_CLOEXEC);
}

/* All that the text names, and the text. */
static void
keep(struct master *m, int text, bool on)
{
	const struct shared_piece *p;
	const struct generation *g;
	struct listen_socket *s;
	size_t i;

	inherit(text, on);
	for (i = 0; i < 2; i++) {
		inherit(m->life_fds[i], on);
		inherit(m->reload_fds[i], on);
	}
	inherit(m->caller_fd, on);
	inherit(m->pid_fd, on);
	inherit(m->control.fd, on);
	TAILQ_FOREACH (s, &m->sockets, entry)
		inherit(s->fd, on);
	for (i = 0; (p = shared_piece(i)) != NULL; i++)
		inherit(p->fd, on);
	TAILQ_FOREACH (g, &m->generations, entry)
		for (i = 0; i < g->count; i++)
			inherit(g->workers[i].control_fds[1], on);
}

/* Signals are blocked, and stay so in the new program until it waits for them:
 * what came meanwhile it still gets. */
void
handover_exec(struct master *m)
{
	int text = handover_write(m);
	char number[16];

	if (text == -1)
		return;
	log_flush();
	keep(m, text, true);
	snprintf(number, sizeof(number), "%d", text);
	if (setenv(HANDOVER_ENV, number, 1) == 0)
		(void)execv(m->program, m->argv);
	log_event(
	    LEVEL_ERROR, "can not execute %s: %s", m->program, strerror(errno));
	(void)unsetenv(HANDOVER_ENV);
	keep(m, text, false);
	close(text);
}

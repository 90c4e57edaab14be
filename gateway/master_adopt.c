/*
 * The program that takes over reads what it takes over: see master_handover.h
 * and master_handover.c, which writes it.
 */

#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "log.h"
#include "master_handover.h"
#include "master_priv.h"
#include "mem.h"
#include "shared.h"
#include "stats.h"

#define TEXT_MAX (16 * 1024 * 1024)
#define COLUMNS_MAX 64
#define WORKERS_MAX 65536
#define BACKENDS_SERVERS_MAX 65536

struct adopt {
	struct master *m; /* borrowed */
	bool trial;
	const char *at; /* the rest of the line */
	bool bad;
	unsigned seen; /* lines, as bits */
	struct columns *columns[COLUMNS_MAX];
	unsigned column_count;
	struct generation *g; /* the one that is being read */
	unsigned workers;     /* of it, so far */
};

/* Values of a line. */

static int64_t
number(struct adopt *a, int64_t min, int64_t max)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(a->at, &end, 10);
	if (end == a->at || errno != 0 || v < min || v > max ||
	    (*end != ' ' && *end != '\0')) {
		a->bad = true;
		return min;
	}
	a->at = *end == ' ' ? end + 1 : end;
	return v;
}

/* What a trial sees is the master's; it has none of them. */
static int
descriptor(struct adopt *a)
{
	int fd = (int)number(a, -1, INT_MAX);

	if (a->trial || fd == -1)
		return -1;
	if (net_cloexec(fd) == -1)
		a->bad = true;
	return fd;
}

static pid_t
process(struct adopt *a)
{
	return (pid_t)number(a, 0, INT_MAX);
}

static char *
rest(struct adopt *a)
{
	return a->at[0] != '\0' ? xstrdup(a->at) : NULL;
}

/* Lines. */

static void
take_log(struct adopt *a)
{
	struct log_conf *log = &a->m->log;

	log->to = (int)number(a, 0, INT_MAX);
	log->level = (int)number(a, 0, LEVEL_DEBUG);
	log->format = (int)number(a, 0, LOG_JSON);
	log->facility = (int)number(a, 0, INT_MAX);
	log->path = a->m->log_path = rest(a);
}

static void
take_life(struct adopt *a)
{
	a->m->life_fds[0] = descriptor(a);
	a->m->life_fds[1] = descriptor(a);
}

static void
take_reload(struct adopt *a)
{
	a->m->reload_fds[0] = descriptor(a);
	a->m->reload_fds[1] = descriptor(a);
	a->m->caller_fd = descriptor(a);
	a->m->again = number(a, 0, 1) == 1;
}

static void
take_pidfile(struct adopt *a)
{
	a->m->pid_fd = descriptor(a);
	a->m->pid_file = rest(a);
}

static void
take_control(struct adopt *a)
{
	a->m->control.fd = descriptor(a);
	a->m->control.path = rest(a);
}

static void
take_rotate(struct adopt *a)
{
	a->m->rotate_at = number(a, 0, INT64_MAX);
}

static void
take_sizes(struct adopt *a)
{
	a->m->rates_count = (unsigned)number(a, 1, 4 * WORKERS_MAX);
	a->m->caps_servers = (unsigned)number(a, 0, BACKENDS_SERVERS_MAX);
}

static void
take_socket(struct adopt *a)
{
	struct listen_socket *s = xcalloc(1, sizeof(*s));
	const char *why;

	s->fd = descriptor(a);
	if (net_parse(a->at, &s->addr, &why) == -1)
		a->bad = true;
	TAILQ_INSERT_TAIL(&a->m->sockets, s, entry);
}

static void
take_memory(struct adopt *a)
{
	int fd = descriptor(a);
	size_t size = (size_t)number(a, 0, INT64_MAX);

	if (fd != -1 && !a->bad)
		shared_offer(a->at, size, fd);
}

/* If its layout is another one, old workers count for themselves. */
static void
take_columns(struct adopt *a)
{
	struct columns *cols = xcalloc(1, sizeof(*cols));

	cols->count = (unsigned)number(a, 1, 4 * WORKERS_MAX);
	take_memory(a);
	if (a->bad || a->column_count == COLUMNS_MAX) {
		a->bad = true;
		free(cols);
		return;
	}
	cols->used = xcalloc(cols->count, sizeof(*cols->used));
	cols->stats = a->trial ? NULL : columns_map(cols->count);
	a->bad = !a->trial && cols->stats == NULL;
	a->columns[a->column_count++] = cols;
}

/* A worker whose line is missing would be one with descriptor 0. */
static void
need_workers(struct adopt *a)
{
	if (a->g != NULL && a->workers != a->g->count)
		a->bad = true;
}

static void
take_generation(struct adopt *a)
{
	struct generation *g = xcalloc(1, sizeof(*g));
	unsigned columns;

	need_workers(a);
	g->checker_fds[0] = g->checker_fds[1] = -1;
	g->agent_fds[0] = g->agent_fds[1] = -1;
	g->stage = (enum stage)number(a, STAGE_RUNNING, STAGE_KILLED);
	g->due = number(a, 0, INT64_MAX);
	g->drain = number(a, 0, INT64_MAX);
	columns = (unsigned)number(a, 0, COLUMNS_MAX);
	g->count = (unsigned)number(a, 0, WORKERS_MAX);
	g->admin.pid = process(a);
	if (columns >= a->column_count || a->bad) {
		a->bad = true;
		free(g);
		return;
	}
	g->columns = a->columns[columns];
	g->columns->refs++;
	g->workers = xcalloc(g->count, sizeof(*g->workers));
	a->g = g;
	a->workers = 0;
	TAILQ_INSERT_TAIL(&a->m->generations, g, entry);
}

static void
take_worker(struct adopt *a)
{
	struct child *ch;

	if (a->g == NULL || a->workers == a->g->count) {
		a->bad = true;
		return;
	}
	ch = &a->g->workers[a->workers++];
	ch->pid = process(a);
	ch->column = (unsigned)number(a, 0, a->g->columns->count - 1);
	ch->rates_column = (unsigned)number(a, 0, UINT_MAX);
	ch->control_fds[0] = -1;
	ch->control_fds[1] = descriptor(a);
	a->g->columns->used[ch->column] = true;
}

static void
take_agent(struct adopt *a)
{
	if (a->g == NULL || a->g->agent.pid != 0)
		a->bad = true;
	else
		a->g->agent.pid = process(a);
}

static void
take_checker(struct adopt *a)
{
	struct generation *g = a->g;

	if (g == NULL) {
		a->bad = true;
		return;
	}
	g->checkers = xrealloc(
	    g->checkers, (g->checker_count + 1) * sizeof(*g->checkers));
	memset(&g->checkers[g->checker_count], 0, sizeof(*g->checkers));
	g->checkers[g->checker_count++].pid = process(a);
}

static void
take_slot(struct adopt *a)
{
	struct generation *g = a->g;

	if (g == NULL) {
		a->bad = true;
		return;
	}
	g->slots = xrealloc(g->slots, (g->slot_count + 1) * sizeof(*g->slots));
	g->slots[g->slot_count++] = (unsigned)number(a, 0, UINT_MAX);
}

static void take_end(struct adopt *);

static const struct {
	const char *word;
	void (*take)(struct adopt *);
	enum { MANY, ONE, MUST } times; /* MUST: one */
} lines[] = {
	{ "log", take_log, MUST },
	{ "life", take_life, MUST },
	{ "reload", take_reload, MUST },
	{ "pidfile", take_pidfile, ONE },
	{ "control", take_control, ONE },
	{ "rotate", take_rotate, MUST },
	{ "sizes", take_sizes, MUST },
	{ "socket", take_socket, MANY },
	{ "memory", take_memory, MANY },
	{ "columns", take_columns, MANY },
	{ "generation", take_generation, MANY },
	{ "worker", take_worker, MANY },
	{ "agent", take_agent, MANY },
	{ "checker", take_checker, MANY },
	{ "slot", take_slot, MANY },
	{ "end", take_end, MUST },
};

static bool
seen(const struct adopt *a, size_t line)
{
	return (a->seen & 1U << line) != 0;
}

static void
take_end(struct adopt *a)
{
	size_t i;

	need_workers(a);
	for (i = 0; i < nitems(lines); i++)
		if (lines[i].times == MUST && !seen(a, i))
			a->bad = true;
}

static bool
ended(const struct adopt *a)
{
	return seen(a, nitems(lines) - 1);
}

static void
take_line(struct adopt *a, const char *line)
{
	size_t i, len = strcspn(line, " ");

	for (i = 0; i < nitems(lines); i++)
		if (strlen(lines[i].word) == len &&
		    memcmp(lines[i].word, line, len) == 0)
			break;
	if (i == nitems(lines) || ended(a) ||
	    (lines[i].times != MANY && seen(a, i))) {
		a->bad = true;
		return;
	}
	a->seen |= 1U << i;
	a->at = line[len] == ' ' ? line + len + 1 : line + len;
	lines[i].take(a);
}

/* The text. */

static char *
load(void)
{
	const char *given = getenv(HANDOVER_ENV);
	char *text, *end;
	struct stat st;
	long fd;

	fd = given != NULL ? strtol(given, &end, 10) : -1;
	if (fd < 0 || fd > INT_MAX || end == given || *end != '\0' ||
	    fstat((int)fd, &st) == -1 || st.st_size > TEXT_MAX)
		return NULL;
	text = xcalloc(1, (size_t)st.st_size + 1);
	if (pread((int)fd, text, (size_t)st.st_size, 0) != st.st_size) {
		free(text);
		return NULL;
	}
	close((int)fd);
	return text;
}

/* It is for this process, or for its child. */
static bool
is_ours(struct adopt *a, const char *line, FILE *err, bool *said_r)
{
	const char mark[] = HANDOVER_MARK " ";
	size_t len = sizeof(mark) - 1, contract;

	if (strncmp(line, mark, len) != 0)
		return false;
	contract = strcspn(line + len, " ");
	if (contract != strlen(HANDOVER_CONTRACT) ||
	    memcmp(line + len, HANDOVER_CONTRACT, contract) != 0) {
		fprintf(err,
		    "posternd %s can not take over from the one that runs "
		    "(handover %.*s, not %s): it needs a stop and a start\n",
		    POSTERN_VERSION, (int)contract, line + len,
		    HANDOVER_CONTRACT);
		*said_r = true;
		return false;
	}
	a->at = line + len + contract;
	a->at += *a->at == ' ';
	if (number(a, 1, INT_MAX) != (a->trial ? getppid() : getpid()) ||
	    a->bad)
		return false;
	a->m->before = rest(a);
	return true;
}

bool
handover_read(struct master *m, bool trial, FILE *err)
{
	struct adopt a = { .m = m, .trial = trial };
	char *text = load(), *line, *next;
	bool first = true, ours = true, said = false;
	unsigned i;

	(void)unsetenv(HANDOVER_ENV);
	for (line = text; line != NULL && *line != '\0' && !a.bad && ours;
	     line = next) {
		next = line + strcspn(line, "\n");
		if (*next != '\0')
			*next++ = '\0';
		if (first)
			ours = is_ours(&a, line, err, &said);
		else
			take_line(&a, line);
		first = false;
	}
	free(text);
	for (i = 0; i < a.column_count; i++)
		if (a.columns[i]->refs == 0)
			columns_free(&a.columns[i]);
	if (ours && ended(&a) && !a.bad)
		return true;
	if (!said)
		fprintf(err, "what %s has is no handover for this process\n",
		    HANDOVER_ENV);
	return false;
}

void
handover_forget(struct master *m)
{
	struct listen_socket *s;
	struct generation *g;

	while ((s = TAILQ_FIRST(&m->sockets)) != NULL) {
		TAILQ_REMOVE(&m->sockets, s, entry);
		free(s);
	}
	while ((g = TAILQ_FIRST(&m->generations)) != NULL) {
		TAILQ_REMOVE(&m->generations, g, entry);
		if (--g->columns->refs == 0)
			columns_free(&g->columns);
		free(g->workers);
		free(g->checkers);
		free(g->slots);
		free(g);
	}
	free(m->log_path);
	free(m->pid_file);
	free(m->control.path);
	free(m->before);
}

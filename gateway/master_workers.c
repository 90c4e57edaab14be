/*
 * The master's children: generations of workers.
 */

#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf.h"
#include "flight.h"
#include "log.h"
#include "master_handover.h"
#include "master_priv.h"
#include "mem.h"
#include "priv.h"
#include "rates.h"
#include "servers.h"
#include "shared.h"
#include "stats.h"
#include "tls_conf.h"
#include "worker.h"

#define GENERATIONS 4	   /* that share their totals, one of them new */
#define YOUNG_MS 2000	   /* who dies before keeps dying */
#define PAUSE_FIRST_MS 250 /* then doubled */
#define PAUSE_MAX_MS 10000
#define RETIRED_MS (10 * 60 * 1000)
#define KILL_AFTER_MS 3000 /* behind the drain time: goodbyes take 2 s */

static void generation_free(struct master *, struct generation **);
static bool generation_lives(struct generation *, bool);
static unsigned columns_free_count(const struct columns *);
static unsigned columns_take(struct columns *);
static void start_worker(struct master *, struct generation *, unsigned);
static void run_worker(struct master *, struct generation *, unsigned)
    __attribute__((noreturn));
static void generation_lost(struct master *, struct generation *, pid_t, int);
static void worker_died(struct master *, struct generation *, unsigned, int);

struct generation *
generation_new(struct master *m, struct config *c, struct columns *columns)
{
	struct generation *g = xcalloc(1, sizeof(*g));
	size_t i;

	g->config = c;
	g->drain = c->drain;
	g->agent_fds[0] = g->agent_fds[1] = -1;
	servers_note(g);
	for (i = 0; i < c->tls_count; i++)
		tls_share_tickets(&c->tls[i], m->tickets);
	g->columns = columns;
	columns->refs++;
	g->fds = sockets_order(&m->sockets, c);
	g->count = generation_workers(c);
	g->workers = xcalloc(g->count, sizeof(*g->workers));
	for (i = 0; i < g->count; i++) {
		g->workers[i].column = columns_take(columns);
		g->workers[i].rates_column = rates_column_take(m);
		g->workers[i].restart_at = master_now();
		control_pair(c, &g->workers[i]);
	}
	if (admin_wanted(c))
		g->admin.restart_at = master_now();
	checkers_prepare(g);
	TAILQ_INSERT_HEAD(&m->generations, g, entry);
	return g;
}

static void
generation_free(struct master *m, struct generation **gp)
{
	struct generation *g = *gp;
	unsigned i;

	*gp = NULL;
	TAILQ_REMOVE(&m->generations, g, entry);
	checkers_free(g);
	for (i = 0; i < g->count; i++) {
		control_unpair(&g->workers[i]);
		g->columns->used[g->workers[i].column] = false;
		rates_column_give(m, g->workers[i].rates_column);
	}
	if (--g->columns->refs == 0)
		columns_free(&g->columns);
	servers_leave(m, g);
	if (g->config != NULL)
		conf_free(&g->config);
	free(g->workers);
	free(g->fds);
	free(g);
}

unsigned
generation_workers(const struct config *c)
{
	return c->workers > 0 ? (unsigned)c->workers : priv_processors();
}

/* Columns are of use for the next generations as well: the totals hold while
 * old workers drain.  A server's cells are those of its slot, which it keeps
 * (servers.h), so its name and address may even move in the file. */
struct columns *
columns_for(const struct generation *now, const struct config *c)
{
	unsigned need = generation_workers(c);
	struct columns *cols;

	if (now != NULL && columns_free_count(now->columns) >= need)
		return now->columns;
	cols = xcalloc(1, sizeof(*cols));
	cols->count = GENERATIONS * need;
	cols->stats = columns_map(cols->count);
	if (cols->stats == NULL) {
		log_event(LEVEL_ERROR, "no shared memory: %s", strerror(errno));
		free(cols);
		return NULL;
	}
	cols->used = xcalloc(cols->count, sizeof(*cols->used));
	return cols;
}

struct stats *
columns_map(unsigned count)
{
	return stats_new(count, SERVERS_MAX);
}

void
columns_free(struct columns **cp)
{
	struct columns *cols = *cp;

	*cp = NULL;
	stats_free(&cols->stats);
	free(cols->used);
	free(cols);
}

static unsigned
columns_free_count(const struct columns *cols)
{
	unsigned i, n = 0;

	for (i = 0; i < cols->count; i++)
		n += !cols->used[i];
	return n;
}

static unsigned
columns_take(struct columns *cols)
{
	unsigned i = 0;

	while (cols->used[i])
		i++;
	cols->used[i] = true;
	stats_clear_worker(cols->stats, i);
	return i;
}

/* Of one that ends.  Admin answers as long as there is any worker. */
static bool
generation_lives(struct generation *g, bool last)
{
	unsigned i;

	for (i = 0; i < g->count; i++)
		if (g->workers[i].pid != 0)
			return true;
	if (g->admin.pid != 0 && last)
		(void)kill(g->admin.pid, SIGTERM);
	return agent_ends(g) || g->admin.pid != 0;
}

void
generation_advance(struct generation *g, enum stage stage)
{
	static const int signals[] = {
		[STAGE_RETIRED] = SIGUSR2,
		[STAGE_ENDING] = SIGTERM,
		[STAGE_KILLED] = SIGKILL,
	};
	unsigned i;

	if (stage <= g->stage)
		return;
	g->stage = stage;
	g->due = 0;
	if (stage == STAGE_RETIRED)
		g->due = master_now() + RETIRED_MS;
	else if (stage == STAGE_ENDING)
		g->due = master_now() + g->drain + KILL_AFTER_MS;
	g->admin.restart_at = 0;
	/* In a stop it answers posternctl until the last worker is gone. */
	if (g->admin.pid != 0 && stage != STAGE_ENDING)
		(void)kill(
		    g->admin.pid, stage == STAGE_KILLED ? SIGKILL : SIGTERM);
	for (i = 0; i < g->count; i++) {
		g->workers[i].restart_at = 0;
		if (g->workers[i].pid == 0)
			continue;
		if (stage == STAGE_KILLED)
			log_event(LEVEL_WARN, "worker %u (pid %ld) is killed",
			    g->workers[i].column, (long)g->workers[i].pid);
		(void)kill(g->workers[i].pid, signals[stage]);
	}
}

void
children_start(struct master *m)
{
	struct generation *g = TAILQ_FIRST(&m->generations);
	int64_t now = master_now();
	unsigned i;

	if (g != NULL && g->config == NULL)
		return;
	/* Before the workers: they are there when those need them. */
	if (g != NULL) {
		agent_start(m, g);
		checkers_start(m, g);
	}
	for (i = 0; g != NULL && i < g->count; i++)
		if (g->workers[i].restart_at != 0 &&
		    g->workers[i].restart_at <= now)
			start_worker(m, g, i);
	if (g != NULL && g->admin.restart_at != 0 && g->admin.restart_at <= now)
		admin_start(m, g);
}

static void
start_worker(struct master *m, struct generation *g, unsigned i)
{
	if (child_start(&g->workers[i], "worker") == 0)
		run_worker(m, g, i);
}

/* Returns 0 in the child.  What is in the log's buffer is written before, not
 * twice. */
pid_t
child_start(struct child *ch, const char *what)
{
	pid_t pid;

	log_flush();
	ch->started = master_now();
	ch->restart_at = 0;
	pid = fork();
	if (pid == -1) {
		log_event(
		    LEVEL_ERROR, "can not start %s: %s", what, strerror(errno));
		child_plan_restart(ch);
	} else if (pid > 0) {
		ch->pid = pid;
	}
	return pid;
}

static void
run_worker(struct master *m, struct generation *g, unsigned i)
{
	const struct worker_start start = {
		.config = g->config,
		.stats = g->columns->stats,
		.servers = m->servers,
		.journal = m->journal,
		.inflight = m->inflight,
		.caps = m->caps,
		.number = g->workers[i].column,
		.rates = m->rates,
		.rates_column = g->workers[i].rates_column,
		.listen_fds = g->fds,
		.master_fd = m->life_fds[0],
		.agent_fd = g->agent_fds[0],
		.checker_fd = g->checker_fds[0],
		.marks = m->marks,
		.control_fd = g->workers[i].control_fds[0],
	};

	child_begin(m, "worker");
	agent_forget(m, g);
	checkers_forget(m, g);
	control_forget(m, &g->workers[i]);
	if (g->checker_fds[1] != -1)
		close(g->checker_fds[1]);
	child_forget_secrets(g->config);
	if (!child_confined(g->config, PRIV_WORKER)) {
		log_flush();
		exit(EX_NOPERM);
	}
	exit(worker_run(&start));
}

void
child_forget_secrets(const struct config *c)
{
	size_t i;

	for (i = 0; i < c->filter_count; i++)
		if (c->filters[i].type->forget != NULL)
			c->filters[i].type->forget(c->filters[i].conf);
}

/* A terminal's INT and HUP go to all processes; the master decides what
 * becomes of the children.  Signals stay blocked until the child is ready. */
void
child_begin(const struct master *m, const char *what)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGPIPE };
	static const int usual[] = { SIGTERM, SIGUSR1, SIGUSR2, SIGCHLD };
	struct sigaction sa;
	size_t i;

	priv_title(what);
	log_forked();
	shared_forget();
	if (m->pid_fd != -1)
		close(m->pid_fd);
	if (m->trial.fd != -1)
		close(m->trial.fd);
	memset(&sa, 0, sizeof(sa));
	sigemptyset(&sa.sa_mask);
	sa.sa_handler = SIG_IGN;
	for (i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)sigaction(ignored[i], &sa, NULL);
	sa.sa_handler = SIG_DFL;
	for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		(void)sigaction(usual[i], &sa, NULL);
	close(m->life_fds[1]);
	/* Who can write another number there makes root signal somebody. */
	if (m->pid_fd != -1)
		close(m->pid_fd);
}

void
children_reap(struct master *m)
{
	struct generation *g, *before;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (trial_died(m, pid, status))
			continue;
		TAILQ_FOREACH (g, &m->generations, entry)
			generation_lost(m, g, pid, status);
	}
	/* The oldest first. */
	for (g = TAILQ_LAST(&m->generations, generations); g != NULL;
	     g = before) {
		before = TAILQ_PREV(g, generations, entry);
		if (g->stage != STAGE_RUNNING &&
		    !generation_lives(g, TAILQ_NEXT(g, entry) == NULL))
			generation_free(m, &g);
	}
}

static void
generation_lost(struct master *m, struct generation *g, pid_t pid, int status)
{
	bool running = g->stage == STAGE_RUNNING;
	unsigned i;

	if (checkers_died(g, pid, status) || agent_died(g, pid, status))
		return;
	for (i = 0; i < g->count; i++)
		if (g->workers[i].pid == pid)
			worker_died(m, g, i, status);
	if (g->admin.pid != pid)
		return;
	child_log_death("admin", pid, status, !running);
	g->admin.pid = 0;
	if (running)
		child_plan_restart(&g->admin);
}

static void
worker_died(struct master *m, struct generation *g, unsigned i, int status)
{
	struct child *ch = &g->workers[i];
	char name[32];

	snprintf(name, sizeof(name), "worker %u", ch->column);
	child_log_death(name, ch->pid, status, g->stage != STAGE_RUNNING);
	ch->pid = 0;
	stats_clear_worker(g->columns->stats, ch->column);
	rates_clear_worker(m->rates, ch->rates_column);
	flight_harvest(m->inflight, ch->rates_column, m->journal, master_now());
	if (g->stage == STAGE_RUNNING)
		child_plan_restart(ch);
	else
		control_unpair(ch);
}

void
child_plan_restart(struct child *ch)
{
	int64_t now = master_now();

	if (now - ch->started >= YOUNG_MS)
		ch->pause = 0;
	else if (ch->pause == 0)
		ch->pause = PAUSE_FIRST_MS;
	else if (ch->pause < PAUSE_MAX_MS)
		ch->pause *= 2;
	if (ch->pause > PAUSE_MAX_MS)
		ch->pause = PAUSE_MAX_MS;
	ch->restart_at = now + ch->pause;
}

void
child_log_death(const char *what, pid_t pid, int status, bool expected)
{
	if (WIFSIGNALED(status))
		log_event(LEVEL_ERROR, "%s (pid %ld) died: %s", what, (long)pid,
		    strsignal(WTERMSIG(status)));
	else if (!expected || WEXITSTATUS(status) != 0)
		log_event(LEVEL_ERROR, "%s (pid %ld) ended with code %d", what,
		    (long)pid, WEXITSTATUS(status));
	else
		log_event(LEVEL_INFO, "%s (pid %ld) ended", what, (long)pid);
}

void
children_signal(struct master *m, int signal_number)
{
	struct generation *g;
	unsigned i;

	TAILQ_FOREACH (g, &m->generations, entry) {
		for (i = 0; i < g->count; i++)
			if (g->workers[i].pid != 0)
				(void)kill(g->workers[i].pid, signal_number);
		if (g->admin.pid != 0)
			(void)kill(g->admin.pid, signal_number);
		if (g->agent.pid != 0)
			(void)kill(g->agent.pid, signal_number);
	}
}

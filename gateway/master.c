/*
 * The master: starts, waits for signals and deaths, reloads, stops.
 */

#include "master.h"

#include <sys/select.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "caps.h"
#include "compat.h"
#include "conf.h"
#include "inflight.h"
#include "journal.h"
#include "log.h"
#include "marks.h"
#include "master_handover.h"
#include "master_priv.h"
#include "mem.h"
#include "priv.h"
#include "rates.h"
#include "servers.h"
#include "shared.h"
#include "tls.h"

#define TICKETS_MS (60 * 60 * 1000) /* life of a TLS ticket key, twice */

/* Set by the handler, which runs only while the master waits. */
static volatile struct {
	sig_atomic_t end; /* how often */
	sig_atomic_t reload;
	sig_atomic_t reopen;
} asked;

static void prepare(struct master *, const char *, char **);
static int begin(struct master *, struct config **);
static bool map_shared(struct master *, const struct config *);
static void adopt(struct master *);
static bool make_pipe(int[2]);
static void catch_signals(void);
static void on_signal(int);
static void say_start(const struct config *);
static void serve(struct master *);
static void act_on_signals(struct master *, sig_atomic_t *);
static void advance(struct master *);
static bool is_over(const struct master *);
static void wait_for_signal(const struct master *);
static int64_t next_due(const struct master *);
static void earlier(int64_t *, int64_t);
static void end(struct master *);

int
master_run(struct config **config, const char *pid_file, char **argv)
{
	struct master m;
	int code;

	prepare(&m, pid_file, argv);
	m.file = (*config)->file;
	if (pid_file != NULL)
		(*config)->pid_file = pid_file;
	catch_signals();
	code = begin(&m, config);
	if (code == EX_OK)
		serve(&m);
	conf_free(config); /* if it was not taken */
	end(&m);
	log_flush();
	return code;
}

static void
prepare(struct master *m, const char *pid_file, char **argv)
{
	*m = (struct master){ .life_fds = { -1, -1 },
		.pid_fd = -1,
		.trial = { .fd = -1 },
		.control = { .fd = -1 },
		.reload_fds = { -1, -1 },
		.caller_fd = -1 };
	TAILQ_INIT(&m->generations);
	TAILQ_INIT(&m->sockets);
	m->pid_arg = pid_file;
	m->argv = argv;
	m->program = argv != NULL ? program_find(argv[0]) : NULL;
}

/* Until the log is open, errors go to the standard error that the one of before
 * had.  Without the handover nothing can be done: the workers see this process
 * end, and drain. */
int
master_take_over(const char *file, const char *pid_file, char **argv)
{
	struct master m;

	prepare(&m, pid_file, argv);
	m.file = file;
	catch_signals();
	if (!handover_read(&m, false, stderr))
		return EX_OSERR;
	(void)log_open(&m.log);
	if (!map_shared(&m, NULL)) {
		log_flush();
		return EX_OSERR;
	}
	adopt(&m);
	reload_finish(&m);
	serve(&m);
	end(&m);
	log_flush();
	return EX_OK;
}

static void
adopt(struct master *m)
{
	const struct shared_piece *p;
	const struct generation *g;
	unsigned i, column;
	size_t k;

	TAILQ_FOREACH (g, &m->generations, entry)
		for (i = 0; i < g->count; i++) {
			column = g->workers[i].rates_column;
			if (column < m->rates_count)
				m->rates_used[column] = true;
		}
	for (k = 0; (p = shared_piece(k)) != NULL; k++)
		if (p->p == NULL)
			log_event(LEVEL_WARN,
			    "%s: this program has another layout of it, it "
			    "begins anew",
			    p->name);
	shared_decline();
	if (m->again)
		asked.reload = 1;
	m->again = false;
	if (m->before != NULL && strcmp(m->before, POSTERN_VERSION) != 0)
		log_event(LEVEL_INFO, "posternd %s takes over from %s",
		    POSTERN_VERSION, m->before);
}

/* Until the daemon is ready, errors go to the standard error of who started
 * it.  Children are forked later, so that they get what it has then. */
static int
begin(struct master *m, struct config **config)
{
	struct config *c = *config;
	struct columns *columns;
	int code, agent[2];

	if (!master_user_known(c))
		return EX_NOUSER;
	priv_raise_nofile();
	if (sockets_open(&m->sockets, c) == -1)
		return EX_OSERR;
	if (!make_pipe(m->life_fds) || control_prepare(m, c) == -1 ||
	    agent_prepare(c, agent) == -1)
		return EX_OSERR;
	if (c->pid_file != NULL &&
	    (code = pidfile_write(m, c->pid_file)) != EX_OK)
		return code;
	m->caps_servers = c->server_count;
	if (!map_shared(m, c) || servers_enter(m, NULL, c) == -1)
		return EX_OSERR;
	columns = columns_for(NULL, c);
	if (columns == NULL)
		return EX_OSERR;
	m->rotate_at = master_now() + TICKETS_MS;
	if (log_open(&c->log) == -1) {
		log_event(LEVEL_ERROR, "can not open %s: %s", c->log.path,
		    strerror(errno));
		columns_free(&columns);
		return EX_CANTCREAT;
	}
	master_give_log_file(c);
	log_note(m, c);
	agent_give(generation_new(m, c, columns), agent);
	*config = NULL;
	say_start(c);
	priv_daemon_ready();
	return EX_OK;
}

/* c: of the start; NULL: as an earlier program had it. */
static bool
map_shared(struct master *m, const struct config *c)
{
	if (rates_prepare(m, c) == -1 || servers_prepare(m) == -1 ||
	    (c == NULL && marks_prepare(m) == -1))
		return false;
	m->tickets = tls_tickets_new();
	m->journal = journal_new();
	m->inflight = inflight_new(m->rates_count);
	m->caps = caps_new(m->caps_servers);
	if (m->tickets != NULL && m->journal != NULL && m->inflight != NULL &&
	    m->caps != NULL)
		return true;
	log_event(LEVEL_ERROR, "no shared memory: %s", strerror(errno));
	return false;
}

static bool
make_pipe(int fds[2])
{
	if (pipe(fds) == 0 && net_cloexec(fds[0]) == 0 &&
	    net_cloexec(fds[1]) == 0)
		return true;
	log_event(LEVEL_ERROR, "no pipe: %s", strerror(errno));
	return false;
}

/* They stay blocked but for the wait, so there is no moment at which one could
 * be missed. */
static void
catch_signals(void)
{
	static const int list[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2,
		SIGCHLD };
	struct sigaction sa;
	sigset_t set;
	size_t i;

	memset(&sa, 0, sizeof(sa));
	sigemptyset(&sa.sa_mask);
	sa.sa_handler = on_signal;
	sigemptyset(&set);
	for (i = 0; i < nitems(list); i++) {
		sigaddset(&set, list[i]);
		(void)sigaction(list[i], &sa, NULL);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	sa.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &sa, NULL);
}

static void
on_signal(int number)
{
	if (number == SIGTERM || number == SIGINT)
		asked.end++;
	else if (number == SIGHUP)
		asked.reload = 1;
	else if (number == SIGUSR1)
		asked.reopen = 1;
}

static void
say_start(const struct config *c)
{
	log_event(LEVEL_INFO, "posternd starts with %s", c->file);
	if (c->user != NULL && geteuid() != 0)
		log_event(LEVEL_WARN, "not started by root: user %s is skipped",
		    c->user);
	if (c->chroot != NULL && geteuid() != 0)
		log_event(LEVEL_WARN,
		    "not started by root: chroot %s is skipped", c->chroot);
	if (c->user == NULL && geteuid() == 0)
		log_event(
		    LEVEL_WARN, "runs as root: set user in the configuration");
	log_flush();
}

static void
serve(struct master *m)
{
	sig_atomic_t ends = 0;

	while (!is_over(m)) {
		act_on_signals(m, &ends);
		trial_watch(m);
		children_reap(m);
		reload_settle(m);
		advance(m);
		children_start(m);
		log_flush();
		if (!is_over(m))
			wait_for_signal(m);
	}
	log_event(LEVEL_INFO, "posternd ends");
}

static void
act_on_signals(struct master *m, sig_atomic_t *ends)
{
	enum stage stage = STAGE_ENDING;
	struct generation *g;

	if (asked.reopen) {
		asked.reopen = 0;
		log_reopen();
		g = TAILQ_FIRST(&m->generations);
		if (g != NULL && g->config != NULL)
			master_give_log_file(g->config);
		children_signal(m, SIGUSR1);
	}
	if (asked.end != *ends) {
		if (m->stopping)
			stage = STAGE_KILLED;
		*ends = asked.end;
		if (!m->stopping)
			priv_tell_manager("STOPPING=1");
		m->stopping = true;
		m->retry_at = 0;
		trial_cancel(m);
		marks_stop(m->marks);
		sockets_prune(&m->sockets, NULL);
		TAILQ_FOREACH (g, &m->generations, entry)
			generation_advance(g, stage);
	}
	/* The latest one counts: it is not lost while another goes on. */
	m->again = asked.reload && !m->stopping;
	if (m->again && !reload_pending(m)) {
		asked.reload = 0;
		m->again = false;
		reload_begin(m);
	}
	control_serve(m);
}

static void
advance(struct master *m)
{
	int64_t now = master_now();
	struct generation *g;

	TAILQ_FOREACH (g, &m->generations, entry)
		if (g->due != 0 && g->due <= now)
			generation_advance(g,
			    g->stage == STAGE_RETIRED ? STAGE_ENDING
						      : STAGE_KILLED);
	if (m->rotate_at <= now) {
		tls_tickets_rotate(m->tickets);
		m->rotate_at = now + TICKETS_MS;
	}
	if (m->retry_at != 0 && m->retry_at <= now)
		reload_finish(m);
}

static bool
is_over(const struct master *m)
{
	return m->stopping && TAILQ_EMPTY(&m->generations);
}

static void
wait_for_signal(const struct master *m)
{
	int64_t due = next_due(m), left;
	struct timespec ts;
	/* Who asks for another reload waits for the end of this one. */
	int fd = reload_pending(m) ? m->trial.fd : m->reload_fds[0];
	sigset_t none;
	fd_set fds;

	left = due == 0 ? 0 : due - master_now();
	if (left < 0)
		left = 0;
	ts.tv_sec = (time_t)(left / 1000);
	ts.tv_nsec = (long)(left % 1000) * 1000000;
	sigemptyset(&none);
	FD_ZERO(&fds);
	if (fd != -1)
		FD_SET(fd, &fds);
	/* After an error fds would say that there is something to read. */
	(void)pselect(fd + 1, &fds, NULL, NULL, due == 0 ? NULL : &ts, &none);
}

static int64_t
next_due(const struct master *m)
{
	const struct generation *g;
	int64_t due = 0;
	unsigned i;

	if (m->again && !reload_pending(m))
		return master_now(); /* it came while the one of before ended */
	earlier(&due, m->rotate_at);
	earlier(&due, m->retry_at);
	earlier(&due, m->settle_at);
	earlier(&due, m->trial.killed ? 0 : m->trial.due);
	TAILQ_FOREACH (g, &m->generations, entry) {
		earlier(&due, g->due);
		for (i = 0; i < g->count; i++)
			earlier(&due, g->workers[i].restart_at);
		earlier(&due, g->admin.restart_at);
		earlier(&due, g->agent.restart_at);
		earlier(&due, g->agent_due);
		for (i = 0; i < g->checker_count; i++)
			earlier(&due, g->checkers[i].restart_at);
	}
	return due;
}

static void
earlier(int64_t *due, int64_t at)
{
	if (at != 0 && (*due == 0 || at < *due))
		*due = at;
}

static void
end(struct master *m)
{
	int i;

	sockets_prune(&m->sockets, NULL);
	for (i = 0; i < 2; i++)
		if (m->life_fds[i] != -1)
			close(m->life_fds[i]);
	inflight_free(&m->inflight);
	journal_free(&m->journal);
	caps_free(&m->caps);
	tls_tickets_free(&m->tickets);
	rates_free(&m->rates);
	free(m->rates_used);
	servers_free(&m->servers);
	control_finish(m);
	pidfile_remove(m);
	free(m->pid_file);
	free(m->program);
	free(m->log_path);
	free(m->before);
	free(m->settle_text);
}

int64_t
master_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000 + 1;
}

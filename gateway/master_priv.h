#ifndef POSTERN_MASTER_PRIV_H
#define POSTERN_MASTER_PRIV_H

/*
 * Private to master*.c: the master's listening sockets, its columns in the
 * shared memory, its children and its pid file.
 */

#include <sys/queue.h>
#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "log.h"
#include "net.h"
#include "priv.h"

struct config;
struct marks;
struct rates;
struct servers;
struct stats;

/* Listening sockets (master_sockets.c). */
struct listen_socket {
	TAILQ_ENTRY(listen_socket) entry;
	struct net_addr addr;
	int fd;
};
TAILQ_HEAD(listen_sockets, listen_socket);

/* Opens what is not open yet; all, or none and -1 after logging why. */
int sockets_open(struct listen_sockets *list, const struct config *c);
/* Could it be done?  Without a change. */
bool sockets_try(const struct listen_sockets *list, const struct config *c);
/* Closes what c does not have; all if c is NULL. */
void sockets_prune(struct listen_sockets *list, const struct config *c);
/* The descriptors in the order of worker.h; to be freed. */
int *sockets_order(const struct listen_sockets *list, const struct config *c);

/* Shared memory that the workers of one or more generations use. */
struct columns {
	struct stats *stats;
	bool *used; /* by count columns */
	unsigned count;
	unsigned refs; /* generations */
};

/* A child that is to run until it is told to end. */
struct child {
	pid_t pid; /* 0: does not run */
	unsigned column;
	unsigned rates_column; /* RATES_NO_COLUMN: none was free */
	int64_t started;
	int64_t pause;	    /* before the next start, when it keeps dying */
	int64_t restart_at; /* 0: nothing is planned */
	int control_fds[2]; /* of a worker: its own, the admin's; -1: none */
};

/* The socket for posternctl (master_control.c). */
struct control_socket {
	int fd;	    /* -1: none, or no other than before */
	char *path; /* owned */
};

enum stage {
	STAGE_RUNNING,
	STAGE_RETIRED, /* drains, for a newer one has taken over */
	STAGE_ENDING,  /* drains, with the drain time of the configuration */
	STAGE_KILLED
};

/* The workers of one configuration. */
struct generation {
	TAILQ_ENTRY(generation) entry;
	struct config *config; /* owned; NULL: an earlier program's, whose
				* children are not started again */
	struct columns *columns;
	int *fds;	       /* owned; in the order of worker.h */
	struct child *workers; /* owned */
	unsigned count;
	struct child admin;	/* if it is wanted */
	struct child agent;	/* likewise */
	int agent_fds[2];	/* for workers, for the agent; -1: none */
	int64_t agent_due;	/* the workers are gone: kill it; 0: not yet */
	struct child *checkers; /* owned; see checker.h */
	unsigned checker_count; /* 0: no filter needs them */
	int checker_fds[2];	/* for workers, for checkers; -1: none */
	enum stage stage;
	int64_t due;	 /* the next stage; 0: never */
	int64_t drain;	 /* ms, of the configuration */
	unsigned *slots; /* owned; in servers.h, of backends and servers */
	size_t slot_count;
};
TAILQ_HEAD(generations, generation);

/* Of the program and the configuration on the disk (master_trial.c). */
struct trial {
	pid_t pid;   /* 0: there is none */
	int fd;	     /* what it says; -1: it has closed that */
	int64_t due; /* when it is killed */
	bool killed;
	char *text; /* owned */
	size_t len;
};

struct master {
	const char *file;    /* of the configuration */
	const char *pid_arg; /* of -p; NULL: the configuration says */
	char **argv;	     /* borrowed */
	char *program;	     /* owned; its absolute path; NULL: not known */
	struct log_conf log; /* as it is, for a reload that does not say */
	char *log_path;	     /* owned; its path */
	struct trial trial;
	bool again;	  /* while it goes on, HUP came once more */
	char *before;	  /* owned; version of the program of before */
	int64_t retry_at; /* a take-over failed: again; 0: never */
	/* It is done, but the admin process of before is still there, and would
	 * answer the next question: until then, at the latest; 0: it is not. */
	int64_t settle_at;
	char *settle_text;		/* owned; what there is to say then */
	struct generations generations; /* the first one is the present */
	struct listen_sockets sockets;
	int life_fds[2]; /* a pipe; its writing end is the master's alone */
	int pid_fd;	 /* -1: none */
	char *pid_file;	 /* owned */
	struct journal *journal;     /* owned; shared by all workers */
	struct inflight *inflight;   /* owned; likewise, columns as in rates */
	struct caps *caps;	     /* likewise */
	unsigned caps_servers;	     /* those it was made for */
	struct tls_tickets *tickets; /* owned; keys shared by all workers */
	int64_t rotate_at;	     /* when they get new ones */
	struct rates *rates;	     /* owned; counts outlive a configuration */
	struct servers *servers;     /* owned; state of backends' servers */
	bool *rates_used;	     /* owned; its columns, by rates_count */
	unsigned rates_count;
	struct marks *marks; /* owned; what the operator has said */
	struct control_socket control;
	int reload_fds[2]; /* the master's, the admin's: connections of those
			    * who ask for a reload */
	int caller_fd;	   /* of them, while it goes on; -1: none */
	bool stopping;
};

int64_t master_now(void);

/* Generations and columns (master_workers.c). */
struct generation *generation_new(
    struct master *m, struct config *c, struct columns *columns);
/* Columns for the workers of c: those of now if they fit, or new ones; NULL
 * when the memory can not be had. */
struct columns *columns_for(
    const struct generation *now, const struct config *c);
void columns_free(struct columns **cp);
/* The memory of so many. */
struct stats *columns_map(unsigned count);
/* How many c asks for. */
unsigned generation_workers(const struct config *c);
void generation_advance(struct generation *g, enum stage stage);

/* The admin process of a generation (master_admin.c). */
bool admin_wanted(const struct config *c);
void admin_start(struct master *m, struct generation *g);

/* Starts children that are due; restarts what died. */
void children_start(struct master *m);
void children_reap(struct master *m);
void children_signal(struct master *m, int signal_number);
/* The agent (master_agent.c).  Its sockets, if c needs one (else -1): 0, or -1
 * after logging why; then they are to be given to a generation, or dropped. */
int agent_prepare(const struct config *c, int fds_r[2]);
void agent_give(struct generation *g, const int fds[2]);
void agent_drop(int fds[2]);
/* Starts it, if it is due. */
void agent_start(struct master *m, struct generation *g);
/* Was it the agent that died? */
bool agent_died(struct generation *g, pid_t pid, int status);
/* The workers are gone, so it finishes what they gave it, and ends; false: it
 * has ended. */
bool agent_ends(struct generation *g);
/* In a child: closes its sockets.  own: a worker's generation, or NULL. */
void agent_forget(const struct master *m, const struct generation *own);

/* Counts of client networks (master_rates.c), for the workers of c, or with the
 * columns that an earlier program had (c is NULL): 0, or -1 after logging why.
 */
int rates_prepare(struct master *m, const struct config *c);
/* A column for a worker; without one, its clients are not limited. */
unsigned rates_column_take(struct master *m);
void rates_column_give(struct master *m, unsigned column);

/* State of the backends' servers (master_servers.c): 0, or -1 after logging
 * why. */
int servers_prepare(struct master *m);
/* Slots for the servers of c. */
int servers_enter(struct master *m, struct stats *stats, struct config *c);
/* The generation has them, and gives them up. */
void servers_note(struct generation *g);
void servers_leave(struct master *m, struct generation *g);
/* Checkers (master_checkers.c). */
/* Makes their socket, if a filter of the generation needs them. */
void checkers_prepare(struct generation *g);
/* Starts those that are due. */
void checkers_start(struct master *m, struct generation *g);
/* Was it one of them that died? */
bool checkers_died(struct generation *g, pid_t pid, int status);
/* The generation is gone: so they will end. */
void checkers_free(struct generation *g);
/* In a child of another generation, or in a checker itself (own): closes what
 * would keep others from seeing the end. */
void checkers_forget(const struct master *m, const struct generation *own);

/* The control socket (master_control.c): 0, or -1 after logging why. */
int control_prepare(struct master *m, const struct config *c);
/* What the operator has said, in shared memory: 0, or -1 after logging why. */
int marks_prepare(struct master *m);
/* Another one for c, if it has another path; then it is to be taken, with the
 * one of before closed, or dropped. */
int control_open(
    struct master *m, const struct config *c, struct control_socket *cs_r);
void control_take(struct master *m, struct control_socket *cs);
void control_drop(const struct master *m, struct control_socket *cs);
/* Does what the admin process wants. */
void control_serve(struct master *m);
void control_finish(struct master *m);
/* A worker's way to the admin process. */
void control_pair(const struct config *c, struct child *worker);
void control_unpair(struct child *worker);
/* In a child: closes what is for others; own is NULL but in a worker. */
void control_forget(const struct master *m, const struct child *own);

/* Reads the configuration again (master_reload.c): begins a trial. */
void reload_begin(struct master *m);
/* The program that has taken over: makes its own workers.  If that fails it is
 * tried again after a while. */
void reload_finish(struct master *m);
/* Says that it is done, as soon as nobody answers by the configuration of
 * before.
 */
void reload_settle(struct master *m);
/* Is one under way? */
bool reload_pending(const struct master *m);
/* What a later program has to know of the log; c is in force. */
void log_note(struct master *m, const struct config *c);
/* Where c logs to, if it does not say; false: it must not. */
bool reload_choose_log(
    const struct master *m, struct config *c, const char **why_r);
/* Says if the user of c is unknown. */
bool master_user_known(const struct config *c);
/* The children will have to open it themselves. */
void master_give_log_file(const struct config *c);

/* One child (master_workers.c).  0 in it; what is in the log's buffer is
 * written before, not twice. */
pid_t child_start(struct child *ch, const char *what);
/* To be called first in it: signals, and what is the master's alone. */
void child_begin(const struct master *m, const char *what);
/* Wipes the secrets of filters from a process that does not need them. */
void child_forget_secrets(const struct config *c);
/* For a child that talks to no clients: the keys of all configurations that it
 * has from the master are gone.  to_servers: it talks to backends' servers, and
 * keeps what it needs for that. */
void child_forget_keys(const struct master *m, bool to_servers);
void child_plan_restart(struct child *ch);
void child_log_death(const char *what, pid_t pid, int status, bool expected);

/* The pid file (master_pidfile.c): 0, or the exit code after logging why. */
int pidfile_write(struct master *m, const char *path);
void pidfile_remove(struct master *m);

/* master_confine.c: in a child.  False after logging why. */
bool child_confined(const struct config *c, enum priv_role role);

#endif

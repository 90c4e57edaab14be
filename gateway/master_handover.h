#ifndef POSTERN_MASTER_HANDOVER_H
#define POSTERN_MASTER_HANDOVER_H

/*
 * Private to master*.c: how a reload changes the program.
 *
 * First a child runs the program that is on the disk now, as "posternd -n" with
 * the arguments of the start: the trial (master_trial.c).  It reads the
 * configuration and looks whether it could go on from here; it may crash, hang
 * or refuse, and nothing has changed.  If it agrees, the master executes that
 * program itself, in the same process (master_handover.c).  Descriptors stay
 * open, children stay children; what the new program has to know of them stands
 * in a text, whose descriptor is in the environment (master_adopt.c).  It makes
 * new workers, and the old ones drain (master_reload.c).
 *
 * The text is for the program that is to read it: a program that can not go on
 * from what another one left says so in its trial, by the contract's number.
 */

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "master.h"

struct config;
struct master;

/* To be raised when the text, the messages of control.h or what children do at
 * a signal change their meaning.  Layouts of shared memory have numbers of
 * their own, see shared.h. */
#define HANDOVER_CONTRACT "contract-1"
/* The text begins with it, and so does the last line of a trial that agrees:
 * the mark, the contract, the process of the master, the version. */
#define HANDOVER_MARK "postern-handover"
#define HANDOVER_ENV MASTER_HANDOVER_ENV

/* The absolute path of a program that was started as name, found as execvp(3)
 * does; links are not followed, for they may lead elsewhere next time.  To be
 * freed; NULL: it is not there. */
char *program_find(const char *name);

/* The text, in a descriptor that is close-on-exec; -1 after logging why. */
int handover_write(const struct master *m);
/* Executes the program.  Returns only if that can not be done, after logging
 * why, and then nothing has changed. */
void handover_exec(struct master *m);

/* Takes what the text says into an empty m.  In a trial no descriptor of it is
 * there, and all are -1.  False after writing to err why not. */
bool handover_read(struct master *m, bool trial, FILE *err);
/* Frees what a trial has read, or one that could not. */
void handover_forget(struct master *m);

/* A trial.  Begins one: false after logging why not. */
bool trial_begin(struct master *m);
/* Something may have come from it, or its time may be over. */
void trial_watch(struct master *m);
/* Was it the trial that died?  Then it is over, for good or bad. */
bool trial_died(struct master *m, pid_t pid, int status);
void trial_cancel(struct master *m);

/* How a reload ended: EX_OK; EX_CONFIG, the configuration has mistakes;
 * EX_UNAVAILABLE, anything else.  For who has asked for it, with the lines of
 * text (NULL: none). */
void reload_answer(struct master *m, int code, char *text);

#endif

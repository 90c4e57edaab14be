#ifndef POSTERN_PRIV_H
#define POSTERN_PRIV_H

/*
 * Privileges, and the few calls that exist on some systems only.  What a
 * system or a start without root can not do is skipped and said in the log.
 */

#include <stddef.h>

/* Becomes user with its groups, for good, in the directory root as "/" (NULL:
 * not asked for; both are skipped if we are not root); no new privileges
 * afterwards where the system knows that.  0, or -1 after logging why. */
int priv_drop(const char *user, const char *root);
/* The same, but programs may still gain privileges. */
int priv_become(const char *user, const char *root);
/* May user (NULL: who we are) make files in a directory?  0, or -1 with
 * errno.  For root another process becomes user to find out. */
int priv_may_write(const char *user, const char *directory);
/* What a process has to do.  master: nothing of this. */
enum priv_role {
	PRIV_WORKER,  /* sockets; files of its own.  admin, too */
	PRIV_CHECKER, /* computes, for who passes it a socket */
	PRIV_AGENT,   /* writes files wherever told */
	PRIV_RUNNER   /* the same, and starts programs, which may need to gain
		       * privileges (Postfix's postdrop) */
};
/* After priv_drop(): only what the role needs, for good, as far as the system
 * can (pledge(2) and unveil(2), landlock(7)); files are made and written only
 * in the directories writable[].  No core files either.  0, or -1 after logging
 * why. */
int priv_confine(
    enum priv_role role, const char *const writable[], size_t count);
/* Detaches from the terminal (double fork); returns in the daemon only, after
 * the parent has waited for priv_daemon_ready(). */
int priv_daemonize(void);
/* Lets the parent of the daemon exit with success. */
void priv_daemon_ready(void);
/* What ps(1) shows for a child: "posternd: worker".  Where the system can not
 * do it, nothing.  The master keeps its arguments: OpenBSD's rc.subr(8) finds
 * it by them, and must not find its children. */
void priv_title(const char *what);
/* Tells the service manager, if there is one: "READY=1", "RELOADING=1",
 * "STOPPING=1". */
void priv_tell_manager(const char *state);
/* Raises the limit of descriptors as far as the system allows. */
void priv_raise_nofile(void);
/* Processors of this machine. */
unsigned priv_processors(void);

#endif

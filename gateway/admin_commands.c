/*
 * What each request at the control socket does, or whom it asks.
 */

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "admin_impl.h"
#include "conf.h"
#include "conn.h"
#include "log.h"
#include "loop.h"
#include "marks.h"
#include "net.h"
#include "servers.h"

static bool
stays_drained(const struct config *c, const char *name)
{
	const struct backend_conf *b = c->backends;
	char full[SERVERS_NAME_MAX];
	size_t i;

	for (; b < c->backends + c->backend_count; b++)
		for (i = 0; i < b->server_count; i++) {
			snprintf(full, sizeof(full), "%s/%s", b->name,
			    b->servers[i].name);
			if (b->servers[i].drain && strcmp(full, name) == 0)
				return true;
		}
	return false;
}

static void
mark_server(struct caller *caller, bool drain)
{
	struct control *c = caller->control;
	const char *name = caller->request.name;
	int64_t now = loop_now(c->loop);

	if (!(drain ? servers_drain(c->start->servers, name, now)
		    : servers_enable(c->start->servers, name, now))) {
		admin_finish(caller, EX_DATAERR,
		    "there is no such server: BACKEND/SERVER is wanted");
		return;
	}
	log_event(LEVEL_INFO, "server %s is %s by posternctl", name,
	    drain ? "drained" : "enabled");
	if (!drain && stays_drained(c->start->config, name))
		admin_finish(caller, EX_UNAVAILABLE,
		    "the configuration has drain = yes: change it and reload");
	else
		admin_finish(
		    caller, EX_OK, drain ? "gets nothing new" : "is used");
}

static void
set_level(struct caller *caller)
{
	const struct admin_start *start = caller->control->start;
	int level = caller->request.level;

	marks_set_level(start->marks, level);
	log_event(LEVEL_WARN, "the level of the log is %s by posternctl",
	    caller->request.name);
	admin_finish(caller, EX_OK, "");
}

static void
pause_listener(struct caller *caller, bool paused)
{
	const struct admin_start *start = caller->control->start;
	const struct config *c = start->config;
	const char *name = caller->request.name;
	size_t i;

	for (i = 0; i < c->listener_count; i++)
		if (strcmp(c->listeners[i].name, name) == 0)
			break;
	if (i == c->listener_count) {
		admin_finish(caller, EX_DATAERR, "there is no such listener");
		return;
	}
	if (!paused)
		marks_resume(start->marks, name);
	else if (!marks_pause(start->marks, name)) {
		admin_finish(
		    caller, EX_UNAVAILABLE, "too many listeners are paused");
		return;
	}
	log_event(LEVEL_WARN, "listener %s is %s by posternctl", name,
	    paused ? "paused" : "resumed");
	admin_ask(caller, caller->line);
}

static void
start_transcript(struct caller *caller)
{
	struct control *c = caller->control;
	struct caller *other;

	TAILQ_FOREACH (other, &c->callers, entry)
		if (other != caller && other->number != 0 &&
		    other->request.command == CONTROL_TRANSCRIPT) {
			admin_finish(caller, EX_TEMPFAIL,
			    "there is another transcript under way");
			return;
		}
	log_event(LEVEL_WARN, "a transcript of %s begins by posternctl",
	    caller->request.name);
	admin_ask(caller, caller->line);
	conn_deadline(
	    caller->conn, loop_now(c->loop) + caller->request.seconds * 1000);
}

/* The master answers. */
static void
pass_to_master(struct caller *caller)
{
	const struct admin_start *start = caller->control->start;

	log_event(LEVEL_INFO, "posternctl wants a reload");
	log_flush();
	if (net_send_fd(start->reload_fd, conn_fd(caller->conn)) == -1) {
		admin_finish(
		    caller, EX_UNAVAILABLE, "the master can not be told");
		return;
	}
	conn_close(&caller->conn);
	admin_leave(caller);
}

static void
tell_backends(struct caller *caller)
{
	struct control *c = caller->control;
	struct control_text t = { .text = NULL };

	admin_tell_backends(c->start, loop_now(c->loop), &t);
	if (t.len > 0)
		admin_say(caller, &t);
	control_text_free(&t);
	admin_finish(caller, EX_OK, "");
}

void
admin_act(struct caller *caller)
{
	switch (caller->request.command) {
	case CONTROL_BACKENDS:
		tell_backends(caller);
		break;
	case CONTROL_STATUS: /* of which they only say that they are there */
	case CONTROL_SESSIONS:
	case CONTROL_KILL:
		admin_ask(caller, caller->line);
		break;
	case CONTROL_DRAIN:
	case CONTROL_ENABLE:
		mark_server(caller, caller->request.command == CONTROL_DRAIN);
		break;
	case CONTROL_PAUSE:
	case CONTROL_RESUME:
		pause_listener(
		    caller, caller->request.command == CONTROL_PAUSE);
		break;
	case CONTROL_LOG:
		set_level(caller);
		break;
	case CONTROL_TRANSCRIPT:
		start_transcript(caller);
		break;
	case CONTROL_RELOAD:
		pass_to_master(caller);
		break;
	}
}

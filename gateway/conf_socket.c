/*
 * Owner and permissions of the unix sockets of listeners.
 */

#include <sys/types.h>

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "conf_tree.h"

static void
set_mode(
    struct conf_reader *r, const struct conf_block *b, struct listener_conf *lc)
{
	const char *text = lc->socket_mode;
	size_t len = strlen(text);

	if (len < 3 || len > 4 || strspn(text, "01234567") != len ||
	    (len == 4 && text[0] != '0')) {
		conf_complain(r, conf_line(b, "socket-mode"),
		    "socket-mode \"%s\" is not like 0660", text);
		return;
	}
	lc->socket_owner.mode = (unsigned)strtoul(text, NULL, 8);
	lc->socket_owner.has_mode = true;
}

static void
set_owner(
    struct conf_reader *r, const struct conf_block *b, struct listener_conf *lc)
{
	struct net_owner *o = &lc->socket_owner;
	const struct passwd *pw;
	const struct group *gr;

	if (lc->socket_user != NULL) {
		pw = getpwnam(lc->socket_user);
		if (pw == NULL)
			conf_complain(r, conf_line(b, "socket-user"),
			    "there is no user %s here", lc->socket_user);
		o->has_user = pw != NULL;
		o->user = pw != NULL ? (long)pw->pw_uid : 0;
	}
	if (lc->socket_group != NULL) {
		gr = getgrnam(lc->socket_group);
		if (gr == NULL)
			conf_complain(r, conf_line(b, "socket-group"),
			    "there is no group %s here", lc->socket_group);
		o->has_group = gr != NULL;
		o->group = gr != NULL ? (long)gr->gr_gid : 0;
	}
}

void
conf_check_sockets(
    struct conf_reader *r, const struct conf_block *b, struct listener_conf *lc)
{
	static const char *const options[] = { "socket-mode", "socket-user",
		"socket-group" };
	bool has_unix = false;
	size_t i;

	for (i = 0; i < lc->address.count; i++)
		if (lc->address.list[i].ss.ss_family == AF_UNIX)
			has_unix = true;
	for (i = 0; i < nitems(options) && !has_unix; i++)
		if (conf_item(b, options[i]) != NULL && lc->address.count > 0)
			conf_complain(r, conf_line(b, options[i]),
			    "%s is for unix sockets, and this listener has "
			    "none",
			    options[i]);
	if (lc->socket_mode != NULL)
		set_mode(r, b, lc);
	set_owner(r, b, lc);
}

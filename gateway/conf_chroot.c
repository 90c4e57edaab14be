/*
 * chroot: what workers look up while they run must be inside of it.
 */

#include <sys/stat.h>

#include <errno.h>
#include <string.h>

#include "conf_tree.h"
#include "filter.h"

static void check_directory(struct conf_reader *, int);
static void check_log(struct conf_reader *, int);
static void check_servers(struct conf_reader *, int);
static void check_helpers(struct conf_reader *, int);
static void check_paths(struct conf_reader *, int);
static bool inside(struct conf_reader *, const char *, char **);

void
conf_check_chroot(struct conf_reader *r)
{
	int line;

	if (r->config->chroot == NULL)
		return;
	line = conf_line(&r->root, "chroot");
	check_directory(r, line);
	check_log(r, line);
	check_servers(r, line);
	check_helpers(r, line);
	check_paths(r, line);
}

static void
check_directory(struct conf_reader *r, int line)
{
	const struct config *c = r->config;
	struct stat st;
	char *path;

	if (c->chroot[0] != '/') {
		conf_complain(
		    r, line, "chroot %s: not an absolute path", c->chroot);
		return;
	}
	errno = ENOTDIR;
	if (stat(c->chroot, &st) == -1 || !S_ISDIR(st.st_mode)) {
		conf_complain(
		    r, line, "chroot %s: %s", c->chroot, strerror(errno));
		return;
	}
	if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		conf_warn(r, line,
		    "chroot %s: others than root can write to it", c->chroot);
	if (c->spool.directory != NULL && !inside(r, c->spool.directory, &path))
		conf_complain(r, line,
		    "chroot: the spool directory would be %s: %s", path,
		    strerror(errno));
}

/* Workers open the log themselves, at USR1 and when syslogd was away. */
static void
check_log(struct conf_reader *r, int line)
{
	const struct config *c = r->config;
	const char *socket = c->log.path != NULL ? c->log.path : "/dev/log";
	char *path;

	if (c->log.to == LOG_TO_FILE)
		conf_complain(r, line,
		    "chroot: a log file can not be opened again from inside; "
		    "log to syslog or stderr");
	else if (c->log.to != LOG_TO_STDERR && !inside(r, socket, &path))
		conf_warn(r, line,
		    "chroot: there is no %s: lines are lost after a restart of "
		    "syslogd",
		    path);
}

static void
check_servers(struct conf_reader *r, int line)
{
	const struct config *c = r->config;
	const char *address;
	char *path;
	size_t i, k;

	for (i = 0; i < c->backend_count; i++)
		for (k = 0; k < c->backends[i].server_count; k++) {
			address = c->backends[i].servers[k].address;
			if (address != NULL &&
			    strncmp(address, "unix:", 5) == 0 &&
			    !inside(r, address + 5, &path))
				conf_warn(r, line,
				    "chroot: server '%s' of backend '%s' would "
				    "be at %s: %s",
				    c->backends[i].servers[k].name,
				    c->backends[i].name, path, strerror(errno));
		}
}

/* The sockets that filters ask. */
static void
check_helpers(struct conf_reader *r, int line)
{
	const struct config *c = r->config;
	const struct filter_instance *fi = c->filters;
	char text[NET_TEXT_MAX], *path;
	const struct net_addr *a;

	for (; fi < c->filters + c->filter_count; fi++) {
		if (fi->type->helper == NULL)
			continue;
		a = fi->type->helper->address(fi->conf);
		if (a->ss.ss_family == AF_UNIX &&
		    !inside(r, net_text(a, text, sizeof(text)) + 5, &path))
			conf_warn(r, line,
			    "chroot: the server of %s '%s' would be at %s: %s",
			    fi->type->name, fi->name, path, strerror(errno));
	}
}

static void
check_paths(struct conf_reader *r, int line)
{
	const struct config *c = r->config;
	const struct filter_instance *fi = c->filters;
	const char *name;
	char *path;
	size_t i;

	for (; fi < c->filters + c->filter_count; fi++)
		for (i = 0; fi->type->path != NULL &&
		     (name = fi->type->path(fi->conf, i)) != NULL;
		     i++)
			if (!inside(r, name, &path))
				conf_warn(r, line,
				    "chroot: a server of %s '%s' would be at "
				    "%s: %s",
				    fi->type->name, fi->name, path,
				    strerror(errno));
}

static bool
inside(struct conf_reader *r, const char *name, char **path)
{
	struct stat st;

	*path = arena_printf(&r->config->arena, "%s%s%s", r->config->chroot,
	    name[0] == '/' ? "" : "/", name);
	return stat(*path, &st) == 0;
}

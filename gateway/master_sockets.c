/*
 * The master's listening sockets.  One that is configured before and after a
 * reload stays what it is, so that no connection in its backlog is lost.
 */

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "conf.h"
#include "log.h"
#include "master_priv.h"
#include "mem.h"

#define BACKLOG 4096 /* the system has a limit of its own */

static struct listen_socket *find(
    const struct listen_sockets *, const struct net_addr *);
static struct listen_socket *open_one(
    const struct net_addr *, const struct net_owner *);
static bool may_stay(const struct net_addr *);
static bool is_in(const struct config *, const struct net_addr *);
static bool same(const struct net_addr *, const struct net_addr *);
static void close_one(struct listen_sockets *, struct listen_socket *);

int
sockets_open(struct listen_sockets *list, const struct config *c)
{
	struct listen_sockets opened = TAILQ_HEAD_INITIALIZER(opened);
	const struct listener_conf *lc;
	struct listen_socket *s;
	size_t i, k;

	for (i = 0; i < c->listener_count; i++) {
		lc = &c->listeners[i];
		for (k = 0; k < lc->address.count; k++) {
			if (find(list, &lc->address.list[k]) != NULL) {
				if (net_set_owner(&lc->address.list[k],
					&lc->socket_owner) == -1)
					(void)may_stay(&lc->address.list[k]);
				continue;
			}
			s = open_one(&lc->address.list[k], &lc->socket_owner);
			if (s == NULL) {
				sockets_prune(&opened, NULL);
				return -1;
			}
			TAILQ_INSERT_TAIL(&opened, s, entry);
		}
	}
	TAILQ_CONCAT(list, &opened, entry);
	return 0;
}

bool
sockets_try(const struct listen_sockets *list, const struct config *c)
{
	struct listen_sockets opened = TAILQ_HEAD_INITIALIZER(opened);
	const struct listener_conf *lc;
	struct listen_socket *s;
	bool good = true;
	size_t i, k;

	for (i = 0; i < c->listener_count; i++) {
		lc = &c->listeners[i];
		for (k = 0; good && k < lc->address.count; k++) {
			if (find(list, &lc->address.list[k]) != NULL)
				continue;
			s = open_one(&lc->address.list[k], &lc->socket_owner);
			if (s != NULL)
				TAILQ_INSERT_TAIL(&opened, s, entry);
			good = s != NULL;
		}
	}
	sockets_prune(&opened, NULL);
	return good;
}

void
sockets_prune(struct listen_sockets *list, const struct config *c)
{
	struct listen_socket *s, *next;

	TAILQ_FOREACH_SAFE (s, list, entry, next)
		if (c == NULL || !is_in(c, &s->addr))
			close_one(list, s);
}

int *
sockets_order(const struct listen_sockets *list, const struct config *c)
{
	const struct listener_conf *lc;
	size_t i, k, n = 0;
	int *fds;

	for (i = 0; i < c->listener_count; i++)
		n += c->listeners[i].address.count;
	fds = xcalloc(n, sizeof(*fds));
	n = 0;
	for (i = 0; i < c->listener_count; i++) {
		lc = &c->listeners[i];
		for (k = 0; k < lc->address.count; k++)
			fds[n++] = find(list, &lc->address.list[k])->fd;
	}
	return fds;
}

static struct listen_socket *
find(const struct listen_sockets *list, const struct net_addr *a)
{
	struct listen_socket *s;

	TAILQ_FOREACH (s, list, entry)
		if (same(&s->addr, a))
			return s;
	return NULL;
}

/* Its owner could not be set.  Without root nobody expects that. */
static bool
may_stay(const struct net_addr *a)
{
	int error = errno;
	char text[NET_TEXT_MAX];
	bool may = error == EPERM && geteuid() != 0;

	log_event(may ? LEVEL_WARN : LEVEL_ERROR,
	    "can not set owner and mode of %s: %s%s",
	    net_text(a, text, sizeof(text)), strerror(error),
	    may ? "; started by root, it could be" : "");
	errno = error;
	return may;
}

static struct listen_socket *
open_one(const struct net_addr *a, const struct net_owner *owner)
{
	struct listen_socket *s;
	char text[NET_TEXT_MAX];
	int fd = net_listen_as(a, BACKLOG, owner);
	struct net_owner mode = *owner;

	if (fd == -1 && errno == EPERM && a->ss.ss_family == AF_UNIX &&
	    may_stay(a)) {
		mode.has_user = mode.has_group = false;
		fd = net_listen_as(a, BACKLOG, &mode);
	}
	if (fd == -1) {
		log_event(LEVEL_ERROR, "can not listen on %s: %s",
		    net_text(a, text, sizeof(text)), strerror(errno));
		return NULL;
	}
	s = xcalloc(1, sizeof(*s));
	s->addr = *a;
	s->fd = fd;
	return s;
}

static bool
is_in(const struct config *c, const struct net_addr *a)
{
	size_t i, k;

	for (i = 0; i < c->listener_count; i++)
		for (k = 0; k < c->listeners[i].address.count; k++)
			if (same(&c->listeners[i].address.list[k], a))
				return true;
	return false;
}

static bool
same(const struct net_addr *a, const struct net_addr *b)
{
	char text_a[NET_TEXT_MAX], text_b[NET_TEXT_MAX];

	return strcmp(net_text(a, text_a, sizeof(text_a)),
		   net_text(b, text_b, sizeof(text_b))) == 0;
}

static void
close_one(struct listen_sockets *list, struct listen_socket *s)
{
	struct sockaddr_un un;

	close(s->fd);
	if (s->addr.ss.ss_family == AF_UNIX) {
		memcpy(&un, &s->addr.ss, sizeof(un));
		(void)unlink(un.sun_path);
	}
	TAILQ_REMOVE(list, s, entry);
	free(s);
}

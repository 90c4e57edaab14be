#ifndef POSTERN_NET_H
#define POSTERN_NET_H

/*
 * Addresses of the network: text to value and back, networks in CIDR form, and
 * the few socket calls that differ between systems.  IPv4-mapped IPv6
 * addresses (::ffff:192.0.2.1) are turned into IPv4 on the way in, so that one
 * client has one address.
 */

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_TEXT_MAX 120 /* any address with port or unix path, with NUL */

struct net_addr { /* an endpoint; ss_family is 0 when unset */
	struct sockaddr_storage ss;
	socklen_t len;
};

/* "192.0.2.1:25", "[2001:db8::1]:25", "unix:/path".  0, or -1 with a static
 * text in *err_r.  Numbers only: nothing is resolved. */
int net_parse(const char *text, struct net_addr *addr_r, const char **err_r);
/* A name and a port: "mail.example.org:25".  0, or -1 as above. */
int net_split(const char *text, char *host_r, size_t size, int *port_r,
    const char **err_r);

/* The bare address ("192.0.2.1", "2001:db8::1", "unix"); never fails. */
const char *net_ip(const struct net_addr *a, char *buf, size_t size);
/* Address and port. */
const char *net_text(const struct net_addr *a, char *buf, size_t size);
int net_port(const struct net_addr *a);
void net_set_port(struct net_addr *a, int port); /* of an IP address */
bool net_same_ip(const struct net_addr *a, const struct net_addr *b);
bool net_is_loopback(const struct net_addr *a);
/* 0.0.0.0 or ::, which stand for every address of the machine. */
bool net_is_any(const struct net_addr *a);
/* Fills in from a sockaddr, unmapping ::ffff:0:0/96. */
void net_from_sockaddr(
    struct net_addr *a, const struct sockaddr *sa, socklen_t len);

struct net_prefix {
	int family;
	unsigned char addr[16];
	unsigned bits;
};
struct net_list {
	struct net_prefix *list; /* owned by the configuration */
	size_t count;
	bool sorted; /* by net_list_sort() */
};

/* "192.0.2.0/24", "2001:db8::/32", a bare address, or "unix" for clients on
 * unix sockets.  Host bits that are set are an error. */
int net_prefix_parse(
    const char *text, struct net_prefix *prefix_r, const char **err_r);
/* Orders the list and takes out what another one of it contains; then a look-up
 * takes as many steps as the number of networks has binary digits. */
void net_list_sort(struct net_list *l);
bool net_list_has(const struct net_list *l, const struct net_addr *a);

/* A listening, non-blocking, close-on-exec socket (IPV6_V6ONLY set, a stale
 * unix socket replaced), or -1 with errno. */
int net_listen(const struct net_addr *a, int backlog);

/* Who may connect to a unix socket. */
struct net_owner {
	bool has_mode, has_user, has_group; /* else as the system has it */
	unsigned mode;			    /* as of chmod() */
	long user;
	long group;
};
/* Likewise; nobody connects before the owner is set.  owner may be NULL. */
int net_listen_as(
    const struct net_addr *a, int backlog, const struct net_owner *owner);
/* Of a socket that is there: 0, or -1 with errno. */
int net_set_owner(const struct net_addr *a, const struct net_owner *owner);
/* Binds a socket that is going to connect; 0, or -1 with errno. */
int net_bind_source(int fd, const struct net_addr *a);
/* accept() with non-blocking, close-on-exec and TCP_NODELAY; -1 with errno. */
int net_accept(int fd, struct net_addr *peer_r);
/* Our end of a socket; unset if nobody knows. */
void net_local(int fd, struct net_addr *local_r);
int net_nonblock(int fd);
int net_cloexec(int fd);

/* Passes a descriptor over a unix socket, with one byte.  0 or -1. */
int net_send_fd(int sock, int fd);
/* Receives one: the descriptor, or -1 with errno (0 at the end of file).  A
 * message with none or with several is EBADMSG, and those are closed. */
int net_recv_fd(int sock);

#endif

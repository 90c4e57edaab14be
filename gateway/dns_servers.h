#ifndef POSTERN_DNS_SERVERS_H
#define POSTERN_DNS_SERVERS_H

/*
 * The servers that the resolver asks: their order, and who is avoided for a
 * while.  And resolv.conf(5), whose changes are followed.
 */

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns.h"
#include "net.h"

struct dns_server {
	struct net_addr addr;
	unsigned failures;  /* in a row */
	int64_t down_until; /* loop_now(); others are asked first */
};

struct dns_servers {
	struct dns_server list[DNS_SERVERS_MAX];
	unsigned count;
	unsigned version; /* changes with the list */
	const char *path; /* borrowed; of resolv.conf, or NULL */
	int64_t look_at;  /* loop_now(): not before */
	int64_t mtime;	  /* of the file that was read: ns, and what else */
	off_t size;	  /* tells it from another one */
	ino_t inode;
};

void dns_servers_init(
    struct dns_servers *s, const struct dns_settings *settings);
/* Reads the file again if it has changed; looks every few seconds. */
void dns_servers_follow(struct dns_servers *s, int64_t now_ms);
/* The first one whose bit is not in tried, those that are up first; -1: none
 * is left. */
int dns_servers_choose(
    const struct dns_servers *s, uint32_t tried, int64_t now_ms);
/* It did not answer in time, several times in a row; or it is gone. */
void dns_servers_silent(
    struct dns_servers *s, unsigned server, bool gone, int64_t now_ms);
void dns_servers_good(struct dns_servers *s, unsigned server);

/* Reads the nameserver lines of a file: how many were stored; 0 if there are
 * none or the file can not be read. */
size_t dns_servers_read(const char *path, struct net_addr *list, size_t max);

#endif

/*
 * The resolver's servers: see dns_servers.h.
 */

#include "dns_servers.h"

#include <sys/stat.h>

#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "compat.h"
#include "log.h"

#define LOOK_MS 5000	   /* between looks at the file */
#define DOWN_FIRST_MS 2000 /* a silent server is avoided; then doubled */
#define DOWN_MAX_MS 60000
#define SILENT 3       /* time-outs in a row: a domain may be slow, too */
#define LINES_MAX 1000 /* of the file; the rest is not read */
#define PORT 53

static void note_file(struct dns_servers *, const struct stat *);
static void set_list(struct dns_servers *, const struct net_addr *, size_t);
static bool parse_line(char *, struct net_addr *);
static bool parse_server(char *, struct net_addr *);
static void set_scope(struct net_addr *, const char *);

void
dns_servers_init(struct dns_servers *s, const struct dns_settings *settings)
{
	struct stat st;

	memset(s, 0, sizeof(*s));
	s->path = settings->resolv_conf;
	if (s->path != NULL && stat(s->path, &st) == 0)
		note_file(s, &st);
	set_list(s, settings->servers, settings->server_count);
}

static void
note_file(struct dns_servers *s, const struct stat *st)
{
	s->mtime =
	    (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
	s->size = st->st_size;
	s->inode = st->st_ino;
}

static void
set_list(struct dns_servers *s, const struct net_addr *list, size_t count)
{
	size_t i;

	for (i = 0; i < count && i < DNS_SERVERS_MAX; i++)
		s->list[i] = (struct dns_server){ .addr = list[i] };
	s->count = (unsigned)i;
	s->version++;
}

/* A file that is gone, or says nothing, is likely being written. */
void
dns_servers_follow(struct dns_servers *s, int64_t now_ms)
{
	struct net_addr list[DNS_SERVERS_MAX];
	struct dns_servers seen = *s;
	struct stat st;
	size_t count;

	if (s->path == NULL || now_ms < s->look_at)
		return;
	s->look_at = now_ms + LOOK_MS;
	if (stat(s->path, &st) == -1)
		return;
	note_file(&seen, &st);
	if (seen.mtime == s->mtime && seen.size == s->size &&
	    seen.inode == s->inode)
		return;
	count = dns_servers_read(s->path, list, nitems(list));
	if (count == 0)
		return;
	note_file(s, &st);
	set_list(s, list, count);
	log_event(LEVEL_INFO, "resolver: %s has changed, %u server%s", s->path,
	    s->count, s->count == 1 ? "" : "s");
}

int
dns_servers_choose(const struct dns_servers *s, uint32_t tried, int64_t now_ms)
{
	int best = -1;
	unsigned i;

	for (i = 0; i < s->count; i++) {
		if ((tried & (1u << i)) != 0)
			continue;
		if (s->list[i].down_until <= now_ms)
			return (int)i;
		if (best == -1 ||
		    s->list[i].down_until < s->list[best].down_until)
			best = (int)i;
	}
	return best;
}

void
dns_servers_silent(
    struct dns_servers *s, unsigned server, bool gone, int64_t now_ms)
{
	struct dns_server *sv = &s->list[server];
	int64_t pause = DOWN_FIRST_MS;
	char text[NET_TEXT_MAX];
	unsigned i;

	sv->failures =
	    gone && sv->failures < SILENT ? SILENT : sv->failures + 1;
	if (sv->failures < SILENT)
		return;
	for (i = SILENT; i < sv->failures && pause < DOWN_MAX_MS; i++)
		pause *= 2;
	if (sv->down_until == 0)
		log_event(LEVEL_WARN, "resolver: server %s does not answer",
		    net_text(&sv->addr, text, sizeof(text)));
	sv->down_until = now_ms + (pause < DOWN_MAX_MS ? pause : DOWN_MAX_MS);
}

void
dns_servers_good(struct dns_servers *s, unsigned server)
{
	struct dns_server *sv = &s->list[server];
	char text[NET_TEXT_MAX];

	if (sv->down_until != 0)
		log_event(LEVEL_INFO, "resolver: server %s answers again",
		    net_text(&sv->addr, text, sizeof(text)));
	sv->failures = 0;
	sv->down_until = 0;
}

/* resolv.conf.  Only nameserver lines are of interest: we complete no names,
 * and have time-outs of our own. */

size_t
dns_servers_read(const char *path, struct net_addr *list, size_t max)
{
	FILE *f = fopen(path, "r");
	char line[512];
	size_t count = 0;
	int lines = 0;

	if (f == NULL)
		return 0;
	while (count < max && lines++ < LINES_MAX &&
	    fgets(line, sizeof(line), f) != NULL)
		if (parse_line(line, &list[count]))
			count++;
	fclose(f);
	return count;
}

/* "nameserver ADDRESS"; what is behind the address is a comment. */
static bool
parse_line(char *line, struct net_addr *addr)
{
	static const char word[] = "nameserver";
	char *p = line + sizeof(word) - 1;

	if (strncmp(line, word, sizeof(word) - 1) != 0 ||
	    (*p != ' ' && *p != '\t'))
		return false;
	p += strspn(p, " \t");
	p[strcspn(p, " \t\r\n#;")] = '\0';
	return parse_server(p, addr);
}

/* A bare address, or as on OpenBSD [ADDRESS]:PORT; IPv6 perhaps with a zone. */
static bool
parse_server(char *text, struct net_addr *addr)
{
	char full[NET_TEXT_MAX], *zone;
	const char *err;

	zone = strchr(text, '%');
	if (zone != NULL)
		*zone++ = '\0';
	if (text[0] == '[' && zone == NULL) {
		/* [192.0.2.1]:53 is written so, too. */
		if (net_parse(text, addr, &err) == 0)
			return true;
		compat_strlcpy(full, text + 1, sizeof(full));
		zone = strchr(full, ']');
		if (zone == NULL)
			return false;
		memmove(zone, zone + 1, strlen(zone));
		return net_parse(full, addr, &err) == 0;
	}
	snprintf(full, sizeof(full),
	    strchr(text, ':') != NULL ? "[%s]:%d" : "%s:%d", text, PORT);
	if (net_parse(full, addr, &err) == -1)
		return false;
	set_scope(addr, zone);
	return true;
}

static void
set_scope(struct net_addr *addr, const char *zone)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&addr->ss;

	if (zone != NULL && addr->ss.ss_family == AF_INET6)
		in6->sin6_scope_id = if_nametoindex(zone);
}

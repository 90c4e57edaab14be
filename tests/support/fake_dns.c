/*
 * A DNS server for tests: see fake_dns.h.
 */

#include "fake_dns.h"

#include <sys/socket.h>

#include <ctype.h>
#include <ldns/ldns.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "mem.h"

#define CONNS 8
#define LINES 400
#define UDP_PLAIN 512 /* without EDNS */
#define PORT_TRIES 20

struct tcp {
	int fd; /* -1: free */
	unsigned char in[600];
	size_t len;
};

struct fake_dns {
	int udp; /* -1: stopped */
	int listener;
	struct net_addr addr;
	struct tcp conns[CONNS];
	char *lines[LINES];
	size_t count;
	unsigned queries;
};

/* Both protocols on one port. */
static bool
open_port(struct fake_dns *f, int port)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t len = sizeof(in);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in.sin_port = htons((uint16_t)port);
	f->udp = socket(AF_INET, SOCK_DGRAM, 0);
	f->listener = -1;
	if (bind(f->udp, (struct sockaddr *)&in, sizeof(in)) == 0 &&
	    getsockname(f->udp, (struct sockaddr *)&in, &len) == 0 &&
	    net_nonblock(f->udp) == 0) {
		net_from_sockaddr(&f->addr, (struct sockaddr *)&in, sizeof(in));
		f->listener = net_listen(&f->addr, 10);
	}
	if (f->listener != -1)
		return true;
	close(f->udp);
	f->udp = -1;
	return false;
}

struct fake_dns *
fake_dns_new(void)
{
	struct fake_dns *f = xcalloc(1, sizeof(*f));
	int i;

	for (i = 0; i < CONNS; i++)
		f->conns[i].fd = -1;
	for (i = 0; i < PORT_TRIES; i++)
		if (open_port(f, 0))
			return f;
	abort();
}

void
fake_dns_start(struct fake_dns *f)
{
	if (!open_port(f, net_port(&f->addr)))
		abort();
}

void
fake_dns_stop(struct fake_dns *f)
{
	int i;

	if (f->udp == -1)
		return;
	close(f->udp);
	close(f->listener);
	f->udp = f->listener = -1;
	for (i = 0; i < CONNS; i++) {
		if (f->conns[i].fd != -1)
			close(f->conns[i].fd);
		f->conns[i].fd = -1;
	}
}

void
fake_dns_forget(struct fake_dns *f)
{
	while (f->count > 0)
		free(f->lines[--f->count]);
}

void
fake_dns_free(struct fake_dns **fp)
{
	fake_dns_stop(*fp);
	fake_dns_forget(*fp);
	free(*fp);
	*fp = NULL;
}

const struct net_addr *
fake_dns_addr(const struct fake_dns *f)
{
	return &f->addr;
}

unsigned
fake_dns_queries(const struct fake_dns *f)
{
	return f->queries;
}

/* What it knows. */

/* A line in parts: its name, a type or "", and what it says. */
struct line {
	char name[260];
	char type[20];
	char data[4000];
	uint32_t ttl;
	bool record;
	int code; /* -1: no answer */
};

static bool
parse_code(const char *word, int *code_r)
{
	const ldns_lookup_table *known;

	*code_r = -1;
	if (strcmp(word, "timeout") == 0)
		return true;
	known = ldns_lookup_by_name(ldns_rcodes, word);
	if (known != NULL)
		*code_r = known->id;
	return known != NULL;
}

static bool
parse(const char *text, struct line *l)
{
	int used = 0;

	memset(l, 0, sizeof(*l));
	l->ttl = 300;
	if (sscanf(text, "%259s %n", l->name, &used) < 1)
		return false;
	text += used;
	if (isdigit((unsigned char)*text))
		l->ttl = (uint32_t)strtoul(text, NULL, 10);
	text += strspn(text, "0123456789 ");
	if (parse_code(text, &l->code))
		return true;
	if (sscanf(text, "%19s %3999[^\n]", l->type, l->data) != 2)
		return false;
	l->record = !parse_code(l->data, &l->code);
	return true;
}

static ldns_rr *
make_record(const char *owner, const struct line *l)
{
	char text[4600];
	ldns_rr *rr = NULL;

	snprintf(text, sizeof(text), "%s. %u IN %s %s", owner, (unsigned)l->ttl,
	    l->type, l->data);
	if (ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL) != LDNS_STATUS_OK)
		return NULL;
	return rr;
}

bool
fake_dns_add(struct fake_dns *f, const char *text)
{
	struct line l;
	ldns_rr *rr;

	if (f->count == LINES || !parse(text, &l))
		return false;
	if (l.record) {
		rr = make_record(l.name, &l);
		if (rr == NULL)
			return false;
		ldns_rr_free(rr);
	}
	f->lines[f->count++] = xstrdup(text);
	return true;
}

/* Queries. */

static void
close_conn(struct fake_dns *f, int i)
{
	close(f->conns[i].fd);
	f->conns[i].fd = -1;
}

static void
accept_all(struct fake_dns *f)
{
	struct net_addr peer;
	int fd, i;

	while ((fd = net_accept(f->listener, &peer)) != -1) {
		for (i = 0; i < CONNS && f->conns[i].fd != -1; i++)
			continue;
		if (i == CONNS) {
			close(fd);
			continue;
		}
		f->conns[i] = (struct tcp){ .fd = fd };
	}
}

/* A whole message of a connection. */
static bool
take_tcp(struct fake_dns *f, int i, struct fake_query *q)
{
	struct tcp *c = &f->conns[i];
	ssize_t n;
	size_t len;

	if (c->fd == -1)
		return false;
	n = read(c->fd, c->in + c->len, sizeof(c->in) - c->len);
	if (n == 0) {
		close_conn(f, i);
		return false;
	}
	if (n > 0)
		c->len += (size_t)n;
	if (c->len < 2)
		return false;
	len = (size_t)(c->in[0] << 8 | c->in[1]);
	if (c->len < 2 + len || len > sizeof(q->msg))
		return false;
	memcpy(q->msg, c->in + 2, len);
	q->len = len;
	q->tcp = i;
	c->len = 0; /* our clients send one query on each */
	return true;
}

static bool
take_udp(struct fake_dns *f, struct fake_query *q)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	ssize_t n = recvfrom(
	    f->udp, q->msg, sizeof(q->msg), 0, (struct sockaddr *)&ss, &len);

	if (n == -1)
		return false;
	net_from_sockaddr(&q->from, (struct sockaddr *)&ss, len);
	q->len = (size_t)n;
	q->tcp = -1;
	return true;
}

static void
name_question(struct fake_query *q)
{
	ldns_rr *rr = NULL;
	size_t pos = 12;
	char *text;

	q->name[0] = q->type[0] = '\0';
	if (ldns_wire2rr(&rr, q->msg, q->len, &pos, LDNS_SECTION_QUESTION) !=
	    LDNS_STATUS_OK)
		return;
	text = ldns_rdf2str(ldns_rr_owner(rr));
	snprintf(q->name, sizeof(q->name), "%.*s", (int)strlen(text) - 1, text);
	free(text);
	text = ldns_rr_type2str(ldns_rr_get_type(rr));
	snprintf(q->type, sizeof(q->type), "%s", text);
	free(text);
	ldns_rr_free(rr);
}

bool
fake_dns_take(struct fake_dns *f, struct fake_query *q)
{
	bool any;
	int i;

	memset(q, 0, sizeof(*q));
	if (f->udp == -1)
		return false;
	any = take_udp(f, q);
	accept_all(f);
	for (i = 0; i < CONNS && !any; i++)
		any = take_tcp(f, i, q);
	if (!any)
		return false;
	name_question(q);
	f->queries++;
	return true;
}

/* Replies. */

/* Adds what is known of a name; the number of records, or -1 if there is no
 * such name.  *code_r is what a line says instead. */
static int
add_known(struct fake_dns *f, ldns_pkt *reply, const char *name,
    const char *type, bool *special_r, int *code_r)
{
	int found = -1;
	struct line l;
	size_t i;

	for (i = 0; i < f->count; i++) {
		parse(f->lines[i], &l);
		if (strcasecmp(l.name, name) != 0)
			continue;
		if (!l.record &&
		    (l.type[0] == '\0' || strcasecmp(l.type, type) == 0)) {
			*special_r = true;
			*code_r = l.code;
			return 0;
		}
		if (found == -1)
			found = 0;
		if (!l.record || strcasecmp(l.type, type) != 0)
			continue;
		ldns_pkt_push_rr(
		    reply, LDNS_SECTION_ANSWER, make_record(name, &l));
		found++;
	}
	return found;
}

/* Where an alias leads to; false if the name is none. */
static bool
alias_of(struct fake_dns *f, const char *name, char *target, size_t size)
{
	struct line l;
	size_t i, len;

	for (i = 0; i < f->count; i++) {
		parse(f->lines[i], &l);
		if (strcasecmp(l.name, name) != 0 ||
		    strcasecmp(l.type, "CNAME") != 0 || !l.record)
			continue;
		snprintf(target, size, "%s", l.data);
		len = strlen(target);
		if (len > 0 && target[len - 1] == '.')
			target[len - 1] = '\0';
		return true;
	}
	return false;
}

static void
add_soa(ldns_pkt *reply)
{
	ldns_rr *rr = NULL;

	ldns_rr_new_frm_str(&rr,
	    "test. 600 IN SOA ns.test. root.test. 1 7200 3600 86400 60", 0,
	    NULL, NULL);
	ldns_pkt_push_rr(reply, LDNS_SECTION_AUTHORITY, rr);
}

/* False: no answer is to be given. */
static bool
fill(struct fake_dns *f, const struct fake_query *q, ldns_pkt *reply)
{
	char name[4000], next[4000];
	int found, code = 0, hops = 0;
	bool special = false;

	snprintf(name, sizeof(name), "%s", q->name);
	for (;;) {
		found = add_known(f, reply, name, q->type, &special, &code);
		if (special) {
			if (code >= 0)
				ldns_pkt_set_rcode(reply, (uint8_t)code);
			return code >= 0;
		}
		if (found > 0 || hops++ > 10 || strcmp(q->type, "CNAME") == 0 ||
		    !alias_of(f, name, next, sizeof(next)))
			break;
		add_known(f, reply, name, "CNAME", &special, &code);
		snprintf(name, sizeof(name), "%s", next);
	}
	if (found == -1)
		ldns_pkt_set_rcode(reply, LDNS_RCODE_NXDOMAIN);
	if (found <= 0)
		add_soa(reply);
	return true;
}

size_t
fake_dns_reply(struct fake_dns *f, const struct fake_query *q,
    unsigned char buf[FAKE_DNS_MAX])
{
	ldns_pkt *query = NULL, *reply = ldns_pkt_new();
	size_t len = 0, room = FAKE_DNS_MAX;
	uint8_t *wire = NULL;

	if (ldns_wire2pkt(&query, q->msg, q->len) != LDNS_STATUS_OK) {
		ldns_pkt_free(reply);
		return 0;
	}
	ldns_pkt_set_id(reply, ldns_pkt_id(query));
	ldns_pkt_set_qr(reply, true);
	ldns_pkt_set_rd(reply, true);
	ldns_pkt_set_ra(reply, true);
	ldns_pkt_push_rr(reply, LDNS_SECTION_QUESTION,
	    ldns_rr_clone(ldns_rr_list_rr(ldns_pkt_question(query), 0)));
	if (fill(f, q, reply) &&
	    ldns_pkt2wire(&wire, reply, &len) == LDNS_STATUS_OK) {
		if (q->tcp == -1)
			room = ldns_pkt_edns_udp_size(query) > UDP_PLAIN
			    ? ldns_pkt_edns_udp_size(query)
			    : UDP_PLAIN;
		memcpy(buf, wire, len);
		if (len > room) { /* cut where it happens to be */
			LDNS_TC_SET(buf);
			len = room;
		}
	}
	free(wire);
	ldns_pkt_free(query);
	ldns_pkt_free(reply);
	return len;
}

void
fake_dns_send(struct fake_dns *f, const struct fake_query *q,
    const unsigned char *msg, size_t len)
{
	unsigned char head[2] = { (unsigned char)(len >> 8),
		(unsigned char)len };
	int fd;

	if (q->tcp == -1) {
		(void)!sendto(f->udp, msg, len, 0,
		    (const struct sockaddr *)&q->from.ss, q->from.len);
		return;
	}
	fd = f->conns[q->tcp].fd;
	if (fd == -1)
		return;
	(void)!send(fd, head, sizeof(head), MSG_NOSIGNAL);
	(void)!send(fd, msg, len, MSG_NOSIGNAL);
}

bool
fake_dns_poll(struct fake_dns *f)
{
	unsigned char *buf = xmalloc(FAKE_DNS_MAX);
	struct fake_query q;
	bool any = false;
	size_t len;

	while (fake_dns_take(f, &q)) {
		any = true;
		len = fake_dns_reply(f, &q, buf);
		if (len > 0)
			fake_dns_send(f, &q, buf, len);
	}
	free(buf);
	return any;
}

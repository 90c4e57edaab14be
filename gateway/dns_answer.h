#ifndef POSTERN_DNS_ANSWER_H
#define POSTERN_DNS_ANSWER_H

/*
 * What the DNS said to one question.  An answer is made once, then never
 * changed and shared by the cache and all who asked: each holder has a
 * reference of its own and gives it back with dns_answer_unref().  All pointers
 * in an answer live as long as the answer.
 *
 * Names are in lower case, A-labels, without the final dot; octets that are no
 * printable ASCII, and dots inside of labels, are escaped as \DDD and \. (RFC
 * 1035 5.1), so a name is always printable.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net.h"

#define DNS_NAME_SIZE 256    /* of any name that can be asked for, with NUL */
#define DNS_RECORDS_MAX 1000 /* the rest of an answer is left out */
#define DNS_ALIASES_MAX 8    /* CNAMEs in a row */
#define DNS_TTL_NEGATIVE 5   /* seconds, when there is no SOA (RFC 2308 5) */

enum dns_type { DNS_A, DNS_AAAA, DNS_CNAME, DNS_MX, DNS_PTR, DNS_TXT };

enum dns_status {
	DNS_FOUND,    /* there are records */
	DNS_NONE,     /* the name exists, but has no such records */
	DNS_NXDOMAIN, /* the name does not exist, or can not */
	DNS_UNKNOWN   /* could not be found out (time-out, SERVFAIL): reason */
};

struct dns_record {
	struct net_addr addr; /* A, AAAA; the port is 0 */
	const char *name;     /* MX, PTR, CNAME; "" is the root (a null MX) */
	unsigned preference;  /* MX */
	const char *text;     /* TXT: all its strings in one, and a NUL */
	size_t len;
};

struct dns_answer {
	const char *name; /* as asked for */
	enum dns_type type;
	enum dns_status status;
	const char *reason; /* static; of DNS_UNKNOWN, else NULL */
	const struct dns_record *records;
	size_t count;	  /* 0 unless DNS_FOUND */
	unsigned aliases; /* CNAMEs that were followed */
	uint32_t ttl;	  /* seconds; the smallest of all that was used */
	int64_t until;	  /* loop_now() milliseconds: then it is old */

	unsigned refs; /* private, as the next */
	struct dns_record *list;
	size_t space;
	size_t size; /* octets of memory */
};

/* Empty, with one reference, DNS_UNKNOWN without a reason. */
struct dns_answer *dns_answer_new(const char *name, enum dns_type type);
/* While it is made: a record with what of the struct belongs to the type; the
 * texts are copied.  MX records are kept in the order of preference. */
void dns_answer_add(struct dns_answer *a, const struct dns_record *r);
struct dns_answer *dns_answer_ref(struct dns_answer *a);
void dns_answer_unref(struct dns_answer **ap);

/* "MX" and so on. */
const char *dns_type_name(enum dns_type type);

#endif

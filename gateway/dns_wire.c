/*
 * DNS messages: see dns_wire.h.
 */

#include "dns_wire.h"

#include <ldns/ldns.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "dns_name.h"
#include "mem.h"

#define HEADER 12
#define RECORDS_MAX 4000 /* in all sections: ldns reads every one of them */

struct reading {
	ldns_pkt *pkt;	    /* owned */
	ldns_rr *question;  /* borrowed */
	const ldns_rdf *at; /* borrowed: where the aliases have led to */
	unsigned aliases;
	uint32_t ttl;
	struct dns_answer *answer;
	struct dns_wire_note *note;
};

static const ldns_rr_type types[] = { [DNS_A] = LDNS_RR_TYPE_A,
	[DNS_AAAA] = LDNS_RR_TYPE_AAAA,
	[DNS_CNAME] = LDNS_RR_TYPE_CNAME,
	[DNS_MX] = LDNS_RR_TYPE_MX,
	[DNS_PTR] = LDNS_RR_TYPE_PTR,
	[DNS_TXT] = LDNS_RR_TYPE_TXT };

static bool is_reply(const unsigned char *, size_t, uint16_t);
static bool is_question(
    const unsigned char *, size_t, const char *, enum dns_type);
static enum dns_wire_found failed(struct dns_wire_note *, unsigned);
static enum dns_wire_found read_packet(struct reading *, const char *);
static enum dns_wire_found read_answer(struct reading *);
static const ldns_rr *find(const struct reading *, ldns_rr_type);
static bool follow(struct reading *);
static void take_records(struct reading *);
static bool take_record(struct dns_answer *, const ldns_rr *);
static enum dns_wire_found read_negative(struct reading *);
static char *text_of(const ldns_rdf *);
static uint32_t smaller_ttl(uint32_t, uint32_t);

size_t
dns_wire_query(unsigned char buf[DNS_WIRE_QUERY_MAX], uint16_t id,
    const char *name, enum dns_type type, bool edns)
{
	ldns_rdf *owner = ldns_dname_new_frm_str(name);
	ldns_pkt *pkt;
	uint8_t *wire = NULL;
	size_t len = 0;

	if (owner == NULL)
		return 0;
	pkt = ldns_pkt_query_new(owner, types[type], LDNS_RR_CLASS_IN, LDNS_RD);
	if (pkt == NULL)
		abort(); /* no memory */
	ldns_pkt_set_id(pkt, id);
	if (edns)
		ldns_pkt_set_edns_udp_size(pkt, DNS_WIRE_UDP_MAX);
	if (ldns_pkt2wire(&wire, pkt, &len) != LDNS_STATUS_OK)
		len = 0;
	if (len > DNS_WIRE_QUERY_MAX)
		len = 0;
	if (len > 0)
		memcpy(buf, wire, len);
	free(wire);
	ldns_pkt_free(pkt);
	return len;
}

enum dns_wire_found
dns_wire_read(const unsigned char *msg, size_t len, uint16_t id,
    const char *name, struct dns_answer *a, struct dns_wire_note *note)
{
	struct reading r = { .answer = a, .note = note, .ttl = a->ttl };
	enum dns_wire_found found;
	unsigned code;

	memset(note, 0, sizeof(*note));
	if (!is_reply(msg, len, id))
		return DNS_WIRE_FOREIGN;
	code = LDNS_RCODE_WIRE(msg);
	if (LDNS_QDCOUNT(msg) == 0) {
		/* Who did not understand the query may not repeat it. */
		if (code == LDNS_RCODE_FORMERR || code == LDNS_RCODE_NOTIMPL)
			return failed(note, code);
		return DNS_WIRE_FOREIGN;
	}
	if (!is_question(msg, len, name, a->type))
		return DNS_WIRE_FOREIGN;
	if (code != LDNS_RCODE_NOERROR && code != LDNS_RCODE_NXDOMAIN)
		return failed(note, code);
	/* What is left of a truncated reply may end anywhere. */
	if (LDNS_TC_WIRE(msg) != 0)
		return DNS_WIRE_TRUNCATED;
	if (ldns_wire2pkt(&r.pkt, msg, len) != LDNS_STATUS_OK)
		return DNS_WIRE_FOREIGN;
	found = read_packet(&r, name);
	ldns_pkt_free(r.pkt);
	return found;
}

static bool
is_reply(const unsigned char *msg, size_t len, uint16_t id)
{
	unsigned records;

	if (len < HEADER || LDNS_ID_WIRE(msg) != id || LDNS_QR_WIRE(msg) == 0 ||
	    LDNS_OPCODE_WIRE(msg) != LDNS_PACKET_QUERY || LDNS_QDCOUNT(msg) > 1)
		return false;
	records =
	    (unsigned)LDNS_ANCOUNT(msg) + LDNS_NSCOUNT(msg) + LDNS_ARCOUNT(msg);
	return records <= RECORDS_MAX;
}

static bool
is_question(
    const unsigned char *msg, size_t len, const char *name, enum dns_type type)
{
	ldns_rdf *asked = ldns_dname_new_frm_str(name);
	ldns_rr *rr = NULL;
	size_t pos = HEADER;
	bool same = false;

	if (asked != NULL &&
	    ldns_wire2rr(&rr, msg, len, &pos, LDNS_SECTION_QUESTION) ==
		LDNS_STATUS_OK)
		same = ldns_rr_get_type(rr) == types[type] &&
		    ldns_rr_get_class(rr) == LDNS_RR_CLASS_IN &&
		    ldns_dname_compare(ldns_rr_owner(rr), asked) == 0;
	ldns_rr_free(rr);
	ldns_rdf_deep_free(asked);
	return same;
}

static enum dns_wire_found
failed(struct dns_wire_note *note, unsigned code)
{
	static const char *const names[] = {
		[LDNS_RCODE_FORMERR] = "FORMERR",
		[LDNS_RCODE_SERVFAIL] = "SERVFAIL",
		[LDNS_RCODE_NOTIMPL] = "NOTIMP",
		[LDNS_RCODE_REFUSED] = "REFUSED",
	};

	note->reason = "an unusual error of the server";
	if (code < nitems(names) && names[code] != NULL)
		note->reason = names[code];
	note->no_edns =
	    code == LDNS_RCODE_FORMERR || code == LDNS_RCODE_NOTIMPL;
	return DNS_WIRE_FAILED;
}

static enum dns_wire_found
read_packet(struct reading *r, const char *name)
{
	enum dns_wire_found found;
	ldns_rdf *asked;

	/* BADVERS and what else does not fit into four bits. */
	if (ldns_pkt_edns_extended_rcode(r->pkt) != 0)
		return failed(r->note, UINT8_MAX);
	asked = ldns_dname_new_frm_str(name);
	if (asked == NULL)
		abort(); /* no memory: it was a name a moment ago */
	r->at = asked;
	found = read_answer(r);
	ldns_rdf_deep_free(asked);
	return found;
}

static enum dns_wire_found
read_answer(struct reading *r)
{
	bool follows = r->answer->type != DNS_CNAME;
	unsigned limit = DNS_ALIASES_MAX - r->answer->aliases;

	while (follows && find(r, types[r->answer->type]) == NULL &&
	    find(r, LDNS_RR_TYPE_CNAME) != NULL) {
		if (r->aliases == limit) {
			r->note->reason = "too many aliases";
			return DNS_WIRE_FAILED;
		}
		if (!follow(r))
			return DNS_WIRE_FOREIGN;
	}
	if (find(r, types[r->answer->type]) == NULL)
		return read_negative(r);
	take_records(r);
	if (r->answer->count == 0)
		return DNS_WIRE_FOREIGN;
	r->answer->status = DNS_FOUND;
	r->answer->ttl = r->ttl;
	r->answer->aliases += r->aliases;
	return DNS_WIRE_ANSWER;
}

/* The first record of a type that belongs to the name where we are. */
static const ldns_rr *
find(const struct reading *r, ldns_rr_type type)
{
	const ldns_rr_list *list = ldns_pkt_answer(r->pkt);
	size_t i;

	for (i = 0; i < ldns_rr_list_rr_count(list); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(list, i);

		if (ldns_rr_get_type(rr) == type &&
		    ldns_rr_get_class(rr) == LDNS_RR_CLASS_IN &&
		    ldns_dname_compare(ldns_rr_owner(rr), r->at) == 0)
			return rr;
	}
	return NULL;
}

static bool
follow(struct reading *r)
{
	const ldns_rr *rr = find(r, LDNS_RR_TYPE_CNAME);
	const ldns_rdf *target = ldns_rr_rdf(rr, 0);

	if (target == NULL || ldns_rdf_get_type(target) != LDNS_RDF_TYPE_DNAME)
		return false;
	r->ttl = smaller_ttl(r->ttl, ldns_rr_ttl(rr));
	r->at = target;
	r->aliases++;
	return true;
}

static void
take_records(struct reading *r)
{
	const ldns_rr_list *list = ldns_pkt_answer(r->pkt);
	struct dns_answer *a = r->answer;
	size_t i;

	for (i = 0; i < ldns_rr_list_rr_count(list); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(list, i);

		if (a->count == DNS_RECORDS_MAX)
			return;
		if (ldns_rr_get_type(rr) == types[a->type] &&
		    ldns_rr_get_class(rr) == LDNS_RR_CLASS_IN &&
		    ldns_dname_compare(ldns_rr_owner(rr), r->at) == 0 &&
		    take_record(a, rr))
			r->ttl = smaller_ttl(r->ttl, ldns_rr_ttl(rr));
	}
}

static bool
take_address(struct dns_answer *a, const ldns_rdf *rdf)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct dns_record record = { .name = NULL };

	if (a->type == DNS_A && ldns_rdf_size(rdf) == sizeof(in.sin_addr)) {
		memcpy(&in.sin_addr, ldns_rdf_data(rdf), sizeof(in.sin_addr));
		net_from_sockaddr(
		    &record.addr, (struct sockaddr *)&in, sizeof(in));
	} else if (a->type == DNS_AAAA &&
	    ldns_rdf_size(rdf) == sizeof(in6.sin6_addr)) {
		memcpy(
		    &in6.sin6_addr, ldns_rdf_data(rdf), sizeof(in6.sin6_addr));
		net_from_sockaddr(
		    &record.addr, (struct sockaddr *)&in6, sizeof(in6));
	} else
		return false;
	dns_answer_add(a, &record);
	return true;
}

/* All strings one behind the other (RFC 7208 3.3 and others want it so). */
static bool
take_text(struct dns_answer *a, const ldns_rr *rr)
{
	struct dns_record record = { .len = 0 };
	size_t i, n, max = 0, len = 0;
	const ldns_rdf *rdf;
	char *text;

	for (i = 0; i < ldns_rr_rd_count(rr); i++)
		max += ldns_rdf_size(ldns_rr_rdf(rr, i));
	text = xmalloc(max + 1);
	for (i = 0; i < ldns_rr_rd_count(rr); i++) {
		rdf = ldns_rr_rdf(rr, i);
		n = ldns_rdf_size(rdf);
		if (n <= 1) /* the first octet is the length */
			continue;
		memcpy(text + len, ldns_rdf_data(rdf) + 1, n - 1);
		len += n - 1;
	}
	record.text = text;
	record.len = len;
	dns_answer_add(a, &record);
	free(text);
	return true;
}

static bool
take_name(struct dns_answer *a, const ldns_rdf *rdf, unsigned preference)
{
	struct dns_record record = { .preference = preference };
	char *name;

	if (rdf == NULL || ldns_rdf_get_type(rdf) != LDNS_RDF_TYPE_DNAME)
		return false;
	record.name = name = text_of(rdf);
	dns_answer_add(a, &record);
	free(name);
	return true;
}

static bool
take_record(struct dns_answer *a, const ldns_rr *rr)
{
	const ldns_rdf *first = ldns_rr_rdf(rr, 0);

	if (first == NULL)
		return false;
	switch (a->type) {
	case DNS_A:
	case DNS_AAAA:
		return take_address(a, first);
	case DNS_TXT:
		return take_text(a, rr);
	case DNS_MX:
		return ldns_rdf_size(first) == 2 &&
		    take_name(
			a, ldns_rr_rdf(rr, 1), ldns_rdf2native_int16(first));
	case DNS_CNAME:
	case DNS_PTR:
		break;
	}
	return take_name(a, first, 0);
}

/* No record of the type.  What says that there is none is the code NXDOMAIN, a
 * SOA in the authority section, or an empty reply (RFC 2308 2); NS records
 * alone come from a server that does not ask others. */
static enum dns_wire_found
read_negative(struct reading *r)
{
	const ldns_rr_list *list = ldns_pkt_authority(r->pkt);
	bool nxdomain = ldns_pkt_get_rcode(r->pkt) == LDNS_RCODE_NXDOMAIN;
	bool soa = false, ns = false;
	uint32_t ttl = DNS_TTL_NEGATIVE;
	size_t i;
	char *alias;

	for (i = 0; i < ldns_rr_list_rr_count(list); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(list, i);
		const ldns_rdf *minimum = ldns_rr_rdf(rr, 6);

		ns |= ldns_rr_get_type(rr) == LDNS_RR_TYPE_NS;
		if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_SOA ||
		    minimum == NULL || ldns_rdf_size(minimum) != 4)
			continue;
		soa = true;
		ttl = smaller_ttl(
		    ldns_rr_ttl(rr), ldns_rdf2native_int32(minimum));
	}
	if (!nxdomain && !soa && r->aliases > 0) {
		alias = text_of(r->at);
		r->note->reason = "an alias to what can not be a name";
		if (dns_name_ascii(
			alias, r->note->alias, sizeof(r->note->alias))) {
			r->answer->ttl = r->ttl;
			r->answer->aliases += r->aliases;
		}
		free(alias);
		return r->note->alias[0] != '\0' ? DNS_WIRE_ALIAS
						 : DNS_WIRE_FAILED;
	}
	if (!nxdomain && !soa && ns) {
		r->note->reason = "the server refers to others";
		return DNS_WIRE_FAILED;
	}
	/* Records, but of other names. */
	if (!nxdomain && !soa && ldns_pkt_ancount(r->pkt) > 0)
		return DNS_WIRE_FOREIGN;
	r->answer->status = nxdomain ? DNS_NXDOMAIN : DNS_NONE;
	r->answer->ttl = smaller_ttl(r->ttl, ttl);
	r->answer->aliases += r->aliases;
	return DNS_WIRE_ANSWER;
}

/* In lower case, without the dot at the end; to be freed. */
static char *
text_of(const ldns_rdf *rdf)
{
	char *text = ldns_rdf2str(rdf), *p;
	size_t len;

	if (text == NULL)
		abort(); /* no memory */
	for (p = text; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + ('a' - 'A'));
	len = strlen(text);
	if (len > 0 && text[len - 1] == '.')
		text[len - 1] = '\0';
	return text;
}

/* The upper bit can not be meant (RFC 2181 8). */
static uint32_t
smaller_ttl(uint32_t a, uint32_t b)
{
	if (b > INT32_MAX)
		b = 0;
	return a < b ? a : b;
}

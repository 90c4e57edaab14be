/*
 * The table of all filters.  A new one is a file of its own and a row here.
 */

/* A program that has more (tests/support/filter_told.c) names them, each with a
 * comma behind it. */
#ifndef MORE_FILTERS
#define MORE_FILTERS
#endif

#include <stddef.h>

#include "gateway/filter.h"

extern const struct filter filter_access;
extern const struct filter filter_alias;
extern const struct filter filter_auth_file;
extern const struct filter filter_delay;
extern const struct filter filter_discard;
extern const struct filter filter_dovecot_auth;
extern const struct filter filter_dovecot_user;
extern const struct filter filter_headers;
extern const struct filter filter_helo;
extern const struct filter filter_karma;
extern const struct filter filter_own_address;
extern const struct filter filter_quarantine;
extern const struct filter filter_rdns;
extern const struct filter filter_rspamd;
extern const struct filter filter_sender_dns;

const struct filter *const filters[] = { &filter_access, &filter_alias,
	&filter_auth_file, &filter_delay, &filter_discard, &filter_dovecot_auth,
	&filter_dovecot_user, &filter_headers, &filter_helo, &filter_karma,
	&filter_own_address, &filter_quarantine, &filter_rdns, &filter_rspamd,
	&filter_sender_dns, MORE_FILTERS NULL };

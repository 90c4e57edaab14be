#ifndef POSTERN_OPT_MATCH_H
#define POSTERN_OPT_MATCH_H

/*
 * Lists of domains and addresses, compared without case:
 *	example.org	the domain
 *	*.example.org	all below it, not itself
 *	user@example.org	the address
 *	*		everything
 *	<>		the null sender
 * A look-up takes as many binary searches as the domain has labels, so lists
 * may be long.
 */

#include <stdbool.h>

#include "opt.h"

enum opt_match_kind { OPT_MATCH_DOMAINS, OPT_MATCH_ADDRESSES };

/* Orders the list; before any of the next.  False if an entry could never
 * match, and say which. */
bool opt_match_prepare(struct opt_list *l, enum opt_match_kind kind,
    const char *option, char *say, size_t size);
/* The entry that a domain (or another name) matches; NULL: none. */
const char *opt_match_domain(const struct opt_list *l, const char *domain);
/* The same for an address: "user@domain" and its domain; "" is "<>". */
const char *opt_match_address(
    const struct opt_list *l, const char *text, const char *domain);

#endif

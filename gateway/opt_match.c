/*
 * Lists of domains and addresses: see opt_match.h.
 */

#include "opt_match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PATTERN_SIZE 300 /* of "*." and any domain */

static const char *
entry_fault(const char *entry, enum opt_match_kind kind)
{
	const char *domain = entry, *at = strrchr(entry, '@'), *p;

	if (kind == OPT_MATCH_ADDRESSES && strcmp(entry, "<>") == 0)
		return NULL;
	if (strcmp(entry, "*") == 0)
		return NULL;
	if (at != NULL && kind == OPT_MATCH_DOMAINS)
		return "a domain has no @";
	if (at == entry || (at == entry + 1 && *entry == '*'))
		return "all addresses of a domain are written as the domain "
		       "alone";
	if (at != NULL)
		domain = at + 1;
	else if (strncmp(entry, "*.", 2) == 0)
		domain = entry + 2;
	if (domain[0] == '[') /* an address literal */
		return NULL;
	if (domain[0] == '.' || domain[0] == '\0' ||
	    domain[strlen(domain) - 1] == '.')
		return "a domain has no dot at its ends";
	if (strpbrk(domain, " \t,;:/<>*\"") != NULL)
		return "not a domain; a * stands in front alone, as in "
		       "*.example.org";
	for (p = domain; *p != '\0'; p++)
		if ((unsigned char)*p > 126)
			return "no domain has such characters";
	return NULL;
}

static int
compare(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcasecmp(*x, *y);
}

bool
opt_match_prepare(struct opt_list *l, enum opt_match_kind kind,
    const char *option, char *say, size_t size)
{
	const char *fault;
	size_t i;

	for (i = 0; i < l->count; i++) {
		fault = entry_fault(l->list[i], kind);
		if (fault != NULL) {
			snprintf(say, size, "%s: \"%.100s\": %s", option,
			    l->list[i], fault);
			return false;
		}
	}
	if (l->count > 0)
		qsort(l->list, l->count, sizeof(*l->list), compare);
	return true;
}

static const char *
find(const struct opt_list *l, const char *text)
{
	const char *const *found = NULL;

	if (l->count > 0)
		found = bsearch(
		    &text, l->list, l->count, sizeof(*l->list), compare);
	return found != NULL ? *found : NULL;
}

const char *
opt_match_domain(const struct opt_list *l, const char *domain)
{
	const char *found, *dot;
	char pattern[PATTERN_SIZE];

	if (l->count == 0)
		return NULL;
	found = find(l, domain);
	for (dot = strchr(domain, '.'); found == NULL && dot != NULL;
	     dot = strchr(dot + 1, '.')) {
		snprintf(pattern, sizeof(pattern), "*%s", dot);
		found = find(l, pattern);
	}
	return found != NULL ? found : find(l, "*");
}

const char *
opt_match_address(
    const struct opt_list *l, const char *text, const char *domain)
{
	const char *found = find(l, text[0] != '\0' ? text : "<>");

	if (found != NULL)
		return found;
	return domain[0] != '\0' ? opt_match_domain(l, domain) : find(l, "*");
}

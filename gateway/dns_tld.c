/*
 * Top-level domains: see dns_tld.h.
 */

#include "dns_tld.h"

#ifdef HAVE_LIBPSL

#include <libpsl.h>
#include <stddef.h>
#include <string.h>

#include "dns_answer.h"
#include "dns_name.h"

#define TLD_SIZE 64 /* a label and a NUL */

bool
dns_tld_may_exist(const char *name)
{
	const psl_ctx_t *psl = psl_builtin();
	char tld[TLD_SIZE];
	const char *dot;

	if (psl == NULL) /* built without a list */
		return true;
	dot = strrchr(name, '.');
	if (!dns_name_ascii(dot != NULL ? dot + 1 : name, tld, sizeof(tld)))
		return false;
	return psl_is_public_suffix2(
		   psl, tld, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) == 1;
}

bool
dns_tld_is_registry(const char *domain)
{
	const psl_ctx_t *psl = psl_builtin();
	char name[DNS_NAME_SIZE];

	return psl != NULL && dns_name_ascii(domain, name, sizeof(name)) &&
	    psl_is_public_suffix2(
		psl, name, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) == 1;
}

#else

bool
dns_tld_may_exist(const char *name)
{
	(void)name;
	return true;
}

bool
dns_tld_is_registry(const char *domain)
{
	(void)domain;
	return false;
}

#endif

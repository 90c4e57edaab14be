/*
 * What filters ask the DNS: see filter.h.
 */

#include <stdlib.h>

#include "compat.h"
#include "dns.h"
#include "filter_call.h"
#include "mem.h"

struct lookup {
	struct op op;
	struct dns_wait wait;
	struct dns_answer *answer; /* a reference; NULL: not there yet */
	struct filter_call *fc;
	fc_dns_fn *next;
};

static void got(struct dns_wait *, struct dns_answer *);
static void run(struct op *);
static void cancel(struct op *);
static struct dns_answer *no_resolver(const char *, enum dns_type);

enum verdict
fc_dns(struct filter_call *fc, const char *name, enum dns_type type,
    fc_dns_fn *next)
{
	struct lookup *k = xcalloc(1, sizeof(*k));

	k->fc = fc;
	k->next = next;
	k->wait.got = got;
	op_start(&fc->owner, &k->op, run, cancel);
	k->answer = fc->dns != NULL ? dns_ask(fc->dns, &k->wait, name, type)
				    : no_resolver(name, type);
	if (k->answer != NULL)
		op_ready(&k->op);
	return VERDICT_PENDING;
}

static struct dns_answer *
no_resolver(const char *name, enum dns_type type)
{
	struct dns_answer *a = dns_answer_new(name, type);

	a->reason = "there is no resolver";
	return a;
}

static void
got(struct dns_wait *w, struct dns_answer *a)
{
	struct lookup *k = container_of(w, struct lookup, wait);

	k->answer = a;
	op_ready(&k->op);
}

static void
run(struct op *op)
{
	struct lookup *k = container_of(op, struct lookup, op);
	struct filter_call *fc = k->fc;
	enum verdict v = k->next(fc, k->answer);

	dns_answer_unref(&k->answer);
	free(k);
	chain_call_continued(fc, v);
}

static void
cancel(struct op *op)
{
	struct lookup *k = container_of(op, struct lookup, op);

	dns_cancel(&k->wait);
	dns_answer_unref(&k->answer);
	free(k);
}

/*
 * A filter for tests that does what the sender's address says:
 * PHASE-VERDICT@... or PHASE-VERDICT-wait@..., as in data-reject@example.net.
 * PHASE-flag@... sets the flag "told" and passes.  For the phase HELO it is the
 * greeting that says it, as in helo-reject.example.net.
 * And the table of filters for who uses gate.c: the product's, and this one.
 */

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "gateway/filter.h"

extern const struct filter filter_told;
#define MORE_FILTERS &filter_told,
#include "filters/filters.c"

#define WAIT_MS 1000

static const char *const phases[PHASES] = { [PHASE_HELO] = "helo",
	[PHASE_MAIL] = "mail",
	[PHASE_RCPT] = "rcpt",
	[PHASE_DATA] = "data",
	[PHASE_MESSAGE] = "message" };

/* What sender or greeting tells for this phase; NULL if nothing. */
static const char *
told(const struct filter_call *fc)
{
	bool greeting = fc_phase(fc) == PHASE_HELO;
	const char *text = greeting ? fc_client(fc)->helo : fc_sender(fc)->text;
	const char *phase = phases[fc_phase(fc)];
	size_t len = strlen(phase);

	if (strncmp(text, phase, len) != 0 || text[len] != '-')
		return NULL;
	return text + len + 1;
}

static bool
is(const char *text, const char *word)
{
	return strncmp(text, word, strlen(word)) == 0;
}

static enum verdict
act(struct filter_call *fc)
{
	const char *what = told(fc);

	if (is(what, "reject"))
		return fc_reject(fc, 550, "5.7.1", "as told");
	if (is(what, "defer"))
		return fc_defer(fc, 450, "4.7.1", "as told");
	if (is(what, "disconnect"))
		return fc_disconnect(fc, "4.7.0", "as told");
	if (is(what, "flag"))
		fc_set_flag(fc, "told");
	if (is(what, "unknown"))
		return fc_unknown(fc, "as told");
	if (is(what, "quarantine"))
		return VERDICT_QUARANTINE;
	return is(what, "discard") ? VERDICT_DISCARD : VERDICT_PASS;
}

/* mx@DOMAIN: rejected with what the DNS says about the domain. */
static enum verdict
got_mx(struct filter_call *fc, const struct dns_answer *a)
{
	switch (a->status) {
	case DNS_FOUND:
		return fc_reject(fc, 550, "5.7.1", "%s: %zu mx, first %s",
		    a->name, a->count, a->records[0].name);
	case DNS_NONE:
		return fc_reject(fc, 550, "5.7.1", "%s: no mx", a->name);
	case DNS_NXDOMAIN:
		return fc_reject(
		    fc, 550, "5.1.8", "%s: no such domain", a->name);
	case DNS_UNKNOWN:
		break;
	}
	return fc_unknown(fc, "%s: %s", a->name, a->reason);
}

/* hosts@DOMAIN: A and AAAA in parallel, passed if there is any. */
static enum verdict
got_address(struct filter_call *fc, const struct dns_answer *a)
{
	if (a->status == DNS_UNKNOWN)
		return fc_unknown(fc, "%s: %s", a->name, a->reason);
	if (a->count > 0)
		fc_set_flag(fc, "address");
	if (fc_join(fc, VERDICT_PASS) == VERDICT_PENDING)
		return VERDICT_PENDING;
	if (fc_flag(fc, "address"))
		return VERDICT_PASS;
	return fc_reject(fc, 550, "5.1.8", "%s has no address", a->name);
}

static enum verdict
look_up(struct filter_call *fc, const char *what)
{
	const char *domain = strrchr(what, '@');

	domain = domain != NULL ? domain + 1 : "";
	if (is(what, "mx"))
		return fc_dns(fc, domain, DNS_MX, got_mx);
	fc_dns(fc, domain, DNS_A, got_address);
	return fc_dns(fc, domain, DNS_AAAA, got_address);
}

static enum verdict
judge(struct filter_call *fc)
{
	const char *what = told(fc);

	if (what == NULL)
		return VERDICT_PASS;
	if (is(what, "mx@") || is(what, "hosts@"))
		return look_up(fc, what);
	if (strstr(what, "-wait@") != NULL || strstr(what, "-wait.") != NULL)
		return fc_wait(fc, WAIT_MS, act);
	return act(fc);
}

const struct filter filter_told = {
	.name = "told",
	.summary = "does what the sender's address says",
	.on = { [PHASE_HELO] = judge,
	    [PHASE_MAIL] = judge,
	    [PHASE_RCPT] = judge,
	    [PHASE_DATA] = judge,
	    [PHASE_MESSAGE] = judge },
};

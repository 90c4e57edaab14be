/*
 * The cache of recipients: see verified.h.  One slot per digest: whoever comes
 * later takes it.
 */

#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "digest.h"
#include "envelope.h"
#include "mem.h"
#include "verified.h"

#define SLOTS 4096 /* a power of two */

struct slot {
	int64_t until; /* 0: empty */
	unsigned char id[DIGEST_SIZE];
	int code;
	char enhanced[12];
	char text[160];
};

struct verified {
	struct slot *slots; /* owned; NULL before the first */
};

struct verified *
verified_new(void)
{
	return xcalloc(1, sizeof(struct verified));
}

void
verified_free(struct verified **vp)
{
	if (*vp == NULL)
		return;
	free((*vp)->slots);
	free(*vp);
	*vp = NULL;
}

static struct slot *
slot_of(const struct verified *v, const char *backend,
    const struct address *sender, const struct address *rcpt,
    unsigned char id[DIGEST_SIZE])
{
	struct digest *d = digest_new();
	uint32_t n;

	digest_text(d, backend);
	digest_text(d, rcpt->text);
	digest_text(d, sender->text[0] == '\0' ? "null" : "some");
	digest_end(&d, id);
	memcpy(&n, id, sizeof(n));
	return &v->slots[n & (SLOTS - 1)];
}

/*
 * Would it be the same for another sender, client or size?  Servers say at RCPT
 * what they have against any of these; kept for the recipient, it would refuse
 * the mail of all others.
 */
static bool
is_about_recipient(const struct reply *r)
{
	static const char *const details[] = { "5.1.1", "5.1.2", "5.1.3",
		"5.1.6", "5.1.10", "5.2.1" };
	size_t i;

	for (i = 0; i < nitems(details); i++)
		if (strcmp(r->enhanced, details[i]) == 0)
			return true;
	return r->code / 100 == 2;
}

void
verified_put(struct verified *v, const char *backend,
    const struct address *sender, const struct address *rcpt, int64_t until,
    const struct reply *reply)
{
	unsigned char id[DIGEST_SIZE];
	struct slot *s;

	if (!is_about_recipient(reply))
		return;
	if (v->slots == NULL)
		v->slots = xcalloc(SLOTS, sizeof(*v->slots));
	s = slot_of(v, backend, sender, rcpt, id);
	s->until = until;
	memcpy(s->id, id, DIGEST_SIZE);
	s->code = reply->code;
	compat_strlcpy(s->enhanced, reply->enhanced, sizeof(s->enhanced));
	compat_strlcpy(s->text, reply->text, sizeof(s->text));
}

bool
verified_get(const struct verified *v, const char *backend,
    const struct address *sender, const struct address *rcpt, int64_t now,
    struct reply *reply_r)
{
	unsigned char id[DIGEST_SIZE];
	const struct slot *s;

	if (v->slots == NULL)
		return false;
	s = slot_of(v, backend, sender, rcpt, id);
	if (s->until <= now || memcmp(s->id, id, DIGEST_SIZE) != 0)
		return false;
	reply_init(reply_r);
	reply_r->code = s->code;
	compat_strlcpy(
	    reply_r->enhanced, s->enhanced, sizeof(reply_r->enhanced));
	compat_strlcpy(reply_r->text, s->text, sizeof(reply_r->text));
	return true;
}

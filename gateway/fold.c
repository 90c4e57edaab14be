/*
 * Mapping and folding of backends' replies: see fold.h.
 */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "compat.h"
#include "relay.h"
#include "fold.h"

static void
set_reply(struct reply *r, int code, const char *enhanced, const char *text)
{
	reply_init(r);
	r->code = code;
	compat_strlcpy(r->enhanced, enhanced, sizeof(r->enhanced));
	compat_strlcpy(r->text, text, sizeof(r->text));
}

void
fold_trouble(struct reply *r)
{
	set_reply(r, 451, "4.4.1",
	    "the mail server behind this gateway does not answer, "
	    "please try again later");
}

/* "relay" or "relaying", not as a part of an address. */
static bool
is_relay_word(const char *text, const char *p)
{
	const char *end = p + strlen("relay");

	if (strncasecmp(p, "relay", 5) != 0 ||
	    (p > text && strchr(" (:", p[-1]) == NULL))
		return false;
	if (strncasecmp(end, "ing", 3) == 0)
		end += 3;
	if (*end == '.')
		end++;
	return *end == '\0' || strchr(" ,;:)", *end) != NULL;
}

/* Does it say that the backend does not relay for us?  Exim gives no enhanced
 * code, Exchange one of its own. */
static bool
says_relaying(enum dl_stage stage, const struct reply *r)
{
	const char *p;

	if (strcmp(r->enhanced, "5.7.1") != 0 &&
	    strcmp(r->enhanced, "5.7.54") != 0 &&
	    (r->enhanced[0] != '\0' || stage != DL_STAGE_COMMAND))
		return false;
	for (p = r->text; *p != '\0'; p++)
		if (is_relay_word(r->text, p))
			return true;
	return false;
}

/* Replies to commands that tell of a wrong configuration, not of this
 * message. */
static bool
is_our_fault(enum dl_stage stage, const struct reply *r)
{
	switch (r->code) {
	case 421:
	case 500:
	case 501:
	case 502:
	case 503:
	case 504:
	case 521:
	case 530:
	case 535:
	case 538:
	case 555:
		return true;
	case 550:
	case 554:
		return says_relaying(stage, r);
	default:
		return false;
	}
}

void
fold_map(enum dl_stage stage, const struct reply *in, struct reply *out,
    bool *alarm_r)
{
	int class = reply_class(in->code);

	*alarm_r = false;
	*out = *in;
	if (class == 2)
		return;
	if (class == 3 || stage == DL_STAGE_SESSION ||
	    stage == DL_STAGE_CLIENT || is_our_fault(stage, in)) {
		*alarm_r = class != 4 || stage != DL_STAGE_SESSION;
		if (in->code == 451 && strcmp(in->enhanced, "4.4.1") == 0)
			return;
		set_reply(out, 451, "4.3.0",
		    "the mail server behind this gateway has a problem, "
		    "please try again later");
		return;
	}
	if (out->enhanced[0] == '\0')
		compat_strlcpy(out->enhanced, class == 4 ? "4.0.0" : "5.0.0",
		    sizeof(out->enhanced));
}

void
fold_own_text(struct reply *r)
{
	static const struct {
		const char *enhanced; /* without its class */
		const char *text;
	} texts[] = {
		{ ".1.1", "there is no such recipient" },
		{ ".1.2", "there is no such domain" },
		{ ".1.3", "this is no address" },
		{ ".1.8", "the sender's domain is not accepted" },
		{ ".2.1", "the mailbox takes no mail" },
		{ ".2.2", "the mailbox is full" },
		{ ".2.3", "the message is too big for the recipient" },
		{ ".3.1", "there is no room for the message" },
		{ ".3.4", "the message is too big" },
		{ ".7.1", "the message is not wanted here" },
	};
	const char *text = "the mail server behind this gateway refused it";
	size_t i;

	if (r->lines == 0)
		return; /* they are our own words */
	if (reply_class(r->code) == 2)
		text = "accepted";
	else if (reply_class(r->code) == 4)
		text = "not now, please try again later";
	for (i = 0; reply_class(r->code) != 2 && i < nitems(texts); i++)
		if (r->enhanced[0] != '\0' &&
		    strcmp(r->enhanced + 1, texts[i].enhanced) == 0)
			text = texts[i].text;
	compat_strlcpy(r->text, text, sizeof(r->text));
}

static void
take(struct relay_outcome *o, const struct reply *mapped,
    const struct reply *original)
{
	o->code = mapped->code;
	compat_strlcpy(o->enhanced, mapped->enhanced, sizeof(o->enhanced));
	compat_strlcpy(o->text, mapped->text, sizeof(o->text));
	if (original->lines == 0)
		return; /* our own words */
	snprintf(o->said, sizeof(o->said), "%d%s%s %s", original->code,
	    original->enhanced[0] != '\0' ? " " : "", original->enhanced,
	    original->text);
}

void
fold(const struct dl_outcome *outcomes, size_t count, struct relay_outcome *o)
{
	struct reply mapped;
	bool alarm;
	size_t i;
	int class;

	o->code = 0;
	o->enhanced[0] = o->text[0] = o->said[0] = '\0';
	o->accepted = o->refused = 0;
	o->alarm = false;
	for (i = 0; i < count; i++) {
		fold_map(
		    outcomes[i].stage, &outcomes[i].reply, &mapped, &alarm);
		if (outcomes[i].own_text)
			fold_own_text(&mapped);
		o->alarm = o->alarm || alarm;
		class = reply_class(mapped.code);
		if (class == 2)
			o->accepted++;
		else
			o->refused++;
		/* The first refusal decides what is said, a temporary one
		 * before a permanent one, any refusal before a success. */
		if (i == 0 || (class == 4 && o->code / 100 != 4) ||
		    (class == 5 && o->code / 100 == 2))
			take(o, &mapped, &outcomes[i].reply);
	}
	o->accepted += o->known;
	if (count == 0) {
		o->code = 250;
		compat_strlcpy(o->text, "delivered before", sizeof(o->text));
	}
	if (o->accepted > 0 && o->code / 100 == 5) {
		o->code = 451;
		compat_strlcpy(o->enhanced, "4.5.0", sizeof(o->enhanced));
		compat_strlcpy(o->text,
		    "some recipients were refused and some were not, please "
		    "try again later",
		    sizeof(o->text));
	}
	if (o->code / 100 != 2)
		return;
	o->code = 250; /* what 251 and the like mean is for a RCPT */
	if (o->enhanced[0] == '\0')
		compat_strlcpy(o->enhanced, "2.0.0", sizeof(o->enhanced));
}

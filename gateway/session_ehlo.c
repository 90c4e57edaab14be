/*
 * The reply to EHLO (RFC 5321 4.1.1.1): what is promised to this client.  The
 * promise is remembered: only what was offered is taken from it, and it is kept
 * to the end of the session, or answered 4xx.
 */

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "offer.h"
#include "relay.h"
#include "session_priv.h"

#define AUTH_LINE_SIZE 450
#define EHLO_REPLY_MAX 1500

struct text {
	char buf[EHLO_REPLY_MAX];
	size_t len;
};

static void put(struct text *, const char *, ...)
    __attribute__((format(printf, 2, 3)));
static void put_limits(struct text *, const struct session *);
static void put_identity(struct text *, const struct session *);

/* What a client has without a promise. */
void
session_forget_offer(struct session *s)
{
	s->offered = (struct ehlo){
		.have = 0,
		.size = (uint64_t)s->listener->limits.message_size,
	};
}

static void
make_offer(struct session *s)
{
	const struct front *f = s->front;
	const struct offer_routes routes = { .list = f->routes,
		.count = f->route_count,
		.listener = s->listener->name };
	struct ehlo found;

	session_forget_offer(s);
	relay_offer(f->relay, &routes, &found);
	s->offered.have = found.have | EHLO_PIPELINING | EHLO_SIZE |
	    EHLO_CHUNKING | EHLO_ENHANCEDSTATUS;
	/* What came in clear can not be kept from those who listened. */
	if (!s->client.tls)
		s->offered.have &= ~(unsigned)EHLO_REQUIRETLS;
	if (found.size > 0 && found.size < s->offered.size)
		s->offered.size = found.size;
	s->offered.rcpt_max = (uint32_t)s->listener->limits.recipients;
	if (found.rcpt_max > 0 && found.rcpt_max < s->offered.rcpt_max)
		s->offered.rcpt_max = found.rcpt_max;
	s->offered.mail_max = (uint32_t)s->listener->limits.messages;
}

void
session_act_ehlo(struct session *s)
{
	static const struct {
		unsigned bit;
		const char *line;
	} of_backends[] = {
		{ EHLO_8BITMIME, "250-8BITMIME\r\n" },
		{ EHLO_CHUNKING, "250-CHUNKING\r\n" },
		{ EHLO_BINARYMIME, "250-BINARYMIME\r\n" },
		{ EHLO_SMTPUTF8, "250-SMTPUTF8\r\n" },
		{ EHLO_DSN, "250-DSN\r\n" },
		{ EHLO_REQUIRETLS, "250-REQUIRETLS\r\n" },
	};
	struct text t = { .len = 0 };
	char auth[AUTH_LINE_SIZE];
	size_t i;

	make_offer(s);
	if (session_ehlo_auth(s, auth, sizeof(auth)) > 0)
		s->offered.have |= EHLO_AUTH;
	put(&t, "250-%.255s\r\n250-PIPELINING\r\n250-SIZE %llu\r\n",
	    session_hostname(s), (unsigned long long)s->offered.size);
	if (s->listener->starttls != NULL && !s->client.tls)
		put(&t, "250-STARTTLS\r\n");
	put(&t, "%s", auth);
	put_identity(&t, s);
	for (i = 0; i < sizeof(of_backends) / sizeof(of_backends[0]); i++)
		if ((s->offered.have & of_backends[i].bit) != 0)
			put(&t, "%s", of_backends[i].line);
	put_limits(&t, s);
	put(&t, "250 ENHANCEDSTATUSCODES\r\n");
	session_raw(s, t.buf, t.len);
}

static void
put(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, sizeof(t->buf) - t->len, fmt, ap);
	va_end(ap);
	assert(n >= 0 && (size_t)n < sizeof(t->buf) - t->len);
	t->len += (size_t)n;
}

/* RFC 9422: a value has six digits at most. */
static void
put_limits(struct text *t, const struct session *s)
{
	const uint32_t most = 999999;
	bool rcpt = s->offered.rcpt_max <= most;
	bool mail = s->offered.mail_max > 0 && s->offered.mail_max <= most;

	if (!rcpt && !mail)
		return;
	put(t, "250-LIMITS");
	if (mail)
		put(t, " MAILMAX=%u", (unsigned)s->offered.mail_max);
	if (rcpt)
		put(t, " RCPTMAX=%u", (unsigned)s->offered.rcpt_max);
	put(t, "\r\n");
}

/* Who else this client may speak for. */
static void
put_identity(struct text *t, const struct session *s)
{
	if (s->may_xclient)
		put(t,
		    "250-XCLIENT NAME ADDR PORT PROTO HELO DESTADDR "
		    "DESTPORT%s\r\n",
		    s->listener->xclient_login ? " LOGIN" : "");
	if (s->may_xforward)
		put(t,
		    "250-XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE\r\n");
}

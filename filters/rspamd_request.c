/*
 * What rspamd is told: see rspamd_request.h.
 */

#include "rspamd_request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS_FIXED 24 /* besides those for each recipient */
#define FIELDS_RCPT 2
#define FIELD_MAX 2000
#define PLAIN_MAX 900  /* octets of a line (RFC 5322: 998) */
#define WORD_OCTETS 42 /* in an encoded word of 75 (RFC 2047) */
#define FILE_MAX (1 << 20)

static void put(struct rspamd_request *, const char *, const char *);
static void put_client(struct rspamd_request *, const struct client *);
static void put_envelope(struct rspamd_request *, const struct envelope *);
static void put_parameters(struct rspamd_request *, const struct envelope *);
static void put_trace(struct rspamd_request *, const char *);
static bool is_plain(const char *);
static size_t put_base64(char *, const unsigned char *, size_t);

void
rspamd_request(struct rspamd_request *rq, const struct filter_call *fc,
    const struct rspamd_conf *conf, size_t server)
{
	const struct envelope *e = fc_envelope(fc);
	const char *text = conf->servers.list[server];
	bool local = strncmp(text, "unix:", 5) == 0;

	memset(rq, 0, sizeof(*rq));
	rq->fields =
	    calloc(e->count * FIELDS_RCPT + FIELDS_FIXED, sizeof(*rq->fields));
	if (rq->fields == NULL)
		abort();
	put(rq, "Queue-Id", fc_id(fc));
	put(rq, "MTA-Name",
	    conf->mta_name != NULL ? conf->mta_name : fc_hostname(fc));
	put_client(rq, fc_client(fc));
	put_envelope(rq, e);
	put_parameters(rq, e);
	put_trace(rq, fc_id(fc));
	put(rq, "Settings-ID", conf->settings_id);
	put(rq, "Password", conf->password);
	/* The body alone, if it was rewritten, behind the JSON. */
	put(rq, "Flags", "milter,body_block");
	snprintf(rq->url, sizeof(rq->url), "%s/checkv2",
	    local ? "http://localhost" : text);
	rq->http = (struct http_request)
	{
		.url = rq->url, .socket = local ? text + 5 : NULL,
		.fields = (const char *const *)rq->fields, .ca = conf->pem,
		.verify = conf->verify,
		.timeout = conf->servers.count > 1 ? conf->
		try:
			0, .split = "Message-Offset"
	};
}

void
rspamd_request_free(struct rspamd_request *rq)
{
	size_t i;

	for (i = 0; i < rq->count; i++) {
		fc_wipe(rq->fields[i], strlen(rq->fields[i]));
		free(rq->fields[i]);
	}
	free(rq->fields);
}

/* Nothing is said when there is nothing to say. */
static void
put(struct rspamd_request *rq, const char *name, const char *value)
{
	size_t size = FIELD_MAX;
	char *line, *p;

	if (value == NULL || value[0] == '\0')
		return;
	line = malloc(size);
	if (line == NULL)
		abort();
	snprintf(line, size, "%s: %s", name, value);
	for (p = line; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == '\177')
			*p = '?';
	rq->fields[rq->count++] = line;
}

static void
put_client(struct rspamd_request *rq, const struct client *c)
{
	if (c->addr.ss.ss_family != AF_UNIX)
		put(rq, "IP", c->ip);
	put(rq, "Helo", c->helo);
	put(rq, "Hostname", c->name != NULL ? c->name : "unknown");
	put(rq, "User", c->login);
	if (!c->tls)
		return;
	put(rq, "TLS-Cipher",
	    c->tls_cipher != NULL ? c->tls_cipher : "unknown");
	put(rq, "TLS-Version", c->tls_version);
}

static void
put_envelope(struct rspamd_request *rq, const struct envelope *e)
{
	size_t i;

	put(rq, "From", e->sender.text[0] != '\0' ? e->sender.text : "<>");
	for (i = 0; i < e->count; i++)
		put(rq, "Rcpt", e->rcpts[i].addr.text);
	if (e->count == 1)
		put(rq, "Deliver-To", e->rcpts[0].addr.text);
}

static void
put_parameter(
    struct rspamd_request *rq, const char *key, const char *value, long rcpt)
{
	char text[FIELD_MAX];

	if (value == NULL || value[0] == '\0')
		return;
	if (rcpt == -1) {
		snprintf(text, sizeof(text), "%s=%s", key, value);
		put(rq, "X-Rspamd-Mail-Esmtp-Args", text);
	} else {
		snprintf(text, sizeof(text), "%ld:%s=%s", rcpt, key, value);
		put(rq, "X-Rspamd-Rcpt-Esmtp-Args", text);
	}
}

/* Of MAIL and RCPT, as far as the client gave some. */
static void
put_parameters(struct rspamd_request *rq, const struct envelope *e)
{
	static const char *const bodies[] = { [BODY_7BIT] = "7BIT",
		[BODY_8BITMIME] = "8BITMIME",
		[BODY_BINARYMIME] = "BINARYMIME" };
	static const char *const rets[] = {
		[DSN_RET_FULL] = "FULL", [DSN_RET_HDRS] = "HDRS"
	};
	char text[40] = "";
	unsigned notify;
	size_t i;

	if (e->size > 0)
		snprintf(
		    text, sizeof(text), "%llu", (unsigned long long)e->size);
	put_parameter(rq, "SIZE", text, -1);
	put_parameter(rq, "BODY", bodies[e->body], -1);
	put_parameter(rq, "RET", rets[e->ret], -1);
	put_parameter(rq, "ENVID", e->envid, -1);
	for (i = 0; i < e->count; i++) {
		notify = e->rcpts[i].notify;
		snprintf(text, sizeof(text), "%s%s%s%s",
		    notify & DSN_NEVER ? ",NEVER" : "",
		    notify & DSN_SUCCESS ? ",SUCCESS" : "",
		    notify & DSN_FAILURE ? ",FAILURE" : "",
		    notify & DSN_DELAY ? ",DELAY" : "");
		put_parameter(rq, "NOTIFY", text + (text[0] == ','), (long)i);
	}
}

/* W3C Trace Context: what stands between us and rspamd can tell whose request
 * it is.  The trace is the transaction's id: 13 digits in base 32, and a number
 * behind a dot. */
static void
put_trace(struct rspamd_request *rq, const char *id)
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
	unsigned long long session = 0, number;
	const char *digit;
	char text[80];

	for (; *id != '\0' && (digit = strchr(digits, *id)) != NULL; id++)
		session = session << 5 | (unsigned long long)(digit - digits);
	if (*id != '.' || session == 0)
		return;
	number = strtoull(id + 1, NULL, 10);
	snprintf(text, sizeof(text), "00-%016llx%016llx-%016llx-00", session,
	    number, session);
	put(rq, "traceparent", text);
}

/* Texts. */

static bool
is_plain(const char *text)
{
	const char *p;

	for (p = text; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			return false;
	return p - text <= PLAIN_MAX;
}

/* Words of whole characters, each on a line of its own. */
char *
rspamd_encode(const char *text)
{
	size_t left = strlen(text), n, at = 0, size = left * 3 + 100;
	char *out = malloc(size), *clean = malloc(left + 1);
	const unsigned char *p = (const unsigned char *)clean;
	size_t i;

	if (out == NULL || clean == NULL)
		abort();
	for (i = 0; i <= left; i++)
		clean[i] = i < left &&
			((unsigned char)text[i] < ' ' || text[i] == '\177')
		    ? ' '
		    : text[i];
	if (is_plain(clean)) {
		snprintf(out, size, "%s", clean);
		left = 0;
	}
	for (; left > 0; p += n, left -= n) {
		n = left < WORD_OCTETS ? left : WORD_OCTETS;
		while (n < left && n > WORD_OCTETS - 4 && (p[n] & 0xc0) == 0x80)
			n--;
		at += (size_t)snprintf(
		    out + at, size - at, "%s=?UTF-8?B?", at > 0 ? "\r\n " : "");
		at += put_base64(out + at, p, n);
		at += (size_t)snprintf(out + at, size - at, "?=");
	}
	free(clean);
	return out;
}

static size_t
put_base64(char *out, const unsigned char *in, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t i, k, at = 0;
	unsigned long bits;

	for (i = 0; i < len; i += 3) {
		bits = (unsigned long)in[i] << 16;
		if (i + 1 < len)
			bits |= (unsigned long)in[i + 1] << 8;
		if (i + 2 < len)
			bits |= in[i + 2];
		for (k = 0; k < 4; k++)
			out[at++] = i + k <= len
			    ? digits[bits >> (18 - 6 * k) & 63]
			    : '=';
	}
	out[at] = '\0';
	return at;
}

char *
rspamd_read_file(const char *path, char *say, size_t size)
{
	FILE *f = fopen(path, "r");
	char *text = malloc(FILE_MAX);
	size_t len = 0;

	if (f != NULL && text != NULL)
		len = fread(text, 1, FILE_MAX - 1, f);
	if (f == NULL || text == NULL || len == 0 || !feof(f)) {
		snprintf(say, size, "ca: %s: %s", path,
		    f == NULL ? strerror(errno) : "not a file of certificates");
		if (f != NULL)
			fclose(f);
		free(text);
		return NULL;
	}
	fclose(f);
	text[len] = '\0';
	return text;
}

/*
 * Refusals and deliveries to be remembered: see remember.h.
 */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "envelope.h"
#include "journal.h"
#include "mem.h"
#include "message.h"
#include "remember.h"

static void
refusal_id(unsigned char id[DIGEST_SIZE], const char *backend,
    const struct address *sender, const struct address *rcpt, uint64_t size)
{
	struct digest *d = digest_new();

	digest_text(d, "refused");
	digest_text(d, backend);
	digest_text(d, sender->text);
	digest_text(d, rcpt->text);
	digest_octets(d, &size, sizeof(size));
	digest_end(&d, id);
}

void
remember_refused(struct journal *j, int64_t now, const char *backend,
    const struct address *sender, const struct address *rcpt, uint64_t size,
    const struct reply *reply)
{
	unsigned char id[DIGEST_SIZE];

	if (j == NULL)
		return;
	refusal_id(id, backend, sender, rcpt, size);
	journal_refuse(j, now, id, reply);
}

bool
recall_refused(struct journal *j, int64_t now, const char *backend,
    const struct address *sender, const struct address *rcpt, uint64_t size,
    struct reply *reply_r)
{
	unsigned char id[DIGEST_SIZE];

	if (j == NULL || !journal_has_refusals(j, now))
		return false;
	refusal_id(id, backend, sender, rcpt, 0);
	if (journal_take_refusal(j, now, id, reply_r))
		return true;
	if (size == 0)
		return false;
	refusal_id(id, backend, sender, rcpt, size);
	return journal_take_refusal(j, now, id, reply_r);
}

/* The lines of a header section, looked at while the digest is made. */
struct lines {
	char start[16]; /* of the present line */
	size_t len;
	bool over; /* the empty line was seen */
	bool has_id;
	bool has_date;
};

static void
look_at(struct lines *l, const char *data, size_t len)
{
	size_t i;

	for (i = 0; i < len && !l->over; i++) {
		if (data[i] != '\n') {
			if (l->len < sizeof(l->start))
				l->start[l->len++] = data[i];
			continue;
		}
		if (l->len >= 11 &&
		    strncasecmp(l->start, "message-id:", 11) == 0)
			l->has_id = true;
		if (l->len >= 5 && strncasecmp(l->start, "date:", 5) == 0)
			l->has_date = true;
		l->over = l->len <= 1; /* CR */
		l->len = 0;
	}
}

/* False: it can not be known again. */
static bool
content_digest(const struct message *m, unsigned char out[DIGEST_SIZE])
{
	/* What we and the filters add or leave out may differ each time. */
	struct message_reader *r = message_reader_new_original(m);
	struct digest *d = digest_new();
	struct lines lines = { .len = 0 };
	const char *data;
	size_t len;
	bool good;

	while ((good = message_reader_peek(r, &data, &len) == 0) && len > 0) {
		digest_octets(d, data, len);
		look_at(&lines, data, len);
		message_reader_skip(r, len);
	}
	message_reader_free(&r);
	digest_end(&d, out);
	return good && lines.has_id && lines.has_date;
}

/* FNV-1a; only a hint. */
static uint64_t
hint_of(const struct envelope *e, const struct message *m)
{
	uint64_t h = UINT64_C(14695981039346656037) ^ message_size(m);
	const char *p;

	for (p = e->sender.text; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
	return (h * UINT64_C(1099511628211)) >> 20;
}

static void
done_id(unsigned char id[DIGEST_SIZE], const char *backend,
    const struct address *sender, const struct address *rcpt,
    const unsigned char content[DIGEST_SIZE])
{
	struct digest *d = digest_new();

	digest_text(d, "done");
	digest_text(d, backend);
	digest_text(d, sender->text);
	digest_text(d, rcpt->text);
	digest_octets(d, content, DIGEST_SIZE);
	digest_end(&d, id);
}

void
remember_done(struct journal *j, int64_t now, const struct envelope *e,
    const struct message *m, const bool *done)
{
	unsigned char content[DIGEST_SIZE], id[DIGEST_SIZE];
	const struct recipient *r;
	size_t i;

	if (j == NULL || !content_digest(m, content))
		return;
	for (i = 0; i < e->count; i++) {
		r = &e->rcpts[i];
		if (r->backend_name == NULL || (done != NULL && !done[i]))
			continue;
		done_id(id, r->backend_name, &e->sender, &r->addr, content);
		journal_done(j, now, hint_of(e, m), id);
	}
}

bool *
recall_done(struct journal *j, int64_t now, const struct envelope *e,
    const struct message *m)
{
	unsigned char content[DIGEST_SIZE], id[DIGEST_SIZE];
	const struct recipient *r;
	bool *done, any = false;
	size_t i;

	if (j == NULL || !journal_may_be_done(j, now, hint_of(e, m)) ||
	    !content_digest(m, content))
		return NULL;
	done = xcalloc(e->count, sizeof(*done));
	for (i = 0; i < e->count; i++) {
		r = &e->rcpts[i];
		if (r->backend_name == NULL)
			continue;
		done_id(id, r->backend_name, &e->sender, &r->addr, content);
		done[i] = journal_is_done(j, now, id);
		any = any || done[i];
	}
	if (!any) {
		free(done);
		done = NULL;
	}
	return done;
}

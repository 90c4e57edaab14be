/*
 * A transaction's memory and its notes.
 */

#include "tx.h"

#include <stdio.h>
#include <string.h>

#include "compat.h"
#include "message.h"

#define BLOCK_SIZE 1024
#define KARMA_ROOM 250
#define TEXT_ROOM_MIN 64 /* so that most changes need no new memory */

static struct note *find(const struct tx *, const char *);
static struct note *find_own(struct tx *, const char *);
static struct arena *arena_of(struct tx *);

void
tx_init(struct tx *tx, struct arena *session)
{
	memset(tx, 0, sizeof(*tx));
	arena_init(&tx->arena, BLOCK_SIZE);
	tx->session = session;
	envelope_init(&tx->envelope, &tx->arena);
	headers_init(&tx->headers, &tx->arena);
	STAILQ_INIT(&tx->notes);
}

void
tx_reset(struct tx *tx)
{
	struct note_list kept = STAILQ_HEAD_INITIALIZER(kept);
	struct note *n, *next;

	message_free(&tx->message);
	STAILQ_FOREACH_SAFE (n, &tx->notes, entry, next)
		if (n->session)
			STAILQ_INSERT_TAIL(&kept, n, entry);
	STAILQ_INIT(&tx->notes);
	STAILQ_CONCAT(&tx->notes, &kept);
	envelope_init(&tx->envelope, &tx->arena);
	arena_reset(&tx->arena);
	headers_init(&tx->headers, &tx->arena);
	tx->id[0] = '\0';
	tx->began_ms = 0;
	tx->discard = false;
	tx->kept = false;
	tx->filter = NULL;
	tx->reason = NULL;
}

void
tx_free(struct tx *tx)
{
	message_free(&tx->message);
	STAILQ_INIT(&tx->notes);
	arena_free(&tx->arena);
}

/* The arena never gives back, and a client may say EHLO for hours: a text is
 * replaced in place when it fits, and its room at least doubles if not. */
void
tx_set_fact(struct tx *tx, const char *key, const char *text)
{
	struct note *n = find_own(tx, key);
	size_t len = strlen(text), room = n->room * 2;

	if (n->text == NULL || len >= n->room) {
		if (room < TEXT_ROOM_MIN)
			room = TEXT_ROOM_MIN;
		if (room < len + 1)
			room = len + 1;
		n->text = arena_alloc(arena_of(tx), room);
		n->room = room;
	}
	compat_strlcpy(n->text, text, n->room);
}

const char *
tx_fact(const struct tx *tx, const char *key)
{
	const struct note *n = find(tx, key);

	return n != NULL ? n->text : NULL;
}

void
tx_add_counter(struct tx *tx, const char *key, double by)
{
	find_own(tx, key)->number += by;
}

double
tx_counter(const struct tx *tx, const char *key)
{
	const struct note *n = find(tx, key);

	return n != NULL ? n->number : 0;
}

void
tx_set_flag(struct tx *tx, const char *key)
{
	struct note *n = find_own(tx, key);

	n->number = 1;
	n->flag = true;
}

bool
tx_flag(const struct tx *tx, const char *key)
{
	return tx_counter(tx, key) > 0;
}

/* The list has room for the first ones; who costs more is bad enough. */
void
tx_add_karma(struct tx *tx, double by, const char *who, const char *what)
{
	size_t len;

	tx->karma += by;
	if (tx->karma_for == NULL) {
		tx->karma_for = arena_alloc(tx->session, KARMA_ROOM);
		tx->karma_for[0] = '\0';
	}
	len = strlen(tx->karma_for);
	snprintf(tx->karma_for + len, KARMA_ROOM - len, "%s%s.%s:%g",
	    len > 0 ? "," : "", who, what, by);
}

/* Notes of the transaction stand before those of the session. */
static struct note *
find(const struct tx *tx, const char *key)
{
	struct note *n;

	STAILQ_FOREACH (n, &tx->notes, entry)
		if (strcmp(n->key, key) == 0)
			return n;
	return NULL;
}

/* The note to write to: of the transaction once there is one, else of the
 * session.  Made if needed, with the value that was visible before. */
static struct note *
find_own(struct tx *tx, const char *key)
{
	bool session = !tx->envelope.has_sender;
	struct note *old = find(tx, key), *n;

	if (old != NULL && old->session == session)
		return old;
	n = arena_alloc(arena_of(tx), sizeof(*n));
	n->key = key;
	n->session = session;
	if (old != NULL) {
		n->number = old->number;
		n->text = old->text;
		n->flag = old->flag;
	}
	if (session)
		STAILQ_INSERT_TAIL(&tx->notes, n, entry);
	else
		STAILQ_INSERT_HEAD(&tx->notes, n, entry);
	return n;
}

static struct arena *
arena_of(struct tx *tx)
{
	return tx->envelope.has_sender ? &tx->arena : tx->session;
}

bool
tx_hides(const struct tx *tx, const struct note *n)
{
	const struct note *first;

	STAILQ_FOREACH (first, &tx->notes, entry)
		if (strcmp(first->key, n->key) == 0)
			return first != n;
	return false;
}

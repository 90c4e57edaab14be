/*
 * Memory that is always there, and arenas: lists of blocks from which pieces
 * are cut and which go all at once.
 */

#include "mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#define ALIGNMENT 16

struct arena_block {
	struct arena_block *next;
	size_t size; /* of data */
	size_t used;
	_Alignas(ALIGNMENT) unsigned char data[];
};

static _Noreturn void out_of_memory(size_t);
static struct arena_block *block_new(size_t);
static void *take(struct arena *, size_t);

void *
xmalloc(size_t size)
{
	void *p = malloc(size > 0 ? size : 1);

	if (p == NULL)
		out_of_memory(size);
	return p;
}

void *
xcalloc(size_t count, size_t size)
{
	void *p;

	if (count == 0 || size == 0)
		count = size = 1;
	p = calloc(count, size);
	if (p == NULL)
		out_of_memory(size);
	return p;
}

void *
xrealloc(void *ptr, size_t size)
{
	void *p = realloc(ptr, size > 0 ? size : 1);

	if (p == NULL)
		out_of_memory(size);
	return p;
}

char *
xstrdup(const char *s)
{
	size_t size = strlen(s) + 1;

	return memcpy(xmalloc(size), s, size);
}

/* The log needs no memory of its own, so it can still say this. */
static _Noreturn void
out_of_memory(size_t size)
{
	log_event(LEVEL_ERROR, "out of memory (%zu octets)", size);
	log_flush();
	abort();
}

void
arena_init(struct arena *a, size_t block_size)
{
	a->blocks = NULL;
	a->block_size = block_size;
	a->held = 0;
}

size_t
arena_held(const struct arena *a)
{
	return a->held;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	return memset(take(a, size), 0, size);
}

char *
arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *copy = take(a, len + 1);

	if (len > 0)
		memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		return arena_strndup(a, "", 0);
	text = take(a, (size_t)len + 1);
	va_start(ap, fmt);
	vsnprintf(text, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return text;
}

void
arena_reset(struct arena *a)
{
	struct arena_block *b, *next, *kept = NULL;

	for (b = a->blocks; b != NULL; b = next) {
		next = b->next;
		if (kept == NULL && b->size == a->block_size)
			kept = b;
		else
			free(b);
	}
	a->held = 0;
	if (kept != NULL) {
		kept->next = NULL;
		kept->used = 0;
		a->held = sizeof(*kept) + kept->size;
	}
	a->blocks = kept;
}

void
arena_free(struct arena *a)
{
	struct arena_block *b, *next;

	for (b = a->blocks; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	a->blocks = NULL;
	a->held = 0;
}

static struct arena_block *
block_new(size_t size)
{
	struct arena_block *b = xmalloc(sizeof(*b) + size);

	b->next = NULL;
	b->size = size;
	b->used = 0;
	return b;
}

/* What is larger than an ordinary block gets one of its own, behind the first,
 * so that the rest of the first is not lost. */
static void *
take(struct arena *a, size_t size)
{
	struct arena_block *b = a->blocks;
	void *p;

	if (size > SIZE_MAX / 2)
		out_of_memory(size);
	size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	if (b == NULL || size > b->size - b->used) {
		b = block_new(size > a->block_size ? size : a->block_size);
		a->held += sizeof(*b) + b->size;
		if (size > a->block_size && a->blocks != NULL) {
			b->next = a->blocks->next;
			a->blocks->next = b;
		} else {
			b->next = a->blocks;
			a->blocks = b;
		}
	}
	p = b->data + b->used;
	b->used += size;
	return p;
}

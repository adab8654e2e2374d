/*
 * Owns chunked memory with one lifetime.
 *
 * Invariant: the chunks' payloads together never exceed the cap. Chunks double in size up to CHUNK_MOST, so
 * that a small report costs a page and a large one few calls of calloc. Memory is handed out once only, which
 * is why calloc's zeroes are still zeroes.
 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define CHUNK_LEAST 4096u
#define CHUNK_MOST  (1024u * 1024)

struct chunk {
	struct chunk *next;
	size_t size;
	size_t used;
	alignas(max_align_t) unsigned char data[];
};

struct arena {
	struct chunk *chunks; /* newest first; only the newest is allocated from */
	size_t cap;
	size_t held; /* payload bytes of all chunks */
	size_t used; /* bytes handed out */
	size_t next_size;
	bool overflowed;
};

struct arena *arena_new(size_t cap_bytes)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->cap = cap_bytes;
	a->next_size = CHUNK_LEAST;
	return a;
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	while (a->chunks) {
		struct chunk *c = a->chunks;

		a->chunks = c->next;
		free(c);
	}
	free(a);
}

/* A new chunk with room for `size`; NULL past the cap. */
static struct chunk *chunk_add(struct arena *a, size_t size)
{
	size_t room = a->cap - a->held;
	size_t want = size > a->next_size ? size : a->next_size;

	if (size > room)
		return NULL;
	if (want > room)
		want = room;
	struct chunk *c = calloc(1, sizeof(*c) + want);

	if (!c)
		return NULL;
	c->size = want;
	c->next = a->chunks;
	a->chunks = c;
	a->held += want;
	if (a->next_size < CHUNK_MOST)
		a->next_size *= 2;
	return c;
}

static void *take(struct arena *a, size_t size, size_t align)
{
	struct chunk *c = a->chunks;
	size_t at = c ? (c->used + align - 1) & ~(align - 1) : 0;

	if (!c || at > c->size || size > c->size - at) {
		c = chunk_add(a, size);
		at = 0;
	}
	if (!c) {
		a->overflowed = true;
		return NULL;
	}
	c->used = at + size;
	a->used += size;
	return c->data + at;
}

void *arena_alloc(struct arena *a, size_t size)
{
	return take(a, size, alignof(max_align_t));
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total)) {
		a->overflowed = true;
		return NULL;
	}
	return arena_alloc(a, total);
}

char *arena_strndup(struct arena *a, const char *text, size_t len)
{
	if (!text)
		return NULL;
	if (len == SIZE_MAX) {
		a->overflowed = true;
		return NULL;
	}
	char *copy = take(a, len + 1, 1);

	if (copy)
		memcpy(copy, text, len); /* the byte behind it is zero already */
	return copy;
}

char *arena_strdup(struct arena *a, const char *text)
{
	return text ? arena_strndup(a, text, strlen(text)) : NULL;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	char *text = len < 0 ? NULL : take(a, (size_t)len + 1, 1);

	if (!text)
		return NULL;
	va_start(args, format);
	(void)vsnprintf(text, (size_t)len + 1, format, args);
	va_end(args);
	return text;
}

bool arena_overflowed(const struct arena *a)
{
	return a->overflowed;
}

size_t arena_used(const struct arena *a)
{
	return a->used;
}

/*
 * Bounded arena: many small objects with one lifetime, freed in one step. Not thread safe: one owner.
 *
 * An arena that reaches its cap hands out NULL from then on and remembers it (arena_overflowed), so a
 * builder may check once at its end.
 */
#ifndef BURSTD_BASE_ARENA_H
#define BURSTD_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

struct arena;

/* New arena that never holds more than `cap_bytes`. NULL when out of memory. Free with arena_free. */
struct arena *arena_new(size_t cap_bytes);
void arena_free(struct arena *);
DEFINE_FREEP(struct arena, arena_free)

/* Zeroed memory aligned for any type, NULL past the cap. Owned by the arena. */
void *arena_alloc(struct arena *, size_t size);
void *arena_array(struct arena *, size_t count, size_t size); /* checks count * size for overflow */
char *arena_strdup(struct arena *, const char *);             /* NULL in, NULL out */
char *arena_strndup(struct arena *, const char *, size_t len);
char *arena_printf(struct arena *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* True once any request was refused. */
bool arena_overflowed(const struct arena *);
size_t arena_used(const struct arena *);

#endif

/*
 * One store connection per thread: opened at the thread's first use, closed when the thread ends. Any thread.
 */
#ifndef BURSTD_SERVER_STORES_H
#define BURSTD_SERVER_STORES_H

#include "store/store.h"

struct stores;

/* `path` and `key` are copied. NULL when out of memory or thread keys. */
struct stores *stores_new(const char *path, const uint8_t key[SECRET_KEY_SIZE]);
/* Closes the calling thread's connection; every other thread that used it must have ended. NULL is fine. */
void stores_free(struct stores *);
DEFINE_FREEP(struct stores, stores_free)

/* The calling thread's connection, borrowed; NULL fills `e`. Fits struct app's `store`. */
struct store *stores_get(void *stores, struct error *e);

#endif

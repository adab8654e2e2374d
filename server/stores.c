/*
 * Owns the per-thread store connections. The thread key's destructor closes a connection when its thread
 * ends, so the HTTP pool needs no list of its threads.
 */
#include "server/stores.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct stores {
	pthread_key_t key;
	uint8_t secret[SECRET_KEY_SIZE];
	char path[];
};

static void close_one(void *store)
{
	store_close(store);
}

struct stores *stores_new(const char *path, const uint8_t key[SECRET_KEY_SIZE])
{
	size_t size = strlen(path) + 1;
	struct stores *s = calloc(1, sizeof *s + size);

	if (!s)
		return NULL;
	memcpy(s->path, path, size);
	memcpy(s->secret, key, SECRET_KEY_SIZE);
	if (pthread_key_create(&s->key, close_one) == 0)
		return s;
	free(s);
	return NULL;
}

void stores_free(struct stores *s)
{
	if (!s)
		return;
	store_close(pthread_getspecific(s->key));
	(void)pthread_key_delete(s->key);
	explicit_bzero(s->secret, sizeof s->secret);
	free(s);
}

struct store *stores_get(void *stores, struct error *e)
{
	struct stores *s = stores;
	struct store *store = pthread_getspecific(s->key);

	if (store)
		return store;
	if (store_open(s->path, s->secret, &store, e))
		return NULL;
	if (pthread_setspecific(s->key, store) == 0)
		return store;
	store_close(store);
	(void)error_set(e, ERR_INTERNAL, "out of memory");
	return NULL;
}

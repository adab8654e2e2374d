/*
 * What the HTTP side is given of the rest of the process, as functions: a test gives a picture of its own and
 * a store in a temporary directory.
 */
#ifndef BURSTD_SERVER_APP_H
#define BURSTD_SERVER_APP_H

#include "base/clock.h"
#include "base/err.h"
#include "fleet/picture.h"
#include "fleet/tallies.h"
#include "server/config.h"
#include "store/store.h"

struct sink_memory;
struct tls;

struct app {
	const struct config *config;   /* borrowed */
	const struct clock *clock;     /* borrowed */
	struct tls *tls;               /* borrowed; NULL = plain HTTP */
	const struct tallies *tallies; /* borrowed: what the workers count of themselves */
	struct sink_memory *sink;      /* borrowed: what event sinks have told (handlers/sink_memory.h) */

	/* The published picture, a new reference; never NULL. Any thread, never waits. */
	struct picture *(*picture)(void *self);
	/* Something was written that the workers should look at. Any thread, returns at once. */
	void (*wake)(void *self);
	/* Infinity told of something that may have changed its load: look soon. Any thread, returns at once. */
	void (*hint)(void *self);
	/* Somebody wants the surveys made anew. Any thread, returns at once. */
	void (*survey)(void *self);
	void *self;

	/* The calling thread's own connection, borrowed; NULL fills `e`. */
	struct store *(*store)(void *store_self, struct error *e);
	void *store_self;
};

#endif

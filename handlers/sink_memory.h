/*
 * What Infinity's event sinks have told: which events were seen, so that one that is delivered again counts once, and how many.
 *
 * Every Conferencing Node numbers its events from 1 and sends each at least once. An event is a duplicate when its node has
 * sent this number since its publisher started. A publisher has started again when
 *
 *   - `eventsink_started` arrives that is not the one which began what is remembered;
 *   - a number is SINK_WINDOW or more below the highest one;
 *   - a number not above the highest one comes with a time more than SINK_RESTART_SECONDS later than that one's: a node sends
 *     in order, so a later event has a higher number.
 *
 * Then its numbers are forgotten. All of it is memory: after a restart of burstd every event is new, which costs one look at
 * Infinity. Constant in size: SINK_NODES nodes, the one that was silent longest gives way. Any thread; one lock.
 */
#ifndef BURSTD_HANDLERS_SINK_MEMORY_H
#define BURSTD_HANDLERS_SINK_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define SINK_NODES           1024
#define SINK_WINDOW          1024 /* how far back numbers are remembered */
#define SINK_RESTART_SECONDS 5
#define SINK_NODE_SIZE       64 /* a node is told by its address */

/*      name       text (label of the metric, field of the reply) */
#define SINK_RESULTS(X)                                                                                      \
	X(ACCEPTED, "accepted")   /* may have changed load: Infinity is looked at */                         \
	X(DUPLICATE, "duplicate") /* was seen before */                                                      \
	X(IGNORED, "ignored")     /* tells nothing about load */

enum sink_result {
#define X(name, text) SINK_##name,
	SINK_RESULTS(X)
#undef X
		SINK_RESULT_COUNT
};
const char *sink_result_text(enum sink_result);

struct sink_event {
	const char *node; /* of less than SINK_NODE_SIZE bytes */
	int64_t seq;      /* 0 or more */
	double time;      /* seconds since 1970; 0 = not said */
	bool started;     /* eventsink_started */
	bool load;        /* of a kind that may change load */
};

struct sink_memory;

struct sink_memory *sink_memory_new(void); /* NULL when out of memory */
void sink_memory_free(struct sink_memory *);
DEFINE_FREEP(struct sink_memory, sink_memory_free)

/* Takes events in the order in which they came, and adds what became of each to `counts`. */
void sink_memory_take(struct sink_memory *, const struct sink_event *, size_t n,
		      int64_t counts[SINK_RESULT_COUNT]);
/* What became of all events so far. */
void sink_memory_totals(struct sink_memory *, int64_t ret[SINK_RESULT_COUNT]);

#endif

/*
 * What the workers count of their own work, for /metrics: one struct a process, made before its threads. Each field says who
 * adds to it; anybody may read (base/meter.h).
 */
#ifndef BURSTD_FLEET_TALLIES_H
#define BURSTD_FLEET_TALLIES_H

#include "base/cleanup.h"
#include "base/meter.h"
#include "fleet/upstream.h"

/*      name      text        what a bursting node that is up is doing */
#define NODE_CLASSES(X)                                                                                      \
	X(USEFUL, "useful")     /* serving, with something on it */                                          \
	X(IDLE, "idle")         /* serving, with nothing on it (RULE E1) */                                  \
	X(BOOTING, "booting")   /* starting */                                                               \
	X(DRAINING, "draining") /* in maintenance mode, to be stopped (RULE E5) */

enum node_class {
#define X(name, text) NODE_CLASS_##name,
	NODE_CLASSES(X)
#undef X
		NODE_CLASS_COUNT
};
const char *node_class_text(enum node_class);

/* A source that is read: "infinity", or "ec2:" and the region. */
struct observer_tally {
	char source[48];
	struct meter times; /* of each read, good or not; its observer's thread */
};

extern const struct meter_bounds observe_bounds;  /* 50 ms to 60 s */
extern const struct meter_bounds decision_bounds; /* 0.25 ms to 2.5 s */
extern const struct meter_bounds drain_bounds;    /* 1 min to 24 h */

struct tallies {
	struct upstream_tally infinity; /* the clients' threads */
	struct upstream_tally ec2;
	struct meter decisions; /* the controller's thread: one look each, from joining to publishing */
	struct meter
		drains; /* under the reconciler's lock: maintenance mode on until StopInstances was accepted */
	_Atomic uint64_t node_ms[NODE_CLASS_COUNT]; /* the controller's thread */
	_Atomic uint64_t calls_cut;                 /* under the reconciler's lock (docs/metrics.md) */
	size_t n_observers;
	struct observer_tally observers[]; /* Infinity, then each region */
};

/* All at 0; NULL when out of memory. */
struct tallies *tallies_new(const char *const *regions, size_t n);
void tallies_free(struct tallies *); /* NULL is fine */
DEFINE_FREEP(struct tallies, tallies_free)

#endif

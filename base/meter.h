/*
 * Counters and histograms of durations without a lock: threads add, /metrics reads. A reader may see one thread's last addition
 * in a class and not yet in the sum; nothing is ever lost. All begin at 0 with the process, as Prometheus expects. Any thread.
 */
#ifndef BURSTD_BASE_METER_H
#define BURSTD_BASE_METER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

static inline void counter_add(_Atomic uint64_t *counter, uint64_t by)
{
	(void)atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

static inline uint64_t counter_read(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

#define METER_BOUNDS 12

/* Upper bounds of the classes of a meter, rising; the class behind the last one has none. */
struct meter_bounds {
	int64_t us[METER_BOUNDS];
};

/* Zeroed memory is a meter without additions. */
struct meter {
	_Atomic uint64_t classes[METER_BOUNDS + 1]; /* each by itself */
	_Atomic uint64_t sum_us;
};

struct meter_reading {
	uint64_t classes[METER_BOUNDS + 1];
	uint64_t sum_us;
};

/* A negative duration (a clock that went back) counts as none. */
void meter_add(struct meter *, const struct meter_bounds *, int64_t took_us);
struct meter_reading meter_read(const struct meter *);

#endif

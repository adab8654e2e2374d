/*
 * Prometheus' text exposition format 0.0.4. A family begins with expo_family; its samples follow without another family
 * in between. Labels and helps are escaped, and bytes that are not UTF-8 replaced, so that no name of a location can
 * spoil a scrape. Names of metrics and labels are ours and taken as they are.
 */
#ifndef BURSTD_HANDLERS_EXPOSITION_H
#define BURSTD_HANDLERS_EXPOSITION_H

#include <stdint.h>

#include "base/buf.h"
#include "base/meter.h"

#define EXPO_MEDIA "text/plain; version=0.0.4; charset=utf-8"

struct label {
	const char *name; /* NULL closes a list of labels */
	const char *value;
};
#define LABELS(...) ((const struct label[]){__VA_ARGS__, {NULL, NULL}})

enum expo_type { EXPO_COUNTER, EXPO_GAUGE, EXPO_HISTOGRAM };

void expo_family(struct buf *, const char *name, enum expo_type, const char *help);
/* `labels` may be NULL. Infinite values and NaN have their own words in the format. */
void expo_sample(struct buf *, const char *name, const struct label *labels, double value);
/* A family of one sample. */
void expo_single(struct buf *, const char *name, enum expo_type, const char *help, double value);

/* `counts` has n + 1 classes, each by itself; the last one has no bound. `label` is one label or NULL. */
struct histogram {
	const double *bounds;
	size_t n;
	const uint64_t *counts;
	double sum;
};
void expo_histogram(struct buf *, const char *name, const struct label *label, const struct histogram *);
/* A meter's reading as a histogram in seconds. */
void expo_meter(struct buf *, const char *name, const struct label *label, const struct meter_bounds *,
		const struct meter_reading *);

#endif

/*
 * Samples: the load of a location at one moment, or the mean over ten minutes, and the ramp that samples make. Durations
 * here are real ones; whoever works with them divides them by BURSTD_TIME_SCALE.
 */
#ifndef BURSTD_FLEET_SAMPLE_H
#define BURSTD_FLEET_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "fleet/phase.h"
#include "fleet/picture.h"

enum sample_resolution { SAMPLE_MINUTE, SAMPLE_MEAN };
#define SAMPLE_CHOICES "1m|10m" /* in the same order, as the API names them */

#define SAMPLE_EVERY_MS      (1 * MS_PER_MINUTE)
#define SAMPLE_CHANGE_MS     (10 * MS_PER_SECOND) /* a change is sampled at once, but not more often than this */
#define SAMPLE_MEAN_MS       (10 * MS_PER_MINUTE)
#define SAMPLE_KEEP_MS       (48 * 60 * MS_PER_MINUTE)
#define SAMPLE_KEEP_MEANS_MS (90 * 24 * 60 * MS_PER_MINUTE)

struct sample {
	int64_t time; /* of a mean: where its ten minutes begin */
	int64_t location;
	int samples; /* how many it is made of; 1 = as it was seen */
	double free_hd;
	int free_hd_min;
	int free_hd_max;
	double max_hd;
	int threshold;             /* of a mean: the highest */
	double media_load;         /* -1 = not known */
	bool nodes_known;          /* RULE D1: EC2's lists are fresh and whole */
	double nodes[PHASE_COUNT]; /* bursting nodes by phase */
};

/*
 * What the picture shows of a location; false where that is not known, because Infinity's data are stale, partial, frozen or
 * never came (RULE D1). Pure.
 */
bool sample_make(const struct picture *, const struct location *, struct sample *ret);
/* Whether something other than the load is another than before: capacity, threshold, being at or below it, phases. */
bool sample_differs(const struct sample *before, const struct sample *now);

/* A straight line through free HD calls over time, by least squares; x in minutes. */
#define RAMP_WINDOW_MS (15 * MS_PER_MINUTE)
#define RAMP_SAMPLES   5 /* fewer tell nothing */
#define RAMP_LEAST_HD  1 /* nor does a fall of less than this in the window */
struct ramp {
	int64_t samples;
	int64_t first;
	int64_t last;
	double x, y, xx, xy; /* means of the samples' x, y, x * x, x * y; x counts from the window's begin */
};
/*
 * Minutes from now until `free_hd` comes down to `threshold` at the ramp's pace; 0 where it has. NaN where it does not fall, or
 * where the samples tell nothing: too few of them, less than a third of `window_ms` between first and last. Pure.
 */
double ramp_minutes(const struct ramp *, int64_t window_ms, int free_hd, int threshold);

#endif

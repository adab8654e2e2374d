/* The parts of /metrics that have a file of their own. */
#ifndef BURSTD_HANDLERS_METRICS_H
#define BURSTD_HANDLERS_METRICS_H

#include "base/buf.h"
#include "fleet/picture.h"
#include "fleet/tallies.h"
#include "store/store.h"

/* metrics_work.c: what the workers count of themselves. */
void metrics_put_work(struct buf *, const struct tallies *);
/* How soon each principal location will come down to its threshold: location_minutes_left (handlers/views.h). */
void metrics_put_ramps(struct buf *, const struct picture *, struct store *);

#endif

/*
 * The worker threads and their wiring: observers (one for Infinity, one per region), the controller, the
 * actors, the life-cycle worker, the surveyors. Thin shells round the steps of reconcile/.
 */
#ifndef BURSTD_SERVER_WORKERS_H
#define BURSTD_SERVER_WORKERS_H

#include "base/crypto.h"
#include "base/err.h"
#include "fleet/picture.h"
#include "fleet/tallies.h"
#include "server/config.h"
#include "server/pulse.h"

struct workers;

/*
 * Opens the store's connections, builds clients and ports from the configuration, starts the threads. `key`
 * seals secrets. On success *ret_workers is the caller's; workers_stop ends all threads and frees it. Main
 * thread.
 */
enum err workers_start(const struct config *, const uint8_t key[SECRET_KEY_SIZE],
		       struct workers **ret_workers, struct error *);
void workers_stop(struct workers *);

/* The published picture, a new reference; never NULL (an empty one before the first read). Any thread, never
 * waits. */
struct picture *workers_picture(struct workers *);

/* What the workers count of themselves, for /metrics; lives as long as they do. Any thread. */
const struct tallies *workers_tallies(struct workers *);

/* The controller's: it is heard of by the end of each look and of each wait. Lives as long as the workers. Any thread. */
const struct pulse *workers_pulse(const struct workers *);

/* Something changed (a setting, a wish, a request): observe and decide now. Any thread, returns at once. */
void workers_wake(struct workers *);

/*
 * Infinity told of something that may have changed its load: its observer looks at once, but never so often that Infinity
 * is asked too much; any number of hints make one look. Any thread, returns at once.
 */
void workers_hint(struct workers *);
/* Make all surveys anew. One that is under way is followed by another. Any thread, returns at once. */
void workers_survey(struct workers *);

#endif

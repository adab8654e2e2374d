/*
 * The life-cycle runner: carries out the operations of fleet/lifecycle.h, step by step, each attempt committed before it is
 * made. One thread and one store connection of its own, so that a slow upload never holds up a start or a stop.
 */
#ifndef BURSTD_LIFECYCLE_LIFECYCLE_H
#define BURSTD_LIFECYCLE_LIFECYCLE_H

#include "base/clock.h"
#include "clients/ec2/manage.h"
#include "clients/infinity/infinity.h"
#include "clients/transport.h"
#include "reconcile/reconcile.h"
#include "store/lifecycle.h"

struct lifecycle;
struct lifecycle_options {
	struct reconciler
		*reconciler; /* borrowed, like all of these: the picture, and what Infinity acknowledged */
	const struct clock *clock;
	double time_scale; /* every duration is divided by it */
	struct infinity_client *infinity;
	/* The client of a region, with the credentials of life-cycle operations; NULL = the region is not configured. */
	struct ec2_client *(*ec2)(void *self, const char *region);
	void *ec2_self;
	struct transport unverified; /* to new nodes: their certificates are self-signed */
	const char *bootstrap_url;   /* BOOTSTRAP_URL or what takes its place */
};
/* NULL when out of memory. */
struct lifecycle *lifecycle_new(const struct lifecycle_options *);
/* Wipes the configuration documents that it holds in memory; NULL is fine. */
void lifecycle_free(struct lifecycle *);
DEFINE_FREEP(struct lifecycle, lifecycle_free)

/*
 * One pass over the open operations: what is due of each is done, at most one step's deed each. First of all it asks for the
 * static NAT changes of nodes whose operator wishes them (INTENT_FOLLOW_ADDRESS). *ret_next_at: when the next is due, 0 = none.
 * True when something changed that the controller should look at. The life-cycle worker's thread.
 */
bool lifecycle_step(struct lifecycle *, struct store *, int64_t *ret_next_at);

#endif

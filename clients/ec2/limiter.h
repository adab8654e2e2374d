/* Client-side token buckets for one region (docs/upstream.md, "Throttling"). Any thread; locks itself. */
#ifndef BURSTD_CLIENTS_EC2_LIMITER_H
#define BURSTD_CLIENTS_EC2_LIMITER_H

#include <stdint.h>

#include "clients/ec2/ec2.h"

/* AWS counts each action for itself, in buckets of these sizes. */
enum ec2_bucket {
	EC2_BUCKET_DESCRIBE,
	EC2_BUCKET_START,
	EC2_BUCKET_STOP,
	EC2_BUCKET_LAUNCH,
	EC2_BUCKET_TERMINATE,
	EC2_BUCKET_TAG,
	EC2_BUCKET_CHANGE, /* every other change: they share it, though AWS has one for each */
};
#define EC2_BUCKETS (EC2_BUCKET_CHANGE + 1)

/*
 * Takes one token, also one that is not there yet, and returns the real milliseconds to wait before the call. Callers
 * that wait are served in the order in which they asked.
 */
int64_t ec2_limiter_take(struct ec2_limiter *, enum ec2_bucket);

/* AWS refused a call as one too many: empties every bucket and refills them more slowly for the next minutes. */
void ec2_limiter_throttled(struct ec2_limiter *);

#endif

/*
 * Owns the pace of calls to one region. A bucket may go below zero: that is the queue of those who wait.
 *
 * After a throttle all refill rates shrink by SLOWED_BY and come back over RECOVERY_MS: other users of the account share
 * AWS's buckets, so what AWS said counts for more than our own book-keeping.
 *
 * Time is real time multiplied by time_scale, as everywhere; waits are returned in real milliseconds.
 */
#include "clients/ec2/limiter.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/cleanup.h"

#define SLOWED_BY   0.7
#define SLOWEST     0.05
#define RECOVERY_MS 120000.0

static const struct {
	double capacity;
	double per_second;
} sizes[EC2_BUCKETS] = {
	[EC2_BUCKET_DESCRIBE] = {100, 20}, [EC2_BUCKET_START] = {5, 2},       [EC2_BUCKET_STOP] = {50, 5},
	[EC2_BUCKET_LAUNCH] = {5, 2},      [EC2_BUCKET_TERMINATE] = {100, 5}, [EC2_BUCKET_TAG] = {100, 10},
	[EC2_BUCKET_CHANGE] = {50, 5},
};

struct ec2_limiter {
	pthread_mutex_t lock;
	const struct clock *clock;
	double time_scale;
	double tokens[EC2_BUCKETS];
	double pace; /* 1 = full refill rates */
	int64_t last_ms;
};

struct ec2_limiter *ec2_limiter_new(const struct clock *clock, double time_scale)
{
	struct ec2_limiter *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	(void)pthread_mutex_init(&l->lock, NULL); /* cannot fail without attributes on Linux */
	l->clock = clock;
	l->time_scale = time_scale > 0 ? time_scale : 1;
	l->pace = 1;
	l->last_ms = clock_now(clock);
	for (size_t i = 0; i < EC2_BUCKETS; i++)
		l->tokens[i] = sizes[i].capacity;
	return l;
}

void ec2_limiter_free(struct ec2_limiter *l)
{
	if (!l)
		return;
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* A clock that was set back refills nothing; one that jumped ahead fills the buckets, no more. */
static void refill(struct ec2_limiter *l)
{
	int64_t now = clock_now(l->clock);
	double passed_ms = now > l->last_ms ? (double)(now - l->last_ms) * l->time_scale : 0;

	l->last_ms = now;
	for (size_t i = 0; i < EC2_BUCKETS; i++) {
		l->tokens[i] += sizes[i].per_second * l->pace * passed_ms / 1000;
		if (l->tokens[i] > sizes[i].capacity)
			l->tokens[i] = sizes[i].capacity;
	}
	l->pace += passed_ms / RECOVERY_MS;
	if (l->pace > 1)
		l->pace = 1;
}

int64_t ec2_limiter_take(struct ec2_limiter *l, enum ec2_bucket bucket)
{
	double wait_ms = 0;

	pthread_mutex_lock(&l->lock);
	refill(l);
	l->tokens[bucket] -= 1;
	if (l->tokens[bucket] < 0)
		wait_ms = -l->tokens[bucket] / (sizes[bucket].per_second * l->pace) * 1000 / l->time_scale;
	pthread_mutex_unlock(&l->lock);
	return (int64_t)wait_ms;
}

void ec2_limiter_throttled(struct ec2_limiter *l)
{
	pthread_mutex_lock(&l->lock);
	refill(l);
	l->pace *= SLOWED_BY;
	if (l->pace < SLOWEST)
		l->pace = SLOWEST;
	for (size_t i = 0; i < EC2_BUCKETS; i++)
		if (l->tokens[i] > 0)
			l->tokens[i] = 0;
	pthread_mutex_unlock(&l->lock);
}

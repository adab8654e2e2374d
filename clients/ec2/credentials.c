/*
 * Owns the AWS keys in use and their renewal.
 *
 * Settings, environment and files are read at each call, which costs microseconds and notices every change. Keys that had to be
 * asked for (roles, web identity, container, instance role) are held, together with the plan that they were made by: another plan
 * makes them useless.
 *
 * Threads: one lock round the state, never held while the network is asked. `renewing` belongs to the one thread that asks; until
 * it is done, `plan`, the transport and `imds` are its own, and nobody else writes `plan`. The others go on with keys that are
 * still good, or wait for `renewed`.
 */
#include "clients/ec2/credentials.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "clients/ec2/chain.h"
#include "clients/ec2/container.h"
#include "clients/ec2/imds.h"
#include "clients/ec2/sts.h"

#define SOFT_MS                                                                                              \
	(15 *                                                                                                \
	 MS_PER_MINUTE) /* before the end: a renewal is tried; a quarter of the time where that is less */
#define STALE_MS (5 * MS_PER_MINUTE) /* IMDS has newer keys by then, unless it cannot get any */
#define STALE_EXTRA_MS                                                                                       \
	(2 * MS_PER_MINUTE)          /* and up to 10 minutes at random, when the service has only old keys */
#define AGAIN_MS       MS_PER_MINUTE /* at most, after a failed renewal while the old keys are still good */
#define AGAIN_LEAST_MS MS_PER_SECOND
#define REFUSED_MS     (5 * MS_PER_SECOND) /* a failure without keys is believed for so long */

struct credentials {
	pthread_mutex_t lock;
	pthread_cond_t renewed;
	struct credentials_options o;
	struct imds imds;
	struct aws_keys settings; /* access_key "" = none */
	struct aws_chain found;   /* scratch of the thread that holds the lock */
	struct aws_chain plan;    /* that `held` was made by */
	struct aws_keys held;     /* access_key "" = none */
	int64_t renew_at;
	int64_t until; /* `held` is not used from here */
	bool renewing;
	int64_t refused_until;
	struct upstream_error refusal;
};

struct credentials *credentials_new(const struct credentials_options *o)
{
	struct credentials *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	/* Neither can fail without attributes on Linux. */
	(void)pthread_mutex_init(&c->lock, NULL);
	(void)pthread_cond_init(&c->renewed, NULL);
	c->o = *o;
	c->imds = (struct imds){.transport = o->transport, .clock = o->clock};
	return c;
}

void credentials_free(struct credentials *c)
{
	if (!c)
		return;
	pthread_cond_destroy(&c->renewed);
	pthread_mutex_destroy(&c->lock);
	explicit_bzero(c, sizeof(*c));
	free(c);
}

void credentials_set_static(struct credentials *c, const char *access_key, const char *secret_key)
{
	struct aws_keys keys = {.provider = "settings"};

	if (access_key && access_key[0] && secret_key) {
		(void)snprintf(keys.access_key, sizeof(keys.access_key), "%s", access_key);
		(void)snprintf(keys.secret_key, sizeof(keys.secret_key), "%s", secret_key);
	}
	pthread_mutex_lock(&c->lock);
	c->settings = keys;
	c->refused_until = 0;
	pthread_mutex_unlock(&c->lock);
	explicit_bzero(&keys, sizeof(keys));
}

void credentials_expire(struct credentials *c, const struct aws_keys *refused)
{
	pthread_mutex_lock(&c->lock);
	if (strcmp(c->held.access_key, refused->access_key) == 0)
		c->until = 0;
	pthread_mutex_unlock(&c->lock);
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

static bool ask_base(struct credentials *c, const struct sts *sts, struct aws_keys *ret,
		     struct upstream_error *e)
{
	switch (c->plan.base) {
	case CHAIN_KEYS:
		*ret = c->plan.keys;
		return true;
	case CHAIN_WEB_IDENTITY:
		return sts_web_identity(sts, &c->plan.web, c->plan.token_file, ret, e);
	case CHAIN_CONTAINER:
		return container_keys(&c->o.transport, c->o.clock, ret, e);
	case CHAIN_INSTANCE:
		return imds_keys(&c->imds, ret, e);
	}
	return false;
}

/* By the one thread that renews, without the lock. */
static bool ask(struct credentials *c, struct aws_keys *ret, struct upstream_error *e)
{
	const struct sts sts = {.transport = c->o.transport,
				.clock = c->o.clock,
				.region = c->o.sts_region,
				.endpoint = c->o.sts_endpoint};
	bool good = ask_base(c, &sts, ret, e);

	for (size_t i = 0; good && i < c->plan.n_roles; i++)
		good = sts_assume_role(&sts, &c->plan.roles[i], ret, ret, e);
	if (good)
		memcpy(ret->provider, c->plan.provider, sizeof(ret->provider));
	return good;
}

/* --- renewing ---------------------------------------------------------------------------------------------------- */

static int64_t lesser(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/*
 * Keys of an instance role that end soon although they are new: the service itself cannot get better ones. They are used on, and
 * asked for again after a while (docs/upstream.md, "Credentials"); AWS accepts them for longer then.
 */
static void plan_renewal(struct credentials *c, int64_t now)
{
	int64_t left = c->held.expires_at - now;
	bool instance = c->plan.base == CHAIN_INSTANCE && c->plan.n_roles == 0;

	c->renew_at = c->held.expires_at - lesser(SOFT_MS, left / 4);
	c->until = c->held.expires_at;
	if (!instance || left >= STALE_MS)
		return;
	c->renew_at = now + SOFT_MS + STALE_EXTRA_MS + (int64_t)(random_unit() * 8.0 * (double)MS_PER_MINUTE);
	c->until = INT64_MAX;
}

static void plan_another_try(struct credentials *c, int64_t now)
{
	int64_t wait = lesser(AGAIN_MS, (c->until - now) / 4);

	c->renew_at = now + (wait < AGAIN_LEAST_MS ? AGAIN_LEAST_MS : wait);
}

/* With the lock, which is given back meanwhile. false: no keys, `e` is filled. */
static bool renew(struct credentials *c, struct upstream_error *e)
{
	struct aws_keys keys = {0};
	struct upstream_error refusal;

	c->renewing = true;
	pthread_mutex_unlock(&c->lock);
	bool good = ask(c, &keys, &refusal);

	pthread_mutex_lock(&c->lock);
	c->renewing = false;
	pthread_cond_broadcast(&c->renewed);
	int64_t now = clock_now(c->o.clock);
	bool still_good = c->held.access_key[0] && now < c->until;

	if (good) {
		c->held = keys;
		c->refused_until = 0;
		plan_renewal(c, now);
	} else if (still_good) {
		plan_another_try(c, now);
	} else {
		*e = c->refusal = refusal;
		c->refused_until = now + REFUSED_MS;
	}
	explicit_bzero(&keys, sizeof(keys));
	return good || still_good;
}

/* --- choosing ---------------------------------------------------------------------------------------------------- */

/* Another plan than before: what is held was made by the old one. */
static void take_plan(struct credentials *c)
{
	memcpy(&c->plan, &c->found, sizeof(c->plan)); /* padding too: plans are compared byte by byte */
	explicit_bzero(&c->held, sizeof(c->held));
}

/* Keys that had to be asked for, once `found` is filled. *ret_wait: another thread asks, look again when it is done. */
static bool held_keys(struct credentials *c, struct aws_keys *ret, bool *ret_wait, struct upstream_error *e)
{
	int64_t now = clock_now(c->o.clock);
	bool same = memcmp(&c->plan, &c->found, sizeof(c->plan)) == 0;
	bool good = same && c->held.access_key[0] && now < c->until;

	*ret_wait = c->renewing && !good;
	if (*ret_wait)
		return false;
	if (same && !good && now < c->refused_until) {
		*e = c->refusal;
		return false;
	}
	if (!same)
		take_plan(c);
	if (!good || (now >= c->renew_at && !c->renewing))
		good = renew(c, e);
	if (good)
		*ret = c->held;
	return good;
}

static bool choose(struct credentials *c, struct aws_keys *ret, bool *ret_wait, struct upstream_error *e)
{
	*ret_wait = false;
	if (c->settings.access_key[0]) {
		*ret = c->settings;
		return true;
	}
	if (!aws_chain_find(c->o.profile, &c->found, e))
		return false;
	if (c->found.base != CHAIN_KEYS || c->found.n_roles > 0)
		return held_keys(c, ret, ret_wait, e);
	*ret = c->found.keys;
	memcpy(ret->provider, c->found.provider, sizeof(ret->provider));
	return true;
}

bool credentials_get(struct credentials *c, struct aws_keys *ret, struct upstream_error *e)
{
	struct aws_keys keys = {0};
	bool wait;
	bool good;

	pthread_mutex_lock(&c->lock);
	for (;;) {
		good = choose(c, &keys, &wait, e);
		if (!wait)
			break;
		pthread_cond_wait(&c->renewed, &c->lock);
	}
	explicit_bzero(&c->found, sizeof(c->found));
	pthread_mutex_unlock(&c->lock);
	if (good)
		*ret = keys;
	explicit_bzero(&keys, sizeof(keys));
	return good;
}

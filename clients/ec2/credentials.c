/*
 * Owns the choice of AWS keys and their renewal.
 *
 * Providers in order: settings, environment, shared files, instance role. The first that is configured decides: one that
 * is configured and broken is an error, because quietly using another account's keys would be worse.
 * Keys of the settings, environment and files are read at each call, which costs microseconds and notices every change;
 * keys of the role are kept until they are near their end.
 *
 * One lock round everything: while one thread waits for the metadata service (seconds at most), the others would have to
 * wait for the same keys anyway.
 */
#include "clients/ec2/credentials.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "clients/ec2/imds.h"
#include "clients/ec2/profile.h"

#define SOFT_MS (15 * MS_PER_MINUTE) /* before the end: a renewal is tried */
#define HARD_MS (10 * MS_PER_MINUTE) /* before the end: a renewal is needed */
#define STALE_EXTRA_MS                                                                                       \
	(2 * MS_PER_MINUTE)      /* and up to 10 minutes at random, when the service has only old keys */
#define AGAIN_MS   MS_PER_MINUTE /* after a failed renewal while the old keys are still good */
#define REFUSED_MS (5 * MS_PER_SECOND) /* a failure without keys is believed for so long */

struct credentials {
	pthread_mutex_t lock;
	struct imds imds;
	struct aws_keys settings; /* access_key "" = none */
	struct aws_keys role;     /* access_key "" = none */
	int64_t soft;             /* renew the role's keys from here */
	int64_t hard;             /* they are not used from here */
	int64_t refused_until;
	struct upstream_error refusal;
};

struct credentials *credentials_new(const struct clock *clock, struct transport transport)
{
	struct credentials *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	(void)pthread_mutex_init(&c->lock, NULL); /* cannot fail without attributes on Linux */
	c->imds = (struct imds){.transport = transport, .clock = clock};
	return c;
}

void credentials_free(struct credentials *c)
{
	if (!c)
		return;
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

void credentials_expire(struct credentials *c)
{
	pthread_mutex_lock(&c->lock);
	c->soft = 0;
	c->hard = 0;
	c->refused_until = 0;
	pthread_mutex_unlock(&c->lock);
}

/* --- the providers ----------------------------------------------------------------------------------------------- */

static const char *env(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

/* *ret_found: whether the environment is configured. false: it is, but not usable. */
static bool from_environment(struct aws_keys *ret, bool *ret_found, struct upstream_error *e)
{
	const char *access = env("AWS_ACCESS_KEY_ID");
	const char *secret = env("AWS_SECRET_ACCESS_KEY");
	const char *token = *env("AWS_SESSION_TOKEN") ? env("AWS_SESSION_TOKEN") : env("AWS_SECURITY_TOKEN");

	*ret_found = *access || *secret;
	if (!*ret_found)
		return true;
	if (!*access || !*secret || strlen(access) >= sizeof(ret->access_key) ||
	    strlen(secret) >= sizeof(ret->secret_key) || strlen(token) >= sizeof(ret->session_token)) {
		upstream_error_set(e, UPSTREAM_OPERATOR, 0, "credentials_incomplete", "ec2_credentials",
				   "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY both, or neither",
				   "the environment does not hold a whole pair of AWS keys");
		return false;
	}
	*ret = (struct aws_keys){.provider = "environment"};
	memcpy(ret->access_key, access, strlen(access));
	memcpy(ret->secret_key, secret, strlen(secret));
	memcpy(ret->session_token, token, strlen(token));
	return true;
}

/*
 * Keys that end soon although they are new: the service itself cannot get better ones. They are used on, and asked for
 * again after a while (docs/upstream.md, "Credentials"); AWS accepts them for longer then.
 */
static void plan_renewal(struct credentials *c, int64_t now)
{
	c->soft = c->role.expires_at - SOFT_MS;
	c->hard = c->role.expires_at - HARD_MS;
	if (c->soft > now)
		return;
	c->soft = now + SOFT_MS + STALE_EXTRA_MS + (int64_t)(random_unit() * 8.0 * (double)MS_PER_MINUTE);
	c->hard = c->soft;
}

static bool from_role(struct credentials *c, struct aws_keys *ret, struct upstream_error *e)
{
	int64_t now = clock_now(c->imds.clock);

	if (!c->role.access_key[0] || now >= c->soft) {
		if (imds_keys(&c->imds, &c->role, e)) {
			plan_renewal(c, now);
		} else if (c->role.access_key[0] && now < c->hard) {
			c->soft = now + AGAIN_MS < c->hard ? now + AGAIN_MS : c->hard;
		} else {
			return false;
		}
	}
	*ret = c->role;
	return true;
}

static bool last_resort(struct credentials *c, struct aws_keys *ret, struct upstream_error *e)
{
	int64_t now = clock_now(c->imds.clock);

	if (imds_disabled()) {
		upstream_error_set(
			e, UPSTREAM_OPERATOR, 0, "no_credentials", "ec2_credentials",
			"set the AWS keys in burstd's settings, in the environment or in ~/.aws/credentials",
			"no AWS credentials, and AWS_EC2_METADATA_DISABLED switches the instance role off");
		return false;
	}
	if (now < c->refused_until) {
		*e = c->refusal;
		return false;
	}
	if (from_role(c, ret, e))
		return true;
	c->refusal = *e;
	c->refused_until = now + REFUSED_MS;
	return false;
}

static bool choose(struct credentials *c, struct aws_keys *ret, struct upstream_error *e)
{
	bool found;

	if (c->settings.access_key[0]) {
		*ret = c->settings;
		return true;
	}
	if (!from_environment(ret, &found, e))
		return false;
	if (found)
		return true;
	if (!profile_load(ret, &found, e))
		return false;
	if (found) {
		ret->provider = "shared credentials file";
		return true;
	}
	return last_resort(c, ret, e);
}

bool credentials_get(struct credentials *c, struct aws_keys *ret, struct upstream_error *e)
{
	struct aws_keys keys = {0};

	pthread_mutex_lock(&c->lock);
	bool good = choose(c, &keys, e);

	pthread_mutex_unlock(&c->lock);
	if (good)
		*ret = keys;
	explicit_bzero(&keys, sizeof(keys));
	return good;
}

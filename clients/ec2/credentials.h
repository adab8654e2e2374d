/*
 * AWS credentials: the settings resource, else what aws_chain_find (chain.h) says: environment, shared files with roles, web
 * identity, container, IMDSv2 (docs/upstream.md, "Credentials"). First provider that is configured wins; one that is configured
 * and fails is an error, not a fall-through. Temporary keys are renewed before they expire. Any thread; locks itself.
 */
#ifndef BURSTD_CLIENTS_EC2_CREDENTIALS_H
#define BURSTD_CLIENTS_EC2_CREDENTIALS_H

#include "base/clock.h"
#include "clients/ec2/keys.h"
#include "clients/transport.h"

/* Borrowed: all of it must outlive the credentials. */
struct credentials_options {
	const struct clock *clock;
	struct transport
		transport; /* of STS, container endpoint and IMDS; one exchange at a time, from any thread */
	const char *profile;      /* NULL = the environment's choice; see aws_chain_find */
	const char *sts_region;   /* NULL = none: no role can be assumed */
	const char *sts_endpoint; /* NULL = the region's public one; "{region}" in it is replaced */
};

struct credentials;
/* NULL when out of memory. */
struct credentials *credentials_new(const struct credentials_options *);
void credentials_free(struct credentials *);
DEFINE_FREEP(struct credentials, credentials_free)

/* The keys of the settings resource; NULL or "" takes them back. Copies. */
void credentials_set_static(struct credentials *, const char *access_key, const char *secret_key);

/*
 * Fills `ret`. Temporary keys are renewed from 15 minutes before their end (a quarter of their time, where that is less) by one
 * thread; meanwhile, and while renewing fails, the old ones are given out until they really end. Without any, threads wait for
 * the one that asks. false fills `e` with what an operator can do; its issue is "ec2_credentials".
 */
bool credentials_get(struct credentials *, struct aws_keys *ret, struct upstream_error *e);
/* After ExpiredToken and kin with these keys: the next get renews, unless that has happened since. */
void credentials_expire(struct credentials *, const struct aws_keys *refused);

#endif

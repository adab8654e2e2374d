/*
 * AWS credentials: the settings resource, else environment, shared files with profiles, IMDSv2 (docs/upstream.md, "Credentials").
 * First provider that is configured wins; one that is configured and fails is an error, not a fall-through. Temporary
 * keys are renewed before they expire. Any thread; locks itself.
 */
#ifndef BURSTD_CLIENTS_EC2_CREDENTIALS_H
#define BURSTD_CLIENTS_EC2_CREDENTIALS_H

#include "base/clock.h"
#include "clients/transport.h"

struct aws_keys {
	char access_key[129];
	char secret_key[257];
	char session_token[8192]; /* "" = long-term keys */
	int64_t expires_at;       /* 0 = never */
	const char *provider;     /* "settings", "environment", "shared credentials file", "instance role" */
};

struct credentials;
/* `transport` is used for IMDSv2 only. NULL when out of memory. */
struct credentials *credentials_new(const struct clock *, struct transport transport);
void credentials_free(struct credentials *);
DEFINE_FREEP(struct credentials, credentials_free)

/* The keys of the settings resource; NULL or "" takes them back. Copies. */
void credentials_set_static(struct credentials *, const char *access_key, const char *secret_key);

/*
 * Fills `ret`. Keys that expire are renewed from 15 minutes before (a failure keeps the old ones) and must be renewed
 * from 10 minutes before. false fills `e` with what an operator can do.
 */
bool credentials_get(struct credentials *, struct aws_keys *ret, struct upstream_error *e);
/* After ExpiredToken and kin: the next get renews. */
void credentials_expire(struct credentials *);

#endif

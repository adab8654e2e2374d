/*
 * AWS STS, the two calls that turn something else into keys of a role: AssumeRole (signed with other keys) and
 * AssumeRoleWithWebIdentity (unsigned, with a token of an identity provider); docs/upstream.md, "Credentials". The regional
 * endpoint always: its session tokens are valid in every region. One attempt each; the owner of the transport.
 */
#ifndef BURSTD_CLIENTS_EC2_STS_H
#define BURSTD_CLIENTS_EC2_STS_H

#include "base/clock.h"
#include "clients/ec2/keys.h"
#include "clients/ec2/profile.h"
#include "clients/transport.h"

struct sts {
	struct transport transport;
	const struct clock *clock;
	const char *region;   /* NULL = none is configured: every call fails and says so */
	const char *endpoint; /* NULL = the public one; "{region}" in it is replaced */
};

/* A role and how it is asked for; the limits are STS's. */
struct aws_role {
	char arn[2049];
	char session_name[65];           /* shown in CloudTrail */
	char external_id[1225];          /* "" = none */
	int duration_seconds;            /* 0 = STS's default, an hour */
	char profile[PROFILE_NAME_SIZE]; /* that asks for it, "" = the environment; for messages */
};

/* false fills `e` with what is wrong with the role's settings. Pure. */
bool aws_role_valid(const struct aws_role *, struct upstream_error *e);

/* Keys of the role. `source` and `ret` may be the same object. false fills `e`; its issue is "ec2_credentials". */
bool sts_assume_role(const struct sts *, const struct aws_role *, const struct aws_keys *source,
		     struct aws_keys *ret, struct upstream_error *e);
/* The same with the token in a file, which is read anew at each call: its writer replaces it. */
bool sts_web_identity(const struct sts *, const struct aws_role *, const char *token_file,
		      struct aws_keys *ret, struct upstream_error *e);

#endif

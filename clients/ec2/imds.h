/*
 * The instance metadata service, version 2 only: keys of the role of the EC2 instance that burstd itself runs on
 * (docs/upstream.md, "Credentials"). Never through a proxy. One owner; not thread safe.
 */
#ifndef BURSTD_CLIENTS_EC2_IMDS_H
#define BURSTD_CLIENTS_EC2_IMDS_H

#include "base/clock.h"
#include "clients/ec2/keys.h"
#include "clients/transport.h"

struct imds {
	struct transport transport;
	const struct clock *clock;
	char token[256]; /* "" = none */
	int64_t token_until;
};

/* Whether the environment switches the service off (AWS_EC2_METADATA_DISABLED). */
bool imds_disabled(void);

/* Keys with their expiry. false fills `e`. */
bool imds_keys(struct imds *, struct aws_keys *ret, struct upstream_error *e);

#endif

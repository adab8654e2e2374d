/*
 * The container endpoint: keys that ECS, EKS and other orchestrators give to what runs inside (docs/upstream.md,
 * "Credentials"). Never through a proxy. The owner of the transport.
 */
#ifndef BURSTD_CLIENTS_EC2_CONTAINER_H
#define BURSTD_CLIENTS_EC2_CONTAINER_H

#include "base/clock.h"
#include "clients/ec2/keys.h"
#include "clients/transport.h"

/* Whether the environment names an endpoint. */
bool container_configured(void);

/*
 * Whether keys may be asked for at the address: https anywhere; http only at loopback, 169.254.170.2, 169.254.170.23 and
 * fd00:ec2::23, for elsewhere anyone on the way would read them. Never with a user in it. false: `why` (>= 100 bytes). Pure.
 */
bool container_url_allowed(const char *url, char *why, size_t why_size);

/* Keys with their expiry. false fills `e`; its issue is "ec2_credentials". A token file is read anew at each call. */
bool container_keys(const struct transport *, const struct clock *, struct aws_keys *ret,
		    struct upstream_error *e);

#endif

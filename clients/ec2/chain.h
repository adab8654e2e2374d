/*
 * Which source gives the AWS keys: the environment and the shared files as they are now, turned into a plan. Nothing is asked of
 * the network here. The order is that of AWS's SDKs (docs/upstream.md, "Credentials"). Any thread.
 */
#ifndef BURSTD_CLIENTS_EC2_CHAIN_H
#define BURSTD_CLIENTS_EC2_CHAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "clients/ec2/keys.h"
#include "clients/ec2/sts.h"
#include "fleet/upstream.h"

#define CHAIN_ROLES 5 /* one after the other; AWS lets each last an hour at most */

enum chain_base {
	CHAIN_KEYS,         /* `keys` as they stand */
	CHAIN_WEB_IDENTITY, /* the role `web` for the token in `token_file` */
	CHAIN_CONTAINER,
	CHAIN_INSTANCE,
};

/*
 * What the keys begin with, and the roles that are then assumed one after the other. Two plans are the same where their bytes are.
 * Holds secrets: wipe it.
 */
struct aws_chain {
	enum chain_base base;
	struct aws_keys keys;
	struct aws_role web;
	char token_file[1024];
	struct aws_role roles[CHAIN_ROLES];
	size_t n_roles;
	char provider[sizeof(((struct aws_keys *)0)->provider)]; /* the whole in words */
};

/*
 * Fills `ret`. `profile` NULL: the environment's own choice (AWS_PROFILE, else "default"). A profile that is given here comes
 * before keys and web identity of the environment, as an explicit profile does in AWS's SDKs. false fills `e` (class OPERATOR,
 * issue "ec2_credentials"): what is configured first is the source, and when it is broken nothing else takes its place.
 */
bool aws_chain_find(const char *profile, struct aws_chain *ret, struct upstream_error *e);

#endif

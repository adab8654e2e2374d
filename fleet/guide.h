/*
 * What Pexip's deployment guide for AWS asks for, as data: the security group's rules, the network ACL's, and the IAM policies. One
 * table each, shown by the API (/v1/aws) and held against what EC2 says by the checks (fleet/survey.c). No state, any thread.
 */
#ifndef BURSTD_FLEET_GUIDE_H
#define BURSTD_FLEET_GUIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum guide_direction { GUIDE_INBOUND, GUIDE_OUTBOUND, GUIDE_NETWORK_ACL };
enum guide_peer {
	GUIDE_ANYWHERE,   /* 0.0.0.0/0 */
	GUIDE_MANAGEMENT, /* the management station's address or subnet: never anywhere */
	GUIDE_OWN_GROUP,  /* the security group itself: the platform's other nodes */
};
const char *guide_peer_text(enum guide_peer); /* "anywhere", "management", "own_group" */

#define GUIDE_ALL_PORTS (-1)

struct guide_rule {
	enum guide_direction direction;
	const char *id;       /* stable slug, unique within a direction: "sip-tls" */
	const char *protocol; /* "tcp", "udp", "icmp", "esp", "all" */
	int from;             /* port; GUIDE_ALL_PORTS = all, or the protocol has none */
	int to;
	enum guide_peer peer;
	bool optional; /* "Only required if you intend to enable SIP over UDP" */
	const char *why;
	const char *missing; /* what an operator sees when the rule is not there */
	const char *section; /* of the guide */
	int page;
};

/* All of them, in the guide's order. */
const struct guide_rule *guide_rules(size_t *ret_n);

/* --- IAM (guide, "Configuring an AWS user and policy for controlling overflow nodes", page 21) --- */

enum policy_scope {
	POLICY_BURSTING,  /* what bursting and its checks need, and nothing else */
	POLICY_LIFECYCLE, /* deploying, converting, resizing and removing nodes as well */
};

#define POLICY_TAG_VALUE "$TAG" /* in a condition's value: stands for the tag value in force */

struct policy_condition {
	const char *operator_name; /* "StringEquals"; NULL = no further condition */
	const char *key;
	const char *values; /* separated by blanks */
};

/* One statement that allows something. Names and resources are separated by blanks. */
struct policy_statement {
	const char *id;
	unsigned scopes; /* bit of each policy_scope it belongs to */
	const char *actions;
	const char *resources; /* kinds, each with a star behind it; NULL = all: the actions know none */
	bool no_account;       /* images and snapshots have none in their ARN */
	struct policy_condition conditions[3];
};

const struct policy_statement *guide_policy(size_t *ret_n);

/* --- figures ("Recommended instance types and call capacity guidelines", page 6) --- */

#define GUIDE_NODE_HD          17 /* HD calls of one c5.2xlarge, approximately */
#define GUIDE_SMALL_PLATFORM   30 /* Conferencing Nodes for which an m5.xlarge Management Node is recommended */
#define GUIDE_TRANSCODING_VCPU 8   /* c5.2xlarge */
#define GUIDE_PROXYING_VCPU    4   /* c5.xlarge */
#define GUIDE_MANAGEMENT_VCPU  4   /* m5.xlarge */
#define GUIDE_SHARED_CALLS     100 /* concurrent calls up to which a Management Node may share its hardware */
#define GUIDE_VCPU_TOO_MANY    36
#define GUIDE_REPLICATION                                                                                    \
	60 /* Conferencing Nodes above which configuration replication slows down (page 13) */
#define GUIDE_NTP_SERVERS 3 /* page 14 */

/* vCPU of an instance type of the families that the guide names, from its size; 0 = cannot tell. */
int guide_vcpu(const char *instance_type);

#endif

/*
 * What the surveys read: the network of the platform's instances in one region, and the platform's own configuration. Plain data
 * made by the clients (or by a test), never changed after. Strings live in the report's arena.
 */
#ifndef BURSTD_FLEET_SURVEY_REPORT_H
#define BURSTD_FLEET_SURVEY_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fleet/report.h"

/* A read that failed: nothing is known about what it would have told. */
struct unread {
	const char *what; /* "DescribeSubnets", "configuration/licence" */
	const char *why;
};
#define UNREAD_MAX 8
struct unread_list {
	struct unread rows[UNREAD_MAX];
	size_t n;
};

/* --- EC2 --- */

struct placed_instance {
	const char *id;
	const char *type;
	enum instance_state state;
	const char *vpc;      /* "" = none said */
	const char *subnet;   /* "" = none said */
	const char *key_name; /* NULL = launched without a key pair */
	const char *tenancy;  /* "default" (shared), "dedicated", "host"; NULL = not known */
	const char *tag_value;
	const char **addresses; /* private IPv4 of all interfaces */
	size_t n_addresses;
	const char **groups; /* ids of its security groups */
	size_t n_groups;
};

/* One permission towards one peer. ICMP has types where others have ports. */
struct group_rule {
	bool egress;
	const char *protocol; /* "tcp", "udp", "icmp", a number, "-1" = everything */
	int from;             /* -1 = all */
	int to;
	const char *cidr;  /* IPv4 or IPv6; NULL = a group or a prefix list */
	const char *group; /* NULL = not a group */
};
struct security_group {
	const char *id;
	const char *name;
	struct group_rule *rules;
	size_t n_rules;
};

struct acl_entry {
	int number;
	bool egress;
	bool allow;
	const char *protocol; /* a number, "-1" = everything */
	const char *cidr;     /* NULL = for IPv6 */
	int from;             /* -1 = all */
	int to;
};
struct network_acl {
	const char *id;
	const char **subnets;
	size_t n_subnets;
	struct acl_entry *entries; /* in EC2's order: not sorted */
	size_t n_entries;
};

struct network_subnet {
	const char *id;
	const char *cidr;
};

struct network_report {
	int64_t observed_at;
	int64_t server_offset; /* AWS's clock minus ours; 0 when within 2 s */
	struct placed_instance *instances;
	size_t n_instances;
	struct security_group *groups;
	size_t n_groups;
	struct network_acl *acls;
	size_t n_acls;
	struct network_subnet *subnets;
	size_t n_subnets;
	struct unread_list unread;
	struct arena *arena;
};

/* --- Infinity --- */

struct platform_item {
	const char *name;
	int64_t ends_at; /* 0 = does not end */
};
/* The network that a Conferencing Node is configured with. */
struct node_placement {
	char name[64];
	char address[16];
	char netmask[16];
	char gateway[16];
};
struct platform_report {
	int64_t observed_at;
	const char *management_address; /* NULL = not known */
	int n_dns;                      /* -1 = not read */
	int n_ntp;                      /* -1 = not read */
	bool licences_read;
	struct platform_item *licences;
	size_t n_licences;
	struct platform_item *certificates;
	size_t n_certificates;
	struct node_placement *placements; /* nodes that say all of it */
	size_t n_placements;
	struct unread_list unread;
	struct arena *arena;
};

/* Empty ones in arenas of their own; NULL when out of memory. */
struct network_report *network_report_new(int64_t observed_at);
struct platform_report *platform_report_new(int64_t observed_at);
void network_report_free(struct network_report *); /* NULL is fine */
void platform_report_free(struct platform_report *);
DEFINE_FREEP(struct network_report, network_report_free)
DEFINE_FREEP(struct platform_report, platform_report_free)

/* Notes a read that failed; the words are copied into the arena. More than UNREAD_MAX are told by the first ones. */
void unread_add(struct unread_list *, struct arena *, const char *what, const char *why);

#endif

/*
 * What the two upstream systems said in one read: plain data, made by the clients (or by a test), never changed after.
 * Strings live in the report's arena. Times are wall-clock milliseconds; 0 = never / null.
 */
#ifndef BURSTD_FLEET_REPORT_H
#define BURSTD_FLEET_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define TAG_NAME "pexip-cloud" /* fixed by Infinity (guide, "Tag name and Tag value") */

enum node_role { ROLE_TRANSCODING, ROLE_PROXYING };
enum node_sync {
	SYNC_NEVER,     /* no status yet, or last_updated "Never" */
	SYNC_SYNCED,    /* "SYNCED" */
	SYNC_SUSPENDED, /* "SUSPENDED": a bursting node that is down */
	SYNC_OTHER,     /* any other word: not synced */
};

/* configuration/system_location */
struct infinity_location {
	int64_t id;
	const char *name;
	const char *description; /* NULL = none */
	int64_t overflow1;       /* id of overflow_location1 (primary), 0 = null */
	int64_t overflow2;       /* id of overflow_location2 (secondary), 0 = null */
};

/* configuration/worker_vm joined with status/worker_vm (by configuration_id) and the counts of the live lists */
struct infinity_node {
	int64_t id; /* configuration id */
	const char *name;
	const char *address; /* private IPv4 */
	int64_t location;    /* id of system_location */
	enum node_role role;
	bool maintenance; /* configuration */
	const char *maintenance_reason;
	const char *static_nat; /* NULL = none */
	bool distributed_database;

	enum node_sync sync;
	const char *sync_text;   /* Infinity's own word, NULL without status */
	bool status_maintenance; /* status/worker_vm says maintenance too */
	int64_t last_updated;    /* by Infinity's clock, corrected with server_offset; 0 = never */
	int max_hd;              /* max_hd_calls, 0 when unknown */
	int media_load;          /* percent, -1 when missing */
	int64_t tokens_max;      /* max_media_tokens, -1 when missing */
	int64_t tokens_used;     /* media_tokens_used, -1 when missing */
	int signaling;           /* signaling_count, 0 when missing */

	int conferences;  /* conference_shard objects on this node */
	int participants; /* participants with it as media, signalling or proxy node; -1 = list not read */
};

/* cloud_monitored_location and cloud_overflow_location: filled while Infinity's own monitor is on */
struct infinity_monitor {
	int64_t location; /* configuration id of the location */
	int free_hd;      /* -1 = null */
	int max_hd;       /* -1 = null */
};

struct infinity_report {
	int64_t observed_at; /* when the read began, our clock: every figure is at least as new as its own source then */
	int64_t finished_at;   /* when the last answer arrived, our clock */
	int64_t server_offset; /* Infinity's clock minus ours, from the Date header; 0 when within 2 s */
	bool whole;            /* RULE D1: every page arrived and the counts agree */
	const char *partial;   /* NULL, or which list was not whole and why */

	bool bursting_enabled;      /* global: Infinity's own bursting, RULE S9 */
	int bursting_threshold;     /* global; 0 when missing */
	int bursting_lifetime;      /* global bursting_min_lifetime, minutes; 0 when missing */
	const char *cloud_provider; /* global: "AWS", "AZURE", "GCP"; NULL when missing */
	const char *aws_access_key; /* global; NULL = none */
	bool aws_secret_set;        /* global: there is an aws_secret_key, which is not read */
	const char
		*management_host; /* hostname of management_vm: default of the tag value; NULL when unknown */
	int license_ports_used;   /* status/licensing port_count; -1 when missing */
	int license_ports_total;  /* port_total; -1 when missing */

	struct infinity_location *locations;
	size_t n_locations;
	struct infinity_node *nodes;
	size_t n_nodes;
	struct infinity_monitor *monitors;
	size_t n_monitors;

	struct arena *arena; /* owns everything above */
};

enum instance_state {
	INSTANCE_PENDING = 0, /* EC2's own codes */
	INSTANCE_RUNNING = 16,
	INSTANCE_SHUTTING_DOWN = 32,
	INSTANCE_TERMINATED = 48,
	INSTANCE_STOPPING = 64,
	INSTANCE_STOPPED = 80,
};
/* EC2's word ("running"); "unknown" for a code that is none of these. */
const char *instance_state_text(enum instance_state);
/* Returns 0 and sets *ret, or -1 where the word is none of EC2's six. */
int instance_state_from_text(const char *text, enum instance_state *ret);

struct instance_tag {
	const char *key;
	const char *value;
};

struct ec2_instance {
	const char *id;
	const char *type;
	const char *region;
	const char *zone;
	enum instance_state state;
	const char *state_reason_code;    /* NULL when absent */
	const char *state_reason_message; /* NULL when absent */
	int64_t launch_time;              /* the latest start; 0 when absent */
	const char *public_address;       /* NULL when none */
	bool elastic;                     /* the public address is an Elastic IP */
	const char *tenancy;              /* "default", "dedicated", "host" */
	const char *tag_value;            /* value of pexip-cloud, NULL = not tagged */
	const char **addresses;           /* private IPv4 of all interfaces */
	size_t n_addresses;
	struct instance_tag *tags;
	size_t n_tags;
};

struct ec2_report {
	int64_t observed_at; /* when the request was sent, our clock */
	int64_t finished_at;
	const char *region;
	bool whole; /* every page of the tag list arrived */
	struct ec2_instance *instances;
	size_t n_instances;
	struct arena *arena;
};

/* NULL is fine. */
void infinity_report_free(struct infinity_report *);
void ec2_report_free(struct ec2_report *);
DEFINE_FREEP(struct infinity_report, infinity_report_free)
DEFINE_FREEP(struct ec2_report, ec2_report_free)

/* An empty report in an arena of its own; NULL when out of memory. */
struct infinity_report *infinity_report_new(void);
struct ec2_report *ec2_report_new(const char *region);

#endif

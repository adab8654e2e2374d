/*
 * The picture: locations, nodes, load, settings and holds at one moment, joined from both upstream systems.
 * Immutable once published and reference counted, so any thread may read one that it holds a reference to.
 *
 * Nodes are grouped by location (struct location .first_node/.n_nodes) and sorted by RULE S6 within it (operator's order,
 * then name), in one flat array: the decision engine walks memory in order.
 */
#ifndef BURSTD_FLEET_PICTURE_H
#define BURSTD_FLEET_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "fleet/check.h"
#include "fleet/decision.h"
#include "fleet/intent.h"
#include "fleet/location.h"
#include "fleet/report.h"
#include "fleet/settings.h"
#include "fleet/track.h"

enum location_kind { LOCATION_OTHER, LOCATION_PRINCIPAL, LOCATION_OVERFLOW };
enum location_state { LOCATION_OK, LOCATION_APPROACHING, LOCATION_REACHED }; /* RULE V1 */
const char *location_kind_text(enum location_kind);   /* "other", "principal", "overflow" */
const char *location_state_text(enum location_state); /* "ok", "approaching_threshold", "threshold_reached" */

struct location {
	int64_t id;
	const char *name;
	const char *description; /* NULL = none */
	enum location_kind kind;
	int32_t overflow1; /* index into locations, -1 = none */
	int32_t overflow2;
	int32_t first_node;
	int32_t n_nodes;
	int32_t n_bursting;
	int max_hd;     /* HD calls that its eligible nodes can take in all */
	int free_hd;    /* HD calls it can still take (docs/bursting.md "Words") */
	int media_load; /* percent over its eligible nodes, -1 = none */
	int threshold;  /* T(L): own where set, else the global one */
	bool threshold_own;
	bool has_always_on;        /* holds a transcoding node that is not bursting */
	bool principal;            /* RULE V2, also of a mixed location whose kind is overflow */
	bool only_secondary;       /* an overflow location that is nobody's primary overflow (RULES S5, V5) */
	enum location_state state; /* RULE V1; LOCATION_OK for other kinds */
	const struct location_wish *wish; /* NULL = none; lives in the picture's arena */
	const struct intent *intent; /* the open operation on the location itself, NULL = none; likewise */
	int64_t figures_at; /* when free_hd was true: the newest node status in it, or the read itself with the monitor */
};

struct node {
	int64_t id;
	const char *name;
	const char *address;
	int32_t location; /* index, -1 = none */
	enum node_role role;
	bool bursting;
	bool eligible;    /* docs/bursting.md "Words": counts as capacity */
	bool fresh;       /* its status is younger than the status limit */
	bool idle;        /* RULE E1 on this read */
	bool ours;        /* in maintenance mode because of us */
	bool maintenance; /* configuration or status: takes no new conferences, as far as anyone knows */
	bool maintenance_configured; /* configuration alone */
	bool instance_fresh; /* RULE D1: its region's list is fresh and whole, and shows the instance */
	bool resting;        /* RULE S6: refused or failed a short while ago, not to be tried yet */
	bool failed_recently;
	enum node_phase phase;
	int64_t phase_since;
	enum node_sync sync;
	const char *sync_text;
	const char *maintenance_reason;
	const char *static_nat;
	bool distributed_database;
	int max_hd;
	int room_hd; /* what its load leaves free, eligible or not */
	int free_hd; /* the same where eligible, else 0 */
	int pending_hd; /* RULE S4: capacity that a starting node, or one that was taken back, will bring; else 0 */
	int media_load; /* -1 = missing */
	int conferences;
	int participants; /* -1 = not read */
	int order;        /* operator's order, START_ORDER_NONE = none set */
	int idle_reads;
	int64_t idle_read[2];
	int64_t last_updated;
	int64_t started_at;
	int64_t running_at;
	int64_t serving_at;
	enum wish_power wish_power;
	enum wish_flag wish_maintenance;
	bool follow_address; /* wished: the static NAT address is kept equal to the public one */
	const struct ec2_instance *instance; /* NULL = no instance known; lives in the picture's arena */
	const struct intent *intent;         /* the open intent, NULL = none; lives in the picture's arena */
};

enum source_kind { SOURCE_INFINITY, SOURCE_EC2, SOURCE_STORE };

/* How well a source is heard. `error` and `remedy` are words an operator can act on. */
struct source {
	const char *name; /* "infinity", "ec2:eu-west-2" */
	enum source_kind kind;
	bool fresh;           /* RULE D1: younger than three poll intervals and whole */
	bool heard;           /* a good answer ever arrived */
	int64_t observed_at;  /* of the last good answer; 0 = never */
	const char *error;    /* NULL = the last read was good */
	const char *error_id; /* slug of the issue ("ec2_credentials"), NULL = none */
	const char *remedy;
};

/* A finding of a check (fleet/check.h). `check` and `subject` tell one from another. */
struct issue {
	enum check_id check;
	const char *id; /* stable slug */
	enum severity severity;
	const char *subject; /* "node burst-1", "location AWS burst", "ec2:eu-west-2" */
	const char *message;
	const char *consequence;
	const char *remedy;
	const char *section; /* of the guide, NULL = not from there */
	int page;
	int64_t since;       /* when it was first seen in a row of pictures */
	int64_t observed_at; /* how old the figures are that it was found in */
};

/* One of the slow looks at what moves seldom (fleet/survey.h), which find issues as well. */
struct survey_state {
	const char *name;    /* "infinity", "ec2:eu-west-2" */
	int64_t observed_at; /* when it was last made; 0 = not yet */
	int unread;          /* reads that failed: nothing is known about what they would have told */
};

/* The durations and limits that the engine and the join work with: settings after BURSTD_TIME_SCALE. */
struct burst_params {
	int64_t lifetime_ms;
	int64_t poll_infinity_ms;
	int64_t poll_ec2_ms;
	int64_t start_timeout_ms;
	int64_t replication_wait_ms;
	int64_t refused_rest_ms;
	int64_t failed_recently_ms; /* RULE S6: how long a failure sorts a candidate behind */
	int64_t fresh_infinity_ms;  /* RULE D1: three poll intervals */
	int64_t fresh_ec2_ms;
	int64_t figures_ms; /* RULE D1: load-driven starts only on figures younger than this (60 s) */
	int64_t status_ms;  /* a node's last_updated is fresh when younger than this (3 min) */
	int64_t settle_ms;  /* RULE D4: EC2 lists may lag behind our own action this long */
	int64_t ramp_ms;    /* how far back the pace towards the threshold is looked for (fleet/sample.h) */
	int node_capacity_hd;
	int approaching_margin_hd;
	int threshold;
};

/* Settings to parameters; `scale` is BURSTD_TIME_SCALE (1 = real time). No duration falls below 1 ms. */
struct burst_params burst_params_make(const struct bursting_settings *, double scale);

/* Infinity's own bursting settings (configuration/global); all 0 or NULL until it was read. */
struct infinity_settings {
	int threshold;          /* 0 = not told */
	int lifetime_minutes;   /* 0 = not told */
	const char *provider;   /* NULL = not told */
	const char *access_key; /* NULL = none */
	bool secret_set;
};

struct picture {
	int64_t seq;  /* grows with each picture */
	int64_t tick; /* grows with each new Infinity report: RULES S4 and E6 count per tick */
	int64_t made_at;
	struct bursting_settings settings;
	struct burst_params params;
	const char *tag_value; /* in force; "" = not known yet */

	bool infinity_fresh;    /* RULE D1 for the Infinity part */
	bool status_frozen;     /* no node's status advances any more: a frozen platform */
	bool ec2_fresh;         /* every region fresh and whole */
	bool infinity_bursting; /* RULE S9: Infinity's own bursting is on */
	int64_t infinity_at;    /* observed_at of the report in use, 0 = none yet */
	struct infinity_settings infinity_settings;

	struct location *locations;
	size_t n_locations;
	struct node *nodes;
	size_t n_nodes;
	struct hold *holds; /* those in force at made_at */
	size_t n_holds;
	struct source *sources;
	size_t n_sources;
	struct issue *issues;
	size_t n_issues;
	struct survey_state *surveys;
	size_t n_surveys;
	struct evaluation
		*evaluations; /* one per overflow location; filled by the controller before publishing */
	size_t n_evaluations;
	struct refusal *refusals; /* what struct evaluation .first_refusal points into */
	size_t n_refusals;

	struct arena *arena; /* owns everything above */
	int references;      /* atomic */
};

struct picture *picture_ref(struct picture *);
void picture_unref(struct picture *); /* NULL is fine */
DEFINE_FREEP(struct picture, picture_unref)

/* NULL where there is none. */
const struct node *picture_node(const struct picture *, int64_t id);
const struct location *picture_location(const struct picture *, int64_t id);
/* HD calls that a node takes when it is up: what Infinity says of it, else the setting. */
int picture_node_hd(const struct picture *, const struct node *);

/*
 * Judges what each location is by the links and nodes of all of them: kind, principal, only_secondary (RULES V2, S5). The join's
 * own judgement, also for links that do not exist yet.
 */
void locations_judge(struct location *, size_t n);
/* What a location is in Infinity, as far as it can be wished: every field given. */
struct location_change location_actual(const struct picture *, const struct location *);

#endif

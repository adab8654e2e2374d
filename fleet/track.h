/*
 * What burstd remembers of a bursting node between reads, beyond what the upstream systems can tell. Persisted when it
 * changes, except where marked (volatile): those start empty after a restart, which only makes us slower to stop.
 */
#ifndef BURSTD_FLEET_TRACK_H
#define BURSTD_FLEET_TRACK_H

#include <stdbool.h>
#include <stdint.h>

#include "fleet/phase.h"
#include "fleet/report.h"

enum wish_power { WISH_POWER_NONE, WISH_POWER_ON, WISH_POWER_OFF };
enum wish_flag { WISH_NONE, WISH_FALSE, WISH_TRUE };

#define START_ORDER_NONE 1000000

/* The operator's wishes for a node (docs/architecture.md): a field without a wish is left as it is. */
struct node_wish {
	int64_t node;
	enum wish_power power;
	enum wish_flag maintenance;
	int start_order; /* RULE S6: the operator's order, lowest first; START_ORDER_NONE = none */
	enum wish_flag
		follow_address; /* static NAT is kept equal to the public address; WISH_FALSE is not used */
	char actor[101];        /* who wished last */
	int64_t version;        /* grows with each change */
};

struct node_track {
	int64_t node;
	char instance[33]; /* the bursting instance last seen at the node's address */
	char region[33];
	enum node_phase phase;
	int64_t phase_since;
	enum instance_state state; /* last believed state of the instance (RULE D4) */
	bool state_known;
	int64_t started_at; /* RULE E2: later of launch time and the last start made or seen; 0 = unknown */
	int64_t running_at; /* first read that showed this start `running`; the start timeout counts from here */
	int64_t serving_at;    /* first read that showed this start synced; 0 = not yet */
	int64_t stopped_at;    /* first read that showed the instance stopped; 0 = not stopped */
	int64_t acted_at;      /* RULE D4: our own last action on the instance */
	int64_t refused_until; /* RULE S6: resting after a refusal or a failed start */
	char refused_code[65];
	int64_t failed_at; /* last failure or refusal; candidates without a recent one go first */
	int last_max_hd;   /* last known capacity while serving; 0 = unknown */

	int absent_reads;  /* (volatile) whole lists in a row without the instance */
	int64_t list_at;   /* (volatile) observed_at of the EC2 list last taken into account */
	int64_t idle_tick; /* (volatile) the Infinity report last taken into account */
	int idle_reads; /* (volatile) consecutive fresh idle reads, each with a newer last_updated (RULE E1) */
	int64_t idle_read[2]; /* (volatile) Infinity time of the last two idle reads, newest first */
};

#endif

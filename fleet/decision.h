/*
 * A decision: what the engine wants done and why, as plain data. An evaluation: one overflow location looked at once,
 * with every figure that went in, also when nothing is to be done (every decision has a reason).
 */
#ifndef BURSTD_FLEET_DECISION_H
#define BURSTD_FLEET_DECISION_H

#include <stdbool.h>
#include <stdint.h>

/*      name          text                 what the record step makes of it */
#define DECISION_ACTIONS(X)                                                                                  \
	X(NOTHING, "nothing")                 /* nothing */                                                  \
	X(START, "start")                     /* a start intent */                                           \
	X(TAKE_BACK, "take_back")             /* RULE S6: cancel a drain because capacity is needed */       \
	X(DRAIN, "drain")                     /* RULE E5: a stop intent, first phase */                      \
	X(STOP, "stop")                       /* RULE E5: a drained node may be stopped now */               \
	X(CANCEL, "cancel")                   /* RULE E5: a drain is called off */                           \
	X(MAINTENANCE_ON, "maintenance_on")   /* a wish */                                                   \
	X(MAINTENANCE_OFF, "maintenance_off") /* a wish */

enum decision_action {
#define X(name, text) DECIDE_##name,
	DECISION_ACTIONS(X)
#undef X
		DECISION_ACTION_COUNT
};
const char *decision_action_text(enum decision_action);

/*
 * Why, as a code; decision_reason() in bursting/ turns it into a sentence with the figures. One row a reason:
 * name, slug, rule number.
 */
#define DECISION_REASONS(X)                                                                                  \
	X(QUIET, "quiet", "S1")                     /* nothing short, nothing to stop */                     \
	X(PRINCIPAL_SHORT, "principal_short", "S2") /* a principal is short and no node is up or coming */   \
	X(OVERFLOW_SHORT, "overflow_short", "S3")   /* the overflow location itself reached the threshold */ \
	X(OVERFLOW_SHORT_UNUSED, "overflow_short_unused",                                                    \
	  "S3") /* reached, but not in use and no principal short: no start */                               \
	X(PENDING_SUFFICES, "pending_suffices", "S3") /* short, but what is starting will do */              \
	X(ALREADY_STARTED, "already_started", "S4")   /* one start per location and tick */                  \
	X(NO_CANDIDATE, "no_candidate", "S6")         /* short, but no node can be started */                \
	X(TAKEN_BACK, "taken_back", "S6")             /* a draining node is taken back instead of a start */ \
	X(HOLD, "hold", "S8")                         /* a hold wants the node, or n nodes, up */            \
	X(WISH_ON, "wish_on", "S7")                   /* an operator wishes the power on */                  \
	X(WISH_OFF, "wish_off", "E7")                 /* an operator wishes the power off */                 \
	X(WISH_MAINTENANCE, "wish_maintenance", "E7") /* an operator wishes maintenance mode */              \
	X(TWO_CONTROLLERS, "two_controllers",                                                                \
	  "S9")                                 /* Infinity's own bursting is on: burstd only observes */    \
	X(DISABLED, "disabled", "S1")           /* bursting is off, or the mode is observe */                \
	X(STALE, "stale", "D1")                 /* data not fresh or not whole */                            \
	X(IDLE_UNNEEDED, "idle_unneeded", "E3") /* idle, past its lifetime, not needed: drain */             \
	X(BUSY, "busy", "E1")                   /* not idle in two consecutive reads */                      \
	X(LIFETIME, "lifetime", "E2")           /* up for less than the minimum lifetime */                  \
	X(NEEDED, "needed", "E3")               /* without it S2 or S3 would fire */                         \
	X(HELD, "held", "E3")                   /* a hold covers it */                                       \
	X(ONE_PER_TICK, "one_per_tick", "E6")   /* another node of the location goes first */                \
	X(DRAINED, "drained", "E5")             /* maintenance replicated, still idle: stop */               \
	X(REPLICATING, "replicating", "E5")     /* maintenance mode not yet replicated */                    \
	X(BACKOFF, "backoff", "E5")             /* the last try failed: a pause before the next */           \
	X(DRAIN_BUSY, "drain_busy", "E5")       /* drained, but something still holds it */                  \
	X(DEMAND_RETURNED, "demand_returned", "E5") /* demand returned before the stop */                    \
	X(OUTSIDE_CANCEL, "outside_cancel",                                                                  \
	  "D3") /* someone took the node out of maintenance mode behind our back */                          \
	X(CONTRADICTION, "contradiction", "D2") /* the node is unknown: never stopped */

enum decision_reason {
#define X(name, slug, rule) REASON_##name,
	DECISION_REASONS(X)
#undef X
		DECISION_REASON_COUNT
};
const char *decision_reason_rule(enum decision_reason); /* "S3" */
const char *decision_reason_slug(enum decision_reason); /* "overflow_short" */

/* The figures a decision was made from. */
struct decision_figures {
	int free_hd;    /* of the overflow location */
	int pending_hd; /* RULE S4 */
	int threshold;  /* T(O) */
	int principal;  /* index of the shortest principal by free_hd - T, -1 = none */
	int principal_free_hd;
	int principal_threshold;
	int serving;
	int starting;
	int draining;
	int candidates; /* stopped nodes that may be started */
	int64_t age_ms; /* of the Infinity figures */
	int64_t up_ms;  /* the node's time up; -1 = no node */
	int64_t lifetime_ms;
};

struct decision {
	enum decision_action action;
	enum decision_reason reason;
	int32_t location; /* index, -1 = none */
	int32_t node;     /* index, -1 = none */
	int64_t hold;     /* id, 0 = none */
	struct decision_figures figures;
};

/* Why a node is not stopped or not started: one alternative refused. */
struct refusal {
	int32_t node;
	enum decision_reason reason;
};

struct evaluation {
	int32_t location;            /* the overflow location */
	enum decision_action action; /* the first thing to do, or nothing */
	enum decision_reason reason;
	struct decision_figures figures;
	int distance_hd;       /* free HD calls until the next start is triggered; negative = past it */
	int64_t next_at;       /* when time alone will change this evaluation; 0 = never */
	int32_t first_refusal; /* into the plan's refusals */
	int32_t n_refusals;
};

#endif

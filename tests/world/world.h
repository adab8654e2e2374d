/*
 * The embedded world: a model of one Infinity platform and of EC2, pure, with injected time and seeded
 * chance.
 *
 * One model, three faces: the ports of reconcile/ straight from memory (this header), HTTP interfaces
 * that speak the real protocols (http.h), and control commands for tests (README.md). Same seed, same calls
 * of this header at the same times: the same history.
 *
 * Every duration is divided by `scale`; timestamps are wall-clock. Times are int64_t milliseconds since the
 * epoch. Nothing here locks: one thread at a time (http.c holds a lock round each request).
 */
#ifndef BURSTD_TESTS_WORLD_WORLD_H
#define BURSTD_TESTS_WORLD_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "reconcile/ports.h"

struct world;

/* --- faults --- */

/*
 * One row a fault: name, text, aim, per day, minutes.
 * `aim` says what `target` of a fault means. ALL: nothing; NODE: an Infinity node id. Per day and minutes are
 * the rates of the random schedule at fault_level 1 (over the whole world) and the mean duration; 0 = an
 * instant.
 */
/* clang-format off */
#define WORLD_FAULTS(X) \
	X(INFINITY_DOWN,       "infinity_down",       ALL,  1.0,  8) /* no connection */ \
	X(INFINITY_SLOW,       "infinity_slow",       ALL,  1.0,  8) /* answers after `value` ms; from 20 s on: none */ \
	X(INFINITY_HTML,       "infinity_html",       ALL,  1.0,  5) /* status 500, a page of HTML */ \
	X(INFINITY_HALF,       "infinity_half",       ALL,  1.0,  8) /* lists hold half of their total_count */ \
	X(INFINITY_FROZEN,     "infinity_frozen",     ALL,  1.0, 15) /* answers, but no status advances */ \
	X(INFINITY_LOST,       "infinity_lost",       ALL,  1.0,  5) /* PATCH is carried out, its answer lost */ \
	X(EC2_DOWN,            "ec2_down",            ALL,  1.0,  8) /* no connection */ \
	X(EC2_THROTTLED,       "ec2_throttled",       ALL,  2.0,  5) /* RequestLimitExceeded to everything */ \
	X(EC2_STALE,           "ec2_stale",           ALL,  2.0, 10) /* shows the state of `value` ms ago */ \
	X(EC2_PARTIAL,         "ec2_partial",         ALL,  1.0,  5) /* lists break off after the first page */ \
	X(EC2_MISSING,         "ec2_missing",         ALL,  1.0,  5) /* whole lists that lack some instances */ \
	X(EC2_LOST,            "ec2_lost",            ALL,  1.0,  5) /* start/stop is carried out, its answer lost */ \
	X(NODE_CRASH,          "node_crash",          NODE, 0.5, 30) /* calls go on, but no status, no new calls */ \
	X(NEVER_SYNC,          "never_sync",          NODE, 0.7, 60) /* a boot begun meanwhile ends only after it */ \
	X(CAPACITY,            "capacity",            NODE, 2.0, 60) /* start: InsufficientInstanceCapacity */ \
	X(CAPACITY_LATE,       "capacity_late",       NODE, 1.0, 60) /* accepted, then pending -> stopped */ \
	X(DENIED,              "denied",              NODE, 0.3, 30) /* start, stop: UnauthorizedOperation */ \
	X(OUTSIDE_START,       "outside_start",       NODE, 0.7,  0) /* somebody starts the instance */ \
	X(OUTSIDE_STOP,        "outside_stop",        NODE, 0.5,  0) /* somebody stops the instance */ \
	X(OUTSIDE_MAINTENANCE, "outside_maintenance", NODE, 0.3, 20) /* somebody's maintenance mode, off at the end */ \
	X(INFINITY_READONLY,   "infinity_readonly",   ALL,  0,    0) /* 403 to every change of a location; never random */
/* clang-format on */

enum world_fault_kind {
#define X(name, text, aim, per_day, minutes) WORLD_##name,
	WORLD_FAULTS(X)
#undef X
		WORLD_FAULT_COUNT
};
const char *world_fault_text(enum world_fault_kind);
/* WORLD_FAULT_COUNT where the text names none. */
enum world_fault_kind world_fault_from_text(const char *);

struct world_fault {
	enum world_fault_kind kind;
	int64_t target; /* a node id where the kind aims at a node, else 0 */
	int64_t from;   /* wall clock; in the past = at once */
	int64_t until;  /* wall clock, INT64_MAX = until cleared */
	int64_t value;  /* see the table; 0 = 30,000 ms. Divided by scale like every duration */
};

/* --- making one --- */

struct world_options {
	uint64_t seed;
	double scale;     /* 1 = real time */
	int64_t start_ms; /* wall clock of the beginning */
	const char *management_host;

	/* The grid built by world_new; all 0 = an empty world, to be filled with world_add_*. */
	int principals;      /* principal i has overflow i % overflows as primary */
	int overflows;       /* overflow j lies in region j % regions */
	int regions;         /* eu-west-1, eu-west-2, ... at most 4 */
	int always_on_nodes; /* in each principal */
	int burst_nodes;     /* in each overflow */
	int always_on_hd;    /* HD calls of one node */
	int burst_hd;

	bool traffic;        /* random calls: weekday profile, in every principal */
	double traffic_peak; /* busiest quarter of an hour of a mean weekday, as share of a principal's own
				capacity */
	double call_minutes; /* mean duration */

	int64_t pending_ms;     /* EC2: pending -> running */
	int64_t boot_ms;        /* StartInstances -> synced; each boot takes 80 to 120 % */
	int64_t stopping_ms;    /* EC2: stopping -> stopped */
	int64_t suspend_ms;     /* a node that went down is still SYNCED this long */
	int64_t replication_ms; /* PATCH -> the node knows its maintenance mode */
	int64_t status_ms;      /* period of each node's status (last_updated), with a jitter of a fifth */
	int64_t ec2_lag_ms; /* eventual consistency: each describe shows the state of 0 to this long ago */
	bool throttle;      /* EC2's token buckets (facts 6.1) */

	double fault_level;      /* random faults: multiplies the table's rates, 0 = none */
	int64_t faults_until_ms; /* wall clock: none begins or lasts beyond it; 0 = no end */
};
/* A middling grid (3 principals, 2 overflows of 4 nodes, one region), random traffic, no faults, Monday
 * 2026-01-05 00:00 UTC. */
struct world_options world_options_default(uint64_t seed);

/* NULL when out of memory. Time stands at start_ms. */
struct world *world_new(const struct world_options *);
void world_free(struct world *);
DEFINE_FREEP(struct world, world_free)

struct world_location {
	const char *name;
	int64_t overflow1; /* location id, 0 = none; may be set later with world_link */
	int64_t overflow2;
	double peak_hd; /* random traffic: calls at the busiest of a mean weekday, 0 = none */
};
/* Returns the new id. */
int64_t world_add_location(struct world *, const struct world_location *);
void world_link(struct world *, int64_t location, int64_t overflow1, int64_t overflow2);

struct world_node {
	const char *name;
	int64_t location;
	int max_hd;
	bool proxying;
	bool bursting; /* has an EC2 instance of its own, stopped at first, tagged with the management host */
	const char *region;  /* bursting: NULL = eu-west-1 */
	bool elastic;        /* Elastic IP: the public address stays */
	bool two_interfaces; /* the node's address is that of the second interface */
	bool never_deployed; /* no status yet (SYNC_NEVER) until its first boot */
	bool untagged;       /* bursting: the instance lacks the tag */
	bool running;        /* bursting: is up and synced since an hour before the start */
	bool without_ena;    /* bursting: an old instance, a c4.2xlarge without ENA support */
};
int64_t world_add_node(struct world *, const struct world_node *);

/* --- time --- */

/* Carries out everything scheduled up to `now`. Never goes back: an earlier `now` is ignored. */
void world_advance(struct world *, int64_t now);
int64_t world_now(const struct world *);
/* When the next scheduled thing happens by itself; INT64_MAX = never. Status refreshes are not counted: they
 * are lazy. */
int64_t world_next_event(const struct world *);
/* The world's own time: reads world_now. For the reconciler in a simulation. */
struct clock world_clock(struct world *);

/* --- ports --- */

/* Valid as long as the world. Reports share strings with the world: free them before it. */
struct infinity_port world_infinity_port(struct world *);
struct ec2_port world_ec2_port(struct world *, const char *region);
/* The regions in which the world has instances, in order of appearance; returns how many. */
size_t world_regions(const struct world *, const char **ret, size_t max);

/* --- calls --- */

/*
 * A call arrives in a principal location for `duration_ms` (real duration, divided by scale; 0 = until
 * ended). Its media goes to the least loaded eligible node there, else in the primary, else in the secondary
 * overflow location, else it is refused ("capacity exceeded"). `join` is the id of a call whose conference it
 * joins, 0 = a conference of its own. Returns the call's id, 0 = refused.
 */
int64_t world_call(struct world *, int64_t location, int64_t join, int64_t duration_ms);
/* `n` such calls, each a conference of its own; returns how many were taken. */
int world_calls(struct world *, int64_t location, int n, int64_t duration_ms);
/* Puts a call's media on this very node, as a conference placed there before maintenance mode arrived. 0 =
 * full. */
int64_t world_call_on_node(struct world *, int64_t node, int64_t duration_ms);
bool world_end_call(struct world *, int64_t call);
/* Ends up to `n` calls that arrived in the location (0 = anywhere), oldest first; n < 0 = all. Returns how
 * many. */
int world_end_calls(struct world *, int64_t location, int n);

/* --- faults and settings --- */

void world_fault_add(struct world *, const struct world_fault *);
/* Ends a fault now; target 0 = wherever it is. */
void world_fault_clear(struct world *, enum world_fault_kind, int64_t target);
/* Ends every fault and stops the random schedule. */
void world_faults_clear(struct world *);
bool world_fault_active(const struct world *, enum world_fault_kind, int64_t target);

void world_set_infinity_bursting(struct world *, bool on); /* Infinity's own bursting, RULE S9 */
void world_set_boot_ms(struct world *, int64_t node /* 0 = all */, int64_t boot_ms);
void world_set_traffic(struct world *, bool on); /* random arrivals; calls that are up go on */
void world_set_tag(struct world *, int64_t node, const char *value /* NULL = none */);
/* Maintenance mode by somebody else, as if in Infinity's own web pages. */
void world_set_maintenance(struct world *, int64_t node, bool on, const char *reason);

/* --- looking --- */

struct world_counters {
	int64_t calls_placed;
	int64_t calls_refused; /* capacity exceeded */
	int64_t calls_cut; /* INVARIANT 0: by a StopInstances that came through a port or the HTTP interface
			    */
	int64_t calls_cut_outside; /* by the outside actor */
	int64_t starts;            /* StartInstances that moved an instance from stopped */
	int64_t double_starts;  /* StartInstances for an instance that is not stopped, whatever the answer */
	int64_t starts_refused; /* capacity, permission, state */
	int64_t stops;          /* StopInstances that moved an instance from running */
	int64_t stops_busy;     /* INVARIANT 0: ... of them with calls on it */
	int64_t stops_unmaintained; /* ... of them while the node did not know a maintenance mode yet */
	int64_t throttled;          /* requests refused by the buckets or by the fault */
	int64_t patches;
	int64_t location_writes; /* locations made, changed or deleted through the API */
	int64_t observes;        /* Infinity reads */
	int64_t describes;
	int64_t burst_running_ms; /* wall clock during which instances were not stopped, summed; up to
				     world_now */
	int64_t faults;           /* begun */
	int64_t launches;         /* instances made through the API */
	int64_t terminations;
	int64_t nodes_made; /* in Infinity, through the API */
	int64_t nodes_deleted;
	int64_t addresses_held; /* Elastic IPs made through the API and not given back */
};
struct world_counters world_counters(const struct world *);

/* Every change that was asked for, in order. */
enum world_deed {
	WORLD_START,
	WORLD_STOP,
	WORLD_PATCH,
	WORLD_START_CLOUDNODE,
	WORLD_LAUNCH, /* HTTP alone, like these two */
	WORLD_TERMINATE,
};
struct world_record {
	int64_t time;
	enum world_deed deed;
	bool outside;         /* the outside actor, not a port or the HTTP interface */
	int64_t node;         /* Infinity id, 0 = no such node */
	const char *instance; /* NULL for PATCH */
	enum instance_state previous;
	bool accepted;
	const char *code; /* error code, NULL where accepted. A lost answer is accepted, with code "lost" */
	int calls;        /* HD calls on the node at that moment; 0 = idle */
	bool maintenance; /* PATCH: the value set. Else: the node itself knew a maintenance mode */
	int64_t up_ms;    /* wall clock since the last launch; -1 = not up */
	int free_hd;      /* truth: free HD calls of the node's location, before the deed */
	int pending_hd;   /* truth: capacity of its nodes that are started and not yet synced, before the deed
			   */
};
const struct world_record *world_ledger(const struct world *, size_t *ret_n);

/* Truth about one node, now. */
struct world_node_state {
	int64_t id;
	const char *name;
	int64_t location;
	bool gone;            /* deleted in Infinity */
	bool bursting;        /* has an instance of its own */
	const char *instance; /* NULL where not bursting */
	const char *region;
	enum instance_state state; /* INSTANCE_RUNNING where not bursting */
	int64_t launch_ms;
	bool synced;            /* takes part in conferences */
	bool maintenance;       /* configuration */
	bool maintenance_known; /* the node knows it */
	const char *maintenance_reason;
	int max_hd;
	int calls; /* HD calls used, with backplanes */
	int conferences;
};
size_t world_node_count(const struct world *);
struct world_node_state world_node_at(const struct world *, size_t index);
/* false: no such id. */
bool world_node_find(const struct world *, int64_t id, struct world_node_state *ret);

struct world_location_state {
	int64_t id;
	const char *name;
	bool gone; /* deleted */
	int64_t overflow1, overflow2;
	bool principal, overflow;
	int max_hd; /* truth: of the nodes that take conferences */
	int free_hd;
	int calls; /* calls that arrived here */
};
size_t world_location_count(const struct world *);
struct world_location_state world_location_at(const struct world *, size_t index);

/* --- traffic by curve (the demonstration) --- */

/* HD calls wanted at a minute of the period; linear between points. */
struct world_curve_point {
	double minute;
	double calls;
};
/*
 * Makes calls arrive in `location` so that as many are up as the curve wants; the curve repeats every
 * `period_minutes` from now. Calls last `least_minutes` to `most_minutes` and are never ended before. Copies
 * the points.
 */
void world_follow_curve(struct world *, int64_t location, const struct world_curve_point *points, size_t n,
			double period_minutes, double least_minutes, double most_minutes);

/* The world of `make run`: Oslo and London, "AWS burst" with four nodes, a weekday morning 07:30 to 12:00,
 * again and again. */
struct world *world_demo(int64_t now, double scale, uint64_t seed);

#endif

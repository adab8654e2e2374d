/*
 * The simulation: burstd's steps in process, on the embedded world, in virtual time. One `struct sim` is one run: a world, a
 * store in memory, a reconciler, the workers of server/workers.c without their threads, and a checker that knows the
 * truth and names the rule that was broken.
 *
 *   sim.c       a run: making it, the workers' turns, kills and restarts
 *   wire.c      the ports as burstd sees them: time passes, other workers go on, burstd is killed, lies are told
 *   check.c     invariants at every deed and every step
 *   history.c   invariants over the whole history, at the end
 *   operator.c  what people do through the API, straight into the store
 *   seeds.c     random runs
 *   cases.c, doubts.c   named cases
 *   lies.c      the self-test: broken rules that must be found
 *   main.c      the command line, seeds side by side
 *
 * One thread, one process a worker of main.c.
 */
#ifndef BURSTD_TESTS_SIMULATION_SIM_H
#define BURSTD_TESTS_SIMULATION_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "reconcile/reconcile.h"
#include "store/store.h"
#include "tests/world/world.h"

#define SIM_REGIONS   4
#define SIM_NODES     64
#define SIM_LOCATIONS 16

#define SECOND 1000LL
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

/* --- chance of the simulation itself, apart from the world's --- */

struct dice {
	uint64_t state;
};
uint64_t dice_next(struct dice *);
int64_t dice_between(struct dice *, int64_t least, int64_t most); /* both included */
bool dice_chance(struct dice *, double share);

/* --- lies: what is told to burstd but not to the checker (lies.c) --- */

/*      name             rule that must be found broken, what is told */
#define SIM_LIES(X)                                                                                          \
	X(NONE, "", "the truth")                                                                             \
	X(IDLE, "E1", "every bursting node is idle")                                                         \
	X(PENDING, "S3", "what was started is stopped")                                                      \
	X(LIFETIME, "E2", "the minimum lifetime is 5 minutes")                                               \
	X(TWO_STARTS, "S4", "a start starts another one too")                                                \
	X(LINKS, "S5", "primary and secondary overflow exchanged")                                           \
	X(MAINTENANCE_OFF, "E5", "maintenance mode was taken off")                                           \
	X(REPLICATED, "E5", "replication takes 30 seconds")                                                  \
	X(FULL, "S2", "every principal is empty")                                                            \
	X(NO_STOP_EVENT, "V3", "the database loses stop events")                                             \
	X(BURSTING, "S9", "Infinity's own bursting is off")                                                  \
	X(TWICE, "D4", "a start has neither answer nor effect")

enum sim_lie {
#define X(name, rule, text) LIE_##name,
	SIM_LIES(X)
#undef X
		LIE_COUNT
};

/* --- a run --- */

struct sim_setup {
	uint64_t seed;
	struct world_options world;
	struct bursting_settings settings;
	enum sim_lie lie;
	double kills_per_day; /* of burstd */
	bool latency;         /* exchanges take time, and other workers go on meanwhile */
	bool republish;       /* the controller also runs when it only renews the picture (RULE V4) */
	bool jump;            /* skip over hours in which nothing happens */
	bool operators;       /* people use the API at random */
	int64_t operators_until;
	bool verbose;
};
/* Default settings with bursting enabled, an empty world from Monday 2026-01-05 00:00, no faults, no kills. */
struct sim_setup sim_setup_default(uint64_t seed);

enum worker_kind { OBSERVE_INFINITY, OBSERVE_EC2, CONTROL, ACT_INFINITY, ACT_EC2 };

struct worker {
	enum worker_kind kind;
	size_t region;
	int64_t due;
	bool busy; /* in an exchange; others go on */
	bool rung; /* since its step began */
};
#define SIM_WORKERS (3 + 2 * SIM_REGIONS)

struct sim;
struct wire { /* a port's self */
	struct sim *s;
	struct ec2_port ec2;
};

/* The node rows of a report as Infinity truly gave them. */
struct seen {
	int64_t at;
	size_t n;
	struct infinity_node nodes[SIM_NODES];
};

/* What the checker remembers of a location and of a node. */
struct check_location {
	bool primary;       /* somebody's primary overflow location */
	int64_t start_tick; /* tick of the last load-driven start, -1 = none since a refusal */
	int64_t drain_tick;
	int64_t short_since; /* burstd could start and should: since when, 0 = it need not */
};
struct check_node {
	int64_t started_at; /* last StartInstances of burstd's that was accepted; 0 = stopped or started by others since */
	int64_t outside_at; /* last deed of the outside actor */
	bool unsure;        /* the answer to the last start was lost, or burstd killed before it knew */
	int asked;          /* StartInstances of burstd's that the ledger has not told yet */
	bool foreign;       /* in a maintenance mode that somebody else set */
	int64_t foreign_at; /* since when */
	bool by_wish;       /* in a maintenance mode that somebody wished through burstd */
	enum wish_flag wish_maintenance;
	enum wish_power wish_power;
	enum node_phase phase;
};

struct sim {
	struct sim_setup setup;
	struct dice dice;
	struct world *world;
	struct clock clock;
	struct store *store;
	struct reconciler *reconciler;

	struct infinity_port infinity; /* the world's own */
	struct infinity_port infinity_told;
	struct ec2_port ec2_told[SIM_REGIONS];
	struct wire wires[SIM_REGIONS];
	size_t n_regions;
	struct worker workers[SIM_WORKERS];
	size_t n_workers;
	int depth;
	struct worker *current;
	int64_t picture_at; /* made_at of the last picture */
	int64_t picture_seq;

	bool wrote;      /* rows that are no samples, in the transaction under way */
	bool dead;       /* killed: nothing of this incarnation has an effect any more */
	int fuse;        /* chances to be killed that are still let pass; 0 = not lit */
	int64_t kill_at; /* when the next fuse is lit */
	int64_t born_at;
	int64_t operator_at;
	int64_t long_night; /* how long burstd stays dead, once; 0 = as the dice say */
	int kills;

	struct bursting_settings truth; /* the settings that the checker goes by */
	int thresholds[SIM_LOCATIONS];  /* own ones by location id, 0 = none */
	int64_t changed_at;             /* when people last changed something */

	int64_t tick;
	struct seen seen;  /* the last whole report that the observer brought */
	struct seen look;  /* the last one that an actor took before a stop */
	struct seen fresh; /* in the observer's hands */
	int64_t surprise;  /* a conference comes onto this node right before an actor's last look; 0 = none */
	struct intent *intents;
	size_t n_intents;
	int64_t last_intent;
	size_t ledger_seen;
	bool *unanswered; /* by row of the ledger: burstd never heard how it went */
	size_t cap_unanswered;
	int64_t rounds_at; /* storm guard: steps in one instant */
	int rounds;
	int64_t trouble_at;   /* a fault of a source was last active */
	int64_t infinity_bad; /* since when Infinity gives no whole answer, 0 = it does */
	int64_t s9_since;     /* since when Infinity's own bursting is on, 0 = off */
	int64_t forced_cuts;  /* calls that a forced stop cut, which it may */
	int64_t forced_stops;
	struct check_location locations[SIM_LOCATIONS];
	struct check_node nodes[SIM_NODES];

	int broken;        /* how many checks failed */
	char rule[24];     /* of the first */
	char rules[200];   /* all that were broken, once each */
	char report[4096]; /* in words */
	size_t report_len;
	int64_t steps;
};

/* NULL fills nothing: out of memory ends the program. */
struct sim *sim_new(const struct sim_setup *);
void sim_free(struct sim *);
DEFINE_FREEP(struct sim, sim_free)

int64_t sim_now(const struct sim *);
/* Runs until then, or until something is broken. */
void sim_until(struct sim *, int64_t at);
void sim_run(struct sim *, int64_t ms);
/* All workers look now (an operator's request does this). */
void sim_wake(struct sim *);
/* The worker's next turn: an actor's when the controller recorded something. */
void sim_turn(struct sim *);
/* A way to be killed: true = burstd is dead. */
bool sim_chance_to_die(struct sim *);
void sim_kill(struct sim *); /* at once, between two steps */
/* Reads the open intents again and looks at the new ones. */
void sim_intents(struct sim *);
const struct intent *sim_intent_of(const struct sim *, int64_t node);
/* The phase of a node in the published picture. */
enum node_phase sim_phase(struct sim *, int64_t node);
/* Calls that burstd counts as cut by itself, since it was last started. */
int sim_calls_cut(const struct sim *);
int sim_threshold(const struct sim *, int64_t location);

/* Notes that a rule was broken. */
void sim_broken(struct sim *, const char *rule, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
#define sim_expect(s, rule, condition)                                                                       \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			sim_broken((s), (rule), "%s:%d: %s", __FILE__, __LINE__, #condition);                \
	} while (0)

/* --- wire.c --- */
void wire_connect(struct sim *);

/* --- check.c --- */
void check_ledger(struct sim *); /* what was done since the last look */
void check_stop_asked(struct sim *, const char *instance);
void check_start_asked(struct sim *, const char *instance);
void check_start_answered(struct sim *, const char *instance, bool good, const struct upstream_error *);
void check_new_intent(struct sim *, const struct intent *);
void check_picture(struct sim *);
void check_liveness(struct sim *);
void check_step(struct sim *);
void check_end(struct sim *); /* after the faults: everything is quiet */
int64_t node_of_instance(const struct sim *, const char *instance);

/* --- history.c --- */
void check_history(struct sim *);

/* --- operator.c --- */
void operator_settings(struct sim *, const struct bursting_settings *);
void operator_enable(struct sim *, bool on);
void operator_mode(struct sim *, enum burst_mode);
void operator_threshold(struct sim *, int64_t location, int threshold);
void operator_power(struct sim *, int64_t node, enum wish_power);
void operator_maintenance(struct sim *, int64_t node, enum wish_flag);
int64_t operator_hold(struct sim *, int64_t location, int count, int64_t node, int64_t until);
void operator_unhold(struct sim *, int64_t hold);
/* Mondays to Fridays, local hours, a lead of 10 minutes. */
void operator_schedule(struct sim *, int64_t location, int count, const char *zone, int from_hour,
		       int to_hour);
bool operator_start(struct sim *, int64_t node);
bool operator_stop(struct sim *, int64_t node, bool force);
void operator_random(struct sim *);
void operator_tidy(struct sim *); /* takes back every wish and hold */
void operator_infinity_bursting(struct sim *, bool on);

/* --- seeds.c --- */
struct sim_setup seed_setup(uint64_t seed, int days);
/* Runs one; what was broken stands in the sim that comes back. */
struct sim *seed_run(uint64_t seed, int days, bool verbose);
/* The same setup with a lie. */
struct sim *seed_run_setup(const struct sim_setup *, int days);

/* --- cases.c, doubts.c --- */
struct sim_case {
	const char *name;
	void (*run)(struct sim_setup *, struct sim **ret);
};
extern const struct sim_case cases[], doubts[];
extern const size_t n_cases, n_doubts;

/* --- lies.c --- */
int lies_run(int *ret_passed); /* number of lies not found */

#endif

/* Named cases: starting, holds, wishes, operators, and kills at every point of a start and a drain. */
#include "tests/simulation/cases.h"

#include <string.h>

/* --- what they share --- */

struct sim *oslo_and_burst(struct sim_setup *setup, int n, struct sim **ret)
{
	struct sim *s = *ret = sim_new(setup);
	struct world *w = s->world;
	char name[24];

	world_add_location(w, &(struct world_location){.name = "AWS burst"});
	world_add_location(w, &(struct world_location){.name = "Oslo", .overflow1 = BURST});
	world_add_node(w, &(struct world_node){.name = "oslo-1", .location = OSLO, .max_hd = OSLO_HD});
	for (int i = 1; i <= n; i++) {
		snprintf(name, sizeof(name), "burst-%d", i);
		world_add_node(w, &(struct world_node){.name = name,
						       .location = BURST,
						       .max_hd = BURST_HD,
						       .bursting = true,
						       .elastic = true});
	}
	sim_run(s, 3 * MINUTE);
	return s;
}

void oslo_leaves(struct sim *s, int free_hd)
{
	int now = world_location_at(s->world, OSLO - 1).free_hd;

	sim_expect(s, "case", world_calls(s->world, OSLO, now - free_hd, 0) == now - free_hd);
}

struct world_node_state node_now(const struct sim *s, int64_t node)
{
	struct world_node_state n = {0};

	(void)world_node_find(s->world, node, &n);
	return n;
}

static bool until(struct sim *s, bool (*there)(struct sim *, int64_t, int), int64_t node, int what,
		  int64_t most)
{
	int64_t end = sim_now(s) + most;

	while (!s->broken && sim_now(s) < end && !there(s, node, what))
		sim_run(s, SECOND);
	return !s->broken && there(s, node, what);
}

static bool in_state(struct sim *s, int64_t node, int state)
{
	const struct intent *i;

	sim_intents(s);
	i = sim_intent_of(s, node);
	return i && i->state == (enum intent_state)state;
}

static bool in_phase(struct sim *s, int64_t node, int phase)
{
	return sim_phase(s, node) == (enum node_phase)phase;
}

bool until_state(struct sim *s, int64_t node, enum intent_state state, int64_t most)
{
	return until(s, in_state, node, (int)state, most);
}

bool until_phase(struct sim *s, int64_t node, enum node_phase phase, int64_t most)
{
	return until(s, in_phase, node, (int)phase, most);
}

void one_node_idle(struct sim *s)
{
	oslo_leaves(s, 5);
	sim_expect(s, "S2", until_phase(s, BURST_1, PHASE_SERVING, 10 * MINUTE));
	world_end_calls(s->world, 0, -1);
}

void end_quiet(struct sim *s)
{
	world_end_calls(s->world, 0, -1);
	sim_run(s, 5 * HOUR);
	if (s->broken)
		return;
	check_end(s);
	check_history(s);
}

int events_of(struct sim *s, int64_t node, enum event_type type, const char *actor)
{
	struct history_filter filter = {.node = node, .type = (int)type, .actor = actor};
	struct event *rows = NULL;
	struct error e = {0};
	size_t n = 0;

	if (store_events(s->store, &filter, 500, &rows, &n, &e))
		sim_broken(s, "V3", "the history cannot be read: %s", e.detail);
	store_events_free(rows, n);
	return (int)n;
}

static int64_t starts(const struct sim *s)
{
	return world_counters(s->world).starts;
}

static int64_t stops(const struct sim *s)
{
	return world_counters(s->world).stops;
}

/* --- starting --- */

/* RULES S1 and S2: at the threshold, within one poll interval; not before it. */
static void at_the_threshold(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 3, ret);

	oslo_leaves(s, 6);
	sim_run(s, HOUR);
	sim_expect(s, "S1", starts(s) == 0);
	oslo_leaves(s, 5);
	sim_run(s, 25 * SECOND); /* the node's own report, then the poll */
	sim_expect(s, "S2", starts(s) == 1);
	sim_run(s, HOUR);
	sim_expect(s, "S3", starts(s) == 1);
	sim_expect(s, "V1", world_counters(s->world).calls_refused == 0);
	oslo_leaves(s, 0);
	world_calls(s->world, OSLO, BURST_HD - 5, 0);
	sim_run(s, 25 * SECOND);
	sim_expect(s, "S3", starts(s) == 2);
	end_quiet(s);
	sim_expect(s, "E3", stops(s) == 2);
}

/*
 * RULE S3, the runaway: with a threshold of a whole node, one node is never enough for it, and an idle one is always short of
 * it. What is starting counts, and what is not in use asks for nothing.
 */
static void threshold_of_a_whole_node(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s;

	setup->settings.bursting_threshold = BURST_HD;
	s = oslo_and_burst(setup, 6, ret);
	sim_expect(s, "S7", operator_start(s, BURST_1));
	sim_run(s, 20 * MINUTE);
	sim_expect(s, "S3", starts(s) == 1); /* 17 free, threshold 17, but not in use and nobody short */
	oslo_leaves(s, 16);
	sim_run(s, 30 * MINUTE);
	sim_expect(s, "S3", starts(s) == 2); /* Oslo is short; 17 free and 17 coming, then 34 free */
	oslo_leaves(s, 0);
	world_calls(s->world, OSLO, BURST_HD, 0); /* in use, 17 of 34 free */
	sim_run(s, 30 * MINUTE);
	sim_expect(s, "S3", starts(s) == 3);
	end_quiet(s);
	sim_expect(s, "E3", stops(s) == 3);
}

/* RULE S4: boots of 7 to 10.5 minutes, just within the start timeout. */
static void slow_boot(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s;

	setup->world.boot_ms = 525 * SECOND;
	setup->world.pending_ms = 38 * SECOND;
	s = oslo_and_burst(setup, 6, ret);
	oslo_leaves(s, 0);
	for (int i = 0; i < 60 && !s->broken; i++) {
		sim_run(s, 10 * SECOND);
		sim_expect(s, "S4", starts(s) == 1);
	}
	sim_expect(s, "S4", until_phase(s, BURST_1, PHASE_SERVING, 2 * MINUTE));
	sim_run(s, HOUR);
	sim_expect(s, "S4", starts(s) == 1 && events_of(s, 0, EVENT_FAIL, NULL) == 0);
	end_quiet(s);
}

/* RULE S4: a node that never comes is given up after the timeout, and the next one is started. */
static void never_synced(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 3, ret);
	struct world_fault f = {.kind = WORLD_NEVER_SYNC, .target = BURST_1, .until = INT64_MAX};

	world_fault_add(s->world, &f);
	oslo_leaves(s, 0);
	sim_run(s, 9 * MINUTE);
	sim_expect(s, "S4", starts(s) == 1);
	sim_run(s, 3 * MINUTE);
	sim_expect(s, "S4", starts(s) == 2 && sim_phase(s, BURST_1) == PHASE_FAILED);
	sim_expect(s, "V3", events_of(s, BURST_1, EVENT_FAIL, NULL) == 1);
	sim_run(s, 2 * HOUR);
	sim_expect(s, "S4", starts(s) == 2);
	world_faults_clear(s->world);
	end_quiet(s);
}

static void two_principals(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 3, ret);
	int64_t london =
		world_add_location(s->world, &(struct world_location){.name = "London", .overflow1 = BURST});

	world_add_node(s->world,
		       &(struct world_node){.name = "london-1", .location = london, .max_hd = OSLO_HD});
	sim_run(s, MINUTE);
	oslo_leaves(s, 5);
	world_calls(s->world, london, OSLO_HD - 5, 0); /* both at once */
	sim_run(s, 20 * MINUTE);
	sim_expect(s, "S2", starts(s) == 1);
	world_end_calls(s->world, OSLO, -1); /* one is not short any more, the other is */
	sim_run(s, 3 * HOUR);
	sim_expect(s, "E3", stops(s) == 0);
	end_quiet(s);
}

/* RULE S5 */
static void secondary_never_starts(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = *ret = sim_new(setup);
	struct world *w = s->world;
	int64_t second = world_add_location(w, &(struct world_location){.name = "second"});
	int64_t first = world_add_location(w, &(struct world_location){.name = "first"});
	int64_t oslo = world_add_location(
		w, &(struct world_location){.name = "Oslo", .overflow1 = first, .overflow2 = second});
	struct world_node burst = {.name = "s-1", .location = second, .max_hd = BURST_HD, .bursting = true};

	world_add_node(w, &burst);
	burst.name = "f-1";
	burst.location = first;
	world_add_node(w, &burst);
	world_add_node(w, &(struct world_node){.name = "oslo-1", .location = oslo, .max_hd = OSLO_HD});
	sim_run(s, MINUTE);
	world_calls(w, oslo, OSLO_HD, 0);
	sim_run(s, 20 * MINUTE);
	world_calls(w, oslo, OSLO_HD, 0); /* fills the first overflow location; the rest is refused */
	sim_run(s, 2 * HOUR);
	sim_expect(s, "S5", starts(s) == 1 && node_now(s, 1).state == INSTANCE_STOPPED);
	end_quiet(s);
}

/* --- refusals (RULE S6) --- */

static void capacity_then_next(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 3, ret);
	struct world_fault f = {.kind = WORLD_CAPACITY, .target = BURST_1, .until = sim_now(s) + HOUR};
	size_t n;
	const struct world_record *rows;
	int64_t tick;

	world_fault_add(s->world, &f);
	oslo_leaves(s, 0);
	tick = s->tick;
	while (!s->broken && !starts(s) && s->tick < tick + 10)
		sim_run(s, SECOND);
	rows = world_ledger(s->world, &n);
	sim_expect(s, "S6", n == 2 && rows[0].node == BURST_1 && !rows[0].accepted);
	sim_expect(s, "S6", n == 2 && rows[1].node == BURST_2 && rows[1].accepted);
	sim_expect(s, "S6", n == 2 && rows[1].time - rows[0].time < SECOND); /* the same tick */
	sim_run(s, 3 * HOUR);
	(void)world_ledger(s->world, &n);
	sim_expect(s, "S6", n == 2); /* the refused one is left alone */
	end_quiet(s);
}

/* All candidates without capacity: each is asked once in a tick, then they rest; no storm. */
static void no_capacity_at_all(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 3, ret);
	struct world_fault f = {.kind = WORLD_CAPACITY, .until = sim_now(s) + HOUR};

	for (f.target = BURST_1; f.target <= BURST_3; f.target++)
		world_fault_add(s->world, &f);
	oslo_leaves(s, 0);
	sim_run(s, 58 * MINUTE);
	sim_expect(s, "S6", starts(s) == 0);
	sim_expect(s, "S6",
		   world_counters(s->world).starts_refused >= 3 &&
			   world_counters(s->world).starts_refused <= 3 * 12);
	sim_run(s, 10 * MINUTE);
	sim_expect(s, "S6", starts(s) == 1);
	end_quiet(s);
}

static void throttled(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 3, ret);
	struct world_fault f = {.kind = WORLD_EC2_THROTTLED, .until = sim_now(s) + 5 * MINUTE};
	struct world_fault capacity = {.kind = WORLD_CAPACITY, .target = BURST_1, .until = sim_now(s) + HOUR};

	world_fault_add(s->world, &capacity);
	oslo_leaves(s, 0);
	world_fault_add(s->world, &f);
	sim_run(s, 4 * MINUTE + 50 * SECOND);
	sim_expect(s, "S6", starts(s) == 0);
	sim_expect(s, "S6", world_counters(s->world).throttled < 45);
	sim_run(s,
		2 * MINUTE); /* backoff at most a minute; then burst-1 has no capacity, and burst-2 is started */
	sim_expect(s, "S6", starts(s) == 1 && node_now(s, BURST_1).state == INSTANCE_STOPPED);
	end_quiet(s);
}

/* --- people --- */

static void holds(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 4, ret);

	operator_hold(s, BURST, 2, 0, sim_now(s) + 4 * HOUR);
	sim_run(s, MINUTE);
	sim_expect(s, "S8", starts(s) == 2);
	operator_hold(s, 0, 0, BURST_3, sim_now(s) + 5 * HOUR);
	sim_run(s, 3 * HOUR);
	/* the named node is one of the two: holds on one location do not add up */
	sim_expect(s, "S8", starts(s) == 3 && stops(s) == 1);
	sim_run(s, 90 * MINUTE);
	sim_expect(s, "S8", stops(s) == 2 && node_now(s, BURST_3).state == INSTANCE_RUNNING);
	sim_run(s, HOUR);
	sim_expect(s, "S8", stops(s) == 3 && events_of(s, 0, EVENT_HOLD, NULL) >= 2);
	end_quiet(s);
}

/*
 * RULE S8: nodes are up before the rush, though burstd is killed while it starts them; idle and past their lifetime they stay until
 * the schedule's end, then they go; the next day again.
 */
static void schedule(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 3, ret);
	int64_t midnight = sim_now(s) / DAY * DAY; /* of a Monday in January: Oslo is an hour ahead */

	operator_schedule(s, BURST, 2, "Europe/Oslo", 9, 12);
	sim_until(s, midnight + 7 * HOUR + 49 * MINUTE);
	sim_expect(s, "S8", starts(s) == 0);
	sim_run(s, MINUTE + 5 * SECOND);
	sim_kill(s);
	sim_until(s, midnight + 8 * HOUR);
	sim_expect(s, "S8", sim_phase(s, BURST_1) == PHASE_SERVING && sim_phase(s, BURST_2) == PHASE_SERVING);
	oslo_leaves(s, 2);
	sim_run(s, 10 * MINUTE);
	world_end_calls(s->world, 0, -1);
	sim_until(s, midnight + 10 * HOUR + 59 * MINUTE);
	sim_expect(s, "S8", starts(s) == 2 && stops(s) == 0);
	sim_run(s, HOUR);
	sim_expect(s, "S8", stops(s) == 2 && events_of(s, 0, EVENT_HOLD, "schedule:rush") == 2);
	sim_until(s, midnight + DAY + 8 * HOUR);
	sim_expect(s, "S8", starts(s) == 4 && events_of(s, 0, EVENT_HOLD, "schedule:rush") == 3);
	end_quiet(s);
}

/* RULE E5: a hold calls off a drain that is under way. */
static void hold_during_drain(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 2, ret);

	one_node_idle(s);
	sim_expect(s, "E5", until_state(s, BURST_1, INTENT_WAITING, HOUR));
	operator_hold(s, BURST, 1, 0, sim_now(s) + HOUR);
	sim_run(s, 3 * MINUTE);
	sim_expect(s, "S8", sim_phase(s, BURST_1) == PHASE_SERVING && !node_now(s, BURST_1).maintenance);
	sim_expect(s, "S8", stops(s) == 0 && starts(s) == 1);
	end_quiet(s);
}

/* RULE S6, first half: what is being drained is taken back rather than another one started. */
static void demand_during_drain(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 2, ret);

	one_node_idle(s);
	sim_expect(s, "E5", until_state(s, BURST_1, INTENT_WAITING, HOUR));
	oslo_leaves(s, 3);
	sim_run(s, 2 * MINUTE);
	sim_expect(s, "S6", starts(s) == 1 && stops(s) == 0 && !node_now(s, BURST_1).maintenance);
	sim_expect(s, "V3", events_of(s, BURST_1, EVENT_CANCEL, NULL) == 1);
	end_quiet(s);
}

static void wishes(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 2, ret);

	operator_power(s, BURST_2, WISH_POWER_ON);
	sim_run(s, 10 * MINUTE);
	sim_expect(s, "S7", starts(s) == 1 && sim_phase(s, BURST_2) == PHASE_SERVING);
	sim_run(s, 3 * HOUR);
	sim_expect(s, "E3", stops(s) == 0); /* wished on: kept */
	operator_power(s, BURST_2, WISH_POWER_OFF);
	sim_run(s, 10 * MINUTE);
	sim_expect(s, "E7", stops(s) == 1 && sim_phase(s, BURST_2) == PHASE_STOPPED);
	operator_power(s, BURST_1, WISH_POWER_OFF);
	oslo_leaves(s, 0);
	sim_run(s, HOUR);
	sim_expect(s, "E7", starts(s) == 1); /* both are wished off: load starts neither */
	operator_power(s, BURST_1, WISH_POWER_NONE);
	operator_maintenance(s, BURST_1, WISH_TRUE);
	sim_run(s, HOUR);
	sim_expect(s, "S6", starts(s) == 1 && node_now(s, BURST_1).maintenance);
	sim_expect(s, "V3",
		   events_of(s, BURST_1, EVENT_MAINTENANCE, NULL) == 1); /* asked for once, not each pass */
	operator_maintenance(s, BURST_1, WISH_FALSE);
	sim_run(s, 10 * MINUTE);
	sim_expect(s, "S2", starts(s) == 2 && !node_now(s, BURST_1).maintenance);
	operator_tidy(s);
	end_quiet(s);
}

/* RULE E7: an operator's stop waits for the last call, without limit; force does not. */
static void operator_stops(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 2, ret);

	sim_expect(s, "S7", operator_start(s, BURST_1));
	sim_expect(s, "S7", until_phase(s, BURST_1, PHASE_SERVING, 10 * MINUTE));
	sim_expect(s, "S7", world_call_on_node(s->world, BURST_1, 8 * HOUR) != 0);
	sim_expect(s, "E7", operator_stop(s, BURST_1, false));
	sim_run(s, 7 * HOUR);
	sim_expect(s, "E7", stops(s) == 0 && sim_phase(s, BURST_1) == PHASE_DRAINING);
	sim_run(s, 2 * HOUR);
	sim_expect(s, "E7", stops(s) == 1 && world_counters(s->world).calls_cut == 0);

	sim_expect(s, "S7", operator_start(s, BURST_1));
	sim_expect(s, "S7", until_phase(s, BURST_1, PHASE_SERVING, 10 * MINUTE));
	world_call_on_node(s->world, BURST_1, 8 * HOUR);
	sim_expect(s, "E7", operator_stop(s, BURST_1, false));
	sim_run(s, 10 * MINUTE);
	sim_expect(s, "E7", operator_stop(s, BURST_1, true));
	sim_run(s, MINUTE);
	sim_expect(s, "E7",
		   stops(s) == 2 && world_counters(s->world).calls_cut == 1 && sim_calls_cut(s) == 1);
	sim_run(s, 10 * MINUTE);
	sim_expect(s, "E5", !node_now(s, BURST_1).maintenance);
	end_quiet(s);
}

static void disabled_during_drain(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 2, ret);

	one_node_idle(s);
	sim_expect(s, "E5", until_state(s, BURST_1, INTENT_WAITING, HOUR));
	operator_enable(s, false);
	sim_run(s, 2 * MINUTE);
	sim_expect(s, "S1", !node_now(s, BURST_1).maintenance && sim_phase(s, BURST_1) == PHASE_SERVING);
	sim_run(s, 3 * HOUR);
	sim_expect(s, "S1", stops(s) == 0);
	oslo_leaves(s, 0);
	sim_run(s, HOUR);
	sim_expect(s, "S1", starts(s) == 1);
	operator_enable(s, true);
	end_quiet(s);
	sim_expect(s, "E3", stops(s) == 1);
}

/* --- kills --- */

/* Lights the fuse, runs the start, and again for the drain: the n-th chance to be killed kills. */
static void kill_in_start_and_drain(struct sim_setup *setup, int fuse, bool drain, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 2, ret);

	s->long_night = 20 * SECOND; /* dead for longer is a case of its own (doubts.c) */
	if (!drain)
		s->fuse = fuse;
	one_node_idle(s);
	if (drain)
		s->fuse = fuse;
	sim_run(s, 2 * HOUR);
	s->fuse = 0;
	sim_expect(s, "intent",
		   starts(s) == 1 && stops(s) == 1 && world_counters(s->world).double_starts == 0);
	end_quiet(s);
}

#define FUSES 40 /* more than there are chances in a start or in a drain */

static void kill_everywhere(struct sim_setup *setup, bool drain, struct sim **ret)
{
	int kills = 0;

	for (int fuse = 1; fuse <= FUSES; fuse++) {
		sim_free(*ret);
		setup->seed++; /* killed before or after a commit: the dice tell */
		kill_in_start_and_drain(setup, fuse, drain, ret);
		kills += (*ret)->kills;
		if ((*ret)->broken) {
			sim_broken(*ret, "intent", "killed at chance %d", fuse);
			return;
		}
	}
	sim_expect(*ret, "intent", kills >= 8);
}

static void killed_in_a_start(struct sim_setup *setup, struct sim **ret)
{
	kill_everywhere(setup, false, ret);
}

static void killed_in_a_drain(struct sim_setup *setup, struct sim **ret)
{
	kill_everywhere(setup, true, ret);
}

const struct sim_case cases[] = {
	{"at the threshold, not before it (S1, S2, S3)", at_the_threshold},
	{"threshold 17 with nodes of 17 HD calls (S3)", threshold_of_a_whole_node},
	{"boots of 7 to 10 minutes (S4)", slow_boot},
	{"a node that never syncs (S4)", never_synced},
	{"two principals in front of one overflow location (S2, E3)", two_principals},
	{"a secondary overflow location never starts (S5)", secondary_never_starts},
	{"no capacity: the next candidate in the same tick (S6)", capacity_then_next},
	{"no capacity anywhere: no storm (S6)", no_capacity_at_all},
	{"throttled, then no capacity (S6)", throttled},
	{"holds start and keep (S8)", holds},
	{"a hold calls off a drain (S8, E5)", hold_during_drain},
	{"demand takes a draining node back (S6, E5)", demand_during_drain},
	{"wishes for power and maintenance mode (S7, E7)", wishes},
	{"an operator's stop waits, force does not (E7)", operator_stops},
	{"bursting switched off during a drain (E5)", disabled_during_drain},
	{"killed at every point of a start", killed_in_a_start},
	{"killed at every point of a drain", killed_in_a_drain},
	{"a schedule: up before the rush, down after it (S8)", schedule},
	{"killed at every point of a location's life", killed_round_a_location},
	{"locations through lost answers and a fight over a link", locations_through_faults},
};
const size_t n_cases = ARRAY_LEN(cases);

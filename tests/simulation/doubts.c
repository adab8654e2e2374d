/* Named cases in which something is not as it seems: Infinity in trouble, others at work, a second controller. */
#include "tests/simulation/cases.h"

#include <string.h>

static int64_t starts(const struct sim *s)
{
	return world_counters(s->world).starts;
}

static int64_t stops(const struct sim *s)
{
	return world_counters(s->world).stops;
}

/* RULE E5: placed on the node after the drain began, before maintenance mode reached it or right before the stop. */
static void conference_in_drain(struct sim_setup *setup, struct sim **ret, int64_t after)
{
	struct sim *s = oslo_and_burst(setup, 2, ret);

	one_node_idle(s);
	sim_expect(s, "E5", until_state(s, BURST_1, INTENT_WAITING, HOUR));
	sim_run(s, after);
	sim_expect(s, "E5", stops(s) == 0);
	sim_expect(s, "E1", world_call_on_node(s->world, BURST_1, HOUR) != 0);
	sim_run(s, 59 * MINUTE);
	sim_expect(s, "E1", stops(s) == 0 && world_counters(s->world).calls_cut == 0);
	sim_expect(s, "E5", sim_phase(s, BURST_1) == PHASE_DRAINING);
	end_quiet(s);
	sim_expect(s, "E1", stops(s) == 1 && world_counters(s->world).calls_cut == 0);
}

static void conference_early(struct sim_setup *setup, struct sim **ret)
{
	conference_in_drain(setup, ret, 10 * SECOND);
}

static void conference_late(struct sim_setup *setup, struct sim **ret)
{
	conference_in_drain(setup, ret, 75 * SECOND);
}

/* RULE E1, the last look: it comes when the stop is decided already. */
static void conference_at_the_last_moment(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 2, ret);

	one_node_idle(s);
	s->surprise = BURST_1;
	sim_run(s, 80 * MINUTE);
	sim_expect(s, "E1", !s->surprise && stops(s) == 0 && sim_phase(s, BURST_1) == PHASE_DRAINING);
	end_quiet(s);
	sim_expect(s, "E1", stops(s) == 1);
}

/* --- Infinity in trouble: nothing is stopped (RULES D1 and E4) --- */

static void trouble(struct sim_setup *setup, struct sim **ret, enum world_fault_kind kind)
{
	struct sim *s = oslo_and_burst(setup, 2, ret);
	struct world_fault f = {.kind = kind, .from = 0, .value = 30000};
	int64_t before;

	/* from before the lifetime's end: no drain begins */
	one_node_idle(s);
	sim_run(s, 20 * MINUTE);
	f.until = sim_now(s) + 2 * HOUR;
	world_fault_add(s->world, &f);
	sim_run(s, 2 * HOUR - MINUTE);
	sim_expect(s, "D1", stops(s) == 0 && events_of(s, 0, EVENT_DRAIN, NULL) == 0);
	/* in the middle of a drain: it goes on only when Infinity is well again */
	sim_expect(s, "E5", until_state(s, BURST_1, INTENT_WAITING, HOUR));
	sim_run(s, 20 * SECOND);
	f.until = sim_now(s) + 2 * HOUR;
	world_fault_add(s->world, &f);
	before = stops(s);
	sim_run(s, 2 * HOUR - MINUTE);
	sim_expect(s, "D1", before == 0 && stops(s) == 0);
	end_quiet(s);
	sim_expect(s, "E1", stops(s) == 1);
}

static void infinity_down(struct sim_setup *setup, struct sim **ret)
{
	trouble(setup, ret, WORLD_INFINITY_DOWN);
}

static void infinity_slow(struct sim_setup *setup, struct sim **ret)
{
	trouble(setup, ret, WORLD_INFINITY_SLOW);
}

static void infinity_half(struct sim_setup *setup, struct sim **ret)
{
	trouble(setup, ret, WORLD_INFINITY_HALF);
}

static void infinity_html(struct sim_setup *setup, struct sim **ret)
{
	trouble(setup, ret, WORLD_INFINITY_HTML);
}

static void infinity_frozen(struct sim_setup *setup, struct sim **ret)
{
	trouble(setup, ret, WORLD_INFINITY_FROZEN);
}

/* RULE D1: load starts nothing on old figures, a person does. */
static void starts_on_old_figures(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 2, ret);
	struct world_fault f = {.kind = WORLD_INFINITY_DOWN, .until = sim_now(s) + HOUR};

	world_fault_add(s->world, &f);
	oslo_leaves(s, 0);
	sim_run(s, 30 * MINUTE);
	sim_expect(s, "D1", starts(s) == 0);
	sim_expect(s, "S7", operator_start(s, BURST_2));
	sim_run(s, 15 * SECOND);
	sim_expect(s, "D1", starts(s) == 1);
	end_quiet(s);
}

/* RULE D4: lists that show the state of a minute ago, or lack an instance. */
static void late_lists(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 3, ret);
	struct world_fault f = {.kind = WORLD_EC2_STALE, .until = sim_now(s) + 3 * HOUR, .value = 60000};

	world_fault_add(s->world, &f);
	one_node_idle(s);
	sim_expect(s, "D4", starts(s) == 1 && events_of(s, 0, EVENT_FAIL, NULL) == 0);
	sim_run(s, 2 * HOUR);
	sim_expect(s, "D4", starts(s) == 1 && stops(s) == 1 && events_of(s, 0, EVENT_START, "outside") == 0);
	sim_expect(s, "D4", world_counters(s->world).double_starts == 0);
	world_faults_clear(s->world);
	end_quiet(s);
}

/* RULE D4: an instance that is merely missing from some lists: nothing is begun on it that could not be ended. */
static void missing_from_lists(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 3, ret);
	struct world_fault f = {.kind = WORLD_EC2_MISSING};

	one_node_idle(s);
	sim_run(s, 40 * MINUTE);
	f.until = sim_now(s) + 20 * HOUR;
	world_fault_add(s->world, &f);
	for (int i = 0; i < 40; i++) { /* each list lacks a third of them */
		operator_power(s, BURST_2, WISH_POWER_ON);
		sim_run(s, 10 * MINUTE);
		operator_power(s, BURST_2, WISH_POWER_OFF);
		sim_run(s, 15 * MINUTE);
	}
	operator_tidy(s);
	end_quiet(s);
	sim_expect(s, "D4", stops(s) == starts(s) && starts(s) > 20);
}

/* RULE V3: the stop's answer is lost, and for a minute EC2 goes on to say running: it was our stop all the same. */
static void stop_without_an_answer(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 2, ret);
	struct world_fault f = {.value = 60000};

	one_node_idle(s);
	sim_expect(s, "E5", until_state(s, BURST_1, INTENT_WAITING, HOUR));
	f.until = sim_now(s) + 30 * MINUTE;
	f.kind = WORLD_EC2_LOST;
	world_fault_add(s->world, &f);
	f.kind = WORLD_EC2_STALE;
	world_fault_add(s->world, &f);
	while (!s->broken && !stops(s) && sim_now(s) < f.until)
		sim_run(s, SECOND);
	f.kind = WORLD_INFINITY_DOWN; /* so that it is not decided anew meanwhile */
	f.until = sim_now(s) + 3 * MINUTE;
	world_fault_add(s->world, &f);
	sim_run(s, 20 * MINUTE);
	sim_expect(s, "V3", stops(s) == 1 && events_of(s, BURST_1, EVENT_STOP, "controller") == 1);
	sim_expect(s, "V3", events_of(s, BURST_1, EVENT_STOP, "outside") == 0);
	end_quiet(s);
}

/* RULE D4: a start whose answer was lost is looked for before it is sent again. */
static void start_without_an_answer(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s;
	struct world_fault f = {.kind = WORLD_EC2_LOST};

	setup->world.ec2_lag_ms = 0;
	s = oslo_and_burst(setup, 2, ret);
	f.until = sim_now(s) + HOUR;
	world_fault_add(s->world, &f);
	one_node_idle(s);
	sim_expect(s, "D4", starts(s) == 1 && world_counters(s->world).double_starts == 0);
	sim_expect(s, "V3", events_of(s, BURST_1, EVENT_START, "controller") == 1);
	end_quiet(s);
}

/* RULE S4: an intent that has grown old while burstd was down is not given up while the start is on its way. */
static void start_after_a_long_night(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s;

	setup->latency = true;
	for (uint64_t seed = 1; seed <= 10;
	     seed++) { /* the controller's pass falls into the exchange, or not */
		sim_free(*ret);
		setup->seed = seed;
		s = oslo_and_burst(setup, 2, ret);
		s->fuse = 2; /* the intent is committed, nothing is sent */
		oslo_leaves(s, 5);
		s->long_night = 30 * MINUTE;
		sim_run(s, HOUR);
		sim_expect(s, "S4",
			   s->kills == 1 && starts(s) == 1 && events_of(s, 0, EVENT_FAIL, NULL) == 0);
		end_quiet(s);
		if (s->broken)
			return;
	}
}

/* --- others at work (RULE D3) --- */

static void outside(struct sim *s, enum world_fault_kind kind, int64_t node)
{
	world_fault_add(s->world, &(struct world_fault){.kind = kind, .target = node});
}

static void outside_start_and_stop(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 2, ret);

	outside(s, WORLD_OUTSIDE_START, BURST_2);
	sim_run(s, 49 * MINUTE);
	sim_expect(s, "D3", events_of(s, BURST_2, EVENT_START, "outside") == 1);
	sim_expect(s, "E2", stops(s) == 0); /* its lifetime counts from that launch */
	sim_run(s, 10 * MINUTE);
	sim_expect(s, "E3", stops(s) == 1);
	oslo_leaves(s, 5);
	sim_run(s, 10 * MINUTE);
	sim_expect(s, "S2", sim_phase(s, BURST_1) == PHASE_SERVING);
	outside(s, WORLD_OUTSIDE_STOP, BURST_1);
	sim_run(s, 2 * MINUTE);
	sim_expect(s, "D3", events_of(s, BURST_1, EVENT_STOP, "outside") == 1);
	sim_run(s, 10 * MINUTE);
	sim_expect(s, "S2", sim_phase(s, BURST_1) == PHASE_SERVING || sim_phase(s, BURST_2) == PHASE_SERVING);
	end_quiet(s);
}

/* A maintenance mode that somebody set is neither a reason to stop nor ours to clear. */
static void outside_maintenance(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 2, ret);

	one_node_idle(s);
	world_set_maintenance(s->world, BURST_1, true, "a new fan");
	sim_run(s, 3 * HOUR);
	sim_expect(s, "E5", stops(s) == 0 && node_now(s, BURST_1).maintenance);
	sim_expect(s, "E7", operator_stop(s, BURST_1, false));
	sim_run(s, 20 * MINUTE);
	sim_expect(s, "E7", stops(s) == 1);
	sim_expect(s, "E5",
		   node_now(s, BURST_1).maintenance &&
			   !strcmp(node_now(s, BURST_1).maintenance_reason, "a new fan"));
	world_set_maintenance(s->world, BURST_1, false, "");
	end_quiet(s);
}

/* The same in the middle of our drain. */
static void outside_maintenance_in_drain(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 2, ret);

	one_node_idle(s);
	sim_expect(s, "E5", until_state(s, BURST_1, INTENT_WAITING, HOUR));
	world_set_maintenance(s->world, BURST_1, true, "a new fan");
	sim_run(s, 30 * MINUTE);
	sim_expect(s, "E5", stops(s) == 1 && node_now(s, BURST_1).maintenance);
	world_set_maintenance(s->world, BURST_1, false, "");
	end_quiet(s);
}

/* It comes when the drain is all but over, and burstd is killed before it sees it. */
static void outside_maintenance_and_a_kill(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 2, ret);
	struct world_fault f = {.kind = WORLD_INFINITY_DOWN, .until = INT64_MAX};

	one_node_idle(s);
	sim_expect(s, "E5", until_state(s, BURST_1, INTENT_AWAITING_STOPPED, HOUR));
	world_fault_add(s->world, &f);
	sim_expect(s, "E5", until_state(s, BURST_1, INTENT_MAINTENANCE_OFF, HOUR));
	world_set_maintenance(s->world, BURST_1, true, "a new fan");
	world_faults_clear(s->world);
	f.kind = WORLD_INFINITY_HALF; /* no whole read, but a PATCH would go through */
	f.until = sim_now(s) + 5 * MINUTE;
	world_fault_add(s->world, &f);
	sim_kill(s);
	sim_run(s, 20 * MINUTE);
	sim_expect(s, "E5", node_now(s, BURST_1).maintenance && !sim_intent_of(s, BURST_1));
	world_set_maintenance(s->world, BURST_1, false, "");
	end_quiet(s);
}

/* Somebody takes the node out of our maintenance mode: the drain is called off, and begins anew later. */
static void drain_cleared_outside(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 2, ret);

	one_node_idle(s);
	sim_expect(s, "E5", until_state(s, BURST_1, INTENT_WAITING, HOUR));
	sim_run(s, 30 * SECOND);
	world_set_maintenance(s->world, BURST_1, false, "");
	sim_run(s, 30 * SECOND);
	sim_expect(s, "D3", events_of(s, BURST_1, EVENT_CANCEL, "outside") == 1);
	end_quiet(s);
	sim_expect(s, "E1", stops(s) == 1);
}

/* --- a second controller (RULE S9) --- */

static void second_controller(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 3, ret);
	const struct world_record *rows;
	size_t n;

	one_node_idle(s);
	sim_expect(s, "E5", until_state(s, BURST_1, INTENT_WAITING, HOUR));
	operator_infinity_bursting(s, true); /* in the middle of a drain */
	sim_run(s, 3 * HOUR);
	sim_expect(s, "S9", stops(s) == 0 && !node_now(s, BURST_1).maintenance);
	oslo_leaves(s, 0);
	world_calls(s->world, OSLO, BURST_HD, 0);
	sim_run(s, HOUR);
	sim_expect(s, "S9", starts(s) == 1);
	sim_expect(s, "S9", operator_start(s, BURST_3)); /* a person may, through Infinity */
	sim_run(s, 10 * MINUTE);
	rows = world_ledger(s->world, &n);
	sim_expect(s, "S9", starts(s) == 2 && rows[n - 1].deed == WORLD_START_CLOUDNODE);
	sim_expect(s, "S9", sim_phase(s, BURST_3) == PHASE_SERVING);
	world_end_calls(s->world, 0, -1);
	sim_run(s, 5 * HOUR);
	sim_expect(s, "S9", stops(s) == 0);
	operator_infinity_bursting(s, false);
	end_quiet(s);
	sim_expect(s, "S9", stops(s) == 2);
}

/* A forced stop was asked for, burstd killed, and Infinity's own bursting switched on before it is up again. */
static void force_before_a_read(struct sim_setup *setup, struct sim **ret)
{
	struct sim *s = oslo_and_burst(setup, 2, ret);
	struct world_fault f = {.kind = WORLD_INFINITY_HALF, .until = sim_now(s) + 40 * MINUTE};

	one_node_idle(s);
	sim_expect(s, "E7", operator_stop(s, BURST_1, true));
	operator_infinity_bursting(s, true);
	world_fault_add(s->world, &f);
	sim_kill(s);
	sim_run(s, HOUR);
	sim_expect(s, "S9", stops(s) == 0);
	operator_infinity_bursting(s, false);
	sim_run(s, 5 * MINUTE);
	sim_expect(s, "E7", stops(s) == 1);
	end_quiet(s);
}

const struct sim_case doubts[] = {
	{"a conference placed before maintenance mode arrived (E1, E5)", conference_early},
	{"a conference placed right before the stop (E1, E5)", conference_late},
	{"a conference placed when the stop is decided (E1, E5)", conference_at_the_last_moment},
	{"Infinity down: nothing is stopped (D1)", infinity_down},
	{"Infinity slow: nothing is stopped (D1)", infinity_slow},
	{"Infinity gives half a page: nothing is stopped (D1)", infinity_half},
	{"Infinity gives a 500 in HTML: nothing is stopped (D1)", infinity_html},
	{"Infinity's status frozen: nothing is stopped (D1, E1)", infinity_frozen},
	{"starts on old figures (D1)", starts_on_old_figures},
	{"lists that lag a minute behind (D4)", late_lists},
	{"started and stopped by somebody else (D3)", outside_start_and_stop},
	{"somebody else's maintenance mode (E5)", outside_maintenance},
	{"our maintenance mode cleared by somebody else (D3)", drain_cleared_outside},
	{"somebody else's maintenance mode during a drain (E5)", outside_maintenance_in_drain},
	{"somebody else's maintenance mode, and a kill (E5)", outside_maintenance_and_a_kill},
	{"an instance that is missing from the lists (D4)", missing_from_lists},
	{"a stop without an answer, and lists that lag (V3)", stop_without_an_answer},
	{"a start without an answer (D4)", start_without_an_answer},
	{"a start that was decided before a long night (S4)", start_after_a_long_night},
	{"Infinity's own bursting (S9)", second_controller},
	{"a forced stop before Infinity was read (S9)", force_before_a_read},
};
const size_t n_doubts = ARRAY_LEN(doubts);

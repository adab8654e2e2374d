/*
 * Observe, decide, record, act, against fakes: intents before effects, crashes and lost answers, refusals, the last look
 * before a stop, one controller, force, races with handlers, a store that fails.
 */
#include "tests/unit/reconcile_fixture.h"

#include <dirent.h>
#include <pthread.h>

/* --- starts ---------------------------------------------------------------------------------------------------- */

/* Design rule 1: when StartInstances goes out, its intent stands in the store, with the attempt counted. */
static void intent_before_start(struct rig *g, const char *deed)
{
	struct intent i;

	if (strcmp(deed, "start"))
		return;
	i = rig_intent(g, "burst-1");
	assert_int_equal(i.state, INTENT_STARTING);
	assert_int_equal(i.attempts, 1);
	assert_string_equal(i.rule, "S2");
}

/* RULES S1 and S2 carried out, and RULE V3: history tells each event with actor, rule and reason. */
static void s2_a_start_from_end_to_end(void **state)
{
	struct rig *g = *state;
	struct decision_row *rows = NULL;
	size_t n = 0;

	g->before = intent_before_start;
	rig_look(g);
	assert_shown(g, "burst-1", PHASE_STOPPED);
	rig_short(g);
	g->s->now += 10 * SECONDS;
	rig_look(g);
	assert_int_equal(g->starts, 0); /* decided and recorded, not yet done */
	assert_intent(g, "burst-1", INTENT_STARTING);
	assert_shown(g, "burst-1", PHASE_STARTING); /* the published picture knows it already */
	rig_act(g);
	assert_int_equal(g->starts, 1);
	assert_string_equal(g->started[0], "i-2");
	assert_intent(g, "burst-1", INTENT_BOOTING);
	assert_told(g, EVENT_START, "controller", "S2", "Oslo has 3 free HD calls");
	for (int poll = 0; poll < 20; poll++) /* RULE S3: a boot of minutes starts no second node */
		rig_later(g, 10 * SECONDS);
	scene_up(scene_find(g->s, "burst-1"));
	rig_later(g, 10 * SECONDS);
	assert_told(g, EVENT_RUNNING, "controller", "S4", "210 s after its start");
	assert_intent(g, "burst-1", INTENT_DONE);
	assert_shown(g, "burst-1", PHASE_SERVING);
	assert_int_equal(g->starts, 1);
	assert_int_equal(rig_events(g, EVENT_START, NULL), 1);

	assert_ok(store_decisions_page(g->store, 2, 0, 10, &rows, &n, E));
	assert_int_equal(n, 1);
	assert_string_equal(rows[0].action, "start");
	assert_string_equal(rows[0].rule, "S2");
	assert_non_null(strstr(rows[0].json, "\"principal_free_hd_calls\":3"));
	store_decisions_free(rows, n);
}

static void killed_between_intent_and_start(void **state)
{
	struct rig *g = *state;

	rig_short(g);
	rig_look(g);
	assert_intent(g, "burst-1", INTENT_STARTING);
	rig_crash(g);
	rig_look(g);
	rig_act(g);
	rig_later(g, 10 * SECONDS);
	assert_int_equal(g->starts, 1);
	assert_intent(g, "burst-1", INTENT_BOOTING);
	assert_no_intent(g, "burst-2");
}

/* Killed inside the call, before EC2 heard of it: not sent again before the world had time to show it. */
static void killed_in_the_call_that_did_not_arrive(void **state)
{
	struct rig *g = *state;

	rig_short(g);
	rig_look(g);
	rig_rewrite(g, "burst-1", INTENT_STARTING, 1, g->s->now + 20 * SECONDS, false);
	rig_crash(g);
	rig_look(g);
	rig_act(g);
	assert_int_equal(g->starts, 0);
	assert_int_equal(g->next_at, g->s->now + 20 * SECONDS);
	rig_later(g, 20 * SECONDS);
	assert_int_equal(g->starts, 1);
	rig_later(g, 10 * SECONDS);
	assert_int_equal(g->starts, 1);
	assert_int_equal(rig_events(g, EVENT_START, NULL), 1);
}

/* Killed after the call: it was done, and is not done again; the event is not lost. */
static void killed_in_the_call_that_arrived(void **state)
{
	struct rig *g = *state;
	struct scene_node *n = scene_find(g->s, "burst-1");

	rig_short(g);
	rig_look(g);
	rig_rewrite(g, "burst-1", INTENT_STARTING, 1, g->s->now + 20 * SECONDS, false);
	n->instance.state = INSTANCE_PENDING;
	n->instance.launch_time = g->s->now;
	rig_crash(g);
	rig_later(g, 10 * SECONDS);
	rig_later(g, 20 * SECONDS);
	assert_int_equal(g->starts, 0);
	assert_intent(g, "burst-1", INTENT_BOOTING);
	assert_int_equal(rig_events(g, EVENT_START, NULL), 1);
	scene_up(n);
	rig_later(g, 10 * SECONDS);
	assert_intent(g, "burst-1", INTENT_DONE);
}

/* The answer was lost: the instance is asked for, and its own look tells before any second StartInstances. */
static void a_lost_answer_to_a_start(void **state)
{
	struct rig *g = *state;

	rig_short(g);
	g->start_error = rig_error(UPSTREAM_RETRY, "timeout");
	g->answers_lost = true;
	rig_look(g);
	rig_act(g);
	assert_int_equal(g->starts, 1);
	assert_intent(g, "burst-1", INTENT_STARTING);
	g->s->now += 5 * SECONDS;
	rig_act(g); /* before any list shows it */
	assert_int_equal(g->starts, 1);
	assert_intent(g, "burst-1", INTENT_BOOTING);
	assert_told(g, EVENT_START, "controller", "S2", "the answer to the start was lost");
	rig_later(g, 30 * SECONDS);
	assert_int_equal(rig_events(g, EVENT_START, NULL), 1);
}

static void a_start_that_did_not_arrive_is_repeated(void **state)
{
	struct rig *g = *state;

	rig_short(g);
	g->start_error = rig_error(UPSTREAM_RETRY, "timeout");
	rig_look(g);
	rig_act(g);
	g->start_error.class = UPSTREAM_OK;
	rig_later(g, 5 * SECONDS);
	assert_int_equal(g->starts, 2);
	assert_string_equal(g->started[1], "i-2");
	assert_intent(g, "burst-1", INTENT_BOOTING);
}

/* RULE S6: refused for lack of capacity: the next candidate in the same tick, the refused one rests. */
static void s6_refused_then_the_next_candidate(void **state)
{
	struct rig *g = *state;
	struct event e;

	rig_short(g);
	g->start_error = rig_error(UPSTREAM_NEXT, "InsufficientInstanceCapacity");
	g->only_refuse = "i-2";
	rig_look(g);
	rig_act(g);
	assert_intent(g, "burst-1", INTENT_FAILED);
	assert_told(g, EVENT_FAIL, "controller", "S6", "InsufficientInstanceCapacity");
	rig_control(g); /* no new report: the same tick */
	assert_intent(g, "burst-2", INTENT_STARTING);
	rig_act(g);
	assert_int_equal(g->starts, 2);
	assert_string_equal(g->started[1], "i-3");
	assert_shown(g, "burst-1", PHASE_FAILED);
	for (int poll = 0; poll < 6; poll++)
		rig_later(g, 10 * SECONDS);
	assert_int_equal(g->starts, 2);
	assert_int_equal(rig_events(g, EVENT_FAIL, &e), 1);
	assert_int_equal(e.node, scene_find(g->s, "burst-1")->id);
}

/* RULE S6: both refused: no storm; each rests its five minutes. */
static void s6_no_storm_when_all_are_refused(void **state)
{
	struct rig *g = *state;

	rig_short(g);
	g->start_error = rig_error(UPSTREAM_NEXT, "InsufficientInstanceCapacity");
	for (int poll = 0; poll < 29; poll++)
		rig_later(g, 10 * SECONDS);
	assert_int_equal(g->starts, 2);
	rig_later(g, 30 * SECONDS);
	rig_later(g, 10 * SECONDS);
	assert_int_equal(g->starts, 4);
}

/* Throttling: each candidate is asked once, the last one again, later, slower each time (RULE S6). */
static void throttled(void **state)
{
	struct rig *g = *state;

	rig_short(g);
	g->start_error = rig_error(UPSTREAM_THROTTLED, "RequestLimitExceeded");
	rig_look(g);
	rig_act(g);
	assert_int_equal(g->starts, 1);
	assert_intent(g, "burst-1", INTENT_FAILED); /* RULE S6: it gives way once */
	rig_control(g);
	rig_act(g);
	assert_int_equal(g->starts, 2);
	for (int i = 0; i < 50; i++) {
		g->s->now += 100;
		rig_control(g);
		rig_act(g);
	}
	assert_int_equal(g->starts,
			 2); /* the last candidate waits: half of 10 s with this random, and counting */
	g->start_error.class = UPSTREAM_OK;
	rig_later(g, MINUTES);
	assert_int_equal(g->starts, 3);
	assert_intent(g, "burst-2", INTENT_BOOTING);
}

/* RULE S4: two nodes are wanted: one now, however often the controller runs, the other on the next report. */
static void s4_one_start_a_tick(void **state)
{
	struct rig *g = *state;

	assert_ok(store_threshold_put(g->store, 2, 30, E)); /* more than one node carries */
	rig_short(g);
	rig_look(g);
	rig_act(g);
	for (int i = 0; i < 5; i++) {
		g->s->now += SECONDS;
		rig_control(g);
		rig_act(g);
	}
	assert_int_equal(g->starts, 1);
	assert_no_intent(g, "burst-2");
	rig_later(g, SECONDS);
	assert_int_equal(g->starts, 2);
}

/* RULE S4: a node that never comes up has failed, and the rules start another. */
static void s4_the_start_times_out(void **state)
{
	struct rig *g = *state;

	rig_short(g);
	rig_later(g, 10 * SECONDS);
	scene_find(g->s, "burst-1")->instance.state = INSTANCE_RUNNING;
	rig_later(g, 30 * SECONDS);
	rig_later(g, 10 * MINUTES);
	assert_intent(g, "burst-1", INTENT_BOOTING);
	assert_int_equal(g->starts, 1);
	rig_later(g, 10 * SECONDS);
	assert_intent(g, "burst-1", INTENT_FAILED);
	assert_int_equal(rig_events(g, EVENT_FAIL, NULL), 1);
	rig_later(g, 10 * SECONDS);
	assert_int_equal(g->starts, 2);
	assert_string_equal(g->started[1], "i-3");
}

/* --- RULE S9 ---------------------------------------------------------------------------------------------------- */

/* RULE S9: only wishes and holds start, through Infinity itself. */
static void s9_starts_go_through_infinity(void **state)
{
	struct rig *g = *state;
	struct node_wish w = {.node = scene_find(g->s, "burst-2")->id,
			      .power = WISH_POWER_ON,
			      .start_order = START_ORDER_NONE};

	g->s->infinity_bursting = true;
	rig_short(g);
	rig_later(g, 10 * SECONDS);
	assert_int_equal(g->starts + g->cloud_starts, 0);
	assert_ok(store_wish_put(g->store, &w, E));
	rig_later(g, 10 * SECONDS);
	assert_int_equal(g->starts, 0);
	assert_int_equal(g->cloud_starts, 1);
	assert_intent(g, "burst-2", INTENT_BOOTING);
	assert_told(g, EVENT_START, "wish", "S7", "power on");
}

/* RULE S9: not even a forced stop. */
static void s9_nothing_is_stopped(void **state)
{
	struct rig *g = *state;

	g->s->infinity_bursting = true;
	rig_burst_up(g);
	rig_add_intent(g, "burst-1", INTENT_STOP, INTENT_STOPPING, true);
	for (int i = 0; i < 20; i++)
		rig_later(g, 30 * SECONDS);
	assert_int_equal(g->stops, 0);
	g->s->infinity_bursting = false;
	for (int i = 0; i < 4; i++)
		rig_later(g, 30 * SECONDS);
	assert_int_equal(g->stops, 1);
}

/* --- stops ------------------------------------------------------------------------------------------------------ */

/* burst-1 is idle and past its lifetime: after this it is in maintenance mode. */
static void begin_drain(struct rig *g)
{
	rig_burst_up(g);
	rig_later(g, 10 * SECONDS);
	assert_intent(g, "burst-1", INTENT_WAITING);
	assert_int_equal(g->maintenance_on, 1);
}

/* Replicated, and idle twice since: the stop is decided, and not yet sent. */
static void decide_stop(struct rig *g)
{
	begin_drain(g);
	rig_later(g, 100 * SECONDS);
	assert_intent(g, "burst-1", INTENT_WAITING);
	g->s->now += 10 * SECONDS;
	rig_look(g);
	assert_intent(g, "burst-1", INTENT_STOPPING);
	assert_int_equal(g->stops, 0);
}

/* RULE E5 from end to end, RULE V3: drain, stop and stopped in history, and no maintenance mode left behind. */
static void e5_a_stop_from_end_to_end(void **state)
{
	struct rig *g = *state;
	struct scene_node *n = scene_find(g->s, "burst-1");

	begin_drain(g);
	assert_told(g, EVENT_DRAIN, "controller", "E3", "idle, up for 60 min");
	assert_int_equal(strncmp(g->reason, "burstd: controller: idle", 24), 0);
	assert_shown(g, "burst-1", PHASE_DRAINING);
	rig_later(g, 100 * SECONDS);
	rig_later(g, 10 * SECONDS);
	assert_int_equal(g->stops, 1);
	assert_string_equal(g->stopped, "i-2");
	assert_int_equal(rig_events(g, EVENT_STOP, NULL), 1);
	assert_shown(g, "burst-1", PHASE_STOPPING);
	assert_true(n->maintenance); /* not before it is down */
	n->instance.state = INSTANCE_STOPPED;
	rig_later(g, 30 * SECONDS);
	assert_told(g, EVENT_STOPPED, "controller", "E3", "i-2 is stopped");
	assert_false(n->maintenance);
	assert_intent(g, "burst-1", INTENT_DONE);
	rig_look(g);
	assert_shown(g, "burst-1", PHASE_STOPPED);
	assert_int_equal(g->maintenance_off, 1);
	assert_int_equal(g->stops, 1);
}

/* RULE E6: two may be stopped: one now, however often the controller runs, the other on the next report. */
static void e6_one_drain_a_tick(void **state)
{
	struct rig *g = *state;

	scene_up(scene_find(g->s, "burst-2"));
	rig_burst_up(g);
	rig_later(g, 10 * SECONDS);
	for (int i = 0; i < 5; i++) {
		g->s->now += SECONDS;
		rig_control(g);
		rig_act(g);
	}
	assert_int_equal(g->maintenance_on, 1);
	rig_later(g, SECONDS);
	assert_int_equal(g->maintenance_on, 2);
}

static void conference_before_the_look(struct rig *g, const char *deed)
{
	if (!strcmp(deed, "observe"))
		scene_find(g->s, "burst-1")->used_hd = 1;
}

/* RULE E1, the last look: a conference was placed between the decision and the stop. */
static void e1_the_last_look_finds_a_conference(void **state)
{
	struct rig *g = *state;

	decide_stop(g);
	g->before = conference_before_the_look;
	rig_act(g);
	assert_int_equal(g->stops, 0);
	assert_intent(g, "burst-1", INTENT_WAITING);
	assert_non_null(strstr(rig_intent(g, "burst-1").error, "conference"));
	for (int i = 0; i < 30; i++)
		rig_later(g, 30 * SECONDS);
	assert_int_equal(g->stops, 0); /* it waits, as long as it takes */
	g->before = NULL;
	scene_find(g->s, "burst-1")->used_hd = 0;
	for (int i = 0; i < 3; i++)
		rig_later(g, 30 * SECONDS);
	assert_int_equal(g->stops, 1);
}

static void half_a_page(struct rig *g, const char *deed)
{
	(void)deed;
	g->s->infinity_partial = true;
}

static void cleared(struct rig *g, const char *deed)
{
	(void)deed;
	scene_find(g->s, "burst-1")->maintenance = false;
}

static void frozen(struct rig *g, const char *deed)
{
	(void)deed;
	scene_find(g->s, "burst-1")->status_at = g->s->now - 3 * MINUTES;
}

static void infinity_took_over(struct rig *g, const char *deed)
{
	(void)deed;
	g->s->infinity_bursting = true;
}

static void unreachable(struct rig *g, const char *deed)
{
	(void)deed;
	g->look_error = rig_error(UPSTREAM_RETRY, "timeout");
}

/* RULES D1, E4, E5 and S9 at the last moment: anything but a clear "idle" postpones. */
static void e5_the_last_look_in_doubt(void **state)
{
	static void (*const doubts[])(struct rig *, const char *) = {half_a_page, cleared, frozen,
								     infinity_took_over, unreachable};
	void *part;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(doubts); i++) {
		struct rig *g;

		rig_setup(&part);
		g = part;
		decide_stop(g);
		g->before = doubts[i];
		rig_act(g);
		if (g->stops)
			fail_msg("doubt %zu did not hold the stop", i);
		assert_intent(g, "burst-1", INTENT_WAITING);
		rig_teardown(&part);
	}
}

/* RULE E5: demand returns before StopInstances was sent: cancelled, out of maintenance mode, serving again. */
static void e5_demand_returns(void **state)
{
	struct rig *g = *state;

	begin_drain(g);
	rig_short(g);
	rig_later(g, 10 * SECONDS);
	assert_intent(g, "burst-1", INTENT_CANCELLED);
	assert_told(g, EVENT_CANCEL, "controller", "S6", "its drain is cancelled");
	assert_false(scene_find(g->s, "burst-1")->maintenance);
	rig_later(g, 10 * SECONDS);
	assert_shown(g, "burst-1", PHASE_SERVING);
	assert_int_equal(g->starts + g->stops, 0);
}

/* RULE D3: someone took the node out of maintenance mode during the drain: called off, and the actor is `outside`. */
static void d3_maintenance_cleared_outside(void **state)
{
	struct rig *g = *state;

	begin_drain(g);
	cleared(g, "");
	scene_find(g->s, "burst-1")->status_maintenance = false;
	rig_later(g, 30 * SECONDS);
	assert_told(g, EVENT_CANCEL, "outside", "D3", "maintenance mode");
	assert_int_equal(g->stops, 0);
}

/* A lost answer to the stop: the instance goes down, and the stop is not sent twice. */
static void a_lost_answer_to_a_stop(void **state)
{
	struct rig *g = *state;

	decide_stop(g);
	g->stop_error = rig_error(UPSTREAM_RETRY, "timeout");
	g->answers_lost = true;
	rig_act(g);
	assert_int_equal(g->stops, 1);
	rig_later(g, 30 * SECONDS);
	rig_later(g, 30 * SECONDS);
	assert_int_equal(g->stops, 1);
	assert_intent(g, "burst-1", INTENT_AWAITING_STOPPED);
	assert_int_equal(rig_events(g, EVENT_STOP, NULL), 1);
}

/* The stop did not arrive: before it is sent again every rule is asked again, and meanwhile a call came. */
static void a_stop_that_did_not_arrive(void **state)
{
	struct rig *g = *state;

	decide_stop(g);
	g->stop_error = rig_error(UPSTREAM_RETRY, "timeout");
	rig_act(g);
	assert_int_equal(g->stops, 1);
	g->stop_error.class = UPSTREAM_OK;
	g->looks = 0;
	g->s->now += 20 * SECONDS;
	rig_act(g);
	assert_int_equal(g->stops, 1);
	assert_intent(g, "burst-1", INTENT_WAITING);
	scene_find(g->s, "burst-1")->used_hd = 1;
	for (int i = 0; i < 5; i++)
		rig_later(g, 30 * SECONDS);
	assert_int_equal(g->stops, 1);
}

/* Killed at the stop, and at the end: no node is left in maintenance mode. */
static void killed_during_a_stop(void **state)
{
	struct rig *g = *state;

	decide_stop(g);
	rig_crash(g);
	rig_later(g, 10 * SECONDS);
	assert_int_equal(g->stops, 1);
	rig_crash(g);
	scene_find(g->s, "burst-1")->instance.state = INSTANCE_STOPPED;
	rig_later(g, 30 * SECONDS);
	rig_crash(g);
	rig_later(g, 30 * SECONDS);
	assert_intent(g, "burst-1", INTENT_DONE);
	assert_false(scene_find(g->s, "burst-1")->maintenance);
	assert_int_equal(g->stops, 1);
	assert_int_equal(rig_events(g, EVENT_STOP, NULL), 1);
	assert_int_equal(rig_events(g, EVENT_STOPPED, NULL), 1);
}

/* Killed after the PATCH that nobody wrote down: it is made again, which is safe, and the drain goes on. */
static void killed_after_maintenance_on(void **state)
{
	struct rig *g = *state;

	rig_burst_up(g);
	g->s->now += 10 * SECONDS;
	rig_look(g);
	assert_intent(g, "burst-1", INTENT_MAINTENANCE_ON);
	rig_rewrite(g, "burst-1", INTENT_MAINTENANCE_ON, 1, g->s->now + 20 * SECONDS, false);
	scene_find(g->s, "burst-1")->maintenance = true;
	(void)snprintf(scene_find(g->s, "burst-1")->reason, 251, "burstd: controller: idle");
	rig_crash(g);
	rig_later(g, 30 * SECONDS);
	assert_intent(g, "burst-1", INTENT_WAITING);
	assert_int_equal(g->maintenance_on, 1);
}

/* EC2 refuses the stop for good: told, and the node comes out of maintenance mode. */
static void a_refused_stop(void **state)
{
	struct rig *g = *state;

	decide_stop(g);
	g->stop_error = rig_error(UPSTREAM_OPERATOR, "UnauthorizedOperation");
	rig_act(g);
	assert_told(g, EVENT_FAIL, "controller", "E5", "UnauthorizedOperation");
	rig_later(g, 10 * SECONDS);
	assert_intent(g, "burst-1", INTENT_DONE);
	assert_false(scene_find(g->s, "burst-1")->maintenance);
}

/* --- RULE E7 ---------------------------------------------------------------------------------------------------- */

/* RULE E7: force skips the drain and the look, and says so. */
static void e7_force(void **state)
{
	struct rig *g = *state;

	rig_burst_up(g);
	scene_find(g->s, "burst-1")->used_hd = 3;
	rig_add_intent(g, "burst-1", INTENT_STOP, INTENT_STOPPING, true);
	g->looks = 0;
	rig_act(g);
	assert_int_equal(g->stops, 1);
	assert_int_equal(g->looks, 0);
	assert_told(g, EVENT_STOP, "alice", "E7", "(forced)");
	scene_find(g->s, "burst-1")->instance.state = INSTANCE_STOPPED;
	rig_later(g, 30 * SECONDS);
	assert_intent(g, "burst-1", INTENT_DONE);
	assert_int_equal(g->maintenance_on + g->maintenance_off, 0); /* it never was in maintenance mode */
}

/* RULE E7: without force an operator's stop waits for the last call, whatever time it takes. */
static void e7_no_force(void **state)
{
	struct rig *g = *state;

	rig_burst_up(g);
	scene_find(g->s, "burst-1")->used_hd = 3;
	rig_add_intent(g, "burst-1", INTENT_STOP, INTENT_MAINTENANCE_ON, false);
	for (int i = 0; i < 100; i++)
		rig_later(g, MINUTES);
	assert_int_equal(g->stops, 0);
	assert_intent(g, "burst-1", INTENT_WAITING);
	scene_find(g->s, "burst-1")->used_hd = 0;
	rig_later(g, MINUTES);
	rig_later(g, MINUTES);
	assert_int_equal(g->stops, 1);
}

/* RULE E5: maintenance mode that an operator set is neither set again nor ever cleared. */
static void e5_an_operators_maintenance_mode_stays(void **state)
{
	struct rig *g = *state;
	struct scene_node *n = scene_find(g->s, "burst-1");

	n->maintenance = n->status_maintenance = true;
	(void)snprintf(n->reason, sizeof(n->reason), "disk replacement");
	rig_burst_up(g);
	rig_add_intent(g, "burst-1", INTENT_STOP, INTENT_MAINTENANCE_ON, false);
	rig_later(g, 10 * SECONDS);
	rig_later(g, 100 * SECONDS);
	rig_later(g, 10 * SECONDS);
	assert_int_equal(g->stops, 1);
	n->instance.state = INSTANCE_STOPPED;
	rig_later(g, 30 * SECONDS);
	assert_intent(g, "burst-1", INTENT_DONE);
	assert_int_equal(g->maintenance_on + g->maintenance_off, 0);
	assert_true(n->maintenance);
}

/* --- races with a handler --------------------------------------------------------------------------------------- */

static void handler_cancels(struct rig *g, const char *deed)
{
	if (strcmp(deed, "maintenance on"))
		return;
	g->before = NULL;
	rig_rewrite(g, "burst-1", INTENT_CANCELLING, 0, 0, false);
}

/* A handler cancels while the PATCH is on its way: the handler's word stands, and maintenance mode is taken back. */
static void a_cancel_during_maintenance_on(void **state)
{
	struct rig *g = *state;

	rig_burst_up(g);
	g->before = handler_cancels;
	g->s->now += 10 * SECONDS;
	rig_look(g);
	rig_act(g);
	assert_intent(g, "burst-1", INTENT_CANCELLING);
	assert_true(scene_find(g->s, "burst-1")->maintenance);
	rig_act(g);
	assert_intent(g, "burst-1", INTENT_CANCELLED);
	assert_false(scene_find(g->s, "burst-1")->maintenance);
	assert_int_equal(rig_events(g, EVENT_DRAIN, NULL), 0);
}

static void handler_forces(struct rig *g, const char *deed)
{
	if (strcmp(deed, "observe"))
		return;
	g->before = NULL;
	rig_rewrite(g, "burst-1", INTENT_STOPPING, 1, 0, true);
	scene_find(g->s, "burst-1")->used_hd = 1;
}

/* RULE E7: a handler forces the stop during the last look: what the look found does not write over it. */
static void force_during_the_last_look(void **state)
{
	struct rig *g = *state;

	decide_stop(g);
	g->before = handler_forces;
	rig_act(g);
	assert_intent(g, "burst-1", INTENT_STOPPING);
	assert_true(rig_intent(g, "burst-1").force);
	rig_act(g);
	assert_int_equal(g->stops, 1);
}

/* An operator's request for the same node came first: one open intent a node. */
static void an_operator_was_first(void **state)
{
	struct rig *g = *state;

	rig_look(g);
	rig_add_intent(g, "burst-1", INTENT_START, INTENT_STARTING, false);
	rig_short(g);
	rig_later(g, 10 * SECONDS);
	assert_int_equal(g->starts, 1);
	assert_string_equal(rig_intent(g, "burst-1").actor, "alice");
	assert_told(g, EVENT_START, "alice", "S7", "Asked for by alice");
	assert_no_intent(g, "burst-2");
}

/* --- doubt ------------------------------------------------------------------------------------------------------ */

/* RULE D1: a failed read is not an empty platform, a part is not the whole: the last whole report stands, and ages. */
static void d1_a_failed_or_partial_read(void **state)
{
	struct rig *g = *state;
	struct picture *p;

	begin_drain(g);
	g->look_error = rig_error(UPSTREAM_RETRY, "html_answer");
	for (int i = 0; i < 30; i++)
		rig_later(g, 10 * SECONDS);
	g->look_error.class = UPSTREAM_OK;
	g->s->infinity_partial = true;
	for (int i = 0; i < 30; i++)
		rig_later(g, 10 * SECONDS);
	assert_int_equal(g->stops, 0);
	assert_intent(g, "burst-1", INTENT_WAITING);
	assert_shown(g, "burst-1", PHASE_DRAINING);
	p = reconciler_picture(g->r);
	assert_int_equal(p->n_nodes, 3);
	assert_false(p->infinity_fresh);
	assert_non_null(p->sources[0].error);
	picture_unref(p);
}

/* RULE D1: while Infinity is silent load starts nothing after a minute; a wish still does. */
static void d1_load_waits_and_wishes_go_on(void **state)
{
	struct rig *g = *state;
	struct node_wish w = {.node = scene_find(g->s, "burst-2")->id,
			      .power = WISH_POWER_ON,
			      .start_order = START_ORDER_NONE};
	struct bursting_settings settings;

	rig_look(g);
	g->look_error = rig_error(UPSTREAM_RETRY, "timeout");
	rig_later(g, 61 * SECONDS);
	assert_ok(store_settings_get(g->store, &settings, E));
	settings.bursting_threshold = 40; /* short, by figures of a minute ago */
	assert_ok(store_settings_put(g->store, &settings, NULL, NULL, E));
	rig_later(g, SECONDS);
	assert_int_equal(g->starts, 0);
	assert_ok(store_wish_put(g->store, &w, E));
	rig_later(g, SECONDS);
	assert_int_equal(g->starts, 1);
	assert_string_equal(g->started[0], "i-3");
}

/* RULE D3, RULE V3: started and stopped behind our back: in history, by `outside`, and taken as the new state. */
static void d3_outside_acts_are_recorded(void **state)
{
	struct rig *g = *state;
	struct scene_node *n = scene_find(g->s, "burst-1");

	rig_look(g);
	n->instance.launch_time = g->s->now + 5 * SECONDS;
	n->instance.state = INSTANCE_PENDING;
	rig_later(g, 10 * SECONDS);
	assert_told(g, EVENT_START, "outside", "D3", "without a start of burstd's");
	scene_up(n);
	rig_later(g, 30 * SECONDS);
	for (int i = 0; i < 40; i++)
		rig_later(g, 30 * SECONDS); /* RULE E2: idle, but its lifetime began with that launch */
	assert_int_equal(g->maintenance_on, 0);
	n->instance.state = INSTANCE_STOPPED;
	rig_later(g, 10 * SECONDS);
	assert_told(g, EVENT_STOP, "outside", "D3", "without a stop of burstd's");
}

/* RULE D3, RULE V3: somebody else was faster than our actor: nothing is sent, and history says who did it. */
static void d3_somebody_else_was_faster(void **state)
{
	struct rig *g = *state;
	struct scene_node *n = scene_find(g->s, "burst-1");

	rig_short(g);
	rig_look(g);
	assert_intent(g, "burst-1", INTENT_STARTING);
	n->instance.state = INSTANCE_PENDING;
	n->instance.launch_time = g->s->now;
	rig_later(g, 5 * SECONDS);
	assert_int_equal(g->starts, 0);
	assert_intent(g, "burst-1", INTENT_BOOTING);
	assert_told(g, EVENT_START, "outside", "D3", "somebody else was faster");
	assert_int_equal(rig_events(g, EVENT_START, NULL), 1);
}

/*
 * RULE D4: EC2's lists lag behind: a started node is not started again, nor given up, on a list from before, that shows the
 * launch from before. "Stopped" with the launch of our start is another matter: EC2 took it back.
 */
static void d4_lagging_lists(void **state)
{
	struct rig *g = *state;
	struct scene_node *n = scene_find(g->s, "burst-1");
	int64_t launched;

	rig_short(g);
	rig_look(g);
	rig_act(g);
	launched = n->instance.launch_time;
	n->instance.state = INSTANCE_STOPPED;
	n->instance.launch_time = SCENE_NOW - 60 * MINUTES;
	for (int i = 0; i < 6; i++)
		rig_later(g, 10 * SECONDS);
	assert_shown(g, "burst-1", PHASE_STARTING);
	assert_intent(g, "burst-1", INTENT_BOOTING);
	assert_int_equal(g->starts, 1);
	n->instance.launch_time = launched;
	rig_later(g, 10 * SECONDS);
	assert_intent(g, "burst-1", INTENT_FAILED);
	assert_told(g, EVENT_FAIL, "controller", "S6", "went back to stopped");
}

/* --- record ----------------------------------------------------------------------------------------------------- */

/* What could not be written did not happen: the next pass notices the same again, and tells it once. */
static void a_store_that_fails_leaves_the_tracks(void **state)
{
	struct rig *g = *state;
	struct scene_node *n = scene_find(g->s, "burst-1");
	bool recorded;
	struct error e = {0};

	rig_look(g);
	n->instance.state = INSTANCE_PENDING;
	n->instance.launch_time = g->s->now;
	g->s->now += 10 * SECONDS;
	raw(g->store->db, "PRAGMA query_only = ON");
	(void)reconcile_observe_ec2(g->r, 0, &g->ec2);
	assert_int_not_equal(reconcile_control(g->r, g->store, &g->next_at, &recorded, &e), ERR_OK);
	assert_true(g->next_at > g->s->now); /* and it will be tried again */
	assert_shown(g, "burst-1", PHASE_STOPPED);
	raw(g->store->db, "PRAGMA query_only = OFF");
	rig_control(g);
	rig_control(g);
	assert_shown(g, "burst-1", PHASE_STARTING);
	assert_int_equal(rig_events(g, EVENT_START, NULL), 1);
}

/* An outcome that could not be written leaves the intent open; the world is asked before anything is repeated. */
static void read_only(struct rig *g, const char *deed)
{
	if (!strcmp(deed, "start"))
		raw(g->store->db, "PRAGMA query_only = ON");
}

static void a_store_that_fails_after_the_start(void **state)
{
	struct rig *g = *state;

	rig_short(g);
	rig_look(g);
	g->before = read_only;
	rig_act(g);
	assert_int_equal(g->starts, 1);
	raw(g->store->db, "PRAGMA query_only = OFF");
	assert_intent(g, "burst-1", INTENT_STARTING);
	for (int i = 0; i < 4; i++)
		rig_later(g, 10 * SECONDS);
	assert_int_equal(g->starts, 1);
	assert_intent(g, "burst-1", INTENT_BOOTING);
	assert_int_equal(rig_events(g, EVENT_START, NULL), 1);
}

/* RULE S8: a hold starts its node; its end is told, and the node may be stopped then. */
static void s8_a_hold_from_end_to_end(void **state)
{
	struct rig *g = *state;
	struct hold h = {.location = 2,
			 .count = 1,
			 .until = SCENE_NOW + 90 * MINUTES,
			 .reason = "all hands",
			 .owner = "alice",
			 .created_at = SCENE_NOW};

	assert_ok(store_hold_add(g->store, &h, E));
	rig_later(g, 10 * SECONDS);
	assert_told(g, EVENT_START, "hold:1", "S8", "a hold wants the node up");
	scene_up(scene_find(g->s, "burst-1"));
	for (int i = 0; i < 88; i++)
		rig_later(g, MINUTES);
	assert_int_equal(g->maintenance_on, 0);
	rig_later(g, 2 * MINUTES);
	assert_told(g, EVENT_HOLD, "alice", "S8", "ended");
	rig_later(g, MINUTES);
	assert_int_equal(g->maintenance_on, 1);
	assert_int_equal(rig_events(g, EVENT_HOLD, NULL), 1);
}

/* RULE V4: whatever the upstream systems do, the picture is made anew well within 15 s. */
static void v4_the_picture_is_renewed(void **state)
{
	struct rig *g = *state;
	struct picture *p;

	rig_look(g);
	g->look_error = rig_error(UPSTREAM_RETRY, "timeout");
	for (int i = 0; i < 10; i++) {
		int64_t before = g->s->now;

		assert_true(g->next_at > before && g->next_at <= before + 15 * SECONDS);
		g->s->now = g->next_at;
		rig_control(g);
		p = reconciler_picture(g->r);
		assert_int_equal(p->made_at, g->s->now);
		picture_unref(p);
	}
}

/* A pass with nothing new writes nothing. */
static void quiet_passes_write_nothing(void **state)
{
	struct rig *g = *state;
	int changes;

	rig_look(g);
	rig_look(g);
	changes = sqlite3_total_changes(g->store->db);
	for (int i = 0; i < 10; i++)
		rig_later(g, 10 * SECONDS);
	/* But for a sample of both locations in each new minute, of which there are two. */
	assert_int_equal(sqlite3_total_changes(g->store->db), changes + 2 * 2);
}

/* A node that is gone from Infinity's configuration: its operation ends. */
static void a_node_that_was_deleted(void **state)
{
	struct rig *g = *state;

	rig_burst_up(g);
	g->s->now += 10 * SECONDS;
	rig_look(g);
	g->maintenance_error = rig_error(UPSTREAM_OPERATOR, "not_found");
	g->maintenance_error.http_status = 404;
	rig_act(g);
	assert_intent(g, "burst-1", INTENT_ABANDONED);
	assert_told(g, EVENT_CANCEL, "controller", "D3", "no longer configured");
}

/* A wished maintenance mode is applied, and told. */
static void a_wished_maintenance_mode(void **state)
{
	struct rig *g = *state;
	struct node_wish w = {.node = scene_find(g->s, "oslo-1")->id,
			      .maintenance = WISH_TRUE,
			      .start_order = START_ORDER_NONE};

	rig_look(g);
	assert_ok(store_wish_put(g->store, &w, E));
	rig_later(g, 10 * SECONDS);
	assert_true(scene_find(g->s, "oslo-1")->maintenance);
	assert_told(g, EVENT_MAINTENANCE, "wish", "E7", "on");
	rig_later(g, 10 * SECONDS);
	assert_int_equal(g->maintenance_on, 1);
}

/* --- RULE E8 ---------------------------------------------------------------------------------------------------- */

static void scan_for(const char *path, const char *const *words, size_t n)
{
	static char text[1 << 20];
	FILE *f = fopen(path, "r");
	size_t len;

	assert_non_null(f);
	len = fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	assert_true(len > 0 && len < sizeof(text) - 1);
	text[len] = '\0';
	for (size_t i = 0; i < n; i++)
		if (strstr(text, words[i]))
			fail_msg("%s names %s", path, words[i]);
}

/* Every file of the folder but those whose names begin with `except`; how many. */
static int scan_folder(const char *folder, const char *except, const char *const *words, size_t n)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int files = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		char path[400];

		if (entry->d_name[0] == '.' || (except && !strncmp(entry->d_name, except, strlen(except))))
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		scan_for(path, words, n);
		files++;
	}
	(void)closedir(dir);
	return files;
}

/*
 * RULE E8: the reconciler's hands are these twelve functions and no more, and the EC2 client that bursting uses has
 * no word for making, ending, changing or tagging an instance: those are in manage.c, which bursting and reconciler do not know. Infinity's: read, maintenance mode, start, and four for locations.
 */
static void e8_no_such_function(void **state)
{
	static const char *const banned[] = {"RunInstances", "TerminateInstances", "CreateTags", "DeleteTags",
					     "RebootInstances"};
	static const char *const bursting[] = {"bursting", "reconcile"};
	static const char *const theirs[] = {"ec2/manage", "infinity/resource", "lifecycle/"};

	(void)state;
	assert_int_equal(sizeof(struct ec2_port), 6 * sizeof(void *));
	assert_int_equal(sizeof(struct infinity_port), 8 * sizeof(void *));
	assert_true(scan_folder("clients/ec2", "manage", banned, ARRAY_LEN(banned)) > 10);
	for (size_t i = 0; i < ARRAY_LEN(bursting); i++)
		assert_true(scan_folder(bursting[i], NULL, theirs, ARRAY_LEN(theirs)) > 3);
}

/* --- threads ---------------------------------------------------------------------------------------------------- */

struct crew {
	struct rig *g;
	struct store *controller, *actor;
	int rounds;
};

static void *observer(void *arg)
{
	struct crew *c = arg;

	for (int i = 0; i < c->rounds; i++) {
		(void)reconcile_observe_infinity(c->g->r, &c->g->infinity);
		(void)reconcile_observe_ec2(c->g->r, 0, &c->g->ec2);
	}
	return NULL;
}

static void *controller(void *arg)
{
	struct crew *c = arg;
	int64_t next_at;
	bool recorded;

	for (int i = 0; i < c->rounds; i++)
		(void)reconcile_control(c->g->r, c->controller, &next_at, &recorded, NULL);
	return NULL;
}

static void *actor(void *arg)
{
	struct crew *c = arg;
	int64_t next_at;

	for (int i = 0; i < c->rounds; i++)
		(void)reconcile_act_ec2(c->g->r, 0, c->actor, &c->g->ec2, &c->g->infinity, &next_at);
	return NULL;
}

static void *reader(void *arg)
{
	struct crew *c = arg;

	for (int i = 0; i < 20 * c->rounds; i++) {
		struct picture *p = reconciler_picture(c->g->r);

		assert_true(p->n_nodes == 0 || p->nodes[0].name[0]);
		picture_unref(p);
	}
	return NULL;
}

/* The steps side by side, as the worker threads run them: the scene stands still, the refused start goes round. */
static void steps_side_by_side(void **state)
{
	static void *(*const roles[])(void *) = {observer, controller, actor, reader};
	struct rig *g = *state;
	struct crew c = {.g = g, .rounds = 40};
	struct bursting_settings settings = bursting_defaults;
	pthread_t threads[ARRAY_LEN(roles)];

	settings.enabled = true;
	c.controller = fixture_open(g->f);
	c.actor = fixture_open(g->f);
	assert_ok(store_settings_put(c.controller, &settings, NULL, NULL, E));
	rig_short(g);
	g->start_error = rig_error(UPSTREAM_NEXT, "InsufficientInstanceCapacity");
	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, roles[i], &c), 0);
	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_true(g->starts <= 2); /* RULE S6: each was refused at most once, whoever was faster */
	store_close(c.controller);
	store_close(c.actor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(s2_a_start_from_end_to_end),
		RIG_TEST(killed_between_intent_and_start),
		RIG_TEST(killed_in_the_call_that_did_not_arrive),
		RIG_TEST(killed_in_the_call_that_arrived),
		RIG_TEST(a_lost_answer_to_a_start),
		RIG_TEST(a_start_that_did_not_arrive_is_repeated),
		RIG_TEST(s6_refused_then_the_next_candidate),
		RIG_TEST(s6_no_storm_when_all_are_refused),
		RIG_TEST(throttled),
		RIG_TEST(s4_one_start_a_tick),
		RIG_TEST(s4_the_start_times_out),
		RIG_TEST(s9_starts_go_through_infinity),
		RIG_TEST(s9_nothing_is_stopped),
		RIG_TEST(e5_a_stop_from_end_to_end),
		RIG_TEST(e6_one_drain_a_tick),
		RIG_TEST(e1_the_last_look_finds_a_conference),
		cmocka_unit_test(e5_the_last_look_in_doubt),
		RIG_TEST(e5_demand_returns),
		RIG_TEST(d3_maintenance_cleared_outside),
		RIG_TEST(a_lost_answer_to_a_stop),
		RIG_TEST(a_stop_that_did_not_arrive),
		RIG_TEST(killed_during_a_stop),
		RIG_TEST(killed_after_maintenance_on),
		RIG_TEST(a_refused_stop),
		RIG_TEST(e7_force),
		RIG_TEST(e7_no_force),
		RIG_TEST(e5_an_operators_maintenance_mode_stays),
		RIG_TEST(a_cancel_during_maintenance_on),
		RIG_TEST(force_during_the_last_look),
		RIG_TEST(an_operator_was_first),
		RIG_TEST(d1_a_failed_or_partial_read),
		RIG_TEST(d1_load_waits_and_wishes_go_on),
		RIG_TEST(d3_outside_acts_are_recorded),
		RIG_TEST(d3_somebody_else_was_faster),
		RIG_TEST(d4_lagging_lists),
		RIG_TEST(a_store_that_fails_leaves_the_tracks),
		RIG_TEST(a_store_that_fails_after_the_start),
		RIG_TEST(s8_a_hold_from_end_to_end),
		RIG_TEST(v4_the_picture_is_renewed),
		RIG_TEST(quiet_passes_write_nothing),
		RIG_TEST(a_node_that_was_deleted),
		RIG_TEST(a_wished_maintenance_mode),
		cmocka_unit_test(e8_no_such_function),
		RIG_TEST(steps_side_by_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What operators and schedules want, whatever the load says: wishes (RULES S7 and E7) and holds (RULE S8). */
#include "tests/unit/build_picture.h"

/* --- S7: wishes of power ----------------------------------------------------------------------------------- */

/* RULE S7: any bursting node, at any time: nobody is short, bursting is off, the figures are old, Infinity bursts itself. */
static void s7_a_wish_starts_at_any_time(void **state)
{
	struct build *b = *state;
	struct location *burst = build_overflow(b, "AWS burst");

	build_stopped(b, "burst-1")->wish_power = WISH_POWER_ON;
	build_stopped(b, "burst-2");
	burst->figures_at = NOW - 60 * MINUTES;
	b->p.infinity_fresh = false;
	b->p.settings.enabled = false;
	b->p.settings.mode = MODE_OBSERVE;
	b->p.infinity_bursting = true;
	build_decide(b);
	assert_decisions(b, 1);
	assert_decided(b, "burst-1", DECIDE_START, REASON_WISH_ON);
	assert_string_equal(decision_reason_rule(decision_on(b, "burst-1")->reason), "S7");
}

/* RULE S7 is not bound to one start a tick: an operator who wants three gets three. */
static void s7_several_at_once(void **state)
{
	struct build *b = *state;
	struct location *burst = build_overflow(b, "AWS burst");

	build_stopped(b, "burst-1")->wish_power = WISH_POWER_ON;
	build_stopped(b, "burst-2")->wish_power = WISH_POWER_ON;
	build_stopped(b, "burst-3")->wish_power = WISH_POWER_ON;
	build_tick(b, burst, TICK, TICK);
	build_decide(b);
	assert_decisions(b, 3);
}

/* RULE S7: a wish for a node that is up, coming, resting or in an operation is no start. */
static void s7_nothing_to_start(void **state)
{
	struct build *b = *state;

	build_overflow(b, "AWS burst");
	build_serving(b, "burst-1", 9)->wish_power = WISH_POWER_ON;
	build_starting(b, "burst-2")->wish_power = WISH_POWER_ON;
	build_stopped(b, "burst-3")->wish_power = WISH_POWER_ON;
	b->nodes[2].resting = true;
	build_stopped(b, "burst-4")->wish_power = WISH_POWER_ON;
	build_intent(b, &b->nodes[3], INTENT_START, INTENT_STARTING);
	build_stopped(b, "always-on")->wish_power = WISH_POWER_ON;
	b->nodes[4].bursting = false;
	build_decide(b);
	assert_decisions(b, 0);
}

/* RULE S7: the wished node is on its way: load does not start a second one in the same pass, nor the same one twice. */
static void s7_a_wished_start_counts_as_coming(void **state)
{
	struct build *b = *state;

	build_principal(b, "Oslo", 0);
	build_overflow(b, "AWS burst");
	build_stopped(b, "burst-1")->wish_power = WISH_POWER_ON;
	build_stopped(b, "burst-2");
	build_decide(b);
	assert_decisions(b, 1);
	assert_decided(b, "burst-1", DECIDE_START, REASON_WISH_ON);
}

/* RULE S7, RULE E5: the wish calls off an automatic drain of the node. */
static void s7_a_wish_calls_the_drain_off(void **state)
{
	struct build *b = *state;

	build_overflow(b, "AWS burst");
	build_draining(b, "burst-1")->wish_power = WISH_POWER_ON;
	build_decide(b);
	assert_decisions(b, 1);
	assert_decided(b, "burst-1", DECIDE_CANCEL, REASON_WISH_ON);
}

/* RULE S7, RULE S2: what the wish calls back is on its way; load starts no other node beside it. */
static void s7_a_node_called_back_counts_as_coming(void **state)
{
	struct build *b = *state;

	build_principal(b, "Oslo", 0);
	build_overflow(b, "AWS burst");
	build_draining(b, "burst-1")->wish_power = WISH_POWER_ON;
	build_stopped(b, "burst-2");
	build_decide(b);
	assert_decisions(b, 1);
	assert_decided(b, "burst-1", DECIDE_CANCEL, REASON_WISH_ON);
}

/* RULE E3: a node whose power is wished on is not stopped. */
static void e3_a_wished_node_is_kept(void **state)
{
	struct build *b = *state;

	build_overflow(b, "AWS burst");
	build_serving(b, "burst-1", NODE_HD)->wish_power = WISH_POWER_ON;
	build_decide(b);
	assert_refused(b, "burst-1", REASON_HELD);
}

/* --- E7: an operator's wish to stop ------------------------------------------------------------------------ */

/* RULE E7: the same phases: it begins with a drain, though the node is busy, young and needed. */
static void e7_a_wish_drains(void **state)
{
	struct build *b = *state;
	struct node *n;

	build_principal(b, "Oslo", 0);
	build_overflow(b, "AWS burst");
	n = build_serving(b, "burst-1", 3);
	n->wish_power = WISH_POWER_OFF;
	n->started_at = NOW - MINUTES;
	build_decide(b);
	assert_decided(b, "burst-1", DECIDE_DRAIN, REASON_WISH_OFF);
}

/* RULE E7: a node wished off is no candidate for a start. */
static void e7_a_node_wished_off_stays_off(void **state)
{
	struct build *b = *state;
	struct location *burst;

	build_principal(b, "Oslo", 0);
	burst = build_overflow(b, "AWS burst");
	build_stopped(b, "burst-1")->wish_power = WISH_POWER_OFF;
	build_decide(b);
	assert_nothing(b, burst, REASON_NO_CANDIDATE);
}

/* RULE S9: nobody stops anything through burstd while Infinity controls. RULE D2: nor a node in doubt. */
static void e7_no_wish_against_doubt_or_infinity(void **state)
{
	struct build *b = *state;

	build_overflow(b, "AWS burst");
	build_serving(b, "burst-1", NODE_HD)->wish_power = WISH_POWER_OFF;
	b->p.infinity_bursting = true;
	build_decide(b);
	assert_decisions(b, 0);

	b->p.infinity_bursting = false;
	b->nodes[0].phase = PHASE_UNKNOWN;
	build_decide(b);
	assert_decisions(b, 0);
}

/* --- wishes of maintenance mode ---------------------------------------------------------------------------- */

static void maintenance_wishes(void **state)
{
	struct build *b = *state;
	struct node *n;

	build_location(b, "Oslo", LOCATION_OTHER);
	n = build_stopped(b, "oslo-1");
	n->bursting = false; /* any node may be wished into maintenance mode */
	n->wish_maintenance = WISH_TRUE;
	build_decide(b);
	assert_decided(b, "oslo-1", DECIDE_MAINTENANCE_ON, REASON_WISH_MAINTENANCE);

	n->maintenance_configured = true;
	build_decide(b);
	assert_decisions(b, 0);

	n->wish_maintenance = WISH_FALSE;
	build_decide(b);
	assert_decided(b, "oslo-1", DECIDE_MAINTENANCE_OFF, REASON_WISH_MAINTENANCE);

	build_intent(b, n, INTENT_MAINTENANCE, INTENT_APPLYING);
	build_decide(b);
	assert_decisions(b, 0);
}

/* A field without a wish is left as it is: adopting a running platform changes nothing on it. */
static void no_wish_changes_nothing(void **state)
{
	struct build *b = *state;

	build_location(b, "Oslo", LOCATION_OTHER);
	build_stopped(b, "oslo-1")->maintenance_configured = true;
	build_stopped(b, "oslo-2");
	build_decide(b);
	assert_decisions(b, 0);
}

/* --- S8: holds --------------------------------------------------------------------------------------------- */

/* RULE S8: a hold on a node starts it, whatever the switches say, and the decision names the hold. */
static void s8_a_hold_on_a_node(void **state)
{
	struct build *b = *state;
	struct node *n;

	build_overflow(b, "AWS burst");
	build_stopped(b, "burst-1");
	n = build_stopped(b, "burst-2");
	build_hold(b, n, NULL, 0)->id = 7;
	b->p.settings.enabled = false;
	b->p.infinity_bursting = true;
	build_decide(b);
	assert_decisions(b, 1);
	assert_decided(b, "burst-2", DECIDE_START, REASON_HOLD);
	assert_int_equal(decision_on(b, "burst-2")->hold, 7);
}

/* RULE S8: "two nodes of O": one a tick (RULE S4), until two are up or coming. */
static void s8_a_hold_on_a_count(void **state)
{
	struct build *b = *state;
	struct location *burst = build_overflow(b, "AWS burst");

	build_serving(b, "burst-1", 9);
	build_stopped(b, "burst-2");
	build_stopped(b, "burst-3");
	build_hold(b, NULL, burst, 3);
	build_decide(b);
	assert_decisions(b, 1);
	assert_decided(b, "burst-2", DECIDE_START, REASON_HOLD);

	b->nodes[1].phase = PHASE_STARTING;
	b->nodes[1].pending_hd = NODE_HD;
	build_decide(b);
	assert_decided(b, "burst-3", DECIDE_START, REASON_HOLD);

	b->holds[0].count = 2;
	build_decide(b);
	assert_decisions(b, 0);
}

/* RULE S8: several holds on one location do not add up. */
static void s8_the_largest_count_counts(void **state)
{
	struct build *b = *state;
	struct location *burst = build_overflow(b, "AWS burst");

	build_serving(b, "burst-1", 9);
	build_serving(b, "burst-2", 9);
	build_stopped(b, "burst-3");
	build_hold(b, NULL, burst, 1);
	build_hold(b, NULL, burst, 2);
	build_decide(b);
	assert_decisions(b, 0);
}

/* RULE S4 holds for holds too. */
static void s4_one_start_a_tick_for_holds(void **state)
{
	struct build *b = *state;
	struct location *burst = build_overflow(b, "AWS burst");
	struct node *one = build_stopped(b, "burst-1"), *two = build_stopped(b, "burst-2");

	build_hold(b, one, NULL, 0);
	build_hold(b, two, NULL, 0);
	build_hold(b, NULL, burst, 2);
	build_decide(b);
	assert_decisions(b, 1);

	build_tick(b, burst, TICK, 0);
	build_decide(b);
	assert_decisions(b, 0);
}

/* RULE S4: a start for a hold is the location's start: load does not add another one on the same figures. */
static void s4_a_hold_and_load_together(void **state)
{
	struct build *b = *state;
	struct location *burst;

	build_principal(b, "Oslo", 0);
	burst = build_overflow(b, "AWS burst");
	build_stopped(b, "burst-1");
	build_stopped(b, "burst-2");
	build_hold(b, NULL, burst, 1);
	build_decide(b);
	assert_decisions(b, 1);
}

/* RULE S8, RULE E3: a held node is not drained; nor is the last that a count wants. */
static void s8_holds_shield(void **state)
{
	struct build *b = *state;
	struct location *burst = build_overflow(b, "AWS burst");
	struct node *one = build_serving(b, "burst-1", NODE_HD);

	build_hold(b, one, NULL, 0);
	build_decide(b);
	assert_refused(b, "burst-1", REASON_HELD);

	b->p.n_holds = 0;
	build_hold(b, NULL, burst, 1);
	build_decide(b);
	assert_refused(b, "burst-1", REASON_HELD);

	b->p.n_holds = 0;
	build_decide(b);
	assert_decided(b, "burst-1", DECIDE_DRAIN, REASON_IDLE_UNNEEDED);
}

/* RULE S8: a count shields as many as it says and no more. */
static void s8_a_count_shields_no_more(void **state)
{
	struct build *b = *state;
	struct location *burst = build_overflow(b, "AWS burst");

	build_serving(b, "burst-1", NODE_HD);
	build_serving(b, "burst-2", NODE_HD);
	build_hold(b, NULL, burst, 1);
	build_decide(b);
	assert_decisions(b, 1);
	assert_int_equal(b->plan.decisions[0].action, DECIDE_DRAIN);
}

/* RULE S8, RULE E5: a hold that comes during a drain calls it off. */
static void s8_a_hold_calls_a_drain_off(void **state)
{
	struct build *b = *state;
	struct node *n;

	build_overflow(b, "AWS burst");
	n = build_draining(b, "burst-1");
	build_hold(b, n, NULL, 0);
	build_decide(b);
	assert_decisions(b, 1);
	assert_decided(b, "burst-1", DECIDE_CANCEL, REASON_HOLD);
}

static void s8_a_count_takes_a_draining_node_back(void **state)
{
	struct build *b = *state;
	struct location *burst = build_overflow(b, "AWS burst");

	build_draining(b, "burst-1");
	build_stopped(b, "burst-2");
	build_hold(b, NULL, burst, 1);
	build_decide(b);
	assert_decisions(b, 1);
	assert_decided(b, "burst-1", DECIDE_TAKE_BACK, REASON_HOLD);
}

/* RULE S8: what a hold on the node calls back is one of those that a hold on the location wants. */
static void s8_a_node_called_back_counts_for_the_location(void **state)
{
	struct build *b = *state;
	struct location *burst = build_overflow(b, "AWS burst");
	struct node *n = build_draining(b, "burst-1");

	build_stopped(b, "burst-2");
	build_hold(b, n, NULL, 0);
	build_hold(b, NULL, burst, 1);
	build_decide(b);
	assert_decisions(b, 1);
	assert_decided(b, "burst-1", DECIDE_CANCEL, REASON_HOLD);
}

/* Fifty holds on one node are one decision: the plan has room for a few decisions a node. */
static void s8_many_holds_on_one_node(void **state)
{
	struct build *b = *state;
	struct node *n;

	build_overflow(b, "AWS burst");
	n = build_draining(b, "burst-1");
	for (int i = 0; i < 50; i++)
		build_hold(b, n, NULL, 0);
	build_decide(b);
	assert_decisions(b, 1);
}

/* RULE S8: a hold names a node or a location that Infinity no longer knows. */
static void s8_a_hold_on_nothing(void **state)
{
	struct build *b = *state;
	struct location gone = {.id = 999};
	struct node nowhere = {.id = 999};

	build_overflow(b, "AWS burst");
	build_stopped(b, "burst-1");
	build_hold(b, &nowhere, NULL, 0);
	build_hold(b, NULL, &gone, 1);
	build_decide(b);
	assert_decisions(b, 0);
}

/* The end of a hold is a time at which waiting alone changes the plan. */
static void s8_the_end_of_a_hold_is_looked_at(void **state)
{
	struct build *b = *state;
	struct location *burst = build_overflow(b, "AWS burst");

	build_serving(b, "burst-1", 9);
	build_hold(b, NULL, burst, 1)->until = NOW + 3 * SECONDS;
	build_hold(b, NULL, burst, 1)->until = NOW + 9 * SECONDS;
	build_decide(b);
	assert_int_equal(b->plan.next_at, NOW + 3 * SECONDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BUILD_TEST(s7_a_wish_starts_at_any_time),
		BUILD_TEST(s7_several_at_once),
		BUILD_TEST(s7_nothing_to_start),
		BUILD_TEST(s7_a_wished_start_counts_as_coming),
		BUILD_TEST(s7_a_wish_calls_the_drain_off),
		BUILD_TEST(s7_a_node_called_back_counts_as_coming),
		BUILD_TEST(e3_a_wished_node_is_kept),
		BUILD_TEST(e7_a_wish_drains),
		BUILD_TEST(e7_a_node_wished_off_stays_off),
		BUILD_TEST(e7_no_wish_against_doubt_or_infinity),
		BUILD_TEST(maintenance_wishes),
		BUILD_TEST(no_wish_changes_nothing),
		BUILD_TEST(s8_a_hold_on_a_node),
		BUILD_TEST(s8_a_hold_on_a_count),
		BUILD_TEST(s8_the_largest_count_counts),
		BUILD_TEST(s4_one_start_a_tick_for_holds),
		BUILD_TEST(s4_a_hold_and_load_together),
		BUILD_TEST(s8_holds_shield),
		BUILD_TEST(s8_a_count_shields_no_more),
		BUILD_TEST(s8_a_hold_calls_a_drain_off),
		BUILD_TEST(s8_a_count_takes_a_draining_node_back),
		BUILD_TEST(s8_a_node_called_back_counts_for_the_location),
		BUILD_TEST(s8_many_holds_on_one_node),
		BUILD_TEST(s8_a_hold_on_nothing),
		BUILD_TEST(s8_the_end_of_a_hold_is_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

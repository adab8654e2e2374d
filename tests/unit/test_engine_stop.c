/* The engine's stopping rules, RULES E1 to E8: which idle node is drained, and what becomes of drains under way. */
#include "tests/unit/build_picture.h"

/* One idle node that nothing keeps from being drained; each test adds what does. */
static struct node *idle_node(struct build *b)
{
	build_principal(b, "Oslo", 40);
	build_overflow(b, "AWS burst");
	return build_serving(b, "burst-1", NODE_HD);
}

static void all_rules_hold(void **state)
{
	struct build *b = *state;
	struct node *n = idle_node(b);

	build_decide(b);
	assert_decisions(b, 1);
	assert_decided(b, "burst-1", DECIDE_DRAIN, REASON_IDLE_UNNEEDED);
	assert_int_equal(decision_on(b, "burst-1")->figures.up_ms, NOW - n->started_at);
}

/* --- E1 ---------------------------------------------------------------------------------------------------- */

/* RULE E1: idle in two consecutive reads; one is not enough, and a busy last read spoils any number before it. */
static void e1_idle_twice(void **state)
{
	struct build *b = *state;
	struct node *n = idle_node(b);

	n->idle_reads = 1;
	build_decide(b);
	assert_refused(b, "burst-1", REASON_BUSY);

	n->idle_reads = 9;
	n->idle = false;
	build_decide(b);
	assert_refused(b, "burst-1", REASON_BUSY);
}

/* --- E2 ---------------------------------------------------------------------------------------------------- */

/* RULE E2: the minimum lifetime, to the millisecond; and the engine asks to be run when it ends. */
static void e2_the_minimum_lifetime(void **state)
{
	struct build *b = *state;
	struct node *n = idle_node(b);

	n->started_at = NOW - 50 * MINUTES + 1;
	build_decide(b);
	assert_refused(b, "burst-1", REASON_LIFETIME);
	assert_int_equal(b->plan.next_at, NOW + 1);

	n->started_at = NOW - 50 * MINUTES;
	build_decide(b);
	assert_decided(b, "burst-1", DECIDE_DRAIN, REASON_IDLE_UNNEEDED);
}

/* RULE E2: a node whose start nobody knows is not old enough. */
static void e2_an_unknown_start(void **state)
{
	struct build *b = *state;

	idle_node(b)->started_at = 0;
	build_decide(b);
	assert_refused(b, "burst-1", REASON_LIFETIME);
}

/* --- E3 ---------------------------------------------------------------------------------------------------- */

/* RULE E3: with the node gone, RULE S2 would fire. */
static void e3_a_principal_is_short(void **state)
{
	struct build *b = *state;

	idle_node(b);
	b->locations[0].free_hd = 5;
	build_decide(b);
	assert_refused(b, "burst-1", REASON_NEEDED);

	b->locations[0].free_hd = 6;
	build_decide(b);
	assert_decided(b, "burst-1", DECIDE_DRAIN, REASON_IDLE_UNNEEDED);
}

/* RULE E3: with the node gone, RULE S3 would fire: the other one is in use and leaves too little. */
static void e3_the_others_would_be_short(void **state)
{
	struct build *b = *state;

	idle_node(b);
	build_serving(b, "burst-2", 5);
	build_decide(b);
	assert_refused(b, "burst-1", REASON_NEEDED);

	b->nodes[1].free_hd = 6;
	b->locations[1].free_hd++;
	build_decide(b);
	assert_decided(b, "burst-1", DECIDE_DRAIN, REASON_IDLE_UNNEEDED);
}

/* RULE E3: what another start will bring is counted. */
static void e3_another_is_coming(void **state)
{
	struct build *b = *state;

	idle_node(b);
	b->locations[0].free_hd = 5;
	build_starting(b, "burst-2");
	build_decide(b);
	assert_decided(b, "burst-1", DECIDE_DRAIN, REASON_IDLE_UNNEEDED);
}

/* --- E4, D1 ------------------------------------------------------------------------------------------------ */

/* RULE E4, RULE D1: stale or partial data begin no drain, from whichever upstream system. */
static void e4_the_data_are_good(void **state)
{
	struct build *b = *state;
	struct node *n = idle_node(b);

	b->p.infinity_fresh = false;
	build_decide(b);
	assert_refused(b, "burst-1", REASON_STALE);

	b->p.infinity_fresh = true;
	n->instance_fresh = false;
	build_decide(b);
	assert_refused(b, "burst-1", REASON_STALE);
}

/* RULE D2: a node in doubt is never stopped, and shown. */
static void d2_unknown_is_never_stopped(void **state)
{
	struct build *b = *state;

	idle_node(b)->phase = PHASE_UNKNOWN;
	build_decide(b);
	assert_refused(b, "burst-1", REASON_CONTRADICTION);
	assert_decisions(b, 0);
}

/* --- E6 ---------------------------------------------------------------------------------------------------- */

/* RULE E6: the one started last goes first, and only that one. */
static void e6_the_youngest_first(void **state)
{
	struct build *b = *state;

	idle_node(b)->started_at = NOW - 90 * MINUTES;
	build_serving(b, "burst-2", NODE_HD)->started_at = NOW - 60 * MINUTES;
	build_serving(b, "burst-3", NODE_HD)->started_at = NOW - 70 * MINUTES;
	build_decide(b);
	assert_decisions(b, 1);
	assert_decided(b, "burst-2", DECIDE_DRAIN, REASON_IDLE_UNNEEDED);
	assert_refused(b, "burst-1", REASON_ONE_PER_TICK);
	assert_refused(b, "burst-3", REASON_ONE_PER_TICK);
}

/* RULE E6: one per location and tick. */
static void e6_one_a_tick(void **state)
{
	struct build *b = *state;

	idle_node(b);
	build_tick(b, &b->locations[1], 0, TICK);
	build_decide(b);
	assert_decisions(b, 0);

	b->ticks[0].drain_tick = TICK - 1;
	build_decide(b);
	assert_decided(b, "burst-1", DECIDE_DRAIN, REASON_IDLE_UNNEEDED);
}

/* RULE E6: none in a tick that started one. */
static void e6_none_after_a_start(void **state)
{
	struct build *b = *state;

	idle_node(b);
	build_tick(b, &b->locations[1], TICK, 0);
	build_decide(b);
	assert_decisions(b, 0);
}

/* --- nodes that are not ours to drain ---------------------------------------------------------------------- */

static void no_drain_of_others(void **state)
{
	struct build *b = *state;
	struct node *n = idle_node(b);

	n->bursting = false;
	build_decide(b);
	assert_decisions(b, 0);

	n->bursting = true;
	n->maintenance_configured = true; /* an operator's maintenance mode is an operator's work */
	build_decide(b);
	assert_decisions(b, 0);

	n->maintenance_configured = false;
	build_intent(b, n, INTENT_MAINTENANCE, INTENT_APPLYING);
	build_decide(b);
	assert_decisions(b, 0);

	n->intent = NULL;
	n->resting = true; /* its stop was refused a moment ago */
	build_decide(b);
	assert_decisions(b, 0);
}

/* A node with an open life-cycle operation, whatever its state, is that operation's alone. */
static void no_drain_of_a_node_in_an_operation(void **state)
{
	static const enum intent_state open[] = {INTENT_WORKING, INTENT_NEEDS_PERSON, INTENT_HALTED,
						 INTENT_UNDOING};
	struct build *b = *state;
	struct node *n = idle_node(b);

	for (int kind = INTENT_DEPLOY_NODE; kind < INTENT_KINDS; kind++)
		for (size_t i = 0; i < ARRAY_LEN(open); i++) {
			build_intent(b, n, (enum intent_kind)kind, open[i]);
			build_decide(b);
			assert_decisions(b, 0);
			n->wish_power = WISH_POWER_OFF;
			build_decide(b);
			assert_decisions(b, 0);
			n->wish_power = WISH_POWER_NONE;
			n->ours = n->maintenance = n->maintenance_configured = true;
			n->wish_maintenance = WISH_FALSE; /* the operation set it, and takes it back */
			build_decide(b);
			assert_decisions(b, 0);
			n->ours = n->maintenance = n->maintenance_configured = false;
			n->wish_maintenance = WISH_NONE;
		}
	n->intent = NULL;
	build_decide(b);
	assert_decided(b, "burst-1", DECIDE_DRAIN, REASON_IDLE_UNNEEDED);
}

static void switched_off(void **state)
{
	struct build *b = *state;

	idle_node(b);
	b->p.settings.enabled = false;
	build_decide(b);
	assert_decisions(b, 0);

	b->p.settings.enabled = true;
	b->p.settings.mode = MODE_OBSERVE;
	build_decide(b);
	assert_decisions(b, 0);

	b->p.settings.mode = MODE_CONTROL;
	b->p.infinity_bursting = true; /* RULE S9 */
	build_decide(b);
	assert_decisions(b, 0);
}

/* --- E5: drains under way ---------------------------------------------------------------------------------- */

static struct node *draining_node(struct build *b)
{
	build_principal(b, "Oslo", 40);
	build_overflow(b, "AWS burst");
	return build_draining(b, "burst-1");
}

/* RULE E5: replicated, and idle twice since: it may be stopped. */
static void e5_drained(void **state)
{
	struct build *b = *state;

	draining_node(b);
	build_decide(b);
	assert_decisions(b, 1);
	assert_decided(b, "burst-1", DECIDE_STOP, REASON_DRAINED);
}

/* RULE E5: 90 s from Infinity's acknowledgement, and the engine asks to be run then. */
static void e5_the_replication_wait(void **state)
{
	struct build *b = *state;
	struct intent *i = intent_of_node(b, draining_node(b));

	i->maintenance_at = NOW - 89 * SECONDS;
	build_decide(b);
	assert_refused(b, "burst-1", REASON_REPLICATING);
	assert_int_equal(b->plan.next_at, NOW + SECONDS);

	i->state = INTENT_MAINTENANCE_ON; /* not even acknowledged */
	i->maintenance_at = 0;
	b->nodes[0].maintenance_configured = false;
	build_decide(b);
	assert_refused(b, "burst-1", REASON_REPLICATING);
}

/* RULE E5, RULE E1: both idle reads are from after the replication. */
static void e5_idle_reads_from_before_do_not_count(void **state)
{
	struct build *b = *state;
	struct node *n = draining_node(b);
	int64_t replicated = intent_of_node(b, n)->maintenance_at + 90 * SECONDS;

	n->idle_read[1] = replicated - 1;
	build_decide(b);
	assert_refused(b, "burst-1", REASON_DRAIN_BUSY);

	n->idle_read[1] = replicated;
	build_decide(b);
	assert_decided(b, "burst-1", DECIDE_STOP, REASON_DRAINED);
}

/* RULE E5: a conference that was placed between drain and stop: it waits, and nothing is stopped. */
static void e5_a_call_on_a_drained_node(void **state)
{
	struct build *b = *state;
	struct node *n = draining_node(b);

	n->idle = false;
	n->conferences = 1;
	build_decide(b);
	assert_refused(b, "burst-1", REASON_DRAIN_BUSY);

	n->idle = true;
	n->idle_reads = 1;
	build_decide(b);
	assert_refused(b, "burst-1", REASON_DRAIN_BUSY);
}

/* RULE E4 for the second phase: doubt freezes it. */
static void e5_stale_data_stop_nothing(void **state)
{
	struct build *b = *state;
	struct node *n = draining_node(b);

	b->p.infinity_fresh = false;
	build_decide(b);
	assert_refused(b, "burst-1", REASON_STALE);

	b->p.infinity_fresh = true;
	n->instance_fresh = false;
	build_decide(b);
	assert_refused(b, "burst-1", REASON_STALE);
}

static void e5_a_pause_after_a_failed_try(void **state)
{
	struct build *b = *state;

	intent_of_node(b, draining_node(b))->next_at = NOW + 20 * SECONDS;
	build_decide(b);
	assert_refused(b, "burst-1", REASON_BACKOFF);
	assert_int_equal(b->plan.next_at, NOW + 20 * SECONDS);
}

/* RULE E5: demand returned while it was being drained, and no node could be started instead: called off. */
static void e5_demand_returned(void **state)
{
	struct build *b = *state;

	draining_node(b);
	b->locations[0].free_hd = 3;
	build_tick(b, &b->locations[1], TICK, 0); /* RULE S4: this tick's start was made */
	build_decide(b);
	assert_decisions(b, 1);
	assert_decided(b, "burst-1", DECIDE_CANCEL, REASON_DEMAND_RETURNED);
}

/* RULE E5: one return of demand calls off one drain, if that is enough. */
static void e5_one_is_enough(void **state)
{
	struct build *b = *state;

	draining_node(b);
	build_draining(b, "burst-2");
	b->locations[0].free_hd = 3;
	build_tick(b, &b->locations[1], TICK, 0);
	build_decide(b);
	assert_decisions(b, 2);
	assert_decided(b, "burst-1", DECIDE_CANCEL, REASON_DEMAND_RETURNED);
	assert_decided(b, "burst-2", DECIDE_STOP, REASON_DRAINED);
}

/* RULE E5: demand that is read from old figures calls nothing off, and stops nothing. */
static void e5_old_figures_decide_nothing(void **state)
{
	struct build *b = *state;

	draining_node(b);
	b->locations[0].free_hd = 0;
	b->locations[0].figures_at = b->locations[1].figures_at = NOW - 5 * MINUTES;
	b->p.infinity_fresh = false;
	build_decide(b);
	assert_refused(b, "burst-1", REASON_STALE);
}

/* RULE E5: no cancel once StopInstances may have been sent. */
static void e5_too_late_to_cancel(void **state)
{
	struct build *b = *state;

	intent_of_node(b, draining_node(b))->state = INTENT_STOPPING;
	b->locations[0].free_hd = 0;
	build_decide(b);
	assert_decisions(b, 0);
}

/* Switched off, observing, or Infinity took over (RULE S9): automatic drains are called off. */
static void e5_switched_off_during_a_drain(void **state)
{
	struct build *b = *state;

	draining_node(b);
	b->p.settings.enabled = false;
	build_decide(b);
	assert_decided(b, "burst-1", DECIDE_CANCEL, REASON_DISABLED);

	b->p.settings.enabled = true;
	b->p.settings.mode = MODE_OBSERVE;
	build_decide(b);
	assert_decided(b, "burst-1", DECIDE_CANCEL, REASON_DISABLED);

	b->p.settings.mode = MODE_CONTROL;
	b->p.infinity_bursting = true;
	build_decide(b);
	assert_decided(b, "burst-1", DECIDE_CANCEL, REASON_TWO_CONTROLLERS);
}

/* RULE D3: someone took the node out of maintenance mode: on a read from well after the acknowledgement, that is so. */
static void d3_maintenance_cleared_by_someone(void **state)
{
	struct build *b = *state;
	struct node *n = draining_node(b);
	struct intent *i = intent_of_node(b, n);

	n->maintenance_configured = false;
	build_decide(b);
	assert_decided(b, "burst-1", DECIDE_CANCEL, REASON_OUTSIDE_CANCEL);

	i->maintenance_at = NOW - 5 * SECONDS; /* the read may be from before it: no conclusion */
	build_decide(b);
	assert_refused(b, "burst-1", REASON_REPLICATING);
}

/* --- E7 ---------------------------------------------------------------------------------------------------- */

static struct intent *operators_drain(struct build *b)
{
	struct intent *i = intent_of_node(b, draining_node(b));

	(void)snprintf(i->actor, sizeof(i->actor), "alice");
	return i;
}

/* RULE E7: demand, holds, lifetime and the switches do not call an operator's stop off. */
static void e7_an_operators_stop_goes_on(void **state)
{
	struct build *b = *state;

	operators_drain(b);
	b->nodes[0].started_at = NOW - 10 * MINUTES;
	b->locations[0].free_hd = 0;
	build_hold(b, &b->nodes[0], NULL, 0);
	b->p.settings.enabled = false;
	build_decide(b);
	assert_decisions(b, 1);
	assert_decided(b, "burst-1", DECIDE_STOP, REASON_DRAINED);
}

/* RULE E7: the same phases: it waits for the last call, without limit. */
static void e7_it_waits_for_the_last_call(void **state)
{
	struct build *b = *state;
	struct intent *i = operators_drain(b);

	i->created_at = i->maintenance_at = NOW - 24 * 60 * MINUTES;
	b->nodes[0].idle = false;
	build_decide(b);
	assert_refused(b, "burst-1", REASON_DRAIN_BUSY);
}

/* RULE S9: an operator's stop waits too while Infinity's own bursting is on. */
static void e7_it_waits_for_one_controller(void **state)
{
	struct build *b = *state;

	operators_drain(b);
	b->p.infinity_bursting = true;
	build_decide(b);
	assert_refused(b, "burst-1", REASON_TWO_CONTROLLERS);
}

/* RULE E7: a forced stop is the actor's alone. */
static void e7_force_asks_the_engine_nothing(void **state)
{
	struct build *b = *state;

	operators_drain(b)->force = true;
	b->nodes[0].idle = false;
	build_decide(b);
	assert_decisions(b, 0);
}

/* --- E8 ---------------------------------------------------------------------------------------------------- */

/* RULE E8: the engine has no word for making, ending or retagging an instance. */
static void e8_no_such_decision(void **state)
{
	static const char *const banned[] = {"terminate", "create", "run",   "tag",
					     "modify",    "delete", "reboot"};

	(void)state;
	assert_int_equal(DECISION_ACTION_COUNT, 8);
	for (int i = 0; i < DECISION_ACTION_COUNT; i++)
		for (size_t k = 0; k < sizeof(banned) / sizeof(banned[0]); k++)
			assert_null(strstr(decision_action_text((enum decision_action)i), banned[k]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BUILD_TEST(all_rules_hold),
		BUILD_TEST(e1_idle_twice),
		BUILD_TEST(e2_the_minimum_lifetime),
		BUILD_TEST(e2_an_unknown_start),
		BUILD_TEST(e3_a_principal_is_short),
		BUILD_TEST(e3_the_others_would_be_short),
		BUILD_TEST(e3_another_is_coming),
		BUILD_TEST(e4_the_data_are_good),
		BUILD_TEST(d2_unknown_is_never_stopped),
		BUILD_TEST(e6_the_youngest_first),
		BUILD_TEST(e6_one_a_tick),
		BUILD_TEST(e6_none_after_a_start),
		BUILD_TEST(no_drain_of_others),
		BUILD_TEST(no_drain_of_a_node_in_an_operation),
		BUILD_TEST(switched_off),
		BUILD_TEST(e5_drained),
		BUILD_TEST(e5_the_replication_wait),
		BUILD_TEST(e5_idle_reads_from_before_do_not_count),
		BUILD_TEST(e5_a_call_on_a_drained_node),
		BUILD_TEST(e5_stale_data_stop_nothing),
		BUILD_TEST(e5_a_pause_after_a_failed_try),
		BUILD_TEST(e5_demand_returned),
		BUILD_TEST(e5_one_is_enough),
		BUILD_TEST(e5_old_figures_decide_nothing),
		BUILD_TEST(e5_too_late_to_cancel),
		BUILD_TEST(e5_switched_off_during_a_drain),
		BUILD_TEST(d3_maintenance_cleared_by_someone),
		BUILD_TEST(e7_an_operators_stop_goes_on),
		BUILD_TEST(e7_it_waits_for_the_last_call),
		BUILD_TEST(e7_it_waits_for_one_controller),
		BUILD_TEST(e7_force_asks_the_engine_nothing),
		BUILD_TEST(e8_no_such_decision),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

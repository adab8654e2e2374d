/* The engine's starting rules, RULES S1 to S6, and the two switches above them (RULES S9 and D1). */
#include "tests/unit/build_picture.h"

/* Oslo with `free_hd` free HD calls in front of AWS burst, which is returned. */
static struct location *oslo_and_burst(struct build *b, int free_hd)
{
	build_principal(b, "Oslo", free_hd);
	return build_overflow(b, "AWS burst");
}

/* --- S1, S2 ------------------------------------------------------------------------------------------------ */

/* RULE S1: at the threshold counts as short. */
static void s1_short_at_the_threshold(void **state)
{
	struct build *b = *state;

	oslo_and_burst(b, 5);
	build_stopped(b, "burst-1");
	build_decide(b);
	assert_decisions(b, 1);
	assert_decided(b, "burst-1", DECIDE_START, REASON_PRINCIPAL_SHORT);
}

/* RULE S1: one above it does not. */
static void s1_not_short_above_it(void **state)
{
	struct build *b = *state;
	struct location *burst = oslo_and_burst(b, 6);

	build_stopped(b, "burst-1");
	build_decide(b);
	assert_nothing(b, burst, REASON_QUIET);
	assert_int_equal(evaluation_at(b, burst)->distance_hd, 1);
}

/* RULE S1: T(P) is the location's own where it has one. */
static void s1_own_threshold(void **state)
{
	struct build *b = *state;
	struct location *burst;

	build_principal(b, "Oslo", 6)->threshold = 6;
	burst = build_overflow(b, "AWS burst");
	build_stopped(b, "burst-1");
	build_decide(b);
	assert_decided(b, "burst-1", DECIDE_START, REASON_PRINCIPAL_SHORT);

	b->locations[0].threshold = 5;
	build_decide(b);
	assert_nothing(b, burst, REASON_QUIET);
}

/* RULE S1: any one principal is enough, and the figures name the shortest. */
static void s1_the_shortest_of_two_principals(void **state)
{
	struct build *b = *state;
	const struct decision *d;

	build_principal(b, "Oslo", 40);
	build_principal(b, "Bergen", 3);
	b->locations[0].overflow1 = 2;
	build_overflow(b, "AWS burst");
	build_stopped(b, "burst-1");
	build_decide(b);
	d = decision_on(b, "burst-1");
	assert_non_null(d);
	assert_int_equal(d->figures.principal, 1);
	assert_int_equal(d->figures.principal_free_hd, 3);
	assert_int_equal(d->figures.principal_threshold, 5);
}

/* RULE S2: with a node up, the principal's shortness alone starts nothing. */
static void s2_only_the_first_node(void **state)
{
	struct build *b = *state;
	struct location *burst = oslo_and_burst(b, 0);

	build_serving(b, "burst-1", 10);
	build_stopped(b, "burst-2");
	build_decide(b);
	assert_nothing(b, burst, REASON_QUIET);
}

/* RULE S2: a starting node is on its way, whatever time it takes. */
static void s2_a_starting_node_counts(void **state)
{
	struct build *b = *state;
	struct location *burst = oslo_and_burst(b, 0);

	build_starting(b, "burst-1");
	build_stopped(b, "burst-2");
	build_decide(b);
	assert_nothing(b, burst, REASON_PENDING_SUFFICES);
}

/* A node that a life-cycle operation starts may be stopped again by its next step: it is not on its way to callers. */
static void s2_a_node_in_an_operation_does_not_count(void **state)
{
	struct build *b = *state;
	struct node *n;

	oslo_and_burst(b, 0);
	n = build_starting(b, "burst-1");
	build_intent(b, n, INTENT_RESIZE, INTENT_WORKING);
	n->pending_hd = 0; /* so says the join */
	build_intent(b, build_stopped(b, "burst-2"), INTENT_CONVERT, INTENT_HALTED);
	build_stopped(b, "burst-3");
	build_decide(b);
	assert_decisions(b, 1);
	assert_decided(b, "burst-3", DECIDE_START, REASON_PRINCIPAL_SHORT);
	assert_int_equal(evaluation_at(b, &b->locations[1])->figures.candidates, 1);
}

/* Neither load nor a wish nor a hold starts what an operation has stopped. */
static void s7_a_node_in_an_operation_is_not_started(void **state)
{
	struct build *b = *state;
	struct node *n;

	oslo_and_burst(b, 0);
	n = build_stopped(b, "burst-1");
	n->wish_power = WISH_POWER_ON;
	build_hold(b, n, NULL, 0);
	for (int kind = INTENT_DEPLOY_NODE; kind < INTENT_KINDS; kind++) {
		build_intent(b, n, (enum intent_kind)kind, INTENT_WORKING);
		build_decide(b);
		assert_decisions(b, 0);
	}
	n->intent = NULL;
	build_decide(b);
	assert_decided(b, "burst-1", DECIDE_START, REASON_WISH_ON);
}

/* RULE S2 looks at O's own nodes: another overflow location's are no help. */
static void s2_each_overflow_location_by_itself(void **state)
{
	struct build *b = *state;

	oslo_and_burst(b, 2);
	build_stopped(b, "burst-1");
	build_principal(b, "Paris", 60);
	build_overflow(b, "AWS Paris");
	build_serving(b, "paris-1", 10);
	build_stopped(b, "paris-2");
	build_decide(b);
	assert_decisions(b, 1);
	assert_decided(b, "burst-1", DECIDE_START, REASON_PRINCIPAL_SHORT);
}

/* --- S3 ---------------------------------------------------------------------------------------------------- */

/* RULE S3: O at its own threshold starts the next node; equality counts. */
static void s3_the_next_node_at_the_threshold(void **state)
{
	struct build *b = *state;

	oslo_and_burst(b, 0);
	build_serving(b, "burst-1", 5);
	build_stopped(b, "burst-2");
	build_decide(b);
	assert_decisions(b, 1);
	assert_decided(b, "burst-2", DECIDE_START, REASON_OVERFLOW_SHORT);
}

static void s3_not_above_the_threshold(void **state)
{
	struct build *b = *state;
	struct location *burst = oslo_and_burst(b, 0);

	build_serving(b, "burst-1", 6);
	build_stopped(b, "burst-2");
	build_decide(b);
	assert_nothing(b, burst, REASON_QUIET);
	assert_int_equal(evaluation_at(b, burst)->distance_hd, 1);
}

/* RULE S3: the principals' own free calls do not count any more. */
static void s3_without_a_short_principal(void **state)
{
	struct build *b = *state;

	oslo_and_burst(b, 50);
	build_serving(b, "burst-1", 3);
	build_stopped(b, "burst-2");
	build_decide(b);
	assert_decided(b, "burst-2", DECIDE_START, REASON_OVERFLOW_SHORT);
}

/* RULE S3, RULE S4: what is booting counts as capacity; without that each poll would start one more. */
static void s3_pending_capacity_counts(void **state)
{
	struct build *b = *state;
	struct location *burst = oslo_and_burst(b, 0);

	build_serving(b, "burst-1", 2);
	build_starting(b, "burst-2");
	build_stopped(b, "burst-3");
	build_decide(b);
	assert_nothing(b, burst, REASON_PENDING_SUFFICES);
	assert_int_equal(evaluation_at(b, burst)->figures.pending_hd, NODE_HD);
}

/* RULE S3: pending capacity that does not suffice is no reason to wait. */
static void s3_pending_capacity_too_small(void **state)
{
	struct build *b = *state;

	oslo_and_burst(b, 0);
	build_serving(b, "burst-1", 1);
	build_starting(b, "burst-2")->pending_hd = 4;
	build_stopped(b, "burst-3");
	build_decide(b);
	assert_decided(b, "burst-3", DECIDE_START, REASON_OVERFLOW_SHORT);
}

/* RULE S3: threshold 17 with nodes of 17, idle: always at its threshold, and yet nothing runs away. */
static void s3_no_runaway_while_unused(void **state)
{
	struct build *b = *state;
	struct location *burst = oslo_and_burst(b, 50);

	burst->threshold = NODE_HD;
	build_serving(b, "burst-1", NODE_HD)->started_at = NOW - MINUTES;
	build_stopped(b, "burst-2");
	build_decide(b);
	assert_nothing(b, burst, REASON_OVERFLOW_SHORT_UNUSED);
	assert_string_equal(decision_reason_rule(evaluation_at(b, burst)->reason), "S3");
}

/* RULE S3: the same, in use: now a node more is what the threshold asks for. */
static void s3_threshold_of_a_whole_node_in_use(void **state)
{
	struct build *b = *state;

	oslo_and_burst(b, 50)->threshold = NODE_HD;
	build_serving(b, "burst-1", NODE_HD - 1);
	build_stopped(b, "burst-2");
	build_decide(b);
	assert_decided(b, "burst-2", DECIDE_START, REASON_OVERFLOW_SHORT);
}

/* RULE S3: an empty location whose principal is short is about to be used. */
static void s3_unused_but_a_principal_is_short(void **state)
{
	struct build *b = *state;

	oslo_and_burst(b, 1)->threshold = NODE_HD;
	build_serving(b, "burst-1", NODE_HD);
	build_stopped(b, "burst-2");
	build_decide(b);
	assert_decided(b, "burst-2", DECIDE_START, REASON_OVERFLOW_SHORT);
}

/* --- S4 ---------------------------------------------------------------------------------------------------- */

/* RULE S4: a start on this very report is enough, however often the engine runs on it. */
static void s4_one_start_a_tick(void **state)
{
	struct build *b = *state;
	struct location *burst = oslo_and_burst(b, 0);

	build_stopped(b, "burst-1");
	build_tick(b, burst, TICK, 0);
	build_decide(b);
	assert_nothing(b, burst, REASON_ALREADY_STARTED);

	b->ticks[0].start_tick = TICK - 1;
	build_decide(b);
	assert_decided(b, "burst-1", DECIDE_START, REASON_PRINCIPAL_SHORT);
}

/* RULE S4: one in a pass, though three nodes could start and far more is missing. */
static void s4_one_start_in_a_pass(void **state)
{
	struct build *b = *state;

	oslo_and_burst(b, 0)->threshold = 100;
	build_serving(b, "burst-1", 0);
	build_stopped(b, "burst-2");
	build_stopped(b, "burst-3");
	build_decide(b);
	assert_decisions(b, 1);
}

/* RULE S4: per location: two of them start one each. */
static void s4_per_location(void **state)
{
	struct build *b = *state;

	oslo_and_burst(b, 0);
	build_stopped(b, "burst-1");
	build_principal(b, "Paris", 0);
	build_overflow(b, "AWS Paris");
	build_stopped(b, "paris-1");
	build_tick(b, &b->locations[1], TICK, 0);
	build_decide(b);
	assert_decisions(b, 1);
	assert_decided(b, "paris-1", DECIDE_START, REASON_PRINCIPAL_SHORT);
}

/* RULE S4: a failed start brings nothing: another node is started. */
static void s4_a_failed_node_does_not_count(void **state)
{
	struct build *b = *state;

	oslo_and_burst(b, 0);
	build_stopped(b, "burst-1")->phase = PHASE_FAILED;
	build_stopped(b, "burst-2");
	build_decide(b);
	assert_decided(b, "burst-2", DECIDE_START, REASON_PRINCIPAL_SHORT);
}

/* --- S5 ---------------------------------------------------------------------------------------------------- */

/* RULE S5: a secondary overflow link is never a reason to start. */
static void s5_secondary_never_starts(void **state)
{
	struct build *b = *state;
	struct location *oslo = build_location(b, "Oslo", LOCATION_OTHER);
	struct location *burst = build_overflow(b, "AWS burst");

	oslo->has_always_on = true;
	oslo->overflow2 = 1;
	burst->only_secondary = true;
	build_stopped(b, "burst-1");
	build_decide(b);
	assert_nothing(b, burst, REASON_QUIET);
}

/* RULE S5: with a primary and a secondary burst location, only the first one starts. */
static void s5_the_primary_starts_the_secondary_does_not(void **state)
{
	struct build *b = *state;

	oslo_and_burst(b, 0);
	build_stopped(b, "burst-1");
	build_overflow(b, "AWS far");
	build_stopped(b, "far-1");
	b->locations[0].overflow2 = 2;
	build_decide(b);
	assert_decisions(b, 1);
	assert_decided(b, "burst-1", DECIDE_START, REASON_PRINCIPAL_SHORT);
}

/* --- S6 ---------------------------------------------------------------------------------------------------- */

/* RULE S6: nodes stand in the picture by the operator's order, then name; the first that may start is taken. */
static void s6_first_in_order(void **state)
{
	struct build *b = *state;

	oslo_and_burst(b, 0);
	build_stopped(b, "burst-1");
	build_stopped(b, "burst-2");
	build_decide(b);
	assert_decided(b, "burst-1", DECIDE_START, REASON_PRINCIPAL_SHORT);
	assert_int_equal(decision_on(b, "burst-1")->figures.candidates, 2);
}

/* RULE S6: one that failed a while ago comes last, but it comes. */
static void s6_a_recent_failure_goes_behind(void **state)
{
	struct build *b = *state;
	struct node *first, *second;

	oslo_and_burst(b, 0);
	first = build_stopped(b, "burst-1");
	second = build_stopped(b, "burst-2");
	first->failed_recently = true;
	build_decide(b);
	assert_decided(b, "burst-2", DECIDE_START, REASON_PRINCIPAL_SHORT);

	second->failed_recently = true;
	build_decide(b);
	assert_decided(b, "burst-1", DECIDE_START, REASON_PRINCIPAL_SHORT);
}

/* RULE S6: a refused node rests. */
static void s6_a_resting_node_is_not_tried(void **state)
{
	struct build *b = *state;
	struct location *burst = oslo_and_burst(b, 0);

	build_stopped(b, "burst-1")->resting = true;
	build_decide(b);
	assert_nothing(b, burst, REASON_NO_CANDIDATE);
}

/* RULE S6: what may not be started at all: busy with an operation, parked by an operator, wished off, not transcoding. */
static void s6_nodes_that_are_no_candidates(void **state)
{
	struct build *b = *state;
	struct location *burst = oslo_and_burst(b, 0);

	build_intent(b, build_stopped(b, "burst-1"), INTENT_MAINTENANCE, INTENT_APPLYING);
	build_stopped(b, "burst-2")->maintenance_configured = true;
	build_stopped(b, "burst-3")->wish_power = WISH_POWER_OFF;
	build_stopped(b, "burst-4")->role = ROLE_PROXYING;
	build_stopped(b, "burst-5")->phase = PHASE_STOPPING;
	build_stopped(b, "burst-6")->phase = PHASE_UNKNOWN;
	build_stopped(b, "burst-7")->instance = NULL; /* vanished from EC2's lists */
	build_stopped(b, "always-on")->bursting = false;
	build_decide(b);
	assert_nothing(b, burst, REASON_NO_CANDIDATE);
	assert_int_equal(evaluation_at(b, burst)->figures.candidates, 0);
}

/* RULE S6: a draining node is taken back before any stopped one starts. */
static void s6_a_draining_node_is_taken_back(void **state)
{
	struct build *b = *state;

	oslo_and_burst(b, 0);
	build_stopped(b, "burst-1");
	build_draining(b, "burst-2");
	build_decide(b);
	assert_decisions(b, 1);
	assert_decided(b, "burst-2", DECIDE_TAKE_BACK, REASON_TAKEN_BACK);
}

/* RULE S6, RULE E5: of two, the one whose drain began last: it is the least far gone. */
static void s6_the_youngest_drain_is_taken_back(void **state)
{
	struct build *b = *state;

	oslo_and_burst(b, 0);
	intent_of_node(b, build_draining(b, "burst-1"))->created_at = NOW - 3 * MINUTES;
	intent_of_node(b, build_draining(b, "burst-2"))->created_at = NOW - 2 * MINUTES;
	build_decide(b);
	assert_decided(b, "burst-2", DECIDE_TAKE_BACK, REASON_TAKEN_BACK);
	assert_int_equal(decision_on(b, "burst-1")->action, DECIDE_STOP); /* the other one is drained */
}

/* RULE S6: a drain whose stop may have been sent cannot be taken back, nor an operator's (RULE E7). */
static void s6_a_drain_that_cannot_be_taken_back(void **state)
{
	struct build *b = *state;
	struct intent *theirs;

	oslo_and_burst(b, 0);
	intent_of_node(b, build_draining(b, "burst-1"))->state = INTENT_STOPPING;
	theirs = intent_of_node(b, build_draining(b, "burst-2"));
	(void)snprintf(theirs->actor, sizeof(theirs->actor), "alice");
	theirs->maintenance_at = NOW; /* not yet replicated: nothing else to decide about it */
	build_stopped(b, "burst-3");
	build_decide(b);
	assert_decisions(b, 1);
	assert_decided(b, "burst-3", DECIDE_START, REASON_PRINCIPAL_SHORT);
}

/* --- the switches above ------------------------------------------------------------------------------------ */

/* RULE D1: load-driven starts only on figures younger than a minute. */
static void d1_stale_figures_start_nothing(void **state)
{
	struct build *b = *state;
	struct location *burst = oslo_and_burst(b, 0);

	build_stopped(b, "burst-1");
	burst->figures_at = NOW - 61 * SECONDS;
	build_decide(b);
	assert_nothing(b, burst, REASON_STALE);

	burst->figures_at = NOW - 60 * SECONDS;
	build_decide(b);
	assert_decided(b, "burst-1", DECIDE_START, REASON_PRINCIPAL_SHORT);
}

static void off_until_enabled(void **state)
{
	struct build *b = *state;
	struct location *burst = oslo_and_burst(b, 0);

	build_stopped(b, "burst-1");
	b->p.settings.enabled = false;
	build_decide(b);
	assert_nothing(b, burst, REASON_DISABLED);
}

/* Observing: the decision is shown in the evaluation, and none is made. */
static void observing_shows_and_does_nothing(void **state)
{
	struct build *b = *state;
	struct location *burst = oslo_and_burst(b, 0);

	build_stopped(b, "burst-1");
	b->p.settings.mode = MODE_OBSERVE;
	build_decide(b);
	assert_nothing(b, burst, REASON_PRINCIPAL_SHORT);
	assert_int_equal(evaluation_at(b, burst)->action, DECIDE_START);
}

/* RULE S9: with Infinity's own bursting on, load is its business. */
static void s9_infinity_controls(void **state)
{
	struct build *b = *state;
	struct location *burst = oslo_and_burst(b, 0);

	build_stopped(b, "burst-1");
	b->p.infinity_bursting = true;
	build_decide(b);
	assert_nothing(b, burst, REASON_TWO_CONTROLLERS);
}

/* The plan's memory is reused: what an earlier pass decided is gone from the next one. */
static void a_plan_starts_empty(void **state)
{
	struct build *b = *state;
	struct location *burst = oslo_and_burst(b, 0);
	struct node *n = build_stopped(b, "burst-1");

	build_decide(b);
	assert_decisions(b, 1);
	n->phase = PHASE_STARTING;
	n->pending_hd = NODE_HD;
	build_decide(b);
	assert_nothing(b, burst, REASON_PENDING_SUFFICES);
	assert_int_equal(b->plan.n_evaluations, 1);
}

static void an_empty_picture(void **state)
{
	struct build *b = *state;

	build_decide(b);
	assert_decisions(b, 0);
	assert_int_equal(b->plan.n_evaluations, 0);
	assert_int_equal(b->plan.next_at, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BUILD_TEST(s1_short_at_the_threshold),
		BUILD_TEST(s1_not_short_above_it),
		BUILD_TEST(s1_own_threshold),
		BUILD_TEST(s1_the_shortest_of_two_principals),
		BUILD_TEST(s2_only_the_first_node),
		BUILD_TEST(s2_a_starting_node_counts),
		BUILD_TEST(s2_a_node_in_an_operation_does_not_count),
		BUILD_TEST(s7_a_node_in_an_operation_is_not_started),
		BUILD_TEST(s2_each_overflow_location_by_itself),
		BUILD_TEST(s3_the_next_node_at_the_threshold),
		BUILD_TEST(s3_not_above_the_threshold),
		BUILD_TEST(s3_without_a_short_principal),
		BUILD_TEST(s3_pending_capacity_counts),
		BUILD_TEST(s3_pending_capacity_too_small),
		BUILD_TEST(s3_no_runaway_while_unused),
		BUILD_TEST(s3_threshold_of_a_whole_node_in_use),
		BUILD_TEST(s3_unused_but_a_principal_is_short),
		BUILD_TEST(s4_one_start_a_tick),
		BUILD_TEST(s4_one_start_in_a_pass),
		BUILD_TEST(s4_per_location),
		BUILD_TEST(s4_a_failed_node_does_not_count),
		BUILD_TEST(s5_secondary_never_starts),
		BUILD_TEST(s5_the_primary_starts_the_secondary_does_not),
		BUILD_TEST(s6_first_in_order),
		BUILD_TEST(s6_a_recent_failure_goes_behind),
		BUILD_TEST(s6_a_resting_node_is_not_tried),
		BUILD_TEST(s6_nodes_that_are_no_candidates),
		BUILD_TEST(s6_a_draining_node_is_taken_back),
		BUILD_TEST(s6_the_youngest_drain_is_taken_back),
		BUILD_TEST(s6_a_drain_that_cannot_be_taken_back),
		BUILD_TEST(d1_stale_figures_start_nothing),
		BUILD_TEST(off_until_enabled),
		BUILD_TEST(observing_shows_and_does_nothing),
		BUILD_TEST(s9_infinity_controls),
		BUILD_TEST(a_plan_starts_empty),
		BUILD_TEST(an_empty_picture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What burstd counts of its own work: meters under many threads, nodes by what they do, drains, calls that a stop cut. */
#include "tests/unit/reconcile_fixture.h"

#include <pthread.h>

#include "base/meter.h"

/* --- meters ------------------------------------------------------------------------------------------------------ */

static const struct meter_bounds bounds = {{10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120}};

static void classes_of_a_meter(void **state)
{
	struct meter m = {0};
	struct meter_reading r;

	(void)state;
	meter_add(&m, &bounds, 10); /* a bound belongs to its class: Prometheus' le */
	meter_add(&m, &bounds, 11);
	meter_add(&m, &bounds, 121);
	meter_add(&m, &bounds, -5);
	r = meter_read(&m);
	assert_int_equal(r.classes[0], 2);
	assert_int_equal(r.classes[1], 1);
	assert_int_equal(r.classes[METER_BOUNDS], 1);
	assert_int_equal(r.sum_us, 10 + 11 + 121);
}

#define THREADS 4
#define ROUNDS  20000

static void *adds(void *arg)
{
	for (int i = 0; i < ROUNDS; i++)
		meter_add(arg, &bounds, i % 130);
	return NULL;
}

static void nothing_is_lost_between_threads(void **state)
{
	struct meter m = {0};
	struct meter_reading r;
	pthread_t threads[THREADS];
	uint64_t sum = 0, n = 0;

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, adds, &m), 0);
	(void)meter_read(&m); /* a reader stops nobody */
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (int i = 0; i < ROUNDS; i++)
		sum += (uint64_t)(i % 130);
	r = meter_read(&m);
	for (int i = 0; i <= METER_BOUNDS; i++)
		n += r.classes[i];
	assert_int_equal(n, THREADS * ROUNDS);
	assert_int_equal(r.sum_us, THREADS * sum);
}

/* --- the reconciler's own ---------------------------------------------------------------------------------------- */

static uint64_t node_ms(struct rig *g, enum node_class class)
{
	return counter_read(&reconciler_tallies(g->r)->node_ms[class]);
}

static uint64_t calls_cut(struct rig *g)
{
	return counter_read(&reconciler_tallies(g->r)->calls_cut);
}

static uint64_t additions(const struct meter *m)
{
	struct meter_reading r = meter_read(m);
	uint64_t n = 0;

	for (int i = 0; i <= METER_BOUNDS; i++)
		n += r.classes[i];
	return n;
}

static void reads_and_decisions(void **state)
{
	struct rig *g = *state;
	struct tallies *t = reconciler_tallies(g->r);

	assert_int_equal(t->n_observers, 2);
	assert_string_equal(t->observers[0].source, "infinity");
	assert_string_equal(t->observers[1].source, "ec2:" SCENE_REGION);
	rig_look(g);
	g->look_error = rig_error(UPSTREAM_RETRY, "timeout");
	rig_look(g);
	assert_int_equal(additions(&t->observers[0].times), 2); /* a failed read took its time too */
	assert_int_equal(additions(&t->observers[1].times), 2);
	assert_int_equal(additions(&t->decisions), 2);
}

/* Another read of Infinity: only one that began later replaces the last. */
static void look(struct rig *g, int64_t ms)
{
	g->s->now += ms;
	rig_look(g);
}

static void nodes_by_what_they_do(void **state)
{
	struct rig *g = *state;

	rig_look(g);
	look(g, 10 * SECONDS);
	for (int i = 0; i < NODE_CLASS_COUNT; i++)
		assert_int_equal(node_ms(g, (enum node_class)i), 0); /* both are stopped */
	rig_short(g);
	look(g, 5 * SECONDS); /* burst-1 is to start */
	g->s->now += 7 * SECONDS;
	rig_control(g);
	assert_int_equal(node_ms(g, NODE_CLASS_BOOTING), 7 * SECONDS);
	rig_act(g);
	scene_up(scene_find(g->s, "burst-1"));
	scene_find(g->s, "burst-1")->used_hd = 2;
	look(g, 20 * SECONDS); /* what it did is known at the end of it */
	look(g, 4 * SECONDS);
	assert_int_equal(node_ms(g, NODE_CLASS_BOOTING), 27 * SECONDS);
	assert_int_equal(node_ms(g, NODE_CLASS_USEFUL), 4 * SECONDS);
	scene_find(g->s, "burst-1")->used_hd = 0;
	look(g, 1 * SECONDS);
	look(g, 3 * SECONDS);
	assert_int_equal(node_ms(g, NODE_CLASS_USEFUL), 5 * SECONDS);
	assert_int_equal(node_ms(g, NODE_CLASS_IDLE), 3 * SECONDS);
	look(g, 3600 * SECONDS); /* nobody looked for an hour */
	assert_int_equal(node_ms(g, NODE_CLASS_IDLE), 63 * SECONDS);
	look(g, -3000 * SECONDS);
	assert_int_equal(node_ms(g, NODE_CLASS_IDLE), 63 * SECONDS);
}

/* From idle to StopInstances, as the rules want it. */
static void drain_and_stop(struct rig *g)
{
	rig_burst_up(g);
	for (int i = 0; !g->stops && i < 60; i++)
		rig_later(g, 10 * SECONDS);
	assert_int_equal(g->stops, 1);
	assert_intent(g, "burst-1", INTENT_AWAITING_STOPPED);
}

static void a_drain_is_counted_once(void **state)
{
	struct rig *g = *state;
	struct meter_reading r;
	int64_t took;

	drain_and_stop(g);
	r = meter_read(&reconciler_tallies(g->r)->drains);
	took = rig_intent(g, "burst-1").entered_at - rig_intent(g, "burst-1").maintenance_at;
	assert_true(took >= 90 * SECONDS && took <= 120 * SECONDS);
	assert_int_equal(r.classes[1], 1); /* 1 to 2 minutes */
	assert_int_equal(r.sum_us, took * 1000);
	for (int i = 0; i < 5; i++)
		rig_later(g, 10 * SECONDS);
	assert_int_equal(additions(&reconciler_tallies(g->r)->drains), 1);
	assert_true(node_ms(g, NODE_CLASS_DRAINING) >= 90 * SECONDS);
	assert_int_equal(calls_cut(g), 0);
	g->s->now += SECONDS;
	rig_crash(g); /* the next process counts its own alone */
	rig_later(g, 10 * SECONDS);
	assert_int_equal(additions(&reconciler_tallies(g->r)->drains), 0);
}

/* The answer to the stop is lost: the list tells, and it is counted all the same. */
static void a_drain_whose_answer_was_lost(void **state)
{
	struct rig *g = *state;

	g->stop_error = rig_error(UPSTREAM_RETRY, "timeout");
	g->answers_lost = true;
	rig_burst_up(g);
	for (int i = 0; !g->stops && i < 60; i++)
		rig_later(g, 10 * SECONDS);
	for (int i = 0; i < 10; i++)
		rig_later(g, 10 * SECONDS);
	assert_int_equal(g->stops, 1);
	assert_int_equal(additions(&reconciler_tallies(g->r)->drains), 1);
}

static void force_stop(struct rig *g)
{
	rig_add_intent(g, "burst-1", INTENT_STOP, INTENT_STOPPING, true);
	rig_act(g);
	assert_int_equal(g->stops, 1);
}

/* RULE E7: what a forced stop cuts is told: what the last read showed on the node. */
static void a_forced_stop_cuts_calls(void **state)
{
	struct rig *g = *state;

	rig_burst_up(g);
	scene_find(g->s, "burst-1")->used_hd = 2;
	scene_find(g->s, "burst-1")->participants = 5;
	look(g, SECONDS);
	force_stop(g);
	assert_int_equal(calls_cut(g), 5);
	for (int i = 0; i < 3; i++) /* Infinity takes its time to forget them: the same calls */
		rig_later(g, 10 * SECONDS);
	assert_int_equal(calls_cut(g), 5);
	assert_int_equal(additions(&reconciler_tallies(g->r)->drains), 0); /* nothing was drained */
	rig_crash(g);
	rig_later(g, 10 * SECONDS);
	assert_int_equal(calls_cut(g), 0);
}

static void a_forced_stop_of_an_idle_node(void **state)
{
	struct rig *g = *state;

	rig_burst_up(g);
	force_stop(g);
	rig_later(g, 10 * SECONDS);
	assert_int_equal(calls_cut(g), 0);
}

/* RULE E1 cannot close the last gap: a conference that came between the last look and the stop is told at least. */
static void a_call_that_came_too_late(void **state)
{
	struct rig *g = *state;

	drain_and_stop(g);
	scene_find(g->s, "burst-1")->used_hd = 1;
	rig_later(g, 5 * SECONDS);
	assert_int_equal(calls_cut(g), 1);
	scene_find(g->s, "burst-1")->used_hd = 3;
	rig_later(g, 5 * SECONDS);
	assert_int_equal(calls_cut(g), 3);
	scene_find(g->s, "burst-1")->used_hd = 0;
	rig_later(g, 5 * SECONDS);
	assert_int_equal(calls_cut(g), 3);
}

/* The look before the stop is the newest there is; an older read with a call that has ended since cuts nothing. */
static void a_call_that_ended_in_time(void **state)
{
	struct rig *g = *state;

	rig_burst_up(g);
	for (int i = 0; rig_intent(g, "burst-1").state != INTENT_STOPPING && i < 60; i++) {
		g->s->now += 10 * SECONDS;
		rig_look(g);
		if (rig_intent(g, "burst-1").state != INTENT_STOPPING)
			rig_act(g);
	}
	g->s->now += SECONDS;
	scene_find(g->s, "burst-1")->used_hd = 1;
	(void)reconcile_observe_infinity(g->r,
					 &g->infinity); /* shows it, and comes too late to be decided on */
	scene_find(g->s, "burst-1")->used_hd = 0;
	rig_act(g);
	assert_int_equal(g->stops, 1);
	rig_control(g);
	assert_int_equal(calls_cut(g), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_of_a_meter), cmocka_unit_test(nothing_is_lost_between_threads),
		RIG_TEST(reads_and_decisions),        RIG_TEST(nodes_by_what_they_do),
		RIG_TEST(a_drain_is_counted_once),    RIG_TEST(a_drain_whose_answer_was_lost),
		RIG_TEST(a_forced_stop_cuts_calls),   RIG_TEST(a_forced_stop_of_an_idle_node),
		RIG_TEST(a_call_that_came_too_late),  RIG_TEST(a_call_that_ended_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

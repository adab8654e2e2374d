/*
 * Life-cycle operations from end to end against the embedded world: each kind once, held by calls, refused, one after another. What is
 * left behind is asked of the world itself. test_lifecycle_deaths.c, test_lifecycle_undo.c and test_lifecycle_failures.c go on.
 */
#include "tests/unit/lifecycle_kinds.h"

/* --- tests ------------------------------------------------------------------------------------------------------------ */

static void each_kind_ends_well(void **state)
{
	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		struct life *g = kind_begin(&kinds[k]);

		assert_ends(g, kinds[k].minutes, INTENT_DONE);
		kinds[k].ended(g);
		assert_int_equal(world_counters(g->world).calls_cut, 0);
		life_free(g);
	}
}

/* RULE E1: calls hold the operation as long as they last. */
static void live_calls_are_waited_for(void **state)
{
	struct life *g = life_new();
	struct world_node_state n;

	(void)state;
	life_look(g);
	ask_reinstate(g);
	assert_ends(g, 60, INTENT_DONE);
	n = life_node_in(g, g->overflow);
	assert_true(world_call_on_node(g->world, n.id, 90 * MINUTE));
	ask_remove(g);
	assert_int_equal(life_run(g, 60), INTENT_WORKING);
	assert_int_equal(world_counters(g->world).calls_cut, 0);
	assert_true(see(g).node);
	assert_ends(g, 120, INTENT_DONE);
	assert_int_equal(world_counters(g->world).calls_cut, 0);
	removed(g);
	life_free(g);
}

/* RULE E7: force is recorded with who asked. */
static void force_cuts_and_is_recorded(void **state)
{
	struct life *g = life_new();
	struct history_filter all = {.type = EVENT_OPERATION};
	struct event *events = NULL;
	struct world_node_state n;
	struct operation *op;
	bool told = false;
	size_t count = 0;

	(void)state;
	life_look(g);
	ask_reinstate(g);
	assert_ends(g, 60, INTENT_DONE);
	n = life_node_in(g, g->overflow);
	assert_true(world_call_on_node(g->world, n.id, 90 * MINUTE));
	op = life_plan_node(g, INTENT_REMOVE, &n);
	op->intent.force = true;
	life_ask(g, op);
	assert_ends(g, 30, INTENT_DONE);
	assert_ok(store_events(g->store, &all, 100, &events, &count, E));
	for (size_t i = 0; i < count; i++)
		told |= strstr(events[i].reason, "forced") && !strcmp(events[i].actor, "alice");
	assert_true(told);
	store_events_free(events, count);
	life_free(g);
}

/* What a forced operation cuts is counted, of each kind that ends calls (docs/metrics.md). */
static void forced_cuts_are_counted(void **state)
{
	static const enum intent_kind cutting[] = {INTENT_SHUT_DOWN, INTENT_REMOVE, INTENT_CONVERT};

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(cutting); k++) {
		struct life *g = life_new();
		struct world_node_state n = always_on_node(g);
		struct operation *op = life_plan_node(g, cutting[k], &n);

		life_control(g, "{\"command\": \"tag\", \"node\": \"constant\", \"value\": \"manager\"}");
		assert_true(operation_set(op, VALUE_TO, "always_on"));
		op->intent.location = g->overflow; /* of the conversion: it moves while it runs */
		op->intent.force = true;
		assert_true(world_call_on_node(g->world, n.id, 90 * MINUTE));
		assert_true(world_call_on_node(g->world, n.id, 90 * MINUTE));
		world_advance(g->world, world_now(g->world) + MINUTE);
		life_look(g);
		life_ask(g, op);
		assert_ends(g, 60, INTENT_DONE);
		assert_int_equal(world_counters(g->world).calls_cut, 2);
		assert_int_equal(counter_read(&reconciler_tallies(g->r)->calls_cut), 2);
		life_free(g);
	}
}

/* RULE S9: while Infinity's own bursting is on not even a forced stop goes out. */
static void infinitys_bursting_stops_nothing(void **state)
{
	struct life *g = life_new();
	struct world_node_state n = always_on_node(g);
	struct operation *op = life_plan_node(g, INTENT_SHUT_DOWN, &n);

	(void)state;
	life_control(g, "{\"command\": \"infinity_bursting\"}");
	life_look(g);
	op->intent.force = true;
	life_ask(g, op);
	assert_int_equal(life_run(g, 60), INTENT_WORKING);
	assert_int_equal(see(g).state, INSTANCE_RUNNING);
	life_control(g, "{\"command\": \"infinity_bursting\", \"on\": false}");
	assert_ends(g, 30, INTENT_DONE);
	shut_down(g);
	life_free(g);
}

/* Guide, "Adding ENA support to an instance": before the type that needs it. */
static void ena_comes_before_its_type(void **state)
{
	struct life *g = life_new();
	struct world_node_state n = old_node(g, false);
	_cleanup_(operation_freep) struct operation *refused = NULL;
	struct operation *resize;

	(void)state;
	for (int i = 0; i < 2; i++) {
		resize = life_plan_node(g, INTENT_RESIZE, &n);
		assert_true(operation_set(resize, VALUE_INSTANCE_TYPE, "c5.2xlarge"));
		life_ask(g, resize);
		assert_ends(g, 60, i ? INTENT_DONE : INTENT_FAILED);
		if (i)
			break;
		refused = life_operation(g);
		assert_non_null(strstr(refused->intent.error, "needs ENA support"));
		assert_string_equal(see(g).type, "c4.2xlarge");
		life_ask(g, life_plan_node(g, INTENT_ENABLE_ENA, &n));
		assert_ends(g, 60, INTENT_DONE);
	}
	assert_string_equal(see(g).type, "c5.2xlarge");
	life_ask(g, life_plan_node(g, INTENT_REINSTATE, &n));
	assert_ends(g, 60, INTENT_DONE);
	life_free(g);
}

static bool database_on(struct life *g, int64_t node)
{
	json_auto_t *object = NULL;
	struct upstream_error e = {0};

	assert_true(infinity_resource_get(g->infinity, RESOURCE_WORKER_VM, node, &object, &e));
	return json_is_true(json_object_get(object, "enable_distributed_database"));
}

static int64_t convert_at(struct life *g, size_t i)
{
	struct world_node_state n = world_node_at(g->world, i);
	struct operation *op = life_plan_node(g, INTENT_CONVERT, &n);

	assert_true(operation_set(op, VALUE_TO, "always_on"));
	op->intent.location = g->principal;
	life_ask(g, op);
	return n.id;
}

/* Guide, "Converting between overflow and always on": a few minutes between two changes of the distributed database. */
static void databases_change_one_at_a_time(void **state)
{
	struct life *g = life_new();
	int64_t nodes[2], at[2] = {0, 0};
	size_t asked = 0;

	(void)state;
	life_look(g);
	for (size_t i = 0; asked < 2; i++)
		if (world_node_at(g->world, i).location == g->overflow)
			nodes[asked++] = convert_at(g, i);
	for (int i = 0; i < 1000 && (!at[0] || !at[1]); i++) {
		life_tick(g);
		for (size_t k = 0; k < 2; k++)
			if (!at[k] && database_on(g, nodes[k]))
				at[k] = world_now(g->world);
	}
	assert_true(at[0] && at[1]);
	assert_in_range(at[1] - at[0], 5 * MINUTE, 6 * MINUTE);
	assert_ends(g, 60, INTENT_DONE);
	life_free(g);
}

/* Must-show: with the bursting policy alone each kind is refused before it starts, and the missing action is named. */
static void refused_without_permission(void **state)
{
	const struct world_http_options keys = world_http_options_default();

	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		struct life *g = kind_begin(&kinds[k]);
		struct world_counters before = world_counters(g->world);
		_cleanup_(operation_freep) struct operation *op = NULL;

		credentials_set_static(g->credentials, keys.access_key, keys.secret_key);
		life_control(g, "{\"command\": \"policy\", \"scope\": \"bursting\"}");
		if (kinds[k].missing) {
			assert_ends(g, 30, INTENT_FAILED);
			op = life_operation(g);
			if (!strstr(op->intent.error, kinds[k].missing))
				fail_msg("%s: %s", kinds[k].name, op->intent.error);
			assert_int_equal(world_counters(g->world).patches, before.patches);
			assert_int_equal(world_counters(g->world).starts, before.starts);
		} else {
			assert_ends(g, 60, INTENT_DONE);
		}
		life_free(g);
	}
}

/* An auto-assigned address changes at each start; the wish makes the static NAT address follow. */
static void static_nat_follows(void **state)
{
	struct life *g = life_new();
	struct world_node_state n = life_node_in(g, g->overflow);
	struct node_wish w = {.node = n.id, .follow_address = WISH_TRUE, .start_order = START_ORDER_NONE};
	json_auto_t *node = NULL;
	struct managed_instance i = {0};
	struct upstream_error e = {0};

	(void)state;
	life_look(g);
	assert_ok(store_wish_put(g->store, &w, E));
	ask_reinstate(g);
	assert_ends(g, 60, INTENT_DONE);
	for (int t = 0; t < 60; t++)
		life_tick(g);
	assert_true(ec2_find_instance(g->ec2, n.instance, &i, &e));
	assert_true(i.public_address[0]);
	assert_true(infinity_resource_get(g->infinity, RESOURCE_WORKER_VM, n.id, &node, &e));
	assert_string_equal(json_string_value(json_object_get(node, "static_nat_address")), i.public_address);
	life_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_ends_well),
		cmocka_unit_test(live_calls_are_waited_for),
		cmocka_unit_test(force_cuts_and_is_recorded),
		cmocka_unit_test(forced_cuts_are_counted),
		cmocka_unit_test(infinitys_bursting_stops_nothing),
		cmocka_unit_test(ena_comes_before_its_type),
		cmocka_unit_test(databases_change_one_at_a_time),
		cmocka_unit_test(refused_without_permission),
		cmocka_unit_test(static_nat_follows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

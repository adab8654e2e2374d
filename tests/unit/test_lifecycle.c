/*
 * Life-cycle operations from end to end against the embedded world: each kind once, ended at every single call, called off at every
 * single call, refused, halted. What is left behind is asked of the world itself.
 */
#include "tests/unit/lifecycle_fixture.h"

#include <jansson.h>

/* What the world's EC2 offers (tests/world/catalog.c). */
#define WORLD_SUBNET "subnet-0world00000000001"
#define WORLD_GROUP  "sg-0world00000000001"
#define WORLD_KEY    "node-key"

/* --- what is there ---------------------------------------------------------------------------------------------------- */

struct things {
	char instance[EC2_ID_SIZE]; /* launched by the operation, not terminated; "" = none */
	enum instance_state state;
	char type[33];
	bool tagged, ena;
	int64_t node; /* of the operation's name; 0 = none */
	bool maintenance, database;
	int64_t location;
	char nat[EC2_ADDRESS_SIZE];
	char public_address[EC2_ADDRESS_SIZE];
	char allocation[EC2_ID_SIZE]; /* marked as the operation's; "" = none */
};

static void see_instance(struct life *g, const struct operation *op, struct things *t)
{
	struct managed_instance i = {0};
	struct upstream_error e = {0};

	if (op->intent.kind == INTENT_DEPLOY_NODE)
		assert_true(ec2_find_launched(g->ec2, op->intent.token, &i, &e));
	else
		assert_true(ec2_find_instance(g->ec2, op->intent.instance, &i, &e));
	if (!i.id[0] || i.state == INSTANCE_TERMINATED || i.state == INSTANCE_SHUTTING_DOWN)
		return;
	memcpy(t->instance, i.id, sizeof i.id);
	memcpy(t->type, i.type, sizeof i.type);
	memcpy(t->public_address, i.public_address, sizeof i.public_address);
	t->state = i.state;
	t->tagged = i.tagged;
	t->ena = i.ena;
}

static void see_node(struct life *g, const struct operation *op, struct things *t)
{
	json_auto_t *node = NULL;
	struct upstream_error e = {0};
	const char *nat;

	assert_true(infinity_resource_find(g->infinity, RESOURCE_WORKER_VM, "name", op->intent.node_name,
					   &node, &e));
	if (!node)
		return;
	nat = json_string_value(json_object_get(node, "static_nat_address"));
	t->node = json_integer_value(json_object_get(node, "id"));
	t->maintenance = json_is_true(json_object_get(node, "maintenance_mode"));
	t->database = json_is_true(json_object_get(node, "enable_distributed_database"));
	t->location = infinity_reference_id(RESOURCE_SYSTEM_LOCATION,
					    json_string_value(json_object_get(node, "system_location")));
	(void)snprintf(t->nat, sizeof t->nat, "%s", nat ? nat : "");
}

static struct things see(struct life *g)
{
	_cleanup_(operation_freep) struct operation *op = life_operation(g);
	const struct managed_tag mark = {"burstd-operation", op->intent.token};
	struct managed_address a = {0};
	struct things t = {0};
	struct upstream_error e = {0};

	world_advance(g->world, world_now(g->world) + MINUTE); /* EC2's lists have caught up */
	see_instance(g, op, &t);
	see_node(g, op, &t);
	assert_true(ec2_find_tagged_address(g->ec2, &mark, &a, &e));
	memcpy(t.allocation, a.allocation, sizeof a.allocation);
	return t;
}

/* --- what is asked for ------------------------------------------------------------------------------------------------- */

static void ask_deploy(struct life *g)
{
	struct operation *op = life_plan(g, INTENT_DEPLOY_NODE);

	op->intent.location = g->overflow;
	(void)snprintf(op->intent.node_name, sizeof op->intent.node_name, "new-1");
	assert_true(operation_set(op, VALUE_HOSTNAME, "new-1"));
	assert_true(operation_set(op, VALUE_DOMAIN, "example.com"));
	assert_true(operation_set(op, VALUE_ROLE, "transcoding"));
	assert_true(operation_set(op, VALUE_BURSTING, "true"));
	assert_true(operation_set(op, VALUE_DISTRIBUTED_DATABASE, "false"));
	assert_true(operation_set(op, VALUE_SSH_PASSWORD, "hunter2-hunter2"));
	assert_true(operation_set(op, VALUE_INSTANCE_TYPE, "c5.2xlarge"));
	assert_true(operation_set(op, VALUE_TENANCY, "dedicated"));
	assert_true(operation_set(op, VALUE_SUBNET, WORLD_SUBNET));
	assert_true(operation_set(op, VALUE_SECURITY_GROUPS, WORLD_GROUP));
	assert_true(operation_set(op, VALUE_KEY_NAME, WORLD_KEY));
	assert_true(operation_set(op, VALUE_PUBLIC_ADDRESSING, "elastic"));
	assert_true(operation_set(op, VALUE_UPLOAD_TO, "private"));
	life_ask(g, op);
}

static void ask_node(struct life *g, enum intent_kind kind, int64_t location)
{
	struct world_node_state n = life_node_in(g, location);

	life_ask(g, life_plan_node(g, kind, &n));
}

/* Every node of the world may have an instance; always-on ones of the grid have none, so bursting ones are made to run. */
static void ask_remove(struct life *g)
{
	struct world_node_state n = life_node_in(g, g->overflow);
	struct operation *op = life_plan_node(g, INTENT_REMOVE, &n);

	assert_true(operation_set(op, VALUE_RELEASE_ADDRESS, "true"));
	life_ask(g, op);
}

static void ask_resize(struct life *g)
{
	struct world_node_state n = life_node_in(g, g->overflow);
	struct operation *op = life_plan_node(g, INTENT_RESIZE, &n);

	assert_true(operation_set(op, VALUE_INSTANCE_TYPE, "c5.4xlarge"));
	life_ask(g, op);
}

static void ask_always_on(struct life *g)
{
	struct world_node_state n = life_node_in(g, g->overflow);
	struct operation *op = life_plan_node(g, INTENT_CONVERT, &n);

	assert_true(operation_set(op, VALUE_TO, "always_on"));
	op->intent.location = g->principal;
	life_ask(g, op);
}

static void ask_assign(struct life *g)
{
	struct world_node_state n;

	assert_true(world_node_find(g->world, g->automatic, &n));
	life_ask(g, life_plan_node(g, INTENT_ASSIGN_ADDRESS, &n));
}

static void ask_reinstate(struct life *g)
{
	ask_node(g, INTENT_REINSTATE, g->overflow);
}

/* --- how each ends ------------------------------------------------------------------------------------------------------ */

static void deployed(struct life *g)
{
	struct things t = see(g);

	assert_true(t.instance[0] && t.tagged);
	assert_int_equal(t.state, INSTANCE_STOPPED); /* guide: stopped until it is needed */
	assert_true(t.node);
	assert_false(t.database);
	assert_false(t.maintenance);
	assert_int_equal(t.location, g->overflow);
	assert_true(t.allocation[0] && t.nat[0]);
}

static void removed(struct life *g)
{
	struct things t = see(g);

	assert_string_equal(t.instance, "");
	assert_int_equal(t.node, 0);
}

static void resized(struct life *g)
{
	struct things t = see(g);

	assert_string_equal(t.type, "c5.4xlarge");
	assert_int_equal(t.state, INSTANCE_STOPPED); /* as it was */
	assert_false(t.maintenance);
}

static void always_on(struct life *g)
{
	struct things t = see(g);

	assert_int_equal(t.state, INSTANCE_RUNNING);
	assert_false(t.tagged);
	assert_true(t.database);
	assert_false(t.maintenance);
	assert_int_equal(t.location, g->principal);
}

static void assigned(struct life *g)
{
	struct things t = see(g);

	assert_true(t.allocation[0]);
	assert_false(t.maintenance);
}

static void reinstated(struct life *g)
{
	struct things t = see(g);

	assert_int_equal(t.state, INSTANCE_RUNNING);
	assert_false(t.maintenance);
	assert_string_equal(t.nat, t.public_address);
}

static const struct kind_test {
	const char *name;
	void (*ask)(struct life *);
	void (*ended)(struct life *);
	int minutes;
} kinds[] = {
	{"deploy", ask_deploy, deployed, 120},        {"remove", ask_remove, removed, 60},
	{"resize", ask_resize, resized, 60},          {"convert", ask_always_on, always_on, 90},
	{"assign_address", ask_assign, assigned, 60}, {"reinstate", ask_reinstate, reinstated, 60},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

/* --- tests ------------------------------------------------------------------------------------------------------------ */

static void each_kind_ends_well(void **state)
{
	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		struct life *g = life_new();

		life_look(g);
		kinds[k].ask(g);
		assert_ends(g, kinds[k].minutes, INTENT_DONE);
		kinds[k].ended(g);
		assert_int_equal(world_counters(g->world).calls_cut, 0);
		life_free(g);
	}
}

/* Must-show: ended at each single call, before it and after it, the next process ends as if nothing had happened. */
static int ended_at(const struct kind_test *kind, int at, bool made)
{
	struct life *g = life_new();
	int calls;

	life_look(g);
	kind->ask(g);
	g->death.at = at;
	g->death.made = made;
	(void)life_run(g, kind->minutes);
	calls = g->death.dead ? 0 : g->death.calls;
	if (g->death.dead) {
		life_reborn(g);
		if (life_run(g, 2 * kind->minutes) != INTENT_DONE) {
			life_dump(g);
			fail_msg("%s, ended %s call %d", kind->name, made ? "after" : "before", at);
		}
		kind->ended(g);
	}
	life_free(g);
	return calls;
}

static void ended_at_every_call(void **state)
{
	(void)state;
	for (size_t k = 0; k < KINDS; k++)
		for (int made = 0; made < 2; made++)
			for (int at = 1; !ended_at(&kinds[k], at, made); at++)
				continue;
}

/* Called off after each number of calls: what a deployment made is gone again. */
static void called_off_at_every_call(void **state)
{
	bool over = false;

	(void)state;
	for (int at = 1; !over; at++) {
		struct life *g = life_new();
		struct things t;

		life_look(g);
		ask_deploy(g);
		while (g->death.calls < at && intent_is_open(life_state(g)))
			life_tick(g);
		over = !intent_is_open(life_state(g));
		if (!over) {
			life_turn(g, INTENT_UNDOING);
			at = g->death.calls;
			assert_ends(g, 120, INTENT_CANCELLED);
			t = see(g);
			assert_string_equal(t.instance, "");
			assert_int_equal(t.node, 0);
			assert_string_equal(t.allocation, "");
		}
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

/* Must-show: with the bursting policy alone each kind is refused before it starts, and the missing action is named. */
static void refused_without_permission(void **state)
{
	static const char *const missing[KINDS] = {
		"ec2:RunInstances", "ec2:TerminateInstances", "ec2:ModifyInstanceAttribute",
		"ec2:DeleteTags",   "ec2:AllocateAddress",    NULL};

	const struct world_http_options keys = world_http_options_default();

	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		_cleanup_(operation_freep) struct operation *op = NULL;
		struct life *g = life_new();
		struct world_counters before;

		credentials_set_static(g->credentials, keys.access_key, keys.secret_key);
		life_control(g, "{\"command\": \"policy\", \"scope\": \"bursting\"}");
		life_look(g);
		before = world_counters(g->world);
		kinds[k].ask(g);
		if (missing[k]) {
			assert_ends(g, 30, INTENT_FAILED);
			op = life_operation(g);
			if (!strstr(op->intent.error, missing[k]))
				fail_msg("%s: %s", kinds[k].name, op->intent.error);
			assert_int_equal(world_counters(g->world).patches, before.patches);
			assert_int_equal(world_counters(g->world).starts, before.starts);
		} else { /* starting and stopping what carries the tag is bursting's own right */
			assert_ends(g, 60, INTENT_DONE);
		}
		life_free(g);
	}
}

/* Must-show: what upstream says against a step ends in a state that tells it; mended, it goes on; called off, nothing is left. */
static const struct failure {
	const char *command; /* of the control port */
	const char *step;
	const char *says;
} failures[] = {
	{"{\"command\": \"fail_next\", \"action\": \"RunInstances\", \"code\": "
	 "\"InsufficientInstanceCapacity\", \"status\": "
	 "500, \"times\": 1}",
	 "launch", "InsufficientInstanceCapacity"},
	{"{\"command\": \"fail_next\", \"action\": \"AllocateAddress\", \"code\": \"AddressLimitExceeded\", "
	 "\"status\": 400, "
	 "\"times\": 1}",
	 "allocate_address", "AddressLimitExceeded"},
	{"{\"command\": \"fail_next\", \"path\": \"configuration/v1/worker_vm/\", \"method\": \"POST\", "
	 "\"status\": 400, "
	 "\"times\": 1}",
	 "create_node", "worker_vm"},
	{"{\"command\": \"fail_next\", \"path\": \"configuration/v1/worker_vm/\", \"method\": \"POST\", "
	 "\"status\": 403, "
	 "\"times\": 1}",
	 "create_node", "permission"},
};

static struct life *halted_by(const struct failure *f)
{
	_cleanup_(operation_freep) struct operation *op = NULL;
	struct life *g = life_new();

	life_look(g);
	life_control(g, f->command); /* the check's dry run meets it, too, and looks for a plain no alone */
	ask_deploy(g);
	assert_ends(g, 120, INTENT_HALTED);
	op = life_operation(g);
	if (strncmp(op->intent.error, f->step, strlen(f->step)) != 0 || !strstr(op->intent.error, f->says))
		fail_msg("%s: %s", f->command, op->intent.error);
	return g;
}

static void failures_halt_and_are_mended(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
		struct life *g = halted_by(&failures[i]);
		struct things t;

		life_turn(g, INTENT_WORKING);
		assert_ends(g, 120, INTENT_DONE);
		deployed(g);
		life_free(g);
		g = halted_by(&failures[i]);
		life_turn(g, INTENT_UNDOING);
		assert_ends(g, 120, INTENT_CANCELLED);
		t = see(g);
		assert_true(!t.instance[0] && !t.node && !t.allocation[0]);
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
		cmocka_unit_test(each_kind_ends_well),          cmocka_unit_test(live_calls_are_waited_for),
		cmocka_unit_test(force_cuts_and_is_recorded),   cmocka_unit_test(ended_at_every_call),
		cmocka_unit_test(called_off_at_every_call),     cmocka_unit_test(refused_without_permission),
		cmocka_unit_test(failures_halt_and_are_mended), cmocka_unit_test(static_nat_follows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

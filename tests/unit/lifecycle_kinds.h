/*
 * The kinds of life-cycle operations: how each is asked for in the embedded world, how it ends, and what the world shows of what it
 * touches. Included by the test programs of the life cycle, which take each kind through deaths, undos and failures.
 */
#ifndef BURSTD_TESTS_UNIT_LIFECYCLE_KINDS_H
#define BURSTD_TESTS_UNIT_LIFECYCLE_KINDS_H

#include "tests/unit/lifecycle_fixture.h"

#include <jansson.h>

/* What the world's EC2 offers (tests/world/catalog.c). */
#define WORLD_SUBNET "subnet-0world00000000001"
#define WORLD_GROUP  "sg-0world00000000001"
#define WORLD_KEY    "node-key"
#define WORLD_VPC    "vpc-0world00000000001"

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
	char group[EC2_ID_SIZE];      /* the security group; "" = none */
	size_t rules;
	char settings[400]; /* Infinity's global ones */
};

static void see_instance(struct life *g, const struct operation *op, struct things *t)
{
	struct managed_instance i = {0};
	struct upstream_error e = {0};

	if (op->intent.kind == INTENT_DEPLOY_NODE || op->intent.kind == INTENT_DEPLOY_MANAGEMENT_NODE)
		assert_true(ec2_find_launched(g->ec2, op->intent.token, &i, &e));
	else if (op->intent.instance[0])
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

static void see_group(struct life *g, const struct operation *op, struct things *t)
{
	struct arena *arena = arena_new(1024 * 1024);
	const char *id = operation_text(op, VALUE_GROUP);
	struct managed_group group = {0};
	struct upstream_error e = {0};

	assert_true(ec2_find_group(g->ec2, id[0] ? id : NULL, WORLD_VPC, operation_text(op, VALUE_GROUP_NAME),
				   arena, &group, &e));
	memcpy(t->group, group.id, sizeof group.id);
	t->rules = group.n_rules;
	arena_free(arena);
}

static void see_settings(struct life *g, struct things *t)
{
	json_auto_t *global = NULL;
	struct upstream_error e = {0};

	assert_true(infinity_resource_get(g->infinity, RESOURCE_GLOBAL, 1, &global, &e));
	(void)snprintf(t->settings, sizeof t->settings, "threshold %lld, lifetime %lld",
		       json_integer_value(json_object_get(global, "bursting_threshold")),
		       json_integer_value(json_object_get(global, "bursting_min_lifetime")));
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
	if (op->intent.kind == INTENT_SECURITY_GROUP)
		see_group(g, op, &t);
	see_settings(g, &t);
	return t;
}

/* --- what is asked for ------------------------------------------------------------------------------------------------- */

/* Of a machine that is to be launched: its name, and the pairs of a value and its text. */
static struct operation *plan_launch(struct life *g, enum intent_kind kind, const char *name)
{
	struct operation *op = life_plan(g, kind);

	(void)snprintf(op->intent.node_name, sizeof op->intent.node_name, "%s", name);
	assert_true(operation_set(op, VALUE_HOSTNAME, name));
	assert_true(operation_set(op, VALUE_DOMAIN, "example.com"));
	assert_true(operation_set(op, VALUE_INSTANCE_TYPE, "c5.2xlarge"));
	assert_true(operation_set(op, VALUE_TENANCY, "dedicated"));
	assert_true(operation_set(op, VALUE_SUBNET, WORLD_SUBNET));
	assert_true(operation_set(op, VALUE_SECURITY_GROUPS, WORLD_GROUP));
	assert_true(operation_set(op, VALUE_KEY_NAME, WORLD_KEY));
	assert_true(operation_set(op, VALUE_PUBLIC_ADDRESSING, "elastic"));
	return op;
}

static struct operation *plan_deploy(struct life *g, int64_t location, bool bursting)
{
	struct operation *op = plan_launch(g, INTENT_DEPLOY_NODE, "new-1");

	op->intent.location = location;
	assert_true(operation_set(op, VALUE_ROLE, "transcoding"));
	assert_true(operation_set(op, VALUE_BURSTING, bursting ? "true" : "false"));
	assert_true(operation_set(op, VALUE_DISTRIBUTED_DATABASE, bursting ? "false" : "true"));
	assert_true(operation_set(op, VALUE_SSH_PASSWORD, "hunter2-hunter2"));
	assert_true(operation_set(op, VALUE_UPLOAD_TO, "private"));
	return op;
}

static void ask_deploy(struct life *g)
{
	life_ask(g, plan_deploy(g, g->overflow, true));
}

/* Always on, with the public address that its subnet gives: another one after each start. */
static void ask_deploy_automatic(struct life *g)
{
	struct operation *op = plan_deploy(g, g->principal, false);

	assert_true(operation_set(op, VALUE_PUBLIC_ADDRESSING, "auto"));
	life_ask(g, op);
}

static void ask_deploy_proxy(struct life *g)
{
	int64_t edge = world_add_location(g->world, &(struct world_location){.name = "edge"});
	struct operation *op = plan_deploy(g, edge, false);

	assert_true(operation_set(op, VALUE_ROLE, "proxying"));
	assert_true(operation_set(op, VALUE_PUBLIC_ADDRESSING, "none"));
	life_ask(g, op);
}

static void ask_manager(struct life *g)
{
	struct operation *op = plan_launch(g, INTENT_DEPLOY_MANAGEMENT_NODE, "manager-1");

	assert_true(operation_set(op, VALUE_MANAGEMENT_URL, g->bootstrap));
	life_ask(g, op);
}

static void install_manager(struct life *g)
{
	life_control(g, "{\"command\": \"wizard_done\", \"instance\": \"manager-1\"}");
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

/* An always-on node in EC2: in the principal location, serving, with the distributed database. */
static struct world_node_state always_on_node(struct life *g)
{
	struct world_node_state n;
	json_auto_t *body = json_pack("{sb}", "enable_distributed_database", 1);
	struct upstream_error e = {0};
	int64_t id = world_add_node(g->world, &(struct world_node){.name = "constant",
								   .location = g->principal,
								   .max_hd = 17,
								   .bursting = true,
								   .untagged = true,
								   .elastic = true,
								   .running = true});

	assert_true(infinity_resource_update(g->infinity, RESOURCE_WORKER_VM, id, body, &e));
	life_look(g);
	assert_true(world_node_find(g->world, id, &n));
	return n;
}

static void ask_overflow(struct life *g)
{
	struct world_node_state n = always_on_node(g);
	struct operation *op = life_plan_node(g, INTENT_CONVERT, &n);

	assert_true(operation_set(op, VALUE_TO, "overflow"));
	op->intent.location = g->overflow;
	life_ask(g, op);
}

static void ask_shut_down(struct life *g)
{
	struct world_node_state n = always_on_node(g);

	life_ask(g, life_plan_node(g, INTENT_SHUT_DOWN, &n));
}

/* A node that runs, is given another type and runs again. */
static void ask_resize_running(struct life *g)
{
	struct world_node_state n = always_on_node(g);
	struct operation *op = life_plan_node(g, INTENT_RESIZE, &n);

	assert_true(operation_set(op, VALUE_INSTANCE_TYPE, "c5.4xlarge"));
	life_ask(g, op);
}

/* A bursting node of the first days of the platform. */
static struct world_node_state old_node(struct life *g, bool running)
{
	struct world_node_state n;
	int64_t id = world_add_node(g->world, &(struct world_node){.name = "old",
								   .location = g->overflow,
								   .max_hd = 17,
								   .bursting = true,
								   .elastic = true,
								   .running = running,
								   .without_ena = true});

	life_look(g);
	assert_true(world_node_find(g->world, id, &n));
	return n;
}

static void ask_ena(struct life *g)
{
	struct world_node_state n = old_node(g, false);

	life_ask(g, life_plan_node(g, INTENT_ENABLE_ENA, &n));
}

static void ask_ena_running(struct life *g)
{
	struct world_node_state n = old_node(g, true);

	life_ask(g, life_plan_node(g, INTENT_ENABLE_ENA, &n));
}

/* Somebody has started it in EC2: it has a public address that Infinity does not know. */
static void ask_follow(struct life *g)
{
	struct world_node_state n;

	life_control(g, "{\"command\": \"start\", \"node\": \"automatic\"}");
	world_advance(g->world, world_now(g->world) + 10 * MINUTE);
	life_look(g);
	assert_true(world_node_find(g->world, g->automatic, &n));
	life_ask(g, life_plan_node(g, INTENT_FOLLOW_ADDRESS, &n));
}

static struct operation *plan_group(struct life *g)
{
	struct operation *op = life_plan(g, INTENT_SECURITY_GROUP);

	assert_true(operation_set(op, VALUE_VPC, WORLD_VPC));
	assert_true(operation_set(op, VALUE_GROUP_NAME, "pexip-nodes"));
	assert_true(operation_set(op, VALUE_MANAGEMENT_CIDR, "192.0.2.0/24"));
	return op;
}

static void ask_group(struct life *g)
{
	life_ask(g, plan_group(g));
}

/* One that is there already, with a rule of its own and one of the guide's; it lets nothing out. */
static void ask_complete_group(struct life *g)
{
	static const struct group_rule there[] = {
		{.protocol = "tcp", .from = 22, .to = 22, .cidr = "198.51.100.0/24"},
		{.protocol = "tcp", .from = 443, .to = 443, .cidr = "0.0.0.0/0"},
	};
	static const struct group_rule everything = {
		.egress = true, .protocol = "-1", .from = -1, .to = -1, .cidr = "0.0.0.0/0"};
	struct operation *op = plan_group(g);
	struct upstream_error e = {0};
	char id[EC2_ID_SIZE];

	assert_true(ec2_create_group(g->ec2, "older", "made by hand", WORLD_VPC, NULL, 0, false, id, &e));
	assert_true(ec2_authorize(g->ec2, id, there, 2, false, &e));
	assert_true(ec2_revoke(g->ec2, id, &everything, 1, false, &e));
	assert_true(operation_set(op, VALUE_GROUP, id));
	life_ask(g, op);
}

static void ask_push(struct life *g)
{
	struct operation *op = life_plan(g, INTENT_PUSH_SETTINGS);

	op->intent.region[0] = '\0';
	assert_true(
		operation_set(op, VALUE_PUSH, "{\"bursting_threshold\": 9, \"bursting_min_lifetime\": 77}"));
	life_ask(g, op);
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

static void deployed_automatic(struct life *g)
{
	struct things t = see(g);

	assert_int_equal(t.state, INSTANCE_RUNNING);
	assert_true(t.node && t.database && !t.tagged && !t.maintenance);
	assert_true(t.public_address[0]);
	assert_string_equal(t.nat, t.public_address);
	assert_string_equal(t.allocation, "");
}

static void deployed_proxy(struct life *g)
{
	struct world_node_state n;
	struct things t = see(g);

	assert_int_equal(t.state, INSTANCE_RUNNING);
	assert_true(world_node_find(g->world, t.node, &n));
	assert_true(n.synced);
	assert_string_equal(t.nat, "");
}

static void manager_deployed(struct life *g)
{
	struct things t = see(g);

	assert_int_equal(t.state, INSTANCE_RUNNING);
	assert_true(t.allocation[0] && t.public_address[0] && !t.tagged);
}

static void overflow(struct life *g)
{
	struct things t = see(g);

	assert_int_equal(t.state, INSTANCE_STOPPED); /* until it is needed */
	assert_true(t.tagged && !t.database && !t.maintenance);
	assert_int_equal(t.location, g->overflow);
}

static void shut_down(struct life *g)
{
	struct things t = see(g);

	assert_int_equal(t.state, INSTANCE_STOPPED);
	assert_true(t.maintenance); /* until it is reinstated */
}

static void resized_running(struct life *g)
{
	struct things t = see(g);

	assert_string_equal(t.type, "c5.4xlarge");
	assert_int_equal(t.state, INSTANCE_RUNNING);
	assert_false(t.maintenance);
}

static void has_ena(struct life *g)
{
	struct things t = see(g);

	assert_true(t.ena && !t.maintenance);
	assert_int_equal(t.state, INSTANCE_STOPPED);
}

static void has_ena_running(struct life *g)
{
	struct things t = see(g);

	assert_true(t.ena && !t.maintenance);
	assert_int_equal(t.state, INSTANCE_RUNNING);
}

static void followed(struct life *g)
{
	struct things t = see(g);

	assert_true(t.nat[0]);
	assert_string_equal(t.nat, t.public_address);
}

/* With and without the rule for everything outbound that EC2 gives a new group. */
static void group_complete(struct life *g)
{
	_cleanup_(operation_freep) struct operation *op = life_operation(g);
	struct things t = see(g);

	assert_true(t.group[0]);
	assert_string_equal(operation_text(op, VALUE_MADE_GROUP)[0] ? "made" : "there",
			    operation_text(op, VALUE_GROUP)[0] ? "there" : "made");
	assert_in_range(t.rules, 5, 40);
}

static void pushed(struct life *g)
{
	assert_string_equal(see(g).settings, "threshold 9, lifetime 77");
}

/*
 * `person`: what a person does when the operation waits for one. `missing`: the action that the bursting policy lacks for it; NULL = none,
 * starting and stopping what carries the tag is bursting's own right.
 */
static const struct kind_test {
	const char *name;
	void (*ask)(struct life *);
	void (*ended)(struct life *);
	int minutes;
	const char *missing;
	void (*person)(struct life *);
} kinds[] = {
	{"deploy", ask_deploy, deployed, 120, "ec2:RunInstances", NULL},
	{"remove", ask_remove, removed, 60, "ec2:TerminateInstances", NULL},
	{"resize", ask_resize, resized, 60, "ec2:ModifyInstanceAttribute", NULL},
	{"convert", ask_always_on, always_on, 90, "ec2:DeleteTags", NULL},
	{"assign_address", ask_assign, assigned, 60, "ec2:AllocateAddress", NULL},
	{"reinstate", ask_reinstate, reinstated, 60, NULL, NULL},
	{"deploy, automatic address", ask_deploy_automatic, deployed_automatic, 120, "ec2:RunInstances",
	 NULL},
	{"deploy, proxying", ask_deploy_proxy, deployed_proxy, 120, "ec2:RunInstances", NULL},
	{"deploy_management_node", ask_manager, manager_deployed, 120, "ec2:RunInstances", install_manager},
	{"convert to overflow", ask_overflow, overflow, 90, "ec2:CreateTags", NULL},
	{"shut_down", ask_shut_down, shut_down, 60, "ec2:StopInstances", NULL},
	{"resize, running", ask_resize_running, resized_running, 90, "ec2:StopInstances", NULL},
	{"enable_ena", ask_ena, has_ena, 60, "ec2:ModifyInstanceAttribute", NULL},
	{"enable_ena, running", ask_ena_running, has_ena_running, 90, "ec2:ModifyInstanceAttribute", NULL},
	{"follow_address", ask_follow, followed, 30, NULL, NULL},
	{"security_group, made", ask_group, group_complete, 30, "ec2:CreateSecurityGroup", NULL},
	{"security_group, completed", ask_complete_group, group_complete, 30,
	 "ec2:AuthorizeSecurityGroupIngress", NULL},
	{"push_settings", ask_push, pushed, 30, NULL, NULL},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

/* ENA support stays where it was enabled: it does no harm. */
static inline void assert_as_before(struct life *g, const char *when, const struct things *before)
{
	struct things after = see(g);

#define SAME(field)                                                                                          \
	if (before->field != after.field) {                                                                  \
		life_dump(g);                                                                                \
		fail_msg("%s: " #field " was %lld, is %lld", when, (long long)before->field,                 \
			 (long long)after.field);                                                            \
	}
#define SAME_TEXT(field)                                                                                     \
	if (strcmp(before->field, after.field) != 0) {                                                       \
		life_dump(g);                                                                                \
		fail_msg("%s: " #field " was %s, is %s", when, before->field, after.field);                  \
	}
	SAME_TEXT(instance)
	SAME(state)
	SAME_TEXT(type)
	SAME(tagged)
	SAME(node)
	SAME(maintenance)
	SAME(database)
	SAME(location)
	SAME_TEXT(nat)
	SAME_TEXT(allocation)
	SAME_TEXT(group)
	SAME(rules)
	SAME_TEXT(settings)
#undef SAME
#undef SAME_TEXT
	assert_int_equal(world_counters(g->world).calls_cut, 0);
}

/* A world in which the kind was asked for. */
static struct life *kind_begin(const struct kind_test *kind)
{
	struct life *g = life_new();

	life_look(g);
	kind->ask(g);
	g->person = kind->person;
	return g;
}

#endif

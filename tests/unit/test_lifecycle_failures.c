/*
 * Must-show: what upstream says against a step ends in a state that names the step, what was said and a remedy. Mended and resumed it is
 * done; undone, nothing is left. The same for what never comes, and for what somebody takes away in the middle.
 */
#include "tests/unit/lifecycle_kinds.h"

#define EC2(action, code, status)                                                                            \
	"{\"command\": \"fail_next\", \"action\": \"" action "\", \"code\": \"" code                         \
	"\", \"status\": " status "}"
#define FACE(path, method, code, more)                                                                       \
	"{\"command\": \"fail_next\", \"path\": \"" path "\", \"method\": \"" method "\", \"code\": \"" code \
	"\", " more "}"
#define NODE(method, more) FACE("configuration/v1/worker_vm/", method, "no", more)
#define FIELD(method, field, words, more)                                                                    \
	FACE("configuration/v1/", method, words, "\"field\": \"" field "\", \"status\": 400" more)

/* `remedy` is part of the step's error like `says`; `stays`: the step is one of no return. */
static const struct failure {
	const char *kind;
	const char *command; /* of the control port */
	const char *step;
	const char *says;
	const char *remedy;
	bool stays;
} failures[] = {
	{"deploy", EC2("RunInstances", "InsufficientInstanceCapacity", "500"), "launch",
	 "InsufficientInstanceCapacity", "spread nodes over zones", false},
	{"deploy", EC2("RunInstances", "VcpuLimitExceeded", "400"), "launch", "VcpuLimitExceeded", "quota",
	 false},
	{"deploy", EC2("RunInstances", "UnauthorizedOperation", "403"), "launch", "UnauthorizedOperation",
	 "IAM policy", false},
	{"deploy", EC2("AllocateAddress", "AddressLimitExceeded", "400"), "allocate_address",
	 "AddressLimitExceeded", "quota", false},
	{"deploy", EC2("AssociateAddress", "Resource.AlreadyAssociated", "400"), "associate_address",
	 "Resource.AlreadyAssociated", "Elastic IP", false},
	{"deploy", FIELD("POST", "hostname", "This name is taken.", ""), "create_node",
	 "hostname: This name is taken.", "Mend what", false},
	{"deploy", NODE("POST", "\"status\": 403"), "create_node", "permission", "Give the role", false},
	{"deploy", FACE("configuration/bootstrap", "POST", "no", "\"status\": 400"), "upload", "400",
	 "undo the operation", false},
	{"deploy", NODE("PATCH", "\"status\": 403"), "maintenance_on", "permission", "Give the role", false},
	{"deploy", EC2("StopInstances", "UnauthorizedOperation", "403"), "stop_instance",
	 "UnauthorizedOperation", "IAM policy", false},
	{"deploy", NODE("PATCH", "\"status\": 403, \"skip\": 1"), "maintenance_off", "permission",
	 "Give the role", false},
	{"deploy_management_node", EC2("RunInstances", "InstanceLimitExceeded", "400"), "launch",
	 "InstanceLimitExceeded", "quota", false},
	{"remove", NODE("DELETE", "\"status\": 403"), "delete_node", "permission", "Give the role", true},
	{"remove", EC2("TerminateInstances", "OperationNotPermitted", "400"), "terminate",
	 "OperationNotPermitted", "termination protection", true},
	{"remove", EC2("ReleaseAddress", "InvalidAddress.Locked", "400"), "release_address",
	 "InvalidAddress.Locked", "Elastic IP", true},
	{"resize", EC2("ModifyInstanceAttribute", "Unsupported", "400"), "set_type", "Unsupported",
	 "AWS console", false},
	{"resize, running", EC2("StartInstances", "InsufficientInstanceCapacity", "500"), "start_instance",
	 "InsufficientInstanceCapacity", "spread nodes over zones", false},
	{"reinstate", EC2("StartInstances", "InsufficientInstanceCapacity", "500"), "start_instance",
	 "InsufficientInstanceCapacity", "spread nodes over zones", false},
	{"shut_down", NODE("PATCH", "\"status\": 403"), "maintenance_on", "permission", "Give the role",
	 false},
	{"shut_down", EC2("StopInstances", "UnauthorizedOperation", "403"), "stop_instance",
	 "UnauthorizedOperation", "IAM policy", false},
	{"enable_ena", EC2("ModifyInstanceAttribute", "UnauthorizedOperation", "403"), "set_ena",
	 "UnauthorizedOperation", "IAM policy", false},
	{"convert", EC2("CreateTags", "TagLimitExceeded", "400"), "untag", "TagLimitExceeded", "quota",
	 false},
	{"convert", EC2("DeleteTags", "UnauthorizedOperation", "403"), "untag", "UnauthorizedOperation",
	 "IAM policy", false},
	{"convert", FIELD("PATCH", "system_location", "Not here.", ""), "set_location",
	 "system_location: Not here.", "Mend what", false},
	{"convert", FIELD("PATCH", "enable_distributed_database", "Not now.", ", \"skip\": 1"),
	 "distributed_database", "enable_distributed_database: Not now.", "Mend what", false},
	{"convert to overflow", EC2("CreateTags", "TagLimitExceeded", "400"), "tag", "TagLimitExceeded",
	 "quota", false},
	{"assign_address", EC2("AllocateAddress", "AddressLimitExceeded", "400"), "allocate_address",
	 "AddressLimitExceeded", "quota", false},
	{"assign_address", EC2("AssociateAddress", "Resource.AlreadyAssociated", "400"), "associate_address",
	 "Resource.AlreadyAssociated", "Elastic IP", false},
	{"follow_address", NODE("PATCH", "\"status\": 403"), "static_nat", "permission", "Give the role",
	 false},
	{"security_group, made", EC2("CreateSecurityGroup", "SecurityGroupLimitExceeded", "400"),
	 "security_group", "SecurityGroupLimitExceeded", "quota", false},
	{"security_group, made",
	 EC2("AuthorizeSecurityGroupIngress", "RulesPerSecurityGroupLimitExceeded", "400"), "group_rules",
	 "RulesPerSecurityGroupLimitExceeded", "quota", false},
	{"security_group, completed",
	 EC2("AuthorizeSecurityGroupEgress", "RulesPerSecurityGroupLimitExceeded", "400"), "group_rules",
	 "RulesPerSecurityGroupLimitExceeded", "quota", false},
	{"push_settings", FIELD("PATCH", "bursting_threshold", "Too much.", ""), "push_settings",
	 "bursting_threshold: Too much.", "Mend what", true},
};

static const struct kind_test *kind_of(const char *name)
{
	for (size_t k = 0; k < KINDS; k++)
		if (!strcmp(kinds[k].name, name))
			return &kinds[k];
	fail_msg("no kind %s", name);
	return NULL;
}

static void assert_told(struct life *g, const char *step, const char *says, const char *remedy)
{
	_cleanup_(operation_freep) struct operation *op = life_operation(g);
	const struct operation_step *s = &op->steps[operation_present(op)];

	if (strcmp(step_text(s->name), step) != 0 || !strstr(s->error, says) || !strstr(s->error, remedy) ||
	    strncmp(op->intent.error, step, strlen(step)) != 0)
		fail_msg("%s, wanted \"%s\" and \"%s\"; step: %s", op->intent.error, says, remedy, s->error);
}

static struct life *halted_by(const struct failure *f, struct things *before)
{
	const struct kind_test *kind = kind_of(f->kind);
	struct life *g = kind_begin(kind);

	*before = see(g);
	life_control(g, f->command);
	assert_ends(g, kind->minutes, INTENT_HALTED);
	assert_told(g, f->step, f->says, f->remedy);
	return g;
}

static void assert_no_return(struct life *g)
{
	_cleanup_(operation_freep) struct operation *op = life_operation(g);

	assert_non_null(operation_no_return(op));
	assert_int_equal(lifecycle_may_move(op, MOVE_UNDO, E), ERR_CONFLICT);
}

static void failures_are_told_and_mended(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
		const struct kind_test *kind = kind_of(failures[i].kind);
		struct things before;
		struct life *g = halted_by(&failures[i], &before);

		life_turn(g, MOVE_RESUME);
		assert_ends(g, kind->minutes, INTENT_DONE);
		kind->ended(g);
		life_free(g);
	}
}

static void failures_are_undone(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
		struct things before;
		struct life *g = halted_by(&failures[i], &before);

		if (failures[i].stays) {
			assert_no_return(g);
		} else {
			life_turn(g, MOVE_UNDO);
			assert_ends(g, kind_of(failures[i].kind)->minutes, INTENT_CANCELLED);
			assert_as_before(g, failures[i].kind, &before);
		}
		life_free(g);
	}
}

/* --- what never comes --------------------------------------------------------------------------------------------------- */

/* Until the step is at work. */
static void run_to(struct life *g, enum step_name step)
{
	if (step == STEP_UPLOAD) /* else it is over in one pass */
		life_control(g, "{\"command\": \"fail_next\", \"path\": \"/172.31.\", \"method\": \"GET\", "
				"\"times\": 3, \"how\": \"drop\"}");
	for (int i = 0; i < 2000; i++) {
		_cleanup_(operation_freep) struct operation *op = life_operation(g);
		size_t at = operation_present(op);

		if (at < op->n_steps && op->steps[at].name == step && op->steps[at].state == STEP_RUNNING)
			return;
		life_tick(g);
	}
	life_dump(g);
	fail_msg("%s does not come", step_text(step));
}

/* Port 8443 is not open for burstd's host, until somebody mends the security group. */
static struct life *port_closed(struct things *before)
{
	struct life *g = kind_begin(kind_of("deploy"));

	*before = see(g);
	life_control(g,
		     "{\"command\": \"fail_next\", \"path\": \"/172.31.\", \"method\": \"GET\", \"times\": "
		     "370, \"how\": \"drop\"}");
	assert_ends(g, 120, INTENT_HALTED);
	assert_told(g, "upload", "took longer than 30 minutes (waits for port 8443", "resume");
	return g;
}

static void a_port_that_never_answers(void **state)
{
	struct things before;
	struct life *g = port_closed(&before);

	(void)state;
	life_turn(g, MOVE_RESUME);
	assert_ends(g, 120, INTENT_DONE);
	kind_of("deploy")->ended(g);
	life_free(g);
	g = port_closed(&before);
	life_turn(g, MOVE_UNDO);
	assert_ends(g, 120, INTENT_CANCELLED);
	assert_as_before(g, "a closed port", &before);
	life_free(g);
}

static struct life *never_synced(const char *kind, enum step_name at, struct things *before)
{
	struct life *g = kind_begin(kind_of(kind));
	_cleanup_(operation_freep) struct operation *op = life_operation(g);
	char command[200];

	*before = see(g);
	run_to(g, at);
	(void)snprintf(command, sizeof command,
		       "{\"command\": \"fault\", \"fault\": \"never_sync\", \"node\": \"%s\"}",
		       op->intent.node_name);
	life_control(g, command);
	assert_ends(g, 120, INTENT_HALTED);
	assert_told(g, "await_synced", "took longer than 30 minutes (sync status", "resume");
	return g;
}

static void a_node_that_never_syncs(void **state)
{
	struct things before;
	struct life *g = never_synced("deploy", STEP_UPLOAD, &before);

	(void)state;
	life_control(g, "{\"command\": \"clear\"}");
	life_turn(g, MOVE_RESUME);
	assert_ends(g, 120, INTENT_DONE);
	kind_of("deploy")->ended(g);
	life_free(g);
	g = never_synced("deploy", STEP_UPLOAD, &before);
	life_turn(g, MOVE_UNDO);
	assert_ends(g, 120, INTENT_CANCELLED);
	assert_as_before(g, "a node that never syncs", &before);
	life_free(g);
}

/* RULE D2: it was heard of before, so nobody knows what is on it now. The undo says so, and goes on when it is heard. */
static void an_undo_never_stops_what_is_not_heard(void **state)
{
	struct things before;
	struct life *g = never_synced("reinstate", STEP_START_INSTANCE, &before);

	(void)state;
	life_turn(g, MOVE_UNDO);
	assert_ends(g, 120, INTENT_HALTED);
	assert_told(g, "start_instance", "not while calls could be cut", "resume");
	life_control(g, "{\"command\": \"clear\"}");
	life_turn(g, MOVE_RESUME);
	assert_ends(g, 120, INTENT_CANCELLED);
	assert_as_before(g, "not heard", &before);
	life_free(g);
}

/* --- behind our back ----------------------------------------------------------------------------------------------------- */

static const struct loss {
	const char *kind;
	enum step_name at;
	bool node; /* deleted in Infinity; else the instance is terminated */
	const char *says;
} losses[] = {
	{"deploy", STEP_UPLOAD, false, "is terminated"},
	{"deploy", STEP_AWAIT_SYNCED, true, "no longer configured"},
	{"deploy", STEP_STOP_INSTANCE, false, "is terminated"},
	{"resize, running", STEP_SET_TYPE, false, "is terminated"},
	{"resize, running", STEP_AWAIT_SYNCED, true, "no longer configured"},
	{"resize, running", STEP_AWAIT_SYNCED, false, "is terminated"},
	{"convert", STEP_START_INSTANCE, true, "no longer configured"},
	{"reinstate", STEP_AWAIT_SYNCED, false, "is terminated"},
	{"assign_address", STEP_ASSOCIATE_ADDRESS, false, "is terminated"},
};

static void lose(struct life *g, const struct loss *l)
{
	_cleanup_(operation_freep) struct operation *op = life_operation(g);
	struct upstream_error e = {0};
	char command[200];

	(void)snprintf(command, sizeof command, "{\"command\": \"terminate\", \"instance\": \"%s\"}",
		       op->intent.instance);
	if (l->node)
		assert_true(infinity_resource_delete(g->infinity, RESOURCE_WORKER_VM, op->intent.node, &e));
	else
		life_control(g, command);
	world_advance(g->world, world_now(g->world) + 5 * MINUTE);
}

static void what_is_lost_is_told_and_undone(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(losses); i++) {
		struct life *g = kind_begin(kind_of(losses[i].kind));
		_cleanup_(operation_freep) struct operation *op = NULL;
		struct things t;

		run_to(g, losses[i].at);
		lose(g, &losses[i]);
		assert_ends(g, 20, INTENT_HALTED);
		op = life_operation(g);
		if (!strstr(op->intent.error, losses[i].says) || !strstr(op->intent.error, "ndo"))
			fail_msg("%s at %s: %s", losses[i].kind, step_text(losses[i].at), op->intent.error);
		life_turn(g, MOVE_UNDO);
		assert_ends(g, 120, INTENT_CANCELLED);
		t = see(g);
		assert_string_equal(t.allocation, "");
		assert_true(!losses[i].node || !t.instance[0] || !strcmp(t.type, "c5.2xlarge"));
		if (!strcmp(losses[i].kind, "deploy"))
			assert_true(!t.instance[0] && !t.node);
		life_free(g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures_are_told_and_mended),
		cmocka_unit_test(failures_are_undone),
		cmocka_unit_test(a_port_that_never_answers),
		cmocka_unit_test(a_node_that_never_syncs),
		cmocka_unit_test(an_undo_never_stops_what_is_not_heard),
		cmocka_unit_test(what_is_lost_is_told_and_undone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

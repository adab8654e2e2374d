/* Life-cycle operations in the store: values, steps and secrets move with their intent, or not at all. */
#include "tests/unit/store_fixture.h"

#include "store/lifecycle.h"

static struct operation *deployment(const char *name)
{
	struct operation *op = calloc(1, sizeof(*op));

	assert_non_null(op);
	op->intent = (struct intent){.kind = INTENT_DEPLOY_NODE,
				     .state = INTENT_WORKING,
				     .location = 4,
				     .actor = "alice",
				     .reason = "why",
				     .created_at = 10,
				     .entered_at = 10};
	(void)snprintf(op->intent.node_name, sizeof(op->intent.node_name), "%s", name);
	(void)snprintf(op->intent.region, sizeof(op->intent.region), "eu-west-1");
	assert_true(operation_set(op, VALUE_SUBNET, "subnet-1"));
	assert_true(operation_set(op, VALUE_SSH_PASSWORD, "hunter2"));
	operation_plan(op);
	return op;
}

static void what_was_added_is_read(void **state)
{
	struct fixture *f = *state;
	_cleanup_(operation_freep) struct operation *op = deployment("new");
	_cleanup_(operation_freep) struct operation *seen = NULL;
	_cleanup_(operation_freep) struct operation *whole = NULL;

	assert_ok(store_operation_add(f->store, op, E));
	assert_ok(store_operation_get(f->store, op->intent.id, false, &seen, E));
	assert_string_equal(operation_text(seen, VALUE_SUBNET), "subnet-1");
	assert_null(seen->values[VALUE_SSH_PASSWORD]);
	assert_int_equal(seen->n_steps, op->n_steps);
	assert_int_equal(seen->steps[0].name, STEP_CHECK);
	assert_int_equal(operation_present(seen), 0);
	assert_ok(store_operation_get(f->store, op->intent.id, true, &whole, E));
	assert_string_equal(operation_text(whole, VALUE_SSH_PASSWORD), "hunter2");
}

static void a_secret_is_sealed_and_forgotten_at_the_end(void **state)
{
	struct fixture *f = *state;
	_cleanup_(operation_freep) struct operation *op = deployment("new");

	assert_ok(store_operation_add(f->store, op, E));
	assert_int_equal(sqlite3_exec(f->store->db, "SELECT 1", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(raw_number(f->store->db,
				    "SELECT count(*) FROM operation_value WHERE value LIKE "
				    "'%hunter2%' OR instr(sealed, CAST('hunter2' AS BLOB)) > 0"),
			 0);
	assert_int_equal(raw_number(f->store->db, "SELECT count(*) FROM operation_value WHERE sealed IS NOT "
						  "NULL"),
			 1);
	op->intent.state = INTENT_FAILED;
	op->intent.entered_at = 20;
	assert_ok(store_operation_move(f->store, op, INTENT_WORKING, 0, E));
	assert_int_equal(raw_number(f->store->db, "SELECT count(*) FROM operation_value WHERE sealed IS NOT "
						  "NULL"),
			 0);
}

static void a_move_writes_all_or_nothing(void **state)
{
	struct fixture *f = *state;
	_cleanup_(operation_freep) struct operation *op = deployment("new");
	_cleanup_(operation_freep) struct operation *seen = NULL;
	struct error e;

	assert_ok(store_operation_add(f->store, op, E));
	op->steps[0].state = STEP_DONE;
	op->steps[1].state = STEP_RUNNING;
	op->steps[1].attempts = 1;
	op->intent.attempts = 1;
	op->intent.node = 7;
	assert_true(operation_set(op, VALUE_IMAGE, "ami-1"));
	assert_true(operation_set(op, VALUE_SUBNET, NULL));
	assert_ok(store_operation_move(f->store, op, INTENT_WORKING, 0, E));
	assert_true(operation_set(op, VALUE_IMAGE, "ami-2"));
	assert_int_equal(store_operation_move(f->store, op, INTENT_WORKING, 0, &e), ERR_CONFLICT);
	assert_ok(store_operation_get(f->store, op->intent.id, true, &seen, E));
	assert_string_equal(operation_text(seen, VALUE_IMAGE), "ami-1");
	assert_null(seen->values[VALUE_SUBNET]);
	assert_string_equal(operation_text(seen, VALUE_SSH_PASSWORD), "hunter2");
	assert_int_equal(operation_present(seen), 1);
	assert_int_equal(seen->steps[1].attempts, 1);
	assert_int_equal(seen->intent.node, 7);
}

static void one_open_deployment_of_a_name(void **state)
{
	struct fixture *f = *state;
	_cleanup_(operation_freep) struct operation *first = deployment("new");
	_cleanup_(operation_freep) struct operation *twin = deployment("new");
	_cleanup_(operation_freep) struct operation *other = deployment("other");
	struct intent in = {.kind = INTENT_LOCATION_UPDATE, .state = INTENT_APPLYING, .location = 4};
	struct error e;

	assert_ok(store_operation_add(f->store, first, E));
	assert_int_equal(store_operation_add(f->store, twin, &e), ERR_CONFLICT);
	assert_string_equal(e.pointer, "/name");
	assert_ok(store_operation_add(f->store, other, E));
	/* a deployment into a location does not keep the location itself from being changed */
	assert_ok(store_intent_add(f->store, &in, E));
}

static void the_newest_value_with_a_text(void **state)
{
	struct fixture *f = *state;
	_cleanup_(operation_freep) struct operation *older = deployment("a");
	_cleanup_(operation_freep) struct operation *newer = deployment("b");
	_cleanup_(operation_freep) struct operation *other = deployment("c");
	char *found = NULL;

	assert_true(operation_set(older, VALUE_PLATFORM_LICENCES, "aa/1,bb/2"));
	assert_true(operation_set(newer, VALUE_PLATFORM_LICENCES, "aa/7"));
	assert_true(operation_set(other, VALUE_PLATFORM_MADE, "aa/8"));
	assert_ok(store_operation_add(f->store, older, E));
	assert_ok(store_operation_add(f->store, newer, E));
	assert_ok(store_operation_add(f->store, other, E));
	assert_ok(store_value_find(f->store, VALUE_PLATFORM_LICENCES, "aa/", &found, E));
	assert_string_equal(found, "aa/7");
	free(found);
	assert_ok(store_value_find(f->store, VALUE_PLATFORM_LICENCES, "bb/", &found, E));
	assert_string_equal(found, "aa/1,bb/2");
	free(found);
	assert_ok(store_value_find(f->store, VALUE_PLATFORM_LICENCES, "cc/", &found, E));
	assert_null(found);
	/* a secret is sealed: it is not found by what it says */
	assert_ok(store_value_find(f->store, VALUE_SSH_PASSWORD, "hunter2", &found, E));
	assert_null(found);
}

static void when_a_step_was_last_done(void **state)
{
	struct fixture *f = *state;
	_cleanup_(operation_freep) struct operation *op = deployment("new");
	int64_t at = -1;

	assert_ok(store_operation_add(f->store, op, E));
	assert_ok(store_step_last(f->store, STEP_CHECK, 0, &at, E));
	assert_int_equal(at, 0);
	op->steps[0].state = STEP_RUNNING;
	op->steps[0].attempts = 1;
	assert_ok(store_operation_move(f->store, op, INTENT_WORKING, 0, E));
	assert_ok(store_step_last(f->store, STEP_CHECK, 0, &at, E));
	assert_int_equal(at, INT64_MAX);
	assert_ok(store_step_last(f->store, STEP_CHECK, op->intent.id, &at, E));
	assert_int_equal(at, 0);
	op->steps[0].state = STEP_DONE;
	op->steps[0].ended_at = 33;
	assert_ok(store_operation_move(f->store, op, INTENT_WORKING, 0, E));
	assert_ok(store_step_last(f->store, STEP_CHECK, 0, &at, E));
	assert_int_equal(at, 33);
}

static void steps_tell_where_it_stands(void **state)
{
	_cleanup_(operation_freep) struct operation *op = deployment("new");

	op->steps[0].state = STEP_DONE;
	op->steps[1].state = STEP_SKIPPED;
	op->steps[2].state = STEP_HALTED;
	assert_int_equal(operation_present(op), 2);
	assert_false(operation_undoing(op));
	op->steps[2].state = STEP_UNDONE;
	assert_true(operation_undoing(op));
	assert_int_equal(operation_present(op), 0);
	op->steps[0].state = STEP_UNDONE;
	assert_int_equal(operation_present(op), op->n_steps);
	assert_null(operation_no_return(op));
	op->intent.kind = INTENT_REMOVE;
	operation_plan(op);
	op->steps[3].state = STEP_RUNNING; /* delete_node */
	assert_null(operation_no_return(op));
	op->steps[3].attempts = 1;
	assert_non_null(operation_no_return(op));
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_added_is_read, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_secret_is_sealed_and_forgotten_at_the_end, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(a_move_writes_all_or_nothing, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(one_open_deployment_of_a_name, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(the_newest_value_with_a_text, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(when_a_step_was_last_done, fixture_setup, fixture_teardown),
		cmocka_unit_test(steps_tell_where_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Must-show: a life-cycle operation is called off after each single change that it makes, its answer heard or lost, and the world is as
 * before; or operation_no_return() says that it cannot be, and the operation goes on to its end.
 */
#include "tests/unit/lifecycle_kinds.h"

/* It can be called off, so it is; else it has to end. */
static void turn_back(struct life *g, const struct kind_test *kind, const struct things *before, int at)
{
	_cleanup_(operation_freep) struct operation *op = life_operation(g);
	char when[100];

	if (operation_no_return(op)) {
		assert_ends(g, 2 * kind->minutes, INTENT_DONE);
		kind->ended(g);
		return;
	}
	life_turn(g, MOVE_UNDO);
	if (life_run(g, 2 * kind->minutes) != INTENT_CANCELLED) {
		life_dump(g);
		fail_msg("%s, called off at %d, is not undone", kind->name, at);
	}
	(void)snprintf(when, sizeof when, "%s, called off at %d", kind->name, at);
	assert_as_before(g, when, before);
}

/* False when the operation makes fewer changes. */
static bool called_off_after(const struct kind_test *kind, int at)
{
	struct life *g = kind_begin(kind);
	struct things before = see(g);
	int64_t until = world_now(g->world) + kind->minutes * MINUTE;
	bool open;

	while (g->death.calls < at && intent_is_open(life_state(g)) && world_now(g->world) < until) {
		life_tick(g);
		if (life_state(g) == INTENT_NEEDS_PERSON && g->person)
			g->person(g);
	}
	open = intent_is_open(life_state(g));
	if (open)
		turn_back(g, kind, &before, at);
	life_free(g);
	return open;
}

/* The same, where the process ended without an answer and the next one is told. */
static bool called_off_in_doubt(const struct kind_test *kind, int at)
{
	struct life *g = kind_begin(kind);
	struct things before = see(g);
	bool died;

	g->death.at = at;
	g->death.made = true;
	(void)life_run(g, kind->minutes);
	died = g->death.dead;
	if (died) {
		life_reborn(g);
		turn_back(g, kind, &before, at);
	}
	life_free(g);
	return died;
}

static void called_off_after_every_change(void **state)
{
	(void)state;
	for (size_t k = 0; k < KINDS; k++)
		for (int at = 1; called_off_after(&kinds[k], at); at++)
			continue;
}

static void called_off_after_every_lost_answer(void **state)
{
	(void)state;
	for (size_t k = 0; k < KINDS; k++)
		for (int at = 1; called_off_in_doubt(&kinds[k], at); at++)
			continue;
}

/* Only what is gone for good is a point of no return. */
static void no_return_is_told(void **state)
{
	static const struct {
		enum intent_kind kind;
		enum step_name step;
	} steps[] = {{INTENT_REMOVE, STEP_DELETE_NODE},
		     {INTENT_REMOVE, STEP_TERMINATE},
		     {INTENT_REMOVE, STEP_RELEASE_ADDRESS},
		     {INTENT_PUSH_SETTINGS, STEP_PUSH_SETTINGS}};
	size_t told = 0;

	(void)state;
	for (int s = 0; s < STEP_COUNT; s++)
		told += step_no_return((enum step_name)s) != NULL;
	assert_int_equal(told, ARRAY_LEN(steps));
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct operation op = {.intent.kind = steps[i].kind};

		operation_plan(&op);
		assert_null(operation_no_return(&op));
		for (size_t k = 0; k < op.n_steps; k++)
			if (op.steps[k].name == steps[i].step)
				op.steps[k] = (struct operation_step){
					.name = steps[i].step, .state = STEP_RUNNING, .attempts = 1};
		assert_string_equal(operation_no_return(&op), step_no_return(steps[i].step));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_return_is_told),
		cmocka_unit_test(called_off_after_every_change),
		cmocka_unit_test(called_off_after_every_lost_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

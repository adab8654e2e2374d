/*
 * Must-show: the process ends at each single call of a life-cycle operation that changes something, before it and after it, and the next
 * process ends the operation as if nothing had happened.
 */
#include "tests/unit/lifecycle_kinds.h"

/* False when the operation makes fewer changes: it ended without a death. */
static bool ended_at(const struct kind_test *kind, int at, bool made)
{
	struct life *g = kind_begin(kind);
	bool died;

	g->death.at = at;
	g->death.made = made;
	(void)life_run(g, kind->minutes);
	died = g->death.dead;
	if (died) {
		life_reborn(g);
		if (life_run(g, 2 * kind->minutes) != INTENT_DONE) {
			life_dump(g);
			fail_msg("%s, ended %s call %d", kind->name, made ? "after" : "before", at);
		}
		kind->ended(g);
		assert_int_equal(world_counters(g->world).calls_cut, 0);
	}
	life_free(g);
	return died;
}

static void ended_before_every_change(void **state)
{
	(void)state;
	for (size_t k = 0; k < KINDS; k++)
		for (int at = 1; ended_at(&kinds[k], at, false); at++)
			continue;
}

static void ended_after_every_change(void **state)
{
	(void)state;
	for (size_t k = 0; k < KINDS; k++)
		for (int at = 1; ended_at(&kinds[k], at, true); at++)
			continue;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ended_before_every_change),
		cmocka_unit_test(ended_after_every_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

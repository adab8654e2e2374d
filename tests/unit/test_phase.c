/* The one table of moves between phases, and the words that the API and the store use for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fleet/phase.h"

#define U PHASE_UNKNOWN
#define O PHASE_STOPPED
#define A PHASE_STARTING
#define S PHASE_SERVING
#define D PHASE_DRAINING
#define G PHASE_STOPPING
#define F PHASE_FAILED

/* Written down a second time, by rows: what the table allows, and with it what it refuses. */
static const struct {
	enum node_phase from;
	bool to[PHASE_COUNT];
} wanted[] = {
	{U, {[U] = 1, [O] = 1, [A] = 1, [S] = 1, [D] = 1, [G] = 1, [F] = 1}},
	{O, {[U] = 1, [O] = 1, [A] = 1, [S] = 1, [D] = 0, [G] = 1, [F] = 1}},
	{A, {[U] = 1, [O] = 1, [A] = 1, [S] = 1, [D] = 1, [G] = 1, [F] = 1}},
	{S, {[U] = 1, [O] = 1, [A] = 1, [S] = 1, [D] = 1, [G] = 1, [F] = 0}},
	{D, {[U] = 1, [O] = 1, [A] = 1, [S] = 1, [D] = 1, [G] = 1, [F] = 0}},
	{G, {[U] = 1, [O] = 1, [A] = 1, [S] = 0, [D] = 1, [G] = 1, [F] = 0}},
	{F, {[U] = 1, [O] = 1, [A] = 1, [S] = 1, [D] = 0, [G] = 1, [F] = 1}},
};

static void every_pair_is_as_drawn(void **state)
{
	(void)state;
	assert_int_equal(sizeof(wanted) / sizeof(wanted[0]), PHASE_COUNT);
	for (int from = 0; from < PHASE_COUNT; from++)
		for (int to = 0; to < PHASE_COUNT; to++)
			if (phase_may_move(wanted[from].from, (enum node_phase)to) != wanted[from].to[to])
				fail_msg("%s -> %s", phase_text(wanted[from].from),
					 phase_text((enum node_phase)to));
}

/* RULE D2: a jump that contradicts what we knew is doubt, and doubt can be left to anywhere. */
static void a_jump_is_doubt(void **state)
{
	(void)state;
	assert_int_equal(phase_move(PHASE_STOPPED, PHASE_DRAINING), PHASE_UNKNOWN);
	assert_int_equal(phase_move(PHASE_STOPPING, PHASE_SERVING), PHASE_UNKNOWN);
	assert_int_equal(phase_move(PHASE_SERVING, PHASE_FAILED), PHASE_UNKNOWN);
	for (int to = 0; to < PHASE_COUNT; to++)
		assert_int_equal(phase_move(PHASE_UNKNOWN, (enum node_phase)to), to);
}

static void an_allowed_move_is_made(void **state)
{
	(void)state;
	assert_int_equal(phase_move(PHASE_STARTING, PHASE_SERVING), PHASE_SERVING);
	assert_int_equal(phase_move(PHASE_SERVING, PHASE_SERVING), PHASE_SERVING);
	/* RULE S4: a start that took too long */
	assert_int_equal(phase_move(PHASE_STARTING, PHASE_FAILED), PHASE_FAILED);
	/* RULE E5: a drain is called off until the last moment */
	assert_int_equal(phase_move(PHASE_DRAINING, PHASE_SERVING), PHASE_SERVING);
	/* RULE D3: others stop a node in any phase */
	for (int from = 0; from < PHASE_COUNT; from++)
		assert_int_equal(phase_move((enum node_phase)from, PHASE_STOPPED), PHASE_STOPPED);
}

static void words_go_both_ways(void **state)
{
	(void)state;
	for (int i = 0; i < PHASE_COUNT; i++)
		assert_int_equal(phase_from_text(phase_text((enum node_phase)i)), i);
	assert_int_equal(phase_from_text("running"), PHASE_COUNT);
	assert_int_equal(phase_from_text(""), PHASE_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_is_as_drawn),
		cmocka_unit_test(a_jump_is_doubt),
		cmocka_unit_test(an_allowed_move_is_made),
		cmocka_unit_test(words_go_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* How intents ended, counted: right at every call, whatever is open in between, on every connection. */
#include "tests/unit/store_fixture.h"

#include "base/clock.h"
#include "fleet/lifecycle.h"

static void add(struct fixture *f, int64_t node, enum intent_kind kind, struct intent *ret)
{
	enum intent_state first = kind == INTENT_START     ? INTENT_STARTING
				  : intent_has_steps(kind) ? INTENT_WORKING
							   : INTENT_MAINTENANCE_ON;

	*ret = (struct intent){
		.kind = kind, .state = first, .node = node, .created_at = 1000, .entered_at = 1000};
	assert_ok(store_intent_add(f->store, ret, E));
}

static void move(struct fixture *f, struct intent *in, enum intent_state to, int64_t at)
{
	enum intent_state from = in->state;

	in->state = to;
	in->entered_at = at;
	assert_ok(store_intent_move(f->store, in, from, in->attempts, E));
}

/* A start that serves `took` milliseconds after it was made. */
static void start(struct fixture *f, int64_t node, int64_t took)
{
	struct intent in;

	add(f, node, INTENT_START, &in);
	move(f, &in, INTENT_BOOTING, 2000);
	move(f, &in, INTENT_DONE, 1000 + took);
}

static struct intent_tally tally(struct fixture *f)
{
	struct intent_tally t;

	assert_ok(store_intent_tally(f->store, &t, E));
	return t;
}

static void counts_by_kind_and_end(void **state)
{
	struct fixture *f = *state;
	struct intent in;
	struct intent_tally t = tally(f);

	assert_int_equal(t.closed[INTENT_START][INTENT_DONE], 0);
	start(f, 1, 15000);
	start(f, 2, 15001);
	start(f, 2, 700000);
	add(f, 3, INTENT_START, &in);
	move(f, &in, INTENT_FAILED, 5000);
	add(f, 4, INTENT_STOP, &in);
	t = tally(f);
	assert_int_equal(t.closed[INTENT_START][INTENT_DONE], 3);
	assert_int_equal(t.closed[INTENT_START][INTENT_FAILED], 1);
	assert_int_equal(t.closed[INTENT_STOP][INTENT_MAINTENANCE_ON], 0); /* open: no end yet */
	assert_int_equal(t.boots[0], 1);
	assert_int_equal(t.boots[1], 1);
	assert_int_equal(t.boots[BOOT_BOUNDS], 1);
	assert_int_equal(t.boots_ms, 730001);
}

/* Life-cycle operations: halted is no end, and each way to end is counted by itself. */
static void counts_life_cycle_operations(void **state)
{
	struct fixture *f = *state;
	struct intent in;

	add(f, 5, INTENT_RESIZE, &in);
	move(f, &in, INTENT_HALTED, 2000);
	assert_int_equal(tally(f).closed[INTENT_RESIZE][INTENT_HALTED], 0);
	move(f, &in, INTENT_ABANDONED, 3000);
	add(f, 5, INTENT_RESIZE, &in);
	move(f, &in, INTENT_FAILED, 3000);
	add(f, 6, INTENT_REMOVE, &in);
	move(f, &in, INTENT_DONE, 3000);
	assert_int_equal(tally(f).closed[INTENT_RESIZE][INTENT_ABANDONED], 1);
	assert_int_equal(tally(f).closed[INTENT_RESIZE][INTENT_FAILED], 1);
	assert_int_equal(tally(f).closed[INTENT_REMOVE][INTENT_DONE], 1);
	assert_int_equal(tally(f).closed[INTENT_START][INTENT_DONE], 0);
}

/* What lies behind an open intent must be counted once, before it closes and after. */
static void an_open_one_is_passed_over(void **state)
{
	struct fixture *f = *state;
	struct intent open;
	struct intent_tally t;

	start(f, 1, 30000);
	add(f, 2, INTENT_STOP, &open);
	start(f, 3, 30000);
	for (int i = 0; i < 3; i++)
		assert_int_equal(tally(f).closed[INTENT_START][INTENT_DONE], 2);
	move(f, &open, INTENT_CANCELLING, 4000);
	assert_int_equal(tally(f).closed[INTENT_STOP][INTENT_CANCELLED], 0);
	move(f, &open, INTENT_CANCELLED, 5000);
	start(f, 4, 30000);
	for (int i = 0; i < 3; i++) {
		t = tally(f);
		assert_int_equal(t.closed[INTENT_START][INTENT_DONE], 3);
		assert_int_equal(t.closed[INTENT_STOP][INTENT_CANCELLED], 1);
		assert_int_equal(t.boots[1], 3);
	}
}

/* What is remembered is not read again: that is what makes the hundredth scrape cheap. */
static void only_what_is_new_is_read(void **state)
{
	struct fixture *f = *state;

	start(f, 1, 30000);
	start(f, 2, 30000);
	(void)tally(f);
	raw(f->store->db, "DELETE FROM intent WHERE node = 1"); /* burstd never does */
	assert_int_equal(tally(f).closed[INTENT_START][INTENT_DONE], 2);
	start(f, 3, 30000);
	assert_int_equal(tally(f).closed[INTENT_START][INTENT_DONE], 3);
}

static void a_clock_that_went_back_takes_no_time(void **state)
{
	struct fixture *f = *state;

	start(f, 1, -500);
	assert_int_equal(tally(f).boots[0], 1);
	assert_int_equal(tally(f).boots_ms, 0);
}

static void every_connection_counts_alike(void **state)
{
	struct fixture *f = *state;
	struct store *memory = f->store, *other;
	struct intent_tally t;

	f->store = fixture_open(f);
	start(f, 1, 30000);
	(void)tally(f);
	other = fixture_open(f);
	assert_ok(store_intent_tally(other, &t, E));
	assert_int_equal(t.closed[INTENT_START][INTENT_DONE], 1);
	start(f, 2, 30000);
	assert_ok(store_intent_tally(other, &t, E));
	assert_int_equal(t.closed[INTENT_START][INTENT_DONE], 2);
	store_close(other);
	store_close(f->store);
	f->store = memory;
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(counts_by_kind_and_end),
		T(counts_life_cycle_operations),
		T(an_open_one_is_passed_over),
		T(only_what_is_new_is_read),
		T(a_clock_that_went_back_takes_no_time),
		T(every_connection_counts_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Bells: rings at once, hints in their time and once, nothing lost. Waits without end show a wake-up that does not come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "server/bell.h"

#define LONG_MS (3600 * MS_PER_SECOND) /* longer than any test may last */

static int setup(void **state)
{
	static struct bell b;

	bell_make(&b);
	*state = &b;
	return 0;
}

static int teardown(void **state)
{
	bell_destroy(*state);
	return 0;
}

static void a_ring_ends_the_wait(void **state)
{
	struct bell *b = *state;

	bell_ring(b);
	assert_true(bell_wait(b, LONG_MS, false));
	assert_true(bell_wait(b, 1, false)); /* taken: this one ends by its time */
	bell_quiet(b, monotonic_ms() + LONG_MS);
	bell_ring(b); /* quiet is for hints */
	assert_true(bell_wait(b, LONG_MS, false));
}

static void a_hint_ends_the_wait(void **state)
{
	struct bell *b = *state;

	assert_int_equal(bell_hinted_at(b), 0);
	bell_hint(b);
	assert_true(bell_hinted_at(b) > 0);
	assert_true(bell_wait(b, LONG_MS, false));
}

/* The time until which the loop asked for quiet is kept, however many hints come, and then they are one. */
static void hints_wait_until_the_quiet_ends(void **state)
{
	struct bell *b = *state;
	int64_t until = monotonic_ms() + 40;

	bell_quiet(b, until);
	for (int i = 0; i < 1000; i++)
		bell_hint(b);
	assert_true(bell_wait(b, LONG_MS, false));
	assert_true(monotonic_ms() >= until);
	until = monotonic_ms() + 20;
	assert_true(bell_wait(b, 20, false));
	assert_true(monotonic_ms() >= until);
}

static void quiet_never_makes_a_wait_longer(void **state)
{
	struct bell *b = *state;

	bell_quiet(b, monotonic_ms() + LONG_MS);
	bell_hint(b);
	assert_true(bell_wait(b, 1, false));
}

static void *hint(void *bell)
{
	bell_hint(bell);
	return NULL;
}

static void *ring(void *bell)
{
	bell_ring(bell);
	return NULL;
}

static void another_thread_wakes_the_loop(void **state)
{
	void *(*const wakers[])(void *) = {hint, ring};

	for (int i = 0; i < 200; i++) {
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, wakers[i % 2], *state), 0);
		assert_true(bell_wait(*state, LONG_MS, false));
		pthread_join(thread, NULL);
	}
}

/* A pause between two attempts neither ends for a ring nor takes it. */
static void a_pause_keeps_them(void **state)
{
	struct bell *b = *state;
	int64_t until = monotonic_ms() + 20;

	bell_ring(b);
	bell_hint(b);
	assert_true(bell_wait(b, 20, true));
	assert_true(monotonic_ms() >= until);
	assert_true(bell_wait(b, LONG_MS, false));
}

static void closing_ends_every_wait(void **state)
{
	struct bell *b = *state;

	bell_close(b);
	assert_false(bell_wait(b, LONG_MS, false));
	assert_false(bell_wait(b, LONG_MS, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_ring_ends_the_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(a_hint_ends_the_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(hints_wait_until_the_quiet_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(quiet_never_makes_a_wait_longer, setup, teardown),
		cmocka_unit_test_setup_teardown(another_thread_wakes_the_loop, setup, teardown),
		cmocka_unit_test_setup_teardown(a_pause_keeps_them, setup, teardown),
		cmocka_unit_test_setup_teardown(closing_ends_every_wait, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

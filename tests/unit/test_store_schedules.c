/* Schedules and their firings in the store (RULE S8), and a hold that is changed. */
#include "tests/unit/store_fixture.h"

#include "base/limits.h"

#define NOW 1000000

static int64_t nodes[] = {9, 3, 7};
static int64_t exceptions[] = {20454, 20460};
static int64_t extra_dates[] = {20470};

static struct schedule sample(const char *name)
{
	struct schedule s = {.enabled = true,
			     .location = 4,
			     .instances_to_add = 2,
			     .weekdays = 31,
			     .time_from = 28800,
			     .time_to = 36000,
			     .local_timezone = "Europe/Oslo",
			     .minutes_in_advance = 10,
			     .start_date = 20000,
			     .end_date = 21000,
			     .exceptions = exceptions,
			     .n_exceptions = 2,
			     .extra_dates = extra_dates,
			     .n_extra_dates = 1,
			     .created_at = NOW};

	(void)snprintf(s.name, sizeof(s.name), "%s", name);
	return s;
}

static void assert_same(const struct schedule *a, const struct schedule *b)
{
	assert_int_equal(a->id, b->id);
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->enabled, b->enabled);
	assert_int_equal(a->location, b->location);
	assert_int_equal(a->instances_to_add, b->instances_to_add);
	assert_int_equal(a->weekdays, b->weekdays);
	assert_int_equal(a->time_from, b->time_from);
	assert_int_equal(a->time_to, b->time_to);
	assert_string_equal(a->local_timezone, b->local_timezone);
	assert_int_equal(a->minutes_in_advance, b->minutes_in_advance);
	assert_int_equal(a->start_date, b->start_date);
	assert_int_equal(a->end_date, b->end_date);
	assert_int_equal(a->created_at, b->created_at);
	assert_int_equal(a->n_nodes, b->n_nodes);
	assert_memory_equal(a->nodes, b->nodes, a->n_nodes * sizeof(*a->nodes));
	assert_int_equal(a->n_exceptions, b->n_exceptions);
	assert_memory_equal(a->exceptions, b->exceptions, a->n_exceptions * sizeof(*a->exceptions));
	assert_int_equal(a->n_extra_dates, b->n_extra_dates);
	assert_memory_equal(a->extra_dates, b->extra_dates, a->n_extra_dates * sizeof(*a->extra_dates));
}

static void assert_kept(struct store *st, const struct schedule *s)
{
	struct schedule *back = NULL;

	assert_ok(store_schedule_get(st, s->id, &back, E));
	assert_same(back, s);
	store_schedules_free(back, 1);
}

static void schedules_round_trip(void **state)
{
	struct fixture *f = *state;
	struct schedule a = sample("a"), b = sample("b"), *rows = NULL;
	size_t n = 0;

	b.location = 0;
	b.instances_to_add = 0;
	b.nodes = nodes;
	b.n_nodes = 3;
	b.n_exceptions = b.n_extra_dates = 0;
	assert_ok(store_schedule_add(f->store, &a, E));
	assert_ok(store_schedule_add(f->store, &b, E));
	assert_kept(f->store, &a);
	assert_kept(f->store, &b);
	assert_ok(store_schedules(f->store, 0, 10, &rows, &n, E));
	assert_int_equal(n, 2);
	assert_same(&rows[0], &a);
	store_schedules_free(rows, n);
	assert_ok(store_schedules(f->store, a.id, 1, &rows, &n, E));
	assert_int_equal(n, 1);
	assert_same(&rows[0], &b);
	store_schedules_free(rows, n);

	(void)snprintf(a.name, sizeof(a.name), "c");
	a.enabled = false;
	a.n_exceptions = 0;
	a.start_date = a.end_date = 0;
	assert_ok(store_schedule_put(f->store, &a, E));
	assert_kept(f->store, &a);
	assert_kept(f->store, &b);
	assert_ok(store_schedule_remove(f->store, a.id, E));
	assert_int_equal(store_schedule_get(f->store, a.id, &rows, NULL), ERR_NOT_FOUND);
	assert_int_equal(store_schedule_remove(f->store, a.id, NULL), ERR_NOT_FOUND);
}

static void a_name_names_one(void **state)
{
	struct fixture *f = *state;
	struct schedule a = sample("a"), again = sample("a"), b = sample("b");
	struct error e = {0};

	assert_ok(store_schedule_add(f->store, &a, E));
	assert_int_equal(store_schedule_add(f->store, &again, &e), ERR_CONFLICT);
	assert_string_equal(e.pointer, "/name");
	assert_ok(store_schedule_add(f->store, &b, E));
	(void)snprintf(b.name, sizeof(b.name), "a");
	assert_int_equal(store_schedule_put(f->store, &b, NULL), ERR_CONFLICT);
	assert_int_equal(store_schedule_check(f->store, &b, NULL), ERR_CONFLICT);
	assert_ok(store_schedule_put(f->store, &a, E)); /* its own */
}

static void there_are_only_so_many(void **state)
{
	struct fixture *f = *state;
	struct schedule s;
	char name[24];

	for (int i = 0; i < LIMIT_SCHEDULES; i++) {
		(void)snprintf(name, sizeof(name), "s%d", i);
		s = sample(name);
		assert_ok(store_schedule_add(f->store, &s, E));
	}
	assert_ok(store_schedule_put(f->store, &s, E));
	s = sample("one more");
	assert_int_equal(store_schedule_add(f->store, &s, NULL), ERR_CONFLICT);
}

static void damaged_rows_are_told(void **state)
{
	struct fixture *f = *state;
	struct schedule s = sample("a"), *rows = NULL;
	size_t n = 0;

	assert_ok(store_schedule_add(f->store, &s, E));
	raw(f->store->db, "UPDATE schedule SET exceptions = '1 x'");
	assert_int_equal(store_schedules(f->store, 0, 10, &rows, &n, NULL), ERR_INTERNAL);
	raw(f->store->db, "UPDATE schedule SET exceptions = '1,2'");
	assert_int_equal(store_schedules(f->store, 0, 10, &rows, &n, NULL), ERR_INTERNAL);
}

static struct hold hold_of(int64_t location)
{
	return (struct hold){.location = location,
			     .count = location ? 2 : 0,
			     .nodes = nodes,
			     .n_nodes = location ? 0 : 3,
			     .until = NOW + 10,
			     .reason = "why",
			     .owner = "schedule:a",
			     .created_at = NOW};
}

/* A hold that is taken back leaves the row of its firing, without the hold: so it is not made again. */
static void firings_remember(void **state)
{
	struct fixture *f = *state;
	struct schedule s = sample("a");
	struct hold h = hold_of(4);
	struct fired *rows = NULL;
	size_t n = 0;

	assert_ok(store_schedule_add(f->store, &s, E));
	assert_ok(store_hold_add(f->store, &h, E));
	assert_ok(store_fired_put(f->store, &(struct fired){s.id, 500, h.id}, E));
	assert_ok(store_fired_put(f->store, &(struct fired){s.id, 700, h.id}, E));
	assert_ok(store_fired(f->store, 501, &rows, &n, E));
	assert_int_equal(n, 1);
	free(rows);
	assert_ok(store_fired(f->store, 500, &rows, &n, E));
	assert_int_equal(n, 2);
	assert_int_equal(rows[0].schedule, s.id);
	assert_int_equal(rows[0].start, 500);
	assert_int_equal(rows[0].hold, h.id);
	free(rows);
	assert_ok(store_fired_remove(f->store, s.id, 700, E));
	assert_ok(store_hold_remove(f->store, h.id, E));
	assert_ok(store_fired(f->store, 0, &rows, &n, E));
	assert_int_equal(n, 1);
	assert_int_equal(rows[0].hold, 0);
	free(rows);
	h.id = 0;
	assert_ok(store_hold_add(f->store, &h, E));
	assert_ok(store_fired_put(f->store, &(struct fired){s.id, 500, h.id}, E)); /* in place of the first */
	assert_int_equal(raw_number(f->store->db, "SELECT hold FROM schedule_firing"), h.id);
	assert_ok(store_schedule_remove(f->store, s.id, E));
	assert_int_equal(raw_number(f->store->db, "SELECT count(*) FROM schedule_firing"), 0);
}

static void a_hold_is_changed(void **state)
{
	struct fixture *f = *state;
	struct hold h = hold_of(4), other = hold_of(4), *back = NULL;

	assert_ok(store_hold_add(f->store, &h, E));
	assert_ok(store_hold_add(f->store, &other, E));
	h.location = h.count = 0;
	h.n_nodes = 3;
	h.until = NOW + 99;
	h.reason = "since";
	h.owner = "schedule:b";
	assert_ok(store_hold_put(f->store, &h, E));
	h.n_nodes = 2;
	assert_ok(store_hold_put(f->store, &h, E));
	assert_ok(store_hold_get(f->store, h.id, &back, E));
	assert_int_equal(back->location, 0);
	assert_int_equal(back->n_nodes, 2);
	assert_memory_equal(back->nodes, nodes, 2 * sizeof(*nodes));
	assert_int_equal(back->until, NOW + 99);
	assert_int_equal(back->created_at, NOW);
	assert_string_equal(back->reason, "since");
	assert_string_equal(back->owner, "schedule:b");
	store_holds_free(back, 1);
	assert_ok(store_hold_get(f->store, other.id, &back, E));
	assert_int_equal(back->location, 4);
	store_holds_free(back, 1);
	h.location = 4; /* and nodes too */
	assert_int_equal(store_hold_put(f->store, &h, NULL), ERR_BAD_REQUEST);
	h.n_nodes = 0;
	h.count = 1;
	h.id = 99;
	assert_int_equal(store_hold_put(f->store, &h, NULL), ERR_NOT_FOUND);
}

static int64_t wants(struct store *st)
{
	int64_t version = 0;

	assert_ok(store_wants_version(st, &version, E));
	return version;
}

/* The controller reads them again after every change. */
static void the_counter_of_wants_moves(void **state)
{
	struct fixture *f = *state;
	struct schedule s = sample("a");
	struct hold h = hold_of(4);
	int64_t before = wants(f->store);

	assert_ok(store_schedule_add(f->store, &s, E));
	assert_true(wants(f->store) > before);
	before = wants(f->store);
	assert_ok(store_schedule_put(f->store, &s, E));
	assert_true(wants(f->store) > before);
	assert_ok(store_hold_add(f->store, &h, E));
	before = wants(f->store);
	assert_ok(store_hold_put(f->store, &h, E));
	assert_true(wants(f->store) > before);
	before = wants(f->store);
	assert_ok(store_schedule_remove(f->store, s.id, E));
	assert_true(wants(f->store) > before);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(schedules_round_trip),       T(a_name_names_one), T(there_are_only_so_many),
		T(damaged_rows_are_told),      T(firings_remember), T(a_hold_is_changed),
		T(the_counter_of_wants_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

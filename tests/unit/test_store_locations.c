/* Wishes for locations, and the operations on them: what comes back is what was kept, and who may not keep a second one. */
#include "tests/unit/store_fixture.h"

static struct location_wish wish(int64_t location, unsigned fields)
{
	struct location_wish w = {
		.location = location,
		.change = {.fields = fields, .name = "Oslo", .description = "", .overflow1 = 4},
		.actor = "alice",
		.refused = "no",
		.applied_at = 17};

	return w;
}

/* Each set of fields comes back, "" and 0 as wishes and not as none. */
static void wishes_come_back(void **state)
{
	struct fixture *f = *state;
	struct location_wish *all = NULL;
	size_t n = 0;

	for (unsigned fields = 0; fields <= LOCATION_ALL_FIELDS; fields++) {
		struct location_wish w = wish((int64_t)fields + 1, fields), back;

		assert_ok(store_location_wish_put(f->store, &w, E));
		assert_ok(store_location_wish_get(f->store, w.location, &back, E));
		assert_int_equal(back.change.fields, fields);
		assert_int_equal(location_drift(&w.change, &back.change), 0);
		assert_string_equal(back.actor, "alice");
		assert_string_equal(back.refused, "no");
		assert_int_equal(back.applied_at, 17);
		assert_int_equal(back.version, 1);
	}
	assert_ok(store_location_wishes(f->store, &all, &n, E));
	assert_int_equal(n, LOCATION_ALL_FIELDS + 1);
	assert_int_equal(all[3].location, 4);
	free(all);
	{
		struct location_wish none;

		assert_ok(store_location_wish_get(f->store, 99, &none, E));
		assert_int_equal(none.version, 0);
		assert_int_equal(none.change.fields, 0);
	}
}

static void a_lost_update_is_refused(void **state)
{
	struct fixture *f = *state;
	struct location_wish w = wish(4, LOCATION_NAME);

	assert_ok(store_location_wish_put(f->store, &w, E));
	assert_int_equal(store_location_wish_put(f->store, &w, E), ERR_PRECONDITION);
	w.version = 1;
	assert_ok(store_location_wish_put(f->store, &w, E));
}

static void forgotten_with_its_threshold(void **state)
{
	struct fixture *f = *state;
	struct location_wish w = wish(4, LOCATION_NAME), other = wish(5, LOCATION_NAME);
	struct location_threshold *t = NULL;
	int64_t before, after;
	size_t n = 0;

	assert_ok(store_location_wish_put(f->store, &w, E));
	assert_ok(store_location_wish_put(f->store, &other, E));
	assert_ok(store_threshold_put(f->store, 4, 9, E));
	assert_ok(store_threshold_put(f->store, 5, 9, E));
	assert_ok(store_wants_version(f->store, &before, E));
	assert_ok(store_location_forget(f->store, 4, E));
	assert_ok(store_wants_version(f->store, &after, E));
	assert_true(after > before); /* the reconciler reads again */
	assert_ok(store_location_wish_get(f->store, 4, &w, E));
	assert_int_equal(w.version, 0);
	assert_ok(store_location_wish_get(f->store, 5, &w, E));
	assert_int_equal(w.version, 1);
	assert_ok(store_thresholds(f->store, &t, &n, E));
	assert_int_equal(n, 1);
	free(t);
}

static struct intent operation(enum intent_kind kind, int64_t location, const char *name)
{
	struct intent i = {.kind = kind,
			   .state = INTENT_APPLYING,
			   .location = location,
			   .created_at = 1,
			   .entered_at = 1};

	if (name) {
		i.change.fields = LOCATION_NAME;
		(void)snprintf(i.change.name, sizeof(i.change.name), "%s", name);
	}
	return i;
}

static void operations_come_back(void **state)
{
	struct fixture *f = *state;
	struct intent in = operation(INTENT_LOCATION_UPDATE, 4, "Oslo"), back;

	in.change.fields |= LOCATION_SECONDARY;
	assert_ok(store_intent_add(f->store, &in, E));
	assert_ok(store_intent_of_location(f->store, 4, &back, E));
	assert_int_equal(back.id, in.id);
	assert_int_equal(back.node, 0);
	assert_int_equal(back.change.fields, LOCATION_NAME | LOCATION_SECONDARY);
	assert_string_equal(back.change.name, "Oslo");
	back.state = INTENT_DONE;
	back.change.fields = 0;
	assert_ok(store_intent_move(f->store, &back, INTENT_APPLYING, 0, E));
	assert_int_equal(store_intent_of_location(f->store, 4, &back, E), ERR_NOT_FOUND);
	assert_ok(store_intent_get(f->store, in.id, &back, E));
	assert_int_equal(back.change.fields, 0);
}

/* One open operation a location and a new name; nodes are another matter. */
static void one_open_operation(void **state)
{
	struct fixture *f = *state;
	struct intent update = operation(INTENT_LOCATION_UPDATE, 4, "A"), twin = update,
		      elsewhere = operation(INTENT_LOCATION_DELETE, 5, NULL),
		      made = operation(INTENT_LOCATION_CREATE, 0, "B"), again = made,
		      other = operation(INTENT_LOCATION_CREATE, 0, "A"),
		      start = {.kind = INTENT_START, .node = 7, .location = 4};
	struct error e;

	assert_ok(store_intent_add(f->store, &update, E));
	assert_int_equal(store_intent_add(f->store, &twin, &e), ERR_CONFLICT);
	assert_non_null(strstr(e.detail, "location 4"));
	assert_ok(store_intent_add(f->store, &elsewhere, E));
	assert_ok(store_intent_add(f->store, &made, E));
	assert_int_equal(store_intent_add(f->store, &again, &e), ERR_CONFLICT);
	assert_string_equal(e.pointer, "/name");
	assert_ok(store_intent_add(f->store, &other, E)); /* update 4 wants that name, the handler knows */
	assert_ok(store_intent_add(f->store, &start, E));
	made.state = INTENT_DONE;
	made.location = 6;
	assert_ok(store_intent_move(f->store, &made, INTENT_APPLYING, 0, E));
	again = operation(INTENT_LOCATION_CREATE, 0, "B");
	assert_ok(store_intent_add(f->store, &again, E));
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(wishes_come_back),     T(a_lost_update_is_refused), T(forgotten_with_its_threshold),
		T(operations_come_back), T(one_open_operation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Acknowledgements: one in force about a finding, pages by id, and expired ones that are in nobody's way. */
#include "tests/unit/store_fixture.h"

#define NOW 1767250800000LL

static struct acknowledgement ack_make(const char *subject, int64_t created_at, int64_t until)
{
	return (struct acknowledgement){.check = "shared_tenancy",
					.subject = subject,
					.reason = "a laboratory",
					.actor = "alice",
					.created_at = created_at,
					.until = until};
}

static void kept_and_read(void **state)
{
	struct fixture *f = *state;
	struct acknowledgement a = ack_make("node n", NOW, NOW + 10), *read = NULL;

	assert_ok(store_acknowledgement_add(f->store, &a, E));
	assert_ok(store_acknowledgement_get(f->store, a.id, &read, E));
	assert_string_equal(read->check, "shared_tenancy");
	assert_string_equal(read->subject, "node n");
	assert_string_equal(read->reason, "a laboratory");
	assert_string_equal(read->actor, "alice");
	assert_int_equal(read->created_at, NOW);
	assert_int_equal(read->until, NOW + 10);
	store_acknowledgements_free(read, 1);
	assert_ok(store_acknowledgement_remove(f->store, a.id, E));
	assert_int_equal(store_acknowledgement_remove(f->store, a.id, NULL), ERR_NOT_FOUND);
	assert_int_equal(store_acknowledgement_get(f->store, a.id, &read, NULL), ERR_NOT_FOUND);
}

static void one_in_force_about_a_finding(void **state)
{
	struct fixture *f = *state;
	struct acknowledgement first = ack_make("node n", NOW, NOW + 10),
			       second = ack_make("node n", NOW + 9, NOW + 20),
			       other = ack_make("node m", NOW, NOW + 10);

	assert_ok(store_acknowledgement_add(f->store, &first, E));
	assert_ok(store_acknowledgement_add(f->store, &other, E));
	assert_int_equal(store_acknowledgement_add(f->store, &second, NULL), ERR_CONFLICT);
	second.created_at = first.until;
	assert_ok(store_acknowledgement_add(f->store, &second, E));
	assert_int_not_equal(second.id, first.id);
	assert_int_equal(
		store_acknowledgement_get(f->store, first.id, &(struct acknowledgement *){NULL}, NULL),
		ERR_NOT_FOUND);
}

static void pages(void **state)
{
	struct fixture *f = *state;
	struct acknowledgement *read = NULL;
	char subject[20];
	size_t n;

	for (int i = 0; i < 5; i++) {
		(void)snprintf(subject, sizeof(subject), "node %d", i);
		struct acknowledgement a = ack_make(subject, NOW, NOW + (i == 2 ? 5 : 10));

		assert_ok(store_acknowledgement_add(f->store, &a, E));
	}
	assert_ok(store_acknowledgements(f->store, NOW + 5, false, 0, 3, &read, &n, E));
	assert_int_equal(n, 3);
	assert_string_equal(read[2].subject, "node 3");
	int64_t last = read[2].id;

	store_acknowledgements_free(read, n);
	assert_ok(store_acknowledgements(f->store, NOW + 5, false, last, 3, &read, &n, E));
	assert_int_equal(n, 1);
	store_acknowledgements_free(read, n);
	assert_ok(store_acknowledgements(f->store, NOW + 5, true, 0, 9, &read, &n, E));
	assert_int_equal(n, 5);
	store_acknowledgements_free(read, n);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(kept_and_read),
		T(one_in_force_about_a_finding),
		T(pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Kept replies, and the transaction round code that has transactions of its own. */
#include "tests/unit/store_fixture.h"

#define NOW   1767250800000LL
#define PRINT "0123456789012345678901234567890123456789012345678901234567890123"

static char body[] = "{\"token\":\"burstd_secret\"}";

static struct kept_reply reply_make(int64_t expires_at)
{
	return (struct kept_reply){.fingerprint = PRINT,
				   .expires_at = expires_at,
				   .status = 201,
				   .media = "application/json",
				   .location = "/v1/tokens/7",
				   .body = body};
}

static void kept_and_read(void **state)
{
	struct fixture *f = *state;
	struct kept_reply reply = reply_make(NOW + 10);
	struct kept_reply read = {.status = 0};

	assert_int_equal(store_reply_get(f->store, "admin", "k", NOW, &read, NULL), ERR_NOT_FOUND);
	assert_ok(store_reply_put(f->store, "admin", "k", NOW, &reply, E));
	assert_ok(store_reply_get(f->store, "admin", "k", NOW + 9, &read, E));
	assert_string_equal(read.fingerprint, PRINT);
	assert_int_equal(read.status, 201);
	assert_string_equal(read.media, "application/json");
	assert_string_equal(read.location, "/v1/tokens/7");
	assert_string_equal(read.etag, "");
	assert_string_equal(read.body, body);
	kept_reply_clear(&read);
	assert_int_equal(store_reply_get(f->store, "admin", "k", NOW + 10, &read, NULL), ERR_NOT_FOUND);
	assert_int_equal(store_reply_get(f->store, "admin", "K", NOW, &read, NULL), ERR_NOT_FOUND);
	assert_int_equal(store_reply_get(f->store, "other", "k", NOW, &read, NULL), ERR_NOT_FOUND);
	/* an expired row is in nobody's way */
	assert_ok(store_reply_put(f->store, "admin", "k", NOW + 10, &reply, E));
}

static void body_is_sealed_to_its_row(void **state)
{
	struct fixture *f = *state;
	struct kept_reply reply = reply_make(NOW + 10);
	struct kept_reply read = {.status = 0};

	assert_ok(store_reply_put(f->store, "admin", "k", NOW, &reply, E));
	assert_int_equal(raw_number(f->store->db, "SELECT instr(body, 'secret') FROM idempotency"), 0);
	raw(f->store->db, "UPDATE idempotency SET actor = 'thief'");
	assert_int_equal(store_reply_get(f->store, "thief", "k", NOW, &read, NULL), ERR_INTERNAL);
	assert_null(read.body);
}

static void expired_ones_are_swept(void **state)
{
	struct fixture *f = *state;
	struct kept_reply reply = reply_make(NOW + 10);
	char key[16];
	int i;

	for (i = 0; i < 150; i++) {
		(void)snprintf(key, sizeof key, "k%d", i);
		assert_ok(store_reply_put(f->store, "admin", key, NOW, &reply, E));
	}
	reply.expires_at = NOW + 1000;
	assert_ok(store_reply_put(f->store, "admin", "a", NOW + 9, &reply, E));
	assert_int_equal(raw_number(f->store->db, "SELECT count(*) FROM idempotency"), 151);
	assert_ok(store_reply_put(f->store, "admin", "b", NOW + 10, &reply, E));
	assert_int_equal(raw_number(f->store->db, "SELECT count(*) FROM idempotency"), 52);
	assert_ok(store_reply_put(f->store, "admin", "c", NOW + 10, &reply, E));
	assert_int_equal(raw_number(f->store->db, "SELECT count(*) FROM idempotency"), 3);
}

static enum err effect(struct store *st, void *arg, struct error *e)
{
	enum err err = store_threshold_put(st, *(int *)arg, 5, e);

	return err || *(int *)arg != 13 ? err : error_set(e, ERR_CONFLICT, "thirteen");
}

static int64_t thresholds(const struct fixture *f)
{
	struct location_threshold *list = NULL;
	struct store *other = fixture_open(f); /* what another connection sees is what was committed */
	size_t n = 0;

	assert_ok(store_thresholds(other, &list, &n, E));
	free(list);
	store_close(other);
	return (int64_t)n;
}

static void effect_and_reply_are_one(void **state)
{
	struct fixture *f = *state;
	struct store *st = fixture_open(f);
	struct kept_reply reply = reply_make(NOW + 10);
	struct kept_reply read = {.status = 0};
	int one = 1, two = 2, thirteen = 13;

	assert_ok(store_begin(st, E));
	assert_ok(store_tx(st, effect, &one, E));
	assert_ok(store_tx(st, effect, &two, E));
	assert_int_equal(store_tx(st, effect, &thirteen, E), ERR_CONFLICT); /* only that part is undone */
	assert_int_equal(thresholds(f), 0);
	assert_ok(store_reply_put(st, "admin", "k", NOW, &reply, E));
	store_roll_back(st);
	assert_int_equal(thresholds(f), 0);
	assert_int_equal(store_reply_get(st, "admin", "k", NOW, &read, NULL), ERR_NOT_FOUND);

	assert_ok(store_begin(st, E));
	assert_ok(store_tx(st, effect, &one, E));
	assert_int_equal(store_tx(st, effect, &thirteen, E), ERR_CONFLICT);
	assert_ok(store_reply_put(st, "admin", "k", NOW, &reply, E));
	assert_ok(store_commit(st, E));
	assert_int_equal(thresholds(f), 1);
	assert_ok(store_reply_get(st, "admin", "k", NOW, &read, E));
	kept_reply_clear(&read);
	assert_ok(store_tx(st, effect, &two, E)); /* an ordinary one again */
	assert_int_equal(thresholds(f), 2);
	store_close(st);
}

/* What a kill leaves: a connection that ends without its commit. */
static void killed_before_the_commit(void **state)
{
	struct fixture *f = *state;
	struct store *st = fixture_open(f);
	struct kept_reply reply = reply_make(NOW + 10);
	struct kept_reply read = {.status = 0};
	int one = 1;

	assert_ok(store_begin(st, E));
	assert_ok(store_tx(st, effect, &one, E));
	assert_ok(store_reply_put(st, "admin", "k", NOW, &reply, E));
	store_close(st);
	assert_int_equal(thresholds(f), 0);
	st = fixture_open(f);
	assert_int_equal(store_reply_get(st, "admin", "k", NOW, &read, NULL), ERR_NOT_FOUND);
	store_close(st);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(kept_and_read),
		T(body_is_sealed_to_its_row),
		T(expired_ones_are_swept),
		T(effect_and_reply_are_one),
		T(killed_before_the_commit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

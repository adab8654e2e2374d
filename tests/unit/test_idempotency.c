/* Idempotency-Key over the HTTP stack: what is kept, what is rolled back, and when the workers hear of it. */
#include "tests/unit/http_fixture.h"

#include "store/sql.h"

#define KEY "Idempotency-Key: k\r\n"

static _Atomic int calls;

static enum err write_tx(struct store *store, void *arg, struct error *e)
{
	struct req *r = arg;

	return store_threshold_put(store, r->number, 1 + atomic_load(&calls), e);
}

/* Writes, then answers with the status that the {id} names. */
static struct done *effect_post(struct req *r)
{
	struct error e = {.code = ERR_OK};
	struct store *store = req_store(r, &e);

	(void)atomic_fetch_add(&calls, 1);
	if (!store || store_tx(store, write_tx, r, &e))
		return reply_error(r, &e);
	req_changed(r);
	if (r->number == 204)
		return reply_empty(r, 204);
	if (r->number < 400)
		return reply_value_at(r, (int)r->number, "/here/1",
				      json_pack("{s:i}", "calls", atomic_load(&calls)));
	(void)error_set(&e,
			r->number == 400   ? ERR_BAD_REQUEST
			: r->number == 409 ? ERR_CONFLICT
					   : ERR_BUSY,
			"no");
	return reply_error(r, &e);
}

static json_t *render(struct req *r, struct error *e)
{
	struct location_threshold *list = NULL;
	struct store *store = req_store(r, e);
	size_t n = 0;

	if (!store || store_thresholds(store, &list, &n, e))
		return NULL;
	free(list);
	return json_pack("{s:i}", "thresholds", (int)n);
}

static struct done *page_get(struct req *r)
{
	return reply_page(r, PAGE_STATUS, render);
}

static const struct route rows[] = {
	{.method = "POST",
	 .path = "/effect/{id}",
	 .operation = "a",
	 .role = TOKEN_OPERATOR,
	 .body_limit = 256,
	 .query = "x y",
	 .handler = effect_post},
	{.method = "GET", .path = "/page", .operation = "b", .role = TOKEN_VIEWER, .handler = page_get},
};
static const struct route_table table = {.rows = rows, .n = ARRAY_LEN(rows)};

static int setup(void **state)
{
	*state = fixture_start(&table, NULL);
	atomic_store(&calls, 0);
	return 0;
}

static int teardown(void **state)
{
	fixture_stop(*state);
	return 0;
}

static int thresholds(struct fixture *f)
{
	struct answer a = ask(f, "GET", "/page", NULL, NULL);
	int n = (int)json_integer_value(at(&a, "thresholds"));

	expect(&a, 200);
	answer_free(&a);
	return n;
}

static void test_success_is_kept(void **state)
{
	struct fixture *f = *state;
	struct answer first, again;
	char text[200], other[200];

	assert_int_equal(thresholds(f), 0);
	first = ask(f, "POST", "/effect/201", KEY, "{}");
	expect(&first, 201);
	assert_int_equal(thresholds(f), 1); /* the page of before is not given any more */
	assert_int_equal(atomic_load(&f->wakes), 1);
	again = ask(f, "POST", "/effect/201", KEY, "{}");
	expect(&again, 201);
	assert_string_equal(again.body, first.body);
	assert_string_equal(answer_header(&again, "Location", text), "/here/1");
	assert_string_equal(answer_header(&again, "Content-Type", text),
			    answer_header(&first, "Content-Type", other));
	assert_string_equal(answer_header(&again, "Idempotent-Replayed", text), "true");
	assert_string_equal(answer_header(&first, "Idempotent-Replayed", text), "");
	assert_int_equal(atomic_load(&f->wakes), 1);
	assert_int_equal(atomic_load(&calls), 1);
	answer_free(&first);
	answer_free(&again);
	first = ask(f, "POST", "/effect/204", "Idempotency-Key: empty\r\n", NULL);
	expect(&first, 204);
	again = ask(f, "POST", "/effect/204", "Idempotency-Key: empty\r\n", NULL);
	expect(&again, 204);
	assert_int_equal(again.body_len, 0);
	assert_int_equal(atomic_load(&calls), 2);
	answer_free(&first);
	answer_free(&again);
}

static void test_refusal_is_kept(void **state)
{
	struct fixture *f = *state;

	expect_problem(ask(f, "POST", "/effect/409", KEY, NULL), 409, "conflict", NULL);
	expect_problem(ask(f, "POST", "/effect/409", KEY, NULL), 409, "conflict", NULL);
	assert_int_equal(atomic_load(&calls), 1);
}

static void test_what_is_not_kept_is_undone(void **state)
{
	struct fixture *f = *state;

	expect_problem(ask(f, "POST", "/effect/503", KEY, NULL), 503, "busy", NULL);
	expect_problem(ask(f, "POST", "/effect/400", KEY, NULL), 400, "bad-request", NULL);
	assert_int_equal(atomic_load(&calls), 2);
	assert_int_equal(thresholds(f), 0);
	assert_int_equal(atomic_load(&f->wakes), 0);
	expect_problem(ask(f, "POST", "/effect/409", KEY, NULL), 409, "conflict",
		       NULL); /* the key was free */
}

static void test_reply_that_cannot_be_kept_has_no_effect(void **state)
{
	struct fixture *f = *state;
	struct answer a;
	struct error e;

	if (sql_script(
		    fixture_store(f)->db,
		    "CREATE TRIGGER full BEFORE INSERT ON idempotency BEGIN SELECT RAISE(ABORT, 'full'); END",
		    &e))
		fail_msg("%s", e.detail);
	expect_problem(ask(f, "POST", "/effect/201", KEY, NULL), 500, "internal", NULL);
	assert_int_equal(atomic_load(&calls), 1);
	assert_int_equal(thresholds(f), 0);
	assert_int_equal(atomic_load(&f->wakes), 0);
	a = ask(f, "POST", "/effect/201", NULL, NULL);
	expect(&a, 201); /* without a key it has nothing to keep */
	answer_free(&a);
}

static void test_another_request_under_the_key(void **state)
{
	static const struct {
		const char *path;
		const char *body;
	} others[] = {
		{"/effect/202?x=1", "{}"},     {"/effect/201", "{}"},      {"/effect/201?x=1", "{ }"},
		{"/effect/201?x=1", NULL},     {"/effect/201?x=2", "{}"},  {"/effect/201?y=1", "{}"},
		{"/effect/201?x=1&y=1", "{}"}, {"/effect/201?x=11", "{}"},
	};
	struct fixture *f = *state;
	struct answer a = ask(f, "POST", "/effect/201?x=1", KEY, "{}");
	size_t i;

	expect(&a, 201);
	answer_free(&a);
	for (i = 0; i < ARRAY_LEN(others); i++)
		expect_problem(ask(f, "POST", others[i].path, KEY, others[i].body), 422,
			       "idempotency-key-reused", NULL);
	assert_int_equal(atomic_load(&calls), 1);
	a = ask(f, "POST", "/effect/201?x=1", KEY, "{}");
	expect(&a, 201);
	answer_free(&a);
}

static void test_kept_for_a_day(void **state)
{
	struct fixture *f = *state;
	struct answer a = ask(f, "POST", "/effect/201", KEY, NULL);
	const int64_t day = 24 * 60 * MS_PER_MINUTE;

	answer_free(&a);
	atomic_store(&f->now, NOW_MS + day - 1);
	a = ask(f, "POST", "/effect/201", KEY, NULL);
	answer_free(&a);
	assert_int_equal(atomic_load(&calls), 1);
	atomic_store(&f->now, NOW_MS + day);
	a = ask(f, "POST", "/effect/201", KEY, NULL);
	expect(&a, 201);
	answer_free(&a);
	assert_int_equal(atomic_load(&calls), 2);
}

static void test_keys(void **state)
{
	static const char *const bad[] = {"", "a b", "a\tb", "\x7f", "\xc3\xa9"};
	struct fixture *f = *state;
	char header[400], key[300];
	struct answer a;
	size_t i;

	for (i = 0; i < ARRAY_LEN(bad); i++) {
		(void)snprintf(header, sizeof header, "Idempotency-Key: %s\r\n", bad[i]);
		expect_problem(ask(f, "POST", "/effect/201", header, NULL), 400, "bad-request", NULL);
	}
	memset(key, 'x', sizeof key);
	key[256] = '\0';
	(void)snprintf(header, sizeof header, "Idempotency-Key: %s\r\n", key);
	expect_problem(ask(f, "POST", "/effect/201", header, NULL), 400, "bad-request", NULL);
	key[255] = '\0';
	(void)snprintf(header, sizeof header, "Idempotency-Key: %s\r\n", key);
	a = ask(f, "POST", "/effect/201", header, NULL);
	expect(&a, 201);
	answer_free(&a);
	assert_int_equal(atomic_load(&calls), 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_success_is_kept),
		T(test_refusal_is_kept),
		T(test_what_is_not_kept_is_undone),
		T(test_reply_that_cannot_be_kept_has_no_effect),
		T(test_another_request_under_the_key),
		T(test_kept_for_a_day),
		T(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

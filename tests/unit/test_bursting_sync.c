/* /v1/bursting/infinity, pull and push, over a store without anyone who carries operations out. */
#include "tests/unit/http_fixture.h"

#include "handlers/handlers.h"
#include "store/lifecycle.h"

static struct picture *make_platform(int64_t seq)
{
	struct picture *p = picture_empty(seq);

	p->infinity_at = NOW_MS;
	p->infinity_fresh = true;
	p->infinity_settings = (struct infinity_settings){.threshold = 12,
							  .lifetime_minutes = 60,
							  .provider = "AZURE",
							  .access_key = "AKIATHEIRS",
							  .secret_set = true};
	return p;
}

static int setup(void **state)
{
	static struct route_table routes;
	struct fixture *f;

	routes = handlers_routes();
	f = fixture_start(&routes, NULL);
	fixture_publish(f, make_platform(2));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fixture_stop(*state);
	return 0;
}

static void change_settings(struct fixture *f, const char *body)
{
	struct answer a = ask(f, "PATCH", "/v1/bursting", NULL, body);

	expect(&a, 200);
	answer_free(&a);
}

static struct bursting_settings settings(struct fixture *f)
{
	struct bursting_settings s;
	struct error e;

	assert_int_equal(store_settings_get(fixture_store(f), &s, &e), ERR_OK);
	return s;
}

static struct operation *operation(struct fixture *f, int64_t id, bool secrets)
{
	struct operation *op = NULL;
	struct error e;

	assert_int_equal(store_operation_get(fixture_store(f), id, secrets, &op, &e), ERR_OK);
	return op;
}

static int64_t events(struct fixture *f, enum event_type type)
{
	struct history_filter all = {.type = (int)type};
	struct event *list = NULL;
	struct error e;
	size_t n = 0;

	assert_int_equal(store_events(fixture_store(f), &all, 100, &list, &n, &e), ERR_OK);
	store_events_free(list, n);
	return (int64_t)n;
}

/* --- what Infinity has --------------------------------------------------------------------------------------------- */

static void both_sides_are_shown(void **state)
{
	struct fixture *f = *state;
	struct answer a = ask(f, "GET", "/v1/bursting/infinity", NULL, NULL);

	expect(&a, 200);
	assert_true(json_is_false(at(&a, "enabled")));
	assert_int_equal(json_integer_value(at(&a, "bursting_threshold")), 12);
	assert_string_equal(text_at(&a, "cloud_provider"), "AZURE");
	assert_true(json_is_true(at(&a, "aws_secret_access_key_set")));
	assert_int_equal(json_array_size(at(&a, "differences")), 3); /* burstd has no key to compare */
	assert_string_equal(text_at(&a, "differences.0.field"), "bursting_threshold");
	assert_int_equal(json_integer_value(at(&a, "differences.0.burstd")), 5);
	assert_int_equal(json_integer_value(at(&a, "differences.0.infinity")), 12);
	answer_free(&a);
	change_settings(f, "{\"bursting_threshold\":12,\"minimum_lifetime_minutes\":60,"
			   "\"aws_access_key_id\":\"AKIAOURS\",\"aws_secret_access_key\":\"hush/hush\"}");
	a = ask(f, "GET", "/v1/bursting/infinity", NULL, NULL);
	assert_int_equal(json_array_size(at(&a, "differences")), 2);
	assert_string_equal(text_at(&a, "differences.1.infinity"), "AKIATHEIRS");
	assert_null(strstr(a.body, "hush"));
	answer_free(&a);
}

static void nothing_is_known_yet(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	fixture_publish(f, picture_empty(3));
	a = ask(f, "GET", "/v1/bursting/infinity", NULL, NULL);
	expect(&a, 200);
	assert_true(json_is_null(at(&a, "observed_at")) && json_is_null(at(&a, "enabled")));
	assert_int_equal(json_array_size(at(&a, "differences")), 0);
	answer_free(&a);
	expect_problem(ask(f, "POST", "/v1/bursting/pull", NULL, NULL), 503, "busy", NULL);
	expect_problem(ask(f, "POST", "/v1/bursting/push", NULL, NULL), 503, "busy", NULL);
	assert_int_equal(atomic_load(&f->wakes), 0);
}

/* --- pull ---------------------------------------------------------------------------------------------------------- */

static void pull_takes_what_is_named(void **state)
{
	struct fixture *f = *state;
	struct answer a = ask(f, "POST", "/v1/bursting/pull?dry_run=true", NULL, NULL);

	expect(&a, 200);
	assert_true(json_is_true(at(&a, "dry_run")));
	assert_int_equal(json_array_size(at(&a, "changes")), 2);
	answer_free(&a);
	assert_int_equal(settings(f).bursting_threshold, 5);
	a = ask(f, "POST", "/v1/bursting/pull", NULL, "{\"fields\":[\"minimum_lifetime_minutes\"]}");
	expect(&a, 200);
	assert_int_equal(json_integer_value(at(&a, "minimum_lifetime_minutes")), 60);
	answer_free(&a);
	assert_int_equal(settings(f).bursting_threshold, 5);
	a = ask(f, "POST", "/v1/bursting/pull", NULL, NULL);
	expect(&a, 200);
	answer_free(&a);
	assert_int_equal(settings(f).bursting_threshold, 12);
	assert_false(settings(f).enabled);
	assert_int_equal(events(f, EVENT_SETTINGS), 2);
}

static void pull_takes_enabled_by_name_alone(void **state)
{
	struct fixture *f = *state;
	struct picture *p = make_platform(3);
	struct answer a;

	p->infinity_bursting = true;
	fixture_publish(f, p);
	a = ask(f, "POST", "/v1/bursting/pull", NULL, NULL);
	expect(&a, 200);
	answer_free(&a);
	assert_false(settings(f).enabled);
	a = ask(f, "POST", "/v1/bursting/pull", NULL, "{\"fields\":[\"enabled\"]}");
	expect(&a, 200);
	answer_free(&a);
	assert_true(settings(f).enabled);
}

static void pull_refuses(void **state)
{
	static const char *const bad[] = {
		"{\"fields\":[]}",  "{\"fields\":[\"cloud_provider\"]}",      "{\"fields\":[\"aws_keys\"]}",
		"{\"fields\":[7]}", "{\"fields\":[\"enabled\",\"enabled\"]}", "{\"fields\":\"enabled\"}"};
	struct fixture *f = *state;
	struct picture *p = make_platform(3);

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		expect_problem(ask(f, "POST", "/v1/bursting/pull", NULL, bad[i]), 400, "bad-request",
			       "/fields");
	expect_problem(ask(f, "POST", "/v1/bursting/pull", NULL, "{\"field\":[\"enabled\"]}"), 400,
		       "bad-request", "/field");
	p->infinity_settings.lifetime_minutes = 10081;
	fixture_publish(f, p);
	expect_problem(ask(f, "POST", "/v1/bursting/pull", NULL, NULL), 409, "conflict", NULL);
	assert_int_equal(settings(f).version, 0);
	p = make_platform(4);
	p->infinity_settings.threshold = 0; /* Infinity did not tell it */
	fixture_publish(f, p);
	expect_problem(ask(f, "POST", "/v1/bursting/pull", NULL, NULL), 409, "conflict", NULL);
	assert_int_equal(settings(f).version, 0);
}

/* --- push ---------------------------------------------------------------------------------------------------------- */

static void push_is_an_operation(void **state)
{
	struct fixture *f = *state;
	struct operation *op;
	struct answer a;
	char where[200];

	change_settings(f, "{\"enabled\":true,\"bursting_threshold\":7,\"aws_access_key_id\":\"AKIAOURS\","
			   "\"aws_secret_access_key\":\"hush/hush\"}");
	a = ask(f, "POST", "/v1/bursting/push", NULL, NULL);
	expect(&a, 202);
	assert_string_equal(answer_header(&a, "Location", where), "/v1/operations/1");
	assert_string_equal(text_at(&a, "kind"), "push_settings");
	assert_null(strstr(a.body, "hush"));
	answer_free(&a);
	op = operation(f, 1, true);
	assert_int_equal(op->intent.state, INTENT_WORKING);
	assert_string_equal(op->intent.actor, "root");
	assert_string_equal(
		operation_text(op, VALUE_PUSH),
		"{\"bursting_threshold\":7,\"bursting_min_lifetime\":50,\"cloud_provider\":\"AWS\","
		"\"aws_access_key\":\"AKIAOURS\"}");
	assert_string_equal(operation_text(op, VALUE_PUSH_SECRET), "hush/hush");
	assert_int_equal(op->n_steps, 1);
	assert_int_equal(op->steps[0].name, STEP_PUSH_SETTINGS);
	operation_free(op);
	assert_int_equal(events(f, EVENT_OPERATION), 1);
	assert_int_equal(atomic_load(&f->wakes), 2);
	expect_problem(ask(f, "POST", "/v1/bursting/push", NULL, NULL), 409, "conflict", NULL);
	assert_int_equal(events(f, EVENT_OPERATION), 1);
}

/* Two controllers are never made by default; without keys of its own burstd leaves Infinity's alone. */
static void push_by_default(void **state)
{
	struct fixture *f = *state;
	struct operation *op;
	struct answer a = ask(f, "POST", "/v1/bursting/push", NULL, NULL);

	expect(&a, 202);
	answer_free(&a);
	op = operation(f, 1, true);
	assert_string_equal(
		operation_text(op, VALUE_PUSH),
		"{\"bursting_threshold\":5,\"bursting_min_lifetime\":50,\"cloud_provider\":\"AWS\"}");
	assert_null(op->values[VALUE_PUSH_SECRET]);
	operation_free(op);
}

static void push_of_enabled(void **state)
{
	struct fixture *f = *state;
	struct operation *op;
	struct answer a;

	change_settings(f, "{\"enabled\":true}");
	a = ask(f, "POST", "/v1/bursting/push?dry_run=true", NULL, "{\"fields\":[\"enabled\"]}");
	expect(&a, 200);
	assert_int_equal(json_array_size(at(&a, "changes")), 1);
	assert_string_equal(text_at(&a, "changes.0.pointer"), "/enabled");
	assert_non_null(strstr(text_at(&a, "consequences.0"), "RULE S9"));
	answer_free(&a);
	assert_int_equal(events(f, EVENT_OPERATION), 0);
	a = ask(f, "POST", "/v1/bursting/push", NULL, "{\"fields\":[\"enabled\"]}");
	expect(&a, 202);
	answer_free(&a);
	op = operation(f, 1, false);
	assert_string_equal(operation_text(op, VALUE_PUSH), "{\"bursting_enabled\":true}");
	operation_free(op);
}

static void the_plan_of_a_push(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	change_settings(f, "{\"aws_access_key_id\":\"AKIAOURS\",\"aws_secret_access_key\":\"hush/hush\"}");
	a = ask(f, "POST", "/v1/bursting/push?dry_run=true", NULL, NULL);
	expect(&a, 200);
	assert_string_equal(text_at(&a, "kind"), "push_settings");
	assert_int_equal(json_array_size(at(&a, "changes")), 4); /* the secret was set before */
	assert_int_equal(json_array_size(at(&a, "consequences")), 2);
	assert_non_null(strstr(a.body, "AZURE"));
	assert_null(strstr(a.body, "hush"));
	answer_free(&a);
}

static void push_refuses(void **state)
{
	static const char *const bad[] = {"{\"fields\":[]}", "{\"fields\":[\"tag_value\"]}",
					  "{\"fields\":[\"enabled\",\"enabled\"]}"};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		expect_problem(ask(f, "POST", "/v1/bursting/push", NULL, bad[i]), 400, "bad-request",
			       "/fields");
	expect_problem(ask(f, "POST", "/v1/bursting/push", NULL, "{\"fields\":[\"aws_keys\"]}"), 409,
		       "conflict", "/fields");
	assert_int_equal(events(f, EVENT_OPERATION), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(both_sides_are_shown),
		T(nothing_is_known_yet),
		T(pull_takes_what_is_named),
		T(pull_takes_enabled_by_name_alone),
		T(pull_refuses),
		T(push_is_an_operation),
		T(push_by_default),
		T(push_of_enabled),
		T(the_plan_of_a_push),
		T(push_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

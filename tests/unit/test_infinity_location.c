/* Changes to locations: what is built, what is read of the answers, and what is sent. */
#include "tests/unit/infinity_fake.h"

#include "clients/infinity/location.h"

#define LOCATIONS API "configuration/v1/system_location/"

struct bench {
	struct fake *fake;
	struct infinity_client *client;
	struct upstream_error e;
};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	assert_non_null(b);
	b->fake = fake_new();
	b->client = fake_client(b->fake);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	infinity_client_free(b->client);
	free(b->fake);
	free(b);
	return 0;
}

static struct location_change named(const char *name)
{
	struct location_change c = {.fields = LOCATION_NAME};

	(void)snprintf(c.name, sizeof c.name, "%s", name);
	return c;
}

/* --- building ------------------------------------------------------------------------------------------------------ */

static void body_holds_what_is_named(void **state)
{
	struct location_change c = named("Oslo \"2\"");
	char *body = infinity_location_body(&c);

	(void)state;
	assert_string_equal(body, "{\"name\":\"Oslo \\\"2\\\"\"}");
	free(body);
	c = (struct location_change){.fields = LOCATION_PRIMARY | LOCATION_SECONDARY, .overflow1 = 4};
	body = infinity_location_body(&c);
	assert_string_equal(body, "{\"overflow_location1\":\"" LOCATIONS "4/\",\"overflow_location2\":null}");
	free(body);
	c = (struct location_change){.fields = LOCATION_DESCRIPTION};
	body = infinity_location_body(&c);
	assert_string_equal(body, "{\"description\":\"\"}");
	free(body);
	c.fields = 0;
	assert_null(infinity_location_body(&c));
}

static void query_is_escaped(void **state)
{
	struct buf path = BUF_INIT(4096);
	char longest[LOCATION_NAME_MAX + 1];

	(void)state;
	infinity_location_query("A&B=c/?\xc3\xa5 ~", &path);
	assert_string_equal(path.data, LOCATIONS "?limit=500&name=A%26B%3Dc%2F%3F%C3%A5%20~");
	buf_wipe(&path);
	memset(longest, '&', LOCATION_NAME_MAX);
	longest[LOCATION_NAME_MAX] = '\0';
	infinity_location_query(longest, &path);
	assert_false(path.failed);
	buf_wipe(&path);
}

/* --- parsing -------------------------------------------------------------------------------------------------------- */

static void address_of_a_new_one(void **state)
{
	static const struct {
		const char *location;
		int64_t id;
	} cases[] = {
		{LOCATIONS "7/", 7},
		{BASE LOCATIONS "4711/", 4711},
		{LOCATIONS "7", 7},
		{"", 0},
		{LOCATIONS, 0},
		{LOCATIONS "0/", 0},
		{LOCATIONS "-3/", 0},
		{LOCATIONS "7/statistics/", 0},
		{API "configuration/v1/worker_vm/7/", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct http_answer answer = {.status = 201};

		(void)snprintf(answer.location, sizeof answer.location, "%s", cases[i].location);
		assert_int_equal(infinity_location_made(&answer), cases[i].id);
	}
}

static void found_by_its_exact_name(void **state)
{
	static const char page[] = "{\"meta\":{\"total_count\":2},\"objects\":[{\"id\":3,\"name\":\"oslo\"},"
				   "{\"id\":5,\"name\":\"Oslo\"}]}";
	json_auto_t *two = json_loads(page, 0, NULL);
	json_auto_t *more = json_loads("{\"meta\":{\"total_count\":900},\"objects\":[]}", 0, NULL);
	json_auto_t *none = json_loads("{\"objects\":[]}", 0, NULL);
	int64_t id = -1;
	const char *why;

	(void)state;
	assert_true(infinity_location_found(two, "Oslo", &id, &why));
	assert_int_equal(id, 5);
	assert_true(infinity_location_found(two, "OSLO", &id, &why));
	assert_int_equal(id, 0);
	id = -1; /* a platform that ignores the filter proves nothing by its first page */
	assert_false(infinity_location_found(more, "Oslo", &id, &why));
	assert_false(infinity_location_found(none, "Oslo", &id, &why));
	assert_int_equal(id, -1);
}

/* --- sending -------------------------------------------------------------------------------------------------------- */

static void create(void **state)
{
	struct bench *b = *state;
	struct location_change c = named("Bergen");
	int64_t id = 0;

	fake_route(b->fake, (struct route){.method = METHOD_POST,
					   .path = LOCATIONS,
					   .status = 201,
					   .location = LOCATIONS "9/",
					   .times = 1});
	assert_true(infinity_create_location(b->client, &c, &id, &b->e));
	assert_int_equal(id, 9);
	assert_string_equal(b->fake->sent[0].body, "{\"name\":\"Bergen\"}");
	assert_true(b->fake->sent[0].once);
	/* without its address nobody knows what was made: to be looked for */
	id = 0;
	fake_route(b->fake, (struct route){.method = METHOD_POST, .path = LOCATIONS, .status = 201});
	assert_false(infinity_create_location(b->client, &c, &id, &b->e));
	assert_int_equal(b->e.class, UPSTREAM_RETRY);
	assert_int_equal(id, 0);
	c.fields = LOCATION_DESCRIPTION;
	assert_false(infinity_create_location(b->client, &c, &id, &b->e));
	assert_int_equal(b->e.class, UPSTREAM_BUG);
	assert_int_equal(b->fake->n_sent, 2);
}

/* A POST whose answer is lost is not repeated here: the caller looks for it first. */
static void create_is_tried_once(void **state)
{
	struct bench *b = *state;
	struct location_change c = named("Bergen");
	int64_t id;

	fake_route(b->fake, (struct route){.method = METHOD_POST, .path = LOCATIONS, .status = 0});
	assert_false(infinity_create_location(b->client, &c, &id, &b->e));
	assert_int_equal(b->e.class, UPSTREAM_RETRY);
	assert_int_equal(b->fake->n_sent, 1);
}

static void refusals_have_infinitys_words(void **state)
{
	static const struct {
		int status;
		const char *body, *said;
		enum upstream_class class;
	} cases[] = {
		{400, "{\"system_location\":{\"name\":[\"already exists\"]}}", "already exists",
		 UPSTREAM_OPERATOR},
		{400, "{\"overflow_location1\":[\"Invalid hyperlink\"]}",
		 "overflow_location1: Invalid hyperlink", UPSTREAM_OPERATOR},
		{401, "", "user name or password", UPSTREAM_OPERATOR},
		{403, "", "permission", UPSTREAM_OPERATOR},
		{404, "", "no such location", UPSTREAM_OPERATOR},
		{409, "{\"error\":\"in use\"}", "in use", UPSTREAM_OPERATOR},
		{429, "", "too many", UPSTREAM_THROTTLED},
		{503, "", "not ready", UPSTREAM_RETRY},
	};
	struct bench *b = *state;
	struct location_change c = named("Bergen");

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		b->fake->n_routes = 0;
		fake_route(b->fake, (struct route){.method = METHOD_PATCH,
						   .path = LOCATIONS "9/",
						   .status = cases[i].status,
						   .body = cases[i].body});
		assert_false(infinity_update_location(b->client, 9, &c, &b->e));
		assert_int_equal(b->e.class, cases[i].class);
		assert_int_equal(b->e.http_status, cases[i].status);
		if (!strstr(b->e.message, cases[i].said) || !b->e.remedy[0])
			fail_msg("%d: %s (%s)", cases[i].status, b->e.message, b->e.remedy);
	}
}

static void delete_one(void **state)
{
	struct bench *b = *state;

	fake_route(b->fake, (struct route){.method = METHOD_DELETE, .path = LOCATIONS "9/", .status = 204});
	assert_true(infinity_delete_location(b->client, 9, &b->e));
	assert_string_equal(b->fake->sent[0].body, "");
}

/* On the list a DELETE empties the platform and a PATCH may: neither can be sent. */
static void a_list_is_never_changed(void **state)
{
	static const char *const paths[] = {LOCATIONS,           LOCATIONS "0/",
					    LOCATIONS "?name=x", LOCATIONS "x/",
					    LOCATIONS "9",       LOCATIONS "-1/",
					    LOCATIONS "9/?a=1",  "/",
					    LOCATIONS "9/../",   ""};
	static const enum http_method methods[] = {METHOD_DELETE, METHOD_PATCH};
	struct bench *b = *state;
	struct location_change c = named("Bergen");
	struct http_answer answer;

	assert_false(infinity_delete_location(b->client, 0, &b->e));
	assert_int_equal(b->e.class, UPSTREAM_BUG);
	assert_false(infinity_delete_location(b->client, -1, &b->e));
	assert_false(infinity_update_location(b->client, 0, &c, &b->e));
	c.fields = 0;
	assert_false(infinity_update_location(b->client, 9, &c, &b->e));
	for (size_t m = 0; m < ARRAY_LEN(methods); m++)
		for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
			struct infinity_request request = {
				.method = methods[m], .path = paths[i], .resource = "x", .aim = AIM_LOCATION};

			assert_false(infinity_exchange(b->client, &request, &answer, &b->e));
			assert_int_equal(b->e.class, UPSTREAM_BUG);
		}
	assert_false(infinity_exchange(b->client,
				       &(struct infinity_request){.method = METHOD_PUT_IMDS,
								  .path = LOCATIONS "9/",
								  .resource = "x"},
				       &answer, &b->e));
	assert_int_equal(b->fake->n_sent, 0);
}

static void find(void **state)
{
	struct bench *b = *state;
	int64_t id = -1;

	fake_get_once(b->fake, LOCATIONS "?limit=500&name=Bergen", 200,
		      "{\"meta\":{\"total_count\":1},\"objects\":[{\"id\":9,\"name\":\"Bergen\"}]}");
	assert_true(infinity_find_location(b->client, "Bergen", &id, &b->e));
	assert_int_equal(id, 9);
	fake_get_once(b->fake, LOCATIONS "?limit=500&name=Bergen", 200,
		      "{\"meta\":{\"total_count\":0},\"objects\":[]}");
	assert_true(infinity_find_location(b->client, "Bergen", &id, &b->e));
	assert_int_equal(id, 0);
	fake_get(b->fake, LOCATIONS "?limit=500&name=Bergen", "{\"objects\":1}");
	assert_false(infinity_find_location(b->client, "Bergen", &id, &b->e));
	assert_string_equal(b->e.issue, "infinity_answer");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(body_holds_what_is_named),
		cmocka_unit_test(query_is_escaped),
		cmocka_unit_test(address_of_a_new_one),
		cmocka_unit_test(found_by_its_exact_name),
		T(create),
		T(create_is_tried_once),
		T(refusals_have_infinitys_words),
		T(delete_one),
		T(a_list_is_never_changed),
		T(find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

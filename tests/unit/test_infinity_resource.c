/* Whole objects of Infinity's configuration: what is sent, what is read of the answers, what is refused, what errors say. */
#include "tests/unit/infinity_fake.h"

#include "base/limits.h"
#include "clients/infinity/resource.h"
#include "clients/infinity/secrets.h"

#define NODES    API "configuration/v1/worker_vm/"
#define ALIASES  API "configuration/v1/conference_alias/"
#define LICENCES API "configuration/v1/licence/"
#define PAGE(next, total, objects)                                                                           \
	"{\"meta\":{\"limit\":2,\"next\":" next ",\"offset\":0,\"previous\":null,\"total_count\":" #total    \
	"},\"objects\":[" objects "]}"
#define XML "<?xml version='1.0'?>\n<configuration>\r\n  <key>&lt;s3cret&gt;</key>\n</configuration>\n"

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

static const struct sent *last(const struct bench *b)
{
	assert_true(b->fake->n_sent > 0);
	return &b->fake->sent[b->fake->n_sent - 1];
}

static void says(const struct bench *b, enum upstream_class class, const char *words)
{
	if (b->e.class != class || !strstr(b->e.message, words))
		fail_msg("%s: %s", upstream_class_text(b->e.class), b->e.message);
}

static const char *text_of(const json_t *object, const char *field)
{
	const char *text = json_string_value(json_object_get(object, field));

	return text ? text : "";
}

/* --- references ------------------------------------------------------------------------------------------------------ */

static void references(void **state)
{
	static const struct {
		enum infinity_resource resource;
		const char *reference;
		int64_t id;
	} cases[] = {
		{RESOURCE_WORKER_VM, NODES "7/", 7},
		{RESOURCE_WORKER_VM, NODES "7", 7},
		{RESOURCE_WORKER_VM, BASE NODES "4711/", 4711},
		{RESOURCE_WORKER_VM, "HTTP://other:8080" NODES "4711/", 4711},
		{RESOURCE_LICENCE, LICENCES "140266102/", 140266102},
		{RESOURCE_WORKER_VM, NULL, 0},
		{RESOURCE_WORKER_VM, "", 0},
		{RESOURCE_WORKER_VM, "https://manager.example.com", 0},
		{RESOURCE_WORKER_VM, NODES, 0},
		{RESOURCE_WORKER_VM, NODES "0/", 0},
		{RESOURCE_WORKER_VM, NODES "-3/", 0},
		{RESOURCE_WORKER_VM, NODES " 3/", 0},
		{RESOURCE_WORKER_VM, NODES "7/statistics/", 0},
		{RESOURCE_WORKER_VM, NODES "7?x=1", 0},
		{RESOURCE_WORKER_VM, NODES "9223372036854775808/", 0},
		{RESOURCE_WORKER_VM, NODES "9b1d54c0-3c1e-4a57-9f0e-0d6a5c2b7e11/", 0},
		{RESOURCE_WORKER_VM, API "status/v1/worker_vm/7/", 0},
		{RESOURCE_WORKER_VM_STATUS, NODES "7/", 0},
		{RESOURCE_DNS_SERVER, API "configuration/v1/ntp_server/7/", 0},
		{RESOURCE_CONFERENCE, ALIASES "7/", 0},
		{RESOURCE_WORKER_VM, "x" NODES "7/", 0},
	};
	char out[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (infinity_reference_id(cases[i].resource, cases[i].reference) != cases[i].id)
			fail_msg("%s", cases[i].reference);
	infinity_reference(RESOURCE_SYSTEM_LOCATION, 4, out);
	assert_string_equal(out, "/api/admin/configuration/v1/system_location/4/");
	infinity_reference(RESOURCE_MANAGEMENT_VM_STATUS, INT64_MAX, out);
	assert_string_equal(out, "/api/admin/status/v1/management_vm/9223372036854775807/");
	assert_int_equal(infinity_reference_id(RESOURCE_MANAGEMENT_VM_STATUS, out), INT64_MAX);
}

/* --- one object ------------------------------------------------------------------------------------------------------ */

static void get_one(void **state)
{
	struct bench *b = *state;
	json_t *object = NULL;

	fake_get(b->fake, NODES "7/",
		 "{\"id\":7,\"name\":\"a\",\"ipv6_address\":null,\"static_routes\":[{\"id\":5,\"name\":"
		 "\"lab\"}],"
		 "\"not_known_yet\":[1]}");
	assert_true(infinity_resource_get(b->client, RESOURCE_WORKER_VM, 7, &object, &b->e));
	assert_string_equal(text_of(object, "name"), "a");
	assert_true(json_is_null(json_object_get(object, "ipv6_address")));
	assert_string_equal(text_of(json_array_get(json_object_get(object, "static_routes"), 0), "name"),
			    "lab");
	assert_int_equal(json_array_size(json_object_get(object, "not_known_yet")), 1);
	assert_int_equal(last(b)->method, METHOD_GET);
	assert_string_equal(last(b)->url, BASE NODES "7/");
	assert_string_equal(last(b)->user, "api");
	json_decref(object);
}

static void get_by_other_ids(void **state)
{
	struct bench *b = *state;
	json_t *object = NULL;

	fake_get(b->fake, LICENCES "140266102/", "{\"fulfillment_id\":\"140266102\"}");
	fake_get(b->fake, API "status/v1/worker_vm/7/", "{\"id\":12,\"configuration_id\":7}");
	assert_true(infinity_resource_get(b->client, RESOURCE_LICENCE, 140266102, &object, &b->e));
	json_decref(object);
	assert_true(infinity_resource_get(b->client, RESOURCE_WORKER_VM_STATUS, 7, &object, &b->e));
	json_decref(object);
}

static void get_of_none(void **state)
{
	struct bench *b = *state;
	json_t *object = json_null();

	fake_route(b->fake, (struct route){.path = NODES "7/",
					   .status = 404,
					   .body = "<html>no</html>",
					   .content_type = "text/html"});
	assert_true(infinity_resource_get(b->client, RESOURCE_WORKER_VM, 7, &object, &b->e));
	assert_null(object);
	assert_int_equal(b->fake->n_sent, 1);
}

static void get_of_something_else(void **state)
{
	static const char *const bodies[] = {
		"{\"id\":8}",   "{}", "[]",   "null", PAGE("null", 1, "{\"id\":7}"), "{\"id\":\"7x\"}",
		"{\"id\":7.5}", "7",  "\"\"", "",     "{\"fulfillment_id\":7}",
	};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		json_t *object = NULL;

		b->fake->n_routes = 0;
		fake_get(b->fake, NODES "7/", bodies[i]);
		if (infinity_resource_get(b->client, RESOURCE_WORKER_VM, 7, &object, &b->e))
			fail_msg("%s", bodies[i]);
		says(b, UPSTREAM_OPERATOR, "configuration/worker_vm/7: the answer is");
		assert_string_equal(b->e.issue, "infinity_answer");
	}
}

static void reading_tries_again_and_then_tells(void **state)
{
	static const struct {
		int status;
		size_t sent;
		enum upstream_class class;
		const char *words;
	} cases[] = {
		{401, 1, UPSTREAM_OPERATOR, "user name or password"},
		{403, 1, UPSTREAM_OPERATOR, "lacks the permission"},
		{429, 3, UPSTREAM_THROTTLED, "too many requests"},
		{500, 3, UPSTREAM_RETRY, "not ready"},
		{0, 3, UPSTREAM_RETRY, "no answer"},
	};
	struct bench *b = *state;
	json_t *object = NULL;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		b->fake->n_routes = b->fake->n_sent = b->fake->n_pauses = 0;
		fake_route(b->fake, (struct route){.path = NODES "7/", .status = cases[i].status});
		assert_false(infinity_resource_get(b->client, RESOURCE_WORKER_VM, 7, &object, &b->e));
		says(b, cases[i].class, cases[i].words);
		assert_int_equal(b->fake->n_sent, cases[i].sent);
		assert_null(object);
	}
	assert_non_null(strstr(b->e.remedy, "network"));
}

/* --- lists ----------------------------------------------------------------------------------------------------------- */

static void list_of_every_page(void **state)
{
	struct bench *b = *state;
	json_t *objects = NULL;

	fake_get(b->fake, NODES "?limit=500",
		 PAGE("\"" NODES "?limit=2&offset=2\"", 5,
		      "{\"id\":1,\"static_routes\":[{\"id\":9}]},{\"id\":2,\"gateway\":null}"));
	fake_get(b->fake, NODES "?limit=2&offset=2",
		 PAGE("\"" BASE NODES "?limit=2&offset=4\"", 5, "{\"id\":3},{\"id\":4}"));
	fake_get(b->fake, NODES "?limit=2&offset=4", PAGE("null", 5, "{\"id\":5,\"name\":\"e\"}"));
	assert_true(infinity_resource_list(b->client, RESOURCE_WORKER_VM, &objects, &b->e));
	assert_int_equal(json_array_size(objects), 5);
	assert_int_equal(json_array_size(json_object_get(json_array_get(objects, 0), "static_routes")), 1);
	assert_true(json_is_null(json_object_get(json_array_get(objects, 1), "gateway")));
	assert_string_equal(text_of(json_array_get(objects, 4), "name"), "e");
	assert_int_equal(b->fake->n_sent, 3);
	json_decref(objects);
}

static void list_of_licences(void **state)
{
	struct bench *b = *state;
	json_t *objects = NULL;

	fake_get_once(b->fake, LICENCES "?limit=500", 200, PAGE("null", 0, ""));
	assert_true(infinity_resource_list(b->client, RESOURCE_LICENCE, &objects, &b->e));
	assert_int_equal(json_array_size(objects), 0);
	json_decref(objects);
	fake_get_once(b->fake, LICENCES "?limit=500", 200,
		      PAGE("null", 2, "{\"fulfillment_id\":\"1\"},{\"fulfillment_id\":2}"));
	assert_true(infinity_resource_list(b->client, RESOURCE_LICENCE, &objects, &b->e));
	assert_int_equal(json_array_size(objects), 2);
	json_decref(objects);
	fake_get(b->fake, LICENCES "?limit=500", PAGE("null", 1, "{\"id\":1}"));
	assert_false(infinity_resource_list(b->client, RESOURCE_LICENCE, &objects, &b->e));
	says(b, UPSTREAM_OPERATOR, "an object has no \"fulfillment_id\"");
}

/* One that moves once is read again; one that moves again proves nothing (RULE D1). */
static void list_that_moves(void **state)
{
	struct bench *b = *state;
	json_t *objects = NULL;

	fake_get_once(b->fake, NODES "?limit=500", 200, PAGE("null", 3, "{\"id\":1},{\"id\":2}"));
	fake_get_once(b->fake, NODES "?limit=500", 200, PAGE("null", 1, "{\"id\":3}"));
	assert_true(infinity_resource_list(b->client, RESOURCE_WORKER_VM, &objects, &b->e));
	assert_int_equal(json_array_size(objects), 1);
	json_decref(objects);
	objects = NULL;
	fake_get(b->fake, NODES "?limit=500", PAGE("null", 3, "{\"id\":1},{\"id\":2}"));
	assert_false(infinity_resource_list(b->client, RESOURCE_WORKER_VM, &objects, &b->e));
	says(b, UPSTREAM_RETRY, "changed while it was read: 2 of 3 objects arrived");
	assert_null(objects);
	assert_int_equal(b->fake->n_sent, 4);
}

static void list_that_breaks_off(void **state)
{
	static const char *const elsewhere[] = {
		"\"https://other.example.com" NODES "?offset=2\"",
		"\"" ALIASES "?offset=2\"",
		"7",
	};
	struct bench *b = *state;
	json_t *objects = NULL;
	char page[400];

	for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++) {
		(void)snprintf(page, sizeof page,
			       "{\"meta\":{\"next\":%s,\"total_count\":4},\"objects\":[{\"id\":1}]}",
			       elsewhere[i]);
		b->fake->n_routes = 0;
		fake_get(b->fake, NODES "?limit=500", page);
		assert_false(infinity_resource_list(b->client, RESOURCE_WORKER_VM, &objects, &b->e));
		says(b, UPSTREAM_OPERATOR, "next");
	}
	b->fake->n_routes = 0;
	fake_get(b->fake, NODES "?limit=500", PAGE("\"" NODES "?offset=2\"", 4, "{\"id\":1},{\"id\":2}"));
	fake_route(b->fake, (struct route){.path = NODES "?offset=2", .status = 502});
	assert_false(infinity_resource_list(b->client, RESOURCE_WORKER_VM, &objects, &b->e));
	says(b, UPSTREAM_RETRY, "not ready");
	assert_null(objects);
}

/* --- search ---------------------------------------------------------------------------------------------------------- */

static void find_by_a_filter(void **state)
{
	struct bench *b = *state;
	json_t *object = NULL;

	fake_get(b->fake, ALIASES "?limit=500&alias=b%C3%B8rd%20%26%2B%231%40x",
		 PAGE("null", 2,
		      "{\"id\":3,\"alias\":\"B\u00f8rd &+#1@x\"},{\"id\":4,\"alias\":\"b\u00f8rd &+#1@x\"}"));
	assert_true(infinity_resource_find(b->client, RESOURCE_CONFERENCE_ALIAS, "alias", "b\u00f8rd &+#1@x",
					   &object, &b->e));
	assert_int_equal(json_integer_value(json_object_get(object, "id")), 4);
	assert_int_equal(b->fake->n_sent, 1);
	json_decref(object);
}

static void find_none(void **state)
{
	static const char *const others[] = {
		PAGE("null", 0, ""),
		PAGE("null", 1, "{\"id\":3,\"name\":\"Burst\"}"),
		PAGE("null", 1, "{\"id\":3,\"name\":\"burst1\"}"),
		PAGE("null", 1, "{\"id\":3,\"name\":\"burst\\u0000\"}"),
		PAGE("null", 1, "{\"id\":3,\"name\":null}"),
		PAGE("null", 1, "{\"id\":3}"),
	};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		json_t *object = json_null();

		b->fake->n_routes = 0;
		fake_get(b->fake, NODES "?limit=500&name=burst", others[i]);
		assert_true(infinity_resource_find(b->client, RESOURCE_WORKER_VM, "name", "burst", &object,
						   &b->e));
		assert_null(object);
	}
}

/* A platform that ignores the filter: every page is looked through, and the count must agree. */
static void find_where_the_filter_is_ignored(void **state)
{
	struct bench *b = *state;
	json_t *object = NULL;

	fake_get(b->fake, NODES "?limit=500&name=burst",
		 PAGE("\"" NODES "?limit=2&name=burst&offset=2\"", 3,
		      "{\"id\":1,\"name\":\"a\"},{\"id\":2,\"name\":\"b\"}"));
	fake_get_once(b->fake, NODES "?limit=2&name=burst&offset=2", 200,
		      PAGE("null", 3, "{\"id\":3,\"name\":\"burst\"}"));
	assert_true(infinity_resource_find(b->client, RESOURCE_WORKER_VM, "name", "burst", &object, &b->e));
	assert_int_equal(json_integer_value(json_object_get(object, "id")), 3);
	json_decref(object);
	object = NULL;
	fake_get(b->fake, NODES "?limit=2&name=burst&offset=2", PAGE("null", 3, ""));
	assert_false(infinity_resource_find(b->client, RESOURCE_WORKER_VM, "name", "burst", &object, &b->e));
	says(b, UPSTREAM_RETRY, "changed while it was read");
	assert_null(object);
}

static void find_where_the_field_cannot_be_filtered(void **state)
{
	struct bench *b = *state;
	json_t *object = NULL;

	fake_get_once(b->fake, NODES "?limit=500&domain=x", 400,
		      "{\"error\":\"The 'domain' field does not allow filtering.\"}");
	fake_get(b->fake, NODES "?limit=500",
		 PAGE("null", 2, "{\"id\":1,\"domain\":\"y\"},{\"id\":2,\"domain\":\"x\"}"));
	assert_true(infinity_resource_find(b->client, RESOURCE_WORKER_VM, "domain", "x", &object, &b->e));
	assert_int_equal(json_integer_value(json_object_get(object, "id")), 2);
	json_decref(object);
}

static void find_that_fails(void **state)
{
	struct bench *b = *state;
	char longest[4000];
	json_t *object = NULL;

	fake_get_once(b->fake, NODES "?limit=500&name=burst", 403, "");
	assert_false(infinity_resource_find(b->client, RESOURCE_WORKER_VM, "name", "burst", &object, &b->e));
	says(b, UPSTREAM_OPERATOR, "lacks the permission");
	assert_int_equal(b->fake->n_sent, 1);
	memset(longest, '&', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	assert_false(infinity_resource_find(b->client, RESOURCE_WORKER_VM, "name", longest, &object, &b->e));
	says(b, UPSTREAM_BUG, "too long");
	longest[1190] = '\0'; /* fits the filter, not the address */
	assert_false(infinity_resource_find(b->client, RESOURCE_WORKER_VM, "name", longest, &object, &b->e));
	says(b, UPSTREAM_OPERATOR, "address is too long");
	assert_int_equal(b->fake->n_sent, 1);
	assert_null(object);
}

/* --- changes --------------------------------------------------------------------------------------------------------- */

static void create_and_take_the_document(void **state)
{
	static const char *const labels[] = {"application/xml", "text/html; charset=utf-8",
					     "application/json", ""};
	static const char *const addresses[] = {NODES "9/", BASE NODES "9/", NODES "9", BASE NODES "9/"};
	struct bench *b = *state;
	json_auto_t *node = json_pack("{s:s, s:s, s:b, s:n}", "name", "burst", "password", "$6$hash",
				      "enable_distributed_database", 0, "ipv6_address");

	for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
		struct buf xml = {0};
		int64_t id = 0;

		b->fake->n_routes = 0;
		fake_route(b->fake, (struct route){.method = METHOD_POST,
						   .path = NODES,
						   .status = 201,
						   .body = XML,
						   .content_type = labels[i],
						   .location = addresses[i]});
		assert_true(infinity_resource_create(b->client, RESOURCE_WORKER_VM, node, &id, &xml, &b->e));
		assert_int_equal(id, 9);
		assert_string_equal(xml.data, XML);
		assert_int_equal(xml.len, strlen(XML));
		assert_true(xml.secret);
		buf_free(&xml);
		assert_string_equal(last(b)->url, BASE NODES);
		assert_string_equal(last(b)->body,
				    "{\"name\":\"burst\",\"password\":\"$6$hash\","
				    "\"enable_distributed_database\":false,\"ipv6_address\":null}");
		assert_true(last(b)->once);
		assert_true(last(b)->secret_answer);
		assert_int_equal(last(b)->answer_max, LIMIT_BOOTSTRAP_BYTES);
	}
	assert_int_equal(b->fake->n_sent, ARRAY_LEN(labels));
}

static void create_without_a_document(void **state)
{
	struct bench *b = *state;
	json_auto_t *server = json_pack("{s:s}", "address", "10.0.0.53");
	struct buf none = {0};
	int64_t id = 0;

	fake_route(b->fake, (struct route){.method = METHOD_POST,
					   .path = API "configuration/v1/dns_server/",
					   .status = 201,
					   .location = API "configuration/v1/dns_server/3/"});
	assert_true(infinity_resource_create(b->client, RESOURCE_DNS_SERVER, server, &id, NULL, &b->e));
	assert_int_equal(id, 3);
	assert_true(infinity_resource_create(b->client, RESOURCE_DNS_SERVER, server, &id, &none, &b->e));
	assert_int_equal(none.len, 0);
}

/* It may have been made: one attempt, told as uncertain, and nothing handed out. */
static void create_whose_answer_says_too_little(void **state)
{
	static const struct {
		int status;
		const char *location;
	} cases[] = {
		{201, NULL}, {201, NODES}, {201, ALIASES "9/"}, {201, NODES "x/"}, {0, NULL}, {503, NULL},
	};
	struct bench *b = *state;
	json_auto_t *node = json_pack("{s:s}", "name", "burst");
	struct buf xml = {0};
	int64_t id = -1;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		b->fake->n_routes = b->fake->n_sent = 0;
		fake_route(b->fake, (struct route){.method = METHOD_POST,
						   .path = NODES,
						   .status = cases[i].status,
						   .body = XML,
						   .content_type = "application/xml",
						   .location = cases[i].location});
		assert_false(infinity_resource_create(b->client, RESOURCE_WORKER_VM, node, &id, &xml, &b->e));
		assert_int_equal(b->e.class, UPSTREAM_RETRY);
		assert_int_equal(b->e.http_status, cases[i].status);
		assert_null(strstr(b->e.message, "s3cret"));
		assert_int_equal(b->fake->n_sent, 1);
		assert_int_equal(id, -1);
		assert_null(xml.data);
	}
}

static void update_and_delete(void **state)
{
	static const int good[] = {200, 202, 204};
	struct bench *b = *state;
	json_auto_t *fields = json_pack("{s:s, s:[s]}", "static_nat_address", "198.51.100.83", "dns_servers",
					API "configuration/v1/dns_server/1/");
	json_auto_t *limits = json_pack("{s:i}", "bursting_threshold", 7);

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		b->fake->n_routes = 0;
		fake_route(b->fake,
			   (struct route){.method = METHOD_PATCH, .path = NODES "9/", .status = good[i]});
		assert_true(infinity_resource_update(b->client, RESOURCE_WORKER_VM, 9, fields, &b->e));
		assert_string_equal(last(b)->body,
				    "{\"static_nat_address\":\"198.51.100.83\",\"dns_servers\":"
				    "[\"/api/admin/configuration/v1/dns_server/1/\"]}");
	}
	fake_route(b->fake, (struct route){.method = METHOD_PATCH,
					   .path = API "configuration/v1/global/1/",
					   .status = 202});
	assert_true(infinity_resource_update(b->client, RESOURCE_GLOBAL, 1, limits, &b->e));
	assert_string_equal(last(b)->body, "{\"bursting_threshold\":7}");
	fake_route(b->fake,
		   (struct route){.method = METHOD_DELETE, .path = NODES "9/", .status = 204, .times = 1});
	assert_true(infinity_resource_delete(b->client, RESOURCE_WORKER_VM, 9, &b->e));
	assert_int_equal(last(b)->method, METHOD_DELETE);
	assert_string_equal(last(b)->body, "");
	fake_route(b->fake, (struct route){.method = METHOD_DELETE, .path = NODES "9/", .status = 404});
	assert_false(infinity_resource_delete(b->client, RESOURCE_WORKER_VM, 9, &b->e));
	assert_int_equal(b->e.http_status, 404);
	says(b, UPSTREAM_OPERATOR, "no such object");
}

static void expect_refused(const struct bench *b, bool done)
{
	assert_false(done);
	assert_int_equal(b->e.class, UPSTREAM_BUG);
	assert_string_equal(b->e.issue, "infinity_request");
}

static void what_must_not_be_sent(void **state)
{
	static const enum infinity_resource fixed[] = {RESOURCE_WORKER_VM_STATUS,
						       RESOURCE_MANAGEMENT_VM_STATUS, RESOURCE_GLOBAL,
						       RESOURCE_MANAGEMENT_VM};
	static const int64_t none[] = {0, -1, INT64_MIN};
	struct bench *b = *state;
	json_auto_t *fields = json_pack("{s:s}", "name", "x");
	json_auto_t *nothing = json_object();
	json_t *object = NULL;
	int64_t id;

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
		expect_refused(b, infinity_resource_create(b->client, fixed[i], fields, &id, NULL, &b->e));
		expect_refused(b, infinity_resource_delete(b->client, fixed[i], 1, &b->e));
	}
	expect_refused(b, infinity_resource_update(b->client, RESOURCE_WORKER_VM_STATUS, 7, fields, &b->e));
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		expect_refused(b,
			       infinity_resource_get(b->client, RESOURCE_WORKER_VM, none[i], &object, &b->e));
		expect_refused(
			b, infinity_resource_update(b->client, RESOURCE_WORKER_VM, none[i], fields, &b->e));
		expect_refused(b, infinity_resource_delete(b->client, RESOURCE_WORKER_VM, none[i], &b->e));
		says(b, UPSTREAM_BUG, "no such object");
	}
	expect_refused(b, infinity_resource_create(b->client, RESOURCE_WORKER_VM, nothing, &id, NULL, &b->e));
	expect_refused(b, infinity_resource_update(b->client, RESOURCE_WORKER_VM, 7, nothing, &b->e));
	expect_refused(b, infinity_resource_update(b->client, RESOURCE_WORKER_VM, 7, NULL, &b->e));
	assert_int_equal(b->fake->n_sent, 0);
}

/* --- what errors say ------------------------------------------------------------------------------------------------- */

static void refusals_have_infinitys_words(void **state)
{
	static const struct {
		int status;
		const char *body, *said;
		enum upstream_class class;
	} cases[] = {
		{400, "{\"name\":[\"already exists\",\"too long\"]}", "name: already exists",
		 UPSTREAM_OPERATOR},
		{400, "{\"worker_vm\":{\"address\":[\"Enter a valid IPv4 address.\"]}}",
		 "address: Enter a valid IPv4 address.", UPSTREAM_OPERATOR},
		{400, "{\"error\":\"bad request\"}", "bad request", UPSTREAM_OPERATOR},
		{400, "{\"error_message\":\"no licence\"}", "no licence", UPSTREAM_OPERATOR},
		{400, "plain words", "plain words", UPSTREAM_OPERATOR},
		{401, "", "user name or password", UPSTREAM_OPERATOR},
		{403, "", "permission", UPSTREAM_OPERATOR},
		{405, "", "refused (405)", UPSTREAM_OPERATOR},
		{409, "{\"error\":\"in use\"}", "in use", UPSTREAM_OPERATOR},
		{429, "", "too many", UPSTREAM_THROTTLED},
		{500, "{\"error_message\":\"boom\",\"traceback\":\"secret paths\"}", "boom", UPSTREAM_RETRY},
		{502, "<html><p>bad</html>", "an HTML page", UPSTREAM_RETRY},
		{302, "", "redirected", UPSTREAM_OPERATOR},
		{200, "<html>log in</html>", "an HTML page", UPSTREAM_RETRY},
	};
	struct bench *b = *state;
	json_auto_t *fields = json_pack("{s:s}", "name", "burst");

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		b->fake->n_routes = 0;
		fake_route(b->fake, (struct route){.method = METHOD_PATCH,
						   .path = NODES "9/",
						   .status = cases[i].status,
						   .body = cases[i].body});
		assert_false(infinity_resource_update(b->client, RESOURCE_WORKER_VM, 9, fields, &b->e));
		says(b, cases[i].class, cases[i].said);
		assert_int_equal(b->e.http_status, cases[i].status);
		assert_null(strstr(b->e.message, "secret paths"));
		assert_true(b->e.remedy[0] != '\0');
	}
	b->fake->n_routes = 0;
	fake_route(b->fake, (struct route){.method = METHOD_PATCH,
					   .path = NODES "9/",
					   .status = 400,
					   .body = "{\"name\":[\"taken\"]}"});
	assert_false(infinity_resource_update(b->client, RESOURCE_WORKER_VM, 9, fields, &b->e));
	assert_string_equal(b->e.issue, "infinity_resource_refused");
}

#define KEY                                                                                                  \
	"-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqG\nSM49AwEHBG0wawIBAQQg\nQ==\n-----END "    \
	"PRIVATE KEY-----\n"

static void no_error_repeats_a_secret(void **state)
{
	/* What comes back; what must be in the message, or not. */
	static const struct {
		const char *body, *shown, *hidden;
	} cases[] = {
		{"{\"password\":[\"'hunter2-and-more' is too simple\"]}", "password: its words repeat",
		 "hunter2"},
		{"{\"password\":[\"must not begin with hunter2-a...\"]}", "password: its words repeat",
		 "hunter2"},
		{"{\"error\":\"unexpected: {'password': 'hunter2-and-more'}\"}", "its words repeat",
		 "hunter2"},
		{"{\"error_message\":\"value MIGHAgEAMBMGByqG\"}", "its words repeat", "MIGH"},
		{"{\"name\":\"burst\",\"pin\":\"4711\"}", "name: burst", "4711"},
		{"{\"pin\":[\"4711 is too short\"]}", "pin: its words repeat", "4711"},
		{"{\"hunter2-and-more\":[\"unknown\"]}", ": unknown", "hunter2"},
		{"{\"snmp\":{\"a\":[[\"SM49AwEHBG0wawIB\"]]}}", "its words repeat", "SM49"},
		/* no JSON: it might be the request, in whatever spelling */
		{"password=hunter2-and-more", "refused (400)", "hunter2"},
		{"{\"password\": \"hunter2-and-more\"", "refused (400)", "hunter2"},
		{"{\"password\":[17]}", "refused (400)", "17"},
		/* words about it are for reading */
		{"{\"private_key\":[\"no line -----BEGIN PRIVATE KEY----- in it\"]}",
		 "private_key: no line -----BEGIN PRIVATE KEY----- in it", "MIGH"},
		{"{\"password\":[\"too short\"]}", "password: too short", "hunter2"},
	};
	struct bench *b = *state;
	json_auto_t *object =
		json_pack("{s:s, s:s, s:s, s:s, s:[{s:s}]}", "name", "burst", "password", "hunter2-and-more",
			  "private_key", KEY, "snmp_username", "public", "aliases", "pin", "4711");
	int64_t id;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (int post = 0; post < 2; post++) {
			b->fake->n_routes = 0;
			fake_route(b->fake, (struct route){.method = post ? METHOD_POST : METHOD_PATCH,
							   .path = post ? NODES : NODES "9/",
							   .status = 400,
							   .body = cases[i].body});
			assert_false(post ? infinity_resource_create(b->client, RESOURCE_WORKER_VM, object,
								     &id, NULL, &b->e)
					  : infinity_resource_update(b->client, RESOURCE_WORKER_VM, 9, object,
								     &b->e));
			says(b, UPSTREAM_OPERATOR, cases[i].shown);
			if (strstr(b->e.message, cases[i].hidden) || strstr(b->e.remedy, cases[i].hidden))
				fail_msg("%s", b->e.message);
		}
}

/* A broken answer may hold a conference's PIN. */
static void no_error_quotes_a_broken_answer(void **state)
{
	struct bench *b = *state;
	json_t *object = NULL;

	fake_get(b->fake, API "configuration/v1/conference/31/", "{\"id\":31,\"pin\":\"4711\" 4711}");
	fake_get(b->fake, API "configuration/v1/conference/?limit=500", "{\"pin\":\"4711\" 4711}");
	assert_false(infinity_resource_get(b->client, RESOURCE_CONFERENCE, 31, &object, &b->e));
	says(b, UPSTREAM_OPERATOR, "not JSON");
	assert_null(strstr(b->e.message, "4711"));
	assert_false(infinity_resource_list(b->client, RESOURCE_CONFERENCE, &object, &b->e));
	says(b, UPSTREAM_OPERATOR, "not JSON");
	assert_null(strstr(b->e.message, "4711"));
}

static void which_fields_are_secret(void **state)
{
	static const char *const secret[] = {
		"password",
		"snmp_authentication_password",
		"snmp_privacy_password",
		"snmp_community",
		"private_key",
		"private_key_passphrase",
		"pin",
		"guest_pin",
		"key",
		"aws_secret_key",
		"azure_secret",
		"gcp_private_key",
		"entitlement_id",
		"secondary_config_passphrase",
	};
	static const char *const plain[] = {"name", "key_id", "bdpm_pin_checks_enabled", "aws_access_key",
					    "certificate"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(secret); i++) {
		json_auto_t *object = json_pack("{s:s}", secret[i], "xyzzy");
		json_auto_t *empty = json_pack("{s:s}", secret[i], "");

		assert_true(infinity_holds_secret(object));
		assert_true(infinity_repeats_secret(object, "it is xyzzy"));
		assert_false(infinity_repeats_secret(object, "it is xyzz"));
		assert_false(infinity_holds_secret(empty));
		assert_false(infinity_repeats_secret(empty, "anything"));
	}
	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		json_auto_t *object = json_pack("{s:s}", plain[i], "xyzzy");

		assert_false(infinity_holds_secret(object));
		assert_false(infinity_repeats_secret(object, "it is xyzzy"));
	}
	assert_false(infinity_holds_secret(NULL));
	assert_false(infinity_repeats_secret(NULL, "x"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(references),
		T(get_one),
		T(get_by_other_ids),
		T(get_of_none),
		T(get_of_something_else),
		T(reading_tries_again_and_then_tells),
		T(list_of_every_page),
		T(list_of_licences),
		T(list_that_moves),
		T(list_that_breaks_off),
		T(find_by_a_filter),
		T(find_none),
		T(find_where_the_filter_is_ignored),
		T(find_where_the_field_cannot_be_filtered),
		T(find_that_fails),
		T(create_and_take_the_document),
		T(create_without_a_document),
		T(create_whose_answer_says_too_little),
		T(update_and_delete),
		T(what_must_not_be_sent),
		T(refusals_have_infinitys_words),
		T(no_error_repeats_a_secret),
		T(no_error_quotes_a_broken_answer),
		cmocka_unit_test(which_fields_are_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The world behind HTTP: envelope, paging, authentication, OAuth2, signatures and their refusal, faults, control. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <curl/curl.h>
#include <jansson.h>

#include "base/buf.h"
#include "tests/world/http.h"

struct site {
	struct world *w;
	struct world_http *h;
	CURL *curl;
	struct buf body; /* of the last answer */
	long status;
	char location[256];
};

static int64_t test_time; /* the world's clock, where a test has its own */

static int64_t fixed_now(void *self)
{
	(void)self;
	return test_time;
}

static size_t take(char *data, size_t size, size_t n, void *arg)
{
	buf_append(arg, data, size * n);
	return size * n;
}

static void open_site(struct site *s, const struct clock *clock)
{
	struct world_options o = world_options_default(11);
	struct world_http_options ho = world_http_options_default();

	*s = (struct site){.body = BUF_INIT(1 << 24)};
	o.start_ms = clock_now(clock ? clock : &clock_system);
	o.traffic = false;
	o.ec2_lag_ms = 0;
	ho.clock = clock;
	s->w = world_new(&o);
	s->h = world_http_start(s->w, &ho);
	assert_non_null(s->h);
	s->curl = curl_easy_init();
}

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct site));
	open_site(*state, NULL);
	return 0;
}

static int teardown(void **state)
{
	struct site *s = *state;

	curl_easy_cleanup(s->curl);
	world_http_stop(s->h);
	world_free(s->w);
	buf_free(&s->body);
	free(s);
	return 0;
}

/* One exchange with the options set before; false = no answer. */
static bool perform(struct site *s, enum world_face face, const char *path)
{
	char url[512];
	const char *location = NULL;

	(void)snprintf(url, sizeof(url), "%s%s", world_http_url(s->h, face), path);
	buf_reset(&s->body);
	curl_easy_setopt(s->curl, CURLOPT_URL, url);
	curl_easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(s->curl, CURLOPT_WRITEDATA, &s->body);
	CURLcode code = curl_easy_perform(s->curl);

	curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &s->status);
	curl_easy_getinfo(s->curl, CURLINFO_REDIRECT_URL, &location);
	(void)snprintf(s->location, sizeof(s->location), "%s", location ? location : "");
	return code == CURLE_OK;
}

static json_t *parsed(struct site *s)
{
	json_t *value = json_loadb(s->body.data ? s->body.data : "", s->body.len, JSON_DECODE_ANY, NULL);

	assert_non_null(value);
	return value;
}

/* --- Infinity --- */

static long infinity(struct site *s, const char *method, const char *path, const char *body)
{
	struct curl_slist *json = curl_slist_append(NULL, "Content-Type: application/json");

	curl_easy_reset(s->curl);
	curl_easy_setopt(s->curl, CURLOPT_USERPWD, "admin:world-password");
	curl_easy_setopt(s->curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, json);
	if (body)
		curl_easy_setopt(s->curl, CURLOPT_COPYPOSTFIELDS, body);
	if (!perform(s, WORLD_FACE_INFINITY, path))
		s->status = 0;
	curl_slist_free_all(json);
	return s->status;
}

static json_t *infinity_get(struct site *s, const char *path)
{
	assert_int_equal(infinity(s, "GET", path, NULL), 200);
	return parsed(s);
}

#define NODES  "/api/admin/configuration/v1/worker_vm/"
#define STATUS "/api/admin/status/v1/worker_vm/"

static int control(struct site *s, const char *body)
{
	curl_easy_reset(s->curl);
	curl_easy_setopt(s->curl, CURLOPT_COPYPOSTFIELDS, body);
	assert_true(perform(s, WORLD_FACE_CONTROL, "/"));
	return (int)s->status;
}

static int64_t counter(struct site *s, const char *name)
{
	curl_easy_reset(s->curl);
	assert_true(perform(s, WORLD_FACE_CONTROL, "/metrics"));
	json_t *m = parsed(s);
	int64_t n = json_integer_value(json_object_get(m, name));

	assert_non_null(json_object_get(m, name));
	json_decref(m);
	return n;
}

static json_t *at(json_t *list, size_t i, const char *field)
{
	return json_object_get(json_array_get(json_object_get(list, "objects"), i), field);
}

static void lists_are_paged(void **state)
{
	struct site *s = *state;
	char path[256] = NODES "?limit=5";
	size_t seen = 0;

	for (;;) {
		json_t *page = infinity_get(s, path);
		json_t *meta = json_object_get(page, "meta");
		const char *next = json_string_value(json_object_get(meta, "next"));

		assert_int_equal(json_integer_value(json_object_get(meta, "total_count")), 17);
		assert_int_equal(json_integer_value(json_object_get(meta, "limit")), 5);
		assert_int_equal(json_integer_value(at(page, 0, "id")), (int)seen + 1);
		seen += json_array_size(json_object_get(page, "objects"));
		(void)snprintf(path, sizeof(path), "%s", next ? next : "");
		json_decref(page);
		if (!*path)
			break;
	}
	assert_int_equal(seen, 17);
}

static void objects_look_as_they_should(void **state)
{
	struct site *s = *state;
	json_t *node = infinity_get(s, NODES "1/");
	json_t *status;

	assert_string_equal(json_string_value(json_object_get(node, "system_location")),
			    "/api/admin/configuration/v1/system_location/1/");
	assert_true(json_is_null(json_object_get(node, "static_nat_address")));
	json_decref(node);
	status = infinity_get(s, STATUS "?limit=100");
	assert_string_equal(json_string_value(at(status, 0, "sync_status")), "SYNCED");
	assert_string_equal(json_string_value(at(status, 16, "sync_status")), "SUSPENDED");
	assert_string_equal(json_string_value(at(status, 0, "system_location")), "principal-1");
	const char *odd = json_string_value(at(status, 0, "last_updated"));
	const char *even = json_string_value(at(status, 1, "last_updated"));

	assert_non_null(odd);
	assert_null(strchr(even, '.')); /* without a fraction */
	json_decref(status);
}

static void the_door_is_guarded(void **state)
{
	struct site *s = *state;

	curl_easy_reset(s->curl);
	curl_easy_setopt(s->curl, CURLOPT_USERPWD, "admin:wrong");
	assert_true(perform(s, WORLD_FACE_INFINITY, NODES));
	assert_int_equal(s->status, 401);
	assert_int_equal(s->body.len, 0);
	assert_int_equal(infinity(s, "GET", "/api/admin/configuration/v1/worker_vm", NULL), 301);
	assert_non_null(strstr(s->location, NODES));
	assert_int_equal(infinity(s, "GET", NODES "999/", NULL), 404);
	assert_int_equal(infinity(s, "DELETE", NODES, NULL), 405);
	assert_int_equal(infinity(s, "PUT", NODES, "{}"), 405);
	assert_int_equal(counter(s, "infinity_forbidden"), 2);
}

static void a_patch_sets_maintenance_mode(void **state)
{
	struct site *s = *state;
	json_t *node;

	assert_int_equal(infinity(s, "PATCH", NODES "2/",
				  "{\"maintenance_mode\": true, \"maintenance_mode_reason\": \"why\"}"),
			 202);
	node = infinity_get(s, NODES "2/");
	assert_true(json_is_true(json_object_get(node, "maintenance_mode")));
	json_decref(node);
	assert_int_equal(infinity(s, "PATCH", NODES "2/", "{\"maintenance_mode\": 1}"), 400);
	assert_int_equal(infinity(s, "PATCH", NODES "99/", "{\"maintenance_mode\": true}"), 404);
	assert_int_equal(counter(s, "patches"), 1);
}

static void infinity_faults_arrive(void **state)
{
	struct site *s = *state;
	json_t *page;

	assert_int_equal(control(s, "{\"command\": \"fault\", \"fault\": \"infinity_html\"}"), 200);
	assert_int_equal(infinity(s, "GET", NODES, NULL), 500);
	assert_non_null(strstr(s->body.data, "<html>"));
	control(s, "{\"command\": \"clear\"}");
	control(s, "{\"command\": \"fault\", \"fault\": \"infinity_down\"}");
	assert_int_equal(infinity(s, "GET", NODES, NULL), 0);
	control(s, "{\"command\": \"clear\", \"fault\": \"infinity_down\"}");
	control(s, "{\"command\": \"fault\", \"fault\": \"infinity_half\"}");
	page = infinity_get(s, NODES);
	assert_int_equal(json_array_size(json_object_get(page, "objects")), 9);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(page, "meta"), "total_count")),
			 17);
	assert_true(json_is_null(json_object_get(json_object_get(page, "meta"), "next")));
	json_decref(page);
}

static void infinity_starts_nodes_while_its_bursting_is_on(void **state)
{
	static const char path[] = "/api/admin/command/v1/platform/start_cloudnode/";
	struct site *s = *state;
	struct world_node_state n;
	char body[100];

	assert_true(world_node_find(s->w, 10, &n));
	(void)snprintf(body, sizeof(body), "{\"instance_id\": \"%s\"}", n.instance);
	assert_int_equal(infinity(s, "POST", path, body), 400);
	control(s, "{\"command\": \"infinity_bursting\"}");
	assert_int_equal(infinity(s, "POST", path, body), 202);
	assert_int_equal(infinity(s, "GET", path, NULL), 405);
	assert_int_equal(counter(s, "starts"), 1);
	json_t *list = infinity_get(s, "/api/admin/status/v1/cloud_monitored_location/");

	assert_int_equal(json_array_size(json_object_get(list, "objects")), 3);
	assert_int_equal(json_integer_value(at(list, 0, "free_hd_calls")), 60);
	json_decref(list);
}

/* --- EC2 --- */

struct signing {
	const char *scope, *key, *secret, *extra;
};
static const struct signing good = {"aws:amz:eu-west-1:ec2", "AKIAWORLDEXAMPLE0001",
				    "world/secret+key/EXAMPLEONLY0123456789abcd", NULL};

static long ec2_as(struct site *s, const struct signing *sign, const char *body)
{
	struct curl_slist *headers =
		curl_slist_append(NULL, "Content-Type: application/x-www-form-urlencoded; charset=utf-8");

	curl_easy_reset(s->curl);
	if (sign->extra)
		headers = curl_slist_append(headers, sign->extra);
	if (sign->scope) {
		curl_easy_setopt(s->curl, CURLOPT_AWS_SIGV4, sign->scope);
		curl_easy_setopt(s->curl, CURLOPT_USERNAME, sign->key);
		curl_easy_setopt(s->curl, CURLOPT_PASSWORD, sign->secret);
	}
	curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(s->curl, CURLOPT_COPYPOSTFIELDS, body);
	if (!perform(s, WORLD_FACE_EC2, "/"))
		s->status = 0;
	curl_slist_free_all(headers);
	return s->status;
}

static long ec2(struct site *s, const char *body)
{
	return ec2_as(s, &good, body);
}

static int occurrences(const struct site *s, const char *text)
{
	int n = 0;

	for (const char *p = s->body.data; p && (p = strstr(p, text)); p++)
		n++;
	return n;
}

#define DESCRIBE "Action=DescribeInstances&Version=2016-11-15"

static void a_signed_request_is_answered(void **state)
{
	struct site *s = *state;

	assert_int_equal(
		ec2(s, DESCRIBE "&Filter.1.Name=tag%3Apexip-cloud&Filter.1.Value.1=mgr01&MaxResults=1000"),
		200);
	assert_int_equal(occurrences(s, "<instanceId>"), 8);
	assert_int_equal(occurrences(s, "<name>stopped</name>"), 8);
	assert_int_equal(occurrences(s, "nextToken"), 0);
	assert_int_equal(ec2(s, DESCRIBE "&Filter.1.Name=tag%3Apexip-cloud&Filter.1.Value.1=other"), 200);
	assert_int_equal(occurrences(s, "<instanceId>"), 0);
	assert_int_equal(ec2(s, DESCRIBE "&Filter.1.Name=no-such&Filter.1.Value.1=x"), 400);
	assert_int_equal(ec2(s, DESCRIBE "&InstanceId.1=i-00000000000000000"), 400);
	assert_int_equal(occurrences(s, "InvalidInstanceID.NotFound"), 1);
	assert_int_equal(ec2(s, DESCRIBE "&MaxResults=3"), 400);
}

static void addresses_of_all_interfaces_are_found(void **state)
{
	struct site *s = *state;
	/* every third of four is known to Infinity by its second interface */
	static const char *const filters[] = {"private-ip-address",
					      "network-interface.addresses.private-ip-address"};
	json_t *node = infinity_get(s, NODES "12/");
	char body[300];

	for (int i = 0; i < 2; i++) {
		(void)snprintf(body, sizeof(body), DESCRIBE "&Filter.1.Name=%s&Filter.1.Value.1=%s",
			       filters[i], json_string_value(json_object_get(node, "address")));
		assert_int_equal(ec2(s, body), 200);
		assert_int_equal(occurrences(s, "<instanceId>"), i);
	}
	json_decref(node);
}

static void pages_count_reservations(void **state)
{
	struct site *s = *state;

	control(s, "{\"command\": \"page_size\", \"reservations\": 3}");
	assert_int_equal(ec2(s, DESCRIBE), 200);
	assert_int_equal(occurrences(s, "<instanceId>"), 6);
	assert_int_equal(occurrences(s, "<nextToken>page-3</nextToken>"), 1);
	assert_int_equal(ec2(s, DESCRIBE "&NextToken=page-3"), 200);
	assert_int_equal(occurrences(s, "<instanceId>"), 2);
	assert_int_equal(occurrences(s, "<nextToken>"), 0);
	assert_int_equal(ec2(s, DESCRIBE "&NextToken=nonsense"), 400);
	assert_int_equal(occurrences(s, "InvalidNextToken"), 1);
}

static void instances_start_and_stop(void **state)
{
	struct site *s = *state;
	struct world_node_state n;
	char start[200], dry[220], stop[200];

	assert_true(world_node_find(s->w, 10, &n));
	(void)snprintf(start, sizeof(start), "Action=StartInstances&Version=2016-11-15&InstanceId.1=%s",
		       n.instance);
	(void)snprintf(stop, sizeof(stop), "Action=StopInstances&Version=2016-11-15&InstanceId.1=%s",
		       n.instance);
	(void)snprintf(dry, sizeof(dry), "%s&DryRun=true", start);
	assert_int_equal(ec2(s, dry), 412);
	assert_int_equal(occurrences(s, "<Code>DryRunOperation</Code>"), 1);
	assert_int_equal(counter(s, "starts"), 0);
	assert_int_equal(ec2(s, start), 200);
	assert_int_equal(occurrences(s, "<currentState><code>0</code><name>pending</name></currentState>"),
			 1);
	assert_int_equal(occurrences(s, "<previousState><code>80</code>"), 1);
	assert_int_equal(ec2(s, start), 200); /* no change, but counted */
	assert_int_equal(counter(s, "double_starts"), 1);
	assert_int_equal(ec2(s, stop), 400);
	assert_int_equal(occurrences(s, "IncorrectInstanceState"), 1);
	control(s, "{\"command\": \"tag\", \"node\": 10, \"value\": \"another\"}");
	assert_int_equal(ec2(s, dry), 403);
	assert_int_equal(occurrences(s, "UnauthorizedOperation"), 1);
}

static void ec2_faults_arrive(void **state)
{
	struct site *s = *state;
	struct world_node_state n;
	char start[200];

	assert_true(world_node_find(s->w, 10, &n));
	(void)snprintf(start, sizeof(start), "Action=StartInstances&Version=2016-11-15&InstanceId.1=%s",
		       n.instance);
	control(s, "{\"command\": \"fault\", \"fault\": \"capacity\", \"node\": 10}");
	assert_int_equal(ec2(s, start), 500);
	assert_int_equal(occurrences(s, "<Code>InsufficientInstanceCapacity</Code>"), 1);
	control(s, "{\"command\": \"clear\"}");
	control(s, "{\"command\": \"fault\", \"fault\": \"ec2_throttled\"}");
	assert_int_equal(ec2(s, start), 503);
	assert_int_equal(occurrences(s, "<Code>RequestLimitExceeded</Code>"), 1);
	control(s, "{\"command\": \"clear\"}");
	control(s, "{\"command\": \"fault\", \"fault\": \"ec2_partial\"}");
	assert_int_equal(ec2(s, DESCRIBE), 200);
	assert_int_equal(occurrences(s, "<nextToken>page-1</nextToken>"), 1);
	assert_int_equal(ec2(s, DESCRIBE "&NextToken=page-1"), 503);
	control(s, "{\"command\": \"clear\"}");
	control(s, "{\"command\": \"fault\", \"fault\": \"ec2_lost\"}");
	assert_int_equal(ec2(s, start), 0);
	assert_int_equal(counter(s, "starts"), 1); /* it happened all the same */
}

static void bad_signatures_are_refused(void **state)
{
	struct site *s = *state;
	struct {
		struct signing sign;
		long status;
		const char *code;
	} cases[] = {
		{{NULL, NULL, NULL, NULL}, 403, "MissingAuthenticationToken"},
		{{good.scope, good.key, "wrong", NULL}, 403, "SignatureDoesNotMatch"},
		{{good.scope, "AKIAUNKNOWN", good.secret, NULL}, 403, "InvalidClientTokenId"},
		{{"aws:amz:ap-south-1:ec2", good.key, good.secret, NULL}, 401, "AuthFailure"},
		{{"aws:amz:eu-west-1:s3", good.key, good.secret, NULL}, 401, "AuthFailure"},
		{{good.scope, good.key, good.secret, "X-Amz-Security-Token: unasked"},
		 403,
		 "InvalidClientTokenId"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(ec2_as(s, &cases[i].sign, DESCRIBE), cases[i].status);
		assert_int_equal(occurrences(s, cases[i].code), 1);
	}
	assert_int_equal(counter(s, "ec2_unsigned"), 6);
	control(s, "{\"command\": \"expire_session\"}");
	assert_int_equal(ec2(s, DESCRIBE), 400);
	assert_int_equal(occurrences(s, "RequestExpired"), 1);
}

/* The worked example of the fact sheet, sent as it stands there: made by another signer, at another time. */
static long replay(struct site *s, const char *signature, const char *body, const char *token)
{
	char authorization[400];
	struct curl_slist *h =
		curl_slist_append(NULL, "Content-Type: application/x-www-form-urlencoded; charset=utf-8");

	(void)snprintf(
		authorization, sizeof(authorization),
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-west-2/ec2/aws4_request, "
		"SignedHeaders=content-type;host;x-amz-date%s, Signature=%s",
		token && strstr(token, "Security") ? ";x-amz-security-token" : "", signature);
	h = curl_slist_append(h, authorization);
	h = curl_slist_append(h, "Host: ec2.eu-west-2.amazonaws.com");
	h = curl_slist_append(h, "X-Amz-Date: 20260102T030405Z");
	if (token)
		h = curl_slist_append(h, token);
	curl_easy_reset(s->curl);
	curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, h);
	curl_easy_setopt(s->curl, CURLOPT_COPYPOSTFIELDS, body);
	assert_true(perform(s, WORLD_FACE_EC2, "/"));
	curl_slist_free_all(h);
	return s->status;
}

static void the_worked_example_verifies(void **unused)
{
	static const char body[] =
		"Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=tag-key&Filter.1.Value.1="
		"pexip-cloud&MaxResults=100";
	static const char signature[] = "33bea7688c167fcc094c0e299c77eeef88a556338d4de942b367e94492d1d826";
	struct clock clock = {.now_ms = fixed_now};
	struct world_options o = world_options_default(1);
	struct world_http_options ho = world_http_options_default();
	struct site s = {.body = BUF_INIT(1 << 20), .curl = curl_easy_init()};

	(void)unused;
	test_time = 1767323045000; /* 2026-01-02T03:04:05Z */
	o.start_ms = test_time;
	o.regions = 2;
	ho.clock = &clock;
	ho.access_key = "AKIDEXAMPLE";
	ho.secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
	s.w = world_new(&o);
	s.h = world_http_start(s.w, &ho);
	assert_int_equal(replay(&s, signature, body, NULL), 200);
	assert_int_equal(replay(&s, signature, DESCRIBE, NULL), 403); /* another body */
	assert_int_equal(replay(&s, signature, body, "X-Amz-Unsigned: 1"), 403);
	test_time += 16 * 60000;
	assert_int_equal(replay(&s, signature, body, NULL), 400);
	assert_int_equal(occurrences(&s, "RequestExpired"), 1);
	world_http_stop(s.h);

	test_time -= 16 * 60000;
	ho.session_token = "EXAMPLE/TOKEN+abc==";
	s.h = world_http_start(s.w, &ho);
	assert_int_equal(replay(&s, "64e18e504a5a7067c81b05f74d102d0e9937e7c36159b39696c11efcb56d965e", body,
				"X-Amz-Security-Token: EXAMPLE/TOKEN+abc=="),
			 200);
	assert_int_equal(replay(&s, signature, body, NULL), 403);
	world_http_stop(s.h);
	world_free(s.w);
	curl_easy_cleanup(s.curl);
	buf_free(&s.body);
}

/* --- control --- */

static void commands_do_what_they_say(void **state)
{
	struct site *s = *state;
	json_t *x;

	assert_int_equal(control(s, "{\"command\": \"calls\", \"location\": \"principal-1\", \"count\": 70}"),
			 200);
	x = parsed(s);
	assert_int_equal(json_integer_value(json_object_get(x, "placed")),
			 70); /* 60, and 10 in the secondary */
	json_decref(x);
	assert_int_equal(control(s, "{\"command\": \"end_calls\", \"location\": 1, \"count\": 3}"), 200);
	assert_int_equal(control(s, "{\"command\": \"start\", \"node\": \"burst1-1\"}"), 200);
	curl_easy_reset(s->curl);
	assert_true(perform(s, WORLD_FACE_CONTROL, "/ledger"));
	x = parsed(s);
	json_t *row = json_array_get(json_object_get(x, "items"), 0);

	assert_true(json_is_true(json_object_get(row, "outside")));
	assert_string_equal(json_string_value(json_object_get(row, "previous")), "stopped");
	json_decref(x);
	curl_easy_reset(s->curl);
	assert_true(perform(s, WORLD_FACE_CONTROL, "/state"));
	x = parsed(s);
	assert_int_equal(json_integer_value(json_object_get(
				 json_array_get(json_object_get(x, "locations"), 0), "calls")),
			 67);
	json_decref(x);
}

static void wrong_commands_are_refused(void **state)
{
	static const char *const bodies[] = {"",
					     "{}",
					     "{\"command\": \"no_such\"}",
					     "{\"command\": \"calls\"}",
					     "{\"command\": \"calls\", \"location\": \"nowhere\"}",
					     "{\"command\": \"calls\", \"location\": 1, \"count\": \"many\"}",
					     "{\"command\": \"fault\", \"fault\": \"nonsense\"}",
					     "{\"command\": \"start\", \"node\": 999}"};

	for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
		assert_int_equal(control(*state, bodies[i]), 400);
	assert_int_equal(counter(*state, "calls_placed"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define WITH_SITE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		WITH_SITE(lists_are_paged),
		WITH_SITE(objects_look_as_they_should),
		WITH_SITE(the_door_is_guarded),
		WITH_SITE(a_patch_sets_maintenance_mode),
		WITH_SITE(infinity_faults_arrive),
		WITH_SITE(infinity_starts_nodes_while_its_bursting_is_on),
		WITH_SITE(a_signed_request_is_answered),
		WITH_SITE(addresses_of_all_interfaces_are_found),
		WITH_SITE(pages_count_reservations),
		WITH_SITE(instances_start_and_stop),
		WITH_SITE(ec2_faults_arrive),
		WITH_SITE(bad_signatures_are_refused),
		cmocka_unit_test(the_worked_example_verifies),
		WITH_SITE(commands_do_what_they_say),
		WITH_SITE(wrong_commands_are_refused),
	};

	curl_global_init(CURL_GLOBAL_ALL);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	curl_global_cleanup();
	return failed;
}

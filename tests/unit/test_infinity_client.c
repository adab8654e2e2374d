/* The whole Infinity client on a scripted Management Node: reports, changes, credentials, errors. */
#define _GNU_SOURCE /* asprintf */
#include "tests/unit/infinity_fake.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#define CONF     API "configuration/v1/"
#define STATUS   API "status/v1/"
#define ALL      "/?limit=500"
#define OFFSET   7200000LL
#define TOKEN    "/oauth/token/"
#define OBSERVED 1762247551000LL /* last_updated of most nodes: 2025-11-04T09:12:31Z */

static const struct {
	const char *path;
	const char *file;
} goldens[] = {
	{CONF "global/1/", "global"},
	{CONF "management_vm" ALL, "management_vm"},
	{STATUS "licensing" ALL, "licensing"},
	{CONF "system_location" ALL, "system_location"},
	{CONF "worker_vm" ALL, "worker_vm_configuration"},
	{STATUS "cloud_monitored_location" ALL, "cloud_monitored_location"},
	{STATUS "cloud_overflow_location" ALL, "cloud_overflow_location"},
	{STATUS "worker_vm" ALL, "worker_vm_status"},
	{STATUS "conference_shard" ALL, "conference_shard"},
	{STATUS "participant" ALL, "participant"},
};

struct bench {
	struct fake *fake;
	struct infinity_client *client;
	struct infinity_report *report;
	struct upstream_error e;
	char *files[ARRAY_LEN(goldens)];
};

/* malloc'ed; the tests run in the project's root. */
static char *load(const char *name)
{
	_cleanup_(freep) char *path = NULL;
	char *text = calloc(1, 64 * 1024);
	FILE *file;

	assert_true(asprintf(&path, "tests/golden/infinity/%s.json", name) > 0);
	file = fopen(path, "r");
	if (!file)
		fail_msg("cannot open %s", path);
	assert_true(fread(text, 1, 64 * 1024 - 1, file) > 0);
	(void)fclose(file);
	return text;
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	b->fake = fake_new();
	b->client = fake_client(b->fake);
	for (size_t i = 0; i < ARRAY_LEN(goldens); i++)
		b->files[i] = load(goldens[i].file);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	infinity_report_free(b->report);
	infinity_client_free(b->client);
	for (size_t i = 0; i < ARRAY_LEN(goldens); i++)
		free(b->files[i]);
	free(b->fake);
	free(b);
	return 0;
}

/* The golden platform, behind the routes a test has already set. */
static void script(struct bench *b)
{
	for (size_t i = 0; i < ARRAY_LEN(goldens); i++)
		fake_get(b->fake, goldens[i].path, b->files[i]);
}

static bool observe(struct bench *b, bool participants)
{
	infinity_report_free(b->report);
	b->report = NULL;
	return infinity_observe(b->client, participants, &b->report, &b->e);
}

static void observed(struct bench *b, bool participants)
{
	if (!observe(b, participants))
		fail_msg("%s", b->e.message);
}

static const struct infinity_node *node(const struct bench *b, int64_t id)
{
	for (size_t i = 0; i < b->report->n_nodes; i++)
		if (b->report->nodes[i].id == id)
			return &b->report->nodes[i];
	fail_msg("no node %d", (int)id);
	return NULL;
}

/* Reports */

static void test_report(void **state)
{
	struct bench *b = *state;

	script(b);
	b->fake->round_trip = 100;
	observed(b, true);
	assert_true(b->report->whole);
	assert_null(b->report->partial);
	assert_int_equal(b->report->observed_at, START_MS);
	assert_int_equal(b->report->finished_at, START_MS + 1000);
	assert_int_equal(b->report->server_offset, 0);
	assert_true(b->report->bursting_enabled);
	assert_int_equal(b->report->bursting_threshold, 12);
	assert_int_equal(b->report->bursting_lifetime, 50);
	assert_string_equal(b->report->cloud_provider, "AWS");
	assert_string_equal(b->report->aws_access_key, "AKIAEXAMPLE000000001");
	assert_true(b->report->aws_secret_set);
	assert_string_equal(b->report->management_host, "mgr01");
	assert_int_equal(b->report->license_ports_used, 61);
	assert_int_equal(b->report->license_ports_total, 250);
	assert_int_equal(b->report->n_locations, 3);
	assert_string_equal(b->report->locations[0].name, "Oslo");
	assert_int_equal(b->report->locations[0].overflow1, 4);
	assert_int_equal(b->report->locations[0].overflow2, 3);
	assert_int_equal(b->report->n_nodes, 5);
	for (size_t i = 0; i < b->fake->n_sent; i++)
		assert_int_equal(b->fake->sent[i].method, METHOD_GET);
}

static void test_report_nodes(void **state)
{
	struct bench *b = *state;
	const struct infinity_node *n;

	script(b);
	observed(b, true);
	n = node(b, 7);
	assert_string_equal(n->name, "burst-euw1-03");
	assert_string_equal(n->address, "172.31.4.83");
	assert_int_equal(n->location, 4);
	assert_string_equal(n->static_nat, "198.51.100.83");
	assert_false(n->distributed_database);
	assert_int_equal(n->sync, SYNC_SYNCED);
	assert_string_equal(n->sync_text, "SYNCED");
	assert_int_equal(n->last_updated, OBSERVED + 250);
	assert_int_equal(n->max_hd, 17);
	assert_int_equal(n->tokens_max, 324);
	assert_int_equal(n->tokens_used, 95);
	assert_int_equal(n->media_load, 29);
	assert_int_equal(n->signaling, 6);
	n = node(b, 8);
	assert_true(n->maintenance);
	assert_true(n->status_maintenance);
	assert_string_equal(n->maintenance_reason, "burstd: drain");
	assert_int_equal(n->sync, SYNC_SUSPENDED);
	assert_int_equal(node(b, 5)->role, ROLE_PROXYING);
	n = node(b, 9);
	assert_int_equal(n->sync, SYNC_NEVER);
	assert_int_equal(n->last_updated, 0);
	assert_int_equal(n->max_hd, 0);
	assert_int_equal(n->media_load, -1);
	assert_int_equal(n->tokens_used, -1);
}

static void test_report_counts(void **state)
{
	struct bench *b = *state;

	script(b);
	observed(b, true);
	assert_int_equal(node(b, 3)->conferences, 2);
	assert_int_equal(node(b, 7)->conferences, 1);
	assert_int_equal(node(b, 8)->conferences, 0);
	assert_int_equal(node(b, 3)->participants, 2); /* one as signalling, one as media and signalling */
	assert_int_equal(node(b, 5)->participants, 2); /* as proxy, as signalling */
	assert_int_equal(node(b, 7)->participants, 2); /* one in all three roles counts once */
	assert_int_equal(node(b, 9)->participants, 0);
	assert_int_equal(infinity_client_requests(b->client), fake_count(b->fake, "/api/admin/"));
}

static void test_participants_only_when_asked(void **state)
{
	struct bench *b = *state;

	script(b);
	observed(b, false);
	assert_true(b->report->whole);
	assert_int_equal(node(b, 7)->participants, -1);
	assert_int_equal(fake_count(b->fake, "/participant/"), 0);
}

static void test_monitors(void **state)
{
	struct bench *b = *state;

	script(b);
	observed(b, false);
	assert_int_equal(b->report->n_monitors, 2);
	assert_int_equal(b->report->monitors[0].location, 2);
	assert_int_equal(b->report->monitors[0].free_hd, 14);
	assert_int_equal(b->report->monitors[0].max_hd, 51);
	assert_int_equal(b->report->monitors[1].location, 4);
	assert_int_equal(b->report->monitors[1].free_hd, -1);
}

/* A location in both lists comes once, with the smaller known figure. */
static void test_monitor_in_both_lists(void **state)
{
	struct bench *b = *state;

	fake_get(b->fake, STATUS "cloud_monitored_location" ALL,
		 "{\"meta\":{\"total_count\":2},\"objects\":[{\"id\":4,\"free_hd_calls\":9},{\"id\":2}]}");
	fake_get(b->fake, STATUS "cloud_overflow_location" ALL,
		 "{\"meta\":{\"total_count\":2},\"objects\":[{\"id\":1,\"systemlocation_id\":4,\"free_hd_"
		 "calls\":7},"
		 "{\"id\":2,\"systemlocation_id\":2,\"free_hd_calls\":3}]}");
	script(b);
	observed(b, false);
	assert_int_equal(b->report->n_monitors, 2);
	assert_int_equal(b->report->monitors[0].free_hd, 3);
	assert_int_equal(b->report->monitors[1].free_hd, 7);
}

static void test_no_monitors_while_bursting_is_off(void **state)
{
	struct bench *b = *state;

	fake_get(b->fake, CONF "global/1/", "{\"id\":1,\"bursting_enabled\":false}");
	script(b);
	observed(b, false);
	assert_false(b->report->bursting_enabled);
	assert_int_equal(b->report->n_monitors, 0);
	assert_int_equal(b->report->bursting_threshold, 0);
	assert_int_equal(fake_count(b->fake, "/cloud_"), 0);
}

static void test_partial_is_shown(void **state)
{
	struct bench *b = *state;

	fake_get(
		b->fake, STATUS "participant" ALL,
		"{\"meta\":{\"total_count\":3},\"objects\":[{\"id\":\"a\",\"media_node\":\"172.31.4.83\"}]}");
	script(b);
	observed(b, true);
	assert_false(b->report->whole);
	assert_string_equal(b->report->partial, "status/participant: 1 of 3 objects arrived");
	assert_int_equal(node(b, 7)->participants, 1);
}

/* A conference that may be anywhere vetoes every stop. */
static void test_shard_without_node_is_partial(void **state)
{
	struct bench *b = *state;

	fake_get(b->fake, STATUS "conference_shard" ALL,
		 "{\"meta\":{\"total_count\":1},\"objects\":[{\"id\":\"a\",\"node\":null}]}");
	script(b);
	observed(b, false);
	assert_false(b->report->whole);
	assert_string_equal(b->report->partial, "status/conference_shard: an object names no node");
}

static void test_empty_platform(void **state)
{
	struct bench *b = *state;

	for (size_t i = 1; i < ARRAY_LEN(goldens); i++)
		fake_get(b->fake, goldens[i].path, "{\"meta\":{\"total_count\":0},\"objects\":[]}");
	script(b);
	observed(b, true);
	assert_true(b->report->whole);
	assert_int_equal(b->report->n_nodes, 0);
	assert_null(b->report->management_host);
	assert_int_equal(b->report->license_ports_total, -1);
}

static void expect_offset(struct bench *b, int64_t date_ms, int64_t offset)
{
	b->fake->date_ms = date_ms;
	observed(b, false);
	assert_int_equal(b->report->server_offset, offset);
	assert_int_equal(node(b, 7)->last_updated, OBSERVED + 250 - offset);
	assert_int_equal(node(b, 9)->last_updated, 0);
}

static void test_server_offset(void **state)
{
	struct bench *b = *state;

	script(b);
	expect_offset(b, START_MS, 0);
	expect_offset(b, START_MS + 1000, 0);
	expect_offset(b, START_MS - 2000, 0);
	expect_offset(b, START_MS + OFFSET, OFFSET + 500);
	expect_offset(b, START_MS - OFFSET, -OFFSET + 500);
	expect_offset(b, 0, 0);
}

/* The date is held against the middle of the exchange: a slow one alone is no skew. */
static void test_slow_answer_is_no_offset(void **state)
{
	struct bench *b = *state;

	script(b);
	b->fake->round_trip = 6000;
	b->fake->date_ms = START_MS + 2000;
	observed(b, false);
	assert_int_equal(b->report->server_offset, 0);
}

static void test_slow_lists_are_remembered(void **state)
{
	struct bench *b = *state;

	script(b);
	observed(b, false);
	b->fake->now += 59999;
	observed(b, false);
	assert_int_equal(fake_count(b->fake, "management_vm"), 1);
	assert_int_equal(fake_count(b->fake, "licensing"), 1);
	assert_int_equal(fake_count(b->fake, "system_location"), 2);
	assert_string_equal(b->report->management_host, "mgr01");
	assert_int_equal(b->report->license_ports_used, 61);
	b->fake->now += 1;
	observed(b, false);
	assert_int_equal(fake_count(b->fake, "licensing"), 2);
	b->fake->now -= 1000000; /* the clock was set back */
	observed(b, false);
	assert_int_equal(fake_count(b->fake, "management_vm"), 3);
	b->client->time_scale = 60;
	b->fake->now += 1000;
	observed(b, false);
	assert_int_equal(fake_count(b->fake, "management_vm"), 4);
}

/* Which resources may be missing */

static void test_optional_resources(void **state)
{
	static const size_t optional[] = {1, 2, 5, 6};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(optional); i++)
		fake_route(b->fake,
			   (struct route){.path = goldens[optional[i]].path, .status = i % 2 ? 403 : 404});
	script(b);
	observed(b, true);
	assert_true(b->report->whole);
	assert_null(b->report->management_host);
	assert_int_equal(b->report->license_ports_used, -1);
	assert_int_equal(b->report->license_ports_total, -1);
	assert_int_equal(b->report->n_monitors, 0);
	assert_int_equal(b->report->n_nodes, 5);
}

static void test_needed_resources(void **state)
{
	static const size_t needed[] = {0, 3, 4, 7, 8, 9};

	for (size_t i = 0; i < 2 * ARRAY_LEN(needed); i++) {
		assert_int_equal(setup(state), 0);
		struct bench *b = *state;

		fake_route(b->fake,
			   (struct route){.path = goldens[needed[i / 2]].path, .status = i % 2 ? 403 : 404});
		script(b);
		assert_false(observe(b, true));
		assert_null(b->report);
		assert_string_equal(b->e.issue, i % 2 ? "infinity_permission" : "infinity_url");
		assert_int_equal(b->e.class, UPSTREAM_OPERATOR);
		teardown(state);
	}
}

static void test_optional_must_not_break(void **state)
{
	struct bench *b = *state;

	fake_route(b->fake, (struct route){.path = goldens[2].path, .status = 500});
	script(b);
	assert_false(observe(b, false));
	assert_string_equal(b->e.issue, "infinity_unavailable");
}

static void test_wrong_type_fails_the_read(void **state)
{
	struct bench *b = *state;

	fake_get(b->fake, STATUS "worker_vm" ALL,
		 "{\"meta\":{\"total_count\":1},\"objects\":[{\"id\":7,\"media_tokens_used\":\"none\"}]}");
	script(b);
	assert_false(observe(b, false));
	assert_string_equal(
		b->e.message,
		"status/worker_vm: object 7: field \"media_tokens_used\" is a text, not a number");
}

static void test_global_must_be_an_object(void **state)
{
	struct bench *b = *state;

	fake_get(b->fake, CONF "global/1/", "[]");
	assert_false(observe(b, false));
	assert_string_equal(b->e.issue, "infinity_answer");
}

/* Errors of answers */

static void answered(struct bench *b, int status, const char *body, const char *type)
{
	b->fake->n_routes = 0;
	b->fake->n_pauses = 0;
	fake_route(b->fake,
		   (struct route){
			   .path = goldens[0].path, .status = status, .body = body, .content_type = type});
	assert_false(observe(b, false));
	assert_int_equal(b->e.http_status, status);
	assert_true(b->e.remedy[0]);
	assert_null(strstr(b->e.message, "secret-word"));
}

static void test_statuses(void **state)
{
	static const struct {
		int status;
		enum upstream_class class;
		const char *issue;
		const char *words;
	} cases[] = {
		{401, UPSTREAM_OPERATOR, "infinity_password", "password"},
		{403, UPSTREAM_OPERATOR, "infinity_permission", "configuration/global"},
		{404, UPSTREAM_OPERATOR, "infinity_url", "not a Management Node?"},
		{301, UPSTREAM_OPERATOR, "infinity_url", "redirected"},
		{400, UPSTREAM_BUG, "infinity_request", "refused"},
		{405, UPSTREAM_BUG, "infinity_request", "refused"},
		{409, UPSTREAM_WAIT, "infinity_conflict", "does not fit"},
		{429, UPSTREAM_THROTTLED, "infinity_throttled", "too many"},
		{408, UPSTREAM_RETRY, "infinity_unavailable", "not ready"},
		{500, UPSTREAM_RETRY, "infinity_unavailable", "not ready"},
		{504, UPSTREAM_RETRY, "infinity_unavailable", "not ready"},
	};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		answered(b, cases[i].status, "", NULL);
		assert_int_equal(b->e.class, cases[i].class);
		assert_string_equal(b->e.issue, cases[i].issue);
		assert_non_null(strstr(b->e.message, cases[i].words));
	}
	answered(b, 403, "", NULL);
	assert_non_null(strstr(b->e.remedy, "configuration/global"));
}

static void test_error_bodies(void **state)
{
	static const struct {
		const char *body;
		const char *said;
	} cases[] = {
		{"{\"error\":\"no such thing\"}", "(400): no such thing"},
		{"{\"error_message\":\"boom\",\"traceback\":\"File x\"}", "(400): boom"},
		{"{\"name\":[\"This field is required.\"]}", "(400): name: This field is required."},
		{"{\"worker_vm\":{\"name\":[\"Too long.\"]}}", "(400): name: Too long."},
		{"plain\n\twords\x1b[31m\x7f here \xff\xc2\x9b", "(400): plain words [31m here"},
		{"<html>secret markup</html>", "(400): an HTML page"},
		{"[1,2]", "(400): [1,2]"},
		{"\r\n", "(400)"},
	};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *end;

		answered(b, 400, cases[i].body, NULL);
		end = strstr(b->e.message, "(400)");
		assert_non_null(end);
		assert_string_equal(end, cases[i].said);
	}
}

static void test_long_error_body_is_cut(void **state)
{
	struct bench *b = *state;
	char body[2000];
	const char *said;

	body[0] = 'x';
	for (size_t i = 1; i + 2 < sizeof body; i += 2)
		memcpy(body + i, "\xc3\xb8", 3);
	answered(b, 400, body, "text/plain");
	said = strstr(b->e.message, "): ");
	assert_non_null(said);
	assert_int_equal(strlen(said + 3), 199); /* one byte, then whole characters of two */
}

/* Changes */

static void test_set_maintenance(void **state)
{
	struct bench *b = *state;

	for (int status = 200; status <= 204; status += 2) {
		b->fake->n_routes = 0;
		b->fake->n_sent = 0;
		fake_route(b->fake, (struct route){.method = METHOD_PATCH,
						   .path = CONF "worker_vm/7/",
						   .status = status});
		assert_true(infinity_set_maintenance(b->client, 7, true, "drain \"7\"\n", &b->e));
		assert_int_equal(b->fake->n_sent, 1);
		assert_string_equal(
			b->fake->sent[0].body,
			"{\"maintenance_mode\":true,\"maintenance_mode_reason\":\"drain \\\"7\\\"\\n\"}");
	}
	assert_true(infinity_set_maintenance(b->client, 7, false, NULL, &b->e));
	assert_string_equal(b->fake->sent[1].body,
			    "{\"maintenance_mode\":false,\"maintenance_mode_reason\":\"\"}");
}

static void test_reason_is_cut_between_characters(void **state)
{
	struct bench *b = *state;
	char reason[400] = "x";
	size_t used = 1;
	json_auto_t *body = NULL;

	for (int i = 0; i < 100; i++)
		used += (size_t)snprintf(
			reason + used, sizeof(reason) - used,
			"\xe2\x82\xac"); /* three bytes each: 250 falls on a boundary only by chance */
	fake_route(b->fake,
		   (struct route){.method = METHOD_PATCH, .path = CONF "worker_vm/7/", .status = 202});
	assert_true(infinity_set_maintenance(b->client, 7, true, reason, &b->e));
	body = json_loads(b->fake->sent[0].body, 0, NULL);
	assert_int_equal(json_string_length(json_object_get(body, "maintenance_mode_reason")), 250);
	assert_true(infinity_set_maintenance(b->client, 7, true, reason + 1, &b->e));
	json_decref(body);
	body = json_loads(b->fake->sent[1].body, 0, NULL);
	assert_int_equal(json_string_length(json_object_get(body, "maintenance_mode_reason")), 249);
}

static void test_maintenance_refuses_no_node(void **state)
{
	struct bench *b = *state;

	assert_false(infinity_set_maintenance(b->client, 0, true, "x", &b->e));
	assert_int_equal(b->e.class, UPSTREAM_BUG);
	assert_false(infinity_set_maintenance(b->client, -1, true, "x", &b->e));
	assert_false(infinity_set_maintenance(b->client, 7, true, "\xff", &b->e));
	assert_int_equal(b->fake->n_sent, 0);
}

static void test_changes_are_tried_once(void **state)
{
	struct bench *b = *state;

	fake_route(b->fake,
		   (struct route){.method = METHOD_PATCH, .path = CONF "worker_vm/7/", .status = 503});
	assert_false(infinity_set_maintenance(b->client, 7, true, "x", &b->e));
	assert_int_equal(b->e.class, UPSTREAM_RETRY);
	b->fake->n_routes = 0;
	fake_route(b->fake, (struct route){.method = METHOD_PATCH, .path = CONF "worker_vm/7/", .status = 0});
	assert_false(infinity_set_maintenance(b->client, 7, true, "x", &b->e));
	assert_string_equal(b->e.issue, "infinity_unreachable");
	assert_int_equal(b->fake->n_sent, 2);
	assert_int_equal(b->fake->n_pauses, 0);
}

static void test_maintenance_of_a_deleted_node(void **state)
{
	struct bench *b = *state;

	fake_route(b->fake,
		   (struct route){.method = METHOD_PATCH, .path = CONF "worker_vm/7/", .status = 404});
	assert_false(infinity_set_maintenance(b->client, 7, true, "x", &b->e));
	assert_string_equal(b->e.issue, "infinity_object");
	b->fake->n_routes = 0;
	fake_route(b->fake,
		   (struct route){.method = METHOD_PATCH, .path = CONF "worker_vm/7/", .status = 403});
	assert_false(infinity_set_maintenance(b->client, 7, true, "x", &b->e));
	assert_non_null(strstr(b->e.message, "configuration/worker_vm/7"));
}

static void test_start_cloudnode(void **state)
{
	static const struct {
		int status;
		const char *body;
		bool accepted;
	} cases[] = {
		{202, "{\"data\": null, \"status\": \"success\"}", true},
		{200, "", true},
		{204, NULL, true},
		{200, "{\"data\":null}", true},
		{200, "accepted", true},
		{202, "{\"status\":\"failed\",\"message\":\"unknown\"}", false},
		{202, "{\"status\":null}", false},
		{200, "<html>log in</html>", false},
		{400, "{\"error\":\"bursting is disabled\"}", false},
		{404, "", false},
		{500, "", false},
	};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		b->fake->n_routes = b->fake->n_sent = 0;
		fake_route(b->fake, (struct route){.method = METHOD_POST,
						   .path = API "command/v1/platform/start_cloudnode/",
						   .status = cases[i].status,
						   .body = cases[i].body});
		assert_int_equal(infinity_start_cloudnode(b->client, "i-0a1b", &b->e), cases[i].accepted);
		assert_int_equal(b->fake->n_sent, 1);
		assert_string_equal(b->fake->sent[0].body, "{\"instance_id\":\"i-0a1b\"}");
	}
}

static void test_refused_start_moves_on(void **state)
{
	struct bench *b = *state;

	fake_route(b->fake, (struct route){.method = METHOD_POST,
					   .path = API "command/v1/platform/start_cloudnode/",
					   .status = 400,
					   .body = "{\"error\":\"bursting is disabled\"}"});
	assert_false(infinity_start_cloudnode(b->client, "i-0a1b", &b->e));
	assert_int_equal(b->e.class, UPSTREAM_NEXT);
	assert_string_equal(b->e.issue, "infinity_start_refused");
	assert_non_null(strstr(b->e.message, "bursting is disabled"));
}

/* Set-up */

static void test_options(void **state)
{
	static const char *const wrong[] = {NULL,
					    "",
					    "manager.example.com",
					    "ftp://manager.example.com",
					    "https://",
					    "https://user:pw@manager.example.com",
					    "https://manager.example.com/api",
					    "https://manager.example.com?x",
					    "https://manager.example.com#x",
					    "https://mana ger",
					    "https://x\r\ny"};
	struct bench *b = *state;
	struct infinity_client_options options = fake_options(b->fake);

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		options.url = wrong[i];
		assert_null(infinity_client_new(&options, &b->e));
		assert_string_equal(b->e.issue, "infinity_url");
	}
	options.url = BASE "/";
	struct infinity_client *client = infinity_client_new(&options, &b->e);

	assert_non_null(client);
	assert_string_equal(client->base, BASE);
	infinity_client_free(client);
	options.user = NULL;
	assert_null(infinity_client_new(&options, &b->e));
	assert_string_equal(b->e.issue, "infinity_password");
	infinity_client_free(NULL);
}

/* OAuth2 */

static char *key_pem(EVP_PKEY *key, const EVP_CIPHER *cipher)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *text, *ret;
	unsigned char password[] = "pw";
	long len;

	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(out, key, cipher, (char *)password, 2, NULL, NULL), 1);
	len = BIO_get_mem_data(out, &text);
	ret = strndup(text, (size_t)len);
	BIO_free(out);
	return ret;
}

struct oauth_bench {
	struct bench *b;
	EVP_PKEY *key;
	char *pem;
};

static struct oauth_bench oauth_setup(void **state, const char *scope, const char *audience)
{
	struct oauth_bench o = {.b = *state, .key = EVP_EC_gen("P-256")};
	struct infinity_client_options options = fake_options(o.b->fake);

	o.pem = key_pem(o.key, NULL);
	options.user = options.password = NULL;
	options.oauth_client_id = "9b1d54c0-3c1e";
	options.oauth_key_pem = o.pem;
	options.oauth_scope = scope;
	options.oauth_audience = audience;
	infinity_client_free(o.b->client);
	o.b->client = infinity_client_new(&options, &o.b->e);
	if (!o.b->client)
		fail_msg("%s", o.b->e.message);
	return o;
}

static void oauth_end(struct oauth_bench *o)
{
	EVP_PKEY_free(o->key);
	free(o->pem);
}

static void token_route(struct bench *b, int times, int status, const char *body)
{
	fake_route(b->fake, (struct route){.method = METHOD_POST,
					   .path = TOKEN,
					   .status = status,
					   .body = body,
					   .times = times});
}

static size_t unbase64url(const char *text, size_t len, unsigned char *out)
{
	char padded[2000] = "";
	size_t pad = (4 - len % 4) % 4;

	assert_true(len + pad < sizeof padded);
	for (size_t i = 0; i < len; i++) {
		assert_true(text[i] != '+' && text[i] != '/' && text[i] != '=');
		padded[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
	}
	memcpy(padded + len, "===", pad);
	return (size_t)EVP_DecodeBlock(out, (unsigned char *)padded, (int)(len + pad)) - pad;
}

/* What a server would do: turn r || s into DER and let OpenSSL verify it with the public key. */
static void verify(EVP_PKEY *key, const char *text, size_t len, const unsigned char raw[64])
{
	ECDSA_SIG *signature = ECDSA_SIG_new();
	unsigned char *der = NULL;
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	int der_len;

	assert_int_equal(ECDSA_SIG_set0(signature, BN_bin2bn(raw, 32, NULL), BN_bin2bn(raw + 32, 32, NULL)),
			 1);
	der_len = i2d_ECDSA_SIG(signature, &der);
	assert_int_equal(EVP_DigestVerifyInit(digest, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_DigestVerify(digest, der, (size_t)der_len, (const unsigned char *)text, len), 1);
	EVP_MD_CTX_free(digest);
	ECDSA_SIG_free(signature);
	OPENSSL_free(der);
}

/* Verifies the JWT and returns its claims, new reference. */
static json_t *verified_claims(EVP_PKEY *key, const char *jwt, size_t len)
{
	const char *dot1 = memchr(jwt, '.', len);
	const char *dot2 = memchr(dot1 + 1, '.', len - (size_t)(dot1 + 1 - jwt));
	unsigned char bytes[2000];
	size_t n = unbase64url(jwt, (size_t)(dot1 - jwt), bytes);

	assert_int_equal(n, strlen("{\"alg\":\"ES256\",\"typ\":\"JWT\"}"));
	assert_memory_equal(bytes, "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", n);
	assert_int_equal(unbase64url(dot2 + 1, len - (size_t)(dot2 + 1 - jwt), bytes), 64);
	verify(key, jwt, (size_t)(dot2 - jwt), bytes);
	n = unbase64url(dot1 + 1, (size_t)(dot2 - dot1 - 1), bytes);
	return json_loadb((char *)bytes, n, 0, NULL);
}

static json_t *sent_claims(struct oauth_bench *o, const char *form)
{
	const char *jwt = strstr(form, "&client_assertion=");

	assert_non_null(jwt);
	jwt += strlen("&client_assertion=");
	return verified_claims(o->key, jwt, strcspn(jwt, "&"));
}

static const char *claim(const json_t *claims, const char *name)
{
	return json_string_value(json_object_get(claims, name));
}

static void test_oauth_assertion(void **state)
{
	struct oauth_bench o = oauth_setup(state, NULL, NULL);
	const struct sent *sent = o.b->fake->sent;

	token_route(o.b, 0, 200,
		    "{\"access_token\":\"tok-1\",\"expires_in\":3600,\"token_type\":\"Bearer\"}");
	script(o.b);
	observed(o.b, true);
	assert_string_equal(sent[0].url, BASE TOKEN);
	assert_non_null(strstr(sent[0].body,
			       "grant_type=client_credentials&client_assertion_type="
			       "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&"));
	assert_non_null(strstr(sent[0].body, "&scope=is_admin%20use_api"));
	json_auto_t *claims = sent_claims(&o, sent[0].body);

	assert_string_equal(claim(claims, "iss"), "9b1d54c0-3c1e");
	assert_string_equal(claim(claims, "sub"), "9b1d54c0-3c1e");
	assert_string_equal(claim(claims, "aud"), BASE TOKEN);
	assert_int_equal(strlen(claim(claims, "jti")), 36);
	assert_int_equal(json_integer_value(json_object_get(claims, "iat")), START_MS / 1000);
	assert_int_equal(json_integer_value(json_object_get(claims, "exp")), START_MS / 1000 + 300);
	for (size_t i = 1; i < o.b->fake->n_sent; i++) {
		assert_string_equal(sent[i].authorization, "Bearer tok-1");
		assert_string_equal(sent[i].user, "");
	}
	assert_int_equal(fake_count(o.b->fake, TOKEN), 1);
	oauth_end(&o);
}

/* Small r or s have leading zeros, which DER leaves out: 64 bytes all the same. */
static void test_oauth_many_signatures(void **state)
{
	struct oauth_bench o = oauth_setup(state, NULL, NULL);
	char last[64] = "";

	for (int i = 0; i < 600; i++) {
		char *jwt = infinity_oauth_assertion(o.b->client->oauth, START_MS);
		json_auto_t *claims = verified_claims(o.key, jwt, strlen(jwt));

		assert_string_not_equal(claim(claims, "jti"), last);
		(void)snprintf(last, sizeof last, "%s", claim(claims, "jti"));
		free(jwt);
	}
	oauth_end(&o);
}

static void test_oauth_audience_and_scope(void **state)
{
	struct oauth_bench o = oauth_setup(state, "", "https://mgr.inside/oauth/token/");

	token_route(o.b, 0, 200, "{\"access_token\":\"t\"}");
	script(o.b);
	observed(o.b, false);
	json_auto_t *claims = sent_claims(&o, o.b->fake->sent[0].body);

	assert_string_equal(claim(claims, "aud"), "https://mgr.inside/oauth/token/");
	assert_null(strstr(o.b->fake->sent[0].body, "scope"));
	oauth_end(&o);
}

static void test_oauth_renewal(void **state)
{
	struct oauth_bench o = oauth_setup(state, NULL, NULL);

	token_route(o.b, 1, 200, "{\"access_token\":\"long\",\"expires_in\":3600}");
	token_route(o.b, 1, 200, "{\"access_token\":\"short\",\"expires_in\":60}");
	token_route(o.b, 0, 200, "{\"access_token\":\"next\",\"expires_in\":60}");
	script(o.b);
	observed(o.b, false);
	o.b->fake->now += 3540 * 1000 - 1; /* a little more than a minute is left */
	observed(o.b, false);
	assert_int_equal(fake_count(o.b->fake, TOKEN), 1);
	o.b->fake->now += 1;
	observed(o.b, false);
	assert_int_equal(fake_count(o.b->fake, TOKEN), 2);
	o.b->fake->now += 29999; /* half of a short life */
	observed(o.b, false);
	assert_int_equal(fake_count(o.b->fake, TOKEN), 2);
	o.b->fake->now += 1;
	observed(o.b, false);
	assert_int_equal(fake_count(o.b->fake, TOKEN), 3);
	oauth_end(&o);
}

static void test_oauth_401_renews_once(void **state)
{
	struct oauth_bench o = oauth_setup(state, NULL, NULL);
	struct fake *f = o.b->fake;

	token_route(o.b, 1, 200, "{\"access_token\":\"old\"}");
	token_route(o.b, 0, 200, "{\"access_token\":\"new\"}");
	fake_route(f,
		   (struct route){
			   .method = METHOD_PATCH, .path = CONF "worker_vm/7/", .status = 401, .times = 1});
	fake_route(f,
		   (struct route){
			   .method = METHOD_PATCH, .path = CONF "worker_vm/7/", .status = 202, .times = 1});
	fake_route(f, (struct route){.method = METHOD_PATCH, .path = CONF "worker_vm/7/", .status = 401});
	assert_true(infinity_set_maintenance(o.b->client, 7, true, "x", &o.b->e));
	assert_int_equal(f->n_sent, 4);
	assert_string_equal(f->sent[1].authorization, "Bearer old");
	assert_string_equal(f->sent[3].authorization, "Bearer new");
	assert_string_equal(f->sent[1].body, f->sent[3].body);
	assert_false(infinity_set_maintenance(o.b->client, 7, true, "x", &o.b->e));
	assert_string_equal(o.b->e.issue, "infinity_oauth");
	assert_int_equal(f->n_sent, 7); /* refused, new token, refused */
	oauth_end(&o);
}

static void refused(struct oauth_bench *o, int status, const char *body)
{
	o->b->fake->n_routes = o->b->fake->n_pauses = 0;
	token_route(o->b, 0, status, body);
	assert_false(observe(o->b, false));
}

static void test_oauth_refused(void **state)
{
	struct oauth_bench o = oauth_setup(state, NULL, NULL);
	struct upstream_error *e = &o.b->e;

	refused(&o, 400, "{\"error\":\"invalid_client\",\"error_description\":\"invalid_claim\\u001b\"}");
	assert_string_equal(e->issue, "infinity_oauth");
	assert_string_equal(e->code, "invalid_client");
	assert_string_equal(e->message, "oauth/token: no token (400): invalid_client: invalid_claim");
	assert_int_equal(e->class, UPSTREAM_OPERATOR);
	assert_non_null(strstr(e->remedy, "audience"));
	assert_int_equal(o.b->fake->n_sent, 1);
	o.b->fake->date_ms = START_MS + OFFSET;
	refused(&o, 401, "");
	assert_non_null(strstr(e->remedy, "clocks"));
	refused(&o, 503, "");
	assert_string_equal(e->issue, "infinity_unavailable");
	refused(&o, 429, "");
	assert_int_equal(e->class, UPSTREAM_THROTTLED);
	oauth_end(&o);
}

/* A token goes into a header: whatever could end the header is refused, and never shown. */
static void test_oauth_wrong_tokens(void **state)
{
	static const char *const bodies[] = {"{\"access_token\":\"a\\r\\nX: TOPSECRET\"}",
					     "{\"access_token\":\"\"}",
					     "{\"access_token\":\"a TOPSECRET\"}",
					     "{\"access_token\":7}",
					     "{}",
					     "[]",
					     "TOPSECRET",
					     "{\"access_token\":\"TOPSECRET\" TOPSECRET}"};
	struct oauth_bench o = oauth_setup(state, NULL, NULL);

	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		refused(&o, 200, bodies[i]);
		assert_string_equal(o.b->e.issue, "infinity_answer");
		assert_null(strstr(o.b->e.message, "TOPSECRET"));
	}
	oauth_end(&o);
}

static void test_oauth_keys(void **state)
{
	struct bench *b = *state;
	struct infinity_client_options options = fake_options(b->fake);
	EVP_PKEY *keys[] = {EVP_EC_gen("P-384"), EVP_RSA_gen(2048), EVP_EC_gen("P-256")};
	char *pems[] = {key_pem(keys[0], NULL),
			key_pem(keys[1], NULL),
			key_pem(keys[2], EVP_aes_256_cbc()),
			strdup("not a key"),
			strdup(""),
			NULL};

	options.oauth_client_id = "c";
	for (size_t i = 0; i < ARRAY_LEN(pems); i++) {
		options.oauth_key_pem = pems[i];
		assert_null(infinity_client_new(&options, &b->e));
		assert_string_equal(b->e.issue, "infinity_oauth");
		assert_string_equal(b->e.code, "oauth_key");
		free(pems[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		EVP_PKEY_free(keys[i]);
}

#define TEST(name)       cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_ALONE(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_report),
		TEST(test_report_nodes),
		TEST(test_report_counts),
		TEST(test_participants_only_when_asked),
		TEST(test_monitors),
		TEST(test_monitor_in_both_lists),
		TEST(test_no_monitors_while_bursting_is_off),
		TEST(test_partial_is_shown),
		TEST(test_shard_without_node_is_partial),
		TEST(test_empty_platform),
		TEST(test_server_offset),
		TEST(test_slow_answer_is_no_offset),
		TEST(test_slow_lists_are_remembered),
		TEST(test_optional_resources),
		TEST_ALONE(test_needed_resources),
		TEST(test_optional_must_not_break),
		TEST(test_wrong_type_fails_the_read),
		TEST(test_global_must_be_an_object),
		TEST(test_statuses),
		TEST(test_error_bodies),
		TEST(test_long_error_body_is_cut),
		TEST(test_set_maintenance),
		TEST(test_reason_is_cut_between_characters),
		TEST(test_maintenance_refuses_no_node),
		TEST(test_changes_are_tried_once),
		TEST(test_maintenance_of_a_deleted_node),
		TEST(test_start_cloudnode),
		TEST(test_refused_start_moves_on),
		TEST(test_options),
		TEST(test_oauth_assertion),
		TEST(test_oauth_many_signatures),
		TEST(test_oauth_audience_and_scope),
		TEST(test_oauth_renewal),
		TEST(test_oauth_401_renews_once),
		TEST(test_oauth_refused),
		TEST(test_oauth_wrong_tokens),
		TEST(test_oauth_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

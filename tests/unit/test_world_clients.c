/*
 * The two faces of the world tell the same: what the real clients read through HTTP is, field by field, what the ports say
 * in process. Also OAuth2 from end to end, and a change through each client.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <curl/curl.h>
#include <jansson.h>

#include "clients/ec2/ec2.h"
#include "clients/infinity/infinity.h"
#include "tests/world/http.h"

struct bench {
	struct world *w;
	struct world_http *h;
	struct curl_transport *curl;
};

static int64_t now_ms(void *self)
{
	return *(int64_t *)self;
}

static void no_pause(void *self, int64_t ms)
{
	(void)self;
	(void)ms;
}

static int64_t now;
static const struct clock clock_fixed = {.now_ms = now_ms, .self = &now};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct world_options o = world_options_default(5);
	struct world_http_options ho = world_http_options_default();

	now = clock_now(&clock_system); /* libcurl signs with the system's time */
	o.start_ms = now - 120000;
	o.ec2_lag_ms = 0;
	o.traffic = false;
	ho.clock = &clock_fixed;
	b->w = world_new(&o);
	(void)world_add_node(b->w, &(struct world_node){.name = "new-1",
							.location = 4,
							.max_hd = 17,
							.bursting = true,
							.never_deployed = true});
	(void)world_calls(b->w, 1, 40, 0);
	world_set_infinity_bursting(b->w, true);
	world_advance(b->w, now);
	b->h = world_http_start(b->w, &ho);
	b->curl = curl_transport_new(&(struct transport_options){.name = "world"});
	assert_non_null(b->h);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	curl_transport_free(b->curl);
	world_http_stop(b->h);
	world_free(b->w);
	free(b);
	return 0;
}

/* --- Infinity --- */

static struct infinity_client_options options(const struct bench *b)
{
	return (struct infinity_client_options){.url = world_http_url(b->h, WORLD_FACE_INFINITY),
						.user = "admin",
						.password = "world-password",
						.transport = curl_transport_port(b->curl),
						.clock = &clock_fixed,
						.time_scale = 1,
						.pause = no_pause};
}

static struct infinity_report *read_with(const struct infinity_client_options *o)
{
	struct infinity_report *r = NULL;
	struct upstream_error e = {0};
	struct infinity_client *c = infinity_client_new(o, &e);

	assert_non_null(c);
	if (!infinity_observe(c, true, &r, &e))
		fail_msg("%s: %s", e.code, e.message);
	infinity_client_free(c);
	return r;
}

static void same_text(const char *a, const char *b)
{
	assert_string_equal(a ? a : "(null)", b ? b : "(null)");
}

static void same_node(const struct infinity_node *a, const struct infinity_node *b)
{
	assert_int_equal(a->id, b->id);
	same_text(a->name, b->name);
	same_text(a->address, b->address);
	assert_int_equal(a->location, b->location);
	assert_int_equal(a->role, b->role);
	assert_int_equal(a->maintenance, b->maintenance);
	same_text(a->static_nat, b->static_nat);
	assert_int_equal(a->distributed_database, b->distributed_database);
	assert_int_equal(a->sync, b->sync);
	assert_int_equal(a->last_updated / 1000, b->last_updated / 1000); /* some tell whole seconds */
	assert_int_equal(a->max_hd, b->max_hd);
	assert_int_equal(a->media_load, b->media_load);
	assert_int_equal(a->tokens_max, b->tokens_max);
	assert_int_equal(a->tokens_used, b->tokens_used);
	assert_int_equal(a->signaling, b->signaling);
	assert_int_equal(a->conferences, b->conferences);
	assert_int_equal(a->participants > 0, b->participants > 0);
}

static void both_faces_show_the_same_platform(void **state)
{
	struct bench *b = *state;
	struct infinity_port port = world_infinity_port(b->w);
	struct infinity_client_options o = options(b);
	struct infinity_report *http = read_with(&o), *direct = NULL;
	struct upstream_error e;

	assert_true(port.observe(port.self, true, &direct, &e));
	assert_true(http->whole);
	assert_int_equal(http->bursting_enabled, direct->bursting_enabled);
	same_text(http->management_host, direct->management_host);
	assert_int_equal(http->n_locations, direct->n_locations);
	for (size_t i = 0; i < direct->n_locations; i++) {
		same_text(http->locations[i].name, direct->locations[i].name);
		assert_int_equal(http->locations[i].overflow1, direct->locations[i].overflow1);
		assert_int_equal(http->locations[i].overflow2, direct->locations[i].overflow2);
	}
	assert_int_equal(http->n_nodes, direct->n_nodes);
	for (size_t i = 0; i < direct->n_nodes; i++)
		same_node(&http->nodes[i], &direct->nodes[i]);
	assert_int_equal(http->n_monitors, direct->n_monitors);
	infinity_report_free(http);
	infinity_report_free(direct);
}

static void half_a_page_is_not_whole(void **state)
{
	struct bench *b = *state;
	struct infinity_client_options o = options(b);
	struct infinity_report *r = NULL;
	struct upstream_error e;
	struct infinity_client *c = infinity_client_new(&o, &e);

	world_fault_add(b->w, &(struct world_fault){.kind = WORLD_INFINITY_HALF, .until = INT64_MAX});
	if (infinity_observe(c, true, &r, &e))
		assert_false(r->whole);
	infinity_report_free(r);
	infinity_client_free(c);
}

static void a_change_arrives(void **state)
{
	struct bench *b = *state;
	struct infinity_client_options o = options(b);
	struct world_node_state n;
	struct upstream_error e;
	struct infinity_client *c = infinity_client_new(&o, &e);

	assert_true(infinity_set_maintenance(c, 10, true, "burstd: idle", &e));
	assert_true(world_node_find(b->w, 10, &n));
	assert_true(n.maintenance);
	same_text(n.maintenance_reason, "burstd: idle");
	assert_true(infinity_start_cloudnode(c, n.instance, &e));
	assert_int_equal(world_counters(b->w).starts, 1);
	infinity_client_free(c);
}

/* The control command's answer: client_id and private key. */
static json_t *new_client(const struct bench *b)
{
	struct transport t = curl_transport_port(b->curl);
	struct http_answer a = {0};
	struct upstream_error e;
	static const char body[] = "{\"command\": \"oauth_client\"}";
	char url[100];

	(void)snprintf(url, sizeof(url), "%s/", world_http_url(b->h, WORLD_FACE_CONTROL));
	assert_true(t.perform(t.self,
			      &(struct http_call){.method = METHOD_POST,
						  .url = url,
						  .body = body,
						  .body_len = sizeof(body) - 1,
						  .answer_max = 10000},
			      &a, &e));
	json_t *client = json_loadb(a.body.data, a.body.len, 0, NULL);

	http_answer_free(&a);
	assert_non_null(client);
	return client;
}

static void oauth2_from_end_to_end(void **state)
{
	struct bench *b = *state;
	json_t *client = new_client(b), *other = NULL;
	struct infinity_client_options o = options(b);
	struct infinity_report *r = NULL;
	struct upstream_error e;

	o.user = o.password = NULL;
	o.oauth_client_id = json_string_value(json_object_get(client, "client_id"));
	o.oauth_key_pem = json_string_value(json_object_get(client, "private_key_jwt"));
	r = read_with(&o);
	assert_true(r->whole);
	infinity_report_free(r);

	other = new_client(b); /* replaces the key: the old one signs for nothing now */
	struct infinity_client *c = infinity_client_new(&o, &e);

	r = NULL;
	assert_false(infinity_observe(c, true, &r, &e));
	assert_int_equal(e.class, UPSTREAM_OPERATOR);
	infinity_client_free(c);
	json_decref(client);
	json_decref(other);
}

/* --- EC2 --- */

struct ec2 {
	struct credentials *credentials;
	struct ec2_limiter *limiter;
	struct ec2_client *client;
};

static struct ec2 ec2_open(const struct bench *b)
{
	struct world_http_options keys = world_http_options_default();
	struct ec2 e;

	const struct credentials_options o = {.clock = &clock_fixed,
					      .transport = curl_transport_port(b->curl)};

	e.credentials = credentials_new(&o);
	credentials_set_static(e.credentials, keys.access_key, keys.secret_key);
	e.limiter = ec2_limiter_new(&clock_fixed, 1);
	e.client =
		ec2_client_new(&(struct ec2_client_options){.region = "eu-west-1",
							    .endpoint = world_http_url(b->h, WORLD_FACE_EC2),
							    .transport = curl_transport_port(b->curl),
							    .credentials = e.credentials,
							    .limiter = e.limiter,
							    .clock = &clock_fixed,
							    .time_scale = 1,
							    .pause = no_pause});
	assert_non_null(e.client);
	return e;
}

static void ec2_close(struct ec2 *e)
{
	ec2_client_free(e->client);
	ec2_limiter_free(e->limiter);
	credentials_free(e->credentials);
}

static void same_instance(const struct ec2_instance *a, const struct ec2_instance *b)
{
	same_text(a->id, b->id);
	same_text(a->type, b->type);
	same_text(a->zone, b->zone);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->launch_time / 1000, b->launch_time / 1000);
	same_text(a->public_address, b->public_address);
	assert_int_equal(a->elastic && a->public_address, b->elastic && b->public_address);
	same_text(a->tenancy, b->tenancy);
	same_text(a->tag_value, b->tag_value);
	same_text(a->state_reason_code, b->state_reason_code);
	assert_int_equal(a->n_addresses, b->n_addresses);
	assert_int_equal(a->n_tags, b->n_tags);
	for (size_t i = 0; i < b->n_addresses; i++)
		same_text(a->addresses[i], b->addresses[i]);
}

static const struct ec2_instance *instance_of(const struct ec2_report *r, const char *id)
{
	for (size_t i = 0; i < r->n_instances; i++)
		if (!strcmp(r->instances[i].id, id))
			return &r->instances[i];
	fail_msg("%s is missing", id);
	return NULL;
}

static void both_faces_show_the_same_instances(void **state)
{
	struct bench *b = *state;
	struct ec2 c = ec2_open(b);
	struct ec2_port port = world_ec2_port(b->w, "eu-west-1");
	struct ec2_report *http = NULL, *direct = NULL;
	struct ec2_state_change change;
	struct upstream_error e;
	struct world_node_state n;

	assert_true(world_node_find(b->w, 10, &n));
	if (!ec2_start_instance(c.client, n.instance, false, &change, &e))
		fail_msg("%s: %s", e.code, e.message);
	assert_int_equal(change.previous, INSTANCE_STOPPED);
	assert_int_equal(change.current, INSTANCE_PENDING);
	assert_true(ec2_describe_tagged(c.client, "mgr01", &http, &e));
	assert_true(port.describe_tagged(port.self, "mgr01", &direct, &e));
	assert_int_equal(http->n_instances, direct->n_instances);
	for (size_t i = 0; i < direct->n_instances; i++)
		same_instance(instance_of(http, direct->instances[i].id), &direct->instances[i]);
	ec2_report_free(http);
	ec2_report_free(direct);
	ec2_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(both_faces_show_the_same_platform, setup, teardown),
		cmocka_unit_test_setup_teardown(half_a_page_is_not_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(a_change_arrives, setup, teardown),
		cmocka_unit_test_setup_teardown(oauth2_from_end_to_end, setup, teardown),
		cmocka_unit_test_setup_teardown(both_faces_show_the_same_instances, setup, teardown),
	};

	curl_global_init(CURL_GLOBAL_ALL);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	curl_global_cleanup();
	return failed;
}

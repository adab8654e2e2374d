/* Life-cycle operations as they are asked for over the API: what is written, what is shown, what is refused and why. */
#include "tests/unit/http_fixture.h"

#include "handlers/handlers.h"
#include "handlers/lifecycle.h"
#include "handlers/operation_moves.h"
#include "handlers/view_steps.h"

#define OSLO  1 /* node 10, always on, in EC2 */
#define BURST 2 /* overflow, nodes 20 (stopped) and 21 (running) */
#define EDGE  3 /* proxying node 30, not in EC2 */
#define SPARE 4 /* empty, Oslo overflows into it */
#define BARE  5 /* empty, nobody does */

#define SUBNET          "\"subnet\":\"subnet-0123456789abcdef0\","
#define GROUPS          "\"security_groups\":[\"sg-0123456789abcdef0\"],"
#define PLACE           SUBNET GROUPS "\"key_name\":\"pexip\""
#define NAMES           "\"hostname\":\"burst-9\",\"domain\":\"video.example.com\",\"ssh_password\":\"hush-hush\","
#define NODE(n)         "{\"name\":\"burst-9\"," NAMES PLACE ",\"location\":" #n "}"
#define MORE(n, fields) "{\"name\":\"burst-9\"," NAMES PLACE ",\"location\":" #n "," fields "}"

static void make_node(struct picture *p, int index, int64_t id, const char *name, int location)
{
	p->nodes[index] = (struct node){.id = id,
					.name = name,
					.address = arena_printf(p->arena, "10.0.1.%d", (int)id),
					.location = location,
					.media_load = -1,
					.participants = -1,
					.order = START_ORDER_NONE,
					.last_updated = NOW_MS};
}

static void make_instance(struct picture *p, int index, enum instance_state state, bool bursting)
{
	struct ec2_instance *i = arena_alloc(p->arena, sizeof *i);

	*i = (struct ec2_instance){.id = arena_printf(p->arena, "i-%017d", (int)p->nodes[index].id),
				   .type = "c5.2xlarge",
				   .region = "eu-west-2",
				   .zone = "eu-west-2a",
				   .tenancy = "dedicated",
				   .state = state,
				   .public_address = "198.51.100.7"};
	p->nodes[index].instance = i;
	p->nodes[index].bursting = bursting;
	p->nodes[index].phase = state == INSTANCE_RUNNING ? PHASE_SERVING : PHASE_STOPPED;
}

static void make_location(struct picture *p, int index, int64_t id, const char *name, int first, int n)
{
	p->locations[index] = (struct location){.id = id,
						.name = name,
						.overflow1 = -1,
						.overflow2 = -1,
						.first_node = first,
						.n_nodes = n,
						.media_load = -1,
						.threshold = 5};
}

static struct picture *make_platform(int64_t seq)
{
	struct picture *p = picture_empty(seq);

	p->locations = arena_array(p->arena, 5, sizeof *p->locations);
	p->nodes = arena_array(p->arena, 4, sizeof *p->nodes);
	p->n_locations = 5;
	p->n_nodes = 4;
	p->tag_value = "manager";
	p->infinity_at = NOW_MS;
	make_location(p, 0, OSLO, "Oslo", 0, 1);
	make_location(p, 1, BURST, "AWS burst", 1, 2);
	make_location(p, 2, EDGE, "Edge", 3, 1);
	make_location(p, 3, SPARE, "Spare", 4, 0);
	make_location(p, 4, BARE, "Bare", 4, 0);
	p->locations[0].overflow1 = 1;
	p->locations[0].overflow2 = 3;
	p->locations[1].n_bursting = 2;
	make_node(p, 0, 10, "oslo-1", 0);
	make_node(p, 1, 20, "burst-1", 1);
	make_node(p, 2, 21, "burst-2", 1);
	make_node(p, 3, 30, "edge-1", 2);
	make_instance(p, 0, INSTANCE_RUNNING, false);
	make_instance(p, 1, INSTANCE_STOPPED, true);
	make_instance(p, 2, INSTANCE_RUNNING, true);
	p->nodes[0].conferences = 3;
	p->nodes[3].role = ROLE_PROXYING;
	return p;
}

static void allow(struct fixture *f, bool on)
{
	struct answer a = ask(f, "PATCH", "/v1/bursting", NULL,
			      on ? "{\"allow_lifecycle\":true}" : "{\"allow_lifecycle\":false}");

	expect(&a, 200);
	answer_free(&a);
}

static int setup_off(void **state)
{
	static struct route_table routes;
	struct fixture *f;

	routes = handlers_routes();
	f = fixture_start(&routes, "BURSTD_AWS_REGIONS=eu-west-2");
	fixture_publish(f, make_platform(2));
	*state = f;
	return 0;
}

static int setup(void **state)
{
	(void)setup_off(state);
	allow(*state, true);
	return 0;
}

static int teardown(void **state)
{
	fixture_stop(*state);
	return 0;
}

/* --- helpers -------------------------------------------------------------------------------------------------------- */

static int64_t number_at(const struct answer *a, const char *path)
{
	assert_true(json_is_integer(at(a, path)));
	return json_integer_value(at(a, path));
}

#define assert_text(a, path, text) assert_string_equal(text_at(&(a), path), text)
#define assert_null_at(a, path)    assert_true(json_is_null(at(&(a), path)))

static size_t open_operations(struct fixture *f)
{
	struct intent *list = NULL;
	struct error e;
	size_t n = 0;

	assert_int_equal(store_intents_open(fixture_store(f), &list, &n, &e), ERR_OK);
	free(list);
	return n;
}

/* 202 and its id. */
static int64_t accepted(struct fixture *f, const char *method, const char *path, const char *body,
			const char *kind)
{
	char where[200], expected[64];
	struct answer a = ask(f, method, path, NULL, body);
	int64_t id;

	expect(&a, 202);
	id = number_at(&a, "id");
	(void)snprintf(expected, sizeof expected, "/v1/operations/%lld", (long long)id);
	assert_string_equal(answer_header(&a, "Location", where), expected);
	assert_text(a, "kind", kind);
	assert_text(a, "state", "working");
	assert_text(a, "steps.0.progress", "waiting");
	assert_int_equal(number_at(&a, "steps.0.attempts"), 0);
	assert_null(strstr(a.body, "hush")); /* in every secret that these tests send */
	answer_free(&a);
	return id;
}

static struct operation *stored(struct fixture *f, int64_t id)
{
	struct operation *op = NULL;
	struct error e;

	if (store_operation_get(fixture_store(f), id, true, &op, &e))
		fail_msg("%s", e.detail);
	return op;
}

/* 409 whose words hold `said`. */
static void refused(struct fixture *f, const char *method, const char *path, const char *body,
		    const char *said)
{
	struct answer a = ask(f, method, path, NULL, body);

	expect(&a, 409);
	if (!strstr(a.body, said))
		fail_msg("\"%s\" is not in %s", said, a.body);
	answer_free(&a);
}

/* The newest event of the type operation. */
static struct answer newest(struct fixture *f)
{
	struct answer a = ask(f, "GET", "/v1/history?type=operation&limit=1", NULL, NULL);

	expect(&a, 200);
	return a;
}

static void close_as(struct fixture *f, int64_t id, enum intent_state state)
{
	_cleanup_(operation_freep) struct operation *op = stored(f, id);
	enum intent_state from = op->intent.state;
	struct error e;

	op->intent.state = state;
	assert_int_equal(store_operation_move(fixture_store(f), op, from, op->intent.attempts, &e), ERR_OK);
}

/* As the worker would leave it: steps before `step` done, that one tried and halted. */
static void halt_at(struct fixture *f, int64_t id, enum step_name step, int attempts)
{
	_cleanup_(operation_freep) struct operation *op = stored(f, id);
	size_t i = 0;
	struct error e;

	for (; op->steps[i].name != step; i++)
		op->steps[i].state = STEP_DONE;
	op->steps[i].state = STEP_HALTED;
	op->steps[i].attempts = attempts;
	(void)snprintf(op->steps[i].error, sizeof op->steps[i].error, "it broke");
	op->intent.state = INTENT_HALTED;
	op->intent.attempts = 4;
	(void)snprintf(op->intent.error, sizeof op->intent.error, "it broke");
	assert_int_equal(store_operation_move(fixture_store(f), op, INTENT_WORKING, 0, &e), ERR_OK);
}

/* --- permission -------------------------------------------------------------------------------------------------------- */

static void test_switched_off(void **state)
{
	static const struct {
		const char *method, *path, *body;
	} all[] = {
		{"POST", "/v1/nodes", NODE(2)},
		{"DELETE", "/v1/nodes/20", NULL},
		{"POST", "/v1/nodes/10/stop", NULL},
		{"POST", "/v1/nodes/10/reinstate", NULL},
		{"POST", "/v1/nodes/20/convert", "{\"to\":\"always_on\",\"location\":1}"},
		{"POST", "/v1/nodes/20/resize", "{\"instance_type\":\"c5.4xlarge\"}"},
		{"POST", "/v1/nodes/20/enable-ena", NULL},
		{"POST", "/v1/nodes/20/assign-address", NULL},
		{"POST", "/v1/management-nodes", "{\"name\":\"m\"," PLACE "}"},
		{"POST", "/v1/platform", "{\"dns_servers\":[{\"address\":\"192.0.2.53\"}]}"},
		{"POST", "/v1/aws/security-group",
		 "{\"group\":\"sg-0123456789abcdef0\",\"management_cidr\":\"192.0.2.0/24\"}"},
	};
	struct fixture *f = *state;
	char path[120];

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		expect_problem(ask(f, all[i].method, all[i].path, NULL, all[i].body), 403, "lifecycle-off",
			       NULL);
		(void)snprintf(path, sizeof path, "%s?dry_run=true", all[i].path);
		expect_problem(ask(f, all[i].method, path, NULL, all[i].body), 403, "lifecycle-off", NULL);
	}
	assert_int_equal(open_operations(f), 0);
	assert_int_equal(atomic_load(&f->wakes), 0);
}

static void test_settings(void **state)
{
	struct fixture *f = *state;
	struct answer a = ask(f, "PATCH", "/v1/bursting", NULL,
			      "{\"allow_lifecycle\":true,\"lifecycle_access_key_id\":\"AKIDWIDE\","
			      "\"lifecycle_secret_access_key\":\"hush/wide\"}");
	char *secret = NULL;
	struct error e;

	expect(&a, 200);
	assert_true(json_is_true(at(&a, "allow_lifecycle")));
	assert_true(json_is_true(at(&a, "lifecycle_secret_access_key_set")));
	assert_true(json_is_false(at(&a, "aws_secret_access_key_set")));
	assert_text(a, "lifecycle_access_key_id", "AKIDWIDE");
	assert_null(strstr(a.body, "hush"));
	answer_free(&a);
	assert_int_equal(store_settings_secret(fixture_store(f), SETTINGS_LIFECYCLE, &secret, &e), ERR_OK);
	assert_string_equal(secret, "hush/wide");
	secret_free(secret);
	a = ask(f, "GET", "/v1/history?type=settings", NULL, NULL);
	assert_null(strstr(a.body, "hush"));
	assert_text(a, "items.0.figures.changes.lifecycle_secret_access_key.new", "set anew");
	assert_null(at(&a, "items.0.figures.changes.aws_secret_access_key"));
	answer_free(&a);
	expect_problem(ask(f, "PATCH", "/v1/bursting", NULL, "{\"lifecycle_access_key_id\":null}"), 400,
		       "bad-request", "/lifecycle_access_key_id");
	expect_problem(ask(f, "PATCH", "/v1/bursting", NULL, "{\"lifecycle_secret_access_key\":null}"), 400,
		       "bad-request", "/lifecycle_secret_access_key");
	expect_problem(ask(f, "PATCH", "/v1/bursting", NULL, "{\"lifecycle_secret_access_key_set\":true}"),
		       400, "bad-request", "/lifecycle_secret_access_key_set");
	a = ask(f, "PATCH", "/v1/bursting?dry_run=true", NULL, "{\"allow_lifecycle\":false}");
	assert_non_null(strstr(text_at(&a, "consequences.0"), "No life-cycle operation"));
	answer_free(&a);
}

/* --- a node that is there ------------------------------------------------------------------------------------------------ */

/* Guide, "Temporarily removing": the stop of a node that is always on. RULE E7: force is recorded with who asked. */
static void test_shut_down(void **state)
{
	_cleanup_(operation_freep) struct operation *op = NULL;
	struct fixture *f = *state;
	struct answer a = ask(f, "POST", "/v1/nodes/10/stop?dry_run=true", NULL, NULL);
	int64_t id;

	expect(&a, 200);
	assert_text(a, "kind", "shut_down");
	assert_text(a, "steps.0.step", "check");
	assert_text(a, "steps.2.step", "drain");
	assert_text(a, "events.0.type", "operation");
	assert_non_null(strstr(text_at(&a, "consequences.0"), "until 3 conferences have left"));
	answer_free(&a);
	assert_int_equal(open_operations(f), 0);

	id = accepted(f, "POST", "/v1/nodes/10/stop", "{\"reason\":\"works\"}", "shut_down");
	a = ask(f, "GET", "/v1/nodes/10", NULL, NULL);
	assert_int_equal(number_at(&a, "operation.id"), id);
	assert_text(a, "operation.steps.0.step", "check");
	answer_free(&a);
	a = newest(f);
	assert_text(a, "items.0.actor", "root");
	assert_text(a, "items.0.reason", "oslo-1 shut down by root: works");
	assert_int_equal(number_at(&a, "items.0.operation"), id);
	assert_true(json_is_false(at(&a, "items.0.figures.force")));
	answer_free(&a);
	/* the same again is the same operation; with force it is shortened */
	assert_int_equal(accepted(f, "POST", "/v1/nodes/10/stop", NULL, "shut_down"), id);
	a = ask(f, "POST", "/v1/nodes/10/stop?dry_run=true", NULL, "{\"force\":true}");
	assert_int_equal(number_at(&a, "operation"), id);
	assert_non_null(strstr(text_at(&a, "consequences.0"), "3 conferences on oslo-1 are cut"));
	answer_free(&a);
	assert_int_equal(accepted(f, "POST", "/v1/nodes/10/stop", "{\"force\":true}", "shut_down"), id);
	a = newest(f);
	assert_text(a, "items.0.reason", "oslo-1 shut down by force by root.");
	assert_true(json_is_true(at(&a, "items.0.figures.force")));
	answer_free(&a);
	a = ask(f, "GET", "/v1/operations/1", NULL, NULL);
	assert_true(json_is_true(at(&a, "force")));
	answer_free(&a);
	op = stored(f, id);
	assert_int_equal(op->intent.attempts, 1); /* the worker's next write is refused, so it reads again */
	refused(f, "POST", "/v1/nodes/10/enable-ena", NULL, "operation 1 (shut_down) is under way");
	refused(f, "POST", "/v1/nodes/30/stop", NULL, "not a bursting node");
}

/* What does not fit is cut between two characters: half of one would be no JSON. Of two lengths one cuts a character. */
static void test_long_reason(void **state)
{
	struct fixture *f = *state;
	char reason[260], group[101], body[800];

	memset(group, 'g', 100);
	group[100] = '\0';
	for (int odd = 0; odd < 2; odd++) {
		size_t len = (size_t)snprintf(reason, sizeof reason, "%s", odd ? "x" : "");
		struct answer a;
		int64_t id;

		while (len + 2 <= 250)
			len += (size_t)snprintf(reason + len, sizeof reason - len, "\xc3\xa9");
		(void)snprintf(
			body, sizeof body,
			"{\"vpc\":\"vpc-01234567\",\"group_name\":\"%s%s\",\"management_cidr\":\"192.0.2.7\","
			"\"reason\":\"%s\"}",
			group, group, reason);
		a = ask(f, "POST", "/v1/aws/security-group", NULL, body);
		expect(&a, 202);
		assert_true(json_string_length(at(&a, "reason")) > 300);
		id = number_at(&a, "id");
		answer_free(&a);
		close_as(f, id, INTENT_FAILED);
	}
}

static void test_refusals(void **state)
{
	static const struct {
		const char *path, *body, *said;
	} all[] = {
		{"/v1/nodes/30/reinstate", NULL, "no EC2 instance of edge-1"},
		{"/v1/nodes/30/enable-ena", NULL, "no EC2 instance of edge-1"},
		{"/v1/nodes/20/reinstate", NULL, "is a bursting node"},
		{"/v1/nodes/10/reinstate", NULL, "already up"},
		{"/v1/nodes/20/convert", "{\"to\":\"overflow\",\"location\":2}", "already an overflow node"},
		{"/v1/nodes/10/convert", "{\"to\":\"always_on\",\"location\":1}", "already always on"},
		{"/v1/nodes/20/convert", "{\"to\":\"always_on\",\"location\":2}", "it holds bursting nodes"},
		{"/v1/nodes/20/convert", "{\"to\":\"always_on\",\"location\":3}", "it holds proxying nodes"},
		{"/v1/nodes/20/resize", "{\"instance_type\":\"c5.2xlarge\"}", "is a c5.2xlarge already"},
	};
	static const struct {
		const char *path, *body, *pointer;
	} bad[] = {
		{"/v1/nodes/20/resize", "{\"instance_type\":\"big\"}", "/instance_type"},
		{"/v1/nodes/20/resize", "{\"instance_type\":\"C5.large\"}", "/instance_type"},
		{"/v1/nodes/20/resize", "{}", "/instance_type"},
		{"/v1/nodes/20/convert", "{\"location\":1}", "/to"},
		{"/v1/nodes/20/convert", "{\"to\":\"always_on\"}", "/location"},
		{"/v1/nodes/20/convert", "{\"to\":\"always_on\",\"location\":99}", "/location"},
		{"/v1/nodes/20/assign-address", "{\"allocation_id\":\"eip-1\"}", "/allocation_id"},
		{"/v1/nodes/20/enable-ena", "{\"force\":1}", "/force"},
		{"/v1/nodes/20/reinstate", "{\"to\":1}", "/to"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		refused(f, "POST", all[i].path, all[i].body, all[i].said);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		expect_problem(ask(f, "POST", bad[i].path, NULL, bad[i].body), 400, "bad-request",
			       bad[i].pointer);
	expect_problem(ask(f, "POST", "/v1/nodes/99/reinstate", NULL, NULL), 404, "not-found", NULL);
	expect_problem(ask(f, "DELETE", "/v1/nodes/20?force=yes", NULL, NULL), 400, "bad-request", NULL);
	assert_int_equal(open_operations(f), 0);
}

/* RULE S9: nothing stops while Infinity bursts by itself; what stops nothing is asked for as ever. */
static void test_one_controller(void **state)
{
	struct fixture *f = *state;
	struct picture *p = make_platform(3);

	p->infinity_bursting = true;
	fixture_publish(f, p);
	refused(f, "POST", "/v1/nodes/10/stop", "{\"force\":true}", "Infinity's own bursting");
	refused(f, "DELETE", "/v1/nodes/20", NULL, "Infinity's own bursting");
	refused(f, "POST", "/v1/nodes/20/resize", "{\"instance_type\":\"c5.4xlarge\"}",
		"Infinity's own bursting");
	refused(f, "POST", "/v1/nodes/20/enable-ena", NULL, "Infinity's own bursting");
	refused(f, "POST", "/v1/nodes/20/convert", "{\"to\":\"always_on\",\"location\":1}",
		"Infinity's own bursting");
	refused(f, "POST", "/v1/nodes", NODE(2), "Infinity's own bursting");
	(void)accepted(f, "POST", "/v1/nodes/20/assign-address", NULL, "assign_address");
	(void)accepted(f, "POST", "/v1/nodes", NODE(1), "deploy_node");
}

static void test_remove(void **state)
{
	struct fixture *f = *state;
	struct answer a = ask(f, "DELETE", "/v1/nodes/21?dry_run=true&release_address=true", NULL, NULL);
	char etag[200], header[300];
	int64_t id;

	expect(&a, 200);
	assert_text(a, "steps.3.step", "delete_node");
	assert_text(a, "steps.5.step", "release_address");
	assert_non_null(strstr(text_at(&a, "consequences.0"), "neither can be had back"));
	answer_free(&a);
	a = ask(f, "DELETE", "/v1/nodes/21?dry_run=true", NULL, NULL);
	assert_int_equal(json_array_size(at(&a, "steps")), 5);
	answer_free(&a);
	a = ask(f, "GET", "/v1/nodes/21", NULL, NULL);
	(void)snprintf(header, sizeof header, "If-Match: %s\r\n", answer_header(&a, "ETag", etag));
	answer_free(&a);
	expect_problem(ask(f, "DELETE", "/v1/nodes/21", "If-Match: \"x\"\r\n", NULL), 412,
		       "precondition-failed", NULL);
	a = ask(f, "DELETE", "/v1/nodes/21?release_address=true", header, NULL);
	expect(&a, 202);
	assert_text(a, "values.release_address", "true");
	assert_text(a, "instance", "i-00000000000000021");
	id = number_at(&a, "id");
	answer_free(&a);
	assert_int_equal(
		accepted(f, "DELETE", "/v1/nodes/21?release_address=true&force=true", NULL, "remove"), id);
	/* other values are another request */
	refused(f, "DELETE", "/v1/nodes/21", NULL, "under way");
}

static void test_changes_of_a_node(void **state)
{
	struct fixture *f = *state;
	struct operation *op;
	struct answer a;
	int64_t id = accepted(f, "POST", "/v1/nodes/20/convert",
			      "{\"to\":\"always_on\",\"location\":5,\"reason\":\"more\"}", "convert");

	op = stored(f, id);
	assert_int_equal(op->intent.location, BARE);
	assert_string_equal(operation_text(op, VALUE_TO), "always_on");
	assert_string_equal(op->intent.region, "eu-west-2");
	operation_free(op);
	expect_problem(ask(f, "DELETE", "/v1/locations/5", NULL, NULL), 409, "conflict", NULL);
	a = ask(f, "POST", "/v1/nodes/10/resize?dry_run=true", NULL, "{\"instance_type\":\"c5.9xlarge\"}");
	expect(&a, 200);
	assert_non_null(strstr(a.body, "no c4 or c5 with 36 or more"));
	answer_free(&a);
	a = ask(f, "POST", "/v1/nodes/10/resize?dry_run=true", NULL, "{\"instance_type\":\"m5.24xlarge\"}");
	assert_null(strstr(a.body, "no c4 or c5"));
	answer_free(&a);
	id = accepted(f, "POST", "/v1/nodes/21/assign-address",
		      "{\"allocation_id\":\"eipalloc-0123456789abcdef0\"}", "assign_address");
	op = stored(f, id);
	assert_string_equal(operation_text(op, VALUE_ALLOCATION_ID), "eipalloc-0123456789abcdef0");
	operation_free(op);
	a = ask(f, "POST", "/v1/nodes/10/convert?dry_run=true", NULL, "{\"to\":\"overflow\",\"location\":4}");
	expect(&a, 200);
	assert_text(a, "steps.3.step", "tag");
	assert_null(strstr(a.body, "untag"));
	answer_free(&a);
	id = accepted(f, "POST", "/v1/nodes/10/enable-ena", "{\"force\":true}", "enable_ena");
	close_as(f, id, INTENT_DONE);
}

static void test_reinstate(void **state)
{
	struct fixture *f = *state;
	struct picture *p = make_platform(3);
	struct ec2_instance *i = (struct ec2_instance *)(uintptr_t)p->nodes[0].instance;
	struct answer a;

	i->state = INSTANCE_STOPPED;
	fixture_publish(f, p);
	refused(f, "POST", "/v1/nodes/10/stop", NULL, "already stopped");
	a = ask(f, "POST", "/v1/nodes/10/reinstate?dry_run=true", NULL, NULL);
	assert_non_null(strstr(a.body, "another public address"));
	answer_free(&a);
	(void)accepted(f, "POST", "/v1/nodes/10/reinstate", NULL, "reinstate");
}

/* --- a new node --------------------------------------------------------------------------------------------------------- */

static void test_deploy(void **state)
{
	struct fixture *f = *state;
	struct answer a = ask(f, "POST", "/v1/nodes?dry_run=true", NULL, NODE(2));
	struct operation *op;
	int64_t id;

	expect(&a, 200);
	assert_text(a, "kind", "deploy_node");
	assert_text(a, "steps.2.step", "launch");
	assert_null(strstr(a.body, "allocate_address"));
	assert_non_null(strstr(a.body, "stop_instance"));
	assert_null(strstr(a.body, "hush"));
	answer_free(&a);

	id = accepted(f, "POST", "/v1/nodes", NODE(2), "deploy_node");
	a = ask(f, "GET", "/v1/operations/1", NULL, NULL);
	assert_null(strstr(a.body, "hush"));
	assert_null_at(a, "node");
	assert_text(a, "node_name", "burst-9");
	assert_int_equal(number_at(&a, "location"), BURST);
	assert_text(a, "region", "eu-west-2");
	assert_text(a, "values.bursting", "true");
	assert_text(a, "values.enable_distributed_database", "false");
	assert_text(a, "values.instance_type", "c5.2xlarge");
	assert_text(a, "values.tenancy", "dedicated");
	assert_text(a, "values.public_addressing", "none");
	assert_text(a, "values.upload_to", "private");
	assert_text(a, "values.enable_ssh", "GLOBAL");
	assert_text(a, "values.ssh_authorized_keys_use_cloud", "true");
	assert_text(a, "values.security_groups", "sg-0123456789abcdef0");
	assert_text(a, "waits_for", "check that everything asked for is possible and permitted");
	answer_free(&a);
	op = stored(f, id);
	assert_string_equal(operation_text(op, VALUE_SSH_PASSWORD), "hush-hush");
	operation_free(op);
	a = ask(f, "GET", "/v1/history", NULL, NULL);
	assert_null(strstr(a.body, "hush"));
	answer_free(&a);
	refused(f, "POST", "/v1/nodes", NODE(2), "burst-9 with the same one");
	expect_problem(ask(f, "DELETE", "/v1/locations/2", NULL, NULL), 409, "conflict", NULL);
}

/* Every field of the guide's table, as it is stored. */
static void test_deploy_in_full(void **state)
{
	struct fixture *f = *state;
	int64_t id = accepted(
		f, "POST", "/v1/nodes",
		MORE(3,
		     "\"role\":\"proxying\",\"description\":\"d\",\"configured_fqdn\":\"a.example.com\","
		     "\"tls_certificate\":11,\"ipv6_address\":\"2001:db8::5\",\"ipv6_gateway\":\"2001:db8::"
		     "1\","
		     "\"static_routes\":[3,4],\"enable_ssh\":\"OFF\",\"ssh_authorized_keys\":[7],"
		     "\"ssh_authorized_keys_use_cloud\":false,\"enable_distributed_database\":false,"
		     "\"region\":\"eu-west-2\",\"tenancy\":\"default\",\"public_addressing\":\"elastic\","
		     "\"allocation_id\":\"eipalloc-01234567\",\"upload_to\":\"public\",\"version\":\"38.1\","
		     "\"tags\":{\"team\":\"video\"},\"reason\":\"r\""),
		"deploy_node");
	_cleanup_(operation_freep) struct operation *op = stored(f, id);
	static const struct {
		enum operation_value value;
		const char *text;
	} all[] = {
		{VALUE_ROLE, "proxying"},
		{VALUE_BURSTING, "false"},
		{VALUE_DESCRIPTION, "d"},
		{VALUE_HOSTNAME, "burst-9"},
		{VALUE_DOMAIN, "video.example.com"},
		{VALUE_CONFIGURED_FQDN, "a.example.com"},
		{VALUE_TLS_CERTIFICATE, "11"},
		{VALUE_IPV6_ADDRESS, "2001:db8::5"},
		{VALUE_IPV6_GATEWAY, "2001:db8::1"},
		{VALUE_STATIC_ROUTES, "3,4"},
		{VALUE_ENABLE_SSH, "OFF"},
		{VALUE_SSH_AUTHORIZED_KEYS, "7"},
		{VALUE_SSH_AUTHORIZED_KEYS_USE_CLOUD, "false"},
		{VALUE_DISTRIBUTED_DATABASE, "false"},
		{VALUE_INSTANCE_TYPE, "c5.xlarge"},
		{VALUE_TENANCY, "default"},
		{VALUE_SUBNET, "subnet-0123456789abcdef0"},
		{VALUE_KEY_NAME, "pexip"},
		{VALUE_PUBLIC_ADDRESSING, "elastic"},
		{VALUE_ALLOCATION_ID, "eipalloc-01234567"},
		{VALUE_UPLOAD_TO, "public"},
		{VALUE_VERSION, "38.1"},
		{VALUE_TAGS, "{\"team\":\"video\"}"},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		assert_string_equal(operation_text(op, all[i].value), all[i].text);
}

/* What the location tells where the request does not. */
static void test_bursting_by_default(void **state)
{
	static const struct {
		const char *body, *bursting, *database;
	} all[] = {
		{NODE(1), "false", "true"},
		{NODE(2), "true", "false"},
		{NODE(4), "true", "false"},
		{NODE(5), "false", "true"},
		{MORE(2, "\"bursting\":false"), "false", "true"},
		{MORE(4, "\"role\":\"proxying\""), "false", "true"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		int64_t id = accepted(f, "POST", "/v1/nodes", all[i].body, "deploy_node");
		struct operation *op = stored(f, id);

		assert_string_equal(operation_text(op, VALUE_BURSTING), all[i].bursting);
		assert_string_equal(operation_text(op, VALUE_DISTRIBUTED_DATABASE), all[i].database);
		operation_free(op);
		close_as(f, id, INTENT_FAILED);
	}
}

static void test_deploy_refuses(void **state)
{
	static const struct {
		const char *fields, *pointer;
	} bad[] = {
		{"\"role\":\"both\"", "/role"},
		{"\"role\":\"proxying\",\"bursting\":true", "/bursting"},
		{"\"secondary_address\":\"10.0.0.1\"", "/secondary_address"},
		{"\"tls_certificate\":11", "/configured_fqdn"},
		{"\"configured_fqdn\":\"-a.example\"", "/configured_fqdn"},
		{"\"configured_fqdn\":\"a..example\"", "/configured_fqdn"},
		{"\"ipv6_address\":\"10.0.0.1\"", "/ipv6_address"},
		{"\"ipv6_gateway\":\"2001:db8::1\"", "/ipv6_gateway"},
		{"\"static_routes\":[1,\"2\"]", "/static_routes/1"},
		{"\"ssh_authorized_keys\":[0]", "/ssh_authorized_keys/0"},
		{"\"enable_ssh\":\"on\"", "/enable_ssh"},
		{"\"region\":\"cn-north-1\"", "/region"},
		{"\"region\":\"us-east-1\"", "/region"},
		{"\"instance_type\":\".large\"", "/instance_type"},
		{"\"instance_type\":\"c5.\"", "/instance_type"},
		{"\"tenancy\":\"host\"", "/tenancy"},
		{"\"allocation_id\":\"eipalloc-01234567\"", "/allocation_id"},
		{"\"upload_to\":\"public\"", "/upload_to"},
		{"\"version\":\"38*\"", "/version"},
		{"\"tags\":{\"pexip-cloud\":\"x\"}", "/tags/pexip-cloud"},
		{"\"tags\":{\"aws:x\":\"x\"}", "/tags/aws:x"},
		{"\"tags\":{\"a\":1}", "/tags/a"},
		{"\"description\":\" d\"", "/description"},
	};
	struct fixture *f = *state;
	char body[1000];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		(void)snprintf(body, sizeof body, "{\"name\":\"n\"," NAMES PLACE ",\"location\":5,%s}",
			       bad[i].fields);
		expect_problem(ask(f, "POST", "/v1/nodes", NULL, body), 400, "bad-request", bad[i].pointer);
	}
	expect_problem(ask(f, "POST", "/v1/nodes", NULL, NODE(99)), 400, "bad-request", "/location");
	expect_problem(ask(f, "POST", "/v1/nodes", NULL,
			   "{\"name\":\"n\"," NAMES SUBNET
			   "\"security_groups\":[\"sg-01234567\",\"sg-01234567\"],"
			   "\"key_name\":\"k\",\"location\":5}"),
		       400, "bad-request", "/security_groups/1");
	assert_int_equal(open_operations(f), 0);
}

/* Each required field is named when it is missing, and so is one of the wrong form. */
static void test_deploy_required(void **state)
{
	static const char *const required[] = {"name",         "hostname", "domain",          "location",
					       "ssh_password", "subnet",   "security_groups", "key_name"};
	static const struct {
		const char *field, *value;
	} wrong[] = {{"name", "123456789012345678901234567890123"},
		     {"hostname", "a.b"},
		     {"hostname", "-a"},
		     {"domain", "example.com."},
		     {"subnet", "subnet-1"},
		     {"key_name", ""}};
	struct fixture *f = *state;
	char pointer[40];

	for (size_t i = 0; i < ARRAY_LEN(required); i++) {
		json_t *body = json_loads(NODE(5), 0, NULL);
		char *text;

		(void)json_object_del(body, required[i]);
		text = json_dumps(body, 0);
		(void)snprintf(pointer, sizeof pointer, "/%s", required[i]);
		expect_problem(ask(f, "POST", "/v1/nodes", NULL, text), 400, "bad-request", pointer);
		free(text);
		json_decref(body);
	}
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		json_t *body = json_loads(NODE(5), 0, NULL);
		char *text;

		(void)json_object_set_new(body, wrong[i].field, json_string(wrong[i].value));
		text = json_dumps(body, 0);
		(void)snprintf(pointer, sizeof pointer, "/%s", wrong[i].field);
		expect_problem(ask(f, "POST", "/v1/nodes", NULL, text), 400, "bad-request", pointer);
		free(text);
		json_decref(body);
	}
}

static void test_deploy_conflicts(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	refused(f, "POST", "/v1/nodes", "{\"name\":\"OSLO-1\"," NAMES PLACE ",\"location\":1}",
		"node 10 has the name");
	refused(f, "POST", "/v1/nodes", NODE(3), "it holds proxying nodes");
	refused(f, "POST", "/v1/nodes", MORE(1, "\"role\":\"proxying\""), "it holds transcoding nodes");
	refused(f, "POST", "/v1/nodes",
		"{\"name\":\"n\",\"hostname\":\"Manager\",\"domain\":\"d\",\"ssh_password\":\"x\"," PLACE
		",\"location\":1}",
		"Management Node's host name");
	/* mixing always-on and bursting nodes is a recommendation: who says so gets it, and is told */
	a = ask(f, "POST", "/v1/nodes?dry_run=true", NULL, MORE(1, "\"bursting\":true"));
	expect(&a, 200);
	assert_non_null(strstr(a.body, "it holds nodes that are always on"));
	answer_free(&a);
	(void)accepted(f, "POST", "/v1/nodes", NODE(2), "deploy_node");
	refused(f, "POST", "/v1/nodes",
		"{\"name\":\"burst-9\",\"hostname\":\"other\",\"domain\":\"d\",\"ssh_password\":\"x\"," PLACE
		",\"location\":2}",
		"is being deployed already");
}

static void test_infinity_not_read(void **state)
{
	struct fixture *f = *state;

	fixture_publish(f, picture_empty(9));
	expect_problem(ask(f, "POST", "/v1/nodes", NULL, NODE(1)), 503, "busy", NULL);
}

/* --- the others ----------------------------------------------------------------------------------------------------------- */

static void test_management_node(void **state)
{
	static const struct {
		const char *nodes, *type;
	} sizes[] = {{"", "m5.xlarge"},
		     {",\"managed_nodes\":30", "m5.xlarge"},
		     {",\"managed_nodes\":31", "m5.2xlarge"},
		     {",\"managed_nodes\":60", "m5.2xlarge"},
		     {",\"managed_nodes\":61", "m5.4xlarge"},
		     {",\"managed_nodes\":61,\"instance_type\":\"m5.large\"", "m5.large"}};
	static const struct {
		const char *fields, *pointer;
	} bad[] = {{"\"management_url\":\"http://manager.example.com\"", "/management_url"},
		   {"\"management_url\":\"https://a/b\"", "/management_url"},
		   {"\"management_url\":\"https://user@a\"", "/management_url"},
		   {"\"managed_nodes\":0", "/managed_nodes"},
		   {"\"location\":1", "/location"}};
	struct fixture *f = *state;
	char body[600];

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct operation *op;
		int64_t id;

		(void)snprintf(body, sizeof body,
			       "{\"name\":\"manager-2\"," PLACE
			       ",\"management_url\":\"https://m.example.com\"%s}",
			       sizes[i].nodes);
		id = accepted(f, "POST", "/v1/management-nodes", body, "deploy_management_node");
		op = stored(f, id);
		assert_string_equal(operation_text(op, VALUE_INSTANCE_TYPE), sizes[i].type);
		assert_string_equal(operation_text(op, VALUE_MANAGEMENT_URL), "https://m.example.com");
		operation_free(op);
		close_as(f, id, INTENT_FAILED);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		(void)snprintf(body, sizeof body, "{\"name\":\"m\"," PLACE ",%s}", bad[i].fields);
		expect_problem(ask(f, "POST", "/v1/management-nodes", NULL, body), 400, "bad-request",
			       bad[i].pointer);
	}
}

#define PLATFORM                                                                                             \
	"{\"dns_servers\":[{\"address\":\"192.0.2.53\",\"description\":\"core\"}],\"ntp_servers\":[{"        \
	"\"address\":"                                                                                       \
	"\"ntp.example.com\",\"key\":\"hush-ntp\",\"key_id\":1}],\"licences\":[{\"entitlement_id\":\"e-1\"}" \
	"],"                                                                                                 \
	"\"location\":{\"name\":\"Bergen\",\"dns_servers\":[\"192.0.2.53\"]},\"tls_certificate\":{"          \
	"\"certificate\":"                                                                                   \
	"\"-----BEGIN CERTIFICATE-----\",\"private_key\":\"-----BEGIN "                                      \
	"hush-key\",\"private_key_passphrase\":"                                                             \
	"\"hush-phrase\"},\"virtual_meeting_rooms\":[{\"name\":\"Board\",\"pin\":\"471100\",\"guest_pin\":"  \
	"\"4711\",\"allow_guests\":true,\"aliases\":[\"board@example.com\"]}],\"apply\":true}"

static void test_platform(void **state)
{
	static const struct {
		const char *body, *pointer;
	} bad[] = {
		{"{}", "/dns_servers"},
		{"{\"dns_servers\":[]}", "/dns_servers"},
		{"{\"dns_servers\":[{\"address\":\"dns.example\"}]}", "/dns_servers/0/address"},
		{"{\"dns_servers\":[{\"address\":\"192.0.2.53\",\"port\":53}]}", "/dns_servers/0/port"},
		{"{\"dns_servers\":[7]}", "/dns_servers/0"},
		{"{\"ntp_servers\":[{\"address\":\"a\",\"key\":\"k\"}]}", "/ntp_servers/0/key_id"},
		{"{\"ntp_servers\":[{\"address\":\"a b\"}]}", "/ntp_servers/0/address"},
		{"{\"licences\":[{}]}", "/licences/0/entitlement_id"},
		{"{\"location\":{}}", "/location/name"},
		{"{\"location\":{\"name\":\"x\",\"ntp_servers\":[1]}}", "/location/ntp_servers/0"},
		{"{\"tls_certificate\":{\"certificate\":\"x\",\"private_key\":\"-----BEGIN x\"}}",
		 "/tls_certificate/certificate"},
		{"{\"virtual_meeting_rooms\":[{\"name\":\"a\",\"pin\":\"12x4\"}]}",
		 "/virtual_meeting_rooms/0/pin"},
		{"{\"virtual_meeting_rooms\":[{\"name\":\"a\",\"guest_pin\":\"1234\"}]}",
		 "/virtual_meeting_rooms/0/guest_pin"},
		{"{\"virtual_meeting_rooms\":[{\"name\":\"a\",\"aliases\":[\"\"]}]}",
		 "/virtual_meeting_rooms/0/aliases/0"},
	};
	struct fixture *f = *state;
	struct operation *op;
	json_t *sent = json_loads(PLATFORM, 0, NULL), *kept;
	struct answer a;
	int64_t id;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		expect_problem(ask(f, "POST", "/v1/platform", NULL, bad[i].body), 400, "bad-request",
			       bad[i].pointer);
	a = ask(f, "POST", "/v1/platform?dry_run=true", NULL, "{\"ntp_servers\":[{\"address\":\"a\"}]}");
	expect(&a, 200);
	assert_non_null(strstr(text_at(&a, "consequences.0"), "Nothing is changed"));
	assert_non_null(strstr(text_at(&a, "consequences.1"), "recommends 3 or more"));
	answer_free(&a);
	id = accepted(f, "POST", "/v1/platform", PLATFORM, "configure_platform");
	a = ask(f, "GET", "/v1/operations", NULL, NULL);
	assert_text(a, "items.0.values.apply", "true");
	assert_null(strstr(a.body, "hush"));
	assert_null(strstr(a.body, "4711"));
	answer_free(&a);
	op = stored(f, id);
	kept = json_loads(operation_text(op, VALUE_PLATFORM), 0, NULL);
	assert_true(json_equal(sent, kept));
	json_decref(sent);
	json_decref(kept);
	operation_free(op);
	refused(f, "POST", "/v1/platform", PLATFORM, "configure_platform is under way");
	close_as(f, id, INTENT_DONE);
	op = stored(f, id);
	assert_null(op->values[VALUE_PLATFORM]); /* secrets go with the end */
	operation_free(op);
}

static void test_security_group(void **state)
{
	static const struct {
		const char *body, *pointer;
	} bad[] = {
		{"{\"management_cidr\":\"192.0.2.0/24\"}", "/group"},
		{"{\"management_cidr\":\"192.0.2.0/24\",\"vpc\":\"vpc-01234567\"}", "/group_name"},
		{"{\"management_cidr\":\"192.0.2.0/24\",\"group_name\":\"x\"}", "/vpc"},
		{"{\"management_cidr\":\"192.0.2.0/24\",\"group\":\"sg-01234567\",\"vpc\":\"vpc-01234567\"}",
		 "/vpc"},
		{"{\"group\":\"sg-01234567\"}", "/management_cidr"},
		{"{\"group\":\"sg-01234567\",\"management_cidr\":\"0.0.0.0/0\"}", "/management_cidr"},
		{"{\"management_cidr\":\"192.0.2.0/24\",\"vpc\":\"vpc-01234567\",\"group_name\":\"sg-x\"}",
		 "/group_name"},
	};
	struct fixture *f = *state;
	struct operation *op;
	int64_t id;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		expect_problem(ask(f, "POST", "/v1/aws/security-group", NULL, bad[i].body), 400,
			       "bad-request", bad[i].pointer);
	id = accepted(f, "POST", "/v1/aws/security-group",
		      "{\"vpc\":\"vpc-01234567\",\"group_name\":\"pexip\",\"management_cidr\":\"192.0.2.7\","
		      "\"sip_udp\":true}",
		      "security_group");
	op = stored(f, id);
	assert_string_equal(operation_text(op, VALUE_MANAGEMENT_CIDR), "192.0.2.7/32");
	assert_string_equal(operation_text(op, VALUE_VPC), "vpc-01234567");
	assert_string_equal(operation_text(op, VALUE_GROUP_NAME), "pexip");
	assert_true(operation_flag(op, VALUE_SIP_UDP));
	assert_string_equal(op->intent.region, "eu-west-2");
	operation_free(op);
}

/* --- resume, undo, close --------------------------------------------------------------------------------------------------- */

static void test_resume(void **state)
{
	struct fixture *f = *state;
	int64_t id = accepted(f, "POST", "/v1/nodes", NODE(2), "deploy_node");
	struct operation *op;
	struct answer a;

	refused(f, "POST", "/v1/operations/1/resume", NULL, "only one that has halted");
	halt_at(f, id, STEP_LAUNCH, 5);
	a = ask(f, "GET", "/v1/operations/1", NULL, NULL);
	assert_text(a, "state", "halted");
	assert_null_at(a, "waits_for");
	assert_text(a, "steps.2.progress", "halted");
	assert_text(a, "error.detail", "it broke");
	assert_non_null(strstr(text_at(&a, "error.remedy"), "/v1/operations/1/resume"));
	assert_non_null(strstr(text_at(&a, "error.remedy"), "What stands: launch."));
	answer_free(&a);
	refused(f, "POST", "/v1/nodes", NODE(2), "with the same one");
	a = ask(f, "POST", "/v1/operations/1/resume?dry_run=true", NULL, NULL);
	expect(&a, 200);
	assert_text(a, "steps.0.step", "working");
	answer_free(&a);
	allow(f, false);
	expect_problem(ask(f, "POST", "/v1/operations/1/resume", NULL, NULL), 403, "lifecycle-off", NULL);
	allow(f, true);
	a = ask(f, "POST", "/v1/operations/1/resume", NULL, "{\"reason\":\"mended\"}");
	expect(&a, 202);
	assert_text(a, "state", "working");
	assert_int_equal(number_at(&a, "attempts"), 1); /* of its steps */
	assert_text(a, "steps.2.progress", "running");
	assert_int_equal(number_at(&a, "steps.2.attempts"), 1);
	assert_null_at(a, "error");
	answer_free(&a);
	a = newest(f);
	assert_text(a, "items.0.reason", "Resumed by root: mended. It had halted: it broke");
	answer_free(&a);
	op = stored(f, id);
	assert_string_equal(operation_text(op, VALUE_SSH_PASSWORD), "hush-hush"); /* still there to be sent */
	operation_free(op);
}

static void test_undo(void **state)
{
	struct fixture *f = *state;
	int64_t id = accepted(f, "POST", "/v1/nodes", NODE(2), "deploy_node");
	struct answer a;

	refused(f, "POST", "/v1/operations/1/cancel", "{\"undo\":false}", "only one that has halted");
	a = ask(f, "POST", "/v1/operations/1/cancel?dry_run=true", NULL, NULL);
	expect(&a, 200);
	assert_text(a, "steps.0.step", "undoing");
	answer_free(&a);
	allow(f, false); /* what is under way can be taken back all the same */
	a = ask(f, "POST", "/v1/operations/1/cancel", NULL, "{\"reason\":\"wrong subnet\"}");
	expect(&a, 202);
	assert_text(a, "state", "undoing");
	answer_free(&a);
	a = ask(f, "POST", "/v1/operations/1/cancel", NULL, NULL);
	expect(&a, 202);
	answer_free(&a);
	a = ask(f, "GET", "/v1/history?type=operation", NULL, NULL);
	assert_int_equal(json_array_size(at(&a, "items")), 2);
	assert_text(a, "items.0.reason", "Undone by root: wrong subnet.");
	answer_free(&a);
	close_as(f, id, INTENT_CANCELLED);
	allow(f, true);
	refused(f, "POST", "/v1/operations/1/cancel", NULL, "has ended: cancelled");
	refused(f, "POST", "/v1/operations/1/resume", NULL, "has ended: cancelled");
	expect_problem(ask(f, "POST", "/v1/operations/99/resume", NULL, NULL), 404, "not-found", NULL);
	expect_problem(ask(f, "POST", "/v1/operations/1/resume", NULL, "{\"undo\":true}"), 400, "bad-request",
		       "/undo");
}

/* Once the deletion was tried, nothing leads back; and a resume does not make it forgotten. */
static void test_no_return(void **state)
{
	struct fixture *f = *state;
	int64_t id = accepted(f, "DELETE", "/v1/nodes/20", NULL, "remove");
	struct answer a;

	halt_at(f, id, STEP_DELETE_NODE, 5);
	refused(f, "POST", "/v1/operations/1/cancel", NULL, "cannot be undone any more: the node is deleted");
	a = ask(f, "GET", "/v1/operations/1", NULL, NULL);
	assert_non_null(strstr(text_at(&a, "error.remedy"), "It cannot be undone"));
	answer_free(&a);
	a = ask(f, "POST", "/v1/operations/1/resume", NULL, NULL);
	expect(&a, 202);
	answer_free(&a);
	refused(f, "POST", "/v1/operations/1/cancel", NULL, "cannot be undone any more");
}

static void test_close(void **state)
{
	struct fixture *f = *state;
	int64_t id = accepted(f, "DELETE", "/v1/nodes/20", NULL, "remove");
	struct answer a;

	halt_at(f, id, STEP_DELETE_NODE, 5);
	a = ask(f, "POST", "/v1/operations/1/cancel", NULL, "{\"undo\":false,\"reason\":\"by hand\"}");
	expect(&a, 202);
	assert_text(a, "state", "abandoned");
	assert_true(json_is_false(at(&a, "open")));
	assert_non_null(strstr(text_at(&a, "error.remedy"), "What stands: maintenance_on, delete_node"));
	answer_free(&a);
	a = newest(f);
	assert_non_null(
		strstr(text_at(&a, "items.0.reason"), "Left as it is by root: by hand. What stands:"));
	answer_free(&a);
	assert_int_equal(open_operations(f), 0);
	/* a stop has no such end */
	a = ask(f, "POST", "/v1/nodes/21/stop", NULL, NULL);
	expect(&a, 202);
	answer_free(&a);
	refused(f, "POST", "/v1/operations/2/cancel", "{\"undo\":false}", "only a life-cycle operation");
	refused(f, "POST", "/v1/operations/2/resume", NULL, "only a life-cycle operation");
}

/* Every state against every move. */
static void test_moves(void **state)
{
	struct operation op = {.intent = {.id = 1, .kind = INTENT_RESIZE}};
	struct error e;

	(void)state;
	operation_plan(&op);
	for (int s = 0; s < INTENT_STATE_COUNT; s++) {
		op.intent.state = (enum intent_state)s;
		if (!intent_may_move(INTENT_RESIZE, op.intent.state, op.intent.state)) {
			if (!intent_is_open(op.intent.state))
				assert_int_equal(lifecycle_may_move(&op, MOVE_UNDO, &e), ERR_CONFLICT);
			continue;
		}
		for (int m = MOVE_RESUME; m <= MOVE_CLOSE; m++) {
			struct operation moved = op;
			bool halted = s == INTENT_HALTED;

			assert_int_equal(lifecycle_may_move(&op, (enum lifecycle_move)m, &e),
					 halted || m == MOVE_UNDO ? ERR_OK : ERR_CONFLICT);
			lifecycle_apply_move(&moved, (enum lifecycle_move)m, 5);
			if (halted || m == MOVE_UNDO)
				assert_true(
					intent_may_move(INTENT_RESIZE, op.intent.state, moved.intent.state));
		}
	}
	/* one that halted while it was undone goes on undoing, and what was tried stays to be looked at */
	op.intent.state = INTENT_HALTED;
	op.steps[0].state = STEP_DONE;
	op.steps[1].state = STEP_HALTED;
	op.steps[1].attempts = 4;
	op.steps[2].state = STEP_UNDONE;
	lifecycle_apply_move(&op, MOVE_RESUME, 5);
	assert_int_equal(op.intent.state, INTENT_UNDOING);
	assert_int_equal(op.steps[1].state, STEP_UNDOING);
	assert_int_equal(op.steps[1].attempts, 1);
}

/* A person's step is told apart, with the words of the step. */
static void test_needs_person(void **state)
{
	struct fixture *f = *state;
	int64_t id = accepted(f, "POST", "/v1/management-nodes", "{\"name\":\"m\"," PLACE "}",
			      "deploy_management_node");
	struct operation *op = stored(f, id);
	struct answer a;
	struct error e;

	for (size_t i = 0; op->steps[i].name != STEP_FIRST_LOGIN; i++)
		op->steps[i].state = STEP_DONE;
	op->intent.state = INTENT_NEEDS_PERSON;
	(void)snprintf(op->steps[operation_present(op)].detail, 400, "ssh admin@10.0.0.9");
	assert_int_equal(store_operation_move(fixture_store(f), op, INTENT_WORKING, 0, &e), ERR_OK);
	operation_free(op);
	a = ask(f, "GET", "/v1/operations?open=true", NULL, NULL);
	assert_text(a, "items.0.needs_person", "ssh admin@10.0.0.9");
	assert_text(a, "items.0.waits_for", "ssh admin@10.0.0.9");
	answer_free(&a);
}

/* --- the wish ---------------------------------------------------------------------------------------------------------------- */

static void test_static_nat_wish(void **state)
{
	struct fixture *f = *state;
	struct node_wish wish;
	struct error e;
	struct answer a = ask(f, "PATCH", "/v1/nodes/10", NULL, "{\"static_nat\":\"follow\"}");

	expect(&a, 200);
	assert_text(a, "wishes.static_nat", "follow");
	assert_text(a, "drift.0.field", "static_nat");
	assert_text(a, "drift.0.wished", "198.51.100.7");
	assert_text(a, "drift.0.actual", "none");
	answer_free(&a);
	assert_int_equal(store_wish_get(fixture_store(f), 10, &wish, &e), ERR_OK);
	assert_int_equal(wish.follow_address, WISH_TRUE);
	a = ask(f, "PATCH", "/v1/nodes/10", NULL, "{\"wishes\":{\"static_nat\":null}}");
	expect(&a, 200);
	assert_null_at(a, "wishes.static_nat");
	assert_int_equal(json_array_size(at(&a, "drift")), 0);
	answer_free(&a);
	expect_problem(ask(f, "PATCH", "/v1/nodes/10", NULL, "{\"static_nat\":\"198.51.100.7\"}"), 400,
		       "bad-request", "/static_nat");
	refused(f, "PATCH", "/v1/nodes/30", "{\"static_nat\":\"follow\"}", "no EC2 instance of edge-1");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_switched_off, setup_off, teardown),
		cmocka_unit_test_setup_teardown(test_settings, setup_off, teardown),
		TEST(test_shut_down),
		TEST(test_long_reason),
		TEST(test_refusals),
		TEST(test_one_controller),
		TEST(test_remove),
		TEST(test_changes_of_a_node),
		TEST(test_reinstate),
		TEST(test_deploy),
		TEST(test_deploy_in_full),
		TEST(test_bursting_by_default),
		TEST(test_deploy_refuses),
		TEST(test_deploy_required),
		TEST(test_deploy_conflicts),
		TEST(test_infinity_not_read),
		TEST(test_management_node),
		TEST(test_platform),
		TEST(test_security_group),
		TEST(test_resume),
		TEST(test_undo),
		TEST(test_no_return),
		TEST(test_close),
		cmocka_unit_test(test_moves),
		TEST(test_needs_person),
		TEST(test_static_nat_wish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

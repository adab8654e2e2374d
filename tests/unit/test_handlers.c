/* The resources over a made-up platform: one principal location, one overflow location with three bursting nodes. */
#include "tests/unit/http_fixture.h"

#include "handlers/handlers.h"
#include "handlers/node_actions.h"

#define OSLO   1 /* principal, node 10 */
#define BURST  2 /* overflow, nodes 20 to 22 */
#define OFFICE 3 /* other */

static const char *const bursting_addresses[] = {"10.0.2.20", "10.0.2.21", "10.0.2.22"};

static struct ec2_instance *make_instance(struct arena *arena, int n, enum instance_state state)
{
	struct ec2_instance *i = arena_alloc(arena, sizeof *i);

	*i = (struct ec2_instance){.id = arena_printf(arena, "i-%017d", n),
				   .type = "c5.2xlarge",
				   .region = "eu-west-2",
				   .zone = "eu-west-2a",
				   .state = state,
				   .launch_time = NOW_MS - 60000,
				   .tenancy = "default",
				   .tag_value = "manager"};
	i->tags = arena_array(arena, 1, sizeof *i->tags);
	i->tags[0] = (struct instance_tag){.key = TAG_NAME, .value = "manager"};
	i->n_tags = 1;
	return i;
}

static void make_node(struct picture *p, int index, int64_t id, const char *name, int location,
		      enum node_phase phase)
{
	struct node *n = &p->nodes[index];

	*n = (struct node){.id = id,
			   .name = name,
			   .address = "10.0.1.10",
			   .location = location,
			   .phase = phase,
			   .media_load = 25,
			   .max_hd = 17,
			   .free_hd = 12,
			   .participants = -1,
			   .order = START_ORDER_NONE,
			   .sync = SYNC_SYNCED,
			   .sync_text = "SYNCED",
			   .eligible = true,
			   .fresh = true,
			   .last_updated = NOW_MS};
	if (location != 1)
		return;
	n->bursting = true;
	n->address = bursting_addresses[index - 1];
	n->started_at = phase == PHASE_STOPPED ? 0 : NOW_MS - 60000;
	n->instance = make_instance(p->arena, (int)id,
				    phase == PHASE_STOPPED ? INSTANCE_STOPPED : INSTANCE_RUNNING);
}

static struct picture *make_platform(int64_t seq)
{
	struct picture *p = picture_empty(seq);

	p->locations = arena_array(p->arena, 3, sizeof *p->locations);
	p->nodes = arena_array(p->arena, 4, sizeof *p->nodes);
	p->sources = arena_array(p->arena, 2, sizeof *p->sources);
	p->issues = arena_array(p->arena, 1, sizeof *p->issues);
	p->n_locations = 3;
	p->n_nodes = 4;
	p->n_sources = 2;
	p->n_issues = 1;
	p->tag_value = "manager";
	p->infinity_at = NOW_MS;
	p->locations[0] = (struct location){.id = OSLO,
					    .name = "Oslo",
					    .kind = LOCATION_PRINCIPAL,
					    .overflow1 = 1,
					    .overflow2 = -1,
					    .n_nodes = 1,
					    .max_hd = 17,
					    .free_hd = 4,
					    .media_load = 75,
					    .threshold = 5,
					    .state = LOCATION_REACHED,
					    .figures_at = NOW_MS};
	p->locations[1] = (struct location){.id = BURST,
					    .name = "AWS burst",
					    .kind = LOCATION_OVERFLOW,
					    .overflow1 = -1,
					    .overflow2 = -1,
					    .first_node = 1,
					    .n_nodes = 3,
					    .n_bursting = 3,
					    .max_hd = 34,
					    .free_hd = 24,
					    .media_load = -1,
					    .threshold = 5};
	p->locations[2] = (struct location){.id = OFFICE,
					    .name = "Office",
					    .overflow1 = -1,
					    .overflow2 = 1,
					    .first_node = 4,
					    .media_load = -1,
					    .threshold = 5};
	make_node(p, 0, 10, "oslo-1", 0, PHASE_SERVING);
	make_node(p, 1, 20, "burst-1", 1, PHASE_STOPPED);
	make_node(p, 2, 21, "burst-2", 1, PHASE_SERVING);
	make_node(p, 3, 22, "burst-3", 1, PHASE_SERVING);
	p->sources[0] = (struct source){.name = "infinity",
					.kind = SOURCE_INFINITY,
					.fresh = true,
					.heard = true,
					.observed_at = NOW_MS - 4000};
	p->sources[1] = (struct source){.name = "ec2:eu-west-2",
					.kind = SOURCE_EC2,
					.fresh = true,
					.heard = true,
					.observed_at = NOW_MS - 2000};
	p->issues[0] = (struct issue){.id = "shared_tenancy",
				      .severity = SEVERITY_WARNING,
				      .subject = "node burst-1",
				      .message = "m",
				      .consequence = "c",
				      .remedy = "r",
				      .since = NOW_MS};
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

/* The number of events of a type, by the API. */
static size_t events(struct fixture *f, const char *type, char ret_reason[400], char ret_actor[101])
{
	char path[80];
	struct answer a;
	size_t n;

	(void)snprintf(path, sizeof path, "/v1/history?type=%s", type);
	a = ask(f, "GET", path, NULL, NULL);
	expect(&a, 200);
	n = json_array_size(at(&a, "items"));
	if (ret_reason)
		(void)snprintf(ret_reason, 400, "%s", text_at(&a, "items.0.reason"));
	if (ret_actor)
		(void)snprintf(ret_actor, 101, "%s", text_at(&a, "items.0.actor"));
	answer_free(&a);
	return n;
}

static int64_t number_at(const struct answer *a, const char *path)
{
	assert_true(json_is_integer(at(a, path)));
	return json_integer_value(at(a, path));
}

#define assert_text(a, path, text) assert_string_equal(text_at(&(a), path), text)
#define assert_null_at(a, path)    assert_true(json_is_null(at(&(a), path)))

static void test_status(void **state)
{
	struct fixture *f = *state;
	struct answer a = ask(f, "GET", "/v1/status", NULL, NULL);

	expect(&a, 200);
	assert_text(a, "generated_at", "2026-01-01T07:00:00.000Z");
	assert_true(json_is_false(at(&a, "bursting.enabled")));
	assert_int_equal(number_at(&a, "bursting.bursting_threshold"), 5);
	/* RULE V2: only principals are listed as principals */
	assert_int_equal(json_array_size(at(&a, "principal_locations")), 1);
	assert_text(a, "principal_locations.0.state", "threshold_reached");
	assert_int_equal(json_array_size(at(&a, "overflow_locations")), 1);
	assert_int_equal(json_array_size(at(&a, "overflow_nodes")), 3);
	assert_int_equal(number_at(&a, "sources.0.age_seconds"), 4);
	assert_text(a, "issues.0.consequence", "c");
	answer_free(&a);
}

static void test_locations(void **state)
{
	struct fixture *f = *state;
	struct answer a = ask(f, "GET", "/v1/locations", NULL, NULL);
	char path[200];

	expect(&a, 200);
	assert_int_equal(json_array_size(at(&a, "items")), 3);
	assert_null_at(a, "next");
	assert_int_equal(number_at(&a, "items.0.primary_overflow_location"), BURST);
	assert_int_equal(number_at(&a, "items.2.secondary_overflow_location"), BURST);
	assert_int_equal(number_at(&a, "items.1.nodes.2"), 22);
	answer_free(&a);

	a = ask(f, "GET", "/v1/locations?limit=2", NULL, NULL);
	assert_int_equal(json_array_size(at(&a, "items")), 2);
	(void)snprintf(path, sizeof path, "/v1/locations?limit=2&cursor=%s", text_at(&a, "next"));
	answer_free(&a);
	a = ask(f, "GET", path, NULL, NULL);
	assert_int_equal(json_array_size(at(&a, "items")), 1);
	assert_int_equal(number_at(&a, "items.0.id"), OFFICE);
	assert_null_at(a, "next");
	answer_free(&a);
	a = ask(f, "GET", "/v1/locations?kind=overflow", NULL, NULL);
	assert_int_equal(json_array_size(at(&a, "items")), 1);
	answer_free(&a);
	expect_problem(ask(f, "GET", "/v1/locations?kind=mine", NULL, NULL), 400, "bad-request", NULL);
}

static void test_paging_refuses(void **state)
{
	static const char *const bad[] = {
		"limit=0",    "limit=501",   "limit=x",     "limit=1x",
		"limit=",     "cursor=",     "cursor=!!",   "cursor=bjE",
		"cursor=bDA", "cursor=bDF4", "cursor=bDEA", "cursor=bDFiDFiDFiDFiDFiDFiDFiDFiDFiDFiDFiDF",
		"cursor=bDG"};
	struct fixture *f = *state;
	struct answer a = ask(f, "GET", "/v1/locations?cursor=bDE&limit=500", NULL, NULL); /* "l1" */
	char path[120];
	size_t i;

	expect(&a, 200);
	assert_int_equal(json_array_size(at(&a, "items")), 2);
	answer_free(&a);
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		(void)snprintf(path, sizeof path, "/v1/locations?%s", bad[i]);
		expect_problem(ask(f, "GET", path, NULL, NULL), 400, "bad-request", NULL);
	}
}

static void test_location_patch(void **state)
{
	struct fixture *f = *state;
	char etag[200], header[300], reason[400], actor[101];
	struct answer a = ask(f, "GET", "/v1/locations/1", NULL, NULL);

	(void)snprintf(header, sizeof header, "If-Match: %s\r\n", answer_header(&a, "ETag", etag));
	assert_null_at(a, "bursting_threshold");
	answer_free(&a);
	a = ask(f, "PATCH", "/v1/locations/1", header, "{\"bursting_threshold\": 9}");
	expect(&a, 200);
	assert_int_equal(number_at(&a, "bursting_threshold"), 9);
	assert_int_equal(atomic_load(&f->wakes), 1);
	answer_free(&a);
	/* a lost update */
	expect_problem(ask(f, "PATCH", "/v1/locations/1", header, "{\"bursting_threshold\": 3}"), 412,
		       "precondition-failed", NULL);
	/* one reads one's own write, also in lists */
	a = ask(f, "GET", "/v1/locations", NULL, NULL);
	assert_int_equal(number_at(&a, "items.0.bursting_threshold"), 9);
	assert_int_equal(number_at(&a, "items.0.threshold_in_force"), 9);
	assert_int_equal(number_at(&a, "items.1.threshold_in_force"), 5);
	answer_free(&a);
	assert_int_equal(events(f, "settings", reason, actor), 1);
	assert_string_equal(reason, "bursting_threshold of Oslo: the global one -> 9");
	assert_string_equal(actor, "root");
	/* the same again is no change */
	a = ask(f, "PATCH", "/v1/locations/1", NULL, "{\"bursting_threshold\": 9}");
	expect(&a, 200);
	answer_free(&a);
	assert_int_equal(events(f, "settings", NULL, NULL), 1);
	a = ask(f, "PATCH", "/v1/locations/1", NULL, "{\"bursting_threshold\": null}");
	assert_null_at(a, "bursting_threshold");
	answer_free(&a);
	assert_int_equal(events(f, "settings", NULL, NULL), 2);
}

static void test_location_patch_refuses(void **state)
{
	static const char *const bad[] = {
		"{\"bursting_threshold\": 0}",     "{\"bursting_threshold\": 10001}",
		"{\"bursting_threshold\": \"5\"}", "{\"bursting_threshold\": 5.0}",
		"{\"bursting_threshold\": true}",  "{}"};
	struct fixture *f = *state;
	struct answer a;
	size_t i;

	for (i = 0; i < ARRAY_LEN(bad); i++)
		expect_problem(ask(f, "PATCH", "/v1/locations/1", NULL, bad[i]), 400, "bad-request",
			       "/bursting_threshold");
	expect_problem(ask(f, "PATCH", "/v1/locations/1", NULL, "{\"bursting_threshold\":5,\"na~me/x\":1}"),
		       400, "bad-request", "/na~0me~1x");
	expect_problem(ask(f, "PATCH", "/v1/locations/1", NULL, "[]"), 400, "bad-request", NULL);
	expect_problem(ask(f, "PATCH", "/v1/locations/1", NULL, NULL), 400, "bad-request", NULL);
	expect_problem(ask(f, "PATCH", "/v1/locations/99", NULL, "{\"bursting_threshold\": 5}"), 404,
		       "not-found", NULL);
	a = ask(f, "GET", "/v1/locations/1", NULL, NULL);
	assert_null_at(a, "bursting_threshold");
	answer_free(&a);
	assert_int_equal(atomic_load(&f->wakes), 0);
	assert_int_equal(events(f, "settings", NULL, NULL), 0);
}

static void test_nodes(void **state)
{
	struct fixture *f = *state;
	struct answer a = ask(f, "GET", "/v1/nodes", NULL, NULL);

	expect(&a, 200);
	assert_int_equal(json_array_size(at(&a, "items")), 4);
	assert_int_equal(number_at(&a, "items.0.id"), 10);
	assert_null_at(a, "items.0.phase");
	assert_null_at(a, "items.0.instance");
	assert_null_at(a, "items.0.participants");
	assert_text(a, "items.1.phase", "stopped");
	assert_text(a, "items.1.instance.tags.pexip-cloud", "manager");
	assert_null_at(a, "items.1.lifetime_ends_at");
	assert_text(a, "items.2.lifetime_ends_at", "2026-01-01T07:49:00.000Z");
	answer_free(&a);
	a = ask(f, "GET", "/v1/nodes?phase=serving&bursting=true&location=2&limit=1", NULL, NULL);
	assert_int_equal(json_array_size(at(&a, "items")), 1);
	assert_int_equal(number_at(&a, "items.0.id"), 21);
	assert_true(json_is_string(at(&a, "next")));
	answer_free(&a);
	a = ask(f, "GET", "/v1/nodes?bursting=false", NULL, NULL);
	assert_int_equal(json_array_size(at(&a, "items")), 1);
	answer_free(&a);
	expect_problem(ask(f, "GET", "/v1/nodes?phase=up", NULL, NULL), 400, "bad-request", NULL);
	expect_problem(ask(f, "GET", "/v1/nodes?bursting=1", NULL, NULL), 400, "bad-request", NULL);
	expect_problem(ask(f, "GET", "/v1/nodes?location=0", NULL, NULL), 400, "bad-request", NULL);
	expect_problem(ask(f, "GET", "/v1/nodes/99", NULL, NULL), 404, "not-found", NULL);
}

static void test_wishes(void **state)
{
	struct fixture *f = *state;
	char reason[400], actor[101];
	struct answer a = ask(f, "PATCH", "/v1/nodes/20", NULL,
			      "{\"wishes\":{\"power\":\"on\",\"maintenance\":true,\"start_order\":3}}");

	expect(&a, 200);
	assert_text(a, "wishes.power", "on");
	assert_true(json_is_true(at(&a, "wishes.maintenance")));
	assert_int_equal(number_at(&a, "wishes.start_order"), 3);
	assert_int_equal(json_array_size(at(&a, "drift")), 2);
	assert_text(a, "drift.0.actual", "stopped");
	answer_free(&a);
	a = ask(f, "PATCH", "/v1/nodes/20", NULL, "{\"power\":null,\"maintenance\":false}");
	expect(&a, 200);
	assert_null_at(a, "wishes.power");
	assert_true(json_is_false(at(&a, "wishes.maintenance")));
	assert_int_equal(number_at(&a, "wishes.start_order"), 3);
	assert_int_equal(json_array_size(at(&a, "drift")), 0);
	answer_free(&a);
	a = ask(f, "GET", "/v1/nodes", NULL, NULL);
	assert_int_equal(number_at(&a, "items.1.wishes.start_order"), 3);
	answer_free(&a);
	assert_int_equal(events(f, "wish", reason, actor), 2);
	assert_string_equal(actor, "root");
	assert_int_equal(atomic_load(&f->wakes), 2);
	a = ask(f, "GET", "/v1/history?type=wish&limit=1", NULL, NULL);
	assert_text(a, "items.0.figures.old.power", "on");
	assert_null_at(a, "items.0.figures.new.power");
	answer_free(&a);
	/* maintenance may be wished of every node, power only of bursting ones */
	a = ask(f, "PATCH", "/v1/nodes/10", NULL, "{\"wishes\":{\"maintenance\":true}}");
	expect(&a, 200);
	answer_free(&a);
	expect_problem(ask(f, "PATCH", "/v1/nodes/10", NULL, "{\"wishes\":{\"power\":\"off\"}}"), 409,
		       "conflict", NULL);
}

static void test_wishes_refuse(void **state)
{
	static const struct {
		const char *body;
		const char *pointer;
	} bad[] = {
		{"{\"wishes\":{\"power\":\"maybe\"}}", "/wishes/power"},
		{"{\"wishes\":{\"power\":true}}", "/wishes/power"},
		{"{\"wishes\":{\"maintenance\":1}}", "/wishes/maintenance"},
		{"{\"wishes\":{\"start_order\":-1}}", "/wishes/start_order"},
		{"{\"wishes\":{\"start_order\":1000000}}", "/wishes/start_order"},
		{"{\"wishes\":{\"location\":3}}", "/wishes/location"},
		{"{\"wishes\":[]}", "/wishes"},
		{"{\"power\":\"maybe\"}", "/power"},
		{"{\"phase\":\"serving\"}", "/phase"},
		{"{\"power\":\"on\",\"wishes\":{}}", "/wishes"},
		{"{}", "/wishes"},
	};
	struct fixture *f = *state;
	struct answer a;
	size_t i;

	for (i = 0; i < ARRAY_LEN(bad); i++)
		expect_problem(ask(f, "PATCH", "/v1/nodes/20", NULL, bad[i].body), 400, "bad-request",
			       bad[i].pointer);
	expect_problem(ask(f, "PATCH", "/v1/nodes/99", NULL, "{\"power\":\"on\"}"), 404, "not-found", NULL);
	a = ask(f, "GET", "/v1/nodes/20", NULL, NULL);
	assert_null_at(a, "wishes.power");
	answer_free(&a);
	assert_int_equal(events(f, "wish", NULL, NULL), 0);
	/* every field at fault is named in one reply */
	a = ask(f, "PATCH", "/v1/nodes/20", NULL, "{\"wishes\":{\"power\":1,\"maintenance\":1},\"x\":1}");
	assert_int_equal(json_array_size(at(&a, "errors")), 3);
	answer_free(&a);
}

/* --- start and stop: RULES S7 and E7 ------------------------------------------------------------------------------ */

static void test_start(void **state)
{
	struct fixture *f = *state;
	struct intent *open = NULL;
	char where[200];
	struct error e;
	struct answer a = ask(f, "POST", "/v1/nodes/20/start?dry_run=true", NULL, NULL);
	size_t n = 9;

	expect(&a, 200);
	assert_int_equal(json_array_size(at(&a, "steps")), 2);
	assert_null_at(a, "operation");
	answer_free(&a);
	assert_int_equal(store_intents_open(fixture_store(f), &open, &n, &e), ERR_OK);
	assert_int_equal(n, 0);
	free(open);

	/* RULE S7 */
	a = ask(f, "POST", "/v1/nodes/20/start", NULL, "{\"reason\":\"board meeting\"}");
	expect(&a, 202);
	assert_string_equal(answer_header(&a, "Location", where), "/v1/operations/1");
	assert_text(a, "kind", "start");
	assert_text(a, "state", "starting");
	assert_text(a, "actor", "root");
	assert_text(a, "rule", "S7");
	assert_text(a, "reason", "Started by root: board meeting");
	assert_text(a, "region", "eu-west-2");
	assert_true(json_is_false(at(&a, "via_infinity")));
	assert_text(a, "steps.0.progress", "running");
	answer_free(&a);
	assert_int_equal(atomic_load(&f->wakes), 1);
	/* once more is the same operation */
	a = ask(f, "POST", "/v1/nodes/20/start", NULL, NULL);
	expect(&a, 202);
	assert_int_equal(number_at(&a, "id"), 1);
	answer_free(&a);
	a = ask(f, "GET", "/v1/nodes/20", NULL, NULL);
	assert_int_equal(number_at(&a, "operation.id"), 1);
	answer_free(&a);
	/* a stop has to wait, and names what it waits for */
	a = ask(f, "POST", "/v1/nodes/20/stop", NULL, NULL);
	assert_non_null(strstr(text_at(&a, "detail"), "operation 1 (start)"));
	expect_problem(a, 409, "conflict", NULL);
	expect_problem(ask(f, "POST", "/v1/operations/1/cancel", NULL, NULL), 409, "conflict", NULL);
}

static void test_start_refuses(void **state)
{
	struct fixture *f = *state;

	expect_problem(ask(f, "POST", "/v1/nodes/10/start", NULL, NULL), 409, "conflict", NULL);
	expect_problem(ask(f, "POST", "/v1/nodes/21/start", NULL, NULL), 409, "conflict", NULL);
	expect_problem(ask(f, "POST", "/v1/nodes/99/start", NULL, NULL), 404, "not-found", NULL);
	expect_problem(ask(f, "POST", "/v1/nodes/20/start", NULL, "{\"force\":true}"), 400, "bad-request",
		       "/force");
	expect_problem(ask(f, "POST", "/v1/nodes/20/start?dry_run=1", NULL, NULL), 400, "bad-request", NULL);
	expect_problem(ask(f, "POST", "/v1/nodes/20/start?dryrun=true", NULL, NULL), 400, "bad-request",
		       NULL);
	expect_problem(ask(f, "POST", "/v1/nodes/21/start?dry_run=true", NULL, NULL), 409, "conflict", NULL);
	expect_problem(ask(f, "POST", "/v1/nodes/20/stop", NULL, NULL), 409, "conflict", NULL);
	expect_problem(ask(f, "POST", "/v1/nodes/21/stop", NULL, "{\"force\":1}"), 400, "bad-request",
		       "/force");
	expect_problem(ask(f, "POST", "/v1/nodes/21/stop", NULL, "{\"reason\":\"\"}"), 400, "bad-request",
		       "/reason");
}

static void test_start_through_infinity(void **state)
{
	struct fixture *f = *state;
	struct picture *p = make_platform(3);
	struct answer a;

	p->infinity_bursting = true; /* RULE S9 */
	fixture_publish(f, p);
	a = ask(f, "POST", "/v1/nodes/20/start", NULL, NULL);
	expect(&a, 202);
	assert_true(json_is_true(at(&a, "via_infinity")));
	answer_free(&a);
	expect_problem(ask(f, "POST", "/v1/nodes/21/stop", NULL, NULL), 409, "conflict", NULL);
	expect_problem(ask(f, "POST", "/v1/nodes/21/stop", NULL, "{\"force\":true}"), 409, "conflict", NULL);
}

/* The operation of a node as another thread would have moved it. */
static struct intent moved(struct fixture *f, int64_t node, enum intent_state state, int attempts)
{
	struct intent in;
	enum intent_state from;
	struct error e;

	assert_int_equal(store_intent_of_node(fixture_store(f), node, &in, &e), ERR_OK);
	from = in.state;
	in.state = state;
	in.attempts = attempts;
	assert_int_equal(store_intent_move(fixture_store(f), &in, from, 0, &e), ERR_OK);
	return in;
}

/* RULE E7: force shortens a drain, and what the actor writes afterwards does not undo it. */
static void test_force_later(void **state)
{
	struct fixture *f = *state;
	struct intent seen;
	struct error e;
	struct answer a = ask(f, "POST", "/v1/nodes/21/stop", NULL, NULL);

	answer_free(&a);
	(void)moved(f, 21, INTENT_MAINTENANCE_ON, 1);
	a = ask(f, "POST", "/v1/nodes/21/stop", NULL, "{\"force\":true}");
	expect(&a, 202);
	assert_text(a, "state", "stopping");
	answer_free(&a);
	assert_int_equal(store_intent_of_node(fixture_store(f), 21, &seen, &e), ERR_OK);
	assert_true(seen.maintenance_at == NOW_MS); /* will be cleared */
	assert_int_equal(seen.attempts, 0);

	a = ask(f, "POST", "/v1/nodes/22/stop", NULL, NULL);
	answer_free(&a);
	seen = moved(f, 22, INTENT_STOPPING, 1);
	a = ask(f, "POST", "/v1/nodes/22/stop", NULL, "{\"force\":true}");
	expect(&a, 202);
	answer_free(&a);
	seen.state = INTENT_WAITING;
	assert_int_equal(store_intent_move(fixture_store(f), &seen, INTENT_STOPPING, 1, &e), ERR_CONFLICT);
	assert_int_equal(store_intent_of_node(fixture_store(f), 22, &seen, &e), ERR_OK);
	assert_true(seen.force);
}

static void test_stop(void **state)
{
	struct fixture *f = *state;
	struct answer a = ask(f, "POST", "/v1/nodes/21/stop?dry_run=true", NULL, NULL);

	expect(&a, 200);
	assert_int_equal(json_array_size(at(&a, "steps")), 5);
	answer_free(&a);
	/* RULE E7 */
	a = ask(f, "POST", "/v1/nodes/21/stop", NULL, NULL);
	expect(&a, 202);
	assert_text(a, "state", "maintenance_on");
	assert_text(a, "rule", "E7");
	assert_true(json_is_false(at(&a, "force")));
	answer_free(&a);
	a = ask(f, "POST", "/v1/nodes/21/stop", NULL, "{\"force\":true,\"reason\":\"now\"}");
	expect(&a, 202);
	assert_int_equal(number_at(&a, "id"), 1);
	assert_true(json_is_true(at(&a, "force")));
	assert_text(a, "reason", "Stopped by force by root: now");
	answer_free(&a);
	/* without force again: stays forced */
	a = ask(f, "POST", "/v1/nodes/21/stop", NULL, "{}");
	assert_true(json_is_true(at(&a, "force")));
	assert_text(a, "state", "stopping");
	answer_free(&a);
}

/* RULE S7 against RULE E5: a start takes back a stop that was not sent yet. */
static void test_take_back(void **state)
{
	struct fixture *f = *state;
	char reason[400], actor[101];
	struct answer a = ask(f, "POST", "/v1/nodes/21/stop", NULL, NULL);

	answer_free(&a);
	a = ask(f, "POST", "/v1/nodes/21/start?dry_run=true", NULL, NULL);
	assert_text(a, "steps.0.step", "cancelling");
	assert_int_equal(number_at(&a, "operation"), 1);
	answer_free(&a);
	a = ask(f, "POST", "/v1/nodes/21/start", NULL, NULL);
	expect(&a, 202);
	assert_int_equal(number_at(&a, "id"), 1);
	assert_text(a, "state", "cancelling");
	answer_free(&a);
	assert_int_equal(events(f, "cancel", reason, actor), 1);
	assert_string_equal(actor, "root");
	expect_problem(ask(f, "POST", "/v1/nodes/21/stop", NULL, NULL), 409, "conflict", NULL);
}

static void test_forced_stop(void **state)
{
	struct fixture *f = *state;
	struct answer a = ask(f, "POST", "/v1/nodes/22/stop", NULL, "{\"force\":true}");

	expect(&a, 202);
	assert_text(a, "state", "stopping");
	assert_text(a, "steps.0.step", "stopping");
	answer_free(&a);
	expect_problem(ask(f, "POST", "/v1/nodes/22/start", NULL, NULL), 409, "conflict", NULL);
	expect_problem(ask(f, "POST", "/v1/operations/1/cancel", NULL, NULL), 409, "conflict", NULL);
}

static void test_operations(void **state)
{
	struct fixture *f = *state;
	struct answer a = ask(f, "POST", "/v1/nodes/21/stop", NULL, NULL);

	answer_free(&a);
	a = ask(f, "POST", "/v1/nodes/20/start", NULL, NULL);
	answer_free(&a);
	a = ask(f, "GET", "/v1/operations", NULL, NULL);
	expect(&a, 200);
	assert_int_equal(number_at(&a, "items.0.id"), 2);
	assert_int_equal(number_at(&a, "items.1.id"), 1);
	answer_free(&a);
	a = ask(f, "GET", "/v1/operations?node=21&open=true&limit=1", NULL, NULL);
	assert_int_equal(json_array_size(at(&a, "items")), 1);
	assert_null_at(a, "next");
	answer_free(&a);
	a = ask(f, "POST", "/v1/operations/1/cancel?dry_run=true", NULL, NULL);
	expect(&a, 200);
	answer_free(&a);
	a = ask(f, "GET", "/v1/operations/1", NULL, NULL);
	assert_text(a, "state", "maintenance_on");
	answer_free(&a);
	a = ask(f, "POST", "/v1/operations/1/cancel", NULL, "{\"reason\":\"changed my mind\"}");
	expect(&a, 202);
	assert_text(a, "state", "cancelling");
	answer_free(&a);
	a = ask(f, "POST", "/v1/operations/1/cancel", NULL, NULL);
	expect(&a, 202);
	answer_free(&a);
	assert_int_equal(events(f, "cancel", NULL, NULL), 1);
	expect_problem(ask(f, "GET", "/v1/operations/9", NULL, NULL), 404, "not-found", NULL);
	expect_problem(ask(f, "POST", "/v1/operations/9/cancel", NULL, NULL), 404, "not-found", NULL);
	expect_problem(ask(f, "POST", "/v1/operations/1/cancel", NULL, "{\"x\":1}"), 400, "bad-request",
		       "/x");
}

/* Every state of an open operation against both requests. */
static void test_verdicts(void **state)
{
	struct picture *p = make_platform(1);
	const struct node *n = picture_node(p, 21);
	struct intent in = {.id = 5, .kind = INTENT_STOP, .node_name = "burst-2"};
	struct error e;

	(void)state;
	for (in.state = 0; in.state < INTENT_STATE_COUNT; in.state++) {
		bool early = in.state == INTENT_MAINTENANCE_ON || in.state == INTENT_WAITING;
		bool cancelling = in.state == INTENT_CANCELLING;
		bool unsent = early || in.state == INTENT_STOPPING;

		if (!intent_may_move(INTENT_STOP, in.state, in.state))
			continue;
		assert_int_equal(decide_start(n, &in, &e), early        ? VERDICT_TAKE_BACK
							   : cancelling ? VERDICT_JOIN
									: VERDICT_REFUSE);
		assert_int_equal(decide_stop(p, n, &in, false, &e),
				 cancelling ? VERDICT_REFUSE : VERDICT_JOIN);
		assert_int_equal(decide_stop(p, n, &in, true, &e), cancelling ? VERDICT_REFUSE
								   : unsent   ? VERDICT_FORCE
									      : VERDICT_JOIN);
	}
	in = (struct intent){.id = 6, .kind = INTENT_RESIZE, .state = INTENT_HALTED, .node_name = "burst-2"};
	assert_int_equal(decide_start(n, &in, &e), VERDICT_REFUSE);
	assert_int_equal(decide_stop(p, n, &in, true, &e), VERDICT_REFUSE);
	in = (struct intent){
		.id = 6, .kind = INTENT_MAINTENANCE, .state = INTENT_APPLYING, .node_name = "burst-2"};
	assert_int_equal(decide_start(n, &in, &e), VERDICT_REFUSE);
	assert_int_equal(decide_stop(p, n, &in, true, &e), VERDICT_REFUSE);
	assert_non_null(strstr(e.detail, "operation 6 (maintenance)"));
	picture_unref(p);
}

/* --- settings ---------------------------------------------------------------------------------------------------- */

static void test_bursting(void **state)
{
	struct fixture *f = *state;
	char reason[400], actor[101];
	struct answer a = ask(f, "GET", "/v1/bursting", NULL, NULL);

	expect(&a, 200);
	assert_text(a, "cloud_provider", "AWS");
	assert_text(a, "tag_name", "pexip-cloud");
	assert_text(a, "tag_value_in_force", "manager");
	assert_null_at(a, "tag_value");
	assert_int_equal(number_at(&a, "minimum_lifetime_minutes"), 50);
	answer_free(&a);
	a = ask(f, "PATCH", "/v1/bursting", NULL,
		"{\"enabled\":true,\"bursting_threshold\":7,\"tag_value\":\"unknown\",\"cloud_provider\":"
		"\"AWS\","
		"\"tag_name\":\"pexip-cloud\",\"aws_access_key_id\":\"AKIDEXAMPLE\",\"aws_secret_access_"
		"key\":\"hush/hush+1\"}");
	expect(&a, 200);
	assert_null(strstr(a.body, "hush"));
	assert_true(json_is_true(at(&a, "aws_secret_access_key_set")));
	assert_text(a, "tag_value", "unknown");
	answer_free(&a);
	a = ask(f, "GET", "/v1/bursting", NULL, NULL);
	assert_null(strstr(a.body, "hush"));
	assert_int_equal(number_at(&a, "bursting_threshold"), 7);
	answer_free(&a);
	assert_int_equal(events(f, "settings", reason, actor), 1);
	assert_non_null(strstr(reason, "bursting_threshold: 5 -> 7"));
	assert_null(strstr(reason, "hush"));
	a = ask(f, "GET", "/v1/history", NULL, NULL);
	assert_null(strstr(a.body, "hush"));
	assert_int_equal(number_at(&a, "items.0.figures.changes.bursting_threshold.new"), 7);
	answer_free(&a);
	/* status shows it at once, and what is the same is no change */
	a = ask(f, "GET", "/v1/status", NULL, NULL);
	assert_int_equal(number_at(&a, "bursting.bursting_threshold"), 7);
	answer_free(&a);
	a = ask(f, "PATCH", "/v1/bursting", NULL, "{\"bursting_threshold\":7}");
	expect(&a, 200);
	answer_free(&a);
	assert_int_equal(atomic_load(&f->wakes), 1);
	a = ask(f, "PATCH", "/v1/bursting", NULL,
		"{\"aws_access_key_id\":null,\"aws_secret_access_key\":null}");
	expect(&a, 200);
	assert_true(json_is_false(at(&a, "aws_secret_access_key_set")));
	answer_free(&a);
}

static void test_bursting_refuses(void **state)
{
	static const struct {
		const char *body;
		const char *pointer;
	} bad[] = {
		{"{\"bursting_threshold\":0}", "/bursting_threshold"},
		{"{\"minimum_lifetime_minutes\":4}", "/minimum_lifetime_minutes"},
		{"{\"enabled\":\"yes\"}", "/enabled"},
		{"{\"enabled\":null}", "/enabled"},
		{"{\"mode\":\"off\"}", "/mode"},
		{"{\"cloud_provider\":\"GCP\"}", "/cloud_provider"},
		{"{\"tag_name\":\"mine\"}", "/tag_name"},
		{"{\"aws_secret_access_key_set\":true}", "/aws_secret_access_key_set"},
		{"{\"tag_value_in_force\":\"x\"}", "/tag_value_in_force"},
		{"{\"aws_access_key_id\":\"a b\"}", "/aws_access_key_id"},
		{"{\"aws_access_key_id\":\"AKIDEXAMPLE\"}", "/aws_secret_access_key"},
		{"{\"aws_secret_access_key\":\"x\"}", "/aws_access_key_id"},
		{"{\"threshold\":3}", "/threshold"},
	};
	struct fixture *f = *state;
	struct answer before = ask(f, "GET", "/v1/bursting", NULL, NULL), after;
	char etag[200], header[300];
	size_t i;

	for (i = 0; i < ARRAY_LEN(bad); i++)
		expect_problem(ask(f, "PATCH", "/v1/bursting", NULL, bad[i].body), 400, "bad-request",
			       bad[i].pointer);
	(void)snprintf(header, sizeof header, "If-Match: \"x%s\r\n",
		       answer_header(&before, "ETag", etag) + 2);
	expect_problem(ask(f, "PATCH", "/v1/bursting", header, "{\"enabled\":true}"), 412,
		       "precondition-failed", NULL);
	after = ask(f, "GET", "/v1/bursting", NULL, NULL);
	assert_string_equal(before.body, after.body);
	assert_int_equal(events(f, "settings", NULL, NULL), 0);
	answer_free(&before);
	answer_free(&after);
}

/* --- holds: RULE S8 ---------------------------------------------------------------------------------------------- */

static void test_holds(void **state)
{
	struct fixture *f = *state;
	char where[200], etag[200], header[300];
	struct answer a = ask(f, "POST", "/v1/holds?dry_run=true", NULL,
			      "{\"location\":2,\"count\":2,\"minutes\":90,\"reason\":\"all-hands\"}");

	expect(&a, 200);
	assert_text(a, "hold.until", "2026-01-01T08:30:00.000Z");
	answer_free(&a);
	a = ask(f, "POST", "/v1/holds", NULL,
		"{\"location\":2,\"count\":2,\"minutes\":90,\"reason\":\"all-hands\"}");
	expect(&a, 201);
	assert_string_equal(answer_header(&a, "Location", where), "/v1/holds/1");
	assert_text(a, "owner", "root");
	assert_int_equal(number_at(&a, "count"), 2);
	answer_free(&a);
	a = ask(f, "POST", "/v1/holds", NULL, "{\"nodes\":[20,22],\"until\":\"2026-01-01T09:00:00Z\"}");
	expect(&a, 201);
	assert_null_at(a, "location");
	assert_int_equal(number_at(&a, "nodes.1"), 22);
	answer_free(&a);
	assert_int_equal(events(f, "hold", NULL, NULL), 2);
	a = ask(f, "GET", "/v1/holds?limit=1", NULL, NULL);
	assert_int_equal(number_at(&a, "items.0.id"), 2);
	assert_true(json_is_string(at(&a, "next")));
	answer_free(&a);
	a = ask(f, "GET", "/v1/holds/1", NULL, NULL);
	(void)snprintf(header, sizeof header, "If-Match: %s\r\n", answer_header(&a, "ETag", etag));
	answer_free(&a);
	expect_problem(ask(f, "DELETE", "/v1/holds/2", header, NULL), 412, "precondition-failed", NULL);
	a = ask(f, "DELETE", "/v1/holds/1", header, NULL);
	expect(&a, 204);
	answer_free(&a);
	expect_problem(ask(f, "GET", "/v1/holds/1", NULL, NULL), 404, "not-found", NULL);
	expect_problem(ask(f, "DELETE", "/v1/holds/1", NULL, NULL), 404, "not-found", NULL);
	assert_int_equal(events(f, "hold", NULL, NULL), 3);
	/* one that is over is not listed, unless asked for */
	atomic_store(&f->now, NOW_MS + 3 * 60 * MS_PER_MINUTE);
	a = ask(f, "GET", "/v1/holds", NULL, NULL);
	assert_int_equal(json_array_size(at(&a, "items")), 0);
	answer_free(&a);
	a = ask(f, "GET", "/v1/holds?ended=true", NULL, NULL);
	assert_int_equal(json_array_size(at(&a, "items")), 1);
	answer_free(&a);
}

static void test_holds_refuse(void **state)
{
	static const struct {
		const char *body;
		const char *pointer;
	} bad[] = {
		{"{\"minutes\":5}", "/location"},
		{"{\"location\":2}", "/until"},
		{"{\"location\":2,\"nodes\":[20],\"minutes\":5}", "/nodes"},
		{"{\"location\":9,\"minutes\":5}", "/location"},
		{"{\"location\":1,\"minutes\":5}", "/location"},
		{"{\"location\":2,\"count\":4,\"minutes\":5}", "/count"},
		{"{\"location\":2,\"count\":0,\"minutes\":5}", "/count"},
		{"{\"nodes\":[20],\"count\":1,\"minutes\":5}", "/count"},
		{"{\"nodes\":[],\"minutes\":5}", "/nodes"},
		{"{\"nodes\":[20,99],\"minutes\":5}", "/nodes/1"},
		{"{\"nodes\":[10],\"minutes\":5}", "/nodes/0"},
		{"{\"nodes\":[20,20],\"minutes\":5}", "/nodes/1"},
		{"{\"nodes\":[\"20\"],\"minutes\":5}", "/nodes/0"},
		{"{\"location\":2,\"minutes\":0}", "/minutes"},
		{"{\"location\":2,\"minutes\":5,\"until\":\"2026-01-02T00:00:00Z\"}", "/minutes"},
		{"{\"location\":2,\"until\":\"2025-12-31T00:00:00Z\"}", "/until"},
		{"{\"location\":2,\"until\":\"2036-12-31T00:00:00Z\"}", "/until"},
		{"{\"location\":2,\"until\":\"tomorrow\"}", "/until"},
		{"{\"location\":2,\"minutes\":5,\"owner\":\"me\"}", "/owner"},
		{"{\"location\":2,\"minutes\":5,\"reason\":\"\"}", "/reason"},
	};
	struct fixture *f = *state;
	struct answer a;
	size_t i;

	for (i = 0; i < ARRAY_LEN(bad); i++)
		expect_problem(ask(f, "POST", "/v1/holds", NULL, bad[i].body), 400, "bad-request",
			       bad[i].pointer);
	a = ask(f, "GET", "/v1/holds", NULL, NULL);
	assert_int_equal(json_array_size(at(&a, "items")), 0);
	answer_free(&a);
}

/* --- history and decisions --------------------------------------------------------------------------------------- */

static void add_event(struct fixture *f, enum event_type type, int64_t node, int64_t time, const char *actor)
{
	struct event event = {.time = time,
			      .type = type,
			      .node = node,
			      .node_name = "n",
			      .location = BURST,
			      .actor = actor,
			      .reason = "because",
			      .rule = "S2",
			      .figures = "{\"free_hd_calls\":4}",
			      .operation = 7};
	struct error e;
	int64_t id;

	assert_int_equal(store_event_add(fixture_store(f), &event, &id, &e), ERR_OK);
}

static size_t count(struct fixture *f, const char *query)
{
	char path[200];
	struct answer a;
	size_t n;

	(void)snprintf(path, sizeof path, "/v1/history?%s", query);
	a = ask(f, "GET", path, NULL, NULL);
	expect(&a, 200);
	n = json_array_size(at(&a, "items"));
	answer_free(&a);
	return n;
}

static void test_history(void **state)
{
	struct fixture *f = *state;
	char path[200];
	struct answer a;

	add_event(f, EVENT_START, 20, NOW_MS, "controller");
	add_event(f, EVENT_RUNNING, 20, NOW_MS + 1000, "controller");
	add_event(f, EVENT_DRAIN, 21, NOW_MS + 2000, "olga");
	a = ask(f, "GET", "/v1/history?limit=2", NULL, NULL);
	assert_text(a, "items.0.type", "drain");
	assert_text(a, "items.1.type", "running");
	assert_int_equal(number_at(&a, "items.0.figures.free_hd_calls"), 4);
	assert_int_equal(number_at(&a, "items.0.operation"), 7);
	(void)snprintf(path, sizeof path, "/v1/history?limit=2&cursor=%s", text_at(&a, "next"));
	answer_free(&a);
	/* a row that arrives meanwhile moves nothing */
	add_event(f, EVENT_STOP, 21, NOW_MS + 3000, "olga");
	a = ask(f, "GET", path, NULL, NULL);
	assert_int_equal(json_array_size(at(&a, "items")), 1);
	assert_text(a, "items.0.type", "start");
	assert_null_at(a, "next");
	answer_free(&a);
	assert_int_equal(count(f, "node=20"), 2);
	assert_int_equal(count(f, "location=2"), 4);
	assert_int_equal(count(f, "location=1"), 0);
	assert_int_equal(count(f, "type=stop"), 1);
	assert_int_equal(count(f, "actor=olga&node=21"), 2);
	assert_int_equal(count(f, "since=2026-01-01T07:00:01Z"), 3);
	assert_int_equal(count(f, "until=2026-01-01T07:00:01Z"), 1);
	expect_problem(ask(f, "GET", "/v1/history?type=explosion", NULL, NULL), 400, "bad-request", NULL);
	expect_problem(ask(f, "GET", "/v1/history?since=yesterday", NULL, NULL), 400, "bad-request", NULL);
	expect_problem(ask(f, "GET", "/v1/history?nodes=1", NULL, NULL), 400, "bad-request", NULL);
}

static void test_decisions(void **state)
{
	struct fixture *f = *state;
	char json[] = "{\"action\":\"start\",\"rule\":\"S2\"}";
	struct decision_row row = {
		.time = NOW_MS, .location = BURST, .node = 20, .action = "start", .rule = "S2", .json = json};
	struct picture *p = make_platform(5);
	struct error e;
	struct answer a;
	int64_t id;

	assert_int_equal(store_decision_add(fixture_store(f), &row, &id, &e), ERR_OK);
	p->evaluations = arena_array(p->arena, 1, sizeof *p->evaluations);
	p->evaluations[0] = (struct evaluation){
		.location = 1, .reason = REASON_QUIET, .figures = {.principal = -1, .up_ms = -1}};
	p->n_evaluations = 1;
	fixture_publish(f, p);
	a = ask(f, "GET", "/v1/decisions", NULL, NULL);
	expect(&a, 200);
	assert_text(a, "items.0.action", "start");
	assert_text(a, "items.0.time", "2026-01-01T07:00:00.000Z");
	assert_int_equal(json_array_size(at(&a, "latest")), 1);
	assert_int_equal(number_at(&a, "latest.0.location"), BURST);
	answer_free(&a);
	a = ask(f, "GET", "/v1/decisions?location=1", NULL, NULL);
	assert_int_equal(json_array_size(at(&a, "items")), 0);
	assert_int_equal(json_array_size(at(&a, "latest")), 0);
	answer_free(&a);
	a = ask(f, "GET", "/v1/decisions/1", NULL, NULL);
	expect(&a, 200);
	assert_text(a, "rule", "S2");
	answer_free(&a);
	expect_problem(ask(f, "GET", "/v1/decisions/2", NULL, NULL), 404, "not-found", NULL);
}

/* --- health ------------------------------------------------------------------------------------------------------ */

static void test_ready(void **state)
{
	struct fixture *f = *state;
	struct picture *p;
	struct answer a = ask_as(f, NULL, "GET", "/readyz", NULL, NULL, 0);

	expect(&a, 200);
	assert_true(json_is_true(at(&a, "ready")));
	assert_true(json_is_true(at(&a, "store.writable")));
	answer_free(&a);
	a = ask_as(f, NULL, "GET", "/healthz", NULL, NULL, 0);
	expect(&a, 200);
	answer_free(&a);
	/* a picture that nobody replaces grows old: RULE D1 */
	atomic_store(&f->now, NOW_MS + 2 * MS_PER_MINUTE);
	a = ask_as(f, NULL, "GET", "/readyz", NULL, NULL, 0);
	expect(&a, 503);
	assert_true(json_is_false(at(&a, "sources.0.fresh")));
	assert_int_equal(number_at(&a, "sources.0.age_seconds"), 124);
	answer_free(&a);
	atomic_store(&f->now, NOW_MS);
	p = make_platform(3);
	p->sources[1].fresh = false;
	p->sources[1].error = "The key is wrong.";
	p->sources[1].error_id = "ec2_credentials";
	p->sources[1].remedy = "Set another one.";
	fixture_publish(f, p);
	a = ask_as(f, NULL, "GET", "/readyz", NULL, NULL, 0);
	expect(&a, 503);
	assert_text(a, "sources.1.error", "The key is wrong.");
	assert_text(a, "sources.1.remedy", "Set another one.");
	answer_free(&a);
	/* nothing was heard at all */
	fixture_publish(f, picture_empty(9));
	a = ask_as(f, NULL, "GET", "/readyz", NULL, NULL, 0);
	expect(&a, 503);
	answer_free(&a);
	expect_problem(ask_as(f, NULL, "POST", "/readyz", NULL, NULL, 0), 405, "method-not-allowed", NULL);
}

static void test_contract(void **state)
{
	struct fixture *f = *state;
	struct answer a = ask(f, "GET", "/openapi.yaml", NULL, NULL);
	char media[200];

	expect(&a, 200);
	assert_string_equal(answer_header(&a, "Content-Type", media), "application/yaml");
	assert_memory_equal(a.body, "openapi: 3.1.0\n", 15);
	answer_free(&a);
	expect_problem(ask(f, "GET", "/openapi.yaml", "Accept: application/json\r\n", NULL), 406,
		       "not-acceptable", NULL);
}

/* What is shown of an empty picture: no location, no node, and a 404 that says why. */
static void test_empty_picture(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	fixture_publish(f, picture_empty(9));
	a = ask(f, "GET", "/v1/status", NULL, NULL);
	expect(&a, 200);
	assert_int_equal(json_array_size(at(&a, "overflow_nodes")), 0);
	answer_free(&a);
	a = ask(f, "GET", "/v1/nodes/20", NULL, NULL);
	assert_non_null(strstr(text_at(&a, "detail"), "Infinity was not read yet"));
	expect_problem(a, 404, "not-found", NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_status),
		TEST(test_locations),
		TEST(test_paging_refuses),
		TEST(test_location_patch),
		TEST(test_location_patch_refuses),
		TEST(test_nodes),
		TEST(test_wishes),
		TEST(test_wishes_refuse),
		TEST(test_start),
		TEST(test_start_refuses),
		TEST(test_start_through_infinity),
		TEST(test_stop),
		TEST(test_take_back),
		TEST(test_force_later),
		TEST(test_forced_stop),
		TEST(test_operations),
		cmocka_unit_test(test_verdicts),
		TEST(test_bursting),
		TEST(test_bursting_refuses),
		TEST(test_holds),
		TEST(test_holds_refuse),
		TEST(test_history),
		TEST(test_decisions),
		TEST(test_ready),
		TEST(test_contract),
		TEST(test_empty_picture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

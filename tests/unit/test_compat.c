/*
 * The Infinity-compatible side, read by the client that burstd itself reads Infinity with: the same code that finds fault with
 * a Management Node's pages, fields and answers finds none here.
 */
#include "tests/unit/http_fixture.h"

#include "clients/infinity/list.h"
#include "handlers/handlers.h"

#define PAIRS 1201 /* principals, and as many overflow locations with a node each: three pages of 500 */

static const struct ec2_instance *make_instance(struct arena *arena, int n)
{
	struct ec2_instance *i = arena_alloc(arena, sizeof *i);

	*i = (struct ec2_instance){.id = arena_printf(arena, "i-%017d", n),
				   .region = "eu-west-2",
				   .state = n % 2 ? INSTANCE_RUNNING : INSTANCE_STOPPED,
				   .launch_time = n % 3 ? NOW_MS + n : 0};
	return i;
}

static struct location make_location(struct picture *p, int64_t id, const char *name)
{
	return (struct location){.id = id,
				 .name = arena_printf(p->arena, "%s %lld", name, (long long)id),
				 .overflow1 = -1,
				 .overflow2 = -1,
				 .max_hd = (int)id,
				 .free_hd = (int)id % 20,
				 .media_load = id % 5 ? (int)(id % 100) : -1};
}

/* Ids fall, so that an order by id is an order that was made. */
static struct picture *make_platform(void)
{
	struct arena *arena = arena_new(16 << 20);
	struct picture *p = arena_alloc(arena, sizeof *p);

	*p = (struct picture){
		.arena = arena, .references = 1, .seq = 2, .infinity_at = NOW_MS, .tag_value = ""};
	p->locations = arena_array(arena, 2 * PAIRS + 1, sizeof *p->locations);
	p->nodes = arena_array(arena, PAIRS + 1, sizeof *p->nodes);
	p->n_locations = 2 * PAIRS + 1;
	p->n_nodes = PAIRS + 1;
	for (int i = 0; i < PAIRS; i++) {
		struct location *l = &p->locations[2 * i];

		l[0] = make_location(p, 5000 + i, "Home");
		l[0].principal = true;
		l[0].kind = LOCATION_PRINCIPAL;
		l[0].overflow1 = 2 * i + 1;
		l[1] = make_location(p, 1 + i, "Cloud");
		l[1].kind = LOCATION_OVERFLOW;
		p->nodes[i] = (struct node){.id = PAIRS + 10 - i,
					    .name = arena_printf(arena, "burst-%d", i),
					    .address = "10.0.2.20",
					    .location = 2 * i + 1,
					    .bursting = true,
					    .max_hd = 17,
					    .media_load = i % 7 ? 30 : -1,
					    .instance = make_instance(arena, i)};
	}
	p->locations[2 * PAIRS] = make_location(p, 9000, "Office");
	p->nodes[PAIRS] =
		(struct node){.id = 9, .name = "office-1", .address = "10.0.9.1", .location = 2 * PAIRS};
	return p;
}

struct bench {
	struct fixture *f;
	struct curl_transport *curl;
	struct infinity_client *client;
	struct arena *arena;
	struct rows rows;
	struct upstream_error e;
	char url[64];
};

static void no_pause(void *self, int64_t ms)
{
	(void)self;
	(void)ms;
}

static int setup(void **state)
{
	static struct route_table routes;
	struct bench *b = calloc(1, sizeof *b);

	routes = handlers_routes();
	b->f = fixture_start(&routes, NULL);
	fixture_publish(b->f, make_platform());
	(void)snprintf(b->url, sizeof b->url, "http://127.0.0.1:%d", http_port(b->f->server));
	b->curl = curl_transport_new(&(struct transport_options){.name = "compat"});
	b->client = infinity_client_new(
		&(struct infinity_client_options){.url = b->url,
						  .user = "admin",
						  .password = b->f->token,
						  .transport = curl_transport_port(b->curl),
						  .clock = &clock_system,
						  .time_scale = 1,
						  .pause = no_pause},
		&b->e);
	b->arena = arena_new(1 << 20);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	infinity_rows_free(&b->rows);
	arena_free(b->arena);
	infinity_client_free(b->client);
	curl_transport_free(b->curl);
	fixture_stop(b->f);
	free(b);
	return 0;
}

static const struct monitor_row *read_list(struct bench *b, enum infinity_list_id id)
{
	if (!infinity_list_read(b->client, &infinity_lists[id], b->arena, &b->rows, &b->e))
		fail_msg("%s", b->e.message);
	assert_string_equal(b->rows.partial, ""); /* every page came, none was short, the count agrees */
	assert_int_equal(b->rows.n, PAIRS);
	return b->rows.items;
}

static void our_client_reads_the_monitored_locations(void **state)
{
	const struct monitor_row *rows = read_list(*state, LIST_monitored);

	for (int i = 0; i < PAIRS; i++) {
		assert_int_equal(rows[i].location, 5000 + i);
		assert_int_equal(rows[i].max_hd, 5000 + i);
		assert_int_equal(rows[i].free_hd, (5000 + i) % 20);
	}
}

static void our_client_reads_the_overflow_locations(void **state)
{
	const struct monitor_row *rows = read_list(*state, LIST_overflow);

	for (int i = 0; i < PAIRS; i++) {
		assert_int_equal(rows[i].location, 1 + i);
		assert_int_equal(rows[i].free_hd, (1 + i) % 20);
	}
}

static void our_client_starts_a_node(void **state)
{
	struct bench *b = *state;
	struct intent *open = NULL;
	struct error e;
	size_t n = 0;

	if (!infinity_start_cloudnode(b->client, "i-00000000000000004", &b->e))
		fail_msg("%s", b->e.message);
	assert_true(infinity_start_cloudnode(b->client, "i-00000000000000004", &b->e)); /* is under way */
	assert_int_equal(store_intents_open(fixture_store(b->f), &open, &n, &e), ERR_OK);
	assert_int_equal(n, 1);
	assert_int_equal(open[0].kind, INTENT_START);
	assert_int_equal(open[0].node, PAIRS + 10 - 4);
	assert_string_equal(open[0].rule, "S7"); /* RULE S7 */
	assert_string_equal(open[0].actor, "root");
	free(open);
	/* refusals are understood as such: another node may be tried */
	assert_false(infinity_start_cloudnode(b->client, "i-00000000000000005", &b->e));
	assert_int_equal(b->e.class, UPSTREAM_NEXT);
	assert_non_null(strstr(b->e.message, "already up"));
	assert_false(infinity_start_cloudnode(b->client, "i-unknown", &b->e));
	assert_int_equal(b->e.class, UPSTREAM_NEXT);
	assert_non_null(strstr(b->e.message, "i-unknown"));
}

static void wrong_credentials_are_told_as_such(void **state)
{
	struct bench *b = *state;
	struct infinity_client_options o = {.url = b->url,
					    .user = "admin",
					    .password = "wrong",
					    .transport = curl_transport_port(b->curl),
					    .clock = &clock_system,
					    .pause = no_pause};
	struct infinity_client *c = infinity_client_new(&o, &b->e);

	assert_false(infinity_list_read(c, &infinity_lists[LIST_overflow], b->arena, &b->rows, &b->e));
	assert_int_equal(b->e.http_status, 401);
	assert_string_equal(b->e.issue, "infinity_password");
	infinity_client_free(c);
}

#define STATUS "/api/admin/status/v1/"

static int64_t total_of(struct bench *b, const char *path)
{
	struct answer a = ask(b->f, "GET", path, NULL, NULL);
	int64_t total;

	expect(&a, 200);
	total = json_integer_value(at(&a, "meta.total_count"));
	answer_free(&a);
	return total;
}

static void filters_and_orders(void **state)
{
	struct bench *b = *state;
	struct answer a;

	assert_int_equal(total_of(b, STATUS "cloud_node/"), PAIRS); /* office-1 is none */
	assert_int_equal(total_of(b, STATUS "cloud_node/?cloud_instance_state=running"), PAIRS / 2);
	assert_int_equal(total_of(b, STATUS "cloud_node/?cloud_instance_state=run"), 0);
	assert_int_equal(total_of(b, STATUS "cloud_node/?workervm_configuration_id=10"), 0);
	assert_int_equal(total_of(b, STATUS "cloud_node/?workervm_configuration_id=11"), 1);
	assert_int_equal(total_of(b, STATUS "cloud_overflow_location/?name=Cloud%2012"), 1);
	assert_int_equal(total_of(b, STATUS "cloud_overflow_location/?name__icontains=cLOUD%2012"), 13);

	a = ask(b->f, "GET", STATUS "cloud_node/?limit=1", NULL, NULL);
	assert_int_equal(json_integer_value(at(&a, "objects.0.workervm_configuration_id")), 11);
	answer_free(&a);
	a = ask(b->f, "GET", STATUS "cloud_node/?limit=2&order_by=-workervm_configuration_name", NULL, NULL);
	assert_string_equal(text_at(&a, "objects.0.workervm_configuration_name"), "burst-999");
	assert_string_equal(text_at(&a, "objects.1.workervm_configuration_name"), "burst-998");
	assert_string_equal(text_at(&a, "meta.next"),
			    STATUS "cloud_node/?order_by=-workervm_configuration_name&limit=2&offset=2");
	answer_free(&a);
	a = ask(b->f, "GET", STATUS "cloud_overflow_location/?name__icontains=d%201&limit=5&offset=5", NULL,
		NULL);
	assert_string_equal(text_at(&a, "meta.next"),
			    STATUS "cloud_overflow_location/?name__icontains=d%201&limit=5&offset=10");
	assert_string_equal(text_at(&a, "meta.previous"),
			    STATUS "cloud_overflow_location/?name__icontains=d%201&limit=5&offset=0");
	answer_free(&a);
}

static void limits_are_tastypies(void **state)
{
	static const struct {
		const char *query;
		int limit;
		size_t objects;
		bool next, previous;
	} cases[] = {{"", 20, 20, true, false},
		     {"?limit=0", 1000, 1000, true, false},
		     {"?limit=5000&format=json", 1000, 1000, true, false},
		     {"?limit=1000&offset=1000", 1000, 201, false, true},
		     {"?limit=10&offset=5", 10, 10, true, false},
		     {"?offset=1190", 20, 11, false, true},
		     {"?offset=5000", 20, 0, false, true}};
	static const char *const bad[] = {"?limit=-1",
					  "?limit=",
					  "?limit=ten",
					  "?limit=1.5",
					  "?offset=-1",
					  "?limit=+1",
					  "?limit=1000000000",
					  "?format=xml",
					  "?order_by=no",
					  "?order_by=--id",
					  "?order_by=name__icontains"};
	struct bench *b = *state;
	char path[100];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct answer a;

		(void)snprintf(path, sizeof path, STATUS "cloud_overflow_location/%s", cases[i].query);
		a = ask(b->f, "GET", path, NULL, NULL);
		expect(&a, 200);
		assert_int_equal(json_integer_value(at(&a, "meta.limit")), cases[i].limit);
		assert_int_equal(json_array_size(at(&a, "objects")), cases[i].objects);
		assert_int_equal(json_is_string(at(&a, "meta.next")), cases[i].next);
		assert_int_equal(json_is_string(at(&a, "meta.previous")), cases[i].previous);
		answer_free(&a);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct answer a;

		(void)snprintf(path, sizeof path, STATUS "cloud_overflow_location/%s", bad[i]);
		a = ask(b->f, "GET", path, NULL, NULL);
		expect(&a, 400);
		assert_true(strlen(text_at(&a, "error")) > 0);
		answer_free(&a);
	}
}

/* What is not known yet is not told as nothing. */
static void unread_is_not_empty(void **state)
{
	static const char *const paths[] = {STATUS "cloud_node/", STATUS "cloud_node/i-1/",
					    STATUS "cloud_monitored_location/",
					    STATUS "cloud_overflow_location/1/"};
	struct bench *b = *state;

	fixture_publish(b->f, picture_empty(3));
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		expect_problem(ask(b->f, "GET", paths[i], NULL, NULL), 503, "busy", NULL);
	expect_problem(ask(b->f, "POST", "/api/admin/command/v1/platform/start_cloudnode/", NULL,
			   "{\"instance_id\": \"i-1\"}"),
		       503, "busy", NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(our_client_reads_the_monitored_locations),
		TEST(our_client_reads_the_overflow_locations),
		TEST(our_client_starts_a_node),
		TEST(wrong_credentials_are_told_as_such),
		TEST(filters_and_orders),
		TEST(limits_are_tastypies),
		TEST(unread_is_not_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

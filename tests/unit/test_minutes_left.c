/* minutes_to_threshold of the locations: from their samples before the picture, the same in the API and in the metric. */
#include "tests/unit/http_fixture.h"

#include "fleet/sample.h"
#include "handlers/handlers.h"

#define OSLO   1 /* principal: comes down from 39 to 11 HD calls in 14 minutes */
#define BURST  2 /* its overflow location, which comes down as well */
#define OFFICE 3 /* neither, and comes down too */
#define REST   4 /* an overflow location without a node that serves */

static struct picture *make_platform(int64_t seq, bool fresh)
{
	static const struct location locations[] = {
		{.id = OSLO, .name = "Oslo", .principal = true, .kind = LOCATION_PRINCIPAL, .max_hd = 40},
		{.id = BURST, .name = "AWS burst", .kind = LOCATION_OVERFLOW, .max_hd = 40},
		{.id = OFFICE, .name = "Office", .max_hd = 40},
		{.id = REST, .name = "AWS rest", .kind = LOCATION_OVERFLOW},
	};
	struct picture *p = picture_empty(seq);

	p->infinity_at = NOW_MS;
	p->infinity_fresh = fresh;
	p->n_locations = ARRAY_LEN(locations);
	p->locations = arena_array(p->arena, p->n_locations, sizeof *p->locations);
	for (size_t i = 0; i < p->n_locations; i++) {
		p->locations[i] = locations[i];
		p->locations[i].free_hd = locations[i].max_hd ? 11 : 0;
		p->locations[i].threshold = 5;
		p->locations[i].overflow1 = p->locations[i].overflow2 = -1;
	}
	return p;
}

/* Fifteen samples, the newest a minute before the picture: two HD calls fewer a minute. */
static void sample(struct fixture *f, int64_t location)
{
	struct error e;

	for (int minute = 15; minute > 0; minute--) {
		struct sample s = {.time = NOW_MS - minute * MS_PER_MINUTE,
				   .location = location,
				   .samples = 1,
				   .free_hd = 9 + 2 * minute,
				   .max_hd = 40,
				   .threshold = 5,
				   .media_load = -1};

		assert_int_equal(store_sample_add(fixture_store(f), &s, &e), ERR_OK);
	}
}

static int setup(void **state)
{
	static struct route_table routes;
	struct fixture *f;

	routes = handlers_routes();
	f = fixture_start(&routes, NULL);
	for (int64_t location = OSLO; location <= REST; location++)
		sample(f, location);
	fixture_publish(f, make_platform(2, true));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fixture_stop(*state);
	return 0;
}

/* -1 = null. */
static double shown(struct fixture *f, int64_t location)
{
	char path[60];
	struct answer a;
	double minutes;

	(void)snprintf(path, sizeof path, "/v1/locations/%lld", (long long)location);
	a = ask(f, "GET", path, NULL, NULL);
	expect(&a, 200);
	assert_non_null(at(&a, "minutes_to_threshold"));
	minutes = json_is_null(at(&a, "minutes_to_threshold"))
			  ? -1
			  : json_number_value(at(&a, "minutes_to_threshold"));
	answer_free(&a);
	return minutes;
}

static bool metric_says(struct fixture *f, const char *value)
{
	struct answer a = ask(f, "GET", "/metrics", NULL, NULL);
	char line[200];
	bool says;

	expect(&a, 200);
	(void)snprintf(line, sizeof line,
		       "\nburstd_minutes_to_threshold{location=\"Oslo\",location_id=\"1\"} %s\n", value);
	says = strstr(a.body, line) != NULL;
	answer_free(&a);
	return says;
}

static void test_figure(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	assert_true(shown(f, OSLO) == 3); /* (11 - 5) / 2 */
	assert_true(metric_says(f, "3"));
	assert_true(shown(f, BURST) == 3);
	assert_true(shown(f, OFFICE) == -1);
	assert_true(shown(f, REST) == -1); /* 0 would be an alarm, and there is nothing that could fill up */
	a = ask(f, "GET", "/v1/status", NULL, NULL);
	assert_true(json_real_value(at(&a, "principal_locations.0.minutes_to_threshold")) == 3);
	answer_free(&a);
}

/* The figure belongs to the picture: later requests for it, and so its ETag, do not move by themselves. */
static void test_time_passes(void **state)
{
	struct fixture *f = *state;

	atomic_fetch_add(&f->now, 5 * MS_PER_MINUTE);
	assert_true(shown(f, OSLO) == 3);
	assert_true(metric_says(f, "3"));
}

static void test_threshold_in_force(void **state)
{
	struct fixture *f = *state;
	struct answer a = ask(f, "PATCH", "/v1/locations/1", NULL, "{\"bursting_threshold\": 8}");

	expect(&a, 200);
	assert_true(json_real_value(at(&a, "minutes_to_threshold")) ==
		    1.5); /* one's own write is seen at once */
	answer_free(&a);
	a = ask(f, "PATCH", "/v1/locations/1", NULL, "{\"bursting_threshold\": 11}");
	assert_true(json_is_real(at(&a, "minutes_to_threshold")) &&
		    json_real_value(at(&a, "minutes_to_threshold")) == 0);
	answer_free(&a);
}

static void test_nobody_knows(void **state)
{
	struct fixture *f = *state;

	fixture_publish(f, make_platform(3, false)); /* RULE D1 */
	assert_true(shown(f, OSLO) == -1);
	assert_true(metric_says(f, "NaN"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_figure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_time_passes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_threshold_in_force, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody_knows, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

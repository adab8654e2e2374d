/*
 * Samples: when one is taken and what it says, what is unknown, means and their end, pages against a plain model, the ramp.
 */
#include "tests/unit/reconcile_fixture.h"

#include <math.h>

static size_t read_samples(struct rig *g, struct sample_filter f, struct sample **ret)
{
	size_t n = 0;

	assert_ok(store_samples(g->store, &f, 1000, ret, &n, E));
	return n;
}

static size_t count(struct rig *g, struct sample_filter f)
{
	struct sample *rows = NULL;
	size_t n = read_samples(g, f, &rows);

	free(rows);
	return n;
}

/* The newest sample of a location. */
static struct sample newest(struct rig *g, int64_t location, enum sample_resolution resolution)
{
	struct sample_filter f = {.location = location, .resolution = resolution};
	struct sample *rows = NULL, found = {0};

	if (read_samples(g, f, &rows))
		found = rows[0];
	free(rows);
	return found;
}

static void looks(struct rig *g, int n)
{
	while (n--) {
		g->s->now += 10 * SECONDS;
		rig_look(g);
	}
}

#define OSLO  1
#define BURST 2

/* --- when and what ----------------------------------------------------------------------------------------------- */

static void it_says_what_the_picture_shows(void **state)
{
	struct rig *g = *state;
	struct sample s;

	rig_look(g);
	assert_int_equal(count(g, (struct sample_filter){0}), 2);
	s = newest(g, OSLO, SAMPLE_MINUTE);
	assert_int_equal(s.time, SCENE_NOW);
	assert_true(s.max_hd == 40 && s.free_hd == 30 && s.free_hd_min == 30 && s.free_hd_max == 30);
	assert_int_equal(s.threshold, 5);
	assert_int_equal(s.samples, 1);
	assert_true(s.nodes_known);
	assert_true(s.nodes[PHASE_STOPPED] == 0); /* it has none */
	s = newest(g, BURST, SAMPLE_MINUTE);
	assert_true(s.nodes_known && s.nodes[PHASE_STOPPED] == 2 && s.nodes[PHASE_UNKNOWN] == 0);
	assert_true(s.max_hd == 0);      /* known: both are stopped */
	assert_true(s.media_load == -1); /* not known: there is no node to tell */
}

static void one_a_minute(void **state)
{
	struct rig *g = *state;

	g->s->now = SCENE_NOW / MINUTES * MINUTES;
	rig_look(g);
	looks(g, 5);
	assert_int_equal(count(g, (struct sample_filter){0}), 2);
	looks(g, 9 * 6);
	assert_int_equal(count(g, (struct sample_filter){.location = OSLO}), 10);
	assert_int_equal(count(g, (struct sample_filter){.location = BURST}), 10);
}

/* The load alone waits for the minute; what a chart must not miss does not, but is bounded. */
static void a_change_is_sampled_at_once(void **state)
{
	struct rig *g = *state;
	struct sample s;

	g->s->now = SCENE_NOW / MINUTES * MINUTES;
	rig_look(g);
	scene_find(g->s, "oslo-1")->used_hd = 20;
	looks(g, 1);
	assert_int_equal(count(g, (struct sample_filter){0}), 2);
	rig_short(g); /* reaches the threshold, and burst-1 becomes starting */
	looks(g, 1);
	assert_int_equal(count(g, (struct sample_filter){.location = OSLO}), 2);
	s = newest(g, BURST, SAMPLE_MINUTE);
	assert_true(s.time == g->s->now && s.nodes[PHASE_STARTING] == 1 && s.nodes[PHASE_STOPPED] == 1);
	scene_find(g->s, "oslo-1")->max_hd = 41;
	g->s->now += 9 * SECONDS;
	rig_look(g);
	assert_int_equal(count(g, (struct sample_filter){.location = OSLO}), 2);
	g->s->now += 1 * SECONDS;
	rig_look(g);
	assert_int_equal(count(g, (struct sample_filter){.location = OSLO}), 3);
}

/* RULE D1: a failed read is never read as zero. */
static void what_is_not_known_is_not_sampled(void **state)
{
	struct rig *g = *state;
	struct sample s;

	rig_look(g);
	g->look_error = rig_error(UPSTREAM_RETRY, "timeout");
	looks(g, 3); /* 30 s: the last good read still counts */
	assert_int_equal(count(g, (struct sample_filter){.since = SCENE_NOW + 31 * SECONDS}), 0);
	g->s->ec2_partial = true; /* the last whole list of EC2 grows old */
	looks(g, 60);
	assert_int_equal(count(g, (struct sample_filter){.since = SCENE_NOW + 31 * SECONDS}), 0);
	g->look_error = (struct upstream_error){0};
	looks(g, 1);
	s = newest(g, BURST, SAMPLE_MINUTE);
	assert_int_equal(s.time, g->s->now);
	assert_false(s.nodes_known);
	assert_true(newest(g, OSLO, SAMPLE_MINUTE).free_hd == 30);
}

/* Bursting does not wait for charts, and the log is not filled with it. */
static void a_store_that_fails(void **state)
{
	struct rig *g = *state;

	rig_look(g);
	raw(g->store->db,
	    "CREATE TRIGGER full BEFORE INSERT ON sample BEGIN SELECT RAISE(ABORT, 'full'); END");
	rig_short(g);
	looks(g, 20);
	assert_int_equal(count(g, (struct sample_filter){0}), 2);
	assert_intent(g, "burst-1", INTENT_STARTING);
	raw(g->store->db, "DROP TRIGGER full");
	looks(g, 1);
	assert_int_equal(count(g, (struct sample_filter){0}), 4);
}

/* --- means and the end ------------------------------------------------------------------------------------------- */

static void means_of_ten_minutes(void **state)
{
	struct rig *g = *state;
	int64_t begin = SCENE_NOW / SAMPLE_MEAN_MS * SAMPLE_MEAN_MS;
	struct sample s;

	g->s->now = begin - 10 * SECONDS;
	for (int minute = 0; minute < 10; minute++) {
		scene_find(g->s, "oslo-1")->used_hd = 10 + minute;
		assert_int_equal(count(g, (struct sample_filter){.resolution = SAMPLE_MEAN}), 0);
		looks(g, 6);
	}
	looks(g, 1); /* the next ten minutes have begun */
	assert_int_equal(count(g, (struct sample_filter){.resolution = SAMPLE_MEAN}), 2);
	s = newest(g, OSLO, SAMPLE_MEAN);
	assert_int_equal(s.time, begin);
	assert_int_equal(s.samples, 10);
	assert_int_equal(s.free_hd_min, 21);
	assert_int_equal(s.free_hd_max, 30);
	assert_true(s.free_hd == 25.5 && s.max_hd == 40 && s.threshold == 5);
	assert_true(newest(g, BURST, SAMPLE_MEAN).nodes[PHASE_STOPPED] == 2);
	assert_true(newest(g, BURST, SAMPLE_MEAN).media_load == -1);
	rig_crash(g); /* the next process makes no mean twice, and misses none */
	looks(g, 60);
	assert_int_equal(count(g, (struct sample_filter){.resolution = SAMPLE_MEAN}), 4);
	assert_int_equal(newest(g, OSLO, SAMPLE_MEAN).samples, 11); /* one more at the start */
}

static void a_clock_that_went_astray(void **state)
{
	struct rig *g = *state;
	int64_t begin = SCENE_NOW / SAMPLE_MEAN_MS * SAMPLE_MEAN_MS;

	g->s->now = begin + 20 * SAMPLE_MEAN_MS;
	looks(g, 61); /* a mean of the future */
	rig_crash(g);
	g->s->now = begin;
	looks(g, 61);
	assert_int_equal(count(g, (struct sample_filter){.resolution = SAMPLE_MEAN, .until = begin + 1}), 2);
}

static void put_old(struct rig *g, int64_t time)
{
	struct sample s = {.time = time, .location = OSLO, .samples = 1, .threshold = 5, .media_load = -1};

	assert_ok(store_sample_add(g->store, &s, E));
}

/* What is older than 48 hours, and than 90 days, is taken away; a mean outlives what it was made from. */
static void the_old_end_is_cut_off(void **state)
{
	struct rig *g = *state;
	int64_t now = g->s->now;

	put_old(g, now - SAMPLE_KEEP_MS - MINUTES);
	put_old(g, now - SAMPLE_KEEP_MS + 11 * MINUTES);
	assert_ok(store_samples_merge(g->store, now, 0, SAMPLE_MEAN_MS, E));
	raw(g->store->db,
	    "INSERT INTO sample_mean SELECT time - 7776000000, location, samples, free_hd, free_hd_min, "
	    "free_hd_max, max_hd, threshold, media_load, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM "
	    "sample_mean");
	assert_int_equal(raw_number(g->store->db, "SELECT count(*) FROM sample_mean"), 4);
	rig_look(g);
	assert_int_equal(count(g, (struct sample_filter){.until = now}), 1);
	assert_int_equal(raw_number(g->store->db, "SELECT count(*) FROM sample_mean"), 2);
}

/* However much there is, one pass takes away a bounded part, the oldest first. */
static void the_end_is_cut_off_bit_by_bit(void **state)
{
	struct rig *g = *state;

	for (int i = 1; i <= 20; i++)
		put_old(g, i);
	assert_ok(store_samples_prune(g->store, 15, 15, 5, E));
	assert_int_equal(raw_number(g->store->db, "SELECT min(time) FROM sample"), 6);
	assert_ok(store_samples_prune(g->store, 15, 15, 50, E));
	assert_int_equal(raw_number(g->store->db, "SELECT min(time) FROM sample"), 15);
}

/* --- pages against a model --------------------------------------------------------------------------------------- */

#define MODEL     300
#define LOCATIONS 5

/* Time t holds a sample of each location whose bit is set in the dice. */
static bool in_model(int i)
{
	return ((uint32_t)i * 2654435761u) >> 16 & 1;
}

static bool fits(int i, const struct sample_filter *f)
{
	int64_t time = 1 + i / LOCATIONS, location = 1 + i % LOCATIONS;

	return in_model(i) && (!f->location || f->location == location) && (!f->since || time >= f->since) &&
	       (!f->until || time < f->until);
}

static void check_pages(struct rig *g, struct sample_filter f, int limit)
{
	int i = MODEL - 1;
	size_t n;

	do {
		struct sample *rows = NULL;

		assert_ok(store_samples(g->store, &f, limit, &rows, &n, E));
		for (size_t k = 0; k < n; k++, i--) {
			while (i >= 0 && !fits(i, &f))
				i--;
			assert_true(i >= 0);
			assert_int_equal(rows[k].time, 1 + i / LOCATIONS);
			assert_int_equal(rows[k].location, 1 + i % LOCATIONS);
		}
		if (n) {
			f.before_time = rows[n - 1].time;
			f.before_location = rows[n - 1].location;
		}
		free(rows);
	} while (n == (size_t)limit);
	while (i >= 0)
		assert_false(fits(i--, &f));
}

static void every_filter_against_the_model(void **state)
{
	struct rig *g = *state;

	for (int i = 0; i < MODEL; i++)
		if (in_model(i))
			assert_ok(store_sample_add(g->store,
						   &(struct sample){.time = 1 + i / LOCATIONS,
								    .location = 1 + i % LOCATIONS,
								    .samples = 1,
								    .threshold = 5},
						   E));
	assert_ok(store_samples_merge(g->store, MODEL, 0, 1, E)); /* each is its own mean */
	for (int bits = 0; bits < 16; bits++) {
		struct sample_filter f = {.resolution = bits & 1 ? SAMPLE_MEAN : SAMPLE_MINUTE,
					  .location = bits & 2 ? 3 : 0,
					  .since = bits & 4 ? 9 : 0,
					  .until = bits & 8 ? 44 : 0};

		check_pages(g, f, 7);
		check_pages(g, f, 500);
	}
}

/* --- the ramp ---------------------------------------------------------------------------------------------------- */

static double minutes_left(struct rig *g, int free_hd, int threshold)
{
	struct ramp ramp;

	assert_ok(store_sample_ramp(g->store, OSLO, g->s->now - RAMP_WINDOW_MS, g->s->now + 1, &ramp, E));
	return ramp_minutes(&ramp, RAMP_WINDOW_MS, free_hd, threshold);
}

static void ramp_of(struct rig *g, int minutes, int first, int per_minute)
{
	raw(g->store->db, "DELETE FROM sample");
	for (int i = 0; i < minutes; i++) {
		struct sample s = {.time = g->s->now - (minutes - 1 - i) * MINUTES,
				   .location = OSLO,
				   .samples = 1,
				   .free_hd = first + i * per_minute,
				   .threshold = 5,
				   .media_load = -1};

		assert_ok(store_sample_add(g->store, &s, E));
	}
}

static void the_ramp(void **state)
{
	struct rig *g = *state;

	assert_true(isnan(minutes_left(g, 20, 5))); /* no samples */
	ramp_of(g, 15, 43, -2);
	assert_true(fabs(minutes_left(g, 15, 5) - 5) < 1e-9);
	assert_true(minutes_left(g, 5, 5) == 0); /* RULE S1: at the threshold is at it */
	assert_true(!isnan(minutes_left(g, 5, 4)));
	ramp_of(g, 15, 10, 2);
	assert_true(isnan(minutes_left(g, 38, 5))); /* it rises */
	ramp_of(g, 15, 10, 0);
	assert_true(isnan(minutes_left(g, 10, 5))); /* nor does it fall */
	raw(g->store->db, "UPDATE sample SET free_hd = 9 WHERE time > (SELECT avg(time) FROM sample)");
	assert_true(!isnan(minutes_left(g, 9, 5)));
	raw(g->store->db, "UPDATE sample SET free_hd = 10 WHERE time < (SELECT max(time) FROM sample)");
	assert_true(isnan(minutes_left(g, 9, 5))); /* one call, and one look at it: that is no fall */
	ramp_of(g, 4, 40, -2);
	assert_true(isnan(minutes_left(g, 34, 5))); /* too few */
	ramp_of(g, 6, 40, -2);
	assert_true(fabs(minutes_left(g, 30, 20) - 5) < 1e-9);
	ramp_of(g, 5, 40, -2);
	assert_true(isnan(minutes_left(g, 32, 5))); /* four minutes of fifteen */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(it_says_what_the_picture_shows),
		RIG_TEST(one_a_minute),
		RIG_TEST(a_change_is_sampled_at_once),
		RIG_TEST(what_is_not_known_is_not_sampled),
		RIG_TEST(a_store_that_fails),
		RIG_TEST(means_of_ten_minutes),
		RIG_TEST(a_clock_that_went_astray),
		RIG_TEST(the_old_end_is_cut_off),
		RIG_TEST(the_end_is_cut_off_bit_by_bit),
		RIG_TEST(every_filter_against_the_model),
		RIG_TEST(the_ramp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

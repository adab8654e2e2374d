/*
 * Schedules through the whole reconciler, with a clock of our own (RULE S8): the hold comes at its lead and ends at time_to, one for
 * each firing, whatever happens in between.
 */
#include "tests/unit/reconcile_fixture.h"

#include "calendar/firing.h"

#define DAY (24 * 60 * MINUTES)

static int64_t utc(const char *text)
{
	int64_t ms = 0;

	assert_int_equal(time_parse(text, &ms), 0);
	return ms;
}

/* Time stands at `at`, which is none of the fixture's: what is kept of it in the picture is as good as new. */
static void at(struct rig *g, const char *text)
{
	g->s->now = utc(text);
	rig_control(g);
}

/* Every day from 09:00 to 11:00 in Oslo, 10 minutes of lead, one node of AWS burst. */
static struct schedule mornings(struct rig *g)
{
	struct schedule s = {.name = "mornings",
			     .enabled = true,
			     .location = 2,
			     .instances_to_add = 1,
			     .weekdays = 0x7f,
			     .time_from = 9 * 3600,
			     .time_to = 11 * 3600,
			     .local_timezone = "Europe/Oslo",
			     .minutes_in_advance = 10,
			     .created_at = g->s->now};

	assert_ok(store_schedule_add(g->store, &s, E));
	return s;
}

/* The holds in force; the newest one's until in *ret_until. */
static size_t holds(struct rig *g, int64_t *ret_until)
{
	struct hold *rows = NULL;
	size_t n = 0;

	assert_ok(store_holds(g->store, g->s->now, &rows, &n, E));
	if (n && ret_until)
		*ret_until = rows[n - 1].until;
	store_holds_free(rows, n);
	return n;
}

static int64_t all_holds(struct rig *g)
{
	return raw_number(g->store->db, "SELECT count(*) FROM hold");
}

/* RULE S8: asleep until the lead begins; then a hold until time_to, told, with the schedule as its owner; and a start. */
static void s8_a_firing_from_end_to_end(void **state)
{
	struct rig *g = *state;
	int64_t until = 0;

	(void)mornings(g);
	g->s->now = utc("2025-11-24T07:49:58Z");
	rig_look(g);
	assert_int_equal(holds(g, NULL), 0);
	assert_int_equal(g->next_at,
			 utc("2025-11-24T07:50:00Z")); /* earlier than the next renewal of the picture */
	g->s->now = g->next_at;
	rig_control(g);
	assert_int_equal(holds(g, &until), 1);
	assert_int_equal(until, utc("2025-11-24T10:00:00Z"));
	assert_told(g, EVENT_HOLD, "schedule:mornings", "S8",
		    "Schedule mornings: 2025-11-24, 09:00 to 11:00 Europe/Oslo");
	rig_later(g, 10 * SECONDS);
	assert_int_equal(g->starts, 1);
	assert_told(g, EVENT_START, "hold:1", "S8", "a hold wants the node up");
	at(g, "2025-11-24T09:59:59Z");
	assert_int_equal(holds(g, NULL), 1);
	at(g, "2025-11-24T10:00:00Z");
	assert_int_equal(holds(g, NULL), 0);
	assert_told(g, EVENT_HOLD, "schedule:mornings", "S8", "ended");
	assert_int_equal(all_holds(g), 1);
	assert_int_equal(rig_events(g, EVENT_HOLD, NULL), 2);
}

/* RULE S8: over both changes of the clocks, from wake-up to wake-up, with a kill -9 before and after every step. */
static void s8_one_hold_a_day_over_changes_of_the_clocks(void **state)
{
	static const char *const changes[] = {"2026-03-27T12:00:00Z", "2026-10-23T12:00:00Z"};
	struct rig *g = *state;
	struct schedule s = mornings(g);
	int64_t made = 0;

	s.time_from = 2 * 3600 + 1800; /* 02:30: in the gap, in the overlap */
	assert_ok(store_schedule_put(g->store, &s, E));
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		at(g, changes[i]);
		for (int64_t end = g->s->now + 4 * DAY; g->s->now < end; g->s->now += 5 * MINUTES) {
			if (g->s->now % (60 * MINUTES) == 0)
				rig_crash(g);
			rig_control(g);
			assert_true(holds(g, NULL) <= 1);
		}
		made += 4;
		assert_int_equal(all_holds(g), made);
	}
	/* on the 29th of March at the gap's end, on the 25th of October at the first of the two */
	assert_int_equal(raw_number(g->store->db,
				    "SELECT count(*) FROM schedule_firing WHERE start IN (1774746000000, "
				    "1792888200000)"),
			 2);
}

/* RULE S8: burstd was down at the lead and at the start; the window is open still, so the hold comes. Once. */
static void s8_a_missed_firing_is_made_up_for(void **state)
{
	struct rig *g = *state;

	(void)mornings(g);
	at(g, "2025-11-24T06:00:00Z");
	g->s->now = utc("2025-11-24T09:30:00Z");
	rig_crash(g);
	rig_control(g);
	assert_int_equal(holds(g, NULL), 1);
	rig_crash(g);
	rig_control(g);
	assert_int_equal(all_holds(g), 1);
	g->s->now = utc("2025-11-25T10:00:00Z"); /* over: nothing is made up for */
	rig_crash(g);
	rig_control(g);
	assert_int_equal(holds(g, NULL), 0);
	assert_int_equal(all_holds(g), 1);
}

/* RULE S8: what an operator took back does not come again, but for the next firing. */
static void s8_a_hold_taken_back_stays_so(void **state)
{
	struct rig *g = *state;

	(void)mornings(g);
	at(g, "2025-11-24T08:00:00Z");
	assert_ok(store_hold_remove(g->store, 1, E));
	at(g, "2025-11-24T08:00:01Z");
	rig_crash(g);
	at(g, "2025-11-24T08:30:00Z");
	assert_int_equal(holds(g, NULL), 0);
	at(g, "2025-11-25T08:00:00Z");
	assert_int_equal(holds(g, NULL), 1);
}

/* RULE S8: the present hold follows a change: longer, other nodes, off, on again, another start. */
static void s8_a_hold_follows_its_schedule(void **state)
{
	struct rig *g = *state;
	struct schedule s = mornings(g);
	int64_t until = 0;

	at(g, "2025-11-24T08:00:00Z");
	s.time_to = 12 * 3600;
	assert_ok(store_schedule_put(g->store, &s, E));
	at(g, "2025-11-24T08:10:00Z");
	assert_int_equal(holds(g, &until), 1);
	assert_int_equal(until, utc("2025-11-24T11:00:00Z"));
	assert_told(g, EVENT_HOLD, "schedule:mornings", "S8", "follows its schedule");
	assert_int_equal(all_holds(g), 1); /* the same one */

	s.enabled = false;
	assert_ok(store_schedule_put(g->store, &s, E));
	at(g, "2025-11-24T08:20:00Z");
	assert_int_equal(holds(g, NULL), 0);
	assert_told(g, EVENT_HOLD, "schedule:mornings", "S8", "taken back");
	s.enabled = true;
	assert_ok(store_schedule_put(g->store, &s, E));
	at(g, "2025-11-24T08:30:00Z");
	assert_int_equal(holds(g, NULL), 1);

	s.time_from = 9 * 3600 + 1800; /* in force by its lead; the hold of 09:00 gives way */
	assert_ok(store_schedule_put(g->store, &s, E));
	at(g, "2025-11-24T08:30:01Z");
	assert_int_equal(holds(g, NULL), 1);
	s.time_from = 15 * 3600; /* later today */
	s.time_to = 16 * 3600;
	assert_ok(store_schedule_put(g->store, &s, E));
	at(g, "2025-11-24T08:40:00Z");
	assert_int_equal(holds(g, NULL), 0);
	at(g, "2025-11-24T13:50:00Z");
	assert_int_equal(holds(g, NULL), 1);
}

/* RULE S8: a hold of an operator's is none of a schedule's business. */
static void s8_other_holds_are_left_alone(void **state)
{
	struct rig *g = *state;
	struct schedule s = mornings(g);
	struct hold h = {.location = 2,
			 .count = 1,
			 .until = utc("2025-11-24T20:00:00Z"),
			 .reason = "mine",
			 .owner = "schedule:mornings",
			 .created_at = g->s->now};

	assert_ok(store_hold_add(g->store, &h, E));
	at(g, "2025-11-24T08:00:00Z");
	assert_int_equal(holds(g, NULL), 2);
	s.enabled = false;
	assert_ok(store_schedule_put(g->store, &s, E));
	at(g, "2025-11-24T08:10:00Z");
	assert_int_equal(holds(g, NULL), 1);
}

/* RULE S8: several schedules at one moment, in one transaction; one that fails leaves all of them undone, not some. */
static void s8_several_at_once(void **state)
{
	struct rig *g = *state;
	struct schedule s = mornings(g);
	bool recorded;

	s.id = 0;
	(void)snprintf(s.name, sizeof(s.name), "more");
	assert_ok(store_schedule_add(g->store, &s, E));
	g->s->now = utc("2025-11-24T08:00:00Z");
	raw(g->store->db, "CREATE TRIGGER broken BEFORE INSERT ON schedule_firing WHEN NEW.schedule = 2 "
			  "BEGIN SELECT RAISE(ABORT, 'broken'); END");
	assert_int_not_equal(reconcile_control(g->r, g->store, &g->next_at, &recorded, E), ERR_OK);
	assert_int_equal(all_holds(g), 0);
	raw(g->store->db, "DROP TRIGGER broken");
	rig_control(g);
	assert_int_equal(holds(g, NULL), 2);
	rig_control(g);
	assert_int_equal(all_holds(g), 2);
}

/* An operator's hand in the store at the worst moment: the step has read the wants, and asks for the time. */
static int64_t meddling_now(void *self)
{
	struct rig *g = self;
	struct schedule *s = NULL;

	g->clock.now_ms = rig_now;
	assert_ok(store_schedule_get(g->store, 1, &s, E));
	s->enabled = false;
	assert_ok(store_schedule_put(g->store, s, E));
	store_schedules_free(s, 1);
	return g->s->now;
}

/* RULE S8: nothing is made of what the store no longer says. */
static void s8_a_change_in_between(void **state)
{
	struct rig *g = *state;

	(void)mornings(g);
	at(g, "2025-11-24T07:49:00Z");
	g->s->now = utc("2025-11-24T07:50:00Z");
	g->clock.now_ms = meddling_now;
	rig_control(g);
	assert_ptr_equal(g->clock.now_ms, rig_now); /* it has had its chance */
	assert_int_equal(rig_events(g, EVENT_HOLD, NULL), 0);
}

/* The system's clock is set back by an hour: nothing is made twice, nothing that was to come is forgotten. */
static void a_clock_that_goes_back(void **state)
{
	struct rig *g = *state;
	int64_t until = 0;

	(void)mornings(g);
	at(g, "2025-11-24T08:00:00Z");
	at(g, "2025-11-24T07:00:00Z");
	at(g, "2025-11-24T07:50:00Z");
	at(g, "2025-11-24T08:00:00Z");
	assert_int_equal(all_holds(g), 1);
	at(g, "2025-11-25T08:00:00Z");
	at(g, "2025-11-24T11:00:00Z");
	at(g, "2025-11-25T07:49:00Z");
	assert_int_equal(all_holds(g), 2);
	at(g,
	   "2025-11-23T07:45:00Z"); /* a day that has not been yet; what is further ahead will be made when it is due */
	at(g, "2025-11-23T07:50:00Z");
	assert_int_equal(holds(g, &until), 1);
	assert_int_equal(until, utc("2025-11-23T10:00:00Z"));
}

/* RULE V5: the warning is in the picture, and so is a zone that is not known any more; its hold stays. */
static void v5_schedules_are_shown(void **state)
{
	struct rig *g = *state;
	struct schedule s = mornings(g);
	struct picture *p;
	bool lead = false, zone = false;

	at(g, "2025-11-24T08:00:00Z");
	s.minutes_in_advance = 600;
	(void)snprintf(s.local_timezone, sizeof(s.local_timezone), "Europe/Atlantis");
	assert_ok(store_schedule_put(g->store, &s, E));
	at(g, "2025-11-24T08:00:01Z");
	assert_int_equal(holds(g, NULL), 1);
	p = reconciler_picture(g->r);
	for (size_t i = 0; i < p->n_issues; i++) {
		lead |= !strcmp(p->issues[i].id, "lead_exceeds_lifetime");
		zone |= !strcmp(p->issues[i].id, "schedule_zone_unknown");
	}
	picture_unref(p);
	assert_true(lead && zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(s8_a_firing_from_end_to_end),
		RIG_TEST(s8_one_hold_a_day_over_changes_of_the_clocks),
		RIG_TEST(s8_a_missed_firing_is_made_up_for),
		RIG_TEST(s8_a_hold_taken_back_stays_so),
		RIG_TEST(s8_a_hold_follows_its_schedule),
		RIG_TEST(s8_other_holds_are_left_alone),
		RIG_TEST(s8_several_at_once),
		RIG_TEST(s8_a_change_in_between),
		RIG_TEST(a_clock_that_goes_back),
		RIG_TEST(v5_schedules_are_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

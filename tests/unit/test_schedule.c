/* The calendar of schedules (RULE S8): local times in DST gaps and overlaps, dates, and which holds a firing needs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "calendar/firing.h"

#define HOUR   (60 * MS_PER_MINUTE)
#define MONDAY 1U
#define ALL    0x7fU

static int64_t utc(const char *text)
{
	int64_t ms = 0;

	assert_int_equal(time_parse(text, &ms), 0);
	return ms;
}

static int64_t day(const char *text)
{
	int64_t date = 0;

	assert_int_equal(date_parse(text, &date), 0);
	return date;
}

static struct schedule schedule_of(const char *zone, const char *from, const char *to)
{
	struct schedule s = {.id = 1,
			     .enabled = true,
			     .location = 4,
			     .instances_to_add = 2,
			     .weekdays = ALL,
			     .minutes_in_advance = 10};

	snprintf(s.name, sizeof(s.name), "test");
	snprintf(s.local_timezone, sizeof(s.local_timezone), "%s", zone);
	assert_int_equal(clock_parse(from, &s.time_from), 0);
	assert_int_equal(clock_parse(to, &s.time_to), 0);
	return s;
}

static struct firing firing_on(const struct schedule *s, const char *date)
{
	struct firing f[3];
	size_t n = 0;

	assert_true(schedule_firings(s, 1, day(date) * MS_PER_DAY - 14 * HOUR, f, 3, &n));
	for (size_t i = 0; i < n; i++)
		if (f[i].date == day(date))
			return f[i];
	fail_msg("no firing on %s", date);
	return f[0];
}

static void assert_time(int64_t at, const char *wanted)
{
	char text[TIME_TEXT_SIZE];

	if (at != utc(wanted))
		fail_msg("%s, wanted %s", time_rfc3339(at, text), wanted);
}

/* --- zones -------------------------------------------------------------------------------------------------------- */

static void zones_are_iana_names(void **state)
{
	static const char *const good[] = {
		"Europe/Oslo", "UTC", "Asia/Kathmandu", "America/Argentina/ComodRivadavia", "Etc/GMT+5",
		"US/Eastern",  "EST"};
	static const char *const bad[] = {"",
					  "Oslo",
					  "europe/oslo",
					  "GMT+5",
					  "Etc/Unknown",
					  "BST",
					  "IST",
					  "CST",
					  "UTC+1",
					  "Europe/Oslo ",
					  "SystemV/EST5",
					  "\xc3\xa5",
					  "0123456789012345678901234567890123456789012345678901234567890123"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct zone *z = zone_open(good[i]);

		if (!z)
			fail_msg("%s is not known", good[i]);
		zone_close(z);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (zone_open(bad[i]))
			fail_msg("\"%s\" is taken for a zone", bad[i]);
}

/* Guide to the table: the date, the local times, what is expected in UTC, and what daylight saving does to the start. */
static void gaps_and_overlaps(void **state)
{
	static const struct {
		const char *zone, *date, *from, *to, *start, *end;
		enum dst start_dst, end_dst;
	} rows[] = {
		{"Europe/Oslo", "2026-03-28", "02:30", "04:00", "2026-03-28T01:30:00Z",
		 "2026-03-28T03:00:00Z", DST_NONE, DST_NONE},
		{"Europe/Oslo", "2026-03-29", "02:30", "04:00", "2026-03-29T01:00:00Z",
		 "2026-03-29T02:00:00Z", DST_GAP, DST_NONE},
		{"Europe/Oslo", "2026-03-29", "02:00", "04:00", "2026-03-29T01:00:00Z",
		 "2026-03-29T02:00:00Z", DST_GAP, DST_NONE},
		{"Europe/Oslo", "2026-03-29", "03:00", "04:00", "2026-03-29T01:00:00Z",
		 "2026-03-29T02:00:00Z", DST_NONE, DST_NONE},
		{"Europe/Oslo", "2026-03-29", "01:00", "02:30", "2026-03-29T00:00:00Z",
		 "2026-03-29T01:00:00Z", DST_NONE, DST_GAP},
		/* all of it in the gap: it keeps its length */
		{"Europe/Oslo", "2026-03-29", "02:10", "02:50", "2026-03-29T01:00:00Z",
		 "2026-03-29T01:40:00Z", DST_GAP, DST_GAP},
		{"Europe/Oslo", "2026-10-25", "02:30", "04:00", "2026-10-25T00:30:00Z",
		 "2026-10-25T03:00:00Z", DST_OVERLAP, DST_NONE},
		{"Europe/Oslo", "2026-10-25", "01:00", "02:30", "2026-10-24T23:00:00Z",
		 "2026-10-25T00:30:00Z", DST_NONE, DST_OVERLAP},
		{"Europe/Oslo", "2026-10-25", "03:00", "04:00", "2026-10-25T02:00:00Z",
		 "2026-10-25T03:00:00Z", DST_NONE, DST_NONE},
		/* over midnight, and the night of 25 hours */
		{"Europe/Oslo", "2026-10-24", "22:00", "06:00", "2026-10-24T20:00:00Z",
		 "2026-10-25T05:00:00Z", DST_NONE, DST_NONE},
		{"Europe/Oslo", "2026-10-25", "00:00", "00:00", "2026-10-24T22:00:00Z",
		 "2026-10-25T23:00:00Z", DST_NONE, DST_NONE},
		{"America/New_York", "2026-03-08", "02:30", "05:00", "2026-03-08T07:00:00Z",
		 "2026-03-08T09:00:00Z", DST_GAP, DST_NONE},
		{"America/New_York", "2026-11-01", "01:30", "05:00", "2026-11-01T05:30:00Z",
		 "2026-11-01T10:00:00Z", DST_OVERLAP, DST_NONE},
		/* half an hour: 02:00 to 02:30 is left out in October, 01:30 to 02:00 comes twice in April */
		{"Australia/Lord_Howe", "2026-10-04", "02:15", "05:00", "2026-10-03T15:30:00Z",
		 "2026-10-03T18:00:00Z", DST_GAP, DST_NONE},
		{"Australia/Lord_Howe", "2026-10-04", "02:30", "05:00", "2026-10-03T15:30:00Z",
		 "2026-10-03T18:00:00Z", DST_NONE, DST_NONE},
		{"Australia/Lord_Howe", "2026-04-05", "01:45", "05:00", "2026-04-04T14:45:00Z",
		 "2026-04-04T18:30:00Z", DST_OVERLAP, DST_NONE},
		{"Asia/Kathmandu", "2026-06-01", "08:00", "10:00", "2026-06-01T02:15:00Z",
		 "2026-06-01T04:15:00Z", DST_NONE, DST_NONE},
		/* a gap at midnight itself */
		{"Africa/Cairo", "2014-05-16", "00:00", "10:00", "2014-05-15T22:00:00Z",
		 "2014-05-16T07:00:00Z", DST_GAP, DST_NONE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct schedule s = schedule_of(rows[i].zone, rows[i].from, rows[i].to);
		struct firing f = firing_on(&s, rows[i].date);

		print_message("%s %s %s\n", rows[i].zone, rows[i].date, rows[i].from);
		assert_time(f.start, rows[i].start);
		assert_time(f.end, rows[i].end);
		assert_string_equal(dst_text(f.start_dst), dst_text(rows[i].start_dst));
		assert_string_equal(dst_text(f.end_dst), dst_text(rows[i].end_dst));
		assert_int_equal(f.start - f.hold_start, 10 * MS_PER_MINUTE);
	}
}

/* Samoa went from the 29th to the 31st of December 2011. */
static void a_date_that_does_not_exist_has_no_firing(void **state)
{
	struct schedule s = schedule_of("Pacific/Apia", "09:00", "10:00");
	struct firing f[2];
	size_t n;

	(void)state;
	assert_true(schedule_firings(&s, 1, utc("2011-12-29T12:00:00Z"), f, 2, &n));
	assert_int_equal(f[0].date, day("2011-12-29"));
	assert_int_equal(f[1].date, day("2011-12-31"));
}

static void the_lead_is_a_duration(void **state)
{
	struct schedule s = schedule_of("UTC", "09:00", "10:00");
	struct firing f;
	size_t n;

	(void)state;
	assert_true(schedule_firings(&s, 60, utc("2026-01-01T00:00:00Z"), &f, 1, &n));
	assert_time(f.start, "2026-01-01T09:00:00Z");
	assert_time(f.hold_start, "2026-01-01T08:59:50Z");
	snprintf(s.local_timezone, sizeof(s.local_timezone), "Nowhere/Land");
	assert_false(schedule_firings(&s, 60, 0, &f, 1, &n));
}

/* --- dates -------------------------------------------------------------------------------------------------------- */

static void dates_of_a_schedule(void **state)
{
	struct schedule s = schedule_of("UTC", "09:00", "10:00");
	int64_t exceptions[] = {day("2026-01-12")};
	int64_t extra[] = {day("2026-01-14"), day("2026-01-19")};
	int64_t date = 0;

	(void)state;
	s.weekdays = MONDAY;
	s.exceptions = exceptions;
	s.n_exceptions = 1;
	s.extra_dates = extra;
	s.n_extra_dates = 2;
	s.start_date = day("2026-01-05");
	s.end_date = day("2026-01-26");
	static const char *const wanted[] = {"2026-01-05", "2026-01-14", "2026-01-19", "2026-01-26"};
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++, date++) {
		assert_true(schedule_next_date(&s, date, &date));
		assert_int_equal(date, day(wanted[i]));
	}
	assert_false(schedule_next_date(&s, date, &date));
	s.start_date = s.end_date = 0; /* no limits but those of the calendar */
	assert_true(schedule_next_date(&s, 0, &date));
	assert_int_equal(date, day("2000-01-03"));
	assert_false(schedule_next_date(&s, day("2199-12-31"), &date)); /* a Tuesday */
	s.weekdays = 0;                                                 /* one-off dates alone */
	assert_true(schedule_next_date(&s, 0, &date));
	assert_int_equal(date, day("2026-01-14"));
}

/* --- properties --------------------------------------------------------------------------------------------------- */

struct chance {
	uint64_t state;
};

/* Knuth's MMIX generator; its high bits are good enough to draw test cases. */
static int64_t draw(struct chance *c, int64_t least, int64_t most)
{
	c->state = c->state * 6364136223846793005ULL + 1442695040888963407ULL;
	return least + (int64_t)((c->state >> 33) % (uint64_t)(most - least + 1));
}

static void draw_dates(struct chance *c, int64_t *dates, size_t n)
{
	dates[0] = draw(c, 20000, 20400);
	for (size_t i = 1; i < n; i++)
		dates[i] = dates[i - 1] + draw(c, 1, 40);
}

struct drawn {
	struct schedule s;
	int64_t exceptions[8], extra[4];
};

static void draw_schedule(struct chance *c, struct drawn *d)
{
	static const char *const zones[] = {"Europe/Oslo",         "America/New_York",
					    "Australia/Lord_Howe", "Asia/Kathmandu",
					    "America/St_Johns",    "Pacific/Chatham",
					    "Atlantic/Azores",     "Africa/Casablanca",
					    "Asia/Tehran",         "UTC",
					    "America/Havana"};

	d->s = schedule_of(zones[draw(c, 0, ARRAY_LEN(zones) - 1)], "00:00", "00:00");
	d->s.weekdays = draw(c, 0, 1) ? ALL : (unsigned)draw(c, 1, ALL);
	d->s.time_from =
		(int)draw(c, 0, draw(c, 0, 3) ? 37 : 287) * 300; /* mostly at night, where clocks change */
	d->s.time_to = (int)draw(c, 0, 24 * 12 - 1) * 300;
	d->s.minutes_in_advance = (int)draw(c, 0, 1440);
	draw_dates(c, d->exceptions, ARRAY_LEN(d->exceptions));
	draw_dates(c, d->extra, ARRAY_LEN(d->extra));
	d->s.exceptions = d->exceptions;
	d->s.n_exceptions = ARRAY_LEN(d->exceptions);
	d->s.extra_dates = d->extra;
	d->s.n_extra_dates = ARRAY_LEN(d->extra);
	if (draw(c, 0, 1))
		d->s.start_date = draw(c, 20000, 20200);
	if (draw(c, 0, 1))
		d->s.end_date = draw(c, 20200, 20600);
}

static bool among(const int64_t *dates, size_t n, int64_t date)
{
	for (size_t i = 0; i < n; i++)
		if (dates[i] == date)
			return true;
	return false;
}

/* By the C library's calendar, not by ours. */
static bool fires_on(const struct schedule *s, int64_t date)
{
	time_t noon = (time_t)(date * 86400 + 43200);
	struct tm tm;

	assert_non_null(gmtime_r(&noon, &tm));
	if (among(s->extra_dates, s->n_extra_dates, date))
		return true;
	return s->weekdays >> ((tm.tm_wday + 6) % 7) & 1 && !among(s->exceptions, s->n_exceptions, date) &&
	       date >= s->start_date && (!s->end_date || date <= s->end_date);
}

static void check_instant(struct zone *z, int64_t local, int64_t at, enum dst dst)
{
	switch (dst) {
	case DST_NONE:
		assert_int_equal(at + zone_offset(z, at), local);
		return;
	case DST_OVERLAP: /* the first of two: before the clocks go back it shows the same */
		assert_int_equal(at + zone_offset(z, at), local);
		assert_true(zone_offset(z, at) > zone_offset(z, at + 2 * HOUR));
		return;
	case DST_GAP: /* the first instant with the new offset, and later than what was asked for */
		assert_true(zone_offset(z, at) > zone_offset(z, at - 1));
		assert_true(at + zone_offset(z, at) > local && at - 1 + zone_offset(z, at - 1) < local);
		return;
	}
}

static void check_firing(const struct schedule *s, struct zone *z, const struct firing *f)
{
	bool next = s->time_to <= s->time_from;

	assert_true(fires_on(s, f->date));
	assert_true(f->end > f->start);
	assert_int_equal(f->start - f->hold_start, s->minutes_in_advance * MS_PER_MINUTE);
	check_instant(z, f->date * MS_PER_DAY + s->time_from * MS_PER_SECOND, f->start, f->start_dst);
	if (f->start_dst != DST_GAP)
		check_instant(z, (f->date + next) * MS_PER_DAY + s->time_to * MS_PER_SECOND, f->end,
			      f->end_dst);
}

static void properties_of_firings(void **state)
{
	struct chance c = {4711};
	struct firing f[60], again;
	size_t n = 0, one, gaps = 0;

	(void)state;
	for (int round = 0; round < 400; round++) {
		struct drawn d;
		int64_t from = draw(&c, 20000, 20400) * MS_PER_DAY + draw(&c, 0, 86399) * MS_PER_SECOND;

		draw_schedule(&c, &d);
		_cleanup_(zone_closep) struct zone *z = zone_open(d.s.local_timezone);

		assert_non_null(z);
		assert_true(schedule_firings(&d.s, 1, from, f, ARRAY_LEN(f), &n));
		for (size_t i = 0; i < n; i++) {
			assert_true(f[i].start >= from);
			check_firing(&d.s, z, &f[i]);
			gaps += f[i].start_dst != DST_NONE;
			/* no date between two firings is one of its dates, and asking from there on gives the same */
			for (int64_t date = i ? f[i - 1].date + 1 : f[i].date; date < f[i].date; date++)
				assert_false(fires_on(&d.s, date));
			assert_true(schedule_firings(&d.s, 1, f[i].start, &again, 1, &one));
			assert_int_equal(again.start, f[i].start);
		}
	}
	assert_true(gaps > 20); /* the cases that matter are among those drawn */
}

/* --- holds -------------------------------------------------------------------------------------------------------- */

struct book {
	struct schedule s;
	struct fired fired[8];
	size_t n_fired;
	struct hold holds[8];
	struct schedule_hold made[8];
	size_t n_holds;
	struct follow_plan plan;
};

static void follow(struct book *b, const char *at)
{
	schedule_follow(&b->s, 1, utc(at), b->fired, b->n_fired, b->holds, b->n_holds, &b->plan);
}

/* Carries the makings out, as the controller does. */
static void carry_out(struct book *b)
{
	for (size_t i = 0; i < b->plan.n; i++) {
		if (b->plan.moves[i].what != FOLLOW_MAKE)
			continue;
		struct schedule_hold *made = &b->made[b->n_holds];

		schedule_hold(&b->s, &b->plan.moves[i].firing, made);
		made->hold.id = (int64_t)b->n_holds + 1;
		b->holds[b->n_holds++] = made->hold;
		b->fired[b->n_fired++] =
			(struct fired){b->s.id, b->plan.moves[i].firing.start, made->hold.id};
	}
}

static void assert_plan(const struct book *b, const char *wanted)
{
	char text[80] = "";

	for (size_t i = 0; i < b->plan.n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
			 follow_text(b->plan.moves[i].what));
	assert_string_equal(text, wanted);
}

static void a_firing_has_one_hold(void **state)
{
	struct book b = {.s = schedule_of("Europe/Oslo", "09:00", "11:00")};

	(void)state;
	follow(&b, "2026-01-05T07:49:59Z"); /* one second before the lead */
	assert_plan(&b, "");
	assert_time(b.plan.next_at, "2026-01-05T07:50:00Z");
	follow(&b, "2026-01-05T07:50:00Z");
	assert_plan(&b, "make");
	assert_time(b.plan.next_at, "2026-01-06T07:50:00Z");
	carry_out(&b);
	assert_time(b.holds[0].until, "2026-01-05T10:00:00Z");
	assert_string_equal(b.holds[0].owner, "schedule:test");
	assert_string_equal(b.holds[0].reason, "Schedule test: 2026-01-05, 09:00 to 11:00 Europe/Oslo");
	assert_int_equal(b.holds[0].count, 2);
	follow(&b, "2026-01-05T09:59:59Z");
	assert_plan(&b, "keep");
	follow(&b, "2026-01-05T10:00:00Z");
	assert_plan(&b, ""); /* it has ended by itself, also where it is still in the list */
}

/* burstd was down at the start: while the window is open it is made up for, afterwards not. */
static void a_missed_firing_is_made_up_for(void **state)
{
	struct book b = {.s = schedule_of("Europe/Oslo", "22:00", "06:00")};

	(void)state;
	follow(&b, "2026-01-06T04:59:59Z");
	assert_plan(&b, "make");
	assert_time(b.plan.moves[0].firing.start, "2026-01-05T21:00:00Z");
	follow(&b, "2026-01-06T05:00:00Z");
	assert_plan(&b, "");
}

static void a_hold_taken_back_stays_so(void **state)
{
	struct book b = {.s = schedule_of("Europe/Oslo", "09:00", "11:00")};

	(void)state;
	b.fired[b.n_fired++] = (struct fired){1, utc("2026-01-05T08:00:00Z"), 0};
	follow(&b, "2026-01-05T08:30:00Z");
	assert_plan(&b, "");
	b.s.time_to += 3600; /* still the same firing */
	follow(&b, "2026-01-05T08:30:00Z");
	assert_plan(&b, "");
	follow(&b, "2026-01-06T08:30:00Z"); /* the next one is another */
	assert_plan(&b, "make");
	b.s.id = 2; /* and so is another schedule's */
	follow(&b, "2026-01-05T08:30:00Z");
	assert_plan(&b, "make");
}

static void a_hold_follows_its_schedule(void **state)
{
	struct book b = {.s = schedule_of("Europe/Oslo", "09:00", "11:00")};
	struct schedule s;

	(void)state;
	follow(&b, "2026-01-05T08:30:00Z");
	carry_out(&b);
	s = b.s;
	b.s.time_to += 1800;
	follow(&b, "2026-01-05T08:30:00Z");
	assert_plan(&b, "change");
	b.s = s;
	b.s.instances_to_add = 3;
	follow(&b, "2026-01-05T08:30:00Z");
	assert_plan(&b, "change");
	b.s = s;
	snprintf(b.s.name, sizeof(b.s.name), "other");
	follow(&b, "2026-01-05T08:30:00Z");
	assert_plan(&b, "change");
	b.s = s;
	b.s.enabled = false;
	follow(&b, "2026-01-05T08:30:00Z");
	assert_plan(&b, "end");
	assert_int_equal(b.plan.next_at, INT64_MAX);
	b.s = s;
	b.s.time_from -= 1800; /* another firing takes its place */
	follow(&b, "2026-01-05T08:30:00Z");
	assert_plan(&b, "make end");
	b.s = s;
	b.s.weekdays = 0x7eU; /* no Mondays */
	follow(&b, "2026-01-05T08:30:00Z");
	assert_plan(&b, "end");
	b.s = s;
	snprintf(b.s.local_timezone, sizeof(b.s.local_timezone), "Nowhere/Land");
	follow(&b, "2026-01-05T08:30:00Z");
	assert_plan(&b, ""); /* what cannot be known changes nothing */
	assert_true(b.plan.zone_missing);
}

/* The clock was set back, or the lead shortened: what is there for a firing that is to come stays for it. */
static void a_hold_that_came_early_stays(void **state)
{
	struct book b = {.s = schedule_of("UTC", "09:00", "11:00")};

	(void)state;
	follow(&b, "2026-01-05T08:50:00Z");
	carry_out(&b);
	follow(&b, "2026-01-05T08:49:59Z");
	assert_plan(&b, "keep");
	b.s.minutes_in_advance = 5;
	follow(&b, "2026-01-05T08:50:01Z");
	assert_plan(&b, "keep");
}

/* A window that was over is opened again by a later end: the old hold is gone, so there is a new one. */
static void a_window_opened_again(void **state)
{
	struct book b = {.s = schedule_of("UTC", "09:00", "11:00")};

	(void)state;
	b.fired[b.n_fired++] = (struct fired){1, utc("2026-01-05T09:00:00Z"), 17};
	b.s.time_to += 7200;
	follow(&b, "2026-01-05T12:00:00Z");
	assert_plan(&b, "make");
}

/* Whole days without a break: the lead of the next begins before the last has ended. */
static void two_open_at_once(void **state)
{
	struct book b = {.s = schedule_of("Europe/Oslo", "00:00", "00:00")};

	(void)state;
	b.s.minutes_in_advance = SCHEDULE_LEAD_MAX;
	follow(&b, "2026-10-25T12:00:00Z");
	assert_plan(&b, "make make");
	carry_out(&b);
	follow(&b, "2026-10-25T12:00:00Z");
	assert_plan(&b, "keep keep");
}

/* A year with two changes of the clocks, from wake-up to wake-up: each firing is due at its lead, once. */
static void a_year_from_wake_up_to_wake_up(void **state)
{
	struct book b = {.s = schedule_of("Australia/Lord_Howe", "01:45", "02:20")};
	int64_t end = utc("2027-01-01T00:00:00Z");
	int made = 0;

	(void)state;
	for (int64_t now = utc("2026-01-01T00:00:00Z"); now < end; now = b.plan.next_at) {
		schedule_follow(&b.s, 1, now, b.fired, b.n_fired, NULL, 0, &b.plan);
		for (size_t i = 0; i < b.plan.n; i++) {
			assert_int_equal(b.plan.moves[i].what, FOLLOW_MAKE);
			assert_true(b.plan.moves[i].firing.hold_start == now);
			b.fired[0] = (struct fired){1, b.plan.moves[i].firing.start, 0};
			b.n_fired = 1;
			made++;
		}
		assert_true(b.plan.next_at > now);
	}
	assert_int_equal(made, 365);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_are_iana_names),
		cmocka_unit_test(gaps_and_overlaps),
		cmocka_unit_test(a_date_that_does_not_exist_has_no_firing),
		cmocka_unit_test(the_lead_is_a_duration),
		cmocka_unit_test(dates_of_a_schedule),
		cmocka_unit_test(properties_of_firings),
		cmocka_unit_test(a_firing_has_one_hold),
		cmocka_unit_test(a_missed_firing_is_made_up_for),
		cmocka_unit_test(a_hold_taken_back_stays_so),
		cmocka_unit_test(a_hold_follows_its_schedule),
		cmocka_unit_test(a_hold_that_came_early_stays),
		cmocka_unit_test(a_window_opened_again),
		cmocka_unit_test(two_open_at_once),
		cmocka_unit_test(a_year_from_wake_up_to_wake_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

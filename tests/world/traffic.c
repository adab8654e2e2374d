/*
 * Where calls come from: a random weekday in every principal location, or a curve to be followed.
 *
 * Random arrivals are a Poisson process whose rate is constant in slots of five minutes of the world's own (scaled) day;
 * more meetings begin at the full hour than between. Each principal keeps hours of its own and has good and bad days.
 */
#include <math.h>

#include "tests/world/internal.h"

#define MINUTE        60000.0
#define DAY_MINUTES   1440.0
#define SLOT_MINUTES  5.0
#define CURVE_STEP_MS 15000.0

/* Virtual milliseconds since the epoch: the world's own time of day. */
static double virtual_ms(const struct world *w, int64_t at)
{
	return (double)w->options.start_ms + (double)(at - w->options.start_ms) * w->options.scale;
}

static double curve_at(const struct world_curve_point *p, size_t n, double minute)
{
	for (size_t i = 1; i < n; i++)
		if (minute < p[i].minute)
			return p[i - 1].calls + (p[i].calls - p[i - 1].calls) * (minute - p[i - 1].minute) /
							(p[i].minute - p[i - 1].minute);
	return p[n - 1].calls;
}

/* Share of the peak wanted at a virtual instant (minutes since the epoch, a Thursday). */
static double day_share(const struct world *w, int32_t site, double minutes)
{
	static const struct world_curve_point weekday[] = {{0, .02},   {360, .04}, {420, .15},  {480, .5},
							   {540, 1},   {600, .92}, {660, .85},  {720, .55},
							   {780, .75}, {840, .9},  {900, .75},  {960, .45},
							   {1020, .2}, {1080, .1}, {1200, .05}, {1440, .02}};
	double local = minutes + 60.0 * (site % 3 - 1); /* hours of its own */
	int64_t day = (int64_t)floor(local / DAY_MINUTES);
	double minute = local - (double)day * DAY_MINUTES;
	int64_t weekday_number = (day + 3) % 7; /* 0 = Monday */
	uint64_t luck = chance_hash(w->options.seed ^ ((uint64_t)day << 16) ^ (uint64_t)site);
	double level = .6 + .65 * (double)(luck >> 11) * 0x1p-53;
	double in_hour = fmod(minute, 60.0);
	double hour = in_hour < SLOT_MINUTES || in_hour >= 60.0 - SLOT_MINUTES ? 2.2 : .76;

	return curve_at(weekday, ARRAY_LEN(weekday), minute) * level * hour * (weekday_number >= 5 ? .08 : 1);
}

static double call_duration_ms(struct world *w, double mean_minutes)
{
	double minutes = 3 + chance_exp(&w->traffic, mean_minutes - 3);

	return (minutes < 240 ? minutes : 240) * MINUTE;
}

/* Schedules the next random arrival: the next point of a Poisson process with a rate per slot. */
static void schedule_arrival(struct world *w, int32_t site)
{
	double mean = w->options.call_minutes;
	double minute = virtual_ms(w, w->now) / MINUTE;
	double limit = minute + 8 * DAY_MINUTES;

	while (minute < limit) {
		double slot_end = (floor(minute / SLOT_MINUTES) + 1) * SLOT_MINUTES;
		double rate = w->sites[site].peak * day_share(w, site, minute + .001) / mean;
		double wait = rate > 0 ? chance_exp(&w->traffic, 1 / rate) : HUGE_VAL;

		if (minute + wait < slot_end) {
			double at = (minute + wait) * MINUTE - (double)w->options.start_ms;
			int64_t wall = w->options.start_ms + (int64_t)(at / w->options.scale);

			queue_add(&w->queue, wall > w->now ? wall : w->now, SCHED_ARRIVAL, site,
				  w->traffic_generation);
			return;
		}
		minute = slot_end;
	}
}

/* Most calls join a meeting that is under way. */
static int32_t conference_to_join(struct world *w, int32_t site, double share)
{
	const struct site *s = &w->sites[site];

	if (!s->n_conferences || chance_unit(&w->traffic) >= share)
		return -1;
	int32_t slot = s->conferences[chance_below(&w->traffic, s->n_conferences)];

	return w->conferences[slot].calls < 12 ? slot : -1;
}

void traffic_start(struct world *w, int32_t site)
{
	schedule_arrival(w, site);
}

void traffic_arrival(struct world *w, int32_t site, int64_t generation)
{
	if (!w->random_traffic || generation != w->traffic_generation)
		return;
	int32_t conference = conference_to_join(w, site, .7);

	(void)call_place(w, site, conference, (int64_t)call_duration_ms(w, w->options.call_minutes));
	schedule_arrival(w, site);
}

void world_set_traffic(struct world *w, bool on)
{
	bool was = w->random_traffic;

	w->random_traffic = on;
	w->traffic_generation += was != on; /* arrivals scheduled before are void */
	for (size_t i = 0; on && !was && i < w->n_sites; i++)
		if (w->sites[i].peak > 0)
			traffic_start(w, (int32_t)i);
}

void world_follow_curve(struct world *w, int64_t location, const struct world_curve_point *points, size_t n,
			double period_minutes, double least_minutes, double most_minutes)
{
	int32_t site = site_index(w, location);

	if (site < 0 || !n)
		return;
	struct curve *c = &w->sites[site].curve;
	bool running = c->n > 0;

	free(c->points);
	*c = (struct curve){.n = n,
			    .period = period_minutes,
			    .least = least_minutes,
			    .most = most_minutes,
			    .from = w->now};
	c->points = malloc(n * sizeof(*points));
	if (!c->points)
		abort();
	memcpy(c->points, points, n * sizeof(*points));
	if (!running)
		queue_add(&w->queue, w->now, SCHED_CURVE, site, 0);
}

void traffic_curve(struct world *w, int32_t site)
{
	struct site *s = &w->sites[site];
	struct curve *c = &s->curve;
	double minute = fmod((double)(w->now - c->from) * w->options.scale / MINUTE, c->period);
	int wanted = (int)curve_at(c->points, c->n, minute);

	while (s->calls < wanted) {
		double duration = chance_between(&w->traffic, c->least, c->most) * MINUTE;

		if (!call_place(w, site, conference_to_join(w, site, .3), (int64_t)duration))
			break; /* who was refused tries again at the next look */
	}
	queue_add(&w->queue, w->now + world_scaled(w, CURVE_STEP_MS), SCHED_CURVE, site, 0);
}

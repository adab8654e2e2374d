/* Dates, firings, and what the holds of a schedule need. No clock, no store: `now` and everything else is given. */
#include "calendar/firing.h"

#include <stdio.h>
#include <string.h>

/* --- dates ------------------------------------------------------------------------------------------------------- */

/* The first of the ascending dates that is `date` or later; n where there is none. */
static size_t date_from(const int64_t *dates, size_t n, int64_t date)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (dates[middle] < date)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_exception(const struct schedule *s, int64_t date)
{
	size_t i = date_from(s->exceptions, s->n_exceptions, date);

	return i < s->n_exceptions && s->exceptions[i] == date;
}

/* 0 = Monday; 1970-01-01 was a Thursday. */
static unsigned weekday_of(int64_t date)
{
	return (unsigned)(((date + 3) % 7 + 7) % 7);
}

/* Ends: within seven days there is a weekday of the mask, or there are that many exceptions. */
static bool next_weekday(const struct schedule *s, int64_t date, int64_t *ret)
{
	int64_t end = s->end_date ? s->end_date : SCHEDULE_DATE_LAST;
	int64_t last = date + 7 * (int64_t)(s->n_exceptions + 1);

	if (last > end)
		last = end;
	for (; s->weekdays && date <= last; date++)
		if (s->weekdays >> weekday_of(date) & 1 && !is_exception(s, date)) {
			*ret = date;
			return true;
		}
	return false;
}

bool schedule_next_date(const struct schedule *s, int64_t date, int64_t *ret)
{
	int64_t first = s->start_date ? s->start_date : SCHEDULE_DATE_FIRST;
	size_t extra = date_from(s->extra_dates, s->n_extra_dates, date);
	bool found = next_weekday(s, date < first ? first : date, ret);

	if (extra < s->n_extra_dates && (!found || s->extra_dates[extra] < *ret)) {
		*ret = s->extra_dates[extra];
		found = true;
	}
	return found;
}

/* --- firings ----------------------------------------------------------------------------------------------------- */

/* A date that a zone leaves out as a whole, as Samoa did with 2011-12-30, has no firing. */
static bool is_left_out(struct zone *z, int64_t date)
{
	enum dst first, last;
	int64_t a = zone_instant(z, date * MS_PER_DAY, &first);
	int64_t b = zone_instant(z, (date + 1) * MS_PER_DAY - 1, &last);

	return first == DST_GAP && last == DST_GAP && a == b;
}

static bool fire(const struct schedule *s, struct zone *z, double time_scale, int64_t date,
		 struct firing *ret)
{
	bool next_day = s->time_to <= s->time_from;
	int64_t from = date * MS_PER_DAY + s->time_from * MS_PER_SECOND;
	int64_t to = (date + next_day) * MS_PER_DAY + s->time_to * MS_PER_SECOND;

	ret->date = date;
	ret->start = zone_instant(z, from, &ret->start_dst);
	if (ret->start_dst == DST_GAP && is_left_out(z, date))
		return false;
	ret->end = zone_instant(z, to, &ret->end_dst);
	if (ret->end <= ret->start) /* all of it was in the gap: it keeps its length, from the gap's end on */
		ret->end = ret->start + (to - from);
	ret->hold_start =
		ret->start - (int64_t)((double)(s->minutes_in_advance * MS_PER_MINUTE) / time_scale);
	ret->start_offset = zone_offset(z, ret->start);
	ret->end_offset = zone_offset(z, ret->end);
	return true;
}

/* What lies before 1970 has no schedule. */
static int64_t local_date(struct zone *z, int64_t at)
{
	int64_t local = at + zone_offset(z, at);

	return local < 0 ? 0 : (int64_t)(local / MS_PER_DAY);
}

static size_t firings_from(const struct schedule *s, struct zone *z, double time_scale, int64_t from,
			   struct firing *out, size_t max)
{
	int64_t date = local_date(z, from) - 1; /* a gap moves a start, at most into the next date */
	size_t n = 0;

	for (; n < max && schedule_next_date(s, date, &date); date++)
		if (fire(s, z, time_scale, date, &out[n]) && out[n].start >= from)
			n++;
	return n;
}

bool schedule_firings(const struct schedule *s, double time_scale, int64_t from, struct firing *out,
		      size_t max, size_t *ret_n)
{
	_cleanup_(zone_closep) struct zone *z = zone_open(s->local_timezone);

	if (!z)
		return false;
	*ret_n = firings_from(s, z, time_scale, from, out, max);
	return true;
}

/* --- holds ------------------------------------------------------------------------------------------------------- */

const char *schedule_owner(const struct schedule *s, char out[SCHEDULE_OWNER_SIZE])
{
	(void)snprintf(out, SCHEDULE_OWNER_SIZE, "schedule:%s", s->name);
	return out;
}

void schedule_hold(const struct schedule *s, const struct firing *f, struct schedule_hold *ret)
{
	char date[DATE_TEXT_SIZE], from[CLOCK_TEXT_SIZE], to[CLOCK_TEXT_SIZE];

	(void)snprintf(ret->reason, sizeof(ret->reason), "Schedule %s: %s, %.5s to %.5s %s", s->name,
		       date_text(f->date, date), clock_text(s->time_from, from), clock_text(s->time_to, to),
		       s->local_timezone);
	ret->hold = (struct hold){
		.location = s->location,
		.count = s->location ? s->instances_to_add : 0,
		.nodes = s->nodes,
		.n_nodes = s->n_nodes,
		.until = f->end,
		.reason = ret->reason,
		.owner = schedule_owner(s, ret->owner),
	};
}

static bool same_hold(const struct hold *a, const struct hold *b)
{
	return a->location == b->location && a->count == b->count && a->until == b->until &&
	       a->n_nodes == b->n_nodes && !strcmp(a->owner, b->owner) && !strcmp(a->reason, b->reason) &&
	       (!a->n_nodes || !memcmp(a->nodes, b->nodes, a->n_nodes * sizeof(*a->nodes)));
}

struct following {
	const struct schedule *s;
	int64_t now;
	const struct fired *fired;
	size_t n_fired;
	const struct hold *holds;
	size_t n_holds;
	struct follow_plan *plan;
};

/* Only one in force: what is over has ended by itself, however old the list is. */
static const struct hold *find_hold(const struct following *w, int64_t id)
{
	for (size_t i = 0; i < w->n_holds; i++)
		if (w->holds[i].id == id && w->holds[i].until > w->now)
			return &w->holds[i];
	return NULL;
}

static void move(struct following *w, enum follow what, const struct firing *f, const struct hold *present)
{
	if (w->plan->n < FOLLOW_MOVES)
		w->plan->moves[w->plan->n++] =
			(struct follow_move){.what = what, .firing = *f, .present = present};
}

/* Whether it is open or not, the hold that a firing has is its own. Only an open one gets one. */
static void follow_firing(struct following *w, const struct firing *f, bool open)
{
	const struct fired *row = NULL;
	struct schedule_hold wanted;
	const struct hold *present;

	for (size_t i = 0; i < w->n_fired && !row; i++)
		if (w->fired[i].schedule == w->s->id && w->fired[i].start == f->start)
			row = &w->fired[i];
	if (row && !row->hold) /* taken back by an operator, who knows better */
		return;
	present = row ? find_hold(w, row->hold) : NULL;
	schedule_hold(w->s, f, &wanted);
	if (!present && open)
		move(w, FOLLOW_MAKE, f, NULL);
	else if (present)
		move(w, same_hold(present, &wanted.hold) ? FOLLOW_KEEP : FOLLOW_CHANGE, f, present);
}

static bool is_planned(const struct follow_plan *plan, const struct hold *hold)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->moves[i].present == hold)
			return true;
	return false;
}

/* Holds of firings that the schedule, as it is now, does not have. */
static void follow_closed(struct following *w)
{
	for (size_t i = 0; i < w->n_fired; i++) {
		const struct fired *row = &w->fired[i];
		const struct hold *hold = find_hold(w, row->hold);

		if (row->schedule == w->s->id && hold && !is_planned(w->plan, hold))
			move(w, FOLLOW_END, &(struct firing){.start = row->start}, hold);
	}
}

const char *follow_text(enum follow what)
{
	static const char *const texts[] = {[FOLLOW_MAKE] = "make",
					    [FOLLOW_KEEP] = "keep",
					    [FOLLOW_CHANGE] = "change",
					    [FOLLOW_END] = "end"};

	return texts[what];
}

/* Firings whose window is open now, the lead included; the first one after them says when to look again. */
static void follow_firings(struct following *w, struct zone *z, double time_scale)
{
	/* Open ones began at most a day ago (25 h where the clocks went back), or begin within the lead. */
	struct firing f;
	int64_t from = w->now - 2 * MS_PER_DAY;

	while (firings_from(w->s, z, time_scale, from, &f, 1) == 1) {
		from = f.start + 1;
		if (f.hold_start > w->now) {
			/* it has a hold where the clock was set back, or the lead shortened */
			follow_firing(w, &f, false);
			w->plan->next_at = f.hold_start;
			return;
		}
		if (f.end > w->now)
			follow_firing(w, &f, true);
	}
}

void schedule_follow(const struct schedule *s, double time_scale, int64_t now, const struct fired *fired,
		     size_t n_fired, const struct hold *holds, size_t n_holds, struct follow_plan *ret)
{
	_cleanup_(zone_closep) struct zone *z = s->enabled ? zone_open(s->local_timezone) : NULL;
	struct following w = {s, now, fired, n_fired, holds, n_holds, ret};

	*ret = (struct follow_plan){.next_at = INT64_MAX, .zone_missing = s->enabled && !z};
	if (ret->zone_missing)
		return;
	if (z)
		follow_firings(&w, z, time_scale);
	follow_closed(&w);
}

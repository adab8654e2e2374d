#include "handlers/schedule_input.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "calendar/firing.h"
#include "handlers/target.h"

#define INSTANCES_MAX   10000
#define LEAD_DEFAULT    10
#define DATE_WORDS      "a date from 2000-01-01 to 2199-12-31"
#define DATE_BYTES      (DATE_TEXT_SIZE - 1)
#define CLOCK_BYTES_MAX (CLOCK_TEXT_SIZE - 1)

static void copy_list(int64_t *room, const int64_t *list, size_t n)
{
	if (n)
		memcpy(room, list, n * sizeof(*room));
}

void schedule_draft_begin(struct schedule_draft *d, const struct schedule *present)
{
	d->s = present ? *present : (struct schedule){.enabled = true, .minutes_in_advance = LEAD_DEFAULT};
	copy_list(d->nodes, d->s.nodes, d->s.n_nodes);
	copy_list(d->exceptions, d->s.exceptions, d->s.n_exceptions);
	copy_list(d->extra_dates, d->s.extra_dates, d->s.n_extra_dates);
	d->s.nodes = d->nodes;
	d->s.exceptions = d->exceptions;
	d->s.extra_dates = d->extra_dates;
}

static void need(struct input *in, const char *name, bool whole, const char *what)
{
	if (whole && !json_object_get(in->object, name))
		input_fail(in, name, "is missing: %s", what);
}

/* --- name, days, times ------------------------------------------------------------------------------------------- */

static void read_name(struct schedule_draft *d, struct input *in, bool whole)
{
	struct input_value v = input_text(in, "name", 1, SCHEDULE_NAME_MAX, false);

	need(in, "name", whole, "a text of 1 to 100 bytes");
	for (const char *c = v.given ? v.text : ""; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f) {
			input_fail(in, "name", "has a control character");
			return;
		}
	if (v.given)
		(void)snprintf(d->s.name, sizeof d->s.name, "%s", v.text);
}

static void read_weekdays(struct schedule_draft *d, struct input *in)
{
	struct input_value v;

#define X(day, bit)                                                                                          \
	v = input_bool(in, #day, false);                                                                     \
	if (v.given)                                                                                         \
		d->s.weekdays = (d->s.weekdays & ~(1U << (bit))) | (unsigned)v.flag << (bit);
	SCHEDULE_WEEKDAYS(X)
#undef X
}

static void read_clock(struct input *in, const char *name, int *out, bool whole)
{
	struct input_value v = input_text(in, name, 1, CLOCK_BYTES_MAX, false);

	need(in, name, whole, "a local time such as 08:30");
	if (v.given && clock_parse(v.text, out))
		input_fail(in, name, "must be a local time from 00:00 to 23:59:59, such as 08:30");
}

static void read_zone(struct schedule_draft *d, struct input *in, bool whole)
{
	struct input_value v = input_text(in, "local_timezone", 1, SCHEDULE_ZONE_MAX, false);
	struct zone *z = v.given ? zone_open(v.text) : NULL;

	need(in, "local_timezone", whole, "an IANA name such as Europe/Oslo");
	if (v.given && !z)
		input_fail(in, "local_timezone",
			   "is not known: it must be an IANA name such as Europe/Oslo or UTC");
	else if (v.given)
		(void)snprintf(d->s.local_timezone, sizeof d->s.local_timezone, "%s", v.text);
	zone_close(z);
}

/* --- dates ------------------------------------------------------------------------------------------------------- */

static bool is_date(const char *text, int64_t *ret)
{
	return !date_parse(text, ret) && *ret >= SCHEDULE_DATE_FIRST && *ret <= SCHEDULE_DATE_LAST;
}

static void read_date(struct input *in, const char *name, int64_t *out)
{
	struct input_value v = input_text(in, name, DATE_BYTES, DATE_BYTES, true);

	if (v.null)
		*out = 0;
	else if (v.given && !is_date(v.text, out))
		input_fail(in, name, "must be " DATE_WORDS ", or null");
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static bool holds_date(const int64_t *dates, size_t n, int64_t date)
{
	for (size_t i = 0; i < n; i++)
		if (dates[i] == date)
			return true;
	return false;
}

static void read_dates(struct input *in, const char *name, const char *pointer, int64_t *out, size_t *n)
{
	struct input_value v = input_array(in, name, 0, SCHEDULE_DATES_MAX);
	struct input item = {.object = in->object, .prefix = pointer, .errors = in->errors};
	char index[24];
	const json_t *value;
	int64_t date;
	size_t i;

	if (!v.given)
		return;
	*n = 0;
	json_array_foreach(v.list, i, value)
	{
		(void)snprintf(index, sizeof index, "%zu", i);
		if (!json_is_string(value) || !is_date(json_string_value(value), &date))
			input_fail(&item, index, "must be " DATE_WORDS);
		else if (holds_date(out, *n, date))
			input_fail(&item, index, "is listed twice");
		else
			out[(*n)++] = date;
	}
	qsort(out, *n, sizeof(*out), by_value);
}

static void check_extra_dates(const struct schedule *s, struct input *in)
{
	char text[DATE_TEXT_SIZE];

	for (size_t i = 0; i < s->n_extra_dates; i++) {
		int64_t date = s->extra_dates[i];

		if (date < s->start_date || (s->end_date && date > s->end_date))
			input_fail(in, "extra_dates", "%s is not within start_date and end_date",
				   date_text(date, text));
		else if (holds_date(s->exceptions, s->n_exceptions, date))
			input_fail(in, "extra_dates", "%s is one of the exceptions too",
				   date_text(date, text));
	}
}

static void check_dates(const struct schedule *s, struct input *in)
{
	int64_t first;

	if (s->end_date && s->end_date < s->start_date) {
		input_fail(in, "end_date", "lies before start_date");
		return;
	}
	check_extra_dates(s, in);
	if (!s->weekdays && !s->n_extra_dates) {
		input_fail(in, "mon", "it would never fire: no day of the week is true");
		input_fail(in, "extra_dates", "it would never fire: there is none, and no day of the week");
	} else if (!schedule_next_date(s, SCHEDULE_DATE_FIRST, &first)) {
		input_fail(in, "end_date", "it would never fire: up to here there is no date left for it");
	}
}

/* --- target ------------------------------------------------------------------------------------------------------ */

/* [] and null stand for "not this one", as in what a GET gives. */
static void read_nodes(struct schedule_draft *d, struct input *in, const struct picture *p)
{
	struct input_value v = input_array(in, "nodes", 0, SCHEDULE_NODES_MAX);

	if (!v.given)
		return;
	d->s.n_nodes = target_nodes(in, p, v.list, d->nodes);
	if (json_array_size(v.list) && json_object_get(in->object, "location") &&
	    !json_is_null(json_object_get(in->object, "location")))
		input_fail(in, "nodes", "is given together with location: choose one");
	else if (json_array_size(v.list))
		d->s.location = 0;
}

static void read_location(struct schedule_draft *d, struct input *in)
{
	struct input_value v = input_int(in, "location", 1, INT64_MAX, true);
	const json_t *nodes = json_object_get(in->object, "nodes");

	if (!v.given)
		return;
	d->s.location = v.number;
	if (!v.null && !json_array_size(nodes))
		d->s.n_nodes = 0;
}

static void read_target(struct schedule_draft *d, struct input *in, const struct picture *p)
{
	struct input_value count = input_int(in, "instances_to_add", 1, INSTANCES_MAX, true);
	bool named = json_object_get(in->object, "location") || json_object_get(in->object, "nodes");
	size_t before = in->errors->n;

	read_location(d, in);
	read_nodes(d, in, p);
	if (count.given)
		d->s.instances_to_add = count.null ? 0 : (int)count.number;
	if (in->errors->n > before)
		return;
	if (!d->s.location && !d->s.n_nodes)
		input_fail(in, "location", "is missing: a location with instances_to_add, or nodes");
	if (!d->s.location && count.given && !count.null)
		input_fail(in, "instances_to_add", "belongs to a location");
	if (!d->s.location)
		d->s.instances_to_add = 0;
	else if (!d->s.instances_to_add)
		d->s.instances_to_add = 1;
	if (d->s.location && (named || count.given))
		target_location(in, p, d->s.location, "instances_to_add", d->s.instances_to_add);
}

bool schedule_draft_read(struct schedule_draft *d, struct input *in, const struct picture *p, bool whole)
{
	struct input_value v = input_bool(in, "enabled", false);

	if (v.given)
		d->s.enabled = v.flag;
	v = input_int(in, "minutes_in_advance", 0, SCHEDULE_LEAD_MAX, false);
	if (v.given)
		d->s.minutes_in_advance = (int)v.number;
	read_name(d, in, whole);
	read_weekdays(d, in);
	read_clock(in, "time_from", &d->s.time_from, whole);
	read_clock(in, "time_to", &d->s.time_to, whole);
	read_zone(d, in, whole);
	read_date(in, "start_date", &d->s.start_date);
	read_date(in, "end_date", &d->s.end_date);
	read_dates(in, "exceptions", "/exceptions", d->exceptions, &d->s.n_exceptions);
	read_dates(in, "extra_dates", "/extra_dates", d->extra_dates, &d->s.n_extra_dates);
	read_target(d, in, p);
	if (input_end(in))
		check_dates(&d->s, in);
	return in->errors->n == 0;
}

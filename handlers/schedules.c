/*
 * /v1/schedules: when nodes are held up by the calendar (RULE S8). What is written here is a schedule; the controller makes
 * its holds, and lets them follow a change, at its next pass.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "calendar/firing.h"
#include "handlers/handlers.h"
#include "handlers/paging.h"
#include "handlers/plan.h"
#include "handlers/schedule_input.h"
#include "handlers/views.h"

#define CURSOR_KIND   's'
#define COUNT_DEFAULT 10
#define COUNT_MAX     500
#define FROM_MAX      7258118400000 /* 2200-01-01 */

/* --- views ------------------------------------------------------------------------------------------------------- */

static void put_date(json_t *object, const char *key, int64_t date)
{
	char text[DATE_TEXT_SIZE];

	put_text(object, key, date ? date_text(date, text) : NULL);
}

static json_t *dates_json(const int64_t *dates, size_t n)
{
	json_t *list = json_array();
	char text[DATE_TEXT_SIZE];

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(list, json_string(date_text(dates[i], text)));
	return list;
}

static json_t *nodes_json(const struct schedule *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n_nodes; i++)
		(void)json_array_append_new(list, json_integer(s->nodes[i]));
	return list;
}

static json_t *view(const struct schedule *s)
{
	char text[CLOCK_TEXT_SIZE];
	json_t *v = json_object();

	put_id(v, "id", s->id);
	put_text(v, "name", s->name);
	put_bool(v, "enabled", s->enabled);
	put_id(v, "location", s->location);
	put(v, "instances_to_add", s->location ? json_integer(s->instances_to_add) : NULL);
	put(v, "nodes", nodes_json(s));
#define X(day, bit) put_bool(v, #day, s->weekdays >> (bit)&1);
	SCHEDULE_WEEKDAYS(X)
#undef X
	put_text(v, "time_from", clock_text(s->time_from, text));
	put_text(v, "time_to", clock_text(s->time_to, text));
	put_text(v, "local_timezone", s->local_timezone);
	put_int(v, "minutes_in_advance", s->minutes_in_advance);
	put_date(v, "start_date", s->start_date);
	put_date(v, "end_date", s->end_date);
	put(v, "exceptions", dates_json(s->exceptions, s->n_exceptions));
	put(v, "extra_dates", dates_json(s->extra_dates, s->n_extra_dates));
	put_time(v, "created_at", s->created_at);
	return v;
}

/* Local time with its offset, "2026-03-29T03:00:00+02:00". */
static void put_local(json_t *object, const char *key, int64_t at, int64_t offset)
{
	long long minutes = (offset < 0 ? -offset : offset) / MS_PER_MINUTE;
	char text[TIME_TEXT_SIZE], local[TIME_TEXT_SIZE + 8];

	(void)snprintf(local, sizeof local, "%.19s%c%02lld:%02lld", time_rfc3339(at + offset, text),
		       offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
	put_text(object, key, local);
}

static json_t *firing_json(const struct firing *f)
{
	json_t *v = json_object();

	put_date(v, "local_date", f->date);
	put_local(v, "local_start", f->start, f->start_offset);
	put_local(v, "local_end", f->end, f->end_offset);
	put_time(v, "start", f->start);
	put_time(v, "end", f->end);
	put_time(v, "hold_start", f->hold_start);
	put_text(v, "dst", dst_text(f->start_dst));
	put_text(v, "dst_end", dst_text(f->end_dst));
	return v;
}

/* NULL with `e` filled where the zone is not known any more. */
static json_t *firings_json(struct req *r, const struct schedule *s, int64_t from, size_t count,
			    struct error *e)
{
	struct firing firings[COUNT_MAX];
	json_t *list;
	size_t n = 0;

	if (!schedule_firings(s, r->app->config->time_scale, from, firings, count, &n)) {
		(void)error_field(e, ERR_CONFLICT, "/local_timezone",
				  "The zone data of this system do not know \"%s\" any more.",
				  s->local_timezone);
		return NULL;
	}
	list = json_array();
	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(list, firing_json(&firings[i]));
	return list;
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

struct done *schedule_list(struct req *r)
{
	struct schedule *rows = NULL;
	struct paging paging;
	struct store *store;
	struct error e;
	json_t *items, *body;
	size_t n = 0;
	size_t i;

	if (!paging_read(r, CURSOR_KIND, &paging, &e))
		return reply_error(r, &e);
	store = req_store(r, &e);
	if (!store || store_schedules(store, paging.last, paging.limit + 1, &rows, &n, &e))
		return reply_error(r, &e);
	items = json_array();
	for (i = 0; i < n && i < (size_t)paging.limit; i++)
		(void)json_array_append_new(items, view(&rows[i]));
	body = paging_body(items, CURSOR_KIND, n > i ? rows[i - 1].id : 0);
	store_schedules_free(rows, n);
	return reply_value(r, 200, body);
}

struct done *schedule_get(struct req *r)
{
	struct schedule *s = NULL;
	struct error e;
	struct store *store = req_store(r, &e);
	json_t *body;

	if (!store || store_schedule_get(store, r->number, &s, &e))
		return reply_error(r, &e);
	body = view(s);
	store_schedules_free(s, 1);
	return reply_value(r, 200, body);
}

static bool preview_query(struct req *r, int64_t *from, int64_t *count, struct error *e)
{
	if (!query_id(r, "count", count, e) || !query_time(r, "from", from, e))
		return false;
	if (*count > COUNT_MAX)
		(void)error_set(e, ERR_BAD_REQUEST,
				"the query parameter \"count\" must be an integer from 1 to %d", COUNT_MAX);
	if (*from >= FROM_MAX)
		(void)error_set(e, ERR_BAD_REQUEST,
				"the query parameter \"from\" must be a time before 2200-01-01T00:00:00Z");
	return *count <= COUNT_MAX && *from < FROM_MAX;
}

struct done *schedule_preview(struct req *r)
{
	struct schedule *s = NULL;
	struct error e = {.code = ERR_OK};
	struct store *store;
	int64_t from, count;
	json_t *items;

	if (!preview_query(r, &from, &count, &e))
		return reply_error(r, &e);
	store = req_store(r, &e);
	if (!store || store_schedule_get(store, r->number, &s, &e))
		return reply_error(r, &e);
	items = firings_json(r, s, from ? from : r->now, count ? (size_t)count : COUNT_DEFAULT, &e);
	store_schedules_free(s, 1);
	return items ? reply_value(r, 200, paging_body(items, CURSOR_KIND, 0)) : reply_error(r, &e);
}

/* --- what a change does to the holds ----------------------------------------------------------------------------- */

/* What the store holds that a schedule's holds are worked out from. */
struct held {
	struct fired *fired;
	size_t n_fired;
	struct hold *holds;
	size_t n_holds;
};

static enum err held_load(struct store *store, int64_t now, struct held *ret, struct error *e)
{
	enum err err = store_holds(store, now, &ret->holds, &ret->n_holds, e);

	return err ? err : store_fired(store, now - FIRED_MS, &ret->fired, &ret->n_fired, e);
}

static void held_free(struct held *h)
{
	store_holds_free(h->holds, h->n_holds);
	free(h->fired);
}

static void held_follow(struct req *r, const struct schedule *s, const struct held *h,
			struct follow_plan *ret)
{
	schedule_follow(s, r->app->config->time_scale, r->now, h->fired, h->n_fired, h->holds, h->n_holds,
			ret);
}

static json_t *move_json(struct req *r, const struct schedule *s, const struct follow_move *m)
{
	struct schedule_hold wanted;
	const struct hold *h = m->present;
	json_t *hold;

	if (m->what == FOLLOW_MAKE || m->what == FOLLOW_CHANGE) {
		schedule_hold(s, &m->firing, &wanted);
		wanted.hold.id = h ? h->id : 0;
		wanted.hold.created_at = h ? h->created_at : r->now;
		h = &wanted.hold;
	}
	hold = view_hold(h);
	put_id(hold, "id", h->id);
	return json_pack("{s:s, s:o}", "action", follow_text(m->what), "hold", hold);
}

static void tell_move(json_t *plan, const struct follow_move *m, const json_t *hold)
{
	const char *until = json_string_value(json_object_get(hold, "until"));
	long long id = (long long)json_integer_value(json_object_get(hold, "id"));

	switch (m->what) {
	case FOLLOW_MAKE:
		plan_consequence(plan, "Its window is open: a hold is made at once, until %s.", until);
		break;
	case FOLLOW_KEEP:
		plan_consequence(plan, "Its hold %lld stays as it is, until %s.", id, until);
		break;
	case FOLLOW_CHANGE:
		plan_consequence(plan, "Its hold %lld follows at once, until %s.", id, until);
		break;
	case FOLLOW_END:
		plan_consequence(
			plan,
			"Its hold %lld ends at once; what its nodes are needed for then decides whether "
			"they stay up.",
			id);
		break;
	}
}

/* What dry_run shows besides: its next firings, and what the controller will do with its holds at once. */
static void plan_follow(struct req *r, json_t *plan, const struct schedule *s, const struct held *h)
{
	struct error e = {.code = ERR_OK};
	json_t *firings = s->enabled ? firings_json(r, s, r->now, COUNT_DEFAULT, &e) : json_array();
	json_t *holds = json_array();
	struct follow_plan follow;

	held_follow(r, s, h, &follow);
	for (size_t i = 0; i < follow.n; i++) {
		json_t *move = move_json(r, s, &follow.moves[i]);

		tell_move(plan, &follow.moves[i], json_object_get(move, "hold"));
		(void)json_array_append_new(holds, move);
	}
	if (e.code) /* the zone is lost: it does not fire */
		plan_consequence(plan, "%s", e.detail);
	put(plan, "firings", firings ? firings : json_array());
	put(plan, "holds", holds);
}

/* --- history (RULE V3) ------------------------------------------------------------------------------------------- */

static enum err tell(struct store *store, struct req *r, enum event_type type, int64_t location,
		     const char *reason, json_t *steal_figures, struct error *e)
{
	_cleanup_(freep) char *text = json_dumps(steal_figures, JSON_COMPACT);
	struct event event = {.time = r->now,
			      .type = type,
			      .node_name = "",
			      .location = location,
			      .actor = r->actor,
			      .reason = reason,
			      .rule = "S8",
			      .figures = text};
	int64_t id;

	json_decref(steal_figures);
	return store_event_add(store, &event, &id, e);
}

#define REASON_MAX 700 /* a name, and the name of every field */

static enum err tell_whole(struct store *store, struct req *r, const struct schedule *s, const char *what,
			   struct error *e)
{
	char reason[REASON_MAX];

	(void)snprintf(reason, sizeof reason, "Schedule %lld (%s) was %s.", (long long)s->id, s->name, what);
	return tell(store, r, EVENT_SETTINGS, s->location, reason, json_pack("{s:o}", "schedule", view(s)),
		    e);
}

/* {"field": {"old": ..., "new": ...}} of those that differ, and their names. */
static json_t *differences(json_t *before, json_t *after, char *names, size_t size)
{
	json_t *changes = json_object();
	size_t len = 0;
	const char *key;
	json_t *was;

	names[0] = '\0';
	json_object_foreach(before, key, was)
	{
		json_t *is = json_object_get(after, key);

		if (json_equal(was, is))
			continue;
		(void)json_object_set_new(changes, key, json_pack("{s:O, s:O}", "old", was, "new", is));
		if (len < size)
			len += (size_t)snprintf(names + len, size - len, "%s%s", len ? ", " : "", key);
	}
	return changes;
}

/* *ret_changed: whether anything differs; where nothing does, nothing is told. */
static enum err tell_change(struct store *store, struct req *r, json_t *before, const struct schedule *after,
			    bool *ret_changed, struct error *e)
{
	json_t *now = view(after);
	char names[400], reason[REASON_MAX];
	json_t *changes = differences(before, now, names, sizeof names);

	json_decref(now);
	*ret_changed = json_object_size(changes) > 0;
	if (!*ret_changed) {
		json_decref(changes);
		return ERR_OK;
	}
	(void)snprintf(reason, sizeof reason, "Schedule %lld (%s) was changed: %s.", (long long)after->id,
		       after->name, names);
	return tell(store, r, EVENT_SETTINGS, after->location, reason,
		    json_pack("{s:I, s:o}", "schedule", (json_int_t)after->id, "changes", changes), e);
}

/* --- making one -------------------------------------------------------------------------------------------------- */

/* A change under way, in one transaction. */
struct change {
	struct req *r;
	struct schedule_draft draft;
	struct input_errors errors;
	json_t *plan; /* result: a dry run's */
	bool wrote;   /* result */
};

/*
 * dry_run: the plan, on what the store holds before anything of this is written. `before` is borrowed, NULL = it is to be made;
 * `s` is the schedule afterwards, the one that there was when it is to be deleted.
 */
static enum err make_plan(struct change *c, struct store *store, const json_t *before,
			  const struct schedule *s, bool deleted, struct error *e)
{
	_cleanup_(held_free) struct held held = {0};
	enum err err = c->r->dry_run ? held_load(store, c->r->now, &held, e) : ERR_OK;
	struct schedule as = *s;
	char at[48] = "/v1/schedules";
	json_t *after;

	if (err || !c->r->dry_run)
		return err;
	json_decref(c->plan); /* of a transaction that is tried again */
	c->plan = plan_new();
	if (before)
		(void)snprintf(at, sizeof at, "/v1/schedules/%lld", (long long)s->id);
	as.enabled = s->enabled && !deleted;
	after = deleted ? NULL : view(s);
	plan_change(c->plan, at, before, after);
	json_decref(after);
	plan_follow(c->r, c->plan, &as, &held);
	return ERR_OK;
}

static enum err make_tx(struct store *store, void *arg, struct error *e)
{
	struct change *c = arg;
	enum err err;

	c->draft.s.id = 0;
	err = make_plan(c, store, NULL, &c->draft.s, false, e);
	err = err ? err : store_schedule_add(store, &c->draft.s, e);
	return err ? err : tell_whole(store, c->r, &c->draft.s, "made", e);
}

static struct done *made(struct change *c)
{
	char at[48];

	if (c->r->dry_run)
		return reply_plan(c->r, c->plan);
	req_changed(c->r);
	(void)snprintf(at, sizeof at, "/v1/schedules/%lld", (long long)c->draft.s.id);
	return reply_value_at(c->r, 201, at, view(&c->draft.s));
}

static struct done *failed(struct change *c, const struct error *e)
{
	json_decref(c->plan);
	return c->errors.n ? reply_input(c->r, &c->errors) : reply_error(c->r, e);
}

struct done *schedule_create(struct req *r)
{
	struct change c = {.r = r};
	struct error e = {.code = ERR_OK};
	struct input in;
	struct store *store;

	if (!input_open(&in, &c.errors, r, true, &e))
		return reply_error(r, &e);
	schedule_draft_begin(&c.draft, NULL);
	c.draft.s.created_at = r->now;
	if (!schedule_draft_read(&c.draft, &in, req_picture(r), true))
		return reply_input(r, &c.errors);
	store = req_store(r, &e);
	return !store || store_tx(store, make_tx, &c, &e) ? failed(&c, &e) : made(&c);
}

/* --- changing one ------------------------------------------------------------------------------------------------ */

static enum err write_change(struct store *store, struct change *c, json_t *present, struct error *e)
{
	struct schedule *s = &c->draft.s;
	enum err err = make_plan(c, store, present, s, false, e);

	err = err ? err : tell_change(store, c->r, present, s, &c->wrote, e);
	return err || !c->wrote ? err : store_schedule_put(store, s, e);
}

static enum err change_tx(struct store *store, void *arg, struct error *e)
{
	struct change *c = arg;
	struct schedule *before = NULL;
	struct input in;
	json_t *present;
	enum err err = store_schedule_get(store, c->r->number, &before, e);

	if (err)
		return err;
	present = view(before);
	err = req_if_match(c->r, present, e);
	if (!err && !input_open(&in, &c->errors, c->r, true, e))
		err = e->code;
	if (!err) {
		schedule_draft_begin(&c->draft, before);
		err = schedule_draft_read(&c->draft, &in, req_picture(c->r), false) ? ERR_OK
										    : ERR_BAD_REQUEST;
	}
	err = err ? err : write_change(store, c, present, e);
	json_decref(present);
	store_schedules_free(before, 1);
	return err;
}

struct done *schedule_patch(struct req *r)
{
	struct change c = {.r = r};
	struct error e = {.code = ERR_OK};
	struct store *store;

	store = req_store(r, &e);
	if (!store || store_tx(store, change_tx, &c, &e))
		return failed(&c, &e);
	if (r->dry_run)
		return reply_plan(r, c.plan);
	if (c.wrote)
		req_changed(r);
	return reply_value(r, 200, view(&c.draft.s));
}

/* --- deleting one ------------------------------------------------------------------------------------------------ */

static enum err end_hold(struct store *store, struct req *r, const struct schedule *s, const struct hold *h,
			 struct error *e)
{
	char reason[REASON_MAX];
	enum err err;

	(void)snprintf(reason, sizeof reason, "Hold %lld was taken back, as schedule %lld (%s) was deleted.",
		       (long long)h->id, (long long)s->id, s->name);
	err = tell(store, r, EVENT_HOLD, h->location, reason, view_hold(h), e);
	return err ? err : store_hold_remove(store, h->id, e);
}

static enum err remove_it(struct store *store, struct req *r, const struct schedule *s, struct error *e)
{
	_cleanup_(held_free) struct held held = {0};
	struct schedule off = *s;
	struct follow_plan plan;
	enum err err = held_load(store, r->now, &held, e);

	off.enabled = false;
	if (!err)
		held_follow(r, &off, &held, &plan);
	for (size_t i = 0; !err && i < plan.n; i++)
		err = end_hold(store, r, s, plan.moves[i].present, e);
	err = err ? err : tell_whole(store, r, s, "deleted", e);
	return err ? err : store_schedule_remove(store, s->id, e);
}

static enum err remove_tx(struct store *store, void *arg, struct error *e)
{
	struct change *c = arg;
	struct schedule *s = NULL;
	json_t *present;
	enum err err = store_schedule_get(store, c->r->number, &s, e);

	if (err)
		return err;
	present = view(s);
	err = req_if_match(c->r, present, e);
	err = err ? err : make_plan(c, store, present, s, true, e);
	err = err ? err : remove_it(store, c->r, s, e);
	json_decref(present);
	store_schedules_free(s, 1);
	return err;
}

struct done *schedule_delete(struct req *r)
{
	struct change c = {.r = r};
	struct error e = {.code = ERR_OK};
	struct store *store;

	store = req_store(r, &e);
	if (!store || store_tx(store, remove_tx, &c, &e))
		return failed(&c, &e);
	if (r->dry_run)
		return reply_plan(r, c.plan);
	req_changed(r);
	return reply_empty(r, 204);
}

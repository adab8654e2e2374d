/*
 * Locations: their wishes held against the world, and the deeds of their operations. An update sets values and a deletion ends
 * in "gone", so both are simply sent again; of a creation whose answer was lost Infinity is asked by the unique name first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconcile/internal.h"

/* --- what Infinity acknowledged ---------------------------------------------------------------------------------- */

static void show_values(struct arena *arena, struct infinity_location *l, const struct location_change *c)
{
	if (c->fields & LOCATION_NAME)
		l->name = arena_strdup(arena, c->name);
	if (c->fields & LOCATION_DESCRIPTION)
		l->description = arena_strdup(arena, c->description);
	if (c->fields & LOCATION_PRIMARY)
		l->overflow1 = c->overflow1;
	if (c->fields & LOCATION_SECONDARY)
		l->overflow2 = c->overflow2;
}

/* The rows may be shared with whoever made the report, so they are copied. Out of memory: the next report shows it. */
static void show_location(struct infinity_report *report, const struct acknowledged_location *a)
{
	struct infinity_location *rows =
		report ? arena_array(report->arena, report->n_locations + 2, sizeof(*rows)) : NULL;
	bool found = false;
	size_t n = 0;

	if (!rows)
		return;
	for (size_t i = 0; i < report->n_locations; i++) {
		bool it = report->locations[i].id == a->location;

		found |= it;
		if (it && a->gone)
			continue;
		rows[n] = report->locations[i];
		if (it)
			show_values(report->arena, &rows[n], &a->change);
		n++;
	}
	if (a->made && !found) {
		rows[n] = (struct infinity_location){.id = a->location};
		show_values(report->arena, &rows[n++], &a->change);
	}
	report->locations = rows;
	report->n_locations = n;
}

void location_acknowledged(struct reconciler *r, struct acknowledged_location a)
{
	struct acknowledged_location *grown;

	a.at = clock_now(r->clock);
	pthread_mutex_lock(&r->lock);
	show_location(r->infinity, &a);
	grown = realloc(r->locations, (r->n_locations + 1) * sizeof(*grown));
	if (grown) {
		r->locations = grown;
		grown[r->n_locations++] = a;
	}
	pthread_mutex_unlock(&r->lock);
}

void apply_acknowledged_locations(struct reconciler *r, struct infinity_report *report)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->n_locations; i++)
		if (r->locations[i].at >= report->observed_at) {
			show_location(report, &r->locations[i]);
			r->locations[kept++] = r->locations[i];
		}
	r->n_locations = kept;
}

/* --- drift ------------------------------------------------------------------------------------------------------- */

/*
 * The fields to be corrected now. Not what Infinity has refused (someone has to ask again), and not oftener than a refused
 * node is tried again: two programs that each set the other's value back must not do so at every read.
 */
static unsigned correctable(const struct picture *p, const struct location *l, int64_t now)
{
	const struct location_wish *w = l->wish;
	struct location_change actual;

	if (!w || !w->change.fields || w->refused[0] || l->intent || !p->infinity_fresh)
		return 0;
	if (w->applied_at && now < w->applied_at + p->params.refused_rest_ms)
		return 0;
	actual = location_actual(p, l);
	return location_drift(&w->change, &actual);
}

bool locations_drift(const struct picture *p, int64_t now)
{
	for (size_t i = 0; i < p->n_locations; i++)
		if (correctable(p, &p->locations[i], now))
			return true;
	return false;
}

static void drift_reason(const struct location *l, unsigned drift, char out[400])
{
	size_t len = (size_t)snprintf(out, 400, "%.200s is not in Infinity what %.60s wished:", l->name,
				      l->wish->actor);

	for (unsigned field = 1; field <= LOCATION_ALL_FIELDS; field <<= 1)
		if (drift & field && len < 400)
			len += (size_t)snprintf(out + len, 400 - len, " %s", location_field_text(field));
}

enum err record_locations(struct store *store, const struct picture *p, int64_t now, bool *ret_changed,
			  struct error *e)
{
	enum err err = ERR_OK;

	for (size_t i = 0; !err && i < p->n_locations; i++) {
		const struct location *l = &p->locations[i];
		unsigned drift = correctable(p, l, now);
		struct intent in = {.kind = INTENT_LOCATION_UPDATE,
				    .state = INTENT_APPLYING,
				    .location = l->id,
				    .actor = "wish",
				    .created_at = now,
				    .entered_at = now};

		if (!drift)
			continue;
		in.change = l->wish->change;
		in.change.fields = drift;
		drift_reason(l, drift, in.reason);
		err = store_intent_add(store, &in, e);
		if (err == ERR_CONFLICT) /* an operator's request came first */
			err = ERR_OK;
		*ret_changed = true;
	}
	return err;
}

/* --- outcomes ---------------------------------------------------------------------------------------------------- */

/* Infinity has understood the request and will not have it, now or later. */
static bool is_refusal(const struct upstream_error *e)
{
	return e->http_status >= 400 && e->http_status <= 499 && e->http_status != 408 &&
	       e->http_status != 429;
}

/* The wish stays as it is, so that the drift stays visible, with what Infinity said of it. */
static enum err note_refused(struct store *store, const struct outcome *o, struct error *e)
{
	struct location_wish w;
	enum err err = store_location_wish_get(store, o->after.location, &w, e);

	if (err || !w.version)
		return err;
	(void)snprintf(w.refused, sizeof(w.refused), "%s", o->after.error);
	return store_location_wish_put(store, &w, e);
}

static enum err note_applied(struct store *store, const struct outcome *o, struct error *e)
{
	struct location_wish w;
	enum err err = store_location_wish_get(store, o->after.location, &w, e);

	if (err || !w.version)
		return err;
	w.applied_at = o->after.entered_at;
	w.refused[0] = '\0';
	return store_location_wish_put(store, &w, e);
}

/* What a location was made with is wished of it from then on, like any field that someone set through our API. */
static enum err keep_wishes(struct store *store, const struct outcome *o, struct error *e)
{
	struct location_wish w;
	enum err err = store_location_wish_get(store, o->after.location, &w, e);

	if (err)
		return err;
	location_change_merge(&w.change, &o->after.change);
	(void)snprintf(w.actor, sizeof(w.actor), "%s", o->after.actor);
	w.applied_at = o->after.entered_at;
	w.refused[0] = '\0';
	return store_location_wish_put(store, &w, e);
}

static enum err forget(struct store *store, const struct outcome *o, struct error *e)
{
	return store_location_forget(store, o->after.location, e);
}

static void fail(struct actor *a, const struct intent *i, const char *why)
{
	struct outcome o = outcome_of(a, i, INTENT_FAILED);

	outcome_say(&o, EVENT_FAIL, "", "%s", why);
	(void)snprintf(o.after.error, sizeof(o.after.error), "%s", why);
	if (i->kind == INTENT_LOCATION_UPDATE)
		o.also = note_refused;
	(void)outcome_settle(&o);
}

/* The deed was tried and did not succeed: it is over, or comes again. */
static void deed_failed(struct actor *a, const struct intent *i, const struct upstream_error *e)
{
	int64_t wait = act_wait_after(a, i, e);

	if (is_refusal(e)) {
		fail(a, i, e->message);
		return;
	}
	/* A creation may still be on its way: Infinity gets the time to show it before it is looked for. */
	if (i->kind == INTENT_LOCATION_CREATE && wait < a->params.settle_ms)
		wait = a->params.settle_ms;
	act_try_later(a, i, e, wait);
}

/* --- the deeds --------------------------------------------------------------------------------------------------- */

static void created(struct actor *a, const struct intent *i, int64_t id, const char *how)
{
	struct outcome o = outcome_of(a, i, INTENT_DONE);

	o.after.location = id;
	o.also = keep_wishes;
	location_acknowledged(
		a->r, (struct acknowledged_location){.location = id, .made = true, .change = i->change});
	outcome_say(&o, EVENT_SETTINGS, "", "%s%s", i->reason, how);
	(void)outcome_settle(&o);
}

static void act_create(struct actor *a, struct intent *i)
{
	struct upstream_error e = {0};
	int64_t id = 0;

	if (i->attempts > 0) { /* the request may have gone out before: lost answer, or kill -9 */
		if (!a->infinity->find_location(a->infinity->self, i->change.name, &id, &e)) {
			act_look_later(a, i, &e);
			return;
		}
		if (id) {
			created(a, i, id, " (the answer was lost; it was found by its name)");
			return;
		}
	}
	if (!act_attempt(a, i))
		return;
	if (a->infinity->create_location(a->infinity->self, &i->change, &id, &e))
		created(a, i, id, "");
	else
		deed_failed(a, i, &e);
}

static void updated(struct actor *a, const struct intent *i)
{
	struct outcome o = outcome_of(a, i, INTENT_DONE);

	if (i->change.fields) {
		o.also = note_applied;
		outcome_say(&o, EVENT_SETTINGS, "", "%s", i->reason);
	}
	(void)outcome_settle(&o);
}

static void update_impossible(struct actor *a, const struct intent *i)
{
	struct outcome o = outcome_of(a, i, INTENT_ABANDONED);

	o.also = forget;
	outcome_say(&o, EVENT_CANCEL, "D3", "the location is no longer configured in Infinity");
	(void)outcome_settle(&o);
}

static void act_update(struct actor *a, struct intent *i)
{
	struct upstream_error e = {0};

	if (!i->change.fields) { /* everything was released meanwhile */
		updated(a, i);
		return;
	}
	if (!act_attempt(a, i))
		return;
	if (a->infinity->update_location(a->infinity->self, i->location, &i->change, &e)) {
		location_acknowledged(
			a->r, (struct acknowledged_location){.location = i->location, .change = i->change});
		updated(a, i);
	} else if (e.http_status == 404) {
		update_impossible(a, i);
	} else {
		deed_failed(a, i, &e);
	}
}

static void deleted(struct actor *a, const struct intent *i)
{
	struct outcome o = outcome_of(a, i, INTENT_DONE);

	o.also = forget;
	outcome_say(&o, EVENT_SETTINGS, "", "%s", i->reason);
	location_acknowledged(a->r, (struct acknowledged_location){.location = i->location, .gone = true});
	(void)outcome_settle(&o);
}

/* What on this report stands against the deletion, in `out`; "" = nothing. */
static void standing_against(const struct infinity_report *r, int64_t id, char out[400])
{
	out[0] = '\0';
	for (size_t i = 0; i < r->n_nodes; i++)
		if (r->nodes[i].location == id)
			(void)snprintf(out, 400, "the node %.60s is in it", r->nodes[i].name);
	for (size_t i = 0; i < r->n_locations; i++)
		if (r->locations[i].id != id &&
		    (r->locations[i].overflow1 == id || r->locations[i].overflow2 == id))
			(void)snprintf(out, 400, "%.250s overflows into it", r->locations[i].name);
}

static bool in_report(const struct infinity_report *r, int64_t id)
{
	for (size_t i = 0; i < r->n_locations; i++)
		if (r->locations[i].id == id)
			return true;
	return false;
}

/* A fresh read right before: the picture that the request was checked on is older. False = not now, or not at all. */
static bool may_delete(struct actor *a, const struct intent *i)
{
	_cleanup_(infinity_report_freep) struct infinity_report *report = NULL;
	struct upstream_error e = {0};
	char why[400];

	if (!a->infinity->observe(a->infinity->self, false, &report, &e)) {
		act_look_later(a, i, &e);
		return false;
	}
	if (!report->whole) { /* RULE D1 */
		upstream_error_set(&e, UPSTREAM_WAIT, 0, "partial", "infinity_partial", "", "%s",
				   "the last look at Infinity was not whole");
		act_look_later(a, i, &e);
		return false;
	}
	if (!in_report(report, i->location)) {
		deleted(a, i);
		return false;
	}
	standing_against(report, i->location, why);
	if (why[0])
		fail(a, i, why);
	return !why[0];
}

static void act_delete(struct actor *a, struct intent *i)
{
	struct upstream_error e = {0};

	if (!may_delete(a, i) || !act_attempt(a, i))
		return;
	if (a->infinity->delete_location(a->infinity->self, i->location, &e) || e.http_status == 404)
		deleted(a, i);
	else
		deed_failed(a, i, &e);
}

void act_location(struct actor *a, struct intent *i)
{
	if (i->kind == INTENT_LOCATION_CREATE)
		act_create(a, i);
	else if (i->kind == INTENT_LOCATION_UPDATE)
		act_update(a, i);
	else
		act_delete(a, i);
}

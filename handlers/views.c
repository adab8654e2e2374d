/* The pieces that all views are made of, locations, holds, sources, and the overlay. */
#include "handlers/views.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "fleet/sample.h"

/* --- overlay ------------------------------------------------------------------------------------------------- */

/* Most kinds of operation have no steps in the store, so most pages cost no query here. */
static enum err load_operations(struct store *store, struct overlay *o, struct error *e)
{
	enum err err = ERR_OK;

	o->operations = calloc(o->n_intents + 1, sizeof(struct operation *));
	if (!o->operations)
		return error_set(e, ERR_INTERNAL, "out of memory");
	for (size_t i = 0; !err && i < o->n_intents; i++)
		if (intent_has_steps(o->intents[i].kind))
			err = store_operation_get(store, o->intents[i].id, false, &o->operations[i], e);
	return err;
}

enum err overlay_load(struct store *store, struct overlay *ret, struct error *e)
{
	enum err err;

	*ret = (struct overlay){.store = store};
	err = store_settings_get(store, &ret->settings, e);
	err = err ? err : store_thresholds(store, &ret->thresholds, &ret->n_thresholds, e);
	err = err ? err : store_wishes(store, &ret->wishes, &ret->n_wishes, e);
	err = err ? err : store_location_wishes(store, &ret->location_wishes, &ret->n_location_wishes, e);
	err = err ? err : store_intents_open(store, &ret->intents, &ret->n_intents, e);
	return err ? err : load_operations(store, ret, e);
}

void overlay_free(struct overlay *o)
{
	free(o->thresholds);
	free(o->wishes);
	free(o->location_wishes);
	for (size_t i = 0; o->operations && i < o->n_intents; i++)
		operation_free(o->operations[i]);
	free(o->operations);
	free(o->intents);
}

/* --- pieces -------------------------------------------------------------------------------------------------- */

void put(json_t *object, const char *key, json_t *value)
{
	(void)json_object_set_new(object, key, value ? value : json_null());
}

void put_text(json_t *object, const char *key, const char *text)
{
	put(object, key, text ? json_string(text) : NULL);
}

void put_int(json_t *object, const char *key, int64_t value)
{
	put(object, key, json_integer(value));
}

void put_known(json_t *object, const char *key, int64_t value)
{
	put(object, key, value < 0 ? NULL : json_integer(value));
}

void put_id(json_t *object, const char *key, int64_t id)
{
	put(object, key, id ? json_integer(id) : NULL);
}

void put_bool(json_t *object, const char *key, bool value)
{
	put(object, key, json_boolean(value));
}

void put_time(json_t *object, const char *key, int64_t ms)
{
	char text[TIME_TEXT_SIZE];

	put(object, key, ms ? json_string(time_rfc3339(ms, text)) : NULL);
}

/* --- locations ----------------------------------------------------------------------------------------------- */

static int own_threshold(const struct overlay *o, int64_t location)
{
	size_t i;

	for (i = 0; i < o->n_thresholds; i++)
		if (o->thresholds[i].location == location)
			return o->thresholds[i].threshold;
	return 0;
}

static int pending_of(const struct picture *p, const struct location *l)
{
	int pending = 0;
	int32_t i;

	for (i = 0; i < l->n_nodes; i++)
		pending += p->nodes[l->first_node + i].pending_hd;
	return pending;
}

static int64_t location_id(const struct picture *p, int32_t index)
{
	return index < 0 ? 0 : p->locations[index].id;
}

static json_t *node_ids(const struct picture *p, const struct location *l)
{
	json_t *ids = json_array();
	int32_t i;

	for (i = 0; i < l->n_nodes; i++)
		(void)json_array_append_new(ids, json_integer(p->nodes[l->first_node + i].id));
	return ids;
}

json_t *view_location_change(const struct location_change *c)
{
	json_t *v = json_object();

	if (c->fields & LOCATION_NAME)
		put_text(v, location_field_text(LOCATION_NAME), c->name);
	if (c->fields & LOCATION_DESCRIPTION)
		put_text(v, location_field_text(LOCATION_DESCRIPTION), c->description);
	if (c->fields & LOCATION_PRIMARY)
		put_id(v, location_field_text(LOCATION_PRIMARY), c->overflow1);
	if (c->fields & LOCATION_SECONDARY)
		put_id(v, location_field_text(LOCATION_SECONDARY), c->overflow2);
	return v;
}

static const struct location_wish *location_wish_of(const struct overlay *o, int64_t location)
{
	static const struct location_wish none = {0};

	for (size_t i = 0; i < o->n_location_wishes; i++)
		if (o->location_wishes[i].location == location)
			return &o->location_wishes[i];
	return &none;
}

/* Wished and actual value of each field in which they differ. */
static json_t *location_drift_list(const struct location_wish *w, const struct location_change *actual)
{
	unsigned drift = location_drift(&w->change, actual);
	json_t *wished = view_location_change(&w->change);
	json_t *is = view_location_change(actual);
	json_t *list = json_array();

	for (unsigned field = 1; field <= LOCATION_ALL_FIELDS; field <<= 1) {
		const char *name = location_field_text(field);
		json_t *row;

		if (!(drift & field))
			continue;
		row = json_object();
		put_text(row, "field", name);
		put(row, "wished", json_incref(json_object_get(wished, name)));
		put(row, "actual", json_incref(json_object_get(is, name)));
		put_text(row, "refused", w->refused[0] ? w->refused : NULL);
		(void)json_array_append_new(list, row);
	}
	json_decref(wished);
	json_decref(is);
	return list;
}

static json_t *location_operation(const struct picture *p, const struct overlay *o, int64_t location)
{
	for (size_t i = 0; i < o->n_intents; i++)
		if (intent_of_location(o->intents[i].kind) && o->intents[i].location == location)
			return view_open_operation(p, o, i);
	return NULL;
}

static void put_wishes(json_t *v, const struct picture *p, const struct overlay *o, const struct location *l)
{
	const struct location_wish *wish = location_wish_of(o, l->id);
	struct location_change actual = location_actual(p, l);

	put(v, "wishes", view_location_change(&wish->change));
	put(v, "drift", location_drift_list(wish, &actual));
	put(v, "operation", location_operation(p, o, l->id));
}

double location_minutes_left(const struct picture *p, const struct location *l, int threshold,
			     struct store *store)
{
	struct ramp ramp = {0};
	struct error e;

	if (!p->infinity_fresh ||
	    store_sample_ramp(store, l->id, p->made_at - p->params.ramp_ms, p->made_at, &ramp, &e))
		return NAN;
	return ramp_minutes(&ramp, p->params.ramp_ms, l->free_hd, threshold);
}

/* A tenth of a minute is more than a straight line knows. An overflow location without a node that serves comes down to nothing. */
static void put_minutes_left(json_t *v, const struct picture *p, const struct overlay *o,
			     const struct location *l, int threshold)
{
	bool applies = l->principal || (l->kind == LOCATION_OVERFLOW && l->max_hd > 0);
	double minutes = applies ? location_minutes_left(p, l, threshold, o->store) : NAN;

	put(v, "minutes_to_threshold", isnan(minutes) ? NULL : json_real(round(minutes * 10) / 10));
}

json_t *view_location(const struct picture *p, const struct overlay *o, const struct location *l)
{
	json_t *v = json_object();
	int own = own_threshold(o, l->id);
	int threshold = own ? own : o->settings.bursting_threshold;

	put_int(v, "id", l->id);
	put_text(v, "name", l->name);
	put_text(v, "description", l->description ? l->description : "");
	put_text(v, "kind", location_kind_text(l->kind));
	put_id(v, "primary_overflow_location", location_id(p, l->overflow1));
	put_id(v, "secondary_overflow_location", location_id(p, l->overflow2));
	put_int(v, "max_hd_calls", l->max_hd);
	put_int(v, "free_hd_calls", l->free_hd);
	put_int(v, "pending_hd_calls", pending_of(p, l));
	put_known(v, "media_load", l->media_load);
	put_text(v, "state", location_state_text(l->state));
	put(v, "bursting_threshold", own ? json_integer(own) : NULL);
	put_int(v, "threshold_in_force", threshold);
	put_minutes_left(v, p, o, l, threshold);
	put_int(v, "bursting_nodes", l->n_bursting);
	put_bool(v, "only_secondary", l->only_secondary);
	put_time(v, "figures_at", l->figures_at);
	put(v, "nodes", node_ids(p, l));
	put_wishes(v, p, o, l);
	return v;
}

/* --- holds and sources --------------------------------------------------------------------------------------- */

json_t *view_hold(const struct hold *h)
{
	json_t *v = json_object();
	json_t *nodes = json_array();
	size_t i;

	for (i = 0; i < h->n_nodes; i++)
		(void)json_array_append_new(nodes, json_integer(h->nodes[i]));
	put_int(v, "id", h->id);
	put_id(v, "location", h->location);
	put(v, "count", h->location ? json_integer(h->count) : NULL);
	put(v, "nodes", nodes);
	put_time(v, "until", h->until);
	put_text(v, "reason", h->reason);
	put_text(v, "owner", h->owner);
	put_time(v, "created_at", h->created_at);
	return v;
}

bool view_source_fresh(const struct picture *p, const struct source *s, int64_t now)
{
	int64_t limit = s->kind == SOURCE_EC2 ? p->params.fresh_ec2_ms : p->params.fresh_infinity_ms;

	/* RULE D1, also for a picture that nobody replaces any more; the store has no age */
	return s->fresh && s->heard && (s->kind == SOURCE_STORE || now - s->observed_at < limit);
}

json_t *view_source(const struct picture *p, const struct source *s, int64_t now)
{
	json_t *v = json_object();
	bool dated = s->kind != SOURCE_STORE && s->observed_at;
	int64_t age = now > s->observed_at ? now - s->observed_at : 0;

	put_text(v, "name", s->name);
	put_bool(v, "fresh", view_source_fresh(p, s, now));
	put(v, "age_seconds", dated ? json_integer(age / MS_PER_SECOND) : NULL);
	put_time(v, "observed_at", s->observed_at);
	put_text(v, "error", s->error);
	put_text(v, "error_id", s->error_id);
	put_text(v, "remedy", s->remedy);
	return v;
}

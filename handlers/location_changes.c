/*
 * PATCH of a location: its own threshold, which is ours, and the wishes for what is Infinity's. A wish is written down together
 * with the operation that brings it about; who wishes what is there already gets no operation.
 */
#include <stdlib.h>
#include <string.h>

#include "handlers/handlers.h"
#include "handlers/location_input.h"
#include "handlers/locations.h"
#include "handlers/node_actions.h"
#include "handlers/plan.h"

struct change {
	struct req *r;
	const struct location *location;
	bool threshold_given;
	int threshold; /* 0 = the global one */
	struct location_change want;
	unsigned release;

	/* results of the transaction */
	bool wrote;
	json_t *before; /* owned, as is `after` */
	json_t *after;
	struct location_change effective; /* what Infinity would have in the end */
	bool has_operation;
	bool made; /* the operation is new */
	struct intent operation;
};

/* --- the own threshold ----------------------------------------------------------------------------------------- */

static int find_own(const struct overlay *o, int64_t location)
{
	for (size_t i = 0; i < o->n_thresholds; i++)
		if (o->thresholds[i].location == location)
			return o->thresholds[i].threshold;
	return 0;
}

static void threshold_text(int threshold, char out[24])
{
	if (threshold)
		(void)snprintf(out, 24, "%d", threshold);
	else
		(void)snprintf(out, 24, "the global one");
}

static enum err tell(struct store *store, const struct change *c, enum event_type type, const char *reason,
		     const char *figures, struct error *e)
{
	struct event event = {.time = c->r->now,
			      .type = type,
			      .node_name = "",
			      .location = c->location->id,
			      .actor = c->r->actor,
			      .reason = reason,
			      .rule = "",
			      .figures = figures,
			      .operation = c->has_operation ? c->operation.id : 0};
	int64_t id;

	return store_event_add(store, &event, &id, e);
}

/* RULE V3: who changed the threshold from what to what. */
static enum err tell_threshold(struct store *store, const struct change *c, int old, struct error *e)
{
	char reason[400], was[24], is[24], figures[96];

	threshold_text(old, was);
	threshold_text(c->threshold, is);
	(void)snprintf(reason, sizeof reason, "bursting_threshold of %.200s: %s -> %s", c->location->name,
		       was, is);
	(void)snprintf(figures, sizeof figures, "{\"bursting_threshold\":{\"old\":%s,\"new\":%s}}",
		       old ? was : "null", c->threshold ? is : "null");
	return tell(store, c, EVENT_SETTINGS, reason, figures, e);
}

static enum err write_threshold(struct store *store, struct change *c, const struct overlay *o,
				struct error *e)
{
	int old = find_own(o, c->location->id);
	enum err err;

	if (!c->threshold_given || old == c->threshold)
		return ERR_OK;
	c->wrote = true;
	err = store_threshold_put(store, c->location->id, c->threshold, e);
	return err ? err : tell_threshold(store, c, old, e);
}

/* --- the operation ---------------------------------------------------------------------------------------------- */

static void say_reason(const struct change *c, unsigned fields, char out[400])
{
	size_t len = (size_t)snprintf(out, 400, "%.200s changed in Infinity for %.60s:", c->location->name,
				      c->r->actor);

	for (unsigned field = 1; field <= LOCATION_ALL_FIELDS; field <<= 1)
		if (fields & field && len < 400)
			len += (size_t)snprintf(out + len, 400 - len, " %s", location_field_text(field));
}

/*
 * One that is under way takes over the new values. Where it is being sent already the count of attempts is moved on, so that
 * the actor, which read the old values, does not close it over the new ones.
 */
static enum err amend(struct store *store, struct change *c, const struct location_change *wish,
		      struct error *e)
{
	struct intent *in = &c->operation;
	struct location_change actual = location_actual(req_picture(c->r), c->location);
	unsigned fields = (location_drift(wish, &actual) | in->change.fields) & wish->fields;
	int attempts = in->attempts;

	in->change = *wish;
	in->change.fields = fields;
	in->attempts = attempts + 1;
	in->next_at = 0;
	in->error[0] = '\0';
	(void)snprintf(in->actor, sizeof in->actor, "%s", c->r->actor);
	say_reason(c, fields, in->reason);
	c->has_operation = true;
	return store_intent_move(store, in, in->state, attempts, e);
}

static enum err add_operation(struct store *store, struct change *c, const struct location_change *wish,
			      unsigned fields, struct error *e)
{
	struct intent *in = &c->operation;

	*in = (struct intent){.kind = INTENT_LOCATION_UPDATE,
			      .state = INTENT_APPLYING,
			      .location = c->location->id,
			      .created_at = c->r->now,
			      .entered_at = c->r->now,
			      .change = *wish};
	in->change.fields = fields;
	(void)snprintf(in->actor, sizeof in->actor, "%s", c->r->actor);
	say_reason(c, fields, in->reason);
	c->has_operation = c->made = true;
	return store_intent_add(store, in, e);
}

static enum err write_operation(struct store *store, struct change *c, const struct location_change *wish,
				bool changed, struct error *e)
{
	struct location_change actual = location_actual(req_picture(c->r), c->location);
	unsigned fields = location_drift(wish, &actual) & c->want.fields;
	enum err err = store_intent_of_location(store, c->location->id, &c->operation, e);

	if (err && err != ERR_NOT_FOUND)
		return err;
	e->code = ERR_OK;
	if (!err && c->operation.kind == INTENT_LOCATION_DELETE)
		return error_set(e, ERR_CONFLICT, "operation %lld is deleting this location",
				 (long long)c->operation.id);
	if (!err && changed)
		return amend(store, c, wish, e);
	c->has_operation = !err && c->want.fields != 0;
	return err && fields ? add_operation(store, c, wish, fields, e) : ERR_OK;
}

/* --- the wishes -------------------------------------------------------------------------------------------------- */

/* RULE V3: both the old and the new wishes. */
static enum err tell_wishes(struct store *store, const struct change *c, const struct location_change *old,
			    const struct location_change *new, struct error *e)
{
	json_t *figures =
		json_pack("{s:o, s:o}", "old", view_location_change(old), "new", view_location_change(new));
	_cleanup_(freep) char *text = json_dumps(figures, JSON_COMPACT);
	char reason[400];

	json_decref(figures);
	(void)snprintf(reason, sizeof reason, "Wishes for location %.200s changed by %.100s.",
		       c->location->name, c->r->actor);
	return tell(store, c, EVENT_WISH, reason, text, e);
}

static bool same(const struct location_change *a, const struct location_change *b)
{
	return a->fields == b->fields && !location_drift(a, b);
}

static enum err write_wishes(struct store *store, struct change *c, const struct overlay *o, struct error *e)
{
	const struct location_scope scope = {req_picture(c->r), c->location->id};
	struct location_wish old, new;
	bool changed, again;
	enum err err = store_location_wish_get(store, c->location->id, &old, e);

	if (err)
		return err;
	new = old;
	new.change.fields &= ~c->release;
	location_change_merge(&new.change, &c->want);
	c->effective = location_actual(scope.picture, c->location);
	location_change_merge(&c->effective, &new.change);
	err = location_check(&scope, o, &c->want, &c->effective, e);
	changed = !same(&new.change, &old.change);
	again = old.refused[0] && c->want.fields; /* Infinity is to be asked once more */
	if (!err && (c->want.fields || c->release))
		err = write_operation(store, c, &new.change, changed, e);
	if (err || !(changed || again))
		return err;
	c->wrote = true;
	new.refused[0] = '\0';
	(void)snprintf(new.actor, sizeof new.actor, "%s", c->r->actor);
	err = store_location_wish_put(store, &new, e);
	return err || !changed ? err : tell_wishes(store, c, &old.change, &new.change, e);
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

static void forget(struct change *c)
{
	json_decref(c->before);
	json_decref(c->after);
	c->before = c->after = NULL;
	c->wrote = c->has_operation = c->made = false;
}

static enum err change_tx(struct store *store, void *arg, struct error *e)
{
	_cleanup_(overlay_free) struct overlay o = {0};
	struct change *c = arg;
	enum err err;

	forget(c);
	err = overlay_load(store, &o, e);
	if (!err)
		c->before = view_location(req_picture(c->r), &o, c->location);
	err = err ? err : req_if_match(c->r, c->before, e);
	err = err ? err : write_threshold(store, c, &o, e);
	err = err ? err : write_wishes(store, c, &o, e);
	if (!err)
		c->after = location_present(c->r, store, c->location, e);
	return c->after ? ERR_OK : e->code;
}

/* The resource as it would be in the end: what is on its way there is the operation, told elsewhere in the plan. */
static json_t *in_the_end(const json_t *view, const struct location_change *effective)
{
	json_t *v = json_deep_copy(view);
	json_t *values = view_location_change(effective);

	(void)json_object_update(v, values);
	json_decref(values);
	(void)json_object_del(v, "drift");
	(void)json_object_del(v, "operation");
	return v;
}

static json_t *plan_of(const struct change *c)
{
	const struct picture *p = req_picture(c->r);
	struct location_future future = {p, c->location, &c->effective};
	json_t *after = in_the_end(c->after, &c->effective);
	json_t *plan = plan_new();
	char at[48];

	(void)snprintf(at, sizeof at, "/v1/locations/%lld", (long long)c->location->id);
	plan_change(plan, at, c->before, after);
	json_decref(after);
	if (c->has_operation) {
		plan_operation(plan, &c->operation, c->made);
		plan_step(plan, INTENT_APPLYING, "send the change of the location to Infinity");
	}
	plan_future(plan, &future);
	return plan;
}

static struct done *reply_change(struct change *c)
{
	struct done *done;

	if (c->r->dry_run)
		done = reply_plan(c->r, plan_of(c));
	else if (c->has_operation)
		done = reply_operation(c->r, 202, &c->operation, NULL);
	else
		done = reply_value(c->r, 200, json_incref(c->after));
	forget(c);
	return done;
}

static struct done *apply(struct change *c)
{
	struct error e = {.code = ERR_OK};
	struct store *store = req_store(c->r, &e);

	if (!store || store_tx(store, change_tx, c, &e)) {
		forget(c);
		return reply_error(c->r, &e);
	}
	if (c->wrote || c->made)
		req_changed(c->r);
	return reply_change(c);
}

struct done *location_patch(struct req *r)
{
	struct error e;
	struct input_errors errors;
	struct input in;
	struct input_value v;
	struct change c = {.r = r, .location = location_find(r, &e)};

	if (!c.location || !input_open(&in, &errors, r, true, &e))
		return reply_error(r, &e);
	v = input_int(&in, "bursting_threshold", 1, 10000, true);
	location_read(&in, &(struct location_scope){req_picture(r), c.location->id}, &c.want);
	c.release = location_read_release(&in);
	if (errors.n == 0 && json_object_size(in.object) == 0)
		input_fail(&in, "bursting_threshold",
			   "is missing: it, a field of the location, or release is needed");
	if (!input_end(&in))
		return reply_input(r, &errors);
	c.threshold_given = v.given;
	c.threshold = v.null ? 0 : (int)v.number;
	return apply(&c);
}

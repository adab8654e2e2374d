/* POST and DELETE of a location: operations that Infinity's actor carries out. */
#include <stdlib.h>
#include <string.h>

#include "handlers/handlers.h"
#include "handlers/location_input.h"
#include "handlers/locations.h"
#include "handlers/node_actions.h"
#include "handlers/plan.h"

/* What POST and DELETE share: one transaction that checks and writes one operation. */
struct work {
	struct req *r;
	const struct location *location; /* NULL = a new one */
	struct location_change want;     /* of a new one */
	struct intent operation;
	bool made;      /* the operation is new */
	json_t *before; /* owned */
};

static struct intent new_operation(const struct work *w)
{
	struct intent in = {.state = INTENT_APPLYING,
			    .kind = w->location ? INTENT_LOCATION_DELETE : INTENT_LOCATION_CREATE,
			    .location = w->location ? w->location->id : 0,
			    .created_at = w->r->now,
			    .entered_at = w->r->now,
			    .change = w->want};

	(void)snprintf(in.actor, sizeof in.actor, "%s", w->r->actor);
	(void)snprintf(in.reason, sizeof in.reason, "Location %.250s %s by %.100s.",
		       w->location ? w->location->name : w->want.name, w->location ? "deleted" : "made",
		       w->r->actor);
	return in;
}

static json_t *plan_of(const struct work *w)
{
	struct location_future future = {req_picture(w->r), w->location, w->location ? NULL : &w->want};
	json_t *plan = plan_new();
	json_t *wanted = view_location_change(&w->want);
	char at[48] = "/v1/locations";

	if (w->location)
		(void)snprintf(at, sizeof at, "/v1/locations/%lld", (long long)w->location->id);
	plan_change(plan, at, w->before, w->location ? NULL : wanted);
	json_decref(wanted);
	plan_operation(plan, &w->operation, w->made);
	plan_step(plan, INTENT_APPLYING,
		  w->location ? "look once more whether anything is in it or leads to it, then delete it in "
				"Infinity"
			      : "make the location in Infinity");
	plan_future(plan, &future);
	return plan;
}

static struct done *run(struct work *w, enum err (*tx)(struct store *, void *, struct error *))
{
	struct error e = {.code = ERR_OK};
	struct store *store = req_store(w->r, &e);
	enum err err = store ? store_tx(store, tx, w, &e) : e.code;
	json_t *plan = !err && w->r->dry_run ? plan_of(w) : NULL;

	json_decref(w->before);
	if (err)
		return reply_error(w->r, &e);
	if (plan)
		return reply_plan(w->r, plan);
	if (w->made)
		req_changed(w->r);
	return reply_operation(w->r, 202, &w->operation, NULL);
}

/* --- making one ------------------------------------------------------------------------------------------------- */

static enum err make_tx(struct store *store, void *arg, struct error *e)
{
	_cleanup_(overlay_free) struct overlay o = {0};
	struct work *w = arg;
	const struct location_scope scope = {.picture = req_picture(w->r)};
	enum err err = overlay_load(store, &o, e);

	err = err ? err : location_check(&scope, &o, &w->want, &w->want, e);
	if (err)
		return err;
	w->made = true;
	w->operation = new_operation(w);
	return store_intent_add(store, &w->operation, e);
}

struct done *location_create(struct req *r)
{
	struct work w = {.r = r};
	struct input_errors errors;
	struct input in;
	struct error e;

	if (!input_open(&in, &errors, r, true, &e))
		return reply_error(r, &e);
	location_read(&in, &(struct location_scope){.picture = req_picture(r)}, &w.want);
	if (!json_object_get(in.object, "name"))
		input_fail(&in, "name", "is missing: unique among the platform's locations");
	if (!input_end(&in))
		return reply_input(r, &errors);
	if (!req_picture(r)->infinity_at) {
		(void)error_set(&e, ERR_BUSY,
				"Infinity was not read yet: which names there are is not known");
		return reply_error(r, &e);
	}
	return run(&w, make_tx);
}

/* --- deleting one ----------------------------------------------------------------------------------------------- */

static enum err stands_against(struct error *e, const struct work *w, const char *what)
{
	return error_set(e, ERR_CONFLICT, "%.100s cannot be deleted: %.250s", w->location->name, what);
}

static enum err check_nodes(const struct work *w, struct error *e)
{
	const struct picture *p = req_picture(w->r);
	const struct location *l = w->location;
	char what[200];

	if (!l->n_nodes)
		return ERR_OK;
	(void)snprintf(what, sizeof what,
		       "%d node(s) are in it, the first is %.60s. Move or delete them first.", l->n_nodes,
		       p->nodes[l->first_node].name);
	return stands_against(e, w, what);
}

static bool leads_to(const struct location_change *c, int64_t id)
{
	return (c->fields & LOCATION_PRIMARY && c->overflow1 == id) ||
	       (c->fields & LOCATION_SECONDARY && c->overflow2 == id);
}

static bool brings_a_node(enum intent_kind kind)
{
	return kind == INTENT_DEPLOY_NODE || kind == INTENT_CONVERT;
}

/* Links as they are, as they are wished, and as an operation under way will make them. */
static enum err check_links(const struct work *w, const struct overlay *o, struct error *e)
{
	const struct picture *p = req_picture(w->r);
	int64_t id = w->location->id;
	char what[300];

	for (size_t i = 0; i < p->n_locations; i++) {
		struct location_change actual = location_actual(p, &p->locations[i]);

		(void)snprintf(what, sizeof what, "%.100s overflows into it. Change its links first.",
			       actual.name);
		if (p->locations[i].id != id && leads_to(&actual, id))
			return stands_against(e, w, what);
	}
	for (size_t i = 0; i < o->n_location_wishes; i++) {
		(void)snprintf(what, sizeof what, "location %lld is wished to overflow into it.",
			       (long long)o->location_wishes[i].location);
		if (o->location_wishes[i].location != id && leads_to(&o->location_wishes[i].change, id))
			return stands_against(e, w, what);
	}
	for (size_t i = 0; i < o->n_intents; i++) {
		(void)snprintf(what, sizeof what, "operation %lld makes a location overflow into it.",
			       (long long)o->intents[i].id);
		if (o->intents[i].location != id && leads_to(&o->intents[i].change, id))
			return stands_against(e, w, what);
		(void)snprintf(what, sizeof what, "operation %lld brings a node into it.",
			       (long long)o->intents[i].id);
		if (o->intents[i].location == id && brings_a_node(o->intents[i].kind))
			return stands_against(e, w, what);
	}
	return ERR_OK;
}

/* ERR_OK with w->made false where the deletion is under way already. */
static enum err check_operation(struct store *store, struct work *w, struct error *e)
{
	enum err err = store_intent_of_location(store, w->location->id, &w->operation, e);

	w->made = err == ERR_NOT_FOUND;
	if (w->made || err)
		return w->made ? ERR_OK : err;
	if (w->operation.kind == INTENT_LOCATION_DELETE)
		return ERR_OK;
	return error_set(e, ERR_CONFLICT,
			 "operation %lld is changing this location: ask again when it has ended",
			 (long long)w->operation.id);
}

static enum err delete_tx(struct store *store, void *arg, struct error *e)
{
	_cleanup_(overlay_free) struct overlay o = {0};
	struct work *w = arg;
	enum err err = overlay_load(store, &o, e);

	if (err)
		return err;
	json_decref(w->before);
	w->before = view_location(req_picture(w->r), &o, w->location);
	err = req_if_match(w->r, w->before, e);
	err = err ? err : check_operation(store, w, e);
	err = err ? err : check_nodes(w, e);
	err = err ? err : check_links(w, &o, e);
	if (err || !w->made)
		return err;
	w->operation = new_operation(w);
	return store_intent_add(store, &w->operation, e);
}

struct done *location_delete(struct req *r)
{
	struct error e;
	struct work w = {.r = r, .location = location_find(r, &e)};

	return w.location ? run(&w, delete_tx) : reply_error(r, &e);
}

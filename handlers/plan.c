#include "handlers/plan.h"

#include <stdarg.h>
#include <stdio.h>

#include "handlers/views.h"
#include "store/store.h"

#define POINTER_SIZE 96
#define EVENTS_MAX   100 /* more than any one request makes */

json_t *plan_new(void)
{
	json_t *plan = json_object();

	put_bool(plan, "dry_run", true);
	put(plan, "kind", NULL);
	put(plan, "node", NULL);
	put(plan, "location", NULL);
	put(plan, "operation", NULL);
	put(plan, "steps", json_array());
	put(plan, "changes", json_array());
	put(plan, "events", json_array());
	put(plan, "consequences", json_array());
	return plan;
}

/* --- changes ------------------------------------------------------------------------------------------------- */

static void add_change(json_t *plan, const char *resource, const char *pointer, const json_t *from,
		       const json_t *to)
{
	json_t *row = json_object();

	put_text(row, "resource", resource);
	put_text(row, "pointer", pointer);
	put(row, "from", json_deep_copy(from));
	put(row, "to", json_deep_copy(to));
	(void)json_array_append_new(json_object_get(plan, "changes"), row);
}

/* Objects field by field; anything else as a whole. A field's name is ours and needs no escape (RFC 6901). */
static void compare(json_t *plan, const char *resource, const char *pointer, const json_t *before,
		    const json_t *after)
{
	const char *key;
	json_t *is;

	if (json_equal(before, after))
		return;
	if (!json_is_object(before) || !json_is_object(after)) {
		add_change(plan, resource, pointer, before, after);
		return;
	}
	json_object_foreach((json_t *)(uintptr_t)after, key, is)
	{
		char at[POINTER_SIZE];

		(void)snprintf(at, sizeof at, "%s/%s", pointer, key);
		compare(plan, resource, at, json_object_get(before, key), is);
	}
}

void plan_change(json_t *plan, const char *resource, const json_t *before, const json_t *after)
{
	compare(plan, resource, "", before, after);
}

/* --- the operation -------------------------------------------------------------------------------------------- */

void plan_operation(json_t *plan, const struct intent *in, bool made)
{
	put_text(plan, "kind", intent_kind_text(in->kind));
	put_id(plan, "node", in->node);
	put_id(plan, "location", in->location);
	put_id(plan, "operation", made ? 0 : in->id);
}

void plan_named_step(json_t *plan, const char *step, const char *what)
{
	(void)json_array_append_new(json_object_get(plan, "steps"),
				    json_pack("{s:s, s:s}", "step", step, "description", what));
}

void plan_step(json_t *plan, enum intent_state state, const char *what)
{
	plan_named_step(plan, intent_state_text(state), what);
}

/* --- what follows --------------------------------------------------------------------------------------------- */

void plan_consequence(json_t *plan, const char *format, ...)
{
	char text[600];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	(void)json_array_append_new(json_object_get(plan, "consequences"), json_string(text));
}

/* Oldest first, as they would be written. */
static enum err add_events(struct req *r, json_t *plan, struct error *e)
{
	struct history_filter all = {.type = -1};
	struct store *store = req_store(r, e);
	struct event *events = NULL;
	json_t *list = json_object_get(plan, "events");
	size_t n = 0;
	enum err err = store ? store_events(store, &all, EVENTS_MAX, &events, &n, e) : e->code;

	for (size_t i = 0; !err && i < n && events[i].id > r->last_event; i++) {
		json_t *row = json_object();

		put_text(row, "type", event_type_text(events[i].type));
		put_text(row, "actor", events[i].actor);
		put_text(row, "reason", events[i].reason);
		put_text(row, "rule", events[i].rule[0] ? events[i].rule : NULL);
		(void)json_array_insert_new(list, 0, row);
	}
	store_events_free(events, n);
	return err;
}

struct done *reply_plan(struct req *r, json_t *plan)
{
	struct error e = {.code = ERR_OK};

	if (add_events(r, plan, &e)) {
		json_decref(plan);
		return reply_error(r, &e);
	}
	return reply_value(r, 200, plan);
}

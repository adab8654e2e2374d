/* /v1/holds: "keep this node, or n nodes of this location, up until then" (RULE S8). */
#include <stdlib.h>

#include "base/limits.h"
#include "handlers/handlers.h"
#include "handlers/input.h"
#include "handlers/paging.h"
#include "handlers/plan.h"
#include "handlers/target.h"
#include "handlers/views.h"

#define CURSOR_KIND 'k'
#define HOLD_MAX_MS (366 * 24 * 60 * MS_PER_MINUTE) /* a hold without a foreseeable end is a mistake */
#define NODES_MAX   500

/* --- reading ------------------------------------------------------------------------------------------------- */

struct done *hold_list(struct req *r)
{
	struct hold *holds = NULL;
	struct paging paging;
	struct store *store;
	struct error e;
	json_t *items, *body;
	bool ended;
	size_t n = 0;
	size_t i;

	if (!paging_read(r, CURSOR_KIND, &paging, &e) || !query_bool(r, "ended", false, &ended, &e))
		return reply_error(r, &e);
	store = req_store(r, &e);
	if (!store || store_holds_page(store, r->now, ended, paging.last, paging.limit + 1, &holds, &n, &e))
		return reply_error(r, &e);
	items = json_array();
	for (i = 0; i < n && i < (size_t)paging.limit; i++)
		(void)json_array_append_new(items, view_hold(&holds[i]));
	body = paging_body(items, CURSOR_KIND, n > i ? holds[i - 1].id : 0);
	store_holds_free(holds, n);
	return reply_value(r, 200, body);
}

struct done *hold_get(struct req *r)
{
	struct hold *hold = NULL;
	struct error e;
	struct store *store = req_store(r, &e);
	json_t *body;

	if (!store || store_hold_get(store, r->number, &hold, &e))
		return reply_error(r, &e);
	body = view_hold(hold);
	store_holds_free(hold, 1);
	return reply_value(r, 200, body);
}

/* --- making one ---------------------------------------------------------------------------------------------- */

static void read_location(struct input *in, const struct picture *p, struct hold *h)
{
	struct input_value location = input_int(in, "location", 1, INT64_MAX, false);
	struct input_value count = input_int(in, "count", 1, 10000, false);

	h->location = location.number;
	h->count = count.given ? (int)count.number : 1;
	if (location.given)
		target_location(in, p, location.number, "count", count.given ? count.number : 0);
	if (count.given && !json_object_get(in->object, "location"))
		input_fail(in, "count", "belongs to a location");
}

static void read_nodes(struct input *in, const struct picture *p, struct hold *h, int64_t room[NODES_MAX])
{
	struct input_value nodes = input_array(in, "nodes", 1, NODES_MAX);

	h->nodes = room;
	if (nodes.given)
		h->n_nodes = target_nodes(in, p, nodes.list, room);
}

/* `until` is a time of day, `minutes` a duration: that one is scaled. */
static void read_until(struct input *in, struct req *r, struct hold *h)
{
	struct input_value until = input_text(in, "until", 1, 40, false);
	struct input_value minutes = input_int(in, "minutes", 1, HOLD_MAX_MS / MS_PER_MINUTE, false);
	bool has_until = json_object_get(in->object, "until") != NULL;
	bool has_minutes = json_object_get(in->object, "minutes") != NULL;

	if (has_until && has_minutes)
		input_fail(in, "minutes", "is given together with until: choose one");
	else if (!has_until && !has_minutes)
		input_fail(in, "until", "is missing: a time, or minutes");
	if (minutes.given)
		h->until = r->now +
			   (int64_t)((double)(minutes.number * MS_PER_MINUTE) / r->app->config->time_scale);
	if (!until.given)
		return;
	if (time_parse_rfc3339(until.text, &h->until))
		input_fail(in, "until", "must be a time such as 2026-01-31T08:00:00Z");
	else if (h->until <= r->now)
		input_fail(in, "until", "must lie in the future");
	else if (h->until - r->now > HOLD_MAX_MS)
		input_fail(in, "until", "must lie within 366 days");
}

static bool read_body(struct input *in, struct req *r, struct hold *h, int64_t room[NODES_MAX])
{
	bool has_location = json_object_get(in->object, "location") != NULL;
	bool has_nodes = json_object_get(in->object, "nodes") != NULL;
	struct input_value reason = input_text(in, "reason", 1, LIMIT_REASON_BYTES, false);

	if (has_location && has_nodes)
		input_fail(in, "nodes", "is given together with location: choose one");
	else if (!has_location && !has_nodes)
		input_fail(in, "location", "is missing: a location with a count, or nodes");
	read_location(in, req_picture(r), h);
	read_nodes(in, req_picture(r), h, room);
	read_until(in, r, h);
	h->reason = reason.given ? reason.text : "";
	return input_end(in);
}

struct making {
	struct req *r;
	struct hold *hold;
};

static enum err tell(struct store *store, struct req *r, const struct hold *h, const char *what,
		     struct error *e)
{
	json_t *figures = view_hold(h);
	_cleanup_(freep) char *text = json_dumps(figures, JSON_COMPACT);
	char reason[400], until[TIME_TEXT_SIZE];
	struct event event = {.time = r->now,
			      .type = EVENT_HOLD,
			      .node_name = "",
			      .location = h->location,
			      .actor = r->actor,
			      .reason = reason,
			      .rule = "S8",
			      .figures = text};
	int64_t id;

	json_decref(figures);
	(void)snprintf(reason, sizeof reason, "Hold %lld %s, until %s%s%.250s", (long long)h->id, what,
		       time_rfc3339(h->until, until), *h->reason ? ": " : ".", h->reason);
	return store_event_add(store, &event, &id, e);
}

static enum err make_tx(struct store *store, void *arg, struct error *e)
{
	struct making *m = arg;
	enum err err = store_hold_add(store, m->hold, e);

	return err ? err : tell(store, m->r, m->hold, "was made", e);
}

/* How many of the hold's nodes it would have to start, on the present picture. */
static int missing(const struct picture *p, const struct hold *h)
{
	int up = 0;

	for (size_t i = 0; i < p->n_nodes; i++) {
		const struct node *n = &p->nodes[i];
		bool named = false;

		for (size_t k = 0; k < h->n_nodes; k++)
			named |= h->nodes[k] == n->id;
		if (h->location)
			named = n->bursting && n->location >= 0 &&
				p->locations[n->location].id == h->location;
		up += named && (n->phase == PHASE_SERVING || n->phase == PHASE_STARTING);
	}
	up = (h->location ? h->count : (int)h->n_nodes) - up;
	return up > 0 ? up : 0;
}

static json_t *plan_of(struct req *r, const struct hold *h)
{
	json_t *plan = plan_new();
	json_t *hold = view_hold(h);
	int start = missing(req_picture(r), h);

	put(hold, "id", NULL); /* it would get one, but which is not certain */
	plan_change(plan, "/v1/holds", NULL, hold);
	put(plan, "hold", hold);
	if (start)
		plan_consequence(plan,
				 "burstd starts %d node(s) for it, and stops none of them while it lasts.",
				 start);
	else
		plan_consequence(plan, "Its nodes are up already; none of them is stopped while it lasts.");
	return plan;
}

static struct done *make(struct req *r, struct hold *h)
{
	struct making m = {.r = r, .hold = h};
	struct error e = {.code = ERR_OK};
	struct store *store = req_store(r, &e);
	char at[40];

	if (!store || store_tx(store, make_tx, &m, &e))
		return reply_error(r, &e);
	if (r->dry_run)
		return reply_plan(r, plan_of(r, h));
	req_changed(r);
	(void)snprintf(at, sizeof at, "/v1/holds/%lld", (long long)h->id);
	return reply_value_at(r, 201, at, view_hold(h));
}

struct done *hold_create(struct req *r)
{
	struct input_errors errors;
	struct input in;
	int64_t nodes[NODES_MAX];
	struct hold h = {.owner = r->actor, .created_at = r->now};
	struct error e;

	if (!input_open(&in, &errors, r, true, &e))
		return reply_error(r, &e);
	if (!read_body(&in, r, &h, nodes))
		return reply_input(r, &errors);
	return make(r, &h);
}

/* --- taking one back ------------------------------------------------------------------------------------------ */

struct removal {
	struct req *r;
	json_t *before; /* owned */
};

static enum err remove_tx(struct store *store, void *arg, struct error *e)
{
	struct removal *m = arg;
	struct hold *hold = NULL;
	enum err err = store_hold_get(store, m->r->number, &hold, e);

	if (err)
		return err;
	json_decref(m->before);
	m->before = view_hold(hold);
	err = req_if_match(m->r, m->before, e);
	err = err ? err : tell(store, m->r, hold, "was taken back", e);
	err = err ? err : store_hold_remove(store, m->r->number, e);
	store_holds_free(hold, 1);
	return err;
}

static json_t *plan_removal(const struct removal *m)
{
	json_t *plan = plan_new();
	char at[40];

	(void)snprintf(at, sizeof at, "/v1/holds/%lld", (long long)m->r->number);
	plan_change(plan, at, m->before, NULL);
	plan_consequence(plan, "What its nodes are needed for then decides whether they stay up.");
	return plan;
}

struct done *hold_delete(struct req *r)
{
	struct removal m = {.r = r};
	struct error e;
	struct store *store = req_store(r, &e);
	enum err err = store ? store_tx(store, remove_tx, &m, &e) : e.code;
	json_t *plan = !err && r->dry_run ? plan_removal(&m) : NULL;

	json_decref(m.before);
	if (err)
		return reply_error(r, &e);
	if (plan)
		return reply_plan(r, plan);
	req_changed(r);
	return reply_empty(r, 204);
}

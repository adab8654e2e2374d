/* /v1/nodes: the Conferencing Nodes, and the wishes that an operator states for one. */
#include <stdlib.h>
#include <string.h>

#include "handlers/handlers.h"
#include "handlers/input.h"
#include "handlers/paging.h"
#include "handlers/plan.h"
#include "handlers/views.h"

#define CURSOR_KIND 'n'
#define ORDER_MOST  (START_ORDER_NONE - 1)

struct query {
	struct paging paging;
	int64_t location;      /* 0 = all */
	enum node_phase phase; /* PHASE_COUNT = all */
	int bursting;          /* 0 false, 1 true, -1 all */
};

/* --- the list ------------------------------------------------------------------------------------------------ */

static int by_id(const void *a, const void *b)
{
	const struct node *x = *(const struct node *const *)a;
	const struct node *y = *(const struct node *const *)b;

	return (x->id > y->id) - (x->id < y->id);
}

static bool wanted(const struct picture *p, const struct query *q, const struct node *n)
{
	if (n->id <= q->paging.last || (q->bursting >= 0 && n->bursting != (q->bursting == 1)))
		return false;
	if (q->phase != PHASE_COUNT && (!n->bursting || n->phase != q->phase))
		return false;
	return !q->location || (n->location >= 0 && p->locations[n->location].id == q->location);
}

static const struct node **sorted(const struct picture *p, const struct query *q, size_t *ret_n)
{
	const struct node **list = calloc(p->n_nodes + 1, sizeof *list);
	size_t n = 0;
	size_t i;

	for (i = 0; list && i < p->n_nodes; i++)
		if (wanted(p, q, &p->nodes[i]))
			list[n++] = &p->nodes[i];
	if (list)
		qsort(list, n, sizeof *list, by_id);
	*ret_n = n;
	return list;
}

static json_t *list_body(struct req *r, const struct query *q, struct error *e)
{
	_cleanup_(overlay_free) struct overlay o = {0};
	_cleanup_(freep) const struct node **list = NULL;
	const struct picture *p = req_picture(r);
	struct store *store = req_store(r, e);
	size_t limit = (size_t)q->paging.limit;
	json_t *items;
	size_t n, i;

	if (!store || overlay_load(store, &o, e))
		return NULL;
	list = sorted(p, q, &n);
	if (!list) {
		(void)error_set(e, ERR_INTERNAL, "out of memory");
		return NULL;
	}
	items = json_array();
	for (i = 0; i < n && i < limit; i++)
		(void)json_array_append_new(items, view_node(p, &o, list[i]));
	return paging_body(items, CURSOR_KIND, n > limit ? list[limit - 1]->id : 0);
}

static bool query_read(struct req *r, struct query *q, struct error *e)
{
	const char *phase = req_query(r, "phase");

	q->phase = phase ? phase_from_text(phase) : PHASE_COUNT;
	if (phase && q->phase == PHASE_COUNT) {
		(void)error_set(e, ERR_BAD_REQUEST,
				"the query parameter \"phase\" must be unknown|stopped|starting|serving|"
				"draining|stopping|failed");
		return false;
	}
	return paging_read(r, CURSOR_KIND, &q->paging, e) && query_id(r, "location", &q->location, e) &&
	       query_choice(r, "bursting", "false|true", &q->bursting, e);
}

static json_t *render(struct req *r, struct error *e)
{
	struct query q;

	return query_read(r, &q, e) ? list_body(r, &q, e) : NULL;
}

struct done *node_list(struct req *r)
{
	struct error e;
	json_t *body;

	if (!req_has_query(r))
		return reply_page(r, PAGE_NODES, render);
	body = render(r, &e);
	return body ? reply_value(r, 200, body) : reply_error(r, &e);
}

/* --- one node ------------------------------------------------------------------------------------------------ */

static const struct node *find(struct req *r, struct error *e)
{
	const struct picture *p = req_picture(r);
	const struct node *n = picture_node(p, r->number);

	if (!n)
		(void)error_set(e, ERR_NOT_FOUND, "there is no node with the id %lld%s", (long long)r->number,
				p->infinity_at ? "" : ": Infinity was not read yet");
	return n;
}

static json_t *present(struct req *r, struct store *store, const struct node *n, struct error *e)
{
	_cleanup_(overlay_free) struct overlay o = {0};

	return overlay_load(store, &o, e) ? NULL : view_node(req_picture(r), &o, n);
}

struct done *node_get(struct req *r)
{
	struct error e;
	const struct node *n = find(r, &e);
	struct store *store = n ? req_store(r, &e) : NULL;
	json_t *body = store ? present(r, store, n, &e) : NULL;

	return body ? reply_value(r, 200, body) : reply_error(r, &e);
}

/* --- wishes -------------------------------------------------------------------------------------------------- */

struct wanted_wishes {
	struct input_value power;
	struct input_value maintenance;
	struct input_value order;
	struct input_value nat;
};

struct change {
	struct req *r;
	const struct node *node;
	struct wanted_wishes want;
	bool wrote;
	json_t *before; /* owned, as is `after` */
	json_t *after;
	struct node_wish wish; /* as it is afterwards */
};

static void wishes_apply(struct node_wish *w, const struct wanted_wishes *want)
{
	if (want->power.given)
		w->power = want->power.null          ? WISH_POWER_NONE
			   : want->power.number == 0 ? WISH_POWER_ON
						     : WISH_POWER_OFF;
	if (want->maintenance.given)
		w->maintenance = want->maintenance.null   ? WISH_NONE
				 : want->maintenance.flag ? WISH_TRUE
							  : WISH_FALSE;
	if (want->order.given)
		w->start_order = want->order.null ? START_ORDER_NONE : (int)want->order.number;
	if (want->nat.given)
		w->follow_address = want->nat.null ? WISH_NONE : WISH_TRUE;
}

static bool wishes_equal(const struct node_wish *a, const struct node_wish *b)
{
	return a->power == b->power && a->maintenance == b->maintenance && a->start_order == b->start_order &&
	       a->follow_address == b->follow_address;
}

/* RULE V3: both the old and the new wishes. */
static enum err tell(struct store *store, const struct change *c, const struct node_wish *old,
		     const struct node_wish *new, struct error *e)
{
	json_t *figures = json_pack("{s:o, s:o}", "old", view_wishes(old), "new", view_wishes(new));
	_cleanup_(freep) char *text = json_dumps(figures, JSON_COMPACT);
	const struct picture *p = req_picture(c->r);
	char reason[400];
	struct event event = {.time = c->r->now,
			      .type = EVENT_WISH,
			      .node = c->node->id,
			      .node_name = c->node->name,
			      .location = c->node->location < 0 ? 0 : p->locations[c->node->location].id,
			      .actor = c->r->actor,
			      .reason = reason,
			      .rule = "",
			      .figures = text};
	int64_t id;

	json_decref(figures);
	(void)snprintf(reason, sizeof reason, "Wishes for %.100s changed by %.100s.", c->node->name,
		       c->r->actor);
	return store_event_add(store, &event, &id, e);
}

static enum err write_wishes(struct store *store, struct change *c, struct error *e)
{
	struct node_wish old, new;
	enum err err = store_wish_get(store, c->node->id, &old, e);

	if (err)
		return err;
	new = old;
	wishes_apply(&new, &c->want);
	c->wish = new;
	c->wrote = !wishes_equal(&old, &new);
	if (!c->wrote)
		return ERR_OK;
	new.node = c->node->id;
	(void)snprintf(new.actor, sizeof new.actor, "%s", c->r->actor);
	err = store_wish_put(store, &new, e);
	return err ? err : tell(store, c, &old, &new, e);
}

static void forget(struct change *c)
{
	json_decref(c->before);
	json_decref(c->after);
	c->before = c->after = NULL;
}

static enum err change_tx(struct store *store, void *arg, struct error *e)
{
	struct change *c = arg;
	enum err err;

	forget(c);
	c->before = present(c->r, store, c->node, e);
	err = c->before ? req_if_match(c->r, c->before, e) : e->code;
	err = err ? err : write_wishes(store, c, e);
	if (!err)
		c->after = present(c->r, store, c->node, e);
	return c->after ? ERR_OK : e->code;
}

static void read_wishes(struct input *in, struct wanted_wishes *want)
{
	want->power = input_choice(in, "power", "on|off", true);
	want->maintenance = input_bool(in, "maintenance", true);
	want->order = input_int(in, "start_order", 0, ORDER_MOST, true);
	want->nat = input_choice(in, "static_nat", "follow", true);
}

static bool any_given(const struct wanted_wishes *w)
{
	return w->power.given || w->maintenance.given || w->order.given || w->nat.given;
}

/* {"wishes": {...}}, or its fields at the top level. */
static bool read_body(struct input *in, struct wanted_wishes *want)
{
	struct wanted_wishes top;
	struct input inner;

	read_wishes(in, &top);
	*want = top;
	if (input_open_object(&inner, in, "wishes", "/wishes")) {
		if (any_given(&top))
			input_fail(in, "wishes", "is given together with its own fields at the top level");
		read_wishes(&inner, want);
		(void)input_end(&inner);
	}
	if (in->errors->n == 0 && json_object_size(in->object) == 0)
		input_fail(in, "wishes",
			   "is missing: {\"power\", \"maintenance\", \"start_order\", \"static_nat\"}");
	return input_end(in);
}

/* What the controller makes of the wishes at its next look. */
static void plan_wishes(json_t *plan, const struct change *c)
{
	const struct node *n = c->node;
	bool up = n->phase == PHASE_SERVING || n->phase == PHASE_STARTING;

	if (c->wish.power == WISH_POWER_ON && n->phase == PHASE_STOPPED)
		plan_consequence(plan, "burstd starts %s (RULE S7).", n->name);
	else if (c->wish.power == WISH_POWER_ON && n->phase == PHASE_DRAINING)
		plan_consequence(plan, "burstd calls the drain of %s off (RULE S7).", n->name);
	else if (c->wish.power == WISH_POWER_OFF && up)
		plan_consequence(plan, "burstd drains %s, waits for its last call and stops it (RULE E7).",
				 n->name);
	else if (c->wish.power == WISH_POWER_NONE && c->wish.maintenance != WISH_NONE &&
		 n->maintenance_configured != (c->wish.maintenance == WISH_TRUE))
		plan_consequence(plan, "burstd %s %s %s maintenance mode.",
				 c->wish.maintenance == WISH_TRUE ? "puts" : "takes", n->name,
				 c->wish.maintenance == WISH_TRUE ? "into" : "out of");
}

/* Guide, "Reinstating": an address that was assigned by itself is another one after each start. */
static void plan_address(json_t *plan, const struct change *c)
{
	const struct ec2_instance *i = c->node->instance;

	if (!c->want.nat.given || c->wish.follow_address != WISH_TRUE)
		return;
	plan_consequence(plan,
			 "The static NAT address of %s becomes its public address whenever that changes%s%s.",
			 c->node->name, i && i->public_address ? "; now it is " : "",
			 i && i->public_address ? i->public_address : "");
}

static json_t *plan_of(const struct change *c)
{
	json_t *plan = plan_new();
	char at[40];

	(void)snprintf(at, sizeof at, "/v1/nodes/%lld", (long long)c->node->id);
	plan_change(plan, at, c->before, c->after);
	plan_wishes(plan, c);
	plan_address(plan, c);
	return plan;
}

static struct done *apply(struct req *r, struct change *c)
{
	struct error e = {.code = ERR_OK};
	struct store *store = req_store(r, &e);
	enum err err = store ? store_tx(store, change_tx, c, &e) : e.code;
	json_t *body = err ? NULL : r->dry_run ? plan_of(c) : json_incref(c->after);

	forget(c);
	if (err)
		return reply_error(r, &e);
	if (r->dry_run)
		return reply_plan(r, body);
	if (c->wrote)
		req_changed(r);
	return reply_value(r, 200, body);
}

/* What a node of its kind cannot be wished. */
static bool can_wish(const struct change *c, struct error *e)
{
	const struct wanted_wishes *w = &c->want;
	bool power = (w->power.given && !w->power.null) || (w->order.given && !w->order.null);

	if (power && !c->node->bursting)
		(void)error_set(e, ERR_CONFLICT,
				"%s is not a bursting node: its power and start order are not ours to set",
				c->node->name);
	else if (w->nat.given && !w->nat.null && !c->node->instance)
		(void)error_set(e, ERR_CONFLICT,
				"no EC2 instance of %s is known: there is no public address to follow",
				c->node->name);
	else
		return true;
	return false;
}

struct done *node_patch(struct req *r)
{
	struct error e;
	struct input_errors errors;
	struct input in;
	struct change c = {.r = r, .node = find(r, &e)};

	if (!c.node || !input_open(&in, &errors, r, true, &e))
		return reply_error(r, &e);
	if (!read_body(&in, &c.want))
		return reply_input(r, &errors);
	return can_wish(&c, &e) ? apply(r, &c) : reply_error(r, &e);
}

/* /v1/operations: the intents as people and programs see them. */
#include <stdlib.h>

#include "base/limits.h"
#include "handlers/handlers.h"
#include "handlers/input.h"
#include "handlers/node_actions.h"
#include "handlers/paging.h"
#include "handlers/plan.h"
#include "handlers/views.h"

#define CURSOR_KIND 'o'

struct done *operation_list(struct req *r)
{
	_cleanup_(freep) struct intent *list = NULL;
	struct store *store;
	struct paging paging;
	struct error e;
	json_t *items;
	int64_t node;
	bool open;
	size_t n = 0;
	size_t i;

	if (!paging_read(r, CURSOR_KIND, &paging, &e) || !query_id(r, "node", &node, &e) ||
	    !query_bool(r, "open", false, &open, &e))
		return reply_error(r, &e);
	store = req_store(r, &e);
	if (!store || store_intents_page(store, node, open, paging.last, paging.limit + 1, &list, &n, &e))
		return reply_error(r, &e);
	items = json_array();
	for (i = 0; i < n && i < (size_t)paging.limit; i++)
		(void)json_array_append_new(items, view_operation(req_picture(r), &list[i]));
	return reply_value(r, 200, paging_body(items, CURSOR_KIND, n > i ? list[i - 1].id : 0));
}

struct done *operation_get(struct req *r)
{
	struct intent in;
	struct error e;
	struct store *store = req_store(r, &e);

	if (!store || store_intent_get(store, r->number, &in, &e))
		return reply_error(r, &e);
	return reply_value(r, 200, view_operation(req_picture(r), &in));
}

/* --- cancel -------------------------------------------------------------------------------------------------- */

struct cancel {
	struct req *r;
	const char *reason;
	bool moved;
	struct intent intent;
};

static enum err cancellable(const struct intent *in, struct error *e)
{
	if (in->closed_at)
		return error_set(e, ERR_CONFLICT, "operation %lld has ended: %s", (long long)in->id,
				 intent_state_text(in->state));
	if (in->kind != INTENT_STOP)
		return error_set(e, ERR_CONFLICT, "operation %lld is a %s; only a stop can be cancelled",
				 (long long)in->id, intent_kind_text(in->kind));
	if (!intent_may_move(INTENT_STOP, in->state, INTENT_CANCELLING) || in->state == INTENT_STOPPING)
		return error_set(e, ERR_CONFLICT,
				 "operation %lld cannot be cancelled any more: the stop is being sent",
				 (long long)in->id);
	return ERR_OK;
}

static enum err cancel_tx(struct store *store, void *arg, struct error *e)
{
	struct cancel *c = arg;
	char why[400];
	enum err err = store_intent_get(store, c->r->number, &c->intent, e);

	c->moved = false;
	if (err || c->intent.state == INTENT_CANCELLING)
		return err;
	err = cancellable(&c->intent, e);
	if (err)
		return err;
	(void)snprintf(why, sizeof why, "Cancelled by %.100s%s%.250s", c->r->actor, c->reason ? ": " : ".",
		       c->reason ? c->reason : "");
	c->moved = true;
	return intent_cancel(c->r, store, &c->intent, "E7", why, e);
}

static json_t *plan_of(const struct cancel *c)
{
	json_t *plan = plan_new();

	plan_operation(plan, &c->intent, false);
	if (c->moved)
		plan_step(plan, INTENT_CANCELLING, "take the node out of maintenance mode: it serves again");
	else
		plan_consequence(plan, "Nothing new: operation %lld is being cancelled already.",
				 (long long)c->intent.id);
	return plan;
}

struct done *operation_cancel(struct req *r)
{
	struct cancel c = {.r = r};
	struct input_errors errors;
	struct input in;
	struct error e = {.code = ERR_OK};
	struct store *store;

	if (!input_open(&in, &errors, r, false, &e))
		return reply_error(r, &e);
	c.reason = input_text(&in, "reason", 1, LIMIT_REASON_BYTES, false).text;
	if (!input_end(&in))
		return reply_input(r, &errors);
	store = req_store(r, &e);
	if (!store || store_tx(store, cancel_tx, &c, &e))
		return reply_error(r, &e);
	if (r->dry_run)
		return reply_plan(r, plan_of(&c));
	if (c.moved)
		req_changed(r);
	return reply_operation(r, 202, &c.intent);
}

/* /v1/operations: the intents as people and programs see them. */
#include <stdlib.h>

#include "base/limits.h"
#include "handlers/handlers.h"
#include "handlers/input.h"
#include "handlers/node_actions.h"
#include "handlers/operation_moves.h"
#include "handlers/paging.h"
#include "handlers/plan.h"
#include "handlers/views.h"

#define CURSOR_KIND 'o'

/* Steps are read for the kinds that have some, so that a page of starts and stops costs one query. */
static json_t *view(struct req *r, struct store *store, const struct intent *in, struct error *e)
{
	_cleanup_(operation_freep) struct operation *op = NULL;

	if (intent_has_steps(in->kind) && store_operation_get(store, in->id, false, &op, e))
		return NULL;
	return view_operation(req_picture(r), op ? &op->intent : in, op);
}

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

	e.code = ERR_OK;
	if (!paging_read(r, CURSOR_KIND, &paging, &e) || !query_id(r, "node", &node, &e) ||
	    !query_bool(r, "open", false, &open, &e))
		return reply_error(r, &e);
	store = req_store(r, &e);
	if (!store || store_intents_page(store, node, open, paging.last, paging.limit + 1, &list, &n, &e))
		return reply_error(r, &e);
	items = json_array();
	for (i = 0; i < n && i < (size_t)paging.limit && !e.code; i++)
		(void)json_array_append_new(items, view(r, store, &list[i], &e));
	if (e.code) {
		json_decref(items);
		return reply_error(r, &e);
	}
	return reply_value(r, 200, paging_body(items, CURSOR_KIND, n > i ? list[i - 1].id : 0));
}

struct done *operation_get(struct req *r)
{
	struct intent in;
	struct error e;
	struct store *store = req_store(r, &e);
	json_t *body;

	if (!store || store_intent_get(store, r->number, &in, &e))
		return reply_error(r, &e);
	body = view(r, store, &in, &e);
	return body ? reply_value(r, 200, body) : reply_error(r, &e);
}

/* --- cancel -------------------------------------------------------------------------------------------------- */

struct cancel {
	struct req *r;
	const char *reason;
	enum lifecycle_move how; /* of an operation with steps */
	bool moved;
	struct intent intent;
	struct operation *op; /* owned; NULL where its kind has no steps */
};

static enum err cancellable(const struct intent *in, struct error *e)
{
	if (in->closed_at)
		return error_set(e, ERR_CONFLICT, "operation %lld has ended: %s", (long long)in->id,
				 intent_state_text(in->state));
	if (in->kind != INTENT_STOP)
		return error_set(
			e, ERR_CONFLICT,
			"operation %lld is a %s; only a stop and a life-cycle operation can be cancelled",
			(long long)in->id, intent_kind_text(in->kind));
	if (!intent_may_move(INTENT_STOP, in->state, INTENT_CANCELLING) || in->state == INTENT_STOPPING)
		return error_set(e, ERR_CONFLICT,
				 "operation %lld cannot be cancelled any more: the stop is being sent",
				 (long long)in->id);
	return ERR_OK;
}

static enum err cancel_lifecycle(struct store *store, struct cancel *c, struct error *e)
{
	enum err err = store_operation_get(store, c->intent.id, false, &c->op, e);

	return err ? err : lifecycle_move(c->r, store, c->op, c->how, c->reason, &c->moved, e);
}

static enum err cancel_tx(struct store *store, void *arg, struct error *e)
{
	struct cancel *c = arg;
	char why[400];
	enum err err = store_intent_get(store, c->r->number, &c->intent, e);

	operation_free(c->op);
	c->op = NULL;
	c->moved = false;
	if (!err && intent_has_steps(c->intent.kind))
		return cancel_lifecycle(store, c, e);
	if (!err && c->how == MOVE_CLOSE)
		return error_field(e, ERR_CONFLICT, "/undo",
				   "operation %lld is a %s; only a life-cycle operation can be left as it is",
				   (long long)c->intent.id, intent_kind_text(c->intent.kind));
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

static struct done *reply_cancel(struct cancel *c)
{
	if (c->op)
		return reply_move(c->r, c->op, c->how, c->moved);
	if (c->r->dry_run)
		return reply_plan(c->r, plan_of(c));
	if (c->moved)
		req_changed(c->r);
	return reply_operation(c->r, 202, &c->intent, NULL);
}

struct done *operation_cancel(struct req *r)
{
	struct cancel c = {.r = r};
	struct input_errors errors;
	struct input in;
	struct input_value undo;
	struct error e = {.code = ERR_OK};
	struct store *store;
	struct done *done;

	if (!input_open(&in, &errors, r, false, &e))
		return reply_error(r, &e);
	c.reason = input_text(&in, "reason", 1, LIMIT_REASON_BYTES, false).text;
	undo = input_bool(&in, "undo", false);
	c.how = undo.given && !undo.flag ? MOVE_CLOSE : MOVE_UNDO;
	if (!input_end(&in))
		return reply_input(r, &errors);
	store = req_store(r, &e);
	done = !store || store_tx(store, cancel_tx, &c, &e) ? reply_error(r, &e) : reply_cancel(&c);
	operation_free(c.op);
	return done;
}

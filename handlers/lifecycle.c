/*
 * Asking for a life-cycle operation. The settings, the node's open operation and what the request needs are looked at in the
 * transaction that writes it, so that nothing moves in between.
 */
#include "handlers/lifecycle.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "handlers/plan.h"

struct operation *lifecycle_new_operation(enum intent_kind kind)
{
	struct operation *op = calloc(1, sizeof *op);

	if (op)
		op->intent.kind = kind;
	return op;
}

/* --- history ------------------------------------------------------------------------------------------------------ */

enum err lifecycle_tell(const struct req *r, struct store *store, const struct operation *op,
			const char *reason, struct error *e)
{
	const struct intent *in = &op->intent;
	char figures[96];
	struct event event = {.time = r->now,
			      .type = EVENT_OPERATION,
			      .node = in->node,
			      .node_name = in->node_name,
			      .location = in->location,
			      .actor = r->actor,
			      .reason = reason,
			      .rule = in->rule,
			      .figures = figures,
			      .operation = in->id};
	int64_t id;

	(void)snprintf(figures, sizeof figures, "{\"kind\":\"%s\",\"force\":%s}", intent_kind_text(in->kind),
		       in->force ? "true" : "false");
	return store_event_add(store, &event, &id, e);
}

static void say_reason(struct lifecycle_ask *a, struct operation *op)
{
	(void)snprintf(op->intent.reason, sizeof op->intent.reason, "%s%s by %s%s%s%s", a->what,
		       op->intent.force ? " by force" : "", a->r->actor, a->reason ? ": " : "",
		       a->reason ? a->reason : "", a->reason ? "" : ".");
	utf8_tidy(op->intent.reason); /* the end may have been cut within a character */
}

/* --- what is under way already ------------------------------------------------------------------------------------- */

bool lifecycle_same(const struct operation *open, const struct operation *asked)
{
	if (open->intent.kind != asked->intent.kind)
		return false;
	if (open->intent.kind == INTENT_CONVERT && open->intent.location != asked->intent.location)
		return false;
	for (int i = 0; i < VALUE_COUNT; i++) {
		enum operation_value value = (enum operation_value)i;

		if (operation_value_kind(value) == VALUE_ASKED &&
		    strcmp(operation_text(open, value), operation_text(asked, value)) != 0)
			return false;
	}
	return true;
}

static enum err refuse_for(const struct intent *open, struct error *e)
{
	const char *what = open->state == INTENT_HALTED    ? "resume it, or cancel it"
			   : open->state == INTENT_UNDOING ? "it is being undone; ask again when it has ended"
							   : "ask again when it has ended";

	return error_set(e, ERR_CONFLICT, "operation %lld (%s) is under way on %s: %s", (long long)open->id,
			 intent_kind_text(open->kind), open->node_name, what);
}

/* Sets the verdict: a new one, the one under way, or that one with force (RULE E7). */
static enum err look_at_open(struct lifecycle_ask *a, struct store *store, struct error *e)
{
	struct intent open;
	enum err err = a->node ? store_intent_of_node(store, a->node->id, &open, e) : ERR_NOT_FOUND;
	bool joins;

	operation_free(a->open);
	a->open = NULL;
	a->verdict = VERDICT_ADD;
	if (err == ERR_NOT_FOUND) {
		e->code = ERR_OK;
		return ERR_OK;
	}
	if (err)
		return err;
	if (open.kind != a->op->intent.kind)
		return refuse_for(&open, e);
	if ((err = store_operation_get(store, open.id, false, &a->open, e)))
		return err;
	joins = (open.state == INTENT_WORKING || open.state == INTENT_NEEDS_PERSON) &&
		lifecycle_same(a->open, a->op);
	a->verdict = a->op->intent.force && !open.force ? VERDICT_FORCE : VERDICT_JOIN;
	return joins ? ERR_OK : refuse_for(&open, e);
}

/*
 * The count of attempts is moved on, so that the worker, which wrote down the operation without force, does not write over it.
 */
static enum err force_up(struct lifecycle_ask *a, struct store *store, struct error *e)
{
	struct intent *in = &a->open->intent;
	int attempts = in->attempts;
	enum err err;

	in->force = true;
	in->attempts = attempts + 1;
	in->next_at = 0;
	(void)snprintf(in->actor, sizeof in->actor, "%s", a->r->actor);
	say_reason(a, a->open);
	err = store_operation_move(store, a->open, in->state, attempts, e);
	return err ? err : lifecycle_tell(a->r, store, a->open, in->reason, e);
}

/* --- writing ------------------------------------------------------------------------------------------------------- */

static enum err compare(const struct lifecycle_ask *a, const struct overlay *o, struct error *e)
{
	json_t *present = view_node(req_picture(a->r), o, a->node);
	enum err err = req_if_match(a->r, present, e);

	json_decref(present);
	return err;
}

enum err lifecycle_allowed(const struct bursting_settings *s, enum intent_kind kind, struct error *e)
{
	if (s->allow_lifecycle || !intent_needs_permission(kind))
		return ERR_OK;
	return error_set(e, ERR_LIFECYCLE_OFF,
			 "life-cycle operations (here: %s) are switched off: an admin allows them with "
			 "{\"allow_lifecycle\": true} in /v1/bursting",
			 intent_kind_text(kind));
}

static void fill(struct lifecycle_ask *a)
{
	const struct picture *p = req_picture(a->r);
	struct intent *in = &a->op->intent;
	const struct node *n = a->node;

	in->state = INTENT_WORKING;
	in->created_at = in->entered_at = a->r->now;
	(void)snprintf(in->actor, sizeof in->actor, "%s", a->r->actor);
	if (n) {
		in->node = n->id;
		(void)snprintf(in->node_name, sizeof in->node_name, "%s", n->name);
	}
	if (n && n->instance) {
		(void)snprintf(in->instance, sizeof in->instance, "%s", n->instance->id);
		(void)snprintf(in->region, sizeof in->region, "%s", n->instance->region);
	}
	if (n && !in->location && n->location >= 0)
		in->location = p->locations[n->location].id;
	say_reason(a, a->op);
	operation_plan(a->op);
}

static enum err add(struct lifecycle_ask *a, struct store *store, const struct overlay *o, struct error *e)
{
	enum err err = a->node ? lifecycle_node_check(req_picture(a->r), a->node, a->op, e) : ERR_OK;

	err = !err && a->check ? a->check(a, store, o, e) : err;
	if (err)
		return err;
	err = store_operation_add(store, a->op, e);
	return err ? err : lifecycle_tell(a->r, store, a->op, a->op->intent.reason, e);
}

static enum err ask_tx(struct store *store, void *arg, struct error *e)
{
	_cleanup_(overlay_free) struct overlay o = {0};
	struct lifecycle_ask *a = arg;
	enum err err = overlay_load(store, &o, e);

	if (!err && a->compares)
		err = compare(a, &o, e);
	err = err ? err : lifecycle_allowed(&o.settings, a->op->intent.kind, e);
	err = err ? err : look_at_open(a, store, e);
	if (err || a->verdict == VERDICT_JOIN)
		return err;
	return a->verdict == VERDICT_FORCE ? force_up(a, store, e) : add(a, store, &o, e);
}

/* --- the plan ------------------------------------------------------------------------------------------------------ */

/* RULE E7: what force costs, in the figures of the last read. */
static void plan_calls(json_t *plan, const struct lifecycle_ask *a)
{
	int calls = a->node ? a->node->conferences : 0;
	bool drains = false;

	for (size_t i = 0; i < a->op->n_steps; i++)
		drains |= a->op->steps[i].name == STEP_DRAIN;
	if (!drains || calls <= 0)
		return;
	if (a->op->intent.force)
		plan_consequence(plan, "The calls of %d conferences on %s are cut.", calls, a->node->name);
	else
		plan_consequence(plan, "It waits until %d conferences have left %s, as long as that takes.",
				 calls, a->node->name);
}

static json_t *plan_of(const struct lifecycle_ask *a)
{
	const struct operation *shown = a->open ? a->open : a->op;
	json_t *plan = plan_new();

	plan_operation(plan, &shown->intent, a->verdict == VERDICT_ADD);
	if (a->verdict == VERDICT_JOIN) {
		plan_consequence(plan, "Nothing new: operation %lld is under way already.",
				 (long long)shown->intent.id);
		return plan;
	}
	for (size_t i = 0; i < shown->n_steps; i++)
		if (!lifecycle_step_skipped(a->op, shown->steps[i].name))
			plan_named_step(plan, step_text(shown->steps[i].name),
					step_does(shown->steps[i].name));
	plan_calls(plan, a);
	if (a->tell)
		a->tell(a, plan);
	return plan;
}

/* --- the request --------------------------------------------------------------------------------------------------- */

static struct done *reply(struct lifecycle_ask *a)
{
	const struct operation *shown = a->open ? a->open : a->op;

	if (a->r->dry_run)
		return reply_plan(a->r, plan_of(a));
	if (a->verdict != VERDICT_JOIN)
		req_changed(a->r);
	return reply_operation(a->r, 202, &shown->intent, shown);
}

struct done *lifecycle_ask(struct lifecycle_ask *a)
{
	struct error e = {.code = ERR_OK};
	struct store *store = req_store(a->r, &e);
	struct done *done;

	fill(a);
	done = !store || store_tx(store, ask_tx, a, &e) ? reply_error(a->r, &e) : reply(a);
	operation_free(a->op);
	operation_free(a->open);
	a->op = a->open = NULL;
	return done;
}

struct done *lifecycle_out_of_memory(struct req *r)
{
	struct error e;

	(void)error_set(&e, ERR_INTERNAL, "out of memory");
	return reply_error(r, &e);
}

struct done *lifecycle_ask_body(struct lifecycle_ask *a, enum intent_kind kind,
				void (*fields)(struct lifecycle_ask *, struct input *))
{
	struct input_errors errors;
	struct input in;
	struct error e;

	if (!input_open(&in, &errors, a->r, a->node == NULL, &e))
		return reply_error(a->r, &e);
	a->op = lifecycle_new_operation(kind);
	if (!a->op)
		return lifecycle_out_of_memory(a->r);
	fields(a, &in);
	if (input_end(&in))
		return lifecycle_ask(a);
	operation_free(a->op);
	return reply_input(a->r, &errors);
}

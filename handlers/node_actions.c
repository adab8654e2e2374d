/*
 * Start and stop of a node by an operator: RULE S7 and RULE E7.
 *
 * What a request comes to is decided by two pure functions (decide_start, decide_stop) from the node, the open operation
 * and the request; it is then written as an intent. Nothing outside is changed here: actors carry intents out.
 */
#include <string.h>

#include "base/limits.h"
#include "handlers/handlers.h"
#include "handlers/input.h"
#include "handlers/lifecycle.h"
#include "handlers/node_actions.h"
#include "handlers/plan.h"
#include "handlers/views.h"

/* --- deciding ------------------------------------------------------------------------------------------------ */

static enum verdict refuse_for(const struct intent *open, const char *what, struct error *e)
{
	(void)error_set(e, ERR_CONFLICT, "operation %lld (%s) is under way on %s: %s", (long long)open->id,
			intent_kind_text(open->kind), open->node_name, what);
	return VERDICT_REFUSE;
}

/* What start and stop share: only a bursting node with a known instance. */
static bool actable(const struct node *n, struct error *e)
{
	if (!n->bursting)
		(void)error_set(e, ERR_CONFLICT,
				"%s is not a bursting node: its instance does not carry the tag " TAG_NAME,
				n->name);
	else if (!n->instance)
		(void)error_set(e, ERR_CONFLICT, "no EC2 instance of %s is known", n->name);
	else if (n->instance->state == INSTANCE_TERMINATED || n->instance->state == INSTANCE_SHUTTING_DOWN)
		(void)error_set(e, ERR_CONFLICT, "the instance of %s was terminated", n->name);
	else
		return true;
	return false;
}

static enum verdict start_over(const struct intent *open, struct error *e)
{
	if (open->kind == INTENT_START)
		return VERDICT_JOIN;
	if (open->kind != INTENT_STOP)
		return refuse_for(open, "ask again when it has ended", e);
	switch (open->state) {
	case INTENT_MAINTENANCE_ON:
	case INTENT_WAITING:
		return VERDICT_TAKE_BACK;
	case INTENT_CANCELLING:
		return VERDICT_JOIN;
	default:
		return refuse_for(open, "the stop has been sent; ask again when the node is stopped", e);
	}
}

enum verdict decide_start(const struct node *n, const struct intent *open, struct error *e)
{
	if (!actable(n, e))
		return VERDICT_REFUSE;
	if (open)
		return start_over(open, e);
	if (n->instance->state == INSTANCE_STOPPED)
		return VERDICT_ADD;
	(void)error_set(e, ERR_CONFLICT,
			n->instance->state == INSTANCE_STOPPING
				? "the instance of %s is stopping; ask again when it is stopped"
				: "%s is already up",
			n->name);
	return VERDICT_REFUSE;
}

static enum verdict stop_over(const struct intent *open, bool force, struct error *e)
{
	if (open->kind == INTENT_START)
		return refuse_for(open, "ask again when the node is up", e);
	if (open->kind != INTENT_STOP)
		return refuse_for(open, "ask again when it has ended", e);
	if (open->state == INTENT_CANCELLING)
		return refuse_for(open, "it is being cancelled; ask again when it has ended", e);
	if (!force || open->force || open->state == INTENT_AWAITING_STOPPED ||
	    open->state == INTENT_MAINTENANCE_OFF)
		return VERDICT_JOIN; /* nothing is left that force could shorten */
	return VERDICT_FORCE;
}

enum verdict decide_stop(const struct picture *p, const struct node *n, const struct intent *open, bool force,
			 struct error *e)
{
	if (!actable(n, e))
		return VERDICT_REFUSE;
	if (open)
		return stop_over(open, force, e);
	if (n->instance->state == INSTANCE_STOPPED || n->instance->state == INSTANCE_STOPPING) {
		(void)error_set(e, ERR_CONFLICT, "%s is already %s", n->name,
				instance_state_text(n->instance->state));
		return VERDICT_REFUSE;
	}
	/* RULE S9: one controller, and it is not us: not even with force */
	if (p->infinity_bursting) {
		(void)error_set(
			e, ERR_CONFLICT,
			"Infinity's own bursting is enabled and decides about %s: switch it off there "
			"first",
			n->name);
		return VERDICT_REFUSE;
	}
	return VERDICT_ADD;
}

/* --- carrying it into the store ------------------------------------------------------------------------------ */

struct action {
	struct req *r;
	const struct picture *picture;
	const struct node *node;
	enum intent_kind kind;
	bool force;
	const char *reason; /* NULL = none given */
	enum verdict verdict;
	struct intent intent; /* the operation that the reply shows */
};

static enum verdict decide(const struct action *a, const struct intent *open, struct error *e)
{
	return a->kind == INTENT_START ? decide_start(a->node, open, e)
				       : decide_stop(a->picture, a->node, open, a->force, e);
}

static void say_reason(const struct action *a, char out[400])
{
	const char *what = a->kind == INTENT_START ? "Started" : a->force ? "Stopped by force" : "Stopped";

	(void)snprintf(out, 400, "%s by %.100s%s%.250s%s", what, a->r->actor, a->reason ? ": " : "",
		       a->reason ? a->reason : "", a->reason ? "" : ".");
}

static struct intent new_intent(const struct action *a)
{
	const struct ec2_instance *instance = a->node->instance;
	struct intent in = {.kind = a->kind, .node = a->node->id, .force = a->force, .created_at = a->r->now};

	in.state = a->kind == INTENT_START ? INTENT_STARTING
		   : a->force              ? INTENT_STOPPING
					   : INTENT_MAINTENANCE_ON;
	in.location = a->node->location < 0 ? 0 : a->picture->locations[a->node->location].id;
	in.entered_at = a->r->now;
	/* RULE S9: while Infinity bursts by itself, starts go through it */
	in.via_infinity = a->kind == INTENT_START && a->picture->infinity_bursting;
	(void)snprintf(in.node_name, sizeof in.node_name, "%s", a->node->name);
	(void)snprintf(in.instance, sizeof in.instance, "%s", instance->id);
	(void)snprintf(in.region, sizeof in.region, "%s", instance->region);
	(void)snprintf(in.actor, sizeof in.actor, "%s", a->r->actor);
	(void)snprintf(in.rule, sizeof in.rule, "%s", a->kind == INTENT_START ? "S7" : "E7");
	say_reason(a, in.reason);
	return in;
}

enum err intent_cancel(struct req *r, struct store *store, struct intent *in, const char *rule,
		       const char *why, struct error *e)
{
	enum intent_state from = in->state;
	int attempts = in->attempts;
	struct event event = {.time = r->now,
			      .type = EVENT_CANCEL,
			      .node = in->node,
			      .node_name = in->node_name,
			      .location = in->location,
			      .actor = r->actor,
			      .reason = why,
			      .rule = rule,
			      .operation = in->id};
	int64_t id;
	enum err err;

	in->state = INTENT_CANCELLING;
	in->entered_at = r->now;
	in->next_at = 0;
	in->attempts = 0;
	err = store_intent_move(store, in, from, attempts, e);
	return err ? err : store_event_add(store, &event, &id, e);
}

static enum err take_back(struct store *store, struct action *a, struct error *e)
{
	char why[400];

	(void)snprintf(why, sizeof why, "The stop of %.100s was taken back: %.100s asked for a start%s%.150s",
		       a->node->name, a->r->actor, a->reason ? ": " : ".", a->reason ? a->reason : "");
	return intent_cancel(a->r, store, &a->intent, "S7", why, e);
}

/*
 * RULE E7: no drain any more. In a drain the stop comes next; where it is being sent already the count of attempts is
 * moved on, so that the actor, which wrote down the operation without force, does not write over it.
 */
static enum err force_up(struct store *store, struct action *a, struct error *e)
{
	struct intent *in = &a->intent;
	enum intent_state from = in->state;
	int attempts = in->attempts;

	/* maintenance mode may be on though nobody wrote it down yet: it is cleared at the end */
	if (from == INTENT_MAINTENANCE_ON && attempts && !in->maintenance_at)
		in->maintenance_at = a->r->now;
	in->attempts = from == INTENT_STOPPING ? attempts + 1 : 0;
	if (from != INTENT_STOPPING)
		in->entered_at = a->r->now;
	in->state = INTENT_STOPPING;
	in->force = true;
	in->next_at = 0;
	(void)snprintf(in->actor, sizeof in->actor, "%s", a->r->actor);
	(void)snprintf(in->rule, sizeof in->rule, "E7");
	say_reason(a, in->reason);
	return store_intent_move(store, in, from, attempts, e);
}

static enum err carry_out(struct store *store, struct action *a, struct error *e)
{
	switch (a->verdict) {
	case VERDICT_REFUSE:
		return e->code;
	case VERDICT_JOIN:
		return ERR_OK;
	case VERDICT_ADD:
		a->intent = new_intent(a);
		return store_intent_add(store, &a->intent, e);
	case VERDICT_TAKE_BACK:
		return take_back(store, a, e);
	case VERDICT_FORCE:
		return force_up(store, a, e);
	}
	return ERR_OK;
}

/* Looks and writes in one transaction, so that nobody moves the operation in between. */
static enum err action_tx(struct store *store, void *arg, struct error *e)
{
	struct action *a = arg;
	enum err err = store_intent_of_node(store, a->node->id, &a->intent, e);

	if (err && err != ERR_NOT_FOUND)
		return err;
	e->code = ERR_OK;
	a->verdict = decide(a, err ? NULL : &a->intent, e);
	return carry_out(store, a, e);
}

/* --- the plan ------------------------------------------------------------------------------------------------ */

static void plan_stop(json_t *plan, bool force)
{
	if (!force) {
		plan_step(plan, INTENT_MAINTENANCE_ON, "put the node into maintenance mode");
		plan_step(plan, INTENT_WAITING, "wait for replication, then until nothing is on the node");
	}
	plan_step(plan, INTENT_STOPPING,
		  force ? "stop the instance, also with calls on it" : "stop the instance");
	plan_step(plan, INTENT_AWAITING_STOPPED, "wait until EC2 says stopped");
	plan_step(plan, INTENT_MAINTENANCE_OFF, "take the node out of maintenance mode");
}

static void plan_start(json_t *plan, bool via_infinity)
{
	plan_step(plan, INTENT_STARTING,
		  via_infinity ? "ask Infinity to start the node" : "start the instance");
	plan_step(plan, INTENT_BOOTING, "wait until the node is synced");
}

/* RULE E7: what force costs, in the figures of the last read. */
static void plan_cut(json_t *plan, const struct node *n)
{
	if (n->conferences > 0)
		plan_consequence(plan, "The calls of %d conferences on %s are cut.", n->conferences, n->name);
}

static json_t *plan_of(const struct action *a)
{
	json_t *plan = plan_new();

	plan_operation(plan, &a->intent, a->verdict == VERDICT_ADD);
	if (a->verdict == VERDICT_JOIN)
		plan_consequence(plan, "Nothing new: operation %lld is under way already.",
				 (long long)a->intent.id);
	else if (a->verdict == VERDICT_TAKE_BACK)
		plan_step(plan, INTENT_CANCELLING, "take the node out of maintenance mode: it serves again");
	else if (a->kind == INTENT_START)
		plan_start(plan, a->picture->infinity_bursting);
	else
		plan_stop(plan, a->force);
	if (a->kind == INTENT_STOP && a->force && a->verdict != VERDICT_JOIN)
		plan_cut(plan, a->node);
	return plan;
}

/* --- the two operations ----------------------------------------------------------------------------------------- */

struct done *reply_operation(struct req *r, int status, const struct intent *in,
			     const struct operation *steps)
{
	char at[48];

	(void)snprintf(at, sizeof at, "/v1/operations/%lld", (long long)in->id);
	return reply_value_at(r, status, at, view_operation(req_picture(r), in, steps));
}

static enum err perform(struct action *a, struct error *e)
{
	struct store *store = req_store(a->r, e);
	enum err err = store ? store_tx(store, action_tx, a, e) : e->code;

	if (!err && !a->r->dry_run && a->verdict != VERDICT_JOIN)
		req_changed(a->r);
	return err;
}

static struct done *run(struct action *a)
{
	struct error e = {.code = ERR_OK};

	if (perform(a, &e))
		return reply_error(a->r, &e);
	if (a->r->dry_run)
		return reply_plan(a->r, plan_of(a));
	return reply_operation(a->r, 202, &a->intent, NULL);
}

enum err node_start_ask(struct req *r, const struct node *n, const char *reason, struct error *e)
{
	struct action a = {
		.r = r, .picture = req_picture(r), .node = n, .kind = INTENT_START, .reason = reason};

	return perform(&a, e);
}

static struct done *act(struct req *r, enum intent_kind kind)
{
	struct action a = {.r = r, .picture = req_picture(r), .kind = kind};
	struct input_errors errors;
	struct input in;
	struct error e;

	a.node = picture_node(a.picture, r->number);
	if (!a.node) {
		(void)error_set(&e, ERR_NOT_FOUND, "there is no node with the id %lld%s",
				(long long)r->number,
				a.picture->infinity_at ? "" : ": Infinity was not read yet");
		return reply_error(r, &e);
	}
	if (!input_open(&in, &errors, r, false, &e))
		return reply_error(r, &e);
	if (kind == INTENT_STOP)
		a.force = input_bool(&in, "force", false).flag;
	a.reason = input_text(&in, "reason", 1, LIMIT_REASON_BYTES, false).text;
	if (!input_end(&in))
		return reply_input(r, &errors);
	/* guide, "Temporarily removing": the same wish of a node that is always on is a life-cycle operation */
	if (kind == INTENT_STOP && !a.node->bursting && a.node->instance)
		return lifecycle_shut_down(r, a.node, a.force, a.reason);
	return run(&a);
}

struct done *node_start(struct req *r)
{
	return act(r, INTENT_START);
}

struct done *node_stop(struct req *r)
{
	return act(r, INTENT_STOP);
}

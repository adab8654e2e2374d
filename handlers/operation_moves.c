/* Resume, undo and close of life-cycle operations, and POST /v1/operations/{id}/resume. */
#include "handlers/operation_moves.h"

#include <stdio.h>

#include "base/limits.h"
#include "handlers/handlers.h"
#include "handlers/input.h"
#include "handlers/lifecycle.h"
#include "handlers/plan.h"
#include "handlers/view_steps.h"

/* --- whether ------------------------------------------------------------------------------------------------------------ */

static enum err only_halted(const struct operation *op, const char *what, struct error *e)
{
	if (op->intent.state == INTENT_HALTED)
		return ERR_OK;
	return error_set(e, ERR_CONFLICT, "operation %lld is %s: only one that has halted can be %s",
			 (long long)op->intent.id, intent_state_text(op->intent.state), what);
}

enum err lifecycle_may_move(const struct operation *op, enum lifecycle_move how, struct error *e)
{
	const struct intent *in = &op->intent;
	const char *no_return = operation_no_return(op);

	if (!intent_is_open(in->state))
		return error_set(e, ERR_CONFLICT, "operation %lld has ended: %s", (long long)in->id,
				 intent_state_text(in->state));
	if (how == MOVE_RESUME)
		return only_halted(op, "resumed", e);
	if (how == MOVE_CLOSE)
		return only_halted(op, "closed as it is", e);
	if (no_return && !operation_undoing(op))
		return error_set(e, ERR_CONFLICT,
				 "operation %lld cannot be undone any more: %s. It can only go on",
				 (long long)in->id, no_return);
	return ERR_OK;
}

/* --- the move ------------------------------------------------------------------------------------------------------------ */

/*
 * The tries of the step that halted begin anew. One is left of them where there were some: it may have been done, so that an
 * undo has to look at it, and a step of no return stays one.
 */
static void begin_anew(struct operation *op)
{
	size_t i = operation_present(op);
	struct operation_step *s = i < op->n_steps ? &op->steps[i] : NULL;

	if (!s)
		return;
	s->attempts = s->attempts > 0;
	s->state = operation_undoing(op) ? STEP_UNDOING : STEP_RUNNING;
	s->started_at = 0; /* and its time limit */
	s->ended_at = 0;
	s->error[0] = '\0';
}

void lifecycle_apply_move(struct operation *op, enum lifecycle_move how, int64_t now)
{
	struct intent *in = &op->intent;
	bool undoing = operation_undoing(op);

	if (how == MOVE_RESUME || (how == MOVE_UNDO && undoing))
		begin_anew(op);
	in->state = how == MOVE_CLOSE             ? INTENT_ABANDONED
		    : how == MOVE_UNDO || undoing ? INTENT_UNDOING
						  : INTENT_WORKING;
	in->attempts = 0;
	in->next_at = 0;
	in->entered_at = now;
	if (how == MOVE_CLOSE)
		in->closed_at = now;
	else
		in->error[0] = '\0';
}

/* The error goes from the operation, so it is kept in the event. */
static void say_why(const struct req *r, const struct operation *op, enum lifecycle_move how,
		    const char *reason, char out[400])
{
	static const char *const words[] = {
		[MOVE_RESUME] = "Resumed", [MOVE_UNDO] = "Undone", [MOVE_CLOSE] = "Left as it is"};
	char stands[LIFECYCLE_STANDS_SIZE];
	int len = snprintf(out, 400, "%s by %.90s%s%.100s.", words[how], r->actor, reason ? ": " : "",
			   reason ? reason : "");

	lifecycle_stands(op, stands);
	if (how == MOVE_CLOSE)
		(void)snprintf(out + len, 400 - (size_t)len, " %s", stands);
	else if (op->intent.error[0])
		(void)snprintf(out + len, 400 - (size_t)len, " It had halted: %s", op->intent.error);
}

enum err lifecycle_move(struct req *r, struct store *store, struct operation *op, enum lifecycle_move how,
			const char *reason, bool *ret_moved, struct error *e)
{
	enum intent_state from = op->intent.state;
	int attempts = op->intent.attempts;
	char why[400];
	enum err err;

	*ret_moved = false;
	if (how == MOVE_UNDO && from == INTENT_UNDOING)
		return ERR_OK;
	if ((err = lifecycle_may_move(op, how, e)))
		return err;
	say_why(r, op, how, reason, why);
	lifecycle_apply_move(op, how, r->now);
	err = store_operation_move(store, op, from, attempts, e);
	err = err ? err : lifecycle_tell(r, store, op, why, e);
	*ret_moved = !err;
	return err;
}

/* --- the reply ------------------------------------------------------------------------------------------------------- */

static void plan_move(json_t *plan, const struct operation *op, enum lifecycle_move how)
{
	char stands[LIFECYCLE_STANDS_SIZE];

	plan_operation(plan, &op->intent, false);
	lifecycle_stands(op, stands);
	if (how == MOVE_CLOSE)
		plan_consequence(plan, "It ends, and nothing is taken back. %s", stands);
	else if (op->intent.state == INTENT_UNDOING)
		plan_step(plan, INTENT_UNDOING, "take back what it has done, the last first");
	else
		plan_step(plan, INTENT_WORKING,
			  "try the step that it halted at once more, and go on from there");
	if (how == MOVE_UNDO)
		plan_consequence(plan, "%s", stands);
}

struct done *reply_move(struct req *r, const struct operation *op, enum lifecycle_move how, bool moved)
{
	json_t *plan;

	if (r->dry_run) {
		plan = plan_new();
		plan_move(plan, op, how);
		return reply_plan(r, plan);
	}
	if (moved)
		req_changed(r);
	return reply_operation(r, 202, &op->intent, op);
}

/* --- resume -------------------------------------------------------------------------------------------------------------- */

struct resume {
	struct req *r;
	const char *reason;
	bool moved;
	struct operation *op; /* owned */
};

static enum err check_allowed(struct store *store, const struct operation *op, struct error *e)
{
	struct bursting_settings s;
	enum err err = store_settings_get(store, &s, e);

	return err ? err : lifecycle_allowed(&s, op->intent.kind, e);
}

static enum err resume_tx(struct store *store, void *arg, struct error *e)
{
	struct resume *m = arg;
	struct intent in;
	enum err err = store_intent_get(store, m->r->number, &in, e);

	operation_free(m->op);
	m->op = NULL;
	if (!err && !intent_has_steps(in.kind))
		return error_set(e, ERR_CONFLICT,
				 "operation %lld is a %s; only a life-cycle operation can be resumed",
				 (long long)in.id, intent_kind_text(in.kind));
	err = err ? err : store_operation_get(store, in.id, false, &m->op, e);
	err = err ? err : check_allowed(store, m->op, e);
	return err ? err : lifecycle_move(m->r, store, m->op, MOVE_RESUME, m->reason, &m->moved, e);
}

struct done *operation_resume(struct req *r)
{
	struct resume m = {.r = r};
	struct input_errors errors;
	struct input in;
	struct error e = {.code = ERR_OK};
	struct store *store;
	struct done *done;

	if (!input_open(&in, &errors, r, false, &e))
		return reply_error(r, &e);
	m.reason = input_text(&in, "reason", 1, LIMIT_REASON_BYTES, false).text;
	if (!input_end(&in))
		return reply_input(r, &errors);
	store = req_store(r, &e);
	if (!store || store_tx(store, resume_tx, &m, &e)) {
		operation_free(m.op);
		return reply_error(r, &e);
	}
	done = reply_move(r, m.op, MOVE_RESUME, m.moved);
	operation_free(m.op);
	return done;
}

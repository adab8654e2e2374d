/*
 * The runner: takes the open operations one after the other, runs the present step of each, and writes what came of it, with its
 * event, in one transaction. It knows no step: steps.c has the table.
 *
 * Every write moves the intent's attempts on, so that a cancel and a step's end can never both be written: the second one finds
 * another number and is dropped. A step that was cut short is simply run again: steps ensure, they do not assume.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "lifecycle/internal.h"

struct lifecycle *lifecycle_new(const struct lifecycle_options *o)
{
	struct lifecycle *l = calloc(1, sizeof(*l));

	if (l)
		l->o = *o;
	return l;
}

void lifecycle_free(struct lifecycle *l)
{
	while (l && l->held)
		document_drop(l, l->held->operation);
	free(l);
}

/* --- writing ----------------------------------------------------------------------------------------------------------- */

struct telling {
	struct job *job;
	enum event_type type;
	char reason[700];
};

static enum err tell_tx(struct store *store, void *arg, struct error *e)
{
	struct telling *t = arg;
	const struct intent *in = &t->job->op->intent;
	struct event event = {.time = t->job->now,
			      .type = t->type,
			      .node = in->node,
			      .node_name = in->node_name,
			      .location = in->location,
			      .actor = in->actor,
			      .reason = t->reason,
			      .rule = "",
			      .operation = in->id};
	enum err err = store_operation_move(store, t->job->op, t->job->from, t->job->from_attempts, e);

	if (!err && t->type != EVENT_TYPE_COUNT)
		err = store_event_add(store, &event, NULL, e);
	return err;
}

/* Writes the operation as it is now, and the event. */
static void settle(struct telling *t)
{
	struct job *job = t->job;
	struct intent *in = &job->op->intent;
	struct error e = {0};
	enum err err;

	if (job->lost)
		return;
	if (in->state != job->from)
		in->entered_at = job->now;
	in->attempts++;
	err = store_tx(job->store, tell_tx, t, &e);
	if (err) {
		job->lost = true;
		if (err != ERR_CONFLICT)
			log_error("a step could not be recorded; it is looked at again", "error", e.detail);
		return;
	}
	job->from = in->state;
	job->from_attempts = in->attempts;
}

static const char *kind_words(const struct job *job)
{
	return intent_kind_text(job->op->intent.kind);
}

/* --- what came of a step ------------------------------------------------------------------------------------------------ */

static bool undoing(const struct job *job)
{
	return job->op->intent.state == INTENT_UNDOING;
}

static void step_ended(struct job *job, enum step_state state)
{
	bool told = state == STEP_DONE || (state == STEP_UNDONE && step_rows[job->step->name].undo);
	struct telling t = {.job = job, .type = told ? EVENT_OPERATION : EVENT_TYPE_COUNT};

	job->step->state = state;
	job->step->ended_at = job->now;
	job->step->error[0] = '\0';
	job->op->intent.error[0] = '\0';
	job->op->intent.next_at = 0;
	if (job->op->intent.state == INTENT_NEEDS_PERSON)
		job->op->intent.state = INTENT_WORKING;
	(void)snprintf(t.reason, sizeof t.reason, "%s: %s %s%s%s", kind_words(job),
		       step_text(job->step->name), step_state_text(state), job->step->detail[0] ? ": " : "",
		       job->step->detail);
	settle(&t);
}

/* The check refused: nothing was done, so nothing is left to undo. */
static bool nothing_stands(const struct job *job)
{
	for (size_t i = 0; i < job->op->n_steps; i++)
		if (job->op->steps[i].attempts > 0)
			return false;
	return !undoing(job);
}

static void step_halted(struct job *job)
{
	struct telling t = {.job = job, .type = EVENT_FAIL};
	struct intent *in = &job->op->intent;

	(void)snprintf(job->step->error, sizeof job->step->error, "%s%s%s", job->error.message,
		       job->error.remedy[0] ? " " : "", job->error.remedy);
	(void)snprintf(in->error, sizeof in->error, "%s: %.300s", step_text(job->step->name),
		       job->step->error);
	if (!undoing(job)) /* a step whose undo halts is still the one that is being undone */
		job->step->state = STEP_HALTED;
	job->step->ended_at = job->now;
	in->state = nothing_stands(job) ? INTENT_FAILED : INTENT_HALTED;
	in->next_at = 0;
	(void)snprintf(t.reason, sizeof t.reason, "%s %s at %s", kind_words(job),
		       in->state == INTENT_FAILED ? "refused" : "halted", in->error);
	settle(&t);
}

static void step_waits(struct job *job, bool person)
{
	struct telling t = {.job = job, .type = EVENT_TYPE_COUNT};
	struct intent *in = &job->op->intent;

	if (!undoing(job))
		in->state = person ? INTENT_NEEDS_PERSON : INTENT_WORKING;
	in->next_at = job->now + (job->wait_ms > 0 ? job->wait_ms : 1);
	if (person && job->from != INTENT_NEEDS_PERSON) {
		t.type = EVENT_OPERATION;
		(void)snprintf(t.reason, sizeof t.reason, "%s waits for a person: %s", kind_words(job),
			       job->step->detail);
	}
	settle(&t);
}

static void step_back(struct job *job)
{
	struct telling t = {.job = job, .type = EVENT_OPERATION};
	bool reached = false;

	for (size_t i = 0; i < job->op->n_steps; i++) {
		reached |= job->op->steps[i].name == job->back;
		if (reached && job->op->steps[i].state != STEP_WAITING)
			job->op->steps[i].state = STEP_RUNNING;
		if (&job->op->steps[i] == job->step)
			break;
	}
	job->op->intent.next_at = 0;
	(void)snprintf(t.reason, sizeof t.reason, "%s: back to %s: %s", kind_words(job), step_text(job->back),
		       job->step->detail);
	settle(&t);
}

static bool out_of_time(const struct job *job)
{
	int limit = step_rows[job->step->name].limit_minutes;

	return limit && (double)(job->now - job->step->started_at) >
				(double)(limit * MS_PER_MINUTE) / job->l->o.time_scale;
}

static enum step_result too_long(struct job *job)
{
	char waited_for[300];

	(void)snprintf(waited_for, sizeof waited_for, "%.180s%s%.100s", job->step->detail,
		       job->step->error[0] ? ": " : "", job->step->error);
	return job_refuse(job, "too_long", "Mend what is named and resume the operation, or undo it.",
			  "took longer than %d minutes (%.250s)", step_rows[job->step->name].limit_minutes,
			  waited_for);
}

/* --- one step ------------------------------------------------------------------------------------------------------------ */

static void begin(struct job *job)
{
	enum step_state state = undoing(job) ? STEP_UNDOING : STEP_RUNNING;

	if (job->step->state == state && job->step->started_at && !job->step->ended_at)
		return;
	job->step->state = state;
	job->step->started_at = job->now;
	job->step->ended_at = 0;
}

/* True = the next step may follow in this pass. */
static bool run_present(struct job *job)
{
	const struct step_row *row = &step_rows[job->step->name];
	step_function *run = undoing(job) ? row->undo : row->run;
	enum step_result result;

	begin(job);
	result = run ? run(job) : job_done(job, "%s", undoing(job) ? "nothing to undo" : "");
	if (result == RESULT_LATER && !job->lost && out_of_time(job))
		result = too_long(job);
	if (result == RESULT_FAILED && undoing(job) && job_gone(job))
		result = job_done(job, "nothing to undo: %.300s", job->error.message);
	switch (result) {
	case RESULT_DONE:
		step_ended(job, undoing(job) ? STEP_UNDONE : STEP_DONE);
		return !job->lost;
	case RESULT_SKIPPED:
		step_ended(job, undoing(job) ? STEP_UNDONE : STEP_SKIPPED);
		return !job->lost;
	case RESULT_BACK:
		step_back(job);
		return !job->lost;
	case RESULT_FAILED:
		step_halted(job);
		return false;
	case RESULT_LATER:
	case RESULT_PERSON:
		step_waits(job, result == RESULT_PERSON);
		return false;
	}
	return false;
}

/* All steps are done, or all are undone. */
static void finish(struct job *job)
{
	struct telling t = {.job = job, .type = EVENT_OPERATION};
	struct intent *in = &job->op->intent;

	in->state = undoing(job) ? INTENT_CANCELLED : INTENT_DONE;
	in->next_at = 0;
	(void)snprintf(t.reason, sizeof t.reason, "%s %s%s%s", kind_words(job),
		       in->state == INTENT_DONE ? "done: " : "undone: ", in->reason,
		       in->force ? " (forced)" : "");
	document_drop(job->l, in->id);
	settle(&t);
	job->changed = true;
}

static void run_operation(struct job *job)
{
	/* Each turn ends a step, or the pass; going back is the one way to see a step again. */
	for (size_t turns = 0; turns < 2 * OPERATION_STEPS_MOST; turns++) {
		size_t at = operation_present(job->op);

		job->now = clock_now(job->l->o.clock);
		if (at == job->op->n_steps) {
			finish(job);
			return;
		}
		job->step = &job->op->steps[at];
		if (!run_present(job))
			return;
	}
}

static void no_region(struct job *job)
{
	job->step = &job->op->steps[operation_present(job->op)];
	(void)job_refuse(job, "region", "Name the region in BURSTD_AWS_REGIONS and resume the operation.",
			 "the region %s is not configured", job->op->intent.region);
	step_halted(job);
}

#define LOST_MS 100

/* True = something changed. *ret_next_at is lowered to when the operation is due again. */
static bool work_on(struct lifecycle *l, struct store *store, int64_t id, int64_t *ret_next_at)
{
	_cleanup_(operation_freep) struct operation *op = NULL;
	struct job job = {.l = l, .store = store, .params = reconciler_params(l->o.reconciler)};
	struct error e = {0};

	if (store_operation_get(store, id, true, &op, &e)) {
		log_error("an operation cannot be read", "error", e.detail);
		return false;
	}
	job.op = op;
	job.from = op->intent.state;
	job.from_attempts = op->intent.attempts;
	job.now = clock_now(l->o.clock);
	job.ec2 = op->intent.region[0] ? l->o.ec2(l->o.ec2_self, op->intent.region) : NULL;
	if (op->intent.region[0] && !job.ec2 && operation_present(op) < op->n_steps)
		no_region(&job);
	else
		run_operation(&job);
	if (!job.lost && intent_deed(op->intent.state) == ACTOR_LIFECYCLE && op->intent.next_at &&
	    (!*ret_next_at || op->intent.next_at < *ret_next_at))
		*ret_next_at = op->intent.next_at;
	if (job.lost) /* look again soon, at what the other one wrote */
		*ret_next_at = job.now + LOST_MS;
	return job.changed;
}

bool lifecycle_step(struct lifecycle *l, struct store *store, int64_t *ret_next_at)
{
	_cleanup_(freep) struct intent *intents = NULL;
	struct error e = {0};
	bool changed = false;
	size_t n = 0;

	*ret_next_at = 0;
	follow_addresses(l, store, &changed);
	if (store_intents_open(store, &intents, &n, &e)) {
		log_error("the open operations cannot be read", "error", e.detail);
		return changed;
	}
	for (size_t i = 0; i < n; i++) {
		if (intent_deed(intents[i].state) != ACTOR_LIFECYCLE)
			continue;
		if (intents[i].next_at <= clock_now(l->o.clock))
			changed |= work_on(l, store, intents[i].id, ret_next_at);
		else if (!*ret_next_at || intents[i].next_at < *ret_next_at)
			*ret_next_at = intents[i].next_at;
	}
	return changed;
}

/*
 * Taking a node out of service and back: maintenance mode, the wait until nobody is on it, and the last look before anything that
 * would end calls. RULES E1, E5, E7: nothing is cut unless the request says force, and that is recorded with who asked.
 */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "lifecycle/internal.h"

/* --- is anybody on it? -------------------------------------------------------------------------------------------------- */

static const struct infinity_node *node_in(const struct infinity_report *r, int64_t id)
{
	for (size_t i = 0; i < r->n_nodes; i++)
		if (r->nodes[i].id == id)
			return &r->nodes[i];
	return NULL;
}

/* Why calls could be cut on this report; NULL = none can: the node is drained, or was never part of the platform. */
static const char *look_refuses(struct job *job, const struct infinity_report *r)
{
	const struct infinity_node *n = node_in(r, job->op->intent.node);

	if (!r->whole)
		return "the look at Infinity was not whole";
	if (!n || !n->last_updated)
		return NULL;
	return reconcile_drained(r, n, job->op->intent.maintenance_at + job->params.replication_wait_ms);
}

/* Nothing runs that could host a call. */
static bool is_down(struct job *job, struct upstream_error *e)
{
	struct managed_instance i = {0};

	return job->op->intent.instance[0] && ec2_find_instance(job->ec2, job->op->intent.instance, &i, e) &&
	       i.id[0] && (i.state == INSTANCE_STOPPED || i.state == INSTANCE_TERMINATED);
}

bool job_may_cut(struct job *job, enum step_result *ret_result)
{
	_cleanup_(infinity_report_freep) struct infinity_report *report = NULL;
	struct upstream_error e = {0};
	const char *why;

	if (job->op->intent.force || !job->op->intent.node || is_down(job, &e))
		return true;
	if (e.class != UPSTREAM_OK) {
		*ret_result = job_failed(job, &e);
		return false;
	}
	if (!infinity_observe(job->l->o.infinity, true, &report, &e)) {
		*ret_result = job_failed(job, &e);
		return false;
	}
	why = look_refuses(job, report);
	if (!why)
		return true;
	*ret_result = job_later(job, POLL_MS, "not while calls could be cut: %s", why);
	return false;
}

void job_has_cut(struct job *job)
{
	if (job->op->intent.force && job->op->intent.node) /* RULE E7 */
		reconciler_calls_cut(job->l->o.reconciler, job->op->intent.node);
}

/* --- maintenance mode ------------------------------------------------------------------------------------------------------ */

static bool maintenance_on(const json_t *node, bool *ret_ours)
{
	const char *reason = json_string_value(json_object_get(node, "maintenance_mode_reason"));

	*ret_ours = reason && !strncmp(reason, MAINTENANCE_REASON_PREFIX, strlen(MAINTENANCE_REASON_PREFIX));
	return json_is_true(json_object_get(node, "maintenance_mode"));
}

static enum step_result set_maintenance(struct job *job, bool on)
{
	const struct intent *in = &job->op->intent;
	struct upstream_error e = {0};
	char reason[LIMIT_REASON_BYTES + 1];

	(void)snprintf(reason, sizeof reason, "%s%.60s: %.160s", MAINTENANCE_REASON_PREFIX, in->actor,
		       in->reason);
	if (!job_attempt(job))
		return RESULT_LATER;
	if (!infinity_set_maintenance(job->l->o.infinity, in->node, on, on ? reason : "", &e))
		return job_failed(job, &e);
	reconciler_maintenance_set(job->l->o.reconciler, in->node, on);
	job->op->intent.maintenance_at = on ? clock_now(job->l->o.clock) : 0;
	return job_done(job, "maintenance mode is %s", on ? "on" : "off");
}

/* Whether the plan takes the node out of service at all. */
static bool stays_out(const struct job *job)
{
	if (job->op->intent.kind == INTENT_DEPLOY_NODE)
		return operation_flag(job->op, VALUE_BURSTING);
	return job_was_running(job);
}

enum step_result step_maintenance_on(struct job *job)
{
	enum step_result result = RESULT_DONE;
	json_auto_t *node = NULL;
	bool ours;

	if (!stays_out(job))
		return job_skip(job, "the instance is not running");
	node = job_node(job, &result);
	if (!node)
		return result;
	if (!maintenance_on(node, &ours))
		return set_maintenance(job, true);
	if (!ours && !operation_set(job->op, VALUE_MAINTENANCE_WAS_ON, "true"))
		return job_later(job, POLL_MS, "memory");
	if (!job->op->intent.maintenance_at)
		job->op->intent.maintenance_at = job->now;
	return job_done(job, ours ? "maintenance mode is on"
				  : "somebody had put the node into maintenance mode already");
}

static enum step_result maintenance_is(struct job *job, bool want)
{
	enum step_result result = RESULT_DONE;
	json_auto_t *node = job_node(job, &result);
	bool ours;

	if (!node)
		return result;
	if (maintenance_on(node, &ours) != want)
		return set_maintenance(job, want);
	return job_done(job, "maintenance mode is %s", want ? "on" : "off");
}

/* Somebody else's maintenance mode is theirs (RULE E5), unless the guide's own step is to clear it: reinstate. */
enum step_result step_maintenance_off(struct job *job)
{
	if (job->op->intent.kind != INTENT_REINSTATE) {
		if (!stays_out(job))
			return job_skip(job, "maintenance mode was not set");
		if (operation_flag(job->op, VALUE_MAINTENANCE_WAS_ON))
			return job_skip(job, "the maintenance mode is somebody else's");
	}
	return maintenance_is(job, false);
}

enum step_result undo_maintenance_on(struct job *job)
{
	if (operation_flag(job->op, VALUE_MAINTENANCE_WAS_ON))
		return job_done(job, "the maintenance mode is somebody else's");
	if (!job->step->attempts)
		return job_done(job, "nothing to undo");
	return maintenance_is(job, false);
}

enum step_result undo_maintenance_off(struct job *job)
{
	if (!job->step->attempts)
		return job_done(job, "nothing to undo");
	return maintenance_is(job, true);
}

bool job_take_out(struct job *job, enum step_result *ret_result)
{
	json_auto_t *node = NULL;
	bool ours;

	if (job->op->intent.force)
		return true;
	node = job_node(job, ret_result);
	if (!node) /* deleted: there is no service to be taken out of */
		return *ret_result == RESULT_FAILED && job_gone(job);
	if (maintenance_on(node, &ours))
		return true;
	if (!operation_set(job->op, VALUE_TAKEN_OUT, "true")) {
		*ret_result = job_later(job, POLL_MS, "memory");
		return false;
	}
	*ret_result = set_maintenance(job, true);
	return *ret_result == RESULT_DONE;
}

enum step_result job_put_back(struct job *job)
{
	return operation_flag(job->op, VALUE_TAKEN_OUT) ? maintenance_is(job, false) : RESULT_DONE;
}

/* --- the wait ---------------------------------------------------------------------------------------------------------------- */

/* RULE E1: two reads in a row, a poll apart. */
static enum step_result idle_again(struct job *job)
{
	int64_t since = operation_number(job->op, VALUE_IDLE_SINCE);

	if (since && job->now >= since + job->params.poll_infinity_ms)
		return job_done(job, "no conference is left on the node");
	if (!since && !operation_setf(job->op, VALUE_IDLE_SINCE, "%lld", (long long)job->now))
		return job_later(job, POLL_MS, "memory");
	return job_later(job, POLL_MS, "idle; it is looked at once more");
}

/* What the picture says holds the node: cheap, so that a long drain costs Infinity no reads of its own. */
static bool picture_says_busy(struct job *job, enum step_result *ret_result)
{
	_cleanup_(picture_unrefp) struct picture *p = reconciler_picture(job->l->o.reconciler);
	const struct node *n = picture_node(p, job->op->intent.node);

	if (!n || !p->infinity_fresh || p->infinity_at <= job->op->intent.maintenance_at ||
	    (!n->conferences && n->participants <= 0))
		return false;
	*ret_result =
		job_later(job, POLL_MS, "waits for %d conferences and %d participants to leave the node",
			  n->conferences, n->participants > 0 ? n->participants : 0);
	return true;
}

enum step_result step_drain(struct job *job)
{
	const struct intent *in = &job->op->intent;
	int64_t replicated = in->maintenance_at + job->params.replication_wait_ms;
	enum step_result result = RESULT_DONE;
	char time[TIME_TEXT_SIZE];

	if (!stays_out(job))
		return job_skip(job, "the instance is not running");
	if (in->force)
		return job_skip(job, "forced by %.100s: calls on the node are cut", in->actor);
	if (job->now < replicated) {
		(void)job_later(job, POLL_MS, "waits for maintenance mode to reach all nodes, until %s",
				time_rfc3339(replicated, time));
		job->wait_ms = replicated - job->now;
		return RESULT_LATER;
	}
	if (picture_says_busy(job, &result) || !job_may_cut(job, &result)) {
		(void)operation_set(job->op, VALUE_IDLE_SINCE, NULL);
		return result;
	}
	return idle_again(job);
}

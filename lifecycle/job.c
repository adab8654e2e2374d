/* How a step ends, and what the steps share: the operation's node and instance as they are now. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "lifecycle/internal.h"

#define RETRY_BASE_MS    (2 * MS_PER_SECOND)
#define RETRY_CAP_MS     (60 * MS_PER_SECOND)
#define RETRY_DOUBLINGS  5
#define THROTTLE_BASE_MS (10 * MS_PER_SECOND)

/* --- ends ------------------------------------------------------------------------------------------------------------ */

static void __attribute__((format(printf, 2, 0))) say(struct job *job, const char *format, va_list args)
{
	(void)vsnprintf(job->step->detail, sizeof job->step->detail, format, args);
}

#define SAY(job, format)                                                                                     \
	do {                                                                                                 \
		va_list args_;                                                                               \
		va_start(args_, format);                                                                     \
		say((job), (format), args_);                                                                 \
		va_end(args_);                                                                               \
	} while (0)

enum step_result job_done(struct job *job, const char *format, ...)
{
	SAY(job, format);
	return RESULT_DONE;
}

enum step_result job_skip(struct job *job, const char *format, ...)
{
	SAY(job, format);
	return RESULT_SKIPPED;
}

enum step_result job_later(struct job *job, int64_t wait_ms, const char *format, ...)
{
	SAY(job, format);
	job->wait_ms = (int64_t)((double)wait_ms / job->l->o.time_scale);
	return RESULT_LATER;
}

enum step_result job_person(struct job *job, const char *format, ...)
{
	SAY(job, format);
	job->wait_ms = (int64_t)((double)POLL_MS / job->l->o.time_scale);
	return RESULT_PERSON;
}

enum step_result job_refuse(struct job *job, const char *code, const char *remedy, const char *format, ...)
{
	char text[300];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	upstream_error_set(&job->error, UPSTREAM_OPERATOR, 0, code, "", remedy, "%s", text);
	return RESULT_FAILED;
}

/* The same call may succeed later, without anybody doing anything. */
static bool worth_repeating(const struct upstream_error *e)
{
	return e->class == UPSTREAM_RETRY || e->class == UPSTREAM_THROTTLED || e->class == UPSTREAM_WAIT;
}

enum step_result job_failed(struct job *job, const struct upstream_error *e)
{
	int64_t base = e->class == UPSTREAM_THROTTLED ? THROTTLE_BASE_MS : RETRY_BASE_MS;
	int tries = job->step->attempts < RETRY_DOUBLINGS ? job->step->attempts : RETRY_DOUBLINGS;
	int64_t wait = base << tries;

	job->error = *e;
	(void)snprintf(job->step->error, sizeof job->step->error, "%s", e->message);
	if (!worth_repeating(e))
		return RESULT_FAILED;
	if (wait > RETRY_CAP_MS)
		wait = RETRY_CAP_MS;
	if (wait < e->retry_after_ms)
		wait = e->retry_after_ms;
	return job_later(job, wait / 2 + (int64_t)(random_unit() * (double)wait / 2), "it is tried again");
}

/* --- attempts -------------------------------------------------------------------------------------------------------- */

bool job_attempt(struct job *job)
{
	struct error e = {0};

	job->step->attempts++;
	job->op->intent.attempts++;
	job->op->intent.next_at = 0;
	if (!operation_setf(job->op, VALUE_ATTEMPTED_AT, "%lld", (long long)job->now) ||
	    store_operation_move(job->store, job->op, job->from, job->from_attempts, &e)) {
		job->lost = true;
		return false;
	}
	job->from_attempts = job->op->intent.attempts;
	job->from = job->op->intent.state;
	job->changed = true;
	return true;
}

bool job_settled(const struct job *job)
{
	return job->now >= operation_number(job->op, VALUE_ATTEMPTED_AT) + job->params.settle_ms;
}

/* --- the node -------------------------------------------------------------------------------------------------------- */

json_t *job_node(struct job *job, enum step_result *ret_result)
{
	struct upstream_error e = {0};
	json_t *node = NULL;

	if (!infinity_resource_get(job->l->o.infinity, RESOURCE_WORKER_VM, job->op->intent.node, &node, &e)) {
		*ret_result = job_failed(job, &e);
		return NULL;
	}
	if (!node)
		*ret_result = job_refuse(
			job, "node_gone",
			"Undo what was done, or close the operation; then look at the instance.",
			"node %lld is no longer configured in Infinity", (long long)job->op->intent.node);
	return node;
}

enum step_result job_patch_node(struct job *job, const char *field, json_t *value)
{
	json_auto_t *body = json_object();
	struct upstream_error e = {0};

	if (json_object_set_new(body, field, value))
		return job_refuse(job, "memory", "Give the process more memory.", "out of memory");
	if (!job_attempt(job))
		return RESULT_LATER;
	if (!infinity_resource_update(job->l->o.infinity, RESOURCE_WORKER_VM, job->op->intent.node, body, &e))
		return job_failed(job, &e);
	return RESULT_DONE;
}

bool job_gone(const struct job *job)
{
	return !strcmp(job->error.code, "node_gone") || !strcmp(job->error.code, "instance_gone");
}

/* --- the instance ------------------------------------------------------------------------------------------------------ */

bool job_instance(struct job *job, struct managed_instance *ret, enum step_result *ret_result)
{
	struct upstream_error e = {0};

	if (!ec2_find_instance(job->ec2, job->op->intent.instance, ret, &e)) {
		*ret_result = job_failed(job, &e);
		return false;
	}
	if (!instance_gone(ret))
		return true;
	*ret_result =
		job_refuse(job, "instance_gone",
			   "Undo what was done, or close the operation; then look at the node in Infinity.",
			   "instance %s is %s%s%s", job->op->intent.instance,
			   ret->id[0] ? instance_state_text(ret->state) : "not there any more",
			   ret->reason[0] ? ": " : "", ret->reason);
	return false;
}

bool instance_up(const struct managed_instance *i)
{
	return i->state == INSTANCE_PENDING || i->state == INSTANCE_RUNNING;
}

bool instance_gone(const struct managed_instance *i)
{
	return !i->id[0] || i->state == INSTANCE_TERMINATED || i->state == INSTANCE_SHUTTING_DOWN;
}

bool job_was_running(const struct job *job)
{
	return operation_flag(job->op, VALUE_WAS_RUNNING);
}

bool job_to_overflow(const struct job *job)
{
	return !strcmp(operation_text(job->op, VALUE_TO), "overflow");
}

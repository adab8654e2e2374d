/* An operation as JSON: an intent, how far it has come, what it waits for, and what a failure asks of the operator. */
#include <string.h>

#include "base/clock.h"
#include "handlers/view_steps.h"

#define WAIT_SIZE 200

/* The states that an operation of each kind passes through when nothing goes wrong. */
static const enum intent_state start_steps[] = {INTENT_STARTING, INTENT_BOOTING};
static const enum intent_state stop_steps[] = {INTENT_MAINTENANCE_ON, INTENT_WAITING, INTENT_STOPPING,
					       INTENT_AWAITING_STOPPED, INTENT_MAINTENANCE_OFF};
static const enum intent_state forced_steps[] = {INTENT_STOPPING, INTENT_AWAITING_STOPPED,
						 INTENT_MAINTENANCE_OFF};
static const enum intent_state cancel_steps[] = {INTENT_CANCELLING};
static const enum intent_state applying_steps[] = {INTENT_APPLYING};

struct steps {
	const enum intent_state *list;
	size_t n;
};

#define STEPS(list) ((struct steps){list, ARRAY_LEN(list)})

static struct steps steps_of(const struct intent *in)
{
	switch (in->kind) {
	case INTENT_START:
		return STEPS(start_steps);
	case INTENT_STOP:
		break;
	default:
		return STEPS(applying_steps);
	}
	if (in->state == INTENT_CANCELLING || in->state == INTENT_CANCELLED)
		return STEPS(cancel_steps);
	return in->force && !in->maintenance_at ? STEPS(forced_steps) : STEPS(stop_steps);
}

static size_t position(const struct steps *steps, enum intent_state state)
{
	size_t i;

	for (i = 0; i < steps->n && steps->list[i] != state; i++)
		continue;
	return i;
}

/* When the step was entered, as far as the intent tells. */
static int64_t step_time(const struct intent *in, size_t step, size_t present)
{
	if (step == present)
		return in->entered_at;
	return step == 0 ? in->created_at : 0;
}

static json_t *view_steps(const struct intent *in)
{
	struct steps steps = steps_of(in);
	size_t present = position(&steps, in->state);
	bool ended_well = in->state == INTENT_DONE || in->state == INTENT_CANCELLED;
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < steps.n; i++) {
		bool reached = present < steps.n ? i < present : ended_well;
		const char *progress = reached         ? "done"
				       : i == present  ? "running"
				       : in->closed_at ? "skipped"
						       : "waiting";

		(void)json_array_append_new(list, view_plain_step(intent_state_text(steps.list[i]), progress,
								  step_time(in, i, present)));
	}
	return list;
}

/* RULE E5: the wait between maintenance mode and the stop. */
static void waiting_text(const struct picture *p, const struct intent *in, char out[WAIT_SIZE])
{
	const struct node *n = picture_node(p, in->node);
	int64_t replicated = in->maintenance_at + p->params.replication_wait_ms;
	char time[TIME_TEXT_SIZE];

	if (in->maintenance_at && replicated > p->made_at)
		(void)snprintf(out, WAIT_SIZE, "maintenance mode to reach all nodes, until %s",
			       time_rfc3339(replicated, time));
	else if (n && !n->idle && n->participants >= 0)
		(void)snprintf(out, WAIT_SIZE, "%d conferences and %d participants to leave the node",
			       n->conferences, n->participants);
	else if (n && !n->idle)
		(void)snprintf(out, WAIT_SIZE, "%d conferences to leave the node", n->conferences);
	else
		(void)snprintf(out, WAIT_SIZE, "the node to be idle in two reads in a row");
}

static const char *waits_for(const struct picture *p, const struct intent *in, char out[WAIT_SIZE])
{
	switch (in->state) {
	case INTENT_STARTING:
		return in->via_infinity ? "Infinity to accept the start" : "EC2 to accept the start";
	case INTENT_BOOTING:
		return "the node to be synced with the Management Node";
	case INTENT_WAITING:
		waiting_text(p, in, out);
		return out;
	case INTENT_STOPPING:
		return "EC2 to accept the stop";
	case INTENT_AWAITING_STOPPED:
		return "EC2 to report the instance as stopped";
	case INTENT_MAINTENANCE_ON:
	case INTENT_MAINTENANCE_OFF:
	case INTENT_CANCELLING:
	case INTENT_APPLYING:
		if (intent_of_location(in->kind))
			return "Infinity to accept the change of the location";
		return "Infinity to accept the maintenance mode";
	case INTENT_WORKING:
	case INTENT_NEEDS_PERSON:
	case INTENT_HALTED:
	case INTENT_UNDOING:
	case INTENT_DONE:
	case INTENT_CANCELLED:
	case INTENT_FAILED:
	case INTENT_ABANDONED:
	case INTENT_STATE_COUNT:
		return NULL;
	}
	return NULL;
}

/* The remedy of the source that carries the deed out, while that source has one. */
static const char *source_remedy(const struct picture *p, const struct intent *in)
{
	bool ec2 = intent_deed(in->state) == ACTOR_EC2 && !in->via_infinity;
	size_t i;

	for (i = 0; i < p->n_sources; i++) {
		const struct source *s = &p->sources[i];

		if (s->remedy && s->kind == (ec2 ? SOURCE_EC2 : SOURCE_INFINITY) &&
		    (!ec2 || strstr(s->name, in->region)))
			return s->remedy;
	}
	return NULL;
}

static json_t *view_error(const struct picture *p, const struct intent *in)
{
	const char *remedy = source_remedy(p, in);
	json_t *v;

	if (!in->error[0])
		return NULL;
	v = json_object();
	put_text(v, "detail", in->error);
	if (!remedy && in->closed_at && intent_of_location(in->kind))
		remedy = "Mend what is named, or give burstd's Infinity account the permission to change "
			 "locations, then ask again.";
	if (!remedy)
		remedy = in->closed_at ? "Look at the instance in the AWS console and at the issues of "
					 "/v1/status, then ask "
					 "again."
				       : "It is tried again; see the issues of /v1/status if it goes on.";
	put_text(v, "remedy", remedy);
	return v;
}

/* What the two families of operations show alike, but make of different things. */
static void put_course(json_t *v, const struct picture *p, const struct intent *in,
		       const struct operation *op)
{
	char wait[WAIT_SIZE];

	put_text(v, "waits_for", op ? lifecycle_waits_for(op) : waits_for(p, in, wait));
	put_text(v, "needs_person", op ? lifecycle_needs_person(op) : NULL);
	put(v, "steps", op ? view_lifecycle_steps(op) : view_steps(in));
	put(v, "values", op ? view_lifecycle_values(op) : json_object());
	put(v, "change", in->change.fields ? view_location_change(&in->change) : NULL);
	put(v, "error", op ? view_lifecycle_error(op) : view_error(p, in));
}

json_t *view_open_operation(const struct picture *p, const struct overlay *o, size_t i)
{
	return view_operation(p, &o->intents[i], o->operations[i]);
}

json_t *view_operation(const struct picture *p, const struct intent *in, const struct operation *op)
{
	json_t *v = json_object();

	put_int(v, "id", in->id);
	put_text(v, "kind", intent_kind_text(in->kind));
	put_text(v, "state", intent_state_text(in->state));
	put_bool(v, "open", in->closed_at == 0);
	put_id(v, "node", in->node);
	put_text(v, "node_name", in->node_name[0] ? in->node_name : NULL);
	put_id(v, "location", in->location);
	put_text(v, "instance", in->instance[0] ? in->instance : NULL);
	put_text(v, "region", in->region[0] ? in->region : NULL);
	put_text(v, "actor", in->actor);
	put_text(v, "rule", in->rule[0] ? in->rule : NULL);
	put_text(v, "reason", in->reason);
	put_bool(v, "force", in->force);
	put_bool(v, "via_infinity", in->via_infinity);
	put_int(v, "attempts", op ? lifecycle_attempts(op) : in->attempts);
	put_time(v, "created_at", in->created_at);
	put_time(v, "entered_at", in->entered_at);
	put_time(v, "next_attempt_at", in->closed_at ? 0 : in->next_at);
	put_time(v, "closed_at", in->closed_at);
	put_course(v, p, in, op);
	return v;
}

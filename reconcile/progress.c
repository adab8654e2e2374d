/* Where an intent stands in the world: the moves that follow from what both systems say, and from nothing else. */
#include <stdio.h>
#include <string.h>

#include "fleet/lifecycle.h"
#include "reconcile/internal.h"

#define SAY(step, ...) snprintf((step)->reason, sizeof((step)->reason), __VA_ARGS__)

static bool move(struct intent_step *step, enum intent_state to, enum event_type event, const char *rule)
{
	step->to = to;
	step->event = event;
	snprintf(step->rule, sizeof(step->rule), "%s", rule);
	return true;
}

static bool believed(const struct node_track *t, enum instance_state state)
{
	return t && t->state_known && t->state == state;
}

static bool believed_up(const struct node_track *t)
{
	return believed(t, INSTANCE_PENDING) || believed(t, INSTANCE_RUNNING);
}

static bool believed_down(const struct node_track *t)
{
	return t && t->state_known && !believed_up(t);
}

/* RULE D4: the list that the belief rests on is younger than our own action, by more than EC2 may lag behind. */
static bool settled(const struct picture *p, const struct node_track *t)
{
	return t && t->list_at > t->acted_at + p->params.settle_ms;
}

static const char *instance_reason(const struct node *n)
{
	if (n->instance && n->instance->state_reason_message)
		return n->instance->state_reason_message;
	return "EC2 gives no reason";
}

static bool boot_progress(const struct picture *p, const struct intent *i, const struct node *n,
			  const struct node_track *t, struct intent_step *step)
{
	if (n->phase == PHASE_SERVING)
		return move(step, INTENT_DONE, EVENT_TYPE_COUNT, i->rule); /* the join has told `running` */
	if (believed_down(t) && settled(p, t)) {
		step->failed = true;
		SAY(step, "instance %s went back to %s after its start: %s", i->instance,
		    instance_state_text(t->state), instance_reason(n));
		return move(step, INTENT_FAILED, EVENT_FAIL, "S6");
	}
	if (n->phase == PHASE_FAILED) { /* RULE S4 */
		step->failed = true;
		SAY(step, "the node did not become available within %d minutes of its start",
		    p->settings.start_timeout_minutes);
		return move(step, INTENT_FAILED, EVENT_FAIL, "S4");
	}
	return false;
}

static bool start_progress(const struct picture *p, const struct intent *i, const struct node_track *t,
			   int64_t now, struct intent_step *step)
{
	if (believed_up(t) && t->list_at > i->entered_at) {
		/* Up already: our start whose answer was lost, or somebody else's; either way nothing is left to ask for. */
		step->started = i->attempts > 0;
		step->outside = !step->started; /* RULE D3 */
		SAY(step, "%s: instance %s is %s", step->outside ? "somebody else was faster" : i->reason,
		    i->instance, instance_state_text(t->state));
		return move(step, INTENT_BOOTING, EVENT_START, step->outside ? "D3" : i->rule);
	}
	/* Between two tries only: one that is on its way (no error yet) may be the one that succeeds. */
	if (now > i->created_at + p->params.start_timeout_ms && i->error[0] && i->next_at > now) {
		step->failed = true;
		SAY(step, "the start could not be made in time: %s", i->error);
		return move(step, INTENT_FAILED, EVENT_FAIL, "S4");
	}
	return false;
}

static bool stop_progress(const struct picture *p, const struct intent *i, const struct node_track *t,
			  struct intent_step *step)
{
	switch (i->state) {
	case INTENT_MAINTENANCE_ON:
	case INTENT_WAITING:
		if (!believed_down(t))
			return false;
		if (i->state == INTENT_WAITING && i->attempts > 0) { /* our own, late (RULE V3) */
			step->stopped = true;
			SAY(step, "%s: instance %s is %s", i->reason, i->instance,
			    instance_state_text(t->state));
			return move(step, INTENT_MAINTENANCE_OFF, EVENT_STOP, i->rule);
		}
		SAY(step, "the instance is %s already", instance_state_text(t->state)); /* RULE D3 */
		return move(step, INTENT_MAINTENANCE_OFF, EVENT_TYPE_COUNT, "D3");
	case INTENT_STOPPING:
		if (!believed_down(t) || t->list_at <= i->entered_at)
			return false;
		step->stopped = true;
		SAY(step, "%s: instance %s is %s", i->reason, i->instance, instance_state_text(t->state));
		return move(step, INTENT_AWAITING_STOPPED, EVENT_STOP, i->rule);
	case INTENT_AWAITING_STOPPED:
		if (believed(t, INSTANCE_STOPPING) || !(believed_down(t) || settled(p, t)))
			return false;
		return move(step, INTENT_MAINTENANCE_OFF, EVENT_TYPE_COUNT, "E5");
	default: /* the rest are the actors' moves */
		return false;
	}
}

static bool node_gone(const struct picture *p, const struct intent *i, struct intent_step *step)
{
	if (!p->infinity_fresh || p->infinity_at <= i->created_at)
		return false;
	SAY(step, "the node is no longer configured in Infinity");
	return move(step, INTENT_ABANDONED, EVENT_CANCEL, "D3");
}

bool intent_progress(const struct picture *p, const struct intent *i, const struct node *n,
		     const struct node_track *t, int64_t now, struct intent_step *step)
{
	*step = (struct intent_step){.event = EVENT_TYPE_COUNT};
	if (intent_of_location(i->kind) || intent_has_steps(i->kind)) /* their actor's moves alone */
		return false;
	if (!n)
		return node_gone(p, i, step);
	switch (i->kind) {
	case INTENT_START:
		return i->state == INTENT_BOOTING ? boot_progress(p, i, n, t, step)
						  : start_progress(p, i, t, now, step);
	case INTENT_STOP:
		return stop_progress(p, i, t, step);
	default:
		return false;
	}
	return false;
}

/*
 * Carries what we remember of a bursting node (its track) from one picture to the next: which state of the instance to
 * believe (RULE D4), what happened behind our back (RULE D3), when the clocks restart, which phase that makes (RULE D2,
 * RULE S4) and how often in a row the node was seen idle (RULE E1).
 */
#include <stdio.h>
#include <string.h>

#include "fleet/join_internal.h"
#include "fleet/lifecycle.h"

static bool is_up(enum instance_state state)
{
	return state == INSTANCE_PENDING || state == INSTANCE_RUNNING;
}

static bool is_gone(enum instance_state state)
{
	return state == INSTANCE_SHUTTING_DOWN || state == INSTANCE_TERMINATED;
}

static bool intent_is(const struct node *n, enum intent_kind kind)
{
	return n->intent && n->intent->kind == kind;
}

/* A life-cycle operation is open on it: starts and stops of its instance are that operation's, unless something tells otherwise. */
static bool in_operation(const struct node *n)
{
	return n->intent && intent_has_steps(n->intent->kind);
}

/*
 * Operations that end the instance, or take its tag and with it the instance from the lists: nothing is lost then, and their own
 * steps tell of it.
 */
static bool takes_instance(const struct node *n)
{
	return intent_is(n, INTENT_CONVERT) || intent_is(n, INTENT_REMOVE) ||
	       intent_is(n, INTENT_DEPLOY_NODE);
}

/* What a life-cycle operation did to the instance (RULE V3): to the event's reader it is no deed of strangers. */
static void operation_event(struct join *j, struct node *n, enum event_type type,
			    const struct ec2_instance *i)
{
	join_event(j, type, n, n->intent->actor, "", "instance %s is %s in the course of operation %lld (%s)",
		   i->id, instance_state_text(i->state), (long long)n->intent->id,
		   intent_kind_text(n->intent->kind));
}

/* Whoever acts behind our back: Infinity's own bursting while it is on, else somebody outside (RULE V3). */
static const char *outside_actor(const struct join *j)
{
	return j->picture->infinity_bursting ? "infinity" : "outside";
}

/*
 * RULE D4: a list may lag behind by more than the settle time. One that contradicts our last action and still shows the launch
 * from well before it tells the state from before it: after a start of ours "stopped" comes with the new launch, and
 * after a stop of ours nothing is up again without one. Within the start timeout; after that it is believed.
 */
static bool told_from_before(const struct join *j, const struct node_track *t, const struct ec2_report *list,
			     const struct ec2_instance *told)
{
	return told->launch_time && told->launch_time + j->picture->params.settle_ms < t->acted_at &&
	       list->observed_at < t->acted_at + j->picture->params.start_timeout_ms;
}

/*
 * RULE D4: a list younger than our own last action on the node proves nothing that contradicts the action; EC2 may
 * still tell the state from before it.
 */
static bool list_believable(const struct join *j, const struct node_track *t, const struct ec2_report *list,
			    const struct ec2_instance *told)
{
	if (!t->acted_at)
		return true;
	if (list->observed_at <= t->acted_at)
		return false;
	if (is_up(t->state) == is_up(told->state))
		return true;
	return list->observed_at >= t->acted_at + j->picture->params.settle_ms &&
	       !told_from_before(j, t, list, told);
}

static void clocks_restart(struct node_track *t, int64_t started_at)
{
	t->started_at = started_at;
	t->running_at = t->serving_at = t->stopped_at = 0;
	t->idle_reads = 0;
	t->idle_read[0] = t->idle_read[1] = 0;
}

static int64_t launch_or(const struct ec2_instance *i, int64_t otherwise)
{
	return i->launch_time ? i->launch_time : otherwise;
}

/* The first time we see this instance: take it as it is; adopting a running platform is no event. */
static void adopt(struct node_track *t, const struct ec2_instance *i, int64_t seen_at)
{
	clocks_restart(t, is_up(i->state) ? launch_or(i, seen_at) : 0);
	t->state = i->state;
	t->state_known = true;
	t->acted_at = 0;
	t->phase = PHASE_UNKNOWN;
	if (i->state == INSTANCE_RUNNING)
		t->running_at = t->started_at;
	if (i->state == INSTANCE_STOPPED)
		t->stopped_at = seen_at;
}

/* RULE D3: up without a start of ours. */
static void went_up(struct join *j, struct node *n, struct node_track *t, const struct ec2_instance *i,
		    int64_t seen_at)
{
	if (intent_is(n, INTENT_START)) {
		if (!t->started_at || t->stopped_at)
			clocks_restart(t, launch_or(i, seen_at));
		return;
	}
	clocks_restart(t, launch_or(i, seen_at));
	if (in_operation(n)) {
		operation_event(j, n, EVENT_START, i);
		return;
	}
	join_event(
		j, EVENT_START, n, outside_actor(j), "D3",
		"instance %s is %s without a start of burstd's; lifetime and timeouts count from its launch",
		i->id, instance_state_text(i->state));
}

static void went_down(struct join *j, struct node *n, struct node_track *t, const struct ec2_instance *i)
{
	const char *why = i->state_reason_message ? i->state_reason_message : "no reason given";

	if (intent_is(n, INTENT_STOP) &&
	    (n->intent->state == INTENT_STOPPING || n->intent->state == INTENT_AWAITING_STOPPED ||
	     (n->intent->state == INTENT_WAITING && n->intent->attempts > 0))) /* told by the intent */
		return;
	if (intent_is(n, INTENT_START)) /* a start that EC2 took back: told by the intent's failure */
		return;
	(void)t;
	if (in_operation(n)) {
		operation_event(j, n, EVENT_STOP, i);
		return;
	}
	join_event(j, EVENT_STOP, n, outside_actor(j), "D3",
		   "instance %s is %s without a stop of burstd's (%s)", i->id, instance_state_text(i->state),
		   why);
}

static void reached_stopped(struct join *j, struct node *n, struct node_track *t, int64_t seen_at)
{
	t->stopped_at = seen_at;
	t->running_at = t->serving_at = 0;
	if (intent_is(n, INTENT_STOP) || in_operation(n))
		join_event(j, EVENT_STOPPED, n, n->intent->actor, n->intent->rule, "instance %s is stopped",
			   t->instance);
}

static void state_changed(struct join *j, struct node *n, struct node_track *t,
			  const struct found_instance *f)
{
	const struct ec2_instance *i = f->instance;
	enum instance_state before = t->state;
	int64_t seen_at = f->list->observed_at;

	t->state = i->state;
	if (is_gone(i->state)) {
		if (takes_instance(n))
			return;
		join_event(j, EVENT_LOST, n, outside_actor(j), "D3", "instance %s is %s", i->id,
			   instance_state_text(i->state));
		return;
	}
	if (is_up(i->state) && !is_up(before))
		went_up(j, n, t, i, seen_at);
	if (!is_up(i->state) && is_up(before))
		went_down(j, n, t, i);
	if (i->state == INSTANCE_RUNNING && !t->running_at)
		t->running_at = seen_at;
	if (i->state == INSTANCE_STOPPED)
		reached_stopped(j, n, t, seen_at);
}

/* A whole stop and start between two lists: the state looks the same, the launch time tells (RULE D3). */
static void missed_restart(struct join *j, struct node *n, struct node_track *t, const struct ec2_instance *i)
{
	if (!is_up(i->state) || intent_is(n, INTENT_START) || !i->launch_time ||
	    i->launch_time <= t->started_at + j->picture->params.settle_ms)
		return;
	clocks_restart(t, i->launch_time);
	if (i->state == INSTANCE_RUNNING)
		t->running_at = i->launch_time;
	if (in_operation(n)) {
		operation_event(j, n, EVENT_START, i);
		return;
	}
	join_event(j, EVENT_START, n, outside_actor(j), "D3",
		   "instance %s was stopped and started between two reads", i->id);
}

/* RULE D4 for "gone": only several whole lists in a row, none younger than our own action, make an instance vanish. */
#define ABSENT_READS 3

static void absent(struct join *j, struct node *n, struct node_track *t, const struct found_instance *f)
{
	const struct ec2_report *list = f->list;

	if (!list || !list->whole || list->observed_at <= t->list_at ||
	    list->observed_at < t->acted_at + j->picture->params.settle_ms)
		return;
	t->list_at = list->observed_at;
	if (++t->absent_reads < ABSENT_READS || !t->instance[0])
		return;
	if (!takes_instance(n))
		join_event(j, EVENT_LOST, n, "outside", "D4",
			   "instance %s is in none of the last %d whole lists of %s", t->instance,
			   ABSENT_READS, t->region);
	t->instance[0] = '\0';
	t->state_known = false;
}

static void present(struct join *j, struct node *n, struct node_track *t, const struct found_instance *f)
{
	const struct ec2_instance *i = f->instance;

	t->absent_reads = 0;
	if (strcmp(t->instance, i->id) || !t->state_known) {
		snprintf(t->instance, sizeof(t->instance), "%s", i->id);
		snprintf(t->region, sizeof(t->region), "%s", i->region);
		adopt(t, i, f->list->observed_at);
	}
	if (f->list->observed_at <= t->list_at || !list_believable(j, t, f->list, i))
		return;
	t->list_at = f->list->observed_at;
	if (t->state != i->state)
		state_changed(j, n, t, f);
	else
		missed_restart(j, n, t, i);
}

/* RULE E1: one more idle read counts only when the node's own status has moved on since the last one. */
static void count_idle(const struct join *j, const struct node *n, struct node_track *t)
{
	if (t->idle_tick == j->in->tick)
		return;
	t->idle_tick = j->in->tick;
	if (!n->idle) {
		t->idle_reads = 0;
		return;
	}
	if (!n->fresh || !j->in->infinity->whole || n->last_updated <= t->idle_read[0])
		return;
	t->idle_read[1] = t->idle_read[0];
	t->idle_read[0] = n->last_updated;
	t->idle_reads++;
}

/* Heard from since this start, as far as Infinity can tell. */
static bool heard_since_start(const struct node *n, const struct node_track *t)
{
	return n->fresh && n->last_updated >= t->started_at;
}

static bool timed_out(const struct join *j, const struct node_track *t)
{
	int64_t timeout = j->picture->params.start_timeout_ms;

	/* RULE S4, and no start is given up on a read from before its deadline. */
	if (t->state == INSTANCE_PENDING)
		return t->list_at > t->started_at + timeout;
	return j->picture->infinity_at > t->running_at + timeout;
}

static bool draining(const struct node *n)
{
	return intent_is(n, INTENT_STOP) && n->intent->state != INTENT_AWAITING_STOPPED &&
	       n->intent->state != INTENT_MAINTENANCE_OFF;
}

static enum node_phase running_phase(const struct join *j, const struct node *n, const struct node_track *t)
{
	if (intent_is(n, INTENT_STOP) && n->intent->state == INTENT_AWAITING_STOPPED)
		return PHASE_STOPPING;
	if (!j->picture->infinity_fresh && t->phase != PHASE_UNKNOWN && t->phase != PHASE_STOPPED)
		/* Nothing new to conclude from: stale data are shown as such, not guessed at. But a drain that has
		 * ended is known to have ended. */
		return t->phase == PHASE_DRAINING && !draining(n) ? PHASE_SERVING : t->phase;
	if (heard_since_start(n, t) && (t->serving_at || n->sync == SYNC_SYNCED))
		return draining(n) ? PHASE_DRAINING : PHASE_SERVING;
	if (t->serving_at)
		return PHASE_UNKNOWN; /* RULE D2: running, but not heard from any more */
	if (!timed_out(j, t))
		return PHASE_STARTING;
	if (intent_is(n, INTENT_START) || t->phase == PHASE_STARTING || t->phase == PHASE_FAILED)
		return PHASE_FAILED; /* RULE S4 */
	return PHASE_UNKNOWN;        /* RULE D2: found running, never heard */
}

static enum node_phase stopped_phase(const struct join *j, const struct node *n, const struct node_track *t)
{
	if (intent_is(n, INTENT_START))
		return PHASE_STARTING;
	/* RULE D2, the reverse: EC2 says stopped, yet the node goes on reporting long after. */
	if (n->sync == SYNC_SYNCED && n->fresh && t->stopped_at &&
	    n->last_updated > t->stopped_at + j->picture->params.status_ms)
		return PHASE_UNKNOWN;
	return t->refused_until > j->in->now ? PHASE_FAILED : PHASE_STOPPED;
}

static enum node_phase phase_now(const struct join *j, const struct node *n, const struct node_track *t)
{
	if (!t->state_known)
		return PHASE_UNKNOWN;
	switch (t->state) {
	case INSTANCE_PENDING:
		return timed_out(j, t) && !intent_is(n, INTENT_START) ? PHASE_FAILED : PHASE_STARTING;
	case INSTANCE_RUNNING:
		return running_phase(j, n, t);
	case INSTANCE_STOPPING:
		return PHASE_STOPPING;
	case INSTANCE_STOPPED:
		return stopped_phase(j, n, t);
	case INSTANCE_SHUTTING_DOWN:
	case INSTANCE_TERMINATED:
		break;
	}
	return PHASE_UNKNOWN;
}

static void serving_since(struct join *j, struct node *n, struct node_track *t)
{
	bool first = !t->serving_at;
	bool adopted = t->phase == PHASE_UNKNOWN && !intent_is(n, INTENT_START);

	if (!first)
		return;
	t->serving_at = j->in->now;
	if (!adopted)
		join_event(j, EVENT_RUNNING, n,
			   intent_is(n, INTENT_START) || in_operation(n) ? n->intent->actor
									 : outside_actor(j),
			   "S4", "the node is synced and takes calls, %lld s after its start",
			   (long long)((t->serving_at - t->started_at) / MS_PER_SECOND));
}

static void enter_phase(struct join *j, struct node *n, struct node_track *t, enum node_phase want)
{
	enum node_phase next = phase_move(t->phase, want);

	if (next == PHASE_SERVING || next == PHASE_DRAINING)
		serving_since(j, n, t);
	if (next == t->phase)
		return;
	if (next == PHASE_UNKNOWN && t->state_known && !takes_instance(n) &&
	    (t->phase == PHASE_SERVING || t->phase == PHASE_DRAINING))
		join_event(j, EVENT_LOST, n, "outside", "D2",
			   "EC2 says %s, but Infinity has not heard from the node",
			   instance_state_text(t->state));
	t->phase = next;
	t->phase_since = j->in->now;
}

/* A drain was called off, and its capacity is not seen yet: it comes back within a status interval. */
static bool taken_back(const struct node *n)
{
	if (n->phase == PHASE_SERVING)
		return n->maintenance && !n->maintenance_configured;
	return n->phase == PHASE_DRAINING && draining(n) && n->intent->state == INTENT_CANCELLING;
}

static void fill_node(const struct join *j, struct node *n, const struct node_track *t)
{
	const struct burst_params *params = &j->picture->params;
	int64_t launch = n->instance && is_up(t->state) ? n->instance->launch_time : 0;

	n->phase = t->phase;
	n->phase_since = t->phase_since;
	n->started_at = launch > t->started_at ? launch : t->started_at; /* RULE E2: the later of both */
	n->running_at = t->running_at;
	n->serving_at = t->serving_at;
	n->idle_reads = t->idle_reads;
	n->idle_read[0] = t->idle_read[0];
	n->idle_read[1] = t->idle_read[1];
	n->resting = t->refused_until > j->in->now;
	n->failed_recently = t->failed_at && t->failed_at + params->failed_recently_ms > j->in->now;
	if (n->phase == PHASE_STARTING &&
	    in_operation(n)) /* it may be stopped again, or change its location */
		n->pending_hd = 0;
	else if (n->phase == PHASE_STARTING) /* RULE S4: what it will bring */
		n->pending_hd = t->last_max_hd > 0 ? t->last_max_hd : params->node_capacity_hd;
	else if (taken_back(n)) /* less what it never stopped serving */
		n->pending_hd = n->room_hd;
}

void join_carry(struct join *j, struct node *n, struct node_track *t, const struct infinity_node *status,
		const struct found_instance *f)
{
	if (f->instance)
		present(j, n, t, f);
	else
		absent(j, n, t, f);
	if (j->in->infinity)
		count_idle(j, n, t);
	enter_phase(j, n, t, f->ambiguous ? PHASE_UNKNOWN : phase_now(j, n, t));
	if (t->phase == PHASE_SERVING && !n->maintenance && status->max_hd > 0)
		t->last_max_hd = status->max_hd;
	fill_node(j, n, t);
}

/*
 * Act: the only code that changes anything outside. Each deed belongs to a recorded intent; the attempt is committed before
 * it is made, its outcome after. A deed whose answer was lost is not repeated before the world was asked (intent before effect).
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "reconcile/internal.h"

static int64_t now_of(const struct actor *a)
{
	return clock_now(a->r->clock);
}

static void retry_at(struct actor *a, int64_t at)
{
	if (at && (!a->next_at || at < a->next_at))
		a->next_at = at;
}

/* --- recording an outcome ---------------------------------------------------------------------------------------- */

static void track_apply(struct outcome *o, int64_t now)
{
	struct node_track *t = &o->track;

	switch (o->effect) {
	case TRACK_NONE:
		return;
	case TRACK_STARTED: /* RULE E2 and RULE D4: the clocks restart, older lists prove nothing */
		t->acted_at = t->started_at = now;
		t->running_at = t->serving_at = t->stopped_at = 0;
		t->idle_reads = 0;
		t->idle_read[0] = t->idle_read[1] = 0;
		t->state = INSTANCE_PENDING;
		t->state_known = true;
		return;
	case TRACK_STOPPED:
		t->acted_at = now;
		t->state = INSTANCE_STOPPING;
		t->state_known = true;
		return;
	case TRACK_REFUSED: /* RULE S6 */
		t->failed_at = now;
		t->refused_until = now + o->a->params.refused_rest_ms;
		snprintf(t->refused_code, sizeof(t->refused_code), "%s", o->code);
		return;
	}
}

static enum err outcome_tx(struct store *store, void *arg, struct error *e)
{
	struct outcome *o = arg;
	struct event event = intent_event(&o->after, o->event, o->after.entered_at, o->rule, o->reason);
	enum err err = store_intent_move(store, &o->after, o->before.state, o->before.attempts, e);

	if (!err && o->event != EVENT_TYPE_COUNT)
		err = store_event_add(store, &event, NULL, e);
	if (!err && o->has_track)
		err = store_track_put(store, &o->track, e);
	if (!err && o->also)
		err = o->also(store, o, e);
	return err;
}

static void complain(const struct outcome *o, const struct error *e)
{
	char id[24];

	snprintf(id, sizeof(id), "%lld", (long long)o->before.id);
	log_error("an outcome could not be recorded; the intent stays open and is looked at again",
		  "operation", id, "error", e->detail);
}

bool outcome_settle(struct outcome *o)
{
	struct actor *a = o->a;
	struct node_track *t;
	struct error e = {0};
	enum err err;

	pthread_mutex_lock(&a->r->lock);
	t = o->effect == TRACK_NONE ? NULL : track_find(&a->r->tracks, o->before.node);
	o->has_track = t != NULL;
	if (t) {
		o->track = *t;
		track_apply(o, o->after.entered_at);
	}
	err = store_tx(a->store, outcome_tx, o, &e);
	if (!err && t)
		*t = o->track;
	if (!err && o->effect == TRACK_REFUSED &&
	    o->before.kind == INTENT_START) { /* RULE S6: the next candidate is tried in the same tick */
		struct burst_tick *tick = tick_of(a->r, o->before.location);

		if (tick)
			tick->start_tick = 0;
	}
	pthread_mutex_unlock(&a->r->lock);
	if (err && err != ERR_CONFLICT)
		complain(o, &e);
	/* An attempt, or a later time for the next one, is no news to anybody: above all EC2 is not polled for it. */
	a->changed |= err || o->after.state != o->before.state || o->effect != TRACK_NONE;
	return !err;
}

struct outcome outcome_of(struct actor *a, const struct intent *i, enum intent_state to)
{
	struct outcome o = {.a = a, .before = *i, .after = *i, .event = EVENT_TYPE_COUNT};

	o.after.state = to;
	if (to != i->state) {
		o.after.attempts = 0;
		o.after.next_at = 0;
		o.after.entered_at = now_of(a);
		o.after.error[0] = '\0';
	}
	return o;
}

void outcome_say(struct outcome *o, enum event_type event, const char *rule, const char *format, ...)
{
	va_list args;

	o->event = event;
	snprintf(o->rule, sizeof(o->rule), "%s", rule);
	va_start(args, format);
	vsnprintf(o->reason, sizeof(o->reason), format, args);
	va_end(args);
}

bool act_attempt(struct actor *a, struct intent *i)
{
	struct outcome o = outcome_of(a, i, i->state);

	o.after.attempts++;
	o.after.next_at = now_of(a) + a->params.settle_ms;
	o.after.error[0] = '\0'; /* none of this try yet: it is on its way */
	if (!outcome_settle(&o))
		return false;
	*i = o.after;
	return true;
}

#define RETRY_BASE_MS    (1 * MS_PER_SECOND)
#define RETRY_CAP_MS     (60 * MS_PER_SECOND)
#define THROTTLE_BASE_MS (5 * MS_PER_SECOND)

int64_t act_wait_after(struct actor *a, const struct intent *i, const struct upstream_error *e)
{
	int64_t base = e->class == UPSTREAM_THROTTLED ? THROTTLE_BASE_MS : RETRY_BASE_MS;
	int64_t wait = backoff_ms(a->r, i->attempts, base, RETRY_CAP_MS);
	int64_t asked = (int64_t)((double)e->retry_after_ms / a->r->time_scale);

	return wait > asked ? wait : asked;
}

void act_look_later(struct actor *a, const struct intent *i, const struct upstream_error *e)
{
	struct outcome o = outcome_of(a, i, i->state);

	o.after.attempts++;
	o.after.next_at = now_of(a) + act_wait_after(a, i, e);
	snprintf(o.after.error, sizeof(o.after.error), "%s", e->message);
	outcome_settle(&o);
	retry_at(a, o.after.next_at);
}

void act_try_later(struct actor *a, const struct intent *i, const struct upstream_error *e, int64_t wait_ms)
{
	struct outcome o = outcome_of(a, i, i->state);

	o.after.next_at = now_of(a) + wait_ms;
	snprintf(o.after.error, sizeof(o.after.error), "%s", e->message);
	outcome_settle(&o);
	retry_at(a, o.after.next_at);
}

/* --- StartInstances ---------------------------------------------------------------------------------------------- */

static void start_accepted(struct actor *a, const struct intent *i, const char *how)
{
	struct outcome o = outcome_of(a, i, INTENT_BOOTING);

	outcome_say(&o, EVENT_START, i->rule, "%s%s", i->reason, how);
	o.effect = TRACK_STARTED;
	outcome_settle(&o);
}

static void start_refused(struct actor *a, const struct intent *i, const struct upstream_error *e)
{
	struct outcome o = outcome_of(a, i, INTENT_FAILED);

	outcome_say(&o, EVENT_FAIL, "S6", "the start was refused (%s): %s", e->code, e->message);
	snprintf(o.after.error, sizeof(o.after.error), "%s", o.reason);
	snprintf(o.code, sizeof(o.code), "%s", e->code);
	o.effect = TRACK_REFUSED;
	outcome_settle(&o);
}

/* Whether a start that the rules chose the node for could take another node of the location instead (RULE S6). */
static bool another_candidate(struct actor *a, const struct intent *i)
{
	bool chosen = !strcmp(i->actor, "controller") || !strncmp(i->actor, "hold:", 5);
	struct picture *p = reconciler_picture(a->r);
	bool found = false;

	for (size_t k = 0; chosen && k < p->n_evaluations; k++)
		found |= p->locations[p->evaluations[k].location].id == i->location &&
			 p->evaluations[k].figures.candidates > 0;
	picture_unref(p);
	return found;
}

static void start_failed(struct actor *a, const struct intent *i, const struct upstream_error *e)
{
	switch (e->class) {
	case UPSTREAM_NEXT: /* RULE S6 */
	case UPSTREAM_OPERATOR:
	case UPSTREAM_BUG:
		if (upstream_account_wide(e)) /* no candidate would do better */
			act_try_later(a, i, e, act_wait_after(a, i, e));
		else
			start_refused(a, i, e);
		return;
	case UPSTREAM_THROTTLED: /* nothing was started; each candidate is asked once, the last one again and again */
		if (another_candidate(a, i))
			start_refused(a, i, e);
		else
			act_try_later(a, i, e, act_wait_after(a, i, e));
		return;
	case UPSTREAM_OK:
	case UPSTREAM_RETRY:
	case UPSTREAM_WAIT:
		act_try_later(a, i, e, act_wait_after(a, i, e));
		return;
	}
}

/* The instance as EC2 shows it now; false when that cannot be told. *ret_state is INSTANCE_TERMINATED when it is gone. */
static bool look_at_instance(struct actor *a, const struct intent *i, enum instance_state *ret_state,
			     struct upstream_error *e)
{
	_cleanup_(ec2_report_freep) struct ec2_report *report = NULL;

	if (!a->ec2->describe_instance(a->ec2->self, i->instance, &report, e))
		return false;
	*ret_state = report->n_instances ? report->instances[0].state : INSTANCE_TERMINATED;
	return true;
}

/*
 * An earlier attempt may have reached EC2 although we never heard of it (lost answer, kill -9 between intent and
 * outcome): the instance tells. True = go on and send.
 */
static bool start_uncertain(struct actor *a, const struct intent *i)
{
	struct upstream_error e = {0};
	enum instance_state state;

	if (!look_at_instance(a, i, &state, &e)) {
		act_look_later(a, i, &e);
		return false;
	}
	if (state == INSTANCE_PENDING || state == INSTANCE_RUNNING) {
		start_accepted(a, i, " (the answer to the start was lost; the instance is up)");
		return false;
	}
	if (state == INSTANCE_STOPPING) {
		upstream_error_set(&e, UPSTREAM_WAIT, 0, "stopping", "", "",
				   "the instance is still stopping");
		act_try_later(a, i, &e, a->params.settle_ms);
		return false;
	}
	return true;
}

static void act_start(struct actor *a, struct intent *i)
{
	struct ec2_state_change change = {0};
	struct upstream_error e = {0};
	bool good;

	if (i->attempts > 0 && !start_uncertain(a, i))
		return;
	if (!act_attempt(a, i))
		return;
	if (i->via_infinity) /* RULE S9 */
		good = a->infinity->start_cloudnode(a->infinity->self, i->instance, &e);
	else
		good = a->ec2->start(a->ec2->self, i->instance, &change, &e);
	if (good)
		start_accepted(a, i, "");
	else
		start_failed(a, i, &e);
}

/* --- StopInstances ----------------------------------------------------------------------------------------------- */

static void stop_accepted(struct actor *a, const struct intent *i, const char *how)
{
	struct outcome o = outcome_of(a, i, INTENT_AWAITING_STOPPED);

	outcome_say(&o, EVENT_STOP, i->rule, "%s%s%s", i->reason, i->force ? " (forced)" : "", how);
	o.effect = TRACK_STOPPED;
	if (!outcome_settle(&o))
		return;
	pthread_mutex_lock(&a->r->lock);
	measure_stop(a->r, &o.after);
	pthread_mutex_unlock(&a->r->lock);
}

/*
 * Back to waiting: the engine decides anew, with every rule, after a pause. A try whose outcome nobody knows stays counted:
 * should its effect show after all, the stop was ours (RULE V3).
 */
static void stop_postponed(struct actor *a, const struct intent *i, int tried, const char *why)
{
	struct outcome o = outcome_of(a, i, INTENT_WAITING);

	o.after.attempts = tried;
	o.after.next_at = now_of(a) + a->params.settle_ms;
	snprintf(o.after.error, sizeof(o.after.error), "%s", why);
	outcome_settle(&o);
}

static void stop_given_up(struct actor *a, const struct intent *i, const struct upstream_error *e)
{
	struct outcome o = outcome_of(a, i, INTENT_MAINTENANCE_OFF);

	outcome_say(&o, EVENT_FAIL, "E5", "the stop was refused (%s): %s", e->code, e->message);
	snprintf(o.after.error, sizeof(o.after.error), "%s", o.reason);
	snprintf(o.code, sizeof(o.code), "%s", e->code);
	o.effect = TRACK_REFUSED;
	outcome_settle(&o);
}

static const struct infinity_node *find_node(const struct infinity_report *r, int64_t id)
{
	for (size_t i = 0; i < r->n_nodes; i++)
		if (r->nodes[i].id == id)
			return &r->nodes[i];
	return NULL;
}

/* Why the node may not be stopped on this report; NULL = it may (RULE E1, RULE D1, RULE S9). */
static const char *look_refuses(const struct actor *a, const struct infinity_report *r,
				const struct intent *i)
{
	const struct infinity_node *n = find_node(r, i->node);

	if (!n)
		return "the node is not in Infinity's configuration";
	return reconcile_drained(r, n, i->maintenance_at + a->params.replication_wait_ms);
}

const char *reconcile_drained(const struct infinity_report *r, const struct infinity_node *n,
			      int64_t replicated_at)
{
	if (!r->whole)
		return "the last look at Infinity was not whole";
	if (r->bursting_enabled)
		return "Infinity's own bursting is on: burstd stops nothing";
	if (!n->maintenance)
		return "the node is no longer in maintenance mode";
	if (n->conferences || n->participants || n->tokens_used || n->signaling)
		return "a conference was placed on the node at the last moment";
	if (n->last_updated < replicated_at)
		return "the node's status has not moved since maintenance mode reached it";
	return NULL;
}

/* RULE E1, once more: a fresh read right before StopInstances. What it shows is kept for the next decision. */
static bool last_look(struct actor *a, const struct intent *i)
{
	_cleanup_(infinity_report_freep) struct infinity_report *report = NULL;
	struct upstream_error e = {0};
	const char *why;

	if (!a->infinity->observe(a->infinity->self, true, &report, &e)) {
		stop_postponed(a, i, 0, e.message);
		return false;
	}
	why = look_refuses(a, report, i);
	if (!why)
		return true;
	stop_postponed(a, i, 0, why);
	pthread_mutex_lock(&a->r->lock);
	if (report->whole && (!a->r->infinity || report->observed_at > a->r->infinity->observed_at))
		infinity_keep(a->r, take_ptr(report));
	pthread_mutex_unlock(&a->r->lock);
	return false;
}

/* True = EC2 does not show the effect of an earlier attempt: the engine must decide anew (or force sends again). */
static bool stop_uncertain(struct actor *a, const struct intent *i)
{
	struct upstream_error e = {0};
	enum instance_state state;

	if (!look_at_instance(a, i, &state, &e)) {
		act_look_later(a, i, &e);
		return false;
	}
	if (state != INSTANCE_PENDING && state != INSTANCE_RUNNING) {
		stop_accepted(a, i, " (the answer to the stop was lost; the instance is going down)");
		return false;
	}
	if (i->force)
		return true;
	stop_postponed(a, i, i->attempts, "an earlier try to stop the instance shows no effect");
	return false;
}

static void stop_failed(struct actor *a, const struct intent *i, const struct upstream_error *e)
{
	switch (e->class) {
	case UPSTREAM_RETRY: /* it may have worked: look first, later */
		act_try_later(a, i, e, a->params.settle_ms);
		return;
	case UPSTREAM_OK:
	case UPSTREAM_THROTTLED:
	case UPSTREAM_WAIT:
		if (i->force)
			act_try_later(a, i, e, act_wait_after(a, i, e));
		else
			stop_postponed(a, i, 0, e->message);
		return;
	case UPSTREAM_NEXT:
	case UPSTREAM_OPERATOR:
	case UPSTREAM_BUG:
		if (upstream_account_wide(e))
			stop_postponed(a, i, 0, e->message);
		else
			stop_given_up(a, i, e);
		return;
	}
}

/* RULE S9: not even a forced stop while Infinity's own bursting is on, or before Infinity was heard since our start. */
static bool stop_forbidden(struct actor *a)
{
	struct picture *p = reconciler_picture(a->r);
	bool forbidden = p->infinity_bursting || !p->infinity_at;

	picture_unref(p);
	return forbidden;
}

static void act_stop(struct actor *a, struct intent *i)
{
	struct ec2_state_change change = {0};
	struct upstream_error e = {0};

	if (i->attempts > 0 && !stop_uncertain(a, i))
		return;
	if (stop_forbidden(a)) {
		upstream_error_set(
			&e, UPSTREAM_WAIT, 0, "two_controllers", "two_controllers", "",
			"Infinity's own bursting is on, or was not read yet: burstd stops nothing");
		stop_failed(a, i, &e);
		return;
	}
	if (!i->force && !last_look(a, i)) /* RULE E7: force alone skips it */
		return;
	if (!act_attempt(a, i))
		return;
	if (a->ec2->stop(a->ec2->self, i->instance, &change, &e))
		stop_accepted(a, i, "");
	else
		stop_failed(a, i, &e);
}

/* --- maintenance mode -------------------------------------------------------------------------------------------- */

static void maintenance_done(struct actor *a, const struct intent *i)
{
	struct outcome o;

	switch (i->state) {
	case INTENT_MAINTENANCE_ON:
		o = outcome_of(a, i, INTENT_WAITING);
		o.after.maintenance_at = o.after.entered_at;
		outcome_say(&o, EVENT_DRAIN, i->rule, "%s", i->reason);
		break;
	case INTENT_MAINTENANCE_OFF:
		o = outcome_of(a, i, INTENT_DONE);
		snprintf(o.after.error, sizeof(o.after.error), "%s", i->error);
		break;
	case INTENT_CANCELLING:
		o = outcome_of(a, i, INTENT_CANCELLED);
		break;
	default:
		o = outcome_of(a, i, INTENT_DONE);
		outcome_say(&o, EVENT_MAINTENANCE, i->rule, "%s: %s", i->reason,
			    i->maintenance ? "on" : "off");
	}
	outcome_settle(&o);
}

static void maintenance_failed(struct actor *a, const struct intent *i, const struct upstream_error *e)
{
	struct outcome o;

	if (e->http_status != 404) {
		act_try_later(a, i, e, act_wait_after(a, i, e));
		return;
	}
	o = outcome_of(a, i, INTENT_ABANDONED);
	outcome_say(&o, EVENT_CANCEL, "D3", "the node is no longer configured in Infinity");
	outcome_settle(&o);
}

/*
 * Maintenance mode with somebody else's reason is theirs: it is neither set again nor cleared, whether it was there before our
 * stop (which remembers it in `maintenance`) or came during it.
 */
static bool foreign_maintenance(struct actor *a, struct intent *i)
{
	struct picture *p;
	const struct node *n;
	bool theirs;

	if (i->kind != INTENT_STOP)
		return false;
	p = reconciler_picture(a->r);
	n = picture_node(p, i->node);
	theirs = n && n->maintenance_configured && !n->ours;
	picture_unref(p);
	if (i->state == INTENT_MAINTENANCE_ON)
		i->maintenance = theirs;
	return theirs || i->maintenance;
}

/* A forced stop never set maintenance mode; nothing of ours is there to clear. */
static bool nothing_to_clear(const struct intent *i)
{
	return i->state == INTENT_MAINTENANCE_OFF && i->force && !i->maintenance_at;
}

static void act_maintenance(struct actor *a, struct intent *i)
{
	bool on = i->kind == INTENT_MAINTENANCE ? i->maintenance : i->state == INTENT_MAINTENANCE_ON;
	char reason[LIMIT_REASON_BYTES + 1];
	struct upstream_error e = {0};

	if (foreign_maintenance(a, i) || nothing_to_clear(i)) {
		maintenance_done(a, i);
		return;
	}
	if (!act_attempt(a, i))
		return;
	snprintf(reason, sizeof(reason), "%s%.60s: %.160s", MAINTENANCE_REASON_PREFIX, i->actor, i->reason);
	if (!a->infinity->set_maintenance(a->infinity->self, i->node, on, on ? reason : "", &e)) {
		maintenance_failed(a, i, &e);
		return;
	}
	reconciler_maintenance_set(a->r, i->node, on);
	maintenance_done(a, i);
}

/* --- the steps --------------------------------------------------------------------------------------------------- */

static void act_one(struct actor *a, struct intent *i)
{
	if (intent_of_location(i->kind))
		act_location(a, i);
	else if (i->state == INTENT_STARTING)
		act_start(a, i);
	else if (i->state == INTENT_STOPPING)
		act_stop(a, i);
	else
		act_maintenance(a, i);
}

static bool act_due(struct actor *a, enum intent_actor deed, const char *region)
{
	_cleanup_(freep) struct intent *intents = NULL;
	struct error e = {0};
	size_t n = 0;

	if (store_intents_open(a->store, &intents, &n, &e)) {
		log_error("the open intents cannot be read", "error", e.detail);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (intent_deed(intents[i].state) != deed || (region && strcmp(intents[i].region, region)))
			continue;
		if (intents[i].next_at > now_of(a))
			retry_at(a, intents[i].next_at);
		else
			act_one(a, &intents[i]);
	}
	return a->changed;
}

/* After a restart: before Infinity is read nobody knows whose maintenance mode a node is in. */
static bool infinity_heard(struct reconciler *r)
{
	struct picture *p = reconciler_picture(r);
	bool heard = p->infinity_at != 0;

	picture_unref(p);
	return heard;
}

bool reconcile_act_infinity(struct reconciler *r, struct store *store, const struct infinity_port *infinity,
			    int64_t *ret_next_at)
{
	struct actor a = {.r = r, .store = store, .infinity = infinity, .params = reconciler_params(r)};
	bool changed = false;

	if (infinity_heard(r))
		changed = act_due(&a, ACTOR_INFINITY, NULL);
	else
		a.next_at = now_of(&a) + backoff_ms(r, 0, RETRY_BASE_MS, RETRY_BASE_MS);
	*ret_next_at = a.next_at;
	return changed;
}

bool reconcile_act_ec2(struct reconciler *r, size_t region, struct store *store, const struct ec2_port *ec2,
		       const struct infinity_port *infinity, int64_t *ret_next_at)
{
	struct actor a = {
		.r = r, .store = store, .ec2 = ec2, .infinity = infinity, .params = reconciler_params(r)};
	bool changed = act_due(&a, ACTOR_EC2, r->regions[region].name);

	*ret_next_at = a.next_at;
	return changed;
}

/* Stopping, RULES E1-E7: new drains of idle nodes, and what becomes of the drains under way. */
#include "bursting/internal.h"

/* RULE E4 */
static bool data_good(const struct pass *pass, const struct node *n)
{
	return pass->p->infinity_fresh && n->instance_fresh; /* RULE D1 */
}

#define IDLE_READS 2 /* RULE E1: two consecutive fresh reads */

/*
 * RULE E3: with this node gone, S2 or S3 would fire. `counted` tells whether the figures still count it: what it has free, and
 * what it is still to bring when it was just taken back.
 */
static bool needed(const struct burst_scratch *s, const struct node *n, bool counted)
{
	const struct decision_figures *f = &s->figures;
	int serving = f->serving - (counted ? 1 : 0);
	int free_hd = f->free_hd - (counted ? n->free_hd + n->pending_hd : 0);

	return rule_s2(s, serving, f->starting) || rule_s3(s, serving, f->starting, free_hd);
}

/* RULE E3, second half: a hold covers it. */
static bool held(const struct pass *pass, const struct burst_scratch *s, const struct node *n, bool counted)
{
	int64_t hold;

	return n->wish_power == WISH_POWER_ON || node_held(pass->p, n, &hold) ||
	       (s->hold_count && scratch_up(s) - (counted ? 1 : 0) < s->hold_count);
}

/* --- new drains ------------------------------------------------------------------------------------------------ */

/* The first rule that forbids draining the node, or REASON_IDLE_UNNEEDED. */
static enum decision_reason judge_idle(struct pass *pass, const struct burst_scratch *s, const struct node *n)
{
	int64_t lifetime_ends = n->started_at + pass->p->params.lifetime_ms;

	if (!data_good(pass, n)) /* RULE E4 */
		return REASON_STALE;
	if (!n->idle || n->idle_reads < IDLE_READS) /* RULE E1 */
		return REASON_BUSY;
	if (!n->started_at || pass->now < lifetime_ends) { /* RULE E2 */
		pass_next_at(pass, lifetime_ends);
		return REASON_LIFETIME;
	}
	if (held(pass, s, n, true)) /* RULE E3 */
		return REASON_HELD;
	if (needed(s, n, true)) /* RULE E3 */
		return REASON_NEEDED;
	return REASON_IDLE_UNNEEDED;
}

static bool drain_candidate(const struct node *n)
{
	/* RULE D2: unknown nodes are never stopped; someone else's maintenance mode is someone else's work. */
	return n->bursting && n->phase == PHASE_SERVING && !n->intent && !n->maintenance_configured &&
	       !n->resting && n->role == ROLE_TRANSCODING;
}

/* RULE E6: the one started last goes first. */
static int32_t choose_idle(struct pass *pass, const struct location *l, const struct burst_scratch *s)
{
	const struct node *nodes = pass->p->nodes;
	int32_t best = -1;

	for (int32_t i = l->first_node; i < l->first_node + l->n_nodes; i++) {
		enum decision_reason reason;

		if (nodes[i].bursting && nodes[i].phase == PHASE_UNKNOWN)
			pass_refuse(pass, i, REASON_CONTRADICTION);
		if (!drain_candidate(&nodes[i]))
			continue;
		reason = judge_idle(pass, s, &nodes[i]);
		if (reason != REASON_IDLE_UNNEEDED) {
			pass_refuse(pass, i, reason);
			continue;
		}
		if (best >= 0 && nodes[best].started_at >= nodes[i].started_at) {
			pass_refuse(pass, i, REASON_ONE_PER_TICK);
			continue;
		}
		if (best >= 0)
			pass_refuse(pass, best, REASON_ONE_PER_TICK);
		best = i;
	}
	return best;
}

void decide_idle(struct pass *pass, int32_t location)
{
	struct burst_scratch *s = &pass->plan->scratch[location];
	int32_t node = choose_idle(pass, &pass->p->locations[location], s);

	if (node < 0 || s->drained || s->started || !pass_controls(pass))
		return;
	pass_decide(pass, DECIDE_DRAIN, REASON_IDLE_UNNEEDED, location, node);
	s->drained = true; /* RULE E6: one per location and tick */
}

/* --- drains under way ------------------------------------------------------------------------------------------ */

/* Why an automatic drain should be called off; REASON_DRAINED = it should not. */
static enum decision_reason call_off(const struct pass *pass, const struct burst_scratch *s,
				     const struct node *n)
{
	if (pass->p->infinity_bursting) /* RULE S9 */
		return REASON_TWO_CONTROLLERS;
	if (!pass_controls(pass))
		return REASON_DISABLED;
	if (held(pass, s, n, false))
		return REASON_HOLD;
	if (s->figures_young &&
	    needed(s, n, false)) /* RULE E5: demand returned before StopInstances was sent */
		return REASON_DEMAND_RETURNED;
	return REASON_DRAINED;
}

/* Someone cleared our maintenance mode: on a read from well after Infinity acknowledged it, it is off (RULE D3). */
static bool cleared_outside(const struct pass *pass, const struct node *n)
{
	return n->intent->state == INTENT_WAITING && n->intent->maintenance_at &&
	       !n->maintenance_configured &&
	       pass->p->infinity_at > n->intent->maintenance_at + pass->p->params.settle_ms;
}

/* RULE E5: maintenance mode has reached the node, and since then it was idle in two consecutive fresh reads (RULE E1). */
static enum decision_reason judge_drained(struct pass *pass, const struct node *n)
{
	int64_t replicated = n->intent->maintenance_at + pass->p->params.replication_wait_ms;

	if (n->intent->state != INTENT_WAITING || !n->maintenance_configured || pass->now < replicated) {
		if (n->intent->maintenance_at)
			pass_next_at(pass, replicated);
		return REASON_REPLICATING;
	}
	if (pass->now < n->intent->next_at) {
		pass_next_at(pass, n->intent->next_at);
		return REASON_BACKOFF;
	}
	if (!data_good(pass, n)) /* RULE E4 */
		return REASON_STALE;
	if (pass->p->infinity_bursting) /* RULE S9: observe, stop nothing */
		return REASON_TWO_CONTROLLERS;
	if (!n->idle || n->idle_reads < IDLE_READS || n->idle_read[IDLE_READS - 1] < replicated)
		return REASON_DRAIN_BUSY;
	return REASON_DRAINED;
}

static void decide_drain(struct pass *pass, int32_t location, int32_t i)
{
	struct burst_scratch *s = &pass->plan->scratch[location];
	const struct node *n = &pass->p->nodes[i];
	enum decision_reason reason = cleared_outside(pass, n) ? REASON_OUTSIDE_CANCEL : REASON_DRAINED;

	if (reason == REASON_DRAINED &&
	    node_drain_automatic(n)) /* RULE E7: an operator's stop waits without limit */
		reason = call_off(pass, s, n);
	if (reason != REASON_DRAINED) {
		pass_decide(pass, DECIDE_CANCEL, reason, location, i);
		pass_coming(pass, i);
		return;
	}
	reason = judge_drained(pass, n);
	if (reason == REASON_DRAINED)
		pass_decide(pass, DECIDE_STOP, REASON_DRAINED, location, i);
	else
		pass_refuse(pass, i, reason);
}

void decide_drains(struct pass *pass, int32_t location)
{
	const struct location *l = &pass->p->locations[location];

	for (int32_t i = l->first_node; i < l->first_node + l->n_nodes; i++) {
		const struct node *n = &pass->p->nodes[i];

		if (n->phase == PHASE_DRAINING && n->intent->kind == INTENT_STOP && !n->intent->force &&
		    (n->intent->state == INTENT_MAINTENANCE_ON || n->intent->state == INTENT_WAITING) &&
		    !pass_decided(pass, i)) /* a hold or a wish called it off, or a start took it back */
			decide_drain(pass, location, i);
	}
}

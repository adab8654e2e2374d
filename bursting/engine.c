#include "bursting/engine.h"

#include <stdlib.h>
#include <string.h>

#include "bursting/internal.h"
#include "fleet/lifecycle.h"

/* --- the plan's memory ----------------------------------------------------------------------------------------- */

static bool reserve(void **rows, size_t *cap, size_t want, size_t size)
{
	size_t grown = *cap ? *cap : 16;
	void *bigger;

	if (want <= *cap)
		return true;
	while (grown < want)
		grown *= 2;
	bigger = realloc(*rows, grown * size);
	if (!bigger)
		return false;
	*rows = bigger;
	*cap = grown;
	return true;
}

#define RESERVE(plan, name, want)                                                                            \
	({                                                                                                   \
		void *rows_ = (plan)->name;                                                                  \
		bool ok_ = reserve(&rows_, &(plan)->cap_##name, (want), sizeof(*(plan)->name));              \
		(plan)->name = rows_;                                                                        \
		ok_;                                                                                         \
	})

void burst_plan_free(struct burst_plan *plan)
{
	free(plan->decisions);
	free(plan->evaluations);
	free(plan->refusals);
	free(plan->scratch);
	*plan = (struct burst_plan){0};
}

/* Every node can be decided on at most twice in a pass, and refused once; so no push below can fail. */
static bool plan_prepare(struct burst_plan *plan, const struct picture *p)
{
	plan->n_decisions = plan->n_evaluations = plan->n_refusals = 0;
	plan->next_at = 0;
	plan->failed = !RESERVE(plan, decisions, 3 * p->n_nodes + 1) ||
		       !RESERVE(plan, evaluations, p->n_locations + 1) ||
		       !RESERVE(plan, refusals, 2 * p->n_nodes + 1) ||
		       !RESERVE(plan, scratch, p->n_locations + 1);
	return !plan->failed;
}

struct decision *pass_decide(struct pass *pass, enum decision_action action, enum decision_reason reason,
			     int32_t location, int32_t node)
{
	struct decision *d = &pass->plan->decisions[pass->plan->n_decisions++];
	const struct node *n = node >= 0 ? &pass->p->nodes[node] : NULL;

	*d = (struct decision){.action = action, .reason = reason, .location = location, .node = node};
	if (location >= 0)
		d->figures = pass->plan->scratch[location].figures;
	else
		d->figures.principal = -1;
	d->figures.up_ms = n && n->started_at ? pass->now - n->started_at : -1;
	d->figures.lifetime_ms = pass->p->params.lifetime_ms;
	return d;
}

bool pass_decided(const struct pass *pass, int32_t node)
{
	for (size_t d = 0; d < pass->plan->n_decisions; d++)
		if (pass->plan->decisions[d].node == node)
			return true;
	return false;
}

void pass_coming(struct pass *pass, int32_t node)
{
	const struct node *n = &pass->p->nodes[node];
	struct decision_figures *f = n->location >= 0 ? &pass->plan->scratch[n->location].figures : NULL;

	if (!f)
		return;
	f->pending_hd += n->max_hd > 0 ? n->max_hd : pass->p->params.node_capacity_hd;
	f->starting++;
	f->draining -= n->phase == PHASE_DRAINING;
}

void pass_refuse(struct pass *pass, int32_t node, enum decision_reason reason)
{
	pass->plan->refusals[pass->plan->n_refusals++] = (struct refusal){node, reason};
}

void pass_next_at(struct pass *pass, int64_t at)
{
	if (at > pass->now && (!pass->plan->next_at || at < pass->plan->next_at))
		pass->plan->next_at = at;
}

/* --- figures --------------------------------------------------------------------------------------------------- */

static int compare_tick(const void *key, const void *row)
{
	int64_t location = *(const int64_t *)key, other = ((const struct burst_tick *)row)->location;

	return (location > other) - (location < other);
}

static void scratch_start(const struct pass *pass, const struct burst_input *in, const struct location *l,
			  struct burst_scratch *s)
{
	const struct picture *p = pass->p;
	const struct burst_tick *tick =
		in->n_ticks ? bsearch(&l->id, in->ticks, in->n_ticks, sizeof(*in->ticks), compare_tick)
			    : NULL;

	*s = (struct burst_scratch){
		.figures = {.free_hd = l->free_hd,
			    .threshold = l->threshold,
			    .principal = -1,
			    .age_ms = pass->now - l->figures_at,
			    .up_ms = -1,
			    .lifetime_ms = p->params.lifetime_ms},
		.figures_young = pass->now - l->figures_at <= p->params.figures_ms, /* RULE D1 */
		.started = tick && tick->start_tick == p->tick,
		.drained = tick && tick->drain_tick == p->tick,
	};
}

bool node_drain_automatic(const struct node *n)
{
	return n->intent && n->intent->kind == INTENT_STOP && !strcmp(n->intent->actor, "controller");
}

bool node_drain_cancellable(const struct node *n)
{
	return node_drain_automatic(n) &&
	       (n->intent->state == INTENT_MAINTENANCE_ON || n->intent->state == INTENT_WAITING);
}

/* Without an instance there is nothing to start: after a restart nodes are known before EC2 was heard. */
bool node_startable(const struct node *n)
{
	return n->bursting && n->instance && n->role == ROLE_TRANSCODING && n->phase == PHASE_STOPPED &&
	       !n->intent && !n->resting && !n->maintenance_configured && n->wish_power != WISH_POWER_OFF &&
	       n->wish_maintenance != WISH_TRUE;
}

/* On its way up for bursting: what a life-cycle operation starts is the operation's until that ends, and brings nothing yet. */
static bool node_coming(const struct node *n)
{
	return (n->phase == PHASE_STARTING && !(n->intent && intent_has_steps(n->intent->kind))) ||
	       (n->phase == PHASE_DRAINING && n->pending_hd);
}

static void scratch_add_node(struct burst_scratch *s, const struct node *n)
{
	struct decision_figures *f = &s->figures;

	if (!n->bursting || n->role != ROLE_TRANSCODING)
		return;
	f->pending_hd += n->pending_hd;
	f->candidates += node_startable(n);
	if (node_coming(n))
		f->starting++;
	else if (n->phase == PHASE_DRAINING)
		f->draining++;
	else if (n->phase == PHASE_SERVING && !n->maintenance_configured)
		f->serving++;
	if ((n->phase == PHASE_SERVING || n->phase == PHASE_DRAINING) && !n->idle)
		s->in_use = true;
}

/* RULE S1: P is short when free_hd(P) <= T(P); equality counts. */
static bool rule_s1(const struct location *principal)
{
	return principal->free_hd <= principal->threshold;
}

static void scratch_add_principal(struct burst_scratch *s, const struct location *l, int32_t index)
{
	int margin = l->free_hd - l->threshold;

	if (rule_s1(l))
		s->short_principal = true;
	if (s->figures.principal < 0 ||
	    margin < s->figures.principal_free_hd - s->figures.principal_threshold) {
		s->figures.principal = index;
		s->figures.principal_free_hd = l->free_hd;
		s->figures.principal_threshold = l->threshold;
	}
}

static void work_out_figures(struct pass *pass, const struct burst_input *in)
{
	const struct picture *p = pass->p;
	struct burst_scratch *scratch = pass->plan->scratch;

	for (size_t i = 0; i < p->n_locations; i++) {
		const struct location *l = &p->locations[i];

		scratch_start(pass, in, l, &scratch[i]);
		for (int32_t n = l->first_node; n < l->first_node + l->n_nodes; n++)
			scratch_add_node(&scratch[i], &p->nodes[n]);
	}
	/* RULE S5: only the primary link (overflow1) makes a principal; a secondary one is never a reason to start. */
	for (size_t i = 0; i < p->n_locations; i++)
		if (p->locations[i].principal)
			scratch_add_principal(&scratch[p->locations[i].overflow1], &p->locations[i],
					      (int32_t)i);
}

/* --- starting (S1-S6) ------------------------------------------------------------------------------------------ */

bool pass_controls(const struct pass *pass)
{
	const struct picture *p = pass->p;

	/* RULE S9: with Infinity's own bursting on, load is Infinity's business. */
	return p->settings.enabled && p->settings.mode == MODE_CONTROL && !p->infinity_bursting;
}

int scratch_up(const struct burst_scratch *s)
{
	return s->figures.serving + s->figures.starting;
}

bool rule_s2(const struct burst_scratch *s, int serving, int starting)
{
	return s->short_principal && serving + starting == 0;
}

/* RULE S3 asks for more only where somebody has the location as primary overflow location (RULE S5), and uses it or is short. */
static bool asked_for_more(const struct burst_scratch *s)
{
	return s->figures.principal >= 0 && (s->in_use || s->short_principal);
}

bool rule_s3(const struct burst_scratch *s, int serving, int starting, int free_hd)
{
	return serving + starting > 0 && free_hd + s->figures.pending_hd <= s->figures.threshold &&
	       asked_for_more(s);
}

static int32_t choose_draining(const struct pass *pass, const struct location *l)
{
	int32_t best = -1;

	for (int32_t i = l->first_node; i < l->first_node + l->n_nodes; i++) {
		const struct node *n = &pass->p->nodes[i];

		if (n->phase == PHASE_DRAINING && node_drain_cancellable(n) && !pass_decided(pass, i) &&
		    (best < 0 || n->intent->created_at > pass->p->nodes[best].intent->created_at))
			best = i;
	}
	return best;
}

int32_t choose_node(const struct pass *pass, const struct location *l)
{
	int32_t taken_back = choose_draining(pass, l);
	int32_t failed = -1;

	if (taken_back >= 0)
		return taken_back;
	for (int32_t i = l->first_node; i < l->first_node + l->n_nodes;
	     i++) { /* sorted: operator's order, then name */
		const struct node *n = &pass->p->nodes[i];

		if (!node_startable(n) || pass_decided(pass, i))
			continue;
		if (!n->failed_recently)
			return i;
		if (failed < 0)
			failed = i;
	}
	return failed;
}

void pass_start(struct pass *pass, int32_t location, int32_t node, enum decision_reason reason, int64_t hold)
{
	bool draining = pass->p->nodes[node].phase == PHASE_DRAINING;
	struct decision *d =
		pass_decide(pass, draining ? DECIDE_TAKE_BACK : DECIDE_START, reason, location, node);

	d->hold = hold;
	if (draining)
		pass_coming(pass, node);
	pass->plan->scratch[location].started = true; /* RULE S4 */
}

/* Why a start is wanted, or why none is. */
static enum decision_reason start_reason(const struct burst_scratch *s)
{
	const struct decision_figures *f = &s->figures;

	if (rule_s2(s, f->serving, f->starting)) /* RULE S2 */
		return REASON_PRINCIPAL_SHORT;
	if (rule_s3(s, f->serving, f->starting, f->free_hd)) /* RULE S3 */
		return REASON_OVERFLOW_SHORT;
	if (f->serving + f->starting > 0 && f->free_hd + f->pending_hd <= f->threshold)
		return REASON_OVERFLOW_SHORT_UNUSED;
	return s->short_principal && f->starting ? REASON_PENDING_SUFFICES : REASON_QUIET;
}

static bool wants_start(enum decision_reason reason)
{
	return reason == REASON_PRINCIPAL_SHORT || reason == REASON_OVERFLOW_SHORT;
}

static struct evaluation evaluate(const struct pass *pass, int32_t location)
{
	const struct burst_scratch *s = &pass->plan->scratch[location];
	const struct decision_figures *f = &s->figures;
	bool overflow_counts = f->serving + f->starting > 0 && asked_for_more(s);
	struct evaluation ev = {.location = location, .action = DECIDE_NOTHING, .figures = *f};

	ev.reason = start_reason(s);
	if (overflow_counts)
		ev.distance_hd = f->free_hd + f->pending_hd - f->threshold;
	else
		ev.distance_hd = f->principal >= 0 ? f->principal_free_hd - f->principal_threshold : 0;
	ev.first_refusal = (int32_t)pass->plan->n_refusals;
	return ev;
}

static void decide_start(struct pass *pass, struct evaluation *ev)
{
	struct burst_scratch *s = &pass->plan->scratch[ev->location];
	enum decision_reason why = ev->reason;
	int32_t node;

	if (!wants_start(why))
		return;
	if (!s->figures_young) { /* RULE D1 */
		ev->reason = REASON_STALE;
		return;
	}
	if (s->started) { /* RULE S4 */
		ev->reason = REASON_ALREADY_STARTED;
		return;
	}
	node = choose_node(pass, &pass->p->locations[ev->location]); /* RULE S6 */
	if (node < 0) {
		ev->reason = REASON_NO_CANDIDATE;
		return;
	}
	if (pass->p->nodes[node].phase == PHASE_DRAINING)
		why = REASON_TAKEN_BACK;
	ev->action = why == REASON_TAKEN_BACK ? DECIDE_TAKE_BACK : DECIDE_START;
	ev->reason = why;
	if (pass_controls(pass))
		pass_start(pass, ev->location, node, why, 0);
	else
		ev->reason = pass->p->infinity_bursting ? REASON_TWO_CONTROLLERS : why;
}

static void decide_location(struct pass *pass, int32_t location)
{
	struct evaluation ev = evaluate(pass, location);
	size_t first = pass->plan->n_decisions;

	if (!pass->p->settings.enabled)
		ev.reason = REASON_DISABLED;
	else
		decide_start(pass, &ev);
	decide_drains(pass, location);
	decide_idle(pass, location);
	if (ev.action == DECIDE_NOTHING && pass->plan->n_decisions > first) {
		ev.action = pass->plan->decisions[first].action;
		ev.reason = pass->plan->decisions[first].reason;
	}
	ev.n_refusals = (int32_t)pass->plan->n_refusals - ev.first_refusal;
	ev.next_at = pass->plan->next_at;
	pass->plan->evaluations[pass->plan->n_evaluations++] = ev;
}

void burst_decide(const struct burst_input *in, struct burst_plan *plan)
{
	struct pass pass = {.p = in->picture, .now = in->now, .plan = plan};

	if (!plan_prepare(plan, in->picture))
		return;
	work_out_figures(&pass, in);
	decide_wishes(&pass);
	decide_holds(&pass);
	for (size_t i = 0; i < in->picture->n_locations; i++)
		if (in->picture->locations[i].kind == LOCATION_OVERFLOW)
			decide_location(&pass, (int32_t)i);
}

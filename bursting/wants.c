/* What operators and schedules want, whatever the load: wishes (RULES S7 and E7) and holds (RULE S8). */
#include "bursting/internal.h"

static bool is_up(const struct node *n)
{
	return n->phase == PHASE_SERVING || n->phase == PHASE_STARTING;
}

static void wish_power(struct pass *pass, int32_t i)
{
	const struct node *n = &pass->p->nodes[i];

	if (!n->bursting)
		return;
	if (n->wish_power == WISH_POWER_ON && node_startable(n) &&
	    n->location >= 0) /* RULE S7: no limit a tick */
		pass_start(pass, n->location, i, REASON_WISH_ON, 0);
	if (n->wish_power == WISH_POWER_ON && node_drain_cancellable(n)) {
		pass_decide(pass, DECIDE_CANCEL, REASON_WISH_ON, n->location, i);
		pass_coming(pass, i);
	}
	/* RULE E7: an operator's stop is no other stop; RULE S9: none at all while Infinity controls. */
	if (n->wish_power == WISH_POWER_OFF && n->instance && is_up(n) && pass->p->infinity_fresh &&
	    !n->intent && !pass->p->infinity_bursting)
		pass_decide(pass, DECIDE_DRAIN, REASON_WISH_OFF, n->location, i);
}

static void wish_maintenance(struct pass *pass, int32_t i)
{
	const struct node *n = &pass->p->nodes[i];

	if (n->wish_maintenance == WISH_NONE || n->intent ||
	    n->maintenance_configured == (n->wish_maintenance == WISH_TRUE))
		return;
	pass_decide(pass, n->wish_maintenance == WISH_TRUE ? DECIDE_MAINTENANCE_ON : DECIDE_MAINTENANCE_OFF,
		    REASON_WISH_MAINTENANCE, n->location, i);
}

void decide_wishes(struct pass *pass)
{
	for (size_t i = 0; i < pass->p->n_nodes; i++) {
		const struct node *n = &pass->p->nodes[i];

		if (n->wish_power != WISH_POWER_NONE)
			wish_power(pass, (int32_t)i);
		if (n->wish_maintenance != WISH_NONE && n->wish_power == WISH_POWER_NONE)
			wish_maintenance(pass, (int32_t)i);
	}
}

bool node_held(const struct picture *p, const struct node *n, int64_t *ret_hold)
{
	for (size_t h = 0; h < p->n_holds; h++)
		for (size_t k = 0; k < p->holds[h].n_nodes; k++)
			if (p->holds[h].nodes[k] == n->id) {
				*ret_hold = p->holds[h].id;
				return true;
			}
	return false;
}

static void hold_node(struct pass *pass, int64_t hold, int64_t id)
{
	const struct node *n = picture_node(pass->p, id);
	int32_t i = n ? (int32_t)(n - pass->p->nodes) : -1;

	if (!n || n->location < 0 || pass_decided(pass, i)) /* another hold on it, or a wish, was first */
		return;
	if (node_drain_cancellable(n)) {
		pass_decide(pass, DECIDE_CANCEL, REASON_HOLD, n->location, i)->hold = hold;
		pass_coming(pass, i);
		return;
	}
	/* RULE S4 holds for holds too: one start per location and tick. */
	if (node_startable(n) && !pass->plan->scratch[n->location].started)
		pass_start(pass, n->location, i, REASON_HOLD, hold);
}

/* RULE S8 "n nodes of O": several holds on one location do not add up, the largest counts. */
static void hold_count(struct pass *pass, const struct hold *h)
{
	const struct location *l = picture_location(pass->p, h->location);
	struct burst_scratch *s = l ? &pass->plan->scratch[l - pass->p->locations] : NULL;

	if (s && h->count > s->hold_count) {
		s->hold_count = h->count;
		s->hold = h->id;
	}
}

static void hold_location(struct pass *pass, int32_t location)
{
	const struct burst_scratch *s = &pass->plan->scratch[location];
	int32_t node;

	if (s->started || scratch_up(s) >= s->hold_count)
		return;
	node = choose_node(pass, &pass->p->locations[location]);
	if (node >= 0)
		pass_start(pass, location, node, REASON_HOLD, s->hold);
}

void decide_holds(struct pass *pass)
{
	const struct picture *p = pass->p;

	for (size_t h = 0; h < p->n_holds; h++) {
		for (size_t k = 0; k < p->holds[h].n_nodes; k++)
			hold_node(pass, p->holds[h].id, p->holds[h].nodes[k]);
		if (p->holds[h].location)
			hold_count(pass, &p->holds[h]);
		pass_next_at(pass, p->holds[h].until);
	}
	for (size_t i = 0; i < p->n_locations && p->n_holds; i++)
		if (pass->plan->scratch[i].hold_count)
			hold_location(pass, (int32_t)i);
}

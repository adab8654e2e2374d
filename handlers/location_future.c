/* What a change of overflow links leads to: the join's own judgement of who is principal and overflow, before and after. */
#include <stdlib.h>
#include <string.h>

#include "handlers/locations.h"
#include "handlers/plan.h"

struct future {
	const struct picture *p;
	struct location *after; /* the picture's locations, and perhaps a new one behind them */
	size_t n;
};

static int32_t index_of(const struct picture *p, int64_t id)
{
	const struct location *l = id ? picture_location(p, id) : NULL;

	return l ? (int32_t)(l - p->locations) : -1;
}

static void apply(const struct picture *p, struct location *l, const struct location_change *c)
{
	if (c->fields & LOCATION_PRIMARY)
		l->overflow1 = index_of(p, c->overflow1);
	if (c->fields & LOCATION_SECONDARY)
		l->overflow2 = index_of(p, c->overflow2);
}

/* A location that goes has no nodes and nobody's link leads to it: without links of its own it is as good as gone. */
static void drop(struct location *l)
{
	l->overflow1 = l->overflow2 = -1;
}

static bool imagine(struct future *f, const struct location_future *what)
{
	struct location *it;

	f->p = what->picture;
	f->n = f->p->n_locations + (what->location == NULL);
	f->after = calloc(f->n + 1, sizeof *f->after);
	if (!f->after)
		return false;
	if (f->p->n_locations)
		memcpy(f->after, f->p->locations, f->p->n_locations * sizeof *f->after);
	it = &f->after[what->location ? (size_t)(what->location - f->p->locations) : f->p->n_locations];
	if (!what->location)
		*it = (struct location){.overflow1 = -1, .overflow2 = -1, .name = what->change->name};
	if (what->change)
		apply(f->p, it, what->change);
	else
		drop(it);
	locations_judge(f->after, f->n);
	return true;
}

static const char *overflow_name(const struct future *f, const struct location *l)
{
	return l->overflow1 < 0 ? "none" : f->p->locations[l->overflow1].name;
}

static int nodes_up(const struct picture *p, const struct location *l)
{
	int up = 0;

	for (int32_t i = l->first_node; i < l->first_node + l->n_nodes; i++)
		up += p->nodes[i].bursting &&
		      (p->nodes[i].phase == PHASE_SERVING || p->nodes[i].phase == PHASE_STARTING);
	return up;
}

/* The overflow location that `was` bursts into is taken from it while it is in use. */
static void tell_in_use(json_t *plan, const struct future *f, const struct location *was)
{
	const struct location *o = &f->p->locations[was->overflow1];
	int up = nodes_up(f->p, o);

	if (up)
		plan_consequence(
			plan,
			"%s has %d node(s) up. Calls on them go on; new calls of %s do not reach them any "
			"more, and once they are idle and not needed they are drained (RULE E3).",
			o->name, up, was->name);
}

static void tell_principal(json_t *plan, const struct future *f, const struct location *was,
			   const struct location *is)
{
	if (is->principal && !was->principal)
		plan_consequence(
			plan,
			"%s becomes a principal location: burstd starts nodes of %s when it has %d free HD "
			"calls or fewer (RULE S2). It has %d now.",
			is->name, overflow_name(f, is), is->threshold, is->free_hd);
	else if (was->principal && !is->principal)
		plan_consequence(
			plan,
			"%s is no principal location any more: its load starts no node of %s (RULE V2).",
			was->name, overflow_name(f, was));
	else if (was->principal && was->overflow1 != is->overflow1)
		plan_consequence(plan, "%s bursts into %s instead of %s.", is->name, overflow_name(f, is),
				 overflow_name(f, was));
	if (was->principal && was->overflow1 != is->overflow1)
		tell_in_use(plan, f, was);
}

static int principals_of(const struct location *all, size_t n, int32_t overflow)
{
	int count = 0;

	for (size_t i = 0; i < n; i++)
		count += all[i].principal && all[i].overflow1 == overflow;
	return count;
}

static void tell_overflow(json_t *plan, const struct future *f, size_t at)
{
	const struct location *was = &f->p->locations[at];
	const struct location *is = &f->after[at];
	int before = principals_of(f->p->locations, f->p->n_locations, (int32_t)at);
	int after = principals_of(f->after, f->n, (int32_t)at);

	if (is->only_secondary && !was->only_secondary)
		plan_consequence(
			plan,
			"%s is nobody's primary overflow location any more, only a secondary one: load "
			"starts none of its nodes (RULES S5 and V5).",
			is->name);
	else if (is->kind == LOCATION_OVERFLOW && before && !after)
		plan_consequence(plan,
				 "%s has no principal location any more: load starts none of its nodes.",
				 is->name);
	else if (is->kind == LOCATION_OVERFLOW && !before && after)
		plan_consequence(plan, "%s has a principal location now: load may start its nodes (RULE S2).",
				 is->name);
}

/* RULE S5: an overflow location that is only ever second. */
static void tell_secondary(json_t *plan, const struct future *f, const struct location *is, const char *name)
{
	if (is->overflow2 >= 0 && f->after[is->overflow2].only_secondary &&
	    !f->p->locations[is->overflow2].only_secondary)
		plan_consequence(
			plan, "%s is the secondary overflow location of %s: that starts no node (RULE S5).",
			f->p->locations[is->overflow2].name, name);
}

void plan_future(json_t *plan, const struct location_future *what)
{
	struct future f;

	if (!imagine(&f, what))
		return;
	for (size_t i = 0; i < f.p->n_locations; i++)
		tell_principal(plan, &f, &f.p->locations[i], &f.after[i]);
	for (size_t i = 0; i < f.p->n_locations; i++)
		tell_overflow(plan, &f, i);
	if (!what->location)
		tell_secondary(plan, &f, &f.after[f.p->n_locations], what->change->name);
	free(f.after);
}

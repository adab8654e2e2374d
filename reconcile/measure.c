/*
 * What the reconciler counts of its own doing, for /metrics: how long nodes were up for what, how long drains took, and the
 * calls that our stops cut, which must stay 0. All under the lock.
 */
#include <limits.h>
#include <stdlib.h>

#include "reconcile/internal.h"

/* --- nodes ------------------------------------------------------------------------------------------------------- */

/* NODE_CLASS_COUNT where the node is not up, or nobody knows. */
static enum node_class class_of(const struct node *n)
{
	switch (n->phase) {
	case PHASE_SERVING:
		return n->idle ? NODE_CLASS_IDLE : NODE_CLASS_USEFUL;
	case PHASE_STARTING:
		return NODE_CLASS_BOOTING;
	case PHASE_DRAINING:
		return NODE_CLASS_DRAINING;
	case PHASE_UNKNOWN:
	case PHASE_STOPPED:
	case PHASE_STOPPING:
	case PHASE_FAILED:
	case PHASE_COUNT:
		break;
	}
	return NODE_CLASS_COUNT;
}

/* The controller looks every few seconds: a longer time is a clock that was set, or a pause in which nobody looked. */
#define ELAPSED_MOST_MS (60 * MS_PER_SECOND)

void measure_nodes(struct reconciler *r, const struct picture *now)
{
	int64_t elapsed = now->made_at - r->published->made_at;

	if (elapsed <= 0)
		return;
	if (elapsed > ELAPSED_MOST_MS)
		elapsed = ELAPSED_MOST_MS;
	for (size_t i = 0; i < r->published->n_nodes; i++) {
		const struct node *n = &r->published->nodes[i];
		enum node_class class = n->bursting ? class_of(n) : NODE_CLASS_COUNT;

		if (class != NODE_CLASS_COUNT)
			counter_add(&r->tallies->node_ms[class], (uint64_t)elapsed);
	}
}

/* --- stops ------------------------------------------------------------------------------------------------------- */

/* What the last whole read shows on the node: its participants' calls, or at least its conferences. */
static int calls_on(const struct reconciler *r, int64_t node)
{
	for (size_t i = 0; r->infinity && i < r->infinity->n_nodes; i++) {
		const struct infinity_node *n = &r->infinity->nodes[i];

		if (n->id == node)
			return n->participants > n->conferences ? n->participants : n->conferences;
	}
	return 0;
}

void measure_cut(struct reconciler *r, int64_t node)
{
	counter_add(&r->tallies->calls_cut, (uint64_t)calls_on(r, node));
}

static struct stop_seen *stop_seen(struct reconciler *r, int64_t operation)
{
	for (size_t i = 0; i < r->n_stops; i++)
		if (r->stops[i].operation == operation)
			return &r->stops[i];
	return NULL;
}

static void cut(struct reconciler *r, struct stop_seen *stop, int calls)
{
	if (calls <= stop->calls)
		return;
	counter_add(&r->tallies->calls_cut, (uint64_t)(calls - stop->calls));
	stop->calls = calls;
}

void measure_stop(struct reconciler *r, const struct intent *i)
{
	bool ours = i->entered_at >= r->began_at; /* else the process before this one has counted it */
	struct stop_seen *stop = stop_seen(r, i->id);

	if (stop)
		return;
	stop = reallocarray(r->stops, r->n_stops + 1, sizeof(*stop));
	if (!stop)
		return;
	r->stops = stop;
	stop = &stop[r->n_stops++];
	*stop = (struct stop_seen){.operation = i->id, .calls = ours ? 0 : INT_MAX};
	if (ours && i->maintenance_at)
		meter_add(&r->tallies->drains, &drain_bounds, (i->entered_at - i->maintenance_at) * 1000);
	if (i->force) /* RULE E7: without it the last look has shown that there was none (RULE E1) */
		cut(r, stop, calls_on(r, i->node));
}

static bool is_open(const struct intent *intents, size_t n, int64_t operation)
{
	for (size_t i = 0; i < n; i++)
		if (intents[i].id == operation)
			return true;
	return false;
}

void measure_stops(struct reconciler *r, const struct intent *open, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (open[i].kind != INTENT_STOP || open[i].state != INTENT_AWAITING_STOPPED)
			continue;
		measure_stop(r, &open[i]);
		if (r->infinity && r->infinity->observed_at > open[i].entered_at && stop_seen(r, open[i].id))
			cut(r, stop_seen(r, open[i].id), calls_on(r, open[i].node));
	}
	for (size_t i = 0; i < r->n_stops; i++)
		if (is_open(open, n, r->stops[i].operation))
			r->stops[kept++] = r->stops[i];
	r->n_stops = kept;
}

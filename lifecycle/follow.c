/*
 * Static NAT addresses that follow (guide, "IP addressing": an auto-assigned public address is another one after each start). For
 * each node whose operator wishes it and whose running instance has another public address than Infinity knows, an operation is
 * asked for, which the runner then carries out like any other.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "lifecycle/internal.h"

/* Not oftener than this for one node: two programs that each set the other's address back must not do so at every look. */
#define AGAIN_MS (5 * MS_PER_MINUTE)

static bool differs(const struct node *n)
{
	const char *public = n->instance ? n->instance->public_address : NULL;

	return n->follow_address && public && n->instance->state == INSTANCE_RUNNING && n->instance_fresh &&
	       !n->intent && strcmp(public, n->static_nat ? n->static_nat : "") != 0;
}

static bool just_done(const struct picture *p, const struct lifecycle *l, struct store *store,
		      const struct node *n)
{
	_cleanup_(freep) struct intent *last = NULL;
	struct error e = {0};
	size_t count = 0;

	if (store_intents_page(store, n->id, false, 0, 1, &last, &count, &e) || !count)
		return false;
	return last[0].kind == INTENT_FOLLOW_ADDRESS &&
	       (p->infinity_at <= last[0].closed_at ||
		(double)(clock_now(l->o.clock) - last[0].closed_at) < (double)AGAIN_MS / l->o.time_scale);
}

static bool ask(struct lifecycle *l, struct store *store, const struct node *n)
{
	_cleanup_(operation_freep) struct operation *op = calloc(1, sizeof(*op));
	int64_t now = clock_now(l->o.clock);
	struct error e = {0};

	if (!op)
		return false;
	op->intent = (struct intent){.kind = INTENT_FOLLOW_ADDRESS,
				     .state = INTENT_WORKING,
				     .node = n->id,
				     .actor = "wish",
				     .created_at = now,
				     .entered_at = now};
	(void)snprintf(op->intent.node_name, sizeof op->intent.node_name, "%.32s", n->name);
	(void)snprintf(op->intent.instance, sizeof op->intent.instance, "%.32s", n->instance->id);
	(void)snprintf(op->intent.region, sizeof op->intent.region, "%.32s", n->instance->region);
	(void)snprintf(op->intent.reason, sizeof op->intent.reason,
		       "the public address of %s is %s, its static NAT address is %s", n->name,
		       n->instance->public_address, n->static_nat ? n->static_nat : "off");
	operation_plan(op);
	if (!store_operation_add(store, op, &e))
		return true;
	if (e.code != ERR_CONFLICT)
		log_error("a static NAT change could not be recorded", "error", e.detail);
	return false;
}

void follow_addresses(struct lifecycle *l, struct store *store, bool *changed)
{
	_cleanup_(picture_unrefp) struct picture *p = reconciler_picture(l->o.reconciler);

	for (size_t i = 0; p->infinity_fresh && i < p->n_nodes; i++)
		if (differs(&p->nodes[i]) && !just_done(p, l, store, &p->nodes[i]))
			*changed |= ask(l, store, &p->nodes[i]);
}

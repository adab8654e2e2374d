/* A node as JSON: what both upstream systems say of it, what is wished of it, and what is being done with it. */
#include <string.h>

#include "base/clock.h"
#include "handlers/views.h"

/* --- instance ------------------------------------------------------------------------------------------------ */

static json_t *view_tags(const struct ec2_instance *i)
{
	json_t *v = json_object();
	size_t t;

	for (t = 0; t < i->n_tags; t++)
		put_text(v, i->tags[t].key, i->tags[t].value);
	return v;
}

static json_t *view_instance(const struct ec2_instance *i)
{
	json_t *v = json_object();

	put_text(v, "id", i->id);
	put_text(v, "state", instance_state_text(i->state));
	put_text(v, "state_reason", i->state_reason_message);
	put_text(v, "type", i->type);
	put_text(v, "region", i->region);
	put_text(v, "zone", i->zone);
	put_text(v, "public_address", i->public_address);
	put_bool(v, "elastic", i->elastic);
	put_text(v, "tenancy", i->tenancy);
	put_time(v, "launch_time", i->launch_time);
	put(v, "tags", view_tags(i));
	return v;
}

/* --- wishes and drift ---------------------------------------------------------------------------------------- */

static const char *power_text(enum wish_power power)
{
	switch (power) {
	case WISH_POWER_ON:
		return "on";
	case WISH_POWER_OFF:
		return "off";
	case WISH_POWER_NONE:
		return NULL;
	}
	return NULL;
}

json_t *view_wishes(const struct node_wish *w)
{
	json_t *v = json_object();

	put_text(v, "power", power_text(w->power));
	put(v, "maintenance", w->maintenance == WISH_NONE ? NULL : json_boolean(w->maintenance == WISH_TRUE));
	put(v, "start_order", w->start_order == START_ORDER_NONE ? NULL : json_integer(w->start_order));
	put_text(v, "static_nat", w->follow_address == WISH_TRUE ? "follow" : NULL);
	return v;
}

static void add_drift(json_t *list, const char *field, const char *wished, const char *actual)
{
	json_t *v = json_object();

	put_text(v, "field", field);
	put_text(v, "wished", wished);
	put_text(v, "actual", actual);
	(void)json_array_append_new(list, v);
}

/* A node that has no public address now keeps what it has: at its next start it gets one. */
static void add_address_drift(json_t *list, const struct node *n, const struct node_wish *w)
{
	const char *address = n->instance ? n->instance->public_address : NULL;
	const char *nat = n->static_nat ? n->static_nat : "none";

	if (w->follow_address == WISH_TRUE && address && strcmp(address, nat) != 0)
		add_drift(list, "static_nat", address, nat);
}

/* What the wishes and the world disagree on. Power is wished of bursting nodes alone. */
static json_t *view_drift(const struct node *n, const struct node_wish *w)
{
	json_t *list = json_array();
	bool up = n->phase == PHASE_STARTING || n->phase == PHASE_SERVING;
	bool wished = w->maintenance == WISH_TRUE;

	if (n->bursting && w->power == WISH_POWER_ON && !up)
		add_drift(list, "power", "on", phase_text(n->phase));
	if (n->bursting && w->power == WISH_POWER_OFF && n->phase != PHASE_STOPPED)
		add_drift(list, "power", "off", phase_text(n->phase));
	if (w->maintenance != WISH_NONE && wished != n->maintenance_configured)
		add_drift(list, "maintenance", wished ? "true" : "false",
			  n->maintenance_configured ? "true" : "false");
	add_address_drift(list, n, w);
	return list;
}

static struct node_wish wish_of(const struct overlay *o, int64_t node)
{
	size_t i;

	for (i = 0; i < o->n_wishes; i++)
		if (o->wishes[i].node == node)
			return o->wishes[i];
	return (struct node_wish){.node = node, .start_order = START_ORDER_NONE};
}

/* --- what is going on ---------------------------------------------------------------------------------------- */

static json_t *node_operation(const struct picture *p, const struct overlay *o, int64_t node)
{
	size_t i;

	for (i = 0; i < o->n_intents; i++)
		if (o->intents[i].node == node)
			return view_open_operation(p, o, i);
	return NULL;
}

/* RULE S4: how far a start has come, and when it is given up. */
static json_t *view_boot(const struct picture *p, const struct node *n)
{
	json_t *v;
	int64_t since = n->running_at ? n->running_at : n->phase_since;

	if (n->phase != PHASE_STARTING)
		return NULL;
	v = json_object();
	put_text(v, "step",
		 !n->instance                             ? "asked"
		 : n->instance->state == INSTANCE_RUNNING ? "booting"
							  : "launching");
	put_time(v, "since", n->phase_since);
	put_time(v, "instance_running_at", n->running_at);
	put_time(v, "times_out_at", since + p->params.start_timeout_ms);
	return v;
}

/* RULE E1: what stands between a node and its stop. */
static json_t *view_held_by(const struct node *n)
{
	json_t *v;

	if (n->phase != PHASE_DRAINING || n->idle)
		return NULL;
	v = json_object();
	put_int(v, "conferences", n->conferences);
	put_known(v, "participants", n->participants);
	return v;
}

static int64_t lifetime_ends(const struct picture *p, const struct node *n)
{
	bool up = n->phase == PHASE_STARTING || n->phase == PHASE_SERVING || n->phase == PHASE_DRAINING;

	return up && n->bursting && n->started_at ? n->started_at + p->params.lifetime_ms : 0;
}

/* --- the node ------------------------------------------------------------------------------------------------ */

static void put_status(json_t *v, const struct node *n)
{
	put_text(v, "sync", n->sync_text);
	put_bool(v, "maintenance_mode", n->maintenance_configured);
	put_text(v, "maintenance_mode_reason", n->maintenance_configured ? n->maintenance_reason : NULL);
	put_text(v, "static_nat_address", n->static_nat);
	put_int(v, "max_hd_calls", n->max_hd);
	put_int(v, "free_hd_calls", n->free_hd);
	put_known(v, "media_load", n->media_load);
	put_int(v, "conferences", n->conferences);
	put_known(v, "participants", n->participants);
	put_bool(v, "eligible", n->eligible);
	put_bool(v, "fresh", n->fresh);
	put_bool(v, "idle", n->idle);
	put_bool(v, "resting", n->resting);
	put_time(v, "last_updated", n->last_updated);
}

static void put_bursting(json_t *v, const struct picture *p, const struct overlay *o, const struct node *n)
{
	put(v, "phase", n->bursting ? json_string(phase_text(n->phase)) : NULL);
	put_time(v, "phase_since", n->bursting ? n->phase_since : 0);
	put_time(v, "started_at", n->started_at);
	put_time(v, "lifetime_ends_at", lifetime_ends(p, n));
	put(v, "boot", view_boot(p, n));
	put(v, "held_by", view_held_by(n));
	put(v, "operation", node_operation(p, o, n->id));
}

json_t *view_node(const struct picture *p, const struct overlay *o, const struct node *n)
{
	const struct location *l = n->location < 0 ? NULL : &p->locations[n->location];
	struct node_wish wish = wish_of(o, n->id);
	json_t *v = json_object();

	put_int(v, "id", n->id);
	put_text(v, "name", n->name);
	put_text(v, "address", n->address);
	put(v, "location", l ? json_integer(l->id) : NULL);
	put_text(v, "location_name", l ? l->name : NULL);
	put_text(v, "role", n->role == ROLE_PROXYING ? "proxying" : "transcoding");
	put_bool(v, "bursting", n->bursting);
	put_bursting(v, p, o, n);
	put_status(v, n);
	put(v, "instance", n->instance ? view_instance(n->instance) : NULL);
	put(v, "wishes", view_wishes(&wish));
	put(v, "drift", view_drift(n, &wish));
	return v;
}

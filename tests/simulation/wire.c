/*
 * The ports as burstd sees them. Round each exchange: burstd may be killed before it reaches the other side, or before its
 * answer is noted; time passes, in which the other workers go on; and the lies of lies.c are told.
 */
#include <string.h>

#include "tests/simulation/sim.h"

static bool is_lie(const struct sim *s, enum sim_lie lie)
{
	return s->setup.lie == lie;
}

static bool silence(struct upstream_error *e)
{
	upstream_error_set(e, UPSTREAM_RETRY, 0, "silence", "silence", "", "no answer");
	return false;
}

static void pass_time(struct sim *s)
{
	if (!s->setup.latency || s->dead)
		return;
	world_advance(s->world,
		      sim_now(s) + dice_between(&s->dice, 5, dice_chance(&s->dice, .05) ? 4000 : 300));
	if (s->depth < 2 && dice_chance(&s->dice, .5)) {
		s->depth++;
		sim_turn(s);
		s->depth--;
	}
}

/* --- Infinity --- */

static void note_seen(struct sim *s, const struct infinity_report *r)
{
	struct seen *to = s->current && s->current->kind == OBSERVE_INFINITY ? &s->fresh : &s->look;

	if (!r->whole)
		return;
	to->at = r->observed_at;
	to->n = r->n_nodes < SIM_NODES ? r->n_nodes : SIM_NODES;
	memcpy(to->nodes, r->nodes, to->n * sizeof(*to->nodes));
}

static void lie_links(struct infinity_report *r)
{
	struct infinity_location *rows = arena_array(r->arena, r->n_locations, sizeof(*rows));

	for (size_t i = 0; rows && i < r->n_locations; i++) {
		rows[i] = r->locations[i];
		rows[i].overflow1 = r->locations[i].overflow2;
		rows[i].overflow2 = r->locations[i].overflow1;
	}
	r->locations = rows;
}

static void lie_about_node(const struct sim *s, struct infinity_node *n, bool bursting)
{
	bool idle = bursting && is_lie(s, LIE_IDLE), empty = !bursting && is_lie(s, LIE_FULL);

	if (idle || empty) {
		n->conferences = n->signaling = 0;
		n->tokens_used = 0;
		if (n->participants > 0)
			n->participants = 0;
	}
	if (idle) /* its free calls are told by the load, so that only idleness is a lie */
		n->tokens_max = -1;
	if (empty)
		n->media_load = 0;
}

static void lie_about_infinity(const struct sim *s, struct infinity_report *r)
{
	if (is_lie(s, LIE_LINKS))
		lie_links(r);
	if (is_lie(s, LIE_BURSTING))
		r->bursting_enabled = false;
	for (size_t i = 0; i < r->n_nodes; i++)
		lie_about_node(s, &r->nodes[i], world_node_at(s->world, i).bursting);
}

/* Between the decision to stop and the last look before it; the node has reported it by then. */
static void surprise(struct sim *s)
{
	int64_t node = s->surprise;

	if (!node || !s->current || s->current->kind != ACT_EC2)
		return;
	s->surprise = 0;
	sim_expect(s, "case", world_call_on_node(s->world, node, HOUR) != 0);
	world_advance(s->world, sim_now(s) + 15 * SECOND);
}

/* Reads may kill nobody: being killed then is being killed between two steps. */
static bool observe(void *self, bool participants, struct infinity_report **ret, struct upstream_error *e)
{
	struct sim *s = self;
	struct infinity_report *r = NULL;

	if (s->dead)
		return silence(e);
	surprise(s);
	if (!s->infinity.observe(s->infinity.self, participants, &r, e))
		return false;
	note_seen(s, r);
	lie_about_infinity(s, r);
	pass_time(s);
	*ret = r;
	return true;
}

static bool set_maintenance(void *self, int64_t node, bool on, const char *reason, struct upstream_error *e)
{
	struct sim *s = self;
	bool good = true;

	if (sim_chance_to_die(s))
		return silence(e);
	pass_time(s);
	if (s->dead)
		return silence(e);
	if (on || !is_lie(s, LIE_MAINTENANCE_OFF))
		good = s->infinity.set_maintenance(s->infinity.self, node, on, reason, e);
	if (sim_chance_to_die(s))
		return silence(e);
	pass_time(s);
	return good;
}

static bool start_cloudnode(void *self, const char *instance, struct upstream_error *e)
{
	struct sim *s = self;
	bool good;

	if (sim_chance_to_die(s))
		return silence(e);
	check_start_asked(s, instance);
	good = s->infinity.start_cloudnode(s->infinity.self, instance, e);
	check_start_answered(s, instance, good, e);
	return sim_chance_to_die(s) ? silence(e) : good;
}

/* --- EC2 --- */

static void lie_about_instance(const struct sim *s, struct ec2_instance *i)
{
	struct world_node_state n;

	if (!world_node_find(s->world, node_of_instance(s, i->id), &n) || n.synced)
		return;
	if (is_lie(s, LIE_PENDING) || is_lie(s, LIE_TWICE))
		i->state = INSTANCE_STOPPED;
}

static bool described(struct sim *s, struct ec2_report *r, struct ec2_report **ret)
{
	for (size_t i = 0; i < r->n_instances; i++)
		lie_about_instance(s, &r->instances[i]);
	pass_time(s);
	*ret = r;
	return true;
}

static bool describe_tagged(void *self, const char *tag, struct ec2_report **ret, struct upstream_error *e)
{
	struct wire *w = self;
	struct ec2_report *r = NULL;

	if (w->s->dead)
		return silence(e);
	return w->ec2.describe_tagged(w->ec2.self, tag, &r, e) && described(w->s, r, ret);
}

static bool describe_addresses(void *self, const char *const *addresses, size_t n, struct ec2_report **ret,
			       struct upstream_error *e)
{
	struct wire *w = self;
	struct ec2_report *r = NULL;

	if (w->s->dead)
		return silence(e);
	return w->ec2.describe_addresses(w->ec2.self, addresses, n, &r, e) && described(w->s, r, ret);
}

static bool describe_instance(void *self, const char *id, struct ec2_report **ret, struct upstream_error *e)
{
	struct wire *w = self;
	struct ec2_report *r = NULL;

	if (sim_chance_to_die(w->s))
		return silence(e);
	return w->ec2.describe_instance(w->ec2.self, id, &r, e) && described(w->s, r, ret);
}

/* Another instance of the same location, behind everybody's back. */
static void start_another(struct wire *w, const char *id)
{
	struct ec2_state_change change;
	struct upstream_error e;
	struct world_node_state n;
	int64_t location;

	if (!world_node_find(w->s->world, node_of_instance(w->s, id), &n))
		return;
	location = n.location;
	for (size_t i = 0; i < world_node_count(w->s->world); i++) {
		n = world_node_at(w->s->world, i);
		if (n.bursting && n.location == location && n.state == INSTANCE_STOPPED) {
			(void)w->ec2.start(w->ec2.self, n.instance, &change, &e);
			return;
		}
	}
}

static bool start(void *self, const char *id, struct ec2_state_change *ret, struct upstream_error *e)
{
	struct wire *w = self;
	struct sim *s = w->s;
	bool good;

	if (sim_chance_to_die(s))
		return silence(e);
	pass_time(s);
	if (s->dead)
		return silence(e);
	check_start_asked(s, id);
	good = w->ec2.start(w->ec2.self, id, ret, e);
	check_start_answered(s, id, good, e);
	if (good && is_lie(s, LIE_TWO_STARTS))
		start_another(w, id);
	if (sim_chance_to_die(s))
		return silence(e);
	pass_time(s);
	return is_lie(s, LIE_TWICE) ? silence(e) : good;
}

static bool stop(void *self, const char *id, struct ec2_state_change *ret, struct upstream_error *e)
{
	struct wire *w = self;
	struct sim *s = w->s;
	bool good;

	if (sim_chance_to_die(s))
		return silence(e);
	pass_time(s);
	if (s->dead)
		return silence(e);
	check_stop_asked(s, id);
	good = w->ec2.stop(w->ec2.self, id, ret, e);
	if (sim_chance_to_die(s))
		return silence(e);
	pass_time(s);
	return good;
}

static bool find_location(void *self, const char *name, int64_t *ret_id, struct upstream_error *e)
{
	struct sim *s = self;

	if (s->dead)
		return silence(e);
	pass_time(s);
	return s->infinity.find_location(s->infinity.self, name, ret_id, e);
}

/* A change of a location: killed before it, or after it with the answer lost, or neither. */
struct location_deed {
	enum intent_kind kind;
	int64_t id;
	const struct location_change *change;
	int64_t *ret_id;
};

static bool change_location(struct sim *s, const struct location_deed *d, struct upstream_error *e)
{
	const struct infinity_port *world = &s->infinity;
	bool good;

	if (sim_chance_to_die(s))
		return silence(e);
	pass_time(s);
	if (s->dead)
		return silence(e);
	if (d->kind == INTENT_LOCATION_CREATE)
		good = world->create_location(world->self, d->change, d->ret_id, e);
	else if (d->kind == INTENT_LOCATION_UPDATE)
		good = world->update_location(world->self, d->id, d->change, e);
	else
		good = world->delete_location(world->self, d->id, e);
	return sim_chance_to_die(s) ? silence(e) : good;
}

static bool create_location(void *self, const struct location_change *c, int64_t *ret_id,
			    struct upstream_error *e)
{
	return change_location(self, &(struct location_deed){INTENT_LOCATION_CREATE, 0, c, ret_id}, e);
}

static bool update_location(void *self, int64_t id, const struct location_change *c, struct upstream_error *e)
{
	return change_location(self, &(struct location_deed){INTENT_LOCATION_UPDATE, id, c, NULL}, e);
}

static bool delete_location(void *self, int64_t id, struct upstream_error *e)
{
	return change_location(self, &(struct location_deed){INTENT_LOCATION_DELETE, id, NULL, NULL}, e);
}

void wire_connect(struct sim *s)
{
	const char *regions[SIM_REGIONS];

	s->n_regions = world_regions(s->world, regions, SIM_REGIONS);
	s->infinity = world_infinity_port(s->world);
	s->infinity_told = (struct infinity_port){.observe = observe,
						  .set_maintenance = set_maintenance,
						  .start_cloudnode = start_cloudnode,
						  .find_location = find_location,
						  .create_location = create_location,
						  .update_location = update_location,
						  .delete_location = delete_location,
						  .self = s};
	for (size_t i = 0; i < s->n_regions; i++) {
		s->wires[i] = (struct wire){.s = s, .ec2 = world_ec2_port(s->world, regions[i])};
		s->ec2_told[i] = (struct ec2_port){.describe_tagged = describe_tagged,
						   .describe_addresses = describe_addresses,
						   .describe_instance = describe_instance,
						   .start = start,
						   .stop = stop,
						   .self = &s->wires[i]};
	}
}

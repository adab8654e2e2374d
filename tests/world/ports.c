/*
 * The first face: the ports of reconcile/ straight from the model, with no text in between. A read costs one report
 * and copies rows; strings, addresses, tags and the locations are the world's own.
 */
#include "tests/world/internal.h"

#define NO_ANSWER_MS 20000 /* the clients' deadline */

/* --- Infinity --- */

static bool infinity_fails(struct world *w, struct upstream_error *e)
{
	if (fault_on(w, WORLD_INFINITY_DOWN)) {
		upstream_error_set(e, UPSTREAM_RETRY, 0, "unreachable", "infinity_unreachable",
				   "Check that the Management Node is up and reachable.",
				   "Infinity does not answer");
		return true;
	}
	if (fault_on(w, WORLD_INFINITY_SLOW) &&
	    w->fault_value[WORLD_INFINITY_SLOW] >= world_scaled(w, NO_ANSWER_MS)) {
		upstream_error_set(e, UPSTREAM_RETRY, 0, "timeout", "infinity_timeout",
				   "Check the load of the Management Node.",
				   "Infinity did not answer in time");
		return true;
	}
	if (fault_on(w, WORLD_INFINITY_HTML)) {
		upstream_error_set(e, UPSTREAM_RETRY, 500, "html_answer", "infinity_error",
				   "Look at the Management Node's own log.",
				   "Infinity answered 500 with a page of HTML");
		return true;
	}
	return false;
}

/* Those that are there, one row each. */
static const struct infinity_location *location_rows(struct world *w)
{
	if (w->location_rows)
		return w->location_rows;
	w->location_rows = arena_array(w->strings, w->n_sites + 1, sizeof(*w->location_rows));
	if (!w->location_rows)
		abort();
	w->n_location_rows = 0;
	for (size_t i = 0; i < w->n_sites; i++) {
		const struct site *s = &w->sites[i];

		if (!s->gone)
			w->location_rows[w->n_location_rows++] =
				(struct infinity_location){.id = s->id,
							   .name = s->name,
							   .description = s->description,
							   .overflow1 = site_id(w, s->overflow1),
							   .overflow2 = site_id(w, s->overflow2)};
	}
	return w->location_rows;
}

void monitor_show(const struct world *w, int32_t site, struct infinity_monitor *ret)
{
	const struct site *s = &w->sites[site];

	*ret = (struct infinity_monitor){.location = s->id};
	for (size_t i = 0; i < s->n_nodes; i++) {
		const struct infinity_node *row = &w->nodes[s->nodes[i]].row;

		if (row->sync != SYNC_SYNCED || row->maintenance || row->role != ROLE_TRANSCODING)
			continue;
		ret->max_hd += row->max_hd;
		if (row->tokens_max > 0)
			ret->free_hd +=
				(int)(row->max_hd * (row->tokens_max - row->tokens_used) / row->tokens_max);
	}
}

static void fill_monitors(struct world *w, struct infinity_report *r)
{
	if (!w->infinity_bursting)
		return;
	r->monitors = arena_array(r->arena, w->n_sites, sizeof(*r->monitors));
	for (size_t i = 0; r->monitors && i < w->n_sites; i++)
		if (site_is_overflow(w, (int32_t)i) || site_is_principal(w, (int32_t)i))
			monitor_show(w, (int32_t)i, &r->monitors[r->n_monitors++]);
}

static void fill_nodes(struct world *w, bool participants, struct infinity_report *r)
{
	r->nodes = arena_array(r->arena, w->n_nodes + 1, sizeof(*r->nodes));
	if (!r->nodes)
		return;
	for (size_t i = 0; i < w->n_nodes; i++) {
		if (w->nodes[i].gone)
			continue;
		machine_settle(w, &w->nodes[i]);
		r->nodes[r->n_nodes] = w->nodes[i].row;
		if (!participants)
			r->nodes[r->n_nodes].participants = -1;
		r->n_nodes++;
	}
}

static void halve(struct infinity_report *r)
{
	r->n_nodes = (r->n_nodes + 1) / 2;
	r->n_monitors = (r->n_monitors + 1) / 2;
	r->whole = false;
	r->partial = "worker_vm: fewer objects than total_count";
}

static bool observe(void *self, bool participants, struct infinity_report **ret, struct upstream_error *e)
{
	struct world *w = self;

	w->counters.observes++;
	if (infinity_fails(w, e))
		return false;

	struct infinity_report *r = infinity_report_new();

	if (!r)
		return false;
	r->observed_at = r->finished_at = w->now;
	if (fault_on(w, WORLD_INFINITY_SLOW))
		r->finished_at += w->fault_value[WORLD_INFINITY_SLOW];
	r->whole = true;
	r->bursting_enabled = w->infinity_bursting;
	r->bursting_threshold = 5;
	r->bursting_lifetime = 50;
	r->management_host = w->options.management_host;
	r->license_ports_used = 0;
	r->license_ports_total = 10000;
	r->locations = (struct infinity_location *)(uintptr_t)location_rows(w);
	r->n_locations = w->n_location_rows;
	fill_nodes(w, participants, r);
	fill_monitors(w, r);
	if (fault_on(w, WORLD_INFINITY_HALF))
		halve(r);
	*ret = r;
	return true;
}

static bool not_found(struct upstream_error *e)
{
	upstream_error_set(e, UPSTREAM_OPERATOR, 404, "not_found", "infinity_not_found",
			   "Check whether the node was deleted in Infinity.",
			   "Infinity knows no such object");
	return false;
}

static bool set_maintenance(void *self, int64_t node, bool on, const char *reason, struct upstream_error *e)
{
	struct world *w = self;
	int32_t i = node_index(w, node);

	if (infinity_fails(w, e))
		return false;
	if (i < 0)
		return not_found(e);
	machine_patch(w, &w->nodes[i], on, reason, false);
	if (fault_on(w, WORLD_INFINITY_LOST)) {
		w->ledger[w->n_ledger - 1].code = "lost";
		upstream_error_set(e, UPSTREAM_RETRY, 0, "timeout", "infinity_timeout", "",
				   "the answer was lost");
		return false;
	}
	return true;
}

static bool start_cloudnode(void *self, const char *instance_id, struct upstream_error *e)
{
	struct world *w = self;
	int32_t i = vm_find(w, -1, instance_id);

	if (infinity_fails(w, e))
		return false;
	if (i < 0 || !w->infinity_bursting) {
		upstream_error_set(e, UPSTREAM_OPERATOR, 400, "bad_request", "infinity_refused", "",
				   "Infinity refused to start the instance");
		return false;
	}
	if (!ec2_check(w, i, WORLD_START_CLOUDNODE, false).code)
		(void)ec2_apply(w, i, WORLD_START_CLOUDNODE, false);
	return true; /* "success" means accepted, not started */
}

/* --- locations --- */

static bool lost(struct world *w, struct upstream_error *e)
{
	if (!fault_on(w, WORLD_INFINITY_LOST))
		return false;
	upstream_error_set(e, UPSTREAM_RETRY, 0, "timeout", "infinity_timeout", "", "the answer was lost");
	return true;
}

static bool write_fails(struct world *w, struct upstream_error *e)
{
	if (infinity_fails(w, e))
		return true;
	if (!fault_on(w, WORLD_INFINITY_READONLY))
		return false;
	upstream_error_set(e, UPSTREAM_OPERATOR, 403, "forbidden", "infinity_permission", "",
			   "the account lacks the permission");
	return true;
}

static bool refused(const struct site_refusal *why, struct upstream_error *e)
{
	upstream_error_set(e, UPSTREAM_OPERATOR, 400, "refused", "infinity_location_refused", "", "%s: %s",
			   why->field, why->why);
	return false;
}

static bool find_location(void *self, const char *name, int64_t *ret_id, struct upstream_error *e)
{
	struct world *w = self;

	if (infinity_fails(w, e))
		return false;
	*ret_id = 0;
	for (size_t i = 0; i < w->n_sites; i++)
		if (!w->sites[i].gone && !strcmp(w->sites[i].name, name))
			*ret_id = w->sites[i].id;
	return true;
}

static bool create_location(void *self, const struct location_change *c, int64_t *ret_id,
			    struct upstream_error *e)
{
	struct world *w = self;
	struct site_refusal why;
	int64_t id;

	if (write_fails(w, e))
		return false;
	if (!site_write(w, 0, c, &id, &why))
		return refused(&why, e);
	*ret_id = id;
	return !lost(w, e);
}

static bool update_location(void *self, int64_t id, const struct location_change *c, struct upstream_error *e)
{
	struct world *w = self;
	struct site_refusal why;

	if (write_fails(w, e))
		return false;
	if (site_index(w, id) < 0)
		return not_found(e);
	return site_write(w, id, c, &id, &why) ? !lost(w, e) : refused(&why, e);
}

static bool delete_location(void *self, int64_t id, struct upstream_error *e)
{
	struct world *w = self;
	struct site_refusal why;

	if (write_fails(w, e))
		return false;
	if (site_index(w, id) < 0)
		return not_found(e);
	return site_remove(w, id, &why) ? !lost(w, e) : refused(&why, e);
}

struct infinity_port world_infinity_port(struct world *w)
{
	return (struct infinity_port){.observe = observe,
				      .set_maintenance = set_maintenance,
				      .start_cloudnode = start_cloudnode,
				      .find_location = find_location,
				      .create_location = create_location,
				      .update_location = update_location,
				      .delete_location = delete_location,
				      .self = w};
}

/* --- EC2 --- */

static bool refuse(struct upstream_error *e, struct verdict v)
{
	upstream_error_set(e, ec2_error_class(v.code, v.status), v.status, v.code, "ec2_refused", "", "%s",
			   v.message);
	return false;
}

static bool ec2_silent(struct world *w, enum world_fault_kind kind, struct upstream_error *e)
{
	if (!fault_on(w, kind))
		return false;
	upstream_error_set(e, UPSTREAM_RETRY, 0, "unreachable", "ec2_unreachable", "Check the way to EC2.",
			   "EC2 does not answer");
	return true;
}

/* Which instances a describe is after. */
struct wanted {
	const char *tag;
	const char *id;
	const char *const *addresses;
	size_t n_addresses;
};

static bool has_address(const struct ec2_instance *i, const char *const *addresses, size_t n)
{
	for (size_t a = 0; a < i->n_addresses; a++)
		for (size_t k = 0; k < n; k++)
			if (!strcmp(i->addresses[a], addresses[k]))
				return true;
	return false;
}

static bool is_wanted(const struct vm *v, const struct wanted *wanted)
{
	if (wanted->tag)
		return v->row.tag_value && !strcmp(v->row.tag_value, wanted->tag);
	if (wanted->id)
		return !strcmp(v->row.id, wanted->id);
	return has_address(&v->row, wanted->addresses, wanted->n_addresses);
}

static bool describe(struct region *region, const struct wanted *wanted, struct ec2_report **ret,
		     struct upstream_error *e)
{
	struct world *w = region->world;
	int32_t index = (int32_t)(region - w->regions);

	if (ec2_silent(w, WORLD_EC2_DOWN, e))
		return false;

	struct verdict v = ec2_admit_describe(w, index);

	if (v.code)
		return refuse(e, v);
	if (!wanted->id && ec2_silent(w, WORLD_EC2_PARTIAL, e))
		return false; /* half a list is never returned */

	struct ec2_report *r = ec2_report_new(region->name);
	int64_t as_of = ec2_as_of(w);

	if (!r)
		return false;
	r->observed_at = r->finished_at = w->now;
	r->whole = true;
	r->instances = arena_array(r->arena, w->n_instances + 1, sizeof(*r->instances));
	for (size_t i = 0; r->instances && i < w->n_instances; i++)
		if (w->instances[i].region == index && is_wanted(&w->instances[i], wanted))
			r->n_instances += vm_show(w, (int32_t)i, as_of, &r->instances[r->n_instances]);
	*ret = r;
	return true;
}

static bool describe_tagged(void *self, const char *tag_value, struct ec2_report **ret,
			    struct upstream_error *e)
{
	return describe(self, &(struct wanted){.tag = tag_value}, ret, e);
}

static bool describe_addresses(void *self, const char *const *addresses, size_t n, struct ec2_report **ret,
			       struct upstream_error *e)
{
	return describe(self, &(struct wanted){.addresses = addresses, .n_addresses = n}, ret, e);
}

static bool describe_instance(void *self, const char *instance_id, struct ec2_report **ret,
			      struct upstream_error *e)
{
	return describe(self, &(struct wanted){.id = instance_id}, ret, e);
}

static bool change(struct region *region, const char *id, enum world_deed how, struct ec2_state_change *ret,
		   struct upstream_error *e)
{
	static const struct verdict unknown = {"InvalidInstanceID.NotFound", 400,
					       "The instance ID does not exist"};
	struct world *w = region->world;
	int32_t index = (int32_t)(region - w->regions);
	int32_t instance = vm_find(w, index, id);

	if (ec2_silent(w, WORLD_EC2_DOWN, e))
		return false;

	struct verdict v = ec2_admit_change(w, index, how);

	if (!v.code)
		v = instance < 0 ? unknown : ec2_check(w, instance, how, false);
	if (v.code)
		return refuse(e, v);
	*ret = ec2_apply(w, instance, how, false);
	if (!ec2_silent(w, WORLD_EC2_LOST, e))
		return true;
	w->ledger[w->n_ledger - 1].code = "lost";
	return false;
}

static bool start(void *self, const char *instance_id, struct ec2_state_change *ret, struct upstream_error *e)
{
	return change(self, instance_id, WORLD_START, ret, e);
}

static bool stop(void *self, const char *instance_id, struct ec2_state_change *ret, struct upstream_error *e)
{
	return change(self, instance_id, WORLD_STOP, ret, e);
}

struct ec2_port world_ec2_port(struct world *w, const char *region)
{
	return (struct ec2_port){.describe_tagged = describe_tagged,
				 .describe_addresses = describe_addresses,
				 .describe_instance = describe_instance,
				 .start = start,
				 .stop = stop,
				 .self = &w->regions[region_get(w, region)]};
}

size_t world_regions(const struct world *w, const char **ret, size_t max)
{
	for (size_t i = 0; i < w->n_regions && i < max; i++)
		ret[i] = w->regions[i].name;
	return w->n_regions;
}

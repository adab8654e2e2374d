/*
 * The world itself: making one, moving its time on, its ledger, and looking at the truth. What things do is in the other
 * files; this one hands each scheduled thing to its owner.
 */
#include <stdarg.h>
#include <stdio.h>

#include "tests/world/internal.h"

/* --- memory: this is a test's model, so its end is the answer to "no memory" --- */

void *world_grow(void *array, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return array;
	*cap = *cap ? *cap * 2 : 16;

	void *p = realloc(array, *cap * size);

	if (!p)
		abort();
	return p;
}

int32_t pool_take(struct pool *p)
{
	return p->n_free ? p->free[--p->n_free] : -1;
}

void pool_give(struct pool *p, int32_t slot)
{
	GROW(p->free, p->n_free, p->cap_free);
	p->free[p->n_free++] = slot;
}

const char *world_text(struct world *w, const char *format, ...)
{
	char line[600];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);

	const char *copy = arena_strdup(w->strings, line);

	if (!copy)
		abort();
	return copy;
}

int64_t world_scaled(const struct world *w, double ms)
{
	double t = ms / w->options.scale;

	return t < 1 ? 1 : t > 1e15 ? INT64_MAX / 4 : (int64_t)t;
}

/* --- making one --- */

struct world_options world_options_default(uint64_t seed)
{
	return (struct world_options){
		.seed = seed,
		.scale = 1,
		.start_ms = 1767571200000, /* Monday 2026-01-05 00:00 UTC */
		.management_host = "mgr01",
		.principals = 3,
		.overflows = 2,
		.regions = 1,
		.always_on_nodes = 3,
		.burst_nodes = 4,
		.always_on_hd = 20,
		.burst_hd = 17,
		.traffic = true,
		.traffic_peak = 1.5,
		.call_minutes = 40,
		.pending_ms = 20000,
		.boot_ms = 300000,
		.stopping_ms = 40000,
		.suspend_ms = 30000,
		.replication_ms = 60000,
		.status_ms = 10000,
		.ec2_lag_ms = 3000,
		.throttle = true,
	};
}

static void scale_options(struct world *w)
{
	struct world_options *o = &w->options;
	int64_t *durations[] = {&o->pending_ms, &o->boot_ms,        &o->stopping_ms,
				&o->suspend_ms, &o->replication_ms, &o->status_ms};

	for (size_t i = 0; i < ARRAY_LEN(durations); i++)
		*durations[i] = world_scaled(w, (double)*durations[i]);
	if (o->ec2_lag_ms > 0) /* 0 stays none */
		o->ec2_lag_ms = world_scaled(w, (double)o->ec2_lag_ms);
	o->management_host = world_text(w, "%s", o->management_host ? o->management_host : "mgr01");
}

int64_t world_add_location(struct world *w, const struct world_location *l)
{
	GROW(w->sites, w->n_sites, w->cap_sites);
	w->sites[w->n_sites] = (struct site){
		.id = (int64_t)w->n_sites + 1, .name = world_text(w, "%s", l->name), .peak = l->peak_hd};
	w->n_sites++;
	world_link(w, (int64_t)w->n_sites, l->overflow1, l->overflow2);
	if (l->peak_hd > 0 && w->random_traffic)
		traffic_start(w, (int32_t)w->n_sites - 1);
	return (int64_t)w->n_sites;
}

void world_link(struct world *w, int64_t location, int64_t overflow1, int64_t overflow2)
{
	int32_t i = site_index(w, location);

	if (i < 0)
		return;
	w->sites[i].overflow1 = site_index(w, overflow1);
	w->sites[i].overflow2 = site_index(w, overflow2);
	w->location_rows = NULL; /* reports may hold the old ones */
}

/* Status as it stands before the first report of this world. */
static void first_status(struct world *w, struct machine *m, const struct world_node *n)
{
	struct infinity_node *row = &m->row;

	if (n->never_deployed)
		return; /* SYNC_NEVER */
	if (!n->bursting || n->running) {
		machine_up(w, m);
		return;
	}
	row->sync = SYNC_SUSPENDED; /* deployed once, then stopped; its capacity is still known */
	row->sync_text = "SUSPENDED";
	row->last_updated = w->now - world_scaled(w, 86400e3 / 2);
	row->max_hd = m->max_hd;
	row->tokens_max = (int64_t)m->max_hd * TOKENS_PER_HD;
	row->tokens_used = row->media_load = 0;
}

int64_t world_add_node(struct world *w, const struct world_node *n)
{
	int32_t index = (int32_t)w->n_nodes;
	int32_t site = site_index(w, n->location);
	char address[32];

	if (site < 0)
		return 0;
	(void)snprintf(address, sizeof(address), "%s.%d.%d", n->bursting ? "172.31" : "10.20", index / 250,
		       index % 250 + 4);
	(void)machine_new(w, n->name, site, n->proxying, n->max_hd, address);
	struct machine *m = &w->nodes[index];

	m->row.distributed_database = !n->bursting;
	if (n->bursting) {
		m->instance = vm_add(w, n, index, m->row.address);
		if (n->elastic)
			m->row.static_nat = vm_view(&w->instances[m->instance])->public_address;
	}
	first_status(w, m, n);
	return index + 1;
}

static void add_nodes(struct world *w, const char *prefix, int64_t location, const struct world_node *kind,
		      int n)
{
	struct world_node node = *kind;
	char name[33];

	node.location = location;
	node.name = name;
	for (int i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "%s-%d", prefix, i + 1);
		node.elastic =
			kind->bursting && i % 4 != 3; /* every fourth gets a new address at each start */
		node.two_interfaces =
			kind->bursting && i % 4 == 2; /* and every fourth is known by its second one */
		(void)world_add_node(w, &node);
	}
}

/* Principals come first, so principal i has id i + 1 and overflow j has id principals + j + 1. */
static void build_grid(struct world *w)
{
	static const char *const regions[] = {"eu-west-1", "eu-west-2", "eu-central-1", "us-east-1"};
	const struct world_options *o = &w->options;
	int64_t overflow0 = o->principals + 1;
	char name[33];

	for (int i = 0; i < o->principals + o->overflows; i++) {
		(void)snprintf(name, sizeof(name), i < o->principals ? "principal-%d" : "overflow-%d",
			       i < o->principals ? i + 1 : i + 1 - o->principals);
		(void)world_add_location(w, &(struct world_location){.name = name});
	}
	for (int i = 0; i < o->principals; i++) {
		int64_t primary = o->overflows ? overflow0 + i % o->overflows : 0;
		/* the next principal helps out; for every third it is the next overflow location (RULE S5) */
		int64_t secondary = i % 3 == 2 && o->overflows > 1 ? overflow0 + (i + 1) % o->overflows
				    : o->principals > 1            ? (i + 1) % o->principals + 1
								   : 0;

		world_link(w, i + 1, primary, secondary == primary ? 0 : secondary);
		(void)snprintf(name, sizeof(name), "p%d", i + 1);
		add_nodes(w, name, i + 1, &(struct world_node){.max_hd = o->always_on_hd},
			  o->always_on_nodes);
		w->sites[i].peak = o->traffic_peak * o->always_on_hd * o->always_on_nodes;
	}
	for (int j = 0; j < o->overflows; j++) {
		int regions_used = o->regions < 1 ? 1 : o->regions > 4 ? 4 : o->regions;

		(void)snprintf(name, sizeof(name), "burst%d", j + 1);
		add_nodes(w, name, overflow0 + j,
			  &(struct world_node){.max_hd = o->burst_hd,
					       .bursting = true,
					       .region = regions[j % regions_used]},
			  o->burst_nodes);
	}
}

struct world *world_new(const struct world_options *o)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->options = *o;
	w->now = o->start_ms;
	w->platform = (struct world_platform){
		.dns = 1, .ntp = 3, .licences = 1, .licence_days = 365, .certificate_days = 365};
	w->strings = arena_new((size_t)1 << 30);
	if (!w->strings) {
		free(w);
		return NULL;
	}
	chance_seed(&w->traffic, o->seed);
	chance_seed(&w->faults, o->seed ^ 0xfa17);
	chance_seed(&w->cloud, o->seed ^ 0xc10d);
	scale_options(w);
	catalog_start(w);
	build_grid(w);
	world_set_traffic(w, o->traffic);
	faults_start(w);
	return w;
}

void world_free(struct world *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->n_nodes; i++)
		json_decref(w->nodes[i].fields);
	for (size_t i = 0; i < w->n_groups; i++)
		free(w->groups[i].rules);
	free(w->groups);
	free(w->elastics);
	free(w->documents);
	for (size_t i = 0; i < w->n_sites; i++) {
		json_decref(w->sites[i].fields);
		free(w->sites[i].nodes);
		free(w->sites[i].conferences);
		free(w->sites[i].curve.points);
	}
	free(w->sites);
	free(w->nodes);
	free(w->instances);
	free(w->calls);
	free(w->free_calls.free);
	free(w->conferences);
	free(w->free_conferences.free);
	free(w->queue.heap);
	free(w->planned);
	free(w->ledger);
	arena_free(w->strings);
	free(w);
}

/* --- time --- */

static void happen(struct world *w, const struct scheduled *s)
{
	switch (s->kind) {
	case SCHED_CALL_END:
		call_ended(w, s->a, s->b);
		break;
	case SCHED_ARRIVAL:
		traffic_arrival(w, s->a, s->b);
		break;
	case SCHED_CURVE:
		traffic_curve(w, s->a);
		break;
	case SCHED_INSTANCE:
		vm_moved_on(w, s->a, s->b);
		break;
	case SCHED_BOOTED:
		vm_booted(w, s->a, s->b);
		break;
	case SCHED_SUSPEND:
		machine_suspend(w, &w->nodes[s->a], s->b);
		break;
	case SCHED_REPLICATE:
		machine_replicate(w, &w->nodes[s->a], s->b);
		break;
	case SCHED_FAULT_BEGIN:
		fault_begin_planned(w, s->a);
		break;
	case SCHED_FAULT_END:
		fault_end(w, (enum world_fault_kind)s->a, s->b);
		break;
	case SCHED_FAULT_RANDOM:
		fault_random(w, (enum world_fault_kind)s->a);
		break;
	case SCHED_RESTARTED:
		machine_restarted(w, &w->nodes[s->a], s->b);
		break;
	}
}

void world_advance(struct world *w, int64_t now)
{
	struct scheduled s;

	while (queue_take(&w->queue, now, &s)) {
		if (s.at > w->now)
			w->now = s.at;
		happen(w, &s);
	}
	if (now > w->now)
		w->now = now;
}

int64_t world_now(const struct world *w)
{
	return w->now;
}

int64_t world_next_event(const struct world *w)
{
	return w->queue.n ? w->queue.heap[0].at : INT64_MAX;
}

static int64_t clock_world(void *self)
{
	return world_now(self);
}

struct clock world_clock(struct world *w)
{
	return (struct clock){.now_ms = clock_world, .self = w};
}

/* --- settings --- */

void world_set_infinity_bursting(struct world *w, bool on)
{
	w->infinity_bursting = on;
}

void world_set_boot_ms(struct world *w, int64_t node, int64_t boot_ms)
{
	if (!node)
		w->options.boot_ms = world_scaled(w, (double)boot_ms); /* of those to come */
	for (size_t i = 0; i < w->n_nodes; i++)
		if (!node || w->nodes[i].row.id == node)
			w->nodes[i].boot_ms = world_scaled(w, (double)boot_ms);
}

/* --- looking --- */

int32_t site_index(const struct world *w, int64_t id)
{
	return id >= 1 && id <= (int64_t)w->n_sites && !w->sites[id - 1].gone ? (int32_t)(id - 1) : -1;
}

int32_t node_index(const struct world *w, int64_t id)
{
	return id >= 1 && id <= (int64_t)w->n_nodes && !w->nodes[id - 1].gone ? (int32_t)(id - 1) : -1;
}

struct world_counters world_counters(const struct world *w)
{
	struct world_counters c = w->counters;

	for (size_t i = 0; i < w->n_instances; i++) {
		enum instance_state state = vm_view(&w->instances[i])->state;

		if (state != INSTANCE_STOPPED && state != INSTANCE_TERMINATED)
			c.burst_running_ms += w->now - w->instances[i].on_since;
	}
	for (size_t i = 0; i < w->n_elastics; i++)
		c.addresses_held += w->elastics[i].made && !w->elastics[i].gone;
	return c;
}

struct world_record *ledger_add(struct world *w, enum world_deed deed, struct machine *m, struct vm *v)
{
	GROW(w->ledger, w->n_ledger, w->cap_ledger);
	struct world_record *r = &w->ledger[w->n_ledger++];

	*r = (struct world_record){.time = w->now, .deed = deed, .up_ms = -1};
	if (m) {
		r->node = m->row.id;
		r->calls = m->used;
		r->maintenance = m->maintenance_known;
		r->free_hd = site_free_hd(w, m->site);
		r->pending_hd = site_pending_hd(w, m->site);
	}
	if (v) {
		r->instance = v->row.id;
		r->previous = vm_view(v)->state;
		if (r->previous != INSTANCE_STOPPED)
			r->up_ms = w->now - vm_view(v)->launch;
	}
	return r;
}

const struct world_record *world_ledger(const struct world *w, size_t *ret_n)
{
	*ret_n = w->n_ledger;
	return w->ledger;
}

size_t world_node_count(const struct world *w)
{
	return w->n_nodes;
}

struct world_node_state world_node_at(const struct world *w, size_t index)
{
	const struct machine *m = &w->nodes[index];
	struct world_node_state s = {.id = m->row.id,
				     .name = m->row.name,
				     .location = m->row.location,
				     .gone = m->gone,
				     .bursting = m->instance >= 0,
				     .state = INSTANCE_RUNNING,
				     .synced = m->up,
				     .maintenance = m->row.maintenance,
				     .maintenance_known = m->maintenance_known,
				     .maintenance_reason = m->row.maintenance_reason,
				     .max_hd = m->max_hd,
				     .calls = m->used,
				     .conferences = m->shards};

	if (m->instance >= 0) {
		struct vm *v = &w->instances[m->instance];

		s.instance = v->row.id;
		s.region = v->row.region;
		s.state = vm_view(v)->state;
		s.launch_ms = vm_view(v)->launch;
	}
	return s;
}

bool world_node_find(const struct world *w, int64_t id, struct world_node_state *ret)
{
	int32_t i = node_index(w, id);

	if (i < 0)
		return false;
	*ret = world_node_at(w, (size_t)i);
	return true;
}

size_t world_location_count(const struct world *w)
{
	return w->n_sites;
}

struct world_location_state world_location_at(const struct world *w, size_t index)
{
	const struct site *site = &w->sites[index];
	struct world_location_state s = {.id = site->id,
					 .name = site->name,
					 .gone = site->gone,
					 .overflow1 = site->overflow1 < 0 ? 0 : w->sites[site->overflow1].id,
					 .overflow2 = site->overflow2 < 0 ? 0 : w->sites[site->overflow2].id,
					 .principal = site_is_principal(w, (int32_t)index),
					 .overflow = site_is_overflow(w, (int32_t)index),
					 .free_hd = site_free_hd(w, (int32_t)index),
					 .calls = site->calls};

	for (size_t i = 0; i < site->n_nodes; i++)
		if (machine_takes_new(w, &w->nodes[site->nodes[i]]))
			s.max_hd += w->nodes[site->nodes[i]].max_hd;
	return s;
}

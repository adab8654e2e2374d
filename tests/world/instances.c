/*
 * EC2: instances with their states, addresses and reasons; what a start or stop does; who may; how fast one may ask; and
 * what a describe shows, which is the past.
 *
 *   stopped -> pending -> running -> stopping -> stopped; pending -> stopped where capacity fails late.
 */
#include <stdio.h>

#include "fleet/guide.h"
#include "tests/world/internal.h"

#define START_BUCKET    5, 2 /* facts 6.1: capacity, refill a second */
#define STOP_BUCKET     50, 5
#define DESCRIBE_BUCKET 100, 20

static const struct verdict done = {0};

int32_t region_find(const struct world *w, const char *name)
{
	for (size_t i = 0; i < w->n_regions; i++)
		if (!strcmp(w->regions[i].name, name))
			return (int32_t)i;
	return -1;
}

int32_t region_get(struct world *w, const char *name)
{
	int32_t i = region_find(w, name);

	if (i >= 0)
		return i;
	if (w->n_regions == REGIONS_MOST)
		abort();
	w->regions[w->n_regions] = (struct region){.world = w,
						   .name = world_text(w, "%s", name),
						   .describe = {100, w->now},
						   .start = {5, w->now},
						   .stop = {50, w->now}};
	return (int32_t)w->n_regions++;
}

static bool is_forgotten(const struct world *w, const struct vm *v)
{
	return v->terminated_at && w->now > v->terminated_at + world_scaled(w, TERMINATED_MS);
}

static bool is_known(const struct world *w, const struct vm *v)
{
	return w->now >= v->known_from && !is_forgotten(w, v);
}

int32_t vm_find(const struct world *w, int32_t region, const char *id)
{
	for (size_t i = 0; i < w->n_instances; i++)
		if ((region < 0 || w->instances[i].region == region) && !strcmp(w->instances[i].row.id, id) &&
		    is_known(w, &w->instances[i]))
			return (int32_t)i;
	return -1;
}

const char *vm_tag(const struct vm *v, const char *key)
{
	for (size_t i = 0; i < v->row.n_tags; i++)
		if (!strcmp(v->row.tags[i].key, key))
			return v->row.tags[i].value;
	return NULL;
}

/* --- making one --- */

static void *keep(struct world *w, size_t n, size_t size)
{
	void *p = arena_array(w->strings, n ? n : 1, size);

	if (!p)
		abort();
	return p;
}

static void set_tags(struct world *w, struct vm *v, const char *name, const char *tag)
{
	struct instance_tag *tags = keep(w, 2, sizeof(*tags)); /* anew: reports may hold the old ones */

	tags[0] = (struct instance_tag){"Name", name};
	if (tag)
		tags[1] = (struct instance_tag){"pexip-cloud", tag};
	vm_set_tags(v, tags, tag ? 2 : 1);
}

void vm_set_tags(struct vm *v, struct instance_tag *tags, size_t n)
{
	v->row.tags = tags;
	v->row.n_tags = n;
	v->row.tag_value = vm_tag(v, "pexip-cloud");
}

static void set_addresses(struct world *w, struct vm *v, const char *address, bool second)
{
	v->row.n_addresses = second ? 2 : 1;
	v->row.addresses = keep(w, v->row.n_addresses, sizeof(char *));
	if (second)
		v->row.addresses[0] =
			world_text(w, "172.30.%zu.%zu", w->n_instances / 250, w->n_instances % 250 + 4);
	v->row.addresses[v->row.n_addresses - 1] = address;
}

const char *public_address_new(struct world *w)
{
	uint64_t x = chance_next(&w->cloud);

	return world_text(w, "18.%u.%u.%u", (unsigned)(200 + x % 20), (unsigned)(x >> 8 & 255),
			  (unsigned)(1 + (x >> 16) % 254));
}

void vm_push(struct world *w, struct vm *v, struct view next)
{
	next.at = w->now;
	v->views[v->n_views++ % VIEWS] = next;
}

int32_t vm_add(struct world *w, const struct world_node *n, int32_t node, const char *address)
{
	const char *region = n->region ? n->region : "eu-west-1";
	bool up = n->running;

	GROW(w->instances, w->n_instances, w->cap_instances);
	struct vm *v = &w->instances[w->n_instances];

	*v = (struct vm){.node = node,
			 .region = region_get(w, region),
			 .elastic = n->elastic,
			 .booted = up,
			 .on_since = w->now,
			 .automatic = !n->elastic};
	v->row.id = world_text(w, "i-0%016llx",
			       (unsigned long long)chance_hash(w->options.seed ^ (w->n_instances << 20)));
	v->no_ena = n->without_ena;
	v->row.type = n->without_ena ? "c4.2xlarge" : "c5.2xlarge";
	v->row.region = w->regions[v->region].name;
	v->row.zone = world_text(w, "%sa", v->row.region);
	v->row.tenancy = "dedicated";
	v->row.elastic = n->elastic;
	set_tags(w, v, world_text(w, "%s", n->name), n->untagged ? NULL : w->options.management_host);
	set_addresses(w, v, address, n->two_interfaces);
	vm_push(w, v,
		(struct view){.state = up ? INSTANCE_RUNNING : INSTANCE_STOPPED,
			      .launch = w->now - world_scaled(w, (up ? 60 : 900) * 60000.0),
			      .public_address = up || n->elastic ? public_address_new(w) : NULL,
			      .reason_code = up ? NULL : "Client.UserInitiatedShutdown",
			      .reason_message =
				      up ? NULL : "Client.UserInitiatedShutdown: User initiated shutdown"});
	if (n->elastic)
		(void)elastic_add(w, v->region, (int32_t)w->n_instances, vm_view(v)->public_address);
	return (int32_t)w->n_instances++;
}

void world_set_tag(struct world *w, int64_t node, const char *value)
{
	int32_t i = node_index(w, node);

	if (i < 0 || w->nodes[i].instance < 0)
		return;
	struct vm *v = &w->instances[w->nodes[i].instance];
	struct instance_tag *tags = v->row.tags;
	size_t n = v->row.n_tags;

	tags_set(w, &tags, &n, "pexip-cloud", value);
	vm_set_tags(v, tags, n);
}

/* --- asking --- */

struct verdict ec2_admit(struct world *w, int32_t region, struct bucket *b, double capacity,
			 double per_second)
{
	static const struct verdict refused = {"RequestLimitExceeded", 503, "Request limit exceeded."};
	double more = (double)(w->now - b->at) / 1000 * per_second * w->options.scale;

	(void)region;
	b->tokens = b->tokens + more < capacity ? b->tokens + more : capacity;
	b->at = w->now;
	if (fault_on(w, WORLD_EC2_THROTTLED) || (w->options.throttle && b->tokens < 1)) {
		w->counters.throttled++;
		return refused;
	}
	b->tokens -= 1;
	return done;
}

struct verdict ec2_admit_describe(struct world *w, int32_t region)
{
	w->counters.describes++;
	return ec2_admit(w, region, &w->regions[region].describe, DESCRIBE_BUCKET);
}

struct verdict ec2_admit_change(struct world *w, int32_t region, enum world_deed how)
{
	if (how == WORLD_STOP)
		return ec2_admit(w, region, &w->regions[region].stop, STOP_BUCKET);
	return ec2_admit(w, region, &w->regions[region].start, START_BUCKET);
}

static bool vm_fault(const struct world *w, const struct vm *v, enum world_fault_kind kind)
{
	return v->node >= 0 && machine_fault(w, &w->nodes[v->node], kind);
}

struct verdict ec2_may(struct world *w, int32_t instance, bool whatever_tag)
{
	static const struct verdict refused = {"UnauthorizedOperation", 403,
					       "You are not authorized to perform this operation. No "
					       "identity-based policy allows the action"};
	const struct vm *v = &w->instances[instance];
	const char *tag = vm_tag(v, "pexip-cloud");

	/* the policy of the guide: ec2:ResourceTag/pexip-cloud = tag value */
	if (vm_fault(w, v, WORLD_DENIED))
		return refused;
	if (!whatever_tag && !w->network.wide_policy &&
	    (!tag || strcmp(tag, w->options.management_host) != 0))
		return refused;
	return done;
}

static struct verdict check_start(struct world *w, const struct vm *v, enum instance_state state)
{
	if (state != INSTANCE_STOPPED)
		w->counters.double_starts++;
	if (state == INSTANCE_STOPPING || state == INSTANCE_SHUTTING_DOWN || state == INSTANCE_TERMINATED)
		return (struct verdict){"IncorrectInstanceState", 400,
					"The instance is not in a state from which it can be started."};
	if (state == INSTANCE_STOPPED && v->no_ena && type_find(v->row.type)->ena)
		return (struct verdict){
			"InvalidParameterCombination", 400,
			"Enhanced networking with the Elastic Network Adapter (ENA) is required for this "
			"instance type. Ensure that your instance is enabled for ENA."};
	if (state == INSTANCE_STOPPED && vm_fault(w, v, WORLD_CAPACITY))
		return (struct verdict){
			"InsufficientInstanceCapacity", 500,
			"Insufficient capacity in the Availability Zone for this instance type."};
	return done;
}

struct verdict ec2_check(struct world *w, int32_t instance, enum world_deed how, bool whatever_tag)
{
	struct vm *v = &w->instances[instance];
	enum instance_state state = vm_view(v)->state;
	struct verdict verdict = how == WORLD_START_CLOUDNODE ? done : ec2_may(w, instance, whatever_tag);

	if (!verdict.code && how != WORLD_STOP)
		verdict = check_start(w, v, state);
	else if (!verdict.code && (state == INSTANCE_PENDING || state == INSTANCE_SHUTTING_DOWN ||
				   state == INSTANCE_TERMINATED))
		verdict = (struct verdict){"IncorrectInstanceState", 400,
					   "The instance is not in a state from which it can be stopped."};
	if (!verdict.code)
		return done;
	if (how != WORLD_STOP)
		w->counters.starts_refused++;
	ledger_add(w, how, v->node >= 0 ? &w->nodes[v->node] : NULL, v)->code = verdict.code;
	return verdict;
}

/* --- doing --- */

int64_t vm_about(struct world *w, int64_t ms)
{
	int64_t t = (int64_t)((double)ms * chance_between(&w->cloud, .8, 1.2));

	return t > 0 ? t : 1;
}

static void vm_start(struct world *w, int32_t instance)
{
	struct vm *v = &w->instances[instance];
	struct view next = *vm_view(v);
	int64_t pending = vm_about(w, w->options.pending_ms);
	int64_t boot = w->options.boot_ms;

	if (v->node >= 0 && w->nodes[v->node].boot_ms)
		boot = w->nodes[v->node].boot_ms;
	boot = vm_about(w, boot);
	if (v->blank || v->manager)
		boot = pending + world_scaled(w, FIRST_BOOT_MS);
	v->generation++;
	v->on_since = w->now;
	v->fail_late = vm_fault(w, v, WORLD_CAPACITY_LATE);
	next.state = INSTANCE_PENDING;
	next.launch = w->now;
	next.reason_code = next.reason_message = NULL;
	if (!v->elastic && v->automatic)
		next.public_address = public_address_new(w);
	vm_push(w, v, next);
	queue_add(&w->queue, w->now + pending, SCHED_INSTANCE, instance, v->generation);
	queue_add(&w->queue, w->now + (boot > pending ? boot : pending + 1), SCHED_BOOTED, instance,
		  v->generation);
	w->counters.starts++;
}

static void vm_stop(struct world *w, int32_t instance, bool outside)
{
	struct vm *v = &w->instances[instance];
	struct view next = *vm_view(v);

	v->generation++;
	v->waits = v->booted = false;
	next.state = INSTANCE_STOPPING;
	next.reason_code = "Client.UserInitiatedShutdown";
	next.reason_message = "Client.UserInitiatedShutdown: User initiated shutdown";
	vm_push(w, v, next);
	queue_add(&w->queue, w->now + vm_about(w, w->options.stopping_ms), SCHED_INSTANCE, instance,
		  v->generation);
	if (v->node >= 0)
		machine_down(w, &w->nodes[v->node], outside);
}

static void count_stop(struct world *w, const struct world_record *r)
{
	if (r->outside)
		return;
	w->counters.stops++;
	w->counters.stops_busy += r->calls > 0;
	w->counters.stops_unmaintained += !r->maintenance;
}

struct ec2_state_change ec2_apply(struct world *w, int32_t instance, enum world_deed how, bool outside)
{
	struct vm *v = &w->instances[instance];
	enum instance_state previous = vm_view(v)->state;
	struct world_record *r = ledger_add(w, how, v->node >= 0 ? &w->nodes[v->node] : NULL, v);

	r->accepted = true;
	r->outside = outside;
	if (how == WORLD_STOP && previous == INSTANCE_RUNNING) {
		count_stop(w, r);
		vm_stop(w, instance, outside);
	} else if (how != WORLD_STOP && previous == INSTANCE_STOPPED) {
		vm_start(w, instance);
	}
	return (struct ec2_state_change){.previous = previous, .current = vm_view(v)->state};
}

static void vm_off(struct world *w, struct vm *v, struct view *next)
{
	next->state = INSTANCE_STOPPED;
	if (!v->elastic)
		next->public_address = NULL;
	w->counters.burst_running_ms += w->now - v->on_since;
}

void vm_moved_on(struct world *w, int32_t instance, int64_t generation)
{
	struct vm *v = &w->instances[instance];
	struct view next = *vm_view(v);

	if (v->generation != generation)
		return;
	if (next.state == INSTANCE_STOPPING) {
		vm_off(w, v, &next);
	} else if (next.state == INSTANCE_SHUTTING_DOWN) {
		vm_terminated(w, v, &next);
	} else if (v->fail_late) {
		v->generation++; /* it will never boot */
		next.reason_code = "Server.InsufficientInstanceCapacity";
		next.reason_message = "Server.InsufficientInstanceCapacity: Insufficient capacity to satisfy "
				      "instance request";
		if (v->fresh)
			vm_terminated(w, v, &next);
		else
			vm_off(w, v, &next);
	} else {
		next.state = INSTANCE_RUNNING;
		v->fresh = false;
	}
	vm_push(w, v, next);
}

void vm_booted(struct world *w, int32_t instance, int64_t generation)
{
	struct vm *v = &w->instances[instance];

	if (v->generation != generation)
		return;
	v->waits = v->blank;
	v->booted = true;
	if (v->blank || v->node < 0 || w->nodes[v->node].document != v->document)
		return;
	if (v->resized || w->nodes[v->node].made)
		w->nodes[v->node].max_hd = guide_vcpu(v->row.type) * GUIDE_NODE_HD / GUIDE_TRANSCODING_VCPU;
	if (machine_fault(w, &w->nodes[v->node], WORLD_NEVER_SYNC))
		w->nodes[v->node].stuck = true;
	else
		machine_up(w, &w->nodes[v->node]);
}

/* --- showing --- */

int64_t ec2_as_of(struct world *w)
{
	int64_t lag = w->options.ec2_lag_ms > 0
			      ? (int64_t)chance_below(&w->cloud, (uint64_t)w->options.ec2_lag_ms + 1)
			      : 0;

	if (fault_on(w, WORLD_EC2_STALE) && w->fault_value[WORLD_EC2_STALE] > lag)
		lag = w->fault_value[WORLD_EC2_STALE];
	return w->now - lag;
}

bool vm_show(struct world *w, int32_t instance, int64_t as_of, struct ec2_instance *ret)
{
	struct vm *v = &w->instances[instance];
	int64_t oldest = v->n_views > VIEWS ? v->n_views - VIEWS : 0;
	int64_t i = v->n_views - 1;

	while (i > oldest && v->views[i % VIEWS].at > as_of)
		i--;
	if (as_of < v->born || is_forgotten(w, v))
		return false;
	if (fault_on(w, WORLD_EC2_MISSING) && chance_below(&w->cloud, 3) == 0)
		return false;

	const struct view *seen = &v->views[i % VIEWS];

	*ret = v->row;
	ret->state = seen->state;
	ret->launch_time = seen->launch;
	ret->public_address = seen->public_address;
	ret->state_reason_code = seen->reason_code;
	ret->state_reason_message = seen->reason_message;
	if (seen->state == INSTANCE_TERMINATED)
		ret->n_addresses = 0;
	return true;
}

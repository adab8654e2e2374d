/*
 * Faults: set by hand for a time, planned ahead, or drawn by the random schedule. A fault is a time until which it
 * lasts, so whoever is concerned only compares; ends are events only because some of them mend something.
 */
#include "tests/world/internal.h"

enum aim { AIM_ALL, AIM_NODE };

static const struct {
	const char *name;
	enum aim aim;
	double per_day;
	double minutes;
} kinds[] = {
#define X(name, text, aim, per_day, minutes) [WORLD_##name] = {text, AIM_##aim, per_day, minutes},
	WORLD_FAULTS(X)
#undef X
};

#define DEFAULT_VALUE_MS 30000.0

const char *world_fault_text(enum world_fault_kind kind)
{
	return kinds[kind].name;
}

enum world_fault_kind world_fault_from_text(const char *name)
{
	int kind = 0;

	while (kind < WORLD_FAULT_COUNT && strcmp(kinds[kind].name, name) != 0)
		kind++;
	return (enum world_fault_kind)kind;
}

bool fault_on(const struct world *w, enum world_fault_kind kind)
{
	return w->now < w->fault_until[kind];
}

static bool is_instant(enum world_fault_kind kind)
{
	return kind == WORLD_OUTSIDE_START || kind == WORLD_OUTSIDE_STOP;
}

/* Where the end of a fault is kept; NULL where the target does not exist. */
static int64_t *until_of(struct world *w, enum world_fault_kind kind, int64_t target)
{
	int32_t node = node_index(w, target);

	if (kinds[kind].aim == AIM_ALL)
		return &w->fault_until[kind];
	return node < 0 ? NULL : &w->nodes[node].fault_until[kind];
}

/* Somebody in the EC2 console: no bucket, no policy of ours. */
static void outside_actor(struct world *w, enum world_deed how, int64_t node)
{
	int32_t i = node_index(w, node);
	enum instance_state from = how == WORLD_STOP ? INSTANCE_RUNNING : INSTANCE_STOPPED;

	if (i >= 0 && w->nodes[i].instance >= 0 &&
	    vm_view(&w->instances[w->nodes[i].instance])->state == from)
		(void)ec2_apply(w, w->nodes[i].instance, how, true);
}

void world_set_maintenance(struct world *w, int64_t node, bool on, const char *reason)
{
	int32_t i = node_index(w, node);

	if (i >= 0)
		machine_patch(w, &w->nodes[i], on, reason, true);
}

/* What a fault does at its beginning, besides lasting. */
static void begin_effect(struct world *w, enum world_fault_kind kind, int64_t target)
{
	if (kind == WORLD_INFINITY_FROZEN && !w->frozen)
		status_hold(w);
	if (kind == WORLD_OUTSIDE_START)
		outside_actor(w, WORLD_START, target);
	if (kind == WORLD_OUTSIDE_STOP)
		outside_actor(w, WORLD_STOP, target);
	if (kind == WORLD_OUTSIDE_MAINTENANCE)
		world_set_maintenance(w, target, true, "somebody works on this node");
	if (kind == WORLD_NODE_CRASH)
		machine_settle(w, &w->nodes[node_index(w, target)]); /* its last word */
}

static void begin(struct world *w, const struct world_fault *f)
{
	int64_t *until = until_of(w, f->kind, f->target);

	if (!until || (f->until <= w->now && !is_instant(f->kind)))
		return;
	begin_effect(w, f->kind, f->target);
	w->counters.faults++;
	if (is_instant(f->kind))
		return;
	if (f->until > *until)
		*until = f->until;
	w->fault_value[f->kind] = world_scaled(w, f->value ? (double)f->value : DEFAULT_VALUE_MS);
	if (*until != INT64_MAX)
		queue_add(&w->queue, *until, SCHED_FAULT_END, (int32_t)f->kind, f->target);
}

void world_fault_add(struct world *w, const struct world_fault *f)
{
	if (f->from <= w->now) {
		begin(w, f);
		return;
	}
	GROW(w->planned, w->n_planned, w->cap_planned);
	w->planned[w->n_planned] = *f;
	queue_add(&w->queue, f->from, SCHED_FAULT_BEGIN, (int32_t)w->n_planned++, 0);
}

void fault_begin_planned(struct world *w, int32_t index)
{
	if (w->planned[index].kind != WORLD_FAULT_COUNT) /* cleared */
		begin(w, &w->planned[index]);
}

static void end_of_node_fault(struct world *w, enum world_fault_kind kind, struct machine *m)
{
	if (kind == WORLD_NODE_CRASH)
		m->floor = w->now;
	if (kind == WORLD_NEVER_SYNC && m->stuck)
		machine_up(w, m);
	if (kind == WORLD_OUTSIDE_MAINTENANCE)
		machine_patch(w, m, false, "", true);
}

/* The scheduled end, unless the fault was made longer or cleared meanwhile. */
void fault_end(struct world *w, enum world_fault_kind kind, int64_t target)
{
	int64_t *until = until_of(w, kind, target);

	if (!until || !*until || *until > w->now)
		return;
	*until = 0;
	if (kind == WORLD_INFINITY_FROZEN)
		status_resume(w);
	if (kinds[kind].aim == AIM_NODE)
		end_of_node_fault(w, kind, &w->nodes[node_index(w, target)]);
}

static void clear_one(struct world *w, enum world_fault_kind kind, int64_t target)
{
	int64_t *until = until_of(w, kind, target);

	if (!until || !*until)
		return;
	*until = w->now;
	fault_end(w, kind, target);
}

void world_fault_clear(struct world *w, enum world_fault_kind kind, int64_t target)
{
	for (size_t i = 0; i < w->n_planned; i++)
		if (w->planned[i].kind == kind && (!target || w->planned[i].target == target))
			w->planned[i].kind = WORLD_FAULT_COUNT;
	if (kinds[kind].aim == AIM_ALL || target) {
		clear_one(w, kind, target);
		return;
	}
	for (size_t i = 0; i < w->n_nodes; i++)
		clear_one(w, kind, w->nodes[i].row.id);
}

void world_faults_clear(struct world *w)
{
	w->random_faults = false;
	for (int kind = 0; kind < WORLD_FAULT_COUNT; kind++)
		world_fault_clear(w, (enum world_fault_kind)kind, 0);
}

bool world_fault_active(const struct world *w, enum world_fault_kind kind, int64_t target)
{
	int32_t node = node_index(w, target);

	if (kinds[kind].aim == AIM_ALL)
		return fault_on(w, kind);
	return node >= 0 && machine_fault(w, &w->nodes[node], kind);
}

/* --- the random schedule --- */

static void schedule_random(struct world *w, enum world_fault_kind kind)
{
	if (kinds[kind].per_day <= 0)
		return;
	double per_day = kinds[kind].per_day * w->options.fault_level;
	double days = chance_exp(&w->faults, 1 / per_day);
	int64_t at = w->now + world_scaled(w, days * 86400e3);

	if (!w->options.faults_until_ms || at < w->options.faults_until_ms)
		queue_add(&w->queue, at, SCHED_FAULT_RANDOM, (int32_t)kind, 0);
}

void faults_start(struct world *w)
{
	w->random_faults = w->options.fault_level > 0;
	for (int kind = 0; w->random_faults && kind < WORLD_FAULT_COUNT; kind++)
		schedule_random(w, (enum world_fault_kind)kind);
}

/* A bursting node, 0 = there is none. */
static int64_t random_target(struct world *w)
{
	if (!w->n_instances)
		return 0;
	int32_t node = w->instances[chance_below(&w->faults, w->n_instances)].node;

	return node < 0 ? 0 : w->nodes[node].row.id;
}

void fault_random(struct world *w, enum world_fault_kind kind)
{
	double minutes = kinds[kind].minutes;
	double lasts = chance_exp(&w->faults, minutes + .001);
	struct world_fault f = {.kind = kind, .from = w->now};

	if (!w->random_faults)
		return;
	if (lasts > 4 * minutes)
		lasts = 4 * minutes;
	f.until = w->now + world_scaled(w, lasts * 60e3);
	if (w->options.faults_until_ms && f.until > w->options.faults_until_ms)
		f.until = w->options.faults_until_ms;
	if (kinds[kind].aim == AIM_NODE)
		f.target = random_target(w);
	f.value = (int64_t)chance_between(&w->faults, 2000, kind == WORLD_INFINITY_SLOW ? 40000 : 60000);
	begin(w, &f);
	schedule_random(w, kind);
}

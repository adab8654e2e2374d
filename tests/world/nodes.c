/*
 * Conferencing Nodes as Infinity sees them: status that is as old as its last report, maintenance mode that takes its
 * time to arrive, silence, and what a location can still take (the truth, for the ledger).
 *
 * Reports are not events. Each node reports at phase + k * period + jitter(k); whoever is about to change the node's load
 * or to read its status settles it first, which takes down what was true at the last such instant. So a week of status
 * every ten seconds costs nothing while nobody looks.
 */
#include "tests/world/internal.h"

bool machine_fault(const struct world *w, const struct machine *m, enum world_fault_kind kind)
{
	return w->now < m->fault_until[kind];
}

static bool reporting(const struct world *w, const struct machine *m)
{
	return m->up && !w->frozen && !machine_fault(w, m, WORLD_NODE_CRASH);
}

static int64_t report_instant(const struct machine *m, int64_t k, int64_t period)
{
	int64_t span = period / 5;
	int64_t jitter = span ? (int64_t)(chance_hash(m->hash ^ (uint64_t)k) % (uint64_t)span) : 0;

	return m->phase + k * period + jitter;
}

/* The node's last report at or before now. */
static int64_t last_report(const struct world *w, const struct machine *m)
{
	int64_t period = w->options.status_ms;
	int64_t k = (w->now - m->phase) / period;
	int64_t at = report_instant(m, k, period);

	return at <= w->now ? at : report_instant(m, k - 1, period);
}

/* Writes the present truth into the row, as reported at `at`. */
static void report(struct machine *m, int64_t at)
{
	struct infinity_node *row = &m->row;

	m->status_at = at;
	row->last_updated = at;
	row->sync = SYNC_SYNCED;
	row->sync_text = "SYNCED";
	row->status_maintenance = m->maintenance_known;
	row->max_hd = m->max_hd;
	row->tokens_max = (int64_t)m->max_hd * TOKENS_PER_HD;
	row->tokens_used = (int64_t)m->used * TOKENS_PER_HD;
	row->media_load = m->maintenance_known ? 100 : m->max_hd ? m->used * 100 / m->max_hd : 0;
	row->signaling = m->signalling;
	row->conferences = m->shards;
	row->participants = m->participants;
}

void machine_settle(struct world *w, struct machine *m)
{
	if (!reporting(w, m))
		return;
	int64_t at = last_report(w, m);

	if (at > m->status_at && at >= m->floor)
		report(m, at);
}

void status_hold(struct world *w)
{
	for (size_t i = 0; i < w->n_nodes; i++)
		machine_settle(w, &w->nodes[i]);
	w->frozen = true;
}

void status_resume(struct world *w)
{
	w->frozen = false;
	for (size_t i = 0; i < w->n_nodes; i++) {
		struct machine *m = &w->nodes[i];

		m->floor = w->now;
		if (m->instance >= 0 && m->row.sync == SYNC_SYNCED) /* down meanwhile, perhaps */
			machine_suspend(w, m, w->instances[m->instance].generation);
	}
}

void machine_up(struct world *w, struct machine *m)
{
	m->up = true;
	m->stuck = false;
	m->floor = w->now;
	m->maintenance_known = m->row.maintenance; /* the configuration comes with the boot */
	m->maintenance_voided = m->maintenance_generation;
	if (reporting(w, m))
		report(m, w->now);
}

void machine_down(struct world *w, struct machine *m, bool outside)
{
	m->stuck = false; /* a boot that never ended does not end later either */
	if (!m->up)
		return;
	machine_settle(w, m);

	int cut = calls_cut_on(w, (int32_t)(m - w->nodes));

	if (outside)
		w->counters.calls_cut_outside += cut;
	else
		w->counters.calls_cut += cut;
	m->up = false;
	if (m->instance >= 0)
		queue_add(&w->queue, w->now + w->options.suspend_ms, SCHED_SUSPEND, (int32_t)(m - w->nodes),
			  w->instances[m->instance].generation);
}

/* The manager gives up what the node had told. */
static void forget(struct machine *m)
{
	m->row.conferences = 0;
	m->row.participants = 0;
	m->row.signaling = 0;
	m->row.tokens_used = 0;
	m->row.media_load = 0;
}

void machine_suspend(struct world *w, struct machine *m, int64_t generation)
{
	if (m->up || w->frozen || (m->instance >= 0 && w->instances[m->instance].generation != generation))
		return;
	m->row.sync = SYNC_SUSPENDED;
	m->row.sync_text = "SUSPENDED";
	forget(m);
}

void machine_patch(struct world *w, struct machine *m, bool on, const char *reason, bool outside)
{
	struct world_record *r = ledger_add(w, WORLD_PATCH, m, NULL);

	r->outside = outside;
	r->maintenance = on;
	r->accepted = true;
	m->row.maintenance = on;
	m->row.maintenance_reason = world_text(w, "%s", reason ? reason : "");
	if (!outside)
		w->counters.patches++;
	queue_add(&w->queue, w->now + w->options.replication_ms, SCHED_REPLICATE, (int32_t)(m - w->nodes),
		  2 * ++m->maintenance_generation + on);
}

/* `change` is twice the change's number plus its value: every change arrives, in order, unless a boot was quicker. */
void machine_replicate(struct world *w, struct machine *m, int64_t change)
{
	if (!m->up || change / 2 <= m->maintenance_voided)
		return;
	machine_settle(w, m);
	m->maintenance_known = change % 2;
}

/* --- made, moved and deleted through the API --- */

int32_t machine_new(struct world *w, const char *name, int32_t site, bool proxying, int max_hd,
		    const char *address)
{
	int32_t index = (int32_t)w->n_nodes;
	uint64_t hash = chance_hash(w->options.seed + 77 * (uint64_t)index);

	GROW(w->nodes, w->n_nodes, w->cap_nodes);
	struct machine *m = &w->nodes[w->n_nodes++];
	struct site *s = &w->sites[site];

	*m = (struct machine){.site = site, .instance = -1, .max_hd = max_hd, .hash = hash};
	m->phase = w->now - w->options.status_ms * 4 - (int64_t)(hash % (uint64_t)w->options.status_ms);
	m->row = (struct infinity_node){.id = index + 1,
					.name = world_text(w, "%s", name),
					.address = world_text(w, "%s", address),
					.location = s->id,
					.role = proxying ? ROLE_PROXYING : ROLE_TRANSCODING,
					.maintenance_reason = "",
					.media_load = -1,
					.tokens_max = -1,
					.tokens_used = -1};
	GROW(s->nodes, s->n_nodes, s->cap_nodes);
	s->nodes[s->n_nodes++] = index;
	return index;
}

static void leave_site(struct world *w, struct machine *m)
{
	struct site *s = &w->sites[m->site];
	size_t n = 0;

	for (size_t i = 0; i < s->n_nodes; i++)
		if (s->nodes[i] != (int32_t)(m - w->nodes))
			s->nodes[n++] = s->nodes[i];
	s->n_nodes = n;
}

void machine_restart(struct world *w, struct machine *m)
{
	bool was_up = m->up;

	machine_down(w, m, false);
	m->restarts++;
	if (was_up)
		queue_add(&w->queue, w->now + world_scaled(w, NODE_RESTART_MS), SCHED_RESTARTED,
			  (int32_t)(m - w->nodes), m->restarts);
}

void machine_restarted(struct world *w, struct machine *m, int64_t restart)
{
	const struct vm *v = m->instance < 0 ? NULL : &w->instances[m->instance];

	if (m->gone || m->up || m->restarts != restart || (m->made && !v))
		return;
	if (!v || (v->booted && v->document == m->document))
		machine_up(w, m);
}

void machine_move(struct world *w, struct machine *m, int32_t site)
{
	struct site *s = &w->sites[site];

	machine_restart(w, m);
	leave_site(w, m);
	m->site = site;
	m->row.location = s->id;
	GROW(s->nodes, s->n_nodes, s->cap_nodes);
	s->nodes[s->n_nodes++] = (int32_t)(m - w->nodes);
}

void machine_delete(struct world *w, struct machine *m)
{
	machine_down(w, m, false);
	forget(m);
	leave_site(w, m);
	if (m->instance >= 0)
		w->instances[m->instance].node = -1;
	m->instance = -1;
	m->gone = true;
	w->counters.nodes_deleted++;
}

static bool has_address(const struct vm *v, const char *address)
{
	for (size_t i = 0; i < v->row.n_addresses; i++)
		if (!strcmp(v->row.addresses[i], address))
			return true;
	return false;
}

void machines_tie(struct world *w)
{
	for (size_t i = 0; i < w->n_nodes; i++) {
		struct machine *m = &w->nodes[i];

		for (size_t k = 0; !m->gone && m->made && m->instance < 0 && k < w->n_instances; k++) {
			struct vm *v = &w->instances[k];
			enum instance_state state = vm_view(v)->state;

			if (v->node >= 0 || state == INSTANCE_TERMINATED || state == INSTANCE_SHUTTING_DOWN ||
			    !has_address(v, m->row.address))
				continue;
			v->node = (int32_t)i;
			m->instance = (int32_t)k;
		}
	}
}

bool machine_takes_new(const struct world *w, const struct machine *m)
{
	return m->up && !m->maintenance_known && m->row.role == ROLE_TRANSCODING &&
	       !machine_fault(w, m, WORLD_NODE_CRASH);
}

int site_free_hd(const struct world *w, int32_t site)
{
	const struct site *s = &w->sites[site];
	int free_hd = 0;

	for (size_t i = 0; i < s->n_nodes; i++) {
		const struct machine *m = &w->nodes[s->nodes[i]];

		if (machine_takes_new(w, m))
			free_hd += m->max_hd - m->used;
	}
	return free_hd;
}

int site_pending_hd(const struct world *w, int32_t site)
{
	const struct site *s = &w->sites[site];
	int pending = 0;

	for (size_t i = 0; i < s->n_nodes; i++) {
		const struct machine *m = &w->nodes[s->nodes[i]];
		enum instance_state state =
			m->instance < 0 ? INSTANCE_STOPPED : vm_view(&w->instances[m->instance])->state;

		if (!m->up && (state == INSTANCE_PENDING || state == INSTANCE_RUNNING))
			pending += m->max_hd;
	}
	return pending;
}

bool site_is_overflow(const struct world *w, int32_t site)
{
	const struct site *s = &w->sites[site];

	for (size_t i = 0; i < s->n_nodes; i++) {
		const struct machine *m = &w->nodes[s->nodes[i]];

		if (m->instance >= 0 && vm_tag(&w->instances[m->instance], "pexip-cloud"))
			return true;
	}
	return false;
}

bool site_is_principal(const struct world *w, int32_t site)
{
	return w->sites[site].overflow1 >= 0 && site_is_overflow(w, w->sites[site].overflow1);
}

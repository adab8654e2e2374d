/*
 * Invariants, each under the number of its rule. The checker works from the truth (world.h), from the reports as the world
 * gave them, and from the intents in the store; of burstd's own picture it takes only the phases.
 *
 * Where truth and knowledge may differ honestly (a list that lags, an answer that was lost), only what is certain counts
 * as broken: figures are taken in burstd's favour.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/simulation/sim.h"

#define TROUBLE_AFTER                                                                                        \
	(2 * MINUTE) /* after a fault of a source, until lists and figures are up to date again */
#define OUTSIDE_AFTER (3 * MINUTE) /* after an outside deed, until every list must show it */

static bool troubled(const struct sim *s)
{
	return sim_now(s) < s->trouble_at + TROUBLE_AFTER && s->trouble_at;
}

int64_t node_of_instance(const struct sim *s, const char *instance)
{
	for (size_t i = 0; i < world_node_count(s->world); i++) {
		struct world_node_state n = world_node_at(s->world, i);

		if (n.instance && !strcmp(n.instance, instance))
			return n.id;
	}
	return 0;
}

static struct check_node *memory(struct sim *s, int64_t node)
{
	return &s->nodes[node - 1]; /* the world's ids are index + 1 */
}

static bool automatic(const struct intent *i)
{
	return !strcmp(i->actor, "controller");
}

static bool by_hold(const struct intent *i)
{
	return !strncmp(i->actor, "hold:", 5);
}

/* --- figures, from a report as the world gave it --- */

/* Which bursting nodes count: those that surely do, or all that might. */
enum counting { SURELY, PERHAPS };

/* Its status is fresh, and will be in the picture that is made of it. */
static bool reported_lately(const struct sim *s, size_t i)
{
	return i < s->seen.n && s->seen.nodes[i].last_updated > s->seen.at - 2 * MINUTE;
}

static bool burst_node_counts(const struct sim *s, size_t i, enum counting how)
{
	struct world_node_state n = world_node_at(s->world, i);

	if (!n.bursting)
		return true;
	return n.state == INSTANCE_RUNNING && n.synced &&
	       (how == PERHAPS || (s->nodes[i].phase == PHASE_SERVING && !n.maintenance &&
				   !s->seen.nodes[i].status_maintenance && reported_lately(s, i)));
}

static bool report_counts(const struct sim *s, size_t i, enum counting how)
{
	const struct infinity_node *n = &s->seen.nodes[i];

	return n->role == ROLE_TRANSCODING && n->sync == SYNC_SYNCED && !n->maintenance &&
	       n->tokens_max > 0 && n->last_updated >= s->seen.at - 3 * MINUTE &&
	       burst_node_counts(s, i, how);
}

static int reported_free(const struct sim *s, int64_t location, int64_t without, enum counting how)
{
	int free_hd = 0;

	for (size_t i = 0; i < s->seen.n; i++) {
		const struct infinity_node *n = &s->seen.nodes[i];

		if (n->location == location && n->id != without && report_counts(s, i, how))
			free_hd += (int)(n->max_hd * (n->tokens_max - n->tokens_used) / n->tokens_max);
	}
	return free_hd;
}

static bool reported_use(const struct sim *s, int64_t location, enum counting how)
{
	for (size_t i = 0; i < s->seen.n; i++)
		if (s->seen.nodes[i].location == location && s->seen.nodes[i].conferences > 0 &&
		    (how == PERHAPS || (s->nodes[i].phase == PHASE_SERVING && reported_lately(s, i))))
			return true;
	return false;
}

static bool short_principal(const struct sim *s, int64_t overflow)
{
	for (size_t i = 0; i < world_location_count(s->world); i++) {
		struct world_location_state l = world_location_at(s->world, i);

		if (l.overflow1 == overflow && reported_free(s, l.id, 0, SURELY) <= sim_threshold(s, l.id))
			return true;
	}
	return false;
}

/* Started by us, accepted, up and not yet synced, and not for so long that it is given up. */
static bool surely_pending(const struct sim *s, const struct world_node_state *n)
{
	const struct check_node *m = &s->nodes[n->id - 1];

	return n->bursting && !n->synced && m->started_at && !m->unsure &&
	       (n->state == INSTANCE_PENDING || n->state == INSTANCE_RUNNING) &&
	       sim_now(s) < m->started_at + s->truth.start_timeout_minutes * MINUTE;
}

static int capacity(const struct sim *s, const struct world_node_state *n)
{
	return n->max_hd < s->truth.node_capacity_hd ? n->max_hd : s->truth.node_capacity_hd;
}

static int pending_hd(const struct sim *s, int64_t location, int64_t without, enum counting how)
{
	int sum = 0;

	for (size_t i = 0; i < world_node_count(s->world); i++) {
		struct world_node_state n = world_node_at(s->world, i);
		const struct intent *open = n.bursting ? sim_intent_of(s, n.id) : NULL;

		if (n.location != location || n.id == without)
			continue;
		if (surely_pending(s, &n) || (open && open->kind == INTENT_START) ||
		    (how == PERHAPS && n.bursting && !n.synced &&
		     (n.state == INSTANCE_PENDING || n.state == INSTANCE_RUNNING)))
			sum += how == PERHAPS ? n.max_hd + s->truth.node_capacity_hd : capacity(s, &n);
	}
	return sum;
}

static const enum world_fault_kind source_faults[] = {
	WORLD_INFINITY_DOWN,   WORLD_INFINITY_SLOW, WORLD_INFINITY_HTML, WORLD_INFINITY_HALF,
	WORLD_INFINITY_FROZEN, WORLD_EC2_DOWN,      WORLD_EC2_THROTTLED, WORLD_EC2_STALE,
	WORLD_EC2_PARTIAL,     WORLD_EC2_MISSING,
};

static void note_trouble(struct sim *s)
{
	bool bad = world_fault_active(s->world, WORLD_INFINITY_DOWN, 0) ||
		   world_fault_active(s->world, WORLD_INFINITY_HTML, 0) ||
		   world_fault_active(s->world, WORLD_INFINITY_HALF, 0);

	for (size_t i = 0; i < ARRAY_LEN(source_faults); i++)
		if (world_fault_active(s->world, source_faults[i], 0))
			s->trouble_at = sim_now(s);
	if (!bad)
		s->infinity_bad = 0;
	else if (!s->infinity_bad)
		s->infinity_bad = sim_now(s);
}

/* --- new intents: what burstd has decided --- */

static void check_controls(struct sim *s, const struct intent *i)
{
	bool settled = sim_now(s) > s->changed_at + 2 * MINUTE;

	if (!settled)
		return;
	if (!s->truth.enabled || s->truth.mode != MODE_CONTROL)
		sim_broken(s, "S1", "%s of node %lld although bursting is off", intent_kind_text(i->kind),
			   (long long)i->node);
	if (s->s9_since && sim_now(s) > s->s9_since + 2 * MINUTE && !troubled(s))
		sim_broken(s, "S9", "%s of node %lld for load although Infinity's own bursting is on",
			   intent_kind_text(i->kind), (long long)i->node);
}

/* RULES S2 to S5 for a start by load. */
static void check_load_start(struct sim *s, const struct intent *i)
{
	int free_hd = reported_free(s, i->location, 0, SURELY),
	    coming = pending_hd(s, i->location, i->node, SURELY);
	int threshold = sim_threshold(s, i->location);

	check_controls(s, i);
	if (!s->locations[i->location].primary)
		sim_broken(s, "S5", "a start in location %lld, which is nobody's primary overflow location",
			   (long long)i->location);
	if (troubled(s) || s->look.at > s->seen.at || sim_now(s) < s->changed_at + MINUTE)
		return;
	if (coming && free_hd + coming > threshold)
		sim_broken(s, "S3",
			   "node %lld of location %lld is started (%s) although %d free + %d pending HD "
			   "calls are above the threshold %d",
			   (long long)i->node, (long long)i->location, i->rule, free_hd, coming, threshold);
	if (!strcmp(i->rule, "S2") && coming)
		sim_broken(s, "S2", "node %lld is started as the first one, but another one is starting",
			   (long long)i->node);
	if (!strcmp(i->rule, "S2") && !short_principal(s, i->location))
		sim_broken(s, "S1", "node %lld is started, but no principal is short", (long long)i->node);
	if (!strcmp(i->rule, "S3") && free_hd > threshold)
		sim_broken(s, "S3", "node %lld is started with %d free HD calls above the threshold %d",
			   (long long)i->node, free_hd, threshold);
	if (!strcmp(i->rule, "S3") && !reported_use(s, i->location, PERHAPS) &&
	    !short_principal(s, i->location))
		sim_broken(s, "S3", "node %lld is started, but its location is not in use",
			   (long long)i->node);
}

static void check_new_start(struct sim *s, const struct intent *i)
{
	struct check_location *l = &s->locations[i->location];

	if (automatic(i))
		check_load_start(s, i);
	if (!automatic(i) && !by_hold(i))
		return;
	if (l->start_tick == s->tick && s->look.at <= s->seen.at)
		sim_broken(s, "S4", "a second start in location %lld in one tick (node %lld)",
			   (long long)i->location, (long long)i->node);
	l->start_tick = s->tick;
}

/* RULE E3 with every figure in favour of the drain. */
static void check_unneeded(struct sim *s, const struct intent *i)
{
	int others = 0, serving = 0, free_hd = reported_free(s, i->location, i->node, PERHAPS);
	int coming = pending_hd(s, i->location, i->node, PERHAPS);

	for (size_t n = 0; n < world_node_count(s->world); n++) {
		struct world_node_state node = world_node_at(s->world, n);
		const struct intent *open = sim_intent_of(s, node.id);

		others += node.bursting && node.location == i->location && node.id != i->node &&
			  (((node.state == INSTANCE_PENDING || node.state == INSTANCE_RUNNING) &&
			    !node.maintenance) ||
			   (open && (open->kind == INTENT_START || open->state == INTENT_CANCELLING)));
		serving += node.bursting && node.location == i->location && node.id != i->node && !open &&
			   !node.maintenance && s->nodes[n].phase == PHASE_SERVING &&
			   node.state == INSTANCE_RUNNING;
	}
	if (!others && short_principal(s, i->location))
		sim_broken(s, "E3", "the only node %lld is drained while a principal is short",
			   (long long)i->node);
	if (serving && free_hd + coming <= sim_threshold(s, i->location) &&
	    reported_use(s, i->location, SURELY))
		sim_broken(s, "E3", "node %lld is drained, which leaves %d free + %d pending HD calls",
			   (long long)i->node, free_hd, coming);
}

static void check_lifetime(struct sim *s, const struct intent *i, const struct world_node_state *n)
{
	int64_t up = sim_now(s) - n->launch_ms;

	if (n->state == INSTANCE_RUNNING && up < s->truth.minimum_lifetime_minutes * MINUTE)
		sim_broken(s, "E2", "%s of node %lld after %lld minutes, the minimum lifetime is %d",
			   intent_state_text(i->state), (long long)i->node, (long long)(up / MINUTE),
			   s->truth.minimum_lifetime_minutes);
}

static void check_new_stop(struct sim *s, const struct intent *i)
{
	struct check_location *l = &s->locations[i->location];
	struct world_node_state n;

	if (!automatic(i))
		return;
	check_controls(s, i);
	if (world_node_find(s->world, i->node, &n) && !troubled(s))
		check_lifetime(s, i, &n);
	if (s->look.at > s->seen.at)
		return;
	if (l->drain_tick == s->tick || l->start_tick == s->tick)
		sim_broken(s, "E6", "a second drain, or one beside a start, in location %lld in one tick",
			   (long long)i->location);
	l->drain_tick = s->tick;
	if (!troubled(s) && sim_now(s) > s->changed_at + MINUTE)
		check_unneeded(s, i);
}

void check_new_intent(struct sim *s, const struct intent *i)
{
	check_ledger(s); /* what was done before it */
	if (s->setup.verbose) {
		char when[TIME_TEXT_SIZE];

		fprintf(stderr, "  %s intent %lld %s node %lld %s by %s (%s): %s\n",
			time_rfc3339(sim_now(s), when), (long long)i->id, intent_kind_text(i->kind),
			(long long)i->node, i->region, i->actor, i->rule, i->reason);
	}
	if (i->kind == INTENT_START)
		check_new_start(s, i);
	if (i->kind == INTENT_STOP)
		check_new_stop(s, i);
	if (i->kind == INTENT_MAINTENANCE && i->maintenance)
		memory(s, i->node)->by_wish = true;
}

/* --- deeds --- */

/*
 * Intent before effect: what is asked of EC2 stands in the store, as an attempt; or it is told as done already, because the
 * list has shown an earlier attempt's effect while this one was on its way.
 */
static bool intended(struct sim *s, int64_t node, enum intent_kind kind, struct intent *ret)
{
	enum intent_state asking = kind == INTENT_START ? INTENT_STARTING : INTENT_STOPPING;
	enum intent_state done = kind == INTENT_START ? INTENT_BOOTING : INTENT_AWAITING_STOPPED;
	struct error e = {0};

	if (!store_intent_of_node(s->store, node, ret, &e) && ret->kind == kind &&
	    ((ret->state == asking && ret->attempts > 0) || ret->state == done))
		return true;
	sim_broken(s, "intent", "node %lld: %s is sent without a recorded intent and attempt",
		   (long long)node, intent_kind_text(kind));
	return false;
}

void check_start_asked(struct sim *s, const char *instance)
{
	int64_t node = node_of_instance(s, instance);
	struct check_node *m = memory(s, node);
	struct world_node_state n;
	struct intent i;

	m->asked++;
	if (!intended(s, node, INTENT_START, &i) || !world_node_find(s->world, node, &n))
		return;
	note_trouble(s);
	if (n.state != INSTANCE_STOPPED && !m->unsure && !troubled(s) &&
	    !(m->outside_at && sim_now(s) < m->outside_at + OUTSIDE_AFTER))
		sim_broken(s, "D4", "node %lld is started although it is %s", (long long)node,
			   instance_state_text(n.state));
}

void check_start_answered(struct sim *s, const char *instance, bool good, const struct upstream_error *e)
{
	int64_t node = node_of_instance(s, instance);
	struct check_node *m = memory(s, node);
	struct world_node_state n;

	size_t rows;
	const struct world_record *ledger = world_ledger(s->world, &rows);
	bool done = rows && ledger[rows - 1].node == node && ledger[rows - 1].accepted &&
		    ledger[rows - 1].time == sim_now(s);

	m->asked -= !done;
	if (done) {
		m->started_at = sim_now(s);
		m->unsure = !good;
	} else if (e->class != UPSTREAM_RETRY && world_node_find(s->world, node, &n)) {
		s->locations[n.location].start_tick = -1; /* RULE S6: the next candidate in the same tick */
	}
}

void check_stop_asked(struct sim *s, const char *instance)
{
	int64_t node = node_of_instance(s, instance);
	struct world_node_state n;
	struct intent i;

	note_trouble(s);
	if (!intended(s, node, INTENT_STOP, &i) || !world_node_find(s->world, node, &n) ||
	    n.state != INSTANCE_RUNNING)
		return;
	if (s->s9_since && sim_now(s) > s->s9_since + MINUTE && !troubled(s))
		sim_broken(s, "S9", "node %lld is stopped although Infinity's own bursting is on",
			   (long long)node);
	if (i.force) {
		s->forced_stops++;
		s->forced_cuts += n.calls;
		return;
	}
	if (n.calls || n.conferences)
		sim_broken(s, "E1", "node %lld is stopped with %d HD calls on it", (long long)node, n.calls);
	if (n.synced ? !n.maintenance_known : !n.maintenance)
		sim_broken(s, "E5", "node %lld is stopped before its maintenance mode has reached it",
			   (long long)node);
	if (automatic(&i))
		check_lifetime(s, &i, &n);
	if (s->infinity_bad && sim_now(s) > s->infinity_bad + 10 * SECOND)
		sim_broken(s, "D1", "node %lld is stopped while Infinity gives no whole answer",
			   (long long)node);
}

static void outside_deed(struct sim *s, const struct world_record *r)
{
	struct check_node *m = memory(s, r->node);

	if (r->deed == WORLD_PATCH) {
		m->foreign = r->maintenance;
		m->foreign_at = r->time;
		return;
	}
	m->outside_at = r->time;
	m->started_at = 0;
}

static void our_patch(struct sim *s, const struct world_record *r)
{
	struct check_node *m = memory(s, r->node);

	if (!r->maintenance && m->foreign && m->foreign_at < s->seen.at && m->wish_maintenance != WISH_FALSE)
		sim_broken(s, "E5", "node %lld: somebody else's maintenance mode is cleared",
			   (long long)r->node);
	m->foreign = false;
	if (!r->maintenance)
		m->by_wish = false;
}

static void our_deed(struct sim *s, const struct world_record *r)
{
	struct check_node *m = memory(s, r->node);

	if (r->deed == WORLD_PATCH) {
		our_patch(s, r);
		return;
	}
	if (r->deed == WORLD_STOP) {
		m->started_at = 0;
		return;
	}
	if (r->code || s->dead)
		m->unsure = true;
	if (m->asked-- < 1)
		sim_broken(s, "S4", "node %lld: a start more than was decided", (long long)r->node);
}

static void note_answer(struct sim *s, size_t row, bool unanswered)
{
	if (row >= s->cap_unanswered) {
		size_t cap = s->cap_unanswered ? 2 * s->cap_unanswered : 256;
		bool *grown = realloc(s->unanswered, cap * sizeof(*grown));

		if (!grown)
			abort();
		s->unanswered = grown;
		s->cap_unanswered = cap;
	}
	s->unanswered[row] = unanswered;
}

void check_ledger(struct sim *s)
{
	size_t n;
	const struct world_record *rows = world_ledger(s->world, &n);

	for (; s->ledger_seen < n; s->ledger_seen++) {
		const struct world_record *r = &rows[s->ledger_seen];

		note_answer(s, s->ledger_seen, s->dead || r->code);

		if (s->setup.verbose) {
			char when[TIME_TEXT_SIZE];

			fprintf(stderr, "  %s %s %s node %lld %s%s (was %s, calls %d)\n",
				time_rfc3339(r->time, when), r->outside ? "OUTSIDE" : "burstd",
				r->deed == WORLD_STOP    ? "stop"
				: r->deed == WORLD_PATCH ? "patch"
							 : "start",
				(long long)r->node, r->accepted ? "accepted " : "refused ",
				r->code                  ? r->code
				: r->deed == WORLD_PATCH ? (r->maintenance ? "on" : "off")
							 : "",
				instance_state_text(r->previous), r->calls);
		}
		if (!r->accepted || !r->node)
			continue;
		if (r->outside)
			outside_deed(s, r);
		else
			our_deed(s, r);
	}
}

/* --- every step --- */

/* A node in maintenance mode with our reason has an open operation, or somebody wished it so. */
static void check_maintenance(struct sim *s)
{
	for (size_t i = 0; i < world_node_count(s->world); i++) {
		struct world_node_state n = world_node_at(s->world, i);
		const struct intent *open;

		if (!n.maintenance || strncmp(n.maintenance_reason, MAINTENANCE_REASON_PREFIX,
					      strlen(MAINTENANCE_REASON_PREFIX)))
			continue;
		open = sim_intent_of(s, n.id);
		if ((!open || open->kind == INTENT_START) && !s->nodes[i].by_wish)
			sim_broken(s, "E5", "node %lld is in our maintenance mode, and nothing is under way",
				   (long long)n.id);
	}
}

void check_step(struct sim *s)
{
	struct world_counters c = world_counters(s->world);
	size_t before = s->ledger_seen;

	note_trouble(s);
	check_ledger(s);
	if (c.stops_busy > s->forced_stops || c.calls_cut > s->forced_cuts)
		sim_broken(s, "E1", "%lld calls were cut by %lld stops of busy nodes", (long long)c.calls_cut,
			   (long long)c.stops_busy);
	if (!s->forced_stops && sim_calls_cut(s)) /* what /metrics tells */
		sim_broken(s, "E1", "%d calls are counted as cut, without force", sim_calls_cut(s));
	if (s->ledger_seen != before && !s->dead) {
		sim_intents(s);
		check_maintenance(s);
	}
}

/* --- the picture --- */

static void check_node_picture(struct sim *s, const struct picture *p, const struct node *n)
{
	if (n->bursting && n->phase == PHASE_STARTING && n->pending_hd <= 0)
		sim_broken(s, "S4", "node %s is starting, but counts nothing as pending", n->name);
	if (n->pending_hd && n->phase != PHASE_STARTING && n->phase != PHASE_SERVING &&
	    n->phase != PHASE_DRAINING)
		sim_broken(s, "S4", "node %s is %s and counts %d as pending", n->name, phase_text(n->phase),
			   n->pending_hd);
	if (n->bursting && n->phase == PHASE_DRAINING && (!n->intent || n->intent->kind != INTENT_STOP))
		sim_broken(s, "E5", "node %s is draining without an operation", n->name);
	if (n->eligible && n->bursting && n->phase != PHASE_SERVING)
		sim_broken(s, "picture", "node %s counts as capacity, but is %s", n->name,
			   phase_text(n->phase));
	if (n->location < 0 || (size_t)n->location >= p->n_locations)
		sim_broken(s, "picture", "node %s is nowhere", n->name);
}

static void check_order(struct sim *s, const struct picture *p)
{
	if (p->seq <= s->picture_seq || p->made_at < s->picture_at)
		sim_broken(s, "picture", "picture %lld follows %lld", (long long)p->seq,
			   (long long)s->picture_seq);
	if (s->setup.republish && !s->setup.jump && s->picture_seq &&
	    p->made_at > s->picture_at + 15 * SECOND)
		sim_broken(s, "V4", "the picture was %lld ms old", (long long)(p->made_at - s->picture_at));
	s->picture_seq = p->seq;
	s->picture_at = p->made_at;
}

/* RULE S1's liveness: what could be started and should be. */
static bool start_is_due(struct sim *s, const struct picture *p, const struct location *l)
{
	int serving = 0, starting = 0, candidates = 0;

	for (int32_t i = l->first_node; i < l->first_node + l->n_nodes; i++) {
		const struct node *n = &p->nodes[i];

		serving += n->phase == PHASE_SERVING && !n->maintenance_configured;
		starting += n->phase == PHASE_STARTING || n->phase == PHASE_DRAINING || n->intent;
		candidates += n->phase == PHASE_STOPPED && !n->intent && !n->resting && n->bursting &&
			      !n->maintenance_configured &&
			      s->nodes[n->id - 1].wish_power == WISH_POWER_NONE &&
			      s->nodes[n->id - 1].wish_maintenance == WISH_NONE;
	}
	if (!candidates || starting)
		return false;
	if (!serving)
		return short_principal(s, l->id);
	return reported_free(s, l->id, 0, PERHAPS) <= sim_threshold(s, l->id) &&
	       (reported_use(s, l->id, SURELY) || short_principal(s, l->id));
}

static bool may_control(const struct sim *s)
{
	return s->truth.enabled && s->truth.mode == MODE_CONTROL && !s->s9_since && !troubled(s) &&
	       sim_now(s) > s->changed_at + 2 * MINUTE && sim_now(s) > s->born_at + 2 * MINUTE;
}

static void check_location_liveness(struct sim *s, const struct picture *p, const struct location *l)
{
	struct check_location *m = &s->locations[l->id];
	int64_t patience = MINUTE + 3 * s->truth.poll_infinity_seconds * SECOND;

	if (!may_control(s) || !start_is_due(s, p, l)) {
		m->short_since = 0;
		return;
	}
	if (!m->short_since)
		m->short_since = sim_now(s);
	if (sim_now(s) > m->short_since + patience)
		sim_broken(s, "S2", "location %s should have had a node started %lld s ago", l->name,
			   (long long)((sim_now(s) - m->short_since) / SECOND));
}

void check_picture(struct sim *s)
{
	struct picture *p = reconciler_picture(s->reconciler);

	check_order(s, p);
	for (size_t i = 0; i < p->n_nodes; i++) {
		check_node_picture(s, p, &p->nodes[i]);
		if (p->nodes[i].bursting)
			s->nodes[p->nodes[i].id - 1].phase = p->nodes[i].phase;
	}
	for (size_t i = 0; i < p->n_locations && s->seen.n; i++)
		if (p->locations[i].kind == LOCATION_OVERFLOW && s->locations[p->locations[i].id].primary)
			check_location_liveness(s, p, &p->locations[i]);
	picture_unref(p);
}

/* --- the end --- */

/* With a threshold at or above all that a principal has it is always short, and keeps one node up (RULES S2 and E3). */
static bool always_short(const struct sim *s, int64_t overflow)
{
	for (size_t i = 0; i < world_location_count(s->world); i++) {
		struct world_location_state l = world_location_at(s->world, i);

		if (l.overflow1 == overflow && l.max_hd <= sim_threshold(s, l.id))
			return true;
	}
	return false;
}

static bool quiet_node(const struct sim *s, const struct world_node_state *n, const struct node *shown,
		       int up)
{
	if (!n->bursting)
		return true;
	if (!shown)
		return false;
	return (n->state == INSTANCE_STOPPED && shown->phase == PHASE_STOPPED) ||
	       (n->state == INSTANCE_RUNNING && shown->phase == PHASE_SERVING &&
		always_short(s, n->location) && (up - 1) * n->max_hd <= sim_threshold(s, n->location));
}

void check_end(struct sim *s)
{
	struct picture *p = reconciler_picture(s->reconciler);
	int up[SIM_LOCATIONS] = {0};

	sim_intents(s);
	for (size_t i = 0; i < s->n_intents; i++)
		sim_broken(s, "quiet",
			   "the end: operation %lld (%s of node %lld, %s, %d attempts) is open: %s",
			   (long long)s->intents[i].id, intent_kind_text(s->intents[i].kind),
			   (long long)s->intents[i].node, intent_state_text(s->intents[i].state),
			   s->intents[i].attempts, s->intents[i].error);
	for (size_t i = 0; i < world_node_count(s->world); i++) {
		struct world_node_state n = world_node_at(s->world, i);
		const struct node *shown = picture_node(p, n.id);

		up[n.location] += n.bursting && n.state != INSTANCE_STOPPED;
		if (!quiet_node(s, &n, shown, up[n.location]))
			sim_broken(s, "quiet",
				   "the end: node %s (%lld) is %s, shown as %s, started %lld min ago, %s%s",
				   n.name, (long long)n.id, instance_state_text(n.state),
				   shown ? phase_text(shown->phase) : "-",
				   (long long)((sim_now(s) - n.launch_ms) / MINUTE),
				   n.maintenance ? "in maintenance: " : "", n.maintenance_reason);
		else if (n.maintenance)
			sim_broken(s, "quiet", "the end: node %s is in maintenance mode: %s", n.name,
				   n.maintenance_reason);
	}
	picture_unref(p);
}

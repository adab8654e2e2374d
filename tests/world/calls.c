/*
 * Calls and conferences: where media goes, what it costs there, and what ends with a node.
 *
 * Placement (facts: overflow routing): the arrival's location, then its primary, then its secondary overflow location; in each
 * first the nodes that host the conference already, then the least loaded one that takes new conferences. A node in a
 * maintenance mode it knows of takes no new conference, but more calls of those it has.
 */
#include "tests/world/internal.h"

static struct shard *shard_of(struct conference *c, int32_t node)
{
	for (int32_t i = 0; i < c->n_shards; i++)
		if (c->shards[i].node == node)
			return &c->shards[i];
	return NULL;
}

/* A is less loaded than B (used / max, by cross-multiplication). */
static bool less_loaded(const struct machine *a, const struct machine *b)
{
	return (int64_t)a->used * b->max_hd < (int64_t)b->used * a->max_hd;
}

/* A node of the site that hosts the conference and has room, -1 = none. Counts the conference's shards there. */
static int32_t hosting_node(const struct world *w, const struct site *s, struct conference *c,
			    int *ret_shards)
{
	int32_t best = -1;

	*ret_shards = 0;
	for (int32_t i = 0; i < c->n_shards; i++) {
		const struct machine *m = &w->nodes[c->shards[i].node];

		if (&w->sites[m->site] != s)
			continue;
		++*ret_shards;
		if (m->used < m->max_hd && m->up && (best < 0 || less_loaded(m, &w->nodes[best])))
			best = c->shards[i].node;
	}
	return best;
}

static int32_t fresh_node(const struct world *w, const struct site *s, struct conference *c)
{
	int cost = c && c->n_shards ? 2 : 1; /* a further node of a conference costs a backplane */
	int32_t best = -1;

	for (size_t i = 0; i < s->n_nodes; i++) {
		const struct machine *m = &w->nodes[s->nodes[i]];

		if (!machine_takes_new(w, m) || m->used + cost > m->max_hd || (c && shard_of(c, s->nodes[i])))
			continue;
		if (best < 0 || less_loaded(m, &w->nodes[best]))
			best = s->nodes[i];
	}
	return best;
}

static int32_t media_node(const struct world *w, int32_t site, struct conference *c)
{
	const struct site *s = &w->sites[site];
	int32_t chain[] = {site, s->overflow1, s->overflow2};

	for (size_t i = 0; i < ARRAY_LEN(chain); i++) {
		int shards = 0;
		int32_t node = -1;

		if (chain[i] < 0)
			continue;
		if (c)
			node = hosting_node(w, &w->sites[chain[i]], c, &shards);
		if (node < 0 && shards < SHARDS_PER_LOCATION)
			node = fresh_node(w, &w->sites[chain[i]], c);
		if (node >= 0)
			return node;
	}
	return -1;
}

/* The node that a caller in the location talks to; the media node where none is up there. */
static int32_t signalling_node(const struct world *w, int32_t site, int32_t media)
{
	const struct site *s = &w->sites[site];
	int32_t best = -1;

	for (size_t i = 0; i < s->n_nodes; i++) {
		const struct machine *m = &w->nodes[s->nodes[i]];

		if (m->up && m->row.role == ROLE_TRANSCODING && m->instance < 0 &&
		    (best < 0 || m->signalling < w->nodes[best].signalling))
			best = s->nodes[i];
	}
	return best >= 0 ? best : media;
}

static int32_t conference_new(struct world *w, int32_t site)
{
	int32_t slot = pool_take(&w->free_conferences);
	struct site *s = &w->sites[site];

	if (slot < 0) {
		GROW(w->conferences, w->n_conferences, w->cap_conferences);
		slot = (int32_t)w->n_conferences++;
	}
	GROW(s->conferences, s->n_conferences, s->cap_conferences);
	w->conferences[slot] = (struct conference){.location = site, .place = (int32_t)s->n_conferences};
	s->conferences[s->n_conferences++] = slot;
	return slot;
}

static void conference_drop(struct world *w, int32_t slot)
{
	struct site *s = &w->sites[w->conferences[slot].location];
	int32_t place = w->conferences[slot].place;
	int32_t last = s->conferences[--s->n_conferences];

	s->conferences[place] = last;
	w->conferences[last].place = place;
	w->conferences[slot].n_shards = 0;
	pool_give(&w->free_conferences, slot);
}

/* The node's load grows by one call of the conference. */
static void load_add(struct world *w, struct conference *c, int32_t node)
{
	struct machine *m = &w->nodes[node];
	struct shard *s = shard_of(c, node);

	if (!s) {
		s = &c->shards[c->n_shards++];
		*s = (struct shard){.node = node, .backplane = c->n_shards > 1};
		m->shards++;
		m->used += s->backplane;
	}
	s->calls++;
	m->used++;
	m->media++;
}

static void load_remove(struct world *w, struct conference *c, int32_t node)
{
	struct machine *m = &w->nodes[node];
	struct shard *s = shard_of(c, node);

	m->used--;
	m->media--;
	if (--s->calls)
		return;
	m->shards--;
	m->used -= s->backplane;
	*s = c->shards[--c->n_shards];
}

static int32_t call_slot(struct world *w)
{
	int32_t slot = pool_take(&w->free_calls);

	if (slot >= 0)
		return slot;
	GROW(w->calls, w->n_calls, w->cap_calls);
	w->calls[w->n_calls] = (struct call){.conference = -1};
	return (int32_t)w->n_calls++;
}

static int64_t call_id(const struct world *w, int32_t slot)
{
	return ((int64_t)w->calls[slot].generation << 32) | (slot + 1);
}

/* -1 = no such call any more. */
static int32_t call_find(const struct world *w, int64_t id)
{
	int64_t slot = (id & 0xffffffff) - 1;

	if (slot < 0 || slot >= (int64_t)w->n_calls || w->calls[slot].conference < 0 ||
	    w->calls[slot].generation != id >> 32)
		return -1;
	return (int32_t)slot;
}

/* Puts a call of the conference (-1 = a new one) on the node. */
static int64_t call_put(struct world *w, int32_t site, int32_t conference, int32_t media, int64_t duration_ms)
{
	int32_t signalling = signalling_node(w, site, media);
	int32_t slot = call_slot(w);
	struct call *call = &w->calls[slot];

	machine_settle(w, &w->nodes[media]);
	machine_settle(w, &w->nodes[signalling]);
	if (conference < 0)
		conference = conference_new(w, site);
	*call = (struct call){.serial = ++w->serial,
			      .generation = (call->generation + 1) & 0x7fffffff,
			      .location = site,
			      .conference = conference,
			      .media = media,
			      .signalling = signalling};
	load_add(w, &w->conferences[conference], media);
	w->conferences[conference].calls++;
	w->nodes[media].participants++;
	w->nodes[signalling].signalling++;
	w->nodes[signalling].participants += signalling != media;
	w->sites[site].calls++;
	w->counters.calls_placed++;
	if (duration_ms > 0)
		queue_add(&w->queue, w->now + world_scaled(w, (double)duration_ms), SCHED_CALL_END, slot,
			  call->generation);
	return call_id(w, slot);
}

int64_t call_place(struct world *w, int32_t site, int32_t conference, int64_t duration_ms)
{
	int32_t media = media_node(w, site, conference < 0 ? NULL : &w->conferences[conference]);

	if (media < 0) {
		w->counters.calls_refused++;
		return 0;
	}
	return call_put(w, site, conference, media, duration_ms);
}

void call_remove(struct world *w, int32_t slot)
{
	struct call *call = &w->calls[slot];
	struct conference *c = &w->conferences[call->conference];
	struct machine *signalling = &w->nodes[call->signalling];

	machine_settle(w, &w->nodes[call->media]);
	machine_settle(w, signalling);
	load_remove(w, c, call->media);
	w->nodes[call->media].participants--;
	signalling->signalling--;
	signalling->participants -= call->signalling != call->media;
	w->sites[call->location].calls--;
	if (!--c->calls)
		conference_drop(w, call->conference);
	call->conference = -1;
	pool_give(&w->free_calls, slot);
}

void call_ended(struct world *w, int32_t slot, int64_t generation)
{
	if (w->calls[slot].conference >= 0 && w->calls[slot].generation == generation)
		call_remove(w, slot);
}

int calls_cut_on(struct world *w, int32_t node)
{
	int cut = 0;

	if (!w->nodes[node].participants)
		return 0;
	for (size_t i = 0; i < w->n_calls; i++) {
		const struct call *c = &w->calls[i];

		if (c->conference < 0 || (c->media != node && c->signalling != node))
			continue;
		call_remove(w, (int32_t)i);
		cut++;
	}
	return cut;
}

int64_t world_call(struct world *w, int64_t location, int64_t join, int64_t duration_ms)
{
	int32_t site = site_index(w, location);
	int32_t other = join ? call_find(w, join) : -1;

	if (site < 0 || (join && other < 0))
		return 0;
	return call_place(w, site, other < 0 ? -1 : w->calls[other].conference, duration_ms);
}

int world_calls(struct world *w, int64_t location, int n, int64_t duration_ms)
{
	int taken = 0;

	for (int i = 0; i < n; i++)
		taken += world_call(w, location, 0, duration_ms) != 0;
	return taken;
}

int64_t world_call_on_node(struct world *w, int64_t node, int64_t duration_ms)
{
	int32_t i = node_index(w, node);

	if (i < 0 || !w->nodes[i].up || w->nodes[i].used >= w->nodes[i].max_hd)
		return 0;
	return call_put(w, w->nodes[i].site, -1, i, duration_ms);
}

bool world_end_call(struct world *w, int64_t call)
{
	int32_t slot = call_find(w, call);

	if (slot < 0)
		return false;
	call_remove(w, slot);
	return true;
}

static int32_t oldest_call(const struct world *w, int32_t site)
{
	int32_t best = -1;

	for (size_t i = 0; i < w->n_calls; i++) {
		const struct call *c = &w->calls[i];

		if (c->conference >= 0 && (site < 0 || c->location == site) &&
		    (best < 0 || c->serial < w->calls[best].serial))
			best = (int32_t)i;
	}
	return best;
}

int world_end_calls(struct world *w, int64_t location, int n)
{
	int32_t site = location ? site_index(w, location) : -1;
	int ended = 0;

	if (location && site < 0)
		return 0;
	while (n < 0 || ended < n) {
		int32_t slot = oldest_call(w, site);

		if (slot < 0)
			break;
		call_remove(w, slot);
		ended++;
	}
	return ended;
}

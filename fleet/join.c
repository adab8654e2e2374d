/*
 * The join (fleet/join.h): builds one picture in one arena. Order of work: locations, instances by address, nodes
 * grouped by location, what each node is (bursting, eligible, idle, phase), what each location is (overflow, principal, free
 * HD calls, state), issues. Everything is copied: a picture outlives the reports it was made from.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "fleet/join_internal.h"

void join_event(struct join *j, enum event_type type, const struct node *n, const char *actor,
		const char *rule, const char *format, ...)
{
	char reason[400];
	va_list args;
	struct event *e;

	if (j->n_events == j->cap_events) {
		size_t cap = j->cap_events ? 2 * j->cap_events : 8;
		struct event *grown = arena_array(j->arena, cap, sizeof(*grown));

		if (!grown)
			return;
		if (j->n_events)
			memcpy(grown, j->events, j->n_events * sizeof(*grown));
		j->events = grown;
		j->cap_events = cap;
	}
	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	e = &j->events[j->n_events++];
	*e = (struct event){
		.time = j->in->now,
		.type = type,
		.node = n->id,
		.node_name = n->name,
		.location = n->location >= 0 ? j->picture->locations[n->location].id : 0,
		.actor = arena_strdup(j->arena, actor),
		.reason = arena_strdup(j->arena, reason),
		.rule = rule,
		.operation = n->intent ? n->intent->id : 0,
	};
}

/* --- small look-ups over sorted arrays ------------------------------------------------------------------------- */

static int compare_location(const void *a, const void *b)
{
	const struct location *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static int32_t location_index(const struct picture *p, int64_t id)
{
	struct location key = {.id = id};
	const struct location *found =
		id ? bsearch(&key, p->locations, p->n_locations, sizeof(key), compare_location) : NULL;

	return found ? (int32_t)(found - p->locations) : -1;
}

struct addressed {
	const char *address;
	const struct ec2_instance *instance;
	const struct ec2_report *list; /* the one that shows it: its state is no newer (RULE D4) */
	bool by_tag;
};

static int compare_addressed(const void *a, const void *b)
{
	const struct addressed *x = a, *y = b;
	int order = strcmp(x->address, y->address);

	return order ? order : (int)y->by_tag - (int)x->by_tag;
}

struct address_index {
	struct addressed *rows;
	size_t n;
};

static size_t count_addresses(const struct ec2_report *r)
{
	size_t n = 0;

	for (size_t i = 0; r && i < r->n_instances; i++)
		n += r->instances[i].n_addresses;
	return n;
}

static void index_report(struct address_index *index, const struct ec2_report *r,
			 const struct ec2_report *list, bool by_tag)
{
	for (size_t i = 0; r && i < r->n_instances; i++)
		for (size_t k = 0; k < r->instances[i].n_addresses; k++)
			if (r->instances[i].state != INSTANCE_TERMINATED)
				index->rows[index->n++] = (struct addressed){r->instances[i].addresses[k],
									     &r->instances[i], list, by_tag};
}

static int index_instances(struct join *j, struct address_index *index)
{
	const struct join_input *in = j->in;
	size_t total = 0;

	for (size_t r = 0; r < in->n_ec2; r++)
		total += count_addresses(in->ec2[r]) +
			 count_addresses(in->ec2_addresses ? in->ec2_addresses[r] : NULL);
	index->rows = arena_array(j->arena, total + 1, sizeof(*index->rows));
	if (!index->rows)
		return -1;
	for (size_t r = 0; r < in->n_ec2; r++) {
		index_report(index, in->ec2[r], in->ec2[r], true);
		if (in->ec2_addresses)
			index_report(index, in->ec2_addresses[r], in->ec2_addresses[r], false);
	}
	qsort(index->rows, index->n, sizeof(*index->rows), compare_addressed);
	return 0;
}

static size_t first_at(const struct address_index *index, const char *address)
{
	size_t low = 0, high = index->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(index->rows[middle].address, address) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Tagged instances sort first; two different tagged ones at one address contradict each other (RULE D2). */
static struct found_instance find_instance(const struct address_index *index, const char *address)
{
	size_t at = first_at(index, address);
	struct found_instance f = {0};

	for (; at < index->n && !strcmp(index->rows[at].address, address); at++) {
		const struct addressed *row = &index->rows[at];

		if (!f.instance) {
			f.instance = row->instance;
			f.list = row->list;
		} else if (row->by_tag && strcmp(f.instance->id, row->instance->id)) {
			f.ambiguous = true;
		}
	}
	return f;
}

static const struct ec2_report *list_of_region(const struct join_input *in, const char *region)
{
	for (size_t r = 0; r < in->n_ec2; r++)
		if (in->ec2[r] && !strcmp(in->ec2[r]->region, region))
			return in->ec2[r];
	return NULL;
}

/* --- copies into the picture's arena --------------------------------------------------------------------------- */

static const struct ec2_instance *copy_instance(struct arena *a, const struct ec2_instance *from)
{
	struct ec2_instance *to = arena_alloc(a, sizeof(*to));

	if (!to)
		return NULL;
	*to = *from;
	to->id = arena_strdup(a, from->id);
	to->type = arena_strdup(a, from->type);
	to->region = arena_strdup(a, from->region);
	to->zone = arena_strdup(a, from->zone);
	to->state_reason_code = arena_strdup(a, from->state_reason_code);
	to->state_reason_message = arena_strdup(a, from->state_reason_message);
	to->public_address = arena_strdup(a, from->public_address);
	to->tenancy = arena_strdup(a, from->tenancy);
	to->tag_value = arena_strdup(a, from->tag_value);
	to->addresses = arena_array(a, from->n_addresses, sizeof(*to->addresses));
	to->tags = arena_array(a, from->n_tags, sizeof(*to->tags));
	for (size_t i = 0; to->addresses && i < from->n_addresses; i++)
		to->addresses[i] = arena_strdup(a, from->addresses[i]);
	for (size_t i = 0; to->tags && i < from->n_tags; i++)
		to->tags[i] = (struct instance_tag){arena_strdup(a, from->tags[i].key),
						    arena_strdup(a, from->tags[i].value)};
	return to;
}

static void copy_holds(struct join *j)
{
	struct picture *p = j->picture;

	p->holds = arena_array(j->arena, j->in->n_holds, sizeof(*p->holds));
	for (size_t i = 0; p->holds && i < j->in->n_holds; i++) {
		const struct hold *from = &j->in->holds[i];
		struct hold *to = &p->holds[p->n_holds];

		if (from->until <= j->in->now)
			continue;
		*to = *from;
		to->reason = arena_strdup(j->arena, from->reason);
		to->owner = arena_strdup(j->arena, from->owner);
		to->nodes = arena_array(j->arena, from->n_nodes, sizeof(*to->nodes));
		if (from->n_nodes && to->nodes)
			memcpy(to->nodes, from->nodes, from->n_nodes * sizeof(*to->nodes));
		p->n_holds++;
	}
}

static void copy_sources(struct join *j)
{
	struct picture *p = j->picture;

	p->sources = arena_array(j->arena, j->in->n_sources, sizeof(*p->sources));
	for (size_t i = 0; p->sources && i < j->in->n_sources; i++) {
		struct source *to = &p->sources[p->n_sources++];

		*to = j->in->sources[i];
		to->name = arena_strdup(j->arena, to->name);
		to->error = arena_strdup(j->arena, to->error);
		to->error_id = arena_strdup(j->arena, to->error_id);
		to->remedy = arena_strdup(j->arena, to->remedy);
	}
}

/* --- freshness (RULE D1) --------------------------------------------------------------------------------------- */

static int64_t newest_status(const struct infinity_report *r)
{
	int64_t newest = 0;

	for (size_t i = 0; i < r->n_nodes; i++)
		if (r->nodes[i].last_updated > newest)
			newest = r->nodes[i].last_updated;
	return newest;
}

/* Infinity writes some times without a fraction: they may be up to a second older than they say. */
#define TIME_RESOLUTION_MS 1000

static bool younger(int64_t at, int64_t now, int64_t limit)
{
	return at && now - at <= limit;
}

static void judge_freshness(struct join *j)
{
	struct picture *p = j->picture;
	const struct infinity_report *r = j->in->infinity;

	if (r) {
		int64_t newest = newest_status(r);

		p->infinity_at = r->observed_at;
		p->infinity_bursting = r->bursting_enabled;
		/* Every node silent at once is a platform whose status has stopped moving, not an empty one. */
		p->status_frozen =
			newest && !younger(newest, r->observed_at, p->params.status_ms + TIME_RESOLUTION_MS);
		p->infinity_fresh = r->whole && !p->status_frozen &&
				    younger(r->observed_at, j->in->now, p->params.fresh_infinity_ms);
	}
	p->ec2_fresh = j->in->n_ec2 > 0;
	for (size_t i = 0; i < j->in->n_ec2; i++) {
		const struct ec2_report *list = j->in->ec2[i];

		if (!list || !list->whole || !younger(list->observed_at, j->in->now, p->params.fresh_ec2_ms))
			p->ec2_fresh = false;
	}
	for (size_t i = 0; i < p->n_sources; i++) {
		struct source *s = &p->sources[i];
		int64_t limit =
			s->kind == SOURCE_INFINITY ? p->params.fresh_infinity_ms : p->params.fresh_ec2_ms;

		s->heard = s->observed_at != 0;
		s->fresh = younger(s->observed_at, j->in->now, limit);
		if (s->kind == SOURCE_INFINITY && r && (!r->whole || p->status_frozen))
			s->fresh = false;
	}
}

/* --- nodes ----------------------------------------------------------------------------------------------------- */

static const struct node_wish *wish_of(const struct join_input *in, int64_t node)
{
	for (size_t i = 0; i < in->n_wishes; i++)
		if (in->wishes[i].node == node)
			return &in->wishes[i];
	return NULL;
}

/* The open one of a node; or, where `node` is 0, the one of the location itself. */
static const struct intent *intent_of(struct join *j, int64_t node, int64_t location)
{
	for (size_t i = 0; i < j->in->n_intents; i++)
		if (j->in->intents[i].node == node && (node || (intent_of_location(j->in->intents[i].kind) &&
								j->in->intents[i].location == location))) {
			struct intent *copy = arena_alloc(j->arena, sizeof(*copy));

			if (copy)
				*copy = j->in->intents[i];
			return copy;
		}
	return NULL;
}

/* docs/bursting.md "Words": HD calls a node can still take, by tokens, or by load where tokens are missing; -1 = cannot tell. */
static int node_free_hd(const struct infinity_node *s)
{
	int64_t free_hd;

	if (s->tokens_max > 0 && s->tokens_used >= 0)
		free_hd = s->max_hd * (s->tokens_max - s->tokens_used) / s->tokens_max;
	else if (s->media_load >= 0)
		free_hd = (int64_t)s->max_hd * (100 - s->media_load) / 100;
	else
		return -1;
	return free_hd < 0 ? 0 : (int)free_hd;
}

/* RULE E1: no conference, no participant of any kind, no token used; what was not read is not idle. */
static bool node_idle(const struct infinity_node *s)
{
	return s->conferences == 0 && s->participants == 0 && s->tokens_used == 0 && s->signaling == 0;
}

static void fill_status(struct join *j, struct node *n, const struct infinity_node *s)
{
	const struct burst_params *params = &j->picture->params;

	n->id = s->id;
	n->name = arena_strdup(j->arena, s->name);
	n->address = arena_strdup(j->arena, s->address);
	n->location = location_index(j->picture, s->location);
	n->role = s->role;
	n->maintenance = s->maintenance || s->status_maintenance;
	n->maintenance_configured = s->maintenance;
	n->maintenance_reason = arena_strdup(j->arena, s->maintenance_reason ? s->maintenance_reason : "");
	n->ours =
		s->maintenance && s->maintenance_reason &&
		!strncmp(s->maintenance_reason, MAINTENANCE_REASON_PREFIX, strlen(MAINTENANCE_REASON_PREFIX));
	n->static_nat = arena_strdup(j->arena, s->static_nat);
	n->distributed_database = s->distributed_database;
	n->sync = s->sync;
	n->sync_text = arena_strdup(j->arena, s->sync_text);
	n->max_hd = s->max_hd;
	n->room_hd = node_free_hd(s) > 0 ? node_free_hd(s) : 0;
	n->media_load = s->media_load;
	n->conferences = s->conferences;
	n->participants = s->participants;
	n->last_updated = s->last_updated;
	n->fresh = younger(s->last_updated, j->in->infinity->observed_at,
			   params->status_ms + TIME_RESOLUTION_MS);
	n->idle = node_idle(s);
	n->order = START_ORDER_NONE;
}

static void fill_wants(struct join *j, struct node *n)
{
	const struct node_wish *w = wish_of(j->in, n->id);

	if (w) {
		n->wish_power = w->power;
		n->wish_maintenance = w->maintenance;
		n->follow_address = w->follow_address == WISH_TRUE;
		n->order = w->start_order;
	}
	n->intent = intent_of(j, n->id, 0);
}

static bool tag_fits(const struct picture *p, const struct ec2_instance *i)
{
	return i->tag_value && p->tag_value[0] && !strcmp(i->tag_value, p->tag_value);
}

/* A node stays a bursting node while its instance is merely missing from a list (RULE D4). */
static bool node_is_bursting(struct join *j, const struct found_instance *f, int64_t node)
{
	const struct node_track *t = track_find(j->tracks, node);

	if (f->instance)
		return tag_fits(j->picture, f->instance);
	return t && t->instance[0];
}

static void fill_instance(struct join *j, struct node *n, const struct infinity_node *s,
			  struct found_instance f)
{
	struct node_track *t;

	if (f.instance)
		n->instance = copy_instance(j->arena, f.instance);
	n->bursting = node_is_bursting(j, &f, n->id);
	if (!n->bursting)
		return;
	t = track_get(j->tracks, n->id);
	if (!t)
		return;
	if (!f.list)
		f.list = list_of_region(j->in, t->region);
	n->instance_fresh = f.instance && f.list && f.list->whole &&
			    younger(f.list->observed_at, j->in->now, j->picture->params.fresh_ec2_ms);
	join_carry(j, n, t, s, &f);
}

/* docs/bursting.md "Words", eligible: transcoding, not in maintenance, synced, fresh, capacity > 0; for a bursting node also up. */
static void judge_eligible(struct node *n, const struct infinity_node *s)
{
	n->eligible = n->role == ROLE_TRANSCODING && !n->maintenance && n->sync == SYNC_SYNCED && n->fresh &&
		      n->max_hd > 0 && node_free_hd(s) >= 0 && (!n->bursting || n->phase == PHASE_SERVING);
	n->free_hd = n->eligible ? n->room_hd : 0;
}

static int compare_node(const void *a, const void *b)
{
	const struct node *x = a, *y = b;
	int order;

	if (x->location != y->location)
		return x->location < y->location ? -1 : 1;
	if (x->order != y->order) /* RULE S6: the operator's order, then name */
		return x->order < y->order ? -1 : 1;
	order = strcmp(x->name, y->name);
	return order ? order : (x->id > y->id) - (x->id < y->id);
}

static int build_nodes(struct join *j)
{
	const struct infinity_report *r = j->in->infinity;
	struct picture *p = j->picture;
	struct address_index index = {0};

	p->nodes = arena_array(j->arena, r->n_nodes + 1, sizeof(*p->nodes));
	if (!p->nodes || index_instances(j, &index))
		return -1;
	for (size_t i = 0; i < r->n_nodes; i++) {
		struct node *n = &p->nodes[p->n_nodes++];
		const struct infinity_node *s = &r->nodes[i];

		fill_status(j, n, s);
		fill_wants(j, n);
		if (arena_overflowed(j->arena))
			return -1;
		fill_instance(j, n, s, find_instance(&index, n->address));
		judge_eligible(n, s);
	}
	qsort(p->nodes, p->n_nodes, sizeof(*p->nodes), compare_node);
	return 0;
}

/* --- locations ------------------------------------------------------------------------------------------------- */

static const struct location_wish *location_wish_of(struct join *j, int64_t location)
{
	for (size_t i = 0; i < j->in->n_location_wishes; i++)
		if (j->in->location_wishes[i].location == location) {
			struct location_wish *copy = arena_alloc(j->arena, sizeof(*copy));

			if (copy)
				*copy = j->in->location_wishes[i];
			return copy;
		}
	return NULL;
}

static int build_locations(struct join *j)
{
	const struct infinity_report *r = j->in->infinity;
	struct picture *p = j->picture;

	p->locations = arena_array(j->arena, r->n_locations + 1, sizeof(*p->locations));
	if (!p->locations)
		return -1;
	for (size_t i = 0; i < r->n_locations; i++) {
		p->locations[i] = (struct location){
			.id = r->locations[i].id,
			.name = arena_strdup(j->arena, r->locations[i].name),
			.description = arena_strdup(j->arena, r->locations[i].description),
			.threshold = p->params.threshold,
			.wish = location_wish_of(j, r->locations[i].id),
			.intent = intent_of(j, 0, r->locations[i].id),
		};
	}
	p->n_locations = r->n_locations;
	qsort(p->locations, p->n_locations, sizeof(*p->locations), compare_location);
	for (size_t i = 0; i < r->n_locations; i++) {
		struct location *l = &p->locations[location_index(p, r->locations[i].id)];

		l->overflow1 = location_index(p, r->locations[i].overflow1);
		l->overflow2 = location_index(p, r->locations[i].overflow2);
	}
	for (size_t i = 0; i < j->in->n_thresholds; i++) {
		int32_t at = location_index(p, j->in->thresholds[i].location);

		if (at >= 0) {
			p->locations[at].threshold = j->in->thresholds[i].threshold;
			p->locations[at].threshold_own = true;
		}
	}
	return 0;
}

/* Adds up what a location's eligible nodes can take, and what kind of nodes it holds. */
static void sum_nodes(struct picture *p)
{
	for (size_t i = 0; i < p->n_nodes; i++) {
		const struct node *n = &p->nodes[i];
		struct location *l = n->location >= 0 ? &p->locations[n->location] : NULL;

		if (!l)
			continue;
		if (!l->n_nodes++)
			l->first_node = (int32_t)i;
		l->n_bursting += n->bursting;
		l->has_always_on |= !n->bursting && n->role == ROLE_TRANSCODING;
		if (!n->eligible)
			continue;
		l->max_hd += n->max_hd;
		l->free_hd += n->free_hd;
	}
}

static void average_load(const struct picture *p, struct location *l)
{
	int sum = 0, count = 0;

	for (int32_t i = l->first_node; i < l->first_node + l->n_nodes; i++)
		if (p->nodes[i].eligible && p->nodes[i].media_load >= 0) {
			sum += p->nodes[i].media_load;
			count++;
		}
	l->media_load = count ? sum / count : -1;
}

/* While Infinity's monitor is on its own figures count (docs/bursting.md "Words", docs/upstream.md, "Load"). */
static void take_monitor(struct join *j)
{
	const struct infinity_report *r = j->in->infinity;

	for (size_t i = 0; r->bursting_enabled && i < r->n_monitors; i++) {
		int32_t at = location_index(j->picture, r->monitors[i].location);

		if (at >= 0 && r->monitors[i].free_hd >= 0)
			j->picture->locations[at].free_hd = r->monitors[i].free_hd;
		if (at >= 0 && r->monitors[i].max_hd >= 0)
			j->picture->locations[at].max_hd = r->monitors[i].max_hd;
	}
}

/* RULE V1 */
static enum location_state threshold_state(const struct picture *p, const struct location *l)
{
	if (l->free_hd <= l->threshold)
		return LOCATION_REACHED;
	return l->free_hd <= l->threshold + p->params.approaching_margin_hd ? LOCATION_APPROACHING
									    : LOCATION_OK;
}

static void judge_locations(struct join *j)
{
	struct picture *p = j->picture;

	locations_judge(p->locations, p->n_locations);
	for (size_t i = 0; i < p->n_locations; i++) {
		struct location *l = &p->locations[i];

		l->figures_at = p->status_frozen ? newest_status(j->in->infinity) : p->infinity_at;
		average_load(p, l);
		if (l->principal)
			l->state = threshold_state(p, l);
	}
}

/* --- the whole ------------------------------------------------------------------------------------------------- */

static const char *tag_value_in_force(struct join *j)
{
	const char *set = j->in->settings->tag_value;

	if (!set[0] && j->in->infinity && j->in->infinity->management_host)
		set = j->in->infinity->management_host;
	return arena_strdup(j->arena, set);
}

static struct picture *picture_new(const struct join_input *in)
{
	struct arena *arena = arena_new(LIMIT_PICTURE_BYTES);
	struct picture *p = arena ? arena_alloc(arena, sizeof(*p)) : NULL;

	if (!p) {
		arena_free(arena);
		return NULL;
	}
	p->arena = arena;
	p->references = 1;
	p->made_at = in->now;
	p->tick = in->tick;
	p->settings = *in->settings;
	p->params = burst_params_make(in->settings, in->time_scale);
	return p;
}

static struct infinity_settings infinity_settings_of(struct join *j)
{
	const struct infinity_report *r = j->in->infinity;

	return (struct infinity_settings){
		.threshold = r->bursting_threshold,
		.lifetime_minutes = r->bursting_lifetime,
		.provider = arena_strdup(j->arena, r->cloud_provider),
		.access_key = arena_strdup(j->arena, r->aws_access_key),
		.secret_set = r->aws_secret_set,
	};
}

static int join_build(struct join *j)
{
	struct picture *p = j->picture;

	p->tag_value = tag_value_in_force(j);
	copy_holds(j);
	copy_sources(j);
	judge_freshness(j);
	if (arena_overflowed(j->arena))
		return -1;
	if (j->in->infinity) {
		p->infinity_settings = infinity_settings_of(j);
		if (build_locations(j) || build_nodes(j))
			return -1;
		sum_nodes(p);
		take_monitor(j);
		judge_locations(j);
	}
	join_issues(j);
	return arena_overflowed(j->arena) ? -1 : 0;
}

enum err fleet_join(const struct join_input *in, struct track_table *ret_tracks, struct picture **ret_picture,
		    struct event **ret_events, size_t *ret_n_events, struct error *e)
{
	_cleanup_(picture_unrefp) struct picture *p = picture_new(in);
	struct join j = {.in = in, .picture = p, .tracks = ret_tracks, .arena = p ? p->arena : NULL};

	if (!p || track_table_copy(ret_tracks, in->tracks) || join_build(&j))
		return error_set(e, ERR_INTERNAL, "out of memory while joining the reports");
	*ret_events = j.events;
	*ret_n_events = j.n_events;
	*ret_picture = take_ptr(p);
	return ERR_OK;
}

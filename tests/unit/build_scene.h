/*
 * A scene: a small platform as both upstream systems would report it, for tests of the join and the reconciler. Time
 * stands still until the test moves it; only what a test names differs from a healthy platform.
 *
 *	struct scene *s = *state;
 *
 *	scene_location(s, "AWS burst");
 *	scene_burst(s, "burst-1", INSTANCE_RUNNING);
 *	scene_join(s);
 *	assert_phase(s, "burst-1", PHASE_SERVING);
 */
#ifndef BURSTD_TESTS_UNIT_BUILD_SCENE_H
#define BURSTD_TESTS_UNIT_BUILD_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fleet/join.h"

#define SCENE_NOW 1760000000000LL
#define SECONDS   MS_PER_SECOND
#define MINUTES   MS_PER_MINUTE

#define SCENE_HD     17 /* what one node carries */
#define SCENE_TAG    "mgr.example.com"
#define SCENE_REGION "eu-west-2"
#define SCENE_SIZE   16 /* the most of anything */

struct scene_node {
	int64_t id;
	const char *name;
	int64_t location;
	enum node_role role;
	int max_hd;
	int used_hd; /* a conference each */
	int participants;
	int signaling;
	int media_load;
	bool no_tokens; /* Infinity shows no tokens: the media load counts */
	enum node_sync sync;
	int64_t status_at; /* last_updated; 0 = 10 s before the read, whenever that is; -1 = never */
	bool maintenance;
	bool status_maintenance;
	char reason[251];
	const char *static_nat;
	bool distributed_database;
	char address[16];

	bool has_instance;
	bool unlisted; /* EC2's list leaves the instance out */
	char instance_id[33];
	struct ec2_instance instance;
};

struct scene {
	int64_t now;
	int64_t tick;
	struct bursting_settings settings;

	struct infinity_location locations[SCENE_SIZE];
	size_t n_locations;
	struct scene_node nodes[SCENE_SIZE];
	size_t n_nodes;
	struct infinity_monitor monitors[SCENE_SIZE];
	size_t n_monitors;
	bool infinity_unheard;
	bool infinity_partial;
	bool infinity_bursting;
	int infinity_threshold; /* 0 = not told; likewise */
	int infinity_lifetime;
	int64_t infinity_at; /* when the last read began; 0 = now */
	int license_used;
	int license_total;
	bool ec2_unheard;
	bool ec2_partial;
	int64_t ec2_at;

	struct intent intents[SCENE_SIZE];
	size_t n_intents;
	struct node_wish wishes[SCENE_SIZE];
	size_t n_wishes;
	struct location_wish location_wishes[SCENE_SIZE];
	size_t n_location_wishes;
	struct hold holds[SCENE_SIZE];
	int64_t held[SCENE_SIZE];
	size_t n_holds;
	struct schedule schedules[SCENE_SIZE];
	size_t n_schedules;
	struct location_threshold thresholds[SCENE_SIZE];
	size_t n_thresholds;
	struct source sources[4];
	size_t n_sources;
	const struct survey *surveys[4];
	size_t n_surveys;

	struct track_table tracks; /* carried from join to join */
	struct picture *p;         /* of the last join */
	struct event *events;      /* of the last join; in p's arena */
	size_t n_events;
};

static inline int scene_setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->now = SCENE_NOW;
	s->tick = 1;
	s->settings = bursting_defaults;
	s->settings.enabled = true;
	s->license_used = s->license_total = -1;
	*state = s;
	return 0;
}

static inline int scene_teardown(void **state)
{
	struct scene *s = *state;

	picture_unref(s->p);
	track_table_free(&s->tracks);
	free(s);
	return 0;
}

#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

static inline struct infinity_location *scene_location(struct scene *s, const char *name)
{
	struct infinity_location *l = &s->locations[s->n_locations++];

	assert_true(s->n_locations <= SCENE_SIZE);
	*l = (struct infinity_location){.id = (int64_t)s->n_locations, .name = name};
	return l;
}

/* An always-on transcoding node in the location that was added last. */
static inline struct scene_node *scene_node(struct scene *s, const char *name, int max_hd, int used_hd)
{
	struct scene_node *n = &s->nodes[s->n_nodes++];

	assert_true(s->n_nodes <= SCENE_SIZE);
	*n = (struct scene_node){.id = 100 + (int64_t)s->n_nodes,
				 .name = name,
				 .location = s->locations[s->n_locations - 1].id,
				 .max_hd = max_hd,
				 .used_hd = used_hd,
				 .media_load = -1,
				 .sync = SYNC_SYNCED};
	(void)snprintf(n->address, sizeof(n->address), "10.0.0.%zu", s->n_nodes);
	return n;
}

/* A bursting node, launched an hour ago; what Infinity says of it goes with its instance's state. */
static inline struct scene_node *scene_burst(struct scene *s, const char *name, enum instance_state state)
{
	struct scene_node *n = scene_node(s, name, SCENE_HD, 0);

	n->has_instance = true;
	(void)snprintf(n->instance_id, sizeof(n->instance_id), "i-%zu", s->n_nodes);
	n->instance = (struct ec2_instance){.type = "c5.2xlarge",
					    .region = SCENE_REGION,
					    .zone = SCENE_REGION "a",
					    .state = state,
					    .launch_time = SCENE_NOW - 60 * MINUTES,
					    .tenancy = "dedicated",
					    .tag_value = SCENE_TAG};
	if (state != INSTANCE_RUNNING) {
		n->sync = SYNC_SUSPENDED;
		n->status_at = SCENE_NOW - 24 * 60 * MINUTES;
	}
	return n;
}

static inline struct scene_node *scene_find(struct scene *s, const char *name)
{
	for (size_t i = 0; i < s->n_nodes; i++)
		if (!strcmp(s->nodes[i].name, name))
			return &s->nodes[i];
	fail_msg("the scene has no node %s", name);
	return NULL;
}

/* The node is up and Infinity hears from it. */
static inline void scene_up(struct scene_node *n)
{
	n->instance.state = INSTANCE_RUNNING;
	n->sync = SYNC_SYNCED;
	n->status_at = 0;
}

static inline struct intent *scene_intent(struct scene *s, const struct scene_node *n, enum intent_kind kind,
					  enum intent_state state)
{
	struct intent *i = &s->intents[s->n_intents++];

	assert_true(s->n_intents <= SCENE_SIZE);
	*i = (struct intent){.id = 1000 + (int64_t)s->n_intents,
			     .kind = kind,
			     .state = state,
			     .node = n->id,
			     .created_at = s->now,
			     .entered_at = s->now};
	(void)snprintf(i->actor, sizeof(i->actor), "controller");
	(void)snprintf(i->rule, sizeof(i->rule), "%s", kind == INTENT_START ? "S2" : "E5");
	return i;
}

/* --- what the two systems report ------------------------------------------------------------------------------ */

static inline void scene_status(const struct scene_node *n, int64_t read_at, struct arena *a,
				struct infinity_node *out)
{
	*out = (struct infinity_node){
		.id = n->id,
		.name = n->name,
		.address = arena_strdup(a, n->address),
		.location = n->location,
		.role = n->role,
		.maintenance = n->maintenance,
		.maintenance_reason = arena_strdup(a, n->reason),
		.static_nat = n->static_nat,
		.distributed_database = n->distributed_database,
		.sync = n->sync,
		.sync_text = n->sync == SYNC_SYNCED ? "SYNCED" : "SUSPENDED",
		.status_maintenance = n->status_maintenance,
		.last_updated = n->status_at < 0 ? 0
				: n->status_at   ? n->status_at
						 : read_at - 10 * SECONDS,
		.max_hd = n->max_hd,
		.media_load = n->media_load,
		.tokens_max = n->no_tokens ? -1 : 100LL * n->max_hd,
		.tokens_used = n->no_tokens ? -1 : 100LL * n->used_hd,
		.signaling = n->signaling,
		.conferences = n->used_hd,
		.participants = n->participants,
	};
}

static inline struct infinity_report *scene_infinity(const struct scene *s, int64_t read_at)
{
	struct infinity_report *r = infinity_report_new();

	assert_non_null(r);
	r->observed_at = r->finished_at = read_at;
	r->whole = !s->infinity_partial;
	r->partial = s->infinity_partial ? "worker_vm: 3 of 4 objects arrived" : NULL;
	r->bursting_enabled = s->infinity_bursting;
	r->bursting_threshold = s->infinity_threshold;
	r->bursting_lifetime = s->infinity_lifetime;
	r->management_host = SCENE_TAG;
	r->license_ports_used = s->license_used;
	r->license_ports_total = s->license_total;
	r->n_locations = s->n_locations;
	r->locations = arena_array(r->arena, s->n_locations + 1, sizeof(*r->locations));
	memcpy(r->locations, s->locations, s->n_locations * sizeof(*r->locations));
	r->n_monitors = s->n_monitors;
	r->monitors = arena_array(r->arena, s->n_monitors + 1, sizeof(*r->monitors));
	memcpy(r->monitors, s->monitors, s->n_monitors * sizeof(*r->monitors));
	r->n_nodes = s->n_nodes;
	r->nodes = arena_array(r->arena, s->n_nodes + 1, sizeof(*r->nodes));
	for (size_t i = 0; i < s->n_nodes; i++)
		scene_status(&s->nodes[i], read_at, r->arena, &r->nodes[i]);
	return r;
}

static inline bool scene_tagged(const struct scene_node *n)
{
	return n->instance.tag_value && !strcmp(n->instance.tag_value, SCENE_TAG);
}

/* The list by tag, or what a look-up by address finds besides it. */
static inline struct ec2_report *scene_ec2(const struct scene *s, bool by_tag, int64_t read_at)
{
	struct ec2_report *r = ec2_report_new(SCENE_REGION);

	assert_non_null(r);
	r->observed_at = r->finished_at = read_at;
	r->whole = !s->ec2_partial;
	r->instances = arena_array(r->arena, s->n_nodes + 1, sizeof(*r->instances));
	for (size_t i = 0; i < s->n_nodes; i++) {
		const struct scene_node *n = &s->nodes[i];
		struct ec2_instance *to = &r->instances[r->n_instances];

		if (!n->has_instance || n->unlisted || scene_tagged(n) != by_tag)
			continue;
		*to = n->instance;
		to->id = arena_strdup(r->arena, n->instance_id);
		to->addresses = arena_array(r->arena, 2, sizeof(*to->addresses));
		to->addresses[0] = "192.168.1.1"; /* another interface */
		to->addresses[1] = arena_strdup(r->arena, n->address);
		to->n_addresses = 2;
		r->n_instances++;
	}
	return r;
}

/* --- the join ------------------------------------------------------------------------------------------------- */

static inline void scene_join_reports(struct scene *s, const struct infinity_report *infinity,
				      const struct ec2_report *tagged, const struct ec2_report *addressed)
{
	struct track_table next = {0};
	struct picture *p = NULL;
	struct error e = {0};
	struct join_input in = {
		.now = s->now,
		.tick = s->tick,
		.time_scale = 1,
		.settings = &s->settings,
		.thresholds = s->thresholds,
		.n_thresholds = s->n_thresholds,
		.holds = s->holds,
		.n_holds = s->n_holds,
		.schedules = s->schedules,
		.n_schedules = s->n_schedules,
		.wishes = s->wishes,
		.n_wishes = s->n_wishes,
		.location_wishes = s->location_wishes,
		.n_location_wishes = s->n_location_wishes,
		.intents = s->intents,
		.n_intents = s->n_intents,
		.infinity = infinity,
		.ec2 = &tagged,
		.ec2_addresses = &addressed,
		.n_ec2 = 1,
		.sources = s->sources,
		.n_sources = s->n_sources,
		.surveys = s->surveys,
		.n_surveys = s->n_surveys,
		.tracks = &s->tracks,
		.previous = s->p,
	};

	if (fleet_join(&in, &next, &p, &s->events, &s->n_events, &e))
		fail_msg("%s", e.detail);
	picture_unref(s->p);
	s->p = p;
	track_table_free(&s->tracks);
	s->tracks = next;
}

/* One look at both systems. */
static inline void scene_join(struct scene *s)
{
	int64_t infinity_at = s->infinity_at ? s->infinity_at : s->now;
	int64_t ec2_at = s->ec2_at ? s->ec2_at : s->now;
	struct infinity_report *infinity = s->infinity_unheard ? NULL : scene_infinity(s, infinity_at);
	struct ec2_report *tagged = s->ec2_unheard ? NULL : scene_ec2(s, true, ec2_at);
	struct ec2_report *addressed = s->ec2_unheard ? NULL : scene_ec2(s, false, ec2_at);

	scene_join_reports(s, infinity, tagged, addressed);
	infinity_report_free(infinity);
	ec2_report_free(tagged);
	ec2_report_free(addressed);
}

/* Time passes, then another look at both. */
static inline void scene_later(struct scene *s, int64_t ms)
{
	s->now += ms;
	s->tick++;
	scene_join(s);
}

/* --- what came of it ------------------------------------------------------------------------------------------ */

static inline const struct node *seen(const struct scene *s, const char *name)
{
	for (size_t i = 0; i < s->p->n_nodes; i++)
		if (!strcmp(s->p->nodes[i].name, name))
			return &s->p->nodes[i];
	fail_msg("the picture has no node %s", name);
	return NULL;
}

static inline const struct location *seen_location(const struct scene *s, const char *name)
{
	for (size_t i = 0; i < s->p->n_locations; i++)
		if (!strcmp(s->p->locations[i].name, name))
			return &s->p->locations[i];
	fail_msg("the picture has no location %s", name);
	return NULL;
}

static inline struct node_track *track_of(struct scene *s, const char *name)
{
	struct node_track *t = track_find(&s->tracks, scene_find(s, name)->id);

	assert_non_null(t);
	return t;
}

#define assert_phase(s, name, wanted)                                                                        \
	assert_string_equal(phase_text(seen(s, name)->phase), phase_text(wanted))

static inline const struct event *event_seen(const struct scene *s, enum event_type type)
{
	for (size_t i = 0; i < s->n_events; i++)
		if (s->events[i].type == type)
			return &s->events[i];
	return NULL;
}

static inline void assert_event(const struct scene *s, enum event_type type, const char *actor,
				const char *rule)
{
	const struct event *e = event_seen(s, type);

	if (!e)
		fail_msg("no event %s among %zu", event_type_text(type), s->n_events);
	assert_string_equal(e->actor, actor);
	assert_string_equal(e->rule, rule);
}

static inline const struct issue *issue_seen(const struct scene *s, const char *id)
{
	for (size_t i = 0; i < s->p->n_issues; i++)
		if (!strcmp(s->p->issues[i].id, id))
			return &s->p->issues[i];
	return NULL;
}

/* tools/lint-checks counts these: each row of fleet/check.h is found in one test, and not in another or on the near side. */
static inline void assert_found_among(const struct scene *s, const char *id)
{
	if (!issue_seen(s, id))
		fail_msg("no issue %s among %zu", id, s->p->n_issues);
}

static inline void assert_silent_about(const struct scene *s, const char *id)
{
	if (issue_seen(s, id))
		fail_msg("%s: %s", id, issue_seen(s, id)->message);
}

#endif

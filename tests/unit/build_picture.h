/*
 * Builds pictures by hand for the tests of the engine: only what a test names differs from a healthy platform. Nodes belong
 * to the location that was added last, as in a real picture.
 *
 *	struct build *b = *state;
 *
 *	build_principal(b, "Oslo", 4);
 *	build_overflow(b, "AWS burst");
 *	build_stopped(b, "burst-1");
 *	build_decide(b);
 *	assert_decided(b, "burst-1", DECIDE_START, REASON_PRINCIPAL_SHORT);
 */
#ifndef BURSTD_TESTS_UNIT_BUILD_PICTURE_H
#define BURSTD_TESTS_UNIT_BUILD_PICTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bursting/engine.h"

#define NOW     1760000000000LL
#define SECONDS MS_PER_SECOND
#define MINUTES MS_PER_MINUTE
#define NODE_HD 17 /* what one node of the builder carries */
#define TICK    100

#define BUILD_LOCATIONS 8
#define BUILD_NODES     16

struct build {
	struct picture p;
	struct location locations[BUILD_LOCATIONS];
	struct node nodes[BUILD_NODES];
	struct intent intents[BUILD_NODES];
	struct ec2_instance instances[BUILD_NODES];
	struct hold holds[64];
	int64_t held[64];
	struct burst_tick ticks[BUILD_LOCATIONS];
	size_t n_ticks;
	struct burst_plan plan;
};

static inline void build_start(struct build *b)
{
	memset(b, 0, sizeof(*b));
	b->p = (struct picture){
		.tick = TICK,
		.made_at = NOW,
		.infinity_at = NOW,
		.settings = bursting_defaults,
		.infinity_fresh = true,
		.ec2_fresh = true,
		.locations = b->locations,
		.nodes = b->nodes,
		.holds = b->holds,
	};
	b->p.settings.enabled = true;
	b->p.params = burst_params_make(&b->p.settings, 1);
}

static inline struct location *build_location(struct build *b, const char *name, enum location_kind kind)
{
	struct location *l = &b->locations[b->p.n_locations++];

	assert_true(b->p.n_locations <= BUILD_LOCATIONS);
	*l = (struct location){
		.id = (int64_t)b->p.n_locations,
		.name = name,
		.kind = kind,
		.overflow1 = -1,
		.overflow2 = -1,
		.first_node = (int32_t)b->p.n_nodes,
		.threshold = b->p.params.threshold,
		.media_load = -1,
		.figures_at = NOW,
	};
	return l;
}

/* Its primary overflow location is the next one that is added. */
static inline struct location *build_principal(struct build *b, const char *name, int free_hd)
{
	struct location *l = build_location(b, name, LOCATION_PRINCIPAL);

	l->principal = l->has_always_on = true;
	l->free_hd = free_hd;
	l->overflow1 = (int32_t)b->p.n_locations;
	return l;
}

static inline struct location *build_overflow(struct build *b, const char *name)
{
	return build_location(b, name, LOCATION_OVERFLOW);
}

/* A bursting node whose instance is stopped. */
static inline struct node *build_stopped(struct build *b, const char *name)
{
	struct location *l = &b->locations[b->p.n_locations - 1];
	struct node *n = &b->nodes[b->p.n_nodes++];

	assert_true(b->p.n_nodes <= BUILD_NODES);
	*n = (struct node){
		.id = 100 + (int64_t)b->p.n_nodes,
		.name = name,
		.location = (int32_t)(b->p.n_locations - 1),
		.bursting = true,
		.phase = PHASE_STOPPED,
		.instance_fresh = true,
		.max_hd = NODE_HD,
		.room_hd = NODE_HD,
		.order = START_ORDER_NONE,
	};
	b->instances[n - b->nodes] = (struct ec2_instance){.id = "i-1", .region = "eu-west-2"};
	n->instance = &b->instances[n - b->nodes];
	l->n_nodes++;
	l->n_bursting++;
	return n;
}

/* Asked for a minute ago, not synced yet. */
static inline struct node *build_starting(struct build *b, const char *name)
{
	struct node *n = build_stopped(b, name);

	n->phase = PHASE_STARTING;
	n->pending_hd = NODE_HD;
	n->started_at = NOW - MINUTES;
	return n;
}

/* Serves since an hour; idle, twice, where all of it is free. */
static inline struct node *build_serving(struct build *b, const char *name, int free_hd)
{
	struct node *n = build_stopped(b, name);

	n->phase = PHASE_SERVING;
	n->eligible = n->fresh = true;
	n->sync = SYNC_SYNCED;
	n->free_hd = free_hd;
	n->started_at = NOW - 60 * MINUTES;
	n->running_at = n->serving_at = n->started_at;
	n->last_updated = NOW - 10 * SECONDS;
	n->idle = free_hd == NODE_HD;
	n->conferences = n->idle ? 0 : 1;
	if (n->idle) {
		n->idle_reads = 2;
		n->idle_read[0] = n->last_updated;
		n->idle_read[1] = n->last_updated - MINUTES;
	}
	b->locations[n->location].free_hd += free_hd;
	b->locations[n->location].max_hd += NODE_HD;
	return n;
}

static inline struct intent *build_intent(struct build *b, struct node *n, enum intent_kind kind,
					  enum intent_state state)
{
	struct intent *i = &b->intents[n - b->nodes];

	*i = (struct intent){.id = 1000 + n->id,
			     .kind = kind,
			     .state = state,
			     .node = n->id,
			     .created_at = NOW - 5 * MINUTES,
			     .entered_at = NOW - 5 * MINUTES};
	(void)snprintf(i->actor, sizeof(i->actor), "controller");
	n->intent = i;
	return i;
}

/*
 * Drained by the controller: in maintenance mode for five minutes, idle since; ready to be stopped. The test makes it
 * less ready.
 */
static inline struct node *build_draining(struct build *b, const char *name)
{
	struct node *n = build_stopped(b, name);

	n->phase = PHASE_DRAINING;
	n->fresh = n->idle = n->ours = n->maintenance = n->maintenance_configured = true;
	n->sync = SYNC_SYNCED;
	n->started_at = NOW - 60 * MINUTES;
	n->running_at = n->serving_at = n->started_at;
	n->last_updated = NOW - 10 * SECONDS;
	n->idle_reads = 2;
	n->idle_read[0] = n->last_updated;
	n->idle_read[1] = n->last_updated - MINUTES;
	build_intent(b, n, INTENT_STOP, INTENT_WAITING)->maintenance_at = NOW - 5 * MINUTES;
	return n;
}

/* The drain of a node in the hands of a test: intents are const in a picture. */
static inline struct intent *intent_of_node(struct build *b, const struct node *n)
{
	return &b->intents[n - b->nodes];
}

/* A hold on a node by name, or, where `node` is NULL, on `count` nodes of the location. */
static inline struct hold *build_hold(struct build *b, const struct node *node, const struct location *l,
				      int count)
{
	struct hold *h = &b->holds[b->p.n_holds];
	int64_t *held = &b->held[b->p.n_holds];

	assert_true(b->p.n_holds < 64);
	b->p.n_holds++;
	*h = (struct hold){.id = (int64_t)b->p.n_holds, .until = NOW + 60 * MINUTES, .count = count};
	if (node) {
		*held = node->id;
		h->nodes = held;
		h->n_nodes = 1;
	} else {
		h->location = l->id;
	}
	return h;
}

static inline void build_tick(struct build *b, const struct location *l, int64_t start_tick,
			      int64_t drain_tick)
{
	b->ticks[b->n_ticks++] = (struct burst_tick){l->id, start_tick, drain_tick};
}

static inline void build_decide(struct build *b)
{
	burst_decide(
		&(struct burst_input){
			.picture = &b->p, .now = b->p.made_at, .ticks = b->ticks, .n_ticks = b->n_ticks},
		&b->plan);
	assert_false(b->plan.failed);
}

static inline void build_end(struct build *b)
{
	burst_plan_free(&b->plan);
}

/* For cmocka: a new build before each test, freed after it. */
static inline int build_setup(void **state)
{
	struct build *b = malloc(sizeof(*b));

	assert_non_null(b);
	build_start(b);
	*state = b;
	return 0;
}

static inline int build_teardown(void **state)
{
	build_end(*state);
	free(*state);
	return 0;
}

#define BUILD_TEST(name) cmocka_unit_test_setup_teardown(name, build_setup, build_teardown)

/* --- what the plan says ------------------------------------------------------------------------------------- */

static inline const struct node *built_node(const struct build *b, const char *name)
{
	for (size_t i = 0; i < b->p.n_nodes; i++)
		if (!strcmp(b->nodes[i].name, name))
			return &b->nodes[i];
	fail_msg("no node %s", name);
	return NULL;
}

static inline const char *decided_text(const struct build *b, char out[1000])
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < b->plan.n_decisions && at < 900; i++) {
		const struct decision *d = &b->plan.decisions[i];

		at += (size_t)snprintf(out + at, 1000 - at, " %s %s (%s)", decision_action_text(d->action),
				       d->node >= 0 ? b->nodes[d->node].name : "-",
				       decision_reason_slug(d->reason));
	}
	return at ? out : " nothing";
}

static inline const struct decision *decision_on(const struct build *b, const char *name)
{
	const struct node *n = built_node(b, name);

	for (size_t i = 0; i < b->plan.n_decisions; i++)
		if (b->plan.decisions[i].node == (int32_t)(n - b->nodes))
			return &b->plan.decisions[i];
	return NULL;
}

static inline void assert_decided(const struct build *b, const char *name, enum decision_action action,
				  enum decision_reason reason)
{
	const struct decision *d = decision_on(b, name);
	char text[1000];

	if (!d || d->action != action || d->reason != reason)
		fail_msg("wanted %s %s (%s), the plan is:%s", decision_action_text(action), name,
			 decision_reason_slug(reason), decided_text(b, text));
}

static inline void assert_decisions(const struct build *b, size_t n)
{
	char text[1000];

	if (b->plan.n_decisions != n)
		fail_msg("wanted %zu decisions, the plan is:%s", n, decided_text(b, text));
}

static inline const struct evaluation *evaluation_at(const struct build *b, const struct location *l)
{
	for (size_t i = 0; i < b->plan.n_evaluations; i++)
		if (b->plan.evaluations[i].location == (int32_t)(l - b->locations))
			return &b->plan.evaluations[i];
	fail_msg("%s was not evaluated", l->name);
	return NULL;
}

/* Nothing is done for the location, and this is why. */
static inline void assert_nothing(const struct build *b, const struct location *l,
				  enum decision_reason reason)
{
	const struct evaluation *ev = evaluation_at(b, l);

	assert_decisions(b, 0);
	if (ev->reason != reason)
		fail_msg("%s: wanted the reason %s, it is %s", l->name, decision_reason_slug(reason),
			 decision_reason_slug(ev->reason));
}

static inline void assert_refused(const struct build *b, const char *name, enum decision_reason reason)
{
	int32_t node = (int32_t)(built_node(b, name) - b->nodes);
	char text[1000];

	for (size_t i = 0; i < b->plan.n_refusals; i++)
		if (b->plan.refusals[i].node == node) {
			assert_string_equal(decision_reason_slug(b->plan.refusals[i].reason),
					    decision_reason_slug(reason));
			assert_null(decision_on(b, name));
			return;
		}
	fail_msg("%s was not refused, the plan is:%s", name, decided_text(b, text));
}

#endif

/*
 * The reconciler between fakes: a scene as the outside world, behind both ports, that counts every change it is asked for
 * and fails where a test wants it to; a store of its own; a clock that the test moves.
 */
#ifndef BURSTD_TESTS_UNIT_RECONCILE_FIXTURE_H
#define BURSTD_TESTS_UNIT_RECONCILE_FIXTURE_H

#include "tests/unit/store_fixture.h"

#include "reconcile/reconcile.h"
#include "tests/unit/build_scene.h"

struct rig {
	struct scene *s;
	struct fixture *f;
	struct store *store; /* f's, in memory */
	struct reconciler *r;
	struct clock clock;
	struct infinity_port infinity;
	struct ec2_port ec2;

	/* what was asked for */
	int starts, stops, cloud_starts, maintenance_on, maintenance_off, looks;
	char started[SCENE_SIZE][33]; /* instance ids, in order */
	char stopped[33];
	char reason[251]; /* of the last maintenance mode on */

	int creates, updates, deletes, finds; /* of locations */
	char texts[2 * SCENE_SIZE][251];      /* names and descriptions that were written */
	size_t n_texts;

	/* what goes wrong: class UPSTREAM_OK = nothing */
	struct upstream_error start_error, stop_error, maintenance_error, look_error, location_error;
	bool answers_lost;                              /* the effect happens, the error is told */
	const char *only_refuse;                        /* start_error is for this instance alone */
	void (*before)(struct rig *, const char *deed); /* runs inside a port, as the world in between */

	int64_t next_at; /* of the last step */
};

static inline int64_t rig_now(void *self)
{
	return ((struct rig *)self)->s->now;
}

static inline double rig_random(void *self)
{
	(void)self;
	return 0.5;
}

static inline void rig_before(struct rig *g, const char *deed)
{
	if (g->before)
		g->before(g, deed);
}

/* Whether the deed fails, and whether its effect comes to pass all the same. */
static inline bool rig_fails(const struct upstream_error *wanted, struct upstream_error *e)
{
	*e = *wanted;
	return wanted->class != UPSTREAM_OK;
}

static inline struct scene_node *rig_instance(struct rig *g, const char *id)
{
	for (size_t i = 0; i < g->s->n_nodes; i++)
		if (g->s->nodes[i].has_instance && !strcmp(g->s->nodes[i].instance_id, id))
			return &g->s->nodes[i];
	fail_msg("there is no instance %s", id);
	return NULL;
}

static inline bool rig_observe(void *self, bool participants, struct infinity_report **ret,
			       struct upstream_error *e)
{
	struct rig *g = self;

	g->looks++;
	rig_before(g, "observe");
	if (rig_fails(&g->look_error, e))
		return false;
	*ret = scene_infinity(g->s, g->s->now);
	for (size_t i = 0; !participants && i < (*ret)->n_nodes; i++)
		(*ret)->nodes[i].participants = -1;
	return true;
}

static inline bool rig_set_maintenance(void *self, int64_t node, bool on, const char *reason,
				       struct upstream_error *e)
{
	struct rig *g = self;
	bool fails;

	*(on ? &g->maintenance_on : &g->maintenance_off) += 1;
	rig_before(g, on ? "maintenance on" : "maintenance off");
	fails = rig_fails(&g->maintenance_error, e);
	for (size_t i = 0; (!fails || g->answers_lost) && i < g->s->n_nodes; i++)
		if (g->s->nodes[i].id == node) {
			g->s->nodes[i].maintenance = g->s->nodes[i].status_maintenance = on;
			(void)snprintf(g->s->nodes[i].reason, sizeof(g->s->nodes[i].reason), "%s", reason);
		}
	if (on)
		(void)snprintf(g->reason, sizeof(g->reason), "%s", reason);
	return !fails;
}

static inline bool rig_launch(struct rig *g, const char *id, struct upstream_error *e)
{
	struct scene_node *n = rig_instance(g, id);
	bool meant = !g->only_refuse || !strcmp(g->only_refuse, id);
	bool fails = meant && rig_fails(&g->start_error, e);

	if (fails && !g->answers_lost)
		return false;
	n->instance.state = INSTANCE_PENDING;
	n->instance.launch_time = g->s->now;
	n->sync = SYNC_SUSPENDED;
	n->status_at = SCENE_NOW - 24 * 60 * MINUTES;
	return !fails;
}

static inline bool rig_start_cloudnode(void *self, const char *id, struct upstream_error *e)
{
	struct rig *g = self;

	g->cloud_starts++;
	return rig_launch(g, id, e);
}

static inline bool rig_start(void *self, const char *id, struct ec2_state_change *ret,
			     struct upstream_error *e)
{
	struct rig *g = self;

	(void)snprintf(g->started[g->starts % SCENE_SIZE], sizeof(g->started[0]), "%s", id);
	g->starts++;
	rig_before(g, "start");
	*ret = (struct ec2_state_change){INSTANCE_STOPPED, INSTANCE_PENDING};
	return rig_launch(g, id, e);
}

static inline bool rig_stop(void *self, const char *id, struct ec2_state_change *ret,
			    struct upstream_error *e)
{
	struct rig *g = self;
	bool fails;

	g->stops++;
	(void)snprintf(g->stopped, sizeof(g->stopped), "%s", id);
	rig_before(g, "stop");
	fails = rig_fails(&g->stop_error, e);
	if (!fails || g->answers_lost)
		rig_instance(g, id)->instance.state = INSTANCE_STOPPING;
	*ret = (struct ec2_state_change){INSTANCE_RUNNING, INSTANCE_STOPPING};
	return !fails;
}

static inline bool rig_tagged(void *self, const char *tag, struct ec2_report **ret, struct upstream_error *e)
{
	struct rig *g = self;

	(void)e;
	assert_string_equal(tag, SCENE_TAG);
	*ret = scene_ec2(g->s, true, g->s->now);
	return true;
}

static inline bool rig_addressed(void *self, const char *const *addresses, size_t n, struct ec2_report **ret,
				 struct upstream_error *e)
{
	struct rig *g = self;

	(void)addresses, (void)n, (void)e;
	*ret = scene_ec2(g->s, false, g->s->now);
	return true;
}

static inline bool rig_one(void *self, const char *id, struct ec2_report **ret, struct upstream_error *e)
{
	struct rig *g = self;
	struct ec2_report *r = scene_ec2(g->s, true, g->s->now);

	(void)e;
	for (size_t i = 0; i < r->n_instances; i++)
		if (!strcmp(r->instances[i].id, id)) {
			r->instances[0] = r->instances[i];
			r->n_instances = 1;
			break;
		}
	*ret = r;
	return true;
}

static inline void rig_new_reconciler(struct rig *g)
{
	static const char *const regions[] = {SCENE_REGION};

	assert_ok(reconciler_new(&(struct reconciler_options){.clock = &g->clock,
							      .time_scale = 1,
							      .regions = regions,
							      .n_regions = 1,
							      .random = rig_random},
				 g->store, &g->r, E));
}

/* --- locations ---------------------------------------------------------------------------------------------------- */

static inline const char *rig_text(struct rig *g, const char *text)
{
	char *copy = g->texts[g->n_texts++];

	assert_true(g->n_texts <= 2 * SCENE_SIZE);
	(void)snprintf(copy, sizeof(g->texts[0]), "%s", text);
	return copy;
}

static inline struct infinity_location *rig_location(struct rig *g, int64_t id)
{
	for (size_t i = 0; i < g->s->n_locations; i++)
		if (g->s->locations[i].id == id)
			return &g->s->locations[i];
	return NULL;
}

static inline void rig_write_location(struct rig *g, struct infinity_location *l,
				      const struct location_change *c)
{
	if (c->fields & LOCATION_NAME)
		l->name = rig_text(g, c->name);
	if (c->fields & LOCATION_DESCRIPTION)
		l->description = rig_text(g, c->description);
	if (c->fields & LOCATION_PRIMARY)
		l->overflow1 = c->overflow1;
	if (c->fields & LOCATION_SECONDARY)
		l->overflow2 = c->overflow2;
}

static inline bool rig_find_location(void *self, const char *name, int64_t *ret_id, struct upstream_error *e)
{
	struct rig *g = self;

	g->finds++;
	if (rig_fails(&g->look_error, e))
		return false;
	*ret_id = 0;
	for (size_t i = 0; i < g->s->n_locations; i++)
		if (!strcmp(g->s->locations[i].name, name))
			*ret_id = g->s->locations[i].id;
	return true;
}

static inline bool rig_create_location(void *self, const struct location_change *c, int64_t *ret_id,
				       struct upstream_error *e)
{
	struct rig *g = self;
	bool fails;

	g->creates++;
	rig_before(g, "create location");
	fails = rig_fails(&g->location_error, e);
	if (fails && !g->answers_lost)
		return false;
	rig_write_location(g, scene_location(g->s, ""), c);
	*ret_id = g->s->locations[g->s->n_locations - 1].id;
	return !fails;
}

static inline bool rig_update_location(void *self, int64_t id, const struct location_change *c,
				       struct upstream_error *e)
{
	struct rig *g = self;
	bool fails;

	g->updates++;
	rig_before(g, "update location");
	fails = rig_fails(&g->location_error, e);
	if (!fails || g->answers_lost)
		rig_write_location(g, rig_location(g, id), c);
	return !fails;
}

static inline bool rig_delete_location(void *self, int64_t id, struct upstream_error *e)
{
	struct rig *g = self;
	struct infinity_location *l = rig_location(g, id);
	bool fails;

	g->deletes++;
	rig_before(g, "delete location");
	fails = rig_fails(&g->location_error, e);
	if (!fails || g->answers_lost)
		*l = g->s->locations[--g->s->n_locations]; /* the order means nothing */
	return !fails;
}

/* Oslo (40 HD calls) in front of AWS burst with burst-1 and burst-2, both stopped; nobody is short. */
static inline int rig_setup(void **state)
{
	struct rig *g = calloc(1, sizeof(*g));
	struct bursting_settings settings = bursting_defaults;
	struct infinity_location *oslo;
	void *part;

	assert_non_null(g);
	scene_setup(&part);
	g->s = part;
	fixture_setup(&part);
	g->f = part;
	g->store = g->f->store;
	g->clock = (struct clock){rig_now, g};
	g->infinity = (struct infinity_port){.observe = rig_observe,
					     .set_maintenance = rig_set_maintenance,
					     .start_cloudnode = rig_start_cloudnode,
					     .find_location = rig_find_location,
					     .create_location = rig_create_location,
					     .update_location = rig_update_location,
					     .delete_location = rig_delete_location,
					     .self = g};
	g->ec2 = (struct ec2_port){rig_tagged, rig_addressed, rig_one, rig_start, rig_stop, g};
	oslo = scene_location(g->s, "Oslo");
	scene_node(g->s, "oslo-1", 40, 10);
	oslo->overflow1 = scene_location(g->s, "AWS burst")->id;
	scene_burst(g->s, "burst-1", INSTANCE_STOPPED);
	scene_burst(g->s, "burst-2", INSTANCE_STOPPED);
	settings.enabled = true;
	assert_ok(store_settings_put(g->store, &settings, NULL, NULL, E));
	rig_new_reconciler(g);
	*state = g;
	return 0;
}

static inline int rig_teardown(void **state)
{
	struct rig *g = *state;
	void *part = g->s;

	reconciler_free(g->r);
	scene_teardown(&part);
	part = g->f;
	fixture_teardown(&part);
	free(g);
	return 0;
}

#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

/* --- steps ---------------------------------------------------------------------------------------------------- */

static inline void rig_control(struct rig *g)
{
	bool recorded;

	assert_ok(reconcile_control(g->r, g->store, &g->next_at, &recorded, E));
}

static inline void rig_look(struct rig *g)
{
	(void)reconcile_observe_infinity(g->r, &g->infinity);
	(void)reconcile_observe_ec2(g->r, 0, &g->ec2);
	rig_control(g);
}

static inline void rig_act(struct rig *g)
{
	(void)reconcile_act_infinity(g->r, g->store, &g->infinity, &g->next_at);
	(void)reconcile_act_ec2(g->r, 0, g->store, &g->ec2, &g->infinity, &g->next_at);
}

/* Time passes; a look at the world, then what is due, then the controller sees what came of it. */
static inline void rig_later(struct rig *g, int64_t ms)
{
	g->s->now += ms;
	rig_look(g);
	rig_act(g);
	rig_control(g);
}

/* As kill -9 and the next start: all that was in memory is gone. */
static inline void rig_crash(struct rig *g)
{
	reconciler_free(g->r);
	g->r = NULL;
	rig_new_reconciler(g);
}

static inline void rig_short(struct rig *g)
{
	scene_find(g->s, "oslo-1")->used_hd = 37;
}

/* burst-1 serves since an hour and is idle. */
static inline void rig_burst_up(struct rig *g)
{
	scene_up(scene_find(g->s, "burst-1"));
	rig_look(g);
}

/* A class of failure, as the clients sort it. */
static inline struct upstream_error rig_error(enum upstream_class class, const char *code)
{
	struct upstream_error e;

	upstream_error_set(&e, class, 500, code, "", "", "%s, said the fake", code);
	return e;
}

/* --- what the store knows -------------------------------------------------------------------------------------- */

/* The newest intent of a node, open or closed; state INTENT_STATE_COUNT where there is none. */
static inline struct intent rig_intent(struct rig *g, const char *name)
{
	struct intent *rows = NULL, found = {.state = INTENT_STATE_COUNT};
	size_t n = 0;

	assert_ok(store_intents_page(g->store, scene_find(g->s, name)->id, false, 0, 1, &rows, &n, E));
	if (n)
		found = rows[0];
	free(rows);
	return found;
}

static inline void assert_intent(struct rig *g, const char *name, enum intent_state wanted)
{
	struct intent i = rig_intent(g, name);

	if (i.state == INTENT_STATE_COUNT)
		fail_msg("%s has no intent, wanted %s", name, intent_state_text(wanted));
	if (i.state != wanted)
		fail_msg("the intent of %s is %s, wanted %s (%s)", name, intent_state_text(i.state),
			 intent_state_text(wanted), i.error);
}

static inline void assert_no_intent(struct rig *g, const char *name)
{
	assert_int_equal(rig_intent(g, name).state, INTENT_STATE_COUNT);
}

static inline int rig_events(struct rig *g, enum event_type type, struct event *ret_newest)
{
	struct history_filter filter = {.type = (int)type};
	struct event *rows = NULL;
	size_t n = 0;

	assert_ok(store_events(g->store, &filter, 100, &rows, &n, E));
	if (n && ret_newest)
		*ret_newest = (struct event){.node = rows[0].node,
					     .time = rows[0].time,
					     .location = rows[0].location,
					     .operation = rows[0].operation};
	store_events_free(rows, n);
	return (int)n;
}

/* Actor, rule and a part of the reason of the newest event of a type. */
static inline void assert_told(struct rig *g, enum event_type type, const char *actor, const char *rule,
			       const char *words)
{
	struct history_filter filter = {.type = (int)type};
	struct event *rows = NULL;
	size_t n = 0;

	assert_ok(store_events(g->store, &filter, 1, &rows, &n, E));
	if (!n)
		fail_msg("history has no event %s", event_type_text(type));
	assert_string_equal(rows[0].actor, actor);
	assert_string_equal(rows[0].rule, rule);
	if (!strstr(rows[0].reason, words))
		fail_msg("\"%s\" does not say \"%s\"", rows[0].reason, words);
	assert_int_equal(rows[0].time, g->s->now);
	store_events_free(rows, n);
}

static inline void assert_shown(struct rig *g, const char *name, enum node_phase wanted)
{
	struct picture *p = reconciler_picture(g->r);
	const struct node *n = picture_node(p, scene_find(g->s, name)->id);
	enum node_phase phase = n ? n->phase : PHASE_COUNT;

	picture_unref(p);
	if (phase == PHASE_COUNT)
		fail_msg("%s is not in the picture", name);
	assert_string_equal(phase_text(phase), phase_text(wanted));
}

/* Another hand in the store: what a handler or a process that died has written. */
static inline void rig_rewrite(struct rig *g, const char *name, enum intent_state to, int attempts,
			       int64_t next_at, bool force)
{
	struct intent i, before;

	assert_ok(store_intent_of_node(g->store, scene_find(g->s, name)->id, &before, E));
	i = before;
	i.state = to;
	i.attempts = attempts;
	i.next_at = next_at;
	i.force |= force;
	assert_ok(store_intent_move(g->store, &i, before.state, before.attempts, E));
}

static inline void rig_add_intent(struct rig *g, const char *name, enum intent_kind kind,
				  enum intent_state state, bool force)
{
	const struct scene_node *n = scene_find(g->s, name);
	struct intent i = {.kind = kind,
			   .state = state,
			   .node = n->id,
			   .force = force,
			   .location = n->location,
			   .created_at = g->s->now,
			   .entered_at = g->s->now};

	(void)snprintf(i.node_name, sizeof(i.node_name), "%s", name);
	(void)snprintf(i.instance, sizeof(i.instance), "%s", n->instance_id);
	(void)snprintf(i.region, sizeof(i.region), "%s", SCENE_REGION);
	(void)snprintf(i.actor, sizeof(i.actor), "alice");
	(void)snprintf(i.rule, sizeof(i.rule), "%s", kind == INTENT_START ? "S7" : "E7");
	(void)snprintf(i.reason, sizeof(i.reason), "Asked for by alice.");
	assert_ok(store_intent_add(g->store, &i, E));
}

#endif

/*
 * The life-cycle runner with the real clients against the embedded world, in virtual time: no sockets, no threads. A test asks for
 * an operation, lets time pass, and may end the process at any single call.
 */
#ifndef BURSTD_TESTS_UNIT_LIFECYCLE_FIXTURE_H
#define BURSTD_TESTS_UNIT_LIFECYCLE_FIXTURE_H

#include "tests/unit/store_fixture.h"

#include "clients/infinity/resource.h"
#include "handlers/operation_moves.h"
#include "lifecycle/lifecycle.h"
#include "tests/world/transport.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)

/* The process's end: at its n-th call that changes something, which is made or not, nothing more leaves it and nothing more is written. */
struct death {
	int calls;
	int at;    /* from 1; 0 = never */
	bool made; /* the call is carried out, its answer is not heard */
	bool dead;
	struct store *store;
};
struct mortal {
	struct death *death;
	struct transport below;
};

struct life {
	struct world *world;
	struct world_http *http;
	struct clock clock;
	struct fixture *f;
	struct store *store;
	struct reconciler *r;
	const char *region;
	struct infinity_port infinity_port;
	struct ec2_port ec2_port;
	struct mortal ports[WORLD_FACES];
	struct infinity_client *infinity;
	struct credentials *credentials;
	struct ec2_limiter *limiter;
	struct ec2_client *ec2;
	struct lifecycle *l;
	struct death death;
	int64_t principal, overflow; /* locations */
	int64_t automatic;           /* a node of the overflow location without an Elastic IP */
	char bootstrap[128];
	int64_t id;                    /* of the operation that was asked for last */
	void (*person)(struct life *); /* comes when an operation waits for one; NULL = nobody does */
};

static inline bool mortal_perform(void *self, const struct http_call *call, struct http_answer *ret,
				  struct upstream_error *e)
{
	struct mortal *m = self;
	struct death *d = m->death;
	bool last = !d->dead && world_call_changes(call) && ++d->calls == d->at;

	if (!d->dead && !last)
		return m->below.perform(m->below.self, call, ret, e);
	if (last) {
		struct http_answer unheard = {0};
		struct upstream_error unseen = {0};

		d->dead = true;
		if (d->made && m->below.perform(m->below.self, call, &unheard, &unseen))
			http_answer_free(&unheard);
		raw(d->store->db, "PRAGMA query_only = 1");
	}
	upstream_error_set(e, UPSTREAM_RETRY, 0, "dead", "", "", "the process has ended");
	return false;
}

static inline void life_pause(void *self, int64_t ms)
{
	struct life *g = self;

	world_advance(g->world, world_now(g->world) + ms);
}

static inline struct transport life_transport(struct life *g, enum world_face face)
{
	g->ports[face] = (struct mortal){.death = &g->death, .below = world_transport(g->http, face)};
	return (struct transport){mortal_perform, &g->ports[face]};
}

static inline struct ec2_client *life_ec2(void *self, const char *region)
{
	struct life *g = self;

	return strcmp(region, g->region) ? NULL : g->ec2;
}

static inline void life_open_store(struct life *g)
{
	assert_ok(store_open(g->f->path, fixture_key, &g->store, E));
	raw(g->store->db, "PRAGMA synchronous = OFF"); /* the machine itself does not die */
	g->death = (struct death){.store = g->store};
}

static inline void life_new_runner(struct life *g)
{
	g->l = lifecycle_new(
		&(struct lifecycle_options){.reconciler = g->r,
					    .clock = &g->clock,
					    .time_scale = 1,
					    .infinity = g->infinity,
					    .ec2 = life_ec2,
					    .ec2_self = g,
					    .unverified = life_transport(g, WORLD_FACE_BOOTSTRAP),
					    .bootstrap_url = g->bootstrap});
	assert_non_null(g->l);
}

static inline void life_clients(struct life *g)
{
	struct world_http_options w = world_http_options_default();
	struct upstream_error e = {0};

	g->infinity = infinity_client_new(
		&(struct infinity_client_options){.url = world_http_url(g->http, WORLD_FACE_INFINITY),
						  .user = w.user,
						  .password = w.password,
						  .transport = life_transport(g, WORLD_FACE_INFINITY),
						  .clock = &g->clock,
						  .time_scale = 1,
						  .pause = life_pause,
						  .pause_self = g},
		&e);
	assert_non_null(g->infinity);
	g->credentials = credentials_new(&(struct credentials_options){
		.clock = &g->clock, .transport = life_transport(g, WORLD_FACE_EC2)});
	credentials_set_static(g->credentials, w.lifecycle_access_key, w.lifecycle_secret_key);
	g->limiter = ec2_limiter_new(&g->clock, 1);
	g->ec2 = ec2_client_new(
		&(struct ec2_client_options){.region = g->region,
					     .endpoint = world_http_url(g->http, WORLD_FACE_EC2),
					     .transport = life_transport(g, WORLD_FACE_EC2),
					     .credentials = g->credentials,
					     .limiter = g->limiter,
					     .clock = &g->clock,
					     .time_scale = 1,
					     .pause = life_pause,
					     .pause_self = g});
	assert_non_null(g->ec2);
}

static inline void life_world(struct life *g)
{
	struct world_options o = world_options_default(7);
	struct world_http_options h = world_http_options_default();

	o.principals = o.overflows = o.regions = 1;
	o.always_on_nodes = o.burst_nodes = 2;
	o.traffic = false;
	g->world = world_new(&o);
	assert_non_null(g->world);
	g->clock = world_clock(g->world);
	g->http = world_http_new_silent(g->world, &h);
	assert_non_null(g->http);
	(void)snprintf(g->bootstrap, sizeof g->bootstrap, "%s/{address}",
		       world_http_url(g->http, WORLD_FACE_BOOTSTRAP));
	assert_int_equal(world_regions(g->world, &g->region, 1), 1);
	g->infinity_port = world_infinity_port(g->world);
	g->ec2_port = world_ec2_port(g->world, g->region);
	for (size_t i = 0; i < world_location_count(g->world); i++) {
		struct world_location_state s = world_location_at(g->world, i);

		*(s.overflow ? &g->overflow : &g->principal) = s.id;
	}
	g->automatic = world_add_node(g->world, &(struct world_node){.name = "automatic",
								     .location = g->overflow,
								     .max_hd = 17,
								     .bursting = true});
}

static inline struct life *life_new(void)
{
	struct life *g = calloc(1, sizeof(*g));
	void *f = NULL;

	assert_non_null(g);
	(void)fixture_setup(&f);
	g->f = f;
	life_world(g);
	life_open_store(g);
	assert_ok(reconciler_new(
		&(struct reconciler_options){
			.clock = &g->clock, .time_scale = 1, .regions = &g->region, .n_regions = 1},
		g->store, &g->r, E));
	life_clients(g);
	life_new_runner(g);
	return g;
}

static inline void life_free(struct life *g)
{
	void *f = g->f;

	lifecycle_free(g->l);
	ec2_client_free(g->ec2);
	ec2_limiter_free(g->limiter);
	credentials_free(g->credentials);
	infinity_client_free(g->infinity);
	reconciler_free(g->r);
	store_close(g->store);
	world_http_stop(g->http);
	world_free(g->world);
	(void)fixture_teardown(&f);
	free(g);
}

/* What a new process does after kill -9: only the database is left. */
static inline void life_reborn(struct life *g)
{
	lifecycle_free(g->l);
	store_close(g->store);
	life_open_store(g);
	life_new_runner(g);
}

/* A command of the world's control port (tests/world/README.md). */
static inline void life_control(struct life *g, const char *json)
{
	struct transport t = world_transport(g->http, WORLD_FACE_CONTROL);
	struct http_call call = {.method = METHOD_POST,
				 .url = world_http_url(g->http, WORLD_FACE_CONTROL),
				 .body = json,
				 .body_len = strlen(json),
				 .answer_max = 1 << 20};
	_cleanup_(http_answer_free) struct http_answer answer = {0};
	struct upstream_error e = {0};

	assert_true(t.perform(t.self, &call, &answer, &e));
	if (answer.status != 200)
		fail_msg("%s: %s", json, answer.body.data);
}

/* --- time --------------------------------------------------------------------------------------------------------- */

static inline void life_look(struct life *g)
{
	bool recorded = true;
	int64_t unused;

	reconcile_observe_infinity(g->r, &g->infinity_port);
	(void)reconcile_observe_ec2(g->r, 0, &g->ec2_port);
	for (int i = 0; recorded && i < 5; i++) {
		assert_ok(reconcile_control(g->r, g->store, &unused, &recorded, E));
		(void)reconcile_act_infinity(g->r, g->store, &g->infinity_port, &unused);
		(void)reconcile_act_ec2(g->r, 0, g->store, &g->ec2_port, &g->infinity_port, &unused);
	}
}

static inline void life_tick(struct life *g)
{
	int64_t unused;

	world_advance(g->world, world_now(g->world) + 5 * SECOND);
	if (!g->death.dead)
		life_look(g);
	(void)lifecycle_step(g->l, g->store, &unused);
}

static inline struct operation *life_operation(struct life *g)
{
	struct operation *op = NULL;

	assert_ok(store_operation_get(g->store, g->id, true, &op, E));
	return op;
}

static inline enum intent_state life_state(struct life *g)
{
	struct intent in;

	assert_ok(store_intent_get(g->store, g->id, &in, E));
	return in.state;
}

/* Until the operation ends, halts or the process does; at most so many virtual minutes. */
static inline enum intent_state life_run(struct life *g, int minutes)
{
	int64_t until = world_now(g->world) + minutes * MINUTE;
	enum intent_state state = life_state(g);

	while (world_now(g->world) < until && !g->death.dead && intent_is_open(state) &&
	       state != INTENT_HALTED) {
		life_tick(g);
		state = life_state(g);
		if (state == INTENT_NEEDS_PERSON && g->person)
			g->person(g);
	}
	return state;
}

static inline void life_dump(struct life *g)
{
	_cleanup_(operation_freep) struct operation *op = life_operation(g);

	print_error("%s is %s: %s\n", intent_kind_text(op->intent.kind), intent_state_text(op->intent.state),
		    op->intent.error);
	for (size_t i = 0; i < op->n_steps; i++)
		print_error("  %-20s %-8s %d %s %s\n", step_text(op->steps[i].name),
			    step_state_text(op->steps[i].state), op->steps[i].attempts, op->steps[i].detail,
			    op->steps[i].error);
}

#define assert_ends(g, minutes, wanted)                                                                      \
	do {                                                                                                 \
		enum intent_state state_ = life_run((g), (minutes));                                         \
		if (state_ != (wanted)) {                                                                    \
			life_dump(g);                                                                        \
			fail_msg("%s, wanted %s", intent_state_text(state_), intent_state_text(wanted));     \
		}                                                                                            \
	} while (0)

/* --- asking --------------------------------------------------------------------------------------------------------- */

static inline struct operation *life_plan(struct life *g, enum intent_kind kind)
{
	struct operation *op = calloc(1, sizeof(*op));

	assert_non_null(op);
	op->intent = (struct intent){.kind = kind,
				     .state = INTENT_WORKING,
				     .actor = "alice",
				     .reason = "asked for by a test",
				     .created_at = world_now(g->world),
				     .entered_at = world_now(g->world)};
	(void)snprintf(op->intent.region, sizeof op->intent.region, "%s", g->region);
	operation_plan(op);
	return op;
}

static inline void life_ask(struct life *g, struct operation *steal)
{
	_cleanup_(operation_freep) struct operation *op = steal;

	assert_ok(store_operation_add(g->store, op, E));
	g->id = op->intent.id;
	g->death.calls = 0; /* what came before belongs to the beginning */
}

/* The first node of a location. */
static inline struct world_node_state life_node_in(struct life *g, int64_t location)
{
	for (size_t i = 0; i < world_node_count(g->world); i++)
		if (world_node_at(g->world, i).location == location)
			return world_node_at(g->world, i);
	fail_msg("no node in location %lld", (long long)location);
	return (struct world_node_state){0};
}

static inline struct operation *life_plan_node(struct life *g, enum intent_kind kind,
					       const struct world_node_state *n)
{
	struct operation *op = life_plan(g, kind);

	op->intent.node = n->id;
	op->intent.location = n->location;
	(void)snprintf(op->intent.node_name, sizeof op->intent.node_name, "%s", n->name);
	(void)snprintf(op->intent.instance, sizeof op->intent.instance, "%s", n->instance ? n->instance : "");
	return op;
}

/* What /cancel and /resume do. */
static inline void life_turn(struct life *g, enum lifecycle_move how)
{
	_cleanup_(operation_freep) struct operation *op = life_operation(g);
	enum intent_state from = op->intent.state;
	int attempts = op->intent.attempts;

	assert_ok(lifecycle_may_move(op, how, E));
	lifecycle_apply_move(op, how, world_now(g->world));
	assert_ok(store_operation_move(g->store, op, from, attempts, E));
}

#endif

/*
 * A run. Workers are those of server/workers.c without threads: each has a time at which it is due, and rings the others as
 * there. While one waits for an answer (wire.c) the others take their turns, so that steps overlap as they do in the daemon.
 *
 * A kill: from some chosen moment on (between two steps, before or after an exchange, before or after a commit) no exchange
 * has an effect and no commit goes through; when the step has unwound, the reconciler is thrown away and a new one
 * is made on what the store holds.
 */
#include "tests/simulation/sim.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "store/sql.h"

/* --- dice (splitmix64) --- */

uint64_t dice_next(struct dice *d)
{
	uint64_t z = d->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

int64_t dice_between(struct dice *d, int64_t least, int64_t most)
{
	return least + (int64_t)(dice_next(d) % (uint64_t)(most - least + 1));
}

bool dice_chance(struct dice *d, double share)
{
	return (double)(dice_next(d) >> 11) * 0x1p-53 < share;
}

static double dice_unit(void *self)
{
	return (double)(dice_next(self) >> 11) * 0x1p-53;
}

/* --- words --- */

void sim_broken(struct sim *s, const char *rule, const char *format, ...)
{
	size_t room = sizeof(s->report) - s->report_len;
	char when[TIME_TEXT_SIZE], line[600];
	va_list args;
	int n;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (!s->broken++)
		snprintf(s->rule, sizeof(s->rule), "%s", rule);
	if (!strstr(s->rules, rule) && strlen(s->rules) + strlen(rule) + 2 < sizeof(s->rules))
		snprintf(s->rules + strlen(s->rules), sizeof(s->rules) - strlen(s->rules), "%s ", rule);
	n = snprintf(s->report + s->report_len, room, "    %s %s: %s\n", time_rfc3339(sim_now(s), when), rule,
		     line);
	if (n > 0 && (size_t)n < room)
		s->report_len += (size_t)n;
}

int64_t sim_now(const struct sim *s)
{
	return world_now(s->world);
}

/* --- being killed --- */

bool sim_chance_to_die(struct sim *s)
{
	if (!s->dead && s->fuse && !--s->fuse)
		s->dead = true;
	return s->dead;
}

/*
 * SQLite tells of each row of a table with rowids. Samples have none: to be killed when nothing but them is written is no
 * chance, or there would be one each minute, and few left for the moments that matter.
 */
static void on_row(void *self, int what, const char *database, const char *table, sqlite3_int64 row)
{
	struct sim *s = self;

	(void)what, (void)database, (void)table, (void)row;
	s->wrote = true;
}

/* SQLite asks before each commit; a dead process commits nothing. */
static int on_commit(void *self)
{
	struct sim *s = self;
	bool was_dead = s->dead;
	bool chance = s->wrote || was_dead;

	s->wrote = false;
	if (!chance || !s->current || !sim_chance_to_die(s)) /* people's requests are carried out whole */
		return 0;
	return was_dead || dice_chance(&s->dice, .5); /* killed just before, or just after it */
}

static void light_fuse(struct sim *s)
{
	double per_day = s->setup.kills_per_day;

	if (per_day <= 0 || sim_now(s) < s->kill_at)
		return;
	if (s->kill_at && s->n_intents && dice_chance(&s->dice, .8))
		s->fuse = (int)dice_between(&s->dice, 1, 8);
	else if (s->kill_at)
		s->dead = true;
	s->kill_at = sim_now(s) + dice_between(&s->dice, 1, (int64_t)(2 * (double)DAY / per_day));
}

/* --- making one --- */

struct sim_setup sim_setup_default(uint64_t seed)
{
	struct sim_setup setup = {
		.seed = seed, .world = world_options_default(seed), .settings = bursting_defaults};

	setup.settings.enabled = true;
	setup.world.principals = setup.world.overflows = 0;
	setup.world.traffic = false;
	return setup;
}

static void die(const struct error *e)
{
	fprintf(stderr, "simulation: %s\n", e->detail);
	abort();
}

static void make_reconciler(struct sim *s)
{
	const char *regions[SIM_REGIONS];
	struct reconciler_options o = {
		.clock = &s->clock,
		.time_scale = 1,
		.regions = regions,
		.n_regions = world_regions(s->world, regions, SIM_REGIONS),
		.random = dice_unit,
		.random_self = &s->dice,
	};
	struct error e = {0};

	if (reconciler_new(&o, s->store, &s->reconciler, &e))
		die(&e);
	s->born_at = sim_now(s);
	s->picture_seq = 0;
}

static void make_workers(struct sim *s)
{
	size_t n = 0;

	s->workers[n++] = (struct worker){.kind = OBSERVE_INFINITY};
	for (size_t i = 0; i < s->n_regions; i++)
		s->workers[n++] = (struct worker){.kind = OBSERVE_EC2, .region = i};
	s->workers[n++] = (struct worker){.kind = CONTROL};
	s->workers[n++] = (struct worker){.kind = ACT_INFINITY};
	for (size_t i = 0; i < s->n_regions; i++)
		s->workers[n++] = (struct worker){.kind = ACT_EC2, .region = i};
	s->n_workers = n;
}

struct sim *sim_new(const struct sim_setup *setup)
{
	static const uint8_t key[SECRET_KEY_SIZE] = "simulation simulation simulation";
	struct sim *s = calloc(1, sizeof(*s));
	struct error e = {0};

	if (!s)
		abort();
	s->setup = *setup;
	s->dice.state = setup->seed * 0x9e37 + 17;
	s->world = world_new(&setup->world);
	if (!s->world)
		abort();
	s->clock = world_clock(s->world);
	if (store_open(":memory:", key, &s->store, &e))
		die(&e);
	sqlite3_commit_hook(s->store->db, on_commit, s);
	sqlite3_update_hook(s->store->db, on_row, s);
	for (size_t i = 0; i < SIM_LOCATIONS; i++)
		s->locations[i].start_tick = s->locations[i].drain_tick = -1;
	operator_settings(s, &setup->settings);
	return s;
}

/* The grid of a case is filled after sim_new, so connections are made at the first step. */
static void begin(struct sim *s)
{
	if (s->reconciler)
		return;
	wire_connect(s);
	make_workers(s);
	make_reconciler(s);
	for (size_t i = 0; i < world_location_count(s->world); i++)
		s->locations[world_location_at(s->world, i).overflow1].primary = true;
}

void sim_free(struct sim *s)
{
	if (!s)
		return;
	reconciler_free(s->reconciler); /* its reports share strings with the world */
	store_close(s->store);
	world_free(s->world);
	free(s->intents);
	free(s->unanswered);
	free(s);
}

static void rise_again(struct sim *s)
{
	int64_t pause = dice_chance(&s->dice, .1) ? dice_between(&s->dice, 1, 20) * MINUTE
						  : dice_between(&s->dice, 1, 40) * SECOND;

	if (s->long_night)
		pause = s->long_night;
	s->long_night = 0;
	reconciler_free(s->reconciler);
	s->kills++;
	s->fuse = 0;
	world_advance(s->world, sim_now(s) + pause);
	s->dead = false;
	for (size_t i = 0; i < s->n_workers; i++) {
		s->workers[i].due = sim_now(s);
		s->workers[i].busy = false;
	}
	make_reconciler(s);
	sim_intents(s);
	if (s->setup.verbose)
		fprintf(stderr, "  killed and started again (%zu open)\n", s->n_intents);
}

void sim_kill(struct sim *s)
{
	begin(s);
	s->dead = true;
	sim_turn(s);
}

/* --- the open intents --- */

static void tell_closed(const struct sim *s, const struct intent *now, size_t n)
{
	char when[TIME_TEXT_SIZE];

	for (size_t i = 0; i < s->n_intents; i++) {
		struct intent closed;
		struct error e = {0};
		bool open = false;

		for (size_t k = 0; k < n; k++)
			open |= now[k].id == s->intents[i].id;
		if (!open && !store_intent_get(s->store, s->intents[i].id, &closed, &e))
			fprintf(stderr, "  %s intent %lld %s %s\n", time_rfc3339(sim_now(s), when),
				(long long)closed.id, intent_state_text(closed.state), closed.error);
	}
}

static void tell_moves(const struct sim *s, const struct intent *now, size_t n)
{
	char when[TIME_TEXT_SIZE];

	tell_closed(s, now, n);

	for (size_t i = 0; i < n; i++) {
		const struct intent *before = sim_intent_of(s, now[i].node);

		if (!before || before->state != now[i].state)
			fprintf(stderr, "  %s intent %lld %s %s\n", time_rfc3339(sim_now(s), when),
				(long long)now[i].id, intent_state_text(now[i].state), now[i].error);
	}
}

void sim_intents(struct sim *s)
{
	struct intent *intents = NULL;
	struct error e = {0};
	size_t n = 0;

	if (store_intents_open(s->store, &intents, &n, &e))
		die(&e);
	if (s->setup.verbose)
		tell_moves(s, intents, n);
	free(s->intents);
	s->intents = intents;
	s->n_intents = n;
	for (size_t i = 0; i < n; i++)
		if (intents[i].id > s->last_intent) {
			s->last_intent = intents[i].id;
			check_new_intent(s, &intents[i]);
		}
}

const struct intent *sim_intent_of(const struct sim *s, int64_t node)
{
	for (size_t i = 0; i < s->n_intents; i++)
		if (s->intents[i].node == node)
			return &s->intents[i];
	return NULL;
}

enum node_phase sim_phase(struct sim *s, int64_t node)
{
	struct picture *p = reconciler_picture(s->reconciler);
	const struct node *n = picture_node(p, node);
	enum node_phase phase = n ? n->phase : PHASE_COUNT;

	picture_unref(p);
	return phase;
}

int sim_calls_cut(const struct sim *s)
{
	return s->reconciler ? (int)counter_read(&reconciler_tallies(s->reconciler)->calls_cut) : 0;
}

int sim_threshold(const struct sim *s, int64_t location)
{
	int own = s->thresholds[location];

	return own ? own : s->truth.bursting_threshold;
}

/* --- the workers' steps, as in server/workers.c --- */

static void ring(struct sim *s, enum worker_kind kind, int region)
{
	for (size_t i = 0; i < s->n_workers; i++)
		if (s->workers[i].kind == kind && (region < 0 || s->workers[i].region == (size_t)region)) {
			s->workers[i].due = sim_now(s);
			s->workers[i].rung = true;
		}
}

void sim_wake(struct sim *s)
{
	s->changed_at = sim_now(s);
	if (!s->reconciler)
		return;
	for (size_t i = 0; i < s->n_workers; i++) {
		s->workers[i].due = sim_now(s);
		s->workers[i].rung = true;
	}
}

static int64_t jittered(struct sim *s, int64_t ms)
{
	return ms - dice_between(&s->dice, 0, ms / 10);
}

static void step_observe_infinity(struct sim *s, struct worker *k)
{
	s->fresh.at = 0;
	reconcile_observe_infinity(s->reconciler, &s->infinity_told);
	ring(s, CONTROL, -1);
	if (s->fresh.at > s->seen.at) {
		s->seen = s->fresh;
		s->tick++;
	}
	k->due = sim_now(s) + jittered(s, s->truth.poll_infinity_seconds * SECOND);
}

static void step_observe_ec2(struct sim *s, struct worker *k)
{
	bool asked = reconcile_observe_ec2(s->reconciler, k->region, &s->ec2_told[k->region]);

	ring(s, CONTROL, -1);
	k->due = sim_now(s) + (asked ? jittered(s, s->truth.poll_ec2_seconds * SECOND) : SECOND);
}

#define REPUBLISH_MS (5 * SECOND) /* reconcile/control.c, RULE V4 */

static void step_control(struct sim *s, struct worker *k)
{
	struct error e = {0};
	int64_t next_at = 0;
	bool recorded = false;

	if (reconcile_control(s->reconciler, s->store, &next_at, &recorded, &e)) {
		k->due = sim_now(s) + SECOND;
		if (!s->dead)
			sim_broken(s, "record", "the controller's pass failed: %s", e.detail);
		return;
	}
	if (recorded) {
		ring(s, ACT_INFINITY, -1);
		ring(s, ACT_EC2, -1);
		sim_intents(s);
	}
	check_picture(s);
	if (next_at >= sim_now(s) + REPUBLISH_MS && !s->setup.republish)
		next_at = INT64_MAX; /* the next read comes soon enough */
	k->due = next_at > sim_now(s) ? next_at : sim_now(s) + 1;
}

#define ACTOR_IDLE_MS                                                                                        \
	(5 * SECOND) /* server/workers.c: nobody rang, and there may be something to do all the same */

static void actor_waits(struct sim *s, struct worker *k, bool changed, int64_t next_at)
{
	if (changed) {
		ring(s, CONTROL, -1);
		sim_intents(s);
	}
	k->due = s->n_intents ? sim_now(s) + ACTOR_IDLE_MS : INT64_MAX;
	if (next_at && next_at < k->due)
		k->due = next_at > sim_now(s) ? next_at : sim_now(s) + 1;
}

static void step_act_infinity(struct sim *s, struct worker *k)
{
	int64_t next_at = 0;
	bool changed = reconcile_act_infinity(s->reconciler, s->store, &s->infinity_told, &next_at);

	actor_waits(s, k, changed, next_at);
}

static void step_act_ec2(struct sim *s, struct worker *k)
{
	int64_t next_at = 0;
	bool changed = reconcile_act_ec2(s->reconciler, k->region, s->store, &s->ec2_told[k->region],
					 &s->infinity_told, &next_at);

	actor_waits(s, k, changed, next_at);
	if (changed)
		ring(s, OBSERVE_EC2, (int)k->region);
}

static void worker_step(struct sim *s, struct worker *k)
{
	struct worker *before = s->current;

	s->current = k;
	s->steps++;
	k->busy = true;
	k->rung = false;
	switch (k->kind) {
	case OBSERVE_INFINITY:
		step_observe_infinity(s, k);
		break;
	case OBSERVE_EC2:
		step_observe_ec2(s, k);
		break;
	case CONTROL:
		step_control(s, k);
		break;
	case ACT_INFINITY:
		step_act_infinity(s, k);
		break;
	case ACT_EC2:
		step_act_ec2(s, k);
		break;
	}
	k->busy = false;
	if (k->rung) /* meanwhile: once more, so that no wake-up is lost */
		k->due = sim_now(s);
	s->current = before;
}

#define STORM_ROUNDS 1000 /* steps that call for the next one without end */

static void guard_storm(struct sim *s)
{
	if (++s->rounds == STORM_ROUNDS)
		sim_broken(s, "storm", "burstd runs in circles: %d steps since %lld ms ago", STORM_ROUNDS,
			   (long long)(sim_now(s) - s->rounds_at));
}

/* Everybody who is due; in the order in which the daemon's bells would ring. */
void sim_turn(struct sim *s)
{
	bool again = true;

	if (!s->depth) {
		s->rounds = 0;
		s->rounds_at = sim_now(s);
	}
	while (again && !s->dead && !s->broken) {
		again = false;
		for (size_t i = 0; i < s->n_workers && !s->dead && !s->broken; i++) {
			struct worker *k = &s->workers[i];

			if (k->busy || k->due > sim_now(s))
				continue;
			worker_step(s, k);
			guard_storm(s);
			again = s->depth == 0; /* in an exchange that takes moments: one step each */
		}
	}
	if (!s->depth)
		check_step(s);
	if (s->dead && !s->depth)
		rise_again(s);
}

/* --- time --- */

static int64_t next_due(const struct sim *s)
{
	int64_t at = INT64_MAX;

	for (size_t i = 0; i < s->n_workers; i++)
		if (s->workers[i].due < at)
			at = s->workers[i].due;
	if (s->setup.operators && s->operator_at < at)
		at = s->operator_at;
	return at;
}

/* Nothing of ours is up or under way, no fault is active, and no principal is anywhere near its threshold. */
static bool quiet(const struct sim *s)
{
	if (s->n_intents || s->fuse || sim_now(s) < s->trouble_at + 10 * MINUTE ||
	    sim_now(s) < s->changed_at + 10 * MINUTE || sim_now(s) < s->born_at + 10 * MINUTE)
		return false;
	for (int kind = 0; kind < WORLD_FAULT_COUNT; kind++)
		if (world_fault_active(s->world, (enum world_fault_kind)kind, 0))
			return false;
	for (size_t i = 0; i < world_node_count(s->world); i++) {
		struct world_node_state n = world_node_at(s->world, i);

		if (n.bursting && (n.state != INSTANCE_STOPPED || s->nodes[i].phase != PHASE_STOPPED))
			return false;
	}
	for (size_t i = 0; i < world_location_count(s->world); i++) {
		struct world_location_state l = world_location_at(s->world, i);

		if (l.principal && l.free_hd <= sim_threshold(s, l.id) + 6)
			return false;
	}
	return true;
}

#define JUMP_MOST HOUR

/*
 * Polls that change nothing are skipped over: from one thing that happens in the world to the next, as long as it stays
 * quiet. Polling begins again before anything is near a threshold.
 */
static void jump(struct sim *s, int64_t at)
{
	int64_t from = sim_now(s), limit = from + JUMP_MOST;

	if (s->operator_at && s->operator_at < limit)
		limit = s->operator_at;
	if (at < limit)
		limit = at;
	if (!s->setup.jump || !quiet(s))
		return;
	while (world_next_event(s->world) < limit && quiet(s))
		world_advance(s->world, world_next_event(s->world));
	if (quiet(s))
		world_advance(s->world, limit);
	for (size_t i = 0; i < s->n_workers && sim_now(s) > from; i++)
		if (s->workers[i].due < sim_now(s))
			s->workers[i].due = sim_now(s) + dice_between(&s->dice, 0, 2 * SECOND);
}

void sim_until(struct sim *s, int64_t at)
{
	begin(s);
	while (!s->broken && sim_now(s) < at) {
		int64_t due = next_due(s);

		if (due > at) {
			world_advance(s->world, at);
			break;
		}
		world_advance(s->world, due);
		if (s->setup.operators && s->operator_at <= sim_now(s))
			operator_random(s);
		light_fuse(s);
		sim_turn(s);
		jump(s, at);
	}
}

void sim_run(struct sim *s, int64_t ms)
{
	sim_until(s, sim_now(s) + ms);
}

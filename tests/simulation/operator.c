/* What people do through the API, written as the handlers write it; and people who do so at random. */
#include <stdlib.h>
#include <string.h>

#include "tests/simulation/sim.h"

static void must(struct sim *s, enum err err, const struct error *e)
{
	if (err)
		sim_broken(s, "operator", "a request failed: %s", e->detail);
}

static void put_settings(struct sim *s)
{
	struct bursting_settings now, told = s->truth;
	struct error e = {0};

	must(s, store_settings_get(s->store, &now, &e), &e);
	told.version = now.version;
	if (s->setup.lie == LIE_LIFETIME)
		told.minimum_lifetime_minutes = 5;
	if (s->setup.lie == LIE_REPLICATED)
		told.replication_wait_seconds = 30;
	must(s, store_settings_put(s->store, &told, NULL, NULL, &e), &e);
	sim_wake(s);
}

void operator_settings(struct sim *s, const struct bursting_settings *settings)
{
	s->truth = *settings;
	put_settings(s);
}

void operator_enable(struct sim *s, bool on)
{
	s->truth.enabled = on;
	put_settings(s);
}

void operator_mode(struct sim *s, enum burst_mode mode)
{
	s->truth.mode = mode;
	put_settings(s);
}

void operator_infinity_bursting(struct sim *s, bool on)
{
	world_set_infinity_bursting(s->world, on);
	s->s9_since = on ? sim_now(s) : 0;
	s->changed_at = sim_now(s);
}

void operator_threshold(struct sim *s, int64_t location, int threshold)
{
	struct error e = {0};

	s->thresholds[location] = threshold;
	must(s, store_threshold_put(s->store, location, threshold, &e), &e);
	sim_wake(s);
}

static void put_wish(struct sim *s, int64_t node)
{
	struct node_wish w;
	struct error e = {0};

	must(s, store_wish_get(s->store, node, &w, &e), &e);
	w.power = s->nodes[node - 1].wish_power;
	w.maintenance = s->nodes[node - 1].wish_maintenance;
	snprintf(w.actor, sizeof(w.actor), "alice");
	must(s, store_wish_put(s->store, &w, &e), &e);
	sim_wake(s);
}

void operator_power(struct sim *s, int64_t node, enum wish_power power)
{
	s->nodes[node - 1].wish_power = power;
	put_wish(s, node);
}

void operator_maintenance(struct sim *s, int64_t node, enum wish_flag flag)
{
	s->nodes[node - 1].wish_maintenance = flag;
	put_wish(s, node);
}

int64_t operator_hold(struct sim *s, int64_t location, int count, int64_t node, int64_t until)
{
	struct error e = {0};
	struct hold h = {.location = location,
			 .count = count,
			 .nodes = node ? &node : NULL,
			 .n_nodes = node != 0,
			 .until = until,
			 .reason = "a webinar",
			 .owner = "alice",
			 .created_at = sim_now(s)};

	must(s, store_hold_add(s->store, &h, &e), &e);
	sim_wake(s);
	return h.id;
}

void operator_schedule(struct sim *s, int64_t location, int count, const char *zone, int from_hour,
		       int to_hour)
{
	struct error e = {0};
	struct schedule schedule = {.name = "rush",
				    .enabled = true,
				    .location = location,
				    .instances_to_add = count,
				    .weekdays = 0x1f,
				    .time_from = from_hour * 3600,
				    .time_to = to_hour * 3600,
				    .minutes_in_advance = 10,
				    .created_at = sim_now(s)};

	snprintf(schedule.local_timezone, sizeof(schedule.local_timezone), "%s", zone);
	must(s, store_schedule_add(s->store, &schedule, &e), &e);
	sim_wake(s);
}

void operator_unhold(struct sim *s, int64_t hold)
{
	struct error e = {0};

	must(s, store_hold_remove(s->store, hold, &e), &e);
	sim_wake(s);
}

static bool add_intent(struct sim *s, int64_t node, enum intent_kind kind, bool force)
{
	struct world_node_state n;
	struct error e = {0};
	enum err err;
	struct intent i = {.kind = kind,
			   .state = kind == INTENT_START ? INTENT_STARTING
				    : force              ? INTENT_STOPPING
							 : INTENT_MAINTENANCE_ON,
			   .node = node,
			   .actor = "alice",
			   .force = force,
			   .created_at = sim_now(s),
			   .entered_at = sim_now(s)};

	if (!world_node_find(s->world, node, &n))
		return false;
	i.location = n.location;
	i.via_infinity = kind == INTENT_START && s->s9_since;
	snprintf(i.node_name, sizeof(i.node_name), "%s", n.name);
	snprintf(i.instance, sizeof(i.instance), "%s", n.instance);
	snprintf(i.region, sizeof(i.region), "%s", n.region);
	snprintf(i.rule, sizeof(i.rule), "%s", kind == INTENT_START ? "S7" : "E7");
	snprintf(i.reason, sizeof(i.reason), "asked for by alice");
	err = store_intent_add(s->store, &i, &e);
	if (err && err != ERR_CONFLICT)
		must(s, err, &e);
	sim_wake(s);
	return !err;
}

/* As handlers/node_actions.c: only where EC2 says stopped, and nothing is under way. */
bool operator_start(struct sim *s, int64_t node)
{
	struct picture *p = reconciler_picture(s->reconciler);
	const struct node *n = picture_node(p, node);
	bool stopped = n && n->bursting && n->instance && n->instance->state == INSTANCE_STOPPED;

	picture_unref(p);
	return stopped && add_intent(s, node, INTENT_START, false);
}

/* Over an open stop, force moves it on (RULE E7). */
static bool force_up(struct sim *s, struct intent i)
{
	enum intent_state from = i.state;
	int attempts = i.attempts;
	struct error e = {0};

	if (i.kind != INTENT_STOP || (from != INTENT_MAINTENANCE_ON && from != INTENT_WAITING))
		return false;
	if (from == INTENT_MAINTENANCE_ON && attempts && !i.maintenance_at)
		i.maintenance_at = sim_now(s);
	i.state = INTENT_STOPPING;
	i.attempts = 0;
	i.entered_at = sim_now(s);
	i.next_at = 0;
	i.force = true;
	must(s, store_intent_move(s->store, &i, from, attempts, &e), &e);
	sim_wake(s);
	return true;
}

bool operator_stop(struct sim *s, int64_t node, bool force)
{
	enum node_phase phase = sim_phase(s, node);
	struct intent open;
	struct error e = {0};

	if (!store_intent_of_node(s->store, node, &open, &e))
		return force && force_up(s, open);
	return (phase == PHASE_SERVING || phase == PHASE_STARTING) && !s->s9_since && /* RULE S9 */
	       add_intent(s, node, INTENT_STOP, force);
}

/* --- at random --- */

static int64_t any_burst_node(struct sim *s)
{
	size_t n = world_node_count(s->world);

	for (int tries = 0; tries < 100; tries++) {
		struct world_node_state node =
			world_node_at(s->world, (size_t)dice_between(&s->dice, 0, (int64_t)n - 1));

		if (node.bursting)
			return node.id;
	}
	return 0;
}

void operator_tidy(struct sim *s)
{
	struct hold *holds = NULL;
	struct error e = {0};
	size_t n = 0;

	for (size_t i = 0; i < world_node_count(s->world); i++) {
		struct check_node *m = &s->nodes[i];
		bool maintenance = m->wish_maintenance != WISH_NONE || m->by_wish;
		bool wished = m->wish_power != WISH_POWER_NONE || maintenance;

		if (!wished)
			continue;
		m->wish_power = WISH_POWER_NONE;
		/* A node that is left in a wished maintenance mode is taken out of it by a wish. */
		m->wish_maintenance = maintenance ? WISH_FALSE : WISH_NONE;
		put_wish(s, (int64_t)i + 1);
	}
	must(s, store_holds(s->store, sim_now(s), &holds, &n, &e), &e);
	for (size_t i = 0; i < n; i++)
		operator_unhold(s, holds[i].id);
	store_holds_free(holds, n);
	operator_infinity_bursting(s, false);
	s->truth.enabled = true;
	s->truth.mode = MODE_CONTROL;
	put_settings(s);
}

static void wish_something(struct sim *s, int64_t node)
{
	struct check_node *m = &s->nodes[node - 1];

	if (dice_chance(&s->dice, .3))
		operator_maintenance(s, node,
				     m->wish_maintenance == WISH_TRUE    ? WISH_FALSE
				     : m->wish_maintenance == WISH_FALSE ? WISH_NONE
									 : WISH_TRUE);
	else
		operator_power(s, node,
			       m->wish_power != WISH_POWER_NONE ? WISH_POWER_NONE
			       : dice_chance(&s->dice, .5)      ? WISH_POWER_ON
								: WISH_POWER_OFF);
}

void operator_random(struct sim *s)
{
	int64_t node = any_burst_node(s);
	int64_t hours = dice_between(&s->dice, 1, 5);
	struct world_node_state n;

	if (sim_now(s) >= s->setup.operators_until) {
		operator_tidy(s);
		s->operator_at = INT64_MAX;
		return;
	}
	s->operator_at = sim_now(s) + dice_between(&s->dice, 10 * MINUTE, 16 * HOUR);
	if (s->operator_at > s->setup.operators_until)
		s->operator_at = s->setup.operators_until;
	if (!node || !s->reconciler || !world_node_find(s->world, node, &n))
		return;
	switch (dice_between(&s->dice, 0, 9)) {
	case 0:
	case 1:
		(void)operator_start(s, node);
		return;
	case 2:
	case 3:
		(void)operator_stop(s, node, dice_chance(&s->dice, .1));
		return;
	case 4:
	case 5:
		wish_something(s, node);
		return;
	case 6:
		(void)operator_hold(s, n.location, (int)dice_between(&s->dice, 1, 3), 0,
				    sim_now(s) + hours * HOUR);
		return;
	case 7:
		(void)operator_hold(s, 0, 0, node, sim_now(s) + hours * HOUR);
		return;
	case 8:
		if (dice_chance(&s->dice, .5))
			operator_enable(s, !s->truth.enabled);
		else
			operator_mode(s, s->truth.mode == MODE_CONTROL ? MODE_OBSERVE : MODE_CONTROL);
		return;
	default:
		operator_infinity_bursting(s, !s->s9_since);
	}
}

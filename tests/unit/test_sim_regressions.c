/*
 * What the simulation found in the join and in the engine, each in its smallest form. What it found in the reconciler stands
 * in tests/simulation/ as named cases.
 */
#include "tests/unit/build_scene.h"

#include "bursting/engine.h"
#include "reconcile/internal.h"

/* AWS burst behind Oslo; burst-1 serves with `used` HD calls. */
static struct scene_node *serving(struct scene *s, int used)
{
	struct scene_node *n;

	scene_location(s, "Oslo");
	scene_node(s, "oslo-1", 40, 10);
	scene_location(s, "AWS burst");
	n = scene_burst(s, "burst-1", INSTANCE_RUNNING);
	n->used_hd = used;
	s->locations[0].overflow1 = n->location;
	scene_join(s);
	assert_phase(s, "burst-1", PHASE_SERVING);
	return n;
}

/* RULE D4: a list that comes late beyond the settle time still shows the launch from before our start. */
static void a_late_list_does_not_end_a_start(void **state)
{
	struct scene *s = *state;
	struct scene_node *n;
	struct node_track *t;

	scene_location(s, "AWS burst");
	n = scene_burst(s, "burst-1", INSTANCE_STOPPED);
	n->instance.launch_time = s->now - 60 * MINUTES;
	scene_join(s);
	t = track_of(s, "burst-1");
	t->acted_at = t->started_at = s->now;
	t->stopped_at = 0;
	t->state = INSTANCE_PENDING;
	scene_intent(s, n, INTENT_START, INTENT_BOOTING);
	scene_later(s, MINUTES);
	assert_int_equal(track_of(s, "burst-1")->state, INSTANCE_PENDING);

	n->instance.launch_time = s->now - 50 * SECONDS; /* our own launch: it did fall back */
	scene_later(s, 10 * SECONDS);
	assert_int_equal(track_of(s, "burst-1")->state, INSTANCE_STOPPED);
}

/* RULE D4 again: nor does such a list start anew what we have just stopped; and not for ever. */
static void a_late_list_is_no_outside_start(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = serving(s, 0);
	struct node_track *t = track_of(s, "burst-1");

	t->acted_at = s->now;
	t->state = INSTANCE_STOPPING;
	scene_later(s, MINUTES);
	assert_int_equal(track_of(s, "burst-1")->state, INSTANCE_STOPPING);
	assert_null(event_seen(s, EVENT_START));
	n->instance.launch_time = s->now - 10 * SECONDS; /* somebody did start it */
	scene_later(s, 10 * SECONDS);
	assert_event(s, EVENT_START, "outside", "D3");
}

/* RULE E4: an instance that its region's list does not show is not to be drained on that list. */
static void a_missing_instance_is_not_fresh(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = serving(s, 0);

	assert_true(seen(s, "burst-1")->instance_fresh);
	n->unlisted = true;
	scene_later(s, 10 * SECONDS);
	assert_true(seen(s, "burst-1")->bursting);
	assert_false(seen(s, "burst-1")->instance_fresh);
}

/* RULE S4: what was taken back brings what its calls leave free, not all that it can carry. */
static void a_taken_back_node_brings_its_room(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = serving(s, 5);

	n->maintenance = n->status_maintenance = true;
	scene_intent(s, n, INTENT_STOP, INTENT_CANCELLING);
	scene_later(s, 10 * SECONDS);
	assert_int_equal(seen(s, "burst-1")->pending_hd, SCENE_HD - 5);
}

static enum decision_action decided(const struct scene *s, const char *name)
{
	struct burst_plan plan = {0};
	enum decision_action action = DECIDE_NOTHING;

	burst_decide(&(struct burst_input){.picture = s->p, .now = s->now}, &plan);
	for (size_t i = 0; i < plan.n_decisions; i++)
		if (!strcmp(s->p->nodes[plan.decisions[i].node].name, name))
			action = plan.decisions[i].action;
	burst_plan_free(&plan);
	return action;
}

/* RULE E3: a node that was just taken back is not its own replacement; else it is drained and taken back for ever. */
static void a_taken_back_node_is_needed(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = serving(s, 0);
	struct scene_node *other = scene_burst(s, "burst-2", INSTANCE_RUNNING);

	other->used_hd = SCENE_HD - 5; /* at the threshold of 5 without burst-1 */
	s->settings.enabled = true;
	n->status_maintenance = true; /* its status has not caught up yet */
	for (int i = 0; i < 3; i++)
		scene_later(s, 10 * SECONDS);
	assert_int_equal(seen(s, "burst-1")->pending_hd, SCENE_HD);
	assert_int_equal(decided(s, "burst-1"), DECIDE_NOTHING);
	other->used_hd--;
	scene_later(s, 10 * SECONDS);
	assert_int_equal(decided(s, "burst-1"), DECIDE_DRAIN);
}

static size_t events_of(const struct scene *s, enum event_type type)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_events; i++)
		n += s->events[i].type == type;
	return n;
}

/* RULE V3: an instance that vanishes from the lists is told once, and its return is no second `running`. */
static void a_vanished_instance_is_told_once(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = serving(s, 3);
	size_t lost = 0;

	scene_intent(s, n, INTENT_STOP, INTENT_WAITING);
	n->unlisted = true;
	for (int i = 0; i < 5; i++) {
		scene_later(s, MINUTES);
		lost += events_of(s, EVENT_LOST);
	}
	assert_int_equal(lost, 1);
	n->unlisted = false;
	scene_later(s, MINUTES);
	assert_null(event_seen(s, EVENT_RUNNING));
}

/* RULE V3: the effect of a stop whose outcome nobody knew is told by the intent, not as somebody else's. */
static void a_late_stop_is_ours(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = serving(s, 0);

	scene_intent(s, n, INTENT_STOP, INTENT_WAITING)->attempts = 1;
	n->instance.state = INSTANCE_STOPPED;
	scene_later(s, MINUTES);
	assert_null(event_seen(s, EVENT_STOP));
	assert_non_null(event_seen(s, EVENT_STOPPED));
}

/* RULE S5: a location that is nobody's primary overflow location asks for nothing, however full its nodes are. */
static void only_secondary_asks_for_nothing(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = serving(s, SCENE_HD);

	(void)scene_burst(s, "burst-2", INSTANCE_STOPPED);
	s->settings.enabled = true;
	s->locations[0].overflow1 = 0;
	s->locations[0].overflow2 = n->location;
	scene_later(s, 10 * SECONDS);
	assert_int_equal(decided(s, "burst-2"), DECIDE_NOTHING);
	s->locations[0].overflow1 = n->location;
	s->locations[0].overflow2 = 0;
	scene_later(s, 10 * SECONDS);
	assert_int_equal(decided(s, "burst-2"), DECIDE_START);
}

/* RULE S4: the timeout ends a start between two tries, not one that is on its way. */
static void a_start_on_its_way_is_not_given_up(void **state)
{
	struct scene *s = *state;
	struct scene_node *n;
	struct intent_step step;
	struct intent *i;

	scene_location(s, "AWS burst");
	n = scene_burst(s, "burst-1", INSTANCE_STOPPED);
	scene_join(s);
	i = scene_intent(s, n, INTENT_START, INTENT_STARTING);
	i->created_at = s->now - 30 * MINUTES; /* a long night */
	i->attempts = 1;
	i->next_at = s->now + 20 * SECONDS;
	assert_false(intent_progress(s->p, i, seen(s, "burst-1"), track_of(s, "burst-1"), s->now, &step));
	(void)snprintf(i->error, sizeof(i->error), "no connection");
	assert_true(intent_progress(s->p, i, seen(s, "burst-1"), track_of(s, "burst-1"), s->now, &step));
	assert_int_equal(step.to, INTENT_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(a_late_list_does_not_end_a_start),
		SCENE_TEST(a_late_list_is_no_outside_start),
		SCENE_TEST(a_missing_instance_is_not_fresh),
		SCENE_TEST(a_taken_back_node_brings_its_room),
		SCENE_TEST(a_taken_back_node_is_needed),
		SCENE_TEST(a_vanished_instance_is_told_once),
		SCENE_TEST(a_late_stop_is_ours),
		SCENE_TEST(only_secondary_asks_for_nothing),
		SCENE_TEST(a_start_on_its_way_is_not_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * What is carried from picture to picture: doubt (RULE D2), acts behind our back (RULE D3), lists that lag (RULE D4), the
 * start timeout (RULE S4), idle reads (RULE E1) and the clock of the minimum lifetime (RULE E2).
 */
#include "tests/unit/build_scene.h"

/* AWS burst with burst-1 in `state`, and an always-on node elsewhere, so that the platform is never silent as a whole. */
static struct scene_node *one_node(struct scene *s, enum instance_state state)
{
	scene_location(s, "Oslo");
	scene_node(s, "oslo-1", 40, 10);
	scene_location(s, "AWS burst");
	return scene_burst(s, "burst-1", state);
}

/* As if burstd had started the node just now: an intent, and a track that says so. */
static struct intent *started_by_us(struct scene *s, struct scene_node *n)
{
	struct node_track *t;

	scene_join(s);
	t = track_of(s, n->name);
	t->acted_at = t->started_at = s->now;
	t->running_at = t->serving_at = t->stopped_at = 0;
	t->state = INSTANCE_PENDING;
	n->instance.launch_time = s->now;
	return scene_intent(s, n, INTENT_START, INTENT_BOOTING);
}

/* --- adopting a running platform ------------------------------------------------------------------------------ */

static void adopting_is_no_event(void **state)
{
	struct scene *s = *state;

	one_node(s, INSTANCE_RUNNING);
	scene_burst(s, "burst-2", INSTANCE_STOPPED);
	scene_join(s);
	assert_int_equal(s->n_events, 0);
	assert_phase(s, "burst-1", PHASE_SERVING);
	assert_phase(s, "burst-2", PHASE_STOPPED);
	assert_int_equal(seen(s, "burst-1")->started_at, SCENE_NOW - 60 * MINUTES); /* RULE E2: its launch */
	assert_int_equal(seen(s, "burst-1")->pending_hd, 0);
}

static void phases_of_instance_states(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_STOPPING);

	scene_join(s);
	assert_phase(s, "burst-1", PHASE_STOPPING);
	n->instance.state = INSTANCE_STOPPED;
	scene_later(s, MINUTES);
	assert_phase(s, "burst-1", PHASE_STOPPED);
	n->instance.state = INSTANCE_PENDING;
	n->instance.launch_time = s->now;
	scene_later(s, MINUTES);
	assert_phase(s, "burst-1", PHASE_STARTING);
	n->instance.state = INSTANCE_SHUTTING_DOWN;
	scene_later(s, MINUTES);
	assert_phase(s, "burst-1", PHASE_UNKNOWN);
	assert_event(s, EVENT_LOST, "outside", "D3");
}

/* --- D2 -------------------------------------------------------------------------------------------------------- */

/* RULE D2: it served, EC2 says running, and Infinity has not heard from it for minutes. */
static void d2_a_running_node_goes_silent(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_RUNNING);

	scene_join(s);
	n->status_at = s->now - 10 * SECONDS;
	scene_later(s, 2 * MINUTES);
	assert_phase(s, "burst-1", PHASE_SERVING); /* a status may be three minutes old */
	assert_silent_about(s, "node_unknown");
	scene_later(s, 2 * MINUTES);
	assert_phase(s, "burst-1", PHASE_UNKNOWN);
	assert_found_among(s, "node_unknown");
	assert_event(s, EVENT_LOST, "outside", "D2");
	assert_false(seen(s, "burst-1")->eligible);

	n->status_at = 0;
	scene_later(s, MINUTES);
	assert_phase(s, "burst-1", PHASE_SERVING);
}

/* RULE D2: found running and never heard, long after its launch. */
static void d2_found_running_never_heard(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_RUNNING);

	n->sync = SYNC_NEVER;
	n->status_at = -1;
	scene_join(s);
	assert_phase(s, "burst-1", PHASE_UNKNOWN);
	assert_found_among(s, "node_unknown");
}

/* RULE D2, the reverse: EC2 says stopped, and the node goes on reporting. */
static void d2_a_stopped_node_goes_on_reporting(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_RUNNING);

	scene_join(s);
	n->instance.state = INSTANCE_STOPPED;
	scene_later(s, MINUTES);
	assert_phase(s, "burst-1", PHASE_STOPPED); /* the last report may be from before */
	scene_later(s, 4 * MINUTES);
	assert_phase(s, "burst-1", PHASE_UNKNOWN);
}

/* RULE D1: stale data of Infinity lead to no new conclusion, neither doubt nor failure. */
static void d1_stale_data_conclude_nothing(void **state)
{
	struct scene *s = *state;

	one_node(s, INSTANCE_RUNNING);
	scene_join(s);
	s->infinity_at = s->now;
	scene_later(s, 60 * MINUTES);
	assert_false(s->p->infinity_fresh);
	assert_phase(s, "burst-1", PHASE_SERVING);
	assert_int_equal(s->n_events, 0);
}

/* --- D3 -------------------------------------------------------------------------------------------------------- */

/* RULE D3: an instance started behind our back: an event, and its clocks begin with its launch. */
static void d3_started_by_others(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_STOPPED);

	scene_join(s);
	n->instance.state = INSTANCE_PENDING;
	n->instance.launch_time = s->now + 50 * SECONDS;
	scene_later(s, MINUTES);
	assert_event(s, EVENT_START, "outside", "D3");
	assert_int_equal(event_seen(s, EVENT_START)->node, n->id);
	assert_phase(s, "burst-1", PHASE_STARTING);
	assert_int_equal(seen(s, "burst-1")->started_at, SCENE_NOW + 50 * SECONDS);

	scene_up(n);
	scene_later(s, MINUTES);
	assert_event(s, EVENT_RUNNING, "outside", "S4");
	assert_int_equal(s->n_events, 1); /* told once */
}

/* RULE D3, RULE S9: while Infinity bursts by itself, it was Infinity. */
static void d3_started_by_infinity(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_STOPPED);

	s->infinity_bursting = true;
	scene_join(s);
	n->instance.state = INSTANCE_PENDING;
	n->instance.launch_time = s->now;
	scene_later(s, MINUTES);
	assert_event(s, EVENT_START, "infinity", "D3");
}

/* RULE D3: and stopped; EC2's own words come along. */
static void d3_stopped_by_others(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_RUNNING);

	scene_join(s);
	n->instance.state = INSTANCE_STOPPING;
	n->instance.state_reason_message = "Server.ScheduledStop";
	scene_later(s, MINUTES);
	assert_event(s, EVENT_STOP, "outside", "D3");
	assert_non_null(strstr(event_seen(s, EVENT_STOP)->reason, "Server.ScheduledStop"));
	assert_phase(s, "burst-1", PHASE_STOPPING);
}

/* RULE D3: a stop and a start between two lists: only the launch time tells, and the clocks begin again. */
static void d3_a_restart_between_two_lists(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_RUNNING);

	scene_join(s);
	scene_later(s, MINUTES);
	assert_int_equal(seen(s, "burst-1")->idle_reads, 2);
	n->instance.launch_time = s->now + 30 * SECONDS;
	n->used_hd = 1;
	scene_later(s, MINUTES);
	assert_event(s, EVENT_START, "outside", "D3");
	assert_int_equal(seen(s, "burst-1")->started_at, n->instance.launch_time);
	assert_int_equal(seen(s, "burst-1")->idle_reads, 0);
}

/* RULE D3: what burstd does itself is no act behind its back. */
static void d3_our_own_acts_are_not_told_twice(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_STOPPED);
	struct intent *i = started_by_us(s, n);

	scene_up(n);
	n->status_at = s->now; /* from before the boot: not synced yet */
	n->sync = SYNC_SUSPENDED;
	scene_later(s, 30 * SECONDS);
	assert_null(event_seen(s, EVENT_START));

	scene_up(n);
	scene_later(s, 30 * SECONDS);
	s->n_intents = 0;
	i = scene_intent(s, n, INTENT_STOP, INTENT_AWAITING_STOPPED);
	(void)snprintf(i->actor, sizeof(i->actor), "alice");
	n->instance.state = INSTANCE_STOPPING;
	scene_later(s, 30 * SECONDS);
	assert_null(event_seen(s, EVENT_STOP));
	n->instance.state = INSTANCE_STOPPED;
	scene_later(s, 30 * SECONDS);
	assert_event(s, EVENT_STOPPED, "alice", "E5");
}

/* RULE V3: what a life-cycle operation does to the instance is told as its own, not as a stranger's. */
static void d3_an_operations_own_acts(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_RUNNING);
	struct intent *i;

	scene_join(s);
	i = scene_intent(s, n, INTENT_RESIZE, INTENT_WORKING);
	(void)snprintf(i->actor, sizeof(i->actor), "alice");
	n->instance.state = INSTANCE_STOPPED;
	n->sync = SYNC_SUSPENDED;
	n->status_at = s->now;
	scene_later(s, MINUTES);
	assert_event(s, EVENT_STOP, "alice", "");
	assert_int_equal(event_seen(s, EVENT_STOP)->operation, i->id);
	assert_event(s, EVENT_STOPPED, "alice", i->rule);
	assert_phase(s, "burst-1", PHASE_STOPPED);

	n->instance.state = INSTANCE_RUNNING;
	n->instance.launch_time = s->now + 50 * SECONDS;
	scene_later(s, MINUTES);
	assert_event(s, EVENT_START, "alice", "");
	assert_phase(s, "burst-1", PHASE_STARTING);
	assert_int_equal(seen(s, "burst-1")->started_at, n->instance.launch_time);
	assert_int_equal(seen(s, "burst-1")->pending_hd, 0);

	scene_up(n);
	scene_later(s, MINUTES);
	assert_event(s, EVENT_RUNNING, "alice", "S4");

	n->instance.launch_time = s->now + 2 * MINUTES; /* stopped and started between two lists */
	scene_later(s, 3 * MINUTES);
	assert_event(s, EVENT_START, "alice", "");
}

/* --- D4 -------------------------------------------------------------------------------------------------------- */

/* RULE D4: a list that is not much younger than our own start does not take it back. */
static void d4_a_late_list_after_a_start(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_STOPPED);

	started_by_us(s, n);
	s->ec2_at = s->now - SECONDS; /* asked before */
	scene_later(s, 5 * SECONDS);
	assert_phase(s, "burst-1", PHASE_STARTING);
	s->ec2_at = 0;
	scene_later(s, 5 * SECONDS); /* asked after, within the settle time */
	assert_int_equal(track_of(s, "burst-1")->state, INSTANCE_PENDING);
	scene_later(s, 20 * SECONDS);
	assert_int_equal(track_of(s, "burst-1")->state, INSTANCE_STOPPED); /* it did go back */
}

/* RULE D4: a list that shows the launch from before our start tells of the time before it, however late it comes. */
static void d4_a_very_late_list_after_a_start(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_STOPPED);

	started_by_us(s, n);
	n->instance.launch_time = SCENE_NOW - 60 * MINUTES;
	for (int i = 0; i < 9; i++) {
		scene_later(s, MINUTES);
		assert_int_equal(track_of(s, "burst-1")->state, INSTANCE_PENDING);
	}
	scene_later(s, MINUTES); /* the start timeout is the limit of that */
	assert_int_equal(track_of(s, "burst-1")->state, INSTANCE_STOPPED);
}

/* RULE D4: the same after a stop: "running" from a lagging list does not bring the node back. */
static void d4_a_late_list_after_a_stop(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_RUNNING);
	struct node_track *t;

	scene_join(s);
	t = track_of(s, "burst-1");
	t->acted_at = s->now;
	t->state = INSTANCE_STOPPING;
	scene_intent(s, n, INTENT_STOP, INTENT_AWAITING_STOPPED);
	scene_later(s, 10 * SECONDS);
	assert_phase(s, "burst-1", PHASE_STOPPING);
	assert_int_equal(track_of(s, "burst-1")->state, INSTANCE_STOPPING);
	assert_int_equal(s->n_events, 0);
	n->instance.state = INSTANCE_STOPPED; /* what agrees with our act is believed at once */
	scene_later(s, 5 * SECONDS);
	assert_int_equal(track_of(s, "burst-1")->state, INSTANCE_STOPPED);
}

/* RULE D4: one list without the instance proves nothing; three whole ones in a row do. */
static void d4_gone_after_three_lists(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_RUNNING);

	scene_join(s);
	n->unlisted = true;
	for (int list = 1; list <= 2; list++) {
		scene_later(s, 15 * SECONDS);
		assert_phase(s, "burst-1", PHASE_SERVING);
		assert_true(seen(s, "burst-1")->bursting);
	}
	s->ec2_partial = true; /* half a list is no list */
	scene_later(s, 15 * SECONDS);
	assert_phase(s, "burst-1", PHASE_SERVING);
	s->ec2_partial = false;
	scene_later(s, 15 * SECONDS);
	assert_phase(s, "burst-1", PHASE_UNKNOWN);
	assert_event(s, EVENT_LOST, "outside", "D4");
	scene_later(s, 15 * SECONDS);
	assert_false(seen(s, "burst-1")->bursting);
}

/* A conversion to always on takes the tag away, and with it the instance from the lists: nothing is lost. */
static void d4_a_conversion_loses_nothing(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_RUNNING);

	scene_join(s);
	scene_intent(s, n, INTENT_CONVERT, INTENT_WORKING);
	n->unlisted = true;
	for (int list = 1; list <= 4; list++)
		scene_later(s, 15 * SECONDS);
	assert_null(event_seen(s, EVENT_LOST));
	assert_false(seen(s, "burst-1")->bursting);
}

/* RULE V3: what a removal ends is not lost to a stranger. */
static void d3_a_removal_loses_nothing(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_RUNNING);

	scene_join(s);
	scene_intent(s, n, INTENT_REMOVE, INTENT_WORKING);
	n->instance.state = INSTANCE_SHUTTING_DOWN;
	scene_later(s, 15 * SECONDS);
	assert_null(event_seen(s, EVENT_LOST));
	assert_int_equal(track_of(s, "burst-1")->state, INSTANCE_SHUTTING_DOWN);
}

/* RULE D4: an instance that comes back in time was never gone; the same list read twice is one list. */
static void d4_missing_now_and_then(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_RUNNING);

	scene_join(s);
	for (int i = 0; i < 4; i++) {
		n->unlisted = true;
		scene_later(s, 15 * SECONDS);
		s->ec2_at = s->now;
		scene_later(s, 5 * SECONDS);
		scene_later(s, 5 * SECONDS);
		s->ec2_at = 0;
		n->unlisted = false;
		scene_later(s, 5 * SECONDS);
		assert_phase(s, "burst-1", PHASE_SERVING);
	}
	assert_int_equal(s->n_events, 0);
}

/* --- S4: the start timeout ------------------------------------------------------------------------------------- */

/* RULE S4: pending until ten minutes after the first read that showed it running, then failed. */
static void s4_the_start_timeout(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_STOPPED);

	started_by_us(s, n);
	n->instance.state = INSTANCE_PENDING;
	scene_later(s, 2 * MINUTES);
	assert_phase(s, "burst-1", PHASE_STARTING);
	n->instance.state = INSTANCE_RUNNING;
	scene_later(s, MINUTES); /* first seen running */
	scene_later(s, 10 * MINUTES);
	assert_phase(s, "burst-1", PHASE_STARTING);
	assert_int_equal(seen(s, "burst-1")->pending_hd, 17);
	assert_silent_about(s, "node_failed");
	scene_later(s, 1);
	assert_phase(s, "burst-1", PHASE_FAILED);
	assert_int_equal(seen(s, "burst-1")->pending_hd, 0);
	assert_found_among(s, "node_failed");

	scene_up(n); /* late, but there */
	scene_later(s, MINUTES);
	assert_phase(s, "burst-1", PHASE_SERVING);
}

/* RULE S4: no start is given up on reads from before its deadline. */
static void s4_no_timeout_without_news(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_STOPPED);

	started_by_us(s, n);
	n->instance.state = INSTANCE_RUNNING;
	scene_later(s, MINUTES);
	s->infinity_at = s->now;
	scene_later(s, 30 * MINUTES);
	assert_phase(s, "burst-1", PHASE_STARTING);
}

/* RULE S4: what it will bring: its last known capacity, else the setting. */
static void s4_pending_capacity(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_STOPPED);

	started_by_us(s, n);
	s->settings.node_capacity_hd = 12;
	scene_later(s, 30 * SECONDS);
	assert_int_equal(seen(s, "burst-1")->pending_hd, 12);
	track_of(s, "burst-1")->last_max_hd = 9;
	scene_later(s, 30 * SECONDS);
	assert_int_equal(seen(s, "burst-1")->pending_hd, 9);
}

/* RULE S4: synced ends the start, with an event for whoever asked; the capacity is remembered. */
static void s4_serving_at_last(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_STOPPED);
	struct intent *i = started_by_us(s, n);

	(void)snprintf(i->actor, sizeof(i->actor), "hold:4");
	scene_later(s, MINUTES);
	n->instance.state = INSTANCE_RUNNING;
	n->status_at = s->now - 5 * MINUTES; /* synced, says a status from before this start */
	n->sync = SYNC_SYNCED;
	n->max_hd = 14;
	scene_later(s, MINUTES);
	assert_phase(s, "burst-1", PHASE_STARTING);
	n->status_at = 0;
	scene_later(s, MINUTES);
	assert_phase(s, "burst-1", PHASE_SERVING);
	assert_event(s, EVENT_RUNNING, "hold:4", "S4");
	assert_int_equal(event_seen(s, EVENT_RUNNING)->operation, i->id);
	assert_int_equal(track_of(s, "burst-1")->last_max_hd, 14);
}

/* RULE S6: a refused node rests and shows it, then it is a candidate again, behind the others for an hour. */
static void s6_rest_and_recent_failure(void **state)
{
	struct scene *s = *state;
	struct node_track *t;

	one_node(s, INSTANCE_STOPPED);
	scene_join(s);
	t = track_of(s, "burst-1");
	t->failed_at = s->now;
	t->refused_until = s->now + 5 * MINUTES;
	(void)snprintf(t->refused_code, sizeof(t->refused_code), "InsufficientInstanceCapacity");
	scene_later(s, MINUTES);
	assert_phase(s, "burst-1", PHASE_FAILED);
	assert_true(seen(s, "burst-1")->resting);
	assert_found_among(s, "node_refused");
	scene_later(s, 5 * MINUTES);
	assert_phase(s, "burst-1", PHASE_STOPPED);
	assert_false(seen(s, "burst-1")->resting);
	assert_true(seen(s, "burst-1")->failed_recently);
	assert_silent_about(s, "node_refused");
	scene_later(s, 60 * MINUTES);
	assert_false(seen(s, "burst-1")->failed_recently);
}

/* --- E1: idle reads --------------------------------------------------------------------------------------------- */

/* RULE E1: an idle read counts when the node's own status has moved on; a busy one starts the count anew. */
static void e1_idle_reads(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_RUNNING);

	scene_join(s);
	assert_int_equal(seen(s, "burst-1")->idle_reads, 1);
	scene_join(s); /* the same report looked at again */
	assert_int_equal(seen(s, "burst-1")->idle_reads, 1);

	n->status_at = s->now - 10 * SECONDS; /* a new report, the same status */
	scene_later(s, 10 * SECONDS);
	assert_int_equal(seen(s, "burst-1")->idle_reads, 1);

	n->status_at = 0;
	scene_later(s, 10 * SECONDS);
	assert_int_equal(seen(s, "burst-1")->idle_reads, 2);
	assert_int_equal(seen(s, "burst-1")->idle_read[0], s->now - 10 * SECONDS);
	assert_int_equal(seen(s, "burst-1")->idle_read[1], SCENE_NOW - 10 * SECONDS);

	n->used_hd = 1;
	scene_later(s, 10 * SECONDS);
	assert_int_equal(seen(s, "burst-1")->idle_reads, 0);
	n->used_hd = 0;
	scene_later(s, 10 * SECONDS);
	assert_int_equal(seen(s, "burst-1")->idle_reads, 1);
}

/* RULE E1: everything that may be a call; what was not read is not idle. */
static void e1_what_idle_means(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_RUNNING);

	scene_join(s);
	assert_true(seen(s, "burst-1")->idle);
	n->participants = 1;
	scene_later(s, 10 * SECONDS);
	assert_false(seen(s, "burst-1")->idle);
	n->participants = -1;
	scene_later(s, 10 * SECONDS);
	assert_false(seen(s, "burst-1")->idle);
	n->participants = 0;
	n->signaling = 1;
	scene_later(s, 10 * SECONDS);
	assert_false(seen(s, "burst-1")->idle);
	n->signaling = 0;
	n->no_tokens = true;
	scene_later(s, 10 * SECONDS);
	assert_false(seen(s, "burst-1")->idle);
}

/* RULE E1, RULE D1: no read that is stale or partial counts; a frozen platform never proves idleness. */
static void e1_no_count_on_bad_data(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_RUNNING);

	n->status_at = s->now - 4 * MINUTES;
	scene_join(s);
	assert_int_equal(seen(s, "burst-1")->idle_reads, 0);
	n->status_at = 0;
	s->infinity_partial = true;
	scene_later(s, MINUTES);
	assert_int_equal(seen(s, "burst-1")->idle_reads, 0);
}

/* --- E2 and E5 -------------------------------------------------------------------------------------------------- */

/* RULE E2: the later of EC2's launch time and the last start that we made. */
static void e2_the_later_start_counts(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_RUNNING);

	scene_join(s);
	track_of(s, "burst-1")->started_at = s->now - 5 * MINUTES; /* ours, later than the launch shown */
	scene_later(s, SECONDS);
	assert_int_equal(seen(s, "burst-1")->started_at, SCENE_NOW - 5 * MINUTES);
	n->instance.launch_time = SCENE_NOW - 5 * MINUTES + 15 * SECONDS; /* EC2's clock, a little later */
	scene_later(s, SECONDS);
	assert_int_equal(seen(s, "burst-1")->started_at, SCENE_NOW - 5 * MINUTES + 15 * SECONDS);
	assert_int_equal(s->n_events, 0); /* no restart: within what clocks differ */
}

/* RULE E5: the phases of a stop. */
static void e5_phases_of_a_stop(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_RUNNING);
	struct intent *i;

	scene_join(s);
	i = scene_intent(s, n, INTENT_STOP, INTENT_MAINTENANCE_ON);
	scene_later(s, SECONDS);
	assert_phase(s, "burst-1", PHASE_DRAINING);
	i->state = INTENT_WAITING;
	n->maintenance = true;
	scene_later(s, SECONDS);
	assert_phase(s, "burst-1", PHASE_DRAINING);
	i->state = INTENT_STOPPING;
	scene_later(s, SECONDS);
	assert_phase(s, "burst-1", PHASE_DRAINING);
	i->state = INTENT_AWAITING_STOPPED;
	scene_later(s, SECONDS);
	assert_phase(s, "burst-1", PHASE_STOPPING);
}

/* RULE E5, RULE S3: a drain that was called off brings its capacity back within a status interval: it is pending. */
static void e5_capacity_of_a_cancelled_drain_is_pending(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_RUNNING);

	scene_join(s);
	n->maintenance = true;
	scene_intent(s, n, INTENT_STOP, INTENT_CANCELLING);
	scene_later(s, SECONDS);
	assert_phase(s, "burst-1", PHASE_DRAINING);
	assert_int_equal(seen(s, "burst-1")->pending_hd, 17);

	s->n_intents = 0; /* cancelled; the node's own status does not know yet */
	n->maintenance = false;
	n->status_maintenance = true;
	scene_later(s, SECONDS);
	assert_phase(s, "burst-1", PHASE_SERVING);
	assert_int_equal(seen(s, "burst-1")->free_hd, 0);
	assert_int_equal(seen(s, "burst-1")->pending_hd, 17);

	n->status_maintenance = false;
	scene_later(s, SECONDS);
	assert_int_equal(seen(s, "burst-1")->free_hd, 17);
	assert_int_equal(seen(s, "burst-1")->pending_hd, 0);
}

/* RULE E5, RULE D1: a drain that ends while Infinity cannot be read is over: that much is known without Infinity. */
static void e5_a_drain_ends_while_infinity_is_stale(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_RUNNING);

	scene_join(s);
	n->maintenance = true;
	scene_intent(s, n, INTENT_STOP, INTENT_CANCELLING);
	scene_later(s, SECONDS);
	assert_phase(s, "burst-1", PHASE_DRAINING);

	s->n_intents = 0;
	s->infinity_at = s->now;
	scene_later(s, 5 * MINUTES);
	assert_false(s->p->infinity_fresh);
	assert_phase(s, "burst-1", PHASE_SERVING);
}

/* The join has no say in what comes to pass: the old tracks stay as they were. */
static void the_input_is_not_changed(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = one_node(s, INSTANCE_STOPPED);
	struct track_table before = {0}, next = {0};
	struct infinity_report *infinity;
	struct ec2_report *ec2;
	const struct ec2_report *lists;
	struct picture *p = NULL;
	struct event *events;
	size_t n_events;

	scene_join(s);
	assert_int_equal(track_table_copy(&before, &s->tracks), 0);
	scene_up(n);
	s->now += MINUTES;
	infinity = scene_infinity(s, s->now);
	ec2 = scene_ec2(s, true, s->now);
	lists = ec2;
	assert_int_equal(fleet_join(&(struct join_input){.now = s->now,
							 .tick = 2,
							 .time_scale = 1,
							 .settings = &s->settings,
							 .infinity = infinity,
							 .ec2 = &lists,
							 .n_ec2 = 1,
							 .tracks = &s->tracks},
				    &next, &p, &events, &n_events, NULL),
			 ERR_OK);
	assert_int_equal(next.rows[0].state, INSTANCE_RUNNING);
	assert_true(track_same(&before.rows[0], &s->tracks.rows[0]));
	assert_false(track_same(&next.rows[0], &s->tracks.rows[0]));
	picture_unref(p);
	infinity_report_free(infinity);
	ec2_report_free(ec2);
	track_table_free(&before);
	track_table_free(&next);
}

static void the_track_table_is_sorted(void **state)
{
	struct track_table t = {0};

	(void)state;
	for (int64_t i = 0; i < 40; i++)
		track_get(&t, 1 + (i * 17) % 41)->last_max_hd = (int)i;
	assert_int_equal(t.n, 40);
	for (size_t i = 1; i < t.n; i++)
		assert_true(t.rows[i - 1].node < t.rows[i].node);
	assert_ptr_equal(track_get(&t, 18), track_find(&t, 18));
	assert_int_equal(track_find(&t, 18)->last_max_hd, 1);
	assert_null(track_find(&t, 999));
	track_table_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(adopting_is_no_event),
		SCENE_TEST(phases_of_instance_states),
		SCENE_TEST(d2_a_running_node_goes_silent),
		SCENE_TEST(d2_found_running_never_heard),
		SCENE_TEST(d2_a_stopped_node_goes_on_reporting),
		SCENE_TEST(d1_stale_data_conclude_nothing),
		SCENE_TEST(d3_started_by_others),
		SCENE_TEST(d3_started_by_infinity),
		SCENE_TEST(d3_stopped_by_others),
		SCENE_TEST(d3_a_restart_between_two_lists),
		SCENE_TEST(d3_an_operations_own_acts),
		SCENE_TEST(d3_our_own_acts_are_not_told_twice),
		SCENE_TEST(d4_a_late_list_after_a_start),
		SCENE_TEST(d4_a_very_late_list_after_a_start),
		SCENE_TEST(d4_a_late_list_after_a_stop),
		SCENE_TEST(d4_gone_after_three_lists),
		SCENE_TEST(d4_a_conversion_loses_nothing),
		SCENE_TEST(d3_a_removal_loses_nothing),
		SCENE_TEST(d4_missing_now_and_then),
		SCENE_TEST(s4_the_start_timeout),
		SCENE_TEST(s4_no_timeout_without_news),
		SCENE_TEST(s4_pending_capacity),
		SCENE_TEST(s4_serving_at_last),
		SCENE_TEST(s6_rest_and_recent_failure),
		SCENE_TEST(e1_idle_reads),
		SCENE_TEST(e1_what_idle_means),
		SCENE_TEST(e1_no_count_on_bad_data),
		SCENE_TEST(e2_the_later_start_counts),
		SCENE_TEST(e5_phases_of_a_stop),
		SCENE_TEST(e5_capacity_of_a_cancelled_drain_is_pending),
		SCENE_TEST(e5_a_drain_ends_while_infinity_is_stale),
		SCENE_TEST(the_input_is_not_changed),
		cmocka_unit_test(the_track_table_is_sorted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The join: nodes and instances matched, capacity, principals and their states (RULES V1 and V2), freshness (RULE D1). */
#include "tests/unit/build_scene.h"

/* Oslo (one node, 40 HD calls, `used` in use) overflows to AWS burst with one stopped node. */
static void oslo_and_burst(struct scene *s, int used)
{
	struct infinity_location *oslo = scene_location(s, "Oslo");

	scene_node(s, "oslo-1", 40, used);
	oslo->overflow1 = scene_location(s, "AWS burst")->id;
	scene_burst(s, "burst-1", INSTANCE_STOPPED);
}

/* --- matching ------------------------------------------------------------------------------------------------ */

static void a_node_is_matched_by_any_address_of_the_instance(void **state)
{
	struct scene *s = *state;

	oslo_and_burst(s, 0);
	scene_join(s);
	assert_true(seen(s, "burst-1")->bursting);
	assert_string_equal(seen(s, "burst-1")->instance->id, "i-2");
	assert_false(seen(s, "oslo-1")->bursting);
	assert_null(seen(s, "oslo-1")->instance);
}

/* Only our tag value makes a bursting node; an instance with another one is seen, and left alone. */
static void another_tag_value_is_no_bursting_node(void **state)
{
	struct scene *s = *state;

	oslo_and_burst(s, 0);
	scene_find(s, "burst-1")->instance.tag_value = "other-manager";
	scene_join(s);
	assert_false(seen(s, "burst-1")->bursting);
	assert_non_null(seen(s, "burst-1")->instance);
	assert_int_equal(seen_location(s, "AWS burst")->kind, LOCATION_OTHER);
	assert_int_equal(s->tracks.n, 0);
}

static void the_tag_value_may_be_set(void **state)
{
	struct scene *s = *state;

	oslo_and_burst(s, 0);
	scene_join(s);
	assert_string_equal(s->p->tag_value, SCENE_TAG); /* the Management Node's host name */
	(void)snprintf(s->settings.tag_value, sizeof(s->settings.tag_value), "unknown");
	scene_join(s);
	assert_string_equal(s->p->tag_value, "unknown");
	assert_false(seen(s, "burst-1")->bursting);
}

/* RULE D2: two instances claim one address: which one is the node's cannot be told. */
static void d2_two_instances_at_one_address(void **state)
{
	struct scene *s = *state;
	struct scene_node *twin;

	oslo_and_burst(s, 0);
	scene_up(scene_find(s, "burst-1"));
	twin = scene_burst(s, "burst-2", INSTANCE_STOPPED);
	(void)snprintf(twin->address, sizeof(twin->address), "%s", scene_find(s, "burst-1")->address);
	scene_join(s);
	assert_phase(s, "burst-1", PHASE_UNKNOWN);
}

/* --- capacity ------------------------------------------------------------------------------------------------ */

static void free_hd_is_summed_over_eligible_nodes(void **state)
{
	struct scene *s = *state;
	const struct location *oslo;

	scene_location(s, "Oslo");
	scene_node(s, "oslo-1", 40, 30);
	scene_node(s, "oslo-2", 17, 2);
	scene_join(s);
	oslo = seen_location(s, "Oslo");
	assert_int_equal(oslo->free_hd, 10 + 15);
	assert_int_equal(oslo->max_hd, 57);
}

/* Each of them counts as absent: maintenance (by either word), not synced, silent, no capacity, proxying. */
static void what_is_not_eligible(void **state)
{
	struct scene *s = *state;

	scene_location(s, "Oslo");
	scene_node(s, "a", 10, 0)->maintenance = true;
	scene_node(s, "b", 10, 0)->status_maintenance = true;
	scene_node(s, "c", 10, 0)->sync = SYNC_OTHER;
	scene_node(s, "d", 10, 0)->status_at = s->now - 4 * MINUTES;
	scene_node(s, "e", 0, 0);
	scene_node(s, "f", 10, 0)->role = ROLE_PROXYING;
	scene_node(s, "g", 10, 0)->no_tokens = true; /* and no media load either */
	scene_node(s, "good", 10, 3);
	scene_join(s);
	assert_int_equal(seen_location(s, "Oslo")->free_hd, 7);
	for (size_t i = 0; i < s->p->n_nodes; i++)
		assert_int_equal(s->p->nodes[i].eligible, !strcmp(s->p->nodes[i].name, "good"));
}

static void media_load_where_tokens_are_missing(void **state)
{
	struct scene *s = *state;
	struct scene_node *n;

	scene_location(s, "Oslo");
	n = scene_node(s, "oslo-1", 10, 0);
	n->no_tokens = true;
	n->media_load = 35;
	scene_join(s);
	assert_int_equal(seen_location(s, "Oslo")->free_hd, 6); /* floor of 6.5 */
	n->media_load = 120;
	scene_join(s);
	assert_int_equal(seen_location(s, "Oslo")->free_hd, 0); /* never below zero */
}

/* A bursting node that is not serving is no capacity, whatever stale figures Infinity still shows for it. */
static void a_bursting_node_counts_while_it_serves(void **state)
{
	struct scene *s = *state;

	oslo_and_burst(s, 0);
	scene_join(s);
	assert_int_equal(seen_location(s, "AWS burst")->free_hd, 0);
	scene_up(scene_find(s, "burst-1"));
	scene_later(s, MINUTES);
	assert_int_equal(seen_location(s, "AWS burst")->free_hd, SCENE_HD);
}

/* RULE S9: while Infinity's monitor is on, its own figure counts. */
static void s9_the_monitor_counts_while_infinity_bursts(void **state)
{
	struct scene *s = *state;

	oslo_and_burst(s, 30);
	s->monitors[s->n_monitors++] = (struct infinity_monitor){.location = 1, .free_hd = 3, .max_hd = 40};
	scene_join(s);
	assert_int_equal(seen_location(s, "Oslo")->free_hd, 10);
	s->infinity_bursting = true;
	scene_join(s);
	assert_int_equal(seen_location(s, "Oslo")->free_hd, 3);
	assert_true(s->p->infinity_bursting);
}

/* RULE S6: nodes stand in the picture by the operator's order, then name. */
static void s6_operators_order_then_name(void **state)
{
	struct scene *s = *state;

	scene_location(s, "AWS burst");
	scene_burst(s, "c", INSTANCE_STOPPED);
	scene_burst(s, "b", INSTANCE_STOPPED);
	scene_burst(s, "a", INSTANCE_STOPPED);
	s->wishes[s->n_wishes++] = (struct node_wish){.node = scene_find(s, "b")->id, .start_order = 1};
	scene_join(s);
	assert_string_equal(s->p->nodes[0].name, "b");
	assert_string_equal(s->p->nodes[1].name, "a");
	assert_string_equal(s->p->nodes[2].name, "c");
}

/* --- principals (V1, V2) -------------------------------------------------------------------------------------- */

/* RULE V1: the two limits, to the call. */
static void v1_states_of_a_principal(void **state)
{
	static const struct {
		int free_hd;
		enum location_state wanted;
	} cases[] = {
		{8, LOCATION_OK},      {7, LOCATION_APPROACHING}, {6, LOCATION_APPROACHING},
		{5, LOCATION_REACHED}, {0, LOCATION_REACHED},
	};
	struct scene *s = *state;

	oslo_and_burst(s, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		scene_find(s, "oslo-1")->used_hd = 40 - cases[i].free_hd;
		scene_join(s);
		assert_string_equal(location_state_text(seen_location(s, "Oslo")->state),
				    location_state_text(cases[i].wanted));
	}
}

/* RULE V1: the location's own threshold, and the margin of the settings. */
static void v1_own_threshold_and_margin(void **state)
{
	struct scene *s = *state;

	oslo_and_burst(s, 25); /* 15 free */
	s->thresholds[s->n_thresholds++] = (struct location_threshold){.location = 1, .threshold = 12};
	scene_join(s);
	assert_int_equal(seen_location(s, "Oslo")->state, LOCATION_OK);
	assert_int_equal(seen_location(s, "Oslo")->threshold, 12);
	assert_true(seen_location(s, "Oslo")->threshold_own);
	assert_false(seen_location(s, "AWS burst")->threshold_own);
	s->settings.approaching_margin_hd = 3;
	scene_join(s);
	assert_int_equal(seen_location(s, "Oslo")->state, LOCATION_APPROACHING);
}

/* RULE V2: the primary link to a location with bursting nodes makes a principal, and nothing else does. */
static void v2_only_principals_are_principals(void **state)
{
	struct scene *s = *state;
	struct infinity_location *bergen, *paris;

	oslo_and_burst(s, 40);
	bergen = scene_location(s, "Bergen"); /* no link at all, and full */
	scene_node(s, "bergen-1", 10, 10);
	paris = scene_location(s, "Paris"); /* its link goes to Bergen, that has no bursting node */
	scene_node(s, "paris-1", 10, 10);
	paris->overflow1 = bergen->id;
	scene_join(s);
	assert_int_equal(seen_location(s, "Oslo")->kind, LOCATION_PRINCIPAL);
	assert_int_equal(seen_location(s, "AWS burst")->kind, LOCATION_OVERFLOW);
	assert_int_equal(seen_location(s, "Bergen")->kind, LOCATION_OTHER);
	assert_int_equal(seen_location(s, "Paris")->kind, LOCATION_OTHER);
	assert_false(seen_location(s, "AWS burst")->principal);
	assert_int_equal(seen_location(s, "Paris")->state, LOCATION_OK); /* RULE V1 is for principals */
}

/* RULE V2: a location of bursting nodes alone is no principal of the next one: bursting does not chain. */
static void v2_bursting_does_not_chain(void **state)
{
	struct scene *s = *state;

	oslo_and_burst(s, 0);
	s->locations[1].overflow1 = scene_location(s, "AWS far")->id;
	scene_burst(s, "far-1", INSTANCE_STOPPED);
	scene_join(s);
	assert_false(seen_location(s, "AWS burst")->principal);
	scene_node(s, "extra", 10, 0)->location = 2; /* an always-on node that can be short of capacity */
	scene_join(s);
	assert_true(seen_location(s, "AWS burst")->principal);
	assert_int_equal(seen_location(s, "AWS burst")->kind, LOCATION_OVERFLOW);
}

/* RULE S5: the secondary link makes no principal. */
static void s5_secondary_links(void **state)
{
	struct scene *s = *state;

	oslo_and_burst(s, 40);
	s->locations[0].overflow1 = 0;
	s->locations[0].overflow2 = 2;
	scene_join(s);
	assert_false(seen_location(s, "Oslo")->principal);
	assert_int_equal(seen_location(s, "Oslo")->kind, LOCATION_OTHER);
	assert_true(seen_location(s, "AWS burst")->only_secondary);

	s->locations[0].overflow1 = 2;
	scene_join(s);
	assert_false(seen_location(s, "AWS burst")->only_secondary);
}

/* --- freshness (D1) ------------------------------------------------------------------------------------------- */

/* RULE D1: fresh is younger than three poll intervals: 30 s for Infinity, 45 s for EC2. */
static void d1_three_poll_intervals(void **state)
{
	struct scene *s = *state;

	oslo_and_burst(s, 0);
	s->infinity_at = s->now - 30 * SECONDS;
	s->ec2_at = s->now - 45 * SECONDS;
	scene_join(s);
	assert_true(s->p->infinity_fresh);
	assert_true(s->p->ec2_fresh);
	assert_true(seen(s, "burst-1")->instance_fresh);

	s->infinity_at--;
	s->ec2_at--;
	scene_join(s);
	assert_false(s->p->infinity_fresh);
	assert_false(s->p->ec2_fresh);
	assert_false(seen(s, "burst-1")->instance_fresh);
}

/* RULE D1: whole. */
static void d1_a_part_is_not_fresh(void **state)
{
	struct scene *s = *state;

	oslo_and_burst(s, 0);
	s->infinity_partial = s->ec2_partial = true;
	scene_join(s);
	assert_false(s->p->infinity_fresh);
	assert_false(seen(s, "burst-1")->instance_fresh);
}

/* RULE D1: a platform whose every status stands still answers quickly and tells nothing. */
static void d1_a_frozen_status(void **state)
{
	struct scene *s = *state;

	oslo_and_burst(s, 30);
	scene_join(s);
	assert_silent_about(s, "status_frozen");
	scene_find(s, "oslo-1")->status_at = s->now - 10 * MINUTES;
	scene_join(s);
	assert_true(s->p->status_frozen);
	assert_false(s->p->infinity_fresh);
	assert_true(s->now - seen_location(s, "Oslo")->figures_at >= 10 * MINUTES);
	assert_found_among(s, "status_frozen");
}

/* RULE D1: sources say how fresh they are. */
static void d1_sources(void **state)
{
	struct scene *s = *state;

	oslo_and_burst(s, 0);
	s->sources[0] = (struct source){
		.name = "infinity", .kind = SOURCE_INFINITY, .observed_at = s->now - 31 * SECONDS};
	s->sources[1] = (struct source){
		.name = "ec2:eu-west-2", .kind = SOURCE_EC2, .observed_at = s->now - 31 * SECONDS};
	s->sources[2] = (struct source){.name = "ec2:us-east-1", .kind = SOURCE_EC2};
	s->n_sources = 3;
	scene_join(s);
	assert_false(s->p->sources[0].fresh);
	assert_true(s->p->sources[0].heard);
	assert_true(s->p->sources[1].fresh);
	assert_false(s->p->sources[2].fresh);
	assert_false(s->p->sources[2].heard);
}

static void never_heard_of_anything(void **state)
{
	struct scene *s = *state;

	s->infinity_unheard = s->ec2_unheard = true;
	scene_join(s);
	assert_int_equal(s->p->n_nodes, 0);
	assert_int_equal(s->p->n_locations, 0);
	assert_false(s->p->infinity_fresh);
	assert_false(s->p->ec2_fresh);
	assert_string_equal(s->p->tag_value, "");
}

/* --- what comes along ------------------------------------------------------------------------------------------ */

/* RULE S8: a hold is over at its end. */
static void s8_holds_in_force(void **state)
{
	struct scene *s = *state;

	s->holds[0] = (struct hold){.id = 1, .location = 1, .count = 1, .until = s->now + 1};
	s->holds[1] = (struct hold){.id = 2, .location = 1, .count = 1, .until = s->now};
	s->n_holds = 2;
	scene_join(s);
	assert_int_equal(s->p->n_holds, 1);
	assert_int_equal(s->p->holds[0].id, 1);
}

/* RULE E5: only a reason with our prefix is maintenance mode of ours. */
static void e5_whose_maintenance_mode(void **state)
{
	struct scene *s = *state;
	struct scene_node *n;

	scene_location(s, "AWS burst");
	n = scene_burst(s, "burst-1", INSTANCE_RUNNING);
	n->maintenance = true;
	(void)snprintf(n->reason, sizeof(n->reason), "burstd: controller: idle");
	scene_join(s);
	assert_true(seen(s, "burst-1")->ours);
	(void)snprintf(n->reason, sizeof(n->reason), "replacing the disk, not for burstd: alice");
	scene_join(s);
	assert_false(seen(s, "burst-1")->ours);
	assert_true(seen(s, "burst-1")->maintenance_configured);
}

/* A picture outlives the reports it was made from. */
static void a_picture_owns_all_it_shows(void **state)
{
	struct scene *s = *state;
	struct picture *kept;

	oslo_and_burst(s, 0);
	scene_join(s);
	kept = picture_ref(s->p);
	scene_later(s, MINUTES);
	assert_ptr_not_equal(kept, s->p);
	assert_string_equal(kept->nodes[1].instance->addresses[1], "10.0.0.2");
	assert_ptr_equal(picture_node(kept, 102), &kept->nodes[1]);
	assert_null(picture_node(kept, 999));
	assert_ptr_equal(picture_location(kept, 2), &kept->locations[1]);
	assert_null(picture_location(kept, 999));
	picture_unref(kept);
}

/* BURSTD_TIME_SCALE divides every duration that burstd counts, and none below a millisecond. */
static void durations_are_scaled(void **state)
{
	struct burst_params real = burst_params_make(&bursting_defaults, 1);
	struct burst_params fast = burst_params_make(&bursting_defaults, 60);
	struct burst_params absurd = burst_params_make(&bursting_defaults, 1e12);

	(void)state;
	assert_int_equal(real.lifetime_ms, 50 * MINUTES);         /* RULE E2 */
	assert_int_equal(real.replication_wait_ms, 90 * SECONDS); /* RULE E5 */
	assert_int_equal(real.start_timeout_ms, 10 * MINUTES);    /* RULE S4 */
	assert_int_equal(real.refused_rest_ms, 5 * MINUTES);      /* RULE S6 */
	assert_int_equal(real.figures_ms, 60 * SECONDS);          /* RULE D1 */
	assert_int_equal(fast.lifetime_ms, 50 * SECONDS);
	assert_int_equal(fast.figures_ms, SECONDS);
	assert_int_equal(absurd.settle_ms, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(a_node_is_matched_by_any_address_of_the_instance),
		SCENE_TEST(another_tag_value_is_no_bursting_node),
		SCENE_TEST(the_tag_value_may_be_set),
		SCENE_TEST(d2_two_instances_at_one_address),
		SCENE_TEST(free_hd_is_summed_over_eligible_nodes),
		SCENE_TEST(what_is_not_eligible),
		SCENE_TEST(media_load_where_tokens_are_missing),
		SCENE_TEST(a_bursting_node_counts_while_it_serves),
		SCENE_TEST(s9_the_monitor_counts_while_infinity_bursts),
		SCENE_TEST(s6_operators_order_then_name),
		SCENE_TEST(v1_states_of_a_principal),
		SCENE_TEST(v1_own_threshold_and_margin),
		SCENE_TEST(v2_only_principals_are_principals),
		SCENE_TEST(v2_bursting_does_not_chain),
		SCENE_TEST(s5_secondary_links),
		SCENE_TEST(d1_three_poll_intervals),
		SCENE_TEST(d1_a_part_is_not_fresh),
		SCENE_TEST(d1_a_frozen_status),
		SCENE_TEST(d1_sources),
		SCENE_TEST(never_heard_of_anything),
		SCENE_TEST(s8_holds_in_force),
		SCENE_TEST(e5_whose_maintenance_mode),
		SCENE_TEST(a_picture_owns_all_it_shows),
		SCENE_TEST(durations_are_scaled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

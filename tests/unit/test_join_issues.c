/*
 * Issues: every warning of RULE V5 fires where it should, alone, and does not fire on the near side of its limit; and
 * what is shown of sources, doubt, failures, two controllers and operations.
 */
#include "fleet/lifecycle.h"
#include "tests/unit/build_scene.h"

/* A platform with nothing to say about: any issue that a test sees is the test's own doing. */
static int healthy(void **state)
{
	struct infinity_location *oslo;
	struct scene *s;

	scene_setup(state);
	s = *state;
	oslo = scene_location(s, "Oslo");
	scene_node(s, "oslo-1", 40, 10);
	oslo->overflow1 = scene_location(s, "AWS burst")->id;
	scene_burst(s, "burst-1", INSTANCE_RUNNING);
	return 0;
}

#define ISSUE_TEST(name) cmocka_unit_test_setup_teardown(name, healthy, scene_teardown)

/* Exactly one issue: this one, about that, with all that an operator needs. */
static void assert_found(const struct scene *s, const char *id, const char *subject)
{
	const struct issue *i = issue_seen(s, id);

	if (!i)
		fail_msg("no issue %s among %zu", id, s->p->n_issues);
	if (s->p->n_issues != 1)
		fail_msg("%zu issues, the others begin with %s", s->p->n_issues,
			 s->p->issues[i == s->p->issues].id);
	assert_string_equal(i->subject, subject);
	assert_true(i->message[0] && i->consequence[0] && i->remedy[0]);
}

static void assert_no_issue(const struct scene *s)
{
	if (s->p->n_issues)
		fail_msg("%s: %s", s->p->issues[0].id, s->p->issues[0].message);
}

/* No issue at all, and this one in particular. */
static void assert_silent(const struct scene *s, const char *id)
{
	assert_silent_about(s, id);
	assert_no_issue(s);
}

static void nothing_to_say(void **state)
{
	scene_join(*state);
	assert_no_issue(*state);
}

/* --- RULE V5 --------------------------------------------------------------------------------------------------- */

static struct schedule *scene_schedule(struct scene *s)
{
	struct schedule *schedule = &s->schedules[s->n_schedules++];

	*schedule = (struct schedule){.id = 1,
				      .name = "mornings",
				      .enabled = true,
				      .location = 2,
				      .instances_to_add = 1,
				      .minutes_in_advance = s->settings.minimum_lifetime_minutes};
	return schedule;
}

/* RULE V5: the minimum lifetime is shorter than the lead of a schedule. */
static void v5_lead_of_a_schedule(void **state)
{
	struct scene *s = *state;
	struct schedule *schedule = scene_schedule(s);

	scene_join(s);
	assert_silent(s, "lead_exceeds_lifetime");
	schedule->minutes_in_advance++;
	scene_join(s);
	assert_found(s, "lead_exceeds_lifetime", "schedule mornings");
	schedule->enabled = false;
	scene_join(s);
	assert_silent(s, "lead_exceeds_lifetime");
}

/* RULE S8: a schedule wants more than there is; while nobody knows what there is, nothing is said. */
static void s8_a_schedule_without_nodes(void **state)
{
	struct scene *s = *state;
	struct schedule *schedule = scene_schedule(s);
	int64_t nodes[] = {scene_find(s, "oslo-1")->id};

	schedule->instances_to_add = 2;
	scene_join(s);
	assert_found(s, "schedule_without_nodes", "schedule mornings");
	schedule->instances_to_add = 1;
	schedule->location = 99;
	scene_join(s);
	assert_found(s, "schedule_without_nodes", "schedule mornings");
	schedule->location = 0;
	schedule->nodes = nodes;
	schedule->n_nodes = 1; /* an always-on node */
	scene_join(s);
	assert_found(s, "schedule_without_nodes", "schedule mornings");
	nodes[0] = scene_find(s, "burst-1")->id;
	scene_join(s);
	assert_silent(s, "schedule_without_nodes");
	nodes[0] = 99;
	s->infinity_unheard = true;
	scene_join(s);
	assert_silent_about(s, "schedule_without_nodes");
}

/* RULE S8: the zone data have lost the zone of a schedule. */
static void s8_a_schedule_without_a_zone(void **state)
{
	struct scene *s = *state;
	struct schedule *schedule = scene_schedule(s);

	scene_join(s);
	assert_silent(s, "schedule_zone_unknown");
	schedule->zone_missing = true;
	scene_join(s);
	assert_found(s, "schedule_zone_unknown", "schedule mornings");
}

/* RULE V5: threshold at or above the capacity of one overflow node. */
static void v5_threshold(void **state)
{
	struct scene *s = *state;

	s->settings.bursting_threshold = SCENE_HD - 1;
	scene_find(s, "oslo-1")->used_hd = 0;
	scene_join(s);
	assert_silent(s, "threshold_too_high");
	s->settings.bursting_threshold = SCENE_HD;
	scene_join(s);
	assert_found(s, "threshold_too_high", "location AWS burst");
}

/* RULE V5: the smallest node of the location counts, and the guess for one that was never seen up. */
static void v5_threshold_of_the_smallest_node(void **state)
{
	struct scene *s = *state;

	s->settings.bursting_threshold = 9;
	scene_burst(s, "burst-2", INSTANCE_STOPPED)->max_hd = 0;
	scene_join(s);
	assert_silent(s, "threshold_too_high");
	s->settings.node_capacity_hd = 9;
	scene_join(s);
	assert_found(s, "threshold_too_high", "location AWS burst");
}

/* RULE V5, RULE S5: a burst location that is only secondary overflow. */
static void v5_only_secondary(void **state)
{
	struct scene *s = *state;

	s->locations[0].overflow1 = 0;
	scene_join(s);
	assert_found(s, "tagged_always_on",
		     "node burst-1"); /* linked from nowhere is no secondary overflow */
	assert_silent_about(s, "only_secondary_overflow");
	s->locations[0].overflow2 = 2;
	scene_join(s);
	assert_found(s, "only_secondary_overflow", "location AWS burst");
	assert_silent_about(s, "tagged_always_on");
}

/* A wish for a location that Infinity does not fulfil, or refuses; its operation that is tried again. */
static void wishes_for_a_location(void **state)
{
	struct scene *s = *state;
	struct location_wish *w = &s->location_wishes[0];

	*w = (struct location_wish){.location = 1, .change = {.fields = LOCATION_PRIMARY, .overflow1 = 2}};
	s->n_location_wishes = 1;
	scene_join(s);
	assert_silent(s, "drift"); /* as it is wished */
	w->change.overflow1 = 0;
	scene_join(s);
	assert_found(s, "drift", "location Oslo");
	assert_silent_about(s, "location_refused");
	(void)snprintf(w->refused, sizeof(w->refused), "no");
	scene_join(s);
	assert_found(s, "location_refused", "location Oslo");
	w->change.fields = 0;
	s->intents[0] = (struct intent){.id = 7,
					.kind = INTENT_LOCATION_DELETE,
					.state = INTENT_APPLYING,
					.location = 1,
					.error = "away"};
	s->n_intents = 1;
	scene_join(s);
	assert_found(s, "operation_retrying", "location Oslo");
	assert_null(s->p->nodes[0].intent); /* it is the location's alone */
	s->intents[0].kind = INTENT_START;
	s->intents[0].node = 4711;
	scene_join(s);
	assert_silent(s, "operation_retrying");
}

/* RULE V5: always-on and bursting nodes in one location. */
static void v5_mixed_location(void **state)
{
	struct scene *s = *state;

	scene_join(s);
	assert_silent(s, "mixed_location");
	scene_node(s, "always-on", 17, 0);
	scene_join(s);
	assert_found(s, "mixed_location", "location AWS burst");
}

/* RULE V5: proxying and transcoding nodes in one location; a location of each is fine. */
static void v5_mixed_roles(void **state)
{
	struct scene *s = *state;
	struct scene_node *n;

	scene_location(s, "DMZ");
	n = scene_node(s, "proxy-1", 17, 0);
	n->role = ROLE_PROXYING;
	scene_join(s);
	assert_silent(s, "mixed_roles");
	n->location = 1;
	scene_join(s);
	assert_found(s, "mixed_roles", "location Oslo");
}

/* RULE V5: the distributed database on a bursting node; on an always-on node it belongs. */
static void v5_distributed_database(void **state)
{
	struct scene *s = *state;

	scene_find(s, "oslo-1")->distributed_database = true;
	scene_join(s);
	assert_silent(s, "distributed_database");
	scene_find(s, "burst-1")->distributed_database = true;
	scene_join(s);
	assert_found(s, "distributed_database", "node burst-1");
}

/* RULE V5: a tag value that is not ours, at the address of a node. */
static void v5_tag_mismatch(void **state)
{
	struct scene *s = *state;

	scene_find(s, "burst-1")->instance.tag_value = "MGR.example.com";
	scene_join(s);
	assert_found(s, "tag_mismatch", "node burst-1");
	scene_find(s, "burst-1")->instance.tag_value = NULL; /* no tag: nobody said it were a bursting node */
	scene_join(s);
	assert_silent_about(s, "tag_mismatch");
	assert_found(s, "no_tagged_instance", "bursting");
}

/* RULE V5: the tag value `unknown`, or none. */
static void v5_tag_value_unknown(void **state)
{
	struct scene *s = *state;

	s->nodes[1].has_instance = false;
	(void)snprintf(s->settings.tag_value, sizeof(s->settings.tag_value), "unknown");
	scene_join(s);
	assert_found(s, "tag_value_unknown", "bursting");
	(void)snprintf(s->settings.tag_value, sizeof(s->settings.tag_value), "unknown.example.com");
	scene_join(s);
	assert_silent_about(s, "tag_value_unknown");
}

/* RULE V5: the public address differs from the static NAT address. */
static void v5_static_nat(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = scene_find(s, "burst-1");

	n->static_nat = "198.51.100.7";
	scene_join(s);
	assert_silent(s,
		      "static_nat_differs"); /* no public address at all: stopped, or behind something else */
	n->instance.elastic = true;
	n->instance.public_address = "198.51.100.7";
	scene_join(s);
	assert_silent(s, "static_nat_differs");
	n->instance.public_address = "198.51.100.8";
	scene_join(s);
	assert_found(s, "static_nat_differs", "node burst-1");
	assert_non_null(strstr(issue_seen(s, "static_nat_differs")->remedy, "\"follow\""));
}

/* A node whose static NAT shall follow needs no Elastic IP, and one without any static NAT differs too. */
static void v5_static_nat_that_follows(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = scene_find(s, "burst-1");

	n->instance.public_address = "198.51.100.8";
	s->wishes[s->n_wishes++] = (struct node_wish){
		.node = n->id, .follow_address = WISH_TRUE, .start_order = START_ORDER_NONE};
	scene_join(s);
	assert_found(s, "static_nat_differs", "node burst-1");
	assert_non_null(strstr(issue_seen(s, "static_nat_differs")->message, "not set"));
	n->static_nat = "198.51.100.8";
	scene_join(s);
	assert_no_issue(s);
	s->wishes[0].follow_address = WISH_NONE;
	scene_join(s);
	assert_found(s, "no_elastic_ip", "node burst-1");
}

/* RULE V5: no Elastic IP on a node with public media. */
static void v5_elastic(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = scene_find(s, "burst-1");

	n->instance.public_address = "198.51.100.7";
	n->instance.elastic = true;
	scene_join(s);
	assert_silent(s, "no_elastic_ip");
	n->instance.elastic = false;
	scene_join(s);
	assert_found(s, "no_elastic_ip", "node burst-1");
}

/* RULE V5: licence ports nearly used up: nine in ten. */
static void v5_licences(void **state)
{
	struct scene *s = *state;

	s->license_total = 100;
	s->license_used = 89;
	scene_join(s);
	assert_silent(s, "licenses_low");
	s->license_used = 90;
	scene_join(s);
	assert_found(s, "licenses_low", "infinity");
	s->license_total = 0; /* not licensed by ports */
	scene_join(s);
	assert_silent(s, "licenses_low");
}

/* RULE V5: instance types with 36 or more vCPU. */
static void v5_large_instances(void **state)
{
	static const struct {
		const char *type;
		const char *issue; /* NULL = none */
	} types[] = {
		{"c5.large", "small_instance"},
		{"c5.xlarge", "small_instance"},
		{"c5.2xlarge", NULL},
		{"c5.4xlarge", NULL},
		{"c5.9xlarge", "large_instance"},
		{"c5.18xlarge", "large_instance"},
		{"c4.8xlarge", "large_instance"},
		{"m5.8xlarge", NULL},
		{"c5.metal", "large_instance"},
		{"c6i.12xlarge", "large_instance"},
		{"strange", NULL},
		{"x.yxlarge", NULL},
	};
	struct scene *s = *state;

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		scene_find(s, "burst-1")->instance.type = types[i].type;
		scene_join(s);
		if (types[i].issue)
			assert_found(s, types[i].issue, "node burst-1");
		else
			assert_no_issue(s);
	}
}

/* RULE V5: the guide's limit itself, 36 vCPU. */
static void v5_the_first_large_instance(void **state)
{
	struct scene *s = *state;

	scene_find(s, "burst-1")->instance.type = "c5.8xlarge";
	scene_join(s);
	assert_silent(s, "large_instance");
	scene_find(s, "burst-1")->instance.type = "c5.9xlarge";
	scene_join(s);
	assert_found(s, "large_instance", "node burst-1");
}

/* RULE V5: shared tenancy. */
static void v5_tenancy(void **state)
{
	struct scene *s = *state;

	scene_find(s, "burst-1")->instance.tenancy = "host";
	scene_join(s);
	assert_silent(s, "shared_tenancy");
	scene_find(s, "burst-1")->instance.tenancy = "default";
	scene_join(s);
	assert_found(s, "shared_tenancy", "node burst-1");
}

/* --- the platform ---------------------------------------------------------------------------------------------- */

/* RULE S9: only where both would act. */
static void s9_two_controllers(void **state)
{
	struct scene *s = *state;

	s->infinity_bursting = true;
	s->settings.enabled = false;
	scene_join(s);
	assert_found(s, "infinity_bursts", "infinity");
	assert_silent_about(s, "two_controllers");
	s->settings.enabled = true;
	scene_join(s);
	assert_found(s, "two_controllers", "infinity");
	assert_silent_about(s, "infinity_bursts");
}

/* RULE V5: a whole read of EC2 without any tagged instance; not where another issue says why. */
static void v5_no_tagged_instance(void **state)
{
	struct scene *s = *state;

	scene_find(s, "burst-1")->has_instance = false;
	scene_find(s, "burst-1")->location = 1;
	s->ec2_partial = true;
	scene_join(s);
	assert_silent_about(s, "no_tagged_instance");
	s->ec2_partial = false;
	scene_join(s);
	assert_found(s, "no_tagged_instance", "bursting");
}

/* RULE D1: a source that cannot be read, in its own words. */
static void d1_a_source_in_trouble(void **state)
{
	struct scene *s = *state;

	s->sources[s->n_sources++] = (struct source){.name = "ec2:eu-west-2",
						     .kind = SOURCE_EC2,
						     .error = "AWS was not able to validate the credentials",
						     .error_id = "ec2_credentials",
						     .remedy = "Set a valid key."};
	scene_join(s);
	assert_found(s, "ec2_credentials", "ec2:eu-west-2");
	assert_string_equal(issue_seen(s, "ec2_credentials")->remedy, "Set a valid key.");
	s->sources[0].error_id = NULL; /* trouble without a name of its own */
	scene_join(s);
	assert_found(s, "source_error", "ec2:eu-west-2");
	s->sources[0].error = NULL;
	scene_join(s);
	assert_silent(s, "source_error");
}

static void d1_a_partial_read(void **state)
{
	struct scene *s = *state;

	scene_join(s);
	assert_silent(s, "infinity_partial");
	s->infinity_partial = true;
	scene_join(s);
	assert_found(s, "infinity_partial", "infinity");
	assert_non_null(strstr(issue_seen(s, "infinity_partial")->message, "3 of 4"));
}

/* --- nodes ----------------------------------------------------------------------------------------------------- */

/* RULE E5: a drain that never becomes idle is shown with what holds it. */
static void e5_what_holds_a_drain(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = scene_find(s, "burst-1");

	scene_join(s);
	scene_intent(s, n, INTENT_STOP, INTENT_WAITING);
	n->maintenance = true;
	(void)snprintf(n->reason, sizeof(n->reason), "burstd: controller: idle");
	scene_later(s, MINUTES);
	assert_silent(s, "drain_held");
	n->used_hd = 2;
	n->participants = 9;
	scene_later(s, MINUTES);
	assert_found(s, "drain_held", "node burst-1");
	assert_non_null(strstr(issue_seen(s, "drain_held")->message, "2 conference(s) and 9 participant(s)"));
}

/* RULE S9: other figures in Infinity matter while Infinity goes by them. */
static void s9_settings_that_differ(void **state)
{
	struct scene *s = *state;

	s->settings.enabled = false;
	s->infinity_threshold = s->settings.bursting_threshold + 1;
	s->infinity_lifetime = s->settings.minimum_lifetime_minutes;
	scene_join(s);
	assert_silent(s, "settings_differ");
	assert_int_equal(s->p->infinity_settings.threshold, s->infinity_threshold);
	s->infinity_bursting = true;
	scene_join(s);
	assert_int_equal(s->p->n_issues, 2); /* and that Infinity bursts */
	assert_found_among(s, "settings_differ");
	assert_string_equal(issue_seen(s, "settings_differ")->subject, "bursting_threshold");
	assert_non_null(issue_seen(s, "infinity_bursts"));
	s->infinity_threshold = 0;
	s->infinity_lifetime = 60;
	scene_join(s);
	assert_int_equal(s->p->n_issues, 2);
	assert_string_equal(issue_seen(s, "settings_differ")->subject, "minimum_lifetime_minutes");
	s->infinity_lifetime = 0;
	scene_join(s);
	assert_silent_about(s, "settings_differ");
}

static void an_operation_that_is_tried_again(void **state)
{
	struct scene *s = *state;
	struct intent *i;

	scene_join(s);
	i = scene_intent(s, scene_find(s, "burst-1"), INTENT_STOP, INTENT_WAITING);
	scene_later(s, MINUTES);
	assert_silent_about(s, "operation_retrying");
	(void)snprintf(i->error, sizeof(i->error), "a conference was placed on the node at the last moment");
	scene_later(s, MINUTES);
	assert_found(s, "operation_retrying", "node burst-1");
}

/* A halted operation waits for a person: by its node while there is one, else by its number. */
static void an_operation_that_is_halted(void **state)
{
	struct scene *s = *state;
	struct intent *i;

	scene_join(s);
	i = scene_intent(s, scene_find(s, "burst-1"), INTENT_RESIZE, INTENT_HALTED);
	(void)snprintf(i->error, sizeof(i->error), "c4.large is not offered in eu-west-2a");
	scene_later(s, MINUTES);
	assert_found(s, "operation_halted", "node burst-1");
	assert_int_equal(issue_seen(s, "operation_halted")->severity, SEVERITY_ERROR);
	i->node = 999; /* deleted by its own step */
	scene_later(s, MINUTES);
	assert_found(s, "operation_halted", "operation 1001");
	i->node = 0;
	i->kind = INTENT_CONFIGURE_PLATFORM;
	scene_later(s, MINUTES);
	assert_found(s, "operation_halted", "operation 1001");
	assert_non_null(strstr(issue_seen(s, "operation_halted")->message, "configure_platform"));
	i->state = INTENT_WORKING;
	scene_later(s, MINUTES);
	assert_found(s, "operation_retrying", "operation 1001");
	i->error[0] = '\0';
	scene_later(s, MINUTES);
	assert_silent(s, "operation_halted");
}

/* Between two steps of an operation nodes and instances do not fit together: nothing is lost. */
static void no_orphans_of_an_open_operation(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = scene_burst(s, "burst-2", INSTANCE_RUNNING);
	struct instance_tag tag = {TAG_OPERATION, "0e6c8d42-5d2b-4a41-9d2c-7a1f5f3f0a11"};
	struct infinity_report *infinity;
	struct ec2_report *tagged;
	struct intent *i;

	n->instance.tags = &tag;
	n->instance.n_tags = 1;
	infinity = scene_infinity(s, s->now);
	tagged = scene_ec2(s, true, s->now);
	infinity->n_nodes--; /* not configured yet */
	scene_join_reports(s, infinity, tagged, NULL);
	assert_found(s, "instance_without_node", "instance i-3");
	i = scene_intent(s, n, INTENT_DEPLOY_NODE, INTENT_WORKING);
	i->node = 0;
	scene_join_reports(s, infinity, tagged, NULL);
	assert_found(s, "instance_without_node", "instance i-3"); /* another operation's */
	(void)snprintf(i->token, sizeof(i->token), "%s", tag.value);
	scene_join_reports(s, infinity, tagged, NULL);
	assert_no_issue(s);
	i->token[0] = '\0';
	i->kind = INTENT_REMOVE; /* its node is deleted, its instance not terminated yet */
	(void)snprintf(i->instance, sizeof(i->instance), "i-3");
	scene_join_reports(s, infinity, tagged, NULL);
	assert_no_issue(s);
	infinity_report_free(infinity);
	ec2_report_free(tagged);

	i->node = n->id; /* and the reverse: its instance is not seen */
	n->has_instance = false;
	n->sync = SYNC_NEVER;
	scene_join(s);
	assert_null(issue_seen(s, "node_without_instance"));
	i->kind = INTENT_START;
	i->state = INTENT_STARTING;
	scene_join(s);
	assert_non_null(issue_seen(s, "node_without_instance"));
}

/* RULE E5: maintenance mode with our reason that no operation explains; an operator's own is nothing to tell. */
static void e5_left_over_maintenance_mode(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = scene_find(s, "burst-1");

	n->maintenance = true;
	(void)snprintf(n->reason, sizeof(n->reason), "disk replacement");
	scene_join(s);
	assert_silent(s, "maintenance_leftover");
	(void)snprintf(n->reason, sizeof(n->reason), "burstd: controller: idle");
	scene_join(s);
	assert_found(s, "maintenance_leftover", "node burst-1");
	scene_intent(s, n, INTENT_SHUT_DOWN, INTENT_HALTED);
	scene_join(s);
	assert_found(s, "operation_halted", "node burst-1");
	s->n_intents = 0;
	n->maintenance = false;
	n = scene_find(s, "oslo-1"); /* operations work on always-on nodes too */
	n->maintenance = true;
	(void)snprintf(n->reason, sizeof(n->reason), "burstd: resize");
	scene_join(s);
	assert_found(s, "maintenance_leftover", "node oslo-1");
}

static void drift_is_shown(void **state)
{
	struct scene *s = *state;

	s->wishes[s->n_wishes++] = (struct node_wish){.node = scene_find(s, "burst-1")->id,
						      .power = WISH_POWER_ON,
						      .start_order = START_ORDER_NONE};
	scene_join(s);
	assert_silent(s, "drift");
	s->wishes[0].power = WISH_POWER_OFF;
	scene_join(s);
	assert_found(s, "drift", "node burst-1");
	s->wishes[0].power = WISH_POWER_NONE;
	s->wishes[0].maintenance = WISH_TRUE;
	scene_join(s);
	assert_found(s, "drift", "node burst-1");
}

/* A proxying node may be smaller. */
static void v5_small_proxying_node(void **state)
{
	struct scene *s = *state;
	struct scene_node *n = scene_find(s, "burst-1");

	n->role = ROLE_PROXYING;
	n->instance.type = "c5.xlarge";
	scene_join(s);
	assert_silent_about(s, "small_instance");
	n->instance.type = "c5.large";
	scene_join(s);
	assert_found_among(s, "small_instance");
}

/* RULE V5: a node that takes far fewer calls than the guide's 17. */
static void v5_low_capacity(void **state)
{
	struct scene *s = *state;

	scene_find(s, "burst-1")->max_hd = 13;
	scene_join(s);
	assert_silent(s, "low_capacity");
	scene_find(s, "burst-1")->max_hd = 12;
	scene_join(s);
	assert_found(s, "low_capacity", "node burst-1");
}

/* RULE V5: an instance with our tag at whose addresses there is no Conferencing Node. */
static void v5_instance_without_node(void **state)
{
	struct scene *s = *state;
	struct infinity_report *infinity;
	struct ec2_report *tagged;

	scene_burst(s, "burst-2", INSTANCE_STOPPED);
	infinity = scene_infinity(s, s->now);
	tagged = scene_ec2(s, true, s->now);
	scene_join_reports(s, infinity, tagged, NULL);
	assert_silent(s, "instance_without_node");
	infinity->n_nodes--; /* it was deleted in Infinity */
	scene_join_reports(s, infinity, tagged, NULL);
	assert_found_among(s, "instance_without_node");
	assert_string_equal(issue_seen(s, "instance_without_node")->subject, "instance i-3");
	tagged->instances[1].state = INSTANCE_SHUTTING_DOWN;
	scene_join_reports(s, infinity, tagged, NULL);
	assert_silent_about(s, "instance_without_node");
	infinity_report_free(infinity);
	ec2_report_free(tagged);
}

/* RULE V5: a node that once had an instance, and one that waits among bursting nodes; an always-on one needs none. */
static void v5_node_without_instance(void **state)
{
	struct scene *s = *state;
	struct scene_node *waits = scene_node(s, "burst-2", SCENE_HD, 0);

	scene_join(s);
	assert_silent_about(s, "node_without_instance"); /* it is up, elsewhere */
	waits->sync = SYNC_SUSPENDED;
	s->ec2_partial = true; /* RULE D1: half a list proves nothing */
	scene_join(s);
	assert_silent_about(s, "node_without_instance");
	s->ec2_partial = false;
	scene_join(s);
	assert_found_among(s, "node_without_instance");
	assert_string_equal(issue_seen(s, "node_without_instance")->subject, "node burst-2");
	waits->location = 1;
	scene_find(s, "burst-1")->unlisted = true;
	scene_join(s);
	assert_string_equal(issue_seen(s, "node_without_instance")->subject, "node burst-1");
}

/* RULE V5: from two seconds on; below, the report has no offset. */
static void v5_clock_skew(void **state)
{
	struct scene *s = *state;
	struct infinity_report *infinity = scene_infinity(s, s->now);
	struct ec2_report *tagged = scene_ec2(s, true, s->now);

	infinity->server_offset = -3 * SECONDS;
	scene_join_reports(s, infinity, tagged, NULL);
	assert_found(s, "clock_skew", "infinity");
	assert_non_null(strstr(s->p->issues[0].message, "3 seconds behind"));
	assert_silent_about(s, "clock_far_off");
	infinity->server_offset = 5 * MINUTES;
	scene_join_reports(s, infinity, tagged, NULL);
	assert_found(s, "clock_far_off", "infinity");
	infinity->server_offset = 0;
	scene_join_reports(s, infinity, tagged, NULL);
	assert_silent(s, "clock_skew");
	infinity_report_free(infinity);
	ec2_report_free(tagged);
}

/* RULE V5: more than 60 nodes, and a wait that is too short for that. */
static void v5_replication(void **state)
{
	struct scene *s = *state;
	struct infinity_report *infinity = scene_infinity(s, s->now);
	struct infinity_node *many = arena_array(infinity->arena, 61, sizeof(*many));

	for (size_t i = 0; i < 61; i++) {
		many[i] = infinity->nodes[0];
		many[i].id = 1000 + (int64_t)i;
		many[i].name = arena_printf(infinity->arena, "node-%zu", i);
		many[i].address = arena_printf(infinity->arena, "10.9.0.%zu", i);
	}
	infinity->nodes = many;
	infinity->n_nodes = 60;
	scene_join_reports(s, infinity, NULL, NULL);
	assert_silent_about(s, "replication_slow");
	infinity->n_nodes = 61;
	scene_join_reports(s, infinity, NULL, NULL);
	assert_found_among(s, "replication_slow");
	s->settings.replication_wait_seconds = 180;
	scene_join_reports(s, infinity, NULL, NULL);
	assert_silent_about(s, "replication_slow");
	infinity_report_free(infinity);
}

/* What a survey found is an issue with the survey's age, and one that was not made yet finds nothing. */
static void survey_findings(void **state)
{
	struct scene *s = *state;
	struct survey *survey = survey_new("ec2:" SCENE_REGION, SCENE_NOW - 5 * MINUTES);
	struct survey *unmade = survey_new("infinity", 0);

	survey_find(survey, CHECK_SMALL_INSTANCE, "security group sg-1", "%s is closed", "tcp 443");
	survey_find(survey, CHECK_SMALL_INSTANCE, "security group sg-1", "again");
	s->surveys[0] = unmade;
	s->surveys[1] = survey;
	s->n_surveys = 2;
	scene_join(s);
	assert_found(s, "small_instance", "security group sg-1");
	assert_string_equal(s->p->issues[0].message, "tcp 443 is closed");
	assert_int_equal(s->p->issues[0].observed_at, SCENE_NOW - 5 * MINUTES);
	assert_int_equal(s->p->n_surveys, 2);
	assert_int_equal(s->p->surveys[0].observed_at, 0);
	survey_free(survey);
	survey_free(unmade);
}

/* An issue keeps the time at which it was first seen, as long as it lasts. */
static void since_when(void **state)
{
	struct scene *s = *state;

	scene_find(s, "burst-1")->instance.tenancy = "default";
	scene_join(s);
	scene_later(s, MINUTES);
	assert_int_equal(issue_seen(s, "shared_tenancy")->since, SCENE_NOW);
	scene_find(s, "burst-1")->instance.tenancy = "dedicated";
	scene_later(s, MINUTES);
	scene_find(s, "burst-1")->instance.tenancy = "default";
	scene_later(s, MINUTES);
	assert_int_equal(issue_seen(s, "shared_tenancy")->since, s->now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ISSUE_TEST(nothing_to_say),
		ISSUE_TEST(v5_threshold),
		ISSUE_TEST(v5_lead_of_a_schedule),
		ISSUE_TEST(s8_a_schedule_without_nodes),
		ISSUE_TEST(s8_a_schedule_without_a_zone),
		ISSUE_TEST(v5_threshold_of_the_smallest_node),
		ISSUE_TEST(v5_only_secondary),
		ISSUE_TEST(wishes_for_a_location),
		ISSUE_TEST(v5_mixed_location),
		ISSUE_TEST(v5_mixed_roles),
		ISSUE_TEST(v5_distributed_database),
		ISSUE_TEST(v5_tag_mismatch),
		ISSUE_TEST(v5_tag_value_unknown),
		ISSUE_TEST(v5_static_nat),
		ISSUE_TEST(v5_static_nat_that_follows),
		ISSUE_TEST(v5_elastic),
		ISSUE_TEST(v5_licences),
		ISSUE_TEST(v5_large_instances),
		ISSUE_TEST(v5_the_first_large_instance),
		ISSUE_TEST(v5_tenancy),
		ISSUE_TEST(v5_small_proxying_node),
		ISSUE_TEST(v5_low_capacity),
		ISSUE_TEST(v5_instance_without_node),
		ISSUE_TEST(v5_node_without_instance),
		ISSUE_TEST(v5_clock_skew),
		ISSUE_TEST(v5_replication),
		ISSUE_TEST(survey_findings),
		ISSUE_TEST(s9_two_controllers),
		ISSUE_TEST(s9_settings_that_differ),
		ISSUE_TEST(v5_no_tagged_instance),
		ISSUE_TEST(d1_a_source_in_trouble),
		ISSUE_TEST(d1_a_partial_read),
		ISSUE_TEST(e5_what_holds_a_drain),
		ISSUE_TEST(an_operation_that_is_tried_again),
		ISSUE_TEST(an_operation_that_is_halted),
		ISSUE_TEST(no_orphans_of_an_open_operation),
		ISSUE_TEST(e5_left_over_maintenance_mode),
		ISSUE_TEST(drift_is_shown),
		ISSUE_TEST(since_when),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

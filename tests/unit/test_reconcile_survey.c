/*
 * The surveys' steps: whom they ask about, what becomes of an answer, and that asking for permissions could do no harm even where
 * an endpoint did not know what a dry run is. RULE V5.
 */
#include "tests/unit/reconcile_fixture.h"

struct survey_rig {
	struct rig *g;
	struct infinity_survey_port infinity;
	struct ec2_survey_port ec2;
	struct placed_instance instances[4];
	size_t n_instances;
	const char *address[1];
	char asked[400]; /* addresses */
	char dry[200];   /* "start i-1, stop i-2, " */
	bool denied, wide, network_fails, platform_fails;
};

static bool platform(void *self, struct platform_report **ret, struct upstream_error *e)
{
	struct survey_rig *v = self;

	*e = rig_error(UPSTREAM_RETRY, "timeout");
	if (v->platform_fails)
		return false;
	*ret = platform_report_new(0);
	(*ret)->management_address = "10.9.9.9";
	(*ret)->n_dns = 0;
	(*ret)->n_ntp = 3;
	return true;
}

static bool network(void *self, const char *const *addresses, size_t n, struct network_report **ret,
		    struct upstream_error *e)
{
	struct survey_rig *v = self;

	v->asked[0] = '\0';
	for (size_t i = 0; i < n; i++)
		(void)snprintf(v->asked + strlen(v->asked), sizeof(v->asked) - strlen(v->asked), "%s ",
			       addresses[i]);
	*e = rig_error(UPSTREAM_RETRY, "timeout");
	if (v->network_fails)
		return false;
	*ret = network_report_new(0);
	(*ret)->instances = v->instances;
	(*ret)->n_instances = v->n_instances;
	return true;
}

static bool may(struct survey_rig *v, const char *deed, const char *id, struct upstream_error *e)
{
	bool tagged = false;

	for (size_t i = 0; i < v->n_instances; i++)
		tagged |= !strcmp(v->instances[i].id, id) && v->instances[i].tag_value;
	(void)snprintf(v->dry + strlen(v->dry), sizeof(v->dry) - strlen(v->dry), "%s %s, ", deed, id);
	if (tagged ? !v->denied : v->wide)
		return true;
	*e = rig_error(UPSTREAM_OPERATOR, "UnauthorizedOperation");
	return false;
}

static bool may_start(void *self, const char *id, struct upstream_error *e)
{
	return may(self, "start", id, e);
}

static bool may_stop(void *self, const char *id, struct upstream_error *e)
{
	return may(self, "stop", id, e);
}

static int setup(void **state)
{
	struct survey_rig *v = calloc(1, sizeof(*v));
	void *part;

	assert_non_null(v);
	rig_setup(&part);
	v->g = part;
	v->infinity = (struct infinity_survey_port){platform, v};
	v->ec2 = (struct ec2_survey_port){network, may_start, may_stop, v};
	v->address[0] = "10.1.0.4";
	*state = v;
	return 0;
}

static int teardown(void **state)
{
	struct survey_rig *v = *state;
	void *part = v->g;

	rig_teardown(&part);
	free(v);
	return 0;
}

static void add(struct survey_rig *v, const char *id, const char *tag, enum instance_state state)
{
	v->instances[v->n_instances++] = (struct placed_instance){.id = id,
								  .type = "c5.2xlarge",
								  .state = state,
								  .vpc = "",
								  .subnet = "",
								  .key_name = "key",
								  .tag_value = tag,
								  .addresses = v->address,
								  .n_addresses = 1};
}

static void survey(struct survey_rig *v)
{
	v->dry[0] = '\0';
	reconcile_survey_infinity(v->g->r, &v->infinity);
	assert_true(reconcile_survey_ec2(v->g->r, 0, &v->ec2));
	rig_control(v->g);
}

static const struct issue *issue_of(struct rig *g, const char *id)
{
	static struct issue copy;
	struct picture *p = reconciler_picture(g->r);
	const struct issue *ret = NULL;

	for (size_t i = 0; i < p->n_issues; i++)
		if (!strcmp(p->issues[i].id, id)) {
			copy = p->issues[i];
			ret = &copy;
		}
	picture_unref(p); /* the reconciler still holds it */
	return ret;
}

static void assert_found_issue(const struct survey_rig *v, const char *id)
{
	if (!issue_of(v->g, id))
		fail_msg("no issue %s", id);
}

static void assert_silent_issue(const struct survey_rig *v, const char *id)
{
	if (issue_of(v->g, id))
		fail_msg("%s: %s", id, issue_of(v->g, id)->message);
}

/* Nobody is known before Infinity was heard, and its survey has told the Management Node's address. */
static void whom_it_asks_about(void **state)
{
	struct survey_rig *v = *state;

	assert_false(reconcile_survey_ec2(v->g->r, 0, &v->ec2));
	rig_look(v->g);
	assert_false(reconcile_survey_ec2(v->g->r, 0, &v->ec2));
	survey(v);
	assert_string_equal(v->asked, "10.0.0.1 10.0.0.2 10.0.0.3 10.9.9.9 ");
	assert_found_issue(v, "no_dns_server");
}

/* A start is asked of what runs or has the tag, a stop of what is stopped: no call could be cut by either. */
static void questions_that_do_no_harm(void **state)
{
	struct survey_rig *v = *state;

	rig_look(v->g);
	add(v, "i-up", SCENE_TAG, INSTANCE_RUNNING);
	survey(v);
	assert_string_equal(v->dry, "start i-up, ");
	add(v, "i-foreign-up", NULL, INSTANCE_RUNNING);
	survey(v);
	assert_string_equal(v->dry, "start i-up, start i-foreign-up, ");
	v->n_instances = 0;
	add(v, "i-down", SCENE_TAG, INSTANCE_STOPPED);
	add(v, "i-foreign-down", "another", INSTANCE_STOPPED);
	add(v, "i-stopping", SCENE_TAG, INSTANCE_STOPPING);
	survey(v);
	assert_string_equal(v->dry, "start i-down, stop i-down, stop i-foreign-down, ");
	assert_int_equal(v->g->starts + v->g->stops, 0);
}

static void permissions(void **state)
{
	struct survey_rig *v = *state;

	rig_look(v->g);
	add(v, "i-1", SCENE_TAG, INSTANCE_STOPPED);
	add(v, "i-2", NULL, INSTANCE_RUNNING);
	survey(v);
	assert_silent_issue(v, "iam_start_denied");
	assert_silent_issue(v, "iam_stop_denied");
	assert_silent_issue(v, "iam_too_wide");
	v->denied = true;
	survey(v);
	assert_found_issue(v, "iam_start_denied");
	assert_found_issue(v, "iam_stop_denied");
	v->denied = false;
	v->wide = true;
	survey(v);
	assert_silent_issue(v, "iam_start_denied");
	assert_found_issue(v, "iam_too_wide");
}

/* What was found earlier does not stand in for a read that failed. */
static void a_failed_survey(void **state)
{
	struct survey_rig *v = *state;
	int64_t first = v->g->s->now;

	rig_look(v->g);
	survey(v);
	assert_int_equal(issue_of(v->g, "no_dns_server")->observed_at, first);
	v->platform_fails = v->network_fails = true;
	v->g->s->now += 60 * MINUTES;
	survey(v);
	assert_silent_issue(v, "no_dns_server");
	assert_found_issue(v, "check_not_made");
	assert_int_equal(issue_of(v->g, "check_not_made")->observed_at, v->g->s->now);
	v->platform_fails = v->network_fails = false;
	survey(v);
	assert_silent_issue(v, "check_not_made");
}

/* A Management Node in AWS, on shared hardware. */
static void add_management(struct survey_rig *v)
{
	static const char *address[] = {"10.9.9.9"};

	add(v, "i-mgr", NULL, INSTANCE_STOPPED);
	v->instances[v->n_instances - 1].type = "m5.xlarge";
	v->instances[v->n_instances - 1].tenancy = "default";
	v->instances[v->n_instances - 1].addresses = address;
}

static void asked_infinity(struct survey_rig *v, uint64_t times)
{
	struct upstream_tally *t = &reconciler_tallies(v->g->r)->infinity;

	counter_add(&t->requests[UPSTREAM_OK], times - 1);
	counter_add(&t->requests[UPSTREAM_RETRY], 1); /* a request is one however it ends */
}

/* The pace is that since it was last taken, over ten minutes at least; not known, it is no reason. */
static void pace_of_the_management_api(void **state)
{
	struct survey_rig *v = *state;

	rig_look(v->g);
	add_management(v);
	asked_infinity(v, 1000);
	v->g->s->now += 10 * MINUTES - 1;
	rig_look(v->g);
	survey(v);
	assert_silent_issue(v, "management_node_shared");
	v->g->s->now += 1;
	rig_look(v->g);
	survey(v);
	assert_found_issue(v, "management_node_shared");
	assert_non_null(strstr(issue_of(v->g, "management_node_shared")->message, "100 times a minute"));
	asked_infinity(v, 6800); /* not counted before the next window is over: 69 minutes, 98 a minute */
	v->g->s->now += 9 * MINUTES;
	rig_look(v->g);
	survey(v);
	assert_non_null(strstr(issue_of(v->g, "management_node_shared")->message, "100 times a minute"));
	v->g->s->now += 60 * MINUTES;
	rig_look(v->g);
	survey(v);
	assert_silent_issue(v, "management_node_shared");
}

static void look_and_survey(struct survey_rig *v)
{
	v->g->s->now += MINUTES;
	rig_look(v->g);
	survey(v);
}

/* The capacity is that of all transcoding nodes when they are up: those of bursting nodes that are stopped count. */
static void capacity_of_the_platform(void **state)
{
	struct survey_rig *v = *state;

	add_management(v);
	look_and_survey(v);
	assert_silent_issue(v, "management_node_shared");
	scene_find(v->g->s, "oslo-1")->max_hd = 100 - 2 * SCENE_HD;
	look_and_survey(v);
	assert_silent_issue(v, "management_node_shared");
	scene_find(v->g->s, "oslo-1")->max_hd++;
	look_and_survey(v);
	assert_found_issue(v, "management_node_shared");
	scene_find(v->g->s, "oslo-1")->role = ROLE_PROXYING;
	look_and_survey(v);
	assert_silent_issue(v, "management_node_shared");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(whom_it_asks_about), T(questions_that_do_no_harm),  T(permissions),
		T(a_failed_survey),    T(pace_of_the_management_api), T(capacity_of_the_platform),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

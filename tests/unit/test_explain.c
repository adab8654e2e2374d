/* Words and JSON of decisions: every reason has a sentence with its figures and a rule (design: no decision without one). */
#include "tests/unit/build_picture.h"

#include "fleet/explain.h"

static void a_start(struct build *b)
{
	build_principal(b, "Oslo", 4);
	build_overflow(b, "AWS burst");
	build_stopped(b, "burst-1")->resting = true;
	build_stopped(b, "burst-2");
	build_decide(b);
	b->p.evaluations = b->plan.evaluations;
	b->p.n_evaluations = b->plan.n_evaluations;
	b->p.refusals = b->plan.refusals;
	b->p.n_refusals = b->plan.n_refusals;
}

static void every_reason_has_words_and_a_rule(void **state)
{
	struct build *b = *state;
	char text[SENTENCE_SIZE];

	a_start(b);
	for (int i = 0; i < DECISION_REASON_COUNT; i++) {
		struct decision d = {.reason = (enum decision_reason)i, .location = 1, .node = 0};
		const char *rule = decision_reason_rule(d.reason);

		assert_ptr_equal(decision_sentence(&b->p, &d, text), text);
		assert_true(strlen(text) > 10);
		assert_true(strchr("SED", rule[0]) && rule[1] >= '1' && rule[1] <= '9' && !rule[2]);
		assert_true(decision_reason_slug(d.reason)[0]);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(decision_reason_slug(d.reason),
						decision_reason_slug((enum decision_reason)k));
	}
}

/* RULE V3: reason and figures. */
static void v3_the_figures_are_in_the_sentence(void **state)
{
	struct build *b = *state;
	char text[SENTENCE_SIZE];

	a_start(b);
	assert_string_equal(
		decision_sentence(&b->p, decision_on(b, "burst-2"), text),
		"Oslo has 4 free HD calls, its threshold is 5, and AWS burst has no node up or coming");
	assert_string_equal(evaluation_sentence(&b->p, &b->plan.evaluations[0], text),
			    decision_sentence(&b->p, decision_on(b, "burst-2"), (char[SENTENCE_SIZE]){0}));
}

static void assert_text(json_t *object, const char *key, const char *wanted)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text || strcmp(text, wanted))
		fail_msg("%s: wanted %s, it is %s", key, wanted, text ? text : "nothing");
}

static void assert_number(json_t *object, const char *key, double wanted)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_number(value) || json_number_value(value) < wanted || json_number_value(value) > wanted)
		fail_msg("%s: wanted %g, it is %g", key, wanted, json_number_value(value));
}

static void json_of_a_decision(void **state)
{
	struct build *b = *state;
	json_t *json, *figures;

	a_start(b);
	json = decision_json(&b->p, decision_on(b, "burst-2"));
	assert_text(json, "action", "start");
	assert_text(json, "rule", "S2");
	assert_text(json, "reason_code", "principal_short");
	assert_text(json, "node_name", "burst-2");
	assert_text(json, "location_name", "AWS burst");
	assert_number(json, "node", 102);
	assert_number(json, "location", 2);
	figures = json_object_get(json, "figures");
	assert_number(figures, "free_hd_calls", 0);
	assert_number(figures, "threshold", 5);
	assert_number(figures, "candidates", 1);
	assert_text(figures, "principal_location", "Oslo");
	assert_number(figures, "principal_free_hd_calls", 4);
	assert_number(figures, "minimum_lifetime_seconds", 3000);
	assert_true(json_is_null(json_object_get(figures, "up_seconds")));
	json_decref(json);
}

/* The distance to the next trigger, and the alternatives that were refused with their rule. */
static void json_of_an_evaluation(void **state)
{
	struct build *b = *state;
	json_t *json, *refused;

	build_principal(b, "Oslo", 45);
	build_overflow(b, "AWS burst");
	build_serving(b, "burst-1", NODE_HD)->started_at = NOW - 49 * MINUTES;
	build_decide(b);
	b->p.refusals = b->plan.refusals;
	json = evaluation_json(&b->p, &b->plan.evaluations[0]);
	assert_text(json, "action", "nothing");
	assert_text(json, "reason_code", "quiet");
	assert_number(json, "distance_hd_calls", 40);
	assert_text(json, "next_at", "2025-10-09T08:54:20.000Z");
	refused = json_array_get(json_object_get(json, "alternatives_refused"), 0);
	assert_text(refused, "node_name", "burst-1");
	assert_text(refused, "rule", "E2");
	assert_text(refused, "reason_code", "lifetime");
	assert_int_equal(json_array_size(json_object_get(json, "alternatives_refused")), 1);
	json_decref(json);
}

/* A node without a location, a location without a principal: null, not a guess. */
static void what_is_not_there(void **state)
{
	struct build *b = *state;
	struct decision d = {.reason = REASON_WISH_ON, .location = -1, .node = -1};
	char text[SENTENCE_SIZE];
	json_t *json;

	d.figures.principal = -1;
	d.figures.up_ms = -1;
	assert_string_equal(decision_sentence(&b->p, &d, text), "an operator wishes the node's power on");
	json = decision_json(&b->p, &d);
	assert_true(json_is_null(json_object_get(json, "node")));
	assert_true(json_is_null(json_object_get(json, "location_name")));
	assert_true(json_is_null(json_object_get(json_object_get(json, "figures"), "principal_location")));
	json_decref(json);
}

/* The longest name that Infinity allows cuts the sentence, never the memory behind it. */
static void long_names(void **state)
{
	struct build *b = *state;
	static char name[600];
	char text[SENTENCE_SIZE];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	a_start(b);
	b->locations[0].name = b->locations[1].name = name;
	for (int i = 0; i < DECISION_REASON_COUNT; i++) {
		struct decision d = {.reason = (enum decision_reason)i, .location = 1};

		assert_true(strlen(decision_sentence(&b->p, &d, text)) < SENTENCE_SIZE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BUILD_TEST(every_reason_has_words_and_a_rule),
		BUILD_TEST(v3_the_figures_are_in_the_sentence),
		BUILD_TEST(json_of_a_decision),
		BUILD_TEST(json_of_an_evaluation),
		BUILD_TEST(what_is_not_there),
		BUILD_TEST(long_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

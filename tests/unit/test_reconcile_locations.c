/* Operations on locations and the correction of drift, against fakes: crashes, lost answers, refusals, races with handlers. */
#include "tests/unit/reconcile_fixture.h"

#define OSLO  1
#define BURST 2

/* What a handler writes: an operation, as asked for by alice. */
static int64_t ask(struct rig *g, enum intent_kind kind, int64_t location, const struct location_change *c)
{
	struct intent i = {.kind = kind,
			   .state = INTENT_APPLYING,
			   .location = location,
			   .actor = "alice",
			   .reason = "Asked for by alice.",
			   .created_at = g->s->now,
			   .entered_at = g->s->now};

	if (c)
		i.change = *c;
	assert_ok(store_intent_add(g->store, &i, E));
	return i.id;
}

static struct location_change named(const char *name)
{
	struct location_change c = {.fields = LOCATION_NAME};

	(void)snprintf(c.name, sizeof c.name, "%s", name);
	return c;
}

static struct location_change linked(int64_t primary)
{
	return (struct location_change){.fields = LOCATION_PRIMARY, .overflow1 = primary};
}

static void wish(struct rig *g, int64_t location, struct location_change c)
{
	struct location_wish w;

	assert_ok(store_location_wish_get(g->store, location, &w, E));
	location_change_merge(&w.change, &c);
	w.refused[0] = '\0';
	(void)snprintf(w.actor, sizeof w.actor, "alice");
	assert_ok(store_location_wish_put(g->store, &w, E));
}

static struct intent operation(struct rig *g, int64_t id)
{
	struct intent i;

	assert_ok(store_intent_get(g->store, id, &i, E));
	return i;
}

/* The newest operation of all. */
static struct intent newest(struct rig *g)
{
	struct intent *rows = NULL, found = {.state = INTENT_STATE_COUNT};
	size_t n = 0;

	assert_ok(store_intents_page(g->store, 0, false, 0, 1, &rows, &n, E));
	if (n)
		found = rows[0];
	free(rows);
	return found;
}

static struct upstream_error refusal(int status, enum upstream_class class)
{
	struct upstream_error e;

	upstream_error_set(&e, class, status, "refused", "", "Mend it.", "Infinity says no (%d)", status);
	return e;
}

/* The location as the published picture has it; its name, "" = it is not there. */
static struct location_change shown(struct rig *g, int64_t id)
{
	struct picture *p = reconciler_picture(g->r);
	const struct location *l = picture_location(p, id);
	struct location_change c = {0};

	if (l)
		c = location_actual(p, l);
	picture_unref(p);
	return c;
}

/* --- making one --------------------------------------------------------------------------------------------------- */

static void intent_before_create(struct rig *g, const char *deed)
{
	struct intent i = newest(g);

	assert_string_equal(deed, "create location");
	assert_int_equal(i.state, INTENT_APPLYING);
	assert_int_equal(i.attempts, 1);
}

static void a_location_is_made(struct rig *g, int64_t *ret_operation)
{
	struct location_change c = named("Bergen");

	c.fields |= LOCATION_PRIMARY;
	c.overflow1 = BURST;
	rig_look(g);
	*ret_operation = ask(g, INTENT_LOCATION_CREATE, 0, &c);
}

static void create(void **state)
{
	struct rig *g = *state;
	struct location_wish w;
	struct intent i;
	int64_t id;

	a_location_is_made(g, &id);
	g->before = intent_before_create;
	rig_act(g);
	g->before = NULL;
	rig_control(g);
	i = operation(g, id);
	assert_int_equal(i.state, INTENT_DONE);
	assert_int_equal(i.location, 3);
	assert_int_equal(g->creates, 1);
	assert_int_equal(g->finds, 0); /* nothing to be uncertain about */
	assert_told(g, EVENT_SETTINGS, "alice", "", "Asked for by alice.");
	assert_string_equal(shown(g, 3).name, "Bergen"); /* before Infinity was read again */
	assert_ok(store_location_wish_get(g->store, 3, &w, E));
	assert_int_equal(w.change.fields, LOCATION_NAME | LOCATION_PRIMARY);
	assert_string_equal(w.actor, "alice");
	rig_later(g, 10 * SECONDS);
	assert_int_equal(g->updates, 0);
}

/* kill -9 after the intent and before the request: it is sent once. */
static void killed_before_the_request(void **state)
{
	struct rig *g = *state;
	int64_t id;

	a_location_is_made(g, &id);
	rig_crash(g);
	rig_later(g, 10 * SECONDS);
	assert_int_equal(g->creates, 1);
	assert_int_equal(operation(g, id).state, INTENT_DONE);
}

/* kill -9 within the request: the next start finds by name whether it arrived, and makes no second one. */
static void killed_within_the_request(struct rig *g, bool arrived)
{
	struct intent i, before;
	int64_t id;

	a_location_is_made(g, &id);
	before = i = operation(g, id);
	i.attempts = 1;
	i.next_at = g->s->now + 20 * SECONDS;
	assert_ok(store_intent_move(g->store, &i, before.state, before.attempts, E));
	if (arrived)
		rig_write_location(g, scene_location(g->s, ""), &i.change);
	rig_crash(g);
	rig_look(g);
	rig_act(g);
	assert_int_equal(g->creates + g->finds, 0); /* it gets the time to show */
	rig_later(g, 20 * SECONDS);
	assert_int_equal(g->finds, 1);
	assert_int_equal(g->creates, !arrived);
	assert_int_equal(operation(g, id).state, INTENT_DONE);
	assert_int_equal(operation(g, id).location, 3);
	assert_int_equal(g->s->n_locations, 3);
	assert_int_equal(rig_events(g, EVENT_SETTINGS, NULL), 1);
}

static void killed_and_it_arrived(void **state)
{
	killed_within_the_request(*state, true);
}

static void killed_and_it_did_not_arrive(void **state)
{
	killed_within_the_request(*state, false);
}

static void the_answer_is_lost(void **state)
{
	struct rig *g = *state;
	int64_t id;

	a_location_is_made(g, &id);
	g->location_error = rig_error(UPSTREAM_RETRY, "timeout");
	g->location_error.http_status = 0;
	g->answers_lost = true;
	rig_act(g);
	assert_int_equal(operation(g, id).state, INTENT_APPLYING);
	assert_non_null(strstr(operation(g, id).error, "timeout"));
	/* nor is it looked for before it may show */
	rig_later(g, 1 * SECONDS);
	assert_int_equal(g->finds, 0);
	rig_later(g, 30 * SECONDS);
	assert_int_equal(operation(g, id).state, INTENT_DONE);
	assert_int_equal(g->creates, 1);
	assert_int_equal(g->s->n_locations, 3);
	assert_told(g, EVENT_SETTINGS, "alice", "", "found by its name");
}

/* While nobody can be asked, nothing is sent either. */
static void no_look_no_second_try(void **state)
{
	struct rig *g = *state;
	int64_t id;

	a_location_is_made(g, &id);
	g->location_error = rig_error(UPSTREAM_RETRY, "timeout");
	rig_act(g);
	g->look_error = rig_error(UPSTREAM_RETRY, "away");
	for (int i = 0; i < 5; i++)
		rig_later(g, 60 * SECONDS);
	assert_int_equal(g->creates, 1);
	assert_true(g->finds > 1);
	g->look_error = g->location_error = (struct upstream_error){0};
	rig_later(g, 120 * SECONDS);
	assert_int_equal(g->creates, 2);
	assert_int_equal(operation(g, id).state, INTENT_DONE);
}

static void a_refused_creation_fails(void **state)
{
	static const struct {
		int status;
		enum upstream_class class;
	} cases[] = {{400, UPSTREAM_OPERATOR},
		     {401, UPSTREAM_OPERATOR},
		     {403, UPSTREAM_OPERATOR},
		     {409, UPSTREAM_OPERATOR}};
	struct rig *g = *state;

	rig_look(g);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct location_change c = named("Bergen");
		int64_t id = ask(g, INTENT_LOCATION_CREATE, 0, &c);

		g->location_error = refusal(cases[i].status, cases[i].class);
		rig_act(g);
		assert_int_equal(operation(g, id).state, INTENT_FAILED);
		assert_non_null(strstr(operation(g, id).error, "Infinity says no"));
		assert_told(g, EVENT_FAIL, "alice", "", "Infinity says no");
	}
	assert_int_equal(g->creates, (int)ARRAY_LEN(cases));
}

/* 429 and 5xx are no refusal: the same again, with growing pauses. */
static void what_may_pass_is_tried_again(void **state)
{
	struct rig *g = *state;
	int64_t id, first, second;
	struct location_change c = linked(0);

	rig_look(g);
	id = ask(g, INTENT_LOCATION_UPDATE, OSLO, &c);
	g->location_error = refusal(429, UPSTREAM_THROTTLED);
	rig_act(g);
	first = operation(g, id).next_at - g->s->now;
	assert_true(first > 0);
	rig_later(g, first);
	second = operation(g, id).next_at - g->s->now;
	assert_true(second > first);
	g->location_error = refusal(503, UPSTREAM_RETRY);
	rig_later(g, second);
	assert_int_equal(operation(g, id).state, INTENT_APPLYING);
	g->location_error = (struct upstream_error){0};
	rig_later(g, 120 * SECONDS);
	assert_int_equal(operation(g, id).state, INTENT_DONE);
	assert_int_equal(g->updates, 4);
}

/* --- changing one ------------------------------------------------------------------------------------------------- */

static void update(void **state)
{
	struct rig *g = *state;
	struct location_wish w;
	int64_t id;
	struct location_change c = linked(0);

	rig_look(g);
	assert_int_equal(shown(g, OSLO).overflow1, BURST);
	wish(g, OSLO, c);
	id = ask(g, INTENT_LOCATION_UPDATE, OSLO, &c);
	rig_act(g);
	rig_control(g);
	assert_int_equal(operation(g, id).state, INTENT_DONE);
	assert_int_equal(g->updates, 1);
	assert_int_equal(rig_location(g, OSLO)->overflow1, 0);
	assert_int_equal(shown(g, OSLO).overflow1, 0); /* before Infinity was read again */
	assert_ok(store_location_wish_get(g->store, OSLO, &w, E));
	assert_int_equal(w.applied_at, g->s->now);
	/* nothing is left to correct */
	for (int i = 0; i < 50; i++)
		rig_later(g, 10 * SECONDS);
	assert_int_equal(g->updates, 1);
}

/* A report whose read began before Infinity acknowledged the change shows the old link: it is not believed. */
static void an_older_report_changes_nothing(void **state)
{
	struct rig *g = *state;
	struct location_change c = linked(0);

	rig_look(g);
	wish(g, OSLO, c);
	(void)ask(g, INTENT_LOCATION_UPDATE, OSLO, &c);
	g->s->now += 10 * SECONDS;
	rig_act(g);
	rig_location(g, OSLO)->overflow1 = BURST; /* what the slow read saw */
	rig_look(g);                              /* begun at the same instant, so not after it */
	assert_int_equal(shown(g, OSLO).overflow1, 0);
	assert_int_equal(g->updates, 1);
}

static void drift_is_corrected(void **state)
{
	struct rig *g = *state;
	struct intent i;

	wish(g, OSLO, linked(BURST));
	rig_look(g);
	rig_act(g);
	assert_int_equal(g->updates, 0); /* as it is wished already */
	rig_location(g, OSLO)->overflow1 = 0;
	rig_later(g, 10 * SECONDS);
	assert_int_equal(g->updates, 1);
	assert_int_equal(rig_location(g, OSLO)->overflow1, BURST);
	i = newest(g);
	assert_int_equal(i.kind, INTENT_LOCATION_UPDATE);
	assert_string_equal(i.actor, "wish");
	assert_non_null(
		strstr(i.reason, "Oslo is not in Infinity what alice wished: primary_overflow_location"));
	assert_int_equal(i.change.fields, LOCATION_PRIMARY);
	/* somebody who insists is not fought at every read */
	for (int n = 0; n < 6; n++) {
		rig_location(g, OSLO)->overflow1 = 0;
		rig_later(g, 10 * SECONDS);
	}
	assert_int_equal(g->updates, 1);
	rig_later(g, 5 * 60 * SECONDS);
	assert_int_equal(g->updates, 2);
}

/* RULE D1: figures that are not fresh and whole tell no drift. */
static void doubt_corrects_nothing(void **state)
{
	struct rig *g = *state;

	rig_look(g);
	g->look_error = rig_error(UPSTREAM_RETRY, "away");
	g->s->now += 10 * 60 * SECONDS;
	wish(g, OSLO, linked(0));
	rig_control(g);
	rig_act(g);
	assert_int_equal(g->updates, 0);
	assert_int_equal(newest(g).state, INTENT_STATE_COUNT);
	g->look_error = (struct upstream_error){0};
	rig_later(g, 10 * SECONDS);
	assert_int_equal(g->updates, 1);
}

/* RULE S9: links stop nothing, so they are written while Infinity's own bursting is on, too. */
static void also_with_two_controllers(void **state)
{
	struct rig *g = *state;

	g->s->infinity_bursting = true;
	wish(g, OSLO, linked(0));
	rig_look(g);
	rig_act(g);
	assert_int_equal(g->updates, 1);
}

static void a_refused_wish_stays_and_rests(void **state)
{
	struct rig *g = *state;
	struct location_wish w;

	wish(g, OSLO, linked(0));
	g->location_error = refusal(403, UPSTREAM_OPERATOR);
	rig_look(g);
	rig_act(g);
	assert_int_equal(newest(g).state, INTENT_FAILED);
	assert_ok(store_location_wish_get(g->store, OSLO, &w, E));
	assert_int_equal(w.change.fields, LOCATION_PRIMARY);
	assert_non_null(strstr(w.refused, "Infinity says no (403)"));
	for (int i = 0; i < 60; i++)
		rig_later(g, 30 * SECONDS);
	assert_int_equal(g->updates, 1);
	g->location_error = (struct upstream_error){0};
	wish(g, OSLO, linked(0)); /* set again */
	rig_later(g, 10 * SECONDS);
	assert_int_equal(g->updates, 2);
	assert_ok(store_location_wish_get(g->store, OSLO, &w, E));
	assert_string_equal(w.refused, "");
}

/* A handler writes new values while the old ones are on their way: the operation is not closed over them. */
static void amended_meanwhile(struct rig *g, const char *deed)
{
	struct intent i, before;

	(void)deed;
	g->before = NULL;
	before = i = newest(g);
	i.change.overflow1 = BURST;
	i.attempts++;
	i.next_at = 0;
	assert_ok(store_intent_move(g->store, &i, before.state, before.attempts, E));
}

static void the_last_word_counts(void **state)
{
	struct rig *g = *state;
	struct location_change c = linked(0);
	int64_t id;

	rig_look(g);
	id = ask(g, INTENT_LOCATION_UPDATE, OSLO, &c);
	g->before = amended_meanwhile;
	rig_act(g);
	assert_int_equal(operation(g, id).state, INTENT_APPLYING);
	rig_later(g, 1 * SECONDS);
	assert_int_equal(operation(g, id).state, INTENT_DONE);
	assert_int_equal(rig_location(g, OSLO)->overflow1, BURST);
	assert_int_equal(g->updates, 2);
	assert_int_equal(rig_events(g, EVENT_SETTINGS, NULL), 1);
}

static void everything_released_sends_nothing(void **state)
{
	struct rig *g = *state;
	struct location_change c = {0};
	int64_t id;

	rig_look(g);
	id = ask(g, INTENT_LOCATION_UPDATE, OSLO, &c);
	rig_act(g);
	assert_int_equal(operation(g, id).state, INTENT_DONE);
	assert_int_equal(g->updates, 0);
	assert_int_equal(rig_events(g, EVENT_SETTINGS, NULL), 0);
}

static void the_location_is_gone(void **state)
{
	struct rig *g = *state;
	struct location_wish w;
	struct location_change c = linked(0);
	int64_t id;

	rig_look(g);
	wish(g, OSLO, c);
	id = ask(g, INTENT_LOCATION_UPDATE, OSLO, &c);
	g->location_error = refusal(404, UPSTREAM_OPERATOR);
	rig_act(g);
	assert_int_equal(operation(g, id).state, INTENT_ABANDONED);
	assert_ok(store_location_wish_get(g->store, OSLO, &w, E));
	assert_int_equal(w.change.fields, 0);
	assert_told(g, EVENT_CANCEL, "alice", "D3", "no longer configured");
}

/* --- deleting one ------------------------------------------------------------------------------------------------- */

/* An empty location with a wish and a threshold of its own. */
static int64_t empty_location(struct rig *g)
{
	int64_t id = scene_location(g->s, "Spare")->id;
	struct location_change c = named("Spare");

	wish(g, id, c);
	assert_ok(store_threshold_put(g->store, id, 9, E));
	rig_look(g);
	return id;
}

static void delete_one(void **state)
{
	struct rig *g = *state;
	struct location_threshold *t = NULL;
	struct location_wish w;
	int64_t spare = empty_location(g), id = ask(g, INTENT_LOCATION_DELETE, spare, NULL);
	size_t n = 9;

	rig_act(g);
	rig_control(g);
	assert_int_equal(operation(g, id).state, INTENT_DONE);
	assert_int_equal(g->deletes, 1);
	assert_null(rig_location(g, spare));
	assert_string_equal(shown(g, spare).name, ""); /* before Infinity was read again */
	assert_ok(store_location_wish_get(g->store, spare, &w, E));
	assert_int_equal(w.version, 0);
	assert_ok(store_thresholds(g->store, &t, &n, E));
	assert_int_equal(n, 0);
	free(t);
	assert_told(g, EVENT_SETTINGS, "alice", "", "Asked for by alice.");
}

static void a_lost_answer_to_a_deletion(void **state)
{
	struct rig *g = *state;
	int64_t id = ask(g, INTENT_LOCATION_DELETE, empty_location(g), NULL);

	g->location_error = rig_error(UPSTREAM_RETRY, "timeout");
	g->location_error.http_status = 0;
	g->answers_lost = true;
	rig_act(g);
	assert_int_equal(operation(g, id).state, INTENT_APPLYING);
	rig_later(g, 120 * SECONDS);
	assert_int_equal(operation(g, id).state, INTENT_DONE);
	assert_int_equal(g->deletes, 1); /* the look before the second try showed it gone */
}

/* What came in between: the last look refuses, whatever the picture said when it was asked for. */
static void the_last_look_refuses(void **state)
{
	struct rig *g = *state;
	int64_t spare = empty_location(g);
	int64_t id = ask(g, INTENT_LOCATION_DELETE, spare, NULL);

	rig_location(g, OSLO)->overflow2 = spare;
	rig_act(g);
	assert_int_equal(operation(g, id).state, INTENT_FAILED);
	assert_non_null(strstr(operation(g, id).error, "Oslo overflows into it"));
	rig_location(g, OSLO)->overflow2 = 0;
	scene_find(g->s, "oslo-1")->location = spare;
	id = ask(g, INTENT_LOCATION_DELETE, spare, NULL);
	rig_act(g);
	assert_non_null(strstr(operation(g, id).error, "oslo-1 is in it"));
	assert_int_equal(g->deletes, 0);
}

static void no_look_no_deletion(void **state)
{
	struct rig *g = *state;
	int64_t id = ask(g, INTENT_LOCATION_DELETE, empty_location(g), NULL);

	g->look_error = rig_error(UPSTREAM_RETRY, "away");
	rig_act(g);
	assert_int_equal(operation(g, id).state, INTENT_APPLYING);
	g->look_error = (struct upstream_error){0};
	g->s->infinity_partial = true;
	rig_later(g, 120 * SECONDS);
	assert_int_equal(operation(g, id).state, INTENT_APPLYING);
	assert_int_equal(g->deletes, 0);
	g->s->infinity_partial = false;
	rig_later(g, 120 * SECONDS);
	assert_int_equal(operation(g, id).state, INTENT_DONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(create),
		RIG_TEST(killed_before_the_request),
		RIG_TEST(killed_and_it_arrived),
		RIG_TEST(killed_and_it_did_not_arrive),
		RIG_TEST(the_answer_is_lost),
		RIG_TEST(no_look_no_second_try),
		RIG_TEST(a_refused_creation_fails),
		RIG_TEST(what_may_pass_is_tried_again),
		RIG_TEST(update),
		RIG_TEST(an_older_report_changes_nothing),
		RIG_TEST(drift_is_corrected),
		RIG_TEST(doubt_corrects_nothing),
		RIG_TEST(also_with_two_controllers),
		RIG_TEST(a_refused_wish_stays_and_rests),
		RIG_TEST(the_last_word_counts),
		RIG_TEST(everything_released_sends_nothing),
		RIG_TEST(the_location_is_gone),
		RIG_TEST(delete_one),
		RIG_TEST(a_lost_answer_to_a_deletion),
		RIG_TEST(the_last_look_refuses),
		RIG_TEST(no_look_no_deletion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

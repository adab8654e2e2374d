/* POST, PATCH and DELETE of locations: wishes, operations and what stands against them, without anyone who carries them out. */
#include "tests/unit/http_fixture.h"

#include "handlers/handlers.h"

#define OSLO   1 /* always on, bursts into BURST */
#define BURST  2 /* one bursting node, which serves */
#define OFFICE 3 /* empty; BURST is its secondary */
#define SPARE  4 /* empty, nobody's */

static struct picture *make_platform(int64_t seq)
{
	static const char *const names[] = {"Oslo", "AWS burst", "Office", "Spare"};
	struct picture *p = picture_empty(seq);

	p->infinity_at = NOW_MS;
	p->infinity_fresh = true;
	p->n_locations = ARRAY_LEN(names);
	p->locations = arena_array(p->arena, p->n_locations, sizeof *p->locations);
	p->n_nodes = 2;
	p->nodes = arena_array(p->arena, p->n_nodes, sizeof *p->nodes);
	for (size_t i = 0; i < p->n_locations; i++)
		p->locations[i] = (struct location){.id = (int64_t)i + 1,
						    .name = names[i],
						    .overflow1 = -1,
						    .overflow2 = -1,
						    .threshold = 5};
	p->nodes[0] = (struct node){.id = 10, .name = "oslo-1", .location = 0, .order = START_ORDER_NONE};
	p->nodes[1] = (struct node){.id = 20,
				    .name = "burst-1",
				    .location = 1,
				    .bursting = true,
				    .phase = PHASE_SERVING,
				    .order = START_ORDER_NONE};
	p->locations[0].n_nodes = p->locations[1].n_nodes = 1;
	p->locations[1].first_node = 1;
	p->locations[0].has_always_on = true;
	p->locations[1].n_bursting = 1;
	p->locations[0].overflow1 = 1;
	p->locations[2].overflow2 = 1;
	locations_judge(p->locations, p->n_locations);
	return p;
}

static int setup(void **state)
{
	static struct route_table routes;
	struct fixture *f;

	routes = handlers_routes();
	f = fixture_start(&routes, NULL);
	fixture_publish(f, make_platform(2));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fixture_stop(*state);
	return 0;
}

/* Asks, expects the status, gives the operation's id where there is one. */
static int64_t change(struct fixture *f, const char *method, const char *path, const char *body, int status)
{
	struct answer a = ask(f, method, path, NULL, body);
	int64_t id = json_integer_value(at(&a, "id"));

	expect(&a, status);
	answer_free(&a);
	return id;
}

static struct intent operation(struct fixture *f, int64_t id)
{
	struct intent i;
	struct error e;

	assert_int_equal(store_intent_get(fixture_store(f), id, &i, &e), ERR_OK);
	return i;
}

static size_t operations(struct fixture *f)
{
	struct intent *open = NULL;
	struct error e;
	size_t n = 0;

	assert_int_equal(store_intents_open(fixture_store(f), &open, &n, &e), ERR_OK);
	free(open);
	return n;
}

/* Another hand: the actor, or Infinity's word. */
static void move(struct fixture *f, int64_t id, enum intent_state to, int attempts)
{
	struct intent before = operation(f, id), i = before;
	struct error e;

	i.state = to;
	i.attempts = attempts;
	assert_int_equal(store_intent_move(fixture_store(f), &i, before.state, before.attempts, &e), ERR_OK);
}

static struct location_wish wish_of(struct fixture *f, int64_t location)
{
	struct location_wish w;
	struct error e;

	assert_int_equal(store_location_wish_get(fixture_store(f), location, &w, &e), ERR_OK);
	return w;
}

/* --- PATCH --------------------------------------------------------------------------------------------------------- */

static void a_wish_and_its_operation(void **state)
{
	struct fixture *f = *state;
	char where[200];
	struct answer a = ask(f, "PATCH", "/v1/locations/1", NULL,
			      "{\"primary_overflow_location\":null,\"name\":\"Oslo 2\"}");
	struct intent i;

	expect(&a, 202);
	assert_string_equal(answer_header(&a, "Location", where), "/v1/operations/1");
	assert_string_equal(text_at(&a, "kind"), "location_update");
	assert_string_equal(text_at(&a, "state"), "applying");
	assert_string_equal(text_at(&a, "waits_for"), "Infinity to accept the change of the location");
	assert_true(json_is_null(at(&a, "node")) && json_is_null(at(&a, "node_name")));
	assert_true(json_is_null(at(&a, "change.primary_overflow_location")));
	assert_string_equal(text_at(&a, "change.name"), "Oslo 2");
	answer_free(&a);
	i = operation(f, 1);
	assert_int_equal(i.change.fields, LOCATION_NAME | LOCATION_PRIMARY);
	assert_int_equal(i.location, OSLO);
	assert_string_equal(i.actor, "root");
	assert_int_equal(wish_of(f, OSLO).change.fields, LOCATION_NAME | LOCATION_PRIMARY);
	assert_int_equal(atomic_load(&f->wakes), 1);
	a = ask(f, "GET", "/v1/locations/1", NULL, NULL);
	assert_string_equal(text_at(&a, "name"), "Oslo"); /* as Infinity has it */
	assert_string_equal(text_at(&a, "wishes.name"), "Oslo 2");
	assert_int_equal(json_array_size(at(&a, "drift")), 2);
	assert_string_equal(text_at(&a, "drift.1.field"), "primary_overflow_location");
	assert_int_equal(json_integer_value(at(&a, "drift.1.actual")), BURST);
	assert_int_equal(json_integer_value(at(&a, "operation.id")), 1);
	answer_free(&a);
}

/* What is so already is wished without an operation; repeated, it is nothing at all. */
static void no_operation_for_what_is_so(void **state)
{
	struct fixture *f = *state;

	(void)change(f, "PATCH", "/v1/locations/1", "{\"primary_overflow_location\":2}", 200);
	assert_int_equal(wish_of(f, OSLO).version, 1);
	(void)change(f, "PATCH", "/v1/locations/1", "{\"primary_overflow_location\":2}", 200);
	assert_int_equal(wish_of(f, OSLO).version, 1);
	assert_int_equal(operations(f), 0);
	assert_int_equal(atomic_load(&f->wakes), 1);
}

/* The operation under way takes over the next wish; one that is being sent is not closed over it. */
static void the_next_wish_is_taken_over(void **state)
{
	struct fixture *f = *state;
	int64_t id = change(f, "PATCH", "/v1/locations/3", "{\"name\":\"A\"}", 202);

	move(f, id, INTENT_APPLYING, 1);
	assert_int_equal(change(f, "PATCH", "/v1/locations/3", "{\"description\":\"d\",\"name\":\"B\"}", 202),
			 id);
	assert_int_equal(operation(f, id).attempts, 2);
	assert_string_equal(operation(f, id).change.name, "B");
	assert_string_equal(operation(f, id).change.description, "d");
	/* the same once more leaves it alone */
	assert_int_equal(change(f, "PATCH", "/v1/locations/3", "{\"name\":\"B\"}", 202), id);
	assert_int_equal(operation(f, id).attempts, 2);
	/* what is released is not sent any more */
	(void)change(f, "PATCH", "/v1/locations/3", "{\"release\":[\"name\"]}", 202);
	assert_int_equal(operation(f, id).change.fields, LOCATION_DESCRIPTION);
	assert_int_equal(wish_of(f, OFFICE).change.fields, LOCATION_DESCRIPTION);
	/* back to what Infinity has: it may have got the other already, so it is sent all the same */
	(void)change(f, "PATCH", "/v1/locations/3", "{\"description\":\"\"}", 202);
	assert_int_equal(operation(f, id).change.fields, LOCATION_DESCRIPTION);
	assert_string_equal(operation(f, id).change.description, "");
	assert_int_equal(operations(f), 1);
}

static void a_refused_wish_set_again(void **state)
{
	struct fixture *f = *state;
	int64_t id = change(f, "PATCH", "/v1/locations/3", "{\"name\":\"A\"}", 202);
	struct location_wish w = wish_of(f, OFFICE);
	struct error e;
	struct answer a;

	move(f, id, INTENT_FAILED, 0);
	(void)snprintf(w.refused, sizeof w.refused, "no");
	assert_int_equal(store_location_wish_put(fixture_store(f), &w, &e), ERR_OK);
	a = ask(f, "GET", "/v1/locations/3", NULL, NULL);
	assert_string_equal(text_at(&a, "drift.0.refused"), "no");
	answer_free(&a);
	assert_int_equal(change(f, "PATCH", "/v1/locations/3", "{\"name\":\"A\"}", 202), id + 1);
	assert_string_equal(wish_of(f, OFFICE).refused, "");
}

static void fields_at_fault(void **state)
{
	static const struct {
		const char *body, *pointer;
	} bad[] = {
		{"{\"primary_overflow_location\":1}", "/primary_overflow_location"},
		{"{\"secondary_overflow_location\":9}", "/secondary_overflow_location"},
		{"{\"secondary_overflow_location\":2}", "/secondary_overflow_location"},
		{"{\"primary_overflow_location\":3,\"secondary_overflow_location\":3}",
		 "/secondary_overflow_location"},
		{"{\"primary_overflow_location\":1.5}", "/primary_overflow_location"},
		{"{\"name\":null}", "/name"},
		{"{\"name\":\"x \"}", "/name"},
		{"{\"name\":\" \"}", "/name"},
		{"{\"name\":\"\\u3000x\"}", "/name"},
		{"{\"description\":\"x\\u00a0\"}", "/description"},
		{"{\"description\":\"a\\u0007\"}", "/description"},
		{"{\"release\":\"name\"}", "/release"},
		{"{\"release\":[1]}", "/release/0"},
		{"{\"release\":[\"name\"],\"name\":\"x\"}", "/release/0"},
		{"{\"id\":7}", "/id"},
		{"{}", "/bursting_threshold"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		expect_problem(ask(f, "PATCH", "/v1/locations/1", NULL, bad[i].body), 400, "bad-request",
			       bad[i].pointer);
	expect_problem(ask(f, "PATCH", "/v1/locations/1", NULL, "{\"name\":\"Office\"}"), 409, "conflict",
		       "/name");
	assert_int_equal(wish_of(f, OSLO).version, 0);
	assert_int_equal(operations(f), 0);
}

/* The links that would be there in the end count, also when only one of them is in the request. */
static void both_links_in_the_end(void **state)
{
	struct fixture *f = *state;

	(void)change(f, "PATCH", "/v1/locations/1", "{\"primary_overflow_location\":3}", 202);
	expect_problem(ask(f, "PATCH", "/v1/locations/1", NULL, "{\"secondary_overflow_location\":3}"), 400,
		       "bad-request", "/secondary_overflow_location");
	/* taken back, Infinity's own link counts again */
	expect_problem(ask(f, "PATCH", "/v1/locations/1", NULL,
			   "{\"secondary_overflow_location\":2,\"release\":[\"primary_overflow_location\"]}"),
		       400, "bad-request", "/secondary_overflow_location");
}

/* --- POST ---------------------------------------------------------------------------------------------------------- */

static void one_of_a_name(void **state)
{
	struct fixture *f = *state;
	int64_t id = change(f, "POST", "/v1/locations",
			    "{\"name\":\"Bergen\",\"primary_overflow_location\":2}", 202);

	assert_int_equal(operation(f, id).kind, INTENT_LOCATION_CREATE);
	assert_int_equal(operation(f, id).location, 0);
	expect_problem(ask(f, "POST", "/v1/locations", NULL, "{\"name\":\"Bergen\"}"), 409, "conflict",
		       "/name");
	expect_problem(ask(f, "PATCH", "/v1/locations/3", NULL, "{\"name\":\"Bergen\"}"), 409, "conflict",
		       "/name");
	/* a name that is wished but not there yet is taken, too */
	(void)change(f, "PATCH", "/v1/locations/3", "{\"name\":\"Branch\"}", 202);
	expect_problem(ask(f, "POST", "/v1/locations", NULL, "{\"name\":\"Branch\"}"), 409, "conflict",
		       "/name");
	(void)change(f, "POST", "/v1/locations", "{\"name\":\"Other\"}", 202);
	assert_int_equal(operations(f), 3);
	/* after it has failed the name is free */
	move(f, id, INTENT_FAILED, 0);
	(void)change(f, "POST", "/v1/locations", "{\"name\":\"Bergen\"}", 202);
}

static void before_infinity_is_heard(void **state)
{
	struct fixture *f = *state;

	fixture_publish(f, picture_empty(3));
	expect_problem(ask(f, "POST", "/v1/locations", NULL, "{\"name\":\"Bergen\"}"), 503, "busy", NULL);
	expect_problem(ask(f, "DELETE", "/v1/locations/4", NULL, NULL), 404, "not-found", NULL);
}

/* --- DELETE -------------------------------------------------------------------------------------------------------- */

static void what_stands_against_a_deletion(void **state)
{
	struct fixture *f = *state;
	int64_t made;

	expect_problem(ask(f, "DELETE", "/v1/locations/1", NULL, NULL), 409, "conflict", NULL); /* a node */
	expect_problem(ask(f, "DELETE", "/v1/locations/9", NULL, NULL), 404, "not-found", NULL);
	/* a link that is only wished */
	(void)change(f, "PATCH", "/v1/locations/1", "{\"secondary_overflow_location\":3}", 202);
	expect_problem(ask(f, "DELETE", "/v1/locations/3", NULL, NULL), 409, "conflict", NULL);
	/* a link of a location that is only being made */
	made = change(f, "POST", "/v1/locations", "{\"name\":\"Bergen\",\"primary_overflow_location\":4}",
		      202);
	expect_problem(ask(f, "DELETE", "/v1/locations/4", NULL, NULL), 409, "conflict", NULL);
	move(f, made, INTENT_FAILED, 0);
	/* its own change */
	made = change(f, "PATCH", "/v1/locations/4", "{\"name\":\"Spare 2\"}", 202);
	expect_problem(ask(f, "DELETE", "/v1/locations/4", NULL, NULL), 409, "conflict", NULL);
	move(f, made, INTENT_FAILED, 0);
	(void)change(f, "DELETE", "/v1/locations/4", NULL, 202);
}

static void while_one_is_deleted(void **state)
{
	struct fixture *f = *state;
	int64_t id = change(f, "DELETE", "/v1/locations/4", NULL, 202);

	assert_int_equal(change(f, "DELETE", "/v1/locations/4", NULL, 202), id);
	assert_int_equal(operations(f), 1);
	expect_problem(ask(f, "PATCH", "/v1/locations/4", NULL, "{\"name\":\"x\"}"), 409, "conflict", NULL);
	expect_problem(ask(f, "PATCH", "/v1/locations/1", NULL, "{\"secondary_overflow_location\":4}"), 409,
		       "conflict", "/secondary_overflow_location");
	expect_problem(
		ask(f, "POST", "/v1/locations", NULL, "{\"name\":\"x\",\"primary_overflow_location\":4}"),
		409, "conflict", "/primary_overflow_location");
	expect_problem(ask(f, "POST", "/v1/operations/1/cancel", NULL, NULL), 409, "conflict", NULL);
	/* its own threshold is ours, and may still be set */
	(void)change(f, "PATCH", "/v1/locations/4", "{\"bursting_threshold\":7}", 200);
}

/* --- plans --------------------------------------------------------------------------------------------------------- */

/* Whether one of the plan's consequences has all these words. */
static bool says(const struct answer *a, const char *words)
{
	json_t *value;
	size_t i;

	json_array_foreach(at(a, "consequences"), i,
			   value) if (strstr(json_string_value(value), words)) return true;
	return false;
}

static void a_plan_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct answer a = ask(f, "PATCH", "/v1/locations/1?dry_run=true", NULL,
			      "{\"primary_overflow_location\":null,\"bursting_threshold\":9}");

	expect(&a, 200);
	assert_string_equal(text_at(&a, "kind"), "location_update");
	assert_true(json_is_null(at(&a, "operation")));
	assert_true(says(&a, "Oslo is no principal location any more"));
	assert_true(says(&a, "AWS burst has 1 node(s) up"));
	assert_true(
		says(&a, "AWS burst is nobody's primary overflow location any more")); /* RULES S5 and V5 */
	assert_int_equal(json_array_size(at(&a, "events")), 2);
	answer_free(&a);
	a = ask(f, "DELETE", "/v1/locations/4?dry_run=true", NULL, NULL);
	expect(&a, 200);
	assert_string_equal(text_at(&a, "changes.0.from.name"), "Spare");
	answer_free(&a);
	a = ask(f, "POST", "/v1/locations?dry_run=true", NULL,
		"{\"name\":\"X\",\"secondary_overflow_location\":2}");
	expect(&a, 200);
	assert_string_equal(text_at(&a, "changes.0.to.name"), "X");
	answer_free(&a);
	assert_int_equal(operations(f), 0);
	assert_int_equal(wish_of(f, OSLO).version, 0);
	assert_int_equal(atomic_load(&f->wakes), 0);
	a = ask(f, "GET", "/v1/history", NULL, NULL);
	assert_int_equal(json_array_size(at(&a, "items")), 0);
	answer_free(&a);
}

static void a_plan_of_a_new_principal(void **state)
{
	struct fixture *f = *state;
	struct picture *p = make_platform(3);
	struct answer a;

	p->locations[2].has_always_on = true;
	p->locations[0].overflow1 = -1; /* Oslo bursts nowhere, AWS burst is only Office's secondary */
	locations_judge(p->locations, p->n_locations);
	assert_true(p->locations[1].only_secondary);
	fixture_publish(f, p);
	a = ask(f, "PATCH", "/v1/locations/3?dry_run=true", NULL,
		"{\"primary_overflow_location\":2,\"secondary_overflow_location\":null}");
	expect(&a, 200);
	assert_true(says(&a, "Office becomes a principal location: burstd starts nodes of AWS burst"));
	assert_true(says(&a, "AWS burst has a principal location now"));
	answer_free(&a);
	/* RULE S5: a secondary link alone starts nothing */
	a = ask(f, "PATCH", "/v1/locations/1?dry_run=true", NULL, "{\"secondary_overflow_location\":2}");
	assert_int_equal(json_array_size(at(&a, "consequences")), 0);
	answer_free(&a);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_wish_and_its_operation),
		T(no_operation_for_what_is_so),
		T(the_next_wish_is_taken_over),
		T(a_refused_wish_set_again),
		T(fields_at_fault),
		T(both_links_in_the_end),
		T(one_of_a_name),
		T(before_infinity_is_heard),
		T(what_stands_against_a_deletion),
		T(while_one_is_deleted),
		T(a_plan_changes_nothing),
		T(a_plan_of_a_new_principal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

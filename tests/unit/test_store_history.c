/*
 * History: every filter against a plain model, pages that neither skip nor repeat, and the indexes that carry
 * them.
 */
#include "tests/unit/store_fixture.h"

#define NOW 1760000000000

static int64_t add(struct store *st, const struct event *ev)
{
	int64_t id = 0;

	assert_ok(store_event_add(st, ev, &id, E));
	return id;
}

static struct event plain_event(int64_t time)
{
	return (struct event){.time = time,
			      .type = EVENT_START,
			      .node = 7,
			      .node_name = "burst-1",
			      .location = 4,
			      .actor = "controller",
			      .reason = "because",
			      .rule = "S2"};
}

static void assert_event_equal(const struct event *a, const struct event *b)
{
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->time, b->time);
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->node, b->node);
	assert_string_equal(a->node_name, b->node_name);
	assert_int_equal(a->location, b->location);
	assert_string_equal(a->actor, b->actor);
	assert_string_equal(a->reason, b->reason);
	assert_string_equal(a->rule, b->rule);
	if (b->figures)
		assert_string_equal(a->figures, b->figures);
	else
		assert_null(a->figures);
	assert_int_equal(a->operation, b->operation);
}

static const struct history_filter everything = {.type = -1};

static void events_round_trip(void **state)
{
	struct fixture *f = *state;
	struct event added[EVENT_TYPE_COUNT];
	struct event *back = NULL;
	size_t n;

	for (int i = 0; i < EVENT_TYPE_COUNT; i++) {
		added[i] = plain_event(NOW + i);
		added[i].type = (enum event_type)i;
		added[i].figures = i % 2 ? "{\"free_hd_calls\":4}" : NULL;
		added[i].operation = i % 3;
		added[i].id = add(f->store, &added[i]);
	}
	assert_ok(store_events(f->store, &everything, 100, &back, &n, E));
	assert_int_equal(n, EVENT_TYPE_COUNT);
	for (int i = 0; i < EVENT_TYPE_COUNT; i++)
		assert_event_equal(&back[EVENT_TYPE_COUNT - 1 - i], &added[i]);
	store_events_free(back, n);
}

/* "%.40s" of a text of two-byte characters ends within one; the event must be one that JSON can hold all the same. */
static void a_reason_that_was_cut_is_mended(void **state)
{
	struct fixture *f = *state;
	struct event ev = plain_event(NOW);
	struct event *back = NULL;
	size_t n;

	ev.reason = "tag_value: \"\xc3\xa9\xc3 -> null\xc3";
	(void)add(f->store, &ev);
	assert_ok(store_events(f->store, &everything, 1, &back, &n, E));
	assert_string_equal(back[0].reason, "tag_value: \"\xc3\xa9? -> null");
	store_events_free(back, n);
}

static void event_without_texts(void **state)
{
	struct fixture *f = *state;
	struct event ev = {.time = NOW, .type = EVENT_SETTINGS};
	struct event *back = NULL;
	size_t n;

	add(f->store, &ev);
	assert_ok(store_events(f->store, &everything, 1, &back, &n, E));
	assert_string_equal(back[0].node_name, "");
	assert_string_equal(back[0].rule, "");
	assert_null(back[0].figures);
	store_events_free(back, n);
}

static void empty_history(void **state)
{
	struct fixture *f = *state;
	struct history_filter filter = {.type = -1, .since = 5, .until = 10};
	struct event *back = NULL;
	size_t n = 99;

	assert_ok(store_events(f->store, &everything, 10, &back, &n, E));
	assert_int_equal(n, 0);
	store_events_free(back, n);
	assert_ok(store_events(f->store, &filter, 10, &back, &n, E));
	assert_int_equal(n, 0);
	store_events_free(back, n);
}

/* --- the model ------------------------------------------------------------------------------------------ */

#define MODEL_EVENTS 400
static const char *const actors[] = {"controller", "alice", "outside"};

static bool matches(const struct event *ev, const struct history_filter *f)
{
	return (!f->node || ev->node == f->node) && (!f->location || ev->location == f->location) &&
	       (f->type < 0 || ev->type == (enum event_type)f->type) &&
	       (!f->actor || !strcmp(ev->actor, f->actor)) && (!f->since || ev->time >= f->since) &&
	       (!f->until || ev->time < f->until) && (!f->before || ev->id < f->before);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/*
 * Times mostly grow, sometimes by nothing, sometimes fall a little, and once far: a clock that was set back.
 */
static int64_t next_time(int64_t time, int i, uint32_t *seed)
{
	uint32_t r = next_random(seed) % 10;

	if (i == MODEL_EVENTS / 2)
		return time - 150;
	if (r == 0)
		return time - 7;
	return r < 3 ? time : time + r;
}

static void fill(struct store *st, struct event model[MODEL_EVENTS], uint32_t *seed)
{
	int64_t time = 1000;

	for (int i = 0; i < MODEL_EVENTS; i++) {
		model[i] = plain_event(time = next_time(time, i, seed));
		model[i].node = next_random(seed) % 4;
		model[i].location = next_random(seed) % 3;
		model[i].type = (enum event_type)(next_random(seed) % 3);
		model[i].actor = actors[next_random(seed) % 3];
		model[i].id = add(st, &model[i]);
	}
}

/* Pages through the filter's events, `limit` at a time, and holds each against the model. */
static void check_filter(struct store *st, const struct event model[MODEL_EVENTS], struct history_filter f,
			 int limit)
{
	int at = MODEL_EVENTS - 1;
	size_t n;

	do {
		struct event *page = NULL;

		assert_ok(store_events(st, &f, limit, &page, &n, E));
		assert_true(n <= (size_t)limit);
		for (size_t i = 0; i < n; i++, at--) {
			while (at >= 0 && !matches(&model[at], &f))
				at--;
			assert_true(at >= 0);
			assert_event_equal(&page[i], &model[at]);
		}
		if (n)
			f.before = page[n - 1].id;
		store_events_free(page, n);
	} while (n == (size_t)limit);
	while (at >= 0)
		assert_false(matches(&model[at--], &f));
}

static struct history_filter random_filter(int bits, uint32_t *seed)
{
	struct history_filter f = {.type = -1};

	if (bits & 1)
		f.node = 1 + next_random(seed) % 4;
	if (bits & 2)
		f.location = 1 + next_random(seed) % 3;
	if (bits & 4)
		f.type = (int)(next_random(seed) % 3);
	if (bits & 8)
		f.actor = actors[next_random(seed) % 3];
	if (bits & 16)
		f.since = 950 + next_random(seed) % 2000;
	if (bits & 32)
		f.until = 950 + next_random(seed) % 2000;
	return f;
}

static void every_filter_against_the_model(void **state)
{
	struct fixture *f = *state;
	struct event model[MODEL_EVENTS];
	uint32_t seed = 1;

	fill(f->store, model, &seed);
	for (int round = 0; round < 10; round++) {
		for (int bits = 0; bits < 64; bits++)
			check_filter(f->store, model, random_filter(bits, &seed), bits % 2 ? 7 : 500);
	}
}

static void paging_is_stable_while_rows_are_added(void **state)
{
	struct fixture *f = *state;
	struct history_filter filter = {.location = 4, .type = -1};
	struct event ev = plain_event(NOW);
	int64_t expected = 50;
	size_t n;

	for (int i = 0; i < 50; i++)
		add(f->store, &ev);
	do {
		struct event *page = NULL;

		assert_ok(store_events(f->store, &filter, 6, &page, &n, E));
		for (size_t i = 0; i < n; i++)
			assert_int_equal(page[i].id, expected--);
		if (n)
			filter.before = page[n - 1].id;
		store_events_free(page, n);
		add(f->store, &ev);
		ev.time -= 1000; /* also with a clock that goes back */
		add(f->store, &ev);
	} while (n);
	assert_int_equal(expected, 0);
}

/* --- the indexes ---------------------------------------------------------------------------------------- */

static void explain(sqlite3 *db, const char *sql, char *out, size_t size)
{
	char text[1024];
	sqlite3_stmt *statement = NULL;
	size_t len = 0;

	(void)snprintf(text, sizeof(text), "EXPLAIN QUERY PLAN %s", sql);
	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &statement, NULL), SQLITE_OK);
	out[0] = '\0';
	while (sqlite3_step(statement) == SQLITE_ROW && len < size)
		len += (size_t)snprintf(out + len, size - len, "%s; ",
					(const char *)sqlite3_column_text(statement, 3));
	assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
}

static void assert_plan(struct store *st, const char *sql, const char *wanted)
{
	char plan[512];

	explain(st->db, sql, plan, sizeof(plan));
	if (!strstr(plan, wanted) || strstr(plan, "SCAN") || strstr(plan, "TEMP B-TREE"))
		fail_msg("%s\n is done by: %s\n not by: %s", sql, plan, wanted);
}

/* In the order of HISTORY_SQL: the bits are node, location, type, actor. */
static const char *const wanted_plans[] = {
	"USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
	"event_by_actor (actor=? AND id>? AND id<?)",
	"event_by_type (type=? AND id>? AND id<?)",
	"event_by_type_actor (type=? AND actor=? AND id>? AND id<?)",
	"event_by_location (location=? AND id>? AND id<?)",
	"event_by_location_actor (location=? AND actor=? AND id>? AND id<?)",
	"event_by_location_type (location=? AND type=? AND id>? AND id<?)",
	"event_by_location_type_actor (location=? AND type=? AND actor=? AND id>? AND id<?)",
	"event_by_node (node=? AND id>? AND id<?)",
	"event_by_node (node=? AND id>? AND id<?)",
	"event_by_node (node=? AND id>? AND id<?)",
	"event_by_node (node=? AND id>? AND id<?)",
	"event_by_node (node=? AND id>? AND id<?)",
	"event_by_node (node=? AND id>? AND id<?)",
	"event_by_node (node=? AND id>? AND id<?)",
	"event_by_node (node=? AND id>? AND id<?)",
	"USING INTEGER PRIMARY KEY (rowid>?)",
	"SEARCH event", /* the end of the key, not all of it */
	"COVERING INDEX event_by_clock (clock>?)",
	"COVERING INDEX event_by_clock (clock<?)",
	"COVERING INDEX event_late (time<?)",
};

static void followers_miss_none(void **state)
{
	struct fixture *f = *state;
	struct event ev = {
		.time = 1, .type = EVENT_START, .node_name = "", .actor = "", .reason = "", .rule = ""};
	struct event *events;
	int64_t id;
	size_t n;

	assert_ok(store_event_newest(f->store, &id, E));
	assert_int_equal(id, 0);
	for (int i = 0; i < 5; i++)
		assert_ok(store_event_add(f->store, &ev, NULL, E));
	assert_ok(store_event_newest(f->store, &id, E));
	assert_int_equal(id, 5);
	assert_ok(store_events_after(f->store, 2, 2, &events, &n, E));
	assert_int_equal(n, 2);
	assert_true(events[0].id == 3 && events[1].id == 4);
	store_events_free(events, n);
	assert_ok(store_events_after(f->store, 5, 2, &events, &n, E));
	assert_int_equal(n, 0);
}

static void every_filter_has_its_index(void **state)
{
	struct fixture *f = *state;

	assert_true((size_t)store_history_sql.n > ARRAY_LEN(wanted_plans));
	for (size_t i = 0; i < ARRAY_LEN(wanted_plans); i++)
		assert_plan(f->store, store_history_sql.text[i], wanted_plans[i]);
}

static void every_other_page_has_its_index(void **state)
{
	struct fixture *f = *state;
	const struct sql_table *const pages[] = {&store_decisions_sql, &store_intents_sql,
						 &store_samples_sql};

	for (size_t t = 0; t < ARRAY_LEN(pages); t++) {
		for (int i = 0; i < pages[t]->n; i++) {
			/* Ordering the few open intents by id is no matter. */
			if (strstr(pages[t]->text[i], "LIMIT") && !strstr(pages[t]->text[i], "intent_open"))
				assert_plan(f->store, pages[t]->text[i], "SEARCH");
		}
	}
}

#define MANY 100000
/*
 * Steps of SQLite's machine for one page of 50; the figure of today is about 1,500, a scan would take
 * 500,000.
 */
#define MOST_STEPS 5000

static enum err many_tx(struct store *st, void *arg, struct error *e)
{
	static const enum event_type types[] = {EVENT_START, EVENT_STOP, EVENT_RUNNING, EVENT_DRAIN};
	enum err err = ERR_OK;

	(void)arg;
	for (int i = 0; i < MANY && !err; i++) {
		struct event ev = plain_event(NOW + i * 10 - (i % 50 == 0 ? 500 : 0));

		ev.node = 1 + i % 97;
		ev.location = 1 + i % 89;
		ev.type = i == 10 ? EVENT_LOST : types[i % 4];
		ev.actor = actors[i % 3];
		err = store_event_add(st, &ev, NULL, e);
	}
	return err;
}

static int steps(struct store *st, bool reset)
{
	int sum = 0;

	for (int i = 0; i < store_history_sql.n; i++)
		sum += sqlite3_stmt_status(st->statements[AGGREGATE_history][i], SQLITE_STMTSTATUS_VM_STEP,
					   reset);
	return sum;
}

static void assert_cheap(struct store *st, struct history_filter filter, size_t expected)
{
	struct event *page = NULL;
	size_t n;

	(void)steps(st, true);
	assert_ok(store_events(st, &filter, 50, &page, &n, E));
	assert_int_equal(n, expected);
	store_events_free(page, n);
	if (steps(st, false) > MOST_STEPS)
		fail_msg("%d steps: node %d location %d type %d actor %s since %d until %d", steps(st, false),
			 (int)filter.node, (int)filter.location, filter.type,
			 filter.actor ? filter.actor : "-", filter.since != 0, filter.until != 0);
}

/* `until` looks through the rows that came late (here 2 of 100) and are older, never through the table. */
static void assert_past_is_cheap(struct store *st)
{
	struct history_filter filter = {.type = -1, .location = 9, .until = NOW + MANY * 5};
	struct event *page = NULL;
	size_t n;

	(void)steps(st, true);
	assert_ok(store_events(st, &filter, 50, &page, &n, E));
	assert_int_equal(n, 50);
	store_events_free(page, n);
	assert_true(steps(st, false) < MOST_STEPS + MANY / 50 / 2 * 10);
}

static void a_page_costs_the_same_in_a_long_history(void **state)
{
	struct fixture *f = *state;
	const int64_t middle = NOW + MANY * 5;
	static const int64_t befores[] = {0, MANY / 2};

	assert_ok(store_tx(f->store, many_tx, NULL, E));
	for (size_t i = 0; i < ARRAY_LEN(befores); i++) {
		int64_t before = befores[i];

		assert_cheap(f->store, (struct history_filter){.type = -1, .before = before}, 50);
		assert_cheap(f->store, (struct history_filter){.type = -1, .node = 9, .before = before}, 50);
		assert_cheap(f->store, (struct history_filter){.type = -1, .location = 9, .before = before},
			     50);
		assert_cheap(f->store, (struct history_filter){.type = EVENT_STOP, .before = before}, 50);
		assert_cheap(f->store, (struct history_filter){.type = EVENT_LOST, .before = before}, 1);
		assert_cheap(f->store, (struct history_filter){.type = EVENT_FAIL, .before = before}, 0);
		assert_cheap(f->store,
			     (struct history_filter){.type = -1, .actor = "alice", .before = before}, 50);
		assert_cheap(f->store, (struct history_filter){.type = -1, .since = middle}, 50);
		assert_cheap(f->store, (struct history_filter){.type = -1, .since = middle + MANY * 50}, 0);
		assert_cheap(f->store, (struct history_filter){.type = -1, .location = 9, .since = middle},
			     50);
	}
	assert_past_is_cheap(f->store);
	assert_cheap(f->store, (struct history_filter){.type = -1, .node = 9, .actor = "alice"}, 50);
}

/* --- starts and stops of nodes --- */

static const struct node_event_filter all_of_nodes = {.type = -1};

/* Ids of a page and how many match in all, as "3: 7 5". */
static void assert_node_events(struct store *st, struct node_event_filter f, int64_t offset, int limit,
			       const char *wanted)
{
	struct event *events = NULL;
	int64_t total = -1;
	char got[200];
	size_t n = 0;
	int len;

	assert_ok(store_node_events(st, &f, offset, limit, &events, &n, &total, E));
	len = snprintf(got, sizeof(got), "%lld:", (long long)total);
	for (size_t i = 0; i < n; i++)
		len += snprintf(got + len, sizeof(got) - (size_t)len, " %lld", (long long)events[i].id);
	store_events_free(events, n);
	assert_string_equal(got, wanted);
}

static void add_node_event(struct store *st, enum event_type type, int64_t time, int64_t node,
			   const char *name)
{
	struct event ev = plain_event(NOW + time);

	ev.type = type;
	ev.node = node;
	ev.node_name = name;
	(void)add(st, &ev);
}

static void node_events_by_each_filter(void **state)
{
	struct fixture *f = *state;
	struct store *st = f->store;

	assert_node_events(st, all_of_nodes, 0, 10, "0:");
	add_node_event(st, EVENT_START, 0, 7, "burst-1");
	add_node_event(st, EVENT_SETTINGS, 10, 0, "");
	add_node_event(st, EVENT_RUNNING, 20, 7, "burst-1");
	add_node_event(st, EVENT_DRAIN, 30, 7, "burst-1");
	add_node_event(st, EVENT_STOP, 40, 7, "burst-1");
	add_node_event(st, EVENT_STOPPED, 50, 7, "burst-1");
	add_node_event(st, EVENT_START, 15, 8, "Burst-20"); /* 7: told late */
	assert_node_events(st, all_of_nodes, 0, 10, "4: 1 3 5 7");
	assert_node_events(st, all_of_nodes, 1, 2, "4: 3 5");
	assert_node_events(st, all_of_nodes, 4, 2, "4:");
	assert_node_events(st, (struct node_event_filter){.type = -1, .falling = true}, 0, 3, "4: 7 5 3");
	assert_node_events(st, (struct node_event_filter){.type = -1, .by_time = true}, 0, 9, "4: 1 7 3 5");
	assert_node_events(st, (struct node_event_filter){.type = -1, .by_time = true, .falling = true}, 1, 9,
			   "4: 3 7 1");
	assert_node_events(st, (struct node_event_filter){.type = EVENT_START}, 0, 9, "2: 1 7");
	assert_node_events(st, (struct node_event_filter){.type = -1, .node = 8}, 0, 9, "1: 7");
	assert_node_events(st, (struct node_event_filter){.type = -1, .name = "burst-1"}, 1, 1, "3: 3");
	assert_node_events(st, (struct node_event_filter){.type = -1, .name = "burst"}, 0, 9, "0:");
	assert_node_events(st, (struct node_event_filter){.type = -1, .contains = "bURST-2"}, 0, 9, "1: 7");
	assert_node_events(st, (struct node_event_filter){.type = -1, .contains = "%"}, 0, 9, "0:");
	assert_node_events(st, (struct node_event_filter){.type = -1, .since = NOW + 15, .until = NOW + 40},
			   0, 9, "2: 3 7");
}

static void a_node_event_by_its_id(void **state)
{
	struct fixture *f = *state;
	struct event *event = NULL;

	add_node_event(f->store, EVENT_STOP, 0, 7, "burst-1");
	add_node_event(f->store, EVENT_DRAIN, 0, 7, "burst-1");
	assert_ok(store_node_event_get(f->store, 1, &event, E));
	assert_int_equal(event->type, EVENT_STOP);
	assert_string_equal(event->node_name, "burst-1");
	store_events_free(event, 1);
	assert_int_equal(store_node_event_get(f->store, 2, &event, E), ERR_NOT_FOUND);
	assert_int_equal(store_node_event_get(f->store, 3, &event, E), ERR_NOT_FOUND);
}

/* Whatever the length of the history, the newest ones are what is looked at. */
static void node_events_of_a_long_history(void **state)
{
	struct fixture *f = *state;

	assert_ok(store_begin(f->store, E));
	for (int i = 0; i < NODE_EVENTS_WINDOW + 5; i++)
		add_node_event(f->store, i % 2 ? EVENT_START : EVENT_HOLD, i, 7, "burst-1");
	assert_ok(store_commit(f->store, E));
	assert_node_events(f->store, all_of_nodes, 0, 2, "5000: 6 8");
	assert_node_events(f->store, (struct node_event_filter){.type = -1, .falling = true}, 4999, 2,
			   "5000: 6");
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(events_round_trip),
		T(a_reason_that_was_cut_is_mended),
		T(event_without_texts),
		T(empty_history),
		T(every_filter_against_the_model),
		T(paging_is_stable_while_rows_are_added),
		T(followers_miss_none),
		T(every_filter_has_its_index),
		T(every_other_page_has_its_index),
		T(a_page_costs_the_same_in_a_long_history),
		T(node_events_by_each_filter),
		T(a_node_event_by_its_id),
		T(node_events_of_a_long_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The event sink: which events are duplicates, which wake the observer, and what a malformed post is told. */
#include "tests/unit/http_fixture.h"

#include "handlers/handlers.h"
#include "handlers/sink_memory.h"

/* --- the memory -------------------------------------------------------------------------------------------------- */

/* What becomes of one event. */
static enum sink_result take(struct sink_memory *m, const char *node, int64_t seq, double time, bool started)
{
	struct sink_event e = {.node = node, .seq = seq, .time = time, .started = started, .load = true};
	int64_t counts[SINK_RESULT_COUNT] = {0};

	sink_memory_take(m, &e, 1, counts);
	assert_int_equal(counts[SINK_ACCEPTED] + counts[SINK_DUPLICATE], 1);
	return counts[SINK_ACCEPTED] ? SINK_ACCEPTED : SINK_DUPLICATE;
}
#define IS_NEW(...)   assert_int_equal(take(m, __VA_ARGS__), SINK_ACCEPTED)
#define IS_AGAIN(...) assert_int_equal(take(m, __VA_ARGS__), SINK_DUPLICATE)

static void a_number_counts_once_at_each_node(void **state)
{
	_cleanup_(sink_memory_freep) struct sink_memory *m = sink_memory_new();

	(void)state;
	IS_NEW("a", 5, 100, false);
	IS_AGAIN("a", 5, 100, false);
	IS_AGAIN("a", 5, 101, false); /* a publisher that stamps its retries */
	IS_NEW("b", 5, 100, false);
	IS_NEW("a", 6, 101, false);
	IS_NEW("a", 8, 102, false);
	IS_NEW("a", 7, 101.5, false); /* out of order */
	IS_AGAIN("a", 7, 101.5, false);
	IS_AGAIN("a", 8, 102, false);
	IS_NEW("a", 0, 90, false);
	IS_AGAIN("a", 0, 90, false);
	for (int64_t seq = 9; seq < 5000; seq++) {
		IS_NEW("a", seq, 100 + (double)seq, false);
		IS_AGAIN("a", seq, 100 + (double)seq, false);
	}
	IS_NEW("a", 1000000, 9000, false); /* a gap as wide as you like */
	IS_NEW("a", 1000000 - SINK_WINDOW + 1, 8999, false);
	IS_AGAIN("a", 1000000 - SINK_WINDOW + 1, 8999, false);
}

static void started_begins_anew(void **state)
{
	_cleanup_(sink_memory_freep) struct sink_memory *m = sink_memory_new();

	(void)state;
	IS_NEW("a", 1, 100, true);
	IS_AGAIN("a", 1, 100, true);
	IS_NEW("a", 2, 100.5, false);
	IS_AGAIN("a", 1, 100, true); /* the same start again forgets nothing */
	IS_AGAIN("a", 2, 100.5, false);
	IS_NEW("a", 1, 103, true); /* another one does, also soon after */
	IS_NEW("a", 2, 103.5, false);
	IS_AGAIN("a", 2, 103.5, false);
	IS_NEW("b", 1, 0, true); /* without a time each is another one: a look too many, never one too few */
	IS_NEW("b", 2, 0, false);
	IS_NEW("b", 1, 0, true);
	IS_NEW("b", 2, 0, false);
}

/* eventsink_started may be filtered out, or lost. */
static void a_restart_is_seen_without_being_told(void **state)
{
	_cleanup_(sink_memory_freep) struct sink_memory *m = sink_memory_new();

	(void)state;
	IS_NEW("a", 5000, 100, false);
	IS_NEW("a", 5000 - SINK_WINDOW, 101, false); /* far below */
	IS_NEW("a", 1, 100, false);
	IS_NEW("a", 2, 100, false);
	IS_NEW("a", 3, 100, false);
	IS_AGAIN("a", 2, 100 + SINK_RESTART_SECONDS, false);
	IS_NEW("a", 2, 100.1 + SINK_RESTART_SECONDS, false); /* too late for what was sent before 3 */
	IS_AGAIN("a", 2, 100.1 + SINK_RESTART_SECONDS, false);
	IS_NEW("a", 3, 106, false);
	IS_AGAIN("a", 3, 0, false); /* no time proves nothing */
}

static void nodes_give_way_to_others(void **state)
{
	_cleanup_(sink_memory_freep) struct sink_memory *m = sink_memory_new();
	char name[SINK_NODE_SIZE];

	(void)state;
	for (int i = 0; i < SINK_NODES; i++) {
		(void)snprintf(name, sizeof name, "node %d", i);
		IS_NEW(name, 1, 100, false);
	}
	IS_AGAIN("node 0", 1, 100, false); /* now node 1 was silent longest */
	IS_NEW("one more", 1, 100, false);
	IS_AGAIN("node 0", 1, 100, false);
	IS_AGAIN("node 2", 1, 100, false);
	IS_NEW("node 1", 1, 100, false);
}

static void totals_add_up(void **state)
{
	_cleanup_(sink_memory_freep) struct sink_memory *m = sink_memory_new();
	const struct sink_event events[] = {{.node = "a", .seq = 1, .load = true},
					    {.node = "a", .seq = 1, .load = true},
					    {.node = "a", .seq = 2},
					    {.node = "b", .seq = 1, .load = true}};
	int64_t counts[SINK_RESULT_COUNT] = {0};

	(void)state;
	sink_memory_take(m, events, ARRAY_LEN(events), counts);
	assert_int_equal(counts[SINK_ACCEPTED], 2);
	assert_int_equal(counts[SINK_DUPLICATE], 1);
	assert_int_equal(counts[SINK_IGNORED], 1);
	IS_NEW("c", 1, 0, false);
	sink_memory_totals(m, counts);
	assert_int_equal(counts[SINK_ACCEPTED], 3);
}

/* --- over HTTP --------------------------------------------------------------------------------------------------- */

static int setup(void **state)
{
	static struct route_table table;

	table = handlers_routes();
	*state = fixture_start(&table, NULL);
	return 0;
}

static int teardown(void **state)
{
	fixture_stop(*state);
	return 0;
}

static void expect_told(struct fixture *f, const char *body, int accepted, int duplicate, int ignored,
			int hints)
{
	int before = atomic_load(&f->hints);
	struct answer a = ask(f, "POST", "/event-sink", NULL, body);

	expect(&a, 200);
	assert_int_equal(json_integer_value(at(&a, "accepted")), accepted);
	assert_int_equal(json_integer_value(at(&a, "duplicate")), duplicate);
	assert_int_equal(json_integer_value(at(&a, "ignored")), ignored);
	answer_free(&a);
	assert_int_equal(atomic_load(&f->hints) - before, hints);
	assert_int_equal(atomic_load(&f->wakes), 0);
}

#define ENVELOPE(seq, event) "{\"node\": \"10.0.1.10\", \"seq\": " seq ", \"event\": \"" event "\"}"
#define ENVELOPE_4           ENVELOPE("4", "brand_new_in_v50")
#define ENVELOPE_5           ENVELOPE("5", "participant_connected")
#define ENVELOPE_6           ENVELOPE("6", "participant_disconnected")
#define ENVELOPE_7           ENVELOPE("7", "conference_updated")
#define BULK(list)                                                                                           \
	"{\"node\": \"127.0.0.1\", \"seq\": 0, \"event\": \"eventsink_bulk\", \"data\": [" list "]}"

static void load_events_hint(void **state)
{
	static const char bulk[] = BULK(ENVELOPE_4 ", " ENVELOPE_5 ", " ENVELOPE_6 ", " ENVELOPE_7);
	struct fixture *f = *state;

	expect_told(f,
		    "{\"node\": \"10.0.1.10\", \"seq\": 1, \"version\": 2, \"time\": 1762246301.402118, "
		    "\"event\": \"eventsink_started\", \"data\": {}}",
		    1, 0, 0, 1);
	expect_told(f, ENVELOPE("2", "conference_started"), 1, 0, 0, 1);
	expect_told(f, ENVELOPE("2", "conference_started"), 0, 1, 0, 0);
	expect_told(f, ENVELOPE("3", "participant_media_stream_window"), 0, 0, 1, 0);
	expect_told(f, ENVELOPE_4, 0, 0, 1, 0);
	expect_told(f, bulk, 2, 1, 1, 1);
	expect_told(f, "{\"event\": \"eventsink_bulk\", \"data\": []}", 0, 0, 0, 0);
}

static void malformed_posts_change_nothing(void **state)
{
	static const struct {
		const char *body;
		const char *pointer;
	} bad[] = {
		{"[]", NULL},
		{"{", NULL},
		{"{}", "/event"},
		{"{\"event\": \"x\", \"seq\": 1}", "/node"},
		{"{\"event\": \"x\", \"node\": \"n\"}", "/seq"},
		{"{\"event\": \"x\", \"node\": \"n\", \"seq\": \"1\"}", "/seq"},
		{"{\"event\": \"x\", \"node\": \"n\", \"seq\": -1}", "/seq"},
		{"{\"event\": \"x\", \"node\": 7, \"seq\": 1}", "/node"},
		{"{\"event\": \"\", \"node\": \"n\", \"seq\": 1}", "/event"},
		{"{\"event\": \"x\", \"node\": \"n\", \"seq\": 1, \"time\": \"now\"}", "/time"},
		{"{\"event\": \"eventsink_bulk\"}", "/data"},
		{"{\"event\": \"eventsink_bulk\", \"data\": {}}", "/data"},
		{"{\"event\": \"eventsink_bulk\", \"data\": [7]}", "/data/0"},
		{BULK(ENVELOPE_5 ", {\"event\": \"x\", \"node\": \"n\"}"), "/data/1/seq"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		expect_problem(ask(f, "POST", "/event-sink", NULL, bad[i].body), 400, "bad-request",
			       bad[i].pointer);
	expect_problem(ask(f, "POST", "/event-sink", NULL, NULL), 400, "bad-request", NULL);
	assert_int_equal(atomic_load(&f->hints), 0);
	/* the good half of the last bulk was not taken either */
	expect_told(f, ENVELOPE_5, 1, 0, 0, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_counts_once_at_each_node),
		cmocka_unit_test(started_begins_anew),
		cmocka_unit_test(a_restart_is_seen_without_being_told),
		cmocka_unit_test(nodes_give_way_to_others),
		cmocka_unit_test(totals_add_up),
		TEST(load_events_hint),
		TEST(malformed_posts_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * A million events: what a page costs, in steps of SQLite's machine, for every combination of filters, at the newest end, in
 * the middle and at the oldest end, with values that nearly every row has and with values that hardly any has. No time is
 * measured; that is tests/bench.
 */
#include "tests/unit/store_fixture.h"

#ifdef __SANITIZE_THREAD__
#define EVENTS 100000 /* one thread: there is nothing to find that would be worth two minutes */
#define RARE   10000
#else
#define EVENTS 1000000
#define RARE   100000 /* one event in so many is of the rare type, or by the rare actor */
#endif
#define TEXT_OF(number) #number
#define TEXT(number)    TEXT_OF(number)
#define NODES           1000
#define LOCATIONS       3
#define PAGE            50
#define NOW             1700000000000LL

/*
 * Most steps of one page. Today the dearest takes 1,700. With a node and other filters all rows of the node may be looked at
 * (a thousand here). A scan would take millions.
 */
#define MOST_STEPS      3000
#define MOST_NODE_STEPS (MOST_STEPS + 12 * EVENTS / NODES)

static const char fill[] =
	"PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; PRAGMA cache_size = -262144; BEGIN;"
	"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " TEXT(
		EVENTS) ") "
			"INSERT INTO event (id, time, clock, type, node, node_name, location, actor, reason, "
			"rule, figures, "
			"operation) "
			"SELECT i, 1700000000000 + i * 1000 - iif(i % 10000 = 0, 5000, 0), 1700000000000 + i "
			"* 1000, "
			"CASE WHEN i % " TEXT(
				RARE) " = 7 THEN 'fail' WHEN i % 4 = 0 THEN 'start' WHEN i % 4 = 1 "
				      "THEN 'running' "
				      "WHEN i % 4 = 2 THEN 'stop' ELSE 'stopped' END, i % 1000 + 1, 'burst', "
				      "i % 3 + 1, "
				      "iif(i % " TEXT(RARE) " = 44, 'alice', 'controller'), 'because', 'S3', "
							    "NULL, i FROM n; "
							    "COMMIT";

static int million_setup(void **state)
{
	struct fixture *f;

	fixture_setup(state);
	f = *state;
	store_close(f->store);
	f->store = fixture_open(f); /* on disk: it is 300 MB */
	raw(f->store->db, fill);
	return 0;
}

static int64_t statistic(struct store *st, int what)
{
	int64_t sum = 0;

	for (int i = 0; i < store_history_sql.n; i++)
		sum += sqlite3_stmt_status(st->statements[AGGREGATE_history][i], what, true);
	return sum;
}

static void describe(const struct history_filter *f, char out[200])
{
	(void)snprintf(out, 200, "node %d location %d type %d actor %s since %lld until %lld before %lld",
		       (int)f->node, (int)f->location, f->type, f->actor ? f->actor : "-",
		       (long long)f->since, (long long)f->until, (long long)f->before);
}

static size_t check_page(struct store *st, const struct history_filter *f)
{
	struct event *page = NULL;
	int64_t most = f->node ? MOST_NODE_STEPS : MOST_STEPS, took;
	char words[200];
	size_t n;

	(void)statistic(st, SQLITE_STMTSTATUS_VM_STEP);
	(void)statistic(st, SQLITE_STMTSTATUS_FULLSCAN_STEP);
	(void)statistic(st, SQLITE_STMTSTATUS_SORT);
	assert_ok(store_events(st, f, PAGE, &page, &n, E));
	for (size_t i = 1; i < n; i++)
		assert_true(page[i].id < page[i - 1].id);
	store_events_free(page, n);
	describe(f, words);
	took = statistic(st, SQLITE_STMTSTATUS_VM_STEP);
	if (took > most)
		fail_msg("%lld steps: %s", (long long)took, words);
	if (statistic(st, SQLITE_STMTSTATUS_FULLSCAN_STEP) || statistic(st, SQLITE_STMTSTATUS_SORT))
		fail_msg("scanned or sorted: %s", words);
	return n;
}

/* Bits: node, location, type, actor, since, until; `rare`: the values that hardly any row has, or none together. */
static struct history_filter filter_of(unsigned bits, bool rare, int64_t before)
{
	struct history_filter f = {.type = -1, .before = before};

	if (bits & 1)
		f.node = 8;
	if (bits & 2)
		f.location = rare ? 2 : 1;
	if (bits & 4)
		f.type = rare ? EVENT_FAIL : EVENT_START;
	if (bits & 8)
		f.actor = rare ? "alice" : "controller";
	if (bits & 16)
		f.since = NOW + EVENTS / 4 * 1000LL;
	if (bits & 32)
		f.until = NOW + EVENTS / 4 * 3 * 1000LL;
	return f;
}

static void every_page_costs_the_same(void **state)
{
	static const int64_t befores[] = {0, EVENTS / 2, PAGE + 1}; /* first, middle and last page */
	struct fixture *f = *state;

	for (unsigned bits = 0; bits < 64; bits++)
		for (size_t at = 0; at < ARRAY_LEN(befores); at++) {
			struct history_filter often = filter_of(bits, false, befores[at]);
			struct history_filter rare = filter_of(bits, true, befores[at]);

			(void)check_page(f->store, &often);
			(void)check_page(f->store, &rare);
		}
	/* so that this means something: the pages are full, and the rare rows are found */
	assert_int_equal(check_page(f->store, &(struct history_filter){.type = -1}), PAGE);
	assert_int_equal(check_page(f->store, &(struct history_filter){.type = -1, .before = PAGE + 1}),
			 PAGE);
	assert_int_equal(check_page(f->store, &(struct history_filter){.type = EVENT_START,
								       .location = 1,
								       .actor = "controller"}),
			 PAGE);
	assert_int_equal(check_page(f->store, &(struct history_filter){.type = -1, .actor = "alice"}), 10);
	assert_int_equal(
		check_page(f->store,
			   &(struct history_filter){.type = EVENT_START, .location = 1, .actor = "alice"}),
		3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_page_costs_the_same, million_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

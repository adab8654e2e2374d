/*
 * Torture: the same piece of work with SQLite's first, second, third, ... allocation failing. Whatever fails,
 * it is an error with words, never a crash or a leak, and what was committed is whole.
 */
#include "tests/unit/store_fixture.h"

#include <sys/stat.h>

static sqlite3_mem_methods real_memory;
static long countdown;       /* the allocation that fails; 0 = none */
static long countdown_later; /* the same, counted from the end of store_open */

static bool fails_now(void)
{
	return countdown > 0 && --countdown == 0;
}

static void *failing_malloc(int size)
{
	return fails_now() ? NULL : real_memory.xMalloc(size);
}

static void *failing_realloc(void *memory, int size)
{
	return fails_now() ? NULL : real_memory.xRealloc(memory, size);
}

static int install(void **state)
{
	sqlite3_mem_methods failing;

	(void)state;
	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory) != SQLITE_OK)
		return -1;
	failing = real_memory;
	failing.xMalloc = failing_malloc;
	failing.xRealloc = failing_realloc;
	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &failing) != SQLITE_OK)
		return -1;
	return sqlite3_initialize() == SQLITE_OK ? 0 : -1;
}

static enum err write_tx(struct store *st, void *arg, struct error *e)
{
	int64_t nodes[] = {3, 4};
	struct hold h = {.nodes = nodes, .n_nodes = 2, .until = 9, .reason = "why", .owner = "alice"};
	struct intent in = {.kind = INTENT_START, .state = INTENT_STARTING, .node = 3, .node_name = "n"};
	struct event ev = {.time = 5, .type = EVENT_START, .location = 4, .actor = "alice", .reason = "why"};
	enum err err;

	(void)arg;
	if ((err = store_hold_add(st, &h, e)) || (err = store_intent_add(st, &in, e)))
		return err;
	return store_event_add(st, &ev, NULL, e);
}

static enum err read_back(struct store *st, struct error *e)
{
	struct history_filter filter = {.type = -1, .location = 4, .since = 1, .until = 10};
	struct hold *holds = NULL;
	struct event *events = NULL;
	struct track_table tracks = {0};
	char *secret = NULL;
	size_t n;
	enum err err;

	if ((err = store_holds(st, 1, &holds, &n, e)))
		return err;
	assert_int_equal(n, 1);
	assert_int_equal(holds[0].n_nodes, 2);
	store_holds_free(holds, n);
	if ((err = store_events(st, &filter, 10, &events, &n, e)))
		return err;
	assert_int_equal(n, 1);
	store_events_free(events, n);
	if ((err = store_settings_secret(st, SETTINGS_AWS, &secret, e)))
		return err;
	assert_string_equal(secret, "secret");
	secret_free(secret);
	if ((err = store_tracks(st, &tracks, e)))
		return err;
	track_table_free(&tracks);
	return ERR_OK;
}

static enum err work(const char *path, struct error *e)
{
	_cleanup_(store_closep) struct store *st = NULL;
	struct bursting_settings s = bursting_defaults;
	enum err err;

	s.version = 0;
	if ((err = store_open(path, fixture_key, &st, e)))
		return err;
	if (countdown_later)
		countdown = countdown_later;
	if ((err = store_settings_put(st, &s, &(struct settings_secrets){.text = {"secret"}}, NULL, e)) ||
	    (err = store_tx(st, write_tx, NULL, e)) || (err = store_writable(st, e)))
		return err;
	return read_back(st, e);
}

/* What is there after a failure is from before or after the transaction, nothing between. */
static void assert_whole(const struct fixture *f)
{
	struct store *st = fixture_open(f);
	int64_t holds = raw_number(st->db, "SELECT count(*) FROM hold");

	assert_true(holds == 0 || holds == 1);
	assert_int_equal(raw_number(st->db, "SELECT count(*) FROM hold_node"), 2 * holds);
	assert_int_equal(raw_number(st->db, "SELECT count(*) FROM intent"), holds);
	assert_int_equal(raw_number(st->db, "SELECT count(*) FROM event"), holds);
	store_close(st);
}

static void remove_database(const struct fixture *f)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
	char path[256];

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", f->path, suffixes[i]);
		(void)unlink(path);
	}
}

/* An empty database of the newest schema: to migrate one for every allocation of the work would take minutes. */
static void lay_database(const struct fixture *f)
{
	static char bytes[4 << 20];
	static size_t len;
	FILE *file;

	if (!len) {
		store_close(fixture_open(f));
		file = fopen(f->path, "r");
		assert_non_null(file);
		len = fread(bytes, 1, sizeof(bytes), file);
		(void)fclose(file);
		assert_true(len > 0 && len < sizeof(bytes));
	}
	remove_database(f);
	file = fopen(f->path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(f->path, 0600), 0);
}

/* The n-th allocation fails, counted from the start or from the end of store_open. Whether it was reached. */
static bool torture(const struct fixture *f, const char *path, long n, bool later)
{
	struct error e = {0};
	enum err err;
	bool reached;

	if (later && path == f->path)
		lay_database(f);
	countdown = later ? 0 : n;
	countdown_later = later ? n : 0;
	err = work(path, &e);
	reached = countdown == 0;
	countdown = countdown_later = 0;
	if (err) {
		/* A failure deep in a lock reads as "busy"; all others are ours. */
		assert_true(err == ERR_INTERNAL || err == ERR_BUSY);
		assert_int_equal(e.code, err);
		assert_true(strlen(e.detail) > 10);
	}
	assert_true(reached || !err);
	if (path == f->path) {
		assert_whole(f);
		remove_database(f);
	}
	return reached;
}

static void torture_all(const struct fixture *f, const char *path, bool later, long step, long least)
{
	long n = 1;

	while (torture(f, path, n, later))
		n += step;
	assert_true(n > least);
}

/* Most allocations of an open are one like the other: preparing statements. */
static void opening(void **state)
{
	torture_all(*state, ":memory:", false, 97, 1000);
}

static void opening_on_disk(void **state)
{
	struct fixture *f = *state;

	torture_all(f, f->path, false, 701, 1000);
}

static void working(void **state)
{
	torture_all(*state, ":memory:", true, 31, 50);
}

static void working_on_disk(void **state)
{
	struct fixture *f = *state;

	torture_all(f, f->path, true, 1, 50);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(opening),
		T(opening_on_disk),
		T(working),
		T(working_on_disk),
	};

	return cmocka_run_group_tests(tests, install, NULL);
}

/* The backup: whole and of one moment while threads write, private, never over another file, the original untouched. */
#include "tests/unit/store_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#define WRITERS 3
#define COPIES  20

struct writers {
	const char *path;
	atomic_bool stop;
	_Atomic int written;
	_Atomic int failures;
};

/* One event and one more in the threshold, in one transaction: a copy of one moment has as many of the one as of the other. */
static enum err write_pair(struct store *st, void *arg, struct error *e)
{
	struct event ev = {.time = 1, .type = EVENT_SETTINGS, .actor = "test", .reason = "x", .rule = ""};
	struct location_threshold *rows = NULL;
	size_t n = 0;
	int value;
	enum err err;

	(void)arg;
	if ((err = store_thresholds(st, &rows, &n, e)))
		return err;
	value = n ? rows[0].threshold : 0;
	free(rows);
	if ((err = store_threshold_put(st, 1, value + 1, e)))
		return err;
	return store_event_add(st, &ev, NULL, e);
}

static void *write_on(void *arg)
{
	struct writers *w = arg;
	struct store *st = NULL;

	if (store_open(w->path, fixture_key, &st, NULL)) {
		(void)atomic_fetch_add(&w->failures, 1);
		return NULL;
	}
	while (!atomic_load(&w->stop)) {
		if (store_tx(st, write_pair, NULL, NULL))
			(void)atomic_fetch_add(&w->failures, 1);
		else
			(void)atomic_fetch_add(&w->written, 1);
	}
	store_close(st);
	return NULL;
}

/* Opens a copy as SQLite sees it, without the store. */
static int64_t number_in(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	int64_t value;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	value = raw_number(db, sql);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return value;
}

static void copies_are_of_one_moment(void **state)
{
	struct fixture *f = *state;
	struct store *st = fixture_open(f);
	struct writers w = {.path = f->path};
	pthread_t threads[WRITERS];
	char path[260];

	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_on, &w), 0);
	while (atomic_load(&w.written) == 0 && atomic_load(&w.failures) == 0)
		(void)usleep(1000);
	for (int i = 0; i < COPIES; i++) {
		int before = atomic_load(&w.written);
		struct store_backup made = {0};
		int64_t events;

		(void)snprintf(path, sizeof(path), "%s/copy-%d", f->dir, i);
		assert_ok(store_backup(f->path, path, &made, E));
		assert_int_equal(made.schema, store_schema_latest());
		events = number_in(path, "SELECT count(*) FROM event");
		assert_int_equal(number_in(path, "SELECT threshold FROM location_threshold"), events);
		assert_true(events >= before);
	}
	atomic_store(&w.stop, true);
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(w.failures, 0);
	assert_int_equal(raw_number(st->db, "SELECT count(*) FROM event"), w.written);
	store_close(st);
}

static void the_copy_is_a_database(void **state)
{
	struct fixture *f = *state;
	struct store *st = fixture_open(f), *copy = NULL;
	struct store_backup made = {0};
	struct stat info;
	char path[260];
	int schema = 0;

	assert_ok(store_tx(st, write_pair, NULL, E));
	(void)snprintf(path, sizeof(path), "%s/copy", f->dir);
	assert_ok(store_backup(f->path, path, &made, E));
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0600);
	assert_int_equal(info.st_size, made.bytes);
	assert_ok(store_inspect(path, &schema, E));
	assert_int_equal(schema, store_schema_latest());
	assert_ok(store_open(path, fixture_key, &copy, E));
	assert_ok(store_tx(copy, write_pair, NULL, E));
	assert_int_equal(raw_number(copy->db, "SELECT threshold FROM location_threshold"), 2);
	assert_int_equal(raw_number(st->db, "SELECT threshold FROM location_threshold"), 1);
	store_close(copy);
	store_close(st);
}

static void what_is_there_stays(void **state)
{
	struct fixture *f = *state;
	struct store *st = fixture_open(f);
	struct store_backup made = {0};
	struct error e = {0};
	char path[260];

	(void)snprintf(path, sizeof(path), "%s/copy", f->dir);
	assert_ok(store_backup(f->path, path, &made, E));
	assert_int_equal(store_backup(f->path, path, &made, &e), ERR_INTERNAL);
	assert_non_null(strstr(e.detail, "exists already"));
	assert_int_equal(store_backup(f->path, f->path, &made, &e), ERR_INTERNAL);
	(void)snprintf(path, sizeof(path), "%s/nowhere/copy", f->dir);
	assert_int_equal(store_backup(f->path, path, &made, &e), ERR_INTERNAL);
	assert_int_equal(store_backup(path, "unused", &made, &e), ERR_INTERNAL);
	assert_int_equal(access("unused", F_OK), -1);
	store_close(st);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(copies_are_of_one_moment),
		T(the_copy_is_a_database),
		T(what_is_there_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

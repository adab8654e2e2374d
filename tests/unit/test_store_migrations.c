/*
 * Opening: every older schema becomes the newest one with its rows; newer and foreign databases are refused.
 */
#include "tests/unit/store_fixture.h"

#include <pthread.h>

#include "store/migrations.h"

/*
 * Rows as they were in the first version that could hold them: the last one with `from` <= n fills version n.
 * A migration that adds or changes a table adds a row here. Each fills every table of its version.
 */
#define FIRST                                                                                                \
	"INSERT INTO settings (id, enabled, mode, tag_value, bursting_threshold, minimum_lifetime_minutes, " \
	"poll_infinity_seconds, poll_ec2_seconds, start_timeout_minutes, replication_wait_seconds, "         \
	"refused_rest_minutes, node_capacity_hd, approaching_margin_hd, aws_access_key_id, aws_secret, "     \
	"version) VALUES (1, 1, 'control', 'manager', 6, 51, 11, 16, 12, 91, 6, 18, 3, "                     \
	"'AKIA', x'00ff', 4);"                                                                               \
	"INSERT INTO location_threshold VALUES (4, 9);"                                                      \
	"INSERT INTO wish (node, power, maintenance, start_order, actor, version) VALUES (7, 'on', 0, 3, "   \
	"'alice', 2), (8, NULL, NULL, NULL, 'bob', 1);"                                                      \
	"INSERT INTO hold VALUES (5, 4, 2, 1000, 'why', 'alice', 900, 0), (6, 0, 0, 2000, 'why', 'bob', "    \
	"900, 1);"                                                                                           \
	"INSERT INTO hold_node VALUES (6, 0, 7), (6, 1, 8);"                                                 \
	"INSERT INTO track VALUES (7, 'i-1', 'eu-north-1', 'serving', 1, 'running', 2, 3, 4, 5, 6, 7, "      \
	"'x', 8, 17);"                                                                                       \
	"INSERT INTO intent (id, token, kind, state, node, node_name, location, instance, region, actor, "   \
	"rule, "                                                                                             \
	"reason, figures, force, via_infinity, maintenance, attempts, created_at, entered_at, next_at, "     \
	"maintenance_at, closed_at, error) VALUES (3, '00000000-0000-4000-8000-000000000000', 'stop', "      \
	"'waiting', 7, "                                                                                     \
	"'n', 4, 'i-1', 'r', "                                                                               \
	"'controller', 'E5', 'why', '{}', 0, 0, 0, 1, 10, 11, 12, 13, 0, '');"                               \
	"INSERT INTO event VALUES (9, 50, 50, 'start', 7, 'n', 4, 'alice', 'why', 'S7', '{}', 3), "          \
	"(10, 40, 50, 'stop', 7, 'n', 4, 'alice', 'why', 'E7', NULL, 3);"                                    \
	"INSERT INTO decision VALUES (2, 60, 4, 7, 'start', 'S2', '{}');"                                    \
	"INSERT INTO token VALUES (1, 'admin', 'admin', printf('%064d', 0), 70, 0, 0);"

#define THIRD                                                                                                \
	FIRST                                                                                                \
	"INSERT INTO idempotency VALUES ('admin', 'k', printf('%064d', 0), 80, 201, 'application/json', "    \
	"'/v1/holds/5', '', x'00');"

#define FOURTH                                                                                               \
	THIRD "INSERT INTO schedule VALUES (1, 'mornings', 1, 4, 2, '', 31, 28800, 36000, 'Europe/Oslo', "   \
	      "10, 0, 0, '20454 20455', '', 90);"                                                            \
	      "INSERT INTO schedule_firing VALUES (1, 95, 5), (1, 96, NULL);"

#define FIFTH                                                                                                \
	FOURTH "INSERT INTO sample VALUES (90, 4, 5, 17, 5, NULL, 0, 1, 0, 1, 0, 0, 0);"                     \
	       "INSERT INTO sample_mean VALUES (80, 4, 10, 5.5, 5, 6, 17.0, 5, 40.5, NULL, NULL, NULL, "     \
	       "NULL, NULL, NULL, NULL);"

#define SIXTH FIFTH "INSERT INTO location_wish VALUES (4, NULL, 'far', 0, 5, 'alice', '', 90, 2);"

#define SEVENTH                                                                                              \
	SIXTH "INSERT INTO acknowledgement VALUES (3, 'shared_tenancy', 'node n', 'why', 'alice', 90, 95);"

#define EIGHTH                                                                                               \
	SEVENTH "INSERT INTO intent VALUES (4, '00000000-0000-4000-8000-000000000001', 'deploy_node', "      \
		"'working', 0, 'new', 4, '', 'eu-west-1', 'alice', '', 'why', '', 0, 0, 0, 1, 10, 11, 12, "  \
		"0, 0, '', NULL, NULL, NULL, NULL);"                                                         \
		"INSERT INTO operation_value VALUES (4, 'subnet', 'subnet-1', NULL), (4, 'ssh_password', "   \
		"NULL, x'00');"                                                                              \
		"INSERT INTO operation_step VALUES (4, 0, 'check', 'running', 1, 11, 0, '', '');"

static const struct {
	int from;
	const char *sql;
} fillings[] = {
	{1, FIRST}, {3, THIRD}, {4, FOURTH}, {5, FIFTH}, {6, SIXTH}, {7, SEVENTH}, {8, EIGHTH},
};

static const char *filling_of(int version)
{
	const char *sql = NULL;

	for (size_t i = 0; i < ARRAY_LEN(fillings); i++) {
		if (fillings[i].from <= version)
			sql = fillings[i].sql;
	}
	return sql;
}

static sqlite3 *raw_open(const char *path)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	return db;
}

static void raw_close(sqlite3 *db)
{
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* All rows of a one-column query, a line each. */
static char *lines(sqlite3 *db, const char *sql)
{
	sqlite3_str *out = sqlite3_str_new(db);
	sqlite3_stmt *statement = NULL;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	while (sqlite3_step(statement) == SQLITE_ROW)
		sqlite3_str_appendf(out, "%s\n", sqlite3_column_text(statement, 0));
	assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
	return sqlite3_str_finish(out);
}

static char *schema_of(sqlite3 *db)
{
	return lines(
		db,
		"SELECT type || ' ' || name || ' ' || tbl_name || ' ' || ifnull(sql, '') FROM sqlite_schema "
		"WHERE name NOT LIKE 'sqlite_stat%' ORDER BY type, name");
}

static void check_rows(struct store *st)
{
	struct bursting_settings s;
	struct history_filter all = {.type = -1, .node = 7, .until = 45};
	struct node_wish w;
	struct hold *hold = NULL;
	struct intent in;
	struct event *events = NULL;
	struct track_table table = {0};
	size_t n;

	assert_ok(store_settings_get(st, &s, E));
	assert_int_equal(s.bursting_threshold, 6);
	assert_int_equal(s.version, 4);
	assert_true(s.aws_secret_access_key_set);
	assert_ok(store_wish_get(st, 7, &w, E));
	assert_int_equal(w.power, WISH_POWER_ON);
	assert_ok(store_hold_get(st, 6, &hold, E));
	assert_int_equal(hold->n_nodes, 2);
	store_holds_free(hold, 1);
	assert_ok(store_intent_of_node(st, 7, &in, E));
	assert_int_equal(in.state, INTENT_WAITING);
	assert_ok(store_events(st, &all, 10, &events, &n, E));
	assert_int_equal(n, 1); /* the late one */
	assert_int_equal(events[0].id, 10);
	store_events_free(events, n);
	assert_ok(store_tracks(st, &table, E));
	assert_int_equal(table.n, 1);
	track_table_free(&table);
}

static void check_version(const struct fixture *f, int version)
{
	struct store *st = NULL;
	sqlite3 *db;
	char *fresh;
	char *migrated;

	(void)unlink(f->path);
	db = raw_open(f->path);
	assert_ok(migrations_run(db, version, E));
	raw(db, filling_of(version));
	raw_close(db);
	st = fixture_open(f);
	check_rows(st);
	fresh = schema_of(f->store->db);
	migrated = schema_of(st->db);
	assert_string_equal(migrated, fresh);
	sqlite3_free(fresh);
	sqlite3_free(migrated);
	assert_int_equal(raw_number(st->db, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
	store_close(st);
}

static void every_version_becomes_the_newest(void **state)
{
	struct fixture *f = *state;

	for (int version = 1; version <= store_schema_latest(); version++)
		check_version(f, version);
}

/* So that check_version means something: a filling must reach every table of its version. */
static void fillings_reach_every_table(void **state)
{
	for (int version = 1; version <= store_schema_latest(); version++) {
		sqlite3 *db = raw_open(":memory:");
		char *tables;
		char *rest;
		char *name;

		assert_ok(migrations_run(db, version, E));
		raw(db, filling_of(version));
		tables = rest = lines(db, "SELECT name FROM sqlite_schema WHERE type = 'table'");
		while ((name = strsep(&rest, "\n")) && *name) {
			char sql[128];

			(void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", name);
			if (raw_number(db, sql) == 0)
				fail_msg("version %d: the filling leaves %s empty", version, name);
		}
		sqlite3_free(tables);
		raw_close(db);
	}
	(void)state;
}

static void numbers_names_and_records(void **state)
{
	struct fixture *f = *state;
	int version = 0;

	for (int i = 0; i < store_migrations_count(); i++) {
		char prefix[16];

		assert_int_equal(store_migrations[i].version, i + 1);
		(void)snprintf(prefix, sizeof(prefix), "%04d_", i + 1);
		assert_memory_equal(store_migrations[i].name, prefix, 5);
	}
	assert_ok(store_schema_version(f->store, &version, E));
	assert_int_equal(version, store_schema_latest());
	assert_int_equal(raw_number(f->store->db,
				    "SELECT count(*) FROM schema_migration WHERE applied_at > 0 AND "
				    "program = '" BURSTD_VERSION "'"),
			 store_schema_latest());
	assert_int_equal(raw_number(f->store->db,
				    "SELECT count(*) FROM schema_migration WHERE name = '0001_initial' "
				    "AND version = 1"),
			 1);
}

static void newer_database_is_refused(void **state)
{
	struct fixture *f = *state;
	struct store *st = fixture_open(f);
	struct error e;

	raw(st->db, "INSERT INTO schema_migration VALUES (4711, '4711_future', 1, '9.8.7'); PRAGMA "
		    "user_version = 4711");
	store_close(st);
	st = NULL;
	assert_int_equal(store_open(f->path, fixture_key, &st, &e), ERR_CONFLICT);
	assert_null(st);
	assert_non_null(strstr(e.detail, "4711"));
	assert_non_null(strstr(e.detail, "9.8.7"));
	assert_non_null(strstr(e.detail, BURSTD_VERSION));
}

static void newer_database_without_our_tables_is_refused(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db = raw_open(f->path);
	struct store *st = NULL;
	struct error e;

	raw(db, "PRAGMA user_version = 4711");
	raw_close(db);
	assert_int_equal(store_open(f->path, fixture_key, &st, &e), ERR_CONFLICT);
	assert_non_null(strstr(e.detail, "4711"));
}

static void foreign_database_is_refused(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db = raw_open(f->path);
	struct store *st = NULL;
	struct error e;

	raw(db, "CREATE TABLE photos (id)");
	raw_close(db);
	assert_int_equal(store_open(f->path, fixture_key, &st, &e), ERR_CONFLICT);
	assert_non_null(strstr(e.detail, "not one of burstd"));
	db = raw_open(f->path);
	raw(db, "PRAGMA user_version = 1");
	raw_close(db);
	assert_int_equal(store_open(f->path, fixture_key, &st, &e), ERR_CONFLICT);
	db = raw_open(f->path);
	assert_int_equal(raw_number(db, "SELECT count(*) FROM sqlite_schema"), 1); /* and left as it was */
	raw_close(db);
}

static void damaged_file_is_refused(void **state)
{
	struct fixture *f = *state;
	FILE *file = fopen(f->path, "we");
	struct store *st = NULL;
	struct error e;

	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		assert_true(fputs("this is no database\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(store_open(f->path, fixture_key, &st, &e), ERR_INTERNAL);
	assert_non_null(strstr(e.detail, "damaged"));
}

static void failed_migration_leaves_the_old_schema(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db = raw_open(f->path);
	struct store *st = NULL;
	struct error e;
	int version = 0;

	assert_ok(migrations_run(db, 1, E));
	raw(db, "CREATE INDEX intent_by_node ON intent (token)"); /* the last one that version 2 makes */
	assert_int_equal(store_open(f->path, fixture_key, &st, &e), ERR_INTERNAL);
	assert_non_null(strstr(e.detail, "intent_by_node"));
	assert_ok(migrations_version(db, &version, E));
	assert_int_equal(version, 1);
	assert_int_equal(raw_number(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'event_by_node'"),
			 0);
	raw(db, "DROP INDEX intent_by_node");
	raw_close(db);
	st = fixture_open(f);
	store_close(st);
}

/* Migrates by another connection, right before this one asks for the application's id. */
static int migrate_in_between(unsigned type, void *path, void *statement, void *text)
{
	(void)type;
	(void)statement;
	if (!strcmp(text, "PRAGMA application_id")) {
		sqlite3 *other = raw_open(path);

		assert_ok(migrations_run(other, store_schema_latest(), E));
		raw_close(other);
	}
	return 0;
}

static void somebody_else_migrates_between_two_looks(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db = raw_open(f->path);

	raw(db, "PRAGMA journal_mode = WAL");
	assert_int_equal(sqlite3_trace_v2(db, SQLITE_TRACE_STMT, migrate_in_between, f->path), SQLITE_OK);
	assert_ok(migrations_run(db, store_schema_latest(), E));
	raw_close(db);
}

#define OPENERS 4
static void *open_once(void *arg)
{
	struct store *st = NULL;
	struct error e;
	intptr_t failed = 0;

	if (store_open(arg, fixture_key, &st, &e)) {
		(void)fprintf(stderr, "open: %s\n", e.detail);
		failed = 1;
	}
	store_close(st);
	return (void *)failed;
}

static void many_open_a_new_database_at_once(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[OPENERS];
	struct store *st;

	for (int i = 0; i < OPENERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, open_once, f->path), 0);
	for (int i = 0; i < OPENERS; i++) {
		void *failed;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	st = fixture_open(f);
	assert_int_equal(raw_number(st->db, "SELECT count(*) FROM schema_migration"), store_schema_latest());
	store_close(st);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_version_becomes_the_newest),
		T(fillings_reach_every_table),
		T(numbers_names_and_records),
		T(newer_database_is_refused),
		T(newer_database_without_our_tables_is_refused),
		T(foreign_database_is_refused),
		T(damaged_file_is_refused),
		T(failed_migration_leaves_the_old_schema),
		T(somebody_else_migrates_between_two_looks),
		T(many_open_a_new_database_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

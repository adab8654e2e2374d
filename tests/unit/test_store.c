/* The aggregates of the store: round trips, lost updates, conflicts, counters, transactions. */
#define _GNU_SOURCE
#include "tests/unit/store_fixture.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>

#define NOW 1760000000000

/* --- settings ------------------------------------------------------------------------------------------- */

static struct bursting_settings other_settings(void)
{
	struct bursting_settings s = bursting_defaults;
	int next = 0;

	s.enabled = !bursting_defaults.enabled;
	s.mode = bursting_defaults.mode == MODE_OBSERVE ? MODE_CONTROL : MODE_OBSERVE;
	(void)snprintf(s.tag_value, sizeof(s.tag_value), "%0256d", 7);
	(void)snprintf(s.aws_access_key_id, sizeof(s.aws_access_key_id), "AKIA");
#define X(name, least, most, preset) s.name = (least) + ++next;
	BURSTING_NUMBERS(X)
#undef X
	s.version = 0;
	return s;
}

static void assert_settings_equal(const struct bursting_settings *a, const struct bursting_settings *b)
{
	assert_int_equal(a->enabled, b->enabled);
	assert_int_equal(a->mode, b->mode);
	assert_string_equal(a->tag_value, b->tag_value);
	assert_string_equal(a->aws_access_key_id, b->aws_access_key_id);
#define X(name, least, most, preset) assert_int_equal(a->name, b->name);
	BURSTING_NUMBERS(X)
#undef X
}

static void settings_defaults_until_set(void **state)
{
	struct fixture *f = *state;
	struct bursting_settings s;

	assert_ok(store_settings_get(f->store, &s, E));
	assert_settings_equal(&s, &bursting_defaults);
	assert_int_equal(s.version, 0);
	assert_false(s.aws_secret_access_key_set);
}

static void settings_round_trip(void **state)
{
	struct fixture *f = *state;
	struct bursting_settings s = other_settings();
	struct bursting_settings back;
	int64_t version = 0;

	assert_ok(store_settings_put(f->store, &s, NULL, &version, E));
	assert_int_equal(version, 1);
	assert_ok(store_settings_get(f->store, &back, E));
	assert_settings_equal(&back, &s);
	assert_int_equal(back.version, 1);
	back.bursting_threshold = 77;
	assert_ok(store_settings_put(f->store, &back, NULL, NULL, E));
	assert_ok(store_settings_get(f->store, &s, E));
	assert_int_equal(s.bursting_threshold, 77);
	assert_int_equal(s.version, 2);
}

static void settings_stale_version(void **state)
{
	struct fixture *f = *state;
	struct bursting_settings s = other_settings();
	struct bursting_settings back;
	struct error e;

	s.version = 3; /* no row yet */
	assert_int_equal(store_settings_put(f->store, &s, NULL, NULL, &e), ERR_PRECONDITION);
	s.version = 0;
	assert_ok(store_settings_put(f->store, &s, NULL, NULL, E));
	s.bursting_threshold = 99;
	assert_int_equal(
		store_settings_put(f->store, &s, &(struct settings_secrets){.text = {"lost"}}, NULL, &e),
		ERR_PRECONDITION);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_ok(store_settings_get(f->store, &back, E));
	assert_int_not_equal(back.bursting_threshold, 99);
	assert_false(back.aws_secret_access_key_set);
}

static void settings_bad_value_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct bursting_settings s = other_settings();
	struct error e;

	s.minimum_lifetime_minutes = 4; /* RULE E2: least 5 */
	assert_int_equal(
		store_settings_put(f->store, &s, &(struct settings_secrets){.text = {"x"}}, NULL, &e),
		ERR_INTERNAL);
	assert_non_null(strstr(e.detail, "minimum_lifetime_minutes"));
	assert_ok(store_settings_get(f->store, &s, E));
	assert_int_equal(s.version, 0);
}

static void secret_set_kept_removed(void **state)
{
	struct fixture *f = *state;
	struct bursting_settings s = other_settings();
	char *secret = NULL;

	assert_ok(store_settings_secret(f->store, SETTINGS_AWS, &secret, E));
	assert_null(secret);
	assert_ok(store_settings_put(f->store, &s, &(struct settings_secrets){.text = {"wJalrXUtnFEMI"}},
				     NULL, E));
	assert_ok(store_settings_get(f->store, &s, E));
	assert_true(s.aws_secret_access_key_set);
	assert_ok(store_settings_put(f->store, &s, NULL, NULL, E));
	assert_ok(store_settings_secret(f->store, SETTINGS_AWS, &secret, E));
	assert_string_equal(secret, "wJalrXUtnFEMI");
	secret_free(secret);
	assert_ok(store_settings_get(f->store, &s, E));
	assert_ok(store_settings_put(f->store, &s, &(struct settings_secrets){.text = {""}}, NULL, E));
	assert_ok(store_settings_get(f->store, &s, E));
	assert_false(s.aws_secret_access_key_set);
	secret = NULL;
	assert_ok(store_settings_secret(f->store, SETTINGS_AWS, &secret, E));
	assert_null(secret);
}

static bool file_contains(const char *path, const char *needle)
{
	FILE *file = fopen(path, "re");
	char *bytes = NULL;
	size_t size = 0;
	size_t n;
	bool found;

	assert_non_null(file);
	bytes = malloc(64 << 20);
	assert_non_null(bytes);
	while ((n = fread(bytes + size, 1, (64 << 20) - size, file)) > 0)
		size += n;
	assert_int_equal(fclose(file), 0);
	found = memmem(bytes, size, needle, strlen(needle)) != NULL;
	free(bytes);
	return found;
}

static bool dir_contains(const char *dir, const char *needle)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	bool found = false;

	assert_non_null(d);
	while ((entry = readdir(d))) {
		char path[400];

		(void)snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (entry->d_type == DT_REG && file_contains(path, needle))
			found = true;
	}
	assert_int_equal(closedir(d), 0);
	return found;
}

static void secret_is_sealed_on_disk(void **state)
{
	struct fixture *f = *state;
	struct store *st = fixture_open(f);
	struct bursting_settings s = other_settings();

	(void)snprintf(s.tag_value, sizeof(s.tag_value), "visible-tag-value");
	assert_ok(store_settings_put(st, &s, &(struct settings_secrets){.text = {"wJalrXUtnFEMI/K7MDENG"}},
				     NULL, E));
	/* The log file first, then the database itself. */
	assert_true(dir_contains(f->dir, "visible-tag-value"));
	assert_false(dir_contains(f->dir, "wJalrXUtnFEMI"));
	store_close(st);
	assert_true(dir_contains(f->dir, "visible-tag-value"));
	assert_false(dir_contains(f->dir, "wJalrXUtnFEMI"));
}

static void secret_needs_its_key(void **state)
{
	static const uint8_t wrong[SECRET_KEY_SIZE] = "another key, of thirty-two bytes";
	struct fixture *f = *state;
	struct store *st = fixture_open(f);
	struct bursting_settings s = other_settings();
	char *secret = NULL;
	struct error e;

	assert_ok(store_settings_put(st, &s, &(struct settings_secrets){.text = {"wJalrXUtnFEMI"}}, NULL, E));
	store_close(st);
	assert_ok(store_open(f->path, wrong, &st, E));
	assert_int_equal(store_settings_secret(st, SETTINGS_AWS, &secret, &e), ERR_INTERNAL);
	assert_non_null(strstr(e.detail, "key file"));
	assert_null(strstr(e.detail, "wJalr"));
	assert_null(secret);
	store_close(st);
}

static void thresholds_round_trip(void **state)
{
	struct fixture *f = *state;
	struct location_threshold *rows = NULL;
	size_t n = 99;

	assert_ok(store_thresholds(f->store, &rows, &n, E));
	assert_int_equal(n, 0);
	free(rows);
	assert_ok(store_threshold_put(f->store, 8, 3, E));
	assert_ok(store_threshold_put(f->store, 4, 9, E));
	assert_ok(store_threshold_put(f->store, 8, 5, E));
	assert_ok(store_thresholds(f->store, &rows, &n, E));
	assert_int_equal(n, 2);
	assert_int_equal(rows[0].location, 4);
	assert_int_equal(rows[0].threshold, 9);
	assert_int_equal(rows[1].location, 8);
	assert_int_equal(rows[1].threshold, 5);
	free(rows);
	assert_ok(store_threshold_put(f->store, 4, 0, E));
	assert_ok(store_threshold_put(f->store, 5, 0, E)); /* had none */
	assert_ok(store_thresholds(f->store, &rows, &n, E));
	assert_int_equal(n, 1);
	free(rows);
	assert_int_equal(store_threshold_put(f->store, 4, -1, NULL), ERR_INTERNAL);
}

/* --- wishes --------------------------------------------------------------------------------------------- */

static void assert_wish_equal(const struct node_wish *a, const struct node_wish *b)
{
	assert_int_equal(a->node, b->node);
	assert_int_equal(a->power, b->power);
	assert_int_equal(a->maintenance, b->maintenance);
	assert_int_equal(a->start_order, b->start_order);
	assert_string_equal(a->actor, b->actor);
	assert_int_equal(a->version, b->version);
}

static void wishes_round_trip(void **state)
{
	static const enum wish_power powers[] = {WISH_POWER_NONE, WISH_POWER_ON, WISH_POWER_OFF};
	static const enum wish_flag flags[] = {WISH_NONE, WISH_FALSE, WISH_TRUE};
	static const int orders[] = {START_ORDER_NONE, 0, -5, 12};
	struct fixture *f = *state;
	struct node_wish *rows = NULL;
	size_t n;

	for (int i = 0; i < 36; i++) {
		struct node_wish w = {.node = i + 1,
				      .power = powers[i % 3],
				      .maintenance = flags[i / 3 % 3],
				      .start_order = orders[i / 9],
				      .actor = "alice"};
		struct node_wish back;

		assert_ok(store_wish_put(f->store, &w, E));
		assert_ok(store_wish_get(f->store, i + 1, &back, E));
		w.version = 1;
		assert_wish_equal(&back, &w);
	}
	assert_ok(store_wishes(f->store, &rows, &n, E));
	assert_int_equal(n, 36);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(rows[i].node, i + 1);
	assert_int_equal(rows[17].maintenance, flags[17 / 3 % 3]);
	free(rows);
}

static void wish_of_nobody_is_empty(void **state)
{
	struct fixture *f = *state;
	struct node_wish none = {.node = 5, .start_order = START_ORDER_NONE};
	struct node_wish w;

	assert_ok(store_wish_get(f->store, 5, &w, E));
	assert_wish_equal(&w, &none);
}

static void wish_stale_version(void **state)
{
	struct fixture *f = *state;
	struct node_wish w = {
		.node = 5, .power = WISH_POWER_ON, .start_order = START_ORDER_NONE, .actor = "alice"};
	struct node_wish back;
	struct error e;

	assert_ok(store_wish_put(f->store, &w, E));
	w.power = WISH_POWER_OFF;
	assert_int_equal(store_wish_put(f->store, &w, &e), ERR_PRECONDITION);
	assert_ok(store_wish_get(f->store, 5, &back, E));
	assert_int_equal(back.power, WISH_POWER_ON);
	/* Taken back, the version still grows: an old reader never meets its own number again. */
	back.power = WISH_POWER_NONE;
	assert_ok(store_wish_put(f->store, &back, E));
	assert_int_equal(store_wish_put(f->store, &w, &e), ERR_PRECONDITION);
	assert_ok(store_wish_get(f->store, 5, &back, E));
	assert_int_equal(back.version, 2);
}

/* --- holds ---------------------------------------------------------------------------------------------- */

static int64_t add_hold(struct store *st, int64_t location, int64_t *nodes, size_t n_nodes, int64_t until)
{
	struct hold h = {.location = location,
			 .count = location ? 2 : 0,
			 .nodes = nodes,
			 .n_nodes = n_nodes,
			 .until = until,
			 .reason = "board meeting",
			 .owner = "schedule:weekly",
			 .created_at = NOW};

	assert_ok(store_hold_add(st, &h, E));
	assert_true(h.id > 0);
	return h.id;
}

static void holds_round_trip(void **state)
{
	struct fixture *f = *state;
	int64_t nodes[] = {9, 3, 7};
	int64_t a = add_hold(f->store, 4, NULL, 0, NOW + 10);
	int64_t b = add_hold(f->store, 0, nodes, 3, NOW + 20);
	struct hold *holds = NULL;
	size_t n;

	assert_ok(store_holds(f->store, NOW, &holds, &n, E));
	assert_int_equal(n, 2);
	assert_int_equal(holds[0].id, a);
	assert_int_equal(holds[0].location, 4);
	assert_int_equal(holds[0].count, 2);
	assert_int_equal(holds[0].n_nodes, 0);
	assert_int_equal(holds[0].until, NOW + 10);
	assert_int_equal(holds[0].created_at, NOW);
	assert_string_equal(holds[0].reason, "board meeting");
	assert_string_equal(holds[0].owner, "schedule:weekly");
	assert_int_equal(holds[1].id, b);
	assert_int_equal(holds[1].location, 0);
	assert_int_equal(holds[1].n_nodes, 3);
	assert_memory_equal(holds[1].nodes, nodes, sizeof(nodes)); /* in the order given */
	store_holds_free(holds, n);
	/* Over at the instant of `until`. */
	assert_ok(store_holds(f->store, NOW + 10, &holds, &n, E));
	assert_int_equal(n, 1);
	assert_int_equal(holds[0].id, b);
	store_holds_free(holds, n);
	assert_ok(store_hold_get(f->store, b, &holds, E));
	assert_int_equal(holds[0].nodes[2], 7);
	store_holds_free(holds, 1);
}

static void holds_page(void **state)
{
	struct fixture *f = *state;
	int64_t nodes[] = {1, 2};
	struct hold *holds = NULL;
	int64_t before = 0;
	int64_t expected = 10;
	size_t n;

	for (int i = 1; i <= 10; i++)
		add_hold(f->store, 0, nodes, 2, i % 2 ? NOW - 1 : NOW + 1);
	for (;;) {
		assert_ok(store_holds_page(f->store, NOW, true, before, 3, &holds, &n, E));
		for (size_t i = 0; i < n; i++, expected--) {
			assert_int_equal(holds[i].id, expected);
			assert_int_equal(holds[i].n_nodes, 2);
			before = holds[i].id;
		}
		store_holds_free(holds, n);
		if (!n)
			break;
	}
	assert_int_equal(expected, 0);
	assert_ok(store_holds_page(f->store, NOW, false, 0, 100, &holds, &n, E));
	assert_int_equal(n, 5);
	store_holds_free(holds, n);
}

static void hold_refusals(void **state)
{
	struct fixture *f = *state;
	int64_t twice[] = {3, 3};
	struct hold both = {
		.location = 1, .count = 1, .nodes = twice, .n_nodes = 1, .reason = "", .owner = ""};
	struct hold neither = {.reason = "", .owner = ""};
	struct hold same = {.nodes = twice, .n_nodes = 2, .until = NOW, .reason = "", .owner = ""};
	struct hold none = {.location = 1, .count = 0, .until = NOW, .reason = "", .owner = ""};
	struct hold *holds = NULL;

	assert_int_equal(store_hold_add(f->store, &both, NULL), ERR_BAD_REQUEST);
	assert_int_equal(store_hold_add(f->store, &neither, NULL), ERR_BAD_REQUEST);
	assert_int_equal(store_hold_add(f->store, &same, NULL), ERR_CONFLICT);
	assert_int_equal(store_hold_add(f->store, &none, NULL), ERR_INTERNAL);
	assert_int_equal(raw_number(f->store->db, "SELECT count(*) FROM hold"),
			 0); /* the first insert went too */
	assert_int_equal(store_hold_get(f->store, 1, &holds, NULL), ERR_NOT_FOUND);
	assert_int_equal(store_hold_remove(f->store, 1, NULL), ERR_NOT_FOUND);
}

static void hold_removed_with_its_nodes(void **state)
{
	struct fixture *f = *state;
	int64_t nodes[] = {1, 2};
	int64_t id = add_hold(f->store, 0, nodes, 2, NOW + 1);

	assert_ok(store_hold_remove(f->store, id, E));
	assert_int_equal(store_hold_remove(f->store, id, NULL), ERR_NOT_FOUND);
	assert_int_equal(raw_number(f->store->db, "SELECT count(*) FROM hold_node"), 0);
	/* An id that was shown never comes back as another hold. */
	assert_true(add_hold(f->store, 0, nodes, 2, NOW + 1) > id);
}

static size_t n_ended;

static enum err ended_tx(struct store *st, void *arg, struct error *e)
{
	struct hold *holds = NULL;
	enum err err = store_holds_ended(st, *(int64_t *)arg, &holds, &n_ended, e);

	if (!err)
		store_holds_free(holds, n_ended);
	return err;
}

static void holds_ended_are_told_once(void **state)
{
	struct fixture *f = *state;
	int64_t now = NOW;

	add_hold(f->store, 4, NULL, 0, NOW - 5);
	add_hold(f->store, 4, NULL, 0, NOW);
	add_hold(f->store, 4, NULL, 0, NOW + 5);
	assert_ok(store_tx(f->store, ended_tx, &now, E));
	assert_int_equal(n_ended, 2);
	assert_ok(store_tx(f->store, ended_tx, &now, E));
	assert_int_equal(n_ended, 0);
	now = NOW + 5;
	assert_ok(store_tx(f->store, ended_tx, &now, E));
	assert_int_equal(n_ended, 1);
}

/* --- tracks --------------------------------------------------------------------------------------------- */

static struct node_track some_track(int64_t node)
{
	return (struct node_track){
		.node = node,
		.instance = "i-0123456789abcdef0",
		.region = "eu-north-1",
		.phase = PHASE_SERVING,
		.phase_since = 1,
		.state = INSTANCE_RUNNING,
		.state_known = true,
		.started_at = 2,
		.running_at = 3,
		.serving_at = 4,
		.stopped_at = 5,
		.acted_at = 6,
		.refused_until = 7,
		.refused_code = "InsufficientInstanceCapacity",
		.failed_at = 8,
		.last_max_hd = 17,
	};
}

static void assert_track_equal(const struct node_track *a, const struct node_track *b)
{
	assert_int_equal(a->node, b->node);
	assert_string_equal(a->instance, b->instance);
	assert_string_equal(a->region, b->region);
	assert_int_equal(a->phase, b->phase);
	assert_int_equal(a->phase_since, b->phase_since);
	assert_int_equal(a->state_known, b->state_known);
	if (a->state_known)
		assert_int_equal(a->state, b->state);
	assert_int_equal(a->started_at, b->started_at);
	assert_int_equal(a->running_at, b->running_at);
	assert_int_equal(a->serving_at, b->serving_at);
	assert_int_equal(a->stopped_at, b->stopped_at);
	assert_int_equal(a->acted_at, b->acted_at);
	assert_int_equal(a->refused_until, b->refused_until);
	assert_string_equal(a->refused_code, b->refused_code);
	assert_int_equal(a->failed_at, b->failed_at);
	assert_int_equal(a->last_max_hd, b->last_max_hd);
}

static void tracks_round_trip(void **state)
{
	struct fixture *f = *state;
	struct node_track t = some_track(7);
	struct track_table table = {0};

	t.idle_reads = 2;
	t.absent_reads = 1;
	t.idle_read[0] = 5;
	assert_ok(store_track_put(f->store, &t, E));
	t.last_max_hd = 20;
	assert_ok(store_track_put(f->store, &t, E));
	t = some_track(3);
	assert_ok(store_track_put(f->store, &t, E));
	assert_ok(store_tracks(f->store, &table, E));
	assert_int_equal(table.n, 2);
	assert_track_equal(&table.rows[0], &t);
	assert_int_equal(table.rows[1].last_max_hd, 20);
	assert_int_equal(table.rows[1].idle_reads, 0); /* volatile */
	assert_int_equal(table.rows[1].absent_reads, 0);
	assert_int_equal(table.rows[1].idle_read[0], 0);
	assert_ptr_equal(track_find(&table, 7), &table.rows[1]);
	track_table_free(&table);
}

static void tracks_know_every_phase_and_state(void **state)
{
	static const enum instance_state states[] = {INSTANCE_PENDING,       INSTANCE_RUNNING,
						     INSTANCE_SHUTTING_DOWN, INSTANCE_TERMINATED,
						     INSTANCE_STOPPING,      INSTANCE_STOPPED};
	struct fixture *f = *state;
	struct node_track t = some_track(1);
	struct track_table table;

	for (size_t i = 0; i < PHASE_COUNT * (ARRAY_LEN(states) + 1); i++) {
		t.phase = (enum node_phase)(i % PHASE_COUNT);
		t.state_known = i / PHASE_COUNT < ARRAY_LEN(states);
		t.state = t.state_known ? states[i / PHASE_COUNT] : INSTANCE_PENDING;
		assert_ok(store_track_put(f->store, &t, E));
		table = (struct track_table){0};
		assert_ok(store_tracks(f->store, &table, E));
		assert_track_equal(&table.rows[0], &t);
		track_table_free(&table);
	}
}

static void text_that_does_not_fit_is_refused(void **state)
{
	struct fixture *f = *state;
	struct node_track t = some_track(1);
	struct track_table table = {0};
	struct error e;

	assert_ok(store_track_put(f->store, &t, E));
	raw(f->store->db, "UPDATE track SET region = printf('%040d', 1)");
	assert_int_equal(store_tracks(f->store, &table, &e), ERR_INTERNAL);
	assert_non_null(strstr(e.detail, "too long"));
	assert_null(table.rows);
	raw(f->store->db, "UPDATE track SET region = '', last_max_hd = 1 << 40");
	assert_int_equal(store_tracks(f->store, &table, &e), ERR_INTERNAL);
	assert_non_null(strstr(e.detail, "out of range"));
}

/* --- intents -------------------------------------------------------------------------------------------- */

static struct intent some_intent(int64_t node)
{
	struct intent in = {
		.kind = INTENT_STOP,
		.state = INTENT_MAINTENANCE_ON,
		.node = node,
		.node_name = "burst-1",
		.location = 4,
		.instance = "i-0123456789abcdef0",
		.region = "eu-north-1",
		.actor = "controller",
		.rule = "E5",
		.force = true,
		.attempts = 3,
		.created_at = NOW,
		.entered_at = NOW + 1,
		.next_at = NOW + 2,
		.maintenance_at = NOW + 3,
	};

	(void)snprintf(in.reason, sizeof(in.reason), "%0399d", 1); /* as long as it may be */
	(void)snprintf(in.error, sizeof(in.error), "%s", "Infinity: 503");
	return in;
}

static void assert_intent_equal(const struct intent *a, const struct intent *b)
{
	assert_int_equal(a->id, b->id);
	assert_string_equal(a->token, b->token);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->node, b->node);
	assert_string_equal(a->node_name, b->node_name);
	assert_int_equal(a->location, b->location);
	assert_string_equal(a->instance, b->instance);
	assert_string_equal(a->region, b->region);
	assert_string_equal(a->actor, b->actor);
	assert_string_equal(a->rule, b->rule);
	assert_string_equal(a->reason, b->reason);
	assert_int_equal(a->force, b->force);
	assert_int_equal(a->via_infinity, b->via_infinity);
	assert_int_equal(a->maintenance, b->maintenance);
	assert_int_equal(a->attempts, b->attempts);
	assert_int_equal(a->created_at, b->created_at);
	assert_int_equal(a->entered_at, b->entered_at);
	assert_int_equal(a->next_at, b->next_at);
	assert_int_equal(a->maintenance_at, b->maintenance_at);
	assert_int_equal(a->closed_at, b->closed_at);
	assert_string_equal(a->error, b->error);
}

static void intents_round_trip(void **state)
{
	struct fixture *f = *state;
	struct intent in = some_intent(7);
	struct intent back;

	assert_ok(store_intent_add(f->store, &in, E));
	assert_true(in.id > 0);
	assert_int_equal(strlen(in.token), 36);
	assert_ok(store_intent_get(f->store, in.id, &back, E));
	assert_intent_equal(&back, &in);
	assert_ok(store_intent_of_node(f->store, 7, &back, E));
	assert_intent_equal(&back, &in);
	assert_int_equal(store_intent_get(f->store, 99, &back, NULL), ERR_NOT_FOUND);
	assert_int_equal(store_intent_of_node(f->store, 8, &back, NULL), ERR_NOT_FOUND);
}

static void intents_know_every_kind_and_state(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3 * INTENT_STATE_COUNT; i++) {
		struct intent in = some_intent(i + 1);
		struct intent back;

		in.kind = (enum intent_kind)(i % 3);
		in.state = (enum intent_state)(i / 3);
		in.force = i % 2;
		in.via_infinity = i % 3 == 0;
		in.maintenance = i % 5 == 0;
		assert_ok(store_intent_add(f->store, &in, E));
		assert_ok(store_intent_get(f->store, in.id, &back, E));
		assert_int_equal(back.closed_at, intent_is_open(in.state) ? 0 : in.entered_at);
		in.closed_at = back.closed_at;
		assert_intent_equal(&back, &in);
	}
}

static void one_open_intent_per_node(void **state)
{
	struct fixture *f = *state;
	struct intent a = some_intent(7);
	struct intent b = some_intent(7);
	struct intent other = some_intent(8);
	struct intent *open = NULL;
	struct error e;
	size_t n;

	assert_ok(store_intent_add(f->store, &a, E));
	assert_int_equal(store_intent_add(f->store, &b, &e), ERR_CONFLICT);
	assert_non_null(strstr(e.detail, "burst-1"));
	assert_int_equal(b.id, 0);
	assert_ok(store_intent_add(f->store, &other, E));
	a.state = INTENT_CANCELLING;
	assert_ok(store_intent_move(f->store, &a, INTENT_MAINTENANCE_ON, 3, E));
	assert_int_equal(store_intent_add(f->store, &b, &e), ERR_CONFLICT);
	a.state = INTENT_CANCELLED;
	a.entered_at = NOW + 50;
	assert_ok(store_intent_move(f->store, &a, INTENT_CANCELLING, 3, E));
	assert_ok(store_intent_get(f->store, a.id, &a, E));
	assert_int_equal(a.closed_at, NOW + 50);
	assert_ok(store_intent_add(f->store, &b, E));
	assert_ok(store_intents_open(f->store, &open, &n, E));
	assert_int_equal(n, 2);
	assert_int_equal(open[0].id, other.id);
	assert_int_equal(open[1].id, b.id);
	free(open);
}

static void intent_moves_conflict(void **state)
{
	struct fixture *f = *state;
	struct intent in = some_intent(7);
	struct intent mine;
	struct intent theirs;
	struct error e;

	assert_ok(store_intent_add(f->store, &in, E));
	mine = theirs = in;
	theirs.attempts = 4; /* someone takes the deed */
	(void)snprintf(theirs.error, sizeof(theirs.error), "theirs");
	assert_ok(store_intent_move(f->store, &theirs, INTENT_MAINTENANCE_ON, 3, E));
	mine.attempts = 4;
	(void)snprintf(mine.error, sizeof(mine.error), "mine");
	assert_int_equal(store_intent_move(f->store, &mine, INTENT_MAINTENANCE_ON, 3, &e), ERR_CONFLICT);
	assert_int_equal(e.code, ERR_CONFLICT);
	theirs.state = INTENT_WAITING;
	assert_ok(store_intent_move(f->store, &theirs, INTENT_MAINTENANCE_ON, 4, E));
	mine.state = INTENT_CANCELLING;
	assert_int_equal(store_intent_move(f->store, &mine, INTENT_MAINTENANCE_ON, 4, &e), ERR_CONFLICT);
	assert_ok(store_intent_get(f->store, in.id, &mine, E));
	assert_intent_equal(&mine, &theirs);
	mine.id = 99;
	assert_int_equal(store_intent_move(f->store, &mine, INTENT_WAITING, 4, &e), ERR_CONFLICT);
}

static void assert_page(struct store *st, int64_t node, bool open_only, int64_t before, int limit,
			size_t expected, int64_t first)
{
	struct intent *rows = NULL;
	size_t n;

	assert_ok(store_intents_page(st, node, open_only, before, limit, &rows, &n, E));
	assert_int_equal(n, expected);
	for (size_t i = 0; i < n; i++) {
		assert_true(i == 0 || rows[i].id < rows[i - 1].id);
		assert_true(!node || rows[i].node == node);
		assert_true(!open_only || rows[i].closed_at == 0);
	}
	if (n)
		assert_int_equal(rows[0].id, first);
	free(rows);
}

static void intents_page(void **state)
{
	struct fixture *f = *state;

	for (int i = 1; i <= 20; i++) {
		struct intent in = some_intent(1 + i % 4);

		in.state = i > 16 ? INTENT_STOPPING : INTENT_DONE;
		assert_ok(store_intent_add(f->store, &in, E));
	}
	assert_page(f->store, 0, false, 0, 100, 20, 20);
	assert_page(f->store, 0, false, 20, 5, 5, 19);
	assert_page(f->store, 0, false, 1, 5, 0, 0);
	assert_page(f->store, 0, true, 0, 100, 4, 20);
	assert_page(f->store, 0, true, 19, 100, 2, 18);
	assert_page(f->store, 3, false, 0, 100, 5, 18);
	assert_page(f->store, 3, false, 18, 100, 4, 14);
	assert_page(f->store, 3, true, 0, 100, 1, 18);
	assert_page(f->store, 3, true, 18, 100, 0, 0);
}

/* --- decisions ------------------------------------------------------------------------------------------ */

static void decisions_round_trip(void **state)
{
	struct fixture *f = *state;
	struct decision_row d = {.time = NOW, .node = 7, .action = "start", .rule = "S2", .json = NULL};
	struct decision_row *rows = NULL;
	char json[] = "{\"free_hd_calls\":4}";
	int64_t id = 0;
	size_t n;

	d.json = json;
	for (int i = 1; i <= 10; i++) {
		d.location = i % 2;
		assert_ok(store_decision_add(f->store, &d, &id, E));
		assert_int_equal(id, i);
	}
	assert_ok(store_decision_get(f->store, 3, &rows, E));
	assert_int_equal(rows->id, 3);
	assert_int_equal(rows->time, NOW);
	assert_int_equal(rows->location, 1);
	assert_int_equal(rows->node, 7);
	assert_string_equal(rows->action, "start");
	assert_string_equal(rows->rule, "S2");
	assert_string_equal(rows->json, json);
	store_decisions_free(rows, 1);
	assert_int_equal(store_decision_get(f->store, 11, &rows, NULL), ERR_NOT_FOUND);
	assert_ok(store_decisions_page(f->store, 0, 0, 4, &rows, &n, E));
	assert_int_equal(n, 4);
	assert_int_equal(rows[0].id, 10);
	store_decisions_free(rows, n);
	assert_ok(store_decisions_page(f->store, 1, 8, 100, &rows, &n, E));
	assert_int_equal(n, 4);
	assert_int_equal(rows[0].id, 7);
	assert_int_equal(rows[3].id, 1);
	store_decisions_free(rows, n);
}

/* --- tokens --------------------------------------------------------------------------------------------- */

static void tokens_round_trip(void **state)
{
	struct fixture *f = *state;
	struct token_row *rows = NULL;
	char token[64];
	char second[64];
	char hash[SHA256_HEX_SIZE];
	size_t n;

	assert_ok(store_token_create(f->store, "alice", TOKEN_ADMIN, NOW, token, E));
	assert_ok(store_token_create(f->store, "bob", TOKEN_VIEWER, NOW + 1, second, E));
	assert_int_equal(strlen(token), 50);
	assert_memory_equal(token, "burstd_", 7);
	assert_int_equal(
		strspn(token + 7, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 43);
	assert_string_not_equal(token, second);
	assert_ok(store_tokens(f->store, &rows, &n, E));
	assert_int_equal(n, 2);
	sha256_hex(token, strlen(token), hash);
	assert_string_equal(rows[0].hash, hash);
	assert_string_equal(rows[0].name, "alice");
	assert_int_equal(rows[0].role, TOKEN_ADMIN);
	assert_int_equal(rows[0].created_at, NOW);
	assert_int_equal(rows[0].last_used_at, 0);
	assert_int_equal(rows[0].revoked_at, 0);
	assert_int_equal(rows[1].role, TOKEN_VIEWER);
	free(rows);
	assert_ok(store_token_touch(f->store, 1, NOW + 5, E));
	assert_ok(store_token_touch(f->store, 1, NOW + 4, E));
	assert_ok(store_token_revoke(f->store, 2, NOW + 6, E));
	assert_ok(store_token_revoke(f->store, 2, NOW + 7, E));
	assert_ok(store_tokens(f->store, &rows, &n, E));
	assert_int_equal(rows[0].last_used_at, NOW + 5);
	assert_int_equal(rows[1].revoked_at, NOW + 6);
	free(rows);
}

static void token_refusals(void **state)
{
	struct fixture *f = *state;
	char token[64] = "untouched";
	char name[102];
	struct error e;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(store_token_create(f->store, "", TOKEN_ADMIN, NOW, token, &e), ERR_BAD_REQUEST);
	assert_string_equal(e.pointer, "/name");
	assert_int_equal(store_token_create(f->store, name, TOKEN_ADMIN, NOW, token, &e), ERR_BAD_REQUEST);
	assert_int_equal(store_token_create(f->store, "x", TOKEN_NONE, NOW, token, &e), ERR_BAD_REQUEST);
	assert_string_equal(e.pointer, "/role");
	assert_string_equal(token, "untouched");
	assert_int_equal(store_token_revoke(f->store, 1, NOW, NULL), ERR_NOT_FOUND);
	assert_int_equal(store_token_touch(f->store, 1, NOW, NULL), ERR_NOT_FOUND);
}

static void token_is_not_on_disk(void **state)
{
	struct fixture *f = *state;
	struct store *st = fixture_open(f);
	char token[64];

	assert_ok(store_token_create(st, "alice-of-the-file", TOKEN_ADMIN, NOW, token, E));
	assert_true(dir_contains(f->dir, "alice-of-the-file"));
	assert_false(dir_contains(f->dir, token + 7));
	store_close(st);
}

/* --- counters ------------------------------------------------------------------------------------------- */

static int64_t wants(struct store *st)
{
	int64_t value = 0;

	assert_ok(store_wants_version(st, &value, E));
	return value;
}

static int64_t tokens_version(struct store *st)
{
	int64_t value = 0;

	assert_ok(store_tokens_version(st, &value, E));
	return value;
}

#define assert_moves(counter, expression)                                                                    \
	do {                                                                                                 \
		int64_t before_ = counter(f->store);                                                         \
		assert_ok(expression);                                                                       \
		assert_true(counter(f->store) > before_);                                                    \
	} while (0)
#define assert_rests(counter, expression)                                                                    \
	do {                                                                                                 \
		int64_t before_ = counter(f->store);                                                         \
		assert_ok(expression);                                                                       \
		assert_int_equal(counter(f->store), before_);                                                \
	} while (0)

static void wants_version_moves(void **state)
{
	struct fixture *f = *state;
	struct bursting_settings s = other_settings();
	struct node_wish w = {.node = 1};
	struct node_track t = some_track(1);
	struct intent in = some_intent(1);
	struct hold h = {.location = 1, .count = 1, .until = NOW, .reason = "", .owner = ""};
	struct event ev = {
		.time = NOW, .type = EVENT_START, .node_name = "", .actor = "", .reason = "", .rule = ""};
	int64_t now = NOW;

	assert_moves(wants, store_settings_put(f->store, &s, NULL, &s.version, E));
	assert_moves(wants, store_settings_put(f->store, &s, &(struct settings_secrets){.text = {"secret"}},
					       NULL, E));
	assert_moves(wants, store_threshold_put(f->store, 1, 2, E));
	assert_moves(wants, store_threshold_put(f->store, 1, 3, E));
	assert_moves(wants, store_threshold_put(f->store, 1, 0, E));
	assert_moves(wants, store_wish_put(f->store, &w, E));
	w.version = 1;
	assert_moves(wants, store_wish_put(f->store, &w, E));
	assert_moves(wants, store_hold_add(f->store, &h, E));
	assert_rests(wants, store_tx(f->store, ended_tx, &now, E));
	assert_int_equal(n_ended, 1);
	assert_moves(wants, store_hold_remove(f->store, h.id, E));
	assert_moves(wants, store_intent_add(f->store, &in, E));
	assert_rests(wants, store_intent_move(f->store, &in, INTENT_MAINTENANCE_ON, 3, E));
	assert_rests(wants, store_track_put(f->store, &t, E));
	assert_rests(wants, store_event_add(f->store, &ev, NULL, E));
	assert_rests(wants, store_writable(f->store, E));
}

static void tokens_version_moves(void **state)
{
	struct fixture *f = *state;
	char token[64];

	assert_moves(tokens_version, store_token_create(f->store, "a", TOKEN_VIEWER, NOW, token, E));
	assert_rests(tokens_version, store_token_touch(f->store, 1, NOW, E));
	assert_moves(tokens_version, store_token_revoke(f->store, 1, NOW, E));
	assert_rests(wants, store_token_create(f->store, "b", TOKEN_VIEWER, NOW, token, E));
}

/* --- transactions --------------------------------------------------------------------------------------- */

struct script {
	int runs;
	int busy_runs;   /* so many runs end in ERR_BUSY */
	enum err result; /* of the runs after those */
	struct store *other;
	enum err other_err;
	struct error other_error;
};

static enum err add_two_tx(struct store *st, void *arg, struct error *e)
{
	struct script *script = arg;
	struct hold h = {.location = 1, .count = 1, .until = NOW, .reason = "", .owner = ""};
	enum err err;

	script->runs++;
	if ((err = store_threshold_put(st, 1, 2, e)) || (err = store_hold_add(st, &h, e)))
		return err;
	if (script->runs <= script->busy_runs)
		return error_set(e, ERR_BUSY, "busy");
	return script->result ? error_set(e, script->result, "told so") : ERR_OK;
}

static void tx_rolls_back(void **state)
{
	struct fixture *f = *state;
	struct script script = {.result = ERR_UPSTREAM};
	struct error e;
	int64_t before = wants(f->store);

	assert_int_equal(store_tx(f->store, add_two_tx, &script, &e), ERR_UPSTREAM);
	assert_string_equal(e.detail, "told so");
	assert_int_equal(script.runs, 1);
	assert_int_equal(raw_number(f->store->db, "SELECT count(*) FROM hold"), 0);
	assert_int_equal(wants(f->store), before);
	script = (struct script){0};
	assert_ok(store_tx(f->store, add_two_tx, &script, E));
	assert_int_equal(raw_number(f->store->db, "SELECT count(*) FROM hold"), 1);
}

static void tx_tries_again_when_busy(void **state)
{
	struct fixture *f = *state;
	struct script script = {.busy_runs = 2};
	struct error e;

	assert_ok(store_tx(f->store, add_two_tx, &script, E));
	assert_int_equal(script.runs, 3);
	assert_int_equal(raw_number(f->store->db, "SELECT count(*) FROM hold"), 1); /* not three */
	script = (struct script){.busy_runs = 1000};
	assert_int_equal(store_tx(f->store, add_two_tx, &script, &e), ERR_BUSY);
	assert_int_equal(script.runs, STORE_TX_TRIES);
}

/* Runs while this connection is the writer: the other one gets BUSY, in words, and changes nothing. */
static enum err other_is_busy_tx(struct store *st, void *arg, struct error *e)
{
	struct script *script = arg;
	struct script inner = {0};

	assert_ok(store_threshold_put(st, 5, 5, E));
	assert_int_equal(store_tx(script->other, add_two_tx, &inner, &script->other_error), ERR_BUSY);
	assert_int_equal(inner.runs, 0);
	assert_int_equal(store_threshold_put(script->other, 6, 6, NULL), ERR_BUSY);
	assert_int_equal(store_writable(script->other, NULL), ERR_BUSY);
	(void)e;
	return ERR_OK;
}

static void two_connections(void **state)
{
	struct fixture *f = *state;
	struct store *a = fixture_open(f);
	struct store *b = fixture_open(f);
	struct script script = {.other = b};
	struct location_threshold *rows = NULL;
	size_t n;

	assert_int_equal(sqlite3_busy_timeout(b->db, 1), SQLITE_OK);
	assert_ok(store_tx(a, other_is_busy_tx, &script, E));
	assert_non_null(strstr(script.other_error.detail, "another writer"));
	assert_ok(store_thresholds(b, &rows, &n, E));
	assert_int_equal(n, 1);
	assert_int_equal(rows[0].location, 5);
	free(rows);
	script = (struct script){0};
	assert_ok(store_tx(b, add_two_tx, &script, E));
	assert_ok(store_thresholds(a, &rows, &n, E));
	assert_int_equal(n, 2);
	free(rows);
	store_close(a);
	store_close(b);
}

/* A function that handles a failure of one part and goes on must not keep half of that part. */
static enum err survives_a_part_tx(struct store *st, void *arg, struct error *e)
{
	int64_t twice[] = {3, 3};
	struct hold bad = {.nodes = twice, .n_nodes = 2, .until = NOW, .reason = "", .owner = ""};
	struct hold good = {.nodes = twice, .n_nodes = 1, .until = NOW, .reason = "", .owner = ""};

	(void)arg;
	assert_int_equal(store_hold_add(st, &bad, NULL), ERR_CONFLICT);
	return store_hold_add(st, &good, e);
}

static void tx_part_is_whole_or_nothing(void **state)
{
	struct fixture *f = *state;

	assert_ok(store_tx(f->store, survives_a_part_tx, NULL, E));
	assert_int_equal(raw_number(f->store->db, "SELECT count(*) FROM hold"), 1);
	assert_int_equal(raw_number(f->store->db, "SELECT count(*) FROM hold_node"), 1);
}

/*
 * What a full disk does to SQLite: the transaction is gone, and the next write would be a transaction of its
 * own.
 */
static enum err lost_tx(struct store *st, void *arg, struct error *e)
{
	(void)arg;
	assert_ok(store_threshold_put(st, 1, 1, E));
	raw(st->db, "ROLLBACK");
	assert_int_equal(store_threshold_put(st, 2, 2, e), ERR_INTERNAL);
	return ERR_OK; /* carelessly */
}

static void tx_lost_is_noticed(void **state)
{
	struct fixture *f = *state;
	struct error e;

	assert_int_equal(store_tx(f->store, lost_tx, NULL, &e), ERR_INTERNAL);
	assert_non_null(strstr(e.detail, "rolled back"));
	assert_int_equal(raw_number(f->store->db, "SELECT count(*) FROM location_threshold"), 0);
	assert_ok(store_threshold_put(f->store, 2, 2, E));
}

/* --- trouble -------------------------------------------------------------------------------------------- */

static void disk_that_takes_nothing(void **state)
{
	struct fixture *f = *state;
	struct store *st = fixture_open(f);
	struct rlimit old;
	struct rlimit none;
	struct error e;

	assert_ok(store_writable(st, E));
	assert_ok(store_threshold_put(st, 1, 1, E));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	none = old;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	e.code = store_writable(st, &e);
	assert_int_equal(store_threshold_put(st, 2, 2, NULL), ERR_INTERNAL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(e.code, ERR_INTERNAL);
	assert_non_null(strstr(e.detail, "file failed"));
	assert_ok(store_writable(st, E));
	assert_ok(store_threshold_put(st, 3, 3, E));
	assert_int_equal(raw_number(st->db, "SELECT count(*) FROM location_threshold"), 2);
	store_close(st);
}

static void full_database(void **state)
{
	struct fixture *f = *state;
	struct event ev = {
		.time = NOW, .type = EVENT_START, .node_name = "", .actor = "", .reason = "", .rule = ""};
	struct error e;
	int n = 0;
	enum err err;

	raw(f->store->db, "PRAGMA max_page_count = 1"); /* as many as there are */
	do {
		err = store_event_add(f->store, &ev, NULL, &e);
		n++;
	} while (!err && n < 100000);
	assert_int_equal(err, ERR_INTERNAL);
	assert_non_null(strstr(e.detail, "disk is full"));
	raw(f->store->db, "PRAGMA max_page_count = 1000000");
	assert_ok(store_event_add(f->store, &ev, NULL, E));
	assert_int_equal(raw_number(f->store->db, "SELECT count(*) FROM event"), n);
}

static void read_only_database(void **state)
{
	struct fixture *f = *state;
	struct script script = {0};
	struct error e;

	raw(f->store->db, "PRAGMA query_only = ON");
	assert_int_equal(store_threshold_put(f->store, 1, 1, &e), ERR_INTERNAL);
	assert_non_null(strstr(e.detail, "read-only"));
	assert_int_equal(store_writable(f->store, &e), ERR_INTERNAL);
	assert_int_equal(store_tx(f->store, add_two_tx, &script, &e), ERR_INTERNAL);
	raw(f->store->db, "PRAGMA query_only = OFF");
	assert_ok(store_writable(f->store, E));
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(settings_defaults_until_set),
		T(settings_round_trip),
		T(settings_stale_version),
		T(settings_bad_value_changes_nothing),
		T(secret_set_kept_removed),
		T(secret_is_sealed_on_disk),
		T(secret_needs_its_key),
		T(thresholds_round_trip),
		T(wishes_round_trip),
		T(wish_of_nobody_is_empty),
		T(wish_stale_version),
		T(holds_round_trip),
		T(holds_page),
		T(hold_refusals),
		T(hold_removed_with_its_nodes),
		T(holds_ended_are_told_once),
		T(tracks_round_trip),
		T(tracks_know_every_phase_and_state),
		T(text_that_does_not_fit_is_refused),
		T(intents_round_trip),
		T(intents_know_every_kind_and_state),
		T(one_open_intent_per_node),
		T(intent_moves_conflict),
		T(intents_page),
		T(decisions_round_trip),
		T(tokens_round_trip),
		T(token_refusals),
		T(token_is_not_on_disk),
		T(wants_version_moves),
		T(tokens_version_moves),
		T(tx_rolls_back),
		T(tx_tries_again_when_busy),
		T(two_connections),
		T(tx_part_is_whole_or_nothing),
		T(tx_lost_is_noticed),
		T(disk_that_takes_nothing),
		T(full_database),
		T(read_only_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

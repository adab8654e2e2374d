/*
 * The bursting settings (one row, absent until first set) with the sealed AWS secret, and the own thresholds
 * of locations. The columns of the numbers come from BURSTING_NUMBERS: a new one without its migration fails
 * at open.
 */
#include <string.h>

#include "store/sql.h"
#include "store/store.h"

#define NUMBER_NAME(name, least, most, preset)   #name ", "
#define NUMBER_PLACE(name, least, most, preset)  "?, "
#define NUMBER_ASSIGN(name, least, most, preset) #name " = excluded." #name ", "

/* clang-format off */
#define SETTINGS_SQL(X) \
	X(SETTINGS_GET, \
	  "SELECT enabled, mode, tag_value, " BURSTING_NUMBERS(NUMBER_NAME) \
	  "aws_access_key_id, aws_secret IS NOT NULL, allow_lifecycle, lifecycle_access_key_id, lifecycle_secret IS NOT NULL, " \
	  "version FROM settings") \
	X(SETTINGS_VERSION, "SELECT version FROM settings") \
	X(SETTINGS_PUT, \
	  "INSERT INTO settings (id, enabled, mode, tag_value, " BURSTING_NUMBERS(NUMBER_NAME) \
	  "aws_access_key_id, allow_lifecycle, lifecycle_access_key_id, version) " \
	  "VALUES (1, ?, ?, ?, " BURSTING_NUMBERS(NUMBER_PLACE) "?, ?, ?, ?) " \
	  "ON CONFLICT (id) DO UPDATE SET enabled = excluded.enabled, mode = excluded.mode, " \
	  "tag_value = excluded.tag_value, " BURSTING_NUMBERS(NUMBER_ASSIGN) \
	  "aws_access_key_id = excluded.aws_access_key_id, allow_lifecycle = excluded.allow_lifecycle, " \
	  "lifecycle_access_key_id = excluded.lifecycle_access_key_id, version = excluded.version") \
	X(SECRET_GET, "SELECT aws_secret FROM settings WHERE aws_secret IS NOT NULL") \
	X(SECRET_PUT, "UPDATE settings SET aws_secret = ?") \
	X(LIFECYCLE_SECRET_GET, "SELECT lifecycle_secret FROM settings WHERE lifecycle_secret IS NOT NULL") \
	X(LIFECYCLE_SECRET_PUT, "UPDATE settings SET lifecycle_secret = ?") \
	X(THRESHOLDS, "SELECT location, threshold FROM location_threshold ORDER BY location") \
	X(THRESHOLD_PUT, \
	  "INSERT INTO location_threshold (location, threshold) VALUES (?, ?) " \
	  "ON CONFLICT (location) DO UPDATE SET threshold = excluded.threshold") \
	X(THRESHOLD_REMOVE, "DELETE FROM location_threshold WHERE location = ?")
/* clang-format on */
SQL_TABLE(settings, SETTINGS_SQL)

/* Sealed together with the secret, so that the bytes open as nothing else. */
static const struct secret_place {
	int get, put; /* statements */
	const char *label;
	const char *name;
} secret_places[] = {
	[SETTINGS_AWS] = {SECRET_GET, SECRET_PUT, "settings.aws_secret_access_key", "AWS secret access key"},
	[SETTINGS_LIFECYCLE] = {LIFECYCLE_SECRET_GET, LIFECYCLE_SECRET_PUT,
				"settings.lifecycle_secret_access_key", "life-cycle secret access key"},
};

static void settings_row(struct sql *q, struct bursting_settings *s)
{
	s->enabled = sql_get_bool(q);
	if (burst_mode_from_text(sql_get_text(q), &s->mode))
		sql_fail(q, "unknown mode");
	SQL_GET_ARRAY(q, s->tag_value);
#define X(name, least, most, preset) s->name = sql_get_int32(q);
	BURSTING_NUMBERS(X)
#undef X
	SQL_GET_ARRAY(q, s->aws_access_key_id);
	s->aws_secret_access_key_set = sql_get_bool(q);
	s->allow_lifecycle = sql_get_bool(q);
	SQL_GET_ARRAY(q, s->lifecycle_access_key_id);
	s->lifecycle_secret_access_key_set = sql_get_bool(q);
	s->version = sql_get_int(q);
}

enum err store_settings_get(struct store *st, struct bursting_settings *ret, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, SETTINGS_GET, e);
	struct bursting_settings s = bursting_defaults;

	s.version = 0;
	if (sql_row(&q))
		settings_row(&q, &s);
	if (!q.err)
		*ret = s;
	return q.err;
}

static enum err settings_version(struct store *st, int64_t *ret, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, SETTINGS_VERSION, e);

	*ret = sql_row(&q) ? sql_get_int(&q) : 0;
	return q.err;
}

static enum err settings_write(struct store *st, const struct bursting_settings *s, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, SETTINGS_PUT, e);

	sql_put_int(&q, s->enabled);
	sql_put_text(&q, burst_mode_text(s->mode));
	sql_put_text(&q, s->tag_value);
#define X(name, least, most, preset) sql_put_int(&q, s->name);
	BURSTING_NUMBERS(X)
#undef X
	sql_put_text(&q, s->aws_access_key_id);
	sql_put_int(&q, s->allow_lifecycle);
	sql_put_text(&q, s->lifecycle_access_key_id);
	sql_put_int(&q, s->version + 1);
	return sql_run(&q);
}

static enum err secret_write(struct store *st, enum settings_secret which, const char *secret,
			     struct error *e)
{
	const struct secret_place *place = &secret_places[which];
	_cleanup_(freep) uint8_t *sealed = NULL;
	_cleanup_(sql_end) struct sql q = sql(st, place->put, e);
	size_t len = 0;
	enum err err;

	if (*secret) {
		if ((err = secret_seal(st->key, place->label, secret, &sealed, &len, e)))
			return err;
		sql_put_blob(&q, sealed, len);
	} else {
		sql_put_null(&q);
	}
	return sql_run(&q);
}

struct settings_put {
	const struct bursting_settings *settings;
	const struct settings_secrets *secrets;
};

static enum err settings_put_tx(struct store *st, void *arg, struct error *e)
{
	const struct settings_put *put = arg;
	int64_t version;
	enum err err;

	if ((err = settings_version(st, &version, e)))
		return err;
	if (version != put->settings->version)
		return error_set(e, ERR_PRECONDITION,
				 "The settings were changed by someone else in the meantime.");
	if ((err = settings_write(st, put->settings, e)))
		return err;
	for (int i = 0; !err && i < SETTINGS_SECRETS; i++)
		if (put->secrets && put->secrets->text[i])
			err = secret_write(st, (enum settings_secret)i, put->secrets->text[i], e);
	return err;
}

enum err store_settings_put(struct store *st, const struct bursting_settings *s,
			    const struct settings_secrets *secrets, int64_t *ret_version, struct error *e)
{
	struct settings_put put = {.settings = s, .secrets = secrets};
	enum err err = sql_write(st, settings_put_tx, &put, e);

	if (!err && ret_version)
		*ret_version = s->version + 1;
	return err;
}

enum err store_settings_secret(struct store *st, enum settings_secret which, char **ret, struct error *e)
{
	const struct secret_place *place = &secret_places[which];
	_cleanup_(sql_end) struct sql q = sql(st, place->get, e);
	const void *sealed;
	char *text = NULL;

	if (sql_row(&q)) {
		sealed = sqlite3_column_blob(q.statement, 0);
		if (secret_open(st->key, place->label, sealed, (size_t)sqlite3_column_bytes(q.statement, 0),
				&text, NULL))
			q.err = error_set(
				e, ERR_INTERNAL,
				"The stored %s was not sealed with this key file: restore the key file of "
				"this database, or set the secret again.",
				place->name);
	}
	if (!q.err)
		*ret = text;
	return q.err;
}

static void threshold_row(struct sql *q, void *out)
{
	struct location_threshold *t = out;

	t->location = sql_get_int(q);
	t->threshold = sql_get_int32(q);
}

enum err store_thresholds(struct store *st, struct location_threshold **ret, size_t *ret_n, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, THRESHOLDS, e);
	void *rows;
	enum err err;

	if ((err = sql_list(&q, sizeof(**ret), threshold_row, NULL, &rows, ret_n)))
		return err;
	*ret = rows;
	return ERR_OK;
}

enum err store_threshold_put(struct store *st, int64_t location, int threshold, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, threshold ? THRESHOLD_PUT : THRESHOLD_REMOVE, e);

	sql_put_int(&q, location);
	if (threshold)
		sql_put_int(&q, threshold);
	return sql_run(&q);
}

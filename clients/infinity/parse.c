/*
 * Infinity's JSON into plain rows. Reads through a `struct reader` that remembers the first field at fault,
 * so that a parser reads like the list of its fields. No I/O, no state.
 */
#include "clients/infinity/parse.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/limits.h"
#include "clients/infinity/prune.h"

/* Larger than any count Infinity can mean, small enough that products of two fit 64 bits. */
#define FIGURE_MAX 1000000000

struct reader {
	const json_t *object;
	struct arena *arena;
	const char *const *fields; /* of the list, or NULL = not of a list */
	bool failed;
	char *why; /* PARSE_WHY_SIZE */
};

/* jansson parses by recursion, up to 2,048 levels: our own limit is checked before it starts. */
static bool too_deep(const char *text, size_t len)
{
	int depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '[') && ++depth > LIMIT_UPSTREAM_JSON_DEPTH)
			return true;
		else if (!quoted && (c == '}' || c == ']'))
			depth--;
	}
	return false;
}

json_t *infinity_json_load(const char *text, size_t len, char why[PARSE_WHY_SIZE])
{
	json_error_t at;
	json_t *ret;

	if (!len) {
		(void)snprintf(why, PARSE_WHY_SIZE, "the answer is empty");
		return NULL;
	}
	if (too_deep(text, len)) {
		(void)snprintf(why, PARSE_WHY_SIZE, "the answer is nested deeper than %d levels",
			       LIMIT_UPSTREAM_JSON_DEPTH);
		return NULL;
	}
	/* A display name may hold \u0000; refusing it would blind us to the whole platform. */
	ret = json_loadb(text, len, JSON_ALLOW_NUL, &at);
	/* jansson's own words quote the answer, which may hold a PIN or a token. */
	if (!ret)
		(void)snprintf(why, PARSE_WHY_SIZE, "the answer is not JSON: line %d column %d", at.line,
			       at.column);
	return ret;
}

/* Where the shortened answer is no JSON the whole one is not either, and its place of fault is the one to tell. */
json_t *infinity_json_load_list(const struct infinity_list *list, const char *text, size_t len,
				char why[PARSE_WHY_SIZE])
{
	struct buf kept = BUF_INIT(len);
	json_t *ret = NULL;

	if (list->fields && infinity_prune(text, len, list->fields, &kept) && !too_deep(kept.data, kept.len))
		ret = json_loadb(kept.data, kept.len, JSON_ALLOW_NUL, NULL);
	buf_free(&kept);
	return ret ? ret : infinity_json_load(text, len, why);
}

__attribute__((format(printf, 2, 3))) static void fail(struct reader *r, const char *format, ...)
{
	va_list args;

	if (r->failed)
		return;
	r->failed = true;
	va_start(args, format);
	(void)vsnprintf(r->why, PARSE_WHY_SIZE, format, args);
	va_end(args);
}

static const char *type_name(const json_t *value)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "an object",   [JSON_ARRAY] = "a list",  [JSON_STRING] = "a text",
		[JSON_INTEGER] = "an integer", [JSON_REAL] = "a number", [JSON_TRUE] = "a truth",
		[JSON_FALSE] = "a truth",      [JSON_NULL] = "null",
	};

	return value ? names[json_typeof(value)] : "missing";
}

/* Whether the field is in the list's table: one that is not would silently be missing from each answer. */
static bool listed(const struct reader *r, const char *name)
{
	for (const char *const *f = r->fields; f && *f; f++)
		if (strcmp(*f, name) == 0)
			return true;
	return !r->fields;
}

/* The field's value, NULL where it is missing or null: Infinity uses both for "nothing". */
static const json_t *field(const struct reader *r, const char *name)
{
	const json_t *value = json_object_get(r->object, name);

	assert(listed(r, name));
	return json_is_null(value) ? NULL : value;
}

static void wrong_type(struct reader *r, const char *name, const char *wanted)
{
	fail(r, "field \"%s\" is %s, not %s", name, type_name(json_object_get(r->object, name)), wanted);
}

static int64_t read_id(struct reader *r, const char *name)
{
	const json_t *value = field(r, name);

	if (json_is_integer(value) && json_integer_value(value) > 0)
		return json_integer_value(value);
	wrong_type(r, name, "an id above zero");
	return 0;
}

static const char *keep_text(struct reader *r, const json_t *value)
{
	return arena_strndup(r->arena, json_string_value(value), json_string_length(value));
}

static const char *need_text(struct reader *r, const char *name)
{
	const json_t *value = field(r, name);

	if (json_is_string(value))
		return keep_text(r, value);
	wrong_type(r, name, "a text");
	return "";
}

/* NULL where the field is missing, null or empty. */
static const char *read_text(struct reader *r, const char *name)
{
	const json_t *value = field(r, name);

	if (value && !json_is_string(value))
		wrong_type(r, name, "a text");
	return json_is_string(value) && json_string_length(value) ? keep_text(r, value) : NULL;
}

static bool need_flag(struct reader *r, const char *name)
{
	const json_t *value = field(r, name);

	if (!json_is_boolean(value))
		wrong_type(r, name, "true or false");
	return json_is_true(value);
}

static bool read_flag(struct reader *r, const char *name, bool fallback)
{
	return field(r, name) ? need_flag(r, name) : fallback;
}

/*
 * A count, integer or float. Fractions are rounded to the careful side: use (`up`) upwards, capacity
 * downwards. Missing and negative figures count as `missing`.
 */
static int read_figure(struct reader *r, const char *name, bool up, int missing)
{
	const json_t *value = field(r, name);
	double figure = json_number_value(value);

	if (!value)
		return missing;
	if (!json_is_number(value)) {
		wrong_type(r, name, "a number");
		return missing;
	}
	if (figure > FIGURE_MAX) {
		fail(r, "field \"%s\" is above %d", name, FIGURE_MAX);
		return missing;
	}
	return figure < 0 ? missing : (int)(up ? ceil(figure) : floor(figure));
}

/* The id in a reference: ".../system_location/4/". 0 where it is null. */
static int64_t read_link(struct reader *r, const char *name, const char *resource)
{
	const json_t *value = field(r, name);
	const char *uri = json_string_value(value);
	size_t len = strlen(resource);
	const char *at;

	if (!value)
		return 0;
	for (at = uri; at && (at = strstr(at, resource)); at += len) {
		char *end = NULL;
		long long id = at[len] == '/' ? strtoll(at + len + 1, &end, 10) : 0;

		if (id > 0 && at > uri && at[-1] == '/' && (strcmp(end, "/") == 0 || *end == '\0'))
			return id;
	}
	fail(r, "field \"%s\" is not the address of a %s", name, resource);
	return 0;
}

/*
 * 0 for null, "" and every text that is no time: how the API spells "Never" is not documented, and a node
 * without a time counts as not heard of, which stops nothing and adds no capacity.
 */
static int64_t read_time(struct reader *r, const char *name)
{
	const json_t *value = field(r, name);
	int64_t ret = 0;

	if (value && !json_is_string(value))
		wrong_type(r, name, "a time");
	if (!json_is_string(value) || time_parse(json_string_value(value), &ret) || ret < 0)
		return 0;
	return ret;
}

/* A role that burstd does not know brings no capacity: it counts as proxying. */
static enum node_role read_role(struct reader *r)
{
	const char *type = read_text(r, "node_type");

	if (!type)
		return read_flag(r, "transcoding", true) ? ROLE_TRANSCODING : ROLE_PROXYING;
	return strcasecmp(type, "CONFERENCING") == 0 ? ROLE_TRANSCODING : ROLE_PROXYING;
}

static void read_node(struct reader *r, struct node_row *row)
{
	const char *reason = read_text(r, "maintenance_mode_reason");

	row->id = read_id(r, "id");
	row->name = need_text(r, "name");
	row->address = need_text(r, "address");
	row->location = read_link(r, "system_location", "system_location");
	row->role = read_role(r);
	row->maintenance = need_flag(r, "maintenance_mode");
	row->maintenance_reason = reason ? reason : "";
	row->static_nat = read_text(r, "static_nat_address");
	row->distributed_database = read_flag(r, "enable_distributed_database", true);
}

static void read_location(struct reader *r, struct location_row *row)
{
	row->id = read_id(r, "id");
	row->name = need_text(r, "name");
	row->description = read_text(r, "description");
	row->overflow1 = read_link(r, "overflow_location1", "system_location");
	row->overflow2 = read_link(r, "overflow_location2", "system_location");
}

static void read_manager(struct reader *r, struct manager_row *row)
{
	row->hostname = read_text(r, "hostname");
	row->address = read_text(r, "address");
	row->primary = read_flag(r, "primary", false);
}

/* Times decide over words: a node that was never heard of is not synced, whatever its sync_status says. */
static enum node_sync sync_of(const char *text, int64_t last_updated)
{
	if (!last_updated)
		return SYNC_NEVER;
	if (!text)
		return SYNC_OTHER;
	if (strcasecmp(text, "SYNCED") == 0)
		return SYNC_SYNCED;
	return strcasecmp(text, "SUSPENDED") == 0 ? SYNC_SUSPENDED : SYNC_OTHER;
}

static void read_status(struct reader *r, struct status_row *row)
{
	row->node = read_id(r, field(r, "configuration_id") ? "configuration_id" : "id");
	row->sync_text = read_text(r, "sync_status");
	row->last_updated = read_time(r, "last_updated");
	row->sync = sync_of(row->sync_text, row->last_updated);
	row->maintenance = read_flag(r, "maintenance_mode", false);
	row->max_hd = read_figure(r, "max_hd_calls", false, 0);
	row->media_load = read_figure(r, "media_load", true, -1);
	if (row->media_load > 100)
		row->media_load = 100;
	row->tokens_max = read_figure(r, "max_media_tokens", false, -1);
	row->tokens_used = read_figure(r, "media_tokens_used", true, -1);
	row->signaling = read_figure(r, "signaling_count", true, 0);
}

static void read_shard(struct reader *r, struct shard_row *row)
{
	row->node = read_text(r, "node");
}

static void read_participant(struct reader *r, struct participant_row *row)
{
	row->media = read_text(r, "media_node");
	row->signalling = read_text(r, "signalling_node");
	row->proxy = read_text(r, "proxy_node");
}

static void read_licence(struct reader *r, struct licence_row *row)
{
	row->used = read_figure(r, "port_count", true, -1);
	row->total = read_figure(r, "port_total", false, -1);
}

static void read_monitor(struct reader *r, const char *location, struct monitor_row *row)
{
	row->location = read_id(r, location);
	row->free_hd = read_figure(r, "free_hd_calls", false, -1);
	row->max_hd = read_figure(r, "max_hd_calls", false, -1);
}

static void read_monitored(struct reader *r, struct monitor_row *row)
{
	read_monitor(r, "id", row);
}

/* An overflow location's own id is the monitor's, not the configuration's. */
static void read_overflow(struct reader *r, struct monitor_row *row)
{
	read_monitor(r, "systemlocation_id", row);
}

static void read_dns(struct reader *r, struct server_row *row)
{
	row->address = need_text(r, "address");
}

static void read_ntp(struct reader *r, struct server_row *row)
{
	row->address = need_text(r, "address");
}

/* Infinity gives a day, in which the licence is still good. */
static int64_t read_last_day(struct reader *r, const char *name)
{
	const char *day = json_string_value(field(r, name));
	char end[32];
	int64_t ret = 0;

	if (!day || strlen(day) != 10)
		return read_time(r, name);
	(void)snprintf(end, sizeof(end), "%.10sT23:59:59Z", day);
	return time_parse(end, &ret) ? 0 : ret;
}

static void read_entitlement(struct reader *r, struct term_row *row)
{
	row->name = need_text(r, "fulfillment_id");
	row->ends_at = read_last_day(r, "expiration_date");
}

static void read_certificate(struct reader *r, struct term_row *row)
{
	const char *name = read_text(r, "subject_name");

	row->name = name ? name : "without a subject";
	row->ends_at = read_time(r, "end_date");
}

static void read_placement(struct reader *r, struct placement_row *row)
{
	row->name = need_text(r, "name");
	row->address = read_text(r, "address");
	row->netmask = read_text(r, "netmask");
	row->gateway = read_text(r, "gateway");
}

bool infinity_parse_global(const json_t *object, struct arena *arena, struct global_row *ret_row,
			   char why[PARSE_WHY_SIZE])
{
	struct reader r = {.object = object, .arena = arena, .why = why};
	struct global_row row;

	row.bursting_enabled = need_flag(&r, "bursting_enabled");
	row.bursting_threshold = read_figure(&r, "bursting_threshold", false, 0);
	row.bursting_lifetime = read_figure(&r, "bursting_min_lifetime", false, 0);
	row.cloud_provider = read_text(&r, "cloud_provider");
	row.aws_access_key = read_text(&r, "aws_access_key");
	row.aws_secret_set = json_string_length(field(&r, "aws_secret_key")) > 0;
	if (!r.failed)
		*ret_row = row;
	return !r.failed;
}

/* Every field that a parser reads, and the id of lists that have one. */
#define FIELDS(name, ...) static const char *const fields_##name[] = {__VA_ARGS__, NULL}
FIELDS(node, "id", "name", "address", "system_location", "node_type", "transcoding", "maintenance_mode",
       "maintenance_mode_reason", "static_nat_address", "enable_distributed_database");
FIELDS(location, "id", "name", "description", "overflow_location1", "overflow_location2");
FIELDS(manager, "id", "hostname", "address", "primary");
FIELDS(status, "id", "configuration_id", "sync_status", "last_updated", "maintenance_mode", "max_hd_calls",
       "media_load", "max_media_tokens", "media_tokens_used", "signaling_count");
FIELDS(shard, "id", "node");
FIELDS(participant, "id", "media_node", "signalling_node", "proxy_node");
FIELDS(licence, "port_count", "port_total");
FIELDS(monitored, "id", "free_hd_calls", "max_hd_calls");
FIELDS(overflow, "id", "systemlocation_id", "free_hd_calls", "max_hd_calls");
FIELDS(dns, "id", "address");
FIELDS(ntp, "id", "address");
FIELDS(entitlement, "fulfillment_id", "expiration_date");
FIELDS(certificate, "id", "subject_name", "end_date");
FIELDS(placement, "id", "name", "address", "netmask", "gateway");

#define X(name, module, resource, type, keyed)                                                               \
	static bool parse_##name(const json_t *object, struct arena *arena, void *ret_row,                   \
				 char why[PARSE_WHY_SIZE])                                                   \
	{                                                                                                    \
		struct reader r = {.object = object, .arena = arena, .fields = fields_##name, .why = why};   \
                                                                                                             \
		read_##name(&r, ret_row);                                                                    \
		return !r.failed;                                                                            \
	}
INFINITY_LISTS(X)
#undef X

const struct infinity_list infinity_lists[LIST_COUNT] = {
#define X(name, module, resource_, type, keyed_)                                                             \
	[LIST_##name] = {.path = "/api/admin/" #module "/v1/" #resource_ "/",                                \
			 .resource = #module "/" #resource_,                                                 \
			 .row_size = sizeof(type),                                                           \
			 .key = keyed_ ? "id" : NULL,                                                        \
			 .fields = fields_##name,                                                            \
			 .parse = parse_##name},
	INFINITY_LISTS(X)
#undef X
};

/*
 * Whole objects of Infinity's configuration. Owns the table of what may be written: a read-only resource, a singleton that would
 * be made or deleted, and an id that is none are refused here, and nothing is sent. Reading goes through the list reader
 * (list.c), which follows every page and counts; the objects are kept as they came. Threads: those of the client.
 */
#include "clients/infinity/resource.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "clients/infinity/list.h"
#include "clients/infinity/resource_send.h"

#define PATH_SIZE      128
#define FILTER_MAX     4096
#define NAME_SIZE      96
#define REMEDY_OUR_BUG "Report this: burstd built a request that it must not send."

struct resource_row {
	const char *path; /* "configuration/worker_vm" */
	bool write;
};

static const struct resource_row resources[RESOURCE_COUNT] = {
#define X(name, path_, write_) [RESOURCE_##name] = {.path = path_, .write = write_},
	INFINITY_RESOURCES(X)
#undef X
};

/* --- addresses ------------------------------------------------------------------------------------------------------ */

/* "/api/admin/configuration/v1/worker_vm/" */
static void list_path(enum infinity_resource resource, char out[PATH_SIZE])
{
	const char *path = resources[resource].path;
	size_t module = strcspn(path, "/");

	(void)snprintf(out, PATH_SIZE, "/api/admin/%.*s/v1/%s/", (int)module, path, path + module + 1);
}

void infinity_reference(enum infinity_resource resource, int64_t id, char out[128])
{
	char path[PATH_SIZE];

	list_path(resource, path);
	(void)snprintf(out, PATH_SIZE, "%.100s%" PRId64 "/", path, id);
}

/* Digits alone, perhaps with a slash behind them; 0 for all else. */
static int64_t read_digits(const char *text)
{
	char *end = NULL;
	long long id;

	if (*text < '1' || *text > '9')
		return 0;
	errno = 0;
	id = strtoll(text, &end, 10);
	return errno == 0 && (*end == '\0' || strcmp(end, "/") == 0) ? id : 0;
}

/* The path of an absolute address; a relative one as it is. */
static const char *path_of(const char *address)
{
	if (strncasecmp(address, "https://", 8) == 0)
		return strchr(address + 8, '/');
	return strncasecmp(address, "http://", 7) == 0 ? strchr(address + 7, '/') : address;
}

int64_t infinity_reference_id(enum infinity_resource resource, const char *reference)
{
	const char *at = reference ? path_of(reference) : NULL;
	char path[PATH_SIZE];

	list_path(resource, path);
	if (!at || strncmp(at, path, strlen(path)) != 0)
		return 0;
	return read_digits(at + strlen(path));
}

/* --- refusals ------------------------------------------------------------------------------------------------------- */

static bool refuse(enum infinity_resource resource, const char *why, struct upstream_error *e)
{
	upstream_error_set(e, UPSTREAM_BUG, 0, "request", "infinity_request", REMEDY_OUR_BUG, "%s: %s",
			   resources[resource].path, why);
	return false;
}

/* One of each, which comes with the platform: deleting the Management Node's would be the platform's end. */
static bool is_singleton(enum infinity_resource resource)
{
	return resource == RESOURCE_GLOBAL || resource == RESOURCE_MANAGEMENT_VM;
}

static bool check_write(enum infinity_resource resource, enum http_method method, int64_t id,
			struct upstream_error *e)
{
	if (!resources[resource].write)
		return refuse(resource, "is only read", e);
	if (is_singleton(resource) && method != METHOD_PATCH)
		return refuse(resource, "is neither made nor deleted", e);
	if (method != METHOD_POST && id <= 0)
		return refuse(resource, "no such object", e);
	return true;
}

/* --- reading -------------------------------------------------------------------------------------------------------- */

static const char *key_of(enum infinity_resource resource)
{
	return resource == RESOURCE_LICENCE ? "fulfillment_id" : "id";
}

/* An id as a number or, like a licence's, as a text. 0 where it is none. */
static int64_t id_value(const json_t *value)
{
	return json_is_string(value) ? read_digits(json_string_value(value)) : json_integer_value(value);
}

/* Status objects are asked for by the configuration's id, and may have one of their own. */
static bool is_object_of(enum infinity_resource resource, int64_t id, const json_t *object)
{
	return json_is_object(object) && (id_value(json_object_get(object, key_of(resource))) == id ||
					  id_value(json_object_get(object, "configuration_id")) == id);
}

bool infinity_resource_get(struct infinity_client *client, enum infinity_resource resource, int64_t id,
			   json_t **ret, struct upstream_error *e)
{
	char path[PATH_SIZE];
	char name[NAME_SIZE];
	json_auto_t *object = NULL;

	if (id <= 0)
		return refuse(resource, "no such object", e);
	infinity_reference(resource, id, path);
	(void)snprintf(name, sizeof name, "%s/%" PRId64, resources[resource].path, id);
	object = infinity_get(client, path, name, e);
	if (!object && e->http_status != 404)
		return false;
	if (object && !is_object_of(resource, id, object))
		return infinity_error_content(e, name, "the answer is not the object that was asked for");
	*ret = take_ptr(object);
	return true;
}

static bool keep_object(const json_t *object, struct arena *arena, void *ret_row, char why[PARSE_WHY_SIZE])
{
	(void)arena;
	(void)why;
	*(json_t **)ret_row = json_incref((json_t *)(uintptr_t)object);
	return true;
}

static void drop_object(void *row)
{
	json_decref(*(json_t **)row);
}

struct search {
	const char *field; /* NULL = all objects */
	const char *value;
	const char *filter; /* as infinity_list_search has it */
};

/* What the list has, appended to `objects`. */
static bool read_list(struct infinity_client *client, enum infinity_resource resource,
		      const struct search *search, json_t *objects, struct upstream_error *e)
{
	char path[PATH_SIZE];
	struct infinity_list list = {.path = path,
				     .resource = resources[resource].path,
				     .row_size = sizeof(json_t *),
				     .key = key_of(resource),
				     .match_field = search->field,
				     .match_text = search->value,
				     .parse = keep_object,
				     .drop = drop_object};
	_cleanup_(arena_freep) struct arena *ids = arena_new(LIMIT_REPORT_BYTES);
	_cleanup_(infinity_rows_free) struct rows rows = {0};
	bool good = ids && objects;

	list_path(resource, path);
	if (!good)
		return infinity_error_memory(e, list.resource);
	good = infinity_list_search(client, &list, search->filter, ids, &rows, e);
	if (good && rows.partial[0]) {
		good = false;
		upstream_error_set(e, UPSTREAM_RETRY, 200, "moved", "infinity_answer", "",
				   "%s: the list changed while it was read: %s", list.resource, rows.partial);
	}
	for (size_t i = 0; good && i < rows.n; i++) {
		json_t *object = ((json_t **)rows.items)[i];

		if (object && json_array_append(objects, object))
			good = infinity_error_memory(e, list.resource);
	}
	infinity_rows_clear(&list, &rows);
	return good;
}

bool infinity_resource_list(struct infinity_client *client, enum infinity_resource resource, json_t **ret,
			    struct upstream_error *e)
{
	json_auto_t *objects = json_array();

	if (!read_list(client, resource, &(struct search){.filter = ""}, objects, e))
		return false;
	*ret = take_ptr(objects);
	return true;
}

/*
 * The filter saves reading the whole list; what counts is the comparison of what comes. A platform may ignore it, and one that does
 * not let the field be filtered by answers 400: then the whole list is read.
 */
bool infinity_resource_find(struct infinity_client *client, enum infinity_resource resource,
			    const char *field, const char *value, json_t **ret, struct upstream_error *e)
{
	_cleanup_(buf_wipe) struct buf filter = BUF_INIT(FILTER_MAX);
	struct search search = {.field = field, .value = value};
	json_auto_t *objects = json_array();
	bool good;

	buf_puts(&filter, "&");
	buf_put_urlencoded(&filter, field);
	buf_puts(&filter, "=");
	buf_put_urlencoded(&filter, value);
	if (filter.failed)
		return refuse(resource, "the text to look for is too long", e);
	search.filter = filter.data;
	good = read_list(client, resource, &search, objects, e);
	if (!good && e->http_status == 400) {
		search.filter = "";
		good = read_list(client, resource, &search, objects, e);
	}
	if (good)
		*ret = json_incref(json_array_get(objects, 0));
	return good;
}

/* --- writing -------------------------------------------------------------------------------------------------------- */

static void answer_wipe(struct http_answer *answer)
{
	buf_wipe(&answer->body);
}

static void secret_freep(char **text)
{
	secret_free(*text);
}

/* As JSON text in one piece of memory, the caller's (secret_free): it may hold secrets. NULL: it has no field, or no memory. */
static char *object_text(const json_t *object)
{
	size_t size = json_object_size(object) ? json_dumpb(object, NULL, 0, JSON_COMPACT) : 0;
	char *text = size ? malloc(size + 1) : NULL;

	if (text)
		text[json_dumpb(object, text, size, JSON_COMPACT)] = '\0';
	return text;
}

static enum infinity_aim aim_of(enum infinity_resource resource)
{
	return resource == RESOURCE_SYSTEM_LOCATION ? AIM_LOCATION : AIM_RESOURCE;
}

bool infinity_resource_post(struct infinity_client *client, enum infinity_resource resource,
			    const struct resource_text *text, int64_t *ret_id, struct buf *ret_body,
			    struct upstream_error *e)
{
	_cleanup_(answer_wipe) struct http_answer answer = {0};
	char path[PATH_SIZE];
	struct infinity_request request = {.method = METHOD_POST,
					   .path = path,
					   .resource = resources[resource].path,
					   .aim = aim_of(resource),
					   .body = text->body,
					   .sent = text->sent,
					   .answer_max = LIMIT_BOOTSTRAP_BYTES};
	int64_t id;

	list_path(resource, path);
	if (!check_write(resource, METHOD_POST, 0, e) || !infinity_exchange(client, &request, &answer, e))
		return false;
	id = infinity_reference_id(resource, answer.location);
	if (!id) {
		upstream_error_set(e, UPSTREAM_RETRY, answer.status, "wrong_answer", "infinity_answer", "",
				   "%s: the answer does not tell the new object's id", request.resource);
		return false;
	}
	*ret_id = id;
	if (ret_body) {
		answer.body.secret = true;
		*ret_body = answer.body;
		answer.body = BUF_INIT(0);
	}
	return true;
}

bool infinity_resource_change(struct infinity_client *client, enum infinity_resource resource,
			      enum http_method method, int64_t id, const struct resource_text *text,
			      struct upstream_error *e)
{
	_cleanup_(answer_wipe) struct http_answer answer = {0};
	char path[PATH_SIZE];
	char name[NAME_SIZE];
	struct infinity_request request = {.method = method,
					   .path = path,
					   .resource = name,
					   .aim = aim_of(resource),
					   .body = text->body,
					   .sent = text->sent};

	if (!check_write(resource, method, id, e))
		return false;
	infinity_reference(resource, id, path);
	(void)snprintf(name, sizeof name, "%s/%" PRId64, resources[resource].path, id);
	return infinity_exchange(client, &request, &answer, e);
}

bool infinity_resource_create(struct infinity_client *client, enum infinity_resource resource,
			      const json_t *object, int64_t *ret_id, struct buf *ret_body,
			      struct upstream_error *e)
{
	_cleanup_(secret_freep) char *body = object_text(object);

	if (!body)
		return refuse(resource, "nothing to send", e);
	return infinity_resource_post(client, resource, &(struct resource_text){body, object}, ret_id,
				      ret_body, e);
}

bool infinity_resource_update(struct infinity_client *client, enum infinity_resource resource, int64_t id,
			      const json_t *fields, struct upstream_error *e)
{
	_cleanup_(secret_freep) char *body = object_text(fields);

	if (!body)
		return refuse(resource, "nothing to send", e);
	return infinity_resource_change(client, resource, METHOD_PATCH, id,
					&(struct resource_text){body, fields}, e);
}

bool infinity_resource_delete(struct infinity_client *client, enum infinity_resource resource, int64_t id,
			      struct upstream_error *e)
{
	return infinity_resource_change(client, resource, METHOD_DELETE, id, &(struct resource_text){0}, e);
}

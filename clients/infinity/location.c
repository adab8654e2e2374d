/*
 * Changes to locations: what is sent and what is read of the answer are pure functions of their own (location.h); here they
 * are put together. Threads: those of the client.
 */
#include "clients/infinity/location.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/infinity/list.h"

#define FIND_PATH_MAX 2048 /* a name of LOCATION_NAME_MAX bytes, each escaped, and the list's path */

/* --- building ------------------------------------------------------------------------------------------------------ */

/* A reference to a location, or null. */
static json_t *reference(int64_t id)
{
	return id ? json_sprintf("%s%" PRId64 "/", infinity_lists[LIST_location].path, id) : json_null();
}

char *infinity_location_body(const struct location_change *c)
{
	json_auto_t *body = json_object();
	int failed = 0;

	if (c->fields & LOCATION_NAME)
		failed |= json_object_set_new(body, "name", json_string(c->name));
	if (c->fields & LOCATION_DESCRIPTION)
		failed |= json_object_set_new(body, "description", json_string(c->description));
	if (c->fields & LOCATION_PRIMARY)
		failed |= json_object_set_new(body, "overflow_location1", reference(c->overflow1));
	if (c->fields & LOCATION_SECONDARY)
		failed |= json_object_set_new(body, "overflow_location2", reference(c->overflow2));
	return failed || json_object_size(body) == 0 ? NULL : json_dumps(body, JSON_COMPACT);
}

void infinity_location_query(const char *name, struct buf *out)
{
	buf_printf(out, "%s?limit=500&name=", infinity_lists[LIST_location].path);
	for (const char *c = name; *c; c++)
		if (isalnum((unsigned char)*c) || strchr("-._~", *c)) /* RFC 3986 unreserved */
			buf_append(out, c, 1);
		else
			buf_printf(out, "%%%02X", (unsigned)(unsigned char)*c);
}

/* --- parsing -------------------------------------------------------------------------------------------------------- */

int64_t infinity_location_made(const struct http_answer *answer)
{
	const char *path = infinity_lists[LIST_location].path;
	const char *at = strstr(answer->location, path);
	char *end = NULL;
	long long id = at ? strtoll(at + strlen(path), &end, 10) : 0;

	return id > 0 && (*end == '\0' || strcmp(end, "/") == 0) ? id : 0;
}

bool infinity_location_found(const json_t *page, const char *name, int64_t *ret_id, const char **ret_why)
{
	const json_t *objects = json_object_get(page, "objects");
	const json_t *total = json_object_get(json_object_get(page, "meta"), "total_count");
	int64_t found = 0;
	json_t *row;
	size_t i;

	*ret_why = "it is not a list with its count";
	if (!json_is_array(objects) || !json_is_integer(total))
		return false;
	json_array_foreach((json_t *)(uintptr_t)objects, i, row)
	{
		const char *its = json_string_value(json_object_get(row, "name"));
		int64_t id = json_integer_value(json_object_get(row, "id"));

		if (its && strcmp(its, name) == 0 && id > 0)
			found = id;
	}
	*ret_why = "it has more pages, and the name is not on the first";
	if (!found && (size_t)json_integer_value(total) != json_array_size(objects))
		return false;
	*ret_id = found;
	return true;
}

/* --- sending -------------------------------------------------------------------------------------------------------- */

static bool not_sendable(const char *resource, struct upstream_error *e)
{
	upstream_error_set(e, UPSTREAM_BUG, 0, "request", "infinity_request",
			   "Report this: burstd built a request that it must not send.",
			   "%s: no such location, or nothing to change", resource);
	return false;
}

/* PATCH or DELETE of one location. */
static bool change_one(struct infinity_client *client, enum http_method method, int64_t id, const char *body,
		       struct upstream_error *e)
{
	_cleanup_(http_answer_free) struct http_answer answer = {0};
	char path[128];
	char resource[64];
	struct infinity_request request = {
		.method = method, .path = path, .resource = resource, .aim = AIM_LOCATION, .body = body};

	(void)snprintf(path, sizeof path, "%s%" PRId64 "/", infinity_lists[LIST_location].path, id);
	(void)snprintf(resource, sizeof resource, "%s/%" PRId64, infinity_lists[LIST_location].resource, id);
	if (id <= 0)
		return not_sendable(resource, e);
	return infinity_exchange(client, &request, &answer, e);
}

bool infinity_update_location(struct infinity_client *client, int64_t id, const struct location_change *c,
			      struct upstream_error *e)
{
	_cleanup_(freep) char *body = infinity_location_body(c);

	return body ? change_one(client, METHOD_PATCH, id, body, e)
		    : not_sendable(infinity_lists[LIST_location].resource, e);
}

bool infinity_delete_location(struct infinity_client *client, int64_t id, struct upstream_error *e)
{
	return change_one(client, METHOD_DELETE, id, NULL, e);
}

bool infinity_create_location(struct infinity_client *client, const struct location_change *c,
			      int64_t *ret_id, struct upstream_error *e)
{
	const struct infinity_list *list = &infinity_lists[LIST_location];
	_cleanup_(http_answer_free) struct http_answer answer = {0};
	_cleanup_(freep) char *body = infinity_location_body(c);
	struct infinity_request request = {.method = METHOD_POST,
					   .path = list->path,
					   .resource = list->resource,
					   .aim = AIM_LOCATION,
					   .body = body};
	int64_t id;

	if (!body || !(c->fields & LOCATION_NAME))
		return not_sendable(list->resource, e);
	if (!infinity_exchange(client, &request, &answer, e))
		return false;
	id = infinity_location_made(&answer);
	if (id) {
		*ret_id = id;
		return true;
	}
	upstream_error_set(e, UPSTREAM_RETRY, answer.status, "wrong_answer", "infinity_answer", "",
			   "%s: the answer does not tell the new location's id", list->resource);
	return false;
}

bool infinity_find_location(struct infinity_client *client, const char *name, int64_t *ret_id,
			    struct upstream_error *e)
{
	const char *resource = infinity_lists[LIST_location].resource;
	_cleanup_(buf_wipe) struct buf path = BUF_INIT(FIND_PATH_MAX);
	json_t *page;
	const char *why;
	bool good;

	infinity_location_query(name, &path);
	if (path.failed)
		return infinity_error_memory(e, resource);
	page = infinity_get(client, path.data, resource, e);
	if (!page)
		return false;
	good = infinity_location_found(page, name, ret_id, &why);
	json_decref(page);
	return good || infinity_error_content(e, resource, "%s", why);
}

/*
 * Changes to locations: what is sent and what is read of the answer are pure functions of their own (location.h); here they
 * are put together. Threads: those of the client.
 */
#include "clients/infinity/location.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/infinity/list.h"
#include "clients/infinity/resource_send.h"

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
	buf_put_urlencoded(out, name);
}

/* --- parsing -------------------------------------------------------------------------------------------------------- */

int64_t infinity_location_made(const struct http_answer *answer)
{
	return infinity_reference_id(RESOURCE_SYSTEM_LOCATION, answer->location);
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

static bool not_sendable(struct upstream_error *e)
{
	upstream_error_set(e, UPSTREAM_BUG, 0, "request", "infinity_request",
			   "Report this: burstd built a request that it must not send.",
			   "%s: nothing to change, or no name", infinity_lists[LIST_location].resource);
	return false;
}

bool infinity_update_location(struct infinity_client *client, int64_t id, const struct location_change *c,
			      struct upstream_error *e)
{
	_cleanup_(freep) char *body = infinity_location_body(c);

	if (!body)
		return not_sendable(e);
	return infinity_resource_change(client, RESOURCE_SYSTEM_LOCATION, METHOD_PATCH, id,
					&(struct resource_text){.body = body}, e);
}

bool infinity_delete_location(struct infinity_client *client, int64_t id, struct upstream_error *e)
{
	return infinity_resource_delete(client, RESOURCE_SYSTEM_LOCATION, id, e);
}

bool infinity_create_location(struct infinity_client *client, const struct location_change *c,
			      int64_t *ret_id, struct upstream_error *e)
{
	_cleanup_(freep) char *body = infinity_location_body(c);

	if (!body || !(c->fields & LOCATION_NAME))
		return not_sendable(e);
	return infinity_resource_post(client, RESOURCE_SYSTEM_LOCATION, &(struct resource_text){.body = body},
				      ret_id, NULL, e);
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

/* configuration/system_location/ written to: POST on the list, PATCH and DELETE of one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/world/http_internal.h"

#define PATH "/api/admin/configuration/v1/system_location/"

static void refused(struct reply *reply, const struct site_refusal *why)
{
	if (!strcmp(why->field, "error"))
		reply_json(reply, 400, json_pack("{s:s}", "error", why->why));
	else
		reply_json(reply, 400, json_pack("{s:{s:[s]}}", "system_location", why->field, why->why));
}

/* false = wrong type or too long. */
static bool read_text(const json_t *body, const char *name, unsigned field, char *out, size_t size,
		      struct location_change *c)
{
	const json_t *v = json_object_get(body, name);

	if (!v)
		return true;
	if (!json_is_string(v) || json_string_length(v) >= size)
		return false;
	c->fields |= field;
	(void)snprintf(out, size, "%s", json_string_value(v));
	return true;
}

/* A reference by URI, or null. -1 = neither. */
static bool read_link(const json_t *body, const char *name, unsigned field, int64_t *out,
		      struct location_change *c)
{
	const json_t *v = json_object_get(body, name);
	const char *uri = json_string_value(v);
	char *end = NULL;

	if (!v)
		return true;
	c->fields |= field;
	*out = 0;
	if (json_is_null(v))
		return true;
	if (!uri || strncmp(uri, PATH, strlen(PATH)))
		return false;
	*out = strtoll(uri + strlen(PATH), &end, 10);
	return *out > 0 && !strcmp(end, "/");
}

static bool read_body(const json_t *body, struct location_change *c, struct site_refusal *why)
{
	*why = (struct site_refusal){"name", "Ensure this value has at most 250 characters."};
	if (!read_text(body, "name", LOCATION_NAME, c->name, sizeof(c->name), c))
		return false;
	why->field = "description";
	if (!read_text(body, "description", LOCATION_DESCRIPTION, c->description, sizeof(c->description), c))
		return false;
	*why = (struct site_refusal){"overflow_location1", "Incorrect type. Expected URL string."};
	if (!read_link(body, "overflow_location1", LOCATION_PRIMARY, &c->overflow1, c))
		return false;
	why->field = "overflow_location2";
	return read_link(body, "overflow_location2", LOCATION_SECONDARY, &c->overflow2, c);
}

void location_write(struct request *r, int64_t id, struct reply *reply)
{
	json_t *body =
		json_loadb(r->body.data ? r->body.data : "", r->body.len, JSON_REJECT_DUPLICATES, NULL);
	struct location_change c = {0};
	struct site_refusal why = {"error", "The request body is not a JSON object"};
	int64_t made = 0;

	if (!json_is_object(body) || !read_body(body, &c, &why) ||
	    !site_write(r->world, id, &c, &made, &why)) {
		refused(reply, &why);
	} else {
		reply->status = id ? 202 : 201;
		if (!id)
			(void)snprintf(reply->location, sizeof(reply->location), PATH "%lld/",
				       (long long)made);
		reply->drop = fault_on(r->world, WORLD_INFINITY_LOST);
	}
	json_decref(body);
}

void location_remove(struct request *r, int64_t id, struct reply *reply)
{
	struct site_refusal why;

	if (!site_remove(r->world, id, &why)) {
		refused(reply, &why);
		return;
	}
	reply->status = 204;
	reply->drop = fault_on(r->world, WORLD_INFINITY_LOST);
}

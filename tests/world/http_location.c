/* configuration/system_location/ written to: POST on the list, PATCH and DELETE of one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/world/http_nodes.h"

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

/* Servers that a location's nodes use: written as references, read as objects. */
static const struct {
	const char *name;
	enum object_kind kind;
} servers[] = {{"dns_servers", OBJECT_DNS_SERVER}, {"ntp_servers", OBJECT_NTP_SERVER}};

/* What of the body the model has no use for; NULL = a reference is wrong. */
static json_t *read_fields(const struct world_http *h, const json_t *body, struct site_refusal *why)
{
	json_t *fields = json_object();
	const json_t *mtu = json_object_get(body, "mtu");

	for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
		const json_t *v = json_object_get(body, servers[i].name);
		json_t *all = v && json_is_array(v) ? objects_embedded(h, servers[i].kind, v) : NULL;

		if (v && !all) {
			*why = (struct site_refusal){servers[i].name,
						     "Invalid hyperlink - object does not exist."};
			json_decref(fields);
			return NULL;
		}
		if (all)
			json_object_set_new(fields, servers[i].name, all);
	}
	if (json_is_integer(mtu))
		json_object_set_new(fields, "mtu", json_deep_copy(mtu));
	return fields;
}

static json_t *link_json(const struct world *w, int32_t site)
{
	return site < 0 ? json_null() : json_sprintf(PATH "%lld/", (long long)w->sites[site].id);
}

json_t *location_object(const struct world *w, const struct site *s)
{
	json_t *object =
		json_pack("{s:I, s:s, s:s, s:[], s:[], s:o, s:o, s:n, s:i, s:o}", "id", s->id, "name",
			  s->name, "description", s->description ? s->description : "", "dns_servers",
			  "ntp_servers", "overflow_location1", link_json(w, s->overflow1),
			  "overflow_location2", link_json(w, s->overflow2), "transcoding_location", "mtu",
			  1500, "resource_uri", json_sprintf(PATH "%lld/", (long long)s->id));

	if (s->fields)
		json_object_update(object, s->fields);
	return object;
}

static void keep_fields(struct world *w, int64_t id, json_t *fields)
{
	struct site *s = &w->sites[site_index(w, id)];

	if (!s->fields)
		s->fields = json_object();
	json_object_update(s->fields, fields);
}

void location_write(struct request *r, int64_t id, json_t *body, struct reply *reply)
{
	struct location_change c = {0};
	struct site_refusal why = {"error", ""};
	json_t *fields = read_fields(r->server, body, &why);
	int64_t made = 0;

	if (!fields || !read_body(body, &c, &why) || !site_write(r->world, id, &c, &made, &why)) {
		refused(reply, &why);
	} else {
		keep_fields(r->world, made, fields);
		reply->status = id ? 202 : 201;
		if (!id)
			(void)snprintf(reply->location, sizeof(reply->location), PATH "%lld/",
				       (long long)made);
	}
	json_decref(fields);
}

void location_remove(struct request *r, int64_t id, struct reply *reply)
{
	struct site_refusal why;

	if (!site_remove(r->world, id, &why))
		refused(reply, &why);
	else
		reply->status = 204;
}

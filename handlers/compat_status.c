/*
 * GET /api/admin/status/v1/cloud_node/, cloud_monitored_location/ and cloud_overflow_location/, lists and single objects:
 * what Infinity's cloud bursting page shows, from burstd's picture. All objects of a list are made, and then filtered,
 * ordered and cut: a platform has some hundreds.
 */
#define _GNU_SOURCE /* qsort_r, strcasestr */
#include <stdlib.h>
#include <string.h>

#include "handlers/compat.h"
#include "handlers/handlers.h"
#include "handlers/input.h"
#include "handlers/views.h"

/* One of the three: its address, the field by which it is ordered and looked up, and how its objects are made. */
struct resource {
	const char *path;
	const char *order; /* an integer */
	const char *key;   /* the field that the last part of an object's address is */
	json_t *(*objects)(const struct picture *);
};

/* --- objects ------------------------------------------------------------------------------------------------------ */

static void put_uri(json_t *v, const char *key, const char *path, const char *id)
{
	put(v, key, json_sprintf("%s%s/", path, id));
}

#define CLOUD_NODE COMPAT_STATUS "cloud_node/"
#define MONITORED  COMPAT_STATUS "cloud_monitored_location/"
#define OVERFLOW   COMPAT_STATUS "cloud_overflow_location/"

/* The Name tag, as EC2's console shows it; else the node's name. */
static const char *instance_name(const struct node *n)
{
	for (size_t i = 0; i < n->instance->n_tags; i++)
		if (!strcmp(n->instance->tags[i].key, "Name"))
			return n->instance->tags[i].value;
	return n->name;
}

/* The instance under the prefix of today and under the deprecated one. */
static void put_instance(json_t *v, const struct node *n, const char *prefix)
{
	const struct ec2_instance *instance = n->instance;
	const char *texts[][2] = {{"id", instance->id},
				  {"ip", n->address},
				  {"name", instance_name(n)},
				  {"state", instance_state_text(instance->state)}};
	char key[40];

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		(void)snprintf(key, sizeof key, "%s_instance_%s", prefix, texts[i][0]);
		put_text(v, key, texts[i][1]);
	}
	(void)snprintf(key, sizeof key, "%s_instance_launch_time", prefix);
	compat_put_time(v, key, instance->launch_time);
}

static json_t *cloud_node(const struct picture *p, const struct node *n)
{
	bool up = n->instance->state ==
		  INSTANCE_RUNNING; /* what a node said before it went down is not so now */
	json_t *v = json_object();

	put_instance(v, n, "cloud");
	put_instance(v, n, "aws");
	put_known(v, "max_hd_calls", up && n->max_hd > 0 ? n->max_hd : -1);
	put_known(v, "media_load", up ? n->media_load : -1);
	put_id(v, "workervm_configuration_id", n->id);
	put_text(v, "workervm_configuration_name", n->name);
	put_text(v, "workervm_configuration_location_name",
		 n->location < 0 ? NULL : p->locations[n->location].name);
	put_uri(v, "resource_uri", CLOUD_NODE, n->instance->id);
	return v;
}

static json_t *cloud_nodes(const struct picture *p)
{
	json_t *all = json_array();

	for (size_t i = 0; i < p->n_nodes; i++)
		if (p->nodes[i].bursting && p->nodes[i].instance)
			(void)json_array_append_new(all, cloud_node(p, &p->nodes[i]));
	return all;
}

static json_t *location_figures(const struct location *l, const char *path)
{
	json_t *v = json_object();
	char id[24];

	(void)snprintf(id, sizeof id, "%lld", (long long)l->id);
	put_id(v, "id", l->id);
	put_text(v, "name", l->name);
	put_int(v, "max_hd_calls", l->max_hd);
	put_int(v, "free_hd_calls", l->free_hd);
	put_known(v, "media_load", l->media_load);
	put_uri(v, "resource_uri", path, id);
	return v;
}

/* RULE V2 */
static json_t *monitored_locations(const struct picture *p)
{
	json_t *all = json_array();

	for (size_t i = 0; i < p->n_locations; i++) {
		const struct location *l = &p->locations[i];
		char id[24];
		json_t *v;

		if (!l->principal)
			continue;
		v = location_figures(l, MONITORED);
		(void)snprintf(id, sizeof id, "%lld", (long long)p->locations[l->overflow1].id);
		put_uri(v, "overflow_location", OVERFLOW, id);
		(void)json_array_append_new(all, v);
	}
	return all;
}

static json_t *overflow_locations(const struct picture *p)
{
	json_t *all = json_array();

	for (size_t i = 0; i < p->n_locations; i++) {
		json_t *v;

		if (p->locations[i].kind != LOCATION_OVERFLOW)
			continue;
		v = location_figures(&p->locations[i], OVERFLOW);
		put_id(v, "systemlocation_id", p->locations[i].id);
		(void)json_array_append_new(all, v);
	}
	return all;
}

static const struct resource nodes = {CLOUD_NODE, "workervm_configuration_id", "cloud_instance_id",
				      cloud_nodes};
static const struct resource monitored = {MONITORED, "id", "id", monitored_locations};
static const struct resource overflow = {OVERFLOW, "id", "id", overflow_locations};

/* --- filter, order, cut ------------------------------------------------------------------------------------------- */

/* FIELD=TEXT: exactly that; FIELD__icontains=TEXT: holds it, upper and lower case alike. */
static bool passes(const json_t *object, const char *name, const char *text)
{
	const char *suffix = strstr(name, "__");
	const json_t *value = json_object_getn(object, name, suffix ? (size_t)(suffix - name) : strlen(name));
	char number[24];

	if (json_is_string(value) && suffix)
		return strcasestr(json_string_value(value), text) != NULL;
	if (json_is_string(value))
		return !strcmp(json_string_value(value), text);
	(void)snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
	return json_is_integer(value) && !strcmp(number, text);
}

/* Takes out of `all` what the filters of the request do not let pass. */
static void filter(struct req *r, json_t *all)
{
	const char *name = r->route->query + strlen(COMPAT_QUERY);
	const char *text;
	char key[64];
	size_t i;

	while (*name) {
		name += strspn(name, " ");
		(void)snprintf(key, sizeof key, "%.*s", (int)strcspn(name, " "), name);
		name += strcspn(name, " ");
		text = req_query(r, key);
		for (i = json_array_size(all); text && i-- > 0;)
			if (!passes(json_array_get(all, i), key, text))
				(void)json_array_remove(all, i);
	}
}

struct order {
	const char *field; /* ends at a space too */
	size_t len;
	bool falling;
	const char *then; /* the resource's own order, which is total */
};

/* Null comes first. */
static int compare_values(const json_t *a, const json_t *b)
{
	int64_t x = json_integer_value(a), y = json_integer_value(b);

	if (json_is_null(a) || json_is_null(b))
		return json_is_null(b) - json_is_null(a);
	if (json_is_string(a) && json_is_string(b))
		return strcmp(json_string_value(a), json_string_value(b));
	return (x > y) - (x < y);
}

static int compare_objects(const void *a, const void *b, void *arg)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	const struct order *o = arg;
	int by = compare_values(json_object_getn(x, o->field, o->len), json_object_getn(y, o->field, o->len));

	if (by)
		return o->falling ? -by : by;
	return compare_values(json_object_get(x, o->then), json_object_get(y, o->then));
}

/* The page of `all` in the wanted order; a new reference, NULL when out of memory. */
static json_t *cut(const json_t *all, struct order *o, const struct compat_page *page)
{
	size_t n = json_array_size(all);
	_cleanup_(freep) json_t **list = calloc(n + 1, sizeof(json_t *));
	json_t *objects = list ? json_array() : NULL;
	size_t i;

	for (i = 0; list && i < n; i++)
		list[i] = json_array_get(all, i);
	if (objects)
		qsort_r(list, n, sizeof(json_t *), compare_objects, o);
	for (i = (size_t)page->offset; objects && i < n && (int64_t)i < page->offset + page->limit; i++)
		(void)json_array_append(objects, list[i]);
	return objects;
}

/* --- the operations ----------------------------------------------------------------------------------------------- */

/* Before Infinity was read there is nothing to tell: an empty list would say that there is nothing. */
static const struct picture *picture_read(struct req *r, struct error *e)
{
	const struct picture *p = req_picture(r);

	if (p->infinity_at)
		return p;
	(void)error_set(e, ERR_BUSY, "Infinity was not read yet");
	return NULL;
}

static struct done *list(struct req *r, const struct resource *res)
{
	const char *fields = r->route->query + strlen(COMPAT_QUERY " ");
	struct error e = {.code = ERR_OK};
	const struct picture *p = picture_read(r, &e);
	struct order o = {.then = res->order};
	struct compat_page page;
	json_t *all, *objects;
	int64_t total, number; /* the filter by number compares texts, and only numbers may come to it */

	if (!p || !compat_page_read(r, &page, &e) || !query_id(r, res->order, &number, &e) ||
	    !compat_order_read(r, fields, res->order, &o.field, &o.falling, &e))
		return compat_error(r, &e);
	o.len = strcspn(o.field, " ");
	all = res->objects(p);
	filter(r, all);
	total = (int64_t)json_array_size(all);
	objects = cut(all, &o, &page);
	json_decref(all);
	return compat_list(r, &page, total, objects);
}

static struct done *get(struct req *r, const struct resource *res, const char *key)
{
	struct error e = {.code = ERR_OK};
	const struct picture *p = compat_format_read(r, &e) ? picture_read(r, &e) : NULL;
	json_t *all = p ? res->objects(p) : NULL;
	json_t *found = NULL;
	json_t *object;
	size_t i;

	json_array_foreach(all, i, object)
	{
		if (passes(object, res->key, key))
			found = json_incref(object);
	}
	json_decref(all);
	if (found)
		return reply_value(r, 200, found);
	if (p)
		(void)error_set(&e, ERR_NOT_FOUND, "There is nothing at %s%.64s/.", res->path, key);
	return compat_error(r, &e);
}

static struct done *get_number(struct req *r, const struct resource *res)
{
	char key[24];

	(void)snprintf(key, sizeof key, "%lld", (long long)r->number);
	return get(r, res, key);
}

struct done *compat_node_list(struct req *r)
{
	return list(r, &nodes);
}

struct done *compat_node_get(struct req *r)
{
	return get(r, &nodes, r->key);
}

struct done *compat_monitored_list(struct req *r)
{
	return list(r, &monitored);
}

struct done *compat_monitored_get(struct req *r)
{
	return get_number(r, &monitored);
}

struct done *compat_overflow_list(struct req *r)
{
	return list(r, &overflow);
}

struct done *compat_overflow_get(struct req *r)
{
	return get_number(r, &overflow);
}

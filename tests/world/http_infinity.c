/*
 * Infinity's management API over the model: lists and details in Tastypie's envelope with paging, PATCH of one object,
 * start_cloudnode; its habits (docs/upstream.md, "Conventions") come with it: nulls, time forms, the trailing slash.
 *
 * conference_shard and participant are made from each node's last report, so both faces of the model tell the same: a
 * node's shards, and as many participants as its media and signalling counts say.
 */
#include "tests/world/http_nodes.h"

#include <strings.h>

#define PAGE_DEFAULT 20
#define PAGE_MOST    1000
#define CONFIG       "/api/admin/configuration/v1/"
#define STATUS       "/api/admin/status/v1/"

/* --- small JSON helpers --- */

/* -1 = what a node never told. */
static json_t *figure(int64_t n)
{
	return n < 0 ? json_null() : json_integer(n);
}

/* Python leaves a fraction of zero out, so one field changes its form from read to read. */
static json_t *time_json(int64_t ms)
{
	char text[TIME_TEXT_SIZE];

	if (ms <= 0)
		return json_null();
	(void)time_infinity(ms, text);
	if (ms % 1000 == 0)
		text[strcspn(text, ".")] = '\0';
	return json_string(text);
}

/* --- the resources --- */

static json_t *config_nodes(struct world *w)
{
	json_t *all = json_array();

	for (size_t i = 0; i < w->n_nodes; i++)
		if (!w->nodes[i].gone)
			json_array_append_new(all, node_object(w, &w->nodes[i]));
	return all;
}

static json_t *config_locations(struct world *w)
{
	json_t *all = json_array();

	for (size_t i = 0; i < w->n_sites; i++)
		if (!w->sites[i].gone)
			json_array_append_new(all, location_object(w, &w->sites[i]));
	return all;
}

static json_t *status_node(struct world *w, const struct machine *m)
{
	const struct infinity_node *n = &m->row;
	/* nodes with an even id tell whole seconds only, as long as that is not a lie of minutes */
	int64_t seen = w->options.scale <= 1 && n->id % 2 == 0 ? n->last_updated - n->last_updated % 1000
							       : n->last_updated;

	return json_pack("{s:I, s:I, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:s, s:b, s:s, s:i, s:i, s:o, "
			 "s:o, s:o, s:i, s:o}",
			 "id", n->id, "configuration_id", n->id, "name", n->name, "node_type",
			 n->role == ROLE_PROXYING ? "PROXYING" : "CONFERENCING", "system_location",
			 w->sites[m->site].name, "version", "38 (81234.0.0)", "boot_time", json_null(),
			 "last_updated", time_json(seen), "last_attempted_contact",
			 time_json(n->last_updated), "sync_status",
			 n->sync_text ? n->sync_text : "OUT_OF_SYNC", "upgrade_status", "IDLE",
			 "maintenance_mode", n->status_maintenance, "maintenance_mode_reason",
			 n->status_maintenance ? n->maintenance_reason : "", "max_audio_calls",
			 n->max_hd * TOKENS_PER_HD, "max_hd_calls", n->max_hd, "media_load",
			 figure(n->media_load), "max_media_tokens", figure(n->tokens_max),
			 "media_tokens_used", figure(n->tokens_used), "signaling_count", n->signaling,
			 "resource_uri", json_sprintf(STATUS "worker_vm/%lld/", (long long)n->id));
}

static json_t *status_nodes(struct world *w)
{
	json_t *all = json_array();

	for (size_t i = 0; i < w->n_nodes; i++)
		if (!w->nodes[i].gone)
			json_array_append_new(all, status_node(w, &w->nodes[i]));
	return all;
}

static json_t *status_locations(struct world *w)
{
	json_t *all = json_array();

	for (size_t i = 0; i < w->n_sites; i++) {
		struct infinity_monitor m;

		if (w->sites[i].gone)
			continue;
		monitor_show(w, (int32_t)i, &m);
		json_array_append_new(
			all,
			json_pack("{s:I, s:s, s:i, s:i, s:i, s:f, s:o}", "id", w->sites[i].id, "name",
				  w->sites[i].name, "max_hd_calls", m.max_hd, "max_media_tokens",
				  m.max_hd * TOKENS_PER_HD, "media_tokens_used",
				  (m.max_hd - m.free_hd) * TOKENS_PER_HD, "media_load",
				  m.max_hd ? 100.0 * (m.max_hd - m.free_hd) / m.max_hd : 0.0, "resource_uri",
				  json_sprintf(STATUS "system_location/%lld/", (long long)w->sites[i].id)));
	}
	return all;
}

static json_t *status_shards(struct world *w)
{
	json_t *all = json_array();

	for (size_t i = 0; i < w->n_nodes; i++) {
		const struct machine *m = &w->nodes[i];

		for (int k = 0; k < m->row.conferences; k++) {
			json_t *id =
				json_sprintf("00000000-0000-4000-8000-%04x%08x", (unsigned)i, (unsigned)k);

			json_array_append_new(
				all,
				json_pack(
					"{s:O, s:o, s:s, s:s, s:s, s:b, s:b, s:o, s:o}", "id", id,
					"conference", json_sprintf("meeting %s %d", m->row.name, k), "node",
					m->row.address, "system_location", w->sites[m->site].name,
					"service_type", "conference", "is_started", 1, "is_locked", 0,
					"start_time", time_json(m->status_at), "resource_uri",
					json_sprintf(STATUS "conference_shard/%s/", json_string_value(id))));
			json_decref(id);
		}
	}
	return all;
}

/* The next node that still has signalling calls to give; "" where none is left. */
static const char *next_signalling(const struct world *w, int *left, size_t *at)
{
	for (size_t n = 0; n < w->n_nodes; n++, *at = (*at + 1) % w->n_nodes) {
		if (left[*at] <= 0)
			continue;
		left[*at]--;
		return w->nodes[*at].row.address;
	}
	return "";
}

static void add_participant(json_t *all, const struct world *w, size_t node, int k, const char *media,
			    const char *signalling)
{
	const struct machine *m = &w->nodes[node];
	json_t *id = json_sprintf("00000000-0000-4000-9000-%04x%08x", (unsigned)node, (unsigned)k);

	json_array_append_new(all,
			      json_pack("{s:O, s:o, s:o, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:n, s:o}", "id",
					id, "conference",
					json_sprintf("meeting %s %d", m->row.name,
						     m->row.conferences ? k % m->row.conferences : 0),
					"connect_time", time_json(m->status_at), "media_node", media,
					"signalling_node", signalling, "proxy_node", "", "system_location",
					w->sites[m->site].name, "protocol", "WebRTC", "has_media",
					*media != 0, "role", "chair", "rx_bandwidth", "resource_uri",
					json_sprintf(STATUS "participant/%s/", json_string_value(id))));
	json_decref(id);
}

static json_t *status_participants(struct world *w)
{
	json_t *all = json_array();
	int *left = calloc(w->n_nodes + 1, sizeof(*left));
	size_t at = 0;

	if (!left)
		abort();
	for (size_t i = 0; i < w->n_nodes; i++)
		left[i] = w->nodes[i].row.signaling;
	for (size_t i = 0; i < w->n_nodes; i++) {
		const struct infinity_node *n = &w->nodes[i].row;
		int media = (int)(n->tokens_used / TOKENS_PER_HD) > n->participants
				    ? n->participants
				    : (int)(n->tokens_used / TOKENS_PER_HD);

		for (int k = 0; k < media; k++)
			add_participant(all, w, i, k, n->address, next_signalling(w, left, &at));
	}
	for (size_t i = 0; i < w->n_nodes; i++)
		for (int k = 0; left[i] > 0; left[i]--, k++)
			add_participant(all, w, i, 1000000 + k, "", w->nodes[i].row.address);
	free(left);
	return all;
}

static json_t *status_cloud_nodes(struct world *w)
{
	json_t *all = json_array();

	for (size_t i = 0; w->infinity_bursting && i < w->n_instances; i++) {
		struct vm *v = &w->instances[i];
		const struct machine *m;

		if (v->node < 0 || !v->row.tag_value)
			continue;
		m = &w->nodes[v->node];
		json_array_append_new(
			all,
			json_pack("{s:s, s:s, s:s, s:o, s:s, s:i, s:i, s:I, s:s, s:s, s:o}",
				  "cloud_instance_id", v->row.id, "cloud_instance_name", m->row.name,
				  "cloud_instance_ip", m->row.address, "cloud_instance_launch_time",
				  time_json(vm_view(v)->launch), "cloud_instance_state",
				  instance_state_text(vm_view(v)->state), "max_hd_calls", m->row.max_hd,
				  "media_load", m->row.media_load < 0 ? 0 : m->row.media_load,
				  "workervm_configuration_id", m->row.id, "workervm_configuration_name",
				  m->row.name, "workervm_configuration_location_name", w->sites[m->site].name,
				  "resource_uri", json_sprintf(STATUS "cloud_node/%s/", v->row.id)));
	}
	return all;
}

/* One form for both lists of Infinity's own monitor; empty while it is off. */
static json_t *monitored(struct world *w, bool overflow)
{
	const char *resource = overflow ? "cloud_overflow_location" : "cloud_monitored_location";
	json_t *all = json_array();

	for (size_t i = 0; w->infinity_bursting && i < w->n_sites; i++) {
		struct infinity_monitor m;
		json_t *o;

		if (!(overflow ? site_is_overflow(w, (int32_t)i) : site_is_principal(w, (int32_t)i)))
			continue;
		monitor_show(w, (int32_t)i, &m);
		o = json_pack("{s:I, s:s, s:i, s:i, s:i, s:o}", "id", w->sites[i].id, "name",
			      w->sites[i].name, "max_hd_calls", m.max_hd, "free_hd_calls", m.free_hd,
			      "media_load", m.max_hd ? 100 * (m.max_hd - m.free_hd) / m.max_hd : 0,
			      "resource_uri",
			      json_sprintf(STATUS "%s/%lld/", resource, (long long)w->sites[i].id));
		if (overflow)
			json_object_set_new(o, "systemlocation_id", json_integer(w->sites[i].id));
		else
			json_object_set_new(o, "overflow_location",
					    json_sprintf(STATUS "cloud_overflow_location/%lld/",
							 (long long)w->sites[w->sites[i].overflow1].id));
		json_array_append_new(all, o);
	}
	return all;
}

static json_t *status_monitored(struct world *w)
{
	return monitored(w, false);
}

static json_t *status_overflow(struct world *w)
{
	return monitored(w, true);
}

static json_t *status_licensing(struct world *w)
{
	int calls = 0;

	for (size_t i = 0; i < w->n_sites; i++)
		calls += w->sites[i].calls;
	return json_pack("[{s:i, s:i, s:i, s:i, s:s}]", "port_count", calls, "port_total", 10000,
			 "audio_count", 0, "audio_total", 100, "resource_uri", "");
}

static json_t *status_manager(struct world *w)
{
	return json_pack("[{s:i, s:i, s:s, s:b, s:s, s:s, s:o, s:n, s:s}]", "id", 1, "configuration_id", 1,
			 "name", w->options.management_host, "primary", 1, "version", "38 (81234.0.0)",
			 "sync_status", "SYNCED", "last_updated", time_json(w->now), "last_attempted_contact",
			 "resource_uri", STATUS "management_vm/1/");
}

static json_t *nothing(struct world *w)
{
	(void)w;
	return json_array();
}

static const struct resource {
	const char *path;
	json_t *(*list)(struct world *);
	enum object_kind kind; /* where `list` is NULL */
} resources[] = {
	{CONFIG "worker_vm/", config_nodes, OBJECT_KINDS},
	{CONFIG "system_location/", config_locations, OBJECT_KINDS},
#define X(name, text) {CONFIG text "/", NULL, OBJECT_##name},
	OBJECTS(X)
#undef X
		{STATUS "worker_vm/", status_nodes, OBJECT_KINDS},
	{STATUS "system_location/", status_locations, OBJECT_KINDS},
	{STATUS "management_vm/", status_manager, OBJECT_KINDS},
	{STATUS "conference_shard/", status_shards, OBJECT_KINDS},
	{STATUS "participant/", status_participants, OBJECT_KINDS},
	{STATUS "cloud_node/", status_cloud_nodes, OBJECT_KINDS},
	{STATUS "cloud_monitored_location/", status_monitored, OBJECT_KINDS},
	{STATUS "cloud_overflow_location/", status_overflow, OBJECT_KINDS},
	{STATUS "licensing/", status_licensing, OBJECT_KINDS},
	{STATUS "alarm/", nothing, OBJECT_KINDS},
	{"/api/admin/history/v1/workervm_status_event/", nothing, OBJECT_KINDS},
};

static json_t *list_of(struct request *r, const struct resource *res)
{
	return res->list ? res->list(r->world) : objects_list(r, res->kind);
}

/* --- lists --- */

static long query_number(const struct request *r, const char *name, long otherwise)
{
	const char *text = request_query(r, name);
	char *end;
	long n = text ? strtol(text, &end, 10) : otherwise;

	return n < 0 ? otherwise : n;
}

static json_t *page_link(const struct resource *res, long limit, long offset, bool exists)
{
	return exists ? json_sprintf("%s?limit=%ld&offset=%ld", res->path, limit, offset) : json_null();
}

static bool value_is(json_t *value, const char *text)
{
	char number[32];

	if (json_is_string(value))
		return !strcmp(json_string_value(value), text);
	if (json_is_boolean(value))
		return !strcasecmp(text, json_is_true(value) ? "true" : "false");
	(void)snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
	return json_is_integer(value) && !strcmp(number, text);
}

/* ?field=value: keeps the objects with exactly that value. */
static void filter_by(json_t *all, const char *name, const char *value)
{
	if (!strcmp(name, "limit") || !strcmp(name, "offset") || !strcmp(name, "format") ||
	    !strcmp(name, "order_by"))
		return;
	for (size_t i = json_array_size(all); i-- > 0;)
		if (!value_is(json_object_get(json_array_get(all, i), name), value))
			json_array_remove(all, i);
}

static void serve_list(struct request *r, const struct resource *res, struct reply *reply)
{
	json_t *all = list_of(r, res);
	json_t *page = json_array();
	long limit = query_number(r, "limit", PAGE_DEFAULT);
	long offset = query_number(r, "offset", 0);

	for (size_t i = 0; i < r->query.n; i++)
		filter_by(all, r->query.fields[i].name, r->query.fields[i].value);
	long total = (long)json_array_size(all);
	long there = fault_on(r->world, WORLD_INFINITY_HALF) ? (total + 1) / 2 : total;

	if (limit == 0 || limit > PAGE_MOST)
		limit = PAGE_MOST;
	for (long i = offset; i < there && i < offset + limit; i++)
		json_array_append(page, json_array_get(all, (size_t)i));
	json_decref(all);
	reply_json(reply, 200,
		   json_pack("{s:{s:I, s:o, s:I, s:o, s:I}, s:o}", "meta", "limit", (json_int_t)limit, "next",
			     page_link(res, limit, offset + limit, offset + limit < there), "offset",
			     (json_int_t)offset, "previous",
			     page_link(res, limit, offset > limit ? offset - limit : 0, offset > 0),
			     "total_count", (json_int_t)total, "objects", page));
}

/* By the key that the resource has in its addresses. */
static bool is_it(const json_t *one, const char *id)
{
	static const char *const keys[] = {"id", "cloud_instance_id", "fulfillment_id"};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (json_object_get(one, keys[i]))
			return value_is(json_object_get(one, keys[i]), id);
	return false;
}

static void serve_detail(struct request *r, const struct resource *res, const char *id, struct reply *reply)
{
	json_t *all = list_of(r, res);
	json_t *one;
	size_t i;

	json_array_foreach(all, i, one)
	{
		if (is_it(one, id)) {
			reply_json(reply, 200, json_incref(one));
			break;
		}
	}
	if (i == json_array_size(all))
		reply_html(reply, 404);
	json_decref(all);
}

/* --- writes --- */

static void start_cloudnode(struct request *r, struct reply *reply)
{
	json_t *body = json_loadb(r->body.data ? r->body.data : "", r->body.len, 0, NULL);
	const char *id = json_string_value(json_object_get(body, "instance_id"));
	int32_t i = id ? vm_find(r->world, -1, id) : -1;

	if (i < 0 || !r->world->infinity_bursting) {
		reply_json(reply, 400,
			   json_pack("{s:s}", "error",
				     i < 0 ? "Unknown cloud instance" : "Cloud bursting is disabled"));
	} else {
		if (!ec2_check(r->world, i, WORLD_START_CLOUDNODE, false).code)
			(void)ec2_apply(r->world, i, WORLD_START_CLOUDNODE, false);
		reply_json(reply, 202, json_pack("{s:n, s:s}", "data", "status", "success"));
	}
	json_decref(body);
}

/* --- the front --- */

static bool authorized(struct request *r)
{
	const char *header = request_header(r, "Authorization");

	if (header && !strncasecmp(header, "Bearer ", 7))
		return oauth_bearer_valid(r, header + 7);
	return r->user && r->password && !strcmp(r->user, r->server->options.user) &&
	       !strcmp(r->password, r->server->options.password);
}

static void not_allowed(struct request *r, const char *allow, bool on_list, struct reply *reply)
{
	if (!strcmp(r->method, "PUT") || (on_list && !strcmp(r->method, "DELETE")))
		r->server->infinity_forbidden++;
	reply->status = 405;
	reply->allow = allow;
}

/* What a resource can be asked for; empty = it can only be read. */
static const char *allowed(const struct resource *res, bool on_list)
{
	if (!res->list)
		return objects_allow(res->kind, on_list);
	if (res->list == config_nodes || res->list == config_locations)
		return on_list ? "GET, POST" : "GET, PATCH, DELETE";
	return "GET";
}

static bool is_allowed(const char *allow, const char *method)
{
	const char *at = strstr(allow, method);
	size_t len = strlen(method);

	return at && (at == allow || at[-1] == ' ') && (!at[len] || at[len] == ',');
}

static void write_resource(struct request *r, const struct resource *res, const char *id, json_t *body,
			   struct reply *reply)
{
	int64_t which = strtoll(id, NULL, 10);

	if (!res->list)
		objects_write(r, res->kind, id, body, reply);
	else if (res->list == config_locations && *id && site_index(r->world, which) < 0)
		reply_html(reply, 404);
	else if (res->list == config_locations && !strcmp(r->method, "DELETE"))
		location_remove(r, which, reply);
	else if (res->list == config_locations)
		location_write(r, which, body, reply);
	else if (!strcmp(r->method, "DELETE"))
		node_delete(r, which, reply);
	else if (*id)
		node_change(r, which, body, reply);
	else
		node_create(r, body, reply);
}

static void serve_write(struct request *r, const struct resource *res, const char *id, struct reply *reply)
{
	json_t *body =
		json_loadb(r->body.data ? r->body.data : "", r->body.len, JSON_REJECT_DUPLICATES, NULL);

	if (res->list == config_locations && fault_on(r->world, WORLD_INFINITY_READONLY))
		reply->status = 403;
	else if (strcmp(r->method, "DELETE") != 0 && !json_is_object(body))
		reply_json(reply, 400, json_pack("{s:s}", "error", "The request body is not a JSON object"));
	else
		write_resource(r, res, id, body, reply);
	json_decref(body);
	if (reply->status < 300 && fault_on(r->world, WORLD_INFINITY_LOST))
		reply->drop = true;
}

/* An account whose role does not let it see the platform's own configuration. */
static bool hidden(const struct request *r, const struct resource *res)
{
	return r->world->platform.unreadable && !res->list &&
	       (res->kind == OBJECT_DNS_SERVER || res->kind == OBJECT_NTP_SERVER ||
		res->kind == OBJECT_LICENCE || res->kind == OBJECT_TLS_CERTIFICATE);
}

static void serve_resource(struct request *r, const struct resource *res, struct reply *reply)
{
	char id[64] = "";
	bool get = !strcmp(r->method, "GET");

	(void)snprintf(id, sizeof(id), "%s", r->path + strlen(res->path));
	id[strcspn(id, "/")] = '\0';
	if (hidden(r, res))
		reply_html(reply, 403);
	else if (!*id && get)
		serve_list(r, res, reply);
	else if (get)
		serve_detail(r, res, id, reply);
	else if (is_allowed(allowed(res, !*id), r->method))
		serve_write(r, res, id, reply);
	else
		not_allowed(r, allowed(res, !*id), !*id, reply);
}

static void route(struct request *r, struct reply *reply)
{
	size_t len = strlen(r->path);

	if (!len || r->path[len - 1] != '/') {
		reply->status = 301;
		(void)snprintf(reply->location, sizeof(reply->location), "%s/", r->path);
		return;
	}
	if (!strcmp(r->path, "/api/admin/command/v1/platform/start_cloudnode/")) {
		if (!strcmp(r->method, "POST"))
			start_cloudnode(r, reply);
		else
			not_allowed(r, "POST", false, reply);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(resources); i++) {
		if (!strncmp(r->path, resources[i].path, strlen(resources[i].path))) {
			serve_resource(r, &resources[i], reply);
			return;
		}
	}
	reply_html(reply, 404);
}

/* 1,000 requests in 60 s (facts 1.6). */
static bool too_many(struct request *r)
{
	struct bucket *b = &r->server->infinity_rate;
	double more = (double)(r->world->now - b->at) / 60 * r->world->options.scale;

	b->tokens = b->tokens + more < 1000 ? b->tokens + more : 1000;
	b->at = r->world->now;
	if (b->tokens < 1)
		return true;
	b->tokens -= 1;
	return false;
}

static void serve_authorized(struct request *r, struct reply *reply)
{
	const struct failing *f = failing_take(r, NULL);
	struct world *w = r->world;

	for (size_t i = 0; i < w->n_nodes; i++)
		machine_settle(w, &w->nodes[i]);
	if (f && f->how == FAIL_ANSWER)
		reply_json(reply, f->status,
			   *f->field ? json_pack("{s:[s]}", f->field, f->code)
				     : json_pack("{s:s}", "error", f->code));
	else if (!f || f->how != FAIL_DROP)
		route(r, reply);
	reply->drop |= f && f->how != FAIL_ANSWER;
}

void infinity_serve(struct request *r, struct reply *reply)
{
	struct world *w = r->world;

	r->server->infinity_requests++;
	if (fault_on(w, WORLD_INFINITY_SLOW))
		reply->delay_ms = w->fault_value[WORLD_INFINITY_SLOW];
	if (fault_on(w, WORLD_INFINITY_DOWN)) {
		reply->drop = true;
	} else if (fault_on(w, WORLD_INFINITY_HTML)) {
		reply_html(reply, 500);
	} else if (too_many(r)) {
		reply->status = 429;
	} else if (!strcmp(r->path, "/oauth/token/") && !strcmp(r->method, "POST")) {
		oauth_token(r, reply);
	} else if (!authorized(r)) {
		reply->status = 401;
	} else {
		serve_authorized(r, reply);
	}
}

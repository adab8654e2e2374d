/*
 * configuration/worker_vm/ written to (docs/upstream.md, "Deploying"): POST makes a node and answers with its configuration document, PATCH
 * changes one, DELETE removes one. Fields that Infinity does not know are ignored; those it knows are checked by one table.
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "tests/world/http_nodes.h"

#define CONFIG "/api/admin/configuration/v1/"

enum form_of {
	TEXT,
	IPV4,
	IPV6,
	BOOLEAN,
	NUMBER,
	LIST,
	LOCATION_URI,
	ANY_URI,
	ENABLE,
	NODE_TYPE,
	DEPLOYMENT
};

enum {
	REQUIRED = 1, /* in a POST */
	NULLABLE = 2, /* may be null */
	UNIQUE = 4,   /* among the nodes */
	IDENTITY = 8, /* a change would make another node: refused */
	HIDDEN = 16,  /* never shown */
};

static const struct known_field {
	const char *name;
	enum form_of form;
	size_t most; /* characters */
	unsigned flags;
} fields[] = {
	{"name", TEXT, 32, REQUIRED | UNIQUE},
	{"hostname", TEXT, 63, REQUIRED | UNIQUE | IDENTITY},
	{"domain", TEXT, 192, REQUIRED | IDENTITY},
	{"address", IPV4, 0, REQUIRED | UNIQUE | IDENTITY},
	{"netmask", IPV4, 0, REQUIRED | IDENTITY},
	{"gateway", IPV4, 0, REQUIRED | IDENTITY},
	{"ipv6_address", IPV6, 0, NULLABLE},
	{"ipv6_gateway", IPV6, 0, NULLABLE},
	{"secondary_address", IPV4, 0, NULLABLE},
	{"secondary_netmask", IPV4, 0, NULLABLE},
	{"static_nat_address", IPV4, 0, NULLABLE},
	{"system_location", LOCATION_URI, 0, REQUIRED},
	{"deployment_type", DEPLOYMENT, 0, HIDDEN},
	{"node_type", NODE_TYPE, 0, 0},
	{"password", TEXT, 250, HIDDEN},
	{"maintenance_mode", BOOLEAN, 0, 0},
	{"maintenance_mode_reason", TEXT, 250, 0},
	{"description", TEXT, 250, 0},
	{"alternative_fqdn", TEXT, 255, 0},
	{"enable_distributed_database", BOOLEAN, 0, 0},
	{"enable_ssh", ENABLE, 0, 0},
	{"ssh_authorized_keys", LIST, 0, 0},
	{"ssh_authorized_keys_use_cloud", BOOLEAN, 0, 0},
	{"static_routes", LIST, 0, 0},
	{"tls_certificate", ANY_URI, 0, NULLABLE},
	{"tls_client_certificate", ANY_URI, 0, NULLABLE},
	{"media_priority_weight", NUMBER, 0, 0},
};

/* --- the object as it is read --- */

static json_t *uri(const char *resource, int64_t id)
{
	return json_sprintf(CONFIG "%s/%lld/", resource, (long long)id);
}

/* What Infinity gives to what was never said. */
static json_t *defaults(const struct world *w, const struct machine *m)
{
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:n, s:n, s:n, s:n, s:s, s:s, s:s, s:[], s:b, s:[], s:n, s:n, s:i}",
		"hostname", m->row.name, "domain", "video.example.net", "netmask", "255.255.240.0", "gateway",
		*w->platform.gateway ? w->platform.gateway : "172.31.0.1", "ipv6_address", "ipv6_gateway",
		"secondary_address", "secondary_netmask", "description", "", "alternative_fqdn", "",
		"enable_ssh", "GLOBAL", "ssh_authorized_keys", "ssh_authorized_keys_use_cloud", 1,
		"static_routes", "tls_certificate", "tls_client_certificate", "media_priority_weight", 0);
}

json_t *node_object(const struct world *w, const struct machine *m)
{
	const struct infinity_node *n = &m->row;
	json_t *object = defaults(w, m);
	json_t *facts = json_pack("{s:I, s:s, s:s, s:o, s:o, s:s, s:b, s:b, s:s, s:b, s:b, s:o}", "id", n->id,
				  "name", n->name, "address", n->address, "static_nat_address",
				  n->static_nat ? json_string(n->static_nat) : json_null(), "system_location",
				  uri("system_location", n->location), "node_type",
				  n->role == ROLE_PROXYING ? "PROXYING" : "CONFERENCING", "transcoding",
				  n->role == ROLE_TRANSCODING, "maintenance_mode", n->maintenance,
				  "maintenance_mode_reason", n->maintenance_reason,
				  "enable_distributed_database", n->distributed_database, "cloud_bursting",
				  m->instance >= 0 && !n->distributed_database, "resource_uri",
				  uri("worker_vm", n->id));

	if (m->fields)
		json_object_update(object, m->fields);
	json_object_update(object, facts);
	json_decref(facts);
	return object;
}

/* --- validation --- */

static bool is_word(const json_t *v, const char *const *words, size_t n)
{
	for (size_t i = 0; json_is_string(v) && i < n; i++)
		if (!strcmp(json_string_value(v), words[i]))
			return true;
	return false;
}

int64_t reference_id(const json_t *v, const char *resource)
{
	char start[128];
	const char *text = json_string_value(v);
	char *end;

	(void)snprintf(start, sizeof(start), CONFIG "%s/", resource);
	if (!text || strncmp(text, start, strlen(start)) != 0)
		return 0;
	int64_t id = strtoll(text + strlen(start), &end, 10);

	return id > 0 && !strcmp(end, "/") ? id : 0;
}

static const char *check_text(const struct known_field *f, const json_t *v)
{
	if (!json_is_string(v))
		return "Not a valid string.";
	if (f->flags & REQUIRED && !*json_string_value(v))
		return "This field may not be blank.";
	return json_string_length(v) > f->most ? "Ensure this value is not too long." : NULL;
}

static const char *check_address(int family, const json_t *v)
{
	unsigned char raw[16];

	return json_is_string(v) && inet_pton(family, json_string_value(v), raw) == 1
		       ? NULL
		       : "Enter a valid IP address.";
}

/* NULL = good. */
static const char *check_form(const struct world *w, const struct known_field *f, const json_t *v)
{
	static const char *const enable[] = {"GLOBAL", "OFF", "ON"};
	static const char *const types[] = {"CONFERENCING", "PROXYING"};
	static const char *const deployments[] = {"MANUAL-PROVISION-ONLY"};

	if (json_is_null(v))
		return f->flags & NULLABLE ? NULL : "This field may not be null.";
	switch (f->form) {
	case TEXT:
		return check_text(f, v);
	case IPV4:
		return check_address(AF_INET, v);
	case IPV6:
		return check_address(AF_INET6, v);
	case BOOLEAN:
		return json_is_boolean(v) ? NULL : "Enter a boolean.";
	case NUMBER:
		return json_is_integer(v) ? NULL : "Enter a whole number.";
	case LIST:
		return json_is_array(v) ? NULL : "Expected a list of items.";
	case LOCATION_URI:
		return site_index(w, reference_id(v, "system_location")) >= 0
			       ? NULL
			       : "Invalid hyperlink - object does not exist.";
	case ANY_URI:
		return json_is_string(v) ? NULL : "Incorrect type. Expected URL string.";
	case ENABLE:
		return is_word(v, enable, ARRAY_LEN(enable)) ? NULL : "Not a valid choice.";
	case NODE_TYPE:
		return is_word(v, types, ARRAY_LEN(types)) ? NULL : "Not a valid choice.";
	case DEPLOYMENT:
		return is_word(v, deployments, ARRAY_LEN(deployments)) ? NULL : "Not a valid choice.";
	}
	abort();
}

static bool is_taken(const struct world *w, const struct machine *except, const char *name,
		     const json_t *value)
{
	for (size_t i = 0; i < w->n_nodes; i++) {
		if (w->nodes[i].gone || &w->nodes[i] == except)
			continue;
		json_t *other = node_object(w, &w->nodes[i]);
		bool same = json_equal(json_object_get(other, name), value);

		json_decref(other);
		if (same)
			return true;
	}
	return false;
}

/* The first fault of the body; `m` is the node to be changed, NULL = a new one. */
static const char *check_body(const struct world *w, const struct machine *m, const json_t *body,
			      const char **ret_field)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const struct known_field *f = &fields[i];
		const json_t *v = json_object_get(body, f->name);
		const char *why = v ? check_form(w, f, v) : NULL;

		*ret_field = f->name;
		if (!v && !m && f->flags & REQUIRED)
			return "This field is required.";
		if (why)
			return why;
		if (!v)
			continue;
		if (m && f->flags & IDENTITY)
			return "This field cannot be changed.";
		if (f->flags & UNIQUE && is_taken(w, m, f->name, v))
			return "Conferencing Node with this value already exists.";
	}
	return NULL;
}

/* --- changes --- */

static void keep_fields(struct machine *m, const json_t *body)
{
	if (!m->fields)
		m->fields = json_object();
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		json_t *v = json_object_get(body, fields[i].name);

		if (v && !(fields[i].flags & HIDDEN))
			json_object_set_new(m->fields, fields[i].name, json_deep_copy(v));
	}
}

static void apply_row(struct world *w, struct machine *m, const json_t *body)
{
	const json_t *nat = json_object_get(body, "static_nat_address");
	const json_t *database = json_object_get(body, "enable_distributed_database");
	const char *name = json_string_value(json_object_get(body, "name"));

	if (nat)
		m->row.static_nat = json_is_string(nat) ? world_text(w, "%s", json_string_value(nat)) : NULL;
	if (database)
		m->row.distributed_database = json_is_true(database);
	if (name)
		m->row.name = world_text(w, "%s", name);
}

/* What makes a node begin anew: another location, another role. */
static void apply_restarts(struct world *w, struct machine *m, const json_t *body)
{
	int64_t location = reference_id(json_object_get(body, "system_location"), "system_location");
	const char *type = json_string_value(json_object_get(body, "node_type"));
	enum node_role role = type && !strcmp(type, "PROXYING") ? ROLE_PROXYING : ROLE_TRANSCODING;

	if (type && role != m->row.role) {
		machine_restart(w, m);
		m->row.role = role;
	}
	if (location && location != m->row.location)
		machine_move(w, m, site_index(w, location));
}

static void apply_maintenance(struct request *r, struct machine *m, const json_t *body)
{
	const json_t *mode = json_object_get(body, "maintenance_mode");
	const json_t *reason = json_object_get(body, "maintenance_mode_reason");

	if (!mode && !reason)
		return;
	machine_patch(r->world, m, mode ? json_is_true(mode) : m->row.maintenance,
		      reason ? json_string_value(reason) : m->row.maintenance_reason, false);
	if (fault_on(r->world, WORLD_INFINITY_LOST))
		r->world->ledger[r->world->n_ledger - 1].code = "lost";
}

static void invalid(struct reply *reply, const char *field, const char *why)
{
	reply_json(reply, 400, json_pack("{s:{s:[s]}}", "worker_vm", field, why));
}

void node_change(struct request *r, int64_t id, json_t *body, struct reply *reply)
{
	int32_t index = node_index(r->world, id);
	struct machine *m = index < 0 ? NULL : &r->world->nodes[index];
	const char *field, *why;

	if (!m) {
		reply_html(reply, 404);
		return;
	}
	why = check_body(r->world, m, body, &field);
	if (why) {
		invalid(reply, field, why);
		return;
	}
	keep_fields(m, body);
	apply_row(r->world, m, body);
	apply_restarts(r->world, m, body);
	apply_maintenance(r, m, body);
	reply->status = 202;
}

static struct machine *make(struct world *w, const json_t *body)
{
	const char *type = json_string_value(json_object_get(body, "node_type"));
	int64_t location = reference_id(json_object_get(body, "system_location"), "system_location");
	int32_t index = machine_new(w, json_string_value(json_object_get(body, "name")),
				    site_index(w, location), type && !strcmp(type, "PROXYING"), 0,
				    json_string_value(json_object_get(body, "address")));
	struct machine *m = &w->nodes[index];

	m->made = true;
	m->row.distributed_database = true;
	m->row.maintenance = json_is_true(json_object_get(body, "maintenance_mode"));
	if (json_object_get(body, "maintenance_mode_reason"))
		m->row.maintenance_reason = world_text(
			w, "%s", json_string_value(json_object_get(body, "maintenance_mode_reason")));
	keep_fields(m, body);
	apply_row(w, m, body);
	w->counters.nodes_made++;
	machines_tie(w);
	return m;
}

void node_create(struct request *r, json_t *body, struct reply *reply)
{
	const char *field, *why = check_body(r->world, NULL, body, &field);

	if (why) {
		invalid(reply, field, why);
		return;
	}
	struct machine *m = make(r->world, body);

	reply->status = 201;
	reply->type = "application/xml";
	(void)snprintf(reply->location, sizeof(reply->location), CONFIG "worker_vm/%lld/",
		       (long long)m->row.id);
	buf_puts(&reply->body, document_new(r->world, m));
}

void node_delete(struct request *r, int64_t id, struct reply *reply)
{
	int32_t index = node_index(r->world, id);

	if (index < 0) {
		reply_html(reply, 404);
		return;
	}
	machine_delete(r->world, &r->world->nodes[index]);
	reply->status = 204;
}

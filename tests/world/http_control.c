/*
 * The control port for tests: POST / with {"command": ...}, GET /state, /ledger, /metrics (README.md has the table).
 * One row a command. A field that is missing or wrong is a 400 with a sentence.
 */
#include "tests/world/http_internal.h"

struct control {
	struct request *request;
	struct world *world;
	json_t *args;
	json_t *result;    /* what the command tells; NULL = {} */
	const char *fault; /* NULL = good */
};

/* --- arguments --- */

static double number(struct control *c, const char *name, double otherwise)
{
	json_t *v = json_object_get(c->args, name);

	if (v && !json_is_number(v))
		c->fault = "a number is expected where something else was given";
	return json_is_number(v) ? json_number_value(v) : otherwise;
}

static bool truth(struct control *c, const char *name, bool otherwise)
{
	json_t *v = json_object_get(c->args, name);

	if (v && !json_is_boolean(v))
		c->fault = "true or false is expected where something else was given";
	return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

static const char *words(struct control *c, const char *name)
{
	return json_string_value(json_object_get(c->args, name));
}

/* A location by id or name; 0 = not given. */
static int64_t location(struct control *c, const char *name)
{
	json_t *v = json_object_get(c->args, name);

	if (!v || json_is_null(v))
		return 0;
	for (size_t i = 0; i < c->world->n_sites; i++) {
		const struct site *s = &c->world->sites[i];

		if (s->gone)
			continue;
		if ((json_is_integer(v) && json_integer_value(v) == s->id) ||
		    (json_is_string(v) && !strcmp(json_string_value(v), s->name)))
			return s->id;
	}
	c->fault = "no such location";
	return 0;
}

/* A node by id, name or instance id; 0 = not given. */
static int64_t node(struct control *c)
{
	json_t *v = json_object_get(c->args, "node");

	if (!v || json_is_null(v))
		return 0;
	for (size_t i = 0; i < c->world->n_nodes; i++) {
		const struct machine *m = &c->world->nodes[i];
		const char *its = m->instance < 0 ? "" : c->world->instances[m->instance].row.id;

		if (m->gone)
			continue;
		if ((json_is_integer(v) && json_integer_value(v) == m->row.id) ||
		    (json_is_string(v) &&
		     (!strcmp(json_string_value(v), m->row.name) || !strcmp(json_string_value(v), its))))
			return m->row.id;
	}
	c->fault = "no such node";
	return 0;
}

static int64_t needed(struct control *c, int64_t id, const char *fault)
{
	if (!id && !c->fault)
		c->fault = fault;
	return id;
}

/* --- commands --- */

static void calls(struct control *c)
{
	int64_t where = needed(c, location(c, "location"), "location is needed");
	int n = (int)number(c, "count", 1);
	double seconds = number(c, "seconds", 0);

	if (!c->fault)
		c->result = json_pack("{s:i}", "placed",
				      world_calls(c->world, where, n, (int64_t)(seconds * 1000)));
}

static void call_on_node(struct control *c)
{
	int64_t where = needed(c, node(c), "node is needed");
	double seconds = number(c, "seconds", 0);

	if (!c->fault)
		c->result = json_pack("{s:I}", "call",
				      world_call_on_node(c->world, where, (int64_t)(seconds * 1000)));
}

static void end_calls(struct control *c)
{
	int64_t where = location(c, "location");
	int n = (int)number(c, "count", -1);

	if (!c->fault)
		c->result = json_pack("{s:i}", "ended", world_end_calls(c->world, where, n));
}

static enum world_fault_kind fault_kind(struct control *c)
{
	const char *name = words(c, "fault");
	enum world_fault_kind kind = name ? world_fault_from_text(name) : WORLD_FAULT_COUNT;

	if (kind == WORLD_FAULT_COUNT)
		c->fault = "fault must be one of README.md's table";
	return kind;
}

static void fault(struct control *c)
{
	struct world_fault f = {.kind = fault_kind(c), .until = INT64_MAX};
	double begins = number(c, "after_seconds", 0), lasts = number(c, "for_seconds", -1);

	f.target = node(c);
	f.value = (int64_t)number(c, "value_ms", 0);
	f.from = world_now(c->world) + (begins > 0 ? world_scaled(c->world, begins * 1000) : 0);
	if (lasts >= 0)
		f.until = f.from + world_scaled(c->world, lasts * 1000);
	if (!c->fault)
		world_fault_add(c->world, &f);
}

static void clear(struct control *c)
{
	int64_t where = node(c);

	if (!json_object_get(c->args, "fault")) {
		world_faults_clear(c->world);
		return;
	}
	enum world_fault_kind kind = fault_kind(c);

	if (!c->fault)
		world_fault_clear(c->world, kind, where);
}

static void outside(struct control *c, enum world_fault_kind kind)
{
	struct world_fault f = {.kind = kind, .target = needed(c, node(c), "node is needed")};

	if (!c->fault)
		world_fault_add(c->world, &f);
}

static void start(struct control *c)
{
	outside(c, WORLD_OUTSIDE_START);
}

static void stop(struct control *c)
{
	outside(c, WORLD_OUTSIDE_STOP);
}

static void boot(struct control *c)
{
	double seconds = number(c, "seconds", 300);
	int64_t which = node(c);

	if (!c->fault)
		world_set_boot_ms(c->world, which, (int64_t)(seconds * 1000));
}

static void maintenance(struct control *c)
{
	int64_t which = needed(c, node(c), "node is needed");
	bool on = truth(c, "on", true);

	if (!c->fault)
		world_set_maintenance(c->world, which, on, words(c, "reason"));
}

static void tag(struct control *c)
{
	int64_t which = needed(c, node(c), "node is needed");

	if (!c->fault)
		world_set_tag(c->world, which, words(c, "value"));
}

static void link_location(struct control *c)
{
	int64_t which = needed(c, location(c, "location"), "location is needed");
	int64_t overflow1 = location(c, "overflow1"), overflow2 = location(c, "overflow2");

	if (!c->fault)
		world_link(c->world, which, overflow1, overflow2);
}

static void add_location(struct control *c)
{
	struct world_location l = {.name = words(c, "name"),
				   .overflow1 = location(c, "overflow1"),
				   .overflow2 = location(c, "overflow2"),
				   .peak_hd = number(c, "peak_hd", 0)};

	if (!l.name)
		c->fault = "name is needed";
	if (!c->fault)
		c->result = json_pack("{s:I}", "id", world_add_location(c->world, &l));
}

static void add_node(struct control *c)
{
	struct world_node n = {.name = words(c, "name"),
			       .location = needed(c, location(c, "location"), "location is needed"),
			       .max_hd = (int)number(c, "max_hd", 17),
			       .proxying = truth(c, "proxying", false),
			       .bursting = truth(c, "bursting", false),
			       .region = words(c, "region"),
			       .elastic = truth(c, "elastic", true),
			       .two_interfaces = truth(c, "two_interfaces", false),
			       .never_deployed = truth(c, "never_deployed", false),
			       .untagged = truth(c, "untagged", false),
			       .running = truth(c, "running", false),
			       .without_ena = truth(c, "without_ena", false)};

	if (!n.name)
		c->fault = "name is needed";
	if (!c->fault)
		c->result = json_pack("{s:I}", "id", world_add_node(c->world, &n));
}

static void traffic(struct control *c)
{
	bool on = truth(c, "on", true);

	if (!c->fault)
		world_set_traffic(c->world, on);
}

static void infinity_bursting(struct control *c)
{
	bool on = truth(c, "on", true);

	if (!c->fault)
		world_set_infinity_bursting(c->world, on);
}

static void page_size(struct control *c)
{
	c->request->server->ec2_page = (int)number(c, "reservations", 0);
}

static void expire_session(struct control *c)
{
	c->request->server->session_expired = truth(c, "on", true);
}

static void oauth_client(struct control *c)
{
	c->result = oauth_new_client(c->request->server);
}

static void expire_tokens(struct control *c)
{
	c->request->server->n_bearers = 0;
}

static void copy_words(struct control *c, const char *name, char *out, size_t size)
{
	const char *text = words(c, name);

	(void)snprintf(out, size, "%s", text ? text : "");
}

/* What is not given is as the guide wants it. */
static void network(struct control *c)
{
	struct world_network n = {.open_port = (int)number(c, "open_port", 0),
				  .no_key = truth(c, "no_key", false),
				  .two_vpcs = truth(c, "two_vpcs", false),
				  .wide_policy = truth(c, "wide_policy", false)};

	copy_words(c, "without_rule", n.without_rule, sizeof(n.without_rule));
	copy_words(c, "open_rule", n.open_rule, sizeof(n.open_rule));
	copy_words(c, "acl_denies", n.acl_denies, sizeof(n.acl_denies));
	copy_words(c, "unreadable", n.unreadable, sizeof(n.unreadable));
	if (!c->fault)
		c->world->network = n;
}

static void platform(struct control *c)
{
	struct world_platform p = {.dns = (int)number(c, "dns", 1),
				   .ntp = (int)number(c, "ntp", 3),
				   .licences = (int)number(c, "licences", 1),
				   .licence_days = (int)number(c, "licence_days", 365),
				   .certificate_days = (int)number(c, "certificate_days", 365),
				   .unreadable = truth(c, "unreadable", false)};

	copy_words(c, "gateway", p.gateway, sizeof(p.gateway));
	if (c->fault)
		return;
	c->world->platform = p;
	objects_seed(c->request->server);
}

/* --- life cycle --- */

static void policy(struct control *c)
{
	static const char *const scopes[POLICIES] = {"tagged", "bursting", "lifecycle"};
	const struct world_http *h = c->request->server;
	const char *key = words(c, "access_key"), *scope = words(c, "scope");
	int pair = key && !strcmp(key, h->options.lifecycle_access_key);

	c->fault = "scope is tagged, bursting or lifecycle";
	for (int i = 0; scope && i < POLICIES; i++) {
		if (strcmp(scopes[i], scope) != 0)
			continue;
		c->fault = NULL;
		c->request->server->scopes[pair] = (enum policy)i;
	}
	if (key && !pair && strcmp(key, h->options.access_key) != 0)
		c->fault = "no such access_key";
}

static enum failing_how failing_how(struct control *c)
{
	static const char *const texts[] = {"answer", "drop", "lost", "late"};
	const char *how = words(c, "how");

	for (size_t i = 0; how && i < ARRAY_LEN(texts); i++)
		if (!strcmp(texts[i], how))
			return (enum failing_how)i;
	if (how)
		c->fault = "how is answer, drop, lost or late";
	return FAIL_ANSWER;
}

static void fail_next(struct control *c)
{
	struct world_http *h = c->request->server;
	struct failing f = {.status = (int)number(c, "status", 500),
			    .skip = (int)number(c, "skip", 0),
			    .times = (int)number(c, "times", 1),
			    .how = failing_how(c)};

	copy_words(c, "action", f.action, sizeof(f.action));
	copy_words(c, "path", f.path, sizeof(f.path));
	copy_words(c, "method", f.method, sizeof(f.method));
	copy_words(c, "code", f.code, sizeof(f.code));
	copy_words(c, "field", f.field, sizeof(f.field));
	if (!*f.action && !*f.path)
		c->fault = "action or path is needed";
	if (c->fault)
		return;
	GROW(h->failing, h->n_failing, h->cap_failing);
	h->failing[h->n_failing++] = f;
}

/* An instance by id, Name tag or address. */
static struct vm *instance(struct control *c)
{
	const char *which = words(c, "instance");
	int32_t at = which ? vm_at_address(c->world, which) : -1;

	for (size_t i = 0; which && at < 0 && i < c->world->n_instances; i++) {
		const char *name = vm_tag(&c->world->instances[i], "Name");

		if (!strcmp(c->world->instances[i].row.id, which) ||
		    (!c->world->instances[i].terminated_at && name && !strcmp(name, which)))
			at = (int32_t)i;
	}
	if (at < 0)
		c->fault = "no such instance";
	return at < 0 ? NULL : &c->world->instances[at];
}

static void wizard_done(struct control *c)
{
	struct vm *v = instance(c);

	if (v && !v->manager)
		c->fault = "the instance is no Management Node";
	if (!c->fault)
		v->wizard = truth(c, "on", true);
}

static void terminate(struct control *c)
{
	struct vm *v = instance(c);

	if (v)
		(void)vm_terminate(c->world, (int32_t)(v - c->world->instances), true);
}

static const struct {
	const char *name;
	void (*run)(struct control *);
} commands[] = {
	{"calls", calls},
	{"call_on_node", call_on_node},
	{"end_calls", end_calls},
	{"fault", fault},
	{"clear", clear},
	{"start", start},
	{"stop", stop},
	{"boot", boot},
	{"maintenance", maintenance},
	{"tag", tag},
	{"network", network},
	{"platform", platform},
	{"link", link_location},
	{"add_location", add_location},
	{"add_node", add_node},
	{"traffic", traffic},
	{"infinity_bursting", infinity_bursting},
	{"page_size", page_size},
	{"oauth_client", oauth_client},
	{"expire_tokens", expire_tokens},
	{"expire_session", expire_session},
	{"policy", policy},
	{"fail_next", fail_next},
	{"wizard_done", wizard_done},
	{"terminate", terminate},
};

static void command(struct request *r, struct reply *reply)
{
	json_error_t why;
	json_t *args =
		json_loadb(r->body.data ? r->body.data : "", r->body.len, JSON_REJECT_DUPLICATES, &why);
	struct control c = {.request = r, .world = r->world, .args = args, .fault = "no such command"};
	const char *name = words(&c, "command");

	for (size_t i = 0; name && i < ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		c.fault = NULL;
		commands[i].run(&c);
		break;
	}
	if (c.fault)
		reply_json(reply, 400, json_pack("{s:s}", "error", c.fault));
	else
		reply_json(reply, 200, c.result ? c.result : json_object());
	json_decref(args);
}

/* --- looking --- */

static json_t *node_json(const struct world *w, size_t i)
{
	struct world_node_state s = world_node_at(w, i);

	return json_pack("{s:I, s:s, s:I, s:b, s:s?, s:s?, s:s, s:I, s:b, s:b, s:b, s:s, s:i, s:i, s:i}",
			 "id", s.id, "name", s.name, "location", s.location, "bursting", s.bursting,
			 "instance", s.instance, "region", s.region, "state", instance_state_text(s.state),
			 "launch_ms", s.launch_ms, "synced", s.synced, "maintenance", s.maintenance,
			 "maintenance_known", s.maintenance_known, "maintenance_reason", s.maintenance_reason,
			 "max_hd", s.max_hd, "calls", s.calls, "conferences", s.conferences);
}

static json_t *location_json(const struct world *w, size_t i)
{
	struct world_location_state s = world_location_at(w, i);

	return json_pack("{s:I, s:s, s:I, s:I, s:b, s:b, s:i, s:i, s:i}", "id", s.id, "name", s.name,
			 "overflow1", s.overflow1, "overflow2", s.overflow2, "principal", s.principal,
			 "overflow", s.overflow, "max_hd", s.max_hd, "free_hd", s.free_hd, "calls", s.calls);
}

static json_t *metrics_json(const struct request *r)
{
	struct world_counters c = world_counters(r->world);
	const struct world_http *h = r->server;
	const struct {
		const char *name;
		int64_t value;
	} rows[] = {{"calls_placed", c.calls_placed},
		    {"calls_refused", c.calls_refused},
		    {"calls_cut", c.calls_cut},
		    {"calls_cut_outside", c.calls_cut_outside},
		    {"starts", c.starts},
		    {"double_starts", c.double_starts},
		    {"starts_refused", c.starts_refused},
		    {"stops", c.stops},
		    {"stops_busy", c.stops_busy},
		    {"stops_unmaintained", c.stops_unmaintained},
		    {"throttled", c.throttled},
		    {"patches", c.patches},
		    {"location_writes", c.location_writes},
		    {"describes", c.describes},
		    {"burst_running_ms", c.burst_running_ms},
		    {"faults", c.faults},
		    {"launches", c.launches},
		    {"terminations", c.terminations},
		    {"nodes_made", c.nodes_made},
		    {"nodes_deleted", c.nodes_deleted},
		    {"addresses_held", c.addresses_held},
		    {"infinity_requests", h->infinity_requests},
		    {"infinity_forbidden", h->infinity_forbidden},
		    {"ec2_requests", h->ec2_requests},
		    {"ec2_unsigned", h->ec2_unsigned}};
	json_t *all = json_object();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		json_object_set_new(all, rows[i].name, json_integer(rows[i].value));
	return all;
}

static const char *document_state(const struct world *w, const struct vm *v)
{
	if (v->waits)
		return "waits";
	if (v->manager)
		return v->wizard ? "wizard_done" : "wizard";
	if (v->blank)
		return "none";
	if (v->node < 0)
		return "no_node";
	return w->nodes[v->node].document == v->document ? "present" : "stale";
}

static json_t *instances_json(const struct world *w)
{
	json_t *all = json_array();

	for (size_t i = 0; i < w->n_instances; i++) {
		struct vm *v = &w->instances[i];

		json_array_append_new(
			all, json_pack("{s:s, s:s?, s:s, s:s, s:s, s:s, s:s?, s:I, s:s?, s:b, s:s}", "id",
				       v->row.id, "name", vm_tag(v, "Name"), "region", v->row.region, "state",
				       instance_state_text(vm_view(v)->state), "type", v->row.type,
				       "private_address", v->row.addresses[0], "public_address",
				       vm_view(v)->public_address, "node",
				       v->node < 0 ? (json_int_t)0 : (json_int_t)w->nodes[v->node].row.id,
				       "tag", v->row.tag_value, "launched", v->made, "configuration",
				       document_state(w, v)));
	}
	return all;
}

static json_t *addresses_json(const struct world *w)
{
	json_t *all = json_array();

	for (size_t i = 0; i < w->n_elastics; i++) {
		const struct elastic *e = &w->elastics[i];

		if (!e->gone)
			json_array_append_new(
				all, json_pack("{s:s, s:s, s:s?, s:b}", "allocation", e->allocation,
					       "public_address", e->address, "instance",
					       e->instance < 0 ? NULL : w->instances[e->instance].row.id,
					       "made", e->made));
	}
	return all;
}

static json_t *groups_json(const struct world *w)
{
	json_t *all = json_array();

	for (size_t i = 0; i < w->n_groups; i++) {
		const struct group *g = &w->groups[i];

		if (!g->gone)
			json_array_append_new(all, json_pack("{s:s, s:s, s:I, s:b}", "id", g->id, "name",
							     g->name, "rules", (json_int_t)g->n_rules, "made",
							     g->region >= 0));
	}
	return all;
}

static json_t *state_json(const struct request *r)
{
	json_t *nodes = json_array(), *locations = json_array(), *faults = json_array();

	for (size_t i = 0; i < world_node_count(r->world); i++)
		if (!r->world->nodes[i].gone)
			json_array_append_new(nodes, node_json(r->world, i));
	for (size_t i = 0; i < world_location_count(r->world); i++)
		if (!r->world->sites[i].gone)
			json_array_append_new(locations, location_json(r->world, i));
	for (int k = 0; k < WORLD_FAULT_COUNT; k++)
		if (fault_on(r->world, (enum world_fault_kind)k))
			json_array_append_new(faults,
					      json_string(world_fault_text((enum world_fault_kind)k)));
	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "now_ms", world_now(r->world),
			 "locations", locations, "nodes", nodes, "faults", faults, "counters",
			 metrics_json(r), "instances", instances_json(r->world), "addresses",
			 addresses_json(r->world), "groups", groups_json(r->world));
}

static json_t *ledger_json(const struct request *r)
{
	static const char *const deeds[] = {"start",           "stop",   "patch",
					    "start_cloudnode", "launch", "terminate"};
	json_t *all = json_array();
	size_t n;
	const struct world_record *rows = world_ledger(r->world, &n);

	for (size_t i = 0; i < n; i++) {
		const struct world_record *x = &rows[i];

		json_array_append_new(
			all,
			json_pack("{s:I, s:s, s:b, s:I, s:s?, s:s?, s:b, s:s?, s:i, s:b, s:b, s:I, s:i, s:i}",
				  "time_ms", x->time, "deed", deeds[x->deed], "outside", x->outside, "node",
				  x->node, "instance", x->instance, "previous",
				  x->instance ? instance_state_text(x->previous) : NULL, "accepted",
				  x->accepted, "code", x->code, "calls", x->calls, "idle", x->calls == 0,
				  "maintenance", x->maintenance, "up_ms", x->up_ms, "free_hd", x->free_hd,
				  "pending_hd", x->pending_hd));
	}
	return json_pack("{s:o}", "items", all);
}

void control_serve(struct request *r, struct reply *reply)
{
	bool get = !strcmp(r->method, "GET");

	if (!strcmp(r->path, "/") && !strcmp(r->method, "POST"))
		command(r, reply);
	else if (get && !strcmp(r->path, "/state"))
		reply_json(reply, 200, state_json(r));
	else if (get && !strcmp(r->path, "/ledger"))
		reply_json(reply, 200, ledger_json(r));
	else if (get && !strcmp(r->path, "/metrics"))
		reply_json(reply, 200, metrics_json(r));
	else
		reply_json(reply, 404,
			   json_pack("{s:s}", "error", "POST /, GET /state, /ledger or /metrics"));
}

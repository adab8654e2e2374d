/*
 * Decision goldens: tests/golden/decisions/<case>/ holds one look at a platform (in.json), what is made of it (plan.json)
 * and one line that says why (why.txt). The name of a case begins with the rule that it is about. An incident becomes a
 * test by adding a folder; the format is in tests/golden/decisions/README.md.
 *
 * BURSTD_GOLDEN_WRITE=1 writes plan.json where it differs, to be read before it is kept.
 */
#include "tests/unit/build_scene.h"

#include <dirent.h>
#include <sys/stat.h>

#include "bursting/engine.h"
#include "fleet/explain.h"

#define CASES "tests/golden/decisions"

struct golden {
	char name[120];
	char dir[300];
	struct scene *s;
	struct burst_tick ticks[SCENE_SIZE];
	size_t n_ticks;
	json_t *in; /* lives as long as the scene, whose strings it owns */
};

/* --- reading in.json -------------------------------------------------------------------------------------------- */

/* Optional fields stay as they are; an unknown one fails: a golden with a typo proves nothing. */
#define UNPACK(g, object, ...)                                                                               \
	do {                                                                                                 \
		json_error_t why_;                                                                           \
		if (json_unpack_ex((object), &why_, JSON_STRICT, __VA_ARGS__))                               \
			fail_msg("%s/in.json: %s", (g)->name, why_.text);                                    \
	} while (0)

static json_t *load(const char *path)
{
	json_error_t e;
	json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &e);

	if (!json)
		fail_msg("%s:%d: %s", path, e.line, e.text);
	return json;
}

static int64_t location_id(struct golden *g, const char *name)
{
	for (size_t i = 0; name && i < g->s->n_locations; i++)
		if (!strcmp(g->s->locations[i].name, name))
			return g->s->locations[i].id;
	if (name)
		fail_msg("%s: there is no location %s", g->name, name);
	return 0;
}

static void read_settings(struct golden *g, json_t *settings)
{
	struct bursting_settings *s = &g->s->settings;
	const char *key, *mode;
	json_t *value;

	json_object_foreach(settings, key, value)
	{
		mode = json_string_value(value);
		if (!strcmp(key, "enabled"))
			s->enabled = json_is_true(value);
		else if (!strcmp(key, "mode") && mode && !burst_mode_from_text(mode, &s->mode))
			continue;
#define X(name, least, most, preset)                                                                         \
	else if (!strcmp(key, #name) && json_is_integer(value)) s->name = (int)json_integer_value(value);
		BURSTING_NUMBERS(X)
#undef X
		else fail_msg("%s: settings: %s", g->name, key);
	}
}

static void read_platform(struct golden *g, json_t *infinity, json_t *ec2)
{
	struct scene *s = g->s;
	int infinity_age = 0, ec2_age = 0, infinity_whole = 1, ec2_whole = 1, bursting = 0;

	if (infinity)
		UNPACK(g, infinity, "{s?i s?b s?b}", "age_seconds", &infinity_age, "whole", &infinity_whole,
		       "bursting", &bursting);
	if (ec2)
		UNPACK(g, ec2, "{s?i s?b}", "age_seconds", &ec2_age, "whole", &ec2_whole);
	s->infinity_at = s->now - infinity_age * SECONDS;
	s->ec2_at = s->now - ec2_age * SECONDS;
	s->infinity_partial = !infinity_whole;
	s->ec2_partial = !ec2_whole;
	s->infinity_bursting = bursting;
}

static void read_location(struct golden *g, json_t *in)
{
	const char *name, *primary = NULL, *secondary = NULL;
	int threshold = 0, monitor = -1, started = 0, drained = 0;
	struct scene *s = g->s;
	struct infinity_location *l;

	UNPACK(g, in, "{ss s?s s?s s?i s?i s?b s?b}", "name", &name, "primary_overflow", &primary,
	       "secondary_overflow", &secondary, "threshold", &threshold, "monitor_free_hd", &monitor,
	       "started_in_this_tick", &started, "drained_in_this_tick", &drained);
	l = scene_location(s, name);
	if (threshold)
		s->thresholds[s->n_thresholds++] = (struct location_threshold){l->id, threshold};
	if (monitor >= 0)
		s->monitors[s->n_monitors++] = (struct infinity_monitor){l->id, monitor, -1};
	g->ticks[g->n_ticks++] = (struct burst_tick){l->id, started ? s->tick : 0, drained ? s->tick : 0};
}

static void link_locations(struct golden *g, json_t *locations)
{
	json_t *in;
	size_t i;

	json_array_foreach(locations, i, in)
	{
		g->s->locations[i].overflow1 =
			location_id(g, json_string_value(json_object_get(in, "primary_overflow")));
		g->s->locations[i].overflow2 =
			location_id(g, json_string_value(json_object_get(in, "secondary_overflow")));
	}
}

static int64_t ago(const struct golden *g, int seconds)
{
	return g->s->now - seconds * SECONDS;
}

static void read_intent(struct golden *g, const struct scene_node *n, json_t *in)
{
	const char *kind, *state, *actor = "controller";
	int created = 300, maintenance = -1, next_in = 0, force = 0;
	enum intent_kind k = INTENT_START;
	enum intent_state st = INTENT_DONE;
	struct intent *i;

	UNPACK(g, in, "{ss ss s?s s?i s?i s?i s?b}", "kind", &kind, "state", &state, "actor", &actor,
	       "created_seconds_ago", &created, "maintenance_seconds_ago", &maintenance, "next_in_seconds",
	       &next_in, "force", &force);
	if (intent_kind_from_text(kind, &k) || intent_state_from_text(state, &st))
		fail_msg("%s: intent %s %s", g->name, kind, state);
	i = scene_intent(g->s, n, k, st);
	i->created_at = i->entered_at = ago(g, created);
	i->maintenance_at = maintenance >= 0 ? ago(g, maintenance) : 0;
	i->next_at = next_in ? ago(g, -next_in) : 0;
	i->force = force;
	(void)snprintf(i->actor, sizeof(i->actor), "%s", actor);
}

/* What burstd remembers of a node that has been as it is for a while. */
static struct node_track usual_track(const struct golden *g, const struct scene_node *n, const json_t *intent)
{
	bool up = n->instance.state == INSTANCE_RUNNING;
	struct node_track t = {.node = n->id,
			       .phase = PHASE_STOPPED,
			       .state = n->instance.state,
			       .state_known = true,
			       .list_at = ago(g, 75)};

	(void)snprintf(t.instance, sizeof(t.instance), "%s", n->instance_id);
	(void)snprintf(t.region, sizeof(t.region), "%s", SCENE_REGION);
	if (up || n->instance.state == INSTANCE_PENDING)
		t.started_at = n->instance.launch_time;
	if (up) {
		t.phase = intent ? PHASE_DRAINING : PHASE_SERVING;
		t.running_at = t.started_at;
		t.serving_at = t.started_at + 3 * MINUTES;
		t.last_max_hd = n->max_hd;
		t.idle_reads = n->used_hd ? 0 : 1; /* this read makes it two */
		t.idle_read[0] = n->used_hd ? 0 : ago(g, 70);
	} else if (n->instance.state == INSTANCE_STOPPED) {
		t.stopped_at = ago(g, 3600);
	} else {
		t.phase = n->instance.state == INSTANCE_PENDING ? PHASE_STARTING : PHASE_STOPPING;
	}
	return t;
}

static void read_track(struct golden *g, struct node_track *t, json_t *in)
{
	int started = -1, running = -1, serving = -1, acted = -1, failed = -1, refused_for = 0, stopped = -1;
	const char *phase = NULL, *state = NULL;

	UNPACK(g, in, "{s?s s?s s?i s?i s?i s?i s?i s?i s?i s?i s?i}", "phase", &phase, "state", &state,
	       "started_seconds_ago", &started, "running_seconds_ago", &running, "serving_seconds_ago",
	       &serving, "stopped_seconds_ago", &stopped, "acted_seconds_ago", &acted, "failed_seconds_ago",
	       &failed, "refused_for_seconds", &refused_for, "idle_reads", &t->idle_reads, "last_max_hd",
	       &t->last_max_hd);
	if (phase)
		t->phase = phase_from_text(phase);
	if (t->phase == PHASE_COUNT || (state && instance_state_from_text(state, &t->state)))
		fail_msg("%s: track: %s %s", g->name, phase, state ? state : "");
	t->started_at = started >= 0 ? ago(g, started) : t->started_at;
	t->running_at = running >= 0 ? ago(g, running) : phase ? 0 : t->running_at;
	t->serving_at = serving >= 0 ? ago(g, serving) : phase ? 0 : t->serving_at;
	t->stopped_at = stopped >= 0 ? ago(g, stopped) : t->stopped_at;
	t->acted_at = acted >= 0 ? ago(g, acted) : 0;
	t->failed_at = failed >= 0 ? ago(g, failed) : 0;
	t->refused_until = refused_for ? ago(g, -refused_for) : 0;
}

static void read_instance(struct golden *g, struct scene_node *n, const char *state, int launched,
			  const json_t *intent, json_t *track)
{
	struct node_track *t;
	enum instance_state st;

	if (instance_state_from_text(state, &st))
		fail_msg("%s: instance %s", g->name, state);
	n->has_instance = true;
	(void)snprintf(n->instance_id, sizeof(n->instance_id), "i-%s", n->name);
	n->instance = (struct ec2_instance){.type = "c5.2xlarge",
					    .region = SCENE_REGION,
					    .zone = SCENE_REGION "a",
					    .state = st,
					    .launch_time = ago(g, launched),
					    .tenancy = "dedicated",
					    .tag_value = SCENE_TAG};
	if (st != INSTANCE_RUNNING && !n->status_at) {
		n->sync = SYNC_SUSPENDED;
		n->status_at = ago(g, 24 * 3600);
	}
	t = track_get(&g->s->tracks, n->id);
	*t = usual_track(g, n, intent);
	if (track)
		read_track(g, t, track);
}

static void read_wishes(struct golden *g, const struct scene_node *n, const char *power, int order)
{
	struct node_wish *w = &g->s->wishes[g->s->n_wishes++];

	*w = (struct node_wish){.node = n->id, .start_order = order ? order : START_ORDER_NONE};
	if (power)
		w->power = !strcmp(power, "on") ? WISH_POWER_ON : WISH_POWER_OFF;
}

static void read_node(struct golden *g, json_t *in)
{
	const char *name, *location, *instance = NULL, *power = NULL, *reason = "", *role = "transcoding";
	int max_hd = SCENE_HD, used_hd = 0, participants = 0, launched = 3600, status = -1, order = 0;
	int maintenance = 0, synced = 1, unlisted = 0;
	json_t *intent = NULL, *track = NULL;
	struct scene_node *n;

	UNPACK(g, in, "{ss ss s?s s?i s?i s?i s?s s?i s?i s?b s?b s?b s?s s?s s?i s?o s?o}", "name", &name,
	       "location", &location, "role", &role, "max_hd", &max_hd, "used_hd", &used_hd, "participants",
	       &participants, "instance", &instance, "launched_seconds_ago", &launched, "status_seconds_ago",
	       &status, "synced", &synced, "maintenance", &maintenance, "missing_from_the_list", &unlisted,
	       "maintenance_reason", &reason, "power", &power, "start_order", &order, "intent", &intent,
	       "track", &track);
	n = scene_node(g->s, name, max_hd, used_hd);
	n->location = location_id(g, location);
	n->role = !strcmp(role, "proxying") ? ROLE_PROXYING : ROLE_TRANSCODING;
	n->participants = participants;
	n->status_at = status >= 0 ? ago(g, status) : 0;
	n->sync = synced ? SYNC_SYNCED : SYNC_OTHER;
	n->maintenance = n->status_maintenance = maintenance;
	n->unlisted = unlisted;
	(void)snprintf(n->reason, sizeof(n->reason), "%s", reason);
	if (power || order)
		read_wishes(g, n, power, order);
	if (instance)
		read_instance(g, n, instance, launched, intent, track);
	if (intent)
		read_intent(g, n, intent);
}

static void read_hold(struct golden *g, json_t *in)
{
	struct hold *h = &g->s->holds[g->s->n_holds];
	const char *node = NULL, *location = NULL;
	int count = 0;

	UNPACK(g, in, "{s?s s?s s?i}", "node", &node, "location", &location, "count", &count);
	*h = (struct hold){.id = (int64_t)g->s->n_holds + 1,
			   .count = count,
			   .location = location_id(g, location),
			   .until = ago(g, -3600)};
	if (node) {
		g->s->held[g->s->n_holds] = scene_find(g->s, node)->id;
		h->nodes = &g->s->held[g->s->n_holds];
		h->n_nodes = 1;
	}
	g->s->n_holds++;
}

static void read_case(struct golden *g)
{
	json_t *settings = NULL, *infinity = NULL, *ec2 = NULL, *locations, *nodes, *holds = NULL, *row;
	char path[400];
	size_t i;

	(void)snprintf(path, sizeof(path), "%s/in.json", g->dir);
	g->in = load(path);
	UNPACK(g, g->in, "{s?o s?o s?o so so s?o}", "settings", &settings, "infinity", &infinity, "ec2", &ec2,
	       "locations", &locations, "nodes", &nodes, "holds", &holds);
	read_settings(g, settings);
	read_platform(g, infinity, ec2);
	json_array_foreach(locations, i, row) read_location(g, row);
	link_locations(g, locations);
	json_array_foreach(nodes, i, row) read_node(g, row);
	json_array_foreach(holds, i, row) read_hold(g, row);
}

/* --- writing plan.json ------------------------------------------------------------------------------------------ */

static json_t *show_decisions(const struct picture *p, const struct burst_plan *plan)
{
	json_t *list = json_array();

	for (size_t i = 0; i < plan->n_decisions; i++) {
		const struct decision *d = &plan->decisions[i];

		json_array_append_new(
			list, json_pack("{ss ss ss ss ss}", "action", decision_action_text(d->action), "node",
					p->nodes[d->node].name, "location", p->locations[d->location].name,
					"rule", decision_reason_rule(d->reason), "reason",
					decision_reason_slug(d->reason)));
	}
	return list;
}

static json_t *show_locations(const struct picture *p, const struct burst_plan *plan)
{
	json_t *all = json_object();

	for (size_t i = 0; i < p->n_locations; i++) {
		const struct location *l = &p->locations[i];

		json_object_set_new(all, l->name,
				    json_pack("{ss ss si}", "kind", location_kind_text(l->kind), "state",
					      location_state_text(l->state), "free_hd", l->free_hd));
	}
	for (size_t i = 0; i < plan->n_evaluations; i++) {
		const struct evaluation *ev = &plan->evaluations[i];
		json_t *l = json_object_get(all, p->locations[ev->location].name);

		json_object_set_new(l, "action", json_string(decision_action_text(ev->action)));
		json_object_set_new(l, "rule", json_string(decision_reason_rule(ev->reason)));
		json_object_set_new(l, "reason", json_string(decision_reason_slug(ev->reason)));
		json_object_set_new(l, "pending_hd", json_integer(ev->figures.pending_hd));
		json_object_set_new(l, "distance_hd", json_integer(ev->distance_hd));
	}
	return all;
}

static json_t *show_nodes(const struct picture *p, const struct burst_plan *plan)
{
	json_t *all = json_object();

	for (size_t i = 0; i < p->n_nodes; i++)
		if (p->nodes[i].bursting)
			json_object_set_new(all, p->nodes[i].name,
					    json_pack("{ss}", "phase", phase_text(p->nodes[i].phase)));
	for (size_t i = 0; i < plan->n_refusals; i++) {
		const struct refusal *r = &plan->refusals[i];

		json_object_set_new(json_object_get(all, p->nodes[r->node].name), "refused",
				    json_sprintf("%s (%s)", decision_reason_slug(r->reason),
						 decision_reason_rule(r->reason)));
	}
	return all;
}

static json_t *show_events(const struct scene *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n_events; i++)
		json_array_append_new(list,
				      json_pack("{ss ss ss ss}", "type", event_type_text(s->events[i].type),
						"node", s->events[i].node_name, "actor", s->events[i].actor,
						"rule", s->events[i].rule));
	return list;
}

static json_t *decide(struct golden *g)
{
	struct burst_plan plan = {0};
	json_t *out;

	scene_join(g->s);
	burst_decide(
		&(struct burst_input){
			.picture = g->s->p, .now = g->s->now, .ticks = g->ticks, .n_ticks = g->n_ticks},
		&plan);
	out = json_pack("{so so so so}", "decisions", show_decisions(g->s->p, &plan), "locations",
			show_locations(g->s->p, &plan), "nodes", show_nodes(g->s->p, &plan), "events",
			show_events(g->s));
	assert_non_null(out);
	burst_plan_free(&plan);
	return out;
}

/* --- comparing ---------------------------------------------------------------------------------------------------- */

/* RULES S1 to S9, E1 to E7, D1 to D4, V1 and V2 each have a case. E8 is an absence: there is nothing to decide. */
static const char *const rules[] = {"S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9", "E1", "E2",
				    "E3", "E4", "E5", "E6", "E7", "D1", "D2", "D3", "D4", "V1", "V2"};

static void check_why(const struct golden *g)
{
	char path[400], text[600] = "", rule[4];
	FILE *f;
	char *end;

	(void)snprintf(path, sizeof(path), "%s/why.txt", g->dir);
	(void)snprintf(rule, sizeof(rule), "%.2s", g->name);
	f = fopen(path, "r");
	if (!f || !fgets(text, sizeof(text), f) || !(end = strchr(text, '\n')) || fgetc(f) != EOF)
		fail_msg("%s: one line of why", path);
	(void)fclose(f);
	if (strncmp(text, "RULE ", 5) || strncmp(text + 5, rule, 2) || text[7] != ':')
		fail_msg("%s: begins with \"RULE %s: \"", path, rule);
}

static void compare(const struct golden *g, json_t *plan)
{
	char path[400];
	struct stat there;
	json_t *wanted;
	char *want, *have;

	(void)snprintf(path, sizeof(path), "%s/plan.json", g->dir);
	if (getenv("BURSTD_GOLDEN_WRITE"))
		assert_int_equal(json_dump_file(plan, path, JSON_INDENT(2)), 0);
	if (stat(path, &there))
		fail_msg("%s is missing; BURSTD_GOLDEN_WRITE=1 writes it", path);
	wanted = load(path);
	if (!json_equal(wanted, plan)) {
		want = json_dumps(wanted, JSON_INDENT(2) | JSON_SORT_KEYS);
		have = json_dumps(plan, JSON_INDENT(2) | JSON_SORT_KEYS);
		print_error("%s: wanted\n%s\nhave\n%s\n", g->name, want, have);
		free(want);
		free(have);
		fail_msg("%s: the plan has changed", g->name);
	}
	json_decref(wanted);
}

static void run_case(const char *name)
{
	struct golden g = {0};
	json_t *plan;
	void *part;

	(void)snprintf(g.name, sizeof(g.name), "%s", name);
	(void)snprintf(g.dir, sizeof(g.dir), "%s/%s", CASES, name);
	scene_setup(&part);
	g.s = part;
	read_case(&g);
	plan = decide(&g);
	check_why(&g);
	compare(&g, plan);
	json_decref(plan);
	scene_teardown(&part);
	json_decref(g.in);
}

static int is_case(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && !strchr(entry->d_name, '.'); /* README.md is none */
}

static void every_case(void **state)
{
	struct dirent **names = NULL;
	int n = scandir(CASES, &names, is_case, alphasort);

	(void)state;
	assert_true(n >= 25);
	for (int i = 0; i < n; i++) {
		run_case(names[i]->d_name);
		free(names[i]);
	}
	free(names);
}

static void every_rule_has_a_case(void **state)
{
	struct dirent **names = NULL;
	int n = scandir(CASES, &names, is_case, alphasort);

	(void)state;
	for (size_t r = 0; r < ARRAY_LEN(rules); r++) {
		bool found = false;

		for (int i = 0; i < n; i++)
			found |= !strncmp(names[i]->d_name, rules[r], 2) && names[i]->d_name[2] == '-';
		if (!found)
			fail_msg("RULE %s has no case in %s", rules[r], CASES);
	}
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case),
		cmocka_unit_test(every_rule_has_a_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Issues: what an operator should know, each with its consequence and remedy. RULE V5 (the deployment guide's warnings),
 * the state of the sources (RULE D1), nodes in doubt or failed (RULES D2 and S4), two controllers (RULE S9).
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/guide.h"
#include "fleet/join_internal.h"
#include "fleet/lifecycle.h"

struct issues {
	struct join *j;
	size_t cap;
};

static int64_t since(const struct join *j, const char *id, const char *subject)
{
	const struct picture *before = j->in->previous;

	for (size_t i = 0; before && i < before->n_issues; i++)
		if (!strcmp(before->issues[i].id, id) && !strcmp(before->issues[i].subject, subject))
			return before->issues[i].since;
	return j->in->now;
}

static int issues_grow(struct issues *is)
{
	struct picture *p = is->j->picture;
	size_t cap = is->cap ? 2 * is->cap : 16;
	struct issue *grown = arena_array(p->arena, cap, sizeof(*grown));

	if (!grown)
		return -1;
	if (p->n_issues)
		memcpy(grown, p->issues, p->n_issues * sizeof(*grown));
	p->issues = grown;
	is->cap = cap;
	return 0;
}

/* NULL when out of memory, which the end of the join notices. */
static struct issue *next_issue(struct issues *is)
{
	struct picture *p = is->j->picture;

	return p->n_issues == is->cap && issues_grow(is) ? NULL : &p->issues[p->n_issues++];
}

void issue_add(struct issues *is, enum check_id check, const char *subject, const char *format, ...)
{
	const struct check *row = check_row(check);
	struct arena *arena = is->j->picture->arena;
	struct issue *i = next_issue(is);
	char message[400];
	va_list args;

	if (!i)
		return;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	*i = (struct issue){
		.check = check,
		.id = row->id,
		.severity = row->severity,
		.subject = arena_strdup(arena, subject),
		.message = arena_strdup(arena, message),
		.consequence = row->consequence,
		.remedy = row->remedy,
		.section = row->section,
		.page = row->page,
		.since = since(is->j, row->id, subject),
		.observed_at = is->j->in->now,
	};
}

static const char *about(char out[300], const char *what, const char *name)
{
	snprintf(out, 300, "%s %s", what, name);
	return out;
}

/* --- sources (RULE D1) ----------------------------------------------------------------------------------------- */

static void source_issues(struct issues *is)
{
	const struct picture *p = is->j->picture;

	for (size_t i = 0; i < p->n_sources; i++) {
		const struct source *s = &p->sources[i];
		size_t before = p->n_issues;

		if (s->error)
			issue_add(is, CHECK_SOURCE, s->name, "%s", s->error);
		if (p->n_issues == before)
			continue;
		p->issues[before].id = s->error_id ? s->error_id : check_row(CHECK_SOURCE)->id;
		p->issues[before].remedy = s->remedy;
		p->issues[before].since = since(is->j, p->issues[before].id, s->name);
	}
}

/* RULE S9: while Infinity bursts it goes by its own figures, and what burstd shows of thresholds is not what happens. */
static void settings_issues(struct issues *is)
{
	const struct picture *p = is->j->picture;
	const struct infinity_settings *theirs = &p->infinity_settings;
	const struct bursting_settings *ours = &p->settings;
	bool threshold = theirs->threshold && theirs->threshold != ours->bursting_threshold;
	bool lifetime =
		theirs->lifetime_minutes && theirs->lifetime_minutes != ours->minimum_lifetime_minutes;

	if (p->infinity_bursting && threshold)
		issue_add(is, CHECK_SETTINGS_DIFFER, "bursting_threshold",
			  "Infinity's threshold is %d HD calls, burstd's %d", theirs->threshold,
			  ours->bursting_threshold);
	if (p->infinity_bursting && lifetime)
		issue_add(is, CHECK_SETTINGS_DIFFER, "minimum_lifetime_minutes",
			  "Infinity's minimum lifetime is %d minutes, burstd's %d", theirs->lifetime_minutes,
			  ours->minimum_lifetime_minutes);
}

static void platform_issues(struct issues *is)
{
	const struct infinity_report *r = is->j->in->infinity;
	const struct picture *p = is->j->picture;

	if (!r)
		return;
	if (p->status_frozen)
		issue_add(is, CHECK_STATUS_FROZEN, "infinity",
			  "the newest node status is older than the limit");
	if (!r->whole)
		issue_add(is, CHECK_INFINITY_PARTIAL, "infinity", "a list did not arrive whole: %s",
			  r->partial ? r->partial : "count differs");
	if (check_of_clocks(r->server_offset) != CHECK_COUNT)
		issue_add(is, check_of_clocks(r->server_offset), "infinity",
			  "the Management Node's clock is %lld seconds %s ours",
			  llabs(r->server_offset) / MS_PER_SECOND,
			  r->server_offset < 0 ? "behind" : "ahead of");
	if (p->infinity_bursting && p->settings.enabled) /* RULE S9 */
		issue_add(is, CHECK_TWO_CONTROLLERS, "infinity",
			  "Infinity's own bursting is enabled and so is burstd's");
	if (p->infinity_bursting && !p->settings.enabled)
		issue_add(is, CHECK_INFINITY_BURSTS, "infinity",
			  "Infinity's own bursting is enabled, burstd's is not");
	settings_issues(is);
	if (r->license_ports_total > 0 && r->license_ports_used * 10 >= r->license_ports_total * 9)
		issue_add(is, CHECK_LICENSES_LOW, "infinity", "%d of %d licence ports are in use",
			  r->license_ports_used, r->license_ports_total);
}

/* --- nodes ----------------------------------------------------------------------------------------------------- */

static void doubt_issues(struct issues *is, const struct node *n, const char *subject)
{
	const struct node_track *t = track_find(is->j->tracks, n->id);
	char since_text[TIME_TEXT_SIZE];

	time_rfc3339(n->phase_since, since_text);
	if (n->phase == PHASE_UNKNOWN) /* RULE D2 */
		issue_add(is, CHECK_NODE_UNKNOWN, subject,
			  "EC2 says %s; Infinity says %s (in doubt since %s)",
			  n->instance ? instance_state_text(n->instance->state) : "nothing",
			  n->sync_text ? n->sync_text : "nothing", since_text);
	if (n->phase == PHASE_FAILED && n->instance && n->instance->state != INSTANCE_STOPPED) /* RULE S4 */
		issue_add(is, CHECK_NODE_FAILED, subject,
			  "it was started but did not become available in time");
	if (n->resting && t && t->refused_code[0]) /* RULE S6 */
		issue_add(is, CHECK_NODE_REFUSED, subject,
			  "its last start or stop was refused or failed (%s)", t->refused_code);
}

/* What keeps the operation from going on; `subject` is what it is about. */
static void operation_issue(struct issues *is, const struct intent *i, const char *subject)
{
	enum check_id check = i->state == INTENT_HALTED ? CHECK_OPERATION_HALTED : CHECK_OPERATION_RETRYING;

	if (i->state == INTENT_HALTED || i->error[0])
		issue_add(is, check, subject, "operation %lld (%s): %s", (long long)i->id,
			  intent_kind_text(i->kind), i->error[0] ? i->error : "it was halted");
}

/* Life-cycle operations whose node is not in the picture: not made yet, deleted already, or none at all. */
static void operation_issues(struct issues *is)
{
	const struct join_input *in = is->j->in;
	char subject[60];

	for (size_t k = 0; k < in->n_intents; k++) {
		const struct intent *i = &in->intents[k];

		if (!intent_has_steps(i->kind) || (i->node && picture_node(is->j->picture, i->node)))
			continue;
		(void)snprintf(subject, sizeof(subject), "operation %lld", (long long)i->id);
		operation_issue(is, i, subject);
	}
}

static void intent_issues(struct issues *is, const struct node *n, const char *subject)
{
	const struct intent *i = n->intent;

	if (i)
		operation_issue(is, i, subject);
	if (n->phase == PHASE_DRAINING && i && i->state == INTENT_WAITING && !n->idle) /* RULE E5 */
		issue_add(is, CHECK_DRAIN_HELD, subject, "held by %d conference(s) and %d participant(s)",
			  n->conferences, n->participants < 0 ? 0 : n->participants);
	if (!i && n->ours && n->wish_maintenance != WISH_TRUE)
		issue_add(is, CHECK_MAINTENANCE_LEFTOVER, subject,
			  "it is in maintenance mode with burstd's reason, but nothing is draining it");
}

static void drift_issues(struct issues *is, const struct node *n, const char *subject)
{
	bool up = n->phase == PHASE_SERVING || n->phase == PHASE_STARTING;

	if (n->wish_power == WISH_POWER_ON && !up)
		issue_add(is, CHECK_DRIFT, subject, "power is wished on, the node is %s",
			  phase_text(n->phase));
	if (n->wish_power == WISH_POWER_OFF && n->phase != PHASE_STOPPED)
		issue_add(is, CHECK_DRIFT, subject, "power is wished off, the node is %s",
			  phase_text(n->phase));
	if (n->wish_maintenance != WISH_NONE &&
	    n->maintenance_configured != (n->wish_maintenance == WISH_TRUE))
		issue_add(is, CHECK_DRIFT, subject, "maintenance mode is wished %s, it is %s",
			  n->wish_maintenance == WISH_TRUE ? "on" : "off",
			  n->maintenance_configured ? "on" : "off");
}

/* --- RULE V5: warnings of the deployment guide ------------------------------------------------------------------ */

static void guide_address_issues(struct issues *is, const struct node *n, const char *subject)
{
	const struct ec2_instance *i = n->instance;

	const char *nat = n->static_nat ? n->static_nat : "not set";

	if ((n->static_nat || n->follow_address) && i->public_address && strcmp(nat, i->public_address) != 0)
		issue_add(is, CHECK_STATIC_NAT_DIFFERS, subject, "static NAT is %s, the public address %s",
			  nat, i->public_address);
	if (n->bursting && i->public_address && !i->elastic && !n->follow_address)
		issue_add(is, CHECK_NO_ELASTIC_IP, subject, "public address %s is auto-assigned",
			  i->public_address);
}

static void guide_node_issues(struct issues *is, const struct node *n, const char *subject)
{
	const struct picture *p = is->j->picture;
	const struct ec2_instance *i = n->instance;

	if (n->bursting && n->distributed_database)
		issue_add(is, CHECK_DISTRIBUTED_DATABASE, subject,
			  "the distributed database is enabled on a bursting node");
	if (!i)
		return;
	guide_address_issues(is, n, subject);
	if (i->type && guide_vcpu(i->type) >= GUIDE_VCPU_TOO_MANY)
		issue_add(is, CHECK_LARGE_INSTANCE, subject, "instance type %s has %d vCPU", i->type,
			  guide_vcpu(i->type));
	if (i->tenancy && !strcmp(i->tenancy, "default"))
		issue_add(is, CHECK_SHARED_TENANCY, subject, "instance %s runs with shared tenancy", i->id);
	if (i->tag_value && !n->bursting)
		issue_add(is, CHECK_TAG_MISMATCH, subject,
			  "tag pexip-cloud is \"%s\", the tag value in force \"%s\"", i->tag_value,
			  p->tag_value);
}

static void node_issues(struct issues *is)
{
	const struct picture *p = is->j->picture;
	char subject[300];

	for (size_t i = 0; i < p->n_nodes; i++) {
		const struct node *n = &p->nodes[i];

		about(subject, "node", n->name);
		if (n->bursting) {
			doubt_issues(is, n, subject);
			drift_issues(is, n, subject);
		}
		intent_issues(is, n, subject);
		guide_node_issues(is, n, subject);
	}
}

static int least_node_hd(const struct picture *p, const struct location *l)
{
	int least = 0;

	for (int32_t i = l->first_node; i < l->first_node + l->n_nodes; i++) {
		const struct node *n = &p->nodes[i];
		int hd = picture_node_hd(p, n);

		if (n->bursting && (!least || hd < least))
			least = hd;
	}
	return least;
}

static void count_roles(const struct picture *p, const struct location *l, int *ret_proxying,
			int *ret_transcoding)
{
	for (int32_t i = l->first_node; i < l->first_node + l->n_nodes; i++)
		*(p->nodes[i].role == ROLE_PROXYING ? ret_proxying : ret_transcoding) += 1;
}

/* Wishes for the location itself. */
static void location_wish_issues(struct issues *is, const struct location *l, const char *subject)
{
	struct location_change actual;
	unsigned drifted = 0;

	if (l->wish && l->wish->change.fields) {
		actual = location_actual(is->j->picture, l);
		drifted = location_drift(&l->wish->change, &actual);
	}
	if (l->intent)
		operation_issue(is, l->intent, subject);
	if (drifted && l->wish->refused[0])
		issue_add(is, CHECK_LOCATION_REFUSED, subject, "its wishes were refused: %s",
			  l->wish->refused);
	for (unsigned field = 1; field <= LOCATION_ALL_FIELDS; field <<= 1)
		if (drifted & field && !l->wish->refused[0])
			issue_add(is, CHECK_DRIFT, subject, "its %s is not as it is wished",
				  location_field_text(field));
}

static void location_issues(struct issues *is)
{
	const struct picture *p = is->j->picture;
	char subject[300];

	for (size_t i = 0; i < p->n_locations; i++) {
		const struct location *l = &p->locations[i];
		int proxying = 0, transcoding = 0;

		about(subject, "location", l->name);
		location_wish_issues(is, l, subject);
		count_roles(p, l, &proxying, &transcoding);
		if (proxying && transcoding)
			issue_add(is, CHECK_MIXED_ROLES, subject,
				  "%d proxying and %d transcoding nodes share the location", proxying,
				  transcoding);
		if (l->kind != LOCATION_OVERFLOW)
			continue;
		if (l->threshold >= least_node_hd(p, l))
			issue_add(is, CHECK_THRESHOLD_TOO_HIGH, subject,
				  "the threshold is %d, one node carries %d HD calls", l->threshold,
				  least_node_hd(p, l));
		if (l->only_secondary) /* RULE S5 */
			issue_add(is, CHECK_ONLY_SECONDARY, subject,
				  "it is a secondary overflow location only");
		if (l->has_always_on)
			issue_add(is, CHECK_MIXED_LOCATION, subject, "it holds always-on and bursting nodes");
	}
}

/* What a survey found stays true until the next one, and says how old it is. */
static void survey_issues(struct issues *is)
{
	const struct join_input *in = is->j->in;
	struct picture *p = is->j->picture;

	p->surveys = arena_array(p->arena, in->n_surveys, sizeof(*p->surveys));
	for (size_t i = 0; p->surveys && i < in->n_surveys; i++) {
		const struct survey *s = in->surveys[i];

		p->surveys[p->n_surveys++] = (struct survey_state){.name = arena_strdup(p->arena, s->name),
								   .observed_at = s->observed_at,
								   .unread = s->unread};
		for (size_t k = 0; k < s->n; k++) {
			size_t before = p->n_issues;

			issue_add(is, s->findings[k].check, s->findings[k].subject, "%s",
				  s->findings[k].message);
			if (p->n_issues > before)
				p->issues[before].observed_at = s->observed_at;
		}
	}
}

/* --- schedules (RULES S8 and V5) -------------------------------------------------------------------------------- */

static int bursting_nodes(const struct picture *p, const struct schedule *s)
{
	const struct location *l = picture_location(p, s->location);
	int n = l ? l->n_bursting : 0;

	for (size_t i = 0; i < s->n_nodes; i++) {
		const struct node *node = picture_node(p, s->nodes[i]);

		n += node && node->bursting;
	}
	return n;
}

static void schedule_issues(struct issues *is)
{
	const struct picture *p = is->j->picture;
	char subject[300];

	for (size_t i = 0; i < is->j->in->n_schedules; i++) {
		const struct schedule *s = &is->j->in->schedules[i];
		int wanted = s->location ? s->instances_to_add : (int)s->n_nodes;

		if (!s->enabled)
			continue;
		about(subject, "schedule", s->name);
		if (p->settings.minimum_lifetime_minutes < s->minutes_in_advance)
			issue_add(is, CHECK_LEAD_EXCEEDS_LIFETIME, subject,
				  "it starts nodes %d minutes in advance, the minimum lifetime is %d minutes",
				  s->minutes_in_advance, p->settings.minimum_lifetime_minutes);
		if (p->ec2_fresh && p->infinity_fresh && bursting_nodes(p, s) < wanted)
			issue_add(is, CHECK_SCHEDULE_WITHOUT_NODES, subject,
				  "it wants %d bursting node(s), there are %d", wanted, bursting_nodes(p, s));
		if (s->zone_missing)
			issue_add(is, CHECK_SCHEDULE_ZONE_UNKNOWN, subject,
				  "the time zone \"%s\" is not known", s->local_timezone);
	}
}

void join_issues(struct join *j)
{
	struct issues is = {.j = j};

	source_issues(&is);
	platform_issues(&is);
	if (j->in->infinity && (!j->picture->tag_value[0] || !strcmp(j->picture->tag_value, "unknown")))
		issue_add(&is, CHECK_TAG_VALUE_UNKNOWN, "bursting", "the tag value is %s",
			  j->picture->tag_value[0] ? "\"unknown\"" : "not known");
	schedule_issues(&is);
	location_issues(&is);
	node_issues(&is);
	operation_issues(&is);
	join_orphans(&is, j);
	survey_issues(&is);
}

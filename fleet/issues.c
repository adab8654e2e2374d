/*
 * Issues: what an operator should know, each with its consequence and remedy. RULE V5 (the deployment guide's warnings),
 * the state of the sources (RULE D1), nodes in doubt or failed (RULES D2 and S4), two controllers (RULE S9).
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/join_internal.h"

struct issues {
	struct join *j;
	size_t cap;
};

struct issue_text {
	const char *id;
	enum severity severity;
	const char *consequence;
	const char *remedy;
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

static void add(struct issues *is, const struct issue_text *t, const char *subject, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void add(struct issues *is, const struct issue_text *t, const char *subject, const char *format, ...)
{
	struct picture *p = is->j->picture;
	char message[400];
	va_list args;

	if (p->n_issues == is->cap && issues_grow(is))
		return;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	p->issues[p->n_issues++] = (struct issue){
		.id = t->id,
		.severity = t->severity,
		.subject = arena_strdup(p->arena, subject),
		.message = arena_strdup(p->arena, message),
		.consequence = t->consequence,
		.remedy = t->remedy,
		.since = since(is->j, t->id, subject),
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
		struct issue_text text = {
			s->error_id ? s->error_id : "source_error", SEVERITY_ERROR,
			"Without fresh data nothing is stopped, and after 60 s nothing is started for load.",
			s->remedy};

		if (s->error)
			add(is, &text, s->name, "%s", s->error);
	}
}

static const struct issue_text status_frozen = {
	"status_frozen", SEVERITY_ERROR,
	"Figures that no longer move prove nothing: nothing is stopped or started for load.",
	"Check the Management Node: no Conferencing Node's status has been updated for minutes."};
static const struct issue_text partial_read = {
	"infinity_partial", SEVERITY_WARNING,
	"A part of a list is not the list: nothing is stopped on this read.",
	"If it stays, check the Management Node's load and its API."};
static const struct issue_text two_controllers = {
	"two_controllers", SEVERITY_ERROR,
	"burstd only observes: it starts nodes for holds and manual starts alone, and stops none.",
	"Turn \"Enable bursting to the cloud\" off in Infinity's global settings, or disable bursting in "
	"burstd."};
static const struct issue_text licenses = {
	"licenses_low", SEVERITY_WARNING,
	"More nodes do not help when calls are refused for lack of licences.",
	"Add concurrent port licences in Infinity (Platform > Licenses)."};

static void platform_issues(struct issues *is)
{
	const struct infinity_report *r = is->j->in->infinity;
	const struct picture *p = is->j->picture;

	if (!r)
		return;
	if (p->status_frozen)
		add(is, &status_frozen, "infinity", "the newest node status is older than the limit");
	if (!r->whole)
		add(is, &partial_read, "infinity", "a list did not arrive whole: %s",
		    r->partial ? r->partial : "count differs");
	if (p->infinity_bursting && p->settings.enabled) /* RULE S9 */
		add(is, &two_controllers, "infinity",
		    "Infinity's own bursting is enabled and so is burstd's");
	if (r->license_ports_total > 0 && r->license_ports_used * 10 >= r->license_ports_total * 9)
		add(is, &licenses, "infinity", "%d of %d licence ports are in use", r->license_ports_used,
		    r->license_ports_total);
}

/* --- nodes ----------------------------------------------------------------------------------------------------- */

static const struct issue_text node_unknown = {
	"node_unknown", SEVERITY_WARNING,
	"A node in doubt is never stopped, and it does not count as capacity.",
	"Compare Platform > Conferencing Nodes with the EC2 console; if the node is dead, stop it with "
	"force."};
static const struct issue_text node_failed = {
	"node_failed", SEVERITY_ERROR,
	"The node brings no capacity; another one is started if the rules want it.",
	"Check the node's deployment and its security group; an instance left running is still paid for."};
static const struct issue_text node_refused = {
	"node_refused", SEVERITY_WARNING, "The node rests and other candidates are tried first.",
	"If it repeats, use another availability zone or instance type for the node."};
static const struct issue_text drain_held = {
	"drain_held", SEVERITY_INFO, "The node is not stopped before its last call has ended.",
	"Wait, cancel the operation, or stop the node with force (which cuts the calls)."};
static const struct issue_text leftover = {
	"maintenance_leftover", SEVERITY_WARNING,
	"The node takes no calls, and no operation of this burstd explains why.",
	"Clear maintenance mode in Infinity once it is known that no other burstd is draining the node."};
static const struct issue_text intent_trouble = {
	"operation_retrying", SEVERITY_WARNING,
	"The operation is tried again until it succeeds or is no longer wanted.",
	"See the operation's error."};
static const struct issue_text drift = {"drift", SEVERITY_INFO, "The reconciler works on it, or cannot.",
					"See its wishes, its open operation and the other issues about it."};

static const struct issue_text location_refused = {
	"location_refused", SEVERITY_WARNING,
	"The location stays as it is in Infinity; burstd does not ask again by itself.",
	"Mend what Infinity names, then set the wish again, or release it."};

static void doubt_issues(struct issues *is, const struct node *n, const char *subject)
{
	const struct node_track *t = track_find(is->j->tracks, n->id);
	char since_text[TIME_TEXT_SIZE];

	time_rfc3339(n->phase_since, since_text);
	if (n->phase == PHASE_UNKNOWN) /* RULE D2 */
		add(is, &node_unknown, subject, "EC2 says %s; Infinity says %s (in doubt since %s)",
		    n->instance ? instance_state_text(n->instance->state) : "nothing",
		    n->sync_text ? n->sync_text : "nothing", since_text);
	if (n->phase == PHASE_FAILED && n->instance && n->instance->state != INSTANCE_STOPPED) /* RULE S4 */
		add(is, &node_failed, subject, "it was started but did not become available in time");
	if (n->resting && t && t->refused_code[0]) /* RULE S6 */
		add(is, &node_refused, subject, "its last start or stop was refused or failed (%s)",
		    t->refused_code);
}

static void intent_issues(struct issues *is, const struct node *n, const char *subject)
{
	const struct intent *i = n->intent;

	if (i && i->error[0])
		add(is, &intent_trouble, subject, "operation %lld (%s): %s", (long long)i->id,
		    intent_kind_text(i->kind), i->error);
	if (n->phase == PHASE_DRAINING && i && i->state == INTENT_WAITING && !n->idle) /* RULE E5 */
		add(is, &drain_held, subject, "held by %d conference(s) and %d participant(s)",
		    n->conferences, n->participants < 0 ? 0 : n->participants);
	if (!i && n->ours && n->bursting && n->wish_maintenance != WISH_TRUE)
		add(is, &leftover, subject,
		    "it is in maintenance mode with burstd's reason, but nothing is draining it");
}

static void drift_issues(struct issues *is, const struct node *n, const char *subject)
{
	bool up = n->phase == PHASE_SERVING || n->phase == PHASE_STARTING;

	if (n->wish_power == WISH_POWER_ON && !up)
		add(is, &drift, subject, "power is wished on, the node is %s", phase_text(n->phase));
	if (n->wish_power == WISH_POWER_OFF && n->phase != PHASE_STOPPED)
		add(is, &drift, subject, "power is wished off, the node is %s", phase_text(n->phase));
	if (n->wish_maintenance != WISH_NONE &&
	    n->maintenance_configured != (n->wish_maintenance == WISH_TRUE))
		add(is, &drift, subject, "maintenance mode is wished %s, it is %s",
		    n->wish_maintenance == WISH_TRUE ? "on" : "off",
		    n->maintenance_configured ? "on" : "off");
}

/* --- RULE V5: warnings of the deployment guide ------------------------------------------------------------------ */

static const struct issue_text v5_database = {
	"distributed_database", SEVERITY_WARNING,
	"A node that is often off holds up the replication of the distributed database.",
	"Disable \"Enable distributed database\" on the node; change one node at a time, minutes apart."};
static const struct issue_text v5_nat = {"static_nat_differs", SEVERITY_WARNING,
					 "Endpoints outside send media to an address that is not the node's.",
					 "Set the node's static NAT address to its present public address."};
static const struct issue_text v5_elastic = {
	"no_elastic_ip", SEVERITY_WARNING,
	"The public address changes at each start, and the static NAT address is then wrong.",
	"Assign an Elastic IP to the instance."};
static const struct issue_text v5_vcpu = {"large_instance", SEVERITY_WARNING,
					  "Capacity does not grow in line with 36 or more vCPU.",
					  "Use c5.2xlarge for transcoding nodes."};
static const struct issue_text v5_tenancy = {"shared_tenancy", SEVERITY_WARNING,
					     "Oversubscribed hardware can drop calls and hurt media quality.",
					     "Run Conferencing Nodes with dedicated tenancy."};
static const struct issue_text v5_tag = {
	"tag_mismatch", SEVERITY_WARNING, "The node is not treated as a bursting node.",
	"Make the instance's tag pexip-cloud equal to the tag value in force."};

/* vCPU of the families the guide names, from the size; 0 = cannot tell. c4.8xlarge alone breaks the pattern. */
static int vcpu_of(const char *type)
{
	const char *size = strchr(type, '.');
	long times;
	char *end;

	if (!size)
		return 0;
	if (!strcmp(type, "c4.8xlarge"))
		return 36;
	if (!strcmp(size, ".metal"))
		return 96;
	if (!strcmp(size, ".large"))
		return 2;
	if (!strcmp(size, ".xlarge"))
		return 4;
	times = strtol(size + 1, &end, 10);
	return times > 0 && times < 1000 && !strcmp(end, "xlarge") ? (int)(4 * times) : 0;
}

#define VCPU_TOO_MANY 36 /* guide, "Recommended instance types" */

static void guide_address_issues(struct issues *is, const struct node *n, const char *subject)
{
	const struct ec2_instance *i = n->instance;

	if (n->static_nat && i->public_address && strcmp(n->static_nat, i->public_address))
		add(is, &v5_nat, subject, "static NAT is %s, the public address %s", n->static_nat,
		    i->public_address);
	if (n->bursting && i->public_address && !i->elastic)
		add(is, &v5_elastic, subject, "public address %s is auto-assigned", i->public_address);
}

static void guide_node_issues(struct issues *is, const struct node *n, const char *subject)
{
	const struct picture *p = is->j->picture;
	const struct ec2_instance *i = n->instance;

	if (n->bursting && n->distributed_database)
		add(is, &v5_database, subject, "the distributed database is enabled on a bursting node");
	if (!i)
		return;
	guide_address_issues(is, n, subject);
	if (i->type && vcpu_of(i->type) >= VCPU_TOO_MANY)
		add(is, &v5_vcpu, subject, "instance type %s has %d vCPU", i->type, vcpu_of(i->type));
	if (i->tenancy && !strcmp(i->tenancy, "default"))
		add(is, &v5_tenancy, subject, "instance %s runs with shared tenancy", i->id);
	if (i->tag_value && !n->bursting)
		add(is, &v5_tag, subject, "tag pexip-cloud is \"%s\", the tag value in force \"%s\"",
		    i->tag_value, p->tag_value);
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

static const struct issue_text v5_threshold = {
	"threshold_too_high", SEVERITY_WARNING,
	"One overflow node can never lift the location above its threshold.",
	"Set the threshold below the HD capacity of one overflow node."};
static const struct issue_text v5_secondary = {
	"only_secondary_overflow", SEVERITY_WARNING, "Its nodes are never started automatically.",
	"Make it the primary overflow location of an always-on location."};
static const struct issue_text v5_mixed = {"mixed_location", SEVERITY_WARNING,
					   "Always-on capacity hides the need for more bursting nodes.",
					   "Keep always-on and bursting nodes in separate locations."};
static const struct issue_text v5_roles = {"mixed_roles", SEVERITY_WARNING,
					   "Media may be sent to nodes that cannot transcode it.",
					   "Keep proxying and transcoding nodes in separate locations."};
static const struct issue_text v5_tag_unknown = {
	"tag_value_unknown", SEVERITY_WARNING,
	"No instance can be told to be a bursting node by an unknown tag value.",
	"Set tag_value in the bursting settings to the Tag value of Infinity's global settings."};

static int least_node_hd(const struct picture *p, const struct location *l)
{
	int least = 0;

	for (int32_t i = l->first_node; i < l->first_node + l->n_nodes; i++) {
		const struct node *n = &p->nodes[i];
		int hd = n->max_hd > 0 ? n->max_hd : p->params.node_capacity_hd;

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
	if (l->intent && l->intent->error[0])
		add(is, &intent_trouble, subject, "operation %lld (%s): %s", (long long)l->intent->id,
		    intent_kind_text(l->intent->kind), l->intent->error);
	if (drifted && l->wish->refused[0])
		add(is, &location_refused, subject, "its wishes were refused: %s", l->wish->refused);
	for (unsigned field = 1; field <= LOCATION_ALL_FIELDS; field <<= 1)
		if (drifted & field && !l->wish->refused[0])
			add(is, &drift, subject, "its %s is not as it is wished", location_field_text(field));
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
			add(is, &v5_roles, subject, "%d proxying and %d transcoding nodes share the location",
			    proxying, transcoding);
		if (l->kind != LOCATION_OVERFLOW)
			continue;
		if (l->threshold >= least_node_hd(p, l))
			add(is, &v5_threshold, subject, "the threshold is %d, one node carries %d HD calls",
			    l->threshold, least_node_hd(p, l));
		if (l->only_secondary) /* RULE S5 */
			add(is, &v5_secondary, subject, "it is a secondary overflow location only");
		if (l->has_always_on)
			add(is, &v5_mixed, subject, "it holds always-on and bursting nodes");
	}
}

/* --- schedules (RULES S8 and V5) -------------------------------------------------------------------------------- */

static const struct issue_text v5_lead = {"lead_exceeds_lifetime", SEVERITY_WARNING,
					  "During the lead nothing but the schedule's hold keeps the nodes "
					  "up: once it is taken back, they are stopped "
					  "again before they are needed.",
					  "Set minutes_in_advance to at most minimum_lifetime_minutes, or "
					  "raise the latter in the bursting settings."};
static const struct issue_text schedule_target = {
	"schedule_without_nodes", SEVERITY_WARNING,
	"At its times fewer nodes are started than it says, or none.",
	"Give the schedule another location or other nodes, or fewer instances, or delete it."};
static const struct issue_text schedule_zone = {
	"schedule_zone_unknown", SEVERITY_ERROR,
	"The schedule does not fire, and its present hold does not follow it.",
	"Update the time zone data of this system, or give the schedule another local_timezone."};

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
			add(is, &v5_lead, subject,
			    "it starts nodes %d minutes in advance, the minimum lifetime is %d minutes",
			    s->minutes_in_advance, p->settings.minimum_lifetime_minutes);
		if (p->ec2_fresh && p->infinity_fresh && bursting_nodes(p, s) < wanted)
			add(is, &schedule_target, subject, "it wants %d bursting node(s), there are %d",
			    wanted, bursting_nodes(p, s));
		if (s->zone_missing)
			add(is, &schedule_zone, subject, "the time zone \"%s\" is not known",
			    s->local_timezone);
	}
}

void join_issues(struct join *j)
{
	struct issues is = {.j = j};

	source_issues(&is);
	platform_issues(&is);
	if (j->in->infinity && (!j->picture->tag_value[0] || !strcmp(j->picture->tag_value, "unknown")))
		add(&is, &v5_tag_unknown, "bursting", "the tag value is %s",
		    j->picture->tag_value[0] ? "\"unknown\"" : "not known");
	schedule_issues(&is);
	location_issues(&is);
	node_issues(&is);
}

/*
 * The surveys' steps: read slowly what moves seldom, judge it against the guide (fleet/survey.h), keep the findings for the join.
 * Nothing here changes anything: permissions are asked for by dry runs, and only for what would do no harm if an endpoint did not
 * know what a dry run is: a start of an instance that runs or has the tag, a stop of one that is stopped.
 */
#include <stdio.h>
#include <string.h>

#include "reconcile/internal.h"

/* Takes over a finished survey. */
static void keep(struct reconciler *r, struct survey **place, struct survey *steal)
{
	pthread_mutex_lock(&r->lock);
	survey_free(*place);
	*place = steal;
	pthread_mutex_unlock(&r->lock);
}

static struct node_placement *copy_placements(const struct node_placement *from, size_t n)
{
	struct node_placement *copy = calloc(n + 1, sizeof(*copy));

	if (copy && n)
		memcpy(copy, from, n * sizeof(*copy));
	return copy;
}

/* --- Infinity ---------------------------------------------------------------------------------------------------- */

/* What the surveys of the regions are going to need. What could not be read stays as it was. */
static void remember(struct reconciler *r, const struct platform_report *report)
{
	struct node_placement *copy = copy_placements(report->placements, report->n_placements);

	pthread_mutex_lock(&r->lock);
	if (report->management_address)
		(void)snprintf(r->management_address, sizeof(r->management_address), "%s",
			       report->management_address);
	if (copy && report->placements) {
		free(r->placements);
		r->placements = take_ptr(copy);
		r->n_placements = report->n_placements;
	}
	pthread_mutex_unlock(&r->lock);
	free(copy);
}

#define API_WINDOW_MS (10 * MS_PER_MINUTE) /* of the platform's time: less would count one read as a pace */

/* How often burstd asked the management API since this was last taken: that is part of what sizes a Management Node. */
static void take_pace(struct reconciler *r)
{
	uint64_t requests = upstream_requests(&r->tallies->infinity);
	int64_t now = clock_now(r->clock);
	double passed;

	pthread_mutex_lock(&r->lock);
	passed = (double)(now - r->api_at) * r->time_scale;
	if (passed >= API_WINDOW_MS) {
		r->api_per_minute = (int)((double)(requests - r->api_requests) * MS_PER_MINUTE / passed);
		r->api_requests = requests;
		r->api_at = now;
	}
	pthread_mutex_unlock(&r->lock);
}

void reconcile_survey_infinity(struct reconciler *r, const struct infinity_survey_port *port)
{
	_cleanup_(platform_report_freep) struct platform_report *report = NULL;
	_cleanup_(survey_freep) struct survey *s = survey_new("infinity", clock_now(r->clock));
	struct unread_list unread = {0};
	struct upstream_error e = {0};

	take_pace(r);
	if (!s)
		return; /* the last survey stays, with its age */
	if (port->platform(port->self, &report, &e)) {
		survey_judge_platform(s, report, r->n_regions);
	} else {
		unread_add(&unread, s->arena, "configuration", e.message);
		survey_unread(s, &unread, "infinity");
	}
	if (report)
		remember(r, report);
	keep(r, &r->infinity_survey, take_ptr(s));
}

/* --- EC2 --------------------------------------------------------------------------------------------------------- */

struct scene {
	struct picture *picture;
	const char **addresses; /* in the picture's nodes, and `management` */
	char management[64];
	struct node_placement *placements;
	size_t n_placements;
	struct network_scope scope;
};

static void scene_end(struct scene *c)
{
	free(c->addresses);
	free(c->placements);
	picture_unref(c->picture);
}

static int capacity(const struct picture *p)
{
	int hd = 0;

	for (size_t i = 0; i < p->n_nodes; i++)
		if (p->nodes[i].role == ROLE_TRANSCODING)
			hd += picture_node_hd(p, &p->nodes[i]);
	return hd;
}

/* Whom to look for. false: the nodes or the Management Node are not known yet, or there is no memory. */
static bool scene_set(struct reconciler *r, struct scene *c, const char *source)
{
	size_t n = 0;
	bool known;
	int pace;

	pthread_mutex_lock(&r->lock);
	known = r->infinity_survey != NULL;
	pace = r->api_per_minute;
	(void)snprintf(c->management, sizeof(c->management), "%s", r->management_address);
	c->placements = copy_placements(r->placements, r->n_placements);
	c->n_placements = c->placements ? r->n_placements : 0;
	pthread_mutex_unlock(&r->lock);
	c->picture = reconciler_picture(r);
	if (!known || !c->picture->infinity_at)
		return false;
	c->addresses = calloc(c->picture->n_nodes + 1, sizeof(*c->addresses));
	for (size_t i = 0; c->addresses && i < c->picture->n_nodes; i++)
		c->addresses[n++] = c->picture->nodes[i].address;
	if (c->addresses && c->management[0])
		c->addresses[n++] = c->management;
	c->scope = (struct network_scope){.source = source,
					  .addresses = c->addresses,
					  .n_addresses = n,
					  .management_address = c->management[0] ? c->management : NULL,
					  .n_nodes = c->picture->n_nodes,
					  .platform_hd = capacity(c->picture),
					  .api_per_minute = pace,
					  .placements = c->placements,
					  .n_placements = c->n_placements};
	return c->addresses != NULL;
}

enum deed { DEED_START, DEED_STOP };

static bool fits(const struct placed_instance *i, const char *tag, bool tagged, enum deed deed)
{
	if ((i->tag_value && !strcmp(i->tag_value, tag)) != tagged)
		return false;
	if (deed == DEED_STOP)
		return i->state == INSTANCE_STOPPED;
	return i->state == INSTANCE_RUNNING || (tagged && i->state == INSTANCE_STOPPED);
}

static const struct placed_instance *choose(const struct network_report *report, const char *tag, bool tagged,
					    enum deed deed)
{
	for (size_t i = 0; i < report->n_instances; i++)
		if (fits(&report->instances[i], tag, tagged, deed))
			return &report->instances[i];
	return NULL;
}

/* One question to EC2: may we? Without an instance that it can be asked about, nothing is known and nothing is said. */
static void ask(struct survey *s, const struct ec2_survey_port *port, const struct scene *c,
		const struct placed_instance *i, bool tagged, enum deed deed)
{
	static const char *const actions[] = {"StartInstances", "StopInstances"};
	struct upstream_error e = {0};
	struct unread_list unread = {0};
	bool refused, allowed;

	if (!i)
		return;
	allowed = deed == DEED_START ? port->may_start(port->self, i->id, &e)
				     : port->may_stop(port->self, i->id, &e);
	refused = !allowed && !strcmp(e.code, "UnauthorizedOperation");
	if (!allowed && !refused) {
		unread_add(&unread, s->arena, actions[deed], e.message);
		survey_unread(s, &unread, c->scope.source);
	} else if (tagged && refused) {
		survey_find(s, deed == DEED_START ? CHECK_START_DENIED : CHECK_STOP_DENIED, c->scope.source,
			    "%s of %s, which has the tag: %.250s", actions[deed], i->id, e.message);
	} else if (!tagged && allowed) {
		survey_find(s, CHECK_IAM_TOO_WIDE, c->scope.source,
			    "%s of %s, which does not have the tag, would be allowed", actions[deed], i->id);
	}
}

static void ask_permissions(struct survey *s, const struct ec2_survey_port *port, const struct scene *c,
			    const struct network_report *report)
{
	const char *tag = c->picture->tag_value;

	if (!tag[0])
		return; /* an issue of its own tells of it */
	for (int tagged = 1; tagged >= 0; tagged--)
		for (int deed = DEED_START; deed <= DEED_STOP; deed++)
			ask(s, port, c, choose(report, tag, tagged, (enum deed)deed), tagged,
			    (enum deed)deed);
}

bool reconcile_survey_ec2(struct reconciler *r, size_t region, const struct ec2_survey_port *port)
{
	_cleanup_(network_report_freep) struct network_report *report = NULL;
	_cleanup_(survey_freep) struct survey *s = NULL;
	_cleanup_(scene_end) struct scene c = {0};
	struct unread_list unread = {0};
	struct upstream_error e = {0};

	if (!scene_set(r, &c, r->regions[region].source.name))
		return false;
	s = survey_new(c.scope.source, clock_now(r->clock));
	if (!s)
		return false;
	if (port->network(port->self, c.scope.addresses, c.scope.n_addresses, &report, &e)) {
		survey_judge_network(s, report, &c.scope);
		ask_permissions(s, port, &c, report);
	} else {
		unread_add(&unread, s->arena, "DescribeInstances", e.message);
		survey_unread(s, &unread, c.scope.source);
	}
	keep(r, &r->regions[region].survey, take_ptr(s));
	return true;
}

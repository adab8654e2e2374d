/* The observers' steps: read, keep what is whole, remember how it went. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "reconcile/internal.h"

void source_good(struct source_state *s, int64_t observed_at)
{
	s->observed_at = observed_at;
	s->error[0] = s->error_id[0] = s->remedy[0] = '\0';
}

static void source_say(struct source_state *s, const char *id, const char *error, const char *remedy)
{
	if (strcmp(s->error_id, id)) /* once per kind of trouble, not once per poll */
		log_warn("a source cannot be read", "source", s->name, "issue", id, "error", error, "remedy",
			 remedy);
	snprintf(s->error, sizeof(s->error), "%s", error);
	snprintf(s->error_id, sizeof(s->error_id), "%s", id);
	snprintf(s->remedy, sizeof(s->remedy), "%s", remedy);
}

void source_bad(struct source_state *s, const struct upstream_error *e)
{
	source_say(s, e->issue[0] ? e->issue : "source_error", e->message, e->remedy);
}

static void show_maintenance(struct infinity_report *report, const struct acknowledged *a)
{
	for (size_t i = 0; report && i < report->n_nodes; i++)
		if (report->nodes[i].id == a->node) {
			report->nodes[i].maintenance = a->on;
			report->nodes[i].maintenance_reason = a->on ? MAINTENANCE_REASON_PREFIX : "";
		}
}

void reconciler_calls_cut(struct reconciler *r, int64_t node)
{
	pthread_mutex_lock(&r->lock);
	measure_cut(r, node);
	pthread_mutex_unlock(&r->lock);
}

void reconciler_maintenance_set(struct reconciler *r, int64_t node, bool on)
{
	struct acknowledged a = {.node = node, .on = on, .at = clock_now(r->clock)};
	struct acknowledged *grown;

	pthread_mutex_lock(&r->lock);
	show_maintenance(r->infinity, &a);
	grown = realloc(r->acknowledged, (r->n_acknowledged + 1) * sizeof(*grown));
	if (grown) { /* else the next report may show the old mode once, and the wish is asked for twice */
		r->acknowledged = grown;
		grown[r->n_acknowledged++] = a;
	}
	pthread_mutex_unlock(&r->lock);
}

/* What was acknowledged after the report's read began is put into it; the rest it has seen itself. */
static void apply_acknowledged(struct reconciler *r, struct infinity_report *report)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->n_acknowledged; i++)
		if (r->acknowledged[i].at >= report->observed_at) {
			show_maintenance(report, &r->acknowledged[i]);
			r->acknowledged[kept++] = r->acknowledged[i];
		}
	r->n_acknowledged = kept;
}

void infinity_keep(struct reconciler *r, struct infinity_report *steal)
{
	apply_acknowledged(r, steal);
	apply_acknowledged_locations(r, steal);
	infinity_report_free(r->infinity);
	r->infinity = steal;
	r->tick++;
	source_good(&r->infinity_source, steal->observed_at);
}

/* The list of participants is long: it is asked for only while a bursting node may be up (RULE E1 needs it). */
static bool participants_wanted(struct reconciler *r)
{
	bool wanted = r->infinity == NULL;

	for (size_t i = 0; i < r->tracks.n; i++)
		wanted |= r->tracks.rows[i].state_known && r->tracks.rows[i].state != INSTANCE_STOPPED;
	return wanted;
}

void reconcile_observe_infinity(struct reconciler *r, const struct infinity_port *port)
{
	_cleanup_(infinity_report_freep) struct infinity_report *report = NULL;
	struct upstream_error e = {0};
	bool participants, good;
	int64_t began_us;

	pthread_mutex_lock(&r->lock);
	participants = participants_wanted(r);
	pthread_mutex_unlock(&r->lock);

	began_us = monotonic_us();
	good = port->observe(port->self, participants, &report, &e);
	meter_add(&r->tallies->observers[0].times, &observe_bounds, monotonic_us() - began_us);

	pthread_mutex_lock(&r->lock);
	if (!good)
		source_bad(&r->infinity_source, &e);
	else if (!report->whole) /* RULE D1: half a page is no page */
		source_say(&r->infinity_source, "infinity_partial",
			   report->partial ? report->partial : "a list is not whole",
			   "If it stays, check the Management Node's load and its API.");
	else if (!r->infinity || report->observed_at > r->infinity->observed_at)
		infinity_keep(r, take_ptr(report));
	pthread_mutex_unlock(&r->lock);
}

/* --- EC2 ------------------------------------------------------------------------------------------------------- */

static bool tag_value(const struct reconciler *r, char out[TAG_VALUE_SIZE])
{
	const char *set = r->wants.settings.tag_value;

	if (!set[0] && r->infinity && r->infinity->management_host)
		set = r->infinity->management_host;
	snprintf(out, TAG_VALUE_SIZE, "%s", set);
	return set[0] != '\0';
}

static bool tagged_anywhere(const struct reconciler *r, const char *address)
{
	for (size_t i = 0; i < r->n_regions; i++) {
		const struct ec2_report *list = r->regions[i].tagged;

		for (size_t k = 0; list && k < list->n_instances; k++)
			for (size_t a = 0; a < list->instances[k].n_addresses; a++)
				if (!strcmp(list->instances[k].addresses[a], address))
					return true;
	}
	return false;
}

struct addresses {
	char (*rows)[16];
	const char **pointers;
	size_t n;
};

static void addresses_free(struct addresses *a)
{
	free(a->rows);
	free(a->pointers);
}

/* Addresses of nodes that no tagged instance has: they are looked for without the tag (RULE V5, tag mismatch). */
static void untagged_addresses(const struct reconciler *r, struct addresses *out)
{
	size_t n = r->infinity ? r->infinity->n_nodes : 0;

	out->rows = calloc(n + 1, sizeof(*out->rows));
	out->pointers = calloc(n + 1, sizeof(*out->pointers));
	for (size_t i = 0; out->rows && out->pointers && i < n; i++) {
		const char *address = r->infinity->nodes[i].address;

		if (strlen(address) >= sizeof(*out->rows) || tagged_anywhere(r, address))
			continue;
		snprintf(out->rows[out->n], sizeof(*out->rows), "%s", address);
		out->pointers[out->n] = out->rows[out->n];
		out->n++;
	}
}

#define ADDRESS_READ_MS (60 * MS_PER_SECOND) /* a tag does not change often, and the request is a large one */

void reconciler_instances_changed(struct reconciler *r)
{
	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->n_regions; i++)
		r->regions[i].addressed_at = 0;
	pthread_mutex_unlock(&r->lock);
}

static void observe_addresses(struct reconciler *r, struct region_state *region, const struct ec2_port *port)
{
	_cleanup_(addresses_free) struct addresses wanted = {0};
	_cleanup_(ec2_report_freep) struct ec2_report *report = NULL;
	struct upstream_error e = {0};
	int64_t now = clock_now(r->clock);
	bool due, good = true;

	pthread_mutex_lock(&r->lock);
	due = !region->addressed_at ||
	      (double)(now - region->addressed_at) >= ADDRESS_READ_MS / r->time_scale;
	if (due) {
		untagged_addresses(r, &wanted);
		region->addressed_at = now;
	}
	pthread_mutex_unlock(&r->lock);
	if (!due)
		return;
	if (wanted.n)
		good = port->describe_addresses(port->self, wanted.pointers, wanted.n, &report, &e);
	if (!good) {
		log_warn("instances without the tag cannot be looked up by address", "source",
			 region->source.name, "error", e.message);
		return;
	}
	pthread_mutex_lock(&r->lock);
	ec2_report_free(region->addressed);
	region->addressed = take_ptr(report);
	pthread_mutex_unlock(&r->lock);
}

static void keep_tagged(struct region_state *region, struct ec2_report *steal)
{
	ec2_report_free(region->tagged);
	region->tagged = steal;
	source_good(&region->source, steal->observed_at);
}

bool reconcile_observe_ec2(struct reconciler *r, size_t index, const struct ec2_port *port)
{
	struct region_state *region = &r->regions[index];
	_cleanup_(ec2_report_freep) struct ec2_report *report = NULL;
	struct upstream_error e = {0};
	char tag[TAG_VALUE_SIZE];
	bool known, good;

	pthread_mutex_lock(&r->lock);
	known = tag_value(r, tag);
	pthread_mutex_unlock(&r->lock);
	if (!known) {
		upstream_error_set(&e, UPSTREAM_WAIT, 0, "no_tag_value", "tag_value_unknown",
				   "Make Infinity reachable, or set tag_value in /v1/bursting.",
				   "the tag value is not known before Infinity is heard, so no instance can "
				   "be looked for");
		good = false;
	} else {
		int64_t began_us = monotonic_us();

		good = port->describe_tagged(port->self, tag, &report, &e);
		meter_add(&r->tallies->observers[1 + index].times, &observe_bounds,
			  monotonic_us() - began_us);
	}
	pthread_mutex_lock(&r->lock);
	if (!good)
		source_bad(&region->source, &e);
	else if (report->whole && (!region->tagged || report->observed_at > region->tagged->observed_at))
		keep_tagged(region, take_ptr(report));
	pthread_mutex_unlock(&r->lock);
	if (good)
		observe_addresses(r, region, port);
	return known;
}

/* What observers, controller and actors did since the process began, and how soon a location will be short. */
#include "handlers/metrics.h"

#include <inttypes.h>
#include <stdio.h>

#include "handlers/exposition.h"
#include "handlers/views.h"

static void put_meter(struct buf *b, const char *name, const char *help, const struct meter_bounds *bounds,
		      const struct meter *meter)
{
	struct meter_reading reading = meter_read(meter);

	expo_family(b, name, EXPO_HISTOGRAM, help);
	expo_meter(b, name, NULL, bounds, &reading);
}

static void put_observers(struct buf *b, const struct tallies *t)
{
	size_t i;

	expo_family(b, "burstd_observe_seconds", EXPO_HISTOGRAM,
		    "Time that a whole read of an upstream system took, good or not.");
	for (i = 0; i < t->n_observers; i++) {
		struct meter_reading reading = meter_read(&t->observers[i].times);

		expo_meter(b, "burstd_observe_seconds", &(struct label){"source", t->observers[i].source},
			   &observe_bounds, &reading);
	}
}

static void put_requests_of(struct buf *b, const char *api, const struct upstream_tally *t)
{
	int i;

	for (i = 0; i < UPSTREAM_CLASSES; i++)
		expo_sample(b, "burstd_upstream_requests_total",
			    LABELS({"api", api}, {"result", upstream_class_text((enum upstream_class)i)}),
			    (double)counter_read(&t->requests[i]));
}

static void put_node_seconds(struct buf *b, const struct tallies *t)
{
	int i;

	expo_family(b, "burstd_node_seconds_total", EXPO_COUNTER,
		    "Time that bursting nodes were up, by what they did.");
	for (i = 0; i < NODE_CLASS_COUNT; i++)
		expo_sample(b, "burstd_node_seconds_total",
			    LABELS({"class", node_class_text((enum node_class)i)}),
			    (double)counter_read(&t->node_ms[i]) / MS_PER_SECOND);
}

void metrics_put_work(struct buf *b, const struct tallies *t)
{
	put_observers(b, t);
	expo_family(b, "burstd_upstream_requests_total", EXPO_COUNTER,
		    "Requests to the upstream systems, each attempt, by how they ended.");
	put_requests_of(b, "infinity", &t->infinity);
	put_requests_of(b, "ec2", &t->ec2);
	put_meter(b, "burstd_decision_seconds",
		  "Time that one look of the controller took: join, decide, record, publish.",
		  &decision_bounds, &t->decisions);
	put_meter(b, "burstd_drain_seconds",
		  "Time from a node's maintenance mode on until StopInstances was accepted.", &drain_bounds,
		  &t->drains);
	put_node_seconds(b, t);
	expo_single(b, "burstd_calls_cut_total", EXPO_COUNTER,
		    "Calls that were on a node when burstd stopped, moved or deleted it; only what was "
		    "forced may make it rise.",
		    (double)counter_read(&t->calls_cut));
}

/* --- ramps --------------------------------------------------------------------------------------------------- */

void metrics_put_ramps(struct buf *b, const struct picture *p, struct store *store)
{
	char id[24];
	size_t i;

	expo_family(b, "burstd_minutes_to_threshold", EXPO_GAUGE,
		    "Minutes until the location comes down to its threshold at the pace of the last 15; NaN "
		    "= it does "
		    "not fall, or nobody knows.");
	for (i = 0; i < p->n_locations; i++) {
		const struct location *l = &p->locations[i];

		if (!l->principal)
			continue;
		(void)snprintf(id, sizeof id, "%" PRId64, l->id);
		expo_sample(b, "burstd_minutes_to_threshold",
			    LABELS({"location", l->name}, {"location_id", id}),
			    location_minutes_left(p, l, l->threshold, store));
	}
}

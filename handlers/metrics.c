/*
 * GET /metrics, for Prometheus: the published picture as gauges, the outcomes of all operations so far from the store (so that
 * no restart resets them), the HTTP server's and the process's own figures. docs/metrics.md tells what each is for.
 */
#include <math.h>
#include <stdlib.h>

#include "base/process.h"
#include "handlers/acknowledged.h"
#include "handlers/exposition.h"
#include "handlers/handlers.h"
#include "handlers/metrics.h"
#include "handlers/sink_memory.h"

#define METRICS_MAX (32 * 1024 * 1024)

/* --- the picture --------------------------------------------------------------------------------------------- */

enum location_figure { FREE_HD, MAX_HD, THRESHOLD };

static void put_location_figure(struct buf *b, const struct picture *p, enum location_figure which)
{
	static const char *const names[] = {[FREE_HD] = "burstd_location_free_hd_calls",
					    [MAX_HD] = "burstd_location_max_hd_calls",
					    [THRESHOLD] = "burstd_location_threshold"};
	char id[24];
	size_t i;

	for (i = 0; i < p->n_locations; i++) {
		const struct location *l = &p->locations[i];
		const int values[] = {
			[FREE_HD] = l->free_hd, [MAX_HD] = l->max_hd, [THRESHOLD] = l->threshold};

		(void)snprintf(id, sizeof id, "%lld", (long long)l->id);
		/* the id as well: names are only as unique as Infinity keeps them, and a series twice fails the scrape */
		expo_sample(b, names[which],
			    LABELS({"location", l->name}, {"location_id", id},
				   {"kind", location_kind_text(l->kind)}),
			    values[which]);
	}
}

static void put_locations(struct buf *b, const struct picture *p)
{
	expo_family(b, "burstd_location_free_hd_calls", EXPO_GAUGE,
		    "HD calls that the location can still take.");
	put_location_figure(b, p, FREE_HD);
	expo_family(b, "burstd_location_max_hd_calls", EXPO_GAUGE,
		    "HD calls that the nodes of the location that are up can take in all.");
	put_location_figure(b, p, MAX_HD);
	expo_family(b, "burstd_location_threshold", EXPO_GAUGE,
		    "Bursting threshold in force for the location, in free HD calls.");
	put_location_figure(b, p, THRESHOLD);
}

static void put_nodes(struct buf *b, const struct picture *p)
{
	int n[PHASE_COUNT] = {0};
	size_t i;

	for (i = 0; i < p->n_nodes; i++)
		if (p->nodes[i].bursting)
			n[p->nodes[i].phase]++;
	expo_family(b, "burstd_nodes", EXPO_GAUGE, "Bursting nodes by their phase.");
	for (i = 0; i < PHASE_COUNT; i++)
		expo_sample(b, "burstd_nodes", LABELS({"phase", phase_text((enum node_phase)i)}), n[i]);
}

/* Where the acknowledgements cannot be read, none is in force: rather one alert too many. */
static void put_issues(struct buf *b, const struct picture *p, const struct acknowledgements *a)
{
	int n[SEVERITY_ERROR + 1][2] = {0};
	size_t i;

	for (i = 0; i < p->n_issues; i++)
		n[p->issues[i].severity][acknowledged(a, &p->issues[i]) != NULL]++;
	expo_family(
		b, "burstd_issues", EXPO_GAUGE,
		"Open issues, as /v1/status lists them, by severity and whether somebody acknowledged them.");
	for (i = 0; i < 2 * ARRAY_LEN(n); i++)
		expo_sample(b, "burstd_issues",
			    LABELS({"severity", severity_text((enum severity)(i / 2))},
				   {"acknowledged", i % 2 ? "true" : "false"}),
			    n[i / 2][i % 2]);
}

/* Never heard is infinitely old, so that an alert on the age fires for it too. The store has no age. */
static void put_ages(struct buf *b, const struct picture *p, int64_t now)
{
	size_t i;

	expo_family(b, "burstd_data_age_seconds", EXPO_GAUGE,
		    "Time since the last good answer of an upstream system; +Inf before the first.");
	for (i = 0; i < p->n_sources; i++) {
		const struct source *s = &p->sources[i];
		int64_t age = now > s->observed_at ? now - s->observed_at : 0;

		if (s->kind != SOURCE_STORE)
			expo_sample(b, "burstd_data_age_seconds", LABELS({"source", s->name}),
				    s->observed_at ? (double)age / MS_PER_SECOND : INFINITY);
	}
}

static void put_picture(struct buf *b, const struct picture *p, const struct acknowledgements *a, int64_t now)
{
	put_locations(b, p);
	put_nodes(b, p);
	put_issues(b, p, a);
	put_ages(b, p, now);
	expo_single(b, "burstd_picture_age_seconds", EXPO_GAUGE,
		    "Time since the controller last published a picture.",
		    (double)(now > p->made_at ? now - p->made_at : 0) / MS_PER_SECOND);
	expo_single(b, "burstd_bursting_enabled", EXPO_GAUGE,
		    "1 while burstd may start and stop nodes by itself.",
		    p->settings.enabled && p->settings.mode == MODE_CONTROL && !p->infinity_bursting);
}

/* --- operations ---------------------------------------------------------------------------------------------- */

static void put_endings(struct buf *b, const char *name, const char *help,
			const int64_t closed[INTENT_STATE_COUNT], const enum intent_state *states, size_t n)
{
	size_t i;

	expo_family(b, name, EXPO_COUNTER, help);
	for (i = 0; i < n; i++)
		expo_sample(b, name, LABELS({"result", intent_state_text(states[i])}),
			    (double)closed[states[i]]);
}

/* Whether an operation of this kind can end so. */
static bool may_end(enum intent_kind kind, enum intent_state end)
{
	int from;

	for (from = 0; from < INTENT_STATE_COUNT; from++)
		if (intent_is_open((enum intent_state)from) &&
		    intent_may_move(kind, (enum intent_state)from, end))
			return true;
	return false;
}

static void put_kinds(struct buf *b, const struct intent_tally *t)
{
	int kind, end;

	expo_family(b, "burstd_operations_total", EXPO_COUNTER,
		    "Operations that ended, by kind and by how, since the store was made.");
	for (kind = 0; kind < INTENT_KINDS; kind++)
		for (end = 0; end < INTENT_STATE_COUNT; end++)
			if (!intent_is_open((enum intent_state)end) &&
			    may_end((enum intent_kind)kind, (enum intent_state)end))
				expo_sample(b, "burstd_operations_total",
					    LABELS({"kind", intent_kind_text((enum intent_kind)kind)},
						   {"result", intent_state_text((enum intent_state)end)}),
					    (double)t->closed[kind][end]);
}

static void put_boots(struct buf *b, const struct intent_tally *t)
{
	static const double bounds[] = BOOT_BOUNDS_SECONDS;
	uint64_t counts[BOOT_BOUNDS + 1];
	size_t i;

	for (i = 0; i < ARRAY_LEN(counts); i++)
		counts[i] = (uint64_t)t->boots[i];
	expo_family(b, "burstd_node_boot_seconds", EXPO_HISTOGRAM,
		    "Time from the decision to start a node until it serves.");
	expo_histogram(b, "burstd_node_boot_seconds", NULL,
		       &(struct histogram){.bounds = bounds,
					   .n = BOOT_BOUNDS,
					   .counts = counts,
					   .sum = (double)t->boots_ms / MS_PER_SECOND});
}

static void put_operations(struct buf *b, const struct intent_tally *t)
{
	static const enum intent_state starts[] = {INTENT_DONE, INTENT_FAILED, INTENT_ABANDONED};
	static const enum intent_state stops[] = {INTENT_DONE, INTENT_CANCELLED, INTENT_FAILED,
						  INTENT_ABANDONED};

	put_endings(b, "burstd_starts_total", "Starts of nodes that ended, by how, since the store was made.",
		    t->closed[INTENT_START], starts, ARRAY_LEN(starts));
	put_endings(b, "burstd_stops_total",
		    "Stops of nodes, drain included, that ended, by how, since the store was made.",
		    t->closed[INTENT_STOP], stops, ARRAY_LEN(stops));
	put_kinds(b, t);
	put_boots(b, t);
}

/* --- event sinks --- */

static void put_events(struct buf *b, struct sink_memory *memory)
{
	int64_t totals[SINK_RESULT_COUNT];
	size_t i;

	sink_memory_totals(memory, totals);
	expo_family(b, "burstd_event_sink_events_total", EXPO_COUNTER,
		    "Events that Infinity's event sinks sent, by what became of them.");
	for (i = 0; i < SINK_RESULT_COUNT; i++)
		expo_sample(b, "burstd_event_sink_events_total",
			    LABELS({"result", sink_result_text((enum sink_result)i)}), (double)totals[i]);
}

/* --- HTTP and the process -------------------------------------------------------------------------------------- */

static void put_http(struct buf *b, struct req *r)
{
	char class[] = "0xx";
	struct http_times t;
	size_t i;

	expo_family(b, "burstd_http_requests_total", EXPO_COUNTER, "Replies by the class of their status.");
	for (i = 1; i <= 5; i++) {
		class[0] = (char)('0' + i);
		expo_sample(b, "burstd_http_requests_total", LABELS({"status", class}),
			    (double)req_replies(r, (int)i));
	}
	expo_family(b, "burstd_http_request_duration_seconds", EXPO_HISTOGRAM,
		    "Time from a request's first line to the last byte of its reply, by operationId.");
	for (i = 0; req_times(r, i, &t); i++)
		expo_meter(b, "burstd_http_request_duration_seconds",
			   &(struct label){"operation", t.operation}, &http_time_bounds, &t.times);
}

static void put_known_figure(struct buf *b, const char *name, enum expo_type type, const char *help,
			     double value)
{
	if (value >= 0)
		expo_single(b, name, type, help, value);
}

/* Under the names that every Prometheus client uses, so that common dashboards find them. */
static void put_process(struct buf *b)
{
	struct process_figures p = process_figures();

	expo_family(b, "burstd_build_info", EXPO_GAUGE, "Always 1; what is running stands in the labels.");
	expo_sample(b, "burstd_build_info", LABELS({"version", config_version()}, {"compiler", __VERSION__}),
		    1);
	put_known_figure(b, "process_cpu_seconds_total", EXPO_COUNTER, "User and system CPU time.",
			 p.cpu_seconds);
	put_known_figure(b, "process_resident_memory_bytes", EXPO_GAUGE, "Resident memory.",
			 (double)p.resident_bytes);
	put_known_figure(b, "process_virtual_memory_bytes", EXPO_GAUGE, "Virtual memory.",
			 (double)p.virtual_bytes);
	put_known_figure(b, "process_threads", EXPO_GAUGE, "Threads.", (double)p.threads);
	put_known_figure(b, "process_open_fds", EXPO_GAUGE, "Open file descriptors.", (double)p.open_fds);
	put_known_figure(b, "process_max_fds", EXPO_GAUGE, "How many file descriptors may be open.",
			 (double)p.max_fds);
	put_known_figure(b, "process_start_time_seconds", EXPO_GAUGE, "When the process began, since 1970.",
			 p.started_at);
}

struct done *metrics_get(struct req *r)
{
	_cleanup_(buf_free) struct buf b = BUF_INIT(METRICS_MAX);
	_cleanup_(acknowledgements_free) struct acknowledgements a = {0};
	struct intent_tally tally;
	struct error e = {.code = ERR_OK};
	struct store *store = req_store(r, &e);
	bool counted = store && store_intent_tally(store, &tally, &e) == ERR_OK;

	if (counted)
		counted = acknowledgements_load(store, r->now, &a, &e) == ERR_OK;
	put_picture(&b, req_picture(r), &a, r->now);
	expo_single(&b, "burstd_store_readable", EXPO_GAUGE,
		    "0 while the store cannot be read; what is counted from it is missing then.", counted);
	if (counted) {
		put_operations(&b, &tally);
		metrics_put_ramps(&b, req_picture(r), store);
	}
	put_events(&b, r->app->sink);
	metrics_put_work(&b, r->app->tallies);
	put_http(&b, r);
	put_process(&b);
	if (b.failed) {
		(void)error_set(&e, ERR_INTERNAL, "the metrics do not fit in %d bytes", METRICS_MAX);
		return reply_error(r, &e);
	}
	return reply_bytes(r, EXPO_MEDIA, take_ptr(b.data), b.len);
}

/*
 * The reconciler: observe, decide, record, act, as step functions with injected ports. Threads (server/workers.c) and the
 * simulation are thin shells that call these steps.
 *
 * One lock guards the reports, the tracks and the tick; a step holds it while it joins, decides and records, and never
 * while it talks to an upstream system. The published picture has a lock of its own, held for a pointer's copy.
 */
#ifndef BURSTD_RECONCILE_RECONCILE_H
#define BURSTD_RECONCILE_RECONCILE_H

#include "base/clock.h"
#include "base/err.h"
#include "fleet/picture.h"
#include "fleet/tallies.h"
#include "reconcile/ports.h"
#include "store/store.h"

struct reconciler;

struct reconciler_options {
	const struct clock *clock; /* borrowed */
	double time_scale;
	const char *const *regions; /* copied */
	size_t n_regions;
	double (*random)(void *self); /* uniform in [0, 1), for backoff; NULL = the system's */
	void *random_self;
};

/* Reads tracks and settings from the store. *ret is the caller's; reconciler_free. Main thread. */
enum err reconciler_new(const struct reconciler_options *, struct store *, struct reconciler **ret,
			struct error *);
void reconciler_free(struct reconciler *); /* NULL is fine */
DEFINE_FREEP(struct reconciler, reconciler_free)

/* The published picture, a new reference; an empty one before the first read. Any thread, never waits for a step. */
struct picture *reconciler_picture(struct reconciler *);

/*
 * Observe: reads the upstream system and keeps the report. A report that is not whole, and a failed read, leave the last
 * whole one in place (RULE D1: a part is never read as the whole, a failed read never as zero) and are shown as the
 * source's error: either way the controller has news. reconcile_observe_ec2 is false when nothing could be asked for,
 * because the tag value is not known before Infinity is heard. The observers' threads.
 */
void reconcile_observe_infinity(struct reconciler *, const struct infinity_port *);
bool reconcile_observe_ec2(struct reconciler *, size_t region, const struct ec2_port *);

/*
 * Survey: the slow looks at what moves seldom. Each leaves its findings for the next picture, also that something could not be
 * read; the last ones stay until then, with their age. reconcile_survey_ec2 is false when nobody is known yet to look for: the
 * nodes come with the first picture, the Management Node's address with Infinity's survey. The surveyors' threads.
 */
void reconcile_survey_infinity(struct reconciler *, const struct infinity_survey_port *);
bool reconcile_survey_ec2(struct reconciler *, size_t region, const struct ec2_survey_port *);

/*
 * Decide and record: joins the reports, runs the engine, writes intents, events, decisions and tracks in one transaction,
 * publishes the picture. *ret_next_at: when the step should run again even if nothing new arrives. *ret_recorded: intents
 * changed, so the actors have work. The controller's thread.
 */
enum err reconcile_control(struct reconciler *, struct store *, int64_t *ret_next_at, bool *ret_recorded,
			   struct error *);

/*
 * Act: carries out what is due of the recorded intents, one actor for Infinity and one per region. `infinity` serves the
 * EC2 actor's last look before a stop (RULE E1). *ret_next_at: when the next try is due, 0 = none. Returns true when
 * something changed that the controller should look at. The actors' threads, each with its own store and ports.
 */
bool reconcile_act_infinity(struct reconciler *, struct store *, const struct infinity_port *,
			    int64_t *ret_next_at);
bool reconcile_act_ec2(struct reconciler *, size_t region, struct store *, const struct ec2_port *,
		       const struct infinity_port *, int64_t *ret_next_at);

/*
 * Infinity has acknowledged the node's maintenance mode: the report at hand shows it from now on, and so do reports that were
 * begun before. Without it the same wish would be decided again and again until the next read. Any thread.
 */
void reconciler_maintenance_set(struct reconciler *, int64_t node, bool on);
/*
 * An operation has changed instances: the next look at EC2 asks for those without the tag of bursting too, which else are asked
 * for once a minute. Any thread.
 */
void reconciler_instances_changed(struct reconciler *);
/*
 * RULES E1, D1, S9, right before something ends the calls of node `n` of this report: why that could cut one, NULL = it cannot.
 * `replicated_at`: when its maintenance mode has reached all nodes. Static string; pure.
 */
const char *reconcile_drained(const struct infinity_report *, const struct infinity_node *n,
			      int64_t replicated_at);

/*
 * Counts what the last whole read shows on the node as cut (burstd_calls_cut_total): a life-cycle operation that was forced has just ended
 * its calls. Without force the last look has shown that there was none (RULE E1). Any thread.
 */
void reconciler_calls_cut(struct reconciler *, int64_t node);

/* What is counted for /metrics; lives as long as the reconciler. The clients that stand behind the ports add their part. */
struct tallies *reconciler_tallies(struct reconciler *);

/* The poll intervals in force (settings, scaled), for the observers' loops. Any thread. */
struct burst_params reconciler_params(struct reconciler *);

/* Whether an AWS key is set in the settings resource, and which: the worker hands it to the credentials. Any thread. */
struct bursting_settings reconciler_settings(struct reconciler *);

#endif

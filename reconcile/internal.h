/* The reconciler's inside, shared by the files of this folder; nobody else includes it. */
#ifndef BURSTD_RECONCILE_INTERNAL_H
#define BURSTD_RECONCILE_INTERNAL_H

#include <pthread.h>

#include "bursting/engine.h"
#include "fleet/join.h"
#include "fleet/sample.h"
#include "fleet/tallies.h"
#include "reconcile/reconcile.h"

/* How the last read of a source went. */
struct source_state {
	char name[48];
	enum source_kind kind;
	int64_t observed_at; /* of the last good read */
	char error[300];
	char error_id[49];
	char remedy[300];
};

struct region_state {
	char name[33];
	struct ec2_report *tagged;    /* the last whole tag list */
	struct ec2_report *addressed; /* instances at node addresses that carry no right tag */
	int64_t addressed_at;         /* when the latter was last asked for */
	struct source_state source;
	struct survey *survey; /* the last one; NULL = none yet */
};

/* What operators set; read again from the store when its version moves. */
struct wants {
	int64_t version;
	struct bursting_settings settings;
	struct location_threshold *thresholds;
	size_t n_thresholds;
	struct node_wish *wishes;
	size_t n_wishes;
	struct location_wish *location_wishes;
	size_t n_location_wishes;
	struct hold *holds;
	size_t n_holds;
	struct schedule *schedules;
	size_t n_schedules;
	struct fired *fired; /* of the last days */
	size_t n_fired;
};

void wants_free(struct wants *);

/* A maintenance mode that Infinity has acknowledged: newer than every report whose read had begun before. */
struct acknowledged {
	int64_t node;
	bool on;
	int64_t at;
};

/* What was sampled last; the controller's thread alone. */
struct sampler {
	struct sample *rows; /* the last one of each location */
	size_t n;
	int64_t minute; /* since 1970, of the last regular samples */
	int64_t step;   /* the same in steps of the means */
	bool failing;   /* said in the log */
};

/* A stop that was carried out, and how many calls on its node were counted as cut. */
struct stop_seen {
	int64_t operation;
	int calls;
};

/* The same of a change to a location. */
struct acknowledged_location {
	int64_t location;
	bool made; /* it was created */
	bool gone; /* it was deleted */
	struct location_change change;
	int64_t at;
};

struct reconciler {
	const struct clock *clock;
	double time_scale;
	double (*random)(void *self);
	void *random_self;
	int64_t began_at;
	struct tallies *tallies;

	pthread_mutex_t lock; /* everything down to `stops` */
	struct infinity_report *infinity;
	struct acknowledged *acknowledged;
	size_t n_acknowledged;
	struct acknowledged_location *locations; /* acknowledged changes */
	size_t n_locations;
	struct source_state infinity_source;
	struct survey *infinity_survey;    /* the last one; NULL = none yet */
	char management_address[64];       /* as that survey found it; "" = not known */
	struct node_placement *placements; /* likewise */
	size_t n_placements;
	uint64_t api_requests; /* to Infinity, when their pace was last taken */
	int64_t api_at;
	int api_per_minute; /* -1 = not known yet */
	struct region_state *regions;
	size_t n_regions;
	int64_t tick;
	struct track_table tracks;
	struct track_table next_tracks; /* the join's output, swapped in when its transaction has committed */
	struct wants wants;
	int64_t schedules_version; /* of the wants when schedules_step last looked at them; -1 = it has to look */
	int64_t schedules_at;      /* when it did */
	int64_t schedules_next_at; /* when the next hold of a schedule begins; INT64_MAX = never */
	struct burst_tick *ticks;  /* sorted by location */
	size_t n_ticks;
	struct burst_plan plan;
	struct stop_seen *stops; /* of open operations */
	size_t n_stops;

	pthread_mutex_t publish_lock; /* `published` alone; taken inside `lock`, never the other way round */
	struct picture *published;
	int64_t seq;

	struct sampler sampler;
};

/* RULES S4 and E6: the row of a location, made when there is none; NULL when out of memory. Under the lock. */
struct burst_tick *tick_of(struct reconciler *, int64_t location);

/* Full jitter: a random part of base * 2^attempts, at most `cap`; both scaled. */
int64_t backoff_ms(struct reconciler *, int attempts, int64_t base_ms, int64_t cap_ms);

void source_good(struct source_state *, int64_t observed_at);
void source_bad(struct source_state *, const struct upstream_error *);
void infinity_keep(struct reconciler *,
		   struct infinity_report *steal); /* under the lock; takes over a whole report */
/* locations.c: as reconciler_maintenance_set, for a location; `at` is filled in. Takes the lock. */
void location_acknowledged(struct reconciler *, struct acknowledged_location);
/* Puts what was acknowledged after the report's read began into it. Under the lock. */
void apply_acknowledged_locations(struct reconciler *, struct infinity_report *);

/* Whether a location's drift is to be corrected now, and the recording of it: part of record_pass. */
bool locations_drift(const struct picture *, int64_t now);
enum err record_locations(struct store *, const struct picture *, int64_t now, bool *ret_changed,
			  struct error *);

/*
 * Where an intent stands in the world: the moves that the picture alone justifies (serving, timed out, stopped, gone).
 * Fills `to` and the event and returns true when it should move. Pure. `t` may be NULL.
 */
struct intent_step {
	enum intent_state to;
	enum event_type event; /* EVENT_TYPE_COUNT = none */
	char reason[640];      /* an intent's reason and what was seen */
	char rule[4];
	bool failed;  /* RULE S6: the node rests */
	bool started; /* seen started although the answer was lost: the clocks restart */
	bool stopped; /* likewise for a stop */
	bool outside; /* RULE D3: somebody else did it before the deed was tried */
};
bool intent_progress(const struct picture *, const struct intent *, const struct node *,
		     const struct node_track *t, int64_t now, struct intent_step *step);

/*
 * RULE S8: makes, changes and ends the holds of schedules as the wants at hand and the time ask for; one transaction. Under
 * the lock, by the controller. *ret_moved: the wants have to be read again, and this called again.
 */
enum err schedules_step(struct reconciler *, struct store *, bool *ret_moved, struct error *);

/* Everything one control pass writes, in one transaction. */
struct record {
	struct reconciler *r;
	struct picture *picture;
	struct event *events;
	size_t n_events;
	const struct intent *intents;
	size_t n_intents;
	bool intents_changed; /* result */
};
enum err record_pass(struct store *, void *record, struct error *);
bool record_needed(const struct record *, int64_t now);

/*
 * Samples of the locations in `p`, where they are due, in one transaction; now and then means of them, and the old ones' end.
 * A failure is logged and nothing else: bursting does not wait for charts. The controller's thread, without the lock.
 */
void samples_record(struct reconciler *, struct store *, const struct picture *p);

/* --- measure.c; under the lock --- */
/* The time since the published picture was made, to what each bursting node did in it. Before `now` is published. */
void measure_nodes(struct reconciler *, const struct picture *now);
/* StopInstances was accepted: `i` stands in INTENT_AWAITING_STOPPED. Once an operation, however often it is called. */
void measure_stop(struct reconciler *, const struct intent *i);
/* What the last whole read shows on the node was cut by somebody else of ours. */
void measure_cut(struct reconciler *, int64_t node);
/* The same for each of the open intents, and the calls that later reads show on their nodes. */
void measure_stops(struct reconciler *, const struct intent *open, size_t n);

/* A real duration in this process's time. */
int64_t scaled(const struct reconciler *, int64_t ms);

/* --- act.c: one actor's pass, and the outcome of one deed. An actor belongs to one thread. */

struct actor {
	struct reconciler *r;
	struct store *store;
	const struct ec2_port *ec2; /* NULL in the Infinity actor */
	const struct infinity_port *infinity;
	struct burst_params params;
	int64_t next_at;
	bool changed;
};

/* What an outcome means for the track; applied under the lock, in the same transaction as the intent's move. */
enum track_effect { TRACK_NONE, TRACK_STARTED, TRACK_STOPPED, TRACK_REFUSED };

struct outcome {
	struct actor *a;
	struct intent before;
	struct intent after;
	enum event_type event; /* EVENT_TYPE_COUNT = none */
	char rule[4];
	char reason[400];
	enum track_effect effect;
	char code[65];
	struct node_track track; /* working copy */
	bool has_track;
	/* What else is written in the transaction, NULL = nothing. */
	enum err (*also)(struct store *, const struct outcome *, struct error *);
};

/* The intent as it is, moved to `to` (or staying), nothing told. */
struct outcome outcome_of(struct actor *, const struct intent *, enum intent_state to);
void outcome_say(struct outcome *, enum event_type, const char *rule, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Commits the outcome and, with it, the track. False when somebody else moved the intent, or the store failed. */
bool outcome_settle(struct outcome *);

/*
 * Commits that a deed is about to be tried. Until next_at nobody tries it again: after a crash that is the time in
 * which the world is given the chance to show the deed's effect.
 */
bool act_attempt(struct actor *, struct intent *);
/* The look that has to come before the deed failed: it counts as a try, so that the pauses grow. */
void act_look_later(struct actor *, const struct intent *, const struct upstream_error *);
/* The deed failed: the same state, a later time. */
void act_try_later(struct actor *, const struct intent *, const struct upstream_error *, int64_t wait_ms);
/* How long to wait after a failed try: backoff with jitter, or what the other side asked for. */
int64_t act_wait_after(struct actor *, const struct intent *, const struct upstream_error *);
/* locations.c: the deed of an operation on a location. */
void act_location(struct actor *, struct intent *);

/* An event about an intent. */
struct event intent_event(const struct intent *, enum event_type, int64_t now, const char *rule,
			  const char *reason);

#endif

/*
 * The join: reports of both upstream systems + what we remember -> a new picture, new tracks and the changes that go
 * to history. A pure function of its inputs: the caller decides whether the new tracks and changes come to pass.
 */
#ifndef BURSTD_FLEET_JOIN_H
#define BURSTD_FLEET_JOIN_H

#include "base/err.h"
#include "fleet/event.h"
#include "fleet/picture.h"
#include "fleet/schedule.h"
#include "fleet/survey.h"

struct location_threshold {
	int64_t location;
	int threshold;
};

struct join_input {
	int64_t now;
	int64_t tick;
	double time_scale;
	const struct bursting_settings *settings;
	const struct location_threshold *thresholds; /* own thresholds of locations */
	size_t n_thresholds;
	const struct hold *holds;
	size_t n_holds;
	const struct schedule *schedules;
	size_t n_schedules;
	const struct node_wish *wishes;
	size_t n_wishes;
	const struct location_wish *location_wishes;
	size_t n_location_wishes;
	const struct intent *intents; /* the open ones */
	size_t n_intents;
	const struct infinity_report *infinity;        /* NULL = never heard */
	const struct ec2_report *const *ec2;           /* by tag, one per region, NULL = never heard */
	const struct ec2_report *const *ec2_addresses; /* by private address, one per region, NULL = none */
	size_t n_ec2;
	const struct source *sources; /* how the last reads went, infinity first */
	size_t n_sources;
	const struct track_table *tracks;
	const struct survey *const *surveys; /* the last of each kind */
	size_t n_surveys;
	const struct picture *previous; /* NULL at first: issues keep their `since` */
};

/*
 * Tracks of all nodes that ever were bursting, sorted by node id. Owned by the reconciler, grown by the join.
 */
struct track_table {
	struct node_track *rows;
	size_t n;
	size_t cap;
};
struct node_track *track_find(const struct track_table *, int64_t node);
/* Finds or adds; NULL when out of memory. */
struct node_track *track_get(struct track_table *, int64_t node);
void track_table_free(struct track_table *);

/* Makes `to` a copy of `from`, reusing its memory. -1 when out of memory. */
int track_table_copy(struct track_table *to, const struct track_table *from);
/* Whether the persistent parts are equal. */
bool track_same(const struct node_track *, const struct node_track *);

/*
 * Makes a picture (one reference, the caller's). ret_tracks is overwritten with the tracks carried forward; the events
 * that the join noticed are in *ret_events (time, type, node, actor, reason, rule filled; strings in the picture's
 * arena). Any thread.
 */
enum err fleet_join(const struct join_input *, struct track_table *ret_tracks, struct picture **ret_picture,
		    struct event **ret_events, size_t *ret_n_events, struct error *);

#endif

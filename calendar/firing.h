/*
 * When a schedule fires, and which hold each firing wants (RULE S8): functions of the schedule and the time alone.
 *
 * A firing is one local date on which the schedule is on, from time_from to time_to. It holds nodes up from
 * minutes_in_advance before its start until its end.
 */
#ifndef BURSTD_CALENDAR_FIRING_H
#define BURSTD_CALENDAR_FIRING_H

#include "base/clock.h"
#include "calendar/zone.h"
#include "fleet/schedule.h"
#include "fleet/settings.h"

struct firing {
	int64_t date;       /* local, of the start */
	int64_t hold_start; /* the lead is a duration, so BURSTD_TIME_SCALE divides it; the rest are times of day */
	int64_t start;
	int64_t end;
	int64_t start_offset; /* from UTC, ms */
	int64_t end_offset;
	enum dst start_dst;
	enum dst end_dst;
};

/* The first date from `date` on at which it fires, of the years 2000 to 2199; false where there is none. Looks at no zone. */
bool schedule_next_date(const struct schedule *, int64_t date, int64_t *ret);

/*
 * The firings that start at `from` or later, in order, at most `max`; an enabled schedule or not. False where the zone is
 * unknown.
 */
bool schedule_firings(const struct schedule *, double time_scale, int64_t from, struct firing *out,
		      size_t max, size_t *ret_n);

/* What the holds of a schedule need in order to be those of its firings. */
enum follow { FOLLOW_MAKE, FOLLOW_KEEP, FOLLOW_CHANGE, FOLLOW_END };
const char *follow_text(enum follow); /* "make", "keep", "change", "end" */

#define FOLLOW_MOVES                                                                                         \
	8 /* a window is a day long, its lead at most another: 4 are open at most; the rest are ends */
struct follow_move {
	enum follow what;
	struct firing firing;       /* not of an end, which has its start alone */
	const struct hold *present; /* borrowed; NULL where one is to be made */
};
struct follow_plan {
	struct follow_move moves[FOLLOW_MOVES];
	size_t n;
	int64_t next_at; /* when the next hold begins by itself; INT64_MAX = never */
	bool zone_missing;
};

/*
 * What is to be done now. `fired` and `holds` are all there are, of whichever schedule; the holds at least those in force. Idempotent: when
 * the moves are made, the next plan keeps. A firing whose hold an operator took back is left alone. Moves that do not fit are
 * planned next time. A schedule whose zone is not known any more moves nothing.
 */
void schedule_follow(const struct schedule *, double time_scale, int64_t now, const struct fired *fired,
		     size_t n_fired, const struct hold *holds, size_t n_holds, struct follow_plan *ret);

/* How far back firings are worth reading: a hold ends at most 25 hours after its firing's start. */
#define FIRED_MS (3 * MS_PER_DAY)

#define SCHEDULE_OWNER_SIZE  (SCHEDULE_NAME_MAX + 16)
#define SCHEDULE_REASON_SIZE (SCHEDULE_NAME_MAX + SCHEDULE_ZONE_MAX + 80)
struct schedule_hold {
	struct hold hold; /* borrows the schedule's nodes, and the texts below */
	char owner[SCHEDULE_OWNER_SIZE];
	char reason[SCHEDULE_REASON_SIZE];
};
/* The hold that a firing wants, without id and time of making. `ret` is not moved afterwards. */
void schedule_hold(const struct schedule *, const struct firing *, struct schedule_hold *ret);
/* The owner of its holds, and the actor in their history: "schedule:NAME". Returns `out`. */
const char *schedule_owner(const struct schedule *, char out[SCHEDULE_OWNER_SIZE]);

#endif

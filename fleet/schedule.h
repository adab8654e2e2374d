/* A schedule (/v1/schedules): on which dates and between which local times it holds nodes up (RULE S8). Plain data. */
#ifndef BURSTD_FLEET_SCHEDULE_H
#define BURSTD_FLEET_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCHEDULE_NAME_MAX   100
#define SCHEDULE_ZONE_MAX   64  /* the longest IANA name has 32 characters */
#define SCHEDULE_DATES_MAX  366 /* exceptions, and extra dates: one for each day of a year */
#define SCHEDULE_NODES_MAX  500
#define SCHEDULE_LEAD_MAX   1440  /* minutes_in_advance */
#define SCHEDULE_DATE_FIRST 10957 /* 2000-01-01 */
#define SCHEDULE_DATE_LAST  84005 /* 2199-12-31: what zones will be by then is a guess long before */

/* One row a day of the week: JSON field, bit of `weekdays`. */
#define SCHEDULE_WEEKDAYS(X) X(mon, 0) X(tue, 1) X(wed, 2) X(thu, 3) X(fri, 4) X(sat, 5) X(sun, 6)

struct schedule {
	int64_t id;
	char name[SCHEDULE_NAME_MAX + 1];
	bool enabled;
	int64_t location; /* 0 = named nodes */
	int instances_to_add;
	int64_t *nodes; /* owned by whoever holds the schedule, as are the dates */
	size_t n_nodes;
	unsigned weekdays;
	int time_from; /* seconds since local midnight */
	int time_to;   /* at or before time_from: on the next date */
	char local_timezone[SCHEDULE_ZONE_MAX + 1];
	int minutes_in_advance; /* a real duration, before BURSTD_TIME_SCALE */
	int64_t start_date;     /* dates are days since 1970-01-01; 0 = without a first one */
	int64_t end_date;       /* included; 0 = without a last one */
	int64_t *exceptions;    /* ascending: it does not fire */
	size_t n_exceptions;
	int64_t *extra_dates; /* ascending: it fires whatever the weekday */
	size_t n_extra_dates;
	int64_t created_at;
	bool zone_missing; /* worked out by the controller: enabled, and the zone data know its zone no more */
};

/* A firing whose hold was made; one row each, so that none is made twice. */
struct fired {
	int64_t schedule;
	int64_t start;
	int64_t hold; /* 0 = an operator took it back */
};

#endif

/*
 * Time zones by their IANA names, from the system's zone data (Debian's tzdata), which are kept up to date with it: no TZ variable,
 * no state of the process. A zone is read where it is opened, and belongs to one thread at a time.
 */
#ifndef BURSTD_CALENDAR_ZONE_H
#define BURSTD_CALENDAR_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

struct zone;

/* NULL where the name is none of IANA's, or memory is short. Caller: zone_close. */
struct zone *zone_open(const char *name);
void zone_close(struct zone *); /* NULL is fine */
DEFINE_FREEP(struct zone, zone_close)

/* What daylight saving does to a local time: nothing; it is skipped; it comes twice. */
enum dst { DST_NONE, DST_GAP, DST_OVERLAP };
const char *dst_text(enum dst); /* "none", "gap", "overlap" */

/* The offset from UTC that is in force at `utc`, in ms, positive in the east. */
int64_t zone_offset(struct zone *, int64_t utc);

/*
 * The instant of a local time, which is given in ms as if it were UTC. A time that is skipped gives the end of the gap, one
 * that comes twice its first occurrence.
 */
int64_t zone_instant(struct zone *, int64_t local, enum dst *ret);

#endif

/* What holds and schedules are about: n nodes of a location, or named nodes. Checked against the picture. */
#ifndef BURSTD_HANDLERS_TARGET_H
#define BURSTD_HANDLERS_TARGET_H

#include "fleet/picture.h"
#include "handlers/input.h"

/* Records what is wrong with field `location`, or with `count` of its nodes in field `count_name` (0 = not given). */
void target_location(struct input *, const struct picture *, int64_t location, const char *count_name,
		     int64_t count);
/* The ids in field `nodes`, a list, into `room`, which has place for all of them; records what is wrong with each. */
size_t target_nodes(struct input *, const struct picture *, const json_t *list, int64_t *room);

#endif

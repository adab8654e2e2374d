/* Reading a schedule from a request's body, strictly, and what its fields must be together. */
#ifndef BURSTD_HANDLERS_SCHEDULE_INPUT_H
#define BURSTD_HANDLERS_SCHEDULE_INPUT_H

#include "fleet/picture.h"
#include "fleet/schedule.h"
#include "handlers/input.h"

/* A schedule with room for its lists, which its pointers show; not moved once begun. */
struct schedule_draft {
	struct schedule s;
	int64_t nodes[SCHEDULE_NODES_MAX];
	int64_t exceptions[SCHEDULE_DATES_MAX];
	int64_t extra_dates[SCHEDULE_DATES_MAX];
};

/* The defaults of a new schedule, or a copy of `present`. */
void schedule_draft_begin(struct schedule_draft *, const struct schedule *present /* NULL = a new one */);
/*
 * Lays the body's fields over the draft and checks them, and the draft as a whole; where `whole`, the fields that a schedule cannot
 * be without must be there. What is wrong is recorded; true = nothing is. A target that the body leaves alone is not
 * looked at: it may have gone since.
 */
bool schedule_draft_read(struct schedule_draft *, struct input *, const struct picture *, bool whole);

#endif

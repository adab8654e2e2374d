/*
 * The parts of an operation's JSON that a life-cycle operation makes of its steps and values (fleet/lifecycle.h). One shape of a
 * step serves both families of operations. HTTP threads.
 */
#ifndef BURSTD_HANDLERS_VIEW_STEPS_H
#define BURSTD_HANDLERS_VIEW_STEPS_H

#include "handlers/views.h"

/* A step that is no more than a state of an intent: what it does is said by the plan and `waits_for`. */
json_t *view_plain_step(const char *step, const char *progress, int64_t time);
json_t *view_lifecycle_steps(const struct operation *);
/* Deeds that its steps tried; the intent's own number counts every write. */
int lifecycle_attempts(const struct operation *);
/* What was asked for and what was found, by name, as texts; never a secret. */
json_t *view_lifecycle_values(const struct operation *);
/* The last failure with what stands and what to do; NULL = none. */
json_t *view_lifecycle_error(const struct operation *);

/* What the present step waits for; NULL where nobody works on it. Borrowed. */
const char *lifecycle_waits_for(const struct operation *);
/* What a person has to do; NULL where it needs nobody. Borrowed. */
const char *lifecycle_needs_person(const struct operation *);

#define LIFECYCLE_STANDS_SIZE 300
/* What the operation has made or changed and not taken back, in words: "Nothing was changed." */
void lifecycle_stands(const struct operation *, char out[LIFECYCLE_STANDS_SIZE]);

#endif

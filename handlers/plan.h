/*
 * The plan that a dry run answers with: what the request would change, the operation and the history it would make, and
 * what follows from it. One shape for every action (schema Plan of openapi.yaml). HTTP threads.
 */
#ifndef BURSTD_HANDLERS_PLAN_H
#define BURSTD_HANDLERS_PLAN_H

#include <jansson.h>

#include "fleet/intent.h"
#include "server/http.h"

/* An empty plan, a new reference. */
json_t *plan_new(void);

/*
 * How the representation of `resource` (its path) would change: one row for each field that differs, by JSON pointer. NULL
 * stands for "not there": something that is made or removed is one row with the pointer "". Both are borrowed.
 */
void plan_change(json_t *plan, const char *resource, const json_t *before, const json_t *after);

/* The operation that would be the answer. `made` = it does not exist yet, so it has no id. */
void plan_operation(json_t *plan, const struct intent *, bool made);
/* A state that the operation would pass through, and what is done in it. */
void plan_step(json_t *plan, enum intent_state, const char *what);
/* A step of a life-cycle operation. */
void plan_named_step(json_t *plan, const char *step, const char *what);
/* A sentence on what follows. */
void plan_consequence(json_t *plan, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Ends a dry run: 200 with the plan, which is taken over, and the events that history would get. */
struct done *reply_plan(struct req *, json_t *plan);

#endif

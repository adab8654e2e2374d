/*
 * Words and JSON of a decision, for the history, the decision log and the API: every decision has a reason with its figures
 * (every decision has a reason). Pure; any thread.
 */
#ifndef BURSTD_FLEET_EXPLAIN_H
#define BURSTD_FLEET_EXPLAIN_H

#include <jansson.h>

#include "fleet/picture.h"

#define SENTENCE_SIZE 400
/* "Oslo has 4 free HD calls, at or below its threshold of 5, and AWS burst has no node up." Returns `out`. */
const char *decision_sentence(const struct picture *, const struct decision *, char out[SENTENCE_SIZE]);
/* The same for an evaluation that changed nothing or something. */
const char *evaluation_sentence(const struct picture *, const struct evaluation *, char out[SENTENCE_SIZE]);

/* {"free_hd_calls":4,"pending_hd_calls":17,...}; new reference. */
json_t *figures_json(const struct picture *, const struct decision_figures *);
/* One decision as the API shows it, without id and time; new reference. */
json_t *decision_json(const struct picture *, const struct decision *);
json_t *evaluation_json(const struct picture *, const struct evaluation *);

#endif

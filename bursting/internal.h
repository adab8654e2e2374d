/* Shared by the files of the engine; nobody else includes it. */
#ifndef BURSTD_BURSTING_INTERNAL_H
#define BURSTD_BURSTING_INTERNAL_H

#include "bursting/engine.h"

/* What one pass works out of a location before it decides. */
struct burst_scratch {
	struct decision_figures figures;
	bool short_principal; /* RULE S1 for one of its principals */
	bool in_use;          /* RULE S3: a node of it is not idle */
	bool figures_young;   /* RULE D1: load-driven starts are allowed on them */
	int hold_count;       /* RULE S8: the most nodes that a hold wants up */
	int64_t hold;         /* that hold's id */
	bool started;         /* RULE S4: a start was made in this tick */
	bool drained;         /* RULE E6: a drain was begun in this tick */
};

struct pass {
	const struct picture *p;
	int64_t now;
	struct burst_plan *plan;
};

/* Load-driven decisions are carried out: enabled, mode control, and no other controller (RULE S9). */
bool pass_controls(const struct pass *);

struct decision *pass_decide(struct pass *, enum decision_action, enum decision_reason, int32_t location,
			     int32_t node);
/* Whether this pass has already decided on the node. */
bool pass_decided(const struct pass *, int32_t node);
/*
 * A node that this pass starts or takes back counts as coming from then on, so that one return of demand does not
 * call off every drain, and a wished start is not followed by one for load.
 */
void pass_coming(struct pass *, int32_t node);
void pass_refuse(struct pass *, int32_t node, enum decision_reason);
void pass_next_at(struct pass *, int64_t at);

/* Up, or on its way up or back: what RULE S8 counts. */
int scratch_up(const struct burst_scratch *);

/* RULE S2: a principal is short and no node is up or coming (nodes being drained are on their way out). */
bool rule_s2(const struct burst_scratch *, int serving, int starting);
/* RULE S3 on the given free HD calls. */
bool rule_s3(const struct burst_scratch *, int serving, int starting, int free_hd);

bool node_startable(const struct node *);
/* An automatic drain that can still be called off (RULE E5). */
bool node_drain_cancellable(const struct node *);
bool node_drain_automatic(const struct node *);
/* RULE S8: a hold names the node. */
bool node_held(const struct picture *, const struct node *, int64_t *ret_hold);

/*
 * RULE S6: the node that a start of this location takes: a draining one that can be taken back, else the first startable one
 * without a recent failure, else the first with one; -1 = none.
 */
int32_t choose_node(const struct pass *, const struct location *);

/* Makes the start (or the taking back) of `node`; RULE S4 marks the tick. */
void pass_start(struct pass *, int32_t location, int32_t node, enum decision_reason, int64_t hold);

void decide_wishes(struct pass *);
void decide_holds(struct pass *);
void decide_drains(struct pass *, int32_t location); /* drains under way: stop, cancel or wait */
void decide_idle(struct pass *, int32_t location);   /* RULES E1-E4 and E6: a new drain */

#endif

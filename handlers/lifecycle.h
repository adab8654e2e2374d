/*
 * Asking for a life-cycle operation: what all requests for one share. A handler reads its body into a struct operation, this
 * checks and writes it in one transaction, tells history, and answers with 202, the plan, or why not. Nothing outside is
 * changed here: lifecycle/ carries operations out. HTTP threads.
 */
#ifndef BURSTD_HANDLERS_LIFECYCLE_H
#define BURSTD_HANDLERS_LIFECYCLE_H

#include "handlers/input.h"
#include "handlers/node_actions.h"
#include "handlers/views.h"

struct lifecycle_ask {
	struct req *r;
	struct operation *op;    /* as asked for, kind filled in; freed by lifecycle_ask */
	const struct node *node; /* NULL = about none that is there yet */
	const char *reason;      /* NULL = none given */
	char what[160];          /* the beginning of its reason: "burst-1 resized to c5.4xlarge" */
	bool compares;           /* it is a change by If-Match: what the node is now is compared */

	/* What stands against it, beyond what holds for all; NULL = nothing. In the writing transaction, so it may run twice. */
	enum err (*check)(const struct lifecycle_ask *, struct store *, const struct overlay *,
			  struct error *);
	/* Says in the plan what follows; NULL = nothing beyond what holds for all. */
	void (*tell)(const struct lifecycle_ask *, json_t *plan);

	/* made by lifecycle_ask */
	enum verdict verdict;
	struct operation *open; /* the one under way that is the answer, else NULL */
};

/* A new one of this kind, NULL when out of memory. */
struct operation *lifecycle_new_operation(enum intent_kind);
struct done *lifecycle_out_of_memory(struct req *);
/*
 * Checks that life-cycle operations are allowed (ERR_LIFECYCLE_OFF) and that nothing stands against it, then writes it. What is
 * under way with the same values is the answer (RULE E7: `force` upgrades it).
 */
struct done *lifecycle_ask(struct lifecycle_ask *);

/* The same for a request with a body that `fields` reads into a->op, which this makes; errors are recorded in the input. */
struct done *lifecycle_ask_body(struct lifecycle_ask *, enum intent_kind,
				void (*fields)(struct lifecycle_ask *, struct input *));

/* Whether operations of this kind may be asked for: ERR_LIFECYCLE_OFF while `allow_lifecycle` is off. */
enum err lifecycle_allowed(const struct bursting_settings *, enum intent_kind, struct error *e);

/* Whether the one that is under way is what is asked for: it was asked for with the same values. Pure. */
bool lifecycle_same(const struct operation *open, const struct operation *asked);
/* Whether the request alone tells that the step will be skipped. Pure. */
bool lifecycle_step_skipped(const struct operation *, enum step_name);

/* An event of the type operation, inside the writing transaction. */
enum err lifecycle_tell(const struct req *, struct store *, const struct operation *, const char *reason,
			struct error *e);

/*
 * Why the platform's state does not allow an operation of this kind on the node: RULES E7, S9 and what the kind itself needs.
 * Pure; ERR_OK where it does.
 */
enum err lifecycle_node_check(const struct picture *, const struct node *, const struct operation *,
			      struct error *e);
/* POST /v1/nodes/{id}/stop of a node that is always on: the guide's "Temporarily removing". */
struct done *lifecycle_shut_down(struct req *, const struct node *, bool force, const char *reason);

/* Guide, "Recommended instance types" and "Dedicated versus standard instances": what speaks against the choice. */
void lifecycle_tell_machine(const struct operation *, enum node_role, json_t *plan);
/*
 * What would be mixed in the location if a node of this kind came into it; `self` is left out of account, 0 = nobody. NULL = nothing
 * (guide: proxying and transcoding nodes page 17, always-on and bursting nodes page 21). Pure.
 */
const char *lifecycle_mixes_roles(const struct picture *, const struct location *, enum node_role,
				  int64_t self);
const char *lifecycle_mixes_power(const struct picture *, const struct location *, bool bursting,
				  int64_t self);

#endif

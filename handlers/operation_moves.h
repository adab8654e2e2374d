/* What a person may do with a life-cycle operation that is open: go on with it, undo it, or leave it as it is. HTTP threads. */
#ifndef BURSTD_HANDLERS_OPERATION_MOVES_H
#define BURSTD_HANDLERS_OPERATION_MOVES_H

#include "handlers/views.h"
#include "server/http.h"

enum lifecycle_move {
	MOVE_RESUME, /* from halted, in the direction that it went */
	MOVE_UNDO,   /* from any open state, unless there is no return */
	MOVE_CLOSE,  /* from halted: it ends as abandoned, and history says what stands */
};

/*
 * Moves the operation and tells history, inside store_tx. `op` was read in it without secrets, and is changed to what was
 * written. *ret_moved is false where it is on that way already. ERR_CONFLICT says why it cannot be.
 */
enum err lifecycle_move(struct req *, struct store *, struct operation *op, enum lifecycle_move,
			const char *reason, bool *ret_moved, struct error *e);
/* 202 with the operation after a move, or its plan. */
struct done *reply_move(struct req *, const struct operation *, enum lifecycle_move, bool moved);
/* Whether it can be, and what is written. Pure. */
enum err lifecycle_may_move(const struct operation *, enum lifecycle_move, struct error *e);
void lifecycle_apply_move(struct operation *, enum lifecycle_move, int64_t now);

#endif

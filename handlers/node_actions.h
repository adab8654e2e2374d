/* What an operator's start or stop of a node comes to (RULES S7 and E7), and the writing of a cancel. */
#ifndef BURSTD_HANDLERS_NODE_ACTIONS_H
#define BURSTD_HANDLERS_NODE_ACTIONS_H

#include "fleet/lifecycle.h"
#include "fleet/picture.h"
#include "server/http.h"

enum verdict {
	VERDICT_REFUSE,    /* `e` says why */
	VERDICT_ADD,       /* a new intent */
	VERDICT_JOIN,      /* what is asked for is under way already */
	VERDICT_TAKE_BACK, /* a start while a stop is not yet sent: cancel the stop */
	VERDICT_FORCE,     /* a forced stop while one without force is under way */
};

/* `open` is the node's open intent, NULL = none. Pure. */
enum verdict decide_start(const struct node *, const struct intent *open, struct error *e);
enum verdict decide_stop(const struct picture *, const struct node *, const struct intent *open, bool force,
			 struct error *e);

/*
 * Moves a stop that was not sent yet to CANCELLING and tells history, inside store_tx. `in` is as it was read, and is
 * changed to what was written. ERR_CONFLICT when someone else moved it.
 */
enum err intent_cancel(struct req *, struct store *, struct intent *in, const char *rule, const char *why,
		       struct error *e);

/*
 * RULE S7: what POST /v1/nodes/{id}/start does, for a node of req_picture. ERR_OK when the start is recorded or under way;
 * ERR_CONFLICT says why the node cannot be started.
 */
enum err node_start_ask(struct req *, const struct node *, const char *reason, struct error *e);

/* The operation with its Location. `steps`: see view_operation. */
struct done *reply_operation(struct req *, int status, const struct intent *, const struct operation *steps);

#endif

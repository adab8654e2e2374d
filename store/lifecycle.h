/*
 * Life-cycle operations in the store: the intent with its values and steps, written together or not at all. The intents alone
 * are in store.h; the API's lists use those.
 */
#ifndef BURSTD_STORE_LIFECYCLE_H
#define BURSTD_STORE_LIFECYCLE_H

#include "fleet/lifecycle.h"
#include "store/store.h"

/*
 * Adds the operation with its steps and values; intent.id and token are filled in. ERR_CONFLICT where another operation is
 * open on the node, deploys a node of this name, or is of a kind of which one alone may be open.
 */
enum err store_operation_add(struct store *, struct operation *, struct error *);
/*
 * *ret is the caller's (operation_free). `secrets`: unsealed, for who carries the operation out; else they are left out.
 * ERR_NOT_FOUND where there is no such intent; one without steps has none.
 */
enum err store_operation_get(struct store *, int64_t id, bool secrets, struct operation **ret,
			     struct error *);
/*
 * Writes intent, steps and values, like store_intent_move: if the row is still in `from` with `from_attempts`, else
 * ERR_CONFLICT. When the intent closes its secrets are removed from the database.
 */
enum err store_operation_move(struct store *, const struct operation *, enum intent_state from,
			      int from_attempts, struct error *);
/*
 * When a step of this name was last done by another operation than `except`, 0 = never; INT64_MAX while another one is at it.
 */
enum err store_step_last(struct store *, enum step_name, int64_t except, int64_t *ret, struct error *);
/*
 * The newest value of this name that contains the text, of any operation, open or closed. *ret is the caller's (free); NULL where
 * there is none. Not for secrets: those are sealed.
 */
enum err store_value_find(struct store *, enum operation_value, const char *text, char **ret, struct error *);

#endif

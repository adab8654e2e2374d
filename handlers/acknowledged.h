/* Which findings somebody has acknowledged: known and accepted, until a time. */
#ifndef BURSTD_HANDLERS_ACKNOWLEDGED_H
#define BURSTD_HANDLERS_ACKNOWLEDGED_H

#include "fleet/picture.h"
#include "store/store.h"

struct acknowledgements {
	struct acknowledgement *rows;
	size_t n;
};

/* Those in force at `now`. Caller: acknowledgements_free. */
enum err acknowledgements_load(struct store *, int64_t now, struct acknowledgements *ret, struct error *);
void acknowledgements_free(struct acknowledgements *); /* zeroed is fine */

/* The one about this very finding, borrowed; NULL = none. */
const struct acknowledgement *acknowledged(const struct acknowledgements *, const struct issue *);

#endif

/* Inside store/ only: the four columns of a location's change, which wishes and intents share. */
#ifndef BURSTD_STORE_LOCATIONS_H
#define BURSTD_STORE_LOCATIONS_H

#include "store/sql.h"

/* The next four values: name, description, overflow1, overflow2; NULL for what the change does not name. */
void sql_put_change(struct sql *, const struct location_change *);
/* The next four columns, in the same order. */
void sql_get_change(struct sql *, struct location_change *ret);

#endif

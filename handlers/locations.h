/* What the files of /v1/locations share. HTTP threads. */
#ifndef BURSTD_HANDLERS_LOCATIONS_H
#define BURSTD_HANDLERS_LOCATIONS_H

#include "handlers/views.h"
#include "server/http.h"

/* The location of the path's id in the request's picture; NULL fills `e` (ERR_NOT_FOUND). */
const struct location *location_find(struct req *, struct error *e);
/* The location with the store's present state; new reference, NULL fills `e`. */
json_t *location_present(struct req *, struct store *, const struct location *, struct error *e);

/* What a change would lead to: locations as they are, and as they would be. */
struct location_future {
	const struct picture *picture;
	const struct location *location;      /* the one that changes; NULL = a new one */
	const struct location_change *change; /* NULL = it is deleted */
};
/* Says in sentences what of principals and overflow locations would be different (RULES V2, S2, S5, V5). */
void plan_future(json_t *plan, const struct location_future *);

#endif

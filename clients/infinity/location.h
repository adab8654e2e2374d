/* What is sent for a change to a location, and what is read of the answers: pure functions. Any thread. */
#ifndef BURSTD_CLIENTS_INFINITY_LOCATION_H
#define BURSTD_CLIENTS_INFINITY_LOCATION_H

#include <jansson.h>

#include "clients/infinity/client.h"

/* The JSON body with the fields that the change names; malloc'ed. NULL when it names none, or out of memory. */
char *infinity_location_body(const struct location_change *);
/* Path and query of the search for one name, appended to `out`. */
void infinity_location_query(const char *name, struct buf *out);
/* The id in the Location header of a 201, relative or absolute; 0 where it is not one of a location. */
int64_t infinity_location_made(const struct http_answer *);
/*
 * The id of the location with exactly this name on the page, 0 where there is none. False, with a static *ret_why, where the
 * page cannot tell: some platform might ignore the filter.
 */
bool infinity_location_found(const json_t *page, const char *name, int64_t *ret_id, const char **ret_why);

#endif

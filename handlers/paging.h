/*
 * Lists in pages: `limit`, and an opaque `cursor` that holds the id of the last item given, so that nothing is skipped
 * or repeated while rows are added.
 */
#ifndef BURSTD_HANDLERS_PAGING_H
#define BURSTD_HANDLERS_PAGING_H

#include "server/http.h"

struct paging {
	int limit;
	int64_t last; /* id of the last item of the page before; 0 = first page */
};

/* Reads `limit` and `cursor`; `kind` is a letter of this list, so that a cursor of another one is refused. */
bool paging_read(struct req *, char kind, struct paging *ret, struct error *e);
/* {"items": [...], "next": ...}; steals `items`. next_last 0 = the last page. New reference. */
json_t *paging_body(json_t *items, char kind, int64_t next_last);

#endif

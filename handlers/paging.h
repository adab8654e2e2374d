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
	int64_t also; /* where one number is no key: the second one of it; else 0 */
};

/* Reads `limit` and `cursor`; `kind` is a letter of this list, so that a cursor of another one is refused. */
bool paging_read(struct req *, char kind, struct paging *ret, struct error *e);
/* The same for a list whose key are two positive numbers. */
bool paging_read_pair(struct req *, char kind, struct paging *ret, struct error *e);
/* {"items": [...], "next": ...}; steals `items`. next_last 0 = the last page. New reference. */
json_t *paging_body(json_t *items, char kind, int64_t next_last);
/* The same as text: the cursor, or null. */
void paging_put_next(struct buf *, char kind, int64_t next_last);
json_t *paging_body_pair(json_t *items, char kind, int64_t next_last, int64_t next_also);

#endif

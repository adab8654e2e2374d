/* One list of Infinity's API, read to its end and checked against its own count. */
#ifndef BURSTD_CLIENTS_INFINITY_LIST_H
#define BURSTD_CLIENTS_INFINITY_LIST_H

#include "clients/infinity/client.h"
#include "clients/infinity/parse.h"

/* The rows of one list. Zeroed = empty. The strings of the rows live in the arena that was given to the read.
 */
struct rows {
	void *items;
	size_t n;
	size_t cap;
	char partial[120]; /* "" = whole (RULE D1), else why not */
};
void infinity_rows_free(struct rows *);

/*
 * Reads all pages into `rows`, one row an object, each id once. A list that moves while it is read is read
 * once more; if it moves again, rows->partial says so. false fills `e`.
 */
bool infinity_list_read(struct infinity_client *, const struct infinity_list *, struct arena *,
			struct rows *rows, struct upstream_error *e);

/* The same of the objects that a filter leaves: "&name=Oslo", escaped, "" for all. */
bool infinity_list_search(struct infinity_client *, const struct infinity_list *, const char *filter,
			  struct arena *, struct rows *rows, struct upstream_error *e);
/* Releases what the rows own, where the list's rows own something, and leaves them empty. */
void infinity_rows_clear(const struct infinity_list *, struct rows *);

/* One object or envelope: GET and parse. New reference, NULL fills `e`. */
json_t *infinity_get(struct infinity_client *, const char *path, const char *resource,
		     struct upstream_error *e);

#endif

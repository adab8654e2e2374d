/*
 * The forms of Infinity's management API, for what polls Infinity and is pointed at burstd instead: lists with `meta` and
 * `objects`, paging by limit and offset, times without a zone, errors as {"error": "..."}. The framework behind it is
 * Tastypie, whose habits are followed where Infinity's documents are silent. docs/infinity.md tells what is offered.
 */
#ifndef BURSTD_HANDLERS_COMPAT_H
#define BURSTD_HANDLERS_COMPAT_H

#include <jansson.h>

#include "server/http.h"

#define COMPAT_STATUS  "/api/admin/status/v1/"
#define COMPAT_HISTORY "/api/admin/history/v1/"

/* Query parameters that every list takes, for the route table. */
#define COMPAT_QUERY "limit offset order_by format"

struct compat_page {
	int64_t limit; /* 1 to COMPAT_LIMIT_MOST */
	int64_t offset;
};
#define COMPAT_LIMIT_DEFAULT 20
#define COMPAT_TEXT_MOST     250  /* bytes of a filter */
#define COMPAT_LIMIT_MOST    1000 /* also what limit=0 stands for */

/* Reads limit, offset and format. */
bool compat_page_read(struct req *, struct compat_page *ret, struct error *e);
/* The `format` that details take too: json or nothing. */
bool compat_format_read(struct req *, struct error *e);
/*
 * order_by=FIELD or -FIELD, where FIELD is one of the space-separated `fields`; `preset` where it is missing. *ret_field is
 * borrowed from `fields` and ends at a space or at its end.
 */
bool compat_order_read(struct req *, const char *fields, const char *preset, const char **ret_field,
		       bool *ret_falling, struct error *e);
/* One page of a list that has `total` objects; `next` and `previous` keep all other parameters. Steals `objects`. */
struct done *compat_list(struct req *, const struct compat_page *, int64_t total, json_t *objects);
/*
 * {"error": "..."}: what the client did wrong is a 400, what it asked for and is not there a 404. A conflict is a 400 too, as
 * Infinity has nothing better. What is wrong with burstd itself is the problem that it is everywhere else.
 */
struct done *compat_error(struct req *, const struct error *e);

/* "YYYY-MM-DDTHH:MM:SS.ffffff", null when 0. */
void compat_put_time(json_t *object, const char *key, int64_t ms);

#endif

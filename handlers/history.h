/* What the history's list and its export share. */
#ifndef BURSTD_HANDLERS_HISTORY_H
#define BURSTD_HANDLERS_HISTORY_H

#include "server/http.h"

#define HISTORY_CSV    "text/csv"
#define HISTORY_NDJSON "application/x-ndjson"

/* An event as the API shows it, as one JSON object in one line. */
void history_put_event(struct buf *, const struct event *);
/* The name of its node, which a node that is still being deployed has before it has an id; NULL = it is about none. Borrowed. */
const char *history_node_name(const struct event *);
/* The whole history in r->media, one of the two above. `filter` is copied. */
struct done *history_export(struct req *, const struct history_filter *filter);

#endif

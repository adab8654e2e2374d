/*
 * The history as CSV (RFC 4180) or as one JSON object a line, newest first, of whatever length in the same memory: pages of the
 * store by keyset, one in memory, each read when the client has taken the one before. Between two pages nothing is held
 * open, so a slow client holds up nobody; events that come meanwhile are newer than the first page and not among them.
 *
 * A spreadsheet takes a text that begins with = + - @ for a formula, and the text of an event may come from a node's name. In
 * CSV such a text gets an apostrophe in front; the JSON lines have every text as it is.
 */
#include "handlers/history.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "handlers/json_text.h"
#include "handlers/paging.h"

#define PAGE LIMIT_PAGE_ITEMS

struct history_file {
	const struct app *app;
	struct history_filter filter; /* .before: where the next page begins; .actor is owned */
	bool csv;
	bool ended;
	struct event *events; /* the next page, read ahead so that an empty one is known */
	size_t n;
};

/* --- one event ------------------------------------------------------------------------------------------------- */

static void put_quoted(struct buf *b, const char *text)
{
	const char *place;

	buf_puts(b, strchr("=+-@\t\r", *text) ? "\"'" : "\"");
	for (; (place = strchr(text, '"')); text = place + 1) {
		buf_append(b, text, (size_t)(place - text));
		buf_puts(b, "\"\"");
	}
	buf_puts(b, text);
	buf_puts(b, "\"");
}

/* Each field of text is quoted; what is null in JSON is empty here. */
static void put_text_field(struct buf *b, const char *text)
{
	if (text && *text)
		put_quoted(b, text);
	buf_puts(b, ",");
}

static void put_id_field(struct buf *b, int64_t id)
{
	if (id)
		buf_printf(b, "%lld", (long long)id);
	buf_puts(b, ",");
}

#define CSV_HEADER "id,time,type,node,node_name,location,actor,reason,rule,figures,operation\r\n"

static void put_csv(struct buf *b, const struct event *event)
{
	char time[TIME_TEXT_SIZE];

	buf_printf(b, "%lld,%s,%s,", (long long)event->id, time_rfc3339(event->time, time),
		   event_type_text(event->type));
	put_id_field(b, event->node);
	put_text_field(b, history_node_name(event));
	put_id_field(b, event->location);
	put_text_field(b, event->actor);
	put_text_field(b, event->reason);
	put_text_field(b, event->rule);
	put_text_field(b, event->figures);
	if (event->operation)
		buf_printf(b, "%lld", (long long)event->operation);
	buf_puts(b, "\r\n");
}

static void put_line(struct buf *b, const struct event *event)
{
	history_put_event(b, event);
	json_put_raw(b, "\n");
}

/* --- the stream ------------------------------------------------------------------------------------------------ */

static void export_free(void *self)
{
	struct history_file *x = self;

	store_events_free(x->events, x->n);
	free((char *)(uintptr_t)x->filter.actor);
	free(x);
}

/* Reads the next page into x->events. */
static enum err read_page(struct history_file *x, struct error *e)
{
	struct store *store = x->app->store(x->app->store_self, e);

	store_events_free(x->events, x->n);
	x->events = NULL;
	x->n = 0;
	if (!store)
		return e->code;
	return store_events(store, &x->filter, PAGE, &x->events, &x->n, e);
}

static enum err export_next(void *self, struct buf *piece, struct error *e)
{
	struct history_file *x = self;
	size_t i;

	if (x->ended)
		return ERR_OK;
	if (x->csv && !x->filter.before)
		buf_puts(piece, CSV_HEADER);
	for (i = 0; i < x->n; i++)
		(x->csv ? put_csv : put_line)(piece, &x->events[i]);
	x->ended = x->n < PAGE;
	if (x->ended)
		return ERR_OK;
	x->filter.before = x->events[x->n - 1].id;
	return read_page(x, e);
}

static struct history_file *export_new(struct req *r, const struct history_filter *filter)
{
	struct history_file *x = calloc(1, sizeof *x);

	if (!x)
		return NULL;
	*x = (struct history_file){
		.app = r->app, .filter = *filter, .csv = strcmp(r->media, HISTORY_CSV) == 0};
	x->filter.actor = filter->actor ? strdup(filter->actor) : NULL;
	if (!filter->actor || x->filter.actor)
		return x;
	free(x);
	return NULL;
}

/*
 * Events never change, so for one address and form the newest id tells whether anything did. The version of the program is in
 * it too: another one may write them differently.
 */
static void export_etag(const struct history_file *x, const char *media, char out[SHA256_HEX_SIZE])
{
	char text[200];
	int len = snprintf(text, sizeof text, "%s %s %lld", config_version(), media,
			   x->n ? (long long)x->events[0].id : 0);

	sha256_hex(text, (size_t)len, out);
}

struct done *history_export(struct req *r, const struct history_filter *filter)
{
	struct error e = {.code = ERR_OK};
	char etag[SHA256_HEX_SIZE];
	struct history_file *x;

	if (req_query(r, "limit") || req_query(r, "cursor")) {
		(void)error_set(&e, ERR_BAD_REQUEST,
				"an export is not paged: leave out \"limit\" and \"cursor\"");
		return reply_error(r, &e);
	}
	x = export_new(r, filter);
	/* The first page is read before the reply begins: a store that cannot be read is a problem, not a short file. */
	if (!x || read_page(x, &e)) {
		if (x)
			export_free(x);
		else
			(void)error_set(&e, ERR_INTERNAL, "out of memory");
		return reply_error(r, &e);
	}
	export_etag(x, r->media, etag);
	return reply_stream(r, &(struct stream){export_next, export_free, x},
			    x->csv ? "text/csv; charset=utf-8; header=present" : HISTORY_NDJSON, etag,
			    x->csv ? "burstd-history.csv" : "burstd-history.ndjson");
}

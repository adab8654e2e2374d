/*
 * The HTTP server as its handlers see it: routes, a request, and the replies that end one.
 *
 * A handler runs on one of libmicrohttpd's pool threads, after host, token, role, method, media types, query
 * names and body size were checked from its route. It reads the published picture and the store, never the
 * network. It ends in exactly one reply_*(): `struct done` is defined nowhere, so nothing else can end it.
 *
 * A POST with an Idempotency-Key runs inside a transaction that also keeps its reply (server/idempotency.c): it writes
 * through store_tx, wakes through req_changed, and its reply is JSON, a problem or empty. The same holds for a route that
 * takes ?dry_run=true (server/dry_run.c).
 */
#ifndef BURSTD_SERVER_HTTP_H
#define BURSTD_SERVER_HTTP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/meter.h"
#include "server/app.h"
#include "server/pulse.h"

struct done;
struct req;

/* One operation. A test holds the table against openapi.yaml both ways. */
struct route {
	const char *method;
	const char *path; /* may have one {id}, a positive integer, or one other {name}, see REQ_KEY_SIZE */
	const char *operation; /* operationId */
	enum token_role role;  /* least role; TOKEN_NONE = open to everyone */
	bool basic;        /* the token may also come as the password of Basic; same of all rows of a path */
	size_t body_limit; /* 0 = takes no body */
	bool foreign;      /* the body is made by a system that is not ours: see req_body */
	const char *query; /* names of the query parameters, separated by spaces; NULL = none */
	const char *media; /* of the 2xx reply; NULL = application/json */
	const char *const *also; /* further media types that it can be had as, closed by NULL; NULL = none */
	struct done *(*handler)(struct req *);
};

struct route_table {
	const struct route *rows;
	size_t n;
};

/* A {name} of a path stands for 1 to 64 of A-Z a-z 0-9 - _ . */
#define REQ_KEY_SIZE 65

struct req {
	const struct app *app;
	const struct route *route;
	const char *id;    /* request id, `instance` of a problem */
	const char *actor; /* the token's name, "" on an open route */
	const char *media; /* which of the route's media types the client likes best */
	int64_t now;       /* wall clock at the first byte */
	int64_t number;    /* the {id} of the path */
	const char *key;   /* another {name} of the path */
	bool dry_run; /* all that the handler writes is rolled back: it ends in reply_plan (handlers/plan.h) */
	int64_t last_event; /* with dry_run: the newest event of history before the handler */
};

/* One field at fault: what `errors` of a problem lists. */
struct field_error {
	char pointer[96];
	char detail[200];
};

/* --- reading a request
 * ----------------------------------------------------------------------------------------- */

/* The picture of this request, the same at every call; borrowed, freed with the request. */
const struct picture *req_picture(struct req *);
/* The calling thread's store connection; NULL fills `e`. */
struct store *req_store(struct req *, struct error *e);
/* A query parameter's value, borrowed; NULL where it is not given. Only names of the route's `query`. */
const char *req_query(struct req *, const char *name);
bool req_has_query(struct req *);
/*
 * The body as a JSON value, strictly parsed: UTF-8, no duplicate keys, bounded depth. Borrowed. NULL with `e`
 * filled where it is not JSON; NULL with e->code ERR_OK where there is no body. On a `foreign` route it may be nested
 * as deep as what upstream systems send, and texts may hold \u0000: a display name does. It may come without a Content-Type.
 */
json_t *req_body(struct req *, struct error *e);
/*
 * If-Match against the present representation (borrowed): ERR_PRECONDITION when none of its tags is the one that a GET
 * would give. For a PATCH, PUT or DELETE: without the header it never reaches its handler.
 */
enum err req_if_match(struct req *, json_t *present, struct error *e);
/* A handler wrote something: cached pages are made anew, the workers look at once. */
void req_changed(struct req *);
/* A handler wrote a token: the next request looks for it. */
void req_tokens_changed(struct req *);

/* --- replies: each ends the request
 * ------------------------------------------------------------------------------ */

/* Consumes `body` (NULL is an internal error). A 200 to a GET carries an ETag and turns into 304 where it
 * matches. */
struct done *reply_value(struct req *, int status, json_t *body);
/* The same with a Location header. */
struct done *reply_value_at(struct req *, int status, const char *location, json_t *body);
struct done *reply_empty(struct req *, int status);
/* Bytes that live as long as the process, with an ETag. */
struct done *reply_static(struct req *, const char *media, const void *data, size_t len);
/*
 * A gzip'ed file of a page, which lives as long as the process: with an ETag, and a policy (CSP) by which a browser loads and
 * asks nothing but this server and runs no script that stands in the page. Unpacked for clients that do not ask for gzip.
 */
struct done *reply_asset(struct req *, const char *media, const void *gzip, size_t len);
/* malloc'ed bytes, taken over, with an ETag; NULL is an internal error. */
struct done *reply_bytes(struct req *, const char *media, char *data, size_t len);

/*
 * A reply that is made piece by piece while it is sent, so that it takes the same memory however long it is. `next` appends
 * the next piece to an empty buffer, nothing at the end; on a failure the connection is closed without the end of the body,
 * so that the client knows that it has not got all. It runs on HTTP threads after the handler has returned: it has no request,
 * may use `app` and its store, and holds no transaction open between two pieces.
 */
struct stream {
	enum err (*next)(void *self, struct buf *piece, struct error *);
	void (*free)(void *self); /* called once, also when the reply cannot be begun */
	void *self;
};
#define STREAM_PIECE_MAX (4 * 1024 * 1024)
/* `etag` without quotes, of at most 32 hex digits; `file` is the name that a browser saves it by. */
struct done *reply_stream(struct req *, const struct stream *, const char *media, const char *etag,
			  const char *file);
/* RFC 9457 problem from an error; ERR_INTERNAL is logged with its detail. */
struct done *reply_error(struct req *, const struct error *);
/* 400 naming each field. */
struct done *reply_fields(struct req *, const struct field_error *, size_t n);

/*
 * A page that is made once per picture: the reply is built by `render` (a new reference, NULL fills `e`) when
 * the picture, or anything a handler wrote, changed since it was last built; else it costs a look at a
 * pointer.
 */
enum page { PAGE_STATUS, PAGE_LOCATIONS, PAGE_NODES, PAGE_COUNT };
struct done *reply_page(struct req *, enum page, json_t *(*render)(struct req *, struct error *));

/*
 * A reply without an end (Server-Sent Events): `next` appends what is new for this listener, or nothing. Then the connection
 * sleeps, without a thread, until an event was recorded or a picture published; every 15 s it gets a comment, which also
 * finds out listeners that went away. It ends when the process does, when its token is revoked, and for a client that does not
 * take what there is (server/http_events.c). ERR_BUSY as a problem beyond LIMIT_LISTENERS. For routes with a role.
 */
struct done *reply_events(struct req *, const struct stream *);
/* The Last-Event-ID header, NULL where it is missing. */
const char *req_last_event_id(struct req *);

/* --- figures of the server
 * ------------------------------------------------------------------------------------------ */

/* How long requests take, from the first line to the last byte of the reply: 0.1 ms to 5 s. */
extern const struct meter_bounds http_time_bounds;
struct http_times {
	const char *operation; /* "none": requests that no route answered */
	struct meter_reading times;
};
/* Of the i-th operation since the process started; false behind the last one. Any thread. */
bool req_times(struct req *, size_t i, struct http_times *ret);
/* Replies with a status of `hundreds`, 1 to 5, since the process started. */
uint64_t req_replies(struct req *, int hundreds);

/* --- the server
 * ------------------------------------------------------------------------------------------------- */

struct http_server;

/*
 * Binds the configured address and serves on min(2, cores) threads. `app` is copied, what it points to
 * borrowed. `routes` lives as long as the process. ERR_BUSY where the address cannot be bound. Main thread.
 */
enum err http_start(const struct app *app, const struct route_table *routes, struct http_server **ret,
		    struct error *);
/* Stops listening, lets requests under way finish (2 s at most), ends the threads, frees. NULL is fine. */
void http_stop(struct http_server *);
/* The port that was bound. */
int http_port(const struct http_server *);
/* Of the threads that are at a request or a piece of a reply just now; *ret_n of them. Live as long as the server. Any thread. */
const struct pulse *http_pulses(const struct http_server *, size_t *ret_n);
/* Tokens are read again at the next request. Any thread. */
void http_reload_tokens(struct http_server *);

#endif

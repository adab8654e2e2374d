/*
 * The replies. A body is sent as it is dumped once; its ETag is a hash of these bytes, so it is strong, and the same
 * for the same content whichever way it was made. The gzip'ed form of the same bytes has a tag of its own, which follows from theirs.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "server/http_internal.h"

#define DUMP_FLAGS   (JSON_COMPACT | JSON_REAL_PRECISION(12)) /* 0.1, not 0.10000000000000001 */
#define JSON_MEDIA   "application/json"
#define PROBLEM_BODY (16 * 1024)
#define GZIP_LEAST   4096 /* less is a packet or three either way */
#define PAGE_POLICY                                                                                          \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src "        \
	"'self'; "                                                                                           \
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/* What a reply carries besides its bytes; NULL = without. */
struct extras {
	const char *media;
	const char *etag;
	const char *location;
	const char *encoding;
	const char *policy;
	bool negotiated; /* by Accept-Encoding, whichever way it came out */
};

static void header(struct MHD_Response *response, const char *name, const char *value)
{
	if (value)
		(void)MHD_add_response_header(response, name, value);
}

static void common_headers(struct MHD_Response *response, const struct extras *extras)
{
	header(response, "Content-Type", extras->media);
	header(response, "ETag", extras->etag);
	header(response, "Location", extras->location);
	header(response, "Content-Encoding", extras->encoding);
	header(response, "Vary", extras->negotiated ? "Accept-Encoding" : NULL);
	header(response, "Content-Security-Policy", extras->policy);
	header(response, "Referrer-Policy", extras->policy ? "no-referrer" : NULL);
	header(response, "Cache-Control", "no-cache");
	header(response, "X-Content-Type-Options", "nosniff");
}

/* A browser that came over TLS once shall not come without it for a year (RFC 6797). */
static void transport_headers(const struct exchange *x, struct MHD_Response *response)
{
	if (response && x->server->app.tls)
		header(response, "Strict-Transport-Security", "max-age=31536000");
}

/* Queues and lets go of the caller's reference, or holds it. NULL closes the connection. */
static struct done *queue(struct exchange *x, int status, struct MHD_Response *response)
{
	bool queued;

	if (x->holding && response) {
		x->status = status;
		x->held = response;
		return (struct done *)x;
	}
	transport_headers(x, response);
	if (response && x->req.route && x->req.route->also)
		header(response, "Vary", "Accept");
	queued = response && MHD_queue_response(x->connection, (unsigned)status, response) == MHD_YES;
	if (response)
		MHD_destroy_response(response);
	x->status = status;
	return queued ? (struct done *)x : NULL;
}

/* Takes over malloc'ed `data`. */
static struct done *send_bytes(struct exchange *x, int status, char *data, size_t len,
			       const struct extras *extras)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(len, data, MHD_RESPMEM_MUST_FREE);

	if (!response) {
		free(data);
		return NULL;
	}
	common_headers(response, extras);
	x->held_body = data;
	return queue(x, status, response);
}

/* Nothing is coded in it, whatever the 200 in its place would be. */
static struct MHD_Response *empty_response(const struct extras *extras)
{
	static char nothing[1];
	struct extras bare = *extras;
	struct MHD_Response *response = MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);

	bare.encoding = NULL;
	if (response)
		common_headers(response, &bare);
	return response;
}

/* --- ETag ---------------------------------------------------------------------------------------------------- */

static void etag_of(const void *data, size_t len, char out[ETAG_SIZE])
{
	char hex[SHA256_HEX_SIZE];

	sha256_hex(data, len, hex);
	(void)snprintf(out, ETAG_SIZE, "\"%.32s\"", hex);
}

/* Of the same content gzip'ed: other bytes, so another tag (RFC 9110 8.8.3.3). */
static void etag_of_gzip(const char plain[ETAG_SIZE], char out[ETAG_SIZE])
{
	(void)snprintf(out, ETAG_SIZE, "%.*s-gzip\"", (int)strlen(plain) - 1, plain);
}

/* Whether a list of tags holds this one. If-None-Match compares weakly, If-Match strongly (RFC 9110 13.1). */
static bool etag_listed(const char *list, const char *etag, bool weak)
{
	size_t len;

	for (list += strspn(list, " \t,"); *list; list += strspn(list, " \t,")) {
		bool is_weak = strncmp(list, "W/", 2) == 0;

		if (*list == '*')
			return true;
		list += is_weak ? 2 : 0;
		if (*list != '"')
			return false;
		len = strcspn(list + 1, "\"") + 2;
		if ((weak || !is_weak) && len == strlen(etag) && strncmp(list, etag, len) == 0)
			return true;
		list += strnlen(list, len);
	}
	return false;
}

static bool is_read(const struct exchange *x)
{
	return x->req.route && strcmp(x->req.route->method, "GET") == 0;
}

static bool not_modified(struct exchange *x, const char *etag)
{
	const char *list = x->headers.if_none_match;

	return list && etag_listed(list, etag, true);
}

enum err req_if_match(struct req *r, json_t *present, struct error *e)
{
	const char *list = exchange_of(r)->headers.if_match;
	_cleanup_(freep) char *text = json_dumps(present, DUMP_FLAGS);
	char etag[ETAG_SIZE], gzip[ETAG_SIZE];

	assert(list); /* request_check lets no change pass without it */
	if (!text)
		return error_set(e, ERR_INTERNAL, "out of memory");
	etag_of(text, strlen(text), etag);
	etag_of_gzip(etag, gzip);
	if (etag_listed(list, etag, false) || etag_listed(list, gzip, false))
		return ERR_OK;
	return error_set(e, ERR_PRECONDITION, "the resource is now %s: read it again", etag);
}

/* --- replies to reads ------------------------------------------------------------------------------------------ */

static bool wants_gzip(const struct exchange *x, size_t len)
{
	return len >= GZIP_LEAST && encoding_prefers_gzip(x->headers.accept_encoding);
}

/* 200 with malloc'ed `data`, or 304, in the coding that the client likes; fills the rest of `extras`. */
static struct done *send_read(struct exchange *x, char *data, size_t len, struct extras *extras)
{
	bool gzip = wants_gzip(x, len);
	char plain[ETAG_SIZE], coded[ETAG_SIZE];
	char *smaller;

	etag_of(data, len, plain);
	etag_of_gzip(plain, coded);
	extras->negotiated = true;
	extras->etag = gzip ? coded : plain;
	if (not_modified(x, extras->etag)) {
		free(data);
		return queue(x, 304, empty_response(extras));
	}
	if (!gzip)
		return send_bytes(x, 200, data, len, extras);
	smaller = encoding_gzip(data, len, GZIP_EACH, &len);
	free(data);
	extras->encoding = "gzip";
	return smaller ? send_bytes(x, 200, smaller, len, extras) : NULL;
}

/* --- plain replies ------------------------------------------------------------------------------------------- */

static struct done *failed(struct req *r, const char *what)
{
	const struct error e = {.code = ERR_INTERNAL};
	struct error named = e;

	(void)error_set(&named, ERR_INTERNAL, "%s", what);
	return reply_error(r, &named);
}

struct done *reply_value_at(struct req *r, int status, const char *location, json_t *body)
{
	struct exchange *x = exchange_of(r);
	char *text = body ? json_dumps(body, DUMP_FLAGS) : NULL;
	struct extras extras = {.media = JSON_MEDIA, .location = location};

	json_decref(body);
	if (!text)
		return failed(r, "a reply could not be made");
	if (is_read(x) && status == 200)
		return send_read(x, text, strlen(text), &extras);
	return send_bytes(x, status, text, strlen(text), &extras);
}

struct done *reply_value(struct req *r, int status, json_t *body)
{
	return reply_value_at(r, status, NULL, body);
}

struct done *reply_empty(struct req *r, int status)
{
	return queue(exchange_of(r), status, empty_response(&(struct extras){0}));
}

/* Bytes that stay; `extras` gets their ETag. */
static struct done *send_static(struct exchange *x, const void *data, size_t len, struct extras *extras)
{
	struct MHD_Response *response;
	char etag[ETAG_SIZE];

	assert(!x->holding); /* its bytes may have no end, and could not be kept */
	etag_of(data, len, etag);
	extras->etag = etag;
	if (not_modified(x, etag))
		return queue(x, 304, empty_response(extras));
	response = MHD_create_response_from_buffer(len, (void *)(uintptr_t)data, MHD_RESPMEM_PERSISTENT);
	if (response)
		common_headers(response, extras);
	return queue(x, 200, response);
}

struct done *reply_static(struct req *r, const char *media, const void *data, size_t len)
{
	return send_static(exchange_of(r), data, len, &(struct extras){.media = media});
}

struct done *reply_asset(struct req *r, const char *media, const void *gzip, size_t len)
{
	struct exchange *x = exchange_of(r);
	struct extras extras = {.media = media, .policy = PAGE_POLICY, .negotiated = true};
	char etag[ETAG_SIZE];
	char *plain;

	if (encoding_prefers_gzip(x->headers.accept_encoding)) {
		extras.encoding = "gzip";
		return send_static(x, gzip, len, &extras);
	}
	/* who asks by hand; every browser takes gzip */
	plain = encoding_plain(gzip, len, &len);
	if (!plain)
		return failed(r, "a file could not be unpacked");
	etag_of(plain, len, etag);
	extras.etag = etag;
	if (!not_modified(x, etag))
		return send_bytes(x, 200, plain, len, &extras);
	free(plain);
	return queue(x, 304, empty_response(&extras));
}

/* --- held and kept replies --------------------------------------------------------------------------------------- */

struct done *reply_release(struct exchange *x)
{
	struct MHD_Response *held = x->held;

	x->held = NULL;
	return queue(x, x->status, held);
}

void reply_drop(struct exchange *x)
{
	MHD_destroy_response(x->held);
	x->held = NULL;
}

static const char *or_null(const char *text)
{
	return *text ? text : NULL;
}

struct done *reply_kept(struct exchange *x, struct kept_reply *reply)
{
	struct extras extras = {.media = or_null(reply->media),
				.etag = or_null(reply->etag),
				.location = or_null(reply->location)};
	size_t len = strlen(reply->body);
	struct MHD_Response *response =
		MHD_create_response_from_buffer(len, reply->body, MHD_RESPMEM_MUST_COPY);

	if (!response)
		return NULL;
	common_headers(response, &extras);
	header(response, "Idempotent-Replayed", "true");
	return queue(x, reply->status, response);
}

struct done *reply_bytes(struct req *r, const char *media, char *data, size_t len)
{
	if (!data)
		return failed(r, "a reply could not be made");
	return send_read(exchange_of(r), data, len, &(struct extras){.media = media});
}

/* --- streams -------------------------------------------------------------------------------------------------- */

#define STREAM_BLOCK (16 * 1024) /* what libmicrohttpd asks for at once, where it has room */

/* A stream under way: the present piece, and how much of it is sent. */
struct flow {
	struct http_server *server;
	struct stream stream;
	struct buf piece;
	size_t sent;
	char id[REQUEST_ID_SIZE];
};

static void flow_free(void *cls)
{
	struct flow *f = cls;

	f->stream.free(f->stream.self);
	buf_free(&f->piece);
	free(f);
}

/* The next piece; false where there is none, then *ret_end says why. */
static bool flow_refill(struct flow *f, ssize_t *ret_end)
{
	struct pulse *work = work_begin(f->server);
	struct error e = {.code = ERR_OK};
	enum err err;

	buf_reset(&f->piece);
	f->sent = 0;
	err = f->stream.next(f->stream.self, &f->piece, &e);
	work_end(work);
	if (!err && f->piece.failed)
		err = error_set(&e, ERR_INTERNAL, "out of memory");
	if (err)
		log_error("a reply was cut short", "request", f->id, "error", e.detail);
	*ret_end = err ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
	return !err && f->piece.len > 0;
}

static ssize_t flow_read(void *cls, uint64_t position, char *out, size_t max)
{
	struct flow *f = cls;
	size_t n = f->piece.len - f->sent;
	ssize_t end;

	(void)position;
	if (n == 0) {
		if (!flow_refill(f, &end))
			return end;
		n = f->piece.len;
	}
	n = n < max ? n : max;
	memcpy(out, f->piece.data + f->sent, n);
	f->sent += n;
	return (ssize_t)n;
}

/* Takes over the stream. NULL when out of memory. */
static struct MHD_Response *stream_response(struct exchange *x, const struct stream *stream)
{
	struct flow *f = calloc(1, sizeof *f);
	struct MHD_Response *response;

	if (!f) {
		stream->free(stream->self);
		return NULL;
	}
	f->server = x->server;
	f->stream = *stream;
	f->piece = BUF_INIT(STREAM_PIECE_MAX);
	memcpy(f->id, x->id, sizeof f->id);
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, flow_read, f, flow_free);
	if (!response)
		flow_free(f);
	else if (x->head)
		/* libmicrohttpd 0.9.75 ends a HEAD's reply with the last chunk, which the client would take for the next reply */
		(void)MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_OPTION_END);
	return response;
}

struct done *reply_stream(struct req *r, const struct stream *stream, const char *media, const char *etag,
			  const char *file)
{
	struct exchange *x = exchange_of(r);
	char quoted[ETAG_SIZE], disposition[120];
	struct extras extras = {.media = media, .etag = quoted};
	struct MHD_Response *response;

	(void)snprintf(quoted, sizeof quoted, "\"%.32s\"", etag);
	if (not_modified(x, quoted)) {
		stream->free(stream->self);
		return queue(x, 304, empty_response(&extras));
	}
	response = stream_response(x, stream);
	if (response) {
		common_headers(response, &extras);
		(void)snprintf(disposition, sizeof disposition, "attachment; filename=\"%.80s\"", file);
		header(response, "Content-Disposition", disposition);
	}
	return queue(x, 200, response);
}

static ssize_t no_body(void *cls, uint64_t position, char *out, size_t max)
{
	(void)cls;
	(void)position;
	(void)out;
	(void)max;
	return MHD_CONTENT_READER_END_OF_STREAM;
}

/* For HEAD: a length of 0 would not be true. */
static struct MHD_Response *headers_of_endless(void)
{
	struct MHD_Response *response =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1, no_body, NULL, NULL);

	if (response)
		(void)MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_OPTION_END);
	return response;
}

struct done *reply_events(struct req *r, const struct stream *stream)
{
	struct exchange *x = exchange_of(r);
	struct extras extras = {.media = x->req.media};
	struct error e = {.code = ERR_OK};
	struct MHD_Response *response;

	struct done *done;

	if (x->head) {
		stream->free(stream->self);
		response = headers_of_endless();
	} else {
		response = listeners_add(x->server->listeners, x, stream, &e);
		if (!response)
			return reply_error(r, &e);
	}
	if (response) {
		common_headers(response, &extras);
		header(response, "X-Accel-Buffering", "no"); /* nginx would collect them otherwise */
		header(response, "Connection", "close"); /* its socket has limits that no other reply wants */
	}
	done = queue(x, 200, response);
	times_add(x); /* what counts is how soon it began */
	x->timed = true;
	return done;
}

/* --- problems ------------------------------------------------------------------------------------------------ */

struct problem {
	int status;
	const char *slug;
	const char *title;
	const char *detail;
	const struct field_error *fields;
	size_t n_fields;
};

static json_t *fields_json(const struct field_error *fields, size_t n)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < n; i++)
		(void)json_array_append_new(list, json_pack("{s:s, s:s}", "pointer", fields[i].pointer,
							    "detail", fields[i].detail));
	return list;
}

static struct done *send_problem(struct exchange *x, const struct problem *p)
{
	json_t *body = json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", p->slug, "title", p->title, "status",
				 p->status, "detail", p->detail, "instance", x->id);
	struct extras extras = {.media = "application/problem+json"};
	struct MHD_Response *response = NULL;
	char after[12];
	char *text;

	if (body && p->n_fields)
		(void)json_object_set_new(body, "errors", fields_json(p->fields, p->n_fields));
	text = body ? json_dumps(body, DUMP_FLAGS) : NULL;
	json_decref(body);
	if (text)
		response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return NULL;
	}
	common_headers(response, &extras);
	header(response, "WWW-Authenticate", x->challenge);
	header(response, "Allow", p->status == 405 ? x->allow : NULL);
	(void)snprintf(after, sizeof after, "%d", x->retry_after ? x->retry_after : 1);
	header(response, "Retry-After", p->status == 503 || p->status == 429 ? after : NULL);
	header(response, "Connection", p->status == 429 ? "close" : NULL);
	x->held_body = text;
	return queue(x, p->status, response);
}

struct done *reply_error(struct req *r, const struct error *e)
{
	struct exchange *x = exchange_of(r);
	struct field_error field;
	struct problem p = {.status = err_http_status(e->code),
			    .slug = err_slug(e->code),
			    .title = err_title(e->code),
			    .detail = e->detail};

	if (e->code == ERR_INTERNAL) {
		/* the words may tell of paths and tables: they are for the log */
		log_error("a request failed", "request", x->id, "method", x->method, "path", x->path, "error",
			  e->detail);
		p.detail = "see the log of burstd for this request";
	}
	if (e->pointer[0]) {
		(void)snprintf(field.pointer, sizeof field.pointer, "%s", e->pointer);
		(void)snprintf(field.detail, sizeof field.detail, "%.199s", e->detail);
		p.fields = &field;
		p.n_fields = 1;
	}
	return send_problem(x, &p);
}

struct done *reply_fields(struct req *r, const struct field_error *fields, size_t n)
{
	char detail[sizeof fields->pointer + sizeof fields->detail + 4];
	struct problem p = {.status = err_http_status(ERR_BAD_REQUEST),
			    .slug = err_slug(ERR_BAD_REQUEST),
			    .title = err_title(ERR_BAD_REQUEST),
			    .detail = detail,
			    .fields = fields,
			    .n_fields = n};

	(void)snprintf(detail, sizeof detail, "%s%s%s", fields->pointer, *fields->pointer ? ": " : "",
		       fields->detail);
	return send_problem(exchange_of(r), &p);
}

struct done *reply_refusal(struct exchange *x)
{
	return reply_error(&x->req, &x->refused);
}

struct done *reply_options(struct exchange *x)
{
	struct MHD_Response *response = empty_response(&(struct extras){0});

	if (response)
		header(response, "Allow", x->allow);
	return queue(x, 204, response);
}

/* --- pages made once per picture ------------------------------------------------------------------------------- */

static void form_clear(struct page_form *form)
{
	if (form->whole)
		MHD_destroy_response(form->whole);
	if (form->not_modified)
		MHD_destroy_response(form->not_modified);
	form->whole = form->not_modified = NULL;
}

static void slot_clear(struct page_slot *slot)
{
	form_clear(&slot->plain);
	form_clear(&slot->gzip);
	picture_unref(slot->picture);
	slot->picture = NULL;
}

void page_slot_init(struct page_slot *slot)
{
	(void)pthread_mutex_init(&slot->lock, NULL);
}

void page_slot_close(struct page_slot *slot)
{
	slot_clear(slot);
	(void)pthread_mutex_destroy(&slot->lock);
}

/* Of malloc'ed bytes, taken over; its tag is there. `encoding` NULL = plain. */
static enum err form_make(struct page_form *form, const struct exchange *x, char *data, size_t len,
			  const char *encoding, struct error *e)
{
	struct extras extras = {
		.media = JSON_MEDIA, .etag = form->etag, .encoding = encoding, .negotiated = true};

	form->whole = MHD_create_response_from_buffer(len, data, MHD_RESPMEM_MUST_FREE);
	if (form->whole)
		common_headers(form->whole, &extras);
	else
		free(data);
	form->not_modified = empty_response(&extras);
	transport_headers(x, form->whole);
	transport_headers(x, form->not_modified);
	if (form->whole && form->not_modified)
		return ERR_OK;
	form_clear(form);
	return error_set(e, ERR_INTERNAL, "out of memory");
}

/* Slot locked. The count of writes is read before the store is: a write in between makes it anew once more. */
static enum err slot_make(struct page_slot *slot, struct exchange *x,
			  json_t *(*render)(struct req *, struct error *), struct error *e)
{
	uint64_t writes = atomic_load(&x->server->writes);
	json_t *body = render(&x->req, e);
	char *text = body ? json_dumps(body, DUMP_FLAGS) : NULL;

	if (body && !text)
		(void)error_set(e, ERR_INTERNAL, "out of memory");
	json_decref(body);
	if (!text)
		return e->code;
	slot_clear(slot);
	slot->text = text;
	slot->len = strlen(text);
	etag_of(text, slot->len, slot->plain.etag);
	if (form_make(&slot->plain, x, text, slot->len, NULL, e))
		return e->code;
	slot->picture = picture_ref(x->picture);
	slot->writes = writes;
	return ERR_OK;
}

/* Slot locked and current: the form that the client likes; NULL with `e` filled. */
static const struct page_form *slot_form(struct page_slot *slot, const struct exchange *x, struct error *e)
{
	struct page_form *form = &slot->gzip;
	size_t len;
	char *data;

	if (!wants_gzip(x, slot->len))
		return &slot->plain;
	if (form->whole)
		return form;
	data = encoding_gzip(slot->text, slot->len, GZIP_ONCE, &len);
	if (!data) {
		(void)error_set(e, ERR_INTERNAL, "out of memory");
		return NULL;
	}
	etag_of_gzip(slot->plain.etag, form->etag);
	return form_make(form, x, data, len, "gzip", e) ? NULL : form;
}

/* Slot locked. A request that holds an older picture than the page is given the page. */
static bool slot_is_current(const struct page_slot *slot, const struct exchange *x)
{
	return slot->picture && slot->picture->seq >= x->picture->seq &&
	       slot->writes == atomic_load(&x->server->writes);
}

struct done *reply_page(struct req *r, enum page page, json_t *(*render)(struct req *, struct error *))
{
	struct exchange *x = exchange_of(r);
	struct page_slot *slot = &x->server->pages[page];
	const struct page_form *form = NULL;
	struct error e = {.code = ERR_OK};
	bool same = false;
	bool queued = false;

	(void)req_picture(r);
	(void)pthread_mutex_lock(&slot->lock);
	if (slot_is_current(slot, x) || slot_make(slot, x, render, &e) == ERR_OK)
		form = slot_form(slot, x, &e);
	if (form) {
		same = not_modified(x, form->etag);
		x->status = same ? 304 : 200;
		queued = MHD_queue_response(x->connection, (unsigned)x->status,
					    same ? form->not_modified : form->whole) == MHD_YES;
	}
	(void)pthread_mutex_unlock(&slot->lock);
	if (e.code)
		return reply_error(r, &e);
	return queued ? (struct done *)x : NULL;
}

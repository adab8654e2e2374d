/* Shared by the files of the HTTP server, and by nothing else. */
#ifndef BURSTD_SERVER_HTTP_INTERNAL_H
#define BURSTD_SERVER_HTTP_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "server/auth.h"
#include "server/http.h"
#include "server/http_clients.h"
#include "server/throttle.h"

#define REQUEST_ID_SIZE 20
#define ETAG_SIZE       41 /* quote, 32 hex digits, "-gzip" where it is that, quote */

/* One coding of a page: the reply with it, and the one without a body. NULL = not made yet. */
struct page_form {
	char etag[ETAG_SIZE];
	struct MHD_Response *whole;
	struct MHD_Response *not_modified;
};

/* A reply made once per picture. `lock` guards all of it. */
struct page_slot {
	pthread_mutex_t lock;
	struct picture
		*picture; /* the one it was made from, referenced: its address is not used again meanwhile */
	uint64_t writes;  /* server->writes when it was made */
	struct page_form plain;
	struct page_form gzip; /* made when the first client wants it */
	const char *text;      /* the plain one's bytes, borrowed from it */
	size_t len;
};

#define HTTP_PULSES 8 /* the pool has two threads at most, and listeners have one */

struct http_server {
	struct app app;
	struct route_table routes;
	struct auth *auth;
	struct throttle *throttle;
	struct listeners *listeners;
	struct MHD_Daemon *daemon;
	struct clients clients;
	int port;
	bool any_address; /* bound to 0.0.0.0 or :: */
	struct page_slot pages[PAGE_COUNT];
	_Atomic uint64_t writes;   /* grows with each req_changed */
	_Atomic uint64_t requests; /* number of the next request id */
	_Atomic int under_way;     /* requests between their headers and the end of their reply */
	uint32_t id_prefix;
	struct meter *times;         /* one per route, and one for requests without a route */
	_Atomic uint64_t replies[6]; /* by the hundreds of their status */
	struct pulse pulses[HTTP_PULSES];
};

/*
 * One connection. What a kept-alive one remembers: the Authorization that was accepted last, so that the next request is
 * spared the hashing. Wiped when the connection ends; worthless when the tokens were read anew.
 */
struct connection {
	struct client client;
	struct http_server *server;
	struct exchange *exchange; /* between on_uri and on_completed; NULL = none */
	int64_t generation;        /* of the tokens; 0 = nothing remembered */
	int64_t until;             /* then it is looked up again, which notes its use */
	enum token_role role;
	bool basic; /* the header is of the scheme Basic, which most routes refuse */
	char actor[ACTOR_SIZE];
	char header[256];
};

/* The request headers that are looked at, NULL where missing; they live as long as the request. */
struct headers {
	const char *host;
	const char *authorization;
	const char *accept;
	const char *accept_encoding;
	const char *content_type;
	const char *content_length;
	const char *transfer_encoding;
	const char *if_match;
	const char *if_none_match;
	const char *idempotency_key;
	const char *last_event_id;
	bool query;        /* there is a query */
	const char *fault; /* NULL, or what makes them unfit to tell where the request ends */
};

/*
 * One request from its first line to the last byte of the reply. Used by one pool thread at a time. Made at every request,
 * so only what stands before `refused` is cleared.
 */
struct exchange {
	struct req req; /* first: handlers get its address */
	struct http_server *server;
	struct MHD_Connection *connection;
	struct picture *picture;
	struct headers headers;
	struct buf body;
	json_t *json;
	size_t received;
	bool begun;
	bool timed; /* times_add was called already */
	bool head;
	bool options;
	bool uri_too_long;
	bool uri_has_nul;
	bool uri_has_slash;    /* an escaped one in its path */
	const char *uri_end;   /* where libmicrohttpd's text of the address ends */
	const char *version;   /* "HTTP/1.1" */
	bool close;            /* what follows this request cannot be trusted: answer at once, then close */
	const char *challenge; /* WWW-Authenticate of a 401 */
	int retry_after;       /* seconds; 0 = the usual second */
	/* A reply that may only leave when its transaction is committed: server/idempotency.c */
	bool holding;
	bool changed;              /* req_changed was called meanwhile */
	bool tokens_changed;       /* req_tokens_changed too */
	struct MHD_Response *held; /* owned while it is held */
	char *held_body;           /* its bytes, borrowed from it */
	const char *method;
	int status;
	int64_t started_us;
	char id[REQUEST_ID_SIZE];
	char actor[ACTOR_SIZE];
	enum err refusal; /* ERR_OK = the handler answers; else this does, once the body was swallowed */

	struct error refused; /* filled with `refusal` */
	char allow[64];       /* Allow of a 405 and of OPTIONS; "" at request_check */
	char path[200];       /* for the log, cut */
	char key[REQ_KEY_SIZE];
};
#define EXCHANGE_CLEARED offsetof(struct exchange, refused)

static inline struct exchange *exchange_of(struct req *r)
{
	return (struct exchange *)r;
}

/* What on_connection made; NULL when it was out of memory. */
static inline struct connection *connection_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* http_events.c: all listeners of /v1/events, and the thread that wakes them. */
struct listeners;
struct listeners *listeners_new(struct http_server *); /* NULL when out of memory or threads */
/* Wakes every listener and lets it end; no new one is taken on. */
void listeners_close(struct listeners *);
void listeners_free(struct listeners *); /* after the daemon has ended; NULL is fine */
/* A response that follows the stream, which is taken over. NULL with `e` filled. */
struct MHD_Response *listeners_add(struct listeners *, struct exchange *, const struct stream *,
				   struct error *e);

/* http.c: the thread begins something of ours that work_end ends; see http_pulses. */
struct pulse *work_begin(struct http_server *);
void work_end(struct pulse *);

/* http_times.c: a finished request, or one whose reply has begun and has no end. */
void times_add(struct exchange *x);

/* http_request.c: every check before the handler; fills x->headers, x->refusal, x->req.route, x->allow. */
void request_check(struct exchange *x, const char *url);

/* The weight of "TYPE;...;q=0.5" from behind the type, 1 where it has none (RFC 9110 12.4.2). */
double header_weight(const char *parameters, size_t len);

/* http_encoding.c: whether Accept-Encoding (NULL = missing) takes gzip and likes nothing better. */
bool encoding_prefers_gzip(const char *header);
/* How hard to try: for what is sent many times, or once. */
enum gzip_effort { GZIP_ONCE, GZIP_EACH };
/* malloc'ed, *ret_len bytes, the same for the same data; NULL when out of memory. */
char *encoding_gzip(const char *data, size_t len, enum gzip_effort effort, size_t *ret_len);
/* The other way, of bytes that are our own; malloc'ed, NULL when out of memory. */
char *encoding_plain(const char *gzip, size_t len, size_t *ret_len);

/* http_reply.c */
struct done *reply_refusal(struct exchange *x);
struct done *reply_options(struct exchange *x);
/* Sends the held reply; drops it. */
struct done *reply_release(struct exchange *x);
void reply_drop(struct exchange *x);
/* A reply from the store, once more. */
struct done *reply_kept(struct exchange *x, struct kept_reply *reply);
void page_slot_init(struct page_slot *);
void page_slot_close(struct page_slot *);

/* idempotency.c: 1 to 255 visible ASCII characters; and the answer to a POST that came with such a key. */
bool idempotency_key_valid(const char *key);
struct done *idempotent_answer(struct exchange *x);

/* dry_run.c: whether the query asks for one (ERR_BAD_REQUEST where it says neither true nor false); and its answer. */
enum err dry_run_asked(struct exchange *x, bool *ret, struct error *e);
struct done *dry_run_answer(struct exchange *x);

#endif

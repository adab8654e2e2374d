/* Inside of the HTTP faces: one request, its reply, and what the faces share. All under the server's lock. */
#ifndef BURSTD_TESTS_WORLD_HTTP_INTERNAL_H
#define BURSTD_TESTS_WORLD_HTTP_INTERNAL_H

#include <jansson.h>
#include <microhttpd.h>
#include <openssl/evp.h>
#include <pthread.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "tests/world/http.h"
#include "tests/world/internal.h"

#define BODY_MOST   (1024 * 1024)
#define ANSWER_MOST (256u * 1024 * 1024)
#define TOKENS_MOST 64

struct bearer {
	char token[65];
	int64_t expires_at;
};

struct world_http {
	struct world *world;
	struct world_http_options options;
	const struct clock *clock;
	pthread_mutex_t lock;
	struct MHD_Daemon *daemons[WORLD_FACES];
	struct door {
		struct world_http *server;
		enum world_face face;
	} doors[WORLD_FACES];
	char urls[WORLD_FACES][64];
	struct bucket infinity_rate; /* 1,000 requests a minute */
	int64_t infinity_requests;
	int64_t infinity_forbidden; /* PUT, or DELETE on a list: what would empty a platform */
	int64_t ec2_requests;
	int64_t ec2_unsigned; /* requests refused for their signature or keys */
	int ec2_page;         /* reservations in a page at most; 0 = as asked */
	bool session_expired;
	struct bearer bearers[TOKENS_MOST];
	size_t n_bearers;
	char oauth_client[64];
	EVP_PKEY *oauth_key; /* public half is enough */
};

struct request {
	struct world_http *server;
	struct world *world;
	enum world_face face;
	struct MHD_Connection *connection;
	const char *method;
	const char *path;
	struct buf body;
};

struct reply {
	int status;
	const char *type; /* content type */
	struct buf body;
	char location[256];
	const char *allow;
	char request_id[UUID_SIZE];
	int64_t delay_ms;
	bool drop; /* no answer: the connection is closed */
};

/* One a face. */
void infinity_serve(struct request *, struct reply *);
void ec2_serve(struct request *, struct reply *);
void control_serve(struct request *, struct reply *);

const char *request_header(const struct request *, const char *name); /* NULL = none */
const char *request_query(const struct request *, const char *name);
void reply_json(struct reply *, int status, json_t *); /* consumes the value */
void reply_html(struct reply *, int status);

/* http_location.c: POST (id 0) or PATCH of a location, and DELETE; `id` is there. */
void location_write(struct request *, int64_t id, struct reply *);
void location_remove(struct request *, int64_t id, struct reply *);

/* http_oauth.c: POST /oauth/token/, and whether a request carries a token that was given out. */
void oauth_token(struct request *, struct reply *);
bool oauth_bearer_valid(struct request *, const char *token);
/* A new client: JSON with client_id and private_key_jwt. */
json_t *oauth_new_client(struct world_http *);

/* http_sigv4.c: *ret_region is the world's region in the scope. */
struct verdict sigv4_verify(struct request *, int32_t *ret_region);

/* http_form.c: application/x-www-form-urlencoded. */
struct form_field {
	const char *name, *value;
};
struct form {
	char *text; /* decoded in place */
	struct form_field *fields;
	size_t n;
};
/* false: broken percent-encoding. form_free in any case. */
bool form_parse(struct form *, const char *body, size_t len);
void form_free(struct form *);
const char *form_get(const struct form *, const char *name); /* NULL = none */

#endif

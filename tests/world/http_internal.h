/* Inside of the HTTP faces: one request, its reply, and what the faces share. All under the server's lock. */
#ifndef BURSTD_TESTS_WORLD_HTTP_INTERNAL_H
#define BURSTD_TESTS_WORLD_HTTP_INTERNAL_H

#include <jansson.h>
#include <microhttpd.h>
#include <openssl/evp.h>
#include <pthread.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "clients/transport.h"
#include "tests/world/http.h"
#include "tests/world/internal.h"

#define BODY_MOST   (1024 * 1024)
#define ANSWER_MOST (256u * 1024 * 1024)
#define TOKENS_MOST 64

/* What a pair of keys may do (control command policy). */
enum policy {
	SCOPE_TAGGED, /* everything, but start and stop only of what carries the tag, or the mark of an operation */
	SCOPE_BURSTING,  /* the guide's policy: Describe*, start and stop of what carries the tag */
	SCOPE_LIFECYCLE, /* everything */
};
#define POLICIES (SCOPE_LIFECYCLE + 1)

/* Configuration that Infinity only keeps (http_objects.c). */
#define OBJECTS(X)                                                                                           \
	X(DNS_SERVER, "dns_server")                                                                          \
	X(NTP_SERVER, "ntp_server")                                                                          \
	X(LICENCE, "licence")                                                                                \
	X(TLS_CERTIFICATE, "tls_certificate")                                                                \
	X(CONFERENCE, "conference")                                                                          \
	X(CONFERENCE_ALIAS, "conference_alias")                                                              \
	X(MANAGEMENT_VM, "management_vm")                                                                    \
	X(GLOBAL, "global")
enum object_kind {
#define X(name, text) OBJECT_##name,
	OBJECTS(X)
#undef X
		OBJECT_KINDS
};

struct bearer {
	char token[65];
	int64_t expires_at;
};

struct world_http {
	struct world *world;
	struct world_http_options options;
	const struct clock *clock;
	struct clock own_clock; /* the world's own time */
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
	int64_t ec2_unsigned;    /* requests refused for their signature or keys */
	int ec2_page;            /* reservations in a page at most; 0 = as asked */
	enum policy scopes[2];   /* of the two pairs of keys */
	struct failing {         /* control command fail_next */
		char action[64]; /* EC2's; "" = a path of Infinity or of the bootstrap face */
		char path[128];  /* part of it */
		char method[8];  /* "" = any */
		char code[64];
		char field[64]; /* that Infinity's refusal names; "" = none */
		int status;
		int skip; /* so many pass before */
		int times;
		enum failing_how { FAIL_ANSWER, FAIL_DROP, FAIL_LOST, FAIL_LATE } how;
	} * failing;
	size_t n_failing, cap_failing;
	json_t *objects[OBJECT_KINDS]; /* http_objects.c: arrays */
	int64_t last_object;           /* ids given out */
	bool session_expired;
	struct bearer bearers[TOKENS_MOST];
	size_t n_bearers;
	char oauth_client[64];
	EVP_PKEY *oauth_key; /* public half is enough */
};

/* application/x-www-form-urlencoded (http_form.c), and any other list of names and values. */
struct form_field {
	const char *name, *value;
};
struct form {
	char *text; /* owned; decoded in place */
	struct form_field *fields;
	size_t n, cap;
};
/* false: broken percent-encoding. form_free in any case. */
bool form_parse(struct form *, const char *body, size_t len);
void form_add(struct form *, const char *name, const char *value); /* borrows both; NULL value = "" */
void form_free(struct form *);
const char *form_get(const struct form *, const char *name); /* NULL = none */

/* One request, however it came: over a socket (http.c) or in memory (transport.c). */
struct request {
	struct world_http *server;
	struct world *world;
	enum world_face face;
	struct MHD_Connection *connection; /* NULL = in memory */
	const char *method;
	const char *path;
	struct form headers, query;  /* query is decoded */
	const char *user, *password; /* Basic authentication; NULL = none */
	const struct http_call
		*call; /* in memory: EC2's keys are compared, not signatures. NULL = over a socket */
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

/* Under the lock and at the present: hands the request to its face. */
void world_http_serve(struct request *, struct reply *);

/* One a face. */
void infinity_serve(struct request *, struct reply *);
void ec2_serve(struct request *, struct reply *);
void control_serve(struct request *, struct reply *);
void bootstrap_serve(struct request *, struct reply *);

const char *request_header(const struct request *, const char *name); /* NULL = none */
const char *request_query(const struct request *, const char *name);
void reply_json(struct reply *, int status, json_t *); /* consumes the value */
void reply_html(struct reply *, int status);

/* http_objects.c. */
void objects_seed(struct world_http *); /* those that a platform has; those that were there are gone */
void objects_free(struct world_http *);

/*
 * http_failing.c: what the control command fail_next wants of this request, once more done; NULL = nothing. `action` is EC2's,
 * NULL for the other faces.
 */
const struct failing *failing_take(const struct request *, const char *action);

/* http_location.c: as GET shows it; POST (id 0) or PATCH of a location, and DELETE; `id` is there. */
json_t *location_object(const struct world *, const struct site *);
void location_write(struct request *, int64_t id, json_t *body, struct reply *);
void location_remove(struct request *, int64_t id, struct reply *);

/* http_oauth.c: POST /oauth/token/, and whether a request carries a token that was given out. */
void oauth_token(struct request *, struct reply *);
bool oauth_bearer_valid(struct request *, const char *token);
/* A new client: JSON with client_id and private_key_jwt. */
json_t *oauth_new_client(struct world_http *);

/* http_sigv4.c: *ret_region is the world's region in the scope, *ret_key the pair of keys: index of world_http.scopes. */
struct verdict sigv4_verify(struct request *, int32_t *ret_region, int *ret_key);

#endif

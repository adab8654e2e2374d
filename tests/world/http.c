/*
 * Three daemons and one lock. A thread a connection, so that a slow answer delays nobody else: it sleeps outside the lock.
 */
#include "tests/world/http_internal.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

struct world_http_options world_http_options_default(void)
{
	return (struct world_http_options){.user = "admin",
					   .password = "world-password",
					   .access_key = "AKIAWORLDEXAMPLE0001",
					   .secret_key = "world/secret+key/EXAMPLEONLY0123456789abcd",
					   .lifecycle_access_key = "AKIAWORLDEXAMPLE0002",
					   .lifecycle_secret_key =
						   "lifecycle/secret+EXAMPLEONLY0123456789abc"};
}

const char *request_header(const struct request *r, const char *name)
{
	for (size_t i = 0; i < r->headers.n; i++)
		if (!strcasecmp(r->headers.fields[i].name, name))
			return r->headers.fields[i].value;
	return NULL;
}

const char *request_query(const struct request *r, const char *name)
{
	return form_get(&r->query, name);
}

void reply_json(struct reply *reply, int status, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	json_decref(value);
	if (!text)
		abort();
	reply->status = status;
	reply->type = "application/json";
	buf_puts(&reply->body, text);
	free(text);
}

void reply_html(struct reply *reply, int status)
{
	reply->status = status;
	reply->type = "text/html; charset=utf-8";
	buf_puts(&reply->body,
		 "<!DOCTYPE html><html><head><title>Server Error</title></head>"
		 "<body><h1>Server Error</h1><p>Something went wrong &amp; was logged.</p></body></html>");
}

void world_http_serve(struct request *r, struct reply *reply)
{
	void (*const faces[WORLD_FACES])(struct request *, struct reply *) = {infinity_serve, ec2_serve,
									      control_serve, bootstrap_serve};

	pthread_mutex_lock(&r->server->lock);
	world_advance(r->world, clock_now(r->server->clock));
	faces[r->face](r, reply);
	pthread_mutex_unlock(&r->server->lock);
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
	if (value && *value)
		(void)MHD_add_response_header(response, name, value);
}

static enum MHD_Result send_reply(struct request *r, struct reply *reply)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		reply->body.len, reply->body.data ? reply->body.data : (void *)(uintptr_t) "",
		MHD_RESPMEM_MUST_COPY);

	if (!response)
		return MHD_NO;
	add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
	add_header(response, MHD_HTTP_HEADER_LOCATION, reply->location);
	add_header(response, MHD_HTTP_HEADER_ALLOW, reply->allow);
	add_header(response, "x-amzn-RequestId", reply->request_id);

	enum MHD_Result result = MHD_queue_response(r->connection, (unsigned)reply->status, response);

	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result take_field(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	form_add(cls, name, value);
	return MHD_YES;
}

static enum MHD_Result answer(struct request *r)
{
	struct reply reply = {.status = 200, .body = BUF_INIT(ANSWER_MOST)};
	enum MHD_Result result = MHD_NO;
	char *password = NULL;
	char *user = MHD_basic_auth_get_username_password(r->connection, &password);

	r->user = user;
	r->password = password;
	MHD_get_connection_values(r->connection, MHD_HEADER_KIND, take_field, &r->headers);
	MHD_get_connection_values(r->connection, MHD_GET_ARGUMENT_KIND, take_field, &r->query);
	world_http_serve(r, &reply);
	MHD_free(user);
	MHD_free(password);
	if (reply.delay_ms > 0)
		nanosleep(&(struct timespec){reply.delay_ms / 1000, reply.delay_ms % 1000 * 1000000}, NULL);
	if (!reply.drop)
		result = send_reply(r, &reply);
	buf_free(&reply.body);
	return result;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *data, size_t *size,
				  void **state)
{
	const struct door *door = cls;
	struct request *r = *state;

	(void)version;
	if (!r) {
		r = calloc(1, sizeof(*r));
		if (!r)
			return MHD_NO;
		*r = (struct request){.server = door->server,
				      .world = door->server->world,
				      .face = door->face,
				      .connection = connection,
				      .body = BUF_INIT(BODY_MOST)};
		*state = r;
		return MHD_YES;
	}
	if (*size) {
		buf_append(&r->body, data, *size);
		*size = 0;
		return MHD_YES;
	}
	r->method = method;
	r->path = url;
	return answer(r);
}

static void on_done(void *cls, struct MHD_Connection *connection, void **state,
		    enum MHD_RequestTerminationCode why)
{
	struct request *r = *state;

	(void)cls;
	(void)connection;
	(void)why;
	if (!r)
		return;
	buf_free(&r->body);
	form_free(&r->headers);
	form_free(&r->query);
	free(r);
	*state = NULL;
}

static bool open_door(struct world_http *h, enum world_face face)
{
	bool tls = h->options.tls_cert && face != WORLD_FACE_CONTROL;
	unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL;
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(h->options.ports[face]),
				      .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct MHD_OptionItem tls_items[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)h->options.tls_cert},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)h->options.tls_key},
		{MHD_OPTION_END, 0, NULL}};

	h->doors[face] = (struct door){h, face};
	h->daemons[face] =
		MHD_start_daemon(flags | (tls ? MHD_USE_TLS : 0), 0, NULL, NULL, on_request, &h->doors[face],
				 MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL,
				 MHD_OPTION_CONNECTION_TIMEOUT, 60u, MHD_OPTION_ARRAY,
				 tls ? tls_items : &tls_items[2], MHD_OPTION_END);
	if (!h->daemons[face]) {
		(void)fprintf(stderr, "world: cannot listen on 127.0.0.1:%u\n", h->options.ports[face]);
		return false;
	}
	(void)snprintf(h->urls[face], sizeof(h->urls[face]), "%s://127.0.0.1:%u", tls ? "https" : "http",
		       MHD_get_daemon_info(h->daemons[face], MHD_DAEMON_INFO_BIND_PORT)->port);
	return true;
}

/* The key of a client that was given by the options. */
static bool load_oauth(struct world_http *h)
{
	if (!h->options.oauth_client)
		return true;
	BIO *bio = BIO_new_mem_buf(h->options.oauth_public ? h->options.oauth_public : "", -1);

	h->oauth_key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	(void)snprintf(h->oauth_client, sizeof(h->oauth_client), "%s", h->options.oauth_client);
	return h->oauth_key != NULL;
}

/* The texts of the options, which the server owns copies of. */
/* clang-format off */
#define OPTION_TEXTS(X) \
	X(user) \
	X(password) \
	X(access_key) \
	X(secret_key) \
	X(session_token) \
	X(lifecycle_access_key) \
	X(lifecycle_secret_key) \
	X(oauth_client) \
	X(oauth_public) \
	X(tls_cert) \
	X(tls_key)
/* clang-format on */

static void own_options(struct world_http_options *o)
{
#define X(field) o->field = o->field ? strdup(o->field) : NULL;
	OPTION_TEXTS(X)
#undef X
}

static void free_options(struct world_http_options *o)
{
#define X(field) free((void *)(uintptr_t)o->field);
	OPTION_TEXTS(X)
#undef X
}

static struct world_http *http_new(struct world *w, const struct world_http_options *o,
				   const struct clock *otherwise)
{
	struct world_http *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->world = w;
	h->options = *o;
	h->own_clock = world_clock(w);
	h->clock = o->clock ? o->clock : otherwise ? otherwise : &h->own_clock;
	h->infinity_rate = (struct bucket){1000, world_now(w)};
	h->scopes[1] = SCOPE_LIFECYCLE;
	pthread_mutex_init(&h->lock, NULL);
	own_options(&h->options);
	if (!w->n_regions)
		(void)region_get(w, "eu-west-1"); /* where instances can be launched */
	objects_seed(h);
	return h;
}

struct world_http *world_http_start(struct world *w, const struct world_http_options *o)
{
	struct world_http *h = http_new(w, o, &clock_system);
	bool ok = h && load_oauth(h);

	for (int face = 0; ok && face < WORLD_FACES; face++)
		ok = open_door(h, (enum world_face)face);
	if (ok)
		return h;
	world_http_stop(h);
	return NULL;
}

struct world_http *world_http_new_silent(struct world *w, const struct world_http_options *o)
{
	static const char *const names[WORLD_FACES] = {"infinity", "ec2", "control", "bootstrap"};
	struct world_http *h = http_new(w, o, NULL);

	for (int face = 0; h && face < WORLD_FACES; face++)
		(void)snprintf(h->urls[face], sizeof(h->urls[face]), "http://%s.world", names[face]);
	if (h && load_oauth(h))
		return h;
	world_http_stop(h);
	return NULL;
}

void world_http_stop(struct world_http *h)
{
	if (!h)
		return;
	for (int face = 0; face < WORLD_FACES; face++)
		if (h->daemons[face])
			MHD_stop_daemon(h->daemons[face]);
	free_options(&h->options);
	EVP_PKEY_free(h->oauth_key);
	objects_free(h);
	free(h->failing);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

const char *world_http_url(const struct world_http *h, enum world_face face)
{
	return h->urls[face];
}

void world_http_locked(struct world_http *h, void (*fn)(struct world *, void *arg), void *arg)
{
	pthread_mutex_lock(&h->lock);
	world_advance(h->world, clock_now(h->clock));
	fn(h->world, arg);
	pthread_mutex_unlock(&h->lock);
}

/*
 * Shared by the tests of the HTTP side: a real server on a free loopback port over a store in a directory of its own, a
 * picture that the test may replace, and a client that says exactly what it is told to.
 */
#ifndef BURSTD_TESTS_UNIT_HTTP_FIXTURE_H
#define BURSTD_TESTS_UNIT_HTTP_FIXTURE_H

#define _GNU_SOURCE /* strcasestr, nftw: include this file first */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <ftw.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "handlers/sink_memory.h"
#include "server/auth.h"
#include "server/http.h"
#include "server/stores.h"

#define ANSWER_MAX (4 * 1024 * 1024)
#define NOW_MS     1767250800000LL /* 2026-01-01T07:00:00Z */

static const uint8_t fixture_key[SECRET_KEY_SIZE] = "0123456789abcdef0123456789abcde";

struct fixture {
	char dir[200];
	char token[64];    /* admin */
	char operator[64]; /* made by fixture_token */
	struct config *config;
	struct stores *stores;
	struct http_server *server;
	struct tallies *tallies;
	pthread_mutex_t lock; /* picture */
	struct picture *picture;
	struct clock clock;
	_Atomic int64_t now;
	_Atomic int wakes;
	_Atomic int hints;
	struct sink_memory *sink;
};

struct answer {
	int status;
	char *head; /* status line and headers, each line with its CRLF */
	char *body;
	size_t body_len;
	json_t *json; /* NULL where the body is none */
};

static inline void answer_free(struct answer *a)
{
	json_decref(a->json);
	free(a->head);
}

static int64_t fixture_now(void *self)
{
	struct fixture *f = self;

	return atomic_load(&f->now);
}

static struct picture *fixture_picture(void *self)
{
	struct fixture *f = self;
	struct picture *p;

	(void)pthread_mutex_lock(&f->lock);
	p = picture_ref(f->picture);
	(void)pthread_mutex_unlock(&f->lock);
	return p;
}

static void fixture_wake(void *self)
{
	struct fixture *f = self;

	(void)atomic_fetch_add(&f->wakes, 1);
}

static void fixture_hint(void *self)
{
	struct fixture *f = self;

	(void)atomic_fetch_add(&f->hints, 1);
}

/* A picture without anything in it; the caller's reference. */
static inline struct picture *picture_empty(int64_t seq)
{
	struct arena *arena = arena_new(1 << 20);
	struct picture *p = arena_alloc(arena, sizeof *p);

	p->arena = arena;
	p->references = 1;
	p->seq = seq;
	p->made_at = NOW_MS;
	p->settings = bursting_defaults;
	p->params = burst_params_make(&bursting_defaults, 1);
	p->tag_value = "";
	return p;
}

/* Takes over `p` as the published picture. */
static inline void fixture_publish(struct fixture *f, struct picture *p)
{
	struct picture *old;

	(void)pthread_mutex_lock(&f->lock);
	old = f->picture;
	f->picture = p;
	(void)pthread_mutex_unlock(&f->lock);
	picture_unref(old);
}

/* The main thread's connection. */
static inline struct store *fixture_store(struct fixture *f)
{
	struct error e;
	struct store *store = stores_get(f->stores, &e);

	if (!store)
		fail_msg("store: %s", e.detail);
	return store;
}

static inline void fixture_token(struct fixture *f, const char *name, enum token_role role, char ret[64])
{
	struct error e;

	if (store_token_create(fixture_store(f), name, role, NOW_MS, ret, &e))
		fail_msg("token: %s", e.detail);
}

/* Starts a server over `routes`; `env` is one more "BURSTD_NAME=value", or NULL. */
static inline struct fixture *fixture_start(const struct route_table *routes, const char *env)
{
	struct fixture *f = calloc(1, sizeof *f);
	const char *parent = getenv("TMPDIR");
	char listen[] = "BURSTD_LISTEN=127.0.0.1:0", state[240], path[240];
	char name[] = "burstd", level[] = "BURSTD_LOG_LEVEL=error";
	char *argv[] = {name, NULL}, *envp[] = {listen, state, level, (char *)(uintptr_t)env, NULL};
	struct error e = {0};
	struct app app;

	(void)snprintf(f->dir, sizeof f->dir, "%s/burstd-http-XXXXXX", parent ? parent : P_tmpdir);
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(state, sizeof state, "BURSTD_STATE_DIR=%s", f->dir);
	(void)snprintf(path, sizeof path, "%s/burstd.db", f->dir);
	if (config_load(1, argv, envp, &f->config, &e))
		fail_msg("config: %s", e.detail);
	log_setup(config_log_level(f->config), false);
	f->stores = stores_new(path, fixture_key);
	(void)pthread_mutex_init(&f->lock, NULL);
	atomic_init(&f->now, NOW_MS);
	f->clock = (struct clock){.now_ms = fixture_now, .self = f};
	f->picture = picture_empty(1);
	f->sink = sink_memory_new();
	fixture_token(f, "root", TOKEN_ADMIN, f->token);
	f->tallies = tallies_new(NULL, 0);
	app = (struct app){.config = f->config,
			   .tallies = f->tallies,
			   .clock = &f->clock,
			   .picture = fixture_picture,
			   .wake = fixture_wake,
			   .hint = fixture_hint,
			   .sink = f->sink,
			   .self = f,
			   .store = stores_get,
			   .store_self = f->stores};
	if (http_start(&app, routes, &f->server, &e))
		fail_msg("http: %s", e.detail);
	return f;
}

static int fixture_remove(const char *path, const struct stat *s, int kind, struct FTW *ftw)
{
	(void)s;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static inline void fixture_stop(struct fixture *f)
{
	http_stop(f->server);
	stores_free(f->stores);
	tallies_free(f->tallies);
	picture_unref(f->picture);
	sink_memory_free(f->sink);
	config_free(f->config);
	(void)pthread_mutex_destroy(&f->lock);
	(void)nftw(f->dir, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
}

/* --- the client ---------------------------------------------------------------------------------------------- */

static inline int client_connect(const struct fixture *f)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)http_port(f->server))};
	const struct timeval limit = {.tv_sec = 20};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

/* Sends all of it; what the server does not want to read any more is left. */
static inline void client_send(int fd, const char *data, size_t len)
{
	ssize_t n;

	for (; len > 0; data += n, len -= (size_t)n) {
		n = send(fd, data, len, MSG_NOSIGNAL);
		if (n <= 0)
			return;
	}
}

static inline long header_number(const char *head, const char *name)
{
	const char *place = strcasestr(head, name);

	return place ? strtol(place + strlen(name), NULL, 10) : -1;
}

/* Reads one reply; the connection stays open. `headless` = reply to a HEAD. Status 0 = none came. */
static inline struct answer client_read(int fd, bool headless)
{
	struct answer a = {.head = calloc(1, ANSWER_MAX)};
	size_t len = 0, want = SIZE_MAX;
	char *end = NULL;
	ssize_t n = 1;
	long declared;

	while (len < want && len + 1 < ANSWER_MAX &&
	       (n = recv(fd, a.head + len, ANSWER_MAX - 1 - len, 0)) > 0) {
		len += (size_t)n;
		end = end ? end : strstr(a.head, "\r\n\r\n");
		if (!end || want != SIZE_MAX)
			continue;
		declared = header_number(a.head, "\r\nContent-Length: ");
		want = (size_t)(end + 4 - a.head) + (headless || declared < 0 ? 0 : (size_t)declared);
	}
	if (!end)
		return a;
	a.status = (int)strtol(a.head + strlen("HTTP/1.1 "), NULL, 10);
	end[2] = '\0';
	a.body = end + 4;
	a.body_len = len - (size_t)(a.body - a.head);
	a.json = a.body_len ? json_loadb(a.body, a.body_len, JSON_DECODE_ANY, NULL) : NULL;
	return a;
}

/*
 * One request on a connection of its own. `headers` has a CRLF after each line; token NULL = none, body NULL = none. PATCH,
 * PUT and DELETE say "If-Match: *" where `headers` say nothing of it.
 */
static inline struct answer ask_as(struct fixture *f, const char *token, const char *method, const char *path,
				   const char *headers, const char *body, size_t body_len)
{
	size_t size = 1024 + strlen(path) + (headers ? strlen(headers) : 0);
	bool changes = !strcmp(method, "PATCH") || !strcmp(method, "PUT") || !strcmp(method, "DELETE");
	char *request = malloc(size);
	int fd = client_connect(f);
	struct answer a;
	int n;

	n = snprintf(request, size, "%s %s HTTP/1.1\r\n%s%s%s%s%s%s", method, path,
		     changes && !(headers && strcasestr(headers, "If-Match:")) ? "If-Match: *\r\n" : "",
		     headers && strcasestr(headers, "Host:") ? "" : "Host: 127.0.0.1\r\n",
		     token ? "Authorization: Bearer " : "", token ? token : "", token ? "\r\n" : "",
		     headers ? headers : "");
	if (body)
		n += snprintf(request + n, size - (size_t)n, "%sContent-Length: %zu\r\n",
			      headers && strcasestr(headers, "Content-Type:")
				      ? ""
				      : "Content-Type: application/json\r\n",
			      body_len);
	n += snprintf(request + n, size - (size_t)n, "\r\n");
	client_send(fd, request, (size_t)n);
	if (body)
		client_send(fd, body, body_len);
	a = client_read(fd, strcmp(method, "HEAD") == 0);
	(void)close(fd);
	free(request);
	return a;
}

static inline struct answer ask(struct fixture *f, const char *method, const char *path, const char *headers,
				const char *body)
{
	return ask_as(f, f->token, method, path, headers, body, body ? strlen(body) : 0);
}

/* The value of a reply's header into `out`, "" where it is missing. */
static inline const char *answer_header(const struct answer *a, const char *name, char out[200])
{
	char wanted[80];
	const char *place;

	(void)snprintf(wanted, sizeof wanted, "\r\n%s: ", name);
	place = strcasestr(a->head, wanted);
	(void)snprintf(out, 200, "%.*s", place ? (int)strcspn(place + strlen(wanted), "\r") : 0,
		       place ? place + strlen(wanted) : "");
	return out;
}

/* A text at a path of keys and indexes: "errors.0.pointer"; "" where there is none. */
static inline json_t *at(const struct answer *a, const char *path)
{
	json_t *v = a->json;
	char step[64];
	size_t len;

	while (v && *path) {
		len = strcspn(path, ".");
		(void)snprintf(step, sizeof step, "%.*s", (int)len, path);
		v = json_is_array(v) ? json_array_get(v, strtoul(step, NULL, 10)) : json_object_get(v, step);
		path += path[len] ? len + 1 : len;
	}
	return v;
}

static inline const char *text_at(const struct answer *a, const char *path)
{
	const char *text = json_string_value(at(a, path));

	return text ? text : "";
}

static inline void expect(const struct answer *a, int status)
{
	if (a->status != status)
		fail_msg("status %d instead of %d: %s", a->status, status, a->body ? a->body : "(no reply)");
}

/* Asks, and expects a problem with this status and slug; `pointer` NULL = without errors. */
static inline void expect_problem(struct answer a, int status, const char *slug, const char *pointer)
{
	char media[200];

	expect(&a, status);
	assert_string_equal(answer_header(&a, "Content-Type", media), "application/problem+json");
	assert_string_equal(text_at(&a, "type"), slug);
	assert_int_equal(json_integer_value(at(&a, "status")), status);
	assert_int_equal(strlen(text_at(&a, "instance")), 16);
	assert_true(strlen(text_at(&a, "title")) > 0 && strlen(text_at(&a, "detail")) > 0);
	if (pointer)
		assert_string_equal(text_at(&a, "errors.0.pointer"), pointer);
	else
		assert_null(at(&a, "errors"));
	answer_free(&a);
}

#endif

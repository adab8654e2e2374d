/*
 * A scripted Management Node for the Infinity client's tests: routes by method and path, each answering a number of
 * times, with every request recorded. Header only; one test program includes it once.
 */
#ifndef BURSTD_TESTS_UNIT_INFINITY_FAKE_H
#define BURSTD_TESTS_UNIT_INFINITY_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "clients/infinity/client.h"
#include "clients/infinity/list.h"
#include "clients/infinity/parse.h"

#define BASE "https://manager.example.com"
#define API  "/api/admin/"
/* 2025-11-04T09:12:40Z */
#define START_MS 1762247560000LL

struct route {
	enum http_method method;
	const char *path; /* what follows BASE */
	int status;       /* 0 = no answer arrives */
	const char *body;
	const char *content_type; /* NULL = application/json */
	const char *location;     /* NULL = no such header */
	int times;                /* 0 = for ever */
	long retry_after_ms;
	int used;
};

struct sent {
	enum http_method method;
	char url[1200];
	char body[4096];
	char authorization[3000];
	char user[64];
	bool once;
	bool secret_answer;
	size_t answer_max;
};

struct fake {
	struct route routes[64];
	size_t n_routes;
	struct sent sent[1000];
	size_t n_sent;
	int64_t now;
	int64_t date_ms;    /* Date header, 0 = none */
	int64_t round_trip; /* each exchange takes this long */
	int64_t pauses[16];
	size_t n_pauses;
	/* Answers first when set; returns a body to be freed, NULL = none. */
	char *(*make)(const char *path);
	struct clock clock;
};

static int64_t fake_now(void *self)
{
	return ((struct fake *)self)->now;
}

static void fake_pause(void *self, int64_t ms)
{
	struct fake *f = self;

	assert_true(f->n_pauses < ARRAY_LEN(f->pauses));
	f->pauses[f->n_pauses++] = ms;
}

static void fake_record(struct fake *f, const struct http_call *call)
{
	struct sent *s = &f->sent[f->n_sent++];

	assert_true(f->n_sent < ARRAY_LEN(f->sent));
	s->method = call->method;
	s->once = call->once;
	s->secret_answer = call->secret_answer;
	s->answer_max = call->answer_max;
	(void)snprintf(s->url, sizeof s->url, "%s", call->url);
	(void)snprintf(s->body, sizeof s->body, "%s", call->body ? call->body : "");
	assert_int_equal(call->body_len, call->body ? strlen(call->body) : 0);
	(void)snprintf(s->user, sizeof s->user, "%s", call->basic_user ? call->basic_user : "");
	s->authorization[0] = '\0';
	for (const char *const *h = call->headers; h && *h; h++)
		if (strncmp(*h, "Authorization: ", 15) == 0)
			(void)snprintf(s->authorization, sizeof s->authorization, "%s", *h + 15);
	assert_true(call->answer_max > 0);
}

static struct route *fake_find(struct fake *f, enum http_method method, const char *path)
{
	for (size_t i = 0; i < f->n_routes; i++) {
		struct route *r = &f->routes[i];

		if (r->method == method && strcmp(r->path, path) == 0 && (!r->times || r->used < r->times)) {
			r->used++;
			return r;
		}
	}
	return NULL;
}

static bool fake_perform(void *self, const struct http_call *call, struct http_answer *ret,
			 struct upstream_error *e)
{
	struct fake *f = self;
	struct route *r;

	fake_record(f, call);
	f->now += f->round_trip;
	assert_int_equal(strncmp(call->url, BASE, strlen(BASE)), 0);
	const char *path = call->url + strlen(BASE);
	_cleanup_(freep) char *made = f->make ? f->make(path) : NULL;

	r = fake_find(f, call->method, path);
	if (!made && !r)
		fail_msg("not scripted: %s", call->url);
	if (!made && !r->status) {
		upstream_error_set(e, UPSTREAM_RETRY, 0, "timeout", "infinity_unreachable",
				   "Look at the network.", "no answer");
		return false;
	}
	*ret = (struct http_answer){.status = made ? 200 : r->status, .body = BUF_INIT(64 << 20)};
	ret->date_ms = f->date_ms;
	ret->retry_after_ms = made ? 0 : r->retry_after_ms;
	(void)snprintf(ret->content_type, sizeof ret->content_type, "%s",
		       !made && r->content_type ? r->content_type : "application/json");
	(void)snprintf(ret->location, sizeof ret->location, "%s", !made && r->location ? r->location : "");
	if (made || r->body)
		buf_puts(&ret->body, made ? made : r->body);
	return true;
}

/* A new fake; free it. */
static struct fake *fake_new(void)
{
	struct fake *f = calloc(1, sizeof *f);

	assert_non_null(f);
	f->now = START_MS;
	f->clock = (struct clock){.now_ms = fake_now, .self = f};
	return f;
}

static struct route *fake_route(struct fake *f, struct route route)
{
	assert_true(f->n_routes < ARRAY_LEN(f->routes));
	f->routes[f->n_routes] = route;
	return &f->routes[f->n_routes++];
}

static inline void fake_get(struct fake *f, const char *path, const char *body)
{
	fake_route(f, (struct route){.path = path, .status = 200, .body = body});
}

static inline void fake_get_once(struct fake *f, const char *path, int status, const char *body)
{
	fake_route(f, (struct route){.path = path, .status = status, .body = body, .times = 1});
}

static inline struct infinity_client_options fake_options(struct fake *f)
{
	return (struct infinity_client_options){.url = BASE,
						.user = "api",
						.password = "secret-word",
						.transport = {.perform = fake_perform, .self = f},
						.clock = &f->clock,
						.time_scale = 1,
						.pause = fake_pause,
						.pause_self = f};
}

static inline struct infinity_client *fake_client(struct fake *f)
{
	struct infinity_client_options options = fake_options(f);
	struct upstream_error e;
	struct infinity_client *client = infinity_client_new(&options, &e);

	assert_non_null(client);
	return client;
}

static inline size_t fake_count(const struct fake *f, const char *part)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_sent; i++)
		n += strstr(f->sent[i].url, part) != NULL;
	return n;
}

#endif

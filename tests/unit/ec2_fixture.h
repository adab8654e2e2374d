/*
 * Shared by the tests of the EC2 client: a client over a scripted transport, its keys, its limiter, and time that is a counter.
 */
#ifndef BURSTD_TESTS_UNIT_EC2_FIXTURE_H
#define BURSTD_TESTS_UNIT_EC2_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "clients/ec2/ec2.h"
#include "clients/ec2/limiter.h"

#define START_MS 1767323045000 /* 2026-01-02T03:04:05Z */

/* One scripted outcome: an answer, or a failure in transit. */
struct step {
	int status; /* 0 = no answer */
	const char *body;
	const char *content_type;
	int64_t date_ms;
	long retry_after_ms;
};

struct script {
	const struct step *steps;
	size_t n;
	size_t calls;
	size_t answer_max; /* of the last call */
	bool once;
	char bodies[40][4096];
	char url[300];
	char sigv4[100];
	char access_key[130];
	char token_header[300];
};

struct fixture {
	struct script script;
	struct script imds;
	int64_t now;
	int64_t paused;
	int pauses;
	struct clock clock;
	struct credentials *credentials;
	struct ec2_limiter *limiter;
	struct ec2_client *client;
	struct upstream_error e;
};

static bool play(void *self, const struct http_call *call, struct http_answer *ret, struct upstream_error *e)
{
	struct script *s = self;
	const struct step *step = &s->steps[s->calls < s->n ? s->calls : s->n - 1];

	(void)snprintf(s->bodies[s->calls++ % ARRAY_LEN(s->bodies)], sizeof(s->bodies[0]), "%s",
		       call->body ? call->body : call->url);
	s->answer_max = call->answer_max;
	s->once = call->once;
	(void)snprintf(s->url, sizeof(s->url), "%s", call->url);
	(void)snprintf(s->sigv4, sizeof(s->sigv4), "%s", call->sigv4 ? call->sigv4 : "");
	(void)snprintf(s->access_key, sizeof(s->access_key), "%s", call->access_key ? call->access_key : "");
	s->token_header[0] = '\0';
	for (const char *const *h = call->headers; h && *h; h++)
		if (strncmp(*h, "X-Amz-Security-Token", 20) == 0)
			(void)snprintf(s->token_header, sizeof(s->token_header), "%s", *h);
	if (step->status == 0) {
		upstream_error_set(e, UPSTREAM_RETRY, 0, "timeout", "ec2_timeout", "", "no answer");
		return false;
	}
	*ret = (struct http_answer){.status = step->status, .body = BUF_INIT(1 << 20)};
	buf_puts(&ret->body, step->body);
	(void)snprintf(ret->content_type, sizeof(ret->content_type), "%s",
		       step->content_type ? step->content_type : "text/xml;charset=UTF-8");
	ret->date_ms = step->date_ms;
	ret->retry_after_ms = step->retry_after_ms;
	return true;
}

static int64_t fake_now(void *self)
{
	return ((struct fixture *)self)->now;
}

static void fake_pause(void *self, int64_t ms)
{
	struct fixture *f = self;

	f->now += ms;
	f->paused += ms;
	f->pauses++;
}

static struct ec2_client *client_of(struct fixture *f, const char *endpoint)
{
	const struct ec2_client_options o = {
		.region = "eu-west-2",
		.endpoint = endpoint,
		.transport = {.perform = play, .self = &f->script},
		.credentials = f->credentials,
		.limiter = f->limiter,
		.clock = &f->clock,
		.time_scale = 1,
		.pause = fake_pause,
		.pause_self = f,
	};

	return ec2_client_new(&o);
}

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	unsetenv("AWS_ACCESS_KEY_ID");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	unsetenv("AWS_SESSION_TOKEN");
	unsetenv("AWS_PROFILE");
	unsetenv("AWS_EC2_METADATA_DISABLED");
	setenv("HOME", "/nonexistent", 1);
	unsetenv("AWS_SHARED_CREDENTIALS_FILE");
	unsetenv("AWS_CONFIG_FILE");
	f->now = START_MS;
	f->clock = (struct clock){.now_ms = fake_now, .self = f};
	const struct credentials_options keys = {.clock = &f->clock,
						 .transport = {.perform = play, .self = &f->imds}};

	f->credentials = credentials_new(&keys);
	credentials_set_static(f->credentials, "AKIDEXAMPLE", "secret");
	f->limiter = ec2_limiter_new(&f->clock, 1);
	f->client = client_of(f, "http://127.0.0.1:1/{region}/x");
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	ec2_client_free(f->client);
	ec2_limiter_free(f->limiter);
	credentials_free(f->credentials);
	free(f);
	return 0;
}

#define PLAY(f, ...)                                                                                         \
	static const struct step steps_[] = {__VA_ARGS__};                                                   \
	(f)->script.steps = steps_;                                                                          \
	(f)->script.n = ARRAY_LEN(steps_)

#define ERROR(code)                                                                                          \
	"<Response><Errors><Error><Code>" code "</Code><Message>words</Message></Error></Errors></Response>"

#define ROLE_KEYS(id, until)                                                                                 \
	"{\"Code\":\"Success\",\"AccessKeyId\":\"" id "\",\"SecretAccessKey\":\"s\",\"Token\":\"tok/+=\","   \
	"\"Expiration\":\"" until "\"}"

#endif

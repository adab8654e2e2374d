/* A call of the clients handed straight to a face (transport.h). */
#include "tests/world/transport.h"

#include <stdio.h>
#include <string.h>

#include "tests/world/http_internal.h"

#define DEADLINE_MS 20000 /* the transport's own */

static const char *method_text(enum http_method method)
{
	switch (method) {
	case METHOD_GET:
		return "GET";
	case METHOD_POST:
		return "POST";
	case METHOD_PATCH:
		return "PATCH";
	case METHOD_DELETE:
		return "DELETE";
	case METHOD_PUT_IMDS:
		return "PUT";
	}
	abort();
}

/* Splits the copies of "Name: value" where they lie. */
static void take_headers(struct form *f, const char *const *headers)
{
	struct buf all = BUF_INIT(BODY_MOST);

	for (size_t i = 0; headers && headers[i]; i++)
		buf_printf(&all, "%s\n", headers[i]);
	f->text = all.data;

	char *rest = f->text;

	for (char *line; rest && (line = strsep(&rest, "\n")) && *line;) {
		char *value = strchr(line, ':');

		if (!value)
			continue;
		*value++ = '\0';
		form_add(f, line, value + strspn(value, " "));
	}
}

/* The path begins behind the authority; false = the query is broken. */
static bool take_url(struct request *r, const char *url, char *path, size_t size)
{
	const char *authority = strstr(url, "://");
	const char *from = strchr(authority ? authority + 3 : url, '/');
	const char *query;

	(void)snprintf(path, size, "%s", from ? from : "/");
	path[strcspn(path, "?")] = '\0';
	r->path = path;
	query = from ? strchr(from, '?') : NULL;
	return form_parse(&r->query, query ? query + 1 : "", query ? strlen(query + 1) : 0);
}

static bool no_answer(const struct door *door, struct upstream_error *e, const char *code,
		      const char *message)
{
	static const char *const names[WORLD_FACES] = {"infinity", "ec2", "control", "bootstrap"};
	char issue[49];

	(void)snprintf(issue, sizeof(issue), "%s_%s", names[door->face],
		       strcmp(code, "timeout") ? "unreachable" : "timeout");
	upstream_error_set(e, UPSTREAM_RETRY, 0, code, issue, "check the network and the server", "%s: %s",
			   names[door->face], message);
	return false;
}

static void take_reply(struct reply *reply, int64_t now, struct http_answer *ret)
{
	*ret = (struct http_answer){
		.status = reply->status, .body = reply->body, .date_ms = now - now % 1000};
	reply->body = BUF_INIT(0);
	(void)snprintf(ret->content_type, sizeof(ret->content_type), "%s", reply->type ? reply->type : "");
	(void)snprintf(ret->location, sizeof(ret->location), "%s", reply->location);
}

static bool finish(const struct door *door, const struct http_call *call, struct reply *reply,
		   struct http_answer *ret, struct upstream_error *e)
{
	int64_t deadline = call->timeout_ms ? call->timeout_ms : DEADLINE_MS;

	if (reply->drop)
		return no_answer(door, e, "reset", "the connection was closed without an answer");
	if (reply->delay_ms >= deadline)
		return no_answer(door, e, "timeout", "no answer within the time allowed");
	if (call->answer_max && reply->body.len > call->answer_max)
		return no_answer(door, e, "answer_too_large", "the answer is too large");
	take_reply(reply, world_now(door->server->world), ret);
	return true;
}

static bool perform(void *self, const struct http_call *call, struct http_answer *ret,
		    struct upstream_error *e)
{
	const struct door *door = self;
	char path[1024];
	struct reply reply = {.status = 200, .body = BUF_INIT(ANSWER_MOST)};
	struct request r = {.server = door->server,
			    .world = door->server->world,
			    .face = door->face,
			    .method = method_text(call->method),
			    .user = call->basic_user,
			    .password = call->basic_password,
			    .call = call,
			    .body = BUF_INIT(BODY_MOST)};
	bool ok = take_url(&r, call->url, path, sizeof(path));

	take_headers(&r.headers, call->headers);
	if (call->body)
		buf_append(&r.body, call->body, call->body_len);
	if (ok) {
		world_http_serve(&r, &reply);
		ok = finish(door, call, &reply, ret, e);
	} else {
		upstream_error_set(e, UPSTREAM_BUG, 0, "url", "world_url", "", "the query is broken");
	}
	buf_free(&reply.body);
	buf_free(&r.body);
	form_free(&r.headers);
	form_free(&r.query);
	return ok;
}

struct transport world_transport(struct world_http *h, enum world_face face)
{
	h->doors[face] = (struct door){h, face};
	return (struct transport){.perform = perform, .self = &h->doors[face]};
}

/* --- calls that fail --- */

bool world_call_changes(const struct http_call *call)
{
	static const char action[] = "Action=Describe";

	if (call->method == METHOD_GET || strstr(call->url, "/oauth/token/"))
		return false;
	for (size_t i = 0; call->sigv4 && call->body && i + strlen(action) <= call->body_len; i++)
		if ((i == 0 || call->body[i - 1] == '&') && !strncmp(call->body + i, action, strlen(action)))
			return false;
	return true;
}

static bool flaky_perform(void *self, const struct http_call *call, struct http_answer *ret,
			  struct upstream_error *e)
{
	struct flaky_transport *t = self;
	struct flaky *f = t->flaky;
	bool counted = !f->counts || f->counts(call);
	bool now = false;

	if (f->happened && f->for_good) {
		upstream_error_set(e, UPSTREAM_RETRY, 0, "reset", "world_flaky", "",
				   "no call after the crash");
		return false;
	}
	if (counted)
		now = ++f->calls == f->at;
	if (!now)
		return t->below.perform(t->below.self, call, ret, e);
	f->happened = true;
	if (f->how == FLAKY_LOSE && t->below.perform(t->below.self, call, ret, e))
		http_answer_free(ret);
	upstream_error_set(e, UPSTREAM_RETRY, 0, "reset", "world_flaky", "",
			   f->how == FLAKY_LOSE ? "the answer was lost" : "the call was not performed");
	return false;
}

struct transport flaky_port(struct flaky_transport *t)
{
	return (struct transport){.perform = flaky_perform, .self = t};
}

/*
 * The Infinity client: set-up, one authorised exchange with its attempts, and the changes burstd makes to nodes (those to
 * locations: location.c). A PUT cannot be expressed, and a PATCH or DELETE leaves only for the path of one object: on a list
 * they act on the whole collection. One owner per client: not thread safe.
 */
#include "clients/infinity/client.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "clients/infinity/parse.h"

#define ATTEMPTS   3
#define BACKOFF_MS 1000
#define RETRY_AFTER_MAX_MS                                                                                   \
	10000 /* longer waits are the caller's: a read must not sleep through its own freshness */
#define CHANGE_ANSWER_MAX (64 * 1024)
#define URL_MAX           4096
#define AUTHORIZATION_MAX 8300

static void real_pause(void *self, int64_t ms)
{
	struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};

	(void)self;
	(void)nanosleep(&wait, NULL);
}

/* What follows the scheme, NULL where it is neither https nor http (which config may allow for a test platform). */
static const char *after_scheme(const char *url)
{
	if (strncasecmp(url, "https://", 8) == 0)
		return url + 8;
	return strncasecmp(url, "http://", 7) == 0 ? url + 7 : NULL;
}

/* Scheme and host, perhaps a port: everything else would end up inside paths that we build. */
static bool url_is_origin(const char *url)
{
	const char *host = after_scheme(url);
	size_t len = host ? strcspn(host, "/?#@\\ \t\r\n") : 0;

	return len > 0 && (host[len] == '\0' || strcmp(host + len, "/") == 0);
}

static bool check_options(const struct infinity_client_options *options, struct upstream_error *e)
{
	if (!options->url || !url_is_origin(options->url)) {
		upstream_error_set(e, UPSTREAM_OPERATOR, 0, "url", "infinity_url",
				   "Give it as https://manager.example.com, with a port if need be, without "
				   "path, user or "
				   "password.",
				   "Infinity's URL is not the address of a server");
		return false;
	}
	if (!options->oauth_client_id && (!options->user || !options->password)) {
		upstream_error_set(
			e, UPSTREAM_OPERATOR, 0, "no_credentials", "infinity_password",
			"Configure a user name and password, or an OAuth2 client id and its private key.",
			"no credentials for Infinity are configured");
		return false;
	}
	return true;
}

static struct oauth *make_oauth(const struct infinity_client_options *options, const char *base,
				struct upstream_error *e)
{
	char url[URL_MAX];

	(void)snprintf(url, sizeof url, "%s/oauth/token/", base);
	return infinity_oauth_new(&(struct oauth_options){.token_url = url,
							  .client_id = options->oauth_client_id,
							  .key_pem = options->oauth_key_pem,
							  .audience = options->oauth_audience,
							  .scope = options->oauth_scope},
				  e);
}

/* Copies the strings. OAuth2 goes before Basic where both are configured: Basic may be switched off on the
 * server. */
static bool copy_options(struct infinity_client *client, const struct infinity_client_options *options,
			 struct upstream_error *e)
{
	client->base = strdup(options->url);
	if (!client->base)
		return infinity_error_memory(e, "set-up");
	if (client->base[strlen(client->base) - 1] == '/')
		client->base[strlen(client->base) - 1] = '\0';
	if (options->oauth_client_id) {
		client->oauth = make_oauth(options, client->base, e);
		return client->oauth;
	}
	client->user = strdup(options->user);
	client->password = strdup(options->password);
	return (client->user && client->password) || infinity_error_memory(e, "set-up");
}

DEFINE_FREEP(struct infinity_client, infinity_client_free)

struct infinity_client *infinity_client_new(const struct infinity_client_options *options,
					    struct upstream_error *e)
{
	_cleanup_(infinity_client_freep) struct infinity_client *client = calloc(1, sizeof *client);

	if (!client) {
		infinity_error_memory(e, "set-up");
		return NULL;
	}
	client->transport = options->transport;
	client->clock = options->clock;
	client->time_scale = options->time_scale > 0 ? options->time_scale : 1;
	client->pause = options->pause ? options->pause : real_pause;
	client->pause_self = options->pause_self;
	client->tally = options->tally;
	if (!check_options(options, e) || !copy_options(client, options, e))
		return NULL;
	return take_ptr(client);
}

void infinity_client_free(struct infinity_client *client)
{
	if (!client)
		return;
	free(client->base);
	free(client->user);
	secret_free(client->password);
	infinity_oauth_free(client->oauth);
	free(client->remembered.management_host);
	free(client);
}

int64_t infinity_client_requests(const struct infinity_client *client)
{
	return client->requests;
}

/*
 * The Date header is the server's second, cut off: its middle is the best guess. The exchange with the
 * shortest round trip says it best.
 */
static void note_date(struct skew *skew, int64_t date_ms, int64_t sent, int64_t received)
{
	if (!date_ms || received < sent || (skew->known && received - sent >= skew->round_trip))
		return;
	skew->known = true;
	skew->round_trip = received - sent;
	skew->offset = date_ms + MS_PER_SECOND / 2 - (sent + (received - sent) / 2);
}

static size_t answer_max(const struct infinity_request *request)
{
	if (request->answer_max)
		return request->answer_max;
	return request->method == METHOD_GET ? LIMIT_INFINITY_ANSWER_BYTES : CHANGE_ANSWER_MAX;
}

/* One exchange as it is, signed on by `authorization` ("" = Basic). */
static bool send_once(struct infinity_client *client, const struct infinity_request *request,
		      const char *authorization, struct http_answer *ret, struct upstream_error *e)
{
	const char *headers[4] = {"Accept: application/json"};
	size_t n = 1;
	char url[URL_MAX];
	int64_t sent;

	if ((size_t)snprintf(url, sizeof url, "%s%s", client->base, request->path) >= sizeof url)
		return infinity_error_content(e, request->resource, "its address is too long");
	if (request->body)
		headers[n++] = "Content-Type: application/json";
	if (authorization[0])
		headers[n] = authorization;
	struct http_call call = {
		.method = request->method,
		.url = url,
		.headers = headers,
		.body = request->body,
		.body_len = request->body ? strlen(request->body) : 0,
		.answer_max = answer_max(request),
		.basic_user = client->user,
		.basic_password = client->password,
		.once = request->method == METHOD_POST,
		.secret_answer = request->method != METHOD_GET,
	};

	client->requests++;
	sent = clock_now(client->clock);
	if (!client->transport.perform(client->transport.self, &call, ret, e))
		return false;
	note_date(&client->skew, ret->date_ms, sent, clock_now(client->clock));
	return true;
}

static bool send_authorised(struct infinity_client *client, const struct infinity_request *request,
			    struct http_answer *ret, struct upstream_error *e)
{
	_cleanup_(buf_wipe) struct buf header = BUF_INIT(AUTHORIZATION_MAX);
	const char *token;

	if (!client->oauth)
		return send_once(client, request, "", ret, e);
	token = infinity_oauth_token(client->oauth, &client->transport, client->clock, e);
	if (!token)
		return false;
	buf_puts(&header, "Authorization: Bearer ");
	buf_puts(&header, token);
	if (header.failed)
		return infinity_error_memory(e, request->resource);
	return send_once(client, request, header.data, ret, e);
}

/* One attempt. A 401 with OAuth2 changed nothing on the server, so even a POST may follow it with a new
 * token, once. */
static bool attempt(struct infinity_client *client, const struct infinity_request *request,
		    struct http_answer *ret, struct upstream_error *e)
{
	_cleanup_(http_answer_free) struct http_answer answer = {0};

	if (!send_authorised(client, request, &answer, e))
		return false;
	if (answer.status == 401 && client->oauth) {
		infinity_oauth_expire(client->oauth);
		http_answer_free(&answer);
		answer = (struct http_answer){0};
		if (!send_authorised(client, request, &answer, e))
			return false;
	}
	if (!infinity_answer_usable(&answer)) {
		infinity_error_answer(&answer, request->aim, request->resource, request->sent, client->oauth,
				      e);
		return false;
	}
	*ret = answer;
	answer = (struct http_answer){0};
	return true;
}

/* Milliseconds to wait after attempt `done` failed with `e`; -1 = give up. Full jitter. */
static int64_t wait_after(const struct infinity_client *client, const struct infinity_request *request,
			  int done, const struct upstream_error *e)
{
	double wait = random_unit() * (double)(BACKOFF_MS << (done - 1));

	if (request->method != METHOD_GET || done >= ATTEMPTS)
		return -1;
	if (e->class != UPSTREAM_RETRY && e->class != UPSTREAM_THROTTLED)
		return -1;
	if (e->retry_after_ms > RETRY_AFTER_MAX_MS)
		return -1;
	if ((double)e->retry_after_ms > wait)
		wait = (double)e->retry_after_ms;
	return (int64_t)(wait / client->time_scale);
}

/* Ends in "/<digits>/", the digits no zero: one object, not a list. */
static bool names_object(const char *path)
{
	size_t len = strlen(path);
	size_t digits = 0;

	if (len < 3 || path[len - 1] != '/')
		return false;
	while (digits + 1 < len && isdigit((unsigned char)path[len - 2 - digits]))
		digits++;
	return digits > 0 && path[len - 1 - digits] != '0' && path[len - 2 - digits] == '/';
}

static bool check_request(const struct infinity_request *request, struct upstream_error *e)
{
	bool single = request->method == METHOD_PATCH || request->method == METHOD_DELETE;
	bool known = single || request->method == METHOD_GET || request->method == METHOD_POST;

	if (known && (!single || names_object(request->path)))
		return true;
	upstream_error_set(e, UPSTREAM_BUG, 0, "request", "infinity_request",
			   "Report this: burstd built a request that it must not send.",
			   "%s: a change of a whole list", request->resource);
	return false;
}

bool infinity_exchange(struct infinity_client *client, const struct infinity_request *request,
		       struct http_answer *ret, struct upstream_error *e)
{
	if (!check_request(request, e))
		return false;
	for (int done = 1;; done++) {
		int64_t wait;

		bool good;

		*e = (struct upstream_error){0};
		good = attempt(client, request, ret, e);
		if (client->tally)
			counter_add(&client->tally->requests[e->class], 1);
		if (good)
			return true;
		wait = wait_after(client, request, done, e);
		if (wait < 0)
			return false;
		client->pause(client->pause_self, wait);
	}
}

/* {"maintenance_mode": ..., "maintenance_mode_reason": ...}; malloc'ed, NULL when out of memory. */
static char *maintenance_body(bool on, const char *reason)
{
	size_t len = infinity_utf8_prefix(reason, LIMIT_REASON_BYTES);
	json_auto_t *body =
		json_pack("{s:b, s:s%}", "maintenance_mode", on, "maintenance_mode_reason", reason, len);

	return body ? json_dumps(body, JSON_COMPACT) : NULL;
}

bool infinity_set_maintenance(struct infinity_client *client, int64_t node, bool on, const char *reason,
			      struct upstream_error *e)
{
	_cleanup_(http_answer_free) struct http_answer answer = {0};
	_cleanup_(freep) char *body = maintenance_body(on, reason ? reason : "");
	char path[128];
	char resource[64];

	(void)snprintf(path, sizeof path, "%s%" PRId64 "/", infinity_lists[LIST_node].path, node);
	(void)snprintf(resource, sizeof resource, "%s/%" PRId64, infinity_lists[LIST_node].resource, node);
	/* PATCH on ".../worker_vm/0/" or a negative id is no object; on the bare list it would be a bulk
	 * change. */
	if (node <= 0 || !body) {
		upstream_error_set(e, UPSTREAM_BUG, 0, "request", "infinity_request",
				   "Report this: burstd built a request that it must not send.",
				   "%s: no such node, or a reason that is not UTF-8", resource);
		return false;
	}
	struct infinity_request request = {
		.method = METHOD_PATCH, .path = path, .resource = resource, .aim = AIM_NODE, .body = body};

	return infinity_exchange(client, &request, &answer, e);
}

/* Commands answer 2xx and then say in the body whether they meant it. A body that says nothing is consent. */
static bool command_accepted(const struct http_answer *answer, const char *resource, struct upstream_error *e)
{
	char why[PARSE_WHY_SIZE];
	char said[INFINITY_TEXT_SIZE];
	json_auto_t *body = infinity_json_load(answer->body.data, answer->body.len, why);
	const json_t *status = json_object_get(body, "status");

	if (!status || (json_is_string(status) && strcasecmp(json_string_value(status), "success") == 0))
		return true;
	infinity_clean_text(answer->body.data, said);
	upstream_error_set(e, UPSTREAM_NEXT, answer->status, "refused", "infinity_start_refused",
			   "Look at the Management Node's cloud bursting page for this instance.",
			   "%s: the start was not accepted: %s", resource, said);
	return false;
}

bool infinity_start_cloudnode(struct infinity_client *client, const char *instance_id,
			      struct upstream_error *e)
{
	static const char resource[] = "command/platform/start_cloudnode";
	_cleanup_(http_answer_free) struct http_answer answer = {0};
	json_auto_t *json = json_pack("{s:s}", "instance_id", instance_id);
	_cleanup_(freep) char *body = json ? json_dumps(json, JSON_COMPACT) : NULL;
	struct infinity_request request = {.method = METHOD_POST,
					   .path = "/api/admin/command/v1/platform/start_cloudnode/",
					   .resource = resource,
					   .aim = AIM_START,
					   .body = body};

	if (!body)
		return infinity_error_memory(e, resource);
	return infinity_exchange(client, &request, &answer, e) && command_accepted(&answer, resource, e);
}

/*
 * The two exchanges with the bootstrap port of a new Conferencing Node. No word of its answers gets into an error: it may repeat
 * the document. No state; threads: the transport's owner.
 */
#include "clients/infinity/bootstrap.h"

#include <string.h>

#include "base/ipv4.h"
#include "base/limits.h"

#define PLACE              "{address}"
#define URL_MAX            512
#define CONNECT_TIMEOUT_MS 5000
#define WAITS_TIMEOUT_MS   10000
#define UPLOAD_TIMEOUT_MS  20000
#define ISSUE              "bootstrap_refused"
#define REMEDY_BY_HAND                                                                                       \
	"Check that the instance was launched from the image of a Conferencing Node of the platform's "      \
	"version, and was "                                                                                  \
	"not configured before; then undo the operation and ask for the node anew."

/* The template's address with `address` in its place, and `path` behind it. An address that is none would lead elsewhere. */
static bool put_url(struct buf *out, const char *template, const char *address, const char *path,
		    struct upstream_error *e)
{
	const char *place = strstr(template, PLACE);
	struct ipv4_network network;
	size_t len = strlen(template);

	if (!place || strchr(address, '/') || !ipv4_network_parse(address, &network)) {
		upstream_error_set(e, UPSTREAM_OPERATOR, 0, "url", "bootstrap_url",
				   "Give the address of new nodes as " BOOTSTRAP_URL
				   ", with {address} where the address of the instance belongs.",
				   "the bootstrap port of %.40s has no address", address);
		return false;
	}
	if (template[len - 1] == '/')
		len--;
	buf_append(out, template, (size_t)(place - template));
	buf_puts(out, address);
	place += strlen(PLACE);
	buf_append(out, place, (size_t)(template + len - place));
	buf_puts(out, path);
	return true;
}

static bool exchange(const struct transport *transport, const char *template, const char *address,
		     const char *path, struct http_call *call, struct http_answer *ret,
		     struct upstream_error *e)
{
	_cleanup_(buf_free) struct buf url = BUF_INIT(URL_MAX);

	if (!put_url(&url, template, address, path, e))
		return false;
	if (url.failed) {
		upstream_error_set(e, UPSTREAM_OPERATOR, 0, "url", "bootstrap_url", "Shorten it.",
				   "the address of the bootstrap port is too long");
		return false;
	}
	call->url = url.data;
	call->answer_max = LIMIT_BOOTSTRAP_BYTES;
	call->connect_timeout_ms = CONNECT_TIMEOUT_MS;
	call->no_proxy = true;
	call->once = true;
	call->secret_answer = true;
	return transport->perform(transport->self, call, ret, e);
}

bool bootstrap_waits(const struct transport *transport, const char *url, const char *address,
		     struct upstream_error *e)
{
	_cleanup_(http_answer_free) struct http_answer answer = {0};
	struct http_call call = {.method = METHOD_GET, .timeout_ms = WAITS_TIMEOUT_MS};

	return exchange(transport, url, address, "/", &call, &answer, e);
}

/* Of a status that is no success. */
static void report(int status, const char *address, struct upstream_error *e)
{
	bool refused = status >= 400 && status <= 499 && status != 408 && status != 429;

	upstream_error_set(
		e, refused ? UPSTREAM_OPERATOR : UPSTREAM_RETRY, status, refused ? "refused" : "not_ready",
		ISSUE,
		refused ? REMEDY_BY_HAND
			: "Nothing at once: the node may not be ready yet, and burstd looks again.",
		"%s: the node did not take its configuration document (%d)", address, status);
}

bool bootstrap_upload(const struct transport *transport, const char *url, const char *address,
		      const struct buf *xml, struct upstream_error *e)
{
	static const char *const headers[] = {"Content-Type: text/xml", NULL};
	_cleanup_(http_answer_free) struct http_answer answer = {0};
	struct http_call call = {.method = METHOD_POST,
				 .headers = headers,
				 .body = xml->data,
				 .body_len = xml->len,
				 .timeout_ms = UPLOAD_TIMEOUT_MS};

	if (!xml->len || xml->failed) {
		upstream_error_set(e, UPSTREAM_BUG, 0, "request", "bootstrap_request",
				   "Report this: burstd has no configuration document to send.",
				   "%s: nothing to upload", address);
		return false;
	}
	if (!exchange(transport, url, address, "/configuration/bootstrap", &call, &answer, e))
		return false;
	if (answer.status >= 200 && answer.status <= 299)
		return true;
	report(answer.status, address, e);
	return false;
}

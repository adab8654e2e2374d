/*
 * Owns the request to the container endpoint. The address is taken apart by libcurl, which also connects to it: two readings of
 * one address are how such checks are got round.
 */
#include "clients/ec2/container.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clients/ec2/file.h"

#define RELATIVE_URI "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define FULL_URI     "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define TOKEN        "AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define TOKEN_FILE   "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"

#define ECS_BASE   "http://169.254.170.2"
#define URL_SIZE   1100
#define TOKEN_MOST 8191
#define ANSWER_MAX (32 * 1024)
#define TIMEOUT_MS 2000
#define CONNECT_MS 1000

static const char *env(const char *name)
{
	const char *value = getenv(name);

	return value && value[0] ? value : NULL;
}

bool container_configured(void)
{
	return env(RELATIVE_URI) || env(FULL_URI);
}

/* --- the address ------------------------------------------------------------------------------------------------- */

static bool plain_host_allowed(const char *host)
{
	struct in_addr four;
	struct in6_addr six;
	char bare[64];
	size_t len = strlen(host);

	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127 || strcmp(host, "169.254.170.2") == 0 ||
		       strcmp(host, "169.254.170.23") == 0;
	if (len < 3 || len - 2 >= sizeof(bare) || host[0] != '[')
		return false;
	(void)snprintf(bare, sizeof(bare), "%.*s", (int)(len - 2), host + 1);
	if (inet_pton(AF_INET6, bare, &six) != 1)
		return false;
	static const struct in6_addr eks = {.s6_addr = {0xfd, 0x00, 0x0e, 0xc2, [15] = 0x23}};

	return IN6_IS_ADDR_LOOPBACK(&six) || IN6_ARE_ADDR_EQUAL(&six, &eks);
}

static bool parts_allowed(CURLU *parts, char *why, size_t why_size)
{
	char *scheme = NULL;
	char *host = NULL;
	char *user = NULL;
	bool good = false;

	(void)curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0);
	(void)curl_url_get(parts, CURLUPART_HOST, &host, 0);
	(void)curl_url_get(parts, CURLUPART_USER, &user, 0);
	if (!scheme || !host || user)
		(void)snprintf(why, why_size, "it is not an address without user and password");
	else if (strcmp(scheme, "https") == 0)
		good = true;
	else if (strcmp(scheme, "http") != 0)
		(void)snprintf(why, why_size, "it is neither http nor https");
	else if (!plain_host_allowed(host))
		(void)snprintf(why, why_size,
			       "plain http is allowed only to loopback and to AWS's own endpoints");
	else
		good = true;
	curl_free(scheme);
	curl_free(host);
	curl_free(user);
	return good;
}

bool container_url_allowed(const char *url, char *why, size_t why_size)
{
	CURLU *parts = curl_url();
	bool good = false;

	if (parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK)
		good = parts_allowed(parts, why, why_size);
	else
		(void)snprintf(why, why_size, "it is not an http or https address");
	curl_url_cleanup(parts);
	return good;
}

/* --- failures ---------------------------------------------------------------------------------------------------- */

static bool fail(struct upstream_error *e, enum upstream_class class, int status, const char *code,
		 const char *remedy, const char *message)
{
	upstream_error_set(e, class, status, code, "ec2_credentials", remedy, "container endpoint: %s",
			   message);
	return false;
}

static bool fail_status(struct upstream_error *e, int status)
{
	char message[80];
	bool passing = status == 429 || status >= 500;

	(void)snprintf(message, sizeof(message), "it answered %d to the question for keys", status);
	return fail(
		e, passing ? UPSTREAM_RETRY : UPSTREAM_OPERATOR, status, "container",
		passing ? "nothing at first: burstd tries again. If it stays, look at the container's agent"
			: "check the role of the task or pod, " FULL_URI " and " TOKEN_FILE,
		message);
}

/* --- the request ------------------------------------------------------------------------------------------------- */

static bool build_url(char url[URL_SIZE], struct upstream_error *e)
{
	const char *relative = env(RELATIVE_URI);
	const char *full = env(FULL_URI);
	char message[300];
	char why[100];
	/* A relative one that does not begin with / would become a part of the host's name. */
	int len = relative ? snprintf(url, URL_SIZE, ECS_BASE "%s%s", relative[0] == '/' ? "" : "/", relative)
			   : snprintf(url, URL_SIZE, "%s", full ? full : "");

	if (len < 0 || len >= URL_SIZE)
		(void)snprintf(why, sizeof(why), "it is too long");
	else if (container_url_allowed(url, why, sizeof(why)))
		return true;
	(void)snprintf(message, sizeof(message), "the address in %s cannot be used: %s",
		       relative ? RELATIVE_URI : FULL_URI, why);
	return fail(e, UPSTREAM_OPERATOR, 0, "container_url", "correct the environment variable", message);
}

/* The Authorization header's value, "" = none. The file wins: its content can be renewed. */
static bool read_token(struct buf *token, struct upstream_error *e)
{
	const char *path = env(TOKEN_FILE);
	const char *given = env(TOKEN);
	char message[300];
	char why[100];

	if (path && !aws_token_read(path, token, why, sizeof(why))) {
		(void)snprintf(message, sizeof(message), "the token file %.120s cannot be used: %s", path,
			       why);
		return fail(e, UPSTREAM_OPERATOR, 0, "container_token",
			    "check " TOKEN_FILE " and that burstd's user may read the file", message);
	}
	if (path || !given)
		return true;
	buf_puts(token, given);
	for (const char *p = given; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			token->failed = true;
	return !token->failed ||
	       fail(e, UPSTREAM_OPERATOR, 0, "container_token", "correct " TOKEN,
		    "its token is too long or holds line breaks or other control characters");
}

static bool ask(const struct transport *t, const char *url, const char *authorization,
		struct http_answer *ret, struct upstream_error *e)
{
	const char *const headers[] = {"Accept: application/json", authorization, NULL};
	const struct http_call call = {
		.method = METHOD_GET,
		.url = url,
		.headers = headers,
		.answer_max = ANSWER_MAX,
		.timeout_ms = TIMEOUT_MS,
		.connect_timeout_ms = CONNECT_MS,
		.no_proxy = true,
	};
	struct upstream_error why;

	if (t->perform(t->self, &call, ret, &why))
		return true;
	return fail(e, why.class, 0, why.code, "look at the container's agent, and at " FULL_URI,
		    why.message);
}

static bool read_answer(const struct http_answer *a, const struct clock *clock, struct aws_keys *ret,
			struct upstream_error *e)
{
	struct aws_keys keys;

	if (a->status != 200)
		return fail_status(e, a->status);
	if (!aws_keys_from_json(&a->body, &keys))
		return fail(e, UPSTREAM_RETRY, 200, "container",
			    "check that " FULL_URI " is the address of a container endpoint",
			    "its answer is not a whole set of keys");
	bool good = keys.expires_at > clock_now(clock);

	if (good)
		*ret = keys;
	explicit_bzero(&keys, sizeof(keys));
	return good || fail(e, UPSTREAM_RETRY, 200, "container",
			    "check this machine's clock, and the container's agent",
			    "the keys that it gave have ended already");
}

bool container_keys(const struct transport *t, const struct clock *clock, struct aws_keys *ret,
		    struct upstream_error *e)
{
	struct buf token = BUF_INIT(TOKEN_MOST);
	struct buf header = BUF_INIT(TOKEN_MOST + 32);
	struct http_answer a = {0};
	char url[URL_SIZE];
	bool good = build_url(url, e) && read_token(&token, e);

	if (good && token.len)
		buf_printf(&header, "Authorization: %s", token.data);
	if (good && ask(t, url, header.data, &a, e))
		good = read_answer(&a, clock, ret, e);
	else
		good = false;
	buf_wipe(&a.body);
	buf_wipe(&header);
	buf_wipe(&token);
	return good;
}

/*
 * Owns the three requests to the metadata service: token (PUT), role (GET), keys (GET). A token that the service no
 * longer knows (401) is renewed once.
 */
#include "clients/ec2/imds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TOKEN_TTL_S    21600
#define TOKEN_EARLY_MS (5 * MS_PER_MINUTE)
#define ANSWER_MAX     (32 * 1024)
#define TIMEOUT_MS     2000
#define CONNECT_MS     1000
#define ROLE_PATH      "/latest/meta-data/iam/security-credentials/"

bool imds_disabled(void)
{
	const char *set = getenv("AWS_EC2_METADATA_DISABLED");

	return set && strcasecmp(set, "true") == 0;
}

static const char *endpoint(void)
{
	const char *set = getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	const char *mode = getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");

	if (set && set[0])
		return set;
	return mode && strcasecmp(mode, "IPv6") == 0 ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
}

/* One request; `header` may be NULL. */
static bool ask(struct imds *m, enum http_method method, const char *path, const char *header,
		struct http_answer *ret, struct upstream_error *e)
{
	const char *base = endpoint();
	const char *const headers[] = {header, NULL};
	size_t len = strlen(base);
	char url[600];

	while (len && base[len - 1] == '/')
		len--;
	int n = snprintf(url, sizeof(url), "%.*s%s", (int)len, base, path);

	if (n < 0 || (size_t)n >= sizeof(url)) {
		upstream_error_set(e, UPSTREAM_OPERATOR, 0, "imds", "ec2_credentials",
				   "correct AWS_EC2_METADATA_SERVICE_ENDPOINT",
				   "the metadata address is too long");
		return false;
	}
	const struct http_call call = {
		.method = method,
		.url = url,
		.headers = headers,
		.answer_max = ANSWER_MAX,
		.timeout_ms = TIMEOUT_MS,
		.connect_timeout_ms = CONNECT_MS,
		.no_proxy = true,
	};

	return m->transport.perform(m->transport.self, &call, ret, e);
}

/* "There is no role here" and "the service is not here" look alike to an operator: no credentials at all. */
static void report_none(struct upstream_error *e, const char *why)
{
	upstream_error_set(e, UPSTREAM_OPERATOR, 0, "no_credentials", "ec2_credentials",
			   "set the AWS keys in burstd's settings, in the environment or in "
			   "~/.aws/credentials, or run burstd on "
			   "an EC2 instance with a role",
			   "no AWS credentials: %.230s", why);
}

/* No answer at all. A time-out is also what a too low hop limit looks like. */
static void report_silence(struct upstream_error *e, const struct upstream_error *why)
{
	if (strcmp(why->code, "timeout") == 0)
		report_none(
			e,
			"the metadata service does not answer (inside a container its hop limit must be 2)");
	else
		report_none(e, why->message);
}

static void report_status(struct upstream_error *e, const char *what, int status)
{
	char why[120];

	if (status == 404)
		(void)snprintf(why, sizeof(why), "no role is attached to this EC2 instance");
	else if (status == 403)
		(void)snprintf(why, sizeof(why), "the metadata service of this EC2 instance is switched off");
	else
		(void)snprintf(why, sizeof(why), "the metadata service answered %d to the %s", status, what);
	report_none(e, why);
}

/* One line without control characters, which becomes part of a header or an address. */
static bool take_line(const struct http_answer *a, char *out, size_t size)
{
	const char *text = a->body.data ? a->body.data : "";
	size_t len = strcspn(text, "\r\n");

	if (len == 0 || len >= size)
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[i] <= 0x20 || text[i] == 0x7f)
			return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

static bool renew_token(struct imds *m, struct upstream_error *e)
{
	struct http_answer a = {0};
	struct upstream_error unreachable;
	char header[80];

	(void)snprintf(header, sizeof(header), "X-aws-ec2-metadata-token-ttl-seconds: %d", TOKEN_TTL_S);
	m->token[0] = '\0';
	if (!ask(m, METHOD_PUT_IMDS, "/latest/api/token", header, &a, &unreachable)) {
		report_none(e, unreachable.message);
		if (strcmp(unreachable.code, "timeout") == 0) /* what a too low hop limit looks like */
			report_none(e, "the metadata service does not answer (inside a container its hop "
				       "limit must be 2)");
		return false;
	}
	bool good = a.status == 200 && take_line(&a, m->token, sizeof(m->token));

	if (!good)
		report_status(e, "request for a token", a.status);
	m->token_until = clock_now(m->clock) + TOKEN_TTL_S * MS_PER_SECOND;
	http_answer_free(&a);
	return good;
}

/* A GET with a valid token; a body with status 200, else false with `e` filled. */
static bool get(struct imds *m, const char *path, const char *what, struct http_answer *ret,
		struct upstream_error *e)
{
	struct upstream_error unreachable;

	for (int i = 0; i < 2; i++) {
		char header[sizeof(m->token) + 40];

		if ((!m->token[0] || clock_now(m->clock) > m->token_until - TOKEN_EARLY_MS) &&
		    !renew_token(m, e))
			return false;
		(void)snprintf(header, sizeof(header), "X-aws-ec2-metadata-token: %s", m->token);
		*ret = (struct http_answer){0};
		if (!ask(m, METHOD_GET, path, header, ret, &unreachable)) {
			report_silence(e, &unreachable);
			return false;
		}
		if (ret->status == 200)
			return true;
		int status = ret->status;

		buf_wipe(&ret->body);
		report_status(e, what, status);
		if (status != 401)
			return false;
		m->token[0] = '\0';
	}
	return false;
}

static bool get_role(struct imds *m, char *out, size_t size, struct upstream_error *e)
{
	struct http_answer a;

	if (!get(m, ROLE_PATH, "question for the role", &a, e))
		return false;
	bool good = take_line(&a, out, size) && !strpbrk(out, "/?#%");

	if (!good)
		report_none(e, "the metadata service gave no name of a role");
	http_answer_free(&a);
	return good;
}

bool imds_keys(struct imds *m, struct aws_keys *ret, struct upstream_error *e)
{
	struct http_answer a;
	char role[200];
	char path[sizeof(ROLE_PATH) + sizeof(role)];

	if (!get_role(m, role, sizeof(role), e))
		return false;
	(void)snprintf(path, sizeof(path), ROLE_PATH "%s", role);
	if (!get(m, path, "question for keys", &a, e))
		return false;
	bool good = aws_keys_from_json(&a.body, ret);

	if (!good)
		report_none(e, "the metadata service gave no usable keys for the role");
	buf_wipe(&a.body);
	return good;
}

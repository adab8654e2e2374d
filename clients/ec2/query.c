/* Owns the HTTP form of a Query request: headers, signature, and the session token's place among them. */
#include "clients/ec2/query.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

void aws_put_pair(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, "&%s=", name);
	buf_put_urlencoded(b, value);
}

static bool send_with(const struct transport *t, const struct aws_query *q, const char *token_header,
		      struct http_answer *ret, struct upstream_error *e)
{
	/* Given by name, because libcurl signs it only then. */
	const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded; charset=utf-8",
				       token_header, NULL};
	const struct http_call call = {
		.method = METHOD_POST,
		.url = q->url,
		.headers = headers,
		.body = q->body->data,
		.body_len = q->body->len,
		.answer_max = q->answer_max,
		.sigv4 = q->keys ? q->sigv4 : NULL,
		.access_key = q->keys ? q->keys->access_key : NULL,
		.secret_key = q->keys ? q->keys->secret_key : NULL,
		.timeout_ms = q->timeout_ms,
		.once = q->once,
	};

	return t->perform(t->self, &call, ret, e);
}

bool aws_query_send(const struct transport *t, const struct aws_query *q, struct http_answer *ret,
		    struct upstream_error *e)
{
	char header[sizeof(q->keys->session_token) + 32];

	if (!q->keys || !q->keys->session_token[0])
		return send_with(t, q, NULL, ret, e);
	if (!aws_token_valid(q->keys->session_token)) {
		upstream_error_set(e, UPSTREAM_OPERATOR, 0, "credentials", "ec2_credentials",
				   "enter the AWS session token again, without blanks or line breaks",
				   "the AWS session token holds characters that none can have");
		return false;
	}
	(void)snprintf(header, sizeof(header), "X-Amz-Security-Token: %s", q->keys->session_token);
	bool answered = send_with(t, q, header, ret, e);

	explicit_bzero(header, sizeof(header));
	return answered;
}

bool aws_answer_is_html(const struct http_answer *a)
{
	const char *body = a->body.data ? a->body.data : "";

	body += strspn(body, " \t\r\n");
	return strncasecmp(a->content_type, "text/html", 9) == 0 ||
	       strncasecmp(body, "<!doctype html", 14) == 0 || strncasecmp(body, "<html", 5) == 0;
}

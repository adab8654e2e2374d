/*
 * One POST of AWS's Query protocol (EC2, STS): form body in, answer out, signed by libcurl's SigV4 or not at all
 * (docs/upstream.md, "Requests and signing"). The owner of the transport.
 */
#ifndef BURSTD_CLIENTS_EC2_QUERY_H
#define BURSTD_CLIENTS_EC2_QUERY_H

#include "clients/ec2/keys.h"
#include "clients/transport.h"

struct aws_query {
	const char *url;
	const char *sigv4;           /* "aws:amz:REGION:SERVICE"; read with keys only */
	const struct aws_keys *keys; /* NULL = unsigned */
	const struct buf *body;
	size_t answer_max;
	long timeout_ms; /* 0 = the transport's own */
	bool once;       /* struct http_call: on a connection of its own */
};

/* true = an answer with some status arrived; the caller frees it. false fills `e`. */
bool aws_query_send(const struct transport *, const struct aws_query *, struct http_answer *ret,
		    struct upstream_error *e);

/* Whether a web page came in place of XML: something other than AWS spoke. Pure. */
bool aws_answer_is_html(const struct http_answer *);

/* "&NAME=VALUE", percent-encoded. */
void aws_put_pair(struct buf *, const char *name, const char *value);

#endif

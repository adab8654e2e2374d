/*
 * The transport under both clients: one HTTP exchange. Injected, so that parsers and policies are tested without a
 * network. curl_transport_new() is the real one: libcurl, one handle, connections kept alive, every phase with a deadline.
 */
#ifndef BURSTD_CLIENTS_TRANSPORT_H
#define BURSTD_CLIENTS_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "fleet/upstream.h"

enum http_method {
	METHOD_GET,
	METHOD_POST,
	METHOD_PATCH,
	METHOD_DELETE,
	METHOD_PUT_IMDS /* only for IMDSv2's token */
};

struct http_call {
	enum http_method method;
	const char *url;
	const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
	const char *body;           /* NULL = none */
	size_t body_len;
	size_t answer_max; /* more bytes than this end the exchange with UPSTREAM_RETRY, code "answer_too_large" */
	const char *basic_user; /* Basic authentication when not NULL */
	const char *basic_password;
	const char *
		sigv4; /* "aws:amz:REGION:ec2" when not NULL; keys in the next two (docs/upstream.md, "Requests and signing") */
	const char *access_key;
	const char *secret_key;
	long timeout_ms;         /* whole exchange; 0 = the transport's default (20 s) */
	long connect_timeout_ms; /* 0 = default (4 s) */
	bool no_proxy;           /* link-local services are never reached through a proxy */
	/* On a connection of its own: libcurl sends a request again by itself when a kept connection ends without an answer. */
	bool once;
	bool secret_answer; /* the answer's body is overwritten wherever its memory is given back */
};

struct http_answer {
	int status;
	struct buf body;        /* freed by http_answer_free */
	char content_type[128]; /* "" = none */
	char location[512];     /* Location header */
	int64_t date_ms;        /* Date header, 0 = none */
	long retry_after_ms;    /* Retry-After in seconds, as ms; 0 = none */
};
void http_answer_free(struct http_answer *);

struct transport {
	/*
	 * One exchange. true = an answer with some status arrived (`ret` filled, caller frees). false = none did:
	 * `e` says why in an operator's words (DNS, refused, TLS not trusted, timed out, too large).
	 */
	bool (*perform)(void *self, const struct http_call *, struct http_answer *ret,
			struct upstream_error *e);
	void *self;
};

struct transport_options {
	const char *name; /* "infinity" or "ec2": prefix of issue slugs ("infinity_tls", "ec2_unreachable") */
	const char *ca_file;    /* NULL = the system's store */
	const char *pinned_key; /* "sha256//...": trusts exactly this key, also self-signed; NULL = none */
	/*
	 * Trusts every certificate. Only for the bootstrap port of a new Conferencing Node (clients/infinity/bootstrap.h): its
	 * certificate is self-signed and made at its first boot, so nobody can know its key before, and its address is what EC2 says
	 * of the instance that we launched. Calls with a user's or AWS credentials are refused on such a
	 * transport.
	 */
	bool unverified;
	long timeout_ms; /* default deadline of an exchange; 0 = 20,000 */
};

/* Sets libcurl up; once, before threads and before the first curl_transport_new. Main thread. */
void curl_transport_setup(void);

struct curl_transport;
/*
 * One per thread, after curl_transport_setup. NULL when libcurl cannot be set up. Ignoring SIGPIPE is the caller's: OpenSSL may write to a connection that the peer has closed.
 */
struct curl_transport *curl_transport_new(const struct transport_options *);
void curl_transport_free(struct curl_transport *);
struct transport curl_transport_port(struct curl_transport *);
/* Ends the exchange that is under way on another thread, and every later one at once (shutdown). Any thread. */
void curl_transport_interrupt(struct curl_transport *);
DEFINE_FREEP(struct curl_transport, curl_transport_free)

#endif

/*
 * OAuth2 client credentials with a signed ES256 assertion (docs/upstream.md, "OAuth2"). Holds the private key and the
 * present token; both are wiped when freed. One owner: not thread safe.
 */
#ifndef BURSTD_CLIENTS_INFINITY_OAUTH_H
#define BURSTD_CLIENTS_INFINITY_OAUTH_H

#include "base/clock.h"
#include "clients/transport.h"

struct oauth_options {
	const char *token_url; /* "https://manager.example.com/oauth/token/" */
	const char *client_id;
	const char *key_pem;  /* PKCS#8 PEM, EC P-256, not encrypted */
	const char *audience; /* NULL = token_url */
	const char *scope;    /* NULL = "is_admin use_api"; "" = none sent */
};

struct oauth;
/* Copies everything. NULL fills `e` (issue "infinity_oauth"). */
struct oauth *infinity_oauth_new(const struct oauth_options *, struct upstream_error *e);
void infinity_oauth_free(struct oauth *);
DEFINE_FREEP(struct oauth, infinity_oauth_free)

/* The signed assertion for a request at `now`: a JWT, malloc'ed, the caller's (secret_free). NULL when
 * OpenSSL fails. */
char *infinity_oauth_assertion(const struct oauth *, int64_t now);

/*
 * The present token, borrowed until the next call; fetched with one request when there is none or less than
 * 60 s remain (half its life, where it lives less than two minutes). NULL fills `e`.
 */
const char *infinity_oauth_token(struct oauth *, const struct transport *, const struct clock *,
				 struct upstream_error *e);
/* After a 401: the next infinity_oauth_token() fetches a new one. */
void infinity_oauth_expire(struct oauth *);

#endif

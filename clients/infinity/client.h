/* Inside of the Infinity client: one authorised exchange, with its attempts. Shared by the files of this
 * folder. */
#ifndef BURSTD_CLIENTS_INFINITY_CLIENT_H
#define BURSTD_CLIENTS_INFINITY_CLIENT_H

#include "clients/infinity/errors.h"
#include "clients/infinity/infinity.h"
#include "clients/infinity/oauth.h"

/* Infinity's clock against ours, from the exchange with the shortest round trip since skew_reset(). */
struct skew {
	bool known;
	int64_t round_trip;
	int64_t offset; /* theirs minus ours */
};

/* Slow-moving answers, remembered for SLOW_REFRESH_MS: they decide nothing. */
struct remembered {
	bool valid;
	int64_t read_at;
	char *management_host; /* NULL = unknown */
	int license_used;
	int license_total;
};

struct infinity_client {
	char *base; /* "https://manager.example.com", no slash at its end */
	char *user; /* NULL with OAuth2 */
	char *password;
	struct oauth *oauth; /* NULL with Basic */
	struct transport transport;
	const struct clock *clock;
	double time_scale;
	void (*pause)(void *self, int64_t ms);
	void *pause_self;
	int64_t requests; /* sent so far */
	struct upstream_tally *tally;
	struct skew skew;
	struct remembered remembered;
};

struct infinity_request {
	enum http_method method; /* GET, POST; PATCH and DELETE of one object alone, else nothing is sent */
	const char *path;        /* absolute, with the slash before any "?" */
	const char *resource;    /* as an operator reads it */
	enum infinity_aim aim;
	const char *body;   /* JSON, NULL = none */
	const json_t *sent; /* what `body` was made of, where it may hold secrets; NULL = it holds none */
	size_t answer_max;  /* bytes; 0 = the default of the method */
};

/*
 * One request to a usable answer (`ret` filled, caller frees). GET: up to three attempts with full jitter on
 * network errors, 429 and 5xx. Others: one attempt, except once more after a 401 with OAuth2. false fills
 * `e`.
 */
bool infinity_exchange(struct infinity_client *, const struct infinity_request *, struct http_answer *ret,
		       struct upstream_error *e);

#endif

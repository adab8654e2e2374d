/*
 * Every check of a request that does not depend on its resource, in this order: address, Host, token, path, method,
 * role, query names, Accept, body, If-Match, Idempotency-Key. A path that no route has is refused like one whose token is missing, so that
 * nothing is learnt without a token. Also the accessors that handlers read a request with.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "server/http_internal.h"

/* --- headers ------------------------------------------------------------------------------------------------- */

/* Where a header that is looked at is kept; NULL for all others. Lengths decide first. */
static const char **header_slot(struct headers *h, const char *name, size_t len)
{
	const struct {
		const char *name;
		size_t len;
		const char **slot;
		bool list; /* may come more than once */
	} known[] = {
		{"host", 4, &h->host, false},
		{"accept", 6, &h->accept, true},
		{"if-match", 8, &h->if_match, true},
		{"content-type", 12, &h->content_type, false},
		{"authorization", 13, &h->authorization, false},
		{"if-none-match", 13, &h->if_none_match, true},
		{"last-event-id", 13, &h->last_event_id, false},
		{"content-length", 14, &h->content_length, false},
		{"accept-encoding", 15, &h->accept_encoding, true},
		{"idempotency-key", 15, &h->idempotency_key, false},
		{"transfer-encoding", 17, &h->transfer_encoding, false},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(known); i++) {
		if (known[i].len != len || strncasecmp(known[i].name, name, len) != 0)
			continue;
		if (*known[i].slot && !known[i].list)
			h->fault = "a header that may come once is given twice";
		return known[i].slot;
	}
	return NULL;
}

enum { BYTE_PLAIN, BYTE_TOKEN, BYTE_CONTROL };

/* What each byte may be in a header (RFC 9110 5.5 and 5.6.2); a table, because every request pays for it. */
static const uint8_t byte_kind[256] = {
	[0 ... 8] = BYTE_CONTROL,   [10 ... 31] = BYTE_CONTROL,  [127] = BYTE_CONTROL,
	['0' ... '9'] = BYTE_TOKEN, ['A' ... 'Z'] = BYTE_TOKEN,  ['a' ... 'z'] = BYTE_TOKEN,
	['!'] = BYTE_TOKEN,         ['#' ... '\''] = BYTE_TOKEN, ['*' ... '+'] = BYTE_TOKEN,
	['-' ... '.'] = BYTE_TOKEN, ['^' ... '_'] = BYTE_TOKEN,  ['`'] = BYTE_TOKEN,
	['|'] = BYTE_TOKEN,         ['~'] = BYTE_TOKEN};

static bool is_token(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (byte_kind[(unsigned char)text[i]] != BYTE_TOKEN)
			return false;
	return len > 0;
}

static bool has_control(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (byte_kind[(unsigned char)text[i]] == BYTE_CONTROL)
			return true;
	return false;
}

/*
 * libmicrohttpd up to 0.9.76 appends a folded line to the *name* of the header before it, in another place of its memory: a
 * folded Transfer-Encoding would not be seen. A name that is not followed by its value gives that away.
 */
static bool was_folded(const char *name_end, const char *value)
{
	uintptr_t gap = (uintptr_t)value - (uintptr_t)name_end;

	if (MHD_VERSION >= 0x00097700)
		return false;
	if ((uintptr_t)value <= (uintptr_t)name_end || gap > LIMIT_CONNECTION_BYTES)
		return true;
	for (; name_end < value; name_end++)
		if (*name_end != '\0' && *name_end != ' ' && *name_end != '\t')
			return true;
	return false;
}

/* One pass instead of one for each header; of a list that comes in parts the first counts. */
static enum MHD_Result collect(void *cls, enum MHD_ValueKind kind, const char *name, size_t len,
			       const char *value, size_t value_len)
{
	struct headers *h = cls;
	const char **slot;

	if (kind == MHD_GET_ARGUMENT_KIND) {
		h->query = true;
		return MHD_YES;
	}
	if (!is_token(name, len))
		h->fault = "the name of a header holds a character that no name may hold";
	else if (value && has_control(value, value_len))
		h->fault = "a header holds a control character";
	else if (value && was_folded(name + len, value))
		h->fault = "a header is folded into a second line";
	slot = header_slot(h, name, len);
	if (slot && !*slot)
		*slot = value;
	return MHD_YES;
}

/* Settles that the request is refused, and returns the code. */
static enum err refuse(struct exchange *x, enum err code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static enum err refuse(struct exchange *x, enum err code, const char *format, ...)
{
	va_list args;

	x->refused = (struct error){.code = code};
	va_start(args, format);
	(void)vsnprintf(x->refused.detail, sizeof x->refused.detail, format, args);
	va_end(args);
	utf8_tidy(x->refused.detail); /* a text of the client's may have been cut within a character */
	x->refusal = code;
	return code;
}

/* --- host ---------------------------------------------------------------------------------------------------- */

static bool is_address(const char *host)
{
	struct in6_addr any;

	return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

static bool host_allowed(const struct http_server *s, const char *host)
{
	const struct config *c = s->app.config;
	size_t i;

	if (config_is_loopback(host) || strcasecmp(host, c->listen_host) == 0)
		return true;
	/* Rebinding needs a name; bound to every address, any of them may be the one that was meant. */
	if (s->any_address && is_address(host))
		return true;
	for (i = 0; i < c->hostnames.n; i++)
		if (strcasecmp(host, c->hostnames.items[i]) == 0)
			return true;
	return false;
}

/*
 * A web page may resolve its own name to our address and so reach us from a browser behind the firewall (DNS
 * rebinding); its requests then carry that name. A request without a Host is HTTP/1.0, and comes from no browser.
 */
static enum err check_host(struct exchange *x)
{
	const char *header = x->headers.host;
	char host[256];
	size_t len;

	if (!header)
		return ERR_OK;
	len = header[0] == '[' ? strcspn(header, "]") : strcspn(header, ":");
	if (header[0] == '[') {
		header++;
		len--;
	}
	if (len >= sizeof host)
		len = 0;
	memcpy(host, header, len);
	host[len] = '\0';
	if (host_allowed(x->server, host))
		return ERR_OK;
	return refuse(x, ERR_MISDIRECTED,
		      "the Host header names neither a loopback address nor a name of "
		      "BURSTD_HOSTNAMES");
}

/* --- routes -------------------------------------------------------------------------------------------------- */

/* A positive integer of at most 18 digits without leading zero; returns what follows it, or NULL. */
static const char *match_number(const char *text, int64_t *ret)
{
	int64_t value = 0;
	int digits = 0;

	if (*text == '0')
		return NULL;
	for (; isdigit((unsigned char)*text) && digits < 18; text++, digits++)
		value = value * 10 + (*text - '0');
	if (digits == 0 || isdigit((unsigned char)*text))
		return NULL;
	*ret = value;
	return text;
}

/* What stands for the {id} or {name} of a path. */
struct place {
	int64_t number;
	const char *key;
	size_t key_len;
};

/* A {name}: see REQ_KEY_SIZE. Returns what follows it, or NULL. */
static const char *match_key(const char *text, struct place *ret)
{
	size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

	if (len == 0 || len >= REQ_KEY_SIZE)
		return NULL;
	ret->key = text;
	ret->key_len = len;
	return text + len;
}

static bool match_path(const char *pattern, const char *path, struct place *ret)
{
	while (*pattern) {
		if (*pattern == '{') {
			path = strncmp(pattern, "{id}", 4) == 0 ? match_number(path, &ret->number)
								: match_key(path, ret);
			if (!path)
				return false;
			pattern += strcspn(pattern, "}") + 1;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	return *path == '\0';
}

static void allow_add(struct exchange *x, const char *method)
{
	size_t len = strlen(x->allow);

	(void)snprintf(x->allow + len, sizeof x->allow - len, "%s%s", len ? ", " : "", method);
}

static void keep_place(struct exchange *x, const struct place *place)
{
	x->req.number = place->number;
	if (!place->key)
		return;
	memcpy(x->key, place->key, place->key_len);
	x->key[place->key_len] = '\0';
	x->req.key = x->key;
}

/* Finds the route, and the methods of its path on the way; true where the path has any. */
static bool find_route(struct exchange *x, const char *url)
{
	const char *wanted = x->head ? "GET" : x->method;
	const struct route *row;
	struct place place = {.number = 0};
	bool found = false;

	for (row = x->server->routes.rows; row < x->server->routes.rows + x->server->routes.n; row++) {
		if (!match_path(row->path, url, &place))
			continue;
		found = true;
		if (strcmp(row->method, wanted) == 0) {
			x->req.route = row;
			keep_place(x, &place);
			return true; /* `allow` is for those that are not found */
		}
	}
	return found;
}

static void collect_allow(struct exchange *x, const char *url)
{
	const struct route *row;
	struct place place;

	for (row = x->server->routes.rows; row < x->server->routes.rows + x->server->routes.n; row++) {
		if (!match_path(row->path, url, &place))
			continue;
		allow_add(x, row->method);
		if (strcmp(row->method, "GET") == 0)
			allow_add(x, "HEAD");
	}
	allow_add(x, "OPTIONS");
}

/* Whether every method of the path is open: those are answered without a token whatever the method. */
static bool path_is_open(const struct exchange *x, const char *url)
{
	const struct route *row;
	struct place place;
	bool open = false;

	for (row = x->server->routes.rows; row < x->server->routes.rows + x->server->routes.n; row++) {
		if (row->role == TOKEN_NONE && match_path(row->path, url, &place))
			open = true;
	}
	return open;
}

/* Whether the path takes Basic; `otherwise` where no route has the path. */
static bool path_takes_basic(const struct exchange *x, const char *url, bool otherwise)
{
	const struct route *row;
	struct place place;

	for (row = x->server->routes.rows; row < x->server->routes.rows + x->server->routes.n; row++)
		if (match_path(row->path, url, &place))
			return row->basic;
	return otherwise;
}

/* --- token --------------------------------------------------------------------------------------------------- */

/* Whether the connection has shown the very same header in this generation of the tokens, where its scheme is taken. */
static bool known_token(struct exchange *x, const struct connection *c, int64_t generation,
			const char *header, bool basic)
{
	size_t len = strlen(header);

	if (!c || !generation || c->generation != generation || x->req.now >= c->until ||
	    (c->basic && !basic) || len >= sizeof c->header || c->header[len] != '\0')
		return false;
	if (!crypto_equal(c->header, header, len))
		return false;
	memcpy(x->actor, c->actor, sizeof x->actor);
	return true;
}

static void remember_token(struct exchange *x, struct connection *c, int64_t generation, enum token_role role)
{
	const char *header = x->headers.authorization;
	size_t len = strlen(header);

	if (!c || !generation || len >= sizeof c->header)
		return;
	memcpy(c->header, header, len + 1);
	memcpy(c->actor, x->actor, ACTOR_SIZE);
	c->role = role;
	c->basic = auth_is_basic(header);
	c->until = x->req.now + AUTH_TOUCH_MS;
	c->generation = generation;
}

/* A wrong token is counted against its address; a revoked one is known, and no guess. */
static bool throttled(struct exchange *x, bool revoked)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	if (!x->headers.authorization || revoked)
		return false;
	x->retry_after = throttle_wrong(x->server->throttle, info ? info->client_addr : NULL, x->req.now);
	return x->retry_after > 0;
}

/* RFC 9110 11.6.1: a challenge for each scheme that the path takes. */
static const char *challenge(bool basic, bool invalid)
{
	if (basic)
		return "Basic realm=\"burstd\", charset=\"UTF-8\", Bearer realm=\"burstd\"";
	return invalid ? "Bearer realm=\"burstd\", error=\"invalid_token\"" : "Bearer realm=\"burstd\"";
}

static enum err refuse_token(struct exchange *x, const char *url, bool revoked, const struct error *e)
{
	const char *header = x->headers.authorization;
	bool basic = path_takes_basic(x, url, false); /* a path that no route has looks like most others */

	if (e->code) {
		log_error("the tokens cannot be read", "request", x->id, "error", e->detail);
		return refuse(x, ERR_BUSY, "the tokens cannot be read from the store");
	}
	if (throttled(x, revoked))
		return refuse(x, ERR_TOO_MANY, "too many wrong tokens came from this address");
	x->challenge = challenge(basic, header);
	return refuse(x, ERR_UNAUTHORIZED, "the Authorization header %s; it must be: Bearer TOKEN%s",
		      header ? "holds no valid token" : "is missing",
		      basic ? ", or Basic with any user name and the token as the password" : "");
}

/* Basic is taken where the path says so; on a path that no route has it makes no difference, as nothing is there. */
static enum err check_token(struct exchange *x, const char *url, enum token_role *ret_role)
{
	const char *header = x->headers.authorization;
	bool basic = auth_is_basic(header) && path_takes_basic(x, url, true);
	struct connection *c = connection_of(x->connection);
	int64_t generation = auth_generation(x->server->auth, &x->server->app);
	struct error e = {.code = ERR_OK};
	bool revoked = false;

	if (header && known_token(x, c, generation, header, basic)) {
		*ret_role = c->role;
		return ERR_OK;
	}
	*ret_role = auth_check(x->server->auth, &x->server->app, header, basic, x->actor, &revoked, &e);
	if (*ret_role == TOKEN_NONE)
		return refuse_token(x, url, revoked, &e);
	remember_token(x, c, generation, *ret_role);
	return ERR_OK;
}

static enum err check_route(struct exchange *x, const char *url, enum token_role role)
{
	bool found = find_route(x, url);

	if (!found)
		return refuse(x, ERR_NOT_FOUND, "there is nothing at this path");
	if (x->options || !x->req.route)
		collect_allow(x, url);
	if (x->options)
		return ERR_OK;
	if (!x->req.route)
		return refuse(x, ERR_METHOD, "this path takes %s", x->allow);
	if (role < x->req.route->role)
		return refuse(x, ERR_FORBIDDEN, "this needs the role %s; the token has the role %s",
			      token_role_text(x->req.route->role), token_role_text(role));
	return ERR_OK;
}

/* --- query --------------------------------------------------------------------------------------------------- */

static bool name_in(const char *names, const char *name, size_t len)
{
	while (names && *names) {
		size_t n = strcspn(names, " ");

		if (n == len && memcmp(names, name, n) == 0)
			return true;
		names += n + strspn(names + n, " ");
	}
	return false;
}

static bool is_utf8(const char *text, size_t len)
{
	json_t *value = json_stringn(text, len); /* NULL for what is not UTF-8 */

	json_decref(value);
	return value != NULL;
}

struct query_check {
	struct exchange *x;
	size_t seen;
};

static enum MHD_Result check_parameter(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_len,
				       const char *value, size_t value_len)
{
	struct query_check *q = cls;
	struct exchange *x = q->x;
	const char *first = NULL;

	(void)kind;
	if (!is_utf8(key, key_len) || (value && (!is_utf8(value, value_len) || strlen(value) != value_len))) {
		(void)refuse(x, ERR_BAD_REQUEST, "the query is not valid UTF-8");
		return MHD_NO;
	}
	if (!name_in(x->req.route->query, key, key_len)) {
		(void)refuse(x, ERR_BAD_REQUEST, "unknown query parameter \"%.60s\"%s%s", key,
			     x->req.route->query ? "; known are: " : "",
			     x->req.route->query ? x->req.route->query : "");
		return MHD_NO;
	}
	(void)MHD_lookup_connection_value_n(x->connection, MHD_GET_ARGUMENT_KIND, key, key_len, &first, NULL);
	if (first != value)
		(void)refuse(x, ERR_BAD_REQUEST, "the query parameter \"%.60s\" is given twice", key);
	else if (!value)
		(void)refuse(x, ERR_BAD_REQUEST, "the query parameter \"%.60s\" has no value", key);
	return x->refusal ? MHD_NO : MHD_YES;
}

static enum err check_query(struct exchange *x)
{
	struct query_check q = {.x = x};

	(void)MHD_get_connection_values_n(x->connection, MHD_GET_ARGUMENT_KIND, check_parameter, &q);
	return x->refusal;
}

/* --- media types --------------------------------------------------------------------------------------------- */

double header_weight(const char *parameters, size_t len)
{
	size_t i;

	for (i = 0; i + 2 < len; i++)
		if (strchr("; \t", parameters[i]))
			if (tolower((unsigned char)parameters[i + 1]) == 'q' && parameters[i + 2] == '=')
				return strtod(parameters + i + 3, NULL);
	return 1;
}

/* How well a range of Accept fits the type: 3 exact, 2 "application/ *", 1 "* / *", 0 not. */
static int range_fit(const char *range, size_t len, const char *media)
{
	size_t major = strcspn(media, "/");

	if (len == strlen(media) && strncasecmp(range, media, len) == 0)
		return 3;
	if (len == major + 2 && strncasecmp(range, media, major + 1) == 0 && range[len - 1] == '*')
		return 2;
	return len == 3 && memcmp(range, "*/*", 3) == 0 ? 1 : 0;
}

/* RFC 9110 12.5.1: the most specific range that fits decides. 0 = not accepted. */
static double accepts(const char *header, const char *media)
{
	int best = 0;
	double weight = 0;
	size_t len, name;
	int fit;

	while (*header) {
		header += strspn(header, " \t,");
		len = strcspn(header, ",");
		name = strcspn(header, "; \t,");
		fit = range_fit(header, name, media);
		if (fit > best) {
			best = fit;
			weight = header_weight(header + name, len - name);
		}
		header += len;
	}
	return weight > 0 ? weight : 0;
}

static enum err check_accept(struct exchange *x)
{
	const char *header = x->headers.accept;
	const struct route *route = x->req.route;
	const char *media = route->media ? route->media : "application/json";
	const char *const *also = route->also;
	double best, weight;

	x->req.media = media;
	if (!header || !*header)
		return ERR_OK;
	best = accepts(header, media);
	for (; also && *also; also++) {
		weight = accepts(header, *also);
		if (weight > best) {
			best = weight;
			x->req.media = *also;
		}
	}
	if (best > 0)
		return ERR_OK;
	return refuse(x, ERR_NOT_ACCEPTABLE, "this is offered as %s%s", media,
		      route->also ? " and in other forms, which the contract names" : "");
}

static bool is_json_type(const char *type)
{
	static const char *const names[] = {"application/json", "application/merge-patch+json"};
	size_t len = type ? strcspn(type, "; \t") : 0;
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++)
		if (len == strlen(names[i]) && strncasecmp(type, names[i], len) == 0)
			return true;
	return false;
}

/* What the headers say of the body; what they do not say is counted as it arrives. */
static enum err check_body(struct exchange *x)
{
	const char *length = x->headers.content_length;
	bool chunked = x->headers.transfer_encoding != NULL;
	unsigned long long size = length ? strtoull(length, NULL, 10) : 0;

	if (size == 0 && !chunked)
		return ERR_OK;
	if (size > x->req.route->body_limit)
		return refuse(x, ERR_TOO_LARGE, "the body may have at most %zu bytes here",
			      x->req.route->body_limit);
	if (x->req.route->foreign && !x->headers.content_type)
		return ERR_OK;
	if (!is_json_type(x->headers.content_type))
		return refuse(x, ERR_MEDIA_TYPE, "the Content-Type must be application/json");
	return ERR_OK;
}

/* --- headers that change what a request does ----------------------------------------------------------------------- */

/* The methods that overwrite what somebody else may have written meanwhile. */
static bool changes(const char *method)
{
	return strcmp(method, "PATCH") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "DELETE") == 0;
}

/* RFC 6585 3: who does not say what a change is based on could undo somebody else's. */
static enum err check_conditions(struct exchange *x)
{
	const char *key = x->headers.idempotency_key;
	const char *match = x->headers.if_match;

	if (changes(x->req.route->method) && !(match && *match))
		return refuse(
			x, ERR_PRECONDITION_REQUIRED,
			"a %s needs the If-Match header: the ETag of the GET that the change is based on, "
			"or * for whatever is there now",
			x->req.route->method);
	if (key && strcmp(x->req.route->method, "POST") == 0 && !idempotency_key_valid(key))
		return refuse(x, ERR_BAD_REQUEST,
			      "the Idempotency-Key must have 1 to %d visible ASCII characters",
			      IDEMPOTENCY_KEY_MAX);
	return ERR_OK;
}

/* --- all of it ------------------------------------------------------------------------------------------------ */

static enum err check_address(struct exchange *x)
{
	if (x->uri_too_long)
		return refuse(x, ERR_URI_TOO_LONG, "the address may have at most %d bytes", LIMIT_URL_BYTES);
	if (x->uri_has_nul)
		return refuse(x, ERR_BAD_REQUEST, "the address holds a NUL byte");
	if (x->uri_has_slash)
		return refuse(x, ERR_NOT_FOUND, "there is nothing at this path");
	return ERR_OK;
}

/*
 * Where a proxy and we could disagree on where a request ends, its sender could hide a second one in the first (request
 * smuggling, RFC 9112 11.2). Such a connection is not read any further.
 */
static enum err check_framing(struct exchange *x)
{
	const struct headers *h = &x->headers;
	bool old = strcmp(x->version, "HTTP/1.0") == 0;

	x->close = true;
	if (h->fault)
		return refuse(x, ERR_BAD_REQUEST, "%s", h->fault);
	if (h->transfer_encoding && h->content_length)
		return refuse(x, ERR_BAD_REQUEST, "Content-Length and Transfer-Encoding exclude each other");
	if (h->transfer_encoding && (old || strcasecmp(h->transfer_encoding, "chunked") != 0))
		return refuse(x, ERR_BAD_REQUEST, "the only Transfer-Encoding is chunked, with HTTP/1.1");
	if (!h->host && !old)
		return refuse(x, ERR_BAD_REQUEST, "the Host header is missing");
	x->close = false;
	return ERR_OK;
}

void request_check(struct exchange *x, const char *url)
{
	enum token_role role = TOKEN_NONE;

	(void)MHD_get_connection_values_n(x->connection, MHD_HEADER_KIND | MHD_GET_ARGUMENT_KIND, collect,
					  &x->headers);
	if (check_framing(x) || check_address(x) || check_host(x))
		return;
	if (!path_is_open(x, url) && check_token(x, url, &role))
		return;
	if (check_route(x, url, role) || x->options)
		return;
	if ((x->headers.query && check_query(x)) || check_accept(x) || check_body(x))
		return;
	(void)check_conditions(x);
}

/* --- accessors for handlers ---------------------------------------------------------------------------------- */

const struct picture *req_picture(struct req *r)
{
	struct exchange *x = exchange_of(r);

	if (!x->picture)
		x->picture = r->app->picture(r->app->self);
	return x->picture;
}

struct store *req_store(struct req *r, struct error *e)
{
	return r->app->store(r->app->store_self, e);
}

const char *req_query(struct req *r, const char *name)
{
	return MHD_lookup_connection_value(exchange_of(r)->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *req_last_event_id(struct req *r)
{
	return exchange_of(r)->headers.last_event_id;
}

bool req_has_query(struct req *r)
{
	return exchange_of(r)->headers.query;
}

void req_changed(struct req *r)
{
	/* a page made now would be one of before the commit, and taken for the present one */
	if (exchange_of(r)->holding) {
		exchange_of(r)->changed = true;
		return;
	}
	(void)atomic_fetch_add(&exchange_of(r)->server->writes, 1);
	r->app->wake(r->app->self);
}

void req_tokens_changed(struct req *r)
{
	if (exchange_of(r)->holding)
		exchange_of(r)->tokens_changed = true;
	else
		auth_reload(exchange_of(r)->server->auth);
}

/* --- the body ------------------------------------------------------------------------------------------------ */

static bool too_deep(const json_t *value, int levels)
{
	const char *key;
	json_t *item;
	size_t i;

	if (levels == 0)
		return true;
	json_array_foreach((json_t *)(uintptr_t)value, i, item)
	{
		if (too_deep(item, levels - 1))
			return true;
	}
	json_object_foreach((json_t *)(uintptr_t)value, key, item)
	{
		if (too_deep(item, levels - 1))
			return true;
	}
	return false;
}

/* jansson names the key at fault only in its text: duplicate object key near '"enabled"'. */
static void name_duplicate(const json_error_t *je, struct error *e)
{
	const char *start = strstr(je->text, "near '\"");
	size_t len = start ? strcspn(start + 7, "\"") : 0;
	char pointer[sizeof e->pointer] = "";

	if (len > 0)
		(void)snprintf(pointer, sizeof pointer, "/%.*s", len < 80 ? (int)len : 80, start + 7);
	(void)error_field(e, ERR_BAD_REQUEST, pointer, "the field is given twice");
}

static json_t *parse(const struct buf *body, bool foreign, struct error *e)
{
	int levels = foreign ? LIMIT_UPSTREAM_JSON_DEPTH : LIMIT_JSON_DEPTH;
	json_error_t je;
	json_t *value;

	/* jansson 2.14 skips a NUL that stands behind a number */
	if (memchr(body->data, '\0', body->len)) {
		(void)error_set(e, ERR_BAD_REQUEST, "the body is not valid JSON: it holds a NUL byte");
		return NULL;
	}
	value = json_loadb(body->data, body->len, JSON_REJECT_DUPLICATES | (foreign ? JSON_ALLOW_NUL : 0),
			   &je);
	if (value && !too_deep(value, levels))
		return value;
	if (value)
		(void)error_set(e, ERR_BAD_REQUEST, "the body is nested deeper than %d levels", levels);
	else if (json_error_code(&je) == json_error_duplicate_key)
		name_duplicate(&je, e);
	else if (json_error_code(&je) == json_error_invalid_utf8)
		(void)error_set(e, ERR_BAD_REQUEST, "the body is not valid UTF-8, at byte %d", je.position);
	else
		(void)error_set(e, ERR_BAD_REQUEST, "the body is not valid JSON: line %d, column %d: %s",
				je.line, je.column, je.text);
	json_decref(value);
	return NULL;
}

json_t *req_body(struct req *r, struct error *e)
{
	struct exchange *x = exchange_of(r);

	e->code = ERR_OK;
	if (!x->json && x->body.failed)
		(void)error_set(e, ERR_TOO_LARGE, "the body is too large");
	else if (!x->json && x->body.len > 0)
		x->json = parse(&x->body, x->req.route->foreign, e);
	return x->json;
}

/*
 * Owns libcurl: one easy handle (its connections stay alive between exchanges) driven by one multi handle.
 *
 * Invariants: every option is set again for every exchange (curl_easy_reset keeps connections, DNS and TLS sessions);
 * no redirect is followed; only http and https; nothing is logged. The multi handle is used instead of
 * curl_easy_perform because curl_multi_wakeup ends a waiting exchange at once.
 *
 * Threads: one owner calls perform. curl_transport_interrupt may come from any thread: it sets an atomic flag and wakes
 * the poll; the flag stays set, so that an exchange that begins later ends as well.
 *
 * Pitfalls worked around here: libcurl's signer signs headers that an empty value removes, reads the body from
 * POSTFIELDS only, and checks no characters (docs/upstream.md, "Requests and signing"); without CAPATH = NULL every new TLS connection would read
 * the whole store of authorities again.
 */
#define _GNU_SOURCE /* memrchr */
#include "clients/transport.h"

#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "clients/transport_internal.h"

#define DEFAULT_TIMEOUT_MS         20000L
#define DEFAULT_CONNECT_TIMEOUT_MS 4000L
#define POLL_MS                    1000
#define LOW_SPEED_BYTES            100L /* below this many bytes a second ... */
#define LOW_SPEED_SECONDS          15L  /* ... for so long, an exchange is given up */
#define RETRY_AFTER_MOST_S         3600

void http_answer_free(struct http_answer *a)
{
	buf_free(&a->body);
}

/* --- TLS --------------------------------------------------------------------------------------------------------- */

/* "sha256//BASE64" of the certificate's public key, the form of the pin. */
static void key_pin(X509 *cert, char out[KEY_PIN_SIZE])
{
	unsigned char *der = NULL;
	unsigned char digest[32];
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

	out[0] = '\0';
	if (len > 0 && EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL)) {
		memcpy(out, "sha256//", 9);
		(void)EVP_EncodeBlock((unsigned char *)out + 8, digest, sizeof(digest));
	}
	OPENSSL_free(der);
}

/* Only watches: notes key and failure for the error's words and leaves OpenSSL's verdict as it is. */
static int watch_verify(int ok, X509_STORE_CTX *store)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct curl_transport *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	X509 *leaf = X509_STORE_CTX_get0_cert(store);

	if (t && leaf && !t->seen_key[0])
		key_pin(leaf, t->seen_key);
	if (t && !ok && !t->verify_error)
		t->verify_error = X509_STORE_CTX_get_error(store);
	return ok;
}

static CURLcode on_ssl_ctx(CURL *easy, void *ssl_ctx, void *self)
{
	(void)easy;
	SSL_CTX_set_app_data(ssl_ctx, self);
	SSL_CTX_set_verify(ssl_ctx, SSL_CTX_get_verify_mode(ssl_ctx), watch_verify);
	SSL_CTX_set_options(ssl_ctx, SSL_OP_CLEANSE_PLAINTEXT); /* answers may hold secrets */
	return CURLE_OK;
}

/* libcurl takes any other text for the name of a file with keys. */
static bool pin_valid(const char *pin)
{
	return strncmp(pin, "sha256//", 8) == 0 && strlen(pin) == 52 && pin[51] == '=' &&
	       strspn(pin + 8, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") == 43;
}

static void set_tls(struct curl_transport *t)
{
	CURL *c = t->easy;
	bool chain = !t->pinned_key && !t->unverified;

	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* A pinned key says more than a chain and a name: exactly this key, also self-signed. */
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, chain ? 1L : 0L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, chain ? 2L : 0L);
	if (t->pinned_key)
		curl_easy_setopt(c, CURLOPT_PINNEDPUBLICKEY, t->pinned_key);
	if (t->ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, t->ca_file);
	curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(c, CURLOPT_CA_CACHE_TIMEOUT, 86400L);
	curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
	curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, t);
}

/* --- the request ------------------------------------------------------------------------------------------------- */

/* A line break in a header would begin another one; a header without value is libcurl's way to remove one. */
static bool header_valid(const char *h)
{
	const char *colon = strchr(h, ':');

	if (!colon || colon == h || strlen(colon + 1) == strspn(colon + 1, " \t"))
		return false;
	for (const char *p = h; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	return true;
}

static bool set_headers(struct exchange *x, struct upstream_error *e)
{
	for (const char *const *h = x->call->headers; h && *h; h++) {
		if (!header_valid(*h)) {
			transport_refuse(x, e, "a header holds characters that cannot be sent");
			return false;
		}
		struct curl_slist *longer = curl_slist_append(x->headers, *h);

		if (!longer) {
			transport_refuse(x, e, "out of memory");
			return false;
		}
		x->headers = longer;
	}
	curl_easy_setopt(x->t->easy, CURLOPT_HTTPHEADER, x->headers);
	return true;
}

static void set_method(CURL *c, const struct http_call *call)
{
	const char *verb = NULL;

	if (call->body || call->method == METHOD_POST || call->method == METHOD_PATCH) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, call->body ? call->body : "");
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)(call->body ? call->body_len : 0));
	} else {
		curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
	}
	switch (call->method) {
	case METHOD_GET:
	case METHOD_POST:
		break;
	case METHOD_PATCH:
		verb = "PATCH";
		break;
	case METHOD_DELETE:
		verb = "DELETE";
		break;
	case METHOD_PUT_IMDS:
		verb = "PUT";
		break;
	}
	if (verb)
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, verb);
}

static bool only(const char *text, const char *allowed)
{
	return *text && text[strspn(text, allowed)] == '\0';
}

#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* What libcurl's signer does not check, docs/upstream.md, "Requests and signing". */
static bool set_signature(const struct exchange *x, struct upstream_error *e)
{
	const struct http_call *call = x->call;
	CURL *c = x->t->easy;

	if (call->method != METHOD_POST || !call->body || strchr(call->url, '?')) {
		transport_refuse(x, e, "only a POST with a body and without a query can be signed");
		return false;
	}
	if (!only(call->sigv4, ALNUM ":-") || !call->access_key || !only(call->access_key, ALNUM "/+=_-") ||
	    !call->secret_key || !*call->secret_key) {
		char issue[49];

		upstream_error_set(e, UPSTREAM_OPERATOR, 0, "credentials",
				   transport_slug(x->t, "credentials", issue),
				   "enter the AWS keys again, without blanks or line breaks",
				   "the AWS access key or the region holds characters that neither can have");
		return false;
	}
	curl_easy_setopt(c, CURLOPT_AWS_SIGV4, call->sigv4);
	curl_easy_setopt(c, CURLOPT_USERNAME, call->access_key);
	curl_easy_setopt(c, CURLOPT_PASSWORD, call->secret_key);
	return true;
}

static void set_limits(const struct exchange *x)
{
	const struct http_call *call = x->call;
	CURL *c = x->t->easy;
	long timeout = call->timeout_ms ? call->timeout_ms : x->t->timeout_ms;
	long connect = call->connect_timeout_ms ? call->connect_timeout_ms : DEFAULT_CONNECT_TIMEOUT_MS;

	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, timeout);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, connect);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED_BYTES);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, LOW_SPEED_SECONDS);
	curl_easy_setopt(c, CURLOPT_MAXFILESIZE_LARGE,
			 (curl_off_t)(call->answer_max ? call->answer_max : DEFAULT_ANSWER_MAX));
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	if (call->no_proxy)
		curl_easy_setopt(c, CURLOPT_PROXY, "");
	if (call->once)
		curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
}

static bool set_auth(const struct exchange *x, struct upstream_error *e)
{
	CURL *c = x->t->easy;

	if (x->t->unverified && (x->call->sigv4 || x->call->basic_user)) {
		transport_refuse(x, e, "credentials are not sent to a server that is not verified");
		return false;
	}
	if (x->call->sigv4)
		return set_signature(x, e);
	if (x->call->basic_user) {
		curl_easy_setopt(c, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		curl_easy_setopt(c, CURLOPT_USERNAME, x->call->basic_user);
		curl_easy_setopt(c, CURLOPT_PASSWORD, x->call->basic_password ? x->call->basic_password : "");
	}
	return true;
}

/* --- the answer -------------------------------------------------------------------------------------------------- */

static size_t on_body(char *data, size_t one, size_t len, void *self)
{
	struct buf *body = self;

	(void)one; /* always 1 */
	buf_append(body, data, len);
	return body->failed ? 0 : len;
}

static void copy_header(CURL *c, const char *name, char *out, size_t size)
{
	struct curl_header *h;

	if (curl_easy_header(c, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK)
		(void)snprintf(out, size, "%s", h->value);
}

static void read_head(CURL *c, struct http_answer *a)
{
	curl_off_t retry_after = 0;
	char date[64] = "";
	long status = 0;

	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	a->status = (int)status;
	copy_header(c, "Content-Type", a->content_type, sizeof(a->content_type));
	copy_header(c, "Location", a->location, sizeof(a->location));
	copy_header(c, "Date", date, sizeof(date));
	(void)time_parse_http(date, &a->date_ms);
	curl_easy_getinfo(c, CURLINFO_RETRY_AFTER, &retry_after);
	if (retry_after > RETRY_AFTER_MOST_S)
		retry_after = RETRY_AFTER_MOST_S;
	a->retry_after_ms = retry_after > 0 ? (long)retry_after * 1000 : 0;
}

/* The result of the only transfer; CURLE_ABORTED_BY_CALLBACK while it has none. */
static CURLcode result_of(CURLM *multi)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(multi, &left)))
		if (m->msg == CURLMSG_DONE)
			return m->data.result;
	return CURLE_ABORTED_BY_CALLBACK;
}

static CURLcode drive(struct curl_transport *t)
{
	int running = 1;
	CURLMcode problem = curl_multi_add_handle(t->multi, t->easy);

	while (!problem && running && !atomic_load(&t->interrupted)) {
		problem = curl_multi_perform(t->multi, &running);
		if (!problem && running)
			problem = curl_multi_poll(t->multi, NULL, 0, POLL_MS, NULL);
	}
	CURLcode result = result_of(t->multi);

	curl_multi_remove_handle(t->multi, t->easy);
	return problem ? CURLE_FAILED_INIT : result;
}

/* Everything that one exchange needs, on a handle without left-overs of the one before. */
static bool prepare(struct exchange *x, struct http_answer *ret, struct upstream_error *e)
{
	struct curl_transport *t = x->t;
	CURL *c = t->easy;

	curl_easy_reset(c);
	t->curl_words[0] = '\0';
	t->seen_key[0] = '\0';
	t->verify_error = 0;
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->curl_words);
	curl_easy_setopt(c, CURLOPT_URL, x->call->url);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "burstd/" BURSTD_VERSION);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, &ret->body);
	if (t->pinned_key && !pin_valid(t->pinned_key)) {
		transport_report(x, e, UPSTREAM_OPERATOR, "tls_pin", "tls",
				 "the form is sha256// and the 44 characters of the key's hash in base64",
				 "the pinned key has the wrong form");
		return false;
	}
	set_limits(x);
	set_tls(t);
	set_method(c, x->call);
	return set_headers(x, e) && set_auth(x, e);
}

/* "host:port" for messages; user and password that an address may carry are left out. */
static void host_of(const char *url, char *out, size_t size)
{
	const char *start = strstr(url, "://");

	start = start ? start + 3 : url;
	size_t len = strcspn(start, "/?#");
	const char *at = memrchr(start, '@', len);

	if (at) {
		len -= (size_t)(at + 1 - start);
		start = at + 1;
	}
	(void)snprintf(out, size, "%.*s", (int)len, start);
}

static bool perform(void *self, const struct http_call *call, struct http_answer *ret,
		    struct upstream_error *e)
{
	struct exchange x = {.t = self, .call = call};
	struct http_answer answer = {.body = {.max = call->answer_max ? call->answer_max : DEFAULT_ANSWER_MAX,
					      .secret = call->secret_answer}};

	host_of(call->url, x.host, sizeof(x.host));
	bool ready = prepare(&x, &answer, e);
	CURLcode code = ready ? drive(x.t) : CURLE_OK;

	curl_easy_setopt(x.t->easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(x.headers);
	if (ready && code == CURLE_OK) {
		read_head(x.t->easy, &answer);
		*ret = answer;
		return true;
	}
	if (ready && atomic_load(&x.t->interrupted))
		transport_report(&x, e, UPSTREAM_RETRY, "interrupted", "unreachable", "",
				 "given up: burstd is stopping");
	else if (ready && answer.body.failed)
		transport_report_too_large(&x, e);
	else if (ready)
		transport_report_curl(&x, code, e);
	http_answer_free(&answer);
	return false;
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

struct curl_transport *curl_transport_new(const struct transport_options *o)
{
	_cleanup_(curl_transport_freep) struct curl_transport *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->easy = curl_easy_init();
	t->multi = curl_multi_init();
	t->name = copy(o->name);
	t->ca_file = copy(o->ca_file);
	t->pinned_key = copy(o->pinned_key);
	t->unverified = o->unverified;
	t->timeout_ms = o->timeout_ms ? o->timeout_ms : DEFAULT_TIMEOUT_MS;
	atomic_init(&t->interrupted, false);
	if (!t->easy || !t->multi || !t->name || (o->ca_file && !t->ca_file) ||
	    (o->pinned_key && !t->pinned_key))
		return NULL;
	return take_ptr(t);
}

void curl_transport_free(struct curl_transport *t)
{
	if (!t)
		return;
	curl_easy_cleanup(t->easy);
	curl_multi_cleanup(t->multi);
	free(t->name);
	free(t->ca_file);
	free(t->pinned_key);
	free(t);
}

struct transport curl_transport_port(struct curl_transport *t)
{
	return (struct transport){.perform = perform, .self = t};
}

void curl_transport_interrupt(struct curl_transport *t)
{
	atomic_store(&t->interrupted, true);
	curl_multi_wakeup(t->multi);
}

void curl_transport_setup(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

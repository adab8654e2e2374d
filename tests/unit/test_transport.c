/*
 * Tests of the transport against a real server on a loopback port that the system chose. The server is one thread that
 * serves one connection at a time and counts them; TLS with a certificate made at start.
 */
#define _GNU_SOURCE /* memmem */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clients/transport.h"

#define REQUEST_MAX 8192

/* --- the server -------------------------------------------------------------------------------------------------- */

enum behaviour {
	ANSWER,   /* the fixed text, connection kept */
	HANG,     /* reads and says nothing until the test ends or the peer goes */
	CLOSE,    /* closes without an answer */
	TRUNCATE, /* promises more than it sends */
	BIG,      /* an endless body without a length */
};

struct server {
	int listener;
	int port;
	pthread_t thread;
	SSL_CTX *tls;
	atomic_int behaviour;
	atomic_int connections;
	atomic_int requests;
	atomic_bool reached; /* a request has arrived */
	const char *answer;
	char request[REQUEST_MAX]; /* the last one, whole */
};

struct peer {
	int fd;
	SSL *ssl;
};

static ssize_t peer_read(const struct peer *p, char *out, size_t size)
{
	return p->ssl ? SSL_read(p->ssl, out, (int)size) : recv(p->fd, out, size, 0);
}

static bool peer_write(const struct peer *p, const char *text, size_t len)
{
	ssize_t n = p->ssl ? SSL_write(p->ssl, text, (int)len) : send(p->fd, text, len, MSG_NOSIGNAL);

	return n == (ssize_t)len;
}

static size_t body_length(const char *head)
{
	const char *at = strcasestr(head, "\r\ncontent-length:");

	return at ? strtoul(at + strlen("\r\ncontent-length:"), NULL, 10) : 0;
}

/* One whole request; false at the end of the connection. */
static bool read_request(const struct peer *p, char *text)
{
	size_t len = 0;
	char *body = NULL;

	text[0] = '\0';
	while (len < REQUEST_MAX - 1) {
		ssize_t n = peer_read(p, text + len, REQUEST_MAX - 1 - len);

		if (n <= 0)
			return false;
		len += (size_t)n;
		text[len] = '\0';
		body = strstr(text, "\r\n\r\n");
		if (body && len - (size_t)(body + 4 - text) >= body_length(text))
			return true;
	}
	return false;
}

static void pour(const struct peer *p)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
	char block[4096];

	memset(block, 'x', sizeof(block));
	if (!peer_write(p, head, strlen(head)))
		return;
	while (peer_write(p, block, sizeof(block)))
		;
}

/* False: the connection is over. */
static bool respond(struct server *s, const struct peer *p)
{
	static const char short_answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this";
	char scrap[64];

	switch ((enum behaviour)atomic_load(&s->behaviour)) {
	case ANSWER:
		return peer_write(p, s->answer, strlen(s->answer));
	case HANG:
		(void)peer_read(p, scrap, sizeof(scrap)); /* returns when the client has given up */
		return false;
	case CLOSE:
		return false;
	case TRUNCATE:
		(void)peer_write(p, short_answer, strlen(short_answer));
		return false;
	case BIG:
		pour(p);
		return false;
	}
	return false;
}

/* Waits for more from the peer; a connection that is kept without a request gives way to a new one. */
static bool stays(const struct server *s, const struct peer *p)
{
	struct pollfd fds[] = {{.fd = p->fd, .events = POLLIN}, {.fd = s->listener, .events = POLLIN}};

	if (p->ssl && SSL_pending(p->ssl) > 0)
		return true;
	return poll(fds, 2, -1) > 0 && fds[0].revents;
}

static void serve_connection(struct server *s, int fd)
{
	struct peer p = {.fd = fd};
	char request[REQUEST_MAX];

	if (s->tls) {
		p.ssl = SSL_new(s->tls);
		SSL_set_fd(p.ssl, fd);
	}
	if (!p.ssl || SSL_accept(p.ssl) == 1) {
		while (stays(s, &p) && read_request(&p, request)) {
			memcpy(s->request, request, sizeof(request));
			atomic_fetch_add(&s->requests, 1);
			atomic_store(&s->reached, true);
			if (!respond(s, &p))
				break;
		}
	}
	SSL_free(p.ssl);
	close(fd);
}

static void *serve(void *arg)
{
	struct server *s = arg;
	int fd;

	while ((fd = accept(s->listener, NULL, NULL)) >= 0) {
		atomic_fetch_add(&s->connections, 1);
		serve_connection(s, fd);
	}
	return NULL;
}

static void server_start(struct server *s)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	s->answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	s->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s->listener, 8), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *)&a, &len), 0);
	s->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

/* The client must be gone before: its kept connection is what the thread reads from. */
static void server_stop(struct server *s)
{
	shutdown(s->listener, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->listener);
	SSL_CTX_free(s->tls);
}

/* --- certificates ------------------------------------------------------------------------------------------------ */

struct identity {
	EVP_PKEY *key;
	X509 *cert;
};

/* A self-signed certificate for `name`. */
static struct identity identity_new(const char *name)
{
	struct identity id = {.key = EVP_EC_gen("P-256"), .cert = X509_new()};
	char alt[80];

	(void)snprintf(alt, sizeof(alt), "%s", name);
	X509_set_version(id.cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(id.cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(id.cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(id.cert), 3600);
	X509_set_pubkey(id.cert, id.key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(id.cert), "CN", MBSTRING_ASC,
				   (const unsigned char *)"test", -1, -1, 0);
	X509_set_issuer_name(id.cert, X509_get_subject_name(id.cert));
	X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alt);

	X509_add_ext(id.cert, san, -1);
	X509_EXTENSION_free(san);
	X509_sign(id.cert, id.key, EVP_sha256());
	return id;
}

static void identity_free(struct identity *id)
{
	EVP_PKEY_free(id->key);
	X509_free(id->cert);
}

static SSL_CTX *identity_tls(const struct identity *id)
{
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());

	assert_int_equal(SSL_CTX_use_certificate(c, id->cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(c, id->key), 1);
	return c;
}

static void identity_pin(const struct identity *id, char out[64])
{
	unsigned char *der = NULL;
	unsigned char digest[32];
	int len = i2d_PUBKEY(id->key, &der);

	EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL);
	memcpy(out, "sha256//", 9);
	EVP_EncodeBlock((unsigned char *)out + 8, digest, sizeof(digest));
	OPENSSL_free(der);
}

static void identity_write(const struct identity *id, char path[64])
{
	(void)snprintf(path, 64, "/tmp/burstd-ca-XXXXXX");
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	assert_non_null(f);
	PEM_write_X509(f, id->cert);
	assert_int_equal(fclose(f), 0);
}

/* --- the fixture ------------------------------------------------------------------------------------------------- */

struct fixture {
	struct server server;
	struct curl_transport *t;
	struct transport port;
	struct http_answer answer;
	struct upstream_error e;
	char url[100];
	bool served;
};

static void connect_with(struct fixture *f, const struct transport_options *o)
{
	curl_transport_free(f->t);
	f->t = curl_transport_new(o);
	assert_non_null(f->t);
	f->port = curl_transport_port(f->t);
}

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	unsetenv("http_proxy"); /* a test that failed may have left it */
	server_start(&f->server);
	f->served = true;
	(void)snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%d/path", f->server.port);
	connect_with(f, &(struct transport_options){.name = "infinity"});
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	http_answer_free(&f->answer);
	curl_transport_free(f->t);
	if (f->served)
		server_stop(&f->server);
	free(f);
	return 0;
}

static bool exchange(struct fixture *f, const struct http_call *call)
{
	http_answer_free(&f->answer);
	return f->port.perform(f->port.self, call, &f->answer, &f->e);
}

static void succeeds(struct fixture *f, const struct http_call *call)
{
	if (!exchange(f, call))
		fail_msg("%s: %s", f->e.code, f->e.message);
}

static void fails(struct fixture *f, const struct http_call *call, const char *code, const char *issue)
{
	assert_false(exchange(f, call));
	if (strcmp(f->e.code, code) != 0)
		fail_msg("%s instead of %s: %s", f->e.code, code, f->e.message);
	assert_string_equal(f->e.issue, issue);
	assert_int_equal(f->e.http_status, 0);
}

static bool sent(const struct fixture *f, const char *text)
{
	return strstr(f->server.request, text) != NULL;
}

/* --- requests ---------------------------------------------------------------------------------------------------- */

static void gets_and_keeps_the_connection(void **state)
{
	struct fixture *f = *state;
	const struct http_call call = {.url = f->url};

	f->server.answer =
		"HTTP/1.1 429 Too Many\r\nContent-Length: 5\r\nContent-Type: text/plain\r\nRetry-After: 7\r\n"
		"Location: http://elsewhere/\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\nhello";
	for (int i = 0; i < 5; i++) {
		succeeds(f, &call);
		assert_int_equal(f->answer.status, 429);
		assert_string_equal(f->answer.body.data, "hello");
		assert_string_equal(f->answer.content_type, "text/plain");
		assert_string_equal(f->answer.location, "http://elsewhere/");
		assert_int_equal(f->answer.date_ms, 784111777000);
		assert_int_equal(f->answer.retry_after_ms, 7000);
	}
	assert_int_equal(f->server.connections, 1);
	assert_memory_equal(f->server.request, "GET /path HTTP/1.1\r\n", 20);
	f->server.answer = "HTTP/1.1 204 No Content\r\n\r\n";
	succeeds(f, &call);
	assert_int_equal(f->answer.status, 204);
	assert_string_equal(f->answer.content_type, "");
	assert_string_equal(f->answer.location, "");
	assert_int_equal(f->answer.date_ms, 0);
	assert_int_equal(f->answer.retry_after_ms, 0);
	assert_int_equal(f->answer.body.len, 0);
}

static void methods_and_headers(void **state)
{
	static const char *const json[] = {"Content-Type: application/json", "X-Other: 1", NULL};
	struct fixture *f = *state;

	succeeds(f, &(struct http_call){.url = f->url,
					.method = METHOD_PATCH,
					.headers = json,
					.body = "{\"a\":1}",
					.body_len = 7});
	assert_memory_equal(f->server.request, "PATCH /path HTTP/1.1\r\n", 22);
	assert_true(sent(f, "\r\nContent-Type: application/json\r\n"));
	assert_true(sent(f, "\r\nX-Other: 1\r\n"));
	assert_true(sent(f, "\r\n\r\n{\"a\":1}"));
	succeeds(f, &(struct http_call){.url = f->url, .method = METHOD_POST, .body = "a=b", .body_len = 3});
	assert_memory_equal(f->server.request, "POST /path ", 11);
	assert_false(sent(f, "X-Other"));
	assert_false(sent(f, "Expect"));
	succeeds(f, &(struct http_call){.url = f->url, .method = METHOD_POST});
	assert_true(sent(f, "\r\nContent-Length: 0\r\n"));
	succeeds(f, &(struct http_call){.url = f->url, .method = METHOD_DELETE});
	assert_memory_equal(f->server.request, "DELETE /path ", 13);
	succeeds(f, &(struct http_call){.url = f->url, .method = METHOD_PUT_IMDS});
	assert_memory_equal(f->server.request, "PUT /path ", 10);
	/* Nothing of the exchanges before is left. */
	succeeds(f, &(struct http_call){.url = f->url});
	assert_memory_equal(f->server.request, "GET /path ", 10);
	assert_false(sent(f, "Content-Length"));
	assert_false(sent(f, "Authorization"));
	assert_int_equal(f->server.connections, 1);
}

static void authentication(void **state)
{
	static const char *const token[] = {"Content-Type: application/x-www-form-urlencoded; charset=utf-8",
					    "X-Amz-Security-Token: tok/+=", NULL};
	struct fixture *f = *state;

	succeeds(f, &(struct http_call){.url = f->url, .basic_user = "u", .basic_password = "p"});
	assert_true(sent(f, "\r\nAuthorization: Basic dTpw\r\n"));
	succeeds(f, &(struct http_call){.url = f->url,
					.method = METHOD_POST,
					.headers = token,
					.body = "Action=X",
					.body_len = 8,
					.sigv4 = "aws:amz:eu-west-2:ec2",
					.access_key = "AKIDEXAMPLE",
					.secret_key = "secret"});
	assert_true(sent(f, "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"));
	assert_true(sent(f, "/eu-west-2/ec2/aws4_request, "
			    "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, "));
	assert_false(sent(f, "secret"));
	succeeds(f, &(struct http_call){.url = f->url});
	assert_false(sent(f, "Authorization"));
}

static void unsafe_calls_are_refused(void **state)
{
	static const char *const split[] = {"X-A: b\r\nX-Evil: 1", NULL};
	static const char *const removed[] = {"Expect:", NULL};
	struct fixture *f = *state;
	struct http_call signed_call = {.url = f->url,
					.method = METHOD_POST,
					.body = "a",
					.body_len = 1,
					.sigv4 = "aws:amz:eu-west-2:ec2",
					.access_key = "AKID",
					.secret_key = "s"};

	fails(f, &(struct http_call){.url = f->url, .headers = split}, "bad_call", "infinity_request");
	fails(f, &(struct http_call){.url = f->url, .headers = removed}, "bad_call", "infinity_request");
	signed_call.method = METHOD_GET;
	fails(f, &signed_call, "bad_call", "infinity_request");
	signed_call.method = METHOD_POST;
	signed_call.access_key = "AKID\n";
	fails(f, &signed_call, "credentials", "infinity_credentials");
	signed_call.access_key = "AKID";
	signed_call.sigv4 = "aws:amz:eu west:ec2";
	fails(f, &signed_call, "credentials", "infinity_credentials");
	signed_call.sigv4 = "aws:amz:eu-west-2:ec2";
	signed_call.secret_key = "";
	fails(f, &signed_call, "credentials", "infinity_credentials");
	assert_int_equal(f->server.connections, 0);
}

static void redirects_are_not_followed(void **state)
{
	struct fixture *f = *state;

	f->server.answer = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /login\r\n\r\n";
	succeeds(f, &(struct http_call){.url = f->url});
	assert_int_equal(f->answer.status, 302);
	assert_string_equal(f->answer.location, "/login");
	assert_int_equal(f->server.requests, 1);
}

static void only_http_and_https(void **state)
{
	struct fixture *f = *state;

	fails(f, &(struct http_call){.url = "file:///etc/passwd"}, "url", "infinity_unreachable");
	assert_int_equal(f->e.class, UPSTREAM_OPERATOR);
	fails(f, &(struct http_call){.url = "ftp://127.0.0.1/"}, "url", "infinity_unreachable");
	fails(f, &(struct http_call){.url = "http://[::1"}, "url", "infinity_unreachable");
	fails(f, &(struct http_call){.url = ""}, "url", "infinity_unreachable");
}

static void proxies_only_where_allowed(void **state)
{
	struct fixture *f = *state;
	char proxy[64];

	(void)snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", f->server.port);
	setenv("http_proxy", proxy, 1);
	f->server.answer =
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"; /* one at a time */
	succeeds(f, &(struct http_call){.url = "http://example.invalid/x"});
	assert_memory_equal(f->server.request, "GET http://example.invalid/x ", 29);
	succeeds(f, &(struct http_call){.url = f->url, .no_proxy = true});
	assert_memory_equal(f->server.request, "GET /path ", 10);
	unsetenv("http_proxy");
}

/* --- failures ---------------------------------------------------------------------------------------------------- */

static void refused_connection(void **state)
{
	struct fixture *f = *state;

	server_stop(&f->server);
	f->served = false;
	fails(f, &(struct http_call){.url = f->url}, "refused", "infinity_unreachable");
	assert_int_equal(f->e.class, UPSTREAM_RETRY);
	assert_non_null(strstr(f->e.message, "connection refused"));
	assert_memory_equal(f->e.message, "127.0.0.1:", 10);
}

static void unknown_host(void **state)
{
	struct fixture *f = *state;

	/* A label of 70 characters is no name at all: the resolver says so without asking anyone. */
	fails(f,
	      &(struct http_call){.url = "http://"
					 "user:hush@"
					 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
					 "aaa.invalid/"},
	      "dns", "infinity_unreachable");
	assert_null(strstr(f->e.message, "hush"));
}

static void silent_server(void **state)
{
	struct fixture *f = *state;

	f->server.behaviour = HANG;
	fails(f, &(struct http_call){.url = f->url, .timeout_ms = 50}, "timeout", "infinity_timeout");
	assert_int_equal(f->e.class, UPSTREAM_RETRY);
	assert_non_null(strstr(f->e.message, "no answer"));
}

static void lost_connections(void **state)
{
	struct fixture *f = *state;

	f->server.behaviour = CLOSE;
	fails(f, &(struct http_call){.url = f->url}, "reset", "infinity_unreachable");
	f->server.behaviour = TRUNCATE;
	fails(f, &(struct http_call){.url = f->url}, "reset", "infinity_unreachable");
	f->server.behaviour = ANSWER;
	succeeds(f, &(struct http_call){.url = f->url}); /* the transport is as good as new */
}

/* What must not happen twice is not repeated by libcurl either, which does so when a kept connection ends without an answer. */
static void once_is_once(void **state)
{
	struct fixture *f = *state;
	int before;

	succeeds(f, &(struct http_call){.url = f->url});
	before = f->server.requests;
	f->server.behaviour = CLOSE;
	fails(f,
	      &(struct http_call){
		      .method = METHOD_POST, .url = f->url, .body = "{}", .body_len = 2, .once = true},
	      "reset", "infinity_unreachable");
	assert_int_equal(f->server.requests, before + 1);
}

static void stale_connection_is_replaced(void **state)
{
	struct fixture *f = *state;

	succeeds(f, &(struct http_call){.url = f->url});
	f->server.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
	succeeds(f, &(struct http_call){.url = f->url});
	succeeds(f, &(struct http_call){.url = f->url});
	assert_int_equal(f->server.connections, 2);
}

static void large_answers(void **state)
{
	struct fixture *f = *state;

	f->server.behaviour = BIG;
	fails(f, &(struct http_call){.url = f->url, .answer_max = 100000}, "answer_too_large",
	      "infinity_answer");
	f->server.behaviour = ANSWER; /* a length that is said before */
	f->server.answer = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
	fails(f, &(struct http_call){.url = f->url, .answer_max = 999}, "answer_too_large",
	      "infinity_answer");
	assert_non_null(strstr(f->e.message, "999 bytes"));
	f->server.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	succeeds(f, &(struct http_call){.url = f->url, .answer_max = 2});
}

static void garbage_is_not_http(void **state)
{
	struct fixture *f = *state;

	f->server.answer = "220 mail.example.com ESMTP\r\n\r\n";
	fails(f, &(struct http_call){.url = f->url}, "not_http", "infinity_answer");
	assert_int_equal(f->e.class, UPSTREAM_RETRY);
}

static void *perform_slowly(void *arg)
{
	struct fixture *f = arg;

	return exchange(f, &(struct http_call){.url = f->url, .timeout_ms = 60000}) ? f : NULL;
}

static void interruption(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;
	void *answered;

	f->server.behaviour = HANG;
	assert_int_equal(pthread_create(&thread, NULL, perform_slowly, f), 0);
	while (!atomic_load(&f->server.reached))
		(void)poll(NULL, 0, 1);
	curl_transport_interrupt(f->t);
	assert_int_equal(pthread_join(thread, &answered), 0);
	assert_null(answered);
	assert_string_equal(f->e.code, "interrupted");
	fails(f, &(struct http_call){.url = f->url}, "interrupted",
	      "infinity_unreachable"); /* and from now on */
}

/* --- TLS --------------------------------------------------------------------------------------------------------- */

static void secure(struct fixture *f, const struct identity *id)
{
	f->server.tls = identity_tls(id);
	(void)snprintf(f->url, sizeof(f->url), "https://127.0.0.1:%d/path", f->server.port);
}

static void self_signed_is_refused_with_its_key(void **state)
{
	struct fixture *f = *state;
	struct identity id = identity_new("IP:127.0.0.1");
	char pin[64];

	secure(f, &id);
	identity_pin(&id, pin);
	fails(f, &(struct http_call){.url = f->url, .basic_user = "u", .basic_password = "p"}, "tls",
	      "infinity_tls");
	assert_int_equal(f->e.class, UPSTREAM_OPERATOR);
	assert_non_null(strstr(f->e.message, "certificate is self-signed and not pinned"));
	assert_non_null(strstr(f->e.remedy, "set BURSTD_INFINITY_CA_FILE or BURSTD_INFINITY_PINNED_KEY"));
	assert_non_null(strstr(f->e.remedy, pin));
	assert_int_equal(f->server.requests, 0); /* the password was not sent */
	connect_with(f, &(struct transport_options){.name = "ec2"});
	fails(f, &(struct http_call){.url = f->url}, "tls", "ec2_tls");
	assert_null(strstr(f->e.remedy, "PINNED"));
	identity_free(&id);
}

static void unverified_takes_any_certificate(void **state)
{
	static const char *const headers[] = {"Content-Type: text/xml", NULL};
	struct fixture *f = *state;
	struct identity id = identity_new("DNS:somebody.else");

	secure(f, &id);
	fails(f, &(struct http_call){.url = f->url}, "tls", "infinity_tls");
	connect_with(f, &(struct transport_options){.name = "bootstrap", .unverified = true});
	succeeds(f, &(struct http_call){.method = METHOD_POST,
					.url = f->url,
					.headers = headers,
					.body = "<a/>",
					.body_len = 4,
					.secret_answer = true});
	assert_string_equal(f->answer.body.data, "ok");
	assert_true(f->answer.body.secret);
	assert_int_equal(f->server.requests, 1);
	identity_free(&id);
}

/* Whoever answers there has not said who it is. */
static void unverified_gets_no_credentials(void **state)
{
	struct fixture *f = *state;
	struct identity id = identity_new("IP:127.0.0.1");

	secure(f, &id);
	connect_with(f, &(struct transport_options){.name = "bootstrap", .unverified = true});
	fails(f, &(struct http_call){.url = f->url, .basic_user = "u", .basic_password = "p"}, "bad_call",
	      "bootstrap_request");
	fails(f,
	      &(struct http_call){.method = METHOD_POST,
				  .url = f->url,
				  .body = "a=b",
				  .body_len = 3,
				  .sigv4 = "aws:amz:eu-west-1:ec2",
				  .access_key = "AKIA",
				  .secret_key = "x"},
	      "bad_call", "bootstrap_request");
	assert_int_equal(f->server.connections, 0);
	identity_free(&id);
}

/* A pin holds although the chain does not count. */
static void unverified_heeds_a_pin(void **state)
{
	struct fixture *f = *state;
	struct identity id = identity_new("IP:127.0.0.1");
	struct identity other = identity_new("IP:127.0.0.1");
	char pin[64];

	secure(f, &id);
	identity_pin(&other, pin);
	connect_with(f,
		     &(struct transport_options){.name = "bootstrap", .pinned_key = pin, .unverified = true});
	fails(f, &(struct http_call){.url = f->url}, "tls_pin", "bootstrap_tls");
	identity_free(&id);
	identity_free(&other);
}

static void pinned_key_is_trusted(void **state)
{
	struct fixture *f = *state;
	struct identity id = identity_new("DNS:somebody.else");
	char pin[64];

	secure(f, &id);
	identity_pin(&id, pin);
	connect_with(f, &(struct transport_options){.name = "infinity", .pinned_key = pin});
	for (int i = 0; i < 3; i++) {
		succeeds(f, &(struct http_call){.url = f->url});
		assert_string_equal(f->answer.body.data, "ok");
	}
	assert_int_equal(f->server.connections, 1);
	identity_free(&id);
}

static void other_key_is_refused(void **state)
{
	struct fixture *f = *state;
	struct identity id = identity_new("IP:127.0.0.1");
	struct identity other = identity_new("IP:127.0.0.1");
	char pin[64];
	char seen[64];

	secure(f, &id);
	identity_pin(&other, pin);
	identity_pin(&id, seen);
	connect_with(f, &(struct transport_options){.name = "infinity", .pinned_key = pin});
	fails(f, &(struct http_call){.url = f->url}, "tls_pin", "infinity_tls");
	assert_int_equal(f->e.class, UPSTREAM_OPERATOR);
	assert_non_null(strstr(f->e.remedy, seen));
	assert_int_equal(f->server.requests, 0);
	/* Not even a file with that name is looked at. */
	connect_with(f, &(struct transport_options){.name = "infinity", .pinned_key = "/etc/ssl/key.pem"});
	fails(f, &(struct http_call){.url = f->url}, "tls_pin", "infinity_tls");
	assert_non_null(strstr(f->e.message, "wrong form"));
	identity_free(&id);
	identity_free(&other);
}

static void own_authority_is_trusted(void **state)
{
	struct fixture *f = *state;
	struct identity id = identity_new("IP:127.0.0.1");
	char path[64];

	secure(f, &id);
	identity_write(&id, path);
	connect_with(f, &(struct transport_options){.name = "infinity", .ca_file = path});
	succeeds(f, &(struct http_call){.url = f->url});
	(void)remove(path);
	connect_with(f, &(struct transport_options){.name = "infinity", .ca_file = path});
	fails(f, &(struct http_call){.url = f->url}, "tls", "infinity_tls");
	identity_free(&id);
}

static void wrong_name_is_refused(void **state)
{
	struct fixture *f = *state;
	struct identity id = identity_new("DNS:somebody.else");
	char path[64];

	secure(f, &id);
	identity_write(&id, path);
	connect_with(f, &(struct transport_options){.name = "infinity", .ca_file = path});
	fails(f, &(struct http_call){.url = f->url}, "tls", "infinity_tls");
	assert_non_null(strstr(f->e.message, "name"));
	assert_int_equal(f->server.requests, 0);
	(void)remove(path);
	identity_free(&id);
}

static void plain_server_speaks_no_tls(void **state)
{
	struct fixture *f = *state;

	f->server.behaviour = CLOSE;
	(void)snprintf(f->url, sizeof(f->url), "https://127.0.0.1:%d/path", f->server.port);
	assert_false(exchange(f, &(struct http_call){.url = f->url, .timeout_ms = 200}));
	assert_int_equal(f->e.http_status, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		T(gets_and_keeps_the_connection),
		T(methods_and_headers),
		T(authentication),
		T(unsafe_calls_are_refused),
		T(redirects_are_not_followed),
		T(only_http_and_https),
		T(proxies_only_where_allowed),
		T(refused_connection),
		T(unknown_host),
		T(silent_server),
		T(lost_connections),
		T(once_is_once),
		T(stale_connection_is_replaced),
		T(large_answers),
		T(garbage_is_not_http),
		T(interruption),
		T(self_signed_is_refused_with_its_key),
		T(unverified_takes_any_certificate),
		T(unverified_gets_no_credentials),
		T(unverified_heeds_a_pin),
		T(pinned_key_is_trusted),
		T(other_key_is_refused),
		T(own_authority_is_trusted),
		T(wrong_name_is_refused),
		T(plain_server_speaks_no_tls),
	};

	unsetenv("http_proxy");
	unsetenv("https_proxy");
	unsetenv("HTTPS_PROXY");
	unsetenv("all_proxy");
	unsetenv("ALL_PROXY");
	unsetenv("no_proxy");
	unsetenv("NO_PROXY");
	(void)signal(SIGPIPE, SIG_IGN); /* as the daemon does: OpenSSL writes to closed connections */
	curl_global_init(CURL_GLOBAL_DEFAULT);
	int failed = cmocka_run_group_tests_name("transport", tests, NULL, NULL);

	curl_global_cleanup();
	return failed;
}

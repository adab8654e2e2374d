/* The HTTP server without any resource: what it refuses, what it derives from the route table, what it caches. */
#include "tests/unit/http_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/limits.h"

static _Atomic int renders;

static struct done *thing_get(struct req *r)
{
	return reply_value(r, 200, json_pack("{s:I}", "id", (json_int_t)r->number));
}

static struct done *thing_patch(struct req *r)
{
	struct error e;
	json_t *body = req_body(r, &e);
	json_t *present = json_pack("{s:I}", "id", (json_int_t)r->number);
	enum err err = e.code ? e.code : req_if_match(r, present, &e);

	json_decref(present);
	if (err)
		return reply_error(r, &e);
	return reply_value(r, 200, json_pack("{s:O?}", "got", body));
}

static json_t *render(struct req *r, struct error *e)
{
	(void)e;
	return json_pack("{s:I, s:i}", "seq", (json_int_t)req_picture(r)->seq, "renders",
			 atomic_fetch_add(&renders, 1) + 1);
}

static struct done *page_get(struct req *r)
{
	return reply_page(r, PAGE_STATUS, render);
}

static struct done *write_post(struct req *r)
{
	req_changed(r);
	return reply_empty(r, 204);
}

static struct done *broken_get(struct req *r)
{
	struct error e;

	(void)error_set(&e, ERR_INTERNAL, "the words with /a/path in them");
	return reply_error(r, &e);
}

#define LONG_PIECES 24

static enum err long_next(void *self, struct buf *piece, struct error *e)
{
	static const char block[1 << 20] = {0};
	int *left = self;

	(void)e;
	if ((*left)-- > 0)
		buf_append(piece, block, sizeof block);
	return ERR_OK;
}

/* More than the kernel takes for a client that does not read. */
static struct done *long_get(struct req *r)
{
	int *left = malloc(sizeof *left);

	*left = LONG_PIECES;
	return reply_stream(r, &(struct stream){long_next, free, left}, "text/plain", "0", "long");
}

static const struct route rows[] = {
	{.method = "GET", .path = "/open", .operation = "a", .role = TOKEN_NONE, .handler = thing_get},
	{.method = "GET",
	 .path = "/things/{id}",
	 .operation = "b",
	 .role = TOKEN_VIEWER,
	 .query = "color size",
	 .handler = thing_get},
	{.method = "PATCH",
	 .path = "/things/{id}",
	 .operation = "c",
	 .role = TOKEN_OPERATOR,
	 .body_limit = 256,
	 .handler = thing_patch},
	{.method = "GET", .path = "/page", .operation = "d", .role = TOKEN_VIEWER, .handler = page_get},
	{.method = "POST",
	 .path = "/write/{id}/now",
	 .operation = "e",
	 .role = TOKEN_ADMIN,
	 .body_limit = 256,
	 .handler = write_post},
	{.method = "GET",
	 .path = "/long",
	 .operation = "g",
	 .role = TOKEN_VIEWER,
	 .media = "text/plain",
	 .handler = long_get},
	{.method = "GET", .path = "/broken", .operation = "f", .role = TOKEN_VIEWER, .handler = broken_get},
};
static const struct route_table table = {.rows = rows, .n = ARRAY_LEN(rows)};

static int setup(void **state)
{
	*state = fixture_start(&table, "BURSTD_HOSTNAMES=burstd.example.com");
	atomic_store(&renders, 0);
	return 0;
}

static int teardown(void **state)
{
	if (*state)
		fixture_stop(*state);
	return 0;
}

static void test_routes(void **state)
{
	static const char *const nothing[] = {"/",          "/things",        "/things/",
					      "/things/0",  "/things/01",     "/things/-1",
					      "/things/1/", "/things/1x",     "/page/",
					      "/write/1",   "/write/1/now/x", "/things/1234567890123456789",
					      "//page",     "/things/1%2F"};
	struct fixture *f = *state;
	struct answer a = ask(f, "GET", "/things/123456789012345678", NULL, NULL);
	char allow[200];
	size_t i;

	expect(&a, 200);
	assert_int_equal(json_integer_value(at(&a, "id")), 123456789012345678);
	answer_free(&a);
	for (i = 0; i < ARRAY_LEN(nothing); i++)
		expect_problem(ask(f, "GET", nothing[i], NULL, NULL), 404, "not-found", NULL);

	a = ask(f, "DELETE", "/things/1", NULL, NULL);
	assert_string_equal(answer_header(&a, "Allow", allow), "GET, HEAD, PATCH, OPTIONS");
	expect_problem(a, 405, "method-not-allowed", NULL);
	a = ask(f, "OPTIONS", "/write/7/now", NULL, NULL);
	expect(&a, 204);
	assert_string_equal(answer_header(&a, "Allow", allow), "POST, OPTIONS");
	answer_free(&a);
	a = ask(f, "HEAD", "/things/5", NULL, NULL);
	expect(&a, 200);
	assert_int_equal(header_number(a.head, "Content-Length: "), 8);
	assert_int_equal(a.body_len, 0);
	answer_free(&a);
}

static void test_tokens(void **state)
{
	static const char *const bad[] = {"Authorization: Bearer\r\n", "Authorization: Bearer x\r\n",
					  "Authorization: Basic YWRtaW46eA==\r\n", "Authorization: \r\n"};
	struct fixture *f = *state;
	char viewer[64], operator[64], challenge[200], header[120];
	struct answer a;
	size_t i;

	fixture_token(f, "sam", TOKEN_VIEWER, viewer);
	fixture_token(f, "olga", TOKEN_OPERATOR, operator);
	a = ask_as(f, NULL, "GET", "/page", NULL, NULL, 0);
	assert_string_equal(answer_header(&a, "WWW-Authenticate", challenge), "Bearer realm=\"burstd\"");
	expect_problem(a, 401, "unauthorized", NULL);
	for (i = 0; i < ARRAY_LEN(bad); i++)
		expect_problem(ask_as(f, NULL, "GET", "/page", bad[i], NULL, 0), 401, "unauthorized", NULL);
	/* without a token nothing is learnt of what exists */
	expect_problem(ask_as(f, NULL, "GET", "/nowhere", NULL, NULL, 0), 401, "unauthorized", NULL);
	expect_problem(ask_as(f, NULL, "DELETE", "/page", NULL, NULL, 0), 401, "unauthorized", NULL);
	a = ask_as(f, NULL, "GET", "/open", NULL, NULL, 0);
	expect(&a, 200);
	answer_free(&a);

	(void)snprintf(header, sizeof header, "Authorization: bearer  %s\r\n", viewer);
	a = ask_as(f, NULL, "GET", "/page", header, NULL, 0);
	expect(&a, 200);
	answer_free(&a);
	expect_problem(ask_as(f, viewer, "PATCH", "/things/1", NULL, "{}", 2), 403, "forbidden", NULL);
	expect_problem(ask_as(f, operator, "POST", "/write/1/now", NULL, NULL, 0), 403, "forbidden", NULL);
	a = ask_as(f, operator, "PATCH", "/things/1", NULL, "{}", 2);
	expect(&a, 200);
	answer_free(&a);
}

static void test_guessing(void **state)
{
	struct fixture *f = *state;
	char text[200];
	struct answer a;
	int i;

	for (i = 0; i < 10; i++)
		expect_problem(ask_as(f, "wrong", "GET", "/page", NULL, NULL, 0), 401, "unauthorized", NULL);
	a = ask_as(f, "wrong", "GET", "/page", NULL, NULL, 0);
	assert_string_equal(answer_header(&a, "Retry-After", text), "60");
	assert_string_equal(answer_header(&a, "Connection", text), "close");
	expect_problem(a, 429, "too-many-requests", NULL);
	expect_problem(ask_as(f, NULL, "GET", "/page", NULL, NULL, 0), 401, "unauthorized", NULL);
	a = ask(f, "GET", "/page", NULL, NULL);
	expect(&a, 200);
	answer_free(&a);
	atomic_fetch_add(&f->now, 60000);
	expect_problem(ask_as(f, "wrong", "GET", "/page", NULL, NULL, 0), 401, "unauthorized", NULL);
}

/* Also on one connection, which remembers its token: noted at the first use, then once a minute. */
static void test_last_use(void **state)
{
	static const int after[] = {0, 30000, 59999, 60000, 60001, 120000};
	static const int noted[] = {0, 0, 0, 60000, 60000, 120000};
	struct fixture *f = *state;
	int fd = client_connect(f);
	struct token_row row;
	struct answer a;
	struct error e;
	char request[200];
	size_t i;

	(void)snprintf(request, sizeof request,
		       "GET /page HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", f->token);
	for (i = 0; i < ARRAY_LEN(after); i++) {
		atomic_store(&f->now, NOW_MS + after[i]);
		client_send(fd, request, strlen(request));
		a = client_read(fd, false);
		expect(&a, 200);
		answer_free(&a);
		assert_int_equal(store_token_get(fixture_store(f), 1, &row, &e), ERR_OK);
		assert_int_equal(row.last_used_at, NOW_MS + noted[i]);
	}
	(void)close(fd);
}

static void test_revoked_token(void **state)
{
	struct fixture *f = *state;
	struct token_row *rows_ = NULL;
	struct answer a = ask(f, "GET", "/page", NULL, NULL);
	struct error e;
	size_t n;

	expect(&a, 200);
	answer_free(&a);
	assert_int_equal(store_tokens(fixture_store(f), &rows_, &n, &e), ERR_OK);
	assert_true(rows_[0].last_used_at == NOW_MS);
	assert_int_equal(store_token_revoke(fixture_store(f), rows_[0].id, NOW_MS, &e), ERR_OK);
	free(rows_);
	http_reload_tokens(f->server);
	expect_problem(ask(f, "GET", "/page", NULL, NULL), 401, "unauthorized", NULL);
}

static void test_host(void **state)
{
	static const char *const good[] = {"Host: localhost:99\r\n", "Host: 127.0.0.1\r\n",
					   "Host: [::1]:8080\r\n", "Host: BURSTD.example.com\r\n",
					   "Host: 127.9.9.9\r\n"};
	static const char *const bad[] = {"Host: evil.example.com\r\n",
					  "Host: 10.0.0.1\r\n",
					  "Host: localhost.example.com\r\n",
					  "Host: [::2]\r\n",
					  "Host: \r\n",
					  "Host: [\r\n"};
	struct fixture *f = *state;
	struct answer a;
	size_t i;

	for (i = 0; i < ARRAY_LEN(good); i++) {
		a = ask(f, "GET", "/page", good[i], NULL);
		expect(&a, 200);
		answer_free(&a);
	}
	for (i = 0; i < ARRAY_LEN(bad); i++)
		expect_problem(ask(f, "GET", "/page", bad[i], NULL), 421, "misdirected", NULL);
}

/* Requests whose end is a matter of opinion: refused, and what follows on the connection is not read. */
static void test_framing(void **state)
{
	static const char *const bad[] = {
		"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
		"Content-Length: 2\r\nContent-Length: 3\r\n",
		"Transfer-Encoding: gzip\r\n",
		"Transfer-Encoding : chunked\r\n",
		"Transfer-Encoding:\r\n chunked\r\n",
		"X: a\r\n b\r\n",
		"X: a\rb\r\n",
		"X: \001\r\n",
		"Host: localhost\r\nHost: localhost\r\n",
		"Authorization: Bearer again\r\n",
	};
	struct fixture *f = *state;
	struct answer a;
	char connection[200];
	size_t i;

	for (i = 0; i < ARRAY_LEN(bad); i++) {
		a = ask(f, "GET", "/page", bad[i], NULL);
		assert_string_equal(answer_header(&a, "Connection", connection), "close");
		expect_problem(a, 400, "bad-request", NULL);
	}
	a = ask(f, "GET", "/page", "X: \tblank and tab \t\r\nEmpty:\r\nA!#$%&'*+-.^_`|~9: x\r\n", NULL);
	expect(&a, 200);
	answer_free(&a);
}

static void test_query(void **state)
{
	static const char twenty[] = "%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9"
				     "%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9";
	struct fixture *f = *state;
	char path[400];
	struct answer a = ask(f, "GET", "/things/1?color=red&size=%C3%A9", NULL, NULL);

	expect(&a, 200);
	answer_free(&a);
	expect_problem(ask(f, "GET", "/things/1?colour=red", NULL, NULL), 400, "bad-request", NULL);
	expect_problem(ask(f, "GET", "/things/1?color=red&color=red", NULL, NULL), 400, "bad-request", NULL);
	expect_problem(ask(f, "GET", "/things/1?color", NULL, NULL), 400, "bad-request", NULL);
	expect_problem(ask(f, "GET", "/things/1?color=%FF", NULL, NULL), 400, "bad-request", NULL);
	expect_problem(ask(f, "GET", "/things/1?color=a%00b", NULL, NULL), 400, "bad-request", NULL);
	expect_problem(ask(f, "GET", "/page%00", NULL, NULL), 400, "bad-request", NULL);
	expect_problem(ask(f, "GET", "/page?x=1", NULL, NULL), 400, "bad-request", NULL);
	/* the words of the refusal are cut, within a character at one of the two lengths */
	(void)snprintf(path, sizeof path, "/page?x%s%s=1", twenty, twenty);
	expect_problem(ask(f, "GET", path, NULL, NULL), 400, "bad-request", NULL);
	(void)snprintf(path, sizeof path, "/page?%s%s=1", twenty, twenty);
	expect_problem(ask(f, "GET", path, NULL, NULL), 400, "bad-request", NULL);
}

static void test_long_address(void **state)
{
	struct fixture *f = *state;
	char path[LIMIT_URL_BYTES + 64] = "/things/1?color=";

	memset(path + strlen(path), 'a', LIMIT_URL_BYTES);
	expect_problem(ask(f, "GET", path, NULL, NULL), 414, "uri-too-long", NULL);
}

static void test_media(void **state)
{
	static const char *const accepted[] = {"Accept: */*\r\n", "Accept: application/*;q=0.1\r\n",
					       "Accept: text/html, application/json\r\n",
					       "Accept: */*;q=0, application/json\r\n"};
	static const char *const refused[] = {"Accept: text/html\r\n",
					      "Accept: application/json;q=0, */*\r\n",
					      "Accept: application/jsonx\r\n", "Accept: */*;q=0\r\n"};
	struct fixture *f = *state;
	struct answer a;
	size_t i;

	for (i = 0; i < ARRAY_LEN(accepted); i++) {
		a = ask(f, "GET", "/page", accepted[i], NULL);
		expect(&a, 200);
		answer_free(&a);
	}
	for (i = 0; i < ARRAY_LEN(refused); i++)
		expect_problem(ask(f, "GET", "/page", refused[i], NULL), 406, "not-acceptable", NULL);
	expect_problem(ask(f, "PATCH", "/things/1", "Content-Type: text/plain\r\n", "{}"), 415,
		       "unsupported-media-type", NULL);
	a = ask(f, "PATCH", "/things/1", "Content-Type: application/json; charset=utf-8\r\n", "{}");
	expect(&a, 200);
	answer_free(&a);
}

static void test_bodies(void **state)
{
	static const struct {
		const char *body;
		const char *pointer;
	} bad[] = {
		{"{", NULL},
		{"{\"a\":1}x", NULL},
		{"{\"a\":\"\xff\"}", NULL},
		{"{\"a\":NaN}", NULL},
		{"{\"a\":1,\"a\":2}", "/a"},
		{"[[[[[[[[[1]]]]]]]]]", NULL},
		{"{\"a\":99999999999999999999}", NULL},
	};
	struct fixture *f = *state;
	struct answer a = ask(f, "PATCH", "/things/1", NULL, "{\"a\":[true]}");
	size_t i;

	expect(&a, 200);
	assert_true(json_is_true(at(&a, "got.a.0")));
	answer_free(&a);
	for (i = 0; i < ARRAY_LEN(bad); i++)
		expect_problem(ask(f, "PATCH", "/things/1", NULL, bad[i].body), 400, "bad-request",
			       bad[i].pointer);
	a = ask(f, "PATCH", "/things/1", NULL, "");
	expect(&a, 200);
	assert_true(json_is_null(at(&a, "got")));
	answer_free(&a);
	expect_problem(ask(f, "GET", "/page", NULL, "{}"), 413, "too-large", NULL);
}

static void test_large_body(void **state)
{
	struct fixture *f = *state;
	size_t len = 2 * 1024 * 1024;
	char *body = malloc(len);
	char chunk[1200], request[1600];
	struct answer a;
	int fd;

	memset(body, ' ', len);
	expect_problem(ask_as(f, f->token, "PATCH", "/things/1", NULL, body, len), 413, "too-large", NULL);
	/* a refusal of another kind is read by the client as well */
	expect_problem(ask_as(f, NULL, "PATCH", "/things/1", NULL, body, len), 401, "unauthorized", NULL);
	free(body);

	/* the same without a length: counted as it comes */
	memset(chunk, ' ', sizeof chunk);
	fd = client_connect(f);
	(void)snprintf(
		request, sizeof request,
		"PATCH /things/1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
		"If-Match: *\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n",
		f->token, sizeof chunk);
	client_send(fd, request, strlen(request));
	client_send(fd, chunk, sizeof chunk);
	client_send(fd, "\r\n0\r\n\r\n", 7);
	a = client_read(fd, false);
	expect_problem(a, 413, "too-large", NULL);
	(void)close(fd);
}

static void test_etag(void **state)
{
	struct fixture *f = *state;
	struct answer a = ask(f, "GET", "/things/1", NULL, NULL);
	char etag[200], other[200], header[600];

	answer_header(&a, "ETag", etag);
	assert_int_equal(strlen(etag), 34);
	assert_int_equal(etag[0], '"');
	answer_free(&a);
	a = ask(f, "GET", "/things/2", NULL, NULL);
	assert_string_not_equal(answer_header(&a, "ETag", other), etag);
	answer_free(&a);

	(void)snprintf(header, sizeof header, "If-None-Match: \"x\", W/%s , \"y\"\r\n", etag);
	a = ask(f, "GET", "/things/1", header, NULL);
	expect(&a, 304);
	assert_int_equal(a.body_len, 0);
	assert_string_equal(answer_header(&a, "ETag", other), etag);
	answer_free(&a);
	a = ask(f, "GET", "/things/2", header, NULL);
	expect(&a, 200);
	answer_free(&a);
	a = ask(f, "GET", "/things/2", "If-None-Match: *\r\n", NULL);
	expect(&a, 304);
	answer_free(&a);

	(void)snprintf(header, sizeof header, "If-Match: \"x\", %s\r\n", etag);
	a = ask(f, "PATCH", "/things/1", header, "{}");
	expect(&a, 200);
	answer_free(&a);
	expect_problem(ask(f, "PATCH", "/things/2", header, "{}"), 412, "precondition-failed", NULL);
	(void)snprintf(header, sizeof header, "If-Match: W/%s\r\n", etag);
	expect_problem(ask(f, "PATCH", "/things/1", header, "{}"), 412, "precondition-failed", NULL);
	expect_problem(ask(f, "PATCH", "/things/1", "If-Match: x\r\n", "{}"), 412, "precondition-failed",
		       NULL);
}

/* RFC 6585 3. The fixture adds the header where it is not named, so here it is empty, which is no answer either, or raw. */
static void test_change_without_if_match(void **state)
{
	struct fixture *f = *state;
	int fd = client_connect(f);
	struct answer a;
	char request[300];

	expect_problem(ask(f, "PATCH", "/things/1", "If-Match:\r\n", "{}"), 428, "precondition-required",
		       NULL);
	(void)snprintf(request, sizeof request,
		       "PATCH /things/1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
		       "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
		       f->token);
	client_send(fd, request, strlen(request));
	a = client_read(fd, false);
	(void)close(fd);
	assert_non_null(strstr(json_string_value(at(&a, "detail")), "the ETag of the GET"));
	expect_problem(a, 428, "precondition-required", NULL);
	a = ask(f, "PATCH", "/things/1", "If-Match: *\r\n", "{}");
	expect(&a, 200);
	answer_free(&a);
}

static void test_page(void **state)
{
	struct fixture *f = *state;
	struct answer a = ask(f, "GET", "/page", NULL, NULL);
	char etag[200], header[300];

	expect(&a, 200);
	(void)snprintf(header, sizeof header, "If-None-Match: %s\r\n", answer_header(&a, "ETag", etag));
	answer_free(&a);
	a = ask(f, "GET", "/page", NULL, NULL);
	assert_int_equal(json_integer_value(at(&a, "renders")), 1);
	answer_free(&a);
	a = ask(f, "GET", "/page", header, NULL);
	expect(&a, 304);
	answer_free(&a);

	/* a write through the API makes it anew, and so does a new picture */
	a = ask(f, "POST", "/write/1/now", NULL, NULL);
	expect(&a, 204);
	assert_int_equal(atomic_load(&f->wakes), 1);
	answer_free(&a);
	a = ask(f, "GET", "/page", header, NULL);
	expect(&a, 200);
	assert_int_equal(json_integer_value(at(&a, "renders")), 2);
	answer_free(&a);
	fixture_publish(f, picture_empty(2));
	a = ask(f, "GET", "/page", NULL, NULL);
	assert_int_equal(json_integer_value(at(&a, "seq")), 2);
	assert_int_equal(json_integer_value(at(&a, "renders")), 3);
	answer_free(&a);
}

static void test_internal_error_keeps_its_words(void **state)
{
	struct fixture *f = *state;
	struct answer a = ask(f, "GET", "/broken", NULL, NULL);

	assert_null(strstr(a.body, "/a/path"));
	expect_problem(a, 500, "internal", NULL);
}

/* The connection survives refusals and bodies: nothing is queued at the first call. */
static void test_keep_alive(void **state)
{
	static const char *const paths[] = {"/page", "/nowhere", "/page", "/things/3", "/page?x=1", "/page"};
	static const int statuses[] = {200, 404, 200, 200, 400, 200};
	struct fixture *f = *state;
	int fd = client_connect(f);
	char request[300], connection[200];
	struct answer a;
	size_t i;

	for (i = 0; i < ARRAY_LEN(paths); i++) {
		(void)snprintf(request, sizeof request,
			       "GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n",
			       paths[i], f->token);
		client_send(fd, request, strlen(request));
		a = client_read(fd, false);
		expect(&a, statuses[i]);
		assert_string_equal(answer_header(&a, "Connection", connection), "");
		answer_free(&a);
	}
	(void)close(fd);
}

/* Requests that end in the middle leave nothing behind (the leak checker looks at the end). */
static void test_broken_off(void **state)
{
	static const char *const pieces[] = {
		"GET /page HTTP/1.1\r\n",
		"GET /page HTTP/1.1\r\nHost: localhost\r\n",
		"PATCH /things/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
		"nonsense\r\n\r\n",
		"GET /page HTTP/9.9\r\n\r\n",
		"GET  HTTP/1.1\r\n\r\n"};
	struct fixture *f = *state;
	char large[LIMIT_CONNECTION_BYTES * 2];
	struct answer a;
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_LEN(pieces); i++) {
		fd = client_connect(f);
		client_send(fd, pieces[i], strlen(pieces[i]));
		(void)close(fd);
	}
	(void)snprintf(large, sizeof large, "X-Large: %0*d\r\n", LIMIT_CONNECTION_BYTES, 1);
	a = ask(f, "GET", "/page", large, NULL);
	assert_true(a.status == 0 || a.status >= 400);
	answer_free(&a);
	a = ask(f, "GET", "/page", NULL, NULL);
	expect(&a, 200);
	answer_free(&a);
}

struct reader {
	int fd;
	size_t total;
	char tail[6]; /* the last five bytes */
};

static void *read_all(void *arg)
{
	struct reader *r = arg;
	char block[64 * 1024];
	ssize_t n;
	size_t last;

	while ((n = recv(r->fd, block, sizeof block, 0)) > 0) {
		r->total += (size_t)n;
		last = n < 5 ? (size_t)n : 5;
		memmove(r->tail, r->tail + last, 5 - last);
		memcpy(r->tail + 5 - last, block + n - last, last);
	}
	return NULL;
}

/* After many requests, the one that is under way at the end of the server still gets all of its reply. */
static void test_reply_under_way_at_the_end(void **state)
{
	struct fixture *f = *state;
	struct reader r = {.fd = client_connect(f)};
	struct answer a;
	char request[200], first;
	pthread_t thread;
	int i;

	for (i = 0; i < 50; i++) {
		a = ask(f, "GET", "/open", NULL, NULL);
		expect(&a, 200);
		answer_free(&a);
	}
	(void)snprintf(request, sizeof request,
		       "GET /long HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", f->token);
	client_send(r.fd, request, strlen(request));
	assert_int_equal(recv(r.fd, &first, 1, 0), 1);
	assert_int_equal(pthread_create(&thread, NULL, read_all, &r), 0);
	*state = NULL;
	fixture_stop(f);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(r.total > (size_t)LONG_PIECES << 20);
	assert_string_equal(r.tail, "0\r\n\r\n");
	(void)close(r.fd);
}

static void test_address_in_use(void **state)
{
	struct fixture *f = *state;
	struct config config = *f->config;
	struct app app = {.config = &config, .clock = &f->clock};
	struct http_server *second = NULL;
	struct error e;

	config.listen_port = http_port(f->server);
	assert_int_equal(http_start(&app, &table, &second, &e), ERR_BUSY);
	assert_non_null(strstr(e.detail, "BURSTD_LISTEN: cannot listen on 127.0.0.1"));
}

static void *hammer(void *arg)
{
	struct fixture *f = arg;
	struct answer a;
	int i;

	for (i = 0; i < 60; i++) {
		a = ask(f, i % 7 == 0 ? "POST" : "GET", i % 7 == 0 ? "/write/1/now" : "/page", NULL, NULL);
		if (a.status != 200 && a.status != 204)
			abort();
		answer_free(&a);
	}
	return NULL;
}

static void test_many_at_once(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[6];
	int64_t seq;
	size_t i;

	for (i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, f), 0);
	for (seq = 2; seq < 200; seq++)
		fixture_publish(f, picture_empty(seq));
	for (i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void test_first_token(void **state)
{
	struct fixture *f = *state;
	char path[240], line[100] = "", token[64];
	struct store *store = NULL;
	struct error e;
	struct stat st;
	bool made = true;
	ssize_t n;
	int fd;

	/* this store has a token already */
	assert_int_equal(auth_first_token(fixture_store(f), f->dir, NOW_MS, &made, &e), ERR_OK);
	assert_false(made);
	(void)snprintf(path, sizeof path, "%s/second.db", f->dir);
	assert_int_equal(store_open(path, fixture_key, &store, &e), ERR_OK);
	assert_int_equal(auth_first_token(store, f->dir, NOW_MS, &made, &e), ERR_OK);
	assert_true(made);
	assert_int_equal(auth_first_token(store, f->dir, NOW_MS, &made, &e), ERR_OK);
	assert_false(made);
	(void)snprintf(path, sizeof path, "%s/admin.token", f->dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = read(fd, line, sizeof line - 1);
	assert_int_equal(fstat(fd, &st), 0);
	(void)close(fd);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(n, 51);
	assert_int_equal(sscanf(line, "burstd_%50s", token), 1);
	assert_int_equal(line[50], '\n');
	store_close(store);
	/* where the file cannot be written no token is made either */
	assert_int_equal(store_open(":memory:", fixture_key, &store, &e), ERR_OK);
	assert_int_not_equal(auth_first_token(store, "/nowhere", NOW_MS, &made, &e), ERR_OK);
	assert_int_equal(auth_first_token(store, f->dir, NOW_MS, &made, &e), ERR_OK);
	assert_true(made);
	store_close(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_routes),         TEST(test_tokens),
		TEST(test_revoked_token),  TEST(test_guessing),
		TEST(test_last_use),       TEST(test_host),
		TEST(test_framing),        TEST(test_query),
		TEST(test_long_address),   TEST(test_media),
		TEST(test_bodies),         TEST(test_large_body),
		TEST(test_etag),           TEST(test_change_without_if_match),
		TEST(test_page),           TEST(test_internal_error_keeps_its_words),
		TEST(test_keep_alive),     TEST(test_broken_off),
		TEST(test_address_in_use), TEST(test_reply_under_way_at_the_end),
		TEST(test_many_at_once),   TEST(test_first_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

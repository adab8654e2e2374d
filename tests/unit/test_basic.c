/* Routes that systems of others use: Basic authentication, a name in the path, bodies that are not ours. */
#include "tests/unit/http_fixture.h"

#include <openssl/evp.h>

#include "base/limits.h"

static struct done *thing_get(struct req *r)
{
	return reply_value(r, 200,
			   json_pack("{s:s?, s:I, s:s}", "key", r->key, "number", (json_int_t)r->number,
				     "actor", r->actor));
}

static struct done *body_post(struct req *r)
{
	struct error e;
	json_t *body = req_body(r, &e);

	return e.code ? reply_error(r, &e) : reply_value(r, 200, json_pack("{s:O}", "got", body));
}

static const struct route rows[] = {
	{.method = "GET",
	 .path = "/foreign/{name}/",
	 .operation = "a",
	 .role = TOKEN_VIEWER,
	 .basic = true,
	 .handler = thing_get},
	{.method = "POST",
	 .path = "/foreign/body/",
	 .operation = "b",
	 .role = TOKEN_OPERATOR,
	 .basic = true,
	 .body_limit = LIMIT_EVENTS_BYTES,
	 .foreign = true,
	 .handler = body_post},
	{.method = "POST",
	 .path = "/body",
	 .operation = "c",
	 .role = TOKEN_OPERATOR,
	 .body_limit = LIMIT_BODY_BYTES,
	 .handler = body_post},
	{.method = "GET",
	 .path = "/things/{id}",
	 .operation = "d",
	 .role = TOKEN_VIEWER,
	 .handler = thing_get},
};
static const struct route_table table = {.rows = rows, .n = ARRAY_LEN(rows)};

static int setup(void **state)
{
	*state = fixture_start(&table, NULL);
	return 0;
}

static int teardown(void **state)
{
	fixture_stop(*state);
	return 0;
}

/* The header line of a user name and a password. */
static const char *basic(const char *scheme, const char *user, const char *password, char out[1500])
{
	char text[1000], coded[1400];
	int len = snprintf(text, sizeof text, "%s:%s", user, password);

	(void)EVP_EncodeBlock((unsigned char *)coded, (const unsigned char *)text, len);
	(void)snprintf(out, 1500, "Authorization: %s %s\r\n", scheme, coded);
	return out;
}

static void expect_status(struct answer a, int status)
{
	expect(&a, status);
	answer_free(&a);
}

static void basic_carries_a_token(void **state)
{
	static const char *const users[] = {"", "admin", "an old poller", "\xc3\xa6"};
	struct fixture *f = *state;
	char header[1500];
	struct answer a;

	for (size_t i = 0; i < ARRAY_LEN(users); i++) {
		a = ask_as(f, NULL, "GET", "/foreign/x/", basic("Basic", users[i], f->token, header), NULL,
			   0);
		expect(&a, 200);
		assert_string_equal(text_at(&a, "actor"), "root"); /* the token's name, not the user's */
		answer_free(&a);
	}
	expect_status(ask_as(f, NULL, "GET", "/foreign/x/", basic("bAsIC ", "u", f->token, header), NULL, 0),
		      200);
	expect_status(ask(f, "GET", "/foreign/x/", NULL, NULL), 200); /* Bearer too */
}

static void other_routes_refuse_basic(void **state)
{
	struct fixture *f = *state;
	char header[1500], challenge[200];
	struct answer a;

	(void)basic("Basic", "u", f->token, header);
	expect_problem(ask_as(f, NULL, "GET", "/things/1", header, NULL, 0), 401, "unauthorized", NULL);
	expect_problem(ask_as(f, NULL, "POST", "/body", header, "{}", 2), 401, "unauthorized", NULL);
	/* where nothing is, the token decides as ever */
	expect_problem(ask_as(f, NULL, "GET", "/foreign/", header, NULL, 0), 404, "not-found", NULL);
	/* and without one such a path looks like most others */
	a = ask_as(f, NULL, "GET", "/nowhere/", NULL, NULL, 0);
	assert_string_equal(answer_header(&a, "WWW-Authenticate", challenge), "Bearer realm=\"burstd\"");
	answer_free(&a);
	a = ask_as(f, NULL, "GET", "/foreign/x/", NULL, NULL, 0);
	assert_string_equal(answer_header(&a, "WWW-Authenticate", challenge),
			    "Basic realm=\"burstd\", charset=\"UTF-8\", Bearer realm=\"burstd\"");
	expect_problem(a, 401, "unauthorized", NULL);
}

/* A connection remembers the header that was accepted last; it must not open a route that refuses Basic. */
static void a_connection_remembers_no_more_than_was_shown(void **state)
{
	static const char *const paths[] = {"/foreign/x/", "/things/1", "/foreign/x/", "/nowhere",
					    "/things/1"};
	static const int statuses[] = {200, 401, 200, 404, 401};
	struct fixture *f = *state;
	int fd = client_connect(f);
	char header[1500], request[1700];

	(void)basic("Basic", "u", f->token, header);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		(void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n",
			       paths[i], header);
		client_send(fd, request, strlen(request));
		expect_status(client_read(fd, false), statuses[i]);
	}
	(void)close(fd);
}

static void the_role_is_that_of_the_token(void **state)
{
	struct fixture *f = *state;
	char viewer[64], header[1500];

	fixture_token(f, "poller", TOKEN_VIEWER, viewer);
	(void)basic("Basic", "admin", viewer, header);
	expect_status(ask_as(f, NULL, "GET", "/foreign/x/", header, NULL, 0), 200);
	expect_problem(ask_as(f, NULL, "POST", "/foreign/body/", header, "{}", 2), 403, "forbidden", NULL);
}

static void wrong_passwords_are_slowed(void **state)
{
	struct fixture *f = *state;
	char header[1500], bearer[] = "Authorization: Bearer wrong\r\n";
	const char *const wrong[] = {bearer, basic("Basic", "admin", "wrong", header)};

	for (int i = 0; i < 10; i++) /* both schemes are counted together */
		expect_problem(ask_as(f, NULL, "GET", "/foreign/x/", wrong[i % 2], NULL, 0), 401,
			       "unauthorized", NULL);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		expect_problem(ask_as(f, NULL, "GET", "/foreign/x/", wrong[i], NULL, 0), 429,
			       "too-many-requests", NULL);
	expect_status(
		ask_as(f, NULL, "GET", "/foreign/x/", basic("Basic", "admin", f->token, header), NULL, 0),
		200);
}

static void malformed_headers_are_refused(void **state)
{
	static const char *const bad[] = {"Authorization: Basic\r\n", "Authorization: Basic \r\n",
					  "Authorization: Basic ====\r\n",
					  "Authorization: Basic YWRtaW4=\r\n"};
	struct fixture *f = *state;
	char header[1500], token[70], users[900];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		expect_problem(ask_as(f, NULL, "GET", "/foreign/x/", bad[i], NULL, 0), 401, "unauthorized",
			       NULL);
	(void)basic("Basic", f->token, "", header); /* the token as the user name */
	expect_problem(ask_as(f, NULL, "GET", "/foreign/x/", header, NULL, 0), 401, "unauthorized", NULL);
	(void)snprintf(token, sizeof token, "%s:", f->token);
	(void)basic("Basic", "u", token, header);
	expect_problem(ask_as(f, NULL, "GET", "/foreign/x/", header, NULL, 0), 401, "unauthorized", NULL);
	memset(users, 'u', sizeof users);
	users[sizeof users - 1] = '\0';
	(void)basic("Basic", users, f->token, header);
	expect_status(ask_as(f, NULL, "GET", "/foreign/x/", header, NULL, 0), 200);
}

static void a_name_in_the_path(void **state)
{
	static const char *const good[] = {"i-0a1b2c3d4e5f60718", "7", "A_z", "a.b"};
	static const char *const bad[] = {"/foreign//", "/foreign/a~b/", "/foreign/a%2Fb/",
					  "/foreign/a", "/foreign/a/b/", "/foreign/%C3%A6/"};
	struct fixture *f = *state;
	char path[100];
	struct answer a;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		(void)snprintf(path, sizeof path, "/foreign/%s/", good[i]);
		a = ask(f, "GET", path, NULL, NULL);
		expect(&a, 200);
		assert_string_equal(text_at(&a, "key"), good[i]);
		answer_free(&a);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		expect_problem(ask(f, "GET", bad[i], NULL, NULL), 404, "not-found", NULL);
	(void)snprintf(path, sizeof path, "/foreign/%065d/", 1);
	expect_problem(ask(f, "GET", path, NULL, NULL), 404, "not-found", NULL);
	expect_status(ask(f, "GET", "/things/5", NULL, NULL), 200);
}

static void foreign_bodies(void **state)
{
	static const char deep[] = "{\"a\":[[[[[[[[[[1]]]]]]]]]]}", nul[] = "{\"display_name\":\"\\u0000\"}";
	struct fixture *f = *state;
	char large[LIMIT_BODY_BYTES + 100];

	expect_status(ask(f, "POST", "/foreign/body/", NULL, deep), 200);
	expect_status(ask(f, "POST", "/foreign/body/", NULL, nul), 200);
	expect_problem(ask(f, "POST", "/body", NULL, deep), 400, "bad-request", NULL);
	expect_problem(ask(f, "POST", "/body", NULL, nul), 400, "bad-request", NULL);
	(void)snprintf(large, sizeof large, "{\"a\": \"%*s\"}", LIMIT_BODY_BYTES, "x");
	expect_status(ask(f, "POST", "/foreign/body/", NULL, large), 200);
	expect_status(ask(f, "POST", "/foreign/body/", "Idempotency-Key: k\r\n", large), 200);
	expect_problem(ask(f, "POST", "/body", NULL, large), 413, "too-large", NULL);
}

/* A body without its type is taken from others; one with another type is not. */
static void foreign_types(void **state)
{
	struct fixture *f = *state;
	const char untyped[] = "POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
			       "%s\r\nContent-Length: 2\r\n\r\n{}";
	const char *const paths[] = {"/foreign/body/", "/body"};
	char request[300];

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		int fd = client_connect(f);
		int len = snprintf(request, sizeof request, untyped, paths[i], f->token);

		client_send(fd, request, (size_t)len);
		expect_status(client_read(fd, false), i ? 415 : 200);
		(void)close(fd);
		expect_problem(ask(f, "POST", paths[i], "Content-Type: text/plain\r\n", "{}"), 415,
			       "unsupported-media-type", NULL);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(basic_carries_a_token),
		TEST(other_routes_refuse_basic),
		TEST(a_connection_remembers_no_more_than_was_shown),
		TEST(the_role_is_that_of_the_token),
		TEST(wrong_passwords_are_slowed),
		TEST(malformed_headers_are_refused),
		TEST(a_name_in_the_path),
		TEST(foreign_bodies),
		TEST(foreign_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

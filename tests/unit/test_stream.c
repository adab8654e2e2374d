/* Replies that are made while they are sent: whole, cut short, not wanted, left. And which media type is chosen. */
#include "tests/unit/http_fixture.h"

static const char *const forms[] = {"text/csv", "text/plain", NULL};

/* Pieces of 1,000 bytes: 'a', 'b', ...; the one numbered `fails` does not come. */
struct letters {
	int n;
	int total;
	int fails; /* -1 = none */
};
static _Atomic int alive;

static enum err letters_next(void *self, struct buf *piece, struct error *e)
{
	struct letters *l = self;
	char text[1000];

	if (l->n == l->fails)
		return error_set(e, ERR_BUSY, "the store is gone");
	if (l->n == l->total)
		return ERR_OK;
	memset(text, 'a' + l->n % 26, sizeof text);
	buf_append(piece, text, sizeof text);
	l->n++;
	return ERR_OK;
}

static void letters_free(void *self)
{
	(void)atomic_fetch_sub(&alive, 1);
	free(self);
}

/* /letters/30: 30 pieces; /letters/1030: 30, of which the last does not come. */
static struct done *letters_get(struct req *r)
{
	struct letters *l = calloc(1, sizeof *l);

	(void)atomic_fetch_add(&alive, 1);
	l->total = (int)(r->number % 1000);
	l->fails = r->number >= 1000 ? l->total - 1 : -1;
	return reply_stream(r, &(struct stream){letters_next, letters_free, l}, r->media, "0123abcd",
			    "letters");
}

static const struct route rows[] = {
	{.method = "GET",
	 .path = "/letters/{id}",
	 .operation = "a",
	 .role = TOKEN_NONE,
	 .also = forms,
	 .handler = letters_get},
};
static const struct route_table table = {.rows = rows, .n = ARRAY_LEN(rows)};

static int setup(void **state)
{
	*state = fixture_start(&table, NULL);
	return 0;
}

/* No stream may outlive the server. */
static int teardown(void **state)
{
	fixture_stop(*state);
	return atomic_load(&alive);
}

/* Everything that comes until the server closes, NUL-terminated; the caller's. */
static char *raw_ask(struct fixture *f, const char *line, const char *headers, size_t *ret_len)
{
	char request[500], *text = calloc(1, ANSWER_MAX);
	int fd = client_connect(f);
	size_t len = 0;
	ssize_t n;

	(void)snprintf(request, sizeof request, "%s\r\nHost: 127.0.0.1\r\nConnection: close\r\n%s\r\n", line,
		       headers);
	client_send(fd, request, strlen(request));
	while (len + 1 < ANSWER_MAX && (n = recv(fd, text + len, ANSWER_MAX - 1 - len, 0)) > 0)
		len += (size_t)n;
	(void)close(fd);
	*ret_len = len;
	return text;
}

static bool is_letters(const char *body, size_t len, int pieces)
{
	for (size_t i = 0; i < len; i++)
		if (body[i] != 'a' + (int)(i / 1000) % 26)
			return false;
	return len == (size_t)pieces * 1000;
}

/* Takes the chunks apart, in place; false where the last one is missing. */
static bool unchunk(char *body, size_t *ret_len)
{
	char *from = body, *to = body, *end;
	unsigned long n;

	for (;;) {
		n = strtoul(from, &end, 16);
		if (end == from || strncmp(end, "\r\n", 2) != 0)
			break;
		from = end + 2;
		if (n == 0)
			break;
		memmove(to, from, n);
		to += n;
		from += n + 2;
	}
	*ret_len = (size_t)(to - body);
	return end != from && strncmp(end, "\r\n\r\n", 4) == 0;
}

static void all_of_it_arrives(void **state)
{
	static const int sizes[] = {1, 30, 999};
	char line[80], *text, *body;
	size_t len;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		(void)snprintf(line, sizeof line, "GET /letters/%d HTTP/1.1", sizes[i]);
		text = raw_ask(*state, line, "", &len);
		body = strstr(text, "\r\n\r\n") + 4;
		assert_non_null(strstr(text, "Transfer-Encoding: chunked"));
		assert_non_null(strstr(text, "ETag: \"0123abcd\""));
		assert_non_null(strstr(text, "Vary: Accept"));
		assert_true(unchunk(body, &len));
		assert_true(is_letters(body, len, sizes[i]));
		free(text);
	}
}

static void http_1_0_has_no_chunks(void **state)
{
	size_t len;
	char *text = raw_ask(*state, "GET /letters/200 HTTP/1.0", "", &len);
	char *body = strstr(text, "\r\n\r\n") + 4;

	assert_null(strstr(text, "Transfer-Encoding"));
	assert_true(is_letters(body, len - (size_t)(body - text), 200));
	free(text);
}

/* The last chunk is what tells a client that it has all. */
static void a_failure_is_seen_by_the_client(void **state)
{
	size_t len;
	char *text = raw_ask(*state, "GET /letters/1030 HTTP/1.1", "", &len);
	char *body = strstr(text, "\r\n\r\n") + 4;

	assert_non_null(strstr(text, "200 OK"));
	assert_false(unchunk(body, &len));
	assert_true(len <= 29000);
	free(text);
}

static void head_and_not_modified_have_no_body(void **state)
{
	static const struct {
		const char *line, *headers, *status;
	} cases[] = {
		{"HEAD /letters/30 HTTP/1.1", "", "200 OK"},
		{"GET /letters/30 HTTP/1.1", "If-None-Match: \"x\", \"0123abcd\"\r\n", "304 "},
	};
	size_t len;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = raw_ask(*state, cases[i].line, cases[i].headers, &len);

		assert_non_null(strstr(text, cases[i].status));
		assert_non_null(strstr(text, "ETag: \"0123abcd\""));
		assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
		free(text);
	}
}

/* The stream of a client that left is freed: teardown looks. */
static void a_client_may_leave(void **state)
{
	static const char request[] = "GET /letters/999 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
	char some[100];

	for (int i = 0; i < 20; i++) {
		int fd = client_connect(*state);

		client_send(fd, request, strlen(request));
		assert_true(recv(fd, some, sizeof some, 0) > 0);
		(void)close(fd);
	}
}

static void the_best_liked_form(void **state)
{
	static const struct {
		const char *accept, *media;
	} cases[] = {
		{"*/*", "application/json"},
		{"", "application/json"},
		{"text/plain", "text/plain"},
		{"text/*", "text/csv"},
		{"text/*;q=0.3, application/json;q=0.2", "text/csv"},
		{"text/plain;q=0.9, text/csv;q=0.8, application/json;q=0.9", "application/json"},
		{"*/*, application/json;q=0, text/csv;q=0", "text/plain"},
		{"text/plain;q=0.001", "text/plain"},
	};
	char headers[200], wanted[80];
	size_t len;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		(void)snprintf(headers, sizeof headers, "Accept: %s\r\n", cases[i].accept);
		(void)snprintf(wanted, sizeof wanted, "Content-Type: %s\r\n", cases[i].media);
		char *text = raw_ask(*state, "GET /letters/1 HTTP/1.1", headers, &len);

		if (!strstr(text, wanted))
			fail_msg("%s: %.300s", cases[i].accept, text);
		free(text);
	}
	expect_problem(ask(*state, "GET", "/letters/1", "Accept: text/html, text/csv;q=0\r\n", NULL), 406,
		       "not-acceptable", NULL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(all_of_it_arrives),
		T(http_1_0_has_no_chunks),
		T(a_failure_is_seen_by_the_client),
		T(head_and_not_modified_have_no_body),
		T(a_client_may_leave),
		T(the_best_liked_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Replies as gzip: who gets them, with which tag, and that they say the same. */
#include "tests/unit/http_fixture.h"

#include <zlib.h>

#include "server/http_internal.h"

#define TEXT_BYTES 20000

static _Atomic int renders;

/* About 9 kB of what repeats itself. */
static json_t *large(int64_t seq)
{
	json_t *list = json_array();

	for (int i = 0; i < 200; i++)
		(void)json_array_append_new(list,
					    json_pack("{s:i, s:s}", "id", i, "name", "a node of a platform"));
	return json_pack("{s:I, s:o}", "seq", (json_int_t)seq, "items", list);
}

static json_t *render(struct req *r, struct error *e)
{
	(void)e;
	atomic_fetch_add(&renders, 1);
	return large(req_picture(r)->seq);
}

static struct done *page_get(struct req *r)
{
	return reply_page(r, PAGE_STATUS, render);
}

static json_t *render_small(struct req *r, struct error *e)
{
	(void)e;
	return json_pack("{s:I}", "seq", (json_int_t)req_picture(r)->seq);
}

static struct done *small_get(struct req *r)
{
	return reply_page(r, PAGE_NODES, render_small);
}

static struct done *thing_get(struct req *r)
{
	return reply_value(r, 200, large(0));
}

static struct done *thing_patch(struct req *r)
{
	struct error e;
	json_t *present = large(0);
	enum err err = req_if_match(r, present, &e);

	json_decref(present);
	return err ? reply_error(r, &e) : reply_value(r, 200, large(0));
}

static struct done *text_get(struct req *r)
{
	char *text = malloc(TEXT_BYTES);

	memset(text, 'x', TEXT_BYTES);
	return reply_bytes(r, "text/plain", text, TEXT_BYTES);
}

static struct done *broken_get(struct req *r)
{
	struct error e;

	(void)error_set(&e, ERR_NOT_FOUND, "%s", "nothing");
	return reply_error(r, &e);
}

static const struct route rows[] = {
	{.method = "GET", .path = "/page", .operation = "a", .role = TOKEN_VIEWER, .handler = page_get},
	{.method = "GET", .path = "/small", .operation = "b", .role = TOKEN_VIEWER, .handler = small_get},
	{.method = "GET", .path = "/thing", .operation = "c", .role = TOKEN_VIEWER, .handler = thing_get},
	{.method = "PATCH",
	 .path = "/thing",
	 .operation = "d",
	 .role = TOKEN_OPERATOR,
	 .body_limit = 256,
	 .handler = thing_patch},
	{.method = "POST", .path = "/thing", .operation = "e", .role = TOKEN_OPERATOR, .handler = thing_get},
	{.method = "GET",
	 .path = "/text",
	 .operation = "f",
	 .role = TOKEN_VIEWER,
	 .media = "text/plain",
	 .handler = text_get},
	{.method = "GET", .path = "/broken", .operation = "g", .role = TOKEN_VIEWER, .handler = broken_get},
};
static const struct route_table table = {.rows = rows, .n = ARRAY_LEN(rows)};

static int setup(void **state)
{
	*state = fixture_start(&table, NULL);
	atomic_store(&renders, 0);
	return 0;
}

static int teardown(void **state)
{
	fixture_stop(*state);
	return 0;
}

/* RFC 9110 12.5.3, and its examples. */
static void test_preference(void **state)
{
	static const char *const yes[] = {"gzip",
					  "x-gzip",
					  "GZip",
					  "gzip, deflate, br",
					  "br;q=1.0, gzip;q=0.2",
					  "compress;q=0.5, gzip;q=1.0",
					  "*",
					  "*;q=0.1",
					  "gzip;q=1.0, identity; q=0.5, *;q=0",
					  "gzip;q=0.001",
					  "identity;q=0, gzip;q=0.1",
					  "identity;q=0.5, gzip;\tq=0.5",
					  " ,, gzip ,"};
	static const char *const no[] = {NULL,
					 "",
					 "identity",
					 "deflate, br",
					 "gzip;q=0",
					 "gzip;q=0.0",
					 "gzip; q=0.000, *",
					 "gzip;\tQ=0",
					 "*;q=0",
					 "gzip2",
					 "identity, gzip;q=0.9",
					 "identity;q=0.6, *;q=0.5",
					 "x;gzip",
					 "\"gzip\"",
					 "gzip;q=-1",
					 "gzip;q=nan"};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(yes); i++)
		if (!encoding_prefers_gzip(yes[i]))
			fail_msg("%s takes gzip", yes[i]);
	for (i = 0; i < ARRAY_LEN(no); i++)
		if (encoding_prefers_gzip(no[i]))
			fail_msg("%s does not take gzip", no[i] ? no[i] : "no header");
}

/* The bytes of a gzip'ed body, malloc'ed. */
static char *unpacked(const struct answer *a, size_t *ret_len)
{
	z_stream z = {.next_in = (Bytef *)a->body, .avail_in = (uInt)a->body_len};
	char *out = malloc(ANSWER_MAX);

	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	z.next_out = (Bytef *)out;
	z.avail_out = ANSWER_MAX;
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	*ret_len = z.total_out;
	(void)inflateEnd(&z);
	return out;
}

#define GZIP "Accept-Encoding: gzip\r\n"

static void expect_header(const struct answer *a, const char *name, const char *value)
{
	char text[200];

	assert_string_equal(answer_header(a, name, text), value);
}

/* Both forms of one resource, and the four ways of asking whether they are still the right ones. */
static void both_forms(struct fixture *f, const char *path)
{
	struct answer plain = ask(f, "GET", path, NULL, NULL);
	struct answer gzip = ask(f, "GET", path, GZIP, NULL);
	char plain_tag[200], gzip_tag[200], if_plain[300], if_gzip[300];
	struct answer a;
	size_t len;
	char *text;

	expect(&plain, 200);
	expect(&gzip, 200);
	expect_header(&plain, "Content-Encoding", "");
	expect_header(&plain, "Vary", "Accept-Encoding");
	expect_header(&gzip, "Content-Encoding", "gzip");
	expect_header(&gzip, "Vary", "Accept-Encoding");
	text = unpacked(&gzip, &len);
	assert_int_equal(len, plain.body_len);
	assert_memory_equal(text, plain.body, len);
	assert_true(gzip.body_len < plain.body_len / 4);
	free(text);

	answer_header(&plain, "ETag", plain_tag);
	answer_header(&gzip, "ETag", gzip_tag);
	assert_string_not_equal(plain_tag, gzip_tag);
	assert_int_equal(gzip_tag[0], '"');
	(void)snprintf(if_plain, sizeof if_plain, "If-None-Match: %s\r\n", plain_tag);
	(void)snprintf(if_gzip, sizeof if_gzip, GZIP "If-None-Match: \"x\", %s\r\n", gzip_tag);
	a = ask(f, "GET", path, if_plain, NULL);
	expect(&a, 304);
	expect_header(&a, "ETag", plain_tag);
	expect_header(&a, "Vary", "Accept-Encoding");
	answer_free(&a);
	a = ask(f, "GET", path, if_gzip, NULL);
	expect(&a, 304);
	assert_int_equal(a.body_len, 0);
	expect_header(&a, "ETag", gzip_tag);
	expect_header(&a, "Vary", "Accept-Encoding");
	expect_header(&a, "Content-Encoding", "");
	answer_free(&a);
	/* a tag of the other form is no tag of this one */
	(void)snprintf(if_gzip, sizeof if_gzip, "If-None-Match: %s\r\n", gzip_tag);
	a = ask(f, "GET", path, if_gzip, NULL);
	expect(&a, 200);
	answer_free(&a);
	(void)snprintf(if_plain, sizeof if_plain, GZIP "If-None-Match: %s\r\n", plain_tag);
	a = ask(f, "GET", path, if_plain, NULL);
	expect(&a, 200);
	answer_free(&a);

	a = ask(f, "HEAD", path, GZIP, NULL);
	expect(&a, 200);
	assert_int_equal(header_number(a.head, "\r\nContent-Length: "), (long)gzip.body_len);
	expect_header(&a, "Content-Encoding", "gzip");
	expect_header(&a, "ETag", gzip_tag);
	answer_free(&a);
	a = ask(f, "GET", path, "Accept-Encoding: gzip;q=0, *\r\n", NULL);
	expect_header(&a, "Content-Encoding", "");
	expect_header(&a, "ETag", plain_tag);
	answer_free(&a);
	answer_free(&plain);
	answer_free(&gzip);
}

static void test_page(void **state)
{
	struct fixture *f = *state;
	struct answer a, b;
	char tag[200], later[200];

	both_forms(f, "/page");
	assert_int_equal(atomic_load(&renders), 1); /* one picture, one rendering, whatever the form */
	a = ask(f, "GET", "/page", GZIP, NULL);
	b = ask(f, "GET", "/page", GZIP, NULL);
	assert_int_equal(a.body_len, b.body_len);
	assert_memory_equal(a.body, b.body, a.body_len);
	answer_header(&a, "ETag", tag);
	answer_free(&a);
	answer_free(&b);
	fixture_publish(f, picture_empty(2));
	a = ask(f, "GET", "/page", GZIP, NULL);
	assert_string_not_equal(answer_header(&a, "ETag", later), tag);
	answer_free(&a);
	assert_int_equal(atomic_load(&renders), 2);
	both_forms(f, "/page");
}

static void test_other_replies(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	both_forms(f, "/thing");
	both_forms(f, "/text");
	a = ask(f, "GET", "/small", GZIP, NULL);
	expect(&a, 200);
	expect_header(&a, "Content-Encoding", "");
	expect_header(&a, "Vary", "Accept-Encoding"); /* it may grow */
	assert_int_equal(json_integer_value(at(&a, "seq")), 1);
	answer_free(&a);
	expect_problem(ask(f, "GET", "/broken", GZIP, NULL), 404, "not-found", NULL);
	/* not a read: a POST may answer with a secret beside what its sender chose */
	a = ask(f, "POST", "/thing", GZIP, NULL);
	expect(&a, 200);
	expect_header(&a, "Content-Encoding", "");
	expect_header(&a, "Vary", "");
	answer_free(&a);
}

/* Who has read the gzip'ed form may base a change on its tag. */
static void test_change(void **state)
{
	struct fixture *f = *state;
	struct answer a = ask(f, "GET", "/thing", GZIP, NULL);
	char tag[200], header[300];

	answer_header(&a, "ETag", tag);
	answer_free(&a);
	(void)snprintf(header, sizeof header, GZIP "If-Match: %s\r\n", tag);
	a = ask(f, "PATCH", "/thing", header, "{}");
	expect(&a, 200);
	expect_header(&a, "Content-Encoding", "");
	answer_free(&a);
	(void)snprintf(header, sizeof header, "If-Match: W/%s\r\n", tag);
	expect_problem(ask(f, "PATCH", "/thing", header, "{}"), 412, "precondition-failed", NULL);
	tag[3] = tag[3] == 'a' ? 'b' : 'a';
	(void)snprintf(header, sizeof header, "If-Match: %s\r\n", tag);
	expect_problem(ask(f, "PATCH", "/thing", header, "{}"), 412, "precondition-failed", NULL);
}

static void *hammer(void *arg)
{
	struct fixture *f = arg;

	for (int i = 0; i < 60; i++) {
		struct answer a = ask(f, "GET", "/page", i % 2 ? GZIP : NULL, NULL);

		if (a.status != 200)
			abort();
		answer_free(&a);
	}
	return NULL;
}

static void test_many_at_once(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[6];
	size_t i;

	for (i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, f), 0);
	for (int64_t seq = 2; seq < 100; seq++)
		fixture_publish(f, picture_empty(seq));
	for (i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_preference),
		cmocka_unit_test_setup_teardown(test_page, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_replies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_at_once, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

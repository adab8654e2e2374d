/* Paging of Infinity's lists, and the attempts of one GET. */
#define _GNU_SOURCE /* asprintf */
#include "tests/unit/infinity_fake.h"

#include "base/limits.h"

#define SHARDS    API "status/v1/conference_shard/"
#define FIRST     SHARDS "?limit=500"
#define NEXT(at)  SHARDS "?limit=2&offset=" #at
#define SHARD(id) "{\"id\":\"" #id "\",\"node\":\"10.0.0.1\"}"
#define PAGE(limit, next, total, objects)                                                                    \
	"{\"meta\":{\"limit\":" #limit ",\"next\":" next                                                     \
	",\"offset\":0,\"previous\":null,\"total_count\":" #total "},\"objects\":[" objects "]}"
#define TO(path) "\"" path "\""

struct bench {
	struct fake *fake;
	struct infinity_client *client;
	struct arena *arena;
	struct rows rows;
	struct upstream_error e;
};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	b->fake = fake_new();
	b->client = fake_client(b->fake);
	b->arena = arena_new(1 << 20);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	infinity_rows_free(&b->rows);
	arena_free(b->arena);
	infinity_client_free(b->client);
	free(b->fake);
	free(b);
	return 0;
}

static bool read_list(struct bench *b, enum infinity_list_id list)
{
	return infinity_list_read(b->client, &infinity_lists[list], b->arena, &b->rows, &b->e);
}

static void expect_whole(struct bench *b, size_t n, size_t requests)
{
	if (!read_list(b, LIST_shard))
		fail_msg("%s", b->e.message);
	assert_string_equal(b->rows.partial, "");
	assert_int_equal(b->rows.n, n);
	assert_int_equal(b->fake->n_sent, requests);
}

static void expect_partial(struct bench *b, const char *why, size_t n, size_t requests)
{
	assert_true(read_list(b, LIST_shard));
	assert_string_equal(b->rows.partial, why);
	assert_int_equal(b->rows.n, n);
	assert_int_equal(b->fake->n_sent, requests);
}

static void expect_wrong(struct bench *b, const char *words)
{
	assert_false(read_list(b, LIST_shard));
	assert_int_equal(b->e.class, UPSTREAM_OPERATOR);
	assert_string_equal(b->e.issue, "infinity_answer");
	if (!strstr(b->e.message, words) || !strstr(b->e.message, "status/conference_shard"))
		fail_msg("'%s' is not about '%s'", b->e.message, words);
	assert_true(b->e.remedy[0]);
}

static void test_one_page(void **state)
{
	struct bench *b = *state;

	fake_get(b->fake, FIRST, PAGE(500, "null", 2, SHARD(a) "," SHARD(b)));
	expect_whole(b, 2, 1);
	assert_string_equal(b->fake->sent[0].url, BASE FIRST);
	assert_string_equal(b->fake->sent[0].user, "api");
	assert_string_equal(((struct shard_row *)b->rows.items)[1].node, "10.0.0.1");
}

static void test_empty_list(void **state)
{
	fake_get(((struct bench *)*state)->fake, FIRST, PAGE(500, "null", 0, ""));
	expect_whole(*state, 0, 1);
}

/* The server cuts the limit: its own `next` is followed, as a path and as an address of the same server. */
static void test_follows_next(void **state)
{
	struct bench *b = *state;

	fake_get(b->fake, FIRST, PAGE(2, TO(NEXT(2)), 5, SHARD(a) "," SHARD(b)));
	fake_get(b->fake, NEXT(2), PAGE(2, TO(BASE NEXT(4)), 5, SHARD(c) "," SHARD(d)));
	fake_get(b->fake, NEXT(4), PAGE(2, "null", 5, SHARD(e)));
	expect_whole(b, 5, 3);
}

static void test_foreign_next_refused(void **state)
{
	static const char *const foreign[] = {
		"https://evil.example.org" NEXT(2),
		"https://manager.example.com.evil.org" NEXT(2),
		"https://manager.example.com@evil.org" NEXT(2),
		"http://manager.example.com" NEXT(2),
		"//evil.example.org" NEXT(2),
		API "status/v1/participant/?limit=2&offset=2",
		API "configuration/v1/conference_shard/?limit=2",
		API "status/v1/conference_share/?limit=2&offset=2", /* as long as the right one */
		SHARDS "../participant/?limit=2",
		SHARDS,
		SHARDS "?limit=2 HTTP/1.1",
		SHARDS "?limit=2\\r\\nX: y",
		SHARDS "?limit=2#x",
		"",
	};

	for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
		char page[600];

		assert_int_equal(setup(state), 0);
		struct bench *b = *state;

		(void)snprintf(page, sizeof page, PAGE(2, "\"%s\"", 5, SHARD(a) "," SHARD(b)), foreign[i]);
		fake_get(b->fake, FIRST, page);
		expect_wrong(b, "next page");
		assert_int_equal(b->fake->n_sent, 1);
		teardown(state);
	}
}

static void test_moved_once_is_read_again(void **state)
{
	struct bench *b = *state;

	fake_get_once(b->fake, FIRST, 200, PAGE(500, "null", 3, SHARD(a) "," SHARD(b)));
	fake_get(b->fake, FIRST, PAGE(500, "null", 3, SHARD(a) "," SHARD(b) "," SHARD(c)));
	expect_whole(b, 3, 2);
}

static void test_count_mismatch_is_partial(void **state)
{
	struct bench *b = *state;

	fake_get(b->fake, FIRST, PAGE(500, "null", 3, SHARD(a) "," SHARD(b)));
	expect_partial(b, "2 of 3 objects arrived", 2, 2);
}

static void test_more_than_announced_is_partial(void **state)
{
	fake_get(((struct bench *)*state)->fake, FIRST, PAGE(500, "null", 1, SHARD(a) "," SHARD(b)));
	expect_partial(*state, "2 of 1 objects arrived", 2, 2);
}

static void test_changed_length_is_partial(void **state)
{
	struct bench *b = *state;

	/* One left page 1: another slipped past the offset, and yet the count fits. */
	fake_get(b->fake, FIRST, PAGE(2, TO(NEXT(2)), 4, SHARD(a) "," SHARD(b)));
	fake_get(b->fake, NEXT(2), PAGE(2, "null", 3, SHARD(d)));
	expect_partial(b, "its length changed from 4 to 3", 3, 4);
}

static void test_duplicate_is_partial(void **state)
{
	struct bench *b = *state;

	fake_get(b->fake, FIRST, PAGE(2, TO(NEXT(2)), 3, SHARD(a) "," SHARD(b)));
	fake_get(b->fake, NEXT(2), PAGE(2, "null", 3, SHARD(b) "," SHARD(c)));
	expect_partial(b, "an object came twice", 3, 4);
}

static void test_half_a_page_is_partial(void **state)
{
	struct bench *b = *state;

	fake_get(b->fake, FIRST, PAGE(2, TO(NEXT(2)), 2, SHARD(a)));
	fake_get(b->fake, NEXT(2), PAGE(2, "null", 2, SHARD(b)));
	expect_partial(b, "a page in the middle was short", 2, 4);
}

static void test_circle_ends(void **state)
{
	struct bench *b = *state;

	fake_get(b->fake, FIRST, PAGE(2, TO(NEXT(2)), 9, SHARD(a) "," SHARD(b)));
	fake_get(b->fake, NEXT(2), PAGE(2, TO(NEXT(2)), 9, SHARD(a) "," SHARD(b)));
	expect_partial(b, "an object came twice", 2, 4);
}

static void test_empty_page_with_next_ends(void **state)
{
	fake_get(((struct bench *)*state)->fake, FIRST, PAGE(2, TO(NEXT(2)), 9, ""));
	expect_partial(*state, "a page in the middle was short", 0, 2);
}

static char *endless(const char *path)
{
	const char *at = strstr(path, "offset=");
	int offset = at ? (int)strtol(at + 7, NULL, 10) : 0;
	char *ret = NULL;

	assert_true(asprintf(&ret, PAGE(1, TO(SHARDS "?limit=1&offset=%d"), 1000000, "{\"id\":%d}"),
			     offset + 1, offset) > 0);
	return ret;
}

static void test_page_cap(void **state)
{
	struct bench *b = *state;

	b->fake->make = endless;
	expect_wrong(b, "more than 200 pages");
	assert_int_equal(b->fake->n_sent, LIMIT_INFINITY_PAGES);
}

static void test_wrong_shapes(void **state)
{
	static const struct {
		const char *body;
		const char *words;
	} cases[] = {
		{"", "empty"},
		{"{", "not JSON"},
		{"[]", "not a list"},
		{"{\"objects\":[]}", "not a list"},
		{"{\"meta\":{\"total_count\":0},\"objects\":{}}", "not a list"},
		{"{\"meta\":{},\"objects\":[]}", "total_count"},
		{"{\"meta\":{\"total_count\":\"0\"},\"objects\":[]}", "total_count"},
		{"{\"meta\":{\"total_count\":-1},\"objects\":[]}", "total_count"},
		{"{\"meta\":{\"total_count\":0,\"next\":7},\"objects\":[]}", "next"},
		{PAGE(500, "null", 1, "7"), "not an object"},
		{PAGE(500, "null", 1, "{}"), "no \"id\""},
		{PAGE(500, "null", 1, "{\"id\":null}"), "no \"id\""},
		{PAGE(500, "null", 1, "{\"id\":\"\"}"), "no \"id\""},
		{PAGE(500, "null", 1, "{\"id\":\"x7\",\"node\":[]}"),
		 "object x7: field \"node\" is a list, not a text"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(setup(state), 0);
		struct bench *b = *state;

		fake_get(b->fake, FIRST, cases[i].body);
		expect_wrong(b, cases[i].words);
		assert_int_equal(b->fake->n_sent, 1); /* a wrong answer is not asked for again */
		teardown(state);
	}
}

static void test_depth_refused(void **state)
{
	struct bench *b = *state;
	char page[4000] = "{\"meta\":{\"total_count\":1},\"objects\":[{\"id\":1,\"x\":";

	memset(page + strlen(page), '[', 1000);
	fake_get(b->fake, FIRST, page);
	expect_wrong(b, "nested deeper than 32");
}

static void test_duplicate_keys_tolerated(void **state)
{
	struct bench *b = *state;

	fake_get(b->fake, FIRST,
		 PAGE(500, "null", 1, "{\"id\":1,\"node\":\"10.0.0.9\",\"node\":\"10.0.0.2\"}"));
	expect_whole(b, 1, 1);
	assert_string_equal(((struct shard_row *)b->rows.items)[0].node, "10.0.0.2");
}

static void test_unkeyed_list(void **state)
{
	struct bench *b = *state;

	fake_get(b->fake, API "status/v1/licensing/?limit=500",
		 PAGE(500, "null", 1, "{\"port_count\":1,\"port_total\":2}"));
	assert_true(read_list(b, LIST_licence));
	assert_int_equal(b->rows.n, 1);
	assert_int_equal(((struct licence_row *)b->rows.items)[0].total, 2);
}

static void test_arena_cap(void **state)
{
	struct bench *b = *state;
	_cleanup_(arena_freep) struct arena *tiny = arena_new(64);
	char page[3000];
	char name[2000];

	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	(void)snprintf(page, sizeof page, PAGE(500, "null", 1, "{\"id\":1,\"node\":\"%s\"}"), name);
	fake_get(b->fake, FIRST, page);
	assert_false(infinity_list_read(b->client, &infinity_lists[LIST_shard], tiny, &b->rows, &b->e));
	assert_string_equal(b->e.code, "too_large");
}

/* Attempts */

static void test_retries_on_html_500_and_silence(void **state)
{
	struct bench *b = *state;

	fake_route(b->fake, (struct route){.path = FIRST,
					   .status = 500,
					   .body = "<html><h1>Server Error</h1></html>",
					   .content_type = "text/html; charset=utf-8",
					   .times = 1});
	fake_route(b->fake, (struct route){.path = FIRST, .status = 0, .times = 1});
	fake_get(b->fake, FIRST, PAGE(500, "null", 0, ""));
	expect_whole(b, 0, 3);
	assert_int_equal(b->fake->n_pauses, 2);
	assert_in_range(b->fake->pauses[0], 0, 1000);
	assert_in_range(b->fake->pauses[1], 0, 2000);
}

static void test_three_attempts(void **state)
{
	struct bench *b = *state;

	fake_route(b->fake, (struct route){.path = FIRST,
					   .status = 503,
					   .body = "<html>\x01\x1b[31m</html>",
					   .content_type = "text/html"});
	assert_false(read_list(b, LIST_shard));
	assert_int_equal(b->fake->n_sent, 3);
	assert_int_equal(b->fake->n_pauses, 2);
	assert_int_equal(b->e.class, UPSTREAM_RETRY);
	assert_int_equal(b->e.http_status, 503);
	assert_string_equal(b->e.issue, "infinity_unavailable");
	assert_null(strchr(b->e.message, '\x1b'));
}

static void test_login_page_is_not_an_answer(void **state)
{
	struct bench *b = *state;

	fake_route(b->fake, (struct route){.path = FIRST, .status = 200, .body = "\n <!DOCTYPE html>"});
	assert_false(read_list(b, LIST_shard));
	assert_string_equal(b->e.issue, "infinity_unavailable");
	assert_string_equal(b->e.code, "html_answer");
}

static void test_throttled(void **state)
{
	struct bench *b = *state;

	fake_route(b->fake, (struct route){.path = FIRST, .status = 429, .retry_after_ms = 7000, .times = 1});
	fake_get(b->fake, FIRST, PAGE(500, "null", 0, ""));
	expect_whole(b, 0, 2);
	assert_int_equal(b->fake->pauses[0], 7000);
}

static void test_long_throttle_is_the_callers(void **state)
{
	struct bench *b = *state;

	fake_route(b->fake, (struct route){.path = FIRST, .status = 429, .retry_after_ms = 60000});
	assert_false(read_list(b, LIST_shard));
	assert_int_equal(b->fake->n_sent, 1);
	assert_int_equal(b->e.class, UPSTREAM_THROTTLED);
	assert_string_equal(b->e.issue, "infinity_throttled");
	assert_int_equal(b->e.retry_after_ms, 60000);
}

static void test_waits_are_scaled(void **state)
{
	struct bench *b = *state;

	b->client->time_scale = 100;
	fake_route(b->fake, (struct route){.path = FIRST, .status = 429, .retry_after_ms = 7000, .times = 1});
	fake_get(b->fake, FIRST, PAGE(500, "null", 0, ""));
	expect_whole(b, 0, 2);
	assert_int_equal(b->fake->pauses[0], 70);
}

static void test_failure_in_a_later_page_fails_the_list(void **state)
{
	struct bench *b = *state;

	fake_get(b->fake, FIRST, PAGE(2, TO(NEXT(2)), 3, SHARD(a) "," SHARD(b)));
	fake_route(b->fake, (struct route){.path = NEXT(2), .status = 502});
	assert_false(read_list(b, LIST_shard));
	assert_int_equal(b->fake->n_sent, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
/* These run through several benches of their own. */
#define TEST_ALONE(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_page),
		TEST(test_empty_list),
		TEST(test_follows_next),
		TEST_ALONE(test_foreign_next_refused),
		TEST(test_moved_once_is_read_again),
		TEST(test_count_mismatch_is_partial),
		TEST(test_more_than_announced_is_partial),
		TEST(test_changed_length_is_partial),
		TEST(test_duplicate_is_partial),
		TEST(test_half_a_page_is_partial),
		TEST(test_circle_ends),
		TEST(test_empty_page_with_next_ends),
		TEST(test_page_cap),
		TEST_ALONE(test_wrong_shapes),
		TEST(test_depth_refused),
		TEST(test_duplicate_keys_tolerated),
		TEST(test_unkeyed_list),
		TEST(test_arena_cap),
		TEST(test_retries_on_html_500_and_silence),
		TEST(test_three_attempts),
		TEST(test_login_page_is_not_an_answer),
		TEST(test_throttled),
		TEST(test_long_throttle_is_the_callers),
		TEST(test_waits_are_scaled),
		TEST(test_failure_in_a_later_page_fails_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

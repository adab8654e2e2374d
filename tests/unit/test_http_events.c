/* Replies without an end: sleeping, waking, being cut off, and the end of the server while many sleep. */
#include "tests/unit/http_fixture.h"

#include <sys/resource.h>

#include "base/limits.h"

#define LISTENERS 50
#define PICTURES  20

static _Atomic int streams;      /* made and not freed */
static _Atomic bool out_of_luck; /* the next look for news fails */

/* Tells of each picture by its number, once. */
struct teller {
	const struct app *app;
	int64_t told;
};

static enum err teller_next(void *self, struct buf *piece, struct error *e)
{
	struct teller *t = self;
	struct picture *p = t->app->picture(t->app->self);

	if (p->seq != t->told)
		buf_printf(piece, "<%lld>", (long long)p->seq);
	t->told = p->seq;
	picture_unref(p);
	return atomic_load(&out_of_luck) ? error_set(e, ERR_INTERNAL, "no luck") : ERR_OK;
}

static void teller_free(void *self)
{
	(void)atomic_fetch_sub(&streams, 1);
	free(self);
}

static struct done *tell(struct req *r)
{
	struct teller *t = calloc(1, sizeof *t);

	t->app = r->app;
	(void)atomic_fetch_add(&streams, 1);
	return reply_events(r, &(struct stream){teller_next, teller_free, t});
}

static struct done *greet(struct req *r)
{
	return reply_value(r, 200, json_object());
}

static const struct route rows[] = {
	{.method = "GET",
	 .path = "/tell",
	 .operation = "a",
	 .role = TOKEN_OPERATOR,
	 .media = "text/event-stream",
	 .handler = tell},
	{.method = "GET", .path = "/greet", .operation = "b", .role = TOKEN_NONE, .handler = greet},
};
static const struct route_table table = {.rows = rows, .n = ARRAY_LEN(rows)};

static int setup(void **state)
{
	*state = fixture_start(&table, NULL);
	atomic_store(&out_of_luck, false);
	return 0;
}

/* The streams of all listeners are freed with the server at the latest. */
static int teardown(void **state)
{
	if (*state)
		fixture_stop(*state);
	assert_int_equal(atomic_load(&streams), 0);
	return 0;
}

/* --- a listener -------------------------------------------------------------------------------------------------- */

struct listener {
	int fd;
	char text[64 * 1024];
	size_t len;
};

static void listen_as(struct fixture *f, struct listener *l, const char *token)
{
	char request[300];

	*l = (struct listener){.fd = client_connect(f)};
	(void)snprintf(request, sizeof request,
		       "GET /tell HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", token);
	client_send(l->fd, request, strlen(request));
}

/* One more piece of what was sent; false at the end. */
static bool hear(struct listener *l)
{
	ssize_t n = recv(l->fd, l->text + l->len, sizeof l->text - 1 - l->len, 0);

	if (n > 0)
		l->len += (size_t)n;
	return n > 0;
}

static void hear_until(struct listener *l, const char *word)
{
	while (!strstr(l->text, word))
		if (!hear(l))
			fail_msg("it ended before %s: %s", word, l->text);
}

/* Hears the end; whether it is that of a whole body (RFC 9112 7.1), not a broken connection. */
static bool ends_well(struct listener *l)
{
	while (hear(l))
		;
	(void)close(l->fd);
	return l->len > 5 && strcmp(l->text + l->len - 5, "0\r\n\r\n") == 0;
}

/* --- tests ------------------------------------------------------------------------------------------------------- */

/* Everybody is told of the last picture, of none twice, and the end of the server is the end of each body. */
static void test_sleep_wake_end(void **state)
{
	struct fixture *f = *state;
	struct listener *all = calloc(LISTENERS, sizeof *all);
	const char *place, *next;
	char word[24];
	int i;

	for (i = 0; i < 100; i++) {
		struct answer a = ask(f, "GET", "/greet", NULL, NULL);

		assert_int_equal(a.status, 200);
		answer_free(&a);
	}
	for (i = 0; i < LISTENERS; i++)
		listen_as(f, &all[i], f->token);
	for (i = 0; i < LISTENERS; i++)
		hear_until(&all[i], "<1>");
	for (i = 2; i <= PICTURES; i++) {
		fixture_publish(f, picture_empty(i));
		(void)snprintf(word, sizeof word, "<%d>", i);
		hear_until(&all[i % LISTENERS], word); /* so that it is no single wake-up */
	}
	for (i = 0; i < LISTENERS; i++)
		hear_until(&all[i], "<20>");
	fixture_stop(f);
	*state = NULL;
	for (i = 0; i < LISTENERS; i++) {
		assert_true(ends_well(&all[i]));
		for (place = strchr(all[i].text, '<'); (next = strchr(place + 1, '<')); place = next)
			assert_true(strtol(next + 1, NULL, 10) > strtol(place + 1, NULL, 10));
	}
	free(all);
}

/* A failure is no end: the client must not take it for all there was. */
static void test_failure_is_no_end(void **state)
{
	struct fixture *f = *state;
	struct listener *l = calloc(1, sizeof *l);

	listen_as(f, l, f->token);
	hear_until(l, "<1>");
	atomic_store(&out_of_luck, true);
	fixture_publish(f, picture_empty(2));
	assert_false(ends_well(l));
	free(l);
}

static void take_back(struct fixture *f, const char *name)
{
	_cleanup_(freep) struct token_row *tokens = NULL;
	struct error e;
	size_t n, i;

	assert_int_equal(store_tokens(fixture_store(f), &tokens, &n, &e), ERR_OK);
	for (i = 0; i < n; i++)
		if (strcmp(tokens[i].name, name) == 0)
			assert_int_equal(store_token_revoke(fixture_store(f), tokens[i].id, NOW_MS, &e),
					 ERR_OK);
	http_reload_tokens(f->server);
}

static void test_revoked_token(void **state)
{
	struct fixture *f = *state;
	struct listener *all = calloc(2, sizeof *all);

	fixture_token(f, "eve", TOKEN_OPERATOR, f->operator);
	http_reload_tokens(f->server);
	listen_as(f, &all[0], f->token);
	listen_as(f, &all[1], f->operator);
	hear_until(&all[0], "<1>");
	hear_until(&all[1], "<1>");
	take_back(f, "eve");
	assert_true(ends_well(&all[1]));
	fixture_publish(f, picture_empty(2));
	hear_until(&all[0], "<2>");
	(void)close(all[0].fd);
	free(all);
}

static void test_one_too_many(void **state)
{
	struct rlimit files;
	struct fixture *f = *state;
	struct answer a;
	int *all = calloc(LIMIT_LISTENERS, sizeof *all);
	struct listener *l = calloc(1, sizeof *l);
	int i;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	for (i = 0; i < LIMIT_LISTENERS; i++) {
		listen_as(f, l, f->token);
		hear_until(l, "<1>");
		all[i] = l->fd;
	}
	a = ask(f, "GET", "/tell", NULL, NULL);
	assert_int_equal(a.status, 503);
	answer_free(&a);
	a = ask(f, "GET", "/greet", NULL, NULL); /* there is room for others */
	assert_int_equal(a.status, 200);
	answer_free(&a);
	for (i = 0; i < LIMIT_LISTENERS; i++)
		(void)close(all[i]);
	free(all);
	free(l);
}

static void test_head(void **state)
{
	struct fixture *f = *state;
	struct answer a = ask(f, "HEAD", "/tell", NULL, NULL);
	char value[200];

	assert_int_equal(a.status, 200);
	assert_string_equal(answer_header(&a, "Content-Type", value), "text/event-stream");
	assert_string_equal(answer_header(&a, "Content-Length", value), "");
	assert_int_equal(a.body_len, 0);
	answer_free(&a);
}

/* --- coming and going while there is news, up to the end ------------------------------------------------------------ */

struct restless {
	struct fixture *f;
	_Atomic bool *over;
	pthread_t thread;
};

static void *come_and_go(void *arg)
{
	struct restless *r = arg;
	struct listener *l = calloc(1, sizeof *l);
	unsigned turn;

	for (turn = 0; !atomic_load(r->over); turn++) {
		listen_as(r->f, l, r->f->token);
		if (turn % 3)
			(void)hear(l);
		(void)close(l->fd);
	}
	free(l);
	return NULL;
}

static void *bring_news(void *arg)
{
	struct restless *r = arg;
	int64_t seq;

	for (seq = 2; !atomic_load(r->over); seq++)
		fixture_publish(r->f, picture_empty(seq));
	return NULL;
}

/* Nothing to see here but for the sanitizers: no race, no leak, no suspended connection that libmicrohttpd dies of. */
static void test_coming_and_going(void **state)
{
	struct fixture *f = *state;
	_Atomic bool over = false;
	struct restless all[4];
	struct listener *l = calloc(1, sizeof *l);
	char word[24];
	int i;

	for (i = 0; i < 4; i++) {
		all[i] = (struct restless){.f = f, .over = &over};
		assert_int_equal(pthread_create(&all[i].thread, NULL, i ? come_and_go : bring_news, &all[i]),
				 0);
	}
	for (i = 0; i < 200; i++) {
		listen_as(f, l, f->token);
		(void)hear(l);
		(void)close(l->fd);
	}
	atomic_store(&over, true);
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_join(all[i].thread, NULL), 0);
	fixture_publish(f, picture_empty(INT32_MAX));
	(void)snprintf(word, sizeof word, "<%d>", INT32_MAX);
	listen_as(f, l, f->token);
	hear_until(l, word);
	fixture_stop(f);
	*state = NULL;
	assert_true(ends_well(l));
	free(l);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sleep_wake_end), TEST(test_failure_is_no_end),
		TEST(test_revoked_token),  TEST(test_one_too_many),
		TEST(test_head),           TEST(test_coming_and_going),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

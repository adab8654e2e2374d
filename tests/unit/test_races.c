/*
 * Writers at once over the real HTTP stack: with If-Match exactly one wins each round, and twins with an Idempotency-Key
 * have one effect. A barrier lets both go at the same moment; what must hold does not depend on who is first.
 */
#include "tests/unit/http_fixture.h"

#include "handlers/handlers.h"

#define UPDATE_ROUNDS 1000
#define TWIN_ROUNDS   200

struct writer {
	struct fixture *f;
	pthread_barrier_t *barrier;
	const char *request;
	struct answer answer;
};

struct race {
	pthread_barrier_t barrier; /* the referee and both writers */
	struct writer writers[2];
	pthread_t threads[2];
	char requests[2][700];
};

/* Waits for the round's request, sends it on a kept connection, hands over the answer. NULL ends. */
static void *run(void *arg)
{
	struct writer *w = arg;
	int fd = client_connect(w->f);

	for (;;) {
		(void)pthread_barrier_wait(w->barrier);
		if (!w->request)
			break;
		client_send(fd, w->request, strlen(w->request));
		w->answer = client_read(fd, false);
		(void)pthread_barrier_wait(w->barrier);
	}
	(void)close(fd);
	return NULL;
}

static void race_start(struct race *race, struct fixture *f)
{
	int i;

	assert_int_equal(pthread_barrier_init(&race->barrier, NULL, 3), 0);
	for (i = 0; i < 2; i++) {
		race->writers[i] = (struct writer){.f = f, .barrier = &race->barrier};
		assert_int_equal(pthread_create(&race->threads[i], NULL, run, &race->writers[i]), 0);
	}
}

static void race_round(struct race *race)
{
	int i;

	for (i = 0; i < 2; i++)
		race->writers[i].request = race->requests[i];
	(void)pthread_barrier_wait(&race->barrier);
	(void)pthread_barrier_wait(&race->barrier);
}

static void race_end(struct race *race)
{
	int i;

	race->writers[0].request = race->writers[1].request = NULL;
	(void)pthread_barrier_wait(&race->barrier);
	for (i = 0; i < 2; i++)
		(void)pthread_join(race->threads[i], NULL);
	(void)pthread_barrier_destroy(&race->barrier);
}

static void write_request(char *out, const struct fixture *f, const char *method, const char *path,
			  const char *header, const char *body)
{
	(void)snprintf(out, 700,
		       "%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n%s\r\n"
		       "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		       method, path, f->token, header, strlen(body), body);
}

static int setup(void **state)
{
	struct route_table routes = handlers_routes();

	*state = fixture_start(&routes, NULL);
	return 0;
}

static int teardown(void **state)
{
	fixture_stop(*state);
	return 0;
}

/* The round's ETag; the value that it stands for is checked to be the last winner's. */
static void read_etag(struct fixture *f, int64_t value, char header[220])
{
	struct answer a = ask(f, "GET", "/v1/bursting", NULL, NULL);
	char etag[200];

	expect(&a, 200);
	if (value)
		assert_int_equal(json_integer_value(at(&a, "bursting_threshold")), value);
	(void)snprintf(header, 220, "If-Match: %s", answer_header(&a, "ETag", etag));
	answer_free(&a);
}

static void test_exactly_one_update_wins(void **state)
{
	struct fixture *f = *state;
	struct race race;
	char header[220], body[60];
	int64_t value = 0;
	int round, i, won;

	race_start(&race, f);
	for (round = 0; round < UPDATE_ROUNDS; round++) {
		read_etag(f, value, header);
		for (i = 0; i < 2; i++) {
			(void)snprintf(body, sizeof body, "{\"bursting_threshold\":%d}", 100 + 2 * round + i);
			write_request(race.requests[i], f, "PATCH", "/v1/bursting", header, body);
		}
		race_round(&race);
		won = race.writers[0].answer.status == 200 ? 0 : 1;
		expect(&race.writers[won].answer, 200);
		expect(&race.writers[1 - won].answer, 412);
		value = 100 + 2 * round + won;
		for (i = 0; i < 2; i++)
			answer_free(&race.writers[i].answer);
	}
	race_end(&race);
}

static void test_twins_have_one_effect(void **state)
{
	struct fixture *f = *state;
	struct race race;
	char header[80], body[80];
	struct answer a;
	int round, i, replayed;

	race_start(&race, f);
	for (round = 0; round < TWIN_ROUNDS; round++) {
		(void)snprintf(header, sizeof header, "Idempotency-Key: round-%d", round);
		(void)snprintf(body, sizeof body, "{\"name\":\"twin-%d\",\"role\":\"viewer\"}", round);
		for (i = 0; i < 2; i++)
			write_request(race.requests[i], f, "POST", "/v1/tokens", header, body);
		race_round(&race);
		replayed = 0;
		for (i = 0; i < 2; i++) {
			expect(&race.writers[i].answer, 201);
			replayed += strstr(race.writers[i].answer.head, "Idempotent-Replayed: true") != NULL;
		}
		assert_int_equal(replayed, 1);
		assert_string_equal(text_at(&race.writers[0].answer, "token"),
				    text_at(&race.writers[1].answer, "token"));
		for (i = 0; i < 2; i++)
			answer_free(&race.writers[i].answer);
	}
	race_end(&race);
	a = ask(f, "GET", "/v1/tokens?limit=500&revoked=true", NULL, NULL);
	assert_int_equal(json_array_size(at(&a, "items")), TWIN_ROUNDS + 1); /* and the root's */
	answer_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_exactly_one_update_wins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_twins_have_one_effect, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

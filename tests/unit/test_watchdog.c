/* systemd's watchdog: it gets its beat while controller and HTTP threads are heard of in time, and none while one hangs. */
#include "tests/unit/http_fixture.h"

#include <sched.h>
#include <semaphore.h>
#include <sys/un.h>

#include "base/limits.h"
#include "server/watchdog.h"
#include "server/workers.h"

/* --- what systemd gets ------------------------------------------------------------------------------------------- */

struct listening {
	char dir[64];
	char path[100];
	int fd;
};

static void listen_for_beats(struct listening *l)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	(void)snprintf(l->dir, sizeof l->dir, "/tmp/burstd-beat-XXXXXX");
	assert_non_null(mkdtemp(l->dir));
	(void)snprintf(l->path, sizeof l->path, "%s/notify", l->dir);
	(void)snprintf(at.sun_path, sizeof at.sun_path, "%s", l->path);
	l->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(l->fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", l->path, 1), 0);
}

static void listen_no_more(struct listening *l)
{
	(void)unsetenv("NOTIFY_SOCKET");
	(void)close(l->fd);
	(void)unlink(l->path);
	(void)rmdir(l->dir);
}

/* A datagram between two local sockets is there when it was sent: nothing is waited for. */
static bool heard(const struct listening *l)
{
	char text[32] = "";
	ssize_t n = recv(l->fd, text, sizeof text - 1, MSG_DONTWAIT);

	if (n > 0)
		assert_string_equal(text, "WATCHDOG=1");
	return n > 0;
}

/* --- pulses ------------------------------------------------------------------------------------------------------ */

static void test_late(void **state)
{
	struct pulse set[3] = {0};

	(void)state;
	assert_false(pulses_late(set, 3, INT64_MAX)); /* who owes nothing is never late */
	pulse_owe(&set[1], 1000);
	assert_false(pulses_late(set, 3, 999));
	assert_false(pulses_late(set, 3, 1000));
	assert_true(pulses_late(set, 3, 1001));
	assert_false(pulses_late(set, 1, 1001));
	pulse_owe(&set[1], 2000);
	assert_false(pulses_late(set, 3, 1001));
	pulse_rest(&set[1]);
	assert_false(pulses_late(set, 3, 9999));
}

static void test_taking(void **state)
{
	struct pulse set[2] = {0};
	struct pulse *a = pulse_take(set, 2, 1000);
	struct pulse *b = pulse_take(set, 2, 3000);

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	assert_ptr_not_equal(a, b);
	assert_null(pulse_take(set, 2, 5000));
	assert_true(pulses_late(set, 2, 2000));
	pulse_rest(a);
	assert_false(pulses_late(set, 2, 2000));
	assert_ptr_equal(pulse_take(set, 2, 5000), a);
}

static void test_beat(void **state)
{
	struct pulse controller = {0}, http[2] = {0};
	const struct watched rows[] = {{"controller", &controller, 1}, {"http", http, 2}};
	struct watchdog w = {.rows = rows, .n = 2};
	struct listening l;

	(void)state;
	listen_for_beats(&l);
	pulse_owe(&controller, 1000);
	assert_true(watchdog_beat(&w, 1000));
	assert_true(heard(&l));
	assert_false(watchdog_beat(&w, 1001)); /* the controller hangs */
	assert_false(watchdog_beat(&w, 5000));
	assert_false(heard(&l));
	pulse_owe(&controller, 9000); /* it was only slow */
	assert_true(watchdog_beat(&w, 5000));
	assert_true(heard(&l));
	pulse_owe(&http[1], 6000); /* one of the others hangs */
	assert_false(watchdog_beat(&w, 6001));
	assert_false(heard(&l));
	pulse_rest(&http[1]);
	assert_true(watchdog_beat(&w, 6001));
	assert_true(heard(&l));
	assert_false(heard(&l));
	listen_no_more(&l);
}

/* --- the controller ---------------------------------------------------------------------------------------------- */

/* Waits until what is owed has moved on from `before`. */
static int64_t next_due(const struct pulse *p, int64_t before)
{
	int64_t end = monotonic_ms() + MS_PER_MINUTE;
	int64_t due;

	while ((due = atomic_load(&p->due)) == before && monotonic_ms() < end)
		(void)sched_yield();
	assert_true(due != before);
	return due;
}

/* Real workers on systems that nobody is at: the controller goes on, and its word is renewed with each look. */
static void test_controller(void **state)
{
	char dir[] = "/tmp/burstd-workers-XXXXXX", name[] = "burstd", state_dir[100];
	char url[] = "BURSTD_INFINITY_URL=http://127.0.0.1:9", user[] = "BURSTD_INFINITY_USER=u",
	     password[] = "BURSTD_INFINITY_PASSWORD=p", region[] = "BURSTD_AWS_REGIONS=eu-west-1",
	     ec2[] = "BURSTD_EC2_ENDPOINT=http://127.0.0.1:9", level[] = "BURSTD_LOG_LEVEL=error";
	char *argv[] = {name, NULL}, *envp[] = {url, user, password, region, ec2, level, state_dir, NULL};
	_cleanup_(config_freep) struct config *config = NULL;
	struct workers *workers = NULL;
	const struct pulse *pulse;
	int64_t begun, due;
	struct error e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(state_dir, sizeof state_dir, "BURSTD_STATE_DIR=%s", dir);
	assert_int_equal(config_load(1, argv, envp, &config, &e), ERR_OK);
	log_setup(config_log_level(config), false);
	begun = monotonic_ms();
	if (workers_start(config, fixture_key, &workers, &e))
		fail_msg("workers: %s", e.detail);
	pulse = workers_pulse(workers);
	due = next_due(pulse, 0);
	assert_true(due >= begun + LIMIT_STEP_MS);
	workers_wake(workers);
	assert_true(next_due(pulse, due) >= begun + LIMIT_STEP_MS);
	assert_false(pulses_late(pulse, 1, monotonic_ms()));
	/* were it never heard of again, it would be late soon */
	assert_true(pulses_late(pulse, 1, monotonic_ms() + 10 * MS_PER_MINUTE));
	workers_stop(workers);
	(void)nftw(dir, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- HTTP -------------------------------------------------------------------------------------------------------- */

static sem_t inside, go_on;

static struct done *hang_get(struct req *r)
{
	(void)sem_post(&inside);
	(void)sem_wait(&go_on);
	return reply_empty(r, 204);
}

static enum err hang_next(void *self, struct buf *piece, struct error *e)
{
	bool *done = self;

	(void)e;
	if (*done)
		return ERR_OK;
	*done = true;
	(void)sem_post(&inside);
	(void)sem_wait(&go_on);
	buf_puts(piece, "x");
	return ERR_OK;
}

static struct done *stream_get(struct req *r)
{
	return reply_stream(r, &(struct stream){hang_next, free, calloc(1, sizeof(bool))}, "text/plain", "0",
			    "x");
}

static const struct route rows[] = {
	{.method = "GET", .path = "/hang", .operation = "a", .role = TOKEN_VIEWER, .handler = hang_get},
	{.method = "GET",
	 .path = "/stream",
	 .operation = "b",
	 .role = TOKEN_VIEWER,
	 .media = "text/plain",
	 .handler = stream_get},
};
static const struct route_table table = {.rows = rows, .n = ARRAY_LEN(rows)};

struct asking {
	struct fixture *f;
	const char *path;
	int status;
};

static void *ask_it(void *arg)
{
	struct asking *a = arg;
	struct answer answer = ask(a->f, "GET", a->path, NULL, NULL);

	a->status = answer.status;
	answer_free(&answer);
	return NULL;
}

static void hang_at(struct fixture *f, const char *path, int status)
{
	struct asking a = {.f = f, .path = path};
	size_t n;
	const struct pulse *pulses = http_pulses(f->server, &n);
	int64_t begun = monotonic_ms();
	pthread_t thread;

	assert_false(pulses_late(pulses, n, INT64_MAX));
	assert_int_equal(pthread_create(&thread, NULL, ask_it, &a), 0);
	while (sem_wait(&inside) != 0)
		;
	assert_false(pulses_late(pulses, n, begun + LIMIT_STEP_MS - 1));
	assert_true(pulses_late(pulses, n,
				monotonic_ms() + LIMIT_STEP_MS + 1)); /* a minute later, still in there */
	(void)sem_post(&go_on);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(a.status, status);
	while (pulses_late(pulses, n,
			   INT64_MAX)) /* it has its reply before the thread is out of the handler */
		(void)sched_yield();
}

static void test_http(void **state)
{
	struct fixture *f = fixture_start(&table, NULL);

	(void)state;
	(void)sem_init(&inside, 0, 0);
	(void)sem_init(&go_on, 0, 0);
	hang_at(f, "/hang", 204);
	hang_at(f, "/stream", 200);
	fixture_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_late), cmocka_unit_test(test_taking),
					   cmocka_unit_test(test_beat), cmocka_unit_test(test_controller),
					   cmocka_unit_test(test_http)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Prometheus' text format: escaping, numbers, histograms; and the figures of the process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/process.h"
#include "handlers/exposition.h"

static void expect_text(struct buf *b, const char *wanted)
{
	assert_false(b->failed);
	assert_string_equal(b->data, wanted);
	buf_free(b);
}

static void labels_are_escaped(void **state)
{
	struct buf b = BUF_INIT(4096);

	(void)state;
	expo_sample(&b, "m", LABELS({"a", "q\" b\\ n\n"}, {"b", "\xc3\x98 \xff."}, {"c", ""}, {"d", NULL}),
		    1);
	expect_text(&b, "m{a=\"q\\\" b\\\\ n\\n\",b=\"\xc3\x98 ?.\",c=\"\",d=\"\"} 1\n");
}

static void helps_keep_their_quotes(void **state)
{
	struct buf b = BUF_INIT(4096);

	(void)state;
	expo_family(&b, "m", EXPO_COUNTER, "a \"b\" \\ c\nd");
	expect_text(&b, "# HELP m a \"b\" \\\\ c\\nd\n# TYPE m counter\n");
}

static void numbers(void **state)
{
	const struct {
		double value;
		const char *text;
	} cases[] = {
		{0, "m 0\n"},
		{-3, "m -3\n"},
		{1e12, "m 1000000000000\n"},
		{0.25, "m 0.25\n"},
		{1767250800.125, "m 1767250800.125\n"},
		{1e300, "m 1e+300\n"},
		{INFINITY, "m +Inf\n"},
		{-INFINITY, "m -Inf\n"},
		{NAN, "m NaN\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf b = BUF_INIT(4096);

		expo_sample(&b, "m", NULL, cases[i].value);
		expect_text(&b, cases[i].text);
	}
}

static void histograms_add_up(void **state)
{
	static const double bounds[] = {0.5, 2};
	static const uint64_t counts[] = {3, 0, 4};
	const struct histogram h = {.bounds = bounds, .n = 2, .counts = counts, .sum = 11.5};
	struct buf b = BUF_INIT(4096);

	(void)state;
	expo_histogram(&b, "m", &(struct label){"o", "x"}, &h);
	expect_text(&b, "m_bucket{o=\"x\",le=\"0.5\"} 3\nm_bucket{o=\"x\",le=\"2\"} 3\n"
			"m_bucket{o=\"x\",le=\"+Inf\"} 7\nm_sum{o=\"x\"} 11.5\nm_count{o=\"x\"} 7\n");
	expo_histogram(&b, "m", NULL, &h);
	expect_text(&b, "m_bucket{le=\"0.5\"} 3\nm_bucket{le=\"2\"} 3\nm_bucket{le=\"+Inf\"} 7\nm_sum 11.5\n"
			"m_count 7\n");
}

static void the_process_knows_itself(void **state)
{
	struct process_figures before = process_figures(), after;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	after = process_figures();
	assert_true(fd >= 0);
	assert_int_equal(after.open_fds, before.open_fds + 1);
	(void)close(fd);
	assert_int_equal(process_figures().open_fds, before.open_fds);
	assert_true(before.max_fds > before.open_fds);
	assert_true(before.threads >= 1 && before.threads < 10);
	assert_true(before.resident_bytes > 100000 && before.virtual_bytes > before.resident_bytes);
	assert_true(before.cpu_seconds >= 0 && after.cpu_seconds >= before.cpu_seconds);
	assert_true(before.started_at < (double)time(NULL) + 2);
	assert_true(before.started_at > (double)time(NULL) - 3600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_are_escaped),
		cmocka_unit_test(helps_keep_their_quotes),
		cmocka_unit_test(numbers),
		cmocka_unit_test(histograms_add_up),
		cmocka_unit_test(the_process_knows_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

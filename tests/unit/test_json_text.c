/* JSON written by hand is what jansson would have written, and never anything that is not JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/clock.h"
#include "handlers/json_text.h"

static void assert_same(const char *text)
{
	struct buf b = BUF_INIT(1 << 20);
	json_t *value = json_string(text);
	char *wanted = json_dumps(value, JSON_ENCODE_ANY);

	assert_non_null(wanted);
	json_put_text(&b, text);
	assert_string_equal(b.data, wanted);
	free(wanted);
	json_decref(value);
	buf_free(&b);
}

static void texts_as_jansson_writes_them(void **state)
{
	char every[0x80];

	(void)state;
	for (int c = 1; c < 0x80; c++)
		every[c - 1] = (char)c;
	every[0x7f] = '\0';
	assert_same("");
	assert_same("plain");
	assert_same(every);
	assert_same("\"\\/");
	assert_same("Tromsø, 東京, 🛰");
	assert_same("ends with a quote\"");
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Whatever the bytes are, the result is one JSON string. */
static void any_bytes_make_a_string(void **state)
{
	uint32_t seed = 7;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct buf b = BUF_INIT(1 << 20);
		char text[24];
		size_t len = next_random(&seed) % (sizeof(text) - 1);
		json_t *back;

		for (size_t i = 0; i < len; i++)
			text[i] = (char)(1 + next_random(&seed) % 255);
		text[len] = '\0';
		json_put_text(&b, text);
		back = json_loads(b.data, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
		if (!json_is_string(back))
			fail_msg("no JSON: %s", b.data);
		json_decref(back);
		buf_free(&b);
	}
}

static void broken_bytes_are_shown_as_such(void **state)
{
	struct buf b = BUF_INIT(100);

	(void)state;
	json_put_text(&b, "a\xff\xc3");
	assert_string_equal(b.data, "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
	buf_free(&b);
}

static void numbers_times_and_nothing(void **state)
{
	struct buf b = BUF_INIT(1000);

	(void)state;
	json_put_int(&b, 0);
	json_put_raw(&b, " ");
	json_put_int(&b, INT64_MIN);
	json_put_raw(&b, " ");
	json_put_int(&b, INT64_MAX);
	json_put_raw(&b, " ");
	json_put_id(&b, 0);
	json_put_id(&b, 7);
	json_put_raw(&b, " ");
	json_put_text(&b, NULL);
	json_put_time(&b, 0);
	json_put_time(&b, 1767250800007);
	json_put_raw(&b, " ");
	json_put_stored(&b, NULL);
	json_put_stored(&b, "");
	json_put_stored(&b, "{\"a\":1}");
	assert_string_equal(b.data, "0 -9223372036854775808 9223372036854775807 null7 "
				    "nullnull\"2026-01-01T07:00:00.007Z\" nullnull{\"a\":1}");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_as_jansson_writes_them),
		cmocka_unit_test(any_bytes_make_a_string),
		cmocka_unit_test(broken_bytes_are_shown_as_such),
		cmocka_unit_test(numbers_times_and_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

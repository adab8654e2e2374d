/* Tests of base/: failure words, arena, buffer, times, crypto, log records. */
#define _GNU_SOURCE /* memmem */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/utf8.h"

/* --- err --- */

static void err_fills_and_returns_the_code(void **state)
{
	struct error e;

	(void)state;
	assert_int_equal(error_set(&e, ERR_CONFLICT, "node %d is busy", 7), ERR_CONFLICT);
	assert_int_equal(e.code, ERR_CONFLICT);
	assert_string_equal(e.detail, "node 7 is busy");
	assert_string_equal(e.pointer, "");
	assert_int_equal(error_field(&e, ERR_BAD_REQUEST, "/count", "must be %s", "positive"),
			 ERR_BAD_REQUEST);
	assert_string_equal(e.pointer, "/count");
	assert_int_equal(error_set(NULL, ERR_BUSY, "nobody listens"), ERR_BUSY);
}

static void err_cuts_long_words(void **state)
{
	char text[1000];
	struct error e;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	error_field(&e, ERR_BAD_REQUEST, text, "%s", text);
	assert_int_equal(strlen(e.detail), sizeof(e.detail) - 1);
	assert_int_equal(strlen(e.pointer), sizeof(e.pointer) - 1);
}

static void err_table(void **state)
{
	(void)state;
	assert_int_equal(err_http_status(ERR_OK), 200);
	assert_int_equal(err_http_status(ERR_MISDIRECTED), 421);
	assert_string_equal(err_slug(ERR_PRECONDITION), "precondition-failed");
	assert_string_equal(err_title(ERR_NOT_FOUND), "No such resource");
	assert_int_equal(err_http_status((enum err) - 999), 500);
}

static void tidied(const char *in, const char *out)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%s", in);
	utf8_tidy(text);
	assert_string_equal(text, out);
}

static void utf8_tidying(void **state)
{
	struct error e;

	(void)state;
	tidied("", "");
	tidied("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z", "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z");
	tidied("a\xffz", "a?z");
	tidied("a\nb\tc\x7f\x1b[0m", "a b c  [0m");
	tidied("\xc0\xaf", "??");           /* overlong */
	tidied("\xed\xa0\x80z", "???z");    /* surrogate */
	tidied("\xc2\x85z", "??z");         /* C1 */
	tidied("\xf4\x90\x80\x80", "????"); /* above U+10FFFF */
	tidied("abc\xe2\x82", "abc");
	tidied("abc\xf0\x9f\x98", "abc");
	tidied("abc\xe2z", "abc?z");
	tidied("\x80z", "?z");
	error_set(&e, ERR_BAD_REQUEST, "%399s%s", "", "\xc3\xa9"); /* the buffer ends within the letter */
	assert_int_equal(strlen(e.detail), 399);
	assert_int_equal(e.detail[398], ' ');
	error_set(&e, ERR_BAD_REQUEST, "%398s%s", "", "\xc3\xa9");
	assert_int_equal(strlen(e.detail), 398);
}

/* --- arena --- */

static void arena_gives_zeroed_aligned_memory(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t size = 1; size < 3000; size += 37) {
		unsigned char *p = arena_alloc(a, size);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xee, size);
		assert_string_equal(arena_strdup(a, "odd"), "odd"); /* leaves the next address unaligned */
	}
	assert_false(arena_overflowed(a));
}

static void arena_keeps_its_cap(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new(10000);
	size_t got = 0;

	(void)state;
	while (arena_alloc(a, 96))
		got += 96;
	assert_true(got <= 10000);
	assert_true(got > 9000);
	assert_true(arena_overflowed(a));
	assert_int_equal(arena_used(a), got);

	_cleanup_(arena_freep) struct arena *whole = arena_new(100000);

	assert_non_null(arena_alloc(whole, 100000));
	assert_false(arena_overflowed(whole));
	assert_null(arena_alloc(whole, 1));
	assert_true(arena_overflowed(whole));
}

static void arena_refuses_overflowing_sizes(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new(1000);

	(void)state;
	assert_null(arena_array(a, SIZE_MAX / 2, 3));
	assert_true(arena_overflowed(a));
	assert_null(arena_alloc(a, SIZE_MAX));
	assert_null(arena_strndup(a, "x", SIZE_MAX));
	assert_non_null(arena_array(a, 10, 10)); /* an overflow is remembered, but small requests still fit */
	arena_free(NULL);
}

static void arena_text(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new(100000);
	char big[9000];

	(void)state;
	memset(big, 'b', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_null(arena_strdup(a, NULL));
	assert_null(arena_strndup(a, NULL, 5));
	assert_string_equal(arena_strdup(a, ""), "");
	assert_string_equal(arena_strndup(a, "abcdef", 3), "abc");
	assert_string_equal(arena_printf(a, "%s-%d", "n", 42), "n-42");
	assert_string_equal(arena_printf(a, "%s", big), big);
	assert_string_equal(arena_strdup(a, big), big);
}

/* --- buf --- */

static void buf_grows_up_to_its_maximum(void **state)
{
	struct buf b = BUF_INIT(10);

	(void)state;
	buf_append(&b, "01234", 5);
	buf_puts(&b, "56789");
	assert_string_equal(b.data, "0123456789");
	assert_false(b.failed);
	buf_puts(&b, "");
	assert_false(b.failed);
	buf_puts(&b, "x");
	assert_true(b.failed);
	assert_string_equal(b.data, "0123456789");
	buf_reset(&b);
	assert_false(b.failed);
	assert_int_equal(b.len, 0);
	assert_string_equal(b.data, "");
	buf_free(&b);
	assert_null(b.data);
	assert_int_equal(b.max, 10);
	buf_puts(&b, "again");
	assert_string_equal(b.data, "again");
	buf_wipe(&b);
	assert_null(b.data);
}

static void buf_failed_appends_do_nothing(void **state)
{
	struct buf b = BUF_INIT(4);

	(void)state;
	buf_puts(&b, "ab");
	buf_printf(&b, "%d", 12345);
	buf_puts(&b, "c"); /* would fit, but a half text must not look whole */
	assert_true(b.failed);
	assert_string_equal(b.data, "ab");
	buf_free(&b);
}

static void buf_large_content(void **state)
{
	struct buf b = BUF_INIT(100000);

	(void)state;
	for (int i = 0; i < 20000; i++)
		buf_printf(&b, "%05d", i);
	assert_false(b.failed);
	assert_int_equal(b.len, 100000);
	assert_memory_equal(b.data + 99995, "19999", 6);
	buf_append(&b, "", 1);
	assert_true(b.failed);
	buf_free(&b);
}

static void buf_appends_bytes_with_zeroes(void **state)
{
	struct buf b = BUF_INIT(100);

	(void)state;
	buf_append(&b, NULL, 0);
	assert_string_equal(b.data, "");
	buf_append(&b, "a\0b", 3);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "a\0b", 4);
	buf_free(&b);
}

static size_t cleansed; /* bytes, by the library's function, which this one stands in for */

void OPENSSL_cleanse(void *at, size_t len)
{
	explicit_bzero(at, len);
	cleansed += len;
}

/* All memory that it ever had: where growing moved it, and where it ended. */
static void buf_secret_leaves_nothing_behind(void **state)
{
	struct buf b = {.max = 100000, .secret = true};
	struct buf plain = BUF_INIT(100000);
	size_t had = 0;

	(void)state;
	cleansed = 0;
	for (int i = 0; i < 9000; i++) {
		size_t cap = b.cap;

		buf_printf(&b, "%05d", i);
		buf_printf(&plain, "%05d", i);
		had += b.cap != cap ? cap : 0;
		assert_int_equal(cleansed, had);
	}
	assert_true(had > 256);
	assert_string_equal(b.data, plain.data);
	assert_int_equal(b.len, 45000);
	had += b.cap;
	buf_free(&b);
	buf_free(&plain);
	assert_int_equal(cleansed, had);
	assert_true(b.secret);
	assert_int_equal(b.max, 100000);
	buf_puts(&plain, "x");
	buf_wipe(&plain);
	assert_int_equal(cleansed, had + 256);
}

static void buf_urlencodes(void **state)
{
	struct buf b = BUF_INIT(100);

	(void)state;
	buf_put_urlencoded(&b, "AZaz09-._~ +/=&:\xc3\xa9");
	assert_string_equal(b.data, "AZaz09-._~%20%2B%2F%3D%26%3A%C3%A9");
	buf_free(&b);
	b.max = 4;
	buf_put_urlencoded(&b, "a b");
	assert_true(b.failed);
	buf_free(&b);
}

/* --- times --- */

static int64_t parsed(const char *text)
{
	int64_t ms = -1;

	if (time_parse(text, &ms))
		fail_msg("not read as a time: %s", text);
	return ms;
}

static void time_forms_of_infinity_and_ec2(void **state)
{
	const int64_t t = 1762247553000; /* 2025-11-04T09:12:33Z */

	(void)state;
	assert_int_equal(parsed("2025-11-04T09:12:33.104512+00:00"), t + 104);
	assert_int_equal(parsed("2025-11-04T09:12:33.104512Z"), t + 104);
	assert_int_equal(parsed("2025-11-04T09:12:33.104512"), t + 104);
	assert_int_equal(parsed("2025-11-04T09:12:33"), t);
	assert_int_equal(parsed("2025-11-04T09:12:33Z"), t);
	assert_int_equal(parsed("2025-11-04T09:12:33+00:00"), t);
	assert_int_equal(parsed("2025-11-04T09:12:33.000Z"), t);
	assert_int_equal(parsed("2025-11-04T10:12:33.5+01:00"), t + 500);
	assert_int_equal(parsed("2025-11-04T03:42:33-05:30"), t);
	assert_int_equal(parsed("2025-11-04t09:12:33z"), t);
	assert_int_equal(parsed("2025-11-04 09:12:33.12345678901234567890"), t + 123);
	assert_int_equal(parsed("1970-01-01T00:00:00"), 0);
	assert_int_equal(parsed("1969-12-31T23:59:59.999Z"), -1);
	assert_int_equal(parsed("2000-02-29T00:00:00Z"), 951782400000);
	assert_int_equal(parsed("2016-12-31T23:59:60Z"), parsed("2017-01-01T00:00:00Z"));
}

static void time_refuses_what_is_no_time(void **state)
{
	static const char *const wrong[] = {
		"",
		"Never",
		"null",
		"2025",
		"2025-11-04",
		"09:12:33",
		"2025-11-04T09:12",
		"2025-11-04T09:12:33.",
		"2025-11-04T09:12:33.Z",
		"2025-11-04T09:12:33ZZ",
		"2025-11-04T09:12:33 ",
		" 2025-11-04T09:12:33",
		"2025-13-04T09:12:33",
		"2025-00-04T09:12:33",
		"2025-02-29T09:12:33",
		"1900-02-29T00:00:00",
		"2025-04-31T09:12:33",
		"2025-11-00T09:12:33",
		"2025-11-04T24:12:33",
		"2025-11-04T09:60:33",
		"2025-11-04T09:12:61",
		"2025-11-04T09:12:33+1:00",
		"2025-11-04T09:12:33+24:00",
		"2025-11-04T09:12:33+01:60",
		"2025-11-04T09:12:33+",
		"2025-11-04X09:12:33",
		"-025-11-04T09:12:33",
		"2025-11-04T09:12:3\xd9\xa3",
	};
	int64_t ms = 42;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		if (time_parse(wrong[i], &ms) == 0)
			fail_msg("read as a time: %s", wrong[i]);
	assert_int_equal(time_parse(NULL, &ms), -1);
	assert_int_equal(ms, 42); /* untouched on failure */
}

static void times_that_clients_give(void **state)
{
	static const char *const right[] = {"2025-11-04T09:12:33Z", "2025-11-04t09:12:33.5z",
					    "2025-11-04T09:12:33.123456789+00:00",
					    "2025-11-04T10:42:33+01:30", "2025-11-04T04:12:33-05:00"};
	static const char *const wrong[] = {"2025-11-04T09:12:33",
					    "2025-11-04T09:12:33.123456",
					    "2025-11-04 09:12:33Z",
					    "2025-11-04T09:12:33+01:60",
					    "",
					    "Z"};
	int64_t ms = 42;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		if (time_parse_rfc3339(wrong[i], &ms) == 0)
			fail_msg("read as a time: %s", wrong[i]);
	assert_int_equal(ms, 42); /* untouched on failure */
	for (size_t i = 0; i < ARRAY_LEN(right); i++) {
		assert_int_equal(time_parse_rfc3339(right[i], &ms), 0);
		assert_int_equal(ms / MS_PER_SECOND, 1762247553);
	}
}

static void time_texts(void **state)
{
	char text[TIME_TEXT_SIZE];

	(void)state;
	assert_string_equal(time_rfc3339(1762247553104, text), "2025-11-04T09:12:33.104Z");
	assert_string_equal(time_rfc3339(0, text), "1970-01-01T00:00:00.000Z");
	assert_string_equal(time_rfc3339(-1, text), "1969-12-31T23:59:59.999Z");
	assert_string_equal(time_rfc3339(INT64_MAX, text), "9999-12-31T23:59:59.999Z");
	assert_string_equal(time_rfc3339(INT64_MIN, text), "0000-01-01T00:00:00.000Z");
	assert_string_equal(time_infinity(1762247553104, text), "2025-11-04T09:12:33.104000");
}

static void time_round_trip(void **state)
{
	char text[TIME_TEXT_SIZE];

	(void)state;
	/* A step prime to a day visits all times of day and month ends, 1680 to 2540. */
	for (int64_t ms = -9147483648123; ms < 18000000000000; ms += 86399999 * 11LL) {
		assert_int_equal(parsed(time_rfc3339(ms, text)), ms);
		assert_int_equal(parsed(time_infinity(ms, text)), ms);
	}
}

static void time_of_http(void **state)
{
	int64_t ms = 42;

	(void)state;
	assert_int_equal(time_parse_http("Sun, 06 Nov 1994 08:49:37 GMT", &ms), 0);
	assert_int_equal(ms, 784111777000);
	assert_int_equal(time_parse_http("Sunday, 06-Nov-94 08:49:37 GMT", &ms), -1);
	assert_int_equal(time_parse_http("Sun, 06 Nov 1994 08:49:37 UTC", &ms), -1);
	assert_int_equal(time_parse_http("Sun, 31 Feb 1994 08:49:37 GMT", &ms), -1);
	assert_int_equal(time_parse_http("Sun, 06 Nov 1994 08:49:37 GMT ", &ms), -1);
	assert_int_equal(time_parse_http("Sun, 06 Nov 1994 08:49:37", &ms), -1);
	assert_int_equal(time_parse_http("", &ms), -1);
	assert_int_equal(time_parse_http(NULL, &ms), -1);
}

static void dates_and_clock_times(void **state)
{
	static const char *const no_dates[] = {"",         "2026-02-29",  "2026-13-01",
					       "2026-1-1", "2026-01-01 ", "2026-01-01T00:00:00Z",
					       "20260101"};
	static const char *const no_clocks[] = {"",           "24:00",  "8:00", "08:60", "08:00:60",
						"08:00:00.5", "08:00Z", "0800", "08:00:"};
	char text[DATE_TEXT_SIZE], clock[CLOCK_TEXT_SIZE];
	int64_t date = 42;
	int seconds = 42;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(no_dates); i++)
		assert_int_equal(date_parse(no_dates[i], &date), -1);
	for (size_t i = 0; i < ARRAY_LEN(no_clocks); i++)
		assert_int_equal(clock_parse(no_clocks[i], &seconds), -1);
	assert_int_equal(date, 42);
	assert_int_equal(seconds, 42);
	for (int64_t d = 10957; d <= 84005; d += 17) { /* 2000 to 2199 */
		assert_int_equal(date_parse(date_text(d, text), &date), 0);
		assert_int_equal(date, d);
	}
	assert_string_equal(date_text(20454, text), "2026-01-01");
	for (int s = 0; s < 86400; s += 59) {
		assert_int_equal(clock_parse(clock_text(s, clock), &seconds), 0);
		assert_int_equal(seconds, s);
	}
	assert_int_equal(clock_parse("08:30", &seconds), 0);
	assert_string_equal(clock_text(seconds, clock), "08:30:00");
}

static void clocks_run(void **state)
{
	int64_t us = monotonic_us();

	(void)state;
	assert_true(clock_now(&clock_system) > 1700000000000);
	assert_true(monotonic_us() >= us);
	assert_true(monotonic_ms() >= us / 1000);
}

/* --- crypto --- */

static void crypto_hash(void **state)
{
	char hex[SHA256_HEX_SIZE];

	(void)state;
	sha256_hex("abc", 3, hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256_hex(NULL, 0, hex);
	assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* RFC 4648 10, and what it is not. */
static void crypto_base64(void **state)
{
	static const char *const good[][2] = {{"", ""},
					      {"Zg==", "f"},
					      {"Zm8=", "fo"},
					      {"Zm9v", "foo"},
					      {"Zm9vYg==", "foob"},
					      {"Zm9vYmE=", "fooba"},
					      {"+/+/", "\xfb\xff\xbf"}};
	static const char *const bad[] = {
		"Z",    "Zg",   "Zg=",   "Z===",  "====", "=Zg=",
		"Zg=v", " Zm9", "Zm9v ", "Zm\nv", "Zm9-", "Zm9vZm9vZm8=" /* does not fit */};
	char out[7];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(base64_decode(good[i][0], out, sizeof(out)), strlen(good[i][1]));
		assert_string_equal(out, good[i][1]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(base64_decode(bad[i], out, sizeof(out)), -1);
}

static void crypto_random(void **state)
{
	char a[UUID_SIZE];
	char b[UUID_SIZE];
	static unsigned char bytes[200000];
	int zeroes = 0;

	(void)state;
	random_uuid(a);
	random_uuid(b);
	assert_int_equal(strlen(a), 36);
	assert_string_not_equal(a, b);
	assert_int_equal(a[14], '4');
	assert_non_null(strchr("89ab", a[19]));
	for (int i = 0; i < 1000; i++) {
		double u = random_unit();

		assert_true(u >= 0 && u < 1);
	}
	random_bytes(bytes, sizeof(bytes)); /* more than one call's worth: the end is filled, too */
	for (size_t i = sizeof(bytes) - 64; i < sizeof(bytes); i++)
		zeroes += bytes[i] == 0;
	assert_true(zeroes < 32);
	assert_true(crypto_equal("abc", "abc", 3));
	assert_false(crypto_equal("abc", "abd", 3));
}

static const uint8_t test_key[SECRET_KEY_SIZE] = {1, 2, 3};

static void secret_round_trip(void **state)
{
	static const char *const texts[] = {"", "s", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		_cleanup_(freep) uint8_t *sealed = NULL;
		char *text = NULL;
		size_t len;

		assert_int_equal(secret_seal(test_key, "settings", texts[i], &sealed, &len, NULL), ERR_OK);
		if (strlen(texts[i]) > 8) /* a short one may be there by chance */
			assert_null(memmem(sealed, len, texts[i], strlen(texts[i])));
		assert_int_equal(secret_open(test_key, "settings", sealed, len, &text, NULL), ERR_OK);
		assert_string_equal(text, texts[i]);
		secret_free(text);
	}
	secret_free(NULL);
}

static void secret_seals_differ(void **state)
{
	_cleanup_(freep) uint8_t *a = NULL;
	_cleanup_(freep) uint8_t *b = NULL;
	size_t len;

	(void)state;
	assert_int_equal(secret_seal(test_key, "l", "same", &a, &len, NULL), ERR_OK);
	assert_int_equal(secret_seal(test_key, "l", "same", &b, &len, NULL), ERR_OK);
	assert_memory_not_equal(a, b, len);
}

static void secret_refuses(const uint8_t *key, const char *label, const uint8_t *sealed, size_t len)
{
	char *text = NULL;
	struct error e = {0};

	assert_int_not_equal(secret_open(key, label, sealed, len, &text, &e), ERR_OK);
	assert_null(text);
	assert_string_not_equal(e.detail, "");
}

static void secret_tampering(void **state)
{
	static const uint8_t other_key[SECRET_KEY_SIZE] = {1, 2, 4};
	_cleanup_(freep) uint8_t *sealed = NULL;
	size_t len;

	(void)state;
	assert_int_equal(secret_seal(test_key, "row 1", "hush", &sealed, &len, NULL), ERR_OK);
	for (size_t bit = 0; bit < len * 8; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		secret_refuses(test_key, "row 1", sealed, len);
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < len; cut++)
		secret_refuses(test_key, "row 1", sealed, cut);
	secret_refuses(test_key, "row 2", sealed, len);
	secret_refuses(test_key, "", sealed, len);
	secret_refuses(other_key, "row 1", sealed, len);
}

/* --- log --- */

/* What `emit` writes to stderr. */
static void captured(void (*emit)(void), char *out, size_t size)
{
	int ends[2];
	int saved = dup(STDERR_FILENO);

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	dup2(ends[1], STDERR_FILENO);
	emit();
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(ends[1]);
	ssize_t n = read(ends[0], out, size - 1);

	out[n > 0 ? n : 0] = '\0';
	close(ends[0]);
}

static void emit_hostile(void)
{
	log_info("hi \"you\"", "node", "a\nlevel=error\r\x1b[31m\\\x7f", "none", NULL, "text",
		 "\xc3\xa9 \xff \xc2\x85 \xed\xa0\x80 \xe2\x82", "rule", "S3");
}

static void log_escapes(void **state)
{
	static const char logfmt[] =
		" level=\"info\" msg=\"hi \\\"you\\\"\" "
		"node=\"a\\nlevel=error\\u000d\\u001b[31m\\\\\\u007f\" "
		"text=\"\xc3\xa9 \\ufffd \\ufffd\\ufffd \\ufffd\\ufffd\\ufffd \\ufffd\\ufffd\" "
		"rule=\"S3\"\n";
	static const char json[] =
		",\"level\":\"info\",\"msg\":\"hi \\\"you\\\"\","
		"\"node\":\"a\\nlevel=error\\u000d\\u001b[31m\\\\\\u007f\","
		"\"text\":\"\xc3\xa9 \\ufffd \\ufffd\\ufffd \\ufffd\\ufffd\\ufffd \\ufffd\\ufffd\","
		"\"rule\":\"S3\"}\n";
	char out[8192];

	(void)state;
	log_setup(LOG_LEVEL_INFO, false);
	captured(emit_hostile, out, sizeof(out));
	assert_memory_equal(out, "time=\"20", 8);
	assert_string_equal(strchr(out, ' '), logfmt);
	log_setup(LOG_LEVEL_INFO, true);
	captured(emit_hostile, out, sizeof(out));
	assert_memory_equal(out, "{\"time\":\"20", 11);
	assert_string_equal(strchr(out, ','), json);
	log_setup(LOG_LEVEL_INFO, false);
}

static void emit_levels(void)
{
	log_debug("d");
	log_info("i");
	log_warn("w");
	log_error("e");
}

static void log_drops_lower_levels(void **state)
{
	char out[8192];

	(void)state;
	log_setup(LOG_LEVEL_WARN, false);
	captured(emit_levels, out, sizeof(out));
	log_setup(LOG_LEVEL_INFO, false);
	assert_null(strstr(out, "\"info\""));
	assert_null(strstr(out, "\"debug\""));
	assert_non_null(strstr(out, "level=\"warn\""));
	assert_non_null(strstr(out, "level=\"error\""));
}

static char long_value[5000];

static void emit_long(void)
{
	log_info("long", "first", "kept", "value", long_value, "after", "dropped");
}

static void log_cuts_long_records(void **state)
{
	char out[8192];

	(void)state;
	/* Every length near the limit: the cut falls into the value, the next key, the next value. */
	for (size_t len = 3800; len < 4999; len++) {
		memset(long_value, len % 2 ? 'v' : '\n', len);
		long_value[len] = '\0';
		log_setup(LOG_LEVEL_INFO, len % 4 > 1);
		captured(emit_long, out, sizeof(out));
		size_t n = strlen(out);

		assert_true(n <= 4096);
		assert_int_equal(out[n - 1], '\n');
		assert_non_null(strstr(out, "kept"));
		assert_ptr_equal(strchr(out, '\n'), out + n - 1);
		if (strstr(out, "dropped") && !strstr(out, "dropped\""))
			fail_msg("half a value without its end: %s", out + n - 60);
		if (!strstr(out, "dropped\""))
			assert_non_null(strstr(out, "cut"));
	}
	log_setup(LOG_LEVEL_INFO, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(err_fills_and_returns_the_code),
		cmocka_unit_test(err_cuts_long_words),
		cmocka_unit_test(err_table),
		cmocka_unit_test(utf8_tidying),
		cmocka_unit_test(arena_gives_zeroed_aligned_memory),
		cmocka_unit_test(arena_keeps_its_cap),
		cmocka_unit_test(arena_refuses_overflowing_sizes),
		cmocka_unit_test(arena_text),
		cmocka_unit_test(buf_grows_up_to_its_maximum),
		cmocka_unit_test(buf_failed_appends_do_nothing),
		cmocka_unit_test(buf_large_content),
		cmocka_unit_test(buf_appends_bytes_with_zeroes),
		cmocka_unit_test(buf_secret_leaves_nothing_behind),
		cmocka_unit_test(buf_urlencodes),
		cmocka_unit_test(time_forms_of_infinity_and_ec2),
		cmocka_unit_test(time_refuses_what_is_no_time),
		cmocka_unit_test(times_that_clients_give),
		cmocka_unit_test(time_texts),
		cmocka_unit_test(time_round_trip),
		cmocka_unit_test(time_of_http),
		cmocka_unit_test(dates_and_clock_times),
		cmocka_unit_test(clocks_run),
		cmocka_unit_test(crypto_hash),
		cmocka_unit_test(crypto_base64),
		cmocka_unit_test(crypto_random),
		cmocka_unit_test(secret_round_trip),
		cmocka_unit_test(secret_seals_differ),
		cmocka_unit_test(secret_tampering),
		cmocka_unit_test(log_escapes),
		cmocka_unit_test(log_drops_lower_levels),
		cmocka_unit_test(log_cuts_long_records),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}

/* Wrong tokens counted by address: the window, the addresses that share one, and what happens when the table is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "server/throttle.h"

#define NOW 1767250800000LL

static int wrong4(struct throttle *t, uint32_t address, int64_t now)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};

	return throttle_wrong(t, (struct sockaddr *)&in, now);
}

static int wrong6(struct throttle *t, const char *address, int64_t now)
{
	struct sockaddr_in6 in = {.sin6_family = AF_INET6};

	assert_int_equal(inet_pton(AF_INET6, address, &in.sin6_addr), 1);
	return throttle_wrong(t, (struct sockaddr *)&in, now);
}

static void window_of_a_minute(void **state)
{
	struct throttle *t = throttle_new(1);
	int i;

	(void)state;
	for (i = 0; i < THROTTLE_FAILURES; i++)
		assert_int_equal(wrong4(t, 1, NOW + i), 0);
	assert_int_equal(wrong4(t, 1, NOW + 10), 60);
	assert_int_equal(wrong4(t, 1, NOW + 30000), 30);
	assert_int_equal(wrong4(t, 1, NOW + 59999), 1);
	assert_int_equal(wrong4(t, 2, NOW + 59999), 0); /* another address */
	/* the window began with the first one, and a new one begins with the next */
	for (i = 0; i < THROTTLE_FAILURES; i++)
		assert_int_equal(wrong4(t, 1, NOW + 60000), 0);
	assert_int_equal(wrong4(t, 1, NOW + 60000), 60);
	assert_int_equal(wrong4(t, 1, NOW), 0); /* the wall clock was set back */
	assert_int_equal(throttle_wrong(t, NULL, NOW), 0);
	throttle_free(t);
}

static void window_is_scaled(void **state)
{
	struct throttle *t = throttle_new(60);
	int i;

	(void)state;
	for (i = 0; i < THROTTLE_FAILURES; i++)
		assert_int_equal(wrong4(t, 1, NOW), 0);
	assert_int_equal(wrong4(t, 1, NOW + 999), 1);
	assert_int_equal(wrong4(t, 1, NOW + 1000), 0);
	throttle_free(t);
}

static void ipv6_by_its_first_half(void **state)
{
	struct throttle *t = throttle_new(1);
	int i;

	(void)state;
	for (i = 0; i < THROTTLE_FAILURES; i++)
		assert_int_equal(wrong6(t, i % 2 ? "2001:db8::1" : "2001:db8::ffff:1", NOW), 0);
	assert_int_equal(wrong6(t, "2001:db8::7", NOW), 60);
	assert_int_equal(wrong6(t, "2001:db8:0:1::7", NOW), 0);
	throttle_free(t);
}

static void oldest_gives_way(void **state)
{
	struct throttle *t = throttle_new(1);
	uint32_t a;
	int i;

	(void)state;
	for (a = 1; a <= THROTTLE_SLOTS; a++)
		for (i = 0; i < THROTTLE_FAILURES; i++)
			assert_int_equal(wrong4(t, a, NOW + a), 0);
	assert_int_equal(wrong4(t, 1, NOW + 1000), 60);
	assert_int_equal(wrong4(t, 9999, NOW + 1000), 0); /* takes the place of 1 */
	assert_int_equal(wrong4(t, 2, NOW + 1000), 60);
	assert_int_equal(wrong4(t, THROTTLE_SLOTS, NOW + 1000), 60);
	assert_int_equal(wrong4(t, 1, NOW + 1000), 0);
	throttle_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(window_of_a_minute),
		cmocka_unit_test(window_is_scaled),
		cmocka_unit_test(ipv6_by_its_first_half),
		cmocka_unit_test(oldest_gives_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The injected clock. Everything that decides takes `now` as an argument; everything that loops takes a
 * `struct clock`, so that a test runs years in seconds. Times are int64_t milliseconds since the Unix epoch (UTC).
 */
#ifndef BURSTD_BASE_CLOCK_H
#define BURSTD_BASE_CLOCK_H

#include <stdint.h>

struct clock {
	int64_t (*now_ms)(void *self);
	void *self;
};

static inline int64_t clock_now(const struct clock *c)
{
	return c->now_ms(c->self);
}

/* The system's real-time clock. Any thread. */
extern const struct clock clock_system;

/* Milliseconds of CLOCK_MONOTONIC, for measuring how long something took. Any thread. */
int64_t monotonic_ms(void);
int64_t monotonic_us(void);

#define MS_PER_SECOND 1000LL
#define MS_PER_MINUTE 60000LL

/* RFC 3339 UTC with milliseconds and Z: "2026-01-02T03:04:05.678Z". Writes into `out` and returns it. */
#define TIME_TEXT_SIZE 32
const char *time_rfc3339(int64_t ms, char out[TIME_TEXT_SIZE]);

/* Infinity's form: "2026-01-02T03:04:05.678000", no zone. */
const char *time_infinity(int64_t ms, char out[TIME_TEXT_SIZE]);

/*
 * Reads every time form of the two upstream APIs and RFC 3339: with or without fraction (any number of digits),
 * with `Z`, `+hh:mm` or no zone (then UTC). Returns 0 and sets *ret_ms, or -1 where the text is not a time.
 */
int time_parse(const char *text, int64_t *ret_ms);

/* HTTP's IMF-fixdate ("Sun, 06 Nov 1994 08:49:37 GMT"), RFC 9110 5.6.7. Returns 0 or -1. */
int time_parse_http(const char *text, int64_t *ret_ms);

#endif

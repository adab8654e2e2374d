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
#define MS_PER_DAY    86400000LL

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

/* The same for what our own API is told: RFC 3339 as it stands, with its `T` and its zone. A local time would be a guess. */
int time_parse_rfc3339(const char *text, int64_t *ret_ms);

/*
 * A date of the calendar, without a zone, as days since 1970-01-01. date_parse reads "2026-01-31" and nothing else: 0 and
 * *ret, or -1 where the text is no date. date_text writes it into `out` and returns it.
 */
#define DATE_TEXT_SIZE sizeof("2026-01-31")
int date_parse(const char *text, int64_t *ret);
const char *date_text(int64_t date, char out[DATE_TEXT_SIZE]);

/* A time of the day without a date or a zone, in seconds since midnight: "08:00" or "08:00:30" is read, the latter written. */
#define CLOCK_TEXT_SIZE sizeof("08:00:30")
int clock_parse(const char *text, int *ret_seconds);
const char *clock_text(int seconds, char out[CLOCK_TEXT_SIZE]);

/* HTTP's IMF-fixdate ("Sun, 06 Nov 1994 08:49:37 GMT"), RFC 9110 5.6.7. Returns 0 or -1. */
int time_parse_http(const char *text, int64_t *ret_ms);

#endif

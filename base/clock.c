/*
 * Owns the system clock's port and every text form of a time. No call of localtime, strptime or setenv("TZ"):
 * they hang on process-wide state; UTC is plain arithmetic.
 */
#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MS_PER_HOUR (60 * MS_PER_MINUTE)
#define YEAR_9999   253402300799999LL   /* last millisecond of the year 9999 */
#define YEAR_0000   (-62167219200000LL) /* first one of the year 0 */

static int64_t read_clock(clockid_t id, int64_t per_second)
{
	struct timespec t;

	(void)clock_gettime(id, &t); /* cannot fail for the clocks used here */
	return (int64_t)t.tv_sec * per_second + (int64_t)t.tv_nsec / (1000000000LL / per_second);
}

static int64_t system_now(void *self)
{
	(void)self;
	return read_clock(CLOCK_REALTIME, 1000);
}

const struct clock clock_system = {.now_ms = system_now};

int64_t monotonic_ms(void)
{
	return read_clock(CLOCK_MONOTONIC, 1000);
}

int64_t monotonic_us(void)
{
	return read_clock(CLOCK_MONOTONIC, 1000000);
}

struct civil {
	int year, month, day, hour, minute, second, ms;
};

/*
 * Days since 1970-01-01 of a date in the proleptic Gregorian calendar. Years are counted from 1 March, so
 * that the leap day is the last day of a year; 400 years have 146097 days.
 */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

/* The inverse of days_of, with the time of day. */
static struct civil civil_of(int64_t ms)
{
	ms = ms < YEAR_0000 ? YEAR_0000 : ms > YEAR_9999 ? YEAR_9999 : ms;
	int64_t days = ms / MS_PER_DAY - (ms % MS_PER_DAY < 0);
	int64_t rest = ms - days * MS_PER_DAY;

	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t day_of_era = days - era * 146097;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month = (5 * day_of_year + 2) / 153;

	return (struct civil){
		.year = (int)(year_of_era + era * 400 + (month >= 10)),
		.month = (int)(month < 10 ? month + 3 : month - 9),
		.day = (int)(day_of_year - (153 * month + 2) / 5 + 1),
		.hour = (int)(rest / MS_PER_HOUR),
		.minute = (int)(rest / MS_PER_MINUTE % 60),
		.second = (int)(rest / 1000 % 60),
		.ms = (int)(rest % 1000),
	};
}

/* `digits` decimal digits and what comes behind them; returns the end. By hand: a page of history has hundreds of them. */
static char *put_number(char *out, int value, int digits, char behind)
{
	unsigned rest = (unsigned)value;

	out[digits] = behind;
	for (int i = digits; i-- > 0; rest /= 10)
		out[i] = (char)('0' + rest % 10);
	return out + digits + 1;
}

const char *time_rfc3339(int64_t ms, char out[TIME_TEXT_SIZE])
{
	struct civil c = civil_of(ms);
	char *end = put_number(out, c.year, 4, '-');

	end = put_number(end, c.month, 2, '-');
	end = put_number(end, c.day, 2, 'T');
	end = put_number(end, c.hour, 2, ':');
	end = put_number(end, c.minute, 2, ':');
	end = put_number(end, c.second, 2, '.');
	end = put_number(end, c.ms, 3, 'Z');
	*end = '\0';
	return out;
}

const char *time_infinity(int64_t ms, char out[TIME_TEXT_SIZE])
{
	time_rfc3339(ms, out);
	memcpy(out + strlen("2026-01-02T03:04:05.678"), "000", sizeof("000"));
	return out;
}

/* Exactly `digits` decimal digits at *text, which moves behind them. */
static bool take_number(const char **text, int digits, int *ret)
{
	int value = 0;

	for (int i = 0; i < digits; i++) {
		char c = (*text)[i];

		if (c < '0' || c > '9')
			return false;
		value = value * 10 + (c - '0');
	}
	*text += digits;
	*ret = value;
	return true;
}

static bool take_char(const char **text, const char *any_of)
{
	if (**text == '\0' || !strchr(any_of, **text))
		return false;
	(*text)++;
	return true;
}

static bool take_clock(const char **text, struct civil *c)
{
	return take_number(text, 2, &c->hour) && take_char(text, ":") && take_number(text, 2, &c->minute) &&
	       take_char(text, ":") && take_number(text, 2, &c->second);
}

static bool take_date(const char **text, struct civil *c)
{
	return take_number(text, 4, &c->year) && take_char(text, "-") && take_number(text, 2, &c->month) &&
	       take_char(text, "-") && take_number(text, 2, &c->day);
}

/* ".678" with any number of digits, at least one; digits behind the third are cut off. Absent is fine. */
static bool take_fraction(const char **text, int *ret_ms)
{
	int unit = 100;
	int digit;

	*ret_ms = 0;
	if (!take_char(text, "."))
		return true;
	const char *first = *text;

	while (take_number(text, 1, &digit)) {
		*ret_ms += digit * unit;
		unit /= 10;
	}
	return *text > first;
}

/* "Z", "+hh:mm" or nothing (UTC); the offset to subtract, in ms. */
static bool take_zone(const char **text, int64_t *ret_offset)
{
	int hours;
	int minutes;
	bool west = **text == '-';

	*ret_offset = 0;
	if (**text == '\0' || take_char(text, "Zz"))
		return true;
	if (!take_char(text, "+-") || !take_number(text, 2, &hours) || !take_char(text, ":") ||
	    !take_number(text, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*ret_offset = (west ? -1 : 1) * (hours * MS_PER_HOUR + minutes * MS_PER_MINUTE);
	return true;
}

static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* A leap second (":60") counts as the next second. */
static bool civil_valid(const struct civil *c)
{
	return c->month >= 1 && c->month <= 12 && c->day >= 1 && c->day <= days_in_month(c->year, c->month) &&
	       c->hour <= 23 && c->minute <= 59 && c->second <= 60;
}

static int64_t ms_of(const struct civil *c)
{
	return days_of(c->year, c->month, c->day) * MS_PER_DAY + c->hour * MS_PER_HOUR +
	       c->minute * MS_PER_MINUTE + c->second * MS_PER_SECOND + c->ms;
}

int time_parse(const char *text, int64_t *ret_ms)
{
	struct civil c = {0};
	int64_t offset;

	if (!text || !take_date(&text, &c) || !take_char(&text, "Tt ") || !take_clock(&text, &c) ||
	    !take_fraction(&text, &c.ms) || !take_zone(&text, &offset) || *text || !civil_valid(&c))
		return -1;
	*ret_ms = ms_of(&c) - offset;
	return 0;
}

/* Of a text that is a time: its last part is "Z" or "+hh:mm". */
static bool has_zone(const char *text)
{
	size_t len = strlen(text);

	return strchr("Zz", text[len - 1]) || strchr("+-", text[len - strlen("+hh:mm")]);
}

int time_parse_rfc3339(const char *text, int64_t *ret_ms)
{
	int64_t ms;

	if (time_parse(text, &ms) || !strchr("Tt", text[strlen("2026-01-31")]) || !has_zone(text))
		return -1;
	*ret_ms = ms;
	return 0;
}

int date_parse(const char *text, int64_t *ret)
{
	struct civil c = {0};

	if (!take_date(&text, &c) || *text || !civil_valid(&c))
		return -1;
	*ret = days_of(c.year, c.month, c.day);
	return 0;
}

const char *date_text(int64_t date, char out[DATE_TEXT_SIZE])
{
	char text[TIME_TEXT_SIZE];

	(void)snprintf(out, DATE_TEXT_SIZE, "%.10s", time_rfc3339(date * MS_PER_DAY, text));
	return out;
}

int clock_parse(const char *text, int *ret_seconds)
{
	struct civil c = {.year = 1970, .month = 1, .day = 1};

	if (!take_number(&text, 2, &c.hour) || !take_char(&text, ":") || !take_number(&text, 2, &c.minute))
		return -1;
	if (*text && (!take_char(&text, ":") || !take_number(&text, 2, &c.second) || *text))
		return -1;
	if (!civil_valid(&c) || c.second == 60)
		return -1;
	*ret_seconds = (int)(ms_of(&c) / MS_PER_SECOND);
	return 0;
}

const char *clock_text(int seconds, char out[CLOCK_TEXT_SIZE])
{
	char text[TIME_TEXT_SIZE];

	(void)snprintf(out, CLOCK_TEXT_SIZE, "%.8s",
		       time_rfc3339(seconds * MS_PER_SECOND, text) + strlen("1970-01-01T"));
	return out;
}

static bool take_month(const char **text, int *ret)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++) {
		if (strncmp(*text, names + (ptrdiff_t)i * 3, 3) != 0)
			continue;
		*text += 3;
		*ret = i + 1;
		return true;
	}
	return false;
}

/* The name of the day must be one, but need not fit: nothing depends on it. */
static bool take_weekday(const char **text)
{
	static const char names[] = "SunMonTueWedThuFriSat";

	for (int i = 0; i < 7; i++) {
		if (strncmp(*text, names + (ptrdiff_t)i * 3, 3) != 0)
			continue;
		*text += 3;
		return true;
	}
	return false;
}

int time_parse_http(const char *text, int64_t *ret_ms)
{
	struct civil c = {0};

	if (!text || !take_weekday(&text) || !take_char(&text, ",") || !take_char(&text, " ") ||
	    !take_number(&text, 2, &c.day) || !take_char(&text, " ") || !take_month(&text, &c.month) ||
	    !take_char(&text, " ") || !take_number(&text, 4, &c.year) || !take_char(&text, " ") ||
	    !take_clock(&text, &c) || strcmp(text, " GMT") != 0 || !civil_valid(&c))
		return -1;
	*ret_ms = ms_of(&c);
	return 0;
}

/*
 * GLib's time zones over the system's zone data. GLib answers one question here: which offset is in force at an instant. What
 * a local time means follows from that.
 */
#include "calendar/zone.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/clock.h"

#define ZONE_DIR     "/usr/share/zoneinfo"
#define NAME_MAX_LEN 64

/* zone_close gives it back as what it is. */
static GTimeZone *glib_of(struct zone *z)
{
	return (GTimeZone *)z;
}

/*
 * GLib also takes offsets ("+05:30"), POSIX rules ("EST5") and paths; only names of files of the zone data are IANA's. Two
 * directories there hold the same zones once more, and two names stand for whatever this machine uses.
 */
static bool is_name(const char *name)
{
	static const char *const others[] = {"posix/", "right/", "localtime", "posixrules"};
	char path[sizeof(ZONE_DIR) + 1 + NAME_MAX_LEN];

	if (!isalpha((unsigned char)name[0]) || strlen(name) >= NAME_MAX_LEN || strstr(name, "//"))
		return false;
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("/_+-", *c))
			return false;
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (!strncmp(name, others[i], strlen(others[i])))
			return false;
	(void)snprintf(path, sizeof(path), "%s/%s", ZONE_DIR, name);
	return g_file_test(path, G_FILE_TEST_IS_REGULAR);
}

struct zone *zone_open(const char *name)
{
	return is_name(name) ? (struct zone *)g_time_zone_new_identifier(name) : NULL;
}

void zone_close(struct zone *z)
{
	if (z)
		g_time_zone_unref(glib_of(z));
}

const char *dst_text(enum dst dst)
{
	static const char *const texts[] = {
		[DST_NONE] = "none", [DST_GAP] = "gap", [DST_OVERLAP] = "overlap"};

	return texts[dst];
}

int64_t zone_offset(struct zone *z, int64_t utc)
{
	int64_t seconds = utc / MS_PER_SECOND - (utc % MS_PER_SECOND < 0);
	gint interval = g_time_zone_find_interval(glib_of(z), G_TIME_TYPE_UNIVERSAL, seconds);

	return g_time_zone_get_offset(glib_of(z), interval) * MS_PER_SECOND;
}

/* The first instant with another offset than `from` has, up to `to`, where it is another; whole seconds. */
static int64_t change_between(struct zone *z, int64_t from, int64_t to)
{
	int64_t before = zone_offset(z, from);

	from -= from % MS_PER_SECOND;
	to -= to % MS_PER_SECOND;
	while (to - from > MS_PER_SECOND) {
		int64_t middle = from + (to - from) / 2 / MS_PER_SECOND * MS_PER_SECOND;

		if (zone_offset(z, middle) == before)
			from = middle;
		else
			to = middle;
	}
	return to;
}

#define FAR                                                                                                  \
	(2 *                                                                                                 \
	 MS_PER_DAY) /* further than any offset or gap (Samoa left out a day); nowhere do clocks change twice in four days */

int64_t zone_instant(struct zone *z, int64_t local, enum dst *ret)
{
	int64_t early = zone_offset(z, local - FAR), late = zone_offset(z, local + FAR);
	int64_t by_early = local - early, by_late = local - late;
	bool early_holds = zone_offset(z, by_early) == early, late_holds = zone_offset(z, by_late) == late;

	*ret = DST_NONE;
	if (early_holds && late_holds && by_early != by_late)
		*ret = DST_OVERLAP;
	if (early_holds)
		return by_early;
	if (late_holds)
		return by_late;
	*ret = DST_GAP;
	return change_between(z, local - FAR, local + FAR);
}

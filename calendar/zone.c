/* ICU's calendars as time zones. All their errors mean that memory is short or the data are gone; both look like UTC. */
#include "calendar/zone.h"

#include <string.h>

#include <unicode/ucal.h>
#include <unicode/ustring.h>

#define NAME_MAX_UNITS 64

/* zone_close gives it back as what it is. */
static UCalendar *calendar_of(struct zone *z)
{
	return (UCalendar *)z;
}

/*
 * Names without a slash that ICU takes over from early Java and IANA does not know. They are worse than unknown: BST is
 * Bangladesh there, IST India, CST Chicago.
 */
static bool is_java_name(const char *name)
{
	static const char java[] =
		" ACT AET AGT ART AST BET BST CAT CNT CST CTT EAT ECT IET IST JST MIT NET NST PLT PNT "
		"PRT PST SST VST ";
	const char *found = strlen(name) == 3 ? strstr(java, name) : NULL;

	return (found && found[3] == ' ') || !strncmp(name, "SystemV/", strlen("SystemV/"));
}

static bool name_units(const char *name, UChar out[NAME_MAX_UNITS])
{
	size_t len = strlen(name);

	for (size_t i = 0; i <= len && len < NAME_MAX_UNITS; i++) {
		if ((unsigned char)name[i] > 0x7e)
			return false;
		out[i] = (UChar)name[i];
	}
	return len > 0 && len < NAME_MAX_UNITS;
}

/* ICU also makes zones of its own from "GMT+5", and takes what it does not know for GMT. */
static bool is_known(const char *name, const UChar *units)
{
	UErrorCode status = U_ZERO_ERROR;
	UChar canonical[NAME_MAX_UNITS];
	UBool system_id = false;

	(void)ucal_getCanonicalTimeZoneID(units, -1, canonical, NAME_MAX_UNITS, &system_id, &status);
	return U_SUCCESS(status) && system_id && strcmp(name, "Etc/Unknown") != 0 && !is_java_name(name);
}

struct zone *zone_open(const char *name)
{
	UErrorCode status = U_ZERO_ERROR;
	UChar units[NAME_MAX_UNITS];
	UCalendar *calendar;

	if (!name_units(name, units) || !is_known(name, units))
		return NULL;
	calendar = ucal_open(units, -1, "", UCAL_GREGORIAN, &status);
	if (U_SUCCESS(status))
		return (struct zone *)calendar;
	ucal_close(calendar);
	return NULL;
}

void zone_close(struct zone *z)
{
	if (z)
		ucal_close(calendar_of(z));
}

const char *dst_text(enum dst dst)
{
	static const char *const texts[] = {
		[DST_NONE] = "none", [DST_GAP] = "gap", [DST_OVERLAP] = "overlap"};

	return texts[dst];
}

int64_t zone_offset(struct zone *z, int64_t utc)
{
	UErrorCode status = U_ZERO_ERROR;

	ucal_setMillis(calendar_of(z), (UDate)utc, &status);
	return ucal_get(calendar_of(z), UCAL_ZONE_OFFSET, &status) +
	       ucal_get(calendar_of(z), UCAL_DST_OFFSET, &status);
}

/* The last change of the zone's offset up to `utc`, that instant included. */
static int64_t change_until(struct zone *z, int64_t utc)
{
	UErrorCode status = U_ZERO_ERROR;
	UDate change = (UDate)utc;

	ucal_setMillis(calendar_of(z), (UDate)utc, &status);
	(void)ucal_getTimeZoneTransitionDate(calendar_of(z), UCAL_TZ_TRANSITION_PREVIOUS_INCLUSIVE, &change,
					     &status);
	return (int64_t)change;
}

/* The offset of a local time; where two could be meant, the one before the change (FORMER) or after it (LATTER). */
static int64_t local_offset(struct zone *z, int64_t local, UTimeZoneLocalOption option)
{
	UErrorCode status = U_ZERO_ERROR;
	int32_t standard = 0, saving = 0;

	ucal_setMillis(calendar_of(z), (UDate)local, &status);
	ucal_getTimeZoneOffsetFromLocal(calendar_of(z), option, option, &standard, &saving, &status);
	return (int64_t)standard + saving;
}

int64_t zone_instant(struct zone *z, int64_t local, enum dst *ret)
{
	int64_t before = local - local_offset(z, local, UCAL_TZ_LOCAL_FORMER);
	int64_t after = local - local_offset(z, local, UCAL_TZ_LOCAL_LATTER);

	*ret = before == after ? DST_NONE : before > after ? DST_GAP : DST_OVERLAP;
	return *ret == DST_GAP ? change_until(z, before) : before;
}

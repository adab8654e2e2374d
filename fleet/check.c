#include "fleet/check.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/clock.h"

#define SKEW_MS    (2 * MS_PER_SECOND)
#define FAR_OFF_MS (5 * MS_PER_MINUTE) /* EC2 refuses signatures that are further off */

static const struct check rows[CHECK_COUNT] = {
#define X(name, id, severity, section, page, consequence, remedy)                                            \
	[CHECK_##name] = {(id), SEVERITY_##severity, (section), (page), (consequence), (remedy)},
	CHECKS(X)
#undef X
};

const struct check *check_row(enum check_id id)
{
	return &rows[id];
}

const char *severity_text(enum severity severity)
{
	static const char *const texts[] = {
		[SEVERITY_INFO] = "info", [SEVERITY_WARNING] = "warning", [SEVERITY_ERROR] = "error"};

	return texts[severity];
}

enum check_id check_of_clocks(int64_t offset_ms)
{
	int64_t off = llabs(offset_ms);

	return off >= FAR_OFF_MS ? CHECK_CLOCK_FAR_OFF : off >= SKEW_MS ? CHECK_CLOCK_SKEW : CHECK_COUNT;
}

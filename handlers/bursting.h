/* What the files of /v1/bursting share. */
#ifndef BURSTD_HANDLERS_BURSTING_H
#define BURSTD_HANDLERS_BURSTING_H

#include "server/http.h"

/* Settings that come from elsewhere than the request's body. */
struct settings_taken {
	int threshold;        /* 0 = stays as it is */
	int lifetime_minutes; /* likewise */
	bool take_enabled;    /* false = stays as it is */
	bool enabled;
};

/*
 * Writes them as a PATCH of /v1/bursting would, with the same event, and answers with the settings, or with the plan. They are in
 * the ranges of BURSTING_NUMBERS. Needs no If-Match: what is taken does not depend on what was there.
 */
struct done *bursting_take(struct req *, const struct settings_taken *);

#endif

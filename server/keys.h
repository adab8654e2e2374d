/*
 * Whose AWS keys are used for what. Bursting: those of the settings, else the usual chain (clients/ec2/credentials.h). Life-cycle
 * operations, which may do more: their own ones of the settings, else the profile BURSTD_LIFECYCLE_AWS_PROFILE, else what bursting
 * uses. Both ask AWS by credentials objects of their own, so that one never gets the other's keys by mistake.
 */
#ifndef BURSTD_SERVER_KEYS_H
#define BURSTD_SERVER_KEYS_H

#include "clients/ec2/credentials.h"
#include "server/config.h"
#include "store/store.h"

/* The secrets among the settings; NULL = none. */
struct kept_keys {
	char *secrets[SETTINGS_SECRETS];
};
/* Reads those that are set. On failure nothing is kept. */
enum err kept_keys_read(struct store *, const struct bursting_settings *, struct kept_keys *ret,
			struct error *);
void kept_keys_clear(struct kept_keys *); /* wipes them */

/* The chain for a use, borrowed arguments as in credentials_new; NULL when out of memory. */
struct credentials *credentials_for(enum settings_secret use, const struct config *, struct transport);
/* Gives the keys of the settings to the credentials of this use, or takes back those that they had. */
void credentials_give(struct credentials *, enum settings_secret use, const struct config *,
		      const struct bursting_settings *, const struct kept_keys *);

#endif

#include "server/keys.h"

#include "base/clock.h"

enum err kept_keys_read(struct store *store, const struct bursting_settings *s, struct kept_keys *ret,
			struct error *e)
{
	const bool set[SETTINGS_SECRETS] = {
		[SETTINGS_AWS] = s->aws_access_key_id[0] && s->aws_secret_access_key_set,
		[SETTINGS_LIFECYCLE] = s->lifecycle_access_key_id[0] && s->lifecycle_secret_access_key_set,
	};
	struct kept_keys keys = {{NULL}};
	enum err err = ERR_OK;

	for (int i = 0; !err && i < SETTINGS_SECRETS; i++)
		if (set[i])
			err = store_settings_secret(store, (enum settings_secret)i, &keys.secrets[i], e);
	if (err)
		kept_keys_clear(&keys);
	*ret = keys;
	return err;
}

void kept_keys_clear(struct kept_keys *keys)
{
	for (int i = 0; i < SETTINGS_SECRETS; i++) {
		secret_free(keys->secrets[i]);
		keys->secrets[i] = NULL;
	}
}

static bool own_profile(enum settings_secret use, const struct config *c)
{
	return use == SETTINGS_LIFECYCLE && c->lifecycle_aws_profile;
}

struct credentials *credentials_for(enum settings_secret use, const struct config *c,
				    struct transport transport)
{
	const struct credentials_options o = {
		.clock = &clock_system,
		.transport = transport,
		.profile = own_profile(use, c) ? c->lifecycle_aws_profile : c->aws_profile,
		.sts_region = c->aws_regions.n ? c->aws_regions.items[0] : NULL,
		.sts_endpoint = c->sts_endpoint,
	};

	return credentials_new(&o);
}

void credentials_give(struct credentials *to, enum settings_secret use, const struct config *c,
		      const struct bursting_settings *s, const struct kept_keys *keys)
{
	if (use == SETTINGS_LIFECYCLE && keys->secrets[SETTINGS_LIFECYCLE])
		credentials_set_static(to, s->lifecycle_access_key_id, keys->secrets[SETTINGS_LIFECYCLE]);
	else if (!own_profile(use, c) && keys->secrets[SETTINGS_AWS])
		credentials_set_static(to, s->aws_access_key_id, keys->secrets[SETTINGS_AWS]);
	else
		credentials_set_static(to, NULL, NULL);
}
